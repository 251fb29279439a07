/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 06_struct_and_string - a date and a string in a map, byte for byte as .NET writes them; and a view that keeps its
 * writes to itself.
 *
 *   ./06_struct_and_string write [TICKS TEXT]   writes both, and waits for ENTER
 *   ./06_struct_and_string read                 prints them
 *   ./06_struct_and_string scribble             writes others into a copy-on-write view, and prints both
 *
 * Each creates the map or opens it, whoever comes first. In .NET:
 *
 *   var map = MemoryMappedFile.CreateOrOpen("TestMemoryMappedFile", 1 << 20);
 *   var writer = new BinaryWriter(map.CreateViewStream(), Encoding.Unicode);
 *   writer.Write(DateTime.UtcNow.Ticks);   // an Int64: 100 nanoseconds, since the year 1
 *   writer.Write("text");                  // its length in bytes, and the text in UTF-16
 */
#include "explain.h"

#include <time.h>

#define NAME "TestMemoryMappedFile"
#define SIZE ((uint64_t)1 << 20)
#define UNITS 512

#define TICKS_A_SECOND 10000000
#define TICKS_TO_1970 INT64_C(621355968000000000)
#define TICKS_MAX 3155378975999999999u /* the end of the year 9999, the last of .NET's */

/* UTF-8 to UTF-16. Returns the number of units; -1: it is not UTF-8, or too long. */
static int to_utf16(const char *text, uint16_t units[UNITS])
{
	const unsigned char *c = (const unsigned char *)text;
	int count = 0;

	while (*c) {
		const int more = *c < 0x80 ? 0 : *c < 0xc2 ? -1 : *c < 0xe0 ? 1 : *c < 0xf0 ? 2 : *c < 0xf5 ? 3 : -1;
		uint32_t point;

		if (more < 0 || count > UNITS - 2)
			return -1;
		point = more ? *c++ & (0x3fu >> more) : *c++;
		for (int i = 0; i < more; i++, c++) {
			if ((*c & 0xc0) != 0x80)
				return -1;
			point = point << 6 | (*c & 0x3f);
		}
		if (point >= 0x10000) {
			units[count++] = (uint16_t)(0xd7c0 + (point >> 10));
			units[count++] = (uint16_t)(0xdc00 | (point & 0x3ff));
		} else {
			units[count++] = (uint16_t)point;
		}
	}
	return count;
}

static void print_point(uint32_t point)
{
	if (point < 0x80) {
		putchar((int)point);
		return;
	}
	if (point < 0x800) {
		putchar((int)(0xc0 | point >> 6));
	} else {
		if (point < 0x10000) {
			putchar((int)(0xe0 | point >> 12));
		} else {
			putchar((int)(0xf0 | point >> 18));
			putchar((int)(0x80 | (point >> 12 & 0x3f)));
		}
		putchar((int)(0x80 | (point >> 6 & 0x3f)));
	}
	putchar((int)(0x80 | (point & 0x3f)));
}

/* UTF-16, little endian, at any address. */
static void print_utf16(const unsigned char *bytes, size_t units)
{
	uint32_t high = 0;

	for (size_t i = 0; i < units; i++) {
		const uint32_t unit = bytes[2 * i] | (uint32_t)bytes[2 * i + 1] << 8;

		if (unit >= 0xd800 && unit < 0xdc00) {
			high = unit;
		} else if (high && unit >= 0xdc00 && unit < 0xe000) {
			print_point(0x10000 + ((high & 0x3ff) << 10 | (unit & 0x3ff)));
			high = 0;
		} else {
			print_point(unit);
		}
	}
	putchar('\n');
}

static int write_both(moor_view *view, int64_t ticks, const char *text)
{
	struct moor_writer writer;
	uint16_t units[UNITS];
	const int count = to_utf16(text, units);
	size_t len;
	int err;

	if (count < 0) {
		fprintf(stderr, "a text in UTF-8 of less than %d UTF-16 units was expected, not '%s'\n", UNITS, text);
		return 1;
	}
	moor_writer_init(&writer, moor_view_data(view), moor_view_size(view));
	moor_writer_i64(&writer, ticks);
	moor_writer_string16(&writer, units, (size_t)count);
	err = moor_writer_finish(&writer, &len);
	return err ? explain(err, "cannot write to", NAME, 0) : 0;
}

static int print_both(const char *who, const moor_view *view)
{
	struct moor_reader reader;
	const void *text = NULL;
	int64_t ticks = 0;
	size_t units = 0, len;
	char date[32] = "?";
	struct tm parts;
	time_t seconds;
	int err;

	moor_reader_init(&reader, moor_view_data(view), moor_view_size(view));
	moor_reader_i64(&reader, &ticks);
	moor_reader_string16(&reader, &text, &units);
	err = moor_reader_finish(&reader, &len);
	if (err)
		return explain(err, "a date and a string were expected in", NAME, 0);
	seconds = (time_t)(ticks / TICKS_A_SECOND - TICKS_TO_1970 / TICKS_A_SECOND);
	if (gmtime_r(&seconds, &parts))
		strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &parts);
	printf("%s: %s (%" PRId64 " ticks), ", who, date, ticks);
	print_utf16(text, units);
	return 0;
}

static int scribble(moor_map *map, const moor_view *shared)
{
	moor_view *own = NULL;
	int err, code;

	err = moor_view_map(map, 0, 0, MOOR_COPY_ON_WRITE, &own);
	if (err)
		return explain(err, "cannot make a copy-on-write view of", NAME, 0);
	code = write_both(own, TICKS_TO_1970, "seen by nobody else");
	if (!code)
		code = print_both("in the copy", own);
	if (!code)
		code = print_both("in the map", shared);
	moor_view_unmap(own);
	return code;
}

static int run(char role, int64_t ticks, const char *text)
{
	moor_map *map = NULL;
	moor_view *view = NULL;
	int news, err, code;

	news = moor_map_create_or_open(NAME, SIZE, NULL, &map);
	if (news < 0)
		return explain(news, "cannot create or open the map", NAME, SIZE);
	err = moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view);
	if (err) {
		moor_map_close(map);
		return explain(err, "cannot view", NAME, 0);
	}
	if (role == 'w') {
		code = write_both(view, ticks, text);
		puts("Press ENTER to end.");
		fflush(stdout);
		getchar();
	} else if (news == MOOR_CREATED) {
		fprintf(stderr, "a date and a string were expected in '%s', and it is new and empty: start 'write' first\n", NAME);
		code = 1;
	} else {
		code = role == 's' ? scribble(map, view) : print_both("in the map", view);
	}
	moor_view_unmap(view);
	moor_map_close(map);
	return code;
}

int main(int argc, char **argv)
{
	uint64_t ticks = (uint64_t)((int64_t)time(NULL) * TICKS_A_SECOND + TICKS_TO_1970);
	const char *program = program_name(argv[0]);

	if (argc == 4 && strcmp(argv[1], "write") == 0 && parse_number("TICKS", argv[2], 0, TICKS_MAX, &ticks))
		return run('w', (int64_t)ticks, argv[3]);
	if (argc == 2 && strcmp(argv[1], "write") == 0)
		return run('w', (int64_t)ticks, "Hello from the other process");
	if (argc == 2 && (strcmp(argv[1], "read") == 0 || strcmp(argv[1], "scribble") == 0))
		return run(argv[1][0], 0, NULL);
	fprintf(stderr, "usage: %s write [TICKS TEXT] | %s read | %s scribble\n", program, program, program);
	return 2;
}
