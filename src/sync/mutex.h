/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mutex.h - the mutex's word, and what the waits for several objects need of it. mooring-sync(7) draws the states.
 *
 *   bits 0-9    the owner's slot, plus 1; 0: nobody's
 *   bit  10     ABANDONED: nobody's, and its last owner died
 *   bit  11     HANDOVER: the next release is for somebody who has waited
 *   bits 12-30  the generation of the owner's slot
 *   bit  31     WAITERS: somebody may sleep on the word
 */
#ifndef MOOR_SYNC_MUTEX_H
#define MOOR_SYNC_MUTEX_H

#include "sync/sync.h"

#define MOOR__MUTEX_SLOT 0x3ffu
#define MOOR__MUTEX_ABANDONED 0x400u
#define MOOR__MUTEX_HANDOVER 0x800u
#define MOOR__MUTEX_GENERATION 12
#define MOOR__MUTEX_GENERATIONS 0x7ffffu

/* Owned by the occupant of the slot, after `ended` others have left it. */
static inline uint32_t moor__mutex_word(uint32_t slot, uint64_t ended)
{
	return (slot + 1) | (uint32_t)(ended & MOOR__MUTEX_GENERATIONS) << MOOR__MUTEX_GENERATION;
}

/* How a call may take a mutex. */
struct moor__mutex_try {
	bool look;   /* ask whether its owner is dead */
	bool waited; /* it has slept for it, or will not: a handover is for it, too */
};
/*
 * 0, MOOR_ABANDONED, MOOR_EAGAIN (then *ret_seen is the word as it was), MOOR_EOVERFLOW, MOOR_ENOMEM, MOOR_ESLOTS,
 * MOOR_EMFILE.
 */
int moor__mutex_take(moor_mutex *mutex, const struct moor__mutex_try *how, uint32_t *ret_seen);
/* Before a sleep: true if the word read `seen`, and now reads *ret_expected. */
bool moor__mutex_announce(moor_mutex *mutex, uint32_t seen, bool handover, uint32_t *ret_expected);
/* Undoes a take: abandoned again, if it was. */
void moor__mutex_give_back(moor_mutex *mutex, bool abandoned);
/* Is it nobody's? Then who sleeps on it is woken. */
void moor__mutex_rewake(moor_mutex *mutex);
const uint32_t *moor__mutex_futex(const moor_mutex *mutex);
const struct moor__object *moor__mutex_object(const moor_mutex *mutex);

#ifdef MOOR_TESTING
void moor__mutex_set_locks(moor_mutex *mutex, uint32_t n);
#endif

#endif
