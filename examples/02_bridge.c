/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 02_bridge - a counter between a 32-bit and a 64-bit process.
 *
 *   ./02_bridge server [MS [COUNT [STEP]]]   makes the map test_memory and counts in it, every MS milliseconds
 *   ./02_bridge client [MS [COUNT [STEP]]]   shows the counter, every MS milliseconds
 *
 * MS is 500 if not given, or 0 to go at full speed; COUNT 0 is for ever. Build the one with -m32 and the other without:
 * the 64-bit counter never tears, since an aligned 8-byte value of a view is written and read at once by processes of
 * either word size. With a STEP like 4294967297 both halves change each time, and the client finds a torn value: it is
 * no multiple of the step.
 */
#include "explain.h"

#include <time.h>

#define NAME "test_memory"
#define SIZE 64

struct pace {
	long ms;
	uint64_t count, step;
};

static void wait_for(long ms)
{
	const struct timespec pause = {ms / 1000, ms % 1000 * 1000000};

	if (ms)
		nanosleep(&pause, NULL);
}

static int serve(const struct pace *pace)
{
	moor_map *map = NULL;
	moor_view *view = NULL;
	uint64_t value = 0;
	int err;

	err = moor_map_create(NAME, SIZE, NULL, &map);
	if (err)
		return explain(err, "cannot create the map", NAME, SIZE);
	err = moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view);
	printf("server, %zu bits: counting in '%s'\n", 8 * sizeof(void *), NAME);
	fflush(stdout);
	for (uint64_t i = 0; !err && (!pace->count || i < pace->count); i++) {
		value += pace->step;
		err = moor_view_put_u64(view, 0, value);
		wait_for(pace->ms);
	}
	moor_view_unmap(view);
	moor_map_close(map);
	return err ? explain(err, "cannot write to", NAME, 0) : 0;
}

static int show(const struct pace *pace)
{
	moor_map *map = NULL;
	moor_view *view = NULL;
	uint64_t value = 0, last = 0, readings = 0, different = 0, torn = 0;
	int err;

	err = moor_map_open(NAME, &MOOR_MAP_OPTS(.access = MOOR_READ), &map);
	if (err)
		return explain(err, "cannot open the map", NAME, 0);
	err = moor_view_map(map, 0, 0, MOOR_READ, &view);
	printf("client, %zu bits: reading '%s'\n", 8 * sizeof(void *), NAME);
	for (; !err && (!pace->count || readings < pace->count); readings++) {
		err = moor_view_get_u64(view, 0, &value);
		torn += value % pace->step != 0;
		different += value != last;
		last = value;
		if (pace->ms) {
			printf("%" PRIu64 "\n", value);
			fflush(stdout);
		}
		wait_for(pace->ms);
	}
	moor_view_unmap(view);
	moor_map_close(map);
	if (err)
		return explain(err, "cannot read from", NAME, 0);
	printf("%" PRIu64 " readings, %" PRIu64 " changes, %" PRIu64 " torn\n", readings, different, torn);
	return torn ? 1 : 0;
}

static int usage(const char *path)
{
	fprintf(stderr, "usage: %s server|client [MS [COUNT [STEP]]]\n", program_name(path));
	return 2;
}

int main(int argc, char **argv)
{
	struct pace pace = {.step = 1};
	uint64_t ms = 500;

	if (argc < 2 || argc > 5 || (strcmp(argv[1], "server") != 0 && strcmp(argv[1], "client") != 0))
		return usage(argv[0]);
	if ((argc > 2 && !parse_number("MS", argv[2], 0, 1000000, &ms)) ||
	    (argc > 3 && !parse_number("COUNT", argv[3], 0, UINT64_MAX, &pace.count)) ||
	    (argc > 4 && !parse_number("STEP", argv[4], 1, UINT64_MAX, &pace.step)))
		return usage(argv[0]);
	pace.ms = (long)ms;
	return strcmp(argv[1], "server") == 0 ? serve(&pace) : show(&pace);
}
