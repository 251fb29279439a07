/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.h - the other measured thing: messages one way as fast as they go. The consumer has the clock, and starts it
 * after the warm-up, which is more than a ring full: from then on each side waits for the other as it must.
 */
#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

#include "round_trip.h"

BENCH_INLINE void bench_stream(const struct bench_run *run, void *end, bench_send_fn *send, bench_receive_fn *receive)
{
	const uint64_t total = run->warm_up + run->count;
	uint64_t start;

	bench_barrier(run);
	if (run->side == BENCH_NEAR) {
		for (uint64_t i = 0; i < total; i++)
			send(end, i);
		return;
	}
	for (uint64_t i = 0; i < run->warm_up; i++)
		receive(end, i);
	start = bench_ticks();
	for (uint64_t i = 0; i < run->count; i++)
		receive(end, run->warm_up + i);
	run->shared->stream_ticks = bench_ticks() - start;
}

#endif
