/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mooring/link.h - a host and a worker that it does not trust.
 *
 * Two rings, one a direction, in two pieces of anonymous memory: each side maps what the other writes read-only, and
 * both are sealed, so that nobody can make them shorter or map them writable again. Whatever a peer writes into memory
 * that it may write, the other side never crashes, hangs, spins without bound, reads or writes outside, or delivers more
 * than the peer could have sent: it gets MOOR_ECORRUPT, for good and in both directions, on that link alone. A peer can
 * stop, flood or end its own link, and no more.
 *
 * moor_link_tx and moor_link_rx give the two directions; all of <mooring/channel.h> that takes a moor_tx or a moor_rx
 * goes for them, with the same results, the end of the stream included: a side that was closed is MOOR_ECLOSED, one that
 * died is MOOR_EPEERDEAD, once, in each direction. What peek shows of a peer that is not trusted may change while it is
 * being read: use moor_rx_recv, which gives a private copy, or copy before you check.
 *
 * A moor_link belongs to one thread at a time, and so do its moor_tx and its moor_rx, each; the two may be used by two
 * threads at once. In a forked child all three answer MOOR_EFORK to everything but moor_link_close.
 *
 * After attach, sending, receiving, waiting and arming in the worker make these system calls and no other: futex, poll
 * (ppoll where there is no poll), read, write; restart_syscall; clock_gettime and getcpu where the C library has no
 * better way. A process ends by exit_group, a thread by exit. moor_link(3) has a seccomp filter ready for use.
 */
#ifndef MOORING_LINK_H
#define MOORING_LINK_H

#include <mooring/channel.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct moor_link moor_link;

struct moor_link_opts {
	uint32_t struct_size, flags; /* flags: 0 */
	uint64_t capacity;           /* bytes, of each direction; as in struct moor_channel_opts */
	uint32_t max_message;        /* bytes; likewise */
	uint32_t close_timeout_ms;   /* how long moor_link_close waits for a spawned worker to end; 0 = 2000 */
	uint64_t app_tag;            /* must match; 0 = any */
};
#define MOOR_LINK_OPTS(...) ((struct moor_link_opts){.struct_size = sizeof(struct moor_link_opts), __VA_ARGS__})
MOOR_API void moor_link_opts_init(struct moor_link_opts *opts, size_t size);

struct moor_spawn_opts {
	uint32_t struct_size, flags; /* flags: 0 */
	char *const *envp;           /* NULL: the caller's environment; MOORING_LINK_FD is added to either */
	const char *cwd;             /* NULL: the caller's */
	/* Runs in the child just before exec, with nothing open but 0 to 2 and the worker's end: to put up a sandbox. By
	 * async-signal-safe calls only. It may _exit, and that is then the worker's end. */
	void (*child_setup)(void *arg);
	void *arg;
};
#define MOOR_SPAWN_OPTS(...) ((struct moor_spawn_opts){.struct_size = sizeof(struct moor_spawn_opts), __VA_ARGS__})
MOOR_API void moor_spawn_opts_init(struct moor_spawn_opts *opts, size_t size);

/*
 * The host's side: makes the memory, and the end that a worker attaches to. What is sent before a worker has attached
 * waits for it. The link is the caller's, for moor_link_close. Thread-safe; waits for nobody.
 * Returns 0; MOOR_EINVAL (NULL, opts), MOOR_ENOMEM, MOOR_ENOSPC, MOOR_EMFILE, MOOR_ENFILE, MOOR_ENOTSUP (before Linux
 * 5.1 memory cannot be sealed so), MOOR_ESYS.
 */
MOOR_API int moor_link_create(const struct moor_link_opts *opts, moor_link **ret_link);

/*
 * Starts the worker with its end inherited: as posix_spawn(3) does, argv[0] being a path that is not searched for. Every
 * descriptor but 0 to 2 and the worker's end is closed in it, MOORING_LINK_FD in its environment has the number of that;
 * signals that the caller handles are at their defaults. The worker is a child of the calling process, reaped by the
 * library: do not wait for it by waitpid(2), nor by wait(2) for any child, nor ignore SIGCHLD. One a link.
 * Waits for the exec, and so for child_setup. After a failure it may be tried again.
 * Returns 0; MOOR_EINVAL (NULL, argv[0] NULL, opts, a link that was attached to), MOOR_EBUSY (the worker's end has been
 * spawned with or attached to), MOOR_EFORK; of the exec, or of cwd: MOOR_ENOENT, MOOR_EACCES, MOOR_ENOMEM, MOOR_EMFILE,
 * MOOR_ENFILE, MOOR_ESYS (ENOEXEC, E2BIG, EAGAIN at the limit of processes, ...).
 */
MOOR_API int moor_link_spawn(moor_link *link, char *const argv[], const struct moor_spawn_opts *opts, int64_t *ret_pid);

/*
 * Or the worker's end itself, to be inherited (clear FD_CLOEXEC in the child) or sent (SCM_RIGHTS). It stays the
 * library's, which closes it when a worker has attached or the link is closed. Wait-free.
 * Returns 0; MOOR_EINVAL (NULL, a link that was attached to), MOOR_EBUSY (spawned with or attached to), MOOR_EFORK.
 */
MOOR_API int moor_link_worker_fd(moor_link *link, int *ret_fd);

/*
 * The worker's side: attaches to the end fd, or, for -1, to that of the number in MOORING_LINK_FD. fd stays open and the
 * caller's, whatever the result; it is of no use after success. All that is offered there is verified before it is
 * mapped or read: type, size, seals, owner. Of opts capacity and app_tag, if not zero, must be the link's. Needs no
 * file system, no /proc and no name; waits for nobody, nor for the host. The link is the caller's, for moor_link_close.
 * Thread-safe.
 * Returns 0; MOOR_EBUSY (somebody has attached to this end), MOOR_ECLOSED (the host has closed or died), MOOR_EINVAL
 * (NULL, opts, fd is no socket), MOOR_ENOENT (fd is -1, and there is no MOORING_LINK_FD), MOOR_EFORMAT (what is offered
 * is no link: memory of another kind, size or owner, or not sealed), MOOR_EVERSION, MOOR_EMISMATCH, MOOR_ENOTSUP,
 * MOOR_ENOMEM, MOOR_EMFILE, MOOR_ENFILE, MOOR_ESYS. After a failure it may be tried again.
 */
MOOR_API int moor_link_attach(int fd, const struct moor_link_opts *opts, moor_link **ret_link);

/*
 * The two directions, the link's: closing them by moor_tx_close or moor_rx_close does nothing. NULL for NULL and for a
 * parent's link. Wait-free.
 */
MOOR_API moor_tx *moor_link_tx(moor_link *link);
MOOR_API moor_rx *moor_link_rx(moor_link *link);

/*
 * moor_rx_fd of moor_link_rx: a descriptor, the library's, to be polled for reading and for nothing else; after
 * moor_rx_arm, and until the next, it is readable on a message and on the peer's end. While it is not armed, nobody makes
 * a system call for it. Needs nothing of the peer. The worker's is made by attach. Wait-free.
 * Returns as moor_rx_fd: 0; MOOR_EINVAL (NULL), MOOR_EMFILE, MOOR_ENFILE, MOOR_ENOMEM, MOOR_ECORRUPT, MOOR_EFORK,
 * MOOR_ESYS.
 */
MOOR_API int moor_link_fd(moor_link *link, moor_os_handle *ret_fd);

/*
 * Waits for a spawned worker's end, which is then reaped, here or in close: *ret_status as of wait(2), the same on every
 * later call. Returns 0; MOOR_EAGAIN (MOOR_NOWAIT), MOOR_ETIMEDOUT, MOOR_EINTR (a signal handler ran), MOOR_EINVAL (NULL,
 * the timeout, no spawned worker), MOOR_EFORK, MOOR_ESYS (ECHILD: somebody else has reaped it).
 */
MOOR_API int moor_link_wait_exit(moor_link *link, int64_t timeout_ns, int *ret_status);

/* Kills a spawned worker (SIGKILL); 0 also when it has ended by itself. MOOR_EINVAL (NULL, none spawned), MOOR_EFORK. */
MOOR_API int moor_link_kill(moor_link *link);

/*
 * Tells the peer; a spawned worker is waited for up to close_timeout_ms, then killed, and reaped. What was sent and not
 * received is received all the same. NULL is a no-op; cannot fail; errno is kept. In a forked child the parent's link and
 * worker are left alone.
 */
MOOR_API void moor_link_close(moor_link *link);

#ifdef __cplusplus
}
#endif
#endif
