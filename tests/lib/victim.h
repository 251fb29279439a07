/* SPDX-License-Identifier: Apache-2.0 */
/*
 * victim.h - a child that is killed at a label of what it does with a channel, and the account of what it has done for
 * certain, outside the ring. For one program: its state is the file's.
 */
#ifndef MOOR_TESTS_LIB_VICTIM_H
#define MOOR_TESTS_LIB_VICTIM_H

#include "tests/lib/ring.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#define LABELS 40

/* Shared with the children. */
static struct account {
	uint64_t sent;        /* the message in flight has been committed for certain */
	uint64_t released;    /* so many for certain */
	uint64_t may_release; /* at most so many */
	int failed;           /* a child's call did not return what it must */
	struct {
		char label[40];
		unsigned times;
	} labels[LABELS];
	unsigned label_count;
} *account;

static char name[32]; /* of the channel */

static struct moor_channel_info look(void)
{
	struct moor_channel_info info = {.struct_size = sizeof info};

	t_assert_err(moor_channel_stat(name, &info), 0);
	return info;
}

/* ---- in the child ---- */

static const char *die_label; /* NULL: it counts its labels instead */
static unsigned die_nth;

static void arm(void)
{
	if (die_label)
		t_die_at(die_label, die_nth);
	else
		t_count_labels();
}

static void note_label(const char *label, unsigned times, void *arg)
{
	(void)arg;
	/* How often it sleeps is the scheduler's: that it does so once is the test's. */
	if (times > 1 && strncmp(label, "wait: ", 6) == 0)
		times = 1;
	snprintf(account->labels[account->label_count].label, sizeof account->labels[0].label, "%s", label);
	account->labels[account->label_count++].times = times;
}

static void must(int got, int expected, const char *what)
{
	if (got != expected) {
		fprintf(stderr, "%s: %s\n", what, moor_err_name(got));
		account->failed = 1;
		_exit(3);
	}
}

/* Peeks so many, and releases them at once. */
static void peek_and_release(moor_rx *rx, unsigned count)
{
	struct moor_msg msg;

	for (unsigned i = 0; i < count; i++)
		must(moor_rx_peek(rx, &msg), 0, "peek");
	account->may_release = count;
	moor_rx_release(rx);
	account->released = count;
}

static void receive_two(moor_rx *rx)
{
	static unsigned char buf[T_MAX];
	size_t len;

	for (unsigned i = 1; i <= 2; i++) {
		account->may_release = i;
		must(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_FOREVER), 0, "recv");
		account->released = i;
	}
}

/* ---- in the parent ---- */

/* The child sleeps, or is about to, or is dead. */
static void until_asleep(pid_t pid, uint64_t waits)
{
	const int64_t start = t_now();
	siginfo_t info = {0};

	while (look().waits == waits && t_now() - start < (int64_t)60 * 1000000000) {
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid)
			return;
		usleep(100);
	}
}

#endif
