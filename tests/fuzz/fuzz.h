/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz.h - the fuzzers: what each of them is, and what they share. A target takes any bytes and must come back, with all
 * that it allocated given back; what must not happen ends the process. libFuzzer calls it through entry.c (`make fuzz`),
 * and test_fuzz.c with the stored and made seeds in every `make check`.
 */
#ifndef MOOR_TESTS_FUZZ_FUZZ_H
#define MOOR_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void fuzz_give(void *arg, const void *data, size_t len);
struct fuzz_target {
	const char *name;
	size_t longest; /* inputs of more bytes tell nothing new */
	void (*one)(const uint8_t *data, size_t len);
	void (*seeds)(fuzz_give *give, void *arg); /* inputs that show the way in */
};
extern const struct fuzz_target fuzz_attach, fuzz_reader, fuzz_writer, fuzz_walk, fuzz_object, fuzz_stream, fuzz_name,
    fuzz_tool, fuzz_link, fuzz_handshake;
extern const struct fuzz_target *const fuzz_targets[]; /* ends with NULL */
const struct fuzz_target *fuzz_find(const char *name); /* NULL: there is none */

/* What a run must never show. Not assert(3): it holds in every build. */
#define FUZZ_MUST(condition) ((condition) ? (void)0 : fuzz_failed(#condition, __FILE__, __LINE__))
void fuzz_failed(const char *condition, const char *file, int line) __attribute__((noreturn));

/* What is left of the input; behind its end there are zeros. */
struct fuzz_input {
	const uint8_t *at, *end;
};
static inline size_t fuzz_left(const struct fuzz_input *in)
{
	return (size_t)(in->end - in->at);
}
uint8_t fuzz_8(struct fuzz_input *in);
uint16_t fuzz_16(struct fuzz_input *in);
uint32_t fuzz_32(struct fuzz_input *in);
uint64_t fuzz_64(struct fuzz_input *in);
/* The next `len` bytes, or as many as are left: *ret_len. */
const uint8_t *fuzz_bytes(struct fuzz_input *in, size_t len, size_t *ret_len);

/* For a seed: the same, written. */
struct fuzz_output {
	uint8_t bytes[4096];
	size_t len;
};
void fuzz_put(struct fuzz_output *out, uint64_t value, size_t len); /* little endian */
void fuzz_put_bytes(struct fuzz_output *out, const void *data, size_t len);

/*
 * Room for `most` bytes between pages that may not be touched. fuzz_guarded_end: the last `len` of them, so that one byte
 * more is a fault; what lies before them is poisoned where there is an address sanitizer.
 */
struct fuzz_room {
	unsigned char *base;
	size_t most;
};
unsigned char *fuzz_guarded_end(struct fuzz_room *room, size_t most, size_t len);

/*
 * One change to memory that is shared, as the input says: a word at any place or at one of the `places`, set, counted
 * on, with a bit turned, copied from elsewhere, or some bytes. The memory is aligned to 8 bytes, len a multiple of 8.
 */
struct fuzz_shared {
	unsigned char *mem;
	size_t len;
	const uint32_t *places; /* offsets of words that matter */
	size_t place_count;
};
void fuzz_change(struct fuzz_input *in, const struct fuzz_shared *shared);
/* The same as a seed writes it: the word of `width` bytes (4 or 8) at `offset` is set to the value. */
void fuzz_put_set(struct fuzz_output *out, uint32_t offset, uint64_t value, size_t width);

/* So that the compiler must believe that the bytes are read. */
void fuzz_touch(const void *data, size_t len);

/* MOORING_DIR of this process, which it makes once, empty, and removes at its end. */
const char *fuzz_dir(void);

#endif
