/* SPDX-License-Identifier: Apache-2.0 */
/*
 * one_core.c - are the two processors hyper-threads of one core? Then nothing measured on them is worth reporting, and
 * a virtual machine may not know, nor stay as it is.
 *
 * The floor's round trip is the first sign: within a core it is short. But two cores that share a cache can be as close
 * (AMD Zen 4: 110 ns), so what decides is how long a piece of work that fills a core takes while the other processor
 * does the same: with hyper-threads one and a half times as long or more. The shortest of many pieces counts, because
 * the processors may be shared with strangers.
 */
#include "one_core.h"

#define SHORT_ROUND_TRIP_NS 150.0
#define SLOWDOWN 1.25
#define ROUND_TRIPS BENCH_ONE_CORE_SAMPLES
#define PIECES 10
#define ROUNDS 30

static uint64_t piece_ticks(void)
{
	const uint64_t start = bench_ticks();
	unsigned long a = 1, b = 2, c = 3, d = 4, e = 5, f = 6;

	for (unsigned long i = 0; i < 200000; i++) {
		a += i;
		b ^= a;
		c += i;
		d ^= c;
		e += i;
		f ^= e;
		__asm__ volatile("" : "+r"(a), "+r"(b));
		__asm__ volatile("" : "+r"(c), "+r"(d));
		__asm__ volatile("" : "+r"(e), "+r"(f));
	}
	return bench_ticks() - start;
}

static void shortest_piece(uint32_t *shortest)
{
	for (int i = 0; i < PIECES; i++) {
		const uint64_t ticks = piece_ticks();

		*shortest = ticks < *shortest ? (uint32_t)ticks : *shortest;
	}
}

/*
 * samples[0], samples[1]: the shortest piece while far sleeps, and while it works too. In turns, because a stranger's
 * work comes and goes. `stage` is even while far is to sleep; near moves it on.
 */
static void interfere(const struct bench_run *run)
{
	uint64_t *stage = &run->shared->stage;
	uint64_t now;

	bench_barrier(run);
	if (run->side == BENCH_FAR) {
		while ((now = __atomic_load_n(stage, __ATOMIC_ACQUIRE)) < 2 * ROUNDS) {
			if (now % 2)
				piece_ticks();
			else
				nanosleep(&(const struct timespec){.tv_nsec = 200000}, NULL);
		}
		return;
	}
	run->shared->samples[0] = run->shared->samples[1] = UINT32_MAX;
	for (now = 0; now < 2 * ROUNDS; now++) {
		__atomic_store_n(stage, now, __ATOMIC_RELEASE);
		nanosleep(&(const struct timespec){.tv_nsec = 1000000}, NULL);
		shortest_piece(&run->shared->samples[now % 2]);
	}
	__atomic_store_n(stage, now, __ATOMIC_RELEASE);
}

static const struct bench_peer interference = {.name = "interference", .run = interfere};

bool bench_one_core(struct bench_shared *shared, struct bench_processors processors, bool *ret_one_core)
{
	struct bench_run run = {.thing = BENCH_ROUND_TRIP,
	                        .producers = 1,
	                        .size = 8,
	                        .warm_up = 1000,
	                        .count = ROUND_TRIPS,
	                        .limit = UINT64_MAX,
	                        .shared = shared};
	bool good;

	*ret_one_core = false;
	if (processors.second < 0)
		return true;
	run.made = bench_floor.make(&run);
	good = run.made && bench_run_all(&bench_floor, &run, processors);
	if (run.made)
		bench_floor.unmake(run.made, &run);
	if (!good)
		return false;
	bench_sort(shared->samples, ROUND_TRIPS);
	if (bench_ticks_ns(bench_percentile(shared->samples, ROUND_TRIPS, 50)) >= SHORT_ROUND_TRIP_NS)
		return true;
	if (!bench_run_all(&interference, &run, processors))
		return false;
	*ret_one_core = shared->samples[1] > SLOWDOWN * shared->samples[0];
	return true;
}
