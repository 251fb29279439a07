/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mooring/sync.h - named mutex, semaphore and event, with the semantics of Windows, and waiting for several of them.
 *
 * They live as maps do (mooring/name.h), in the same name space. Every handle may be shared between the threads of a
 * process; in a forked child it stays usable, and the child owns no mutex. Threads are those of the C library; one that
 * is cancelled asynchronously within a call leaves the object in an undefined state.
 *
 * Whether an owner lives is what the kernel's locks say, never a process id or a time: an owner that is stopped is
 * alive. Sleeps are bounded (100 ms), so that whatever a process killed at any instant took with it, a wake-up for one,
 * is made up for within that time. mooring-sync(7) draws the states of the mutex.
 *
 * Caveats:
 * - A semaphore has no owner: what a dead process had taken is not given back. As on Windows.
 * - A process's last handle of a mutex, closed while one of its threads owns the mutex, abandons it at once. On Windows
 *   the thread must end.
 * - A set of an event stays until a waiter has taken it: moor_event_reset before a woken waiter of an auto-reset event
 *   has run takes it back.
 * - Two users who may both write one object trust each other; see SECURITY.
 * - A forked child for which no descriptor can be had (MOOR_EMFILE, MOOR_ENFILE) has its mutexes and semaphores without
 *   holding their names: it cannot lock the mutexes (MOOR_EMFILE), uses the semaphores as ever, but not in a wait for
 *   all (MOOR_ESLOTS); both may be closed.
 * - A process that was made by a bare clone(2) or _Fork(2), and calls nothing of the library, keeps what its parent
 *   owned from being abandoned when the parent dies.
 */
#ifndef MOORING_SYNC_H
#define MOORING_SYNC_H

#include <mooring/channel.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct moor_mutex moor_mutex;
typedef struct moor_sem moor_sem;
typedef struct moor_event moor_event;

#define MOOR_INITIALLY_OWNED 1u /* in the opts of a mutex: owned by the calling thread, if this call creates it */

struct moor_sync_opts {
	uint32_t struct_size, flags, mode, reserved; /* mode: permission bits, 0 = 0600; reserved: 0 */
	const char *acl;                             /* instead of mode, as for maps; or NULL */
};
/*
 * Of the mode, r is left out where w is missing (0644 makes 0600): these objects cannot be used by reading, and who may
 * read the file could lock its slots, and so hide from the others that an owner has died. An acl is taken as it is: give
 * nobody r without w there.
 */
#define MOOR_SYNC_OPTS(...) ((struct moor_sync_opts){.struct_size = sizeof(struct moor_sync_opts), __VA_ARGS__})
/* The same for C++ and foreign callers: all defaults. size is sizeof *opts as the caller knows it; NULL is a no-op. */
MOOR_API void moor_sync_opts_init(struct moor_sync_opts *opts, size_t size);

/*
 * What the calls that open have in common:
 *
 * create: a new object; MOOR_EEXIST when a live object of any kind has the name.
 * create_or_open: that, or the live object of this name, which stays as it is. Returns MOOR_CREATED or 0.
 * open: the live object of this name.
 *
 * *ret_* is the caller's, to give to the kind's close. Thread-safe. The calls wait for nobody but, bounded to a second,
 * for a process that is stopped in the middle of burying the last object of this name (MOOR_EBUSY).
 * Return: 0 or MOOR_CREATED; MOOR_EINVAL (NULL, opts, counts, flags), MOOR_ENAME, MOOR_EEXIST, MOOR_ENOENT, MOOR_EKIND,
 * MOOR_EACCES (see mooring/map.h), MOOR_EBUSY, MOOR_ESLOTS (a mutex that 992 processes have open), MOOR_ENOSPC,
 * MOOR_ENOMEM, MOOR_EMFILE, MOOR_ENFILE, MOOR_EFORMAT, MOOR_EVERSION, MOOR_ENOTSUP, MOOR_ESYS.
 *
 * What the waits have in common: MOOR_NOWAIT cannot is MOOR_EAGAIN; a time that ran out is MOOR_ETIMEDOUT, never early
 * and never late because of a stopped peer; a signal handler that ran is MOOR_EINTR, with SA_RESTART or without, unless
 * it ran before the call slept.
 */

/*
 * A mutex belongs to a thread, which may lock it again (up to 2^31 - 1 times) and unlocks it as often. When the thread
 * ends, or its process, in whatever way (exit, SIGKILL, execve), the mutex is abandoned: exactly one later locker gets
 * MOOR_ABANDONED, and owns it; after its unlock all is as ever. A locker that comes later sees the death at once, one
 * that sleeps within 100 ms.
 *
 * All handles of one process for one mutex are the same participant (they may be the same pointer): a thread may lock
 * through one and unlock through another.
 *
 * lock: 0 or MOOR_ABANDONED: you own it; MOOR_EAGAIN, MOOR_ETIMEDOUT, MOOR_EINTR, MOOR_EOVERFLOW (locked too often),
 *   MOOR_EINVAL (NULL, the timeout), MOOR_ENOMEM (the first lock of a thread only), MOOR_ESLOTS and MOOR_EMFILE (in a
 *   forked child that could not become a participant of its own), MOOR_ESYS: you do not.
 * unlock: 0; MOOR_ENOTOWNER (the calling thread does not own it), MOOR_EINVAL (NULL).
 *
 * Both are lock-free and make no system call when nobody else wants it (the first lock of a thread does). Whoever comes
 * when the mutex is free takes it, ahead of those who wait; but when a waiter has been woken eight times in vain, the
 * next release is for somebody who has waited, and only MOOR_NOWAIT still comes before it.
 * Source: CreateMutex, WaitForSingleObject, ReleaseMutex (Windows); pthread_mutexattr_setrobust (POSIX).
 */
MOOR_API int moor_mutex_create(const char *name, const struct moor_sync_opts *opts, moor_mutex **ret_mutex);
MOOR_API int moor_mutex_create_or_open(const char *name, const struct moor_sync_opts *opts, moor_mutex **ret_mutex);
MOOR_API int moor_mutex_open(const char *name, const struct moor_sync_opts *opts, moor_mutex **ret_mutex);
MOOR_API int moor_mutex_lock(moor_mutex *mutex, int64_t timeout_ns);
MOOR_API int moor_mutex_unlock(moor_mutex *mutex);
MOOR_API void moor_mutex_close(moor_mutex *mutex); /* NULL is a no-op; cannot fail; errno is kept */

/*
 * A semaphore counts from `initial` (at most max) up to max (1 to 2^31 - 1).
 *
 * wait: takes one. 0, MOOR_EAGAIN, MOOR_ETIMEDOUT, MOOR_EINTR, MOOR_EINVAL (NULL, the timeout), MOOR_ESYS.
 * post: gives n (not 0), all or nothing; *ret_previous (may be NULL) is the count before. 0; MOOR_EOVERFLOW (it would
 *   exceed max; nothing is changed), MOOR_EINVAL.
 *
 * Lock-free; no system call when there is something to take, and nobody waits.
 * Source: CreateSemaphore, ReleaseSemaphore (Windows).
 */
MOOR_API int moor_sem_create(const char *name, uint32_t initial, uint32_t max, const struct moor_sync_opts *opts,
                             moor_sem **ret_sem);
MOOR_API int moor_sem_create_or_open(const char *name, uint32_t initial, uint32_t max,
                                     const struct moor_sync_opts *opts, moor_sem **ret_sem);
MOOR_API int moor_sem_open(const char *name, const struct moor_sync_opts *opts, moor_sem **ret_sem);
MOOR_API int moor_sem_wait(moor_sem *sem, int64_t timeout_ns);
MOOR_API int moor_sem_post(moor_sem *sem, uint32_t n, uint32_t *ret_previous);
MOOR_API void moor_sem_close(moor_sem *sem); /* NULL is a no-op; cannot fail; errno is kept */

#define MOOR_MANUAL_RESET 1u  /* set until reset: all pass; else auto reset: one passes, which resets it */
#define MOOR_INITIALLY_SET 2u /* if this call creates it */

/*
 * An event is set or not. A manual-reset event lets all pass until it is reset, and all who were waiting when it was
 * set, even if it was reset right after. A set of an auto-reset event releases one waiter, which resets it; if nobody
 * waits it stays set for the next one, and is set once, however often.
 *
 * set, reset: 0; MOOR_EINVAL (NULL). wait: 0, MOOR_EAGAIN, MOOR_ETIMEDOUT, MOOR_EINTR, MOOR_EINVAL, MOOR_ESYS.
 * Lock-free; no system call when nobody waits.
 * Source: CreateEvent, SetEvent, ResetEvent (Windows); EventWaitHandle (.NET).
 */
MOOR_API int moor_event_create(const char *name, unsigned flags, const struct moor_sync_opts *opts,
                               moor_event **ret_event);
MOOR_API int moor_event_create_or_open(const char *name, unsigned flags, const struct moor_sync_opts *opts,
                                       moor_event **ret_event);
MOOR_API int moor_event_open(const char *name, const struct moor_sync_opts *opts, moor_event **ret_event);
MOOR_API int moor_event_set(moor_event *event);
MOOR_API int moor_event_reset(moor_event *event);
MOOR_API int moor_event_wait(moor_event *event, int64_t timeout_ns);
MOOR_API void moor_event_close(moor_event *event); /* NULL is a no-op; cannot fail; errno is kept */

/* Something to wait for. By value, made by the functions below, valid while the handle is open. */
struct moor_waitable {
	uint32_t kind, pad;
	void *object;
};
#define MOOR_WAIT_MAX 64 /* waitables in one call */

/* Of a NULL handle: one that the waits answer by MOOR_EINVAL. Wait-free. */
MOOR_API struct moor_waitable moor_mutex_waitable(moor_mutex *mutex);
MOOR_API struct moor_waitable moor_sem_waitable(moor_sem *sem);
MOOR_API struct moor_waitable moor_event_waitable(moor_event *event);
/*
 * A side of a channel, which belongs to the thread that waits for it. An rx is ready on a message or the end of the
 * stream, a tx when a message of its maximum size fits, or when a send would answer at once why it never will. Nothing
 * of theirs is taken, no end is reported; moor_{rx,tx}_interrupt does not end these waits.
 */
MOOR_API struct moor_waitable moor_rx_waitable(moor_rx *rx);
MOOR_API struct moor_waitable moor_tx_waitable(moor_tx *tx);

/*
 * any: waits until one of the n (1 to MOOR_WAIT_MAX) can be taken, and takes it: the first in the array that can be.
 *   *ret_index says which.
 * all: waits until it can take all of them, and keeps nothing unless it has all. Others may see an object taken for a
 *   moment; a token of a semaphore that is taken for a moment counts against its maximum.
 *
 * Taking is what the kind's own wait does.
 * Return 0; MOOR_ABANDONED (of a mutex taken; it is yours), MOOR_EAGAIN, MOOR_ETIMEDOUT, MOOR_EINTR (where Linux has
 * futex_waitv(2), up to 50 ms after the handler could have run, which itself waits that long), MOOR_EINVAL (NULL, n,
 * the timeout), MOOR_EOVERFLOW (a mutex locked too often), MOOR_ECORRUPT and MOOR_EFORK (of a side of a channel),
 * MOOR_ENOMEM, MOOR_ESLOTS (all: a semaphore that more processes have open than it has slots), MOOR_EMFILE, MOOR_ESYS.
 * Source: WaitForMultipleObjects (Windows); futex_waitv(2).
 */
MOOR_API int moor_wait_any(const struct moor_waitable *waitables, size_t n, int64_t timeout_ns, size_t *ret_index);
MOOR_API int moor_wait_all(const struct moor_waitable *waitables, size_t n, int64_t timeout_ns);

#ifdef __cplusplus
}
#endif
#endif
