/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader.c - a consumer whose producer writes whatever it likes, wherever it likes, between any two calls. Whatever that
 * is: no byte outside the ring, no message longer than may be, nothing written but its own words, and MOOR_ECORRUPT is
 * for good.
 */
#include "tests/fuzz/ring.h"

enum {
	CHANGE,
	SEND,   /* as a correct producer does, from where it thinks that it is */
	RECORD, /* the header of a record anywhere */
	PEEK,
	RELEASE,
	RECV,
	REWIND,
	WAIT,
	WAIT_ANY,
	ALIVE,
	REOPEN,
	INTERRUPT,
	OPS
};

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

static void send_one(struct reader *reader, uint32_t len)
{
	const uint64_t size = moor__record_size(len), left = FUZZ_CAPACITY - (reader->tail & (FUZZ_CAPACITY - 1));
	uint64_t at = reader->tail;

	if (size > left) {
		put_record(at, MOOR_ABI_WORD_PAD, (uint32_t)(left / MOOR_ABI_UNIT));
		at += left;
	}
	put_record(at + size, 0, 0);
	put_record(at, MOOR_ABI_WORD_MESSAGE, len);
	reader->tail = at + size;
}

/* What a call of the consumer's may answer, and what it must have left alone. */
static void check(struct reader *reader, int err)
{
	if (reader->corrupt)
		FUZZ_MUST(err == MOOR_ECORRUPT);
	reader->corrupt |= err == MOOR_ECORRUPT;
	FUZZ_MUST(fuzz_ring_kept(&ring, FUZZ_AT_CONSUMER(slot), FUZZ_AT_PRODUCER(slot), FUZZ_AT_PRODUCER(slot.life)));
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
	reader->peeked += moor__record_size(msg.len);
	FUZZ_MUST(reader->peeked < FUZZ_CAPACITY);
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
	const unsigned op = fuzz_8(in) % OPS;
	struct moor_waitable waitable;
	uint64_t position;
	uint32_t word;
	size_t index;

	switch (op) {
	case CHANGE:
		fuzz_change(in, &ring.shared);
		return;
	case SEND:
		send_one(reader, fuzz_16(in) % (ring.max_message + 1));
		return;
	case RECORD:
		position = (uint64_t)fuzz_8(in) * MOOR_ABI_UNIT;
		word = fuzz_32(in);
		put_record(position, word, fuzz_32(in));
		return;
	case ALIVE:
		ring.alive = !ring.alive;
		return;
	default:
		break;
	}
	if (!reader->rx || op == REOPEN) {
		moor_rx_close(reader->rx);
		open_it(reader);
		return;
	}
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
	static const uint32_t greatest[] = {200, 1, 2040, 512};
	struct fuzz_input in = {data, data + size};
	const uint32_t max_message = greatest[fuzz_8(&in) % 4];
	const uint64_t position = fuzz_64(&in) & MOOR__POSITION;
	struct reader reader = {.tail = position};

	fuzz_ring_make(&ring, max_message, position);
	open_it(&reader);
	FUZZ_MUST(reader.rx || position > MOOR__POSITION_MAX);
	while (fuzz_left(&in))
		step(&in, &reader);
	moor_rx_close(reader.rx);
}

static void begin(struct fuzz_output *out, unsigned max_message, uint64_t position)
{
	out->len = 0;
	fuzz_put(out, max_message, 1);
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
	                                 MOOR_ABI_WORD_CLAIM,   MOOR_ABI_WORD_PAD | 1};
	static const uint32_t details[] = {0, 1, 255, 256, 4095, 0x0fffffff, UINT32_MAX};
	struct fuzz_output out;

	for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++) { /* a correct producer */
		begin(&out, 2, positions[i]);
		for (unsigned n = 0; n < 20; n++) {
			put_send(&out, n * 100);
			fuzz_put(&out, n % 3 ? PEEK : WAIT_ANY, 1);
			fuzz_put(&out, n % 4 ? RELEASE : REWIND, 1);
			put_recv(&out);
		}
		fuzz_put(&out, REOPEN, 1);
		give(arg, out.bytes, out.len);
	}
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) { /* a forged record */
		begin(&out, (unsigned)i, 0);
		for (size_t n = 0; n < sizeof details / sizeof details[0]; n++) {
			fuzz_put(&out, RECORD, 1);
			fuzz_put(&out, 0, 1);
			fuzz_put(&out, words[i], 4);
			fuzz_put(&out, details[n], 4);
			fuzz_put(&out, n % 2 ? PEEK : WAIT, 1);
			put_recv(&out);
			fuzz_put(&out, REOPEN, 1);
		}
		give(arg, out.bytes, out.len);
	}
	begin(&out, 0, 0); /* words of its own, forged; a producer that has died */
	fuzz_put(&out, CHANGE, 1);
	fuzz_put_set(&out, FUZZ_AT_CONSUMER(released), 4096, 8);
	fuzz_put(&out, REOPEN, 1);
	fuzz_put(&out, CHANGE, 1);
	fuzz_put_set(&out, FUZZ_AT_PRODUCER(slot.life), 1, 8);
	fuzz_put(&out, ALIVE, 1);
	put_recv(&out);
	fuzz_put(&out, REOPEN, 1);
	put_recv(&out);
	give(arg, out.bytes, out.len);
}

const struct fuzz_target fuzz_reader = {.name = "reader", .longest = 4096, .one = one, .seeds = seeds};
