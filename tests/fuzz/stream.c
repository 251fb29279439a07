/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.c - the stream reader over any bytes, which end at the end of memory, and the writer into as little room. What
 * was read and written again in the same order is what was there, as far as it was there in its shortest form.
 * Input: how many values, which ones, the bytes.
 */
#include "tests/fuzz/fuzz.h"

#include <mooring/stream.h>
#include <string.h>

#define MOST 4096u
#define VALUES 64u

static struct fuzz_room from_room, to_room;

#define NUMBERS(X)                                                                                                     \
	X(0, i8, int8_t)                                                                                               \
	X(1, u8, uint8_t)                                                                                              \
	X(2, i16, int16_t)                                                                                             \
	X(3, u16, uint16_t)                                                                                            \
	X(4, i32, int32_t)                                                                                             \
	X(5, u32, uint32_t)                                                                                            \
	X(6, i64, int64_t)                                                                                             \
	X(7, u64, uint64_t)                                                                                            \
	X(8, f32, float)                                                                                               \
	X(9, f64, double)                                                                                              \
	X(10, bool, bool)

/* One value from the one to the other; *ret_same: it is written as it was. */
static int pass(uint8_t kind, struct moor_reader *reader, struct moor_writer *writer)
{
	static uint16_t wide[MOST];
	unsigned char bytes[16];
	const void *text16;
	const char *text;
	size_t len;
	int err;

	switch (kind % 14) {
#define PASS(n, X, T)                                                                                                  \
	case n: {                                                                                                      \
		T value;                                                                                               \
		err = moor_reader_##X(reader, &value);                                                                 \
		return err ? err : moor_writer_##X(writer, value);                                                     \
	}
		NUMBERS(PASS)
#undef PASS
	case 11:
		err = moor_reader_string(reader, &text, &len);
		if (err)
			return err;
		fuzz_touch(text, len);
		return moor_writer_string(writer, text, len);
	case 12:
		err = moor_reader_string16(reader, &text16, &len);
		if (err)
			return err;
		FUZZ_MUST(len <= MOST / 2);
		memcpy(wide, text16, 2 * len);
		return moor_writer_string16(writer, wide, len);
	default:
		len = kind / 14 % sizeof bytes;
		err = moor_reader_bytes(reader, bytes, len);
		return err ? err : moor_writer_bytes(writer, bytes, len);
	}
}

static void one(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, data + size};
	struct moor_reader reader;
	struct moor_writer writer;
	const uint8_t *kinds, *content;
	unsigned char *from, *to;
	size_t count, len, room, read = SIZE_MAX, written = SIZE_MAX;
	int err = 0;

	kinds = fuzz_bytes(&in, fuzz_8(&in) % VALUES, &count);
	room = fuzz_16(&in) % (MOST + 1);
	content = fuzz_bytes(&in, MOST, &len);
	from = fuzz_guarded_end(&from_room, MOST, len);
	to = fuzz_guarded_end(&to_room, MOST, room);
	if (len)
		memcpy(from, content, len);
	moor_reader_init(&reader, from, len);
	moor_writer_init(&writer, to, room);
	for (size_t i = 0; i < count && !err; i++)
		err = pass(kinds[i], &reader, &writer);
	FUZZ_MUST(reader.pos <= len && writer.pos <= room);
	if (err) {
		FUZZ_MUST((reader.err == err) != (writer.err == err)); /* it is one's, and stays */
		FUZZ_MUST(reader.err == 0 || reader.err == MOOR_ERANGE || reader.err == MOOR_ECORRUPT);
		FUZZ_MUST(writer.err == 0 || writer.err == MOOR_ERANGE);
		return;
	}
	FUZZ_MUST(moor_reader_finish(&reader, &read) == 0 && moor_writer_finish(&writer, &written) == 0);
	FUZZ_MUST(written <= read); /* lengths may have been longer than need be */
}

static void seeds(fuzz_give *give, void *arg)
{
	static const uint8_t lengths[][6] = {{0},
	                                     {1, 'a'},
	                                     {0x7f},
	                                     {0x80, 0x01},
	                                     {0x80, 0x00},
	                                     {0xff, 0xff, 0xff, 0xff, 0x07},
	                                     {0xff, 0xff, 0xff, 0xff, 0x08},
	                                     {0x80, 0x80, 0x80, 0x80, 0x80}};
	struct fuzz_output out = {.len = 0};

	fuzz_put(&out, 14, 1);
	for (uint8_t kind = 0; kind < 14; kind++)
		fuzz_put(&out, kind, 1);
	fuzz_put(&out, MOST, 2);
	for (unsigned i = 0; i < 64; i++)
		fuzz_put(&out, i < 43 ? 0x80 + i : 2 * (i % 3), 1);
	give(arg, out.bytes, out.len);
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		for (uint8_t kind = 11; kind < 13; kind++) {
			out.len = 0;
			fuzz_put(&out, 1, 1);
			fuzz_put(&out, kind, 1);
			fuzz_put(&out, i % 2 ? 4 : MOST, 2);
			fuzz_put_bytes(&out, lengths[i], sizeof lengths[i]);
			give(arg, out.bytes, out.len);
		}
	}
}

const struct fuzz_target fuzz_stream = {.name = "stream", .longest = MOST + 128, .one = one, .seeds = seeds};
