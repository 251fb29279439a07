/* SPDX-License-Identifier: Apache-2.0 */
/* test_map.c - maps and views, as one process sees them, and a second one where the case asks for it. */
#include "tests/lib/testing.h"

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
#define LONG (100000 * MS)

/* An output that no failing call may touch. */
#define UNTOUCHED ((moor_map *)(void *)&untouched)
static char untouched;

static moor_map *created(const char *name, uint64_t size)
{
	moor_map *map = NULL;

	t_assert_err(moor_map_create(name, size, NULL, &map), 0);
	ck_assert_ptr_nonnull(map);
	return map;
}

static moor_map *opened(const char *name)
{
	moor_map *map = NULL;

	t_assert_err(moor_map_open(name, NULL, &map), 0);
	ck_assert_ptr_nonnull(map);
	return map;
}

static moor_view *viewed(moor_map *map)
{
	moor_view *view = NULL;

	t_assert_err(moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view), 0);
	ck_assert_uint_eq(moor_view_size(view), moor_map_size(map));
	return view;
}

static void fails(const char *name, uint64_t size, const struct moor_map_opts *opts, int create, int create_or_open,
                  int open)
{
	moor_map *map = UNTOUCHED;

	t_assert_err(moor_map_create(name, size, opts, &map), create);
	t_assert_err(moor_map_create_or_open(name, size, opts, &map), create_or_open);
	t_assert_err(moor_map_open(name, opts, &map), open);
	t_assert_err(moor_map_open_wait(name, opts, MOOR_NOWAIT, &map), open);
	ck_assert_ptr_eq(map, UNTOUCHED);
}

START_TEST(test_M1_create_free)
{
	static const char *const names[] = {"m", "Local\\m", "Global\\m"};
	moor_map *map;

	moor_map_close(created(names[_i], 100));
	t_assert_err(moor_map_create_or_open(names[_i], 100, NULL, &map), MOOR_CREATED);
	moor_map_close(map);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_M2_create_twice)
{
	moor_map *first = created("m", 100), *second = UNTOUCHED, *third;
	moor_view *a, *b;

	t_assert_err(moor_map_create("m", 100, NULL, &second), MOOR_EEXIST);
	ck_assert_ptr_eq(second, UNTOUCHED);
	t_assert_err(moor_map_create_or_open("m", 100, NULL, &second), 0);
	t_assert_err(moor_map_open("m", NULL, &third), 0);
	a = viewed(first);
	b = viewed(second);
	strcpy(moor_view_data(a), "the same memory");
	ck_assert_str_eq(moor_view_data(b), "the same memory");
	moor_map_close(first); /* the creator's handle is one like any other */
	t_assert_err(moor_map_create("m", 100, NULL, &first), MOOR_EEXIST);
	moor_map_close(second);
	moor_map_close(third);
	moor_view_unmap(a);
	moor_view_unmap(b);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_M4_open_what_is_not_there)
{
	moor_map *map = UNTOUCHED;

	t_assert_err(moor_map_open("never", NULL, &map), MOOR_ENOENT);
	t_assert_err(moor_map_open("Global\\never", NULL, &map), MOOR_ENOENT);
	moor_map_close(created("m", 100));
	t_assert_err(moor_map_open("m", NULL, &map), MOOR_ENOENT);
	ck_assert_ptr_eq(map, UNTOUCHED);
}
END_TEST

START_TEST(test_M5_name_null_or_empty)
{
	fails(NULL, 100, NULL, MOOR_EINVAL, MOOR_EINVAL, MOOR_EINVAL);
	fails("", 100, NULL, MOOR_ENAME, MOOR_ENAME, MOOR_ENAME);
	fails("Local\\", 100, NULL, MOOR_ENAME, MOOR_ENAME, MOOR_ENAME);
	fails("Global\\", 100, NULL, MOOR_ENAME, MOOR_ENAME, MOOR_ENAME);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

static const char *const odd[] = {
    " ", "  ", "\t", "\n", ".", "..", "...", "-", "-rf", "--help", "*", "~", "$HOME", "%s%n", "mooring.", ".mooring-new.0",
    "a:b", "a|b", "\"", "'", "\x01", "\x7f", "\xff", "\xc3\xa9t\xc3\xa9", "\xe4\xbd\xa0\xe5\xa5\xbd", "A", "a", "name", "NAME",
    "name ", " name", "name.",
};
#define ODD (sizeof odd / sizeof odd[0])

START_TEST(test_M7_odd_names_are_names_and_distinct)
{
	moor_map *maps[2][ODD];
	char global[64];

	for (size_t i = 0; i < ODD; i++) {
		snprintf(global, sizeof global, "Global\\%s", odd[i]);
		maps[0][i] = created(odd[i], 100 + i);
		maps[1][i] = created(global, 1000 + i);
	}
	ck_assert_int_eq(t_local_entries(), ODD);
	for (size_t i = 0; i < ODD; i++) {
		moor_map *again = opened(odd[i]);

		ck_assert_uint_eq(moor_map_size(again), 100 + i);
		moor_map_close(again);
		snprintf(global, sizeof global, "Global\\%s", odd[i]);
		again = opened(global);
		ck_assert_uint_eq(moor_map_size(again), 1000 + i);
		moor_map_close(again);
	}
	for (size_t i = 0; i < ODD; i++) {
		moor_map_close(maps[0][i]);
		moor_map_close(maps[1][i]);
	}
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_M8_length)
{
	static const char *const prefixes[] = {"", "Local\\", "Global\\"};
	char text[16 + MOOR_NAME_MAX + 2] = "";
	const size_t len = strlen(prefixes[_i]);
	moor_map *map;

	strcpy(text, prefixes[_i]);
	memset(text + len, '\xc3', MOOR_NAME_MAX);
	map = created(text, 100);
	moor_map_close(opened(text));
	moor_map_close(map);
	text[len + MOOR_NAME_MAX] = 'x';
	fails(text, 100, NULL, MOOR_ENAME, MOOR_ENAME, MOOR_ENAME);
}
END_TEST

START_TEST(test_M9_separators)
{
	static const char *const bad[] = {"a/b", "a\\b", "Session\\x", "/../escaped", "Local\\/../escaped", "Global\\../x",
	                                  "Local\\Global\\x", "Global\\\\x", "/", "\\"};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		fails(bad[i], 100, NULL, MOOR_ENAME, MOOR_ENAME, MOOR_ENAME);
}
END_TEST

START_TEST(test_M10_no_prefix_is_local)
{
	moor_map *local = created("x", 100), *global, *again;
	moor_view *a, *b, *c;

	t_assert_err(moor_map_open("Global\\x", NULL, &global), MOOR_ENOENT);
	again = opened("Local\\x");
	global = created("Global\\x", 200);
	a = viewed(local);
	b = viewed(again);
	c = viewed(global);
	strcpy(moor_view_data(a), "local");
	strcpy(moor_view_data(c), "global");
	ck_assert_str_eq(moor_view_data(b), "local");
	ck_assert_uint_eq(moor_map_size(again), 100);
	moor_view_unmap(a);
	moor_view_unmap(b);
	moor_view_unmap(c);
	moor_map_close(local);
	moor_map_close(again);
	moor_map_close(global);
}
END_TEST

START_TEST(test_M11_map_by_the_name_of_a_channel)
{
	moor_map *map = UNTOUCHED;
	moor_tx *tx;

	t_assert_err(moor_tx_open("c", NULL, &tx), MOOR_CREATED);
	fails("c", 100, NULL, MOOR_EEXIST, MOOR_EKIND, MOOR_EKIND);
	moor_tx_close(tx);
	t_assert_err(moor_map_create("c", 100, NULL, &map), 0); /* refused openers leave nothing behind */
	moor_map_close(map);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_M11_channel_by_the_name_of_a_map)
{
	const struct moor_channel_opts create = MOOR_CHANNEL_OPTS(.flags = MOOR_CREATE_ONLY);
	const struct moor_channel_opts open = MOOR_CHANNEL_OPTS(.flags = MOOR_OPEN_ONLY);
	struct moor_channel_info info = {.struct_size = sizeof info, .kind = 77};
	moor_map *map = created("m", 100);
	moor_tx *tx = (moor_tx *)(void *)&untouched;
	moor_rx *rx = (moor_rx *)(void *)&untouched;

	t_assert_err(moor_tx_open("m", &create, &tx), MOOR_EEXIST);
	t_assert_err(moor_rx_open("m", &create, &rx), MOOR_EEXIST);
	t_assert_err(moor_tx_open("m", NULL, &tx), MOOR_EKIND);
	t_assert_err(moor_rx_open("m", NULL, &rx), MOOR_EKIND);
	t_assert_err(moor_tx_open("m", &open, &tx), MOOR_EKIND);
	t_assert_err(moor_rx_open("m", &open, &rx), MOOR_EKIND);
	t_assert_err(moor_channel_stat("m", &info), MOOR_EKIND);
	ck_assert_uint_eq(info.kind, 77);
	ck_assert_ptr_eq(tx, (void *)&untouched);
	ck_assert_ptr_eq(rx, (void *)&untouched);
	moor_map_close(map);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_M13_a_new_life_starts_zeroed)
{
	for (int i = 0; i < 20; i++) {
		moor_map *map = created("m", 100000);
		moor_view *view = viewed(map);
		static unsigned char zero[100000];

		ck_assert_mem_eq(moor_view_data(view), zero, sizeof zero);
		memset(moor_view_data(view), 42, sizeof zero);
		moor_view_unmap(view);
		moor_map_close(map);
	}
}
END_TEST

START_TEST(test_M14_an_existing_map_keeps_its_size)
{
	moor_map *map = created("m", 10000), *smaller, *greater;

	t_assert_err(moor_map_create_or_open("m", 1, NULL, &smaller), 0);
	t_assert_err(moor_map_create_or_open("m", 20000, NULL, &greater), 0);
	ck_assert_uint_eq(moor_map_size(map), 10000);
	ck_assert_uint_eq(moor_map_size(smaller), 10000);
	ck_assert_uint_eq(moor_map_size(greater), 10000);
	moor_map_close(map);
	moor_map_close(smaller);
	moor_map_close(greater);
}
END_TEST

START_TEST(test_M15_sizes_that_cannot_be)
{
	static const uint64_t huge[] = {UINT64_MAX,        UINT64_MAX - 4095,       (uint64_t)1 << 63,
	                                ((uint64_t)1 << 62) + 1, ((uint64_t)1 << 61) + 1, (uint64_t)1 << 61,
	                                (uint64_t)1 << 60,       (uint64_t)1 << 48};
	moor_map *map = UNTOUCHED;

	fails("m", 0, NULL, MOOR_EINVAL, MOOR_EINVAL, MOOR_ENOENT);
	for (size_t i = 0; i < sizeof huge / sizeof huge[0]; i++) {
		const int create = moor_map_create("m", huge[i], NULL, &map);
		const int either = moor_map_create_or_open("m", huge[i], NULL, &map);

		ck_assert_msg(create == MOOR_ENOMEM || create == MOOR_ENOSPC, "%s", moor_err_name(create));
		ck_assert_msg(either == MOOR_ENOMEM || either == MOOR_ENOSPC, "%s", moor_err_name(either));
		ck_assert_ptr_eq(map, UNTOUCHED);
		t_assert_err(moor_map_open("m", NULL, &map), MOOR_ENOENT);
		ck_assert_int_eq(t_local_entries(), 0);
	}
	/* The name is as free as before. */
	moor_map_close(created("m", 1));
}
END_TEST

START_TEST(test_M17_first_and_last_byte_read_zero)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	const uint64_t sizes[] = {1, 2, 255, 256, page - 1, page, page + 1, 10000, 3 * page, 1 << 20};

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		moor_map *map = created("m", sizes[i]);
		moor_view *view = viewed(map);
		unsigned char *data = moor_view_data(view);

		ck_assert_uint_eq(moor_map_size(map), sizes[i]);
		ck_assert_uint_eq(data[0], 0);
		ck_assert_uint_eq(data[sizes[i] - 1], 0);
		data[sizes[i] - 1] = 1;
		moor_view_unmap(view);
		moor_map_close(map);
	}
}
END_TEST

static int size_elsewhere(void *arg)
{
	const uint64_t expected = *(const uint64_t *)arg;
	moor_map *map = opened("m");

	ck_assert_uint_eq(moor_map_size(map), expected);
	moor_view_unmap(viewed(map));
	moor_map_close(map);
	return 0;
}

START_TEST(test_M21_size_to_the_byte)
{
	uint64_t sizes[] = {1, 4095, 4096, 4097, 10007, 1234567};

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		moor_map *map = created("m", sizes[i]);

		ck_assert_uint_eq(moor_map_size(map), sizes[i]);
		ck_assert_int_eq(t_wait(t_spawn(size_elsewhere, &sizes[i])), 0);
		moor_map_close(map);
	}
	ck_assert_uint_eq(moor_map_size(NULL), 0);
}
END_TEST

START_TEST(test_M30_a_hundred_maps_at_once)
{
	moor_map *maps[100];
	moor_view *views[100];
	char name[16];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "m%d", i);
		maps[i] = created(name, 10000);
		views[i] = viewed(maps[i]);
		memset(moor_view_data(views[i]), i, 10000);
	}
	for (int i = 0; i < 100; i++) {
		const unsigned char *data = moor_view_data(views[i]);

		ck_assert_uint_eq(data[0], i);
		ck_assert_uint_eq(data[9999], i);
		moor_view_unmap(views[i]);
		moor_map_close(maps[i]);
	}
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_M38_every_descriptor_is_close_on_exec)
{
	bool before[256];
	moor_map *map;
	moor_hold *hold;
	moor_tx *tx;
	moor_rx *rx;
	int ours = 0;

	for (int fd = 0; fd < 256; fd++)
		before[fd] = fcntl(fd, F_GETFD) >= 0;
	map = created("m", 100);
	t_assert_err(moor_hold_open("m", &hold), 0);
	t_assert_err(moor_tx_open("Global\\c", NULL, &tx), MOOR_CREATED);
	t_assert_err(moor_rx_open("Global\\c", NULL, &rx), 0);
	for (int fd = 0; fd < 256; fd++) {
		const int flags = fcntl(fd, F_GETFD);

		if (flags < 0 || before[fd])
			continue;
		ours++;
		ck_assert_msg(flags & FD_CLOEXEC, "descriptor %d would be inherited", fd);
	}
	ck_assert_int_ge(ours, 4);
	moor_rx_close(rx);
	moor_tx_close(tx);
	moor_hold_close(hold);
	moor_map_close(map);
	for (int fd = 0; fd < 256; fd++)
		ck_assert_msg((fcntl(fd, F_GETFD) >= 0) == before[fd], "descriptor %d", fd);
}
END_TEST

START_TEST(test_M40_a_view_outlives_the_handle)
{
	moor_map *map = created("m", 10000);
	moor_view *view = viewed(map);
	unsigned char *data = moor_view_data(view);

	data[0] = 1;
	data[9999] = 2;
	moor_map_close(map);
	t_assert_err(moor_map_open("m", NULL, &map), MOOR_ENOENT); /* the memory, not the name */
	ck_assert_uint_eq(data[0] + data[9999], 3);
	data[5000] = 4;
	map = created("m", 10000);
	{
		moor_view *other = viewed(map);

		ck_assert_uint_eq(((unsigned char *)moor_view_data(other))[5000], 0);
		moor_view_unmap(other);
	}
	ck_assert_uint_eq(data[5000], 4);
	moor_view_unmap(view);
	moor_map_close(map);
}
END_TEST

START_TEST(test_V1_ranges)
{
	static const struct {
		uint64_t offset;
		size_t size;
	} bad[] = {
	    {10000, 0}, {10000, 1}, {10001, 0}, {0, 10001}, {9999, 2}, {1, 10000}, {UINT64_MAX, 0}, {UINT64_MAX, 1},
	    {UINT64_MAX, SIZE_MAX}, {1, SIZE_MAX}, {0, SIZE_MAX}, {5000, SIZE_MAX - 4999}, {UINT64_MAX - 9999, 10000},
	};
	moor_map *map = created("m", 10000);
	moor_view *view = (moor_view *)(void *)&untouched;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		t_assert_err(moor_view_map(map, bad[i].offset, bad[i].size, MOOR_READ_WRITE, &view), MOOR_ERANGE);
	ck_assert_ptr_eq(view, (void *)&untouched);
	t_assert_err(moor_view_map(map, 9999, 1, MOOR_READ_WRITE, &view), 0);
	ck_assert_uint_eq(moor_view_size(view), 1);
	moor_view_unmap(view);
	t_assert_err(moor_view_map(map, 0, 10000, MOOR_READ_WRITE, &view), 0);
	ck_assert_uint_eq(moor_view_size(view), 10000);
	moor_view_unmap(view);
	moor_map_close(map);
}
END_TEST

START_TEST(test_V8_overlapping_views)
{
	moor_map *map = created("m", 10000), *second = opened("m");
	moor_view *a, *b;
	volatile unsigned char *at_a, *at_b;

	t_assert_err(moor_view_map(map, 100, 5000, MOOR_READ_WRITE, &a), 0);
	t_assert_err(moor_view_map(second, 3000, 7000, MOOR_READ_WRITE, &b), 0);
	at_a = moor_view_data(a);
	at_b = moor_view_data(b);
	for (unsigned i = 0; i < 2100; i++) {
		at_a[2900 + i] = (unsigned char)i;
		ck_assert_uint_eq(at_b[i], (unsigned char)i);
		at_b[i] = (unsigned char)~i;
		ck_assert_uint_eq(at_a[2900 + i], (unsigned char)~i);
	}
	moor_view_unmap(a);
	moor_view_unmap(b);
	moor_map_close(map);
	moor_map_close(second);
}
END_TEST

START_TEST(test_V9_any_offset)
{
	static const uint64_t offsets[] = {0, 1, 17, 4095, 4096, 8100, 65535, 69900, 99999};
	moor_map *map = created("m", 100000);
	moor_view *whole = viewed(map), *view;
	unsigned char *data = moor_view_data(whole);

	for (size_t i = 0; i < 100000; i++)
		data[i] = (unsigned char)(i * 7 + i / 251);
	for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
		t_assert_err(moor_view_map(map, offsets[i], 0, MOOR_READ_WRITE, &view), 0);
		ck_assert_uint_eq(moor_view_size(view), 100000 - offsets[i]); /* V10: to the end */
		ck_assert_mem_eq(moor_view_data(view), data + offsets[i], 100000 - offsets[i]);
		*(unsigned char *)moor_view_data(view) ^= 0xff;
		ck_assert_uint_eq(*(unsigned char *)moor_view_data(view), data[offsets[i]]);
		moor_view_unmap(view);
	}
	moor_view_unmap(whole);
	moor_map_close(map);
}
END_TEST

START_TEST(test_null_arguments)
{
	moor_map *map = created("m", 100);
	moor_view *view = (moor_view *)(void *)&untouched;
	moor_map *other = UNTOUCHED;

	t_assert_err(moor_map_create("n", 100, NULL, NULL), MOOR_EINVAL);
	t_assert_err(moor_map_create_or_open("n", 100, NULL, NULL), MOOR_EINVAL);
	t_assert_err(moor_map_open("m", NULL, NULL), MOOR_EINVAL);
	t_assert_err(moor_map_open_wait("m", NULL, 0, NULL), MOOR_EINVAL);
	t_assert_err(moor_map_open_wait(NULL, NULL, 0, &other), MOOR_EINVAL);
	t_assert_err(moor_view_map(NULL, 0, 0, MOOR_READ_WRITE, &view), MOOR_EINVAL);
	t_assert_err(moor_view_map(map, 0, 0, MOOR_READ_WRITE, NULL), MOOR_EINVAL);
	t_assert_err(moor_view_map(map, 0, 0, (enum moor_access)(MOOR_READ_WRITE_EXECUTE + 1), &view), MOOR_EINVAL);
	t_assert_err(moor_view_map(map, 0, 0, (enum moor_access)-1, &view), MOOR_EINVAL);
	ck_assert_ptr_eq(view, (void *)&untouched);
	ck_assert_ptr_eq(other, UNTOUCHED);
	ck_assert_ptr_null(moor_view_data(NULL));
	ck_assert_uint_eq(moor_view_size(NULL), 0);
	moor_view_unmap(NULL);
	moor_map_close(NULL);
	moor_map_close(map);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_close_keeps_errno)
{
	moor_map *map = created("m", 100);

	errno = 77;
	moor_map_close(map);
	ck_assert_int_eq(errno, 77);
	moor_map_close(NULL);
	ck_assert_int_eq(errno, 77);
}
END_TEST

START_TEST(test_options)
{
	struct {
		struct moor_map_opts opts;
		uint64_t newer;
	} longer = {.opts = {.struct_size = sizeof longer}};
	struct moor_map_opts opts = MOOR_MAP_OPTS(.mode = 0640);
	moor_map *map;

	t_assert_err(moor_map_create("m", 100, &opts, &map), 0);
	moor_map_close(map);
	t_assert_err(moor_map_create("m", 100, &longer.opts, &map), 0);
	moor_map_close(map);
	longer.newer = 1;
	fails("m", 100, &longer.opts, MOOR_EINVAL, MOOR_EINVAL, MOOR_EINVAL);
	opts = (struct moor_map_opts){.struct_size = 8, .access = 77, .mode = 0xffff}; /* not part of what it knows */
	t_assert_err(moor_map_create("m", 100, &opts, &map), 0);
	moor_map_close(map);
	for (uint32_t size = 0; size < 4; size++) {
		opts.struct_size = size;
		fails("m", 100, &opts, MOOR_EINVAL, MOOR_EINVAL, MOOR_EINVAL);
	}
	for (unsigned bit = 3; bit < 32; bit++) {
		if ((uint32_t)1 << bit == MOOR_ANY_OWNER)
			continue;
		opts = MOOR_MAP_OPTS(.flags = (uint32_t)1 << bit);
		fails("m", 100, &opts, MOOR_EINVAL, MOOR_EINVAL, MOOR_EINVAL);
	}
	opts = MOOR_MAP_OPTS(.flags = MOOR_ANY_OWNER);
	t_assert_err(moor_map_create("m", 100, &opts, &map), 0);
	moor_map_close(map);
	opts = MOOR_MAP_OPTS(.access = MOOR_READ_WRITE_EXECUTE + 1);
	fails("m", 100, &opts, MOOR_EINVAL, MOOR_EINVAL, MOOR_EINVAL);
	opts = MOOR_MAP_OPTS(.mode = 01000);
	fails("m", 100, &opts, MOOR_EINVAL, MOOR_EINVAL, MOOR_EINVAL);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_open_wait_no_wait_is_open)
{
	moor_map *map = UNTOUCHED, *there;

	t_assert_err(moor_map_open_wait("m", NULL, MOOR_NOWAIT, &map), MOOR_ENOENT);
	t_assert_err(moor_map_open_wait("m", NULL, -2, &map), MOOR_EINVAL);
	t_assert_err(moor_map_open_wait("m", NULL, INT64_MIN, &map), MOOR_EINVAL);
	ck_assert_ptr_eq(map, UNTOUCHED);
	there = created("m", 100);
	t_assert_err(moor_map_open_wait("m", NULL, MOOR_NOWAIT, &map), 0);
	moor_map_close(map);
	t_assert_err(moor_map_open_wait("m", NULL, MOOR_FOREVER, &map), 0);
	moor_map_close(map);
	t_assert_err(moor_map_open_wait("m", NULL, INT64_MAX, &map), 0);
	moor_map_close(map);
	moor_map_close(there);
}
END_TEST

START_TEST(test_open_wait_times_out)
{
	static const int64_t times[] = {1, 1 * MS, 50 * MS};
	moor_map *map = UNTOUCHED;

	for (size_t i = 0; i < 3; i++) {
		const int64_t start = t_now();

		t_assert_err(moor_map_open_wait("m", NULL, times[i], &map), MOOR_ETIMEDOUT);
		ck_assert_int_ge(t_now() - start, times[i]);
	}
	ck_assert_ptr_eq(map, UNTOUCHED);
}
END_TEST

static int create_later(void *arg)
{
	moor_map *map;

	t_sleep_ms(50);
	map = created("m", 100);
	t_gate_pass(arg);
	moor_map_close(map);
	return 0;
}

START_TEST(test_open_wait_until_a_creator_appears)
{
	struct t_gate *gate = t_gate_new();
	const pid_t pid = t_spawn(create_later, gate);
	moor_map *map;

	t_assert_err(moor_map_open_wait("m", NULL, _i ? MOOR_FOREVER : LONG, &map), 0);
	ck_assert_uint_eq(moor_map_size(map), 100);
	t_gate_open(gate, 1);
	ck_assert_int_eq(t_wait(pid), 0);
	moor_map_close(opened("m"));
	moor_map_close(map);
}
END_TEST

static void do_nothing(int signal)
{
	(void)signal;
}

START_TEST(test_open_wait_ends_by_a_signal)
{
	struct sigaction action = {.sa_handler = do_nothing, .sa_flags = _i ? SA_RESTART : 0};
	const struct itimerval timer = {.it_interval = {0, 10000}, .it_value = {0, 10000}};
	moor_map *map = UNTOUCHED;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	t_assert_err(moor_map_open_wait("m", NULL, MOOR_FOREVER, &map), MOOR_EINTR);
	t_assert_err(moor_map_open_wait("m", NULL, LONG, &map), MOOR_EINTR);
	ck_assert_ptr_eq(map, UNTOUCHED);
	setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL);
}
END_TEST

static int waited;

static void *wait_in_vain(void *arg)
{
	moor_map *map;

	(void)arg;
	waited = moor_map_open_wait("m", NULL, 200 * MS, &map);
	pthread_testcancel();
	waited = 1;
	return NULL;
}

START_TEST(test_open_wait_is_no_cancellation_point)
{
	pthread_t thread;
	void *result;

	ck_assert_int_eq(pthread_create(&thread, NULL, wait_in_vain, NULL), 0);
	pthread_cancel(thread);
	pthread_join(thread, &result);
	ck_assert_ptr_eq(result, PTHREAD_CANCELED);
	/* 0: it was cancelled before it had begun. */
	ck_assert_msg(waited == MOOR_ETIMEDOUT || waited == 0, "%s", moor_err_name(waited));
}
END_TEST

static void *use_until_cancelled(void *arg)
{
	bool *begun = arg;

	for (;;) {
		moor_map *map;
		moor_hold *hold;
		const int news = moor_map_create_or_open("m", 4096, NULL, &map);

		t_assert(news == 0 || news == MOOR_CREATED); /* (a ck_assert is a cancellation point) */
		t_assert_err(moor_hold_open("m", &hold), 0);
		moor_map_close(map);
		moor_hold_close(hold);
		__atomic_store_n(begun, true, __ATOMIC_RELEASE);
		pthread_testcancel(); /* here, where nothing is held, and nowhere in the library */
	}
}

START_TEST(test_a_cancelled_thread_leaves_nothing_behind)
{
	uint64_t seed = 1;

	/* AddressSanitizer of gcc 12 takes the end of a cancelled thread for an error of its own. */
	if (T_SANITIZER)
		t_skip("a cancelled thread", "a sanitizer is in the program");
	for (int round = 0; round < 100; round++) {
		bool begun = false;
		pthread_t thread;

		ck_assert_int_eq(pthread_create(&thread, NULL, use_until_cancelled, &begun), 0);
		while (!__atomic_load_n(&begun, __ATOMIC_ACQUIRE))
			sched_yield();
		for (volatile uint64_t spin = t_random(&seed) % 50000; spin; spin--)
			;
		pthread_cancel(thread);
		pthread_join(thread, NULL);
		moor_map_close(created("m", 100)); /* no lock has died with it */
		ck_assert_int_eq(t_local_entries(), 0);
	}
}
END_TEST

static void *use_a_lot(void *arg)
{
	uint64_t *seed = arg;

	for (int i = 0; i < 1500; i++) {
		moor_map *map;
		moor_view *view;
		char name[16];
		int news;

		snprintf(name, sizeof name, "t%d", (int)(t_random(seed) % 3));
		news = moor_map_create_or_open(name, 4096, NULL, &map);
		ck_assert_msg(news == 0 || news == MOOR_CREATED, "%s", moor_err_name(news));
		t_assert_err(moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view), 0);
		*(volatile char *)moor_view_data(view) = 1;
		moor_map_close(map);
		moor_view_unmap(view);
	}
	return NULL;
}

START_TEST(test_threads_share_the_library)
{
	uint64_t seeds[4] = {1, 2, 3, 4};
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, use_a_lot, &seeds[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* ---- live objects that this library must not use ---- */

static int raw_fd(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof path, "%s/mooring-%lu/mooring.%s", t_dir(), (unsigned long)geteuid(), name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static void refused_unmodified(const struct moor_abi_header *header, int expected)
{
	unsigned char before[12288], after[12288];
	moor_map *map = created("m", 8192), *other = UNTOUCHED;
	const int fd = raw_fd("m");
	struct stat st_before, st_after;
	moor_hold *hold = (moor_hold *)(void *)&untouched;

	ck_assert_int_eq(pwrite(fd, header, sizeof *header, 0), sizeof *header);
	ck_assert_int_eq(pread(fd, before, sizeof before, 0), sizeof before);
	ck_assert_int_eq(fstat(fd, &st_before), 0);
	t_assert_err(moor_map_open("m", NULL, &other), expected);
	t_assert_err(moor_map_create_or_open("m", 100, NULL, &other), expected);
	t_assert_err(moor_map_create("m", 100, NULL, &other), MOOR_EEXIST);
	t_assert_err(moor_hold_open("m", &hold), expected);
	ck_assert_ptr_eq(other, UNTOUCHED);
	ck_assert_ptr_eq(hold, (void *)&untouched);
	ck_assert_int_eq(pread(fd, after, sizeof after, 0), sizeof after);
	ck_assert_int_eq(fstat(fd, &st_after), 0);
	ck_assert_mem_eq(after, before, sizeof after);
	ck_assert_int_eq(st_after.st_size, st_before.st_size);
	ck_assert_uint_eq(st_after.st_nlink, 1);
	ck_assert(st_after.st_mtim.tv_sec == st_before.st_mtim.tv_sec && st_after.st_mtim.tv_nsec == st_before.st_mtim.tv_nsec);
	close(fd);
	moor_map_close(map);
	ck_assert_int_eq(t_local_entries(), 0);
}

static struct moor_abi_header fresh_header(void)
{
	struct moor_abi_header header;
	moor_map *map = created("m", 8192);
	const int fd = raw_fd("m");

	ck_assert_int_eq(pread(fd, &header, sizeof header, 0), sizeof header);
	close(fd);
	moor_map_close(map);
	return header;
}

START_TEST(test_B2_live_object_of_the_other_byte_order)
{
	struct moor_abi_header header = fresh_header();

	header.byte_order = 0x04030201u;
	refused_unmodified(&header, MOOR_EFORMAT);
}
END_TEST

START_TEST(test_B3_live_object_of_a_newer_version)
{
	struct moor_abi_header header = fresh_header();

	header.version = header.least = MOOR_ABI_VERSION + 1;
	refused_unmodified(&header, MOOR_EVERSION);
	header.version = header.least = MOOR_ABI_VERSION;
	header.incompatible = (uint64_t)1 << 40;
	refused_unmodified(&header, MOOR_EVERSION);
	header.incompatible = 0;
	header.fingerprint++;
	refused_unmodified(&header, MOOR_EVERSION);
}
END_TEST

START_TEST(test_live_object_with_a_strange_geometry)
{
	const struct moor_abi_header good = fresh_header();
	struct moor_abi_header header;
	moor_map *map, *other = UNTOUCHED;
	int fd;

	/* What only a map's own check can see, so a hold, which takes any kind, is none the wiser. */
	for (int i = 0; i < 5; i++) {
		header = good;
		switch (i) {
		case 0:
			header.data_size = 0;
			break;
		case 1:
			header.data_offset = 8192;
			header.data_size = 4096;
			break;
		case 2:
			header.slot_count = 239;
			break;
		case 3:
			header.slot_size = 8;
			break;
		default:
			header.slots_offset = 264;
			header.slot_count = 200;
			break;
		}
		map = created("m", 8192);
		fd = raw_fd("m");
		ck_assert_int_eq(pwrite(fd, &header, sizeof header, 0), sizeof header);
		t_assert_err(moor_map_open("m", NULL, &other), MOOR_EFORMAT);
		ck_assert_ptr_eq(other, UNTOUCHED);
		close(fd);
		moor_map_close(map);
	}
	header = good;
	header.total_size += 4096;
	header.data_size += 4096;
	refused_unmodified(&header, MOOR_EFORMAT);
}
END_TEST

START_TEST(test_live_object_truncated)
{
	static const off_t lengths[] = {0, 1, 255, 256, 4095, 4096, 12287};
	moor_map *other = UNTOUCHED;

	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		moor_map *map = created("m", 8192);
		const int fd = raw_fd("m");

		ck_assert_int_eq(ftruncate(fd, lengths[i]), 0);
		t_assert_err(moor_map_open("m", NULL, &other), MOOR_EFORMAT);
		ck_assert_ptr_eq(other, UNTOUCHED);
		ck_assert_int_eq(ftruncate(fd, 12288), 0); /* its handle writes into its slot as it closes */
		close(fd);
		moor_map_close(map);
	}
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("map");
	TCase *tc = tcase_create("map");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_M1_create_free, 0, 3);
	tcase_add_test(tc, test_M2_create_twice);
	tcase_add_test(tc, test_M4_open_what_is_not_there);
	tcase_add_test(tc, test_M5_name_null_or_empty);
	tcase_add_test(tc, test_M7_odd_names_are_names_and_distinct);
	tcase_add_loop_test(tc, test_M8_length, 0, 3);
	tcase_add_test(tc, test_M9_separators);
	tcase_add_test(tc, test_M10_no_prefix_is_local);
	tcase_add_test(tc, test_M11_map_by_the_name_of_a_channel);
	tcase_add_test(tc, test_M11_channel_by_the_name_of_a_map);
	tcase_add_test(tc, test_M13_a_new_life_starts_zeroed);
	tcase_add_test(tc, test_M14_an_existing_map_keeps_its_size);
	tcase_add_test(tc, test_M15_sizes_that_cannot_be);
	tcase_add_test(tc, test_M17_first_and_last_byte_read_zero);
	tcase_add_test(tc, test_M21_size_to_the_byte);
	tcase_add_test(tc, test_M30_a_hundred_maps_at_once);
	tcase_add_test(tc, test_M38_every_descriptor_is_close_on_exec);
	tcase_add_test(tc, test_M40_a_view_outlives_the_handle);
	tcase_add_test(tc, test_V1_ranges);
	tcase_add_test(tc, test_V8_overlapping_views);
	tcase_add_test(tc, test_V9_any_offset);
	tcase_add_test(tc, test_null_arguments);
	tcase_add_test(tc, test_close_keeps_errno);
	tcase_add_test(tc, test_options);
	tcase_add_test(tc, test_open_wait_no_wait_is_open);
	tcase_add_test(tc, test_open_wait_times_out);
	tcase_add_loop_test(tc, test_open_wait_until_a_creator_appears, 0, 2);
	tcase_add_loop_test(tc, test_open_wait_ends_by_a_signal, 0, 2);
	tcase_add_test(tc, test_open_wait_is_no_cancellation_point);
	tcase_add_test(tc, test_a_cancelled_thread_leaves_nothing_behind);
	tcase_add_test(tc, test_threads_share_the_library);
	tcase_add_test(tc, test_B2_live_object_of_the_other_byte_order);
	tcase_add_test(tc, test_B3_live_object_of_a_newer_version);
	tcase_add_test(tc, test_live_object_with_a_strange_geometry);
	tcase_add_test(tc, test_live_object_truncated);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
