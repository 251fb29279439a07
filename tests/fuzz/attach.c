/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach.c - any bytes for a ring: checked, and attached to by both sides. What is refused stays as it was; what is not
 * must do for a few calls. Input: where it ends (a byte), how the good header of a ring is changed, the bytes after it.
 */
#include "tests/fuzz/ring.h"

#define MOST (4 * 4096u)

static struct fuzz_room room;

/* A ring's header, changed as the input says. */
static size_t make_header(struct fuzz_input *in, unsigned char *image)
{
	const uint8_t how = fuzz_8(in);
	const struct moor_ring_opts opts = MOOR_RING_OPTS(.capacity = FUZZ_CAPACITY,
	                                                  .max_message = 200,
	                                                  .kind = how & 0x80 ? MOOR_MPSC : MOOR_SPSC,
	                                                  .max_producers = FUZZ_PRODUCERS);
	static uint64_t words[FUZZ_RING_MOST / sizeof(uint64_t)];
	const struct fuzz_shared header = {.mem = (unsigned char *)words, .len = sizeof(struct moor_abi_header)};
	unsigned changes = how % 8;
	size_t len, size;

	FUZZ_MUST(moor_ring_size(&opts, &size) == 0 && size <= sizeof words);
	FUZZ_MUST(moor_ring_format(words, size, &opts) == 0);
	while (changes--)
		fuzz_change(in, &header);
	len = (size_t)fuzz_8(in) * 8;
	len = len < header.len ? len : header.len; /* so much of it, and then the input */
	memcpy(image, words, len);
	return len;
}

static void use(void *mem, size_t len)
{
	unsigned char buf[512];
	moor_tx *tx = NULL;
	moor_rx *rx = NULL;
	size_t got;
	int err;

	err = moor_tx_attach(mem, len, NULL, &tx);
	FUZZ_MUST((err == 0) == (tx != NULL));
	if (!err) {
		(void)moor_tx_send(tx, "something", 9, MOOR_NOWAIT);
		moor_tx_close(tx);
	}
	err = moor_rx_attach(mem, len, NULL, &rx);
	FUZZ_MUST((err == 0) == (rx != NULL));
	if (!err) {
		for (int i = 0; i < 4; i++) {
			err = moor_rx_recv(rx, buf, sizeof buf, &got, MOOR_NOWAIT);
			if (!err)
				fuzz_touch(buf, got);
		}
		moor_rx_close(rx);
	}
}

static void one(const uint8_t *data, size_t size)
{
	static unsigned char image[MOST];
	struct fuzz_input in = {data, data + size};
	const size_t cut = fuzz_8(&in);
	unsigned char *mem;
	const uint8_t *rest;
	size_t start, more, len;
	int err;

	memset(image, 0, sizeof image);
	start = make_header(&in, image);
	rest = fuzz_bytes(&in, sizeof image - start, &more);
	if (more)
		memcpy(image + start, rest, more);
	/* The ring's own length for the most part; else so many words. */
	len = cut == 0 ? FUZZ_RING_MOST : cut == 255 ? MOST : cut * 32 + cut % 3 * 8;
	mem = fuzz_guarded_end(&room, MOST, len);
	memcpy(mem, image, len);
	err = moor_ring_check(mem, len);
	FUZZ_MUST(memcmp(mem, image, len) == 0);
	if (err) {
		moor_tx *tx = NULL;
		moor_rx *rx = NULL;

		/* A tail that cannot be found is the producer's trouble, a position that cannot be the consumer's. */
		if (err != MOOR_ECORRUPT) {
			FUZZ_MUST(moor_tx_attach(mem, len, NULL, &tx) == err && !tx);
			FUZZ_MUST(moor_rx_attach(mem, len, NULL, &rx) == err && !rx);
			FUZZ_MUST(memcmp(mem, image, len) == 0);
			return;
		}
	}
	use(mem, len);
}

static void seeds(fuzz_give *give, void *arg)
{
	static const uint32_t fields[] = {offsetof(struct moor_abi_header, data_offset),
	                                  offsetof(struct moor_abi_header, data_size),
	                                  offsetof(struct moor_abi_header, total_size),
	                                  offsetof(struct moor_abi_header, slots_offset),
	                                  offsetof(struct moor_abi_header, incompatible)};
	static const uint64_t values[] = {0, 8, 4096, 8192, UINT64_MAX, UINT64_MAX - 4095, (uint64_t)1 << 40};
	struct fuzz_output out = {.len = 0};

	fuzz_put(&out, 0, 1); /* whole and good */
	fuzz_put(&out, 0, 1);
	fuzz_put(&out, 32, 1);
	give(arg, out.bytes, out.len);
	out.len = 0;
	fuzz_put(&out, 8, 1); /* too short */
	fuzz_put(&out, 0, 1);
	fuzz_put(&out, 32, 1);
	give(arg, out.bytes, out.len);
	for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++) {
		for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
			out.len = 0;
			fuzz_put(&out, 0, 1);
			fuzz_put(&out, 1 | (v % 2 ? 0x80 : 0), 1);
			fuzz_put_set(&out, fields[f], values[v], 8);
			fuzz_put(&out, 32, 1);
			give(arg, out.bytes, out.len);
		}
	}
}

const struct fuzz_target fuzz_attach = {.name = "attach", .longest = MOST, .one = one, .seeds = seeds};
