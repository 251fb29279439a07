/* SPDX-License-Identifier: Apache-2.0 */
/* waitable.c - a side of a channel among the things that moor_wait_any and moor_wait_all wait for. */
#include "channel/endpoint.h"

static void *handle_of(const struct moor__waiting *w)
{
	const char *waitable = w->object;

	return ((const struct moor__endpoint *)(const void *)(waitable - offsetof(struct moor__endpoint, waitable)))->handle;
}

static int look_rx(struct moor__waiting *w)
{
	return moor__rx_look(handle_of(w));
}

static bool announce_rx(struct moor__waiting *w, struct moor__os_word *ret_on)
{
	return moor__rx_announce(handle_of(w), &ret_on->word, &ret_on->expected) == MOOR_EAGAIN;
}

/* In a child that a fork made meanwhile there is nothing to withdraw. */
static void end_rx(struct moor__waiting *w)
{
	moor_rx *rx = handle_of(w);

	if (rx->state == MOOR__READY)
		moor__rx_withdraw(rx);
}

static int look_tx(struct moor__waiting *w)
{
	return moor__tx_look(handle_of(w));
}

static bool announce_tx(struct moor__waiting *w, struct moor__os_word *ret_on)
{
	return moor__tx_announce(handle_of(w), &ret_on->word, &ret_on->expected) == MOOR_EAGAIN;
}

static void end_tx(struct moor__waiting *w)
{
	moor_tx *tx = handle_of(w);

	if (tx->state == MOOR__READY)
		moor__tx_withdraw(tx);
}

static const struct moor__waitable_ops rx_ops = {.take = look_rx, .announce = announce_rx, .end = end_rx};
static const struct moor__waitable_ops tx_ops = {.take = look_tx, .announce = announce_tx, .end = end_tx};

static struct moor_waitable waitable_of(void *handle, const struct moor__waitable_ops *ops)
{
	struct moor__endpoint *endpoint;

	if (!handle)
		return (struct moor_waitable){.kind = MOOR__WAITABLE_HANDED_IN};
	endpoint = moor__endpoint_of(handle);
	endpoint->waitable.ops = ops;
	endpoint->handle = handle;
	return (struct moor_waitable){.kind = MOOR__WAITABLE_HANDED_IN, .object = &endpoint->waitable};
}

struct moor_waitable moor_rx_waitable(moor_rx *rx)
{
	return waitable_of(rx, &rx_ops);
}

struct moor_waitable moor_tx_waitable(moor_tx *tx)
{
	return waitable_of(tx, &tx_ops);
}
