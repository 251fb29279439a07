/* SPDX-License-Identifier: Apache-2.0 */
/*
 * harness.h - what every measurement has in common: two processes on two processors, a start barrier, a clock, the
 * samples, and exact percentiles. Nothing here knows what is measured (round_trip.h, stream.h) or of whom (peer_*.c).
 */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define BENCH_CAPACITY ((size_t)1 << 20) /* of every ring: what a channel has by default */
#define BENCH_SIZE_MAX ((size_t)131072)  /* the longest message of such a channel */

#if defined(__GNUC__)
#define BENCH_INLINE static inline __attribute__((always_inline))
#define BENCH_PRINTF(string, first) __attribute__((format(printf, string, first)))
#else
#define BENCH_INLINE static inline
#define BENCH_PRINTF(string, first)
#endif

/* Near sends first and measures the round trip; far answers. In a stream near produces and far consumes. */
enum bench_side { BENCH_NEAR = 0, BENCH_FAR = 1 };
enum bench_thing { BENCH_ROUND_TRIP = 0, BENCH_STREAM = 1 };
#define BENCH_THINGS 2

/* Seen by both processes of a run and by their parent. */
struct bench_shared {
	_Alignas(128) uint32_t arrived;
	_Alignas(128) uint64_t stream_ticks;
	_Alignas(128) uint32_t samples[]; /* of the round trip, in ticks */
};

struct bench_run {
	enum bench_thing thing;
	enum bench_side side;
	size_t size;              /* bytes a message */
	uint64_t warm_up, count;  /* messages (round trips) before, and while, the clock runs */
	void *made;               /* what the peer's `make` returned */
	struct bench_shared *shared;
};

struct bench_peer {
	const char *name, *what;
	bool spins; /* it never sleeps, so on one processor it is of no use */
	bool floor; /* ratios are to it; it does not depend on the size unless it streams */
	/* Before the fork; NULL is a failure. `make` and `unmake` may be NULL: nothing to share but names. */
	void *(*make)(size_t size);
	void (*unmake)(void *made, size_t size);
	/* In each of the two processes. NULL: not measured. They end the process when something is wrong. */
	void (*run[BENCH_THINGS])(const struct bench_run *run);
};

extern const struct bench_peer bench_floor, bench_floor_pausing, bench_floor_one_line;
extern const struct bench_peer bench_mooring, bench_mooring_in_place, bench_ck_ring;

/* The two processors; second is -1 if there is only one. */
struct bench_processors {
	int first, second;
};
struct bench_processors bench_processors_find(void);

/* The clock: ticks are cheap to read, 0.3 to 1 ns long. */
void bench_clock_start(void);
double bench_ticks_ns(double ticks);

static inline uint64_t bench_ticks(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return __builtin_ia32_rdtsc();
#else
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
#endif
}

/* Memory that a fork shares, zeroed and present. NULL on failure, reported. */
void *bench_memory(size_t size);
void bench_memory_free(void *memory, size_t size);

/* For the two processes: report and end; wait for the other one. */
_Noreturn void bench_die(const char *format, ...) BENCH_PRINTF(1, 2);
void bench_barrier(const struct bench_run *run);

/* Forks both sides, pinned, and waits for them. False: a side failed or hung, which has been reported. */
bool bench_run_pair(const struct bench_peer *peer, struct bench_run *run, struct bench_processors processors);

/* The exact percentile: the least sample that so many of all are not above. Sorted, n > 0. */
void bench_sort(uint32_t *samples, size_t n);
uint32_t bench_percentile(const uint32_t *sorted, size_t n, double percent);
/*
 * The median of samples of a clock with steps: each stands for all values that are nearer to it than to another's.
 * (Where a clock advances by 10 ns, two medians of 110 and 120 may be 0.1 ns apart or 19.) Sorted, n > 0.
 */
double bench_median(const uint32_t *sorted, size_t n);

/*
 * What every message carries, as far as its size permits: its number, in the first and in the last eight bytes. So a
 * message that is lost, doubled, out of order or torn is found.
 */
static inline void bench_stamp(void *message, size_t size, uint64_t number)
{
	if (size < 8) {
		memcpy(message, &number, size);
		return;
	}
	memcpy(message, &number, 8);
	if (size >= 16)
		memcpy((char *)message + size - 8, &number, 8);
}

static inline void bench_check(const void *message, size_t size, uint64_t number)
{
	bool right;

	if (size < 8)
		right = memcmp(message, &number, size) == 0;
	else
		right = memcmp(message, &number, 8) == 0 &&
		        (size < 16 || memcmp((const char *)message + size - 8, &number, 8) == 0);
	if (!right)
		bench_die("message %llu of %zu bytes is not what was sent", (unsigned long long)number, size);
}

#endif
