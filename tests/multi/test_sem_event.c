/* SPDX-License-Identifier: Apache-2.0 */
/* test_sem_event.c - semaphore and event, between threads and processes, and when waiters die; cases S and E. */
#include "tests/lib/testing.h"

#include "base/crash.h"
#include "sync/sync.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
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
#define UNTOUCHED 12345u

static moor_sem *make_sem(uint32_t initial, uint32_t max)
{
	moor_sem *sem;

	t_assert_err(moor_sem_create("s", initial, max, NULL, &sem), 0);
	return sem;
}

static moor_event *make_event(unsigned flags)
{
	moor_event *event;

	t_assert_err(moor_event_create("e", flags, NULL, &event), 0);
	return event;
}

/* The count, by taking all and giving it back. */
static uint32_t count_of(moor_sem *sem)
{
	uint32_t count = 0;

	while (moor_sem_wait(sem, MOOR_NOWAIT) == 0)
		count++;
	if (count)
		t_assert_err(moor_sem_post(sem, count, NULL), 0);
	return count;
}

START_TEST(test_S2_bad_counts)
{
	moor_sem *sem = NULL;
	uint32_t previous = UNTOUCHED;

	t_assert_err(moor_sem_create("s", 0, 0, NULL, &sem), MOOR_EINVAL);
	t_assert_err(moor_sem_create("s", 2, 1, NULL, &sem), MOOR_EINVAL);
	t_assert_err(moor_sem_create("s", 0, 0x80000000u, NULL, &sem), MOOR_EINVAL);
	t_assert_err(moor_sem_create_or_open("s", 2, 1, NULL, &sem), MOOR_EINVAL);
	t_assert_err(moor_sem_create("s", 0, 1, NULL, NULL), MOOR_EINVAL);
	t_assert_err(moor_sem_create(NULL, 0, 1, NULL, &sem), MOOR_EINVAL);
	t_assert_err(moor_sem_create("", 0, 1, NULL, &sem), MOOR_ENAME);
	t_assert_err(moor_sem_open("s", NULL, &sem), MOOR_ENOENT);
	ck_assert_ptr_null(sem);
	ck_assert_int_eq(t_local_entries(), 0);
	t_assert_err(moor_sem_wait(NULL, 0), MOOR_EINVAL);
	t_assert_err(moor_sem_post(NULL, 1, NULL), MOOR_EINVAL);
	sem = make_sem(0x7fffffff, 0x7fffffff);
	t_assert_err(moor_sem_post(sem, 0, &previous), MOOR_EINVAL);
	t_assert_err(moor_sem_wait(sem, -2), MOOR_EINVAL);
	t_assert_err(moor_sem_post(sem, 1, &previous), MOOR_EOVERFLOW);
	t_assert_err(moor_sem_post(sem, UINT32_MAX, &previous), MOOR_EOVERFLOW);
	ck_assert_uint_eq(previous, UNTOUCHED);
	t_assert_err(moor_sem_wait(sem, MOOR_NOWAIT), 0);
	t_assert_err(moor_sem_post(sem, 1, &previous), 0);
	ck_assert_uint_eq(previous, 0x7ffffffe);
	moor_sem_close(sem);
	moor_sem_close(NULL);
}
END_TEST

START_TEST(test_S5_S6_S8_post)
{
	moor_sem *sem = make_sem(1, 5), *other;
	uint32_t previous = UNTOUCHED;

	t_assert_err(moor_sem_open("s", NULL, &other), 0);
	t_assert_err(moor_sem_post(sem, 5, &previous), MOOR_EOVERFLOW);
	ck_assert_uint_eq(previous, UNTOUCHED);
	ck_assert_uint_eq(count_of(other), 1);
	t_assert_err(moor_sem_post(sem, 2, &previous), 0);
	ck_assert_uint_eq(previous, 1);
	t_assert_err(moor_sem_post(other, 1, &previous), 0);
	ck_assert_uint_eq(previous, 3);
	t_assert_err(moor_sem_post(other, 1, &previous), 0);
	ck_assert_uint_eq(previous, 4);
	previous = UNTOUCHED;
	t_assert_err(moor_sem_post(other, 1, &previous), MOOR_EOVERFLOW);
	ck_assert_uint_eq(previous, UNTOUCHED);
	for (int i = 0; i < 5; i++)
		t_assert_err(moor_sem_wait(i % 2 ? sem : other, MOOR_FOREVER), 0);
	t_assert_err(moor_sem_wait(sem, MOOR_NOWAIT), MOOR_EAGAIN);
	t_assert_err(moor_sem_wait(sem, 1), MOOR_ETIMEDOUT);
	moor_sem_close(sem);
	/* An existing one keeps its maximum and its count. */
	t_assert_err(moor_sem_create_or_open("s", 1, 1, NULL, &sem), 0);
	t_assert_err(moor_sem_wait(sem, MOOR_NOWAIT), MOOR_EAGAIN);
	t_assert_err(moor_sem_post(sem, 5, NULL), 0);
	moor_sem_close(sem);
	moor_sem_close(other);
	t_assert_err(moor_sem_open("s", NULL, &sem), MOOR_ENOENT); /* S10 */
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

struct waiter {
	volatile int result;
	volatile uint32_t done;
};

static int wait_sem(void *arg)
{
	struct waiter *waiter = arg;
	moor_sem *sem;

	if (moor_sem_open("s", NULL, &sem) != 0)
		return 1;
	waiter->result = moor_sem_wait(sem, MOOR_FOREVER);
	waiter->done = 1;
	return waiter->result == 0 ? 0 : 2;
}

/* post(n) wakes n at once. */
START_TEST(test_S8_post_many)
{
	struct waiter *waiters = t_shared(4 * sizeof *waiters);
	moor_sem *sem = make_sem(0, 10);
	uint32_t done = 0;
	pid_t pids[4];

	never_heal();
	for (int i = 0; i < 4; i++)
		pids[i] = t_spawn(wait_sem, &waiters[i]);
	t_sleep_ms(50);
	t_assert_err(moor_sem_post(sem, 3, NULL), 0);
	while (done < 3) {
		t_sleep_ms(1);
		done = 0;
		for (int i = 0; i < 4; i++)
			done += waiters[i].done;
	}
	t_sleep_ms(50);
	ck_assert_uint_eq(waiters[0].done + waiters[1].done + waiters[2].done + waiters[3].done, 3);
	t_assert_err(moor_sem_post(sem, 1, NULL), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(t_wait(pids[i]), 0);
	t_assert_err(moor_sem_wait(sem, MOOR_NOWAIT), MOOR_EAGAIN);
	moor_sem_close(sem);
}
END_TEST

START_TEST(test_S15_waiter_killed)
{
	struct waiter *waiters = t_shared(3 * sizeof *waiters);
	moor_sem *sem = make_sem(0, 10);
	pid_t pids[3];

	for (int round = 0; round < 6; round++) {
		memset(waiters, 0, 3 * sizeof *waiters);
		for (int i = 0; i < 3; i++) {
			pids[i] = t_spawn(wait_sem, &waiters[i]);
			t_sleep_ms(5);
		}
		if (round % 2) {
			kill(pids[0], SIGSTOP); /* woken, and does not run */
			t_assert_err(moor_sem_post(sem, 2, NULL), 0);
			t_kill(pids[0]);
		} else {
			t_kill(pids[0]);
			t_assert_err(moor_sem_post(sem, 2, NULL), 0);
		}
		for (int i = 1; i < 3; i++)
			ck_assert_int_eq(t_wait(pids[i]), 0);
		t_assert_err(moor_sem_wait(sem, MOOR_NOWAIT), MOOR_EAGAIN);
	}
	moor_sem_close(sem);
}
END_TEST

#define WORKERS 8
#define ROUNDS (T_SANITIZER ? 20000 : 100000)

static int guarded_increments(void *arg)
{
	uint64_t *counter = arg;
	uint32_t previous;
	moor_sem *sem;

	if (moor_sem_open("s", NULL, &sem) != 0)
		return 1;
	for (int i = 0; i < ROUNDS; i++) {
		if (moor_sem_wait(sem, MOOR_FOREVER) != 0)
			return 2;
		++*counter;
		if (moor_sem_post(sem, 1, &previous) != 0 || previous != 0)
			return 3;
	}
	moor_sem_close(sem);
	return 0;
}

START_TEST(test_S16_guarded_increments)
{
	uint64_t *counter = t_shared(sizeof *counter);
	moor_sem *sem = make_sem(1, 1);
	pid_t pids[WORKERS];

	never_heal();
	for (int i = 0; i < WORKERS; i++)
		pids[i] = t_spawn(guarded_increments, counter);
	for (int i = 0; i < WORKERS; i++)
		ck_assert_int_eq(t_wait(pids[i]), 0);
	ck_assert_uint_eq(*counter, (uint64_t)WORKERS * ROUNDS);
	ck_assert_uint_eq(count_of(sem), 1);
	moor_sem_close(sem);
}
END_TEST

static int take_and_die(void *arg)
{
	moor_sem *sem;

	(void)arg;
	if (moor_sem_open("s", NULL, &sem) != 0 || moor_sem_wait(sem, MOOR_NOWAIT) != 0)
		return 1;
	kill(getpid(), SIGKILL);
	return 2;
}

START_TEST(test_S22_holder_dies)
{
	moor_sem *sem = make_sem(2, 2);

	ck_assert_int_eq(t_wait(t_spawn(take_and_die, NULL)), 128 + SIGKILL);
	ck_assert_uint_eq(count_of(sem), 1);
	t_assert_err(moor_sem_post(sem, 1, NULL), 0);
	moor_sem_close(sem);
}
END_TEST

static int child_uses_it(void *arg)
{
	moor_sem *sem = arg;

	if (moor_sem_wait(sem, MOOR_NOWAIT) != 0 || moor_sem_wait(sem, MOOR_NOWAIT) != MOOR_EAGAIN)
		return 1;
	if (moor_sem_post(sem, 1, NULL) != 0)
		return 2;
	moor_sem_close(sem);
	return 0;
}

START_TEST(test_F_fork)
{
	moor_sem *sem = make_sem(1, 1);
	moor_event *event = make_event(0);
	pid_t pid;

	ck_assert_int_eq(t_wait(t_spawn(child_uses_it, sem)), 0);
	ck_assert_uint_eq(count_of(sem), 1);
	/* The parent goes first: the child keeps the name. */
	pid = fork();
	if (pid == 0) {
		_exit(moor_event_wait(event, (int64_t)60000 * MS) == 0 ? 0 : 1);
	}
	t_assert_err(moor_event_set(event), 0);
	moor_event_close(event);
	ck_assert_int_eq(t_wait(pid), 0);
	t_assert_err(moor_event_open("e", NULL, &event), MOOR_ENOENT);
	moor_sem_close(sem);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* ---- event ---- */

START_TEST(test_E_states)
{
	moor_event *event = NULL, *other;

	t_assert_err(moor_event_create("e", 4, NULL, &event), MOOR_EINVAL);
	t_assert_err(moor_event_create("e", 0, NULL, NULL), MOOR_EINVAL);
	t_assert_err(moor_event_open("e", NULL, &event), MOOR_ENOENT);
	ck_assert_ptr_null(event);
	t_assert_err(moor_event_set(NULL), MOOR_EINVAL);
	t_assert_err(moor_event_reset(NULL), MOOR_EINVAL);
	t_assert_err(moor_event_wait(NULL, 0), MOOR_EINVAL);
	moor_event_close(NULL);
	for (unsigned flags = 0; flags < 4; flags++) {
		const int again = flags & MOOR_MANUAL_RESET ? 0 : MOOR_EAGAIN;

		event = make_event(flags);
		t_assert_err(moor_event_create_or_open("e", flags ^ 3, NULL, &other), 0); /* it stays what it is */
		t_assert_err(moor_event_wait(event, -2), MOOR_EINVAL);
		if (flags & MOOR_INITIALLY_SET) {
			t_assert_err(moor_event_wait(other, MOOR_NOWAIT), 0);
			t_assert_err(moor_event_wait(event, MOOR_NOWAIT), again);
			t_assert_err(moor_event_reset(event), 0);
		}
		t_assert_err(moor_event_wait(event, MOOR_NOWAIT), MOOR_EAGAIN);
		t_assert_err(moor_event_wait(event, 1), MOOR_ETIMEDOUT);
		for (int i = 0; i < 3; i++)
			t_assert_err(moor_event_set(i % 2 ? event : other), 0);
		t_assert_err(moor_event_wait(other, MOOR_FOREVER), 0);
		t_assert_err(moor_event_wait(event, MOOR_NOWAIT), again);
		t_assert_err(moor_event_set(event), 0);
		t_assert_err(moor_event_reset(other), 0);
		t_assert_err(moor_event_reset(other), 0);
		t_assert_err(moor_event_wait(event, MOOR_NOWAIT), MOOR_EAGAIN);
		moor_event_close(event);
		moor_event_close(other);
	}
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

static int wait_event(void *arg)
{
	struct waiter *waiter = arg;
	moor_event *event;

	if (moor_event_open("e", NULL, &event) != 0)
		return 1;
	waiter->done = 1;
	waiter->result = moor_event_wait(event, MOOR_FOREVER);
	waiter->done = 2;
	return waiter->result == 0 ? 0 : 2;
}

static unsigned through(const struct waiter *waiters, unsigned n)
{
	unsigned count = 0;

	for (unsigned i = 0; i < n; i++)
		count += waiters[i].done == 2;
	return count;
}

/* In the sleep of its wait: after it has said that it is about to wait it sleeps for nothing else. */
static bool sleeps(pid_t pid)
{
	char path[32], text[256] = "";
	const char *state;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	if (!fgets(text, sizeof text, file))
		text[0] = 0;
	fclose(file);
	state = strrchr(text, ')');
	return state && state[1] && state[2] == 'S';
}

static void until_they_wait(const struct waiter *waiters, const pid_t *pids, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		while (!waiters[i].done || !sleeps(pids[i]))
			t_sleep_ms(1);
}

START_TEST(test_E1_auto_reset_releases_one)
{
	struct waiter *waiters = t_shared(5 * sizeof *waiters);
	moor_event *event = make_event(0);
	pid_t pids[5];

	never_heal();
	for (int i = 0; i < 5; i++)
		pids[i] = t_spawn(wait_event, &waiters[i]);
	until_they_wait(waiters, pids, 5);
	for (unsigned set = 1; set <= 5; set++) {
		t_assert_err(moor_event_set(event), 0);
		while (through(waiters, 5) < set)
			t_sleep_ms(1);
		t_sleep_ms(20);
		ck_assert_uint_eq(through(waiters, 5), set);
	}
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(t_wait(pids[i]), 0);
	t_assert_err(moor_event_wait(event, MOOR_NOWAIT), MOOR_EAGAIN);
	moor_event_close(event);
}
END_TEST

/* More sets than waiters, one right after the other: each waiter is released, and then the event is set, once. */
START_TEST(test_E1_sets_in_a_row)
{
	struct waiter *waiters = t_shared(3 * sizeof *waiters);
	moor_event *event = make_event(0);
	pid_t pids[3];

	never_heal();
	for (int i = 0; i < 3; i++)
		pids[i] = t_spawn(wait_event, &waiters[i]);
	until_they_wait(waiters, pids, 3);
	for (int i = 0; i < 5; i++)
		t_assert_err(moor_event_set(event), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(t_wait(pids[i]), 0);
	t_assert_err(moor_event_wait(event, MOOR_NOWAIT), 0);
	t_assert_err(moor_event_wait(event, MOOR_NOWAIT), MOOR_EAGAIN);
	moor_event_close(event);
}
END_TEST

START_TEST(test_E2_manual_reset_releases_all)
{
	struct waiter *waiters = t_shared(6 * sizeof *waiters);
	moor_event *event = make_event(MOOR_MANUAL_RESET);
	pid_t pids[6];

	never_heal();
	for (int i = 0; i < 5; i++)
		pids[i] = t_spawn(wait_event, &waiters[i]);
	until_they_wait(waiters, pids, 5);
	t_assert_err(moor_event_set(event), 0);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(t_wait(pids[i]), 0);
	t_assert_err(moor_event_wait(event, MOOR_NOWAIT), 0);
	t_assert_err(moor_event_wait(event, MOOR_NOWAIT), 0);
	t_assert_err(moor_event_reset(event), 0);
	t_assert_err(moor_event_wait(event, MOOR_NOWAIT), MOOR_EAGAIN);
	pids[5] = t_spawn(wait_event, &waiters[5]);
	until_they_wait(&waiters[5], &pids[5], 1);
	t_sleep_ms(50);
	ck_assert_uint_eq(waiters[5].done, 1);
	t_assert_err(moor_event_set(event), 0);
	ck_assert_int_eq(t_wait(pids[5]), 0);
	moor_event_close(event);
}
END_TEST

static void stop_when_announced(const char *label)
{
	if (strcmp(label, "event: announced") == 0)
		raise(SIGSTOP);
}

static int wait_event_stopped(void *arg)
{
	moor__crash_hook = stop_when_announced;
	return wait_event(arg);
}

/* Set and reset at once: those who waited pass all the same, and those who come later do not. */
START_TEST(test_E2_pulse)
{
	struct waiter *waiter = t_shared(sizeof *waiter);
	moor_event *event = make_event(MOOR_MANUAL_RESET);
	pid_t pid = t_spawn(wait_event_stopped, waiter);
	siginfo_t info;

	/* It stands right before its sleep. */
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT), 0);
	t_assert_err(moor_event_set(event), 0);
	t_assert_err(moor_event_reset(event), 0);
	t_assert_err(moor_event_wait(event, MOOR_NOWAIT), MOOR_EAGAIN);
	kill(pid, SIGCONT);
	ck_assert_int_eq(t_wait(pid), 0);
	moor_event_close(event);
}
END_TEST

#define TURNS (T_SANITIZER ? 20000 : 100000)

static int answer(void *arg)
{
	moor_event *ping, *pong;

	(void)arg;
	if (moor_event_open("ping", NULL, &ping) != 0 || moor_event_open("pong", NULL, &pong) != 0)
		return 1;
	for (int i = 0; i < TURNS; i++)
		if (moor_event_wait(ping, (int64_t)60000 * MS) != 0 || moor_event_set(pong) != 0)
			return 2;
	return 0;
}

START_TEST(test_E6_ping_pong)
{
	moor_event *ping, *pong;
	pid_t pid;

	never_heal();
	t_assert_err(moor_event_create("ping", 0, NULL, &ping), 0);
	t_assert_err(moor_event_create("pong", 0, NULL, &pong), 0);
	pid = t_spawn(answer, NULL);
	for (int i = 0; i < TURNS; i++) {
		t_assert_err(moor_event_set(ping), 0);
		t_assert_err(moor_event_wait(pong, (int64_t)60000 * MS), 0);
	}
	ck_assert_int_eq(t_wait(pid), 0);
	t_assert_err(moor_event_wait(ping, MOOR_NOWAIT), MOOR_EAGAIN);
	t_assert_err(moor_event_wait(pong, MOOR_NOWAIT), MOOR_EAGAIN);
	moor_event_close(ping);
	moor_event_close(pong);
}
END_TEST

START_TEST(test_E_waiter_killed)
{
	struct waiter *waiters = t_shared(2 * sizeof *waiters);
	moor_event *event = make_event(0);
	pid_t pids[2];

	for (int round = 0; round < 6; round++) {
		memset(waiters, 0, 2 * sizeof *waiters);
		for (int i = 0; i < 2; i++) {
			pids[i] = t_spawn(wait_event, &waiters[i]);
			until_they_wait(&waiters[i], &pids[i], 1);
		}
		if (round % 2)
			kill(pids[0], SIGSTOP);
		else
			t_kill(pids[0]);
		t_assert_err(moor_event_set(event), 0);
		if (round % 2)
			t_kill(pids[0]);
		ck_assert_int_eq(t_wait(pids[1]), 0);
		t_assert_err(moor_event_reset(event), 0);
	}
	moor_event_close(event);
}
END_TEST

/* ---- signals ---- */

static void ignore_signal(int signal)
{
	(void)signal;
}

START_TEST(test_signal_ends_the_wait)
{
	const struct itimerval soon = {.it_interval = {0, 20000}, .it_value = {0, 20000}}, never = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = ignore_signal, .sa_flags = _i ? SA_RESTART : 0};
	moor_event *event = make_event(0);
	moor_sem *sem = make_sem(0, 1);

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	t_assert_err(moor_sem_wait(sem, MOOR_FOREVER), MOOR_EINTR);
	t_assert_err(moor_event_wait(event, MOOR_FOREVER), MOOR_EINTR);
	setitimer(ITIMER_REAL, &never, NULL);
	t_assert_err(moor_sem_post(sem, 1, NULL), 0);
	t_assert_err(moor_sem_wait(sem, MOOR_FOREVER), 0);
	moor_sem_close(sem);
	moor_event_close(event);
}
END_TEST

/* ---- what is on trial ---- */

static void stop_when_taken(const char *label)
{
	if (strcmp(label, "wait all: took one") == 0)
		raise(SIGSTOP);
}

static int try_on(void *arg)
{
	struct moor_waitable both[2];
	moor_event *event;
	moor_sem *sem;
	int err;

	(void)arg;
	/* Made later, and so with the higher number, as a rule; else it is taken second, which is as good. */
	if (moor_sem_open("s", NULL, &sem) != 0 || moor_event_open("e", NULL, &event) != 0)
		return 1;
	both[0] = moor_sem_waitable(sem);
	both[1] = moor_event_waitable(event);
	moor__crash_hook = stop_when_taken;
	err = moor_wait_all(both, 2, MOOR_NOWAIT);
	return err == MOOR_EAGAIN ? 0 : 2;
}

/*
 * A token that a wait for all has taken, and will give back, counts against the maximum as long as the process lives;
 * when it is killed, the token is lost, and the maximum is what it was.
 */
START_TEST(test_S12_token_on_trial)
{
	moor_sem *sem = make_sem(2, 2);
	moor_event *event = make_event(0);
	uint32_t previous = UNTOUCHED;
	siginfo_t info;
	pid_t pid = t_spawn(try_on, NULL);

	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WEXITED | WNOWAIT), 0);
	if (info.si_code != CLD_STOPPED) {
		t_wait(pid);
		t_skip("S12", "the event was tried first");
	}
	t_assert_err(moor_sem_post(sem, 1, &previous), MOOR_EOVERFLOW);
	ck_assert_uint_eq(previous, UNTOUCHED);
	t_assert_err(moor_sem_wait(sem, MOOR_NOWAIT), 0);
	t_assert_err(moor_sem_wait(sem, MOOR_NOWAIT), MOOR_EAGAIN);
	t_assert_err(moor_sem_post(sem, 2, &previous), MOOR_EOVERFLOW);
	t_assert_err(moor_sem_post(sem, 1, &previous), 0);
	if (_i) {
		t_kill(pid);
		t_assert_err(moor_sem_post(sem, 1, &previous), 0);
		ck_assert_uint_eq(previous, 1);
	} else {
		kill(pid, SIGCONT);
		ck_assert_int_eq(t_wait(pid), 0);
	}
	ck_assert_uint_eq(count_of(sem), 2);
	moor_sem_close(sem);
	moor_event_close(event);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sem_event");
	TCase *tc = tcase_create("sem_event");

	tcase_set_timeout(tc, 240);
	tcase_add_test(tc, test_S2_bad_counts);
	tcase_add_test(tc, test_S5_S6_S8_post);
	tcase_add_test(tc, test_S8_post_many);
	tcase_add_loop_test(tc, test_S12_token_on_trial, 0, 2);
	tcase_add_test(tc, test_S15_waiter_killed);
	tcase_add_test(tc, test_S16_guarded_increments);
	tcase_add_test(tc, test_S22_holder_dies);
	tcase_add_test(tc, test_F_fork);
	tcase_add_test(tc, test_E_states);
	tcase_add_test(tc, test_E1_auto_reset_releases_one);
	tcase_add_test(tc, test_E1_sets_in_a_row);
	tcase_add_test(tc, test_E2_manual_reset_releases_all);
	tcase_add_test(tc, test_E2_pulse);
	tcase_add_test(tc, test_E6_ping_pong);
	tcase_add_test(tc, test_E_waiter_killed);
	tcase_add_loop_test(tc, test_signal_ends_the_wait, 0, 2);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
