/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure.h - how each thing is measured, with a peer's four operations: open, close, send, receive.
 *
 * Included by each peer, so that what a peer has inline is inlined, and what it has behind a call is called. Whoever has
 * the clock stops when the run's time is up: a peer that takes microseconds a message is measured with fewer of them.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "harness.h"

/* Sends message `number`; receives the next message, which must be `number`, and returns its number (bench_check). */
typedef void bench_send_fn(void *end, uint64_t number);
typedef uint64_t bench_receive_fn(void *end, uint64_t number);
/* Of a process's end, which sends if near and receives if far; both if it is for round trips, or for one thread. */
typedef void bench_open_fn(void *end, const struct bench_run *run);
typedef void bench_close_fn(void *end);

/* The messages after which a stream looks at the clock. */
#define BENCH_LOOK 128
/* So few round trips tell nothing: for them there is so many times the time. */
#define BENCH_LEAST 50
#define BENCH_PATIENCE 8
#define BENCH_PRODUCER_SHIFT 40

static inline bool bench_both_ways(const struct bench_run *run)
{
	return run->thing == BENCH_ROUND_TRIP || run->thing == BENCH_SAME;
}

/* What goes one way only needs no ring back. */
static inline unsigned bench_ways(const struct bench_run *run) { return bench_both_ways(run) ? 2 : 1; }
static inline bool bench_sends(const struct bench_run *run) { return run->side == BENCH_NEAR || bench_both_ways(run); }
static inline bool bench_receives(const struct bench_run *run)
{
	return run->side == BENCH_FAR || bench_both_ways(run) || run->thing == BENCH_LOOP;
}

/* Of the two ways there and back, the one that this end sends (receives) on. */
static inline unsigned bench_way_out(const struct bench_run *run) { return run->side == BENCH_FAR; }
static inline unsigned bench_way_in(const struct bench_run *run)
{
	return run->side == BENCH_NEAR && run->thing != BENCH_LOOP;
}

static inline uint64_t bench_get(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
static inline void bench_put(uint64_t *word, uint64_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }
static inline void bench_await(const uint64_t *word, uint64_t value)
{
	while (bench_get(word) < value)
		;
}

/* Before closing: the other side will see the end, and that is no failure. */
static inline void bench_cut(const struct bench_run *run)
{
	__atomic_store_n(&run->shared->cut, 1, __ATOMIC_RELEASE);
}

static inline void bench_sample(const struct bench_run *run, uint64_t i, uint64_t ticks)
{
	run->shared->samples[i] = ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks;
}

BENCH_INLINE void bench_round_trip(const struct bench_run *run, void *end, bench_send_fn *send,
                                   bench_receive_fn *receive)
{
	const uint64_t total = run->warm_up + run->count;
	uint64_t before, start, number = 0, done = 0;

	bench_barrier(run);
	if (run->side == BENCH_FAR) {
		for (; number < total; number++) {
			receive(end, number);
			send(end, number);
		}
		return;
	}
	for (start = bench_ticks(); number < run->warm_up; number++) {
		send(end, number);
		receive(end, number);
		if (number % BENCH_LOOK == 0 && bench_ticks() - start > run->limit / 4)
			break;
	}
	/* The end of one round trip is the start of the next: the clock is read once each. */
	before = start = bench_ticks();
	number += number < run->warm_up;
	while (done < run->count && (before - start <= run->limit ||
	                             (done < BENCH_LEAST && before - start <= BENCH_PATIENCE * run->limit))) {
		uint64_t now;

		send(end, number);
		receive(end, number++);
		now = bench_ticks();
		bench_sample(run, done++, now - before);
		before = now;
	}
	run->shared->done = done;
	if (number < total)
		bench_cut(run);
}

/* The next message of one of many producers: of each of them they come in order, which next[] keeps. */
BENCH_INLINE void bench_receive_any(const struct bench_run *run, void *end, bench_receive_fn *receive, uint64_t *next)
{
	const uint64_t number = receive(end, BENCH_ANY), from = number >> BENCH_PRODUCER_SHIFT;

	if (from >= run->producers || from >= BENCH_PRODUCERS_MAX ||
	    next[from]++ != (number & (((uint64_t)1 << BENCH_PRODUCER_SHIFT) - 1)))
		bench_die("message %llu is not the next of its producer", (unsigned long long)number);
}

/*
 * Receives messages from number `first` on, at most `most` of them, for at most `limit` ticks or a little longer. Returns
 * how many. What is not the peer's is done once for BENCH_LOOK messages.
 */
BENCH_INLINE uint64_t bench_take(const struct bench_run *run, void *end, bench_receive_fn *receive, uint64_t first,
                                 uint64_t most, uint64_t limit, uint64_t *next)
{
	const uint64_t start = bench_ticks(), last = first + most;
	uint64_t number = first;

	while (number < last && bench_ticks() - start <= limit) {
		const uint64_t until = last - number < BENCH_LOOK ? last : number + BENCH_LOOK;

		if (run->producers == 1)
			for (; number < until; number++)
				receive(end, number);
		else
			for (; number < until; number++)
				bench_receive_any(run, end, receive, next);
	}
	return number - first;
}

/* Messages one way as fast as they go. The consumer has the clock, and starts it when the ring has been full. */
BENCH_INLINE void bench_stream(const struct bench_run *run, void *end, bench_send_fn *send, bench_receive_fn *receive)
{
	const uint64_t each = (run->warm_up + run->count) / run->producers, total = each * run->producers;
	const uint64_t mine = (uint64_t)run->index << BENCH_PRODUCER_SHIFT;
	uint64_t next[BENCH_PRODUCERS_MAX] = {0}, start, warm_up, measured;

	bench_barrier(run);
	if (run->side == BENCH_NEAR) {
		for (uint64_t number = mine; number < mine + each; number++)
			send(end, number);
		return;
	}
	warm_up = bench_take(run, end, receive, 0, run->warm_up < total ? run->warm_up : total, run->limit / 4, next);
	start = bench_ticks();
	measured = bench_take(run, end, receive, warm_up, total - warm_up, run->limit, next);
	run->shared->ticks = bench_ticks() - start;
	run->shared->done = measured;
	if (warm_up + measured < total)
		bench_cut(run);
}

/* Near is awake all the time, and sends when far has had the time to give up spinning and sleep. */
BENCH_INLINE void bench_wake(const struct bench_run *run, void *end, bench_send_fn *send, bench_receive_fn *receive)
{
	struct bench_shared *shared = run->shared;
	const uint64_t asleep = bench_ns_ticks(500000);

	bench_barrier(run);
	for (uint64_t i = 0; i < run->count; i++) {
		if (run->side == BENCH_FAR) {
			receive(end, i);
			bench_sample(run, i, bench_ticks() - bench_get(&shared->sent_at));
			bench_put(&shared->done, i + 1);
		} else {
			const uint64_t start = bench_ticks();

			while (bench_ticks() - start < asleep)
				;
			bench_put(&shared->sent_at, bench_ticks());
			send(end, i);
			bench_await(&shared->done, i + 1);
		}
	}
}

/* From nothing each time. */
BENCH_INLINE void bench_open(const struct bench_run *run, void *end, bench_open_fn *open, bench_close_fn *close,
                             bench_send_fn *send, bench_receive_fn *receive)
{
	struct bench_shared *shared = run->shared;
	const uint64_t begin = bench_ticks();

	for (uint64_t i = 0; i < run->count; i++) {
		if (run->side == BENCH_NEAR && bench_ticks() - begin > run->limit)
			bench_put(&shared->stage, 1);
		bench_barrier(run);
		if (bench_get(&shared->stage))
			break;
		if (run->side == BENCH_NEAR) {
			bench_put(&shared->sent_at, bench_ticks());
			open(end, run);
			send(end, i);
		} else {
			open(end, run);
			receive(end, i);
			bench_sample(run, i, bench_ticks() - bench_get(&shared->sent_at));
			bench_put(&shared->done, i + 1);
		}
		bench_barrier(run);
		close(end);
	}
}

/* Bursts into a ring with room, which far empties after each. */
BENCH_INLINE void bench_publish(const struct bench_run *run, void *end, bench_send_fn *send, bench_receive_fn *receive)
{
	struct bench_shared *shared = run->shared;
	uint64_t number = 0, start;

	bench_barrier(run);
	for (uint64_t i = 0; i < run->count; i++) {
		if (run->side == BENCH_NEAR) {
			start = bench_ticks();
			for (unsigned j = 0; j < BENCH_BURST; j++)
				send(end, number++);
			bench_sample(run, i, bench_ticks() - start);
			bench_put(&shared->stage, i + 1);
			bench_await(&shared->done, i + 1);
		} else {
			bench_await(&shared->stage, i + 1);
			for (unsigned j = 0; j < BENCH_BURST; j++)
				receive(end, number++);
			bench_put(&shared->done, i + 1);
		}
	}
}

BENCH_INLINE void bench_loop(const struct bench_run *run, void *end, bench_send_fn *send, bench_receive_fn *receive)
{
	uint64_t number = 0, start;

	for (; number < run->warm_up; number++) {
		send(end, number);
		receive(end, number);
	}
	start = bench_ticks();
	for (; number < run->warm_up + run->count; number++) {
		send(end, number);
		receive(end, number);
	}
	run->shared->ticks = bench_ticks() - start;
	run->shared->done = run->count;
}

/* A ring full of messages has gone through it: every page that it will use is there. */
BENCH_INLINE void bench_occupy(const struct bench_run *run, void *end, bench_send_fn *send, bench_receive_fn *receive)
{
	struct bench_shared *shared = run->shared;

	bench_barrier(run);
	for (uint64_t i = 0; i < run->count; i++) {
		if (run->side == BENCH_NEAR)
			send(end, i);
		else
			receive(end, i);
	}
	bench_barrier(run);
	if (run->side == BENCH_FAR)
		shared->value = (double)(bench_memory_of(shared->near_pid) + bench_memory_of(shared->far_pid) +
		                         bench_memory_of(shared->parent_pid));
	bench_barrier(run);
}

BENCH_INLINE void bench_idle(const struct bench_run *run, void *end, bench_send_fn *send, bench_receive_fn *receive)
{
	uint64_t first, start;

	bench_barrier(run);
	if (run->side == BENCH_FAR) {
		receive(end, 0);
		return;
	}
	bench_sleep_ns(150000000); /* until it sleeps */
	first = bench_switches(run->shared->far_pid);
	start = bench_ticks();
	bench_sleep_ns((long)bench_ticks_ns((double)run->limit));
	run->shared->value = (double)(bench_switches(run->shared->far_pid) - first) * 1e9 /
	                     bench_ticks_ns((double)(bench_ticks() - start));
	send(end, 0);
}

BENCH_INLINE void bench_measure(const struct bench_run *run, void *end, bench_open_fn *open, bench_close_fn *close,
                                bench_send_fn *send, bench_receive_fn *receive)
{
	if (run->thing == BENCH_OPEN) {
		bench_open(run, end, open, close, send, receive);
		return;
	}
	open(end, run);
	switch (run->thing) {
	case BENCH_STREAM:
	case BENCH_PRODUCERS:
		bench_stream(run, end, send, receive);
		break;
	case BENCH_WAKE:
		bench_wake(run, end, send, receive);
		break;
	case BENCH_PUBLISH:
		bench_publish(run, end, send, receive);
		break;
	case BENCH_LOOP:
		bench_loop(run, end, send, receive);
		break;
	case BENCH_MEMORY:
		bench_occupy(run, end, send, receive);
		break;
	case BENCH_IDLE:
		bench_idle(run, end, send, receive);
		break;
	default:
		bench_round_trip(run, end, send, receive);
	}
	close(end);
}

#endif
