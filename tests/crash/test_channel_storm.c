/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_channel_storm.c - producers and consumers killed at random moments, under traffic, for MOORING_STORM_SECONDS.
 * What they did is written down outside the ring: a message is noted before it is reserved and after it is committed, and
 * when it has been received. Nothing that was committed for certain may be missing, nothing may come twice or out of
 * order but what had not been released, and the counts must be right after every death.
 */
#include "tests/lib/ring.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define MESSAGES ((uint64_t)1 << 24) /* a round ends when so many have been begun */
#define COMMITTED 1u
#define RECEIVED 2u

/* Written by one process each at a time; the parent corrects the counts after a death. */
static struct account {
	uint64_t begun, committed; /* the number of the last message tried; how many were committed */
	uint64_t released;         /* the number of the last message released for certain */
	uint64_t releasing;        /* ... or perhaps */
	uint64_t released_count;
	uint64_t seed;
	bool stop;   /* producers end by themselves */
	bool finish; /* nothing more is sent: the consumer ends when it has it all */
	uint8_t notes[MESSAGES + 1];
} *account;

static const char *const name = "storm";

static void broken(const char *what, uint64_t number, int64_t value)
{
	fprintf(stderr, "storm: %s at message %ju: %jd\n", what, (uintmax_t)number, (intmax_t)value);
	_exit(9);
}

static size_t length_of(uint64_t number)
{
	uint64_t state = number;
	const uint64_t random = t_random(&state);

	return 8 + (random % 50 == 0 ? (size_t)(random >> 32) % 1900 : (size_t)(random >> 32) % 100);
}

static void note_committed(uint64_t number)
{
	__atomic_fetch_or(&account->notes[number], COMMITTED, __ATOMIC_RELAXED);
	__atomic_store_n(&account->committed, account->committed + 1, __ATOMIC_RELEASE);
}

static int reserve(moor_tx *tx, size_t len, void **ret_data)
{
	int err;

	while ((err = moor_tx_reserve(tx, len, ret_data)) != 0) {
		if (err != MOOR_EAGAIN && err != MOOR_ECLOSED && err != MOOR_EPEERDEAD)
			return err;
		err = moor_tx_wait(tx, len, 2000000);
		if (err == MOOR_ECLOSED || err == MOOR_EPEERDEAD)
			sched_yield();
		else if (err && err != MOOR_ETIMEDOUT)
			return err;
		if (account->stop)
			return MOOR_ETIMEDOUT;
	}
	return 0;
}

static int produce(void *arg)
{
	uint64_t seed = *(uint64_t *)arg;
	static unsigned char text[T_MAX];
	moor_tx *tx;
	int err = moor_tx_open(name, NULL, &tx);

	if (err)
		broken("tx_open", account->begun, err);
	while (!account->stop && account->begun < MESSAGES) {
		const uint64_t choice = t_random(&seed) % 100, number = account->begun + 1;
		const size_t len = length_of(number);
		void *to;

		__atomic_store_n(&account->begun, number, __ATOMIC_RELEASE);
		if (choice < 50) {
			t_fill(text, len, number);
			memcpy(text, &number, 8);
			do
				err = moor_tx_send(tx, text, len, choice < 25 ? MOOR_NOWAIT : 3000000);
			while (!account->stop && (err == MOOR_EAGAIN || err == MOOR_ETIMEDOUT || err == MOOR_ECLOSED ||
			                          err == MOOR_EPEERDEAD));
		} else {
			err = reserve(tx, choice < 80 ? len : T_MAX, &to);
			if (!err) {
				memset(to, 1, choice < 80 ? len : T_MAX);
				t_fill(to, len, number);
				memcpy(to, &number, 8);
				if (choice < 60) {
					moor_tx_cancel(tx);
					continue;
				}
				err = moor_tx_commit(tx, len);
			}
		}
		if (account->stop && err)
			break;
		if (err)
			broken("send", number, err);
		note_committed(number);
		if (t_random(&seed) % 5000 == 0)
			break;
	}
	moor_tx_close(tx);
	return 0;
}

/* A message comes after `last`, with nothing between the two that was committed for certain. Its number. */
static uint64_t check_message(const void *data, size_t len, uint64_t last)
{
	static unsigned char expected[T_MAX];
	uint64_t number;

	if (len < 8)
		broken("length", last, (int64_t)len);
	memcpy(&number, data, 8);
	if (number <= last || number > __atomic_load_n(&account->begun, __ATOMIC_ACQUIRE))
		broken("order", last, (int64_t)number);
	if (len != length_of(number))
		broken("length", number, (int64_t)len);
	t_fill(expected, len, number);
	if (memcmp((const char *)data + 8, expected + 8, len - 8) != 0)
		broken("content", number, (int64_t)len);
	for (uint64_t between = last + 1; between < number; between++)
		if (__atomic_load_n(&account->notes[between], __ATOMIC_RELAXED) & COMMITTED)
			broken("lost", between, (int64_t)number);
	__atomic_fetch_or(&account->notes[number], RECEIVED, __ATOMIC_RELAXED);
	return number;
}

static void about_to_release(uint64_t number)
{
	__atomic_store_n(&account->releasing, number, __ATOMIC_RELEASE);
}

static void released(uint64_t number, uint64_t count)
{
	/* In this order: killed between the two it reads as one that died before it could note anything. */
	__atomic_store_n(&account->released, number, __ATOMIC_RELEASE);
	__atomic_store_n(&account->released_count, account->released_count + count, __ATOMIC_RELEASE);
}

static void must(int err, const char *what, uint64_t last)
{
	if (err)
		broken(what, last, err);
}

/* With its first message peeked: takes it, and perhaps more, in one of all the ways. Returns the last number. */
static uint64_t take(moor_rx *rx, uint64_t number, uint64_t choice)
{
	static unsigned char buf[T_MAX];
	struct moor_msg msg;
	uint64_t last = number, count = 1;
	size_t len;

	if (choice < 30) { /* some */
		for (; count < 1 + choice % 7 && moor_rx_peek(rx, &msg) == 0; count++)
			last = check_message(msg.data, msg.len, last);
		about_to_release(last);
		moor_rx_release(rx);
	} else if (choice < 60) { /* a copy of it */
		must(moor_rx_rewind(rx), "rewind", number);
		about_to_release(number);
		must(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_NOWAIT), "recv", number);
		(void)check_message(buf, len, number - 1);
	} else if (choice < 70 && moor_rx_peek(rx, &msg) == 0) { /* a copy of the second, which releases both */
		last = check_message(msg.data, msg.len, number);
		count = 2;
		must(moor_rx_rewind(rx), "rewind", number);
		must(moor_rx_peek(rx, &msg), "peek", number);
		about_to_release(last);
		must(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_NOWAIT), "recv", last);
		(void)check_message(buf, len, last - 1);
	} else {
		about_to_release(number);
		moor_rx_release(rx);
	}
	released(last, count);
	return last;
}

static int consume(void *arg)
{
	uint64_t seed = *(uint64_t *)arg, last = account->released;
	bool first = true;
	moor_rx *rx;
	int err;

	must(moor_rx_open(name, NULL, &rx), "rx_open", last);
	while (account->finish || t_random(&seed) % 5000) {
		const uint64_t choice = t_random(&seed) % 100;
		const bool finish = __atomic_load_n(&account->finish, __ATOMIC_ACQUIRE);
		struct moor_msg msg;
		uint64_t number;

		err = t_random(&seed) % 2 ? moor_rx_wait(rx, 3000000) : 0;
		if (err && err != MOOR_ETIMEDOUT && err != MOOR_ECLOSED && err != MOOR_EPEERDEAD)
			broken("wait", last, err);
		err = moor_rx_peek(rx, &msg);
		if (err == MOOR_EAGAIN || err == MOOR_ECLOSED || err == MOOR_EPEERDEAD) {
			if (finish)
				break;
			continue;
		}
		must(err, "peek", last);
		if (first) { /* the predecessor's last release was done, or not at all */
			memcpy(&number, msg.data, 8);
			if (number > account->releasing)
				last = account->releasing;
			first = false;
		}
		number = check_message(msg.data, msg.len, last);
		if (choice < 5)
			must(moor_rx_rewind(rx), "rewind", last);
		else
			last = take(rx, number, choice);
	}
	moor_rx_close(rx);
	return 0;
}

static struct moor_channel_info look(void)
{
	struct moor_channel_info info = {.struct_size = sizeof info};

	t_assert_err(moor_channel_stat(name, &info), 0);
	return info;
}

static uint64_t deaths, uncertain;

/* A child of either role has ended: was it well? The counts of what was certain, and of one more perhaps. */
static void settle_producer(int code)
{
	const struct moor_channel_info info = look();

	ck_assert_msg(code == 0 || code == 128 + SIGKILL, "a producer ended with %d", code);
	ck_assert_msg(info.sent_messages == account->committed || info.sent_messages == account->committed + 1,
	              "sent %ju, committed %ju", (uintmax_t)info.sent_messages, (uintmax_t)account->committed);
	uncertain += info.sent_messages - account->committed;
	account->committed = info.sent_messages;
	ck_assert_uint_eq(info.producers, 0);
}

static void settle_consumer(int code)
{
	const struct moor_channel_info info = look();

	ck_assert_msg(code == 0 || code == 128 + SIGKILL, "a consumer ended with %d", code);
	ck_assert_msg(info.received_messages >= account->released_count &&
	                  info.received_messages <= account->released_count + 8,
	              "received %ju, released %ju", (uintmax_t)info.received_messages,
	              (uintmax_t)account->released_count);
	if (info.received_messages > account->released_count)
		account->released = account->releasing;
	account->released_count = info.received_messages;
	account->releasing = account->released;
	ck_assert_uint_eq(info.consumers, 0);
}

static uint64_t seconds(void)
{
	const char *text = getenv("MOORING_STORM_SECONDS");

	return text ? strtoull(text, NULL, 0) : 5;
}

static pid_t start(int (*fn)(void *arg), uint64_t *seed)
{
	uint64_t own = t_random(seed);

	return t_spawn(fn, &own);
}

static void storm(uint64_t *seed, int64_t until)
{
	moor_hold *hold;
	moor_tx *tx;
	pid_t producer, consumer;
	uint64_t number;

	memset(account, 0, offsetof(struct account, notes));
	madvise(account, sizeof *account, MADV_REMOVE); /* zeroes; cheaper than memset */
	t_assert_err(moor_tx_open(name, &MOOR_CHANNEL_OPTS(.capacity = T_CAPACITY, .max_message = T_MAX), &tx),
	             MOOR_CREATED);
	t_assert_err(moor_hold_open(name, &hold), 0);
	moor_tx_close(tx);
	producer = start(produce, seed);
	consumer = start(consume, seed);
	while (t_now() < until && account->begun < MESSAGES) {
		const uint64_t choice = t_random(seed);
		const bool both = choice % 8 == 0, first = choice >> 8 & 1;

		usleep((useconds_t)((choice >> 16) % 3000));
		if (both || first)
			kill(producer, SIGKILL);
		if (both || !first)
			kill(consumer, SIGKILL);
		if (both || first) {
			settle_producer(t_wait(producer));
			deaths++;
		}
		if (both || !first) {
			settle_consumer(t_wait(consumer));
			deaths++;
		}
		if (both && choice >> 9 & 1)
			consumer = start(consume, seed);
		if (both || first)
			producer = start(produce, seed);
		if (both ? !(choice >> 9 & 1) : !first)
			consumer = start(consume, seed);
	}
	/* nobody dies any more: everything arrives, and both come to their ends */
	account->stop = true;
	settle_producer(t_wait(producer));
	__atomic_store_n(&account->finish, true, __ATOMIC_RELEASE);
	settle_consumer(t_wait(consumer));
	if (look().used) { /* it had gone of itself before */
		consumer = start(consume, seed);
		settle_consumer(t_wait(consumer));
	}
	ck_assert_uint_eq(look().sent_messages, account->committed);
	ck_assert_uint_eq(look().received_messages, account->committed);
	ck_assert_uint_eq(look().used, 0);
	for (number = 1; number <= account->begun && number <= MESSAGES; number++)
		if (account->notes[number] == COMMITTED)
			ck_abort_msg("message %ju never came", (uintmax_t)number);
	printf("storm: %ju messages tried, %ju sent, %ju deaths so far, %ju in mid-publication\n", (uintmax_t)account->begun,
	       (uintmax_t)account->committed, (uintmax_t)deaths, (uintmax_t)uncertain);
	moor_hold_close(hold);
}

START_TEST(test_K_storm)
{
	const int64_t until = t_now() + (int64_t)seconds() * 1000000000;
	const char *given = getenv("MOORING_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)t_now() ^ (uint64_t)getpid() << 40;

	printf("MOORING_SEED=%ju\n", (uintmax_t)seed);
	account = t_shared(sizeof *account);
	do
		storm(&seed, until);
	while (t_now() < until);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("channel, storm");
	TCase *cases = tcase_create("storm");

	tcase_set_timeout(cases, (double)seconds() + 200);
	tcase_add_test(cases, test_K_storm);
	suite_add_tcase(suite, cases);
	return t_main(suite);
}
