/* SPDX-License-Identifier: Apache-2.0 */
/*
 * waitset.c - waiting for one of several objects, or for all.
 *
 * One: announce on each that somebody sleeps, sleep on all, take the first that can be taken. Each object wakes one
 * sleeper for what it has to give; so whoever was woken by an object and took another, or none, wakes the next one there.
 *
 * All: take one after the other, in an order that is the same in every process, and give all back if one cannot be had;
 * then sleep on that one.
 */
#include "sync/waitset.h"

#include "base/crash.h"
#include "sync/sem.h"

/* How long to leave a semaphore alone on which another wait for all has tokens on trial. */
#define TRIAL_NS ((int64_t)200000)
/* Woken so often for nothing, a wait asks for a handover of its mutexes. */
#define VAIN_MAX 8u

/* ---- what the kinds can do ---- */

static int take_mutex(struct moor__waiting *w)
{
	const int news = moor__mutex_take(w->object, &w->how, &w->seen);

	w->abandoned = news == MOOR_ABANDONED;
	return news;
}

static bool announce_mutex(struct moor__waiting *w, struct moor__os_word *ret_on)
{
	ret_on->word = moor__mutex_futex(w->object);
	return moor__mutex_announce(w->object, w->seen, w->handover, &ret_on->expected);
}

static void give_back_mutex(struct moor__waiting *w)
{
	moor__mutex_give_back(w->object, w->abandoned);
}

static void rewake_mutex(struct moor__waiting *w)
{
	moor__mutex_rewake(w->object);
}

static const struct moor__object *object_mutex(const struct moor__waiting *w)
{
	return moor__mutex_object(w->object);
}

static int take_sem(struct moor__waiting *w)
{
	if (!w->for_all)
		return moor__sem_take(w->object, w->how.waited);
	return w->times ? moor__sem_try_on(w->object, w->times) : 0;
}

static bool announce_sem(struct moor__waiting *w, struct moor__os_word *ret_on)
{
	ret_on->word = moor__sem_futex(w->object);
	return moor__sem_announce(w->object, w->times, &ret_on->expected);
}

static void keep_sem(struct moor__waiting *w)
{
	if (w->times)
		moor__sem_keep(w->object);
}

static void give_back_sem(struct moor__waiting *w)
{
	if (w->times)
		moor__sem_give_back(w->object);
}

static void rewake_sem(struct moor__waiting *w)
{
	moor__sem_rewake(w->object);
}

static const struct moor__object *object_sem(const struct moor__waiting *w)
{
	return moor__sem_object(w->object);
}

static void begin_event(struct moor__waiting *w)
{
	moor__event_begin(w->object, &w->event);
}

static int take_event(struct moor__waiting *w)
{
	return moor__event_take(w->object, &w->event, w->for_all);
}

static bool announce_event(struct moor__waiting *w, struct moor__os_word *ret_on)
{
	ret_on->word = moor__event_futex(w->object);
	return moor__event_announce(w->object, &w->event, w->for_all, &ret_on->expected);
}

static void give_back_event(struct moor__waiting *w)
{
	moor__event_give_back(w->object, &w->event, w->woken);
}

static void rewake_event(struct moor__waiting *w)
{
	moor__event_rewake(w->object);
}

static const struct moor__object *object_event(const struct moor__waiting *w)
{
	return moor__event_object(w->object);
}

static const struct moor__waitable_ops mutex_ops = {.take = take_mutex,
                                                    .announce = announce_mutex,
                                                    .give_back = give_back_mutex,
                                                    .rewake = rewake_mutex,
                                                    .file = object_mutex};
static const struct moor__waitable_ops sem_ops = {.take = take_sem,
                                                  .announce = announce_sem,
                                                  .keep = keep_sem,
                                                  .give_back = give_back_sem,
                                                  .rewake = rewake_sem,
                                                  .file = object_sem};
static const struct moor__waitable_ops event_ops = {.begin = begin_event,
                                                    .take = take_event,
                                                    .announce = announce_event,
                                                    .give_back = give_back_event,
                                                    .rewake = rewake_event,
                                                    .file = object_event};

static const struct moor__waitable_ops *ops_of(const struct moor_waitable *waitable)
{
	switch (waitable->kind) {
	case MOOR_OBJ_MUTEX:
		return &mutex_ops;
	case MOOR_OBJ_SEM:
		return &sem_ops;
	case MOOR_OBJ_EVENT:
		return &event_ops;
	case MOOR__WAITABLE_HANDED_IN:
		return ((const struct moor__waitable *)waitable->object)->ops;
	default:
		return NULL;
	}
}

/* ---- what both waits share ---- */

static int begin(const struct moor_waitable *waitables, size_t n, bool for_all, int64_t timeout_ns,
                 struct moor__waiting *waiting)
{
	if (!waitables || n == 0 || n > MOOR_WAIT_MAX || timeout_ns < MOOR_FOREVER)
		return MOOR_EINVAL;
	for (size_t i = 0; i < n; i++) {
		const struct moor__waitable_ops *ops = waitables[i].object ? ops_of(&waitables[i]) : NULL;

		if (!ops)
			return MOOR_EINVAL;
		waiting[i] = (struct moor__waiting){.ops = ops, .object = waitables[i].object, .times = 1, .for_all = for_all};
		waiting[i].how = (struct moor__mutex_try){.look = true, .waited = timeout_ns == MOOR_NOWAIT};
	}
	for (size_t i = 0; i < n; i++)
		if (waiting[i].ops->begin)
			waiting[i].ops->begin(&waiting[i]);
	return 0;
}

/* The time is up: a handover is for a call that cannot wait as well. False if that was so before. */
static bool may_look_again(struct moor__waiting *waiting, size_t n)
{
	if (waiting[0].how.waited)
		return false;
	for (size_t i = 0; i < n; i++)
		waiting[i].how.waited = true;
	return true;
}

/* After a sleep with the result err. */
static void after_sleep(struct moor__waiting *waiting, size_t n, int err, unsigned *vain, int64_t *look_at)
{
	bool look = false;

	if (err == 0)
		++*vain;
	if (err == MOOR_ETIMEDOUT && moor__os_now_coarse() >= *look_at) {
		look = true;
		*look_at = moor__os_now_coarse() + MOOR__SYNC_LOOK_NS / 2;
	}
	for (size_t i = 0; i < n; i++) {
		waiting[i].how.look = look;
		waiting[i].how.waited |= err != MOOR_EAGAIN;
		waiting[i].handover = *vain >= VAIN_MAX;
	}
}

/* These are not tried now: what they may have woken this wait for is for somebody else. */
static void rewake(struct moor__waiting *waiting, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (waiting[i].woken && waiting[i].ops->rewake)
			waiting[i].ops->rewake(&waiting[i]);
		waiting[i].woken = false;
	}
}

static void end(struct moor__waiting *waiting, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (waiting[i].ops->end)
			waiting[i].ops->end(&waiting[i]);
}

/* ---- one ---- */

/* The first that can be: 0 or MOOR_ABANDONED, and *ret_index. */
static int take_one(struct moor__waiting *waiting, size_t n, size_t *ret_index)
{
	for (size_t i = 0; i < n; i++) {
		const int news = waiting[i].ops->take(&waiting[i]);

		waiting[i].woken = false; /* taken, or there was nothing */
		if (news != MOOR_EAGAIN) {
			*ret_index = i;
			return news;
		}
	}
	return MOOR_EAGAIN;
}

static bool announce_all(struct moor__waiting *waiting, size_t n, struct moor__os_word *on)
{
	for (size_t i = 0; i < n; i++)
		if (!waiting[i].ops->announce(&waiting[i], &on[i]))
			return false;
	return true;
}

int moor_wait_any(const struct moor_waitable *waitables, size_t n, int64_t timeout_ns, size_t *ret_index)
{
	struct moor__waiting waiting[MOOR_WAIT_MAX];
	struct moor__os_word on[MOOR_WAIT_MAX];
	struct moor__deadline deadline;
	int64_t ns = 0, look_at = 0;
	unsigned vain = 0;
	size_t taken = n;
	int news, err;

	err = ret_index ? begin(waitables, n, false, timeout_ns, waiting) : MOOR_EINVAL;
	if (err)
		return err;
	deadline = moor__deadline_make(timeout_ns);
	for (;;) {
		news = take_one(waiting, n, &taken);
		if (news != MOOR_EAGAIN)
			break;
		news = err == MOOR_EINTR || err == MOOR_ESYS ? err : moor__deadline_next(&deadline, &ns);
		if (news && may_look_again(waiting, n))
			continue;
		if (news)
			break;
		err = 0;
		if (!announce_all(waiting, n, on))
			continue;
		MOOR_CRASH_POINT("wait any: announced");
		err = moor__os_sleep_any(on, n, ns);
		MOOR_CRASH_POINT("wait any: woken");
		for (size_t i = 0; i < n; i++)
			waiting[i].woken = err == 0;
		after_sleep(waiting, n, err, &vain, &look_at);
	}
	end(waiting, n);
	rewake(waiting, n);
	if (news >= 0)
		*ret_index = taken;
	return news;
}

/* ---- all ---- */

/* By file, the same in every process: below 0, 0 or above as x comes before y. What has none comes last. */
static int compare(const struct moor__waiting *x, const struct moor__waiting *y)
{
	const struct moor__object *a = x->ops->file ? x->ops->file(x) : NULL, *b = y->ops->file ? y->ops->file(y) : NULL;

	if (!a || !b)
		return (a == NULL) - (b == NULL);
	if (a->inode != b->inode)
		return a->inode < b->inode ? -1 : 1;
	return (a->device > b->device) - (a->device < b->device);
}

static void sort(struct moor__waiting *waiting, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		const struct moor__waiting moved = waiting[i];
		size_t at = i;

		for (; at && compare(&waiting[at - 1], &moved) > 0; at--)
			waiting[at] = waiting[at - 1];
		waiting[at] = moved;
	}
	/* A semaphore that is there twice, through one handle or two, is tried for all at once. */
	for (size_t i = 1; i < n; i++) {
		size_t first = i;

		while (first && waiting[first - 1].ops == &sem_ops && waiting[i].ops == &sem_ops &&
		       compare(&waiting[first - 1], &waiting[i]) == 0)
			first--;
		if (first != i) {
			waiting[i].times = 0;
			waiting[first].times++;
		}
	}
}

/* 0 or MOOR_ABANDONED: all are taken; else none is, and *ret_failed says because of which. */
static int take_all(struct moor__waiting *waiting, size_t n, size_t *ret_failed)
{
	int result = 0;

	for (size_t i = 0; i < n; i++) {
		const int news = waiting[i].ops->take(&waiting[i]);

		if (news < 0) {
			*ret_failed = i;
			waiting[i].woken &= news == MOOR_EBUSY; /* else there was nothing */
			rewake(waiting + i + 1, n - i - 1);
			while (i--) {
				if (waiting[i].ops->give_back)
					waiting[i].ops->give_back(&waiting[i]); /* which wakes, too */
				waiting[i].woken = false;
			}
			return news;
		}
		if (news == MOOR_ABANDONED)
			result = news;
		MOOR_CRASH_POINT("wait all: took one");
	}
	for (size_t i = 0; i < n; i++)
		if (waiting[i].ops->keep)
			waiting[i].ops->keep(&waiting[i]);
	return result;
}

int moor_wait_all(const struct moor_waitable *waitables, size_t n, int64_t timeout_ns)
{
	struct moor__waiting waiting[MOOR_WAIT_MAX];
	struct moor__deadline deadline;
	int64_t ns = 0, look_at = 0;
	unsigned vain = 0;
	bool busy;
	size_t failed = 0;
	int news, err;

	err = begin(waitables, n, true, timeout_ns, waiting);
	if (err)
		return err;
	sort(waiting, n);
	deadline = moor__deadline_make(timeout_ns);
	for (;;) {
		struct moor__os_word on;

		news = take_all(waiting, n, &failed);
		if (news != MOOR_EAGAIN && news != MOOR_EBUSY)
			break;
		busy = news == MOOR_EBUSY;
		news = err == MOOR_EINTR || err == MOOR_ESYS ? err : moor__deadline_next(&deadline, &ns);
		if (news && may_look_again(waiting, n))
			continue;
		if (news)
			break;
		if (busy) {
			err = moor__os_pause(ns < TRIAL_NS ? ns : TRIAL_NS);
			continue;
		}
		err = 0;
		if (!waiting[failed].ops->announce(&waiting[failed], &on))
			continue;
		MOOR_CRASH_POINT("wait all: announced");
		err = moor__os_sleep_any(&on, 1, ns);
		MOOR_CRASH_POINT("wait all: woken");
		waiting[failed].woken = err == 0;
		after_sleep(waiting, n, err, &vain, &look_at);
	}
	end(waiting, n);
	if (news < 0)
		rewake(waiting, n);
	return news;
}
