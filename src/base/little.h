/* SPDX-License-Identifier: Apache-2.0 */
/* little.h - little-endian values of 1 to 8 bytes, at any alignment, on every machine; compilers make one move of each. */
#ifndef MOOR_BASE_LITTLE_H
#define MOOR_BASE_LITTLE_H

#include <stddef.h>
#include <stdint.h>

static inline void moor__put_little(unsigned char *to, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = (unsigned char)(value >> 8 * i);
}

static inline uint64_t moor__get_little(const unsigned char *from, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++)
		value |= (uint64_t)from[i] << 8 * i;
	return value;
}

#endif
