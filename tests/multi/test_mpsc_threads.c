/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_mpsc_threads.c - producers and the consumer as threads, on a ring of many producers on a plain array. To be run
 * under ThreadSanitizer as well.
 */
#include "tests/lib/ring.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>

#define MS ((int64_t)1000000)
#define HUNG (100 * 1000 * MS)
#define THREADS 4

static struct t_ring ring;
static moor_tx *txs[THREADS];

struct part {
	uint64_t id, messages;
	uint32_t max;
	bool copies, pauses;
};

static size_t length_of(const struct part *part, uint64_t n)
{
	uint64_t state = part->id << 40 | n;

	return 8 + t_random(&state) % (part->max - 7);
}

static void pause_randomly(uint64_t *seed)
{
	const uint64_t choice = t_random(seed);
	const struct timespec ts = {0, (long)(choice >> 8) % 300000};

	if (choice % 64 == 0)
		nanosleep(&ts, NULL);
}

static void write_message(void *to, size_t len, uint64_t number)
{
	t_fill(to, len, number);
	memcpy(to, &number, 8);
}

static void *produce(void *arg)
{
	const struct part *part = arg;
	moor_tx *const tx = txs[part->id];
	uint64_t seed = part->id;
	unsigned char text[T_MAX];
	void *to;

	for (uint64_t n = 0; n < part->messages; n++) {
		const uint64_t number = part->id << 40 | n;
		const size_t len = length_of(part, n);

		if (part->pauses)
			pause_randomly(&seed);
		if (part->copies) {
			write_message(text, len, number);
			t_assert_err(moor_tx_send(tx, text, len, HUNG), 0);
			continue;
		}
		while (moor_tx_reserve(tx, part->max, &to) != 0)
			t_assert_err(moor_tx_wait(tx, part->max, HUNG), 0);
		memset(to, 1, part->max);
		write_message(to, len, number);
		if (t_random(&seed) % 10 == 0) { /* never mind, again */
			moor_tx_cancel(tx);
			write_message(text, len, number);
			t_assert_err(moor_tx_sendv(tx, (struct moor_iov[]){{text, 8}, {text + 8, len - 8}}, 2, HUNG), 0);
		} else {
			t_assert_err(moor_tx_commit(tx, len), 0);
		}
	}
	t_assert_err(moor_tx_drain(tx, HUNG), 0);
	moor_tx_close(tx);
	return NULL;
}

static void check_next(const struct part *parts, uint64_t *next, const void *data, size_t len)
{
	unsigned char expected[T_MAX];
	uint64_t number, id, n;

	t_assert(len >= 8);
	memcpy(&number, data, 8);
	id = number >> 40;
	n = number & 0xffffffffffu;
	t_assert(id < THREADS);
	if (n != next[id])
		ck_abort_msg("thread %ju: message %ju, expected %ju", (uintmax_t)id, (uintmax_t)n, (uintmax_t)next[id]);
	t_assert(len == length_of(&parts[id], n));
	write_message(expected, len, number);
	t_assert(memcmp(data, expected, len) == 0);
	next[id]++;
}

/* What a stat sees while all go on is something that may be so. */
static void glance(uint64_t messages)
{
	const struct moor_channel_info info = t_ring_stat(&ring);

	t_assert(info.received_messages <= info.sent_messages);
	t_assert(info.sent_messages <= messages * THREADS);
	t_assert(info.occupied <= T_CAPACITY);
	t_assert(info.producers <= THREADS && info.attached == THREADS && info.died == 0);
}

static void exchange(uint64_t messages, uint32_t max, bool pauses)
{
	const struct moor_ring_opts opts = {.struct_size = sizeof opts,
	                                    .kind = MOOR_MPSC,
	                                    .capacity = T_CAPACITY,
	                                    .max_message = T_MAX,
	                                    .max_producers = THREADS};
	const int64_t begun = t_now();
	uint64_t next[THREADS] = {0}, seed = 9;
	struct part parts[THREADS];
	pthread_t threads[THREADS];
	unsigned char buf[T_MAX];
	struct moor_channel_info info;
	struct moor_msg msg;
	size_t len;
	int err;

	ring = t_ring_bare(&opts);
	t_assert_err(moor_rx_attach(ring.mem, ring.len, NULL, &ring.rx), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		t_assert_err(moor_tx_attach(ring.mem, ring.len, NULL, &txs[i]), 0);
		parts[i] = (struct part){i, messages, max, i % 2, pauses};
	}
	for (unsigned i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, produce, &parts[i]), 0);
	while ((err = moor_rx_wait(ring.rx, HUNG)) == 0) {
		const uint64_t choice = t_random(&seed);

		if (pauses)
			pause_randomly(&seed);
		if (choice % 100 == 0)
			glance(messages);
		if (choice % 2) {
			t_assert_err(moor_rx_recv(ring.rx, buf, sizeof buf, &len, MOOR_NOWAIT), 0);
			check_next(parts, next, buf, len);
			continue;
		}
		for (uint64_t batch = choice % 7; batch && moor_rx_peek(ring.rx, &msg) == 0; batch--)
			check_next(parts, next, msg.data, msg.len);
		moor_rx_release(ring.rx);
	}
	t_assert_err(err, MOOR_ECLOSED);
	for (unsigned i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		ck_assert_uint_eq(next[i], messages);
	}
	info = t_ring_stat(&ring);
	ck_assert_uint_eq(info.sent_messages, messages * THREADS);
	ck_assert_uint_eq(info.received_messages, messages * THREADS);
	ck_assert_uint_eq(info.used, 0);
	ck_assert_uint_eq(info.closed, THREADS);
	printf("%ju messages: %jd ms; waits %ju, wakes %ju, full %ju\n", (uintmax_t)(messages * THREADS),
	       (intmax_t)((t_now() - begun) / MS), (uintmax_t)info.waits, (uintmax_t)info.wakes, (uintmax_t)info.full);
	t_ring_free(&ring);
}

START_TEST(test_P1_threads_small_messages)
{
	exchange(20000, 50, false);
}
END_TEST

START_TEST(test_P1_threads_any_messages)
{
	exchange(5000, 700, false);
}
END_TEST

START_TEST(test_P10_threads_room_for_one)
{
	exchange(2000, T_MAX, false);
}
END_TEST

START_TEST(test_P1_threads_sleep_now_and_then)
{
	exchange(3000, 300, true);
}
END_TEST

/* Whoever comes and goes, all the time: slots change hands among live threads. */
static void *come_and_go(void *arg)
{
	const uint64_t id = *(const uint64_t *)arg;
	uint64_t seed = id;

	for (uint64_t n = 0; n < 300; n++) {
		const uint64_t number = id << 40 | n;
		moor_tx *tx;
		void *to;

		t_assert_err(moor_tx_attach(ring.mem, ring.len, NULL, &tx), 0);
		t_assert_err(moor_tx_send(tx, &number, sizeof number, HUNG), 0);
		if (t_random(&seed) % 4 == 0 && moor_tx_reserve(tx, 100, &to) == 0)
			memset(to, 1, 100); /* left open: cancelled by the close */
		moor_tx_close(tx);
	}
	return NULL;
}

START_TEST(test_threads_attach_and_close)
{
	const struct moor_ring_opts opts = {.struct_size = sizeof opts,
	                                    .kind = MOOR_MPSC,
	                                    .capacity = T_CAPACITY,
	                                    .max_message = T_MAX,
	                                    .max_producers = THREADS + 1};
	static uint64_t ids[THREADS];
	uint64_t next[THREADS] = {0}, all = 0, number;
	pthread_t threads[THREADS];
	moor_tx *stays;
	size_t len;

	ring = t_ring_bare(&opts);
	t_assert_err(moor_rx_attach(ring.mem, ring.len, NULL, &ring.rx), 0);
	t_assert_err(moor_tx_attach(ring.mem, ring.len, NULL, &stays), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		ids[i] = i;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, come_and_go, &ids[i]), 0);
	}
	for (; all < 300 * THREADS; all++) {
		t_assert_err(moor_rx_recv(ring.rx, &number, sizeof number, &len, HUNG), 0);
		t_assert(len == sizeof number && number >> 40 < THREADS);
		t_assert((number & 0xffffffffffu) == next[number >> 40]);
		next[number >> 40]++;
	}
	for (unsigned i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	t_expect_none(ring.rx);
	moor_tx_close(stays);
	t_assert_err(moor_rx_wait(ring.rx, HUNG), MOOR_ECLOSED);
	ck_assert_uint_eq(t_ring_stat(&ring).attached, 1 + 300 * THREADS);
	ck_assert_uint_eq(t_ring_stat(&ring).closed, 1 + 300 * THREADS);
	t_ring_free(&ring);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ring of many producers, threads");
	TCase *cases = tcase_create("threads");

	tcase_set_timeout(cases, 120);
	tcase_add_test(cases, test_P1_threads_small_messages);
	tcase_add_test(cases, test_P1_threads_any_messages);
	tcase_add_test(cases, test_P10_threads_room_for_one);
	tcase_add_test(cases, test_P1_threads_sleep_now_and_then);
	tcase_add_test(cases, test_threads_attach_and_close);
	suite_add_tcase(suite, cases);
	return t_main(suite);
}
