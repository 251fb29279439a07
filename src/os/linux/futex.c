/* SPDX-License-Identifier: Apache-2.0 */
/*
 * futex.c - sleeping on a shared word, and the asymmetric fence.
 *
 * A wait must end when moor__os_interrupt was called at any instant, from a signal handler of the sleeping thread too,
 * and the word slept on is not ours to change. So the time-out handed to the kernel is a shared place: whoever
 * interrupts sets it to zero first, and a sleep that has not yet entered the kernel ends at once. For one that is just
 * entering, the waker tries again while the sleeper says that it sleeps.
 */
#include "base/atomic.h"
#include "os/linux/error.h"
#include "os/os.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(SYS_futex_time64)
#define SYS_FUTEX SYS_futex_time64 /* 32-bit: the one that takes 64-bit times */
#else
#define SYS_FUTEX SYS_futex
#endif

static int sleep_result(long result)
{
	if (result >= 0)
		return 0;
	switch (errno) {
	case EAGAIN:
		return MOOR_EAGAIN;
	case ETIMEDOUT:
		return MOOR_ETIMEDOUT;
	case EINTR:
		return MOOR_EINTR;
	default:
		return MOOR_ESYS;
	}
}

int moor__os_sleep(struct moor__os_sleeper *sleeper, const uint32_t *word, uint32_t expected, int64_t ns)
{
	uint64_t *rest = (uint64_t *)sleeper->rest;
	int err;

	moor__store_64(&rest[0], (uint64_t)(ns / 1000000000));
	moor__store_64(&rest[1], (uint64_t)(ns % 1000000000));
	moor__store_64(&sleeper->word, (uintptr_t)word);
	moor__release_32(&sleeper->asleep, 1);
	moor__fence(); /* pairs with the one in moor__os_interrupt: it sees us asleep, or we see the interruption */
	if (moor__load_32(&sleeper->interrupted)) {
		moor__release_32(&sleeper->asleep, 0);
		return MOOR_EINTR;
	}
	/* With a time-out a handled signal is always EINTR: the kernel restarts only sleeps without one. */
	err = sleep_result(syscall(SYS_FUTEX, word, FUTEX_WAIT, expected, rest, NULL, 0));
	moor__release_32(&sleeper->asleep, 0);
	if (moor__load_32(&sleeper->interrupted))
		return MOOR_EINTR;
	return err == MOOR_EAGAIN ? 0 : err;
}

static long wake(const uint32_t *word, int n)
{
	return syscall(SYS_FUTEX, word, FUTEX_WAKE, n, NULL, NULL, 0);
}

void moor__os_wake(const uint32_t *word)
{
	const int saved = errno;

	wake(word, INT_MAX);
	errno = saved;
}

uint32_t moor__os_wake_some(const uint32_t *word, uint32_t n)
{
	const int saved = errno;
	const long woken = wake(word, n < INT_MAX ? (int)n : INT_MAX);

	errno = saved;
	return woken > 0 ? (uint32_t)woken : 0;
}

static int sleep_on_one(const struct moor__os_word *on, int64_t ns)
{
	const int64_t rest[2] = {ns / 1000000000, ns % 1000000000};

	return sleep_result(syscall(SYS_FUTEX, on->word, FUTEX_WAIT, on->expected, rest, NULL, 0));
}

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449 /* the same on every processor; headers before Linux 5.16 do not have it */
#endif
#define WAITV_WORD_32 2u /* FUTEX_32, without FUTEX_PRIVATE_FLAG: as the kernel's interface has them */
#define WAITV_MAX 64
struct waitv {
	uint64_t expected, address;
	uint32_t flags, reserved;
};
/* How long a handler may have to wait, how long a sleep on the first of several words lasts. */
#define BLOCKED_NS ((int64_t)50000000)
#define POLL_NS ((int64_t)1000000)

#ifdef MOOR_TESTING
bool moor__os_without_waitv; /* set by a test: as if the kernel had none */
#define WITHOUT_WAITV moor__os_without_waitv
#else
#define WITHOUT_WAITV false
#endif

/* Has a signal come, since they were blocked, that runs a handler? */
static bool handler_pending(const sigset_t *before)
{
	struct sigaction action;
	sigset_t pending;

	if (sigpending(&pending) != 0)
		return false;
	for (int signal = 1; signal <= SIGRTMAX; signal++)
		if (sigismember(&pending, signal) == 1 && sigismember(before, signal) == 0 &&
		    sigaction(signal, NULL, &action) == 0 && action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN)
			return true;
	return false;
}

/*
 * The kernel begins this call anew after a handler with SA_RESTART, so that nobody could know that one ran (of the call
 * for one word it does so only without a time-out). So the signals wait a little, and are looked for afterwards.
 */
static int sleep_on_all(const struct waitv *words, size_t n, int64_t ns)
{
	const int64_t until = moor__os_now() + (ns < BLOCKED_NS ? ns : BLOCKED_NS);
	const int64_t deadline[2] = {until / 1000000000, until % 1000000000}; /* 64 bits each, in a 32-bit process too */
	sigset_t all, before;
	long result;
	bool handled;
	int saved;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	result = syscall(SYS_futex_waitv, words, n, 0, deadline, CLOCK_MONOTONIC);
	saved = errno;
	handled = handler_pending(&before);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return handled && result < 0 ? MOOR_EINTR : sleep_result(result);
}

int moor__os_sleep_any(const struct moor__os_word *words, size_t n, int64_t ns)
{
	struct waitv waitv[WAITV_MAX];
	int err;

	if (n == 1)
		return sleep_on_one(words, ns);
	if (!WITHOUT_WAITV) {
		for (size_t i = 0; i < n; i++)
			waitv[i] = (struct waitv){.expected = words[i].expected,
			                          .address = (uintptr_t)words[i].word,
			                          .flags = WAITV_WORD_32};
		err = sleep_on_all(waitv, n, ns);
		if (err != MOOR_ESYS || errno != ENOSYS)
			return err;
	}
	return sleep_on_one(words, ns < POLL_NS ? ns : POLL_NS);
}

void moor__os_interrupt(struct moor__os_sleeper *sleeper)
{
	uint64_t *rest = (uint64_t *)sleeper->rest;
	const int saved = errno;

	moor__release_32(&sleeper->interrupted, 1);
	moor__fence();
	if (moor__acquire_32(&sleeper->asleep)) {
		moor__store_64(&rest[0], 0);
		moor__store_64(&rest[1], 0);
		moor__fence();
		/* Bounded: in a handler of the sleeping thread itself nothing changes while we look. */
		for (int i = 0; i < 64 && moor__acquire_32(&sleeper->asleep); i++)
			if (wake((const uint32_t *)(uintptr_t)moor__load_64(&sleeper->word), INT_MAX) > 0)
				break;
	}
	errno = saved;
}

bool moor__os_fence_register(void)
{
	const int saved = errno;
	const bool ok = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;

	errno = saved;
	return ok;
}

bool moor__os_fence_peers(void)
{
	const int saved = errno;
	const bool ok = syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0;

	errno = saved;
	return ok;
}
