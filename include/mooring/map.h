/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mooring/map.h - named memory, as CreateFileMapping and MemoryMappedFile have it.
 *
 * A map is memory that processes share: under a name, in a file of its own, or with neither. A view is a window on it.
 * Handles of maps and views may be shared between threads, and distinct handles are independent. In a forked child maps
 * and views stay usable: the child holds a reference of its own. No call is a thread-cancellation point.
 *
 * Two users who may both write one named map trust each other (a writer can truncate the file under it); see SECURITY.
 * mooring-map(7) has the semantics beside those of Windows and .NET.
 */
#ifndef MOORING_MAP_H
#define MOORING_MAP_H

#include <mooring/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct moor_map moor_map;
typedef struct moor_view moor_view;

/*
 * What a handle, or a view, is for. A handle allows these views, any other is MOOR_EACCES:
 *
 *   map \ view            R    W    RW   CoW  RX   RWX
 *   MOOR_READ_WRITE       yes  yes  yes  yes  -    -
 *   MOOR_READ             yes  -    -    yes  -    -
 *   MOOR_WRITE            -    yes  -    -    -    -
 *   MOOR_COPY_ON_WRITE    yes  -    -    yes  -    -
 *   MOOR_READ_EXECUTE     yes  -    -    yes  yes  -
 *   MOOR_READ_WRITE_EXECUTE  all of them
 *
 * A handle of MOOR_READ, MOOR_COPY_ON_WRITE or MOOR_READ_EXECUTE is opened read-only in the system, so that the process
 * that has it cannot make a writable mapping of it, by mprotect(2) neither; all it needs is permission to read. (It
 * takes no slot, since that is written: moor_participants does not show it.) The others need permission to read and to
 * write. A view of MOOR_WRITE may be readable in fact, as on x86; the typed access below refuses to read it. Executable
 * views are MOOR_EACCES where the file system is mounted noexec. What is written through a copy-on-write view nobody
 * else sees; what others write meanwhile may be seen in it, up to the first write to the same page.
 * Source: MapViewOfFile, "File mapping security and access rights" (Windows); MemoryMappedFileAccess (.NET).
 */
enum moor_access {
	MOOR_READ_WRITE = 0,
	MOOR_READ,
	MOOR_WRITE,
	MOOR_COPY_ON_WRITE,
	MOOR_READ_EXECUTE,
	MOOR_READ_WRITE_EXECUTE
};

/*
 * RESERVE: size is a maximum; memory is allocated by moor_map_commit only. (SEC_RESERVE; DelayAllocatePages.)
 * HUGE: the memory comes in huge pages; MOOR_ENOTSUP where the shared memory has none to give when it is allocated
 *   (tmpfs mounted huge=always or within_size; for moor_map_anonymous transparent_hugepage/shmem_enabled).
 *   (SEC_LARGE_PAGES.)
 * POPULATE: views made through this handle have every page in place before the call returns; MOOR_ENOSPC where a touch
 *   would have been SIGBUS (sparse files). Of copy-on-write views the pages to read.
 * RESERVE and HUGE say how to make a map: those of an opener are without effect.
 */
#define MOOR_MAP_RESERVE 1u
#define MOOR_MAP_HUGE 2u
#define MOOR_MAP_POPULATE 4u

struct moor_map_opts {
	uint32_t struct_size, flags;
	uint32_t access; /* enum moor_access, of the handle */
	uint32_t mode;   /* of what is made: permission bits, 0 = 0600; whatever the umask */
	const char *acl; /* of what is made, instead of the mode; or NULL. See moor_map_set_acl */
};
#define MOOR_MAP_OPTS(...) ((struct moor_map_opts){.struct_size = sizeof(struct moor_map_opts), __VA_ARGS__})
/* The same for C++ and foreign callers: all defaults. size is sizeof *opts as the caller knows it; NULL is a no-op. */
MOOR_API void moor_map_opts_init(struct moor_map_opts *opts, size_t size);

/*
 * create: a new map of `size` bytes, all zero, its memory allocated at once (a full shared memory is MOOR_ENOSPC here,
 * never SIGBUS later; moor_shm_stat has the figures for the message). MOOR_EEXIST when a live object of any kind has
 * the name.
 * create_or_open: that, or the live map of this name, which keeps its size. Returns MOOR_CREATED or 0.
 * open: the live map of this name, whoever owns it, by permission.
 * open_wait: the same, waiting until a creator appears. MOOR_NOWAIT is open. A signal handler ends it with MOOR_EINTR.
 *
 * *ret_map is the caller's, to give to moor_map_close. Thread-safe. The calls wait for nobody but, bounded to a second,
 * for a process that is stopped in the middle of burying the last object of this name (MOOR_EBUSY).
 * Return: 0 or MOOR_CREATED; MOOR_EINVAL (NULL, size 0, opts, acl, timeout), MOOR_ENAME, MOOR_EEXIST, MOOR_ENOENT,
 * MOOR_EKIND, MOOR_EACCES (permissions, another user's object without MOOR_ANY_OWNER, a link or anything but a regular
 * file in the name's place, another name's object; of a map of a file: its file may not be opened so, is another user's
 * than the name, or another one has taken its path), MOOR_EBUSY, MOOR_ENOSPC, MOOR_ENOMEM (2^61 bytes or more, too),
 * MOOR_EMFILE, MOOR_ENFILE, MOOR_EFORMAT, MOOR_EVERSION, MOOR_ENOTSUP (HUGE, acl), MOOR_ESYS; open_wait also
 * MOOR_ETIMEDOUT and MOOR_EINTR. open and create_or_open of a map of a file whose path is gone: MOOR_ENOENT.
 * Source: CreateFileMapping, OpenFileMapping (Windows); MemoryMappedFile.CreateNew, CreateOrOpen, OpenExisting (.NET).
 */
MOOR_API int moor_map_create(const char *name, uint64_t size, const struct moor_map_opts *opts, moor_map **ret_map);
MOOR_API int moor_map_create_or_open(const char *name, uint64_t size, const struct moor_map_opts *opts,
                                     moor_map **ret_map);
MOOR_API int moor_map_open(const char *name, const struct moor_map_opts *opts, moor_map **ret_map);
MOOR_API int moor_map_open_wait(const char *name, const struct moor_map_opts *opts, int64_t timeout_ns,
                                moor_map **ret_map);

/*
 * A map of the first `size` bytes of the regular file `path` (0: as many as it has). What is written to it is in the
 * file after the last process has ended. A larger size extends the file at once, its room allocated; with
 * MOOR_MAP_RESERVE the file is extended by moor_map_commit, and what it has is committed. (A file that fails to be
 * extended keeps its length. One that was extended, and then the name could not be had, stays extended: somebody else
 * may use it by then.)
 *
 * name NULL: for this process and its children. Else others may open the map by the name as any other, for as long as
 * somebody holds it; they open the same file, by its absolute path, with their own rights to it. (A name of another
 * user than root opens for others only files of that user: nobody can lead somebody's writes into a file of his own.)
 * When the name is that of a live map of the same file, the call joins it, and size is ignored; of anything else that
 * lives: MOOR_EEXIST.
 * mode and acl are of the name; those of the file stay what they are.
 *
 * *ret_map is the caller's. Thread-safe. Opens without waiting, whatever lies there. While the file is mapped, who
 * truncates it gives its users SIGBUS.
 * Returns MOOR_CREATED, or 0: joined; MOOR_EINVAL (NULL, opts, not a regular file, one that cannot be mapped,
 * as those of /proc and /sys, an empty file with size 0), MOOR_ENOENT (no such file), MOOR_EACCES (also: to extend it
 * through a handle that may not write), MOOR_ENOSPC, and those of moor_map_create_or_open.
 * Source: CreateFileMapping of a file handle; MemoryMappedFile.CreateFromFile.
 */
MOOR_API int moor_map_from_file(const char *path, const char *name, uint64_t size, const struct moor_map_opts *opts,
                                moor_map **ret_map);

/*
 * A map without a name, for children made by fork(2), or to pass on by its handle: zeroed, allocated, as create's.
 * *ret_map is the caller's. Thread-safe.
 * Returns 0; MOOR_EINVAL, MOOR_ENOSPC, MOOR_ENOMEM, MOOR_ENOTSUP (HUGE, acl; a system without memfd_create),
 * MOOR_EMFILE, MOOR_ENFILE, MOOR_ESYS.
 * Source: CreateFileMapping without a name; MemoryMappedFile.CreateNew(null, ...); memfd_create(2).
 */
MOOR_API int moor_map_anonymous(uint64_t size, const struct moor_map_opts *opts, moor_map **ret_map);

/*
 * os_handle: the descriptor behind the map, to be sent (SCM_RIGHTS) or inherited: a forked child has it under the same
 * number, and clears its close-on-exec flag. It stays the library's, and ends with the map's handle. Of a map of a file
 * it is that file's.
 *
 * from_handle: the map behind a descriptor, through a duplicate; the caller's own stays the caller's, on success and
 * failure. What it leads to is checked before anything is mapped: a map of this library must be whole and of a version
 * that can be used; anything else must be a regular file, and not empty, and is taken as its plain bytes. When the map
 * has a name that this process may open, the new handle is one like any other, and keeps the name. Else (the name is
 * gone, not permitted, in another MOORING_DIR, that of a map of a file) it has the memory only. flags but POPULATE,
 * mode and acl are without effect.
 *
 * Thread-safe. os_handle returns 0 or MOOR_EINVAL (NULL). from_handle returns 0; MOOR_EINVAL (NULL, opts, no
 * descriptor, not a regular file, empty, write-only), MOOR_EACCES (to write through a read-only one, or to what is
 * sealed), MOOR_EKIND, MOOR_EFORMAT, MOOR_EVERSION, MOOR_ENOMEM, MOOR_EMFILE, MOOR_ENFILE, MOOR_ESYS.
 * Source: DuplicateHandle, inheritance of handles (Windows); MemoryMappedFile.SafeMemoryMappedFileHandle (.NET).
 */
MOOR_API int moor_map_os_handle(const moor_map *map, moor_os_handle *ret_handle);
MOOR_API int moor_map_from_handle(moor_os_handle handle, const struct moor_map_opts *opts, moor_map **ret_map);

/*
 * Bytes: of the map, exactly what was asked for, wait-free; and how many of them may be used now, which for all but
 * maps of MOOR_MAP_RESERVE are the same. 0 for NULL. Thread-safe.
 */
MOOR_API uint64_t moor_map_size(const moor_map *map);
MOOR_API uint64_t moor_map_committed(const moor_map *map);

/*
 * Commits a MOOR_MAP_RESERVE map up to `size` bytes from its start, for all who have it; what is committed stays so,
 * reads as zero, and is never SIGBUS. A size that is committed already changes nothing. Thread-safe, and safe against
 * any other process that commits, or is killed at it: nothing is committed that is not allocated. Waits for no other
 * process.
 * Returns 0; MOOR_EINVAL (NULL), MOOR_EACCES (a handle that may not write), MOOR_ERANGE (beyond the map's size),
 * MOOR_ENOSPC (what was committed before stays), MOOR_ENOMEM, MOOR_ESYS.
 * Source: VirtualAlloc(MEM_COMMIT) in a view of a SEC_RESERVE section.
 */
MOOR_API int moor_map_commit(moor_map *map, uint64_t size);

/*
 * The permission bits of a map (of its name's file if it has a name). set_mode takes exactly 0 to 0777, whatever the
 * umask, and concerns who opens from now on. Thread-safe.
 * Return 0; MOOR_EINVAL (NULL, a mode above 0777), MOOR_EACCES (set by another than the owner), MOOR_ESYS.
 */
MOOR_API int moor_map_get_mode(const moor_map *map, uint32_t *ret_mode);
MOOR_API int moor_map_set_mode(moor_map *map, uint32_t mode);

/*
 * Its access control list as text. On Linux a POSIX ACL, whole, in the long or the short form of acl(5), entries
 * separated by commas or line ends: "u::rw-,u:1000:r--,g::---,m::r--,o::---"; a mask that is needed and not given is
 * calculated. get_acl gives numbers for names. *ret_len is the length of the text without its NUL; when that does not
 * fit into cap bytes with the NUL, the result is MOOR_EMSGSIZE, buf is untouched, and *ret_len says how long it is (buf
 * may be NULL if cap is 0). set_acl concerns who opens from now on; it also sets the mode. Thread-safe.
 * Return 0; MOOR_EINVAL (NULL, a text that is no ACL), MOOR_EMSGSIZE, MOOR_EACCES (set by another than the owner),
 * MOOR_ENOTSUP (a library built without libacl, a file system without ACLs), MOOR_ENOMEM, MOOR_ESYS.
 * Source: acl_from_text(3), acl_to_text(3); SECURITY_ATTRIBUTES of CreateFileMapping; MemoryMappedFileSecurity.
 */
MOOR_API int moor_map_get_acl(const moor_map *map, char *buf, size_t cap, size_t *ret_len);
MOOR_API int moor_map_set_acl(moor_map *map, const char *acl);

/*
 * Gives the handle back. The name goes with the last handle, in whatever process; mapped views keep the memory, not the
 * name. NULL is a no-op; cannot fail; errno is kept. No other thread may be using the handle.
 */
MOOR_API void moor_map_close(moor_map *map);

/*
 * Maps `size` bytes (0: to the end) from byte `offset`, any byte. All views of a map, in all processes, show one
 * memory. Of a MOOR_MAP_RESERVE map a view is only as long as what of it is committed when it is mapped, possibly 0
 * bytes. *ret_view is the caller's, to give to moor_view_unmap; it outlives the map's handle. Thread-safe.
 * Returns 0; MOOR_EINVAL (NULL, an unknown access), MOOR_EACCES (by the table above; by the system), MOOR_ERANGE (past
 * the end; offset == size too), MOOR_ENOSPC (POPULATE), MOOR_ENOMEM (no address space), MOOR_EMFILE, MOOR_ENFILE,
 * MOOR_ESYS.
 * Source: MapViewOfFile; MemoryMappedFile.CreateViewAccessor. (Their offsets are rounded down to 64 KiB and to pages;
 * .NET hides that, as this does.)
 */
MOOR_API int moor_view_map(moor_map *map, uint64_t offset, size_t size, enum moor_access access, moor_view **ret_view);

/*
 * Lets a view of a MOOR_MAP_RESERVE map show what has been committed since, up to the size that was asked for. It grows
 * in place where address space for all of it could be kept, which in a 64-bit process is so; else it may move:
 * moor_view_data tells. No other thread may be using the view. Of any other view a no-op.
 * Returns 0, also if there was nothing to add; MOOR_EINVAL (NULL), MOOR_ENOSPC (POPULATE), MOOR_ENOMEM, MOOR_ESYS: the
 * view is as long as it was.
 */
MOOR_API int moor_view_extend(moor_view *view);

/* data: the first byte; NULL for NULL, and maybe for size 0. size: bytes; 0 for NULL. Thread-safe, wait-free. */
MOOR_API void *moor_view_data(const moor_view *view);
MOOR_API size_t moor_view_size(const moor_view *view);

/*
 * Writes what has changed to the file that the map is of, and waits for the device; a no-op for other maps, and for
 * views that write nothing. Other processes see every change without it. Thread-safe.
 * Returns 0; MOOR_EINVAL (NULL), MOOR_ESYS (an error of the device).
 * Source: FlushViewOfFile with FlushFileBuffers; UnmanagedMemoryAccessor.Flush; msync(MS_SYNC).
 */
MOOR_API int moor_view_flush(moor_view *view);

/* NULL is a no-op; cannot fail. No other thread may be using the view. */
MOOR_API void moor_view_unmap(moor_view *view);

/*
 * Access that is checked: bounds, and the view's access. `off` counts bytes from the start of the view, and needs no
 * alignment. Values are little endian on every machine. What lies on a multiple of its size in the map is read and
 * written in one piece: an aligned 8-byte value never tears, in and against 32-bit processes too; so do the aligned
 * 8-byte words of read and write. There is no order between accesses but what the machine gives. Thread-safe;
 * wait-free.
 *
 * read, write: len bytes; 0 is allowed up to off == size. dst and src must not overlap the view.
 * bool: one byte; any but 0 reads as true, true is written as 1. f32, f64: IEEE 754, bit for bit.
 * Return 0; MOOR_EINVAL (NULL), MOOR_EACCES (get, read: a view of MOOR_WRITE; put, write: one of MOOR_READ or
 * MOOR_READ_EXECUTE), MOOR_ERANGE (not wholly inside: nothing is read or written).
 * Source: UnmanagedMemoryAccessor.ReadX, Write (.NET).
 */
MOOR_API int moor_view_read(const moor_view *view, size_t off, void *dst, size_t len);
MOOR_API int moor_view_write(moor_view *view, size_t off, const void *src, size_t len);

MOOR_API int moor_view_get_bool(const moor_view *view, size_t off, bool *ret_value);
MOOR_API int moor_view_get_i8(const moor_view *view, size_t off, int8_t *ret_value);
MOOR_API int moor_view_get_u8(const moor_view *view, size_t off, uint8_t *ret_value);
MOOR_API int moor_view_get_i16(const moor_view *view, size_t off, int16_t *ret_value);
MOOR_API int moor_view_get_u16(const moor_view *view, size_t off, uint16_t *ret_value);
MOOR_API int moor_view_get_i32(const moor_view *view, size_t off, int32_t *ret_value);
MOOR_API int moor_view_get_u32(const moor_view *view, size_t off, uint32_t *ret_value);
MOOR_API int moor_view_get_i64(const moor_view *view, size_t off, int64_t *ret_value);
MOOR_API int moor_view_get_u64(const moor_view *view, size_t off, uint64_t *ret_value);
MOOR_API int moor_view_get_f32(const moor_view *view, size_t off, float *ret_value);
MOOR_API int moor_view_get_f64(const moor_view *view, size_t off, double *ret_value);

MOOR_API int moor_view_put_bool(moor_view *view, size_t off, bool value);
MOOR_API int moor_view_put_i8(moor_view *view, size_t off, int8_t value);
MOOR_API int moor_view_put_u8(moor_view *view, size_t off, uint8_t value);
MOOR_API int moor_view_put_i16(moor_view *view, size_t off, int16_t value);
MOOR_API int moor_view_put_u16(moor_view *view, size_t off, uint16_t value);
MOOR_API int moor_view_put_i32(moor_view *view, size_t off, int32_t value);
MOOR_API int moor_view_put_u32(moor_view *view, size_t off, uint32_t value);
MOOR_API int moor_view_put_i64(moor_view *view, size_t off, int64_t value);
MOOR_API int moor_view_put_u64(moor_view *view, size_t off, uint64_t value);
MOOR_API int moor_view_put_f32(moor_view *view, size_t off, float value);
MOOR_API int moor_view_put_f64(moor_view *view, size_t off, double value);

#ifdef __cplusplus
}
#endif
#endif
