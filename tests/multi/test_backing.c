/* SPDX-License-Identifier: Apache-2.0 */
/* test_backing.c - maps of files, with and without a name, and what becomes of the files. */
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
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static char untouched;
#define NO_MAP ((moor_map *)(void *)&untouched)
#define NOBODY 65534

struct path {
	char text[256];
};

static struct path path_of(const char *file)
{
	struct path path;

	snprintf(path.text, sizeof path.text, "%s/%s", t_dir(), file);
	return path;
}

/* A file of `size` bytes, nothing of it allocated. */
static struct path made(const char *file, off_t size)
{
	const struct path path = path_of(file);
	const int fd = open(path.text, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, size), 0);
	close(fd);
	return path;
}

static off_t size_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_size;
}

static moor_map *mapped(const char *path, const char *name, uint64_t size, int news)
{
	moor_map *map = NULL;

	t_assert_err(moor_map_from_file(path, name, size, NULL, &map), news);
	return map;
}

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

static void fails(const char *path, const char *name, uint64_t size, const struct moor_map_opts *opts, int expected)
{
	const int before = t_local_entries();
	moor_map *map = NO_MAP;

	t_assert_err(moor_map_from_file(path, name, size, opts, &map), expected);
	ck_assert_ptr_eq(map, NO_MAP);
	ck_assert_int_eq(t_local_entries(), before);
}

static const char *const names[] = {NULL, "f", "Global\\f"};

/* ---- what there is, and what not ---- */

START_TEST(test_file_that_cannot_be_mapped)
{
	const struct moor_map_opts reading = MOOR_MAP_OPTS(.access = MOOR_READ);
	const char *name = names[_i];
	const struct path fifo = path_of("fifo"), link = path_of("loop"), below = path_of("plain/below");
	char long_path[5000];

	fails(path_of("missing").text, name, 100, NULL, MOOR_ENOENT);
	fails(path_of("missing/below").text, name, 100, NULL, MOOR_ENOENT);
	fails("", name, 100, NULL, MOOR_ENOENT);
	made("plain", 10);
	fails(below.text, name, 100, NULL, MOOR_ENOENT);
	fails(t_dir(), name, 100, NULL, MOOR_EINVAL);
	fails("/dev/null", name, 100, NULL, MOOR_EINVAL);
	fails("/dev/zero", name, 100, NULL, MOOR_EINVAL);
	ck_assert_int_eq(mkfifo(fifo.text, 0600), 0);
	fails(fifo.text, name, 100, NULL, MOOR_EINVAL); /* and does not wait for its other end */
	ck_assert_int_eq(unlink(fifo.text), 0);
	ck_assert_int_eq(symlink("loop", link.text), 0);
	fails(link.text, name, 100, NULL, MOOR_EINVAL);
	ck_assert_int_eq(unlink(link.text), 0);
	fails("/proc/self/mem", name, 100, NULL, MOOR_EINVAL);
	fails("/proc/self/maps", name, 100, &reading, MOOR_EINVAL);
	if (access("/sys/kernel/uevent_seqnum", R_OK) == 0) /* which says that it is a page long */
		fails("/sys/kernel/uevent_seqnum", name, 0, &reading, MOOR_EINVAL);
	memset(long_path, 'x', sizeof long_path);
	long_path[sizeof long_path - 1] = 0;
	fails(long_path, name, 100, NULL, MOOR_ENAME);
	fails(made("empty", 0).text, name, 0, NULL, MOOR_EINVAL);
	ck_assert_int_eq(size_of(path_of("empty").text), 0);
}
END_TEST

START_TEST(test_sizes_of_files)
{
	const char *name = names[_i];
	struct path path = made("file", 10000);
	moor_map *map;
	moor_view *view;
	uint8_t byte = 1;

	map = mapped(path.text, name, 0, MOOR_CREATED);
	ck_assert_uint_eq(moor_map_size(map), 10000);
	moor_map_close(map);
	map = mapped(path.text, name, 5001, MOOR_CREATED); /* its start */
	ck_assert_uint_eq(moor_map_size(map), 5001);
	view = viewed(map, 0, 0);
	ck_assert_uint_eq(moor_view_size(view), 5001);
	t_assert_err(moor_view_put_u8(view, 5000, 42), 0);
	moor_view_unmap(view);
	moor_map_close(map);
	ck_assert_int_eq(size_of(path.text), 10000);
	map = mapped(path.text, name, 30007, MOOR_CREATED);
	ck_assert_uint_eq(moor_map_size(map), 30007);
	ck_assert_int_eq(size_of(path.text), 30007);
	view = viewed(map, 5000, 0);
	t_assert_err(moor_view_get_u8(view, 0, &byte), 0);
	ck_assert_uint_eq(byte, 42);
	t_assert_err(moor_view_get_u8(view, 25006, &byte), 0);
	ck_assert_uint_eq(byte, 0);
	t_assert_err(moor_view_put_u8(view, 25006, 43), 0);
	t_assert_err(moor_view_flush(view), 0);
	moor_view_unmap(view);
	moor_map_close(map);
	ck_assert_int_eq(size_of(path.text), 30007);
	map = mapped(path.text, NULL, 0, MOOR_CREATED);
	view = viewed(map, 30006, 1);
	t_assert_err(moor_view_get_u8(view, 0, &byte), 0);
	ck_assert_uint_eq(byte, 43); /* persisted */
	moor_view_unmap(view);
	moor_map_close(map);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_reading_extends_nothing)
{
	const struct moor_map_opts reading = MOOR_MAP_OPTS(.access = MOOR_READ);
	const struct path path = made("file", 100);

	fails(path.text, names[_i], 101, &reading, MOOR_EACCES);
	ck_assert_int_eq(size_of(path.text), 100);
}
END_TEST

START_TEST(test_relative_paths_and_links)
{
	const struct path path = made("file", 100), link = path_of("link");
	moor_map *map, *other;
	moor_view *a, *b;
	uint8_t byte = 0;

	ck_assert_int_eq(symlink("file", link.text), 0);
	ck_assert_int_eq(chdir(t_dir()), 0);
	map = mapped("./link", "f", 0, MOOR_CREATED);
	ck_assert_int_eq(chdir("/"), 0);
	other = opened("f"); /* by the absolute path */
	a = viewed(map, 0, 0);
	b = viewed(other, 0, 0);
	t_assert_err(moor_view_put_u8(a, 99, 42), 0);
	t_assert_err(moor_view_get_u8(b, 99, &byte), 0);
	ck_assert_uint_eq(byte, 42);
	moor_map_close(other);
	other = mapped(path.text, "f", 0, 0); /* the same file by another path */
	moor_map_close(other);
	moor_view_unmap(a);
	moor_view_unmap(b);
	moor_map_close(map);
	ck_assert_int_eq(unlink(link.text), 0);
}
END_TEST

/* ---- the name ---- */

START_TEST(test_a_name_that_is_taken)
{
	const struct path path = made("file", 100), second = made("second", 100);
	moor_map *map, *other;
	moor_tx *tx;

	t_assert_err(moor_map_create("f", 100, NULL, &map), 0);
	fails(path.text, "f", 0, NULL, MOOR_EEXIST);
	fails(path.text, "f", 200, NULL, MOOR_EEXIST);
	ck_assert_int_eq(size_of(path.text), 100); /* not for nothing */
	moor_map_close(map);
	t_assert_err(moor_tx_open("f", NULL, &tx), MOOR_CREATED);
	fails(path.text, "f", 0, NULL, MOOR_EEXIST);
	moor_tx_close(tx);
	map = mapped(second.text, "f", 0, MOOR_CREATED);
	fails(path.text, "f", 0, NULL, MOOR_EEXIST);
	other = mapped(second.text, "f", 77, 0); /* joined: it keeps its size */
	ck_assert_uint_eq(moor_map_size(other), 100);
	moor_map_close(map);
	map = mapped(second.text, "f", 200, 0);
	ck_assert_int_eq(size_of(second.text), 100);
	moor_map_close(map);
	t_assert_err(moor_map_create("f", 100, NULL, &map), MOOR_EEXIST);
	t_assert_err(moor_map_create_or_open("f", 5, NULL, &map), 0);
	ck_assert_uint_eq(moor_map_size(map), 100);
	moor_map_close(map);
	moor_map_close(other);
	ck_assert_int_eq(t_local_entries(), 0);
	/* A file may have two names, and a name another file, later. */
	map = mapped(path.text, "f", 0, MOOR_CREATED);
	other = mapped(path.text, "g", 50, MOOR_CREATED);
	moor_map_close(map);
	moor_map_close(other);
}
END_TEST

/* Its file is looked for where it was. */
START_TEST(test_the_file_behind_a_name_goes_away)
{
	const struct path path = made("file", 10000), aside = path_of("aside");
	moor_map *map = mapped(path.text, "f", 0, MOOR_CREATED), *other = NO_MAP;
	moor_view *view = viewed(map, 0, 0);

	ck_assert_int_eq(rename(path.text, aside.text), 0);
	t_assert_err(moor_map_open("f", NULL, &other), MOOR_ENOENT);
	t_assert_err(moor_map_create_or_open("f", 100, NULL, &other), MOOR_ENOENT);
	made("file", 10000);
	t_assert_err(moor_map_open("f", NULL, &other), MOOR_EACCES); /* another file there is another file */
	ck_assert_int_eq(unlink(path.text), 0);
	ck_assert_int_eq(symlink("/dev/zero", path.text), 0);
	t_assert_err(moor_map_open("f", NULL, &other), MOOR_EACCES);
	ck_assert_int_eq(unlink(path.text), 0);
	ck_assert_int_eq(rename(aside.text, path.text), 0);
	moor_map_close(opened("f"));
	ck_assert_int_eq(truncate(path.text, 9999), 0);
	t_assert_err(moor_map_open("f", NULL, &other), MOOR_EFORMAT);
	t_assert_err(moor_map_from_file(path.text, "f", 0, NULL, &other), MOOR_EFORMAT);
	ck_assert_ptr_eq(other, NO_MAP);
	ck_assert_int_eq(truncate(path.text, 10000), 0);
	moor_view_unmap(view);
	moor_map_close(map);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* What a name file says is checked before it is believed. */
START_TEST(test_a_forged_name_file)
{
	const struct path path = made("file", 10000);
	moor_map *map = mapped(path.text, "f", 0, MOOR_CREATED), *other = NO_MAP;
	struct moor_abi_file good, bad;
	char name_file[256];
	int fd;

	snprintf(name_file, sizeof name_file, "%s/mooring-%lu/mooring.f", t_dir(), (unsigned long)geteuid());
	fd = open(name_file, O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(pread(fd, &good, sizeof good, MOOR_ABI_FILE_OFFSET), sizeof good);
	ck_assert_uint_eq(good.path_len, strlen((const char *)good.path));
	ck_assert_str_eq((const char *)good.path, path.text);
	for (int i = 0; i < 6; i++) {
		bad = good;
		if (i == 0)
			bad.path_len++;
		if (i == 1)
			bad.path_len = UINT32_MAX;
		if (i == 2)
			memset(bad.path, '/', sizeof bad.path);
		if (i == 3)
			bad.path[0] = '.';
		if (i == 4)
			bad.path[0] = 0, bad.path_len = 0;
		if (i == 5)
			bad.path[3] = 0;
		ck_assert_int_eq(pwrite(fd, &bad, sizeof bad, MOOR_ABI_FILE_OFFSET), sizeof bad);
		t_assert_err(moor_map_open("f", NULL, &other), MOOR_EFORMAT);
	}
	bad = good;
	bad.inode++;
	ck_assert_int_eq(pwrite(fd, &bad, sizeof bad, MOOR_ABI_FILE_OFFSET), sizeof bad);
	t_assert_err(moor_map_open("f", NULL, &other), MOOR_EACCES);
	bad = good;
	bad.device++;
	ck_assert_int_eq(pwrite(fd, &bad, sizeof bad, MOOR_ABI_FILE_OFFSET), sizeof bad);
	t_assert_err(moor_map_open("f", NULL, &other), MOOR_EACCES);
	ck_assert_int_eq(ftruncate(fd, 8192), 0);
	t_assert_err(moor_map_open("f", NULL, &other), MOOR_EFORMAT);
	ck_assert_ptr_eq(other, NO_MAP);
	ck_assert_int_eq(ftruncate(fd, 12288), 0);
	close(fd);
	moor_map_close(map);
}
END_TEST

/* ---- M43 ---- */

#define MIB ((uint64_t)1 << 20)

static void brighten(unsigned char *colours, size_t len, int by)
{
	for (size_t at = 0; at + 2 <= len; at += 2) {
		int16_t channel;

		memcpy(&channel, colours + at, 2);
		channel = channel > INT16_MAX - by ? INT16_MAX : (int16_t)(channel + by);
		memcpy(colours + at, &channel, 2);
	}
}

static int second_process(void *arg)
{
	moor_map *map = opened("ImgA");
	moor_view *view = viewed(map, 4000000, 2000000);

	(void)arg;
	ck_assert_uint_eq(moor_map_size(map), 768 * MIB);
	brighten(moor_view_data(view), 1500000, 20);
	moor_view_unmap(view);
	moor_map_close(map);
	return 0;
}

/* (The whole of the 512 MiB is brightened by the example; here its ends, which is where mistakes are.) */
START_TEST(test_M43_persisted_map_of_a_large_file)
{
	const struct path path = made("ImgA", 768 * (off_t)MIB);
	moor_map *map = mapped(path.text, "ImgA", 0, MOOR_CREATED);
	moor_view *view = viewed(map, 256 * MIB, (size_t)(512 * MIB));
	const int fd = open(path.text, O_RDWR | O_CLOEXEC);
	unsigned char *colours = moor_view_data(view);
	const int16_t bright = 32760;
	unsigned char *bytes = malloc(MIB);
	struct stat st;
	int16_t channel;

	ck_assert_int_eq(pwrite(fd, &bright, 2, 256 * (off_t)MIB + 6), 2);
	brighten(colours, MIB, 10);
	brighten(colours + 511 * MIB, MIB, 10);
	ck_assert_int_eq(t_wait(t_spawn(second_process, NULL)), 0);
	moor_view_unmap(view);
	moor_map_close(map);
	ck_assert_int_eq(t_local_entries(), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_size, 768 * (off_t)MIB);
	ck_assert_int_lt(st.st_blocks, 16 * (blkcnt_t)MIB / 512); /* still sparse */
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(pread(fd, bytes, MIB, (off_t)((i ? 767 : 256) * MIB)), MIB);
		for (size_t at = 0; at < MIB; at += 2) {
			memcpy(&channel, bytes + at, 2);
			ck_assert(channel == (i == 0 && at == 6 ? 32767 : 10));
		}
	}
	ck_assert_int_eq(pread(fd, bytes, 16, 4000000 - 8), 16);
	memcpy(&channel, bytes + 6, 2);
	ck_assert_int_eq(channel, 0);
	memcpy(&channel, bytes + 8, 2);
	ck_assert_int_eq(channel, 20);
	ck_assert_int_eq(pread(fd, bytes, 16, 5500000 - 8), 16);
	memcpy(&channel, bytes + 6, 2);
	ck_assert_int_eq(channel, 20);
	memcpy(&channel, bytes + 8, 2);
	ck_assert_int_eq(channel, 0);
	free(bytes);
	close(fd);
	unlink(path.text);
}
END_TEST

/* ---- life ---- */

static int hold_and_wait(void *arg)
{
	moor_map *map = mapped(path_of("file").text, "f", 0, MOOR_CREATED);
	moor_view *view = viewed(map, 0, 0);

	t_assert_err(moor_view_put_u64(view, 0, 42), 0);
	t_gate_open(arg, 1);
	for (;;)
		pause();
}

START_TEST(test_M42_killed_holder_of_a_file)
{
	const struct path path = made("file", 10000);
	struct t_gate *gate = t_gate_new();
	const pid_t pid = t_spawn(hold_and_wait, gate);
	moor_map *map = NULL;
	uint64_t value = 0;
	moor_view *view;

	t_gate_pass(gate);
	moor_map_close(opened("f"));
	t_kill(pid);
	t_assert_err(moor_map_open("f", NULL, &map), MOOR_ENOENT);
	ck_assert_int_eq(t_local_entries(), 0);
	map = mapped(path.text, "f", 0, MOOR_CREATED);
	view = viewed(map, 0, 0);
	t_assert_err(moor_view_get_u64(view, 0, &value), 0);
	ck_assert_uint_eq(value, 42); /* a file is no memory that starts anew */
	moor_view_unmap(view);
	moor_map_close(map);
}
END_TEST

/* Killed at every step of making, or joining, a named map of a file: the name is free, the file as it was. */
static int live_with_a_file(void *arg)
{
	const int makes = *(const int *)arg;
	moor_map *map = NULL;
	const int news = makes ? moor_map_from_file(path_of("file").text, "f", 10000, NULL, &map)
	                       : moor_map_open("f", NULL, &map);

	moor_map_close(map);
	return news < 0 ? -news : 0;
}

struct killing {
	const char *label;
	unsigned times;
	int makes;
};

static int die_with_a_file(void *arg)
{
	struct killing *killing = arg;

	t_die_at(killing->label, killing->times);
	return live_with_a_file(&killing->makes);
}

static void kill_at(const char *label, unsigned times, void *arg)
{
	struct killing killing = {.label = label, .makes = *(int *)arg};

	for (killing.times = 1; killing.times <= times; killing.times++) {
		moor_map *map = NULL;
		uint64_t value = 0;
		moor_view *view;
		pid_t pid;
		int code;

		if (!killing.makes)
			map = mapped(path_of("file").text, "f", 0, MOOR_CREATED);
		pid = t_spawn(die_with_a_file, &killing);
		code = t_wait(pid);
		ck_assert_msg(code == 128 + SIGKILL || code == 0, "%s: %d", label, code);
		moor_map_close(map);
		t_assert_err(moor_map_open("f", NULL, &map), MOOR_ENOENT);
		map = mapped(path_of("file").text, "f", 0, MOOR_CREATED);
		view = viewed(map, 0, 0);
		t_assert_err(moor_view_get_u64(view, 0, &value), 0);
		ck_assert_uint_eq(value, 0x2a2a2a2a2a2a2a2au);
		moor_view_unmap(view);
		moor_map_close(map);
		ck_assert_int_eq(t_local_entries(), 0);
	}
}

START_TEST(test_M33_killed_while_naming_a_file)
{
	const struct path path = made("file", 5000);
	const int fd = open(path.text, O_RDWR | O_CLOEXEC);
	moor_map *map = NULL;
	int makes = !_i;

	ck_assert_int_eq(pwrite(fd, "********", 8, 0), 8);
	close(fd);
	if (!makes)
		map = mapped(path.text, "f", 0, MOOR_CREATED);
	t_count_labels();
	ck_assert_int_eq(live_with_a_file(&makes), 0);
	moor__crash_hook = NULL;
	moor_map_close(map);
	t_each_label(kill_at, &makes);
}
END_TEST

/* Somebody else has the name, and the file as long as it must be, between this call's looks at both. */
static struct t_gate *wanted, *there, *enough;

static int hold_on_demand(void *arg)
{
	moor_map *map;

	(void)arg;
	t_gate_pass(wanted);
	map = mapped(path_of("file").text, "f", 20000, MOOR_CREATED);
	t_gate_open(there, 1);
	t_gate_pass(enough);
	moor_map_close(map);
	return 0;
}

static void let_the_other_have_it(const char *label)
{
	if (strcmp(label, "create: built") != 0)
		return;
	moor__crash_hook = NULL;
	t_gate_open(wanted, 1);
	t_gate_pass(there);
}

START_TEST(test_M32_somebody_else_names_and_extends_the_file)
{
	const struct path path = made("file", 100);
	moor_map *map;
	pid_t pid;

	wanted = t_gate_new();
	there = t_gate_new();
	enough = t_gate_new();
	pid = t_spawn(hold_on_demand, NULL);
	moor__crash_hook = let_the_other_have_it;
	map = mapped(path.text, "f", 20000, 0);
	ck_assert_ptr_null((void *)(uintptr_t)moor__crash_hook);
	ck_assert_uint_eq(moor_map_size(map), 20000);
	t_gate_open(enough, 1);
	ck_assert_int_eq(t_wait(pid), 0);
	moor_map_close(map);
}
END_TEST

#define RACERS 4

struct race {
	unsigned created, joined;
	struct t_gate *gate;
};

static int race_for_a_name(void *arg)
{
	struct race *race = arg;
	const struct path path = path_of("file");

	t_gate_pass(race->gate);
	for (int i = 0; i < 300; i++) {
		moor_map *map;
		moor_view *view;
		const int news = moor_map_from_file(path.text, "f", 20000, NULL, &map);

		t_assert(news == 0 || news == MOOR_CREATED);
		__atomic_add_fetch(news ? &race->created : &race->joined, 1, __ATOMIC_RELAXED);
		t_assert(moor_map_size(map) == 20000);
		view = viewed(map, 0, 0);
		t_assert_err(moor_view_put_u8(view, 19999, 1), 0);
		moor_view_unmap(view);
		moor_map_close(map);
	}
	return 0;
}

START_TEST(test_M32_race_to_name_a_file)
{
	struct race *race = t_shared(sizeof *race);
	pid_t pids[RACERS];

	made("file", 100);
	race->gate = t_gate_new();
	for (int i = 0; i < RACERS; i++)
		pids[i] = t_spawn(race_for_a_name, race);
	t_gate_open(race->gate, RACERS);
	for (int i = 0; i < RACERS; i++)
		ck_assert_int_eq(t_wait(pids[i]), 0);
	ck_assert_uint_eq(race->created + race->joined, RACERS * 300);
	ck_assert_uint_ge(race->created, 1);
	ck_assert_int_eq(size_of(path_of("file").text), 20000);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_F1_a_child_uses_a_map_of_a_file)
{
	const struct path path = made("file", 10000);
	moor_map *map = mapped(path.text, names[_i], 0, MOOR_CREATED), *other;
	moor_view *view = viewed(map, 0, 0);
	uint64_t value = 0;
	const pid_t pid = fork();

	if (pid == 0) {
		moor_view *own = viewed(map, 0, 0);

		t_assert_err(moor_view_put_u64(own, 8, 7), 0);
		moor_view_unmap(own);
		moor_view_unmap(view);
		moor_map_close(map);
		_exit(0);
	}
	ck_assert_int_eq(t_wait(pid), 0);
	t_assert_err(moor_view_get_u64(view, 8, &value), 0);
	ck_assert_uint_eq(value, 7);
	if (names[_i]) { /* F2: the child's end leaves the name alone */
		other = opened(names[_i]);
		moor_map_close(other);
	}
	moor_view_unmap(view);
	moor_map_close(map);
	if (names[_i])
		t_assert_err(moor_map_open(names[_i], NULL, &other), MOOR_ENOENT);
}
END_TEST

/* ---- room ---- */

static void own_tmpfs(const char *test_case, const char *options)
{
	static char dir[128];

	snprintf(dir, sizeof dir, "%s/small", t_dir());
	mkdir(dir, 0700);
	if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", dir, "tmpfs", 0, options) != 0)
		t_skip(test_case, "may not mount");
}

START_TEST(test_M41_a_full_disk)
{
	const char *name = names[_i];
	struct path path;
	moor_map *map;
	moor_view *view;

	own_tmpfs("M41 of files", "size=65536,mode=0700");
	path = made("small/file", 100);
	fails(path.text, name, 1 << 20, NULL, MOOR_ENOSPC);
	ck_assert_int_eq(size_of(path.text), 100); /* as long as before, and its room given back */
	map = mapped(path.text, name, 40000, MOOR_CREATED);
	view = viewed(map, 0, 0);
	memset(moor_view_data(view), 1, 40000);
	moor_view_unmap(view);
	moor_map_close(map);
	/* A sparse file: populated, it is the library that is told, and not the process by SIGBUS. */
	{
		const struct moor_map_opts populate = MOOR_MAP_OPTS(.flags = MOOR_MAP_POPULATE);

		path = made("small/sparse", 1 << 20);
		t_assert_err(moor_map_from_file(path.text, name, 0, &populate, &map), MOOR_CREATED);
		view = (moor_view *)(void *)&untouched;
		t_assert_err(moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view), MOOR_ENOSPC);
		ck_assert_ptr_eq(view, (void *)&untouched);
		moor_map_close(map);
	}
	/* The same when a view grows over a hole: it is as long as before, and goes on. */
	{
		const struct moor_map_opts both = MOOR_MAP_OPTS(.flags = MOOR_MAP_POPULATE | MOOR_MAP_RESERVE);
		static const off_t starts[] = {0, 5000};

		for (size_t i = 0; i < (sizeof(size_t) == 8 ? 4 : 2); i++) {
			/* (There is no address space to keep for the latter two.) */
			const uint64_t size = i < 2 ? 1 << 20 : UINT64_C(1) << 50;

			path = made("small/sparse", starts[i % 2]);
			t_assert_err(moor_map_from_file(path.text, name, size, &both, &map), MOOR_CREATED);
			view = viewed(map, 0, 0);
			ck_assert_int_eq(truncate(path.text, 1 << 20), 0);
			t_assert_err(moor_view_extend(view), MOOR_ENOSPC);
			ck_assert_uint_eq(moor_view_size(view), (size_t)starts[i % 2]);
			if (starts[i % 2])
				memset(moor_view_data(view), 1, (size_t)starts[i % 2]);
			ck_assert_int_eq(truncate(path.text, starts[i % 2]), 0);
			ck_assert_int_eq(truncate(path.text, 10000), 0);
			t_assert_err(moor_view_extend(view), 0);
			ck_assert_uint_eq(moor_view_size(view), 10000);
			memset(moor_view_data(view), 1, 10000);
			moor_view_unmap(view);
			moor_map_close(map);
		}
	}
	/* Committed step by step. */
	{
		const struct moor_map_opts reserve = MOOR_MAP_OPTS(.flags = MOOR_MAP_RESERVE);

		ck_assert_int_eq(unlink(path.text), 0);
		ck_assert_int_eq(unlink(path_of("small/file").text), 0);
		path = made("small/growing", 0);
		t_assert_err(moor_map_from_file(path.text, name, 1 << 20, &reserve, &map), MOOR_CREATED);
		t_assert_err(moor_map_commit(map, 20000), 0);
		t_assert_err(moor_map_commit(map, 1 << 20), MOOR_ENOSPC);
		ck_assert_uint_eq(moor_map_committed(map), 20000);
		ck_assert_int_eq(size_of(path.text), 20000);
		t_assert_err(moor_map_commit(map, 40000), 0);
		moor_map_close(map);
	}
}
END_TEST

START_TEST(test_huge_pages_of_a_file)
{
	const struct moor_map_opts huge = MOOR_MAP_OPTS(.flags = MOOR_MAP_HUGE);
	struct path path;
	moor_map *map;

	fails(made("file", 10000).text, NULL, 0, &huge, MOOR_ENOTSUP); /* (the tests' directory has none) */
	own_tmpfs("huge pages", "size=32M,mode=0700,huge=always");
	path = made("small/file", 4 << 20);
	if (moor_map_from_file(path.text, NULL, 0, &huge, &map) == MOOR_ENOTSUP)
		t_skip("huge pages", "this kernel has none for files in memory");
	moor_map_close(map);
	/* And of names. */
	setenv("MOORING_DIR", path_of("small").text, 1);
	t_assert_err(moor_map_create("h", 5000000, &huge, &map), 0);
	ck_assert_uint_eq(moor_map_size(map), 5000000);
	moor_map_close(map);
	t_assert_err(moor_map_create("h", (uint64_t)1 << 30, &huge, &map), MOOR_ENOSPC);
}
END_TEST

/* ---- rights ---- */

static int nobody_maps(void *arg)
{
	const struct moor_map_opts reading = MOOR_MAP_OPTS(.access = MOOR_READ);
	const struct moor_map_opts any_owner = MOOR_MAP_OPTS(.access = MOOR_READ, .flags = MOOR_ANY_OWNER);
	const char *path = arg;
	moor_map *map = NO_MAP;

	ck_assert_int_eq(setgroups(0, NULL), 0);
	ck_assert_int_eq(setgid(NOBODY), 0);
	ck_assert_int_eq(setuid(NOBODY), 0);
	t_assert_err(moor_map_from_file(path, NULL, 0, NULL, &map), MOOR_EACCES);
	t_assert_err(moor_map_from_file(path, NULL, 0, &reading, &map), 0 + MOOR_CREATED);
	moor_map_close(map);
	map = NO_MAP;
	/* The name is for all, the file is not. */
	t_assert_err(moor_map_open("Global\\f", NULL, &map), MOOR_EACCES);
	ck_assert_ptr_eq(map, NO_MAP);
	t_assert_err(moor_map_open("Global\\f", &reading, &map), 0);
	moor_map_close(map);
	/* To give it that name takes a word more, as with create_or_open. */
	t_assert_err(moor_map_from_file(path, "Global\\f", 0, &reading, &map), MOOR_EACCES);
	t_assert_err(moor_map_from_file(path, "Global\\f", 0, &any_owner, &map), 0);
	moor_map_close(map);
	return 0;
}

START_TEST(test_Z14_the_rights_of_a_file)
{
	const struct moor_map_opts for_all = MOOR_MAP_OPTS(.mode = 0666);
	struct path path = made("file", 10000);
	struct stat st;
	moor_map *map;

	if (geteuid() != 0)
		t_skip("Z14 of files", "needs root");
	ck_assert_int_eq(chmod(t_dir(), 01777), 0);
	ck_assert_int_eq(chmod(path.text, 0644), 0);
	t_assert_err(moor_map_from_file(path.text, "Global\\f", 0, &for_all, &map), MOOR_CREATED);
	ck_assert_int_eq(t_wait(t_spawn(nobody_maps, path.text)), 0);
	moor_map_close(map);
	ck_assert_int_eq(stat(path.text, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0644);
}
END_TEST

/* A stranger gives a name to a file of root's that he can find, and waits for root to write into the name. */
static int lure(void *arg)
{
	const struct moor_map_opts opts = MOOR_MAP_OPTS(.access = MOOR_READ, .mode = 0666);
	struct t_gate *const *gates = arg;
	moor_map *map;

	ck_assert_int_eq(setgroups(0, NULL), 0);
	ck_assert_int_eq(setgid(NOBODY), 0);
	ck_assert_int_eq(setuid(NOBODY), 0);
	t_assert_err(moor_map_from_file(path_of("precious").text, "Global\\lure", 0, &opts, &map), MOOR_CREATED);
	t_gate_open(gates[0], 1);
	t_gate_pass(gates[1]);
	moor_map_close(map);
	return 0;
}

START_TEST(test_Z_a_name_leads_nobody_into_a_file_of_his_own)
{
	const struct moor_map_opts reading = MOOR_MAP_OPTS(.access = MOOR_READ);
	struct t_gate *gates[2] = {t_gate_new(), t_gate_new()};
	const struct path path = made("precious", 10000);
	moor_map *map = NO_MAP;
	pid_t pid;

	if (geteuid() != 0)
		t_skip("Z of luring names", "needs root");
	ck_assert_int_eq(chmod(t_dir(), 01777), 0);
	ck_assert_int_eq(chmod(path.text, 0644), 0);
	pid = t_spawn(lure, gates);
	t_gate_pass(gates[0]);
	t_assert_err(moor_map_open("Global\\lure", NULL, &map), MOOR_EACCES);
	t_assert_err(moor_map_open("Global\\lure", &reading, &map), MOOR_EACCES);
	ck_assert_ptr_eq(map, NO_MAP);
	ck_assert_int_eq(chown(path.text, NOBODY, NOBODY), 0); /* his own: that he may */
	t_assert_err(moor_map_open("Global\\lure", NULL, &map), 0);
	moor_map_close(map);
	t_gate_open(gates[1], 1);
	ck_assert_int_eq(t_wait(pid), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("backing");
	TCase *tc = tcase_create("backing");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_file_that_cannot_be_mapped, 0, 3);
	tcase_add_loop_test(tc, test_sizes_of_files, 0, 3);
	tcase_add_loop_test(tc, test_reading_extends_nothing, 0, 3);
	tcase_add_test(tc, test_relative_paths_and_links);
	tcase_add_test(tc, test_a_name_that_is_taken);
	tcase_add_test(tc, test_the_file_behind_a_name_goes_away);
	tcase_add_test(tc, test_a_forged_name_file);
	tcase_add_test(tc, test_M43_persisted_map_of_a_large_file);
	tcase_add_test(tc, test_M42_killed_holder_of_a_file);
	tcase_add_loop_test(tc, test_M33_killed_while_naming_a_file, 0, 2);
	tcase_add_test(tc, test_M32_somebody_else_names_and_extends_the_file);
	tcase_add_test(tc, test_M32_race_to_name_a_file);
	tcase_add_loop_test(tc, test_F1_a_child_uses_a_map_of_a_file, 0, 3);
	tcase_add_loop_test(tc, test_M41_a_full_disk, 0, 3);
	tcase_add_test(tc, test_huge_pages_of_a_file);
	tcase_add_test(tc, test_Z14_the_rights_of_a_file);
	tcase_add_test(tc, test_Z_a_name_leads_nobody_into_a_file_of_his_own);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
