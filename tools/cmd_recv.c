/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_recv.c - mooring recv: a channel to standard output. A message is released when it has been written. */
#include "tool.h"

#include <time.h>

struct job {
	const char *name;
	moor_rx *rx;
	struct traffic traffic;
	int64_t timeout_ns, idle_since;
	bool lines, follow;
};

/* The sender has left, and another one may come: 0 to go on. */
static int await_sender(struct job *job)
{
	const struct timespec pause = {.tv_nsec = 10000000};

	if (job->timeout_ns != MOOR_FOREVER && now_ns() - job->idle_since >= job->timeout_ns)
		return MOOR_ETIMEDOUT;
	nanosleep(&pause, NULL);
	return 0;
}

/* One message; peek may also answer with the end that wait would have told. */
static int deliver(struct job *job, bool *ret_written)
{
	struct moor_msg msg;
	const int err = moor_rx_peek(job->rx, &msg);

	if (err)
		return err;
	*ret_written = write_message(msg.data, msg.len, job->lines);
	if (*ret_written) {
		moor_rx_release(job->rx);
		traffic_add(&job->traffic, msg.len);
	}
	return 0;
}

static int receive(struct job *job)
{
	job->idle_since = now_ns();
	for (;;) {
		bool written;
		int err = deliver(job, &written);

		if (err == 0 && !written)
			return EXIT_ERROR;
		if (err == 0) {
			job->idle_since = now_ns();
			continue;
		}
		if (err == MOOR_EAGAIN) {
			err = moor_rx_wait(job->rx, job->timeout_ns);
			if (err == 0)
				traffic_begin(&job->traffic);
		}
		if (err == MOOR_EPEERDEAD && job->follow)
			complain("a sender of '%s' died; what it had committed was delivered", job->name);
		if (job->follow && (err == MOOR_ECLOSED || err == MOOR_EPEERDEAD))
			err = await_sender(job);
		if (err == MOOR_ECLOSED)
			return EXIT_WELL;
		if (err == MOOR_ETIMEDOUT || err == MOOR_EAGAIN)
			return fail(MOOR_ETIMEDOUT, "nothing came through", job->name);
		if (err && err != MOOR_EINTR)
			return fail(err, "the stream broke off on", job->name);
	}
}

static int run(int argc, char **argv)
{
	struct stream_options options;
	struct job job;
	int code, err;

	code = parse_stream_options(&cmd_recv, "follow", argc, argv, &options);
	if (code != GO_ON)
		return code;
	job = (struct job){
	    .name = options.name, .timeout_ns = options.timeout_ns, .lines = options.lines, .follow = options.own};
	err = moor_rx_open(job.name, &options.channel, &job.rx);
	if (err < 0)
		return open_failed(&cmd_recv, err, &options);
	traffic_start(&job.traffic, "received", options.progress);
	code = receive(&job);
	if (options.stats || options.progress)
		traffic_print(&job.traffic, job.name);
	moor_rx_close(job.rx);
	return code;
}

const struct command cmd_recv = {
    .name = "recv",
    .synopsis = "recv [--lines] [--many] [--follow] [--capacity SIZE] [--timeout SECONDS] [--stats] [--progress] NAME",
    .summary = "Writes what comes through the channel NAME to standard output, until its sender has ended.\n"
               "  --lines            a newline after each message\n"
               "  --many             of a channel that this call creates: for many senders; ends when all have\n"
               "  --follow           go on when a sender has left, another may come\n"
               "  --capacity SIZE    of a channel that this call creates: 4K to 1T, default 1M\n"
               "  --timeout SECONDS  give up when nothing comes for that long (exit code 4)\n"
               "  --stats            print messages, bytes, seconds and rates at the end\n"
               "  --progress         show them while it runs\n"
               "A sender that died ends it with exit code 3, after all that it had committed.",
    .run = run,
};
