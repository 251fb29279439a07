/* SPDX-License-Identifier: Apache-2.0 */
/*
 * testing.h - what the test programs share: a place of their own for names, other processes, and death at a labelled
 * point. Each test program is `int main` = t_main(suite). Check forks each test, so that one that crashes fails alone.
 */
#ifndef MOOR_TESTS_LIB_TESTING_H
#define MOOR_TESTS_LIB_TESTING_H

#include <check.h>
#include <mooring.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * Runs the suite with MOORING_DIR set to a fresh private directory (t_dir()), removed at the end. Returns what main
 * returns. Tests of one program run one after the other, each in a process of its own.
 */
int t_main(Suite *suite);
const char *t_dir(void);
/* How many entries lie where Local\ names live, "." and ".." not counted. */
int t_local_entries(void);

/* Ends the test, counted as skipped, because `reason` (no root, no second user, ...). */
void t_skip(const char *test_case, const char *reason);

/* Compares results by name in the message. (A ck_assert that holds costs a system call; this costs nothing.) */
#define t_assert_err(call, expected)                                                                                   \
	do {                                                                                                           \
		const int got_ = (call);                                                                               \
		if (got_ != (expected))                                                                                \
			ck_abort_msg("%s: %s, expected %s", #call, moor_err_name(got_), moor_err_name(expected));      \
	} while (0)
#define t_assert(condition)                                                                                            \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			ck_abort_msg("%s", #condition);                                                                \
	} while (0)

/* Whether a sanitizer that maps memory of its own, and follows threads, is in the program. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define T_SANITIZER 1
#elif defined(__has_feature)
#define T_SANITIZER (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define T_SANITIZER 0
#endif

/* fn runs in a child, which ends with what it returns (0: well). A failed ck_assert in a child also fails the test. */
pid_t t_spawn(int (*fn)(void *arg), void *arg);
/* Waits for the end, generously bounded; the exit code, or 128 + the signal that ended it. */
int t_wait(pid_t pid);
void t_kill(pid_t pid); /* SIGKILL, and waits */

/* A barrier between processes: made before they are spawned. */
struct t_gate;
struct t_gate *t_gate_new(void);
void t_gate_open(struct t_gate *gate, int count); /* lets `count` through */
void t_gate_pass(struct t_gate *gate);            /* waits to be let through */

/* Memory shared with the children, zeroed. */
void *t_shared(size_t len);

/* This process dies by SIGKILL when it comes to the label for the nth time from now (1: the first). */
void t_die_at(const char *label, unsigned nth);
/* Counts how often each label is passed, to know what there is to die at; fn is called for each when it is done. */
void t_count_labels(void);
void t_each_label(void (*fn)(const char *label, unsigned times, void *arg), void *arg);

int64_t t_now(void);    /* monotonic nanoseconds */
void t_sleep_ms(int ms);
uint64_t t_random(uint64_t *state); /* repeatable: state is the seed */

#endif
