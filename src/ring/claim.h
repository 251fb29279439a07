/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claim.h - the words of a ring of many producers: what is claimed, by whom, and what a record's header says of that.
 * See mooring/abi.h for the bits.
 */
#ifndef MOOR_RING_CLAIM_H
#define MOOR_RING_CLAIM_H

#include "ring/record.h"

#define MOOR__LINE ((uint64_t)MOOR_ABI_LINE)

static inline uint64_t moor__claimed_word(uint64_t position, uint32_t slot)
{
	return position / MOOR__LINE << MOOR_ABI_CLAIM_SLOT_BITS | slot;
}

static inline uint32_t moor__claimed_by(uint64_t word) { return (uint32_t)word & MOOR_ABI_CLAIM_SLOT_MASK; }

#define MOOR__CLAIM_SHIFT (MOOR_ABI_CLAIM_SLOT_BITS - 6) /* a position is so many bits further to the left there */
_Static_assert(MOOR_ABI_LINE == 1 << 6, "the shift is for other lines");

/* How far the word is ahead of that position, the start of a line: bytes, and more than any capacity if it is behind. */
static inline uint64_t moor__claimed_ahead(uint64_t word, uint64_t position)
{
	return ((word & ~(uint64_t)MOOR_ABI_CLAIM_SLOT_MASK) - (position << MOOR__CLAIM_SHIFT)) >> MOOR__CLAIM_SHIFT;
}

/* The word that follows when that slot claims so many bytes, whole lines. */
static inline uint64_t moor__claimed_next(uint64_t word, uint64_t size, uint32_t slot)
{
	return (word & ~(uint64_t)MOOR_ABI_CLAIM_SLOT_MASK) + (size << MOOR__CLAIM_SHIFT) + slot;
}

/* The position that the word means: of those that it may mean the one next to `near`, the start of a line. */
static inline uint64_t moor__claimed_position(uint64_t word, uint64_t near)
{
	const uint64_t ahead = (word & ~(uint64_t)MOOR_ABI_CLAIM_SLOT_MASK) - moor__claimed_word(near, 0);

	return near + (uint64_t)((int64_t)ahead >> MOOR_ABI_CLAIM_SLOT_BITS) * MOOR__LINE;
}

/* The ids in a header's word. */
static inline uint32_t moor__word_ids(uint32_t by, uint32_t after)
{
	return by << MOOR_ABI_WORD_BY_SHIFT | after << MOOR_ABI_WORD_AFTER_SHIFT;
}

static inline uint32_t moor__word_by(uint32_t word)
{
	return word >> MOOR_ABI_WORD_BY_SHIFT & MOOR_ABI_CLAIM_SLOT_MASK;
}

static inline uint32_t moor__word_after(uint32_t word)
{
	return word >> MOOR_ABI_WORD_AFTER_SHIFT & MOOR_ABI_CLAIM_SLOT_MASK;
}

/* MESSAGE, PAD or CLAIM; 0 and whatever else has no business there stay what they are. */
static inline uint32_t moor__word_kind(uint32_t word)
{
	return word & ~moor__word_ids(MOOR_ABI_CLAIM_SLOT_MASK, MOOR_ABI_CLAIM_SLOT_MASK);
}

#endif
