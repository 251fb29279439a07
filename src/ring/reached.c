/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reached.c - how far each side has got, from what it wrote before it may have been killed. The consumer writes two
 * copies in turn, so that one of them is always whole. The producer writes nothing but its records: a header that reads
 * 0 is the tail, and there always is one. Of many, the claim word tells how far is claimed.
 */
#include "base/slot_word.h"
#include "ring/claim.h"
#include "ring/ring.h"

/* Tries, where the two sides may go on meanwhile. */
#define STAT_TRIES 100

void moor__ring_places(void *mem, const struct moor__geometry *geometry, struct moor__ring_attach *how)
{
	how->consumer = (struct moor_abi_consumer *)(void *)((char *)mem + MOOR_ABI_RING_SLOTS_OFFSET);
	how->producer = (struct moor_abi_producer *)(void *)(how->consumer + 1);
	how->many = geometry->kind == MOOR_MPSC ? (void *)((char *)mem + MOOR_ABI_MANY_OFFSET) : NULL;
	how->data = (unsigned char *)mem + geometry->data_offset;
	how->geometry = *geometry;
}

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

/* The same over what many have claimed: what is published up to the first that is not, or is not known how long. */
static int walk_claims(const unsigned char *data, uint64_t capacity, const struct moor_abi_many *many,
                       struct moor__reached *tail)
{
	const uint64_t end = moor__claimed_position(moor__acquire_64(&many->claimed), tail->position); /* A11 */
	uint64_t position = tail->position;
	int wrong = MOOR_ECORRUPT;

	if (end - position > capacity)
		return MOOR_ECORRUPT;
	tail->position = end;
	while (position < end) {
		const uint64_t offset = position & (capacity - 1);
		const struct moor_abi_record_header header =
		    moor__acquire_header((const struct moor_abi_record_header *)(data + offset)); /* A1 */
		uint64_t size = header.detail * MOOR__UNIT;

		switch (moor__word_kind(header.word)) {
		case 0:
			return 0;
		case MOOR_ABI_WORD_MESSAGE:
			size = moor__claim_size(header.detail);
			tail->messages++;
			tail->bytes += header.detail;
			break;
		case MOOR_ABI_WORD_CLAIM: /* of which half may be stored, where a header is stored in two pieces */
			wrong = 0;
			break;
		case MOOR_ABI_WORD_PAD:
			break;
		default:
			return wrong;
		}
		if (!size || size % MOOR__LINE || size > capacity - offset || size > end - position)
			return wrong;
		position += size;
	}
	return 0;
}

/* What is published and not released. If the two sides go on meanwhile, what was so at some moment, or nearly. */
static int look_at_both(const unsigned char *data, uint64_t capacity, const struct moor_abi_consumer *consumer,
                        const struct moor_abi_many *many, struct moor__reached *ret_released,
                        struct moor__reached *ret_tail)
{
	int err = 0;

	for (int i = 0; i < STAT_TRIES; i++) {
		*ret_released = *ret_tail = moor__ring_released(consumer);
		if (!moor__position_is_sound(ret_released->position, many != NULL))
			return MOOR_ECORRUPT;
		err = many ? walk_claims(data, capacity, many, ret_tail) : moor__ring_walk(data, capacity, ret_tail);
		if (moor__ring_released(consumer).position == ret_released->position)
			return err;
	}
	return 0;
}

/*
 * A slot's life, its death counted, if it is dead, as the next one to look will: the word is still what it was before
 * the slot was found dead, and none comes twice.
 */
static uint64_t life_of(const struct moor_abi_slot *record, uint32_t slot, const struct moor__ring_watch *watch)
{
	uint64_t life = moor__acquire_64(&record->life); /* A5 */

	for (int i = 0; i < STAT_TRIES && watch && moor__life_attached(life) && !watch->alive(watch->arg, slot); i++) {
		const uint64_t again = moor__acquire_64(&record->life); /* A5 */

		if (again == life)
			return moor__life_after_death(life);
		life = again;
	}
	return life;
}

static void add_producer(const struct moor_abi_producer *producer, uint32_t slot, const struct moor__ring_watch *watch,
                         struct moor_channel_info *info)
{
	const uint64_t life = life_of(&producer->slot, slot, watch);

	info->waits += moor__load_64(&producer->quiet.waits);
	info->wakes += moor__load_64(&producer->quiet.wakes);
	info->recoveries += moor__life_recoveries(life);
	info->full += moor__load_64(&producer->full);
	info->closed += moor__life_closed(life);
	info->died += moor__life_died(life);
	info->attached += moor__life_ended(life) + moor__life_attached(life);
	info->producers += moor__life_attached(life);
}

int moor__ring_stat(const void *mem, const struct moor__geometry *geometry, const struct moor__ring_watch *watch,
                    struct moor_channel_info *ret_info)
{
	const unsigned char *base = mem;
	const struct moor_abi_consumer *consumer =
	    (const struct moor_abi_consumer *)(base + MOOR_ABI_RING_SLOTS_OFFSET);
	const struct moor_abi_producer *producer = (const struct moor_abi_producer *)(consumer + 1);
	const struct moor_abi_many *many = geometry->kind == MOOR_MPSC ? (const void *)(base + MOOR_ABI_MANY_OFFSET) : NULL;
	const uint64_t consumer_life = life_of(&consumer->slot, MOOR__CONSUMER, watch);
	struct moor_channel_info info = *ret_info;
	struct moor__reached released, tail;
	int err;

	info.waits = moor__load_64(&consumer->quiet.waits);
	info.wakes = moor__load_64(&consumer->quiet.wakes);
	info.recoveries = moor__life_recoveries(consumer_life);
	info.skipped = moor__load_64(&consumer->skipped);
	info.consumers = moor__life_attached(consumer_life);
	info.full = info.closed = info.died = info.attached = info.producers = 0;
	for (uint32_t i = 0; i < geometry->max_producers; i++)
		add_producer(&producer[i], MOOR__PRODUCER + i, watch, &info);
	err = look_at_both(base + geometry->data_offset, geometry->capacity, consumer, many, &released, &tail);
	if (err)
		return err;
	info.kind = geometry->kind;
	info.capacity = geometry->capacity;
	info.max_message = geometry->max_message;
	info.max_producers = geometry->max_producers;
	info.app_tag = geometry->app_tag;
	info.sent_messages = tail.messages;
	info.sent_bytes = tail.bytes;
	info.received_messages = released.messages;
	info.received_bytes = released.bytes;
	info.used = tail.bytes - released.bytes;
	info.occupied = tail.position - released.position;
	*ret_info = info;
	return 0;
}
