/* SPDX-License-Identifier: Apache-2.0 */
/* record.h - the header of a record: what its two words mean. See mooring/abi.h for the bits. */
#ifndef MOOR_RING_RECORD_H
#define MOOR_RING_RECORD_H

#include "base/atomic.h"

#include <mooring/abi.h>

#define MOOR__HEADER_SIZE ((uint64_t)sizeof(struct moor_abi_record_header))
#define MOOR__LINE ((uint64_t)MOOR_ABI_LINE)

/* The bytes of the ring that a message takes. len is at most UINT32_MAX. */
static inline uint64_t moor__record_size(uint64_t len)
{
	return (len + MOOR__HEADER_SIZE + MOOR__LINE - 1) & ~(MOOR__LINE - 1);
}

static inline uint32_t moor__record_word(uint64_t size) { return (uint32_t)(size / MOOR__LINE); }

/* A whole message, and nothing else: lines, and no other bit. */
static inline bool moor__word_is_message(uint32_t word) { return word - 1 < MOOR_ABI_WORD_LINES; }
static inline bool moor__word_is_padding(uint32_t word)
{
	return (word & ~MOOR_ABI_WORD_LINES) == MOOR_ABI_WORD_PAD && (word & MOOR_ABI_WORD_LINES);
}
/* Something was published here, a message or padding. */
static inline bool moor__word_is_published(uint32_t word)
{
	return moor__word_is_message(word) || moor__word_is_padding(word);
}
/* Nothing was published here: fresh, or the mark of a producer's close. */
static inline bool moor__word_is_open(uint32_t word) { return word == 0 || (word & ~0xffffu) == MOOR_ABI_WORD_END; }
static inline uint64_t moor__word_size(uint32_t word) { return (uint64_t)(word & MOOR_ABI_WORD_LINES) * MOOR__LINE; }
/* The next mark of a close, so that the word changes under a sleeper whatever it was. */
static inline uint32_t moor__word_next_end(uint32_t word) { return MOOR_ABI_WORD_END | ((word + 1) & 0xffffu); }

/* Publishes: `detail` is seen by whoever sees `word`. In one store where that is one move. */
static inline void moor__publish_header(struct moor_abi_record_header *header, uint32_t word, uint32_t detail)
{
#if UINTPTR_MAX > UINT32_MAX && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	moor__release_64((uint64_t *)(void *)header, (uint64_t)detail << 32 | word);
#else
	moor__store_32(&header->detail, detail);
	moor__release_32(&header->word, word);
#endif
}

#define MOOR__DETAIL_SLACK 0x3fu

#endif
