/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lockbench - mutex and semaphore against what else there is: a robust process-shared pthread mutex, a POSIX named
 * semaphore, flock(2) and, where it was found, boost::interprocess::named_mutex. In one run, the repeats of all of them
 * interleaved in shuffled order.
 *
 *   lockbench [--quick]
 *
 * Uncontended: one process, lock and unlock. Contended: two processes, pinned to two processors, each as fast as it can,
 * with a counter inside, which must be exact in the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <mooring.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lockbench.h"

#define REPEATS 31

struct shared {
	pthread_mutex_t mutex;
	_Alignas(128) uint64_t counter;
	_Alignas(128) uint32_t arrived;
};
static struct shared *shared;
static char names[64];

static void check(bool well, const char *what)
{
	if (well)
		return;
	fprintf(stderr, "lockbench: %s failed: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the locks: opened in each process by itself ---- */

static moor_mutex *mutex;
static moor_sem *semaphore;
static sem_t *posix;
static int file;

static void open_mutex(void) { check(moor_mutex_open(names, NULL, &mutex) == 0, "moor_mutex_open"); }
static void open_semaphore(void)
{
	char text[80];

	snprintf(text, sizeof text, "%s.sem", names);
	check(moor_sem_open(text, NULL, &semaphore) == 0, "moor_sem_open");
}
static void open_nothing(void) {}
static void open_posix(void)
{
	char text[80];

	snprintf(text, sizeof text, "/%s", names);
	posix = sem_open(text, O_CREAT, 0600, 1);
	check(posix != SEM_FAILED, "sem_open");
}
static void open_flock(void)
{
	char text[96];

	snprintf(text, sizeof text, "/dev/shm/%s.flock", names);
	file = open(text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	check(file >= 0, "open");
}
#ifdef BENCH_BOOST
static void open_boost(void) { bench_boost_open(names); }
#endif

/* Each in loops of its own, as programs call them: a call through a pointer would add the same to all, and blur the
 * ratios. A lock that fails ends the process. */
#define LOOPS(lock, take, give)                                                                                        \
	static void lock##_alone(uint64_t n)                                                                           \
	{                                                                                                              \
		while (n--) {                                                                                          \
			if (take)                                                                                      \
				check(false, #take);                                                                   \
			give;                                                                                          \
		}                                                                                                      \
	}                                                                                                              \
	static void lock##_counting(uint64_t n)                                                                        \
	{                                                                                                              \
		while (n--) {                                                                                          \
			if (take)                                                                                      \
				check(false, #take);                                                                   \
			shared->counter++;                                                                             \
			give;                                                                                          \
		}                                                                                                      \
	}
LOOPS(mutex, moor_mutex_lock(mutex, MOOR_FOREVER), moor_mutex_unlock(mutex))
LOOPS(robust, pthread_mutex_lock(&shared->mutex), pthread_mutex_unlock(&shared->mutex))
LOOPS(semaphore, moor_sem_wait(semaphore, MOOR_FOREVER), moor_sem_post(semaphore, 1, NULL))
LOOPS(posix, sem_wait(posix), sem_post(posix))
LOOPS(flock, flock(file, LOCK_EX), flock(file, LOCK_UN))
#ifdef BENCH_BOOST
LOOPS(boost, (bench_boost_lock(), 0), bench_boost_unlock())
#endif

static const struct lock {
	const char *name;
	void (*open)(void), (*alone)(uint64_t n), (*counting)(uint64_t n);
	uint64_t times[2]; /* how often in a repeat: alone, contended */
} locks[] = {
    {"moor_mutex", open_mutex, mutex_alone, mutex_counting, {100000, 100000}},
    {"pthread robust", open_nothing, robust_alone, robust_counting, {100000, 100000}},
    {"moor_sem", open_semaphore, semaphore_alone, semaphore_counting, {100000, 100000}},
    {"POSIX named sem", open_posix, posix_alone, posix_counting, {100000, 100000}},
    {"flock", open_flock, flock_alone, flock_counting, {10000, 5000}},
#ifdef BENCH_BOOST
    {"boost named_mutex", open_boost, boost_alone, boost_counting, {100000, 100000}},
#endif
};
#define LOCKS (sizeof locks / sizeof locks[0])

/* ---- measuring ---- */

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof set, &set); /* without two processors they share one */
}

static double alone(const struct lock *lock, uint64_t count)
{
	double start;

	lock->alone(count / 10);
	start = now();
	lock->alone(count);
	return (now() - start) / (double)count;
}

static void hammer(const struct lock *lock, uint64_t count, int cpu)
{
	pin(cpu);
	lock->open();
	__atomic_fetch_add(&shared->arrived, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&shared->arrived, __ATOMIC_SEQ_CST) < 3)
		sched_yield();
	lock->counting(count);
	_exit(0);
}

static double together(const struct lock *lock, uint64_t count)
{
	double start;
	pid_t pids[2];

	shared->counter = 0;
	shared->arrived = 0;
	for (int i = 0; i < 2; i++) {
		pids[i] = fork();
		check(pids[i] >= 0, "fork");
		if (pids[i] == 0)
			hammer(lock, count, i);
	}
	while (__atomic_load_n(&shared->arrived, __ATOMIC_SEQ_CST) < 2)
		sched_yield();
	start = now();
	__atomic_fetch_add(&shared->arrived, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 2; i++) {
		int status;

		check(waitpid(pids[i], &status, 0) == pids[i] && status == 0, lock->name);
	}
	start = now() - start;
	check(shared->counter == 2 * count, "exclusion");
	return start / (double)(2 * count);
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void prepare(void)
{
	pthread_mutexattr_t attr;
	char text[80];

	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(shared != MAP_FAILED, "mmap");
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&shared->mutex, &attr);
	snprintf(names, sizeof names, "lockbench.%ld", (long)getpid());
	check(moor_mutex_create(names, NULL, &mutex) == 0, "moor_mutex_create");
	snprintf(text, sizeof text, "%s.sem", names);
	check(moor_sem_create(text, 1, 1, NULL, &semaphore) == 0, "moor_sem_create");
	open_posix();
	open_flock();
#ifdef BENCH_BOOST
	open_boost();
#endif
}

static void tidy_up(void)
{
	char text[96];

	snprintf(text, sizeof text, "/%s", names);
	sem_unlink(text);
	snprintf(text, sizeof text, "/dev/shm/%s.flock", names);
	unlink(text);
#ifdef BENCH_BOOST
	bench_boost_remove(names);
#endif
}

int main(int argc, char **argv)
{
	const bool quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
	const int repeats = quick ? 3 : REPEATS;
	static double results[2][LOCKS][REPEATS];
	const double *base;

	if (argc > 1 && !quick) {
		fprintf(stderr, "usage: lockbench [--quick]\n");
		return 2;
	}
	prepare();
	atexit(tidy_up);
	srand(1);
	for (int repeat = 0; repeat < repeats; repeat++) {
		size_t order[LOCKS];

		for (size_t i = 0; i < LOCKS; i++) {
			const size_t at = (size_t)rand() % (i + 1);

			order[i] = order[at];
			order[at] = i;
		}
		for (size_t i = 0; i < LOCKS; i++) {
			const struct lock *lock = &locks[order[i]];

			results[0][order[i]][repeat] = alone(lock, lock->times[0] / (quick ? 4 : 1));
			results[1][order[i]][repeat] = together(lock, lock->times[1] / (quick ? 4 : 1));
		}
	}
	for (int thing = 0; thing < 2; thing++) {
		for (size_t i = 0; i < LOCKS; i++)
			qsort(results[thing][i], (size_t)repeats, sizeof(double), compare);
		printf("%s: ns a lock and unlock, %d repeats\n%-18s %8s %8s %8s  %s\n",
		       thing ? "contended by two processes" : "uncontended", repeats, "", "median", "least", "most",
		       "median to pthread robust, to POSIX named sem");
		base = &results[thing][1][repeats / 2];
		for (size_t i = 0; i < LOCKS; i++) {
			const double *r = results[thing][i];

			printf("%-18s %8.1f %8.1f %8.1f  %.2f  %.2f\n", locks[i].name, r[repeats / 2], r[0], r[repeats - 1],
			       r[repeats / 2] / *base, r[repeats / 2] / results[thing][3][repeats / 2]);
		}
	}
	return 0;
}
