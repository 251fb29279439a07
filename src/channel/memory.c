/* SPDX-License-Identifier: Apache-2.0 */
/* memory.c - a ring over memory that the caller brings (mooring/ring.h). */
#include "base/opts.h"
#include "channel/endpoint.h"
#include "map/header.h"

#include <string.h>

void moor_ring_opts_init(struct moor_ring_opts *opts, size_t size)
{
	moor__opts_init(opts, size);
}

static int geometry_of(const struct moor_ring_opts *given, struct moor__geometry *ret_geometry)
{
	struct moor_ring_opts opts;
	int err = moor__opts_copy(&opts, sizeof opts, given);

	if (!err)
		err = moor__geometry_of_opts(opts.capacity, opts.max_message, opts.kind, opts.max_producers, opts.app_tag,
		                             ret_geometry);
	if (!err && ret_geometry->total_size > SIZE_MAX)
		err = MOOR_ENOMEM;
	return err;
}

int moor_ring_size(const struct moor_ring_opts *opts, size_t *ret_bytes)
{
	struct moor__geometry geometry;
	int err;

	if (!ret_bytes)
		return MOOR_EINVAL;
	err = geometry_of(opts, &geometry);
	if (!err)
		*ret_bytes = (size_t)geometry.total_size;
	return err;
}

static bool misaligned(const void *mem)
{
	return !mem || (uintptr_t)mem % sizeof(uint64_t);
}

int moor_ring_format(void *mem, size_t len, const struct moor_ring_opts *opts)
{
	struct moor__geometry geometry;
	struct moor_abi_header header;
	uint8_t instance[16];
	int err;

	if (misaligned(mem))
		return MOOR_EINVAL;
	err = geometry_of(opts, &geometry);
	if (err)
		return err;
	if (len < geometry.total_size)
		return MOOR_EINVAL;
	moor__os_random(instance, sizeof instance);
	header = moor__geometry_header(&geometry, instance);
	memset(mem, 0, (size_t)geometry.total_size);
	memcpy(mem, &header, sizeof header);
	return 0;
}

/* From a private copy of the header, which is all that is read. */
static int check(const void *mem, size_t len, struct moor__geometry *ret_geometry)
{
	struct moor_abi_header header;
	int err;

	if (misaligned(mem))
		return MOOR_EINVAL;
	if (len < sizeof header)
		return MOOR_EFORMAT;
	memcpy(&header, mem, sizeof header);
	err = moor__header_check(&header, len);
	return err ? err : moor__geometry_of_header(&header, ret_geometry);
}

int moor_ring_check(const void *mem, size_t len)
{
	struct moor__geometry geometry;
	struct moor_channel_info info = {0};
	const int err = check(mem, len, &geometry);

	return err ? err : moor__ring_stat(mem, &geometry, NULL, &info);
}

static int attach(void *mem, size_t len, const struct moor_ring_opts *given, uint32_t slot, size_t handle_size,
                  void **ret_handle)
{
	struct moor__endpoint *endpoint;
	struct moor__geometry geometry;
	struct moor_ring_opts opts;
	void *handle;
	int err;

	err = moor__opts_copy(&opts, sizeof opts, given);
	if (!err)
		err = check(mem, len, &geometry);
	if (!err)
		err = moor__geometry_match(&geometry, opts.capacity, opts.kind, opts.app_tag);
	if (err)
		return err;
	endpoint = moor__endpoint_new(handle_size, &handle);
	if (!endpoint)
		return MOOR_ENOMEM;
	endpoint->is_alive = opts.is_alive;
	endpoint->arg = opts.arg;
	do { /* of many producers any slot of theirs that can be had */
		err = moor__endpoint_attach(endpoint, handle, slot, mem, &geometry);
	} while (err == MOOR_EBUSY && slot++ < geometry.max_producers);
	if (err) {
		moor__endpoint_free(endpoint, handle_size);
		return err == MOOR_EBUSY ? MOOR_ESLOTS : err;
	}
	*ret_handle = handle;
	return 0;
}

int moor_tx_attach(void *mem, size_t len, const struct moor_ring_opts *opts, moor_tx **ret_tx)
{
	void *handle;
	const int err = ret_tx ? attach(mem, len, opts, MOOR__PRODUCER, sizeof **ret_tx, &handle) : MOOR_EINVAL;

	if (!err)
		*ret_tx = handle;
	return err;
}

int moor_rx_attach(void *mem, size_t len, const struct moor_ring_opts *opts, moor_rx **ret_rx)
{
	void *handle;
	const int err = ret_rx ? attach(mem, len, opts, MOOR__CONSUMER, sizeof **ret_rx, &handle) : MOOR_EINVAL;

	if (!err)
		*ret_rx = handle;
	return err;
}
