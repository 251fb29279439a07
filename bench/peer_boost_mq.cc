/* SPDX-License-Identifier: Apache-2.0 */
/* peer_boost_mq.cc - Boost's interprocess message_queue, of about 1 MiB. */
#include "buffers.h"

#include <boost/interprocess/ipc/message_queue.hpp>

#include <exception>
#include <new>

namespace {

namespace ipc = boost::interprocess;

struct mq_end {
	bench_buffers buffers;
	ipc::message_queue *out, *in;
	char name_in[64];
};

void name_of(char *buffer, size_t size, unsigned way)
{
	bench_name(buffer, size, "mooring-bench-boost-", way ? "-back" : "-there");
}

void remove_names()
{
	char name[64];

	for (unsigned way = 0; way < 2; way++) {
		name_of(name, sizeof name, way);
		ipc::message_queue::remove(name);
	}
}

/* The queues are made by those who open them; what is returned only stands for them. */
void *mq_make(const bench_run *)
{
	static char names;

	remove_names();
	return &names;
}

void mq_unmake(void *, const bench_run *)
{
	remove_names();
}

ipc::message_queue *open_way(const bench_run *run, unsigned way)
{
	const size_t messages = BENCH_CAPACITY / (run->size < 64 ? 64 : run->size);
	char name[64];

	name_of(name, sizeof name, way);
	return new ipc::message_queue(ipc::open_or_create, name, messages, run->size);
}

void mq_open(void *arg, const bench_run *run)
{
	mq_end *end = static_cast<mq_end *>(arg);

	end->out = end->in = nullptr;
	bench_buffers_open(&end->buffers, run);
	if (bench_sends(run))
		end->out = open_way(run, bench_way_out(run));
	name_of(end->name_in, sizeof end->name_in, bench_way_in(run));
	if (bench_receives(run))
		end->in = open_way(run, bench_way_in(run));
}

void mq_close(void *arg)
{
	mq_end *end = static_cast<mq_end *>(arg);

	delete end->out;
	if (end->in)
		ipc::message_queue::remove(end->name_in);
	delete end->in;
	bench_buffers_close(&end->buffers);
}

inline void mq_send(void *arg, uint64_t number)
{
	mq_end *end = static_cast<mq_end *>(arg);

	bench_stamp(end->buffers.out, end->buffers.size, number);
	end->out->send(end->buffers.out, end->buffers.size, 0);
}

inline uint64_t mq_receive(void *arg, uint64_t number)
{
	mq_end *end = static_cast<mq_end *>(arg);
	ipc::message_queue::size_type n = 0;
	unsigned priority;

	end->in->receive(end->buffers.in, end->buffers.size, n, priority);
	return bench_buffers_check(&end->buffers, n, number);
}

void mq_run(const bench_run *run)
{
	mq_end end;

	try {
		bench_measure(run, &end, mq_open, mq_close, mq_send, mq_receive);
	} catch (const std::exception &e) {
		bench_die("message_queue: %s", e.what());
	}
}

bench_peer peer()
{
	bench_peer p = bench_peer();

	p.name = "boost-mq";
	p.what = "boost::interprocess::message_queue, send, receive";
	p.things = BENCH_SLEEPERS | BENCH_BIT(PRODUCERS) | BENCH_BIT(OPEN) | BENCH_BIT(PUBLISH) | BENCH_BIT(MEMORY);
	p.make = mq_make;
	p.unmake = mq_unmake;
	p.run = mq_run;
	return p;
}

} // namespace

extern const bench_peer bench_boost_mq = peer();
