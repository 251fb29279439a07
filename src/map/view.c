/* SPDX-License-Identifier: Apache-2.0 */
#include "base/checked.h"
#include "map/life.h"
#include "map/map.h"

#include <stdlib.h>

struct moor_view {
	struct moor__os_mapping mapping;
	void *data;
	size_t size;
};

int moor_view_map(moor_map *map, uint64_t offset, size_t size, enum moor_access access, moor_view **ret_view)
{
	const struct moor_abi_header *header;
	uint64_t left;
	moor_view *view;
	int err;

	if (!map || !ret_view || (unsigned)access > MOOR_READ_WRITE_EXECUTE)
		return MOOR_EINVAL;
	if (access != MOOR_READ_WRITE)
		return MOOR_ENOTSUP;
	header = &map->object->header;
	if (offset >= header->data_size)
		return MOOR_ERANGE;
	left = header->data_size - offset;
	if (size > left)
		return MOOR_ERANGE;
	if (size == 0 && !moor__fits_size(left))
		return MOOR_ENOMEM;
	view = malloc(sizeof *view);
	if (!view)
		return MOOR_ENOMEM;
	view->size = size ? size : (size_t)left;
	err = moor__life_map(map->object, header->data_offset + offset, view->size, &view->mapping, &view->data);
	if (err) {
		free(view);
		return err;
	}
	*ret_view = view;
	return 0;
}

void *moor_view_data(const moor_view *view)
{
	return view ? view->data : NULL;
}

size_t moor_view_size(const moor_view *view)
{
	return view ? view->size : 0;
}

void moor_view_unmap(moor_view *view)
{
	if (!view)
		return;
	moor__os_unmap(&view->mapping);
	free(view);
}
