/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writer.c - a producer, the one or one of many, whose consumer and fellows write whatever they like, wherever they like,
 * between any two calls. Whatever that is: no byte outside the data is written but what is a producer's to write, room is
 * in the data, and MOOR_ECORRUPT is for good. Input: the kind of ring, a position, then what is done.
 */
#include "tests/fuzz/ring.h"

enum {
	CHANGE,
	RELEASE, /* as a correct consumer does: all but so many units */
	RESERVE,
	COMMIT,
	CANCEL,
	SEND,
	SENDV,
	WAIT,
	DRAIN,
	WAIT_ANY,
	DIE,
	REOPEN,
	INTERRUPT,
	OPS
};
#define LOOK 0x80u

static struct fuzz_ring ring;

struct writer {
	moor_tx *tx;
	bool corrupt, reserved;
};

static void check(struct writer *writer, int err)
{
	const size_t data = (size_t)(ring.data - ring.shared.mem);

	if (writer->corrupt)
		FUZZ_MUST(err == MOOR_ECORRUPT);
	writer->corrupt |= err == MOOR_ECORRUPT;
	fuzz_ring_allow(&ring, data, ring.shared.len - data);
	fuzz_ring_allow(&ring, (size_t)((unsigned char *)writer->tx->ring.producer - ring.shared.mem), MOOR_ABI_RING_SLOT_SIZE);
	fuzz_ring_allow(&ring, FUZZ_AT_CONSUMER(slot.life), 8); /* its death is counted */
	if (ring.many)
		fuzz_ring_allow(&ring, MOOR_ABI_MANY_OFFSET, sizeof *ring.many);
	FUZZ_MUST(fuzz_ring_kept(&ring));
}

static void reserve(struct writer *writer, size_t len)
{
	void *data = NULL;
	const int err = moor_tx_reserve(writer->tx, len, &data);

	if (!writer->reserved)
		check(writer, err);
	if (err)
		return;
	FUZZ_MUST(!writer->reserved && len <= ring.max_message);
	FUZZ_MUST((unsigned char *)data >= ring.data && (unsigned char *)data + len <= ring.data + FUZZ_CAPACITY);
	memset(data, 0xff, len);
	writer->reserved = true;
}

static void send_parts(struct writer *writer, size_t first, size_t second)
{
	static const unsigned char content[FUZZ_CAPACITY];
	const struct moor_iov iov[] = {{content, first % sizeof content}, {NULL, 0}, {content, second % sizeof content}};

	check(writer, moor_tx_sendv(writer->tx, iov, 3, MOOR_NOWAIT));
}

static void open_it(struct writer *writer)
{
	const struct moor_ring_opts opts = fuzz_ring_opts(&ring);
	const int err = moor_tx_attach(ring.shared.mem, ring.shared.len, &opts, &writer->tx);

	writer->corrupt = false;
	writer->reserved = false;
	if (err)
		writer->tx = NULL;
}

static void step(struct fuzz_input *in, struct writer *writer)
{
	static unsigned char content[FUZZ_CAPACITY];
	const uint8_t byte = fuzz_8(in), op = (byte & 0x7f) % OPS;
	struct moor_waitable waitable;
	uint64_t position;
	size_t index, len;

	switch (op) {
	case CHANGE:
		fuzz_change(in, &ring.shared);
		return;
	case RELEASE:
		if (writer->tx) {
			position = ring.many ? moor__claimed_position(ring.many->claimed, writer->tx->released) : writer->tx->tail;
			position -= fuzz_8(in) * fuzz_ring_step(&ring);
			moor__store_64(&ring.consumer->released, position);
			moor__store_64(&ring.consumer->head, position);
		}
		return;
	case DIE:
		ring.dead ^= fuzz_8(in);
		return;
	default:
		break;
	}
	if (!writer->tx || op == REOPEN) {
		moor_tx_close(writer->tx);
		open_it(writer);
		return;
	}
	if (byte & LOOK) /* as if enough time had gone by to look who has died */
		writer->tx->ring.next_look = 0;
	fuzz_ring_note(&ring);
	switch (op) {
	case RESERVE:
		reserve(writer, fuzz_16(in));
		break;
	case COMMIT: {
		const int err = moor_tx_commit(writer->tx, fuzz_16(in));

		if (!writer->reserved)
			FUZZ_MUST(err == (writer->corrupt ? MOOR_ECORRUPT : MOOR_EINVAL));
		writer->reserved &= err != 0;
		check(writer, err);
		break;
	}
	case CANCEL:
		moor_tx_cancel(writer->tx);
		writer->reserved = false;
		check(writer, writer->corrupt ? MOOR_ECORRUPT : 0);
		break;
	case SEND:
		len = fuzz_16(in) % sizeof content;
		memset(content, fuzz_8(in), len);
		check(writer, moor_tx_send(writer->tx, content, len, MOOR_NOWAIT));
		break;
	case SENDV:
		len = fuzz_16(in);
		send_parts(writer, len, fuzz_16(in));
		break;
	case WAIT:
		len = fuzz_16(in);
		check(writer, moor_tx_wait(writer->tx, len, fuzz_8(in) & 1));
		break;
	case DRAIN:
		check(writer, moor_tx_drain(writer->tx, fuzz_8(in) & 1));
		break;
	case WAIT_ANY:
		waitable = moor_tx_waitable(writer->tx);
		check(writer, moor_wait_any(&waitable, 1, MOOR_NOWAIT, &index));
		break;
	case INTERRUPT:
		(void)moor_tx_interrupt(writer->tx);
		break;
	}
	if (writer->corrupt)
		writer->reserved = false;
}

static void one(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, data + size};
	const uint8_t how = fuzz_8(&in);
	const uint64_t position = fuzz_64(&in) & ~(uint64_t)((how & FUZZ_MANY ? MOOR_ABI_LINE : MOOR_ABI_UNIT) - 1);
	struct writer writer = {0};

	fuzz_ring_make(&ring, how, position);
	open_it(&writer);
	FUZZ_MUST(writer.tx || position > MOOR__POSITION_MAX);
	while (fuzz_left(&in))
		step(&in, &writer);
	moor_tx_close(writer.tx);
}

static void begin(struct fuzz_output *out, unsigned how, uint64_t position)
{
	out->len = 0;
	fuzz_put(out, how, 1);
	fuzz_put(out, position, 8);
}

static void put_op(struct fuzz_output *out, unsigned op, unsigned len, size_t width)
{
	fuzz_put(out, op, 1);
	fuzz_put(out, len, width);
}

static void seeds(fuzz_give *give, void *arg)
{
	static const uint64_t positions[] = {0, 4080, 4064, ((uint64_t)1 << 32) - 64, ((uint64_t)1 << 63) - 64, MOOR__POSITION_MAX,
	                                     UINT64_MAX - 15};
	static const uint64_t forged[] = {0, 16, 17, 4096, 8192, UINT64_MAX, UINT64_MAX - 15, UINT64_MAX - 383, (uint64_t)1 << 63};
	struct fuzz_output out;

	for (size_t i = 0; i < 2 * sizeof positions / sizeof positions[0]; i++) { /* a correct consumer */
		begin(&out, 2 | (i % 2 ? FUZZ_MANY : 0), positions[i / 2]);
		for (unsigned n = 0; n < 20; n++) {
			put_op(&out, RESERVE, 100 * n, 2);
			put_op(&out, n % 4 ? COMMIT : CANCEL, 90 * n, n % 4 ? 2 : 0);
			put_op(&out, SEND, 8 * n, 3);
			put_op(&out, SENDV, 20 * n, 4);
			put_op(&out, n % 2 ? WAIT : DRAIN, 0, n % 2 ? 3 : 1);
			put_op(&out, RELEASE, n % 5, 1);
			fuzz_put(&out, WAIT_ANY, 1);
		}
		fuzz_put(&out, REOPEN, 1);
		give(arg, out.bytes, out.len);
	}
	for (size_t i = 0; i < 4 * sizeof forged / sizeof forged[0]; i++) { /* a forged position, seen when there is no room */
		static const uint32_t words[] = {FUZZ_AT_CONSUMER(released), FUZZ_AT_CONSUMER(head), FUZZ_AT_MANY(claimed),
		                                 FUZZ_AT_CONSUMER(released)};

		begin(&out, 2 | (i % 4 > 1 ? FUZZ_MANY : 0), 0);
		for (unsigned n = i % 2; n < 3; n++)
			put_op(&out, SEND, 1300, 3);
		fuzz_put(&out, CHANGE, 1);
		fuzz_put_set(&out, words[i % 4], forged[i / 4], 8);
		put_op(&out, RESERVE, 2040, 2);
		put_op(&out, WAIT, 2040, 3);
		put_op(&out, DRAIN, 0, 1);
		fuzz_put(&out, REOPEN, 1);
		put_op(&out, SEND, 1300, 3);
		give(arg, out.bytes, out.len);
	}
}

const struct fuzz_target fuzz_writer = {.name = "writer", .longest = 4096, .one = one, .seeds = seeds};
