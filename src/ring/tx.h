/* SPDX-License-Identifier: Apache-2.0 */
/* tx.h - what producers of both kinds share: the consumer's position, and the wait for room. */
#ifndef MOOR_RING_TX_H
#define MOOR_RING_TX_H

#include "ring/ring.h"

int moor__tx_state_error(const moor_tx *tx); /* 0, MOOR_EFORK, MOOR_ECORRUPT */
int moor__tx_corrupt(moor_tx *tx);           /* MOOR_ECORRUPT, from now on */
void moor__tx_set_straight(moor_tx *tx);     /* after a change of what the shortest ways do not ask for */
/* moor_tx_send, the general way. */
int moor__tx_send_slowly(moor_tx *tx, const void *data, size_t len, int64_t timeout_ns);
/* Has the consumer released all before `position`? 1, 0, MOOR_ECORRUPT. */
int moor__tx_is_released(moor_tx *tx, uint64_t position);
/* May a record end at `end`? 0; MOOR_EAGAIN, or why there will be no room. */
int moor__tx_make_room(moor_tx *tx, uint64_t end);
/* The same for a call that may wait, as moor_tx_send. */
int moor__tx_await_room(moor_tx *tx, uint64_t end, int64_t timeout_ns);

#endif
