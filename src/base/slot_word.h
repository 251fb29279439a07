/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slot_word.h - the `life` word of a slot (mooring/abi.h): who is attached, and how its predecessors ended. It is
 * replaced as a whole, so that the counts are exact wherever a process is killed: by the holder of the slot's lock as
 * it comes and goes, and by whoever has seen that nobody holds the lock of an attached slot. The latter compares and
 * swaps: no value comes twice, so if the word is still what it was before the look, its owner is dead and nobody has
 * counted it.
 */
#ifndef MOOR_BASE_SLOT_WORD_H
#define MOOR_BASE_SLOT_WORD_H

#include <stdbool.h>
#include <stdint.h>

#define MOOR__LIFE_ATTACHED 1u
#define MOOR__LIFE_LAST_DIED 2u
#define MOOR__LIFE_CLOSED_SHIFT 2
#define MOOR__LIFE_DIED_SHIFT 33
#define MOOR__LIFE_COUNT_MASK 0x7fffffffu

static inline bool moor__life_attached(uint64_t life) { return life & MOOR__LIFE_ATTACHED; }
static inline bool moor__life_last_died(uint64_t life) { return life & MOOR__LIFE_LAST_DIED; }
static inline uint64_t moor__life_closed(uint64_t life)
{
	return (life >> MOOR__LIFE_CLOSED_SHIFT) & MOOR__LIFE_COUNT_MASK;
}
static inline uint64_t moor__life_died(uint64_t life) { return life >> MOOR__LIFE_DIED_SHIFT; }
/* How many have left, in whatever way. */
static inline uint64_t moor__life_ended(uint64_t life) { return moor__life_closed(life) + moor__life_died(life); }

/* How many have taken over from a dead one: all deaths but that of the last, if nobody came after it. */
static inline uint64_t moor__life_recoveries(uint64_t life)
{
	return moor__life_died(life) - (!moor__life_attached(life) && moor__life_last_died(life));
}

static inline uint64_t moor__life_word(uint64_t closed, uint64_t died, uint32_t flags)
{
	return (died & MOOR__LIFE_COUNT_MASK) << MOOR__LIFE_DIED_SHIFT |
	       (closed & MOOR__LIFE_COUNT_MASK) << MOOR__LIFE_CLOSED_SHIFT | flags;
}

/* The participant that the word says is attached is dead: count it. */
static inline uint64_t moor__life_after_death(uint64_t life)
{
	return moor__life_attached(life)
	           ? moor__life_word(moor__life_closed(life), moor__life_died(life) + 1, MOOR__LIFE_LAST_DIED)
	           : life;
}
/* A newcomer, who counts a dead predecessor as it enters. */
static inline uint64_t moor__life_after_attach(uint64_t life)
{
	return moor__life_after_death(life) | MOOR__LIFE_ATTACHED;
}
static inline uint64_t moor__life_after_close(uint64_t life)
{
	return moor__life_word(moor__life_closed(life) + 1, moor__life_died(life), 0);
}

#endif
