/* SPDX-License-Identifier: Apache-2.0 */
/* peer_zmq.c - ZeroMQ over ipc: PUSH and PULL, the receiver binds. */
#include "buffers.h"

#include <zmq.h>

struct zmq_end {
	struct bench_buffers buffers;
	void *context, *out, *in;
};

static void *zmq_make(const struct bench_run *run)
{
	static char directory;

	(void)run;
	return bench_directory() ? &directory : NULL;
}

static void zmq_unmake(void *made, const struct bench_run *run)
{
	(void)made;
	(void)run;
}

static void *open_way(struct zmq_end *end, unsigned way, bool sends)
{
	void *socket = zmq_socket(end->context, sends ? ZMQ_PUSH : ZMQ_PULL);
	const int forever = -1, soon = 1;
	char address[128];

	snprintf(address, sizeof address, "ipc://%s/zmq-%s", bench_directory(), way ? "back" : "there");
	if (!socket)
		bench_die("zmq_socket: %s", zmq_strerror(zmq_errno()));
	/* What was sent is delivered before the end; a receiver that is not there yet is looked for again at once. */
	zmq_setsockopt(socket, ZMQ_LINGER, &forever, sizeof forever);
	zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &soon, sizeof soon);
	if (sends ? zmq_connect(socket, address) : zmq_bind(socket, address))
		bench_die("%s: %s", address, zmq_strerror(zmq_errno()));
	return socket;
}

static void zmq_open(void *arg, const struct bench_run *run)
{
	struct zmq_end *end = arg;

	memset(end, 0, sizeof *end);
	bench_buffers_open(&end->buffers, run);
	end->context = zmq_ctx_new();
	if (!end->context)
		bench_die("zmq_ctx_new: %s", zmq_strerror(zmq_errno()));
	if (bench_receives(run))
		end->in = open_way(end, bench_way_in(run), false);
	if (bench_sends(run))
		end->out = open_way(end, bench_way_out(run), true);
}

static void zmq_close_end(void *arg)
{
	struct zmq_end *end = arg;

	if (end->out)
		zmq_close(end->out);
	if (end->in)
		zmq_close(end->in);
	zmq_ctx_term(end->context);
	bench_buffers_close(&end->buffers);
}

static void zmq_send_one(void *arg, uint64_t number)
{
	struct zmq_end *end = arg;

	bench_stamp(end->buffers.out, end->buffers.size, number);
	if (zmq_send(end->out, end->buffers.out, end->buffers.size, 0) < 0)
		bench_die("zmq_send: %s", zmq_strerror(zmq_errno()));
}

static uint64_t zmq_receive_one(void *arg, uint64_t number)
{
	struct zmq_end *end = arg;
	const int n = zmq_recv(end->in, end->buffers.in, end->buffers.size, 0);

	if (n < 0)
		bench_die("zmq_recv: %s", zmq_strerror(zmq_errno()));
	return bench_buffers_check(&end->buffers, (size_t)n, number);
}

static void zmq_run(const struct bench_run *run)
{
	struct zmq_end end;

	bench_measure(run, &end, zmq_open, zmq_close_end, zmq_send_one, zmq_receive_one);
}

const struct bench_peer bench_zmq = {.name = "zeromq",
                                     .what = "ipc, PUSH and PULL: zmq_send, zmq_recv",
                                     .things = BENCH_SLEEPERS | BENCH_BIT(PRODUCERS) | BENCH_BIT(OPEN) |
                                               BENCH_BIT(PUBLISH) | BENCH_BIT(MEMORY),
                                     .make = zmq_make,
                                     .unmake = zmq_unmake,
                                     .run = zmq_run};
