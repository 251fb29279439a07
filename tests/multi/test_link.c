/* SPDX-License-Identifier: Apache-2.0 */
/* test_link.c - a host and its worker: making, attaching, starting, talking, ending. */
#include "tests/lib/testing.h"

#include "link/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND ((int64_t)1000000000)
#define LONG (60 * SECOND) /* what takes longer hangs */
#define SELF "/proc/self/exe"

extern bool moor__linux_without_pidfd;

/* ---- what this program is as a worker ---- */

static moor_link *attached(void)
{
	moor_link *link;

	if (moor_link_attach(-1, NULL, &link) != 0)
		exit(90);
	return link;
}

/* Sends back what it gets, until the host closes. */
static int echo(void)
{
	moor_link *link = attached();
	char buf[65536];
	size_t len;
	int err;

	while ((err = moor_rx_recv(moor_link_rx(link), buf, sizeof buf, &len, MOOR_FOREVER)) == 0)
		if (moor_tx_send(moor_link_tx(link), buf, len, LONG) != 0)
			return 91;
	moor_link_close(link);
	return err == MOOR_ECLOSED ? 0 : 92;
}

/* Tells what it finds: open descriptors, its environment, its directory, its signals. */
static int tell(void)
{
	moor_link *link;
	char text[512], cwd[200] = "";
	sigset_t mask;
	int fds = 0, len;

	for (int fd = 0; fd < 1024; fd++)
		fds += fcntl(fd, F_GETFD) >= 0;
	link = attached();
	sigprocmask(SIG_SETMASK, NULL, &mask);
	len = snprintf(text, sizeof text, "fds %d link %s other %s cwd %s usr1 %d mask %d", fds, getenv("MOORING_LINK_FD"),
	               getenv("T_OTHER") ? getenv("T_OTHER") : "-", getcwd(cwd, sizeof cwd) ? cwd : "?",
	               signal(SIGUSR1, SIG_DFL) == SIG_DFL, sigismember(&mask, SIGUSR1));
	if (moor_tx_send(moor_link_tx(link), text, (size_t)len, LONG) != 0)
		return 91;
	moor_link_close(link);
	return 7;
}

static _Noreturn void hang(void)
{
	(void)attached();
	signal(SIGTERM, SIG_IGN);
	for (;;)
		pause();
}

static int worker(const char *what)
{
	if (strcmp(what, "echo") == 0)
		return echo();
	if (strcmp(what, "tell") == 0)
		return tell();
	if (strcmp(what, "hang") == 0)
		hang();
	if (strcmp(what, "absent") == 0)
		return 5;
	return 99;
}

/* ---- */

static moor_link *host_of(const struct moor_link_opts *opts)
{
	moor_link *link;

	t_assert_err(moor_link_create(opts, &link), 0);
	return link;
}

static int worker_fd(moor_link *host)
{
	int fd;

	t_assert_err(moor_link_worker_fd(host, &fd), 0);
	return fd;
}

/* Both sides in this process. */
static void join(moor_link **ret_host, moor_link **ret_worker)
{
	*ret_host = host_of(NULL);
	t_assert_err(moor_link_attach(worker_fd(*ret_host), NULL, ret_worker), 0);
}

static int64_t start(moor_link *host, const char *what, const struct moor_spawn_opts *opts)
{
	char path[] = SELF, arg[32];
	char *argv[] = {path, arg, NULL};
	int64_t pid = 0;

	snprintf(arg, sizeof arg, "%s", what);
	t_assert_err(moor_link_spawn(host, argv, opts, &pid), 0);
	t_assert(pid > 0);
	return pid;
}

static void say(moor_link *link, const char *text)
{
	t_assert_err(moor_tx_send(moor_link_tx(link), text, strlen(text), LONG), 0);
}

static void expect(moor_link *link, const char *text)
{
	char buf[512];
	size_t len;

	t_assert_err(moor_rx_recv(moor_link_rx(link), buf, sizeof buf - 1, &len, LONG), 0);
	buf[len] = 0;
	ck_assert_str_eq(buf, text);
}

static int recv_now(moor_link *link)
{
	char buf[64];
	size_t len;

	return moor_rx_recv(moor_link_rx(link), buf, sizeof buf, &len, MOOR_NOWAIT);
}

/* What it ends with, when it does. */
static int recv_end(moor_link *link)
{
	char buf[64];
	size_t len;
	int err;

	while ((err = moor_rx_recv(moor_link_rx(link), buf, sizeof buf, &len, LONG)) == 0)
		;
	return err;
}

static int open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

START_TEST(test_both_ways)
{
	moor_link *host, *worker;

	join(&host, &worker);
	for (int i = 0; i < 3; i++) {
		say(host, "there");
		expect(worker, "there");
		say(worker, "and back");
		expect(host, "and back");
	}
	t_assert_err(recv_now(host), MOOR_EAGAIN);
	moor_link_close(worker);
	moor_link_close(host);
}
END_TEST

START_TEST(test_sent_before_the_worker_is_there)
{
	moor_link *host = host_of(NULL), *worker;

	say(host, "early");
	t_assert_err(recv_now(host), MOOR_EAGAIN);
	t_assert_err(moor_rx_wait(moor_link_rx(host), 20000000), MOOR_ETIMEDOUT);
	t_assert_err(moor_link_attach(worker_fd(host), NULL, &worker), 0);
	expect(worker, "early");
	say(worker, "late");
	expect(host, "late");
	moor_link_close(host);
	t_assert_err(recv_now(worker), MOOR_ECLOSED);
	moor_link_close(worker);
}
END_TEST

static void *take_all(void *arg)
{
	char buf[8];
	size_t len;

	while (moor_rx_recv(moor_link_rx(arg), buf, sizeof buf, &len, MOOR_FOREVER) == 0)
		;
	return NULL;
}

/* A host that does nothing but send wakes the worker that sleeps, and one that does nothing but close. */
START_TEST(test_host_that_only_sends)
{
	moor_link *host = host_of(NULL), *worker;
	const int64_t start_ns = t_now();
	pthread_t thread;

	t_assert_err(moor_link_attach(worker_fd(host), NULL, &worker), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, take_all, worker), 0);
	while (!moor__load_64(&host->my->out.quiet.wakes) && t_now() - start_ns < LONG) {
		t_sleep_ms(2);
		say(host, "x");
	}
	t_assert(moor__load_64(&host->my->out.quiet.wakes) > 0);
	moor_link_close(host);
	pthread_join(thread, NULL);
	moor_link_close(worker);
}
END_TEST

static void *wait_for_any(void *arg)
{
	moor_link **links = arg;
	struct moor_waitable on[2] = {moor_rx_waitable(moor_link_rx(links[0])), moor_rx_waitable(moor_link_rx(links[1]))};
	size_t index = 9;

	return (void *)(intptr_t)(moor_wait_any(on, 2, LONG, &index) == 0 ? (int)index : -1);
}

START_TEST(test_wait_for_one_of_several_links)
{
	for (int by_host = 0; by_host < 2; by_host++) {
		moor_link *hosts[2], *workers[2];
		pthread_t thread;
		void *result;

		join(&hosts[0], &workers[0]);
		join(&hosts[1], &workers[1]);
		for (int i = 0; i < 6; i++) {
			moor_link **from = by_host ? hosts : workers, **to = by_host ? workers : hosts;

			ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_any, to), 0);
			if (i % 3)
				t_sleep_ms(i);
			say(from[i % 2], "x");
			pthread_join(thread, &result);
			ck_assert_int_eq((int)(intptr_t)result, i % 2);
			expect(to[i % 2], "x");
		}
		for (int i = 0; i < 2; i++) {
			moor_link_close(hosts[i]);
			moor_link_close(workers[i]);
		}
	}
}
END_TEST

START_TEST(test_closed_is_seen_by_every_call_at_once)
{
	moor_link *host, *worker;
	char buf[2000] = "";
	int err;

	for (int by_host = 0; by_host < 2; by_host++) {
		moor_link *stays, *goes;

		join(&host, &worker);
		stays = by_host ? worker : host;
		goes = by_host ? host : worker;
		say(host, "x");
		expect(worker, "x");
		say(worker, "x");
		expect(host, "x");
		say(goes, "last");
		moor_link_close(goes);
		expect(stays, "last");
		t_assert_err(recv_now(stays), MOOR_ECLOSED);
		t_assert_err(moor_rx_wait(moor_link_rx(stays), MOOR_FOREVER), MOOR_ECLOSED);
		while ((err = moor_tx_send(moor_link_tx(stays), buf, sizeof buf, MOOR_NOWAIT)) == 0)
			;
		t_assert_err(err, MOOR_ECLOSED);
		t_assert_err(moor_tx_drain(moor_link_tx(stays), MOOR_FOREVER), MOOR_ECLOSED);
		moor_link_close(stays);
	}
}
END_TEST

START_TEST(test_options)
{
	moor_link *host = host_of(&MOOR_LINK_OPTS(.capacity = 10000, .max_message = 100, .app_tag = 77)), *worker;
	struct moor_link_opts opts;
	const int fd = worker_fd(host);

	t_assert(moor_tx_capacity(moor_link_tx(host)) == 16384);
	t_assert(moor_tx_max_message(moor_link_tx(host)) == 100);
	t_assert_err(moor_link_attach(fd, &MOOR_LINK_OPTS(.app_tag = 78), &worker), MOOR_EMISMATCH);
	t_assert_err(moor_link_attach(fd, &MOOR_LINK_OPTS(.capacity = 4096), &worker), MOOR_EMISMATCH);
	t_assert_err(moor_link_attach(fd, &MOOR_LINK_OPTS(.flags = 1), &worker), MOOR_EINVAL);
	t_assert_err(moor_link_attach(fd, &MOOR_LINK_OPTS(.app_tag = 77, .capacity = 16000), &worker), 0);
	t_assert(moor_tx_max_message(moor_link_tx(worker)) == 100);
	t_assert(moor_tx_capacity(moor_link_tx(worker)) == 16384);
	moor_link_close(worker);
	moor_link_close(host);

	moor_link_opts_init(&opts, sizeof opts);
	t_assert(opts.struct_size == sizeof opts && opts.capacity == 0);
	opts.struct_size = 3;
	t_assert_err(moor_link_create(&opts, &host), MOOR_EINVAL);
	t_assert_err(moor_link_create(NULL, NULL), MOOR_EINVAL);
	t_assert_err(moor_link_create(&MOOR_LINK_OPTS(.flags = 1), &host), MOOR_EINVAL);
	t_assert_err(moor_link_create(&MOOR_LINK_OPTS(.capacity = 1), &host), MOOR_EINVAL);
	t_assert_err(moor_link_create(&MOOR_LINK_OPTS(.capacity = 4096, .max_message = 4000), &host), MOOR_EINVAL);
}
END_TEST

START_TEST(test_calls_on_nothing_and_on_the_wrong_side)
{
	char path[] = SELF, *argv[] = {path, NULL}, *none[] = {NULL};
	moor_link *host, *worker;
	int64_t pid = 5;
	int n = 5;

	t_assert(!moor_link_tx(NULL) && !moor_link_rx(NULL));
	t_assert_err(moor_link_fd(NULL, &n), MOOR_EINVAL);
	t_assert_err(moor_link_worker_fd(NULL, &n), MOOR_EINVAL);
	t_assert_err(moor_link_wait_exit(NULL, 0, &n), MOOR_EINVAL);
	t_assert_err(moor_link_kill(NULL), MOOR_EINVAL);
	t_assert_err(moor_link_spawn(NULL, argv, NULL, &pid), MOOR_EINVAL);
	moor_link_close(NULL);
	join(&host, &worker);
	t_assert_err(moor_link_fd(host, NULL), MOOR_EINVAL);
	t_assert_err(moor_link_worker_fd(worker, &n), MOOR_EINVAL);
	t_assert_err(moor_link_spawn(worker, argv, NULL, &pid), MOOR_EINVAL);
	t_assert_err(moor_link_spawn(host, none, NULL, &pid), MOOR_EINVAL);
	t_assert_err(moor_link_spawn(host, NULL, NULL, &pid), MOOR_EINVAL);
	t_assert_err(moor_link_spawn(host, argv, NULL, NULL), MOOR_EINVAL);
	t_assert_err(moor_link_wait_exit(host, MOOR_NOWAIT, &n), MOOR_EINVAL);
	t_assert_err(moor_link_wait_exit(worker, MOOR_NOWAIT, &n), MOOR_EINVAL);
	t_assert_err(moor_link_kill(host), MOOR_EINVAL);
	/* The directions are the link's. */
	moor_tx_close(moor_link_tx(host));
	moor_rx_close(moor_link_rx(host));
	say(host, "still there");
	expect(worker, "still there");
	t_assert(n == 5 && pid == 5);
	moor_link_close(worker);
	moor_link_close(host);
}
END_TEST

START_TEST(test_second_attach_is_busy)
{
	moor_link *host, *worker, *second = NULL;
	int pair[2], fd;

	join(&host, &worker);
	/* The host has not heard of it: that is not needed. */
	fd = worker_fd(host);
	t_assert_err(moor_link_attach(fd, NULL, &second), MOOR_EBUSY);
	t_assert(fcntl(fd, F_GETFD) >= 0 && !second);
	fd = dup(fd);
	t_assert_err(recv_now(host), MOOR_EAGAIN);
	t_sleep_ms(30);
	t_assert_err(recv_now(host), MOOR_EAGAIN); /* now it has */
	t_assert_err(moor_link_worker_fd(host, &pair[0]), MOOR_EBUSY);
	t_assert_err(moor_link_attach(fd, NULL, &second), MOOR_EBUSY);
	moor_link_close(host);
	t_assert_err(moor_link_attach(fd, NULL, &second), MOOR_ECLOSED);
	t_assert_err(recv_now(worker), MOOR_ECLOSED);
	moor_link_close(worker);
	close(fd);
}
END_TEST

START_TEST(test_ends_that_are_none)
{
	moor_link *link = NULL;
	int pair[2], pipes[2];

	unsetenv("MOORING_LINK_FD");
	t_assert_err(moor_link_attach(-1, NULL, &link), MOOR_ENOENT);
	setenv("MOORING_LINK_FD", "", 1);
	t_assert_err(moor_link_attach(-1, NULL, &link), MOOR_EINVAL);
	setenv("MOORING_LINK_FD", "3x", 1);
	t_assert_err(moor_link_attach(-1, NULL, &link), MOOR_EINVAL);
	setenv("MOORING_LINK_FD", "99999999999", 1);
	t_assert_err(moor_link_attach(-1, NULL, &link), MOOR_EINVAL);
	t_assert_err(moor_link_attach(-2, NULL, &link), MOOR_EINVAL);
	t_assert_err(moor_link_attach(1023, NULL, &link), MOOR_EINVAL);
	ck_assert_int_eq(pipe(pipes), 0);
	t_assert_err(moor_link_attach(pipes[0], NULL, &link), MOOR_EINVAL);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(send(pair[0], "mooring link 1\0", 16, 0), 16);
	t_assert_err(moor_link_attach(pair[1], NULL, &link), MOOR_EFORMAT);
	t_assert(!link);
	close(pair[0]);
	close(pair[1]);
	close(pipes[0]);
	close(pipes[1]);
}
END_TEST

START_TEST(test_memory_and_descriptors_are_given_back)
{
	const int before = open_fds();
	moor_link *host, *worker;
	int fd;

	for (int i = 0; i < 300; i++) {
		join(&host, &worker);
		say(worker, "x");
		t_assert_err(moor_link_fd(host, &fd), 0);
		t_assert_err(moor_link_fd(worker, &fd), 0);
		if (i % 2)
			expect(host, "x");
		moor_link_close(i % 3 ? host : worker);
		moor_link_close(i % 3 ? worker : host);
	}
	ck_assert_int_eq(open_fds(), before);
}
END_TEST

START_TEST(test_every_descriptor_is_close_on_exec)
{
	bool were[1024];
	moor_link *host, *worker;
	int fd;

	for (int i = 0; i < 1024; i++)
		were[i] = fcntl(i, F_GETFD) >= 0;
	join(&host, &worker);
	t_assert_err(moor_link_fd(host, &fd), 0);
	start(host_of(NULL), "hang", NULL);
	for (int i = 0; i < 1024; i++)
		if (!were[i] && fcntl(i, F_GETFD) >= 0)
			ck_assert_msg(fcntl(i, F_GETFD) & FD_CLOEXEC, "descriptor %d", i);
}
END_TEST

/* ---- in a process of its own ---- */

START_TEST(test_spawn_and_talk)
{
	moor_link *host = host_of(NULL);
	int status = 0;

	start(host, "echo", NULL);
	for (int i = 0; i < 1000; i++) {
		say(host, "hello");
		expect(host, "hello");
	}
	t_assert_err(moor_link_wait_exit(host, MOOR_NOWAIT, &status), MOOR_EAGAIN);
	t_assert_err(moor_link_wait_exit(host, 1000000, &status), MOOR_ETIMEDOUT);
	moor_link_close(host);
}
END_TEST

START_TEST(test_spawn_details)
{
	const struct sigaction ignore_nothing = {.sa_handler = (void (*)(int))(uintptr_t)exit};
	char *env[] = {(char[]){"T_OTHER=given"}, (char[]){"MOORING_LINK_FD=99"}, NULL};
	moor_link *host = host_of(NULL);
	int status, fds[20];

	for (int i = 0; i < 20; i++)
		fds[i] = open("/dev/null", O_RDONLY); /* not close-on-exec */
	sigaction(SIGUSR1, &ignore_nothing, NULL);
	start(host, "tell", &MOOR_SPAWN_OPTS(.envp = env, .cwd = "/usr"));
	expect(host, "fds 4 link 3 other given cwd /usr usr1 1 mask 0");
	t_assert_err(moor_link_wait_exit(host, LONG, &status), 0);
	t_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	t_assert_err(recv_end(host), MOOR_ECLOSED);
	for (int i = 0; i < 3; i++) {
		status = 0;
		t_assert_err(moor_link_wait_exit(host, MOOR_NOWAIT, &status), 0);
		t_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	}
	t_assert_err(moor_link_kill(host), 0);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	moor_link_close(host);
	for (int i = 0; i < 20; i++)
		close(fds[i]);
}
END_TEST

static void mark(void *arg)
{
	*(volatile int *)arg = 1; /* the child's own copy */
	if (setenv("T_OTHER", "setup", 1) != 0 || chdir("/") != 0)
		_exit(1);
}

static void leave(void *arg)
{
	_exit(*(int *)arg);
}

START_TEST(test_child_setup)
{
	int marked = 0, code = 33, status;
	moor_link *host = host_of(NULL);

	start(host, "tell", &MOOR_SPAWN_OPTS(.child_setup = mark, .arg = &marked, .cwd = "/usr"));
	expect(host, "fds 4 link 3 other - cwd / usr1 1 mask 0");
	t_assert(!marked);
	moor_link_close(host);

	host = host_of(NULL);
	start(host, "tell", &MOOR_SPAWN_OPTS(.child_setup = leave, .arg = &code));
	t_assert_err(recv_end(host), MOOR_EPEERDEAD);
	t_assert_err(recv_end(host), MOOR_ECLOSED);
	t_assert_err(moor_link_wait_exit(host, LONG, &status), 0);
	t_assert(WIFEXITED(status) && WEXITSTATUS(status) == 33);
	moor_link_close(host);
}
END_TEST

START_TEST(test_spawn_errors)
{
	char none[] = "/nowhere/at/all", dir[] = "/", text[] = "/etc/passwd", self[] = SELF, echo_arg[] = "echo";
	char under[] = "/etc/passwd/x";
	char *paths[] = {none, dir, text, under};
	const int errs[] = {MOOR_ENOENT, MOOR_EACCES, MOOR_EACCES, MOOR_ENOENT};
	char *argv[] = {NULL, echo_arg, NULL};
	moor_link *host = host_of(NULL);
	const int before = open_fds();
	int64_t pid = -5;
	int fd;

	for (size_t i = 0; i < sizeof errs / sizeof errs[0]; i++) {
		argv[0] = paths[i];
		t_assert_err(moor_link_spawn(host, argv, NULL, &pid), errs[i]);
	}
	argv[0] = self;
	t_assert_err(moor_link_spawn(host, argv, &MOOR_SPAWN_OPTS(.cwd = "/nowhere"), &pid), MOOR_ENOENT);
	t_assert_err(moor_link_spawn(host, argv, &MOOR_SPAWN_OPTS(.flags = 1), &pid), MOOR_EINVAL);
	t_assert(pid == -5);
	ck_assert_int_eq(open_fds(), before);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* nothing left behind */
	t_assert_err(moor_link_spawn(host, argv, NULL, &pid), 0);
	t_assert_err(moor_link_spawn(host, argv, NULL, &pid), MOOR_EBUSY);
	t_assert_err(moor_link_worker_fd(host, &fd), MOOR_EBUSY);
	say(host, "after all");
	expect(host, "after all");
	moor_link_close(host);
}
END_TEST

static void killed(bool without_pidfd)
{
	moor_link *host = host_of(NULL);
	char buf[100000] = "";
	int status, err;

	moor__linux_without_pidfd = without_pidfd;
	start(host, "echo", NULL);
	say(host, "x");
	expect(host, "x");
	t_assert_err(moor_link_kill(host), 0);
	t_assert_err(recv_end(host), MOOR_EPEERDEAD);
	t_assert_err(recv_now(host), MOOR_ECLOSED);
	while ((err = moor_tx_send(moor_link_tx(host), buf, sizeof buf, LONG)) == 0)
		;
	t_assert_err(err, MOOR_EPEERDEAD);
	t_assert_err(moor_link_wait_exit(host, MOOR_FOREVER, &status), 0);
	t_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	moor_link_close(host);
}

START_TEST(test_killed)
{
	killed(false);
	killed(true);
}
END_TEST

START_TEST(test_worker_that_never_attaches)
{
	moor_link *host = host_of(NULL);
	int status;

	start(host, "absent", NULL);
	t_assert_err(recv_end(host), MOOR_EPEERDEAD);
	t_assert_err(recv_end(host), MOOR_ECLOSED);
	t_assert_err(moor_link_wait_exit(host, LONG, &status), 0);
	t_assert(WEXITSTATUS(status) == 5);
	moor_link_close(host);
}
END_TEST

START_TEST(test_close_kills_what_does_not_end)
{
	for (int without = 0; without < 2; without++) {
		moor_link *host = host_of(&MOOR_LINK_OPTS(.close_timeout_ms = 50));
		int64_t pid;

		moor__linux_without_pidfd = without;
		pid = start(host, "hang", NULL);
		moor_link_close(host);
		ck_assert_int_eq(kill((pid_t)pid, 0), -1);
		ck_assert_int_eq(errno, ESRCH);
	}
}
END_TEST

START_TEST(test_close_lets_it_end_by_itself)
{
	moor_link *host = host_of(&MOOR_LINK_OPTS(.close_timeout_ms = 60000));
	const int64_t start_ns = t_now();

	start(host, "echo", NULL);
	say(host, "x");
	expect(host, "x");
	moor_link_close(host);
	t_assert(t_now() - start_ns < 50 * SECOND);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

START_TEST(test_reaped_by_somebody_else)
{
	moor_link *host = host_of(NULL);
	int64_t pid;
	int status = 5;

	pid = start(host, "absent", NULL);
	ck_assert_int_eq(waitpid((pid_t)pid, NULL, 0), pid);
	t_assert_err(moor_link_wait_exit(host, MOOR_FOREVER, &status), MOOR_ESYS);
	ck_assert_int_eq(errno, ECHILD);
	t_assert(status == 5);
	moor_link_close(host);
}
END_TEST

static void on_signal(int number)
{
	(void)number;
}

START_TEST(test_wait_exit_is_interrupted)
{
	const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	moor_link *host = host_of(&MOOR_LINK_OPTS(.close_timeout_ms = 1));
	const pid_t parent = getpid();
	pid_t pid;
	int status;

	start(host, "hang", NULL);
	sigaction(SIGUSR1, &action, NULL);
	pid = fork();
	if (pid == 0) {
		for (;;) {
			t_sleep_ms(5);
			if (kill(parent, SIGUSR1) != 0)
				_exit(0);
		}
	}
	t_assert_err(moor_link_wait_exit(host, LONG, &status), MOOR_EINTR);
	t_assert_err(moor_rx_wait(moor_link_rx(host), LONG), MOOR_EINTR); /* whether it has attached or not */
	t_kill(pid);
	moor_link_close(host);
}
END_TEST

START_TEST(test_interrupt)
{
	moor_link *host = host_of(NULL), *worker;

	t_assert_err(moor_rx_interrupt(moor_link_rx(host)), 0); /* nobody has attached */
	t_assert_err(moor_rx_wait(moor_link_rx(host), LONG), MOOR_EINTR);
	t_assert_err(moor_link_attach(worker_fd(host), NULL, &worker), 0);
	t_assert_err(moor_rx_interrupt(moor_link_rx(worker)), 0);
	t_assert_err(moor_rx_wait(moor_link_rx(worker), LONG), MOOR_EINTR);
	moor_link_close(worker);
	moor_link_close(host);
}
END_TEST

/* ---- forks, passing ---- */

static int in_fork(void *arg)
{
	moor_link **links = arg;
	char path[] = SELF, *argv[] = {path, NULL}, buf[8];
	int64_t pid;
	size_t len;
	int n;

	for (int i = 0; i < 2; i++) {
		if (moor_link_tx(links[i]) || moor_link_rx(links[i]) || moor_link_fd(links[i], &n) != MOOR_EFORK ||
		    moor_link_worker_fd(links[i], &n) != MOOR_EFORK || moor_link_kill(links[i]) != MOOR_EFORK ||
		    moor_link_wait_exit(links[i], 0, &n) != MOOR_EFORK ||
		    moor_link_spawn(links[i], argv, NULL, &pid) != MOOR_EFORK)
			return 1;
	}
	if (moor_tx_send((moor_tx *)links[2], "x", 1, 0) != MOOR_EFORK ||
	    moor_rx_recv((moor_rx *)links[3], buf, sizeof buf, &len, 0) != MOOR_EFORK)
		return 2;
	moor_link_close(links[0]);
	moor_link_close(links[1]);
	return 0;
}

START_TEST(test_fork)
{
	moor_link *links[4];
	pid_t pid;

	join(&links[0], &links[1]);
	links[2] = (moor_link *)moor_link_tx(links[0]);
	links[3] = (moor_link *)moor_link_rx(links[0]);
	pid = t_spawn(in_fork, links);
	ck_assert_int_eq(t_wait(pid), 0);
	say(links[0], "untouched");
	expect(links[1], "untouched");
	say(links[1], "too");
	expect(links[0], "too");
	moor_link_close(links[0]);
	t_assert_err(recv_now(links[1]), MOOR_ECLOSED);
	moor_link_close(links[1]);
}
END_TEST

static int sit(void *arg)
{
	t_gate_pass(arg);
	return 0;
}

struct forked_worker {
	int fd;
	struct t_gate *gate;
};

/* Attaches, forks a child that lives on, and dies. */
static int attach_fork_die(void *arg)
{
	struct forked_worker *w = arg;
	moor_link *link;

	if (moor_link_attach(w->fd, NULL, &link) != 0 || moor_tx_send(moor_link_tx(link), "up", 2, LONG) != 0)
		return 1;
	if (fork() == 0)
		_exit(sit(w->gate));
	kill(getpid(), SIGKILL);
	return 1;
}

START_TEST(test_death_is_seen_though_a_child_lives)
{
	moor_link *host = host_of(NULL);
	struct forked_worker w = {worker_fd(host), t_gate_new()};
	const pid_t pid = t_spawn(attach_fork_die, &w);

	expect(host, "up");
	t_assert_err(recv_end(host), MOOR_EPEERDEAD);
	ck_assert_int_eq(t_wait(pid), 128 + SIGKILL);
	t_gate_open(w.gate, 1);
	moor_link_close(host);
}
END_TEST

static int send_fd(int to, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof fd)] = {0};
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(head), &fd, sizeof fd);
	return sendmsg(to, &msg, 0) == 1 ? 0 : -1;
}

static int attach_what_comes(void *arg)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	moor_link *link;
	char buf[16];
	size_t len;
	int fd;

	if (recvmsg(*(int *)arg, &msg, 0) != 1)
		return 1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof fd);
	if (moor_link_attach(fd, NULL, &link) != 0)
		return 2;
	close(fd); /* the caller's */
	if (moor_rx_recv(moor_link_rx(link), buf, sizeof buf, &len, LONG) != 0 ||
	    moor_tx_send(moor_link_tx(link), buf, len, LONG) != 0 ||
	    moor_rx_recv(moor_link_rx(link), buf, sizeof buf, &len, LONG) != MOOR_ECLOSED)
		return 3;
	moor_link_close(link);
	return 0;
}

START_TEST(test_end_sent_over_a_socket)
{
	moor_link *host;
	int pair[2];
	pid_t pid;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid = t_spawn(attach_what_comes, &pair[1]);
	host = host_of(NULL);
	ck_assert_int_eq(send_fd(pair[0], worker_fd(host)), 0);
	say(host, "sent");
	expect(host, "sent");
	moor_link_close(host);
	ck_assert_int_eq(t_wait(pid), 0);
}
END_TEST

static bool is_readable(int fd, int ms)
{
	struct pollfd on = {.fd = fd, .events = POLLIN};

	return poll(&on, 1, ms) == 1;
}

START_TEST(test_fd_tells_of_the_end)
{
	moor_link *host, *worker;
	int fd;

	for (int i = 0; i < 2; i++) {
		join(&host, &worker);
		t_assert_err(recv_now(host), MOOR_EAGAIN);
		t_assert_err(moor_link_fd(i ? host : worker, &fd), 0);
		moor_link_close(i ? worker : host);
		t_assert(is_readable(fd, 60000));
		t_assert_err(recv_now(i ? host : worker), MOOR_ECLOSED);
		moor_link_close(i ? host : worker);
	}
	host = host_of(NULL);
	t_assert_err(moor_link_fd(host, &fd), 0);
	t_assert(!is_readable(fd, 0));
	start(host, "absent", NULL);
	t_assert(is_readable(fd, 60000));
	moor_link_close(host);
}
END_TEST

/* Armed, there is nothing to be read of; then there is. */
static void expect_armed(moor_link *link, int fd)
{
	t_assert_err(moor_rx_arm(moor_link_rx(link)), 0);
	t_assert(!is_readable(fd, 0));
}

START_TEST(test_fd_tells_of_messages)
{
	for (int by_host = 0; by_host < 2; by_host++) {
		moor_link *host, *worker, *from, *to;
		int fd, again;

		join(&host, &worker);
		t_assert_err(recv_now(host), MOOR_EAGAIN);
		from = by_host ? host : worker;
		to = by_host ? worker : host;
		say(from, "before it was asked for");
		t_assert_err(moor_rx_arm(moor_link_rx(to)), MOOR_EINVAL);
		t_assert_err(moor_link_fd(to, &fd), 0);
		t_assert_err(moor_rx_fd(moor_link_rx(to), &again), 0);
		t_assert(fd == again);
		t_assert_err(moor_rx_arm(moor_link_rx(to)), MOOR_READY);
		expect(to, "before it was asked for");
		for (int i = 0; i < 5; i++) {
			expect_armed(to, fd);
			say(from, "one");
			t_assert(is_readable(fd, 60000));
			say(from, "and one that nobody is told of");
			t_assert_err(moor_rx_arm(moor_link_rx(to)), MOOR_READY);
			expect(to, "one");
			expect(to, "and one that nobody is told of");
		}
		say(from, "not armed"); /* no call for it */
		t_assert(!is_readable(fd, 20));
		expect(to, "not armed");
		expect_armed(to, fd);
		moor_link_close(from);
		t_assert(is_readable(fd, 60000));
		t_assert_err(moor_rx_arm(moor_link_rx(to)), MOOR_ECLOSED);
		moor_link_close(to);
	}
}
END_TEST

START_TEST(test_fd_armed_before_the_worker_is_there)
{
	moor_link *host = host_of(NULL), *worker;
	int fd, status;

	t_assert_err(moor_link_fd(host, &fd), 0);
	expect_armed(host, fd);
	t_assert_err(moor_link_attach(worker_fd(host), NULL, &worker), 0);
	t_assert(is_readable(fd, 60000)); /* it is there */
	expect_armed(host, fd);
	say(worker, "x");
	t_assert(is_readable(fd, 60000));
	expect(host, "x");
	moor_link_close(worker);
	moor_link_close(host);

	host = host_of(NULL);
	t_assert_err(moor_link_fd(host, &fd), 0);
	start(host, "echo", NULL);
	for (int i = 0; i < 20; i++) {
		int err;

		say(host, "x");
		while ((err = moor_rx_arm(moor_link_rx(host))) == 0)
			t_assert(is_readable(fd, 60000));
		t_assert_err(err, MOOR_READY);
		expect(host, "x");
	}
	expect_armed(host, fd);
	t_assert_err(moor_link_kill(host), 0);
	t_assert(is_readable(fd, 60000));
	t_assert_err(moor_link_wait_exit(host, LONG, &status), 0);
	t_assert_err(moor_rx_arm(moor_link_rx(host)), MOOR_EPEERDEAD);
	t_assert_err(moor_rx_arm(moor_link_rx(host)), MOOR_ECLOSED);
	moor_link_close(host);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("link");
	TCase *c = tcase_create("link");

	tcase_set_timeout(c, 120);
	tcase_add_test(c, test_both_ways);
	tcase_add_test(c, test_sent_before_the_worker_is_there);
	tcase_add_test(c, test_host_that_only_sends);
	tcase_add_test(c, test_wait_for_one_of_several_links);
	tcase_add_test(c, test_closed_is_seen_by_every_call_at_once);
	tcase_add_test(c, test_options);
	tcase_add_test(c, test_calls_on_nothing_and_on_the_wrong_side);
	tcase_add_test(c, test_second_attach_is_busy);
	tcase_add_test(c, test_ends_that_are_none);
	tcase_add_test(c, test_memory_and_descriptors_are_given_back);
	tcase_add_test(c, test_every_descriptor_is_close_on_exec);
	tcase_add_test(c, test_spawn_and_talk);
	tcase_add_test(c, test_spawn_details);
	tcase_add_test(c, test_child_setup);
	tcase_add_test(c, test_spawn_errors);
	tcase_add_test(c, test_killed);
	tcase_add_test(c, test_worker_that_never_attaches);
	tcase_add_test(c, test_close_kills_what_does_not_end);
	tcase_add_test(c, test_close_lets_it_end_by_itself);
	tcase_add_test(c, test_reaped_by_somebody_else);
	tcase_add_test(c, test_wait_exit_is_interrupted);
	tcase_add_test(c, test_interrupt);
	tcase_add_test(c, test_fork);
	tcase_add_test(c, test_death_is_seen_though_a_child_lives);
	tcase_add_test(c, test_end_sent_over_a_socket);
	tcase_add_test(c, test_fd_tells_of_the_end);
	tcase_add_test(c, test_fd_tells_of_messages);
	tcase_add_test(c, test_fd_armed_before_the_worker_is_there);
	suite_add_tcase(s, c);
	return s;
}

int main(int argc, char **argv)
{
	return argc > 1 ? worker(argv[1]) : t_main(suite());
}
