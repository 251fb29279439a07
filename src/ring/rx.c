/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rx.c - the consumer: peek, release, rewind, recv, and the end of the stream.
 *
 * It writes nothing into the data: records are given back by a position. The counts go with that in two copies, so that
 * they are right wherever it is killed.
 */
#include "base/copy.h"
#include "base/crash.h"
#include "base/slot_word.h"
#include "ring/mpsc.h"
#include "ring/rx.h"

#define SHORT_SPIN 100u /* loops: a microsecond or so */

#define ARM_TRIES 4 /* announcements in one call */

/* See struct moor__heels. */
#define SHORT_WAIT 3u /* loops: a wait on the producer's heels is no longer */
#define SHORT_WAIT_MANY 12u /* who has to claim takes longer */
#define ENOUGH_AT_FIRST 8u
#define ENOUGH_AT_MOST 4096u
#define LETTING_LOOPS 96
#define LETTING_PAYS 8u /* messages in one go */

int moor__rx_state_error(const moor_rx *rx)
{
	const uint32_t state = moor__own_32(&rx->state);

	return state == MOOR__READY ? 0 : state == MOOR__WIPED ? MOOR_EFORK : MOOR_ECORRUPT;
}

static inline const uint32_t *word_at(const moor_rx *rx, uint64_t position)
{
	return &moor__header_at(&rx->ring, position)->word;
}

static void set_straight(moor_rx *rx)
{
	const uint64_t lap = (rx->head | rx->ring.mask) + 1, publish = rx->publish_head_at - MOOR__UNIT;
	const bool ready = moor__own_32(&rx->state) == MOOR__READY && !rx->armed && !rx->ring.fences;
	const uint64_t nearest = ready ? lap < publish ? lap : publish : 0, straight = rx->peeked ? 0 : nearest;

	moor__set_own_64(&rx->within, rx->ring.many ? 0 : nearest);
	moor__set_own_64(&rx->straight, rx->ring.many ? 0 : straight);
	moor__set_own_64(&rx->straight_many, rx->ring.many ? straight : 0);
}

void moor__rx_stop(moor_rx *rx)
{
	moor__store_32(&rx->state, MOOR__CORRUPT);
	moor__store_64(&rx->straight, 0);
	moor__store_64(&rx->within, 0);
	moor__store_64(&rx->straight_many, 0);
}

int moor__rx_corrupt(moor_rx *rx)
{
	moor__rx_stop(rx);
	if (rx->ring.ops->corrupted)
		rx->ring.ops->corrupted(rx->ring.ops_arg);
	return MOOR_ECORRUPT;
}

/* Nothing to receive: nothing published, or claimed by one of many who has not. */
static inline bool is_open(const moor_rx *rx, uint32_t word)
{
	return moor__word_is_open(word) || (rx->ring.many && (word & MOOR_ABI_WORD_CLAIM));
}

static bool rx_ready(void *side)
{
	const moor_rx *rx = side;

	return !is_open(rx, moor__acquire_32(word_at(rx, rx->seen))); /* A1 */
}

static struct moor__lives producers(moor_rx *rx, bool look)
{
	struct moor_abi_slot *slot = &rx->ring.producer->slot;
	uint64_t life;

	if (rx->ring.many)
		return moor__mpsc_lives(rx, rx->seen, look);
	life = look ? moor__ring_look(&rx->ring, MOOR__PRODUCER, slot) : moor__ring_life(&rx->ring, slot);
	return (struct moor__lives){moor__life_attached(life), moor__life_closed(life), moor__life_died(life)};
}

/* Has anybody claimed what is not published? It will be, or it will be passed over. */
static bool is_claimed(const moor_rx *rx)
{
	return rx->ring.many &&
	       moor__claimed_position(moor__acquire_64(&rx->ring.many->claimed), rx->seen) != rx->seen; /* A11 */
}

/* What a receiver is to be told if nothing has come from producers that live so: 0, MOOR_EPEERDEAD, MOOR_ECLOSED. */
static int end_of_stream(const moor_rx *rx, const struct moor__lives *lives)
{
	if (lives->attached)
		return 0;
	if (lives->died != rx->died_reported)
		return MOOR_EPEERDEAD;
	return rx->messages != rx->messages_before || lives->closed + lives->died > rx->ended_before ? MOOR_ECLOSED : 0;
}

int moor__rx_over(moor_rx *rx, bool look)
{
	const struct moor__lives lives = producers(rx, look);
	const int err = end_of_stream(rx, &lives);

	if (moor__own_32(&rx->state) != MOOR__READY)
		return moor__rx_state_error(rx);
	/* They may have published before they left. */
	if (!err || rx_ready(rx) || is_claimed(rx))
		return 0;
	if (err == MOOR_EPEERDEAD) {
		rx->died_reported = lives.died;
		moor__store_64(&rx->ring.consumer->died_reported, rx->died_reported);
	}
	return err;
}

/* Nothing published at `seen`: can anything still come? Called in waits and in tries alike. */
static int rx_over(void *side, bool look)
{
	return moor__rx_over(side, look);
}

static int check_message(moor_rx *rx, uint64_t at, size_t len, struct moor__found *ret_found)
{
	const uint64_t size = moor__record_size(len);

	if (len > rx->max_message || size > rx->ring.capacity - (at & rx->ring.mask) ||
	    at + size - rx->head > rx->ring.capacity - MOOR__UNIT)
		return moor__rx_corrupt(rx);
	*ret_found = (struct moor__found){at, at + size, len, 0};
	return 0;
}

/* The next unseen record; MOOR_EAGAIN, or why none will come. */
static int find(moor_rx *rx, struct moor__found *ret_found)
{
	struct moor_abi_record_header header;
	uint64_t at = rx->seen;

	if (moor__own_32(&rx->state) != MOOR__READY)
		return moor__rx_state_error(rx);
	if (rx->ring.many)
		return moor__mpsc_find(rx, ret_found);
	header = moor__acquire_header(moor__header_at(&rx->ring, at)); /* A1 */
	if (moor__word_is_open(header.word)) {
		const int err = rx_over(rx, moor__ring_look_due(&rx->ring));

		if (err)
			return err;
		header = moor__acquire_header(moor__header_at(&rx->ring, at)); /* A1 */
		if (moor__word_is_open(header.word))
			return MOOR_EAGAIN;
	}
	if (header.word == MOOR_ABI_WORD_PAD) {
		const uint64_t left = rx->ring.capacity - (at & rx->ring.mask);

		/* Padding ends at the ring's end, and a message follows: there is at most one in each call. */
		if (header.detail * MOOR__UNIT != left || left >= rx->ring.capacity)
			return moor__rx_corrupt(rx);
		at += left;
		header = moor__acquire_header(moor__header_at(&rx->ring, at)); /* A1 */
	}
	return header.word == MOOR_ABI_WORD_MESSAGE ? check_message(rx, at, header.detail, ret_found) : moor__rx_corrupt(rx);
}

static inline void see(moor_rx *rx, uint64_t end, size_t len)
{
	moor__set_own_64(&rx->straight, 0);
	rx->seen = end;
	rx->peeked++;
	rx->peeked_bytes += len;
}

void moor__rx_publish_head(moor_rx *rx)
{
	rx->publish_head_at = rx->head + rx->ring.capacity / 8;
	moor__release_64(&rx->ring.consumer->head, rx->head); /* R2 */
	moor__ring_note_cpu(&rx->ring, &rx->ring.consumer->slot);
	set_straight(rx);
}

/* All up to `end` is given back. Returns 0. */
static MOOR__NOINLINE int advance_and_wake(moor_rx *rx, uint64_t end)
{
	const uint64_t head = rx->head;

	rx->head = end;
	moor__ring_wake(&rx->ring, &rx->ring.consumer->quiet, &rx->ring.producer->quiet, head + MOOR__UNIT, end,
	                moor__low_half(&rx->ring.consumer->released));
	return 0;
}

/* Gives back all up to `end`. `fences`: of this side's own. Returns 0. */
static MOOR__ALWAYS_INLINE int release_to(moor_rx *rx, uint64_t end, uint64_t messages, uint64_t bytes, uint32_t fences)
{
	struct moor_abi_consumer *const me = rx->ring.consumer;

	moor__rx_count(rx, me, end, messages, bytes);
	moor__release_64(&me->released, end + rx->closes); /* R2 */
	MOOR_CRASH_POINT("rx: room given");
	moor__compiler_fence(); /* the processor's part: F1, F2 */
	if (moor__unlikely(moor__load_64(&rx->ring.producer->quiet.asleep) | fences))
		return advance_and_wake(rx, end);
	rx->head = end;
	return 0;
}

/* All that is peeked. */
static MOOR__NOINLINE void release_closely(moor_rx *rx)
{
	const uint64_t end = rx->seen, messages = rx->peeked, bytes = rx->peeked_bytes;

	rx->peeked = 0;
	rx->peeked_bytes = 0;
	if (rx->ring.many) {
		moor__mpsc_release(rx, end, messages, bytes);
	} else {
		release_to(rx, end, messages, bytes, rx->ring.fences);
		if (end >= rx->publish_head_at)
			moor__rx_publish_head(rx);
	}
	set_straight(rx);
}

static inline void give_message(const void *payload, size_t len, uint32_t producer, struct moor_msg *ret_msg)
{
	ret_msg->data = payload;
	ret_msg->len = len;
	ret_msg->flags = 0;
	ret_msg->producer = producer;
	ret_msg->reserved = 0;
}

static MOOR__NOINLINE int peek_closely(moor_rx *rx, struct moor_msg *ret_msg)
{
	struct moor__found found;
	const int err = find(rx, &found);

	if (err)
		return err;
	if (rx->armed)
		moor__rx_withdraw(rx);
	moor__set_own_64(&rx->straight_many, 0);
	see(rx, found.end, found.len);
	give_message(moor__header_at(&rx->ring, found.at) + 1, found.len, found.producer, ret_msg);
	return 0;
}

int moor_rx_peek(moor_rx *rx, struct moor_msg *ret_msg)
{
	const struct moor_abi_record_header *at;
	uint64_t len, end;

	if (moor__unlikely(!moor__own_64(&rx->within)))
		return peek_closely(rx, ret_msg);
	end = rx->seen;
	at = moor__header_at(&rx->ring, end);
	len = moor__acquire_message(at); /* A1 */
	end += moor__record_size(len);
	if (moor__unlikely(len > rx->max_message || end > moor__own_64(&rx->within)))
		return peek_closely(rx, ret_msg);
	see(rx, end, (size_t)len);
	give_message(at + 1, (size_t)len, 0, ret_msg);
	return 0;
}

void moor_rx_release(moor_rx *rx)
{
	const uint64_t end = rx->seen, within = moor__own_64(&rx->within), messages = rx->peeked, bytes = rx->peeked_bytes;

	if (moor__unlikely(end > within || !messages)) {
		if (moor__own_32(&rx->state) == MOOR__READY && messages)
			release_closely(rx);
		return;
	}
	moor__set_own_64(&rx->straight, within);
	rx->peeked = 0;
	rx->peeked_bytes = 0;
	release_to(rx, end, messages, bytes, 0);
}

int moor_rx_rewind(moor_rx *rx)
{
	int err;

	if (!rx)
		return MOOR_EINVAL;
	err = moor__rx_state_error(rx);
	if (err)
		return err;
	rx->seen = rx->head;
	rx->peeked = 0;
	rx->peeked_bytes = 0;
	set_straight(rx);
	return 0;
}

static uint32_t heard(const moor_rx *rx)
{
	return rx->producer && rx->producer <= rx->producers ? rx->producer - 1 : 0;
}

static int wait_message(moor_rx *rx, int64_t timeout_ns)
{
	const struct moor__wait wait = {.ready = rx_ready,
	                                .spin_ready = rx_ready,
	                                .over = rx_over,
	                                .side = rx,
	                                .word = word_at(rx, rx->seen),
	                                .spin_word = word_at(rx, rx->seen),
	                                .position = rx->seen,
	                                .mine = &rx->ring.consumer->quiet,
	                                .me = &rx->ring.consumer->slot,
	                                /* Of many the one that was heard last. */
	                                .peer = &rx->ring.producer[heard(rx)].slot};

	if (rx->armed)
		moor__rx_withdraw(rx);
	moor__rx_publish_head(rx);
	return moor__ring_wait(&rx->ring, &wait, timeout_ns);
}

/* On the producer's heels? Then let it get ahead: see struct moor__heels. */
static void let_get_ahead(moor_rx *rx)
{
	struct moor__heels *const heels = &rx->heels;

	if (heels->letting && rx->messages - heels->messages < LETTING_PAYS) {
		heels->letting = false;
		heels->short_waits = 0;
		if (heels->enough < ENOUGH_AT_MOST)
			heels->enough *= 2;
	} else if (heels->letting) {
		heels->enough = ENOUGH_AT_FIRST;
	} else {
		heels->letting = heels->short_waits >= heels->enough;
	}
	heels->messages = rx->messages;
	if (heels->letting)
		for (int i = 0; i < LETTING_LOOPS; i++)
			moor__pause();
}

/* The shortest of waits, without all that a longer one needs: for the answer that is on its way. */
static void spin_shortly(moor_rx *rx)
{
	const uint32_t *const word = word_at(rx, rx->seen);
	uint32_t loops = 0;

	if (!is_open(rx, moor__load_32(word)))
		return;
	let_get_ahead(rx);
	while (is_open(rx, moor__load_32(word)) && loops < SHORT_SPIN) {
		moor__pause();
		loops++;
	}
	if (loops > (rx->ring.many ? SHORT_WAIT_MANY : SHORT_WAIT))
		rx->heels.short_waits = 0;
	else
		rx->heels.short_waits++;
}

/* For the answer that is on its way, if the call may wait at all. */
static void wait_shortly(moor_rx *rx, int64_t timeout_ns)
{
	if (timeout_ns != MOOR_NOWAIT && rx->ring.spin && moor__own_32(&rx->state) == MOOR__READY)
		spin_shortly(rx);
}

static int find_waiting(moor_rx *rx, int64_t timeout_ns, struct moor__found *ret_found)
{
	int64_t until = 0;
	int err = MOOR_EAGAIN;

	/* Whether nothing can come, the wait asks, too. */
	if (timeout_ns == MOOR_NOWAIT || moor__own_32(&rx->state) != MOOR__READY || rx_ready(rx))
		err = find(rx, ret_found);
	if (moor__likely(err != MOOR_EAGAIN) || timeout_ns == MOOR_NOWAIT)
		return err;
	do {
		const int64_t left = moor__ring_left(&rx->ring, timeout_ns, &until);

		if (!left)
			return MOOR_ETIMEDOUT;
		err = wait_message(rx, left);
		if (!err)
			err = find(rx, ret_found);
	} while (err == MOOR_EAGAIN && rx->ring.many); /* what came was padding */
	/* It was there. To wait for it again would be to wait as long as the peer likes. */
	return err == MOOR_EAGAIN ? moor__rx_corrupt(rx) : err;
}

/*
 * The shortest way, if it is open (`straight` is not 0), for short messages only or for all. False: all else, and all
 * that is wrong, is to be looked at more closely.
 */
static MOOR__ALWAYS_INLINE bool recv_straight(moor_rx *rx, bool only_short, void *buf, size_t cap, size_t *ret_len)
{
	uint64_t end = rx->head;
	const struct moor_abi_record_header *const at = moor__header_at(&rx->ring, end);
	const uint64_t len = moor__acquire_message(at); /* A1 */

	end += moor__record_size(len);
	if (moor__unlikely(len > (only_short ? rx->short_max : rx->max_message) || end > moor__own_64(&rx->straight) ||
	                   len > cap))
		return false;
	if (only_short)
		moor__copy_short(buf, at + 1, (size_t)len);
	else
		moor__copy(buf, at + 1, (size_t)len);
	MOOR_CRASH_POINT("rx: copied");
	*ret_len = (size_t)len;
	rx->seen = end;
	release_to(rx, end, 1, len, 0);
	return true;
}

MOOR__NOINLINE int moor__rx_recv_slowly(moor_rx *rx, void *buf, size_t cap, size_t *ret_len, int64_t timeout_ns)
{
	struct moor__found found;
	int err;

	if (!rx || !ret_len || (!buf && cap) || timeout_ns < MOOR_FOREVER)
		return MOOR_EINVAL;
	wait_shortly(rx, timeout_ns);
	if (buf && moor__own_64(&rx->straight_many) && moor__mpsc_recv_straight(rx, buf, cap, ret_len))
		return 0;
	if (buf && moor__own_64(&rx->straight) && recv_straight(rx, false, buf, cap, ret_len))
		return 0;
	err = find_waiting(rx, timeout_ns, &found);
	if (err)
		return err;
	if (found.len > cap) {
		*ret_len = found.len;
		return MOOR_EMSGSIZE;
	}
	moor__copy(buf, moor__header_at(&rx->ring, found.at) + 1, found.len);
	MOOR_CRASH_POINT("rx: copied");
	*ret_len = found.len;
	if (rx->armed)
		moor__rx_withdraw(rx);
	see(rx, found.end, found.len);
	release_closely(rx);
	return 0;
}

int moor_rx_recv(moor_rx *rx, void *buf, size_t cap, size_t *ret_len, int64_t timeout_ns)
{
	if (moor__unlikely(!rx || !ret_len || !buf || timeout_ns < MOOR_FOREVER))
		return moor__rx_recv_slowly(rx, buf, cap, ret_len, timeout_ns);
	if (moor__unlikely(!moor__own_64(&rx->straight)))
		return rx->ring.many ? moor__mpsc_recv(rx, buf, cap, ret_len, timeout_ns)
		                     : moor__rx_recv_slowly(rx, buf, cap, ret_len, timeout_ns);
	if (moor__unlikely(!recv_straight(rx, true, buf, cap, ret_len)))
		return moor__rx_recv_slowly(rx, buf, cap, ret_len, timeout_ns);
	return 0;
}

/* Is the next unseen record a message that lies within what needs no question? */
static inline bool is_at_hand(const moor_rx *rx)
{
	uint64_t end = rx->seen, len;

	if (!moor__own_64(&rx->within))
		return false;
	len = moor__acquire_message(moor__header_at(&rx->ring, end)); /* A1 */
	return len <= rx->max_message && end + moor__record_size(len) <= moor__own_64(&rx->within);
}

int moor_rx_wait(moor_rx *rx, int64_t timeout_ns)
{
	struct moor__found found;

	if (!rx || timeout_ns < MOOR_FOREVER)
		return MOOR_EINVAL;
	if (is_at_hand(rx))
		return 0;
	wait_shortly(rx, timeout_ns);
	return is_at_hand(rx) ? 0 : find_waiting(rx, timeout_ns, &found);
}

/* Is there a message, or what is none and has no business there? Padding is neither. */
static bool is_there(moor_rx *rx)
{
	if (rx->ring.many)
		moor__mpsc_pass_padding(rx);
	return rx_ready(rx);
}

int moor__rx_look(moor_rx *rx)
{
	struct moor__lives lives;
	const int err = moor__rx_state_error(rx);

	if (err)
		return err;
	if (is_there(rx))
		return 0;
	lives = producers(rx, moor__ring_look_due(&rx->ring));
	/* As moor__rx_over, which tells the caller, and so once. */
	if (end_of_stream(rx, &lives) && !is_claimed(rx))
		return 0;
	return is_there(rx) ? 0 : MOOR_EAGAIN;
}

int moor__rx_announce(moor_rx *rx, const uint32_t **ret_word, uint32_t *ret_expected)
{
	uint64_t at;
	int err;

	rx->armed = false;
	do { /* until what has come since is no padding, which moves on what is waited for */
		at = rx->seen;
		moor__rx_publish_head(rx);
		moor__ring_announce(&rx->ring, &rx->ring.consumer->quiet, at);
		*ret_word = word_at(rx, at);
		*ret_expected = moor__acquire_32(*ret_word);
		err = moor__rx_look(rx);
	} while (err == MOOR_EAGAIN && rx->seen != at);
	return err;
}

int moor__rx_announce_armed(moor_rx *rx, bool *ret_moved)
{
	struct moor__found found;
	int tries = ARM_TRIES;
	uint64_t at;
	int err;

	rx->armed = true;
	do { /* likewise, but no producer of nothing but padding keeps this call */
		at = rx->seen;
		moor__rx_publish_head(rx);
		moor__ring_announce(&rx->ring, &rx->ring.consumer->quiet, at | MOOR__ARMED);
		MOOR_CRASH_POINT("rx: armed");
		err = find(rx, &found);
		*ret_moved = rx->seen != at;
	} while (err == MOOR_EAGAIN && *ret_moved && --tries);
	if (err != MOOR_EAGAIN)
		moor__rx_withdraw(rx);
	return err;
}

void moor__rx_withdraw(moor_rx *rx)
{
	rx->armed = false;
	moor__store_64(&rx->ring.consumer->quiet.asleep, rx->ring.asleep_word);
}

int moor_rx_interrupt(moor_rx *rx)
{
	if (!rx)
		return MOOR_EINVAL;
	if (moor__own_32(&rx->state) == MOOR__WIPED)
		return MOOR_EFORK;
	rx->ring.ops->interrupt(rx->ring.sleeper);
	return 0;
}

/* Whatever they sleep for. */
static void wake_producers(moor_rx *rx)
{
	if (rx->ring.many)
		moor__mpsc_wake(rx, true);
	else if (moor__load_64(&rx->ring.producer->quiet.asleep) & MOOR__ASLEEP)
		rx->ring.ops->wake(moor__low_half(&rx->ring.consumer->released));
}

int moor__rx_attach(moor_rx *rx, const struct moor__ring_attach *how)
{
	struct moor_abi_consumer *const consumer = how->consumer;
	struct moor_abi_producer *const producer = how->producer;
	const uint64_t capacity = how->geometry.capacity, max_message = how->geometry.max_message;
	const struct moor__reached done = moor__ring_released(consumer);
	const uint64_t word = moor__load_64(&consumer->released), released = word & MOOR__POSITION;
	struct moor__lives lives;

	if (!moor__position_is_sound(done.position, how->many != NULL) || released > done.position ||
	    done.position - released > capacity)
		return MOOR_ECORRUPT;
	*rx = (moor_rx){.max_message = how->geometry.max_message,
	                .short_max = max_message < MOOR__COPY_SHORT ? max_message : MOOR__COPY_SHORT,
	                .head = done.position,
	                .seen = done.position,
	                .messages = done.messages,
	                .bytes = done.bytes,
	                .turn = done.turn,
	                .closes = word & ~MOOR__POSITION,
	                .messages_before = done.messages,
	                .producers = how->geometry.max_producers,
	                .heels = {.enough = ENOUGH_AT_FIRST},
	                .ring = {.data = how->data,
	                         .mask = capacity - 1,
	                         .capacity = capacity,
	                         .consumer = consumer,
	                         .producer = producer,
	                         .many = how->many,
	                         .ops = how->ops,
	                         .ops_arg = how->ops_arg,
	                         .sleeper = how->sleeper,
	                         .fences = how->registered ? 0 : MOOR__FENCE_FOR_ME}};
	/* What a dead predecessor had counted and not given. */
	if (how->many)
		moor__mpsc_clear(rx, released & ~(MOOR__LINE - 1), done.position);
	moor__release_64(&consumer->released, done.position | rx->closes); /* R2 */
	MOOR_CRASH_POINT("rx: taken over");
	moor__ring_forget_bell(&rx->ring);
	rx->died_reported = moor__load_64(&consumer->died_reported);
	/* A look: one who died before this handle opened and was not seen to is not one that has been here since. */
	lives = producers(rx, true);
	rx->ended_before = lives.closed + lives.died;
	moor__ring_enter(&rx->ring, &consumer->slot, &consumer->quiet, how->pid);
	rx->state = MOOR__READY;
	moor__rx_publish_head(rx);
	/* Whom the predecessor did not wake any more, or who waits for a consumer at all. */
	moor__fence();
	wake_producers(rx);
	return 0;
}

/* A producer that sleeps must see the end: the word it sleeps on changes, after it can know why. */
void moor__rx_detach(moor_rx *rx)
{
	struct moor_abi_consumer *me = rx->ring.consumer;
	const uint64_t released = moor__load_64(&me->released) & MOOR__POSITION;

	moor__ring_forget_bell(&rx->ring);
	moor__ring_leave(&me->slot);
	moor__release_64(&me->released, released | ((rx->closes + 1) & ~MOOR__POSITION)); /* R6 */
	MOOR_CRASH_POINT("rx: end marked");
	moor__fence();
	wake_producers(rx);
	moor__store_32(&rx->state, MOOR__WIPED);
	set_straight(rx);
}
