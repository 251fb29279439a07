/* SPDX-License-Identifier: Apache-2.0 */
/* enumerate.c - looks at names and at who takes part, which disturb nobody: no lock is taken. */
#include "base/checked.h"
#include "base/opts.h"
#include "base/slot_word.h"
#include "map/life.h"
#include "map/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The slots of a looked-at object, one after the other: fn with each live one, until it returns non-zero. */
static int each_live_slot(int fd, const struct moor_abi_header *header,
                          int (*fn)(void *arg, uint32_t slot, const struct moor_abi_slot *record), void *arg)
{
	int result = 0;

	for (uint32_t i = 0; i < header->slot_count && !result; i++) {
		const uint64_t offset = header->slots_offset + (uint64_t)i * header->slot_size;
		struct moor_abi_slot record;
		size_t got;

		result = moor__os_file_read(fd, &record, sizeof record, offset, &got);
		if (!result && got == sizeof record && moor__life_attached(record.life) &&
		    moor__os_locked_exclusive(fd, MOOR__OS_LOCK_SLOT(i)))
			result = fn(arg, i, &record);
	}
	return result;
}

static int count_slot(void *arg, uint32_t slot, const struct moor_abi_slot *record)
{
	(void)slot;
	(void)record;
	++*(uint32_t *)arg;
	return 0;
}

struct found {
	struct found *next;
	struct moor_name_info info;
	char name[sizeof "Global\\" + MOOR_NAME_MAX];
};

struct search {
	struct moor__os_dir *dir;
	enum moor__scope scope;
	struct found **end;
};

static int collect(void *arg, const char *rest)
{
	struct search *search = arg;
	struct moor__os_file_info info;
	struct moor__name name = {.scope = search->scope};
	struct moor_abi_header header;
	struct found *found;
	int fd, err;

	strcpy(name.rest, rest);
	err = moor__life_look_in(search->dir, &name, &fd, &info, &header);
	if (err) /* dead, foreign or strange: no name of ours; only our own lack of means ends the search */
		return err == MOOR_EMFILE || err == MOOR_ENFILE || err == MOOR_ENOMEM ? err : 0;
	found = calloc(1, sizeof *found);
	if (!found) {
		moor__os_file_close(fd);
		return MOOR_ENOMEM;
	}
	snprintf(found->name, sizeof found->name, "%s\\%s", search->scope == MOOR__LOCAL ? "Local" : "Global", rest);
	found->info = (struct moor_name_info){.struct_size = sizeof found->info,
	                                      .kind = header.kind,
	                                      .name = found->name,
	                                      .size = header.data_size,
	                                      .uid = info.uid,
	                                      .mode = info.mode};
	err = each_live_slot(fd, &header, count_slot, &found->info.participants);
	moor__os_file_close(fd);
	*search->end = found;
	search->end = &found->next;
	return err;
}

int moor_enumerate(moor_enumerate_fn *fn, void *arg)
{
	static const enum moor__scope scopes[] = {MOOR__LOCAL, MOOR__GLOBAL};
	struct found *all = NULL, *found;
	struct search search = {.end = &all};
	int err;

	if (!fn)
		return MOOR_EINVAL;
	err = moor__registry_init();
	/* First look, then tell: fn may call anything. */
	for (size_t i = 0; i < sizeof scopes / sizeof scopes[0] && !err; i++) {
		search.scope = scopes[i];
		moor__registry_lock();
		err = moor__os_dir_open(search.scope, false, &search.dir);
		if (!err) {
			err = moor__os_dir_list(search.dir, collect, &search);
			moor__os_dir_close(search.dir);
		} else if (err == MOOR_ENOENT) {
			err = 0; /* this user never had a name */
		}
		moor__registry_unlock();
	}
	for (found = all; found && !err; found = found->next)
		err = fn(&found->info, arg);
	while (all) {
		found = all;
		all = all->next;
		free(found);
	}
	return err;
}

struct visit {
	moor_participants_fn *fn;
	void *arg;
	uint32_t kind;
};

static int visit_slot(void *arg, uint32_t slot, const struct moor_abi_slot *record)
{
	const struct visit *visit = arg;
	struct moor_participant_info info = {.struct_size = sizeof info, .slot = slot, .pid = record->pid};

	if (visit->kind != MOOR_OBJ_CHANNEL)
		info.role = MOOR_ROLE_HOLDER;
	else
		info.role = slot == 0 ? MOOR_ROLE_CONSUMER : MOOR_ROLE_PRODUCER;
	return visit->fn(&info, visit->arg);
}

int moor_participants(const char *text, moor_participants_fn *fn, void *arg)
{
	struct visit visit = {.fn = fn, .arg = arg};
	struct moor__os_file_info info;
	struct moor_abi_header header;
	struct moor__name name;
	int fd, err, cancel;

	if (!fn)
		return MOOR_EINVAL;
	err = moor__name_parse(text, &name);
	if (err)
		return err;
	cancel = moor__os_cancel_off();
	err = moor__life_look(&name, &fd, &info, &header);
	if (!err) {
		visit.kind = header.kind;
		err = each_live_slot(fd, &header, visit_slot, &visit);
		moor__os_file_close(fd);
	}
	moor__os_cancel_back(cancel);
	return err;
}

int moor_shm_stat(struct moor_shm_info *ret_info)
{
	struct moor_shm_info info = {0};
	int err, cancel;

	if (!ret_info)
		return MOOR_EINVAL;
	cancel = moor__os_cancel_off();
	err = moor__os_dir_stat(info.directory, sizeof info.directory, &info.total_bytes, &info.free_bytes);
	moor__os_cancel_back(cancel);
	return err ? err : moor__info_copy(ret_info, &info, sizeof info);
}
