/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mooring/name.h - names: "[Local\|Global\]rest".
 *
 * No prefix means Local\ (this user); Global\ is the whole machine. rest is 1 to 200 bytes, any but '\', '/' and NUL,
 * case-sensitive. All kinds of object share one name space. A name lives exactly as long as some process holds a handle
 * to it, however the processes end; nobody ever needs to clean up. Source of the semantics: "Kernel object namespaces"
 * and CreateFileMapping in the Windows documentation, MemoryMappedFile.CreateNew in .NET's.
 *
 * MOORING_DIR in the environment overrides where names live (default: the system's shared memory). It must exist,
 * belong to the caller or root, and not be writable by group or others unless sticky, else MOOR_EACCES; programs that
 * run set-user-id ignore it.
 */
#ifndef MOORING_NAME_H
#define MOORING_NAME_H

#include <mooring/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MOOR_NAME_MAX 200 /* bytes after the prefix */

enum moor_object { MOOR_OBJ_MAP = 1, MOOR_OBJ_MUTEX, MOOR_OBJ_SEM, MOOR_OBJ_EVENT, MOOR_OBJ_CHANNEL };

typedef struct moor_hold moor_hold;

/*
 * Keeps the live object `name`, of whatever kind, alive until moor_hold_close or the end of the process; takes no slot
 * and no role in it. Permission to read it is enough. The handle is the caller's; it may be shared between threads, and
 * in a forked child it is a reference of the child's own. Blocking: bounded (MOOR_EBUSY), no wait on a live peer.
 * Returns 0; MOOR_EINVAL (NULL), MOOR_ENAME, MOOR_ENOENT, MOOR_EACCES, MOOR_EBUSY (a stopped process is burying the
 * last object of this name), MOOR_EFORMAT, MOOR_EVERSION, MOOR_ENOMEM, MOOR_EMFILE, MOOR_ENFILE, MOOR_ESYS.
 */
MOOR_API int moor_hold_open(const char *name, moor_hold **ret_hold);
MOOR_API void moor_hold_close(moor_hold *hold); /* NULL is a no-op; cannot fail; errno is kept */

struct moor_name_info {
	uint32_t struct_size;
	uint32_t kind;    /* enum moor_object */
	const char *name; /* with its prefix; valid during the call only */
	uint64_t size;    /* bytes: of a map what was asked for, of a channel its capacity */
	uint32_t uid, mode;
	uint32_t participants; /* live slots; a handle of a map that may only read, or found no free slot, is not counted */
	uint32_t pad;
};
typedef int moor_enumerate_fn(const struct moor_name_info *info, void *arg);

/*
 * Calls fn for each live name that the caller may read, Local\ first, until fn returns non-zero, which is then the
 * result. A look at a moving world: a name may be gone, or a new one missing, when fn sees it; fn may call any function
 * of the library. Thread-safe; takes no lock that anybody could wait for.
 * Returns 0 at the end, fn's value, or MOOR_EINVAL (NULL), MOOR_EACCES (see MOORING_DIR), MOOR_ENOMEM, MOOR_EMFILE,
 * MOOR_ENFILE, MOOR_ESYS.
 */
MOOR_API int moor_enumerate(moor_enumerate_fn *fn, void *arg);

enum moor_role { MOOR_ROLE_HOLDER = 1, MOOR_ROLE_CONSUMER, MOOR_ROLE_PRODUCER };

struct moor_participant_info {
	uint32_t struct_size;
	uint32_t role; /* enum moor_role */
	uint32_t slot;
	uint32_t pid; /* as the participant saw itself, in its own pid namespace: for display, it decides nothing */
};
typedef int moor_participants_fn(const struct moor_participant_info *info, void *arg);

/*
 * Calls fn for each live participant of the object, until fn returns non-zero, which is then the result. Only those
 * that the kernel proves alive are visited. Thread-safe; a look, as moor_enumerate.
 * Returns 0, fn's value, or MOOR_EINVAL, MOOR_ENAME, MOOR_ENOENT, MOOR_EACCES, MOOR_EFORMAT, MOOR_EVERSION,
 * MOOR_ENOMEM, MOOR_EMFILE, MOOR_ENFILE, MOOR_ESYS.
 */
MOOR_API int moor_participants(const char *name, moor_participants_fn *fn, void *arg);

struct moor_shm_info {
	uint32_t struct_size; /* set by the caller */
	uint32_t pad;
	uint64_t total_bytes, free_bytes; /* of the file system that holds the names */
	char directory[4096];
};

/*
 * Where names live, and how much room is there: for the message after a MOOR_ENOSPC. Thread-safe.
 * Returns 0; MOOR_EINVAL (NULL, struct_size below 4), MOOR_EACCES (see MOORING_DIR), MOOR_EMFILE, MOOR_ENFILE,
 * MOOR_ESYS.
 */
MOOR_API int moor_shm_stat(struct moor_shm_info *ret_info);

#ifdef __cplusplus
}
#endif
#endif
