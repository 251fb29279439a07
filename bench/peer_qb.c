/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_qb.c - libqb's ring buffer, shared by name, without its semaphore: so it is fastest, and both sides spin.
 */
#include "buffers.h"

#include <errno.h>
#include <qb/qbrb.h>

struct qb_end {
	struct bench_buffers buffers;
	qb_ringbuffer_t *out, *in;
};

struct qb_ways {
	qb_ringbuffer_t *way[2];
};

static qb_ringbuffer_t *open_way(unsigned way, uint32_t flags)
{
	char name[64];

	bench_name(name, sizeof name, "mooring-bench-", way ? "-back" : "-there");
	return qb_rb_open(name, BENCH_CAPACITY, QB_RB_FLAG_SHARED_PROCESS | QB_RB_FLAG_NO_SEMAPHORE | flags, 0);
}

static void qb_unmake(void *made, const struct bench_run *run)
{
	struct qb_ways *ways = made;

	(void)run;
	for (int i = 0; i < 2; i++) {
		if (ways->way[i])
			qb_rb_close(ways->way[i]);
	}
	free(ways);
}

static void *qb_make(const struct bench_run *run)
{
	struct qb_ways *ways = calloc(1, sizeof *ways);

	for (unsigned i = 0; ways && i < bench_ways(run); i++) {
		ways->way[i] = open_way(i, QB_RB_FLAG_CREATE);
		if (!ways->way[i]) {
			qb_unmake(ways, run);
			return NULL;
		}
	}
	return ways;
}

static void qb_open(void *arg, const struct bench_run *run)
{
	struct qb_ways *ways = run->made;
	struct qb_end *end = arg;

	bench_buffers_open(&end->buffers, run);
	end->out = ways->way[bench_way_out(run)];
	end->in = ways->way[bench_way_in(run)];
}

static void qb_close(void *arg)
{
	bench_buffers_close(&((struct qb_end *)arg)->buffers);
}

static void qb_send(void *arg, uint64_t number)
{
	struct qb_end *end = arg;
	ssize_t n;

	bench_stamp(end->buffers.out, end->buffers.size, number);
	do
		n = qb_rb_chunk_write(end->out, end->buffers.out, end->buffers.size);
	while (n == -EAGAIN);
	if (n != (ssize_t)end->buffers.size)
		bench_die("qb_rb_chunk_write: %s", strerror(n < 0 ? (int)-n : EIO));
}

static uint64_t qb_receive(void *arg, uint64_t number)
{
	struct qb_end *end = arg;
	ssize_t n;

	do
		n = qb_rb_chunk_read(end->in, end->buffers.in, end->buffers.size, 0);
	while (n == -ETIMEDOUT || n == -EAGAIN || n == 0);
	if (n < 0)
		bench_die("qb_rb_chunk_read: %s", strerror((int)-n));
	return bench_buffers_check(&end->buffers, (size_t)n, number);
}

static void qb_run(const struct bench_run *run)
{
	struct qb_end end;

	bench_measure(run, &end, qb_open, qb_close, qb_send, qb_receive);
}

const struct bench_peer bench_qb = {.name = "libqb",
                                    .what = "qb_rb_chunk_write, qb_rb_chunk_read, no semaphore; spins",
                                    .things = BENCH_SPINNERS | BENCH_BIT(MEMORY),
                                    .spins = true,
                                    .make = qb_make,
                                    .unmake = qb_unmake,
                                    .run = qb_run};
