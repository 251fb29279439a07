/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOOR_MAP_VIEW_H
#define MOOR_MAP_VIEW_H

#include "map/map.h"

struct moor_view {
	struct moor__os_mapping mapping;
	void *data;
	size_t size;
	uint32_t access;
	bool populate;
	/* Of a reserved map: */
	size_t wanted;
	uint64_t offset;
	struct moor__body body; /* with a file of the view's own, without locks; else fd is -1 */
};

#endif
