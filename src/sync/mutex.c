/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mutex.c - the mutex: a word that names the owning process by its slot; which thread owns it, and how often, is that
 * process's private affair.
 *
 * The owner's process holds the lock of its slot as long as it lives. So whoever takes that lock has proven that the
 * process is dead, and turns the word to ABANDONED while it holds it; whoever comes to a dead slot does the same before
 * anything else. Only one compare-and-swap leads away from ABANDONED, and it makes an owner: who is told of the death
 * is exactly one.
 */
#include "sync/mutex.h"

#include "base/crash.h"
#include "base/slot_word.h"

#include <errno.h>

#define AGAIN_MAX 0x7ffffffeu /* and the first time: 2^31 - 1 */
/* So often a waiter is woken in vain before it asks for a handover. */
#define VAIN_MAX 8u

/* Lies in memory that a fork wipes, so that the child of a bare clone finds that it owns nothing. */
struct moor_mutex {
	uint32_t *word;
	uint32_t mine;  /* the word when this process owns the mutex; 0: this process is not a participant yet */
	uint32_t owner; /* the thread that does; 0: none. Written by the owner only */
	uint32_t again; /* how often it has locked it since the first time; 0 when nobody owns it */
};

/* What lies beside it, and is kept. Guarded by the registry's lock. */
struct kept {
	struct moor__object *object;
	size_t handles;
};

/* The calling thread's number; 0: it has none yet. Never given twice. Initial-exec: no call to find it, in a shared
 * library either; a program that loads the library later has room for four bytes. */
static _Thread_local uint32_t self __attribute__((tls_model("initial-exec")));

static struct kept *kept_of(const moor_mutex *mutex)
{
	return moor__os_kept_of((void *)(uintptr_t)mutex, sizeof(struct kept));
}

static void free_mutex(moor_mutex *mutex)
{
	moor__os_free_forked(kept_of(mutex), sizeof(struct kept), sizeof *mutex);
}

/* ---- the process's side ---- */

static void own(moor_mutex *mutex)
{
	moor__store_32(&mutex->owner, self);
}

static void disown(moor_mutex *mutex)
{
	mutex->again = 0;
	moor__store_32(&mutex->owner, 0);
}

static bool owned_by_self(const moor_mutex *mutex)
{
	return self && moor__load_32(&mutex->owner) == self;
}

/* ---- the word ---- */

/* The mutex is nobody's, and the word reads `left`, or did so a moment ago. */
static void wake_one(uint32_t *word, uint32_t left)
{
	if (moor__os_wake_some(word, 1))
		return;
	/* Nobody was there. Whoever has come since, and sleeps because the mutex was to be handed over, is woken. */
	if (moor__cas_32(word, left, left & ~(MOOR__WAITERS | MOOR__MUTEX_HANDOVER)) && (left & MOOR__MUTEX_HANDOVER))
		(void)moor__os_wake_some(word, 1);
}

/* `kept_bits` stay when the mutex becomes nobody's. */
static void let_go(uint32_t *word, uint32_t slot, uint32_t state, uint32_t kept_bits)
{
	uint32_t seen, next;

	do {
		seen = moor__load_32(word);
		if ((seen & MOOR__MUTEX_SLOT) != slot + 1)
			return;
		next = state | (seen & kept_bits);
	} while (!moor__cas_32(word, seen, next));
	MOOR_CRASH_POINT("mutex: let go");
	if (seen & MOOR__WAITERS)
		wake_one(word, next);
}

static void abandon(uint32_t *word, uint32_t slot)
{
	let_go(word, slot, MOOR__MUTEX_ABANDONED, MOOR__WAITERS);
}

static uint32_t *word_of(const struct moor__object *object)
{
	return moor__sync_low(&moor__sync_shared(object)->word);
}

/* The slot's lock is held, and its holder is dead. */
static void settle_slot(void *object, uint32_t slot)
{
	MOOR_CRASH_POINT("mutex: proven");
	abandon(word_of(object), slot);
}

static void settle(struct moor__object *object)
{
	settle_slot(object, object->slot);
}

/* ---- becoming a participant ---- */

/* Under the registry's lock. */
static int attach(moor_mutex *mutex)
{
	struct moor__object *object = kept_of(mutex)->object;

	if (moor__load_32(&mutex->mine))
		return 0;
	if (object->fd < 0 || object->borrowed)
		return MOOR_EMFILE;
	moor__slot_show(object);
	if (object->slot == MOOR__NO_SLOT)
		return MOOR_ESLOTS;
	mutex->word = word_of(object);
	moor__release_32(&mutex->mine,
	                 moor__mutex_word(object->slot, moor__life_ended(moor__load_64(&object->slots[object->slot].life))));
	return 0;
}

static void in_child(struct moor__object *object)
{
	moor_mutex *mutex = object->participant;

	disown(mutex);
	mutex->mine = 0;
	(void)attach(mutex); /* or a later call does */
}

static void abandon_own(struct moor__object *object)
{
	moor_mutex *mutex = object->participant;

	if (!mutex || !owned_by_self(mutex))
		return;
	disown(mutex);
	abandon(mutex->word, object->slot);
}

static void thread_ends(void)
{
	moor__registry_lock();
	moor__registry_each(abandon_own);
	self = 0;
	moor__registry_unlock();
}

static int name_thread(void)
{
	static uint32_t last;
	int err = 0;

	moor__registry_lock();
	if (!self) {
		err = moor__os_at_thread_end(thread_ends);
		if (!err)
			self = last += last == UINT32_MAX ? 2 : 1;
	}
	moor__registry_unlock();
	return err;
}

static int become_participant(moor_mutex *mutex)
{
	int err = name_thread();

	if (!err && !moor__acquire_32(&mutex->mine)) {
		moor__registry_lock();
		err = attach(mutex);
		moor__registry_unlock();
	}
	return err;
}

/* ---- taking and giving back ---- */

int moor__mutex_take(moor_mutex *mutex, const struct moor__mutex_try *how, uint32_t *ret_seen)
{
	uint32_t mine = moor__acquire_32(&mutex->mine), deaths = 0;

	if (moor__unlikely(!self || !mine)) {
		const int err = become_participant(mutex);

		if (err)
			return err;
		mine = moor__acquire_32(&mutex->mine);
	}
	if (owned_by_self(mutex)) {
		if (mutex->again == AGAIN_MAX)
			return MOOR_EOVERFLOW;
		mutex->again++;
		return 0;
	}
	for (;;) {
		const uint32_t seen = moor__load_32(mutex->word), slot = seen & MOOR__MUTEX_SLOT;

		if (!slot && (!(seen & MOOR__MUTEX_HANDOVER) || how->waited)) {
			if (moor__cas_32(mutex->word, seen, mine | (seen & MOOR__WAITERS))) {
				own(mutex);
				return seen & MOOR__MUTEX_ABANDONED ? MOOR_ABANDONED : 0;
			}
		} else if (!slot || !how->look || slot == (mine & MOOR__MUTEX_SLOT) || deaths++ == MOOR__SYNC_DEATHS_MAX ||
		           !moor__sync_prove_dead(kept_of(mutex)->object, slot - 1, settle_slot, kept_of(mutex)->object)) {
			*ret_seen = seen;
			return MOOR_EAGAIN;
		}
	}
}

bool moor__mutex_announce(moor_mutex *mutex, uint32_t seen, bool handover, uint32_t *ret_expected)
{
	uint32_t next = seen | MOOR__WAITERS;

	if (handover && (seen & MOOR__MUTEX_SLOT))
		next |= MOOR__MUTEX_HANDOVER;
	*ret_expected = next;
	return next == seen || moor__cas_32(mutex->word, seen, next);
}

void moor__mutex_give_back(moor_mutex *mutex, bool abandoned)
{
	if (!abandoned) {
		(void)moor_mutex_unlock(mutex);
		return;
	}
	disown(mutex);
	abandon(mutex->word, (mutex->mine & MOOR__MUTEX_SLOT) - 1);
}

void moor__mutex_rewake(moor_mutex *mutex)
{
	const uint32_t seen = moor__load_32(mutex->word);

	if ((seen & (MOOR__WAITERS | MOOR__MUTEX_SLOT)) == MOOR__WAITERS)
		wake_one(mutex->word, seen);
}

const uint32_t *moor__mutex_futex(const moor_mutex *mutex)
{
	return mutex->word;
}

const struct moor__object *moor__mutex_object(const moor_mutex *mutex)
{
	return kept_of(mutex)->object;
}

static __attribute__((noinline)) int lock_slow(moor_mutex *mutex, int64_t timeout_ns)
{
	struct moor__mutex_try how = {.look = true};
	const struct moor__deadline deadline = moor__deadline_make(timeout_ns);
	unsigned vain = 0;
	int err = 0;

	for (;;) {
		struct moor__os_word on;
		uint32_t seen;
		int64_t ns;
		const int news = moor__mutex_take(mutex, &how, &seen);

		if (news != MOOR_EAGAIN)
			return news;
		err = err == MOOR_EINTR ? err : moor__deadline_next(&deadline, &ns);
		if (err && !how.waited && !(seen & MOOR__MUTEX_SLOT)) {
			how.waited = true; /* a handover is for a call that cannot wait as well */
			continue;
		}
		if (err)
			return err;
		on.word = mutex->word;
		if (!moor__mutex_announce(mutex, seen, vain >= VAIN_MAX, &on.expected))
			continue;
		MOOR_CRASH_POINT("mutex: announced");
		err = moor__os_sleep_any(&on, 1, ns);
		MOOR_CRASH_POINT("mutex: woken");
		if (err == MOOR_ESYS)
			return err;
		how.look = err == MOOR_ETIMEDOUT;
		if (err != MOOR_EAGAIN)
			how.waited = true;
		if (err == 0)
			vain++;
	}
}

int moor_mutex_lock(moor_mutex *mutex, int64_t timeout_ns)
{
	uint32_t mine;

	if (moor__unlikely(!mutex || timeout_ns < MOOR_FOREVER))
		return MOOR_EINVAL;
	mine = moor__acquire_32(&mutex->mine);
	if (moor__likely(self && mine) && moor__likely(moor__cas_32(mutex->word, 0, mine))) {
		own(mutex);
		return 0;
	}
	return lock_slow(mutex, timeout_ns);
}

int moor_mutex_unlock(moor_mutex *mutex)
{
	const uint32_t mine = mutex ? mutex->mine : 0;

	if (moor__unlikely(!mutex))
		return MOOR_EINVAL;
	if (moor__unlikely(!owned_by_self(mutex)))
		return MOOR_ENOTOWNER;
	if (mutex->again) {
		mutex->again--;
		return 0;
	}
	moor__store_32(&mutex->owner, 0);
	if (moor__unlikely(!moor__cas_32(mutex->word, mine, 0)))
		let_go(mutex->word, (mine & MOOR__MUTEX_SLOT) - 1, 0, MOOR__WAITERS | MOOR__MUTEX_HANDOVER);
	return 0;
}

/* ---- opening and closing ---- */

/*
 * Makes the handle the participant of this process, or gives the one that there is. In the latter case both the handle
 * and the object are the caller's to free.
 */
static int adopt(struct moor__object *object, moor_mutex *mutex, moor_mutex **ret_mutex)
{
	struct moor__object *other;
	int err = 0;

	moor__registry_lock();
	while ((other = moor__registry_same_file(object)) && !other->participant) {
		/* Another thread has just made it, or is closing the last handle. */
		moor__registry_unlock();
		(void)moor__os_pause(50000);
		moor__registry_lock();
	}
	if (other) {
		*ret_mutex = other->participant;
		kept_of(*ret_mutex)->handles++;
	} else {
		kept_of(mutex)->object = object;
		kept_of(mutex)->handles = 1;
		err = attach(mutex);
		if (!err) {
			object->on_fork = MOOR__FORK_SHARES;
			object->in_child = in_child;
			object->participant = mutex;
			*ret_mutex = mutex;
		}
	}
	moor__registry_unlock();
	return err;
}

static int open_mutex(const char *name, enum moor__how how, const struct moor_sync_opts *opts, moor_mutex **ret_mutex)
{
	static const struct moor__sync_birth birth = {0};
	struct moor__object *object;
	moor_mutex *mutex, *adopted;
	struct kept *kept;
	void *wiped;
	bool owned;
	int news, err;

	if (!ret_mutex)
		return MOOR_EINVAL;
	kept = moor__os_alloc_forked(sizeof *kept, sizeof *mutex, &wiped);
	if (!kept)
		return MOOR_ENOMEM;
	mutex = wiped;
	news = moor__registry_init();
	if (!news)
		news = name_thread(); /* it may own the mutex at once */
	if (!news)
		news = moor__sync_open(name, how, MOOR_OBJ_MUTEX, opts, &birth, settle, &object, &owned);
	if (news < 0) {
		free_mutex(mutex);
		return news;
	}
	MOOR_CRASH_POINT("mutex: half open");
	err = adopt(object, mutex, &adopted);
	if (err || adopted != mutex) {
		moor__sync_close(object);
		free_mutex(mutex);
		if (err)
			return err;
	} else if (news == MOOR_CREATED && owned) {
		own(mutex); /* as it was born */
	}
	*ret_mutex = adopted;
	return news;
}

int moor_mutex_create(const char *name, const struct moor_sync_opts *opts, moor_mutex **ret_mutex)
{
	const int err = open_mutex(name, MOOR__CREATE, opts, ret_mutex);

	return err == MOOR_CREATED ? 0 : err;
}

int moor_mutex_create_or_open(const char *name, const struct moor_sync_opts *opts, moor_mutex **ret_mutex)
{
	return open_mutex(name, MOOR__OPEN_OR_CREATE, opts, ret_mutex);
}

int moor_mutex_open(const char *name, const struct moor_sync_opts *opts, moor_mutex **ret_mutex)
{
	return open_mutex(name, MOOR__OPEN, opts, ret_mutex);
}

void moor_mutex_close(moor_mutex *mutex)
{
	struct moor__object *object;
	struct kept *kept;
	bool last;

	if (!mutex)
		return;
	moor__registry_lock(); /* in the child of a bare clone the ownership turns out to be the parent's */
	kept = kept_of(mutex);
	object = kept->object;
	last = --kept->handles == 0;
	if (last) {
		if (moor__load_32(&mutex->owner))
			abandon(mutex->word, object->slot);
		object->on_fork = MOOR__FORK_DROPS; /* a child would have nobody who closes it */
		object->participant = NULL;
		object->in_child = NULL;
		moor__slot_hide(object);
	}
	moor__registry_unlock();
	if (!last)
		return;
	MOOR_CRASH_POINT("mutex: half closed");
	moor__life_close(object);
	free_mutex(mutex);
}

struct moor_waitable moor_mutex_waitable(moor_mutex *mutex)
{
	return (struct moor_waitable){.kind = MOOR_OBJ_MUTEX, .object = mutex};
}

#ifdef MOOR_TESTING
/* As if the calling thread, which owns it, had locked it n times. */
void moor__mutex_set_locks(moor_mutex *mutex, uint32_t n)
{
	mutex->again = n - 1;
}
#endif
