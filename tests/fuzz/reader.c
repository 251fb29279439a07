/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader.c - a consumer whose producers write whatever they like, wherever they like, between any two calls. Whatever
 * that is: no byte outside the ring, no message longer than may be, nothing written but what is the consumer's to write,
 * and MOOR_ECORRUPT is for good. Input: the kind of ring, a position, then what is done.
 */
#include "tests/fuzz/ring.h"

enum {
	CHANGE,
	SEND,   /* as a correct producer does, from where it thinks that it is */
	CLAIM,
	RECORD, /* the header of a record anywhere */
	PEEK,
	RELEASE,
	RECV,
	REWIND,
	WAIT,
	WAIT_ANY,
	DIE,
	REOPEN,
	INTERRUPT,
	OPS
};
#define LOOK 0x80u

static struct fuzz_ring ring;

struct reader {
	moor_rx *rx;
	bool corrupt;
	uint64_t tail;   /* of the correct producer */
	uint64_t peeked; /* bytes, not yet released */
};

static struct moor_abi_record_header *header_at(uint64_t position)
{
	return (struct moor_abi_record_header *)(void *)(ring.data + (position & (FUZZ_CAPACITY - MOOR_ABI_UNIT)));
}

static void put_record(uint64_t position, uint32_t word, uint32_t detail)
{
	*header_at(position) = (struct moor_abi_record_header){word, detail};
}

/* By the producer of a slot, which is the only one's or one of many's. */
static void send_one(struct reader *reader, uint32_t len, uint32_t slot)
{
	const uint64_t size = fuzz_ring_size(&ring, len), left = FUZZ_CAPACITY - (reader->tail & (FUZZ_CAPACITY - 1));
	const uint32_t ids = ring.many ? moor__word_ids(slot, slot) : 0;
	uint64_t at = reader->tail;

	if (size > left) {
		put_record(at, MOOR_ABI_WORD_PAD | ids, (uint32_t)(left / MOOR_ABI_UNIT));
		at += left;
	}
	if (ring.many)
		ring.many->claimed = moor__claimed_word(at + size, slot);
	put_record(at + size, 0, 0);
	put_record(at, MOOR_ABI_WORD_MESSAGE | ids, len);
	reader->tail = at + size;
}

/* One of many says what it is about to claim, or has claimed; and goes no further. */
static void claim(struct reader *reader, uint32_t slot, uint32_t lines, uint8_t how)
{
	struct moor_abi_producer *const producer = &ring.producer[slot - 1];

	if (!ring.many)
		return;
	producer->intent = moor__claimed_word(reader->tail, how >> 2 & 3);
	producer->intent_units = lines * (MOOR_ABI_LINE / MOOR_ABI_UNIT);
	if (how & 1) {
		const uint64_t at = reader->tail;

		reader->tail += (uint64_t)lines * MOOR_ABI_LINE;
		ring.many->claimed = moor__claimed_word(reader->tail, slot);
		if (how & 2)
			put_record(at, MOOR_ABI_WORD_CLAIM | moor__word_ids(slot, how >> 2 & 3), producer->intent_units);
	}
}

/* What a call of the consumer's may answer, and what it must have left alone. */
static void check(struct reader *reader, int err)
{
	if (reader->corrupt)
		FUZZ_MUST(err == MOOR_ECORRUPT);
	reader->corrupt |= err == MOOR_ECORRUPT;
	fuzz_ring_allow(&ring, FUZZ_AT_CONSUMER(slot), MOOR_ABI_RING_SLOT_SIZE);
	for (uint32_t i = 0; i < (ring.many ? FUZZ_PRODUCERS : 1); i++)
		fuzz_ring_allow(&ring, FUZZ_AT_PRODUCER(i, slot.life), 8); /* its death is counted */
	if (ring.many) {
		fuzz_ring_allow(&ring, FUZZ_AT_MANY(sleeping), 4);
		for (size_t line = (size_t)(ring.data - ring.shared.mem); line < ring.shared.len; line += MOOR_ABI_LINE)
			fuzz_ring_allow(&ring, line, 8); /* what it gives back, or passes over */
	}
	FUZZ_MUST(fuzz_ring_kept(&ring));
}

static void peek(struct reader *reader)
{
	struct moor_msg msg;
	const int err = moor_rx_peek(reader->rx, &msg);

	check(reader, err);
	if (err)
		return;
	FUZZ_MUST(msg.len <= ring.max_message);
	FUZZ_MUST((const unsigned char *)msg.data >= ring.data);
	FUZZ_MUST((const unsigned char *)msg.data + msg.len <= ring.data + FUZZ_CAPACITY);
	fuzz_touch(msg.data, msg.len);
	FUZZ_MUST(msg.producer < (ring.many ? FUZZ_PRODUCERS : 1));
	reader->peeked += fuzz_ring_size(&ring, msg.len);
	FUZZ_MUST(reader->peeked <= FUZZ_CAPACITY);
}

static void recv_one(struct reader *reader, size_t cap)
{
	static struct fuzz_room room;
	unsigned char *buf = fuzz_guarded_end(&room, 4096, cap);
	size_t len = SIZE_MAX;
	const int err = moor_rx_recv(reader->rx, buf, cap, &len, MOOR_NOWAIT);

	check(reader, err);
	if (err == 0) {
		FUZZ_MUST(len <= cap && len <= ring.max_message);
		fuzz_touch(buf, len);
		reader->peeked = 0;
	} else if (err == MOOR_EMSGSIZE) {
		FUZZ_MUST(len > cap && len <= ring.max_message);
	} else {
		FUZZ_MUST(len == SIZE_MAX);
	}
}

static void open_it(struct reader *reader)
{
	const struct moor_ring_opts opts = fuzz_ring_opts(&ring);
	const int err = moor_rx_attach(ring.shared.mem, ring.shared.len, &opts, &reader->rx);

	reader->corrupt = false;
	reader->peeked = 0;
	if (err)
		reader->rx = NULL;
}

static void step(struct fuzz_input *in, struct reader *reader)
{
	const uint8_t byte = fuzz_8(in), op = (byte & 0x7f) % OPS;
	struct moor_waitable waitable;
	uint64_t position;
	uint32_t word;
	size_t index;

	switch (op) {
	case CHANGE:
		fuzz_change(in, &ring.shared);
		return;
	case SEND:
		position = fuzz_16(in);
		send_one(reader, (uint32_t)(position % (ring.max_message + 1)), 1 + (uint32_t)position / 4096 % FUZZ_PRODUCERS);
		return;
	case CLAIM:
		position = fuzz_16(in);
		claim(reader, 1 + (uint32_t)position % FUZZ_PRODUCERS, (uint32_t)position >> 2 & 31, (uint8_t)(position >> 8));
		return;
	case RECORD:
		position = (uint64_t)fuzz_8(in) * MOOR_ABI_UNIT;
		word = fuzz_32(in);
		put_record(position, word, fuzz_32(in));
		return;
	case DIE:
		ring.dead ^= fuzz_8(in);
		return;
	default:
		break;
	}
	if (!reader->rx || op == REOPEN) {
		moor_rx_close(reader->rx);
		open_it(reader);
		return;
	}
	if (byte & LOOK) /* as if enough time had gone by to look who has died */
		reader->rx->ring.next_look = 0;
	fuzz_ring_note(&ring);
	switch (op) {
	case PEEK:
		peek(reader);
		break;
	case RELEASE:
		moor_rx_release(reader->rx);
		reader->peeked = 0;
		check(reader, reader->corrupt ? MOOR_ECORRUPT : 0);
		break;
	case RECV:
		recv_one(reader, fuzz_16(in) % 4097);
		break;
	case REWIND:
		reader->peeked = 0;
		check(reader, moor_rx_rewind(reader->rx));
		break;
	case WAIT:
		check(reader, moor_rx_wait(reader->rx, fuzz_8(in) & 1));
		break;
	case WAIT_ANY:
		waitable = moor_rx_waitable(reader->rx);
		check(reader, moor_wait_any(&waitable, 1, MOOR_NOWAIT, &index));
		break;
	case INTERRUPT:
		(void)moor_rx_interrupt(reader->rx);
		break;
	}
}

static void one(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, data + size};
	const uint8_t how = fuzz_8(&in);
	const uint64_t position = fuzz_64(&in) & ~(uint64_t)((how & FUZZ_MANY ? MOOR_ABI_LINE : MOOR_ABI_UNIT) - 1);
	struct reader reader = {.tail = position};

	fuzz_ring_make(&ring, how, position);
	open_it(&reader);
	FUZZ_MUST(reader.rx || position > MOOR__POSITION_MAX);
	while (fuzz_left(&in))
		step(&in, &reader);
	moor_rx_close(reader.rx);
}

static void begin(struct fuzz_output *out, unsigned how, uint64_t position)
{
	out->len = 0;
	fuzz_put(out, how, 1);
	fuzz_put(out, position, 8);
}

static void put_send(struct fuzz_output *out, unsigned len)
{
	fuzz_put(out, SEND, 1);
	fuzz_put(out, len, 2);
}

static void put_recv(struct fuzz_output *out)
{
	fuzz_put(out, RECV, 1);
	fuzz_put(out, 4096, 2);
}

static void seeds(fuzz_give *give, void *arg)
{
	static const uint64_t positions[] = {0, 4080, 4064, ((uint64_t)1 << 32) - 64, ((uint64_t)1 << 63) - 64, MOOR__POSITION_MAX,
	                                     UINT64_MAX - 15};
	static const uint32_t words[] = {MOOR_ABI_WORD_MESSAGE, MOOR_ABI_WORD_PAD,  MOOR_ABI_WORD_END,
	                                 MOOR_ABI_WORD_CLAIM,   MOOR_ABI_WORD_PAD | 1,
	                                 0};
	static const uint32_t details[] = {0, 1, 57, 255, 256, 2000, 4095, 0x0fffffff, UINT32_MAX};
	const uint32_t ids = moor__word_ids(1, 1); /* of many: by somebody */
	struct fuzz_output out;

	for (size_t i = 0; i < 2 * sizeof positions / sizeof positions[0]; i++) { /* correct producers */
		begin(&out, 2 | (i % 2 ? FUZZ_MANY : 0), positions[i / 2]);
		for (unsigned n = 0; n < 20; n++) {
			put_send(&out, n * 100 + (i % 2 ? n % 3 * 4096 : 0));
			fuzz_put(&out, n % 3 ? PEEK : WAIT_ANY, 1);
			fuzz_put(&out, n % 4 ? RELEASE : REWIND, 1);
			put_recv(&out);
		}
		fuzz_put(&out, REOPEN, 1);
		give(arg, out.bytes, out.len);
	}
	for (size_t i = 0; i < 8 * sizeof words / sizeof words[0]; i++) { /* a forged record, here and at the ring's end */
		const unsigned unit = i / 2 % 2 ? 252 : 0;

		for (size_t n = 0; n < sizeof details / sizeof details[0]; n++) {
			begin(&out, (i / 4 % 2 ? 2 : 0) | (i % 2 ? FUZZ_MANY : 0), unit * MOOR_ABI_UNIT);
			fuzz_put(&out, RECORD, 1);
			fuzz_put(&out, unit, 1);
			fuzz_put(&out, words[i / 8] | (i % 2 ? ids : 0), 4);
			fuzz_put(&out, details[n], 4);
			fuzz_put(&out, WAIT, 1);
			fuzz_put(&out, 1, 1);
			fuzz_put(&out, PEEK, 1);
			fuzz_put(&out, REWIND, 1);
			put_recv(&out);
			fuzz_put(&out, REOPEN, 1);
			put_recv(&out);
			give(arg, out.bytes, out.len);
		}
	}
	for (unsigned how = 0; how < 64; how++) { /* one of many claims, and dies, or does not; others go on */
		begin(&out, 2 | FUZZ_MANY, 4096 - 128);
		put_send(&out, 100);
		fuzz_put(&out, CLAIM, 1);
		fuzz_put(&out, how << 8 | 2 << 2 | 1, 2);
		fuzz_put(&out, CLAIM, 1);
		fuzz_put(&out, (how ^ 8) << 8 | 1 << 2 | 2, 2);
		put_send(&out, 50 + 4096);
		fuzz_put(&out, DIE, 1);
		fuzz_put(&out, how / 16 * 2, 1);
		for (unsigned n = 0; n < 4; n++) {
			fuzz_put(&out, RECV | LOOK, 1);
			fuzz_put(&out, 4096, 2);
		}
		fuzz_put(&out, REOPEN, 1);
		put_recv(&out);
		give(arg, out.bytes, out.len);
	}
	begin(&out, 0, 0); /* words of its own, forged; a producer that has died */
	fuzz_put(&out, CHANGE, 1);
	fuzz_put_set(&out, FUZZ_AT_CONSUMER(released), 4096, 8);
	fuzz_put(&out, REOPEN, 1);
	fuzz_put(&out, CHANGE, 1);
	fuzz_put_set(&out, FUZZ_AT_PRODUCER(0, slot.life), 1, 8);
	fuzz_put(&out, DIE, 1);
	fuzz_put(&out, 2, 1);
	put_recv(&out);
	fuzz_put(&out, REOPEN, 1);
	put_recv(&out);
	give(arg, out.bytes, out.len);
}

const struct fuzz_target fuzz_reader = {.name = "reader", .longest = 4096, .one = one, .seeds = seeds};
