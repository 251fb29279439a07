/* SPDX-License-Identifier: Apache-2.0 */
/* test_channel.c - named channels between processes: opening, roles, the end of the stream, stopped and dead peers. */
#include "tests/lib/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS ((int64_t)1000000)
#define SECOND (1000 * MS)
#define HUNG (100 * SECOND)

static const struct moor_channel_opts small = {.struct_size = sizeof small, .capacity = T_CAPACITY, .max_message = T_MAX};
static const struct moor_channel_opts open_only = {.struct_size = sizeof open_only, .flags = MOOR_OPEN_ONLY};
static const struct moor_channel_opts create_only = {.struct_size = sizeof create_only, .flags = MOOR_CREATE_ONLY};

static struct moor_channel_info look(const char *name)
{
	struct moor_channel_info info = {.struct_size = sizeof info};

	t_assert_err(moor_channel_stat(name, &info), 0);
	return info;
}

/* For a child: its results are checked by exit code, and said. */
static void must(int got, int expected, const char *what)
{
	if (got != expected) {
		fprintf(stderr, "in a child: %s: %s, expected %s\n", what, moor_err_name(got), moor_err_name(expected));
		_exit(9);
	}
}
#define MUST(call, expected) must(call, expected, #call)

static int send_hello(void *arg)
{
	moor_tx *tx;
	int err;

	t_sleep_ms(*(int *)arg);
	err = moor_tx_open("hello", NULL, &tx);
	if (err < 0)
		must(err, 0, "tx_open");
	MUST(moor_tx_send(tx, "hello", 5, HUNG), 0);
	MUST(moor_tx_drain(tx, HUNG), 0);
	moor_tx_close(tx);
	return err;
}

static int receive_hello(void *arg)
{
	char buf[8];
	size_t len;
	moor_rx *rx;
	int err;

	t_sleep_ms(*(int *)arg);
	err = moor_rx_open("hello", NULL, &rx);
	if (err < 0)
		must(err, 0, "rx_open");
	MUST(moor_rx_recv(rx, buf, sizeof buf, &len, HUNG), 0);
	if (len != 5 || memcmp(buf, "hello", 5) != 0)
		return 8;
	MUST(moor_rx_recv(rx, buf, sizeof buf, &len, HUNG), MOOR_ECLOSED);
	moor_rx_close(rx);
	return err;
}

START_TEST(test_either_comes_first)
{
	int now = 0, later = 20;

	for (int i = 0; i < 3; i++) {
		const pid_t sender = t_spawn(send_hello, i == 1 ? &later : &now);
		const pid_t receiver = t_spawn(receive_hello, i == 2 ? &later : &now);
		const int sent = t_wait(sender), received = t_wait(receiver);

		ck_assert_msg(sent + received == MOOR_CREATED, "sender %d, receiver %d", sent, received);
		ck_assert_int_eq(t_local_entries(), 0);
	}
}
END_TEST

START_TEST(test_open_and_create_only)
{
	const struct moor_channel_opts both = {.struct_size = sizeof both, .flags = MOOR_CREATE_ONLY | MOOR_OPEN_ONLY};
	const struct moor_channel_opts unknown = {.struct_size = sizeof unknown, .flags = 1u << 20};
	moor_tx *tx = NULL;
	moor_rx *rx = NULL;

	t_assert_err(moor_tx_open("o", &both, &tx), MOOR_EINVAL);
	t_assert_err(moor_rx_open("o", &both, &rx), MOOR_EINVAL);
	t_assert_err(moor_tx_open("o", &unknown, &tx), MOOR_EINVAL);
	t_assert_err(moor_tx_open("o", &open_only, &tx), MOOR_ENOENT);
	t_assert_err(moor_rx_open("o", &open_only, &rx), MOOR_ENOENT);
	t_assert_err(moor_tx_open("o", NULL, NULL), MOOR_EINVAL);
	t_assert_err(moor_rx_open("o", NULL, NULL), MOOR_EINVAL);
	t_assert_err(moor_tx_open(NULL, NULL, &tx), MOOR_EINVAL);
	t_assert_err(moor_tx_open("", NULL, &tx), MOOR_ENAME);
	t_assert_err(moor_rx_open("a/b", NULL, &rx), MOOR_ENAME);
	t_assert(!tx && !rx);
	t_assert_err(moor_tx_open("o", &create_only, &tx), MOOR_CREATED);
	t_assert_err(moor_rx_open("o", &create_only, &rx), MOOR_EEXIST);
	t_assert(!rx);
	t_assert_err(moor_rx_open("o", &open_only, &rx), 0);
	moor_tx_close(tx);
	tx = NULL;
	t_assert_err(moor_tx_open("o", &create_only, &tx), MOOR_EEXIST);
	t_assert_err(moor_tx_open("o", &open_only, &tx), 0);
	moor_tx_close(tx);
	moor_rx_close(rx);
	t_assert_err(moor_tx_open("o", &open_only, &tx), MOOR_ENOENT);
	t_assert_err(moor_rx_open("o", &create_only, &rx), MOOR_CREATED);
	moor_rx_close(rx);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

static int find_busy(void *arg)
{
	moor_tx *tx;
	moor_rx *rx;

	(void)arg;
	MUST(moor_tx_open("b", NULL, &tx), MOOR_EBUSY);
	MUST(moor_rx_open("b", NULL, &rx), MOOR_EBUSY);
	MUST(moor_tx_open("b", &open_only, &tx), MOOR_EBUSY);
	return 0;
}

static int take_both(void *arg)
{
	moor_tx *tx;
	moor_rx *rx;

	(void)arg;
	MUST(moor_tx_open("b", NULL, &tx), 0);
	MUST(moor_rx_open("b", NULL, &rx), 0);
	return 0; /* without close */
}

START_TEST(test_one_of_each)
{
	moor_tx *tx, *other_tx = NULL;
	moor_rx *rx, *other_rx = NULL;
	moor_hold *hold;

	t_assert_err(moor_tx_open("b", &small, &tx), MOOR_CREATED);
	t_assert_err(moor_rx_open("b", &small, &rx), 0);
	t_assert_err(moor_hold_open("b", &hold), 0);
	t_assert_err(moor_tx_open("b", NULL, &other_tx), MOOR_EBUSY);
	t_assert_err(moor_rx_open("b", NULL, &other_rx), MOOR_EBUSY);
	t_assert(!other_tx && !other_rx);
	ck_assert_int_eq(t_wait(t_spawn(find_busy, NULL)), 0);
	/* the refused ones have left nothing that disturbs */
	t_send(tx, 5, 5);
	t_expect(rx, 5, 5);
	ck_assert_uint_eq(look("b").producers, 1);
	ck_assert_uint_eq(look("b").consumers, 1);
	ck_assert_uint_eq(look("b").attached, 1);
	moor_tx_close(tx);
	moor_rx_close(rx);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(t_wait(t_spawn(take_both, NULL)), 0);
	ck_assert_int_eq(t_wait(t_spawn(take_both, NULL)), 0);
	t_assert_err(moor_tx_open("b", NULL, &tx), 0);
	ck_assert_uint_eq(look("b").attached, 23);
	ck_assert_uint_eq(look("b").died, 21);
	ck_assert_uint_eq(look("b").closed, 1);
	moor_tx_close(tx);
	moor_hold_close(hold);
}
END_TEST

START_TEST(test_mismatch)
{
	static const struct {
		uint64_t capacity, app_tag;
		uint32_t kind, max_message, max_producers;
		int err;
	} cases[] = {{0, 0, 0, 0, 0, 0},
	             {8192, 0, 0, 0, 0, 0},
	             {5000, 42, MOOR_SPSC, 0, 0, 0},
	             {4096, 0, 0, 0, 0, MOOR_EMISMATCH},
	             {1 << 20, 0, 0, 0, 0, MOOR_EMISMATCH},
	             {0, 43, 0, 0, 0, MOOR_EMISMATCH},
	             {0, 0, 3, 0, 0, MOOR_EINVAL},
	             {1, 0, 0, 0, 0, MOOR_EINVAL},
	             {8192, 0, 0, 4088, 7, 0}};
	moor_rx *rx;

	t_assert_err(moor_rx_open("m", &MOOR_CHANNEL_OPTS(.capacity = 8000, .app_tag = 42, .max_message = 100), &rx),
	             MOOR_CREATED);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct moor_channel_opts opts = {.struct_size = sizeof opts,
		                                       .capacity = cases[i].capacity,
		                                       .app_tag = cases[i].app_tag,
		                                       .kind = cases[i].kind,
		                                       .max_message = cases[i].max_message,
		                                       .max_producers = cases[i].max_producers};
		moor_tx *tx = NULL;
		const int err = moor_tx_open("m", &opts, &tx);

		ck_assert_msg(err == cases[i].err, "case %zu: %s", i, moor_err_name(err));
		t_assert(!tx == !!err);
		if (tx) {
			ck_assert_uint_eq(moor_tx_capacity(tx), 8192);
			ck_assert_uint_eq(moor_tx_max_message(tx), 100);
		}
		moor_tx_close(tx);
	}
	ck_assert_uint_eq(look("m").app_tag, 42);
	ck_assert_uint_eq(look("m").max_message, 100);
	ck_assert_uint_eq(look("m").capacity, 8192);
	ck_assert_uint_eq(look("m").kind, MOOR_SPSC);
	moor_rx_close(rx);
}
END_TEST

START_TEST(test_stat)
{
	struct moor_channel_info info = {.struct_size = sizeof info}, first;
	moor_map *map;
	moor_tx *tx;
	moor_rx *rx;

	t_assert_err(moor_channel_stat("s", &info), MOOR_ENOENT);
	t_assert_err(moor_channel_stat("s", NULL), MOOR_EINVAL);
	t_assert_err(moor_channel_stat(NULL, &info), MOOR_EINVAL);
	t_assert_err(moor_channel_stat("", &info), MOOR_ENAME);
	t_assert_err(moor_map_create("s", 100, NULL, &map), 0);
	t_assert_err(moor_channel_stat("s", &info), MOOR_EKIND);
	t_assert_err(moor_tx_open("s", NULL, &tx), MOOR_EKIND);
	moor_map_close(map);
	t_assert_err(moor_tx_open("s", &small, &tx), MOOR_CREATED);
	first = look("s");
	t_assert(first.producers == 1 && first.consumers == 0 && first.attached == 1 && first.closed == 0);
	t_assert(first.used == 0 && first.sent_messages == 0 && first.occupied == 0);
	for (unsigned n = 0; n < 4; n++)
		t_send(tx, 100 * n, n);
	t_assert(look("s").used == 600 && look("s").sent_messages == 4 && look("s").sent_bytes == 600);
	t_assert(look("s").occupied == 16 * (1 + 7 + 13 + 20));
	t_assert_err(moor_rx_open("s", NULL, &rx), 0);
	t_assert(look("s").consumers == 1);
	t_expect_peek(rx, 0, 0);
	t_expect_peek(rx, 100, 1);
	t_assert(look("s").used == 600 && look("s").received_messages == 0);
	moor_rx_release(rx);
	t_assert(look("s").used == 500 && look("s").received_messages == 2 && look("s").received_bytes == 100);
	moor_tx_close(tx);
	t_assert(look("s").producers == 0 && look("s").closed == 1 && look("s").died == 0 && look("s").attached == 1);
	t_assert(memcmp(look("s").instance, first.instance, sizeof first.instance) == 0);
	memset(&info, 0xaa, sizeof info);
	info.struct_size = 8;
	t_assert_err(moor_channel_stat("s", &info), 0);
	t_assert(info.kind == MOOR_SPSC && info.capacity == 0xaaaaaaaaaaaaaaaau && info.struct_size == 8);
	info.struct_size = 3;
	t_assert_err(moor_channel_stat("s", &info), MOOR_EINVAL);
	moor_rx_close(rx);
	info.struct_size = sizeof info;
	t_assert_err(moor_channel_stat("s", &info), MOOR_ENOENT);
	t_assert_err(moor_tx_open("s", &small, &tx), MOOR_CREATED);
	t_assert(memcmp(look("s").instance, first.instance, sizeof first.instance) != 0); /* another life */
	moor_tx_close(tx);
}
END_TEST

/* ---- the end of the stream ---- */

/* A child that holds roles and ends as it is told. */
struct actor {
	const char *name;
	struct t_gate *ready, *go;
	int sends;
	bool produces, consumes, closes;
};

static int act(void *arg)
{
	const struct actor *actor = arg;
	moor_tx *tx = NULL;
	moor_rx *rx = NULL;

	if (actor->produces && moor_tx_open(actor->name, &small, &tx) < 0)
		return 9;
	if (actor->consumes && moor_rx_open(actor->name, &small, &rx) < 0)
		return 9;
	for (int n = 0; n < actor->sends; n++)
		MUST(moor_tx_send(tx, "x", 1, MOOR_NOWAIT), 0);
	t_gate_open(actor->ready, 1);
	t_gate_pass(actor->go);
	if (actor->closes) {
		moor_tx_close(tx);
		moor_rx_close(rx);
	} else {
		kill(getpid(), SIGKILL);
	}
	return 0;
}

static struct actor actor_new(const char *name)
{
	return (struct actor){.name = name, .ready = t_gate_new(), .go = t_gate_new()};
}

static pid_t actor_start(struct actor *actor)
{
	const pid_t pid = t_spawn(act, actor);

	t_gate_pass(actor->ready);
	return pid;
}

static int actor_end(struct actor *actor, pid_t pid)
{
	t_gate_open(actor->go, 1);
	return t_wait(pid);
}

START_TEST(test_end_of_stream_for_the_receiver)
{
	struct actor producer = actor_new("e");
	struct moor_msg msg;
	moor_rx *rx;
	int64_t begun;
	pid_t pid;
	int err;

	producer.produces = true;
	t_assert_err(moor_rx_open("e", &small, &rx), MOOR_CREATED);
	t_expect_none(rx); /* nobody was ever there */
	t_assert_err(moor_rx_wait(rx, 150 * MS), MOOR_ETIMEDOUT);
	producer.closes = true;
	producer.sends = 1;
	pid = actor_start(&producer);
	t_assert_err(moor_rx_recv(rx, &(char){0}, 1, &(size_t){0}, MOOR_NOWAIT), 0);
	t_expect_none(rx);
	ck_assert_int_eq(actor_end(&producer, pid), 0);
	t_assert_err(moor_rx_peek(rx, &msg), MOOR_ECLOSED); /* a close is seen at once */
	t_assert_err(moor_rx_wait(rx, MOOR_FOREVER), MOOR_ECLOSED);

	producer.closes = false;
	pid = actor_start(&producer);
	t_assert_err(moor_rx_recv(rx, &(char){0}, 1, &(size_t){0}, MOOR_NOWAIT), 0);
	t_expect_none(rx);
	actor_end(&producer, pid);
	begun = t_now();
	while ((err = moor_rx_peek(rx, &msg)) == MOOR_EAGAIN && t_now() - begun < 20 * SECOND)
		continue;
	printf("a death was seen by peek after %jd us\n", (intmax_t)((t_now() - begun) / 1000));
	t_assert_err(err, MOOR_EPEERDEAD);
	t_assert(t_now() - begun < 2 * SECOND);
	t_assert_err(moor_rx_peek(rx, &msg), MOOR_ECLOSED); /* once */
	t_assert_err(moor_rx_wait(rx, MOOR_FOREVER), MOOR_ECLOSED);

	/* a restarted consumer on the old, empty ring waits; the death has been reported */
	pid = actor_start(&producer); /* keeps the name */
	t_assert_err(moor_rx_recv(rx, &(char){0}, 1, &(size_t){0}, MOOR_NOWAIT), 0);
	moor_rx_close(rx);
	t_assert_err(moor_rx_open("e", &open_only, &rx), 0);
	t_expect_none(rx);
	actor_end(&producer, pid);
	t_assert_err(moor_rx_wait(rx, MOOR_FOREVER), MOOR_EPEERDEAD);
	t_assert_err(moor_rx_wait(rx, MOOR_FOREVER), MOOR_ECLOSED);
	moor_rx_close(rx);
}
END_TEST

/* Sends one message and is killed. */
static int send_and_die(void *arg)
{
	moor_tx *tx;

	(void)arg;
	MUST(moor_tx_open("unseen", &open_only, &tx), 0);
	MUST(moor_tx_send(tx, "x", 1, MOOR_NOWAIT), 0);
	kill(getpid(), SIGKILL);
	return 0;
}

/* Nobody waits, so nobody has looked: the death counts all the same, once, and belongs to the time before a newcomer. */
START_TEST(test_death_that_nobody_has_seen)
{
	struct moor_channel_info info;
	moor_hold *hold;
	char buf[8];
	size_t len;
	moor_rx *rx;

	t_assert_err(moor_rx_open("unseen", &small, &rx), MOOR_CREATED);
	t_assert_err(moor_hold_open("unseen", &hold), 0);
	ck_assert_int_eq(t_wait(t_spawn(send_and_die, NULL)), 128 + SIGKILL);
	for (int i = 0; i < 2; i++) {
		info = look("unseen");
		ck_assert_uint_eq(info.attached, 1);
		ck_assert_uint_eq(info.died, 1);
		ck_assert_uint_eq(info.closed, 0);
		ck_assert_uint_eq(info.producers, 0);
		ck_assert_uint_eq(info.recoveries, 0);
	}
	t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_NOWAIT), 0);
	moor_rx_close(rx);
	t_assert_err(moor_rx_open("unseen", &open_only, &rx), 0);
	t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_NOWAIT), MOOR_EPEERDEAD);
	for (int i = 0; i < 3; i++)
		t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_NOWAIT), MOOR_EAGAIN);
	t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, MS), MOOR_ETIMEDOUT);
	ck_assert_int_eq(t_wait(t_spawn(send_and_die, NULL)), 128 + SIGKILL);
	info = look("unseen");
	ck_assert_uint_eq(info.died, 2);
	ck_assert_uint_eq(info.recoveries, 1);
	moor_rx_close(rx);
	moor_hold_close(hold);
}
END_TEST

/* An interruption is for a call that would wait; one that need not does not even take it. */
START_TEST(test_interruption_leaves_a_send_that_has_room)
{
	char message[T_MAX] = {0};
	size_t len;
	moor_tx *tx;
	moor_rx *rx;

	t_assert_err(moor_tx_open("room", &small, &tx), MOOR_CREATED);
	t_assert_err(moor_rx_open("room", NULL, &rx), 0);
	while (moor_tx_send(tx, message, 120, MOOR_NOWAIT) == 0)
		;
	t_assert_err(moor_rx_recv(rx, message, sizeof message, &len, MOOR_NOWAIT), 0);
	t_assert_err(moor_tx_interrupt(tx), 0);
	t_assert_err(moor_tx_send(tx, message, 120, SECOND), 0);
	t_assert_err(moor_tx_send(tx, message, 120, SECOND), MOOR_EINTR);
	t_assert_err(moor_tx_interrupt(tx), 0);
	moor_rx_close(rx);
	t_assert_err(moor_tx_send(tx, message, 120, SECOND), MOOR_ECLOSED);
	moor_tx_close(tx);
}
END_TEST

START_TEST(test_restarted_consumer_waits)
{
	struct actor producer = actor_new("w");
	moor_hold *hold;
	moor_rx *rx;
	pid_t pid;

	producer.produces = producer.closes = true;
	producer.sends = 1;
	pid = actor_start(&producer);
	t_assert_err(moor_hold_open("w", &hold), 0);
	ck_assert_int_eq(actor_end(&producer, pid), 0);
	/* what is left is received, then the end */
	t_assert_err(moor_rx_open("w", &open_only, &rx), 0);
	t_assert_err(moor_rx_recv(rx, &(char){0}, 1, &(size_t){0}, MOOR_FOREVER), 0);
	t_assert_err(moor_rx_wait(rx, MOOR_FOREVER), MOOR_ECLOSED);
	moor_rx_close(rx);
	/* nothing is left: it waits for the next producer */
	t_assert_err(moor_rx_open("w", &open_only, &rx), 0);
	t_expect_none(rx);
	t_assert_err(moor_rx_wait(rx, 120 * MS), MOOR_ETIMEDOUT);
	pid = actor_start(&producer);
	ck_assert_int_eq(actor_end(&producer, pid), 0);
	t_assert_err(moor_rx_recv(rx, &(char){0}, 1, &(size_t){0}, MOOR_FOREVER), 0);
	t_assert_err(moor_rx_wait(rx, MOOR_FOREVER), MOOR_ECLOSED);
	moor_rx_close(rx);
	moor_hold_close(hold);
}
END_TEST

START_TEST(test_end_of_stream_for_the_sender)
{
	struct actor consumer = actor_new("f");
	int64_t begun;
	moor_tx *tx;
	moor_rx *rx;
	pid_t pid;
	void *to;
	int err;

	consumer.consumes = true;
	t_assert_err(moor_tx_open("f", &small, &tx), MOOR_CREATED);
	t_assert_err(moor_tx_drain(tx, MOOR_FOREVER), 0);
	t_send(tx, 1, 1);
	t_assert_err(moor_tx_drain(tx, 30 * MS), MOOR_ETIMEDOUT); /* nobody was ever there: it waits */
	for (int n = 1; n < T_FULL; n++)
		t_send(tx, 1, 1);
	t_assert_err(moor_tx_send(tx, "x", 1, MOOR_NOWAIT), MOOR_EAGAIN);
	t_assert_err(moor_tx_send(tx, "x", 1, 120 * MS), MOOR_ETIMEDOUT);
	consumer.closes = true;
	pid = actor_start(&consumer);
	t_assert_err(moor_tx_send(tx, "x", 1, MOOR_NOWAIT), MOOR_EAGAIN);
	ck_assert_int_eq(actor_end(&consumer, pid), 0);
	for (int i = 0; i < 3; i++) { /* each time */
		t_assert_err(moor_tx_reserve(tx, 1, &to), MOOR_ECLOSED);
		t_assert_err(moor_tx_send(tx, "x", 1, MOOR_FOREVER), MOOR_ECLOSED);
		t_assert_err(moor_tx_wait(tx, 1, MOOR_NOWAIT), MOOR_ECLOSED);
		t_assert_err(moor_tx_drain(tx, MOOR_FOREVER), MOOR_ECLOSED);
	}
	consumer.closes = false;
	pid = actor_start(&consumer);
	t_assert_err(moor_tx_send(tx, "x", 1, 10 * MS), MOOR_ETIMEDOUT);
	actor_end(&consumer, pid);
	begun = t_now();
	while ((err = moor_tx_reserve(tx, 1, &to)) == MOOR_EAGAIN && t_now() - begun < 20 * SECOND)
		continue;
	printf("a death was seen by reserve after %jd us\n", (intmax_t)((t_now() - begun) / 1000));
	t_assert_err(err, MOOR_EPEERDEAD);
	t_assert(t_now() - begun < 2 * SECOND);
	for (int i = 0; i < 3; i++) {
		t_assert_err(moor_tx_reserve(tx, 1, &to), MOOR_EPEERDEAD);
		t_assert_err(moor_tx_send(tx, "x", 1, MOOR_FOREVER), MOOR_EPEERDEAD);
		t_assert_err(moor_tx_drain(tx, MOOR_NOWAIT), MOOR_EPEERDEAD);
	}
	t_assert_err(moor_rx_open("f", &open_only, &rx), 0);
	t_assert_err(moor_tx_send(tx, "x", 1, MOOR_NOWAIT), MOOR_EAGAIN);
	for (int n = 0; n < T_FULL; n++)
		t_expect(rx, 1, 1);
	t_assert_err(moor_tx_drain(tx, MOOR_NOWAIT), 0);
	moor_rx_close(rx);
	for (int n = 0; n < T_FULL; n++) /* it queues while there is room */
		t_assert_err(moor_tx_send(tx, "x", 1, MOOR_FOREVER), 0);
	t_assert_err(moor_tx_send(tx, "x", 1, MOOR_FOREVER), MOOR_ECLOSED);
	moor_tx_close(tx);
}
END_TEST

static int kill_later(void *arg)
{
	t_sleep_ms(50);
	kill(*(pid_t *)arg, SIGKILL);
	return 0;
}

/* Who waits sees a death soon. _i: recv, send, drain */
START_TEST(test_death_seen_while_waiting)
{
	int64_t worst = 0;

	for (int n = 0; n < 5; n++) {
		struct actor peer = actor_new("d");
		moor_tx *tx = NULL;
		moor_rx *rx = NULL;
		pid_t pid, killer;
		int64_t begun;
		char buf[8];
		size_t len;

		if (_i == 0) {
			t_assert_err(moor_rx_open("d", &small, &rx), MOOR_CREATED);
			peer.produces = true;
		} else {
			t_assert_err(moor_tx_open("d", &small, &tx), MOOR_CREATED);
			for (int i = 0; i < T_FULL; i++)
				t_send(tx, 1, 1);
			peer.consumes = true;
		}
		pid = actor_start(&peer);
		killer = t_spawn(kill_later, &pid);
		begun = t_now() + 50 * MS;
		t_assert_err(_i == 0   ? moor_rx_recv(rx, buf, sizeof buf, &len, HUNG)
		             : _i == 1 ? moor_tx_send(tx, "x", 1, HUNG)
		                       : moor_tx_drain(tx, HUNG),
		             MOOR_EPEERDEAD);
		worst = t_now() - begun > worst ? t_now() - begun : worst;
		t_wait(killer);
		t_wait(pid);
		moor_tx_close(tx);
		moor_rx_close(rx);
	}
	printf("a death was seen by a waiting %s after %jd us at worst\n", _i == 0 ? "recv" : _i == 1 ? "send" : "drain",
	       (intmax_t)(worst / 1000));
	t_assert(worst < 2 * SECOND);
}
END_TEST

static int close_later(void *arg)
{
	struct actor *actor = arg;

	t_sleep_ms(30);
	t_gate_open(actor->go, 1);
	return 0;
}

START_TEST(test_close_seen_while_waiting)
{
	struct actor peer = actor_new("c");
	pid_t pid, closer;
	int64_t begun;
	moor_rx *rx;

	peer.produces = peer.closes = true;
	t_assert_err(moor_rx_open("c", &small, &rx), MOOR_CREATED);
	for (int n = 0; n < 5; n++) {
		pid = actor_start(&peer);
		closer = t_spawn(close_later, &peer);
		begun = t_now() + 30 * MS;
		t_assert_err(moor_rx_wait(rx, HUNG), MOOR_ECLOSED);
		printf("a close was seen after %jd us\n", (intmax_t)((t_now() - begun) / 1000));
		t_assert(t_now() - begun < 2 * SECOND);
		t_wait(closer);
		ck_assert_int_eq(t_wait(pid), 0);
	}
	moor_rx_close(rx);
}
END_TEST

/* K19, R29: a stopped peer is not dead, however long it is stopped. */
struct stopped {
	uint64_t received;
	struct t_gate *ready;
};

static int receive_all(void *arg)
{
	struct stopped *stopped = arg;
	static unsigned char buf[T_MAX];
	size_t len;
	moor_rx *rx;
	int err;

	MUST(moor_rx_open("stop", &small, &rx), 0);
	t_gate_open(stopped->ready, 1);
	while ((err = moor_rx_recv(rx, buf, sizeof buf, &len, HUNG)) == 0) {
		if (len != stopped->received % 500 || !t_is_filled(buf, len, stopped->received))
			return 8;
		stopped->received++;
	}
	MUST(err, MOOR_ECLOSED);
	return 0;
}

static void wait_stopped(pid_t pid)
{
	siginfo_t info;

	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT), 0);
}

START_TEST(test_R29_stopped_consumer)
{
	struct stopped *stopped = t_shared(sizeof *stopped);
	static unsigned char text[T_MAX];
	uint64_t sent = 0;
	moor_tx *tx;
	void *to;
	pid_t pid;

	stopped->ready = t_gate_new();
	t_assert_err(moor_tx_open("stop", &small, &tx), MOOR_CREATED);
	pid = t_spawn(receive_all, stopped);
	t_gate_pass(stopped->ready);
	for (int round = 0; round < 5; round++) {
		const int64_t until = t_now() + (round == 0 ? 500 : 50) * MS;
		uint64_t before;
		int err;

		for (int n = 0; n < 500; n++, sent++) {
			t_fill(text, sent % 500, sent);
			t_assert_err(moor_tx_send(tx, text, sent % 500, HUNG), 0);
		}
		kill(pid, SIGSTOP);
		wait_stopped(pid);
		before = stopped->received;
		for (;;) {
			t_fill(text, sent % 500, sent);
			err = moor_tx_send(tx, text, sent % 500, MOOR_NOWAIT);
			if (err)
				break;
			sent++;
		}
		t_assert_err(err, MOOR_EAGAIN);
		while (t_now() < until) /* never declared dead */
			t_assert_err(moor_tx_reserve(tx, sent % 500, &to), MOOR_EAGAIN);
		t_assert_err(moor_tx_send(tx, text, sent % 500, 250 * MS), MOOR_ETIMEDOUT);
		t_assert_err(moor_tx_drain(tx, 120 * MS), MOOR_ETIMEDOUT);
		t_assert(look("stop").consumers == 1);
		ck_assert_uint_eq(stopped->received, before);
		kill(pid, SIGCONT);
		t_assert_err(moor_tx_drain(tx, HUNG), 0);
		ck_assert_uint_eq(look("stop").received_messages, sent);
	}
	moor_tx_close(tx);
	ck_assert_int_eq(t_wait(pid), 0);
	ck_assert_uint_eq(stopped->received, sent);
}
END_TEST

START_TEST(test_K19_stopped_producer)
{
	struct actor producer = actor_new("p");
	const int64_t until = t_now() + 400 * MS;
	moor_rx *rx;
	moor_tx *tx;
	pid_t pid;

	producer.produces = producer.closes = true;
	t_assert_err(moor_rx_open("p", &small, &rx), MOOR_CREATED);
	pid = actor_start(&producer);
	kill(pid, SIGSTOP);
	wait_stopped(pid);
	while (t_now() < until)
		t_expect_none(rx);
	t_assert_err(moor_rx_wait(rx, 300 * MS), MOOR_ETIMEDOUT);
	t_assert_err(moor_tx_open("p", NULL, &tx), MOOR_EBUSY);
	kill(pid, SIGCONT);
	ck_assert_int_eq(actor_end(&producer, pid), 0);
	t_assert_err(moor_rx_wait(rx, MOOR_FOREVER), MOOR_ECLOSED);
	moor_rx_close(rx);
}
END_TEST

/* EBUSY is exact: a role that nobody alive holds can be had, even while somebody is looking at the dead one. */
static int look_forever(void *arg)
{
	struct moor_msg msg;
	struct t_gate *ready = arg;
	moor_rx *rx;

	MUST(moor_rx_open("x", &small, &rx), 0);
	t_gate_open(ready, 1);
	while (getppid() != 1)
		(void)moor_rx_peek(rx, &msg);
	return 0;
}

static int open_and_die(void *arg)
{
	moor_tx *tx;

	(void)arg;
	MUST(moor_tx_open("x", &open_only, &tx), 0);
	kill(getpid(), SIGKILL);
	return 0;
}

START_TEST(test_EBUSY_is_exact_while_somebody_looks)
{
	struct t_gate *ready = t_gate_new();
	moor_hold *hold;
	moor_tx *tx;
	pid_t looker;

	t_assert_err(moor_tx_open("x", &small, &tx), MOOR_CREATED);
	t_assert_err(moor_hold_open("x", &hold), 0);
	looker = t_spawn(look_forever, ready);
	t_gate_pass(ready);
	moor_tx_close(tx);
	for (int n = 0; n < 200; n++) {
		ck_assert_int_eq(t_wait(t_spawn(open_and_die, NULL)), 128 + SIGKILL);
		if (n % 4 == 0)
			usleep((useconds_t)(n * 113 % 20000));
	}
	t_kill(looker);
	ck_assert_uint_eq(look("x").producers, 0);
	t_assert_err(moor_tx_open("x", &open_only, &tx), 0);
	ck_assert_uint_eq(look("x").attached, 202);
	ck_assert_uint_eq(look("x").died, 200);
	moor_tx_close(tx);
	moor_hold_close(hold);
}
END_TEST

/* ---- R17 ---- */

#define R17_MESSAGES ((uint64_t)10000000)

static size_t r17_length(uint64_t n)
{
	uint64_t state = n;
	const uint64_t random = t_random(&state);

	return random % 1000 == 0 ? 8 + (size_t)(random >> 32) % 4000 : 8 + (size_t)(random >> 32) % 48;
}

static int r17_produce(void *arg)
{
	moor_tx *tx;

	(void)arg;
	MUST(moor_tx_open("r17", NULL, &tx), 0);
	for (uint64_t n = 0; n < R17_MESSAGES; n++) {
		const size_t len = r17_length(n);
		uint64_t mix;
		void *to;

		while (moor_tx_reserve(tx, len, &to) != 0)
			MUST(moor_tx_wait(tx, len, HUNG), 0);
		mix = n * 0x9e3779b97f4a7c15u;
		memset(to, (int)(mix >> 56), len);
		memcpy(to, &mix, 8);
		memcpy((char *)to + len - 8, &mix, 8);
		MUST(moor_tx_commit(tx, len), 0);
	}
	moor_tx_close(tx);
	return 0;
}

START_TEST(test_R17_ten_million_messages)
{
	const int64_t begun = t_now();
	static unsigned char expected[8192];
	uint64_t n = 0;
	moor_rx *rx;
	pid_t pid;
	int err;

	t_assert_err(moor_rx_open("r17", &MOOR_CHANNEL_OPTS(.capacity = 1 << 20), &rx), MOOR_CREATED);
	pid = t_spawn(r17_produce, NULL);
	while ((err = moor_rx_wait(rx, HUNG)) == 0) {
		struct moor_msg msg;

		for (int batch = 0; batch < 16 && moor_rx_peek(rx, &msg) == 0; batch++) {
			const size_t len = r17_length(n);
			const uint64_t mix = n * 0x9e3779b97f4a7c15u;

			t_assert(msg.len == len);
			memset(expected, (int)(mix >> 56), len);
			memcpy(expected, &mix, 8);
			memcpy(expected + len - 8, &mix, 8);
			t_assert(memcmp(msg.data, expected, len) == 0);
			n++;
		}
		moor_rx_release(rx);
	}
	t_assert_err(err, MOOR_ECLOSED);
	ck_assert_uint_eq(n, R17_MESSAGES);
	ck_assert_int_eq(t_wait(pid), 0);
	ck_assert_uint_eq(look("r17").sent_messages, R17_MESSAGES);
	ck_assert_uint_eq(look("r17").received_messages, R17_MESSAGES);
	ck_assert_uint_eq(look("r17").used, 0);
	printf("R17: %jd ms\n", (intmax_t)((t_now() - begun) / MS));
	moor_rx_close(rx);
}
END_TEST

/* ---- resources ---- */

START_TEST(test_Q1_shared_memory_full)
{
	char dir[100];
	moor_tx *tx = NULL, *second = NULL;
	moor_rx *rx = NULL;

	snprintf(dir, sizeof dir, "%s/tiny", t_dir());
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mkdir(dir, 0700) != 0 ||
	    mount("tmpfs", dir, "tmpfs", 0, "size=64k,mode=0700") != 0)
		t_skip("Q1", "no mount namespace");
	setenv("MOORING_DIR", dir, 1);
	t_assert_err(moor_tx_open("big", NULL, &tx), MOOR_ENOSPC);
	t_assert_err(moor_rx_open("big", &MOOR_CHANNEL_OPTS(.capacity = 1 << 16), &rx), MOOR_ENOSPC);
	t_assert_err(moor_rx_open("big", &MOOR_CHANNEL_OPTS(.capacity = (uint64_t)1 << (sizeof(void *) > 4 ? 39 : 29)), &rx),
	             MOOR_ENOSPC);
	t_assert(!tx && !rx);
	t_assert_err(moor_tx_open("big", &open_only, &tx), MOOR_ENOENT); /* nothing is left behind */
	t_assert_err(moor_tx_open("fits", &MOOR_CHANNEL_OPTS(.capacity = 32768), &tx), MOOR_CREATED);
	t_assert_err(moor_tx_open("no more", &MOOR_CHANNEL_OPTS(.capacity = 32768), &second), MOOR_ENOSPC);
	t_assert_err(moor_rx_open("fits", NULL, &rx), 0);
	for (unsigned n = 0; n < 100; n++) { /* every page of it is there */
		t_send(tx, 4000, n);
		t_expect(rx, 4000, n);
	}
	moor_tx_close(tx);
	moor_rx_close(rx);
	t_assert_err(moor_tx_open("again", &MOOR_CHANNEL_OPTS(.capacity = 32768), &tx), MOOR_CREATED);
	moor_tx_close(tx);
	umount2(dir, MNT_DETACH);
}
END_TEST

static unsigned count_open_files(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static unsigned count_mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	unsigned count = 0;
	int c;

	while ((c = getc(file)) != EOF)
		count += c == '\n';
	fclose(file);
	return count;
}

START_TEST(test_Q5_open_and_close_many_times)
{
	unsigned files = 0, mappings = 0;

	for (int n = 0; n < 3000; n++) {
		moor_tx *tx, *other;
		moor_rx *rx;

		t_assert_err(moor_tx_open("q5", &small, &tx), MOOR_CREATED);
		t_assert_err(moor_rx_open("q5", &small, &rx), 0);
		t_assert_err(moor_tx_open("q5", NULL, &other), MOOR_EBUSY);
		t_assert_err(moor_tx_open("q5", &MOOR_CHANNEL_OPTS(.app_tag = 1), &other), MOOR_EMISMATCH);
		t_assert_err(moor_tx_open("q5", &create_only, &other), MOOR_EEXIST);
		look("q5");
		moor_tx_close(tx);
		moor_rx_close(rx);
		if (n == 10) {
			files = count_open_files();
			mappings = count_mappings();
		}
	}
	ck_assert_uint_eq(count_open_files(), files);
	/* A sanitizer keeps what is freed, and maps some more for each size of it. */
	ck_assert_uint_le(count_mappings(), mappings + (T_SANITIZER ? 10 : 2));
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* All that share a processor here. */
static void stay_on_first_processor(void)
{
	cpu_set_t all, one;
	int first = 0;

	CPU_ZERO(&one);
	if (sched_getaffinity(0, sizeof all, &all))
		return;
	while (first < CPU_SETSIZE - 1 && !CPU_ISSET(first, &all))
		first++;
	CPU_SET(first, &one);
	(void)sched_setaffinity(0, sizeof one, &one);
}

struct beside {
	struct moor_channel_opts opts;
	unsigned count;
	int stop; /* by the parent, for the busy one */
};

static int answer_beside(void *arg)
{
	const struct beside *beside = arg;
	uint64_t number;
	moor_tx *tx;
	moor_rx *rx;
	size_t len;

	stay_on_first_processor();
	MUST(moor_rx_open("there", &beside->opts, &rx) < 0, 0);
	MUST(moor_tx_open("back", &beside->opts, &tx) < 0, 0);
	for (unsigned i = 0; i < beside->count; i++) {
		MUST(moor_rx_recv(rx, &number, sizeof number, &len, HUNG), 0);
		number++;
		MUST(moor_tx_send(tx, &number, sizeof number, HUNG), 0);
	}
	_exit(0); /* without a close */
}

static int be_busy(void *arg)
{
	const struct beside *beside = arg;

	stay_on_first_processor();
	while (!__atomic_load_n(&beside->stop, __ATOMIC_ACQUIRE))
		;
	return 0;
}

/* There a waiter yields to its peer instead of spinning, and sleeps without a fence of the peer's: with another process
 * that wants the processor, too. And a peer that dies there is missed as soon as any. */
START_TEST(test_both_on_one_processor)
{
	struct beside *beside = t_shared(sizeof *beside);
	pid_t answering, busy = 0;
	uint64_t number;
	moor_tx *tx;
	moor_rx *rx;
	size_t len;

	beside->opts = MOOR_CHANNEL_OPTS(.kind = _i == 1 ? MOOR_MPSC : MOOR_SPSC);
	beside->count = _i == 2 ? 50 : 3000;
	stay_on_first_processor();
	ck_assert_int_ge(moor_tx_open("there", &beside->opts, &tx), 0);
	ck_assert_int_ge(moor_rx_open("back", &beside->opts, &rx), 0);
	answering = t_spawn(answer_beside, beside);
	if (_i == 2)
		busy = t_spawn(be_busy, beside);
	for (uint64_t i = 0; i < beside->count; i++) {
		t_assert_err(moor_tx_send(tx, &i, sizeof i, HUNG), 0);
		t_assert_err(moor_rx_recv(rx, &number, sizeof number, &len, HUNG), 0);
		ck_assert_uint_eq(len, sizeof number);
		ck_assert_uint_eq(number, i + 1);
	}
	t_assert_err(moor_rx_recv(rx, &number, sizeof number, &len, HUNG), MOOR_EPEERDEAD);
	__atomic_store_n(&beside->stop, 1, __ATOMIC_RELEASE);
	ck_assert_int_eq(t_wait(answering), 0);
	if (busy)
		ck_assert_int_eq(t_wait(busy), 0);
	moor_tx_close(tx);
	moor_rx_close(rx);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("channel");
	TCase *cases = tcase_create("channel");

	tcase_set_timeout(cases, 120);
	tcase_add_test(cases, test_either_comes_first);
	tcase_add_test(cases, test_open_and_create_only);
	tcase_add_test(cases, test_one_of_each);
	tcase_add_test(cases, test_mismatch);
	tcase_add_test(cases, test_stat);
	tcase_add_test(cases, test_end_of_stream_for_the_receiver);
	tcase_add_test(cases, test_death_that_nobody_has_seen);
	tcase_add_test(cases, test_interruption_leaves_a_send_that_has_room);
	tcase_add_test(cases, test_restarted_consumer_waits);
	tcase_add_test(cases, test_end_of_stream_for_the_sender);
	tcase_add_loop_test(cases, test_death_seen_while_waiting, 0, 3);
	tcase_add_test(cases, test_close_seen_while_waiting);
	tcase_add_test(cases, test_R29_stopped_consumer);
	tcase_add_test(cases, test_K19_stopped_producer);
	tcase_add_test(cases, test_EBUSY_is_exact_while_somebody_looks);
	tcase_add_loop_test(cases, test_both_on_one_processor, 0, 3);
	tcase_add_test(cases, test_R17_ten_million_messages);
	tcase_add_test(cases, test_Q1_shared_memory_full);
	tcase_add_test(cases, test_Q5_open_and_close_many_times);
	suite_add_tcase(suite, cases);
	return t_main(suite);
}
