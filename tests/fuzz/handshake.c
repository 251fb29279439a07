/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handshake.c - a worker that is offered anything at its end: packets of any bytes with any descriptors, memory of any
 * kind with any header. What is refused leaves nothing open; what is taken can be used while the words change. And a host
 * that is told anything. Input: the kind of socket, packets; then what the words are changed to.
 */
#include "tests/fuzz/ring.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define FDS 6

enum {
	HOST_MEMORY,
	WORKER_MEMORY,
	BELL,
	DOOR,
	SHORT,
	UNSEALED,
	NOT_TO_BE_WRITTEN,
	PLAIN_FILE,
	NOTHING,
	DIRECTORY,
	PIPE,
	DATAGRAMS,
	POLL,
	THINGS
};

static struct moor_abi_header good; /* of a link */
static const char offer[16] = "mooring link 1";

/* False where there are no links, by an old kernel. */
static bool begin(void)
{
	moor_link *link;
	int err;

	if (good.kind)
		return true;
	(void)fuzz_dir();
	err = moor_link_create(&MOOR_LINK_OPTS(.capacity = FUZZ_CAPACITY, .max_message = 200), &link);
	if (err == MOOR_ENOTSUP)
		return false;
	FUZZ_MUST(err == 0);
	memcpy(&good, fuzz_link_memory(link), sizeof good);
	moor_link_close(link);
	return true;
}

struct offered {
	int fds[FDS];
	unsigned count;
	int other_end;      /* of a bell */
	unsigned char *mem; /* the host's, as it maps it; or NULL */
};

static int make_memory(struct fuzz_input *in, uint8_t how, size_t size)
{
	static struct moor_abi_header header;
	const struct fuzz_shared shared = {.mem = (unsigned char *)&header, .len = sizeof header};
	int fd;

	header = good;
	for (unsigned n = how % 4; n; n--)
		fuzz_change(in, &shared);
	FUZZ_MUST(moor__os_sealed_new(size, &fd) == 0);
	FUZZ_MUST(moor__os_file_write(fd, &header, size < sizeof header ? size : sizeof header, 0) == 0);
	return fd;
}

static int first_of_pair(int type, int *ret_other)
{
	int ends[2];

	FUZZ_MUST(socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
	if (*ret_other >= 0)
		close(*ret_other);
	*ret_other = ends[1];
	return ends[0];
}

static int make_thing(struct fuzz_input *in, struct offered *offered)
{
	const uint8_t byte = fuzz_8(in), how = byte / 16;
	int fd, ends[2];

	switch (byte % 16 % THINGS) {
	case HOST_MEMORY:
		fd = make_memory(in, how, FUZZ_LINK_SIZE);
		if (!offered->mem) {
			offered->mem = mmap(NULL, FUZZ_LINK_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
			FUZZ_MUST(offered->mem != MAP_FAILED);
		}
		FUZZ_MUST(moor__os_seal_writes(fd) == 0);
		return fd;
	case WORKER_MEMORY:
		return make_memory(in, how, FUZZ_LINK_SIZE);
	case BELL:
		return first_of_pair(SOCK_SEQPACKET, &offered->other_end);
	case DOOR:
		return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	case SHORT:
		return make_memory(in, how, how & 4 ? 128 : FUZZ_LINK_SIZE - 4096);
	case UNSEALED:
		fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		FUZZ_MUST(fd >= 0 && ftruncate(fd, FUZZ_LINK_SIZE) == 0);
		return fd;
	case NOT_TO_BE_WRITTEN:
		fd = make_memory(in, how, FUZZ_LINK_SIZE);
		FUZZ_MUST(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0);
		return fd;
	case PLAIN_FILE:
		fd = open(fuzz_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		FUZZ_MUST(fd >= 0 && ftruncate(fd, FUZZ_LINK_SIZE) == 0);
		return fd;
	case NOTHING:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	case DIRECTORY:
		return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	case PIPE:
		FUZZ_MUST(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
		close(ends[how & 1]);
		return ends[!(how & 1)];
	case DATAGRAMS:
		return first_of_pair(SOCK_DGRAM, &offered->other_end);
	default:
		return epoll_create1(EPOLL_CLOEXEC);
	}
}

/* One packet, as it stands in the input. */
static void send_packet(struct fuzz_input *in, int end, struct offered *offered)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int) * FDS)];
	} control = {0};
	char text[64] = {0};
	struct iovec iov = {.iov_base = text, .iov_len = sizeof offer};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	const uint8_t how = fuzz_8(in);
	const unsigned first = offered->count;
	size_t len;

	memcpy(text, offer, sizeof offer);
	if (how & 0x80) { /* not that text, or not that long */
		const uint8_t *other = fuzz_bytes(in, fuzz_8(in) % sizeof text, &len);

		if (len)
			memcpy(text, other, len);
		iov.iov_len = fuzz_8(in) % sizeof text;
	}
	for (unsigned n = how % (FDS + 1); n && offered->count < FDS; n--)
		offered->fds[offered->count++] = make_thing(in, offered);
	if (offered->count > first) {
		const size_t bytes = sizeof(int) * (offered->count - first);

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(bytes);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(bytes);
		memcpy(CMSG_DATA(&control.head), offered->fds + first, bytes);
	}
	(void)sendmsg(end, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* What a worker that was taken in by it does, while the host changes what is its to write. */
static void use(struct fuzz_input *in, moor_link *link, struct offered *offered)
{
	const struct fuzz_shared shared = {.mem = offered->mem, .len = FUZZ_LINK_SIZE};
	unsigned char buf[512];
	size_t len;

	for (int i = 0; i < 4; i++) {
		(void)moor_tx_send(moor_link_tx(link), "something", 9, MOOR_NOWAIT);
		if (offered->mem)
			fuzz_change(in, &shared);
		if (moor_rx_recv(moor_link_rx(link), buf, sizeof buf, &len, MOOR_NOWAIT) == 0)
			fuzz_touch(buf, len);
	}
}

static void be_worker(struct fuzz_input *in)
{
	static const uint8_t right[] = {4, 4, HOST_MEMORY, WORKER_MEMORY, BELL, DOOR};
	static const int types[] = {SOCK_SEQPACKET, SOCK_STREAM, SOCK_DGRAM};
	const bool must = fuzz_left(in) == sizeof right && memcmp(in->at, right, sizeof right) == 0;
	struct offered offered = {.other_end = -1};
	const uint8_t how = fuzz_8(in);
	moor_link *link = NULL;
	int ends[2];

	FUZZ_MUST(socketpair(AF_UNIX, types[how % 4 % 3] | SOCK_CLOEXEC, 0, ends) == 0);
	for (unsigned n = how / 4 % 4; n; n--)
		send_packet(in, ends[0], &offered);
	if (how & 0x80)
		shutdown(ends[0], SHUT_WR);
	for (int i = 0; i < 2; i++) {
		const int err = moor_link_attach(ends[1], NULL, &link);

		FUZZ_MUST((err == 0) == (link != NULL));
		if (must)
			FUZZ_MUST(err == (i ? MOOR_EBUSY : 0));
		if (!err)
			use(in, link, &offered);
		moor_link_close(link);
		link = NULL;
	}
	for (unsigned i = 0; i < offered.count; i++)
		close(offered.fds[i]);
	if (offered.other_end >= 0)
		close(offered.other_end);
	if (offered.mem)
		munmap(offered.mem, FUZZ_LINK_SIZE);
	close(ends[0]);
	close(ends[1]);
}

/* The worker's end in hands that say what they like. */
static void be_host(struct fuzz_input *in)
{
	struct offered offered = {.other_end = -1};
	unsigned char buf[64];
	moor_link *link;
	size_t len;
	int fd, err;

	FUZZ_MUST(moor_link_create(&MOOR_LINK_OPTS(.capacity = FUZZ_CAPACITY), &link) == 0);
	FUZZ_MUST(moor_link_worker_fd(link, &fd) == 0);
	fd = dup(fd);
	FUZZ_MUST(fd >= 0);
	for (unsigned n = fuzz_8(in) % 4; n; n--)
		send_packet(in, fd, &offered);
	if (fuzz_8(in) & 1)
		close(fd);
	else
		fd = -fd;
	for (int i = 0; i < 3; i++) {
		link->rx->ring.next_look = link->tx->ring.next_look = 0;
		(void)moor_rx_recv(moor_link_rx(link), buf, sizeof buf, &len, MOOR_NOWAIT);
		err = moor_tx_send(moor_link_tx(link), "something", 9, MOOR_NOWAIT);
		FUZZ_MUST(err <= 0);
	}
	moor_link_close(link);
	if (fd < 0)
		close(-fd);
	for (unsigned i = 0; i < offered.count; i++)
		close(offered.fds[i]);
	if (offered.other_end >= 0)
		close(offered.other_end);
	if (offered.mem)
		munmap(offered.mem, FUZZ_LINK_SIZE);
}

static void one(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, data + size};
	int before, after;

	if (!begin())
		return;
	before = dup(STDERR_FILENO);
	close(before);
	if (fuzz_8(&in) & 1)
		be_host(&in);
	else
		be_worker(&in);
	after = dup(STDERR_FILENO);
	close(after);
	FUZZ_MUST(before == after); /* no descriptor was left open */
}

static void seeds(fuzz_give *give, void *arg)
{
	struct fuzz_output out;

	for (unsigned place = 0; place < 5; place++) { /* what is right, and each other thing in each place */
		for (unsigned thing = 0; thing < (place < 4 ? THINGS : 1); thing++) {
			out.len = 0;
			fuzz_put(&out, 0, 1);
			fuzz_put(&out, 4, 1);
			fuzz_put(&out, 4, 1);
			for (unsigned i = 0; i < 4; i++)
				fuzz_put(&out, i == place ? thing : i, 1);
			give(arg, out.bytes, out.len);
		}
	}
	for (unsigned count = 0; count <= FDS; count++) { /* too few, too many, two packets, other sockets */
		out.len = 0;
		fuzz_put(&out, 0, 1);
		fuzz_put(&out, 8 | count % 3, 1);
		for (unsigned n = 0; n < 2; n++) {
			fuzz_put(&out, count, 1);
			for (unsigned i = 0; i < count; i++)
				fuzz_put(&out, i, 1);
		}
		give(arg, out.bytes, out.len);
	}
	for (unsigned n = 0; n < 4; n++) { /* a host that is told so much */
		out.len = 0;
		fuzz_put(&out, 1, 1);
		fuzz_put(&out, n, 1);
		for (unsigned i = 0; i < n; i++) {
			fuzz_put(&out, 0x80 | i, 1);
			fuzz_put(&out, 8, 1);
			fuzz_put_bytes(&out, "hello 1", 8);
			fuzz_put(&out, 8 + n - 1, 1);
			fuzz_put(&out, NOTHING, i);
		}
		give(arg, out.bytes, out.len);
	}
}

const struct fuzz_target fuzz_handshake = {.name = "handshake", .longest = 512, .one = one, .seeds = seeds};
