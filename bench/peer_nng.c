/* SPDX-License-Identifier: Apache-2.0 */
/* peer_nng.c - nng over ipc: push0 and pull0, the receiver listens. */
#include "buffers.h"

#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>

struct nng_end {
	struct bench_buffers buffers;
	nng_socket out, in;
	bool sends, receives;
};

static void *nng_make(const struct bench_run *run)
{
	static char directory;

	(void)run;
	return bench_directory() ? &directory : NULL;
}

static void nng_unmake(void *made, const struct bench_run *run)
{
	(void)made;
	(void)run;
}

static void expect(int err, const char *what)
{
	if (err)
		bench_die("%s: %s", what, nng_strerror(err));
}

static void address_of(char *buffer, size_t size, unsigned way)
{
	snprintf(buffer, size, "ipc://%s/nng-%s", bench_directory(), way ? "back" : "there");
}

static void nng_open_end(void *arg, const struct bench_run *run)
{
	struct nng_end *end = arg;
	char address[128];
	int err;

	end->sends = bench_sends(run);
	end->receives = bench_receives(run);
	bench_buffers_open(&end->buffers, run);
	if (end->receives) {
		address_of(address, sizeof address, bench_way_in(run));
		expect(nng_pull0_open(&end->in), "nng_pull0_open");
		expect(nng_listen(end->in, address, NULL, 0), "nng_listen");
	}
	if (end->sends) {
		address_of(address, sizeof address, bench_way_out(run));
		expect(nng_push0_open(&end->out), "nng_push0_open");
		/* The receiver may not be there yet: to dial again in the background takes longer. */
		while ((err = nng_dial(end->out, address, NULL, 0)) == NNG_ECONNREFUSED || err == NNG_ENOENT)
			bench_sleep_ns(50000);
		expect(err, "nng_dial");
	}
}

static void nng_close_end(void *arg)
{
	struct nng_end *end = arg;

	if (end->sends)
		nng_close(end->out);
	if (end->receives)
		nng_close(end->in);
	bench_buffers_close(&end->buffers);
}

static void nng_send_one(void *arg, uint64_t number)
{
	struct nng_end *end = arg;

	bench_stamp(end->buffers.out, end->buffers.size, number);
	expect(nng_send(end->out, end->buffers.out, end->buffers.size, 0), "nng_send");
}

static uint64_t nng_receive_one(void *arg, uint64_t number)
{
	struct nng_end *end = arg;
	size_t n = end->buffers.size;

	expect(nng_recv(end->in, end->buffers.in, &n, 0), "nng_recv");
	return bench_buffers_check(&end->buffers, n, number);
}

static void nng_run(const struct bench_run *run)
{
	struct nng_end end;

	bench_measure(run, &end, nng_open_end, nng_close_end, nng_send_one, nng_receive_one);
}

/* Its sockets drop what is on its way when they are closed, so the bursts, which all arrive, tell nothing of it. */
const struct bench_peer bench_nng = {.name = "nng",
                                     .what = "ipc, push0 and pull0: nng_send, nng_recv",
                                     .things = BENCH_SLEEPERS | BENCH_BIT(PRODUCERS) | BENCH_BIT(OPEN) |
                                               BENCH_BIT(MEMORY),
                                     .make = nng_make,
                                     .unmake = nng_unmake,
                                     .run = nng_run};
