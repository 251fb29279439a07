/* SPDX-License-Identifier: Apache-2.0 */
/* peer_futex.c - a counter in shared memory and futex(2), always asleep: what waking costs with nothing on top. */
#include "measure.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

struct futex_ways {
	BENCH_ALIGNED uint32_t there;
	BENCH_ALIGNED uint32_t back;
};

static void *futex_make(const struct bench_run *run)
{
	(void)run;
	return bench_memory(sizeof(struct futex_ways));
}

static void futex_unmake(void *made, const struct bench_run *run)
{
	(void)run;
	bench_memory_free(made, sizeof(struct futex_ways));
}

struct futex_end {
	uint32_t *out, *in;
};

static void futex_open(void *arg, const struct bench_run *run)
{
	struct futex_ways *ways = run->made;
	uint32_t *words[2] = {&ways->there, &ways->back};

	*(struct futex_end *)arg = (struct futex_end){words[bench_way_out(run)], words[bench_way_in(run)]};
}

static void futex_close(void *arg) { (void)arg; }

static void futex_send(void *arg, uint64_t number)
{
	uint32_t *word = ((struct futex_end *)arg)->out;

	__atomic_store_n(word, (uint32_t)number + 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static uint64_t futex_receive(void *arg, uint64_t number)
{
	uint32_t *word = ((struct futex_end *)arg)->in;

	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != (uint32_t)number + 1)
		syscall(SYS_futex, word, FUTEX_WAIT, (uint32_t)number, NULL, NULL, 0);
	return number;
}

static void futex_run(const struct bench_run *run)
{
	struct futex_end end;

	bench_measure(run, &end, futex_open, futex_close, futex_send, futex_receive);
}

const struct bench_peer bench_futex = {.name = "futex",
                                       .what = "a counter and FUTEX_WAIT, FUTEX_WAKE: the floor of what sleeps",
                                       .things = BENCH_BIT(WAKE) | BENCH_BIT(SAME) | BENCH_BIT(IDLE),
                                       .floor = true,
                                       .make = futex_make,
                                       .unmake = futex_unmake,
                                       .run = futex_run};
