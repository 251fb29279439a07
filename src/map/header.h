/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOOR_MAP_HEADER_H
#define MOOR_MAP_HEADER_H

#include <mooring/abi.h>
#include <mooring/name.h>

/* A whole header of the kind, but for the geometry (total_size to app_tag), which is the caller's to fill in. */
struct moor_abi_header moor__header_make(enum moor_object kind, const uint8_t instance[16]);

/*
 * Whether a private copy of a header describes an object that this library can use and that fits into `available`
 * bytes. 0, MOOR_EFORMAT, MOOR_EVERSION. The geometry of the kind is its owner's to check.
 */
int moor__header_check(const struct moor_abi_header *header, uint64_t available);

/* Whether it is one at all, in whatever byte order and version. */
bool moor__header_is_ours(const struct moor_abi_header *header, size_t available);

#endif
