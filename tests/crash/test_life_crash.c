/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_life_crash.c - M33 and M42: death at every labelled point in the life of a name. Whatever a process was doing when
 * it was killed, the next create or open works at once, a new object is zeroed, a live one is unharmed, and nothing is
 * left in the directory after the next create.
 */
#include "tests/lib/testing.h"

#include "base/crash.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern bool moor__linux_stage_with_name;

#define SIZE 10000
/* "At once", on a machine that is busy with other things. Somebody who waits for the dead waits longer. */
#define AT_ONCE_NS ((int64_t)2000000000)

static moor_map *created(const char *name)
{
	moor_map *map = NULL;

	t_assert_err(moor_map_create(name, SIZE, NULL, &map), 0);
	return map;
}

static void fill(moor_map *map, int byte)
{
	moor_view *view;

	t_assert_err(moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view), 0);
	memset(moor_view_data(view), byte, SIZE);
	moor_view_unmap(view);
}

static void is_filled(moor_map *map, int byte)
{
	unsigned char expected[SIZE];
	moor_view *view;

	memset(expected, byte, SIZE);
	t_assert_err(moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view), 0);
	ck_assert_mem_eq(moor_view_data(view), expected, SIZE);
	moor_view_unmap(view);
}

/* ---- what is there before, and what the victim does ---- */

struct scene {
	bool alive;  /* somebody else holds "m" */
	bool corpse; /* "m" is dead and not buried */
	bool others; /* so is "d" */
	void (*act)(void);
};

/* The act, to its end or to the label. Its labels are counted in memory that outlives it. */
#define LABELS 64
struct victim {
	struct scene *scene;
	bool counts;
	const char *label;
	unsigned nth;
	struct {
		char label[48];
		unsigned times;
	} seen[LABELS];
	unsigned seen_count;
};

static void note_label(const char *label, unsigned times, void *arg)
{
	struct victim *victim = arg;

	ck_assert_uint_lt(victim->seen_count, LABELS);
	snprintf(victim->seen[victim->seen_count].label, sizeof victim->seen[0].label, "%s", label);
	victim->seen[victim->seen_count++].times = times;
}

static struct victim *counting;

static void act_create(void)
{
	created("m");
}

static void act_create_over(void)
{
	moor_map *map;

	t_assert_err(moor_map_create_or_open("m", SIZE, NULL, &map), MOOR_CREATED);
}

static void act_live_and_die(void)
{
	moor_map *map = created("m");

	fill(map, 42);
	moor_map_close(map);
}

static void act_open(void)
{
	moor_map *map;

	t_assert_err(moor_map_open("m", NULL, &map), 0);
}

static void act_open_and_close(void)
{
	moor_map *map;

	t_assert_err(moor_map_create_or_open("m", SIZE, NULL, &map), 0);
	moor_map_close(map);
}

static void act_create_in_vain(void)
{
	moor_map *map;

	t_assert_err(moor_map_create("m", SIZE, NULL, &map), MOOR_EEXIST);
}

static void act_open_the_dead(void)
{
	moor_map *map;

	t_assert_err(moor_map_open("m", NULL, &map), MOOR_ENOENT);
}

static void act_create_another(void)
{
	created("another");
}

static void act_hold(void)
{
	moor_hold *hold;

	t_assert_err(moor_hold_open("m", &hold), 0);
	moor_hold_close(hold);
}

/* Both lock the name; whoever of the two comes to the label dies, and the other one goes on. */
static void act_fork(void)
{
	moor_map *map = created("m");
	pid_t pid;
	int status;

	fill(map, 42);
	pid = fork();
	if (pid == 0) {
		is_filled(map, 42);
		moor_map_close(map);
		if (counting) /* what the child alone comes to */
			t_each_label(note_label, counting);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		moor_map *again;

		t_assert_err(moor_map_open("m", NULL, &again), 0);
		is_filled(again, 42);
		kill(getpid(), SIGKILL);
	}
}

static void act_channel(void)
{
	moor_tx *tx;
	moor_rx *rx;

	t_assert_err(moor_tx_open("m", NULL, &tx), MOOR_CREATED);
	t_assert_err(moor_rx_open("m", NULL, &rx), 0);
	t_assert_err(moor_tx_send(tx, "x", 1, MOOR_NOWAIT), 0);
	moor_tx_close(tx);
	moor_rx_close(rx);
}

static struct scene scenes[] = {
    {.act = act_create},
    {.corpse = true, .act = act_create_over},
    {.others = true, .act = act_create},
    {.act = act_live_and_die},
    {.alive = true, .act = act_open},
    {.alive = true, .act = act_open_and_close},
    {.alive = true, .others = true, .act = act_create_in_vain},
    {.corpse = true, .others = true, .act = act_open_the_dead},
    {.corpse = true, .others = true, .act = act_create_another},
    {.alive = true, .act = act_hold},
    {.act = act_fork},
    {.act = act_channel},
};
#define SCENES (int)(sizeof scenes / sizeof scenes[0])

/* ---- the stage ---- */

static int leave_corpses(void *arg)
{
	const struct scene *scene = arg;

	moor__linux_stage_with_name = false;
	if (scene->corpse)
		fill(created("m"), 42);
	if (scene->others)
		fill(created("d"), 42);
	kill(getpid(), SIGKILL);
	return 1;
}

struct holder {
	struct t_gate *to_holder, *to_us;
};

static int hold_alive(void *arg)
{
	struct holder *holder = arg;
	moor_map *map = created("m");

	fill(map, 7);
	t_gate_open(holder->to_us, 1);
	t_gate_pass(holder->to_holder);
	is_filled(map, 7);
	moor_map_close(map);
	return 0;
}

static int play(void *arg)
{
	struct victim *victim = arg;

	counting = victim->counts ? victim : NULL;
	if (victim->counts)
		t_count_labels();
	else
		t_die_at(victim->label, victim->nth);
	victim->scene->act();
	if (victim->counts)
		t_each_label(note_label, victim);
	return 0;
}

static struct holder set_stage(struct scene *scene, pid_t *ret_holder)
{
	struct holder holder = {NULL, NULL};

	*ret_holder = 0;
	if (scene->alive) {
		holder = (struct holder){t_gate_new(), t_gate_new()};
		*ret_holder = t_spawn(hold_alive, &holder);
		t_gate_pass(holder.to_us);
	}
	if (scene->corpse || scene->others)
		ck_assert_int_eq(t_wait(t_spawn(leave_corpses, scene)), 128 + SIGKILL);
	ck_assert_int_eq(t_local_entries(), scene->alive + scene->corpse + scene->others);
	return holder;
}

/* What the next one finds. `first` is the call that comes first after the death: each must do. */
static void look_after(const struct scene *scene, int first)
{
	const int64_t start = t_now();
	moor_map *map = NULL;

	if (scene->alive) {
		switch (first) {
		case 0:
			t_assert_err(moor_map_create("m", SIZE, NULL, &map), MOOR_EEXIST);
			t_assert_err(moor_map_open("m", NULL, &map), 0);
			break;
		case 1:
			t_assert_err(moor_map_create_or_open("m", SIZE, NULL, &map), 0);
			break;
		default:
			t_assert_err(moor_map_open("m", NULL, &map), 0);
			break;
		}
		ck_assert_int_lt(t_now() - start, AT_ONCE_NS);
		is_filled(map, 7);
	} else {
		switch (first) {
		case 0:
			t_assert_err(moor_map_create("m", SIZE, NULL, &map), 0);
			break;
		case 1:
			t_assert_err(moor_map_create_or_open("m", SIZE, NULL, &map), MOOR_CREATED);
			break;
		default:
			t_assert_err(moor_map_open("m", NULL, &map), MOOR_ENOENT);
			t_assert_err(moor_map_create("m", SIZE, NULL, &map), 0);
			break;
		}
		ck_assert_int_lt(t_now() - start, AT_ONCE_NS);
		is_filled(map, 0);
	}
	moor_map_close(map);
	moor_map_close(created("next"));
	ck_assert_int_eq(t_local_entries(), scene->alive);
}

static void play_once(struct victim *victim, int first)
{
	struct scene *scene = victim->scene;
	struct holder holder;
	pid_t holder_pid;
	int code;

	holder = set_stage(scene, &holder_pid);
	code = t_wait(t_spawn(play, victim));
	ck_assert_int_eq(code, victim->counts ? 0 : 128 + SIGKILL);
	look_after(scene, first);
	if (holder_pid) {
		t_gate_open(holder.to_holder, 1);
		ck_assert_int_eq(t_wait(holder_pid), 0);
		ck_assert_int_eq(t_local_entries(), 0);
	}
}

static void play_everywhere(int scene, bool with_name)
{
	struct victim *victim = t_shared(sizeof *victim);
	unsigned deaths = 0;

	moor__linux_stage_with_name = with_name;
	victim->scene = &scenes[scene];
	victim->counts = true;
	play_once(victim, 0);
	victim->counts = false;
	for (unsigned i = 0; i < victim->seen_count; i++) {
		victim->label = victim->seen[i].label;
		for (victim->nth = 1; victim->nth <= victim->seen[i].times; victim->nth++) {
			for (int first = 0; first < 3; first++) {
				play_once(victim, first);
				deaths++;
			}
		}
	}
	ck_assert_uint_gt(deaths, 0);
	printf("scene %d, staged %s a name: %u labels, %u deaths\n", scene, with_name ? "with" : "without",
	       victim->seen_count, deaths);
}

START_TEST(test_M33_killed_at_every_label)
{
	play_everywhere(_i % SCENES, _i / SCENES);
}
END_TEST

/* Every label that the library has in these files is died at somewhere above. */
START_TEST(test_M33_no_label_is_left_out)
{
	static const char *const labels[] = {
	    "create: staged", "create: built", "create: before link", "create: linked",    "open: opened", "open: found dead",
	    "open: found alive", "open: locked", "close: unlocked", "close: last", "bury: before unlink",
	    "bury: after unlink", "sweep: found dead", "slot: taken", "slot: shown", "slot: hidden",
	    "fork: opened", "fork: shared",
	};
	struct victim *victim = t_shared(sizeof *victim);
	bool found[sizeof labels / sizeof labels[0]] = {false};

	victim->counts = true;
	for (int scene = 0; scene < SCENES; scene++) {
		victim->scene = &scenes[scene];
		victim->seen_count = 0;
		play_once(victim, 0);
		for (unsigned i = 0; i < victim->seen_count; i++)
			for (size_t j = 0; j < sizeof labels / sizeof labels[0]; j++)
				if (strcmp(victim->seen[i].label, labels[j]) == 0)
					found[j] = true;
	}
	for (size_t j = 0; j < sizeof labels / sizeof labels[0]; j++)
		ck_assert_msg(found[j], "%s: nobody comes there", labels[j]);
}
END_TEST

/* ---- dying in a race ---- */

static const char *const race_labels[] = {
    "create: staged", "create: built",       "create: before link", "create: linked",  "open: opened", "open: found dead", "open: locked",
    "open: found alive", "sweep: found dead", "fork: opened", "fork: shared", "close: unlocked", "close: last",        "bury: before unlink", "bury: after unlink", "slot: taken",  "slot: shown",
    "slot: hidden",
};
#define RACE_LABELS (int)(sizeof race_labels / sizeof race_labels[0])

struct mortal {
	const char *label;
	unsigned nth;
	uint64_t seed;
};

/* Leaves a corpse for others to find. */
static int die_holding(void *arg)
{
	moor_map *map;

	(void)arg;
	if (moor_map_create_or_open("another", SIZE, NULL, &map) >= 0)
		kill(getpid(), SIGKILL);
	return 1;
}

/* Forks while it holds the name. Whoever comes to the label dies: the child, and its parent after it, or the parent. */
static int fork_and_close(moor_map *map)
{
	const pid_t pid = fork();
	int status;

	if (pid == 0) {
		moor_map_close(map);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) != pid)
		continue;
	if (WIFSIGNALED(status))
		kill(getpid(), SIGKILL);
	return WEXITSTATUS(status);
}

/* Ends when killed, or when it has not come to the label for long enough (other races lead elsewhere). */
static int live_dangerously(void *arg)
{
	struct mortal *mortal = arg;
	const bool forks = strncmp(mortal->label, "fork: ", 6) == 0;
	const bool sweeps = strncmp(mortal->label, "sweep: ", 7) == 0;

	/* The library in the child counts its labels on its own: it must be the first to come there. */
	t_die_at(mortal->label, forks || sweeps ? 1 : mortal->nth);
	for (int round = 0; round < 2000; round++) {
		moor_map *map;
		const int news = moor_map_create_or_open("m", SIZE, NULL, &map);

		if (news < 0)
			return -news;
		if (forks && fork_and_close(map) != 0)
			return 1;
		moor_map_close(map);
		if (sweeps && round % 20 == 0) {
			const pid_t pid = fork();

			if (pid == 0) {
				t_die_at("", 1);
				_exit(die_holding(NULL));
			}
			while (waitpid(pid, NULL, 0) != pid)
				continue;
		}
	}
	return 0;
}

struct survivor {
	bool stop;
	unsigned rounds[2];
	unsigned creations;
};

static struct survivor *survivor;

static int survive(void *arg)
{
	unsigned *rounds = arg;

	while (!__atomic_load_n(&survivor->stop, __ATOMIC_ACQUIRE)) {
		const int64_t start = t_now();
		moor_view *view;
		moor_map *map;
		int news;

		if (*rounds % 2)
			news = moor_map_create_or_open("m", SIZE, NULL, &map);
		else
			news = moor_map_open("m", NULL, &map);
		__atomic_add_fetch(rounds, 1, __ATOMIC_RELAXED);
		ck_assert_int_lt(t_now() - start, AT_ONCE_NS);
		if (news == MOOR_ENOENT)
			continue;
		if (news < 0)
			return -news;
		t_assert_err(moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view), 0);
		if (news == MOOR_CREATED) {
			is_filled(map, 0);
			__atomic_add_fetch(&survivor->creations, 1, __ATOMIC_RELAXED);
		}
		moor_view_unmap(view);
		moor_map_close(map);
	}
	return 0;
}

START_TEST(test_M33_killed_in_a_race)
{
	uint64_t seed = (uint64_t)_i + 1;
	unsigned deaths = 0;
	pid_t others[2];

	moor__linux_stage_with_name = _i % 2;
	survivor = t_shared(sizeof *survivor);
	for (int i = 0; i < 2; i++)
		others[i] = t_spawn(survive, &survivor->rounds[i]);
	for (int round = 0; round < 4 * RACE_LABELS; round++) {
		struct mortal mortal = {race_labels[round % RACE_LABELS], (unsigned)(t_random(&seed) % 20) + 1, seed};
		const int code = t_wait(t_spawn(live_dangerously, &mortal));

		if (code == 128 + SIGKILL)
			deaths++;
		else
			t_assert_err(-code, 0);
	}
	__atomic_store_n(&survivor->stop, true, __ATOMIC_RELEASE);
	for (int i = 0; i < 2; i++)
		t_assert_err(-t_wait(others[i]), 0);
	ck_assert_uint_gt(deaths, 2 * RACE_LABELS);
	ck_assert_uint_gt(survivor->rounds[0], 10);
	moor_map_close(created("next"));
	ck_assert_int_eq(t_local_entries(), 0);
	printf("race: %u deaths, %u and %u rounds, %u creations\n", deaths, survivor->rounds[0], survivor->rounds[1],
	       survivor->creations);
}
END_TEST

/* ---- a burial is no sign of life ---- */

static int burial = -1; /* a description that holds the life byte exclusively, as of one who buries */

static void bury_in_vain(const char *label)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)1 << 62, .l_len = 1};
	char path[128];

	if (strcmp(label, "open: opened") == 0 && burial < 0) {
		snprintf(path, sizeof path, "%s/mooring-%lu/mooring.m", t_dir(), (unsigned long)geteuid());
		burial = open(path, O_RDWR | O_CLOEXEC);
		ck_assert_int_ge(burial, 0);
		ck_assert_int_eq(fcntl(burial, F_OFD_SETLK, &lock), 0);
	} else if (burial >= 0 && (strcmp(label, "open: opened") == 0 || strcmp(label, "open: found alive") == 0)) {
		close(burial); /* as if it had been killed before the unlink */
	}
}

/* Who is refused the lock by somebody's burial, and then finds it free since that one was killed, must not join. */
START_TEST(test_M42_a_burial_is_no_sign_of_life)
{
	struct scene corpse = {.corpse = true};
	moor_map *map;

	ck_assert_int_eq(t_wait(t_spawn(leave_corpses, &corpse)), 128 + SIGKILL);
	moor__crash_hook = bury_in_vain;
	t_assert_err(moor_map_open("m", NULL, &map), MOOR_ENOENT);
	moor__crash_hook = NULL;
	ck_assert_int_ge(burial, 0);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("life_crash");
	TCase *tc = tcase_create("life_crash");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_M33_killed_at_every_label, 0, 2 * SCENES);
	tcase_add_test(tc, test_M33_no_label_is_left_out);
	tcase_add_loop_test(tc, test_M33_killed_in_a_race, 0, 2);
	tcase_add_test(tc, test_M42_a_burial_is_no_sign_of_life);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
