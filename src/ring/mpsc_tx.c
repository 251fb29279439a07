/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpsc_tx.c - one of many producers: claim, mark, commit.
 *
 * The order of the stores is what recovery goes by (recover.c): the intent before the claim, so that a claim always has
 * an owner that can be told; the mark before the payload, so that no payload passes for a header that tells of another
 * owner; the commit before the intent is withdrawn.
 */
#include "base/copy.h"
#include "base/crash.h"
#include "base/slot_word.h"
#include "ring/mpsc.h"
#include "ring/tx.h"

/* Says what will be claimed. Whoever reads the new claim reads the new units with it, or none. */
static inline void announce(struct moor_abi_producer *me, uint64_t claimed, uint64_t size)
{
	const uint32_t units = (uint32_t)(size / MOOR__UNIT), was = moor__load_32(&me->intent_units);

	if (was && was != units) /* of a try that failed */
		moor__release_32(&me->intent_units, 0); /* R8 */
	moor__release_64(&me->intent, claimed); /* R8 */
	if (was != units)
		moor__release_32(&me->intent_units, units); /* R8 */
	MOOR_CRASH_POINT("mpsc: announced");
}

static inline struct moor_abi_record_header *header_at(const moor_tx *tx, uint64_t at)
{
	return moor__header_at(&tx->ring, at);
}

/* From now on the record is this one's, for whoever looks; then the payload may be written. `ids`: as in its header. */
static MOOR__ALWAYS_INLINE void mark(struct moor_abi_record_header *header, uint32_t ids, uint64_t size)
{
	moor__publish_header(header, MOOR_ABI_WORD_CLAIM | ids, (uint32_t)(size / MOOR__UNIT)); /* R9 */
	moor__fence_release(); /* R9: before the payload */
	MOOR_CRASH_POINT("mpsc: marked");
}

/* Makes the record at `at` whole, withdraws the intent, and wakes who sleeps for it. */
static void publish(moor_tx *tx, uint64_t at, uint32_t word, uint32_t detail)
{
	struct moor_abi_producer *const me = tx->ring.producer;
	struct moor_abi_record_header *const header = header_at(tx, at);

	moor__publish_header(header, word, detail); /* R1 */
	MOOR_CRASH_POINT("mpsc: published");
	moor__release_32(&me->intent_units, 0); /* R8 */
	MOOR_CRASH_POINT("mpsc: withdrawn");
	moor__compiler_fence(); /* the processor's part: F1, F2 */
	if (moor__unlikely(moor__load_64(&tx->ring.consumer->quiet.asleep) | tx->ring.fences))
		moor__ring_wake(&tx->ring, &me->quiet, &tx->ring.consumer->quiet, at, at, &header->word);
}

/*
 * Where the next claim begins, *ret_claimed being the word that says so. It cannot be before what was released when the
 * word was read, nor a lap ahead of what is released now.
 */
static int read_claimed(moor_tx *tx, uint64_t *ret_claimed, uint64_t *ret_start)
{
	for (;;) {
		const uint64_t claimed = moor__acquire_64(&tx->ring.many->claimed); /* A11 */
		const uint64_t start = moor__claimed_position(claimed, tx->released);

		if (moor__likely(start - tx->released <= tx->ring.capacity)) {
			*ret_claimed = claimed;
			*ret_start = start;
			return 0;
		}
		/* What is known to be released is old, or became younger than the word. */
		if (moor__tx_is_released(tx, start) < 0)
			return MOOR_ECORRUPT;
		if (start - tx->released > tx->ring.capacity && moor__acquire_64(&tx->ring.many->claimed) == claimed)
			return moor__tx_corrupt(tx);
	}
}

/* What a record of `size` that is claimed at `start` is preceded by: 0 or padding up to the end of the data. */
static inline uint64_t padding(const moor_tx *tx, uint64_t start, uint64_t size)
{
	const uint64_t left = tx->ring.capacity - (start & tx->ring.mask);

	return moor__unlikely(size > left) ? left : 0;
}

/* Is there room up to `end`? 0, MOOR_EAGAIN, ...; with a time to wait until, that is waited for. */
static MOOR__NOINLINE int await_room(moor_tx *tx, uint64_t end, int64_t timeout_ns, int64_t *until)
{
	if (timeout_ns == MOOR_NOWAIT)
		return moor__tx_make_room(tx, end);
	/* Others may have taken the room that was waited for before. */
	return moor__tx_await_room(tx, end, moor__ring_left(&tx->ring, timeout_ns, until));
}

/*
 * Claims `size` bytes in one piece, and marks them; tx->ids are those of the claim. When that fails nothing has changed,
 * but that padding may be there.
 */
static int claim(moor_tx *tx, uint64_t size, int64_t timeout_ns, uint64_t *ret_at)
{
	int64_t until = 0;

	for (;;) {
		uint64_t claimed = 0, start = 0, pad;
		int err = read_claimed(tx, &claimed, &start);

		pad = padding(tx, start, size);
		if (!err && moor__unlikely(start + pad + size > tx->limit)) {
			err = await_room(tx, start + pad + size, timeout_ns, &until);
			if (!err)
				continue;
		}
		if (err) {
			moor__release_32(&tx->ring.producer->intent_units, 0); /* R8: of a try that came to nothing */
			return err;
		}
		announce(tx->ring.producer, claimed, pad ? pad : size);
		if (!moor__cas_64(&tx->ring.many->claimed, claimed, /* R11, A11 */
		                  moor__claimed_next(claimed, pad ? pad : size, tx->slot)))
			continue; /* the intent is for the next try */
		MOOR_CRASH_POINT("mpsc: claimed");
		tx->ids = moor__word_ids(tx->slot, moor__claimed_by(claimed));
		if (!pad) {
			mark(header_at(tx, start), tx->ids, size);
			*ret_at = start;
			return 0;
		}
		publish(tx, start, MOOR_ABI_WORD_PAD | tx->ids, (uint32_t)(pad / MOOR__UNIT));
	}
}

static int refuse(const moor_tx *tx)
{
	const int err = moor__tx_state_error(tx);

	return err ? err : tx->open.end ? MOOR_EINVAL : MOOR_EMSGSIZE;
}

static inline bool refused(const moor_tx *tx, size_t len)
{
	return moor__unlikely(len > tx->max_message || tx->open.end || tx->state != MOOR__READY);
}

static inline unsigned char *payload(const moor_tx *tx, uint64_t at)
{
	return (unsigned char *)(header_at(tx, at) + 1);
}

int moor__mpsc_reserve(moor_tx *tx, size_t len, void **ret_data)
{
	const uint64_t size = moor__claim_size(len);
	uint64_t at;
	int err;

	if (refused(tx, len))
		return refuse(tx);
	err = claim(tx, size, MOOR_NOWAIT, &at);
	if (err)
		return err;
	tx->open = (struct moor__room){at, len, at + size};
	moor__set_own_64(&tx->room, 0);
	*ret_data = payload(tx, at);
	return 0;
}

/* What was claimed and is not needed becomes padding, seen by whoever sees what is before it. */
void moor__mpsc_commit(moor_tx *tx, size_t len)
{
	const struct moor__room room = tx->open;
	const uint64_t end = room.at + moor__claim_size(len);

	tx->open.end = 0;
	moor__tx_set_straight(tx);
	if (end < room.end)
		moor__publish_header(header_at(tx, end), MOOR_ABI_WORD_PAD, (uint32_t)((room.end - end) / MOOR__UNIT));
	MOOR_CRASH_POINT("mpsc: rest padded");
	publish(tx, room.at, MOOR_ABI_WORD_MESSAGE | tx->ids, (uint32_t)len);
}

void moor__mpsc_cancel(moor_tx *tx)
{
	const struct moor__room room = tx->open;

	tx->open.end = 0;
	moor__tx_set_straight(tx);
	publish(tx, room.at, MOOR_ABI_WORD_PAD | tx->ids, (uint32_t)((room.end - room.at) / MOOR__UNIT));
}

/* Of the record at `header`, the last that this one has published. Returns 0. */
static MOOR__NOINLINE int wake_for(moor_tx *tx, const struct moor_abi_record_header *header)
{
	const uint64_t offset = (uint64_t)((const unsigned char *)header - tx->ring.data);
	const uint64_t at = tx->released + ((offset - tx->released) & tx->ring.mask);

	moor__ring_wake(&tx->ring, &tx->ring.producer->quiet, &tx->ring.consumer->quiet, at, at, &header->word);
	return 0;
}

/*
 * The same as claim, copy and publish, where there is nothing to ask (tx->room): the record lies in the room that is
 * known, and within the lap, and nobody comes in between. No intent is left over: each of this one's calls that failed
 * to claim has withdrawn it.
 */
int moor__mpsc_send(moor_tx *tx, const void *data, size_t len, int64_t timeout_ns)
{
	const uint64_t claimed = moor__acquire_64(&tx->ring.many->claimed); /* A11 */
	const uint64_t size = moor__claim_size(len), ahead = moor__claimed_ahead(claimed, tx->released);
	const uint64_t offset = (tx->released + ahead) & tx->ring.mask;
	struct moor_abi_record_header *const header = (struct moor_abi_record_header *)(tx->ring.data + offset);
	struct moor_abi_producer *const me = tx->ring.producer;
	uint32_t ids;

	if (moor__unlikely(ahead + size > moor__own_64(&tx->room) || offset + size > tx->ring.capacity ||
	                   timeout_ns < MOOR_FOREVER))
		return moor__tx_send_slowly(tx, data, len, timeout_ns);
	moor__release_64(&me->intent, claimed);                             /* R8 */
	moor__release_32(&me->intent_units, (uint32_t)(size / MOOR__UNIT)); /* R8 */
	MOOR_CRASH_POINT("mpsc: announced");
	if (moor__unlikely(!moor__cas_64(&tx->ring.many->claimed, claimed, /* R11, A11 */
	                                 moor__claimed_next(claimed, size, tx->slot))))
		return moor__tx_send_slowly(tx, data, len, timeout_ns);
	MOOR_CRASH_POINT("mpsc: claimed");
	ids = moor__word_ids(tx->slot, moor__claimed_by(claimed));
	mark(header, ids, size);
	moor__copy_short(header + 1, data, len);
	MOOR_CRASH_POINT("mpsc: copied");
	moor__publish_header(header, MOOR_ABI_WORD_MESSAGE | ids, (uint32_t)len); /* R1 */
	MOOR_CRASH_POINT("mpsc: published");
	moor__release_32(&me->intent_units, 0); /* R8 */
	MOOR_CRASH_POINT("mpsc: withdrawn");
	moor__compiler_fence(); /* the processor's part: F1, F2 */
	return moor__unlikely(moor__load_64(&tx->ring.consumer->quiet.asleep)) ? wake_for(tx, header) : 0;
}

int moor__mpsc_sendv(moor_tx *tx, const struct moor_iov *iov, size_t n, size_t len, int64_t timeout_ns)
{
	unsigned char *to;
	uint64_t at;
	int err;

	if (refused(tx, len))
		return refuse(tx);
	err = claim(tx, moor__claim_size(len), timeout_ns, &at);
	if (err)
		return err;
	to = payload(tx, at);
	for (size_t i = 0; i < n; i++) {
		moor__copy(to, iov[i].data, iov[i].len);
		to += iov[i].len;
	}
	MOOR_CRASH_POINT("mpsc: copied");
	publish(tx, at, MOOR_ABI_WORD_MESSAGE | tx->ids, (uint32_t)len);
	return 0;
}

int moor__mpsc_end_of(moor_tx *tx, size_t len, uint64_t *ret_end)
{
	const uint64_t size = moor__claim_size(len);
	uint64_t claimed = 0, start = 0;
	const int err = read_claimed(tx, &claimed, &start);

	if (!err)
		*ret_end = start + padding(tx, start, size) + size;
	return err;
}

int moor__mpsc_wait(moor_tx *tx, size_t len, int64_t timeout_ns)
{
	int64_t until = 0;
	uint64_t end;
	int err;

	if (refused(tx, len))
		return refuse(tx);
	for (;;) {
		err = moor__mpsc_end_of(tx, len, &end);
		if (err || end <= tx->limit)
			return err;
		err = await_room(tx, end, timeout_ns, &until);
		if (err)
			return err;
	}
}

int moor__mpsc_tail(moor_tx *tx, uint64_t *ret_position)
{
	uint64_t claimed = 0, start = 0;
	const int err = read_claimed(tx, &claimed, &start);

	if (!err)
		*ret_position = tx->open.end ? tx->open.at : start;
	return err;
}

/* May the intent that a dead predecessor left be forgotten? Only if nobody can need it to tell whose a claim is: nothing
 * was claimed there, or the consumer has given it back. */
static bool predecessor_is_settled(moor_tx *tx)
{
	const struct moor_abi_producer *me = tx->ring.producer;
	const uint64_t released = moor__acquire_64(&tx->ring.consumer->released) & MOOR__POSITION; /* A2 */
	uint64_t at, claimed;

	if (!moor__acquire_32(&me->intent_units)) /* A8 */
		return true;
	at = moor__claimed_position(moor__load_64(&me->intent), released);
	claimed = moor__claimed_position(moor__acquire_64(&tx->ring.many->claimed), released); /* A11 */
	return (int64_t)(released - at) > 0 || (int64_t)(claimed - at) <= 0;
}

int moor__mpsc_enter(moor_tx *tx, uint32_t pid)
{
	struct moor_abi_producer *const me = tx->ring.producer;
	const struct moor__ring *const ring = &tx->ring;
	uint64_t life;

	do { /* until nobody has counted a death meanwhile, nor taken the slot, where there is no lock */
		life = moor__acquire_64(&me->slot.life); /* A5 */
		if (moor__life_attached(life) && (!ring->ops->alive || ring->ops->alive(ring->ops_arg, tx->slot)))
			return MOOR_EBUSY;
		if (!predecessor_is_settled(tx))
			return MOOR_EBUSY;
		MOOR_CRASH_POINT("mpsc: settled");
	} while (!moor__ring_enter_from(&tx->ring, &me->slot, life));
	moor__store_32(&me->slot.pid, pid);
	moor__store_64(&me->quiet.asleep, 0);
	moor__release_32(&me->intent_units, 0); /* R8 */
	moor__inc_32(&tx->ring.many->changes); /* R10 */
	return 0;
}

/*
 * A consumer that sleeps must see the end: the word that it sleeps on changes, by padding, after it can know why. If
 * there is no room, or the word is another's to change, it does not sleep for an end. One that polls is rung up whatever
 * it is armed for.
 *
 * The padding is claimed before the slot is given up: as long as the intent stands, no newcomer takes that, where there
 * is no lock. One who fell asleep since is woken, and if it was not asleep yet its sleep is a short one.
 */
void moor__mpsc_leave(moor_tx *tx)
{
	const uint64_t *const word = &tx->ring.consumer->quiet.asleep;
	uint64_t asleep, at;
	bool claimed;

	if (tx->open.end)
		moor__mpsc_cancel(tx);
	claimed = (moor__load_64(word) & (MOOR__ASLEEP | MOOR__ARMED)) == MOOR__ASLEEP &&
	          claim(tx, MOOR__LINE, MOOR_NOWAIT, &at) == 0;
	moor__ring_leave(&tx->ring.producer->slot);
	moor__inc_32(&tx->ring.many->changes); /* R10 */
	moor__fence();
	asleep = moor__load_64(word);
	if (claimed)
		publish(tx, at, MOOR_ABI_WORD_PAD | tx->ids, MOOR_ABI_LINE / MOOR_ABI_UNIT);
	else if (asleep & MOOR__ASLEEP)
		moor__ring_tell(&tx->ring, asleep, &header_at(tx, asleep & MOOR__POSITION)->word);
	MOOR_CRASH_POINT("mpsc: end marked");
}
