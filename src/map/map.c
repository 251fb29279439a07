/* SPDX-License-Identifier: Apache-2.0 */
#include "map/map.h"

#include "base/checked.h"
#include "base/opts.h"
#include "base/slot_word.h"
#include "map/header.h"
#include "map/life.h"
#include "map/participant.h"

#include <stdlib.h>
#include <string.h>

#define MAP_FLAGS (MOOR_MAP_RESERVE | MOOR_MAP_HUGE | MOOR_MAP_POPULATE)
/* No file reaches further, and the locks lie beyond. */
#define MAP_SIZE_MAX ((uint64_t)1 << 61)

void moor_map_opts_init(struct moor_map_opts *opts, size_t size)
{
	moor__opts_init(opts, size);
}

static int check_opts(const struct moor_map_opts *given, struct moor_map_opts *opts)
{
	const int err = moor__opts_copy(opts, sizeof *opts, given);

	if (err)
		return err;
	if ((opts->flags & ~(MAP_FLAGS | MOOR_ANY_OWNER)) || opts->access > MOOR_READ_WRITE_EXECUTE || opts->mode > 0777)
		return MOOR_EINVAL;
	if ((opts->flags & MAP_FLAGS) || opts->access != MOOR_READ_WRITE || opts->acl)
		return MOOR_ENOTSUP;
	return 0;
}

/* A map's first page: the header, and the slots, the creator's taken. */
struct first_page {
	struct moor_abi_header header;
	struct moor_abi_slot slots[MOOR_ABI_MAP_SLOTS];
};

static int make_first_page(uint64_t size, struct first_page *page, uint32_t *ret_slot)
{
	uint8_t instance[16];
	uint64_t total;
	uint32_t slot;

	if (size > MAP_SIZE_MAX || !moor__fits_size(size))
		return MOOR_ENOMEM;
	total = MOOR_ABI_DATA_ALIGN + moor__round_up(size, MOOR_ABI_DATA_ALIGN);
	moor__os_random(instance, sizeof instance);
	memset(page, 0, sizeof *page);
	page->header = moor__header_make(MOOR_OBJ_MAP, instance);
	page->header.total_size = total;
	page->header.data_offset = MOOR_ABI_DATA_ALIGN;
	page->header.data_size = size;
	page->header.slots_offset = MOOR_ABI_MAP_SLOTS_OFFSET;
	page->header.slot_count = MOOR_ABI_MAP_SLOTS;
	page->header.slot_size = sizeof(struct moor_abi_slot);
	slot = moor__os_pid() % MOOR_ABI_MAP_SLOTS;
	page->slots[slot].pid = moor__os_pid();
	page->slots[slot].life = moor__life_after_attach(0);
	*ret_slot = slot;
	return 0;
}

static int check_geometry(const struct moor_abi_header *header)
{
	if (header->data_offset != MOOR_ABI_DATA_ALIGN || header->data_size == 0 ||
	    header->slots_offset != MOOR_ABI_MAP_SLOTS_OFFSET || header->slot_count != MOOR_ABI_MAP_SLOTS ||
	    header->slot_size != sizeof(struct moor_abi_slot))
		return MOOR_EFORMAT;
	return moor__fits_size(header->total_size) ? 0 : MOOR_ENOMEM;
}

/* Attaches what a handle needs to a joined or created object; on failure the object is closed. */
static int make_handle(struct moor__object *object, moor_map **ret_map)
{
	moor_map *map = NULL;
	void *first;
	int err = check_geometry(&object->header);

	if (!err)
		err = moor__life_map(object, 0, MOOR_ABI_DATA_ALIGN, &object->slots_mapping, &first);
	if (!err) {
		object->slots = (struct moor_abi_slot *)((char *)first + MOOR_ABI_MAP_SLOTS_OFFSET);
		map = malloc(sizeof *map);
		err = map ? 0 : MOOR_ENOMEM;
	}
	if (err) {
		if (object->slots)
			moor__slot_hide(object);
		moor__life_close(object);
		return err;
	}
	moor__registry_lock(); /* a fork sees the slot with its owner or not at all */
	moor__slot_show(object);
	moor__registry_unlock();
	map->object = object;
	*ret_map = map;
	return 0;
}

static int open_map(const char *text, enum moor__how how, uint64_t size, const struct moor_map_opts *given,
                    moor_map **ret_map)
{
	struct moor__birth birth = {.image_len = sizeof(struct first_page)};
	struct moor__object *object;
	struct moor_map_opts opts;
	struct first_page *page;
	struct moor__name name;
	int news, err;

	if (!ret_map)
		return MOOR_EINVAL;
	err = moor__name_parse(text, &name);
	if (!err)
		err = check_opts(given, &opts);
	if (err)
		return err;
	if (how == MOOR__OPEN) {
		news = moor__life_open(&name, how, MOOR_OBJ_MAP, opts.flags & MOOR_ANY_OWNER, MOOR__FORK_SHARES, NULL, &object);
	} else {
		if (size == 0)
			return MOOR_EINVAL;
		page = malloc(sizeof *page);
		if (!page)
			return MOOR_ENOMEM;
		err = make_first_page(size, page, &birth.slot);
		if (err) {
			free(page);
			return err;
		}
		birth.size = page->header.total_size;
		birth.image = page;
		birth.mode = opts.mode ? opts.mode : 0600;
		news = moor__life_open(&name, how, MOOR_OBJ_MAP, opts.flags & MOOR_ANY_OWNER, MOOR__FORK_SHARES, &birth, &object);
		free(page);
	}
	if (news < 0)
		return news;
	err = make_handle(object, ret_map);
	return err ? err : news;
}

int moor_map_create(const char *name, uint64_t size, const struct moor_map_opts *opts, moor_map **ret_map)
{
	const int err = open_map(name, MOOR__CREATE, size, opts, ret_map);

	return err == MOOR_CREATED ? 0 : err;
}

int moor_map_create_or_open(const char *name, uint64_t size, const struct moor_map_opts *opts, moor_map **ret_map)
{
	return open_map(name, MOOR__OPEN_OR_CREATE, size, opts, ret_map);
}

int moor_map_open(const char *name, const struct moor_map_opts *opts, moor_map **ret_map)
{
	return open_map(name, MOOR__OPEN, 0, opts, ret_map);
}

int moor_map_open_wait(const char *name, const struct moor_map_opts *opts, int64_t timeout_ns, moor_map **ret_map)
{
	const int64_t start = moor__os_now();
	int64_t pause = 200000;
	int err;

	if (timeout_ns < MOOR_FOREVER)
		return MOOR_EINVAL;
	while ((err = moor_map_open(name, opts, ret_map)) == MOOR_ENOENT && timeout_ns != MOOR_NOWAIT) {
		if (timeout_ns != MOOR_FOREVER) {
			const int64_t left = timeout_ns - (moor__os_now() - start);

			if (left <= 0)
				return MOOR_ETIMEDOUT;
			pause = pause < left ? pause : left;
		}
		err = moor__os_pause(pause);
		if (err)
			return err;
		pause = pause < 10000000 ? pause * 2 : pause;
	}
	return err;
}

uint64_t moor_map_size(const moor_map *map)
{
	return map ? map->object->header.data_size : 0;
}

void moor_map_close(moor_map *map)
{
	if (!map)
		return;
	moor__registry_lock(); /* in the child of a bare clone the slot turns out to be the parent's */
	moor__slot_hide(map->object);
	moor__registry_unlock();
	moor__life_close(map->object);
	free(map);
}
