/* SPDX-License-Identifier: Apache-2.0 */
/* ring.h - a ring for the fuzzers of its two sides: between pages that may not be touched, with what to change in it. */
#ifndef MOOR_TESTS_FUZZ_RING_H
#define MOOR_TESTS_FUZZ_RING_H

#include "tests/fuzz/fuzz.h"

#include "ring/ring.h"

#include <mooring.h>
#include <string.h>

#define FUZZ_CAPACITY 4096u
#define FUZZ_RING_MOST 8192u
#define FUZZ_AT_CONSUMER(field) (MOOR_ABI_RING_SLOTS_OFFSET + (uint32_t)offsetof(struct moor_abi_consumer, field))
#define FUZZ_AT_PRODUCER(field)                                                                                        \
	(MOOR_ABI_RING_SLOTS_OFFSET + MOOR_ABI_RING_SLOT_SIZE + (uint32_t)offsetof(struct moor_abi_producer, field))

struct fuzz_ring {
	struct fuzz_room room;
	struct fuzz_shared shared;
	unsigned char *data;
	struct moor_abi_consumer *consumer;
	struct moor_abi_producer *producer;
	uint32_t max_message;
	bool alive; /* what is said of everybody */
	unsigned char before[FUZZ_RING_MOST];
};

static inline bool fuzz_ring_alive(void *arg, uint32_t slot)
{
	(void)slot;
	return *(bool *)arg;
}

static inline struct moor_ring_opts fuzz_ring_opts(struct fuzz_ring *ring)
{
	return MOOR_RING_OPTS(.is_alive = fuzz_ring_alive, .arg = &ring->alive);
}

/* A fresh one, through which `position` bytes have gone already. */
static inline void fuzz_ring_make(struct fuzz_ring *ring, uint32_t max_message, uint64_t position)
{
	static const uint32_t places[] = {
	    FUZZ_AT_CONSUMER(slot.life),    FUZZ_AT_CONSUMER(slot.pid),         FUZZ_AT_CONSUMER(died_reported),
	    FUZZ_AT_CONSUMER(quiet.asleep), FUZZ_AT_CONSUMER(quiet.waits),      FUZZ_AT_CONSUMER(done[0].messages),
	    FUZZ_AT_CONSUMER(done[0].bytes), FUZZ_AT_CONSUMER(done[0].position), FUZZ_AT_CONSUMER(done[1].messages),
	    FUZZ_AT_CONSUMER(done[1].bytes), FUZZ_AT_CONSUMER(done[1].position), FUZZ_AT_CONSUMER(released),
	    FUZZ_AT_CONSUMER(head),         FUZZ_AT_PRODUCER(slot.life),        FUZZ_AT_PRODUCER(slot.pid),
	    FUZZ_AT_PRODUCER(quiet.asleep), FUZZ_AT_PRODUCER(full)};
	const struct moor_ring_opts opts = MOOR_RING_OPTS(.capacity = FUZZ_CAPACITY, .max_message = max_message);
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
	ring->max_message = max_message;
	ring->alive = true;
	position &= MOOR__POSITION;
	for (int i = 0; i < 2; i++)
		ring->consumer->done[i].position = position;
	ring->consumer->released = position;
	ring->consumer->head = position;
}

static inline void fuzz_ring_note(struct fuzz_ring *ring)
{
	memcpy(ring->before, ring->shared.mem, ring->shared.len);
}

/* Since it was noted, has nothing been written but to [from, to) and to the 8 bytes at `also`? */
static inline bool fuzz_ring_kept(const struct fuzz_ring *ring, size_t from, size_t to, size_t also)
{
	const unsigned char *mem = ring->shared.mem, *before = ring->before;
	const size_t len = ring->shared.len;

	if (also < from)
		return memcmp(mem, before, also) == 0 && memcmp(mem + also + 8, before + also + 8, from - also - 8) == 0 &&
		       memcmp(mem + to, before + to, len - to) == 0;
	return memcmp(mem, before, from) == 0 && memcmp(mem + to, before + to, also - to) == 0 &&
	       memcmp(mem + also + 8, before + also + 8, len - also - 8) == 0;
}

#endif
