/* SPDX-License-Identifier: Apache-2.0 */
/* test_ring.c - the ring on a plain array, case by case, and everywhere where positions pass 2^32 and 2^63 (R21). */
#include "tests/lib/ring.h"

#include <stdlib.h>

#define UNITS (T_CAPACITY / MOOR_ABI_UNIT)

/* Where the ring's first lap begins, for each of the loops; multiples of the capacity. */
static const uint64_t bases[] = {0, ((uint64_t)1 << 32) - T_CAPACITY, ((uint64_t)1 << 63) - T_CAPACITY,
                                 (uint64_t)5 << 40};
#define BASES ((int)(sizeof bases / sizeof bases[0]))

/* The payload of a record of so many units, or lines. */
static size_t units(size_t count)
{
	return count * MOOR_ABI_UNIT - 8;
}
static size_t lines(size_t count)
{
	return count * 64 - 8;
}

START_TEST(test_R1_capacity)
{
	static const struct {
		uint64_t asked, got; /* 0: MOOR_EINVAL */
	} cases[] = {{0, 1 << 20},
	             {1, 0},
	             {4095, 0},
	             {4096, 4096},
	             {4097, 8192},
	             {8192, 8192},
	             {100000, 131072},
	             {((uint64_t)1 << 30) - 1, (uint64_t)1 << 30},
	             {((uint64_t)1 << 40) + 1, 0},
	             {UINT64_MAX, 0},
	             {(uint64_t)1 << 63, 0}};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct moor_ring_opts opts = MOOR_RING_OPTS(.capacity = cases[i].asked);
		size_t size = 7;

		if (!cases[i].got) {
			t_assert_err(moor_ring_size(&opts, &size), MOOR_EINVAL);
			ck_assert_uint_eq(size, 7);
			continue;
		}
		t_assert_err(moor_ring_size(&opts, &size), 0);
		ck_assert_uint_eq(size, cases[i].got + 4096);
		if (cases[i].got <= 1 << 20) {
			struct t_ring ring = t_ring_bare(&opts);

			t_ring_attach(&ring);
			ck_assert_uint_eq(moor_tx_capacity(ring.tx), cases[i].got);
			ck_assert_uint_eq(moor_tx_max_message(ring.tx), cases[i].got / 8);
			t_ring_free(&ring);
		}
	}
	if (sizeof(void *) == 8) {
		size_t size;

		t_assert_err(moor_ring_size(&MOOR_RING_OPTS(.capacity = (uint64_t)1 << 40), &size), 0);
	}
}
END_TEST

START_TEST(test_R2_max_message_at_every_offset)
{
	for (unsigned offset = 0; offset < UNITS; offset++) {
		struct t_ring ring = t_ring_at(bases[_i] + offset * MOOR_ABI_UNIT);
		void *to = ring.mem;

		ck_assert_uint_eq(moor_tx_max_message(ring.tx), T_MAX);
		for (uint64_t n = 0; n < 5; n++) {
			t_send(ring.tx, T_MAX, n);
			t_expect(ring.rx, T_MAX, n);
		}
		t_assert_err(moor_tx_reserve(ring.tx, T_MAX + 1, &to), MOOR_EMSGSIZE);
		t_assert_err(moor_tx_reserve(ring.tx, SIZE_MAX, &to), MOOR_EMSGSIZE);
		t_assert_err(moor_tx_wait(ring.tx, T_MAX + 1, MOOR_FOREVER), MOOR_EMSGSIZE);
		t_assert_err(moor_tx_send(ring.tx, ring.mem, T_MAX + 1, MOOR_FOREVER), MOOR_EMSGSIZE);
		ck_assert_ptr_eq(to, ring.mem);
		t_ring_free(&ring);
	}
}
END_TEST

START_TEST(test_R2_max_message_of_the_capacity)
{
	size_t size = 7;

	t_assert_err(moor_ring_size(&MOOR_RING_OPTS(.capacity = 4096, .max_message = 2040), &size), 0);
	size = 7;
	t_assert_err(moor_ring_size(&MOOR_RING_OPTS(.capacity = 4096, .max_message = 2041), &size), MOOR_EINVAL);
	t_assert_err(moor_ring_size(&MOOR_RING_OPTS(.capacity = 4096, .max_message = UINT32_MAX), &size), MOOR_EINVAL);
	ck_assert_uint_eq(size, 7);
	t_assert_err(moor_ring_size(&MOOR_RING_OPTS(.max_message = (1 << 19) - 8), &size), 0);
	t_assert_err(moor_ring_size(&MOOR_RING_OPTS(.max_message = (1 << 19) - 7), &size), MOOR_EINVAL);
}
END_TEST

START_TEST(test_R5_one_byte_short_of_room)
{
	for (unsigned room = 1; room <= UNITS / 2; room++) {
		struct t_ring ring = t_ring_at(bases[_i]);
		static unsigned char before[T_CAPACITY];
		void *to = ring.mem;

		for (unsigned n = 0; n < UNITS - 1 - room; n++)
			t_send(ring.tx, 8, n);
		memcpy(before, t_data(&ring), T_CAPACITY);
		if (room < UNITS / 2) {
			t_assert_err(moor_tx_reserve(ring.tx, units(room) + 1, &to), MOOR_EAGAIN);
			ck_assert_ptr_eq(to, ring.mem);
			t_assert_err(moor_tx_wait(ring.tx, units(room) + 1, MOOR_NOWAIT), MOOR_EAGAIN);
			t_assert_err(moor_tx_send(ring.tx, before, units(room) + 1, MOOR_NOWAIT), MOOR_EAGAIN);
			ck_assert(memcmp(before, t_data(&ring), T_CAPACITY) == 0);
			ck_assert_uint_eq(t_ring_stat(&ring).sent_messages, UNITS - 1 - room);
			t_assert_err(moor_tx_commit(ring.tx, 0), MOOR_EINVAL);
		}
		t_assert_err(moor_tx_wait(ring.tx, units(room), MOOR_NOWAIT), 0);
		t_send(ring.tx, units(room), 1000);
		t_assert_err(moor_tx_reserve(ring.tx, 0, &to), MOOR_EAGAIN);
		for (unsigned n = 0; n < UNITS - 1 - room; n++)
			t_expect(ring.rx, 8, n);
		t_expect(ring.rx, units(room), 1000);
		t_expect_none(ring.rx);
		t_ring_free(&ring);
	}
}
END_TEST

START_TEST(test_R6_full_to_the_last_unit_but_one)
{
	for (unsigned offset = 0; offset < UNITS; offset++) {
		struct t_ring ring = t_ring_at(bases[_i] + offset * MOOR_ABI_UNIT);
		void *to;

		/* twice around: what is in the way the second time are the first time's leavings */
		for (unsigned lap = 0; lap < 3; lap++) {
			for (unsigned n = 0; n < UNITS - 1; n++)
				t_send(ring.tx, n % 9, n);
			t_assert_err(moor_tx_reserve(ring.tx, 0, &to), MOOR_EAGAIN);
			ck_assert_uint_eq(t_ring_stat(&ring).occupied, T_CAPACITY - MOOR_ABI_UNIT);
			for (unsigned n = 0; n < UNITS - 1; n++)
				t_expect(ring.rx, n % 9, n);
			t_expect_none(ring.rx);
		}
		t_ring_free(&ring);
	}
}
END_TEST

/* As above with long messages, whose payload lies where headers were and will be. */
START_TEST(test_R6_full_of_long_messages)
{
	for (unsigned offset = 0; offset < UNITS; offset++) {
		struct t_ring ring = t_ring_at(bases[_i] + offset * MOOR_ABI_UNIT);

		for (unsigned lap = 0; lap < 6; lap++) {
			size_t sent[UNITS], count = 0;
			unsigned size = 1 + lap * 5;
			void *to;

			while (moor_tx_reserve(ring.tx, units(size), &to) == 0) {
				t_fill(to, units(size), count);
				t_assert_err(moor_tx_commit(ring.tx, units(size)), 0);
				sent[count++] = units(size);
				size = size % 127 + 1;
			}
			ck_assert_uint_ge(count, 1);
			for (size_t n = 0; n < count; n++)
				t_expect(ring.rx, sent[n], n);
			t_expect_none(ring.rx);
		}
		t_ring_free(&ring);
	}
}
END_TEST

/* Bytes that would be a header, whatever four of them are looked at. */
static void fill_with_headers(void *to, size_t len)
{
	for (size_t i = 0; i + 4 <= len; i += 4)
		memcpy((char *)to + i, &(uint32_t){1}, 4);
}

START_TEST(test_R6b_committed_shorter_than_filled)
{
	for (unsigned offset = 0; offset < UNITS; offset++) {
		struct t_ring ring = t_ring_at(bases[_i] + offset * MOOR_ABI_UNIT);

		for (unsigned n = 0; n < 200; n++) {
			void *to;

			t_assert_err(moor_tx_reserve(ring.tx, 1000, &to), 0);
			fill_with_headers(to, 1000);
			t_fill(to, 10, n);
			t_assert_err(moor_tx_commit(ring.tx, 10), 0);
			t_expect(ring.rx, 10, n);
			t_expect_none(ring.rx);
			t_assert_err(moor_tx_reserve(ring.tx, 1000, &to), 0);
			fill_with_headers(to, 1000);
			moor_tx_cancel(ring.tx);
			t_expect_none(ring.rx);
			t_send(ring.tx, n % 150, n);
			t_expect_peek(ring.rx, n % 150, n);
			t_expect_none(ring.rx);
			moor_rx_release(ring.rx);
			t_expect_none(ring.rx);
		}
		t_ring_free(&ring);
	}
}
END_TEST

/* The producer dies while it fills what it has reserved: its handle is never used again. */
START_TEST(test_R6b_killed_in_mid_copy)
{
	for (unsigned offset = 0; offset < UNITS; offset++) {
		struct t_ring ring = t_ring_at(bases[_i] + offset * MOOR_ABI_UNIT);

		for (unsigned n = 0; n < 20; n++) {
			void *to;

			if (n % 2) { /* with a message before it, whose reader has not come yet */
				t_send(ring.tx, 100, 77);
				t_assert_err(moor_tx_reserve(ring.tx, 1500, &to), 0);
				fill_with_headers(to, 1500);
			} else {
				t_assert_err(moor_tx_reserve(ring.tx, T_MAX, &to), 0);
				fill_with_headers(to, T_MAX);
			}
			t_assert_err(moor_tx_attach(ring.mem, ring.len, NULL, &ring.tx), 0);
			if (n % 2)
				t_expect(ring.rx, 100, 77);
			t_expect_none(ring.rx);
			for (unsigned i = 0; i < UNITS / 2; i++) {
				t_send(ring.tx, i * 7 % 150, i);
				t_expect(ring.rx, i * 7 % 150, i);
				t_expect_none(ring.rx);
			}
		}
		ck_assert_uint_eq(t_ring_stat(&ring).died, 20);
		t_ring_free(&ring);
	}
}
END_TEST

START_TEST(test_R6c_room_not_yet_published_in_head)
{
	struct t_ring ring = t_ring_at(bases[_i]);
	uint64_t head;
	void *to;

	for (unsigned n = 0; n < UNITS - 1; n++)
		t_send(ring.tx, 0, 0);
	t_assert_err(moor_tx_reserve(ring.tx, 0, &to), MOOR_EAGAIN);
	head = t_consumer(&ring)->head;
	t_expect(ring.rx, 0, 0);
	ck_assert_uint_eq(t_consumer(&ring)->head, head);
	t_assert_err(moor_tx_reserve(ring.tx, 0, &to), 0);
	t_assert_err(moor_tx_commit(ring.tx, 0), 0);
	t_assert_err(moor_tx_reserve(ring.tx, 0, &to), MOOR_EAGAIN);
	t_ring_free(&ring);
}
END_TEST

static void expect_header(const struct t_ring *ring, uint64_t offset, uint32_t word, uint64_t detail)
{
	ck_assert_uint_eq(t_word(ring, offset)[0], word);
	ck_assert_uint_eq(t_word(ring, offset)[1], detail);
}

START_TEST(test_R7_padding_and_wrap)
{
	for (unsigned offset = 1; offset < UNITS; offset++) { /* head = tail */
		for (unsigned size = 1; size <= UNITS / 2; size++) {
			struct t_ring ring = t_ring_at(bases[_i] + offset * MOOR_ABI_UNIT);

			t_send(ring.tx, units(size), offset * size);
			if (size > UNITS - offset) {
				expect_header(&ring, offset * MOOR_ABI_UNIT, MOOR_ABI_WORD_PAD, UNITS - offset);
				expect_header(&ring, 0, MOOR_ABI_WORD_MESSAGE, units(size));
			} else { /* ends exactly at the end, too: no padding */
				expect_header(&ring, offset * MOOR_ABI_UNIT, MOOR_ABI_WORD_MESSAGE, units(size));
			}
			t_expect(ring.rx, units(size), offset * size);
			t_expect_none(ring.rx);
			t_send(ring.tx, 3, 1);
			t_expect(ring.rx, 3, 1);
			t_ring_free(&ring);
		}
	}
}
END_TEST

START_TEST(test_R7_padding_with_messages_before_it)
{
	struct t_ring ring = t_ring_at(bases[_i]);

	t_advance(&ring, 40 * 64);
	t_send(ring.tx, lines(20), 1); /* lines 40 to 59 */
	t_send(ring.tx, lines(30), 2); /* 4 of padding, 0 to 29 */
	expect_header(&ring, 60 * 64, MOOR_ABI_WORD_PAD, 4 * 64 / MOOR_ABI_UNIT);
	t_send(ring.tx, lines(1), 3);
	/* peeked and released all at once, and one by one after a rewind */
	t_expect_peek(ring.rx, lines(20), 1);
	t_expect_peek(ring.rx, lines(30), 2);
	t_assert_err(moor_rx_rewind(ring.rx), 0);
	t_expect(ring.rx, lines(20), 1);
	t_expect_peek(ring.rx, lines(30), 2);
	t_expect_peek(ring.rx, lines(1), 3);
	t_expect_none(ring.rx);
	moor_rx_release(ring.rx);
	t_expect_none(ring.rx);
	t_ring_free(&ring);
}
END_TEST

START_TEST(test_R7_ends_exactly_at_the_end)
{
	struct t_ring ring = t_ring_at(bases[_i]);

	t_advance(&ring, 44 * 64);
	t_send(ring.tx, lines(20), 1);
	t_send(ring.tx, lines(20), 2);
	expect_header(&ring, 44 * 64, MOOR_ABI_WORD_MESSAGE, lines(20));
	expect_header(&ring, 0, MOOR_ABI_WORD_MESSAGE, lines(20));
	t_expect(ring.rx, lines(20), 1);
	t_expect(ring.rx, lines(20), 2);
	t_expect_none(ring.rx);
	t_ring_free(&ring);
}
END_TEST

START_TEST(test_R8_no_room_at_either_end)
{
	struct t_ring ring = t_ring_at(bases[_i]);
	static unsigned char before[T_CAPACITY];
	void *to = ring.mem;

	t_advance(&ring, 20 * 64);
	t_send(ring.tx, lines(10), 1);
	t_send(ring.tx, lines(10), 2); /* unread: lines 20 to 39 */
	memcpy(before, t_data(&ring), T_CAPACITY);
	t_assert_err(moor_tx_reserve(ring.tx, lines(25), &to), MOOR_EAGAIN); /* 24 at the end, 19 at the start */
	t_assert_err(moor_tx_send(ring.tx, before, lines(25), MOOR_NOWAIT), MOOR_EAGAIN);
	t_assert_err(moor_tx_send(ring.tx, before, lines(25), 1000000), MOOR_ETIMEDOUT);
	ck_assert_ptr_eq(to, ring.mem);
	ck_assert(memcmp(before, t_data(&ring), T_CAPACITY) == 0);
	t_expect(ring.rx, lines(10), 1);
	t_send(ring.tx, lines(25), 3); /* now 29 at the start */
	t_expect(ring.rx, lines(10), 2);
	t_expect(ring.rx, lines(25), 3);
	t_expect_none(ring.rx);
	t_ring_free(&ring);
}
END_TEST

START_TEST(test_R11_reserved_is_not_delivered)
{
	struct t_ring ring = t_ring_at(bases[_i]);
	void *to;

	t_assert_err(moor_tx_reserve(ring.tx, 500, &to), 0);
	fill_with_headers(to, 500);
	t_expect_none(ring.rx);
	t_fill(to, 500, 9);
	t_expect_none(ring.rx);
	t_assert_err(moor_tx_commit(ring.tx, 500), 0);
	t_expect(ring.rx, 500, 9);
	t_ring_free(&ring);
}
END_TEST

START_TEST(test_R13_cancel_gives_the_room_back)
{
	struct t_ring ring = t_ring_at(bases[_i] + 50 * 64);
	void *first, *to;

	moor_tx_cancel(ring.tx); /* nothing to cancel */
	for (int i = 0; i < 100; i++) {
		t_assert_err(moor_tx_reserve(ring.tx, T_MAX, &to), 0);
		fill_with_headers(to, T_MAX);
		if (i == 0)
			first = to;
		t_assert(to == first);
		moor_tx_cancel(ring.tx);
		t_assert_err(moor_tx_commit(ring.tx, 0), MOOR_EINVAL);
		t_expect_none(ring.rx);
	}
	t_send(ring.tx, 5, 5);
	t_expect(ring.rx, 5, 5);
	t_expect_none(ring.rx);
	t_ring_free(&ring);
}
END_TEST

START_TEST(test_R26_empty_message)
{
	struct t_ring ring = t_ring_at(bases[_i]);
	size_t len = 9;

	t_assert_err(moor_tx_send(ring.tx, NULL, 0, MOOR_NOWAIT), 0);
	t_assert_err(moor_tx_sendv(ring.tx, NULL, 0, MOOR_NOWAIT), 0);
	t_send(ring.tx, 0, 0);
	t_expect(ring.rx, 0, 0);
	t_assert_err(moor_rx_recv(ring.rx, NULL, 0, &len, MOOR_NOWAIT), 0);
	ck_assert_uint_eq(len, 0);
	t_expect(ring.rx, 0, 0);
	t_expect_none(ring.rx);
	ck_assert_uint_eq(t_ring_stat(&ring).received_messages, 3);
	ck_assert_uint_eq(t_ring_stat(&ring).received_bytes, 0);
	t_ring_free(&ring);
}
END_TEST

START_TEST(test_every_length_at_every_offset)
{
	for (unsigned offset = 0; offset < UNITS; offset++) {
		struct t_ring ring = t_ring_at(bases[_i] + offset * MOOR_ABI_UNIT);

		for (size_t len = 0; len <= T_MAX; len += _i || T_SANITIZER ? 61 : 3) {
			t_send(ring.tx, len, len + offset);
			t_expect_peek(ring.rx, len, len + offset);
			t_expect_none(ring.rx);
			moor_rx_release(ring.rx);
			t_advance(&ring, (size_t)(offset * MOOR_ABI_UNIT + bases[_i] - t_consumer(&ring)->released) % T_CAPACITY);
		}
		t_ring_free(&ring);
	}
}
END_TEST

START_TEST(test_sendv_gathers)
{
	struct t_ring ring = t_ring_at(bases[_i]);
	static unsigned char text[T_MAX];
	struct moor_iov iov[8];
	uint64_t seed = 1;

	t_fill(text, sizeof text, 5);
	for (unsigned n = 0; n < 2000; n++) {
		const size_t pieces = t_random(&seed) % 9;
		size_t total = 0;
		struct moor_msg msg;

		for (size_t i = 0; i < pieces; i++) {
			iov[i] = (struct moor_iov){text + total, t_random(&seed) % (T_MAX / 8 + 1)};
			if (!iov[i].len && t_random(&seed) % 2)
				iov[i].data = NULL;
			total += iov[i].len;
		}
		t_assert_err(moor_tx_sendv(ring.tx, iov, pieces, MOOR_NOWAIT), 0);
		t_assert_err(moor_rx_peek(ring.rx, &msg), 0);
		ck_assert_uint_eq(msg.len, total);
		ck_assert(memcmp(msg.data, text, total) == 0);
		moor_rx_release(ring.rx);
	}
	iov[0] = (struct moor_iov){text, SIZE_MAX};
	iov[1] = (struct moor_iov){text, 2};
	t_assert_err(moor_tx_sendv(ring.tx, iov, 2, MOOR_FOREVER), MOOR_EMSGSIZE);
	iov[0].len = T_MAX;
	iov[1].len = 1;
	t_assert_err(moor_tx_sendv(ring.tx, iov, 2, MOOR_FOREVER), MOOR_EMSGSIZE);
	iov[0].data = NULL;
	t_assert_err(moor_tx_sendv(ring.tx, iov, 1, MOOR_FOREVER), MOOR_EINVAL);
	t_assert_err(moor_tx_sendv(ring.tx, NULL, 1, MOOR_FOREVER), MOOR_EINVAL);
	t_expect_none(ring.rx);
	t_ring_free(&ring);
}
END_TEST

START_TEST(test_calls_out_of_order_change_nothing)
{
	struct t_ring ring = t_ring_at(bases[_i]);
	void *to, *other = ring.mem;
	char text[8] = "1234567";

	t_assert_err(moor_tx_commit(ring.tx, 0), MOOR_EINVAL);
	t_assert_err(moor_tx_reserve(ring.tx, 100, &to), 0);
	t_fill(to, 100, 3);
	t_assert_err(moor_tx_reserve(ring.tx, 1, &other), MOOR_EINVAL);
	t_assert_err(moor_tx_send(ring.tx, text, 8, MOOR_NOWAIT), MOOR_EINVAL);
	t_assert_err(moor_tx_sendv(ring.tx, &(struct moor_iov){text, 8}, 1, MOOR_NOWAIT), MOOR_EINVAL);
	t_assert_err(moor_tx_wait(ring.tx, 1, MOOR_NOWAIT), MOOR_EINVAL);
	t_assert_err(moor_tx_wait(ring.tx, T_MAX + 1, MOOR_NOWAIT), MOOR_EINVAL);
	t_assert_err(moor_tx_commit(ring.tx, 101), MOOR_EINVAL);
	t_assert_err(moor_tx_commit(ring.tx, SIZE_MAX), MOOR_EINVAL);
	ck_assert_ptr_eq(other, ring.mem);
	t_expect_none(ring.rx);
	t_assert_err(moor_tx_commit(ring.tx, 100), 0);
	t_assert_err(moor_tx_commit(ring.tx, 100), MOOR_EINVAL);
	moor_rx_release(ring.rx); /* nothing peeked */
	t_expect(ring.rx, 100, 3);
	moor_rx_release(ring.rx);
	t_expect_none(ring.rx);
	t_ring_free(&ring);
}
END_TEST

START_TEST(test_recv)
{
	struct t_ring ring = t_ring_at(bases[_i]);
	unsigned char buf[T_MAX];
	struct moor_msg msg;
	size_t len = 99;

	t_assert_err(moor_rx_recv(ring.rx, buf, sizeof buf, &len, MOOR_NOWAIT), MOOR_EAGAIN);
	ck_assert_uint_eq(len, 99);
	for (unsigned n = 1; n <= 5; n++)
		t_send(ring.tx, n * 250, n);
	t_assert_err(moor_rx_recv(ring.rx, buf, 249, &len, MOOR_FOREVER), MOOR_EMSGSIZE);
	ck_assert_uint_eq(len, 250);
	t_assert_err(moor_rx_recv(ring.rx, NULL, 0, &len, MOOR_NOWAIT), MOOR_EMSGSIZE);
	ck_assert_uint_eq(len, 250);
	ck_assert_uint_eq(t_ring_stat(&ring).received_messages, 0);
	t_assert_err(moor_rx_recv(ring.rx, buf, 250, &len, MOOR_FOREVER), 0);
	ck_assert(t_is_filled(buf, 250, 1));
	/* with some peeked: the next unseen, and all before it are released */
	t_expect_peek(ring.rx, 500, 2);
	t_expect_peek(ring.rx, 750, 3);
	ck_assert_uint_eq(t_ring_stat(&ring).received_messages, 1);
	t_assert_err(moor_rx_recv(ring.rx, buf, 1, &len, MOOR_FOREVER), MOOR_EMSGSIZE);
	ck_assert_uint_eq(len, 1000);
	ck_assert_uint_eq(t_ring_stat(&ring).received_messages, 1);
	t_assert_err(moor_rx_wait(ring.rx, MOOR_FOREVER), 0);
	t_assert_err(moor_rx_recv(ring.rx, buf, sizeof buf, &len, MOOR_FOREVER), 0);
	ck_assert(len == 1000 && t_is_filled(buf, 1000, 4));
	ck_assert_uint_eq(t_ring_stat(&ring).received_messages, 4);
	ck_assert_uint_eq(t_ring_stat(&ring).received_bytes, 250 + 500 + 750 + 1000);
	ck_assert_uint_eq(t_ring_stat(&ring).used, 1250);
	t_assert_err(moor_rx_rewind(ring.rx), 0);
	t_expect_peek(ring.rx, 1250, 5);
	t_assert_err(moor_rx_rewind(ring.rx), 0);
	t_assert_err(moor_rx_rewind(ring.rx), 0);
	t_expect(ring.rx, 1250, 5);
	memset(&msg, 0x55, sizeof msg);
	t_assert_err(moor_rx_peek(ring.rx, &msg), MOOR_EAGAIN);
	ck_assert_uint_eq(msg.len, (size_t)0x5555555555555555u);
	t_ring_free(&ring);
}
END_TEST

START_TEST(test_null_and_bad_timeouts)
{
	struct t_ring ring = t_ring_at(0);
	struct moor_iov iov = {"x", 1};
	char buf[8];
	size_t len = 3;

	t_assert_err(moor_tx_send(NULL, "x", 1, 0), MOOR_EINVAL);
	t_assert_err(moor_tx_send(ring.tx, NULL, 1, 0), MOOR_EINVAL);
	t_assert_err(moor_tx_sendv(NULL, &iov, 1, 0), MOOR_EINVAL);
	t_assert_err(moor_tx_wait(NULL, 1, 0), MOOR_EINVAL);
	t_assert_err(moor_tx_drain(NULL, 0), MOOR_EINVAL);
	t_assert_err(moor_tx_interrupt(NULL), MOOR_EINVAL);
	ck_assert_uint_eq(moor_tx_max_message(NULL), 0);
	ck_assert_uint_eq(moor_tx_capacity(NULL), 0);
	t_assert_err(moor_rx_recv(NULL, buf, sizeof buf, &len, 0), MOOR_EINVAL);
	t_assert_err(moor_rx_recv(ring.rx, buf, sizeof buf, NULL, 0), MOOR_EINVAL);
	t_assert_err(moor_rx_recv(ring.rx, NULL, 1, &len, 0), MOOR_EINVAL);
	t_assert_err(moor_rx_wait(NULL, 0), MOOR_EINVAL);
	t_assert_err(moor_rx_rewind(NULL), MOOR_EINVAL);
	t_assert_err(moor_rx_interrupt(NULL), MOOR_EINVAL);
	moor_tx_close(NULL);
	moor_rx_close(NULL);
	for (int i = 0; i < 2; i++) {
		const int64_t bad = i ? -2 : INT64_MIN;

		t_assert_err(moor_tx_send(ring.tx, "x", 1, bad), MOOR_EINVAL);
		t_assert_err(moor_tx_sendv(ring.tx, &iov, 1, bad), MOOR_EINVAL);
		t_assert_err(moor_tx_wait(ring.tx, 1, bad), MOOR_EINVAL);
		t_assert_err(moor_tx_drain(ring.tx, bad), MOOR_EINVAL);
		t_assert_err(moor_rx_recv(ring.rx, buf, sizeof buf, &len, bad), MOOR_EINVAL);
		t_assert_err(moor_rx_wait(ring.rx, bad), MOOR_EINVAL);
	}
	ck_assert_uint_eq(len, 3);
	t_expect_none(ring.rx);
	/* whatever is a time is one: the sum with the clock does not overflow */
	t_assert_err(moor_tx_send(ring.tx, "x", 1, INT64_MAX), 0);
	t_assert_err(moor_rx_recv(ring.rx, buf, sizeof buf, &len, INT64_MAX), 0);
	t_assert_err(moor_tx_drain(ring.tx, INT64_MAX), 0);
	t_ring_free(&ring);
}
END_TEST

START_TEST(test_options)
{
	struct t_ring ring =
	    t_ring_bare(&MOOR_RING_OPTS(.capacity = 5000, .max_message = 100, .app_tag = 77, .max_producers = 3));
	struct {
		struct moor_ring_opts known;
		uint64_t unknown;
	} longer = {.known = {.struct_size = sizeof longer}};
	struct moor_ring_opts opts;
	static const struct {
		struct moor_ring_opts opts;
		int err;
	} cases[] = {{{.capacity = 8192}, 0},
	             {{.capacity = 5000}, 0},
	             {{.capacity = 4097}, 0},
	             {{.capacity = 4096}, MOOR_EMISMATCH},
	             {{.capacity = 16384}, MOOR_EMISMATCH},
	             {{.capacity = 1}, MOOR_EINVAL},
	             {{.kind = MOOR_SPSC}, 0},
	             {{.kind = MOOR_MPSC}, MOOR_EMISMATCH},
	             {{.kind = 3}, MOOR_EINVAL},
	             {{.app_tag = 77}, 0},
	             {{.app_tag = 78}, MOOR_EMISMATCH},
	             {{.max_message = 5000000, .max_producers = 9}, 0}};
	size_t size;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		moor_tx *tx = (void *)ring.mem;
		moor_rx *rx = (void *)ring.mem;

		opts = cases[i].opts;
		opts.struct_size = sizeof opts;
		ck_assert_int_eq(moor_tx_attach(ring.mem, ring.len, &opts, &tx), cases[i].err);
		ck_assert_int_eq(moor_rx_attach(ring.mem, ring.len, &opts, &rx), cases[i].err);
		if (cases[i].err) {
			ck_assert_ptr_eq(tx, (void *)ring.mem);
			ck_assert_ptr_eq(rx, (void *)ring.mem);
		} else {
			ck_assert_uint_eq(moor_tx_max_message(tx), 100);
			moor_tx_close(tx);
			moor_rx_close(rx);
		}
	}
	for (uint32_t bad = 0; bad < 4; bad++) {
		opts = (struct moor_ring_opts){.struct_size = bad};
		t_assert_err(moor_tx_attach(ring.mem, ring.len, &opts, &ring.tx), MOOR_EINVAL);
		t_assert_err(moor_ring_size(&opts, &size), MOOR_EINVAL);
		t_assert_err(moor_ring_format(ring.mem, ring.len, &opts), MOOR_EINVAL);
	}
	opts = (struct moor_ring_opts){.struct_size = 4, .capacity = 1 /* not seen */};
	t_assert_err(moor_ring_size(&opts, &size), 0);
	ck_assert_uint_eq(size, (1 << 20) + 4096);
	t_assert_err(moor_ring_size(&longer.known, &size), 0);
	longer.unknown = 1;
	t_assert_err(moor_ring_size(&longer.known, &size), MOOR_EINVAL);
	moor_ring_opts_init(&opts, sizeof opts);
	ck_assert_uint_eq(opts.struct_size, sizeof opts);
	t_assert_err(moor_ring_size(&opts, &size), 0);
	t_assert_err(moor_ring_size(NULL, &size), 0);
	t_assert_err(moor_ring_size(NULL, NULL), MOOR_EINVAL);
	opts.kind = MOOR_MPSC;
	opts.max_producers = 3;
	t_assert_err(moor_ring_size(&opts, &size), 0);
	ck_assert_uint_eq(size, (1 << 20) + 4096);
	opts.max_producers = 1000;
	t_assert_err(moor_ring_size(&opts, &size), 0);
	opts.max_producers = 1001;
	t_assert_err(moor_ring_size(&opts, &size), MOOR_EINVAL);
	opts.kind = 3;
	t_assert_err(moor_ring_size(&opts, &size), MOOR_EINVAL);
	t_assert_err(moor_ring_format(NULL, ring.len, NULL), MOOR_EINVAL);
	t_assert_err(moor_ring_format(ring.mem, ring.len - 1, &MOOR_RING_OPTS(.capacity = 8192)), MOOR_EINVAL);
	t_assert_err(moor_ring_format(ring.mem + 1, ring.len - 1, &MOOR_RING_OPTS(.capacity = 4096)), MOOR_EINVAL);
	t_assert_err(moor_tx_attach(ring.mem, ring.len, NULL, NULL), MOOR_EINVAL);
	t_assert_err(moor_rx_attach(ring.mem, ring.len, NULL, NULL), MOOR_EINVAL);
	t_assert_err(moor_tx_attach(NULL, ring.len, NULL, &ring.tx), MOOR_EINVAL);
	t_assert_err(moor_rx_attach(NULL, ring.len, NULL, &ring.rx), MOOR_EINVAL);
	ck_assert_ptr_null(ring.tx);
	ck_assert_ptr_null(ring.rx);
	munmap(ring.mem, ring.len);
}
END_TEST

/* What a consumer may do with messages that it has peeked when it goes: they are the next one's. */
START_TEST(test_peeked_and_unreleased_messages_stay)
{
	for (int closes = 0; closes < 2; closes++) {
		struct t_ring ring = t_ring_at(bases[_i]);

		for (unsigned n = 0; n < 4; n++)
			t_send(ring.tx, 400, n);
		t_expect(ring.rx, 400, 0);
		t_expect_peek(ring.rx, 400, 1);
		t_expect_peek(ring.rx, 400, 2);
		if (closes)
			moor_rx_close(ring.rx);
		t_assert_err(moor_rx_attach(ring.mem, ring.len, NULL, &ring.rx), 0);
		for (unsigned n = 1; n < 4; n++)
			t_expect(ring.rx, 400, n);
		t_expect_none(ring.rx);
		ck_assert_uint_eq(t_ring_stat(&ring).received_messages, 4);
		t_ring_free(&ring);
	}
}
END_TEST

START_TEST(test_close_cancels_an_open_reservation)
{
	struct t_ring ring = t_ring_at(bases[_i]);
	struct moor_msg msg;
	void *to;

	t_send(ring.tx, 10, 1);
	t_assert_err(moor_tx_reserve(ring.tx, T_MAX, &to), 0);
	fill_with_headers(to, T_MAX);
	moor_tx_close(ring.tx);
	t_expect(ring.rx, 10, 1);
	t_assert_err(moor_rx_peek(ring.rx, &msg), MOOR_ECLOSED);
	t_assert_err(moor_rx_peek(ring.rx, &msg), MOOR_ECLOSED);
	t_assert_err(moor_tx_attach(ring.mem, ring.len, NULL, &ring.tx), 0);
	t_expect_none(ring.rx);
	for (unsigned n = 0; n < UNITS / 2; n++) {
		t_send(ring.tx, 0, 0);
		t_expect(ring.rx, 0, 0);
		t_expect_none(ring.rx);
	}
	t_ring_free(&ring);
}
END_TEST

static bool alive[2];

static bool is_alive(void *arg, uint32_t slot)
{
	ck_assert_ptr_eq(arg, alive);
	ck_assert_uint_lt(slot, 2);
	return alive[slot];
}

static const struct moor_ring_opts mortal = {.struct_size = sizeof mortal, .is_alive = is_alive, .arg = alive};

/* NOWAIT calls look for a death now and then only: until it is seen, within reason. */
static int peek_until_news(moor_rx *rx)
{
	const int64_t start = t_now();
	struct moor_msg msg;
	int err;

	while ((err = moor_rx_peek(rx, &msg)) == MOOR_EAGAIN && t_now() - start < 10 * (int64_t)1000000000)
		t_sleep_ms(1);
	return err;
}

START_TEST(test_the_end_of_the_stream)
{
	struct t_ring ring = t_ring_bare(&MOOR_RING_OPTS(.capacity = T_CAPACITY));
	struct moor_msg msg;
	size_t len = 5;
	char buf[8];

	alive[MOOR_RING_SLOT_CONSUMER] = alive[MOOR_RING_SLOT_PRODUCER] = true;
	t_assert_err(moor_rx_attach(ring.mem, ring.len, &mortal, &ring.rx), 0);
	t_expect_none(ring.rx); /* never had a producer */
	t_assert_err(moor_rx_wait(ring.rx, 1000000), MOOR_ETIMEDOUT);
	t_assert_err(moor_tx_attach(ring.mem, ring.len, &mortal, &ring.tx), 0);
	t_expect_none(ring.rx);
	t_send(ring.tx, 5, 5);
	moor_tx_close(ring.tx);
	t_expect(ring.rx, 5, 5);
	t_assert_err(moor_rx_peek(ring.rx, &msg), MOOR_ECLOSED);
	t_assert_err(moor_rx_recv(ring.rx, buf, sizeof buf, &len, MOOR_FOREVER), MOOR_ECLOSED);
	t_assert_err(moor_rx_wait(ring.rx, MOOR_FOREVER), MOOR_ECLOSED);
	t_assert_err(moor_tx_attach(ring.mem, ring.len, &mortal, &ring.tx), 0);
	t_expect_none(ring.rx); /* a producer ends that state */

	t_send(ring.tx, 6, 6);
	t_send(ring.tx, 7, 7);
	alive[MOOR_RING_SLOT_PRODUCER] = false;
	t_expect(ring.rx, 6, 6); /* what was committed comes first */
	t_assert_err(moor_rx_recv(ring.rx, buf, sizeof buf, &len, MOOR_FOREVER), 0);
	ck_assert_uint_eq(len, 7);
	t_assert_err(peek_until_news(ring.rx), MOOR_EPEERDEAD);
	t_assert_err(moor_rx_peek(ring.rx, &msg), MOOR_ECLOSED); /* once */
	t_assert_err(moor_rx_wait(ring.rx, MOOR_FOREVER), MOOR_ECLOSED);

	/* a restarted consumer on an old, empty ring waits */
	moor_rx_close(ring.rx);
	t_assert_err(moor_rx_attach(ring.mem, ring.len, &mortal, &ring.rx), 0);
	t_expect_none(ring.rx);
	t_assert_err(moor_rx_wait(ring.rx, 30000000), MOOR_ETIMEDOUT);

	/* a death that nobody looked at: the successor counts it, and it is reported once the stream ends */
	alive[MOOR_RING_SLOT_PRODUCER] = true;
	t_assert_err(moor_tx_attach(ring.mem, ring.len, &mortal, &ring.tx), 0);
	t_assert_err(moor_tx_attach(ring.mem, ring.len, &mortal, &ring.tx), 0); /* the first one is dead */
	t_expect_none(ring.rx);
	moor_tx_close(ring.tx);
	t_assert_err(moor_rx_wait(ring.rx, MOOR_FOREVER), MOOR_EPEERDEAD);
	t_assert_err(moor_rx_recv(ring.rx, buf, sizeof buf, &len, MOOR_FOREVER), MOOR_ECLOSED);
	ck_assert_uint_eq(t_ring_stat(&ring).attached, 4);
	ck_assert_uint_eq(t_ring_stat(&ring).died, 2);
	ck_assert_uint_eq(t_ring_stat(&ring).closed, 2);
	moor_rx_close(ring.rx);
	munmap(ring.mem, ring.len);
}
END_TEST

START_TEST(test_the_end_of_the_stream_for_the_sender)
{
	struct t_ring ring = t_ring_bare(&MOOR_RING_OPTS(.capacity = T_CAPACITY));
	const int64_t start = t_now();
	struct moor_msg msg;
	void *to;
	int err;

	alive[MOOR_RING_SLOT_CONSUMER] = alive[MOOR_RING_SLOT_PRODUCER] = true;
	t_assert_err(moor_tx_attach(ring.mem, ring.len, &mortal, &ring.tx), 0);
	for (unsigned n = 0; n < UNITS - 1; n++)
		t_assert_err(moor_tx_send(ring.tx, "x", 1, MOOR_FOREVER), 0);
	t_assert_err(moor_tx_reserve(ring.tx, 1, &to), MOOR_EAGAIN); /* none ever attached: it waits */
	t_assert_err(moor_tx_send(ring.tx, "x", 1, 1000000), MOOR_ETIMEDOUT);
	t_assert_err(moor_tx_drain(ring.tx, MOOR_NOWAIT), MOOR_EAGAIN);
	t_assert_err(moor_rx_attach(ring.mem, ring.len, &mortal, &ring.rx), 0);
	t_assert_err(moor_tx_reserve(ring.tx, 1, &to), MOOR_EAGAIN);
	moor_rx_close(ring.rx);
	for (int i = 0; i < 2; i++) {
		t_assert_err(moor_tx_reserve(ring.tx, 1, &to), MOOR_ECLOSED);
		t_assert_err(moor_tx_send(ring.tx, "x", 1, MOOR_FOREVER), MOOR_ECLOSED);
		t_assert_err(moor_tx_wait(ring.tx, 1, MOOR_FOREVER), MOOR_ECLOSED);
		t_assert_err(moor_tx_drain(ring.tx, MOOR_FOREVER), MOOR_ECLOSED);
		t_assert_err(moor_tx_drain(ring.tx, MOOR_NOWAIT), MOOR_ECLOSED);
	}
	t_assert_err(moor_rx_attach(ring.mem, ring.len, &mortal, &ring.rx), 0);
	t_assert_err(moor_tx_reserve(ring.tx, 1, &to), MOOR_EAGAIN);
	t_assert_err(moor_rx_peek(ring.rx, &msg), 0);
	ck_assert(msg.len == 1 && memcmp(msg.data, "x", 1) == 0);
	alive[MOOR_RING_SLOT_CONSUMER] = false;
	while ((err = moor_tx_reserve(ring.tx, 1, &to)) == MOOR_EAGAIN && t_now() - start < 10 * (int64_t)1000000000)
		t_sleep_ms(1);
	for (int i = 0; i < 2; i++) {
		t_assert_err(moor_tx_reserve(ring.tx, 1, &to), MOOR_EPEERDEAD);
		t_assert_err(moor_tx_send(ring.tx, "x", 1, MOOR_FOREVER), MOOR_EPEERDEAD);
		t_assert_err(moor_tx_drain(ring.tx, MOOR_FOREVER), MOOR_EPEERDEAD);
	}
	/* while there is room it goes on queueing */
	alive[MOOR_RING_SLOT_CONSUMER] = true;
	t_assert_err(moor_rx_attach(ring.mem, ring.len, &mortal, &ring.rx), 0);
	t_assert_err(moor_rx_recv(ring.rx, &(char){0}, 1, &(size_t){0}, MOOR_NOWAIT), 0);
	moor_rx_close(ring.rx);
	t_assert_err(moor_tx_send(ring.tx, "x", 1, MOOR_NOWAIT), 0);
	t_assert_err(moor_tx_send(ring.tx, "x", 1, MOOR_NOWAIT), MOOR_ECLOSED);
	moor_tx_close(ring.tx);
	munmap(ring.mem, ring.len);
}
END_TEST

START_TEST(test_drain_of_what_is_gone_already)
{
	struct t_ring ring = t_ring_at(bases[_i]);

	t_assert_err(moor_tx_drain(ring.tx, MOOR_NOWAIT), 0);
	t_send(ring.tx, 1, 1);
	t_assert_err(moor_tx_drain(ring.tx, MOOR_NOWAIT), MOOR_EAGAIN);
	t_assert_err(moor_tx_drain(ring.tx, 1000000), MOOR_ETIMEDOUT);
	t_expect_peek(ring.rx, 1, 1);
	t_assert_err(moor_tx_drain(ring.tx, MOOR_NOWAIT), MOOR_EAGAIN);
	moor_rx_release(ring.rx);
	t_assert_err(moor_tx_drain(ring.tx, MOOR_NOWAIT), 0);
	moor_rx_close(ring.rx);
	ring.rx = NULL;
	t_assert_err(moor_tx_drain(ring.tx, MOOR_FOREVER), 0);
	t_ring_free(&ring);
}
END_TEST

/* The end must be told whole even when it comes while the receiver spins: the ops are the test's own. */
static moor_tx *to_close;
static const struct moor__ring_ops *real_ops;
static struct moor__ring_ops closing_ops;

static bool close_while_spinning(void *sleeper)
{
	if (to_close) {
		moor_tx_close(to_close);
		to_close = NULL;
	}
	return real_ops->interrupted(sleeper);
}

static uint32_t nowhere(void) { return 0; }

START_TEST(test_death_reported_when_the_successor_closes_in_mid_wait)
{
	struct t_ring ring = t_ring_at(0);

	t_assert_err(moor_tx_attach(ring.mem, ring.len, NULL, &ring.tx), 0); /* the first one is dead */
	t_expect_none(ring.rx);
	to_close = ring.tx;
	real_ops = ring.rx->ring.ops;
	closing_ops = *real_ops;
	closing_ops.interrupted = close_while_spinning;
	closing_ops.cpu = nowhere;
	ring.rx->ring.ops = &closing_ops;
	t_assert_err(moor_rx_wait(ring.rx, MOOR_FOREVER), MOOR_EPEERDEAD);
	t_assert_err(moor_rx_wait(ring.rx, MOOR_FOREVER), MOOR_ECLOSED);
	moor_rx_close(ring.rx);
	munmap(ring.mem, ring.len);
}
END_TEST

/* ---- a peer that takes back what it has published ---- */

static uint32_t *taken_back;
static int64_t clock_now;

static int64_t count_time(void)
{
	return clock_now += 1000000;
}

static bool not_interrupted(void *sleeper)
{
	(void)sleeper;
	return false;
}

static int sleep_till_published(void *sleeper, const uint32_t *word, uint32_t expected, int64_t ns)
{
	(void)sleeper;
	(void)word;
	(void)expected;
	clock_now += ns / 2;
	moor__store_32(taken_back, MOOR_ABI_WORD_MESSAGE);
	return 0;
}

/* Between the end of the wait and the look at what has come. */
static uint32_t take_back(void)
{
	moor__store_32(taken_back, 0);
	return 0;
}

static bool fences(void)
{
	return true;
}

/* A wait for so long ends after so long, whatever the peer does: here it is found out. */
START_TEST(test_a_message_that_is_taken_back)
{
	static const struct moor__ring_ops ops = {.sleep = sleep_till_published,
	                                          .interrupted = not_interrupted,
	                                          .take_interruption = not_interrupted,
	                                          .fence_peers = fences,
	                                          .now = count_time,
	                                          .now_coarse = count_time,
	                                          .cpu = take_back};
	struct t_ring ring = t_ring_bare(&MOOR_RING_OPTS(.capacity = T_CAPACITY));
	struct moor__ring_attach how = {.ops = &ops, .registered = true};
	struct moor__geometry geometry;
	moor_rx rx;
	char buf[8];
	size_t len = 7;

	t_assert_err(moor__geometry_of_header((const struct moor_abi_header *)(const void *)ring.mem, &geometry), 0);
	moor__ring_places(ring.mem, &geometry, &how);
	taken_back = t_word(&ring, 0);
	t_assert_err(moor__rx_attach(&rx, &how), 0);
	t_assert_err(moor_rx_recv(&rx, buf, sizeof buf, &len, 1000000000), MOOR_ECORRUPT);
	t_assert_err(moor_rx_wait(&rx, MOOR_NOWAIT), MOOR_ECORRUPT);
	ck_assert_uint_eq(len, 7);
	moor__rx_detach(&rx);
	munmap(ring.mem, ring.len);
}
END_TEST

/* ---- a wait for room, by ops of the test's own ---- */

static moor_rx *reader;
static unsigned to_release;
static uint32_t where;

static uint32_t here(void)
{
	return where;
}

static int64_t clock_of_20_us(void)
{
	return clock_now += 20000;
}

static bool release_some(void *sleeper)
{
	(void)sleeper;
	for (; to_release; to_release--)
		t_expect(reader, 0, 0);
	return false;
}

static int never_sleep(void *sleeper, const uint32_t *word, uint32_t expected, int64_t ns)
{
	(void)sleeper;
	(void)word;
	(void)expected;
	ck_abort_msg("a sleep of %lld ns", (long long)ns);
}

static struct moor__ring_ops waiting_ops(const struct t_ring *ring)
{
	struct moor__ring_ops ops = *ring->tx->ring.ops;

	ops.cpu = nowhere;
	ops.now = clock_of_20_us;
	ops.interrupted = release_some;
	ops.sleep = never_sleep;
	reader = ring->rx;
	return ops;
}

/* The ring is full; while the producer waits the consumer releases so many, which `head` does not tell of. */
static void wait_for_room(struct t_ring *ring, unsigned released)
{
	const uint64_t head = t_consumer(ring)->head;

	to_release = released;
	t_assert_err(moor_tx_send(ring->tx, "", 0, MOOR_FOREVER), 0);
	ck_assert_uint_eq(to_release, 0);
	ck_assert_uint_eq(t_consumer(ring)->head, head);
	while (moor_tx_send(ring->tx, "", 0, MOOR_NOWAIT) == 0)
		;
}

/*
 * The consumer tells of its releases in `head` now and then only, and perhaps not within the time that a wait spins: a
 * wait in which it gave much room is none that was in vain; one in which it gave little is.
 */
START_TEST(test_room_that_head_does_not_tell_of_is_spun_for)
{
	struct t_ring ring = t_ring_at(0);
	const struct moor__ring_ops ops = waiting_ops(&ring);
	const uint32_t credit = ring.tx->ring.spin;

	ring.tx->ring.ops = &ops;
	for (int n = 0; n < T_FULL; n++)
		t_send(ring.tx, 0, 0);
	for (uint32_t n = 1; n < 4; n++) {
		wait_for_room(&ring, 2);
		ck_assert_uint_eq(ring.tx->ring.spin, credit - n);
	}
	wait_for_room(&ring, T_CAPACITY / MOOR_ABI_UNIT / 16 + 1);
	ck_assert_uint_eq(ring.tx->ring.spin, credit);
	t_ring_free(&ring);
}
END_TEST

/* Nothing comes after what a drain waits for: nothing that `head` would be published for. */
START_TEST(test_a_drain_goes_by_what_is_released)
{
	struct t_ring ring = t_ring_at(0);
	struct moor__ring_ops ops = waiting_ops(&ring);
	const int64_t before = clock_now;

	ring.tx->ring.ops = &ops;
	t_send(ring.tx, 0, 0);
	to_release = 1;
	t_assert_err(moor_tx_drain(ring.tx, MOOR_FOREVER), 0);
	ck_assert_int_lt(clock_now - before, 100000);
	t_ring_free(&ring);
}
END_TEST

/* A side that is busy all the time, and never waits, may be moved to another processor. */
START_TEST(test_each_side_says_where_it_runs_though_it_never_waits)
{
	struct t_ring ring = t_ring_at(0);
	struct moor__ring_ops ops = *ring.tx->ring.ops;

	ops.cpu = here;
	ring.tx->ring.ops = ring.rx->ring.ops = &ops;
	for (where = 1; where < 4; where++) {
		for (int n = 0; n < 2 * T_FULL; n++) {
			t_send(ring.tx, 0, 0);
			t_expect(ring.rx, 0, 0);
		}
		ck_assert_uint_eq(t_consumer(&ring)->slot.cpu, where);
		ck_assert_uint_eq(t_producer(&ring)->slot.cpu, where);
	}
	t_ring_free(&ring);
}
END_TEST

/* ---- a producer that died between its publication and the wake-up ---- */

static const uint32_t *woken;
static unsigned wakes;

static void count_wake(const uint32_t *word)
{
	woken = word;
	wakes++;
}

START_TEST(test_a_successor_wakes_whom_its_predecessor_did_not)
{
	for (unsigned published = 0; published < 2; published++) {
		struct t_ring ring = t_ring_bare(&MOOR_RING_OPTS(.capacity = T_CAPACITY, .max_message = T_MAX));
		struct moor__geometry geometry;
		struct moor__ring_attach how;
		struct moor__ring_ops ops;
		moor_tx successor;

		t_assert_err(moor_tx_attach(ring.mem, ring.len, NULL, &ring.tx), 0);
		if (published)
			t_send(ring.tx, 8, 0);
		t_consumer(&ring)->quiet.asleep = MOOR__ASLEEP; /* for position 0 */
		ops = *ring.tx->ring.ops;
		ops.wake = count_wake;
		how = (struct moor__ring_attach){.ops = &ops,
		                                 .ops_arg = ring.tx->ring.ops_arg,
		                                 .sleeper = ring.tx->ring.sleeper,
		                                 .registered = true};
		t_assert_err(moor__geometry_of_header((const struct moor_abi_header *)(const void *)ring.mem, &geometry), 0);
		moor__ring_places(ring.mem, &geometry, &how);
		wakes = 0;
		t_assert_err(moor__tx_attach(&successor, &how), 0);
		ck_assert_uint_eq(wakes, published);
		if (published)
			ck_assert_ptr_eq(woken, t_word(&ring, 0));
		t_consumer(&ring)->quiet.asleep = 0;
		moor__tx_detach(&successor);
		moor_tx_close(ring.tx);
		munmap(ring.mem, ring.len);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ring");
	TCase *cases = tcase_create("cases");

	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, test_R1_capacity);
	tcase_add_loop_test(cases, test_R2_max_message_at_every_offset, 0, BASES);
	tcase_add_test(cases, test_R2_max_message_of_the_capacity);
	tcase_add_loop_test(cases, test_R5_one_byte_short_of_room, 0, BASES);
	tcase_add_loop_test(cases, test_R6_full_to_the_last_unit_but_one, 0, BASES);
	tcase_add_loop_test(cases, test_R6_full_of_long_messages, 0, BASES);
	tcase_add_loop_test(cases, test_R6b_committed_shorter_than_filled, 0, BASES);
	tcase_add_loop_test(cases, test_R6b_killed_in_mid_copy, 0, BASES);
	tcase_add_loop_test(cases, test_R6c_room_not_yet_published_in_head, 0, BASES);
	tcase_add_loop_test(cases, test_R7_padding_and_wrap, 0, BASES);
	tcase_add_loop_test(cases, test_R7_padding_with_messages_before_it, 0, BASES);
	tcase_add_loop_test(cases, test_R7_ends_exactly_at_the_end, 0, BASES);
	tcase_add_loop_test(cases, test_R8_no_room_at_either_end, 0, BASES);
	tcase_add_loop_test(cases, test_R11_reserved_is_not_delivered, 0, BASES);
	tcase_add_loop_test(cases, test_R13_cancel_gives_the_room_back, 0, BASES);
	tcase_add_loop_test(cases, test_R26_empty_message, 0, BASES);
	tcase_add_loop_test(cases, test_every_length_at_every_offset, 0, BASES);
	tcase_add_loop_test(cases, test_sendv_gathers, 0, BASES);
	tcase_add_loop_test(cases, test_calls_out_of_order_change_nothing, 0, BASES);
	tcase_add_loop_test(cases, test_recv, 0, BASES);
	tcase_add_test(cases, test_null_and_bad_timeouts);
	tcase_add_test(cases, test_options);
	tcase_add_loop_test(cases, test_peeked_and_unreleased_messages_stay, 0, BASES);
	tcase_add_loop_test(cases, test_close_cancels_an_open_reservation, 0, BASES);
	tcase_add_test(cases, test_the_end_of_the_stream);
	tcase_add_test(cases, test_the_end_of_the_stream_for_the_sender);
	tcase_add_loop_test(cases, test_drain_of_what_is_gone_already, 0, BASES);
	tcase_add_test(cases, test_a_message_that_is_taken_back);
	tcase_add_test(cases, test_room_that_head_does_not_tell_of_is_spun_for);
	tcase_add_test(cases, test_a_successor_wakes_whom_its_predecessor_did_not);
	tcase_add_test(cases, test_a_drain_goes_by_what_is_released);
	tcase_add_test(cases, test_each_side_says_where_it_runs_though_it_never_waits);
	tcase_add_test(cases, test_death_reported_when_the_successor_closes_in_mid_wait);
	suite_add_tcase(suite, cases);
	return t_main(suite);
}
