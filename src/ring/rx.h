/* SPDX-License-Identifier: Apache-2.0 */
/* rx.h - what the consumers of both kinds of ring share. */
#ifndef MOOR_RING_RX_H
#define MOOR_RING_RX_H

#include "ring/ring.h"

int moor__rx_corrupt(moor_rx *rx); /* MOOR_ECORRUPT, from now on */
/* moor_rx_recv, the general way. */
int moor__rx_recv_slowly(moor_rx *rx, void *buf, size_t cap, size_t *ret_len, int64_t timeout_ns);
/* Nothing published at the next unseen position: 0, or the result if nothing can come. look: ask for deaths. */
int moor__rx_over(moor_rx *rx, bool look);
/* Room that producers may be spinning for must not stay untold while nothing comes (see `head` in mooring/abi.h). */
void moor__rx_publish_head(moor_rx *rx);

#endif
