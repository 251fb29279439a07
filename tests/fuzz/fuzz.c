/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, len) ((void)(at), (void)(len))
#define ASAN_UNPOISON_MEMORY_REGION(at, len) ((void)(at), (void)(len))
#endif

const struct fuzz_target *const fuzz_targets[] = {&fuzz_attach, &fuzz_reader, &fuzz_writer, &fuzz_walk,
                                                  &fuzz_object, &fuzz_stream, &fuzz_name,   &fuzz_tool,
                                                  &fuzz_link,   &fuzz_handshake, NULL};

const struct fuzz_target *fuzz_find(const char *name)
{
	const struct fuzz_target *const *target = fuzz_targets;

	while (*target && strcmp((*target)->name, name) != 0)
		target++;
	return *target;
}

void fuzz_failed(const char *condition, const char *file, int line)
{
	fprintf(stderr, "%s:%d: must hold: %s\n", file, line, condition);
	abort();
}

/* ---- the input ---- */

static uint64_t take(struct fuzz_input *in, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len && in->at < in->end; i++)
		value |= (uint64_t)*in->at++ << 8 * i;
	return value;
}

uint8_t fuzz_8(struct fuzz_input *in)
{
	return (uint8_t)take(in, 1);
}

uint16_t fuzz_16(struct fuzz_input *in)
{
	return (uint16_t)take(in, 2);
}

uint32_t fuzz_32(struct fuzz_input *in)
{
	return (uint32_t)take(in, 4);
}

uint64_t fuzz_64(struct fuzz_input *in)
{
	return take(in, 8);
}

const uint8_t *fuzz_bytes(struct fuzz_input *in, size_t len, size_t *ret_len)
{
	const uint8_t *at = in->at;

	*ret_len = len < fuzz_left(in) ? len : fuzz_left(in);
	in->at += *ret_len;
	return at;
}

void fuzz_put(struct fuzz_output *out, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len && out->len < sizeof out->bytes; i++)
		out->bytes[out->len++] = (uint8_t)(value >> 8 * i);
}

void fuzz_put_bytes(struct fuzz_output *out, const void *data, size_t len)
{
	FUZZ_MUST(len <= sizeof out->bytes - out->len);
	if (len)
		memcpy(out->bytes + out->len, data, len);
	out->len += len;
}

/* ---- memory ---- */

unsigned char *fuzz_guarded_end(struct fuzz_room *room, size_t most, size_t len)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (!room->base) {
		unsigned char *mem;

		most = (most + page - 1) / page * page;
		mem = mmap(NULL, most + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		FUZZ_MUST(mem != MAP_FAILED);
		FUZZ_MUST(mprotect(mem + page, most, PROT_READ | PROT_WRITE) == 0);
		*room = (struct fuzz_room){mem + page, most};
	}
	FUZZ_MUST(len <= room->most);
	ASAN_POISON_MEMORY_REGION(room->base, room->most - len);
	ASAN_UNPOISON_MEMORY_REGION(room->base + room->most - len, len);
	return room->base + room->most - len;
}

void fuzz_touch(const void *data, size_t len)
{
	const volatile unsigned char *at = data;

	for (size_t i = 0; i < len; i++)
		(void)at[i];
}

/* ---- changes ---- */

enum { SET_32, SET_64, ADD, TURN_BIT, COPY, ZERO, BYTES, SMALL, CHANGES };
#define AT_PLACE 0x80u

static uint64_t load(const unsigned char *at)
{
	return __atomic_load_n((const uint64_t *)(const void *)at, __ATOMIC_RELAXED);
}

static void store(unsigned char *at, uint64_t value)
{
	__atomic_store_n((uint64_t *)(void *)at, value, __ATOMIC_RELAXED);
}

void fuzz_change(struct fuzz_input *in, const struct fuzz_shared *shared)
{
	const uint8_t op = fuzz_8(in);
	const bool placed = (op & AT_PLACE) && shared->place_count;
	const uint32_t where = placed ? shared->places[fuzz_8(in) % shared->place_count] : fuzz_16(in);
	const size_t at_8 = where % shared->len & ~(size_t)7, at_4 = where % shared->len & ~(size_t)3;
	unsigned char *const word = shared->mem + at_8;
	const uint8_t *from;
	size_t len;

	switch ((op & ~AT_PLACE) % CHANGES) {
	case SET_32:
		__atomic_store_n((uint32_t *)(void *)(shared->mem + at_4), fuzz_32(in), __ATOMIC_RELAXED);
		break;
	case SET_64:
		store(word, fuzz_64(in));
		break;
	case ADD:
		store(word, load(word) + (uint64_t)(int64_t)(int8_t)fuzz_8(in) * 16);
		break;
	case TURN_BIT:
		store(word, load(word) ^ (uint64_t)1 << fuzz_8(in) % 64);
		break;
	case COPY:
		store(word, load(shared->mem + (fuzz_16(in) % shared->len & ~(size_t)7)));
		break;
	case ZERO:
		len = (size_t)fuzz_16(in) % (shared->len - at_8 + 1);
		memset(word, 0, len);
		break;
	case BYTES:
		from = fuzz_bytes(in, fuzz_8(in), &len);
		len = len < shared->len - at_8 ? len : shared->len - at_8;
		if (len)
			memcpy(word, from, len);
		break;
	case SMALL:
		store(word, fuzz_8(in));
		break;
	}
}

void fuzz_put_set(struct fuzz_output *out, uint32_t offset, uint64_t value, size_t width)
{
	fuzz_put(out, width == 4 ? SET_32 : SET_64, 1);
	fuzz_put(out, offset, 2);
	fuzz_put(out, value, width);
}

/* ---- a place for names ---- */

static char dir[] = "/dev/shm/mooring-test-fuzz-XXXXXX";
static pid_t dir_of;

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_dir(void)
{
	if (dir_of == getpid())
		nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_dir(void)
{
	if (!dir_of) {
		FUZZ_MUST(mkdtemp(dir));
		dir_of = getpid();
		FUZZ_MUST(setenv("MOORING_DIR", dir, 1) == 0);
		atexit(remove_dir);
	}
	return dir;
}
