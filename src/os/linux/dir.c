/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dir.c - where names live: Global\ directly in the (sticky) shared-memory directory, Local\ in a directory of the
 * user's own in it. Both are checked before each use. One descriptor a directory is shared by all handles; the caller
 * serialises the calls.
 */
#include "os/linux/dir.h"
#include "os/linux/error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SYSTEM_DIR "/dev/shm"

static struct moor__os_dir *dirs;

int moor__linux_above_streams(int fd)
{
	int above;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	above = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	moor__os_file_close(fd);
	return above;
}

static const char *chosen_dir(void)
{
	const char *dir = secure_getenv("MOORING_DIR");

	return dir && *dir ? dir : NULL;
}

/* Nobody but the owner, root and the sticky bit may decide what a name in it stands for. */
static bool trusted(const struct stat *st, bool chosen)
{
	if (!S_ISDIR(st->st_mode))
		return false;
	/* The system's own may belong to a user that a user namespace cannot name; its administrator put it there. */
	if (chosen && st->st_uid != 0 && st->st_uid != geteuid())
		return false;
	return !(st->st_mode & (S_IWGRP | S_IWOTH)) || (st->st_mode & S_ISVTX);
}

static int open_base(int *ret_fd, struct stat *ret_st)
{
	const char *chosen = chosen_dir();
	const int fd =
	    moor__linux_above_streams(open(chosen ? chosen : SYSTEM_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	int err;

	if (fd < 0) {
		err = moor__linux_error();
		return err == MOOR_ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENAMETOOLONG ? MOOR_EACCES : err;
	}
	if (fstat(fd, ret_st) != 0) {
		err = moor__linux_error();
		moor__os_file_close(fd);
		return err;
	}
	if (!trusted(ret_st, chosen != NULL)) {
		moor__os_file_close(fd);
		return MOOR_EACCES;
	}
	*ret_fd = fd;
	return 0;
}

/* A first name that was made under a umask which takes from the owner must not lock this user out for ever. */
static bool heal(int base, const char *own)
{
	struct stat st;

	return fstatat(base, own, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       !(st.st_mode & (S_IRWXG | S_IRWXO)) && fchmodat(base, own, S_IRWXU, 0) == 0;
}

static int open_own(int base, bool create, int *ret_fd, struct stat *ret_st)
{
	char own[32];
	int fd, err = 0;

	snprintf(own, sizeof own, "mooring-%lu", (unsigned long)geteuid());
	fd = moor__linux_above_streams(openat(base, own, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	if (fd < 0 && errno == EACCES && heal(base, own))
		fd = moor__linux_above_streams(openat(base, own, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	if (fd < 0 && errno == ENOENT && create) {
		if (mkdirat(base, own, S_IRWXU) != 0 && errno != EEXIST)
			return moor__linux_error();
		(void)heal(base, own);
		fd = moor__linux_above_streams(openat(base, own, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	}
	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP ? MOOR_EACCES : moor__linux_error();
	if (fstat(fd, ret_st) != 0)
		err = moor__linux_error();
	else if (ret_st->st_uid != geteuid() || (ret_st->st_mode & (S_IRWXG | S_IRWXO)))
		err = MOOR_EACCES;
	else if ((ret_st->st_mode & S_IRWXU) != S_IRWXU && fchmod(fd, S_IRWXU) != 0)
		err = moor__linux_error();
	if (err) {
		moor__os_file_close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

int moor__os_dir_open(enum moor__scope scope, bool create, struct moor__os_dir **ret_dir)
{
	struct moor__os_dir *dir;
	struct stat st;
	int fd, err;

	err = open_base(&fd, &st);
	if (err)
		return err;
	if (scope == MOOR__LOCAL) {
		const int base = fd;

		err = open_own(base, create, &fd, &st);
		moor__os_file_close(base);
		if (err)
			return err;
	}
	for (dir = dirs; dir; dir = dir->next) {
		if (dir->device == st.st_dev && dir->inode == st.st_ino) {
			moor__os_file_close(fd);
			dir->users++;
			*ret_dir = dir;
			return 0;
		}
	}
	dir = malloc(sizeof *dir);
	if (!dir) {
		moor__os_file_close(fd);
		return MOOR_ENOMEM;
	}
	*dir = (struct moor__os_dir){.next = dirs, .fd = fd, .device = st.st_dev, .inode = st.st_ino, .users = 1};
	dirs = dir;
	*ret_dir = dir;
	return 0;
}

void moor__os_dir_close(struct moor__os_dir *dir)
{
	struct moor__os_dir **link = &dirs;

	if (--dir->users)
		return;
	while (*link != dir)
		link = &(*link)->next;
	*link = dir->next;
	moor__os_file_close(dir->fd);
	free(dir);
}

int moor__os_dir_stat(char *path, size_t cap, uint64_t *ret_total, uint64_t *ret_free)
{
	const char *chosen = chosen_dir();
	struct statvfs vfs;
	struct stat st;
	int fd, err;

	err = open_base(&fd, &st);
	if (err)
		return err;
	if (fstatvfs(fd, &vfs) != 0)
		err = moor__linux_error();
	moor__os_file_close(fd);
	if (err)
		return err;
	snprintf(path, cap, "%s", chosen ? chosen : SYSTEM_DIR);
	*ret_total = (uint64_t)vfs.f_blocks * vfs.f_frsize;
	*ret_free = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	return 0;
}

/* A stream of its own over the directory: the shared descriptor's position is nobody's. */
static DIR *open_stream(struct moor__os_dir *dir)
{
	const int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (!stream && fd >= 0)
		moor__os_file_close(fd);
	return stream;
}

/* Starts anywhere, and goes round: who looks at a few only must not look at the same few every time. */
int moor__os_dir_list(struct moor__os_dir *dir, int (*fn)(void *arg, const char *rest), void *arg)
{
	static const char prefix[] = MOOR__LINUX_FILE_PREFIX;
	static unsigned turn;
	DIR *stream = open_stream(dir);
	const struct dirent *entry;
	size_t count = 0, skip;
	int result = 0;

	if (!stream)
		return moor__linux_error();
	while ((entry = readdir(stream)))
		count++;
	skip = count ? turn++ * 61 % count : 0;
	for (int round = 0; round < 2 && result == 0; round++) {
		size_t i = 0;

		rewinddir(stream);
		while (result == 0 && (entry = readdir(stream))) {
			const bool wanted = round == 0 ? i >= skip : i < skip;

			i++;
			if (wanted && strncmp(entry->d_name, prefix, sizeof prefix - 1) == 0 &&
			    strlen(entry->d_name + sizeof prefix - 1) <= MOOR_NAME_MAX)
				result = fn(arg, entry->d_name + sizeof prefix - 1);
		}
	}
	closedir(stream);
	return result;
}

static void remove_if_dead(struct moor__os_dir *dir, const char *file)
{
	const int fd = openat(dir->fd, file, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat mine, there;

	if (fd < 0)
		return;
	if (fstat(fd, &mine) == 0 && S_ISREG(mine.st_mode) && mine.st_uid == geteuid() &&
	    moor__os_lock_exclusive(fd, MOOR__OS_LOCK_LIFE) == 0) {
		if (fstatat(dir->fd, file, &there, AT_SYMLINK_NOFOLLOW) == 0 && there.st_dev == mine.st_dev &&
		    there.st_ino == mine.st_ino)
			(void)unlinkat(dir->fd, file, 0);
		moor__os_unlock(fd, MOOR__OS_LOCK_LIFE);
	}
	moor__os_file_close(fd);
}

void moor__os_dir_sweep_rest(struct moor__os_dir *dir)
{
	static const char staged[] = MOOR__LINUX_STAGED_PREFIX, bell[] = MOOR__LINUX_BELL_PREFIX;
	const int saved = errno;
	DIR *stream = open_stream(dir);
	const struct dirent *entry;

	if (stream) {
		while ((entry = readdir(stream)))
			if (strncmp(entry->d_name, staged, sizeof staged - 1) == 0)
				remove_if_dead(dir, entry->d_name);
			else if (strncmp(entry->d_name, bell, sizeof bell - 1) == 0)
				moor__linux_bell_remove_if_dead(dir, entry->d_name);
		closedir(stream);
	}
	errno = saved;
}
