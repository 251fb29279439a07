/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_link_attach.c - what is offered to a worker that is no link; a worker killed at any point of its attach; system
 * calls that fail in it, and in the host's part.
 */
#include "tests/hostile/forged.h"
#include "tests/lib/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 16
#endif
#define LENGTH (F_SEAL_SHRINK | F_SEAL_GROW)
#define FINAL (LENGTH | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)
#define SIZE (sizeof(struct moor_abi_link) + T_CAPACITY)

static int open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* ---- offers ---- */

/* A host that can be made to lie: what it offers, and how it says so. */
struct offer {
	int fds[8];
	unsigned count;
	char said[32];
	size_t len;
	struct moor_abi_header header;
};

static int memory(size_t size, int seals, const struct moor_abi_header *header)
{
	const int fd = memfd_create("test", MFD_ALLOW_SEALING);

	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	if (header)
		ck_assert_int_eq(pwrite(fd, header, sizeof *header, 0), sizeof *header);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static struct offer good_offer(void)
{
	struct offer offer = {.count = 4, .said = "mooring link 1", .len = 16};
	moor_link *link = t_host();
	int bell[2];

	offer.header = link->my->header;
	moor_link_close(link);
	offer.fds[0] = memory(SIZE, FINAL, &offer.header);
	offer.fds[1] = memory(SIZE, LENGTH, &offer.header);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, bell), 0);
	close(bell[0]);
	offer.fds[2] = bell[1];
	offer.fds[3] = eventfd(0, EFD_NONBLOCK);
	return offer;
}

static void replace(struct offer *offer, unsigned i, int fd)
{
	close(offer->fds[i]);
	offer->fds[i] = fd;
}

/* What attach says to it; nothing is left behind. The descriptors are closed. */
static int attach_to(struct offer *offer)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(250 * sizeof(int))];
	} control = {0};
	struct iovec iov = {offer->said, offer->len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	moor_link *link = NULL;
	int ends[2], before, err, sent[250];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	for (unsigned i = 0; i < offer->count; i++)
		sent[i] = offer->fds[i < 8 ? i : 0];
	if (offer->count) {
		struct cmsghdr *head = &control.head;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(offer->count * sizeof(int));
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(offer->count * sizeof(int));
		memcpy(CMSG_DATA(head), sent, offer->count * sizeof(int));
	}
	ck_assert_int_eq(sendmsg(ends[0], &msg, 0), (int)offer->len);
	before = open_fds();
	err = moor_link_attach(ends[1], NULL, &link);
	if (err == 0) {
		t_assert_err(t_recv(link, T_LONG), MOOR_EPEERDEAD); /* nobody is at the other end of the bell */
		moor_link_close(link);
	} else {
		t_assert(!link);
		t_assert_err(moor_link_attach(ends[1], NULL, &link), err); /* and again: it stays what it is */
	}
	ck_assert_int_eq(open_fds(), before);
	close(ends[0]);
	close(ends[1]);
	for (unsigned i = 0; i < 8; i++)
		if (offer->fds[i] > 0)
			close(offer->fds[i]);
	return err;
}

START_TEST(test_the_good_offer_is_good)
{
	struct offer offer = good_offer();

	t_assert_err(attach_to(&offer), 0);
}
END_TEST

START_TEST(test_H14_memory_that_is_not_sealed)
{
	static const int seals[] = {0,
	                            F_SEAL_SHRINK,
	                            F_SEAL_GROW,
	                            LENGTH,
	                            LENGTH | F_SEAL_SEAL,
	                            LENGTH | F_SEAL_FUTURE_WRITE,
	                            LENGTH | F_SEAL_WRITE | F_SEAL_SEAL,
	                            F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL,
	                            F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL};
	struct offer offer;

	for (size_t i = 0; i < sizeof seals / sizeof seals[0]; i++) {
		offer = good_offer();
		replace(&offer, 0, memory(SIZE, seals[i], &offer.header));
		t_assert_err(attach_to(&offer), MOOR_EFORMAT);
	}
	for (size_t i = 0; i < 3; i++) {
		offer = good_offer();
		replace(&offer, 1, memory(SIZE, seals[i], &offer.header));
		t_assert_err(attach_to(&offer), MOOR_EFORMAT);
	}
	offer = good_offer(); /* so that the worker cannot write */
	replace(&offer, 1, memory(SIZE, FINAL, &offer.header));
	t_assert_err(attach_to(&offer), MOOR_EFORMAT);
	offer = good_offer();
	replace(&offer, 1, memory(SIZE, LENGTH | F_SEAL_WRITE, &offer.header));
	t_assert_err(attach_to(&offer), MOOR_EFORMAT);
}
END_TEST

START_TEST(test_memory_of_another_size)
{
	static const size_t sizes[] = {0, 1, 256, 4095, 4096, 4097, SIZE - 1, SIZE + 1, SIZE + 4096, 2 * SIZE};
	struct offer offer;

	for (unsigned which = 0; which < 3; which++) {
		for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
			struct moor_abi_header *header;

			offer = good_offer();
			header = sizes[i] >= sizeof offer.header ? &offer.header : NULL;
			if (which != 1)
				replace(&offer, 0, memory(sizes[i], FINAL, header));
			if (which != 0)
				replace(&offer, 1, memory(sizes[i], LENGTH, header));
			t_assert_err(attach_to(&offer), MOOR_EFORMAT);
		}
	}
}
END_TEST

static int plain_file(const char *dir)
{
	char path[128];
	int fd;

	snprintf(path, sizeof path, "%s/plain-XXXXXX", dir);
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	unlink(path);
	ck_assert_int_eq(ftruncate(fd, SIZE), 0);
	return fd;
}

/* In place of each of the four: whatever else a descriptor can be. */
START_TEST(test_descriptors_of_other_kinds)
{
	for (unsigned which = 0; which < 4; which++) {
		for (int kind = 0; kind < 9; kind++) {
			struct offer offer = good_offer();
			int pair[2] = {-1, -1}, fd = -1;

			switch (kind) {
			case 0:
				fd = plain_file(t_dir()); /* in a tmpfs */
				break;
			case 1:
				fd = plain_file("/var/tmp");
				break;
			case 2:
				fd = open("/", O_RDONLY | O_DIRECTORY);
				break;
			case 3:
				ck_assert_int_eq(pipe(pair), 0);
				fd = pair[0];
				break;
			case 4:
				fd = open("/dev/zero", O_RDWR);
				break;
			case 5:
				ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
				fd = pair[0];
				break;
			case 6:
				fd = open("/", O_PATH | O_DIRECTORY);
				break;
			case 7:
				fd = which == 3 ? memory(SIZE, LENGTH, NULL) : eventfd(0, 0);
				break;
			default:
				fd = which < 2 ? dup(offer.fds[2]) : memory(SIZE, FINAL, &offer.header);
				break;
			}
			replace(&offer, which, fd);
			t_assert_err(attach_to(&offer), MOOR_EFORMAT);
			if (pair[1] >= 0)
				close(pair[1]);
		}
	}
}
END_TEST

START_TEST(test_too_many_too_few_and_other_words)
{
	static const unsigned counts[] = {0, 1, 3, 5, 8, 100, 250};
	struct offer offer;

	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		offer = good_offer();
		offer.count = counts[i];
		for (unsigned n = 4; n < 8; n++)
			offer.fds[n] = dup(offer.fds[0]);
		t_assert_err(attach_to(&offer), MOOR_EFORMAT);
	}
	for (size_t len = 1; len < sizeof offer.said; len++) {
		offer = good_offer();
		offer.len = len;
		t_assert_err(attach_to(&offer), len == 16 ? 0 : MOOR_EFORMAT);
	}
	for (int i = 0; i < 16; i++) {
		offer = good_offer();
		offer.said[i] ^= 1;
		t_assert_err(attach_to(&offer), MOOR_EFORMAT);
	}
}
END_TEST

/* Sealed as it should be, with what no host writes in it. */
START_TEST(test_H7_header_of_any_bytes)
{
	uint64_t seed = 4711;

	for (int i = 0; i < 2000; i++) {
		struct offer offer = good_offer();
		unsigned char *bytes = (unsigned char *)&offer.header;
		const size_t at = i < 152 ? (size_t)i : (size_t)(t_random(&seed) % 152);
		int err;

		if (i < 152)
			bytes[at] ^= 0x81;
		else
			for (int n = 0; n < 1 + i % 4; n++)
				bytes[(at + (size_t)(t_random(&seed) % 16)) % 152] = (unsigned char)t_random(&seed);
		replace(&offer, 0, memory(SIZE, FINAL, &offer.header));
		err = attach_to(&offer);
		t_assert(err == 0 || err == MOOR_EFORMAT || err == MOOR_EVERSION || err == MOOR_ENOTSUP || err == MOOR_EKIND ||
		         err == MOOR_ENOMEM);
	}
}
END_TEST

START_TEST(test_no_descriptors_left)
{
	moor_link *host = t_host(), *worker = NULL;
	const int fd = t_worker_end(host), before = open_fds();
	const struct rlimit few = {256, 256};
	int taken[1024], count = 0, got;

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	while ((got = dup(fd)) >= 0 && count < 1024)
		taken[count++] = got;
	for (int left = 0; left < 4 && left < count; left++) {
		t_assert_err(moor_link_attach(fd, NULL, &worker), MOOR_EMFILE);
		close(taken[--count]);
	}
	while (count)
		close(taken[--count]);
	ck_assert_int_eq(open_fds(), before);
	t_assert_err(moor_link_attach(fd, NULL, &worker), 0);
	moor_link_close(worker);
	moor_link_close(host);
}
END_TEST

/* ---- deaths ---- */

struct victim {
	int fd;
	const char *label;
};

static int attach_and_send(int fd)
{
	moor_link *link;

	if (moor_link_attach(fd, NULL, &link) != 0)
		return 1;
	return t_send(link, 5, T_LONG) == 0 ? 0 : 2;
}

static int attach_and_die(void *arg)
{
	const struct victim *victim = arg;

	t_die_at(victim->label, 1);
	return attach_and_send(victim->fd);
}

/* The worker is dead: the host learns so, or another one can attach. */
static void go_on(moor_link *host)
{
	moor_link *second;
	const int err = moor_link_attach(t_worker_end(host), NULL, &second);

	if (err == 0) { /* the first had not taken it */
		t_assert_err(t_recv(host, MOOR_NOWAIT), MOOR_EAGAIN);
		t_assert_err(t_send(second, 1, MOOR_NOWAIT), 0);
		t_assert_err(t_recv(host, MOOR_NOWAIT), 0);
		moor_link_close(second);
	} else {
		int got;

		t_assert_err(err, MOOR_EBUSY);
		got = t_recv(host, T_LONG);
		if (!got)
			got = t_recv(host, T_LONG);
		t_assert_err(got, MOOR_EPEERDEAD);
		t_assert_err(t_recv(host, T_LONG), MOOR_ECLOSED);
	}
	moor_link_close(host);
}

START_TEST(test_killed_at_each_label_of_attach)
{
	static const char *const labels[] = {"attach: looked", "attach: verified", "attach: mapped",
	                                     "attach: taken",  "enter: attached",  "attach: attached",
	                                     "attach: said",   "tx: published"};

	for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
		moor_link *host = t_host();
		struct victim victim = {t_worker_end(host), labels[i]};

		ck_assert_int_eq(t_wait(t_spawn(attach_and_die, &victim)), 128 + SIGKILL);
		go_on(host);
	}
}
END_TEST

static int attach_traced(void *arg)
{
	int result;

	t_trace_begin();
	result = attach_and_send(*(int *)arg);
	t_trace_end();
	return result;
}

/*
 * Every some instructions, at places that differ from run to run of the program: 80, or MOORING_LAB=N, or each with
 * MOORING_LAB=all.
 */
START_TEST(test_killed_at_any_instruction_of_attach)
{
	const char *const lab = getenv("MOORING_LAB");
	unsigned long kills = 80, first, deaths = 0;
	moor_link *host = t_host();
	struct t_path path;
	int fd, end;

	if (!t_trace_works())
		t_skip("K, attach", "no ptrace here");
	fd = t_worker_end(host);
	path = t_trace_measure(attach_traced, &fd, &end);
	ck_assert_int_eq(end, 0);
	moor_link_close(host);
	if (lab)
		kills = strcmp(lab, "all") == 0 ? path.points : strtoul(lab, NULL, 0);
	first = kills < path.points ? (unsigned long)t_now() % path.points : 0;
	for (unsigned long i = 0; i < kills; i++) {
		host = t_host();
		fd = t_worker_end(host);
		end = t_trace_kill(&path, (i * path.points + first) / kills, attach_traced, &fd);
		t_assert(end == 128 + SIGKILL || end == 0);
		deaths += end != 0;
		if (end)
			go_on(host);
		else
			moor_link_close(host);
	}
	printf("attach: %lu kill points, %lu runs from %lu on, %lu deaths\n", (unsigned long)path.points, kills, first, deaths);
	t_path_free(&path);
}
END_TEST

/* ---- failures ---- */

static bool may_fail(long number)
{
	switch (number) {
#ifdef SYS_mmap
	case SYS_mmap:
#endif
#ifdef SYS_mmap2
	case SYS_mmap2:
#endif
	case SYS_memfd_create:
	case SYS_fcntl:
	case SYS_fallocate:
	case SYS_pwrite64:
	case SYS_socketpair:
	case SYS_eventfd2:
	case SYS_sendmsg:
	case SYS_recvmsg:
	case SYS_getsockopt:
	case SYS_fstat:
#ifdef SYS_newfstatat
	case SYS_newfstatat:
#endif
	case SYS_epoll_create1:
	case SYS_membarrier:
		return true;
	default:
		return false;
	}
}

/* In a child: what fails is an error, leaves nothing, and can be tried again. */
static int make_traced(void *arg)
{
	const bool attach = *(int *)arg;
	moor_link *host = NULL, *worker = NULL;
	int before, err, fd;

	/* What is done once in a process is not what is to fail. */
	if (moor_link_create(NULL, &host) != 0)
		return 1;
	moor_link_close(host);
	host = NULL;
	if (attach && (moor_link_create(NULL, &host) != 0 || moor_link_worker_fd(host, &fd) != 0))
		return 1;
	before = open_fds();
	t_trace_begin();
	err = attach ? moor_link_attach(fd, NULL, &worker) : moor_link_create(NULL, &host);
	t_trace_end();
	if (err && (worker || (!attach && host) || open_fds() != before))
		return 2;
	if (err > 0 || err < -99)
		return 3;
	if (err && attach && moor_link_attach(fd, NULL, &worker) != 0)
		return 4;
	if (!attach && ((err && moor_link_create(NULL, &host) != 0) || moor_link_worker_fd(host, &fd) != 0 ||
	                moor_link_attach(fd, NULL, &worker) != 0))
		return 5;
	if (t_send(worker, 5, T_LONG) != 0 || t_recv(host, T_LONG) != 0)
		return 6;
	moor_link_close(worker);
	moor_link_close(host);
	return 0;
}

START_TEST(test_Q2_each_system_call_fails_once)
{
	const int errors[] = {ENOMEM, EMFILE};

	if (!t_trace_works())
		t_skip("Q2, link", "no ptrace here");
	for (int attach = 0; attach < 2; attach++) {
		for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++) {
			long number = 0;

			for (unsigned n = 0; number != -2; n++) {
				const int end = t_trace_fail(n, errors[e], may_fail, make_traced, &attach, &number);

				ck_assert_msg(end == 0, "%s: call %u (%ld) failing: %d", attach ? "attach" : "create", n, number, end);
			}
		}
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("link attach");
	TCase *c = tcase_create("attach");

	tcase_set_timeout(c, 300);
	tcase_add_test(c, test_the_good_offer_is_good);
	tcase_add_test(c, test_H14_memory_that_is_not_sealed);
	tcase_add_test(c, test_memory_of_another_size);
	tcase_add_test(c, test_descriptors_of_other_kinds);
	tcase_add_test(c, test_too_many_too_few_and_other_words);
	tcase_add_test(c, test_H7_header_of_any_bytes);
	tcase_add_test(c, test_no_descriptors_left);
	tcase_add_test(c, test_killed_at_each_label_of_attach);
	tcase_add_test(c, test_killed_at_any_instruction_of_attach);
	tcase_add_test(c, test_Q2_each_system_call_fails_once);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return t_main(suite());
}
