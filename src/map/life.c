/* SPDX-License-Identifier: Apache-2.0 */
/*
 * life.c - open, create, close, bury, sweep.
 *
 * The order of the steps is the proof; each closes a hole (doc/design.md, "The life of a name"):
 * - open tries the life byte exclusively first: success means that nobody lives there. Only when somebody holds it shared,
 *   it tries shared, and only an object that the name still leads to afterwards has been joined.
 * - close unlocks first and then tries exclusively: of two last closers one buries, whichever comes second.
 * - bury: only with the exclusive lock on the very inode that the name leads to.
 */
#include "map/life.h"

#include "base/crash.h"
#include "map/header.h"
#include "map/participant.h"
#include "map/publish.h"
#include "map/registry.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* How long to go on when somebody is burying: it takes microseconds, unless that process is stopped. */
#define BUSY_NS ((int64_t)1000000000)
#define BUSY_TRIES 100
/* How many names a create looks at to find corpses. */
#define SWEEP_NAMES 128

static bool same_file(const struct moor__os_file_info *a, const struct moor__os_file_info *b)
{
	return a->device == b->device && a->inode == b->inode;
}

/* The bell of a channel's last consumer: before the file, which alone tells of it. */
static void bury_bell(struct moor__os_dir *dir, int fd)
{
	const uint64_t at = MOOR_ABI_RING_SLOTS_OFFSET + offsetof(struct moor_abi_consumer, quiet.bell);
	uint32_t kind;
	uint64_t bell;
	size_t got;

	if (moor__os_file_read(fd, &kind, sizeof kind, offsetof(struct moor_abi_header, kind), &got) == 0 &&
	    got == sizeof kind && kind == MOOR_OBJ_CHANNEL && moor__os_file_read(fd, &bell, sizeof bell, at, &got) == 0 &&
	    got == sizeof bell && bell)
		moor__os_bell_remove(dir, fd, bell);
}

/*
 * With the life byte of the file held exclusively, through fd: takes the name away, if it still leads there. 0,
 * MOOR_EAGAIN when the name leads elsewhere by now, or why it cannot be removed.
 */
static int bury(struct moor__os_dir *dir, const char *rest, int fd, const struct moor__os_file_info *dead)
{
	struct moor__os_file_info there;
	int err = moor__os_name_info(dir, rest, &there);

	if (err)
		return err == MOOR_ENOENT ? 0 : err;
	if (!same_file(dead, &there))
		return MOOR_EAGAIN;
	bury_bell(dir, fd);
	MOOR_CRASH_POINT("bury: before unlink");
	err = moor__os_name_remove(dir, rest);
	MOOR_CRASH_POINT("bury: after unlink");
	return err == MOOR_ENOENT ? 0 : err;
}

/* Is this a file that may stand for the name at all? */
static int check_file(enum moor__scope scope, enum moor__how how, bool any_owner,
                      const struct moor__os_file_info *info)
{
	const bool own = info->uid == moor__os_uid();

	if (!info->regular)
		return MOOR_EACCES;
	if (info->links == 0)
		return MOOR_EAGAIN; /* removed since we opened it */
	if (scope == MOOR__LOCAL && (!own || info->links != 1))
		return MOOR_EACCES;
	if (how != MOOR__OPEN && !own && !any_owner)
		return MOOR_EACCES;
	return 0;
}

/*
 * An object of the user's own, alive, under a second name, which another user may have given it: its header says under
 * which it was made, but whoever may write to it may have written that, too.
 */
static bool may_be_misnamed(enum moor__how how, bool any_owner, const struct moor__os_file_info *info)
{
	return how != MOOR__OPEN && !any_owner && info->links != 1 && (info->mode & 022);
}

/* With the life byte held exclusively: nobody lives here. MOOR_ENOENT when the name is free, or as good as. */
static int clear_away(struct moor__os_dir *dir, const struct moor__name *name, enum moor__how how, bool any_owner, int fd,
                      const struct moor__os_file_info *dead)
{
	const bool may = any_owner || dead->uid == moor__os_uid();
	const int err = may ? bury(dir, name->rest, fd, dead) : MOOR_EACCES;

	if (err == 0 || (err == MOOR_EACCES && how == MOOR__OPEN))
		return MOOR_ENOENT;
	return err;
}

/*
 * One try to join what lives under the name. 0 with the life lock held shared; MOOR_ENOENT: nothing lives there;
 * MOOR_EAGAIN: the world moved, or somebody is burying; try again.
 */
static int join(struct moor__os_dir *dir, const struct moor__name *name, enum moor__how how,
                const struct moor__terms *terms, int *ret_fd, struct moor__os_file_info *ret_info)
{
	bool writable = !terms->read_only;
	struct moor__os_file_info info, there;
	int fd, err;

again:
	err = moor__os_file_open(dir, name->rest, writable, &fd);
	if (err) /* dead, and not ours to clear away */
		return err == MOOR_EACCES && writable && terms->read_only && how == MOOR__OPEN ? MOOR_ENOENT : err;
	MOOR_CRASH_POINT("open: opened");
	err = moor__os_file_info(fd, &info);
	if (!err)
		err = check_file(name->scope, how, terms->any_owner, &info);
	if (err)
		goto out_close;
	if (writable) {
		err = moor__os_lock_exclusive(fd, MOOR__OS_LOCK_LIFE);
		if (err == 0) {
			MOOR_CRASH_POINT("open: found dead");
			err = clear_away(dir, name, how, terms->any_owner, fd, &info);
			goto out_unlock;
		}
		if (err != MOOR_EAGAIN || terms->read_only) /* it lives again: start over */
			goto out_close;
	} else if (!moor__os_locked(fd, MOOR__OS_LOCK_LIFE)) {
		MOOR_CRASH_POINT("open: found dead");
		moor__os_file_close(fd);
		writable = true;
		goto again;
	}
	/* A burial in the way is no sign of life: who buries may be killed, and the corpse would be joined. */
	if (!moor__os_locked_shared(fd, MOOR__OS_LOCK_LIFE)) {
		err = MOOR_EAGAIN;
		goto out_close;
	}
	MOOR_CRASH_POINT("open: found alive");
	err = moor__os_lock_shared(fd, MOOR__OS_LOCK_LIFE);
	if (err)
		goto out_close;
	MOOR_CRASH_POINT("open: locked");
	err = moor__os_name_info(dir, name->rest, &there);
	if (err || !same_file(&info, &there)) {
		if (!err || err == MOOR_ENOENT)
			err = MOOR_EAGAIN;
		goto out_unlock;
	}
	if (may_be_misnamed(how, terms->any_owner, &there)) {
		err = MOOR_EACCES;
		goto out_unlock;
	}
	*ret_fd = fd;
	*ret_info = info;
	return 0;

out_unlock:
	moor__os_unlock(fd, MOOR__OS_LOCK_LIFE); /* not by close alone: a child of vfork may share the description */
out_close:
	moor__os_file_close(fd);
	return err;
}

/* If what lies under the name is the user's own, and dead: buries it. */
static void bury_if_dead(struct moor__os_dir *dir, const char *rest)
{
	struct moor__os_file_info info;
	int fd;

	if (moor__os_file_open(dir, rest, true, &fd) != 0)
		return;
	if (moor__os_file_info(fd, &info) == 0 && info.regular && info.uid == moor__os_uid() &&
	    moor__os_lock_exclusive(fd, MOOR__OS_LOCK_LIFE) == 0) {
		MOOR_CRASH_POINT("sweep: found dead");
		(void)bury(dir, rest, fd, &info);
		moor__os_unlock(fd, MOOR__OS_LOCK_LIFE);
	}
	moor__os_file_close(fd);
}

/* Gives a reference back that is held shared; whoever is last buries. */
static void leave(struct moor__os_dir *dir, const char *rest, int fd, bool writable,
                  const struct moor__os_file_info *info)
{
	moor__os_unlock(fd, MOOR__OS_LOCK_LIFE);
	MOOR_CRASH_POINT("close: unlocked");
	if (writable && moor__os_lock_exclusive(fd, MOOR__OS_LOCK_LIFE) == 0) {
		MOOR_CRASH_POINT("close: last");
		(void)bury(dir, rest, fd, info);
		moor__os_unlock(fd, MOOR__OS_LOCK_LIFE);
	}
	moor__os_file_close(fd);
	if (!writable)
		bury_if_dead(dir, rest);
}

struct sweep {
	struct moor__os_dir *dir;
	unsigned left;
};

static int sweep_one(void *arg, const char *rest)
{
	struct sweep *sweep = arg;

	if (sweep->left-- == 0)
		return 1;
	bury_if_dead(sweep->dir, rest);
	return 0;
}

/* The memory of a killed sole holder should not wait for its name to be used again: the user's own corpses go, in
 * whichever scope. */
static void sweep(unsigned names)
{
	static const enum moor__scope scopes[] = {MOOR__LOCAL, MOOR__GLOBAL};
	const int saved = errno;

	for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++) {
		struct sweep arg = {.left = names};

		if (moor__os_dir_open(scopes[i], false, &arg.dir) != 0)
			continue;
		(void)moor__os_dir_list(arg.dir, sweep_one, &arg);
		moor__os_dir_sweep_rest(arg.dir);
		moor__os_dir_close(arg.dir);
	}
	errno = saved;
}

void moor__life_sweep(void)
{
	moor__registry_lock();
	sweep(UINT_MAX);
	moor__registry_unlock();
}

/* MOOR_EACCES: it is another name's, and somebody has made a link. */
static int read_header(int fd, const struct moor__name *name, const struct moor__os_file_info *info,
                       struct moor_abi_header *ret_header)
{
	uint8_t digest[MOOR__NAME_DIGEST];
	size_t got;
	int err;

	memset(ret_header, 0, sizeof *ret_header);
	err = moor__os_file_read(fd, ret_header, sizeof *ret_header, 0, &got);
	if (!err)
		err = moor__header_check(ret_header, got < sizeof *ret_header ? got : info->size);
	if (err)
		return err;
	moor__name_digest(name, digest);
	return memcmp(ret_header->name, digest, sizeof digest) == 0 ? 0 : MOOR_EACCES;
}

static int try_join(const struct moor__name *name, enum moor__how how, const struct moor__terms *terms,
                    struct moor__object **ret_object)
{
	struct moor__os_file_info info;
	struct moor__object *object;
	struct moor__os_dir *dir;
	int fd = -1, err;

	err = moor__os_dir_open(name->scope, how != MOOR__OPEN, &dir);
	if (err)
		return err;
	err = join(dir, name, how, terms, &fd, &info);
	if (err)
		goto out_dir;
	object = malloc(sizeof *object);
	if (how == MOOR__CREATE || !object) {
		err = how == MOOR__CREATE ? MOOR_EEXIST : MOOR_ENOMEM;
		goto out_leave;
	}
	*object = (struct moor__object){.dir = dir,
	                                .name = *name,
	                                .fd = fd,
	                                .device = info.device,
	                                .inode = info.inode,
	                                .on_fork = terms->on_fork,
	                                .writable = !terms->read_only,
	                                .for_child = -1,
	                                .slot = MOOR__NO_SLOT};
	err = read_header(fd, name, &info, &object->header);
	if (!err && terms->kind && object->header.kind != terms->kind)
		err = MOOR_EKIND;
	if (err)
		goto out_leave;
	moor__registry_add(object);
	*ret_object = object;
	return 0;

out_leave:
	free(object);
	leave(dir, name->rest, fd, !terms->read_only, &info);
out_dir:
	moor__os_dir_close(dir);
	return err;
}

/* Makes the object, or the one that an earlier try made and could not publish. MOOR_CREATED, MOOR_EAGAIN, ... */
static int give_birth(const struct moor__name *name, enum moor__on_fork on_fork, const struct moor__birth *birth,
                      struct moor__object **unborn, struct moor__os_staged *staged)
{
	int err = *unborn ? 0 : moor__publish_stage(name, birth, unborn, staged);

	if (err == MOOR_ENOSPC) { /* not before what the dead have left is gone */
		moor__life_sweep();
		err = moor__publish_stage(name, birth, unborn, staged);
	}
	if (err)
		return err;
	moor__registry_lock();
	err = moor__publish(*unborn, on_fork, staged);
	if (!err)
		sweep(SWEEP_NAMES);
	moor__registry_unlock();
	if (err == MOOR_EAGAIN) { /* a file staged with a name was taken for a corpse before it was locked */
		moor__publish_discard(*unborn, staged);
		*unborn = NULL;
	}
	if (err == MOOR_EEXIST)
		return MOOR_EAGAIN; /* somebody was faster: join that one, or find that it is gone */
	return err ? err : MOOR_CREATED;
}

static int open_object(const struct moor__name *name, enum moor__how how, const struct moor__terms *terms,
                       const struct moor__birth *birth, struct moor__object **ret_object)
{
	struct moor__object *unborn = NULL;
	struct moor__os_staged staged;
	int64_t until = 0, pause = 10000;
	bool full = false;
	unsigned tries = 0;
	int err;

	for (;;) {
		moor__registry_lock();
		err = try_join(name, how, terms, ret_object);
		moor__registry_unlock();
		if (err == MOOR_ENOENT && how != MOOR__OPEN) {
			err = give_birth(name, terms->on_fork, birth, &unborn, &staged);
			if (err == MOOR_CREATED) {
				*ret_object = unborn;
				return err;
			}
			if (err == MOOR_ENOSPC && !full) { /* by the very object perhaps, that somebody has made meanwhile */
				full = true;
				continue;
			}
		}
		if (err != MOOR_EAGAIN)
			break;
		if (until && moor__os_now() > until && tries > BUSY_TRIES) { /* whoever was not let run has not tried */
			err = MOOR_EBUSY;
			break;
		}
		if (!until)
			until = moor__os_now() + BUSY_NS;
		tries++;
		pause = pause < 1000000 ? pause * 2 : pause;
		(void)moor__os_pause(pause);
	}
	if (unborn)
		moor__publish_discard(unborn, &staged);
	return err;
}

/* The creator of what it may only read gives the right to write back that it had to have. */
static int give_up_writing(struct moor__object *object)
{
	int fd, err;

	moor__registry_lock();
	err = moor__life_reopen(object, false, &fd);
	if (!err) {
		err = moor__os_lock_shared(fd, MOOR__OS_LOCK_LIFE);
		if (err) {
			moor__os_file_close(fd);
		} else {
			moor__os_unlock(object->fd, MOOR__OS_LOCK_LIFE);
			moor__os_file_close(object->fd);
			object->fd = fd;
			object->writable = false;
		}
	}
	moor__registry_unlock();
	return err;
}

int moor__life_open_on(const struct moor__name *name, enum moor__how how, const struct moor__terms *terms,
                       const struct moor__birth *birth, struct moor__object **ret_object)
{
	struct moor__object *object = NULL;
	int cancel, news, err = moor__registry_init();

	if (err)
		return err;
	cancel = moor__os_cancel_off(); /* half an object must not outlive its thread */
	news = open_object(name, how, terms, birth, &object);
	if (news == MOOR_CREATED && terms->read_only) {
		err = give_up_writing(object);
		if (err) {
			moor__life_close(object);
			news = err;
		}
	}
	moor__os_cancel_back(cancel);
	if (news >= 0)
		*ret_object = object;
	return news;
}

int moor__life_open(const struct moor__name *name, enum moor__how how, uint32_t kind, bool any_owner,
                    enum moor__on_fork on_fork, const struct moor__birth *birth, struct moor__object **ret_object)
{
	const struct moor__terms terms = {.kind = kind, .any_owner = any_owner, .on_fork = on_fork};

	return moor__life_open_on(name, how, &terms, birth, ret_object);
}

struct wanted {
	struct moor__os_dir *dir;
	struct moor__os_file_info info;
	struct moor__name *name;
	uint8_t digest[MOOR__NAME_DIGEST]; /* of the name that the file was made under */
};

static int is_wanted(void *arg, const char *rest)
{
	const struct wanted *wanted = arg;
	struct moor__os_file_info there;
	uint8_t digest[MOOR__NAME_DIGEST];

	if (moor__os_name_info(wanted->dir, rest, &there) != 0 || !same_file(&wanted->info, &there))
		return 0;
	strcpy(wanted->name->rest, rest);
	moor__name_digest(wanted->name, digest);
	return memcmp(digest, wanted->digest, sizeof digest) == 0;
}

bool moor__life_name_of(int fd, struct moor__name *ret_name)
{
	static const enum moor__scope scopes[] = {MOOR__LOCAL, MOOR__GLOBAL};
	struct wanted wanted = {.name = ret_name};
	bool found = false;
	size_t got;

	if (moor__os_file_info(fd, &wanted.info) != 0 || wanted.info.links == 0 ||
	    moor__os_file_read(fd, wanted.digest, sizeof wanted.digest, offsetof(struct moor_abi_header, name), &got) != 0 ||
	    got != sizeof wanted.digest || moor__registry_init() != 0)
		return false;
	moor__registry_lock();
	for (size_t i = 0; i < sizeof scopes / sizeof scopes[0] && !found; i++) {
		if (moor__os_dir_open(scopes[i], false, &wanted.dir) != 0)
			continue;
		ret_name->scope = scopes[i];
		found = moor__os_dir_list(wanted.dir, is_wanted, &wanted) == 1;
		moor__os_dir_close(wanted.dir);
	}
	moor__registry_unlock();
	return found;
}

int moor__life_reopen(const struct moor__object *object, bool writable, int *ret_fd)
{
	const struct moor__os_file_info mine = {.device = object->device, .inode = object->inode};
	struct moor__os_file_info there;
	int fd, err;

	err = moor__os_file_open(object->dir, object->name.rest, writable, &fd);
	if (err)
		return err;
	err = moor__os_file_info(fd, &there);
	if (!err && !same_file(&mine, &there))
		err = MOOR_ENOENT;
	if (err)
		moor__os_file_close(fd);
	else
		*ret_fd = fd;
	return err;
}

int moor__life_descriptor(const struct moor__object *object, bool writable, int *ret_fd)
{
	const int err = moor__life_reopen(object, writable, ret_fd);

	if (err != MOOR_ENOENT && err != MOOR_EACCES)
		return err;
	/* The name is gone or barred by other hands than ours; the object is not. */
	return moor__os_file_again(object->fd, writable, ret_fd);
}

int moor__life_map(const struct moor__object *object, uint64_t offset, size_t len, struct moor__os_mapping *ret_mapping,
                   void **ret_data)
{
	int fd, err;

	moor__registry_lock();
	err = moor__life_descriptor(object, true, &fd);
	if (!err) {
		err = moor__os_map(fd, offset, len, true, ret_mapping, ret_data);
		moor__os_file_close(fd);
	}
	moor__registry_unlock();
	return err;
}

void moor__life_close(struct moor__object *object)
{
	const struct moor__os_file_info info = {.device = object->device, .inode = object->inode};
	const int saved = errno;

	moor__registry_lock();
	moor__registry_remove(object);
	if (object->fd >= 0 && !object->borrowed) {
		if (object->slot != MOOR__NO_SLOT)
			moor__os_unlock(object->fd, MOOR__OS_LOCK_SLOT(object->slot));
		leave(object->dir, object->name.rest, object->fd, object->writable, &info);
	} else if (object->fd >= 0) {
		moor__os_file_close(object->fd);
	}
	moor__os_dir_close(object->dir);
	moor__registry_unlock();
	if (object->slots)
		moor__os_unmap(&object->slots_mapping);
	free(object);
	errno = saved;
}

int moor__life_look_in(struct moor__os_dir *dir, const struct moor__name *name, int *ret_fd,
                       struct moor__os_file_info *ret_info, struct moor_abi_header *ret_header)
{
	int fd, err;

	err = moor__os_file_open(dir, name->rest, false, &fd);
	if (err)
		return err;
	err = moor__os_file_info(fd, ret_info);
	if (!err)
		err = check_file(name->scope, MOOR__OPEN, false, ret_info);
	if (err == MOOR_EAGAIN)
		err = MOOR_ENOENT;
	/* Held exclusively: it is being buried. */
	if (!err && (!moor__os_locked(fd, MOOR__OS_LOCK_LIFE) || moor__os_locked_exclusive(fd, MOOR__OS_LOCK_LIFE)))
		err = MOOR_ENOENT;
	if (!err)
		err = read_header(fd, name, ret_info, ret_header);
	if (err)
		moor__os_file_close(fd);
	else
		*ret_fd = fd;
	return err;
}

int moor__life_look(const struct moor__name *name, int *ret_fd, struct moor__os_file_info *ret_info,
                    struct moor_abi_header *ret_header)
{
	struct moor__os_dir *dir;
	int err = moor__registry_init();

	if (err)
		return err;
	moor__registry_lock();
	err = moor__os_dir_open(name->scope, false, &dir);
	if (!err) {
		err = moor__life_look_in(dir, name, ret_fd, ret_info, ret_header);
		moor__os_dir_close(dir);
	}
	moor__registry_unlock();
	return err;
}
