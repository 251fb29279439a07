/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 09_header - a header that says how its writer lays out memory, and a reader that refuses what it cannot read.
 *
 *   ./09_header write [swapped]   makes a map of ten numbers of the type long, and waits for ENTER; swapped: as a
 *                                 machine of the other byte order would
 *   ./09_header read              prints their sum, or says why it cannot read them
 *
 * A long has 4 bytes in a 32-bit process and 8 in a 64-bit one, so that the two cannot share these numbers. (Types with
 * a width in their name and the typed calls of a view have no such limits; see 02_bridge.)
 */
#include "explain.h"

#include <limits.h>
#include <string.h>

#define NAME "ten_numbers"
#define COUNT 10
#define BYTE_ORDER_MARK 0x01020304u
#define SWAPPED_MARK 0x04030201u

struct header {
	char magic[8];
	uint32_t byte_order; /* BYTE_ORDER_MARK, as its writer stores it */
	uint32_t word_bits;  /* of a long */
};
static const char magic[8] = "NUMBERS";

static uint32_t swapped(uint32_t value)
{
	return value >> 24 | (value >> 8 & 0xff00) | (value << 8 & 0xff0000) | value << 24;
}

/* 0, or a complaint that says what it is that this process cannot read. */
static int check(const struct header *header, size_t size)
{
	const uint32_t bits = header->byte_order == SWAPPED_MARK ? swapped(header->word_bits) : header->word_bits;

	if (memcmp(header->magic, magic, sizeof magic) != 0) {
		fprintf(stderr, "'%s': a header of 09_header was expected, something else was found; use another name\n", NAME);
	} else if (header->byte_order == SWAPPED_MARK) {
		fprintf(stderr,
		        "'%s': byte order: expected this machine's, found the other one; read it on a machine like its writer's\n",
		        NAME);
	} else if (header->byte_order != BYTE_ORDER_MARK) {
		fprintf(stderr, "'%s': byte order: expected the mark %08x, found %08" PRIx32 "; the header is damaged\n", NAME,
		        BYTE_ORDER_MARK, header->byte_order);
	} else if (bits != sizeof(long) * CHAR_BIT) {
		fprintf(stderr, "'%s': word size: expected %zu bits, found %" PRIu32 "; use the reader of that word size\n", NAME,
		        sizeof(long) * CHAR_BIT, bits);
	} else if (size < sizeof *header + COUNT * sizeof(long)) {
		fprintf(stderr, "'%s': %zu bytes expected, %zu found; the map was made by something else\n", NAME,
		        sizeof *header + COUNT * sizeof(long), size);
	} else {
		return 0;
	}
	return 1;
}

static int write_numbers(bool swap)
{
	struct header header = {.byte_order = BYTE_ORDER_MARK, .word_bits = sizeof(long) * CHAR_BIT};
	const size_t size = sizeof header + COUNT * sizeof(long);
	moor_map *map = NULL;
	moor_view *view = NULL;
	long *numbers;
	int err;

	err = moor_map_create(NAME, size, NULL, &map);
	if (err)
		return explain(err, "cannot create the map", NAME, size);
	err = moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view);
	if (err) {
		moor_map_close(map);
		return explain(err, "cannot view", NAME, 0);
	}
	numbers = (long *)(void *)((char *)moor_view_data(view) + sizeof header);
	for (int i = 0; i < COUNT; i++)
		numbers[i] = i + 1;
	memcpy(header.magic, magic, sizeof magic);
	if (swap) {
		header.byte_order = swapped(header.byte_order);
		header.word_bits = swapped(header.word_bits);
	}
	memcpy(moor_view_data(view), &header, sizeof header);
	printf("%d numbers of %zu bits. Press ENTER to end.\n", COUNT, sizeof(long) * CHAR_BIT);
	fflush(stdout);
	getchar();
	moor_view_unmap(view);
	moor_map_close(map);
	return 0;
}

static int read_numbers(void)
{
	struct header header;
	moor_map *map = NULL;
	moor_view *view = NULL;
	int err, code;

	err = moor_map_open(NAME, &MOOR_MAP_OPTS(.access = MOOR_READ), &map);
	if (err)
		return explain(err, "cannot open the map", NAME, 0);
	err = moor_view_map(map, 0, 0, MOOR_READ, &view);
	if (!err)
		err = moor_view_read(view, 0, &header, sizeof header);
	if (err) {
		code = explain(err, "cannot read a header from", NAME, 0);
	} else {
		code = check(&header, moor_view_size(view));
		if (!code) {
			const long *numbers =
			    (const long *)(const void *)((const char *)moor_view_data(view) + sizeof header);
			long sum = 0;

			for (int i = 0; i < COUNT; i++)
				sum += numbers[i];
			printf("the sum is %ld\n", sum);
		}
	}
	moor_view_unmap(view);
	moor_map_close(map);
	return code;
}

int main(int argc, char **argv)
{
	if (argc >= 2 && argc <= 3 && strcmp(argv[1], "write") == 0 && (argc == 2 || strcmp(argv[2], "swapped") == 0))
		return write_numbers(argc == 3);
	if (argc == 2 && strcmp(argv[1], "read") == 0)
		return read_numbers();
	fprintf(stderr, "usage: %s write [swapped] | %s read\n", program_name(argv[0]), program_name(argv[0]));
	return 2;
}
