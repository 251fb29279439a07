/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_named_lies.c - H19 on named objects: somebody who may open one writes the same lie into one word of it, over and
 * over, as fast as can be. A call that does not wait, or has a time-out, comes back all the same.
 */
#include "tests/lib/ring.h"

#include "base/atomic.h"
#include "base/crash.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define MS ((int64_t)1000000)
#define NAME "lies"
#define DEAD_SLOT 700u

/* The lies that are told in turn. */
struct liar {
	uint64_t *word;
	uint64_t lies[2];
	uint32_t stop;
	pthread_t thread;
	unsigned char *mem;
	size_t len;
};

static void *lie(void *arg)
{
	struct liar *liar = arg;

	while (!moor__load_32(&liar->stop)) {
		moor__store_64(liar->word, liar->lies[0]);
		moor__store_64(liar->word, liar->lies[1]);
	}
	return NULL;
}

/* The word at `offset` of the name's file, `len` bytes of which are mapped. */
static void map_file(struct liar *liar, size_t offset, size_t len)
{
	char path[256];
	void *mem;
	int fd;

	snprintf(path, sizeof path, "%s/mooring-%lu/mooring." NAME, t_dir(), (unsigned long)geteuid());
	fd = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(mem, MAP_FAILED);
	close(fd);
	*liar = (struct liar){.mem = mem, .len = len};
	liar->word = (uint64_t *)(void *)(liar->mem + offset);
}

static void start(struct liar *liar, size_t offset, size_t len, uint64_t one, uint64_t other)
{
	map_file(liar, offset, len);
	liar->lies[0] = one;
	liar->lies[1] = other;
	ck_assert_int_eq(pthread_create(&liar->thread, NULL, lie, liar), 0);
}

static void stop(struct liar *liar)
{
	moor__store_32(&liar->stop, 1);
	pthread_join(liar->thread, NULL);
	munmap(liar->mem, liar->len);
}

/*
 * The same at the worst instant: each time that a dead owner has been taken note of, the word names the next dead one.
 * That must not go on for ever within one call.
 */
static struct {
	uint64_t *word;
	uint64_t lie; /* its bits but those of the slot */
	unsigned shift, count;
} teller;

static void tell(const char *label)
{
	if (strcmp(label, "mutex: let go") != 0 && strcmp(label, "sem: settled") != 0)
		return;
	if (++teller.count > 100000)
		ck_abort_msg("the call goes on as long as the lies do");
	moor__store_64(teller.word, teller.lie | (uint64_t)(DEAD_SLOT + teller.count % 100) << teller.shift);
}

static void begin_to_tell(struct liar *liar, uint64_t lie, unsigned shift)
{
	map_file(liar, MOOR_ABI_SYNC_OFFSET, MOOR_ABI_SYNC_SIZE);
	teller.word = liar->word;
	teller.lie = lie;
	teller.shift = shift;
	moor__crash_hook = tell;
}

static void tell_once(void)
{
	teller.count = 0;
	tell("mutex: let go");
}

START_TEST(test_H19_mutex_of_the_dead)
{
	struct moor_waitable waitable;
	struct liar liar;
	moor_mutex *mutex;
	size_t index;

	t_assert_err(moor_mutex_create(NAME, NULL, &mutex), 0);
	waitable = moor_mutex_waitable(mutex);
	begin_to_tell(&liar, 0, 0);
	for (int i = 0; i < 6; i++) {
		const int64_t timeout_ns = i % 2 ? MOOR_NOWAIT : 5 * MS;
		int err;

		tell_once();
		err = i / 2 == 0   ? moor_wait_any(&waitable, 1, timeout_ns, &index)
		      : i / 2 == 1 ? moor_wait_all(&waitable, 1, timeout_ns)
		                   : moor_mutex_lock(mutex, timeout_ns);
		t_assert_err(err, timeout_ns ? MOOR_ETIMEDOUT : MOOR_EAGAIN);
		t_assert(teller.count > 1);
	}
	moor__crash_hook = NULL;
	munmap(liar.mem, liar.len);
	moor_mutex_close(mutex);
}
END_TEST

START_TEST(test_H19_semaphore_on_trial)
{
	struct moor_waitable twice[2];
	struct liar liar;
	moor_sem *sem;

	t_assert_err(moor_sem_create(NAME, 2, 6, NULL, &sem), 0);
	twice[0] = twice[1] = moor_sem_waitable(sem);
	begin_to_tell(&liar, (uint64_t)3 << 42 | 4, 32); /* 4 tokens, 3 on trial */
	tell_once();
	t_assert_err(moor_wait_all(twice, 2, MOOR_NOWAIT), MOOR_EAGAIN);
	t_assert(teller.count > 1);
	tell_once();
	t_assert_err(moor_wait_all(twice, 2, 5 * MS), MOOR_ETIMEDOUT);
	tell_once();
	t_assert_err(moor_sem_post(sem, 2, NULL), MOOR_EOVERFLOW);
	t_assert(teller.count > 1);
	moor__crash_hook = NULL;
	munmap(liar.mem, liar.len);
	moor_sem_close(sem);
}
END_TEST

START_TEST(test_H19_event_that_comes_and_goes)
{
	struct moor_waitable waitable;
	struct liar liar;
	moor_event *event;

	t_assert_err(moor_event_create(NAME, _i ? MOOR_MANUAL_RESET : 0, NULL, &event), 0);
	waitable = moor_event_waitable(event);
	start(&liar, MOOR_ABI_SYNC_OFFSET, MOOR_ABI_SYNC_SIZE, 0xfff, 0x80000000u);
	for (int i = 0; i < 100; i++) {
		const int64_t timeout_ns = i % 10 ? MOOR_NOWAIT : 5 * MS;
		int err = i % 2 ? moor_event_wait(event, timeout_ns) : moor_wait_all(&waitable, 1, timeout_ns);

		t_assert(err == 0 || err == MOOR_EAGAIN || err == MOOR_ETIMEDOUT);
		t_assert_err(moor_event_set(event), 0);
		t_assert_err(moor_event_reset(event), 0);
	}
	stop(&liar);
	moor_event_close(event);
}
END_TEST

/* The header of the next record: there, and not there. */
START_TEST(test_H19_message_that_comes_and_goes)
{
	static const uint64_t words[] = {MOOR_ABI_WORD_MESSAGE, MOOR_ABI_WORD_PAD | (uint64_t)256 << 32, 4711,
	                                 MOOR_ABI_WORD_END | 1};
	const struct moor_channel_opts opts = MOOR_CHANNEL_OPTS(.capacity = 4096);
	moor_tx *tx;

	t_assert_err(moor_tx_open(NAME, &opts, &tx), MOOR_CREATED);
	for (int i = 0; i < 60; i++) {
		const uint64_t word = words[(unsigned)i % 4];
		struct moor_waitable waitable;
		size_t index, len;
		struct liar liar;
		char buf[64];
		moor_rx *rx;
		int err = moor_rx_open(NAME, &opts, &rx);

		t_assert(err == 0 || err == MOOR_ECORRUPT);
		if (err)
			break; /* it has come so far that what the last liar left is in the way */
		waitable = moor_rx_waitable(rx);
		start(&liar, 4096, 8192, word, 0);
		for (int n = 0; n < 3; n++) {
			err = n == 0   ? moor_rx_recv(rx, buf, sizeof buf, &len, 2 * MS)
			      : n == 1 ? moor_rx_wait(rx, 2 * MS)
			               : moor_wait_any(&waitable, 1, 2 * MS, &index);
			t_assert(err == 0 || err == MOOR_ETIMEDOUT || err == MOOR_ECORRUPT);
		}
		stop(&liar);
		moor_rx_close(rx);
	}
	moor_tx_close(tx);
}
END_TEST

/* What the consumer has released: forth and back. */
START_TEST(test_H19_room_that_comes_and_goes)
{
	const size_t offset = MOOR_ABI_RING_SLOTS_OFFSET + offsetof(struct moor_abi_consumer, released);
	const struct moor_channel_opts opts = MOOR_CHANNEL_OPTS(.capacity = 4096);
	static const char content[512];

	for (int i = 0; i < 20; i++) {
		struct liar liar;
		moor_tx *tx;
		int err;

		t_assert_err(moor_tx_open(NAME, &opts, &tx), MOOR_CREATED);
		while (moor_tx_send(tx, content, 500, MOOR_NOWAIT) == 0)
			continue;
		start(&liar, offset, 4096, (uint64_t)(i % 5) * 512, i % 2 ? 0 : 17);
		for (int n = 0; n < 3; n++) {
			err = n == 0   ? moor_tx_send(tx, content, 500, 2 * MS)
			      : n == 1 ? moor_tx_wait(tx, 500, 2 * MS)
			               : moor_tx_drain(tx, 2 * MS);
			t_assert(err == 0 || err == MOOR_ETIMEDOUT || err == MOOR_ECORRUPT);
		}
		stop(&liar);
		moor_tx_close(tx);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("named objects, lies");
	TCase *tc = tcase_create("lies");

	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, test_H19_mutex_of_the_dead);
	tcase_add_test(tc, test_H19_semaphore_on_trial);
	tcase_add_loop_test(tc, test_H19_event_that_comes_and_goes, 0, 2);
	tcase_add_test(tc, test_H19_message_that_comes_and_goes);
	tcase_add_test(tc, test_H19_room_that_comes_and_goes);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
