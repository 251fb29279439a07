/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mooring/base.h - errors, time-outs and versions: what every other header stands on.
 *
 * Every function of the library returns 0 for success, a positive value for success with news (MOOR_CREATED, ...) or a
 * negative enum moor_err. Outputs come last, are named ret_*, and are untouched when the call fails. Only MOOR_ESYS
 * leaves its cause in errno.
 */
#ifndef MOORING_BASE_H
#define MOORING_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MOOR_API __attribute__((visibility("default")))
#else
#define MOOR_API
#endif

#define MOOR_VERSION_MAJOR 0
#define MOOR_VERSION_MINOR 1
#define MOOR_VERSION_PATCH 0

/* One list makes the numbers, the names and the sentences. The numbers are the same on every system and never change. */
#define MOOR_ERR_LIST(X)                                                                                               \
	X(EAGAIN, -1, "it cannot be done without waiting")                                                             \
	X(ETIMEDOUT, -2, "the time given ran out")                                                                     \
	X(EINVAL, -3, "an argument is not valid, or the call is out of order")                                         \
	X(ENOMEM, -4, "not enough memory or address space")                                                            \
	X(ENOENT, -5, "no live object has this name")                                                                  \
	X(EEXIST, -6, "a live object has this name already")                                                           \
	X(EACCES, -7, "permission denied, or the name's place is not to be trusted")                                   \
	X(EBUSY, -8, "another live process has this role")                                                             \
	X(EMSGSIZE, -9, "the message does not fit, whatever is waited for")                                            \
	X(ENOSPC, -10, "the shared memory is full")                                                                    \
	X(ENOTSUP, -11, "not supported by this system or this version")                                                \
	X(EKIND, -12, "the name belongs to an object of another kind")                                                 \
	X(EVERSION, -13, "the object was made by an incompatible version")                                             \
	X(EFORMAT, -14, "the object is not in this library's format, or not in this machine's byte order")             \
	X(ECORRUPT, -15, "the shared memory holds what no correct peer writes")                                        \
	X(ECLOSED, -16, "the other side has closed")                                                                   \
	X(EPEERDEAD, -17, "the other side died without closing")                                                       \
	X(ENOTOWNER, -18, "the calling thread does not own it")                                                        \
	X(EOVERFLOW, -19, "a count would exceed its maximum")                                                          \
	X(ERANGE, -20, "an offset or length lies outside the object")                                                  \
	X(EFORK, -21, "the handle belongs to the parent of this process")                                              \
	X(ENAME, -22, "the name is empty, too long or ill-formed")                                                     \
	X(EINTR, -23, "the wait was interrupted")                                                                      \
	X(EMFILE, -24, "this process has too many open files")                                                         \
	X(ENFILE, -25, "the system has too many open files")                                                           \
	X(EMISMATCH, -26, "it exists with another kind of ring, capacity or tag")                                      \
	X(ESLOTS, -27, "no participant slot is left")                                                                  \
	X(ESYS, -99, "an unexpected system error; errno tells which")

enum moor_err {
	MOOR_OK = 0,
#define MOOR_ERR_ENUM(name, number, text) MOOR_##name = number,
	MOOR_ERR_LIST(MOOR_ERR_ENUM)
#undef MOOR_ERR_ENUM
	MOOR_ERR_MAX_ = 0x7fffffff /* the enum is 32 bits wide for every compiler */
};

#define MOOR_CREATED 1   /* create_or_open, tx_open, rx_open: this call created it */
#define MOOR_ABANDONED 2 /* you hold it; its last owner died holding it */
#define MOOR_READY 3     /* there is something already; no function of this version returns it */

typedef int moor_os_handle; /* what the system calls a handle: on POSIX a descriptor */

/* Every time-out is an int64_t of nanoseconds on the monotonic clock; any other negative value is MOOR_EINVAL. */
#define MOOR_NOWAIT ((int64_t)0)
#define MOOR_FOREVER ((int64_t)-1)

/* Flag for every options struct: create and create_or_open also accept an object that another user owns. */
#define MOOR_ANY_OWNER 0x100u

/*
 * A sentence that says what the error means, and the error's name ("MOOR_ENOENT"). Static strings, never NULL, for any
 * int: unknown ones are named so. Thread-safe and async-signal-safe, wait-free. After strerror(3), which is neither.
 */
MOOR_API const char *moor_strerror(int err);
MOOR_API const char *moor_err_name(int err);

/*
 * The version of the library at run time: as "major.minor.patch" (static); whether it is at least the one asked for;
 * and the version of the shared layout that it writes (see mooring/abi.h). Thread-safe, wait-free, cannot fail.
 */
MOOR_API const char *moor_version_string(void);
MOOR_API bool moor_version_at_least(unsigned major, unsigned minor);
MOOR_API unsigned moor_abi_version(void);

#ifdef __cplusplus
}
#endif
#endif
