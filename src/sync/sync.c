/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/sync.h"

#include "base/opts.h"
#include "base/slot_word.h"
#include "map/header.h"
#include "sync/mutex.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifdef MOOR_TESTING
int64_t moor__sync_look_ns = 90000000;
#endif

void moor_sync_opts_init(struct moor_sync_opts *opts, size_t size)
{
	moor__opts_init(opts, size);
}

static int check_opts(const struct moor_sync_opts *given, enum moor_object kind, struct moor_sync_opts *opts)
{
	const uint32_t known = MOOR_ANY_OWNER | (kind == MOOR_OBJ_MUTEX ? MOOR_INITIALLY_OWNED : 0);
	const int err = moor__opts_copy(opts, sizeof *opts, given);

	if (err)
		return err;
	if ((opts->flags & ~known) || opts->mode > 0777 || opts->reserved)
		return MOOR_EINVAL;
	return opts->acl ? moor__os_acl_check(opts->acl) : 0;
}

/* All that an object is when it is new: the slots after the creator's are zero. */
struct image {
	struct moor_abi_header header;
	struct moor_abi_sync sync;
	struct moor_abi_slot slots[MOOR_ABI_SYNC_SLOTS];
};

static void make_image(enum moor_object kind, const struct moor__sync_birth *birth, uint32_t slot, struct image *image)
{
	uint8_t instance[16];

	moor__os_random(instance, sizeof instance);
	memset(image, 0, sizeof *image);
	image->header = moor__header_make(kind, instance);
	image->header.total_size = MOOR_ABI_SYNC_SIZE;
	image->header.data_offset = MOOR_ABI_SYNC_OFFSET;
	image->header.slots_offset = MOOR_ABI_SYNC_SLOTS_OFFSET;
	image->header.slot_count = MOOR_ABI_SYNC_SLOTS;
	image->header.slot_size = sizeof(struct moor_abi_slot);
	image->sync.word = birth->owned ? moor__mutex_word(slot, 0) : birth->word;
	image->sync.max = birth->max;
	image->sync.flags = birth->flags;
	image->slots[slot].pid = moor__os_pid();
	image->slots[slot].life = moor__life_after_attach(0);
}

static int check_geometry(const struct moor_abi_header *header)
{
	return header->data_offset == MOOR_ABI_SYNC_OFFSET && header->slots_offset == MOOR_ABI_SYNC_SLOTS_OFFSET &&
	               header->slot_count == MOOR_ABI_SYNC_SLOTS && header->slot_size == sizeof(struct moor_abi_slot) &&
	               header->total_size == MOOR_ABI_SYNC_SIZE
	           ? 0
	           : MOOR_EFORMAT;
}

/* Without the right to read of those who may not write: it is of no use, and lets them lock the slots. */
static uint32_t mode_of(uint32_t asked)
{
	const uint32_t writers = asked & 0222;

	return asked ? (asked & ~(uint32_t)0444) | (asked & (writers << 1)) : 0600;
}

static int join(const struct moor__name *name, enum moor__how how, enum moor_object kind,
                const struct moor_sync_opts *opts, const struct moor__sync_birth *given, struct moor__object **ret_object)
{
	struct moor__birth birth = {.size = MOOR_ABI_SYNC_SIZE, .image_len = sizeof(struct image)};
	struct image *image;
	int news;

	if (how == MOOR__OPEN)
		return moor__life_open(name, how, kind, opts->flags & MOOR_ANY_OWNER, MOOR__FORK_DROPS, NULL, ret_object);
	image = malloc(sizeof *image);
	if (!image)
		return MOOR_ENOMEM;
	birth.slot = moor__os_pid() % MOOR_ABI_SYNC_SLOTS;
	make_image(kind, given, birth.slot, image);
	birth.image = image;
	birth.mode = mode_of(opts->mode);
	birth.acl = opts->acl;
	news = moor__life_open(name, how, kind, opts->flags & MOOR_ANY_OWNER, MOOR__FORK_DROPS, &birth, ret_object);
	free(image);
	return news;
}

int moor__sync_open(const char *text, enum moor__how how, enum moor_object kind, const struct moor_sync_opts *given,
                    const struct moor__sync_birth *birth, void (*settle)(struct moor__object *object),
                    struct moor__object **ret_object, bool *ret_owned)
{
	struct moor__sync_birth make = *birth;
	struct moor__object *object;
	struct moor_sync_opts opts;
	struct moor__name name;
	int news, err;
	void *first;

	err = moor__name_parse(text, &name);
	if (!err)
		err = check_opts(given, kind, &opts);
	if (err)
		return err;
	make.owned = opts.flags & MOOR_INITIALLY_OWNED;
	news = join(&name, how, kind, &opts, &make, &object);
	if (news < 0)
		return news;
	err = check_geometry(&object->header);
	if (!err)
		err = moor__life_map(object, 0, MOOR_ABI_SYNC_SIZE, &object->slots_mapping, &first);
	if (err) {
		moor__life_close(object);
		return err;
	}
	moor__registry_lock(); /* which a fork waits for: it sees both or none */
	object->settle = settle;
	object->slots = (struct moor_abi_slot *)((char *)first + MOOR_ABI_SYNC_SLOTS_OFFSET);
	moor__registry_unlock();
	*ret_object = object;
	if (ret_owned)
		*ret_owned = make.owned;
	return news;
}

void moor__sync_show(struct moor__object *object)
{
	moor__registry_lock(); /* a fork sees the slot with its owner or not at all */
	object->on_fork = MOOR__FORK_SHARES;
	moor__slot_show(object);
	moor__registry_unlock();
}

void moor__sync_close(struct moor__object *object)
{
	moor__registry_lock(); /* in the child of a bare clone the slot turns out to be the parent's */
	object->on_fork = MOOR__FORK_DROPS;
	moor__slot_hide(object);
	moor__registry_unlock();
	moor__life_close(object);
}

bool moor__sync_prove_dead(struct moor__object *object, uint32_t slot, void (*proven)(void *arg, uint32_t slot),
                           void *arg)
{
	const int saved = errno;
	bool dead = false;

	if (object->fd < 0 || moor__slot_alive(object, slot)) /* it cannot know, without a descriptor */
		return false;
	moor__registry_lock(); /* also between the threads here: to the kernel they are one holder */
	if (!object->borrowed && slot != object->slot && moor__os_lock_exclusive(object->fd, MOOR__OS_LOCK_SLOT(slot)) == 0) {
		proven(arg, slot);
		moor__os_unlock(object->fd, MOOR__OS_LOCK_SLOT(slot));
		dead = true;
	}
	moor__registry_unlock();
	errno = saved;
	return dead;
}
