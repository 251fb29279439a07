/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mooring/stream.h - values one after the other in any buffer, a view or a message alike, byte for byte as .NET's
 * BinaryWriter writes and BinaryReader reads them.
 *
 * The structs are the caller's, and so is the buffer; nothing is allocated and nothing has to be closed. A writer or
 * reader belongs to one thread at a time; distinct ones are independent. Every call is wait-free, makes no system call
 * and is async-signal-safe.
 *
 * Errors stick: after the first one every later call, finish included, does nothing and returns that one, so that it is
 * enough to look at finish. The call that failed has moved nothing: no byte of its value was written or handed out, and
 * pos stays where the value would have begun. That, too, is how a NULL argument (MOOR_EINVAL) is treated; only a NULL
 * writer or reader has nowhere to keep it.
 *
 * The buffer may be memory that other processes write. No byte outside it is touched, whatever it holds; each byte of a
 * length is read once, then checked, then used. What a string returned in place says can change under the reader's
 * eyes, as all shared memory can: copy what must not.
 *
 * The format: bool is one byte, 1 or 0 (any other reads as true); integers and floats (IEEE 754) are little endian, on
 * every machine; strings are a length in bytes, seven bits a byte, lowest first, the high bit saying that more follow,
 * and then the text, without a terminator. Lengths go up to 2^31 - 1.
 * Source: BinaryWriter.Write, Write7BitEncodedInt, BinaryReader.Read*, Read7BitEncodedInt in the .NET documentation.
 */
#ifndef MOORING_STREAM_H
#define MOORING_STREAM_H

#include <mooring/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct moor_writer {
	unsigned char *data;
	size_t cap, pos; /* bytes: of the buffer; written so far */
	int err;         /* the first error; 0: none */
};

struct moor_reader {
	const unsigned char *data;
	size_t len, pos; /* bytes: of the buffer; read so far */
	int err;
};

/*
 * Starts at the first byte of the cap (len) bytes at buf, which must outlive the writer (reader). Cannot fail: a NULL
 * buf with bytes in it makes every later call MOOR_EINVAL. A NULL writer or reader is a no-op.
 */
MOOR_API void moor_writer_init(struct moor_writer *writer, void *buf, size_t cap);
MOOR_API void moor_reader_init(struct moor_reader *reader, const void *buf, size_t len);

/*
 * One value, at any alignment; floats bit for bit, except that code for 32-bit x86 makes a signalling NaN quiet when it
 * passes one to the writer. A value is put together from bytes: unlike an access through a view it may be seen half
 * written by another process.
 * Return 0; MOOR_ERANGE (it does not fit in what is left of the buffer), MOOR_EINVAL (NULL), the error that stuck.
 * Source: BinaryWriter.Write(Boolean), (SByte), (Byte), (Int16), ...; BinaryReader.ReadBoolean, ReadSByte, ...
 */
MOOR_API int moor_writer_bool(struct moor_writer *writer, bool value);
MOOR_API int moor_writer_i8(struct moor_writer *writer, int8_t value);
MOOR_API int moor_writer_u8(struct moor_writer *writer, uint8_t value);
MOOR_API int moor_writer_i16(struct moor_writer *writer, int16_t value);
MOOR_API int moor_writer_u16(struct moor_writer *writer, uint16_t value);
MOOR_API int moor_writer_i32(struct moor_writer *writer, int32_t value);
MOOR_API int moor_writer_u32(struct moor_writer *writer, uint32_t value);
MOOR_API int moor_writer_i64(struct moor_writer *writer, int64_t value);
MOOR_API int moor_writer_u64(struct moor_writer *writer, uint64_t value);
MOOR_API int moor_writer_f32(struct moor_writer *writer, float value);
MOOR_API int moor_writer_f64(struct moor_writer *writer, double value);
MOOR_API int moor_reader_bool(struct moor_reader *reader, bool *ret_value);
MOOR_API int moor_reader_i8(struct moor_reader *reader, int8_t *ret_value);
MOOR_API int moor_reader_u8(struct moor_reader *reader, uint8_t *ret_value);
MOOR_API int moor_reader_i16(struct moor_reader *reader, int16_t *ret_value);
MOOR_API int moor_reader_u16(struct moor_reader *reader, uint16_t *ret_value);
MOOR_API int moor_reader_i32(struct moor_reader *reader, int32_t *ret_value);
MOOR_API int moor_reader_u32(struct moor_reader *reader, uint32_t *ret_value);
MOOR_API int moor_reader_i64(struct moor_reader *reader, int64_t *ret_value);
MOOR_API int moor_reader_u64(struct moor_reader *reader, uint64_t *ret_value);
MOOR_API int moor_reader_f32(struct moor_reader *reader, float *ret_value);
MOOR_API int moor_reader_f64(struct moor_reader *reader, double *ret_value);

/*
 * len bytes as they are, with no length before them; src and dst must not overlap the buffer. NULL is fine for none.
 * Return 0; MOOR_ERANGE, MOOR_EINVAL (NULL), the error that stuck.
 * Source: BinaryWriter.Write(Byte[]), BinaryReader.ReadBytes; but a short read is an error here, as in ReadExactly.
 */
MOOR_API int moor_writer_bytes(struct moor_writer *writer, const void *src, size_t len);
MOOR_API int moor_reader_bytes(struct moor_reader *reader, void *dst, size_t len);

/*
 * A string of len bytes; whether they are UTF-8 is not looked at. The writer's need no terminator (NULL is fine for an
 * empty one). The reader's are handed out in place: *ret_utf8 points into the buffer, is valid as long as that is, and
 * is not terminated.
 * Return 0; MOOR_ERANGE (it, or its length, runs past the end), MOOR_EINVAL (NULL; longer than 2^31 - 1 bytes), the
 * error that stuck; reader_string also MOOR_ECORRUPT (a length of more than five bytes, or above 2^31 - 1).
 * Source: BinaryWriter.Write(String), BinaryReader.ReadString with the default encoding.
 */
MOOR_API int moor_writer_string(struct moor_writer *writer, const char *utf8, size_t len);
MOOR_API int moor_reader_string(struct moor_reader *reader, const char **ret_utf8, size_t *ret_len);

/*
 * The same of `units` UTF-16 code units, in this machine's byte order for the writer; whether surrogates are paired is
 * not looked at. The length in the buffer counts bytes, and the text there is little endian. The reader hands it out in
 * place, at any alignment, as the bytes it is: *ret_utf16le holds 2 * *ret_units of them.
 * Return as moor_writer_string and moor_reader_string; an odd length is MOOR_ECORRUPT, too.
 * Source: BinaryWriter and BinaryReader with Encoding.Unicode.
 */
MOOR_API int moor_writer_string16(struct moor_writer *writer, const uint16_t *utf16, size_t units);
MOOR_API int moor_reader_string16(struct moor_reader *reader, const void **ret_utf16le, size_t *ret_units);

/*
 * How it went: 0, and the bytes written (read) from the start of the buffer, or the first error. It ends nothing: more
 * may follow. Also MOOR_EINVAL (NULL).
 */
MOOR_API int moor_writer_finish(struct moor_writer *writer, size_t *ret_len);
MOOR_API int moor_reader_finish(struct moor_reader *reader, size_t *ret_len);

#ifdef __cplusplus
}
#endif
#endif
