/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ring_forged.c - memory that holds what no correct peer writes: refused, or MOOR_ECORRUPT for good, and never an
 * access outside it (the memory lies between pages that may not be touched). Worth most under the sanitizers.
 */
#include "tests/lib/ring.h"

#include <stdlib.h>

static struct moor_abi_header *header_of(struct t_ring *ring)
{
	return (struct moor_abi_header *)(void *)ring->mem;
}

/* What moor_ring_check says of the header, with the bytes as they were. */
static int check_header(struct t_ring *ring)
{
	static struct moor_abi_header before;
	moor_tx *tx = NULL;
	moor_rx *rx = NULL;
	int err;

	before = *header_of(ring);
	err = moor_ring_check(ring->mem, ring->len);
	if (err) {
		t_assert_err(moor_tx_attach(ring->mem, ring->len, NULL, &tx), err);
		t_assert_err(moor_rx_attach(ring->mem, ring->len, NULL, &rx), err);
		t_assert(!tx && !rx);
	}
	t_assert(memcmp(&before, ring->mem, sizeof before) == 0);
	return err;
}

START_TEST(test_B8_misaligned)
{
	struct t_ring ring = t_ring_bare(&MOOR_RING_OPTS(.capacity = T_CAPACITY));

	for (size_t by = 1; by < 8; by++) {
		t_assert_err(moor_ring_check(ring.mem + by, ring.len - by), MOOR_EINVAL);
		t_assert_err(moor_tx_attach(ring.mem + by, ring.len - by, NULL, &ring.tx), MOOR_EINVAL);
		t_assert_err(moor_rx_attach(ring.mem + by, ring.len - by, NULL, &ring.rx), MOOR_EINVAL);
	}
	t_assert_err(moor_ring_check(NULL, 0), MOOR_EINVAL);
	t_assert_err(moor_ring_check(ring.mem, ring.len), 0);
}
END_TEST

/* 8-byte alignment is all that is asked for. */
START_TEST(test_B8_aligned_to_eight_bytes_only)
{
	unsigned char *mem = t_guarded(4 * 4096);

	for (size_t by = 8; by < 128; by += 8) {
		struct t_ring ring = {.mem = mem + by, .len = 2 * 4096};

		t_assert_err(moor_ring_format(ring.mem, ring.len, &MOOR_RING_OPTS(.capacity = T_CAPACITY)), 0);
		t_ring_attach(&ring);
		for (unsigned n = 0; n < 200; n++) {
			t_send(ring.tx, n, n);
			t_expect(ring.rx, n, n);
		}
		moor_tx_close(ring.tx);
		moor_rx_close(ring.rx);
	}
}
END_TEST

START_TEST(test_truncated)
{
	struct t_ring ring = t_ring_bare(&MOOR_RING_OPTS(.capacity = T_CAPACITY));
	unsigned char *copy = t_guarded(ring.len);

	for (size_t len = 0; len < ring.len; len += 8) { /* at the very end of what may be touched */
		memcpy(copy + ring.len - len, ring.mem, len);
		t_assert_err(moor_ring_check(copy + ring.len - len, len), MOOR_EFORMAT);
		t_assert_err(moor_tx_attach(copy + ring.len - len, len, NULL, &ring.tx), MOOR_EFORMAT);
		t_assert_err(moor_rx_attach(copy + ring.len - len, len, NULL, &ring.rx), MOOR_EFORMAT);
	}
	t_assert_err(moor_ring_check(ring.mem, ring.len + 4096), 0); /* longer is no harm: not touched */
}
END_TEST

START_TEST(test_garbage)
{
	struct t_ring ring = {.mem = t_guarded(2 * 4096), .len = 2 * 4096};
	uint64_t seed = 1;

	t_assert_err(moor_ring_check(ring.mem, ring.len), MOOR_EFORMAT); /* zeros */
	for (int n = 0; n < 2000; n++) {
		t_fill(ring.mem, ring.len, t_random(&seed));
		t_assert_err(check_header(&ring), MOOR_EFORMAT);
	}
	memset(ring.mem, 0xff, ring.len);
	t_assert_err(check_header(&ring), MOOR_EFORMAT);
}
END_TEST

#define FIELDS(X)                                                                                                      \
	X(byte_order, 0x04030201, MOOR_EFORMAT)                                                                        \
	X(byte_order, 0, MOOR_EFORMAT)                                                                                 \
	X(version, 0, MOOR_EVERSION)                                                                                   \
	X(least, MOOR_ABI_VERSION + 1, MOOR_EVERSION)                                                                  \
	X(header_size, 255, MOOR_EFORMAT)                                                                              \
	X(header_size, 0, MOOR_EFORMAT)                                                                                \
	X(header_size, UINT32_MAX, MOOR_EFORMAT)                                                                       \
	X(fingerprint, 1, MOOR_EVERSION)                                                                               \
	X(kind, 0, MOOR_EFORMAT)                                                                                       \
	X(kind, MOOR_OBJ_MAP, MOOR_EKIND)                                                                              \
	X(kind, MOOR_OBJ_CHANNEL + 1, MOOR_EFORMAT)                                                                    \
	X(incompatible, 0, MOOR_EFORMAT)                                                                               \
	X(incompatible, (uint64_t)1 << 63 | 1, MOOR_EVERSION)                                                          \
	X(total_size, 0, MOOR_EFORMAT)                                                                                 \
	X(total_size, 4096, MOOR_EFORMAT)                                                                              \
	X(total_size, 3 * 4096, MOOR_EFORMAT)                                                                          \
	X(total_size, UINT64_MAX, MOOR_EFORMAT)                                                                        \
	X(data_offset, 0, MOOR_EFORMAT)                                                                                \
	X(data_offset, 1024, MOOR_EFORMAT)                                                                             \
	X(data_offset, 4088, MOOR_EFORMAT)                                                                             \
	X(data_offset, 4160, MOOR_EFORMAT)                                                                             \
	X(data_offset, UINT64_MAX - 63, MOOR_EFORMAT)                                                                  \
	X(data_offset, UINT64_MAX - 4095, MOOR_EFORMAT)                                                                \
	X(data_size, 0, MOOR_EFORMAT)                                                                                  \
	X(data_size, 2048, MOOR_EFORMAT)                                                                               \
	X(data_size, 4032, MOOR_EFORMAT)                                                                               \
	X(data_size, 8192, MOOR_EFORMAT)                                                                               \
	X(data_size, (uint64_t)1 << 40, MOOR_EFORMAT)                                                                  \
	X(data_size, (uint64_t)1 << 63, MOOR_EFORMAT)                                                                  \
	X(data_size, UINT64_MAX, MOOR_EFORMAT)                                                                         \
	X(slots_offset, 0, MOOR_EFORMAT)                                                                               \
	X(slots_offset, 1024, MOOR_EFORMAT)                                                                            \
	X(slots_offset, UINT64_MAX, MOOR_EFORMAT)                                                                      \
	X(slot_count, 0, MOOR_EFORMAT)                                                                                 \
	X(slot_count, 3, MOOR_EFORMAT)                                                                                 \
	X(slot_count, UINT32_MAX, MOOR_EFORMAT)                                                                        \
	X(slot_size, 0, MOOR_EFORMAT)                                                                                  \
	X(slot_size, 256, MOOR_EFORMAT)                                                                                \
	X(slot_size, UINT32_MAX, MOOR_EFORMAT)                                                                         \
	X(state, 0, MOOR_EFORMAT)                                                                                      \
	X(ring_kind, 0, MOOR_EFORMAT)                                                                                  \
	X(ring_kind, MOOR_MPSC, MOOR_EFORMAT) /* whose features are others */                                          \
	X(ring_kind, 3, MOOR_EFORMAT)                                                                                  \
	X(max_message, 0, MOOR_EFORMAT)                                                                                \
	X(max_message, T_MAX + 1, MOOR_EFORMAT)                                                                        \
	X(max_message, UINT32_MAX, MOOR_EFORMAT)                                                                       \
	X(max_producers, 0, MOOR_EFORMAT)                                                                              \
	X(max_producers, 2, MOOR_EFORMAT)                                                                              \
	X(max_producers, UINT32_MAX, MOOR_EFORMAT)

START_TEST(test_each_header_field)
{
	struct t_ring ring = t_ring_bare(&MOOR_RING_OPTS(.capacity = T_CAPACITY));
	const struct moor_abi_header good = *header_of(&ring);

#define TRY(field, value, err)                                                                                         \
	header_of(&ring)->field = (value);                                                                             \
	ck_assert_msg(check_header(&ring) == (err), #field " = " #value ": %s",                                        \
	              moor_err_name(moor_ring_check(ring.mem, ring.len)));                                             \
	*header_of(&ring) = good;
	FIELDS(TRY)
#undef TRY
	for (size_t i = 0; i < sizeof good.magic; i++) {
		header_of(&ring)->magic[i] ^= 0x20;
		t_assert_err(check_header(&ring), MOOR_EFORMAT);
		*header_of(&ring) = good;
	}
	/* what does not matter, and a newer library's object that says that it may be used */
	header_of(&ring)->version = MOOR_ABI_VERSION + 1;
	header_of(&ring)->compatible = UINT64_MAX;
	header_of(&ring)->word_bits = 128;
	t_assert_err(check_header(&ring), 0);
}
END_TEST

/* ---- a forged producer ---- */

static void expect_rx_corrupt(struct t_ring *ring)
{
	struct moor_msg msg = {.len = 4711};
	size_t len = 4711;
	char buf[8];

	for (int i = 0; i < 2; i++) {
		t_assert_err(moor_rx_peek(ring->rx, &msg), MOOR_ECORRUPT);
		t_assert_err(moor_rx_recv(ring->rx, buf, sizeof buf, &len, MOOR_FOREVER), MOOR_ECORRUPT);
		t_assert_err(moor_rx_wait(ring->rx, MOOR_FOREVER), MOOR_ECORRUPT);
		t_assert_err(moor_rx_rewind(ring->rx), MOOR_ECORRUPT);
		moor_rx_release(ring->rx);
		memset(t_data(ring), 0, T_CAPACITY); /* for good, whatever the memory says now */
	}
	t_assert(msg.len == 4711 && len == 4711);
}

#define UNITS (T_CAPACITY / MOOR_ABI_UNIT)

static void put_header(const struct t_ring *ring, uint64_t offset, uint32_t word, uint32_t detail)
{
	t_word(ring, offset)[0] = word;
	t_word(ring, offset)[1] = detail;
}

START_TEST(test_H4_forged_header_words)
{
	static const uint32_t words[] = {
	    0x80000000u, 0x80000001u, 0xffffffffu, 0xfffffffeu, /* negative */
	    2, 3, 64, 0x08000000u, 0x10000000u, 0x18000001u, 0x7fffffffu,
	    MOOR_ABI_WORD_PAD | 1, MOOR_ABI_WORD_PAD | MOOR_ABI_WORD_END, MOOR_ABI_WORD_END | 0x10000,
	    MOOR_ABI_WORD_PAD | MOOR_ABI_WORD_CLAIM};

	for (unsigned unit = 0; unit < UNITS; unit += 5) {
		for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
			struct t_ring ring = t_ring_at(((uint64_t)1 << 32) - T_CAPACITY + unit * MOOR_ABI_UNIT);

			put_header(&ring, unit * MOOR_ABI_UNIT, words[i], 1);
			expect_rx_corrupt(&ring);
			t_ring_free(&ring);
		}
	}
}
END_TEST

static void try_length(unsigned unit, uint32_t len)
{
	struct t_ring ring = t_ring_at(unit * MOOR_ABI_UNIT);
	static unsigned char buf[T_CAPACITY];
	struct moor_msg msg;
	size_t got;

	put_header(&ring, unit * MOOR_ABI_UNIT, MOOR_ABI_WORD_MESSAGE, len);
	if (len <= T_MAX && (len + 8 + 15) / 16 <= UNITS - unit) {
		t_assert_err(moor_rx_peek(ring.rx, &msg), 0);
		t_assert(msg.len == len);
		t_assert((const unsigned char *)msg.data + msg.len <= ring.mem + ring.len);
		t_assert_err(moor_rx_rewind(ring.rx), 0);
		t_assert_err(moor_rx_recv(ring.rx, buf, sizeof buf, &got, MOOR_NOWAIT), 0);
		t_assert(got == len);
	} else {
		expect_rx_corrupt(&ring);
	}
	t_ring_free(&ring);
}

START_TEST(test_H4_forged_lengths_around_the_end)
{
	static const uint32_t lengths[] = {T_MAX, T_MAX + 1, 4080, 4096, 1u << 20, UINT32_MAX - 23, UINT32_MAX - 8, UINT32_MAX};

	for (unsigned unit = 0; unit < UNITS; unit++) {
		const uint32_t most = (UNITS - unit) * MOOR_ABI_UNIT - 8; /* that fits before the end */

		try_length(unit, most);
		try_length(unit, most - 1);
		try_length(unit, most + 1);
		for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
			try_length(unit, lengths[i]);
	}
}
END_TEST

START_TEST(test_H4_forged_padding)
{
	static const uint32_t units[] = {0, 1, 2, UNITS - 1, UNITS, UNITS + 1, 0x10000000, 0x80000000u, UINT32_MAX};

	for (unsigned unit = 0; unit < UNITS; unit++) {
		for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
			struct t_ring ring;

			if (units[i] == UNITS - unit && unit)
				continue; /* in its place */
			ring = t_ring_at(unit * MOOR_ABI_UNIT);
			put_header(&ring, 0, MOOR_ABI_WORD_MESSAGE, 1);
			put_header(&ring, unit * MOOR_ABI_UNIT, MOOR_ABI_WORD_PAD, units[i]);
			expect_rx_corrupt(&ring);
			t_ring_free(&ring);
		}
	}
}
END_TEST

START_TEST(test_H17_padding_and_nothing_behind_it)
{
	static const uint32_t behind[] = {0, MOOR_ABI_WORD_END | 1, MOOR_ABI_WORD_PAD, MOOR_ABI_WORD_CLAIM | 1, 33};

	for (size_t i = 0; i < sizeof behind / sizeof behind[0]; i++) {
		struct t_ring ring = t_ring_at(60 * 64);

		put_header(&ring, 60 * 64, MOOR_ABI_WORD_PAD, 4 * 64 / MOOR_ABI_UNIT);
		put_header(&ring, 0, behind[i], UNITS);
		expect_rx_corrupt(&ring);
		t_ring_free(&ring);
	}
}
END_TEST

/* More than the ring can hold is more than the peer can have sent. */
START_TEST(test_H18_endless_messages)
{
	struct t_ring ring = t_ring_at(0);
	struct moor_msg msg;
	unsigned count = 0;

	for (unsigned i = 0; i < UNITS; i++)
		put_header(&ring, i * MOOR_ABI_UNIT, MOOR_ABI_WORD_MESSAGE, 8);
	while (count < 1000 && moor_rx_peek(ring.rx, &msg) == 0)
		count++;
	ck_assert_uint_eq(count, UNITS - 1);
	expect_rx_corrupt(&ring);
	t_ring_free(&ring);
}
END_TEST

/* What was checked once is not read again. */
START_TEST(test_H4_header_changed_after_the_peek)
{
	static const uint32_t words[] = {0, 3, 64, 0xffffffffu, MOOR_ABI_WORD_PAD};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		struct t_ring ring = t_ring_at(0);

		t_send(ring.tx, 1, 1);
		t_send(ring.tx, 2, 2);
		t_expect_peek(ring.rx, 1, 1);
		t_expect_peek(ring.rx, 2, 2);
		put_header(&ring, 0, words[i], 12345);
		put_header(&ring, 16, words[i], 12345);
		moor_rx_release(ring.rx);
		t_expect_none(ring.rx);
		t_assert(t_ring_stat(&ring).received_bytes == 3);
		t_assert(t_consumer(&ring)->released == 32);
		t_ring_free(&ring);
	}
}
END_TEST

/* ---- a forged consumer ---- */

static void expect_tx_corrupt(struct t_ring *ring)
{
	void *to = ring;

	for (int i = 0; i < 2; i++) {
		t_assert_err(moor_tx_reserve(ring->tx, 1, &to), MOOR_ECORRUPT);
		t_assert_err(moor_tx_reserve(ring->tx, T_MAX + 1, &to), MOOR_ECORRUPT);
		t_assert_err(moor_tx_commit(ring->tx, 0), MOOR_ECORRUPT);
		t_assert_err(moor_tx_send(ring->tx, "x", 1, MOOR_FOREVER), MOOR_ECORRUPT);
		t_assert_err(moor_tx_sendv(ring->tx, NULL, 0, MOOR_FOREVER), MOOR_ECORRUPT);
		t_assert_err(moor_tx_wait(ring->tx, 1, MOOR_FOREVER), MOOR_ECORRUPT);
		t_assert_err(moor_tx_drain(ring->tx, MOOR_FOREVER), MOOR_ECORRUPT);
		moor_tx_cancel(ring->tx);
		t_consumer(ring)->released = t_consumer(ring)->head = 0;
	}
	t_assert(to == ring);
}

START_TEST(test_H4_forged_released_and_head)
{
	static const int64_t off[] = {16, 4096, (int64_t)1 << 32, INT64_MAX & ~(int64_t)15, INT64_MIN};
	void *to;

	for (size_t i = 0; i < sizeof off / sizeof off[0]; i++) {
		for (int head = 0; head < 2; head++) {
			struct t_ring ring = t_ring_at((uint64_t)1 << 32);

			while (moor_tx_reserve(ring.tx, 1, &to) == 0)
				t_assert_err(moor_tx_commit(ring.tx, 1), 0);
			*(head ? &t_consumer(&ring)->head : &t_consumer(&ring)->released) =
			    ((uint64_t)1 << 32) + T_CAPACITY - 16 + (uint64_t)off[i];
			expect_tx_corrupt(&ring);
			t_ring_free(&ring);
		}
	}
}
END_TEST

START_TEST(test_H4_forged_released_goes_back)
{
	struct t_ring ring = t_ring_at((uint64_t)1 << 32);
	void *to;

	t_advance(&ring, 3 * 4096);
	while (moor_tx_reserve(ring.tx, 1, &to) == 0)
		t_assert_err(moor_tx_commit(ring.tx, 1), 0);
	t_consumer(&ring)->released -= 16;
	t_consumer(&ring)->head = 0;
	expect_tx_corrupt(&ring);
	t_ring_free(&ring);
}
END_TEST

START_TEST(test_H4_forged_head_is_no_position)
{
	struct t_ring ring = t_ring_at(0);
	void *to;

	t_advance(&ring, 1024);
	while (moor_tx_reserve(ring.tx, 1, &to) == 0)
		t_assert_err(moor_tx_commit(ring.tx, 1), 0);
	t_consumer(&ring)->head = 1024 + 8;
	expect_tx_corrupt(&ring);
	t_ring_free(&ring);
}
END_TEST

/* ---- whoever attaches to it ---- */

START_TEST(test_H4_forged_words_at_attach)
{
	static const uint64_t values[] = {1, 8, 64, 4096, 4160, 8192, 1 << 20, (uint64_t)1 << 32, UINT64_MAX - 63,
	                                  UINT64_MAX, (uint64_t)1 << 63, ((uint64_t)1 << 63) + 7};
	struct t_ring ring = t_ring_bare(&MOOR_RING_OPTS(.capacity = T_CAPACITY));
	unsigned refused = 0;

	for (size_t at = 256; at < 1536; at += 8) {
		for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
			uint64_t *word = (uint64_t *)(void *)(ring.mem + at);
			struct moor_msg msg;
			int err;

			t_assert_err(moor_ring_format(ring.mem, ring.len, &MOOR_RING_OPTS(.capacity = T_CAPACITY)), 0);
			*word = values[i];
			err = moor_ring_check(ring.mem, ring.len);
			t_assert(err == 0 || err == MOOR_ECORRUPT);
			err = moor_rx_attach(ring.mem, ring.len, NULL, &ring.rx);
			t_assert(err == 0 || err == MOOR_ECORRUPT);
			if (err == 0) {
				for (int n = 0; n < 100 && moor_rx_peek(ring.rx, &msg) == 0; n++)
					moor_rx_release(ring.rx);
				moor_rx_close(ring.rx);
			} else {
				refused++;
			}
			*word = values[i];
			err = moor_tx_attach(ring.mem, ring.len, NULL, &ring.tx);
			t_assert(err == 0 || err == MOOR_ECORRUPT);
			if (err == 0) {
				for (int n = 0; n < 100 && moor_tx_send(ring.tx, "hello", 5, MOOR_NOWAIT) == 0; n++)
					continue;
				moor_tx_close(ring.tx);
			} else {
				refused++;
			}
		}
	}
	ck_assert_uint_ge(refused, 20);
}
END_TEST

/* A position that so few bytes would take past the end of its word that a reservation would seem to be none. */
START_TEST(test_H5_position_that_would_wrap)
{
	static const uint64_t positions[] = {UINT64_MAX - 15, UINT64_MAX - 4095, MOOR__POSITION_MAX + 16};

	for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++) {
		struct t_ring ring = t_ring_bare(&MOOR_RING_OPTS(.capacity = T_CAPACITY, .max_message = T_MAX));

		t_preset(&ring, positions[i]);
		t_assert_err(moor_ring_check(ring.mem, ring.len), MOOR_ECORRUPT);
		t_assert_err(moor_tx_attach(ring.mem, ring.len, NULL, &ring.tx), MOOR_ECORRUPT);
		t_assert_err(moor_rx_attach(ring.mem, ring.len, NULL, &ring.rx), MOOR_ECORRUPT);
		t_preset(&ring, MOOR__POSITION_MAX); /* as far as any may be */
		t_assert_err(moor_ring_check(ring.mem, ring.len), 0);
		t_ring_attach(&ring);
		for (unsigned n = 0; n < 10000; n++) {
			t_send(ring.tx, n % T_MAX, n);
			t_expect(ring.rx, n % T_MAX, n);
		}
		t_ring_free(&ring);
	}
}
END_TEST

/* Words of the memory change at random under both sides: they may say what they like, but stay in it and come back. */
START_TEST(test_H7_random_words)
{
	static const uint64_t masks[] = {UINT64_MAX, 0xff, 0xffff, 0x1fc0, (uint64_t)0x7f << 26, 0xffffffffu};
	struct t_ring ring = t_ring_bare(&MOOR_RING_OPTS(.capacity = T_CAPACITY));
	static unsigned char buf[T_CAPACITY];
	uint64_t seed = 100 + (uint64_t)_i;
	unsigned delivered = 0, corrupted = 0;

	for (unsigned round = 0; round < 3000; round++) {
		t_assert_err(moor_ring_format(ring.mem, ring.len, &MOOR_RING_OPTS(.capacity = T_CAPACITY)), 0);
		t_preset(&ring, t_random(&seed) % 100 * 64);
		if (moor_tx_attach(ring.mem, ring.len, NULL, &ring.tx) != 0)
			continue;
		if (moor_rx_attach(ring.mem, ring.len, NULL, &ring.rx) != 0) {
			moor_tx_close(ring.tx);
			continue;
		}
		for (unsigned step = 0; step < 60; step++) {
			const uint64_t choice = t_random(&seed), value = t_random(&seed);
			struct moor_msg msg;
			size_t len;
			void *to;
			int err = 0;

			if (choice % 8 == 0) {
				const size_t words = (ring.len - 512) / 8;
				const size_t at = choice >> 8 & 1 ? value % 128 : (value % words) / 8 * 8;

				((uint64_t *)(void *)(ring.mem + 512))[at] ^=
				    t_random(&seed) & masks[(choice >> 16) % (sizeof masks / sizeof masks[0])];
			} else if (choice % 8 < 5) {
				err = moor_tx_reserve(ring.tx, value % 600, &to);
				if (err == 0) {
					memset(to, (int)choice, value % 600);
					err = moor_tx_commit(ring.tx, value % 600);
				}
			} else if (choice % 8 == 5) {
				err = moor_rx_peek(ring.rx, &msg);
				if (err == 0) {
					ck_assert_uint_le(msg.len, T_CAPACITY / 8);
					memcpy(buf, msg.data, msg.len);
					delivered++;
				}
			} else if (choice % 8 == 6) {
				moor_rx_release(ring.rx);
			} else {
				err = moor_rx_recv(ring.rx, buf, sizeof buf, &len, MOOR_NOWAIT);
				delivered += err == 0;
			}
			corrupted += err == MOOR_ECORRUPT;
		}
		moor_tx_close(ring.tx);
		moor_rx_close(ring.rx);
	}
	ck_assert_uint_ge(delivered, 100);
	ck_assert_uint_ge(corrupted, 100);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ring, forged");
	TCase *cases = tcase_create("forged");

	tcase_set_timeout(cases, 120);
	tcase_add_test(cases, test_B8_misaligned);
	tcase_add_test(cases, test_B8_aligned_to_eight_bytes_only);
	tcase_add_test(cases, test_truncated);
	tcase_add_test(cases, test_garbage);
	tcase_add_test(cases, test_each_header_field);
	tcase_add_test(cases, test_H4_forged_header_words);
	tcase_add_test(cases, test_H4_forged_lengths_around_the_end);
	tcase_add_test(cases, test_H4_forged_padding);
	tcase_add_test(cases, test_H17_padding_and_nothing_behind_it);
	tcase_add_test(cases, test_H18_endless_messages);
	tcase_add_test(cases, test_H4_header_changed_after_the_peek);
	tcase_add_test(cases, test_H4_forged_released_and_head);
	tcase_add_test(cases, test_H4_forged_released_goes_back);
	tcase_add_test(cases, test_H4_forged_head_is_no_position);
	tcase_add_test(cases, test_H4_forged_words_at_attach);
	tcase_add_test(cases, test_H5_position_that_would_wrap);
	tcase_add_loop_test(cases, test_H7_random_words, 0, 5);
	suite_add_tcase(suite, cases);
	return t_main(suite);
}
