/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_channel_mpsc.c - named channels of many producers, between processes: order, slots, stopped and dead producers, the end of
 * the stream, sleeping and waking. MOORING_P1 is the number of messages of each of P1's four producers.
 */
#include "tests/lib/ring.h"

#include "base/crash.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS ((int64_t)1000000)
#define SECOND (1000 * MS)
#define HUNG (100 * SECOND)
#define LINE 64u

static const char *const name = "many";
static const struct moor_channel_opts many = {
    .struct_size = sizeof many, .capacity = T_CAPACITY, .max_message = T_MAX, .kind = MOOR_MPSC};

static struct moor_channel_info look(void)
{
	struct moor_channel_info info = {.struct_size = sizeof info};

	t_assert_err(moor_channel_stat(name, &info), 0);
	return info;
}

static void check_producers(unsigned producers, unsigned attached, unsigned closed, unsigned died)
{
	const struct moor_channel_info info = look();

	ck_assert_uint_eq(info.producers, producers);
	ck_assert_uint_eq(info.attached, attached);
	ck_assert_uint_eq(info.closed, closed);
	ck_assert_uint_eq(info.died, died);
}

static void must(int got, int expected, const char *what)
{
	if (got != expected) {
		fprintf(stderr, "in a child: %s: %s, expected %s\n", what, moor_err_name(got), moor_err_name(expected));
		_exit(9);
	}
}
#define MUST(call, expected) must(call, expected, #call)

/* ---- puppets: children that do as they are told ---- */

enum command { OPEN_TX, OPEN_RX, SEND, RESERVE, COMMIT, CANCEL, RECEIVE, CLOSE };

struct puppet {
	struct t_gate *go, *done;
	const char *stop_at; /* a label at which it stops itself */
	enum command command;
	size_t len;
	uint64_t number, count; /* of the message; how many, whose numbers follow */
	int result;
	pid_t pid;
};

static struct puppet *acting;

static void stop_hook(const char *label)
{
	if (acting->stop_at && strcmp(label, acting->stop_at) == 0) {
		acting->stop_at = NULL;
		raise(SIGSTOP);
	}
}

static int obey(struct puppet *p, moor_tx **tx, moor_rx **rx, void **to)
{
	static unsigned char text[T_MAX];
	int err = 0;

	switch (p->command) {
	case OPEN_TX:
		return moor_tx_open(name, &many, tx);
	case OPEN_RX:
		return moor_rx_open(name, &many, rx);
	case SEND:
		for (uint64_t n = 0; n < p->count && !err; n++) {
			t_fill(text, p->len, p->number + n);
			err = moor_tx_send(*tx, text, p->len, HUNG);
		}
		return err;
	case RESERVE:
		err = moor_tx_reserve(*tx, p->len, to);
		if (!err)
			t_fill(*to, p->len / 2, p->number); /* in mid-copy */
		return err;
	case COMMIT:
		t_fill(*to, p->len, p->number);
		return moor_tx_commit(*tx, p->len);
	case CANCEL:
		moor_tx_cancel(*tx);
		return 0;
	case RECEIVE:
		for (uint64_t n = 0; n < p->count && !err; n++) {
			size_t len = 0;

			err = moor_rx_recv(*rx, text, sizeof text, &len, HUNG);
			if (!err && (len != p->len || !t_is_filled(text, len, p->number + n)))
				_exit(8);
		}
		return err;
	case CLOSE:
		moor_tx_close(*tx);
		moor_rx_close(*rx);
		*tx = NULL;
		*rx = NULL;
		return 0;
	}
	return MOOR_EINVAL;
}

static int puppet(void *arg)
{
	moor_tx *tx = NULL;
	moor_rx *rx = NULL;
	void *to = NULL;

	acting = arg;
	moor__crash_hook = stop_hook;
	for (;;) {
		t_gate_pass(acting->go);
		acting->result = obey(acting, &tx, &rx, &to);
		t_gate_open(acting->done, 1);
	}
	return 0;
}

static void begin(struct puppet *p, enum command command)
{
	p->command = command;
	t_gate_open(p->go, 1);
}

static int end(struct puppet *p)
{
	t_gate_pass(p->done);
	return p->result;
}

static int tell(struct puppet *p, enum command command)
{
	begin(p, command);
	return end(p);
}

static struct puppet *puppet_new(enum command open)
{
	struct puppet *p = t_shared(sizeof *p);

	p->go = t_gate_new();
	p->done = t_gate_new();
	p->len = 100;
	p->count = 1;
	p->pid = t_spawn(puppet, p);
	ck_assert_int_ge(tell(p, open), 0);
	return p;
}

static int tell_message(struct puppet *p, enum command command, size_t len, uint64_t number)
{
	p->len = len;
	p->number = number;
	return tell(p, command);
}

static void wait_stopped(pid_t pid)
{
	siginfo_t info;

	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT), 0);
}

static void stop(const struct puppet *p)
{
	kill(p->pid, SIGSTOP);
	wait_stopped(p->pid);
}

static void go_on(const struct puppet *p)
{
	kill(p->pid, SIGCONT);
}

static void until_waits(uint64_t waits)
{
	const int64_t begun = t_now();

	while (look().waits < waits && t_now() - begun < HUNG)
		usleep(200);
	ck_assert_uint_ge(look().waits, waits);
}

/* ---- traffic ---- */

struct part {
	uint64_t id, messages;
	size_t len; /* 0: of all lengths */
	bool copies;
};

static size_t length_of(const struct part *part, uint64_t n)
{
	uint64_t state = part->id << 40 | n;
	const uint64_t random = t_random(&state);

	return part->len ? part->len : 16 + (random % 500 == 0 ? (size_t)(random >> 32) % 2000 : (size_t)(random >> 32) % 100);
}

static void write_message(unsigned char *to, size_t len, uint64_t id, uint64_t n)
{
	const uint64_t both = id << 40 | n, mix = both * 0x9e3779b97f4a7c15u;

	memset(to, (int)(mix >> 56), len);
	memcpy(to, &both, 8);
	memcpy(to + len - 8, &mix, 8);
}

static int produce(void *arg)
{
	const struct part *part = arg;
	static unsigned char text[T_MAX];
	moor_tx *tx;
	void *to;

	MUST(moor_tx_open(name, NULL, &tx), 0);
	for (uint64_t n = 0; n < part->messages; n++) {
		const size_t len = length_of(part, n);

		if (part->copies) {
			write_message(text, len, part->id, n);
			MUST(moor_tx_send(tx, text, len, HUNG), 0);
			continue;
		}
		while (moor_tx_reserve(tx, len + 50 < T_MAX ? len + 50 : T_MAX, &to) != 0)
			MUST(moor_tx_wait(tx, len + 50 < T_MAX ? len + 50 : T_MAX, HUNG), 0);
		if (n % 100 == 99) { /* never mind, again */
			memset(to, 1, len);
			moor_tx_cancel(tx);
			while (moor_tx_reserve(tx, len, &to) != 0)
				MUST(moor_tx_wait(tx, len, HUNG), 0);
		}
		write_message(to, len, part->id, n);
		MUST(moor_tx_commit(tx, len), 0);
	}
	moor_tx_close(tx);
	return 0;
}

/* Each producer's messages come once and in order, and from one slot. */
static void check_received(const struct moor_msg *msg, const struct part *parts, unsigned count, uint64_t *next,
                           uint32_t *slots)
{
	static unsigned char expected[T_MAX];
	uint64_t both, id, n;

	t_assert(msg->len >= 16 && msg->flags == 0);
	memcpy(&both, msg->data, 8);
	id = both >> 40;
	n = both & 0xffffffffffu;
	t_assert(id < count);
	if (n != next[id])
		ck_abort_msg("producer %ju: message %ju, expected %ju", (uintmax_t)id, (uintmax_t)n, (uintmax_t)next[id]);
	t_assert(msg->len == length_of(&parts[id], n));
	write_message(expected, msg->len, id, n);
	t_assert(memcmp(msg->data, expected, msg->len) == 0);
	if (n == 0)
		slots[id] = msg->producer;
	t_assert(slots[id] == msg->producer);
	next[id]++;
}

static void exchange(uint64_t capacity, struct part *parts, unsigned count)
{
	const struct moor_channel_opts opts = {.struct_size = sizeof opts,
	                                       .capacity = capacity,
	                                       .max_message = T_MAX,
	                                       .max_producers = count,
	                                       .kind = MOOR_MPSC};
	const int64_t begun = t_now();
	uint64_t next[8] = {0}, all = 0;
	uint32_t slots[8];
	pid_t pids[8];
	struct moor_msg msg;
	moor_rx *rx;
	int err;

	t_assert_err(moor_rx_open(name, &opts, &rx), MOOR_CREATED);
	for (unsigned i = 0; i < count; i++)
		pids[i] = t_spawn(produce, &parts[i]);
	while (look().attached < count)
		t_sleep_ms(1);
	while ((err = moor_rx_wait(rx, HUNG)) == 0) {
		for (int batch = 0; batch < 16 && moor_rx_peek(rx, &msg) == 0; batch++)
			check_received(&msg, parts, count, next, slots);
		moor_rx_release(rx);
	}
	t_assert_err(err, MOOR_ECLOSED);
	for (unsigned i = 0; i < count; i++) {
		ck_assert_int_eq(t_wait(pids[i]), 0);
		ck_assert_uint_eq(next[i], parts[i].messages);
		all += parts[i].messages;
		for (unsigned j = 0; j < i; j++)
			ck_assert_uint_ne(slots[i], slots[j]);
	}
	ck_assert_uint_eq(look().sent_messages, all);
	ck_assert_uint_eq(look().received_messages, all);
	ck_assert_uint_eq(look().used, 0);
	ck_assert_uint_eq(look().skipped, 0);
	check_producers(0, count, count, 0);
	printf("%u producers, %ju messages: %jd ms; waits %ju, wakes %ju, full %ju\n", count, (uintmax_t)all,
	       (intmax_t)((t_now() - begun) / MS), (uintmax_t)look().waits, (uintmax_t)look().wakes, (uintmax_t)look().full);
	moor_rx_close(rx);
	ck_assert_int_eq(t_local_entries(), 0);
}

/* _i: the capacity */
START_TEST(test_P1_four_producers)
{
	const char *given = getenv("MOORING_P1");
	const uint64_t messages = given ? strtoull(given, NULL, 0) : 150000;
	struct part parts[4];

	for (unsigned i = 0; i < 4; i++)
		parts[i] = (struct part){.id = i, .messages = messages, .copies = i % 2};
	exchange(_i ? T_CAPACITY : 1 << 20, parts, 4);
}
END_TEST

/* _i: whether they copy */
START_TEST(test_P10_eight_producers_room_for_one)
{
	struct part parts[8];

	for (unsigned i = 0; i < 8; i++)
		parts[i] = (struct part){.id = i, .messages = 400, .len = T_MAX, .copies = _i};
	exchange(T_CAPACITY, parts, 8);
}
END_TEST

/* ---- stopped producers ---- */

START_TEST(test_P11_stopped_with_an_open_reservation)
{
	struct puppet *stopped, *other;
	const int64_t until = t_now() + 400 * MS;
	moor_rx *rx;
	moor_tx *tx;

	t_assert_err(moor_rx_open(name, &many, &rx), MOOR_CREATED);
	t_assert_err(moor_tx_open(name, &many, &tx), 0);
	stopped = puppet_new(OPEN_TX);
	other = puppet_new(OPEN_TX);
	t_send(tx, 30, 1);
	t_assert_err(tell_message(stopped, RESERVE, 500, 2), 0);
	stop(stopped);
	t_send(tx, 60, 3);
	t_assert_err(tell_message(other, SEND, 200, 4), 0);
	t_send(tx, 0, 5);
	t_expect(rx, 30, 1);
	while (t_now() < until) /* never taken for dead, none overtakes it */
		t_expect_none(rx);
	t_assert_err(moor_rx_wait(rx, 250 * MS), MOOR_ETIMEDOUT);
	check_producers(3, 3, 0, 0);
	ck_assert_uint_eq(look().skipped, 0);
	go_on(stopped);
	t_assert_err(tell_message(stopped, COMMIT, 300, 2), 0); /* shorter than it was reserved */
	t_expect(rx, 300, 2);
	t_expect(rx, 60, 3);
	t_expect(rx, 200, 4);
	t_expect(rx, 0, 5);
	t_expect_none(rx);
	for (unsigned n = 0; n < 100; n++) { /* nothing of it is left */
		t_send(tx, n, n);
		t_expect(rx, n, n);
	}
	t_kill(stopped->pid);
	t_kill(other->pid);
	moor_tx_close(tx);
	moor_rx_close(rx);
}
END_TEST

/* Stopped at a label of a send of `len` bytes. */
static void stop_at(struct puppet *p, const char *label, size_t len, uint64_t number)
{
	p->stop_at = label;
	p->len = len;
	p->number = number;
	begin(p, SEND);
	wait_stopped(p->pid);
}

START_TEST(test_P11_stopped_when_merely_announced)
{
	static const size_t lengths[] = {100, 10, 500}; /* what others claim there: as much, less, more */
	struct puppet *stopped;
	moor_rx *rx;
	moor_tx *tx, *second;

	t_assert_err(moor_rx_open(name, &many, &rx), MOOR_CREATED);
	t_assert_err(moor_tx_open(name, &many, &tx), 0);
	t_assert_err(moor_tx_open(name, &many, &second), 0);
	stopped = puppet_new(OPEN_TX);
	for (unsigned round = 0; round < 3; round++) {
		stop_at(stopped, "mpsc: announced", 100, 1000);
		for (unsigned n = 0; n < 300; n++) { /* laps and laps */
			t_send(n % 2 ? tx : second, lengths[round], n);
			t_expect(rx, lengths[round], n);
			t_expect_none(rx);
		}
		ck_assert_uint_eq(look().skipped, 0);
		go_on(stopped);
		t_assert_err(end(stopped), 0);
		t_expect(rx, 100, 1000);
		t_expect_none(rx);
	}
	t_kill(stopped->pid);
	moor_tx_close(tx);
	moor_tx_close(second);
	moor_rx_close(rx);
}
END_TEST

/* The claim that it announced, too, is made by another, who dies: the stopped one does not stand in the way. */
static const char *const before_payload[] = {"mpsc: claimed", "mpsc: marked", "mpsc: copied"};

START_TEST(test_P11_announced_where_another_died)
{
	struct puppet *stopped, *dies;
	struct moor_msg msg;
	moor_rx *rx;
	moor_tx *tx;

	t_assert_err(moor_rx_open(name, &many, &rx), MOOR_CREATED);
	t_assert_err(moor_tx_open(name, &many, &tx), 0);
	stopped = puppet_new(OPEN_TX);
	dies = puppet_new(OPEN_TX);
	stop_at(stopped, "mpsc: announced", 100, 1000);
	stop_at(dies, before_payload[_i], 100, 2000);
	t_send(tx, 50, 3);
	for (int64_t until = t_now() + 100 * MS; t_now() < until;)
		t_expect_none(rx);
	t_kill(dies->pid);
	t_assert_err(moor_rx_wait(rx, HUNG), 0);
	t_expect(rx, 50, 3);
	ck_assert_uint_eq(look().skipped, 1);
	check_producers(2, 3, 0, 1);
	go_on(stopped);
	t_assert_err(end(stopped), 0);
	t_expect(rx, 100, 1000);
	t_assert_err(moor_rx_peek(rx, &msg), MOOR_EAGAIN);
	t_kill(stopped->pid);
	moor_tx_close(tx);
	moor_rx_close(rx);
}
END_TEST

/* K19: whatever it holds, it is not dead. */
START_TEST(test_K19_stopped_consumer_and_producer)
{
	struct puppet *consumer = puppet_new(OPEN_RX), *producer = puppet_new(OPEN_TX);
	static const char text[8];
	const int64_t until = t_now() + 300 * MS;
	uint64_t sent = 0;
	moor_tx *tx;
	int err;

	t_assert_err(moor_tx_open(name, NULL, &tx), 0);
	stop(consumer);
	stop(producer);
	while ((err = moor_tx_send(tx, text, 0, MOOR_NOWAIT)) == 0)
		sent++;
	ck_assert_uint_eq(sent, T_CAPACITY / LINE - 1);
	t_assert_err(err, MOOR_EAGAIN);
	while (t_now() < until)
		t_assert_err(moor_tx_send(tx, text, 0, MOOR_NOWAIT), MOOR_EAGAIN);
	t_assert_err(moor_tx_send(tx, text, 0, 200 * MS), MOOR_ETIMEDOUT);
	t_assert_err(moor_tx_drain(tx, 120 * MS), MOOR_ETIMEDOUT);
	ck_assert_uint_eq(look().consumers, 1);
	check_producers(2, 2, 0, 0);
	go_on(consumer);
	go_on(producer);
	consumer->len = 0;
	consumer->count = sent;
	t_assert_err(tell(consumer, RECEIVE), 0);
	t_assert_err(moor_tx_drain(tx, HUNG), 0);
	t_kill(consumer->pid);
	t_kill(producer->pid);
	moor_tx_close(tx);
}
END_TEST

/* ---- slots ---- */

static struct moor_channel_opts slots_of(uint32_t count)
{
	struct moor_channel_opts opts = many;

	opts.max_producers = count;
	return opts;
}

START_TEST(test_slots_run_out_and_come_back)
{
	const struct moor_channel_opts opts = slots_of(3);
	struct puppet *puppets[2];
	moor_tx *tx = NULL, *other = NULL;
	moor_rx *rx;

	t_assert_err(moor_rx_open(name, &opts, &rx), MOOR_CREATED);
	ck_assert_uint_eq(look().max_producers, 3);
	t_assert_err(moor_tx_open(name, NULL, &tx), 0);
	for (int i = 0; i < 2; i++)
		puppets[i] = puppet_new(OPEN_TX);
	for (int i = 0; i < 3; i++)
		t_assert_err(moor_tx_open(name, NULL, &other), MOOR_ESLOTS);
	t_assert(!other);
	check_producers(3, 3, 0, 0);
	t_assert_err(tell(puppets[0], CLOSE), 0);
	t_assert_err(moor_tx_open(name, NULL, &other), 0);
	t_assert_err(tell(puppets[0], OPEN_TX), MOOR_ESLOTS);
	check_producers(3, 4, 1, 0);
	t_kill(puppets[1]->pid); /* with nothing claimed its slot is free at once */
	check_producers(2, 4, 1, 1);
	t_assert_err(tell(puppets[0], OPEN_TX), 0);
	check_producers(3, 5, 1, 1);
	ck_assert_uint_eq(look().recoveries, 1);
	t_send(tx, 10, 1);
	t_send(other, 10, 2);
	t_assert_err(tell_message(puppets[0], SEND, 10, 3), 0);
	for (unsigned n = 1; n <= 3; n++)
		t_expect(rx, 10, n);
	t_kill(puppets[0]->pid);
	moor_tx_close(tx);
	moor_tx_close(other);
	check_producers(0, 5, 3, 2);
	moor_rx_close(rx);
}
END_TEST

/* K0: whoever comes while the ring has not passed what the dead one claimed gets another slot, or none. */
static const char *const with_claim[] = {"mpsc: claimed", "mpsc: marked", "mpsc: copied"};

START_TEST(test_K0_slot_of_a_dead_claimer)
{
	const struct moor_channel_opts opts = slots_of(2);
	struct puppet *dies;
	moor_tx *tx, *other = NULL;
	struct moor_msg msg;
	moor_rx *rx;

	t_assert_err(moor_rx_open(name, &opts, &rx), MOOR_CREATED);
	t_assert_err(moor_tx_open(name, NULL, &tx), 0);
	dies = puppet_new(OPEN_TX);
	t_send(tx, 10, 1);
	stop_at(dies, with_claim[_i], 100, 2);
	t_kill(dies->pid);
	t_send(tx, 10, 3);
	t_assert_err(moor_tx_open(name, NULL, &other), MOOR_ESLOTS);
	t_expect_peek(rx, 10, 1);
	t_assert_err(moor_rx_wait(rx, HUNG), 0);
	t_expect_peek(rx, 10, 3);
	t_assert_err(moor_tx_open(name, NULL, &other), MOOR_ESLOTS); /* seen and not released: not yet passed */
	t_assert(!other);
	moor_rx_release(rx);
	t_assert_err(moor_tx_open(name, NULL, &other), 0);
	ck_assert_uint_eq(look().skipped, 1);
	check_producers(2, 3, 0, 1);
	t_send(other, 10, 4);
	t_expect_peek(rx, 10, 4);
	t_assert_err(moor_rx_rewind(rx), 0);
	t_assert_err(moor_rx_peek(rx, &msg), 0);
	ck_assert_uint_eq(msg.producer, 1);
	moor_rx_release(rx);
	moor_tx_close(tx);
	moor_tx_close(other);
	moor_rx_close(rx);
}
END_TEST

/* What it merely announced, and nobody claimed, holds no slot. */
START_TEST(test_K0_slot_of_a_dead_announcer)
{
	const struct moor_channel_opts opts = slots_of(2);
	moor_tx *tx, *other;
	struct puppet *dies;
	moor_rx *rx;

	t_assert_err(moor_rx_open(name, &opts, &rx), MOOR_CREATED);
	t_assert_err(moor_tx_open(name, NULL, &tx), 0);
	dies = puppet_new(OPEN_TX);
	stop_at(dies, "mpsc: announced", 100, 1);
	t_kill(dies->pid);
	t_assert_err(moor_tx_open(name, NULL, &other), 0);
	t_send(tx, 10, 2);
	t_send(other, 10, 3);
	t_expect(rx, 10, 2);
	t_expect(rx, 10, 3);
	/* announced, and another has claimed there: held until that is passed */
	moor_tx_close(other);
	dies = puppet_new(OPEN_TX);
	stop_at(dies, "mpsc: announced", 100, 4);
	t_kill(dies->pid);
	t_send(tx, 10, 5);
	t_assert_err(moor_tx_open(name, NULL, &other), MOOR_ESLOTS);
	t_expect(rx, 10, 5);
	t_assert_err(moor_tx_open(name, NULL, &other), 0);
	ck_assert_uint_eq(look().skipped, 0);
	moor_tx_close(tx);
	moor_tx_close(other);
	moor_rx_close(rx);
}
END_TEST

/* As many as there may be. */
START_TEST(test_slots_a_thousand)
{
	const struct moor_channel_opts opts = slots_of(1000);
	static moor_tx *txs[1000];
	struct moor_msg msg;
	moor_tx *more = NULL;
	moor_rx *rx;

	t_assert_err(moor_tx_open(name, &MOOR_CHANNEL_OPTS(.kind = MOOR_MPSC, .max_producers = 1001), &more), MOOR_EINVAL);
	t_assert_err(moor_rx_open(name, &opts, &rx), MOOR_CREATED);
	for (unsigned i = 0; i < 1000; i++) {
		const int err = moor_tx_open(name, NULL, &txs[i]);

		if (err == MOOR_EMFILE || err == MOOR_ENFILE || err == MOOR_ENOMEM)
			t_skip("a thousand producers", "not that many descriptors");
		t_assert_err(err, 0);
	}
	t_assert_err(moor_tx_open(name, NULL, &more), MOOR_ESLOTS);
	for (unsigned i = 0; i < 1000; i++) {
		t_send(txs[i], 8, i);
		t_expect_peek(rx, 8, i);
		t_assert_err(moor_rx_rewind(rx), 0);
		t_assert_err(moor_rx_peek(rx, &msg), 0);
		ck_assert_uint_eq(msg.producer, i);
		moor_rx_release(rx);
	}
	check_producers(1000, 1000, 0, 0);
	for (unsigned i = 0; i < 1000; i++)
		moor_tx_close(txs[i]);
	t_assert_err(moor_rx_wait(rx, MOOR_FOREVER), MOOR_ECLOSED);
	moor_rx_close(rx);
}
END_TEST

/* ---- opening ---- */

START_TEST(test_kinds_do_not_mix)
{
	moor_tx *tx = NULL, *other;
	moor_rx *rx = NULL, *second = NULL;

	t_assert_err(moor_tx_open(name, &many, &tx), MOOR_CREATED);
	ck_assert_uint_eq(look().kind, MOOR_MPSC);
	t_assert_err(moor_rx_open(name, &MOOR_CHANNEL_OPTS(.kind = MOOR_SPSC), &rx), MOOR_EMISMATCH);
	t_assert_err(moor_rx_open(name, NULL, &rx), 0);
	t_assert_err(moor_rx_open(name, &many, &second), MOOR_EBUSY); /* one consumer */
	t_assert_err(moor_tx_open(name, &MOOR_CHANNEL_OPTS(.kind = MOOR_SPSC), &other), MOOR_EMISMATCH);
	moor_tx_close(tx);
	moor_rx_close(rx);
	t_assert_err(moor_tx_open(name, &MOOR_CHANNEL_OPTS(.kind = MOOR_SPSC), &tx), MOOR_CREATED);
	rx = NULL;
	t_assert_err(moor_rx_open(name, &many, &rx), MOOR_EMISMATCH);
	t_assert(!rx && !second);
	ck_assert_uint_eq(look().max_producers, 1);
	moor_tx_close(tx);
}
END_TEST

/* ---- the end of the stream ---- */

/* The last of several to leave ends it, and any death among them is told, once. _i: bit 0: the first dies, bit 1: the last */
START_TEST(test_end_of_stream_for_the_receiver)
{
	struct puppet *first, *last;
	char buf[T_MAX];
	size_t len;
	moor_rx *rx;

	t_assert_err(moor_rx_open(name, &many, &rx), MOOR_CREATED);
	t_expect_none(rx);
	first = puppet_new(OPEN_TX);
	last = puppet_new(OPEN_TX);
	t_assert_err(tell_message(first, SEND, 10, 1), 0);
	t_assert_err(tell_message(last, SEND, 10, 2), 0);
	if (_i & 1)
		t_kill(first->pid);
	else
		t_assert_err(tell(first, CLOSE), 0);
	t_expect(rx, 10, 1); /* what was committed survives */
	t_expect(rx, 10, 2);
	t_expect_none(rx);
	t_assert_err(moor_rx_wait(rx, 250 * MS), MOOR_ETIMEDOUT); /* one is there */
	t_assert_err(tell_message(last, SEND, 10, 3), 0);
	if (_i & 2)
		t_kill(last->pid);
	else
		t_assert_err(tell(last, CLOSE), 0);
	t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_FOREVER), 0);
	if (_i)
		t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_FOREVER), MOOR_EPEERDEAD);
	for (int i = 0; i < 3; i++)
		t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_FOREVER), MOOR_ECLOSED);
	check_producers(0, 2, 2 - (_i & 1) - (_i >> 1), (_i & 1) + (_i >> 1));
	/* another one comes */
	last = puppet_new(OPEN_TX);
	t_expect_none(rx);
	t_assert_err(tell_message(last, SEND, 10, 4), 0);
	t_assert_err(tell(last, CLOSE), 0);
	t_assert_err(moor_rx_wait(rx, HUNG), 0);
	t_expect(rx, 10, 4);
	t_assert_err(moor_rx_wait(rx, MOOR_FOREVER), MOOR_ECLOSED);
	t_kill(last->pid);
	if (!(_i & 1))
		t_kill(first->pid);
	moor_rx_close(rx);
}
END_TEST

/* The consumer sleeps, or spins, when the last one leaves. */
static int receive_to_the_end(void *arg)
{
	char buf[T_MAX];
	size_t len;
	moor_rx *rx;
	int err;

	MUST(moor_rx_open(name, &many, &rx), 0);
	t_gate_open(arg, 1);
	while ((err = moor_rx_recv(rx, buf, sizeof buf, &len, HUNG)) == 0)
		continue;
	MUST(err, MOOR_ECLOSED);
	moor_rx_close(rx);
	return 0;
}

START_TEST(test_closes_seen_while_waiting)
{
	for (unsigned n = 0; n < 30; n++) {
		struct t_gate *ready = t_gate_new();
		moor_tx *txs[3];
		void *to;
		pid_t pid;

		for (int i = 0; i < 3; i++)
			t_assert_err(moor_tx_open(name, &many, &txs[i]), i ? 0 : MOOR_CREATED);
		pid = t_spawn(receive_to_the_end, ready);
		t_gate_pass(ready);
		for (unsigned i = 0; i < n; i++)
			t_send(txs[i % 3], 60, i);
		if (n % 3 == 0)
			t_sleep_ms((int)n / 3);
		if (n % 2) /* closed with a reservation open, not the last of them */
			t_assert_err(moor_tx_reserve(txs[n % 3], 100, &to), 0);
		t_send(txs[(n + 1) % 3], 60, n);
		for (int i = 0; i < 3; i++)
			moor_tx_close(txs[i]);
		ck_assert_int_eq(t_wait(pid), 0);
		ck_assert_int_eq(t_local_entries(), 0);
	}
}
END_TEST

START_TEST(test_end_of_stream_for_the_senders)
{
	struct puppet *consumer = puppet_new(OPEN_RX);
	moor_tx *txs[2];
	moor_rx *rx;
	void *to;

	for (int i = 0; i < 2; i++)
		t_assert_err(moor_tx_open(name, NULL, &txs[i]), 0);
	for (unsigned n = 0; n < T_CAPACITY / LINE - 1; n++)
		t_send(txs[n % 2], 8, n);
	t_assert_err(tell(consumer, CLOSE), 0);
	for (int i = 0; i < 4; i++) { /* each of them, each time */
		t_assert_err(moor_tx_reserve(txs[i % 2], 1, &to), MOOR_ECLOSED);
		t_assert_err(moor_tx_send(txs[i % 2], "x", 1, MOOR_FOREVER), MOOR_ECLOSED);
		t_assert_err(moor_tx_wait(txs[i % 2], 1, MOOR_FOREVER), MOOR_ECLOSED);
		t_assert_err(moor_tx_drain(txs[i % 2], MOOR_FOREVER), MOOR_ECLOSED);
	}
	t_assert_err(tell(consumer, OPEN_RX), 0);
	t_assert_err(moor_tx_reserve(txs[0], 1, &to), MOOR_EAGAIN);
	t_kill(consumer->pid);
	for (int i = 0; i < 4; i++) {
		t_assert_err(moor_tx_send(txs[i % 2], "x", 1, MOOR_FOREVER), MOOR_EPEERDEAD);
		t_assert_err(moor_tx_drain(txs[i % 2], MOOR_FOREVER), MOOR_EPEERDEAD);
	}
	t_assert_err(moor_rx_open(name, &many, &rx), 0);
	for (unsigned n = 0; n < T_CAPACITY / LINE - 1; n++)
		t_expect(rx, 8, n);
	t_assert_err(moor_tx_drain(txs[0], MOOR_NOWAIT), 0);
	t_assert_err(moor_tx_send(txs[1], "x", 1, MOOR_NOWAIT), 0);
	for (int i = 0; i < 2; i++)
		moor_tx_close(txs[i]);
	moor_rx_close(rx);
}
END_TEST

/* ---- sleeping and waking ---- */

START_TEST(test_a_burst_makes_one_wake_up)
{
	struct puppet *consumer = puppet_new(OPEN_RX);
	uint64_t wakes, number = 0;
	moor_tx *txs[2];

	for (int i = 0; i < 2; i++)
		t_assert_err(moor_tx_open(name, NULL, &txs[i]), 0);
	for (int round = 0; round < 5; round++) {
		const uint64_t waits = look().waits;

		consumer->len = 40;
		consumer->count = 20;
		consumer->number = number;
		begin(consumer, RECEIVE);
		until_waits(waits + 1);
		stop(consumer); /* so that it does not wake in the midst of it, to sleep again */
		wakes = look().wakes;
		for (int n = 0; n < 20; n++)
			t_send(txs[n % 2], 40, number++);
		ck_assert_uint_eq(look().wakes, wakes + 1);
		go_on(consumer);
		t_assert_err(end(consumer), 0);
	}
	for (int i = 0; i < 2; i++)
		moor_tx_close(txs[i]);
	t_kill(consumer->pid);
}
END_TEST

/* A wake-up for all who sleep for what is released, none for who sleeps for more; that one is not forgotten. */
START_TEST(test_sleeping_producers_are_woken)
{
	struct puppet *small[3], *large;
	uint64_t wakes, number = 0;
	struct moor_msg msg;
	moor_tx *tx;
	moor_rx *rx;

	t_assert_err(moor_rx_open(name, &many, &rx), MOOR_CREATED);
	t_assert_err(moor_tx_open(name, NULL, &tx), 0);
	large = puppet_new(OPEN_TX);
	for (int i = 0; i < 3; i++)
		small[i] = puppet_new(OPEN_TX);
	for (; number < T_CAPACITY / LINE - 1; number++)
		t_send(tx, 50, number);
	large->len = 1000;
	large->number = 10000;
	begin(large, SEND);
	until_waits(look().waits + 1);
	stop(large);
	for (int i = 0; i < 3; i++) {
		small[i]->len = 50;
		small[i]->number = 20000 + (uint64_t)i;
		begin(small[i], SEND);
		until_waits(look().waits + 1);
		stop(small[i]);
	}
	wakes = look().wakes;
	t_expect(rx, 50, 0);
	ck_assert_uint_eq(look().wakes, wakes + 1);
	for (unsigned n = 1; n < 5; n++) { /* the three are still to be woken, each time: they have not gone */
		t_expect(rx, 50, n);
		ck_assert_uint_ge(look().wakes, wakes + n + 1);
	}
	for (int i = 0; i < 3; i++) {
		go_on(small[i]);
		t_assert_err(end(small[i]), 0);
	}
	wakes = look().wakes;
	for (unsigned n = 5; n < 15; n++) { /* it needs 16 lines, of which 3 have been taken by the others */
		t_expect(rx, 50, n);
		ck_assert_uint_eq(look().wakes, wakes);
	}
	for (unsigned n = 15; n < 20; n++)
		t_expect(rx, 50, n);
	ck_assert_uint_ge(look().wakes, wakes + 1);
	go_on(large);
	t_assert_err(end(large), 0);
	for (unsigned n = 20; n < number; n++)
		t_expect(rx, 50, n);
	for (int i = 0; i < 3; i++)
		t_expect(rx, 50, 20000 + (uint64_t)i);
	t_expect(rx, 1000, 10000);
	t_assert_err(moor_rx_peek(rx, &msg), MOOR_EAGAIN);
	t_kill(large->pid);
	for (int i = 0; i < 3; i++)
		t_kill(small[i]->pid);
	moor_tx_close(tx);
	moor_rx_close(rx);
}
END_TEST

/* They sleep on a full ring, and the consumer ends, or dies. */
START_TEST(test_sleeping_producers_see_the_end)
{
	struct puppet *consumer = puppet_new(OPEN_RX), *producers[4];
	moor_hold *hold;
	moor_tx *tx;

	t_assert_err(moor_tx_open(name, NULL, &tx), 0);
	t_assert_err(moor_hold_open(name, &hold), 0);
	for (unsigned n = 0; n < T_CAPACITY / LINE - 1; n++)
		t_send(tx, 50, n);
	for (int i = 0; i < 4; i++) {
		producers[i] = puppet_new(OPEN_TX);
		begin(producers[i], SEND);
	}
	until_waits(look().waits + 4);
	if (_i)
		t_kill(consumer->pid);
	else
		t_assert_err(tell(consumer, CLOSE), 0);
	for (int i = 0; i < 4; i++) {
		t_assert_err(end(producers[i]), _i ? MOOR_EPEERDEAD : MOOR_ECLOSED);
		t_kill(producers[i]->pid);
	}
	if (!_i)
		t_kill(consumer->pid);
	moor_tx_close(tx);
	moor_hold_close(hold);
}
END_TEST

/* Reservations that come to nothing do not make a wait any longer. */
static int cancel_forever(void *arg)
{
	moor_tx *tx;
	void *to;

	MUST(moor_tx_open(name, NULL, &tx), 0);
	t_gate_open(arg, 1);
	for (;;) {
		if (moor_tx_reserve(tx, 100, &to) == 0)
			moor_tx_cancel(tx);
		t_sleep_ms(5);
	}
	return 0;
}

START_TEST(test_timeout_while_others_cancel)
{
	struct t_gate *ready = t_gate_new();
	char buf[T_MAX];
	int64_t begun;
	size_t len;
	moor_rx *rx;
	pid_t pid;

	t_assert_err(moor_rx_open(name, &many, &rx), MOOR_CREATED);
	pid = t_spawn(cancel_forever, ready);
	t_gate_pass(ready);
	begun = t_now();
	t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, 200 * MS), MOOR_ETIMEDOUT);
	t_assert_err(moor_rx_wait(rx, 200 * MS), MOOR_ETIMEDOUT);
	t_assert(t_now() - begun >= 400 * MS);
	t_assert(t_now() - begun < 30 * SECOND);
	t_kill(pid);
	t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, HUNG), MOOR_EPEERDEAD);
	moor_rx_close(rx);
}
END_TEST

/* Dead claims in a row are passed over in one go, not one a look. _i: marked or not */
#define DEAD 60

START_TEST(test_many_dead_at_once)
{
	struct puppet *dead[DEAD];
	struct moor_msg msg;
	int64_t begun;
	moor_tx *tx;
	moor_rx *rx;
	int err;

	t_assert_err(moor_rx_open(name, &many, &rx), MOOR_CREATED);
	t_assert_err(moor_tx_open(name, NULL, &tx), 0);
	for (int i = 0; i < DEAD; i++) {
		dead[i] = puppet_new(OPEN_TX);
		stop_at(dead[i], before_payload[_i], 8, 0);
	}
	t_send(tx, 8, 1);
	for (int i = 0; i < DEAD; i++)
		t_kill(dead[i]->pid);
	begun = t_now();
	do { /* calls until a look for the dead is due: that call finds the message */
		const uint64_t skipped = look().skipped;

		err = moor_rx_peek(rx, &msg);
		ck_assert_msg(!err || look().skipped == skipped, "after %ju skipped: %s", (uintmax_t)look().skipped,
		              moor_err_name(err));
	} while (err == MOOR_EAGAIN && t_now() - begun < 60 * SECOND);
	t_assert_err(err, 0);
	t_assert(msg.len == 8 && t_is_filled(msg.data, 8, 1));
	ck_assert_uint_eq(look().skipped, DEAD);
	moor_rx_release(rx);
	check_producers(1, 1 + DEAD, 0, DEAD);
	moor_tx_close(tx);
	moor_rx_close(rx);
}
END_TEST

/* ---- drain, waiting for several ---- */

START_TEST(test_drain)
{
	struct puppet *other;
	moor_tx *tx;
	moor_rx *rx;
	void *to;

	t_assert_err(moor_rx_open(name, &many, &rx), MOOR_CREATED);
	t_assert_err(moor_tx_open(name, NULL, &tx), 0);
	t_assert_err(moor_tx_drain(tx, MOOR_NOWAIT), 0);
	other = puppet_new(OPEN_TX);
	t_assert_err(tell_message(other, SEND, 10, 1), 0);
	t_assert_err(moor_tx_drain(tx, MOOR_NOWAIT), MOOR_EAGAIN); /* by whomever */
	t_assert_err(moor_tx_drain(tx, 20 * MS), MOOR_ETIMEDOUT);
	t_expect_peek(rx, 10, 1);
	t_assert_err(moor_tx_drain(tx, MOOR_NOWAIT), MOOR_EAGAIN);
	moor_rx_release(rx);
	t_assert_err(moor_tx_drain(tx, MOOR_FOREVER), 0);
	t_assert_err(tell_message(other, RESERVE, 10, 2), 0);
	t_send(tx, 10, 3);
	t_assert_err(moor_tx_reserve(tx, 10, &to), 0);
	t_expect_none(rx);
	t_assert_err(moor_tx_drain(tx, MOOR_NOWAIT), MOOR_EAGAIN); /* reserved by another */
	t_assert_err(tell_message(other, COMMIT, 10, 2), 0);
	t_expect(rx, 10, 2);
	t_assert_err(moor_tx_drain(tx, MOOR_NOWAIT), MOOR_EAGAIN);
	t_expect(rx, 10, 3);
	t_assert_err(moor_tx_drain(tx, MOOR_NOWAIT), 0); /* its own open reservation does not matter */
	moor_tx_cancel(tx);
	t_kill(other->pid);
	moor_tx_close(tx);
	moor_rx_close(rx);
}
END_TEST

START_TEST(test_wait_any)
{
	struct moor_waitable both[2];
	moor_event *event;
	moor_tx *tx, *other;
	moor_rx *rx;
	size_t which;
	void *to;

	t_assert_err(moor_rx_open(name, &many, &rx), MOOR_CREATED);
	t_assert_err(moor_tx_open(name, NULL, &tx), 0);
	t_assert_err(moor_tx_open(name, NULL, &other), 0);
	t_assert_err(moor_event_create("event", 0, NULL, &event), 0);
	both[0] = moor_rx_waitable(rx);
	both[1] = moor_event_waitable(event);
	t_assert_err(moor_wait_any(both, 2, MOOR_NOWAIT, &which), MOOR_EAGAIN);
	t_send(tx, 10, 1);
	t_assert_err(moor_wait_any(both, 2, HUNG, &which), 0);
	ck_assert_uint_eq(which, 0);
	t_expect(rx, 10, 1);
	/* neither a claim nor what becomes of it is a message */
	t_assert_err(moor_tx_reserve(tx, 100, &to), 0);
	t_assert_err(moor_wait_any(both, 2, 20 * MS, &which), MOOR_ETIMEDOUT);
	moor_tx_cancel(tx);
	t_assert_err(moor_wait_any(both, 2, 20 * MS, &which), MOOR_ETIMEDOUT);
	t_assert_err(moor_event_set(event), 0);
	t_assert_err(moor_wait_any(both, 2, HUNG, &which), 0);
	ck_assert_uint_eq(which, 1);
	t_assert_err(moor_tx_reserve(other, 100, &to), 0);
	moor_tx_cancel(other);
	t_send(tx, 10, 2); /* behind padding */
	t_assert_err(moor_wait_any(both, 2, HUNG, &which), 0);
	ck_assert_uint_eq(which, 0);
	t_expect_peek(rx, 10, 2);
	t_assert_err(moor_tx_reserve(other, 100, &to), 0);
	moor_tx_cancel(other);
	t_assert_err(moor_wait_any(both, 2, MOOR_NOWAIT, &which), MOOR_EAGAIN); /* it has been seen */
	moor_rx_release(rx);
	/* room */
	both[0] = moor_tx_waitable(tx);
	t_assert_err(moor_wait_any(both, 2, MOOR_NOWAIT, &which), 0);
	for (unsigned n = 0; n < 40; n++)
		t_send(other, 8, n);
	t_assert_err(moor_wait_any(both, 2, 20 * MS, &which), MOOR_ETIMEDOUT);
	for (unsigned n = 0; n < 40; n++)
		t_expect(rx, 8, n);
	t_assert_err(moor_wait_any(both, 2, HUNG, &which), 0);
	ck_assert_uint_eq(which, 0);
	/* the end */
	both[0] = moor_rx_waitable(rx);
	moor_tx_close(other);
	t_assert_err(moor_wait_any(both, 2, 20 * MS, &which), MOOR_ETIMEDOUT);
	moor_tx_close(tx);
	t_assert_err(moor_wait_any(both, 2, HUNG, &which), 0);
	ck_assert_uint_eq(which, 0);
	t_assert_err(moor_rx_wait(rx, MOOR_NOWAIT), MOOR_ECLOSED);
	moor_event_close(event);
	moor_rx_close(rx);
}
END_TEST

/* What the dead have claimed is passed over by who waits for several things, too, and so is their end seen. */
START_TEST(test_wait_any_over_the_dead)
{
	struct moor_waitable both[2];
	struct puppet *dies[2];
	moor_event *event;
	moor_tx *tx;
	moor_rx *rx;
	size_t which;

	t_assert_err(moor_rx_open(name, &many, &rx), MOOR_CREATED);
	t_assert_err(moor_tx_open(name, NULL, &tx), 0);
	t_assert_err(moor_event_create("event", 0, NULL, &event), 0);
	both[0] = moor_event_waitable(event);
	both[1] = moor_rx_waitable(rx);
	for (int i = 0; i < 2; i++) {
		dies[i] = puppet_new(OPEN_TX);
		stop_at(dies[i], before_payload[i], 100, 1);
	}
	t_send(tx, 10, 2);
	t_assert_err(moor_wait_any(both, 2, 150 * MS, &which), MOOR_ETIMEDOUT);
	for (int i = 0; i < 2; i++)
		t_kill(dies[i]->pid);
	t_assert_err(moor_wait_any(both, 2, HUNG, &which), 0);
	ck_assert_uint_eq(which, 1);
	t_expect(rx, 10, 2);
	for (int i = 0; i < 2; i++) {
		dies[i] = puppet_new(OPEN_TX);
		stop_at(dies[i], before_payload[i], 100, 1);
	}
	moor_tx_close(tx);
	t_assert_err(moor_wait_any(both, 2, 150 * MS, &which), MOOR_ETIMEDOUT);
	for (int i = 0; i < 2; i++)
		t_kill(dies[i]->pid);
	t_assert_err(moor_wait_any(both, 2, HUNG, &which), 0);
	ck_assert_uint_eq(which, 1);
	t_assert_err(moor_rx_wait(rx, MOOR_NOWAIT), MOOR_EPEERDEAD);
	t_assert_err(moor_rx_wait(rx, MOOR_NOWAIT), MOOR_ECLOSED);
	ck_assert_uint_eq(look().skipped, 4);
	moor_event_close(event);
	moor_rx_close(rx);
}
END_TEST

/* The consumer waits for a message and for something else, and is woken for it. */
static int await_either(void *arg)
{
	struct moor_waitable both[2];
	moor_event *event;
	char buf[T_MAX];
	size_t which, len;
	moor_rx *rx;

	MUST(moor_rx_open(name, &many, &rx), 0);
	MUST(moor_event_open("event", NULL, &event), 0);
	both[0] = moor_event_waitable(event);
	both[1] = moor_rx_waitable(rx);
	t_gate_open(arg, 1);
	for (unsigned n = 0; n < 200; n++) {
		MUST(moor_wait_any(both, 2, HUNG, &which), 0);
		if (which != 1)
			return 7;
		MUST(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_NOWAIT), 0);
		if (len != 10 || !t_is_filled(buf, len, n))
			return 8;
	}
	MUST(moor_wait_any(both, 2, HUNG, &which), 0);
	moor_rx_close(rx);
	return which == 0 ? 0 : 6;
}

START_TEST(test_wait_any_in_another_process)
{
	struct t_gate *ready = t_gate_new();
	uint64_t seed = 1;
	moor_event *event;
	moor_tx *txs[2];
	pid_t pid;
	void *to;

	t_assert_err(moor_event_create("event", 0, NULL, &event), 0);
	for (int i = 0; i < 2; i++)
		t_assert_err(moor_tx_open(name, &many, &txs[i]), i ? 0 : MOOR_CREATED);
	pid = t_spawn(await_either, ready);
	t_gate_pass(ready);
	for (unsigned n = 0; n < 200; n++) {
		t_assert_err(moor_tx_wait(txs[0], 500, HUNG), 0);
		if (n % 7 == 0 && moor_tx_reserve(txs[0], 300, &to) == 0)
			moor_tx_cancel(txs[0]);
		if (n % 5 == 0)
			usleep((useconds_t)(t_random(&seed) % 2000));
		t_assert_err(moor_tx_wait(txs[1], 10, HUNG), 0);
		t_send(txs[n % 2], 10, n);
	}
	t_assert_err(moor_tx_drain(txs[0], HUNG), 0);
	t_assert_err(moor_event_set(event), 0);
	ck_assert_int_eq(t_wait(pid), 0);
	for (int i = 0; i < 2; i++)
		moor_tx_close(txs[i]);
	moor_event_close(event);
}
END_TEST

/* A successor of the consumer gets again what was peeked and not released, over padding and what the dead left. */
START_TEST(test_successor_of_a_consumer)
{
	struct puppet *consumer = puppet_new(OPEN_RX), *dies;
	moor_tx *txs[2];
	moor_rx *rx;
	void *to;

	for (int i = 0; i < 2; i++)
		t_assert_err(moor_tx_open(name, NULL, &txs[i]), 0);
	dies = puppet_new(OPEN_TX);
	for (unsigned n = 0; n < 50; n++) {
		t_send(txs[n % 2], 50, n);
		consumer->len = 50;
		consumer->number = n;
		if (n < 40)
			t_assert_err(tell(consumer, RECEIVE), 0);
		if (n == 45) {
			stop_at(dies, "mpsc: claimed", 500, 0);
			t_kill(dies->pid);
		}
		if (n == 47) {
			t_assert_err(moor_tx_reserve(txs[0], 500, &to), 0);
			moor_tx_cancel(txs[0]);
		}
	}
	t_kill(consumer->pid);
	t_assert_err(moor_rx_open(name, NULL, &rx), 0);
	for (int i = 0; i < 2; i++) {
		for (unsigned n = 40; n < 50; n++) {
			t_assert_err(moor_rx_wait(rx, HUNG), 0);
			t_expect_peek(rx, 50, n);
		}
		moor_rx_close(rx); /* releases nothing */
		t_assert_err(moor_rx_open(name, NULL, &rx), 0);
	}
	for (unsigned n = 40; n < 50; n++)
		t_expect(rx, 50, n);
	t_expect_none(rx);
	ck_assert_uint_eq(look().skipped, 1);
	for (int i = 0; i < 2; i++)
		moor_tx_close(txs[i]);
	moor_rx_close(rx);
}
END_TEST

/* What the short ways do not ask with each message, they are told of: a reservation, what is peeked, an arming. */
START_TEST(test_short_ways_where_they_are_shut)
{
	static const char text[8] = "eight b";
	moor_os_handle fd;
	struct moor_msg msg;
	char buf[64];
	size_t len;
	moor_tx *tx;
	moor_rx *rx;
	void *to;

	t_assert_err(moor_tx_open(name, &many, &tx), MOOR_CREATED);
	t_assert_err(moor_rx_open(name, &many, &rx), 0);
	ck_assert(tx->ring.fences || tx->room);
	ck_assert(rx->ring.fences || rx->straight_many);

	t_assert_err(moor_tx_reserve(tx, 8, &to), 0);
	t_assert_err(moor_tx_send(tx, text, 8, MOOR_NOWAIT), MOOR_EINVAL);
	t_fill(to, 8, 0);
	t_assert_err(moor_tx_commit(tx, 8), 0);
	t_assert_err(moor_tx_reserve(tx, 8, &to), 0);
	t_assert_err(moor_tx_send(tx, text, 8, MOOR_NOWAIT), MOOR_EINVAL);
	moor_tx_cancel(tx);
	for (uint64_t n = 1; n < 4; n++) {
		t_fill(buf, 8, n);
		t_assert_err(moor_tx_send(tx, buf, 8, MOOR_NOWAIT), 0);
	}

	t_assert_err(moor_rx_peek(rx, &msg), 0);
	ck_assert(t_is_filled(msg.data, msg.len, 0));
	t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_NOWAIT), 0);
	ck_assert(len == 8 && t_is_filled(buf, 8, 1));
	ck_assert_uint_eq(look().received_messages, 2);
	t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_NOWAIT), 0);
	ck_assert(len == 8 && t_is_filled(buf, 8, 2));
	t_expect(rx, 8, 3);
	t_expect_none(rx);

	t_assert_err(moor_rx_fd(rx, &fd), 0);
	t_assert_err(moor_rx_arm(rx), 0);
	t_assert_err(moor_tx_send(tx, text, 8, MOOR_NOWAIT), 0);
	t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_NOWAIT), 0);
	ck_assert(!rx->armed);
	ck_assert_uint_eq(rx->ring.consumer->quiet.asleep & MOOR__ASLEEP, 0);
	moor_tx_close(tx);
	moor_rx_close(rx);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("channel of many producers");
	TCase *cases = tcase_create("mpsc");

	tcase_set_timeout(cases, 120);
	tcase_add_loop_test(cases, test_P1_four_producers, 0, 2);
	tcase_add_loop_test(cases, test_P10_eight_producers_room_for_one, 0, 2);
	tcase_add_test(cases, test_P11_stopped_with_an_open_reservation);
	tcase_add_test(cases, test_P11_stopped_when_merely_announced);
	tcase_add_loop_test(cases, test_P11_announced_where_another_died, 0, 3);
	tcase_add_test(cases, test_K19_stopped_consumer_and_producer);
	tcase_add_test(cases, test_slots_run_out_and_come_back);
	tcase_add_loop_test(cases, test_K0_slot_of_a_dead_claimer, 0, 3);
	tcase_add_test(cases, test_K0_slot_of_a_dead_announcer);
	tcase_add_test(cases, test_slots_a_thousand);
	tcase_add_test(cases, test_kinds_do_not_mix);
	tcase_add_loop_test(cases, test_end_of_stream_for_the_receiver, 0, 4);
	tcase_add_test(cases, test_closes_seen_while_waiting);
	tcase_add_test(cases, test_end_of_stream_for_the_senders);
	tcase_add_test(cases, test_a_burst_makes_one_wake_up);
	tcase_add_test(cases, test_sleeping_producers_are_woken);
	tcase_add_loop_test(cases, test_sleeping_producers_see_the_end, 0, 2);
	tcase_add_test(cases, test_timeout_while_others_cancel);
	tcase_add_loop_test(cases, test_many_dead_at_once, 0, 3);
	tcase_add_test(cases, test_drain);
	tcase_add_test(cases, test_wait_any);
	tcase_add_test(cases, test_wait_any_over_the_dead);
	tcase_add_test(cases, test_wait_any_in_another_process);
	tcase_add_test(cases, test_successor_of_a_consumer);
	tcase_add_test(cases, test_short_ways_where_they_are_shut);
	suite_add_tcase(suite, cases);
	return t_main(suite);
}
