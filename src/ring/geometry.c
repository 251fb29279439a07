/* SPDX-License-Identifier: Apache-2.0 */
#include "ring/geometry.h"

#include "base/checked.h"
#include "map/header.h"
#include "ring/record.h"

#define CAPACITY_DEFAULT ((uint64_t)1 << 20)
#define PRODUCERS_DEFAULT 64u
#define CAPACITY_MIN ((uint64_t)4096)
#define CAPACITY_MAX (sizeof(void *) > 4 ? (uint64_t)1 << 40 : (uint64_t)1 << 30)

static int round_capacity(uint64_t asked, uint64_t *ret_capacity)
{
	uint64_t capacity = CAPACITY_MIN;

	if (asked < CAPACITY_MIN || asked > CAPACITY_MAX)
		return MOOR_EINVAL;
	while (capacity < asked)
		capacity *= 2;
	*ret_capacity = capacity;
	return 0;
}

static bool message_fits(uint64_t max_message, uint64_t capacity, uint32_t kind)
{
	return (kind == MOOR_MPSC ? moor__claim_size(max_message) : moor__record_size(max_message)) <= capacity / 2;
}

static uint64_t features_of(uint32_t kind)
{
	return kind == MOOR_MPSC ? MOOR_ABI_F_CONSUMER_CLEARS : MOOR_ABI_F_PRODUCER_ZEROES;
}

int moor__geometry_of_opts(uint64_t capacity, uint32_t max_message, uint32_t kind, uint32_t max_producers,
                           uint64_t app_tag, struct moor__geometry *ret_geometry)
{
	struct moor__geometry geometry = {.kind = MOOR_SPSC, .max_producers = 1, .app_tag = app_tag};
	int err;

	if (kind > MOOR_MPSC)
		return MOOR_EINVAL;
	if (kind == MOOR_MPSC) { /* of the other kind there is one, whatever was asked for */
		if (max_producers > MOOR_ABI_MANY_PRODUCERS)
			return MOOR_EINVAL;
		geometry.kind = MOOR_MPSC;
		geometry.max_producers = max_producers ? max_producers : PRODUCERS_DEFAULT;
	}
	err = round_capacity(capacity ? capacity : CAPACITY_DEFAULT, &geometry.capacity);
	if (err)
		return err;
	if (!max_message)
		max_message = geometry.capacity / 8 > UINT32_MAX ? UINT32_MAX : (uint32_t)(geometry.capacity / 8);
	if (!message_fits(max_message, geometry.capacity, geometry.kind))
		return MOOR_EINVAL;
	geometry.max_message = max_message;
	geometry.data_offset = moor__round_up(MOOR__RING_HEAD_SIZE(geometry.max_producers), MOOR_ABI_DATA_ALIGN);
	geometry.total_size = geometry.data_offset + geometry.capacity;
	*ret_geometry = geometry;
	return 0;
}

int moor__geometry_of_header(const struct moor_abi_header *header, struct moor__geometry *ret_geometry)
{
	const uint64_t capacity = header->data_size;

	if (header->kind != MOOR_OBJ_CHANNEL)
		return MOOR_EKIND;
	if (header->ring_kind != MOOR_SPSC && header->ring_kind != MOOR_MPSC)
		return MOOR_EFORMAT;
	if (capacity < CAPACITY_MIN || capacity > (uint64_t)1 << 40 || (capacity & (capacity - 1)) ||
	    !header->max_producers || header->max_producers > (header->ring_kind == MOOR_MPSC ? MOOR_ABI_MANY_PRODUCERS : 1) ||
	    header->slot_count != header->max_producers + 1 || header->slot_size != MOOR_ABI_RING_SLOT_SIZE ||
	    header->slots_offset != MOOR_ABI_RING_SLOTS_OFFSET || header->data_offset % MOOR_ABI_UNIT ||
	    header->data_offset < MOOR__RING_HEAD_SIZE(header->max_producers) ||
	    header->incompatible != features_of(header->ring_kind) || !header->max_message ||
	    !message_fits(header->max_message, capacity, header->ring_kind))
		return MOOR_EFORMAT;
	if (capacity > CAPACITY_MAX || !moor__fits_size(header->total_size))
		return MOOR_ENOMEM;
	*ret_geometry = (struct moor__geometry){.capacity = capacity,
	                                        .total_size = header->total_size,
	                                        .data_offset = header->data_offset,
	                                        .app_tag = header->app_tag,
	                                        .kind = header->ring_kind,
	                                        .max_message = header->max_message,
	                                        .max_producers = header->max_producers};
	return 0;
}

int moor__geometry_match(const struct moor__geometry *geometry, uint64_t capacity, uint32_t kind, uint64_t app_tag)
{
	int err = 0;

	if (kind > MOOR_MPSC)
		return MOOR_EINVAL;
	if (capacity)
		err = round_capacity(capacity, &capacity);
	if (err)
		return err;
	if ((capacity && capacity != geometry->capacity) || (kind && kind != geometry->kind) ||
	    (app_tag && app_tag != geometry->app_tag))
		return MOOR_EMISMATCH;
	return 0;
}

struct moor_abi_header moor__geometry_header(const struct moor__geometry *geometry, const uint8_t instance[16])
{
	struct moor_abi_header header = moor__header_make(MOOR_OBJ_CHANNEL, instance);

	header.incompatible = features_of(geometry->kind);
	header.total_size = geometry->total_size;
	header.data_offset = geometry->data_offset;
	header.data_size = geometry->capacity;
	header.slots_offset = MOOR_ABI_RING_SLOTS_OFFSET;
	header.slot_count = geometry->max_producers + 1;
	header.slot_size = MOOR_ABI_RING_SLOT_SIZE;
	header.ring_kind = geometry->kind;
	header.max_message = geometry->max_message;
	header.max_producers = geometry->max_producers;
	header.app_tag = geometry->app_tag;
	return header;
}
