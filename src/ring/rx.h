/* SPDX-License-Identifier: Apache-2.0 */
/* rx.h - what the consumers of both kinds of ring share. */
#ifndef MOOR_RING_RX_H
#define MOOR_RING_RX_H

#include "base/crash.h"
#include "ring/ring.h"

int moor__rx_corrupt(moor_rx *rx); /* MOOR_ECORRUPT, from now on */
/* moor_rx_recv, the general way. */
int moor__rx_recv_slowly(moor_rx *rx, void *buf, size_t cap, size_t *ret_len, int64_t timeout_ns);
/* Nothing published at the next unseen position: 0, or the result if nothing can come. look: ask for deaths. */
int moor__rx_over(moor_rx *rx, bool look);
/* From now on all up to `end` is released, for who counts; nobody has room for it yet. */
static MOOR__ALWAYS_INLINE void moor__rx_count(moor_rx *rx, struct moor_abi_consumer *me, uint64_t end, uint64_t messages,
                                                uint64_t bytes)
{
	const uint64_t turn = rx->turn;
	struct moor_abi_done *const done = (struct moor_abi_done *)((char *)me->done + turn);

	messages += rx->messages;
	rx->messages = messages;
	moor__store_64(&done->messages, messages);
	bytes += rx->bytes;
	rx->bytes = bytes;
	moor__store_64(&done->bytes, bytes);
	MOOR_CRASH_POINT("rx: counted");
	moor__release_64(&done->position, end); /* R3 */
	MOOR_CRASH_POINT("rx: released");
	rx->turn = turn ^ sizeof *done;
}

/* Room that producers may be spinning for must not stay untold while nothing comes (see `head` in mooring/abi.h). */
void moor__rx_publish_head(moor_rx *rx);

#endif
