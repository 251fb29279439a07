/* SPDX-License-Identifier: Apache-2.0 */
/* test_rights.c - handles that may only read, and how they live with those that write; modes and access control lists. */
#include "base/crash.h"
#include "tests/lib/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char untouched;
#define NO_MAP ((moor_map *)(void *)&untouched)
#define NOBODY 65534
#define NOGROUP 65533

static const struct moor_map_opts reading = {.struct_size = sizeof reading, .access = MOOR_READ};

static moor_map *created(const char *name, uint64_t size)
{
	moor_map *map = NULL;

	t_assert_err(moor_map_create(name, size, NULL, &map), 0);
	return map;
}

static moor_map *reader_of(const char *name)
{
	moor_map *map = NULL;

	t_assert_err(moor_map_open(name, &reading, &map), 0);
	return map;
}

static uint64_t value_in(moor_map *map)
{
	uint64_t value = UINT64_MAX;
	moor_view *view = NULL;

	t_assert_err(moor_view_map(map, 0, 0, MOOR_READ, &view), 0);
	t_assert_err(moor_view_get_u64(view, 0, &value), 0);
	moor_view_unmap(view);
	return value;
}

static void put_in(moor_map *map, uint64_t value)
{
	moor_view *view = NULL;

	t_assert_err(moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view), 0);
	t_assert_err(moor_view_put_u64(view, 0, value), 0);
	moor_view_unmap(view);
}

/* ---- life ---- */

static const char *const names[] = {"r", "Global\\r"};

START_TEST(test_M23_a_map_opened_for_reading)
{
	moor_map *map = created(names[_i], 100), *reader;
	moor_view *view = (moor_view *)(void *)&untouched;

	put_in(map, 42);
	reader = reader_of(names[_i]);
	t_assert_err(moor_view_map(reader, 0, 0, MOOR_READ_WRITE, &view), MOOR_EACCES);
	t_assert_err(moor_view_map(reader, 0, 0, MOOR_WRITE, &view), MOOR_EACCES);
	ck_assert_ptr_eq(view, (void *)&untouched);
	ck_assert_uint_eq(value_in(reader), 42);
	moor_map_close(reader);
	moor_map_close(map);
	t_assert_err(moor_map_open(names[_i], &reading, &map), MOOR_ENOENT);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_a_reader_keeps_the_name)
{
	moor_map *map = created(names[_i], 100), *reader = reader_of(names[_i]), *other = NO_MAP;

	put_in(map, 42);
	moor_map_close(map);
	t_assert_err(moor_map_create(names[_i], 100, NULL, &other), MOOR_EEXIST);
	t_assert_err(moor_map_create_or_open(names[_i], 100, &reading, &other), 0);
	ck_assert_uint_eq(value_in(other), 42);
	moor_map_close(other);
	other = reader_of(names[_i]);
	moor_map_close(reader);
	t_assert_err(moor_map_open(names[_i], NULL, &map), 0);
	ck_assert_uint_eq(value_in(map), 42);
	moor_map_close(map);
	moor_map_close(other); /* the last one, and what it leaves is cleared away at once */
	t_assert_err(moor_map_open(names[_i], &reading, &map), MOOR_ENOENT);
	ck_assert_int_eq(t_local_entries(), 0);
	map = created(names[_i], 100);
	ck_assert_uint_eq(value_in(map), 0);
	moor_map_close(map);
}
END_TEST

/* Who creates what it may only read has no more rights to it than any other reader. */
START_TEST(test_a_creator_for_reading)
{
	moor_os_handle os = -1;
	moor_map *map, *writer;
	moor_view *view;

	t_assert_err(moor_map_create_or_open(names[_i], 10000, &reading, &map), MOOR_CREATED);
	t_assert_err(moor_map_os_handle(map, &os), 0);
	ck_assert_int_eq(fcntl(os, F_GETFL) & O_ACCMODE, O_RDONLY);
	t_assert_err(moor_view_map(map, 0, 0, MOOR_READ, &view), 0);
	ck_assert_int_eq(mprotect((void *)((uintptr_t)moor_view_data(view) & ~(uintptr_t)4095), 4096, PROT_WRITE), -1);
	t_assert_err(moor_map_open(names[_i], NULL, &writer), 0);
	put_in(writer, 42);
	moor_map_close(writer);
	ck_assert_uint_eq(value_in(map), 42);
	moor_view_unmap(view);
	moor_map_close(map);
	t_assert_err(moor_map_open(names[_i], NULL, &map), MOOR_ENOENT);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

struct last {
	struct t_gate *ready;
	const struct moor_map_opts *opts;
	int ends; /* 0: killed */
};

static int hold(void *arg)
{
	struct last *last = arg;
	moor_map *map;

	t_assert_err(moor_map_open("m", last->opts, &map), 0);
	t_gate_open(last->ready, 1);
	for (;;)
		pause();
}

START_TEST(test_M42_a_killed_reader)
{
	struct last last = {t_gate_new(), &reading, 0};
	moor_map *map = created("m", 100);
	pid_t pid;

	put_in(map, 42);
	pid = t_spawn(hold, &last);
	t_gate_pass(last.ready);
	moor_map_close(map);
	map = reader_of("m");
	ck_assert_uint_eq(value_in(map), 42);
	moor_map_close(map);
	t_kill(pid);
	switch (_i) {
	case 0:
		t_assert_err(moor_map_open("m", &reading, &map), MOOR_ENOENT);
		break;
	case 1:
		t_assert_err(moor_map_open("m", NULL, &map), MOOR_ENOENT);
		break;
	case 2:
		t_assert_err(moor_map_create_or_open("m", 100, &reading, &map), MOOR_CREATED);
		ck_assert_uint_eq(value_in(map), 0);
		moor_map_close(map);
		break;
	default:
		moor_map_close(created("another", 100));
		break;
	}
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* ---- races ---- */

#define ROUNDS 3000

struct race {
	unsigned turn[2], joined, missed;
};

static void meet(struct race *race, int who, unsigned turn)
{
	__atomic_store_n(&race->turn[who], turn, __ATOMIC_RELEASE);
	for (unsigned spins = 0; __atomic_load_n(&race->turn[!who], __ATOMIC_ACQUIRE) < turn;)
		if (++spins > 100)
			sched_yield();
}

static int open_for_reading_as_it_closes(void *arg)
{
	struct race *race = arg;
	uint64_t seed = 45;

	for (unsigned round = 1; round <= ROUNDS; round++) {
		moor_map *map;
		int err;

		meet(race, 1, 3 * round);
		for (volatile uint64_t spin = t_random(&seed) % 20000; spin; spin--)
			;
		err = moor_map_open("m", &reading, &map);
		if (err == 0) {
			race->joined++;
			t_assert(value_in(map) == round); /* this life's content, and no other's */
			moor_map_close(map);
		} else {
			race->missed++;
			t_assert_err(err, MOOR_ENOENT);
		}
		meet(race, 1, 3 * round + 1);
		meet(race, 1, 3 * round + 2);
	}
	return 0;
}

START_TEST(test_M45_a_reader_against_the_last_closer)
{
	struct race *race = t_shared(sizeof *race);
	uint64_t seed = 54;
	moor_map *map;
	pid_t pid;

	pid = t_spawn(open_for_reading_as_it_closes, race);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		map = created("m", 100);
		put_in(map, round);
		meet(race, 0, 3 * round);
		for (volatile uint64_t spin = t_random(&seed) % 60000; spin; spin--)
			;
		moor_map_close(map);
		meet(race, 0, 3 * round + 1);
		t_assert_err(moor_map_open("m", NULL, &map), MOOR_ENOENT); /* both are gone, and so is the name */
		t_assert(t_local_entries() == 0);
		meet(race, 0, 3 * round + 2);
	}
	ck_assert_int_eq(t_wait(pid), 0);
	ck_assert_uint_eq(race->joined + race->missed, ROUNDS);
}
END_TEST

/* Free running: some read, some write, and whoever creates does so alone. Who holds the name finds one memory there. */
struct crowd {
	uint64_t instance[4]; /* what each holds; 0 before its open and from before its close */
	unsigned members;
};

static int come_and_go(void *arg)
{
	struct crowd *crowd = arg;
	const unsigned me = __atomic_fetch_add(&crowd->members, 1, __ATOMIC_RELAXED);
	uint64_t seed = (uint64_t)getpid();

	for (int round = 0; round < 2000; round++) {
		const struct moor_map_opts *opts = t_random(&seed) % 2 ? &reading : NULL;
		moor_os_handle os = -1;
		struct stat st;
		moor_map *map;
		int news;

		if (t_random(&seed) % 3)
			news = moor_map_create_or_open("crowd", 100, opts, &map);
		else
			news = moor_map_open("crowd", opts, &map);
		if (news == MOOR_ENOENT)
			continue;
		t_assert(news == 0 || news == MOOR_CREATED);
		t_assert_err(moor_map_os_handle(map, &os), 0);
		t_assert(fstat(os, &st) == 0);
		__atomic_store_n(&crowd->instance[me], st.st_ino, __ATOMIC_SEQ_CST);
		for (int i = 0; i < 4; i++) {
			const uint64_t other = __atomic_load_n(&crowd->instance[i], __ATOMIC_SEQ_CST);

			t_assert(other == 0 || other == st.st_ino);
		}
		__atomic_store_n(&crowd->instance[me], 0, __ATOMIC_SEQ_CST);
		moor_map_close(map);
	}
	return 0;
}

START_TEST(test_M45_readers_and_writers_hold_one_object)
{
	struct crowd *crowds = t_shared(sizeof *crowds);
	pid_t pids[4];

	for (int i = 0; i < 4; i++)
		pids[i] = t_spawn(come_and_go, crowds);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(t_wait(pids[i]), 0);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* ---- killed at every step ---- */

static int live_as_a_reader(void *arg)
{
	const int role = *(const int *)arg;
	moor_map *map = NULL;
	int news;

	if (role == 0)
		news = moor_map_create_or_open("m", 100, &reading, &map);
	else
		news = moor_map_open("m", &reading, &map);
	if (news < 0)
		return -news;
	moor_map_close(map);
	return 0;
}

struct killing {
	const char *label;
	unsigned times;
	int role;
};

static int die_as_a_reader(void *arg)
{
	const struct killing *killing = arg;

	t_die_at(killing->label, killing->times);
	return live_as_a_reader((void *)(uintptr_t)&killing->role);
}

static void kill_at(const char *label, unsigned times, void *arg)
{
	struct killing killing = {.label = label, .role = *(int *)arg};

	for (killing.times = 1; killing.times <= times; killing.times++) {
		/* An open needs somebody; a create finds nobody. */
		const int first = killing.role == 0 ? -1 : 0, last = killing.role == 0 ? -1 : 1;

		for (int other = first; other <= last; other++) {
			moor_map *map = NULL, *again;
			int code;

			if (other >= 0)
				map = created("m", 100);
			if (other == 1)
				put_in(map, 42);
			code = t_wait(t_spawn(die_as_a_reader, &killing));
			ck_assert_msg(code == 128 + SIGKILL || code == 0, "%s: %d", label, code);
			if (other >= 0) { /* it lives as before */
				again = reader_of("m");
				ck_assert_uint_eq(value_in(again), other == 1 ? 42 : 0);
				moor_map_close(again);
				moor_map_close(map);
			}
			t_assert_err(moor_map_open("m", NULL, &map), MOOR_ENOENT);
			map = created("m", 100);
			ck_assert_uint_eq(value_in(map), 0);
			moor_map_close(map);
			ck_assert_int_eq(t_local_entries(), 0);
		}
	}
}

START_TEST(test_M33_a_reader_killed_at_any_point)
{
	int role = _i;
	moor_map *map = NULL;

	if (role == 1)
		map = created("m", 100);
	t_count_labels();
	ck_assert_int_eq(live_as_a_reader(&role), 0);
	moor__crash_hook = NULL;
	moor_map_close(map);
	t_each_label(kill_at, &role);
}
END_TEST

/* ---- fork ---- */

START_TEST(test_F3_a_readers_child_has_a_reference_of_its_own)
{
	struct t_gate *to_child = t_gate_new(), *to_parent = t_gate_new();
	moor_map *map = created("m", 100), *reader = reader_of("m");
	pid_t pid;

	put_in(map, 42);
	pid = fork();
	if (pid == 0) {
		moor_map_close(map);
		t_gate_pass(to_child);
		t_assert(value_in(reader) == 42);
		t_gate_open(to_parent, 1);
		t_gate_pass(to_child);
		moor_map_close(reader);
		_exit(0);
	}
	moor_map_close(map);
	moor_map_close(reader);
	moor_map_close(reader_of("m"));
	t_gate_open(to_child, 1);
	t_gate_pass(to_parent);
	moor_map_close(reader_of("m"));
	t_gate_open(to_child, 1);
	ck_assert_int_eq(t_wait(pid), 0);
	t_assert_err(moor_map_open("m", &reading, &map), MOOR_ENOENT);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_F2_a_readers_childs_end)
{
	moor_map *map = created("m", 100), *reader = reader_of("m");

	moor_map_close(map);
	for (int how = 0; how < 3; how++) {
		const pid_t pid = fork();

		if (pid == 0) {
			if (how == 0)
				moor_map_close(reader);
			if (how == 1)
				kill(getpid(), SIGKILL);
			_exit(0);
		}
		(void)t_wait(pid);
		moor_map_close(reader_of("m"));
	}
	moor_map_close(reader);
	t_assert_err(moor_map_open("m", &reading, &map), MOOR_ENOENT);
}
END_TEST

/* ---- Z ---- */

static void become(uid_t uid, gid_t gid)
{
	ck_assert_int_eq(setgroups(0, NULL), 0);
	ck_assert_int_eq(setgid(gid), 0);
	ck_assert_int_eq(setuid(uid), 0);
}

static void needs_root(const char *test_case)
{
	if (geteuid() != 0)
		t_skip(test_case, "needs root");
	ck_assert_int_eq(chmod(t_dir(), 01777), 0);
}

/* What a user of no rights of its own gets of Global\z, for writing and for reading. */
struct expectation {
	int write, read;
};

static int try_as_nobody(void *arg)
{
	const struct expectation *expected = arg;
	moor_map *map = NO_MAP;
	moor_hold *kept;
	int err;

	become(NOBODY, NOGROUP);
	t_assert_err(moor_map_open("Global\\z", NULL, &map), expected->write);
	if (expected->write == 0) {
		put_in(map, 43);
		t_assert_err(moor_map_set_mode(map, 0666), MOOR_EACCES); /* not the owner */
		err = moor_map_set_acl(map, "u::rw-,g::rw-,o::rw-");
		t_assert(err == MOOR_EACCES || err == MOOR_ENOTSUP);
		moor_map_close(map);
		map = NO_MAP;
	}
	t_assert_err(moor_map_open("Global\\z", &reading, &map), expected->read);
	t_assert_err(moor_hold_open("Global\\z", &kept), expected->read);
	if (expected->read) {
		t_assert(map == NO_MAP);
		return 0;
	}
	t_assert(value_in(map) >= 42);
	t_assert_err(moor_map_set_mode(map, 0666), MOOR_EACCES);
	moor_hold_close(kept);
	moor_map_close(map);
	return 0;
}

static void nobody_gets(int write, int read)
{
	struct expectation expected = {write, read};

	ck_assert_int_eq(t_wait(t_spawn(try_as_nobody, &expected)), 0);
}

START_TEST(test_Z14_modes_at_creation_and_later)
{
	struct moor_map_opts opts = MOOR_MAP_OPTS(.mode = 0644);
	uint32_t mode = 0;
	moor_map *map;

	needs_root("Z14 of modes");
	t_assert_err(moor_map_create("Global\\z", 100, &opts, &map), 0);
	put_in(map, 42);
	t_assert_err(moor_map_get_mode(map, &mode), 0);
	ck_assert_uint_eq(mode, 0644);
	nobody_gets(MOOR_EACCES, 0);
	t_assert_err(moor_map_set_mode(map, 0600), 0);
	nobody_gets(MOOR_EACCES, MOOR_EACCES);
	umask(077);
	t_assert_err(moor_map_set_mode(map, 0666), 0);
	t_assert_err(moor_map_get_mode(map, &mode), 0);
	ck_assert_uint_eq(mode, 0666);
	nobody_gets(0, 0);
	t_assert_err(moor_map_set_mode(map, 0), 0);
	nobody_gets(MOOR_EACCES, MOOR_EACCES);
	moor_map_close(map);
}
END_TEST

/* Only a reader is left, of another user; then nobody; and the owner finds a free name. */
static int outlive_as_reader(void *arg)
{
	struct last *last = arg;
	moor_map *map;

	become(NOBODY, NOGROUP);
	t_assert_err(moor_map_open_wait("Global\\z", &reading, MOOR_FOREVER, &map), 0);
	t_gate_open(last[0].ready, 1);
	t_gate_pass(last[1].ready);
	moor_map_close(map);
	t_assert_err(moor_map_open("Global\\z", &reading, &map), MOOR_ENOENT);
	t_assert_err(moor_map_create("Global\\z", 100, NULL, &map), MOOR_EACCES);
	return 0;
}

START_TEST(test_a_reader_of_another_user_outlives_the_owner)
{
	const struct moor_map_opts opts = MOOR_MAP_OPTS(.mode = 0644);
	struct last last[2] = {{.ready = t_gate_new()}, {.ready = t_gate_new()}};
	moor_map *map;
	pid_t pid;

	needs_root("a reader of another user");
	pid = t_spawn(outlive_as_reader, last); /* before there is a handle that it would inherit */
	t_assert_err(moor_map_create("Global\\z", 100, &opts, &map), 0);
	t_gate_pass(last[0].ready);
	moor_map_close(map);
	t_assert_err(moor_map_open("Global\\z", NULL, &map), 0);
	moor_map_close(map);
	t_gate_open(last[1].ready, 1);
	ck_assert_int_eq(t_wait(pid), 0);
	t_assert_err(moor_map_open("Global\\z", NULL, &map), MOOR_ENOENT);
	map = created("Global\\z", 100);
	moor_map_close(map);
}
END_TEST

/* ---- access control lists ---- */

#define WHOLE "user::rw-,user:65534:r--,group::---,mask::r--,other::---"

static void needs_acls(const char *test_case)
{
	const struct moor_map_opts opts = MOOR_MAP_OPTS(.acl = WHOLE);
	moor_map *map = NO_MAP;
	const int err = moor_map_create("probe", 100, &opts, &map);

	if (err == MOOR_ENOTSUP) {
		/* Then everything about them says so. */
		ck_assert_ptr_eq(map, NO_MAP);
		ck_assert_int_eq(t_local_entries(), 0);
		t_skip(test_case, "no access control lists in this build or file system");
	}
	t_assert_err(err, 0);
	moor_map_close(map);
}

static void acl_is(const moor_map *map, const char *expected)
{
	char text[200] = "untouched";
	size_t len = 77;

	t_assert_err(moor_map_get_acl(map, text, sizeof text, &len), 0);
	ck_assert_str_eq(text, expected);
	ck_assert_uint_eq(len, strlen(expected));
}

START_TEST(test_acl_as_text)
{
	const struct moor_map_opts opts = MOOR_MAP_OPTS(.mode = 0666, .acl = WHOLE);
	char text[sizeof WHOLE];
	moor_map *map, *other = NO_MAP;
	uint32_t mode = 0;
	size_t len = 0;

	needs_acls("ACL as text");
	t_assert_err(moor_map_create("a", 100, &opts, &map), 0);
	acl_is(map, WHOLE);
	t_assert_err(moor_map_get_acl(map, text, sizeof text, &len), 0);
	for (size_t cap = 0; cap < sizeof text; cap++) {
		memset(text, '#', sizeof text);
		len = 0;
		t_assert_err(moor_map_get_acl(map, cap ? text : NULL, cap, &len), MOOR_EMSGSIZE);
		ck_assert_uint_eq(len, strlen(WHOLE));
		ck_assert_int_eq(text[0], '#');
	}
	/* The short form, a mask that is calculated, no list at all. */
	t_assert_err(moor_map_set_acl(map, "u::rwx\nu:65534:rw\ng::r\no::-"), 0);
	acl_is(map, "user::rwx,user:65534:rw-,group::r--,mask::rw-,other::---");
	t_assert_err(moor_map_set_acl(map, "u::rw,g::r,o::-"), 0);
	acl_is(map, "user::rw-,group::r--,other::---");
	t_assert_err(moor_map_get_mode(map, &mode), 0);
	ck_assert_uint_eq(mode, 0640);
	/* What is none changes nothing. */
	{
		static const char *const bad[] = {"", "nonsense", "u::rw", "u:65534:rw", "u::rw,g::r,o::-,x", "u::q,g::r,o::-",
		                                  "u::rw,u::rw,g::r,o::-", "u::rw,u:no such user at all:r,g::r,o::-"};

		for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
			const struct moor_map_opts bad_opts = MOOR_MAP_OPTS(.acl = bad[i]);

			t_assert_err(moor_map_set_acl(map, bad[i]), MOOR_EINVAL);
			t_assert_err(moor_map_create("b", 100, &bad_opts, &other), MOOR_EINVAL);
			t_assert_err(moor_map_open("a", &bad_opts, &other), MOOR_EINVAL);
		}
	}
	ck_assert_ptr_eq(other, NO_MAP);
	acl_is(map, "user::rw-,group::r--,other::---");
	moor_map_close(map);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_Z14_acls_at_creation_and_later)
{
	const struct moor_map_opts opts = MOOR_MAP_OPTS(.acl = WHOLE);
	moor_map *map;

	needs_acls("Z14 of ACLs");
	needs_root("Z14 of ACLs");
	t_assert_err(moor_map_create("Global\\z", 100, &opts, &map), 0);
	put_in(map, 42);
	nobody_gets(MOOR_EACCES, 0);
	t_assert_err(moor_map_set_acl(map, "u::rw,u:65534:rw,g::-,o::-"), 0);
	nobody_gets(0, 0);
	t_assert_err(moor_map_set_acl(map, "u::rw,u:1:rw,g::-,o::-"), 0);
	nobody_gets(MOOR_EACCES, MOOR_EACCES);
	t_assert_err(moor_map_set_acl(map, "u::rw,g::-,g:65533:r,o::-"), 0);
	nobody_gets(MOOR_EACCES, 0);
	t_assert_err(moor_map_set_mode(map, 0600), 0); /* the mask goes to nothing */
	nobody_gets(MOOR_EACCES, MOOR_EACCES);
	moor_map_close(map);
}
END_TEST

/* ---- anonymous, and rights ---- */

START_TEST(test_modes_of_what_has_no_name)
{
	moor_map *map;
	uint32_t mode = 0;

	t_assert_err(moor_map_anonymous(100, NULL, &map), 0);
	t_assert_err(moor_map_get_mode(map, &mode), 0);
	ck_assert_uint_eq(mode, 0600);
	t_assert_err(moor_map_set_mode(map, 0644), 0);
	t_assert_err(moor_map_get_mode(map, &mode), 0);
	ck_assert_uint_eq(mode, 0644);
	moor_map_close(map);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("rights");
	TCase *tc = tcase_create("rights");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_M23_a_map_opened_for_reading, 0, 2);
	tcase_add_loop_test(tc, test_a_reader_keeps_the_name, 0, 2);
	tcase_add_loop_test(tc, test_a_creator_for_reading, 0, 2);
	tcase_add_loop_test(tc, test_M42_a_killed_reader, 0, 4);
	tcase_add_test(tc, test_M45_a_reader_against_the_last_closer);
	tcase_add_test(tc, test_M45_readers_and_writers_hold_one_object);
	tcase_add_loop_test(tc, test_M33_a_reader_killed_at_any_point, 0, 2);
	tcase_add_test(tc, test_F3_a_readers_child_has_a_reference_of_its_own);
	tcase_add_test(tc, test_F2_a_readers_childs_end);
	tcase_add_test(tc, test_Z14_modes_at_creation_and_later);
	tcase_add_test(tc, test_a_reader_of_another_user_outlives_the_owner);
	tcase_add_test(tc, test_acl_as_text);
	tcase_add_test(tc, test_Z14_acls_at_creation_and_later);
	tcase_add_test(tc, test_modes_of_what_has_no_name);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
