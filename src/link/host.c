/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.c - the host's side: the memory and its seals, the worker's arrival, its process.
 *
 * A seal against writing holds for the whole memory, so it matters who maps first. What the host writes it maps, then
 * seals, then gives away. What the worker writes that must map first; the host seals it when the worker says that it has,
 * and looks at it then and not before: until then it shows itself zeroes there, and MOOR__UNMET.
 */
#include "link/link.h"

#include "base/opts.h"
#include "base/slot_word.h"

#include <errno.h>

#define CLOSE_TIMEOUT_MS 2000u
#define VARIABLE "MOORING_LINK_FD"

void moor_spawn_opts_init(struct moor_spawn_opts *opts, size_t size)
{
	moor__opts_init(opts, size);
}

static int make_memory(moor_link *link, int memory[2], void **ret_mine)
{
	const size_t size = (size_t)link->geometry.total_size;
	struct moor_abi_header header;
	uint8_t instance[16];
	int err;

	moor__os_random(instance, sizeof instance);
	header = moor__geometry_header(&link->geometry, instance);
	header.kind = MOOR_ABI_KIND_LINK;
	for (int i = 0; i < 2; i++) {
		err = moor__os_sealed_new(size, &memory[i]);
		if (!err)
			err = moor__os_file_write(memory[i], &header, sizeof header, 0);
		if (err)
			return err;
	}
	err = moor__os_map_guarded(memory[0], size, true, &link->mine, ret_mine);
	return err ? err : moor__os_seal_writes(memory[0]);
}

static int create(moor_link *link, int memory[2])
{
	void *mine, *theirs;
	int err = make_memory(link, memory, &mine);

	if (!err)
		err = moor__os_map_guarded(-1, (size_t)link->geometry.total_size, true, &link->theirs, &theirs);
	if (!err)
		err = moor__os_line_new(memory, &link->line);
	if (err)
		return err;
	((struct moor_abi_link *)theirs)->in.quiet.asleep = MOOR__UNMET;
	return moor__link_attach(link, mine, theirs);
}

int moor_link_create(const struct moor_link_opts *given, moor_link **ret_link)
{
	int memory[2] = {-1, -1}, err, cancel;
	struct moor__geometry geometry;
	struct moor_link_opts opts;
	moor_link *link;

	if (!ret_link)
		return MOOR_EINVAL;
	err = moor__link_check(given, &opts);
	if (!err)
		err = moor__geometry_of_opts(opts.capacity, opts.max_message, MOOR_SPSC, 1, opts.app_tag, &geometry);
	if (err)
		return err;
	cancel = moor__os_cancel_off();
	err = moor__link_new(true, &link);
	if (!err) {
		const uint32_t ms = opts.close_timeout_ms ? opts.close_timeout_ms : CLOSE_TIMEOUT_MS;

		link->geometry = geometry;
		link->close_timeout_ns = (int64_t)ms * 1000000;
		err = create(link, memory);
		link->memory = memory[1];
		if (memory[0] >= 0)
			moor__os_file_close(memory[0]);
		if (err)
			moor__link_free(link);
	}
	moor__os_cancel_back(cancel);
	if (!err)
		*ret_link = link;
	return err;
}

/* No page of it is looked at before all this holds. */
static int seal_theirs(moor_link *link)
{
	struct moor__os_file_info info;
	int err = moor__os_seal_writes(link->memory);

	if (!err && (!moor__os_sealed(link->memory, true, &info) || info.size != link->geometry.total_size))
		err = MOOR_ECORRUPT;
	return err ? err : moor__os_map_over(link->memory, link->their, (size_t)link->geometry.total_size);
}

void moor__link_meet(moor_link *link)
{
	int err;

	if (!link->is_host || !moor__link_try_lock(link))
		return;
	err = link->met ? MOOR_EAGAIN : moor__os_line_heard(&link->line);
	if (err != MOOR_EAGAIN) {
		const int saved = errno;

		link->met = true;
		if (!err)
			err = seal_theirs(link);
		moor__os_file_close(link->memory);
		link->memory = -1;
		if (err)
			moor__link_corrupt(&link->in);
		moor__release_64(&link->in.peer, MOOR__LIFE_ATTACHED);
		moor__release_64(&link->out.peer, MOOR__LIFE_ATTACHED);
		/* What another thread has sent meanwhile it may not have rung for: it could not see that the worker polls. */
		moor__os_line_ring(&link->line);
		errno = saved;
	}
	moor__link_unlock(link);
}

/* With the line locked: may the worker's end be given away? */
static int end_state(const moor_link *link)
{
	return link->met || link->spawned ? MOOR_EBUSY : 0;
}

static int host_state(const moor_link *link)
{
	const int err = moor__link_state(link);

	return !err && !link->is_host ? MOOR_EINVAL : err;
}

int moor_link_worker_fd(moor_link *link, int *ret_fd)
{
	int err = ret_fd ? host_state(link) : MOOR_EINVAL;

	if (err)
		return err;
	moor__link_lock(link);
	err = end_state(link);
	if (!err)
		*ret_fd = link->line.worker;
	moor__link_unlock(link);
	return err;
}

int moor_link_spawn(moor_link *link, char *const argv[], const struct moor_spawn_opts *given, int64_t *ret_pid)
{
	struct moor__os_start how = {.argv = argv, .variable = VARIABLE};
	int err = ret_pid ? host_state(link) : MOOR_EINVAL;
	struct moor_spawn_opts opts;

	if (err)
		return err;
	if (!argv || !argv[0])
		return MOOR_EINVAL;
	err = moor__opts_copy(&opts, sizeof opts, given);
	if (err || opts.flags)
		return MOOR_EINVAL;
	how.envp = opts.envp;
	how.cwd = opts.cwd;
	how.setup = opts.child_setup;
	how.arg = opts.arg;
	moor__link_lock(link);
	err = end_state(link);
	if (!err) {
		how.keep = link->line.worker;
		err = moor__os_start(&how, &link->child);
	}
	if (!err) {
		link->spawned = true;
		moor__os_file_close(link->line.worker);
		link->line.worker = -1;
		moor__os_line_watch(&link->line, link->child.fd);
		moor__store_32(&link->child_fd, (uint32_t)link->child.fd);
	}
	moor__link_unlock(link);
	if (!err)
		*ret_pid = link->child.pid;
	return err;
}

int moor_link_wait_exit(moor_link *link, int64_t timeout_ns, int *ret_status)
{
	int err = ret_status ? moor__link_state(link) : MOOR_EINVAL;

	if (err)
		return err;
	if (timeout_ns < MOOR_FOREVER || !link->spawned)
		return MOOR_EINVAL;
	err = moor__os_child_wait(&link->child, timeout_ns);
	if (!err)
		*ret_status = link->child.status;
	return err;
}

int moor_link_kill(moor_link *link)
{
	const int err = moor__link_state(link);

	if (err)
		return err;
	if (!link->spawned)
		return MOOR_EINVAL;
	moor__os_child_kill(&link->child);
	return 0;
}
