/* SPDX-License-Identifier: Apache-2.0 */
/* peer_pipe.c - pipe(2): a stream of bytes, so a message is as many bytes as both sides know it to have. */
#include "buffers.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct pipe_ways {
	int fds[2][2];
};

static void pipe_unmake(void *made, const struct bench_run *run)
{
	struct pipe_ways *ways = made;

	(void)run;
	for (int i = 0; i < 4; i++)
		close(ways->fds[i / 2][i % 2]);
	free(ways);
}

static void *pipe_make(const struct bench_run *run)
{
	struct pipe_ways *ways = calloc(1, sizeof *ways);

	(void)run;
	if (!ways || pipe2(ways->fds[0], O_CLOEXEC)) {
		free(ways);
		return NULL;
	}
	if (pipe2(ways->fds[1], O_CLOEXEC)) {
		close(ways->fds[0][0]);
		close(ways->fds[0][1]);
		free(ways);
		return NULL;
	}
	for (int i = 0; i < 2; i++) /* where it may; its default is 64 KiB */
		(void)fcntl(ways->fds[i][1], F_SETPIPE_SZ, (int)BENCH_CAPACITY);
	return ways;
}

struct pipe_end {
	struct bench_buffers buffers;
	int out, in;
};

static void pipe_open(void *arg, const struct bench_run *run)
{
	struct pipe_ways *ways = run->made;
	struct pipe_end *end = arg;

	bench_buffers_open(&end->buffers, run);
	end->out = ways->fds[bench_way_out(run)][1];
	end->in = ways->fds[bench_way_in(run)][0];
}

static void pipe_close(void *arg)
{
	bench_buffers_close(&((struct pipe_end *)arg)->buffers);
}

static void pipe_send(void *arg, uint64_t number)
{
	struct pipe_end *end = arg;

	bench_stamp(end->buffers.out, end->buffers.size, number);
	for (size_t done = 0; done < end->buffers.size;) {
		const ssize_t n = write(end->out, end->buffers.out + done, end->buffers.size - done);

		if (n < 0)
			bench_die("write: %s", strerror(errno));
		done += (size_t)n;
	}
}

static uint64_t pipe_receive(void *arg, uint64_t number)
{
	struct pipe_end *end = arg;

	for (size_t done = 0; done < end->buffers.size;) {
		const ssize_t n = read(end->in, end->buffers.in + done, end->buffers.size - done);

		if (n <= 0)
			bench_die("read: %s", n < 0 ? strerror(errno) : "the end");
		done += (size_t)n;
	}
	return bench_buffers_check(&end->buffers, end->buffers.size, number);
}

static void pipe_run(const struct bench_run *run)
{
	struct pipe_end end;

	bench_measure(run, &end, pipe_open, pipe_close, pipe_send, pipe_receive);
}

const struct bench_peer bench_pipe = {.name = "pipe",
                                      .what = "write, read",
                                      .things = BENCH_SLEEPERS | BENCH_BIT(PRODUCERS) | BENCH_BIT(PUBLISH),
                                      .make = pipe_make,
                                      .unmake = pipe_unmake,
                                      .run = pipe_run};
