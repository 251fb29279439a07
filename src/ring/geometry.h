/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOOR_RING_GEOMETRY_H
#define MOOR_RING_GEOMETRY_H

#include <mooring/abi.h>
#include <mooring/ring.h>

/* What is decided when a ring is made, in private memory. */
struct moor__geometry {
	uint64_t capacity, total_size, data_offset, app_tag;
	uint32_t kind, max_message, max_producers;
};

/* From what a creator asks for. 0, MOOR_EINVAL, MOOR_ENOMEM (beyond the address space). */
int moor__geometry_of_opts(uint64_t capacity, uint32_t max_message, uint32_t kind, uint32_t max_producers,
                           uint64_t app_tag, struct moor__geometry *ret_geometry);
/* From a header that moor__header_check has passed. 0, MOOR_EKIND, MOOR_EFORMAT, MOOR_ENOMEM. */
int moor__geometry_of_header(const struct moor_abi_header *header, struct moor__geometry *ret_geometry);
/* Does it have what an opener asks for? Zero asks for nothing. 0, MOOR_EMISMATCH, MOOR_EINVAL, ... */
int moor__geometry_match(const struct moor__geometry *geometry, uint64_t capacity, uint32_t kind, uint64_t app_tag);

/* The bytes before the data; all of it is zero but the header. */
#define MOOR__RING_HEAD_SIZE(max_producers)                                                                            \
	(MOOR_ABI_RING_SLOTS_OFFSET + (uint64_t)MOOR_ABI_RING_SLOT_SIZE * ((uint64_t)(max_producers) + 1))
struct moor_abi_header moor__geometry_header(const struct moor__geometry *geometry, const uint8_t instance[16]);

#endif
