/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mooring/ring.h - the same moor_tx and moor_rx over memory that the caller brings.
 *
 * No operating system below it but the wait. Whether a participant lives is what opts.is_alive says; with none given
 * nobody ever dies, as between the threads of one process. That at most one consumer and, but for MOOR_MPSC, one producer
 * are attached at a time is the caller's to see to: there is no lock here that could tell.
 */
#ifndef MOORING_RING_H
#define MOORING_RING_H

#include <mooring/channel.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MOOR_RING_SLOT_CONSUMER 0u /* the slot numbers that is_alive is asked about; producers follow */
#define MOOR_RING_SLOT_PRODUCER 1u

struct moor_ring_opts {
	uint32_t struct_size, kind;
	uint64_t capacity;                   /* bytes; as in struct moor_channel_opts */
	uint32_t max_message, max_producers; /* likewise */
	uint64_t app_tag;                    /* likewise; compared by attach */
	bool (*is_alive)(void *arg, uint32_t slot);
	void *arg;
};
#define MOOR_RING_OPTS(...) ((struct moor_ring_opts){.struct_size = sizeof(struct moor_ring_opts), __VA_ARGS__})
MOOR_API void moor_ring_opts_init(struct moor_ring_opts *opts, size_t size);

/*
 * size: the bytes that a ring of these options takes. format: makes an empty ring at mem (64-byte aligned memory serves
 * best, 8-byte aligned is required), len bytes, which must be at least that. check: whether mem holds a ring that this
 * library can use; safe on any bytes, and modifies none. All are thread-safe on distinct memory and wait-free.
 * Return 0; MOOR_EINVAL (NULL, opts, misaligned, len too small), MOOR_ENOMEM (beyond the address space); check also MOOR_EFORMAT, MOOR_EVERSION, MOOR_EKIND, MOOR_ECORRUPT.
 */
MOOR_API int moor_ring_size(const struct moor_ring_opts *opts, size_t *ret_bytes);
MOOR_API int moor_ring_format(void *mem, size_t len, const struct moor_ring_opts *opts);
MOOR_API int moor_ring_check(const void *mem, size_t len);

/*
 * A handle on the ring at mem, which stays the caller's and must outlive the handle. Of opts (or NULL) is_alive and arg
 * are used; capacity, kind and app_tag, if not zero, must be the ring's.
 * Whoever attaches after a handle that was not closed takes over from it, as from the dead; but one of many producers
 * takes a slot that is free, or whose owner is_alive denies (the lowest such).
 * Return 0; MOOR_EMISMATCH, MOOR_ESLOTS (MOOR_MPSC: none is free), MOOR_ENOMEM, or as moor_ring_check.
 */
MOOR_API int moor_tx_attach(void *mem, size_t len, const struct moor_ring_opts *opts, moor_tx **ret_tx);
MOOR_API int moor_rx_attach(void *mem, size_t len, const struct moor_ring_opts *opts, moor_rx **ret_rx);

#ifdef __cplusplus
}
#endif
#endif
