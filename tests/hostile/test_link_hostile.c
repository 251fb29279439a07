/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_link_hostile.c - a worker, in a process of its own, that does what it should not: with its memory, with what it
 * was given, with its end of the line, with itself. The host goes on, and knows.
 *
 * The dose is small; MOORING_HOSTILE_SECONDS says how long the flipping of bits lasts (`make hostile`: a minute).
 */
#include "tests/hostile/filter.h"
#include "tests/hostile/forged.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SELF "/proc/self/exe"
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 16
#endif

static double seconds_of_flips(void)
{
	const char *text = getenv("MOORING_HOSTILE_SECONDS");

	return text ? atof(text) : 2.0;
}

/* ---- what this program is as a worker: the exit code says what went as it should not have ---- */

#define MUST_FAIL(call, error)                                                                                         \
	do {                                                                                                           \
		errno = 0;                                                                                             \
		if ((long)(call) != -1 || (errno != (error) && errno != EPERM)) {                                      \
			fprintf(stderr, "%s: %s\n", #call, strerror(errno));                                           \
			return 1;                                                                                      \
		}                                                                                                      \
	} while (0)

static moor_link *attached(void)
{
	moor_link *link;

	if (moor_link_attach(-1, NULL, &link) != 0)
		_exit(90);
	return link;
}

/* What lies ready, by hand: the two memories, the bell, the door. */
static int raw_end(void)
{
	return atoi(getenv("MOORING_LINK_FD"));
}

static int raw_take(int end, int fds[4])
{
	char said[64];
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec iov = {said, sizeof said};
	struct msghdr msg = {
	    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};

	if (recvmsg(end, &msg, 0) <= 0 || !CMSG_FIRSTHDR(&msg))
		return -1;
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&msg)), 4 * sizeof(int));
	return 0;
}

static const char hello[8] = "hello 1";

static int reopened(int fd)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, O_RDWR);
}

static int attack_seals(void)
{
	const int end = raw_end();
	const size_t size = sizeof(struct moor_abi_link) + T_CAPACITY;
	int fds[4], again;
	char *host, *mine, byte = 1;

	if (raw_take(end, fds) != 0)
		return 2;
	/* The host's memory. */
	MUST_FAIL(ftruncate(fds[0], 0), EPERM);
	MUST_FAIL(ftruncate(fds[0], 1 << 20), EPERM);
	MUST_FAIL(pwrite(fds[0], &byte, 1, 0), EPERM);
	MUST_FAIL(fallocate(fds[0], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), EPERM);
	MUST_FAIL(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0), EPERM);
	MUST_FAIL(fcntl(fds[0], F_ADD_SEALS, F_SEAL_WRITE), EPERM);
	again = reopened(fds[0]);
	if (again >= 0) {
		MUST_FAIL(ftruncate(again, 0), EPERM);
		MUST_FAIL(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0), EPERM);
		MUST_FAIL(pwrite(again, &byte, 1, 0), EPERM);
	}
	host = mmap(NULL, size, PROT_READ, MAP_SHARED, fds[0], 0);
	if (host == MAP_FAILED)
		return 3;
	MUST_FAIL(mprotect(host, size, PROT_READ | PROT_WRITE), EACCES);
	MUST_FAIL(madvise(host, size, MADV_REMOVE), EACCES);
	/* Its own: as long as it is, before and after. */
	MUST_FAIL(ftruncate(fds[1], 0), EPERM);
	MUST_FAIL(ftruncate(fds[1], 1 << 20), EPERM);
	mine = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fds[1], 0);
	if (mine == MAP_FAILED || send(end, hello, sizeof hello, 0) != sizeof hello)
		return 4;
	/* The host has sealed it when it answers: it says so in the memory that it writes. */
	while (!moor__load_32((uint32_t *)(void *)(host + sizeof(struct moor_abi_link))))
		usleep(1000);
	MUST_FAIL(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fds[1], 0), EPERM);
	MUST_FAIL(pwrite(fds[1], &byte, 1, 0), EPERM);
	MUST_FAIL(ftruncate(fds[1], 0), EPERM);
	MUST_FAIL(fallocate(fds[1], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), EPERM);
	MUST_FAIL(madvise(mine, size, MADV_REMOVE), EPERM);
	MUST_FAIL(fcntl(fds[1], F_ADD_SEALS, F_SEAL_WRITE), EPERM);
	return 0;
}

/* Not the host's to seal any more. */
static int seal_it_first(int seals, bool map)
{
	const int end = raw_end();
	int fds[4];

	if (raw_take(end, fds) != 0)
		return 2;
	if (map && mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds[1], 0) == MAP_FAILED)
		return 3;
	if (fcntl(fds[1], F_ADD_SEALS, seals) != 0 || send(end, hello, sizeof hello, 0) != sizeof hello)
		return 4;
	pause();
	return 0;
}

/* Holes in what the host is going to look at. */
static int punch_first(void)
{
	const int end = raw_end();
	int fds[4];

	if (raw_take(end, fds) != 0)
		return 2;
	if (fallocate(fds[1], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1 << 20) != 0 ||
	    send(end, hello, sizeof hello, 0) != sizeof hello)
		return 4;
	pause();
	return 0;
}

static int send_with_fds(int end, const void *what, size_t len, int fd, unsigned count)
{
	static union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(253 * sizeof(int))];
	} control;
	struct iovec iov = {(void *)(uintptr_t)what, len};
	struct msghdr msg = {
	    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(count * sizeof(int));
	for (unsigned i = 0; i < count; i++)
		memcpy(CMSG_DATA(head) + i * sizeof fd, &fd, sizeof fd);
	return sendmsg(end, &msg, MSG_DONTWAIT) == (ssize_t)len ? 0 : -1;
}

/* On the line: what is wrong first, then, if `well`, what is right; then all that fits. */
static int play_with_the_line(const char *how)
{
	const int end = raw_end();
	const uint64_t most = UINT64_MAX - 1;
	char big[4096] = "hello 1";
	int fds[4];

	if (raw_take(end, fds) != 0)
		return 2;
	if (strcmp(how, "junk") == 0)
		(void)!send(end, "hello 2", 8, 0);
	else if (strcmp(how, "long") == 0)
		(void)!send(end, big, sizeof big, 0);
	else if (strcmp(how, "short") == 0)
		(void)!send(end, hello, 3, 0);
	else if (strcmp(how, "fds") == 0 && send_with_fds(end, hello, sizeof hello, fds[0], 253) != 0)
		return 3;
	else if (strcmp(how, "mute") == 0) {
		close(end);
		pause();
	} else if (strcmp(how, "empty") == 0) {
		for (int i = 0; i < 20; i++)
			(void)!send(end, "", 0, MSG_DONTWAIT);
		(void)!send(end, hello, sizeof hello, 0);
	} else if (strcmp(how, "well") == 0)
		(void)!send(end, hello, sizeof hello, 0);
	for (int i = 0; i < 100000 && send(end, big, sizeof big, MSG_DONTWAIT | MSG_NOSIGNAL) > 0; i++)
		;
	/* The host's bell and door: full, and such that who writes to them, or reads, would wait. */
	for (int i = 0; i < 100000 && send(fds[2], big, 1, MSG_DONTWAIT | MSG_NOSIGNAL) > 0; i++)
		;
	(void)!write(fds[3], &most, sizeof most);
	for (int i = 0; i < 4; i++)
		(void)fcntl(fds[i], F_SETFL, 0);
	(void)fcntl(end, F_SETFL, 0);
	pause();
	return 0;
}

/* ---- bits ---- */

struct flipper {
	unsigned char *from;
	size_t len;
	uint64_t seed;
	unsigned pause; /* loops between two flips */
};

static void *flip(void *arg)
{
	struct flipper *f = arg;

	for (;;) {
		const uint64_t random = t_random(&f->seed);
		uint32_t *word = (uint32_t *)(void *)(f->from + (random % f->len & ~(size_t)3));

		moor__store_32(word, moor__load_32(word) ^ (1u << (random >> 58 & 31)));
		for (unsigned i = 0; i < f->pause; i++)
			moor__pause();
	}
	return NULL;
}

/* Flips as the number says, beside traffic as it should be. It may well kill itself by that. */
static int flip_bits(const char *number)
{
	const unsigned mode = (unsigned)atoi(number);
	moor_link *link = attached();
	unsigned char *mem = (unsigned char *)link->my;
	struct flipper f = {.seed = mode, .from = mem, .len = t_size(link), .pause = mode / 8 % 3 * 300};
	pthread_t thread;

	switch (mode % 8) {
	case 0: /* everything */
		break;
	case 1: /* the records, headers and all */
	case 2:
		f.from = t_data(link);
		f.len = T_CAPACITY;
		break;
	case 3: /* what it has released, and its sleep */
	case 4:
		f.from = (unsigned char *)&link->my->in;
		f.len = sizeof link->my->in;
		break;
	case 5:
		f.from = (unsigned char *)&link->my->out;
		f.len = sizeof link->my->out;
		break;
	case 6: /* its sleep alone */
		f.from = (unsigned char *)&link->my->in.quiet;
		f.len = sizeof link->my->in.quiet;
		break;
	default:
		f.from = (unsigned char *)&link->my->in.released;
		f.len = sizeof link->my->in.released;
		break;
	}
	if (pthread_create(&thread, NULL, flip, &f) != 0)
		return 2;
	for (uint64_t seed = mode;;) {
		const int64_t wait = t_random(&seed) % 16 ? 0 : 2000000;

		(void)t_recv(link, wait);
		(void)t_send(link, (size_t)(t_random(&seed) % T_MAX) >> (t_random(&seed) % 11), wait);
		moor__os_wake(t_word(link, t_random(&seed) & ~(uint64_t)15));
		moor__os_wake(moor__low_half(&link->my->in.released));
	}
}

static int echo(moor_link *link)
{
	char buf[T_CAPACITY];
	size_t len;
	int err;

	while ((err = moor_rx_recv(moor_link_rx(link), buf, sizeof buf, &len, MOOR_FOREVER)) == 0)
		if (moor_tx_send(moor_link_tx(link), buf, len, MOOR_FOREVER) != 0)
			return 91;
	return err == MOOR_ECLOSED ? 0 : 92;
}

/* ---- behind a filter ---- */

/* Of the letters that come each says how to wait for the next. */
static int behind_a_filter(const char *forbidden)
{
	moor_link *link = attached();
	struct pollfd on = {.events = POLLIN};
	char what = 'r';
	size_t len;
	int err;

	if (moor_link_fd(link, &on.fd) != 0)
		return 7;
	if (!t_put_up_filter())
		return 77;
	if (t_send(link, 1, T_LONG) != 0)
		return 6;
	if (*forbidden)
		(void)getppid();
	for (;;) {
		switch (what) {
		case 'r':
			err = moor_rx_recv(moor_link_rx(link), &what, 1, &len, MOOR_FOREVER);
			break;
		case 't':
			while ((err = moor_rx_recv(moor_link_rx(link), &what, 1, &len, 3000000)) == MOOR_ETIMEDOUT)
				;
			break;
		case 'w':
			err = moor_rx_wait(moor_link_rx(link), T_LONG);
			if (!err)
				err = moor_rx_recv(moor_link_rx(link), &what, 1, &len, MOOR_NOWAIT);
			break;
		case 'n':
			while ((err = moor_rx_recv(moor_link_rx(link), &what, 1, &len, MOOR_NOWAIT)) == MOOR_EAGAIN)
				;
			break;
		case 'p':
			err = 0;
			while (!err && (err = moor_rx_arm(moor_link_rx(link))) == 0)
				err = poll(&on, 1, 60000) == 1 ? 0 : MOOR_ETIMEDOUT;
			if (err == MOOR_READY)
				err = moor_rx_recv(moor_link_rx(link), &what, 1, &len, MOOR_NOWAIT);
			break;
		case 'f': /* more than there is room for: it waits for room */
			err = 0;
			for (int i = 0; i < 8 && !err; i++)
				err = t_send(link, T_MAX, MOOR_FOREVER);
			if (!err)
				err = moor_tx_drain(moor_link_tx(link), T_LONG);
			what = 'r';
			continue;
		case 'q':
			return 0;
		default:
			return 3;
		}
		if (err)
			return 4;
		if (moor_tx_send(moor_link_tx(link), &what, 1, T_LONG) != 0)
			return 5;
	}
}

static int worker(const char *what, const char *how)
{
	if (strcmp(what, "seals") == 0)
		return attack_seals();
	if (strcmp(what, "seal") == 0)
		return seal_it_first(F_SEAL_SEAL, true);
	if (strcmp(what, "seal-write") == 0)
		return seal_it_first(F_SEAL_WRITE, false);
	if (strcmp(what, "seal-all") == 0)
		return seal_it_first(F_SEAL_WRITE | F_SEAL_SEAL, false);
	if (strcmp(what, "punch") == 0)
		return punch_first();
	if (strcmp(what, "line") == 0)
		return play_with_the_line(how);
	if (strcmp(what, "flip") == 0)
		return flip_bits(how);
	if (strcmp(what, "echo") == 0)
		return echo(attached());
	if (strcmp(what, "filter") == 0)
		return behind_a_filter(how);
	return 99;
}

/* ---- the host ---- */

static moor_link *start(const char *what, const char *how, int64_t *ret_pid)
{
	moor_link *host;
	char path[] = SELF, arg[2][32];
	char *argv[] = {path, arg[0], arg[1], NULL};

	t_assert_err(moor_link_create(&MOOR_LINK_OPTS(.capacity = T_CAPACITY, .max_message = T_MAX, .close_timeout_ms = 1),
	                              &host), 0);
	snprintf(arg[0], sizeof arg[0], "%s", what);
	snprintf(arg[1], sizeof arg[1], "%s", how);
	t_assert_err(moor_link_spawn(host, argv, NULL, ret_pid), 0);
	return host;
}

static int exit_code(moor_link *host)
{
	int status;

	t_assert_err(moor_link_wait_exit(host, T_LONG, &status), 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

START_TEST(test_H13_seals)
{
	int64_t pid;
	moor_link *host = start("seals", "", &pid);
	const int64_t start_ns = t_now();

	/* It has been heard of when that can be told from its silence. */
	while (!host->met && t_now() - start_ns < T_LONG)
		t_assert_err(t_recv(host, MOOR_NOWAIT), MOOR_EAGAIN);
	t_assert_err(t_send(host, 1, MOOR_NOWAIT), 0);
	ck_assert_int_eq(exit_code(host), 0);
	t_assert_err(t_recv(host, T_LONG), MOOR_EPEERDEAD);
	moor_link_close(host);
}
END_TEST

/* Until it has come to what it comes to, without messages. */
static int outcome(moor_link *host)
{
	const int64_t start_ns = t_now();
	int err;

	do
		err = t_recv(host, 20000000);
	while (err == MOOR_ETIMEDOUT && !host->met && t_now() - start_ns < T_LONG);
	return err == MOOR_ETIMEDOUT ? t_recv(host, MOOR_NOWAIT) : err;
}

START_TEST(test_sealed_by_the_worker)
{
	int64_t pid;
	moor_link *host = start("seal", "", &pid);

	t_assert_err(outcome(host), MOOR_ECORRUPT);
	t_assert_corrupt(host);
	moor_link_close(host);
	host = start("seal-all", "", &pid);
	t_assert_err(outcome(host), MOOR_ECORRUPT);
	t_assert_corrupt(host);
	moor_link_close(host);
	host = start("seal-write", "", &pid); /* against itself alone */
	t_assert_err(outcome(host), MOOR_EAGAIN);
	moor_link_close(host);
	host = start("punch", "", &pid);
	t_assert_err(outcome(host), MOOR_EAGAIN);
	moor_link_close(host);
}
END_TEST

/* A worker that has taken all and closed its end: the host does not run in circles for it. */
START_TEST(test_end_closed_and_no_hello)
{
	int64_t pid;
	moor_link *host = start("line", "mute", &pid);
	struct timespec before, after;
	const int64_t start_ns = t_now();
	int fd;

	t_assert_err(moor_link_fd(host, &fd), 0);
	while (!host->line.silent && t_now() - start_ns < T_LONG)
		t_assert_err(t_recv(host, 1000000), MOOR_ETIMEDOUT);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	t_assert_err(t_recv(host, T_SECOND), MOOR_ETIMEDOUT);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	t_assert((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 < 500);
	t_assert_err(moor_rx_arm(moor_link_rx(host)), 0);
	t_assert(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0) == 0);
	t_assert_err(moor_link_kill(host), 0);
	t_assert_err(t_recv(host, T_LONG), MOOR_EPEERDEAD);
	moor_link_close(host);
}
END_TEST

START_TEST(test_games_on_the_line)
{
	static const struct {
		const char *how;
		int outcome;
	} games[] = {{"junk", MOOR_ECORRUPT}, {"long", MOOR_ECORRUPT}, {"short", MOOR_ECORRUPT},
	             {"none", MOOR_ECORRUPT}, {"fds", MOOR_EAGAIN},    {"empty", MOOR_EAGAIN},
	             {"well", MOOR_EAGAIN}};

	for (size_t i = 0; i < sizeof games / sizeof games[0]; i++) {
		const int before = open_fds();
		int64_t pid;
		moor_link *host = start("line", games[i].how, &pid);
		const int64_t start_ns = t_now();
		int fd, err;

		t_assert_err(moor_link_fd(host, &fd), 0);
		t_assert_err(outcome(host), games[i].outcome);
		err = moor_rx_arm(moor_link_rx(host));
		t_assert_err(err, games[i].outcome == MOOR_EAGAIN ? 0 : games[i].outcome);
		for (int n = 0; n < 50; n++) { /* whatever it does there: the host does not wait for it */
			moor__os_line_ring(&host->line);
			moor__os_line_empty(&host->line);
			t_sleep_ms(1);
			err = t_recv(host, 1000);
			t_assert(err == MOOR_ETIMEDOUT || (err == games[i].outcome && err != MOOR_EAGAIN));
		}
		t_assert(t_now() - start_ns < T_LONG);
		moor_link_close(host);
		ck_assert_int_eq(open_fds(), before);
	}
}
END_TEST

/* An honest link beside: it feels nothing. */
static void talk(moor_link *honest)
{
	t_assert_err(t_send(honest, 100, T_LONG), 0);
	t_assert_err(t_recv(honest, T_LONG), 0);
}

/* One call, as the number says; every result that there can be is good, and what is received is not too long. */
static int do_something(moor_link *host, uint64_t *seed)
{
	const int64_t timeouts[] = {0, 0, 0, 1000, 100000, 2000000};
	const int64_t timeout = timeouts[t_random(seed) % 6];
	moor_tx *tx = moor_link_tx(host);
	moor_rx *rx = moor_link_rx(host);
	char buf[T_CAPACITY];
	struct moor_msg msg;
	size_t len = 0;
	void *room;
	int err;

	switch (t_random(seed) % 9) {
	case 0:
	case 1:
		err = moor_rx_recv(rx, buf, sizeof buf, &len, timeout);
		if (!err)
			t_assert(len <= T_MAX);
		break;
	case 2:
		err = t_send(host, (size_t)(t_random(seed) % T_MAX), timeout);
		break;
	case 3:
		err = moor_rx_peek(rx, &msg);
		if (!err) {
			t_assert(msg.len <= T_MAX);
			memcpy(buf, msg.data, msg.len);
		}
		break;
	case 4:
		moor_rx_release(rx);
		err = moor_rx_wait(rx, timeout);
		break;
	case 5:
		err = moor_tx_reserve(tx, (size_t)(t_random(seed) % T_MAX), &room);
		if (!err)
			err = moor_tx_commit(tx, 0);
		break;
	case 6:
		err = moor_tx_drain(tx, timeout);
		break;
	case 7:
		err = moor_rx_arm(rx);
		break;
	default:
		err = moor_tx_wait(tx, (size_t)(t_random(seed) % T_MAX), timeout);
		break;
	}
	t_assert(err == 0 || err == MOOR_READY || err == MOOR_EAGAIN || err == MOOR_ETIMEDOUT || err == MOOR_ECORRUPT ||
	         err == MOOR_ECLOSED || err == MOOR_EPEERDEAD);
	return err;
}

START_TEST(test_H11_bits_flipped_at_full_speed)
{
	const int64_t end_ns = t_now() + (int64_t)(seconds_of_flips() * 1e9);
	unsigned corrupt = 0, ended = 0, outlived = 0;
	int64_t pid;
	moor_link *honest = start("echo", "", &pid);

	for (unsigned mode = 0; t_now() < end_ns || mode < 16; mode++) {
		uint64_t seed = mode;
		char number[16];
		moor_link *host;
		int64_t round_ns;
		int err, fd;

		snprintf(number, sizeof number, "%u", mode);
		host = start("flip", number, &pid);
		t_assert_err(moor_link_fd(host, &fd), 0);
		round_ns = t_now();
		do
			err = do_something(host, &seed);
		while (err != MOOR_ECORRUPT && err != MOOR_ECLOSED && err != MOOR_EPEERDEAD && t_now() - round_ns < 100000000);
		t_assert(t_now() - round_ns < T_LONG);
		if (err == MOOR_ECORRUPT)
			t_assert_corrupt(host);
		corrupt += err == MOOR_ECORRUPT;
		ended += err == MOOR_ECLOSED || err == MOOR_EPEERDEAD;
		outlived += err != MOOR_ECORRUPT && err != MOOR_ECLOSED && err != MOOR_EPEERDEAD;
		talk(honest);
		moor_link_close(host);
	}
	printf("bits: %u links found corrupt, %u ended, %u lasted\n", corrupt, ended, outlived);
	t_assert(corrupt > 0);
	moor_link_close(honest);
}
END_TEST

static void stop_and_see(pid_t pid)
{
	siginfo_t info;

	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT), 0);
}

/* A stopped worker is a slow one: never dead. */
START_TEST(test_K19_stopped_and_continued)
{
	int64_t pid;
	moor_link *host = start("echo", "", &pid);
	int sent = 0;

	talk(host);
	for (int i = 0; i < 3; i++) {
		stop_and_see((pid_t)pid);
		while (t_send(host, 500, MOOR_NOWAIT) == 0)
			sent++;
		t_assert_err(t_send(host, 500, 150000000), MOOR_ETIMEDOUT);
		t_assert_err(t_recv(host, 150000000), MOOR_ETIMEDOUT);
		t_assert_err(t_recv(host, MOOR_NOWAIT), MOOR_EAGAIN);
		ck_assert_int_eq(kill((pid_t)pid, SIGCONT), 0);
		for (; sent; sent--)
			t_assert_err(t_recv(host, T_LONG), 0);
	}
	stop_and_see((pid_t)pid);
	moor_link_close(host); /* kills what is stopped, too */
	ck_assert_int_eq(kill((pid_t)pid, 0), -1);
}
END_TEST

/* ---- the filter ---- */

static void ask(moor_link *host, char what)
{
	char answer = 0;
	size_t len;

	t_assert_err(moor_tx_send(moor_link_tx(host), &what, 1, T_LONG), 0);
	t_assert_err(moor_rx_recv(moor_link_rx(host), &answer, 1, &len, T_LONG), 0);
	ck_assert_int_eq(answer, what);
}

/* It may be asleep by now; stopped and continued, it begins its sleep anew. */
static void disturb(int64_t pid)
{
	for (int i = 0; i < 3; i++) {
		t_sleep_ms(20);
		stop_and_see((pid_t)pid);
		ck_assert_int_eq(kill((pid_t)pid, SIGCONT), 0);
	}
	t_sleep_ms(20);
}

START_TEST(test_the_list_of_system_calls_is_complete)
{
	int64_t pid;
	moor_link *host = start("filter", "", &pid);
	char what;

	if (T_SANITIZER) {
		moor_link_close(host);
		t_skip("filter", "a sanitizer makes system calls of its own");
	}
	if (t_recv(host, T_LONG) == MOOR_EPEERDEAD) {
		ck_assert_int_eq(exit_code(host), 77);
		moor_link_close(host);
		t_skip("filter", "no seccomp filters here");
	}
	for (const char *ways = "rtwnprwtp"; *ways; ways++) {
		ask(host, *ways);
		for (int i = 0; i < 200; i++) /* awake */
			ask(host, *ways);
		disturb(pid);
		ask(host, *ways);
	}
	what = 'f';
	t_assert_err(moor_tx_send(moor_link_tx(host), &what, 1, T_LONG), 0);
	t_assert_err(t_recv(host, T_LONG), 0); /* the letter */
	disturb(pid);
	for (int i = 0; i < 8; i++) {
		t_assert_err(t_recv(host, T_LONG), 0);
		disturb(pid);
	}
	ask(host, 'r');
	what = 'q';
	t_assert_err(moor_tx_send(moor_link_tx(host), &what, 1, T_LONG), 0);
	t_assert_err(t_recv(host, T_LONG), 0);
	ck_assert_int_eq(exit_code(host), 0);
	moor_link_close(host);

	host = start("filter", "forbidden", &pid); /* the filter is one */
	ck_assert_int_eq(exit_code(host), 128 + SIGSYS);
	moor_link_close(host);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("link hostile");
	TCase *c = tcase_create("hostile");

	tcase_set_timeout(c, 300 + 2 * seconds_of_flips());
	tcase_add_test(c, test_H13_seals);
	tcase_add_test(c, test_sealed_by_the_worker);
	tcase_add_test(c, test_end_closed_and_no_hello);
	tcase_add_test(c, test_games_on_the_line);
	tcase_add_test(c, test_H11_bits_flipped_at_full_speed);
	tcase_add_test(c, test_K19_stopped_and_continued);
	tcase_add_test(c, test_the_list_of_system_calls_is_complete);
	suite_add_tcase(s, c);
	return s;
}

int main(int argc, char **argv)
{
	return argc > 1 ? worker(argv[1], argc > 2 ? argv[2] : "") : t_main(suite());
}
