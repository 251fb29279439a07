/* SPDX-License-Identifier: Apache-2.0 */
/* text.h - how mooring(1) prints names, kinds, sizes and holders, for people and for programs. */
#ifndef MOOR_TOOLS_TEXT_H
#define MOOR_TOOLS_TEXT_H

#include <mooring.h>

const char *kind_text(uint32_t kind); /* of enum moor_object */
bool has_size(uint32_t kind); /* that somebody chose: mutexes, semaphores and events have none */

/*
 * Names are any bytes: what a terminal or a JSON reader would take for something else is written as a code. For JSON
 * with its quotes. Returns how many characters were printed.
 */
int print_text(const char *text, bool json);

/* A size in at most ten characters: bytes, or a number and K, M, G, ... */
void print_size(uint64_t bytes);

/* The live participants of the object: "12 sender, 34 receiver", or an array of objects. */
void print_holders(const char *name, bool json);

/* The name with its prefix. */
struct full_name {
	char text[sizeof "Global\\" + MOOR_NAME_MAX + 1];
};
struct full_name full_name(const char *name);

/* What the list of live names says of this one: false if it is not in it. info->name is not set. */
bool look_up(const char *name, struct moor_name_info *ret_info);

#endif
