/* SPDX-License-Identifier: Apache-2.0 */
/* record.h - the header of a record: what its two words mean. See mooring/abi.h for the bits. */
#ifndef MOOR_RING_RECORD_H
#define MOOR_RING_RECORD_H

#include "base/atomic.h"

#include <mooring/abi.h>

#define MOOR__HEADER_SIZE ((uint64_t)sizeof(struct moor_abi_record_header))
#define MOOR__UNIT ((uint64_t)MOOR_ABI_UNIT)

/* The bytes of the ring that a message takes. len is at most UINT32_MAX. */
static inline uint64_t moor__record_size(uint64_t len)
{
	return (len + MOOR__HEADER_SIZE + MOOR__UNIT - 1) & ~(MOOR__UNIT - 1);
}

/* The same where many producers claim lines. */
static inline uint64_t moor__claim_size(uint64_t len)
{
	return (len + MOOR__HEADER_SIZE + MOOR_ABI_LINE - 1) & ~(uint64_t)(MOOR_ABI_LINE - 1);
}

/* Nothing was published here: fresh, or the mark of a producer's close. */
static inline bool moor__word_is_open(uint32_t word) { return word == 0 || (word & ~0xffffu) == MOOR_ABI_WORD_END; }
/* The next mark of a close, so that the word changes under a sleeper whatever it was. */
static inline uint32_t moor__word_next_end(uint32_t word) { return MOOR_ABI_WORD_END | ((word + 1) & 0xffffu); }

#if UINTPTR_MAX > UINT32_MAX && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define MOOR__HEADER_IN_ONE_MOVE 1
#else
#define MOOR__HEADER_IN_ONE_MOVE 0
#endif

/* Publishes: `detail` is seen by whoever sees `word`. */
static inline void moor__publish_header(struct moor_abi_record_header *header, uint32_t word, uint32_t detail)
{
	if (MOOR__HEADER_IN_ONE_MOVE) {
		moor__release_64((uint64_t *)(void *)header, (uint64_t)detail << 32 | word);
	} else {
		moor__store_32(&header->detail, detail);
		moor__release_32(&header->word, word);
	}
}

/* Each word read once. */
static inline struct moor_abi_record_header moor__acquire_header(const struct moor_abi_record_header *header)
{
	struct moor_abi_record_header value;

	if (MOOR__HEADER_IN_ONE_MOVE) {
		const uint64_t both = moor__acquire_64((const uint64_t *)(const void *)header);

		value.word = (uint32_t)both;
		value.detail = (uint32_t)(both >> 32);
	} else {
		value.word = moor__acquire_32(&header->word);
		value.detail = moor__load_32(&header->detail);
	}
	return value;
}

/* The length of the message that is published there; more than UINT32_MAX if none is. */
static inline uint64_t moor__acquire_message(const struct moor_abi_record_header *header)
{
	struct moor_abi_record_header value;

	if (MOOR__HEADER_IN_ONE_MOVE) {
		uint64_t both = moor__acquire_64((const uint64_t *)(const void *)header) - MOOR_ABI_WORD_MESSAGE;

		both = both >> 32 | both << 32;
		__asm__("" : "+r"(both)); /* or the compiler keeps the word too, in one register more than there is */
		return both;
	}
	value = moor__acquire_header(header);
	return value.word == MOOR_ABI_WORD_MESSAGE ? value.detail : UINT64_MAX;
}

#endif
