/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_named_flips.c - H11 on named objects: a process that may open them turns random bits anywhere in the whole object,
 * at full speed, and now and then puts all of it back, while two others use it. Nobody crashes, each call that has a
 * time-out comes back, and with the object as it was all goes on. For as long as MOORING_FLIP_SECONDS says, each kind.
 */
#include "tests/lib/testing.h"

#include "base/atomic.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MS ((int64_t)1000000)
#define NAME "flipped"

struct storm {
	uint32_t stop, pad;
	uint64_t flips, restored;
	uint64_t calls[2], well[2], corrupt[2]; /* of the two users */
};

static struct storm *storm;

/* ---- who turns the bits ---- */

static unsigned char *map_whole(size_t *ret_len)
{
	char path[256];
	struct stat st;
	void *mem;
	int fd;

	snprintf(path, sizeof path, "%s/mooring-%lu/mooring." NAME, t_dir(), (unsigned long)geteuid());
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		return NULL;
	*ret_len = (size_t)st.st_size;
	mem = mmap(NULL, *ret_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return mem == MAP_FAILED ? NULL : mem;
}

static void turn_bit(unsigned char *mem, size_t len, uint64_t random)
{
	uint32_t *word = (uint32_t *)(void *)(mem + (random % len & ~(size_t)3));

	moor__store_32(word, moor__load_32(word) ^ (uint32_t)1 << (random >> 59));
}

/* Mostly where the words are: in the first pages. */
static void flip(unsigned char *mem, size_t len, uint64_t *state)
{
	const uint64_t random = t_random(state);
	const size_t head = len < 2048 ? len : 2048;

	turn_bit(mem, random & (uint64_t)1 << 57 ? head : len, random);
}

static int flipper(void *arg)
{
	uint64_t state = (uint64_t)t_now();
	unsigned char *mem, *image;
	size_t len;

	(void)arg;
	mem = map_whole(&len);
	image = mem ? malloc(len) : NULL;
	if (!image)
		return 2;
	memcpy(image, mem, len);
	do {
		for (uint64_t n = (uint64_t)1 << t_random(&state) % 16; n; n--) {
			flip(mem, len, &state);
			storm->flips++;
		}
		if (t_random(&state) % 4 == 0) {
			memcpy(mem, image, len);
			storm->restored++;
			usleep((useconds_t)(t_random(&state) % 3000));
		}
	} while (!moor__load_32(&storm->stop));
	free(image);
	munmap(mem, len);
	return 0;
}

/* ---- who uses the object ---- */

struct user {
	int which;
	uint64_t state;
};

static uint64_t any(struct user *user, uint64_t below)
{
	return t_random(&user->state) % below;
}

static int64_t any_timeout(struct user *user)
{
	static const int64_t timeouts[] = {MOOR_NOWAIT, 1, MS / 10, MS, 5 * MS};

	return timeouts[any(user, sizeof timeouts / sizeof timeouts[0])];
}

/* Every call's result goes through here. */
static int did(const struct user *user, int result)
{
	storm->calls[user->which]++;
	storm->well[user->which] += result >= 0;
	storm->corrupt[user->which] += result == MOOR_ECORRUPT;
	return result;
}

static void touch(const void *data, size_t len)
{
	const volatile unsigned char *at = data;

	for (size_t i = 0; i < len; i++)
		(void)at[i];
}

static void send_some(struct user *user, moor_tx *tx)
{
	static unsigned char content[4096];
	struct moor_waitable waitable = moor_tx_waitable(tx);
	size_t index;
	void *data;

	for (int i = 0; i < 200; i++) {
		const size_t len = any(user, 512);
		int err = 0;

		switch (any(user, 8)) {
		case 0:
			err = did(user, moor_tx_reserve(tx, len, &data));
			if (!err) {
				memset(data, 1, len);
				err = did(user, moor_tx_commit(tx, any(user, len + 1)));
			}
			break;
		case 1:
			err = did(user, moor_tx_wait(tx, len, any_timeout(user)));
			break;
		case 2:
			err = did(user, moor_tx_drain(tx, any_timeout(user)));
			break;
		case 3:
			err = did(user, moor_wait_any(&waitable, 1, any_timeout(user), &index));
			break;
		default:
			err = did(user, moor_tx_send(tx, content, len, any_timeout(user)));
		}
		if (err == MOOR_ECORRUPT)
			break;
	}
}

static void receive_some(struct user *user, moor_rx *rx)
{
	struct moor_waitable waitable = moor_rx_waitable(rx);
	unsigned char buf[1024];
	struct moor_msg msg;
	moor_os_handle fd;
	size_t index, len;

	for (int i = 0; i < 200; i++) {
		int err = 0;

		switch (any(user, 9)) {
		case 0:
			err = did(user, moor_rx_peek(rx, &msg));
			if (!err)
				touch(msg.data, msg.len);
			break;
		case 1:
			moor_rx_release(rx);
			break;
		case 2:
			err = did(user, moor_rx_rewind(rx));
			break;
		case 3:
			err = did(user, moor_wait_any(&waitable, 1, any_timeout(user), &index));
			break;
		case 4:
			err = did(user, moor_rx_wait(rx, any_timeout(user)));
			break;
		case 5:
			err = did(user, moor_rx_fd(rx, &fd));
			if (!err)
				err = did(user, moor_rx_arm(rx));
			if (!err)
				(void)poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, (int)any(user, 3));
			break;
		default:
			err = did(user, moor_rx_recv(rx, buf, sizeof buf, &len, any_timeout(user)));
			if (!err)
				touch(buf, len);
		}
		if (err == MOOR_ECORRUPT)
			break;
	}
}

static void use_channel(struct user *user)
{
	const struct moor_channel_opts opts = MOOR_CHANNEL_OPTS(.flags = MOOR_OPEN_ONLY);
	struct moor_channel_info info = {.struct_size = sizeof info};
	moor_tx *tx;
	moor_rx *rx;

	(void)did(user, moor_channel_stat(NAME, &info));
	if (user->which == 0 && did(user, moor_tx_open(NAME, &opts, &tx)) == 0) {
		send_some(user, tx);
		moor_tx_close(tx);
	} else if (user->which == 1 && did(user, moor_rx_open(NAME, &opts, &rx)) == 0) {
		receive_some(user, rx);
		moor_rx_close(rx);
	}
}

static void use_mutex(struct user *user)
{
	struct moor_waitable waitable;
	moor_mutex *mutex;
	size_t index;

	if (did(user, moor_mutex_open(NAME, NULL, &mutex)) != 0)
		return;
	waitable = moor_mutex_waitable(mutex);
	for (int i = 0; i < 50; i++) {
		const int64_t timeout_ns = any_timeout(user);
		const uint64_t way = any(user, 6);
		const int news = did(user, way == 0   ? moor_wait_any(&waitable, 1, timeout_ns, &index)
		                           : way == 1 ? moor_wait_all(&waitable, 1, timeout_ns)
		                                      : moor_mutex_lock(mutex, timeout_ns));

		if (news >= 0 && any(user, 20)) /* else it is closed while held */
			t_assert_err(moor_mutex_unlock(mutex), 0);
	}
	moor_mutex_close(mutex);
}

static void use_sem(struct user *user)
{
	struct moor_waitable twice[2];
	uint32_t before;
	moor_sem *sem;

	if (did(user, moor_sem_open(NAME, NULL, &sem)) != 0)
		return;
	twice[0] = twice[1] = moor_sem_waitable(sem);
	for (int i = 0; i < 50; i++) {
		switch (any(user, 4)) {
		case 0:
			(void)did(user, moor_sem_wait(sem, any_timeout(user)));
			break;
		case 1:
			(void)did(user, moor_wait_all(twice, 2, any_timeout(user)));
			break;
		default:
			(void)did(user, moor_sem_post(sem, (uint32_t)any(user, 4), &before));
		}
	}
	moor_sem_close(sem);
}

static void use_event(struct user *user)
{
	struct moor_waitable waitable;
	moor_event *event;
	size_t index;

	if (did(user, moor_event_open(NAME, NULL, &event)) != 0)
		return;
	waitable = moor_event_waitable(event);
	for (int i = 0; i < 50; i++) {
		switch (any(user, 5)) {
		case 0:
			(void)did(user, moor_event_set(event));
			break;
		case 1:
			(void)did(user, moor_event_reset(event));
			break;
		case 2:
			(void)did(user, moor_wait_any(&waitable, 1, any_timeout(user), &index));
			break;
		case 3:
			(void)did(user, moor_wait_all(&waitable, 1, any_timeout(user)));
			break;
		default:
			(void)did(user, moor_event_wait(event, any_timeout(user)));
		}
	}
	moor_event_close(event);
}

static int count_holder(const struct moor_participant_info *info, void *arg)
{
	(void)info;
	++*(unsigned *)arg;
	return 0;
}

static int count_name(const struct moor_name_info *info, void *arg)
{
	touch(info->name, strlen(info->name));
	++*(unsigned *)arg;
	return 0;
}

static void use_view(struct user *user, moor_map *map, enum moor_access access)
{
	const uint64_t size = moor_map_size(map), offset = any(user, size);
	moor_view *view;

	if (did(user, moor_view_map(map, offset, 0, access, &view)) != 0)
		return;
	touch(moor_view_data(view), moor_view_size(view));
	(void)did(user, moor_map_commit(map, any(user, size + 1)));
	(void)did(user, moor_view_extend(view));
	touch(moor_view_data(view), moor_view_size(view));
	(void)did(user, moor_view_flush(view));
	moor_view_unmap(view);
}

static void use_map(struct user *user)
{
	const enum moor_access access = user->which ? MOOR_READ : MOOR_READ_WRITE;
	unsigned names = 0, holders = 0;
	moor_map *map;

	(void)did(user, moor_enumerate(count_name, &names));
	(void)did(user, moor_participants(NAME, count_holder, &holders));
	if (did(user, moor_map_open(NAME, &MOOR_MAP_OPTS(.access = access), &map)) != 0)
		return;
	for (int i = 0; i < 20; i++)
		use_view(user, map, access);
	moor_map_close(map);
}

/* ---- each kind ---- */

static void *make_channel(void)
{
	moor_tx *tx;

	t_assert_err(moor_tx_open(NAME, &MOOR_CHANNEL_OPTS(.capacity = 4096), &tx), MOOR_CREATED);
	t_assert_err(moor_tx_send(tx, "first", 5, MOOR_NOWAIT), 0);
	return tx;
}

static void *make_many(void)
{
	const struct moor_channel_opts opts = MOOR_CHANNEL_OPTS(.capacity = 4096, .kind = MOOR_MPSC, .max_producers = 3);
	moor_tx *tx;

	t_assert_err(moor_tx_open(NAME, &opts, &tx), MOOR_CREATED);
	t_assert_err(moor_tx_send(tx, "first", 5, MOOR_NOWAIT), 0);
	return tx;
}

static void *make_mutex(void)
{
	moor_mutex *mutex;

	t_assert_err(moor_mutex_create(NAME, NULL, &mutex), 0);
	return mutex;
}

static void *make_sem(void)
{
	moor_sem *sem;

	t_assert_err(moor_sem_create(NAME, 2, 5, NULL, &sem), 0);
	return sem;
}

static void *make_manual(void)
{
	moor_event *event;

	t_assert_err(moor_event_create(NAME, MOOR_MANUAL_RESET, NULL, &event), 0);
	return event;
}

static void *make_auto(void)
{
	moor_event *event;

	t_assert_err(moor_event_create(NAME, 0, NULL, &event), 0);
	return event;
}

static void *make_map(void)
{
	moor_map *map;

	t_assert_err(moor_map_create(NAME, 20000, NULL, &map), 0);
	return map;
}

static void *make_reserved(void)
{
	moor_map *map;

	t_assert_err(moor_map_create(NAME, 65536, &MOOR_MAP_OPTS(.flags = MOOR_MAP_RESERVE), &map), 0);
	t_assert_err(moor_map_commit(map, 8192), 0);
	return map;
}

static const struct {
	const char *what;
	void *(*make)(void);
	void (*use)(struct user *user);
} kinds[] = {{"channel", make_channel, use_channel},   {"channel of many", make_many, use_channel},
             {"mutex", make_mutex, use_mutex},         {"semaphore", make_sem, use_sem},
             {"manual event", make_manual, use_event}, {"auto event", make_auto, use_event},
             {"map", make_map, use_map},               {"reserved map", make_reserved, use_map}};
#define KINDS (int)(sizeof kinds / sizeof kinds[0])

struct role {
	int kind, which;
};

static int run_user(void *arg)
{
	const struct role *role = arg;
	struct user user = {role->which, (uint64_t)t_now() + (uint64_t)role->which};

	do
		kinds[role->kind].use(&user);
	while (!moor__load_32(&storm->stop));
	return 0;
}

/* Made by a process that ends, so that no role is taken here. */
static struct t_gate *made, *held;

static int make_and_leave(void *arg)
{
	const struct role *role = arg;

	(void)kinds[role->kind].make();
	t_gate_open(made, 1);
	t_gate_pass(held);
	return 0;
}

static moor_hold *make_and_hold(int kind)
{
	struct role role = {kind, 0};
	moor_hold *hold;
	pid_t maker;

	made = t_gate_new();
	held = t_gate_new();
	maker = t_spawn(make_and_leave, &role);
	t_gate_pass(made);
	t_assert_err(moor_hold_open(NAME, &hold), 0);
	t_gate_open(held, 1);
	ck_assert_int_eq(t_wait(maker), 0);
	return hold;
}

static pid_t users[2];

static void start_users(int kind)
{
	static struct role roles[2];

	for (int i = 0; i < 2; i++) {
		roles[i] = (struct role){kind, i};
		users[i] = t_spawn(run_user, &roles[i]);
	}
}

START_TEST(test_H11_bits_turned)
{
	const char *seconds = getenv("MOORING_FLIP_SECONDS");
	moor_hold *hold = make_and_hold(_i);
	pid_t flips;

	storm = t_shared(sizeof *storm);
	flips = t_spawn(flipper, NULL);
	start_users(_i);
	t_sleep_ms(seconds ? (int)(strtod(seconds, NULL) * 1000) : 700);
	moor__store_32(&storm->stop, 1);
	for (int i = 0; i < 2; i++)
		ck_assert_msg(t_wait(users[i]) == 0, "%s, user %d", kinds[_i].what, i);
	ck_assert_int_eq(t_wait(flips), 0);
	t_assert(storm->flips && storm->calls[0] && storm->calls[1]);
	printf("%s: %llu bits turned, %llu times restored; calls %llu and %llu, well %llu and %llu, corrupt %llu and %llu\n",
	       kinds[_i].what, (unsigned long long)storm->flips, (unsigned long long)storm->restored,
	       (unsigned long long)storm->calls[0], (unsigned long long)storm->calls[1], (unsigned long long)storm->well[0],
	       (unsigned long long)storm->well[1], (unsigned long long)storm->corrupt[0],
	       (unsigned long long)storm->corrupt[1]);
	moor_hold_close(hold);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("named objects, bits turned");
	TCase *tc = tcase_create("flips");

	tcase_set_timeout(tc, 0);
	tcase_add_loop_test(tc, test_H11_bits_turned, 0, KINDS);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
