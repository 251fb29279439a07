/* SPDX-License-Identifier: Apache-2.0 */
/* backing.c - maps whose bytes are not in a name's file: in a file of the user's own, in memory without a name, behind a
 * handle from elsewhere. */
#include "map/header.h"
#include "map/map.h"
#include "map/publish.h"

#include <stdlib.h>
#include <string.h>

/* ---- files ---- */

struct backing {
	const char *path;
	int fd;
	struct moor__os_file_info info;
	uint64_t size; /* of the map to be */
};

static int open_backing(const char *path, uint64_t size, const struct moor_map_opts *opts, struct backing *ret_backing)
{
	struct backing backing = {.path = path};
	int err;

	err = moor__os_path_open(path, moor__access_writes(opts->access), &backing.fd);
	if (err)
		return err;
	err = moor__os_file_mappable(backing.fd); /* before anything is made longer */
	if (!err)
		err = moor__os_file_info(backing.fd, &backing.info);
	backing.size = size ? size : backing.info.size;
	if (!err && backing.size == 0)
		err = MOOR_EINVAL;
	if (!err && backing.size > INT64_MAX)
		err = MOOR_ENOMEM;
	if (!err && (opts->flags & MOOR_MAP_HUGE))
		err = moor__os_file_huge(backing.fd);
	if (err)
		moor__os_file_close(backing.fd);
	else
		*ret_backing = backing;
	return err;
}

/* A map has memory behind all of it from the start; a reserved one grows by commit. */
static int make_long_enough(const struct backing *backing, const struct moor_map_opts *opts)
{
	if ((opts->flags & MOOR_MAP_RESERVE) || backing->info.size >= backing->size)
		return 0;
	if (!moor__access_writes(opts->access))
		return MOOR_EACCES;
	return moor__os_file_extend(backing->fd, backing->size);
}

/* Whether the named map is one of this file (else MOOR_EEXIST), and may be taken for one's own. */
static int join_backed(struct moor__object *object, const struct backing *backing, const struct moor_map_opts *opts,
                       struct moor__body *ret_body)
{
	struct moor__os_file_info info, now;
	struct moor_abi_file file;
	int err;

	if (object->header.kind != MOOR_OBJ_MAP || !(object->header.incompatible & MOOR_ABI_F_FILE))
		return MOOR_EEXIST;
	err = moor__map_file_of(object, &file);
	if (err)
		return err;
	if (file.device != backing->info.device || file.inode != backing->info.inode)
		return MOOR_EEXIST;
	err = moor__os_file_info(object->fd, &info);
	if (!err && info.uid != moor__os_uid() && !(opts->flags & MOOR_ANY_OWNER))
		err = MOOR_EACCES; /* as create_or_open */
	if (!err)
		err = moor__body_of_header(&object->header, backing->fd, ret_body);
	if (!err)
		err = moor__os_file_info(backing->fd, &now); /* who made the name has made the file longer, perhaps just now */
	if (!err && !ret_body->reserve && now.size < ret_body->size)
		err = MOOR_EFORMAT;
	return err;
}

static int file_record(const struct backing *backing, struct moor_abi_file *file)
{
	char path[sizeof file->path];
	struct moor__os_file_info info;
	int fd, err;

	memset(file, 0, sizeof *file);
	file->device = backing->info.device;
	file->inode = backing->info.inode;
	err = moor__os_path_full(backing->path, path, sizeof path);
	if (err)
		return err;
	/* The path leads to what was opened, and not to what has come there since. */
	err = moor__os_path_open(path, false, &fd);
	if (err)
		return err;
	err = moor__os_file_info(fd, &info);
	moor__os_file_close(fd);
	if (!err && (info.device != file->device || info.inode != file->inode))
		err = MOOR_EACCES;
	file->path_len = (uint32_t)strlen(path);
	memcpy(file->path, path, file->path_len);
	return err;
}

/* Under a name. The backing's file goes into the map, or is closed. */
static int open_named(const struct moor__name *name, const struct backing *backing, const struct moor_map_opts *opts,
                      moor_map **ret_map)
{
	struct moor__terms terms = moor__map_terms(opts);
	struct moor__first_pages *pages;
	struct moor__object *object;
	struct moor__body body;
	struct moor__birth birth;
	struct moor_abi_file file;
	int news, err;

	terms.kind = 0; /* whatever is there: it is this file's map, or in the way */
	news = moor__life_open_on(name, MOOR__OPEN, &terms, NULL, &object);
	if (news == MOOR_ENOENT) {
		news = file_record(backing, &file);
		pages = news ? NULL : malloc(sizeof *pages);
		if (!news)
			news = pages ? moor__map_birth(backing->size, &file, opts, true, pages, &birth) : MOOR_ENOMEM;
		if (!news) /* last: it is not taken back, for somebody else may map what there is now */
			news = make_long_enough(backing, opts);
		if (!news)
			news = moor__life_open_on(name, MOOR__OPEN_OR_CREATE, &terms, &birth, &object);
		free(pages);
	}
	if (news < 0) {
		moor__os_file_close(backing->fd);
		return news;
	}
	err = news == MOOR_CREATED ? moor__body_of_header(&object->header, backing->fd, &body)
	                           : join_backed(object, backing, opts, &body);
	if (err) {
		moor__life_close(object);
		moor__os_file_close(backing->fd);
		return err;
	}
	err = moor__map_new(object, &body, opts, ret_map);
	return err ? err : news;
}

static int open_unnamed(const struct backing *backing, const struct moor_map_opts *opts, moor_map **ret_map)
{
	struct moor__body body = {
	    .fd = backing->fd, .size = backing->size, .reserve = opts->flags & MOOR_MAP_RESERVE};
	int err = make_long_enough(backing, opts);

	if (err) {
		moor__os_file_close(backing->fd);
		return err;
	}
	err = moor__map_new(NULL, &body, opts, ret_map);
	return err ? err : MOOR_CREATED;
}

int moor_map_from_file(const char *path, const char *text, uint64_t size, const struct moor_map_opts *given,
                       moor_map **ret_map)
{
	struct moor_map_opts opts;
	struct backing backing;
	struct moor__name name;
	int news, err, cancel;

	if (!path || !ret_map)
		return MOOR_EINVAL;
	err = text ? moor__name_parse(text, &name) : 0;
	if (!err)
		err = moor__map_check_opts(given, &opts);
	if (err)
		return err;
	cancel = moor__os_cancel_off();
	news = open_backing(path, size, &opts, &backing);
	if (!news)
		news = text ? open_named(&name, &backing, &opts, ret_map) : open_unnamed(&backing, &opts, ret_map);
	moor__os_cancel_back(cancel);
	return news;
}

/* ---- memory without a name ---- */

static int new_memory(uint64_t size, const struct moor_map_opts *opts, struct moor__body *ret_body)
{
	struct moor__first_pages *pages = malloc(sizeof *pages);
	struct moor__birth birth;
	int fd, readable, err;

	if (!pages)
		return MOOR_ENOMEM;
	err = moor__map_birth(size, NULL, opts, false, pages, &birth);
	if (!err)
		err = moor__os_memory_new(birth.mode, &fd);
	if (err)
		goto out;
	err = moor__publish_fill(fd, &birth);
	if (!err)
		err = moor__os_memory_seal(fd);
	if (!err && !moor__access_writes(opts->access)) {
		err = moor__os_file_again(fd, false, &readable);
		if (!err) {
			moor__os_file_close(fd);
			fd = readable;
		}
	}
	if (!err)
		err = moor__body_of_header(&pages->header, fd, ret_body);
	if (err)
		moor__os_file_close(fd);
out:
	free(pages);
	return err;
}

int moor_map_anonymous(uint64_t size, const struct moor_map_opts *given, moor_map **ret_map)
{
	struct moor_map_opts opts;
	struct moor__body body;
	int err, cancel;

	if (!ret_map)
		return MOOR_EINVAL;
	err = moor__map_check_opts(given, &opts);
	if (err)
		return err;
	cancel = moor__os_cancel_off();
	err = new_memory(size, &opts, &body);
	if (!err)
		err = moor__map_new(NULL, &body, &opts, ret_map);
	moor__os_cancel_back(cancel);
	return err;
}

/* ---- handles ---- */

int moor_map_os_handle(const moor_map *map, moor_os_handle *ret_handle)
{
	if (!map || !ret_handle)
		return MOOR_EINVAL;
	*ret_handle = moor__map_fd(map);
	return 0;
}

/* What is in the file: a map of this library, whole, or else the bytes of a plain file. */
static int body_of_file(int fd, struct moor__body *ret_body)
{
	struct moor__os_file_info info;
	struct moor_abi_header header;
	size_t got;
	int err;

	err = moor__os_file_info(fd, &info);
	if (!err && info.size == 0)
		err = MOOR_EINVAL;
	if (!err)
		err = moor__os_file_read(fd, &header, sizeof header, 0, &got);
	if (err)
		return err;
	if (!moor__header_is_ours(&header, got)) {
		*ret_body = (struct moor__body){.fd = fd, .size = info.size};
		return 0;
	}
	err = moor__header_check(&header, got < sizeof header ? got : info.size);
	if (!err && header.kind != MOOR_OBJ_MAP)
		err = MOOR_EKIND;
	if (!err)
		err = moor__body_of_header(&header, fd, ret_body);
	if (!err && ret_body->offset == 0)
		err = MOOR_EFORMAT; /* which file it is, and not the file */
	return err;
}

/* A reference to the name that leads to the file, if there is one, and this process may have it; or NULL. */
static struct moor__object *join_name_of(int fd, const struct moor_map_opts *opts)
{
	const struct moor__terms terms = moor__map_terms(opts);
	struct moor__os_file_info info;
	struct moor__object *object;
	struct moor__name name;

	if (!moor__life_name_of(fd, &name) || moor__os_file_info(fd, &info) != 0 ||
	    moor__life_open_on(&name, MOOR__OPEN, &terms, NULL, &object) != 0)
		return NULL;
	if (object->device == info.device && object->inode == info.inode)
		return object;
	moor__life_close(object); /* it has gone to another life meanwhile */
	return NULL;
}

static int from_handle(moor_os_handle handle, const struct moor_map_opts *opts, moor_map **ret_map)
{
	const bool writes = moor__access_writes(opts->access);
	struct moor__object *object;
	struct moor__body body;
	bool writable;
	int fd, err;

	err = moor__os_file_may(handle, &writable);
	if (!err && writes && !writable)
		err = MOOR_EACCES;
	if (!err)
		err = moor__os_file_again(handle, writes, &fd);
	if (err)
		return err;
	err = body_of_file(fd, &body);
	if (err) {
		moor__os_file_close(fd);
		return err;
	}
	object = body.offset ? join_name_of(fd, opts) : NULL;
	if (object) { /* a handle like any other */
		moor__os_file_close(fd);
		body.fd = -1;
	}
	return moor__map_new(object, &body, opts, ret_map);
}

int moor_map_from_handle(moor_os_handle handle, const struct moor_map_opts *given, moor_map **ret_map)
{
	struct moor_map_opts opts;
	int err, cancel;

	if (!ret_map)
		return MOOR_EINVAL;
	err = moor__map_check_opts(given, &opts);
	if (err)
		return err;
	cancel = moor__os_cancel_off();
	err = from_handle(handle, &opts, ret_map);
	moor__os_cancel_back(cancel);
	return err;
}
