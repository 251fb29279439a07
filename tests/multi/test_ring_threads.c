/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ring_threads.c - two threads on a ring on a plain array: waiting, waking, time-outs, interruptions. To be run
 * under ThreadSanitizer as well.
 */
#include "tests/lib/ring.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define MS ((int64_t)1000000)
#define SECOND (1000 * MS)
#define HUNG (100 * SECOND)

static struct t_ring ring;

static pthread_t start(void *(*fn)(void *), void *arg)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, fn, arg), 0);
	return thread;
}

static void join(pthread_t thread)
{
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

static void pause_randomly(uint64_t *seed)
{
	const uint64_t choice = t_random(seed);
	const struct timespec ts = {0, (long)(choice >> 8) % 300000};

	if (choice % 64 == 0)
		nanosleep(&ts, NULL);
}

/* ---- traffic ---- */

struct traffic {
	uint64_t messages;
	uint32_t max;
	bool pauses, copies;
};

static void *produce(void *arg)
{
	const struct traffic *traffic = arg;
	uint64_t seed = 1, pauses = 99;
	static unsigned char text[1 << 16];

	for (uint64_t n = 0; n < traffic->messages; n++) {
		const size_t len = t_random(&seed) % (traffic->max + 1);
		void *to;

		if (traffic->pauses)
			pause_randomly(&pauses);
		if (traffic->copies) {
			t_fill(text, len, n);
			t_assert_err(moor_tx_send(ring.tx, text, len, HUNG), 0);
		} else {
			t_assert_err(moor_tx_wait(ring.tx, traffic->max, HUNG), 0);
			t_assert_err(moor_tx_reserve(ring.tx, traffic->max, &to), 0);
			t_fill(to, len, n);
			t_assert_err(moor_tx_commit(ring.tx, len), 0);
		}
	}
	t_assert_err(moor_tx_drain(ring.tx, HUNG), 0);
	moor_tx_close(ring.tx);
	ring.tx = NULL;
	return NULL;
}

static void consume(const struct traffic *traffic)
{
	uint64_t seed = 1, pauses = 100, n = 0;
	static unsigned char buf[1 << 16];
	size_t got;
	int err;

	while ((err = moor_rx_wait(ring.rx, HUNG)) == 0) {
		if (traffic->pauses)
			pause_randomly(&pauses);
		if (traffic->copies) {
			t_assert_err(moor_rx_recv(ring.rx, buf, sizeof buf, &got, MOOR_NOWAIT), 0);
			t_assert(got == t_random(&seed) % (traffic->max + 1));
			t_assert(t_is_filled(buf, got, n));
			n++;
		} else {
			struct moor_msg msg;

			for (uint64_t batch = 1 + t_random(&pauses) % 5; batch && moor_rx_peek(ring.rx, &msg) == 0; batch--) {
				t_assert(msg.len == t_random(&seed) % (traffic->max + 1));
				t_assert(t_is_filled(msg.data, msg.len, n));
				n++;
			}
			moor_rx_release(ring.rx);
		}
	}
	t_assert_err(err, MOOR_ECLOSED);
	ck_assert_uint_eq(n, traffic->messages);
}

static void exchange(uint64_t capacity, struct traffic traffic)
{
	struct moor_channel_info info;
	const int64_t begun = t_now();
	pthread_t thread;

	ring = t_ring_bare(&MOOR_RING_OPTS(.capacity = capacity, .max_message = traffic.max));
	t_ring_attach(&ring);
	thread = start(produce, &traffic);
	consume(&traffic);
	join(thread);
	info = t_ring_stat(&ring);
	printf("%ju messages in %jd ms; waits %ju, wakes %ju, full %ju\n", (uintmax_t)traffic.messages,
	       (intmax_t)((t_now() - begun) / MS), (uintmax_t)info.waits, (uintmax_t)info.wakes, (uintmax_t)info.full);
	ck_assert_uint_eq(info.sent_messages, traffic.messages);
	ck_assert_uint_eq(info.received_messages, traffic.messages);
	ck_assert_uint_eq(info.used, 0);
	t_ring_free(&ring);
}

START_TEST(test_R17_two_threads_on_a_tiny_ring)
{
	exchange(4096, (struct traffic){100000, 2040, false, true});
	exchange(4096, (struct traffic){100000, 300, false, false});
	exchange(4096, (struct traffic){200000, 40, false, true});
}
END_TEST

START_TEST(test_R17_two_threads_on_a_large_ring)
{
	exchange(1 << 18, (struct traffic){100000, 1000, false, false});
	exchange(1 << 18, (struct traffic){300000, 40, false, true});
}
END_TEST

START_TEST(test_both_sides_sleep_now_and_then)
{
	exchange(4096, (struct traffic){20000, 1500, true, true});
	exchange(4096, (struct traffic){20000, 500, true, false});
}
END_TEST

/* A message there, one back: whoever is asleep each time is woken. */
static struct t_ring back;

static void *answer(void *arg)
{
	uint64_t value;
	size_t len;

	(void)arg;
	while (moor_rx_recv(ring.rx, &value, sizeof value, &len, HUNG) == 0)
		t_assert_err(moor_tx_send(back.tx, &value, len, HUNG), 0);
	return NULL;
}

START_TEST(test_ping_pong)
{
	int64_t worst = 0;
	pthread_t thread;

	ring = t_ring_at(0);
	back = t_ring_at(0);
	thread = start(answer, NULL);
	for (uint64_t n = 0; n < 20000; n++) {
		const int64_t begun = t_now();
		uint64_t value;
		size_t len;

		if (n % 256 == 0)
			t_sleep_ms(1); /* the other one falls asleep */
		t_assert_err(moor_tx_send(ring.tx, &n, sizeof n, HUNG), 0);
		t_assert_err(moor_rx_recv(back.rx, &value, sizeof value, &len, HUNG), 0);
		t_assert(value == n);
		worst = t_now() - begun > worst ? t_now() - begun : worst;
	}
	printf("worst round trip: %jd us\n", (intmax_t)(worst / 1000));
	moor_tx_close(ring.tx);
	ring.tx = NULL;
	join(thread);
	t_ring_free(&ring);
	t_ring_free(&back);
}
END_TEST

/* R6c: a producer asleep on a full ring wakes for the first record that is released. */
static void *release_one(void *arg)
{
	t_sleep_ms(*(int *)arg);
	t_expect(ring.rx, 0, 0);
	return NULL;
}

START_TEST(test_R6c_sleeper_on_a_full_ring_wakes)
{
	int ms = 20;

	ring = t_ring_at(0);
	for (int n = 0; n < T_FULL; n++)
		t_send(ring.tx, 0, 0);
	for (int n = 0; n < 20; n++) {
		const pthread_t thread = start(release_one, &ms);

		t_assert_err(moor_tx_send(ring.tx, NULL, 0, HUNG), 0);
		join(thread);
	}
	ck_assert_uint_ge(t_ring_stat(&ring).waits, 15);
	ck_assert_uint_ge(t_ring_stat(&ring).wakes, 15);
	t_ring_free(&ring);
}
END_TEST

/* ---- time-outs ---- */

START_TEST(test_timeouts_are_not_early)
{
	static const int64_t times[] = {1, 1000, 100000, MS, 7 * MS, 50 * MS, 120 * MS};
	char buf[8];
	size_t len;

	ring = t_ring_at(0);
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		int64_t begun = t_now();

		t_assert_err(moor_rx_recv(ring.rx, buf, sizeof buf, &len, times[i]), MOOR_ETIMEDOUT);
		t_assert(t_now() - begun >= times[i]);
		begun = t_now();
		t_assert_err(moor_rx_wait(ring.rx, times[i]), MOOR_ETIMEDOUT);
		t_assert(t_now() - begun >= times[i]);
		t_assert(t_now() - begun < times[i] + 20 * SECOND);
	}
	t_assert_err(moor_rx_wait(ring.rx, MOOR_NOWAIT), MOOR_EAGAIN);
	for (int n = 0; n < T_FULL; n++)
		t_send(ring.tx, 0, 0);
	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		int64_t begun = t_now();

		t_assert_err(moor_tx_send(ring.tx, buf, 1, times[i]), MOOR_ETIMEDOUT);
		t_assert(t_now() - begun >= times[i]);
		begun = t_now();
		t_assert_err(moor_tx_sendv(ring.tx, NULL, 0, times[i]), MOOR_ETIMEDOUT);
		t_assert(t_now() - begun >= times[i]);
		begun = t_now();
		t_assert_err(moor_tx_wait(ring.tx, 1, times[i]), MOOR_ETIMEDOUT);
		t_assert(t_now() - begun >= times[i]);
		begun = t_now();
		t_assert_err(moor_tx_drain(ring.tx, times[i]), MOOR_ETIMEDOUT);
		t_assert(t_now() - begun >= times[i]);
	}
	t_assert_err(moor_tx_send(ring.tx, buf, 1, MOOR_NOWAIT), MOOR_EAGAIN);
	t_assert_err(moor_tx_wait(ring.tx, 1, MOOR_NOWAIT), MOOR_EAGAIN);
	t_assert_err(moor_tx_drain(ring.tx, MOOR_NOWAIT), MOOR_EAGAIN);
	ck_assert_uint_eq(t_ring_stat(&ring).sent_messages, T_FULL);
	t_ring_free(&ring);
}
END_TEST

/* ---- interruptions ---- */

START_TEST(test_interrupt_before_the_wait)
{
	char buf[8];
	size_t len;

	ring = t_ring_at(0);
	/* calls that need not wait are not affected, and leave it for the one that would */
	t_assert_err(moor_rx_interrupt(ring.rx), 0);
	t_assert_err(moor_rx_interrupt(ring.rx), 0);
	t_assert_err(moor_rx_recv(ring.rx, buf, sizeof buf, &len, MOOR_NOWAIT), MOOR_EAGAIN);
	t_expect_none(ring.rx);
	t_send(ring.tx, 3, 3);
	t_send(ring.tx, 4, 4);
	t_assert_err(moor_rx_wait(ring.rx, MOOR_FOREVER), 0);
	t_assert_err(moor_rx_recv(ring.rx, buf, sizeof buf, &len, MOOR_FOREVER), 0);
	t_expect(ring.rx, 4, 4);
	t_assert_err(moor_rx_recv(ring.rx, buf, sizeof buf, &len, MOOR_FOREVER), MOOR_EINTR);
	t_assert_err(moor_rx_wait(ring.rx, 20 * MS), MOOR_ETIMEDOUT); /* once */

	t_assert_err(moor_tx_interrupt(ring.tx), 0);
	t_assert_err(moor_tx_drain(ring.tx, MOOR_FOREVER), 0);
	t_assert_err(moor_tx_wait(ring.tx, T_MAX, MOOR_FOREVER), 0);
	for (int n = 0; n < T_FULL; n++)
		t_assert_err(moor_tx_send(ring.tx, NULL, 0, MOOR_FOREVER), 0);
	t_assert_err(moor_tx_send(ring.tx, NULL, 0, MOOR_NOWAIT), MOOR_EAGAIN);
	t_assert_err(moor_tx_send(ring.tx, NULL, 0, MOOR_FOREVER), MOOR_EINTR);
	t_assert_err(moor_tx_send(ring.tx, NULL, 0, 20 * MS), MOOR_ETIMEDOUT);
	t_assert_err(moor_tx_interrupt(ring.tx), 0);
	t_assert_err(moor_tx_sendv(ring.tx, NULL, 0, MOOR_FOREVER), MOOR_EINTR);
	t_assert_err(moor_tx_interrupt(ring.tx), 0);
	t_assert_err(moor_tx_wait(ring.tx, 1, MOOR_FOREVER), MOOR_EINTR);
	t_assert_err(moor_tx_interrupt(ring.tx), 0);
	t_assert_err(moor_tx_drain(ring.tx, MOOR_FOREVER), MOOR_EINTR);
	ck_assert_uint_eq(t_ring_stat(&ring).sent_messages, T_FULL + 2);
	t_ring_free(&ring);
}
END_TEST

static void *interrupt_rx(void *arg)
{
	t_sleep_ms(*(int *)arg);
	t_assert_err(moor_rx_interrupt(ring.rx), 0);
	return NULL;
}

static void *interrupt_tx(void *arg)
{
	t_sleep_ms(*(int *)arg);
	t_assert_err(moor_tx_interrupt(ring.tx), 0);
	return NULL;
}

START_TEST(test_interrupt_during_the_wait)
{
	char buf[8];
	size_t len;

	ring = t_ring_at(0);
	for (int n = 0; n < T_FULL; n++)
		t_send(ring.tx, 0, 0);
	for (int ms = 0; ms < 30; ms += 3) {
		pthread_t thread = start(interrupt_tx, &ms);

		t_assert_err(moor_tx_send(ring.tx, buf, 1, MOOR_FOREVER), MOOR_EINTR);
		join(thread);
		thread = start(interrupt_tx, &ms);
		t_assert_err(moor_tx_drain(ring.tx, MOOR_FOREVER), MOOR_EINTR);
		join(thread);
	}
	for (int n = 0; n < T_FULL; n++)
		t_expect(ring.rx, 0, 0);
	for (int ms = 0; ms < 30; ms += 3) {
		const pthread_t thread = start(interrupt_rx, &ms);

		t_assert_err(moor_rx_recv(ring.rx, buf, sizeof buf, &len, MOOR_FOREVER), MOOR_EINTR);
		join(thread);
	}
	t_assert_err(moor_rx_wait(ring.rx, 10 * MS), MOOR_ETIMEDOUT);
	t_ring_free(&ring);
}
END_TEST

/* Each interruption ends one wait, at whatever moment it comes. */
struct turns {
	uint64_t asked, ended;
};

static void *interrupt_often(void *arg)
{
	struct turns *turns = arg;
	uint64_t seed = 5;

	for (int n = 0; n < 5000; n++) {
		const int64_t until = t_now() + (int64_t)(t_random(&seed) % 60000);

		while (t_now() < until)
			continue;
		__atomic_store_n(&turns->asked, turns->asked + 1, __ATOMIC_RELEASE);
		t_assert_err(moor_rx_interrupt(ring.rx), 0);
		while (__atomic_load_n(&turns->ended, __ATOMIC_ACQUIRE) != turns->asked)
			sched_yield();
	}
	return NULL;
}

START_TEST(test_every_interruption_ends_one_wait)
{
	struct turns turns = {0, 0};
	pthread_t thread;

	ring = t_ring_at(0);
	thread = start(interrupt_often, &turns);
	for (int n = 0; n < 5000; n++) {
		t_assert_err(moor_rx_wait(ring.rx, HUNG), MOOR_EINTR);
		t_assert(__atomic_load_n(&turns.asked, __ATOMIC_ACQUIRE) == turns.ended + 1);
		__atomic_store_n(&turns.ended, turns.ended + 1, __ATOMIC_RELEASE);
	}
	join(thread);
	t_ring_free(&ring);
}
END_TEST

static volatile sig_atomic_t handled;
static bool handler_interrupts;

static void handler(int signal)
{
	(void)signal;
	handled++;
	if (handler_interrupts) {
		moor_rx_interrupt(ring.rx);
		moor_tx_interrupt(ring.tx);
	}
}

static pthread_t waiter;
static int waiting; /* until the wait has come back */

static void *signal_waiter(void *arg)
{
	(void)arg;
	while (__atomic_load_n(&waiting, __ATOMIC_ACQUIRE)) {
		t_sleep_ms(3);
		pthread_kill(waiter, SIGUSR1);
	}
	return NULL;
}

/* _i: bit 0: SA_RESTART; bit 1: the handler interrupts the handle */
START_TEST(test_signal_handlers)
{
	const struct sigaction action = {.sa_handler = handler, .sa_flags = _i & 1 ? SA_RESTART : 0};
	pthread_t thread;
	char buf[8];
	size_t len;

	ring = t_ring_at(0);
	handler_interrupts = _i & 2;
	waiter = pthread_self();
	sigaction(SIGUSR1, &action, NULL);
	for (int n = 0; n < 10; n++) {
		__atomic_store_n(&waiting, 1, __ATOMIC_RELEASE);
		thread = start(signal_waiter, NULL);
		t_assert_err(moor_rx_recv(ring.rx, buf, sizeof buf, &len, HUNG), MOOR_EINTR);
		__atomic_store_n(&waiting, 0, __ATOMIC_RELEASE);
		join(thread);
	}
	ck_assert_int_ge(handled, 10);
	if (handler_interrupts) /* what came after the wait was over is still pending: for one wait */
		(void)moor_rx_wait(ring.rx, MS);
	handler_interrupts = false;
	t_assert_err(moor_rx_wait(ring.rx, 20 * MS), MOOR_ETIMEDOUT);
	handler_interrupts = _i & 2;
	for (int n = 0; n < T_FULL; n++)
		t_send(ring.tx, 0, 0);
	for (int n = 0; n < 10; n++) {
		__atomic_store_n(&waiting, 1, __ATOMIC_RELEASE);
		thread = start(signal_waiter, NULL);
		t_assert_err(moor_tx_send(ring.tx, buf, 1, HUNG), MOOR_EINTR);
		__atomic_store_n(&waiting, 0, __ATOMIC_RELEASE);
		join(thread);
	}
	signal(SIGUSR1, SIG_DFL);
	t_ring_free(&ring);
}
END_TEST

/* A handler that runs before the wait, in the same thread. */
START_TEST(test_interrupt_from_a_handler_before_the_wait)
{
	const struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};

	ring = t_ring_at(0);
	handler_interrupts = true;
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	t_assert_err(moor_rx_wait(ring.rx, MOOR_FOREVER), MOOR_EINTR);
	t_assert_err(moor_rx_wait(ring.rx, MS), MOOR_ETIMEDOUT);
	signal(SIGUSR1, SIG_DFL);
	t_ring_free(&ring);
}
END_TEST

/* ---- drain ---- */

static void *release_slowly(void *arg)
{
	(void)arg;
	for (unsigned n = 0; n < 10; n++) {
		t_expect_peek(ring.rx, 100, n);
		if (n % 2) {
			t_sleep_ms(4);
			moor_rx_release(ring.rx);
		}
	}
	return NULL;
}

START_TEST(test_drain_waits_for_the_last_release)
{
	pthread_t thread;

	ring = t_ring_at(0);
	for (unsigned n = 0; n < 10; n++)
		t_send(ring.tx, 100, n);
	thread = start(release_slowly, NULL);
	t_assert_err(moor_tx_drain(ring.tx, HUNG), 0);
	ck_assert_uint_eq(t_ring_stat(&ring).received_messages, 10);
	join(thread);
	t_ring_free(&ring);
}
END_TEST

static void *close_consumer(void *arg)
{
	t_sleep_ms(*(int *)arg);
	moor_rx_close(ring.rx);
	ring.rx = NULL;
	return NULL;
}

START_TEST(test_waits_of_the_producer_end_with_the_consumer)
{
	int ms = 10;
	pthread_t thread;

	ring = t_ring_at(0);
	for (int n = 0; n < T_FULL; n++)
		t_send(ring.tx, 0, 0);
	thread = start(close_consumer, &ms);
	t_assert_err(_i ? moor_tx_drain(ring.tx, MOOR_FOREVER) : moor_tx_send(ring.tx, NULL, 0, MOOR_FOREVER),
	             MOOR_ECLOSED);
	join(thread);
	t_ring_free(&ring);
}
END_TEST

static void *close_producer(void *arg)
{
	t_sleep_ms(*(int *)arg);
	moor_tx_close(ring.tx);
	ring.tx = NULL;
	return NULL;
}

START_TEST(test_waits_of_the_consumer_end_with_the_producer)
{
	int64_t worst = 0;

	for (int n = 0; n < 50; n++) {
		const int64_t begun = t_now();
		int ms = n % 5;
		pthread_t thread;

		ring = t_ring_at((uint64_t)n * 64);
		thread = start(close_producer, &ms);
		t_assert_err(moor_rx_wait(ring.rx, MOOR_FOREVER), MOOR_ECLOSED);
		worst = t_now() - begun - ms * MS > worst ? t_now() - begun - ms * MS : worst;
		join(thread);
		t_ring_free(&ring);
	}
	printf("a close was seen after %jd us at worst\n", (intmax_t)(worst / 1000));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ring, two threads");
	TCase *cases = tcase_create("threads");

	tcase_set_timeout(cases, 120);
	tcase_add_test(cases, test_R17_two_threads_on_a_tiny_ring);
	tcase_add_test(cases, test_R17_two_threads_on_a_large_ring);
	tcase_add_test(cases, test_both_sides_sleep_now_and_then);
	tcase_add_test(cases, test_ping_pong);
	tcase_add_test(cases, test_R6c_sleeper_on_a_full_ring_wakes);
	tcase_add_test(cases, test_timeouts_are_not_early);
	tcase_add_test(cases, test_interrupt_before_the_wait);
	tcase_add_test(cases, test_interrupt_during_the_wait);
	tcase_add_test(cases, test_every_interruption_ends_one_wait);
	tcase_add_loop_test(cases, test_signal_handlers, 0, 4);
	tcase_add_test(cases, test_interrupt_from_a_handler_before_the_wait);
	tcase_add_test(cases, test_drain_waits_for_the_last_release);
	tcase_add_loop_test(cases, test_waits_of_the_producer_end_with_the_consumer, 0, 2);
	tcase_add_test(cases, test_waits_of_the_consumer_end_with_the_producer);
	suite_add_tcase(suite, cases);
	return t_main(suite);
}
