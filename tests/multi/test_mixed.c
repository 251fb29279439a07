/* SPDX-License-Identifier: Apache-2.0 */
/* test_mixed.c - maps, mutexes and rings between processes of 32 and of 64 bits. */
#include "tests/lib/testing.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Made by the Makefile, the second one if there is a compiler for the other word size. */
static const char *const peers[] = {"./mixed_peer", "tests/mixed_peer_other"};

/* Who is on which side. */
static const struct {
	int one, other;
} pairs[] = {{0, 1}, {1, 0}, {1, 1}};
#define PAIRS 3

struct part {
	int peer;
	const char *role, *path;
	int inherited;
};

static int play(void *arg)
{
	const struct part *part = arg;

	if (part->inherited >= 0)
		fcntl(part->inherited, F_SETFD, 0);
	execl(peers[part->peer], peers[part->peer], part->role, part->path, (char *)NULL);
	return 99;
}

static pid_t start(int peer, const char *role, const char *path)
{
	struct part part = {peer, role, path, -1};

	return t_spawn(play, &part);
}

static void needs_both(const char *test_case)
{
	if (access(peers[1], X_OK) != 0)
		t_skip(test_case, "no compiler for the other word size");
}

START_TEST(test_V17_a_counter_never_tears)
{
	static const char *const watchers[] = {"watch", "watch-read-only"};
	pid_t writer, reader;

	needs_both("V17");
	writer = start(pairs[_i / 2].one, "count", NULL);
	reader = start(pairs[_i / 2].other, watchers[_i % 2], NULL);
	ck_assert_int_eq(t_wait(reader), 0);
	ck_assert_int_eq(t_wait(writer), 0);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_M_maps_are_the_same_to_both)
{
	char path[128];
	pid_t maker, user;
	int fd;

	needs_both("M between word sizes");
	snprintf(path, sizeof path, "%s/file", t_dir());
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)6 << 30), 0); /* sparse */
	close(fd);
	maker = start(pairs[_i].one, "make", path);
	user = start(pairs[_i].other, "use", NULL);
	ck_assert_int_eq(t_wait(user), 0);
	ck_assert_int_eq(t_wait(maker), 0);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* A handle that is inherited by another program. */
START_TEST(test_M_a_handle_is_passed_on)
{
	static const char *const names[] = {NULL, "passed"};
	const struct moor_map_opts reserve = MOOR_MAP_OPTS(.flags = MOOR_MAP_RESERVE);
	struct part part = {_i % 2, "adopt", NULL, -1};
	const char *name = names[_i / 2];
	uint64_t value = 0;
	char number[16];
	moor_view *view;
	moor_map *map;

	if (part.peer == 1)
		needs_both("M of handles between word sizes");
	if (name)
		t_assert_err(moor_map_create(name, (uint64_t)6 << 30, &reserve, &map), 0);
	else
		t_assert_err(moor_map_anonymous((uint64_t)6 << 30, &reserve, &map), 0);
	t_assert_err(moor_map_commit(map, 5000), 0);
	t_assert_err(moor_view_map(map, 0, 0x10000, MOOR_READ_WRITE, &view), 0);
	t_assert_err(moor_view_put_u64(view, 4992, 42), 0);
	t_assert_err(moor_map_os_handle(map, &part.inherited), 0);
	snprintf(number, sizeof number, "%d", part.inherited);
	part.path = number;
	ck_assert_int_eq(t_wait(t_spawn(play, &part)), 0);
	ck_assert_uint_eq(moor_map_committed(map), 0x10000);
	t_assert_err(moor_view_extend(view), 0);
	t_assert_err(moor_view_get_u64(view, 0xfff8, &value), 0);
	ck_assert_uint_eq(value, 43);
	moor_view_unmap(view);
	moor_map_close(map);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_M42_a_killed_holder_of_the_other_word_size)
{
	static const char *const holders[] = {"hold", "hold-read-only"};
	moor_map *map;
	pid_t holder;

	needs_both("M42 between word sizes");
	holder = start(1, holders[_i], NULL);
	t_assert_err(moor_map_open_wait("held", NULL, MOOR_FOREVER, &map), 0);
	ck_assert_uint_eq(moor_map_size(map), 100);
	moor_map_close(map);
	t_assert_err(moor_map_create("held", 100, NULL, &map), MOOR_EEXIST);
	t_kill(holder);
	t_assert_err(moor_map_open("held", NULL, &map), MOOR_ENOENT);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_X40_owner_killed_waiter_of_the_other_word_size)
{
	moor_event *owned, *ready;
	moor_mutex *mutex;
	pid_t owner, heir;

	needs_both("X40");
	t_assert_err(moor_mutex_create("both", NULL, &mutex), 0);
	t_assert_err(moor_event_create("owned", 0, NULL, &owned), 0);
	t_assert_err(moor_event_create("ready", 0, NULL, &ready), 0);
	owner = start(_i, "own", NULL);
	t_assert_err(moor_event_wait(owned, MOOR_FOREVER), 0);
	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), MOOR_EAGAIN);
	heir = start(!_i, "inherit", NULL);
	t_assert_err(moor_event_wait(ready, MOOR_FOREVER), 0);
	t_kill(owner);
	ck_assert_int_eq(t_wait(heir), 0);
	t_assert_err(moor_mutex_lock(mutex, MOOR_NOWAIT), 0);
	moor_mutex_close(mutex);
	moor_event_close(owned);
	moor_event_close(ready);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_X40_exclusion_between_word_sizes)
{
	moor_map *map;
	moor_view *view;
	moor_mutex *mutex;
	moor_sem *sem;
	pid_t pids[4];

	needs_both("X40, exclusion");
	t_assert_err(moor_map_create("counter", 8, NULL, &map), 0);
	t_assert_err(moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view), 0);
	t_assert_err(moor_mutex_create("both", NULL, &mutex), 0);
	t_assert_err(moor_sem_create("one", 1, 1, NULL, &sem), 0);
	for (int i = 0; i < 4; i++)
		pids[i] = start(i % 2, "increment", NULL);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(t_wait(pids[i]), 0);
	for (int i = 0; i < 2; i++)
		ck_assert_uint_eq(((const uint32_t *)moor_view_data(view))[i], 4 * (50000 + 1000));
	moor_view_unmap(view);
	moor_map_close(map);
	moor_mutex_close(mutex);
	moor_sem_close(sem);
}
END_TEST

/* _i: of which word size the receiver is */
START_TEST(test_P1_senders_of_both_word_sizes)
{
	static const char *const ids[] = {"0", "1", "2", "3"};
	struct moor_channel_info info = {.struct_size = sizeof info};
	pid_t senders[4], receiver;
	moor_hold *hold;

	needs_both("P1 between word sizes");
	receiver = start(_i, "receive", "4");
	while (moor_channel_stat("ring", &info) != 0 || info.producers != 1)
		t_sleep_ms(1);
	t_assert_err(moor_hold_open("ring", &hold), 0);
	for (int i = 0; i < 4; i++)
		senders[i] = start(i % 2, "send", ids[i]);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(t_wait(senders[i]), 0);
	ck_assert_int_eq(t_wait(receiver), 0);
	t_assert_err(moor_channel_stat("ring", &info), 0);
	ck_assert_uint_eq(info.sent_messages, 4 * 20000);
	ck_assert_uint_eq(info.used, 0);
	ck_assert_uint_eq(info.closed, 5);
	moor_hold_close(hold);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_K2_claim_of_a_dead_one_of_the_other_word_size)
{
	const struct moor_channel_opts opts = MOOR_CHANNEL_OPTS(.capacity = 4096, .max_message = 500, .kind = MOOR_MPSC);
	struct moor_channel_info info = {.struct_size = sizeof info};
	moor_event *reserved;
	char buf[8];
	size_t len;
	moor_tx *tx;
	moor_rx *rx;
	pid_t dies;

	needs_both("K2 between word sizes");
	t_assert_err(moor_rx_open("ring", &opts, &rx), MOOR_CREATED);
	t_assert_err(moor_tx_open("ring", &opts, &tx), 0);
	t_assert_err(moor_event_create("reserved", 0, NULL, &reserved), 0);
	dies = start(1, "reserve", NULL);
	t_assert_err(moor_event_wait(reserved, MOOR_FOREVER), 0);
	t_assert_err(moor_tx_send(tx, "next", 4, MOOR_NOWAIT), 0);
	t_assert_err(moor_rx_wait(rx, 150000000), MOOR_ETIMEDOUT);
	t_kill(dies);
	t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_FOREVER), 0);
	t_assert(len == 4);
	t_assert_err(moor_channel_stat("ring", &info), 0);
	ck_assert_uint_eq(info.skipped, 1);
	moor_event_close(reserved);
	moor_tx_close(tx);
	moor_rx_close(rx);
}
END_TEST

START_TEST(test_a_host_and_a_worker_of_the_other_word_size)
{
	needs_both("links between word sizes");
	ck_assert_int_eq(t_wait(start(pairs[_i].one, "link-host", peers[pairs[_i].other])), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("mixed");
	TCase *tc = tcase_create("mixed");

	tcase_set_timeout(tc, 180);
	tcase_add_loop_test(tc, test_V17_a_counter_never_tears, 0, 2 * PAIRS);
	tcase_add_loop_test(tc, test_M_maps_are_the_same_to_both, 0, PAIRS);
	tcase_add_loop_test(tc, test_M_a_handle_is_passed_on, 0, 4);
	tcase_add_loop_test(tc, test_M42_a_killed_holder_of_the_other_word_size, 0, 2);
	tcase_add_loop_test(tc, test_X40_owner_killed_waiter_of_the_other_word_size, 0, 2);
	tcase_add_test(tc, test_X40_exclusion_between_word_sizes);
	tcase_add_loop_test(tc, test_P1_senders_of_both_word_sizes, 0, 2);
	tcase_add_test(tc, test_K2_claim_of_a_dead_one_of_the_other_word_size);
	tcase_add_loop_test(tc, test_a_host_and_a_worker_of_the_other_word_size, 0, PAIRS);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
