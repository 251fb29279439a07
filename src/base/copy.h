/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy.h - memcpy for messages. Short ones go without the call: two overlapping moves cover every length between one and
 * two of their width. Long ones are the C library's: `rep movsb` does not fetch the lines that it overwrites, which are
 * the other processor's (doc/design.md, "What was measured").
 */
#ifndef MOOR_BASE_COPY_H
#define MOOR_BASE_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline void moor__copy(void *restrict to, const void *restrict from, size_t len)
{
	char *const t = to;
	const char *const f = from;

	if (len == 8) {
		uint64_t only;

		memcpy(&only, f, 8);
		memcpy(t, &only, 8);
	} else if (len > 8 && len <= 16) {
		uint64_t first, last;

		memcpy(&first, f, 8);
		memcpy(&last, f + len - 8, 8);
		memcpy(t, &first, 8);
		memcpy(t + len - 8, &last, 8);
	} else if (len) {
		memcpy(t, f, len);
	}
}

#endif
