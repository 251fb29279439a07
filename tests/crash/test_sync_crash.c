/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_sync_crash.c - a process that is killed at every labelled point of everything it does with a mutex, a semaphore
 * and an event. Then others find each of them usable, and are told of a death if there was one.
 */
#include "tests/lib/testing.h"

#include "base/crash.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MS ((int64_t)1000000)
#define LONG (60000 * MS)

/* How far the victim has got with the mutex that it takes from a dead owner. */
enum { BEFORE, OWNING, LEAVING, LEFT };

struct progress {
	volatile uint32_t step;
};

struct objects {
	moor_mutex *abandoned, *busy, *mine;
	moor_sem *sem;
	moor_event *event, *never;
};

static int open_all(struct objects *o)
{
	return moor_mutex_open("abandoned", NULL, &o->abandoned) || moor_mutex_open("busy", NULL, &o->busy) ||
	       moor_mutex_create_or_open("mine", NULL, &o->mine) < 0 || moor_sem_open("sem", NULL, &o->sem) ||
	       moor_event_open("event", NULL, &o->event) || moor_event_open("never", NULL, &o->never);
}

static void close_all(struct objects *o)
{
	moor_mutex_close(o->abandoned);
	moor_mutex_close(o->busy);
	moor_mutex_close(o->mine);
	moor_sem_close(o->sem);
	moor_event_close(o->event);
	moor_event_close(o->never);
}

/* Sleeps for each of them while the main thread lets go. */
static void *second_thread(void *arg)
{
	struct objects *o = arg;

	(void)moor_mutex_lock(o->mine, LONG);
	(void)moor_mutex_unlock(o->mine);
	(void)moor_sem_wait(o->sem, LONG);
	(void)moor_event_wait(o->event, LONG);
	(void)moor_mutex_lock(o->mine, LONG); /* and ends with it */
	return NULL;
}

static int script(void *arg)
{
	struct progress *progress = arg;
	struct moor_waitable two[2], all[3];
	struct objects o;
	pthread_t thread;
	size_t index;

	if (open_all(&o) != 0 || moor_mutex_lock(o.abandoned, LONG) != MOOR_ABANDONED)
		return 1;
	progress->step = OWNING;
	if (moor_mutex_lock(o.busy, 5 * MS) != MOOR_ETIMEDOUT || moor_sem_wait(o.sem, 5 * MS) != MOOR_ETIMEDOUT ||
	    moor_event_wait(o.event, 5 * MS) != MOOR_ETIMEDOUT)
		return 2;
	progress->step = LEAVING;
	if (moor_mutex_unlock(o.abandoned) != 0)
		return 3;
	progress->step = LEFT;
	if (moor_mutex_lock(o.mine, LONG) != 0)
		return 4;
	if (pthread_create(&thread, NULL, second_thread, &o) != 0)
		return 5;
	t_sleep_ms(10);
	if (moor_mutex_unlock(o.mine) != 0)
		return 6;
	t_sleep_ms(10);
	if (moor_sem_post(o.sem, 1, NULL) != 0)
		return 7;
	t_sleep_ms(10);
	if (moor_event_set(o.event) != 0 || pthread_join(thread, NULL) != 0)
		return 8;
	if (moor_mutex_lock(o.mine, LONG) != MOOR_ABANDONED || moor_mutex_unlock(o.mine) != 0)
		return 9;
	if (moor_sem_post(o.sem, 1, NULL) != 0)
		return 10;
	two[0] = moor_mutex_waitable(o.busy);
	two[1] = moor_event_waitable(o.never);
	if (moor_wait_any(two, 2, 5 * MS, &index) != MOOR_ETIMEDOUT)
		return 11;
	all[0] = moor_mutex_waitable(o.mine);
	all[1] = moor_sem_waitable(o.sem);
	all[2] = moor_event_waitable(o.never);
	if (moor_wait_all(all, 3, 5 * MS) != MOOR_ETIMEDOUT || moor_wait_all(all, 2, LONG) != 0)
		return 12;
	if (moor_mutex_unlock(o.mine) != 0)
		return 13;
	close_all(&o);
	return 0;
}

struct killing {
	const char *label;
	unsigned nth;
	struct progress *progress;
};

static int killed_script(void *arg)
{
	struct killing *killing = arg;

	t_die_at(killing->label, killing->nth);
	return script(killing->progress);
}

static int die_owning(void *arg)
{
	moor_mutex *mutex;

	(void)arg;
	if (moor_mutex_open("abandoned", NULL, &mutex) != 0 || moor_mutex_lock(mutex, LONG) < 0)
		return 1;
	kill(getpid(), SIGKILL);
	return 2;
}

static int own_busy(void *arg)
{
	moor_mutex *mutex;

	if (moor_mutex_open("busy", NULL, &mutex) != 0 || moor_mutex_lock(mutex, LONG) != 0)
		return 1;
	t_gate_open(arg, 1);
	for (;;)
		pause();
}

static moor_hold *holds[5];
static const char *const names[] = {"abandoned", "busy", "sem", "event", "never"};
static pid_t owner_of_busy;

/* The objects, alive without a handle in this process; one mutex whose owner is dead, and one that is owned. */
static void set_up(struct objects *o)
{
	static struct t_gate *gate;

	if (!gate)
		gate = t_gate_new();
	memset(o, 0, sizeof *o);
	t_assert_err(moor_mutex_create("abandoned", NULL, &o->abandoned), 0);
	t_assert_err(moor_mutex_create("busy", NULL, &o->busy), 0);
	t_assert_err(moor_sem_create("sem", 0, 3, NULL, &o->sem), 0);
	t_assert_err(moor_event_create("event", 0, NULL, &o->event), 0);
	t_assert_err(moor_event_create("never", MOOR_MANUAL_RESET, NULL, &o->never), 0);
	for (int i = 0; i < 5; i++)
		t_assert_err(moor_hold_open(names[i], &holds[i]), 0);
	close_all(o);
	ck_assert_int_eq(t_wait(t_spawn(die_owning, NULL)), 128 + SIGKILL);
	owner_of_busy = t_spawn(own_busy, gate);
	t_gate_pass(gate);
}

static void usable(struct objects *o, const struct progress *progress, const char *label, unsigned nth)
{
	int news;

	t_kill(owner_of_busy);
	ck_assert_int_eq(open_all(o), 0);
	news = moor_mutex_lock(o->abandoned, LONG);
	ck_assert_msg(progress->step == LEAVING || news == (progress->step == LEFT ? 0 : MOOR_ABANDONED),
	              "after death at %s %u in step %u: %s", label, nth, progress->step, moor_err_name(news));
	ck_assert_int_ge(news, 0);
	t_assert_err(moor_mutex_unlock(o->abandoned), 0);
	t_assert_err(moor_mutex_lock(o->abandoned, MOOR_NOWAIT), 0);
	t_assert_err(moor_mutex_unlock(o->abandoned), 0);
	t_assert_err(moor_mutex_lock(o->busy, MOOR_NOWAIT), MOOR_ABANDONED);
	t_assert_err(moor_mutex_unlock(o->busy), 0);
	ck_assert_int_ge(moor_mutex_lock(o->mine, LONG), 0);
	t_assert_err(moor_mutex_unlock(o->mine), 0);
	while (moor_sem_wait(o->sem, MOOR_NOWAIT) == 0)
		;
	t_assert_err(moor_sem_post(o->sem, 3, NULL), 0); /* up to its maximum, whatever was on trial */
	t_assert_err(moor_sem_wait(o->sem, LONG), 0);
	t_assert_err(moor_event_reset(o->event), 0);
	t_assert_err(moor_event_set(o->event), 0);
	t_assert_err(moor_event_wait(o->event, LONG), 0);
	t_assert_err(moor_event_wait(o->event, MOOR_NOWAIT), MOOR_EAGAIN);
	close_all(o);
	for (int i = 0; i < 5; i++)
		moor_hold_close(holds[i]);
	ck_assert_int_eq(t_local_entries(), 0);
}

static unsigned deaths;

static void kill_at(const char *label, unsigned times, void *arg)
{
	struct progress *progress = arg;

	if (strncmp(label, "sweep", 5) == 0) /* the life of names has tests of its own */
		return;
	for (unsigned nth = 1; nth <= times && nth <= 12; nth++) {
		struct killing killing = {label, nth, progress};
		struct objects o;
		int code;

		progress->step = BEFORE;
		set_up(&o);
		code = t_wait(t_spawn(killed_script, &killing));
		/* How often a thread sleeps differs from run to run: it may end before the label's nth time. */
		ck_assert_msg(code == 0 || code == 128 + SIGKILL, "%s %u: the script ended with %d", label, nth, code);
		deaths += code != 0;
		usable(&o, progress, label, nth);
	}
}

START_TEST(test_killed_everywhere)
{
	struct progress *progress = t_shared(sizeof *progress);
	struct objects o;

	set_up(&o);
	t_count_labels();
	ck_assert_int_eq(script(progress), 0);
	moor__crash_hook = NULL;
	usable(&o, progress, "none", 0);
	t_each_label(kill_at, progress);
	ck_assert_uint_gt(deaths, 30);
	printf("%u deaths\n", deaths);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sync_crash");
	TCase *tc = tcase_create("sync_crash");

	tcase_set_timeout(tc, 600);
	tcase_add_test(tc, test_killed_everywhere);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
