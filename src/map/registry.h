/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry.h - the objects of this process, and what fork(2) does to them: a child shares its parent's open-file
 * descriptions, and an unlock in the child would drop the parent's lock; a plain close does not. So the child opens
 * descriptions of its own for what it may go on using, and only closes the inherited ones.
 */
#ifndef MOOR_MAP_REGISTRY_H
#define MOOR_MAP_REGISTRY_H

#include "map/life.h"

int moor__registry_init(void); /* before the first use; 0 or MOOR_ENOMEM */
void moor__registry_add(struct moor__object *object);    /* under the lock */
void moor__registry_remove(struct moor__object *object); /* under the lock */
void moor__registry_each(void (*fn)(struct moor__object *object)); /* under the lock */
/*
 * Under the lock: another object of this process on the same file, with a participant or a slot, which its creator has
 * before it has a participant, and not dropped; NULL: there is none.
 */
struct moor__object *moor__registry_same_file(const struct moor__object *object);

#endif
