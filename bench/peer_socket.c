/* SPDX-License-Identifier: Apache-2.0 */
/* peer_socket.c - Unix sockets, as a stream of bytes and as packets. The two ends of one pair are the two ways. */
#include "buffers.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

struct pair {
	int fds[2];
};

static void *make(int type)
{
	struct pair *pair = calloc(1, sizeof *pair);

	if (!pair || socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair->fds)) {
		free(pair);
		return NULL;
	}
	return pair;
}

static void *stream_make(const struct bench_run *run)
{
	(void)run;
	return make(SOCK_STREAM);
}

static void *packet_make(const struct bench_run *run)
{
	(void)run;
	return make(SOCK_SEQPACKET);
}

static void pair_unmake(void *made, const struct bench_run *run)
{
	struct pair *pair = made;

	(void)run;
	close(pair->fds[0]);
	close(pair->fds[1]);
	free(pair);
}

struct socket_end {
	struct bench_buffers buffers;
	int fd;
};

static void socket_open(void *arg, const struct bench_run *run)
{
	struct socket_end *end = arg;

	bench_buffers_open(&end->buffers, run);
	end->fd = ((struct pair *)run->made)->fds[run->side];
}

static void socket_close(void *arg)
{
	bench_buffers_close(&((struct socket_end *)arg)->buffers);
}

static void socket_send(void *arg, uint64_t number)
{
	struct socket_end *end = arg;

	bench_stamp(end->buffers.out, end->buffers.size, number);
	for (size_t done = 0; done < end->buffers.size;) {
		const ssize_t n = send(end->fd, end->buffers.out + done, end->buffers.size - done, MSG_NOSIGNAL);

		if (n < 0)
			bench_die("send: %s", strerror(errno));
		done += (size_t)n;
	}
}

/* A packet comes whole, a piece of the stream as it is. */
static uint64_t socket_receive(void *arg, uint64_t number)
{
	struct socket_end *end = arg;

	for (size_t done = 0; done < end->buffers.size;) {
		const ssize_t n = recv(end->fd, end->buffers.in + done, end->buffers.size - done, 0);

		if (n <= 0)
			bench_die("recv: %s", n < 0 ? strerror(errno) : "the end");
		done += (size_t)n;
	}
	return bench_buffers_check(&end->buffers, end->buffers.size, number);
}

static void socket_run(const struct bench_run *run)
{
	struct socket_end end;

	bench_measure(run, &end, socket_open, socket_close, socket_send, socket_receive);
}

#define THINGS (BENCH_SLEEPERS | BENCH_BIT(PUBLISH))

const struct bench_peer bench_unix_stream = {.name = "unix-stream",
                                             .what = "socketpair, SOCK_STREAM: send, recv",
                                             .things = THINGS,
                                             .make = stream_make,
                                             .unmake = pair_unmake,
                                             .run = socket_run};

const struct bench_peer bench_unix_seqpacket = {.name = "unix-seqpacket",
                                                .what = "socketpair, SOCK_SEQPACKET: send, recv",
                                                .things = THINGS | BENCH_BIT(PRODUCERS),
                                                .make = packet_make,
                                                .unmake = pair_unmake,
                                                .run = socket_run};
