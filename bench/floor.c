/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor.c - what the hardware costs with nothing on top, so that the others are ratios and not absolute times.
 *
 * Round trip: a counter there and a counter back, on two lines 128 bytes apart (the adjacent-line prefetcher brings
 * pairs), and on one line. No payload: the same floor for every size. The first is the floor of the goals.
 * Stream: messages of the size copied one behind the other into a shared ring, and out of it, one counter for a block
 * of 32 KiB or a message: the bytes' own way from processor to processor, with next to no bookkeeping. No message can
 * be seen before its block is full, so it is a floor and no design.
 */
#include "measure.h"

#include <stdlib.h>

#define BLOCK ((size_t)32768)

struct floor_memory {
	_Alignas(128) uint64_t there;
	_Alignas(128) uint64_t back;
	_Alignas(128) unsigned char data[BENCH_CAPACITY];
};

static void *floor_make(const struct bench_run *run)
{
	(void)run;
	return bench_memory(sizeof(struct floor_memory));
}

static void floor_unmake(void *made, const struct bench_run *run)
{
	(void)run;
	bench_memory_free(made, sizeof(struct floor_memory));
}

static inline void put(uint64_t *word, uint64_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }
static inline uint64_t get(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
static inline void await(const uint64_t *word, uint64_t value)
{
	while (get(word) != value)
		;
}

/* Some processors leave a loop of loads late: a tenth of a round trip or more is in this (AMD Zen 4), or nothing. */
static inline void pause_spin(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb" ::: "memory");
#endif
}

struct floor_end {
	uint64_t *send, *receive;
};

static inline void send_counter(void *end, uint64_t number)
{
	put(((struct floor_end *)end)->send, number + 1);
}

static inline uint64_t receive_counter(void *end, uint64_t number)
{
	await(((struct floor_end *)end)->receive, number + 1);
	return number;
}

static inline uint64_t receive_counter_pausing(void *end, uint64_t number)
{
	while (get(((struct floor_end *)end)->receive) != number + 1)
		pause_spin();
	return number;
}

static struct floor_end end_of(const struct bench_run *run)
{
	struct floor_memory *memory = run->made;

	return run->side == BENCH_NEAR ? (struct floor_end){&memory->there, &memory->back}
	                               : (struct floor_end){&memory->back, &memory->there};
}

/* Near makes the one counter odd, far makes it even. */
static inline void near_send(void *end, uint64_t number) { put(end, 2 * number + 1); }
static inline uint64_t near_receive(void *end, uint64_t number)
{
	await(end, 2 * number + 2);
	return number;
}
static inline uint64_t far_receive(void *end, uint64_t number)
{
	await(end, 2 * number + 1);
	return number;
}
static inline void far_send(void *end, uint64_t number) { put(end, 2 * number + 2); }

static void one_line(const struct bench_run *run)
{
	struct floor_memory *memory = run->made;

	if (run->side == BENCH_NEAR)
		bench_round_trip(run, &memory->there, near_send, near_receive);
	else
		bench_round_trip(run, &memory->there, far_send, far_receive);
}

struct floor_stream {
	struct floor_memory *memory;
	unsigned char *message;
	size_t size, block, used; /* bytes of a message, of a block (whole messages), of this block so far */
	unsigned char *place;     /* of the block */
	uint64_t blocks, in_ring; /* done with; how many blocks the ring has */
	uint64_t other;           /* blocks that the other side was seen to be done with */
};

static inline void block_done(struct floor_stream *s, uint64_t *counter)
{
	put(counter, ++s->blocks);
	s->place = s->memory->data + s->blocks % s->in_ring * s->block;
	s->used = 0;
}

static inline void stream_send(void *end, uint64_t number)
{
	struct floor_stream *s = end;

	while (s->blocks - s->other >= s->in_ring)
		s->other = get(&s->memory->back);
	bench_stamp(s->message, s->size, number);
	memcpy(s->place + s->used, s->message, s->size);
	s->used += s->size;
	if (s->used == s->block)
		block_done(s, &s->memory->there);
}

static inline uint64_t stream_receive(void *end, uint64_t number)
{
	struct floor_stream *s = end;

	while (s->blocks == s->other)
		s->other = get(&s->memory->there);
	memcpy(s->message, s->place + s->used, s->size);
	number = bench_check(s->message, s->size, number);
	s->used += s->size;
	if (s->used == s->block)
		block_done(s, &s->memory->back);
	return number;
}

static void blocks(const struct bench_run *run)
{
	const size_t messages = run->thing == BENCH_PUBLISH ? BENCH_BURST : run->size < BLOCK ? BLOCK / run->size : 1,
	             block = messages * run->size;
	struct floor_stream s = {.memory = run->made,
	                         .message = calloc(1, run->size),
	                         .size = run->size,
	                         .block = block,
	                         .place = ((struct floor_memory *)run->made)->data,
	                         .in_ring = BENCH_CAPACITY / block};
	struct bench_run whole = *run;

	if (!s.message)
		bench_die("out of memory");
	if (run->thing == BENCH_PUBLISH) {
		bench_publish(run, &s, stream_send, stream_receive);
		return;
	}
	/* What is sent must end with a block. */
	whole.warm_up += messages - (run->warm_up + run->count) % messages;
	bench_stream(&whole, &s, stream_send, stream_receive);
}

static void two_lines(const struct bench_run *run)
{
	struct floor_end end = end_of(run);

	if (run->thing == BENCH_ROUND_TRIP)
		bench_round_trip(run, &end, send_counter, receive_counter);
	else
		blocks(run);
}

static void two_lines_pausing(const struct bench_run *run)
{
	struct floor_end end = end_of(run);

	bench_round_trip(run, &end, send_counter, receive_counter_pausing);
}

const struct bench_peer bench_floor = {
    .name = "floor",
    .what = "two counters on two lines; one way: bare copies in blocks",
    .things = BENCH_BIT(ROUND_TRIP) | BENCH_BIT(STREAM) | BENCH_BIT(PUBLISH),
    .spins = true,
    .floor = true,
    .make = floor_make,
    .unmake = floor_unmake,
    .run = two_lines};

const struct bench_peer bench_floor_pausing = {.name = "floor-pausing",
                                               .what = "two counters on two lines, a pause in each spin",
                                               .things = BENCH_BIT(ROUND_TRIP),
                                               .spins = true,
                                               .floor = true,
                                               .make = floor_make,
                                               .unmake = floor_unmake,
                                               .run = two_lines_pausing};

const struct bench_peer bench_floor_one_line = {.name = "floor-1-line",
                                                .what = "one counter on one line",
                                                .things = BENCH_BIT(ROUND_TRIP),
                                                .spins = true,
                                                .floor = true,
                                                .make = floor_make,
                                                .unmake = floor_unmake,
                                                .run = one_line};
