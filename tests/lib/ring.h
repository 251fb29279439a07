/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring.h - a ring on a plain array, for the tests: between pages that may not be touched, and with its shared words at
 * hand.
 */
#ifndef MOOR_TESTS_LIB_RING_H
#define MOOR_TESTS_LIB_RING_H

#include "tests/lib/testing.h"

#include "ring/claim.h"
#include "ring/ring.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define T_CAPACITY 4096u
#define T_FULL ((int)(T_CAPACITY / MOOR_ABI_UNIT) - 1) /* so many messages of up to 8 bytes fill it */
#define T_MAX 2040u /* the longest message that a ring of T_CAPACITY can be made for */

struct t_ring {
	unsigned char *mem;
	size_t len;
	moor_tx *tx;
	moor_rx *rx;
};

/* len bytes, a multiple of the page size; whoever touches what is before or behind them dies. */
static inline void *t_guarded(size_t len)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *mem = mmap(NULL, len + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert(mem != MAP_FAILED);
	ck_assert_int_eq(mprotect(mem + page, len, PROT_READ | PROT_WRITE), 0);
	return mem + page;
}

static inline struct moor_abi_consumer *t_consumer(const struct t_ring *ring)
{
	return (struct moor_abi_consumer *)(void *)(ring->mem + MOOR_ABI_RING_SLOTS_OFFSET);
}

static inline struct moor_abi_producer *t_producer(const struct t_ring *ring)
{
	return (struct moor_abi_producer *)(void *)(t_consumer(ring) + 1);
}

static inline unsigned char *t_data(const struct t_ring *ring)
{
	return ring->mem + ((const struct moor_abi_header *)(const void *)ring->mem)->data_offset;
}

/* The word of the header at an offset of the ring. */
static inline uint32_t *t_word(const struct t_ring *ring, uint64_t offset)
{
	return (uint32_t *)(void *)(t_data(ring) + offset);
}

static inline struct moor_abi_many *t_many(const struct t_ring *ring)
{
	return (struct moor_abi_many *)(void *)(ring->mem + MOOR_ABI_MANY_OFFSET);
}

/* As if `position` bytes had gone through the ring already: a multiple of 16, of 64 for many. Nobody is attached. */
static inline void t_preset(const struct t_ring *ring, uint64_t position)
{
	for (int i = 0; i < 2; i++)
		t_consumer(ring)->done[i].position = position;
	t_consumer(ring)->released = position;
	t_consumer(ring)->head = position;
	t_many(ring)->claimed = moor__claimed_word(position, 0);
}

static inline struct t_ring t_ring_bare(const struct moor_ring_opts *opts)
{
	struct t_ring ring = {0};

	t_assert_err(moor_ring_size(opts, &ring.len), 0);
	ring.mem = t_guarded(ring.len);
	t_assert_err(moor_ring_format(ring.mem, ring.len, opts), 0);
	return ring;
}

static inline void t_ring_attach(struct t_ring *ring)
{
	t_assert_err(moor_tx_attach(ring->mem, ring->len, NULL, &ring->tx), 0);
	t_assert_err(moor_rx_attach(ring->mem, ring->len, NULL, &ring->rx), 0);
}

/* The smallest ring with the longest messages, both sides attached, at a position. */
static inline struct t_ring t_ring_at(uint64_t position)
{
	struct t_ring ring = t_ring_bare(&MOOR_RING_OPTS(.capacity = T_CAPACITY, .max_message = T_MAX));

	t_preset(&ring, position);
	t_ring_attach(&ring);
	return ring;
}

static inline void t_ring_free(struct t_ring *ring)
{
	moor_tx_close(ring->tx);
	moor_rx_close(ring->rx);
	munmap(ring->mem, ring->len);
}

static inline struct moor_channel_info t_ring_stat(const struct t_ring *ring)
{
	struct moor_channel_info info = {.struct_size = sizeof info};
	struct moor__geometry geometry;

	t_assert_err(moor__geometry_of_header((const struct moor_abi_header *)(const void *)ring->mem, &geometry), 0);
	t_assert_err(moor__ring_stat(ring->mem, &geometry, NULL, &info), 0);
	return info;
}

/* Content that can be told: of `number`, each byte. */
static inline void t_fill(void *to, size_t len, uint64_t number)
{
	uint64_t state = number;
	size_t i;

	for (i = 0; i + 8 <= len; i += 8) {
		const uint64_t word = t_random(&state);

		memcpy((char *)to + i, &word, 8);
	}
	for (; i < len; i++)
		((unsigned char *)to)[i] = (unsigned char)t_random(&state);
}

static inline bool t_is_filled(const void *from, size_t len, uint64_t number)
{
	uint64_t state = number;
	size_t i;

	for (i = 0; i + 8 <= len; i += 8) {
		const uint64_t word = t_random(&state);

		if (memcmp((const char *)from + i, &word, 8) != 0)
			return false;
	}
	for (; i < len; i++)
		if (((const unsigned char *)from)[i] != (unsigned char)t_random(&state))
			return false;
	return true;
}

/* One message of that length and content through the ring's end. */
static inline void t_send(moor_tx *tx, size_t len, uint64_t number)
{
	void *to = NULL;

	t_assert_err(moor_tx_reserve(tx, len, &to), 0);
	t_fill(to, len, number);
	t_assert_err(moor_tx_commit(tx, len), 0);
}

static inline void t_expect_peek(moor_rx *rx, size_t len, uint64_t number)
{
	struct moor_msg msg;

	t_assert_err(moor_rx_peek(rx, &msg), 0);
	if (msg.len != len || msg.flags != 0 || !t_is_filled(msg.data, len, number))
		ck_abort_msg("message %ju of %zu bytes differs; length %zu", (uintmax_t)number, len, msg.len);
}

static inline void t_expect(moor_rx *rx, size_t len, uint64_t number)
{
	t_expect_peek(rx, len, number);
	moor_rx_release(rx);
}

static inline void t_expect_none(moor_rx *rx)
{
	struct moor_msg msg;

	t_assert_err(moor_rx_peek(rx, &msg), MOOR_EAGAIN);
}

/* Moves an empty ring on by one record of that many bytes, header included. */
static inline void t_advance(struct t_ring *ring, size_t bytes)
{
	t_assert(bytes % MOOR_ABI_UNIT == 0);
	for (; bytes; bytes -= MOOR_ABI_UNIT) {
		t_send(ring->tx, 0, 0);
		t_expect(ring->rx, 0, 0);
	}
}

#endif
