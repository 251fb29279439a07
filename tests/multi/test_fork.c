/* SPDX-License-Identifier: Apache-2.0 */
/* test_fork.c - F1 to F4: what maps, views and holds are in a forked child, and to its parent afterwards. */
#include "base/crash.h"
#include "tests/lib/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static moor_map *created(const char *name)
{
	moor_map *map = NULL;

	t_assert_err(moor_map_create(name, 4096, NULL, &map), 0);
	return map;
}

static moor_view *viewed(moor_map *map)
{
	moor_view *view = NULL;

	t_assert_err(moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view), 0);
	return view;
}

/* Asked through a handle of its own, which is gone again: what lives afterwards lives by others. */
static bool lives(const char *name)
{
	moor_hold *hold;
	const int err = moor_hold_open(name, &hold);

	if (err == 0)
		moor_hold_close(hold);
	else
		t_assert_err(err, MOOR_ENOENT);
	return err == 0;
}

/* What a process may have of a name. */
enum having { MAP, HOLD, HAVINGS };

struct thing {
	moor_map *map;
	moor_hold *hold;
};

/* The name "f", held by the caller in one of the ways only. */
static struct thing take(enum having having)
{
	struct thing thing = {.map = created("f")};
	moor_view *view = viewed(thing.map);

	strcpy(moor_view_data(view), "alive");
	moor_view_unmap(view);
	if (having == HOLD) {
		t_assert_err(moor_hold_open("f", &thing.hold), 0);
		moor_map_close(thing.map);
		thing.map = NULL;
	}
	return thing;
}

static void give_back(struct thing thing)
{
	moor_map_close(thing.map);
	moor_hold_close(thing.hold);
}

static void is_the_same_memory(void)
{
	moor_map *map;
	moor_view *view;

	t_assert_err(moor_map_open("f", NULL, &map), 0);
	view = viewed(map);
	ck_assert_str_eq(moor_view_data(view), "alive");
	moor_view_unmap(view);
	moor_map_close(map);
}

struct family {
	struct thing thing;
	struct t_gate *to_child, *to_parent;
	enum { EXITS, CLOSES, CLOSES_AND_REOPENS, WAITS } child_does;
};

static struct family new_family(enum having having)
{
	return (struct family){.thing = take(having), .to_child = t_gate_new(), .to_parent = t_gate_new()};
}

static int child(void *arg)
{
	const struct family *family = arg;
	moor_map *map;

	switch (family->child_does) {
	case EXITS:
		break;
	case CLOSES:
		give_back(family->thing);
		break;
	case CLOSES_AND_REOPENS:
		give_back(family->thing);
		t_assert_err(moor_map_open("f", NULL, &map), 0);
		moor_map_close(map);
		break;
	case WAITS:
		t_gate_open(family->to_parent, 1);
		t_gate_pass(family->to_child);
		/* By now perhaps alone: the handle is as good as ever. */
		is_the_same_memory();
		t_gate_open(family->to_parent, 1);
		t_gate_pass(family->to_child);
		give_back(family->thing);
		break;
	}
	return 0;
}

START_TEST(test_F1_the_child_uses_the_parents_handles)
{
	moor_map *map = created("f");
	moor_view *view = viewed(map);
	volatile unsigned char *data = moor_view_data(view);
	pid_t pid;

	data[0] = 1;
	pid = fork();
	if (pid == 0) {
		moor_view *second = viewed(map);
		volatile unsigned char *again = moor_view_data(second);

		ck_assert_uint_eq(data[0] + again[0], 2);
		data[1] = 2;
		again[2] = 3;
		ck_assert_uint_eq(moor_map_size(map), 4096);
		moor_view_unmap(view);
		moor_map_close(map);
		ck_assert_uint_eq(again[1], 2);
		moor_view_unmap(second);
		_exit(0);
	}
	ck_assert_int_eq(t_wait(pid), 0);
	ck_assert_uint_eq(data[1] + data[2], 5);
	ck_assert(lives("f"));
	moor_view_unmap(view);
	moor_map_close(map);
	ck_assert(!lives("f"));
}
END_TEST

START_TEST(test_F2_the_childs_end_leaves_the_parents_name_alone)
{
	struct family family = new_family(_i / 3);
	pid_t pid;

	family.child_does = _i % 3;
	for (int round = 0; round < 20; round++) {
		pid = t_spawn(child, &family);
		ck_assert_int_eq(t_wait(pid), 0);
		ck_assert(lives("f"));
		is_the_same_memory();
	}
	give_back(family.thing);
	ck_assert(!lives("f"));
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_F2_the_childs_death_leaves_the_parents_name_alone)
{
	struct family family = new_family(_i);
	pid_t pid;

	family.child_does = WAITS;
	for (int round = 0; round < 5; round++) {
		pid = t_spawn(child, &family);
		t_gate_pass(family.to_parent);
		t_kill(pid);
		ck_assert(lives("f"));
	}
	give_back(family.thing);
	ck_assert(!lives("f"));
}
END_TEST

START_TEST(test_F3_the_childs_reference_is_its_own)
{
	struct family family = new_family(_i);
	pid_t pid;

	family.child_does = WAITS;
	pid = t_spawn(child, &family);
	t_gate_pass(family.to_parent);
	give_back(family.thing);
	ck_assert(lives("f"));
	t_gate_open(family.to_child, 1);
	t_gate_pass(family.to_parent);
	ck_assert(lives("f"));
	t_gate_open(family.to_child, 1);
	ck_assert_int_eq(t_wait(pid), 0);
	ck_assert(!lives("f")); /* both gone */
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

struct household {
	struct t_gate *to_child, *to_all;
	int end;
	pid_t child;
	enum having having;
};

/* Has the name, has a child that has it too, and ends in one of the ways. */
static int parent(void *arg)
{
	struct household *household = arg;
	struct thing thing = take(household->having);
	const pid_t pid = fork();

	if (pid == 0) {
		t_gate_open(household->to_all, 1);
		t_gate_pass(household->to_child);
		is_the_same_memory();
		_exit(0);
	}
	household->child = pid;
	t_gate_pass(household->to_all);
	switch (household->end) {
	case 0:
		_exit(0);
	case 1:
		give_back(thing);
		_exit(0);
	case 2:
		kill(getpid(), SIGKILL);
		break;
	default:
		execl("/bin/true", "true", (char *)NULL);
		break;
	}
	return 1;
}

START_TEST(test_F4_the_child_keeps_the_name_when_the_parent_is_gone)
{
	struct household *household = t_shared(sizeof *household);
	int code;

	household->to_child = t_gate_new();
	household->to_all = t_gate_new();
	household->end = _i / 2;
	household->having = _i % 2;
	code = t_wait(t_spawn(parent, household));
	ck_assert_int_eq(code, household->end == 2 ? 128 + SIGKILL : 0);
	ck_assert(lives("f"));
	is_the_same_memory();
	if (household->end == 2) /* the child is killed as well */
		kill(household->child, SIGKILL);
	else
		t_gate_open(household->to_child, 1);
	/* An orphan: its end is seen in the name. */
	for (int ms = 0; lives("f"); ms++) {
		ck_assert_int_lt(ms, 30000);
		t_sleep_ms(1);
	}
	moor_map_close(created("f"));
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_grandchildren)
{
	struct family family = new_family(MAP);
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		const pid_t grandchild = fork();

		if (grandchild == 0) {
			is_the_same_memory();
			give_back(family.thing);
			_exit(0);
		}
		ck_assert_int_eq(t_wait(grandchild), 0);
		ck_assert(lives("f"));
		give_back(family.thing);
		_exit(0);
	}
	ck_assert_int_eq(t_wait(pid), 0);
	ck_assert(lives("f"));
	give_back(family.thing);
	ck_assert(!lives("f"));
}
END_TEST

/*
 * The parent may close, and so give its lock back, before the child has come to anything: the child's reference must not
 * hang on who is faster. The hook holds the child up where it is about to make one, if it makes one only there.
 */
static struct t_gate *parent_has_closed;
static pid_t parent_pid;

static void hold_child_up(const char *label)
{
	if (getpid() != parent_pid && strncmp(label, "fork: ", 6) == 0) {
		moor__crash_hook = NULL;
		t_gate_pass(parent_has_closed);
	}
}

START_TEST(test_F3_the_parent_closes_before_the_child_has_begun)
{
	struct family family = new_family(_i);
	pid_t pid;

	parent_has_closed = t_gate_new();
	parent_pid = getpid();
	moor__crash_hook = hold_child_up;
	pid = fork();
	if (pid == 0) {
		t_gate_open(family.to_parent, 1);
		t_gate_pass(family.to_child);
		is_the_same_memory();
		give_back(family.thing);
		_exit(0);
	}
	moor__crash_hook = NULL;
	give_back(family.thing);
	t_gate_open(parent_has_closed, 1);
	t_gate_pass(family.to_parent);
	ck_assert(lives("f"));
	t_gate_open(family.to_child, 1);
	ck_assert_int_eq(t_wait(pid), 0);
	ck_assert(!lives("f"));
}
END_TEST

/* The same without a hook, as it happens. */
START_TEST(test_F3_the_parent_closes_at_once)
{
	for (int round = 0; round < 300; round++) {
		struct family family = new_family(_i);
		const pid_t pid = fork();

		if (pid == 0) {
			moor_hold *hold;
			const int err = moor_hold_open("f", &hold);

			_exit(err == 0 ? 0 : -err);
		}
		give_back(family.thing);
		t_assert_err(-t_wait(pid), 0);
		ck_assert(!lives("f"));
	}
}
END_TEST

/* ---- children that no handler of fork has seen ---- */

static pid_t bare_clone(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static uint32_t participants;

static int count(const struct moor_participant_info *info, void *arg)
{
	(void)info;
	(void)arg;
	participants++;
	return 0;
}

static uint32_t count_participants(void)
{
	participants = 0;
	t_assert_err(moor_participants("f", count, NULL), 0);
	return participants;
}

START_TEST(test_a_bare_clone_closes_what_is_its_own)
{
	struct family family = new_family(_i);
	const uint32_t before = count_participants();
	pid_t pid;

	for (int round = 0; round < 5; round++) {
		pid = bare_clone();
		if (pid == 0) {
			give_back(family.thing);
			_exit(0);
		}
		ck_assert_int_eq(t_wait(pid), 0);
		ck_assert(lives("f"));
		is_the_same_memory();
	}
	give_back(family.thing);
	ck_assert(!lives("f"));
	ck_assert_uint_eq(before, _i == MAP);
}
END_TEST

struct orphan {
	struct t_gate *ready, *go;
	pid_t *child;
};

/* Forks a child that keeps a view only, and lives on. */
static int leave_a_view_behind(void *arg)
{
	const struct orphan *orphan = arg;
	moor_view *view;
	moor_map *map;

	if (moor_map_create("view", 100, NULL, &map) != 0 || moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view) != 0)
		return 1;
	*(char *)moor_view_data(view) = 42;
	*orphan->child = fork();
	if (*orphan->child == 0) {
		alarm(100);
		moor_map_close(map);
		t_gate_open(orphan->ready, 1);
		t_gate_pass(orphan->go);
		_exit(*(char *)moor_view_data(view) == 42 ? 0 : 1);
	}
	t_sleep_ms(100000);
	return 0;
}

/* A view keeps the memory, not the name: neither its parent's, when that is killed. */
START_TEST(test_F3_an_inherited_view_keeps_no_name)
{
	const struct orphan orphan = {t_gate_new(), t_gate_new(), t_shared(sizeof(pid_t))};
	moor_map *map;
	pid_t parent;

	parent = t_spawn(leave_a_view_behind, (void *)(uintptr_t)&orphan);
	t_gate_pass(orphan.ready);
	t_assert_err(moor_map_open("view", NULL, &map), 0);
	moor_map_close(map);
	t_kill(parent);
	t_assert_err(moor_map_open("view", NULL, &map), MOOR_ENOENT);
	ck_assert_int_eq(kill(*orphan.child, 0), 0);
	t_gate_open(orphan.go, 1);
}
END_TEST

START_TEST(test_a_bare_clone_leaves_the_parents_slot_alone)
{
	struct family family = new_family(MAP);
	pid_t pid;

	ck_assert_uint_eq(count_participants(), 1);
	pid = bare_clone();
	if (pid == 0) {
		give_back(family.thing);
		_exit(0);
	}
	ck_assert_int_eq(t_wait(pid), 0);
	ck_assert_uint_eq(count_participants(), 1); /* the parent is still there, and shown */
	give_back(family.thing);
}
END_TEST

START_TEST(test_a_bare_clone_goes_on_using_the_library)
{
	struct family family = new_family(MAP);
	pid_t pid = bare_clone();

	if (pid == 0) {
		moor_map *map;

		is_the_same_memory();
		if (moor_map_create("own", 100, NULL, &map) != 0)
			_exit(2);
		moor_map_close(map);
		t_gate_open(family.to_parent, 1);
		t_gate_pass(family.to_child);
		is_the_same_memory();
		_exit(0);
	}
	t_gate_pass(family.to_parent);
	give_back(family.thing);
	ck_assert(lives("f"));
	t_gate_open(family.to_child, 1);
	ck_assert_int_eq(t_wait(pid), 0);
	ck_assert(!lives("f"));
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* ---- programs that are started ---- */

START_TEST(test_a_started_program_holds_nothing)
{
	char path[] = "/bin/sleep", time[] = "100";
	char *argv[] = {path, time, NULL};
	struct thing thing = take(_i % 2);
	pid_t pid;

	if (_i < 2) {
		ck_assert_int_eq(posix_spawn(&pid, path, NULL, NULL, argv, environ), 0);
	} else {
		int ready[2];
		char byte;

		ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
		pid = fork();
		if (pid == 0) {
			execv(path, argv);
			_exit(1);
		}
		close(ready[1]);
		ck_assert_int_eq(read(ready[0], &byte, 1), 0); /* it has begun */
		close(ready[0]);
	}
	give_back(thing);
	/* The kernel lets go of what was closed by exec in an order of its own: the pipe may come first. */
	for (int ms = 0; lives("f"); ms++) {
		ck_assert_int_lt(ms, 30000);
		t_sleep_ms(1);
	}
	t_kill(pid);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* ---- fork amid other threads ---- */

static bool stop;

static void *open_and_close(void *arg)
{
	const char *name = arg;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		moor_map *map;
		const int news = moor_map_create_or_open(name, 4096, NULL, &map);

		ck_assert_msg(news == 0 || news == MOOR_CREATED, "%s", moor_err_name(news));
		moor_map_close(map);
	}
	return NULL;
}

static int count_descriptors(void)
{
	int number = 0;

	for (int fd = 0; fd < 1024; fd++)
		number += fcntl(fd, F_GETFD) >= 0;
	return number;
}

START_TEST(test_fork_while_other_threads_open_and_close)
{
	char same[] = "t", own[] = "own";
	moor_map *kept, *map;
	pthread_t threads[2];
	int before;

	/* The locks of its allocator may be held in the child for ever, by threads that are not there. */
	if (T_SANITIZER)
		t_skip("a fork amid other threads' allocations", "a sanitizer is in the program");
	kept = created("kept");
	before = count_descriptors();
	pthread_create(&threads[0], NULL, open_and_close, same);
	pthread_create(&threads[1], NULL, open_and_close, own);
	for (int round = 0; round < 300; round++) {
		const pid_t pid = fork();

		if (pid == 0) {
			int news;

			alarm(60); /* one that hangs on a lock of the parent's threads */
			news = moor_map_create_or_open(same, 4096, NULL, &map);
			if (news < 0)
				_exit(-news);
			moor_map_close(map);
			if (moor_map_open("kept", NULL, &map) != 0)
				_exit(100);
			moor_map_close(map);
			moor_map_close(kept);
			_exit(0);
		}
		t_assert_err(-t_wait(pid), 0);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	ck_assert(lives("kept"));
	ck_assert_int_eq(count_descriptors(), before);
	moor_map_close(kept);
	ck_assert(!lives("t") && !lives("own") && !lives("kept"));
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* The child of a process full of maps has no more descriptors than its parent. */
START_TEST(test_fork_doubles_no_descriptor)
{
	moor_map *maps[50];
	char name[16];
	int before;
	pid_t pid;

	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof name, "m%d", i);
		maps[i] = created(name);
	}
	before = count_descriptors();
	pid = fork();
	if (pid == 0) {
		const int inherited = count_descriptors();

		for (int i = 0; i < 50; i++)
			moor_map_close(maps[i]);
		_exit(inherited == before && count_descriptors() < before - 49 ? 0 : 1);
	}
	ck_assert_int_eq(t_wait(pid), 0);
	ck_assert_int_eq(count_descriptors(), before);
	ck_assert_int_eq(t_local_entries(), 50);
	for (int i = 0; i < 50; i++)
		moor_map_close(maps[i]);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fork");
	TCase *tc = tcase_create("fork");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_F1_the_child_uses_the_parents_handles);
	tcase_add_loop_test(tc, test_F2_the_childs_end_leaves_the_parents_name_alone, 0, 3 * HAVINGS);
	tcase_add_loop_test(tc, test_F2_the_childs_death_leaves_the_parents_name_alone, 0, HAVINGS);
	tcase_add_loop_test(tc, test_F3_the_childs_reference_is_its_own, 0, HAVINGS);
	tcase_add_loop_test(tc, test_F4_the_child_keeps_the_name_when_the_parent_is_gone, 0, 8);
	tcase_add_test(tc, test_grandchildren);
	tcase_add_loop_test(tc, test_F3_the_parent_closes_before_the_child_has_begun, 0, HAVINGS);
	tcase_add_loop_test(tc, test_F3_the_parent_closes_at_once, 0, HAVINGS);
	tcase_add_loop_test(tc, test_a_bare_clone_closes_what_is_its_own, 0, HAVINGS);
	tcase_add_test(tc, test_F3_an_inherited_view_keeps_no_name);
	tcase_add_test(tc, test_a_bare_clone_leaves_the_parents_slot_alone);
	tcase_add_test(tc, test_a_bare_clone_goes_on_using_the_library);
	tcase_add_loop_test(tc, test_a_started_program_holds_nothing, 0, 4);
	tcase_add_test(tc, test_fork_while_other_threads_open_and_close);
	tcase_add_test(tc, test_fork_doubles_no_descriptor);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
