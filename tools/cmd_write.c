/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_write.c - mooring write: standard input, or one value, into a map. */
#include "options.h"
#include "window.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_ROOM ((size_t)65536)

/*
 * Standard input, up to `most` bytes and one more, which tells that there is more than fits. On failure there is
 * nothing to free.
 */
static bool read_input(uint64_t most, unsigned char **ret_bytes, size_t *ret_len)
{
	size_t room = FIRST_ROOM, len = 0;
	unsigned char *bytes = malloc(room);
	ssize_t got = 1;

	while (bytes && got > 0 && len <= most) {
		if (len == room) {
			unsigned char *larger = room > SIZE_MAX / 2 ? NULL : realloc(bytes, room * 2);

			if (!larger)
				free(bytes);
			bytes = larger;
			room *= 2;
			continue;
		}
		do
			got = read(STDIN_FILENO, bytes + len, most - len < room - len ? (size_t)(most - len) + 1 : room - len);
		while (got < 0 && errno == EINTR);
		if (got > 0)
			len += (size_t)got;
	}
	if (!bytes || got < 0) {
		complain("cannot read standard input: %s", strerror(bytes ? errno : ENOMEM));
		free(bytes);
		return false;
	}
	*ret_bytes = bytes;
	*ret_len = len;
	return true;
}

static int write_bytes(const struct window *window, uint64_t offset)
{
	unsigned char *bytes;
	moor_view *view = NULL;
	uint64_t room;
	size_t len;
	int code, err;

	code = check_range(window, offset, 0, &room);
	if (code != GO_ON)
		return code;
	if (!read_input(room, &bytes, &len))
		return EXIT_ERROR;
	if (len > room) {
		complain("'%s' has room for %" PRIu64 " bytes at offset %" PRIu64 ", and standard input has more; nothing was "
		         "written: send less, or to a smaller offset",
		         window->name, room, offset);
		free(bytes);
		return EXIT_ERROR;
	}
	code = len ? view_range(window, offset, len, MOOR_READ_WRITE, &view) : EXIT_WELL;
	if (code == GO_ON) {
		err = moor_view_write(view, 0, bytes, len);
		code = err ? fail(err, "cannot write to", window->name) : EXIT_WELL;
	}
	moor_view_unmap(view);
	free(bytes);
	return code;
}

static int write_value(const struct window *window, const struct value_type *type, uint64_t offset, const char *text)
{
	moor_view *view = NULL;
	uint64_t width;
	int code, err;

	code = check_range(window, offset, type_width(type), &width);
	if (code == GO_ON)
		code = view_range(window, offset, width, MOOR_READ_WRITE, &view);
	if (code != GO_ON)
		return code;
	err = put_value(type, view, 0, text);
	moor_view_unmap(view);
	if (err == MOOR_EINVAL)
		return usage_error(&cmd_write, "'%s' is no value of the type %s; nothing was written", text, type_name(type));
	return err ? fail(err, "cannot write to", window->name) : EXIT_WELL;
}

static int run(int argc, char **argv)
{
	struct options options;
	struct window window;
	int code;

	code = parse_options(&cmd_write, TAKES_OFFSET | TAKES_TYPE, 1, 2, argc, argv, &options);
	if (code != GO_ON)
		return code;
	if ((options.arg_count == 2) != (options.type != NULL))
		return usage_error(&cmd_write, "a value and its --type go together; without both, standard input is written");
	code = open_window(options.args[0], MOOR_READ_WRITE, &window);
	if (code != GO_ON)
		return code;
	code = options.type ? write_value(&window, options.type, options.offset, options.args[1])
	                    : write_bytes(&window, options.offset);
	close_window(&window);
	return code;
}

const struct command cmd_write = {
    .name = "write",
    .synopsis = "write [--offset N] [--type TYPE] NAME [VALUE]",
    .summary = "Writes standard input into the map NAME, or with --type the VALUE. What does not fit is not written at all.\n"
               "  --offset N   at this byte, default 0\n"
               "  --type TYPE  of VALUE: " TYPE_NAMES,
    .run = run,
};
