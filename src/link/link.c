/* SPDX-License-Identifier: Apache-2.0 */
/* link.c - what both sides of a link do: the peer's end, waiting, descriptors to poll, forks, closing. */
#include "link/link.h"

#include "base/opts.h"
#include "base/slot_word.h"
#include "map/registry.h"

#include <errno.h>

#define ATTACHED MOOR__LIFE_ATTACHED
/* Until a worker has attached, the host's waits go to the system for it; in pieces, so that they can be interrupted. */
#define AWAIT_NS ((int64_t)10000000)
#define BUSY_PAUSE_NS ((int64_t)100000)

static moor_link *links;

void moor_link_opts_init(struct moor_link_opts *opts, size_t size)
{
	moor__opts_init(opts, size);
}

int moor__link_check(const struct moor_link_opts *given, struct moor_link_opts *ret_opts)
{
	const int err = moor__opts_copy(ret_opts, sizeof *ret_opts, given);

	return !err && ret_opts->flags ? MOOR_EINVAL : err;
}

int moor__link_state(const moor_link *link)
{
	return !link ? MOOR_EINVAL : moor__load_32(link->alive) ? 0 : MOOR_EFORK;
}

bool moor__link_try_lock(moor_link *link)
{
	return !moor__exchange_32(&link->busy, 1);
}

void moor__link_lock(moor_link *link)
{
	while (!moor__link_try_lock(link))
		(void)moor__os_pause(BUSY_PAUSE_NS);
}

void moor__link_unlock(moor_link *link)
{
	moor__release_32(&link->busy, 0);
}

/* ---- the peer's end ---- */

static bool has_ended(uint64_t life)
{
	return !moor__life_attached(life) && moor__life_ended(life);
}

static uint64_t end(struct moor__way *way, uint64_t known, uint64_t how)
{
	(void)moor__cas_64(&way->peer, known, how);
	return moor__acquire_64(&way->peer);
}

static bool hung_up(const moor_link *link)
{
	return moor__os_line_hung_up(&link->line, (int)moor__load_32(&link->child_fd));
}

/* At each call until it is there: what it has sent is to be received at once. A worker that has hung up may have attached
 * before, and sent. */
static uint64_t look_for_worker(struct moor__way *way, bool look)
{
	const bool gone = look && hung_up(way->link);
	uint64_t known;

	moor__link_meet(way->link);
	known = moor__acquire_64(&way->peer);
	return !known && gone ? end(way, 0, moor__life_after_death(ATTACHED)) : known;
}

static uint64_t life(void *arg, bool look)
{
	struct moor__way *way = arg;
	uint64_t known = moor__acquire_64(&way->peer);
	bool gone;

	if (!known)
		known = look_for_worker(way, look);
	if (!known || has_ended(known))
		return known;
	gone = look && hung_up(way->link);
	/* What it has said it said before it hung up. */
	if (has_ended(moor__acquire_64(&way->peer_slot->life))) /* A5 */
		return end(way, known, moor__life_after_close(ATTACHED));
	return gone ? end(way, known, moor__life_after_death(ATTACHED)) : known;
}

void moor__link_corrupt(void *way)
{
	moor_link *link = ((struct moor__way *)way)->link;

	moor__tx_stop(link->tx);
	moor__rx_stop(link->rx);
}

/* ---- waiting ---- */

static int await_worker(struct moor__way *way, int64_t ns)
{
	const int child = (int)moor__load_32(&way->link->child_fd);
	int err;

	if (moor__load_32(&way->sleeper.interrupted))
		return MOOR_EINTR;
	err = moor__os_line_await(&way->link->line, child, ns < AWAIT_NS ? ns : AWAIT_NS);
	if (!err)
		(void)life(way, true);
	return err;
}

static int do_sleep(void *sleeper, const uint32_t *word, uint32_t expected, int64_t ns)
{
	struct moor__way *way = sleeper;

	if (!moor__acquire_64(&way->peer))
		return await_worker(way, ns);
	return moor__os_sleep(&way->sleeper, word, expected, ns);
}

/* ---- the bell: the line itself ---- */

static int bell_make(void *arg, uint64_t *word, moor_os_handle *ret_fd)
{
	moor_link *link = ((struct moor__way *)arg)->link;
	int err;

	moor__link_lock(link);
	err = moor__os_line_fd(&link->line, (int)moor__load_32(&link->child_fd), ret_fd);
	moor__link_unlock(link);
	if (!err)
		moor__release_64(word, 1);
	return err;
}

static bool bell_empty(void *arg)
{
	moor__os_line_empty(&((struct moor__way *)arg)->link->line);
	return true;
}

/* There is one, as long as there is a link. */
static bool bell_hold(void *arg, uint64_t bell)
{
	(void)arg;
	(void)bell;
	return true;
}

static void bell_ring(void *arg)
{
	moor__os_line_ring(&((struct moor__way *)arg)->link->line);
}

int moor_link_fd(moor_link *link, moor_os_handle *ret_fd)
{
	const int err = ret_fd ? moor__link_state(link) : MOOR_EINVAL;

	return err ? err : moor_rx_fd(link->rx, ret_fd);
}

/* ---- life ---- */

/* In a child nothing of the parent's may be held, or its end would not be told while the child lives; but for the
 * worker's end, which the child may be meant to attach to. */
static void in_child(void)
{
	for (moor_link *link = links; link; link = link->next) {
		const int worker = link->line.worker;

		link->line.worker = -1;
		moor__os_line_close(&link->line);
		link->line.worker = worker;
		if (link->memory >= 0)
			moor__os_file_close(link->memory);
		if (link->child.fd >= 0)
			moor__os_file_close(link->child.fd);
		link->memory = link->child.fd = -1;
		*link->alive = 0;
		link->tx->state = MOOR__WIPED;
		link->tx->straight = link->tx->within = link->tx->open.end = 0;
		link->rx->state = MOOR__WIPED;
		link->rx->straight = link->rx->within = 0;
	}
}

/* Under the registry's lock. */
static int watch_forks(void)
{
	static bool watching;

	if (!watching && moor__os_at_fork(NULL, NULL, in_child) != 0)
		return MOOR_ENOMEM;
	watching = true;
	return 0;
}

int moor__link_new(bool is_host, moor_link **ret_link)
{
	void *alive, *tx, *rx;
	moor_link *link;
	int err = moor__registry_init();

	if (err)
		return err;
	moor__registry_lock();
	err = watch_forks();
	moor__registry_unlock();
	if (err)
		return err;
	link = moor__os_alloc_forked(sizeof *link, sizeof *link->alive, &alive);
	if (!link)
		return MOOR_ENOMEM;
	*link = (moor_link){.alive = alive, .is_host = is_host, .line = MOOR__OS_NO_LINE, .child_fd = (uint32_t)-1,
	                    .ops = moor__immortal_ops, .memory = -1, .child = {.fd = -1}};
	if (moor__endpoint_new(sizeof *link->tx, &tx))
		link->tx = tx;
	if (moor__endpoint_new(sizeof *link->rx, &rx))
		link->rx = rx;
	if (!link->tx || !link->rx) {
		moor__link_free(link);
		return MOOR_ENOMEM;
	}
	moor__endpoint_of(link->tx)->of_link = true;
	moor__endpoint_of(link->rx)->of_link = true;
	link->ops.life = life;
	link->ops.corrupted = moor__link_corrupt;
	link->ops.sleep = do_sleep;
	/* What a strict filter around the worker has no room for. */
	link->ops.unfenced = !is_host;
	link->ops.yield = is_host ? moor__os_yield : NULL;
	link->ops.bell_make = bell_make;
	link->ops.bell_empty = bell_empty;
	link->ops.bell_hold = bell_hold;
	link->ops.bell_ring = bell_ring;
	link->out.link = link->in.link = link;
	*ret_link = link;
	return 0;
}

int moor__link_attach(moor_link *link, void *mine, void *theirs)
{
	struct moor_abi_link *const my = mine, *const their = theirs;
	struct moor__ring_attach how = {.geometry = link->geometry,
	                                .ops = &link->ops,
	                                .pid = moor__os_pid(),
	                                .registered = moor__os_fence_register()};
	int err;

	link->my = my;
	link->their = their;
	link->out.peer_slot = &their->in.slot;
	link->in.peer_slot = &their->out.slot;
	how.consumer = &their->in;
	how.producer = &my->out;
	how.data = (unsigned char *)(my + 1);
	how.ops_arg = how.sleeper = &link->out;
	err = moor__tx_attach(link->tx, &how);
	if (err)
		return err;
	how.consumer = &my->in;
	how.producer = &their->out;
	how.data = (unsigned char *)(their + 1);
	how.ops_arg = how.sleeper = &link->in;
	err = moor__rx_attach(link->rx, &how);
	if (err)
		return err;
	moor__registry_lock();
	*link->alive = 1;
	link->next = links;
	links = link;
	moor__registry_unlock();
	return 0;
}

static void leave_list(moor_link *link)
{
	moor_link **at = &links;

	moor__registry_lock();
	while (*at && *at != link)
		at = &(*at)->next;
	if (*at)
		*at = link->next;
	moor__registry_unlock();
}

void moor__link_free(moor_link *link)
{
	const int saved = errno;

	leave_list(link);
	moor__os_line_close(&link->line);
	if (link->memory >= 0)
		moor__os_file_close(link->memory);
	if (link->child.fd >= 0)
		moor__os_file_close(link->child.fd);
	moor__os_unmap(&link->mine);
	moor__os_unmap(&link->theirs);
	if (link->tx)
		moor__endpoint_free(moor__endpoint_of(link->tx), sizeof *link->tx);
	if (link->rx)
		moor__endpoint_free(moor__endpoint_of(link->rx), sizeof *link->rx);
	moor__os_free_forked(link, sizeof *link, sizeof *link->alive);
	errno = saved;
}

moor_tx *moor_link_tx(moor_link *link)
{
	return moor__link_state(link) == 0 ? link->tx : NULL;
}

moor_rx *moor_link_rx(moor_link *link)
{
	return moor__link_state(link) == 0 ? link->rx : NULL;
}

/* It has been told; what does not end by itself in its time is ended. */
static void see_off(moor_link *link)
{
	const int64_t start = moor__os_now();
	int64_t left = link->close_timeout_ns;
	int err;

	do {
		err = moor__os_child_wait(&link->child, left);
		left = link->close_timeout_ns - (moor__os_now() - start);
	} while (err == MOOR_EINTR && left > 0);
	if (!err || err == MOOR_ESYS)
		return;
	moor__os_child_kill(&link->child);
	while (moor__os_child_wait(&link->child, MOOR_FOREVER) == MOOR_EINTR)
		;
}

void moor_link_close(moor_link *link)
{
	const int saved = errno;

	if (!link)
		return;
	if (moor__link_state(link) == 0) {
		moor__link_meet(link); /* who is there is to be woken */
		moor__tx_detach(link->tx);
		moor__rx_detach(link->rx);
		moor__os_line_hang_up(&link->line);
		if (link->spawned && !link->child.reaped)
			see_off(link);
	}
	moor__link_free(link);
	errno = saved;
}
