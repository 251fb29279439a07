/* SPDX-License-Identifier: Apache-2.0 */
/*
 * length.h - the length before a string: seven bits a byte, lowest first, the high bit saying that more follow. .NET
 * keeps it in an Int32, so that five bytes are the most, of which the last has three bits.
 */
#ifndef MOOR_STREAM_LENGTH_H
#define MOOR_STREAM_LENGTH_H

#include <mooring/stream.h>

#define MOOR__LENGTH_MAX ((size_t)INT32_MAX)
#define MOOR__LENGTH_BYTES 5

/* Writes the length into bytes; returns how many. */
static inline size_t moor__length_encode(size_t length, unsigned char bytes[MOOR__LENGTH_BYTES])
{
	size_t count = 0;

	for (; length >= 0x80; length >>= 7)
		bytes[count++] = (unsigned char)(length | 0x80);
	bytes[count++] = (unsigned char)length;
	return count;
}

/* Reads one from the `left` bytes at `from`. 0, MOOR_ERANGE (it ends before the length does), MOOR_ECORRUPT. */
static inline int moor__length_decode(const unsigned char *from, size_t left, size_t *ret_length, size_t *ret_count)
{
	const volatile unsigned char *bytes = from; /* others may write them: each is read once */
	uint32_t length = 0;

	for (size_t i = 0; i < MOOR__LENGTH_BYTES; i++) {
		unsigned char byte;

		if (i == left)
			return MOOR_ERANGE;
		byte = bytes[i];
		if (i == MOOR__LENGTH_BYTES - 1 && byte > 0x07)
			break;
		length |= (uint32_t)(byte & 0x7f) << 7 * i;
		if (byte < 0x80) {
			*ret_length = length;
			*ret_count = i + 1;
			return 0;
		}
	}
	return MOOR_ECORRUPT;
}

#endif
