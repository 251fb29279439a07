/* SPDX-License-Identifier: Apache-2.0 */
/* test_life.c - the life of a name between processes that race, stop, are killed or run out of descriptors. */
#include "base/crash.h"
#include "map/life.h"
#include "map/map.h"
#include "tests/lib/testing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern bool moor__linux_stage_with_name;

static moor_map *created(const char *name, uint64_t size)
{
	moor_map *map = NULL;

	t_assert_err(moor_map_create(name, size, NULL, &map), 0);
	return map;
}

/* ---- processes in step ---- */

/* A barrier that spins first, so that those who leave it really race. */
struct meeting {
	unsigned members, arrived, turn;
};

static void meet(struct meeting *meeting)
{
	const unsigned turn = __atomic_load_n(&meeting->turn, __ATOMIC_ACQUIRE);
	unsigned spins = 0;

	if (__atomic_add_fetch(&meeting->arrived, 1, __ATOMIC_ACQ_REL) == meeting->members) {
		__atomic_store_n(&meeting->arrived, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&meeting->turn, turn + 1, __ATOMIC_RELEASE);
		return;
	}
	while (__atomic_load_n(&meeting->turn, __ATOMIC_ACQUIRE) == turn)
		if (++spins > 200)
			sched_yield();
}

static void dawdle(uint64_t *seed, unsigned most)
{
	for (volatile uint64_t spin = t_random(seed) % most; spin; spin--)
		;
}

/* ---- M32 ---- */

#define RACERS 8
#define RACES 400

struct race {
	struct meeting meeting;
	unsigned created;
	unsigned ready;
};

struct racer {
	struct race *race;
	unsigned number;
};

/* What the creator writes first; no opener may come before the size is right and the rest is zero. */
static int race_to_create(void *arg)
{
	struct racer *me = arg;
	struct race *race = me->race;
	uint64_t seed = me->number;

	for (unsigned round = 1; round <= RACES; round++) {
		unsigned char *data;
		moor_view *view;
		moor_map *map;
		int news;

		meet(&race->meeting);
		dawdle(&seed, 2000);
		news = moor_map_create_or_open("race", 5000 + round, NULL, &map);
		ck_assert_msg(news == 0 || news == MOOR_CREATED, "%s", moor_err_name(news));
		if (news == MOOR_CREATED)
			__atomic_add_fetch(&race->created, 1, __ATOMIC_RELAXED);
		ck_assert_uint_eq(moor_map_size(map), 5000 + round);
		t_assert_err(moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view), 0);
		data = moor_view_data(view);
		ck_assert_uint_eq(data[me->number], 0);
		ck_assert_uint_eq(data[4999 + round], 0);
		data[me->number] = (unsigned char)(round % 250 + 1);
		meet(&race->meeting);
		/* One memory: everybody's mark is in it. */
		for (unsigned i = 0; i < RACERS; i++)
			ck_assert_uint_eq(data[i], round % 250 + 1);
		if (me->number == 0) {
			ck_assert_uint_eq(race->created, 1);
			race->created = 0;
		}
		moor_view_unmap(view);
		meet(&race->meeting);
		moor_map_close(map);
	}
	return 0;
}

START_TEST(test_M32_eight_race_to_create)
{
	struct race *race = t_shared(sizeof *race);
	struct racer racers[RACERS];
	pid_t pids[RACERS];

	moor__linux_stage_with_name = _i;
	race->meeting.members = RACERS;
	for (unsigned i = 0; i < RACERS; i++) {
		racers[i] = (struct racer){race, i};
		pids[i] = t_spawn(race_to_create, &racers[i]);
	}
	for (unsigned i = 0; i < RACERS; i++)
		ck_assert_int_eq(t_wait(pids[i]), 0);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* Free running: nobody waits for anybody, and of two who hold the name at one moment both hold the same object. */
#define FREE_RUNNERS 4
#define FREE_ROUNDS 4000

struct crowd {
	uint64_t holds[FREE_RUNNERS]; /* the inode that each holds; 0 before its open and from before its close */
	unsigned creations, joins, misses;
};

struct runner {
	struct crowd *crowd;
	unsigned number;
};

static int run_freely(void *arg)
{
	struct runner *me = arg;
	struct crowd *crowd = me->crowd;
	uint64_t seed = me->number + 100;

	for (int round = 0; round < FREE_ROUNDS; round++) {
		uint64_t inode, *count;
		moor_view *view;
		moor_map *map;
		int news;

		if (t_random(&seed) % 2)
			news = moor_map_create_or_open("free", 4096, NULL, &map);
		else
			news = moor_map_open("free", NULL, &map);
		if (news == MOOR_ENOENT) {
			__atomic_add_fetch(&crowd->misses, 1, __ATOMIC_RELAXED);
			continue;
		}
		ck_assert_msg(news == 0 || news == MOOR_CREATED, "%s", moor_err_name(news));
		__atomic_add_fetch(news ? &crowd->creations : &crowd->joins, 1, __ATOMIC_RELAXED);
		inode = map->object->inode;
		__atomic_store_n(&crowd->holds[me->number], inode, __ATOMIC_SEQ_CST);
		for (unsigned i = 0; i < FREE_RUNNERS; i++) {
			const uint64_t other = __atomic_load_n(&crowd->holds[i], __ATOMIC_SEQ_CST);

			ck_assert_msg(other == 0 || other == inode, "two live objects of one name");
		}
		/* The object counts its holders itself; the memory of a dead one would count wrongly. */
		t_assert_err(moor_view_map(map, 0, 8, MOOR_READ_WRITE, &view), 0);
		count = moor_view_data(view);
		ck_assert_uint_le(__atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST), FREE_RUNNERS);
		dawdle(&seed, 500);
		ck_assert_uint_le(__atomic_sub_fetch(count, 1, __ATOMIC_SEQ_CST), FREE_RUNNERS);
		moor_view_unmap(view);
		__atomic_store_n(&crowd->holds[me->number], 0, __ATOMIC_SEQ_CST);
		moor_map_close(map);
	}
	return 0;
}

START_TEST(test_M45_never_two_objects_of_one_name)
{
	struct crowd *crowd = t_shared(sizeof *crowd);
	struct runner runners[FREE_RUNNERS];
	pid_t pids[FREE_RUNNERS];

	moor__linux_stage_with_name = _i;
	for (unsigned i = 0; i < FREE_RUNNERS; i++) {
		runners[i] = (struct runner){crowd, i};
		pids[i] = t_spawn(run_freely, &runners[i]);
	}
	for (unsigned i = 0; i < FREE_RUNNERS; i++)
		ck_assert_int_eq(t_wait(pids[i]), 0);
	ck_assert_uint_gt(crowd->creations, 1);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* ---- M42 ---- */

static int create_and_wait(void *arg)
{
	moor_map *map = created("m", 10000);
	moor_view *view;

	t_assert_err(moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view), 0);
	memset(moor_view_data(view), 42, 10000);
	t_gate_open(arg, 1);
	for (;;)
		pause();
}

static void leave_a_corpse(void)
{
	struct t_gate *gate = t_gate_new();
	const pid_t pid = t_spawn(create_and_wait, gate);
	moor_map *map;

	t_gate_pass(gate);
	t_assert_err(moor_map_create("m", 1, NULL, &map), MOOR_EEXIST);
	t_kill(pid);
	ck_assert_int_eq(t_local_entries(), 1);
}

static void is_zero(moor_map *map)
{
	static const unsigned char zero[10000];
	moor_view *view;

	t_assert_err(moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view), 0);
	ck_assert_mem_eq(moor_view_data(view), zero, moor_view_size(view));
	moor_view_unmap(view);
}

START_TEST(test_M42_killed_sole_holder_open)
{
	moor_map *map;

	leave_a_corpse();
	t_assert_err(moor_map_open("m", NULL, &map), MOOR_ENOENT);
	ck_assert_int_eq(t_local_entries(), 0);
	moor_map_close(created("m", 10000));
}
END_TEST

START_TEST(test_M42_killed_sole_holder_create)
{
	moor_map *map;

	leave_a_corpse();
	if (_i)
		t_assert_err(moor_map_create_or_open("m", 10000, NULL, &map), MOOR_CREATED);
	else
		map = created("m", 10000);
	is_zero(map);
	ck_assert_int_eq(t_local_entries(), 1);
	moor_map_close(map);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_M42_create_of_any_name_clears_away)
{
	moor_map *map;

	leave_a_corpse();
	map = created("another", 1);
	ck_assert_int_eq(t_local_entries(), 1);
	moor_map_close(map);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_M42_hold_of_a_corpse)
{
	moor_hold *hold;

	leave_a_corpse();
	t_assert_err(moor_hold_open("m", &hold), MOOR_ENOENT);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* ---- M44, M45 ---- */

#define ROUNDS 10000

struct pair {
	struct meeting meeting;
	int joined; /* M45: what the opener got */
};

static int close_together(void *arg)
{
	struct pair *pair = arg;
	uint64_t seed = (uint64_t)getpid();
	moor_map *map;

	for (int round = 0; round < ROUNDS; round++) {
		t_assert_err(moor_map_open_wait("m", NULL, MOOR_FOREVER, &map), 0);
		meet(&pair->meeting);
		dawdle(&seed, 300);
		moor_map_close(map);
		meet(&pair->meeting);
		meet(&pair->meeting);
	}
	return 0;
}

START_TEST(test_M44_two_last_holders_close_at_once)
{
	struct pair *pair = t_shared(sizeof *pair);
	uint64_t seed = 44;
	moor_map *map;
	pid_t pid;

	pair->meeting.members = 2;
	pid = t_spawn(close_together, pair);
	for (int round = 0; round < ROUNDS; round++) {
		map = created("m", 100);
		meet(&pair->meeting);
		dawdle(&seed, 300);
		moor_map_close(map);
		meet(&pair->meeting);
		t_assert_err(moor_map_open("m", NULL, &map), MOOR_ENOENT);
		if (round % 16 == 0)
			ck_assert_int_eq(t_local_entries(), 0);
		meet(&pair->meeting);
	}
	ck_assert_int_eq(t_wait(pid), 0);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

static int open_as_it_closes(void *arg)
{
	struct pair *pair = arg;
	uint64_t seed = 45;

	for (unsigned round = 1; round <= ROUNDS; round++) {
		moor_view *view;
		moor_map *map;
		unsigned *data;

		meet(&pair->meeting);
		dawdle(&seed, 5000);
		pair->joined = moor_map_open("m", NULL, &map);
		if (pair->joined == 0) {
			t_assert_err(moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view), 0);
			data = moor_view_data(view);
			ck_assert_uint_eq(data[0], round); /* this life's, and no other's */
			data[1] = round;
			moor_view_unmap(view);
		}
		meet(&pair->meeting);
		meet(&pair->meeting);
		if (pair->joined == 0)
			moor_map_close(map);
		meet(&pair->meeting);
	}
	return 0;
}

START_TEST(test_M45_opener_against_last_closer)
{
	struct pair *pair = t_shared(sizeof *pair);
	uint64_t seed = 54;
	unsigned joined = 0;
	moor_view *view;
	moor_map *map;
	pid_t pid;

	pair->meeting.members = 2;
	pid = t_spawn(open_as_it_closes, pair);
	for (unsigned round = 1; round <= ROUNDS; round++) {
		map = created("m", 8);
		t_assert_err(moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view), 0);
		*(unsigned *)moor_view_data(view) = round;
		moor_view_unmap(view);
		meet(&pair->meeting);
		dawdle(&seed, 60000);
		moor_map_close(map);
		meet(&pair->meeting);
		if (pair->joined == 0) {
			joined++;
			t_assert_err(moor_map_create("m", 8, NULL, &map), MOOR_EEXIST);
			t_assert_err(moor_map_open("m", NULL, &map), 0);
			t_assert_err(moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view), 0);
			ck_assert_uint_eq(((unsigned *)moor_view_data(view))[1], round);
			moor_view_unmap(view);
			moor_map_close(map);
		} else {
			t_assert_err(pair->joined, MOOR_ENOENT);
			map = created("m", 8);
			is_zero(map);
			moor_map_close(map);
		}
		meet(&pair->meeting);
		meet(&pair->meeting);
	}
	ck_assert_int_eq(t_wait(pid), 0);
	ck_assert_int_eq(t_local_entries(), 0);
	printf("M45: joined in %u of %u rounds\n", joined, (unsigned)ROUNDS);
}
END_TEST

/* ---- Q5 ---- */

struct means {
	int descriptors, mappings, entries;
};

static struct means count_means(void)
{
	struct means means = {.entries = t_local_entries()};
	char line[4096];
	FILE *maps = fopen("/proc/self/maps", "re");

	for (int fd = 0; fd < 1024; fd++)
		means.descriptors += fcntl(fd, F_GETFD) >= 0;
	while (fgets(line, sizeof line, maps))
		means.mappings += strchr(line, '\n') && !strstr(line, "[heap]") && (!T_SANITIZER || strstr(line, t_dir()));
	fclose(maps);
	return means;
}

static void same_means(struct means before)
{
	const struct means after = count_means();

	ck_assert_int_eq(after.descriptors, before.descriptors);
	ck_assert_int_eq(after.entries, before.entries);
	ck_assert_int_le(after.mappings, before.mappings);
}

static int ignore_name(const struct moor_name_info *info, void *arg)
{
	(void)info;
	(void)arg;
	return 0;
}

static void use_once(int round)
{
	moor_map *map, *again, *miss;
	moor_view *view;
	moor_hold *hold;

	map = created("m", 5000);
	t_assert_err(moor_map_create_or_open("m", 1, NULL, &again), 0);
	t_assert_err(moor_map_create("m", 1, NULL, &miss), MOOR_EEXIST);
	t_assert_err(moor_map_open("n", NULL, &miss), MOOR_ENOENT);
	t_assert_err(moor_hold_open("m", &hold), 0);
	t_assert_err(moor_view_map(again, 17, 0, MOOR_READ_WRITE, &view), 0);
	*(volatile char *)moor_view_data(view) = 1;
	if (round % 50 == 0)
		t_assert_err(moor_enumerate(ignore_name, NULL), 0);
	moor_map_close(map);
	moor_hold_close(hold);
	moor_map_close(again);
	moor_view_unmap(view);
}

START_TEST(test_Q5_open_and_close_leave_everything_flat)
{
	struct means before;

	use_once(0);
	before = count_means();
	for (int round = 0; round < 10000; round++)
		use_once(round);
	same_means(before);
}
END_TEST

/* ---- a burier that is stopped ---- */

static const char *stop_label;

static void stop_hook(const char *label)
{
	if (strcmp(label, stop_label) == 0) {
		moor__crash_hook = NULL;
		raise(SIGSTOP);
	}
}

static int stop_while_burying(void *arg)
{
	moor_map *map = created("m", 100);

	(void)arg;
	stop_label = "bury: before unlink";
	moor__crash_hook = stop_hook;
	moor_map_close(map);
	return 0;
}

static pid_t stopped_burier(void)
{
	const pid_t pid = t_spawn(stop_while_burying, NULL);
	int status;

	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	ck_assert(WIFSTOPPED(status));
	return pid;
}

static void let_go_on(pid_t pid)
{
	moor_map *map;

	kill(pid, SIGCONT);
	ck_assert_int_eq(t_wait(pid), 0);
	t_assert_err(moor_map_open("m", NULL, &map), MOOR_ENOENT);
	moor_map_close(created("m", 100));
	ck_assert_int_eq(t_local_entries(), 0);
}

START_TEST(test_busy_while_a_burier_is_stopped)
{
	const pid_t pid = stopped_burier();
	moor_map *map = NULL;
	moor_hold *hold;
	int64_t start = t_now();

	switch (_i) {
	case 0:
		t_assert_err(moor_map_open("m", NULL, &map), MOOR_EBUSY);
		break;
	case 1:
		t_assert_err(moor_map_create("m", 100, NULL, &map), MOOR_EBUSY);
		break;
	case 2:
		t_assert_err(moor_map_create_or_open("m", 100, NULL, &map), MOOR_EBUSY);
		break;
	default:
		t_assert_err(moor_hold_open("m", &hold), MOOR_EBUSY);
		break;
	}
	ck_assert_int_ge(t_now() - start, (int64_t)500000000); /* it did try */
	ck_assert_ptr_null(map);
	/* Nobody else has to wait. */
	start = t_now();
	moor_map_close(created("other", 100));
	ck_assert_int_lt(t_now() - start, (int64_t)30000000000);
	let_go_on(pid);
}
END_TEST

static int never_called(const struct moor_name_info *info, void *arg)
{
	(void)arg;
	printf("enumerated: %s\n", info->name);
	return 1;
}

START_TEST(test_looks_see_no_life_in_what_a_stopped_process_buries)
{
	const pid_t pid = stopped_burier();
	struct moor_channel_info info = {.struct_size = sizeof info};

	t_assert_err(moor_channel_stat("m", &info), MOOR_ENOENT);
	ck_assert_int_eq(moor_enumerate(never_called, NULL), 0);
	let_go_on(pid);
}
END_TEST

START_TEST(test_a_killed_burier_keeps_nobody_waiting)
{
	const pid_t pid = stopped_burier();
	moor_map *map;

	t_kill(pid);
	map = created("m", 100);
	is_zero(map);
	moor_map_close(map);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* ---- EMFILE ---- */

/* Fills every descriptor below `limit`, so that the limit alone says how many more there may be. */
static void fill_descriptors(int limit)
{
	int fd;

	while ((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) < limit - 1)
		ck_assert_int_ge(fd, 0);
}

static void limit_descriptors(rlim_t limit)
{
	struct rlimit rlimit;

	getrlimit(RLIMIT_NOFILE, &rlimit);
	rlimit.rlim_cur = limit;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &rlimit), 0);
}

enum { EMFILE_CALLS = 9 };

static int call_for_emfile(int which, bool *ret_done)
{
	struct moor_channel_info info = {.struct_size = sizeof info};
	struct moor_shm_info shm = {.struct_size = sizeof shm};
	const int undone = -12345;
	moor_map *map;
	moor_hold *hold;
	moor_tx *tx;
	int err = undone;

	switch (which) {
	case 0:
		err = moor_map_create("new", 100, NULL, &map);
		if (err >= 0)
			moor_map_close(map);
		break;
	case 1:
		err = moor_map_create_or_open("Global\\new", 100, NULL, &map);
		if (err >= 0)
			moor_map_close(map);
		break;
	case 2:
		err = moor_map_open("there", NULL, &map);
		if (err >= 0)
			moor_map_close(map);
		break;
	case 3:
		err = moor_hold_open("there", &hold);
		if (err >= 0)
			moor_hold_close(hold);
		break;
	case 4:
		err = moor_enumerate(ignore_name, NULL);
		break;
	case 5:
		err = moor_shm_stat(&shm);
		break;
	case 6:
		err = moor_tx_open("channel", NULL, &tx);
		if (err >= 0)
			moor_tx_close(tx);
		break;
	case 7:
		err = moor_channel_stat("there", &info);
		if (err == MOOR_EKIND)
			err = 0;
		break;
	default:
		err = moor_map_open_wait("there", NULL, 1000, &map);
		if (err >= 0)
			moor_map_close(map);
		break;
	}
	*ret_done = err >= 0;
	return err;
}

static int create_there(void *arg)
{
	created("there", 100);
	t_gate_open(arg, 1);
	while (pause() < 0)
		;
	return 1;
}

START_TEST(test_M41_too_many_open_files)
{
	enum { FULL = 100 };
	struct t_gate *gate = t_gate_new();
	const pid_t pid = t_spawn(create_there, gate);
	struct means before;
	bool done = false;
	int refused = 0;

	t_gate_pass(gate);
	moor__linux_stage_with_name = _i >= EMFILE_CALLS;
	use_once(0); /* what the library keeps for good */
	fill_descriptors(FULL);
	before = count_means();
	for (int more = 0; !done; more++) {
		int err;

		ck_assert_int_lt(more, 12);
		limit_descriptors((rlim_t)(FULL + more));
		err = call_for_emfile(_i % EMFILE_CALLS, &done);
		limit_descriptors(1000);
		if (!done) {
			refused++;
			t_assert_err(err, MOOR_EMFILE);
		}
		same_means(before);
	}
	ck_assert_int_ge(refused, 1);
	call_for_emfile(_i % EMFILE_CALLS, &done);
	ck_assert(done);
	same_means(before);
	t_kill(pid);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("life");
	TCase *tc = tcase_create("life");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_M32_eight_race_to_create, 0, 2);
	tcase_add_loop_test(tc, test_M45_never_two_objects_of_one_name, 0, 2);
	tcase_add_test(tc, test_M42_killed_sole_holder_open);
	tcase_add_loop_test(tc, test_M42_killed_sole_holder_create, 0, 2);
	tcase_add_test(tc, test_M42_create_of_any_name_clears_away);
	tcase_add_test(tc, test_M42_hold_of_a_corpse);
	tcase_add_test(tc, test_M44_two_last_holders_close_at_once);
	tcase_add_test(tc, test_M45_opener_against_last_closer);
	tcase_add_test(tc, test_Q5_open_and_close_leave_everything_flat);
	tcase_add_loop_test(tc, test_busy_while_a_burier_is_stopped, 0, 4);
	tcase_add_test(tc, test_looks_see_no_life_in_what_a_stopped_process_buries);
	tcase_add_test(tc, test_a_killed_burier_keeps_nobody_waiting);
	tcase_add_loop_test(tc, test_M41_too_many_open_files, 0, 2 * EMFILE_CALLS);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
