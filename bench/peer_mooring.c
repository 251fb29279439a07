/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_mooring.c - channels through the public functions of the shared library, as a program has them by default: a
 * ring of 1 MiB that either side may sleep on, waits included. send and recv copy; the same in place, received in
 * batches, over a small ring, over a ring of many producers, and over a link are rows of their own.
 */
#include "measure.h"

#include <mooring/link.h>

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct mooring_end {
	moor_tx *tx;
	moor_rx *rx;
	moor_link *link; /* or NULL: what the two above are of */
	size_t size;
	unsigned char *out, *in; /* private */
	unsigned peeked;         /* and not released: a batch's */
};

static void expect(int err, const char *what)
{
	if (err < 0)
		bench_die("%s: %s", what, moor_strerror(err));
}

/* The channels' names are free again when both processes have closed or died. */
static void open_with(struct mooring_end *end, const struct bench_run *run, const struct moor_channel_opts *opts)
{
	char names[2][64];
	int err;

	*end = (struct mooring_end){.size = run->size, .out = calloc(1, run->size), .in = calloc(1, run->size)};
	if (!end->out || !end->in)
		bench_die("out of memory");
	bench_name(names[0], sizeof names[0], "mooring-bench-", "-there");
	bench_name(names[1], sizeof names[1], "mooring-bench-", "-back");
	if (bench_sends(run)) {
		err = moor_tx_open(names[bench_way_out(run)], opts, &end->tx);
		if (err == MOOR_ENOTSUP)
			bench_skip("moor_tx_open: %s", moor_strerror(err));
		expect(err, "moor_tx_open");
	}
	if (bench_receives(run)) {
		err = moor_rx_open(names[bench_way_in(run)], opts, &end->rx);
		if (err == MOOR_ENOTSUP)
			bench_skip("moor_rx_open: %s", moor_strerror(err));
		expect(err, "moor_rx_open");
	}
}

static void open_default(void *end, const struct bench_run *run)
{
	open_with(end, run, NULL);
}

static void open_16k(void *end, const struct bench_run *run)
{
	const struct moor_channel_opts opts = MOOR_CHANNEL_OPTS(.capacity = 16384);

	open_with(end, run, &opts);
}

static void open_mpsc(void *end, const struct bench_run *run)
{
	const struct moor_channel_opts opts = MOOR_CHANNEL_OPTS(.kind = MOOR_MPSC);

	open_with(end, run, &opts);
}

static void end_close(void *arg)
{
	struct mooring_end *end = arg;

	moor_tx_close(end->tx);
	moor_rx_close(end->rx);
	moor_link_close(end->link);
	free(end->out);
	free(end->in);
}

static inline void send_copy(void *arg, uint64_t number)
{
	struct mooring_end *end = arg;

	bench_stamp(end->out, end->size, number);
	expect(moor_tx_send(end->tx, end->out, end->size, MOOR_FOREVER), "moor_tx_send");
}

static inline uint64_t receive_copy(void *arg, uint64_t number)
{
	struct mooring_end *end = arg;
	size_t len;

	expect(moor_rx_recv(end->rx, end->in, end->size, &len, MOOR_FOREVER), "moor_rx_recv");
	if (len != end->size)
		bench_die("a message of %zu bytes for one of %zu", len, end->size);
	return bench_check(end->in, end->size, number);
}

/* What a program's own loop over a message becomes: 16 bytes at a time, where the processor can. */
typedef uint64_t words __attribute__((vector_size(16)));

static inline void fill(unsigned char *to, size_t size, uint64_t word)
{
	unsigned char *const end = to + size;
	const words both = {word, word};

	if (size > 256) {
		memset(to, (int)(word & 0xff), size);
		return;
	}
	for (; end - to >= 16; to += 16)
		memcpy(to, &both, 16);
	for (; end - to >= 8; to += 8)
		memcpy(to, &word, 8);
	for (; to < end; to++)
		*to = (unsigned char)word;
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
	/* The stamp is the first and the last eight bytes. */
	if (end->size > 16)
		fill((unsigned char *)message + 8, end->size - 16, number);
	bench_stamp(message, end->size, number);
	expect(moor_tx_commit(end->tx, end->size), "moor_tx_commit");
}

/* Two sums, so that it is the memory that takes the time. */
static inline uint64_t sum(const unsigned char *at, size_t size)
{
	const unsigned char *const end = at + size;
	words a = {0, 0}, b = {0, 0};
	uint64_t rest = 0, word;

	for (; end - at >= 32; at += 32) {
		words next[2];

		memcpy(next, at, sizeof next);
		a += next[0];
		b += next[1];
	}
	for (; end - at >= 8; at += 8) {
		memcpy(&word, at, 8);
		rest += word;
	}
	for (; at < end; at++)
		rest += *at;
	a += b;
	return a[0] + a[1] + rest;
}

static inline uint64_t read_in_place(struct mooring_end *end, const struct moor_msg *message, uint64_t number)
{
	if (message->len != end->size)
		bench_die("a message of %zu bytes for one of %zu", message->len, end->size);
	if (end->size > 16)
		end->in[0] = (unsigned char)sum((const unsigned char *)message->data + 8, end->size - 16);
	return bench_check(message->data, end->size, number);
}

static inline uint64_t receive_in_place(void *arg, uint64_t number)
{
	struct mooring_end *end = arg;
	struct moor_msg message;
	int err;

	while ((err = moor_rx_peek(end->rx, &message)) == MOOR_EAGAIN)
		expect(moor_rx_wait(end->rx, MOOR_FOREVER), "moor_rx_wait");
	expect(err, "moor_rx_peek");
	number = read_in_place(end, &message, number);
	moor_rx_release(end->rx);
	return number;
}

#define BATCH 64

static inline void release_batch(struct mooring_end *end)
{
	moor_rx_release(end->rx);
	end->peeked = 0;
}

static inline uint64_t receive_of_batch(void *arg, uint64_t number)
{
	struct mooring_end *end = arg;
	struct moor_msg message;
	int err;

	while ((err = moor_rx_peek(end->rx, &message)) == MOOR_EAGAIN) {
		release_batch(end);
		expect(moor_rx_wait(end->rx, MOOR_FOREVER), "moor_rx_wait");
	}
	expect(err, "moor_rx_peek");
	number = read_in_place(end, &message, number);
	if (++end->peeked == BATCH)
		release_batch(end);
	return number;
}

/* A link: near is the host, far the worker, which gets its end over a socket. */
static void *link_make(const struct bench_run *run)
{
	int *pair = calloc(2, sizeof *pair);

	(void)run;
	if (pair && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0)
		return pair;
	free(pair);
	return NULL;
}

static void link_unmake(void *made, const struct bench_run *run)
{
	int *pair = made;

	(void)run;
	close(pair[0]);
	close(pair[1]);
	free(pair);
}

/* Sends *fd, or receives it. */
static void pass(int socket, int *fd, bool there)
{
	char byte = 0;
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.head = {.cmsg_len = CMSG_LEN(sizeof *fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {
	    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};

	memcpy(CMSG_DATA(&control.head), fd, sizeof *fd);
	if ((there ? sendmsg(socket, &msg, MSG_NOSIGNAL) : recvmsg(socket, &msg, MSG_CMSG_CLOEXEC)) != 1)
		bench_die("the worker's end cannot be passed");
	memcpy(fd, CMSG_DATA(&control.head), sizeof *fd);
}

static void open_link(void *arg, const struct bench_run *run)
{
	const int *pair = run->made;
	struct mooring_end *end = arg;
	int fd = -1;

	*end = (struct mooring_end){.size = run->size, .out = calloc(1, run->size), .in = calloc(1, run->size)};
	if (!end->out || !end->in)
		bench_die("out of memory");
	if (run->side == BENCH_NEAR) {
		expect(moor_link_create(NULL, &end->link), "moor_link_create");
		expect(moor_link_worker_fd(end->link, &fd), "moor_link_worker_fd");
		pass(pair[0], &fd, true);
	} else {
		pass(pair[1], &fd, false);
		expect(moor_link_attach(fd, NULL, &end->link), "moor_link_attach");
		close(fd);
	}
	end->tx = moor_link_tx(end->link);
	end->rx = moor_link_rx(end->link);
}

static void run_default(const struct bench_run *run)
{
	struct mooring_end end;

	bench_measure(run, &end, open_default, end_close, send_copy, receive_copy);
}

static void run_in_place(const struct bench_run *run)
{
	struct mooring_end end;

	bench_measure(run, &end, open_default, end_close, send_in_place, receive_in_place);
}

static void run_batch(const struct bench_run *run)
{
	struct mooring_end end;

	bench_measure(run, &end, open_default, end_close, send_copy, receive_of_batch);
}

static void run_16k(const struct bench_run *run)
{
	struct mooring_end end;

	bench_measure(run, &end, open_16k, end_close, send_copy, receive_copy);
}

static void run_mpsc(const struct bench_run *run)
{
	struct mooring_end end;

	bench_measure(run, &end, open_mpsc, end_close, send_copy, receive_copy);
}

static void run_link(const struct bench_run *run)
{
	struct mooring_end end;

	bench_measure(run, &end, open_link, end_close, send_copy, receive_copy);
}

const struct bench_peer bench_mooring = {.name = "mooring",
                                         .what = "moor_tx_send, moor_rx_recv with MOOR_FOREVER; default options",
                                         .things = BENCH_SLEEPERS | BENCH_SPINNERS | BENCH_BIT(OPEN) | BENCH_BIT(MEMORY),
                                         .own = true,
                                         .run = run_default};

const struct bench_peer bench_mooring_in_place = {
    .name = "mooring-in-place",
    .what = "moor_tx_reserve and _commit, moor_rx_peek and _release; made and read in the ring",
    .things = BENCH_BIT(ROUND_TRIP) | BENCH_BIT(STREAM) | BENCH_BIT(LOOP),
    .own = true,
    .run = run_in_place};

const struct bench_peer bench_mooring_batch = {
    .name = "mooring-batch",
    .what = "moor_tx_send, moor_rx_peek; read in the ring, with a moor_rx_release for 64 or for all there are",
    .things = BENCH_BIT(STREAM),
    .own = true,
    .run = run_batch};

const struct bench_peer bench_mooring_16k = {.name = "mooring-16k",
                                             .what = "as mooring, with a ring of 16 KiB; messages up to 2 KiB",
                                             .things = BENCH_BIT(ROUND_TRIP) | BENCH_BIT(STREAM),
                                             .own = true,
                                             .size_max = 2048,
                                             .run = run_16k};

const struct bench_peer bench_mooring_mpsc = {.name = "mooring-mpsc",
                                              .what = "as mooring, MOOR_MPSC",
                                              .things = BENCH_SLEEPERS | BENCH_SPINNERS | BENCH_BIT(PRODUCERS) |
                                                        BENCH_BIT(OPEN) | BENCH_BIT(MEMORY),
                                              .own = true,
                                              .run = run_mpsc};

const struct bench_peer bench_mooring_link = {
    .name = "mooring-link",
    .what = "as mooring, over a link; who sends first is its host",
    .things = BENCH_BIT(ROUND_TRIP) | BENCH_BIT(STREAM) | BENCH_BIT(WAKE) | BENCH_BIT(SAME),
    .own = true,
    .make = link_make,
    .unmake = link_unmake,
    .run = run_link};
