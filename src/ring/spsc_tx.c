/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spsc_tx.c - the one producer of a ring: reserve, commit, cancel, and what waits for room.
 *
 * The header of a record is its publication, so a header that has not been published must read as zero, for certain.
 * The consumer zeroes the headers of what it releases; payload, padding and given-up reservations may leave anything in
 * the first word of a line, and the producer remembers such lines (`dirty`): before it publishes a record it zeroes the
 * header that follows, if that line is one of them.
 */
#include "base/checked.h"
#include "base/copy.h"
#include "base/crash.h"
#include "base/slot_word.h"
#include "ring/ring.h"

static inline bool is_dirty(const moor_tx *tx, uint64_t position)
{
	const uint64_t line = (position & tx->ring.mask) / MOOR__LINE;

	return tx->dirty[line / 64] >> (line % 64) & 1;
}

static void mark_clean(moor_tx *tx, uint64_t position)
{
	const uint64_t line = (position & tx->ring.mask) / MOOR__LINE;

	tx->dirty[line / 64] &= ~((uint64_t)1 << line % 64);
}

/* The lines of [from, to) may hold anything. At most one lap. */
static void mark_dirty(moor_tx *tx, uint64_t from, uint64_t to)
{
	uint64_t line = (from & tx->ring.mask) / MOOR__LINE, count = (to - from) / MOOR__LINE;
	const uint64_t lines = tx->ring.capacity / MOOR__LINE;

	while (count) {
		const uint64_t bit = line % 64, left = 64 - bit, step = count < left ? count : left;

		tx->dirty[line / 64] |= (step == 64 ? ~(uint64_t)0 : ((uint64_t)1 << step) - 1) << bit;
		line = (line + step) & (lines - 1);
		count -= step;
	}
}

static int corrupt(moor_tx *tx)
{
	tx->state = MOOR__CORRUPT;
	tx->limit = 0; /* no reserve passes without asking */
	tx->open.end = 0;
	return MOOR_ECORRUPT;
}

/* Takes a position that the consumer has published as cleared for what it is. */
static int learn(moor_tx *tx, uint64_t cleared)
{
	if (cleared <= tx->cleared)
		return 0;
	if (cleared > tx->tail || cleared % MOOR__LINE)
		return corrupt(tx);
	tx->cleared = cleared;
	tx->limit = cleared + tx->ring.capacity - MOOR__LINE;
	return 0;
}

/* Has the consumer cleared all before `position`, as far as `head` tells? 1, 0, MOOR_ECORRUPT. */
static int is_known_cleared(moor_tx *tx, uint64_t position)
{
	int err = 0;

	if (tx->cleared < position)
		err = learn(tx, moor__acquire_64(&tx->ring.consumer->head)); /* A2 */
	return err ? err : tx->cleared >= position;
}

/* Has it, for certain? It takes the line that the consumer writes with every message. */
static int is_cleared(moor_tx *tx, uint64_t position)
{
	uint64_t cleared;
	int err = is_known_cleared(tx, position);

	if (err)
		return err;
	cleared = moor__acquire_64(&tx->ring.consumer->cleared) & MOOR__ASLEEP_POSITION; /* A2 */
	if (cleared < tx->cleared)
		return corrupt(tx);
	err = learn(tx, cleared);
	return err ? err : tx->cleared >= position;
}

static int state_error(const moor_tx *tx)
{
	return tx->state == MOOR__READY ? 0 : tx->state == MOOR__WIPED ? MOOR_EFORK : MOOR_ECORRUPT;
}

/* What the consumer must have cleared so that a record may end at `end`. */
static uint64_t room_position(const moor_tx *tx, uint64_t end)
{
	return end - (tx->ring.capacity - MOOR__LINE);
}

struct tx_wait {
	moor_tx *tx;
	uint64_t position;
};

/* Can it come no more? It cannot when the consumer is gone; with none ever attached one may still come. */
static int tx_over(void *side, bool look)
{
	const struct tx_wait *wait = side;
	struct moor_abi_slot *slot = &wait->tx->ring.consumer->slot;
	const uint64_t life =
	    look ? moor__ring_look(&wait->tx->ring, MOOR__CONSUMER, slot) : moor__acquire_64(&slot->life); /* A5 */
	int cleared;

	if (moor__life_attached(life) || !moor__life_ended(life))
		return 0;
	cleared = is_cleared(wait->tx, wait->position); /* it may have released more before it left */
	if (cleared)
		return cleared < 0 ? cleared : 0;
	return moor__life_last_died(life) ? MOOR_EPEERDEAD : MOOR_ECLOSED;
}

static bool tx_ready(void *side)
{
	const struct tx_wait *wait = side;

	return is_cleared(wait->tx, wait->position) != 0;
}

static bool tx_known_ready(void *side)
{
	const struct tx_wait *wait = side;

	return is_known_cleared(wait->tx, wait->position) != 0;
}

static int wait_cleared(moor_tx *tx, uint64_t position, int64_t timeout_ns)
{
	struct tx_wait side = {tx, position};
	const struct moor__wait wait = {.ready = tx_ready,
	                                .spin_ready = tx_known_ready,
	                                .over = tx_over,
	                                .side = &side,
	                                .word = moor__low_half(&tx->ring.consumer->cleared),
	                                /* Not `cleared`, which changes with every message: to read it each time takes
	                                   its line from the consumer each time. */
	                                .spin_word = moor__low_half(&tx->ring.consumer->head),
	                                .position = position,
	                                .mine = &tx->ring.producer->quiet,
	                                .me = &tx->ring.producer->slot,
	                                .peer = &tx->ring.consumer->slot};
	const int err = moor__ring_wait(&tx->ring, &wait, timeout_ns);

	return err ? err : state_error(tx);
}

/* The slow part of reserve: may a record end at `end`? */
static int make_room(moor_tx *tx, uint64_t end)
{
	struct tx_wait side = {tx, 0};
	int err = state_error(tx);

	if (err)
		return err;
	side.position = room_position(tx, end);
	err = is_cleared(tx, side.position);
	if (err)
		return err < 0 ? err : 0;
	moor__store_64(&tx->ring.producer->full, moor__load_64(&tx->ring.producer->full) + 1);
	err = tx_over(&side, moor__ring_look_due(&tx->ring));
	if (err)
		return err;
	return tx->cleared >= side.position ? 0 : MOOR_EAGAIN;
}

/* The same for a call that may wait: while the consumer is busy it goes by what that tells of itself. */
static int await_room(moor_tx *tx, uint64_t end, int64_t timeout_ns)
{
	const int err = state_error(tx);
	uint64_t position;

	if (err)
		return err;
	position = room_position(tx, end);
	if (is_known_cleared(tx, position))
		return state_error(tx);
	moor__store_64(&tx->ring.producer->full, moor__load_64(&tx->ring.producer->full) + 1);
	return wait_cleared(tx, position, timeout_ns);
}

static int refuse(const moor_tx *tx)
{
	const int err = state_error(tx);

	return err ? err : tx->open.end ? MOOR_EINVAL : MOOR_EMSGSIZE;
}

/* Where a message of len bytes goes: after the padding that a record in one piece needs at the ring's end. */
static inline uint64_t place(const moor_tx *tx, uint64_t size)
{
	const uint64_t left = tx->ring.capacity - (tx->tail & tx->ring.mask);

	return moor__unlikely(size > left) ? tx->tail + left : tx->tail;
}

/* Finds room; without any it waits, unless the time-out is MOOR_NOWAIT. Nothing is changed by it. */
static inline int find_room(moor_tx *tx, size_t len, int64_t timeout_ns, struct moor__room *ret_room)
{
	uint64_t size, at;

	if (moor__unlikely(len > tx->max_message || tx->open.end))
		return refuse(tx);
	size = moor__record_size(len);
	at = place(tx, size);
	if (moor__unlikely(at + size > tx->limit)) {
		const int err = timeout_ns == MOOR_NOWAIT ? make_room(tx, at + size) : await_room(tx, at + size, timeout_ns);

		if (err)
			return err;
	}
	*ret_room = (struct moor__room){at, at + size, len};
	return 0;
}

static inline unsigned char *payload(const moor_tx *tx, const struct moor__room *room)
{
	return tx->ring.data + (room->at & tx->ring.mask) + MOOR__HEADER_SIZE;
}

static inline void publish(moor_tx *tx, const struct moor__room *room, size_t len)
{
	/* Private words, read once: after each access to a shared one the compiler would read them again. */
	struct moor__ring *const ring = &tx->ring;
	const uint64_t at = room->at, start = tx->tail, size = moor__record_size(len), end = at + size;
	const uint64_t messages = tx->messages + 1, bytes = tx->bytes + len, fences = ring->fences;
	const uint64_t *const asleep = &ring->consumer->quiet.asleep;
	struct moor_abi_record *const record = &ring->producer->record[(tx->messages ^ tx->turn) & 1];
	struct moor_abi_record_header *const header = moor__header_at(ring, at);
	struct moor_abi_record_header *const next = moor__header_at(ring, end);

	if (room->end - start > MOOR__LINE)
		mark_dirty(tx, start + MOOR__LINE, room->end);
	if (moor__unlikely(end < tx->dirty_end) || is_dirty(tx, end)) {
		moor__store_32(&next->word, 0);
		mark_clean(tx, end);
	}
	MOOR_CRASH_POINT("tx: zeroed");
	tx->messages = messages;
	tx->bytes = bytes;
	tx->tail = end;
	moor__store_64(&record->end, end);
	MOOR_CRASH_POINT("tx: end announced");
	moor__store_64(&record->messages, messages);
	moor__store_64(&record->bytes, bytes);
	/* R4: the copy is whole, and the header at end reads zero. */
	moor__release_64(&record->position, start | MOOR__RECORD_WRITTEN);
	MOOR_CRASH_POINT("tx: announced");
	moor__publish_header(header, moor__record_word(size), (uint32_t)(size - MOOR__HEADER_SIZE - len)); /* R1 */
	if (moor__unlikely(at != start)) {
		MOOR_CRASH_POINT("tx: before padding");
		/* The record is seen by whoever sees the padding before it. */
		moor__release_32(&moor__header_at(ring, start)->word, MOOR_ABI_WORD_PAD | moor__record_word(at - start)); /* R1 */
	}
	MOOR_CRASH_POINT("tx: published");
	/* Not for its value, which is 0: the line that comes next is fetched from the consumer, who zeroed it a lap
	 * ago, while that is busy with this record, and the next publication finds it here. It pays for records of one
	 * line (doc/design.md, "What was measured"). */
	if (moor__likely(end - start == MOOR__LINE))
		moor__store_32(&next->word, 0);
	moor__compiler_fence(); /* the processor's part: F1, F2 */
	if (moor__unlikely(moor__load_64(asleep) | fences))
		moor__ring_wake(ring, &ring->producer->quiet, &ring->consumer->quiet, start, start,
		                &moor__header_at(ring, start)->word);
}

int moor_tx_reserve(moor_tx *tx, size_t len, void **ret_data)
{
	struct moor__room room;
	const int err = find_room(tx, len, MOOR_NOWAIT, &room);

	if (moor__unlikely(err))
		return err;
	tx->open = room;
	*ret_data = payload(tx, &room);
	return 0;
}

int moor_tx_commit(moor_tx *tx, size_t len)
{
	if (moor__unlikely(!tx->open.end || len > tx->open.len)) {
		const int err = state_error(tx);

		return err ? err : MOOR_EINVAL;
	}
	publish(tx, &tx->open, len);
	tx->open.end = 0;
	return 0;
}

static void cancel(moor_tx *tx)
{
	if (!tx->open.end)
		return;
	if (tx->open.end - tx->tail > MOOR__LINE)
		mark_dirty(tx, tx->tail + MOOR__LINE, tx->open.end);
	tx->open.end = 0;
}

void moor_tx_cancel(moor_tx *tx)
{
	cancel(tx);
}

int moor_tx_send(moor_tx *tx, const void *data, size_t len, int64_t timeout_ns)
{
	struct moor__room room;
	int err;

	if (!tx || (!data && len) || timeout_ns < MOOR_FOREVER)
		return MOOR_EINVAL;
	err = find_room(tx, len, timeout_ns, &room);
	if (err)
		return err;
	MOOR_CRASH_POINT("tx: reserved");
	moor__copy(payload(tx, &room), data, len);
	MOOR_CRASH_POINT("tx: copied");
	publish(tx, &room, len);
	return 0;
}

int moor_tx_sendv(moor_tx *tx, const struct moor_iov *iov, size_t n, int64_t timeout_ns)
{
	struct moor__room room;
	unsigned char *to;
	size_t len = 0;
	int err;

	if (!tx || (!iov && n) || timeout_ns < MOOR_FOREVER)
		return MOOR_EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (!iov[i].data && iov[i].len)
			return MOOR_EINVAL;
		if (!moor__add_size(len, iov[i].len, &len)) {
			err = state_error(tx);
			return err ? err : MOOR_EMSGSIZE;
		}
	}
	err = find_room(tx, len, timeout_ns, &room);
	if (err)
		return err;
	to = payload(tx, &room);
	for (size_t i = 0; i < n; i++) {
		moor__copy(to, iov[i].data, iov[i].len);
		to += iov[i].len;
	}
	publish(tx, &room, len);
	return 0;
}

int moor_tx_wait(moor_tx *tx, size_t len, int64_t timeout_ns)
{
	uint64_t size, end;

	if (!tx || timeout_ns < MOOR_FOREVER)
		return MOOR_EINVAL;
	if (len > tx->max_message || tx->open.end)
		return refuse(tx);
	size = moor__record_size(len);
	end = place(tx, size) + size;
	if (end <= tx->limit)
		return 0;
	return timeout_ns == MOOR_NOWAIT ? make_room(tx, end) : await_room(tx, end, timeout_ns);
}

int moor_tx_drain(moor_tx *tx, int64_t timeout_ns)
{
	struct tx_wait side;
	int err;

	if (!tx || timeout_ns < MOOR_FOREVER)
		return MOOR_EINVAL;
	err = state_error(tx);
	if (err)
		return err;
	side = (struct tx_wait){tx, tx->tail};
	err = is_cleared(tx, tx->tail);
	if (err)
		return err < 0 ? err : 0;
	if (timeout_ns != MOOR_NOWAIT)
		return wait_cleared(tx, tx->tail, timeout_ns);
	err = tx_over(&side, moor__ring_look_due(&tx->ring));
	if (err)
		return err;
	return tx->cleared >= tx->tail ? 0 : MOOR_EAGAIN;
}

int moor_tx_interrupt(moor_tx *tx)
{
	if (!tx)
		return MOOR_EINVAL;
	if (tx->state == MOOR__WIPED)
		return MOOR_EFORK;
	tx->ring.ops->interrupt(tx->ring.sleeper);
	return 0;
}

size_t moor_tx_max_message(const moor_tx *tx)
{
	return tx ? tx->max_message : 0;
}

uint64_t moor_tx_capacity(const moor_tx *tx)
{
	return tx ? tx->ring.capacity : 0;
}

int moor__tx_attach(moor_tx *tx, const struct moor__ring_attach *how, uint64_t *dirty)
{
	struct moor_abi_consumer *consumer = (struct moor_abi_consumer *)((char *)how->mem + MOOR_ABI_RING_SLOTS_OFFSET);
	struct moor_abi_producer *producer = (struct moor_abi_producer *)(consumer + 1);
	unsigned char *data = (unsigned char *)how->mem + how->geometry.data_offset;
	const uint64_t capacity = how->geometry.capacity;
	struct moor__reached tail;
	uint64_t cleared;
	int err;

	err = moor__ring_tail(data, capacity, producer, consumer, &tail);
	if (err)
		return err;
	cleared = moor__acquire_64(&consumer->cleared) & MOOR__ASLEEP_POSITION; /* A2 */
	if (cleared > tail.position || tail.position - cleared > capacity)
		return MOOR_ECORRUPT;
	*tx = (moor_tx){.max_message = how->geometry.max_message,
	                .tail = tail.position,
	                .limit = cleared + capacity - MOOR__LINE,
	                .messages = tail.messages,
	                .bytes = tail.bytes,
	                .dirty = dirty,
	                .cleared = cleared,
	                .turn = (tail.turn ^ tail.messages) & 1,
	                .ring = {.data = data,
	                         .mask = capacity - 1,
	                         .capacity = capacity,
	                         .consumer = consumer,
	                         .producer = producer,
	                         .ops = how->ops,
	                         .ops_arg = how->ops_arg,
	                         .sleeper = how->sleeper,
	                         .fences = how->registered ? 0 : MOOR__FENCE_FOR_ME}};
	/* A ring that never had a producer is clean; what a predecessor left where, nobody knows. */
	if (moor__load_64(&producer->slot.life))
		tx->dirty_end = tail.position + capacity;
	MOOR_CRASH_POINT("tx: taken over");
	moor__ring_enter(&tx->ring, &producer->slot, &producer->quiet, how->pid);
	tx->state = MOOR__READY;
	return 0;
}

/* A consumer that sleeps must see the end: the word it sleeps on changes, after it can know why. */
void moor__tx_detach(moor_tx *tx)
{
	struct moor__ring *ring = &tx->ring;
	uint32_t *word = &moor__header_at(ring, tx->tail)->word;
	uint32_t now;

	cancel(tx);
	moor__ring_leave(&ring->producer->slot);
	now = moor__load_32(word);
	if (moor__word_is_open(now))
		moor__release_32(word, moor__word_next_end(now)); /* R6 */
	MOOR_CRASH_POINT("tx: end marked");
	moor__fence();
	if (moor__load_64(&ring->consumer->quiet.asleep) & MOOR__ASLEEP)
		ring->ops->wake(word);
	tx->state = MOOR__WIPED;
}
