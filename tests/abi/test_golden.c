/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_golden.c - B1: the bytes of fresh objects and of a ring with messages, as they are stored in golden/, from every
 * build.
 *
 * What differs from one object or machine to the next is masked before it is compared: the instance and the word size of
 * the header; in the slots the process id, the processor and whether its owner can use membarrier; which file a map is of. A file that differs
 * is printed as it should then read: with a new layout version it is copied into golden/ under a new name.
 */
#include "tests/lib/testing.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IMAGE_MAX 16384

struct image {
	size_t size;
	unsigned char bytes[IMAGE_MAX];
};

/* "size N", then a line for each 16 bytes that are not all zero: "OFFSET: XX XX ...". # begins a comment. */
static void read_golden(const char *name, struct image *ret_image)
{
	const char *srcdir = getenv("srcdir");
	char path[4096], line[256];
	FILE *file;

	snprintf(path, sizeof path, "%s/tests/abi/golden/%s.hex", srcdir ? srcdir : ".", name);
	file = fopen(path, "re");
	if (!file && !srcdir) {
		snprintf(path, sizeof path, "../tests/abi/golden/%s.hex", name);
		file = fopen(path, "re");
	}
	ck_assert_msg(file, "%s: cannot be read", path);
	memset(ret_image, 0, sizeof *ret_image);
	while (fgets(line, sizeof line, file)) {
		unsigned long offset;
		char *at = line;

		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (sscanf(line, "size %zu", &ret_image->size) == 1) {
			ck_assert_uint_le(ret_image->size, IMAGE_MAX);
			continue;
		}
		offset = strtoul(at, &at, 16);
		ck_assert_int_eq(*at++, ':');
		for (int i = 0; i < 16; i++) {
			ck_assert_uint_lt(offset + (unsigned long)i, IMAGE_MAX);
			ret_image->bytes[offset + (unsigned long)i] = (unsigned char)strtoul(at, &at, 16);
		}
	}
	fclose(file);
}

static void print_image(const char *name, const struct image *image)
{
	static const unsigned char zero[16];

	printf("# %s\nsize %zu\n", name, image->size);
	for (size_t at = 0; at < image->size; at += 16) {
		if (memcmp(image->bytes + at, zero, 16) == 0)
			continue;
		printf("%05zx:", at);
		for (size_t i = 0; i < 16; i++)
			printf(" %02x", image->bytes[at + i]);
		printf("\n");
	}
	fflush(stdout);
}

static void compare(const char *name, const struct image *image)
{
	struct image golden;

	read_golden(name, &golden);
	if (golden.size == image->size && memcmp(golden.bytes, image->bytes, image->size) == 0)
		return;
	print_image(name, image);
	for (size_t at = 0; at < image->size; at++)
		if (golden.bytes[at] != image->bytes[at])
			ck_abort_msg("%s: byte %zu is %02x, was %02x", name, at, image->bytes[at], golden.bytes[at]);
	ck_abort_msg("%s: %zu bytes, was %zu", name, image->size, golden.size);
}

static void mask(struct image *image, size_t at, size_t len)
{
	ck_assert_uint_le(at + len, image->size);
	memset(image->bytes + at, 0, len);
}

/* Offsets as numbers: the struct may not be what decides where they are. */
static void mask_header(struct image *image)
{
	static const unsigned char zero[16];

	ck_assert_mem_ne(image->bytes + 88, zero, 16); /* every object has an instance of its own */
	mask(image, 88, 16);
	ck_assert_uint_eq(image->bytes[20], 8 * sizeof(void *));
	mask(image, 20, 4);
}

static void needs_little_endian(void)
{
	if (*(const unsigned char *)&(const unsigned){1} != 1)
		t_skip("B1", "the stored images are of a little-endian machine");
}

/* The file of the name "m". */
static void read_object(struct image *ret_image)
{
	char path[256];
	ssize_t got;
	int fd;

	memset(ret_image, 0, sizeof *ret_image);
	snprintf(path, sizeof path, "%s/mooring-%lu/mooring.m", t_dir(), (unsigned long)geteuid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	got = read(fd, ret_image->bytes, IMAGE_MAX);
	ck_assert_int_gt(got, 0);
	ret_image->size = (size_t)got;
	close(fd);
	mask_header(ret_image);
}

/* The creator's slot lies where its process id says: moved to the first. */
static void move_slot(struct image *image, size_t first, size_t count)
{
	const size_t slot = first + 16 * ((size_t)getpid() % count);
	uint32_t pid;

	memcpy(&pid, image->bytes + slot + 8, 4);
	ck_assert_uint_eq(pid, (uint32_t)getpid());
	mask(image, slot + 8, 8);
	if (slot != first) {
		memcpy(image->bytes + first, image->bytes + slot, 16);
		mask(image, slot, 16);
	}
}

static void compare_map(const char *name)
{
	struct image image;

	read_object(&image);
	move_slot(&image, 256, 240);
	compare(name, &image);
}

START_TEST(test_B1_fresh_map)
{
	moor_map *map;

	needs_little_endian();
	t_assert_err(moor_map_create("m", 5000, NULL, &map), 0);
	compare_map("map");
	moor_map_close(map);
}
END_TEST

START_TEST(test_B1_reserved_map)
{
	moor_map *map;

	needs_little_endian();
	t_assert_err(moor_map_create("m", 5000, &MOOR_MAP_OPTS(.flags = MOOR_MAP_RESERVE), &map), 0);
	t_assert_err(moor_map_commit(map, 4096), 0);
	compare_map("map-reserved");
	moor_map_close(map);
}
END_TEST

/* Which file it is cannot be the same on two machines: checked here, then masked. */
START_TEST(test_B1_map_of_a_file)
{
	struct image image;
	uint32_t path_len;
	struct stat st;
	char path[256];
	uint64_t word;
	moor_map *map;
	int fd;

	needs_little_endian();
	snprintf(path, sizeof path, "%s/data", t_dir());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, 5000), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	close(fd);
	t_assert_err(moor_map_from_file(path, "m", 0, NULL, &map), MOOR_CREATED);
	read_object(&image);
	move_slot(&image, 256, 240);
	memcpy(&word, image.bytes + 4096, 8);
	ck_assert_uint_eq(word, st.st_dev);
	memcpy(&word, image.bytes + 4104, 8);
	ck_assert_uint_eq(word, st.st_ino);
	memcpy(&path_len, image.bytes + 4112, 4);
	ck_assert_uint_eq(path_len, strlen(path));
	ck_assert_mem_eq(image.bytes + 4120, path, path_len);
	mask(&image, 4096, 20);
	mask(&image, 4120, path_len);
	compare("map-file", &image);
	moor_map_close(map);
}
END_TEST

static void compare_sync(const char *name)
{
	struct image image;

	read_object(&image);
	move_slot(&image, 512, 992);
	compare(name, &image);
}

/* Owned: by the slot, which is masked. */
START_TEST(test_B1_mutex)
{
	struct image image;
	moor_mutex *mutex;
	uint32_t word;

	needs_little_endian();
	t_assert_err(moor_mutex_create("m", NULL, &mutex), 0);
	compare_sync("mutex");
	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), 0);
	read_object(&image);
	memcpy(&word, image.bytes + 256, 4);
	ck_assert_uint_eq(word, (uint32_t)getpid() % 992 + 1);
	t_assert_err(moor_mutex_unlock(mutex), 0);
	moor_mutex_close(mutex);
}
END_TEST

START_TEST(test_B1_semaphore)
{
	moor_sem *sem;

	needs_little_endian();
	t_assert_err(moor_sem_create("m", 3, 7, NULL, &sem), 0);
	t_assert_err(moor_sem_wait(sem, MOOR_NOWAIT), 0);
	compare_sync("semaphore");
	moor_sem_close(sem);
}
END_TEST

START_TEST(test_B1_event)
{
	moor_event *event;

	needs_little_endian();
	t_assert_err(moor_event_create("m", MOOR_MANUAL_RESET | MOOR_INITIALLY_SET, NULL, &event), 0);
	t_assert_err(moor_event_reset(event), 0);
	t_assert_err(moor_event_set(event), 0);
	compare_sync("event-manual");
	moor_event_close(event);
	t_assert_err(moor_event_create("m", 0, NULL, &event), 0);
	t_assert_err(moor_event_set(event), 0);
	compare_sync("event-auto");
	moor_event_close(event);
}
END_TEST

static struct image ring;

static const struct moor_ring_opts *ring_opts(void)
{
	static const struct moor_ring_opts opts = {.struct_size = sizeof opts,
	                                           .kind = MOOR_SPSC,
	                                           .capacity = 4096,
	                                           .max_message = 1000,
	                                           .app_tag = UINT64_C(0x1122334455667788)};

	return &opts;
}

static void *fresh_ring(void)
{
	void *mem;

	t_assert_err(moor_ring_size(ring_opts(), &ring.size), 0);
	ck_assert_uint_le(ring.size, IMAGE_MAX);
	mem = aligned_alloc(4096, (ring.size + 4095) / 4096 * 4096);
	ck_assert_ptr_nonnull(mem);
	memset(mem, 0x5a, ring.size);
	t_assert_err(moor_ring_format(mem, ring.size, ring_opts()), 0);
	return mem;
}

START_TEST(test_B1_fresh_ring)
{
	void *mem = fresh_ring();

	needs_little_endian();
	memcpy(ring.bytes, mem, ring.size);
	mask_header(&ring);
	compare("ring", &ring);
	free(mem);
}
END_TEST

START_TEST(test_B1_ring_with_three_messages)
{
	unsigned char message[100];
	void *mem = fresh_ring();
	moor_tx *tx;

	needs_little_endian();
	for (size_t i = 0; i < sizeof message; i++)
		message[i] = (unsigned char)(i + 1);
	t_assert_err(moor_tx_attach(mem, ring.size, NULL, &tx), 0);
	t_assert_err(moor_tx_send(tx, "mooring", 7, MOOR_NOWAIT), 0);
	t_assert_err(moor_tx_send(tx, NULL, 0, MOOR_NOWAIT), 0);
	t_assert_err(moor_tx_send(tx, message, sizeof message, MOOR_NOWAIT), 0);
	memcpy(ring.bytes, mem, ring.size);
	mask_header(&ring);
	for (size_t slot = 512; slot <= 1024; slot += 512) {
		mask(&ring, slot + 8, 8);   /* pid, cpu */
		mask(&ring, slot + 128, 8); /* asleep: bit 1 says whether it can use membarrier */
	}
	compare("ring-three", &ring);
	moor_tx_close(tx);
	free(mem);
}
END_TEST

START_TEST(test_B1_ring_of_many_with_messages)
{
	struct moor_ring_opts opts = *ring_opts();
	moor_tx *first, *second;
	struct image image = {0};
	void *mem;

	needs_little_endian();
	opts.kind = MOOR_MPSC;
	opts.max_producers = 3;
	t_assert_err(moor_ring_size(&opts, &image.size), 0);
	ck_assert_uint_le(image.size, IMAGE_MAX);
	mem = aligned_alloc(4096, (image.size + 4095) / 4096 * 4096);
	ck_assert_ptr_nonnull(mem);
	t_assert_err(moor_ring_format(mem, image.size, &opts), 0);
	t_assert_err(moor_tx_attach(mem, image.size, NULL, &first), 0);
	t_assert_err(moor_tx_attach(mem, image.size, NULL, &second), 0);
	t_assert_err(moor_tx_send(first, "mooring", 7, MOOR_NOWAIT), 0);
	t_assert_err(moor_tx_send(second, "of many", 7, MOOR_NOWAIT), 0);
	memcpy(image.bytes, mem, image.size);
	mask_header(&image);
	for (size_t slot = 512; slot <= 1536; slot += 512) {
		mask(&image, slot + 8, 8);
		mask(&image, slot + 128, 8);
	}
	compare("ring-many", &image);
	moor_tx_close(first);
	moor_tx_close(second);
	free(mem);
}
END_TEST

/* The stored images are rings and maps that the library of today can use, whoever made them. */
START_TEST(test_B1_the_stored_rings_are_understood)
{
	struct moor_ring_opts opts = *ring_opts();
	struct image golden;
	unsigned char buf[128];
	size_t len;
	moor_rx *rx;
	void *mem;

	needs_little_endian();
	read_golden("ring-three", &golden);
	mem = aligned_alloc(4096, (golden.size + 4095) / 4096 * 4096);
	memcpy(mem, golden.bytes, golden.size);
	t_assert_err(moor_ring_check(mem, golden.size), 0);
	opts.max_message = 0;
	t_assert_err(moor_rx_attach(mem, golden.size, &opts, &rx), 0);
	t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_NOWAIT), 0);
	ck_assert_uint_eq(len, 7);
	ck_assert_mem_eq(buf, "mooring", 7);
	t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_NOWAIT), 0);
	ck_assert_uint_eq(len, 0);
	t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_NOWAIT), 0);
	ck_assert_uint_eq(len, 100);
	ck_assert_uint_eq(buf[99], 100);
	t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_NOWAIT), MOOR_EAGAIN);
	moor_rx_close(rx);
	free(mem);
}
END_TEST

/* What the stored header says, read by hand as doc/abi.md draws it. */
START_TEST(test_B1_the_stored_header_by_hand)
{
	struct image golden;

	read_golden("ring", &golden);
	ck_assert_mem_eq(golden.bytes, "\211MOORING", 8);
	ck_assert_mem_eq(golden.bytes + 8, "\4\3\2\1", 4);
	ck_assert_mem_eq(golden.bytes + 12, "\1\0\1\0", 4);       /* version 1, least 1 */
	ck_assert_mem_eq(golden.bytes + 16, "\0\1\0\0", 4);       /* 256 bytes of header */
	ck_assert_mem_eq(golden.bytes + 28, "\5\0\0\0", 4);       /* a channel */
	ck_assert_mem_eq(golden.bytes + 64, "\0\20\0\0\0\0\0\0", 8); /* capacity 4096 */
	ck_assert_mem_eq(golden.bytes + 120, "\x88\x77\x66\x55\x44\x33\x22\x11", 8);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("golden");
	TCase *tc = tcase_create("golden");

	tcase_add_test(tc, test_B1_fresh_map);
	tcase_add_test(tc, test_B1_reserved_map);
	tcase_add_test(tc, test_B1_map_of_a_file);
	tcase_add_test(tc, test_B1_mutex);
	tcase_add_test(tc, test_B1_semaphore);
	tcase_add_test(tc, test_B1_event);
	tcase_add_test(tc, test_B1_fresh_ring);
	tcase_add_test(tc, test_B1_ring_with_three_messages);
	tcase_add_test(tc, test_B1_ring_of_many_with_messages);
	tcase_add_test(tc, test_B1_the_stored_rings_are_understood);
	tcase_add_test(tc, test_B1_the_stored_header_by_hand);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
