/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 07_stream_view - three processes write a boolean each, one after the other, and the first reads all three.
 *
 *   ./07_stream_view a    makes the map, writes the first; after B and C have run, reads them back
 *   ./07_stream_view b    writes the second
 *   ./07_stream_view c    writes the third
 *
 * After "Non-persisted memory-mapped files" in .NET's documentation: MemoryMappedFile.CreateNew, CreateViewStream,
 * BinaryWriter. Here the reader of the questions sees to the order.
 */
#include "explain.h"

#include <string.h>

#define NAME "testmap"
#define SIZE 10000

static int put(moor_map *map, uint64_t offset, bool value)
{
	struct moor_writer writer;
	moor_view *view = NULL;
	size_t len;
	int err = moor_view_map(map, offset, 0, MOOR_READ_WRITE, &view);

	if (!err) {
		moor_writer_init(&writer, moor_view_data(view), moor_view_size(view));
		moor_writer_bool(&writer, value);
		err = moor_writer_finish(&writer, &len);
		moor_view_unmap(view);
	}
	return err ? explain(err, "cannot write to", NAME, 0) : 0;
}

static int say(moor_map *map)
{
	struct moor_reader reader;
	moor_view *view = NULL;
	bool said[3] = {0};
	size_t len;
	int err = moor_view_map(map, 0, 0, MOOR_READ, &view);

	if (!err) {
		moor_reader_init(&reader, moor_view_data(view), moor_view_size(view));
		for (int i = 0; i < 3; i++)
			moor_reader_bool(&reader, &said[i]);
		err = moor_reader_finish(&reader, &len);
		moor_view_unmap(view);
	}
	if (err)
		return explain(err, "cannot read from", NAME, 0);
	for (int i = 0; i < 3; i++)
		printf("Process %c says: %s\n", 'A' + i, said[i] ? "True" : "False");
	return 0;
}

static void ask(const char *question)
{
	puts(question);
	fflush(stdout);
	while (getchar() == '\r')
		;
}

static int process_a(void)
{
	moor_map *map = NULL;
	int code, err;

	err = moor_map_create(NAME, SIZE, NULL, &map);
	if (err)
		return explain(err, "cannot create the map", NAME, SIZE);
	code = put(map, 0, true);
	if (!code) {
		ask("Start Process B and press ENTER to continue.");
		ask("Start Process C and press ENTER to continue.");
		code = say(map);
	}
	moor_map_close(map);
	return code;
}

static int other_process(uint64_t offset, bool value, const char *advice)
{
	moor_map *map = NULL;
	int code, err;

	err = moor_map_open(NAME, NULL, &map);
	if (err == MOOR_ENOENT) {
		printf("Memory-mapped file does not exist. %s\n", advice);
		return 1;
	}
	if (err)
		return explain(err, "cannot open the map", NAME, 0);
	code = put(map, offset, value);
	moor_map_close(map);
	return code;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "a") == 0)
		return process_a();
	if (argc == 2 && strcmp(argv[1], "b") == 0)
		return other_process(1, false, "Run Process A first.");
	if (argc == 2 && strcmp(argv[1], "c") == 0)
		return other_process(2, true, "Run Process A first, then B.");
	fprintf(stderr, "usage: %s a|b|c\n", program_name(argv[0]));
	return 2;
}
