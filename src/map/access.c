/* SPDX-License-Identifier: Apache-2.0 */
/* access.c - what may be seen through what: the table of MapViewOfFile and MemoryMappedFileAccess. */
#include "map/map.h"

#define BIT(access) (1u << (access))

bool moor__access_writes(uint32_t access)
{
	return access == MOOR_READ_WRITE || access == MOOR_WRITE || access == MOOR_READ_WRITE_EXECUTE;
}

bool moor__access_allows(uint32_t map, uint32_t view)
{
	static const uint32_t views[] = {
	    [MOOR_READ_WRITE] = BIT(MOOR_READ) | BIT(MOOR_WRITE) | BIT(MOOR_READ_WRITE) | BIT(MOOR_COPY_ON_WRITE),
	    [MOOR_READ] = BIT(MOOR_READ) | BIT(MOOR_COPY_ON_WRITE),
	    [MOOR_WRITE] = BIT(MOOR_WRITE),
	    [MOOR_COPY_ON_WRITE] = BIT(MOOR_READ) | BIT(MOOR_COPY_ON_WRITE),
	    [MOOR_READ_EXECUTE] = BIT(MOOR_READ) | BIT(MOOR_COPY_ON_WRITE) | BIT(MOOR_READ_EXECUTE),
	    [MOOR_READ_WRITE_EXECUTE] = BIT(MOOR_READ_WRITE_EXECUTE + 1) - 1,
	};

	return views[map] & BIT(view);
}

unsigned moor__access_how(uint32_t view)
{
	static const unsigned how[] = {
	    [MOOR_READ_WRITE] = MOOR__OS_READ | MOOR__OS_WRITE,
	    [MOOR_READ] = MOOR__OS_READ,
	    [MOOR_WRITE] = MOOR__OS_WRITE,
	    [MOOR_COPY_ON_WRITE] = MOOR__OS_READ | MOOR__OS_WRITE | MOOR__OS_PRIVATE,
	    [MOOR_READ_EXECUTE] = MOOR__OS_READ | MOOR__OS_EXECUTE,
	    [MOOR_READ_WRITE_EXECUTE] = MOOR__OS_READ | MOOR__OS_WRITE | MOOR__OS_EXECUTE,
	};

	return how[view];
}
