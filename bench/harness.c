/* SPDX-License-Identifier: Apache-2.0 */
/*
 * harness.c - the processes, the processors, the barrier and the clock of every measurement.
 */
#include "harness.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
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
		fprintf(stderr, "moorbench: %zu bytes of shared memory: %s\n", size, strerror(errno));
		return NULL;
	}
	memset(memory, 0, size);
	return memory;
}

void bench_memory_free(void *memory, size_t size)
{
	munmap(memory, size);
}

void bench_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("moorbench: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	_exit(1);
}

void bench_barrier(const struct bench_run *run)
{
	uint32_t *arrived = &run->shared->arrived;

	__atomic_add_fetch(arrived, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(arrived, __ATOMIC_ACQUIRE) < 2)
		sched_yield();
}

static pid_t start_side(const struct bench_peer *peer, struct bench_run *run, int processor)
{
	const pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid;
	/* A killed benchmark leaves nobody spinning. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(1);
	if (processor >= 0) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(processor, &set);
		if (sched_setaffinity(0, sizeof set, &set))
			bench_die("to processor %d: %s", processor, strerror(errno));
	}
	peer->run[run->thing](run);
	_exit(0);
}

/* Waits for one of them to end: its index, or -1 if none does. */
static int wait_one(pid_t pids[2], int *ret_status, const sigset_t *child)
{
	const struct timespec limit = {.tv_sec = HANG_S};

	for (;;) {
		for (int i = 0; i < 2; i++) {
			if (pids[i] > 0 && waitpid(pids[i], ret_status, WNOHANG) == pids[i])
				return i;
		}
		if (sigtimedwait(child, NULL, &limit) < 0 && errno == EAGAIN)
			return -1;
	}
}

bool bench_run_pair(const struct bench_peer *peer, struct bench_run *run, struct bench_processors processors)
{
	sigset_t child, before;
	pid_t pids[2] = {0, 0};
	bool good = true;

	run->shared->arrived = 0;
	run->shared->stream_ticks = 0;
	fflush(NULL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &before); /* pending until waited for */
	for (int i = 0; i < 2 && good; i++) {
		run->side = i == 0 ? BENCH_NEAR : BENCH_FAR;
		pids[i] = start_side(peer, run, processors.second < 0 || i == 0 ? processors.first : processors.second);
		if (pids[i] < 0) {
			fprintf(stderr, "moorbench: fork: %s\n", strerror(errno));
			good = false;
		}
	}
	for (int left = 2; left && good; left--) {
		int status = 0;
		const int i = wait_one(pids, &status, &child);

		if (i >= 0)
			pids[i] = 0;
		if (i < 0)
			fprintf(stderr, "moorbench: %s, %zu bytes: no end in %d s\n", peer->name, run->size, HANG_S);
		else if (WIFSIGNALED(status))
			fprintf(stderr, "moorbench: %s, %zu bytes: %s\n", peer->name, run->size, strsignal(WTERMSIG(status)));
		good = i >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	}
	for (int i = 0; i < 2; i++) {
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
