/* SPDX-License-Identifier: Apache-2.0 */
/*
 * waitset.h - waiting for several objects: what each kind can do. Kinds of the layers above hand their operations in: a
 * waitable of kind MOOR__WAITABLE_HANDED_IN points to a struct moor__waitable.
 */
#ifndef MOOR_SYNC_WAITSET_H
#define MOOR_SYNC_WAITSET_H

#include "sync/event.h"
#include "sync/mutex.h"

#define MOOR__WAITABLE_HANDED_IN 16u

/* One object within one wait. */
struct moor__waiting {
	const struct moor__waitable_ops *ops;
	void *object;
	uint32_t times; /* of a semaphore in a wait for all: how many to take; 0: another one takes them along */
	bool for_all;
	bool handover;  /* woken often in vain: the mutex is to be handed over */
	bool woken;     /* it was slept on, and the kernel woke the sleeper, perhaps for this one; not tried since */
	bool abandoned; /* the mutex that was taken was */
	uint32_t seen;  /* the mutex's word */
	struct moor__mutex_try how;
	struct moor__event_wait event;
};

struct moor__waitable {
	const struct moor__waitable_ops *ops;
};

struct moor__waitable_ops {
	void (*begin)(struct moor__waiting *waiting); /* or NULL */
	/* 0, MOOR_ABANDONED, MOOR_EAGAIN, MOOR_EBUSY (try again soon), or another error, which ends the wait. */
	int (*take)(struct moor__waiting *waiting);
	/* Before a sleep: false if the world has changed since the take. */
	bool (*announce)(struct moor__waiting *waiting, struct moor__os_word *ret_on);
	void (*keep)(struct moor__waiting *waiting);      /* of a wait for all: or NULL */
	void (*give_back)(struct moor__waiting *waiting); /* of a wait for all: or NULL */
	void (*end)(struct moor__waiting *waiting);       /* after the last announcement: or NULL */
	/* It may have been woken for this wait, and was not taken: somebody else is. Or NULL. */
	void (*rewake)(struct moor__waiting *waiting);
	/* Whose file says in which order to take several: the same everywhere. Or NULL. */
	const struct moor__object *(*file)(const struct moor__waiting *waiting);
};

#endif
