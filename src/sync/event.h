/* SPDX-License-Identifier: Apache-2.0 */
/* event.h - what the waits for several objects need of an event. */
#ifndef MOOR_SYNC_EVENT_H
#define MOOR_SYNC_EVENT_H

#include "sync/sync.h"

/* What a wait remembers. Begun before the first try. */
struct moor__event_wait {
	uint32_t sets;  /* manual reset: how often it had been set when the wait began */
	uint32_t taken; /* auto reset: the word that it was taken from, for give_back */
};
void moor__event_begin(const moor_event *event, struct moor__event_wait *wait);
/* 0 or MOOR_EAGAIN. now: a set that was reset since does not count. */
int moor__event_take(moor_event *event, struct moor__event_wait *wait, bool now);
/* Undoes a take, unless the event has been reset since. woken: it was for this wait that the event was granted. */
void moor__event_give_back(moor_event *event, const struct moor__event_wait *wait, bool woken);
/* Before a sleep: true if a take would fail, and the futex reads *ret_expected. */
bool moor__event_announce(moor_event *event, const struct moor__event_wait *wait, bool now, uint32_t *ret_expected);
/* A wait that was woken has not taken it: somebody else is woken, or it is set. */
void moor__event_rewake(moor_event *event);
const uint32_t *moor__event_futex(const moor_event *event);
const struct moor__object *moor__event_object(const moor_event *event);

#endif
