/* SPDX-License-Identifier: Apache-2.0 */
/* test_os.c - the promises of os.h: sleeping, waking and interrupting; locks; staging; the places where names live. */
#include "base/atomic.h"
#include "os/os.h"
#include "tests/lib/testing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

extern bool moor__linux_stage_with_name;

#define MS ((int64_t)1000000)
#define SECOND (1000 * MS)
#define LONG (100 * SECOND) /* longer than any test may take: a wait that runs it out has failed */

/* ---- sleeping ---- */

static struct moor__os_sleeper sleeper;
static uint32_t word;

START_TEST(test_sleep_returns_at_once_when_the_word_differs)
{
	word = 7;
	t_assert_err(moor__os_sleep(&sleeper, &word, 6, LONG), 0);
	ck_assert_uint_eq(sleeper.asleep, 0);
}
END_TEST

START_TEST(test_sleep_times_out_not_early)
{
	static const int64_t times[] = {1, 1000, MS, 20 * MS};

	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
		const int64_t start = t_now();

		t_assert_err(moor__os_sleep(&sleeper, &word, 0, times[i]), MOOR_ETIMEDOUT);
		ck_assert_int_ge(t_now() - start, times[i]);
	}
	ck_assert_uint_eq(sleeper.asleep, 0);
}
END_TEST

static void *wake_when_asleep(void *arg)
{
	(void)arg;
	while (!moor__acquire_32(&sleeper.asleep))
		t_sleep_ms(1);
	moor__release_32(&word, 1);
	/* asleep is said before the kernel is entered: a wake may come too early, the changed word then ends the sleep */
	moor__os_wake(&word);
	return NULL;
}

START_TEST(test_sleep_ends_when_woken)
{
	pthread_t thread;

	pthread_create(&thread, NULL, wake_when_asleep, NULL);
	t_assert_err(moor__os_sleep(&sleeper, &word, 0, LONG), 0);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(word, 1);
}
END_TEST

static int wake_shared(void *arg)
{
	uint32_t *const shared = arg;

	t_sleep_ms(20);
	moor__release_32(shared, 1);
	moor__os_wake(shared);
	return 0;
}

START_TEST(test_sleep_ends_when_woken_by_another_process)
{
	uint32_t *const shared = t_shared(4096);
	const pid_t pid = t_spawn(wake_shared, shared);

	while (!moor__acquire_32(shared))
		t_assert_err(moor__os_sleep(&sleeper, shared, 0, LONG), 0);
	ck_assert_int_eq(t_wait(pid), 0);
}
END_TEST

START_TEST(test_wake_keeps_errno_and_wakes_nobody)
{
	errno = 77;
	moor__os_wake(&word);
	ck_assert_int_eq(errno, 77);
	moor__os_interrupt(&sleeper);
	ck_assert_int_eq(errno, 77);
}
END_TEST

START_TEST(test_interrupt_before_sleeping_counts)
{
	moor__os_interrupt(&sleeper);
	ck_assert_uint_eq(sleeper.interrupted, 1);
	t_assert_err(moor__os_sleep(&sleeper, &word, 0, LONG), MOOR_EINTR);
	ck_assert_uint_eq(sleeper.interrupted, 1); /* whoever takes it sets it back */
	t_assert_err(moor__os_sleep(&sleeper, &word, 0, LONG), MOOR_EINTR);
	sleeper.interrupted = 0;
	t_assert_err(moor__os_sleep(&sleeper, &word, 0, MS), MOOR_ETIMEDOUT);
}
END_TEST

static void do_nothing(int signal)
{
	(void)signal;
}

static void interrupt_sleeper(int signal)
{
	(void)signal;
	moor__os_interrupt(&sleeper);
}

/* The timer goes on, so that one signal that arrives before the sleep does not decide. */
static void install(void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
	const struct itimerval timer = {.it_interval = {0, 10000}, .it_value = {0, 10000}};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static void disarm(void)
{
	setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL);
	signal(SIGALRM, SIG_IGN);
}

START_TEST(test_sleep_ends_by_a_signal_handler)
{
	install(do_nothing, _i ? SA_RESTART : 0);
	t_assert_err(moor__os_sleep(&sleeper, &word, 0, LONG), MOOR_EINTR);
	ck_assert_uint_eq(sleeper.interrupted, 0);
	disarm();
}
END_TEST

START_TEST(test_pause_ends_by_a_signal_handler)
{
	install(do_nothing, _i ? SA_RESTART : 0);
	t_assert_err(moor__os_pause(LONG), MOOR_EINTR);
	disarm();
	t_assert_err(moor__os_pause(1), 0);
}
END_TEST

/* At random instants of a loop of short sleeps: the interruption is never lost, before, in or after a sleep. */
START_TEST(test_interrupt_from_a_handler_of_the_sleeping_thread)
{
	const struct itimerval fast = {.it_interval = {0, 150}, .it_value = {0, 150}};

	install(interrupt_sleeper, _i ? SA_RESTART : 0);
	setitimer(ITIMER_REAL, &fast, NULL);
	for (int i = 0; i < 2000; i++) {
		t_assert_err(moor__os_sleep(&sleeper, &word, 0, LONG), MOOR_EINTR);
		moor__store_32(&sleeper.interrupted, 0);
	}
	disarm();
}
END_TEST

static uint32_t stop, interruptions;

static void *interrupt_on_demand(void *arg)
{
	uint64_t seed = 1;

	(void)arg;
	while (!moor__acquire_32(&stop)) {
		if (moor__load_32(&sleeper.interrupted))
			continue;
		for (uint64_t spin = t_random(&seed) % 3000; spin; spin--)
			moor__pause();
		moor__os_interrupt(&sleeper);
		interruptions++;
	}
	return NULL;
}

START_TEST(test_interrupt_from_another_thread)
{
	pthread_t thread;

	pthread_create(&thread, NULL, interrupt_on_demand, NULL);
	for (int i = 0; i < 5000; i++) {
		int err;

		/* As the library sleeps: at most 100 ms at a time, which heals the one interruption in millions that
		 * comes while the kernel is just entering. */
		while ((err = moor__os_sleep(&sleeper, &word, 0, 100 * MS)) == MOOR_ETIMEDOUT || err == 0)
			;
		t_assert_err(err, MOOR_EINTR);
		ck_assert_uint_eq(moor__load_32(&sleeper.interrupted), 1);
		moor__store_32(&sleeper.interrupted, 0);
	}
	moor__release_32(&stop, 1);
	pthread_join(thread, NULL);
	ck_assert_uint_ge(interruptions, 5000);
}
END_TEST

START_TEST(test_clocks_go_forward)
{
	const int64_t now = moor__os_now(), coarse = moor__os_now_coarse();

	ck_assert_int_gt(now, 0);
	ck_assert_int_le(coarse, moor__os_now());
	ck_assert_int_ge(moor__os_now(), now);
	t_assert_err(moor__os_pause(10 * MS), 0);
	ck_assert_int_ge(moor__os_now() - now, 10 * MS);
	ck_assert_uint_eq(moor__os_pid(), (uint32_t)getpid());
}
END_TEST

START_TEST(test_memory_that_a_fork_wipes)
{
	void *wiped;
	unsigned char *kept = moor__os_alloc_forked(5000, 100, &wiped);
	pid_t pid;

	ck_assert_ptr_nonnull(kept);
	ck_assert_ptr_eq(moor__os_kept_of(wiped, 5000), kept);
	memset(kept, 1, 5000);
	memset(wiped, 1, 100);
	pid = fork();
	if (pid == 0) {
		for (size_t i = 0; i < 100; i++)
			if (((unsigned char *)wiped)[i])
				_exit(1);
		for (size_t i = 0; i < 5000; i++)
			if (kept[i] != 1)
				_exit(2);
		_exit(0);
	}
	ck_assert_int_eq(t_wait(pid), 0);
	ck_assert_uint_eq(((unsigned char *)wiped)[99], 1);
	moor__os_free_forked(kept, 5000, 100);
	moor__os_free(NULL, 0);
}
END_TEST

/* ---- locks ---- */

static int fresh_file(void)
{
	char path[128];
	int fd;

	snprintf(path, sizeof path, "%s/locks", t_dir());
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static int open_again(int flags)
{
	char path[128];
	int fd;

	snprintf(path, sizeof path, "%s/locks", t_dir());
	fd = open(path, flags | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(test_lock_two_opens_in_one_process_are_two_holders)
{
	const int a = fresh_file(), b = open_again(O_RDWR);

	t_assert_err(moor__os_lock_exclusive(a, 3), 0);
	t_assert_err(moor__os_lock_exclusive(b, 3), MOOR_EAGAIN);
	t_assert_err(moor__os_lock_shared(b, 3), MOOR_EAGAIN);
	t_assert_err(moor__os_lock_exclusive(b, 2), 0); /* bytes are apart */
	t_assert_err(moor__os_lock_exclusive(b, 4), 0);
	ck_assert(moor__os_locked(b, 3) && moor__os_locked_exclusive(b, 3));
	ck_assert(!moor__os_locked(a, 3)); /* anybody else */
	moor__os_unlock(a, 3);
	ck_assert(!moor__os_locked(b, 3));
	t_assert_err(moor__os_lock_exclusive(b, 3), 0);
	close(b);
	ck_assert(!moor__os_locked(a, 3) && !moor__os_locked(a, 2));
	close(a);
}
END_TEST

START_TEST(test_lock_shared_beside_shared)
{
	const int a = fresh_file(), b = open_again(O_RDWR), c = open_again(O_RDWR);

	t_assert_err(moor__os_lock_shared(a, 0), 0);
	t_assert_err(moor__os_lock_shared(b, 0), 0);
	t_assert_err(moor__os_lock_exclusive(c, 0), MOOR_EAGAIN);
	t_assert_err(moor__os_lock_exclusive(a, 0), MOOR_EAGAIN); /* no upgrade beside another */
	ck_assert(moor__os_locked(c, 0));
	ck_assert(!moor__os_locked_exclusive(c, 0)); /* shared holders cannot pass for life in a slot */
	moor__os_unlock(b, 0);
	ck_assert(!moor__os_locked(a, 0));
	t_assert_err(moor__os_lock_exclusive(a, 0), 0);
	ck_assert(moor__os_locked_exclusive(c, 0));
	close(a);
	close(b);
	close(c);
}
END_TEST

START_TEST(test_lock_through_a_read_only_descriptor)
{
	const int a = fresh_file(), b = open_again(O_RDONLY);

	t_assert_err(moor__os_lock_exclusive(b, 0), MOOR_EACCES);
	t_assert_err(moor__os_lock_shared(b, 0), 0);
	ck_assert(!moor__os_locked(b, 0));
	t_assert_err(moor__os_lock_exclusive(a, 1), 0);
	ck_assert(moor__os_locked(b, 1) && moor__os_locked_exclusive(b, 1));
	close(a);
	close(b);
}
END_TEST

static int hold_until_killed(void *arg)
{
	const int fd = open_again(O_RDWR);

	if (moor__os_lock_exclusive(fd, 5) != 0)
		return 1;
	t_gate_open(arg, 1);
	for (;;)
		pause();
}

START_TEST(test_lock_dropped_by_the_kernel_when_its_holder_is_killed)
{
	struct t_gate *gate = t_gate_new();
	const int fd = fresh_file();
	const pid_t pid = t_spawn(hold_until_killed, gate);

	t_gate_pass(gate);
	ck_assert(moor__os_locked_exclusive(fd, 5));
	t_kill(pid);
	ck_assert(!moor__os_locked_exclusive(fd, 5));
	t_assert_err(moor__os_lock_exclusive(fd, 5), 0);
	close(fd);
}
END_TEST

/* ---- files ---- */

START_TEST(test_allocate_more_than_there_is)
{
	const int fd = fresh_file();
	struct stat st;

	t_assert_err(moor__os_file_allocate(fd, (uint64_t)1 << 60), MOOR_ENOSPC);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_blocks, 0);
	t_assert_err(moor__os_file_allocate(fd, 100000), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_size, 100000);
	ck_assert_int_ge(st.st_blocks * 512, 100000);
	close(fd);
}
END_TEST

START_TEST(test_read_and_write_at_an_offset)
{
	const int fd = fresh_file();
	char text[8] = "";
	size_t got = 99;

	t_assert_err(moor__os_file_write(fd, "mooring", 7, 1000), 0);
	t_assert_err(moor__os_file_read(fd, text, 7, 1000, &got), 0);
	ck_assert_uint_eq(got, 7);
	ck_assert_str_eq(text, "mooring");
	t_assert_err(moor__os_file_read(fd, text, 8, 1004, &got), 0); /* what there is */
	ck_assert_uint_eq(got, 3);
	t_assert_err(moor__os_file_read(fd, text, 8, 5000, &got), 0);
	ck_assert_uint_eq(got, 0);
	close(fd);
}
END_TEST

START_TEST(test_map_at_any_offset)
{
	const int fd = fresh_file();
	static const uint64_t offsets[] = {0, 1, 4095, 4096, 4097, 12000};
	struct moor__os_mapping mapping;
	void *data;

	t_assert_err(moor__os_file_allocate(fd, 16384), 0);
	t_assert_err(moor__os_file_write(fd, "x", 1, 12345), 0);
	for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
		t_assert_err(moor__os_map(fd, offsets[i], 16384 - offsets[i], _i != 0, &mapping, &data), 0);
		ck_assert_int_eq(((char *)data)[12345 - offsets[i]], 'x');
		moor__os_unmap(&mapping);
	}
	t_assert_err(moor__os_map(fd, 1, SIZE_MAX, false, &mapping, &data), MOOR_ENOMEM);
	t_assert_err(moor__os_map(fd, 0, SIZE_MAX - 0xffff, false, &mapping, &data), MOOR_ENOMEM);
	close(fd);
}
END_TEST

/* Entries of the directory of Local\ that are not names. */
static int staged_entries(void)
{
	char path[128];
	struct dirent *entry;
	DIR *stream;
	int count = 0;

	snprintf(path, sizeof path, "%s/mooring-%lu", t_dir(), (unsigned long)geteuid());
	stream = opendir(path);
	ck_assert_ptr_nonnull(stream);
	while ((entry = readdir(stream)))
		count += strncmp(entry->d_name, ".mooring-new.", 13) == 0;
	closedir(stream);
	return count;
}

START_TEST(test_stage_publish_discard)
{
	struct moor__os_file_info info, there;
	struct moor__os_staged staged, second;
	struct moor__os_dir *dir;
	int fd, fd2, found;

	moor__linux_stage_with_name = _i;
	umask(077);
	t_assert_err(moor__os_dir_open(MOOR__LOCAL, true, &dir), 0);
	t_assert_err(moor__os_file_stage(dir, 0664, &staged, &fd), 0);
	ck_assert_int_eq(*staged.file != '\0', _i);
	ck_assert_int_eq(staged_entries(), _i);
	t_assert_err(moor__os_name_info(dir, "s", &there), MOOR_ENOENT);
	t_assert_err(moor__os_file_info(fd, &info), 0);
	ck_assert_uint_eq(info.mode, 0664); /* whatever the umask */
	ck_assert(info.regular);
	t_assert_err(moor__os_file_publish(dir, "s", &staged, fd), 0);
	ck_assert_int_eq(staged_entries(), 0);
	t_assert_err(moor__os_name_info(dir, "s", &there), 0);
	ck_assert_uint_eq(there.inode, info.inode);
	ck_assert_uint_eq(there.device, info.device);
	ck_assert_uint_eq(there.links, 1);
	ck_assert_uint_eq(there.uid, geteuid());

	/* A second one of that name does not replace the first. */
	t_assert_err(moor__os_file_stage(dir, 0600, &second, &fd2), 0);
	t_assert_err(moor__os_file_publish(dir, "s", &second, fd2), MOOR_EEXIST);
	moor__os_file_discard(dir, &second);
	moor__os_file_close(fd2);
	ck_assert_int_eq(staged_entries(), 0);

	t_assert_err(moor__os_file_open(dir, "s", true, &found), 0);
	moor__os_file_close(found);
	t_assert_err(moor__os_name_remove(dir, "s"), 0);
	t_assert_err(moor__os_name_remove(dir, "s"), MOOR_ENOENT);
	t_assert_err(moor__os_file_open(dir, "s", true, &found), MOOR_ENOENT);
	t_assert_err(moor__os_file_info(fd, &info), 0);
	ck_assert_uint_eq(info.links, 0);
	moor__os_file_close(fd);
	moor__os_dir_close(dir);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_sweep_of_staged_files_spares_the_living)
{
	struct moor__os_staged dead, alive;
	struct moor__os_dir *dir;
	int fd_dead, fd_alive;

	moor__linux_stage_with_name = true;
	t_assert_err(moor__os_dir_open(MOOR__LOCAL, true, &dir), 0);
	t_assert_err(moor__os_file_stage(dir, 0600, &dead, &fd_dead), 0);
	t_assert_err(moor__os_file_stage(dir, 0600, &alive, &fd_alive), 0);
	t_assert_err(moor__os_lock_shared(fd_alive, MOOR__OS_LOCK_LIFE), 0);
	moor__os_file_close(fd_dead);
	errno = 77;
	moor__os_dir_sweep_rest(dir);
	ck_assert_int_eq(errno, 77);
	ck_assert_int_eq(staged_entries(), 1);
	t_assert_err(moor__os_file_publish(dir, "x", &alive, fd_alive), 0);
	/* One that was swept before its maker could lock it says so. */
	t_assert_err(moor__os_file_stage(dir, 0600, &dead, &fd_dead), 0);
	moor__os_dir_sweep_rest(dir);
	ck_assert_int_eq(staged_entries(), 0);
	t_assert_err(moor__os_file_publish(dir, "y", &dead, fd_dead), MOOR_EAGAIN);
	moor__os_file_close(fd_dead);
	moor__os_file_close(fd_alive);
	t_assert_err(moor__os_name_remove(dir, "x"), 0);
	moor__os_dir_close(dir);
}
END_TEST

static int count_name(void *arg, const char *rest)
{
	unsigned *const seen = arg;

	ck_assert_int_eq(rest[0], 'n');
	seen[atoi(rest + 1)]++;
	return 0;
}

static int stop_at_third(void *arg, const char *rest)
{
	(void)rest;
	return ++*(unsigned *)arg == 3 ? 42 : 0;
}

START_TEST(test_list_visits_each_once_from_wherever_it_begins)
{
	struct moor__os_staged staged;
	struct moor__os_dir *dir;
	unsigned visits = 0;
	char rest[16];
	int fd;

	t_assert_err(moor__os_dir_open(MOOR__LOCAL, true, &dir), 0);
	for (int i = 0; i < 10; i++) {
		snprintf(rest, sizeof rest, "n%d", i);
		t_assert_err(moor__os_file_stage(dir, 0600, &staged, &fd), 0);
		t_assert_err(moor__os_file_publish(dir, rest, &staged, fd), 0);
		moor__os_file_close(fd);
	}
	for (int round = 0; round < 30; round++) {
		unsigned seen[10] = {0};

		t_assert_err(moor__os_dir_list(dir, count_name, seen), 0);
		for (int i = 0; i < 10; i++)
			ck_assert_uint_eq(seen[i], 1);
	}
	ck_assert_int_eq(moor__os_dir_list(dir, stop_at_third, &visits), 42);
	ck_assert_uint_eq(visits, 3);
	for (int i = 0; i < 10; i++) {
		snprintf(rest, sizeof rest, "n%d", i);
		t_assert_err(moor__os_name_remove(dir, rest), 0);
	}
	moor__os_dir_close(dir);
}
END_TEST

/* ---- directories ---- */

static int try_dir(enum moor__scope scope)
{
	struct moor__os_dir *dir;
	const int err = moor__os_dir_open(scope, true, &dir);

	if (!err)
		moor__os_dir_close(dir);
	return err;
}

static void both_refuse(void)
{
	t_assert_err(try_dir(MOOR__GLOBAL), MOOR_EACCES);
	t_assert_err(try_dir(MOOR__LOCAL), MOOR_EACCES);
}

START_TEST(test_dir_missing_or_not_a_directory)
{
	char path[128];

	snprintf(path, sizeof path, "%s/missing", t_dir());
	setenv("MOORING_DIR", path, 1);
	both_refuse();
	snprintf(path, sizeof path, "%s/locks", t_dir());
	close(fresh_file());
	setenv("MOORING_DIR", path, 1);
	both_refuse();
	strcat(path, "/below");
	setenv("MOORING_DIR", path, 1);
	both_refuse();
}
END_TEST

START_TEST(test_dir_that_others_may_write)
{
	static const struct {
		mode_t mode;
		int expected;
	} cases[] = {
	    {0700, 0},  {0755, 0},           {0770, MOOR_EACCES}, {0707, MOOR_EACCES}, {0777, MOOR_EACCES}, {0720, MOOR_EACCES},
	    {01777, 0}, {02777, MOOR_EACCES}, {01770, 0},
	};
	char path[128];

	snprintf(path, sizeof path, "%s/base", t_dir());
	mkdir(path, 0700);
	setenv("MOORING_DIR", path, 1);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		ck_assert_int_eq(chmod(path, cases[i].mode), 0);
		t_assert_err(try_dir(MOOR__GLOBAL), cases[i].expected);
		t_assert_err(try_dir(MOOR__LOCAL), cases[i].expected);
	}
}
END_TEST

START_TEST(test_dir_of_local_names_is_private)
{
	char base[96], path[128];
	struct moor__os_dir *dir;
	struct stat st;

	snprintf(base, sizeof base, "%s/private", t_dir());
	mkdir(base, 0700);
	setenv("MOORING_DIR", base, 1);
	snprintf(path, sizeof path, "%s/mooring-%lu", base, (unsigned long)geteuid());
	t_assert_err(moor__os_dir_open(MOOR__LOCAL, false, &dir), MOOR_ENOENT);
	umask(_i ? 077 : 0);
	t_assert_err(try_dir(MOOR__LOCAL), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	for (mode_t bit = 1; bit <= 040; bit *= 2) {
		ck_assert_int_eq(chmod(path, 0700 | bit), 0);
		t_assert_err(try_dir(MOOR__LOCAL), MOOR_EACCES);
	}
	ck_assert_int_eq(rmdir(path), 0);
	/* A link to a directory that would do. */
	ck_assert_int_eq(symlink(t_dir(), path), 0);
	t_assert_err(try_dir(MOOR__LOCAL), MOOR_EACCES);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
	t_assert_err(try_dir(MOOR__LOCAL), MOOR_EACCES);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(test_dir_of_another_user)
{
	char path[128];

	if (geteuid() != 0)
		t_skip("MOORING_DIR of another user", "needs root");
	snprintf(path, sizeof path, "%s/foreign", t_dir());
	mkdir(path, 0700);
	setenv("MOORING_DIR", path, 1);
	t_assert_err(try_dir(MOOR__LOCAL), 0);
	ck_assert_int_eq(chown(path, 65534, 65534), 0);
	both_refuse();
	ck_assert_int_eq(chmod(path, 01777), 0); /* its owner may still do as it likes there */
	both_refuse();
}
END_TEST

START_TEST(test_dir_is_shared_while_in_use)
{
	struct moor__os_dir *a, *b, *c;

	t_assert_err(moor__os_dir_open(MOOR__LOCAL, true, &a), 0);
	t_assert_err(moor__os_dir_open(MOOR__LOCAL, true, &b), 0);
	t_assert_err(moor__os_dir_open(MOOR__GLOBAL, true, &c), 0);
	ck_assert_ptr_eq(a, b);
	ck_assert_ptr_ne(a, c);
	moor__os_dir_close(a);
	moor__os_dir_close(c);
	moor__os_dir_close(b);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("os");
	TCase *tc = tcase_create("os");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_sleep_returns_at_once_when_the_word_differs);
	tcase_add_test(tc, test_sleep_times_out_not_early);
	tcase_add_test(tc, test_sleep_ends_when_woken);
	tcase_add_test(tc, test_sleep_ends_when_woken_by_another_process);
	tcase_add_test(tc, test_wake_keeps_errno_and_wakes_nobody);
	tcase_add_test(tc, test_interrupt_before_sleeping_counts);
	tcase_add_loop_test(tc, test_sleep_ends_by_a_signal_handler, 0, 2);
	tcase_add_loop_test(tc, test_pause_ends_by_a_signal_handler, 0, 2);
	tcase_add_loop_test(tc, test_interrupt_from_a_handler_of_the_sleeping_thread, 0, 2);
	tcase_add_test(tc, test_interrupt_from_another_thread);
	tcase_add_test(tc, test_clocks_go_forward);
	tcase_add_test(tc, test_memory_that_a_fork_wipes);
	tcase_add_test(tc, test_lock_two_opens_in_one_process_are_two_holders);
	tcase_add_test(tc, test_lock_shared_beside_shared);
	tcase_add_test(tc, test_lock_through_a_read_only_descriptor);
	tcase_add_test(tc, test_lock_dropped_by_the_kernel_when_its_holder_is_killed);
	tcase_add_test(tc, test_allocate_more_than_there_is);
	tcase_add_test(tc, test_read_and_write_at_an_offset);
	tcase_add_loop_test(tc, test_map_at_any_offset, 0, 2);
	tcase_add_loop_test(tc, test_stage_publish_discard, 0, 2);
	tcase_add_test(tc, test_sweep_of_staged_files_spares_the_living);
	tcase_add_test(tc, test_list_visits_each_once_from_wherever_it_begins);
	tcase_add_test(tc, test_dir_missing_or_not_a_directory);
	tcase_add_test(tc, test_dir_that_others_may_write);
	tcase_add_loop_test(tc, test_dir_of_local_names_is_private, 0, 2);
	tcase_add_test(tc, test_dir_of_another_user);
	tcase_add_test(tc, test_dir_is_shared_while_in_use);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
