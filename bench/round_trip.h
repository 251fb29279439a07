/* SPDX-License-Identifier: Apache-2.0 */
/*
 * round_trip.h - one measured thing: a message goes there and comes back, every round trip a sample of its own.
 *
 * Included by each peer, so that what a peer has inline is inlined, and what it has behind a call is called.
 */
#ifndef BENCH_ROUND_TRIP_H
#define BENCH_ROUND_TRIP_H

#include "harness.h"

/* Sends message `number`; receives the next message, which must be `number`. `end` is the process's own. */
typedef void bench_send_fn(void *end, uint64_t number);
typedef void bench_receive_fn(void *end, uint64_t number);

BENCH_INLINE void bench_round_trip(const struct bench_run *run, void *end, bench_send_fn *send,
                                   bench_receive_fn *receive)
{
	const uint64_t total = run->warm_up + run->count;
	uint64_t before;

	bench_barrier(run);
	if (run->side == BENCH_FAR) {
		for (uint64_t i = 0; i < total; i++) {
			receive(end, i);
			send(end, i);
		}
		return;
	}
	for (uint64_t i = 0; i < run->warm_up; i++) {
		send(end, i);
		receive(end, i);
	}
	/* The end of one round trip is the start of the next: the clock is read once each. */
	before = bench_ticks();
	for (uint64_t i = 0; i < run->count; i++) {
		uint64_t now, took;

		send(end, run->warm_up + i);
		receive(end, run->warm_up + i);
		now = bench_ticks();
		took = now - before;
		before = now;
		run->shared->samples[i] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
	}
}

#endif
