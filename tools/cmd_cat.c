/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_cat.c - mooring cat: bytes of a map, or one value, to standard output. */
#include "options.h"
#include "text.h"
#include "window.h"

#include <inttypes.h>
#include <stdio.h>

/* What is mapped at a time, so that a map may be larger than the address space. */
#define AT_A_TIME ((uint64_t)16 << 20)

static void print_hex(const unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		printf("%02x", bytes[i]);
}

/* The bytes as they are, or the inside of a JSON string. */
static int print_bytes(const struct window *window, uint64_t offset, uint64_t length, bool hex)
{
	while (length) {
		const uint64_t part = length < AT_A_TIME ? length : AT_A_TIME;
		moor_view *view = NULL;
		const int code = view_range(window, offset, part, MOOR_READ, &view);
		bool written = true;

		if (code != GO_ON)
			return code;
		if (hex)
			print_hex(moor_view_data(view), moor_view_size(view));
		else
			written = write_all(moor_view_data(view), moor_view_size(view));
		moor_view_unmap(view);
		if (!written)
			return EXIT_ERROR;
		offset += part;
		length -= part;
	}
	return GO_ON;
}

static void begin_json(const char *name, uint64_t offset)
{
	printf("{\"name\":");
	print_text(full_name(name).text, true);
	printf(",\"offset\":%" PRIu64, offset);
}

static int cat_value(const struct window *window, const struct options *options)
{
	struct value_text value;
	moor_view *view = NULL;
	int code, err;

	code = view_range(window, options->offset, type_width(options->type), MOOR_READ, &view);
	if (code != GO_ON)
		return code;
	err = get_value(options->type, view, 0, options->json, &value);
	moor_view_unmap(view);
	if (err)
		return fail(err, "cannot read", window->name);
	if (options->json) {
		begin_json(window->name, options->offset);
		printf(",\"type\":\"%s\",\"value\":%s}\n", type_name(options->type), value.text);
	} else {
		puts(value.text);
	}
	return finish_output();
}

static int cat_bytes(const struct window *window, const struct options *options, uint64_t length)
{
	int code;

	if (options->json) {
		begin_json(window->name, options->offset);
		printf(",\"length\":%" PRIu64 ",\"hex\":\"", length);
	}
	code = print_bytes(window, options->offset, length, options->json);
	if (code != GO_ON)
		return code;
	if (options->json)
		puts("\"}");
	return finish_output();
}

static int run(int argc, char **argv)
{
	struct options options;
	struct window window;
	uint64_t length;
	int code;

	code = parse_options(&cmd_cat, TAKES_OFFSET | TAKES_LENGTH | TAKES_TYPE | TAKES_JSON, 1, 1, argc, argv, &options);
	if (code != GO_ON)
		return code;
	if (options.type && options.length)
		return usage_error(&cmd_cat, "--type says the length itself");
	code = open_window(options.args[0], MOOR_READ, &window);
	if (code != GO_ON)
		return code;
	code = check_range(&window, options.offset, options.type ? type_width(options.type) : options.length, &length);
	if (code == GO_ON)
		code = options.type ? cat_value(&window, &options) : cat_bytes(&window, &options, length);
	close_window(&window);
	return code;
}

const struct command cmd_cat = {
    .name = "cat",
    .synopsis = "cat [--offset N] [--length N | --type TYPE] [--json] NAME",
    .summary = "Writes the bytes of the map NAME to standard output.\n"
               "  --offset N   from this byte on, default 0\n"
               "  --length N   so many, default to the end (of what is committed)\n"
               "  --type TYPE  one value, as text: " TYPE_NAMES "\n"
               "  --json       the same for programs; bytes in hexadecimal",
    .run = run,
};
