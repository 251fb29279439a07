/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_sync_storm.c - X27: processes that lock, try, wait with time-outs, wait for any and for all on twenty mutexes,
 * of which one is killed or stopped at random every few milliseconds, for two seconds, or MOORING_STORM_SECONDS.
 *
 * Exclusion is never broken, nobody is told of a death that has not been, and in the end every mutex can be locked.
 */
#include "tests/lib/testing.h"

#include "base/atomic.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS ((int64_t)1000000)
#define WORKERS 8
#define MUTEXES 20

struct ward {
	uint32_t inside; /* the worker in it, plus 1 */
	uint32_t pad;
	uint64_t entered[2]; /* by whoever is inside only: equal when nobody is */
};

struct storm {
	struct ward wards[MUTEXES];
	uint32_t broken; /* a line of this file */
	uint32_t told[WORKERS];
	uint64_t locks[WORKERS];
};

static struct storm *storm;

static void break_off(int line)
{
	moor__store_32(&storm->broken, (uint32_t)line);
	_exit(1);
}

static moor_mutex *open_one(int i)
{
	moor_mutex *mutex;
	char name[16];

	snprintf(name, sizeof name, "m%d", i);
	if (moor_mutex_open(name, NULL, &mutex) != 0)
		break_off(__LINE__);
	return mutex;
}

/* Between lock and unlock. `news` is what the lock said: only after a death may somebody seem to be inside. */
static void enter(uint32_t worker, int i, int news)
{
	struct ward *ward = &storm->wards[i];

	if (moor__exchange_32(&ward->inside, worker + 1) != 0 && news != MOOR_ABANDONED)
		break_off(__LINE__);
	if (news == MOOR_ABANDONED) {
		moor__store_32(&storm->told[worker], moor__load_32(&storm->told[worker]) + 1);
		ward->entered[1] = ward->entered[0];
	}
	if (ward->entered[0] != ward->entered[1])
		break_off(__LINE__);
	ward->entered[0]++;
	ward->entered[1]++;
	storm->locks[worker]++;
}

static void leave(uint32_t worker, int i, moor_mutex *mutex)
{
	if (moor__exchange_32(&storm->wards[i].inside, 0) != worker + 1)
		break_off(__LINE__);
	if (moor_mutex_unlock(mutex) != 0)
		break_off(__LINE__);
}

struct worker {
	uint32_t number, life;
};

static int work(void *arg)
{
	const struct worker *me = arg;
	const uint32_t number = me->number;
	uint64_t seed = (uint64_t)me->life * 1000 + number;
	moor_mutex *mutexes[MUTEXES];

	for (int i = 0; i < MUTEXES; i++)
		mutexes[i] = open_one(i);
	for (;;) {
		const uint64_t dice = t_random(&seed);
		const int a = (int)(dice % MUTEXES), b = (int)((dice >> 8) % MUTEXES);
		const struct moor_waitable two[2] = {moor_mutex_waitable(mutexes[a]), moor_mutex_waitable(mutexes[b])};
		static const int64_t times[] = {MOOR_NOWAIT, 100000, 3 * MS, MOOR_FOREVER};
		const int64_t timeout = times[(dice >> 16) % 4];
		size_t index = 0;
		int news;

		switch ((dice >> 24) % 8) {
		case 0:
			news = moor_wait_any(two, 2, timeout, &index);
			break;
		case 1:
			/* Which of the two was abandoned it does not say: so each alone afterwards. */
			news = a == b ? MOOR_EAGAIN : moor_wait_all(two, 2, timeout);
			if (news >= 0) {
				enter(number, a, news);
				enter(number, b, news);
				leave(number, b, mutexes[b]);
				leave(number, a, mutexes[a]);
				if (news == MOOR_ABANDONED) /* once, or twice */
					moor__store_32(&storm->told[number], moor__load_32(&storm->told[number]) - 1);
				continue;
			}
			break;
		case 2: /* closed and opened again */
			moor_mutex_close(mutexes[a]);
			mutexes[a] = open_one(a);
			continue;
		default:
			news = moor_mutex_lock(mutexes[a], timeout);
			break;
		}
		if (news < 0) {
			if (news != MOOR_EAGAIN && news != MOOR_ETIMEDOUT)
				break_off(__LINE__);
			continue;
		}
		enter(number, index ? b : a, news);
		for (uint64_t spin = (dice >> 40) % 2000; spin; spin--)
			moor__pause();
		leave(number, index ? b : a, mutexes[index ? b : a]);
	}
	return 0;
}

static int64_t duration(void)
{
	const char *text = getenv("MOORING_STORM_SECONDS");

	return (text ? atoi(text) : 2) * 1000 * MS;
}

START_TEST(test_X27_storm)
{
	struct worker workers[WORKERS];
	moor_mutex *mutexes[MUTEXES];
	moor_hold *holds[MUTEXES];
	pid_t pids[WORKERS];
	const int64_t until = t_now() + duration();
	uint64_t seed = 27, locks = 0;
	uint32_t kills = 0, told = 0;
	char name[16];

	storm = t_shared(sizeof *storm);
	for (int i = 0; i < MUTEXES; i++) {
		snprintf(name, sizeof name, "m%d", i);
		t_assert_err(moor_mutex_create(name, NULL, &mutexes[i]), 0);
		t_assert_err(moor_hold_open(name, &holds[i]), 0);
		moor_mutex_close(mutexes[i]);
	}
	for (uint32_t i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){i, 0};
		pids[i] = t_spawn(work, &workers[i]);
	}
	while (t_now() < until && !moor__load_32(&storm->broken)) {
		const uint64_t dice = t_random(&seed);
		const uint32_t victim = (uint32_t)(dice % WORKERS);

		t_sleep_ms((int)((dice >> 8) % 8));
		if ((dice >> 16) % 4 == 0) {
			kill(pids[victim], SIGSTOP);
			t_sleep_ms(5);
			kill(pids[victim], SIGCONT);
			continue;
		}
		t_kill(pids[victim]);
		kills++;
		workers[victim].life++;
		pids[victim] = t_spawn(work, &workers[victim]);
	}
	for (int i = 0; i < WORKERS; i++)
		t_kill(pids[i]);
	ck_assert_msg(storm->broken == 0, "broken at line %u", storm->broken);
	for (int i = 0; i < MUTEXES; i++) {
		snprintf(name, sizeof name, "m%d", i);
		t_assert_err(moor_mutex_open(name, NULL, &mutexes[i]), 0);
		ck_assert_int_ge(moor_mutex_lock(mutexes[i], 60000 * MS), 0);
		t_assert_err(moor_mutex_unlock(mutexes[i]), 0);
		t_assert_err(moor_mutex_lock(mutexes[i], MOOR_NOWAIT), 0);
		t_assert_err(moor_mutex_unlock(mutexes[i]), 0);
		moor_mutex_close(mutexes[i]);
		moor_hold_close(holds[i]);
	}
	ck_assert_int_eq(t_local_entries(), 0);
	for (int i = 0; i < WORKERS; i++) {
		told += storm->told[i];
		locks += storm->locks[i];
	}
	printf("%u killed, %lu locks, %u told of a death\n", kills, (unsigned long)locks, told);
	/* Each one killed owned two at most. */
	ck_assert_uint_le(told, 2 * kills);
	ck_assert_uint_gt(locks, 1000);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sync_storm");
	TCase *tc = tcase_create("sync_storm");

	tcase_set_timeout(tc, 240 + (double)duration() / 1e9);
	tcase_add_test(tc, test_X27_storm);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
