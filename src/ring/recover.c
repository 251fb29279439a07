/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recover.c - whose is a claim that nobody has marked? The consumer asks when it finds a header that reads 0 behind the
 * claim word. It must not skip what a living producer is about to mark, nor wait for a producer that is dead.
 *
 * The owner of a claim that begins at h is the slot whose intent begins at h, and ends where the next claim begins; and
 * who that is, is told by who comes after it: each claimer says, before it replaces the claim word, whose claim it has
 * read there. So the claim word tells; or else the intent of who replaced it, until that is withdrawn; and that is done
 * only after the header has been marked, which tells the same. Read in this order, one of the three is seen.
 */
#include "base/crash.h"
#include "base/slot_word.h"
#include "ring/mpsc.h"

struct intent {
	uint64_t at, end;
	uint32_t after;
};

/* False: none, or it is changing. */
static bool read_intent(const moor_rx *rx, uint32_t slot, uint64_t near, struct intent *ret_intent)
{
	const struct moor_abi_producer *producer = &rx->ring.producer[slot - 1];
	const uint32_t units = moor__acquire_32(&producer->intent_units); /* A8 */
	uint64_t claimed;

	if (!units)
		return false;
	MOOR_CRASH_POINT("recover: half an intent read");
	claimed = moor__acquire_64(&producer->intent); /* A8 */
	ret_intent->at = moor__claimed_position(claimed, near);
	ret_intent->end = ret_intent->at + units * MOOR__UNIT;
	ret_intent->after = moor__claimed_by(claimed);
	return true;
}

/* Does anybody tell that the claim that ends at `end` is the slot's? `claimed` was read before. */
static bool is_told(const moor_rx *rx, uint32_t slot, uint64_t end, uint64_t claimed)
{
	struct intent next;
	uint32_t word;

	if (moor__claimed_position(claimed, end) == end)
		return moor__claimed_by(claimed) == slot;
	for (uint32_t i = 1; i <= rx->producers; i++)
		if (read_intent(rx, i, end, &next) && next.at == end && next.after == slot)
			return true;
	MOOR_CRASH_POINT("recover: intents read");
	word = moor__acquire_32(&moor__header_at(&rx->ring, end)->word); /* A9 */
	return word && moor__word_after(word) == slot;
}

static bool is_dead(const moor_rx *rx, uint32_t slot)
{
	return rx->ring.ops->alive && slot && slot <= rx->producers && !rx->ring.ops->alive(rx->ring.ops_arg, slot);
}

/* From now on it is padding, whoever looks. Whoever died did so with others, perhaps: the next look is due at once. */
static void skip(moor_rx *rx, struct moor_abi_record_header *header, uint32_t slot, uint32_t after, uint64_t size)
{
	MOOR_CRASH_POINT("recover: to skip");
	moor__store_64(&rx->ring.consumer->skipped, moor__load_64(&rx->ring.consumer->skipped) + 1);
	moor__publish_header(header, MOOR_ABI_WORD_PAD | moor__word_ids(slot, after), (uint32_t)(size / MOOR__UNIT));
	MOOR_CRASH_POINT("recover: skipped");
	rx->ring.next_look = 0;
}

/* Can this be what is claimed at `at`? */
static bool fits(const moor_rx *rx, uint64_t at, uint64_t size)
{
	return size && size % MOOR__LINE == 0 && size <= rx->ring.capacity - (at & rx->ring.mask) &&
	       at + size - rx->head <= rx->ring.capacity;
}

/*
 * A claim that says whose it is. How long it is its intent says, which stands as long as the mark does: where a header is
 * not stored in one piece its owner may have died between the length of the message and the word.
 */
static void recover_marked(moor_rx *rx, uint64_t at, struct moor_abi_record_header *header, uint32_t word)
{
	const uint32_t slot = moor__word_by(word);
	struct intent intent;

	MOOR_CRASH_POINT("recover: claim read");
	if (!is_dead(rx, slot) || !read_intent(rx, slot, at, &intent) || intent.at != at ||
	    !fits(rx, at, intent.end - at))
		return;
	/* It may have committed before it died. */
	if (moor__acquire_32(&header->word) == word) /* A9 */
		skip(rx, header, slot, intent.after, intent.end - at);
}

/*
 * 0: nobody that could be found. Of those that are told the one with the nearest end: what an intent that came to nothing
 * says would end farther off, perhaps amid another's claim, whose payload tells anything.
 */
static uint32_t find_owner(const moor_rx *rx, uint64_t at, uint64_t claimed, struct intent *ret_intent)
{
	const uint64_t end = moor__claimed_position(claimed, at);
	struct intent intent;
	uint32_t owner = 0;

	for (uint32_t slot = 1; slot <= rx->producers; slot++)
		if (read_intent(rx, slot, at, &intent) && intent.at == at && fits(rx, at, intent.end - at) &&
		    intent.end <= end && (!owner || intent.end < ret_intent->end) &&
		    is_told(rx, slot, intent.end, claimed)) {
			*ret_intent = intent;
			owner = slot;
		}
	return owner;
}

static void recover_unmarked(moor_rx *rx, uint64_t at, struct moor_abi_record_header *header)
{
	const uint64_t claimed = moor__acquire_64(&rx->ring.many->claimed); /* A11 */
	struct intent intent = {0}, again;
	uint32_t owner;

	if ((int64_t)(moor__claimed_position(claimed, at) - at) <= 0)
		return;
	MOOR_CRASH_POINT("recover: claim word read");
	owner = find_owner(rx, at, claimed, &intent);
	if (!is_dead(rx, owner))
		return;
	/* Before it died it may have marked, or committed; what looked like its intent may have been two. */
	if (moor__acquire_32(&header->word) || !read_intent(rx, owner, at, &again) || again.at != intent.at || /* A9 */
	    again.end != intent.end || again.after != intent.after)
		return;
	skip(rx, header, owner, intent.after, intent.end - at);
}

static void recover(moor_rx *rx, uint64_t at)
{
	struct moor_abi_record_header *header = moor__header_at(&rx->ring, at);
	const uint32_t word = moor__acquire_32(&header->word); /* A9 */

	if (!word)
		recover_unmarked(rx, at, header);
	else if (moor__word_kind(word) == MOOR_ABI_WORD_CLAIM)
		recover_marked(rx, at, header, word);
}

static void add_up(moor_rx *rx, bool look)
{
	struct moor__lives lives = {0};

	for (uint32_t i = 0; i < rx->producers; i++) {
		struct moor_abi_slot *slot = &rx->ring.producer[i].slot;
		const uint64_t life =
		    look ? moor__ring_look(&rx->ring, MOOR__PRODUCER + i, slot) : moor__acquire_64(&slot->life); /* A5 */

		lives.attached += moor__life_attached(life);
		lives.closed += moor__life_closed(life);
		lives.died += moor__life_died(life);
	}
	rx->lives = lives;
}

struct moor__lives moor__mpsc_lives(moor_rx *rx, uint64_t position, bool look)
{
	const uint32_t changes = moor__acquire_32(&rx->ring.many->changes); /* A10 */

	if (look || changes != rx->changes) {
		add_up(rx, look);
		rx->changes = changes;
	}
	if (look)
		recover(rx, position);
	return rx->lives;
}
