/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy.h - memcpy for messages. Short ones go without the call: overlapping moves cover every length between one and two
 * of their width. Long ones are the C library's: `rep movsb` does not fetch the lines that it overwrites, which are
 * the other processor's (doc/design.md, "What was measured").
 */
#ifndef MOOR_BASE_COPY_H
#define MOOR_BASE_COPY_H

#include "base/atomic.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MOOR__COPY_SHORT 64u

typedef unsigned char moor__16 __attribute__((vector_size(16)));

/* Two moves of `type` for a length from its size to twice as much. */
#define MOOR__COPY_ENDS(to, from, len, type)                                                                           \
	do {                                                                                                           \
		type first, last;                                                                                      \
                                                                                                                       \
		memcpy(&first, (from), sizeof first);                                                                  \
		memcpy(&last, (from) + (len) - sizeof last, sizeof last);                                              \
		memcpy((to), &first, sizeof first);                                                                    \
		memcpy((to) + (len) - sizeof last, &last, sizeof last);                                                \
	} while (0)

/* len is at most MOOR__COPY_SHORT. */
static MOOR__ALWAYS_INLINE void moor__copy_short(void *restrict to, const void *restrict from, size_t len)
{
	unsigned char *const t = to;
	const unsigned char *const f = from;

	if (len > 32) {
		MOOR__COPY_ENDS(t, f, len, moor__16);
		MOOR__COPY_ENDS(t + 16, f + 16, len - 32, moor__16);
	} else if (len == 8) {
		memcpy(t, f, 8);
	} else if (len > 16) {
		MOOR__COPY_ENDS(t, f, len, moor__16);
	} else if (len > 8) {
		MOOR__COPY_ENDS(t, f, len, uint64_t);
	} else if (len >= 4) {
		MOOR__COPY_ENDS(t, f, len, uint32_t);
	} else if (len) {
		t[0] = f[0];
		t[len / 2] = f[len / 2];
		t[len - 1] = f[len - 1];
	}
}

static inline void moor__copy(void *restrict to, const void *restrict from, size_t len)
{
	if (len <= MOOR__COPY_SHORT)
		moor__copy_short(to, from, len);
	else
		memcpy(to, from, len);
}

#endif
