/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpsc.h - a ring of many producers, for the calls that are the same for both kinds of ring.
 *
 * A claim is announced, then made by one compare-and-swap of the claim word, then marked in the header of its first
 * line, then written, then committed by that header. Nobody waits for another's commit; the order of claims is the order
 * of delivery. doc/design.md, "Many producers", has the why.
 */
#ifndef MOOR_RING_MPSC_H
#define MOOR_RING_MPSC_H

#include "ring/claim.h"
#include "ring/ring.h"

/* As the calls of the same names; no pointer is NULL, and the timeout is good, but send and recv look at that. */
int moor__mpsc_reserve(moor_tx *tx, size_t len, void **ret_data);
void moor__mpsc_commit(moor_tx *tx, size_t len); /* of the open reservation, that or less */
void moor__mpsc_cancel(moor_tx *tx);             /* likewise */
int moor__mpsc_send(moor_tx *tx, const void *data, size_t len, int64_t timeout_ns); /* up to short_max bytes */
int moor__mpsc_sendv(moor_tx *tx, const struct moor_iov *iov, size_t n, size_t len, int64_t timeout_ns);
int moor__mpsc_wait(moor_tx *tx, size_t len, int64_t timeout_ns);
/* What a drain waits for: where all ends that has been claimed, and can be received while this handle's reservation is
 * open. 0 or MOOR_ECORRUPT. */
int moor__mpsc_tail(moor_tx *tx, uint64_t *ret_position);
/* Where a message of len bytes would end now. 0 or MOOR_ECORRUPT. */
int moor__mpsc_end_of(moor_tx *tx, size_t len, uint64_t *ret_end);

/*
 * Takes the slot, whose lock is held, if there is one: 0; MOOR_EBUSY: somebody is there, or the ring has not yet passed
 * what a dead predecessor may have claimed.
 */
int moor__mpsc_enter(moor_tx *tx, uint32_t pid);
void moor__mpsc_leave(moor_tx *tx);

/* The next unseen record, with all that is passed over before it; as rx.c's find. */
int moor__mpsc_find(moor_rx *rx, struct moor__found *ret_found);
int moor__mpsc_recv(moor_rx *rx, void *buf, size_t cap, size_t *ret_len, int64_t timeout_ns); /* as the call */
/* The shortest way of that: false if it is not so simple, and nothing has changed. */
bool moor__mpsc_recv_straight(moor_rx *rx, void *buf, size_t cap, size_t *ret_len);
/* Passes over what is padding, a lap at most. 0 or MOOR_ECORRUPT. */
int moor__mpsc_pass_padding(moor_rx *rx);
/* Gives back all up to `end`. */
void moor__mpsc_release(moor_rx *rx, uint64_t end, uint64_t messages, uint64_t bytes);
/* Clears what a dead predecessor has counted as released and perhaps not cleared. */
void moor__mpsc_clear(moor_rx *rx, uint64_t from, uint64_t to);
/* Wakes the producers that sleep for room that there is, or all of them. */
void moor__mpsc_wake(moor_rx *rx, bool all);

/* The producers, from all their slots. look: whoever is attached is asked for being alive, and counted if it is dead;
 * then a dead one's claim at `position` is made padding. */
struct moor__lives moor__mpsc_lives(moor_rx *rx, uint64_t position, bool look);

#endif
