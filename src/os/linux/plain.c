/* SPDX-License-Identifier: Apache-2.0 */
/* plain.c - files that are no name's: the caller's own, those without a name at all, and descriptors from elsewhere. */
#include "os/linux/dir.h"
#include "os/linux/error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* What the errors of a path mean to one who wants a regular file. */
static int path_error(void)
{
	switch (errno) {
	case ENOTDIR:
		return MOOR_ENOENT;
	case EISDIR:
	case ENXIO: /* a socket, a FIFO without a reader */
	case ENODEV:
	case ELOOP:
		return MOOR_EINVAL;
	case ETXTBSY:
		return MOOR_EACCES;
	default:
		return moor__linux_error();
	}
}

int moor__os_path_open(const char *path, bool writable, int *ret_fd)
{
	const int flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	struct stat st;
	int fd, err;

	/* Looked at first: to open a device can do things to it. */
	if (stat(path, &st) != 0)
		return path_error();
	if (!S_ISREG(st.st_mode))
		return MOOR_EINVAL;
	fd = moor__linux_above_streams(open(path, flags));
	if (fd < 0)
		return path_error();
	err = fstat(fd, &st) != 0 ? moor__linux_error() : S_ISREG(st.st_mode) ? 0 : MOOR_EINVAL;
	if (err) {
		moor__os_file_close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

int moor__os_file_mappable(int fd)
{
	void *page = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);

	if (page == MAP_FAILED)
		return errno == ENODEV || errno == EIO || errno == EINVAL ? MOOR_EINVAL : moor__linux_error();
	munmap(page, 1);
	return 0;
}

int moor__os_path_full(const char *path, char *full, size_t cap)
{
	char *found = realpath(path, NULL);
	int err = 0;

	if (!found)
		return path_error();
	if (strlen(found) >= cap)
		err = MOOR_EINVAL;
	else
		strcpy(full, found);
	free(found);
	return err;
}

int moor__os_memory_new(uint32_t mode, int *ret_fd)
{
	const int fd = moor__linux_above_streams(memfd_create("mooring", MFD_CLOEXEC | MFD_ALLOW_SEALING));

	if (fd < 0)
		return errno == ENOSYS ? MOOR_ENOTSUP : moor__linux_error();
	if (fchmod(fd, (mode_t)mode) != 0) {
		const int err = moor__linux_error();

		moor__os_file_close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

int moor__os_memory_seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0 ? 0 : moor__linux_error();
}

int moor__os_file_may(int fd, bool *ret_writable)
{
	const int flags = fcntl(fd, F_GETFL);
	struct stat st;
	int seals;

	if (flags < 0 || (flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY || fstat(fd, &st) != 0 ||
	    !S_ISREG(st.st_mode))
		return MOOR_EINVAL;
	seals = fcntl(fd, F_GET_SEALS); /* none where there are no seals */
	*ret_writable = (flags & O_ACCMODE) == O_RDWR && (seals < 0 || !(seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)));
	return 0;
}

int moor__os_file_again(int fd, bool writable, int *ret_fd)
{
	char path[32];
	int again;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	again = moor__linux_above_streams(open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
	/* Without /proc, or the right to open what one has been given open: the same description. */
	if (again < 0 && errno != EMFILE && errno != ENFILE)
		again = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (again < 0)
		return errno == EBADF ? MOOR_EINVAL : moor__linux_error();
	*ret_fd = again;
	return 0;
}

int moor__os_file_move(int fd, int to)
{
	const int at = dup3(fd, to, O_CLOEXEC) == to ? to : fd;

	moor__os_file_close(at == to ? fd : to);
	return at;
}

int moor__os_file_set_size(int fd, uint64_t size)
{
	return ftruncate(fd, (off_t)size) == 0 ? 0 : moor__linux_error();
}

int moor__os_file_huge(int fd)
{
	const long page = sysconf(_SC_PAGESIZE);
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) != 0 || fstat(fd, &st) != 0)
		return moor__linux_error();
	/* Shared memory whose pages will be huge says so in the block size that it likes (shmem_getattr of the kernel). */
	return fs.f_type == TMPFS_MAGIC && st.st_blksize > page ? 0 : MOOR_ENOTSUP;
}

int moor__os_file_mode_set(int fd, uint32_t mode)
{
	return fchmod(fd, (mode_t)mode) == 0 ? 0 : moor__linux_error();
}
