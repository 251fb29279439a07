/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_link_forged.c - each word that a peer may write holds what it must not: MOOR_ECORRUPT, in both directions, for
 * good, on that link alone. Of both sides: the host's words are forged, too. Worth most under the sanitizers.
 */
#include "tests/hostile/forged.h"

#include <pthread.h>
#include <stdlib.h>

/* A link with a bystander that must not feel any of it, `by` the side whose words are forged. */
struct pair {
	moor_link *host, *worker, *liar, *victim;
	moor_link *other_host, *other_worker;
};

static struct pair pair_of(int host_lies)
{
	struct pair p;

	t_join(&p.host, &p.worker);
	t_join(&p.other_host, &p.other_worker);
	p.liar = host_lies ? p.host : p.worker;
	p.victim = host_lies ? p.worker : p.host;
	return p;
}

static void pair_free(struct pair *p)
{
	t_assert_err(t_send(p->other_host, 3, MOOR_NOWAIT), 0);
	t_assert_err(t_recv(p->other_worker, MOOR_NOWAIT), 0);
	t_assert_err(t_send(p->other_worker, 3, MOOR_NOWAIT), 0);
	t_assert_err(t_recv(p->other_host, MOOR_NOWAIT), 0);
	moor_link_close(p->worker);
	moor_link_close(p->host);
	moor_link_close(p->other_worker);
	moor_link_close(p->other_host);
}

/* Both rings have come so far by honest messages. */
static void go_to(struct pair *p, unsigned units)
{
	for (unsigned i = 0; i < units; i++) {
		t_assert_err(t_send(p->liar, 1, MOOR_NOWAIT), 0);
		t_assert_err(t_recv(p->victim, MOOR_NOWAIT), 0);
		t_assert_err(t_send(p->victim, 1, MOOR_NOWAIT), 0);
		t_assert_err(t_recv(p->liar, MOOR_NOWAIT), 0);
	}
}

static void put_header(struct pair *p, uint64_t unit, uint32_t word, uint32_t detail)
{
	t_word(p->liar, unit * MOOR_ABI_UNIT)[0] = word;
	t_word(p->liar, unit * MOOR_ABI_UNIT)[1] = detail;
}

static void forge_header(unsigned unit, uint32_t word, uint32_t detail)
{
	for (int host_lies = 0; host_lies < 2; host_lies++) {
		struct pair p = pair_of(host_lies);

		go_to(&p, unit);
		put_header(&p, unit, word, detail);
		t_assert_corrupt(p.victim);
		pair_free(&p);
	}
}

static const unsigned places[] = {0, 1, 3, T_UNITS / 2, T_UNITS - 2, T_UNITS - 1};
#define PLACES (sizeof places / sizeof places[0])

START_TEST(test_H4_forged_words)
{
	static const uint32_t words[] = {2, 3, 64, 0x0fffffff, 0x10000000, 0x20010000, 0x3fffffff, 0x40000001, 0x60000000,
	                                 0x7fffffff, 0x80000000, 0x80000001, 0xc0000000, 0xfffffffe, 0xffffffff};

	for (size_t place = 0; place < PLACES; place++)
		for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
			forge_header(places[place], words[i], 1);
}
END_TEST

START_TEST(test_H4_forged_lengths)
{
	static const uint32_t lengths[] = {T_MAX + 1,      T_CAPACITY - 8, T_CAPACITY,      T_CAPACITY + 1, 1u << 20,
	                                   0x7fffffff,     0x80000000,     UINT32_MAX - 23, UINT32_MAX - 7, UINT32_MAX};

	for (size_t place = 0; place < PLACES; place++) {
		const uint32_t left = (T_UNITS - places[place]) * MOOR_ABI_UNIT - 8;

		for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
			forge_header(places[place], MOOR_ABI_WORD_MESSAGE, lengths[i]);
		if (left < T_MAX)
			forge_header(places[place], MOOR_ABI_WORD_MESSAGE, left + 1); /* it would end beyond the end */
	}
}
END_TEST

START_TEST(test_H17_forged_padding)
{
	static const uint32_t units[] = {0, 1, 2, T_UNITS - 1, T_UNITS, T_UNITS + 1, 0x10000000, 0x80000000, UINT32_MAX};

	for (size_t place = 0; place < PLACES; place++) {
		const unsigned left = T_UNITS - places[place];

		for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
			if (units[i] != left || !places[place])
				forge_header(places[place], MOOR_ABI_WORD_PAD, units[i]);
	}
	for (int host_lies = 0; host_lies < 2; host_lies++) { /* padding, and again padding */
		struct pair p = pair_of(host_lies);

		go_to(&p, T_UNITS - 2);
		put_header(&p, 0, MOOR_ABI_WORD_PAD, T_UNITS);
		put_header(&p, T_UNITS - 2, MOOR_ABI_WORD_PAD, 2);
		t_assert_corrupt(p.victim);
		pair_free(&p);
	}
}
END_TEST

/* More than fits into the ring cannot have been sent. */
START_TEST(test_H18_endless_messages)
{
	for (int host_lies = 0; host_lies < 2; host_lies++) {
		struct pair p = pair_of(host_lies);
		struct moor_msg msg;
		unsigned seen = 0;
		int err;

		for (unsigned i = 0; i < T_UNITS; i++)
			put_header(&p, i, MOOR_ABI_WORD_MESSAGE, 1);
		while ((err = moor_rx_peek(moor_link_rx(p.victim), &msg)) == 0)
			seen++;
		t_assert_err(err, MOOR_ECORRUPT);
		t_assert(seen == T_UNITS - 1);
		t_assert_corrupt(p.victim);
		pair_free(&p);
	}
}
END_TEST

/* Taken back, while it is waited for and after it was seen. */
START_TEST(test_H4_message_that_goes_away)
{
	for (int host_lies = 0; host_lies < 2; host_lies++) {
		struct pair p = pair_of(host_lies);
		struct moor_msg msg;

		t_assert_err(t_send(p.liar, 8, MOOR_NOWAIT), 0);
		t_assert_err(moor_rx_peek(moor_link_rx(p.victim), &msg), 0);
		t_assert(msg.len == 8);
		put_header(&p, 0, 0, 0);
		t_assert_err(moor_rx_rewind(moor_link_rx(p.victim)), 0);
		t_assert_err(t_recv(p.victim, MOOR_NOWAIT), MOOR_EAGAIN); /* as if it had never been */
		put_header(&p, 0, MOOR_ABI_WORD_MESSAGE, T_MAX + 1);
		t_assert_corrupt(p.victim);
		pair_free(&p);
	}
}
END_TEST

/* A producer is told by its consumer how much room there is. */
static void forge_released(unsigned sent, uint64_t value, bool head)
{
	for (int host_lies = 0; host_lies < 2; host_lies++) {
		struct pair p = pair_of(host_lies);
		int err;

		for (unsigned i = 0; i < sent; i++)
			t_assert_err(t_send(p.victim, 1, MOOR_NOWAIT), 0);
		if (head)
			p.liar->my->in.head = value;
		else
			p.liar->my->in.released = value;
		for (unsigned i = 0; i <= T_UNITS && (err = t_send(p.victim, 1, MOOR_NOWAIT)) == 0; i++)
			;
		t_assert_err(err, MOOR_ECORRUPT);
		t_assert_corrupt(p.victim);
		pair_free(&p);
	}
}

START_TEST(test_H4_forged_released)
{
	static const uint64_t values[] = {T_CAPACITY,         T_CAPACITY + 16,        (uint64_t)1 << 31,  ((uint64_t)1 << 32) - 16,
	                                  (uint64_t)1 << 32,  ((uint64_t)1 << 32) + 64, (uint64_t)1 << 63, UINT64_MAX,
	                                  UINT64_MAX - 15,    UINT64_MAX - T_CAPACITY + 1};

	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		for (unsigned sent = 0; sent < T_UNITS; sent += 100) {
			forge_released(sent, values[i], false);
			forge_released(sent, values[i] & ~(uint64_t)15, true);
		}
	}
	for (uint64_t low = 1; low < 16; low++) /* `head` has no bits beside the position */
		forge_released(20, 160 + low, true);
}
END_TEST

START_TEST(test_H4_released_goes_back)
{
	for (int host_lies = 0; host_lies < 2; host_lies++) {
		struct pair p = pair_of(host_lies);
		int err;

		go_to(&p, 100);
		while ((err = t_send(p.victim, 1, MOOR_NOWAIT)) == 0)
			;
		t_assert_err(err, MOOR_EAGAIN);
		p.liar->my->in.released -= 160;
		t_assert_err(t_send(p.victim, 1, MOOR_NOWAIT), MOOR_ECORRUPT);
		t_assert_corrupt(p.victim);
		pair_free(&p);
	}
}
END_TEST

/* Found in one direction with something open in the other. */
START_TEST(test_sticky_with_a_reservation_and_a_peek_open)
{
	for (int host_lies = 0; host_lies < 2; host_lies++) {
		struct pair p = pair_of(host_lies);
		struct moor_msg msg;
		void *room;

		t_assert_err(t_send(p.liar, 8, MOOR_NOWAIT), 0);
		t_assert_err(moor_rx_peek(moor_link_rx(p.victim), &msg), 0);
		t_assert_err(moor_tx_reserve(moor_link_tx(p.victim), 100, &room), 0);
		memset(room, 1, 100);
		put_header(&p, 1, MOOR_ABI_WORD_MESSAGE, UINT32_MAX);
		t_assert_err(moor_rx_peek(moor_link_rx(p.victim), &msg), MOOR_ECORRUPT);
		t_assert_err(moor_tx_commit(moor_link_tx(p.victim), 100), MOOR_ECORRUPT);
		t_assert_corrupt(p.victim);
		t_assert_err(t_recv(p.liar, MOOR_NOWAIT), MOOR_EAGAIN);
		pair_free(&p);
	}
}
END_TEST

/* What the peer says of itself, and of its sleep, can only harm the peer. */
START_TEST(test_H7_forged_life_and_sleep)
{
	uint64_t seed = 7;

	for (int i = 0; i < 2000; i++) {
		struct pair p = pair_of(i % 2);
		struct moor_abi_consumer *in = &p.liar->my->in;
		struct moor_abi_producer *out = &p.liar->my->out;
		int err;

		in->quiet.asleep = t_random(&seed) >> (t_random(&seed) % 64);
		out->quiet.asleep = t_random(&seed) >> (t_random(&seed) % 64);
		((uint64_t *)(void *)&in->quiet)[3] = t_random(&seed);
		in->slot.cpu = out->slot.cpu = (uint32_t)t_random(&seed);
		in->slot.pid = out->slot.pid = (uint32_t)t_random(&seed);
		in->done[0].position = t_random(&seed);
		in->died_reported = out->full = t_random(&seed);
		if (i % 4 == 0)
			in->slot.life = out->slot.life = t_random(&seed) >> (t_random(&seed) % 64);
		err = t_recv(p.victim, MOOR_NOWAIT);
		t_assert(err == MOOR_EAGAIN || err == MOOR_ECLOSED);
		for (unsigned n = 0; n < 600 && (err = t_send(p.victim, 24, MOOR_NOWAIT)) == 0; n++)
			;
		t_assert(err == MOOR_EAGAIN || err == MOOR_ECLOSED);
		pair_free(&p);
	}
}
END_TEST

/* Once it has said that it has closed it has, whatever it says then. */
START_TEST(test_closed_is_for_good)
{
	for (int host_lies = 0; host_lies < 2; host_lies++) {
		struct pair p = pair_of(host_lies);
		const uint64_t life = p.liar->my->out.slot.life;

		p.liar->my->out.slot.life = UINT64_MAX << 2;
		t_assert_err(t_recv(p.victim, MOOR_FOREVER), MOOR_ECLOSED);
		p.liar->my->out.slot.life = life;
		t_assert_err(t_recv(p.victim, MOOR_FOREVER), MOOR_ECLOSED);
		t_assert_err(t_send(p.victim, 8, MOOR_NOWAIT), 0); /* the other direction is another matter */
		pair_free(&p);
	}
}
END_TEST

/* ---- waits ---- */

struct nuisance {
	const uint32_t *stop;
	uint32_t *word;
	uint32_t values[2];
	bool wake;
};

static void *be_a_nuisance(void *arg)
{
	const struct nuisance *n = arg;

	for (uint32_t i = 0; !moor__load_32(n->stop); i++) {
		moor__store_32(n->word, n->values[i % 2]);
		if (n->wake)
			moor__os_wake(n->word);
	}
	return NULL;
}

/* A wait ends in its time, though the word that it sleeps on changes, and it is woken, without an end. */
static void wait_beside(struct pair *p, bool to_send, uint32_t *word, uint32_t a, uint32_t b, bool wake, int expected)
{
	uint32_t stop = 0;
	struct nuisance n = {&stop, word, {a, b}, wake};
	const int64_t start = t_now();
	pthread_t thread;
	int err;

	ck_assert_int_eq(pthread_create(&thread, NULL, be_a_nuisance, &n), 0);
	for (int i = 0; i < 3; i++) {
		err = to_send ? t_send(p->victim, 1, 30000000) : t_recv(p->victim, 30000000);
		t_assert_err(err, expected);
	}
	t_assert(t_now() - start >= 90000000 || err == MOOR_ECORRUPT);
	moor__store_32(&stop, 1);
	pthread_join(thread, NULL);
	t_assert(t_now() - start < T_LONG);
}

START_TEST(test_waits_end_in_their_time)
{
	for (int host_lies = 0; host_lies < 2; host_lies++) {
		for (int wake = 0; wake < 2; wake++) {
			struct pair p = pair_of(host_lies);

			/* Marks of a close that is none. */
			wait_beside(&p, false, t_word(p.liar, 0), MOOR_ABI_WORD_END | 1, MOOR_ABI_WORD_END | 2, wake, MOOR_ETIMEDOUT);
			wait_beside(&p, false, t_word(p.liar, 0), 0, 0, wake, MOOR_ETIMEDOUT);
			while (t_send(p.victim, 1, MOOR_NOWAIT) == 0)
				;
			/* Room that is none: how often consumers have closed. */
			wait_beside(&p, true, (uint32_t *)(void *)&p.liar->my->in.released, 1, 2, wake, MOOR_ETIMEDOUT);
			wait_beside(&p, true, (uint32_t *)(void *)&p.liar->my->in.head, 0, 0, wake, MOOR_ETIMEDOUT);
			pair_free(&p);
		}
	}
}
END_TEST

/* A message there and not there, at full speed: it is found out, or seen at a moment when it is not there. */
START_TEST(test_message_that_comes_and_goes)
{
	for (int host_lies = 0; host_lies < 2; host_lies++) {
		struct pair p = pair_of(host_lies);
		uint32_t stop = 0;
		struct nuisance n = {&stop, t_word(p.liar, 0), {0, MOOR_ABI_WORD_PAD}, true};
		const int64_t start = t_now();
		pthread_t thread;
		int err;

		ck_assert_int_eq(pthread_create(&thread, NULL, be_a_nuisance, &n), 0);
		do
			err = t_recv(p.victim, 10000000);
		while (err == MOOR_ETIMEDOUT && t_now() - start < T_LONG);
		t_assert_err(err, MOOR_ECORRUPT);
		moor__store_32(&stop, 1);
		pthread_join(thread, NULL);
		t_assert_corrupt(p.victim);
		pair_free(&p);
	}
}
END_TEST

/* Found out by one thread, it ends the other's wait in the other direction. */
static void *wait_for_a_message(void *arg)
{
	return (void *)(intptr_t)t_recv(arg, MOOR_FOREVER);
}

START_TEST(test_corruption_ends_the_wait_of_another_thread)
{
	struct pair p = pair_of(0);
	pthread_t thread;
	void *result;
	int err;

	ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_a_message, p.victim), 0);
	while ((err = t_send(p.victim, 1, MOOR_NOWAIT)) == 0)
		;
	t_assert_err(err, MOOR_EAGAIN);
	moor__store_64(&p.liar->my->in.released, UINT64_MAX);
	t_assert_err(t_send(p.victim, 1, MOOR_NOWAIT), MOOR_ECORRUPT);
	pthread_join(thread, &result);
	t_assert_err((int)(intptr_t)result, MOOR_ECORRUPT);
	t_assert_corrupt(p.victim);
	pair_free(&p);
}
END_TEST

/* Any bytes at all. */
START_TEST(test_H7_random_bytes)
{
	uint64_t seed = 20261121;

	for (int i = 0; i < 1500; i++) {
		struct pair p = pair_of(i % 2);
		unsigned char *mem = (unsigned char *)p.liar->my;
		int err = 0;

		go_to(&p, (unsigned)(t_random(&seed) % 40));
		for (int n = 0; n < 20; n++) {
			const uint64_t from = t_random(&seed) % 2 ? sizeof(struct moor_abi_link) : 512;
			const uint64_t at = (from + t_random(&seed) % (i % 3 ? 700 : t_size(p.liar) - from - 8)) & ~(uint64_t)7;
			const uint64_t value = t_random(&seed) >> (t_random(&seed) % 64);

			memcpy(mem + at, &value, sizeof value);
		}
		for (int n = 0; n < 400; n++) {
			err = n % 2 ? t_send(p.victim, (size_t)(t_random(&seed) % T_MAX), MOOR_NOWAIT) : t_recv(p.victim, MOOR_NOWAIT);
			t_assert(err == 0 || err == MOOR_EAGAIN || err == MOOR_ECORRUPT || err == MOOR_ECLOSED);
		}
		pair_free(&p);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("link forged");
	TCase *c = tcase_create("forged");

	tcase_set_timeout(c, 300);
	tcase_add_test(c, test_H4_forged_words);
	tcase_add_test(c, test_H4_forged_lengths);
	tcase_add_test(c, test_H17_forged_padding);
	tcase_add_test(c, test_H18_endless_messages);
	tcase_add_test(c, test_H4_message_that_goes_away);
	tcase_add_test(c, test_H4_forged_released);
	tcase_add_test(c, test_H4_released_goes_back);
	tcase_add_test(c, test_sticky_with_a_reservation_and_a_peek_open);
	tcase_add_test(c, test_H7_forged_life_and_sleep);
	tcase_add_test(c, test_closed_is_for_good);
	tcase_add_test(c, test_waits_end_in_their_time);
	tcase_add_test(c, test_message_that_comes_and_goes);
	tcase_add_test(c, test_corruption_ends_the_wait_of_another_thread);
	tcase_add_test(c, test_H7_random_bytes);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return t_main(suite());
}
