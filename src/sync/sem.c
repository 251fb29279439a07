/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sem.c - the semaphore: one 64-bit word, the count and WAITERS in the half that is slept upon, and in the other half
 * what a wait for all has taken on trial.
 *
 * Whoever has slept leaves WAITERS set when it takes, since others may sleep; who posts and finds fewer sleepers than
 * tokens clears it, if nothing has changed meanwhile. What goes wrong when a process dies between the two is that
 * nobody wakes a sleeper: it wakes by itself.
 */
#include "sync/sem.h"

#include "base/crash.h"

#include <stdlib.h>

#define COUNT_MAX 0x7fffffffu

/* The upper half. */
#define TRIAL_SLOT(word) ((uint32_t)((word) >> 32) & 0x3ffu) /* plus 1; 0: none */
#define TRIAL_COUNT(word) ((uint32_t)((word) >> 42) & 0x7fu)
#define TRIAL_ONE ((uint64_t)1 << 42)
#define TRIAL_NONE(word) ((word) & UINT32_MAX)

struct moor_sem {
	struct moor__object *object;
	uint64_t *word;
	uint32_t max;
	/* What this handle has last made of the word: tried without looking, since a look right after a locked operation
	 * waits for it, and costs as much as another one. */
	uint64_t hint;
};

static uint32_t count_of(uint64_t word)
{
	return (uint32_t)word & COUNT_MAX;
}

/* With the slot's lock held: what a dead holder had on trial is lost with it. */
static void settle_slot(void *arg, uint32_t slot)
{
	struct moor__object *object = arg;
	uint64_t *word = &moor__sync_shared(object)->word;
	uint64_t seen;

	do
		seen = moor__load_64(word);
	while (TRIAL_SLOT(seen) == slot + 1 && !moor__cas_64(word, seen, TRIAL_NONE(seen)));
	MOOR_CRASH_POINT("sem: settled");
}

static void settle(struct moor__object *object)
{
	settle_slot(object, object->slot);
}

/* Has somebody else tokens on trial who lives? */
static bool on_trial(moor_sem *sem, uint64_t seen)
{
	const uint32_t slot = TRIAL_SLOT(seen);

	return slot && (slot - 1 == sem->object->slot ||
	                !moor__sync_prove_dead(sem->object, slot - 1, settle_slot, sem->object));
}

int moor__sem_take(moor_sem *sem, bool waited)
{
	for (;;) {
		const uint64_t seen = moor__load_64(sem->word);

		if (!count_of(seen))
			return MOOR_EAGAIN;
		if (moor__cas_64(sem->word, seen, (seen - 1) | (waited ? MOOR__WAITERS : 0))) {
			moor__store_64(&sem->hint, (seen - 1) | (waited ? MOOR__WAITERS : 0));
			return 0;
		}
	}
}

int moor__sem_try_on(moor_sem *sem, uint32_t n)
{
	const uint32_t slot = sem->object->slot;
	uint32_t deaths = 0;

	if (slot == MOOR__NO_SLOT)
		return MOOR_ESLOTS;
	for (;;) {
		const uint64_t seen = moor__load_64(sem->word);
		uint64_t next;

		if (count_of(seen) < n)
			return MOOR_EAGAIN;
		if (TRIAL_SLOT(seen)) {
			if (deaths++ == MOOR__SYNC_DEATHS_MAX || on_trial(sem, seen))
				return MOOR_EBUSY;
			continue;
		}
		next = (TRIAL_NONE(seen) - n) | (uint64_t)(slot + 1) << 32 | n * TRIAL_ONE;
		if (moor__cas_64(sem->word, seen, next))
			return 0;
	}
}

void moor__sem_keep(moor_sem *sem)
{
	uint64_t seen;

	do
		seen = moor__load_64(sem->word);
	while (TRIAL_SLOT(seen) == sem->object->slot + 1 && !moor__cas_64(sem->word, seen, TRIAL_NONE(seen)));
}

/* The word has just been changed from `seen` to `next`, which has n tokens more. */
static void wake(moor_sem *sem, uint64_t next, uint32_t n)
{
	if (!((uint32_t)next & MOOR__WAITERS))
		return;
	MOOR_CRASH_POINT("sem: before wake");
	if (moor__os_wake_some(moor__sync_low(sem->word), n) < n)
		(void)moor__cas_64(sem->word, next, next & ~(uint64_t)MOOR__WAITERS);
}

void moor__sem_give_back(moor_sem *sem)
{
	uint64_t seen, next;
	uint32_t n;

	do {
		seen = moor__load_64(sem->word);
		n = TRIAL_COUNT(seen);
		if (TRIAL_SLOT(seen) != sem->object->slot + 1 || count_of(seen) + n > COUNT_MAX)
			return; /* no correct process has written that */
		next = TRIAL_NONE(seen) + n;
	} while (!moor__cas_64(sem->word, seen, next));
	wake(sem, next, n);
}

bool moor__sem_announce(moor_sem *sem, uint32_t n, uint32_t *ret_expected)
{
	const uint64_t seen = moor__load_64(sem->word);

	*ret_expected = (uint32_t)seen | MOOR__WAITERS;
	if (count_of(seen) >= n)
		return false;
	return ((uint32_t)seen & MOOR__WAITERS) || moor__cas_64(sem->word, seen, seen | MOOR__WAITERS);
}

void moor__sem_rewake(moor_sem *sem)
{
	const uint64_t seen = moor__load_64(sem->word);

	if (count_of(seen) && ((uint32_t)seen & MOOR__WAITERS))
		(void)moor__os_wake_some(moor__sync_low(sem->word), 1);
}

const uint32_t *moor__sem_futex(const moor_sem *sem)
{
	return moor__sync_low(sem->word);
}

const struct moor__object *moor__sem_object(const moor_sem *sem)
{
	return sem->object;
}

static __attribute__((noinline)) int wait_slow(moor_sem *sem, int64_t timeout_ns)
{
	struct moor__os_word on = {.word = moor__sync_low(sem->word)};
	const struct moor__deadline deadline = moor__deadline_make(timeout_ns);
	bool waited = false;
	int err = 0;

	while (!err) {
		int64_t ns;

		if (moor__sem_take(sem, waited) == 0)
			return 0;
		err = moor__deadline_next(&deadline, &ns);
		if (err || !moor__sem_announce(sem, 1, &on.expected))
			continue;
		MOOR_CRASH_POINT("sem: announced");
		err = moor__os_sleep_any(&on, 1, ns);
		MOOR_CRASH_POINT("sem: woken");
		waited = true;
		if (err == MOOR_EINTR && moor__sem_take(sem, waited) == 0)
			return 0;
		if (err == MOOR_ETIMEDOUT || err == MOOR_EAGAIN)
			err = 0;
	}
	return err;
}

int moor_sem_wait(moor_sem *sem, int64_t timeout_ns)
{
	uint64_t seen;

	if (moor__unlikely(!sem || timeout_ns < MOOR_FOREVER))
		return MOOR_EINVAL;
	seen = moor__load_64(&sem->hint);
	if (moor__likely(count_of(seen)) && moor__likely(moor__cas_64(sem->word, seen, seen - 1))) {
		moor__store_64(&sem->hint, seen - 1);
		return 0;
	}
	return wait_slow(sem, timeout_ns);
}

static int posted(moor_sem *sem, uint64_t seen, uint32_t n, uint32_t *ret_previous)
{
	moor__store_64(&sem->hint, seen + n);
	if (ret_previous)
		*ret_previous = count_of(seen);
	return 0;
}

static __attribute__((noinline)) int post_slow(moor_sem *sem, uint32_t n, uint32_t *ret_previous)
{
	uint32_t deaths = 0;

	for (;;) {
		const uint64_t seen = moor__load_64(sem->word), after = (uint64_t)count_of(seen) + n;

		if (after > sem->max)
			return MOOR_EOVERFLOW;
		if (TRIAL_SLOT(seen) && after + TRIAL_COUNT(seen) > sem->max) {
			if (deaths++ == MOOR__SYNC_DEATHS_MAX || on_trial(sem, seen))
				return MOOR_EOVERFLOW;
			continue;
		}
		if (moor__cas_64(sem->word, seen, seen + n)) {
			wake(sem, seen + n, n);
			return posted(sem, seen, n, ret_previous);
		}
	}
}

int moor_sem_post(moor_sem *sem, uint32_t n, uint32_t *ret_previous)
{
	uint64_t seen;

	if (moor__unlikely(!sem || n == 0))
		return MOOR_EINVAL;
	seen = moor__load_64(&sem->hint);
	/* If nobody sleeps, and nothing is on trial, the whole word is the count. */
	if (moor__likely(seen + n <= sem->max) && moor__likely(moor__cas_64(sem->word, seen, seen + n)))
		return posted(sem, seen, n, ret_previous);
	return post_slow(sem, n, ret_previous);
}

static int open_sem(const char *name, enum moor__how how, uint32_t initial, uint32_t max,
                    const struct moor_sync_opts *opts, moor_sem **ret_sem)
{
	const struct moor__sync_birth birth = {.word = initial, .max = max};
	struct moor__object *object;
	moor_sem *sem;
	int news;

	if (!ret_sem || (how != MOOR__OPEN && (max == 0 || max > COUNT_MAX || initial > max)))
		return MOOR_EINVAL;
	sem = malloc(sizeof *sem);
	if (!sem)
		return MOOR_ENOMEM;
	news = moor__sync_open(name, how, MOOR_OBJ_SEM, opts, &birth, settle, &object, NULL);
	if (news < 0) {
		free(sem);
		return news;
	}
	sem->object = object;
	sem->word = &moor__sync_shared(object)->word;
	sem->max = moor__load_32(&moor__sync_shared(object)->max);
	sem->hint = moor__load_64(sem->word);
	moor__sync_show(object);
	if (sem->max == 0 || sem->max > COUNT_MAX) {
		moor_sem_close(sem);
		return MOOR_EFORMAT;
	}
	*ret_sem = sem;
	return news;
}

int moor_sem_create(const char *name, uint32_t initial, uint32_t max, const struct moor_sync_opts *opts,
                    moor_sem **ret_sem)
{
	const int err = open_sem(name, MOOR__CREATE, initial, max, opts, ret_sem);

	return err == MOOR_CREATED ? 0 : err;
}

int moor_sem_create_or_open(const char *name, uint32_t initial, uint32_t max, const struct moor_sync_opts *opts,
                            moor_sem **ret_sem)
{
	return open_sem(name, MOOR__OPEN_OR_CREATE, initial, max, opts, ret_sem);
}

int moor_sem_open(const char *name, const struct moor_sync_opts *opts, moor_sem **ret_sem)
{
	return open_sem(name, MOOR__OPEN, 0, 0, opts, ret_sem);
}

void moor_sem_close(moor_sem *sem)
{
	if (!sem)
		return;
	moor__sync_close(sem->object);
	free(sem);
}

struct moor_waitable moor_sem_waitable(moor_sem *sem)
{
	return (struct moor_waitable){.kind = MOOR_OBJ_SEM, .object = sem};
}
