/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_rte_ring.c - DPDK's rte_ring between processes, with one producer and with many. rte_ring_init works over any
 * shared memory: no environment layer, no huge pages. Both sides spin.
 */
#include "slots.h"

#ifdef __clang__
#pragma clang diagnostic ignored "-Wundef" /* in DPDK's headers: GCC_VERSION */
#endif
#include <rte_pause.h>
#include <rte_ring.h>

static struct bench_slots shape_of(const struct bench_run *run)
{
	struct bench_slots s = bench_slots(run);

	bench_slots_place(&s, run, (size_t)rte_ring_get_memsize((unsigned)s.entries));
	return s;
}

static void *make(const struct bench_run *run, unsigned flags)
{
	const struct bench_slots s = shape_of(run);
	unsigned char *base = bench_memory(s.total);

	for (unsigned i = 0; base && i < bench_ways(run); i++) {
		if (rte_ring_init((struct rte_ring *)(void *)(base + s.ring_offset[i]), i ? "back" : "there",
		                  (unsigned)s.entries, flags)) {
			bench_memory_free(base, s.total);
			return NULL;
		}
	}
	return base;
}

static void *spsc_make(const struct bench_run *run) { return make(run, RING_F_SP_ENQ | RING_F_SC_DEQ); }
static void *mpsc_make(const struct bench_run *run) { return make(run, RING_F_SC_DEQ); }

static void rte_unmake(void *made, const struct bench_run *run)
{
	bench_memory_free(made, shape_of(run).total);
}

struct rte_end {
	struct bench_slots_end slots;
	struct rte_ring *out, *in;
};

static void rte_open(void *arg, const struct bench_run *run)
{
	const struct bench_slots s = shape_of(run);
	struct rte_end *end = arg;
	unsigned char *base = run->made;

	bench_slots_open(&end->slots, &s, run);
	end->out = (struct rte_ring *)(void *)(base + s.ring_offset[bench_way_out(run)]);
	end->in = (struct rte_ring *)(void *)(base + s.ring_offset[bench_way_in(run)]);
}

static void rte_close(void *arg)
{
	bench_slots_close(&((struct rte_end *)arg)->slots);
}

static inline void spsc_send(void *arg, uint64_t number)
{
	struct rte_end *end = arg;
	const uintptr_t word = (uintptr_t)bench_slots_fill(&end->slots, number);

	while (rte_ring_sp_enqueue(end->out, (void *)word))
		rte_pause();
}

static inline void mpsc_send(void *arg, uint64_t number)
{
	struct rte_end *end = arg;
	const uintptr_t word = (uintptr_t)bench_slots_fill(&end->slots, number);

	while (rte_ring_mp_enqueue(end->out, (void *)word))
		rte_pause();
}

static inline uint64_t rte_receive(void *arg, uint64_t number)
{
	struct rte_end *end = arg;
	void *word;

	while (rte_ring_sc_dequeue(end->in, &word))
		rte_pause();
	return bench_slots_take(&end->slots, (uintptr_t)word, number);
}

static void spsc_run(const struct bench_run *run)
{
	struct rte_end end;

	bench_measure(run, &end, rte_open, rte_close, spsc_send, rte_receive);
}

static void mpsc_run(const struct bench_run *run)
{
	struct rte_end end;

	bench_measure(run, &end, rte_open, rte_close, mpsc_send, rte_receive);
}

const struct bench_peer bench_rte_ring = {.name = "rte_ring",
                                          .what = "DPDK: rte_ring_sp_enqueue, rte_ring_sc_dequeue; spins",
                                          .things = BENCH_SPINNERS | BENCH_BIT(MEMORY),
                                          .spins = true,
                                          .make = spsc_make,
                                          .unmake = rte_unmake,
                                          .run = spsc_run};

const struct bench_peer bench_rte_ring_mpsc = {.name = "rte_ring-mpsc",
                                               .what = "DPDK: rte_ring_mp_enqueue, rte_ring_sc_dequeue; spins",
                                               .things = BENCH_SPINNERS | BENCH_BIT(PRODUCERS),
                                               .spins = true,
                                               .make = mpsc_make,
                                               .unmake = rte_unmake,
                                               .run = mpsc_run};
