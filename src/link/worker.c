/* SPDX-License-Identifier: Apache-2.0 */
/* worker.c - the worker's side: what lies at its end of the line is verified, mapped, and taken. */
#include "link/link.h"

#include "base/crash.h"
#include "base/slot_word.h"
#include "map/header.h"

#include <string.h>

#define VARIABLE "MOORING_LINK_FD"

/* Type, seals, size and owner, of both; nothing in them has been looked at. */
static int verify(const int memory[2], uint32_t uid, uint64_t *ret_size)
{
	struct moor__os_file_info host, worker;

	if (!moor__os_sealed(memory[0], true, &host) || !moor__os_sealed(memory[1], false, &worker) ||
	    host.uid != uid || worker.uid != uid || host.size != worker.size || host.size <= sizeof(struct moor_abi_link))
		return MOOR_EFORMAT;
	if (host.size > SIZE_MAX)
		return MOOR_ENOMEM;
	*ret_size = host.size;
	return 0;
}

/* From a private copy of the header. */
static int read_geometry(const void *mem, uint64_t size, struct moor__geometry *ret_geometry)
{
	struct moor_abi_header header;
	int err;

	memcpy(&header, mem, sizeof header);
	if (!moor__header_is_ours(&header, sizeof header))
		return MOOR_EFORMAT;
	if (header.kind == MOOR_ABI_KIND_LINK) /* but for its kind it is a ring's */
		header.kind = MOOR_OBJ_CHANNEL;
	else if (header.byte_order == MOOR_ABI_BYTE_ORDER && header.version == MOOR_ABI_VERSION)
		return MOOR_EFORMAT;
	err = moor__header_check(&header, size);
	if (!err)
		err = moor__geometry_of_header(&header, ret_geometry);
	if (!err && (ret_geometry->data_offset != sizeof(struct moor_abi_link) || ret_geometry->total_size != size ||
	             ret_geometry->total_size - ret_geometry->data_offset != ret_geometry->capacity))
		err = MOOR_EFORMAT;
	return err;
}

static int attach_memory(moor_link *link, int fd, const int memory[2], uint32_t uid, const struct moor_link_opts *opts)
{
	void *mine, *theirs;
	uint64_t size;
	int err = verify(memory, uid, &size);

	MOOR_CRASH_POINT("attach: verified");
	if (!err)
		err = moor__os_map_guarded(memory[0], (size_t)size, false, &link->theirs, &theirs);
	if (!err)
		err = read_geometry(theirs, size, &link->geometry);
	if (!err)
		err = moor__geometry_match(&link->geometry, opts->capacity, MOOR_SPSC, opts->app_tag);
	if (err)
		return err;
	err = moor__os_map_guarded(memory[1], (size_t)size, true, &link->mine, &mine);
	if (err)
		return err == MOOR_EACCES ? MOOR_EFORMAT : err; /* sealed against that, too */
	MOOR_CRASH_POINT("attach: mapped");
	err = moor__os_line_take(fd);
	if (err)
		return err;
	MOOR_CRASH_POINT("attach: taken");
	link->in.peer = link->out.peer = MOOR__LIFE_ATTACHED;
	err = moor__link_attach(link, mine, theirs);
	MOOR_CRASH_POINT("attach: attached");
	if (!err)
		moor__os_line_hello(fd);
	MOOR_CRASH_POINT("attach: said");
	return err;
}

static int attach(int fd, const struct moor_link_opts *opts, moor_link **ret_link)
{
	int memory[2], err;
	moor_link *link;
	uint32_t uid;

	err = moor__link_new(false, &link);
	if (err)
		return err;
	err = moor__os_line_look(fd, &link->line, memory, &uid);
	if (!err) {
		MOOR_CRASH_POINT("attach: looked");
		err = attach_memory(link, fd, memory, uid, opts);
		moor__os_file_close(memory[0]);
		moor__os_file_close(memory[1]);
	}
	if (err)
		moor__link_free(link);
	else
		*ret_link = link;
	return err;
}

int moor_link_attach(int fd, const struct moor_link_opts *given, moor_link **ret_link)
{
	struct moor_link_opts opts;
	int err, cancel;

	if (!ret_link || fd < -1)
		return MOOR_EINVAL;
	err = moor__link_check(given, &opts);
	if (!err && fd == -1)
		err = moor__os_number_of(VARIABLE, &fd);
	if (err)
		return err;
	cancel = moor__os_cancel_off();
	err = attach(fd, &opts, ret_link);
	moor__os_cancel_back(cancel);
	return err;
}
