/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer_boost_spsc.cc - Boost's lockfree spsc_queue between processes: the queue in shared memory that a fork leaves at the
 * same address, so that its pointers are good in both. Both sides spin.
 */
#include "slots.h"

#include <boost/lockfree/spsc_queue.hpp>

#include <memory>
#include <new>

namespace {

/* The queue's buffer is the one piece of memory that it is given. */
template <typename T> struct given {
	typedef T value_type;
	void *memory;
	explicit given(void *at) : memory(at) {}
	template <typename U> given(const given<U> &other) : memory(other.memory) {}
	T *allocate(std::size_t) { return static_cast<T *>(memory); }
	void deallocate(T *, std::size_t) {}
	template <typename U> bool operator==(const given<U> &other) const { return memory == other.memory; }
	template <typename U> bool operator!=(const given<U> &other) const { return memory != other.memory; }
};

typedef boost::lockfree::spsc_queue<uint64_t, boost::lockfree::allocator<given<uint64_t>>> queue;

struct queue_end {
	bench_slots_end slots;
	queue *out, *in;
};

struct bench_slots shape_of(const bench_run *run)
{
	struct bench_slots s = bench_slots(run);

	/* It takes one entry more than it is asked for. */
	bench_slots_place(&s, run, bench_line(sizeof(queue)) + (s.entries + 1) * sizeof(uint64_t));
	return s;
}

void *spsc_make(const bench_run *run)
{
	const struct bench_slots s = shape_of(run);
	unsigned char *base = static_cast<unsigned char *>(bench_memory(s.total));

	for (unsigned i = 0; base && i < bench_ways(run); i++) {
		unsigned char *at = base + s.ring_offset[i];

		new (at) queue(s.entries, given<uint64_t>(at + bench_line(sizeof(queue))));
	}
	return base;
}

void spsc_unmake(void *made, const bench_run *run)
{
	bench_memory_free(made, shape_of(run).total);
}

void spsc_open(void *arg, const bench_run *run)
{
	const struct bench_slots s = shape_of(run);
	queue_end *end = static_cast<queue_end *>(arg);
	unsigned char *base = static_cast<unsigned char *>(run->made);

	bench_slots_open(&end->slots, &s, run);
	end->out = reinterpret_cast<queue *>(base + s.ring_offset[bench_way_out(run)]);
	end->in = reinterpret_cast<queue *>(base + s.ring_offset[bench_way_in(run)]);
}

void spsc_close(void *arg)
{
	bench_slots_close(&static_cast<queue_end *>(arg)->slots);
}

inline void spsc_send(void *arg, uint64_t number)
{
	queue_end *end = static_cast<queue_end *>(arg);
	const uint64_t word = bench_slots_fill(&end->slots, number);

	while (!end->out->push(word))
		;
}

inline uint64_t spsc_receive(void *arg, uint64_t number)
{
	queue_end *end = static_cast<queue_end *>(arg);
	uint64_t word;

	while (!end->in->pop(word))
		;
	return bench_slots_take(&end->slots, word, number);
}

void spsc_run(const bench_run *run)
{
	queue_end end;

	bench_measure(run, &end, spsc_open, spsc_close, spsc_send, spsc_receive);
}

bench_peer peer()
{
	bench_peer p = bench_peer();

	p.name = "boost-spsc";
	p.what = "boost::lockfree::spsc_queue, push, pop; spins";
	p.things = BENCH_SPINNERS | BENCH_BIT(MEMORY);
	p.spins = true;
	p.make = spsc_make;
	p.unmake = spsc_unmake;
	p.run = spsc_run;
	return p;
}

} // namespace

extern const bench_peer bench_boost_spsc = peer();
