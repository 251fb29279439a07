/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.c - one side of a link, host or worker, whose peer writes whatever it likes to all that it may write, between any
 * two calls. Whatever that is: no byte outside, nothing but read from what is the peer's (it is mapped so), no message
 * longer than may be; and MOOR_ECORRUPT is for good, in both directions. Input: which side, then what is done.
 */
#include "tests/fuzz/ring.h"

enum {
	CHANGE,
	RECORD,
	PEEK,
	RELEASE,
	RECV,
	REWIND,
	WAIT,
	RESERVE,
	COMMIT,
	CANCEL,
	SEND,
	WAIT_ROOM,
	DRAIN,
	WAIT_ANY,
	PEER_SENDS,
	PEER_RECEIVES,
	PEER_CLOSES,
	DESCRIPTOR,
	ARM,
	INTERRUPT,
	OPS
};
#define LOOK 0x80u
#define SIDE_WORKER 4u

#define AT_IN(field) (uint32_t)(offsetof(struct moor_abi_link, in) + offsetof(struct moor_abi_consumer, field))
#define AT_OUT(field) (uint32_t)(offsetof(struct moor_abi_link, out) + offsetof(struct moor_abi_producer, field))

struct sides {
	moor_link *us, *peer; /* peer: NULL when it has closed */
	struct fuzz_shared shared; /* what the peer may write */
	const unsigned char *data;
	uint32_t max_message;
	bool corrupt, reserved;
	uint64_t peeked;
};

static void check(struct sides *sides, int err)
{
	if (sides->corrupt)
		FUZZ_MUST(err == MOOR_ECORRUPT);
	sides->corrupt |= err == MOOR_ECORRUPT;
	if (sides->corrupt)
		sides->reserved = false;
}

static void receive(struct fuzz_input *in, struct sides *sides, unsigned op)
{
	moor_rx *const rx = moor_link_rx(sides->us);
	static struct fuzz_room room;
	struct moor_msg msg;
	size_t cap, len;
	void *buf;
	int err;

	switch (op) {
	case PEEK:
		err = moor_rx_peek(rx, &msg);
		check(sides, err);
		if (err)
			break;
		FUZZ_MUST(msg.len <= sides->max_message && (const unsigned char *)msg.data >= sides->data);
		FUZZ_MUST((const unsigned char *)msg.data + msg.len <= sides->data + FUZZ_CAPACITY);
		fuzz_touch(msg.data, msg.len);
		sides->peeked += moor__record_size(msg.len);
		FUZZ_MUST(sides->peeked < FUZZ_CAPACITY);
		break;
	case RELEASE:
		moor_rx_release(rx);
		sides->peeked = 0;
		break;
	case RECV:
		cap = fuzz_16(in) % 4097;
		buf = fuzz_guarded_end(&room, 4096, cap);
		err = moor_rx_recv(rx, buf, cap, &len, MOOR_NOWAIT);
		check(sides, err);
		if (!err) {
			FUZZ_MUST(len <= cap && len <= sides->max_message);
			fuzz_touch(buf, len);
			sides->peeked = 0;
		}
		break;
	case REWIND:
		check(sides, moor_rx_rewind(rx));
		sides->peeked = 0;
		break;
	case WAIT:
		check(sides, moor_rx_wait(rx, fuzz_8(in) & 1));
		break;
	}
}

static void transmit(struct fuzz_input *in, struct sides *sides, unsigned op)
{
	static const unsigned char content[FUZZ_CAPACITY];
	moor_tx *const tx = moor_link_tx(sides->us);
	const size_t len = fuzz_16(in) % FUZZ_CAPACITY;
	void *data;
	int err;

	switch (op) {
	case RESERVE:
		err = moor_tx_reserve(tx, len, &data);
		if (!sides->reserved)
			check(sides, err);
		if (!err) {
			FUZZ_MUST(!sides->reserved && len <= sides->max_message);
			memset(data, 1, len);
			sides->reserved = true;
		}
		break;
	case COMMIT:
		err = moor_tx_commit(tx, len);
		check(sides, err);
		sides->reserved &= err != 0;
		break;
	case CANCEL:
		moor_tx_cancel(tx);
		sides->reserved = false;
		break;
	case SEND:
		check(sides, moor_tx_send(tx, content, len, MOOR_NOWAIT));
		break;
	case WAIT_ROOM:
		check(sides, moor_tx_wait(tx, len, len & 1));
		break;
	case DRAIN:
		check(sides, moor_tx_drain(tx, len & 1));
		break;
	}
}

static void wait_for_both(struct sides *sides)
{
	const struct moor_waitable both[] = {moor_rx_waitable(moor_link_rx(sides->us)),
	                                     moor_tx_waitable(moor_link_tx(sides->us))};
	size_t index;

	check(sides, moor_wait_any(both, 2, MOOR_NOWAIT, &index));
}

/* A correct one, as far as what has become of its memory lets it. */
static void peer_does(struct fuzz_input *in, struct sides *sides, unsigned op)
{
	static unsigned char content[FUZZ_CAPACITY];
	const size_t some = fuzz_16(in) % FUZZ_CAPACITY;
	size_t len;

	if (!sides->peer)
		return;
	if (op == PEER_SENDS) {
		(void)moor_tx_send(moor_link_tx(sides->peer), content, some, MOOR_NOWAIT);
	} else if (op == PEER_RECEIVES) {
		(void)moor_rx_recv(moor_link_rx(sides->peer), content, sizeof content, &len, MOOR_NOWAIT);
	} else if (some % 4 == 0) {
		moor_link_close(sides->peer);
		sides->peer = NULL;
		sides->shared.len = 0;
	}
}

static void step(struct fuzz_input *in, struct sides *sides)
{
	const uint8_t byte = fuzz_8(in), op = (byte & 0x7f) % OPS;
	moor_os_handle fd;

	if (byte & LOOK) /* as if enough time had gone by to look for the peer's end */
		sides->us->rx->ring.next_look = sides->us->tx->ring.next_look = 0;
	switch (op) {
	case CHANGE:
		if (sides->peer)
			fuzz_change(in, &sides->shared);
		break;
	case RECORD:
		if (sides->peer) {
			uint32_t words[2];
			const size_t at = sizeof(struct moor_abi_link) + (size_t)fuzz_8(in) * MOOR_ABI_UNIT;

			words[0] = fuzz_32(in);
			words[1] = fuzz_32(in);
			memcpy(sides->shared.mem + at, words, sizeof words);
		}
		break;
	case PEEK:
	case RELEASE:
	case RECV:
	case REWIND:
	case WAIT:
		receive(in, sides, op);
		break;
	case WAIT_ANY:
		wait_for_both(sides);
		break;
	case PEER_SENDS:
	case PEER_RECEIVES:
	case PEER_CLOSES:
		peer_does(in, sides, op);
		break;
	case DESCRIPTOR:
		check(sides, moor_link_fd(sides->us, &fd));
		break;
	case ARM:
		check(sides, moor_rx_arm(moor_link_rx(sides->us)));
		break;
	case INTERRUPT:
		(void)moor_rx_interrupt(moor_link_rx(sides->us));
		(void)moor_tx_interrupt(moor_link_tx(sides->us));
		break;
	default:
		transmit(in, sides, op);
	}
}

static void one(const uint8_t *data, size_t size)
{
	static const uint32_t places[] = {AT_IN(slot.life),        AT_IN(died_reported),    AT_IN(quiet.asleep), AT_IN(quiet.bell),
	                                  AT_IN(done[0].position), AT_IN(done[1].position), AT_IN(released),
	                                  AT_IN(head),             AT_OUT(slot.life),       AT_OUT(quiet.asleep),
	                                  AT_OUT(full)};
	static const uint32_t greatest[] = {200, 1, 2040, 512};
	struct fuzz_input in = {data, data + size};
	const uint8_t how = fuzz_8(&in);
	struct sides sides = {.max_message = greatest[how % 4]};
	moor_link *host, *worker;
	int fd, err;

	err = moor_link_create(&MOOR_LINK_OPTS(.capacity = FUZZ_CAPACITY, .max_message = sides.max_message), &host);
	if (err == MOOR_ENOTSUP) /* by an old kernel */
		return;
	FUZZ_MUST(err == 0);
	FUZZ_MUST(moor_link_worker_fd(host, &fd) == 0);
	FUZZ_MUST(moor_link_attach(fd, NULL, &worker) == 0);
	sides.us = how & SIDE_WORKER ? worker : host;
	sides.peer = how & SIDE_WORKER ? host : worker;
	sides.data = sides.us->rx->ring.data;
	sides.shared = (struct fuzz_shared){.mem = fuzz_link_memory(sides.peer),
	                                    .len = FUZZ_LINK_SIZE,
	                                    .places = places,
	                                    .place_count = sizeof places / sizeof places[0]};
	while (fuzz_left(&in))
		step(&in, &sides);
	moor_link_close(sides.us);
	moor_link_close(sides.peer);
}

static void put_op(struct fuzz_output *out, unsigned op, unsigned value, size_t width)
{
	fuzz_put(out, op, 1);
	fuzz_put(out, value, width);
}

static void seeds(fuzz_give *give, void *arg)
{
	static const uint64_t forged[] = {0, 1, 16, 4096, UINT64_MAX - 15, (uint64_t)1 << 63};
	static const uint32_t words[] = {AT_IN(released), AT_IN(head), AT_OUT(slot.life), AT_IN(slot.life)};
	struct fuzz_output out;

	for (unsigned side = 0; side < 2; side++) {
		out.len = 0;
		fuzz_put(&out, 2 | (side ? SIDE_WORKER : 0), 1);
		for (unsigned n = 0; n < 20; n++) { /* a correct peer */
			put_op(&out, PEER_SENDS, n * 90, 2);
			put_op(&out, n % 3 ? PEEK : WAIT_ANY, 0, 0);
			put_op(&out, n % 4 ? RELEASE : REWIND, 0, 0);
			put_op(&out, RECV, 4096, 2);
			put_op(&out, RESERVE, n * 80, 2);
			put_op(&out, n % 5 ? COMMIT : CANCEL, n * 70, 2);
			put_op(&out, SEND, n * 60, 2);
			put_op(&out, PEER_RECEIVES, 0, 2);
			put_op(&out, n % 2 ? DRAIN : WAIT_ROOM, n, 2);
		}
		put_op(&out, DESCRIPTOR, 0, 0);
		put_op(&out, ARM, 0, 0);
		put_op(&out, PEER_SENDS, 1, 2);
		put_op(&out, ARM, 0, 0);
		put_op(&out, PEER_CLOSES, 0, 2);
		put_op(&out, RECV | LOOK, 4096, 2);
		put_op(&out, SEND | LOOK, 10, 2);
		give(arg, out.bytes, out.len);
		for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) { /* a forged word, seen when there is no room */
			for (size_t f = 0; f < sizeof forged / sizeof forged[0]; f++) {
				out.len = 0;
				fuzz_put(&out, 2 | (side ? SIDE_WORKER : 0), 1);
				put_op(&out, RECV, 0, 2);
				for (unsigned n = 0; n < 3; n++)
					put_op(&out, SEND, 1300, 2);
				put_op(&out, CHANGE, 0, 0);
				fuzz_put_set(&out, words[w], forged[f], 8);
				put_op(&out, RESERVE, 2040, 2);
				put_op(&out, RECV | LOOK, 4096, 2);
				put_op(&out, WAIT | LOOK, 1, 1);
				put_op(&out, DRAIN | LOOK, 1, 2);
				put_op(&out, RECORD, 0, 1);
				fuzz_put(&out, MOOR_ABI_WORD_MESSAGE, 4);
				fuzz_put(&out, f % 2 ? UINT32_MAX : 2000, 4);
				put_op(&out, PEEK, 0, 0);
				put_op(&out, RECV, 4096, 2);
				give(arg, out.bytes, out.len);
			}
		}
	}
}

const struct fuzz_target fuzz_link = {.name = "link", .longest = 2048, .one = one, .seeds = seeds};
