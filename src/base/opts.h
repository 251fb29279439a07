/* SPDX-License-Identifier: Apache-2.0 */
/*
 * opts.h - options structs that grow: a caller built against an older header passes a shorter one, whose missing
 * members read as zero; one built against a newer header may pass a longer one as long as what we do not know is zero.
 */
#ifndef MOOR_BASE_OPTS_H
#define MOOR_BASE_OPTS_H

#include <mooring/base.h>
#include <string.h>

/* Copies the caller's struct (or, for NULL, defaults) into the `size` bytes at `known`. */
static inline int moor__opts_copy(void *known, size_t size, const void *given)
{
	uint32_t given_size;

	memset(known, 0, size);
	if (!given)
		return 0;
	memcpy(&given_size, given, sizeof given_size);
	if (given_size < sizeof given_size)
		return MOOR_EINVAL;
	for (size_t i = size; i < given_size; i++)
		if (((const unsigned char *)given)[i])
			return MOOR_EINVAL;
	memcpy(known, given, given_size < size ? given_size : size);
	return 0;
}

/* For moor_*_opts_init: all defaults, in a struct whose size the caller knows. */
static inline void moor__opts_init(void *opts, size_t size)
{
	const uint32_t struct_size = size > UINT32_MAX ? 0 : (uint32_t)size;

	if (!opts || size < sizeof struct_size)
		return;
	memset(opts, 0, size);
	memcpy(opts, &struct_size, sizeof struct_size);
}

/*
 * Gives the struct at `known` back through the caller's, as long as the caller knows it to be; struct_size stays the
 * caller's, what it knows and we do not reads as zero.
 */
static inline int moor__info_copy(void *ret_info, const void *known, size_t size)
{
	uint32_t given_size;

	memcpy(&given_size, ret_info, sizeof given_size);
	if (given_size < sizeof given_size)
		return MOOR_EINVAL;
	memset((char *)ret_info + sizeof given_size, 0, given_size - sizeof given_size);
	if (given_size > sizeof given_size)
		memcpy((char *)ret_info + sizeof given_size, (const char *)known + sizeof given_size,
		       (given_size < size ? given_size : size) - sizeof given_size);
	return 0;
}

#endif
