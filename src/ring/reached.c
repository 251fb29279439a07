/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reached.c - how far each side has got, from what it wrote before it may have been killed. Each side writes two copies
 * in turn, so that one of them is always whole (struct moor_abi_record, struct moor_abi_done).
 */
#include "base/slot_word.h"
#include "ring/ring.h"

#include <string.h>

static struct moor__reached load_done(const struct moor_abi_done *done)
{
	struct moor__reached reached;

	reached.position = moor__acquire_64(&done->released); /* A3 */
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

	both[second].turn = !second;
	return both[second];
}

int moor__ring_tail(const unsigned char *data, uint64_t capacity, const struct moor_abi_producer *producer,
                    const struct moor_abi_consumer *consumer, struct moor__reached *ret_tail)
{
	struct {
		uint64_t position, end, messages, bytes;
	} both[2];
	const struct moor_abi_record_header *header;
	bool second, published;

	for (int i = 0; i < 2; i++) {
		both[i].position = moor__acquire_64(&producer->record[i].position); /* A6 */
		both[i].end = moor__load_64(&producer->record[i].end);
		both[i].messages = moor__load_64(&producer->record[i].messages);
		both[i].bytes = moor__load_64(&producer->record[i].bytes);
	}
	/* Equal only before the first record; then the one with the greater end was being written. */
	second = both[1].position > both[0].position ||
	         (both[1].position == both[0].position && both[1].end < both[0].end);
	both[second].position &= ~(uint64_t)MOOR__RECORD_WRITTEN;
	if (both[second].position % MOOR__LINE || both[second].end % MOOR__LINE ||
	    both[second].end < both[second].position || both[second].end - both[second].position > capacity)
		return MOOR_ECORRUPT;
	header = (const struct moor_abi_record_header *)(data + (both[second].position & (capacity - 1)));
	/* The header first, then `released`: if the consumer has cleared the one, it had stored the other before. */
	published = moor__word_is_published(moor__acquire_32(&header->word)) || /* A4 */
	            moor__ring_released(consumer).position >= both[second].end;
	if (published)
		*ret_tail = (struct moor__reached){both[second].end, both[second].messages, both[second].bytes, !second};
	else /* the next record goes where this one would have, and into its copy: the other one's counts hold */
		*ret_tail = (struct moor__reached){both[second].position, both[!second].messages, both[!second].bytes, second};
	return 0;
}

int moor__ring_stat(const void *mem, const struct moor__geometry *geometry, struct moor_channel_info *ret_info)
{
	const unsigned char *base = mem;
	const struct moor_abi_consumer *consumer =
	    (const struct moor_abi_consumer *)(base + MOOR_ABI_RING_SLOTS_OFFSET);
	const struct moor_abi_producer *producer = (const struct moor_abi_producer *)(consumer + 1);
	const struct moor__reached released = moor__ring_released(consumer);
	const uint64_t cleared = moor__acquire_64(&consumer->cleared) & MOOR__ASLEEP_POSITION;
	const uint64_t life = moor__acquire_64(&producer->slot.life);
	struct moor__reached tail;
	const int err = moor__ring_tail(base + geometry->data_offset, geometry->capacity, producer, consumer, &tail);

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
	ret_info->used = tail.bytes > released.bytes ? tail.bytes - released.bytes : 0;
	ret_info->occupied = tail.position > cleared ? tail.position - cleared : 0;
	ret_info->waits = moor__load_64(&consumer->quiet.waits) + moor__load_64(&producer->quiet.waits);
	ret_info->wakes = moor__load_64(&consumer->quiet.wakes) + moor__load_64(&producer->quiet.wakes);
	ret_info->recoveries =
	    moor__life_recoveries(life) + moor__life_recoveries(moor__acquire_64(&consumer->slot.life));
	ret_info->full = moor__load_64(&producer->full);
	ret_info->closed = moor__life_closed(life);
	ret_info->died = moor__life_died(life);
	ret_info->attached = moor__life_ended(life) + moor__life_attached(life);
	return 0;
}
