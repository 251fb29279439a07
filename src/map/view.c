/* SPDX-License-Identifier: Apache-2.0 */
/* view.c - windows on maps: any byte, any length, as far as there is memory. */
#include "map/view.h"

#include "base/checked.h"
#include "map/life.h"

#include <stdlib.h>

/* How many of the view's bytes there is memory for now. */
static size_t shown_now(const struct moor__body *body, int fd, uint64_t offset, size_t wanted)
{
	const uint64_t committed = moor__body_committed(body, fd);

	if (committed <= offset)
		return 0;
	return committed - offset < wanted ? (size_t)(committed - offset) : wanted;
}

static int map_through(moor_view *view, const struct moor__body *body, int fd, uint64_t offset)
{
	const unsigned how = moor__access_how(view->access);

	view->size = shown_now(body, fd, offset, view->wanted);
	return moor__os_map_window(fd, body->offset + offset, view->size, body->reserve ? view->wanted : 0, how,
	                           &view->mapping, &view->data);
}

/* What a view of a reserved map needs to grow, the map's handle being closed or not. */
static int keep_body(moor_view *view, const struct moor__body *body, int fd, uint64_t offset)
{
	int err;

	view->offset = offset;
	view->body = *body;
	view->body.fd = fd;
	view->body.head = NULL;
	err = moor__body_watch(&view->body, fd, false);
	if (!err) {
		err = map_through(view, &view->body, fd, offset);
		if (err && view->body.head)
			moor__os_unmap(&view->body.head_mapping);
	}
	return err;
}

static int map_view(const moor_map *map, uint64_t offset, moor_view *view)
{
	const bool writable = moor__access_writes(view->access);
	const struct moor__body *body = &map->body;
	int fd = -1, err = 0;

	moor__registry_lock(); /* a fork sees no descriptor of the moment */
	if (body->fd < 0)
		err = moor__life_descriptor(map->object, writable, &fd);
	else if (body->reserve)
		err = moor__os_file_again(body->fd, writable, &fd);
	if (!err) {
		err = body->reserve ? keep_body(view, body, fd, offset)
		                    : map_through(view, body, fd < 0 ? body->fd : fd, offset);
		if (fd >= 0 && (err || !body->reserve))
			moor__os_file_close(fd);
	}
	moor__registry_unlock();
	return err;
}

int moor_view_map(moor_map *map, uint64_t offset, size_t size, enum moor_access access, moor_view **ret_view)
{
	uint64_t left;
	moor_view *view;
	int err, cancel;

	if (!map || !ret_view || (unsigned)access > MOOR_READ_WRITE_EXECUTE)
		return MOOR_EINVAL;
	if (!moor__access_allows(map->access, access))
		return MOOR_EACCES;
	if (offset >= map->body.size)
		return MOOR_ERANGE;
	left = map->body.size - offset;
	if (size > left)
		return MOOR_ERANGE;
	if (size == 0 && !moor__fits_size(left))
		return MOOR_ENOMEM;
	view = calloc(1, sizeof *view);
	if (!view)
		return MOOR_ENOMEM;
	view->access = access;
	view->populate = map->populate;
	view->wanted = size ? size : (size_t)left;
	view->body.fd = -1;
	cancel = moor__os_cancel_off();
	err = map_view(map, offset, view);
	if (!err && view->populate) {
		err = moor__os_map_populate(&view->mapping, moor__access_how(access));
		if (err) {
			moor__os_unmap(&view->mapping);
			moor__body_release(&view->body);
		}
	}
	moor__os_cancel_back(cancel);
	if (err) {
		free(view);
		return err;
	}
	*ret_view = view;
	return 0;
}

static int extend(moor_view *view)
{
	const size_t now = shown_now(&view->body, view->body.fd, view->offset, view->wanted);
	const uint64_t offset = view->body.offset + view->offset;
	const unsigned how = moor__access_how(view->access);
	int err;

	if (now <= view->size)
		return 0;
	err = moor__os_map_grow(view->body.fd, offset, now, how, &view->mapping, &view->data);
	if (err)
		return err;
	err = view->populate ? moor__os_map_populate(&view->mapping, how) : 0;
	if (err)
		moor__os_map_shrink(offset, view->size, &view->mapping, &view->data);
	else
		view->size = now;
	return err;
}

int moor_view_extend(moor_view *view)
{
	int err, cancel;

	if (!view)
		return MOOR_EINVAL;
	if (!view->body.reserve)
		return 0;
	cancel = moor__os_cancel_off();
	err = extend(view);
	moor__os_cancel_back(cancel);
	return err;
}

void *moor_view_data(const moor_view *view)
{
	return view ? view->data : NULL;
}

size_t moor_view_size(const moor_view *view)
{
	return view ? view->size : 0;
}

int moor_view_flush(moor_view *view)
{
	int err, cancel;

	if (!view)
		return MOOR_EINVAL;
	cancel = moor__os_cancel_off();
	err = moor__os_map_flush(&view->mapping);
	moor__os_cancel_back(cancel);
	return err;
}

void moor_view_unmap(moor_view *view)
{
	if (!view)
		return;
	moor__os_unmap(&view->mapping);
	moor__body_release(&view->body);
	free(view);
}
