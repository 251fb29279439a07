/* SPDX-License-Identifier: Apache-2.0 */
/* checked.h - arithmetic that says when it does not fit. */
#ifndef MOOR_BASE_CHECKED_H
#define MOOR_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool moor__add_u64(uint64_t a, uint64_t b, uint64_t *ret_sum)
{
	return !__builtin_add_overflow(a, b, ret_sum);
}

static inline bool moor__add_size(size_t a, size_t b, size_t *ret_sum)
{
	return !__builtin_add_overflow(a, b, ret_sum);
}

static inline bool moor__fits_size(uint64_t value)
{
	return value <= SIZE_MAX;
}

/* step is a power of two; the caller knows that value + step does not overflow. */
static inline uint64_t moor__round_up(uint64_t value, uint64_t step)
{
	return (value + step - 1) & ~(step - 1);
}

#endif
