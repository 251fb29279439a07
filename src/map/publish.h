/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publish.h - born whole: an object is built in a file that nobody can see, allocated, written, locked, its creator's
 * slot taken, and only then named. Nobody ever sees half an object, and there is no state "being initialised".
 */
#ifndef MOOR_MAP_PUBLISH_H
#define MOOR_MAP_PUBLISH_H

#include "map/life.h"

/* Gives the empty file its memory, its first bytes and its rights. */
int moor__publish_fill(int fd, const struct moor__birth *birth);
/* Builds it. The object is registered, so that a child forked meanwhile lets go of it. */
int moor__publish_stage(const struct moor__name *name, const struct moor__birth *birth,
                        struct moor__object **ret_object, struct moor__os_staged *ret_staged);
/* Under the registry lock: names it. MOOR_EEXIST: the name is taken, the object waits for another try; MOOR_EAGAIN: it
 * was swept away, discard it. */
int moor__publish(struct moor__object *object, enum moor__on_fork on_fork, const struct moor__os_staged *staged);
void moor__publish_discard(struct moor__object *object, const struct moor__os_staged *staged);

#endif
