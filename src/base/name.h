/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOOR_BASE_NAME_H
#define MOOR_BASE_NAME_H

#include <mooring/name.h>

enum moor__scope { MOOR__LOCAL, MOOR__GLOBAL };

/* A name taken apart. */
struct moor__name {
	enum moor__scope scope;
	char rest[MOOR_NAME_MAX + 1];
};

/* 0, MOOR_EINVAL for NULL, MOOR_ENAME. */
int moor__name_parse(const char *text, struct moor__name *ret_name);

/* SipHash-2-4 of 128 bits, its key zero, of the full name: the same bytes on every machine. */
#define MOOR__NAME_DIGEST 16
void moor__name_digest(const struct moor__name *name, uint8_t digest[MOOR__NAME_DIGEST]);

#endif
