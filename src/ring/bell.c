/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bell.c - a consumer that polls a descriptor: the bell, which a producer rings.
 *
 * To arm it is to sleep, as far as the ring knows: the same word, the same fence, the same second look (wait.c); only
 * what the publisher of the position then does is another call. What bounds every sleep is here the end of a producer,
 * which the bell tells if that holds it open, and else a reminder.
 */
#include "base/slot_word.h"
#include "ring/ring.h"

bool moor__ring_hold_bell(struct moor__ring *ring)
{
	const uint64_t bell = moor__acquire_64(&ring->consumer->quiet.bell); /* A7 */

	if (bell != ring->bell && ring->ops->bell_hold)
		ring->bell = bell && ring->ops->bell_hold(ring->ops_arg, bell) ? bell : 0;
	return ring->bell != 0;
}

void moor__ring_tell(struct moor__ring *ring, uint64_t asleep, const uint32_t *word)
{
	if (!(asleep & MOOR__ARMED))
		ring->ops->wake(word);
	else if (moor__ring_hold_bell(ring))
		ring->ops->bell_ring(ring->ops_arg);
}

void moor__ring_forget_bell(struct moor__ring *ring)
{
	uint64_t *const word = &ring->consumer->quiet.bell;
	const uint64_t bell = moor__load_64(word);

	if (!bell && !ring->bell)
		return;
	if (ring->ops->bell_forget)
		ring->ops->bell_forget(ring->ops_arg, bell);
	moor__store_64(word, 0);
}

int moor_rx_fd(moor_rx *rx, moor_os_handle *ret_fd)
{
	struct moor__ring *ring;
	int err;

	if (!rx || !ret_fd)
		return MOOR_EINVAL;
	err = moor__rx_state_error(rx);
	if (err)
		return err;
	ring = &rx->ring;
	if (!ring->ops->bell_make)
		return MOOR_ENOTSUP;
	err = ring->ops->bell_make(ring->ops_arg, &ring->consumer->quiet.bell, ret_fd); /* R7 */
	if (!err)
		ring->bell = 1; /* not read back from memory that others write: who has made it knows which one it is */
	return err;
}

int moor_rx_arm(moor_rx *rx)
{
	struct moor__ring *ring;
	bool held, moved = false;
	int err;

	if (!rx)
		return MOOR_EINVAL;
	err = moor__rx_state_error(rx);
	if (err)
		return err;
	ring = &rx->ring;
	if (!ring->bell)
		return ring->ops->bell_make ? MOOR_EINVAL : MOOR_ENOTSUP;
	held = ring->ops->bell_empty(ring->ops_arg);
	ring->next_look = 0; /* what has made it readable may have been a death */
	err = moor_rx_wait(rx, MOOR_NOWAIT);
	if (err == MOOR_EAGAIN)
		err = moor__rx_announce_armed(rx, &moved);
	if (err != MOOR_EAGAIN)
		return err ? err : MOOR_READY;
	/* Whoever holds it rings, and its end is told; whoever comes may not be able to hold it. Of many only the last's. */
	held = held && !ring->many && moor__life_attached(moor__ring_life(ring, &ring->producer->slot));
	if (ring->ops->bell_remind)
		ring->ops->bell_remind(ring->ops_arg, moved ? 1 : held ? 0 : MOOR__LOOK_ASLEEP_NS);
	return 0;
}
