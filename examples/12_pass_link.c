/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 12_pass_link - a link to a process that somebody else has started: its end goes through a Unix socket (SCM_RIGHTS).
 *
 *   ./12_pass_link host SOCKET COUNT      makes SOCKET, waits for a worker there, asks it COUNT questions
 *   ./12_pass_link worker SOCKET          answers them
 *
 * After the one message on the socket all goes through the link. The host believes the worker nothing: an answer has the
 * number of its question and the length that was agreed on, or it is none.
 */
#include "explain.h"

#include <inttypes.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_NS ((int64_t)30 * 1000000000)

struct question {
	uint64_t number, value;
};

/* The same number, and the value squared. */
static struct question answer_of(struct question question)
{
	return (struct question){question.number, question.value * question.value};
}

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static bool address_of(const char *path, struct sockaddr_un *ret_address)
{
	*ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof ret_address->sun_path) {
		fprintf(stderr, "SOCKET: a path of at most %zu bytes was expected\n", sizeof ret_address->sun_path - 1);
		return false;
	}
	strcpy(ret_address->sun_path, path);
	return true;
}

/* One byte, and the descriptor with it. */
union control {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static bool send_descriptor(int socket, int fd)
{
	union control control = {{0}};
	char byte = 0;
	struct iovec one = {&byte, 1};
	struct msghdr msg = {
	    .msg_iov = &one, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(head), &fd, sizeof fd);
	return sendmsg(socket, &msg, MSG_NOSIGNAL) == 1;
}

/* -1: none came. */
static int receive_descriptor(int socket)
{
	union control control = {{0}};
	char byte;
	struct iovec one = {&byte, 1};
	struct msghdr msg = {
	    .msg_iov = &one, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	const struct cmsghdr *head;
	int fd;

	if (recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	head = CMSG_FIRSTHDR(&msg);
	if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(sizeof fd))
		return -1;
	memcpy(&fd, CMSG_DATA(head), sizeof fd);
	return fd;
}

static int ask(moor_link *link, uint64_t count)
{
	struct question answer;
	size_t len;
	int err;

	for (uint64_t i = 0; i < count; i++) {
		const struct question question = {i, i + 7}, expected = answer_of(question);

		err = moor_tx_send(moor_link_tx(link), &question, sizeof question, ANSWER_NS);
		if (!err)
			err = moor_rx_recv(moor_link_rx(link), &answer, sizeof answer, &len, ANSWER_NS);
		if (err)
			return explain(err, "no answer from", "the worker", 0);
		if (len != sizeof answer || memcmp(&answer, &expected, sizeof answer) != 0) {
			fprintf(stderr, "the worker lies\n");
			return 1;
		}
	}
	printf("%" PRIu64 " questions answered by a worker that came through a socket\n", count);
	return 0;
}

/* A link for the worker at the other end of the socket. */
static int host_of(int worker, uint64_t count)
{
	moor_link *link = NULL;
	int fd, code, err;

	err = moor_link_create(NULL, &link);
	if (!err)
		err = moor_link_worker_fd(link, &fd);
	if (err) {
		moor_link_close(link);
		return explain(err, "cannot make", "a link", 0);
	}
	code = send_descriptor(worker, fd) ? ask(link, count) : fail("cannot send the link's end");
	moor_link_close(link);
	return code;
}

static int host(const char *path, uint64_t count)
{
	struct sockaddr_un address;
	int listener, worker, code = 1;

	if (!address_of(path, &address))
		return 2;
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (const struct sockaddr *)&address, sizeof address) != 0)
		return fail(path);
	if (listen(listener, 1) != 0 || (worker = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0) {
		code = fail(path);
	} else {
		code = host_of(worker, count);
		close(worker);
	}
	close(listener);
	unlink(path);
	return code;
}

static int answer(moor_link *link)
{
	struct question question;
	uint64_t count = 0;
	size_t len;
	int err;

	for (;;) {
		err = moor_rx_recv(moor_link_rx(link), &question, sizeof question, &len, MOOR_FOREVER);
		if (!err && len == sizeof question) {
			question = answer_of(question);
			err = moor_tx_send(moor_link_tx(link), &question, sizeof question, MOOR_FOREVER);
			count++;
		}
		if (err && err != MOOR_EINTR)
			break;
	}
	if (err != MOOR_ECLOSED)
		return explain(err, "cannot receive from", "the host", 0);
	printf("answered %" PRIu64 " questions\n", count);
	return 0;
}

static int worker(const char *path)
{
	struct sockaddr_un address;
	moor_link *link;
	int host, fd, code, err;

	if (!address_of(path, &address))
		return 2;
	host = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (host < 0 || connect(host, (const struct sockaddr *)&address, sizeof address) != 0)
		return fail(path);
	fd = receive_descriptor(host);
	close(host);
	if (fd < 0) {
		fprintf(stderr, "%s: a link's end was expected there\n", path);
		return 1;
	}
	err = moor_link_attach(fd, NULL, &link);
	close(fd);
	if (err)
		return explain(err, "cannot attach to", "the link", 0);
	code = answer(link);
	moor_link_close(link);
	return code;
}

int main(int argc, char **argv)
{
	uint64_t count;

	if (argc == 4 && strcmp(argv[1], "host") == 0 && parse_number("COUNT", argv[3], 1, 1000000000, &count))
		return host(argv[2], count);
	if (argc == 3 && strcmp(argv[1], "worker") == 0)
		return worker(argv[2]);
	fprintf(stderr, "usage: %s host SOCKET COUNT | worker SOCKET\n", program_name(argv[0]));
	return 2;
}
