/* SPDX-License-Identifier: Apache-2.0 */
/* test_view.c - views and their access, typed values, reserved maps, anonymous maps, handles: as one process sees them. */
#include "tests/lib/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static char untouched;
#define NO_MAP ((moor_map *)(void *)&untouched)
#define NO_VIEW ((moor_view *)(void *)&untouched)

#define ACCESSES (MOOR_READ_WRITE_EXECUTE + 1)

static moor_map *created(const char *name, uint64_t size, uint32_t access, uint32_t flags)
{
	const struct moor_map_opts opts = MOOR_MAP_OPTS(.access = access, .flags = flags);
	moor_map *map = NULL;

	t_assert_err(moor_map_create(name, size, &opts, &map), 0);
	return map;
}

static moor_map *opened(const char *name, uint32_t access)
{
	const struct moor_map_opts opts = MOOR_MAP_OPTS(.access = access);
	moor_map *map = NULL;

	t_assert_err(moor_map_open(name, &opts, &map), 0);
	return map;
}

static moor_view *viewed(moor_map *map, uint64_t offset, size_t size, enum moor_access access)
{
	moor_view *view = NULL;

	t_assert_err(moor_view_map(map, offset, size, access, &view), 0);
	return view;
}

static char *path_of_file(void)
{
	static char path[128];

	snprintf(path, sizeof path, "%s/file", t_dir());
	return path;
}

static void make_file(off_t size)
{
	const int fd = open(path_of_file(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, size), 0);
	close(fd);
}

/* ---- V3 ---- */

/* All ways to come by a handle. */
enum origin { CREATED, OPENED, ANONYMOUS, UNNAMED_FILE, NAMED_FILE, JOINED_FILE, FROM_HANDLE, ORIGINS };

struct handle {
	moor_map *map, *beside;
};

static struct handle handle_of(enum origin origin, enum moor_access access, uint64_t size)
{
	const struct moor_map_opts opts = MOOR_MAP_OPTS(.access = access);
	struct handle h = {NULL, NULL};
	moor_os_handle os;

	make_file((off_t)size);
	switch (origin) {
	case CREATED:
		h.map = created("v", size, access, 0);
		break;
	case OPENED:
		h.beside = created("v", size, MOOR_READ_WRITE, 0);
		h.map = opened("v", access);
		break;
	case ANONYMOUS:
		t_assert_err(moor_map_anonymous(size, &opts, &h.map), 0);
		break;
	case UNNAMED_FILE:
		t_assert_err(moor_map_from_file(path_of_file(), NULL, 0, &opts, &h.map), MOOR_CREATED);
		break;
	case NAMED_FILE:
		t_assert_err(moor_map_from_file(path_of_file(), "v", 0, &opts, &h.map), MOOR_CREATED);
		break;
	case JOINED_FILE:
		t_assert_err(moor_map_from_file(path_of_file(), "v", 0, NULL, &h.beside), MOOR_CREATED);
		h.map = opened("v", access);
		break;
	default:
		t_assert_err(moor_map_anonymous(size, NULL, &h.beside), 0);
		t_assert_err(moor_map_os_handle(h.beside, &os), 0);
		t_assert_err(moor_map_from_handle(os, &opts, &h.map), 0);
		break;
	}
	ck_assert_uint_eq(moor_map_size(h.map), size);
	ck_assert_uint_eq(moor_map_committed(h.map), size);
	return h;
}

static void close_handle(struct handle h)
{
	moor_map_close(h.map);
	moor_map_close(h.beside);
	ck_assert_int_eq(t_local_entries(), 0);
}

static bool allowed(enum moor_access map, enum moor_access view)
{
	/* As the contract has it: columns RW, R, W, CoW, RX, RWX. */
	static const char table[ACCESSES][ACCESSES + 1] = {
	    [MOOR_READ_WRITE] = "yyyy--", [MOOR_READ] = "-y-y--",         [MOOR_WRITE] = "--y---",
	    [MOOR_COPY_ON_WRITE] = "-y-y--", [MOOR_READ_EXECUTE] = "-y-yy-", [MOOR_READ_WRITE_EXECUTE] = "yyyyyy",
	};

	return table[map][view] == 'y';
}

static bool no_exec(enum origin origin)
{
	struct statvfs vfs;

	return origin != ANONYMOUS && origin != FROM_HANDLE && statvfs(t_dir(), &vfs) == 0 && (vfs.f_flag & ST_NOEXEC);
}

static void table_holds(enum origin origin, enum moor_access access)
{
	struct handle h = handle_of(origin, access, 10000);

	for (enum moor_access a = 0; a < ACCESSES; a++) {
		const bool executes = a == MOOR_READ_EXECUTE || a == MOOR_READ_WRITE_EXECUTE;
		moor_view *view = NO_VIEW;

		if (!allowed(access, a) || (executes && no_exec(origin))) {
			t_assert_err(moor_view_map(h.map, 0, 0, a, &view), MOOR_EACCES);
			ck_assert_ptr_eq(view, NO_VIEW);
			continue;
		}
		view = viewed(h.map, 0, 0, a);
		ck_assert_uint_eq(moor_view_size(view), 10000);
		t_assert_err(moor_view_flush(view), 0); /* V14 */
		moor_view_unmap(view);
	}
	close_handle(h);
}

START_TEST(test_V3_access_table)
{
	for (enum moor_access access = 0; access < ACCESSES; access++)
		table_holds(_i, access);
}
END_TEST

/* What a view of each access lets through. */
START_TEST(test_V3_what_views_let_through)
{
	for (enum moor_access a = 0; a < ACCESSES; a++) {
		const bool reads = a != MOOR_WRITE, writes = a != MOOR_READ && a != MOOR_READ_EXECUTE;
		struct handle h;
		moor_view *view;
		uint64_t value = 77;
		char bytes[3] = "ab";

		if ((a == MOOR_READ_EXECUTE || a == MOOR_READ_WRITE_EXECUTE) && no_exec(_i))
			continue;
		h = handle_of(_i, MOOR_READ_WRITE_EXECUTE, 100);
		view = viewed(h.map, 0, 0, a);
		t_assert_err(moor_view_put_u64(view, 8, 5), writes ? 0 : MOOR_EACCES);
		t_assert_err(moor_view_get_u64(view, 8, &value), reads ? 0 : MOOR_EACCES);
		ck_assert_uint_eq(value, !reads ? 77 : writes ? 5 : 0);
		t_assert_err(moor_view_write(view, 0, "xy", 2), writes ? 0 : MOOR_EACCES);
		t_assert_err(moor_view_read(view, 0, bytes, 2), reads ? 0 : MOOR_EACCES);
		ck_assert_str_eq(bytes, !reads ? "ab" : writes ? "xy" : "");
		moor_view_unmap(view);
		close_handle(h);
	}
}
END_TEST

/* A read-only handle cannot become a writable mapping: not by mprotect, nor by its descriptor. */
START_TEST(test_a_read_only_handle_stays_so)
{
	static const enum moor_access readers[] = {MOOR_READ, MOOR_COPY_ON_WRITE, MOOR_READ_EXECUTE};
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < 3; i++) {
		struct handle h = handle_of(_i, readers[i], 3 * page);
		moor_view *view = viewed(h.map, 0, 0, MOOR_READ);
		moor_os_handle os = -1;

		errno = 0;
		ck_assert_int_eq(mprotect(moor_view_data(view), page, PROT_READ | PROT_WRITE), -1);
		ck_assert_int_eq(errno, EACCES);
		t_assert_err(moor_map_os_handle(h.map, &os), 0);
		ck_assert_int_eq(fcntl(os, F_GETFL) & O_ACCMODE, O_RDONLY);
		ck_assert_ptr_eq(mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, os, 0), MAP_FAILED);
		moor_view_unmap(view);
		close_handle(h);
	}
}
END_TEST

#if defined(__x86_64__) || defined(__i386__)
static const unsigned char forty_two[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov eax, 42; ret */
#elif defined(__aarch64__)
static const unsigned char forty_two[] = {0x40, 0x05, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6};
#else
static const unsigned char forty_two[1];
#endif

START_TEST(test_executable_views_execute)
{
	int (*function)(void);
	struct handle h;
	moor_view *write, *run;
	void *code;

	if (sizeof forty_two == 1 || no_exec(_i))
		t_skip("executable views", "no code for this processor, or a file system mounted noexec");
	h = handle_of(_i, MOOR_READ_WRITE_EXECUTE, 5000);
	write = viewed(h.map, 64, 0, MOOR_WRITE);
	t_assert_err(moor_view_write(write, 0, forty_two, sizeof forty_two), 0);
	run = viewed(h.map, 64, 0, MOOR_READ_EXECUTE);
	code = moor_view_data(run);
	__builtin___clear_cache(code, (char *)code + sizeof forty_two);
	memcpy(&function, &code, sizeof function);
	ck_assert_int_eq(function(), 42);
	moor_view_unmap(write);
	moor_view_unmap(run);
	close_handle(h);
}
END_TEST

/* ---- V1, V6, V8, V9, V10 ---- */

START_TEST(test_V1_ranges_of_every_origin)
{
	struct handle h = handle_of(_i, MOOR_READ_WRITE, 10000);
	static const struct {
		uint64_t offset;
		size_t size;
	} bad[] = {{10000, 0},          {10000, 1},        {10001, 0},           {9999, 2},
	           {0, 10001},          {1, SIZE_MAX},     {1, SIZE_MAX - 1},    {0, SIZE_MAX},
	           {UINT64_MAX, 0},     {UINT64_MAX, 1},   {UINT64_MAX - 1, 2},  {(uint64_t)1 << 63, 0},
	           {(uint64_t)1 << 32, 1}, {5000, SIZE_MAX - 4999}};
	moor_view *view = NO_VIEW;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		t_assert_err(moor_view_map(h.map, bad[i].offset, bad[i].size, MOOR_READ, &view), MOOR_ERANGE);
	ck_assert_ptr_eq(view, NO_VIEW);
	close_handle(h);
}
END_TEST

START_TEST(test_V6_copy_on_write)
{
	struct handle h = handle_of(_i, MOOR_READ_WRITE, 10000);
	moor_view *shared = viewed(h.map, 0, 0, MOOR_READ_WRITE), *own = viewed(h.map, 0, 0, MOOR_COPY_ON_WRITE);
	moor_view *other = viewed(h.map, 0, 0, MOOR_COPY_ON_WRITE);
	int32_t value;

	t_assert_err(moor_view_put_i32(shared, 100, 42), 0);
	t_assert_err(moor_view_get_i32(own, 100, &value), 0);
	ck_assert_int_eq(value, 42);
	t_assert_err(moor_view_put_i32(own, 100, 84), 0);
	t_assert_err(moor_view_get_i32(own, 100, &value), 0);
	ck_assert_int_eq(value, 84);
	t_assert_err(moor_view_get_i32(shared, 100, &value), 0);
	ck_assert_int_eq(value, 42);
	t_assert_err(moor_view_get_i32(other, 100, &value), 0);
	ck_assert_int_eq(value, 42);
	t_assert_err(moor_view_flush(own), 0); /* into nothing */
	t_assert_err(moor_view_get_i32(shared, 100, &value), 0);
	ck_assert_int_eq(value, 42);
	moor_view_unmap(shared);
	moor_view_unmap(own);
	moor_view_unmap(other);
	close_handle(h);
}
END_TEST

START_TEST(test_V8_V9_V10_overlapping_views_at_any_offset)
{
	static const uint64_t offsets[] = {0, 1, 17, 4095, 4096, 8100, 69900, 99991};
	struct handle h = handle_of(_i, MOOR_READ_WRITE, 100000);
	moor_view *views[8];
	uint64_t value;

	for (size_t i = 0; i < 8; i++) {
		views[i] = viewed(h.map, offsets[i], 0, MOOR_READ_WRITE);
		ck_assert_uint_eq(moor_view_size(views[i]), 100000 - offsets[i]);
	}
	for (size_t i = 0; i < 8; i++) {
		t_assert_err(moor_view_put_u64(views[i], 0, 0x0102030405060708u * (i + 1)), 0);
		for (size_t j = 0; j < 8; j++) {
			if (offsets[j] > offsets[i])
				continue;
			t_assert_err(moor_view_get_u64(views[j], (size_t)(offsets[i] - offsets[j]), &value), 0);
			ck_assert_uint_eq(value, 0x0102030405060708u * (i + 1));
		}
	}
	for (size_t i = 0; i < 8; i++)
		moor_view_unmap(views[i]);
	close_handle(h);
}
END_TEST

/* ---- V13 ---- */

#define SPAN 61

/* Each type at the last valid offset, and one past, in a view that ends amid a page of which more is there. */
#define V13(name, type, value_)                                                                                        \
	do {                                                                                                           \
		const type value = (value_);                                                                           \
		unsigned char image[SPAN], after[SPAN];                                                                \
		type got;                                                                                              \
                                                                                                                       \
		memset(&got, 0x5a, sizeof got);                                                                        \
		memset(moor_view_data(view), 0x11, SPAN);                                                              \
		t_assert_err(moor_view_put_##name(view, SPAN - sizeof(type), value), 0);                              \
		t_assert_err(moor_view_get_##name(view, SPAN - sizeof(type), &got), 0);                               \
		t_assert(memcmp(&got, &value, sizeof got) == 0);                                                       \
		memcpy(image, moor_view_data(view), SPAN);                                                             \
		for (size_t off = SPAN - sizeof(type) + 1; off <= SPAN + 9; off++) {                                   \
			t_assert_err(moor_view_put_##name(view, off, (type)0), MOOR_ERANGE);                          \
			memset(&got, 0x5a, sizeof got);                                                                \
			t_assert_err(moor_view_get_##name(view, off, &got), MOOR_ERANGE);                             \
			t_assert(*(unsigned char *)&got == 0x5a);                                                      \
		}                                                                                                      \
		t_assert_err(moor_view_put_##name(view, SIZE_MAX, value), MOOR_ERANGE);                               \
		t_assert_err(moor_view_put_##name(view, SIZE_MAX - sizeof(type) + 1, value), MOOR_ERANGE);            \
		t_assert_err(moor_view_get_##name(view, SIZE_MAX - 1, &got), MOOR_ERANGE);                            \
		memcpy(after, moor_view_data(view), SPAN);                                                             \
		t_assert(memcmp(after, image, SPAN) == 0);                                                             \
		t_assert(((unsigned char *)moor_view_data(view))[SPAN] == 0x22);                                       \
		/* Anywhere, aligned or not. */                                                                        \
		for (size_t off = 0; off + sizeof(type) <= SPAN; off++) {                                              \
			t_assert_err(moor_view_put_##name(view, off, value), 0);                                      \
			memset(&got, 0x5a, sizeof got);                                                                \
			t_assert_err(moor_view_get_##name(view, off, &got), 0);                                       \
			t_assert(memcmp(&got, &value, sizeof got) == 0);                                               \
		}                                                                                                      \
		t_assert_err(moor_view_get_##name(view, 0, NULL), MOOR_EINVAL);                                       \
		t_assert_err(moor_view_get_##name(NULL, 0, &got), MOOR_EINVAL);                                       \
		t_assert_err(moor_view_put_##name(NULL, 0, value), MOOR_EINVAL);                                      \
	} while (0)

START_TEST(test_V13_typed_values_at_the_edge)
{
	moor_map *map = created("v", 1000, MOOR_READ_WRITE, 0);
	moor_view *all = viewed(map, 0, 0, MOOR_READ_WRITE), *view = viewed(map, (uint64_t)_i, SPAN, MOOR_READ_WRITE);

	memset(moor_view_data(all), 0x22, 1000);
	V13(bool, bool, true);
	V13(i8, int8_t, INT8_MIN);
	V13(u8, uint8_t, UINT8_MAX);
	V13(i16, int16_t, -12345);
	V13(u16, uint16_t, 0xbeef);
	V13(i32, int32_t, INT32_MIN);
	V13(u32, uint32_t, 0xdeadbeef);
	V13(i64, int64_t, INT64_MIN + 7);
	V13(u64, uint64_t, 0x0123456789abcdefu);
	V13(f32, float, -FLT_MIN);
	V13(f64, double, DBL_MAX);
	moor_view_unmap(view);
	moor_view_unmap(all);
	moor_map_close(map);
}
END_TEST

START_TEST(test_values_are_little_endian)
{
	static const unsigned char expected[] = {1,    0xfe, 0xff, 0x34, 0x12, 0x78, 0x56, 0x34, 0x12, 8, 7, 6, 5,
	                                         4,    3,    2,    1,    0,    0,    0x80, 0xbf, 0,    0, 0, 0, 0,
	                                         0,    0xf0, 0x3f};
	moor_map *map = created("v", 100, MOOR_READ_WRITE, 0);
	moor_view *view = viewed(map, 0, 0, MOOR_READ_WRITE);
	bool b = false;

	t_assert_err(moor_view_put_bool(view, 0, true), 0);
	t_assert_err(moor_view_put_i16(view, 1, -2), 0);
	t_assert_err(moor_view_put_u16(view, 3, 0x1234), 0);
	t_assert_err(moor_view_put_u32(view, 5, 0x12345678), 0);
	t_assert_err(moor_view_put_u64(view, 9, 0x0102030405060708u), 0);
	t_assert_err(moor_view_put_f32(view, 17, -1.0f), 0);
	t_assert_err(moor_view_put_f64(view, 21, 1.0), 0);
	ck_assert_mem_eq(moor_view_data(view), expected, sizeof expected);
	/* Any byte but 0 is true, and comes out as a true that compares equal to true. */
	for (int byte = 0; byte < 256; byte++) {
		t_assert_err(moor_view_put_u8(view, 50, (uint8_t)byte), 0);
		t_assert_err(moor_view_get_bool(view, 50, &b), 0);
		t_assert(b == (byte != 0));
	}
	moor_view_unmap(view);
	moor_map_close(map);
}
END_TEST

START_TEST(test_every_bit_of_a_float_goes_through)
{
	static const uint64_t doubles[] = {0x7ff0000000000001u, 0xfff4000000000000u, 0x7ff8000000000000u, 1, 0x8000000000000000u};
	static const uint32_t singles[] = {0x7f800001u, 0xffa00000u, 0x7fc00000u, 1, 0x80000000u};
	moor_map *map = created("v", 100, MOOR_READ_WRITE, 0);
	moor_view *view = viewed(map, 0, 0, MOOR_READ_WRITE);

	for (size_t i = 0; i < 5; i++) {
		double d;
		float f;

		t_assert_err(moor_view_put_u64(view, 8, doubles[i]), 0);
		t_assert_err(moor_view_get_f64(view, 8, &d), 0);
		ck_assert_mem_eq(&d, &doubles[i], 8);
		t_assert_err(moor_view_put_u32(view, 16, singles[i]), 0);
		t_assert_err(moor_view_get_f32(view, 16, &f), 0);
		ck_assert_mem_eq(&f, &singles[i], 4);
	}
	moor_view_unmap(view);
	moor_map_close(map);
}
END_TEST

START_TEST(test_read_and_write)
{
	moor_map *map = created("v", 1000, MOOR_READ_WRITE, 0);
	moor_view *view = viewed(map, 3, 900, MOOR_READ_WRITE);
	unsigned char bytes[900], back[902];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(i * 7 + 1);
	for (size_t off = 0; off < 20; off++) {
		for (size_t len = 0; len <= 40; len++) {
			memset(moor_view_data(view), 0, 900);
			t_assert_err(moor_view_write(view, off, bytes + len % 3, len), 0);
			memset(back, 0xee, sizeof back);
			t_assert_err(moor_view_read(view, off, back + 1 + len % 5, len), 0);
			t_assert(memcmp(back + 1 + len % 5, bytes + len % 3, len) == 0);
			t_assert(back[len % 5] == 0xee && back[1 + len % 5 + len] == 0xee);
			t_assert(((unsigned char *)moor_view_data(view))[off + len] == 0);
			t_assert(off == 0 || ((unsigned char *)moor_view_data(view))[off - 1] == 0);
		}
	}
	t_assert_err(moor_view_write(view, 0, bytes, 900), 0);
	t_assert_err(moor_view_read(view, 0, back, 900), 0);
	ck_assert_mem_eq(back, bytes, 900);
	/* Nothing at the very end is allowed; past it is not. */
	t_assert_err(moor_view_read(view, 900, NULL, 0), 0);
	t_assert_err(moor_view_write(view, 900, NULL, 0), 0);
	t_assert_err(moor_view_read(view, 901, back, 0), MOOR_ERANGE);
	t_assert_err(moor_view_write(view, 901, bytes, 0), MOOR_ERANGE);
	t_assert_err(moor_view_read(view, 899, back, 2), MOOR_ERANGE);
	t_assert_err(moor_view_write(view, 1, bytes, 900), MOOR_ERANGE);
	t_assert_err(moor_view_read(view, 1, back, SIZE_MAX), MOOR_ERANGE);
	t_assert_err(moor_view_write(view, SIZE_MAX, bytes, SIZE_MAX), MOOR_ERANGE);
	t_assert_err(moor_view_read(view, 0, NULL, 1), MOOR_EINVAL);
	t_assert_err(moor_view_write(view, 0, NULL, 1), MOOR_EINVAL);
	t_assert_err(moor_view_read(NULL, 0, back, 1), MOOR_EINVAL);
	t_assert_err(moor_view_write(NULL, 0, bytes, 1), MOOR_EINVAL);
	moor_view_unmap(view);
	moor_map_close(map);
}
END_TEST

static void *write_both(void *arg)
{
	moor_view *view = arg;

	for (int i = 0; i < 100000; i++) {
		const uint64_t value = i % 2 ? UINT64_MAX : 0;

		t_assert_err(moor_view_put_u64(view, 13, value), 0); /* byte 16 of the map */
		t_assert_err(moor_view_write(view, 21, &value, 8), 0);
	}
	return NULL;
}

START_TEST(test_V17_aligned_values_never_tear_between_threads)
{
	moor_map *map = created("v", 4096, MOOR_READ_WRITE, 0);
	moor_view *view = viewed(map, 3, 0, MOOR_READ_WRITE);
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, write_both, view), 0);
	for (int i = 0; i < 100000; i++) {
		uint64_t one, other;

		t_assert_err(moor_view_get_u64(view, 13, &one), 0);
		t_assert_err(moor_view_read(view, 21, &other, 8), 0);
		t_assert((one == 0 || one == UINT64_MAX) && (other == 0 || other == UINT64_MAX));
	}
	pthread_join(thread, NULL);
	moor_view_unmap(view);
	moor_map_close(map);
}
END_TEST

/* ---- RESERVE ---- */

/* The kinds of reserved map: what says how much is committed differs. */
static moor_map *reserved(int kind, uint64_t size)
{
	const struct moor_map_opts opts = MOOR_MAP_OPTS(.flags = MOOR_MAP_RESERVE);
	moor_map *map = NULL;

	switch (kind) {
	case 0:
		t_assert_err(moor_map_create("r", size, &opts, &map), 0);
		break;
	case 1:
		t_assert_err(moor_map_anonymous(size, &opts, &map), 0);
		break;
	case 2:
		make_file(0);
		t_assert_err(moor_map_from_file(path_of_file(), NULL, size, &opts, &map), MOOR_CREATED);
		break;
	default:
		make_file(0);
		t_assert_err(moor_map_from_file(path_of_file(), "r", size, &opts, &map), MOOR_CREATED);
		break;
	}
	ck_assert_uint_eq(moor_map_size(map), size);
	ck_assert_uint_eq(moor_map_committed(map), 0);
	return map;
}
#define RESERVED 4

static blkcnt_t blocks_of(const moor_map *map)
{
	moor_os_handle os = -1;
	struct stat st;

	t_assert_err(moor_map_os_handle(map, &os), 0);
	ck_assert_int_eq(fstat(os, &st), 0);
	return st.st_blocks;
}

START_TEST(test_M24_reserve_and_commit)
{
	const uint64_t gib = (uint64_t)1 << 30;
	moor_map *map = reserved(_i, gib);
	moor_view *view = viewed(map, 0, 1 << 20, MOOR_READ_WRITE), *later = viewed(map, 100000, 1 << 20, MOOR_READ_WRITE);
	const unsigned char *data;
	unsigned char byte = 1;

	ck_assert_int_le(blocks_of(map), 16); /* the header at most */
	ck_assert_uint_eq(moor_view_size(view), 0);
	ck_assert_uint_eq(moor_view_size(later), 0);
	t_assert_err(moor_view_get_u8(view, 0, &byte), MOOR_ERANGE);
	t_assert_err(moor_view_put_u8(view, 0, 1), MOOR_ERANGE);
	t_assert_err(moor_view_read(view, 0, &byte, 0), 0);
	t_assert_err(moor_view_extend(view), 0);
	ck_assert_uint_eq(moor_view_size(view), 0);
	t_assert_err(moor_view_flush(view), 0);

	t_assert_err(moor_map_commit(map, 65536), 0);
	ck_assert_uint_eq(moor_map_committed(map), 65536);
	ck_assert_int_ge(blocks_of(map), 128);
	ck_assert_uint_eq(moor_view_size(view), 0); /* as long as it was mapped */
	t_assert_err(moor_view_extend(view), 0);
	ck_assert_uint_eq(moor_view_size(view), 65536);
	data = moor_view_data(view);
	ck_assert_uint_eq(data[0] | data[65535], 0);
	memset(moor_view_data(view), 42, 65536); /* no SIGBUS */
	t_assert_err(moor_view_get_u8(view, 65536, &byte), MOOR_ERANGE);
	t_assert_err(moor_view_extend(later), 0);
	ck_assert_uint_eq(moor_view_size(later), 0);

	t_assert_err(moor_map_commit(map, 0), 0);
	t_assert_err(moor_map_commit(map, 65535), 0);
	t_assert_err(moor_map_commit(map, 65536), 0);
	ck_assert_uint_eq(moor_map_committed(map), 65536);
	t_assert_err(moor_map_commit(map, 100007), 0); /* to the byte */
	ck_assert_uint_eq(moor_map_committed(map), 100007);
	t_assert_err(moor_view_extend(view), 0);
	t_assert_err(moor_view_extend(later), 0);
	ck_assert_uint_eq(moor_view_size(view), 100007);
	ck_assert_uint_eq(moor_view_size(later), 7);
	t_assert_err(moor_view_put_u8(later, 6, 9), 0);
	t_assert_err(moor_view_get_u8(view, 100006, &byte), 0);
	ck_assert_uint_eq(byte, 9);
	t_assert_err(moor_view_get_u8(view, 65535, &byte), 0);
	ck_assert_uint_eq(byte, 42);
	t_assert_err(moor_view_get_u8(view, 65536, &byte), 0);
	ck_assert_uint_eq(byte, 0);

	t_assert_err(moor_map_commit(map, 4 << 20), 0); /* beyond both views */
	t_assert_err(moor_view_extend(view), 0);
	ck_assert_uint_eq(moor_view_size(view), 1 << 20);
	t_assert_err(moor_view_put_u8(view, (1 << 20) - 1, 9), 0);
	t_assert_err(moor_map_commit(map, gib + 1), MOOR_ERANGE);
	t_assert_err(moor_map_commit(map, UINT64_MAX), MOOR_ERANGE);
	ck_assert_uint_eq(moor_map_committed(map), 4 << 20);
	moor_view_unmap(view);
	moor_view_unmap(later);
	moor_map_close(map);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* Small steps, each by some bytes, and everything that was written stays. */
START_TEST(test_reserve_step_by_step)
{
	moor_map *map = reserved(_i, 100000);
	moor_view *view = viewed(map, 5, 0, MOOR_READ_WRITE), *own = viewed(map, 5, 0, MOOR_COPY_ON_WRITE);
	const unsigned char *at = moor_view_data(view);
	uint64_t seed = 7, committed = 0;
	uint8_t byte = 0;

	while (committed < 100000) {
		committed += t_random(&seed) % 9000 + 1;
		committed = committed < 100000 ? committed : 100000;
		t_assert_err(moor_map_commit(map, committed), 0);
		t_assert_err(moor_view_extend(view), 0);
		t_assert_err(moor_view_extend(own), 0);
		ck_assert_uint_eq(moor_view_size(view), committed > 5 ? committed - 5 : 0);
		ck_assert_uint_eq(moor_view_size(own), moor_view_size(view));
		if (committed <= 5)
			continue;
		t_assert_err(moor_view_put_u8(view, (size_t)committed - 6, (uint8_t)(committed % 251)), 0);
		t_assert_err(moor_view_put_u8(own, (size_t)committed - 6, 255), 0);
	}
	ck_assert_ptr_eq(moor_view_data(view), at); /* it had room */
	seed = 7;
	for (committed = 0; committed < 100000;) {
		committed += t_random(&seed) % 9000 + 1;
		committed = committed < 100000 ? committed : 100000;
		if (committed <= 5)
			continue;
		t_assert_err(moor_view_get_u8(view, (size_t)committed - 6, &byte), 0);
		ck_assert_uint_eq(byte, committed % 251);
		t_assert_err(moor_view_get_u8(own, (size_t)committed - 6, &byte), 0);
		ck_assert_uint_eq(byte, 255);
	}
	moor_view_unmap(own);
	moor_view_unmap(view);
	moor_map_close(map);
}
END_TEST

START_TEST(test_reserve_and_read_only_handles)
{
	moor_map *map = reserved(_i, 100000), *reader = NULL;
	const struct moor_map_opts opts = MOOR_MAP_OPTS(.access = MOOR_READ);
	moor_view *view;
	moor_os_handle os;
	uint8_t byte;

	if (_i % 3 == 0) {
		reader = opened("r", MOOR_READ);
	} else if (_i == 1) {
		t_assert_err(moor_map_os_handle(map, &os), 0);
		t_assert_err(moor_map_from_handle(os, &opts, &reader), 0);
	} else { /* a file that is not as long as it may become, yet: committed as far as it goes */
		const struct moor_map_opts both = MOOR_MAP_OPTS(.access = MOOR_READ, .flags = MOOR_MAP_RESERVE);

		t_assert_err(moor_map_from_file(path_of_file(), NULL, 100000, &both, &reader), MOOR_CREATED);
	}
	ck_assert_uint_eq(moor_map_size(reader), 100000);
	ck_assert_uint_eq(moor_map_committed(reader), 0);
	t_assert_err(moor_map_commit(reader, 1), MOOR_EACCES);
	t_assert_err(moor_map_commit(reader, 0), MOOR_EACCES);
	t_assert_err(moor_map_commit(reader, 100001), MOOR_EACCES);
	view = viewed(reader, 0, 0, MOOR_READ);
	ck_assert_uint_eq(moor_view_size(view), 0);
	t_assert_err(moor_map_commit(map, 5000), 0);
	ck_assert_uint_eq(moor_map_committed(reader), 5000);
	moor_map_close(map);
	moor_map_close(reader); /* the view needs neither */
	t_assert_err(moor_view_extend(view), 0);
	ck_assert_uint_eq(moor_view_size(view), 5000);
	t_assert_err(moor_view_get_u8(view, 4999, &byte), 0);
	moor_view_unmap(view);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_reserve_views_that_start_at_what_is_committed)
{
	moor_map *map = reserved(_i, 100000);
	moor_view *view = NO_VIEW;

	t_assert_err(moor_map_commit(map, 4096), 0);
	t_assert_err(moor_view_map(map, 100000, 0, MOOR_READ, &view), MOOR_ERANGE);
	t_assert_err(moor_view_map(map, 99999, 2, MOOR_READ, &view), MOOR_ERANGE);
	ck_assert_ptr_eq(view, NO_VIEW);
	for (uint64_t offset = 4090; offset < 4100; offset++) {
		view = viewed(map, offset, 100, MOOR_READ_WRITE);
		ck_assert_uint_eq(moor_view_size(view), offset < 4096 ? 4096 - offset : 0);
		moor_view_unmap(view);
	}
	view = viewed(map, 99999, 0, MOOR_READ);
	ck_assert_uint_eq(moor_view_size(view), 0);
	t_assert_err(moor_map_commit(map, 100000), 0);
	t_assert_err(moor_view_extend(view), 0);
	ck_assert_uint_eq(moor_view_size(view), 1);
	moor_view_unmap(view);
	moor_map_close(map);
}
END_TEST

/* Without address space to keep, a view moves, and has its content, its own writes too. */
START_TEST(test_a_view_without_room_moves)
{
	moor_map *map = reserved(_i, (uint64_t)1 << 30);
	struct rlimit limit, small;
	moor_view *view, *own;
	uint32_t value = 0;

	if (T_SANITIZER)
		t_skip("a view without room", "a sanitizer needs address space");
	ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
	small = limit;
	small.rlim_cur = (rlim_t)512 << 20;
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &small), 0);
	view = viewed(map, 9, 0, MOOR_READ_WRITE);
	own = viewed(map, 9, 0, MOOR_COPY_ON_WRITE);
	for (uint32_t step = 1; step <= 20; step++) {
		t_assert_err(moor_map_commit(map, (uint64_t)step * 300000), 0);
		t_assert_err(moor_view_extend(view), 0);
		t_assert_err(moor_view_extend(own), 0);
		ck_assert_uint_eq(moor_view_size(view), (uint64_t)step * 300000 - 9);
		t_assert_err(moor_view_put_u32(own, (size_t)(step - 1) * 300000, step), 0);
		t_assert_err(moor_view_put_u32(view, (size_t)(step - 1) * 300000, step * 1000), 0);
	}
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
	for (uint32_t step = 1; step <= 20; step++) {
		t_assert_err(moor_view_get_u32(own, (size_t)(step - 1) * 300000, &value), 0);
		ck_assert_uint_eq(value, step);
		t_assert_err(moor_view_get_u32(view, (size_t)(step - 1) * 300000, &value), 0);
		ck_assert_uint_eq(value, step * 1000);
	}
	moor_view_unmap(own);
	moor_view_unmap(view);
	moor_map_close(map);
}
END_TEST

START_TEST(test_commit_of_what_is_not_reserved)
{
	struct handle h = handle_of(_i, MOOR_READ_WRITE, 10000);
	moor_view *view = viewed(h.map, 0, 0, MOOR_READ);

	t_assert_err(moor_map_commit(h.map, 0), 0);
	t_assert_err(moor_map_commit(h.map, 10000), 0);
	t_assert_err(moor_map_commit(h.map, 10001), MOOR_ERANGE);
	ck_assert_uint_eq(moor_map_committed(h.map), 10000);
	t_assert_err(moor_view_extend(view), 0);
	ck_assert_uint_eq(moor_view_size(view), 10000);
	moor_view_unmap(view);
	close_handle(h);
}
END_TEST

/* M17, the other half: sizes × access × reserve. */
START_TEST(test_M17_sizes_and_access)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), sizes[] = {1, 256, page, 10000};

	for (size_t i = 0; i < 4; i++) {
		for (enum moor_access access = 0; access < ACCESSES; access++) {
			moor_map *map = created("m", sizes[i], MOOR_READ_WRITE, _i ? MOOR_MAP_RESERVE : 0), *other;
			moor_view *view = NO_VIEW;
			uint8_t byte = 1;

			if (access == MOOR_READ_WRITE_EXECUTE && no_exec(OPENED)) {
				moor_map_close(map);
				continue;
			}
			other = opened("m", access);
			if (_i)
				t_assert_err(moor_map_commit(map, sizes[i]), 0);
			if (access == MOOR_WRITE) {
				view = viewed(other, 0, 0, MOOR_WRITE);
				t_assert_err(moor_view_put_u8(view, sizes[i] - 1, 0), 0);
			} else {
				view = viewed(other, 0, 0, MOOR_READ);
				t_assert_err(moor_view_get_u8(view, 0, &byte), 0);
				ck_assert_uint_eq(byte, 0);
				byte = 1;
				t_assert_err(moor_view_get_u8(view, sizes[i] - 1, &byte), 0);
				ck_assert_uint_eq(byte, 0);
			}
			t_assert_err(moor_view_get_u8(view, sizes[i], &byte), access == MOOR_WRITE ? MOOR_EACCES : MOOR_ERANGE);
			moor_view_unmap(view);
			moor_map_close(other);
			moor_map_close(map);
		}
	}
}
END_TEST

START_TEST(test_M15_sizes_beyond_everything)
{
	static const uint64_t huge[] = {UINT64_MAX, (uint64_t)1 << 63, ((uint64_t)1 << 61) + 1, (uint64_t)1 << 48};
	const struct moor_map_opts reserve = MOOR_MAP_OPTS(.flags = MOOR_MAP_RESERVE);
	struct stat st;
	moor_map *map = NO_MAP;

	for (size_t i = 0; i < 4; i++) {
		const int anonymous = moor_map_anonymous(huge[i], NULL, &map);
		int file;

		ck_assert_msg(anonymous == MOOR_ENOMEM || anonymous == MOOR_ENOSPC, "%s", moor_err_name(anonymous));
		make_file(100);
		file = moor_map_from_file(path_of_file(), _i ? "m" : NULL, huge[i], NULL, &map);
		ck_assert_msg(file == MOOR_ENOMEM || file == MOOR_ENOSPC, "%s", moor_err_name(file));
		ck_assert_ptr_eq(map, NO_MAP);
		ck_assert_int_eq(stat(path_of_file(), &st), 0);
		ck_assert_int_eq(st.st_size, 100);
		ck_assert_int_eq(t_local_entries(), 0);
	}
	t_assert_err(moor_map_anonymous(0, NULL, &map), MOOR_EINVAL);
	t_assert_err(moor_map_create("m", UINT64_MAX, &reserve, &map), MOOR_ENOMEM);
	ck_assert_ptr_eq(map, NO_MAP);
	/* A maximum costs nothing. A view of more than there are addresses is refused. */
	t_assert_err(moor_map_create("m", (uint64_t)1 << 60, &reserve, &map), 0);
	t_assert_err(moor_map_commit(map, 100000), 0);
	{
		moor_view *view = viewed(map, 0, 50000, MOOR_READ_WRITE);

		ck_assert_uint_eq(moor_view_size(view), 50000);
		moor_view_unmap(view);
		view = NO_VIEW;
		if (sizeof(size_t) == 4) {
			t_assert_err(moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view), MOOR_ENOMEM);
			ck_assert_ptr_eq(view, NO_VIEW);
		} else { /* no room for all of it: as much as there is memory */
			view = viewed(map, 0, 0, MOOR_READ_WRITE);
			ck_assert_uint_eq(moor_view_size(view), 100000);
			moor_view_unmap(view);
		}
	}
	moor_map_close(map);
}
END_TEST

/* ---- POPULATE, HUGE ---- */

static bool all_resident(const moor_view *view)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (moor_view_size(view) + page - 1) / page;
	const uintptr_t start = (uintptr_t)moor_view_data(view) & ~(uintptr_t)(page - 1);
	const int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	bool all = true;

	ck_assert_int_ge(fd, 0);
	for (size_t i = 0; i < pages; i++) {
		uint64_t entry = 0;

		ck_assert_int_eq(pread(fd, &entry, 8, (off_t)((start / page + i) * 8)), 8);
		all = all && entry >> 63;
	}
	close(fd);
	return all;
}

START_TEST(test_populate_has_every_page_in_place)
{
	const struct moor_map_opts opts = MOOR_MAP_OPTS(.flags = MOOR_MAP_POPULATE);
	moor_map *map;
	moor_view *view;

	map = created("p", 1 << 20, MOOR_READ_WRITE, 0);
	view = viewed(map, 0, 0, MOOR_READ_WRITE);
	ck_assert(!all_resident(view));
	moor_view_unmap(view);
	moor_map_close(map);
	t_assert_err(moor_map_create("p", 1 << 20, &opts, &map), 0);
	for (enum moor_access access = 0; access <= MOOR_COPY_ON_WRITE; access++) {
		view = viewed(map, 0, 0, access);
		ck_assert(all_resident(view));
		moor_view_unmap(view);
	}
	moor_map_close(map);
	t_assert_err(moor_map_create("p", 1 << 20, &MOOR_MAP_OPTS(.flags = MOOR_MAP_POPULATE | MOOR_MAP_RESERVE), &map), 0);
	view = viewed(map, 0, 0, MOOR_READ_WRITE);
	ck_assert_uint_eq(moor_view_size(view), 0);
	t_assert_err(moor_map_commit(map, 500000), 0);
	t_assert_err(moor_view_extend(view), 0);
	ck_assert(all_resident(view));
	moor_view_unmap(view);
	moor_map_close(map);
}
END_TEST

START_TEST(test_huge_pages_or_the_truth)
{
	const struct moor_map_opts opts = MOOR_MAP_OPTS(.flags = MOOR_MAP_HUGE);
	moor_map *map = NO_MAP;
	struct stat st;
	int err, fd;

	err = moor_map_create("h", 4 << 20, &opts, &map);
	if (err == 0) { /* this system's shared memory has them: so the file says */
		moor_os_handle os = -1;

		t_assert_err(moor_map_os_handle(map, &os), 0);
		ck_assert_int_eq(fstat(os, &st), 0);
		ck_assert_int_gt(st.st_blksize, sysconf(_SC_PAGESIZE));
		moor_map_close(map);
	} else {
		t_assert_err(err, MOOR_ENOTSUP);
		ck_assert_ptr_eq(map, NO_MAP);
	}
	ck_assert_int_eq(t_local_entries(), 0);
	/* An opener takes what there is. */
	map = created("h", 100, MOOR_READ_WRITE, 0);
	{
		moor_map *other;

		t_assert_err(moor_map_open("h", &opts, &other), 0);
		moor_map_close(other);
		t_assert_err(moor_map_create_or_open("h", 1, &opts, &other), 0);
		moor_map_close(other);
	}
	moor_map_close(map);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC); /* nothing was leaked: the lowest number is free */
	ck_assert_int_lt(fd, 10);
	close(fd);
}
END_TEST

/* ---- anonymous maps and handles ---- */

START_TEST(test_anonymous)
{
	moor_map *map, *other;
	moor_view *view, *again;
	uint64_t value = 0;
	moor_os_handle os = -1;
	struct stat st;

	t_assert_err(moor_map_anonymous(10007, NULL, &map), 0);
	ck_assert_uint_eq(moor_map_size(map), 10007);
	ck_assert_int_eq(t_local_entries(), 0);
	view = viewed(map, 0, 0, MOOR_READ_WRITE);
	ck_assert_uint_eq(moor_view_size(view), 10007);
	t_assert_err(moor_view_get_u64(view, 9999, &value), 0);
	ck_assert_uint_eq(value, 0);
	t_assert_err(moor_view_put_u64(view, 9999, 7), 0);
	t_assert_err(moor_map_os_handle(map, &os), 0);
	ck_assert_int_eq(fcntl(os, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	t_assert_err(moor_map_from_handle(os, NULL, &other), 0);
	moor_map_close(map);
	ck_assert_uint_eq(moor_map_size(other), 10007);
	again = viewed(other, 0, 0, MOOR_READ_WRITE);
	t_assert_err(moor_view_get_u64(again, 9999, &value), 0);
	ck_assert_uint_eq(value, 7);
	/* Who gets it cannot cut it off. */
	t_assert_err(moor_map_os_handle(other, &os), 0);
	ck_assert_int_eq(fstat(os, &st), 0);
	ck_assert_int_eq(ftruncate(os, 0), -1);
	ck_assert_int_eq(ftruncate(os, st.st_size + 4096), -1);
	moor_view_unmap(view);
	moor_view_unmap(again);
	moor_map_close(other);
}
END_TEST

START_TEST(test_from_handle_keeps_what_it_needs_and_no_more)
{
	moor_map *map = created("h", 5000, MOOR_READ_WRITE, 0), *other;
	moor_view *view = viewed(map, 0, 0, MOOR_READ_WRITE), *again;
	moor_os_handle os = -1;
	int copy, value = 0;

	t_assert_err(moor_view_put_i32(view, 4996, 42), 0);
	t_assert_err(moor_map_os_handle(map, &os), 0);
	copy = fcntl(os, F_DUPFD_CLOEXEC, 0);
	t_assert_err(moor_map_from_handle(copy, NULL, &other), 0);
	close(copy); /* the caller's own */
	again = viewed(other, 0, 0, MOOR_READ_WRITE);
	t_assert_err(moor_view_get_i32(again, 4996, &value), 0);
	ck_assert_int_eq(value, 42);
	moor_map_close(map);
	moor_map_close(opened("h", MOOR_READ)); /* a handle like any other: the name lives */
	t_assert_err(moor_view_put_i32(view, 0, 43), 0);
	t_assert_err(moor_view_get_i32(again, 0, &value), 0);
	ck_assert_int_eq(value, 43);
	moor_view_unmap(again);
	t_assert_err(moor_map_os_handle(other, &os), 0);
	copy = fcntl(os, F_DUPFD_CLOEXEC, 0);
	moor_map_close(other);
	t_assert_err(moor_map_open("h", NULL, &map), MOOR_ENOENT);
	ck_assert_int_eq(t_local_entries(), 0);
	/* Without its name: the memory. A new life of the name is another one's. */
	map = created("h", 77, MOOR_READ_WRITE, 0);
	t_assert_err(moor_map_from_handle(copy, NULL, &other), 0);
	close(copy);
	ck_assert_uint_eq(moor_map_size(other), 5000);
	again = viewed(other, 0, 0, MOOR_READ_WRITE);
	t_assert_err(moor_view_put_i32(view, 0, 44), 0);
	t_assert_err(moor_view_get_i32(again, 0, &value), 0);
	ck_assert_int_eq(value, 44);
	moor_map_close(map);
	t_assert_err(moor_map_open("h", NULL, &map), MOOR_ENOENT);
	moor_view_unmap(view);
	moor_view_unmap(again);
	moor_map_close(other);
}
END_TEST

/* To open a device or a pipe once more can do things to it: what is no regular file is only looked at. */
START_TEST(test_from_handle_opens_no_pipe)
{
	const struct moor_map_opts reading = MOOR_MAP_OPTS(.access = MOOR_READ);
	const int notes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct inotify_event event;
	moor_map *map = NO_MAP;
	char path[300];
	int fd;

	snprintf(path, sizeof path, "%s/pipe", t_dir());
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	ck_assert_int_ge(inotify_add_watch(notes, path, IN_OPEN), 0);
	t_assert_err(moor_map_from_handle(fd, NULL, &map), MOOR_EINVAL);
	t_assert_err(moor_map_from_handle(fd, &reading, &map), MOOR_EINVAL);
	ck_assert_ptr_eq(map, NO_MAP);
	ck_assert_int_eq(read(notes, &event, sizeof event), -1);
	ck_assert_int_eq(errno, EAGAIN);
	close(fd);
	close(notes);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(test_from_handle_of_sealed_memory)
{
	static const int seals[] = {F_SEAL_WRITE, F_SEAL_FUTURE_WRITE};
	const struct moor_map_opts reading = MOOR_MAP_OPTS(.access = MOOR_READ);
	const struct moor_map_opts private = MOOR_MAP_OPTS(.access = MOOR_COPY_ON_WRITE);
	const int fd = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	moor_map *map = NO_MAP;
	moor_view *view;

	ck_assert_int_eq(ftruncate(fd, 5000), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	t_assert_err(moor_map_from_handle(fd, NULL, &map), 0); /* that seal bars nobody from writing */
	moor_map_close(map);
	map = NO_MAP;
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, seals[_i]), 0);
	t_assert_err(moor_map_from_handle(fd, NULL, &map), MOOR_EACCES);
	ck_assert_ptr_eq(map, NO_MAP);
	t_assert_err(moor_map_from_handle(fd, &reading, &map), 0);
	t_assert_err(moor_view_map(map, 0, 0, MOOR_READ, &view), 0);
	moor_view_unmap(view);
	moor_map_close(map);
	t_assert_err(moor_map_from_handle(fd, &private, &map), 0);
	t_assert_err(moor_view_map(map, 0, 0, MOOR_COPY_ON_WRITE, &view), 0);
	t_assert_err(moor_view_put_u8(view, 0, 1), 0);
	moor_view_unmap(view);
	moor_map_close(map);
	close(fd);
}
END_TEST

START_TEST(test_from_handle_of_anything)
{
	const struct moor_map_opts reading = MOOR_MAP_OPTS(.access = MOOR_READ);
	int pipes[2], sockets[2], fd;
	struct moor_abi_header header;
	moor_map *map = NO_MAP;
	moor_os_handle os = -1;
	moor_view *view;
	moor_tx *tx;

	t_assert_err(moor_map_from_handle(-1, NULL, &map), MOOR_EINVAL);
	t_assert_err(moor_map_from_handle(1000, NULL, &map), MOOR_EINVAL);
	ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
	t_assert_err(moor_map_from_handle(pipes[0], &reading, &map), MOOR_EINVAL);
	t_assert_err(moor_map_from_handle(pipes[1], NULL, &map), MOOR_EINVAL);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
	t_assert_err(moor_map_from_handle(sockets[0], NULL, &map), MOOR_EINVAL);
	fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	t_assert_err(moor_map_from_handle(fd, NULL, &map), MOOR_EINVAL);
	close(fd);
	fd = open(t_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	t_assert_err(moor_map_from_handle(fd, &reading, &map), MOOR_EINVAL);
	close(fd);
	fd = open(t_dir(), O_PATH | O_CLOEXEC);
	t_assert_err(moor_map_from_handle(fd, &reading, &map), MOOR_EINVAL);
	close(fd);
	make_file(0);
	fd = open(path_of_file(), O_RDWR | O_CLOEXEC);
	t_assert_err(moor_map_from_handle(fd, NULL, &map), MOOR_EINVAL); /* empty */
	close(fd);
	make_file(100);
	fd = open(path_of_file(), O_WRONLY | O_CLOEXEC);
	t_assert_err(moor_map_from_handle(fd, NULL, &map), MOOR_EINVAL);
	close(fd);
	fd = open(path_of_file(), O_RDONLY | O_CLOEXEC);
	t_assert_err(moor_map_from_handle(fd, NULL, &map), MOOR_EACCES);
	ck_assert_ptr_eq(map, NO_MAP);
	t_assert_err(moor_map_from_handle(fd, &reading, &map), 0); /* plain bytes */
	ck_assert_uint_eq(moor_map_size(map), 100);
	moor_map_close(map);
	close(fd);

	/* One of ours, but damaged, newer, or no map. */
	t_assert_err(moor_map_anonymous(100, NULL, &map), 0);
	t_assert_err(moor_map_os_handle(map, &os), 0);
	ck_assert_int_eq(pread(os, &header, sizeof header, 0), sizeof header);
	moor_map_close(map);
	map = NO_MAP;
	for (int i = 0; i < 4; i++) {
		struct moor_abi_header bad = header;
		static const int expected[] = {MOOR_EFORMAT, MOOR_EVERSION, MOOR_EFORMAT, MOOR_EKIND};

		if (i == 0)
			bad.total_size += 4096;
		if (i == 1)
			bad.incompatible = (uint64_t)1 << 50;
		if (i == 2)
			bad.byte_order = 0x04030201;
		if (i == 3)
			bad.kind = MOOR_OBJ_EVENT;
		fd = memfd_create("test", MFD_CLOEXEC);
		ck_assert_int_eq(ftruncate(fd, 8192), 0);
		ck_assert_int_eq(pwrite(fd, &bad, sizeof bad, 0), sizeof bad);
		t_assert_err(moor_map_from_handle(fd, NULL, &map), expected[i]);
		ck_assert_int_eq(pwrite(fd, &header, sizeof header, 0), sizeof header);
		ck_assert_int_eq(ftruncate(fd, 8191), 0);
		t_assert_err(moor_map_from_handle(fd, NULL, &map), MOOR_EFORMAT);
		ck_assert_int_eq(ftruncate(fd, 17), 0);
		t_assert_err(moor_map_from_handle(fd, NULL, &map), MOOR_EFORMAT);
		close(fd);
	}
	ck_assert_ptr_eq(map, NO_MAP);
	t_assert_err(moor_tx_open("c", NULL, &tx), MOOR_CREATED);
	moor_tx_close(tx);

	/* Plain memory of somebody else's. */
	fd = memfd_create("test", MFD_CLOEXEC);
	ck_assert_int_eq(write(fd, "hello", 5), 5);
	t_assert_err(moor_map_from_handle(fd, NULL, &map), 0);
	ck_assert_uint_eq(moor_map_size(map), 5);
	view = viewed(map, 1, 0, MOOR_READ_WRITE);
	ck_assert_mem_eq(moor_view_data(view), "ello", 4);
	moor_view_unmap(view);
	moor_map_close(map);
	close(fd);
	for (int i = 0; i < 2; i++) {
		close(pipes[i]);
		close(sockets[i]);
	}
}
END_TEST

/* A writable descriptor, a handle for reading: what it maps cannot be made writable. */
START_TEST(test_from_handle_for_reading_gives_up_writing)
{
	const struct moor_map_opts reading = MOOR_MAP_OPTS(.access = MOOR_READ);
	moor_os_handle os = -1;
	moor_map *map, *reader;
	moor_view *view;

	t_assert_err(moor_map_anonymous(5000, NULL, &map), 0);
	t_assert_err(moor_map_os_handle(map, &os), 0);
	t_assert_err(moor_map_from_handle(os, &reading, &reader), 0);
	view = viewed(reader, 0, 0, MOOR_READ);
	errno = 0;
	ck_assert_int_eq(mprotect((void *)((uintptr_t)moor_view_data(view) & ~(uintptr_t)4095), 4096, PROT_WRITE), -1);
	ck_assert_int_eq(errno, EACCES);
	moor_view_unmap(view);
	moor_map_close(reader);
	moor_map_close(map);
}
END_TEST

START_TEST(test_null_arguments)
{
	const struct moor_map_opts bad = MOOR_MAP_OPTS(.access = 77);
	moor_map *map = NO_MAP;
	moor_os_handle os = -5;
	uint32_t mode = 5;
	size_t len = 5;
	char buf[8];

	make_file(100);
	t_assert_err(moor_map_from_file(NULL, "m", 0, NULL, &map), MOOR_EINVAL);
	t_assert_err(moor_map_from_file(path_of_file(), NULL, 0, NULL, NULL), MOOR_EINVAL);
	t_assert_err(moor_map_from_file(path_of_file(), "", 0, NULL, &map), MOOR_ENAME);
	t_assert_err(moor_map_from_file(path_of_file(), NULL, 0, &bad, &map), MOOR_EINVAL);
	t_assert_err(moor_map_anonymous(100, NULL, NULL), MOOR_EINVAL);
	t_assert_err(moor_map_anonymous(100, &bad, &map), MOOR_EINVAL);
	t_assert_err(moor_map_from_handle(0, NULL, NULL), MOOR_EINVAL);
	t_assert_err(moor_map_from_handle(0, &bad, &map), MOOR_EINVAL);
	t_assert_err(moor_map_os_handle(NULL, &os), MOOR_EINVAL);
	t_assert_err(moor_map_commit(NULL, 1), MOOR_EINVAL);
	t_assert_err(moor_view_extend(NULL), MOOR_EINVAL);
	t_assert_err(moor_view_flush(NULL), MOOR_EINVAL);
	t_assert_err(moor_map_get_mode(NULL, &mode), MOOR_EINVAL);
	t_assert_err(moor_map_set_mode(NULL, 0600), MOOR_EINVAL);
	t_assert_err(moor_map_get_acl(NULL, buf, 8, &len), MOOR_EINVAL);
	t_assert_err(moor_map_set_acl(NULL, "u::rw-"), MOOR_EINVAL);
	ck_assert_uint_eq(moor_map_committed(NULL), 0);
	ck_assert_ptr_eq(map, NO_MAP);
	ck_assert_int_eq(os, -5);
	ck_assert_uint_eq(mode + len, 10);
	t_assert_err(moor_map_anonymous(100, NULL, &map), 0);
	t_assert_err(moor_map_os_handle(map, NULL), MOOR_EINVAL);
	t_assert_err(moor_map_get_mode(map, NULL), MOOR_EINVAL);
	t_assert_err(moor_map_set_mode(map, 01000), MOOR_EINVAL);
	t_assert_err(moor_map_set_mode(map, UINT32_MAX), MOOR_EINVAL);
	t_assert_err(moor_map_get_acl(map, buf, 8, NULL), MOOR_EINVAL);
	t_assert_err(moor_map_get_acl(map, NULL, 8, &len), MOOR_EINVAL);
	t_assert_err(moor_map_set_acl(map, NULL), MOOR_EINVAL);
	moor_map_close(map);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("view");
	TCase *tc = tcase_create("view");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_V3_access_table, 0, ORIGINS);
	tcase_add_loop_test(tc, test_V3_what_views_let_through, 0, ORIGINS);
	tcase_add_loop_test(tc, test_a_read_only_handle_stays_so, 0, ORIGINS);
	tcase_add_loop_test(tc, test_executable_views_execute, 0, ORIGINS);
	tcase_add_loop_test(tc, test_V1_ranges_of_every_origin, 0, ORIGINS);
	tcase_add_loop_test(tc, test_V6_copy_on_write, 0, ORIGINS);
	tcase_add_loop_test(tc, test_V8_V9_V10_overlapping_views_at_any_offset, 0, ORIGINS);
	tcase_add_loop_test(tc, test_V13_typed_values_at_the_edge, 0, 9);
	tcase_add_test(tc, test_values_are_little_endian);
	tcase_add_test(tc, test_every_bit_of_a_float_goes_through);
	tcase_add_test(tc, test_read_and_write);
	tcase_add_test(tc, test_V17_aligned_values_never_tear_between_threads);
	tcase_add_loop_test(tc, test_M24_reserve_and_commit, 0, RESERVED);
	tcase_add_loop_test(tc, test_reserve_step_by_step, 0, RESERVED);
	tcase_add_loop_test(tc, test_reserve_and_read_only_handles, 0, RESERVED);
	tcase_add_loop_test(tc, test_reserve_views_that_start_at_what_is_committed, 0, RESERVED);
	tcase_add_loop_test(tc, test_a_view_without_room_moves, 0, RESERVED);
	tcase_add_loop_test(tc, test_commit_of_what_is_not_reserved, 0, ORIGINS);
	tcase_add_loop_test(tc, test_M17_sizes_and_access, 0, 2);
	tcase_add_loop_test(tc, test_M15_sizes_beyond_everything, 0, 2);
	tcase_add_test(tc, test_populate_has_every_page_in_place);
	tcase_add_test(tc, test_huge_pages_or_the_truth);
	tcase_add_test(tc, test_anonymous);
	tcase_add_test(tc, test_from_handle_keeps_what_it_needs_and_no_more);
	tcase_add_test(tc, test_from_handle_opens_no_pipe);
	tcase_add_loop_test(tc, test_from_handle_of_sealed_memory, 0, 2);
	tcase_add_test(tc, test_from_handle_of_anything);
	tcase_add_test(tc, test_from_handle_for_reading_gives_up_writing);
	tcase_add_test(tc, test_null_arguments);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
