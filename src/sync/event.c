/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event.c - the event. The word, 32 bits, of the two kinds:
 *
 *   manual reset   bit 0: set; bits 1-30: how often it was set, so that who waited then passes even if it was reset
 *   auto reset     bit 0: set; bits 1-11: granted; bits 12-30: how often it was reset
 *   both           bit 31: WAITERS
 *
 * A set of an auto-reset event is for a waiter, if the kernel finds one to wake: then it is granted, and no later set is
 * lost because the waiter has not run yet. Only if there is none the event is set, once, for whoever comes.
 */
#include "sync/event.h"

#include "base/crash.h"

#include <stdlib.h>

#define MANUAL_SET 1u
#define MANUAL_SETS 0x7ffffffeu
#define MANUAL_ONE 2u
#define AUTO_SET 1u
#define AUTO_GRANTED 0xffeu
#define AUTO_ONE_GRANTED 2u
#define AUTO_RESETS 0x7ffff000u
#define AUTO_ONE_RESET 0x1000u

struct moor_event {
	struct moor__object *object;
	uint32_t *word;
	bool manual;
};

/* A field of the word, counted on by one and wrapped within its bits. */
static uint32_t count_on(uint32_t word, uint32_t field, uint32_t one)
{
	return (word & ~field) | ((word + one) & field);
}

static void set_manual(uint32_t *word)
{
	uint32_t seen, next;

	do {
		seen = moor__load_32(word);
		next = seen & MANUAL_SET ? seen : (count_on(seen, MANUAL_SETS, MANUAL_ONE) & ~MOOR__WAITERS) | MANUAL_SET;
	} while (!moor__cas_32(word, seen, next)); /* also when it is set: what was written before is to be seen */
	MOOR_CRASH_POINT("event: before wake");
	if (seen & ~next & MOOR__WAITERS)
		moor__os_wake(word);
}

/*
 * There was nobody to grant it to: it is set instead. Unless somebody who came just now has passed by it. unless_set: the
 * grant may be that of somebody else, who was woken and has not run: it must not vanish in what is set.
 */
static void set_instead(uint32_t *word, uint32_t stored, bool unless_set)
{
	uint32_t seen, next;

	do {
		seen = moor__load_32(word);
		if (!(seen & AUTO_GRANTED) || (unless_set && (seen & AUTO_SET)))
			return;
		next = (seen - AUTO_ONE_GRANTED) | AUTO_SET;
		if (seen == stored)
			next &= ~MOOR__WAITERS;
	} while (!moor__cas_32(word, seen, next));
}

static void set_auto(uint32_t *word)
{
	uint32_t seen, next;

	do {
		seen = moor__load_32(word);
		next = (seen & MOOR__WAITERS) && (seen & AUTO_GRANTED) != AUTO_GRANTED ? seen + AUTO_ONE_GRANTED
		                                                                       : seen | AUTO_SET;
	} while (!moor__cas_32(word, seen, next)); /* as above */
	MOOR_CRASH_POINT("event: before wake");
	if ((seen & MOOR__WAITERS) && !moor__os_wake_some(word, 1))
		set_instead(word, next, false);
}

int moor_event_set(moor_event *event)
{
	if (!event)
		return MOOR_EINVAL;
	if (event->manual)
		set_manual(event->word);
	else
		set_auto(event->word);
	return 0;
}

int moor_event_reset(moor_event *event)
{
	uint32_t seen, next;

	if (!event)
		return MOOR_EINVAL;
	do {
		seen = moor__load_32(event->word);
		next = event->manual ? seen & ~MANUAL_SET : count_on(seen & ~(AUTO_SET | AUTO_GRANTED), AUTO_RESETS, AUTO_ONE_RESET);
	} while (!moor__cas_32(event->word, seen, next));
	return 0;
}

/* ---- waiting ---- */

void moor__event_begin(const moor_event *event, struct moor__event_wait *wait)
{
	*wait = (struct moor__event_wait){.sets = moor__load_32(event->word) & MANUAL_SETS};
}

static bool is_over(const moor_event *event, const struct moor__event_wait *wait, bool now, uint32_t seen)
{
	if (!event->manual)
		return seen & (AUTO_SET | AUTO_GRANTED);
	return (seen & MANUAL_SET) || (!now && (seen & MANUAL_SETS) != wait->sets);
}

int moor__event_take(moor_event *event, struct moor__event_wait *wait, bool now)
{
	for (;;) {
		const uint32_t seen = moor__acquire_32(event->word);

		if (!is_over(event, wait, now, seen))
			return MOOR_EAGAIN;
		wait->taken = seen;
		if (event->manual ||
		    moor__cas_32(event->word, seen, seen & AUTO_GRANTED ? seen - AUTO_ONE_GRANTED : seen & ~AUTO_SET))
			return 0;
	}
}

void moor__event_give_back(moor_event *event, const struct moor__event_wait *wait, bool woken)
{
	uint32_t seen, next;

	if (event->manual)
		return;
	do {
		seen = moor__load_32(event->word);
		if ((seen ^ wait->taken) & AUTO_RESETS)
			return;
		next = (wait->taken & AUTO_GRANTED) && (seen & AUTO_GRANTED) != AUTO_GRANTED ? seen + AUTO_ONE_GRANTED
		                                                                             : seen | AUTO_SET;
	} while (!moor__cas_32(event->word, seen, next));
	if (woken)
		moor__event_rewake(event);
	else if (next & MOOR__WAITERS)
		(void)moor__os_wake_some(event->word, 1); /* whose it was may have come in vain, and sleep again */
}

bool moor__event_announce(moor_event *event, const struct moor__event_wait *wait, bool now, uint32_t *ret_expected)
{
	const uint32_t seen = moor__load_32(event->word);

	if (is_over(event, wait, now, seen))
		return false;
	*ret_expected = seen | MOOR__WAITERS;
	return (seen & MOOR__WAITERS) || moor__cas_32(event->word, seen, seen | MOOR__WAITERS);
}

void moor__event_rewake(moor_event *event)
{
	const uint32_t seen = moor__load_32(event->word);

	if (event->manual || !(seen & (AUTO_SET | AUTO_GRANTED)) || !(seen & MOOR__WAITERS))
		return;
	if (!moor__os_wake_some(event->word, 1))
		set_instead(event->word, seen, true);
}

const uint32_t *moor__event_futex(const moor_event *event)
{
	return event->word;
}

const struct moor__object *moor__event_object(const moor_event *event)
{
	return event->object;
}

int moor_event_wait(moor_event *event, int64_t timeout_ns)
{
	struct moor__deadline deadline;
	struct moor__event_wait wait;
	struct moor__os_word on;
	int err = 0;

	if (!event || timeout_ns < MOOR_FOREVER)
		return MOOR_EINVAL;
	moor__event_begin(event, &wait);
	if (moor__event_take(event, &wait, false) == 0)
		return 0;
	deadline = moor__deadline_make(timeout_ns);
	on.word = event->word;
	while (!err) {
		int64_t ns;

		if (moor__event_take(event, &wait, false) == 0)
			return 0;
		err = moor__deadline_next(&deadline, &ns);
		if (err || !moor__event_announce(event, &wait, false, &on.expected))
			continue;
		MOOR_CRASH_POINT("event: announced");
		err = moor__os_sleep_any(&on, 1, ns);
		MOOR_CRASH_POINT("event: woken");
		if (err == MOOR_EINTR && moor__event_take(event, &wait, false) == 0)
			return 0;
		if (err == MOOR_ETIMEDOUT || err == MOOR_EAGAIN)
			err = 0;
	}
	return err;
}

/* ---- opening and closing ---- */

static int open_event(const char *name, enum moor__how how, unsigned flags, const struct moor_sync_opts *opts,
                      moor_event **ret_event)
{
	const bool manual = flags & MOOR_MANUAL_RESET, set = flags & MOOR_INITIALLY_SET;
	const struct moor__sync_birth birth = {.word = set ? (manual ? MANUAL_SET : 1) : 0, .flags = flags & MOOR_MANUAL_RESET};
	struct moor__object *object;
	moor_event *event;
	int news;

	if (!ret_event || (flags & ~(MOOR_MANUAL_RESET | MOOR_INITIALLY_SET)))
		return MOOR_EINVAL;
	event = malloc(sizeof *event);
	if (!event)
		return MOOR_ENOMEM;
	news = moor__sync_open(name, how, MOOR_OBJ_EVENT, opts, &birth, NULL, &object, NULL);
	if (news < 0) {
		free(event);
		return news;
	}
	event->object = object;
	event->word = moor__sync_low(&moor__sync_shared(object)->word);
	event->manual = moor__load_32(&moor__sync_shared(object)->flags) & MOOR_MANUAL_RESET;
	moor__sync_show(object);
	*ret_event = event;
	return news;
}

int moor_event_create(const char *name, unsigned flags, const struct moor_sync_opts *opts, moor_event **ret_event)
{
	const int err = open_event(name, MOOR__CREATE, flags, opts, ret_event);

	return err == MOOR_CREATED ? 0 : err;
}

int moor_event_create_or_open(const char *name, unsigned flags, const struct moor_sync_opts *opts,
                              moor_event **ret_event)
{
	return open_event(name, MOOR__OPEN_OR_CREATE, flags, opts, ret_event);
}

int moor_event_open(const char *name, const struct moor_sync_opts *opts, moor_event **ret_event)
{
	return open_event(name, MOOR__OPEN, 0, opts, ret_event);
}

void moor_event_close(moor_event *event)
{
	if (!event)
		return;
	moor__sync_close(event->object);
	free(event);
}

struct moor_waitable moor_event_waitable(moor_event *event)
{
	return (struct moor_waitable){.kind = MOOR_OBJ_EVENT, .object = event};
}
