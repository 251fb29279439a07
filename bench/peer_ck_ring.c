/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_ck_ring.c - Concurrency Kit's ck_ring, one producer and one consumer, carrying messages between processes.
 *
 * The ring, its buffer and the slots that hold the payload are in one shared mapping of about 1 MiB of payload. Through
 * the ring goes, as the pointer that it carries, the slot's number and the message's length, so that messages may be of
 * any length up to the slot's. Both sides spin: ck_ring has nothing to wait with.
 */
#include "round_trip.h"
#include "stream.h"

#include <ck_ring.h>

#include <stdlib.h>

#define SLOTS_MIN 4u
/* A slot number below, a length above. */
#define NUMBER_BITS 24

struct ck_memory {
	_Alignas(128) struct ck_ring there;
	_Alignas(128) struct ck_ring back;
};

struct ck_shape {
	size_t stride;    /* bytes from slot to slot */
	unsigned entries; /* of the ring, a power of two; it holds one less */
	/*
	 * Two slots more than the ring holds: a slot is free when its entry is dequeued, which is before it is copied out,
	 * and is written before its entry is enqueued.
	 */
	unsigned slots;
	size_t buffer_offset[2], slots_offset[2], total;
};

static struct ck_shape shape_of(size_t size)
{
	/* Packed: short messages of several slots share a line, which serves its streams best. */
	struct ck_shape shape = {.stride = (size + 7) / 8 * 8, .entries = SLOTS_MIN};
	size_t at = sizeof(struct ck_memory);

	while (shape.entries * shape.stride < BENCH_CAPACITY)
		shape.entries *= 2;
	shape.slots = shape.entries + 1;
	for (int i = 0; i < 2; i++) {
		shape.buffer_offset[i] = at;
		at += (shape.entries * sizeof(struct ck_ring_buffer) + 127) / 128 * 128;
		shape.slots_offset[i] = at;
		at += (shape.slots * shape.stride + 127) / 128 * 128;
	}
	shape.total = at;
	return shape;
}

static void *ck_make(size_t size)
{
	const struct ck_shape shape = shape_of(size);
	struct ck_memory *memory = bench_memory(shape.total);

	if (memory) {
		ck_ring_init(&memory->there, shape.entries);
		ck_ring_init(&memory->back, shape.entries);
	}
	return memory;
}

static void ck_unmake(void *made, size_t size)
{
	bench_memory_free(made, shape_of(size).total);
}

struct ck_way {
	struct ck_ring *ring;
	struct ck_ring_buffer *buffer;
	unsigned char *slots;
};

struct ck_end {
	struct ck_way send, receive;
	size_t size, stride;
	unsigned slots, next; /* how many; the producer's next */
	unsigned char *out, *in;
};

static inline void ck_send(void *arg, uint64_t number)
{
	struct ck_end *end = arg;
	const uintptr_t entry = (uintptr_t)end->next | (uintptr_t)end->size << NUMBER_BITS;

	bench_stamp(end->out, end->size, number);
	memcpy(end->send.slots + end->next * end->stride, end->out, end->size);
	while (!ck_ring_enqueue_spsc(end->send.ring, end->send.buffer, (void *)entry))
		ck_pr_stall();
	if (++end->next == end->slots)
		end->next = 0;
}

static inline void ck_receive(void *arg, uint64_t number)
{
	struct ck_end *end = arg;
	uintptr_t entry;
	void *value;
	size_t size;

	while (!ck_ring_dequeue_spsc(end->receive.ring, end->receive.buffer, &value))
		ck_pr_stall();
	entry = (uintptr_t)value;
	size = entry >> NUMBER_BITS;
	if (size != end->size)
		bench_die("a message of %zu bytes for one of %zu", size, end->size);
	memcpy(end->in, end->receive.slots + (entry & (((uintptr_t)1 << NUMBER_BITS) - 1)) * end->stride, size);
	bench_check(end->in, size, number);
}

static void end_set_up(struct ck_end *end, const struct bench_run *run)
{
	const struct ck_shape shape = shape_of(run->size);
	struct ck_memory *memory = run->made;
	unsigned char *base = run->made;
	struct ck_way way[2];

	for (int i = 0; i < 2; i++)
		way[i] = (struct ck_way){.ring = i == 0 ? &memory->there : &memory->back,
		                         .buffer = (struct ck_ring_buffer *)(void *)(base + shape.buffer_offset[i]),
		                         .slots = base + shape.slots_offset[i]};
	*end = (struct ck_end){.send = way[run->side == BENCH_FAR],
	                       .receive = way[run->side == BENCH_NEAR],
	                       .size = run->size,
	                       .stride = shape.stride,
	                       .slots = shape.slots,
	                       .out = calloc(1, run->size),
	                       .in = calloc(1, run->size)};
	if (!end->out || !end->in)
		bench_die("out of memory");
}

/* In a stream near only sends, on `there`, and far only receives from it: the same ends serve. */
static void ck_round_trip(const struct bench_run *run)
{
	struct ck_end end;

	end_set_up(&end, run);
	bench_round_trip(run, &end, ck_send, ck_receive);
}

static void ck_stream(const struct bench_run *run)
{
	struct ck_end end;

	end_set_up(&end, run);
	bench_stream(run, &end, ck_send, ck_receive);
}

const struct bench_peer bench_ck_ring = {.name = "ck_ring",
                                         .what = "ck_ring_enqueue_spsc, ck_ring_dequeue_spsc; spins",
                                         .spins = true,
                                         .make = ck_make,
                                         .unmake = ck_unmake,
                                         .run = {ck_round_trip, ck_stream}};
