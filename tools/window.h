/* SPDX-License-Identifier: Apache-2.0 */
/* window.h - a part of a map, for the commands that read and write its bytes. */
#ifndef MOOR_TOOLS_WINDOW_H
#define MOOR_TOOLS_WINDOW_H

#include <mooring.h>

/* A map, and how many of its bytes are there: its size, or what is committed of a reserved one. */
struct window {
	const char *name;
	moor_map *map;
	uint64_t size, there;
};

/* Opens the map. Returns GO_ON, or complains and returns the exit code. */
int open_window(const char *name, enum moor_access access, struct window *ret_window);
void close_window(struct window *window);

/*
 * Whether the `length` bytes at the offset are there; 0 stands for all from there on, at least one. Returns GO_ON and
 * how many they are, or complains and returns the exit code.
 */
int check_range(const struct window *window, uint64_t offset, uint64_t length, uint64_t *ret_length);

/* A view of what check_range has let pass. Returns GO_ON, or complains and returns the exit code. */
int view_range(const struct window *window, uint64_t offset, uint64_t length, enum moor_access access,
               moor_view **ret_view);

#endif
