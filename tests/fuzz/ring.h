/* SPDX-License-Identifier: Apache-2.0 */
/* ring.h - rings for the fuzzers: between pages that may not be touched, with what to change in them; and links. */
#ifndef MOOR_TESTS_FUZZ_RING_H
#define MOOR_TESTS_FUZZ_RING_H

#include "tests/fuzz/fuzz.h"

#include "link/link.h"
#include "ring/claim.h"
#include "ring/ring.h"

#include <mooring.h>
#include <string.h>

#define FUZZ_CAPACITY 4096u
#define FUZZ_RING_MOST 8192u
#define FUZZ_PRODUCERS 3u /* of a ring of many */
#define FUZZ_AT_CONSUMER(field) (MOOR_ABI_RING_SLOTS_OFFSET + (uint32_t)offsetof(struct moor_abi_consumer, field))
#define FUZZ_AT_PRODUCER(n, field)                                                                                     \
	(MOOR_ABI_RING_SLOTS_OFFSET + MOOR_ABI_RING_SLOT_SIZE * (1 + (n)) + (uint32_t)offsetof(struct moor_abi_producer, field))
#define FUZZ_AT_MANY(field) (MOOR_ABI_MANY_OFFSET + (uint32_t)offsetof(struct moor_abi_many, field))

struct fuzz_ring {
	struct fuzz_room room;
	struct fuzz_shared shared;
	unsigned char *data;
	struct moor_abi_consumer *consumer;
	struct moor_abi_producer *producer;
	struct moor_abi_many *many; /* NULL: of one producer */
	uint32_t max_message;
	uint32_t dead; /* bit i: slot i */
	unsigned char before[FUZZ_RING_MOST];
};

static inline bool fuzz_ring_alive(void *arg, uint32_t slot)
{
	return !(*(const uint32_t *)arg >> slot % 32 & 1);
}

static inline struct moor_ring_opts fuzz_ring_opts(struct fuzz_ring *ring)
{
	return MOOR_RING_OPTS(.is_alive = fuzz_ring_alive, .arg = &ring->dead);
}

/* A fresh one, as the first byte of an input says, through which `position` bytes have gone already. */
#define FUZZ_MANY 4u
static inline void fuzz_ring_make(struct fuzz_ring *ring, uint8_t how, uint64_t position)
{
#define PRODUCER(n)                                                                                                    \
	FUZZ_AT_PRODUCER(n, slot.life), FUZZ_AT_PRODUCER(n, quiet.asleep), FUZZ_AT_PRODUCER(n, full),                  \
	    FUZZ_AT_PRODUCER(n, intent), FUZZ_AT_PRODUCER(n, intent_units)
	static const uint32_t places[] = {
	    FUZZ_AT_CONSUMER(slot.life),     FUZZ_AT_CONSUMER(died_reported),   FUZZ_AT_CONSUMER(quiet.asleep),
	    FUZZ_AT_CONSUMER(quiet.waits),   FUZZ_AT_CONSUMER(skipped),         FUZZ_AT_CONSUMER(done[0].messages),
	    FUZZ_AT_CONSUMER(done[0].bytes), FUZZ_AT_CONSUMER(done[0].position), FUZZ_AT_CONSUMER(done[1].messages),
	    FUZZ_AT_CONSUMER(done[1].bytes), FUZZ_AT_CONSUMER(done[1].position), FUZZ_AT_CONSUMER(released),
	    FUZZ_AT_CONSUMER(head),          FUZZ_AT_MANY(claimed),             FUZZ_AT_MANY(sleeping),
	    PRODUCER(0),                     PRODUCER(1),                       PRODUCER(2)};
#undef PRODUCER
	static const uint32_t greatest[] = {200, 1, 2040, 512};
	const struct moor_ring_opts opts = MOOR_RING_OPTS(.capacity = FUZZ_CAPACITY,
	                                                  .max_message = greatest[how % 4],
	                                                  .kind = how & FUZZ_MANY ? MOOR_MPSC : MOOR_SPSC,
	                                                  .max_producers = FUZZ_PRODUCERS);
	size_t len;

	FUZZ_MUST(moor_ring_size(&opts, &len) == 0 && len <= FUZZ_RING_MOST);
	ring->shared = (struct fuzz_shared){.mem = fuzz_guarded_end(&ring->room, len, len),
	                                    .len = len,
	                                    .places = places,
	                                    .place_count = sizeof places / sizeof places[0]};
	FUZZ_MUST(moor_ring_format(ring->shared.mem, len, &opts) == 0);
	ring->data = ring->shared.mem + ((const struct moor_abi_header *)(const void *)ring->shared.mem)->data_offset;
	ring->consumer = (struct moor_abi_consumer *)(void *)(ring->shared.mem + MOOR_ABI_RING_SLOTS_OFFSET);
	ring->producer = (struct moor_abi_producer *)(void *)(ring->consumer + 1);
	ring->many = how & FUZZ_MANY ? (void *)(ring->shared.mem + MOOR_ABI_MANY_OFFSET) : NULL;
	ring->max_message = opts.max_message;
	ring->dead = 0;
	for (int i = 0; i < 2; i++)
		ring->consumer->done[i].position = position;
	ring->consumer->released = position;
	ring->consumer->head = position;
	if (ring->many)
		ring->many->claimed = moor__claimed_word(position, 0);
}

/* The bytes of the ring that a message takes. */
static inline uint64_t fuzz_ring_size(const struct fuzz_ring *ring, uint64_t len)
{
	return ring->many ? moor__claim_size(len) : moor__record_size(len);
}

/* What a position must be a multiple of. */
static inline uint64_t fuzz_ring_step(const struct fuzz_ring *ring)
{
	return ring->many ? MOOR_ABI_LINE : MOOR_ABI_UNIT;
}

/* What may be written by a call: note, call, allow, kept. */
static inline void fuzz_ring_note(struct fuzz_ring *ring)
{
	memcpy(ring->before, ring->shared.mem, ring->shared.len);
}

static inline void fuzz_ring_allow(struct fuzz_ring *ring, size_t from, size_t len)
{
	memcpy(ring->before + from, ring->shared.mem + from, len);
}

static inline bool fuzz_ring_kept(const struct fuzz_ring *ring)
{
	return memcmp(ring->before, ring->shared.mem, ring->shared.len) == 0;
}

/* What a side of a link writes: where its ring's consumer says that it is. */
#define FUZZ_LINK_SIZE (sizeof(struct moor_abi_link) + FUZZ_CAPACITY)
static inline unsigned char *fuzz_link_memory(const moor_link *link)
{
	return (unsigned char *)link->rx->ring.consumer - offsetof(struct moor_abi_link, in);
}

#endif
