/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOOR_MAP_MAP_H
#define MOOR_MAP_MAP_H

#include "map/life.h"

#include <mooring/abi.h>
#include <mooring/map.h>

/* Where the bytes of a map are, and how many of them may be used. */
struct moor__body {
	int fd; /* of the file that has them; -1: the object's */
	uint64_t offset, size;
	bool reserve;
	struct moor_abi_header *head; /* reserve: has the committed size; NULL: the length of the file says it */
	struct moor__os_mapping head_mapping;
};

struct moor_map {
	struct moor__object *object; /* NULL: it has no name */
	struct moor__body body;
	uint32_t access; /* enum moor_access */
	bool populate;
};

/* ---- access.c: the table ---- */

bool moor__access_writes(uint32_t access); /* does a handle of this access need to write to the file? */
bool moor__access_allows(uint32_t map, uint32_t view);
unsigned moor__access_how(uint32_t view); /* MOOR__OS_READ, ... */

/* ---- body.c ---- */

/* Of a map that has a header: what it says. MOOR_EFORMAT. fd: a file of the body's own, or -1. */
int moor__body_of_header(const struct moor_abi_header *header, int fd, struct moor__body *ret_body);
/* Shows the committed size through `fd`, the file that has the header; writable: to raise it. */
int moor__body_watch(struct moor__body *body, int fd, bool writable);
void moor__body_release(struct moor__body *body); /* and closes its file */
/* Bytes, at most body->size. fd: the file that has the body. */
uint64_t moor__body_committed(const struct moor__body *body, int fd);
int moor__map_fd(const moor_map *map); /* the body's file; the map's to close */

/* ---- map.c ---- */

int moor__map_check_opts(const struct moor_map_opts *given, struct moor_map_opts *opts);

/* The first bytes of a new map: header and slots, and which file has its data. */
struct moor__first_pages {
	struct moor_abi_header header;
	struct moor_abi_slot slots[MOOR_ABI_MAP_SLOTS];
	struct moor_abi_file file;
};
/*
 * What to make: a map of `size` bytes, in `file` if that is given. The pages are the caller's, for as long as the birth.
 * shown: with a slot for its creator, if that writes.
 */
int moor__map_birth(uint64_t size, const struct moor_abi_file *file, const struct moor_map_opts *opts, bool shown,
                    struct moor__first_pages *pages, struct moor__birth *ret_birth);
struct moor__terms moor__map_terms(const struct moor_map_opts *opts);

/* A handle for an object, a body or both. Takes them over, on failure too. */
int moor__map_new(struct moor__object *object, struct moor__body *body, const struct moor_map_opts *opts,
                  moor_map **ret_map);
/* Which file has the data of the object: MOOR_EFORMAT. */
int moor__map_file_of(const struct moor__object *object, struct moor_abi_file *ret_file);

#endif
