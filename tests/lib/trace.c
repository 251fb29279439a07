/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/trace.h"

#include "tests/lib/testing.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALLS_MAX 4096
/* A stop that takes this long never comes. */
#define HUNG_NS ((int64_t)120 * 1000000000)

void t_trace_begin(void)
{
	raise(SIGSTOP);
}

void t_trace_end(void)
{
	raise(SIGSTOP);
}

struct traced {
	int (*fn)(void *arg);
	void *arg;
};

static int traced(void *arg)
{
	const struct traced *what = arg;

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(77);
	return what->fn(what->arg);
}

/* The status of the child's next stop or end. */
static int next(pid_t pid)
{
	const int64_t start = t_now();
	int status = 0;
	pid_t got;

	for (unsigned spins = 0; (got = waitpid(pid, &status, WNOHANG)) == 0; spins++) {
		if (spins < 1000)
			continue;
		if (t_now() - start > HUNG_NS) {
			t_kill(pid);
			ck_abort_msg("a traced child hangs");
		}
		usleep(50);
	}
	if (got != pid)
		ck_abort_msg("waitpid failed");
	return status;
}

static bool stopped_by(int status, int sig)
{
	return WIFSTOPPED(status) && WSTOPSIG(status) == sig;
}

static int end_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Lets it go, to its end. */
static int finish(pid_t pid, int status)
{
	while (WIFSTOPPED(status)) {
		ptrace(PTRACE_CONT, pid, NULL, NULL);
		status = next(pid);
	}
	return end_of(status);
}

static int kill_it(pid_t pid)
{
	kill(pid, SIGKILL);
	return finish(pid, next(pid));
}

/* A child that stands at its t_trace_begin. */
static pid_t begin(int (*fn)(void *arg), void *arg)
{
	struct traced what = {fn, arg};
	const pid_t pid = t_spawn(traced, &what);
	const int status = next(pid);

	if (!stopped_by(status, SIGSTOP))
		ck_abort_msg("the child ended with %d before it began", end_of(status));
	ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(long)PTRACE_O_TRACESYSGOOD);
	return pid;
}

#if defined(__x86_64__)
/* Is a system call the next instruction? */
static bool before_call(pid_t pid)
{
	const long at = ptrace(PTRACE_PEEKUSER, pid, (void *)offsetof(struct user, regs.rip), NULL);

	return (ptrace(PTRACE_PEEKTEXT, pid, (void *)at, NULL) & 0xffff) == 0x050f;
}

static long call_number(pid_t pid)
{
	return ptrace(PTRACE_PEEKUSER, pid, (void *)offsetof(struct user, regs.orig_rax), NULL);
}

static void skip_call(pid_t pid)
{
	ptrace(PTRACE_POKEUSER, pid, (void *)offsetof(struct user, regs.orig_rax), (void *)-1L);
}

static void set_result(pid_t pid, long result)
{
	ptrace(PTRACE_POKEUSER, pid, (void *)offsetof(struct user, regs.rax), (void *)result);
}
#define KNOWN_MACHINE true
#else
static bool before_call(pid_t pid)
{
	(void)pid;
	return false;
}

static long call_number(pid_t pid)
{
	(void)pid;
	return -1;
}

static void skip_call(pid_t pid)
{
	(void)pid;
}

static void set_result(pid_t pid, long result)
{
	(void)pid;
	(void)result;
}
#define KNOWN_MACHINE false
#endif

static int nothing(void *arg)
{
	(void)arg;
	t_trace_begin();
	t_trace_end();
	return 0;
}

bool t_trace_works(void)
{
	struct traced what = {nothing, NULL};
	pid_t pid;
	int status;

	if (!KNOWN_MACHINE || T_SANITIZER)
		return false;
	pid = t_spawn(traced, &what);
	status = next(pid);
	if (!stopped_by(status, SIGSTOP))
		return false;
	ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL);
	status = next(pid);
	return finish(pid, status) == 0;
}

struct t_path t_trace_measure(int (*fn)(void *arg), void *arg, int *ret_end)
{
	struct t_path path = {.steps = calloc(CALLS_MAX + 1, sizeof *path.steps)};
	const pid_t pid = begin(fn, arg);
	int status;

	ck_assert(path.steps);
	do {
		path.points++;
		if (before_call(pid)) {
			path.calls++;
			if (path.calls == CALLS_MAX)
				ck_abort_msg("too many system calls");
		} else {
			path.steps[path.calls]++;
		}
		ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL);
		status = next(pid);
	} while (stopped_by(status, SIGTRAP));
	*ret_end = finish(pid, status);
	return path;
}

void t_path_free(struct t_path *path)
{
	free(path->steps);
	path->steps = NULL;
}

int t_trace_kill(const struct t_path *path, unsigned long n, int (*fn)(void *arg), void *arg)
{
	const pid_t pid = begin(fn, arg);
	unsigned calls = 0;
	int status;

	/* Point n lies behind so many calls: each segment is its instructions and the place before its call. */
	while (calls < path->calls && n > path->steps[calls])
		n -= path->steps[calls++] + 1;
	for (unsigned i = 0; i < 2 * calls; i++) {
		ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
		status = next(pid);
		if (!stopped_by(status, SIGTRAP | 0x80))
			return finish(pid, status);
	}
	for (; n; n--) {
		ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL);
		status = next(pid);
		if (!stopped_by(status, SIGTRAP))
			return finish(pid, status);
	}
	return kill_it(pid);
}

int t_trace_fail(unsigned n, int error, bool (*may)(long number), int (*fn)(void *arg), void *arg, long *ret_number)
{
	const pid_t pid = begin(fn, arg);
	int status = 0;
	bool failed = false;

	*ret_number = -2;
	for (unsigned i = 0; i <= n; i++) {
		ptrace(PTRACE_SYSCALL, pid, NULL, NULL); /* to the call */
		status = next(pid);
		if (!stopped_by(status, SIGTRAP | 0x80))
			return finish(pid, status);
		if (i == n) {
			const long number = call_number(pid);

			failed = may(number);
			*ret_number = failed ? number : -1;
			if (failed)
				skip_call(pid);
		}
		ptrace(PTRACE_SYSCALL, pid, NULL, NULL); /* and out of it */
		status = next(pid);
		if (!stopped_by(status, SIGTRAP | 0x80)) {
			if (stopped_by(status, SIGSTOP))
				*ret_number = -2; /* the call that ends it all */
			return finish(pid, status);
		}
	}
	if (failed)
		set_result(pid, -error);
	return finish(pid, status);
}
