/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpsc_rx.c - the consumer of many producers. What differs from the consumer of one: padding stands anywhere, claims are
 * waited for or passed over, and whoever may have written there, what is given back is cleared.
 */
#include "base/copy.h"
#include "base/crash.h"
#include "base/slot_word.h"
#include "ring/mpsc.h"
#include "ring/rx.h"

void moor__mpsc_clear(moor_rx *rx, uint64_t from, uint64_t to)
{
	for (uint64_t at = from; at < to; at += MOOR__LINE)
		moor__store_32(&moor__header_at(&rx->ring, at)->word, 0);
}

void moor__mpsc_release(moor_rx *rx, uint64_t end, uint64_t messages, uint64_t bytes)
{
	const uint64_t head = rx->head;

	moor__rx_count(rx, rx->ring.consumer, end, messages, bytes);
	rx->head = end;
	moor__mpsc_clear(rx, head, end);
	MOOR_CRASH_POINT("rx: cleared");
	moor__release_64(&rx->ring.consumer->released, end | rx->closes); /* R2 */
	MOOR_CRASH_POINT("rx: room given");
	if (end >= rx->publish_head_at)
		moor__rx_publish_head(rx);
	moor__compiler_fence(); /* the processor's part: F1, F2 */
	if (moor__unlikely(moor__load_32(&rx->ring.many->sleeping) | rx->ring.fences))
		moor__mpsc_wake(rx, false);
}

static MOOR__NOINLINE int wake_some(moor_rx *rx)
{
	moor__mpsc_wake(rx, false);
	return 0;
}

enum straight { NOT_STRAIGHT, RECEIVED, RECEIVED_AND_SOMEBODY_SLEEPS };

/*
 * A copy and moor__mpsc_release, where there is nothing to ask: within straight_many lies no end of the lap and no
 * publication of `head`.
 */
static MOOR__ALWAYS_INLINE enum straight recv_straight(moor_rx *rx, void *buf, size_t cap, size_t *ret_len)
{
	struct moor_abi_record_header *const place = moor__header_at(&rx->ring, rx->head);
	const struct moor_abi_record_header header = moor__acquire_header(place); /* A1 */
	const uint64_t len = header.detail, size = moor__claim_size(len), end = rx->head + size;

	if (moor__unlikely(moor__word_kind(header.word) != MOOR_ABI_WORD_MESSAGE || len > rx->short_max || len > cap ||
	                   end > moor__own_64(&rx->straight_many)))
		return NOT_STRAIGHT;
	moor__copy_short(buf, place + 1, (size_t)len);
	MOOR_CRASH_POINT("rx: copied");
	*ret_len = (size_t)len;
	rx->producer = moor__word_by(header.word);
	rx->seen = end;
	moor__rx_count(rx, rx->ring.consumer, end, 1, len);
	rx->head = end;
	moor__store_32(&place->word, 0);
	if (size > MOOR__LINE) /* then two: it is a short one */
		moor__store_32(&moor__header_after(place, MOOR__LINE)->word, 0);
	MOOR_CRASH_POINT("rx: cleared");
	moor__release_64(&rx->ring.consumer->released, end | rx->closes); /* R2 */
	MOOR_CRASH_POINT("rx: room given");
	moor__compiler_fence(); /* the processor's part: F1, F2 */
	return moor__unlikely(moor__load_32(&rx->ring.many->sleeping)) ? RECEIVED_AND_SOMEBODY_SLEEPS : RECEIVED;
}

bool moor__mpsc_recv_straight(moor_rx *rx, void *buf, size_t cap, size_t *ret_len)
{
	const enum straight how = recv_straight(rx, buf, cap, ret_len);

	if (how == RECEIVED_AND_SOMEBODY_SLEEPS)
		wake_some(rx);
	return how != NOT_STRAIGHT;
}

int moor__mpsc_recv(moor_rx *rx, void *buf, size_t cap, size_t *ret_len, int64_t timeout_ns)
{
	const enum straight how = recv_straight(rx, buf, cap, ret_len);

	if (moor__unlikely(how == NOT_STRAIGHT))
		return moor__rx_recv_slowly(rx, buf, cap, ret_len, timeout_ns);
	return moor__unlikely(how == RECEIVED_AND_SOMEBODY_SLEEPS) ? wake_some(rx) : 0;
}

/* Somebody sleeps, or slept: is it for room that there is now? Whoever sleeps on for more is remembered. */
void moor__mpsc_wake(moor_rx *rx, bool all)
{
	struct moor_abi_many *const many = rx->ring.many;
	const uint32_t *const word = moor__low_half(&rx->ring.consumer->released);
	bool wake = all, more = false;

	if ((moor__load_32(&many->sleeping) | rx->ring.fences) & MOOR__FENCE_FOR_ME)
		moor__fence(); /* F2 */
	if (!all && !(moor__load_32(&many->sleeping) & MOOR__ASLEEP))
		return;
	moor__and_32(&many->sleeping, MOOR__FENCE_FOR_ME);
	MOOR_CRASH_POINT("rx: sleepers forgotten");
	for (uint32_t i = 0; i < rx->producers; i++) {
		const uint64_t asleep = moor__acquire_64(&rx->ring.producer[i].quiet.asleep);

		if (!(asleep & MOOR__ASLEEP))
			continue;
		if ((asleep & MOOR__POSITION) <= rx->head)
			wake = true;
		else
			more = true;
	}
	if (more)
		moor__or_32(&many->sleeping, MOOR__ASLEEP);
	if (!wake)
		return;
	rx->ring.ops->wake(word);
	moor__store_64(&rx->ring.consumer->quiet.wakes, moor__load_64(&rx->ring.consumer->quiet.wakes) + 1);
}

/* Padding: 0, or MOOR_ECORRUPT. It is given back at once, unless messages before it are not. */
static int pass_over(moor_rx *rx, uint64_t at, uint64_t size)
{
	if (!size || size % MOOR__LINE || size > rx->ring.capacity - (at & rx->ring.mask) ||
	    at + size - rx->head > rx->ring.capacity)
		return moor__rx_corrupt(rx);
	rx->seen = at + size;
	if (!rx->peeked)
		moor__mpsc_release(rx, at + size, 0, 0);
	return 0;
}

static int check_message(moor_rx *rx, uint64_t at, uint32_t word, size_t len, struct moor__found *ret_found)
{
	const uint64_t size = moor__claim_size(len);
	const uint32_t by = moor__word_by(word);

	if (len > rx->max_message || size > rx->ring.capacity - (at & rx->ring.mask) ||
	    at + size - rx->head > rx->ring.capacity || !by || by > rx->producers)
		return moor__rx_corrupt(rx);
	rx->producer = by;
	*ret_found = (struct moor__found){at, at + size, len, by - 1};
	return 0;
}

int moor__mpsc_pass_padding(moor_rx *rx)
{
	const uint64_t first = rx->seen;

	for (;;) {
		const uint64_t at = rx->seen;
		const struct moor_abi_record_header header = moor__acquire_header(moor__header_at(&rx->ring, at)); /* A1 */
		int err;

		if (moor__word_kind(header.word) != MOOR_ABI_WORD_PAD)
			return 0;
		if (at - first > rx->ring.capacity) /* enough for one call: work is bounded */
			return 0;
		err = pass_over(rx, at, (uint64_t)header.detail * MOOR__UNIT);
		if (err)
			return err;
	}
}

int moor__mpsc_find(moor_rx *rx, struct moor__found *ret_found)
{
	for (;;) {
		int err = moor__mpsc_pass_padding(rx);
		const uint64_t at = rx->seen;
		const struct moor_abi_record_header *const place = moor__header_at(&rx->ring, at);
		const struct moor_abi_record_header header = moor__acquire_header(place); /* A1 */

		if (err)
			return err;
		switch (moor__word_kind(header.word)) {
		case MOOR_ABI_WORD_MESSAGE:
			return check_message(rx, at, header.word, header.detail, ret_found);
		case MOOR_ABI_WORD_PAD:
			return MOOR_EAGAIN;
		case 0:
			if (header.word) /* of whom, and not what */
				return moor__rx_corrupt(rx);
			/* fall through */
		case MOOR_ABI_WORD_CLAIM:
			err = moor__rx_over(rx, moor__ring_look_due(&rx->ring));
			if (err)
				return err;
			if (moor__acquire_32(&place->word) == header.word) /* A1 */
				return MOOR_EAGAIN;
			break;
		default:
			return moor__rx_corrupt(rx);
		}
	}
}
