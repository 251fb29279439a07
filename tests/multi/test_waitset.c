/* SPDX-License-Identifier: Apache-2.0 */
/* test_waitset.c - waiting for one of several and for all: with futex_waitv(2), and as where there is none. */
#include "tests/lib/testing.h"

#include "base/crash.h"
#include "sync/mutex.h"
#include "sync/sem.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS ((int64_t)1000000)

/* No sleep ends by itself: a lost wake-up is not made up for, and the test hangs. */
static void never_heal(void)
{
	moor__sync_look_ns = INT64_MAX;
}
#define UNTOUCHED ((size_t)12345)

extern bool moor__os_without_waitv;

/* The fallback in every second run of a test. */
static void choose(int i)
{
	moor__os_without_waitv = i % 2;
}

static moor_mutex *make_mutex(const char *name)
{
	moor_mutex *mutex;

	t_assert_err(moor_mutex_create(name, NULL, &mutex), 0);
	return mutex;
}

static moor_sem *make_sem(const char *name, uint32_t initial)
{
	moor_sem *sem;

	t_assert_err(moor_sem_create(name, initial, 100, NULL, &sem), 0);
	return sem;
}

static moor_event *make_event(const char *name, unsigned flags)
{
	moor_event *event;

	t_assert_err(moor_event_create(name, flags, NULL, &event), 0);
	return event;
}

static uint32_t count_of(moor_sem *sem)
{
	uint32_t count = 0;

	while (moor_sem_wait(sem, MOOR_NOWAIT) == 0)
		count++;
	if (count)
		t_assert_err(moor_sem_post(sem, count, NULL), 0);
	return count;
}

START_TEST(test_bad_arguments)
{
	struct moor_waitable many[65], one;
	moor_event *event = make_event("e", MOOR_MANUAL_RESET | MOOR_INITIALLY_SET);
	size_t index = UNTOUCHED;

	for (int i = 0; i < 65; i++)
		many[i] = moor_event_waitable(event);
	t_assert_err(moor_wait_any(NULL, 1, 0, &index), MOOR_EINVAL);
	t_assert_err(moor_wait_any(many, 0, 0, &index), MOOR_EINVAL);
	t_assert_err(moor_wait_any(many, 65, 0, &index), MOOR_EINVAL);
	t_assert_err(moor_wait_any(many, 1, -2, &index), MOOR_EINVAL);
	t_assert_err(moor_wait_any(many, 1, 0, NULL), MOOR_EINVAL);
	t_assert_err(moor_wait_all(NULL, 1, 0), MOOR_EINVAL);
	t_assert_err(moor_wait_all(many, 0, 0), MOOR_EINVAL);
	t_assert_err(moor_wait_all(many, 65, 0), MOOR_EINVAL);
	t_assert_err(moor_wait_all(many, 1, -2), MOOR_EINVAL);
	t_assert_err(moor_wait_any(many, 64, 0, &index), 0);
	t_assert_err(moor_wait_all(many, 64, 0), 0);
	ck_assert_uint_eq(index, 0);
	index = UNTOUCHED;
	one = moor_mutex_waitable(NULL);
	t_assert_err(moor_wait_any(&one, 1, 0, &index), MOOR_EINVAL);
	one = moor_sem_waitable(NULL);
	t_assert_err(moor_wait_all(&one, 1, 0), MOOR_EINVAL);
	one = moor_event_waitable(NULL);
	t_assert_err(moor_wait_all(&one, 1, 0), MOOR_EINVAL);
	one.object = event;
	one.kind = 99;
	t_assert_err(moor_wait_any(&one, 1, 0, &index), MOOR_EINVAL);
	ck_assert_uint_eq(index, UNTOUCHED);
	moor_event_close(event);
}
END_TEST

START_TEST(test_E7_in_order)
{
	struct moor_waitable all[64];
	moor_event *events[64];
	size_t index;
	char name[16];

	choose(_i);
	for (int i = 0; i < 64; i++) {
		snprintf(name, sizeof name, "e%d", i);
		events[i] = make_event(name, MOOR_INITIALLY_SET);
		all[i] = moor_event_waitable(events[i]);
	}
	for (size_t i = 0; i < 64; i++) {
		t_assert_err(moor_wait_any(all, 64, i % 2 ? MOOR_NOWAIT : MOOR_FOREVER, &index), 0);
		ck_assert_uint_eq(index, i);
	}
	index = UNTOUCHED;
	t_assert_err(moor_wait_any(all, 64, MOOR_NOWAIT, &index), MOOR_EAGAIN);
	t_assert_err(moor_wait_any(all, 64, 120 * MS, &index), MOOR_ETIMEDOUT);
	ck_assert_uint_eq(index, UNTOUCHED);
	for (int i = 0; i < 64; i++)
		moor_event_close(events[i]);
}
END_TEST

struct later {
	struct t_gate *gate;
	int what;
};

/* Comes with one of several things after the other has gone to sleep. */
static int give_later(void *arg)
{
	struct later *later = arg;
	moor_mutex *mutex;
	moor_event *event;
	moor_sem *sem;

	if (moor_mutex_open("m", NULL, &mutex) != 0 || moor_sem_open("s", NULL, &sem) != 0 ||
	    moor_event_open("e", NULL, &event) != 0)
		return 1;
	if (moor_mutex_lock(mutex, MOOR_NOWAIT) != 0)
		return 2;
	t_gate_open(later->gate, 1);
	t_sleep_ms(60);
	switch (later->what) {
	case 0:
		return moor_mutex_unlock(mutex);
	case 1:
		return moor_sem_post(sem, 1, NULL);
	case 2:
		return moor_event_set(event);
	default:
		kill(getpid(), SIGKILL);
		return 3;
	}
}

START_TEST(test_any_of_each_kind)
{
	moor_mutex *mutex = make_mutex("m");
	moor_sem *sem = make_sem("s", 0);
	moor_event *event = make_event("e", 0);
	struct moor_waitable all[3] = {moor_mutex_waitable(mutex), moor_sem_waitable(sem), moor_event_waitable(event)};

	choose(_i);
	for (int what = 0; what < 4; what++) {
		struct later later = {t_gate_new(), what};
		pid_t pid = t_spawn(give_later, &later);
		size_t index = UNTOUCHED;

		t_gate_pass(later.gate);
		/* A mutex is also to be had because the one who set the other had it, and has ended. */
		t_assert_err(moor_wait_any(all, 3, MOOR_FOREVER, &index),
		             what == 3 || (what != 0 && index == 0) ? MOOR_ABANDONED : 0);
		if (index == 0)
			t_assert_err(moor_mutex_unlock(mutex), 0);
		else
			ck_assert_uint_eq(index, (size_t)what);
		ck_assert_int_eq(t_wait(pid), what == 3 ? 128 + SIGKILL : 0);
		if (moor_mutex_lock(mutex, MOOR_FOREVER) >= 0)
			t_assert_err(moor_mutex_unlock(mutex), 0);
		(void)moor_sem_wait(sem, MOOR_NOWAIT);
		(void)moor_event_wait(event, MOOR_NOWAIT);
	}
	moor_mutex_close(mutex);
	moor_sem_close(sem);
	moor_event_close(event);
}
END_TEST

/* Only the lowest that is ready is taken. */
START_TEST(test_S12_any_takes_one)
{
	moor_sem *a = make_sem("a", 0), *b = make_sem("b", 2), *c = make_sem("c", 3);
	struct moor_waitable all[3] = {moor_sem_waitable(a), moor_sem_waitable(b), moor_sem_waitable(c)};
	size_t index;

	choose(_i);
	t_assert_err(moor_wait_any(all, 3, MOOR_FOREVER, &index), 0);
	ck_assert_uint_eq(index, 1);
	ck_assert_uint_eq(count_of(a), 0);
	ck_assert_uint_eq(count_of(b), 1);
	ck_assert_uint_eq(count_of(c), 3);
	moor_sem_close(a);
	moor_sem_close(b);
	moor_sem_close(c);
}
END_TEST

struct pair {
	volatile uint32_t ready, done;
	struct t_gate *gate;
};

static struct pair *stopped_pair;

static void stop_when_woken(const char *label)
{
	if (strcmp(label, "wait any: announced") == 0)
		stopped_pair->ready = 1;
	if (strcmp(label, "wait any: woken") == 0)
		t_gate_pass(stopped_pair->gate);
}

static int wait_for_either(void *arg)
{
	struct moor_waitable both[2];
	moor_sem *a, *b;
	size_t index;

	stopped_pair = arg;
	if (moor_sem_open("a", NULL, &a) != 0 || moor_sem_open("b", NULL, &b) != 0)
		return 1;
	both[0] = moor_sem_waitable(a);
	both[1] = moor_sem_waitable(b);
	moor__crash_hook = stop_when_woken;
	if (moor_wait_any(both, 2, MOOR_FOREVER, &index) != 0)
		return 2;
	return index == 0 ? 0 : 3;
}

static int wait_for_b(void *arg)
{
	struct pair *pair = arg;
	moor_sem *b;

	if (moor_sem_open("b", NULL, &b) != 0)
		return 1;
	pair->ready = 1;
	if (moor_sem_wait(b, MOOR_FOREVER) != 0)
		return 2;
	pair->done = 1;
	return 0;
}

/* A wake-up that came to one who then took something else is handed on: at once, not when the next sleep ends. */
START_TEST(test_S12_no_wake_up_is_swallowed)
{
	moor_sem *a = make_sem("a", 0), *b = make_sem("b", 0);
	struct pair *pairs = t_shared(2 * sizeof *pairs);
	pid_t first, second;

	never_heal();
	pairs[0].gate = t_gate_new();
	first = t_spawn(wait_for_either, &pairs[0]);
	while (!pairs[0].ready)
		t_sleep_ms(1);
	t_sleep_ms(20);
	second = t_spawn(wait_for_b, &pairs[1]);
	while (!pairs[1].ready)
		t_sleep_ms(1);
	t_sleep_ms(20);
	t_assert_err(moor_sem_post(b, 1, NULL), 0); /* wakes the first, which sleeps longest */
	t_assert_err(moor_sem_post(a, 1, NULL), 0);
	t_gate_open(pairs[0].gate, 1000);
	ck_assert_int_eq(t_wait(first), 0); /* took a */
	ck_assert_int_eq(t_wait(second), 0); /* took b */
	ck_assert_uint_eq(count_of(a) + count_of(b), 0);
	moor_sem_close(a);
	moor_sem_close(b);
}
END_TEST

static struct t_gate *announced, *woken, *go_on;
static moor_event *one, *other;

static void at_label(const char *label)
{
	if (strcmp(label, "event: announced") == 0 || strcmp(label, "wait all: announced") == 0) {
		t_gate_open(announced, 1);
	} else if (strcmp(label, "event: woken") == 0 && go_on) {
		t_gate_open(woken, 1);
		t_gate_pass(go_on);
	}
}

static int wait_for_one(void *arg)
{
	(void)arg;
	moor__crash_hook = at_label;
	return moor_event_wait(one, MOOR_FOREVER) == 0 ? 0 : 1;
}

static int wait_for_both(void *arg)
{
	const struct moor_waitable both[2] = {moor_event_waitable(one), moor_event_waitable(other)};

	(void)arg;
	moor__crash_hook = at_label;
	return moor_wait_all(both, 2, MOOR_FOREVER) == 0 ? 0 : 1;
}

/* A child that has announced that it sleeps soon does. */
static pid_t spawn_sleeper(int (*fn)(void *arg))
{
	const pid_t pid = t_spawn(fn, NULL);
	char path[64], state = 0;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	t_gate_pass(announced);
	while (state != 'S') {
		FILE *file = fopen(path, "r");

		ck_assert_ptr_nonnull(file);
		if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		fclose(file);
	}
	return pid;
}

/* After its sleep has timed out, and before it looks. */
static void set_twice(const char *label)
{
	if (strcmp(label, "wait any: woken") != 0)
		return;
	moor__crash_hook = NULL;
	t_assert_err(moor_event_set(one), 0);
	t_gate_pass(woken);
	t_assert_err(moor_event_set(one), 0);
	t_assert_err(moor_event_set(other), 0);
}

/* One set is granted to who was asleep and has not run yet, the next one finds nobody: a wait that passes by, and was
 * not woken, makes one of the two no more. */
START_TEST(test_S7_a_grant_is_not_merged_with_a_set)
{
	struct moor_waitable both[2];
	size_t index = UNTOUCHED;
	pid_t sleeper;

	never_heal();
	announced = t_gate_new();
	woken = t_gate_new();
	go_on = t_gate_new();
	one = make_event("one", 0);
	other = make_event("other", 0);
	both[0] = moor_event_waitable(other);
	both[1] = moor_event_waitable(one);
	sleeper = spawn_sleeper(wait_for_one);
	moor__crash_hook = set_twice;
	t_assert_err(moor_wait_any(both, 2, 20 * MS, &index), 0);
	ck_assert_uint_eq(index, 0);
	t_gate_open(go_on, 1000);
	ck_assert_int_eq(t_wait(sleeper), 0);
	t_assert_err(moor_event_wait(one, MOOR_NOWAIT), 0);
	t_assert_err(moor_event_wait(one, MOOR_NOWAIT), MOOR_EAGAIN);
	moor_event_close(one);
	moor_event_close(other);
}
END_TEST

/* Woken by one, it fails on the other, which it tries first (in one of the two runs): who waits for the one is woken. */
START_TEST(test_S12_all_hands_a_wake_up_on)
{
	pid_t all, single;

	never_heal();
	announced = t_gate_new();
	if (_i) /* in the order of their making, mostly */
		other = make_event("other", 0);
	one = make_event("one", 0);
	if (!_i)
		other = make_event("other", 0);
	t_assert_err(moor_event_set(other), 0);
	all = spawn_sleeper(wait_for_both);
	t_assert_err(moor_event_reset(other), 0);
	single = spawn_sleeper(wait_for_one);
	t_assert_err(moor_event_set(one), 0);
	ck_assert_int_eq(t_wait(single), 0);
	t_kill(all);
	moor_event_close(one);
	moor_event_close(other);
}
END_TEST

/* A mutex that is to be handed over, and nobody's: at the end of its time a wait that has not slept takes it. */
START_TEST(test_any_with_a_tiny_timeout_is_handed_a_mutex)
{
	moor_mutex *mutex = make_mutex("m");
	const struct moor_waitable waitable = moor_mutex_waitable(mutex);
	size_t index = UNTOUCHED;

	moor__store_32((uint32_t *)(uintptr_t)moor__mutex_futex(mutex), MOOR__MUTEX_HANDOVER);
	t_assert_err(_i ? moor_wait_all(&waitable, 1, 1) : moor_wait_any(&waitable, 1, 1, &index), 0);
	t_assert_err(moor_mutex_unlock(mutex), 0);
	moor_mutex_close(mutex);
}
END_TEST

/* On another file system another file may have the same number. */
START_TEST(test_S12_all_tells_file_systems_apart)
{
	moor_sem *a = make_sem("a", 1), *b = make_sem("b", 1);
	const struct moor_waitable both[2] = {moor_sem_waitable(a), moor_sem_waitable(b)};
	struct moor__object *object = (struct moor__object *)(uintptr_t)moor__sem_object(b);
	const struct moor__object before = *object;

	object->inode = moor__sem_object(a)->inode;
	object->device++;
	t_assert_err(moor_wait_all(both, 2, MOOR_NOWAIT), 0);
	object->inode = before.inode;
	object->device = before.device;
	ck_assert_uint_eq(count_of(a) + count_of(b), 0);
	moor_sem_close(a);
	moor_sem_close(b);
}
END_TEST

static int die_owning(void *arg)
{
	moor_mutex *mutex;

	(void)arg;
	if (moor_mutex_open("m", NULL, &mutex) != 0 || moor_mutex_lock(mutex, MOOR_NOWAIT) < 0)
		return 1;
	kill(getpid(), SIGKILL);
	return 2;
}

START_TEST(test_S12_all_or_nothing)
{
	moor_mutex *mutex = make_mutex("m"), *owned = make_mutex("owned");
	moor_sem *sem = make_sem("s", 3), *sem_again;
	moor_event *event = make_event("e", MOOR_INITIALLY_SET), *never = make_event("never", 0),
	           *manual = make_event("manual", MOOR_MANUAL_RESET | MOOR_INITIALLY_SET);
	struct moor_waitable all[] = {moor_mutex_waitable(mutex), moor_sem_waitable(sem),    moor_event_waitable(event),
	                              moor_sem_waitable(sem),     moor_mutex_waitable(owned), moor_event_waitable(manual),
	                              moor_event_waitable(never), moor_event_waitable(never)};
	const size_t n = sizeof all / sizeof all[0];

	choose(_i);
	t_assert_err(moor_sem_open("s", NULL, &sem_again), 0);
	all[3] = moor_sem_waitable(sem_again); /* the same one through another handle */
	t_assert_err(moor_mutex_lock(owned, MOOR_NOWAIT), 0);
	ck_assert_int_eq(t_wait(t_spawn(die_owning, NULL)), 128 + SIGKILL);
	t_assert_err(moor_wait_all(all, n, MOOR_NOWAIT), MOOR_EAGAIN);
	t_assert_err(moor_wait_all(all, n, 250 * MS), MOOR_ETIMEDOUT);
	/* All as it was. */
	ck_assert_uint_eq(count_of(sem), 3);
	t_assert_err(moor_mutex_unlock(mutex), MOOR_ENOTOWNER);
	t_assert_err(moor_wait_all(all, n - 2, MOOR_FOREVER), MOOR_ABANDONED);
	ck_assert_uint_eq(count_of(sem), 1);
	t_assert_err(moor_event_wait(event, MOOR_NOWAIT), MOOR_EAGAIN);
	t_assert_err(moor_event_wait(manual, MOOR_NOWAIT), 0);
	t_assert_err(moor_mutex_unlock(mutex), 0);
	t_assert_err(moor_mutex_unlock(mutex), MOOR_ENOTOWNER);
	t_assert_err(moor_mutex_unlock(owned), 0);
	t_assert_err(moor_mutex_unlock(owned), 0);
	t_assert_err(moor_mutex_unlock(owned), MOOR_ENOTOWNER);
	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), 0); /* the death was told once */
	/* With only one token left there are not two. */
	t_assert_err(moor_event_set(event), 0);
	t_assert_err(moor_wait_all(all + 1, 3, 20 * MS), MOOR_ETIMEDOUT);
	ck_assert_uint_eq(count_of(sem), 1);
	t_assert_err(moor_event_wait(event, MOOR_NOWAIT), 0);
	moor_mutex_close(mutex);
	moor_mutex_close(owned);
	moor_sem_close(sem);
	moor_sem_close(sem_again);
	moor_event_close(event);
	moor_event_close(never);
	moor_event_close(manual);
}
END_TEST

/* A mutex that was found abandoned, and given back, is told of by a plain lock. */
START_TEST(test_S12_abandoned_stays_abandoned)
{
	moor_mutex *mutex = make_mutex("m");
	moor_event *never = make_event("never", 0);
	struct moor_waitable both[2] = {moor_mutex_waitable(mutex), moor_event_waitable(never)};

	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(t_wait(t_spawn(die_owning, NULL)), 128 + SIGKILL);
		t_assert_err(moor_wait_all(both, 2, i ? 100 * MS : MOOR_NOWAIT), i ? MOOR_ETIMEDOUT : MOOR_EAGAIN);
		t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), MOOR_ABANDONED);
		t_assert_err(moor_mutex_unlock(mutex), 0);
		t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), 0);
		t_assert_err(moor_mutex_unlock(mutex), 0);
	}
	moor_mutex_close(mutex);
	moor_event_close(never);
}
END_TEST

/* ---- many who wait for all, in all orders ---- */

#define DINERS 5
#define MEALS 400

struct table {
	uint64_t meals, without_waitv;
	uint32_t fork_used[DINERS];
};

struct diner {
	struct table *table;
	int number;
};

static int dine(void *arg)
{
	struct diner *diner = arg;
	struct table *table = diner->table;
	const int left = diner->number, right = (diner->number + 1) % DINERS;
	struct moor_waitable both[2];
	moor_mutex *forks[2];
	moor_sem *seats;
	char name[16];

	for (int i = 0; i < 2; i++) {
		snprintf(name, sizeof name, "fork%d", i ? right : left);
		if (moor_mutex_open(name, NULL, &forks[i]) != 0)
			return 1;
		both[i] = moor_mutex_waitable(forks[i]);
	}
	if (moor_sem_open("meals", NULL, &seats) != 0)
		return 1;
	for (int i = 0; i < MEALS; i++) {
		if (moor_wait_all(both, 2, (int64_t)60000 * MS) != 0)
			return 2;
		if (table->fork_used[left]++ || table->fork_used[right]++)
			return 3;
		table->fork_used[left] = table->fork_used[right] = 0;
		if (moor_mutex_unlock(forks[0]) != 0 || moor_mutex_unlock(forks[1]) != 0)
			return 4;
		if (moor_sem_post(seats, 1, NULL) != 0)
			return 5;
	}
	return 0;
}

START_TEST(test_diners)
{
	struct table *table = t_shared(sizeof *table);
	struct diner diners[DINERS];
	moor_mutex *forks[DINERS];
	pid_t pids[DINERS];
	moor_sem *meals;
	char name[16];

	never_heal();
	t_assert_err(moor_sem_create("meals", 0, DINERS * MEALS, NULL, &meals), 0);
	for (int i = 0; i < DINERS; i++) {
		snprintf(name, sizeof name, "fork%d", i);
		forks[i] = make_mutex(name);
	}
	for (int i = 0; i < DINERS; i++) {
		diners[i] = (struct diner){table, i};
		pids[i] = t_spawn(dine, &diners[i]);
	}
	for (int i = 0; i < DINERS; i++)
		ck_assert_int_eq(t_wait(pids[i]), 0);
	for (int i = 0; i < DINERS * MEALS; i++)
		t_assert_err(moor_sem_wait(meals, MOOR_NOWAIT), 0);
	t_assert_err(moor_sem_wait(meals, MOOR_NOWAIT), MOOR_EAGAIN);
	for (int i = 0; i < DINERS; i++)
		moor_mutex_close(forks[i]);
	moor_sem_close(meals);
}
END_TEST

/* Two semaphores, taken in pairs by several, given one by one: none is lost, whoever waits for what. */
#define PAIRS 2000

struct taker {
	bool any, without_waitv;
	uint32_t taken[2];
};

static int take_pairs(void *arg)
{
	struct taker *taker = arg;
	struct moor_waitable both[2];
	moor_sem *a, *b;

	moor__os_without_waitv = taker->without_waitv;
	if (moor_sem_open("a", NULL, &a) != 0 || moor_sem_open("b", NULL, &b) != 0)
		return 1;
	both[taker->without_waitv] = moor_sem_waitable(a);
	both[!taker->without_waitv] = moor_sem_waitable(b);
	for (int i = 0; i < PAIRS; i++) {
		size_t index;

		if (!taker->any) {
			if (moor_wait_all(both, 2, (int64_t)60000 * MS) != 0)
				return 2;
			taker->taken[0]++;
			taker->taken[1]++;
			continue;
		}
		for (int k = 0; k < 2; k++) {
			if (moor_wait_any(both, 2, (int64_t)60000 * MS, &index) != 0)
				return 3;
			taker->taken[index ^ taker->without_waitv]++;
		}
	}
	return 0;
}

START_TEST(test_pairs)
{
	moor_sem *sems[2] = {make_sem("a", 0), make_sem("b", 0)};
	struct taker *takers = t_shared(4 * sizeof *takers);
	uint32_t given[2] = {0, 0};
	pid_t pids[4];
	int running = 4;

	never_heal();
	for (int i = 0; i < 4; i++) {
		takers[i].any = i % 2;
		takers[i].without_waitv = i / 2;
		pids[i] = t_spawn(take_pairs, &takers[i]);
	}
	/* As much as anybody can want of each; whoever waits for one takes what there is. */
	while (running) {
		for (int k = 0; k < 2; k++)
			if (moor_sem_post(sems[k], 1, NULL) == 0)
				given[k]++;
		for (int i = 0; i < 4; i++) {
			int status;

			if (pids[i] && waitpid(pids[i], &status, WNOHANG) == pids[i]) {
				ck_assert_int_eq(status, 0);
				pids[i] = 0;
				running--;
			}
		}
	}
	for (int k = 0; k < 2; k++) {
		uint32_t taken = count_of(sems[k]);

		for (int i = 0; i < 4; i++)
			taken += takers[i].taken[k];
		ck_assert_uint_eq(taken, given[k]);
		moor_sem_close(sems[k]);
	}
}
END_TEST

/* ---- channels ---- */

static int talk(void *arg)
{
	struct t_gate **gates = arg;
	char buf[1000] = "";
	moor_tx *tx;
	moor_rx *rx;
	size_t len;

	if (moor_tx_open("there", NULL, &tx) < 0 || moor_rx_open("back", NULL, &rx) < 0)
		return 1;
	t_gate_open(gates[0], 1);
	t_gate_pass(gates[1]);
	t_sleep_ms(30);
	if (moor_tx_send(tx, "x", 1, MOOR_NOWAIT) != 0)
		return 2;
	t_gate_pass(gates[1]);
	t_sleep_ms(30);
	while (moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_NOWAIT) == 0)
		;
	t_gate_pass(gates[1]);
	t_sleep_ms(30);
	if (arg && gates[2])
		kill(getpid(), SIGKILL);
	moor_tx_close(tx);
	moor_rx_close(rx);
	return 0;
}

START_TEST(test_rx_and_tx)
{
	const struct moor_channel_opts small = MOOR_CHANNEL_OPTS(.capacity = 4096, .max_message = 1000);
	struct t_gate *gates[3] = {t_gate_new(), t_gate_new(), _i / 2 ? t_gate_new() : NULL};
	moor_event *event = make_event("never", 0);
	struct moor_waitable all[3], none;
	char message[1000] = "";
	size_t index, len;
	moor_rx *rx;
	moor_tx *tx;
	pid_t pid;

	choose(_i);
	none = moor_rx_waitable(NULL);
	t_assert_err(moor_wait_any(&none, 1, MOOR_NOWAIT, &index), MOOR_EINVAL);
	none = moor_tx_waitable(NULL);
	t_assert_err(moor_wait_all(&none, 1, MOOR_NOWAIT), MOOR_EINVAL);
	ck_assert_int_ge(moor_rx_open("there", NULL, &rx), 0);
	ck_assert_int_ge(moor_tx_open("back", &small, &tx), 0);
	all[0] = moor_event_waitable(event);
	all[1] = moor_rx_waitable(rx);
	all[2] = moor_tx_waitable(tx);
	t_assert_err(moor_wait_any(all, 3, MOOR_NOWAIT, &index), 0);
	ck_assert_uint_eq(index, 2); /* there is room */
	while (moor_tx_send(tx, message, sizeof message, MOOR_NOWAIT) == 0)
		;
	pid = t_spawn(talk, gates);
	t_gate_pass(gates[0]);
	t_assert_err(moor_wait_any(all, 3, 30 * MS, &index), MOOR_ETIMEDOUT);
	/* A message comes, and is not taken. */
	t_gate_open(gates[1], 1);
	for (int i = 0; i < 2; i++) {
		t_assert_err(moor_wait_any(all, 3, MOOR_FOREVER, &index), 0);
		ck_assert_uint_eq(index, 1);
	}
	t_assert_err(moor_wait_all(all + 1, 2, 20 * MS), MOOR_ETIMEDOUT);
	/* Room comes: now both are ready. */
	t_gate_open(gates[1], 1);
	t_assert_err(moor_wait_all(all + 1, 2, MOOR_FOREVER), 0);
	t_assert_err(moor_rx_recv(rx, message, sizeof message, &len, MOOR_NOWAIT), 0);
	t_assert_err(moor_wait_any(all, 2, MOOR_NOWAIT, &index), MOOR_EAGAIN);
	/* The end of the stream, which is for recv to tell. */
	t_gate_open(gates[1], 1);
	for (int i = 0; i < 2; i++) {
		t_assert_err(moor_wait_any(all, 2, MOOR_FOREVER, &index), 0);
		ck_assert_uint_eq(index, 1);
	}
	t_assert_err(moor_rx_recv(rx, message, sizeof message, &len, MOOR_NOWAIT),
	             _i / 2 ? MOOR_EPEERDEAD : MOOR_ECLOSED);
	ck_assert_int_eq(t_wait(pid), _i / 2 ? 128 + SIGKILL : 0);
	moor_rx_close(rx);
	moor_tx_close(tx);
	moor_event_close(event);
}
END_TEST

/* ---- signals ---- */

static volatile sig_atomic_t handled;

static void count_signal(int signal)
{
	(void)signal;
	handled++;
}

START_TEST(test_signal_ends_the_wait)
{
	const struct itimerval soon = {.it_interval = {0, 30000}, .it_value = {0, 30000}}, never = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = count_signal, .sa_flags = _i / 2 ? SA_RESTART : 0};
	moor_event *a = make_event("a", 0), *b = make_event("b", 0);
	struct moor_waitable both[2] = {moor_event_waitable(a), moor_event_waitable(b)};
	size_t index;
	int before;

	choose(_i);
	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	t_assert_err(moor_wait_any(both, 2, MOOR_FOREVER, &index), MOOR_EINTR);
	t_assert_err(moor_wait_all(both, 2, MOOR_FOREVER), MOOR_EINTR);
	setitimer(ITIMER_REAL, &never, NULL);
	ck_assert_int_ge(handled, 2);
	/* A signal without a handler changes nothing. */
	before = handled;
	action.sa_handler = SIG_IGN;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	t_assert_err(moor_wait_any(both, 2, 200 * MS, &index), MOOR_ETIMEDOUT);
	setitimer(ITIMER_REAL, &never, NULL);
	ck_assert_int_eq(handled, before);
	moor_event_close(a);
	moor_event_close(b);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("waitset");
	TCase *tc = tcase_create("waitset");

	tcase_set_timeout(tc, 240);
	tcase_add_test(tc, test_bad_arguments);
	tcase_add_loop_test(tc, test_E7_in_order, 0, 2);
	tcase_add_loop_test(tc, test_any_of_each_kind, 0, 2);
	tcase_add_loop_test(tc, test_S12_any_takes_one, 0, 2);
	tcase_add_test(tc, test_S12_no_wake_up_is_swallowed);
	tcase_add_test(tc, test_S7_a_grant_is_not_merged_with_a_set);
	tcase_add_loop_test(tc, test_S12_all_hands_a_wake_up_on, 0, 2);
	tcase_add_loop_test(tc, test_any_with_a_tiny_timeout_is_handed_a_mutex, 0, 2);
	tcase_add_test(tc, test_S12_all_tells_file_systems_apart);
	tcase_add_loop_test(tc, test_S12_all_or_nothing, 0, 2);
	tcase_add_test(tc, test_S12_abandoned_stays_abandoned);
	tcase_add_test(tc, test_diners);
	tcase_add_test(tc, test_pairs);
	tcase_add_loop_test(tc, test_rx_and_tx, 0, 4);
	tcase_add_loop_test(tc, test_signal_ends_the_wait, 0, 4);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
