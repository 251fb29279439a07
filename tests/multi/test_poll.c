/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_poll.c - moor_rx_fd and moor_rx_arm of named channels: what makes the descriptor readable, and what nothing does;
 * producers that die, that may not ring, that fork; what lies beside the channel, and that nothing of it stays.
 *
 * A poll that ends for want of time has hung. The timer of those that cannot be told (moor__endpoint.reminded) would hide
 * a bell that was not rung: so it must be off wherever that is looked for.
 */
#include "tests/lib/ring.h"

#include "base/crash.h"
#include "channel/endpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HUNG ((int64_t)100 * 1000000000)
#define HUNG_MS 100000
#define NOBODY 65534

static const struct moor_channel_opts small = {.struct_size = sizeof small, .capacity = T_CAPACITY, .max_message = T_MAX};
static const struct moor_channel_opts open_only = {.struct_size = sizeof open_only, .flags = MOOR_OPEN_ONLY};

static const struct moor_channel_opts many = {
    .struct_size = sizeof many, .capacity = T_CAPACITY, .max_message = 1000, .kind = MOOR_MPSC};

static const struct moor_channel_opts *opts_of_all = &small; /* of those who do not care */
static moor_tx *tx;
static moor_rx *rx;
static int fd = -1;

static void open_rx(const char *name)
{
	t_assert(moor_rx_open(name, opts_of_all, &rx) >= 0);
	t_assert_err(moor_rx_fd(rx, &fd), 0);
}

static bool readable(int timeout_ms)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	int n;

	do {
		n = poll(&pfd, 1, timeout_ms);
	} while (n < 0 && errno == EINTR);
	t_assert(n >= 0 && (n == 0 || (pfd.revents & POLLIN)));
	return n == 1;
}

static void must_become_readable(void)
{
	if (!readable(HUNG_MS))
		ck_abort_msg("not readable for 100 s");
}

static bool is_reminded(void)
{
	return moor__endpoint_of(rx)->reminded;
}

/* As a loop that polls would: until something comes, or the stream ends. The result of arm that ended it. */
static int arm_and_poll(void)
{
	int err;

	while ((err = moor_rx_arm(rx)) == 0)
		must_become_readable();
	return err;
}

static void send_one(uint64_t number)
{
	t_send(tx, 8, number);
}

static void take_one(uint64_t number)
{
	t_expect(rx, 8, number);
}

static uint64_t wakes(const char *name)
{
	struct moor_channel_info info = {.struct_size = sizeof info};

	t_assert_err(moor_channel_stat(name, &info), 0);
	return info.wakes;
}

/* The name of the one entry beside the channels that has a bell's name; empty: there is none. */
static char bell_path[512];
static bool find_bell(const char *where)
{
	struct dirent *entry;
	DIR *stream = opendir(where);
	int found = 0;

	t_assert(stream);
	while ((entry = readdir(stream)))
		if (strncmp(entry->d_name, ".mooring-bell.", 14) == 0) {
			found++;
			snprintf(bell_path, sizeof bell_path, "%s/%s", where, entry->d_name);
		}
	closedir(stream);
	t_assert(found <= 1);
	return found;
}

static const char *local_dir(void)
{
	static char path[128];

	snprintf(path, sizeof path, "%s/mooring-%u", t_dir(), (unsigned)geteuid());
	return path;
}

START_TEST(test_results)
{
	struct t_ring ring = t_ring_at(0);
	int other = -2;

	t_assert_err(moor_rx_fd(NULL, &other), MOOR_EINVAL);
	t_assert_err(moor_rx_arm(NULL), MOOR_EINVAL);
	t_assert_err(moor_rx_fd(ring.rx, &other), MOOR_ENOTSUP);
	t_assert_err(moor_rx_arm(ring.rx), MOOR_ENOTSUP);
	t_ring_free(&ring);
	t_assert_err(moor_rx_open("r", &small, &rx), MOOR_CREATED);
	t_assert_err(moor_rx_fd(rx, NULL), MOOR_EINVAL);
	t_assert_err(moor_rx_arm(rx), MOOR_EINVAL);
	t_assert(other == -2 && !find_bell(local_dir()));
	t_assert_err(moor_rx_fd(rx, &fd), 0);
	t_assert_err(moor_rx_fd(rx, &other), 0);
	ck_assert_int_eq(other, fd);
	t_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	t_assert(find_bell(local_dir()));
	moor_rx_close(rx);
	t_assert(fcntl(fd, F_GETFD) < 0);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_a_message_makes_it_readable)
{
	t_assert_err(moor_tx_open("m", &small, &tx), MOOR_CREATED);
	send_one(0);
	open_rx("m");
	t_assert(!readable(0));
	t_assert_err(moor_rx_arm(rx), MOOR_READY);
	take_one(0);
	for (uint64_t n = 1; n < 200; n++) {
		t_assert_err(moor_rx_arm(rx), 0);
		t_assert(n == 1 || !is_reminded()); /* by the first ring it holds the bell */
		t_assert(is_reminded() || !readable(0));
		send_one(n);
		t_assert(readable(0));
		t_assert(readable(0));
		take_one(n);
		t_assert(readable(0)); /* until it is armed anew */
		t_expect_none(rx);
	}
	t_assert_err(moor_rx_arm(rx), 0);
	t_assert(!readable(0));
	t_expect_none(rx); /* does not end it */
	send_one(200);
	t_assert(readable(0));
	t_assert_err(moor_rx_arm(rx), MOOR_READY);
	t_assert(!readable(0));
	moor_tx_close(tx);
	take_one(200);
	moor_rx_close(rx);
}
END_TEST

/* Of what was peeked and not released nothing is told again, but after a rewind. */
START_TEST(test_unseen_is_what_counts)
{
	struct moor_msg msg;

	t_assert_err(moor_tx_open("u", &small, &tx), MOOR_CREATED);
	open_rx("u");
	send_one(0);
	t_assert_err(moor_rx_peek(rx, &msg), 0);
	t_assert_err(moor_rx_arm(rx), 0);
	send_one(1);
	t_assert(readable(0));
	t_assert_err(moor_rx_arm(rx), MOOR_READY);
	t_assert_err(moor_rx_peek(rx, &msg), 0);
	t_assert_err(moor_rx_arm(rx), 0);
	t_assert_err(moor_rx_rewind(rx), 0);
	t_assert_err(moor_rx_arm(rx), MOOR_READY);
	take_one(0);
	take_one(1);
	moor_tx_close(tx);
	moor_rx_close(rx);
}
END_TEST

/* One ring for a burst; none after a message was taken, or after a wait. */
START_TEST(test_only_the_armed_are_told)
{
	uint64_t before;
	char buf[8];
	size_t len;

	t_assert_err(moor_tx_open("o", &small, &tx), MOOR_CREATED);
	open_rx("o");
	before = wakes("o");
	for (uint64_t n = 0; n < 20; n++)
		send_one(n);
	t_assert(!readable(0) && wakes("o") == before);
	for (uint64_t n = 0; n < 20; n++)
		take_one(n);
	t_assert_err(moor_rx_arm(rx), 0);
	for (uint64_t n = 0; n < 20; n++)
		send_one(n);
	ck_assert_uint_eq(wakes("o"), before + 1);
	for (uint64_t n = 0; n < 20; n++)
		take_one(n);
	t_assert_err(moor_rx_arm(rx), 0);
	t_assert_err(moor_rx_wait(rx, 1), MOOR_ETIMEDOUT);
	send_one(0);
	t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_NOWAIT), 0);
	t_assert_err(moor_rx_arm(rx), 0);
	{
		const struct moor_waitable waitable = moor_rx_waitable(rx);
		size_t index;

		t_assert_err(moor_wait_any(&waitable, 1, 1, &index), MOOR_ETIMEDOUT);
	}
	send_one(0);
	send_one(1);
	ck_assert_uint_eq(wakes("o"), before + 1);
	t_assert_err(moor_rx_arm(rx), MOOR_READY);
	t_assert(!readable(0));
	moor_tx_close(tx);
	moor_rx_close(rx);
}
END_TEST

/* No system call at all: it would be killed. */
static int send_without_calls(void *arg)
{
	struct sock_filter filter[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_exit_group, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	const struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
	int err = 0;

	t_assert(moor_tx_open("c", &open_only, &tx) == 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		return 77;
	for (int n = 0; n < 100; n++)
		err |= moor_tx_send(tx, arg, 8, MOOR_NOWAIT);
	syscall(SYS_exit_group, err ? 9 : 0);
	return 9;
}

START_TEST(test_nothing_armed_costs_no_system_call)
{
	char text[8] = "12345678";
	int code;

	if (T_SANITIZER)
		t_skip("the producer without system calls", "a sanitizer is in the program");
	open_rx("c");
	t_assert_err(moor_rx_arm(rx), 0);
	t_assert(moor_rx_wait(rx, 1) == MOOR_ETIMEDOUT); /* ends the arming */
	code = t_wait(t_spawn(send_without_calls, text));
	if (code == 77)
		t_skip("the producer without system calls", "no seccomp filters here");
	ck_assert_int_eq(code, 0);
	for (int n = 0; n < 100; n++) {
		struct moor_msg msg;

		t_assert_err(moor_rx_peek(rx, &msg), 0);
	}
	moor_rx_close(rx);
}
END_TEST

/* ---- the end ---- */

START_TEST(test_close_makes_it_readable)
{
	for (int held = 0; held < 2; held++) {
		if (!held)
			t_assert_err(moor_tx_open("e", &small, &tx), MOOR_CREATED);
		open_rx("e");
		if (held)
			t_assert_err(moor_tx_open("e", &small, &tx), 0);
		t_assert_err(moor_rx_arm(rx), 0);
		t_assert(is_reminded() == !held);
		moor_tx_close(tx);
		t_assert(readable(0));
		t_assert_err(moor_rx_arm(rx), MOOR_ECLOSED);
		t_assert_err(moor_rx_arm(rx), MOOR_ECLOSED);
		moor_rx_close(rx);
		ck_assert_int_eq(t_local_entries(), 0);
	}
}
END_TEST

struct producer {
	struct t_gate *ready, *go;
	uint64_t messages;
	uint64_t *sent; /* shared */
};

static int produce_and_wait(void *arg)
{
	struct producer *producer = arg;

	t_assert(moor_tx_open("k", &small, &tx) >= 0);
	t_gate_open(producer->ready, 1);
	t_gate_pass(producer->go);
	for (uint64_t n = 0; n < producer->messages; n++)
		send_one(n);
	t_gate_open(producer->ready, 1);
	for (;;)
		pause();
}

/* Killed while it does nothing: before it has ever rung, after, and with the consumer's bell there first. */
START_TEST(test_death_makes_it_readable)
{
	for (int i = 0; i < 4; i++) {
		struct producer producer = {t_gate_new(), t_gate_new(), i == 1 || i == 2, NULL};
		pid_t pid;

		if (i == 3)
			open_rx("k");
		pid = t_spawn(produce_and_wait, &producer);
		t_gate_pass(producer.ready);
		if (i < 3)
			open_rx("k");
		t_assert_err(moor_rx_arm(rx), 0);
		t_gate_open(producer.go, 1);
		t_gate_pass(producer.ready);
		if (producer.messages) {
			t_assert_err(arm_and_poll(), MOOR_READY);
			take_one(0);
			t_assert_err(moor_rx_arm(rx), 0);
			t_assert(!is_reminded());
		}
		t_kill(pid);
		must_become_readable();
		t_assert_err(arm_and_poll(), MOOR_EPEERDEAD);
		t_assert_err(moor_rx_arm(rx), MOOR_ECLOSED);
		/* Who comes then is heard, too. */
		t_assert_err(moor_tx_open("k", &small, &tx), 0);
		t_assert_err(moor_rx_arm(rx), 0);
		t_assert(!is_reminded() && !readable(0));
		send_one(7);
		t_assert(readable(0));
		take_one(7);
		moor_tx_close(tx);
		moor_rx_close(rx);
		ck_assert_int_eq(t_local_entries(), 0);
	}
}
END_TEST

static int publish_and_die(void *arg)
{
	struct producer *producer = arg;

	t_assert(moor_tx_open("k", &small, &tx) >= 0);
	t_gate_open(producer->ready, 1);
	t_gate_pass(producer->go);
	t_die_at("tx: published", 1);
	send_one(3);
	return 9;
}

/* The next producer is there before anybody has polled, and the FIFO has a writer: so it must tell of the message. */
START_TEST(test_killed_before_it_rang)
{
	struct producer producer = {t_gate_new(), t_gate_new(), 0, NULL};
	pid_t pid;

	open_rx("k");
	pid = t_spawn(publish_and_die, &producer);
	t_gate_pass(producer.ready);
	t_assert_err(moor_rx_arm(rx), 0);
	t_assert(!is_reminded());
	t_gate_open(producer.go, 1);
	ck_assert_int_eq(t_wait(pid), 128 + SIGKILL);
	t_assert_err(moor_tx_open("k", &small, &tx), 0);
	t_assert(readable(0));
	t_assert_err(moor_rx_arm(rx), MOOR_READY);
	take_one(3);
	moor_tx_close(tx);
	moor_rx_close(rx);
}
END_TEST

/* A child of the producer that goes on must not keep its end from being told. */
static int produce_and_fork(void *arg)
{
	struct producer *producer = arg;

	t_assert(moor_tx_open("k", &small, &tx) >= 0);
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, 0);
		t_gate_open(producer->ready, 1);
		t_gate_pass(producer->go);
		_exit(0);
	}
	for (;;)
		pause();
}

START_TEST(test_death_is_told_though_a_child_lives)
{
	struct producer producer = {t_gate_new(), t_gate_new(), 0, NULL};
	pid_t pid;

	open_rx("k");
	pid = t_spawn(produce_and_fork, &producer);
	t_gate_pass(producer.ready);
	t_assert_err(moor_rx_arm(rx), 0);
	t_assert(!is_reminded());
	t_kill(pid);
	must_become_readable();
	t_assert_err(arm_and_poll(), MOOR_EPEERDEAD);
	t_gate_open(producer.go, 1);
	moor_rx_close(rx);
}
END_TEST

static int child_of_consumer(void *arg)
{
	int got = -2;

	(void)arg;
	if (moor_rx_fd(rx, &got) != MOOR_EFORK || moor_rx_arm(rx) != MOOR_EFORK || got != -2)
		return 9;
	if (fcntl(fd, F_GETFD) >= 0)
		return 8;
	moor_rx_close(rx);
	return 0;
}

START_TEST(test_a_child_of_the_consumer_has_no_part)
{
	open_rx("f");
	t_assert_err(moor_tx_open("f", &small, &tx), 0);
	t_assert_err(moor_rx_arm(rx), 0);
	ck_assert_int_eq(t_wait(t_spawn(child_of_consumer, NULL)), 0);
	t_assert(!readable(0));
	t_assert(find_bell(local_dir()));
	send_one(1);
	t_assert(readable(0));
	take_one(1);
	moor_tx_close(tx);
	moor_rx_close(rx);
}
END_TEST

/* ---- many producers ---- */

static int claim_and_wait(void *arg)
{
	struct producer *producer = arg;
	void *to;

	t_assert(moor_tx_open("p", &many, &tx) >= 0);
	send_one(10);
	t_assert_err(moor_tx_reserve(tx, 8, &to), 0);
	t_gate_open(producer->ready, 1);
	for (;;)
		pause();
}

/* Each is heard; so is what stands behind the claim of one who died; and the end of the last. */
START_TEST(test_of_many)
{
	struct producer producer = {t_gate_new(), t_gate_new(), 0, NULL};
	moor_tx *other;
	pid_t pid;

	t_assert_err(moor_rx_open("p", &many, &rx), MOOR_CREATED);
	t_assert_err(moor_rx_fd(rx, &fd), 0);
	t_assert_err(moor_tx_open("p", &many, &tx), 0);
	t_assert_err(moor_tx_open("p", &many, &other), 0);
	for (int i = 0; i < 50; i++) {
		t_assert_err(moor_rx_arm(rx), 0);
		t_send(i % 2 ? tx : other, 8, 1);
		t_assert(readable(0));
		t_assert_err(moor_rx_arm(rx), MOOR_READY);
		take_one(1);
	}
	pid = t_spawn(claim_and_wait, &producer);
	t_gate_pass(producer.ready);
	take_one(10);
	t_assert_err(moor_rx_arm(rx), 0);
	send_one(11); /* which cannot be received yet */
	t_kill(pid);
	t_assert_err(arm_and_poll(), MOOR_READY);
	take_one(11);
	moor_tx_close(other);
	t_assert_err(moor_rx_arm(rx), 0);
	moor_tx_close(tx);
	t_assert(readable(0));
	t_assert_err(arm_and_poll(), MOOR_EPEERDEAD);
	t_assert_err(moor_rx_arm(rx), MOOR_ECLOSED);
	moor_rx_close(rx);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* ---- consumers that come and go ---- */

static int consume_and_wait(void *arg)
{
	struct producer *producer = arg;

	open_rx("k");
	t_assert_err(moor_rx_arm(rx), 0);
	t_gate_open(producer->ready, 1);
	for (;;)
		pause();
}

/* The producer holds the bell of a dead consumer: no signal, no message lost, and it finds that of the next. */
START_TEST(test_the_next_consumer_has_its_own)
{
	struct producer consumer = {t_gate_new(), t_gate_new(), 0, NULL};
	char before[sizeof bell_path];
	uint64_t sent = 0, received = 0;

	t_assert_err(moor_tx_open("k", &small, &tx), MOOR_CREATED);
	for (int i = 0; i < 3; i++) {
		const pid_t pid = t_spawn(consume_and_wait, &consumer);

		t_gate_pass(consumer.ready);
		t_assert(find_bell(local_dir()));
		strcpy(before, bell_path);
		t_kill(pid);
		t_assert(find_bell(local_dir()));
		send_one(sent++);
		send_one(sent++);
		open_rx("k");
		t_assert(find_bell(local_dir()) && strcmp(before, bell_path) != 0);
		while (received < sent)
			take_one(received++);
		t_assert_err(moor_rx_arm(rx), 0);
		send_one(sent++);
		t_assert(readable(0));
		take_one(received++);
		moor_rx_close(rx);
		t_assert(!find_bell(local_dir()));
	}
	moor_tx_close(tx);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

static int be_both(void *arg)
{
	t_assert_err(moor_tx_open("k", &small, &tx), MOOR_CREATED);
	return consume_and_wait(arg);
}

/* Killed, all of them: the next use of the name leaves nothing, and so does any create if somebody has removed it. */
START_TEST(test_nothing_stays)
{
	struct producer both = {t_gate_new(), t_gate_new(), 0, NULL};
	char path[256];

	for (int i = 0; i < 3; i++) {
		const pid_t pid = t_spawn(be_both, &both);

		t_gate_pass(both.ready);
		t_kill(pid);
		ck_assert_int_eq(t_local_entries(), 2);
		if (i == 0) {
			t_assert_err(moor_tx_open("k", &open_only, &tx), MOOR_ENOENT);
		} else {
			if (i == 2) {
				snprintf(path, sizeof path, "%s/mooring.k", local_dir());
				ck_assert_int_eq(unlink(path), 0);
			}
			t_assert_err(moor_tx_open("other", &small, &tx), MOOR_CREATED);
			moor_tx_close(tx);
		}
		ck_assert_int_eq(t_local_entries(), 0);
	}
}
END_TEST

static const char *killed_at; /* NULL: nowhere */

static int use_all(void *arg)
{
	(void)arg;
	if (killed_at)
		t_die_at(killed_at, 1);
	t_assert(moor_tx_open("k", opts_of_all, &tx) >= 0);
	open_rx("k");
	t_assert_err(moor_rx_arm(rx), 0);
	send_one(0);
	take_one(0);
	t_assert_err(moor_rx_arm(rx), 0);
	moor_tx_close(tx);
	t_assert_err(moor_rx_arm(rx), MOOR_ECLOSED);
	moor_rx_close(rx);
	return 0;
}

static unsigned killed;

static void die_there(const char *label, unsigned times, void *arg)
{
	int code;

	killed_at = label;
	code = t_wait(t_spawn(use_all, NULL));
	(void)times;
	(void)arg;
	ck_assert_msg(code == 128 + SIGKILL, "%s: %d", label, code);
	t_assert_err(moor_tx_open("k", &open_only, &tx), MOOR_ENOENT);
	ck_assert_msg(t_local_entries() == 0, "%s: %d left", label, t_local_entries());
	killed++;
}

START_TEST(test_nothing_stays_wherever_it_is_killed)
{
	opts_of_all = _i ? &many : &small;
	t_count_labels();
	use_all(NULL);
	t_each_label(die_there, NULL);
	ck_assert_uint_ge(killed, 10);
}
END_TEST

static int arm_only(void *arg)
{
	t_die_at(arg, 1);
	open_rx("k");
	t_assert_err(moor_rx_arm(rx), 0);
	moor_rx_close(rx);
	return 0;
}

/* The channel lives on: the next consumer leaves nothing of the dead one. */
START_TEST(test_a_killed_consumers_is_taken_away)
{
	char labels[][16] = {"bell: announced", "bell: made", "rx: armed", "bell: removed"};

	t_assert_err(moor_tx_open("k", &small, &tx), MOOR_CREATED);
	for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
		ck_assert_int_eq(t_wait(t_spawn(arm_only, labels[i])), 128 + SIGKILL);
		t_assert_err(moor_rx_open("k", &small, &rx), 0);
		ck_assert_int_eq(t_local_entries(), 1);
		t_assert_err(moor_rx_fd(rx, &fd), 0);
		t_assert_err(moor_rx_arm(rx), 0);
		send_one(i);
		t_assert(readable(0));
		take_one(i);
		moor_rx_close(rx);
	}
	moor_tx_close(tx);
}
END_TEST

/* ---- what lies beside the channel ---- */

static int count_names(const struct moor_name_info *info, void *arg)
{
	t_assert(info->kind == MOOR_OBJ_CHANNEL);
	t_assert(strcmp(info->name, "Local\\n") == 0 || strcmp(info->name, "Global\\n") == 0);
	++*(int *)arg;
	return 0;
}

START_TEST(test_names_do_not_show_it)
{
	static const char *const names[] = {"Local\\n", "Global\\n"};
	const mode_t mask = umask(0777);
	struct stat st;
	moor_hold *hold;

	for (int i = 0; i < 2; i++) {
		struct moor_channel_opts opts = small;
		int count = 0;

		opts.mode = i ? 0662 : 0644; /* who may not do both may do nothing */
		t_assert_err(moor_rx_open(names[i], &opts, &rx), MOOR_CREATED);
		t_assert_err(moor_rx_fd(rx, &fd), 0);
		t_assert(find_bell(i ? t_dir() : local_dir()));
		ck_assert_int_eq(lstat(bell_path, &st), 0);
		t_assert(S_ISFIFO(st.st_mode));
		ck_assert_uint_eq(st.st_mode & 07777, i ? 0660 : 0600);
		t_assert_err(moor_enumerate(count_names, &count), 0);
		ck_assert_int_eq(count, 1);
		/* The consumer's goes with it; the name stays. */
		t_assert_err(moor_hold_open(names[i], &hold), 0);
		moor_rx_close(rx);
		t_assert(!find_bell(i ? t_dir() : local_dir()));
		moor_hold_close(hold);
	}
	umask(mask);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* Somebody else's file under its name is not written to; the message is there all the same. */
START_TEST(test_what_is_no_fifo_is_refused)
{
	char target[256];
	struct stat st;

	snprintf(target, sizeof target, "%s/target", t_dir());
	for (int i = 0; i < 4; i++) {
		close(open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
		open_rx("x");
		t_assert(find_bell(local_dir()));
		ck_assert_int_eq(unlink(bell_path), 0);
		if (i == 0)
			close(open(bell_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
		else if (i == 1)
			ck_assert_int_eq(symlink(target, bell_path), 0);
		else if (i == 2)
			ck_assert_int_eq(mkdir(bell_path, 0700), 0);
		t_assert_err(moor_tx_open("x", &small, &tx), 0);
		t_assert_err(moor_rx_arm(rx), 0);
		t_assert(is_reminded());
		send_one(0);
		must_become_readable();
		t_assert_err(moor_rx_arm(rx), MOOR_READY);
		take_one(0);
		t_assert(stat(target, &st) == 0 && st.st_size == 0);
		t_assert(i != 0 || (stat(bell_path, &st) == 0 && st.st_size == 0));
		moor_tx_close(tx);
		moor_rx_close(rx);
		if (i == 2)
			ck_assert_int_eq(rmdir(bell_path), 0);
		ck_assert_int_eq(t_local_entries(), 0);
	}
	unlink(target);
}
END_TEST

static int find_no_descriptor(void *arg)
{
	const struct rlimit none = {(rlim_t)fcntl(0, F_DUPFD_CLOEXEC, 0), 4096}; /* what is open is all there may be */
	const struct rlimit enough = {256, 4096};
	int got = -2, entries;

	(void)arg;
	close((int)none.rlim_cur);
	t_assert(moor_rx_open("d", &small, &rx) == MOOR_CREATED);
	for (rlim_t more = 0;; more++) {
		const struct rlimit limit = {none.rlim_cur + more, 4096};
		int err;

		t_assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
		err = moor_rx_fd(rx, &got);
		t_assert(setrlimit(RLIMIT_NOFILE, &enough) == 0);
		if (!err)
			break;
		entries = t_local_entries();
		t_assert(err == MOOR_EMFILE && got == -2 && entries == 1);
		t_assert(moor_rx_arm(rx) == MOOR_EINVAL);
	}
	fd = got;
	t_assert(moor_tx_open("d", &small, &tx) == 0);
	t_assert(moor_rx_arm(rx) == 0);
	send_one(0);
	t_assert(readable(0));
	moor_tx_close(tx);
	moor_rx_close(rx);
	return 0;
}

START_TEST(test_without_descriptors)
{
	ck_assert_int_eq(t_wait(t_spawn(find_no_descriptor, NULL)), 0);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* Root's channel, everybody's: another user consumes, and makes the FIFO. */
static int consume_as_nobody(void *arg)
{
	struct producer *consumer = arg;
	const struct moor_channel_opts opts = {.struct_size = sizeof opts, .flags = MOOR_ANY_OWNER};

	ck_assert_int_eq(setgid(NOBODY), 0);
	ck_assert_int_eq(setuid(NOBODY), 0);
	t_assert_err(moor_rx_open("Global\\g", &opts, &rx), 0);
	t_assert_err(moor_rx_fd(rx, &fd), 0);
	t_gate_open(consumer->ready, 1);
	t_gate_pass(consumer->go);
	t_assert_err(moor_rx_arm(rx), 0);
	t_gate_open(consumer->ready, 1);
	must_become_readable();
	t_assert(!is_reminded());
	take_one(5);
	t_gate_open(consumer->ready, 1);
	for (;;)
		pause();
}

START_TEST(test_another_users_consumer)
{
	struct producer consumer = {t_gate_new(), t_gate_new(), 0, NULL};
	struct moor_channel_opts opts = small;
	pid_t pid;

	if (geteuid() != 0)
		t_skip("another user's consumer", "needs root");
	ck_assert_int_eq(chmod(t_dir(), 01777), 0);
	opts.mode = 0666;
	t_assert_err(moor_tx_open("Global\\g", &opts, &tx), MOOR_CREATED);
	pid = t_spawn(consume_as_nobody, &consumer);
	t_gate_pass(consumer.ready);
	moor_tx_close(tx);
	t_assert_err(moor_tx_open("Global\\g", &opts, &tx), 0);
	t_gate_open(consumer.go, 1);
	t_gate_pass(consumer.ready);
	send_one(5);
	t_gate_pass(consumer.ready);
	t_kill(pid);
	t_assert(find_bell(t_dir()));
	moor_tx_close(tx);
	t_assert(!find_bell(t_dir()));
	ck_assert_int_eq(chmod(t_dir(), 0700), 0);
}
END_TEST

/* ---- nothing is lost ---- */

#if T_SANITIZER
#define ROUNDS 20000
#else
#define ROUNDS 200000 /* messages: half as many there and back */
#endif

/* Back and forth, both sides by arm and poll alone. */
static void ping_pong(const char *in, const char *out, bool begins)
{
	struct moor_channel_opts opts = small;
	struct epoll_event event = {.events = EPOLLIN};
	moor_tx *to;
	moor_rx *from;
	int poll_fd = epoll_create1(EPOLL_CLOEXEC), from_fd, n;
	uint64_t reminders = 0;

	t_assert(moor_rx_open(in, &opts, &from) >= 0);
	t_assert(moor_rx_fd(from, &from_fd) == 0);
	t_assert(moor_tx_open(out, &opts, &to) >= 0);
	t_assert(epoll_ctl(poll_fd, EPOLL_CTL_ADD, from_fd, &event) == 0);
	if (begins)
		t_send(to, 8, 0);
	for (uint64_t i = begins ? 1 : 0; i < ROUNDS; i += 2) {
		int err;

		while ((err = moor_rx_arm(from)) == 0) {
			reminders += moor__endpoint_of(from)->reminded;
			do {
				n = epoll_wait(poll_fd, &event, 1, HUNG_MS);
			} while (n < 0 && errno == EINTR);
			t_assert(n == 1);
		}
		t_assert(err == MOOR_READY);
		t_expect(from, 8, i);
		t_send(to, 8, i + 1);
	}
	/* The reminder, which would hide that nobody rang, was off but for the beginning. */
	if (reminders > 100)
		ck_abort_msg("reminded %ju times", (uintmax_t)reminders);
	t_assert(moor_tx_drain(to, HUNG) == 0 || begins);
	moor_tx_close(to);
	moor_rx_close(from);
	close(poll_fd);
}

static int pong(void *arg)
{
	(void)arg;
	ping_pong("there", "back", false);
	return 0;
}

START_TEST(test_ping_pong_of_processes)
{
	const pid_t pid = t_spawn(pong, NULL);

	ping_pong("back", "there", true);
	ck_assert_int_eq(t_wait(pid), 0);
}
END_TEST

static void *pong_thread(void *arg)
{
	pong(arg);
	return NULL;
}

START_TEST(test_ping_pong_of_threads)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, pong_thread, NULL), 0);
	ping_pong("back", "there", true);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

/* A stream with pauses at random: the consumer arms at every moment there is, and sometimes waits otherwise. */
static void *stream(void *arg)
{
	uint64_t seed = 7;

	for (uint64_t n = 0; n < ROUNDS; n++) {
		char text[8];

		t_fill(text, sizeof text, n);
		t_assert_err(moor_tx_send(tx, text, sizeof text, HUNG), 0);
		for (uint64_t i = t_random(&seed) % 16 ? 0 : t_random(&seed) % 20000; i; i--)
			__asm__ volatile("" ::: "memory");
	}
	moor_tx_close(tx);
	return arg;
}

START_TEST(test_stream)
{
	pthread_t thread;
	uint64_t n = 0, armed = 0, seed = 8;
	int err = 0;

	open_rx("s");
	t_assert_err(moor_tx_open("s", &small, &tx), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, stream, NULL), 0);
	while (err == 0) {
		struct moor_msg msg;

		while (moor_rx_peek(rx, &msg) == 0) {
			t_assert(msg.len == 8 && t_is_filled(msg.data, 8, n));
			n++;
			if (t_random(&seed) % 3)
				moor_rx_release(rx);
		}
		moor_rx_release(rx);
		if (t_random(&seed) % 8 == 0) {
			err = moor_rx_wait(rx, HUNG);
			continue;
		}
		err = moor_rx_arm(rx);
		if (err == 0) {
			t_assert(!is_reminded());
			armed++;
			must_become_readable();
		} else if (err == MOOR_READY) {
			err = 0;
		}
	}
	t_assert_err(err, MOOR_ECLOSED);
	ck_assert_uint_eq(n, ROUNDS);
	printf("%ju messages, armed %ju times\n", (uintmax_t)n, (uintmax_t)armed);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	moor_rx_close(rx);
}
END_TEST

/* Producers killed at any moment, one after the other: all that was sent comes, and each end is told. */
static int stream_until_killed(void *arg)
{
	struct producer *producer = arg;

	t_assert(moor_tx_open("z", &small, &tx) >= 0);
	t_gate_open(producer->ready, 1);
	for (;;) {
		const uint64_t n = *producer->sent;
		char text[8];

		t_fill(text, sizeof text, n);
		t_assert_err(moor_tx_send(tx, text, sizeof text, HUNG), 0);
		__atomic_store_n(producer->sent, n + 1, __ATOMIC_RELEASE);
		if (n % 7 == 0)
			sched_yield();
	}
}

START_TEST(test_killed_amid_a_stream)
{
	struct producer producer = {.ready = t_gate_new(), .sent = t_shared(sizeof *producer.sent)};
	uint64_t seed = 9, received = 0;

	open_rx("z");
	for (int i = 0; i < 30; i++) {
		const pid_t pid = t_spawn(stream_until_killed, &producer);
		const uint64_t until = received + t_random(&seed) % 3000;
		bool alive = true;
		int err = 0;

		t_gate_pass(producer.ready);
		while (err == 0 || err == MOOR_READY) {
			struct moor_msg msg;

			while ((err = moor_rx_peek(rx, &msg)) == 0) {
				t_assert(msg.len == 8 && t_is_filled(msg.data, 8, received));
				received++;
				moor_rx_release(rx);
			}
			if (alive && received >= until) {
				t_kill(pid);
				alive = false;
			}
			if (err == MOOR_EAGAIN)
				err = moor_rx_arm(rx);
			if (err == 0)
				must_become_readable();
		}
		t_assert_err(err, MOOR_EPEERDEAD);
		/* The last may have been published and not counted. */
		t_assert(received == *producer.sent || received == *producer.sent + 1);
		*producer.sent = received;
	}
	moor_rx_close(rx);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* ---- many: the timer, which is always on there, would hide what is looked for here ---- */

#define PRODUCERS 4

static void open_many(const char *name, moor_tx **producers, int from, int to)
{
	for (int i = from; i < to; i++)
		t_assert(moor_tx_open(name, &many, &producers[i]) >= 0);
}

/* The timer off, where it would hide a bell that was not rung; where the arming was for padding it must go off at once. */
static void silence(void)
{
	t_assert(is_reminded());
	if ((moor__load_64(&rx->ring.consumer->quiet.asleep) & MOOR__POSITION) == rx->seen)
		moor__os_bell_remind(&moor__endpoint_of(rx)->bell, 0);
}

static void must_be_armed(void)
{
	t_assert_err(moor_rx_arm(rx), 0);
	silence();
	t_assert(!readable(0));
}

/* Padding, and nothing else. */
static void pad(moor_tx *by)
{
	void *to;

	t_assert_err(moor_tx_reserve(by, 8, &to), 0);
	moor_tx_cancel(by);
}

START_TEST(test_each_of_many_rings)
{
	moor_tx *producers[PRODUCERS];

	opts_of_all = &many;
	open_many("k", producers, 0, 2);
	open_rx("k");
	open_many("k", producers, 2, 3);
	must_be_armed();
	open_many("k", producers, 3, 4);
	t_assert(readable(0)); /* for a predecessor that may have been killed */
	for (uint64_t n = 0; n < 200; n++) {
		must_be_armed();
		t_send(producers[n % PRODUCERS], 8, n);
		t_assert(readable(0));
		t_send(producers[(n + 1) % PRODUCERS], 8, n);
		t_assert_err(moor_rx_arm(rx), MOOR_READY);
		take_one(n);
		take_one(n);
		t_expect_none(rx);
	}
	for (int i = 0; i < PRODUCERS; i++)
		moor_tx_close(producers[i]);
	moor_rx_close(rx);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

static moor_tx *padder;
static int paddings;

/* Between the announcement and the second look; and what it rang is not heard. */
static void pad_the_armed(const char *label)
{
	if (paddings && strcmp(label, "rx: armed") == 0) {
		paddings--;
		pad(padder);
		(void)moor__os_bell_empty(&moor__endpoint_of(rx)->bell);
	}
}

START_TEST(test_padding_is_no_message)
{
	uint64_t n = 0;

	opts_of_all = &many;
	t_assert_err(moor_tx_open("k", &many, &tx), MOOR_CREATED);
	open_rx("k");
	for (; n < 100; n++) {
		for (uint64_t i = n % 3; i; i--)
			pad(tx);
		must_be_armed();
		pad(tx);
		t_assert(readable(0)); /* for nothing */
		if (n % 2)
			t_expect_none(rx);
		else
			must_be_armed();
		send_one(n);
		t_assert(readable(0));
		t_assert_err(moor_rx_arm(rx), MOOR_READY);
		take_one(n);
	}
	padder = tx;
	for (int i = 1; i < 10; i++, n++) {
		paddings = i;
		moor__crash_hook = pad_the_armed;
		t_assert_err(moor_rx_arm(rx), 0);
		moor__crash_hook = NULL;
		silence();
		if (i < 4)
			t_assert(!readable(0) && !paddings);
		else
			must_become_readable(); /* that was enough for one call */
		if (i >= 4)
			must_be_armed();
		send_one(n);
		t_assert(readable(0));
		take_one(n);
	}
	moor_tx_close(tx);
	moor_rx_close(rx);
}
END_TEST

/* Armed where one has claimed and not yet published. */
START_TEST(test_a_claim_is_waited_for)
{
	moor_tx *producers[2];
	void *to;

	opts_of_all = &many;
	open_rx("k");
	open_many("k", producers, 0, 2);
	for (uint64_t n = 0; n < 100; n++) {
		if (n % 3 == 0)
			must_be_armed();
		t_assert_err(moor_tx_reserve(producers[0], 440, &to), 0); /* with the other's, an eighth */
		t_send(producers[1], 8, n);
		if (n % 3)
			must_be_armed();
		t_assert(!readable(0));
		if (n % 2) {
			moor_tx_cancel(producers[0]);
		} else {
			t_fill(to, 8, n);
			t_assert_err(moor_tx_commit(producers[0], 8), 0);
		}
		t_assert(readable(0));
		t_assert_err(moor_rx_arm(rx), MOOR_READY);
		if (n % 2 == 0)
			take_one(n);
		take_one(n);
	}
	moor_tx_close(producers[0]);
	moor_tx_close(producers[1]);
	moor_rx_close(rx);
}
END_TEST

/* Of any of them, with room for a record that says so and without, and where another has claimed. */
START_TEST(test_close_of_one_of_many_makes_it_readable)
{
	for (int full = 0; full < 2; full++) {
		moor_tx *producers[PRODUCERS];
		struct moor_msg msg;
		void *to;

		opts_of_all = &many;
		open_rx("k");
		open_many("k", producers, 0, PRODUCERS);
		while (full && moor_tx_reserve(producers[0], 8, &to) == 0)
			t_assert_err(moor_tx_commit(producers[0], 8), 0);
		while (full && moor_rx_peek(rx, &msg) == 0)
			;
		if (!full)
			t_assert_err(moor_tx_reserve(producers[0], 8, &to), 0);
		for (int i = PRODUCERS - 1; i >= 0; i--) {
			must_be_armed();
			moor_tx_close(producers[i]);
			t_assert(readable(0));
		}
		t_assert_err(moor_rx_arm(rx), MOOR_ECLOSED);
		t_assert_err(moor_rx_arm(rx), MOOR_ECLOSED);
		moor_rx_close(rx);
		ck_assert_int_eq(t_local_entries(), 0);
	}
}
END_TEST

START_TEST(test_death_of_the_last_of_many_makes_it_readable)
{
	struct producer producer = {t_gate_new(), t_gate_new(), 0, NULL};
	pid_t pids[2];

	opts_of_all = &many;
	open_rx("k");
	for (int i = 0; i < 2; i++) {
		pids[i] = t_spawn(produce_and_wait, &producer);
		t_gate_pass(producer.ready);
	}
	t_assert_err(moor_rx_arm(rx), 0);
	t_kill(pids[0]);
	t_assert_err(moor_rx_arm(rx), 0);
	silence();
	t_kill(pids[1]);
	must_become_readable(); /* by the system */
	t_assert_err(arm_and_poll(), MOOR_EPEERDEAD);
	t_assert_err(moor_rx_arm(rx), MOOR_ECLOSED);
	t_assert_err(moor_tx_open("k", &many, &tx), 0);
	must_be_armed();
	send_one(7);
	t_assert(readable(0));
	take_one(7);
	moor_tx_close(tx);
	moor_rx_close(rx);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

struct dying {
	struct t_gate *ready, *go;
	const char *at;
};

static int send_and_die(void *arg)
{
	struct dying *dying = arg;

	t_assert(moor_tx_open("k", &many, &tx) >= 0);
	t_gate_open(dying->ready, 1);
	t_gate_pass(dying->go);
	t_die_at(dying->at, 1);
	send_one(3);
	return 9;
}

/* What it has published, and not told; and what others have published behind its claim. */
START_TEST(test_death_of_one_of_many_loses_nothing)
{
	static const char *const labels[] = {"mpsc: announced", "mpsc: claimed", "mpsc: marked", "mpsc: published"};

	opts_of_all = &many;
	for (int i = 0; i < 8; i++) {
		struct dying dying = {t_gate_new(), t_gate_new(), labels[i % 4]};
		const bool published = i % 4 == 3, newcomer = i >= 4;
		moor_tx *other, *later = NULL;
		pid_t pid;

		open_rx("k");
		t_assert_err(moor_tx_open("k", &many, &other), 0);
		pid = t_spawn(send_and_die, &dying);
		t_gate_pass(dying.ready);
		t_assert_err(moor_rx_arm(rx), 0);
		if (newcomer)
			silence();
		t_gate_open(dying.go, 1);
		ck_assert_int_eq(t_wait(pid), 128 + SIGKILL);
		if (newcomer)
			t_assert_err(moor_tx_open("k", &many, &later), 0);
		t_send(other, 8, 5);
		if (newcomer)
			t_assert(readable(0));
		else
			must_become_readable();
		t_assert_err(arm_and_poll(), MOOR_READY);
		if (published)
			take_one(3);
		t_assert_err(arm_and_poll(), MOOR_READY);
		take_one(5);
		moor_tx_close(other);
		moor_tx_close(later);
		moor_rx_close(rx);
		ck_assert_int_eq(t_local_entries(), 0);
	}
}
END_TEST

struct player {
	struct t_gate *ready, *go;
	uint64_t id;
	char back[8];
};

/* Says a number, and waits for it to come back; now and then it says nothing, and that loudly. */
static int play(void *arg)
{
	struct player *player = arg;
	uint64_t said, heard;
	moor_tx *to;
	moor_rx *from;
	size_t len;

	t_assert(moor_rx_open(player->back, &small, &from) >= 0);
	t_assert(moor_tx_open("there", &many, &to) >= 0);
	t_gate_open(player->ready, 1);
	t_gate_pass(player->go);
	for (uint64_t n = 0; n < ROUNDS / 40; n++) {
		if (n % 5 == player->id)
			pad(to);
		said = player->id << 32 | n;
		t_assert(moor_tx_send(to, &said, sizeof said, HUNG) == 0);
		t_assert(moor_rx_recv(from, &heard, sizeof heard, &len, HUNG) == 0);
		t_assert(len == sizeof heard && heard == said);
	}
	moor_tx_close(to);
	moor_rx_close(from);
	return 0;
}

static void *play_thread(void *arg)
{
	play(arg);
	return NULL;
}

/* The consumer, by arm and poll alone. */
static void play_with_all(moor_tx *const backs[])
{
	uint64_t got, next[PRODUCERS] = {0};
	size_t len;
	int err;

	do {
		while ((err = moor_rx_recv(rx, &got, sizeof got, &len, MOOR_NOWAIT)) == 0) {
			t_assert(len == sizeof got && got >> 32 < PRODUCERS && (uint32_t)got == next[got >> 32]++);
			t_assert_err(moor_tx_send(backs[got >> 32], &got, sizeof got, HUNG), 0);
		}
		if (err == MOOR_EAGAIN)
			err = moor_rx_arm(rx);
		if (err == 0) {
			silence();
			must_become_readable();
		}
	} while (err >= 0);
	t_assert_err(err, MOOR_ECLOSED);
	for (int i = 0; i < PRODUCERS; i++)
		ck_assert_uint_eq(next[i], ROUNDS / 40);
}

START_TEST(test_ping_pong_of_many)
{
	struct player players[PRODUCERS];
	moor_tx *backs[PRODUCERS];
	pthread_t threads[PRODUCERS];
	pid_t pids[PRODUCERS];

	opts_of_all = &many;
	open_rx("there");
	for (int i = 0; i < PRODUCERS; i++) {
		players[i] = (struct player){t_gate_new(), t_gate_new(), (uint64_t)i, "back"};
		players[i].back[4] = (char)('0' + i);
		if (_i == 0)
			pids[i] = t_spawn(play, &players[i]);
		else
			ck_assert_int_eq(pthread_create(&threads[i], NULL, play_thread, &players[i]), 0);
		t_gate_pass(players[i].ready);
		t_assert_err(moor_tx_open(players[i].back, &small, &backs[i]), 0);
	}
	for (int i = 0; i < PRODUCERS; i++)
		t_gate_open(players[i].go, 1);
	play_with_all(backs);
	for (int i = 0; i < PRODUCERS; i++) {
		if (_i == 0)
			ck_assert_int_eq(t_wait(pids[i]), 0);
		else
			ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		moor_tx_close(backs[i]);
	}
	moor_rx_close(rx);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("poll");
	TCase *tc = tcase_create("bell");

	tcase_set_timeout(tc, 600);
	tcase_add_test(tc, test_results);
	tcase_add_test(tc, test_a_message_makes_it_readable);
	tcase_add_test(tc, test_unseen_is_what_counts);
	tcase_add_test(tc, test_only_the_armed_are_told);
	tcase_add_test(tc, test_nothing_armed_costs_no_system_call);
	tcase_add_test(tc, test_close_makes_it_readable);
	tcase_add_test(tc, test_death_makes_it_readable);
	tcase_add_test(tc, test_killed_before_it_rang);
	tcase_add_test(tc, test_death_is_told_though_a_child_lives);
	tcase_add_test(tc, test_a_child_of_the_consumer_has_no_part);
	tcase_add_test(tc, test_of_many);
	tcase_add_test(tc, test_the_next_consumer_has_its_own);
	tcase_add_test(tc, test_nothing_stays);
	tcase_add_loop_test(tc, test_nothing_stays_wherever_it_is_killed, 0, 2);
	tcase_add_test(tc, test_a_killed_consumers_is_taken_away);
	tcase_add_test(tc, test_names_do_not_show_it);
	tcase_add_test(tc, test_what_is_no_fifo_is_refused);
	tcase_add_test(tc, test_without_descriptors);
	tcase_add_test(tc, test_another_users_consumer);
	tcase_add_test(tc, test_ping_pong_of_processes);
	tcase_add_test(tc, test_ping_pong_of_threads);
	tcase_add_test(tc, test_stream);
	tcase_add_test(tc, test_killed_amid_a_stream);
	tcase_add_test(tc, test_each_of_many_rings);
	tcase_add_test(tc, test_padding_is_no_message);
	tcase_add_test(tc, test_a_claim_is_waited_for);
	tcase_add_test(tc, test_close_of_one_of_many_makes_it_readable);
	tcase_add_test(tc, test_death_of_the_last_of_many_makes_it_readable);
	tcase_add_test(tc, test_death_of_one_of_many_loses_nothing);
	tcase_add_loop_test(tc, test_ping_pong_of_many, 0, 2);
	suite_add_tcase(suite, tc);
	return t_main(suite);
}
