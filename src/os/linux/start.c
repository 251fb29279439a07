/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start.c - a process of another program, and its end. Like posix_spawn(3), which cannot run a function of the caller's
 * in the child. Between fork and exec only async-signal-safe calls are made.
 */
#include "os/linux/dir.h"
#include "os/linux/error.h"
#include "os/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436 /* the same on every processor, as are the next two */
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

/* Where the kernel gives no descriptor of a process: between two looks. */
#define LOOK_FIRST_NS ((int64_t)200000)
#define LOOK_LAST_NS ((int64_t)10000000)

#ifdef MOOR_TESTING
bool moor__linux_without_pidfd; /* set by a test: as if the kernel had none */
#else
static const bool moor__linux_without_pidfd = false;
#endif

/* The numbers of what stays open in the child. */
#define KEPT (STDERR_FILENO + 1)
#define TELLS (STDERR_FILENO + 2)

extern char **environ;

int moor__os_number_of(const char *variable, int *ret_number)
{
	const char *text = getenv(variable);
	char *end;
	long number;

	if (!text)
		return MOOR_ENOENT;
	if (*text < '0' || *text > '9')
		return MOOR_EINVAL;
	errno = 0;
	number = strtol(text, &end, 10);
	if (*end || errno || number > INT_MAX)
		return MOOR_EINVAL;
	*ret_number = (int)number;
	return 0;
}

struct environment {
	char **list;
	char text[64];
};

static bool is_of(const char *entry, const char *variable)
{
	const size_t len = strlen(variable);

	return strncmp(entry, variable, len) == 0 && entry[len] == '=';
}

/* The list is the caller's to free; the one entry more is in *with, which must stay. */
static int make_environment(char *const *given, const char *variable, struct environment *with)
{
	size_t count = 0, kept = 0;

	if (!given)
		given = environ;
	while (given && given[count])
		count++;
	with->list = malloc((count + 2) * sizeof *with->list);
	if (!with->list)
		return MOOR_ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (!is_of(given[i], variable))
			with->list[kept++] = given[i];
	snprintf(with->text, sizeof with->text, "%s=%d", variable, KEPT);
	with->list[kept++] = with->text;
	with->list[kept] = NULL;
	return 0;
}

/* ---- in the child ---- */

static void close_from(int first)
{
	struct rlimit limit;
	int end = 1 << 20;

	if (syscall(SYS_close_range, (unsigned)first, ~0u, 0) == 0)
		return;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < (rlim_t)end)
		end = (int)limit.rlim_cur;
	for (int fd = first; fd < end; fd++)
		(void)close(fd);
}

/* Under its number, and open in the new program; what was there is none of the two. */
static int arrange(int keep, int tells)
{
	const int at = fcntl(keep, F_DUPFD_CLOEXEC, TELLS + 1), told = fcntl(tells, F_DUPFD_CLOEXEC, TELLS + 1);

	if (at < 0 || told < 0 || dup3(told, TELLS, O_CLOEXEC) < 0 || dup2(at, KEPT) < 0)
		return -1;
	close_from(TELLS + 1);
	return 0;
}

static void default_handlers(void)
{
	struct sigaction action;

	for (int number = 1; number < NSIG; number++)
		if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN) {
			action = (struct sigaction){.sa_handler = SIG_DFL};
			(void)sigaction(number, &action, NULL);
		}
}

static void run(const struct moor__os_start *how, const struct environment *with, int tells, const sigset_t *mask)
{
	int error;

	if (arrange(how->keep, tells) == 0) {
		tells = TELLS;
		default_handlers();
		sigprocmask(SIG_SETMASK, mask, NULL);
		if (!how->cwd || chdir(how->cwd) == 0) {
			if (how->setup)
				how->setup(how->arg);
			execve(how->argv[0], how->argv, with->list);
		}
	}
	error = errno;
	while (write(tells, &error, sizeof error) < 0 && errno == EINTR)
		;
	_exit(127);
}

/* ---- in the parent ---- */

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* What became of the exec: the end closes with it, or brings its error. */
static int await_exec(int told)
{
	int error = 0;
	ssize_t got;

	while ((got = read(told, &error, sizeof error)) < 0 && errno == EINTR)
		;
	if (got != (ssize_t)sizeof error)
		return 0;
	errno = error;
	switch (error) {
	case ENOTDIR:
	case ELOOP:
		return MOOR_ENOENT;
	default:
		return moor__linux_error() == MOOR_EAGAIN ? MOOR_ESYS : moor__linux_error();
	}
}

static int start(const struct moor__os_start *how, const struct environment *with, struct moor__os_child *ret_child)
{
	sigset_t all, mask;
	int tells[2], err;
	pid_t pid;

	if (pipe2(tells, O_CLOEXEC) != 0)
		return moor__linux_error();
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &mask);
	pid = fork();
	if (pid == 0)
		run(how, with, tells[1], &mask);
	err = pid < 0 ? errno == EAGAIN ? MOOR_ESYS : moor__linux_error() : 0;
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	moor__os_file_close(tells[1]);
	if (!err) {
		err = await_exec(tells[0]);
		if (err) {
			const int saved = errno;

			reap(pid);
			errno = saved;
		}
	}
	moor__os_file_close(tells[0]);
	if (err)
		return err;
	*ret_child = (struct moor__os_child){.pid = pid, .fd = -1};
	if (!moor__linux_without_pidfd)
		ret_child->fd = moor__linux_above_streams((int)syscall(SYS_pidfd_open, pid, 0)); /* close-on-exec by itself */
	return 0;
}

int moor__os_start(const struct moor__os_start *how, struct moor__os_child *ret_child)
{
	const int cancel = moor__os_cancel_off();
	struct environment with;
	int err = make_environment(how->envp, how->variable, &with);

	if (!err) {
		const int saved = errno;

		err = start(how, &with, ret_child);
		free(with.list);
		if (!err)
			errno = saved;
	}
	moor__os_cancel_back(cancel);
	return err;
}

/* 0, MOOR_EAGAIN, MOOR_ESYS. */
static int try_reap(struct moor__os_child *child)
{
	int status;
	pid_t got;

	while ((got = waitpid((pid_t)child->pid, &status, WNOHANG)) < 0 && errno == EINTR)
		;
	if (got == 0)
		return MOOR_EAGAIN;
	if (got < 0)
		return MOOR_ESYS;
	child->status = status;
	child->reaped = true;
	return 0;
}

/* Until it may have ended: 0, MOOR_EINTR, MOOR_ESYS. */
static int await_end(const struct moor__os_child *child, int64_t ns, int64_t *look)
{
	struct pollfd on = {.fd = child->fd, .events = POLLIN};
	struct timespec ts;

	if (child->fd < 0 && ns > *look) {
		ns = *look;
		*look = *look * 2 < LOOK_LAST_NS ? *look * 2 : LOOK_LAST_NS;
	}
	ts = (struct timespec){.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
	return ppoll(&on, child->fd >= 0, &ts, NULL) >= 0 ? 0 : moor__linux_error();
}

int moor__os_child_wait(struct moor__os_child *child, int64_t timeout_ns)
{
	const int cancel = moor__os_cancel_off();
	const int64_t start = timeout_ns > 0 ? moor__os_now() : 0;
	int64_t look = LOOK_FIRST_NS;
	int err;

	while (!child->reaped) {
		int64_t left = INT32_MAX;

		err = try_reap(child);
		if (err != MOOR_EAGAIN || timeout_ns == MOOR_NOWAIT)
			goto out;
		if (timeout_ns > 0)
			left = timeout_ns - (moor__os_now() - start);
		if (left <= 0) {
			err = MOOR_ETIMEDOUT;
			goto out;
		}
		err = await_end(child, left, &look);
		if (err)
			goto out;
	}
	err = 0;
out:
	moor__os_cancel_back(cancel);
	return err;
}

void moor__os_child_kill(const struct moor__os_child *child)
{
	const int saved = errno;

	if (!child->reaped && (child->fd < 0 || syscall(SYS_pidfd_send_signal, child->fd, SIGKILL, NULL, 0) != 0))
		(void)kill((pid_t)child->pid, SIGKILL);
	errno = saved;
}
