/* SPDX-License-Identifier: Apache-2.0 */
/* process.c - clocks, the calling process and its processor, fork. */
#include "os/linux/error.h"
#include "os/os.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t moor__os_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t moor__os_now_coarse(void)
{
	return read_clock(CLOCK_MONOTONIC_COARSE);
}

int moor__os_pause(int64_t ns)
{
	const struct timespec ts = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
	const int cancel = moor__os_cancel_off();
	const int err = nanosleep(&ts, NULL) == 0 ? 0 : moor__linux_error();

	moor__os_cancel_back(cancel);
	return err;
}

void moor__os_yield(void)
{
	(void)sched_yield();
}

uint32_t moor__os_cpu(void)
{
	const int cpu = sched_getcpu();

	return cpu < 0 ? 0 : (uint32_t)cpu + 1;
}

uint32_t moor__os_pid(void)
{
	return (uint32_t)getpid();
}

uint32_t moor__os_uid(void)
{
	return (uint32_t)geteuid();
}

/* To tell one life of a name from another, not for secrets: the clock will do where the system gives nothing. */
void moor__os_random(void *buf, size_t len)
{
	const int cancel = moor__os_cancel_off(); /* getrandom is a cancellation point */
	const bool got = getrandom(buf, len, GRND_NONBLOCK) == (ssize_t)len;

	moor__os_cancel_back(cancel);
	if (!got) {
		static uint32_t calls;
		const uint64_t mix[2] = {(uint64_t)moor__os_now(), (uint64_t)getpid() << 32 | ++calls};

		memset(buf, 0, len);
		memcpy(buf, mix, len < sizeof mix ? len : sizeof mix);
	}
}

int moor__os_cancel_off(void)
{
	int before;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
	return before;
}

void moor__os_cancel_back(int before)
{
	pthread_setcancelstate(before, NULL);
}

static pthread_key_t end_key;
static void (*end_fn)(void);
static int end_result;

static void thread_ends(void *unused)
{
	(void)unused;
	end_fn();
}

static void make_end_key(void)
{
	end_result = pthread_key_create(&end_key, thread_ends) == 0 ? 0 : MOOR_ENOMEM;
}

int moor__os_at_thread_end(void (*fn)(void))
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (!end_fn)
		end_fn = fn;
	pthread_once(&once, make_end_key);
	if (end_result)
		return end_result;
	return pthread_setspecific(end_key, &end_key) == 0 ? 0 : MOOR_ENOMEM;
}

int moor__os_at_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	return pthread_atfork(prepare, parent, child) == 0 ? 0 : MOOR_ENOMEM;
}
