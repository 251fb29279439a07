/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line.c - sealed memory, and what passes between a host and its worker besides it.
 *
 * The host leaves one packet ready at the worker's end of a socket: the two memories, the worker's end of the bell, the
 * host's door. The worker looks at it there, and takes it when all is well: so a failed attach can be tried again, and of
 * two only one succeeds, by the kernel's word. Then it says hello, once.
 *
 * A description that two processes share is non-blocking only as long as both leave it so. So the host never reads or
 * writes one that the worker has: its bell and control ends are its own, and of the door it is told by epoll, at its
 * edges, without a read. The worker, which has no quarrel with its host, reads and writes: read and write are all that a
 * strict filter need let it do.
 */
#include "base/checked.h"
#include "os/linux/dir.h"
#include "os/linux/error.h"
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u /* since Linux 6.3 */
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 16
#endif

#define SEALS_LENGTH (F_SEAL_SHRINK | F_SEAL_GROW)
#define SEALS_FINAL (SEALS_LENGTH | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

enum { HOST_MEMORY, WORKER_MEMORY, BELL, DOOR, OFFERED };

static const char offer[16] = "mooring link 1";
static const char hello[8] = "hello 1";

/* ---- sealed memory ---- */

int moor__os_sealed_new(uint64_t size, int *ret_fd)
{
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create("mooring-link", flags | MFD_NOEXEC_SEAL), err;

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("mooring-link", flags);
	fd = moor__linux_above_streams(fd);
	if (fd < 0)
		return errno == ENOSYS ? MOOR_ENOTSUP : moor__linux_error();
	err = moor__os_file_allocate(fd, size);
	if (!err && fcntl(fd, F_ADD_SEALS, SEALS_LENGTH) != 0)
		err = moor__linux_error();
	if (err) {
		moor__os_file_close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

int moor__os_seal_writes(int fd)
{
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) == 0)
		return 0;
	return errno == EINVAL ? MOOR_ENOTSUP : moor__linux_error();
}

bool moor__os_sealed(int fd, bool final, struct moor__os_file_info *ret_info)
{
	const int wanted = final ? SEALS_FINAL : SEALS_LENGTH, seals = fcntl(fd, F_GET_SEALS);

	/* Only memory has seals. Of a file in a tmpfs there is F_SEAL_SEAL alone. */
	return seals >= 0 && (seals & wanted) == wanted && moor__os_file_info(fd, ret_info) == 0 && ret_info->regular;
}

int moor__os_map_guarded(int fd, size_t len, bool writable, struct moor__os_mapping *ret_mapping, void **ret_data)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const int flags = fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
	struct moor__os_mapping mapping;
	char *data;

	if (len > SIZE_MAX - 3 * page)
		return MOOR_ENOMEM;
	mapping.len = mapping.room = (size_t)moor__round_up(len, page) + 2 * page;
	mapping.base = mmap(NULL, mapping.room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mapping.base == MAP_FAILED)
		return moor__linux_error();
	data = mmap((char *)mapping.base + page, len, PROT_READ | (writable ? PROT_WRITE : 0), flags | MAP_FIXED, fd, 0);
	if (data == MAP_FAILED) {
		const int err = moor__linux_error();

		munmap(mapping.base, mapping.room);
		return err;
	}
	*ret_mapping = mapping;
	*ret_data = data;
	return 0;
}

int moor__os_map_over(int fd, void *data, size_t len)
{
	return mmap(data, len, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED ? moor__linux_error() : 0;
}

/* ---- the line ---- */

static int pair(int ends[2])
{
	int made[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, made) != 0)
		return moor__linux_error();
	for (int i = 0; i < 2; i++) {
		ends[i] = moor__linux_above_streams(made[i]);
		if (ends[i] < 0) {
			const int err = moor__linux_error();

			for (int j = 0; j < 2; j++)
				moor__os_file_close(j < i ? ends[j] : j > i ? made[j] : -1);
			return err;
		}
	}
	return 0;
}

union control_buffer {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(sizeof(int) * OFFERED)];
};

static int leave_offer(int end, const int offered[OFFERED])
{
	char said[sizeof offer];
	struct iovec iov = {.iov_base = said, .iov_len = sizeof said};
	union control_buffer control = {0};
	struct msghdr msg = {.msg_iov = &iov,
	                     .msg_iovlen = 1,
	                     .msg_control = control.bytes,
	                     .msg_controllen = sizeof control.bytes};
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	memcpy(said, offer, sizeof said);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int) * OFFERED);
	memcpy(CMSG_DATA(head), offered, sizeof(int) * OFFERED);
	return sendmsg(end, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof offer ? 0 : moor__linux_error();
}

int moor__os_line_new(const int memory[2], struct moor__os_line *ret_line)
{
	struct moor__os_line line = MOOR__OS_NO_LINE;
	int ends[2] = {-1, -1}, bells[2] = {-1, -1};
	int err = pair(ends);

	if (!err) {
		line.control = ends[0];
		line.worker = ends[1];
		err = pair(bells);
	}
	if (!err) {
		line.bell = bells[0];
		line.door = moor__linux_above_streams(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
		err = line.door < 0 ? moor__linux_error() : 0;
	}
	if (!err) {
		const int offered[OFFERED] = {memory[0], memory[1], bells[1], line.door};

		err = leave_offer(line.control, offered);
	}
	if (bells[1] >= 0)
		moor__os_file_close(bells[1]);
	if (err) {
		moor__os_line_close(&line);
		return err;
	}
	*ret_line = line;
	return 0;
}

static int end_error(void)
{
	switch (errno) {
	case EAGAIN:
		return MOOR_EBUSY;
	case EBADF:
	case ENOTSOCK:
		return MOOR_EINVAL;
	case ENOTCONN:
	case ECONNRESET:
		return MOOR_ECLOSED;
	default:
		return moor__linux_error();
	}
}

static void close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		moor__os_file_close(fds[i]);
}

/* The descriptors that came along, however many and of whatever kind; all of them are closed but the right ones. */
static int take_fds(struct msghdr *msg, int fds[OFFERED])
{
	size_t count = 0;
	bool too_many = msg->msg_flags & MSG_CTRUNC;

	for (struct cmsghdr *head = CMSG_FIRSTHDR(msg); head; head = CMSG_NXTHDR(msg, head)) {
		const size_t here = head->cmsg_type == SCM_RIGHTS && head->cmsg_level == SOL_SOCKET
		                        ? (head->cmsg_len - CMSG_LEN(0)) / sizeof(int)
		                        : 0;

		for (size_t i = 0; i < here; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
			if (count < OFFERED)
				fds[count++] = fd;
			else {
				moor__os_file_close(fd);
				too_many = true;
			}
		}
	}
	if (count == OFFERED && !too_many)
		return 0;
	close_all(fds, count);
	/* The kernel cuts them off, too, where this process can have no more. */
	return too_many && count < OFFERED ? MOOR_EMFILE : MOOR_EFORMAT;
}

static bool is_bell(int fd)
{
	int type;
	socklen_t len = sizeof type;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET;
}

/* It is no file at all. */
static bool is_door(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && !(st.st_mode & S_IFMT);
}

/* The standard streams are not for these. */
static int above_streams(int fds[OFFERED])
{
	for (size_t i = 0; i < OFFERED; i++) {
		fds[i] = moor__linux_above_streams(fds[i]);
		if (fds[i] < 0) {
			const int err = moor__linux_error();

			close_all(fds, i);
			close_all(fds + i + 1, OFFERED - i - 1);
			return err;
		}
	}
	return 0;
}

int moor__os_line_look(int fd, struct moor__os_line *ret_line, int ret_memory[2], uint32_t *ret_uid)
{
	char said[sizeof offer + 1];
	struct iovec iov = {.iov_base = said, .iov_len = sizeof said};
	union control_buffer control;
	struct msghdr msg = {.msg_iov = &iov,
	                     .msg_iovlen = 1,
	                     .msg_control = control.bytes,
	                     .msg_controllen = sizeof control.bytes};
	struct ucred peer = {0};
	socklen_t len = sizeof peer;
	int fds[OFFERED], err;
	ssize_t got;

	got = recvmsg(fd, &msg, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got < 0)
		return end_error();
	if (got == 0 && msg.msg_controllen == 0)
		return MOOR_ECLOSED;
	err = take_fds(&msg, fds);
	if (got != (ssize_t)sizeof offer || memcmp(said, offer, sizeof offer) != 0) {
		if (!err)
			close_all(fds, OFFERED);
		return MOOR_EFORMAT;
	}
	if (err)
		return err;
	err = above_streams(fds);
	if (err)
		return err;
	if (!is_bell(fds[BELL]) || !is_door(fds[DOOR]) || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
		close_all(fds, OFFERED);
		return MOOR_EFORMAT;
	}
	*ret_line = MOOR__OS_NO_LINE;
	ret_line->bell = fds[BELL];
	ret_line->door = fds[DOOR];
	ret_memory[0] = fds[HOST_MEMORY];
	ret_memory[1] = fds[WORKER_MEMORY];
	*ret_uid = peer.uid;
	return 0;
}

int moor__os_line_take(int fd)
{
	char said[sizeof offer];
	const ssize_t got = recv(fd, said, sizeof said, MSG_DONTWAIT);

	return got > 0 ? 0 : got == 0 ? MOOR_ECLOSED : end_error();
}

void moor__os_line_hello(int fd)
{
	(void)send(fd, hello, sizeof hello, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void watch(int poll, int fd, uint32_t events, int how)
{
	struct epoll_event event = {.events = events};

	(void)epoll_ctl(poll, how, fd, &event);
}

int moor__os_line_heard(struct moor__os_line *line)
{
	char said[sizeof hello + 1];
	const ssize_t got = recv(line->control, said, sizeof said, MSG_DONTWAIT); /* no room for descriptors: none comes */

	if (got < 0)
		return MOOR_EAGAIN;
	if (line->poll >= 0 && !line->silent)
		watch(line->poll, line->control, 0, EPOLL_CTL_DEL);
	line->silent = true;
	if (got == 0) /* or nothing was said: whether nobody is there any more the bell tells */
		return MOOR_EAGAIN;
	line->heard = true;
	if (line->worker >= 0)
		moor__os_file_close(line->worker);
	line->worker = -1;
	return got == (ssize_t)sizeof hello && memcmp(said, hello, sizeof hello) == 0 ? 0 : MOOR_ECORRUPT;
}

bool moor__os_line_hung_up(const struct moor__os_line *line, int child)
{
	struct pollfd on[] = {{.fd = line->bell}, {.fd = child, .events = POLLIN}};
	const int saved = errno, cancel = moor__os_cancel_off();
	const int ready = poll(on, child >= 0 ? 2 : 1, 0);

	moor__os_cancel_back(cancel);
	errno = saved;
	return ready > 0 && ((on[0].revents & (POLLHUP | POLLERR)) || on[1].revents);
}

int moor__os_line_await(const struct moor__os_line *line, int child, int64_t ns)
{
	struct pollfd on[] = {{.fd = line->silent ? -1 : line->control, .events = POLLIN},
	                      {.fd = line->bell},
	                      {.fd = child, .events = POLLIN}};
	const struct timespec ts = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
	const int cancel = moor__os_cancel_off();
	const int ready = ppoll(on, child >= 0 ? 3 : 2, &ts, NULL);

	moor__os_cancel_back(cancel);
	return ready > 0 ? 0 : ready == 0 ? MOOR_ETIMEDOUT : moor__linux_error();
}

/* The host's own end, or the worker's counter. Full: then it is readable already. */
void moor__os_line_ring(const struct moor__os_line *line)
{
	const int saved = errno, cancel = moor__os_cancel_off();
	const uint64_t one = 1;

	if (line->control >= 0)
		(void)send(line->bell, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		(void)!write(line->door, &one, sizeof one);
	moor__os_cancel_back(cancel);
	errno = saved;
}

void moor__os_line_watch(const struct moor__os_line *line, int child)
{
	if (line->poll >= 0 && child >= 0)
		watch(line->poll, child, EPOLLIN, EPOLL_CTL_ADD);
}

int moor__os_line_fd(struct moor__os_line *line, int child, int *ret_fd)
{
	if (line->control >= 0 && line->poll < 0) {
		line->poll = moor__linux_above_streams(epoll_create1(EPOLL_CLOEXEC));
		if (line->poll < 0)
			return moor__linux_error();
		watch(line->poll, line->door, EPOLLIN | EPOLLET, EPOLL_CTL_ADD);
		watch(line->poll, line->bell, 0, EPOLL_CTL_ADD); /* a hang-up is always told */
		if (!line->silent)
			watch(line->poll, line->control, EPOLLIN, EPOLL_CTL_ADD);
		moor__os_line_watch(line, child);
	}
	*ret_fd = line->control >= 0 ? line->poll : line->bell;
	return 0;
}

void moor__os_line_empty(const struct moor__os_line *line)
{
	const int saved = errno, cancel = moor__os_cancel_off();
	struct epoll_event events[4];
	char bytes[64];

	if (line->control >= 0)
		(void)epoll_wait(line->poll, events, 4, 0);
	else
		for (int i = 0; i < 64 && read(line->bell, bytes, sizeof bytes) > 0; i++)
			;
	moor__os_cancel_back(cancel);
	errno = saved;
}

void moor__os_line_hang_up(struct moor__os_line *line)
{
	const int saved = errno;

	if (line->bell >= 0)
		(void)shutdown(line->bell, SHUT_RDWR);
	errno = saved;
	moor__os_line_close(line);
}

void moor__os_line_close(struct moor__os_line *line)
{
	const int fds[] = {line->control, line->worker, line->bell, line->door, line->poll};

	for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
		if (fds[i] >= 0)
			moor__os_file_close(fds[i]);
	*line = MOOR__OS_NO_LINE;
}
