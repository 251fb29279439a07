/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spsc_tx.c - the one producer of a ring: reserve, commit, cancel, and what waits for room.
 *
 * The header of a record is its publication, so a header that has not been published must read as zero, for certain,
 * whatever payload lay there. So the header that follows a record is zeroed before that is published: the consumer that
 * sees the one sees the other. The consumer writes nothing here; what is published and not released stands between
 * `released` and the header that reads zero, and a successor finds the tail there.
 *
 * The fast paths read the private words that they need into variables before the first access to a shared one: after
 * each of those the compiler must read memory again.
 */
#include "base/checked.h"
#include "base/copy.h"
#include "base/crash.h"
#include "base/slot_word.h"
#include "ring/mpsc.h"
#include "ring/tx.h"

#define CACHE_LINE 64u

/* `within`: a unit less than the lap, so that the header that follows lies there too. */
void moor__tx_set_straight(moor_tx *tx)
{
	const uint64_t lap = (tx->tail | tx->ring.mask) + 1 - MOOR__UNIT;
	const bool ready = moor__own_32(&tx->state) == MOOR__READY && !tx->ring.fences;
	const bool idle = ready && !moor__own_64(&tx->open.end);
	uint64_t within = lap < tx->limit ? lap : tx->limit;

	if (!ready || tx->ring.many)
		within = 0;
	moor__set_own_64(&tx->within, within);
	moor__set_own_64(&tx->straight, idle ? within : 0);
	moor__set_own_64(&tx->room, idle && tx->ring.many ? tx->ring.capacity - MOOR__LINE : 0);
}

void moor__tx_stop(moor_tx *tx)
{
	moor__store_32(&tx->state, MOOR__CORRUPT);
	moor__store_64(&tx->straight, 0);
	moor__store_64(&tx->within, 0);
	moor__store_64(&tx->room, 0);
	moor__store_64(&tx->open.end, 0);
}

int moor__tx_corrupt(moor_tx *tx)
{
	moor__tx_stop(tx);
	if (tx->ring.ops->corrupted)
		tx->ring.ops->corrupted(tx->ring.ops_arg);
	return MOOR_ECORRUPT;
}

/* Takes a position that the consumer has published as released for what it is. */
static int learn(moor_tx *tx, uint64_t released)
{
	if (released <= tx->released)
		return 0;
	if (released % MOOR__UNIT || (tx->ring.many ? !moor__position_is_sound(released, true) : released > tx->tail))
		return moor__tx_corrupt(tx);
	if ((released ^ tx->released) >= tx->ring.capacity / 8) /* into another eighth */
		moor__ring_note_cpu(&tx->ring, &tx->ring.producer->slot);
	tx->released = released;
	tx->limit = released + tx->ring.capacity - MOOR__UNIT;
	moor__tx_set_straight(tx);
	return 0;
}

/* Has the consumer released all before `position`, as far as `head` tells? 1, 0, MOOR_ECORRUPT. */
static int is_known_released(moor_tx *tx, uint64_t position)
{
	int err = 0;

	if (tx->released < position)
		err = learn(tx, moor__acquire_64(&tx->ring.consumer->head)); /* A2 */
	return err ? err : tx->released >= position;
}

/* Has it, for certain? It takes the line that the consumer writes with every message. */
int moor__tx_is_released(moor_tx *tx, uint64_t position)
{
	uint64_t released;
	int err = is_known_released(tx, position);

	if (err)
		return err;
	released = moor__acquire_64(&tx->ring.consumer->released) & MOOR__POSITION; /* A2 */
	if (released < tx->released)
		return moor__tx_corrupt(tx);
	err = learn(tx, released);
	return err ? err : tx->released >= position;
}

int moor__tx_state_error(const moor_tx *tx)
{
	const uint32_t state = moor__own_32(&tx->state);

	return state == MOOR__READY ? 0 : state == MOOR__WIPED ? MOOR_EFORK : MOOR_ECORRUPT;
}

/* What the consumer must have released so that a record may end at `end`. */
static uint64_t room_position(const moor_tx *tx, uint64_t end)
{
	return end - (tx->ring.capacity - MOOR__UNIT);
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
	    look ? moor__ring_look(&wait->tx->ring, MOOR__CONSUMER, slot) : moor__ring_life(&wait->tx->ring, slot);
	int released;

	if (moor__own_32(&wait->tx->state) != MOOR__READY)
		return moor__tx_state_error(wait->tx);
	if (moor__life_attached(life) || !moor__life_ended(life))
		return 0;
	released = moor__tx_is_released(wait->tx, wait->position); /* it may have released more before it left */
	if (released)
		return released < 0 ? released : 0;
	return moor__life_last_died(life) ? MOOR_EPEERDEAD : MOOR_ECLOSED;
}

static bool tx_ready(void *side)
{
	const struct tx_wait *wait = side;

	return moor__tx_is_released(wait->tx, wait->position) != 0;
}

static bool tx_known_ready(void *side)
{
	const struct tx_wait *wait = side;

	return is_known_released(wait->tx, wait->position) != 0;
}

/* Room for many messages, and perhaps for more than one of the longest. */
static bool tx_paid(void *side)
{
	const struct tx_wait *wait = side;

	return wait->tx->released - wait->position >= wait->tx->ring.capacity / 16;
}

/* For room: the wait goes by `head`. Or for that and nothing else: by `released`. */
static int wait_released(moor_tx *tx, uint64_t position, bool room, int64_t timeout_ns)
{
	struct moor_abi_consumer *const consumer = tx->ring.consumer;
	struct tx_wait side = {tx, position};
	const struct moor__wait wait = {.ready = tx_ready,
	                                .spin_ready = room ? tx_known_ready : tx_ready,
	                                .paid = room ? tx_paid : NULL,
	                                .over = tx_over,
	                                .side = &side,
	                                .word = moor__low_half(&consumer->released),
	                                /* `released` changes with every message: to read it each time takes its line from
	                                   the consumer each time. */
	                                .spin_word = moor__low_half(room ? &consumer->head : &consumer->released),
	                                .position = position,
	                                .mine = &tx->ring.producer->quiet,
	                                .me = &tx->ring.producer->slot,
	                                .peer = &consumer->slot};
	const int err = moor__ring_wait(&tx->ring, &wait, timeout_ns);

	return err ? err : moor__tx_state_error(tx);
}

/* The slow part of reserve: may a record end at `end`? */
int moor__tx_make_room(moor_tx *tx, uint64_t end)
{
	struct tx_wait side = {tx, 0};
	int err = moor__tx_state_error(tx);

	if (err)
		return err;
	side.position = room_position(tx, end);
	err = moor__tx_is_released(tx, side.position);
	if (err)
		return err < 0 ? err : 0;
	moor__store_64(&tx->ring.producer->full, moor__load_64(&tx->ring.producer->full) + 1);
	err = tx_over(&side, moor__ring_look_due(&tx->ring));
	if (err)
		return err;
	return tx->released >= side.position ? 0 : MOOR_EAGAIN;
}

/* The same for a call that may wait: while the consumer is busy it goes by what that tells of itself. */
int moor__tx_await_room(moor_tx *tx, uint64_t end, int64_t timeout_ns)
{
	const int err = moor__tx_state_error(tx);
	uint64_t position;

	if (err)
		return err;
	position = room_position(tx, end);
	if (is_known_released(tx, position))
		return moor__tx_state_error(tx);
	moor__store_64(&tx->ring.producer->full, moor__load_64(&tx->ring.producer->full) + 1);
	return wait_released(tx, position, true, timeout_ns);
}

static int refuse(const moor_tx *tx)
{
	const int err = moor__tx_state_error(tx);

	return err ? err : moor__own_64(&tx->open.end) ? MOOR_EINVAL : MOOR_EMSGSIZE;
}

/* Where a message of len bytes goes: after the padding that a record in one piece needs at the ring's end. */
static inline uint64_t place(const moor_tx *tx, uint64_t size)
{
	const uint64_t left = tx->ring.capacity - (tx->tail & tx->ring.mask);

	return moor__unlikely(size > left) ? tx->tail + left : tx->tail;
}

/* Finds room; without any it waits, unless the time-out is MOOR_NOWAIT. Nothing is changed by it. */
static int find_room(moor_tx *tx, size_t len, int64_t timeout_ns, struct moor__room *ret_room)
{
	uint64_t size, at;

	if (len > tx->max_message || moor__own_64(&tx->open.end))
		return refuse(tx);
	size = moor__record_size(len);
	at = place(tx, size);
	if (at + size > tx->limit || moor__own_32(&tx->state) != MOOR__READY) {
		const int err = timeout_ns == MOOR_NOWAIT ? moor__tx_make_room(tx, at + size)
		                                          : moor__tx_await_room(tx, at + size, timeout_ns);

		if (err)
			return err;
	}
	*ret_room = (struct moor__room){at, len, at + size};
	return 0;
}

static inline unsigned char *payload(const moor_tx *tx, uint64_t at)
{
	return tx->ring.data + (at & tx->ring.mask) + MOOR__HEADER_SIZE;
}

/* What began at the tail is published. Returns 0. */
static MOOR__NOINLINE int advance_and_wake(moor_tx *tx, uint64_t end)
{
	const uint64_t at = tx->tail;

	tx->tail = end;
	moor__ring_wake(&tx->ring, &tx->ring.producer->quiet, &tx->ring.consumer->quiet, at, at,
	                &moor__header_at(&tx->ring, at)->word);
	return 0;
}

/*
 * Publishes the record of `size` at the tail, whose header is given, within the lap, with room, and without fences of
 * this side's own. The next header, if that record has the same size, is looked after here: where it begins a line, the
 * line must be fetched, and now it can be while the consumer is busy. In the midst of a line there is no need
 * (doc/design.md, "Who zeroes the headers"). Returns 0.
 */
static MOOR__ALWAYS_INLINE int publish_straight(moor_tx *tx, struct moor_abi_record_header *header, uint64_t end,
                                                uint64_t size, size_t len)
{
	moor__store_32(&moor__header_after(header, size)->word, 0);
	MOOR_CRASH_POINT("tx: zeroed");
	moor__publish_header(header, MOOR_ABI_WORD_MESSAGE, (uint32_t)len); /* R1 */
	MOOR_CRASH_POINT("tx: published");
	if ((end + size) % CACHE_LINE == 0 && end + size <= moor__own_64(&tx->within))
		moor__store_32(&moor__header_after(header, 2 * size)->word, 0);
	moor__compiler_fence(); /* the processor's part: F1, F2 */
	if (moor__unlikely(moor__load_64(&tx->ring.consumer->quiet.asleep)))
		return advance_and_wake(tx, end);
	tx->tail = end;
	return 0;
}

/* The same in the general case: behind padding, perhaps, and perhaps in a room that is larger. */
static void publish(moor_tx *tx, const struct moor__room *room, size_t len)
{
	const uint64_t start = tx->tail, size = moor__record_size(len), end = room->at + size;

	if (room->end <= moor__own_64(&tx->within)) {
		publish_straight(tx, moor__header_at(&tx->ring, start), end, size, len);
		return;
	}
	moor__store_32(&moor__header_at(&tx->ring, end)->word, 0);
	MOOR_CRASH_POINT("tx: zeroed");
	moor__publish_header(moor__header_at(&tx->ring, room->at), MOOR_ABI_WORD_MESSAGE, (uint32_t)len); /* R1 */
	if (room->at != start) {
		MOOR_CRASH_POINT("tx: before padding");
		/* The record is seen by whoever sees the padding before it. */
		moor__publish_header(moor__header_at(&tx->ring, start), MOOR_ABI_WORD_PAD,
		                     (uint32_t)((room->at - start) / MOOR__UNIT)); /* R1 */
		MOOR_CRASH_POINT("tx: padding published");
	} else {
		MOOR_CRASH_POINT("tx: published");
	}
	moor__compiler_fence(); /* the processor's part: F1, F2 */
	if (moor__unlikely(moor__load_64(&tx->ring.consumer->quiet.asleep) | tx->ring.fences))
		advance_and_wake(tx, end);
	tx->tail = end;
	moor__tx_set_straight(tx);
}

static inline void open_room(moor_tx *tx, const struct moor__room *room)
{
	tx->open.at = room->at;
	tx->open.len = room->len;
	moor__set_own_64(&tx->open.end, room->end);
	moor__set_own_64(&tx->straight, 0);
}

static MOOR__NOINLINE int reserve(moor_tx *tx, size_t len, void **ret_data)
{
	struct moor__room room;
	int err;

	if (tx->ring.many)
		return moor__mpsc_reserve(tx, len, ret_data);
	err = find_room(tx, len, MOOR_NOWAIT, &room);
	if (err)
		return err;
	open_room(tx, &room);
	*ret_data = payload(tx, room.at);
	return 0;
}

int moor_tx_reserve(moor_tx *tx, size_t len, void **ret_data)
{
	const uint64_t at = tx->tail, end = at + moor__record_size(len);

	if (moor__unlikely(len > tx->max_message || end > moor__own_64(&tx->straight)))
		return reserve(tx, len, ret_data);
	open_room(tx, &(struct moor__room){at, len, end});
	*ret_data = payload(tx, at);
	return 0;
}

static MOOR__NOINLINE int commit_slowly(moor_tx *tx, size_t len)
{
	struct moor__room room = {tx->open.at, tx->open.len, moor__own_64(&tx->open.end)};

	if (!room.end || len > room.len) {
		const int err = moor__tx_state_error(tx);

		return err ? err : MOOR_EINVAL;
	}
	if (tx->ring.many) {
		moor__mpsc_commit(tx, len);
		return 0;
	}
	moor__set_own_64(&tx->open.end, 0);
	moor__tx_set_straight(tx);
	publish(tx, &room, len);
	return 0;
}

int moor_tx_commit(moor_tx *tx, size_t len)
{
	const uint64_t end = moor__own_64(&tx->open.end), within = moor__own_64(&tx->within), at = tx->tail;
	const uint64_t size = moor__record_size(len);

	/* Behind padding a record ends beyond the lap. */
	if (moor__unlikely(!end || end > within || len > tx->open.len))
		return commit_slowly(tx, len);
	moor__set_own_64(&tx->open.end, 0);
	moor__set_own_64(&tx->straight, within);
	return publish_straight(tx, moor__header_at(&tx->ring, at), at + size, size, len);
}

static void cancel(moor_tx *tx)
{
	if (!moor__own_64(&tx->open.end))
		return;
	if (tx->ring.many) {
		moor__mpsc_cancel(tx);
		return;
	}
	moor__set_own_64(&tx->open.end, 0);
	moor__tx_set_straight(tx);
}

void moor_tx_cancel(moor_tx *tx)
{
	cancel(tx);
}

MOOR__NOINLINE int moor__tx_send_slowly(moor_tx *tx, const void *data, size_t len, int64_t timeout_ns)
{
	struct moor__room room;
	int err;

	if (!tx || (!data && len) || timeout_ns < MOOR_FOREVER)
		return MOOR_EINVAL;
	if (tx->ring.many)
		return moor__mpsc_sendv(tx, &(struct moor_iov){data, len}, 1, len, timeout_ns);
	err = find_room(tx, len, timeout_ns, &room);
	if (err)
		return err;
	MOOR_CRASH_POINT("tx: reserved");
	moor__copy(payload(tx, room.at), data, len);
	MOOR_CRASH_POINT("tx: copied");
	publish(tx, &room, len);
	return 0;
}

int moor_tx_send(moor_tx *tx, const void *data, size_t len, int64_t timeout_ns)
{
	struct moor_abi_record_header *header;
	uint64_t size, at, end;

	if (moor__unlikely(!tx || len > tx->short_max || !data))
		return moor__tx_send_slowly(tx, data, len, timeout_ns);
	size = moor__record_size(len);
	at = tx->tail;
	end = at + size;
	if (moor__unlikely(end > moor__own_64(&tx->straight) || timeout_ns < MOOR_FOREVER))
		return tx->ring.many ? moor__mpsc_send(tx, data, len, timeout_ns)
		                     : moor__tx_send_slowly(tx, data, len, timeout_ns);
	header = moor__header_at(&tx->ring, at);
	MOOR_CRASH_POINT("tx: reserved");
	moor__copy_short(header + 1, data, len);
	MOOR_CRASH_POINT("tx: copied");
	return publish_straight(tx, header, end, size, len);
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
			err = moor__tx_state_error(tx);
			return err ? err : MOOR_EMSGSIZE;
		}
	}
	if (tx->ring.many)
		return moor__mpsc_sendv(tx, iov, n, len, timeout_ns);
	err = find_room(tx, len, timeout_ns, &room);
	if (err)
		return err;
	to = payload(tx, room.at);
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
	if (tx->ring.many)
		return moor__mpsc_wait(tx, len, timeout_ns);
	if (len > tx->max_message || moor__own_64(&tx->open.end))
		return refuse(tx);
	size = moor__record_size(len);
	end = place(tx, size) + size;
	if (end <= tx->limit && moor__own_32(&tx->state) == MOOR__READY)
		return 0;
	return timeout_ns == MOOR_NOWAIT ? moor__tx_make_room(tx, end) : moor__tx_await_room(tx, end, timeout_ns);
}

int moor_tx_drain(moor_tx *tx, int64_t timeout_ns)
{
	struct tx_wait side;
	int err;

	if (!tx || timeout_ns < MOOR_FOREVER)
		return MOOR_EINVAL;
	err = moor__tx_state_error(tx);
	if (err)
		return err;
	side = (struct tx_wait){tx, tx->tail};
	if (tx->ring.many) {
		err = moor__mpsc_tail(tx, &side.position);
		if (err)
			return err;
	}
	err = moor__tx_is_released(tx, side.position);
	if (err)
		return err < 0 ? err : 0;
	if (timeout_ns != MOOR_NOWAIT)
		return wait_released(tx, side.position, false, timeout_ns);
	err = tx_over(&side, moor__ring_look_due(&tx->ring));
	if (err)
		return err;
	return tx->released >= side.position ? 0 : MOOR_EAGAIN;
}

/* Where a message of the greatest size would end. 0 or MOOR_ECORRUPT. */
static int greatest_end(moor_tx *tx, uint64_t *ret_end)
{
	const uint64_t size = moor__record_size(tx->max_message);

	if (tx->ring.many)
		return moor__mpsc_end_of(tx, tx->max_message, ret_end);
	*ret_end = place(tx, size) + size;
	return 0;
}

int moor__tx_look(moor_tx *tx)
{
	int err = moor__tx_state_error(tx);
	uint64_t end;

	if (!err)
		err = greatest_end(tx, &end);
	if (err)
		return err;
	if (end <= tx->limit)
		return 0;
	err = moor__tx_make_room(tx, end);
	return err == MOOR_ECLOSED || err == MOOR_EPEERDEAD ? 0 : err;
}

int moor__tx_announce(moor_tx *tx, const uint32_t **ret_word, uint32_t *ret_expected)
{
	uint64_t end;

	if (greatest_end(tx, &end))
		end = 0; /* whoever looks again will be told */
	moor__ring_announce(&tx->ring, &tx->ring.producer->quiet, room_position(tx, end));
	*ret_word = moor__low_half(&tx->ring.consumer->released);
	*ret_expected = moor__acquire_32(*ret_word);
	return moor__tx_look(tx);
}

void moor__tx_withdraw(moor_tx *tx)
{
	moor__store_64(&tx->ring.producer->quiet.asleep, tx->ring.asleep_word);
}

int moor_tx_interrupt(moor_tx *tx)
{
	if (!tx)
		return MOOR_EINVAL;
	if (moor__own_32(&tx->state) == MOOR__WIPED)
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

/* It may have published, and not told any more; and the end of its bell, which would tell, is replaced by this one's. */
static void wake_for_predecessor(moor_tx *tx)
{
	const bool held = moor__ring_hold_bell(&tx->ring);
	const uint64_t asleep = moor__load_64(&tx->ring.consumer->quiet.asleep);
	const uint32_t *const word = &moor__header_at(&tx->ring, asleep & MOOR__POSITION)->word;

	if (asleep & MOOR__ARMED ? held : (asleep & MOOR__ASLEEP) && !moor__word_is_open(moor__load_32(word)))
		moor__ring_tell(&tx->ring, asleep, word);
}

int moor__tx_attach(moor_tx *tx, const struct moor__ring_attach *how)
{
	struct moor_abi_consumer *const consumer = how->consumer;
	struct moor_abi_producer *const producer = how->producer + (how->many ? how->slot - MOOR__PRODUCER : 0);
	unsigned char *const data = how->data;
	const uint64_t capacity = how->geometry.capacity;
	/* What is free for certain; the walk may go over records that the consumer releases meanwhile: they stay whole. */
	const uint64_t released = moor__acquire_64(&consumer->released) & MOOR__POSITION; /* A2 */
	struct moor__reached tail = {.position = released};

	if (!moor__position_is_sound(released, how->many != NULL) || (!how->many && moor__ring_walk(data, capacity, &tail)))
		return MOOR_ECORRUPT;
	*tx = (moor_tx){.max_message = how->geometry.max_message,
	                .short_max = how->geometry.max_message < MOOR__COPY_SHORT ? how->geometry.max_message : MOOR__COPY_SHORT,
	                .tail = tail.position,
	                .limit = released + capacity - MOOR__UNIT,
	                .released = released,
	                .slot = how->slot,
	                .ring = {.data = data,
	                         .mask = capacity - 1,
	                         .capacity = capacity,
	                         .consumer = consumer,
	                         .producer = producer,
	                         .many = how->many,
	                         .ops = how->ops,
	                         .ops_arg = how->ops_arg,
	                         .sleeper = how->sleeper,
	                         .fences = how->registered ? 0 : MOOR__FENCE_FOR_ME}};
	MOOR_CRASH_POINT("tx: taken over");
	if (!how->many) {
		moor__ring_enter(&tx->ring, &producer->slot, &producer->quiet, how->pid);
	} else {
		const int err = moor__mpsc_enter(tx, how->pid);

		if (err)
			return err;
	}
	wake_for_predecessor(tx);
	tx->state = MOOR__READY;
	moor__tx_set_straight(tx);
	return 0;
}

/* A consumer that sleeps must see the end: the word it sleeps on changes, after it can know why. */
void moor__tx_detach(moor_tx *tx)
{
	struct moor__ring *ring = &tx->ring;
	uint32_t *word = &moor__header_at(ring, tx->tail)->word;
	uint64_t asleep;
	uint32_t now;

	if (ring->many) {
		moor__mpsc_leave(tx);
		moor__store_32(&tx->state, MOOR__WIPED);
		moor__tx_set_straight(tx);
		return;
	}
	cancel(tx);
	moor__ring_leave(&ring->producer->slot);
	now = moor__load_32(word);
	if (moor__word_is_open(now))
		moor__release_32(word, moor__word_next_end(now)); /* R6 */
	MOOR_CRASH_POINT("tx: end marked");
	moor__fence();
	asleep = moor__load_64(&ring->consumer->quiet.asleep);
	if (asleep & MOOR__ASLEEP)
		moor__ring_tell(ring, asleep, word);
	moor__store_32(&tx->state, MOOR__WIPED);
	moor__tx_set_straight(tx);
}
