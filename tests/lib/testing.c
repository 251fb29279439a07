/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/testing.h"

#include "base/crash.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A child that has not ended after this long hangs. Far beyond what a loaded machine needs. */
#define HUNG_NS ((int64_t)120 * 1000000000)

static char dir[64];

const char *t_dir(void)
{
	return dir;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int t_main(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	strcpy(dir, "/dev/shm/mooring-test-XXXXXX");
	if (!mkdtemp(dir)) {
		perror("mkdtemp");
		return 99;
	}
	setenv("MOORING_DIR", dir, 1);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return failed ? 1 : 0;
}

int t_local_entries(void)
{
	char path[128];
	struct dirent *entry;
	DIR *stream;
	int count = 0;

	snprintf(path, sizeof path, "%s/mooring-%lu", dir, (unsigned long)geteuid());
	stream = opendir(path);
	if (!stream)
		return 0;
	while ((entry = readdir(stream)))
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(stream);
	return count;
}

void t_skip(const char *test_case, const char *reason)
{
	printf("skipped: %s: %s\n", test_case, reason);
	fflush(stdout);
	exit(0);
}

pid_t t_spawn(int (*fn)(void *arg), void *arg)
{
	const pid_t parent = getpid();
	pid_t pid;

	fflush(stdout);
	fflush(stderr);
	pid = fork();
	if (pid < 0) /* no ck_assert: the child would write to Check's file, too, and may be killed in the middle of it */
		ck_abort_msg("fork failed");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		_exit(fn(arg));
	}
	return pid;
}

int t_wait(pid_t pid)
{
	const int64_t start = t_now();
	int status;
	pid_t got;

	while ((got = waitpid(pid, &status, WNOHANG)) == 0) {
		if (t_now() - start > HUNG_NS) {
			t_kill(pid);
			ck_abort_msg("a child hangs");
		}
		t_sleep_ms(1);
	}
	ck_assert_int_eq(got, pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void t_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

struct t_gate {
	sem_t sem;
};

struct t_gate *t_gate_new(void)
{
	struct t_gate *gate = t_shared(sizeof *gate);

	sem_init(&gate->sem, 1, 0);
	return gate;
}

void t_gate_open(struct t_gate *gate, int count)
{
	while (count--)
		sem_post(&gate->sem);
}

void t_gate_pass(struct t_gate *gate)
{
	while (sem_wait(&gate->sem) != 0)
		;
}

void *t_shared(size_t len)
{
	void *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert(mem != MAP_FAILED);
	return mem;
}

#define LABELS 64
static struct {
	const char *label;
	unsigned times;
} seen[LABELS];

static const char *die_label;
static unsigned die_countdown;

static void die_hook(const char *label)
{
	if (strcmp(label, die_label) == 0 && --die_countdown == 0)
		kill(getpid(), SIGKILL);
}

static void count_hook(const char *label)
{
	for (size_t i = 0; i < LABELS; i++) {
		if (!seen[i].label)
			seen[i].label = label;
		if (strcmp(seen[i].label, label) == 0) {
			seen[i].times++;
			return;
		}
	}
	abort();
}

void t_die_at(const char *label, unsigned nth)
{
	die_label = label;
	die_countdown = nth;
	moor__crash_hook = die_hook;
}

void t_count_labels(void)
{
	memset(seen, 0, sizeof seen);
	moor__crash_hook = count_hook;
}

void t_each_label(void (*fn)(const char *label, unsigned times, void *arg), void *arg)
{
	moor__crash_hook = NULL;
	for (size_t i = 0; i < LABELS && seen[i].label; i++)
		fn(seen[i].label, seen[i].times, arg);
}

int64_t t_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void t_sleep_ms(int ms)
{
	const struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};

	nanosleep(&ts, NULL);
}

uint64_t t_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}
