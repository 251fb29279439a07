/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_watch.c - mooring watch: prints bytes or a value of a map whenever they have changed.
 *
 * It looks through a view only: a view keeps the memory and not the name, so that watching changes nothing for those
 * who are watched.
 */
#include "options.h"
#include "text.h"
#include "window.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* Without --length: as much as is good to read in a line. */
#define BYTES_SHOWN 32
#define BYTES_MOST 65536
/* How often it looks whether the map is still the one of this name. */
#define LOOK_NS ((int64_t)200000000)

struct watch {
	const struct options *options;
	const char *name;
	moor_view *view;
	struct stat file; /* of the map that is watched */
	size_t length;
	char *text, *last; /* what there is now, what was printed last */
	uint64_t printed;
	int64_t start;
};

static bool identity(const moor_map *map, struct stat *ret_file)
{
	moor_os_handle handle;

	return moor_map_os_handle(map, &handle) == 0 && fstat(handle, ret_file) == 0;
}

/* Whether the name still stands for the map that is watched. */
static bool is_there(const struct watch *watch)
{
	moor_map *map = NULL;
	struct stat file;
	const int err = moor_map_open(watch->name, &MOOR_MAP_OPTS(.access = MOOR_READ), &map);
	bool same;

	if (err < 0)
		return err != MOOR_ENOENT && err != MOOR_EKIND; /* a passing lack of descriptors is no end */
	same = identity(map, &file) && file.st_ino == watch->file.st_ino && file.st_dev == watch->file.st_dev;
	moor_map_close(map);
	return same;
}

static int read_text(struct watch *watch)
{
	const unsigned char *bytes = moor_view_data(watch->view);
	struct value_text value;
	int err;

	if (watch->options->type) {
		err = get_value(watch->options->type, watch->view, 0, watch->options->json, &value);
		if (!err)
			strcpy(watch->text, value.text);
		return err;
	}
	for (size_t i = 0; i < watch->length; i++)
		sprintf(watch->text + 2 * i, "%02x", bytes[i]);
	return 0;
}

static int print_change(const struct watch *watch)
{
	const struct value_type *type = watch->options->type;

	if (watch->options->json)
		printf("{\"seconds\":%.3f,\"offset\":%" PRIu64 ",\"%s\":\"%s\",\"%s\":%s%s%s}\n",
		       (double)(now_ns() - watch->start) / 1e9, watch->options->offset, type ? "type" : "encoding",
		       type ? type_name(type) : "hex", type ? "value" : "bytes", type ? "" : "\"", watch->text,
		       type ? "" : "\"");
	else
		puts(watch->text);
	return finish_output();
}

/* Prints if there is something new. Returns GO_ON, or the exit code when that was the last, or failed. */
static int look(struct watch *watch)
{
	const int err = read_text(watch);
	int code;

	if (err)
		return fail(err, "cannot read", watch->name);
	if (watch->printed && strcmp(watch->text, watch->last) == 0)
		return GO_ON;
	code = print_change(watch);
	if (code != EXIT_WELL)
		return code;
	strcpy(watch->last, watch->text);
	watch->printed++;
	return watch->options->count && watch->printed == watch->options->count ? EXIT_WELL : GO_ON;
}

static int follow(struct watch *watch)
{
	const struct timespec pause = {.tv_sec = (time_t)(watch->options->interval_ns / 1000000000),
	                               .tv_nsec = (long)(watch->options->interval_ns % 1000000000)};
	int64_t looked = now_ns();
	int code;

	while ((code = look(watch)) == GO_ON) {
		if (now_ns() - looked >= LOOK_NS) {
			if (!is_there(watch)) {
				code = look(watch); /* what its last holder left */
				if (code != GO_ON)
					return code;
				complain("the last holder of '%s' has gone", watch->name);
				return EXIT_PEER_LEFT;
			}
			looked = now_ns();
		}
		nanosleep(&pause, NULL);
	}
	return code;
}

/* The bytes to look at, and their view; the map is closed again. */
static int open_view(struct watch *watch)
{
	const struct options *options = watch->options;
	struct window window;
	uint64_t length;
	int code;

	code = open_window(watch->name, MOOR_READ, &window);
	if (code != GO_ON)
		return code;
	code = check_range(&window, options->offset, options->type ? type_width(options->type) : options->length, &length);
	if (code == GO_ON && !options->type && !options->length && length > BYTES_SHOWN)
		length = BYTES_SHOWN;
	if (code == GO_ON && !identity(window.map, &watch->file))
		code = fail(MOOR_ESYS, "cannot look at the file of", watch->name);
	if (code == GO_ON)
		code = view_range(&window, options->offset, length, MOOR_READ, &watch->view);
	if (code == GO_ON)
		watch->length = (size_t)length;
	close_window(&window);
	return code;
}

static int run(int argc, char **argv)
{
	struct options options;
	struct watch watch;
	size_t room;
	int code;

	code = parse_options(&cmd_watch, TAKES_OFFSET | TAKES_LENGTH | TAKES_TYPE | TAKES_JSON | TAKES_COUNT | TAKES_INTERVAL, 1,
	                     1, argc, argv, &options);
	if (code != GO_ON)
		return code;
	if (options.type && options.length)
		return usage_error(&cmd_watch, "--type says the length itself");
	if (options.length > BYTES_MOST)
		return usage_error(&cmd_watch, "watch shows at most %d bytes", BYTES_MOST);
	watch = (struct watch){.options = &options, .name = options.args[0], .start = now_ns()};
	code = open_view(&watch);
	if (code != GO_ON)
		return code;
	room = 2 * watch.length + sizeof(struct value_text);
	watch.text = calloc(2, room);
	if (watch.text) {
		watch.last = watch.text + room;
		code = follow(&watch);
	} else {
		code = fail(MOOR_ENOMEM, "cannot watch", watch.name);
	}
	free(watch.text);
	moor_view_unmap(watch.view);
	return code;
}

const struct command cmd_watch = {
    .name = "watch",
    .synopsis = "watch [--offset N] [--length N | --type TYPE] [--interval SECONDS] [--count N] [--json] NAME",
    .summary = "Prints bytes of the map NAME in hexadecimal, or a value, now and whenever they have changed, until its last\n"
               "holder has gone (exit code 5). It does not keep the name.\n"
               "  --offset N          from this byte on, default 0\n"
               "  --length N          so many, default 32\n"
               "  --type TYPE         one value: " TYPE_NAMES "\n"
               "  --interval SECONDS  between two looks, default 0.1; what changes in between is not seen\n"
               "  --count N           end after so many lines\n"
               "  --json              a line of JSON each",
    .run = run,
};
