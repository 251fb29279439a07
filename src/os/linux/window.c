/* SPDX-License-Identifier: Apache-2.0 */
/* window.c - views of files: any offset, every kind of access, room to grow. */
#include "base/checked.h"
#include "os/linux/error.h"
#include "os/os.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static int map_error(void)
{
	return errno == EAGAIN ? MOOR_ENOMEM : moor__linux_error();
}

/* Shows the file from `offset` on, at `at` if that is given. */
static void *show(void *at, int fd, uint64_t offset, size_t len, unsigned how)
{
	const int prot = (how & MOOR__OS_READ ? PROT_READ : 0) | (how & MOOR__OS_WRITE ? PROT_WRITE : 0) |
	                 (how & MOOR__OS_EXECUTE ? PROT_EXEC : 0);
	const int flags = (how & MOOR__OS_PRIVATE ? MAP_PRIVATE : MAP_SHARED) | (at ? MAP_FIXED : 0);

	return mmap(at, len, prot, flags, fd, (off_t)offset);
}

int moor__os_map_window(int fd, uint64_t offset, size_t len, size_t room, unsigned how,
                        struct moor__os_mapping *ret_mapping, void **ret_data)
{
	const size_t page = page_size();
	const size_t lead = (size_t)(offset & (page - 1));
	struct moor__os_mapping mapping = {0};
	void *shown;

	if (len && !moor__add_size(len, lead, &mapping.len))
		return MOOR_ENOMEM;
	if (moor__add_size(room, lead, &mapping.room) && mapping.room > mapping.len && mapping.room <= SIZE_MAX - page) {
		mapping.room = (size_t)moor__round_up(mapping.room, page);
		mapping.base =
		    mmap(NULL, mapping.room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	}
	if (!mapping.base || mapping.base == MAP_FAILED) {
		mapping.base = NULL;
		mapping.room = 0;
	}
	if (mapping.len) {
		shown = show(mapping.base, fd, offset - lead, mapping.len, how);
		if (shown == MAP_FAILED) {
			const int err = map_error();

			if (mapping.room)
				munmap(mapping.base, mapping.room);
			return err;
		}
		mapping.base = shown;
	}
	*ret_mapping = mapping;
	*ret_data = mapping.base ? (char *)mapping.base + lead : NULL;
	return 0;
}

/* In the room that was kept: what is shown already is not touched. */
static int grow_here(int fd, uint64_t start, size_t len, unsigned how, struct moor__os_mapping *mapping)
{
	const size_t shown = (size_t)moor__round_up(mapping->len, page_size());

	if (len > shown &&
	    show((char *)mapping->base + shown, fd, start + shown, len - shown, how) == MAP_FAILED)
		return map_error();
	mapping->len = len;
	return 0;
}

static int grow_elsewhere(int fd, uint64_t start, size_t len, unsigned how, struct moor__os_mapping *mapping)
{
	void *base = mapping->len ? mremap(mapping->base, mapping->len, len, MREMAP_MAYMOVE)
	                          : show(NULL, fd, start, len, how);

	if (base == MAP_FAILED)
		return map_error();
	mapping->base = base;
	mapping->len = len;
	return 0;
}

int moor__os_map_grow(int fd, uint64_t offset, size_t len, unsigned how, struct moor__os_mapping *mapping, void **data)
{
	const size_t lead = (size_t)(offset & (page_size() - 1));
	size_t whole;
	int err;

	if (!moor__add_size(len, lead, &whole))
		return MOOR_ENOMEM;
	if (whole <= mapping->room)
		err = grow_here(fd, offset - lead, whole, how, mapping);
	else
		err = grow_elsewhere(fd, offset - lead, whole, how, mapping);
	if (!err)
		*data = (char *)mapping->base + lead;
	return err;
}

void moor__os_map_shrink(uint64_t offset, size_t len, struct moor__os_mapping *mapping, void **data)
{
	const size_t lead = (size_t)(offset & (page_size() - 1)), whole = len ? lead + len : 0;
	const size_t kept = (size_t)moor__round_up(whole, page_size());
	const size_t shown = (size_t)moor__round_up(mapping->len, page_size());
	char *end = (char *)mapping->base + kept;

	if (shown > kept && mapping->room) /* the room stays */
		(void)mmap(end, shown - kept, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	else if (shown > kept)
		munmap(end, shown - kept);
	mapping->len = whole;
	if (!whole && !mapping->room) {
		mapping->base = NULL;
		*data = NULL;
	}
}

int moor__os_map_populate(const struct moor__os_mapping *mapping, unsigned how)
{
	const bool write = (how & MOOR__OS_WRITE) && !(how & MOOR__OS_PRIVATE);

	if (!mapping->len || madvise(mapping->base, mapping->len, write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ) == 0)
		return 0;
	switch (errno) {
	case EINVAL: /* before Linux 5.14 */
		(void)madvise(mapping->base, mapping->len, MADV_WILLNEED);
		return 0;
	case EFAULT: /* where a touch would have been SIGBUS */
		return MOOR_ENOSPC;
	default:
		return map_error();
	}
}

int moor__os_map_flush(const struct moor__os_mapping *mapping)
{
	return !mapping->len || msync(mapping->base, mapping->len, MS_SYNC) == 0 ? 0 : moor__linux_error();
}
