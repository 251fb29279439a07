/* SPDX-License-Identifier: Apache-2.0 */
/* rights.c - who may open a map: of a name, the rights of its file. */
#include "map/map.h"

static int fd_of(const moor_map *map)
{
	int fd = map->body.fd;

	if (map->object) {
		moor__registry_lock(); /* in the child of a bare clone it changes now */
		fd = map->object->fd;
		moor__registry_unlock();
	}
	return fd;
}

int moor_map_get_mode(const moor_map *map, uint32_t *ret_mode)
{
	struct moor__os_file_info info;
	int err;

	if (!map || !ret_mode)
		return MOOR_EINVAL;
	err = moor__os_file_info(fd_of(map), &info);
	if (!err)
		*ret_mode = info.mode;
	return err;
}

int moor_map_set_mode(moor_map *map, uint32_t mode)
{
	if (!map || mode > 0777)
		return MOOR_EINVAL;
	return moor__os_file_mode_set(fd_of(map), mode);
}

int moor_map_get_acl(const moor_map *map, char *buf, size_t cap, size_t *ret_len)
{
	int err, cancel;

	if (!map || !ret_len || (!buf && cap))
		return MOOR_EINVAL;
	cancel = moor__os_cancel_off();
	err = moor__os_acl_get(fd_of(map), buf, cap, ret_len);
	moor__os_cancel_back(cancel);
	return err;
}

int moor_map_set_acl(moor_map *map, const char *acl)
{
	int err, cancel;

	if (!map || !acl)
		return MOOR_EINVAL;
	cancel = moor__os_cancel_off();
	err = moor__os_acl_set(fd_of(map), acl);
	moor__os_cancel_back(cancel);
	return err;
}
