/* SPDX-License-Identifier: Apache-2.0 */
/* peer_mq.c - POSIX message queues, with as many messages as the system gives everybody. */
#include "buffers.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sys/stat.h>

#define MESSAGES 10 /* fs.mqueue.msg_max where nobody has changed it */

struct mq_end {
	struct bench_buffers buffers;
	mqd_t out, in;
	char name_in[64];
};

static void name_of(char *buffer, size_t size, unsigned way)
{
	bench_name(buffer, size, "/mooring-bench-", way ? "-back" : "-there");
}

static void remove_names(void)
{
	char name[64];

	for (unsigned way = 0; way < 2; way++) {
		name_of(name, sizeof name, way);
		(void)mq_unlink(name);
	}
}

/* The queues are made by those who open them; `made` only stands for them. */
static void *mq_make(const struct bench_run *run)
{
	static char names;

	(void)run;
	remove_names();
	return &names;
}

static void mq_unmake(void *made, const struct bench_run *run)
{
	(void)made;
	(void)run;
	remove_names();
}

static mqd_t open_way(const struct bench_run *run, unsigned way, int flag)
{
	struct mq_attr attr = {.mq_maxmsg = MESSAGES, .mq_msgsize = (long)run->size};
	char name[64];
	mqd_t mq;

	name_of(name, sizeof name, way);
	mq = mq_open(name, flag | O_CREAT | O_CLOEXEC, 0600, &attr);
	if (mq == (mqd_t)-1 && errno == EINVAL)
		bench_skip("mq_open: %zu bytes are more than fs.mqueue.msgsize_max", run->size);
	if (mq == (mqd_t)-1)
		bench_skip("mq_open: %s", strerror(errno));
	return mq;
}

static void mq_open_end(void *arg, const struct bench_run *run)
{
	struct mq_end *end = arg;

	end->out = end->in = (mqd_t)-1;
	bench_buffers_open(&end->buffers, run);
	if (bench_sends(run))
		end->out = open_way(run, bench_way_out(run), O_WRONLY);
	name_of(end->name_in, sizeof end->name_in, bench_way_in(run));
	if (bench_receives(run))
		end->in = open_way(run, bench_way_in(run), O_RDONLY);
}

static void mq_close_end(void *arg)
{
	struct mq_end *end = arg;

	if (end->out != (mqd_t)-1)
		mq_close(end->out);
	if (end->in != (mqd_t)-1) {
		mq_close(end->in);
		mq_unlink(end->name_in);
	}
	bench_buffers_close(&end->buffers);
}

static void mq_send_one(void *arg, uint64_t number)
{
	struct mq_end *end = arg;

	bench_stamp(end->buffers.out, end->buffers.size, number);
	if (mq_send(end->out, (const char *)end->buffers.out, end->buffers.size, 0))
		bench_die("mq_send: %s", strerror(errno));
}

static uint64_t mq_receive_one(void *arg, uint64_t number)
{
	struct mq_end *end = arg;
	const ssize_t n = mq_receive(end->in, (char *)end->buffers.in, end->buffers.size, NULL);

	if (n < 0)
		bench_die("mq_receive: %s", strerror(errno));
	return bench_buffers_check(&end->buffers, (size_t)n, number);
}

static void mq_run(const struct bench_run *run)
{
	struct mq_end end;

	bench_measure(run, &end, mq_open_end, mq_close_end, mq_send_one, mq_receive_one);
}

const struct bench_peer bench_mq = {.name = "mq",
                                    .what = "POSIX: mq_send, mq_receive; 10 messages long",
                                    .things = BENCH_SLEEPERS | BENCH_BIT(PRODUCERS) | BENCH_BIT(OPEN),
                                    .make = mq_make,
                                    .unmake = mq_unmake,
                                    .run = mq_run};
