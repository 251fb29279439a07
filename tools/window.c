/* SPDX-License-Identifier: Apache-2.0 */
#include "window.h"

#include "tool.h"

#include <inttypes.h>

int open_window(const char *name, enum moor_access access, struct window *ret_window)
{
	struct window window = {.name = name};
	const int err = moor_map_open(name, &MOOR_MAP_OPTS(.access = (uint32_t)access), &window.map);

	if (err < 0)
		return fail(err, access == MOOR_READ ? "cannot open the map" : "cannot open the map for writing", name);
	window.size = moor_map_size(window.map);
	window.there = moor_map_committed(window.map);
	if (window.there > window.size)
		window.there = window.size;
	*ret_window = window;
	return GO_ON;
}

void close_window(struct window *window)
{
	moor_map_close(window->map);
	window->map = NULL;
}

int check_range(const struct window *window, uint64_t offset, uint64_t length, uint64_t *ret_length)
{
	if (offset < window->there && length <= window->there - offset) {
		*ret_length = length ? length : window->there - offset;
		return GO_ON;
	}
	if (window->there < window->size)
		complain("'%s' has %" PRIu64 " bytes, of which %" PRIu64 " are committed; %" PRIu64 " at offset %" PRIu64
		         " are not among them: wait until its creator has committed more",
		         window->name, window->size, window->there, length ? length : 1, offset);
	else
		complain("'%s' has %" PRIu64 " bytes; %" PRIu64 " at offset %" PRIu64 " are not among them: ask for fewer, or "
		         "at a smaller offset",
		         window->name, window->size, length ? length : 1, offset);
	return EXIT_ERROR;
}

int view_range(const struct window *window, uint64_t offset, uint64_t length, enum moor_access access,
               moor_view **ret_view)
{
	const int err = length > SIZE_MAX ? MOOR_ENOMEM
	                                  : moor_view_map(window->map, offset, (size_t)length, access, ret_view);

	return err ? fail(err, "cannot map the bytes of", window->name) : GO_ON;
}
