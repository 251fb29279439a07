/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 04_overlapping_views - several processes, each with several views of one map that overlap, at any byte.
 *
 *   ./04_overlapping_views keep PROCESSES           makes the map; at ENTER looks whether everything is as it must be
 *   ./04_overlapping_views work PROCESS PROCESSES   process PROCESS of 0 to PROCESSES - 1, all at once
 *
 * Every byte of the map belongs to one process. It writes the byte through one of its views and reads it through
 * another that overlaps: both show the same memory at once, and so do the views of all others.
 */
#include "explain.h"

#include <stdlib.h>
#include <string.h>

#define NAME "overlapping"
#define SIZE 200003
#define ROUNDS 100
#define VIEWS 4

/* No offset is a multiple of a page. Each byte from 1 on lies in two of them. */
static const struct part {
	size_t offset, size;
} parts[VIEWS] = {{1, SIZE - 1}, {17, 100000}, {8100, 69900}, {69900, SIZE - 69900}};

static unsigned char content(size_t at, int round)
{
	return (unsigned char)(at * 31 + (size_t)round);
}

static int view_parts(moor_map *map, moor_view *views[VIEWS])
{
	for (int i = 0; i < VIEWS; i++) {
		const int err = moor_view_map(map, parts[i].offset, parts[i].size, MOOR_READ_WRITE, &views[i]);

		if (err) {
			while (i--)
				moor_view_unmap(views[i]);
			return err;
		}
	}
	return 0;
}

/* The byte of the map as view i shows it; NULL: it is not in there. A view's memory is shared with other processes. */
static volatile unsigned char *in_view(moor_view *const views[VIEWS], int i, size_t at)
{
	const size_t offset = parts[i].offset;

	if (at < offset || at - offset >= parts[i].size)
		return NULL;
	return (volatile unsigned char *)moor_view_data(views[i]) + (at - offset);
}

/* Writes through one view, and compares what all of them show. Returns how many bytes differed. */
static size_t work(moor_view *const views[VIEWS], size_t process, size_t processes)
{
	size_t wrong = 0;

	for (int round = 1; round <= ROUNDS; round++) {
		for (size_t at = 1 + process; at < SIZE; at += processes) {
			const int writer = (int)((at + (size_t)round) % VIEWS);
			volatile unsigned char *byte = in_view(views, writer, at);

			*(byte ? byte : in_view(views, 0, at)) = content(at, round);
			for (int i = 0; i < VIEWS; i++) {
				byte = in_view(views, i, at);
				wrong += byte && *byte != content(at, round);
			}
		}
	}
	return wrong;
}

/* As the last round must have left it. */
static size_t differences(moor_view *const views[VIEWS])
{
	size_t wrong = 0;

	for (size_t at = 1; at < SIZE; at++)
		for (int i = 0; i < VIEWS; i++)
			wrong += in_view(views, i, at) && *in_view(views, i, at) != content(at, ROUNDS);
	return wrong;
}

static int run(size_t process, size_t processes, int keeps)
{
	moor_map *map = NULL;
	moor_view *views[VIEWS];
	size_t wrong;
	int err;

	err = keeps ? moor_map_create(NAME, SIZE, NULL, &map) : moor_map_open(NAME, NULL, &map);
	if (err)
		return explain(err, keeps ? "cannot create the map" : "cannot open the map", NAME, SIZE);
	err = view_parts(map, views);
	if (err) {
		moor_map_close(map);
		return explain(err, "cannot view parts of", NAME, 0);
	}
	if (keeps) {
		printf("Start %zu processes; press ENTER when they have ended.\n", processes);
		fflush(stdout);
		getchar();
		wrong = differences(views);
	} else {
		wrong = work(views, process, processes);
	}
	for (int i = 0; i < VIEWS; i++)
		moor_view_unmap(views[i]);
	moor_map_close(map);
	printf("%zu bytes were not what was written\n", wrong);
	return wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
	const int works = argc == 4 && strcmp(argv[1], "work") == 0;
	const int keeps = argc == 3 && strcmp(argv[1], "keep") == 0;
	uint64_t processes, process = 0;

	if ((works || keeps) && parse_number("PROCESSES", argv[argc - 1], 1, UINT32_MAX, &processes) &&
	    (keeps || parse_number("PROCESS", argv[2], 0, processes - 1, &process)))
		return run((size_t)process, (size_t)processes, keeps);
	fprintf(stderr, "usage: %s keep PROCESSES | %s work PROCESS PROCESSES\n", program_name(argv[0]),
	        program_name(argv[0]));
	return 2;
}
