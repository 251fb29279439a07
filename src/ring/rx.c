/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rx.c - the consumer: peek, release, rewind, recv, and the end of the stream.
 *
 * release gives a record back in three steps that a successor can tell apart: `released` (it will not be delivered
 * again), the headers zeroed, `cleared` (the room is the producer's). A successor zeroes once more what lies between
 * the two.
 */
#include "base/copy.h"
#include "base/crash.h"
#include "base/slot_word.h"
#include "ring/ring.h"

/* Loops: a microsecond or so. */
#define SHORT_SPIN 100

static int state_error(const moor_rx *rx)
{
	return rx->state == MOOR__READY ? 0 : rx->state == MOOR__WIPED ? MOOR_EFORK : MOOR_ECORRUPT;
}

static int corrupt(moor_rx *rx)
{
	rx->state = MOOR__CORRUPT;
	return MOOR_ECORRUPT;
}

/* Nothing published at `seen`: can anything still come? Called in waits and in tries alike. */
static int rx_over(void *side, bool look)
{
	moor_rx *rx = side;
	struct moor_abi_slot *slot = &rx->ring.producer->slot;
	const uint64_t life =
	    look ? moor__ring_look(&rx->ring, MOOR__PRODUCER, slot) : moor__acquire_64(&slot->life); /* A5 */

	if (moor__life_attached(life))
		return 0;
	/* It may have published before it left. */
	if (!moor__word_is_open(moor__acquire_32(&moor__header_at(&rx->ring, rx->seen)->word))) /* A1 */
		return 0;
	if (moor__life_died(life) != rx->died_reported) {
		rx->died_reported = moor__life_died(life);
		moor__store_64(&rx->ring.consumer->died_reported, rx->died_reported);
		return MOOR_EPEERDEAD;
	}
	return rx->received || moor__life_ended(life) > rx->ended_before ? MOOR_ECLOSED : 0;
}

static bool rx_ready(void *side)
{
	const moor_rx *rx = side;

	return !moor__word_is_open(moor__acquire_32(&moor__header_at(&rx->ring, rx->seen)->word)); /* A1 */
}

/* A record found and checked, not yet counted as seen. */
struct found {
	uint64_t at, end;
	size_t len;
};

static int find_slow(moor_rx *rx, uint32_t word, struct found *ret_found);

static inline int check_message(moor_rx *rx, uint64_t at, uint32_t word, struct found *ret_found)
{
	const struct moor_abi_record_header *header = moor__header_at(&rx->ring, at);
	const uint64_t size = moor__word_size(word);
	const uint64_t len = size - MOOR__HEADER_SIZE - (moor__load_32(&header->detail) & MOOR__DETAIL_SLACK);

	if (moor__unlikely(size > rx->ring.capacity - (at & rx->ring.mask) || len > rx->max_message ||
	                   at + size - rx->head > rx->ring.capacity))
		return corrupt(rx);
	*ret_found = (struct found){at, at + size, (size_t)len};
	return 0;
}

/* The record at `seen`; MOOR_EAGAIN, or why none will come. */
static inline int find(moor_rx *rx, struct found *ret_found)
{
	uint32_t word;

	if (moor__unlikely(rx->state != MOOR__READY))
		return state_error(rx);
	word = moor__acquire_32(&moor__header_at(&rx->ring, rx->seen)->word); /* A1 */
	if (moor__unlikely(!moor__word_is_message(word)))
		return find_slow(rx, word, ret_found);
	return check_message(rx, rx->seen, word, ret_found);
}

static int find_slow(moor_rx *rx, uint32_t word, struct found *ret_found)
{
	uint64_t at = rx->seen;

	if (moor__word_is_open(word)) {
		const int err = rx_over(rx, moor__ring_look_due(&rx->ring));

		if (err)
			return err;
		word = moor__acquire_32(&moor__header_at(&rx->ring, at)->word); /* A1 */
		if (moor__word_is_open(word))
			return MOOR_EAGAIN;
	}
	if (moor__word_is_padding(word)) {
		const uint64_t left = rx->ring.capacity - (at & rx->ring.mask);

		/* Padding ends at the ring's end, and a message follows: there is at most one in each call. */
		if (moor__word_size(word) != left || left >= rx->ring.capacity)
			return corrupt(rx);
		at += left;
		word = moor__acquire_32(&moor__header_at(&rx->ring, at)->word); /* A1 */
	}
	return moor__word_is_message(word) ? check_message(rx, at, word, ret_found) : corrupt(rx);
}

static inline void see(moor_rx *rx, const struct found *found)
{
	rx->last = found->at;
	rx->seen = found->end;
	rx->peeked++;
	rx->peeked_bytes += found->len;
}

static void clear_header(moor_rx *rx, uint64_t position)
{
	moor__release_32(&moor__header_at(&rx->ring, position)->word, 0); /* R3: after `released` */
}

/* Several records at once: their headers say where they are, and are believed only as far as they can be right. */
static int clear_headers(moor_rx *rx)
{
	for (uint64_t at = rx->head; at < rx->seen;) {
		const uint64_t size = moor__word_size(moor__load_32(&moor__header_at(&rx->ring, at)->word));

		if (size == 0 || size > rx->seen - at)
			return corrupt(rx);
		clear_header(rx, at);
		MOOR_CRASH_POINT("rx: one cleared");
		at += size;
	}
	return 0;
}

/* Room that the producer may be spinning for must not stay untold while nothing comes (see `head`). */
static void publish_head(moor_rx *rx)
{
	rx->published_head = rx->head;
	moor__release_64(&rx->ring.consumer->head, rx->head); /* R2 */
}

/* What follows once `done` says what was released and the headers are zeroed. */
static inline void give_room(moor_rx *rx, uint64_t seen)
{
	struct moor_abi_consumer *me = rx->ring.consumer;
	const uint64_t head = rx->head;

	rx->head = seen;
	rx->received = true;
	MOOR_CRASH_POINT("rx: cleared");
	moor__release_64(&me->cleared, seen | rx->closes); /* R2 */
	MOOR_CRASH_POINT("rx: room given");
	if (moor__unlikely(seen - rx->published_head >= rx->ring.capacity / 8))
		publish_head(rx);
	moor__compiler_fence(); /* the processor's part: F1, F2 */
	if (moor__unlikely(moor__load_64(&rx->ring.producer->quiet.asleep) | rx->ring.fences))
		moor__ring_wake(&rx->ring, &me->quiet, &rx->ring.producer->quiet, head + MOOR__LINE, seen,
		                moor__low_half(&me->cleared));
}

static inline void count_released(moor_rx *rx, uint64_t seen, uint64_t messages, uint64_t bytes)
{
	struct moor_abi_done *done = &rx->ring.consumer->done[rx->turn];

	rx->turn ^= 1;
	rx->messages += messages;
	rx->bytes += bytes;
	moor__store_64(&done->messages, rx->messages);
	moor__store_64(&done->bytes, rx->bytes);
	MOOR_CRASH_POINT("rx: counted");
	moor__release_64(&done->released, seen); /* R3 */
	MOOR_CRASH_POINT("rx: released");
}

/* One record that ends at `end`, and the padding before it if it is not at `head`. */
static inline void release_one(moor_rx *rx, uint64_t at, uint64_t end, size_t len)
{
	const uint64_t head = rx->head;

	count_released(rx, end, 1, len);
	clear_header(rx, head);
	MOOR_CRASH_POINT("rx: one cleared");
	if (moor__unlikely(at != head))
		clear_header(rx, at);
	give_room(rx, end);
}

static void release_many(moor_rx *rx)
{
	count_released(rx, rx->seen, rx->peeked, rx->peeked_bytes);
	rx->peeked = 0;
	rx->peeked_bytes = 0;
	if (clear_headers(rx) == 0)
		give_room(rx, rx->seen);
}

int moor_rx_peek(moor_rx *rx, struct moor_msg *ret_msg)
{
	struct found found;
	const int err = find(rx, &found);

	if (moor__unlikely(err))
		return err;
	see(rx, &found);
	ret_msg->data = rx->ring.data + (found.at & rx->ring.mask) + MOOR__HEADER_SIZE;
	ret_msg->len = found.len;
	ret_msg->flags = 0;
	ret_msg->producer = 0;
	ret_msg->reserved = 0;
	return 0;
}

void moor_rx_release(moor_rx *rx)
{
	if (rx->state != MOOR__READY || !rx->peeked)
		return;
	if (moor__likely(rx->peeked == 1)) {
		const size_t len = (size_t)rx->peeked_bytes;

		rx->peeked = 0;
		rx->peeked_bytes = 0;
		release_one(rx, rx->last, rx->seen, len);
	} else {
		release_many(rx);
	}
}

int moor_rx_rewind(moor_rx *rx)
{
	int err;

	if (!rx)
		return MOOR_EINVAL;
	err = state_error(rx);
	if (err)
		return err;
	rx->seen = rx->head;
	rx->peeked = 0;
	rx->peeked_bytes = 0;
	return 0;
}

static int wait_message(moor_rx *rx, int64_t timeout_ns)
{
	const struct moor__wait wait = {.ready = rx_ready,
	                                .spin_ready = rx_ready,
	                                .over = rx_over,
	                                .side = rx,
	                                .word = &moor__header_at(&rx->ring, rx->seen)->word,
	                                .spin_word = &moor__header_at(&rx->ring, rx->seen)->word,
	                                .position = rx->seen,
	                                .mine = &rx->ring.consumer->quiet,
	                                .me = &rx->ring.consumer->slot,
	                                .peer = &rx->ring.producer->slot};

	publish_head(rx);
	return moor__ring_wait(&rx->ring, &wait, timeout_ns);
}

/* The shortest of waits, without all that a longer one needs: for the answer that is on its way. */
static inline void spin_shortly(const moor_rx *rx)
{
	const uint32_t *word = &moor__header_at(&rx->ring, rx->seen)->word;

	for (int i = 0; i < SHORT_SPIN && moor__word_is_open(moor__load_32(word)); i++)
		moor__pause();
}

static inline int find_waiting(moor_rx *rx, int64_t timeout_ns, struct found *ret_found)
{
	int err;

	if (timeout_ns != MOOR_NOWAIT && rx->ring.spin && rx->state == MOOR__READY)
		spin_shortly(rx);
	err = find(rx, ret_found);
	while (moor__unlikely(err == MOOR_EAGAIN) && timeout_ns != MOOR_NOWAIT) {
		err = wait_message(rx, timeout_ns);
		if (!err)
			err = find(rx, ret_found);
	}
	return err;
}

int moor_rx_recv(moor_rx *rx, void *buf, size_t cap, size_t *ret_len, int64_t timeout_ns)
{
	struct found found;
	int err;

	if (!rx || !ret_len || (!buf && cap) || timeout_ns < MOOR_FOREVER)
		return MOOR_EINVAL;
	err = find_waiting(rx, timeout_ns, &found);
	if (moor__unlikely(err))
		return err;
	if (moor__unlikely(found.len > cap)) {
		*ret_len = found.len;
		return MOOR_EMSGSIZE;
	}
	moor__copy(buf, rx->ring.data + (found.at & rx->ring.mask) + MOOR__HEADER_SIZE, found.len);
	MOOR_CRASH_POINT("rx: copied");
	*ret_len = found.len;
	if (moor__likely(!rx->peeked)) {
		rx->seen = found.end;
		release_one(rx, found.at, found.end, found.len);
	} else {
		see(rx, &found);
		release_many(rx);
	}
	return 0;
}

int moor_rx_wait(moor_rx *rx, int64_t timeout_ns)
{
	struct found found;

	if (!rx || timeout_ns < MOOR_FOREVER)
		return MOOR_EINVAL;
	return find_waiting(rx, timeout_ns, &found);
}

int moor_rx_interrupt(moor_rx *rx)
{
	if (!rx)
		return MOOR_EINVAL;
	if (rx->state == MOOR__WIPED)
		return MOOR_EFORK;
	rx->ring.ops->interrupt(rx->ring.sleeper);
	return 0;
}

int moor__rx_attach(moor_rx *rx, const struct moor__ring_attach *how)
{
	struct moor_abi_consumer *consumer = (struct moor_abi_consumer *)((char *)how->mem + MOOR_ABI_RING_SLOTS_OFFSET);
	struct moor_abi_producer *producer = (struct moor_abi_producer *)(consumer + 1);
	const uint64_t capacity = how->geometry.capacity;
	const struct moor__reached released = moor__ring_released(consumer);
	const uint64_t cleared_word = moor__load_64(&consumer->cleared);
	const uint64_t cleared = cleared_word & MOOR__ASLEEP_POSITION;

	if (released.position % MOOR__LINE || cleared > released.position || released.position - cleared > capacity)
		return MOOR_ECORRUPT;
	*rx = (moor_rx){.max_message = how->geometry.max_message,
	                .seen = released.position,
	                .head = released.position,
	                .messages = released.messages,
	                .bytes = released.bytes,
	                .published_head = released.position,
	                .turn = released.turn,
	                .closes = (uint32_t)(cleared_word % MOOR__LINE),
	                .ring = {.data = (unsigned char *)how->mem + how->geometry.data_offset,
	                         .mask = capacity - 1,
	                         .capacity = capacity,
	                         .consumer = consumer,
	                         .producer = producer,
	                         .ops = how->ops,
	                         .ops_arg = how->ops_arg,
	                         .sleeper = how->sleeper,
	                         .fences = how->registered ? 0 : MOOR__FENCE_FOR_ME}};
	/* What a dead predecessor released and had not cleared: where its records were nobody knows, so every line. */
	for (uint64_t at = cleared; at < released.position; at += MOOR__LINE)
		clear_header(rx, at);
	MOOR_CRASH_POINT("rx: taken over");
	moor__release_64(&consumer->cleared, released.position | rx->closes); /* R2 */
	moor__release_64(&consumer->head, released.position);                 /* R2 */
	rx->died_reported = moor__load_64(&consumer->died_reported);
	/* A look: one who died before this handle opened and was not seen to is not one that has been here since. */
	rx->ended_before = moor__life_ended(moor__ring_look(&rx->ring, MOOR__PRODUCER, &producer->slot)); /* A5 */
	moor__ring_enter(&rx->ring, &consumer->slot, &consumer->quiet, how->pid);
	rx->state = MOOR__READY;
	/* Whom the predecessor did not wake any more, or who waits for a consumer at all. */
	moor__fence();
	if (moor__load_64(&producer->quiet.asleep) & MOOR__ASLEEP)
		how->ops->wake(moor__low_half(&consumer->cleared));
	return 0;
}

/* A producer that sleeps must see the end: the word it sleeps on changes, after it can know why. */
void moor__rx_detach(moor_rx *rx)
{
	struct moor_abi_consumer *me = rx->ring.consumer;
	const uint64_t cleared = moor__load_64(&me->cleared) & MOOR__ASLEEP_POSITION;

	moor__ring_leave(&me->slot);
	moor__release_64(&me->cleared, cleared | ((rx->closes + 1) % MOOR__LINE)); /* R6 */
	MOOR_CRASH_POINT("rx: end marked");
	moor__fence();
	if (moor__load_64(&rx->ring.producer->quiet.asleep) & MOOR__ASLEEP)
		rx->ring.ops->wake(moor__low_half(&me->cleared));
	rx->state = MOOR__WIPED;
}
