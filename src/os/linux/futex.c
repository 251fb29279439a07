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
#include <sys/syscall.h>
#include <unistd.h>

#if defined(SYS_futex_time64)
#define SYS_FUTEX SYS_futex_time64 /* 32-bit: the one that takes 64-bit times */
#else
#define SYS_FUTEX SYS_futex
#endif

int moor__os_sleep(struct moor__os_sleeper *sleeper, const uint32_t *word, uint32_t expected, int64_t ns)
{
	uint64_t *rest = (uint64_t *)sleeper->rest;
	long result;

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
	result = syscall(SYS_FUTEX, word, FUTEX_WAIT, expected, rest, NULL, 0);
	moor__release_32(&sleeper->asleep, 0);
	if (moor__load_32(&sleeper->interrupted))
		return MOOR_EINTR;
	if (result == 0 || errno == EAGAIN)
		return 0;
	if (errno == ETIMEDOUT)
		return MOOR_ETIMEDOUT;
	return errno == EINTR ? MOOR_EINTR : MOOR_ESYS;
}

static long wake(const uint32_t *word)
{
	return syscall(SYS_FUTEX, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void moor__os_wake(const uint32_t *word)
{
	const int saved = errno;

	wake(word);
	errno = saved;
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
			if (wake((const uint32_t *)(uintptr_t)moor__load_64(&sleeper->word)) > 0)
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
