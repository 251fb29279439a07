/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mooring/channel.h - the named message ring, what most programs need.
 *
 * Messages of any length up to max_message are delivered whole, once and in order. What was committed survives the
 * death of any process while the name lives; what was reserved and not committed is skipped once its producer is proven
 * dead; a slow or stopped producer is never declared dead. A consumer that dies between peek and release leaves its
 * messages to the next consumer.
 *
 * A moor_tx or moor_rx belongs to one thread at a time; only *_interrupt may be called from anywhere. In a forked child
 * they answer MOOR_EFORK to everything but close. Named channels are for processes that trust each other not to
 * truncate the file; see SECURITY.
 */
#ifndef MOORING_CHANNEL_H
#define MOORING_CHANNEL_H

#include <mooring/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct moor_iov {
	const void *data;
	size_t len;
};

typedef struct moor_tx moor_tx;
typedef struct moor_rx moor_rx;

/*
 * ANY: a creator makes an SPSC ring, an opener takes what is there. MOOR_MPSC: many producers at a time, each with a
 * moor_tx of its own; one total order for all, in which reservations were made. None waits for another's commit; what
 * comes after an open reservation is not delivered before it: a thread that ends with one open, while its process
 * lives, holds up the ring (commit or cancel it, or close the handle).
 */
enum moor_ring_kind { MOOR_RING_ANY = 0, MOOR_SPSC = 1, MOOR_MPSC = 2 };

#define MOOR_CREATE_ONLY 1u /* MOOR_EEXIST if it is there */
#define MOOR_OPEN_ONLY 2u   /* MOOR_ENOENT if it is not; with neither, whoever comes first creates */

struct moor_channel_opts {
	uint32_t struct_size, flags;
	uint64_t capacity;    /* bytes, 4096 to 2^40 (2^30 in a 32-bit process), rounded up to a power of two; 0 = 1 MiB */
	uint32_t max_message; /* bytes; 0 = capacity / 8. A message and its 8-byte header, rounded up to 64, must fit into
	                         half the capacity */
	uint32_t kind, mode, max_producers; /* mode: 0 = 0600; max_producers: of MOOR_MPSC, at a time, up to 1000, 0 = 64; an
	                                       SPSC ring has 1 */
	uint64_t app_tag;                   /* must match; 0 = any */
};
#define MOOR_CHANNEL_OPTS(...)                                                                                         \
	((struct moor_channel_opts){.struct_size = sizeof(struct moor_channel_opts), __VA_ARGS__})
MOOR_API void moor_channel_opts_init(struct moor_channel_opts *opts, size_t size);

/*
 * Take the role of the producer (the consumer) of the channel `name`, which whoever comes first creates. An existing
 * ring keeps its geometry: asking for another capacity, kind or app_tag than it has is MOOR_EMISMATCH; an opener's
 * max_message and max_producers are ignored. The handle is the caller's, for moor_tx_close (moor_rx_close). Whoever
 * follows a process that died in the role goes on where that one stopped. Thread-safe; waits for nobody but as
 * moor_map_create does.
 * Return 0 or MOOR_CREATED; MOOR_EBUSY (the role is held by a live process, this one included), MOOR_ESLOTS (MOOR_MPSC:
 * all max_producers slots are taken, or a dead one's was reserved and the consumer has not yet passed that), MOOR_EINVAL,
 * MOOR_ENAME, MOOR_EEXIST, MOOR_ENOENT, MOOR_EKIND, MOOR_EMISMATCH, MOOR_EACCES, MOOR_ENOSPC, MOOR_ENOMEM, MOOR_EMFILE,
 * MOOR_ENFILE, MOOR_EFORMAT, MOOR_EVERSION, MOOR_ECORRUPT, MOOR_ESYS.
 */
MOOR_API int moor_tx_open(const char *name, const struct moor_channel_opts *opts, moor_tx **ret_tx);
MOOR_API int moor_rx_open(const char *name, const struct moor_channel_opts *opts, moor_rx **ret_rx);

/*
 * Zero copy. reserve gives room for `len` bytes, 8-byte aligned, to be written in place; commit publishes the first
 * `len` of them as one message (len may be smaller than reserved); cancel gives the room back. One reservation at a
 * time. Wait-free (MOOR_MPSC: lock-free; commit and cancel wait-free); no system call unless the consumer sleeps or a look for its death is due (at most every 20 ms, and
 * only on a full ring). Bytes stored by non-temporal instructions need a fence of the caller's before commit. A NULL
 * handle or output is undefined behaviour here.
 * reserve: 0; MOOR_EAGAIN (no room now), MOOR_EMSGSIZE (can never fit), MOOR_EINVAL (a reservation is open),
 *   MOOR_ECLOSED or MOOR_EPEERDEAD (full, and the last consumer closed or died), MOOR_ECORRUPT, MOOR_EFORK.
 * commit: 0; MOOR_EINVAL (nothing reserved, or len is more than that: nothing changes), MOOR_EFORK.
 * cancel without a reservation does nothing.
 */
MOOR_API int moor_tx_reserve(moor_tx *tx, size_t len, void **ret_data);
MOOR_API int moor_tx_commit(moor_tx *tx, size_t len);
MOOR_API void moor_tx_cancel(moor_tx *tx);

/*
 * Send a copy of `len` bytes (of the n pieces in order; n = 0 is an empty message), waiting up to timeout_ns for room.
 * With MOOR_NOWAIT wait-free (MOOR_MPSC: lock-free). All or nothing.
 * Return 0; MOOR_EAGAIN (MOOR_NOWAIT and no room), MOOR_ETIMEDOUT, MOOR_EMSGSIZE (too long, or a sum that overflows),
 * MOOR_ECLOSED, MOOR_EPEERDEAD (full, and no consumer any more; each time until one attaches; with none ever attached
 * they wait), MOOR_EINTR (a signal handler ran, or moor_tx_interrupt), MOOR_EINVAL (NULL, a reservation is open, the
 * timeout), MOOR_ECORRUPT, MOOR_EFORK, MOOR_ESYS.
 */
MOOR_API int moor_tx_send(moor_tx *tx, const void *data, size_t len, int64_t timeout_ns);
MOOR_API int moor_tx_sendv(moor_tx *tx, const struct moor_iov *iov, size_t n, int64_t timeout_ns);

/* Waits for room for a message of `len` bytes. Returns as moor_tx_send; 0: a reserve of len will succeed. */
MOOR_API int moor_tx_wait(moor_tx *tx, size_t len, int64_t timeout_ns);
/*
 * Waits until all that was committed, by whomever, has been released by a consumer; of MOOR_MPSC, all that was reserved
 * before the call and before an open reservation of the handle's own. Returns 0; MOOR_EAGAIN,
 * MOOR_ETIMEDOUT, MOOR_EINTR as moor_tx_send; MOOR_ECLOSED or MOOR_EPEERDEAD as soon as the consumer is gone with
 * messages unreleased; MOOR_EINVAL, MOOR_ECORRUPT, MOOR_EFORK, MOOR_ESYS. An open reservation does not matter.
 */
MOOR_API int moor_tx_drain(moor_tx *tx, int64_t timeout_ns);
/*
 * Makes the handle's current wait, or else the next call that would wait, return MOOR_EINTR, once. Callable from any
 * thread and from a signal handler. Returns 0; MOOR_EINVAL (NULL), MOOR_EFORK.
 */
MOOR_API int moor_tx_interrupt(moor_tx *tx);
MOOR_API size_t moor_tx_max_message(const moor_tx *tx); /* bytes; 0 for NULL or a parent's handle; wait-free */
MOOR_API uint64_t moor_tx_capacity(const moor_tx *tx);  /* bytes; 0 for NULL or a parent's handle; wait-free */
/* An open reservation is cancelled. NULL is a no-op; cannot fail; errno is kept. In a forked child the parent's role
 * and name are left alone. */
MOOR_API void moor_tx_close(moor_tx *tx);

struct moor_msg {
	const void *data; /* in the ring, 8-byte aligned; valid until released */
	size_t len;       /* bytes */
	uint32_t flags;   /* 0 */
	uint32_t producer; /* MOOR_MPSC: the number of its slot, from 0; slots are used again; else 0 */
	uint64_t reserved;
};

/*
 * Zero copy. peek gives the next unseen message in place and may be called repeatedly; release gives back all peeked so
 * far with one store; rewind un-peeks: the next peek starts at the oldest unreleased message. Wait-free; no system call
 * unless the producer sleeps or a look for its death is due (at most every 20 ms, and only on an empty ring). A NULL
 * handle or output is undefined behaviour in peek and release.
 * peek: 0; MOOR_EAGAIN (none), MOOR_EPEERDEAD, MOOR_ECLOSED (empty and no producer attached: EPEERDEAD once if any died
 *   since that was last reported, else ECLOSED if any has been attached since this handle opened or it has received
 *   anything), MOOR_ECORRUPT (for good), MOOR_EFORK.
 * rewind: 0; MOOR_EINVAL (NULL), MOOR_ECORRUPT, MOOR_EFORK.
 */
MOOR_API int moor_rx_peek(moor_rx *rx, struct moor_msg *ret_msg);
MOOR_API void moor_rx_release(moor_rx *rx);
MOOR_API int moor_rx_rewind(moor_rx *rx);

/*
 * Receives a copy of the next unseen message into buf (cap bytes) and releases all up to it, waiting up to timeout_ns.
 * MOOR_EMSGSIZE leaves the message and sets *ret_len to its size. MOOR_NOWAIT is wait-free.
 * A wait that a signal handler interrupts ends, unless the handler ran while the call still spun, before it slept; from
 * the handler moor_rx_interrupt is never lost.
 * Returns 0; as moor_rx_peek; MOOR_ETIMEDOUT, MOOR_EMSGSIZE, MOOR_EINTR (a signal handler ran, or moor_rx_interrupt),
 * MOOR_EINVAL (NULL, the timeout), MOOR_ESYS.
 */
MOOR_API int moor_rx_recv(moor_rx *rx, void *buf, size_t cap, size_t *ret_len, int64_t timeout_ns);
MOOR_API int moor_rx_wait(moor_rx *rx, int64_t timeout_ns); /* for an unseen message; returns as moor_rx_recv */
/*
 * For loops that poll: a descriptor, and its arming. fd gives the descriptor, the same at each call; it is the
 * library's, to be polled for reading (poll, epoll, libuv, ...) and for nothing else, until the handle is closed. arm
 * empties it, and, if there is nothing to receive, has it become readable as soon as there is: with the next message,
 * with the close of the producer (of many: the last), and with its death (if it has the FIFO open, by the system, at
 * once; else within 100 ms). So: take messages until MOOR_EAGAIN; arm; on MOOR_READY go on taking; on 0 poll. It may
 * become readable for nothing, and stays so until the next arm. What takes a message or waits ends the arming, so arm
 * before each poll; arm also after rewind. While nothing is armed, a producer makes no system call for it.
 *
 * Of a named channel it is an epoll descriptor; the first call of fd makes a FIFO with a name of its own beside the
 * channel's file, which goes with the handle, the channel or the next use of either. A producer opens the FIFO when it
 * opens the channel, or when it first finds the consumer armed, and rings by write(2), without a signal. While there is
 * no producer, or one that cannot open it, and always on a ring of many, a timer makes the descriptor readable every
 * 90 ms, so that arm looks. Three descriptors of the consumer's, one of each producer's. moor_rx_fd(3) has more.
 * fd waits for no other process; arm is wait-free.
 * fd returns 0; MOOR_EINVAL (NULL), MOOR_ENOTSUP (moor_rx_attach: rings over the caller's memory have none; or the
 *   directory can have no FIFO), MOOR_EACCES, MOOR_EBUSY, MOOR_ENOSPC, MOOR_ENOMEM, MOOR_EMFILE, MOOR_ENFILE,
 *   MOOR_ECORRUPT, MOOR_EFORK, MOOR_ESYS.
 * arm returns 0: armed, go to poll; MOOR_READY: there is an unseen message; MOOR_EPEERDEAD, MOOR_ECLOSED as peek;
 *   MOOR_EINVAL (NULL, or fd was never called), MOOR_ENOTSUP, MOOR_ECORRUPT, MOOR_EFORK.
 */
MOOR_API int moor_rx_fd(moor_rx *rx, moor_os_handle *ret_fd);
MOOR_API int moor_rx_arm(moor_rx *rx);
MOOR_API int moor_rx_interrupt(moor_rx *rx);                /* as moor_tx_interrupt */
MOOR_API void moor_rx_close(moor_rx *rx); /* as moor_tx_close; what was peeked and not released stays for the next */

struct moor_channel_info {
	uint32_t struct_size, kind; /* struct_size is set by the caller; kind: enum moor_ring_kind */
	uint64_t capacity;
	uint32_t max_message, max_producers;
	uint64_t app_tag;
	uint8_t instance[16]; /* of this life of the name */
	uint64_t used;        /* payload bytes committed and not released */
	uint64_t sent_messages, sent_bytes, received_messages, received_bytes; /* received: released */
	uint64_t waits, wakes, full; /* sleeps, futex wake calls, times a producer found no room */
	uint64_t skipped, recoveries;       /* claims of dead producers passed over (MOOR_MPSC); roles taken over from the dead */
	uint64_t attached, closed, died;    /* producers, ever */
	uint32_t producers, consumers;      /* alive now */
	uint64_t occupied;                  /* bytes of the capacity taken, headers and padding included */
};

/*
 * A read-only look at the channel: takes no slot and no lock. The counts are exact when nobody is in a call.
 * Thread-safe. Returns 0; MOOR_EINVAL (NULL, struct_size below 4), MOOR_ENAME, MOOR_ENOENT, MOOR_EKIND, MOOR_EACCES,
 * MOOR_EFORMAT, MOOR_EVERSION, MOOR_ECORRUPT, MOOR_ENOMEM, MOOR_EMFILE, MOOR_ENFILE, MOOR_ESYS.
 */
MOOR_API int moor_channel_stat(const char *name, struct moor_channel_info *ret_info);

#ifdef __cplusplus
}
#endif
#endif
