/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bell.c - the bell of a named channel's consumer: a FIFO beside the channel's file.
 *
 * Each consumer that is asked for a descriptor makes one of its own, under a name that nobody can guess, and says in
 * the ring which one, before it exists: so whoever follows, or buries the channel, finds what a killed one has left.
 * A forked child must hold neither end: it would keep the end of its parent from being told.
 */
#include "base/crash.h"
#include "channel/endpoint.h"

#define MAKE_TRIES 100

int moor__bell_make(void *arg, uint64_t *word, moor_os_handle *ret_fd)
{
	struct moor__endpoint *endpoint = arg;
	struct moor__object *object = endpoint->object;
	int err = 0;

	moor__registry_lock();
	for (int i = 0; i < MAKE_TRIES && endpoint->bell.poll < 0; i++) {
		uint64_t id;

		moor__os_random(&id, sizeof id);
		moor__release_64(word, id | 1);
		MOOR_CRASH_POINT("bell: announced");
		err = moor__os_bell_make(object->dir, object->fd, id | 1, &endpoint->bell);
		if (!err)
			endpoint->bell_id = id | 1;
		else if (err != MOOR_EEXIST && err != MOOR_EAGAIN)
			break;
	}
	if (err)
		moor__store_64(word, 0);
	moor__registry_unlock();
	if (!err)
		*ret_fd = endpoint->bell.poll;
	return err == MOOR_EEXIST || err == MOOR_EAGAIN ? MOOR_EBUSY : err;
}

bool moor__bell_empty(void *arg)
{
	return moor__os_bell_empty(&((struct moor__endpoint *)arg)->bell);
}

void moor__bell_remind(void *arg, int64_t ns)
{
	struct moor__endpoint *endpoint = arg;

	if (ns || endpoint->reminded)
		moor__os_bell_remind(&endpoint->bell, ns);
	endpoint->reminded = ns != 0;
}

void moor__bell_forget(void *arg, uint64_t bell)
{
	struct moor__endpoint *endpoint = arg;

	moor__registry_lock();
	if (bell)
		moor__os_bell_remove(endpoint->object->dir, endpoint->object->fd, bell);
	if (endpoint->bell_id && endpoint->bell_id != bell) /* somebody has written over what it said */
		moor__os_bell_remove(endpoint->object->dir, endpoint->object->fd, endpoint->bell_id);
	endpoint->bell_id = 0;
	MOOR_CRASH_POINT("bell: removed");
	moor__os_bell_close(&endpoint->bell);
	moor__registry_unlock();
}

bool moor__bell_hold(void *arg, uint64_t bell)
{
	struct moor__endpoint *endpoint = arg;
	struct moor__os_bell held = MOOR__OS_NO_BELL;
	int err;

	moor__registry_lock();
	moor__os_bell_close(&endpoint->bell);
	err = moor__os_bell_open(endpoint->object->dir, endpoint->object->fd, bell, &held);
	endpoint->bell = held;
	moor__registry_unlock();
	MOOR_CRASH_POINT("bell: held");
	return !err;
}

void moor__bell_ring(void *arg)
{
	moor__os_bell_ring(&((struct moor__endpoint *)arg)->bell);
}

void moor__bell_in_child(struct moor__object *object)
{
	struct moor__endpoint *endpoint = moor__endpoint_of(object->wiped);

	moor__os_bell_close(&endpoint->bell);
}
