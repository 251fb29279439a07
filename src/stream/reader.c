/* SPDX-License-Identifier: Apache-2.0 */
#include "base/copy.h"
#include "base/little.h"
#include "stream/length.h"

void moor_reader_init(struct moor_reader *reader, const void *buf, size_t len)
{
	if (reader)
		*reader = (struct moor_reader){.data = buf, .len = len, .err = !buf && len ? MOOR_EINVAL : 0};
}

static int fail(struct moor_reader *reader, int err)
{
	reader->err = err;
	return err;
}

/* The struct is the caller's: a pos beyond the buffer leaves nothing. */
static size_t left(const struct moor_reader *reader)
{
	return reader->pos < reader->len ? reader->len - reader->pos : 0;
}

/* Before any value: may it be read, and is there somewhere to put it? */
static int begin(struct moor_reader *reader, bool valid)
{
	if (!reader)
		return MOOR_EINVAL;
	if (reader->err)
		return reader->err;
	return valid ? 0 : fail(reader, MOOR_EINVAL);
}

static int get(struct moor_reader *reader, bool valid, size_t len, uint64_t *ret_bits)
{
	const int err = begin(reader, valid);

	if (err)
		return err;
	if (len > left(reader))
		return fail(reader, MOOR_ERANGE);
	*ret_bits = moor__get_little(reader->data + reader->pos, len);
	reader->pos += len;
	return 0;
}

/* Copied as bits: a floating-point register of a 32-bit x86 changes some NaNs. */
#define GET(X, T, BITS)                                                                                                \
	int moor_reader_##X(struct moor_reader *reader, T *ret_value)                                                  \
	{                                                                                                              \
		uint64_t wide;                                                                                         \
		BITS bits;                                                                                             \
		const int err = get(reader, ret_value, sizeof bits, &wide);                                            \
                                                                                                                       \
		if (err)                                                                                               \
			return err;                                                                                    \
		_Static_assert(sizeof bits == sizeof *ret_value, "the width in the buffer");                           \
		bits = (BITS)wide;                                                                                     \
		memcpy(ret_value, &bits, sizeof bits);                                                                 \
		return 0;                                                                                              \
	}

int moor_reader_bool(struct moor_reader *reader, bool *ret_value)
{
	uint64_t bits;
	const int err = get(reader, ret_value, 1, &bits);

	if (err)
		return err;
	*ret_value = bits != 0;
	return 0;
}

GET(i8, int8_t, uint8_t)
GET(u8, uint8_t, uint8_t)
GET(i16, int16_t, uint16_t)
GET(u16, uint16_t, uint16_t)
GET(i32, int32_t, uint32_t)
GET(u32, uint32_t, uint32_t)
GET(i64, int64_t, uint64_t)
GET(u64, uint64_t, uint64_t)
GET(f32, float, uint32_t)
GET(f64, double, uint64_t)

int moor_reader_bytes(struct moor_reader *reader, void *dst, size_t len)
{
	const int err = begin(reader, dst || !len);

	if (err)
		return err;
	if (len > left(reader))
		return fail(reader, MOOR_ERANGE);
	if (len) {
		moor__copy(dst, reader->data + reader->pos, len);
		reader->pos += len;
	}
	return 0;
}

/* A string whose length is a multiple of `unit` bytes, in place. */
static int get_string(struct moor_reader *reader, bool valid, size_t unit, const unsigned char **ret_text,
                      size_t *ret_units)
{
	size_t len, count;
	int err = begin(reader, valid);

	if (err)
		return err;
	if (!left(reader))
		return fail(reader, MOOR_ERANGE);
	err = moor__length_decode(reader->data + reader->pos, left(reader), &len, &count);
	if (err)
		return fail(reader, err);
	if (len % unit)
		return fail(reader, MOOR_ECORRUPT);
	if (len > left(reader) - count)
		return fail(reader, MOOR_ERANGE);
	*ret_text = reader->data + reader->pos + count;
	*ret_units = len / unit;
	reader->pos += count + len;
	return 0;
}

int moor_reader_string(struct moor_reader *reader, const char **ret_utf8, size_t *ret_len)
{
	const unsigned char *text;
	const int err = get_string(reader, ret_utf8 && ret_len, 1, &text, ret_len);

	if (!err)
		*ret_utf8 = (const char *)text;
	return err;
}

int moor_reader_string16(struct moor_reader *reader, const void **ret_utf16le, size_t *ret_units)
{
	const unsigned char *text;
	const int err = get_string(reader, ret_utf16le && ret_units, 2, &text, ret_units);

	if (!err)
		*ret_utf16le = text;
	return err;
}

int moor_reader_finish(struct moor_reader *reader, size_t *ret_len)
{
	const int err = begin(reader, ret_len);

	if (!err)
		*ret_len = reader->pos;
	return err;
}
