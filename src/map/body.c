/* SPDX-License-Identifier: Apache-2.0 */
/*
 * body.c - how much of a map may be used. Of a reserved one: what is committed, which only grows. The memory is allocated
 * first and the committed size raised after, in one word of the header, so whoever is killed in between has committed
 * nothing, and whoever reads the word finds memory behind it. A file of the user's own commits by its length.
 */
#include "base/atomic.h"
#include "base/crash.h"
#include "map/header.h"
#include "map/life.h"
#include "map/map.h"

int moor__body_of_header(const struct moor_abi_header *header, int fd, struct moor__body *ret_body)
{
	const uint64_t features = header->incompatible;
	const bool file = features & MOOR_ABI_F_FILE;

	if (header->data_offset != (file ? 0 : MOOR_ABI_DATA_ALIGN) || header->data_size == 0 ||
	    header->slots_offset != MOOR_ABI_MAP_SLOTS_OFFSET || header->slot_count != MOOR_ABI_MAP_SLOTS ||
	    header->slot_size != sizeof(struct moor_abi_slot) ||
	    (features & ~(uint64_t)(MOOR_ABI_F_RESERVE | MOOR_ABI_F_FILE)))
		return MOOR_EFORMAT;
	*ret_body = (struct moor__body){.fd = fd,
	                                .offset = header->data_offset,
	                                .size = header->data_size,
	                                .reserve = features & MOOR_ABI_F_RESERVE};
	return 0;
}

int moor__body_watch(struct moor__body *body, int fd, bool writable)
{
	void *head;
	int err;

	if (!body->reserve || body->offset == 0)
		return 0;
	err = moor__os_map(fd, 0, MOOR_ABI_DATA_ALIGN, writable, &body->head_mapping, &head);
	if (!err)
		body->head = head;
	return err;
}

void moor__body_release(struct moor__body *body)
{
	if (body->head)
		moor__os_unmap(&body->head_mapping);
	if (body->fd >= 0)
		moor__os_file_close(body->fd);
}

uint64_t moor__body_committed(const struct moor__body *body, int fd)
{
	struct moor__os_file_info info;
	uint64_t committed;

	if (!body->reserve)
		return body->size;
	if (body->head)
		committed = moor__acquire_64(&body->head->committed); /* A30 */
	else
		committed = moor__os_file_info(fd, &info) == 0 ? info.size : 0;
	return committed < body->size ? committed : body->size;
}

int moor__map_fd(const moor_map *map)
{
	int fd = map->body.fd;

	if (fd < 0) {
		moor__registry_lock(); /* in the child of a bare clone it changes now */
		fd = map->object->fd;
		moor__registry_unlock();
	}
	return fd;
}

uint64_t moor_map_committed(const moor_map *map)
{
	return map ? moor__body_committed(&map->body, map->body.fd) : 0;
}

static void raise_committed(struct moor_abi_header *head, uint64_t size)
{
	uint64_t before;

	do
		before = moor__load_64(&head->committed);
	while (before < size && !moor__cas_64(&head->committed, before, size)); /* R30 */
}

static int commit(moor_map *map, uint64_t size)
{
	const int fd = moor__map_fd(map);
	const struct moor__body *body = &map->body;
	const uint64_t before = moor__body_committed(body, fd);
	int err;

	if (size <= before)
		return 0;
	if (!body->head)
		return moor__os_file_extend(fd, size);
	err = moor__os_file_allocate_more(fd, body->offset + before, size - before);
	if (err == MOOR_ENOSPC) { /* not before what the dead have left is gone */
		moor__life_sweep();
		err = moor__os_file_allocate_more(fd, body->offset + before, size - before);
	}
	MOOR_CRASH_POINT("commit: allocated");
	if (!err)
		raise_committed(body->head, size);
	MOOR_CRASH_POINT("commit: raised");
	return err;
}

int moor_map_commit(moor_map *map, uint64_t size)
{
	int err, cancel;

	if (!map)
		return MOOR_EINVAL;
	if (!moor__access_writes(map->access))
		return MOOR_EACCES;
	if (size > map->body.size)
		return MOOR_ERANGE;
	cancel = moor__os_cancel_off();
	err = commit(map, size);
	moor__os_cancel_back(cancel);
	return err;
}
