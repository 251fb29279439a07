/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mooring/map.h - named, non-persisted memory, as CreateFileMapping and MemoryMappedFile have it.
 *
 * Handles of maps and views may be shared between threads. In a forked child they stay usable: the child holds a
 * reference of its own. Two users who may both write one named map trust each other (a writer can truncate the file
 * under it); see SECURITY.
 */
#ifndef MOORING_MAP_H
#define MOORING_MAP_H

#include <mooring/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct moor_map moor_map;
typedef struct moor_view moor_view;

enum moor_access {
	MOOR_READ_WRITE = 0,
	MOOR_READ,
	MOOR_WRITE,
	MOOR_COPY_ON_WRITE,
	MOOR_READ_EXECUTE,
	MOOR_READ_WRITE_EXECUTE
};

#define MOOR_MAP_RESERVE 1u
#define MOOR_MAP_HUGE 2u
#define MOOR_MAP_POPULATE 4u

struct moor_map_opts {
	uint32_t struct_size, flags, access, mode; /* mode: permission bits, 0 = 0600 */
	const char *acl;
};
#define MOOR_MAP_OPTS(...) ((struct moor_map_opts){.struct_size = sizeof(struct moor_map_opts), __VA_ARGS__})
/* The same for C++ and foreign callers: all defaults. size is sizeof *opts as the caller knows it; NULL is a no-op. */
MOOR_API void moor_map_opts_init(struct moor_map_opts *opts, size_t size);

/*
 * In this version MOOR_MAP_RESERVE, _HUGE and _POPULATE, an access other than MOOR_READ_WRITE, and an acl are answered
 * by MOOR_ENOTSUP.
 *
 * create: a new map of `size` bytes, all zero, its memory allocated at once (a full shared memory is MOOR_ENOSPC here,
 * never SIGBUS later). MOOR_EEXIST when a live object of any kind has the name.
 * create_or_open: that, or the live map of this name, which keeps its size. Returns MOOR_CREATED or 0.
 * open: the live map of this name.
 * open_wait: the same, waiting until a creator appears. MOOR_NOWAIT is open. A signal handler ends it with MOOR_EINTR.
 *
 * *ret_map is the caller's, to give to moor_map_close. Thread-safe. The calls wait for nobody but, bounded to a second,
 * for a process that is stopped in the middle of burying the last object of this name (MOOR_EBUSY).
 * Return: 0 or MOOR_CREATED; MOOR_EINVAL (NULL, size 0, opts, timeout), MOOR_ENAME, MOOR_EEXIST, MOOR_ENOENT,
 * MOOR_EKIND, MOOR_EACCES (permissions, another user's object without MOOR_ANY_OWNER, a link or anything but a regular
 * file in the name's place), MOOR_EBUSY, MOOR_ENOSPC, MOOR_ENOMEM (beyond the address space, too), MOOR_EMFILE,
 * MOOR_ENFILE, MOOR_EFORMAT, MOOR_EVERSION, MOOR_ENOTSUP, MOOR_ESYS; open_wait also MOOR_ETIMEDOUT and MOOR_EINTR.
 * Source: CreateFileMapping, OpenFileMapping (Windows); MemoryMappedFile.CreateNew, CreateOrOpen, OpenExisting (.NET).
 */
MOOR_API int moor_map_create(const char *name, uint64_t size, const struct moor_map_opts *opts, moor_map **ret_map);
MOOR_API int moor_map_create_or_open(const char *name, uint64_t size, const struct moor_map_opts *opts,
                                     moor_map **ret_map);
MOOR_API int moor_map_open(const char *name, const struct moor_map_opts *opts, moor_map **ret_map);
MOOR_API int moor_map_open_wait(const char *name, const struct moor_map_opts *opts, int64_t timeout_ns,
                                moor_map **ret_map);

MOOR_API uint64_t moor_map_size(const moor_map *map); /* bytes, exactly what was asked for; 0 for NULL; wait-free */

/*
 * Gives the handle back. The name goes with the last handle, in whatever process; mapped views keep the memory, not the
 * name. NULL is a no-op; cannot fail; errno is kept. No other thread may be using the handle.
 */
MOOR_API void moor_map_close(moor_map *map);

/*
 * Maps `size` bytes (0: to the end) from byte `offset`, any byte, for reading and writing; all views of a map, in all
 * processes, show one memory. *ret_view is the caller's, to give to moor_view_unmap; it outlives the map's handle.
 * Thread-safe.
 * Returns 0; MOOR_EINVAL (NULL, an unknown access), MOOR_ENOTSUP (an access other than MOOR_READ_WRITE, in this
 * version), MOOR_ERANGE (past the end; offset == size too), MOOR_ENOMEM, MOOR_ESYS.
 * Source: MapViewOfFile; MemoryMappedFile.CreateViewAccessor.
 */
MOOR_API int moor_view_map(moor_map *map, uint64_t offset, size_t size, enum moor_access access, moor_view **ret_view);
MOOR_API void *moor_view_data(const moor_view *view);  /* the first byte; NULL for NULL; wait-free */
MOOR_API size_t moor_view_size(const moor_view *view); /* bytes; 0 for NULL; wait-free */
MOOR_API void moor_view_unmap(moor_view *view);        /* NULL is a no-op; cannot fail */

#ifdef __cplusplus
}
#endif
#endif
