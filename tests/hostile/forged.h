/* SPDX-License-Identifier: Apache-2.0 */
/* forged.h - links for the tests of this folder: with what each side may write at hand. */
#ifndef MOOR_TESTS_HOSTILE_FORGED_H
#define MOOR_TESTS_HOSTILE_FORGED_H

#include "tests/lib/testing.h"

#include "link/link.h"

#include <string.h>

#define T_SECOND ((int64_t)1000000000)
#define T_LONG (60 * T_SECOND) /* what takes longer hangs */
#define T_CAPACITY 4096u
#define T_UNITS (T_CAPACITY / MOOR_ABI_UNIT)
#define T_MAX 2040u

static inline moor_link *t_host(void)
{
	moor_link *host;

	t_assert_err(moor_link_create(&MOOR_LINK_OPTS(.capacity = T_CAPACITY, .max_message = T_MAX), &host), 0);
	return host;
}

static inline int t_worker_end(moor_link *host)
{
	int fd;

	t_assert_err(moor_link_worker_fd(host, &fd), 0);
	return fd;
}

/* Both sides in this process; the host has heard of the worker. */
static inline void t_join(moor_link **ret_host, moor_link **ret_worker)
{
	char buf[8];
	size_t len;

	*ret_host = t_host();
	t_assert_err(moor_link_attach(t_worker_end(*ret_host), NULL, ret_worker), 0);
	t_assert_err(moor_rx_recv(moor_link_rx(*ret_host), buf, sizeof buf, &len, MOOR_NOWAIT), MOOR_EAGAIN);
}

static inline unsigned char *t_data(moor_link *link) { return (unsigned char *)(link->my + 1); }
static inline uint32_t *t_word(moor_link *link, uint64_t at)
{
	return (uint32_t *)(void *)(t_data(link) + (at & (T_CAPACITY - 1)));
}
/* How much of a link's memory its side may write. */
static inline size_t t_size(const moor_link *link) { return (size_t)link->geometry.total_size; }

static inline int t_recv(moor_link *link, int64_t timeout_ns)
{
	char buf[T_CAPACITY];
	size_t len;

	return moor_rx_recv(moor_link_rx(link), buf, sizeof buf, &len, timeout_ns);
}

static inline int t_send(moor_link *link, size_t len, int64_t timeout_ns)
{
	static const char buf[T_CAPACITY];

	return moor_tx_send(moor_link_tx(link), buf, len, timeout_ns);
}

/* For good, and in both directions. */
static inline void t_assert_corrupt(moor_link *link)
{
	moor_tx *tx = moor_link_tx(link);
	moor_rx *rx = moor_link_rx(link);
	struct moor_msg msg;
	void *room;

	for (int i = 0; i < 2; i++) {
		t_assert_err(t_recv(link, MOOR_NOWAIT), MOOR_ECORRUPT);
		t_assert_err(t_recv(link, MOOR_FOREVER), MOOR_ECORRUPT);
		t_assert_err(moor_rx_peek(rx, &msg), MOOR_ECORRUPT);
		t_assert_err(moor_rx_wait(rx, MOOR_FOREVER), MOOR_ECORRUPT);
		t_assert_err(moor_rx_rewind(rx), MOOR_ECORRUPT);
		t_assert_err(t_send(link, 1, MOOR_NOWAIT), MOOR_ECORRUPT);
		t_assert_err(t_send(link, 0, MOOR_FOREVER), MOOR_ECORRUPT);
		t_assert_err(moor_tx_reserve(tx, 8, &room), MOOR_ECORRUPT);
		t_assert_err(moor_tx_commit(tx, 0), MOOR_ECORRUPT);
		t_assert_err(moor_tx_wait(tx, 8, MOOR_FOREVER), MOOR_ECORRUPT);
		t_assert_err(moor_tx_drain(tx, MOOR_FOREVER), MOOR_ECORRUPT);
		moor_rx_release(rx);
		moor_tx_cancel(tx);
	}
}

#endif
