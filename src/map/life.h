/* SPDX-License-Identifier: Apache-2.0 */
/*
 * life.h - the life of a name. An object is one process's reference to one living file; it holds the file's life lock
 * shared, and the name lives as long as anybody does.
 *
 * Every moment in which a lock is held that a forked child must not inherit lies between registry_lock and
 * registry_unlock, which fork(2) waits for.
 */
#ifndef MOOR_MAP_LIFE_H
#define MOOR_MAP_LIFE_H

#include "base/name.h"
#include "os/os.h"

#include <mooring/abi.h>

/* What becomes of an object in a forked child. */
enum moor__on_fork {
	MOOR__FORK_SHARES, /* the child gets a reference of its own */
	MOOR__FORK_DROPS   /* the child lets go of it; `wiped` reads as zero there */
};

struct moor__object {
	struct moor__object *next; /* the registry; guarded by its lock, as is fd */
	struct moor__os_dir *dir;
	struct moor__name name;
	int fd; /* -1: dropped in a forked child */
	uint64_t device, inode;
	enum moor__on_fork on_fork;
	void *wiped;
	size_t wiped_len;
	bool writable;           /* fd may be written to, and so take exclusive locks */
	int for_child;           /* around a fork: what the child's fd will be; else -1 */
	bool borrowed;           /* fd is the parent's description: none of its locks are ours to give back */
	struct moor_abi_header header; /* private, checked when the object was joined or made */
	struct moor_abi_slot *slots;   /* of a map: where it shows itself; the mapping is slots_mapping */
	struct moor__os_mapping slots_mapping;
	uint32_t slot; /* held by this object, or MOOR__NO_SLOT */
	/* Of a mutex: the handle that all opens of this process share; guarded by the registry's lock. */
	void *participant;
	/* With a slot just taken, before anything else: finishes what a dead predecessor left. Or NULL. */
	void (*settle)(struct moor__object *object);
	/* In a forked child: the object has a reference and a slot of its own, as far as there are any (fd -1, borrowed,
	 * MOOR__NO_SLOT). Or NULL. */
	void (*in_child)(struct moor__object *object);
};
#define MOOR__NO_SLOT UINT32_MAX

/* What to make if the name is free. */
struct moor__birth {
	uint64_t size;     /* bytes, allocated at once */
	uint64_t total;    /* bytes in all, if that is more: what is not allocated is for later */
	const void *image; /* the first bytes: the header and what follows it; the rest is zero */
	size_t image_len;
	uint32_t mode;
	const char *acl; /* instead of the mode; or NULL */
	bool huge;       /* in huge pages, or MOOR_ENOTSUP */
	uint32_t slot; /* taken by the creator before anybody can see the object, or MOOR__NO_SLOT */
};

enum moor__how { MOOR__OPEN, MOOR__CREATE, MOOR__OPEN_OR_CREATE };

/*
 * Joins the living object of this name, or makes it. any_owner: MOOR_ANY_OWNER was given. `kind`: what a joined object
 * must be (0: whatever). Returns 0, MOOR_CREATED, or an error; see moor_map_create. The joined object has no slot yet.
 */
int moor__life_open(const struct moor__name *name, enum moor__how how, uint32_t kind, bool any_owner,
                    enum moor__on_fork on_fork, const struct moor__birth *birth, struct moor__object **ret_object);

/*
 * The same on terms. read_only: through a description that cannot write. It cannot ask by trying to lock, so it asks who
 * holds the life byte, and then shares it; it takes no slot, and what it leaves dead somebody who may write clears away.
 */
struct moor__terms {
	uint32_t kind;
	bool any_owner, read_only;
	enum moor__on_fork on_fork;
};
int moor__life_open_on(const struct moor__name *name, enum moor__how how, const struct moor__terms *terms,
                       const struct moor__birth *birth, struct moor__object **ret_object);

/* The name that leads to the file now, among those that this process may use; false if there is none. */
bool moor__life_name_of(int fd, struct moor__name *ret_name);

/* Before a shared memory that is full is said to be: buries all that the dead have left. */
void moor__life_sweep(void);

/*
 * Maps [offset, offset + len) of the object, for reading and writing. Through a description of its own, since a mapping
 * keeps its description: a child that inherits the one would keep the locks of the other for its dead parent.
 */
int moor__life_map(const struct moor__object *object, uint64_t offset, size_t len, struct moor__os_mapping *ret_mapping,
                   void **ret_data);
/* Another description of the object's file, without locks: 0, MOOR_ENOENT when the name does not lead there any more
 * (somebody has removed the file by hand), MOOR_EMFILE, ... Under the registry's lock. */
int moor__life_reopen(const struct moor__object *object, bool writable, int *ret_fd);
/* The same, and one if the name is gone, too: to make mappings through. Under the registry's lock. */
int moor__life_descriptor(const struct moor__object *object, bool writable, int *ret_fd);

/* Gives the slot and the reference back; whoever is last buries. Keeps errno. */
void moor__life_close(struct moor__object *object);

/*
 * A look at a name's file without taking part: opened read-only, header checked, alive at the moment of the look.
 * The descriptor is the caller's, for moor__os_file_close.
 */
int moor__life_look(const struct moor__name *name, int *ret_fd, struct moor__os_file_info *ret_info,
                    struct moor_abi_header *ret_header);
int moor__life_look_in(struct moor__os_dir *dir, const struct moor__name *name, int *ret_fd,
                       struct moor__os_file_info *ret_info, struct moor_abi_header *ret_header);

void moor__registry_lock(void);
void moor__registry_unlock(void);

#endif
