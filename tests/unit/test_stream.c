/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_stream.c - values in a buffer: the bytes that .NET's BinaryWriter writes, nothing outside the buffer whatever
 * lies in it, and errors that stick.
 */
#include "tests/lib/ring.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define VALUES(DO)                                                                                                     \
	DO(bool, bool)                                                                                                 \
	DO(i8, int8_t)                                                                                                 \
	DO(u8, uint8_t)                                                                                                \
	DO(i16, int16_t)                                                                                               \
	DO(u16, uint16_t)                                                                                              \
	DO(i32, int32_t)                                                                                               \
	DO(u32, uint32_t)                                                                                              \
	DO(i64, int64_t)                                                                                               \
	DO(u64, uint64_t)                                                                                              \
	DO(f32, float)                                                                                                 \
	DO(f64, double)

/* Bytes written in hex, and the number of them that finish tells. */
static void expect_hex(struct moor_writer *writer, const char *hex)
{
	char got[1024] = "";
	size_t len = 0;

	t_assert_err(moor_writer_finish(writer, &len), 0);
	for (size_t i = 0; i < len; i++)
		sprintf(got + 2 * i, "%02x", writer->data[i]);
	ck_assert_str_eq(got, hex);
}

#define WRITES(hex, call)                                                                                              \
	do {                                                                                                           \
		unsigned char buf_[256];                                                                               \
		struct moor_writer writer, *w = &writer;                                                               \
		moor_writer_init(w, buf_, sizeof buf_);                                                                \
		t_assert_err(call, 0);                                                                                 \
		expect_hex(w, hex);                                                                                    \
	} while (0)

/* As BinaryWriter.Write writes each: one byte for a Boolean, the rest little endian, floats as IEEE 754. */
START_TEST(test_values_are_the_bytes_of_BinaryWriter)
{
	WRITES("01", moor_writer_bool(w, true));
	WRITES("00", moor_writer_bool(w, false));
	WRITES("ff", moor_writer_i8(w, -1));
	WRITES("80", moor_writer_i8(w, INT8_MIN));
	WRITES("fe", moor_writer_u8(w, 254));
	WRITES("feff", moor_writer_i16(w, -2));
	WRITES("0180", moor_writer_u16(w, 0x8001));
	WRITES("78563412", moor_writer_i32(w, 0x12345678));
	WRITES("00000080", moor_writer_i32(w, INT32_MIN));
	WRITES("efbeadde", moor_writer_u32(w, 0xdeadbeef));
	WRITES("efcdab8967452301", moor_writer_i64(w, 0x0123456789abcdef));
	WRITES("0000000000000080", moor_writer_i64(w, INT64_MIN));
	WRITES("1032547698badcfe", moor_writer_u64(w, 0xfedcba9876543210u));
	WRITES("0000803f", moor_writer_f32(w, 1.0f));
	WRITES("00000080", moor_writer_f32(w, -0.0f));
	WRITES("db0f4940", moor_writer_f32(w, 3.14159274101257324f));
	WRITES("000000000000f03f", moor_writer_f64(w, 1.0));
	WRITES("9a9999999999b93f", moor_writer_f64(w, 0.1));
	WRITES("000000000000f07f", moor_writer_f64(w, (double)INFINITY));
	WRITES("000000000000f8bf", moor_writer_f64(w, -1.5));
	/* new DateTime(2000, 1, 1).Ticks */
	WRITES("0040e4470222c108", moor_writer_i64(w, 630822816000000000));
	WRITES("0a0b0c", moor_writer_bytes(w, "\n\v\f", 3));
	WRITES("", moor_writer_bytes(w, NULL, 0));
}
END_TEST

START_TEST(test_strings_are_the_bytes_of_BinaryWriter)
{
	static const uint16_t hi[] = {'H', 'i'}, clef[] = {0xd834, 0xdd1e, 0x20ac};

	WRITES("00", moor_writer_string(w, "", 0));
	WRITES("00", moor_writer_string(w, NULL, 0));
	WRITES("0548656c6c6f", moor_writer_string(w, "Hello", 5));
	WRITES("03e282ac", moor_writer_string(w, "\xe2\x82\xac", 3)); /* the euro sign */
	WRITES("03610062", moor_writer_string(w, "a\0b", 3));
	/* new BinaryWriter(stream, Encoding.Unicode): the length counts bytes. */
	WRITES("00", moor_writer_string16(w, NULL, 0));
	WRITES("0448006900", moor_writer_string16(w, hi, 2));
	WRITES("0634d81eddac20", moor_writer_string16(w, clef, 3));
}
END_TEST

/* Write7BitEncodedInt at each length where another byte begins. */
START_TEST(test_lengths_seven_bits_a_byte)
{
	static const struct {
		size_t len, count;
		unsigned char bytes[4];
	} cases[] = {{127, 1, {0x7f}},         {128, 2, {0x80, 0x01}},       {200, 2, {0xc8, 0x01}},
	             {16383, 2, {0xff, 0x7f}}, {16384, 3, {0x80, 0x80, 0x01}}, {2097151, 3, {0xff, 0xff, 0x7f}},
	             {2097152, 4, {0x80, 0x80, 0x80, 0x01}}};
	const size_t most = 2097152 + 4;
	unsigned char *buf = malloc(most);
	char *text = malloc(most);

	memset(text, 'x', most);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct moor_writer writer;
		struct moor_reader reader;
		const void *text16;
		const char *got;
		size_t len;

		moor_writer_init(&writer, buf, cases[i].count + cases[i].len);
		t_assert_err(moor_writer_string(&writer, text, cases[i].len), 0);
		ck_assert_uint_eq(writer.pos, cases[i].count + cases[i].len);
		ck_assert_mem_eq(buf, cases[i].bytes, cases[i].count);
		moor_reader_init(&reader, buf, writer.pos);
		t_assert_err(moor_reader_string(&reader, &got, &len), 0);
		ck_assert_uint_eq(len, cases[i].len);
		ck_assert_ptr_eq(got, buf + cases[i].count); /* in place */
		ck_assert_mem_eq(got, text, len);
		moor_reader_init(&reader, buf, writer.pos);
		t_assert_err(moor_reader_string16(&reader, &text16, &len), cases[i].len % 2 ? MOOR_ECORRUPT : 0);
		/* One byte less of room, and nothing is written. */
		memset(buf, 0xee, most);
		moor_writer_init(&writer, buf, cases[i].count + cases[i].len - 1);
		t_assert_err(moor_writer_string(&writer, text, cases[i].len), MOOR_ERANGE);
		for (size_t at = 0; at < most; at++)
			t_assert(buf[at] == 0xee);
	}
	free(buf);
	free(text);
}
END_TEST

START_TEST(test_lengths_beyond_what_can_be_said)
{
	const uint16_t unit = 'x';
	unsigned char buf[16];
	struct moor_writer writer;

	moor_writer_init(&writer, buf, SIZE_MAX); /* as if there was room: it must not come to the copy */
	t_assert_err(moor_writer_string(&writer, "x", (size_t)INT32_MAX + 1), MOOR_EINVAL);
	moor_writer_init(&writer, buf, SIZE_MAX);
	t_assert_err(moor_writer_string(&writer, "x", SIZE_MAX), MOOR_EINVAL);
	moor_writer_init(&writer, buf, SIZE_MAX);
	t_assert_err(moor_writer_string16(&writer, &unit, (size_t)INT32_MAX / 2 + 1), MOOR_EINVAL);
	moor_writer_init(&writer, buf, SIZE_MAX);
	t_assert_err(moor_writer_string16(&writer, &unit, SIZE_MAX / 2 + 2), MOOR_EINVAL); /* doubled it would be 2 */
	moor_writer_init(&writer, buf, sizeof buf);
	t_assert_err(moor_writer_string(&writer, "x", INT32_MAX), MOOR_ERANGE);
	moor_writer_init(&writer, buf, sizeof buf);
	t_assert_err(moor_writer_string16(&writer, &unit, INT32_MAX / 2), MOOR_ERANGE);
}
END_TEST

/* What lies before the text, as BinaryReader's Read7BitEncodedInt and ReadString judge it. */
START_TEST(test_lengths_malformed_cut_and_longer_than_need_be)
{
	static const struct {
		const char *bytes;
		size_t len;
		int err, err16;
		size_t text; /* its length */
	} cases[] = {
	    {"", 0, MOOR_ERANGE, MOOR_ERANGE, 0},
	    {"\x80", 1, MOOR_ERANGE, MOOR_ERANGE, 0},
	    {"\xff\xff\xff\xff", 4, MOOR_ERANGE, MOOR_ERANGE, 0},
	    {"\x01", 1, MOOR_ERANGE, MOOR_ECORRUPT, 0},
	    {"\x02x", 2, MOOR_ERANGE, MOOR_ERANGE, 0},
	    {"\x02xy", 3, 0, 0, 2},
	    {"\x82\x00xy", 4, 0, 0, 2},                 /* longer than need be: .NET reads it, too */
	    {"\x82\x80\x80\x80\x00xy", 7, 0, 0, 2},     /* five bytes are the most */
	    {"\x82\x80\x80\x80\x80\x00xy", 8, MOOR_ECORRUPT, MOOR_ECORRUPT, 0},
	    {"\xff\xff\xff\xff\x07xy", 7, MOOR_ERANGE, MOOR_ECORRUPT, 0}, /* 2^31 - 1, and odd */
	    {"\xfe\xff\xff\xff\x07xy", 7, MOOR_ERANGE, MOOR_ERANGE, 0},
	    {"\x80\x80\x80\x80\x08xy", 7, MOOR_ECORRUPT, MOOR_ECORRUPT, 0}, /* 2^31: negative in .NET */
	    {"\xff\xff\xff\xff\x0fxy", 7, MOOR_ECORRUPT, MOOR_ECORRUPT, 0}, /* -1 */
	    {"\xff\xff\xff\xff\x10xy", 7, MOOR_ECORRUPT, MOOR_ECORRUPT, 0}, /* beyond 32 bits */
	    {"\xff\xff\xff\xff\xff", 5, MOOR_ECORRUPT, MOOR_ECORRUPT, 0},
	    {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, MOOR_ECORRUPT, MOOR_ECORRUPT, 0},
	};
	unsigned char *edge = (unsigned char *)t_guarded(4096) + 4096;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		unsigned char *buf = edge - cases[i].len; /* what reads past it dies */
		const char *text = "untouched";
		const void *text16 = text;
		struct moor_reader reader;
		size_t len = 77;

		memcpy(buf, cases[i].bytes, cases[i].len);
		moor_reader_init(&reader, buf, cases[i].len);
		t_assert_err(moor_reader_string(&reader, &text, &len), cases[i].err);
		if (cases[i].err) {
			ck_assert_str_eq(text, "untouched");
			ck_assert_uint_eq(len, 77);
			ck_assert_uint_eq(reader.pos, 0);
		} else {
			ck_assert_uint_eq(len, cases[i].text);
			ck_assert_uint_eq(reader.pos, cases[i].len);
			ck_assert_mem_eq(text, "xy", 2);
		}
		len = 77;
		moor_reader_init(&reader, buf, cases[i].len);
		t_assert_err(moor_reader_string16(&reader, &text16, &len), cases[i].err16);
		ck_assert_uint_eq(len, cases[i].err16 ? 77 : cases[i].text / 2);
	}
}
END_TEST

START_TEST(test_any_byte_but_zero_reads_as_true)
{
	const unsigned char bytes[] = {0, 1, 2, 0x80, 0xff};
	struct moor_reader reader;
	bool value;

	moor_reader_init(&reader, bytes, sizeof bytes);
	for (size_t i = 0; i < sizeof bytes; i++) {
		t_assert_err(moor_reader_bool(&reader, &value), 0);
		ck_assert_int_eq(value, i != 0);
		ck_assert_int_eq(*(unsigned char *)&value, i != 0);
	}
}
END_TEST

/* Signalling NaNs, too, keep their bits. */
START_TEST(test_floats_keep_every_bit)
{
	static const uint64_t patterns[] = {0x7ff0000000000001, 0xfff4000000000002, 0x7fffffffffffffff, 1,
	                                    0x8000000000000000};

	for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
		unsigned char bytes[12];
		struct moor_writer writer;
		struct moor_reader reader;
		const uint32_t narrow = (uint32_t)(patterns[i] >> 32) | (uint32_t)patterns[i];
		uint64_t got;
		uint32_t got_narrow;
		double wide_value;
		float value;

		moor_writer_init(&writer, bytes, sizeof bytes);
		t_assert_err(moor_writer_u64(&writer, patterns[i]), 0);
		t_assert_err(moor_writer_u32(&writer, narrow), 0);
		moor_reader_init(&reader, bytes, sizeof bytes);
		t_assert_err(moor_reader_f64(&reader, &wide_value), 0);
		t_assert_err(moor_reader_f32(&reader, &value), 0);
		memcpy(&got, &wide_value, 8);
		memcpy(&got_narrow, &value, 4);
		ck_assert_uint_eq(got, patterns[i]);
		ck_assert_uint_eq(got_narrow, narrow);
	}
}
END_TEST

/* The last place where each value fits, and one byte less: nothing is written, nothing is read. */
START_TEST(test_each_value_at_the_end_of_the_buffer)
{
	unsigned char *edge = (unsigned char *)t_guarded(4096) + 4096;

#define AT_THE_END(X, T)                                                                                               \
	for (size_t lead = 0; lead < 3; lead++) {                                                                      \
		const size_t width = sizeof(T);                                                                        \
		unsigned char *buf = edge - lead - width;                                                              \
		struct moor_writer writer;                                                                             \
		struct moor_reader reader;                                                                             \
		T value = (T)1, got = (T)0;                                                                            \
                                                                                                                       \
		memset(edge - 64, 0xee, 64);                                                                           \
		moor_writer_init(&writer, buf, lead + width);                                                          \
		t_assert_err(moor_writer_bytes(&writer, "\1\2\3", lead), 0);                                           \
		t_assert_err(moor_writer_##X(&writer, value), 0);                                                      \
		ck_assert_uint_eq(writer.pos, lead + width);                                                           \
		ck_assert_uint_eq(buf[-1], 0xee);                                                                      \
		moor_reader_init(&reader, buf, lead + width);                                                          \
		reader.pos = lead;                                                                                     \
		t_assert_err(moor_reader_##X(&reader, &got), 0);                                                       \
		t_assert(got == value);                                                                                \
		memset(edge - 64, 0xee, 64);                                                                           \
		moor_writer_init(&writer, buf + 1, lead + width - 1);                                                  \
		writer.pos = lead;                                                                                     \
		t_assert_err(moor_writer_##X(&writer, value), MOOR_ERANGE);                                            \
		ck_assert_uint_eq(writer.pos, lead);                                                                   \
		for (size_t i = 1; i <= 64; i++)                                                                       \
			t_assert(edge[-(ptrdiff_t)i] == 0xee);                                                         \
		moor_reader_init(&reader, buf + 1, lead + width - 1);                                                  \
		reader.pos = lead;                                                                                     \
		t_assert_err(moor_reader_##X(&reader, &got), MOOR_ERANGE);                                             \
		ck_assert_uint_eq(reader.pos, lead);                                                                   \
		t_assert(got == value);                                                                                \
	}
	VALUES(AT_THE_END)
#undef AT_THE_END
}
END_TEST

START_TEST(test_the_first_error_sticks)
{
	unsigned char buf[4] = {9, 9, 9, 9};
	struct moor_writer writer;
	struct moor_reader reader;
	const uint16_t unit = 0;
	const void *text16;
	const char *text;
	size_t len = 77;

	moor_writer_init(&writer, buf, sizeof buf);
	t_assert_err(moor_writer_u8(&writer, 1), 0);
	t_assert_err(moor_writer_u32(&writer, 2), MOOR_ERANGE);
	t_assert_err(moor_writer_string(&writer, NULL, 5), MOOR_ERANGE); /* the first, not the latest */
#define STUCK(X, T) t_assert_err(moor_writer_##X(&writer, (T)1), MOOR_ERANGE);
	VALUES(STUCK)
#undef STUCK
	t_assert_err(moor_writer_bytes(&writer, "", 0), MOOR_ERANGE);
	t_assert_err(moor_writer_string16(&writer, &unit, 0), MOOR_ERANGE);
	t_assert_err(moor_writer_finish(&writer, &len), MOOR_ERANGE);
	ck_assert_uint_eq(len, 77);
	ck_assert_uint_eq(writer.pos, 1);
	ck_assert_mem_eq(buf, "\1\11\11\11", 4);

	moor_reader_init(&reader, "\x01\xff\xff\xff\xff\xff", 6);
	t_assert_err(moor_reader_bytes(&reader, buf, 1), 0);
	t_assert_err(moor_reader_string(&reader, &text, &len), MOOR_ECORRUPT);
#define STUCK(X, T)                                                                                                    \
	{                                                                                                              \
		T value;                                                                                               \
		t_assert_err(moor_reader_##X(&reader, &value), MOOR_ECORRUPT);                                         \
	}
	VALUES(STUCK)
#undef STUCK
	t_assert_err(moor_reader_bytes(&reader, buf, 0), MOOR_ECORRUPT);
	t_assert_err(moor_reader_string16(&reader, &text16, &len), MOOR_ECORRUPT);
	t_assert_err(moor_reader_finish(&reader, &len), MOOR_ECORRUPT);
	ck_assert_uint_eq(len, 77);
	ck_assert_uint_eq(reader.pos, 1);
}
END_TEST

START_TEST(test_null_arguments)
{
	unsigned char buf[8] = {0};
	struct moor_writer writer;
	struct moor_reader reader;
	const void *text16 = NULL;
	const char *text = NULL;
	size_t len = 77;

	moor_writer_init(NULL, buf, 1);
	moor_reader_init(NULL, buf, 1);
#define NULLS(X, T)                                                                                                    \
	t_assert_err(moor_writer_##X(NULL, (T)0), MOOR_EINVAL);                                                        \
	t_assert_err(moor_reader_##X(NULL, &(T){0}), MOOR_EINVAL);                                                     \
	moor_reader_init(&reader, buf, sizeof buf);                                                                    \
	t_assert_err(moor_reader_##X(&reader, NULL), MOOR_EINVAL);                                                     \
	t_assert_err(moor_reader_finish(&reader, &len), MOOR_EINVAL);
	VALUES(NULLS)
#undef NULLS
	t_assert_err(moor_writer_bytes(NULL, buf, 1), MOOR_EINVAL);
	t_assert_err(moor_writer_string(NULL, "", 0), MOOR_EINVAL);
	t_assert_err(moor_writer_string16(NULL, NULL, 0), MOOR_EINVAL);
	t_assert_err(moor_writer_finish(NULL, &len), MOOR_EINVAL);
	t_assert_err(moor_reader_bytes(NULL, buf, 1), MOOR_EINVAL);
	t_assert_err(moor_reader_string(NULL, &text, &len), MOOR_EINVAL);
	t_assert_err(moor_reader_string16(NULL, &text16, &len), MOOR_EINVAL);
	t_assert_err(moor_reader_finish(NULL, &len), MOOR_EINVAL);
#define SPOILS(init, call)                                                                                             \
	init;                                                                                                          \
	t_assert_err(call, MOOR_EINVAL)
	SPOILS(moor_writer_init(&writer, buf, 8), moor_writer_bytes(&writer, NULL, 1));
	SPOILS(moor_writer_init(&writer, buf, 8), moor_writer_string(&writer, NULL, 1));
	SPOILS(moor_writer_init(&writer, buf, 8), moor_writer_string16(&writer, NULL, 1));
	SPOILS(moor_writer_init(&writer, buf, 8), moor_writer_finish(&writer, NULL));
	SPOILS(moor_writer_init(&writer, NULL, 8), moor_writer_u8(&writer, 1));
	SPOILS(moor_reader_init(&reader, buf, 8), moor_reader_bytes(&reader, NULL, 1));
	SPOILS(moor_reader_init(&reader, buf, 8), moor_reader_string(&reader, NULL, &len));
	SPOILS(moor_reader_init(&reader, buf, 8), moor_reader_string(&reader, &text, NULL));
	SPOILS(moor_reader_init(&reader, buf, 8), moor_reader_string16(&reader, NULL, &len));
	SPOILS(moor_reader_init(&reader, buf, 8), moor_reader_string16(&reader, &text16, NULL));
	SPOILS(moor_reader_init(&reader, buf, 8), moor_reader_finish(&reader, NULL));
	SPOILS(moor_reader_init(&reader, NULL, 8), moor_reader_u8(&reader, buf));
#undef SPOILS
	ck_assert_uint_eq(len, 77);
	/* An empty buffer at NULL is a buffer. */
	moor_writer_init(&writer, NULL, 0);
	t_assert_err(moor_writer_bytes(&writer, NULL, 0), 0);
	t_assert_err(moor_writer_finish(&writer, &len), 0);
	ck_assert_uint_eq(len, 0);
	t_assert_err(moor_writer_bool(&writer, true), MOOR_ERANGE);
	moor_reader_init(&reader, NULL, 0);
	t_assert_err(moor_reader_bytes(&reader, NULL, 0), 0);
	t_assert_err(moor_reader_finish(&reader, &len), 0);
	t_assert_err(moor_reader_string(&reader, &text, &len), MOOR_ERANGE);
}
END_TEST

/* The structs are the caller's to spoil: a position beyond the buffer leaves no room. */
START_TEST(test_a_position_beyond_the_buffer)
{
	unsigned char buf[8];
	struct moor_writer writer;
	struct moor_reader reader;
	const char *text;
	uint8_t value;
	size_t len;

	for (int i = 0; i < 2; i++) {
		const size_t pos = i ? SIZE_MAX : 9;

		moor_writer_init(&writer, buf, sizeof buf);
		writer.pos = pos;
		t_assert_err(moor_writer_u8(&writer, 1), MOOR_ERANGE);
		writer.err = 0;
		t_assert_err(moor_writer_bytes(&writer, buf, 1), MOOR_ERANGE);
		writer.err = 0;
		t_assert_err(moor_writer_string(&writer, "", 0), MOOR_ERANGE);
		moor_reader_init(&reader, buf, sizeof buf);
		reader.pos = pos;
		t_assert_err(moor_reader_u8(&reader, &value), MOOR_ERANGE);
		reader.err = 0;
		t_assert_err(moor_reader_bytes(&reader, &value, 1), MOOR_ERANGE);
		reader.err = 0;
		t_assert_err(moor_reader_string(&reader, &text, &len), MOOR_ERANGE);
	}
}
END_TEST

#define KINDS 14 /* the eleven values, bytes, string, string16 */

/* Writes what `number` says, or reads it and compares. Returns the result of the call. */
static int step_write(struct moor_writer *w, uint64_t number)
{
	char text[300];
	uint16_t units[150];
	const size_t len = number >> 8 & 0xff;
	double wide;
	float narrow;

	t_fill(text, sizeof text, number);
	memcpy(units, text, sizeof units);
	switch (number % KINDS) {
	case 0:
		return moor_writer_bool(w, number >> 63);
	case 1:
		return moor_writer_i8(w, (int8_t)(number >> 56));
	case 2:
		return moor_writer_u8(w, (uint8_t)(number >> 56));
	case 3:
		return moor_writer_i16(w, (int16_t)(number >> 48));
	case 4:
		return moor_writer_u16(w, (uint16_t)(number >> 48));
	case 5:
		return moor_writer_i32(w, (int32_t)(number >> 32));
	case 6:
		return moor_writer_u32(w, (uint32_t)(number >> 32));
	case 7:
		return moor_writer_i64(w, (int64_t)number);
	case 8:
		return moor_writer_u64(w, number);
	case 9:
		narrow = (float)(number >> 32);
		return moor_writer_f32(w, narrow);
	case 10:
		wide = (double)number;
		return moor_writer_f64(w, wide);
	case 11:
		return moor_writer_bytes(w, text, len);
	case 12:
		return moor_writer_string(w, text, len);
	default:
		return moor_writer_string16(w, units, len / 2);
	}
}

#define EXPECT_VALUE(X, T, expected)                                                                                   \
	do {                                                                                                           \
		volatile T expected_ = (T)(expected); /* in memory: the 387 computes in more bits */                   \
		T value_;                                                                                              \
		t_assert_err(moor_reader_##X(r, &value_), 0);                                                          \
		t_assert(value_ == expected_);                                                                         \
	} while (0)

static void step_read(struct moor_reader *r, uint64_t number)
{
	char text[300], got[300];
	const size_t len = number >> 8 & 0xff;
	const void *text16;
	const char *in_place;
	size_t units;

	t_fill(text, sizeof text, number);
	switch (number % KINDS) {
	case 0:
		EXPECT_VALUE(bool, bool, number >> 63);
		break;
	case 1:
		EXPECT_VALUE(i8, int8_t, number >> 56);
		break;
	case 2:
		EXPECT_VALUE(u8, uint8_t, number >> 56);
		break;
	case 3:
		EXPECT_VALUE(i16, int16_t, number >> 48);
		break;
	case 4:
		EXPECT_VALUE(u16, uint16_t, number >> 48);
		break;
	case 5:
		EXPECT_VALUE(i32, int32_t, number >> 32);
		break;
	case 6:
		EXPECT_VALUE(u32, uint32_t, number >> 32);
		break;
	case 7:
		EXPECT_VALUE(i64, int64_t, number);
		break;
	case 8:
		EXPECT_VALUE(u64, uint64_t, number);
		break;
	case 9:
		EXPECT_VALUE(f32, float, number >> 32);
		break;
	case 10:
		EXPECT_VALUE(f64, double, number);
		break;
	case 11:
		t_assert_err(moor_reader_bytes(r, got, len), 0);
		t_assert(memcmp(got, text, len) == 0);
		break;
	case 12:
		t_assert_err(moor_reader_string(r, &in_place, &units), 0);
		t_assert(units == len && memcmp(in_place, text, len) == 0);
		break;
	default:
		t_assert_err(moor_reader_string16(r, &text16, &units), 0);
		t_assert(units == len / 2);
		/* Random units: on a machine of the other byte order they would be swapped. */
		for (size_t i = 0; i < units; i++) {
			const unsigned char *byte = (const unsigned char *)text16 + 2 * i;
			uint16_t unit;

			memcpy(&unit, text + 2 * i, 2);
			t_assert(unit == (byte[0] | byte[1] << 8));
		}
	}
}

/* Values of all kinds, until the buffer is full: what was written before the error reads back, and the rest of the
 * buffer has not been touched. */
START_TEST(test_random_sequences_read_back)
{
	unsigned char *edge = (unsigned char *)t_guarded(8192) + 8192;
	uint64_t state = 1;

	for (int round = 0; round < 3000; round++) {
		const size_t cap = t_random(&state) % 2000;
		const uint64_t seed = t_random(&state);
		unsigned char *buf = edge - cap;
		struct moor_writer writer;
		struct moor_reader reader;
		uint64_t numbers = seed;
		int written = 0, err;
		size_t len;

		memset(edge - 4096, 0xee, 4096);
		moor_writer_init(&writer, buf, cap);
		while ((err = step_write(&writer, t_random(&numbers))) == 0)
			written++;
		t_assert_err(err, MOOR_ERANGE);
		for (unsigned char *at = edge - 4096; at < buf; at++)
			t_assert(*at == 0xee);
		for (unsigned char *at = buf + writer.pos; at < edge; at++)
			t_assert(*at == 0xee);
		numbers = seed;
		moor_reader_init(&reader, buf, writer.pos);
		while (written--)
			step_read(&reader, t_random(&numbers));
		t_assert_err(moor_reader_finish(&reader, &len), 0);
		t_assert(len == writer.pos);
	}
}
END_TEST

/* One call of a kind on any bytes: an error that the header lists, or something that lies in the buffer. */
static int step_forged(struct moor_reader *r, uint64_t number)
{
	char bytes[64];
	const void *text16 = NULL;
	const char *text = NULL;
	size_t len = 0, sum = 0;
	const size_t before = r->pos;
	int err;

	switch (number % 8) {
	case 0:
		err = moor_reader_bool(r, &(bool){0});
		break;
	case 1:
		err = moor_reader_i16(r, &(int16_t){0});
		break;
	case 2:
		err = moor_reader_u64(r, &(uint64_t){0});
		break;
	case 3:
		err = moor_reader_bytes(r, bytes, (number >> 8) % sizeof bytes);
		break;
	case 4:
		err = moor_reader_string16(r, &text16, &len);
		len *= 2;
		text = text16;
		break;
	default:
		err = moor_reader_string(r, &text, &len);
	}
	if (err) {
		t_assert(err == MOOR_ERANGE || err == MOOR_ECORRUPT);
		t_assert(r->pos == before && r->err == err);
		return err;
	}
	t_assert(r->pos >= before && r->pos <= r->len);
	if (text) {
		t_assert((const unsigned char *)text + len == r->data + r->pos);
		for (size_t i = 0; i < len; i++)
			sum += (unsigned char)text[i];
		t_assert(sum <= 255 * len);
	}
	return 0;
}

START_TEST(test_forged_bytes_never_lead_outside)
{
	unsigned char *edge = (unsigned char *)t_guarded(4096) + 4096;
	uint64_t state = 2;
	int seen[2] = {0};

	for (int round = 0; round < 200000; round++) {
		const size_t len = t_random(&state) % 48;
		struct moor_reader reader;
		int err;

		t_fill(edge - len, len, t_random(&state));
		for (size_t i = 0; i < len; i++) /* small lengths, and ones with many bytes, more often than chance has them */
			switch (t_random(&state) % 4) {
			case 0:
				edge[-(ptrdiff_t)i - 1] &= 0x0f;
				break;
			case 1:
				edge[-(ptrdiff_t)i - 1] |= 0x80;
				break;
			default:
				break;
			}
		moor_reader_init(&reader, edge - len, len);
		for (int calls = 0; (err = step_forged(&reader, t_random(&state))) == 0 && calls < 100; calls++)
			;
		if (err)
			seen[err == MOOR_ECORRUPT]++;
	}
	t_assert(seen[0] > 1000 && seen[1] > 1000); /* both ends were come to */
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("stream");
	TCase *tc = tcase_create("stream");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, test_values_are_the_bytes_of_BinaryWriter);
	tcase_add_test(tc, test_strings_are_the_bytes_of_BinaryWriter);
	tcase_add_test(tc, test_lengths_seven_bits_a_byte);
	tcase_add_test(tc, test_lengths_beyond_what_can_be_said);
	tcase_add_test(tc, test_lengths_malformed_cut_and_longer_than_need_be);
	tcase_add_test(tc, test_any_byte_but_zero_reads_as_true);
	tcase_add_test(tc, test_floats_keep_every_bit);
	tcase_add_test(tc, test_each_value_at_the_end_of_the_buffer);
	tcase_add_test(tc, test_the_first_error_sticks);
	tcase_add_test(tc, test_null_arguments);
	tcase_add_test(tc, test_a_position_beyond_the_buffer);
	tcase_add_test(tc, test_random_sequences_read_back);
	tcase_add_test(tc, test_forged_bytes_never_lead_outside);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
