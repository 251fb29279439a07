/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 08_growth - a map that grows while others use it.
 *
 *   ./08_growth grow [MAXIMUM STEP STEPS]   reserves MAXIMUM bytes, commits STEP more, STEPS times, and fills them;
 *                                           waits for ENTER
 *   ./08_growth follow                      checks each part as it comes, until the last one
 *
 * Only what is committed takes memory. A view ends where the committed part ended when it was mapped;
 * moor_view_extend lets it grow. What Windows has SEC_RESERVE and VirtualAlloc for.
 */
#include "explain.h"

#include <stdatomic.h>
#include <time.h>

#define NAME "growing"

/* The first 16 bytes: how far it is filled, and how far it will be. What follows is filled with bytes of content(). */
#define FILLED 0
#define GOAL 8
#define HEAD 16

static unsigned char content(size_t at)
{
	return (unsigned char)(at * 7 + (at >> 12));
}

/* The fences make what lies before `filled` visible with it. */
static int publish(moor_view *view, uint64_t filled)
{
	atomic_thread_fence(memory_order_release);
	return moor_view_put_u64(view, FILLED, filled);
}

static int look(const moor_view *view, uint64_t *ret_filled)
{
	const int err = moor_view_get_u64(view, FILLED, ret_filled);

	atomic_thread_fence(memory_order_acquire);
	return err;
}

static int fill(moor_map *map, moor_view *view, uint64_t from, uint64_t to)
{
	unsigned char *bytes;
	int err = moor_map_commit(map, to);

	if (!err)
		err = moor_view_extend(view);
	if (err)
		return err;
	bytes = moor_view_data(view); /* extend may have moved it */
	for (size_t at = (size_t)from; at < to; at++)
		bytes[at] = content(at);
	return publish(view, to);
}

static int grow(uint64_t maximum, uint64_t step, uint64_t steps)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	moor_map *map = NULL;
	moor_view *view = NULL;
	int err;

	err = moor_map_create(NAME, maximum, &MOOR_MAP_OPTS(.flags = MOOR_MAP_RESERVE), &map);
	if (err)
		return explain(err, "cannot reserve the map", NAME, maximum);
	err = moor_map_commit(map, HEAD);
	if (!err)
		err = moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view);
	if (!err)
		err = moor_view_put_u64(view, GOAL, step * steps);
	if (!err)
		err = publish(view, HEAD);
	for (uint64_t i = 1; !err && i <= steps; i++) {
		err = fill(map, view, i == 1 ? HEAD : (i - 1) * step, i * step);
		nanosleep(&pause, NULL);
	}
	if (err) {
		fprintf(stderr, "%" PRIu64 " bytes were reserved, %" PRIu64 " are committed, %" PRIu64 " were to be\n", maximum,
		        moor_map_committed(map), step * steps);
		(void)explain(err, "cannot let it grow:", NAME, step);
	} else {
		printf("%" PRIu64 " of %" PRIu64 " bytes are committed. Press ENTER to end.\n", moor_map_committed(map), maximum);
		fflush(stdout);
		getchar();
	}
	moor_view_unmap(view);
	moor_map_close(map);
	return err ? 1 : 0;
}

static int follow(void)
{
	const struct timespec pause = {.tv_nsec = 500000};
	uint64_t filled = HEAD, goal = 0, checked = HEAD, wrong = 0, parts = 0;
	moor_map *map = NULL;
	moor_view *view = NULL;
	int err;

	err = moor_map_open_wait(NAME, NULL, (int64_t)60 * 1000000000, &map);
	if (err)
		return explain(err, "cannot open the map", NAME, 0);
	/* Whoever opens it before the first commit sees an empty view. */
	err = moor_view_map(map, 0, 0, MOOR_READ, &view);
	while (!err && moor_view_size(view) < HEAD) {
		nanosleep(&pause, NULL);
		err = moor_view_extend(view);
	}
	while (!err && (!goal || checked < goal)) {
		const unsigned char *bytes;

		err = look(view, &filled);
		if (!err)
			err = moor_view_get_u64(view, GOAL, &goal);
		if (!err && filled > moor_view_size(view))
			err = moor_view_extend(view);
		if (err)
			break;
		bytes = moor_view_data(view);
		parts += checked < filled;
		for (; checked < filled; checked++)
			wrong += bytes[checked] != content((size_t)checked);
		nanosleep(&pause, NULL);
	}
	if (!err)
		printf("%" PRIu64 " bytes came in %" PRIu64 " parts, %" PRIu64 " of them wrong\n", checked, parts, wrong);
	moor_view_unmap(view);
	moor_map_close(map);
	return err ? explain(err, "cannot follow the growth of", NAME, 0) : wrong ? 1 : 0;
}

int main(int argc, char **argv)
{
	uint64_t maximum = (uint64_t)1 << 30, step = 65536, steps = 64;
	const char *program = program_name(argv[0]);

	if (argc == 2 && strcmp(argv[1], "follow") == 0)
		return follow();
	if (argc == 2 && strcmp(argv[1], "grow") == 0)
		return grow(maximum, step, steps);
	if (argc == 5 && strcmp(argv[1], "grow") == 0 && parse_number("MAXIMUM", argv[2], 1, SIZE_MAX, &maximum) &&
	    parse_number("STEP", argv[3], HEAD + 1, SIZE_MAX, &step) &&
	    parse_number("STEPS", argv[4], 1, UINT64_MAX / step, &steps))
		return grow(maximum, step, steps);
	fprintf(stderr, "usage: %s grow [MAXIMUM STEP STEPS] | %s follow   (a step has more than %d bytes)\n", program,
	        program, HEAD);
	return 2;
}
