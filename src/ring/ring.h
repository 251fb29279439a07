/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring.h - the ring over memory: what the producer's and the consumer's side have in common.
 *
 * No system below it: sleeping, waking, clocks and "is slot i alive?" are handed in (moor__ring_ops). Each side keeps
 * its own position and the geometry in private memory; a shared word is read once, checked, then used.
 *
 * The edges A1, R1, ... named beside the accesses are those of doc/memory-model.md.
 */
#ifndef MOOR_RING_RING_H
#define MOOR_RING_RING_H

#include "base/atomic.h"
#include "ring/geometry.h"
#include "ring/record.h"

#include <mooring/abi.h>
#include <mooring/ring.h>

#define MOOR__CONSUMER 0u
#define MOOR__PRODUCER 1u

/* How long a sleeper sleeps before it looks whether its peer is dead, and how often a call that does not wait looks. */
#define MOOR__LOOK_ASLEEP_NS ((int64_t)90000000)
#define MOOR__LOOK_AWAKE_NS ((int64_t)20000000)

/* `asleep` words (struct moor_abi_quiet). */
#define MOOR__ASLEEP 1u
#define MOOR__FENCE_FOR_ME 2u
#define MOOR__ARMED 4u /* with ASLEEP: not on the word, but on its bell */
#define MOOR__UNMET 8u /* stands there until a peer that is not trusted has come: ask for it (ops->life) */
#define MOOR__POSITION (~(uint64_t)(MOOR_ABI_UNIT - 1)) /* of `released` too */
/* No ring gets there; what is added to a position before the next attach does not wrap. */
#define MOOR__POSITION_MAX ((uint64_t)3 << 62)

struct moor__ring_ops {
	bool (*alive)(void *arg, uint32_t slot); /* NULL: nobody ever dies */
	/*
	 * Of a peer that is not trusted: its life word (base/slot_word.h) as this side knows it, instead of the one in
	 * memory, which is not written either; look: ask the system, too. NULL: the word in memory.
	 */
	uint64_t (*life)(void *arg, bool look);
	void (*corrupted)(void *arg); /* the peer has written what cannot be; or NULL */
	/* As moor__os_sleep, moor__os_wake, ...; sleeper is the handle's. */
	int (*sleep)(void *sleeper, const uint32_t *word, uint32_t expected, int64_t ns);
	bool (*interrupted)(void *sleeper);      /* somebody has called for an interruption */
	bool (*take_interruption)(void *sleeper); /* the same, which ends it */
	void (*interrupt)(void *sleeper);
	void (*wake)(const uint32_t *word);
	bool (*fence_peers)(void);
	bool unfenced; /* fence_peers is not to be called: see wait.c */
	int64_t (*now)(void);
	int64_t (*now_coarse)(void);
	uint32_t (*cpu)(void);
	/*
	 * The consumer's bell: a descriptor that it polls and its producers ring. NULL, all of them: there can be none. (Only
	 * remind and forget NULL: there is nothing to do.)
	 * make: at its first call stores which one it is, not 0, in *word, before it is there; gives the descriptor.
	 * empty: true if a producer has it open, in a way that the descriptor tells of its end. remind: makes it readable once,
	 * by then; 0: not at all. forget: closes this consumer's, and takes away what it, or a dead predecessor, has made.
	 * The producer's: hold opens that one instead of any other; false if it cannot. ring: the one held.
	 */
	int (*bell_make)(void *arg, uint64_t *word, moor_os_handle *ret_fd);
	bool (*bell_empty)(void *arg);
	void (*bell_remind)(void *arg, int64_t ns);
	void (*bell_forget)(void *arg, uint64_t bell);
	bool (*bell_hold)(void *arg, uint64_t bell);
	void (*bell_ring)(void *arg);
	void (*yield)(void); /* NULL: it cannot */
};

/* A handle's own knowledge. */
struct moor__ring {
	unsigned char *data;
	uint64_t mask;     /* capacity - 1 */
	uint64_t capacity; /* bytes */
	struct moor_abi_consumer *consumer;
	struct moor_abi_producer *producer; /* the one, or this one, or the consumer's view of many: the first */
	struct moor_abi_many *many; /* NULL: there is one producer */
	const struct moor__ring_ops *ops;
	void *ops_arg;
	void *sleeper;
	int64_t next_look; /* coarse clock: not before then */
	uint32_t spin; /* how many spins may still fail; 0: waits sleep at once, or nearly so */
	uint32_t spin_skipped;
	uint64_t asleep_word; /* what `asleep` reads while awake: 0 or MOOR__FENCE_FOR_ME */
	uint32_t fences;      /* MOOR__FENCE_FOR_ME: this side's publications need a fence of their own */
	uint32_t cpu;
	uint32_t stay, stay_left; /* so many waits do not yield, after one that yielded in vain; and are left of them */
	uint32_t still; /* 0: a word that nobody wakes, to nap on */
	uint64_t bell; /* a consumer: it has one; a producer: the one that it holds open; 0: none */
};

enum moor__side_state {
	MOOR__WIPED = 0, /* a forked child's view of its parent's handle */
	MOOR__READY = 1,
	MOOR__CORRUPT = 2
};

/* A record found and checked, not yet counted as seen. */
struct moor__found {
	uint64_t at, end;
	size_t len;
	uint32_t producer;
};

/* How those on the other side live. */
struct moor__lives {
	uint64_t attached, closed, died; /* how many */
};

/* Room for a record, as reserved: where it begins and ends, and the payload asked for. end 0: none. */
struct moor__room {
	uint64_t at, len, end;
};

struct moor_tx {
	uint32_t state;
	uint32_t max_message;
	uint64_t tail;     /* the position of the next publication */
	uint64_t straight; /* a record that begins at tail and ends here or before needs no further question; 0: all do */
	uint64_t within;   /* the same, but for an open reservation */
	uint64_t short_max; /* the longest message that the shortest way is for */
	uint64_t limit;    /* no record may end beyond: what is known to be released, plus the capacity, less a unit */
	uint64_t released; /* the last seen: it never goes back */
	uint64_t room;     /* of many: so much may be claimed ahead of that without a further question; 0: nothing */
	struct moor__room open; /* the caller's reservation */
	uint32_t slot;          /* of many: this one's */
	uint32_t ids;           /* as in the header of what is reserved: this one's slot and that of who claimed before */
	struct moor__ring ring;
};

/*
 * A consumer that is faster than its producer comes upon the record that is being written, each time, and takes the
 * line from under the producer's hands; both go at the speed of lines sent back and forth. It is seen by waits that end
 * soon, many in a row; it then lets the producer get ahead, and takes what has come in one go.
 */
struct moor__heels {
	uint64_t messages; /* released, when it last waited */
	uint32_t short_waits; /* in a row */
	uint32_t enough;      /* so many of them tell of it */
	bool letting;         /* the last wait let the producer get ahead */
};

struct moor_rx {
	uint32_t state;
	uint32_t max_message;
	uint64_t head;     /* the oldest unreleased record */
	uint64_t straight; /* a record at head that ends here or before needs no further question; 0: all do */
	uint64_t within;   /* the same, but for peeked ones */
	uint64_t straight_many; /* straight, of many producers */
	uint64_t short_max; /* as the producer's */
	uint64_t messages, bytes; /* totals up to head */
	uint64_t turn;     /* the copy of `done` that comes next: its offset */
	uint64_t closes;   /* low bits of `released` */
	uint64_t peeked;   /* how many records are seen and not released */
	uint64_t seen;     /* where they end: the next unseen one */
	uint64_t peeked_bytes;
	uint64_t publish_head_at; /* `head` is due when this is released */
	uint64_t messages_before; /* what was released when this handle opened */
	uint64_t ended_before; /* producers that had left when this handle opened */
	uint64_t died_reported;
	uint32_t producers; /* slots of them */
	uint32_t changes;   /* of many: the count that `lives` are from */
	struct moor__lives lives;
	uint32_t producer; /* whose message was found last: its slot */
	bool armed; /* and nothing taken since: no record goes straight, so that the next one taken ends it */
	struct moor__heels heels;
	struct moor__ring ring;
};

/* Can it be where a side has got to? */
static inline bool moor__position_is_sound(uint64_t position, bool many)
{
	const uint64_t rest = (many ? MOOR_ABI_LINE : MOOR_ABI_UNIT) - 1; /* no division, which 32 bits would call for */

	return !(position & rest) && position <= MOOR__POSITION_MAX;
}

static inline struct moor_abi_record_header *moor__header_at(const struct moor__ring *ring, uint64_t position)
{
	return (struct moor_abi_record_header *)(ring->data + (position & ring->mask));
}

/* So many bytes further on in the same lap. */
static inline struct moor_abi_record_header *moor__header_after(struct moor_abi_record_header *header, uint64_t size)
{
	return header + size / sizeof *header;
}

/*
 * The word that a sleeper on a 64-bit one hands to the futex: its low half. Both the sleeper and the waker use it, and
 * the kernel compares what it reads there.
 */
static inline const uint32_t *moor__low_half(const uint64_t *word)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return (const uint32_t *)word;
#else
	return (const uint32_t *)word + 1;
#endif
}

/* What a wait waits for. */
struct moor__wait {
	bool (*ready)(void *side);           /* whether it has come */
	bool (*spin_ready)(void *side);      /* the same by looking at spin_word only, where looking costs the peer less */
	bool (*paid)(void *side);            /* ready only as a spin has ended: did it pay? NULL: yes */
	int (*over)(void *side, bool look); /* 0, or the result if it can come no more; look: ask for the peer's death */
	void *side;
	const uint32_t *word;        /* to sleep on: it changes when it comes */
	const uint32_t *spin_word;   /* to spin on: it changes soon after */
	uint64_t position;           /* the peer wakes who passes it */
	struct moor_abi_quiet *mine; /* where that is said */
	struct moor_abi_slot *me, *peer;
};

/*
 * Says on which processor this side runs, for the other, which goes by it when it waits. Each side says it when it waits,
 * and now and then while it does not: who is busy all the time may be moved, too.
 */
void moor__ring_note_cpu(struct moor__ring *ring, struct moor_abi_slot *me);

/* For one who may have to wait more than once: what is left of the time, by the clock from the second call on, which
 * finds in *until what the first has left there; 0 is given to that. */
int64_t moor__ring_left(const struct moor__ring *ring, int64_t timeout_ns, int64_t *until);

/* Spins, then sleeps. 0 when ready; MOOR_ETIMEDOUT, MOOR_EINTR, what `over` says, MOOR_EINVAL for a bad timeout. */
int moor__ring_wait(struct moor__ring *ring, const struct moor__wait *wait, int64_t timeout_ns);

/* Says in `mine` that its owner sleeps for the position; then it looks once more before it does. */
void moor__ring_announce(struct moor__ring *ring, struct moor_abi_quiet *mine, uint64_t position);

/*
 * For who waits for several things at a time, and sleeps by itself. look: 0 if a call that waits would not wait, whatever
 * it would answer, though nothing is taken or reported; MOOR_EAGAIN; MOOR_ECORRUPT; MOOR_EFORK. announce: before a sleep
 * on *ret_word while it reads *ret_expected; returns what a look after it has found. withdraw: after the sleep.
 * The tx waits for room for a message of the greatest size.
 */
int moor__rx_look(moor_rx *rx);
int moor__rx_announce(moor_rx *rx, const uint32_t **ret_word, uint32_t *ret_expected);
void moor__rx_withdraw(moor_rx *rx);
/* The same, for the bell instead of a sleep. *ret_moved: for a record that is not the next any more, since padding came
 * too often for one call. */
int moor__rx_announce_armed(moor_rx *rx, bool *ret_moved);
int moor__rx_state_error(const moor_rx *rx);
int moor__tx_look(moor_tx *tx);
int moor__tx_announce(moor_tx *tx, const uint32_t **ret_word, uint32_t *ret_expected);
void moor__tx_withdraw(moor_tx *tx);

/* Publication by this side, of whatever `position` the peer may sleep for in [from, to]: wakes it if it does. */
void moor__ring_wake(struct moor__ring *ring, struct moor_abi_quiet *mine, const struct moor_abi_quiet *peer,
                     uint64_t from, uint64_t to, const uint32_t *word);

/* The peer has been found out in the other direction: MOOR_ECORRUPT here, too. From any thread. */
void moor__tx_stop(moor_tx *tx);
void moor__rx_stop(moor_rx *rx);
/* Wakes the peer that sleeps, as `asleep` of its says: on the word, or by its bell. */
void moor__ring_tell(struct moor__ring *ring, uint64_t asleep, const uint32_t *word);

/* A producer: holds the bell of the consumer of now, if that has one. */
bool moor__ring_hold_bell(struct moor__ring *ring);
/* A consumer: there is none any more. */
void moor__ring_forget_bell(struct moor__ring *ring);

/* Is a look for a death due? At most every MOOR__LOOK_AWAKE_NS. */
bool moor__ring_look_due(struct moor__ring *ring);
/* The life word of the peer. */
static inline uint64_t moor__ring_life(const struct moor__ring *ring, const struct moor_abi_slot *record)
{
	return ring->ops->life ? ring->ops->life(ring->ops_arg, false) : moor__acquire_64(&record->life); /* A5 */
}
/* The life word of the slot after a look: a dead participant has been counted. */
uint64_t moor__ring_look(struct moor__ring *ring, uint32_t slot, struct moor_abi_slot *record);

/* Enters: what both sides do first, and last. */
/* `life` is replaced by that of somebody attached; false: it has changed. */
bool moor__ring_enter_from(struct moor__ring *ring, struct moor_abi_slot *me, uint64_t life);
void moor__ring_enter(struct moor__ring *ring, struct moor_abi_slot *me, struct moor_abi_quiet *quiet, uint32_t pid);
void moor__ring_leave(struct moor_abi_slot *me);

/*
 * Attaching and detaching: under the slot's lock, if there is one. `registered`: the process may publish unfenced. Each
 * side writes its own area, and the producer the data; of the rest it only reads, so that may be mapped read-only.
 */
struct moor__ring_attach {
	struct moor_abi_consumer *consumer;
	struct moor_abi_producer *producer; /* of many the first */
	struct moor_abi_many *many;         /* or NULL */
	unsigned char *data;
	struct moor__geometry geometry;
	uint32_t slot; /* a producer's */
	const struct moor__ring_ops *ops;
	void *ops_arg;
	void *sleeper;
	uint32_t pid;
	bool registered;
};
/* Where they are in the memory of a ring in one piece. */
void moor__ring_places(void *mem, const struct moor__geometry *geometry, struct moor__ring_attach *how);
/* 0 or MOOR_ECORRUPT; of many producers also MOOR_EBUSY, as moor__mpsc_enter. */
int moor__tx_attach(moor_tx *tx, const struct moor__ring_attach *how);
void moor__tx_detach(moor_tx *tx);
int moor__rx_attach(moor_rx *rx, const struct moor__ring_attach *how);
void moor__rx_detach(moor_rx *rx);

/*
 * Where the consumer and the producer have got, as shared memory tells: what a successor goes on from. The caller
 * checks what it gets of the consumer; each word is read once.
 */
struct moor__reached {
	uint64_t position, messages, bytes;
	uint64_t turn; /* the offset of the copy that is the next to write */
};
struct moor__reached moor__ring_released(const struct moor_abi_consumer *consumer);
/* From there over all that is published. 0 or MOOR_ECORRUPT, with *tail where it got to. */
int moor__ring_walk(const unsigned char *data, uint64_t capacity, struct moor__reached *tail);
/* Who asks whether slots are alive. */
struct moor__ring_watch {
	bool (*alive)(void *arg, uint32_t slot);
	void *arg;
};
/*
 * All of the info but the instance, of memory that may change meanwhile. Producers and consumers are those that are
 * attached and, with a watch, alive; without one nobody is dead who has not been found dead. 0 or MOOR_ECORRUPT.
 */
int moor__ring_stat(const void *mem, const struct moor__geometry *geometry, const struct moor__ring_watch *watch,
                    struct moor_channel_info *ret_info);

#endif
