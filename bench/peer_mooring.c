/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_mooring.c - channels through the public functions of the shared library, as a program has them by default: a
 * ring of 1 MiB that either side may sleep on, waits included. Two rows: send and recv, which copy, and the same in
 * place.
 */
#include "round_trip.h"
#include "stream.h"

#include <mooring/channel.h>

#include <stdlib.h>
#include <unistd.h>

struct mooring_end {
	moor_tx *tx;
	moor_rx *rx;
	size_t size;
	unsigned char *out, *in; /* private */
};

static void expect(int err, const char *what)
{
	if (err < 0)
		bench_die("%s: %s", what, moor_strerror(err));
}

/* The channels' names are free again when both processes have closed or died. */
static void end_open(struct mooring_end *end, const struct bench_run *run)
{
	const bool near = run->side == BENCH_NEAR, both = run->thing == BENCH_ROUND_TRIP;
	char there[64], back[64];

	*end = (struct mooring_end){.size = run->size, .out = calloc(1, run->size), .in = calloc(1, run->size)};
	if (!end->out || !end->in)
		bench_die("out of memory");
	snprintf(there, sizeof there, "moorbench-%ld-there", (long)getppid());
	snprintf(back, sizeof back, "moorbench-%ld-back", (long)getppid());
	if (near || both)
		expect(moor_tx_open(near ? there : back, NULL, &end->tx), "moor_tx_open");
	if (!near || both)
		expect(moor_rx_open(near ? back : there, NULL, &end->rx), "moor_rx_open");
}

static void end_close(struct mooring_end *end)
{
	moor_tx_close(end->tx);
	moor_rx_close(end->rx);
	free(end->out);
	free(end->in);
}

static inline void send_copy(void *arg, uint64_t number)
{
	struct mooring_end *end = arg;

	bench_stamp(end->out, end->size, number);
	expect(moor_tx_send(end->tx, end->out, end->size, MOOR_FOREVER), "moor_tx_send");
}

static inline void receive_copy(void *arg, uint64_t number)
{
	struct mooring_end *end = arg;
	size_t len;

	expect(moor_rx_recv(end->rx, end->in, end->size, &len, MOOR_FOREVER), "moor_rx_recv");
	if (len != end->size)
		bench_die("a message of %zu bytes for one of %zu", len, end->size);
	bench_check(end->in, end->size, number);
}

/* In place: the message is made in the ring and read in the ring, every byte of it. */
static inline void send_in_place(void *arg, uint64_t number)
{
	struct mooring_end *end = arg;
	void *message;
	int err;

	while ((err = moor_tx_reserve(end->tx, end->size, &message)) == MOOR_EAGAIN)
		expect(moor_tx_wait(end->tx, end->size, MOOR_FOREVER), "moor_tx_wait");
	expect(err, "moor_tx_reserve");
	memset(message, (int)(number & 0xff), end->size);
	bench_stamp(message, end->size, number);
	expect(moor_tx_commit(end->tx, end->size), "moor_tx_commit");
}

/* Four sums, so that it is the memory that takes the time. */
static inline uint64_t sum(const unsigned char *message, size_t size)
{
	uint64_t total[4] = {0}, word[4];

	for (; size >= sizeof word; message += sizeof word, size -= sizeof word) {
		memcpy(word, message, sizeof word);
		for (int i = 0; i < 4; i++)
			total[i] += word[i];
	}
	while (size)
		total[0] += message[--size];
	return total[0] + total[1] + total[2] + total[3];
}

static inline void receive_in_place(void *arg, uint64_t number)
{
	struct mooring_end *end = arg;
	struct moor_msg message;
	int err;

	while ((err = moor_rx_peek(end->rx, &message)) == MOOR_EAGAIN)
		expect(moor_rx_wait(end->rx, MOOR_FOREVER), "moor_rx_wait");
	expect(err, "moor_rx_peek");
	if (message.len != end->size)
		bench_die("a message of %zu bytes for one of %zu", message.len, end->size);
	end->in[0] = (unsigned char)sum(message.data, message.len);
	bench_check(message.data, end->size, number);
	moor_rx_release(end->rx);
}

static void round_trip_copy(const struct bench_run *run)
{
	struct mooring_end end;

	end_open(&end, run);
	bench_round_trip(run, &end, send_copy, receive_copy);
	end_close(&end);
}

static void stream_copy(const struct bench_run *run)
{
	struct mooring_end end;

	end_open(&end, run);
	bench_stream(run, &end, send_copy, receive_copy);
	end_close(&end);
}

static void round_trip_in_place(const struct bench_run *run)
{
	struct mooring_end end;

	end_open(&end, run);
	bench_round_trip(run, &end, send_in_place, receive_in_place);
	end_close(&end);
}

static void stream_in_place(const struct bench_run *run)
{
	struct mooring_end end;

	end_open(&end, run);
	bench_stream(run, &end, send_in_place, receive_in_place);
	end_close(&end);
}

const struct bench_peer bench_mooring = {.name = "mooring",
                                         .what = "moor_tx_send, moor_rx_recv with MOOR_FOREVER; default options",
                                         .run = {round_trip_copy, stream_copy}};

const struct bench_peer bench_mooring_in_place = {
    .name = "mooring-in-place",
    .what = "moor_tx_reserve and _commit, moor_rx_peek and _release; made and read in the ring",
    .run = {round_trip_in_place, stream_in_place}};
