/* SPDX-License-Identifier: Apache-2.0 */
/* file.c - one file a name: staged unseen, published whole, opened without trust, removed. */
#include "base/checked.h"
#include "os/linux/dir.h"
#include "os/linux/error.h"
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifdef MOOR_TESTING
bool moor__linux_stage_with_name; /* tests of what older systems need */
#else
static const bool moor__linux_stage_with_name = false;
#endif

struct file_name {
	char text[sizeof MOOR__LINUX_FILE_PREFIX + MOOR_NAME_MAX];
};

static struct file_name file_name(const char *rest)
{
	struct file_name name;

	snprintf(name.text, sizeof name.text, MOOR__LINUX_FILE_PREFIX "%s", rest);
	return name;
}

struct proc_path {
	char text[32];
};

static struct proc_path proc_path(int fd)
{
	struct proc_path path;

	snprintf(path.text, sizeof path.text, "/proc/self/fd/%d", fd);
	return path;
}

void moor__os_file_close(int fd)
{
	const int saved = errno;

	close(fd);
	errno = saved;
}

/* A file without a name can be published only where /proc is mounted; without either it gets a temporary name. */
static int stage_unnamed(struct moor__os_dir *dir)
{
	int fd;

	errno = EOPNOTSUPP;
	if (moor__linux_stage_with_name)
		return -1;
	fd = moor__linux_above_streams(openat(dir->fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR));
	if (fd >= 0 && faccessat(AT_FDCWD, proc_path(fd).text, F_OK, 0) != 0) {
		close(fd);
		errno = EOPNOTSUPP;
		return -1;
	}
	return fd;
}

/* A list that the directory gives its files by default would take the bits of the group for its mask, and let in whom it
 * names. */
int moor__linux_set_mode(int fd, uint32_t mode)
{
	if (fremovexattr(fd, "system.posix_acl_access") != 0 && errno != ENODATA && errno != EOPNOTSUPP && errno != ENOSYS)
		return moor__linux_error();
	return fchmod(fd, (mode_t)mode) == 0 ? 0 : moor__linux_error();
}

int moor__os_file_stage(struct moor__os_dir *dir, uint32_t mode, struct moor__os_staged *ret_staged, int *ret_fd)
{
	struct moor__os_staged staged = {""};
	int fd = stage_unnamed(dir), err;

	if (fd < 0) {
		uint64_t unique;

		if (errno == EMFILE || errno == ENFILE || errno == ENOSPC || errno == ENOMEM)
			return moor__linux_error();
		moor__os_random(&unique, sizeof unique);
		snprintf(staged.file, sizeof staged.file, MOOR__LINUX_STAGED_PREFIX "%016llx", (unsigned long long)unique);
		fd = moor__linux_above_streams(openat(
		    dir->fd, staged.file, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR));
		if (fd < 0)
			return moor__linux_error();
	}
	err = moor__linux_set_mode(fd, mode);
	if (err) {
		moor__os_file_discard(dir, &staged);
		moor__os_file_close(fd);
		return err;
	}
	*ret_staged = staged;
	*ret_fd = fd;
	return 0;
}

int moor__os_file_publish(struct moor__os_dir *dir, const char *rest, const struct moor__os_staged *staged, int fd)
{
	const struct file_name name = file_name(rest);

	if (!*staged->file) {
		if (linkat(AT_FDCWD, proc_path(fd).text, dir->fd, name.text, AT_SYMLINK_FOLLOW) == 0)
			return 0;
		return moor__linux_error();
	}
	if (renameat2(dir->fd, staged->file, dir->fd, name.text, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EINVAL || errno == ENOSYS) { /* a file system without it: two links for a moment */
		if (linkat(dir->fd, staged->file, dir->fd, name.text, 0) == 0) {
			(void)unlinkat(dir->fd, staged->file, 0);
			return 0;
		}
	}
	return errno == ENOENT ? MOOR_EAGAIN : moor__linux_error();
}

void moor__os_file_discard(struct moor__os_dir *dir, const struct moor__os_staged *staged)
{
	const int saved = errno;

	if (*staged->file)
		(void)unlinkat(dir->fd, staged->file, 0);
	errno = saved;
}

int moor__os_file_open(struct moor__os_dir *dir, const char *rest, bool writable, int *ret_fd)
{
	const int flags = (writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	const int fd = moor__linux_above_streams(openat(dir->fd, file_name(rest).text, flags));

	if (fd < 0) {
		switch (errno) {
		case ELOOP: /* a symbolic link */
		case EISDIR:
		case ENXIO: /* a socket */
		case ENODEV:
		case ETXTBSY:
			return MOOR_EACCES;
		default:
			return moor__linux_error();
		}
	}
	*ret_fd = fd;
	return 0;
}

static struct moor__os_file_info info_of(const struct stat *st)
{
	return (struct moor__os_file_info){.device = st->st_dev,
	                                   .inode = st->st_ino,
	                                   .size = (uint64_t)st->st_size,
	                                   .links = (uint32_t)st->st_nlink,
	                                   .uid = st->st_uid,
	                                   .mode = st->st_mode & 0777,
	                                   .regular = S_ISREG(st->st_mode)};
}

int moor__os_file_info(int fd, struct moor__os_file_info *ret_info)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return moor__linux_error();
	*ret_info = info_of(&st);
	return 0;
}

int moor__os_name_info(struct moor__os_dir *dir, const char *rest, struct moor__os_file_info *ret_info)
{
	struct stat st;

	if (fstatat(dir->fd, file_name(rest).text, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return moor__linux_error();
	*ret_info = info_of(&st);
	return 0;
}

int moor__os_name_remove(struct moor__os_dir *dir, const char *rest)
{
	return unlinkat(dir->fd, file_name(rest).text, 0) == 0 ? 0 : moor__linux_error();
}

/*
 * Do not take a machine's last memory only to give it back. What the file has beyond `offset` already, from somebody who
 * was killed amid this, needs no room. (No blocks: memory without a limit of its own, or a strange file system.)
 */
static bool no_room(int fd, uint64_t offset, uint64_t len)
{
	struct statvfs vfs;
	struct stat st;
	uint64_t has, room;

	if (fstatvfs(fd, &vfs) != 0 || fstat(fd, &st) != 0)
		return false;
	has = (uint64_t)st.st_blocks * 512;
	room = vfs.f_blocks ? (uint64_t)vfs.f_bavail * vfs.f_frsize : moor__linux_memory_left();
	return len > (has > offset ? has - offset : 0) && len - (has > offset ? has - offset : 0) > room;
}

int moor__os_file_allocate_more(int fd, uint64_t offset, uint64_t len)
{
	/* In steps, since a signal makes the kernel undo the step it is in. */
	const uint64_t step = (uint64_t)64 << 20;
	const uint64_t end = offset + len;

	if (no_room(fd, offset, len))
		return MOOR_ENOSPC;
	while (offset < end) {
		const uint64_t part = end - offset < step ? end - offset : step;
		const int error = posix_fallocate(fd, (off_t)offset, (off_t)part);

		if (error && error != EINTR) {
			errno = error;
			return moor__linux_error();
		}
		if (!error)
			offset += part;
	}
	return 0;
}

int moor__os_file_allocate(int fd, uint64_t size)
{
	return moor__os_file_allocate_more(fd, 0, size);
}

int moor__os_file_extend(int fd, uint64_t size)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return moor__linux_error();
	if ((uint64_t)st.st_size >= size)
		return 0;
	if (no_room(fd, (uint64_t)st.st_size, size - (uint64_t)st.st_size))
		return MOOR_ENOSPC;
	/*
	 * First the room, beyond the end of the file, and then the length: never shorter than it is by then, since somebody
	 * else may be extending it, too. (A file system that cannot do the former does it all in the latter.)
	 */
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, st.st_size, (off_t)(size - (uint64_t)st.st_size)) != 0 &&
	    errno != EOPNOTSUPP && errno != ENOSYS && errno != EINTR)
		return moor__linux_error();
	return moor__os_file_allocate_more(fd, (uint64_t)st.st_size, size - (uint64_t)st.st_size);
}

int moor__os_file_read(int fd, void *buf, size_t len, uint64_t offset, size_t *ret_len)
{
	size_t done = 0;

	while (done < len) {
		const ssize_t got = pread(fd, (char *)buf + done, len - done, (off_t)(offset + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return moor__linux_error();
		if (got == 0)
			break;
		done += (size_t)got;
	}
	*ret_len = done;
	return 0;
}

int moor__os_file_write(int fd, const void *buf, size_t len, uint64_t offset)
{
	size_t done = 0;

	while (done < len) {
		const ssize_t put = pwrite(fd, (const char *)buf + done, len - done, (off_t)(offset + done));

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return moor__linux_error();
		done += (size_t)put;
	}
	return 0;
}
