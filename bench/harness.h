/* SPDX-License-Identifier: Apache-2.0 */
/*
 * harness.h - what every measurement has in common: processes on two processors, a start barrier, a clock, the samples,
 * and exact percentiles. Nothing here knows what is measured (measure.h) or of whom (peer_*.c). C++ may include it.
 */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#ifdef __cplusplus
#define BENCH_ALIGNED alignas(128)
#define BENCH_NORETURN [[noreturn]]
extern "C" {
#else
#define BENCH_ALIGNED _Alignas(128)
#define BENCH_NORETURN _Noreturn
#endif

#define BENCH_CAPACITY ((size_t)1 << 20) /* of every ring: what a channel has by default */
#define BENCH_SIZE_MAX ((size_t)131072)  /* the longest message of such a channel */
#define BENCH_PRODUCERS_MAX 8
#define BENCH_BURST 128 /* messages a burst of BENCH_PUBLISH */

#if defined(__GNUC__)
#define BENCH_INLINE static inline __attribute__((always_inline))
#define BENCH_PRINTF(string, first) __attribute__((format(printf, string, first)))
#else
#define BENCH_INLINE static inline
#define BENCH_PRINTF(string, first)
#endif

/* Near sends first and measures the round trip; far answers. One way near produces and far consumes. */
enum bench_side { BENCH_NEAR = 0, BENCH_FAR = 1 };

enum bench_thing {
	BENCH_ROUND_TRIP, /* ns */
	BENCH_STREAM,     /* ns a message */
	BENCH_PRODUCERS,  /* the same of several producers, all on the first processor */
	BENCH_WAKE,       /* ns from before the send until a receiver that slept has the message */
	BENCH_SAME,       /* a round trip on one processor */
	BENCH_OPEN,       /* ns from before both open until the first message was received */
	BENCH_PUBLISH,    /* ns a send, while the receiver neither sleeps nor looks */
	BENCH_LOOP,       /* ns a send and a receive in one thread */
	BENCH_MEMORY,     /* bytes */
	BENCH_IDLE,       /* wake-ups a second of a blocked receiver */
	BENCH_THINGS
};
#define BENCH_BIT(thing) (1u << BENCH_##thing)
#define BENCH_SPINNERS (BENCH_BIT(ROUND_TRIP) | BENCH_BIT(STREAM) | BENCH_BIT(PUBLISH) | BENCH_BIT(LOOP))
#define BENCH_SLEEPERS (BENCH_BIT(ROUND_TRIP) | BENCH_BIT(STREAM) | BENCH_BIT(WAKE) | BENCH_BIT(SAME) | BENCH_BIT(IDLE))

/* Seen by all processes of a run and by their parent. */
struct bench_shared {
	BENCH_ALIGNED uint32_t arrived;
	BENCH_ALIGNED uint64_t stage; /* of near, for far to follow */
	BENCH_ALIGNED uint64_t done;  /* samples or messages measured */
	BENCH_ALIGNED uint64_t sent_at;
	BENCH_ALIGNED uint64_t ticks; /* that `done` messages took */
	double value;
	uint32_t cut;      /* time was up, and who measured has gone: the others are to be ended */
	uint32_t skipped;  /* `why` says that it cannot be done here, not that something failed */
	uint32_t said;     /* `why` is taken */
	int32_t near_pid, far_pid, parent_pid;
	char why[160];
	BENCH_ALIGNED uint32_t samples[1]; /* in ticks; as many as the run may take */
};

struct bench_run {
	enum bench_thing thing;
	enum bench_side side;
	unsigned index, producers; /* which of the near ones, and of how many */
	size_t size;               /* bytes a message */
	uint64_t warm_up, count;   /* messages (round trips) before, and while, the clock runs */
	uint64_t limit;            /* ticks: then it is enough; a quarter for the warm-up */
	void *made;                /* what the peer's `make` returned */
	struct bench_shared *shared;
};

struct bench_peer {
	const char *name, *what;
	unsigned things; /* BENCH_BIT of each that it can do */
	bool spins;      /* it never sleeps, so on one processor it is of no use */
	bool floor;      /* ratios are to it; its round trip does not depend on the size */
	bool own;        /* ours: that it fails is a failure of the program */
	size_t size_max; /* 0: any */
	/* Before the fork; NULL is a failure. `make` and `unmake` may be NULL: nothing to share but names. */
	void *(*make)(const struct bench_run *run);
	void (*unmake)(void *made, const struct bench_run *run);
	/* In each of the processes. Ends the process when something is wrong. */
	void (*run)(const struct bench_run *run);
};

extern const struct bench_peer bench_floor, bench_floor_pausing, bench_floor_one_line, bench_futex;
extern const struct bench_peer bench_mooring, bench_mooring_in_place, bench_mooring_16k, bench_mooring_mpsc;
extern const struct bench_peer bench_mooring_batch, bench_mooring_link;
extern const struct bench_peer bench_ck_ring, bench_ck_ring_mpsc, bench_rte_ring, bench_rte_ring_mpsc;
extern const struct bench_peer bench_boost_spsc, bench_boost_mq, bench_qb, bench_zmq, bench_nng;
extern const struct bench_peer bench_mq, bench_pipe, bench_unix_stream, bench_unix_seqpacket;

/* The two processors; second is -1 if there is only one. */
struct bench_processors {
	int first, second;
};
struct bench_processors bench_processors_find(void);

/* The clock: ticks are cheap to read, 0.3 to 1 ns long. */
void bench_clock_start(void);
double bench_ticks_ns(double ticks);
uint64_t bench_ns_ticks(double ns);

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

/*
 * For the processes of a run: say why and end. die: it failed; skip: it cannot be done on this machine. Once the run was
 * cut nothing is a failure any more.
 */
BENCH_NORETURN void bench_die(const char *format, ...) BENCH_PRINTF(1, 2);
BENCH_NORETURN void bench_skip(const char *format, ...) BENCH_PRINTF(1, 2);
/* Waits for all of them; may be called again. */
void bench_barrier(const struct bench_run *run);
void bench_sleep_ns(long ns);
/* Of that process and all its threads: the times that it gave up the processor; its memory, what it shares in parts. */
uint64_t bench_switches(int pid);
uint64_t bench_memory_of(int pid);
/* A name of this run: PREFIX, the parent's process id, SUFFIX. */
void bench_name(char *buffer, size_t size, const char *prefix, const char *suffix);
/* The directory for sockets, made on first use and removed at the end. NULL: reported. */
const char *bench_directory(void);
void bench_directory_remove(void);
BENCH_NORETURN void bench_no_memory(void);

/*
 * Forks all sides, pinned, and waits for them. False: one failed or hung; shared->why says how, and it was skipped if
 * shared->skipped.
 */
bool bench_run_all(const struct bench_peer *peer, struct bench_run *run, struct bench_processors processors);

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

#define BENCH_ANY UINT64_MAX
/* Returns the number of the message, which must be `number` unless that is BENCH_ANY. */
static inline uint64_t bench_check(const void *message, size_t size, uint64_t number)
{
	uint64_t first = 0, last;
	bool right;

	if (size >= 8) {
		memcpy(&first, message, 8);
		memcpy(&last, (const char *)message + size - 8, 8);
		right = (first == last || size < 16) && (number == BENCH_ANY || first == number);
	} else {
		memcpy(&first, message, size);
		right = number == BENCH_ANY || memcmp(&first, &number, size) == 0;
	}
	if (!right)
		bench_die("message %llu of %zu bytes is not what was sent", (unsigned long long)number, size);
	return first;
}

#ifdef __cplusplus
}
#endif
#endif
