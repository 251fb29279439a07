/* SPDX-License-Identifier: Apache-2.0 */
/* test_name.c - holds, and the looks at names: enumerate, participants, shm_stat. */
#include "tests/lib/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static char untouched;

static moor_map *created(const char *name, uint64_t size)
{
	moor_map *map = NULL;

	t_assert_err(moor_map_create(name, size, NULL, &map), 0);
	return map;
}

/* ---- holds ---- */

START_TEST(test_hold_keeps_a_map_alive)
{
	moor_map *map = created("m", 100);
	moor_hold *hold, *second;
	moor_view *view;

	t_assert_err(moor_hold_open("m", &hold), 0);
	t_assert_err(moor_hold_open("Local\\m", &second), 0);
	t_assert_err(moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view), 0);
	strcpy(moor_view_data(view), "kept");
	moor_view_unmap(view);
	moor_map_close(map);
	t_assert_err(moor_map_create("m", 100, NULL, &map), MOOR_EEXIST);
	t_assert_err(moor_map_open("m", NULL, &map), 0);
	t_assert_err(moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view), 0);
	ck_assert_str_eq(moor_view_data(view), "kept");
	moor_view_unmap(view);
	moor_hold_close(hold);
	moor_map_close(map);
	t_assert_err(moor_map_open("m", NULL, &map), 0);
	moor_map_close(map);
	errno = 77;
	moor_hold_close(second);
	ck_assert_int_eq(errno, 77);
	t_assert_err(moor_map_open("m", NULL, &map), MOOR_ENOENT);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

START_TEST(test_hold_keeps_a_channel_and_its_messages)
{
	const struct moor_channel_opts open = MOOR_CHANNEL_OPTS(.flags = MOOR_OPEN_ONLY);
	char text[16];
	moor_hold *hold;
	moor_tx *tx;
	moor_rx *rx;
	size_t len;

	t_assert_err(moor_tx_open("Global\\c", NULL, &tx), MOOR_CREATED);
	t_assert_err(moor_hold_open("Global\\c", &hold), 0);
	t_assert_err(moor_tx_send(tx, "kept", 5, 0), 0);
	moor_tx_close(tx);
	/* No role is taken by it. */
	t_assert_err(moor_tx_open("Global\\c", &open, &tx), 0);
	t_assert_err(moor_rx_open("Global\\c", &open, &rx), 0);
	t_assert_err(moor_rx_recv(rx, text, sizeof text, &len, 0), 0);
	ck_assert_str_eq(text, "kept");
	moor_tx_close(tx);
	moor_rx_close(rx);
	moor_hold_close(hold);
	t_assert_err(moor_tx_open("Global\\c", &open, &tx), MOOR_ENOENT);
}
END_TEST

START_TEST(test_hold_errors)
{
	moor_hold *hold = (moor_hold *)(void *)&untouched;

	t_assert_err(moor_hold_open("m", &hold), MOOR_ENOENT);
	t_assert_err(moor_hold_open(NULL, &hold), MOOR_EINVAL);
	t_assert_err(moor_hold_open("", &hold), MOOR_ENAME);
	t_assert_err(moor_hold_open("a/b", &hold), MOOR_ENAME);
	t_assert_err(moor_hold_open("m", NULL), MOOR_EINVAL);
	ck_assert_ptr_eq(hold, (void *)&untouched);
	moor_hold_close(NULL);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* ---- enumerate ---- */

#define SEEN 32
static struct {
	struct moor_name_info info;
	char name[256];
} seen[SEEN];
static int seen_count;

static int remember(const struct moor_name_info *info, void *arg)
{
	ck_assert_ptr_eq(arg, &seen);
	ck_assert_uint_eq(info->struct_size, sizeof *info);
	ck_assert_int_lt(seen_count, SEEN);
	ck_assert_uint_lt(strlen(info->name), sizeof seen[0].name);
	seen[seen_count].info = *info;
	strcpy(seen[seen_count++].name, info->name);
	return 0;
}

static void look(void)
{
	seen_count = 0;
	t_assert_err(moor_enumerate(remember, &seen), 0);
}

static const struct moor_name_info *find(const char *name)
{
	const struct moor_name_info *found = NULL;

	for (int i = 0; i < seen_count; i++) {
		if (strcmp(seen[i].name, name) == 0) {
			ck_assert_msg(!found, "%s is there twice", name);
			found = &seen[i].info;
		}
	}
	return found;
}

static int stop_at_second(const struct moor_name_info *info, void *arg)
{
	(void)info;
	return ++*(int *)arg == 2 ? 42 : 0;
}

static int stop_negative(const struct moor_name_info *info, void *arg)
{
	(void)info;
	++*(int *)arg;
	return -42;
}

START_TEST(test_enumerate_nothing)
{
	int calls = 0;

	t_assert_err(moor_enumerate(NULL, NULL), MOOR_EINVAL);
	t_assert_err(moor_enumerate(stop_negative, &calls), 0);
	ck_assert_int_eq(calls, 0);
}
END_TEST

START_TEST(test_enumerate_what_lives)
{
	const struct moor_map_opts shared = MOOR_MAP_OPTS(.mode = 0664);
	const struct moor_name_info *info;
	moor_map *a = created("a", 12345), *a2, *b, *c = created("c", 1);
	moor_hold *hold;
	moor_tx *tx;
	moor_rx *rx;
	int calls = 0;

	t_assert_err(moor_map_open("a", NULL, &a2), 0);
	t_assert_err(moor_map_create("Global\\b", 77, &shared, &b), 0);
	t_assert_err(moor_hold_open("c", &hold), 0);
	moor_map_close(c);
	t_assert_err(moor_tx_open("ch", &MOOR_CHANNEL_OPTS(.capacity = 8192), &tx), MOOR_CREATED);
	t_assert_err(moor_rx_open("Global\\ch", NULL, &rx), MOOR_CREATED);
	moor_map_close(created("gone", 1));
	look();
	ck_assert_int_eq(seen_count, 5);
	info = find("Local\\a");
	ck_assert_ptr_nonnull(info);
	ck_assert_uint_eq(info->kind, MOOR_OBJ_MAP);
	ck_assert_uint_eq(info->size, 12345);
	ck_assert_uint_eq(info->uid, geteuid());
	ck_assert_uint_eq(info->mode, 0600);
	ck_assert_uint_eq(info->participants, 2);
	info = find("Global\\b");
	ck_assert_ptr_nonnull(info);
	ck_assert_uint_eq(info->kind, MOOR_OBJ_MAP);
	ck_assert_uint_eq(info->size, 77);
	ck_assert_uint_eq(info->mode, 0664);
	ck_assert_uint_eq(info->participants, 1);
	info = find("Local\\c");
	ck_assert_ptr_nonnull(info);
	ck_assert_uint_eq(info->participants, 0); /* held, no more */
	info = find("Local\\ch");
	ck_assert_ptr_nonnull(info);
	ck_assert_uint_eq(info->kind, MOOR_OBJ_CHANNEL);
	ck_assert_uint_eq(info->size, 8192);
	ck_assert_uint_eq(info->participants, 1);
	ck_assert_ptr_nonnull(find("Global\\ch"));
	for (int i = 1; i < seen_count; i++) /* Local\ first */
		ck_assert(!(strncmp(seen[i].name, "Local", 5) == 0 && strncmp(seen[i - 1].name, "Global", 6) == 0));

	ck_assert_int_eq(moor_enumerate(stop_at_second, &calls), 42);
	ck_assert_int_eq(calls, 2);
	ck_assert_int_eq(moor_enumerate(stop_negative, &calls), -42);
	ck_assert_int_eq(calls, 3);
	moor_rx_close(rx);
	moor_tx_close(tx);
	moor_hold_close(hold);
	moor_map_close(a);
	moor_map_close(a2);
	moor_map_close(b);
	look();
	ck_assert_int_eq(seen_count, 0);
}
END_TEST

static int use_everything(const struct moor_name_info *info, void *arg)
{
	moor_hold *hold;
	moor_map *map;

	(void)arg;
	t_assert_err(moor_hold_open(info->name, &hold), 0);
	t_assert_err(moor_map_create("Global\\inside", 100, NULL, &map), 0);
	moor_map_close(map);
	moor_hold_close(hold);
	return 0;
}

START_TEST(test_enumerate_lets_its_callback_call_anything)
{
	moor_map *map = created("m", 100), *other = created("Global\\n", 100);

	t_assert_err(moor_enumerate(use_everything, NULL), 0);
	moor_map_close(map);
	moor_map_close(other);
}
END_TEST

static int hold_one(void *arg)
{
	moor_map *map;

	t_assert_err(moor_map_open("m", NULL, &map), 0);
	t_gate_open(arg, 1);
	for (;;)
		pause();
}

static int own_one(void *arg)
{
	moor_map *map;

	t_assert_err(moor_map_create("dead", 100, NULL, &map), 0);
	t_gate_open(arg, 1);
	for (;;)
		pause();
}

START_TEST(test_enumerate_and_participants_leave_out_the_dead)
{
	struct t_gate *gate = t_gate_new();
	moor_map *map = created("m", 100);
	const pid_t holder = t_spawn(hold_one, gate), owner = t_spawn(own_one, gate);

	t_gate_pass(gate);
	t_gate_pass(gate);
	look();
	ck_assert_int_eq(seen_count, 2);
	/* The children of fork hold "m" too, the first one twice. */
	ck_assert_uint_eq(find("Local\\m")->participants, 4);
	ck_assert_ptr_nonnull(find("Local\\dead"));
	t_kill(holder);
	t_kill(owner);
	look();
	ck_assert_int_eq(seen_count, 1);
	ck_assert_uint_eq(find("Local\\m")->participants, 1);
	ck_assert_int_eq(t_local_entries(), 2); /* a look disturbs nothing */
	moor_map_close(map);
	moor_map_close(created("any", 1));
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* What others have put beside the names is no name, however much its file's name looks like one. */
START_TEST(test_enumerate_ignores_what_is_no_object)
{
	moor_map *map = created("m", 100);
	char path[512], name[256];

	snprintf(path, sizeof path, "%s/mooring-%lu/mooring.d", t_dir(), (unsigned long)geteuid());
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/mooring-%lu/mooring.f", t_dir(), (unsigned long)geteuid());
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	snprintf(path, sizeof path, "%s/mooring-%lu/mooring.l", t_dir(), (unsigned long)geteuid());
	ck_assert_int_eq(symlink("mooring.m", path), 0);
	snprintf(path, sizeof path, "%s/mooring-%lu/mooring.empty", t_dir(), (unsigned long)geteuid());
	close(open(path, O_CREAT | O_WRONLY, 0600));
	snprintf(path, sizeof path, "%s/mooring-%lu/other", t_dir(), (unsigned long)geteuid());
	close(open(path, O_CREAT | O_WRONLY, 0600));
	look();
	ck_assert_int_eq(seen_count, 1);
	ck_assert_ptr_nonnull(find("Local\\m"));
	moor_map_close(map);

	/* A file name that is longer than any name of ours: not the name that it begins with, once more. */
	memset(name, 'n', MOOR_NAME_MAX);
	name[MOOR_NAME_MAX] = '\0';
	map = created(name, 100);
	snprintf(path, sizeof path, "%s/mooring-%lu/mooring.%sx", t_dir(), (unsigned long)geteuid(), name);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	look();
	ck_assert_int_eq(seen_count, 1);
	moor_map_close(map);
}
END_TEST

START_TEST(test_enumerate_in_a_directory_that_is_not_to_be_trusted)
{
	int calls = 0;

	chmod(t_dir(), 0777);
	t_assert_err(moor_enumerate(stop_negative, &calls), MOOR_EACCES);
	ck_assert_int_eq(calls, 0);
	chmod(t_dir(), 0700);
}
END_TEST

/* ---- participants ---- */

static struct moor_participant_info present[16];
static int present_count;

static int note(const struct moor_participant_info *info, void *arg)
{
	ck_assert_ptr_eq(arg, present);
	ck_assert_uint_eq(info->struct_size, sizeof *info);
	ck_assert_int_lt(present_count, 16);
	present[present_count++] = *info;
	return 0;
}

static int first_only(const struct moor_participant_info *info, void *arg)
{
	(void)info;
	++*(int *)arg;
	return 42;
}

START_TEST(test_participants_of_a_map)
{
	moor_map *a = created("m", 100), *b;
	int calls = 0;

	t_assert_err(moor_map_open("m", NULL, &b), 0);
	present_count = 0;
	t_assert_err(moor_participants("m", note, present), 0);
	ck_assert_int_eq(present_count, 2);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(present[i].pid, (uint32_t)getpid());
		ck_assert_uint_eq(present[i].role, MOOR_ROLE_HOLDER);
	}
	ck_assert_uint_ne(present[0].slot, present[1].slot);
	ck_assert_int_eq(moor_participants("m", first_only, &calls), 42);
	ck_assert_int_eq(calls, 1);
	moor_map_close(a);
	present_count = 0;
	t_assert_err(moor_participants("m", note, present), 0);
	ck_assert_int_eq(present_count, 1);
	moor_map_close(b);
	t_assert_err(moor_participants("m", note, present), MOOR_ENOENT);
}
END_TEST

START_TEST(test_participants_of_a_channel)
{
	moor_tx *tx;
	moor_rx *rx;

	t_assert_err(moor_tx_open("c", NULL, &tx), MOOR_CREATED);
	t_assert_err(moor_rx_open("c", NULL, &rx), 0);
	present_count = 0;
	t_assert_err(moor_participants("c", note, present), 0);
	ck_assert_int_eq(present_count, 2);
	ck_assert_uint_eq(present[0].role, MOOR_ROLE_CONSUMER);
	ck_assert_uint_eq(present[1].role, MOOR_ROLE_PRODUCER);
	moor_rx_close(rx);
	present_count = 0;
	t_assert_err(moor_participants("c", note, present), 0);
	ck_assert_int_eq(present_count, 1);
	ck_assert_uint_eq(present[0].role, MOOR_ROLE_PRODUCER);
	moor_tx_close(tx);
}
END_TEST

START_TEST(test_participants_errors)
{
	moor_map *map = created("m", 100);

	t_assert_err(moor_participants("m", NULL, NULL), MOOR_EINVAL);
	t_assert_err(moor_participants(NULL, note, present), MOOR_EINVAL);
	t_assert_err(moor_participants("", note, present), MOOR_ENAME);
	t_assert_err(moor_participants("n", note, present), MOOR_ENOENT);
	moor_map_close(map);
}
END_TEST

/* More handles than slots: all work, the surplus is not counted. */
START_TEST(test_participants_when_every_slot_is_taken)
{
	enum { HANDLES = MOOR_ABI_MAP_SLOTS + 10 };
	moor_map *maps[HANDLES];

	maps[0] = created("m", 100);
	for (int i = 1; i < HANDLES; i++)
		t_assert_err(moor_map_open("m", NULL, &maps[i]), 0);
	look();
	ck_assert_uint_eq(find("Local\\m")->participants, MOOR_ABI_MAP_SLOTS);
	for (int i = 0; i < HANDLES - 1; i++)
		moor_map_close(maps[i]);
	look();
	ck_assert_ptr_nonnull(find("Local\\m"));
	moor_map_close(maps[HANDLES - 1]);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

/* ---- shm_stat ---- */

START_TEST(test_shm_stat)
{
	struct {
		struct moor_shm_info info;
		uint64_t newer;
	} longer = {.newer = 5};
	struct moor_shm_info info;
	struct statvfs vfs;

	memset(&info, 0x5a, sizeof info);
	info.struct_size = sizeof info;
	t_assert_err(moor_shm_stat(&info), 0);
	ck_assert_int_eq(statvfs(t_dir(), &vfs), 0);
	ck_assert_str_eq(info.directory, t_dir());
	ck_assert_uint_eq(info.total_bytes, (uint64_t)vfs.f_blocks * vfs.f_frsize);
	ck_assert_uint_le(info.free_bytes, info.total_bytes);
	ck_assert_uint_eq(info.pad, 0);
	ck_assert_uint_eq(info.struct_size, sizeof info);
	longer.info.struct_size = sizeof longer;
	t_assert_err(moor_shm_stat(&longer.info), 0);
	ck_assert_uint_eq(longer.newer, 0);
	ck_assert_str_eq(longer.info.directory, t_dir());

	memset(&info, 0x5a, sizeof info);
	info.struct_size = 16;
	t_assert_err(moor_shm_stat(&info), 0);
	ck_assert_uint_eq(info.total_bytes, longer.info.total_bytes);
	ck_assert_uint_eq(info.free_bytes, UINT64_C(0x5a5a5a5a5a5a5a5a));
	info.struct_size = 3;
	t_assert_err(moor_shm_stat(&info), MOOR_EINVAL);
	t_assert_err(moor_shm_stat(NULL), MOOR_EINVAL);
	setenv("MOORING_DIR", "/nowhere", 1);
	info.struct_size = 16;
	info.total_bytes = 77;
	t_assert_err(moor_shm_stat(&info), MOOR_EACCES);
	ck_assert_uint_eq(info.total_bytes, 77);
	/* Without it: the system's. */
	unsetenv("MOORING_DIR");
	longer.info.struct_size = sizeof longer;
	t_assert_err(moor_shm_stat(&longer.info), 0);
	ck_assert_str_eq(longer.info.directory, "/dev/shm");
	setenv("MOORING_DIR", "", 1);
	t_assert_err(moor_shm_stat(&longer.info), 0);
	ck_assert_str_eq(longer.info.directory, "/dev/shm");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("name");
	TCase *tc = tcase_create("name");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_hold_keeps_a_map_alive);
	tcase_add_test(tc, test_hold_keeps_a_channel_and_its_messages);
	tcase_add_test(tc, test_hold_errors);
	tcase_add_test(tc, test_enumerate_nothing);
	tcase_add_test(tc, test_enumerate_what_lives);
	tcase_add_test(tc, test_enumerate_lets_its_callback_call_anything);
	tcase_add_test(tc, test_enumerate_and_participants_leave_out_the_dead);
	tcase_add_test(tc, test_enumerate_in_a_directory_that_is_not_to_be_trusted);
	tcase_add_test(tc, test_participants_of_a_map);
	tcase_add_test(tc, test_participants_of_a_channel);
	tcase_add_test(tc, test_participants_errors);
	tcase_add_test(tc, test_participants_when_every_slot_is_taken);
	tcase_add_test(tc, test_shm_stat);
	tcase_add_test(tc, test_enumerate_ignores_what_is_no_object);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
