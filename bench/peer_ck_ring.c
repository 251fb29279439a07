/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_ck_ring.c - Concurrency Kit's ck_ring between processes, with one producer and with many. Both sides spin:
 * ck_ring has nothing to wait with.
 */
#include "slots.h"

#include <ck_ring.h>

struct ck_rings {
	_Alignas(128) struct ck_ring way[2];
};

static struct bench_slots shape_of(const struct bench_run *run)
{
	struct bench_slots s = bench_slots(run);

	s.total = bench_line(sizeof(struct ck_rings));
	bench_slots_place(&s, run, s.entries * sizeof(struct ck_ring_buffer));
	return s;
}

static void *ck_make(const struct bench_run *run)
{
	const struct bench_slots s = shape_of(run);
	struct ck_rings *rings = bench_memory(s.total);

	for (unsigned i = 0; rings && i < bench_ways(run); i++)
		ck_ring_init(&rings->way[i], (unsigned)s.entries);
	return rings;
}

static void ck_unmake(void *made, const struct bench_run *run)
{
	bench_memory_free(made, shape_of(run).total);
}

struct ck_end {
	struct bench_slots_end slots;
	struct ck_ring *out, *in;
	struct ck_ring_buffer *buffer_out, *buffer_in;
};

static void ck_open(void *arg, const struct bench_run *run)
{
	const struct bench_slots s = shape_of(run);
	struct ck_rings *rings = run->made;
	struct ck_end *end = arg;
	unsigned char *base = run->made;

	bench_slots_open(&end->slots, &s, run);
	end->out = &rings->way[bench_way_out(run)];
	end->in = &rings->way[bench_way_in(run)];
	end->buffer_out = (struct ck_ring_buffer *)(void *)(base + s.ring_offset[bench_way_out(run)]);
	end->buffer_in = (struct ck_ring_buffer *)(void *)(base + s.ring_offset[bench_way_in(run)]);
}

static void ck_close(void *arg)
{
	bench_slots_close(&((struct ck_end *)arg)->slots);
}

static inline void spsc_send(void *arg, uint64_t number)
{
	struct ck_end *end = arg;
	const uintptr_t word = (uintptr_t)bench_slots_fill(&end->slots, number);

	while (!ck_ring_enqueue_spsc(end->out, end->buffer_out, (void *)word))
		ck_pr_stall();
}

static inline uint64_t spsc_receive(void *arg, uint64_t number)
{
	struct ck_end *end = arg;
	void *word;

	while (!ck_ring_dequeue_spsc(end->in, end->buffer_in, &word))
		ck_pr_stall();
	return bench_slots_take(&end->slots, (uintptr_t)word, number);
}

static inline void mpsc_send(void *arg, uint64_t number)
{
	struct ck_end *end = arg;
	const uintptr_t word = (uintptr_t)bench_slots_fill(&end->slots, number);

	while (!ck_ring_enqueue_mpsc(end->out, end->buffer_out, (void *)word))
		ck_pr_stall();
}

static inline uint64_t mpsc_receive(void *arg, uint64_t number)
{
	struct ck_end *end = arg;
	void *word;

	while (!ck_ring_dequeue_mpsc(end->in, end->buffer_in, &word))
		ck_pr_stall();
	return bench_slots_take(&end->slots, (uintptr_t)word, number);
}

static void spsc_run(const struct bench_run *run)
{
	struct ck_end end;

	bench_measure(run, &end, ck_open, ck_close, spsc_send, spsc_receive);
}

static void mpsc_run(const struct bench_run *run)
{
	struct ck_end end;

	bench_measure(run, &end, ck_open, ck_close, mpsc_send, mpsc_receive);
}

const struct bench_peer bench_ck_ring = {.name = "ck_ring",
                                         .what = "ck_ring_enqueue_spsc, ck_ring_dequeue_spsc; spins",
                                         .things = BENCH_SPINNERS | BENCH_BIT(MEMORY),
                                         .spins = true,
                                         .make = ck_make,
                                         .unmake = ck_unmake,
                                         .run = spsc_run};

const struct bench_peer bench_ck_ring_mpsc = {.name = "ck_ring-mpsc",
                                              .what = "ck_ring_enqueue_mpsc, ck_ring_dequeue_mpsc; spins",
                                              .things = BENCH_SPINNERS | BENCH_BIT(PRODUCERS),
                                              .spins = true,
                                              .make = ck_make,
                                              .unmake = ck_unmake,
                                              .run = mpsc_run};
