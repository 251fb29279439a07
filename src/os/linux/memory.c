/* SPDX-License-Identifier: Apache-2.0 */
/* memory.c - private memory, and windows on files. */
#include "base/checked.h"
#include "os/linux/dir.h"
#include "os/linux/error.h"
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

uint64_t moor__linux_memory_left(void)
{
	static const char *const parts[] = {"MemAvailable:", "SwapFree:"};
	uint64_t left = 0;
	char text[4096];
	ssize_t got;
	const int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return UINT64_MAX;
	got = read(fd, text, sizeof text - 1);
	moor__os_file_close(fd);
	text[got > 0 ? got : 0] = 0;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		const char *found = strstr(text, parts[i]);

		if (!found)
			return UINT64_MAX;
		left += strtoull(found + strlen(parts[i]), NULL, 10) * 1024;
	}
	return left;
}

void *moor__os_alloc(size_t len)
{
	void *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

void moor__os_free(void *mem, size_t len)
{
	if (mem)
		munmap(mem, len);
}

static size_t whole_pages(size_t len)
{
	return (size_t)moor__round_up(len, (uint64_t)sysconf(_SC_PAGESIZE));
}

void *moor__os_alloc_forked(size_t kept, size_t wiped, void **ret_wiped)
{
	char *mem = moor__os_alloc(whole_pages(kept) + whole_pages(wiped));

	if (!mem)
		return NULL;
	/* Before Linux 4.14 there is no such advice; fork(2) is then covered by the handler alone. */
	(void)madvise(mem + whole_pages(kept), whole_pages(wiped), MADV_WIPEONFORK);
	*ret_wiped = mem + whole_pages(kept);
	return mem;
}

void *moor__os_kept_of(void *wiped, size_t kept)
{
	return (char *)wiped - whole_pages(kept);
}

void moor__os_free_forked(void *mem, size_t kept, size_t wiped)
{
	moor__os_free(mem, whole_pages(kept) + whole_pages(wiped));
}

int moor__os_map(int fd, uint64_t offset, size_t len, bool writable, struct moor__os_mapping *ret_mapping,
                 void **ret_data)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	const uint64_t start = offset & ~(page - 1);
	struct moor__os_mapping mapping = {0};

	if (!moor__add_size(len, (size_t)(offset - start), &mapping.len))
		return MOOR_ENOMEM;
	mapping.base = mmap(NULL, mapping.len, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, fd, (off_t)start);
	if (mapping.base == MAP_FAILED)
		return errno == EAGAIN ? MOOR_ENOMEM : moor__linux_error();
	*ret_mapping = mapping;
	*ret_data = (char *)mapping.base + (offset - start);
	return 0;
}

void moor__os_unmap(const struct moor__os_mapping *mapping)
{
	if (mapping->base)
		munmap(mapping->base, mapping->room ? mapping->room : mapping->len);
}
