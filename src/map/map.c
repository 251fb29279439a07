/* SPDX-License-Identifier: Apache-2.0 */
/* map.c - maps by their names. */
#include "map/map.h"

#include "base/checked.h"
#include "base/opts.h"
#include "base/slot_word.h"
#include "map/header.h"
#include "map/participant.h"
#include "map/registry.h"

#include <stdlib.h>
#include <string.h>

#define MAP_FLAGS (MOOR_MAP_RESERVE | MOOR_MAP_HUGE | MOOR_MAP_POPULATE | MOOR_ANY_OWNER)
/* No file reaches further, and the locks lie beyond. */
#define MAP_SIZE_MAX ((uint64_t)1 << 61)

void moor_map_opts_init(struct moor_map_opts *opts, size_t size)
{
	moor__opts_init(opts, size);
}

int moor__map_check_opts(const struct moor_map_opts *given, struct moor_map_opts *opts)
{
	const int err = moor__opts_copy(opts, sizeof *opts, given);

	if (err)
		return err;
	if ((opts->flags & ~MAP_FLAGS) || opts->access > MOOR_READ_WRITE_EXECUTE || opts->mode > 0777)
		return MOOR_EINVAL;
	return opts->acl ? moor__os_acl_check(opts->acl) : 0;
}

struct moor__terms moor__map_terms(const struct moor_map_opts *opts)
{
	return (struct moor__terms){.kind = MOOR_OBJ_MAP,
	                            .any_owner = opts->flags & MOOR_ANY_OWNER,
	                            .read_only = !moor__access_writes(opts->access),
	                            .on_fork = MOOR__FORK_SHARES};
}

int moor__map_birth(uint64_t size, const struct moor_abi_file *file, const struct moor_map_opts *opts, bool shown,
                    struct moor__first_pages *pages, struct moor__birth *ret_birth)
{
	const bool reserve = opts->flags & MOOR_MAP_RESERVE;
	struct moor_abi_header *header = &pages->header;
	struct moor__birth birth = {.image = pages,
	                            .image_len = file ? sizeof *pages : offsetof(struct moor__first_pages, file),
	                            .mode = opts->mode ? opts->mode : 0600,
	                            .acl = opts->acl,
	                            .huge = (opts->flags & MOOR_MAP_HUGE) && !file,
	                            .slot = MOOR__NO_SLOT};
	uint8_t instance[16];

	if (size == 0)
		return MOOR_EINVAL;
	if (size > MAP_SIZE_MAX)
		return MOOR_ENOMEM;
	moor__os_random(instance, sizeof instance);
	memset(pages, 0, sizeof *pages);
	*header = moor__header_make(MOOR_OBJ_MAP, instance);
	header->incompatible = (reserve ? MOOR_ABI_F_RESERVE : 0) | (file ? MOOR_ABI_F_FILE : 0);
	header->data_offset = file ? 0 : MOOR_ABI_DATA_ALIGN;
	header->data_size = size;
	header->total_size =
	    file ? MOOR_ABI_FILE_TOTAL : MOOR_ABI_DATA_ALIGN + moor__round_up(size, MOOR_ABI_DATA_ALIGN);
	header->slots_offset = MOOR_ABI_MAP_SLOTS_OFFSET;
	header->slot_count = MOOR_ABI_MAP_SLOTS;
	header->slot_size = sizeof(struct moor_abi_slot);
	if (file)
		pages->file = *file;
	birth.total = header->total_size;
	birth.size = reserve && !file ? MOOR_ABI_DATA_ALIGN : header->total_size;
	if (shown && moor__access_writes(opts->access)) {
		birth.slot = moor__os_pid() % MOOR_ABI_MAP_SLOTS;
		pages->slots[birth.slot].pid = moor__os_pid();
		pages->slots[birth.slot].life = moor__life_after_attach(0);
	}
	*ret_birth = birth;
	return 0;
}

/* A writer shows itself in a slot; a reader cannot. */
static int show(struct moor__object *object)
{
	void *first;
	const int err = moor__life_map(object, 0, MOOR_ABI_DATA_ALIGN, &object->slots_mapping, &first);

	if (!err)
		object->slots = (struct moor_abi_slot *)((char *)first + MOOR_ABI_MAP_SLOTS_OFFSET);
	return err;
}

/* Of a named map with the committed size in its header. */
static int watch(const struct moor__object *object, struct moor__body *body)
{
	int fd, err;

	moor__registry_lock();
	err = moor__life_descriptor(object, object->writable, &fd);
	if (!err) {
		err = moor__body_watch(body, fd, object->writable);
		moor__os_file_close(fd);
	}
	moor__registry_unlock();
	return err;
}

int moor__map_new(struct moor__object *object, struct moor__body *body, const struct moor_map_opts *opts,
                  moor_map **ret_map)
{
	moor_map *map = malloc(sizeof *map);
	int err = map ? moor__registry_init() : MOOR_ENOMEM;

	if (!err && body->reserve)
		err = body->fd < 0 ? watch(object, body) : moor__body_watch(body, body->fd, moor__access_writes(opts->access));
	if (!err && object && object->writable)
		err = show(object);
	if (err) {
		moor__body_release(body);
		if (object)
			moor__life_close(object);
		free(map);
		return err;
	}
	if (object && object->slots) {
		moor__registry_lock(); /* a fork sees the slot with its owner or not at all */
		moor__slot_show(object);
		moor__registry_unlock();
	}
	*map = (moor_map){.object = object,
	                  .body = *body,
	                  .access = opts->access,
	                  .populate = opts->flags & MOOR_MAP_POPULATE};
	*ret_map = map;
	return 0;
}

int moor__map_file_of(const struct moor__object *object, struct moor_abi_file *ret_file)
{
	size_t got;
	const int err = moor__os_file_read(object->fd, ret_file, sizeof *ret_file, MOOR_ABI_FILE_OFFSET, &got);

	if (err)
		return err;
	if (got != sizeof *ret_file || ret_file->path_len >= sizeof ret_file->path || ret_file->path[0] != '/' ||
	    memchr(ret_file->path, 0, sizeof ret_file->path) != ret_file->path + ret_file->path_len)
		return MOOR_EFORMAT;
	return 0;
}

/*
 * Whose file may a name of `owner` stand for? Its own; and for the owner itself, any. Else somebody could give a name to a
 * file of mine, and have me write into that what I mean for the name.
 */
static bool may_stand_for(uint32_t owner, uint32_t file_owner)
{
	return owner == file_owner || owner == moor__os_uid() || owner == 0;
}

/* The file that has the data of a joined map: the one that it was, and no other that has taken its path. */
static int open_file(const struct moor__object *object, const struct moor_map_opts *opts, int *ret_fd)
{
	struct moor__os_file_info info, name_info;
	struct moor_abi_file file;
	int fd, err;

	err = moor__map_file_of(object, &file);
	if (!err)
		err = moor__os_path_open((const char *)file.path, moor__access_writes(opts->access), &fd);
	if (err)
		return err == MOOR_EINVAL ? MOOR_EACCES : err;
	err = moor__os_file_info(fd, &info);
	if (!err)
		err = moor__os_file_info(object->fd, &name_info);
	if (!err && (info.device != file.device || info.inode != file.inode || !may_stand_for(name_info.uid, info.uid)))
		err = MOOR_EACCES;
	if (!err && !(object->header.incompatible & MOOR_ABI_F_RESERVE) && info.size < object->header.data_size)
		err = MOOR_EFORMAT; /* truncated: views would end in SIGBUS */
	if (err)
		moor__os_file_close(fd);
	else
		*ret_fd = fd;
	return err;
}

static int new_handle(struct moor__object *object, const struct moor_map_opts *opts, moor_map **ret_map)
{
	struct moor__body body;
	int err = moor__body_of_header(&object->header, -1, &body);

	if (!err && body.offset == 0)
		err = open_file(object, opts, &body.fd);
	if (err) {
		moor__life_close(object);
		return err;
	}
	return moor__map_new(object, &body, opts, ret_map);
}

static int open_map(const char *text, enum moor__how how, uint64_t size, const struct moor_map_opts *given,
                    moor_map **ret_map)
{
	struct moor__first_pages *pages = NULL;
	struct moor__birth birth;
	struct moor__object *object;
	struct moor_map_opts opts;
	struct moor__terms terms;
	struct moor__name name;
	int news, err, cancel;

	if (!ret_map)
		return MOOR_EINVAL;
	err = moor__name_parse(text, &name);
	if (!err)
		err = moor__map_check_opts(given, &opts);
	if (!err && how != MOOR__OPEN) {
		pages = malloc(sizeof *pages);
		err = pages ? moor__map_birth(size, NULL, &opts, true, pages, &birth) : MOOR_ENOMEM;
	}
	if (err) {
		free(pages);
		return err;
	}
	cancel = moor__os_cancel_off();
	terms = moor__map_terms(&opts);
	news = moor__life_open_on(&name, how, &terms, &birth, &object);
	free(pages);
	if (news >= 0) {
		err = new_handle(object, &opts, ret_map);
		news = err ? err : news;
	}
	moor__os_cancel_back(cancel);
	return news;
}

int moor_map_create(const char *name, uint64_t size, const struct moor_map_opts *opts, moor_map **ret_map)
{
	const int err = open_map(name, MOOR__CREATE, size, opts, ret_map);

	return err == MOOR_CREATED ? 0 : err;
}

int moor_map_create_or_open(const char *name, uint64_t size, const struct moor_map_opts *opts, moor_map **ret_map)
{
	return open_map(name, MOOR__OPEN_OR_CREATE, size, opts, ret_map);
}

int moor_map_open(const char *name, const struct moor_map_opts *opts, moor_map **ret_map)
{
	return open_map(name, MOOR__OPEN, 0, opts, ret_map);
}

int moor_map_open_wait(const char *name, const struct moor_map_opts *opts, int64_t timeout_ns, moor_map **ret_map)
{
	const int64_t start = moor__os_now();
	int64_t pause = 200000;
	int err;

	if (timeout_ns < MOOR_FOREVER)
		return MOOR_EINVAL;
	while ((err = moor_map_open(name, opts, ret_map)) == MOOR_ENOENT && timeout_ns != MOOR_NOWAIT) {
		if (timeout_ns != MOOR_FOREVER) {
			const int64_t left = timeout_ns - (moor__os_now() - start);

			if (left <= 0)
				return MOOR_ETIMEDOUT;
			pause = pause < left ? pause : left;
		}
		err = moor__os_pause(pause);
		if (err)
			return err;
		pause = pause < 10000000 ? pause * 2 : pause;
	}
	return err;
}

uint64_t moor_map_size(const moor_map *map)
{
	return map ? map->body.size : 0;
}

void moor_map_close(moor_map *map)
{
	if (!map)
		return;
	if (map->object) {
		moor__registry_lock(); /* in the child of a bare clone the slot turns out to be the parent's */
		moor__slot_hide(map->object);
		moor__registry_unlock();
		moor__life_close(map->object);
	}
	moor__body_release(&map->body);
	free(map);
}
