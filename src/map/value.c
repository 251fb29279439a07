/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value.c - typed access to views: checked, little endian on every machine, and whatever lies on a multiple of its size
 * goes in one piece, in 32-bit processes, too.
 */
#include "base/atomic.h"
#include "map/view.h"

#include <string.h>

static int check(const moor_view *view, uint32_t barred, size_t off, size_t len)
{
	if (!view)
		return MOOR_EINVAL;
	if (barred & (1u << view->access))
		return MOOR_EACCES;
	if (off > view->size || len > view->size - off)
		return MOOR_ERANGE;
	return 0;
}

static int check_get(const moor_view *view, size_t off, size_t len)
{
	return check(view, 1u << MOOR_WRITE, off, len);
}

static int check_put(const moor_view *view, size_t off, size_t len)
{
	return check(view, 1u << MOOR_READ | 1u << MOOR_READ_EXECUTE, off, len);
}

static unsigned char *byte(const moor_view *view, size_t off)
{
	return (unsigned char *)view->data + off;
}

static bool aligned(const void *p, size_t to)
{
	return (uintptr_t)p % to == 0;
}

/* Between the processor's order of bytes and that of the view. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
static uint16_t turn_16(uint16_t v) { return __builtin_bswap16(v); }
static uint32_t turn_32(uint32_t v) { return __builtin_bswap32(v); }
static uint64_t turn_64(uint64_t v) { return __builtin_bswap64(v); }
#else
static uint16_t turn_16(uint16_t v) { return v; }
static uint32_t turn_32(uint32_t v) { return v; }
static uint64_t turn_64(uint64_t v) { return v; }
#endif

static uint8_t get_8(const unsigned char *p)
{
	return moor__load_8(p);
}

static void put_8(unsigned char *p, uint8_t v)
{
	moor__store_8(p, v);
}

#define GET_AND_PUT(bits)                                                                                              \
	static uint##bits##_t get_##bits(const unsigned char *p)                                                       \
	{                                                                                                              \
		uint##bits##_t v;                                                                                      \
                                                                                                                       \
		if (aligned(p, sizeof v))                                                                              \
			v = moor__load_##bits((const void *)p);                                                        \
		else                                                                                                   \
			memcpy(&v, p, sizeof v);                                                                       \
		return turn_##bits(v);                                                                                 \
	}                                                                                                              \
                                                                                                                       \
	static void put_##bits(unsigned char *p, uint##bits##_t v)                                                     \
	{                                                                                                              \
		v = turn_##bits(v);                                                                                    \
		if (aligned(p, sizeof v))                                                                              \
			moor__store_##bits((void *)p, v);                                                              \
		else                                                                                                   \
			memcpy(p, &v, sizeof v);                                                                       \
	}

GET_AND_PUT(16)
GET_AND_PUT(32)
GET_AND_PUT(64)

/* The value's bits go as they are: no floating-point register may make another NaN of them. */
#define ACCESSORS(name, type, bits)                                                                                    \
	int moor_view_get_##name(const moor_view *view, size_t off, type *ret_value)                                   \
	{                                                                                                              \
		const int err = ret_value ? check_get(view, off, sizeof(type)) : MOOR_EINVAL;                          \
		uint##bits##_t v;                                                                                      \
                                                                                                                       \
		if (err)                                                                                               \
			return err;                                                                                    \
		v = get_##bits(byte(view, off));                                                                      \
		memcpy(ret_value, &v, sizeof v);                                                                       \
		return 0;                                                                                              \
	}                                                                                                              \
                                                                                                                       \
	int moor_view_put_##name(moor_view *view, size_t off, type value)                                              \
	{                                                                                                              \
		const int err = check_put(view, off, sizeof(type));                                                    \
		uint##bits##_t v;                                                                                      \
                                                                                                                       \
		if (err)                                                                                               \
			return err;                                                                                    \
		memcpy(&v, &value, sizeof v);                                                                          \
		put_##bits(byte(view, off), v);                                                                       \
		return 0;                                                                                              \
	}

ACCESSORS(i8, int8_t, 8)
ACCESSORS(u8, uint8_t, 8)
ACCESSORS(i16, int16_t, 16)
ACCESSORS(u16, uint16_t, 16)
ACCESSORS(i32, int32_t, 32)
ACCESSORS(u32, uint32_t, 32)
ACCESSORS(i64, int64_t, 64)
ACCESSORS(u64, uint64_t, 64)
ACCESSORS(f32, float, 32)
ACCESSORS(f64, double, 64)

int moor_view_get_bool(const moor_view *view, size_t off, bool *ret_value)
{
	const int err = ret_value ? check_get(view, off, 1) : MOOR_EINVAL;

	if (!err)
		*ret_value = get_8(byte(view, off)) != 0;
	return err;
}

int moor_view_put_bool(moor_view *view, size_t off, bool value)
{
	const int err = check_put(view, off, 1);

	if (!err)
		put_8(byte(view, off), value);
	return err;
}

int moor_view_read(const moor_view *view, size_t off, void *dst, size_t len)
{
	const int err = dst || !len ? check_get(view, off, len) : MOOR_EINVAL;
	const unsigned char *from;
	unsigned char *to = dst;

	if (err || !len)
		return err;
	from = byte(view, off);
	for (; len && !aligned(from, 8); len--)
		*to++ = moor__load_8(from++);
	for (; len >= 8; len -= 8, from += 8, to += 8) {
		const uint64_t v = moor__load_64((const void *)from);

		memcpy(to, &v, 8);
	}
	for (; len; len--)
		*to++ = moor__load_8(from++);
	return 0;
}

int moor_view_write(moor_view *view, size_t off, const void *src, size_t len)
{
	const int err = src || !len ? check_put(view, off, len) : MOOR_EINVAL;
	const unsigned char *from = src;
	unsigned char *to;

	if (err || !len)
		return err;
	to = byte(view, off);
	for (; len && !aligned(to, 8); len--)
		moor__store_8(to++, *from++);
	for (; len >= 8; len -= 8, from += 8, to += 8) {
		uint64_t v;

		memcpy(&v, from, 8);
		moor__store_64((void *)to, v);
	}
	for (; len; len--)
		moor__store_8(to++, *from++);
	return 0;
}
