/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bell.c - a descriptor that one process polls and others make readable: a FIFO beside a name's file.
 *
 * The listener polls an epoll descriptor, with the FIFO's reading end in it and a timer. Edge-triggered, so that what
 * has been seen to is over, a FIFO without a writer too, though the one descriptor stays. The ringer's end can read as
 * well: then a write is never one to a pipe without a reader, and raises no SIGPIPE.
 *
 * The kernel closes the ringer's end with its process: the last one to go is an edge by itself.
 */
#include "base/crash.h"
#include "os/linux/dir.h"
#include "os/linux/error.h"
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct bell_name {
	char text[64];
};

/* Of one life of one object: nobody else can have it in use, and nobody can know it before. */
static int bell_name(int of, uint64_t id, struct bell_name *ret_name, struct stat *ret_of)
{
	if (fstat(of, ret_of) != 0)
		return moor__linux_error();
	snprintf(ret_name->text, sizeof ret_name->text, MOOR__LINUX_BELL_PREFIX "%llx.%016llx",
	         (unsigned long long)ret_of->st_ino, (unsigned long long)id);
	return 0;
}

static int open_fifo(struct moor__os_dir *dir, const char *name, int flags, struct stat *ret_st)
{
	const int fd = moor__linux_above_streams(
	    openat(dir->fd, name, flags | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY));

	if (fd < 0)
		return -1;
	if (fstat(fd, ret_st) == 0 && S_ISFIFO(ret_st->st_mode))
		return fd;
	moor__os_file_close(fd);
	errno = EACCES;
	return -1;
}

static bool leads_to(struct moor__os_dir *dir, const char *name, const struct stat *st)
{
	struct stat there;

	return fstatat(dir->fd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && there.st_dev == st->st_dev &&
	       there.st_ino == st->st_ino;
}

/*
 * The rights of the file that it stands beside, as far as this user can give them: who may not open the FIFO does not
 * ring, and the timer is for that. Not for those who may only read the file: they could take the bytes away.
 */
static int give_rights(int fd, const struct stat *of)
{
	const mode_t write = of->st_mode & of->st_mode >> 1 & 0222, mode = write | write << 1;

	if (of->st_uid != geteuid() && fchown(fd, of->st_uid, of->st_gid) == 0)
		return moor__linux_set_mode(fd, mode);
	if (of->st_gid != getegid())
		(void)!fchown(fd, (uid_t)-1, of->st_gid);
	return moor__linux_set_mode(fd, mode);
}

/* The reading end, its lock held. MOOR_EAGAIN: a sweep has taken it for a corpse in the meantime. */
static int make_fifo(struct moor__os_dir *dir, const char *name, const struct stat *of, int *ret_fd)
{
	struct stat st;
	int fd, err;

	if (mkfifoat(dir->fd, name, S_IRUSR | S_IWUSR) != 0)
		return errno == EPERM || errno == EOPNOTSUPP ? MOOR_ENOTSUP : moor__linux_error();
	MOOR_CRASH_POINT("bell: made");
	(void)fchmodat(dir->fd, name, S_IRUSR | S_IWUSR, 0); /* the umask may have taken from the owner */
	fd = open_fifo(dir, name, O_RDONLY, &st);
	if (fd < 0)
		return errno == ENOENT ? MOOR_EAGAIN : moor__linux_error();
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		err = errno == EWOULDBLOCK ? MOOR_EAGAIN : moor__linux_error();
	else if (!leads_to(dir, name, &st))
		err = MOOR_EAGAIN;
	else
		err = give_rights(fd, of);
	if (err) {
		moor__os_file_close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

static int watch(int poll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};

	return epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : moor__linux_error();
}

static int listen_to(struct moor__os_bell *bell)
{
	int err;

	bell->poll = moor__linux_above_streams(epoll_create1(EPOLL_CLOEXEC));
	if (bell->poll < 0)
		return moor__linux_error();
	bell->timer = moor__linux_above_streams(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
	if (bell->timer < 0)
		return moor__linux_error();
	err = watch(bell->poll, bell->fifo);
	return err ? err : watch(bell->poll, bell->timer);
}

int moor__os_bell_make(struct moor__os_dir *dir, int of, uint64_t id, struct moor__os_bell *ret_bell)
{
	struct moor__os_bell bell = MOOR__OS_NO_BELL;
	struct bell_name name;
	struct stat st;
	int err = bell_name(of, id, &name, &st);

	if (!err)
		err = make_fifo(dir, name.text, &st, &bell.fifo);
	if (!err)
		err = listen_to(&bell);
	if (err) {
		const int saved = errno;

		if (err != MOOR_EEXIST)
			moor__os_bell_remove(dir, of, id);
		moor__os_bell_close(&bell);
		errno = saved;
		return err;
	}
	*ret_bell = bell;
	return 0;
}

int moor__os_bell_open(struct moor__os_dir *dir, int of, uint64_t id, struct moor__os_bell *ret_bell)
{
	struct bell_name name;
	struct stat st;
	int fd, err = bell_name(of, id, &name, &st);

	if (err)
		return err;
	fd = open_fifo(dir, name.text, O_RDWR, &st);
	if (fd < 0)
		return moor__linux_error();
	*ret_bell = MOOR__OS_NO_BELL;
	ret_bell->fifo = fd;
	return 0;
}

void moor__os_bell_remove(struct moor__os_dir *dir, int of, uint64_t id)
{
	const int saved = errno;
	struct bell_name name;
	struct stat st;

	if (bell_name(of, id, &name, &st) == 0)
		(void)unlinkat(dir->fd, name.text, 0);
	errno = saved;
}

void moor__os_bell_close(struct moor__os_bell *bell)
{
	const int fds[] = {bell->poll, bell->timer, bell->fifo};

	for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
		if (fds[i] >= 0)
			moor__os_file_close(fds[i]);
	*bell = MOOR__OS_NO_BELL;
}

/* Full: then it is readable already. */
void moor__os_bell_ring(const struct moor__os_bell *bell)
{
	const int cancel = moor__os_cancel_off(), saved = errno;

	(void)!write(bell->fifo, "", 1);
	errno = saved;
	moor__os_cancel_back(cancel);
}

bool moor__os_bell_empty(const struct moor__os_bell *bell)
{
	const int cancel = moor__os_cancel_off(), saved = errno;
	struct epoll_event events[2];
	char bytes[256];
	ssize_t got;
	bool held;

	(void)epoll_wait(bell->poll, events, 2, 0);
	/* What came in between and is read here came before the caller looks. What is left over is no edge any more. */
	got = read(bell->fifo, bytes, sizeof bytes);
	if (got > 0)
		got = read(bell->fifo, bytes, sizeof bytes);
	held = got < 0 && errno == EAGAIN;
	errno = saved;
	moor__os_cancel_back(cancel);
	return held;
}

void moor__os_bell_remind(const struct moor__os_bell *bell, int64_t ns)
{
	const struct itimerspec when = {
	    .it_value = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)}};

	(void)timerfd_settime(bell->timer, 0, &when, NULL);
}

/* Who listens holds the lock, and whoever has the lock may remove it. Opened for reading, which no listener notices. */
void moor__linux_bell_remove_if_dead(struct moor__os_dir *dir, const char *file)
{
	struct stat st;
	const int fd = open_fifo(dir, file, O_RDONLY, &st);

	if (fd < 0)
		return;
	if (st.st_uid == geteuid() && flock(fd, LOCK_EX | LOCK_NB) == 0 && leads_to(dir, file, &st))
		(void)unlinkat(dir->fd, file, 0);
	moor__os_file_close(fd);
}
