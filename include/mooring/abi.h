/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mooring/abi.h - the shared layout: what lies in the memory, byte by byte. doc/abi.md draws it; this header is the
 * authority. Fixed-width fields only, the same bytes from 32- and 64-bit processes. Programs have no need of it but to
 * look (a debugger, a dump); nothing here may be written by them.
 *
 * All 64-bit words that two sides share are stored and loaded in one piece. Areas begin on 128-byte boundaries, a
 * constant of the layout: two lines, since processors fetch lines in pairs.
 */
#ifndef MOORING_ABI_H
#define MOORING_ABI_H

#include <mooring/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MOOR_ABI_VERSION 1u
#define MOOR_ABI_LEAST 1u /* the oldest library that can use what this one makes */
#define MOOR_ABI_BYTE_ORDER 0x01020304u
#define MOOR_ABI_MAGIC "\211MOORING" /* 8 bytes, no NUL */
#define MOOR_ABI_FINGERPRINT 0x4d520003u /* of the offsets below; changes with every one of them */

/* Incompatible features: a library that does not know one of them refuses the object. */
#define MOOR_ABI_F_PRODUCER_ZEROES 1u /* the producer zeroes the header that follows a record before it publishes that */
#define MOOR_ABI_F_RESERVE 2u /* a map that may be used as far as it is committed */
#define MOOR_ABI_F_FILE 4u    /* a map whose data lies in a file of its own; struct moor_abi_file says which */
#define MOOR_ABI_F_CONSUMER_CLEARS 8u /* the consumer zeroes the first word of every line that it releases */
#define MOOR_ABI_F_KNOWN                                                                                               \
	(MOOR_ABI_F_PRODUCER_ZEROES | MOOR_ABI_F_RESERVE | MOOR_ABI_F_FILE | MOOR_ABI_F_CONSUMER_CLEARS)

#define MOOR_ABI_STATE_WHOLE 1u

/* At offset 0 of every object. */
struct moor_abi_header {
	uint8_t magic[8];
	uint32_t byte_order;
	uint16_t version, least;
	uint32_t header_size;
	uint32_t word_bits; /* of the creator: to show, it decides nothing */
	uint32_t fingerprint;
	uint32_t kind; /* enum moor_object */
	uint64_t compatible, incompatible;
	uint64_t total_size;
	uint64_t data_offset;
	uint64_t data_size; /* map: what was asked for, to the byte; channel: the capacity; else 0 */
	uint64_t slots_offset;
	uint32_t slot_count, slot_size;
	uint8_t instance[16];
	uint32_t state;
	uint32_t ring_kind;
	uint32_t max_message, max_producers;
	uint64_t app_tag;
	uint64_t committed; /* of a map with F_RESERVE and without F_FILE: bytes of the data that may be used; only grows */
	uint8_t name[16]; /* a digest of the name that the object was made under; zero: it has none */
	uint8_t reserved[104];
};

/*
 * At the start of every slot. `life` is replaced as a whole, by whoever holds the slot's lock and by whoever has seen
 * that nobody does, and so counts exactly whatever dies: bit 0: a participant is attached; bit 1: the last one to leave
 * died; bits 2 to 32: how many closed; bits 33 to 63: how many died. attached = closed + died + bit 0.
 */
struct moor_abi_slot {
	uint64_t life;
	uint32_t pid; /* to show */
	uint32_t cpu; /* where it ran when it last said so, plus 1: whether spinning can pay */
};

/* A map: this header, 240 slots of 16 bytes, the data. */
#define MOOR_ABI_MAP_SLOTS_OFFSET 256u
#define MOOR_ABI_MAP_SLOTS 240u
#define MOOR_ABI_DATA_ALIGN 4096u

/* A map with F_FILE: instead of the data, which file has it. data_offset is 0; data_size bytes of the file are the map. */
struct moor_abi_file {
	uint64_t device, inode; /* as fstat(2) tells them */
	uint32_t path_len;
	uint32_t pad;
	uint8_t path[4096]; /* absolute; NUL after path_len bytes */
};
#define MOOR_ABI_FILE_OFFSET 4096u
#define MOOR_ABI_FILE_TOTAL 12288u /* total_size */

/*
 * A mutex, semaphore or event: the header, the words below, 992 slots of 16 bytes.
 *
 * Mutex, the low half of `word`: bits 0 to 9: the owner's slot, plus 1; 0: nobody's. Bit 10: abandoned (nobody's, and
 * its last owner died). Bit 11: the next release is for somebody who has waited. Bits 12 to 30: the generation of the
 * owner's slot, how many have left it, modulo 2^19. Bit 31: somebody may sleep on it.
 * Semaphore, all of `word`: bits 0 to 30: the count; bit 31: somebody may sleep; bits 32 to 41: the slot, plus 1, that
 * has taken tokens on trial (a wait for all), bits 42 to 48: how many.
 * Event, the low half: bit 31: somebody may sleep. Manual reset: bit 0: set; bits 1 to 30: how often it was set. Auto
 * reset: bit 0: set; bits 1 to 11: how many it lets through besides, of whom it has woken one each; bits 12 to 30: how
 * often it was reset.
 *
 * The low half, which is what is slept upon, is the less significant one, wherever the byte order puts it.
 */
struct moor_abi_sync {
	uint64_t word;
	uint8_t pad0[120];
	uint32_t max;   /* semaphore: of the count; written when it is made */
	uint32_t flags; /* event: MOOR_MANUAL_RESET, or 0; written when it is made */
	uint8_t pad1[120];
};
#define MOOR_ABI_SYNC_OFFSET 256u
#define MOOR_ABI_SYNC_SLOTS_OFFSET 512u
#define MOOR_ABI_SYNC_SLOTS 992u
#define MOOR_ABI_SYNC_SIZE 16384u

/*
 * A ring: the header, what many producers share, the consumer's slot, the producers' slots, the data.
 * Positions count bytes since the ring was made and never wrap; a position's place is position mod capacity.
 *
 * `asleep`: 0, or the position that its owner sleeps for, with bit 0 set; bit 1 stays set when the owner cannot use
 * membarrier, and publishers must fence; bit 2: the owner, a consumer, is to be told by its bell.
 * `bell`: of a consumer: the one that it polls; 0: none.
 */
struct moor_abi_quiet {
	uint64_t asleep;
	uint64_t waits, wakes;
	uint64_t bell;
};

/*
 * What the consumer has released: two copies written in turn, `position` last; the one with the greater position is
 * whole. Messages and bytes of payload are totals up to there. Then the same position once more, in one place.
 */
struct moor_abi_done {
	uint64_t messages, bytes, position;
};
struct moor_abi_consumer {
	struct moor_abi_slot slot;
	uint64_t died_reported; /* how many producers' deaths have been reported to a consumer */
	uint64_t skipped;       /* claims of dead producers passed over */
	uint8_t pad0[96];
	struct moor_abi_quiet quiet;
	uint8_t pad1[96];
	struct moor_abi_done done[2];
	uint64_t released; /* all before it is free for the producer; bits 0 to 3 count the consumers' closes */
	uint8_t pad2[72];
	uint64_t head; /* a copy of it, published now and then, for the producer's cache */
	uint8_t pad3[120];
};

/*
 * What the producer has published is in the data: from `released` record after record up to a header that is 0.
 * One of many says here, before it claims [position, position + intent_units), what it is about to: the claim word that
 * it has read, and how much; 0 units: nothing. It stays until what it claimed is published.
 */
struct moor_abi_producer {
	struct moor_abi_slot slot;
	uint8_t pad0[112];
	struct moor_abi_quiet quiet;
	uint8_t pad1[96];
	uint64_t full; /* how often it found no room */
	uint8_t pad2[120];
	uint64_t intent;
	uint32_t intent_units; /* of 16 bytes */
	uint8_t pad3[116];
};

/*
 * What many producers share. `claimed`: bits 10 to 63: the position up to which all is claimed, in lines of 64 bytes,
 * modulo 2^54; bits 0 to 9: the slot of who claimed last, 0: nobody yet. Claims are of whole lines; padding is a claim.
 * `sleeping`: bit 0: a producer may sleep for room; bit 1 stays set when one cannot use membarrier. `changes` changes
 * after the `life` of a producer's slot has, by the producer itself.
 */
struct moor_abi_many {
	uint64_t claimed;
	uint8_t pad0[120];
	uint32_t sleeping;
	uint32_t changes;
	uint8_t pad1[120];
};
#define MOOR_ABI_MANY_OFFSET 256u
#define MOOR_ABI_LINE 64u
#define MOOR_ABI_CLAIM_SLOT_BITS 10
#define MOOR_ABI_CLAIM_SLOT_MASK 1023u
#define MOOR_ABI_MANY_PRODUCERS 1000u /* at most */
#define MOOR_ABI_RING_SLOTS_OFFSET 512u
#define MOOR_ABI_RING_SLOT_SIZE 512u

/*
 * The header of a record, 16-byte aligned in the data; the payload follows it. `word` is the publication: 0 until the
 * record is whole, then MESSAGE, with the length of the payload in bytes in `detail`; or PAD: no message, `detail` units
 * of 16 bytes to skip, up to the end of the data. END: no record either, a producer closed here (bits 0 to 15 count, so
 * that the word changes for a sleeper).
 *
 * The one producer zeroes the header that follows before it publishes a record, so that there is a header that reads 0
 * at the tail, at every instant.
 *
 * Of many, records are aligned to 64 bytes, PAD is anywhere, and there is no END. CLAIM: somebody is writing the record,
 * of `detail` units. Bits 4 to 13 of all three: the slot of who claimed it; bits 14 to 23: of who claimed what is before
 * it, 0: nobody, or it is not known.
 */
struct moor_abi_record_header {
	uint32_t word;
	uint32_t detail;
};
#define MOOR_ABI_UNIT 16u
#define MOOR_ABI_WORD_MESSAGE 1u
#define MOOR_ABI_WORD_END 0x20000000u
#define MOOR_ABI_WORD_PAD 0x40000000u
#define MOOR_ABI_WORD_CLAIM 0x80000000u
#define MOOR_ABI_WORD_BY_SHIFT 4
#define MOOR_ABI_WORD_AFTER_SHIFT 14

/*
 * A link: two memories like this, the host's and the worker's. Each is written by one side and mapped read-only by the
 * other. It begins with that side's half of the ring that it receives through, and its half of the ring that it sends
 * through; the data of the latter follow, capacity bytes of them. Both headers are the host's, of this kind, alike, and
 * otherwise as a ring's of one producer.
 */
#define MOOR_ABI_KIND_LINK 16u
struct moor_abi_link {
	struct moor_abi_header header;
	uint8_t pad0[256];
	struct moor_abi_consumer in;
	struct moor_abi_producer out;
	uint8_t pad1[2560];
};

#if defined(__cplusplus)
#define MOOR_ABI_ASSERT(name, condition) static_assert(condition, #name)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define MOOR_ABI_ASSERT(name, condition) _Static_assert(condition, #name)
#else
#define MOOR_ABI_ASSERT(name, condition) typedef char moor_abi_assert_##name[(condition) ? 1 : -1]
#endif
#define MOOR_ABI_AT(type, field, offset)                                                                               \
	MOOR_ABI_ASSERT(type##_##field, offsetof(struct moor_abi_##type, field) == (offset))

MOOR_ABI_AT(header, magic, 0);
MOOR_ABI_AT(header, byte_order, 8);
MOOR_ABI_AT(header, version, 12);
MOOR_ABI_AT(header, least, 14);
MOOR_ABI_AT(header, header_size, 16);
MOOR_ABI_AT(header, word_bits, 20);
MOOR_ABI_AT(header, fingerprint, 24);
MOOR_ABI_AT(header, kind, 28);
MOOR_ABI_AT(header, compatible, 32);
MOOR_ABI_AT(header, incompatible, 40);
MOOR_ABI_AT(header, total_size, 48);
MOOR_ABI_AT(header, data_offset, 56);
MOOR_ABI_AT(header, data_size, 64);
MOOR_ABI_AT(header, slots_offset, 72);
MOOR_ABI_AT(header, slot_count, 80);
MOOR_ABI_AT(header, slot_size, 84);
MOOR_ABI_AT(header, instance, 88);
MOOR_ABI_AT(header, state, 104);
MOOR_ABI_AT(header, ring_kind, 108);
MOOR_ABI_AT(header, max_message, 112);
MOOR_ABI_AT(header, max_producers, 116);
MOOR_ABI_AT(header, app_tag, 120);
MOOR_ABI_AT(header, committed, 128);
MOOR_ABI_AT(header, name, 136);
MOOR_ABI_AT(header, reserved, 152);
MOOR_ABI_ASSERT(header_size, sizeof(struct moor_abi_header) == 256);
MOOR_ABI_AT(slot, life, 0);
MOOR_ABI_AT(slot, pid, 8);
MOOR_ABI_AT(slot, cpu, 12);
MOOR_ABI_ASSERT(slot_size, sizeof(struct moor_abi_slot) == 16);
MOOR_ABI_ASSERT(map_head, 256 + 16 * MOOR_ABI_MAP_SLOTS == MOOR_ABI_DATA_ALIGN);
MOOR_ABI_AT(file, device, 0);
MOOR_ABI_AT(file, inode, 8);
MOOR_ABI_AT(file, path_len, 16);
MOOR_ABI_AT(file, pad, 20);
MOOR_ABI_AT(file, path, 24);
MOOR_ABI_ASSERT(file_size, sizeof(struct moor_abi_file) == 4120);
MOOR_ABI_AT(sync, word, 0);
MOOR_ABI_AT(sync, max, 128);
MOOR_ABI_AT(sync, flags, 132);
MOOR_ABI_ASSERT(sync_size, sizeof(struct moor_abi_sync) == MOOR_ABI_SYNC_SLOTS_OFFSET - MOOR_ABI_SYNC_OFFSET);
MOOR_ABI_ASSERT(sync_whole, MOOR_ABI_SYNC_SLOTS_OFFSET + 16 * MOOR_ABI_SYNC_SLOTS == MOOR_ABI_SYNC_SIZE);
MOOR_ABI_AT(quiet, asleep, 0);
MOOR_ABI_AT(quiet, waits, 8);
MOOR_ABI_AT(quiet, wakes, 16);
MOOR_ABI_AT(quiet, bell, 24);
MOOR_ABI_ASSERT(quiet_size, sizeof(struct moor_abi_quiet) == 32);
MOOR_ABI_AT(done, messages, 0);
MOOR_ABI_AT(done, bytes, 8);
MOOR_ABI_AT(done, position, 16);
MOOR_ABI_ASSERT(done_size, sizeof(struct moor_abi_done) == 24);
MOOR_ABI_AT(consumer, slot, 0);
MOOR_ABI_AT(consumer, died_reported, 16);
MOOR_ABI_AT(consumer, skipped, 24);
MOOR_ABI_AT(consumer, quiet, 128);
MOOR_ABI_AT(consumer, done, 256);
MOOR_ABI_AT(consumer, released, 304);
MOOR_ABI_AT(consumer, head, 384);
MOOR_ABI_ASSERT(consumer_size, sizeof(struct moor_abi_consumer) == MOOR_ABI_RING_SLOT_SIZE);
MOOR_ABI_AT(producer, slot, 0);
MOOR_ABI_AT(producer, quiet, 128);
MOOR_ABI_AT(producer, full, 256);
MOOR_ABI_AT(producer, intent, 384);
MOOR_ABI_AT(producer, intent_units, 392);
MOOR_ABI_ASSERT(producer_size, sizeof(struct moor_abi_producer) == MOOR_ABI_RING_SLOT_SIZE);
MOOR_ABI_AT(many, claimed, 0);
MOOR_ABI_AT(many, sleeping, 128);
MOOR_ABI_AT(many, changes, 132);
MOOR_ABI_ASSERT(many_size, sizeof(struct moor_abi_many) == MOOR_ABI_RING_SLOTS_OFFSET - MOOR_ABI_MANY_OFFSET);
MOOR_ABI_AT(link, header, 0);
MOOR_ABI_AT(link, in, MOOR_ABI_RING_SLOTS_OFFSET);
MOOR_ABI_AT(link, out, MOOR_ABI_RING_SLOTS_OFFSET + MOOR_ABI_RING_SLOT_SIZE);
MOOR_ABI_ASSERT(link_size, sizeof(struct moor_abi_link) == MOOR_ABI_DATA_ALIGN);
MOOR_ABI_AT(record_header, word, 0);
MOOR_ABI_AT(record_header, detail, 4);
MOOR_ABI_ASSERT(record_header_size, sizeof(struct moor_abi_record_header) == 8);

#ifdef __cplusplus
}
#endif
#endif
