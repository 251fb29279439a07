/* SPDX-License-Identifier: Apache-2.0 */
/* test_channel_fork.c - what a forked child may do with its parent's ends of a channel: nothing but close them. */
#include "tests/lib/ring.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HUNG ((int64_t)100 * 1000000000)

static struct moor_channel_opts small = {.struct_size = sizeof small, .capacity = T_CAPACITY, .max_message = T_MAX};

static void one_producer(void)
{
	small.kind = MOOR_SPSC;
}

static void many_producers(void)
{
	small.kind = MOOR_MPSC;
}

static moor_tx *tx;
static moor_rx *rx;

static struct moor_channel_info look(const char *name)
{
	struct moor_channel_info info = {.struct_size = sizeof info};

	t_assert_err(moor_channel_stat(name, &info), 0);
	return info;
}

static int wrong(const char *call, int got)
{
	fprintf(stderr, "in the child: %s: %s\n", call, moor_err_name(got));
	return 9;
}
#define EXPECT(call, expected)                                                                                         \
	do {                                                                                                           \
		const int got_ = (call);                                                                               \
		if (got_ != (expected))                                                                                \
			return wrong(#call, got_);                                                                     \
	} while (0)

static int try_everything(void)
{
	struct moor_iov iov = {"x", 1};
	struct moor_msg msg;
	char buf[8];
	size_t len;
	void *to;

	for (int i = 0; i < 2; i++) {
		EXPECT(moor_tx_reserve(tx, 0, &to), MOOR_EFORK);
		EXPECT(moor_tx_reserve(tx, 10, &to), MOOR_EFORK);
		EXPECT(moor_tx_commit(tx, 0), MOOR_EFORK);
		EXPECT(moor_tx_commit(tx, 10), MOOR_EFORK);
		moor_tx_cancel(tx);
		EXPECT(moor_tx_send(tx, "x", 1, MOOR_FOREVER), MOOR_EFORK);
		EXPECT(moor_tx_send(tx, NULL, 0, MOOR_NOWAIT), MOOR_EFORK);
		EXPECT(moor_tx_sendv(tx, &iov, 1, MOOR_FOREVER), MOOR_EFORK);
		EXPECT(moor_tx_sendv(tx, NULL, 0, MOOR_FOREVER), MOOR_EFORK);
		EXPECT(moor_tx_wait(tx, 0, MOOR_FOREVER), MOOR_EFORK);
		EXPECT(moor_tx_wait(tx, 100, MOOR_FOREVER), MOOR_EFORK);
		EXPECT(moor_tx_drain(tx, MOOR_FOREVER), MOOR_EFORK);
		EXPECT(moor_tx_interrupt(tx), MOOR_EFORK);
		EXPECT((int)moor_tx_max_message(tx), 0);
		EXPECT((int)moor_tx_capacity(tx), 0);
		EXPECT(moor_rx_peek(rx, &msg), MOOR_EFORK);
		moor_rx_release(rx);
		EXPECT(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_FOREVER), MOOR_EFORK);
		EXPECT(moor_rx_wait(rx, MOOR_FOREVER), MOOR_EFORK);
		EXPECT(moor_rx_wait(rx, MOOR_NOWAIT), MOOR_EFORK);
		EXPECT(moor_rx_rewind(rx), MOOR_EFORK);
		EXPECT(moor_rx_interrupt(rx), MOOR_EFORK);
	}
	return 0;
}

enum end { CLOSES, EXITS, KILLED, ENDS };

static int child(void *arg)
{
	const enum end end = *(const enum end *)arg;
	moor_tx *mine;
	const int bad = try_everything();

	if (bad)
		return bad;
	if (small.kind == MOOR_SPSC)
		EXPECT(moor_tx_open("fork", NULL, &mine), MOOR_EBUSY); /* the parent has it, and lives */
	if (end == CLOSES) {
		moor_tx_close(tx);
		moor_rx_close(rx);
	} else if (end == KILLED) {
		kill(getpid(), SIGKILL);
	}
	return 0;
}

static int stranger(void *arg)
{
	moor_tx *mine;
	moor_rx *other;

	(void)arg;
	if (small.kind == MOOR_SPSC)
		EXPECT(moor_tx_open("fork", NULL, &mine), MOOR_EBUSY);
	EXPECT(moor_rx_open("fork", NULL, &other), MOOR_EBUSY);
	return 0;
}

/* A bare clone, which no handler of fork hears of. */
static pid_t clone_bare(int (*fn)(void *arg), void *arg)
{
	const pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(fn(arg));
	return pid;
}

/* _i: how the child ends, and whether the C library knows that it is one. */
START_TEST(test_F1_F2_child_of_both_roles)
{
	enum end end = (enum end)(_i % ENDS);
	void *to;
	int code;

	t_assert_err(moor_tx_open("fork", &small, &tx), MOOR_CREATED);
	t_assert_err(moor_rx_open("fork", &small, &rx), 0);
	for (unsigned n = 0; n < 5; n++)
		t_send(tx, 100, n);
	t_expect_peek(rx, 100, 0);
	t_expect_peek(rx, 100, 1);
	t_assert_err(moor_tx_reserve(tx, 200, &to), 0);
	t_fill(to, 200, 5);
	code = t_wait(_i < ENDS ? t_spawn(child, &end) : clone_bare(child, &end));
	ck_assert_int_eq(code, end == KILLED ? 128 + SIGKILL : 0);
	/* the parent has lost nothing */
	t_assert_err(moor_tx_commit(tx, 200), 0);
	ck_assert_int_eq(t_wait(t_spawn(stranger, NULL)), 0);
	ck_assert_uint_eq(look("fork").producers, 1);
	ck_assert_uint_eq(look("fork").consumers, 1);
	ck_assert_uint_eq(look("fork").closed, 0);
	ck_assert_uint_eq(look("fork").died, 0);
	t_expect_peek(rx, 100, 2);
	moor_rx_release(rx);
	ck_assert_uint_eq(look("fork").received_messages, 3);
	t_expect(rx, 100, 3);
	t_expect(rx, 100, 4);
	t_expect(rx, 200, 5);
	t_expect_none(rx);
	for (unsigned n = 0; n < 300; n++) {
		t_send(tx, n, n);
		t_expect(rx, n, n);
	}
	moor_tx_close(tx);
	moor_rx_close(rx);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

struct gates {
	struct t_gate *ready, *go;
};

static int live_on(void *arg)
{
	const struct gates *gates = arg;
	moor_tx *mine;

	alarm(100);
	t_gate_open(gates->ready, 1);
	t_gate_pass(gates->go);
	EXPECT(try_everything(), 0);
	/* by now the parent has closed its ends: the roles can be had, of a new ring */
	EXPECT(moor_tx_open("fork", &small, &mine), MOOR_CREATED);
	moor_tx_close(mine);
	moor_tx_close(tx);
	moor_rx_close(rx);
	return 0;
}

START_TEST(test_F2_child_keeps_no_name_alive)
{
	struct gates gates = {t_gate_new(), t_gate_new()};
	struct moor_channel_info info = {.struct_size = sizeof info};
	pid_t pid;

	t_assert_err(moor_tx_open("fork", &small, &tx), MOOR_CREATED);
	t_assert_err(moor_rx_open("fork", &small, &rx), 0);
	pid = t_spawn(live_on, &gates);
	t_gate_pass(gates.ready);
	moor_tx_close(tx);
	moor_rx_close(rx);
	t_assert_err(moor_channel_stat("fork", &info), MOOR_ENOENT);
	ck_assert_int_eq(t_local_entries(), 0);
	t_gate_open(gates.go, 1);
	ck_assert_int_eq(t_wait(pid), 0);
}
END_TEST

static pid_t *grandchild;

/* A producer with a child that outlives it. */
static int produce_and_fork(void *arg)
{
	const struct gates *gates = arg;
	pid_t pid;

	EXPECT(moor_tx_open("fork", &small, &tx), 0);
	EXPECT(moor_tx_send(tx, "x", 1, MOOR_NOWAIT), 0);
	pid = fork();
	if (pid == 0) {
		*grandchild = getpid();
		alarm(100);
		t_gate_open(gates->ready, 1);
		t_gate_pass(gates->go); /* for ever */
		_exit(0);
	}
	t_sleep_ms(100000);
	return 0;
}

START_TEST(test_F3_death_is_seen_although_a_child_lives_on)
{
	struct gates gates = {t_gate_new(), t_gate_new()};
	char buf[8];
	size_t len;
	pid_t pid;

	grandchild = t_shared(sizeof *grandchild);
	t_assert_err(moor_rx_open("fork", &small, &rx), MOOR_CREATED);
	pid = t_spawn(produce_and_fork, &gates);
	t_gate_pass(gates.ready);
	t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, HUNG), 0);
	t_assert_err(moor_rx_wait(rx, 1000000), MOOR_ETIMEDOUT);
	t_kill(pid);
	t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, HUNG), MOOR_EPEERDEAD);
	t_assert_err(moor_tx_open("fork", NULL, &tx), 0);
	ck_assert_int_eq(kill(*grandchild, 0), 0);
	kill(*grandchild, SIGKILL);
	t_send(tx, 5, 5);
	t_expect(rx, 5, 5);
	moor_tx_close(tx);
	moor_rx_close(rx);
}
END_TEST

static void *receive_two(void *arg)
{
	char buf[8];
	size_t len;

	(void)arg;
	for (int n = 0; n < 2; n++)
		t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, HUNG), 0);
	return NULL;
}

START_TEST(test_F4_fork_while_a_thread_is_blocked)
{
	enum end end = CLOSES;
	pthread_t thread;

	t_assert_err(moor_tx_open("fork", &small, &tx), MOOR_CREATED);
	t_assert_err(moor_rx_open("fork", &small, &rx), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, receive_two, NULL), 0);
	while (look("fork").waits == 0)
		t_sleep_ms(1);
	ck_assert_int_eq(t_wait(t_spawn(child, &end)), 0);
	t_send(tx, 5, 5);
	t_sleep_ms(5);
	ck_assert_int_eq(t_wait(clone_bare(child, &end)), 0);
	t_send(tx, 6, 6);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	moor_tx_close(tx);
	moor_rx_close(rx);
}
END_TEST

/* A child of the child, and roles that the child takes itself. */
static int grandchild_of(void *arg)
{
	(void)arg;
	return try_everything();
}

static int take_roles_of_its_own(void *arg)
{
	moor_tx *const parents_tx = tx;
	moor_rx *const parents_rx = rx;
	int code;

	(void)arg;
	EXPECT(moor_tx_open("child's", &small, &tx), MOOR_CREATED);
	EXPECT(moor_rx_open("child's", &small, &rx), 0);
	EXPECT(moor_tx_send(tx, "x", 1, MOOR_NOWAIT), 0);
	code = t_wait(t_spawn(grandchild_of, NULL));
	if (code)
		return code;
	EXPECT(moor_rx_wait(rx, MOOR_NOWAIT), 0);
	moor_tx_close(parents_tx);
	moor_rx_close(parents_rx);
	return 0;
}

START_TEST(test_F1_child_takes_roles_of_its_own)
{
	t_assert_err(moor_tx_open("fork", &small, &tx), MOOR_CREATED);
	t_assert_err(moor_rx_open("fork", &small, &rx), 0);
	ck_assert_int_eq(t_wait(t_spawn(take_roles_of_its_own, NULL)), 0);
	t_send(tx, 5, 5);
	t_expect(rx, 5, 5);
	moor_tx_close(tx);
	moor_rx_close(rx);
}
END_TEST

static int close_both(void *arg)
{
	const int bad = try_everything();

	(void)arg;
	moor_tx_close(tx);
	moor_rx_close(rx);
	return bad;
}

/* Over the caller's memory, too. */
START_TEST(test_F1_ring_on_shared_memory)
{
	const struct moor_ring_opts opts = {.struct_size = sizeof opts, .capacity = T_CAPACITY, .kind = small.kind};
	struct t_ring ring;

	t_assert_err(moor_ring_size(&opts, &ring.len), 0);
	ring.mem = t_shared(ring.len);
	t_assert_err(moor_ring_format(ring.mem, ring.len, &opts), 0);
	t_ring_attach(&ring);
	tx = ring.tx;
	rx = ring.rx;
	t_send(tx, 5, 5);
	for (int bare = 0; bare < 2; bare++)
		ck_assert_int_eq(t_wait(bare ? clone_bare(close_both, NULL) : t_spawn(close_both, NULL)), 0);
	t_expect(rx, 5, 5);
	t_expect_none(rx);
	ck_assert_uint_eq(t_ring_stat(&ring).closed, 0);
	moor_tx_close(tx);
	moor_rx_close(rx);
}
END_TEST

static TCase *cases_of(const char *kind, void (*set_up)(void))
{
	TCase *cases = tcase_create(kind);

	tcase_set_timeout(cases, 60);
	tcase_add_checked_fixture(cases, set_up, NULL);
	tcase_add_loop_test(cases, test_F1_F2_child_of_both_roles, 0, 2 * ENDS);
	tcase_add_test(cases, test_F2_child_keeps_no_name_alive);
	tcase_add_test(cases, test_F3_death_is_seen_although_a_child_lives_on);
	tcase_add_test(cases, test_F4_fork_while_a_thread_is_blocked);
	tcase_add_test(cases, test_F1_child_takes_roles_of_its_own);
	tcase_add_test(cases, test_F1_ring_on_shared_memory);
	return cases;
}

int main(void)
{
	Suite *suite = suite_create("channel, forked");

	suite_add_tcase(suite, cases_of("one producer", one_producer));
	suite_add_tcase(suite, cases_of("many producers", many_producers));
	return t_main(suite);
}
