/* SPDX-License-Identifier: Apache-2.0 */
/* test_commit.c - reserved maps that several processes grow, in which processes die, and for which there is no memory. */
#include "base/crash.h"
#include "tests/lib/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)

static const struct moor_map_opts reserve = {.struct_size = sizeof reserve, .flags = MOOR_MAP_RESERVE};

static const char *file_path(void)
{
	static char path[128];

	snprintf(path, sizeof path, "%s/file", t_dir());
	return path;
}

/* A name of memory, or of a file. */
static moor_map *reserved(int kind, uint64_t size)
{
	moor_map *map = NULL;

	if (kind == 0) {
		t_assert_err(moor_map_create("r", size, &reserve, &map), 0);
	} else {
		const int fd = open(file_path(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);

		ck_assert_int_ge(fd, 0);
		close(fd);
		t_assert_err(moor_map_from_file(file_path(), "r", size, &reserve, &map), MOOR_CREATED);
	}
	return map;
}
#define KINDS 2

static moor_map *opened(const char *name)
{
	moor_map *map = NULL;

	t_assert_err(moor_map_open(name, NULL, &map), 0);
	return map;
}

static moor_view *viewed(moor_map *map, uint64_t offset, size_t size)
{
	moor_view *view = NULL;

	t_assert_err(moor_view_map(map, offset, size, MOOR_READ_WRITE, &view), 0);
	return view;
}

/* ---- M24 ---- */

struct sides {
	struct t_gate *to_child, *to_parent;
};

static int the_other_side(void *arg)
{
	const struct sides *sides = arg;
	moor_map *map = opened("r");
	moor_view *view = viewed(map, 0, 0);
	uint64_t value = 1;

	t_assert(moor_map_size(map) == 1024 * MIB && moor_map_committed(map) == 0 && moor_view_size(view) == 0);
	t_gate_open(sides->to_parent, 1);
	t_gate_pass(sides->to_child);
	t_assert(moor_map_committed(map) == 65536);
	t_assert_err(moor_view_extend(view), 0);
	t_assert(moor_view_size(view) == 65536);
	t_assert_err(moor_view_get_u64(view, 65528, &value), 0);
	t_assert(value == 42);
	memset(moor_view_data(view), 7, 65536);
	t_assert_err(moor_view_put_u64(view, 65529, 1), MOOR_ERANGE);
	moor_view_unmap(view);
	moor_map_close(map);
	return 0;
}

START_TEST(test_M24_committed_by_one_used_by_the_other)
{
	const struct sides sides = {t_gate_new(), t_gate_new()};
	moor_map *map = reserved(_i, 1024 * MIB);
	pid_t pid = t_spawn(the_other_side, (void *)(uintptr_t)&sides);
	moor_view *view;

	t_gate_pass(sides.to_parent);
	t_assert_err(moor_map_commit(map, 65536), 0);
	view = viewed(map, 0, 65536);
	t_assert_err(moor_view_put_u64(view, 65528, 42), 0);
	t_gate_open(sides.to_child, 1);
	ck_assert_int_eq(t_wait(pid), 0);
	ck_assert_uint_eq(((unsigned char *)moor_view_data(view))[65535], 7);
	moor_view_unmap(view);
	moor_map_close(map);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* ---- races ---- */

#define GROWERS 4
#define MAXIMUM (8 * MIB)

/* Commits at random, and uses all that is committed at each moment: a byte without memory would be SIGBUS. */
static int grow(void *arg)
{
	uint64_t seed = *(const uint64_t *)arg, seen = 0;
	moor_map *map = opened("r");
	moor_view *view = viewed(map, 0, 0);

	while (seen < MAXIMUM) {
		uint64_t next = moor_map_committed(map) + t_random(&seed) % 100000, committed;

		if (t_random(&seed) % 4 == 0) /* or less than others have by now */
			next = t_random(&seed) % MAXIMUM;
		next = next < MAXIMUM ? next : MAXIMUM;
		t_assert_err(moor_map_commit(map, next), 0);
		committed = moor_map_committed(map);
		t_assert(committed >= next && committed >= seen && committed <= MAXIMUM); /* it only grows */
		t_assert_err(moor_view_extend(view), 0);
		t_assert(moor_view_size(view) >= committed);
		for (uint64_t at = seen; at < committed; at += 4096)
			t_assert_err(moor_view_put_u8(view, (size_t)at, 1), 0);
		if (committed)
			t_assert_err(moor_view_put_u8(view, (size_t)committed - 1, 1), 0);
		seen = committed;
	}
	moor_view_unmap(view);
	moor_map_close(map);
	return 0;
}

START_TEST(test_several_processes_commit_at_once)
{
	for (int round = 0; round < 5; round++) {
		moor_map *map = reserved(_i, MAXIMUM);
		uint64_t seeds[GROWERS];
		pid_t pids[GROWERS];

		for (int i = 0; i < GROWERS; i++) {
			seeds[i] = (uint64_t)(round * 100 + i);
			pids[i] = t_spawn(grow, &seeds[i]);
		}
		for (int i = 0; i < GROWERS; i++)
			ck_assert_int_eq(t_wait(pids[i]), 0);
		ck_assert_uint_eq(moor_map_committed(map), MAXIMUM);
		moor_map_close(map);
		ck_assert_int_eq(t_local_entries(), 0);
	}
}
END_TEST

/* ---- death ---- */

static int die_committing(void *arg)
{
	moor_map *map = opened("r");

	t_die_at(arg, 1);
	t_assert_err(moor_map_commit(map, 200000), 0);
	return 1;
}

START_TEST(test_killed_while_committing)
{
	static char labels[][20] = {"commit: allocated", "commit: raised"};
	moor_map *map = reserved(0, MIB);
	moor_view *view;
	uint8_t byte = 1;

	t_assert_err(moor_map_commit(map, 100), 0);
	ck_assert_int_eq(t_wait(t_spawn(die_committing, labels[_i])), 128 + SIGKILL);
	ck_assert_uint_eq(moor_map_committed(map), _i ? 200000 : 100); /* all or nothing */
	t_assert_err(moor_map_commit(map, 150000), 0); /* nobody waits for the dead */
	ck_assert_uint_eq(moor_map_committed(map), _i ? 200000 : 150000);
	view = viewed(map, 0, 0);
	t_assert_err(moor_view_get_u8(view, 149999, &byte), 0);
	ck_assert_uint_eq(byte, 0);
	memset(moor_view_data(view), 1, moor_view_size(view));
	moor_view_unmap(view);
	moor_map_close(map);
}
END_TEST

/* Anywhere in it: killed by a timer that nobody has set to a good moment. */
START_TEST(test_killed_growers)
{
	moor_map *map = reserved(_i, MAXIMUM);
	uint64_t seed = 99, before = 0;
	moor_view *view = viewed(map, 0, 0);

	for (int round = 0; round < 30; round++) {
		uint64_t seeds[2] = {t_random(&seed), t_random(&seed)}, now;
		const pid_t one = t_spawn(grow, &seeds[0]), other = t_spawn(grow, &seeds[1]);

		for (volatile uint64_t spin = t_random(&seed) % 2000000; spin; spin--)
			;
		t_kill(one);
		t_kill(other);
		now = moor_map_committed(map);
		ck_assert_uint_ge(now, before);
		t_assert_err(moor_view_extend(view), 0);
		for (uint64_t at = 0; at < now; at += 4096) /* there is memory behind all of it */
			t_assert_err(moor_view_put_u8(view, (size_t)at, 2), 0);
		before = now;
	}
	t_assert_err(moor_map_commit(map, MAXIMUM), 0);
	moor_view_unmap(view);
	moor_map_close(map);
}
END_TEST

/* ---- fork ---- */

START_TEST(test_F1_a_child_commits_and_extends)
{
	moor_map *map = reserved(_i, MIB);
	moor_view *view = viewed(map, 0, 0);
	uint8_t byte = 0;
	pid_t pid;

	t_assert_err(moor_map_commit(map, 5000), 0);
	pid = fork();
	if (pid == 0) {
		t_assert_err(moor_view_extend(view), 0);
		t_assert(moor_view_size(view) == 5000);
		t_assert_err(moor_map_commit(map, 10000), 0);
		t_assert_err(moor_view_extend(view), 0);
		t_assert_err(moor_view_put_u8(view, 9999, 42), 0);
		moor_map_close(map);
		moor_view_unmap(view);
		_exit(0);
	}
	ck_assert_int_eq(t_wait(pid), 0);
	ck_assert_uint_eq(moor_map_committed(map), 10000);
	ck_assert_uint_eq(moor_view_size(view), 0);
	t_assert_err(moor_view_extend(view), 0);
	t_assert_err(moor_view_get_u8(view, 9999, &byte), 0);
	ck_assert_uint_eq(byte, 42);
	moor_map_close(opened("r"));
	moor_view_unmap(view);
	moor_map_close(map);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* ---- Q1 ---- */

static void own_tmpfs(const char *test_case)
{
	static char dir[128];

	snprintf(dir, sizeof dir, "%s/small", t_dir());
	mkdir(dir, 0700);
	if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", dir, "tmpfs", 0, "size=65536,mode=0700") != 0)
		t_skip(test_case, "may not mount");
	setenv("MOORING_DIR", dir, 1);
}

static int die_with_memory(void *arg)
{
	moor_map *map;

	(void)arg;
	t_assert_err(moor_map_create("dead", 30000, NULL, &map), 0);
	kill(getpid(), SIGKILL);
	return 1;
}

START_TEST(test_Q1_commit_when_memory_is_full)
{
	struct moor_shm_info info = {.struct_size = sizeof info};
	moor_map *map, *other;
	moor_view *view;
	uint64_t most = 0;

	own_tmpfs("Q1 of commit");
	t_assert_err(moor_map_create("r", MIB, &reserve, &map), 0); /* a maximum beyond all there is */
	view = viewed(map, 0, 0);
	t_assert_err(moor_map_commit(map, 10000), 0);
	t_assert_err(moor_map_commit(map, MIB), MOOR_ENOSPC);
	ck_assert_uint_eq(moor_map_committed(map), 10000);
	t_assert_err(moor_shm_stat(&info), 0);
	ck_assert_uint_gt(info.free_bytes, 20000); /* what did not suffice was not kept */
	for (uint64_t size = 10000; size < MIB; size += 1000) {
		const int err = moor_map_commit(map, size);

		if (err) {
			t_assert_err(err, MOOR_ENOSPC);
			break;
		}
		most = size;
	}
	ck_assert_uint_ge(most, 40000);
	ck_assert_uint_eq(moor_map_committed(map), most);
	t_assert_err(moor_view_extend(view), 0);
	memset(moor_view_data(view), 1, moor_view_size(view)); /* no SIGBUS */
	t_assert_err(moor_map_create("another", 1, NULL, &other), MOOR_ENOSPC);
	moor_view_unmap(view);
	moor_map_close(map);
	/* What the dead have is room. */
	t_assert_err(moor_map_create("r", MIB, &reserve, &map), 0);
	ck_assert_int_eq(t_wait(t_spawn(die_with_memory, NULL)), 128 + SIGKILL);
	t_assert_err(moor_map_commit(map, 40000), 0);
	moor_map_close(map);
}
END_TEST

/* Killed after it was allocated and before it was committed: that memory is the next committer's, and counts as room. */
START_TEST(test_Q1_what_a_killed_committer_had_is_room)
{
	static char label[] = "commit: allocated";
	moor_map *map;

	own_tmpfs("Q1 of a killed committer");
	t_assert_err(moor_map_create("r", 50000, &reserve, &map), 0);
	{
		const pid_t pid = fork();

		if (pid == 0) {
			t_die_at(label, 1);
			t_assert_err(moor_map_commit(map, 45000), 0);
			_exit(1);
		}
		ck_assert_int_eq(t_wait(pid), 128 + SIGKILL);
	}
	ck_assert_uint_eq(moor_map_committed(map), 0);
	t_assert_err(moor_map_commit(map, 50000), 0);
	moor_map_close(map);
}
END_TEST

/* ---- Q5, M41 ---- */

struct means {
	int descriptors, mappings, entries;
};

static struct means count_means(void)
{
	struct means means = {.entries = t_local_entries()};
	char line[4096];
	FILE *maps = fopen("/proc/self/maps", "re");

	for (int fd = 0; fd < 1024; fd++)
		means.descriptors += fcntl(fd, F_GETFD) >= 0;
	while (fgets(line, sizeof line, maps))
		means.mappings += strchr(line, '\n') && (strstr(line, t_dir()) || strstr(line, "memfd:mooring"));
	fclose(maps);
	return means;
}

/* How many descriptors a program that is started now would have. */
static int inheritable(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) == 0;
	return count;
}

static int inheritable_amid; /* while all of it is open */

/* Everything there is to do with maps; the first error that is not `allowed`, or 0. *ret_failed: how many calls failed. */
static int use_all(int allowed, int *ret_failed)
{
	const struct moor_map_opts readings[] = {MOOR_MAP_OPTS(.access = MOOR_READ),
	                                         MOOR_MAP_OPTS(.access = MOOR_READ, .flags = MOOR_MAP_POPULATE)};
	int result = 0, failed = 0;
#define TRY(call)                                                                                                      \
	do {                                                                                                           \
		const int got = (call);                                                                                \
		failed += got < 0;                                                                                     \
		if (got < 0 && got != allowed && !result)                                                              \
			result = got;                                                                                  \
	} while (0)
	moor_map *maps[8] = {NULL};
	moor_view *views[16] = {NULL};
	moor_os_handle os;
	size_t n = 0;

	TRY(moor_map_create("r", 100000, &reserve, &maps[0]));
	if (maps[0])
		TRY(moor_map_open("r", &readings[0], &maps[1]));
	TRY(moor_map_create_or_open("q", 5000, &readings[1], &maps[2]));
	TRY(moor_map_anonymous(5000, NULL, &maps[3]));
	TRY(moor_map_anonymous(5000, &readings[0], &maps[4]));
	TRY(moor_map_from_file(file_path(), "f", 5000, NULL, &maps[5]));
	if (maps[5])
		TRY(moor_map_from_file(file_path(), "f", 0, &readings[0], &maps[6]));
	if (maps[3] && moor_map_os_handle(maps[3], &os) == 0)
		TRY(moor_map_from_handle(os, &readings[0], &maps[7]));
	if (maps[0])
		TRY(moor_map_commit(maps[0], 10000));
	for (int i = 0; i < 8; i++) {
		if (!maps[i])
			continue;
		TRY(moor_view_map(maps[i], 3, 0, MOOR_READ, &views[n]));
		n += views[n] != NULL;
		TRY(moor_view_map(maps[i], 3, 0, MOOR_COPY_ON_WRITE, &views[n]));
		n += views[n] != NULL;
	}
	if (maps[0])
		TRY(moor_map_commit(maps[0], 20000));
	for (size_t i = 0; i < n; i++)
		TRY(moor_view_extend(views[i]));
	inheritable_amid = inheritable();
	for (int i = 0; i < 8; i++)
		moor_map_close(maps[i]);
	for (size_t i = 0; i < n; i++)
		moor_view_unmap(views[i]);
	*ret_failed = failed;
	return result;
}

static void make_file(void)
{
	const int fd = open(file_path(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);

	ck_assert_int_eq(ftruncate(fd, 5000), 0);
	close(fd);
}

START_TEST(test_Q5_everything_is_given_back)
{
	struct means before, after;
	int failed = 0;

	make_file();
	t_assert_err(use_all(0, &failed), 0);
	before = count_means();
	for (int round = 0; round < 300; round++)
		t_assert_err(use_all(0, &failed), 0);
	after = count_means();
	ck_assert_int_eq(after.descriptors, before.descriptors);
	ck_assert_int_eq(after.mappings, before.mappings);
	ck_assert_int_eq(after.entries, before.entries);
	ck_assert_int_eq(before.entries, 0);
	ck_assert_int_eq(before.mappings, 0);
	ck_assert_int_eq(inheritable_amid, inheritable()); /* M38 */
}
END_TEST

START_TEST(test_M41_too_few_descriptors)
{
	struct rlimit limit, small;
	struct means before, after;
	int failed = 0, ever = 0, first;

	make_file();
	t_assert_err(use_all(0, &failed), 0);
	before = count_means();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	first = open("/dev/null", O_RDONLY | O_CLOEXEC); /* the lowest number that is free */
	ck_assert_int_ge(first, 0);
	close(first);
	small = limit;
	for (int more = 0; more < 40; more++) {
		small.rlim_cur = (rlim_t)(first + more);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &small), 0);
		t_assert_err(use_all(MOOR_EMFILE, &failed), 0);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
		ever += failed;
		after = count_means();
		ck_assert_int_eq(after.descriptors, before.descriptors);
		ck_assert_int_eq(after.mappings, before.mappings);
		/* (What a reader leaves dead without a descriptor to clear it away with, the next use does.) */
		t_assert_err(use_all(0, &failed), 0);
		ck_assert_int_eq(failed, 0);
		ck_assert_int_eq(t_local_entries(), 0);
	}
	ck_assert_int_gt(ever, 20);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("commit");
	TCase *tc = tcase_create("commit");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_M24_committed_by_one_used_by_the_other, 0, KINDS);
	tcase_add_loop_test(tc, test_several_processes_commit_at_once, 0, KINDS);
	tcase_add_loop_test(tc, test_killed_while_committing, 0, 2);
	tcase_add_loop_test(tc, test_killed_growers, 0, KINDS);
	tcase_add_loop_test(tc, test_F1_a_child_commits_and_extends, 0, KINDS);
	tcase_add_test(tc, test_Q1_commit_when_memory_is_full);
	tcase_add_test(tc, test_Q1_what_a_killed_committer_had_is_room);
	tcase_add_test(tc, test_Q5_everything_is_given_back);
	tcase_add_test(tc, test_M41_too_few_descriptors);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
