/* SPDX-License-Identifier: Apache-2.0 */
/* test_mutex.c - the mutex among the living: ownership, recursion, time-outs, handles, names; cases X of the conformance. */
#include "tests/lib/testing.h"

#include "base/crash.h"
#include "sync/mutex.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define MS ((int64_t)1000000)

/* No sleep ends by itself: a lost wake-up is not made up for, and the test hangs. */
static void never_heal(void)
{
	moor__sync_look_ns = INT64_MAX;
}

static moor_mutex *make(const char *name)
{
	moor_mutex *mutex;

	t_assert_err(moor_mutex_create(name, NULL, &mutex), 0);
	return mutex;
}

/* What a thread returns that has failed. */
static void *failure(const char *what)
{
	static char text[32];

	snprintf(text, sizeof text, "%s", what);
	return text;
}

static void in_thread(void *(*fn)(void *arg), void *arg)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, fn, arg), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

/* What another thread finds. */
struct probe {
	moor_mutex *mutex;
	int locked, unlocked;
};

static void *try_both(void *arg)
{
	struct probe *probe = arg;

	probe->unlocked = moor_mutex_unlock(probe->mutex);
	probe->locked = moor_mutex_lock(probe->mutex, MOOR_NOWAIT);
	if (probe->locked >= 0)
		moor_mutex_unlock(probe->mutex);
	return NULL;
}

static int locked_elsewhere(moor_mutex *mutex)
{
	struct probe probe = {.mutex = mutex};

	in_thread(try_both, &probe);
	t_assert_err(probe.unlocked, MOOR_ENOTOWNER);
	return probe.locked;
}

START_TEST(test_X1_unlock_not_held)
{
	moor_mutex *mutex = make("x1");

	t_assert_err(moor_mutex_unlock(mutex), MOOR_ENOTOWNER);
	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), 0);
	t_assert_err(moor_mutex_unlock(mutex), 0);
	t_assert_err(moor_mutex_unlock(mutex), MOOR_ENOTOWNER);
	moor_mutex_close(mutex);
}
END_TEST

START_TEST(test_X2_initially_owned_and_recursive)
{
	const struct moor_sync_opts owned = MOOR_SYNC_OPTS(.flags = MOOR_INITIALLY_OWNED);
	moor_mutex *mutex, *again;

	t_assert_err(moor_mutex_create("x2", &owned, &mutex), 0);
	t_assert_err(locked_elsewhere(mutex), MOOR_EAGAIN);
	t_assert_err(moor_mutex_lock(mutex, MOOR_FOREVER), 0);
	t_assert_err(moor_mutex_unlock(mutex), 0);
	t_assert_err(locked_elsewhere(mutex), MOOR_EAGAIN);
	t_assert_err(moor_mutex_unlock(mutex), 0);
	t_assert_err(moor_mutex_unlock(mutex), MOOR_ENOTOWNER);
	t_assert_err(locked_elsewhere(mutex), 0);
	/* Only if it was created. */
	t_assert_err(moor_mutex_create_or_open("x2", &owned, &again), 0);
	t_assert_err(moor_mutex_unlock(again), MOOR_ENOTOWNER);
	t_assert_err(locked_elsewhere(mutex), 0);
	moor_mutex_close(again);
	moor_mutex_close(mutex);
	t_assert_err(moor_mutex_create_or_open("x2", &owned, &mutex), MOOR_CREATED);
	t_assert_err(moor_mutex_unlock(mutex), 0);
	moor_mutex_close(mutex);
}
END_TEST

struct timed {
	moor_mutex *mutex;
	int64_t timeout_ns, took_ns;
	int result;
};

static void *lock_timed(void *arg)
{
	struct timed *timed = arg;
	const int64_t start = t_now();

	timed->result = moor_mutex_lock(timed->mutex, timed->timeout_ns);
	timed->took_ns = t_now() - start;
	return NULL;
}

START_TEST(test_X5_held_elsewhere)
{
	struct timed timed = {.mutex = make("x5"), .timeout_ns = MOOR_NOWAIT};

	t_assert_err(moor_mutex_lock(timed.mutex, MOOR_NOWAIT), 0);
	in_thread(lock_timed, &timed);
	t_assert_err(timed.result, MOOR_EAGAIN);
	for (int i = 0; i < 3; i++) {
		static const int64_t times[] = {1, 50 * MS, 250 * MS};

		timed.timeout_ns = times[i];
		in_thread(lock_timed, &timed);
		t_assert_err(timed.result, MOOR_ETIMEDOUT);
		ck_assert_int_ge(timed.took_ns, times[i]);
		ck_assert_int_lt(timed.took_ns, 30000 * MS);
	}
	t_assert_err(locked_elsewhere(timed.mutex), MOOR_EAGAIN);
	t_assert_err(moor_mutex_unlock(timed.mutex), 0);
	timed.timeout_ns = INT64_MAX;
	in_thread(lock_timed, &timed); /* and its end abandons it */
	t_assert_err(timed.result, 0);
	t_assert_err(moor_mutex_lock(timed.mutex, MOOR_NOWAIT), MOOR_ABANDONED);
	moor_mutex_close(timed.mutex);
}
END_TEST

START_TEST(test_X38_recursion_limit)
{
	moor_mutex *mutex = make("x38");

	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), 0);
	moor__mutex_set_locks(mutex, 0x7ffffffe);
	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), 0); /* 2^31 - 1 times */
	for (int i = 0; i < 3; i++)
		t_assert_err(moor_mutex_lock(mutex, MOOR_FOREVER), MOOR_EOVERFLOW);
	t_assert_err(moor_mutex_unlock(mutex), 0);
	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), 0);
	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), MOOR_EOVERFLOW);
	moor__mutex_set_locks(mutex, 1);
	t_assert_err(moor_mutex_unlock(mutex), 0);
	t_assert_err(locked_elsewhere(mutex), 0);
	moor_mutex_close(mutex);
}
END_TEST

/* A thread may lock through one handle and unlock through another; the last close ends the name. */
START_TEST(test_X_two_handles_of_a_process)
{
	moor_mutex *a = make("two"), *b, *c;

	t_assert_err(moor_mutex_open("two", NULL, &b), 0);
	t_assert_err(moor_mutex_lock(a, MOOR_NOWAIT), 0);
	t_assert_err(moor_mutex_lock(b, MOOR_NOWAIT), 0);
	t_assert_err(moor_mutex_unlock(a), 0);
	t_assert_err(locked_elsewhere(b), MOOR_EAGAIN);
	moor_mutex_close(a);
	t_assert_err(locked_elsewhere(b), MOOR_EAGAIN);
	t_assert_err(moor_mutex_unlock(b), 0);
	t_assert_err(moor_mutex_open("Local\\two", NULL, &c), 0);
	moor_mutex_close(b);
	t_assert_err(locked_elsewhere(c), 0);
	moor_mutex_close(c);
	t_assert_err(moor_mutex_open("two", NULL, &a), MOOR_ENOENT);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

#define OPENERS 8

static void *open_lock_close(void *arg)
{
	long *counter = arg;

	for (int i = 0; i < 300; i++) {
		moor_mutex *mutex;
		const int news = moor_mutex_create_or_open("shared", NULL, &mutex);

		if (news < 0)
			return failure("open failed");
		if (moor_mutex_lock(mutex, MOOR_FOREVER) != 0)
			return failure("lock failed");
		++*counter;
		if (moor_mutex_unlock(mutex) != 0)
			return failure("unlock failed");
		moor_mutex_close(mutex);
	}
	return NULL;
}

/* Threads that open and close the same name at the same time are always one participant. */
START_TEST(test_X_threads_open_and_close)
{
	pthread_t threads[OPENERS];
	moor_mutex *keep = NULL;
	long counter = 0;

	never_heal();
	for (int round = 0; round < 2; round++) {
		if (round) /* and with somebody who keeps it */
			keep = make("shared");
		for (int i = 0; i < OPENERS; i++)
			ck_assert_int_eq(pthread_create(&threads[i], NULL, open_lock_close, &counter), 0);
		for (int i = 0; i < OPENERS; i++) {
			void *why;

			pthread_join(threads[i], &why);
			ck_assert_msg(why == NULL, "%s", (const char *)why);
		}
	}
	moor_mutex_close(keep);
	ck_assert_int_eq(t_local_entries(), 0);
	/* In the first round the mutex may have died between two of them, and with it the exclusion of the counter. */
	ck_assert_int_ge(counter, OPENERS * 300);
}
END_TEST

START_TEST(test_X_bad_arguments)
{
	const struct moor_sync_opts unknown = MOOR_SYNC_OPTS(.flags = 2), wide = MOOR_SYNC_OPTS(.mode = 01000),
	                            reserved = MOOR_SYNC_OPTS(.reserved = 1), acl = MOOR_SYNC_OPTS(.acl = "nonsense");
	struct moor_sync_opts tiny = MOOR_SYNC_OPTS(.flags = 0);
	moor_mutex *mutex = NULL;

	tiny.struct_size = 3;
	t_assert_err(moor_mutex_create(NULL, NULL, &mutex), MOOR_EINVAL);
	t_assert_err(moor_mutex_create("", NULL, &mutex), MOOR_ENAME);
	t_assert_err(moor_mutex_create("a/b", NULL, &mutex), MOOR_ENAME);
	t_assert_err(moor_mutex_create("a", NULL, NULL), MOOR_EINVAL);
	t_assert_err(moor_mutex_create("a", &unknown, &mutex), MOOR_EINVAL);
	t_assert_err(moor_mutex_create("a", &wide, &mutex), MOOR_EINVAL);
	t_assert_err(moor_mutex_create("a", &reserved, &mutex), MOOR_EINVAL);
	ck_assert_int_lt(moor_mutex_create("a", &acl, &mutex), 0);
	t_assert_err(moor_mutex_create("a", &tiny, &mutex), MOOR_EINVAL);
	t_assert_err(moor_mutex_open("a", NULL, &mutex), MOOR_ENOENT);
	ck_assert_ptr_null(mutex);
	ck_assert_int_eq(t_local_entries(), 0);
	t_assert_err(moor_mutex_lock(NULL, MOOR_NOWAIT), MOOR_EINVAL);
	t_assert_err(moor_mutex_unlock(NULL), MOOR_EINVAL);
	moor_mutex_close(NULL);
	mutex = make("a");
	t_assert_err(moor_mutex_lock(mutex, -2), MOOR_EINVAL);
	t_assert_err(moor_mutex_lock(mutex, INT64_MIN), MOOR_EINVAL);
	t_assert_err(moor_mutex_unlock(mutex), MOOR_ENOTOWNER);
	t_assert_err(moor_mutex_create("a", NULL, &mutex), MOOR_EEXIST);
	moor_mutex_close(mutex);
	moor_sync_opts_init(NULL, 16);
	memset(&tiny, 0xff, sizeof tiny);
	moor_sync_opts_init(&tiny, sizeof tiny);
	ck_assert_uint_eq(tiny.struct_size, sizeof tiny);
	ck_assert_uint_eq(tiny.flags | tiny.mode | tiny.reserved, 0);
}
END_TEST

/* ---- names: one space for all kinds ---- */

enum { MAP, MUTEX, SEM, EVENT, CHANNEL, KINDS };

static int open_kind(int kind, const char *name, int how /* 0 open, 1 create or open, 2 create */, void **ret_handle)
{
	const struct moor_channel_opts open_only = MOOR_CHANNEL_OPTS(.flags = MOOR_OPEN_ONLY),
	                               create_only = MOOR_CHANNEL_OPTS(.flags = MOOR_CREATE_ONLY);
	moor_map *map = NULL;
	moor_mutex *mutex = NULL;
	moor_sem *sem = NULL;
	moor_event *event = NULL;
	moor_rx *rx = NULL;
	int err = MOOR_EINVAL;

	switch (kind) {
	case MAP:
		err = how == 0   ? moor_map_open(name, NULL, &map)
		      : how == 1 ? moor_map_create_or_open(name, 100, NULL, &map)
		                 : moor_map_create(name, 100, NULL, &map);
		*ret_handle = map;
		break;
	case MUTEX:
		err = how == 0   ? moor_mutex_open(name, NULL, &mutex)
		      : how == 1 ? moor_mutex_create_or_open(name, NULL, &mutex)
		                 : moor_mutex_create(name, NULL, &mutex);
		*ret_handle = mutex;
		break;
	case SEM:
		err = how == 0   ? moor_sem_open(name, NULL, &sem)
		      : how == 1 ? moor_sem_create_or_open(name, 0, 1, NULL, &sem)
		                 : moor_sem_create(name, 0, 1, NULL, &sem);
		*ret_handle = sem;
		break;
	case EVENT:
		err = how == 0   ? moor_event_open(name, NULL, &event)
		      : how == 1 ? moor_event_create_or_open(name, 0, NULL, &event)
		                 : moor_event_create(name, 0, NULL, &event);
		*ret_handle = event;
		break;
	case CHANNEL:
		err = moor_rx_open(name, how == 0 ? &open_only : how == 1 ? NULL : &create_only, &rx);
		*ret_handle = rx;
		break;
	}
	return err;
}

static void close_kind(int kind, void *handle)
{
	switch (kind) {
	case MAP:
		moor_map_close(handle);
		break;
	case MUTEX:
		moor_mutex_close(handle);
		break;
	case SEM:
		moor_sem_close(handle);
		break;
	case EVENT:
		moor_event_close(handle);
		break;
	case CHANNEL:
		moor_rx_close(handle);
		break;
	}
}

static int note_kind(const struct moor_name_info *info, void *arg)
{
	uint32_t *kind = arg;

	ck_assert_str_eq(info->name, "Local\\m11");
	*kind = info->kind;
	ck_assert_uint_eq(info->participants, 1);
	return 0;
}

static int note_pid(const struct moor_participant_info *info, void *arg)
{
	*(uint32_t *)arg = info->pid;
	return 0;
}

START_TEST(test_M11_each_kind_by_the_name_of_each_other)
{
	static const uint32_t objects[KINDS] = {MOOR_OBJ_MAP, MOOR_OBJ_MUTEX, MOOR_OBJ_SEM, MOOR_OBJ_EVENT, MOOR_OBJ_CHANNEL};

	for (int is = 0; is < KINDS; is++) {
		uint32_t kind = 0, pid = 0;
		void *handle, *other = NULL;
		moor_hold *hold;

		t_assert_err(open_kind(is, "m11", 0, &handle), MOOR_ENOENT);
		ck_assert_int_ge(open_kind(is, "m11", 2, &handle), 0);
		for (int asked = 0; asked < KINDS; asked++) {
			t_assert_err(open_kind(asked, "m11", 2, &other), MOOR_EEXIST);
			if (asked == is)
				continue;
			t_assert_err(open_kind(asked, "m11", 0, &other), MOOR_EKIND);
			t_assert_err(open_kind(asked, "m11", 1, &other), MOOR_EKIND);
		}
		t_assert_err(moor_enumerate(note_kind, &kind), 0);
		ck_assert_uint_eq(kind, objects[is]);
		t_assert_err(moor_participants("m11", note_pid, &pid), 0);
		ck_assert_uint_eq(pid, (uint32_t)getpid());
		t_assert_err(moor_hold_open("m11", &hold), 0);
		close_kind(is, handle);
		t_assert_err(open_kind(is == MAP ? SEM : MAP, "m11", 1, &other), MOOR_EKIND); /* held, so alive */
		moor_hold_close(hold);
		ck_assert_int_eq(t_local_entries(), 0);
	}
}
END_TEST

/* What was held keeps its state: the hold keeps the name without a handle. */
START_TEST(test_M_state_lives_with_the_name)
{
	moor_mutex *mutex = make("held");
	moor_sem *sem;
	moor_hold *hold[2];
	uint32_t before;

	t_assert_err(moor_sem_create("heldsem", 3, 5, NULL, &sem), 0);
	t_assert_err(moor_hold_open("held", &hold[0]), 0);
	t_assert_err(moor_hold_open("heldsem", &hold[1]), 0);
	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), 0);
	moor_mutex_close(mutex);
	moor_sem_close(sem);
	t_assert_err(moor_mutex_open("held", NULL, &mutex), 0);
	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), MOOR_ABANDONED);
	t_assert_err(moor_sem_create_or_open("heldsem", 0, 1, NULL, &sem), 0);
	t_assert_err(moor_sem_post(sem, 2, &before), 0);
	ck_assert_uint_eq(before, 3);
	moor_hold_close(hold[0]);
	moor_hold_close(hold[1]);
	moor_mutex_close(mutex);
	moor_sem_close(sem);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* Without the right to read of who may not write, and else exact. */
START_TEST(test_Z4_mode_is_exact)
{
	char path[256];
	struct stat st;
	moor_mutex *mutex;

	static const unsigned modes[][2] = {{0, 0600}, {0660, 0660}, {0644, 0600}, {0765, 0761}, {0626, 0626}};

	for (int round = 0; round < 5; round++) {
		const struct moor_sync_opts opts = MOOR_SYNC_OPTS(.mode = modes[round][0]);

		umask(round % 2 ? 077 : 0);
		t_assert_err(moor_mutex_create("z4", round ? &opts : NULL, &mutex), 0);
		snprintf(path, sizeof path, "%s/mooring-%lu/mooring.z4", t_dir(), (unsigned long)geteuid());
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_uint_eq(st.st_mode & 07777, modes[round][1]);
		moor_mutex_close(mutex);
	}
}
END_TEST

/* A byte of the header changed by a process that keeps the name alive. */
static void forge(const char *name, off_t at, unsigned char value)
{
	char path[256];
	int fd;

	snprintf(path, sizeof path, "%s/mooring-%lu/mooring.%s", t_dir(), (unsigned long)geteuid(), name);
	fd = open(path, O_RDWR);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, &value, 1, at), 1);
	close(fd);
}

static uint64_t sum_of(const char *name)
{
	unsigned char bytes[16384];
	uint64_t sum = 0;
	char path[256];
	int fd;

	snprintf(path, sizeof path, "%s/mooring-%lu/mooring.%s", t_dir(), (unsigned long)geteuid(), name);
	fd = open(path, O_RDONLY);
	ck_assert_int_eq(read(fd, bytes, sizeof bytes), sizeof bytes);
	close(fd);
	for (size_t i = 0; i < sizeof bytes; i++)
		sum = sum * 31 + bytes[i];
	return sum;
}

START_TEST(test_X20_other_version)
{
	static const struct {
		off_t at;
		unsigned char value;
		int err;
	} cases[] = {{12, 0, MOOR_EVERSION}, {14, 9, MOOR_EVERSION}, {40, 0x80, MOOR_EVERSION}, {8, 1, MOOR_EFORMAT},
	             {80, 1, MOOR_EFORMAT},  {72, 1, MOOR_EFORMAT},  {57, 2, MOOR_EFORMAT}};
	moor_mutex *other = NULL;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		moor_mutex *mutex = make("x20");
		uint64_t sum;

		forge("x20", cases[i].at, cases[i].value);
		sum = sum_of("x20");
		t_assert_err(moor_mutex_open("x20", NULL, &other), cases[i].err);
		t_assert_err(moor_mutex_create_or_open("x20", NULL, &other), cases[i].err);
		ck_assert_uint_eq(sum_of("x20"), sum);
		ck_assert_ptr_null(other);
		moor_mutex_close(mutex);
	}
	for (int i = 0; i < 2; i++) {
		moor_sem *sem, *again = NULL;

		t_assert_err(moor_sem_create("x20s", 0, 1, NULL, &sem), 0);
		forge("x20s", 256 + 128 + (i ? 3 : 0), i ? 0x80 : 0);
		t_assert_err(moor_sem_open("x20s", NULL, &again), MOOR_EFORMAT);
		moor_sem_close(sem);
	}
}
END_TEST

/* Whatever is in the word, nobody crashes, and the mutex can be had in the end. */
START_TEST(test_H_forged_word)
{
	uint64_t seed = 4;

	for (int i = 0; i < 300; i++) {
		const uint64_t forged = t_random(&seed);
		moor_mutex *mutex = make("forged");
		int result;

		for (int b = 0; b < 4; b++)
			forge("forged", 256 + b, (unsigned char)(forged >> 8 * b));
		result = moor_mutex_lock(mutex, 300 * MS);
		/* It may name the slot of this process, which lives. */
		ck_assert(result == 0 || result == MOOR_ABANDONED || result == MOOR_ETIMEDOUT);
		if (result >= 0)
			t_assert_err(moor_mutex_unlock(mutex), 0);
		moor_mutex_close(mutex);
	}
}
END_TEST

/* ---- exclusion ---- */

#define ROUNDS (T_SANITIZER ? 20000 : 100000)

struct guarded {
	uint64_t counter;
	const char *name;
};

static void *increment(void *arg)
{
	struct guarded *guarded = arg;
	moor_mutex *mutex;

	if (moor_mutex_open(guarded->name, NULL, &mutex) != 0)
		return failure("open");
	for (int i = 0; i < ROUNDS; i++) {
		if (moor_mutex_lock(mutex, MOOR_FOREVER) != 0)
			return failure("lock");
		guarded->counter++;
		if (moor_mutex_unlock(mutex) != 0)
			return failure("unlock");
	}
	moor_mutex_close(mutex);
	return NULL;
}

static int two_threads(void *arg)
{
	pthread_t threads[2];
	void *why, *first = NULL;

	for (int i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, increment, arg) != 0)
			return 2;
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], &why);
		first = first ? first : why;
	}
	if (first)
		fprintf(stderr, "%s failed\n", (const char *)first);
	return first ? 1 : 0;
}

START_TEST(test_X21_increments)
{
	static const char *const names[] = {"x21", "Global\\x21"};
	struct guarded *guarded = t_shared(sizeof *guarded);
	moor_mutex *mutex;
	pid_t pids[2];

	never_heal();
	guarded->counter = 0;
	guarded->name = names[_i];
	t_assert_err(moor_mutex_create(names[_i], NULL, &mutex), 0);
	for (int i = 0; i < 2; i++)
		pids[i] = t_spawn(two_threads, guarded);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(t_wait(pids[i]), 0);
	ck_assert_uint_eq(guarded->counter, 4 * ROUNDS);
	moor_mutex_close(mutex);
}
END_TEST

/* ---- starvation ---- */

struct barging {
	volatile uint64_t taken; /* how often, by all who barge */
	volatile uint32_t stop;
};

static int barge(void *arg)
{
	struct barging *barging = arg;
	moor_mutex *mutex;

	if (moor_mutex_open("fair", NULL, &mutex) != 0)
		return 1;
	while (!barging->stop) {
		if (moor_mutex_lock(mutex, MOOR_FOREVER) != 0)
			return 2;
		barging->taken++;
		for (volatile int i = 0; i < 200; i++)
			;
		moor_mutex_unlock(mutex);
	}
	moor_mutex_close(mutex);
	return 0;
}

/* Three who take it again as soon as they have let it go, and one who wants it now and then, and gets it. */
START_TEST(test_X_waiters_are_not_starved)
{
	struct barging *barging = t_shared(sizeof *barging);
	uint64_t passed = 0, most = 0;
	moor_mutex *mutex = make("fair");
	const int rounds = 40;
	pid_t pids[3];

	for (int i = 0; i < 3; i++)
		pids[i] = t_spawn(barge, barging);
	for (int i = 0; i < rounds; i++) {
		uint64_t before = barging->taken, now;

		while (barging->taken == before) /* they are at it */
			sched_yield();
		before = barging->taken;
		t_assert_err(moor_mutex_lock(mutex, (int64_t)60000 * MS), 0);
		now = barging->taken - before;
		passed += now;
		most = now > most ? now : most;
		t_assert_err(moor_mutex_unlock(mutex), 0);
	}
	barging->stop = 1;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(t_wait(pids[i]), 0);
	moor_mutex_close(mutex);
	printf("passed over %lu times on average, %lu at most\n", (unsigned long)(passed / (uint64_t)rounds),
	       (unsigned long)most);
}
END_TEST

static void dawdle(const char *label)
{
	if (strcmp(label, "mutex: woken") == 0)
		t_sleep_ms(10);
}

/* Each time that it has been woken it lets the other one go first. */
static int wait_slowly(void *arg)
{
	volatile uint32_t *got = arg;
	moor_mutex *mutex;

	if (moor_mutex_open("handover", NULL, &mutex) != 0)
		return 1;
	moor__crash_hook = dawdle;
	if (moor_mutex_lock(mutex, MOOR_FOREVER) != 0)
		return 2;
	*got = 1;
	moor_mutex_unlock(mutex);
	moor_mutex_close(mutex);
	return 0;
}

/* Passed over eight times after having been woken, the waiter is handed the mutex. The bound leaves room for a machine
 * on which the waiter does not run for so long that its turn is given up (90 ms), now and then. */
START_TEST(test_X_handover_after_eight_vain_wake_ups)
{
	volatile uint32_t *got = t_shared(sizeof *got);
	moor_mutex *mutex = make("handover");
	unsigned passed = 0;
	pid_t pid;

	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), 0);
	pid = t_spawn(wait_slowly, (void *)(uintptr_t)got);
	while (!*got) {
		t_sleep_ms(20); /* it goes to sleep */
		t_assert_err(moor_mutex_unlock(mutex), 0);
		t_assert_err(moor_mutex_lock(mutex, MOOR_FOREVER), 0);
		passed++;
		ck_assert_uint_lt(passed, 200);
	}
	printf("passed over %u times\n", passed - 1);
	t_assert_err(moor_mutex_unlock(mutex), 0);
	ck_assert_int_eq(t_wait(pid), 0);
	moor_mutex_close(mutex);
}
END_TEST

/* ---- signals ---- */

static volatile sig_atomic_t handled;

static void count_signal(int signal)
{
	(void)signal;
	handled++;
}

static int hold_until_told(void *arg)
{
	struct t_gate **gates = arg;
	moor_mutex *mutex;

	if (moor_mutex_open("signals", NULL, &mutex) != 0 || moor_mutex_lock(mutex, MOOR_FOREVER) != 0)
		return 1;
	t_gate_open(gates[0], 1);
	t_gate_pass(gates[1]);
	return moor_mutex_unlock(mutex);
}

START_TEST(test_X_signal_ends_the_wait)
{
	struct t_gate *gates[2] = {t_gate_new(), t_gate_new()};
	moor_mutex *mutex = make("signals");
	const struct itimerval soon = {.it_interval = {0, 20000}, .it_value = {0, 20000}}, never = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = count_signal, .sa_flags = _i ? SA_RESTART : 0};
	pid_t pid = t_spawn(hold_until_told, gates);

	t_gate_pass(gates[0]);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	t_assert_err(moor_mutex_lock(mutex, MOOR_FOREVER), MOOR_EINTR);
	setitimer(ITIMER_REAL, &never, NULL);
	ck_assert_int_gt(handled, 0);
	t_gate_open(gates[1], 1);
	t_assert_err(moor_mutex_lock(mutex, MOOR_FOREVER), 0);
	ck_assert_int_eq(t_wait(pid), 0);
	moor_mutex_close(mutex);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("mutex");
	TCase *tc = tcase_create("mutex");

	tcase_set_timeout(tc, 240);
	tcase_add_test(tc, test_X1_unlock_not_held);
	tcase_add_test(tc, test_X2_initially_owned_and_recursive);
	tcase_add_test(tc, test_X5_held_elsewhere);
	tcase_add_test(tc, test_X38_recursion_limit);
	tcase_add_test(tc, test_X_two_handles_of_a_process);
	tcase_add_test(tc, test_X_threads_open_and_close);
	tcase_add_test(tc, test_X_bad_arguments);
	tcase_add_test(tc, test_M11_each_kind_by_the_name_of_each_other);
	tcase_add_test(tc, test_M_state_lives_with_the_name);
	tcase_add_test(tc, test_Z4_mode_is_exact);
	tcase_add_test(tc, test_X20_other_version);
	tcase_add_test(tc, test_H_forged_word);
	tcase_add_loop_test(tc, test_X21_increments, 0, 2);
	tcase_add_test(tc, test_X_waiters_are_not_starved);
	tcase_add_test(tc, test_X_handover_after_eight_vain_wake_ups);
	tcase_add_loop_test(tc, test_X_signal_ends_the_wait, 0, 2);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
