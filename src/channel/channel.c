/* SPDX-License-Identifier: Apache-2.0 */
/* channel.c - a ring under a name: opening either side, closing it, and looking at it. */
#include "base/opts.h"
#include "channel/endpoint.h"
#include "map/participant.h"

#include <string.h>

#define CHANNEL_FLAGS (MOOR_CREATE_ONLY | MOOR_OPEN_ONLY | MOOR_ANY_OWNER)

void moor_channel_opts_init(struct moor_channel_opts *opts, size_t size)
{
	moor__opts_init(opts, size);
}

static int check_opts(const struct moor_channel_opts *given, struct moor_channel_opts *opts)
{
	const int err = moor__opts_copy(opts, sizeof *opts, given);

	if (err)
		return err;
	if ((opts->flags & ~CHANNEL_FLAGS) || opts->mode > 0777 ||
	    ((opts->flags & MOOR_CREATE_ONLY) && (opts->flags & MOOR_OPEN_ONLY)))
		return MOOR_EINVAL;
	return 0;
}

/* Joins or makes the object. 0, MOOR_CREATED (then the slot is taken), or an error. */
static int open_object(const struct moor__name *name, const struct moor_channel_opts *opts, uint32_t slot,
                       struct moor__object **ret_object)
{
	enum moor__how how = opts->flags & MOOR_CREATE_ONLY ? MOOR__CREATE
	                     : opts->flags & MOOR_OPEN_ONLY ? MOOR__OPEN
	                                                    : MOOR__OPEN_OR_CREATE;
	const bool any_owner = opts->flags & MOOR_ANY_OWNER;
	struct moor__birth birth = {.mode = opts->mode ? opts->mode : 0600, .slot = slot};
	struct moor__geometry geometry;
	struct moor_abi_header header;
	uint8_t instance[16];
	int unfit, err;

	unfit = moor__geometry_of_opts(opts->capacity, opts->max_message, opts->kind, opts->max_producers, opts->app_tag,
	                               &geometry);
	if (unfit && how != MOOR__CREATE) {
		/* An opener's max_message and max_producers are ignored. */
		err = moor__geometry_of_opts(opts->capacity, 0, MOOR_RING_ANY, 0, opts->app_tag, &geometry);
		if (err || opts->kind > MOOR_MPSC)
			return unfit;
		how = MOOR__OPEN;
	} else if (unfit) {
		return unfit;
	}
	moor__os_random(instance, sizeof instance);
	header = moor__geometry_header(&geometry, instance);
	birth.size = geometry.total_size;
	birth.image = &header;
	birth.image_len = sizeof header;
	err = moor__life_open(name, how, MOOR_OBJ_CHANNEL, any_owner, MOOR__FORK_DROPS, &birth, ret_object);
	return err == MOOR_ENOENT && unfit && !(opts->flags & MOOR_OPEN_ONLY) ? unfit : err;
}

/* Attaches to the slot, whose lock is held if it was taken with the object's birth. */
static int take_slot(struct moor__endpoint *endpoint, void *handle, uint32_t slot, bool taken, void *mem,
                     const struct moor__geometry *geometry)
{
	int err = taken ? 0 : moor__slot_take(endpoint->object, slot);

	if (err)
		return err;
	err = moor__endpoint_attach(endpoint, handle, slot, mem, geometry);
	if (err == MOOR_EBUSY)
		moor__slot_give(endpoint->object);
	return err;
}

/* The same for a role: many producers have many slots. */
static int take_role(struct moor__endpoint *endpoint, void *handle, uint32_t role, bool taken, void *mem,
                     const struct moor__geometry *geometry)
{
	int err;

	if (role == MOOR__CONSUMER || geometry->kind != MOOR_MPSC)
		return take_slot(endpoint, handle, role, taken, mem, geometry);
	for (uint32_t slot = MOOR__PRODUCER; slot <= geometry->max_producers; slot++) {
		err = take_slot(endpoint, handle, slot, taken && slot == role, mem, geometry);
		if (err != MOOR_EBUSY)
			return err;
	}
	return MOOR_ESLOTS;
}

static int open_side(const char *text, const struct moor_channel_opts *given, uint32_t slot, size_t handle_size,
                     void **ret_handle)
{
	struct moor__endpoint *endpoint;
	struct moor__geometry geometry;
	struct moor_channel_opts opts;
	struct moor__name name;
	void *handle, *mem;
	int news, err;

	err = moor__name_parse(text, &name);
	if (!err)
		err = check_opts(given, &opts);
	if (err)
		return err;
	endpoint = moor__endpoint_new(handle_size, &handle);
	if (!endpoint)
		return MOOR_ENOMEM;
	news = open_object(&name, &opts, slot, &endpoint->object);
	if (news < 0) {
		err = news;
		goto out;
	}
	err = moor__geometry_of_header(&endpoint->object->header, &geometry);
	if (!err && news != MOOR_CREATED)
		err = moor__geometry_match(&geometry, opts.capacity, opts.kind, opts.app_tag);
	if (!err)
		err = moor__life_map(endpoint->object, 0, (size_t)geometry.total_size, &endpoint->mapping, &mem);
	if (err)
		goto out;
	moor__registry_lock();
	endpoint->object->wiped_len = handle_size;
	endpoint->object->wiped = handle;
	endpoint->object->in_child = moor__bell_in_child;
	moor__registry_unlock();
	err = take_role(endpoint, handle, slot, news == MOOR_CREATED, mem, &geometry);
	if (err)
		goto out;
	*ret_handle = handle;
	return news;

out:
	moor__endpoint_free(endpoint, handle_size);
	return err;
}

int moor_tx_open(const char *name, const struct moor_channel_opts *opts, moor_tx **ret_tx)
{
	void *handle;
	const int news = ret_tx ? open_side(name, opts, MOOR__PRODUCER, sizeof **ret_tx, &handle) : MOOR_EINVAL;

	if (news >= 0)
		*ret_tx = handle;
	return news;
}

int moor_rx_open(const char *name, const struct moor_channel_opts *opts, moor_rx **ret_rx)
{
	void *handle;
	const int news = ret_rx ? open_side(name, opts, MOOR__CONSUMER, sizeof **ret_rx, &handle) : MOOR_EINVAL;

	if (news >= 0)
		*ret_rx = handle;
	return news;
}

void moor_tx_close(moor_tx *tx)
{
	if (!tx || moor__endpoint_of(tx)->of_link)
		return;
	if (tx->state != MOOR__WIPED)
		moor__tx_detach(tx);
	moor__endpoint_free(moor__endpoint_of(tx), sizeof *tx);
}

void moor_rx_close(moor_rx *rx)
{
	if (!rx || moor__endpoint_of(rx)->of_link)
		return;
	if (rx->state != MOOR__WIPED)
		moor__rx_detach(rx);
	moor__endpoint_free(moor__endpoint_of(rx), sizeof *rx);
}

static bool slot_alive(void *fd, uint32_t slot)
{
	return moor__os_locked_exclusive(*(int *)fd, MOOR__OS_LOCK_SLOT(slot));
}

static int stat_file(int fd, const struct moor_abi_header *header, struct moor_channel_info *info)
{
	const struct moor__ring_watch watch = {slot_alive, &fd};
	struct moor__os_mapping mapping;
	struct moor__geometry geometry;
	void *mem;
	int err;

	err = moor__geometry_of_header(header, &geometry);
	if (!err)
		err = moor__os_map(fd, 0, (size_t)geometry.total_size, false, &mapping, &mem);
	if (err)
		return err;
	err = moor__ring_stat(mem, &geometry, &watch, info);
	if (!err)
		memcpy(info->instance, header->instance, sizeof info->instance);
	moor__os_unmap(&mapping);
	return err;
}

int moor_channel_stat(const char *text, struct moor_channel_info *ret_info)
{
	struct moor_channel_info info = {0};
	struct moor__os_file_info file;
	struct moor_abi_header header;
	struct moor__name name;
	int fd, err, cancel;

	if (!ret_info)
		return MOOR_EINVAL;
	err = moor__name_parse(text, &name);
	if (err)
		return err;
	cancel = moor__os_cancel_off();
	err = moor__life_look(&name, &fd, &file, &header);
	if (!err) {
		err = stat_file(fd, &header, &info);
		moor__os_file_close(fd);
	}
	moor__os_cancel_back(cancel);
	return err ? err : moor__info_copy(ret_info, &info, sizeof info);
}
