/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os.h - what the library needs of an operating system. Each function is described here, once, and implemented in one
 * file set a system (os/linux). Nothing above this header knows which.
 *
 * Functions return 0 or a negative enum moor_err; MOOR_ESYS leaves its cause in errno.
 */
#ifndef MOOR_OS_OS_H
#define MOOR_OS_OS_H

#include "base/name.h"

#include <mooring/base.h>

/* ---- time, processors, memory ---- */

int64_t moor__os_now(void);        /* monotonic, nanoseconds */
int64_t moor__os_now_coarse(void); /* the same clock, cheaper, some milliseconds coarse */
int moor__os_pause(int64_t ns);    /* sleeps; MOOR_EINTR when a signal handler ran */
void moor__os_yield(void);         /* to whoever else could run on this processor */
uint32_t moor__os_cpu(void);       /* of the calling thread, plus 1; 0: unknown */
uint32_t moor__os_pid(void);       /* to show; decides nothing */
void moor__os_random(void *buf, size_t len);

/* Zeroed memory, at addresses of its own and lazily backed, for what is large or must not survive a fork. */
void *moor__os_alloc(size_t len);
void moor__os_free(void *mem, size_t len);
/*
 * Two parts in one: `kept` bytes, returned, and *ret_wiped, `wiped` bytes that read as zero in a child, however it was
 * forked, where the system can do that. kept_of finds the one from the other.
 */
void *moor__os_alloc_forked(size_t kept, size_t wiped, void **ret_wiped);
void *moor__os_kept_of(void *wiped, size_t kept);
void moor__os_free_forked(void *mem, size_t kept, size_t wiped);

/* ---- sleeping on a shared 32-bit word ---- */

/* One a handle; zero-initialised. Its owner sleeps; anybody may interrupt. */
struct moor__os_sleeper {
	uint32_t interrupted; /* 1: the next wait ends at once; who takes it sets it back */
	uint32_t asleep;
	uint64_t word; /* the address slept on: in one piece, since an interrupter may come when the owner sleeps anew */
	int64_t rest[2];
};

/*
 * Sleeps until somebody wakes `word`, unless it no longer reads `expected`, for at most ns (> 0).
 * Returns 0 (woken, changed or spuriously), MOOR_ETIMEDOUT, MOOR_EINTR (a signal handler ran, with SA_RESTART or
 * without; or sleeper->interrupted is set, which stays so), MOOR_ESYS.
 */
int moor__os_sleep(struct moor__os_sleeper *sleeper, const uint32_t *word, uint32_t expected, int64_t ns);
void moor__os_wake(const uint32_t *word); /* all who sleep on it */
uint32_t moor__os_wake_some(const uint32_t *word, uint32_t n); /* those who came first; returns how many there were */

/*
 * The same for a caller that nobody interrupts but a signal handler, on one or more words (at most 64): 0 when any of
 * them was woken, MOOR_EAGAIN at once when one does not read what is expected. Of several words, where a system cannot sleep on all of them at once,
 * it sleeps on the first and for a millisecond at most; and a handler may be late by 50 ms.
 */
struct moor__os_word {
	const uint32_t *word;
	uint32_t expected;
};
int moor__os_sleep_any(const struct moor__os_word *words, size_t n, int64_t ns);
/* Async-signal-safe: sets sleeper->interrupted and ends its sleep. */
void moor__os_interrupt(struct moor__os_sleeper *sleeper);

/*
 * The asymmetric fence: a publisher that has registered its process needs no fence between its store and its load of
 * "does anybody sleep?" as long as the sleeper calls fence_peers between the two on its side. Both return false when
 * the system cannot do that: then the sleeper says so in shared memory, and publishers fence.
 */
bool moor__os_fence_register(void);
bool moor__os_fence_peers(void);

/* ---- the place where names live ---- */

struct moor__os_dir; /* shared, counted */
struct moor__os_file_info {
	uint64_t device, inode, size;
	uint32_t links, uid, mode; /* mode: permission bits */
	bool regular;
};

/* The directory of a scope, made if it is missing (create) and checked: MOOR_EACCES if it is not to be trusted. */
int moor__os_dir_open(enum moor__scope scope, bool create, struct moor__os_dir **ret_dir);
void moor__os_dir_close(struct moor__os_dir *dir);
int moor__os_dir_stat(char *path, size_t cap, uint64_t *ret_total, uint64_t *ret_free); /* of Global\ */
uint32_t moor__os_uid(void);

/* Calls fn with each name's rest, from a place that differs from call to call, until it returns non-zero. */
int moor__os_dir_list(struct moor__os_dir *dir, int (*fn)(void *arg, const char *rest), void *arg);

/* A new file that nobody can see yet; *ret_staged says how, and goes with it into publish or discard. */
struct moor__os_staged {
	char file[40]; /* its temporary name; empty: it has none */
};
int moor__os_file_stage(struct moor__os_dir *dir, uint32_t mode, struct moor__os_staged *ret_staged, int *ret_fd);
/* Gives it its name, at once and whole: MOOR_EEXIST when the name is taken, MOOR_EAGAIN when it was swept away. */
int moor__os_file_publish(struct moor__os_dir *dir, const char *rest, const struct moor__os_staged *staged, int fd);
void moor__os_file_discard(struct moor__os_dir *dir, const struct moor__os_staged *staged);
/* Removes what dead processes have left behind beside the names: stagings (only where files cannot be made without a
 * name), and bells. */
void moor__os_dir_sweep_rest(struct moor__os_dir *dir);

/* Whatever lies under the name, without following or waiting: MOOR_ENOENT, MOOR_EACCES (no permission, a link, ...). */
int moor__os_file_open(struct moor__os_dir *dir, const char *rest, bool writable, int *ret_fd);
int moor__os_file_info(int fd, struct moor__os_file_info *ret_info);
int moor__os_name_info(struct moor__os_dir *dir, const char *rest, struct moor__os_file_info *ret_info);
int moor__os_name_remove(struct moor__os_dir *dir, const char *rest);
/* Puts the descriptor under the number of another one, which is closed; the number that it has then. */
int moor__os_file_move(int fd, int to);
void moor__os_file_close(int fd); /* keeps errno; gives no lock back that a forked child shares */

int moor__os_file_allocate(int fd, uint64_t size); /* MOOR_ENOSPC now instead of a fault later */
/* The same for [offset, offset + len), when all before is allocated; others may be doing it at the same time. */
int moor__os_file_allocate_more(int fd, uint64_t offset, uint64_t len);
int moor__os_file_extend(int fd, uint64_t size);   /* to `size` bytes, allocated; after a failure it is as long as before */
int moor__os_file_set_size(int fd, uint64_t size); /* nothing allocated: what is not written reads as zero */
int moor__os_file_huge(int fd); /* 0: its memory comes in huge pages where it can; else MOOR_ENOTSUP */
int moor__os_file_read(int fd, void *buf, size_t len, uint64_t offset, size_t *ret_len);
int moor__os_file_write(int fd, const void *buf, size_t len, uint64_t offset);

/*
 * A plain file of the caller's, links followed, nothing waited for: MOOR_ENOENT, MOOR_EACCES, MOOR_EINVAL (anything but a
 * regular file). full_path: the absolute path, MOOR_EINVAL if it takes more than cap bytes.
 */
int moor__os_path_open(const char *path, bool writable, int *ret_fd);
int moor__os_file_mappable(int fd); /* 0; MOOR_EINVAL: its file system cannot (those of the kernel's own affairs) */
int moor__os_path_full(const char *path, char *full, size_t cap);

int moor__os_memory_new(uint32_t mode, int *ret_fd); /* a file without a name, empty */
int moor__os_memory_seal(int fd);                     /* its length is final */

/* Somebody else's descriptor: may the regular file be read, and written to? MOOR_EINVAL: neither, something else, or none
 * at all. */
int moor__os_file_may(int fd, bool *ret_writable);
/* Another descriptor of the same file, with a description of its own (and its own rights) where the system gives one. */
int moor__os_file_again(int fd, bool writable, int *ret_fd);

/* Who may use the file. The text of an ACL is the system's; NULL-terminated. MOOR_ENOTSUP: built without, or none here. */
int moor__os_file_mode_set(int fd, uint32_t mode);
int moor__os_acl_check(const char *text); /* MOOR_EINVAL */
int moor__os_acl_set(int fd, const char *text);
/* *ret_len: its length; MOOR_EMSGSIZE, with *ret_len set, if it and its NUL take more than cap bytes. */
int moor__os_acl_get(int fd, char *buf, size_t cap, size_t *ret_len);

/* Any offset and length within the file; *ret_data is the first byte asked for. */
struct moor__os_mapping {
	void *base;
	size_t len;
	size_t room; /* address space that is kept, from base on: 0 or at least len */
};
int moor__os_map(int fd, uint64_t offset, size_t len, bool writable, struct moor__os_mapping *ret_mapping,
                 void **ret_data);
void moor__os_unmap(const struct moor__os_mapping *mapping);

/* The same, in every way a file can be shown. PRIVATE: what is written stays here. */
#define MOOR__OS_READ 1u
#define MOOR__OS_WRITE 2u
#define MOOR__OS_EXECUTE 4u
#define MOOR__OS_PRIVATE 8u
/*
 * `room` bytes of address space are kept from *ret_data on, if they can be had, for map_grow; len may be 0 then, and
 * *ret_data NULL if nothing was kept.
 */
int moor__os_map_window(int fd, uint64_t offset, size_t len, size_t room, unsigned how,
                        struct moor__os_mapping *ret_mapping, void **ret_data);
/* Lets it show `len` bytes from the same offset, more than before: in its room, or else somewhere else. */
int moor__os_map_grow(int fd, uint64_t offset, size_t len, unsigned how, struct moor__os_mapping *mapping, void **data);
/* Undoes that: `len` bytes from `offset` as before, though perhaps still somewhere else. */
void moor__os_map_shrink(uint64_t offset, size_t len, struct moor__os_mapping *mapping, void **data);
/* Has every page there before it is used: MOOR_ENOSPC when there is no room for one. How: as it was mapped. */
int moor__os_map_populate(const struct moor__os_mapping *mapping, unsigned how);
int moor__os_map_flush(const struct moor__os_mapping *mapping); /* to where the file keeps its bytes */

/* ---- locks that the system drops whatever way the holder ends ---- */

/* Byte `which` of the lock area; two opens of one file, in one process too, are two holders. None of them waits. */
#define MOOR__OS_LOCK_LIFE 0u
#define MOOR__OS_LOCK_SLOT(slot) (1u + (slot))
int moor__os_lock_shared(int fd, uint32_t which);    /* 0, MOOR_EAGAIN, ... */
int moor__os_lock_exclusive(int fd, uint32_t which); /* 0, MOOR_EAGAIN, ... */
void moor__os_unlock(int fd, uint32_t which);
/* When the system cannot say, it is held exclusively. */
bool moor__os_locked(int fd, uint32_t which);           /* anybody else holds it, in either way */
bool moor__os_locked_shared(int fd, uint32_t which);    /* somebody else holds it shared */
bool moor__os_locked_exclusive(int fd, uint32_t which); /* anybody else holds it exclusively */

/* ---- a host and a worker that it does not trust: sealed memory, a line between the two, a process ---- */

/*
 * Memory of that length, allocated, that nobody can make shorter or longer. seal_writes: from now on nobody can map it
 * writable or take pages out of it, and no seal can be added; mappings that there are go on. MOOR_ENOTSUP: not here.
 */
int moor__os_sealed_new(uint64_t size, int *ret_fd);
int moor__os_seal_writes(int fd);
/* Is it memory of this kind, and has it the seals? final: those of seal_writes, too. */
bool moor__os_sealed(int fd, bool final, struct moor__os_file_info *ret_info);
/* A file from its start, or zeroes (fd -1), between pages that nobody can touch. */
int moor__os_map_guarded(int fd, size_t len, bool writable, struct moor__os_mapping *ret_mapping, void **ret_data);
/* What is shown there is from now on the file, read-only: all at once. */
int moor__os_map_over(int fd, void *data, size_t len);

/*
 * What a side has of the line, -1 each that it has not. Nothing that the worker can do to its descriptors makes a call
 * of the host's wait. `control`: the host's end of the socket by which a worker attaches; `worker`: the worker's, as long
 * as it is kept here. `bell`: a side's end of a socket; its hang-up is the other side's end; what is sent by the host is
 * the worker's bell. `door`: a counter that the worker adds to: the host's bell. `poll`: the host's, if it was asked
 * for: door, bell, control and child in one.
 */
struct moor__os_line {
	int control, worker, bell, door, poll;
	bool heard; /* the host: the worker's hello */
	bool silent; /* the host: nothing, and control is readable of it: the worker's end of that is gone */
};
#define MOOR__OS_NO_LINE ((struct moor__os_line){-1, -1, -1, -1, -1, false, false})

/* The host's: all is ready for a worker to join, which finds the two memories there. */
int moor__os_line_new(const int memory[2], struct moor__os_line *ret_line);
/* The worker's: what lies ready at the end fd, and whose it is. It stays there until it is taken. MOOR_EBUSY: it has been
 * taken; MOOR_ECLOSED: nobody is there; MOOR_EINVAL, MOOR_EFORMAT: not such an end, or not such an offer. */
int moor__os_line_look(int fd, struct moor__os_line *ret_line, int ret_memory[2], uint32_t *ret_uid);
int moor__os_line_take(int fd);   /* 0; MOOR_EBUSY, MOOR_ECLOSED */
void moor__os_line_hello(int fd); /* the worker has mapped what is its to map */
/* The host: has the worker said so? 0, MOOR_EAGAIN, MOOR_ECORRUPT (it said something else). Closes line->worker, and looks
 * at control no more. */
int moor__os_line_heard(struct moor__os_line *line);
bool moor__os_line_hung_up(const struct moor__os_line *line, int child); /* child: see struct moor__os_child, or -1 */
/* Until either may have something to say, for at most ns: 0, MOOR_ETIMEDOUT, MOOR_EINTR, MOOR_ESYS. */
int moor__os_line_await(const struct moor__os_line *line, int child, int64_t ns);
void moor__os_line_ring(const struct moor__os_line *line);
int moor__os_line_fd(struct moor__os_line *line, int child, int *ret_fd); /* to poll: rung up, or hung up */
void moor__os_line_watch(const struct moor__os_line *line, int child); /* by that descriptor, too */
void moor__os_line_empty(const struct moor__os_line *line);               /* it is not readable for what was rung before */
void moor__os_line_hang_up(struct moor__os_line *line); /* and closes it: a forked child cannot keep it up */
void moor__os_line_close(struct moor__os_line *line);   /* closes it only */

/* The number in an environment variable: 0, MOOR_ENOENT, MOOR_EINVAL. */
int moor__os_number_of(const char *variable, int *ret_number);

struct moor__os_start {
	char *const *argv, *const *envp; /* envp NULL: the caller's */
	const char *cwd;                 /* or NULL */
	const char *variable;            /* of the environment: the number that `keep` has in the child */
	int keep;
	void (*setup)(void *arg);
	void *arg;
};
/* A child of this process; fd: readable when it has ended, or -1 where there is no such thing. */
struct moor__os_child {
	int64_t pid;
	int fd, status;
	bool reaped;
};
int moor__os_start(const struct moor__os_start *how, struct moor__os_child *ret_child);
/* Reaps it; its status stays. 0, MOOR_EAGAIN, MOOR_ETIMEDOUT, MOOR_EINTR, MOOR_ESYS (ECHILD: somebody else has). */
int moor__os_child_wait(struct moor__os_child *child, int64_t timeout_ns);
void moor__os_child_kill(const struct moor__os_child *child);
/* ---- bells: what one process polls, beside a name, and others make readable ---- */

/* The listener's, or a ringer's, who has the first only. */
struct moor__os_bell {
	int fifo, poll, timer;
};
#define MOOR__OS_NO_BELL ((struct moor__os_bell){-1, -1, -1})

/*
 * The listener's: the `id`th (of its choice, at random) beside the object whose file is `of`, with the rights of that.
 * `poll` is readable from a ring on, from the end of the last ringer's process on, and when it was to be reminded; until
 * it is emptied. MOOR_EEXIST or MOOR_EAGAIN: another id, please; MOOR_ENOTSUP: there can be none in that directory.
 */
int moor__os_bell_make(struct moor__os_dir *dir, int of, uint64_t id, struct moor__os_bell *ret_bell);
/* A ringer's. MOOR_EACCES: not permitted, or it is none. */
int moor__os_bell_open(struct moor__os_dir *dir, int of, uint64_t id, struct moor__os_bell *ret_bell);
/* Takes its name away, whoever has made it. */
void moor__os_bell_remove(struct moor__os_dir *dir, int of, uint64_t id);
void moor__os_bell_close(struct moor__os_bell *bell); /* leaves MOOR__OS_NO_BELL */
/* Raises no signal, and waits for nothing. */
void moor__os_bell_ring(const struct moor__os_bell *bell);
/* Does a ringer have it open? */
bool moor__os_bell_empty(const struct moor__os_bell *bell);
void moor__os_bell_remind(const struct moor__os_bell *bell, int64_t ns); /* once; 0: not at all */

/* ---- threads and fork ---- */

/* Between the two the calling thread cannot be cancelled: a lock of ours must not die with it. */
int moor__os_cancel_off(void);
void moor__os_cancel_back(int before);

/*
 * fn, the same one in every call, runs at the end of the calling thread, but not when the process ends. Not for two
 * threads at a time. 0 or MOOR_ENOMEM.
 */
int moor__os_at_thread_end(void (*fn)(void));

/* Once: prepare and parent around every fork of this process, child after it. */
int moor__os_at_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void));

#endif
