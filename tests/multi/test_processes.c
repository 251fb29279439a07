/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_processes.c - examples/process_a, process_b and process_c as they are meant: each in a terminal of its own, in the
 * documents' order and in others, with each of them killed while it owns the mutex.
 *
 * MOORING_PROCESS_A, _B and _C in the environment name other builds of them.
 */
#include "tests/lib/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define MS ((int64_t)1000000)
#define START_B "Start Process B and press ENTER to continue.\r\n"
#define START_C "Start Process C and press ENTER to continue.\r\n"
#define ALL_SAY "Process A says: True\r\nProcess B says: False\r\nProcess C says: True\r\n"
#define NO_A "Memory-mapped file does not exist. Run Process A first.\r\n"
#define NO_A_NO_B "Memory-mapped file does not exist. Run Process A first, then B.\r\n"
#define ABANDONED "The mutex was abandoned: its last owner died.\r\n"

struct terminal {
	pid_t pid;
	int fd;
	size_t len;
	char text[4096];
};

static const char *program(char letter)
{
	static char path[2][256];
	char variable[32];
	const char *chosen;

	snprintf(variable, sizeof variable, "MOORING_PROCESS_%c", letter - 'a' + 'A');
	chosen = getenv(variable);
	if (chosen)
		return chosen;
	/* Not libtool's script, but what it would start: the one to be killed, or traced, is the program itself. */
	snprintf(path[0], sizeof path[0], "examples/.libs/process_%c", letter);
	snprintf(path[1], sizeof path[1], "examples/process_%c", letter);
	return access(path[0], X_OK) == 0 ? path[0] : path[1];
}

static void in_terminal(const char *path, int master, bool traced)
{
	const char *slave = ptsname(master);

	setsid();
	if (dup2(open(slave, O_RDWR), 0) < 0 || ioctl(0, TIOCSCTTY, 0) != 0)
		_exit(90);
	dup2(0, 1);
	dup2(0, 2);
	close(master);
	if (traced && ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(91);
	execl(path, path, (char *)NULL);
	_exit(92);
}

static struct terminal begin(char letter, bool traced)
{
	struct terminal terminal = {.fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
	const char *path = program(letter);
	struct termios settings;

	ck_assert_int_ge(terminal.fd, 0);
	ck_assert(grantpt(terminal.fd) == 0 && unlockpt(terminal.fd) == 0);
	ck_assert_int_eq(tcgetattr(terminal.fd, &settings), 0);
	settings.c_lflag &= ~(tcflag_t)ECHO; /* what is typed does not come back between what is printed */
	ck_assert_int_eq(tcsetattr(terminal.fd, TCSANOW, &settings), 0);
	fflush(stdout);
	terminal.pid = fork();
	ck_assert_int_ge(terminal.pid, 0);
	if (terminal.pid == 0)
		in_terminal(path, terminal.fd, traced);
	return terminal;
}

/* Reads what there is, for a little; false: there will be no more. */
static bool read_some(struct terminal *terminal)
{
	struct pollfd ready = {.fd = terminal->fd, .events = POLLIN};
	ssize_t got;

	if (poll(&ready, 1, 20) == 0)
		return true;
	got = read(terminal->fd, terminal->text + terminal->len, sizeof terminal->text - 1 - terminal->len);
	if (got <= 0) /* nobody has the other end open any more */
		return false;
	terminal->len += (size_t)got;
	terminal->text[terminal->len] = 0;
	return true;
}

static void expect(struct terminal *terminal, const char *text)
{
	const int64_t start = t_now();

	while (!strstr(terminal->text, text)) {
		if (t_now() - start > 60000 * MS || (!read_some(terminal) && !strstr(terminal->text, text)))
			ck_abort_msg("expected '%s', got '%s'", text, terminal->text);
	}
}

static void enter(struct terminal *terminal)
{
	ck_assert_int_eq(write(terminal->fd, "\n", 1), 1);
}

/* It ends by itself, with this code, having printed exactly this (NULL: whatever). */
static void ends(struct terminal *terminal, int code, const char *all)
{
	const int64_t start = t_now();
	int status;

	while (waitpid(terminal->pid, &status, WNOHANG) == 0) {
		if (t_now() - start > 60000 * MS)
			ck_abort_msg("it does not end; it has printed '%s'", terminal->text);
		(void)read_some(terminal);
	}
	while (read_some(terminal)) {
		struct pollfd ready = {.fd = terminal->fd, .events = POLLIN};

		if (poll(&ready, 1, 0) == 0)
			break;
	}
	close(terminal->fd);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == code, "status %x, printed '%s'", (unsigned)status,
	              terminal->text);
	if (all)
		ck_assert_str_eq(terminal->text, all);
}

static void killed(struct terminal *terminal)
{
	t_kill(terminal->pid);
	close(terminal->fd);
}

static void runs(char letter, int code, const char *all)
{
	struct terminal terminal = begin(letter, false);

	ends(&terminal, code, all);
}

static void nothing_is_left(void)
{
	ck_assert_int_eq(t_local_entries(), 0);
	runs('b', 1, NO_A);
	runs('c', 1, NO_A_NO_B);
}

START_TEST(test_the_order_of_the_documents)
{
	struct terminal a = begin('a', false);

	expect(&a, START_B);
	runs('b', 0, "");
	enter(&a);
	expect(&a, START_C);
	runs('c', 0, "");
	enter(&a);
	ends(&a, 0, START_B START_C ALL_SAY);
	nothing_is_left();
}
END_TEST

/* The same with those of the three that the bits of _i name built for the other word size. */
START_TEST(test_word_sizes_mixed)
{
	char variable[32], path[64];
	struct terminal a;

	if (access("tests/process_a_other", X_OK) != 0)
		t_skip("processes of both word sizes", "no compiler for the other one");
	for (int k = 0; k < 3; k++) {
		snprintf(variable, sizeof variable, "MOORING_PROCESS_%c", 'A' + k);
		snprintf(path, sizeof path, "tests/process_%c_other", 'a' + k);
		if (_i >> k & 1)
			setenv(variable, path, 1);
	}
	a = begin('a', false);
	expect(&a, START_B);
	runs('b', 0, "");
	enter(&a);
	expect(&a, START_C);
	runs('c', 0, "");
	enter(&a);
	ends(&a, 0, START_B START_C ALL_SAY);
	nothing_is_left();
}
END_TEST

START_TEST(test_without_a)
{
	nothing_is_left();
}
END_TEST

START_TEST(test_other_orders)
{
	static const char *const orders[] = {"cb", "bbcc", "", "b", "c"};
	const char *order = orders[_i];
	char all[256];
	struct terminal a = begin('a', false);

	expect(&a, START_B);
	for (size_t i = 0; order[i]; i++)
		runs(order[i], 0, "");
	enter(&a);
	enter(&a);
	snprintf(all, sizeof all, "Process A says: True\r\nProcess B says: False\r\nProcess C says: %s\r\n",
	         strchr(order, 'c') ? "True" : "False");
	expect(&a, all);
	ends(&a, 0, NULL);
	nothing_is_left();
}
END_TEST

START_TEST(test_two_of_a)
{
	struct terminal a = begin('a', false), second;

	expect(&a, START_B);
	second = begin('a', false);
	ends(&second, 1, NULL);
	ck_assert_ptr_nonnull(strstr(second.text, "MOOR_EEXIST"));
	killed(&a); /* at its prompt, without the mutex */
	runs('b', 1, NO_A);
	runs('c', 1, NO_A_NO_B);
}
END_TEST

/* ---- killed while owning ---- */

/* Does the word of the mutex name an owner? 0 also if there is no such mutex. */
static bool is_owned(void)
{
	char path[256];
	uint32_t word = 0;
	int fd;

	snprintf(path, sizeof path, "%s/mooring-%lu/mooring.testmapmutex", t_dir(), (unsigned long)geteuid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (pread(fd, &word, sizeof word, 256) != sizeof word)
		word = 0;
	close(fd);
	return word & 0x3ff;
}

struct seen {
	uint32_t pid;
	bool there;
};

static int note(const struct moor_participant_info *info, void *arg)
{
	struct seen *seen = arg;

	seen->there |= info->pid == seen->pid;
	return 0;
}

static bool has_opened_mutex(pid_t pid)
{
	struct seen seen = {.pid = (uint32_t)pid};

	(void)moor_participants("testmapmutex", note, &seen);
	return seen.there;
}

/* From a stop: on, system call by system call, until it has the mutex open, then instruction by instruction, until it
 * owns it; and no further. */
static void step_until_owning(pid_t pid)
{
	bool stepping = has_opened_mutex(pid);
	int status;

	while (!is_owned()) {
		ck_assert_int_eq(ptrace(stepping ? PTRACE_SINGLESTEP : PTRACE_SYSCALL, pid, NULL, NULL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(WIFSTOPPED(status), "it has ended: %x", (unsigned)status);
		stepping = stepping || has_opened_mutex(pid);
	}
}

static void may_trace(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 0 : 1);
	waitpid(pid, &status, 0);
	if (status)
		t_skip("processes killed", "ptrace(2) is not allowed here");
}

/* B or C killed while it owns the mutex: whoever comes next is told. */
START_TEST(test_b_or_c_killed_owning)
{
	const char victim = _i ? 'c' : 'b', next = _i ? 'b' : 'c';
	struct terminal a, dying;
	int status;

	may_trace();
	a = begin('a', false);
	expect(&a, START_B);
	while (is_owned()) /* until it has let go, which is before its prompt */
		t_sleep_ms(1);
	dying = begin(victim, true);
	ck_assert_int_eq(waitpid(dying.pid, &status, 0), dying.pid);
	ck_assert(WIFSTOPPED(status));
	step_until_owning(dying.pid);
	killed(&dying);
	ck_assert(is_owned());
	runs(next, 0, ABANDONED);
	runs(next, 0, "");
	runs(victim, 0, "");
	enter(&a);
	enter(&a);
	ends(&a, 0, START_B START_C ALL_SAY);
	nothing_is_left();
}
END_TEST

/* A killed as it owns the mutex at its start: the names are gone with it, unless somebody holds them. */
START_TEST(test_a_killed_owning_at_the_start)
{
	moor_hold *map, *mutex;
	struct terminal a;
	int status;

	may_trace();
	a = begin('a', true);
	ck_assert_int_eq(waitpid(a.pid, &status, 0), a.pid);
	step_until_owning(a.pid);
	if (_i) {
		t_assert_err(moor_hold_open("testmap", &map), 0);
		t_assert_err(moor_hold_open("testmapmutex", &mutex), 0);
	}
	killed(&a);
	if (_i) {
		runs('b', 0, ABANDONED);
		runs('c', 0, "");
		moor_hold_close(map);
		moor_hold_close(mutex);
	} else {
		runs('b', 1, NO_A); /* which buries the map; the mutex goes when its name is used, or the next name is made */
		a = begin('a', false);
		expect(&a, START_B);
		killed(&a);
		runs('b', 1, NO_A);
		return;
	}
	nothing_is_left();
}
END_TEST

/* A killed as it owns the mutex at its end, to read. */
START_TEST(test_a_killed_owning_at_the_end)
{
	moor_hold *map, *mutex;
	struct terminal a;
	int status;

	may_trace();
	a = begin('a', false);
	expect(&a, START_B);
	t_assert_err(moor_hold_open("testmap", &map), 0);
	t_assert_err(moor_hold_open("testmapmutex", &mutex), 0);
	runs('b', 0, "");
	enter(&a);
	expect(&a, START_C);
	while (is_owned())
		t_sleep_ms(1);
	ck_assert_int_eq(ptrace(PTRACE_SEIZE, a.pid, NULL, NULL), 0);
	ck_assert_int_eq(ptrace(PTRACE_INTERRUPT, a.pid, NULL, NULL), 0);
	ck_assert_int_eq(waitpid(a.pid, &status, 0), a.pid);
	enter(&a);
	step_until_owning(a.pid);
	killed(&a);
	runs('c', 0, ABANDONED);
	runs('c', 0, "");
	moor_hold_close(map);
	moor_hold_close(mutex);
	nothing_is_left();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("processes");
	TCase *tc = tcase_create("processes");

	setenv("LD_LIBRARY_PATH", ".libs", 1);
	tcase_set_timeout(tc, 240);
	tcase_add_test(tc, test_the_order_of_the_documents);
	tcase_add_loop_test(tc, test_word_sizes_mixed, 1, 8);
	tcase_add_test(tc, test_without_a);
	tcase_add_loop_test(tc, test_other_orders, 0, 5);
	tcase_add_test(tc, test_two_of_a);
	tcase_add_loop_test(tc, test_b_or_c_killed_owning, 0, 2);
	tcase_add_loop_test(tc, test_a_killed_owning_at_the_start, 0, 2);
	tcase_add_test(tc, test_a_killed_owning_at_the_end);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
