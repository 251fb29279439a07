/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.h - a link: what its two sides have in common.
 *
 * What a side knows of its peer's end it keeps for itself, a life word (base/slot_word.h) a direction: 0 until a worker
 * has attached, then attached, then closed or died for good. The word of the peer's in memory is only heeded when it says
 * that the peer has closed: to believe that can harm the peer alone.
 */
#ifndef MOOR_LINK_LINK_H
#define MOOR_LINK_LINK_H

#include "channel/endpoint.h"
#include "os/os.h"
#include "ring/ring.h"

#include <mooring/link.h>

/* One direction. The sleeper is first: what is handed in as the ring's sleeper is this. */
struct moor__way {
	struct moor__os_sleeper sleeper;
	moor_link *link;
	const struct moor_abi_slot *peer_slot;
	uint64_t peer;
};

struct moor_link {
	moor_link *next;  /* the links of this process; guarded by the registry's lock */
	uint32_t *alive;  /* 1; 0 in a forked child */
	bool is_host;
	uint32_t busy;    /* 1: a thread has to do with `line` */
	struct moor__os_line line;
	uint32_t child_fd; /* child.fd, or -1, for the other direction's thread */
	struct moor__geometry geometry;
	struct moor__ring_ops ops;
	struct moor__way out, in;
	struct moor_abi_link *my, *their; /* the memories: the other is read-only */
	struct moor__os_mapping mine, theirs;
	moor_tx *tx;
	moor_rx *rx;
	/* The host's: */
	int memory; /* the worker's, until that has attached; or -1 */
	bool met;   /* it has, or has tried to in a way that is none */
	bool spawned;
	struct moor__os_child child;
	int64_t close_timeout_ns;
};

/* An empty one, without memory: 0 or MOOR_ENOMEM. */
int moor__link_new(bool is_host, moor_link **ret_link);
/* Its rings, in memory that is mapped: 0 or MOOR_ECORRUPT. Then it is in the list. */
int moor__link_attach(moor_link *link, void *mine, void *theirs);
void moor__link_free(moor_link *link);
int moor__link_check(const struct moor_link_opts *given, struct moor_link_opts *ret_opts);

/* The worker says that it is there. For any thread; of two at a time one does nothing. */
void moor__link_meet(moor_link *link);
void moor__link_corrupt(void *way);
int moor__link_state(const moor_link *link); /* 0, MOOR_EINVAL (NULL), MOOR_EFORK */

/* Around what changes the line. try: false if another thread is at it. */
void moor__link_lock(moor_link *link);
bool moor__link_try_lock(moor_link *link);
void moor__link_unlock(moor_link *link);

#endif
