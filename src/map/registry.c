/* SPDX-License-Identifier: Apache-2.0 */
#include "map/registry.h"

#include "base/crash.h"
#include "map/participant.h"

#include <pthread.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct moor__object *objects;
static uint32_t *canary; /* 1; reads as 0 in a child that has not yet become one */

#ifdef MOOR_TESTING
void (*moor__crash_hook)(const char *label);
#endif

void moor__registry_add(struct moor__object *object)
{
	object->next = objects;
	objects = object;
}

void moor__registry_remove(struct moor__object *object)
{
	struct moor__object **link = &objects;

	while (*link && *link != object)
		link = &(*link)->next;
	if (*link)
		*link = object->next;
}

void moor__registry_each(void (*fn)(struct moor__object *object))
{
	for (struct moor__object *object = objects; object; object = object->next)
		fn(object);
}

struct moor__object *moor__registry_same_file(const struct moor__object *object)
{
	struct moor__object *other = objects;

	while (other && (other == object || other->fd < 0 || other->device != object->device || other->inode != object->inode ||
	                 (!other->participant && other->slot == MOOR__NO_SLOT)))
		other = other->next;
	return other;
}

/* A second description of the object's file, its life byte held; -1 if there can be none. */
static int second_reference(const struct moor__object *object)
{
	const bool in_slot = object->slot != MOOR__NO_SLOT;
	int fd, err = in_slot ? moor__life_descriptor(object, object->writable, &fd)
	                      : moor__life_reopen(object, object->writable, &fd);

	if (err)
		return -1;
	MOOR_CRASH_POINT("fork: opened");
	/* To the description that holds the slot's lock it does not look locked: it is no second one. */
	if ((in_slot && !moor__os_locked_exclusive(fd, MOOR__OS_LOCK_SLOT(object->slot))) ||
	    moor__os_lock_shared(fd, MOOR__OS_LOCK_LIFE) != 0) {
		moor__os_file_close(fd);
		return -1;
	}
	return fd;
}

/* Does its name still lead to the object? */
static bool is_named(const struct moor__object *object)
{
	struct moor__os_file_info there;

	return moor__os_name_info(object->dir, object->name.rest, &there) == 0 && there.device == object->device &&
	       there.inode == object->inode;
}

/*
 * What was inherited holds the lock of the parent's slot, and would hold it when the parent is dead. Where others go by
 * that, rather no descriptor at all.
 * Where no number was free one is now.
 */
static int only_reference(struct moor__object *object)
{
	int fd;

	moor__os_file_close(object->fd);
	object->fd = -1;
	object->slot = MOOR__NO_SLOT;
	fd = second_reference(object);
	if (fd >= 0 && !is_named(object)) { /* buried meanwhile */
		moor__os_file_close(fd);
		fd = -1;
	}
	return fd;
}

/*
 * A reference of the child's own. fork(2) has it made before there are two processes: the parent may close, and so give
 * the lock of the inherited description back, before the child has run at all.
 */
static void share(struct moor__object *object)
{
	const int inherited = object->fd;
	int fd = object->for_child >= 0 ? object->for_child : second_reference(object);

	if (fd < 0 && object->settle && object->slot != MOOR__NO_SLOT)
		fd = only_reference(object);
	object->slot = MOOR__NO_SLOT; /* the parent's */
	object->for_child = -1;
	object->borrowed = fd < 0 && object->fd >= 0;
	if (fd >= 0) {
		/* moor_map_os_handle has given the number away */
		object->fd = fd == inherited ? fd : moor__os_file_move(fd, inherited);
		MOOR_CRASH_POINT("fork: shared");
		if (object->slots)
			moor__slot_show(object);
	}
	if (object->in_child)
		object->in_child(object);
}

static void drop(struct moor__object *object)
{
	if (object->fd >= 0)
		moor__os_file_close(object->fd);
	object->fd = -1;
	object->slot = MOOR__NO_SLOT; /* the parent's */
	if (object->in_child)
		object->in_child(object);
	if (object->wiped)
		memset(object->wiped, 0, object->wiped_len);
}

static void become_child(void)
{
	for (struct moor__object *object = objects; object; object = object->next) {
		if (object->on_fork == MOOR__FORK_SHARES && object->fd >= 0)
			share(object);
		else
			drop(object);
	}
	*canary = 1;
}

static int cancel_before; /* of the holder of the lock */

static void lock_only(void)
{
	const int before = moor__os_cancel_off();

	pthread_mutex_lock(&lock);
	cancel_before = before;
}

void moor__registry_unlock(void)
{
	const int before = cancel_before;

	pthread_mutex_unlock(&lock);
	moor__os_cancel_back(before);
}

static void before_fork(void)
{
	moor__registry_lock();
	for (struct moor__object *object = objects; object; object = object->next)
		if (object->on_fork == MOOR__FORK_SHARES && object->fd >= 0)
			object->for_child = second_reference(object);
}

/* By close alone: the lock is the child's now. */
static void in_parent(void)
{
	for (struct moor__object *object = objects; object; object = object->next) {
		if (object->for_child >= 0)
			moor__os_file_close(object->for_child);
		object->for_child = -1;
	}
	moor__registry_unlock();
}

static void in_child(void)
{
	become_child();
	moor__registry_unlock();
}

/* A child made behind the C library's back (a bare clone) finds out here. */
void moor__registry_lock(void)
{
	lock_only();
	if (!*canary)
		become_child();
}

static int init_result;

static void init(void)
{
	void *wiped;

	if (!moor__os_alloc_forked(0, sizeof *canary, &wiped)) {
		init_result = MOOR_ENOMEM;
		return;
	}
	canary = wiped;
	*canary = 1;
	init_result = moor__os_at_fork(before_fork, in_parent, in_child);
}

int moor__registry_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, init);
	return init_result;
}
