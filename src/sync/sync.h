/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sync.h - what mutex, semaphore and event have in common: opening and closing an object with one shared word, and
 * waiting with a deadline.
 */
#ifndef MOOR_SYNC_SYNC_H
#define MOOR_SYNC_SYNC_H

#include "base/atomic.h"
#include "map/life.h"
#include "map/participant.h"
#include "map/registry.h"

#include <mooring/sync.h>

/* "Somebody may sleep on it", in the low half of every kind's word. Who releases and finds it set wakes; it goes when
 * there was nobody to wake. */
#define MOOR__WAITERS 0x80000000u

/* What to make if the name is free. */
struct moor__sync_birth {
	uint64_t word;
	uint32_t max, flags;
	bool owned; /* a mutex: the word is to be that of the creator's slot */
};

/*
 * Joins or makes the object, and maps it. `settle` as in struct moor__object. Returns 0, MOOR_CREATED or an error; a
 * joined object has no slot yet. *ret_owned (or NULL): MOOR_INITIALLY_OWNED was asked for. Until it is MOOR__FORK_SHARES,
 * a forked child drops it: it could not finish what another thread has begun.
 */
int moor__sync_open(const char *text, enum moor__how how, enum moor_object kind, const struct moor_sync_opts *opts,
                    const struct moor__sync_birth *birth, void (*settle)(struct moor__object *object),
                    struct moor__object **ret_object, bool *ret_owned);
/* Shows the object's holder in any slot; none if there is none left. From now on a forked child shares it. */
void moor__sync_show(struct moor__object *object);
/* Gives it back, with the slot. */
void moor__sync_close(struct moor__object *object);

static inline struct moor_abi_sync *moor__sync_shared(const struct moor__object *object)
{
	return (struct moor_abi_sync *)((char *)object->slots - sizeof(struct moor_abi_sync));
}

/* The half of the word that is slept upon. */
static inline uint32_t *moor__sync_low(uint64_t *word)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (uint32_t *)word;
#else
	return (uint32_t *)word + 1;
#endif
}

/*
 * Is the slot's holder dead? Proven by taking its lock: then `proven` is called while the lock is held, and nobody can
 * come to the slot. Not for a slot of the object itself, whose lock it could not tell from its own.
 */
bool moor__sync_prove_dead(struct moor__object *object, uint32_t slot, void (*proven)(void *arg, uint32_t slot),
                           void *arg);

/* In one call so many are proven dead at most: a word that says ever again that a dead one has it is forged. */
#define MOOR__SYNC_DEATHS_MAX 64u

/* ---- waiting ---- */

/* Every sleep ends after this long, to look at the world anew. A test that wants to see a lost wake-up sets it high. */
#ifdef MOOR_TESTING
extern int64_t moor__sync_look_ns;
#define MOOR__SYNC_LOOK_NS moor__sync_look_ns
#else
#define MOOR__SYNC_LOOK_NS ((int64_t)90000000)
#endif

struct moor__deadline {
	int64_t until; /* 0: now; INT64_MAX: never */
};
/* Of a valid timeout. The clock is read only if it will be needed. */
static inline struct moor__deadline moor__deadline_make(int64_t timeout_ns)
{
	struct moor__deadline deadline = {.until = timeout_ns == MOOR_FOREVER ? INT64_MAX : 0};

	if (timeout_ns > 0) {
		const int64_t now = moor__os_now();

		deadline.until = timeout_ns < INT64_MAX - now ? now + timeout_ns : INT64_MAX;
	}
	return deadline;
}
/* How long to sleep now: 0, MOOR_EAGAIN (MOOR_NOWAIT) or MOOR_ETIMEDOUT. */
static inline int moor__deadline_next(const struct moor__deadline *deadline, int64_t *ret_ns)
{
	int64_t left;

	if (deadline->until == 0)
		return MOOR_EAGAIN;
	left = deadline->until == INT64_MAX ? INT64_MAX : deadline->until - moor__os_now();
	if (left <= 0)
		return MOOR_ETIMEDOUT;
	*ret_ns = left < MOOR__SYNC_LOOK_NS ? left : MOOR__SYNC_LOOK_NS;
	return 0;
}

#endif
