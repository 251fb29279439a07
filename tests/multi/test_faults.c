/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_faults.c - Q2: every system call of an operation fails once, injected from outside (ptrace): the operation returns
 * an error or does without, nothing is leaked, outputs are untouched, and a retry works.
 *
 * An operation is a line of the table below.
 */
#include "tests/lib/testing.h"
#include "tests/lib/trace.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIZE 10000

enum before { FREE, ALIVE, DEAD };

struct operation {
	const char *name;
	enum before before; /* what "m" is */
	void (*enter)(void);
	int (*act)(void);
	void (*undo)(void); /* after success */
	bool may_leave;     /* a corpse until the next create: a removal failed, or a child ended without a close */
};

static struct report {
	int result, retry;
	int descriptors[2], mappings[2]; /* before, and after the failure */
	bool touched;                    /* an output, although it failed */
} *report;

/* Of a run in which nothing fails; a close has fewer afterwards than before. */
static struct report well;

/* In the child: handles, and what they are before they are anything. */
static char none;
static moor_map *map;
static moor_view *view;
static moor_hold *hold;
static moor_tx *tx;
static moor_rx *rx;
static moor_mutex *mutex;
static moor_sem *sem;
static moor_event *event;

static void clear_outputs(void)
{
	map = (void *)&none;
	view = (void *)&none;
	hold = (void *)&none;
	mutex = (void *)&none;
	sem = (void *)&none;
	event = (void *)&none;
}

static bool outputs_touched(void)
{
	return map != (void *)&none || view != (void *)&none || hold != (void *)&none || mutex != (void *)&none ||
	       sem != (void *)&none || event != (void *)&none;
}

static int map_create(void)
{
	return moor_map_create("m", SIZE, NULL, &map);
}

static int map_create_or_open(void)
{
	return moor_map_create_or_open("m", SIZE, NULL, &map);
}

static int map_open(void)
{
	return moor_map_open("m", NULL, &map);
}

static void map_undo(void)
{
	moor_map_close(map);
}

static moor_map *mapped;

static void view_enter(void)
{
	if (moor_map_open("m", NULL, &mapped) != 0)
		_exit(4);
}

static int view_map(void)
{
	return moor_view_map(mapped, 100, 200, MOOR_READ_WRITE, &view);
}

static void view_undo(void)
{
	moor_view_unmap(view);
}

static int hold_open(void)
{
	return moor_hold_open("m", &hold);
}

static void hold_undo(void)
{
	moor_hold_close(hold);
}

/* Made outside of what is failing, closed in it, and once more to try again. */
static void close_enter(void)
{
	if (moor_map_create_or_open("m", SIZE, NULL, &mapped) < 0)
		_exit(4);
}

static int map_close(void)
{
	if (!mapped)
		close_enter();
	moor_map_close(mapped);
	mapped = NULL;
	return 0;
}

static int tx_create(void)
{
	return moor_tx_open("c", &MOOR_CHANNEL_OPTS(.capacity = 4096), &tx);
}

static void tx_undo(void)
{
	moor_tx_close(tx);
}

static void channel_enter(void)
{
	if (moor_hold_open("c", &hold) == 0 || moor_tx_open("c", &MOOR_CHANNEL_OPTS(.capacity = 4096), &tx) < 0)
		_exit(4);
}

static int rx_join(void)
{
	return moor_rx_open("c", NULL, &rx);
}

static void rx_undo(void)
{
	moor_rx_close(rx);
}

static void both_enter(void)
{
	channel_enter();
	if (moor_rx_open("c", NULL, &rx) != 0)
		_exit(4);
}

static int send_one(void)
{
	return moor_tx_send(tx, "x", 1, MOOR_NOWAIT);
}

static void full_enter(void)
{
	both_enter();
	while (moor_tx_send(tx, "x", 1, MOOR_NOWAIT) == 0)
		continue;
}

static int send_timed(void)
{
	return moor_tx_send(tx, "x", 1, 5000000);
}

static int recv_timed(void)
{
	char buf[8];
	size_t len;

	return moor_rx_recv(rx, buf, sizeof buf, &len, 5000000);
}

static int send_recv(void)
{
	char buf[8];
	size_t len;
	const int err = moor_tx_send(tx, "x", 1, MOOR_FOREVER);

	return err ? err : moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_FOREVER);
}

/* Once in a process the C library is asked to tell of a thread's end; its own futex is none that may fail. */
static void thread_enter(void)
{
	if (moor_mutex_create("before", NULL, &mutex) != 0)
		_exit(4);
	moor_mutex_close(mutex);
}

static int mutex_create(void)
{
	return moor_mutex_create_or_open("x", &MOOR_SYNC_OPTS(.flags = MOOR_INITIALLY_OWNED), &mutex);
}

static void mutex_undo(void)
{
	moor_mutex_close(mutex);
}

static int sem_create(void)
{
	return moor_sem_create_or_open("s", 1, 2, NULL, &sem);
}

static void sem_undo(void)
{
	moor_sem_close(sem);
}

static int event_create(void)
{
	return moor_event_create_or_open("e", 0, NULL, &event);
}

static void event_undo(void)
{
	moor_event_close(event);
}

static moor_mutex *locked;
static moor_sem *empty;

static void sync_enter(void)
{
	thread_enter();
	if (moor_mutex_create("x", NULL, &locked) != 0 || moor_sem_create("s", 0, 1, NULL, &empty) != 0)
		_exit(4);
}

static int lock_and_unlock(void)
{
	const int err = moor_mutex_lock(locked, MOOR_FOREVER);

	return err ? err : moor_mutex_unlock(locked);
}

static int wait_timed(void)
{
	return moor_sem_wait(empty, 5000000);
}

static int wait_any_timed(void)
{
	const struct moor_waitable waitable = moor_sem_waitable(empty);
	size_t index;

	return moor_wait_any(&waitable, 1, 5000000, &index);
}

static int reserve(void)
{
	return moor_map_create("m", SIZE, &MOOR_MAP_OPTS(.flags = MOOR_MAP_RESERVE), &map);
}

static void reserved_enter(void)
{
	if (moor_map_create("m", 64 * SIZE, &MOOR_MAP_OPTS(.flags = MOOR_MAP_RESERVE), &mapped) != 0)
		_exit(4);
}

static int commit(void)
{
	static uint64_t size;

	return moor_map_commit(mapped, size += SIZE);
}

static int anonymous(void)
{
	return moor_map_anonymous(SIZE, NULL, &map);
}

static char file[64];

static void file_enter(void)
{
	FILE *stream;

	snprintf(file, sizeof file, "%s/file", t_dir());
	stream = fopen(file, "w");
	if (!stream || fclose(stream) != 0)
		_exit(4);
}

static int from_file(void)
{
	return moor_map_from_file(file, "f", SIZE, NULL, &map);
}

static int count_name(const struct moor_name_info *info, void *arg)
{
	(void)info;
	++*(int *)arg;
	return 0;
}

static int enumerate(void)
{
	int count = 0;

	return moor_enumerate(count_name, &count);
}

static void nothing(void)
{
}

static const struct operation operations[] = {
    {"map create", FREE, nothing, map_create, map_undo, false},
    {"map create over a corpse", DEAD, nothing, map_create, map_undo, false},
    {"map create or open, alive", ALIVE, nothing, map_create_or_open, map_undo, false},
    {"map open", ALIVE, nothing, map_open, map_undo, false},
    {"map open, dead", DEAD, nothing, map_open, map_undo, true},
    {"map open, free", FREE, nothing, map_open, map_undo, false},
    {"map close, last", FREE, close_enter, map_close, nothing, true},
    {"map close, not last", ALIVE, close_enter, map_close, nothing, false},
    {"view", ALIVE, view_enter, view_map, view_undo, false},
    {"hold", ALIVE, nothing, hold_open, hold_undo, false},
    {"tx open, created", FREE, nothing, tx_create, tx_undo, false},
    {"rx open, joined", FREE, channel_enter, rx_join, rx_undo, true},
    {"send", FREE, both_enter, send_one, nothing, true},
    {"send, full, timed", FREE, full_enter, send_timed, nothing, true},
    {"recv, empty, timed", FREE, both_enter, recv_timed, nothing, true},
    {"send and recv", FREE, both_enter, send_recv, nothing, true},
    {"mutex", FREE, thread_enter, mutex_create, mutex_undo, false},
    {"semaphore", FREE, nothing, sem_create, sem_undo, false},
    {"event", FREE, nothing, event_create, event_undo, false},
    {"lock and unlock", FREE, sync_enter, lock_and_unlock, nothing, true},
    {"wait, timed", FREE, sync_enter, wait_timed, nothing, true},
    {"wait for any, timed", FREE, sync_enter, wait_any_timed, nothing, true},
    {"map create, reserved", FREE, nothing, reserve, map_undo, false},
    {"commit", FREE, reserved_enter, commit, nothing, true},
    {"anonymous map", FREE, nothing, anonymous, map_undo, false},
    {"map of a file", FREE, file_enter, from_file, map_undo, false},
    {"enumerate", ALIVE, nothing, enumerate, nothing, false},
};
#define OPERATIONS (int)(sizeof operations / sizeof operations[0])

static int count_descriptors(void)
{
	DIR *stream = opendir("/proc/self/fd");
	int count = 0;

	while (stream && readdir(stream))
		count++;
	if (stream)
		closedir(stream);
	return count;
}

/* Windows on our files. */
static int count_mappings(void)
{
	FILE *stream = fopen("/proc/self/maps", "r");
	char line[512];
	int count = 0;

	while (stream && fgets(line, sizeof line, stream))
		count += strstr(line, t_dir()) != NULL;
	if (stream)
		fclose(stream);
	return count;
}

static int perform(void *arg)
{
	const struct operation *op = arg;

	op->enter();
	clear_outputs();
	report->descriptors[0] = count_descriptors();
	report->mappings[0] = count_mappings();
	t_trace_begin();
	report->result = op->act();
	t_trace_end();
	if (report->result >= 0)
		op->undo();
	else
		report->touched = outputs_touched();
	report->descriptors[1] = count_descriptors();
	report->mappings[1] = count_mappings();
	report->retry = op->act();
	if (report->retry >= 0)
		op->undo();
	return 0;
}

/* Failing at these would be ours, not the system's: a descriptor or mapping stays if its end is not executed. The others
 * belong to what stops the child. */
static bool may_fail(long number)
{
	switch (number) {
	case SYS_close:
	case SYS_munmap:
	case SYS_rt_sigprocmask:
	case SYS_getpid:
	case SYS_gettid:
	case SYS_tgkill:
	case SYS_exit_group:
	case -1:
		return false;
	default:
		return true;
	}
}

static struct t_gate *to_holder, *to_us;

static int hold_alive(void *arg)
{
	moor_map *mine;

	(void)arg;
	if (moor_map_create("m", SIZE, NULL, &mine) != 0)
		return 1;
	t_gate_open(to_us, 1);
	t_gate_pass(to_holder);
	moor_map_close(mine);
	return 0;
}

static int leave_corpse(void *arg)
{
	moor_map *mine;

	(void)arg;
	if (moor_map_create("m", SIZE, NULL, &mine) == 0)
		kill(getpid(), SIGKILL);
	return 1;
}

/* One run; the call that failed, as t_trace_fail says. */
#define NEVER 1000000u
static long run(const struct operation *op, unsigned n, int error, unsigned *errors)
{
	pid_t holder = 0;
	moor_map *next;
	long number;
	int end;

	memset(report, 0, sizeof *report);
	if (op->before == ALIVE) {
		holder = t_spawn(hold_alive, NULL);
		t_gate_pass(to_us);
	} else if (op->before == DEAD) {
		ck_assert_int_eq(t_wait(t_spawn(leave_corpse, NULL)), 128 + SIGKILL);
	}
	end = t_trace_fail(n, error, may_fail, perform, (void *)(uintptr_t)op, &number);
	if (end != 0)
		ck_abort_msg("%s, call %u (%ld): the child ended with %d", op->name, n, number, end);
	if (number == -2 && n == NEVER)
		well = *report;
	if (report->touched || report->descriptors[1] - report->descriptors[0] != well.descriptors[1] - well.descriptors[0] ||
	    report->mappings[1] - report->mappings[0] != well.mappings[1] - well.mappings[0])
		ck_abort_msg("%s, call %u (%ld), %s: %s, descriptors %d to %d, mappings %d to %d", op->name, n, number,
		             moor_err_name(report->result), report->touched ? "an output was touched" : "outputs well",
		             report->descriptors[0], report->descriptors[1], report->mappings[0], report->mappings[1]);
	if (number < 0 && report->result != well.result)
		ck_abort_msg("%s: %s without a failure", op->name, moor_err_name(report->result));
	if (report->retry != well.retry)
		ck_abort_msg("%s, call %u (%ld): retry: %s", op->name, n, number, moor_err_name(report->retry));
	*errors += number >= 0 && report->result != well.result;
	if (holder) {
		t_gate_open(to_holder, 1);
		ck_assert_int_eq(t_wait(holder), 0);
	}
	if (op->before == FREE && !op->may_leave)
		ck_assert_int_eq(t_local_entries(), 0);
	t_assert_err(moor_map_create("next", SIZE, NULL, &next), 0);
	moor_map_close(next);
	ck_assert_int_eq(t_local_entries(), 0);
	return number;
}

START_TEST(test_Q2_each_call_fails_once)
{
	static const int causes[] = {ENOMEM, EIO};
	const struct operation *op = &operations[_i];
	unsigned errors = 0, failures = 0;

	if (!t_trace_works())
		t_skip("Q2", "no injection here (ptrace refused, a sanitizer, or another machine than x86-64)");
	report = t_shared(sizeof *report);
	to_holder = t_gate_new();
	to_us = t_gate_new();
	(void)run(op, NEVER, 0, &errors);
	for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
		long number;

		for (unsigned n = 0; (number = run(op, n, causes[i], &errors)) != -2; n++)
			failures += number >= 0;
	}
	printf("%s: %u calls failed, %u times it said so\n", op->name, failures, errors);
	fflush(stdout);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("faults");
	TCase *cases = tcase_create("faults");

	tcase_set_timeout(cases, 300);
	tcase_add_loop_test(cases, test_Q2_each_call_fails_once, 0, OPERATIONS);
	suite_add_tcase(suite, cases);
	return t_main(suite);
}
