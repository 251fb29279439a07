/* SPDX-License-Identifier: Apache-2.0 */
#include "map/participant.h"

#include "base/atomic.h"
#include "base/crash.h"
#include "base/slot_word.h"

int moor__slot_take(struct moor__object *object, uint32_t slot)
{
	const int err = moor__os_lock_exclusive(object->fd, MOOR__OS_LOCK_SLOT(slot));

	if (err == 0)
		object->slot = slot;
	return err == MOOR_EAGAIN ? MOOR_EBUSY : err;
}

void moor__slot_give(struct moor__object *object)
{
	moor__os_unlock(object->fd, MOOR__OS_LOCK_SLOT(object->slot));
	object->slot = MOOR__NO_SLOT;
}

bool moor__slot_alive(const struct moor__object *object, uint32_t slot)
{
	return moor__os_locked_exclusive(object->fd, MOOR__OS_LOCK_SLOT(slot));
}

#ifdef MOOR_TESTING
uint32_t moor__slot_from; /* set by a test: where to begin */
#define SLOT_FROM(pid) (moor__slot_from ? moor__slot_from : (pid))
#else
#define SLOT_FROM(pid) (pid)
#endif

void moor__slot_show(struct moor__object *object)
{
	const uint32_t pid = moor__os_pid(), count = object->header.slot_count, from = SLOT_FROM(pid);

	for (uint32_t i = 0; i < count && object->slot == MOOR__NO_SLOT; i++) {
		const uint32_t slot = (from % count + i) % count;
		struct moor_abi_slot *mine = &object->slots[slot];

		if (moor__slot_take(object, slot) != 0)
			continue;
		MOOR_CRASH_POINT("slot: taken");
		if (object->settle)
			object->settle(object);
		moor__store_32(&mine->pid, pid);
		moor__release_64(&mine->life, moor__life_after_attach(moor__load_64(&mine->life)));
		MOOR_CRASH_POINT("slot: shown");
	}
}

void moor__slot_hide(struct moor__object *object)
{
	struct moor_abi_slot *mine;

	if (object->slot == MOOR__NO_SLOT)
		return;
	mine = &object->slots[object->slot];
	moor__release_64(&mine->life, moor__life_after_close(moor__load_64(&mine->life)));
	MOOR_CRASH_POINT("slot: hidden");
}
