/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOOR_MAP_MAP_H
#define MOOR_MAP_MAP_H

#include <mooring/map.h>

struct moor_map {
	struct moor__object *object;
};

#endif
