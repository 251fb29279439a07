/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace.h - a child under ptrace, for what a label cannot reach: killed after any one instruction, or with any one system
 * call failing. The child calls t_trace_begin() where that begins and t_trace_end() where it ends.
 */
#ifndef MOOR_TESTS_LIB_TRACE_H
#define MOOR_TESTS_LIB_TRACE_H

#include <stdbool.h>
#include <sys/types.h>

/* In the child. It must have been spawned by one of the functions below. */
void t_trace_begin(void);
void t_trace_end(void);

/* The instructions between two system calls: a run up to any of them goes at full speed to the call before it. */
struct t_path {
	unsigned calls;          /* system calls in all */
	unsigned *steps;         /* calls + 1 numbers: instructions before the first one, between ... after the last */
	unsigned long points;    /* places to be killed at */
};

bool t_trace_works(void); /* may we, and can we? */

/* One run, to see where there is to stop. Free with t_path_free. `ret_end` as t_wait. */
struct t_path t_trace_measure(int (*fn)(void *arg), void *arg, int *ret_end);
void t_path_free(struct t_path *path);
/* Kills the child at the n-th point. Returns as t_wait: 128 + SIGKILL, or what it ended with if it took a shorter way. */
int t_trace_kill(const struct t_path *path, unsigned long n, int (*fn)(void *arg), void *arg);

/*
 * Lets the n-th system call fail with `error` without being made, if the function `may` (of its number) says that it can.
 * *ret_number: the call, -1: it was left alone, -2: there are fewer. Returns as t_wait.
 */
int t_trace_fail(unsigned n, int error, bool (*may)(long number), int (*fn)(void *arg), void *arg, long *ret_number);

#endif
