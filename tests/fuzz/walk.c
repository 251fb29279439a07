/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk.c - what goes from record to record over any bytes: the successor's search for the tail, and the look at a ring.
 * The walk is handed the data alone, so that a step behind it is a fault. Input: capacity and kind of ring, position, pieces of data.
 */
#include "tests/fuzz/ring.h"

#define MOST 65536u

static struct fuzz_room room;
static struct fuzz_ring ring;

/* Pieces of the input, each somewhere in the data. */
static void fill(struct fuzz_input *in, unsigned char *data, size_t capacity)
{
	memset(data, 0, capacity);
	while (fuzz_left(in)) {
		const size_t at = (size_t)fuzz_16(in) * MOOR_ABI_UNIT % capacity;
		const uint8_t *piece;
		size_t len;

		piece = fuzz_bytes(in, fuzz_8(in), &len);
		len = len < capacity - at ? len : capacity - at;
		if (len)
			memcpy(data + at, piece, len);
	}
}

static void walk(struct fuzz_input in)
{
	const size_t capacity = (size_t)4096 << fuzz_8(&in) % 5;
	const uint64_t start = fuzz_64(&in) & MOOR__POSITION;
	struct moor__reached tail = {.position = start};
	unsigned char *data = fuzz_guarded_end(&room, MOST, capacity);
	int err;

	fill(&in, data, capacity);
	err = moor__ring_walk(data, capacity, &tail);
	FUZZ_MUST(err == 0 || err == MOOR_ECORRUPT);
	FUZZ_MUST(tail.position - start <= capacity - MOOR_ABI_UNIT);
	FUZZ_MUST(tail.bytes < capacity && tail.messages <= capacity / MOOR_ABI_UNIT);
}

/* The same bytes in a ring that is looked at: nothing is changed. */
static void look(struct fuzz_input in)
{
	const uint8_t how = fuzz_8(&in);
	const uint64_t position = fuzz_64(&in);
	int err;

	fuzz_ring_make(&ring, how >> 4, position);
	fill(&in, ring.shared.mem + sizeof(struct moor_abi_header), ring.shared.len - sizeof(struct moor_abi_header));
	fuzz_ring_note(&ring);
	err = moor_ring_check(ring.shared.mem, ring.shared.len);
	FUZZ_MUST(err == 0 || err == MOOR_ECORRUPT);
	FUZZ_MUST(memcmp(ring.before, ring.shared.mem, ring.shared.len) == 0);
}

static void one(const uint8_t *data, size_t size)
{
	const struct fuzz_input in = {data, data + size};

	walk(in);
	look(in);
}

static void begin(struct fuzz_output *out, unsigned capacity, uint64_t position)
{
	out->len = 0;
	fuzz_put(out, capacity, 1);
	fuzz_put(out, position, 8);
}

static void put_record(struct fuzz_output *out, unsigned unit, uint32_t word, uint32_t detail)
{
	fuzz_put(out, unit, 2);
	fuzz_put(out, 8, 1);
	fuzz_put(out, word, 4);
	fuzz_put(out, detail, 4);
}

static void seeds(fuzz_give *give, void *arg)
{
	static const uint32_t details[] = {0, 8, 2040, 4071, 4072, 4088, 65536, 0x10000000, UINT32_MAX};
	struct fuzz_output out;

	for (unsigned capacity = 0; capacity < 5; capacity++) { /* full of the shortest messages, all but one unit */
		begin(&out, capacity, 0);
		for (unsigned unit = 0; unit < 255; unit++)
			put_record(&out, unit, MOOR_ABI_WORD_MESSAGE, 8);
		give(arg, out.bytes, out.len);
	}
	for (size_t i = 0; i < sizeof details / sizeof details[0]; i++) {
		begin(&out, 0, UINT64_MAX - 4095);
		put_record(&out, 0, MOOR_ABI_WORD_MESSAGE, details[i]);
		put_record(&out, (details[i] + 8 + 15) / 16, MOOR_ABI_WORD_PAD, 256 - (details[i] + 8 + 15) / 16);
		give(arg, out.bytes, out.len);
	}
}

const struct fuzz_target fuzz_walk = {.name = "walk", .longest = 4096, .one = one, .seeds = seeds};
