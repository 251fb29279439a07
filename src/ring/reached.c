/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reached.c - how far each side has got, from what it wrote before it may have been killed. The consumer writes two
 * copies in turn, so that one of them is always whole. The producer writes nothing but its records: a header that reads
 * 0 is the tail, and there always is one.
 */
#include "base/slot_word.h"
#include "ring/ring.h"

/* Tries, where the two sides may go on meanwhile. */
#define STAT_TRIES 100

static struct moor__reached load_done(const struct moor_abi_done *done)
{
	struct moor__reached reached;

	reached.position = moor__acquire_64(&done->position); /* A3 */
	reached.messages = moor__load_64(&done->messages);
	reached.bytes = moor__load_64(&done->bytes);
	return reached;
}

struct moor__reached moor__ring_released(const struct moor_abi_consumer *consumer)
{
	struct moor__reached both[2] = {load_done(&consumer->done[0]), load_done(&consumer->done[1])};
	/* Equal only before anything was released; then the one with more messages was being written. */
	const bool second = both[1].position > both[0].position ||
	                    (both[1].position == both[0].position && both[1].messages < both[0].messages);

	both[second].turn = second ? 0 : sizeof(struct moor_abi_done);
	return both[second];
}

int moor__ring_walk(const unsigned char *data, uint64_t capacity, struct moor__reached *tail)
{
	const uint64_t start = tail->position;

	for (;;) {
		const uint64_t offset = tail->position & (capacity - 1), left = capacity - offset;
		const struct moor_abi_record_header header =
		    moor__acquire_header((const struct moor_abi_record_header *)(data + offset)); /* A1 */
		uint64_t size;

		if (moor__word_is_open(header.word))
			return 0;
		if (header.word == MOOR_ABI_WORD_MESSAGE)
			size = moor__record_size(header.detail);
		else if (header.word == MOOR_ABI_WORD_PAD && header.detail * MOOR__UNIT == left)
			size = left;
		else
			return MOOR_ECORRUPT;
		if (size > left || tail->position + size - start > capacity - MOOR__UNIT)
			return MOOR_ECORRUPT;
		tail->position += size;
		if (header.word == MOOR_ABI_WORD_MESSAGE) {
			tail->messages++;
			tail->bytes += header.detail;
		}
	}
}

/* What is published and not released. If the two sides go on meanwhile, what was so at some moment, or nearly. */
static int look_at_both(const unsigned char *data, uint64_t capacity, const struct moor_abi_consumer *consumer,
                        struct moor__reached *ret_released, struct moor__reached *ret_tail)
{
	int err = 0;

	for (int i = 0; i < STAT_TRIES; i++) {
		*ret_released = *ret_tail = moor__ring_released(consumer);
		if (ret_released->position % MOOR__UNIT)
			return MOOR_ECORRUPT;
		err = moor__ring_walk(data, capacity, ret_tail);
		if (moor__ring_released(consumer).position == ret_released->position)
			return err;
	}
	return 0;
}

int moor__ring_stat(const void *mem, const struct moor__geometry *geometry, struct moor_channel_info *ret_info)
{
	const unsigned char *base = mem;
	const struct moor_abi_consumer *consumer =
	    (const struct moor_abi_consumer *)(base + MOOR_ABI_RING_SLOTS_OFFSET);
	const struct moor_abi_producer *producer = (const struct moor_abi_producer *)(consumer + 1);
	const uint64_t life = moor__acquire_64(&producer->slot.life), consumer_life = moor__acquire_64(&consumer->slot.life);
	struct moor__reached released, tail;
	const int err = look_at_both(base + geometry->data_offset, geometry->capacity, consumer, &released, &tail);

	if (err)
		return err;
	ret_info->kind = geometry->kind;
	ret_info->capacity = geometry->capacity;
	ret_info->max_message = geometry->max_message;
	ret_info->max_producers = geometry->max_producers;
	ret_info->app_tag = geometry->app_tag;
	ret_info->sent_messages = tail.messages;
	ret_info->sent_bytes = tail.bytes;
	ret_info->received_messages = released.messages;
	ret_info->received_bytes = released.bytes;
	ret_info->used = tail.bytes - released.bytes;
	ret_info->occupied = tail.position - released.position;
	ret_info->waits = moor__load_64(&consumer->quiet.waits) + moor__load_64(&producer->quiet.waits);
	ret_info->wakes = moor__load_64(&consumer->quiet.wakes) + moor__load_64(&producer->quiet.wakes);
	ret_info->recoveries = moor__life_recoveries(life) + moor__life_recoveries(consumer_life);
	ret_info->full = moor__load_64(&producer->full);
	ret_info->closed = moor__life_closed(life);
	ret_info->died = moor__life_died(life);
	ret_info->attached = moor__life_ended(life) + moor__life_attached(life);
	ret_info->producers = moor__life_attached(life);
	ret_info->consumers = moor__life_attached(consumer_life);
	return 0;
}
