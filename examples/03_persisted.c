/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 03_persisted - parts of an extremely large picture, which stay in its file.
 *
 *   ./03_persisted first FILE   opens FILE as the map ImgA, and brightens 512 MiB from offset 256 MiB on by 10; waits
 *                               for ENTER, so that the name lives
 *   ./03_persisted second       opens ImgA by its name only, views 2000000 bytes from 4000000 on, and brightens the
 *                               first 1500000 of them by 20
 *
 * A colour has four channels of 16 bits. None goes beyond 32767. After MemoryMappedFile.CreateFromFile in .NET's
 * documentation.
 */
#include "explain.h"

#include <string.h>

#define NAME "ImgA"

struct colour {
	int16_t red, green, blue, alpha;
};

static int16_t brighter(int16_t channel, int by)
{
	const int sum = channel + by;

	return sum < INT16_MAX ? (int16_t)sum : INT16_MAX;
}

/* The colours of the view that begin within its first len bytes. */
static void brighten(moor_view *view, size_t len, int by)
{
	struct colour *colours = moor_view_data(view);

	for (size_t i = 0; i * sizeof *colours < len; i++) {
		colours[i].red = brighter(colours[i].red, by);
		colours[i].green = brighter(colours[i].green, by);
		colours[i].blue = brighter(colours[i].blue, by);
		colours[i].alpha = brighter(colours[i].alpha, by);
	}
}

static int brighten_part(moor_map *map, uint64_t offset, size_t size, size_t len, int by)
{
	moor_view *view = NULL;
	int err = moor_view_map(map, offset, size, MOOR_READ_WRITE, &view);

	if (err) {
		fprintf(stderr, "'%s' has %" PRIu64 " bytes; %zu from %" PRIu64 " on were expected to be in it\n", NAME,
		        moor_map_size(map), size, offset);
		return explain(err, "cannot view a part of", NAME, 0);
	}
	brighten(view, len, by);
	err = moor_view_flush(view);
	moor_view_unmap(view);
	return err ? explain(err, "cannot write back a part of", NAME, 0) : 0;
}

static int first(const char *path)
{
	const size_t size = (size_t)512 << 20;
	moor_map *map = NULL;
	int code, err;

	err = moor_map_from_file(path, NAME, 0, NULL, &map);
	if (err == MOOR_ENOENT) {
		fprintf(stderr, "there is no file '%s': a picture of at least 768 MiB was expected\n", path);
		return 1;
	}
	if (err < 0)
		return explain(err, "cannot map the file", path, 0);
	code = brighten_part(map, (uint64_t)256 << 20, size, size, 10);
	if (code == 0) {
		puts("The first part is brighter. Press ENTER to end.");
		fflush(stdout);
		getchar();
	}
	moor_map_close(map);
	return code;
}

static int second(void)
{
	moor_map *map = NULL;
	int code, err;

	err = moor_map_open(NAME, NULL, &map);
	if (err)
		return explain(err, "cannot open the map", NAME, 0);
	code = brighten_part(map, 4000000, 2000000, 1500000, 20);
	moor_map_close(map);
	return code;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "first") == 0)
		return first(argv[2]);
	if (argc == 2 && strcmp(argv[1], "second") == 0)
		return second();
	fprintf(stderr, "usage: %s first FILE | %s second\n", program_name(argv[0]), program_name(argv[0]));
	return 2;
}
