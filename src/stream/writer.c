/* SPDX-License-Identifier: Apache-2.0 */
#include "base/copy.h"
#include "base/little.h"
#include "stream/length.h"

void moor_writer_init(struct moor_writer *writer, void *buf, size_t cap)
{
	if (writer)
		*writer = (struct moor_writer){.data = buf, .cap = cap, .err = !buf && cap ? MOOR_EINVAL : 0};
}

static int fail(struct moor_writer *writer, int err)
{
	writer->err = err;
	return err;
}

/* The struct is the caller's: a pos beyond the buffer leaves nothing. */
static size_t room(const struct moor_writer *writer)
{
	return writer->pos < writer->cap ? writer->cap - writer->pos : 0;
}

static int put(struct moor_writer *writer, uint64_t value, size_t len)
{
	if (!writer)
		return MOOR_EINVAL;
	if (writer->err)
		return writer->err;
	if (len > room(writer))
		return fail(writer, MOOR_ERANGE);
	moor__put_little(writer->data + writer->pos, value, len);
	writer->pos += len;
	return 0;
}

#define PUT_INTEGER(X, T)                                                                                              \
	int moor_writer_##X(struct moor_writer *writer, T value)                                                       \
	{                                                                                                              \
		return put(writer, (uint64_t)value, sizeof value);                                                     \
	}
#define PUT_FLOAT(X, T, BITS)                                                                                          \
	int moor_writer_##X(struct moor_writer *writer, T value)                                                       \
	{                                                                                                              \
		BITS bits;                                                                                             \
                                                                                                                       \
		_Static_assert(sizeof bits == sizeof value, "IEEE 754");                                               \
		memcpy(&bits, &value, sizeof bits);                                                                    \
		return put(writer, bits, sizeof bits);                                                                 \
	}

int moor_writer_bool(struct moor_writer *writer, bool value)
{
	return put(writer, value, 1);
}

PUT_INTEGER(i8, int8_t)
PUT_INTEGER(u8, uint8_t)
PUT_INTEGER(i16, int16_t)
PUT_INTEGER(u16, uint16_t)
PUT_INTEGER(i32, int32_t)
PUT_INTEGER(u32, uint32_t)
PUT_INTEGER(i64, int64_t)
PUT_INTEGER(u64, uint64_t)
PUT_FLOAT(f32, float, uint32_t)
PUT_FLOAT(f64, double, uint64_t)

int moor_writer_bytes(struct moor_writer *writer, const void *src, size_t len)
{
	if (!writer)
		return MOOR_EINVAL;
	if (writer->err)
		return writer->err;
	if (!src && len)
		return fail(writer, MOOR_EINVAL);
	if (len > room(writer))
		return fail(writer, MOOR_ERANGE);
	if (len) {
		moor__copy(writer->data + writer->pos, src, len);
		writer->pos += len;
	}
	return 0;
}

/* Makes room for a string of len bytes, and writes its length: all of it fits, or nothing is written. */
static int begin_string(struct moor_writer *writer, bool valid, size_t len)
{
	unsigned char bytes[MOOR__LENGTH_BYTES];
	size_t count;

	if (!writer)
		return MOOR_EINVAL;
	if (writer->err)
		return writer->err;
	if (!valid || len > MOOR__LENGTH_MAX)
		return fail(writer, MOOR_EINVAL);
	count = moor__length_encode(len, bytes);
	if (count > room(writer) || len > room(writer) - count)
		return fail(writer, MOOR_ERANGE);
	memcpy(writer->data + writer->pos, bytes, count);
	writer->pos += count;
	return 0;
}

int moor_writer_string(struct moor_writer *writer, const char *utf8, size_t len)
{
	const int err = begin_string(writer, utf8 || !len, len);

	return err ? err : moor_writer_bytes(writer, utf8, len);
}

int moor_writer_string16(struct moor_writer *writer, const uint16_t *utf16, size_t units)
{
	/* A length beyond what can be said stays so when it is doubled. */
	const size_t len = units > MOOR__LENGTH_MAX / 2 ? SIZE_MAX : units * 2;
	const int err = begin_string(writer, utf16 || !units, len);

	if (err)
		return err;
	for (size_t i = 0; i < units; i++)
		moor__put_little(writer->data + writer->pos + 2 * i, utf16[i], 2);
	writer->pos += len;
	return 0;
}

int moor_writer_finish(struct moor_writer *writer, size_t *ret_len)
{
	if (!writer)
		return MOOR_EINVAL;
	if (writer->err)
		return writer->err;
	if (!ret_len)
		return fail(writer, MOOR_EINVAL);
	*ret_len = writer->pos;
	return 0;
}
