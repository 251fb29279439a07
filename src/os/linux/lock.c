/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock.c - open-file-description byte locks, far beyond any data. The kernel drops them when the last descriptor of the
 * description is gone, whatever way its process ends, in any pid namespace.
 */
#include "os/linux/error.h"
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>

#define LOCK_AREA ((off_t)1 << 62)

static struct flock byte_lock(uint32_t which, short type)
{
	return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = LOCK_AREA + (off_t)which, .l_len = 1};
}

static int try_lock(int fd, uint32_t which, short type)
{
	struct flock lock = byte_lock(which, type);

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	switch (errno) {
	case EACCES:
	case EAGAIN:
		return MOOR_EAGAIN;
	case EBADF: /* a write lock through a descriptor that cannot write */
		return MOOR_EACCES;
	case EINVAL:
		return MOOR_ENOTSUP;
	default:
		return moor__linux_error();
	}
}

int moor__os_lock_shared(int fd, uint32_t which)
{
	return try_lock(fd, which, F_RDLCK);
}

int moor__os_lock_exclusive(int fd, uint32_t which)
{
	return try_lock(fd, which, F_WRLCK);
}

void moor__os_unlock(int fd, uint32_t which)
{
	struct flock lock = byte_lock(which, F_UNLCK);
	const int saved = errno;

	(void)fcntl(fd, F_OFD_SETLK, &lock);
	errno = saved;
}

/* The lock that stands in the way of one of that type, or F_UNLCK. Who cannot ask (the kernel may be out of memory for
 * it) must not take anybody for dead. */
static short in_the_way(int fd, uint32_t which, short type)
{
	struct flock lock = byte_lock(which, type);
	const int saved = errno;
	const bool asked = fcntl(fd, F_OFD_GETLK, &lock) == 0;

	errno = saved;
	return asked ? lock.l_type : F_WRLCK;
}

bool moor__os_locked(int fd, uint32_t which)
{
	return in_the_way(fd, which, F_WRLCK) != F_UNLCK;
}

bool moor__os_locked_shared(int fd, uint32_t which)
{
	return in_the_way(fd, which, F_WRLCK) == F_RDLCK;
}

bool moor__os_locked_exclusive(int fd, uint32_t which)
{
	return in_the_way(fd, which, F_RDLCK) != F_UNLCK;
}
