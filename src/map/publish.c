/* SPDX-License-Identifier: Apache-2.0 */
#include "map/publish.h"

#include "base/crash.h"
#include "map/participant.h"
#include "map/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int stage(struct moor__object *object, const struct moor__birth *birth, struct moor__os_staged *ret_staged)
{
	struct moor__os_file_info info;
	int err;

	moor__registry_lock();
	err = moor__os_dir_open(object->name.scope, true, &object->dir);
	if (err)
		goto out;
	err = moor__os_file_stage(object->dir, birth->mode, ret_staged, &object->fd);
	if (err)
		goto out_dir;
	MOOR_CRASH_POINT("create: staged");
	err = moor__os_lock_shared(object->fd, MOOR__OS_LOCK_LIFE);
	if (!err && birth->slot != MOOR__NO_SLOT)
		err = moor__slot_take(object, birth->slot);
	if (!err)
		err = moor__os_file_info(object->fd, &info);
	if (err)
		goto out_file;
	object->device = info.device;
	object->inode = info.inode;
	moor__registry_add(object);
	moor__registry_unlock();
	return 0;

out_file:
	moor__os_file_discard(object->dir, ret_staged);
	moor__os_file_close(object->fd);
out_dir:
	moor__os_dir_close(object->dir);
out:
	moor__registry_unlock();
	return err;
}

int moor__publish_fill(int fd, const struct moor__birth *birth)
{
	int err = 0;

	if (birth->huge || birth->total > birth->size)
		err = moor__os_file_set_size(fd, birth->total > birth->size ? birth->total : birth->size);
	if (!err && birth->huge)
		err = moor__os_file_huge(fd);
	if (!err)
		err = moor__os_file_allocate(fd, birth->size);
	if (!err)
		err = moor__os_file_write(fd, birth->image, birth->image_len, 0);
	if (!err && birth->acl)
		err = moor__os_acl_set(fd, birth->acl);
	return err;
}

int moor__publish_stage(const struct moor__name *name, const struct moor__birth *birth,
                        struct moor__object **ret_object, struct moor__os_staged *ret_staged)
{
	struct moor__object *object = malloc(sizeof *object);
	int err;

	if (!object)
		return MOOR_ENOMEM;
	*object = (struct moor__object){
	    .name = *name, .fd = -1, .on_fork = MOOR__FORK_DROPS, .writable = true, .for_child = -1, .slot = MOOR__NO_SLOT};
	memcpy(&object->header, birth->image, sizeof object->header);
	moor__name_digest(name, object->header.name);
	err = stage(object, birth, ret_staged);
	if (err) {
		free(object);
		return err;
	}
	err = moor__publish_fill(object->fd, birth);
	if (!err)
		err = moor__os_file_write(object->fd, object->header.name, sizeof object->header.name,
		                          offsetof(struct moor_abi_header, name));
	if (err) {
		moor__publish_discard(object, ret_staged);
		return err;
	}
	MOOR_CRASH_POINT("create: built");
	*ret_object = object;
	return 0;
}

int moor__publish(struct moor__object *object, enum moor__on_fork on_fork, const struct moor__os_staged *staged)
{
	int err;

	MOOR_CRASH_POINT("create: before link");
	err = moor__os_file_publish(object->dir, object->name.rest, staged, object->fd);
	if (err)
		return err;
	MOOR_CRASH_POINT("create: linked");
	object->on_fork = on_fork;
	return 0;
}

void moor__publish_discard(struct moor__object *object, const struct moor__os_staged *staged)
{
	const int saved = errno;

	moor__registry_lock();
	moor__registry_remove(object);
	moor__os_file_discard(object->dir, staged);
	moor__os_file_close(object->fd);
	moor__os_dir_close(object->dir);
	moor__registry_unlock();
	free(object);
	errno = saved;
}
