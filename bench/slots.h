/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slots.h - how a ring of words carries messages of any length: the payload lies in slots beside the ring, and the word
 * says which slot, and how long. One way or two, of about 1 MiB of payload in one shared mapping.
 */
#ifndef BENCH_SLOTS_H
#define BENCH_SLOTS_H

#include "measure.h"

#include <stdlib.h>

#define BENCH_ENTRIES_MIN ((size_t)4)
/* A slot number below, a length above. */
#define BENCH_SLOT_BITS 24

struct bench_slots {
	size_t stride;  /* bytes from slot to slot */
	size_t entries; /* of the ring, a power of two; it holds one less, or as many */
	/*
	 * More slots than the ring holds, for each producer: a slot is free when its entry is dequeued, which is before it
	 * is copied out, and is written before its entry is enqueued. Several producers have shorter rings, so that the
	 * memory is the same.
	 */
	size_t each, ring_offset[2], slots_offset[2], total;
};

static inline size_t bench_line(size_t size) { return (size + 127) / 128 * 128; }

static inline struct bench_slots bench_slots(const struct bench_run *run)
{
	struct bench_slots s;

	/* Packed: short messages of several slots share a line, which serves its streams best. */
	s.stride = (run->size + 7) / 8 * 8;
	s.entries = BENCH_ENTRIES_MIN;
	while (s.entries * s.stride * run->producers < BENCH_CAPACITY)
		s.entries *= 2;
	s.each = s.entries + 2;
	s.ring_offset[1] = s.slots_offset[1] = s.total = 0;
	return s;
}

/* Where things lie, when the ring itself takes so many bytes. */
static inline void bench_slots_place(struct bench_slots *s, const struct bench_run *run, size_t ring)
{
	for (unsigned i = 0; i < bench_ways(run); i++) {
		s->ring_offset[i] = s->total;
		s->total += bench_line(ring);
		s->slots_offset[i] = s->total;
		s->total += bench_line(s->each * run->producers * s->stride);
	}
}

struct bench_slots_end {
	unsigned char *slots_out, *slots_in, *out, *in;
	size_t size, stride, first, each, next; /* of the producer's slots: the first, how many, the next */
};

static inline void bench_slots_open(struct bench_slots_end *end, const struct bench_slots *s,
                                    const struct bench_run *run)
{
	unsigned char *base = (unsigned char *)run->made;

	end->slots_out = base + s->slots_offset[bench_way_out(run)];
	end->slots_in = base + s->slots_offset[bench_way_in(run)];
	end->size = run->size;
	end->stride = s->stride;
	end->each = s->each;
	end->first = run->side == BENCH_NEAR ? run->index * s->each : 0;
	end->next = 0;
	end->out = (unsigned char *)calloc(1, run->size);
	end->in = (unsigned char *)calloc(1, run->size);
	if (!end->out || !end->in)
		bench_die("out of memory");
}

static inline void bench_slots_close(struct bench_slots_end *end)
{
	free(end->out);
	free(end->in);
}

/* The word to put into the ring. */
static inline uint64_t bench_slots_fill(struct bench_slots_end *end, uint64_t number)
{
	const size_t slot = end->first + end->next;

	bench_stamp(end->out, end->size, number);
	memcpy(end->slots_out + slot * end->stride, end->out, end->size);
	if (++end->next == end->each)
		end->next = 0;
	return (uint64_t)slot | (uint64_t)end->size << BENCH_SLOT_BITS;
}

static inline uint64_t bench_slots_take(struct bench_slots_end *end, uint64_t word, uint64_t number)
{
	const size_t size = (size_t)(word >> BENCH_SLOT_BITS), slot = word & (((uint64_t)1 << BENCH_SLOT_BITS) - 1);

	if (size != end->size)
		bench_die("a message of %zu bytes for one of %zu", size, end->size);
	memcpy(end->in, end->slots_in + slot * end->stride, size);
	return bench_check(end->in, size, number);
}

#endif
