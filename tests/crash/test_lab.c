/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_lab.c - the crash lab: a child is killed after each single instruction of an operation, on names and rings in every
 * state, and an account outside of what it killed says what must be true. `make check` takes a sample, its seed printed;
 * `make crash-lab` (MOORING_LAB=all) takes all points, and of second deaths among many producers a larger sample, since
 * test_mpsc_crash.c has those at all labels. MOORING_SEED chooses another sample, MOORING_LAB=N its size,
 * MOORING_SCENARIO the scenarios whose names contain it.
 *
 * A scenario is a line of the table below: how the stage is set, what the child does before the stepping begins and in
 * it, and what must hold afterwards.
 */
#include "tests/lib/ring.h"
#include "tests/lib/trace.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LINES (T_CAPACITY / 64u) /* of the ring */
#define MAP_SIZE 10000
/* Nobody waits for the dead. What takes longer than this on a loaded machine does. */
#define AT_ONCE_NS ((int64_t)10 * 1000000000)
#define SAMPLE 12
#define SAMPLE_AMONG_OTHERS 4 /* of scenarios that are many */
#define SAMPLE_OF_SECONDS 500 /* of all points, where another has died before, among others */

struct scenario {
	const char *name;
	void (*set_up)(const struct scenario *s);
	void (*enter)(const struct scenario *s); /* in the child, before the stepping; NULL: nothing */
	void (*act)(const struct scenario *s);   /* in the child, stepped */
	void (*check)(const struct scenario *s);
	int state;         /* of a ring, or enum before of a name */
	const char *wound; /* a label at which somebody has died before; NULL: nobody has */
	unsigned others;   /* producers that go on, of a ring of many */
};

/* Shared with the child, and written by it outside of what it is killed in. */
static struct account {
	int committed;   /* so many for certain */
	int may_commit;  /* at most so many */
	int released;
	int may_release;
	int failed;
} *account;

static char name[32];
static unsigned next_name;

static void must(int got, int expected, const char *what)
{
	if (got != expected) {
		fprintf(stderr, "%s: %s\n", what, moor_err_name(got));
		account->failed = 1;
		_exit(3);
	}
}

static int open_descriptors(void)
{
	DIR *stream = opendir("/proc/self/fd");
	int count = 0;

	ck_assert(stream);
	while (readdir(stream))
		count++;
	closedir(stream);
	return count;
}

/* ---- names ---- */

enum before { FREE, ALIVE, DEAD };

static struct holder {
	struct t_gate *to_holder, *to_us;
	pid_t pid;
} holder;

static void fill_map(moor_map *map, int byte)
{
	moor_view *view;

	must(moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view), 0, "view");
	memset(moor_view_data(view), byte, MAP_SIZE);
	moor_view_unmap(view);
}

static bool map_is_filled(moor_map *map, unsigned char byte)
{
	const unsigned char *data;
	moor_view *view;
	bool is = true;

	t_assert_err(moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view), 0);
	data = moor_view_data(view);
	for (size_t i = 0; i < MAP_SIZE; i++)
		is &= data[i] == byte;
	moor_view_unmap(view);
	return is;
}

static int hold_map(void *arg)
{
	moor_map *map;

	(void)arg;
	must(moor_map_create(name, MAP_SIZE, NULL, &map), 0, "create");
	fill_map(map, 7);
	t_gate_open(holder.to_us, 1);
	t_gate_pass(holder.to_holder);
	moor_map_close(map);
	return 0;
}

static int leave_corpse(void *arg)
{
	moor_map *map;

	(void)arg;
	must(moor_map_create(name, MAP_SIZE, NULL, &map), 0, "create");
	fill_map(map, 42);
	kill(getpid(), SIGKILL);
	return 1;
}

static void set_up_name(const struct scenario *s)
{
	snprintf(name, sizeof name, "lab-%u", next_name++);
	if (s->state == DEAD)
		ck_assert_int_eq(t_wait(t_spawn(leave_corpse, NULL)), 128 + SIGKILL);
	if (s->state == ALIVE) {
		holder.pid = t_spawn(hold_map, NULL);
		t_gate_pass(holder.to_us);
	}
}

/* The name lives with its holder, or is free at once; nothing is left after the next create. */
static void check_name(const struct scenario *s)
{
	const int64_t start = t_now();
	moor_map *map;

	if (s->state == ALIVE) {
		t_assert_err(moor_map_create(name, MAP_SIZE, NULL, &map), MOOR_EEXIST);
		t_assert_err(moor_map_open(name, NULL, &map), 0);
		t_assert(map_is_filled(map, 7));
	} else {
		if (next_name % 2)
			t_assert_err(moor_map_open(name, NULL, &map), MOOR_ENOENT);
		t_assert_err(moor_map_create(name, MAP_SIZE, NULL, &map), 0);
		t_assert(map_is_filled(map, 0));
	}
	t_assert(t_now() - start < AT_ONCE_NS);
	ck_assert_int_eq(t_local_entries(), 1);
	moor_map_close(map);
	if (s->state == ALIVE) {
		t_gate_open(holder.to_holder, 1);
		ck_assert_int_eq(t_wait(holder.pid), 0);
	}
	ck_assert_int_eq(t_local_entries(), 0);
}

static moor_map *my_map;

static void map_enter(const struct scenario *s)
{
	must(moor_map_create_or_open(name, MAP_SIZE, NULL, &my_map), s->state == ALIVE ? 0 : MOOR_CREATED, "create_or_open");
	fill_map(my_map, s->state == ALIVE ? 7 : 42);
}

static void map_create(const struct scenario *s)
{
	must(moor_map_create(name, MAP_SIZE, NULL, &my_map), s->state == ALIVE ? MOOR_EEXIST : 0, "create");
}

static void map_open(const struct scenario *s)
{
	must(moor_map_open(name, NULL, &my_map), s->state == ALIVE ? 0 : MOOR_ENOENT, "open");
}

static void map_close(const struct scenario *s)
{
	(void)s;
	moor_map_close(my_map);
}

static moor_hold *my_hold;

static void hold_enter(const struct scenario *s)
{
	(void)s;
	must(moor_hold_open(name, &my_hold), 0, "hold");
}

static void hold_open(const struct scenario *s)
{
	(void)s;
	must(moor_hold_open(name, &my_hold), 0, "hold");
}

static void hold_close(const struct scenario *s)
{
	(void)s;
	moor_hold_close(my_hold);
}

/* ---- rings ---- */

enum state { EMPTY, SOME, NEARLY_FULL, WRAP, FULL };

static const struct moor_channel_opts small = {
    .struct_size = sizeof small, .capacity = T_CAPACITY, .max_message = T_MAX};
static const struct moor_channel_opts many = {.struct_size = sizeof many,
                                              .capacity = T_CAPACITY,
                                              .max_message = T_MAX,
                                              .max_producers = 8,
                                              .kind = MOOR_MPSC};

/* What the ring ought to hold: message n has the content of n and this length. */
static size_t lengths[1024];
static unsigned sent, received;

static moor_tx *tx, *my_tx;
static moor_rx *rx, *my_rx;
static moor_hold *hold;

static void send_next(size_t len)
{
	ck_assert_uint_lt(sent, sizeof lengths / sizeof lengths[0]);
	lengths[sent] = len;
	t_send(tx, len, sent);
	sent++;
}

static void expect_next(void)
{
	t_expect(rx, lengths[received], received);
	received++;
}

/* Messages of 50 bytes take 64. */
static void fill_ring(enum state state, unsigned spare, unsigned too_little)
{
	switch (state) {
	case EMPTY:
		break;
	case SOME:
		for (unsigned i = 0; i < 5; i++)
			send_next(i * 37 % 120);
		break;
	case NEARLY_FULL:
		for (unsigned i = 0; (i + 1) * 64 + spare < T_CAPACITY; i++)
			send_next(50);
		break;
	case WRAP:
		for (unsigned i = 0; i < LINES - too_little; i++) { /* what is left at the end is too little for the next */
			send_next(50);
			if (i < LINES - 8)
				expect_next();
		}
		break;
	case FULL:
		for (unsigned i = 0; i < LINES - 1; i++)
			send_next(50);
		break;
	}
}

#define LEN 200u  /* of the message in flight, */
#define SHORT 60u /* or if it goes the way of the short ones: in the last free bytes of a full ring is no room for it */
static size_t flight;
static void act_send_short(const struct scenario *s);

static int die_wounded(void *arg)
{
	const struct scenario *s = arg;
	static unsigned char text[LEN];
	struct moor_msg msg;

	if (strncmp(s->wound, "tx", 2) == 0) {
		must(moor_tx_open(name, NULL, &my_tx), 0, "tx_open");
		t_fill(text, LEN, sent);
		t_die_at(s->wound, 1);
		moor_tx_send(my_tx, text, LEN, MOOR_NOWAIT);
	} else {
		must(moor_rx_open(name, NULL, &my_rx), 0, "rx_open");
		must(moor_rx_peek(my_rx, &msg), 0, "peek");
		must(moor_rx_peek(my_rx, &msg), 0, "peek");
		t_die_at(s->wound, 1);
		moor_rx_release(my_rx);
	}
	return 0;
}

static void set_up_ring(const struct scenario *s)
{
	const struct moor_channel_opts *opts = s->others ? &many : &small;

	snprintf(name, sizeof name, "lab-%u", next_name++);
	sent = received = 0;
	flight = s->act == act_send_short ? SHORT : LEN;
	t_assert_err(moor_tx_open(name, opts, &tx), MOOR_CREATED);
	t_assert_err(moor_rx_open(name, opts, &rx), 0);
	t_assert_err(moor_hold_open(name, &hold), 0);
	fill_ring((enum state)s->state, s->others ? (LEN + 8 + 63) / 64 * 64 : LEN + 8, flight == LEN ? 3 : 1);
	lengths[sent] = flight;
}

static void set_up_for_producer(const struct scenario *s)
{
	set_up_ring(s);
	moor_tx_close(tx);
	tx = NULL;
	if (s->wound) {
		account->may_commit = 1;
		ck_assert_int_eq(t_wait(t_spawn(die_wounded, (void *)(uintptr_t)s)), 128 + SIGKILL);
	}
}

static void set_up_for_consumer(const struct scenario *s)
{
	set_up_ring(s);
	moor_rx_close(rx);
	rx = NULL;
	if (s->wound) {
		account->may_release = 2;
		ck_assert_int_eq(t_wait(t_spawn(die_wounded, (void *)(uintptr_t)s)), 128 + SIGKILL);
	}
}

static void both_go_on(void)
{
	t_expect_none(rx);
	for (unsigned i = 0; i < LINES; i++) {
		send_next(i * 29 % 150);
		expect_next();
	}
	for (unsigned i = 0; i < LINES - 1; i++) /* all of it is room */
		send_next(0);
	while (received < sent)
		expect_next();
	t_expect_none(rx);
	moor_tx_close(tx);
	moor_rx_close(rx);
	moor_hold_close(hold);
	tx = NULL;
	rx = NULL;
	ck_assert_int_eq(t_local_entries(), 0);
}

/* The parent's consumer lived on: all that was sent, and of what was in flight all or nothing. */
static void check_producer(const struct scenario *s)
{
	const int64_t start = t_now();
	struct moor_msg msg;
	unsigned extra = 0;
	int err;

	if (s->state != FULL && next_name % 2) /* the successor comes before anything was received, or after */
		t_assert_err(moor_tx_open(name, NULL, &tx), 0);
	while (received < sent)
		expect_next();
	while ((err = moor_rx_peek(rx, &msg)) == 0 && extra < 2) {
		t_assert(msg.len == flight && t_is_filled(msg.data, flight, sent));
		moor_rx_release(rx);
		extra++;
	}
	if (err != MOOR_EAGAIN && err != MOOR_EPEERDEAD && err != MOOR_ECLOSED)
		ck_abort_msg("after the last message: %s", moor_err_name(err));
	ck_assert_int_ge((int)extra, account->committed);
	ck_assert_int_le((int)extra, account->may_commit);
	sent += extra;
	received += extra;
	if (!tx)
		t_assert_err(moor_tx_open(name, NULL, &tx), 0);
	t_assert(t_now() - start < AT_ONCE_NS);
	both_go_on();
}

/* The parent's producer lived on: the successor gets all that was not released. */
static void check_consumer(const struct scenario *s)
{
	const int64_t start = t_now();
	struct moor_msg msg;
	int skipped = 0;

	(void)s;
	t_assert_err(moor_rx_open(name, NULL, &rx), 0);
	if (received < sent) {
		int err = moor_rx_peek(rx, &msg);

		if (err == 0) {
			while (skipped < account->may_release && received + 1 < sent &&
			       !(msg.len == lengths[received] && t_is_filled(msg.data, msg.len, received))) {
				received++;
				skipped++;
			}
			t_assert_err(moor_rx_rewind(rx), 0);
		} else {
			t_assert_err(err, MOOR_EAGAIN);
			skipped = (int)(sent - received);
			received = sent;
		}
	}
	ck_assert_int_ge(skipped, account->released);
	ck_assert_int_le(skipped, account->may_release);
	while (received < sent)
		expect_next();
	t_assert(t_now() - start < AT_ONCE_NS);
	both_go_on();
}

static void tx_enter(const struct scenario *s)
{
	(void)s;
	must(moor_tx_open(name, NULL, &my_tx), 0, "tx_open");
}

static void rx_enter(const struct scenario *s)
{
	(void)s;
	must(moor_rx_open(name, NULL, &my_rx), 0, "rx_open");
}

static void tx_close(const struct scenario *s)
{
	(void)s;
	moor_tx_close(my_tx);
}

static void rx_close(const struct scenario *s)
{
	(void)s;
	moor_rx_close(my_rx);
}

static unsigned char text[LEN], buf[T_MAX];

static void send_enter(const struct scenario *s)
{
	tx_enter(s);
	t_fill(text, flight, sent);
	account->may_commit = s->state != FULL;
}

static void act_send(const struct scenario *s)
{
	must(moor_tx_send(my_tx, text, LEN, MOOR_NOWAIT), s->state == FULL ? MOOR_EAGAIN : 0, "send");
	account->committed = s->state != FULL;
}

static void act_send_short(const struct scenario *s)
{
	must(moor_tx_send(my_tx, text, SHORT, MOOR_NOWAIT), s->state == FULL ? MOOR_EAGAIN : 0, "send");
	account->committed = s->state != FULL;
}

/* More is reserved than committed, and what is not committed looks like headers. */
static void act_reserve(const struct scenario *s)
{
	const size_t more = s->state == EMPTY || s->state == SOME ? 500 : LEN;
	void *to;

	if (s->state == FULL) {
		must(moor_tx_reserve(my_tx, LEN, &to), MOOR_EAGAIN, "reserve");
		return;
	}
	must(moor_tx_reserve(my_tx, more, &to), 0, "reserve");
	memset(to, 1, more);
	memcpy(to, text, LEN);
	must(moor_tx_commit(my_tx, LEN), 0, "commit");
	account->committed = 1;
}

static void act_cancel(const struct scenario *s)
{
	void *to;

	must(moor_tx_reserve(my_tx, LEN, &to), s->state == FULL ? MOOR_EAGAIN : 0, "reserve");
	if (s->state != FULL)
		memset(to, 1, LEN);
	moor_tx_cancel(my_tx);
	account->may_commit = 0;
}

static void recv_enter(const struct scenario *s)
{
	rx_enter(s);
	account->may_release = s->state != EMPTY;
}

static void act_recv(const struct scenario *s)
{
	size_t len;

	must(moor_rx_recv(my_rx, buf, sizeof buf, &len, MOOR_NOWAIT), s->state == EMPTY ? MOOR_EAGAIN : 0, "recv");
	account->released = s->state != EMPTY;
}

static void act_peek(const struct scenario *s)
{
	struct moor_msg msg;

	must(moor_rx_peek(my_rx, &msg), s->state == EMPTY ? MOOR_EAGAIN : 0, "peek");
	moor_rx_release(my_rx);
	account->released = s->state != EMPTY;
}

static void batch_enter(const struct scenario *s)
{
	rx_enter(s);
	account->may_release = s->state == EMPTY ? 0 : 3;
}

static void act_batch(const struct scenario *s)
{
	struct moor_msg msg;

	for (int i = 0; i < 3; i++)
		must(moor_rx_peek(my_rx, &msg), s->state == EMPTY ? MOOR_EAGAIN : 0, "peek");
	moor_rx_release(my_rx);
	account->released = s->state == EMPTY ? 0 : 3;
}

/* ---- rings of many producers ---- */

#define OTHERS 3        /* at most */
#define OTHERS_SEND 3   /* messages each */
#define OTHERS_LEN 40u  /* no other message is so long */
/* A wait for what a dead one has left or a living one is about to send that takes so long hangs. */
#define HUNG ((int64_t)60 * 1000000000)

static struct other {
	uint64_t id;
	struct t_gate *go;
	pid_t pid;
} others[OTHERS];
static bool others_go; /* already */
static int64_t worst_wait;

static void write_other(unsigned char *to, uint64_t id, uint64_t n)
{
	const uint64_t number = id << 32 | n;

	t_fill(to, OTHERS_LEN, number);
	memcpy(to, &number, sizeof number);
}

static int send_on(void *arg)
{
	const struct other *other = arg;
	unsigned char message[OTHERS_LEN];
	moor_tx *mine;

	must(moor_tx_open(name, NULL, &mine), 0, "tx_open");
	t_gate_open(holder.to_us, 1);
	t_gate_pass(other->go);
	for (uint64_t n = 0; n < OTHERS_SEND; n++) {
		int err;

		write_other(message, other->id, n);
		while ((err = moor_tx_send(mine, message, OTHERS_LEN, HUNG)) == MOOR_ECLOSED || err == MOOR_EPEERDEAD)
			usleep(100); /* full, and the next consumer is still to come */
		must(err, 0, "send");
	}
	moor_tx_close(mine);
	return 0;
}

static void let_others_go(const struct scenario *s)
{
	for (unsigned i = 0; i < s->others && !others_go; i++)
		t_gate_open(others[i].go, 1);
	others_go = true;
}

/* before: while the child is stepped, and after its death; else only then. */
static void start_others(const struct scenario *s, bool before)
{
	for (unsigned i = 0; i < s->others; i++) {
		if (!others[i].go)
			others[i].go = t_gate_new();
		others[i].id = i;
		others[i].pid = t_spawn(send_on, &others[i]);
		t_gate_pass(holder.to_us);
	}
	others_go = false;
	if (before)
		let_others_go(s);
}

static int send_wounded(void *arg)
{
	const struct scenario *s = arg;
	static unsigned char wounded[LEN];

	must(moor_tx_open(name, NULL, &my_tx), 0, "tx_open");
	t_fill(wounded, LEN, sent);
	t_die_at(s->wound, 1);
	moor_tx_send(my_tx, wounded, LEN, MOOR_NOWAIT);
	return 0;
}

/* In half of the runs, where there is room for them all, the others go on while the child is stepped. */
static void set_up_one_of_many(const struct scenario *s)
{
	set_up_ring(s);
	if (s->wound) {
		account->may_commit = 1;
		ck_assert_int_eq(t_wait(t_spawn(send_wounded, (void *)(uintptr_t)s)), 128 + SIGKILL);
	}
	start_others(s, (s->state == EMPTY || s->state == SOME) && next_name % 2);
}

static int die_claiming(void *arg)
{
	must(moor_tx_open(name, NULL, &my_tx), 0, "tx_open");
	t_die_at(arg, 1);
	moor_tx_send(my_tx, "", 0, MOOR_NOWAIT);
	return 0;
}

static void recover_enter(const struct scenario *s);
static void act_recover(const struct scenario *s);
static void act_open_and_recover(const struct scenario *s);

static int recover_wounded(void *arg)
{
	const struct scenario *s = arg;

	recover_enter(s);
	t_die_at(s->wound, 1);
	act_recover(s);
	return 0;
}

static void set_up_consumer_of_many(const struct scenario *s)
{
	static const char *const labels[] = {"mpsc: claimed", "mpsc: marked"};
	const bool recovers = s->act == act_recover || s->act == act_open_and_recover;

	set_up_ring(s);
	if (recovers) { /* two claims of the dead, one of them not marked, and a message */
		for (int i = 0; i < 2; i++)
			ck_assert_int_eq(t_wait(t_spawn(die_claiming, (void *)(uintptr_t)labels[i])), 128 + SIGKILL);
		send_next(10);
	}
	moor_rx_close(rx);
	rx = NULL;
	if (s->wound) {
		ck_assert_int_eq(t_wait(t_spawn(recover_wounded, (void *)(uintptr_t)s)), 128 + SIGKILL);
		account->released = account->may_release = 0;
		ck_assert_int_eq(account->failed, 0);
	}
	start_others(s, (recovers || s->state != EMPTY) && next_name % 2);
}

/* The next message, and how long it was waited for: in most of the runs as if a look for the dead had been long ago. */
static void await_message(struct moor_msg *ret_msg)
{
	const bool at_once = next_name % 8 != 0;
	const int64_t begun = t_now();

	if (at_once)
		rx->ring.next_look = 0;
	t_assert_err(moor_rx_wait(rx, HUNG), 0);
	t_assert_err(moor_rx_peek(rx, ret_msg), 0);
	if (!at_once && t_now() - begun > worst_wait)
		worst_wait = t_now() - begun;
}

static bool is_of_others(const struct moor_msg *msg, uint64_t *next)
{
	unsigned char expected[OTHERS_LEN];
	uint64_t number;

	if (msg->len != OTHERS_LEN)
		return false;
	memcpy(&number, msg->data, sizeof number);
	t_assert(number >> 32 < OTHERS);
	t_assert((uint32_t)number == next[number >> 32]);
	next[number >> 32]++;
	write_other(expected, number >> 32, (uint32_t)number);
	t_assert(memcmp(msg->data, expected, OTHERS_LEN) == 0);
	return true;
}

static bool is_message(const struct moor_msg *msg, unsigned n)
{
	return msg->len == lengths[n] && t_is_filled(msg->data, msg->len, n);
}

/*
 * All that was sent, the others' among it, each one's in its order. Of what was in flight, which has the number `sent`,
 * all or nothing. Returns whether it came.
 */
static unsigned receive_among_others(const struct scenario *s)
{
	uint64_t next[OTHERS] = {0};
	unsigned all = s->others * OTHERS_SEND, extra = 0;
	struct moor_msg msg;
	int err = 0;

	while (received < sent || all || !err) {
		if (received < sent || all) {
			await_message(&msg);
		} else { /* it may be the last */
			rx->ring.next_look = 0;
			err = moor_rx_peek(rx, &msg);
			if (err)
				break;
		}
		if (is_of_others(&msg, next)) {
			all--;
		} else if (received < sent && is_message(&msg, received)) {
			received++;
		} else {
			ck_assert_msg(extra == 0 && is_message(&msg, sent), "message %u of %u differs; length %zu", received, sent,
			              msg.len);
			extra++;
		}
		moor_rx_release(rx);
	}
	t_assert_err(err, MOOR_EAGAIN);
	return extra;
}

static void end_others(const struct scenario *s)
{
	for (unsigned i = 0; i < s->others; i++)
		ck_assert_int_eq(t_wait(others[i].pid), 0);
	ck_assert_int_eq(account->failed, 0);
	rx->ring.next_look = 0;
}

/* The parent's producer and consumer lived on. */
static void check_one_of_many(const struct scenario *s)
{
	const int64_t start = t_now();
	moor_tx *successor = NULL;
	unsigned extra;

	let_others_go(s);
	if (next_name % 3 == 0) /* it comes before anything was received */
		t_assert_err(moor_tx_open(name, NULL, &successor), 0);
	extra = receive_among_others(s);
	ck_assert_int_ge((int)extra, account->committed);
	ck_assert_int_le((int)extra, account->may_commit);
	sent += extra;
	received += extra;
	moor_tx_close(successor);
	end_others(s);
	t_assert(t_now() - start < AT_ONCE_NS);
	both_go_on();
}

/* The producers lived on: the successor gets all that was not released. */
static void check_consumer_of_many(const struct scenario *s)
{
	const int64_t start = t_now();
	struct moor_msg msg;
	int skipped = 0;

	t_assert_err(moor_rx_open(name, NULL, &rx), 0);
	let_others_go(s);
	if (account->may_release) { /* there is a message after these: the parent's next, or an other's */
		await_message(&msg);
		while (skipped < account->may_release && !is_message(&msg, received)) {
			received++;
			skipped++;
		}
		t_assert_err(moor_rx_rewind(rx), 0);
	}
	ck_assert_int_ge(skipped, account->released);
	ck_assert_int_le(skipped, account->may_release);
	lengths[sent] = SIZE_MAX; /* there is none in flight */
	ck_assert_uint_eq(receive_among_others(s), 0);
	end_others(s);
	t_assert(t_now() - start < AT_ONCE_NS);
	both_go_on();
}

static void recover_enter(const struct scenario *s)
{
	rx_enter(s);
	my_rx->ring.next_look = 0;
	account->may_release = 1;
}

static void act_recover(const struct scenario *s)
{
	struct moor_msg msg;

	(void)s;
	must(moor_rx_peek(my_rx, &msg), 0, "peek");
	moor_rx_release(my_rx);
	account->released = 1;
}

/* From the opening on, which takes over from one who died in it. */
static void act_open_and_recover(const struct scenario *s)
{
	recover_enter(s);
	act_recover(s);
}

/* ---- the table ---- */

#define NAME(what, before, enter_, act_)                                                                               \
	{.name = what, .set_up = set_up_name, .enter = enter_, .act = act_, .check = check_name, .state = before}
#define TX(what, state_, enter_, act_, wound_)                                                                         \
	{.name = what, .set_up = set_up_for_producer, .enter = enter_, .act = act_, .check = check_producer,           \
	 .state = state_, .wound = wound_}
#define RX(what, state_, enter_, act_, wound_)                                                                         \
	{.name = what, .set_up = set_up_for_consumer, .enter = enter_, .act = act_, .check = check_consumer,           \
	 .state = state_, .wound = wound_}
#define EACH(side, what, enter, act)                                                                                   \
	side(what ", empty", EMPTY, enter, act, NULL), side(what ", some", SOME, enter, act, NULL),                    \
	    side(what ", nearly full", NEARLY_FULL, enter, act, NULL), side(what ", wrap", WRAP, enter, act, NULL),    \
	    side(what ", full", FULL, enter, act, NULL)

/* The same among others. */
#define MTX(what, state_, enter_, act_, others_, wound_)                                                               \
	{.name = what, .set_up = set_up_one_of_many, .enter = enter_, .act = act_, .check = check_one_of_many,         \
	 .state = state_, .wound = wound_, .others = others_}
#define MRX(what, state_, enter_, act_, others_, wound_)                                                               \
	{.name = what, .set_up = set_up_consumer_of_many, .enter = enter_, .act = act_,                                \
	 .check = check_consumer_of_many, .state = state_, .wound = wound_, .others = others_}
#define MANY(side, what, enter, act, n)                                                                                \
	side(what " among " #n ", empty", EMPTY, enter, act, n, NULL),                                                 \
	    side(what " among " #n ", some", SOME, enter, act, n, NULL),                                               \
	    side(what " among " #n ", nearly full", NEARLY_FULL, enter, act, n, NULL),                                 \
	    side(what " among " #n ", wrap", WRAP, enter, act, n, NULL),                                               \
	    side(what " among " #n ", full", FULL, enter, act, n, NULL)

static const struct scenario scenarios[] = {
    NAME("create, free", FREE, NULL, map_create),
    NAME("create, a corpse", DEAD, NULL, map_create),
    NAME("create, alive", ALIVE, NULL, map_create),
    NAME("open, free", FREE, NULL, map_open),
    NAME("open, a corpse", DEAD, NULL, map_open),
    NAME("open, alive", ALIVE, NULL, map_open),
    NAME("close, the last", FREE, map_enter, map_close),
    NAME("close, not the last", ALIVE, map_enter, map_close),
    NAME("hold open", ALIVE, NULL, hold_open),
    NAME("hold close", ALIVE, hold_enter, hold_close),
    EACH(TX, "send", send_enter, act_send),
    EACH(TX, "send a short one", send_enter, act_send_short),
    EACH(TX, "reserve and commit", send_enter, act_reserve),
    EACH(TX, "reserve and cancel", send_enter, act_cancel),
    TX("tx open", SOME, NULL, tx_enter, NULL),
    TX("tx open after a death, zeroed", SOME, NULL, tx_enter, "tx: zeroed"),
    TX("tx open after a death, padding", WRAP, NULL, tx_enter, "tx: before padding"),
    TX("tx open after a death, published", SOME, NULL, tx_enter, "tx: published"),
    TX("tx close", SOME, tx_enter, tx_close, NULL),
    EACH(RX, "recv", recv_enter, act_recv),
    EACH(RX, "peek and release", recv_enter, act_peek),
    EACH(RX, "a batch", batch_enter, act_batch),
    RX("rx open", SOME, NULL, rx_enter, NULL),
    RX("rx open after a death, counted", SOME, NULL, rx_enter, "rx: counted"),
    RX("rx open after a death, released", SOME, NULL, rx_enter, "rx: released"),
    RX("rx open after a death, given", WRAP, NULL, rx_enter, "rx: room given"),
    RX("rx close", SOME, rx_enter, rx_close, NULL),
    MANY(MTX, "send", send_enter, act_send, 1),
    MANY(MTX, "send", send_enter, act_send, 2),
    MANY(MTX, "send", send_enter, act_send, 3),
    MANY(MTX, "send a short one", send_enter, act_send_short, 1),
    MANY(MTX, "send a short one", send_enter, act_send_short, 2),
    MANY(MTX, "send a short one", send_enter, act_send_short, 3),
    MANY(MTX, "reserve and commit", send_enter, act_reserve, 1),
    MANY(MTX, "reserve and commit", send_enter, act_reserve, 2),
    MANY(MTX, "reserve and commit", send_enter, act_reserve, 3),
    MANY(MTX, "reserve and cancel", send_enter, act_cancel, 2),
    MTX("tx open among 2", SOME, NULL, tx_enter, 2, NULL),
    MTX("tx open among 2 after a death, announced", SOME, NULL, tx_enter, 2, "mpsc: announced"),
    MTX("tx open among 2 after a death, claimed", SOME, NULL, tx_enter, 2, "mpsc: claimed"),
    MTX("tx open among 2 after a death, marked", WRAP, NULL, tx_enter, 2, "mpsc: marked"),
    MTX("tx close among 2", SOME, tx_enter, tx_close, 2, NULL),
    MANY(MRX, "recv", recv_enter, act_recv, 2),
    MANY(MRX, "peek and release", recv_enter, act_peek, 1),
    MANY(MRX, "peek and release", recv_enter, act_peek, 2),
    MANY(MRX, "peek and release", recv_enter, act_peek, 3),
    MANY(MRX, "a batch", batch_enter, act_batch, 2),
    MRX("rx open among 2", SOME, NULL, rx_enter, 2, NULL),
    MRX("rx close among 2", SOME, rx_enter, rx_close, 2, NULL),
    MRX("recover among 1", EMPTY, recover_enter, act_recover, 1, NULL),
    MRX("recover among 2", EMPTY, recover_enter, act_recover, 2, NULL),
    MRX("recover among 3", EMPTY, recover_enter, act_recover, 3, NULL),
    MRX("open and recover", EMPTY, NULL, act_open_and_recover, 2, NULL),
    MRX("open and recover after a death, to skip", EMPTY, NULL, act_open_and_recover, 2, "recover: to skip"),
    MRX("open and recover after a death, skipped", EMPTY, NULL, act_open_and_recover, 2, "recover: skipped"),
    MRX("open and recover after a death, counted", EMPTY, NULL, act_open_and_recover, 2, "rx: counted"),
    MRX("open and recover after a death, released", EMPTY, NULL, act_open_and_recover, 2, "rx: released"),
    MRX("open and recover after a death, cleared", EMPTY, NULL, act_open_and_recover, 2, "rx: cleared"),
};
#define SCENARIOS (int)(sizeof scenarios / sizeof scenarios[0])

/* ---- the lab ---- */

static int perform(void *arg)
{
	const struct scenario *s = arg;

	if (s->enter)
		s->enter(s);
	t_trace_begin();
	s->act(s);
	t_trace_end();
	return 0;
}

static void set_stage(const struct scenario *s)
{
	memset(account, 0, sizeof *account);
	s->set_up(s);
}

static void check_end(const struct scenario *s, int end)
{
	if (account->failed || (end != 0 && end != 128 + SIGKILL))
		ck_abort_msg("%s: the child ended with %d", s->name, end);
	s->check(s);
}

static void run_all(const struct scenario *s, unsigned long sample, uint64_t seed)
{
	unsigned long runs = 0, deaths = 0;
	uint64_t random = seed;
	struct t_path path;
	int end, descriptors;
	bool whole;

	set_stage(s);
	path = t_trace_measure(perform, (void *)(uintptr_t)s, &end);
	check_end(s, end);
	descriptors = open_descriptors();
	whole = path.points <= sample;
	for (unsigned long i = 0; i < (whole ? path.points : sample); i++) {
		const unsigned long n = whole ? i : t_random(&random) % path.points;

		if (getenv("MOORING_VERBOSE")) {
			printf("%s: point %lu\n", s->name, n);
			fflush(stdout);
		}
		set_stage(s);
		end = t_trace_kill(&path, n, perform, (void *)(uintptr_t)s);
		check_end(s, end);
		runs++;
		deaths += end == 128 + SIGKILL;
	}
	ck_assert_int_eq(open_descriptors(), descriptors);
	/* A later run may take a shorter way (no look for the dead is due), and end before its point. */
	ck_assert(!whole || deaths > 0);
	printf("%s: %u system calls, %lu kill points, %lu runs, %lu deaths", s->name, path.calls, path.points, runs, deaths);
	if (whole)
		printf("\n");
	else
		printf(", seed %" PRIu64 "\n", seed);
	if (worst_wait)
		printf("%s: the longest wait was %" PRId64 " us\n", s->name, worst_wait / 1000);
	t_path_free(&path);
}

START_TEST(test_K_killed_after_each_instruction)
{
	const char *lab = getenv("MOORING_LAB"), *seed = getenv("MOORING_SEED");
	const bool whole = lab && strcmp(lab, "all") == 0;
	const char *only = getenv("MOORING_SCENARIO");
	unsigned long sample = scenarios[_i].others ? SAMPLE_AMONG_OTHERS : SAMPLE;

	if (only && !strstr(scenarios[_i].name, only))
		return;
	if (!t_trace_works())
		t_skip("K", "no single-stepping here (ptrace refused, a sanitizer, or another machine than x86-64)");
	(void)moor_channel_stat("warm", &(struct moor_channel_info){.struct_size = sizeof(struct moor_channel_info)});
	account = t_shared(sizeof *account);
	holder.to_holder = t_gate_new();
	holder.to_us = t_gate_new();
	if (whole && scenarios[_i].others && scenarios[_i].wound)
		sample = SAMPLE_OF_SECONDS;
	else if (lab)
		sample = whole ? ULONG_MAX : strtoul(lab, NULL, 10);
	run_all(&scenarios[_i], sample, (seed ? strtoull(seed, NULL, 10) : (uint64_t)t_now()) + (uint64_t)_i);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("crash lab");
	TCase *cases = tcase_create("lab");

	tcase_set_timeout(cases, 7200);
	tcase_add_loop_test(cases, test_K_killed_after_each_instruction, 0, SCENARIOS);
	suite_add_tcase(suite, cases);
	return t_main(suite);
}
