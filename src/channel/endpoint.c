/* SPDX-License-Identifier: Apache-2.0 */
#include "channel/endpoint.h"

#include "map/participant.h"

#include <errno.h>

struct moor__endpoint *moor__endpoint_new(size_t handle_size, void **ret_handle)
{
	struct moor__endpoint *endpoint = moor__os_alloc_forked(sizeof *endpoint, handle_size, ret_handle);

	if (endpoint)
		endpoint->bell = MOOR__OS_NO_BELL;
	return endpoint;
}

struct moor__endpoint *moor__endpoint_of(void *handle)
{
	return moor__os_kept_of(handle, sizeof(struct moor__endpoint));
}

static bool named_alive(void *arg, uint32_t slot)
{
	return moor__slot_alive(((struct moor__endpoint *)arg)->object, slot);
}

static bool callers_alive(void *arg, uint32_t slot)
{
	const struct moor__endpoint *endpoint = arg;

	return endpoint->is_alive(endpoint->arg, slot);
}

static int do_sleep(void *sleeper, const uint32_t *word, uint32_t expected, int64_t ns)
{
	return moor__os_sleep(sleeper, word, expected, ns);
}

static bool interrupted(void *sleeper)
{
	return moor__load_32(&((struct moor__os_sleeper *)sleeper)->interrupted);
}

static bool take_interruption(void *sleeper)
{
	return interrupted(sleeper) && moor__exchange_32(&((struct moor__os_sleeper *)sleeper)->interrupted, 0);
}

static void interrupt(void *sleeper)
{
	moor__os_interrupt(sleeper);
}

#define WAIT_OPS                                                                                                       \
	.sleep = do_sleep, .interrupted = interrupted, .take_interruption = take_interruption, .interrupt = interrupt, \
	.wake = moor__os_wake, .fence_peers = moor__os_fence_peers, .now = moor__os_now,                               \
	.now_coarse = moor__os_now_coarse, .cpu = moor__os_cpu

static const struct moor__ring_ops named_ops = {.alive = named_alive,
                                                .yield = moor__os_yield,
                                                WAIT_OPS,
                                                .bell_make = moor__bell_make,
                                                .bell_empty = moor__bell_empty,
                                                .bell_remind = moor__bell_remind,
                                                .bell_forget = moor__bell_forget,
                                                .bell_hold = moor__bell_hold,
                                                .bell_ring = moor__bell_ring};
static const struct moor__ring_ops callers_ops = {.alive = callers_alive, .yield = moor__os_yield, WAIT_OPS};
const struct moor__ring_ops moor__immortal_ops = {WAIT_OPS};

int moor__endpoint_attach(struct moor__endpoint *endpoint, void *handle, uint32_t slot, void *mem,
                          const struct moor__geometry *geometry)
{
	struct moor__ring_attach how = {.ops = endpoint->object     ? &named_ops
	                                       : endpoint->is_alive ? &callers_ops
	                                                            : &moor__immortal_ops,
	                                .slot = slot,
	                                .ops_arg = endpoint,
	                                .sleeper = &endpoint->sleeper,
	                                .pid = moor__os_pid(),
	                                .registered = moor__os_fence_register()};

	moor__ring_places(mem, geometry, &how);
	if (slot == MOOR__CONSUMER)
		return moor__rx_attach(handle, &how);
	return moor__tx_attach(handle, &how);
}

void moor__endpoint_free(struct moor__endpoint *endpoint, size_t handle_size)
{
	const int saved = errno;

	if (endpoint->object) {
		moor__registry_lock();
		moor__os_bell_close(&endpoint->bell);
		moor__registry_unlock();
		moor__life_close(endpoint->object);
	}
	if (endpoint->mapping.base)
		moor__os_unmap(&endpoint->mapping);
	moor__os_free_forked(endpoint, sizeof *endpoint, handle_size);
	errno = saved;
}
