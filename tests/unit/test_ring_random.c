/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ring_random.c - random calls on both sides of a ring, against a model that knows the result of each to the byte:
 * what is delivered, what has room, what the counts are. Sides die, too: between calls, and at any labelled point within
 * one (the call does not return, and its handle is never used again).
 */
#include "tests/lib/ring.h"

#include "base/crash.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#define QUEUE 1024u /* more than the records that fit */

struct record {
	uint64_t start, end, number;
	size_t len;
};

struct life {
	uint64_t closed, died;
	bool attached, last_died;
};

static struct model {
	struct t_ring ring;
	uint64_t capacity, seed, number;
	size_t max;
	bool kills;
	/* the producer */
	struct life producer;
	uint64_t tail, sent, sent_bytes;
	uint64_t open_at, open_end;
	size_t open_len;
	void *open_data;
	/* the consumer */
	struct life consumer;
	uint64_t given, released, seen, received, received_bytes, died_reported, ended_before;
	bool has_received;
	/* records from `released` on, and which of them is the next unseen */
	struct record queue[QUEUE];
	uint64_t oldest, unseen, end;
	/* the call being made */
	size_t len, commit_len;
	void *data;
	int err;
} m;

static jmp_buf grave;
static unsigned countdown;
static const char *died_at;

static void hook(const char *label)
{
	if (--countdown == 0) {
		died_at = label;
		longjmp(grave, 1);
	}
}

/* Makes the call, and perhaps does not come back from it. */
static bool survives(void (*call)(void))
{
	died_at = "";
	countdown = m.kills && t_random(&m.seed) % 8 == 0 ? 1 + (unsigned)(t_random(&m.seed) % 10) : 0;
	if (setjmp(grave)) {
		moor__crash_hook = NULL;
		return false;
	}
	if (countdown)
		moor__crash_hook = hook;
	call();
	moor__crash_hook = NULL;
	return true;
}

static bool died_in(const char *label)
{
	return strcmp(died_at, label) == 0;
}

static uint64_t choose(uint64_t count)
{
	return t_random(&m.seed) % count;
}

/* What a header may look like, to be found where none is. */
static uint32_t headerlike(uint64_t *state)
{
	static const uint32_t marks[] = {0, 0, 0, MOOR_ABI_WORD_PAD, MOOR_ABI_WORD_END, MOOR_ABI_WORD_CLAIM};
	const uint64_t random = t_random(state);

	return marks[random % 6] | (uint32_t)(random >> 32) % 40;
}

static void fill_like_headers(void *to, size_t len, uint64_t number)
{
	uint64_t state = number;

	for (size_t i = 0; i < len; i += 4) {
		const uint32_t word = headerlike(&state);

		memcpy((char *)to + i, &word, len - i < 4 ? len - i : 4);
	}
}

static void fill(void *to, size_t len, uint64_t number)
{
	if (number % 3)
		fill_like_headers(to, len, number);
	else
		t_fill(to, len, number);
}

static void check_content(const void *from, size_t len, uint64_t number)
{
	static unsigned char expected[1 << 16];

	fill(expected, len, number);
	if (memcmp(from, expected, len) != 0)
		ck_abort_msg("message %ju of %zu bytes differs", (uintmax_t)number, len);
}

static uint64_t record_size(size_t len)
{
	return (len + 8 + 15) / 16 * 16;
}

static uint64_t place(size_t len)
{
	const uint64_t left = m.capacity - m.tail % m.capacity;

	return record_size(len) > left ? m.tail + left : m.tail;
}

static size_t some_length(void)
{
	switch (choose(4)) {
	case 0:
		return choose(m.max + 1);
	case 1:
		return choose(20);
	case 2:
		return choose(200) % (m.max + 1);
	default:
		return m.max - choose(m.max < 3 ? 1 : 3);
	}
}

static void check_stat(void)
{
	const struct moor_channel_info info = t_ring_stat(&m.ring);

	t_assert(info.sent_messages == m.sent);
	t_assert(info.sent_bytes == m.sent_bytes);
	t_assert(info.received_messages == m.received);
	t_assert(info.received_bytes == m.received_bytes);
	t_assert(info.used == m.sent_bytes - m.received_bytes);
	t_assert(info.occupied == m.tail - m.released);
	t_assert(info.closed == m.producer.closed && info.died == m.producer.died);
	t_assert(info.attached == m.producer.closed + m.producer.died + m.producer.attached);
}

/* ---- lives ---- */

static void enter(struct life *life)
{
	if (life->attached)
		life->died++;
	life->attached = true;
	life->last_died = false; /* says nothing while somebody is attached */
}

static void leave(struct life *life)
{
	life->attached = false;
	life->last_died = false;
	life->closed++;
}

static void lose_reservation(void)
{
	m.open_end = 0;
}

static void call_tx_attach(void)
{
	m.err = moor_tx_attach(m.ring.mem, m.ring.len, NULL, &m.ring.tx);
}

static void tx_attach(void)
{
	m.ring.tx = NULL;
	lose_reservation();
	if (survives(call_tx_attach)) {
		t_assert_err(m.err, 0);
		enter(&m.producer);
	} else {
		if (died_in("enter: attached"))
			enter(&m.producer);
		m.ring.tx = NULL;
	}
}

static void call_tx_close(void)
{
	moor_tx_close(m.ring.tx);
}

static void tx_close(void)
{
	(void)survives(call_tx_close);
	leave(&m.producer);
	lose_reservation();
	m.ring.tx = NULL;
}

static void call_rx_attach(void)
{
	m.err = moor_rx_attach(m.ring.mem, m.ring.len, NULL, &m.ring.rx);
}

static void rx_attach(void)
{
	m.ring.rx = NULL;
	if (survives(call_rx_attach)) {
		t_assert_err(m.err, 0);
		enter(&m.consumer);
	} else if (died_in("enter: attached")) {
		enter(&m.consumer);
		m.ring.rx = NULL;
	}
	m.given = m.released;
	m.seen = m.released;
	m.unseen = m.oldest;
	m.has_received = false;
	m.ended_before = m.producer.closed + m.producer.died;
}

static void call_rx_close(void)
{
	moor_rx_close(m.ring.rx);
}

static void rx_close(void)
{
	(void)survives(call_rx_close);
	leave(&m.consumer);
	m.ring.rx = NULL;
}

/* ---- the producer ---- */

static int expected_room(size_t len)
{
	if (m.open_end)
		return MOOR_EINVAL;
	if (len > m.max)
		return MOOR_EMSGSIZE;
	if (place(len) + record_size(len) <= m.given + m.capacity - 16)
		return 0;
	if (!m.consumer.attached && m.consumer.closed + m.consumer.died)
		return m.consumer.last_died ? MOOR_EPEERDEAD : MOOR_ECLOSED;
	return MOOR_EAGAIN;
}

static void published(size_t len, uint64_t at)
{
	m.queue[m.end++ % QUEUE] = (struct record){m.tail, at + record_size(len), m.number, len};
	m.tail = at + record_size(len);
	m.sent++;
	m.sent_bytes += len;
	m.number++;
}

static void reserve(void)
{
	const size_t len = choose(50) ? some_length() : m.max + 1;
	const int expected = expected_room(len);
	void *to = &m;

	t_assert_err(moor_tx_wait(m.ring.tx, len, MOOR_NOWAIT), expected);
	t_assert_err(moor_tx_reserve(m.ring.tx, len, &to), expected);
	if (expected) {
		t_assert(to == &m);
		return;
	}
	t_assert((uintptr_t)to % 8 == 0);
	fill_like_headers(to, len, m.seed);
	m.open_at = place(len);
	m.open_end = m.open_at + record_size(len);
	m.open_len = len;
	m.open_data = to;
}

static void call_commit(void)
{
	m.err = moor_tx_commit(m.ring.tx, m.commit_len);
}

static void commit(void)
{
	if (!m.open_end) {
		t_assert_err(moor_tx_commit(m.ring.tx, choose(10)), MOOR_EINVAL);
		return;
	}
	if (choose(20) == 0)
		t_assert_err(moor_tx_commit(m.ring.tx, m.open_len + 1), MOOR_EINVAL);
	m.commit_len = choose(3) ? m.open_len : choose(m.open_len + 1);
	fill(m.open_data, m.commit_len, m.number);
	if (survives(call_commit)) {
		t_assert_err(m.err, 0);
		published(m.commit_len, m.open_at);
	} else {
		if (died_in("tx: published") || died_in("tx: padding published"))
			published(m.commit_len, m.open_at);
		m.ring.tx = NULL;
	}
	lose_reservation();
}

static void cancel(void)
{
	moor_tx_cancel(m.ring.tx);
	lose_reservation();
}

static unsigned char outgoing[1 << 16];

static void call_send(void)
{
	const size_t first = m.len / 3, second = (m.len - first) / 2;
	const struct moor_iov iov[3] = {
	    {outgoing, first}, {outgoing + first, second}, {outgoing + first + second, m.len - first - second}};

	if (m.commit_len)
		m.err = moor_tx_sendv(m.ring.tx, iov, 3, MOOR_NOWAIT);
	else
		m.err = moor_tx_send(m.ring.tx, outgoing, m.len, MOOR_NOWAIT);
}

static void send_copy(void)
{
	int expected;

	m.len = choose(50) ? some_length() : m.max + 1;
	m.commit_len = choose(2); /* which of the two calls */
	expected = expected_room(m.len);
	fill(outgoing, m.len, m.number);
	if (survives(call_send)) {
		t_assert_err(m.err, expected);
		if (!expected)
			published(m.len, place(m.len));
	} else {
		if (died_in("tx: published") || died_in("tx: padding published"))
			published(m.len, place(m.len));
		m.ring.tx = NULL;
		lose_reservation();
	}
}

/* ---- the consumer ---- */

static int expected_message(void)
{
	const uint64_t ended = m.producer.closed + m.producer.died;

	if (m.unseen != m.end)
		return 0;
	if (m.producer.attached)
		return MOOR_EAGAIN;
	if (m.producer.died != m.died_reported) {
		m.died_reported = m.producer.died;
		return MOOR_EPEERDEAD;
	}
	return m.has_received || ended > m.ended_before ? MOOR_ECLOSED : MOOR_EAGAIN;
}

static void see(void)
{
	m.seen = m.queue[m.unseen++ % QUEUE].end;
}

static void peek(void)
{
	const int expected = expected_message();
	struct moor_msg msg;

	t_assert_err(moor_rx_peek(m.ring.rx, &msg), expected);
	if (expected)
		return;
	t_assert(msg.len == m.queue[m.unseen % QUEUE].len);
	t_assert((uintptr_t)msg.data % 8 == 0 && msg.flags == 0 && msg.producer == 0);
	check_content(msg.data, msg.len, m.queue[m.unseen % QUEUE].number);
	see();
}

static void released(void)
{
	m.released = m.seen;
	for (; m.oldest != m.unseen; m.oldest++) {
		m.received++;
		m.received_bytes += m.queue[m.oldest % QUEUE].len;
	}
}

static void call_release(void)
{
	moor_rx_release(m.ring.rx);
}

/* The steps of a release, up to where it died. */
static void died_releasing(void)
{
	if (died_in("rx: released") || died_in("rx: room given"))
		released();
	if (died_in("rx: room given"))
		m.given = m.released;
	m.ring.rx = NULL;
}

static void release(void)
{
	if (survives(call_release)) {
		m.has_received |= m.oldest != m.unseen;
		released();
		m.given = m.released;
	} else {
		died_releasing();
	}
}

static void rewind_peeked(void)
{
	t_assert_err(moor_rx_rewind(m.ring.rx), 0);
	m.seen = m.released;
	m.unseen = m.oldest;
}

static unsigned char incoming[1 << 16];

static void call_recv(void)
{
	m.err = moor_rx_recv(m.ring.rx, incoming, m.len, &m.commit_len, MOOR_NOWAIT);
}

static void recv_copy(void)
{
	const int expected = expected_message();
	const struct record *record = &m.queue[m.unseen % QUEUE];

	m.len = choose(4) ? sizeof incoming : choose(m.max);
	m.commit_len = 12345;
	if (!survives(call_recv)) {
		if (!died_in("rx: copied"))
			see();
		died_releasing();
		return;
	}
	if (expected) {
		t_assert_err(m.err, expected);
		t_assert(m.commit_len == 12345);
		return;
	}
	t_assert(m.commit_len == record->len);
	if (record->len > m.len) {
		t_assert_err(m.err, MOOR_EMSGSIZE);
		return;
	}
	t_assert_err(m.err, 0);
	check_content(incoming, record->len, record->number);
	see();
	released();
	m.has_received = true;
	m.given = m.released;
}

/* ---- the mix ---- */

static void step_tx(void)
{
	const uint64_t what = choose(100);

	if (!m.ring.tx) {
		tx_attach();
	} else if (what < 35) {
		reserve();
	} else if (what < 62) {
		commit();
	} else if (what < 68) {
		cancel();
	} else if (what < 97) {
		send_copy();
	} else if (what < 98) {
		tx_close();
	} else if (what < 99) {
		m.ring.tx = NULL; /* dies */
		lose_reservation();
	} else if (!m.open_end) {
		const int room = m.tail <= m.given ? 0 : expected_room(m.max);

		t_assert_err(moor_tx_drain(m.ring.tx, MOOR_NOWAIT),
		             !room && m.tail > m.given ? (m.consumer.attached || !(m.consumer.closed + m.consumer.died)
		                                                ? MOOR_EAGAIN
		                                            : m.consumer.last_died ? MOOR_EPEERDEAD
		                                                                   : MOOR_ECLOSED)
		                                         : room);
	}
}

static void step_rx(void)
{
	const uint64_t what = choose(100);

	if (!m.ring.rx)
		rx_attach();
	else if (what < 45)
		peek();
	else if (what < 65)
		release();
	else if (what < 70)
		rewind_peeked();
	else if (what < 98)
		recv_copy();
	else if (what < 99)
		rx_close();
	else
		m.ring.rx = NULL; /* dies */
}

static void run(uint64_t seed, uint64_t capacity, uint32_t max, uint64_t position, bool kills, unsigned steps)
{
	uint64_t bias = 50;

	memset(&m, 0, sizeof m);
	m.ring = t_ring_bare(&MOOR_RING_OPTS(.capacity = capacity, .max_message = max));
	m.capacity = capacity;
	m.max = max;
	m.seed = seed;
	m.kills = kills;
	m.tail = m.given = m.released = m.seen = position;
	t_preset(&m.ring, position);
	for (unsigned i = 0; i < steps; i++) {
		if (choose(200) == 0) /* now the ring fills, now it empties */
			bias = choose(3) * 40 + 10;
		if (choose(100) < bias)
			step_tx();
		else
			step_rx();
		check_stat();
	}
	/* what is left arrives, with no death any more */
	m.kills = false;
	if (!m.ring.rx)
		rx_attach();
	rewind_peeked();
	while (m.unseen != m.end)
		peek();
	release();
	peek();
	check_stat();
	if (m.ring.tx)
		moor_tx_close(m.ring.tx);
	moor_rx_close(m.ring.rx);
	munmap(m.ring.mem, m.ring.len);
}

static const uint64_t positions[] = {0, ((uint64_t)1 << 32) - 3 * 4096 - 64, ((uint64_t)1 << 63) - 2 * 4096 - 656,
                                     ((uint64_t)1 << 32) - 8192, 4096 * 5 + 1984 + 32};
static const uint32_t maxima[] = {2040, 100, 900, 56, 4088};

/* Seeds differ from run to run by iteration only; MOORING_SEED and MOORING_STEPS make it another or a longer one. */
static uint64_t number_of(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

static void run_all(int i, bool kills)
{
	const uint32_t max = maxima[i / 5 % 5];
	const uint64_t capacity = max > 2040 ? 8192 : 4096;
	const unsigned rounds = kills ? 40 : 10;
	const uint64_t steps = number_of("MOORING_STEPS", 25000) / rounds * (kills ? 2 : 1);

	for (unsigned round = 0; round < rounds; round++) {
		const uint64_t seed = number_of("MOORING_SEED", 1) + (uint64_t)i * 1000 + round + (kills ? 500 : 0);

		ck_assert_msg(true, "seed %ju", (uintmax_t)seed);
		run(seed, capacity, max, positions[i % 5], kills, (unsigned)steps);
	}
}

START_TEST(test_random_calls)
{
	run_all(_i, false);
}
END_TEST

START_TEST(test_K_random_calls_and_deaths)
{
	run_all(_i, true);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ring, at random");
	TCase *cases = tcase_create("model");

	tcase_set_timeout(cases, 300);
	tcase_add_loop_test(cases, test_random_calls, 0, 25);
	tcase_add_loop_test(cases, test_K_random_calls_and_deaths, 0, 25);
	suite_add_tcase(suite, cases);
	return t_main(suite);
}
