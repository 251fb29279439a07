/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_send.c - mooring send: standard input into a channel.
 *
 * Only a sender that has delivered all of its input closes the channel. Whatever goes wrong before ends the process
 * with the handle open, so that the receiver is told of a death and does not take half a stream for a whole one.
 */
#include "tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What is read at a time, and so a message's size, where the channel allows it. */
#define CHUNK ((size_t)65536)

struct job {
	const char *name;
	moor_tx *tx;
	struct traffic traffic;
	int64_t timeout_ns;
};

static int send_message(struct job *job, const void *data, size_t len)
{
	int err;

	while ((err = moor_tx_send(job->tx, data, len, job->timeout_ns)) == MOOR_EINTR)
		;
	if (!err)
		traffic_add(&job->traffic, len);
	return err;
}

static int send_lines(struct job *job)
{
	const size_t max = moor_tx_max_message(job->tx);
	char *line = NULL;
	size_t room = 0;
	ssize_t got;
	int code = EXIT_WELL;

	while (code == EXIT_WELL && (errno = 0, got = getline(&line, &room, stdin)) >= 0) {
		const size_t len = (size_t)got - (got > 0 && line[got - 1] == '\n');
		const int err = send_message(job, line, len);

		if (err == MOOR_EMSGSIZE) {
			complain("line %ju has %zu bytes, a message of this channel at most %zu; create the channel with a "
			         "larger --capacity (a message may have an eighth of it)",
			         (uintmax_t)job->traffic.messages + 1, len, max);
			code = EXIT_ERROR;
		} else if (err) {
			code = fail(err, "cannot send to", job->name);
		}
	}
	if (code == EXIT_WELL && ferror(stdin)) {
		complain("cannot read standard input: %s", strerror(errno));
		code = EXIT_ERROR;
	}
	free(line);
	return code;
}

static ssize_t read_input(void *to, size_t len)
{
	ssize_t got;

	do
		got = read(STDIN_FILENO, to, len);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		complain("cannot read standard input: %s", strerror(errno));
	return got;
}

/* One of many senders: to wait for input with room reserved would hold up the others. */
static int send_copies(struct job *job)
{
	static char buf[CHUNK];
	const size_t max = moor_tx_max_message(job->tx), chunk = max < CHUNK ? max : CHUNK;
	ssize_t got;

	while ((got = read_input(buf, chunk)) > 0) {
		const int err = send_message(job, buf, (size_t)got);

		if (err)
			return fail(err, "cannot send to", job->name);
	}
	return got == 0 ? EXIT_WELL : EXIT_ERROR;
}

/* Reads straight into the ring. */
static int send_bytes(struct job *job)
{
	const size_t max = moor_tx_max_message(job->tx), chunk = max < CHUNK ? max : CHUNK;

	for (;;) {
		void *room;
		ssize_t got;
		int err;

		while ((err = moor_tx_reserve(job->tx, chunk, &room)) == MOOR_EAGAIN)
			if ((err = moor_tx_wait(job->tx, chunk, job->timeout_ns)) != 0 && err != MOOR_EINTR)
				break;
		if (err)
			return fail(err, "cannot send to", job->name);
		got = read_input(room, chunk);
		if (got <= 0) {
			moor_tx_cancel(job->tx);
			return got == 0 ? EXIT_WELL : EXIT_ERROR;
		}
		(void)moor_tx_commit(job->tx, (size_t)got); /* cannot fail: got is at most what was reserved */
		traffic_add(&job->traffic, (size_t)got);
	}
}

/* With nothing sent there is nothing to drain, but a receiver that is still to come must see the end of an empty input. */
static int await_receiver(const struct job *job)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	const int64_t start = now_ns();

	for (;;) {
		struct moor_channel_info info = {.struct_size = sizeof info};
		const int err = moor_channel_stat(job->name, &info);

		if (err)
			return err;
		if (info.consumers)
			return 0;
		if (job->timeout_ns != MOOR_FOREVER && now_ns() - start >= job->timeout_ns)
			return MOOR_ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
}

static int finish(struct job *job)
{
	int err = job->traffic.messages ? 0 : await_receiver(job);

	while (!err && (err = moor_tx_drain(job->tx, job->timeout_ns)) == MOOR_EINTR)
		err = 0;
	return err ? fail(err, "not all was received from", job->name) : EXIT_WELL;
}

static int send_input(struct job *job, bool lines)
{
	struct moor_channel_info info = {.struct_size = sizeof info};
	int err;

	if (lines)
		return send_lines(job);
	err = moor_channel_stat(job->name, &info);
	if (err)
		return fail(err, "cannot send to", job->name);
	return info.kind == MOOR_MPSC ? send_copies(job) : send_bytes(job);
}

static int run(int argc, char **argv)
{
	struct stream_options options;
	struct job job;
	int code, err;

	code = parse_stream_options(&cmd_send, "no-wait", argc, argv, &options);
	if (code != GO_ON)
		return code;
	job = (struct job){.name = options.name, .timeout_ns = options.timeout_ns};
	err = moor_tx_open(job.name, &options.channel, &job.tx);
	if (err < 0)
		return open_failed(&cmd_send, err, &options);
	traffic_start(&job.traffic, "sent", options.progress);
	traffic_begin(&job.traffic);
	code = send_input(&job, options.lines);
	if (code == EXIT_WELL && !options.own)
		code = finish(&job);
	if (options.stats || options.progress)
		traffic_print(&job.traffic, job.name);
	if (code == EXIT_WELL)
		moor_tx_close(job.tx);
	return code;
}

const struct command cmd_send = {
    .name = "send",
    .synopsis = "send [--lines] [--many] [--capacity SIZE] [--timeout SECONDS] [--stats] [--progress] [--no-wait] NAME",
    .summary = "Sends standard input through the channel NAME and waits until all of it was received.\n"
               "  --lines            one message a line\n"
               "  --many             of a channel that this call creates: for many senders\n"
               "  --capacity SIZE    of a channel that this call creates: 4K to 1T, default 1M\n"
               "  --timeout SECONDS  give up when a wait for the receiver takes longer (exit code 4)\n"
               "  --stats            print messages, bytes, seconds and rates at the end\n"
               "  --progress         show them while it runs\n"
               "  --no-wait          do not wait until all was received",
    .run = run,
};
