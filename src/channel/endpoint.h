/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint.h - what stands behind a moor_tx or moor_rx: its memory, and what keeps that memory and its role alive.
 *
 * The handle itself lies in memory that a fork wipes, so that a child's calls find no state, without a check on the hot
 * path of their own (MOOR__WIPED is zero). What close needs lies beside it, and is kept.
 */
#ifndef MOOR_CHANNEL_ENDPOINT_H
#define MOOR_CHANNEL_ENDPOINT_H

#include "map/life.h"
#include "os/os.h"
#include "ring/ring.h"
#include "sync/waitset.h"

struct moor__endpoint {
	struct moor__object *object; /* of a named channel; NULL over the caller's memory */
	struct moor__os_mapping mapping;
	bool (*is_alive)(void *arg, uint32_t slot); /* over the caller's memory */
	void *arg;
	struct moor__os_sleeper sleeper;
	struct moor__waitable waitable; /* what a moor_waitable of it points to */
	void *handle;
	bool of_link; /* which closes it */
	struct moor__os_bell bell; /* of a named channel: the consumer's own, or the one that the producer holds */
	uint64_t bell_id;          /* of the consumer's own; 0: none */
	bool reminded;
};

/* How any side waits, where nobody dies. */
extern const struct moor__ring_ops moor__immortal_ops;

/* A side's handle, zero; NULL: no memory. handle_size is sizeof(moor_tx) or sizeof(moor_rx). */
struct moor__endpoint *moor__endpoint_new(size_t handle_size, void **ret_handle);
struct moor__endpoint *moor__endpoint_of(void *handle);
/* Attaches the side of the slot to the ring at mem. */
int moor__endpoint_attach(struct moor__endpoint *endpoint, void *handle, uint32_t slot, void *mem,
                          const struct moor__geometry *geometry);
/* See moor__ring_ops; of a named channel's. in_child: the object's. */
int moor__bell_make(void *arg, uint64_t *word, moor_os_handle *ret_fd);
bool moor__bell_empty(void *arg);
void moor__bell_remind(void *arg, int64_t ns);
void moor__bell_forget(void *arg, uint64_t bell);
bool moor__bell_hold(void *arg, uint64_t bell);
void moor__bell_ring(void *arg);
void moor__bell_in_child(struct moor__object *object);

/* Frees the handle and all that it holds, the name's reference included. */
void moor__endpoint_free(struct moor__endpoint *endpoint, size_t handle_size);

#endif
