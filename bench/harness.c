/* SPDX-License-Identifier: Apache-2.0 */
/*
 * harness.c - the processes, the processors, the barrier and the clock of every measurement.
 */
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Longer than this no run takes, by far: somebody waits for what never comes. */
#define HANG_S 60

static double ns_per_tick = 1;

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void bench_clock_start(void)
{
	const uint64_t ns = monotonic_ns(), ticks = bench_ticks();

	while (monotonic_ns() - ns < 50000000)
		;
	ns_per_tick = (double)(monotonic_ns() - ns) / (double)(bench_ticks() - ticks);
}

double bench_ticks_ns(double ticks)
{
	return ticks * ns_per_tick;
}

uint64_t bench_ns_ticks(double ns)
{
	return (uint64_t)(ns / ns_per_tick);
}

/* Whether the system says that they are hyper-threads of one core; a virtual machine's may not know. */
static bool siblings(int a, int b)
{
	char path[128], line[256] = "";
	FILE *f;

	snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", a);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(line, sizeof line, f))
		line[0] = '\0';
	fclose(f);
	for (char *at = line; *at >= '0' && *at <= '9';) {
		const long from = strtol(at, &at, 10), to = *at == '-' ? strtol(at + 1, &at, 10) : from;

		if (from <= b && b <= to)
			return true;
		at += *at == ',';
	}
	return false;
}

struct bench_processors bench_processors_find(void)
{
	struct bench_processors found = {-1, -1};
	int sibling = -1;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set))
		CPU_ZERO(&set);
	for (int i = 0; i < CPU_SETSIZE && found.second < 0; i++) {
		if (!CPU_ISSET(i, &set))
			continue;
		if (found.first < 0)
			found.first = i;
		else if (!siblings(found.first, i))
			found.second = i;
		else if (sibling < 0)
			sibling = i;
	}
	if (found.second < 0)
		found.second = sibling;
	return found;
}

void *bench_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		fprintf(stderr, "mooring-bench: %zu bytes of shared memory: %s\n", size, strerror(errno));
		return NULL;
	}
	memset(memory, 0, size);
	return memory;
}

void bench_memory_free(void *memory, size_t size)
{
	munmap(memory, size);
}

void bench_no_memory(void)
{
	fputs("mooring-bench: out of memory\n", stderr);
	exit(1);
}

/* Of this process's run, once there is one. */
static struct bench_shared *running;

static void say_why(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
static void say_why(const char *format, va_list args)
{
	uint32_t nobody = 0;

	if (!running) {
		fputs("mooring-bench: ", stderr);
		vfprintf(stderr, format, args);
		fputc('\n', stderr);
		return;
	}
	if (__atomic_load_n(&running->cut, __ATOMIC_ACQUIRE))
		_exit(0);
	/* The first is the cause; what the others then see is its consequence. */
	if (__atomic_compare_exchange_n(&running->said, &nobody, 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		vsnprintf(running->why, sizeof running->why, format, args);
}

void bench_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_why(format, args);
	va_end(args);
	_exit(1);
}

void bench_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_why(format, args);
	va_end(args);
	if (running)
		running->skipped = 1;
	_exit(1);
}

static unsigned processes(const struct bench_run *run)
{
	return run->thing == BENCH_LOOP ? 1 : run->producers + 1;
}

void bench_barrier(const struct bench_run *run)
{
	static uint32_t awaited; /* of this process, which is forked for the run */
	uint32_t *arrived = &run->shared->arrived;

	awaited += processes(run);
	__atomic_add_fetch(arrived, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(arrived, __ATOMIC_ACQUIRE) < awaited)
		sched_yield();
}

void bench_sleep_ns(long ns)
{
	struct timespec left = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

/* The number after `key` in a file of /proc. */
static bool proc_number(const char *path, const char *key, uint64_t *ret_number)
{
	char line[256];
	bool found = false;
	FILE *f = fopen(path, "re");

	while (f && !found && fgets(line, sizeof line, f)) {
		found = strncmp(line, key, strlen(key)) == 0;
		if (found)
			*ret_number = strtoull(line + strlen(key), NULL, 10);
	}
	if (f)
		fclose(f);
	return found;
}

uint64_t bench_switches(int pid)
{
	char path[64], status[400];
	uint64_t total = 0, one;
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		bench_skip("%s: %s", path, strerror(errno));
	while ((entry = readdir(dir))) {
		snprintf(status, sizeof status, "%s/%s/status", path, entry->d_name);
		if (entry->d_name[0] != '.' && proc_number(status, "voluntary_ctxt_switches:", &one))
			total += one;
	}
	closedir(dir);
	return total;
}

uint64_t bench_memory_of(int pid)
{
	char path[64];
	uint64_t kib;

	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
	if (!proc_number(path, "Pss:", &kib))
		bench_skip("%s cannot be read", path);
	return kib * 1024;
}

/* Processes of a run are children of who makes and removes their names. */
static long family(void)
{
	return (long)(running ? getppid() : getpid());
}

void bench_name(char *buffer, size_t size, const char *prefix, const char *suffix)
{
	snprintf(buffer, size, "%s%ld%s", prefix, family(), suffix);
}

static char directory[64];

const char *bench_directory(void)
{
	if (!directory[0]) {
		strcpy(directory, "/tmp/mooring-bench.XXXXXX");
		if (!mkdtemp(directory)) {
			fprintf(stderr, "mooring-bench: %s: %s\n", directory, strerror(errno));
			directory[0] = '\0';
			return NULL;
		}
	}
	return directory;
}

void bench_directory_remove(void)
{
	char path[400];
	struct dirent *entry;
	DIR *dir = directory[0] ? opendir(directory) : NULL;

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
		if (entry->d_name[0] != '.')
			unlink(path);
	}
	if (dir)
		closedir(dir);
	if (directory[0])
		rmdir(directory);
	directory[0] = '\0';
}

static pid_t start_side(const struct bench_peer *peer, struct bench_run *run, int processor)
{
	const pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid;
	/* A killed benchmark leaves nobody spinning. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(1);
	running = run->shared;
	signal(SIGPIPE, SIG_IGN);
	if (processor >= 0) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(processor, &set);
		if (sched_setaffinity(0, sizeof set, &set))
			bench_die("to processor %d: %s", processor, strerror(errno));
	}
	*(run->side == BENCH_NEAR ? &run->shared->near_pid : &run->shared->far_pid) = getpid();
	peer->run(run);
	_exit(0);
}

/* Waits for one of them to end: its index, or -1 if none does. */
static int wait_one(const pid_t *pids, int n, int *ret_status, const sigset_t *child)
{
	const struct timespec limit = {.tv_sec = HANG_S};

	for (;;) {
		for (int i = 0; i < n; i++) {
			if (pids[i] > 0 && waitpid(pids[i], ret_status, WNOHANG) == pids[i])
				return i;
		}
		if (sigtimedwait(child, NULL, &limit) < 0 && errno == EAGAIN)
			return -1;
	}
}

static void failed(struct bench_shared *shared, const char *why, const char *more)
{
	if (!shared->why[0])
		snprintf(shared->why, sizeof shared->why, "%s%s", why, more);
}

/* Until all have ended, or who measured has and the others need not. */
static bool wait_all(pid_t *pids, int n, struct bench_shared *shared, const sigset_t *child)
{
	for (int left = n; left; left--) {
		int status = 0;
		const int i = wait_one(pids, n, &status, child);

		if (i < 0) {
			failed(shared, "no end in a minute", "");
			return false;
		}
		pids[i] = 0;
		if (WIFSIGNALED(status))
			failed(shared, "", strsignal(WTERMSIG(status)));
		else if (WEXITSTATUS(status))
			failed(shared, "it ended with an error", "");
		if (!WIFEXITED(status) || WEXITSTATUS(status))
			return false;
		if (shared->cut)
			return true;
	}
	return true;
}

bool bench_run_all(const struct bench_peer *peer, struct bench_run *run, struct bench_processors processors)
{
	const int n = (int)processes(run);
	pid_t pids[BENCH_PRODUCERS_MAX + 1] = {0};
	sigset_t child, before;
	bool good = true;

	memset(run->shared, 0, offsetof(struct bench_shared, samples));
	run->shared->parent_pid = getpid();
	fflush(NULL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &before); /* pending until waited for */
	for (int i = 0; i < n && good; i++) {
		const bool far = n > 1 && i == n - 1;

		run->side = far ? BENCH_FAR : BENCH_NEAR;
		run->index = (unsigned)i;
		pids[i] = start_side(peer, run,
		                     far && processors.second >= 0 && run->thing != BENCH_SAME ? processors.second
		                                                                               : processors.first);
		if (pids[i] < 0) {
			failed(run->shared, "fork: ", strerror(errno));
			good = false;
		}
	}
	good = good && wait_all(pids, n, run->shared, &child);
	for (int i = 0; i < n; i++) {
		if (pids[i] > 0) {
			kill(pids[i], SIGKILL);
			waitpid(pids[i], NULL, 0);
		}
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return good;
}

static int compare(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void bench_sort(uint32_t *samples, size_t n)
{
	qsort(samples, n, sizeof *samples, compare);
}

uint32_t bench_percentile(const uint32_t *sorted, size_t n, double percent)
{
	const double rank = percent / 100 * (double)n;
	size_t i = (size_t)rank;

	if ((double)i < rank)
		i++;
	return sorted[i ? i - 1 : 0];
}

double bench_median(const uint32_t *sorted, size_t n)
{
	const uint32_t middle = bench_percentile(sorted, n, 50);
	size_t first = n / 2, end;
	double low = middle, high = middle;

	while (sorted[first] > middle)
		first--;
	end = first + 1;
	while (first && sorted[first - 1] == middle)
		first--;
	while (end < n && sorted[end] == middle)
		end++;
	if (first)
		low = (low + sorted[first - 1]) / 2;
	if (end < n)
		high = (high + sorted[end]) / 2;
	return low + (high - low) * ((double)n / 2 - (double)first) / (double)(end - first);
}
