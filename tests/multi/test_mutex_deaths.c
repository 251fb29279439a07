/* SPDX-License-Identifier: Apache-2.0 */
/* test_mutex_deaths.c - the mutex when owners and waiters die, in every way, and when they fork. */
#include "tests/lib/testing.h"

#include "base/crash.h"
#include "map/participant.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS ((int64_t)1000000)
#define NEW_PID_SPACE 0x20000000 /* CLONE_NEWPID */

/* The orphans of the test before may still be ending, and hold the name as long. */
static moor_mutex *make(void)
{
	const int64_t start = t_now();
	moor_mutex *mutex;
	int err;

	while ((err = moor_mutex_create("m", NULL, &mutex)) == MOOR_EEXIST && t_now() - start < 30000 * MS)
		t_sleep_ms(1);
	t_assert_err(err, 0);
	return mutex;
}

/* An unrelated process would open it by name; so do children here, although they inherit a handle. */
static moor_mutex *open_and_lock(int expected)
{
	moor_mutex *mutex;

	if (moor_mutex_open("m", NULL, &mutex) != 0 || moor_mutex_lock(mutex, MOOR_FOREVER) != expected)
		_exit(99);
	return mutex;
}

struct stage {
	struct t_gate *there, *go;
	int expected;
};

static struct stage stage_of(int expected)
{
	const struct stage stage = {t_gate_new(), t_gate_new(), expected};

	return stage;
}

/* Owns the mutex, says so, and then ends when it may, in the way of its own. */
static int own_and_wait(void *arg)
{
	struct stage *stage = arg;

	(void)open_and_lock(stage->expected);
	t_gate_open(stage->there, 1);
	t_gate_pass(stage->go);
	return 0;
}

static int own_close(void *arg)
{
	struct stage *stage = arg;
	moor_mutex *mutex = open_and_lock(0), *again;

	if (moor_mutex_open("m", NULL, &again) != 0)
		return 1;
	moor_mutex_close(again);
	moor_mutex_close(mutex);
	t_gate_open(stage->there, 1);
	t_gate_pass(stage->go);
	return 0;
}

static int own_exec(void *arg)
{
	struct stage *stage = arg;
	char *argv[] = {(char[]){"sleep"}, (char[]){"1000"}, NULL};

	(void)open_and_lock(0);
	t_gate_open(stage->there, 1);
	execvp("sleep", argv);
	return 1;
}

static void once_abandoned(moor_mutex *mutex, int64_t timeout_ns)
{
	t_assert_err(moor_mutex_lock(mutex, timeout_ns), MOOR_ABANDONED);
	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), 0); /* owned; recursion is not news */
	t_assert_err(moor_mutex_unlock(mutex), 0);
	t_assert_err(moor_mutex_unlock(mutex), 0);
	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), 0);
	t_assert_err(moor_mutex_unlock(mutex), 0);
}

START_TEST(test_X12a_last_handle_closed)
{
	struct stage stage = stage_of(0);
	moor_mutex *mutex;
	moor_hold *hold;
	pid_t pid;

	/* The child is to have no inherited handle; the name lives by a hold. */
	mutex = make();
	t_assert_err(moor_hold_open("m", &hold), 0);
	moor_mutex_close(mutex);
	pid = t_spawn(own_close, &stage);
	t_gate_pass(stage.there);
	t_assert_err(moor_mutex_open("m", NULL, &mutex), 0);
	once_abandoned(mutex, MOOR_NOWAIT);
	t_gate_open(stage.go, 1);
	ck_assert_int_eq(t_wait(pid), 0);
	moor_mutex_close(mutex);
	moor_hold_close(hold);
}
END_TEST

START_TEST(test_X12b_exit_without_close)
{
	struct stage stage = stage_of(0);
	moor_mutex *mutex = make();
	pid_t pid = t_spawn(own_and_wait, &stage);

	t_gate_pass(stage.there);
	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), MOOR_EAGAIN);
	t_gate_open(stage.go, 1);
	ck_assert_int_eq(t_wait(pid), 0);
	once_abandoned(mutex, MOOR_NOWAIT);
	moor_mutex_close(mutex);
}
END_TEST

START_TEST(test_X12c_killed)
{
	struct stage stage = stage_of(0);
	moor_mutex *mutex = make();
	pid_t pid = t_spawn(own_and_wait, &stage);

	t_gate_pass(stage.there);
	t_kill(pid);
	once_abandoned(mutex, _i ? MOOR_FOREVER : MOOR_NOWAIT);
	moor_mutex_close(mutex);
}
END_TEST

START_TEST(test_X12d_exec)
{
	struct stage stage = stage_of(0);
	moor_mutex *mutex = make();
	pid_t pid = t_spawn(own_exec, &stage);

	t_gate_pass(stage.there);
	t_assert_err(moor_mutex_lock(mutex, 60000 * MS), MOOR_ABANDONED); /* some time after the gate it is another program */
	ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);                 /* which runs */
	t_assert_err(moor_mutex_unlock(mutex), 0);
	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), 0);
	t_kill(pid);
	moor_mutex_close(mutex);
}
END_TEST

/* ---- the slot of the dead ---- */

static int note_slot(const struct moor_participant_info *info, void *arg)
{
	*(uint32_t *)arg |= info->slot == 77;
	return 0;
}

static bool slot_77_lives(void)
{
	uint32_t found = 0;

	moor_participants("m", note_slot, &found);
	return found;
}

static int own_in_slot_77(void *arg)
{
	struct stage *stage = arg;

	moor__slot_from = 77;
	(void)open_and_lock(stage->expected);
	t_gate_open(stage->there, 1);
	t_gate_pass(stage->go);
	return 0;
}

static int live_in_slot_77(void *arg)
{
	struct stage *stage = arg;
	moor_mutex *mutex;

	moor__slot_from = 77;
	if (moor_mutex_open("m", NULL, &mutex) != 0)
		return 1;
	t_gate_open(stage->there, 1);
	t_gate_pass(stage->go);
	moor_mutex_close(mutex);
	return 0;
}

/* A child inherits the handles that the test has, and has a slot of its own for them already: so the test has none. */
static moor_hold *hold_only(void)
{
	moor_mutex *mutex = make();
	moor_hold *hold;

	t_assert_err(moor_hold_open("m", &hold), 0);
	moor_mutex_close(mutex);
	return hold;
}

START_TEST(test_X12b_slot_of_the_dead_is_taken_before_anybody_looks)
{
	struct stage dead = stage_of(0), heir = stage_of(0);
	moor_hold *hold = hold_only();
	moor_mutex *mutex;
	pid_t pid;

	pid = t_spawn(own_in_slot_77, &dead);
	t_gate_pass(dead.there);
	t_kill(pid);
	ck_assert(!slot_77_lives());
	pid = t_spawn(live_in_slot_77, &heir);
	t_gate_pass(heir.there);
	ck_assert(slot_77_lives());
	t_assert_err(moor_mutex_open("m", NULL, &mutex), 0);
	once_abandoned(mutex, MOOR_NOWAIT);
	t_gate_open(heir.go, 1);
	ck_assert_int_eq(t_wait(pid), 0);
	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), 0);
	moor_mutex_close(mutex);
	moor_hold_close(hold);
}
END_TEST

/* The heir of the slot locks itself: it is told, and it is one owner. */
START_TEST(test_X12b_the_heir_locks)
{
	struct stage dead = stage_of(0), heir = stage_of(MOOR_ABANDONED);
	moor_hold *hold = hold_only();
	moor_mutex *mutex;
	pid_t pid;

	pid = t_spawn(own_in_slot_77, &dead);
	t_gate_pass(dead.there);
	t_kill(pid);
	pid = t_spawn(own_in_slot_77, &heir);
	t_gate_pass(heir.there);
	t_assert_err(moor_mutex_open("m", NULL, &mutex), 0);
	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), MOOR_EAGAIN);
	t_kill(pid);
	once_abandoned(mutex, MOOR_NOWAIT);
	moor_mutex_close(mutex);
	moor_hold_close(hold);
}
END_TEST

/* In a pid namespace of its own each owner is process 1, and thread 1. */
static int own_as_process_one(void *arg)
{
	struct stage *stage = arg;
	pid_t pid;

	if (syscall(SYS_unshare, NEW_PID_SPACE) != 0)
		return 77;
	pid = fork();
	if (pid == 0) {
		if (getpid() != 1 || syscall(SYS_gettid) != 1)
			_exit(98);
		_exit(own_and_wait(stage));
	}
	waitpid(pid, NULL, 0);
	return 0;
}

static int may_unshare(void *arg)
{
	(void)arg;
	return syscall(SYS_unshare, NEW_PID_SPACE) != 0;
}

START_TEST(test_X37_pid_and_tid_reused)
{
	struct stage first = stage_of(0), second = stage_of(MOOR_ABANDONED);
	moor_hold *hold = hold_only();
	moor_mutex *mutex;
	pid_t pid;

	if (t_wait(t_spawn(may_unshare, NULL)) != 0)
		t_skip("X37", "no pid namespaces here");
	pid = t_spawn(own_as_process_one, &first);
	t_gate_pass(first.there);
	t_gate_open(first.go, 1);
	ck_assert_int_eq(t_wait(pid), 0);
	pid = t_spawn(own_as_process_one, &second);
	t_gate_pass(second.there);
	t_gate_open(second.go, 1);
	ck_assert_int_eq(t_wait(pid), 0);
	t_assert_err(moor_mutex_open("m", NULL, &mutex), 0);
	once_abandoned(mutex, MOOR_NOWAIT);
	moor_mutex_close(mutex);
	moor_hold_close(hold);
}
END_TEST

/* ---- threads ---- */

static void *lock_and_end(void *arg)
{
	moor_mutex *mutex = arg;

	(void)moor_mutex_lock(mutex, MOOR_FOREVER);
	(void)moor_mutex_lock(mutex, MOOR_FOREVER);
	return NULL;
}

static void *lock_and_be_cancelled(void *arg)
{
	lock_and_end(arg);
	for (;;)
		pause();
	return NULL;
}

static void end_a_thread(void *(*fn)(void *arg), void *arg, bool cancel)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, fn, arg), 0);
	if (cancel) {
		while (moor_mutex_lock(arg, MOOR_NOWAIT) == 0)
			moor_mutex_unlock(arg);
		pthread_cancel(thread);
	}
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

START_TEST(test_X9_owner_thread_ends)
{
	moor_mutex *mutex = make(), *other;

	t_assert_err(moor_mutex_create("other", NULL, &other), 0);
	for (int i = 0; i < 2; i++) {
		end_a_thread(i ? lock_and_be_cancelled : lock_and_end, mutex, i);
		t_assert_err(moor_mutex_lock(other, MOOR_NOWAIT), 0);
		t_assert_err(moor_mutex_unlock(other), 0);
		once_abandoned(mutex, MOOR_NOWAIT);
	}
	moor_mutex_close(other);
	moor_mutex_close(mutex);
}
END_TEST

static pthread_key_t late_key;

/* Runs while the thread ends, after or before the library's own destructor. */
static void lock_late(void *arg)
{
	(void)moor_mutex_lock(arg, MOOR_FOREVER);
}

static void *end_with_a_destructor(void *arg)
{
	lock_and_end(arg);
	moor_mutex_unlock(arg);
	moor_mutex_unlock(arg);
	pthread_setspecific(late_key, arg);
	return NULL;
}

START_TEST(test_X9_locked_by_a_destructor_of_the_thread)
{
	moor_mutex *mutex = make();

	ck_assert_int_eq(pthread_key_create(&late_key, lock_late), 0);
	end_a_thread(end_with_a_destructor, mutex, false);
	once_abandoned(mutex, MOOR_NOWAIT);
	moor_mutex_close(mutex);
}
END_TEST

static void *close_it(void *arg)
{
	moor_mutex_close(arg);
	return NULL;
}

/* Another thread closes the last handle of the process while this one owns it. */
START_TEST(test_X12a_closed_by_another_thread)
{
	moor_mutex *mutex = make(), *again;
	moor_hold *hold;

	t_assert_err(moor_hold_open("m", &hold), 0);
	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), 0);
	end_a_thread(close_it, mutex, false);
	t_assert_err(moor_mutex_open("m", NULL, &again), 0);
	once_abandoned(again, MOOR_NOWAIT);
	moor_mutex_close(again);
	moor_hold_close(hold);
}
END_TEST

/* ---- waiters ---- */

struct waiter {
	int64_t locked_at; /* 0: not yet */
	int result;
};

static int wait_for_it(void *arg)
{
	struct waiter *waiter = arg;
	moor_mutex *mutex;

	if (moor_mutex_open("m", NULL, &mutex) != 0)
		return 1;
	waiter->result = moor_mutex_lock(mutex, MOOR_FOREVER);
	waiter->locked_at = t_now();
	if (waiter->result < 0)
		return 2;
	moor_mutex_unlock(mutex);
	return 0;
}

#define WAITERS 5

/* All blocked when the owner dies: one is told, all get it. How soon is printed; the bound of the test is generous. */
START_TEST(test_X10_waiters_blocked_when_the_owner_is_killed)
{
	struct stage stage = stage_of(0);
	struct waiter *waiters = t_shared(WAITERS * sizeof *waiters);
	moor_mutex *mutex = make();
	pid_t owner = t_spawn(own_and_wait, &stage), pids[WAITERS];
	int64_t killed, first = INT64_MAX;
	int told = 0;

	t_gate_pass(stage.there);
	for (int i = 0; i < WAITERS; i++)
		pids[i] = t_spawn(wait_for_it, &waiters[i]);
	t_sleep_ms(150);
	killed = t_now();
	t_kill(owner);
	for (int i = 0; i < WAITERS; i++) {
		ck_assert_int_eq(t_wait(pids[i]), 0);
		told += waiters[i].result == MOOR_ABANDONED;
		first = waiters[i].locked_at < first ? waiters[i].locked_at : first;
	}
	ck_assert_int_eq(told, 1);
	ck_assert_int_gt(first, killed);
	ck_assert_int_lt(first - killed, 20000 * MS);
	printf("noticed after %ld ms\n", (long)((first - killed) / MS));
	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), 0);
	moor_mutex_close(mutex);
}
END_TEST

/* A waiter killed while it sleeps, or right after it was woken: those behind it are not lost. */
START_TEST(test_X_waiter_killed)
{
	struct waiter *waiters = t_shared(2 * sizeof *waiters);
	moor_mutex *mutex = make();
	pid_t first, second;

	for (int i = 0; i < 10; i++) {
		t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), 0);
		memset(waiters, 0, 2 * sizeof *waiters);
		first = t_spawn(wait_for_it, &waiters[0]);
		t_sleep_ms(10);
		second = t_spawn(wait_for_it, &waiters[1]);
		t_sleep_ms(10);
		if (i % 2) {
			kill(first, SIGSTOP); /* so that it is woken, and does not run */
			t_assert_err(moor_mutex_unlock(mutex), 0);
			t_kill(first);
		} else {
			t_kill(first);
			t_assert_err(moor_mutex_unlock(mutex), 0);
		}
		ck_assert_int_eq(t_wait(second), 0);
		t_assert_err(waiters[1].result, 0);
	}
	moor_mutex_close(mutex);
}
END_TEST

START_TEST(test_X25_chain_of_deaths)
{
	moor_mutex *mutex = make();

	for (int i = 0; i < 3; i++) {
		struct stage stage = stage_of(i ? MOOR_ABANDONED : 0);
		pid_t pid = t_spawn(own_and_wait, &stage);

		t_gate_pass(stage.there);
		t_kill(pid);
	}
	once_abandoned(mutex, MOOR_NOWAIT);
	moor_mutex_close(mutex);
}
END_TEST

/* A stopped owner is alive, however long. */
START_TEST(test_K19_stopped_owner_is_alive)
{
	struct stage stage = stage_of(0);
	moor_mutex *mutex = make();
	pid_t pid = t_spawn(own_and_wait, &stage);

	t_gate_pass(stage.there);
	kill(pid, SIGSTOP);
	t_assert_err(moor_mutex_lock(mutex, 400 * MS), MOOR_ETIMEDOUT);
	kill(pid, SIGCONT);
	t_kill(pid);
	once_abandoned(mutex, MOOR_FOREVER);
	moor_mutex_close(mutex);
}
END_TEST

/* ---- fork ---- */

static int idle_child(void *arg)
{
	struct stage *stage = arg;

	t_gate_open(stage->there, 1);
	t_gate_pass(stage->go);
	return 0;
}

static int own_fork_and_die(void *arg)
{
	struct stage *stages = arg;
	pid_t pid;

	(void)open_and_lock(0);
	pid = fork(); /* it outlives its parent */
	if (pid == 0)
		_exit(idle_child(&stages[1]));
	t_gate_pass(stages[1].there);
	t_gate_open(stages[0].there, 1);
	t_gate_pass(stages[0].go);
	return 0;
}

START_TEST(test_X13_owner_forks_and_is_killed)
{
	struct stage stages[2] = {stage_of(0), stage_of(0)};
	moor_mutex *mutex = make();
	pid_t pid = t_spawn(own_fork_and_die, stages);

	t_gate_pass(stages[0].there);
	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), MOOR_EAGAIN);
	t_kill(pid);
	once_abandoned(mutex, MOOR_NOWAIT);
	t_gate_open(stages[1].go, 1);
	moor_mutex_close(mutex);
}
END_TEST

/* The child of an owner owns nothing, and is a participant of its own. */
static int child_of_owner(void *arg)
{
	moor_mutex *mutex = arg;

	if (moor_mutex_unlock(mutex) != MOOR_ENOTOWNER)
		return 1;
	if (moor_mutex_lock(mutex, MOOR_NOWAIT) != MOOR_EAGAIN)
		return 2;
	if (moor_mutex_lock(mutex, 20 * MS) != MOOR_ETIMEDOUT)
		return 3;
	moor_mutex_close(mutex);
	return 0;
}

static int child_lives_on(void *arg)
{
	moor_mutex *mutex = arg;
	moor_mutex *again;

	if (moor_mutex_lock(mutex, MOOR_NOWAIT) != 0 || moor_mutex_open("m", NULL, &again) != 0 ||
	    moor_mutex_lock(again, MOOR_NOWAIT) != 0)
		return 1;
	if (moor_mutex_unlock(mutex) != 0 || moor_mutex_unlock(mutex) != 0)
		return 2;
	if (moor_mutex_lock(mutex, MOOR_NOWAIT) != 0)
		return 3;
	return 0;
}

START_TEST(test_F1_fork_while_owning)
{
	moor_mutex *mutex = make();

	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), 0);
	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), 0);
	ck_assert_int_eq(t_wait(t_spawn(child_of_owner, mutex)), 0);
	t_assert_err(moor_mutex_unlock(mutex), 0);
	t_assert_err(moor_mutex_unlock(mutex), 0);
	ck_assert_int_eq(t_wait(t_spawn(child_lives_on, mutex)), 0);
	once_abandoned(mutex, MOOR_NOWAIT);
	moor_mutex_close(mutex);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* A child that the C library knows nothing of. */
START_TEST(test_F1_bare_clone_while_owning)
{
	moor_mutex *mutex = make();
	int status;
	long pid;

	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), 0);
	pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(child_of_owner(mutex));
	while (waitpid((pid_t)pid, &status, 0) < 0 && errno == EINTR)
		;
	ck_assert_int_eq(status, 0);
	t_assert_err(moor_mutex_unlock(mutex), 0);
	t_assert_err(moor_mutex_unlock(mutex), MOOR_ENOTOWNER);
	pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0)
		_exit(child_lives_on(mutex));
	while (waitpid((pid_t)pid, &status, 0) < 0 && errno == EINTR)
		;
	ck_assert_int_eq(status, 0);
	once_abandoned(mutex, MOOR_NOWAIT);
	moor_mutex_close(mutex);
}
END_TEST

/* Where the child of an owner gets no second description: the limit of descriptors is reached, the name is gone. */
enum { AT_LIMIT = 1, UNNAMED = 2 };

static int own_fork_in_need_and_die(void *arg)
{
	struct stage *stages = arg;
	const int need = stages[0].expected, expected = need == (AT_LIMIT | UNNAMED) ? MOOR_EMFILE : MOOR_EAGAIN;
	const struct rlimit limit = {64, 64};
	moor_mutex *mutex = open_and_lock(0);
	char path[128];
	pid_t pid;

	snprintf(path, sizeof path, "%s/mooring-%lu/mooring.m", t_dir(), (unsigned long)geteuid());
	if ((need & UNNAMED) && unlink(path) != 0)
		return 1;
	if (need & AT_LIMIT) {
		setrlimit(RLIMIT_NOFILE, &limit);
		while (open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
			;
	}
	pid = fork(); /* it outlives its parent */
	if (pid == 0) {
		if (moor_mutex_lock(mutex, MOOR_NOWAIT) == expected)
			(void)idle_child(&stages[1]);
		_exit(0);
	}
	t_gate_pass(stages[1].there);
	t_gate_open(stages[0].there, 1);
	t_gate_pass(stages[0].go);
	return 0;
}

START_TEST(test_X13_owner_forks_in_need_and_is_killed)
{
	struct stage stages[2] = {stage_of(_i), stage_of(0)};
	moor_mutex *mutex = make();
	pid_t pid = t_spawn(own_fork_in_need_and_die, stages);

	t_gate_pass(stages[0].there);
	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), MOOR_EAGAIN);
	t_kill(pid);
	once_abandoned(mutex, MOOR_NOWAIT);
	t_gate_open(stages[1].go, 1);
	moor_mutex_close(mutex);
}
END_TEST

/* A thread that opens and closes the mutex, and is held up where a fork finds it at half. */
static const char *const halves[] = {"mutex: half open", "mutex: half closed"};
static const char *half;
static struct t_gate *half_there, *half_go;

static void hold_up(const char *label)
{
	if (strcmp(label, half) != 0)
		return;
	moor__crash_hook = NULL;
	t_gate_open(half_there, 1);
	t_gate_pass(half_go);
}

static void *open_and_close(void *arg)
{
	moor_mutex *mutex = NULL;

	if (moor_mutex_create_or_open("m", NULL, &mutex) >= 0)
		moor_mutex_close(mutex);
	return arg;
}

static int child_of_half(void *arg)
{
	const struct stage *stage = arg;
	moor_mutex *mutex;

	if (moor_mutex_open("m", NULL, &mutex) != 0 || moor_mutex_lock(mutex, MOOR_NOWAIT) != 0)
		return 1;
	moor_mutex_close(mutex);
	t_gate_open(stage->there, 1);
	t_gate_pass(stage->go);
	return 0;
}

START_TEST(test_F1_fork_while_another_thread_opens_or_closes)
{
	struct stage stage = stage_of(0);
	moor_mutex *mutex;
	pthread_t thread;
	pid_t pid;

	half = halves[_i];
	half_there = t_gate_new();
	half_go = t_gate_new();
	moor__crash_hook = hold_up;
	ck_assert_int_eq(pthread_create(&thread, NULL, open_and_close, NULL), 0);
	t_gate_pass(half_there);
	pid = t_spawn(child_of_half, &stage);
	t_gate_pass(stage.there);
	t_gate_open(half_go, 1);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	t_assert_err(moor_mutex_open("m", NULL, &mutex), MOOR_ENOENT); /* the child has not kept it either */
	t_gate_open(stage.go, 1);
	ck_assert_int_eq(t_wait(pid), 0);
}
END_TEST

#define MANY 1000

/* More processes than slots: the rest is told so, and takes nothing away. */
static int slots_run_out(void *arg)
{
	struct stage *stage = arg;
	moor_mutex *mutex;
	const int err = moor_mutex_open("m", NULL, &mutex);

	t_gate_open(stage->there, 1);
	t_gate_pass(stage->go);
	return err == 0 ? 0 : err == MOOR_ESLOTS ? 3 : 4;
}

START_TEST(test_X_slots_run_out)
{
	struct stage stage = stage_of(0);
	moor_hold *hold = hold_only();
	static pid_t pids[MANY];
	int in = 0, out = 0;
	moor_mutex *mutex;

	if (T_SANITIZER)
		t_skip("slots", "a thousand processes of a sanitizer take too much memory");
	for (int i = 0; i < MANY; i++)
		pids[i] = t_spawn(slots_run_out, &stage);
	for (int i = 0; i < MANY; i++)
		t_gate_pass(stage.there);
	t_assert_err(moor_mutex_open("m", NULL, &mutex), MOOR_ESLOTS);
	t_gate_open(stage.go, MANY);
	for (int i = 0; i < MANY; i++) {
		const int code = t_wait(pids[i]);

		in += code == 0;
		out += code == 3;
	}
	ck_assert_int_eq(in, 992);
	ck_assert_int_eq(out, MANY - 992);
	t_assert_err(moor_mutex_open("m", NULL, &mutex), 0);
	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), 0);
	moor_mutex_close(mutex);
	moor_hold_close(hold);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("mutex_deaths");
	TCase *tc = tcase_create("mutex_deaths");

	tcase_set_timeout(tc, 240);
	tcase_add_test(tc, test_X9_owner_thread_ends);
	tcase_add_test(tc, test_X9_locked_by_a_destructor_of_the_thread);
	tcase_add_test(tc, test_X10_waiters_blocked_when_the_owner_is_killed);
	tcase_add_test(tc, test_X12a_last_handle_closed);
	tcase_add_test(tc, test_X12a_closed_by_another_thread);
	tcase_add_test(tc, test_X12b_exit_without_close);
	tcase_add_loop_test(tc, test_X12c_killed, 0, 2);
	tcase_add_test(tc, test_X12d_exec);
	tcase_add_test(tc, test_X12b_slot_of_the_dead_is_taken_before_anybody_looks);
	tcase_add_test(tc, test_X12b_the_heir_locks);
	tcase_add_test(tc, test_X37_pid_and_tid_reused);
	tcase_add_test(tc, test_X_waiter_killed);
	tcase_add_test(tc, test_X25_chain_of_deaths);
	tcase_add_test(tc, test_K19_stopped_owner_is_alive);
	tcase_add_test(tc, test_X13_owner_forks_and_is_killed);
	tcase_add_loop_test(tc, test_X13_owner_forks_in_need_and_is_killed, 0, 4);
	tcase_add_test(tc, test_F1_fork_while_owning);
	tcase_add_test(tc, test_F1_bare_clone_while_owning);
	tcase_add_loop_test(tc, test_F1_fork_while_another_thread_opens_or_closes, 0, 2);
	tcase_add_test(tc, test_X_slots_run_out);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
