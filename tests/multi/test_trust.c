/* SPDX-License-Identifier: Apache-2.0 */
/* test_trust.c - Z and Q1: other users, things that lie in a name's place, umasks, a full shared memory. */
#include "base/crash.h"
#include "tests/lib/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <mooring/abi.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

extern bool moor__linux_stage_with_name;

#define NOBODY 65534

static char untouched;
#define UNTOUCHED ((moor_map *)(void *)&untouched)

static const struct moor_map_opts any_owner = {.struct_size = sizeof any_owner, .flags = MOOR_ANY_OWNER};

static moor_map *created(const char *name)
{
	moor_map *map = NULL;

	t_assert_err(moor_map_create(name, 100, NULL, &map), 0);
	return map;
}

struct path {
	char text[512];
};

/* Where the name's file lies. */
static struct path path_of(const char *name, uid_t uid)
{
	struct path path;

	if (strncmp(name, "Global\\", 7) == 0)
		snprintf(path.text, sizeof path.text, "%s/mooring.%s", t_dir(), name + 7);
	else
		snprintf(path.text, sizeof path.text, "%s/mooring-%lu/mooring.%s", t_dir(), (unsigned long)uid, name);
	return path;
}

static struct path path_in(const char *dir, const char *global)
{
	struct path path;

	snprintf(path.text, sizeof path.text, "%s/mooring.%s/mooring.%s", t_dir(), dir, global + 7);
	return path;
}

static void put_file(const char *path, mode_t mode)
{
	const int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "not an object", 13), 13);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
}

static ino_t inode_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(lstat(path, &st), 0);
	return st.st_ino;
}

/* No call uses it, and it is still there afterwards. */
static void never_used(const char *name, const char *path)
{
	const struct moor_channel_opts open_only = MOOR_CHANNEL_OPTS(.flags = MOOR_OPEN_ONLY);
	const ino_t inode = inode_of(path);
	moor_hold *hold = (moor_hold *)(void *)&untouched;
	moor_map *map = UNTOUCHED;
	moor_tx *tx;

	t_assert_err(moor_map_create(name, 100, NULL, &map), MOOR_EACCES);
	t_assert_err(moor_map_create_or_open(name, 100, NULL, &map), MOOR_EACCES);
	t_assert_err(moor_map_create(name, 100, &any_owner, &map), MOOR_EACCES);
	t_assert_err(moor_map_open(name, NULL, &map), MOOR_EACCES);
	t_assert_err(moor_map_open_wait(name, NULL, MOOR_FOREVER, &map), MOOR_EACCES);
	t_assert_err(moor_hold_open(name, &hold), MOOR_EACCES);
	t_assert_err(moor_tx_open(name, NULL, &tx), MOOR_EACCES);
	t_assert_err(moor_tx_open(name, &open_only, &tx), MOOR_EACCES);
	ck_assert_ptr_eq(map, UNTOUCHED);
	ck_assert_ptr_eq(hold, (void *)&untouched);
	/* Nor does a sweep take it for a corpse. */
	moor_map_close(created("another"));
	moor_map_close(created("Global\\another"));
	ck_assert_uint_eq(inode_of(path), inode);
}

static int no_participant(const struct moor_participant_info *info, void *arg)
{
	(void)info;
	(void)arg;
	return 1;
}

/* Nor does a look: it trusts what open trusts. */
static void never_looked_at(const char *name)
{
	struct moor_channel_info info = {.struct_size = sizeof info};

	t_assert_err(moor_channel_stat(name, &info), MOOR_EACCES);
	t_assert_err(moor_participants(name, no_participant, NULL), MOOR_EACCES);
}

/* Of root, who may become somebody else. The place of names turns into one that all may use, as the system's is. */
static void needs_root(const char *test_case)
{
	if (geteuid() != 0)
		t_skip(test_case, "needs root");
	ck_assert_int_eq(chmod(t_dir(), 01777), 0);
}

static void become_nobody(void)
{
	ck_assert_int_eq(setgroups(0, NULL), 0);
	ck_assert_int_eq(setgid(NOBODY), 0);
	ck_assert_int_eq(setuid(NOBODY), 0);
}

/* ---- the environment ---- */

/* What this program is when it is run as `PROGRAM where`: whether it uses MOORING_DIR, and has been told to be careful. */
#define USES_IT 1
#define SECURE 2

static int where(void)
{
	static struct moor_shm_info info = {.struct_size = sizeof info};

	if (moor_shm_stat(&info) != 0)
		return 99;
	return (strcmp(info.directory, getenv("MOORING_DIR")) == 0 ? USES_IT : 0) | (getauxval(AT_SECURE) ? SECURE : 0);
}

static void copy_self(const char *to, mode_t mode)
{
	const int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), fd = open(to, O_CREAT | O_WRONLY | O_CLOEXEC, 0700);
	char buf[65536];
	ssize_t got;

	ck_assert(from >= 0 && fd >= 0);
	while ((got = read(from, buf, sizeof buf)) > 0)
		ck_assert_int_eq(write(fd, buf, (size_t)got), got);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(from);
	close(fd);
}

static int run_as_nobody(void *program)
{
	become_nobody();
	execl(program, program, "where", (char *)NULL);
	return 98;
}

START_TEST(test_environment_of_a_set_user_id_program)
{
	char dir[] = "/tmp/mooring-test-XXXXXX", program[64];
	int common, special;

	needs_root("a set-user-id program");
	ck_assert(mkdtemp(dir));
	ck_assert_int_eq(chmod(dir, 0755), 0);
	snprintf(program, sizeof program, "%s/program", dir);
	copy_self(program, 0755);
	common = t_wait(t_spawn(run_as_nobody, program));
	ck_assert_int_eq(chmod(program, 04755), 0);
	special = t_wait(t_spawn(run_as_nobody, program));
	unlink(program);
	rmdir(dir);
	ck_assert_int_eq(common, USES_IT);
	if (special == USES_IT)
		t_skip("a set-user-id program", "the file system has none");
	ck_assert_int_eq(special, SECURE);
}
END_TEST

/* ---- Z1 ---- */

START_TEST(test_Z1_local_file_of_another_user)
{
	const struct path path = path_of("z", geteuid());
	moor_map *map = UNTOUCHED;

	needs_root("Z1");
	moor_map_close(created("makes the directory"));
	put_file(path.text, _i ? 0666 : 0600);
	ck_assert_int_eq(chown(path.text, NOBODY, NOBODY), 0);
	t_assert_err(moor_map_create("z", 100, NULL, &map), MOOR_EACCES);
	t_assert_err(moor_map_create("z", 100, &any_owner, &map), MOOR_EACCES);
	t_assert_err(moor_map_create_or_open("z", 100, NULL, &map), MOOR_EACCES);
	t_assert_err(moor_map_open("z", NULL, &map), MOOR_EACCES);
	ck_assert_ptr_eq(map, UNTOUCHED);
	moor_map_close(created("another"));
	ck_assert_uint_ne(inode_of(path.text), 0);
	ck_assert_int_eq(unlink(path.text), 0);
}
END_TEST

/* Nobody lives in it. open goes by permission: to who may write, it says that nothing of that name lives. */
START_TEST(test_Z1_global_file_of_another_user)
{
	const struct path path = path_of("Global\\z", 0);
	moor_map *map = UNTOUCHED;
	int err;

	needs_root("Z1");
	put_file(path.text, _i ? 0666 : 0600);
	ck_assert_int_eq(chown(path.text, NOBODY, NOBODY), 0);
	t_assert_err(moor_map_create("Global\\z", 100, NULL, &map), MOOR_EACCES);
	t_assert_err(moor_map_create_or_open("Global\\z", 100, NULL, &map), MOOR_EACCES);
	err = moor_map_open("Global\\z", NULL, &map);
	ck_assert_msg(err == MOOR_EACCES || err == MOOR_ENOENT, "%s", moor_err_name(err));
	ck_assert_ptr_eq(map, UNTOUCHED);
	moor_map_close(created("Global\\another"));
	ck_assert_uint_ne(inode_of(path.text), 0);
	/* Asked to, and allowed to by the system, it clears the place. */
	t_assert_err(moor_map_create("Global\\z", 100, &any_owner, &map), 0);
	moor_map_close(map);
	t_assert_err(moor_map_open("Global\\z", NULL, &map), MOOR_ENOENT);
}
END_TEST

static int nobody_finds_roots_files(void *arg)
{
	moor_map *map = UNTOUCHED;
	int err;

	(void)arg;
	become_nobody();
	t_assert_err(moor_map_create("Global\\private", 100, NULL, &map), MOOR_EACCES);
	t_assert_err(moor_map_create_or_open("Global\\private", 100, NULL, &map), MOOR_EACCES);
	t_assert_err(moor_map_open("Global\\private", NULL, &map), MOOR_EACCES);
	t_assert_err(moor_map_create("Global\\public", 100, NULL, &map), MOOR_EACCES);
	t_assert_err(moor_map_create_or_open("Global\\public", 100, NULL, &map), MOOR_EACCES);
	t_assert_err(moor_map_create("Global\\public", 100, &any_owner, &map), MOOR_EACCES); /* not ours to remove */
	err = moor_map_open("Global\\public", NULL, &map);
	ck_assert_msg(err == MOOR_EACCES || err == MOOR_ENOENT, "%s", moor_err_name(err));
	ck_assert_ptr_eq(map, UNTOUCHED);
	return 0;
}

START_TEST(test_Z1_global_file_as_a_common_user)
{
	const struct path private = path_of("Global\\private", 0), public = path_of("Global\\public", 0);

	needs_root("Z1");
	put_file(private.text, 0600);
	put_file(public.text, 0666);
	ck_assert_int_eq(t_wait(t_spawn(nobody_finds_roots_files, NULL)), 0);
	ck_assert_uint_ne(inode_of(private.text), 0);
	ck_assert_uint_ne(inode_of(public.text), 0);
	ck_assert_int_eq(unlink(private.text), 0);
	ck_assert_int_eq(unlink(public.text), 0);
}
END_TEST

/* ---- Z2 ---- */

static const char *const z2_names[] = {"z2", "Global\\z2"};

START_TEST(test_Z2_symbolic_link)
{
	const struct path path = path_of(z2_names[_i], geteuid()), other = path_of("live", geteuid());
	moor_map *live = created("live");

	ck_assert_int_eq(symlink(other.text, path.text), 0); /* to what would do */
	never_used(z2_names[_i], path.text);
	never_looked_at(z2_names[_i]);
	ck_assert_int_eq(unlink(path.text), 0);
	ck_assert_int_eq(symlink("nowhere", path.text), 0);
	never_used(z2_names[_i], path.text);
	ck_assert_int_eq(unlink(path.text), 0);
	moor_map_close(live);
}
END_TEST

START_TEST(test_Z2_fifo)
{
	const struct path path = path_of(z2_names[_i], geteuid());

	moor_map_close(created("makes the directory"));
	ck_assert_int_eq(mkfifo(path.text, 0600), 0);
	never_used(z2_names[_i], path.text);
	never_looked_at(z2_names[_i]);
	ck_assert_int_eq(unlink(path.text), 0);
}
END_TEST

START_TEST(test_Z2_directory)
{
	const struct path path = path_of(z2_names[_i], geteuid());

	moor_map_close(created("makes the directory"));
	ck_assert_int_eq(mkdir(path.text, 0700), 0);
	never_used(z2_names[_i], path.text);
	never_looked_at(z2_names[_i]);
	ck_assert_int_eq(rmdir(path.text), 0);
}
END_TEST

START_TEST(test_Z2_socket)
{
	const struct path path = path_of(z2_names[_i], geteuid());
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	moor_map_close(created("makes the directory"));
	ck_assert_uint_lt(strlen(path.text), sizeof address.sun_path);
	strcpy(address.sun_path, path.text);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	never_used(z2_names[_i], path.text);
	never_looked_at(z2_names[_i]);
	close(fd);
	ck_assert_int_eq(unlink(path.text), 0);
}
END_TEST

/* Another name of a file that has one already, alive or dead, in a place that is the user's alone. */
START_TEST(test_Z2_hard_link)
{
	const struct path path = path_of("z2", geteuid());
	struct path other = path_of("live", geteuid());
	moor_map *live = created("live");

	ck_assert_int_eq(link(other.text, path.text), 0);
	never_used("z2", path.text);
	ck_assert_int_eq(unlink(path.text), 0);
	moor_map_close(live);
	snprintf(other.text, sizeof other.text, "%s/plain", t_dir());
	put_file(other.text, 0600);
	ck_assert_int_eq(link(other.text, path.text), 0);
	{
		moor_map *map = UNTOUCHED;

		t_assert_err(moor_map_create("z2", 100, NULL, &map), MOOR_EACCES);
		t_assert_err(moor_map_create_or_open("z2", 100, NULL, &map), MOOR_EACCES);
		t_assert_err(moor_map_open("z2", NULL, &map), MOOR_EACCES);
		ck_assert_ptr_eq(map, UNTOUCHED);
	}
	ck_assert_int_eq(unlink(path.text), 0);
	ck_assert_int_eq(unlink(other.text), 0);
}
END_TEST

/* In a place that all may use: another user can link what he cannot move. Who may write to it may forge its name. */
struct misnaming {
	const char *from, *to;
	int forges;
};

static int misname(void *arg)
{
	const struct misnaming *misnaming = arg;
	const struct path from = path_of(misnaming->from, 0), to = path_of(misnaming->to, 0);
	struct moor_abi_header mine;
	moor_map *own;
	int fd;

	become_nobody();
	if (link(from.text, to.text) != 0)
		return errno == EPERM ? 77 : 1; /* protected_hardlinks, which asks for the right to write */
	if (!misnaming->forges)
		return 0;
	ck_assert_int_eq(setenv("MOORING_DIR", path_of("Global\\nobodys", 0).text, 1), 0);
	t_assert_err(moor_map_create(misnaming->to, 100, NULL, &own), 0);
	fd = open(path_in("nobodys", misnaming->to).text, O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(pread(fd, &mine, sizeof mine, 0), sizeof mine);
	close(fd);
	fd = open(from.text, O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(pwrite(fd, mine.name, sizeof mine.name, offsetof(struct moor_abi_header, name)),
	                 sizeof mine.name);
	close(fd);
	moor_map_close(own);
	return 0;
}

static int count_name(const struct moor_name_info *info, void *arg)
{
	(void)info;
	++*(int *)arg;
	return 0;
}

START_TEST(test_Z2_hard_link_of_another_user)
{
	const struct moor_map_opts opts = MOOR_MAP_OPTS(.mode = _i == 0 ? 0644 : 0666);
	struct misnaming misnaming = {"Global\\theirs", "Global\\wanted", _i == 2};
	const struct path nobodys = path_of("Global\\nobodys", 0);
	moor_map *map, *other = UNTOUCHED;
	int seen = 0, code;

	needs_root("Z2 of others");
	ck_assert_int_eq(mkdir(nobodys.text, 0700), 0);
	ck_assert_int_eq(chown(nobodys.text, NOBODY, NOBODY), 0);
	t_assert_err(moor_map_create(misnaming.from, 100, &opts, &map), 0);
	code = t_wait(t_spawn(misname, &misnaming));
	if (code == 77 && _i == 0) /* root can do it in his stead */
		code = link(path_of(misnaming.from, 0).text, path_of(misnaming.to, 0).text);
	ck_assert_int_eq(code, 0);
	t_assert_err(moor_map_create_or_open(misnaming.to, 100, NULL, &other), MOOR_EACCES);
	ck_assert_int_lt(moor_map_create(misnaming.to, 100, NULL, &other), 0);
	ck_assert_ptr_eq(other, UNTOUCHED);
	if (!misnaming.forges) {
		t_assert_err(moor_map_open(misnaming.to, NULL, &other), MOOR_EACCES);
		never_looked_at(misnaming.to);
		t_assert_err(moor_enumerate(count_name, &seen), 0);
		ck_assert_int_eq(seen, 1);
		t_assert_err(moor_map_open(misnaming.from, NULL, &other), 0);
		moor_map_close(other);
	}
	if (_i == 0) { /* nobody but root can have written its name */
		t_assert_err(moor_map_create_or_open(misnaming.from, 100, NULL, &other), 0);
		moor_map_close(other);
	}
	/* Dead, both names are free again. */
	moor_map_close(map);
	t_assert_err(moor_map_create_or_open(misnaming.to, 100, NULL, &other), MOOR_CREATED);
	moor_map_close(other);
	t_assert_err(moor_map_create_or_open(misnaming.from, 100, NULL, &other), MOOR_CREATED);
	moor_map_close(other);
	ck_assert_int_eq(rmdir(nobodys.text), 0);
}
END_TEST

START_TEST(test_Z1_Z2_looks_trust_what_open_trusts)
{
	const struct path path = path_of("z2", geteuid()), other = path_of("live", geteuid());
	moor_map *live = created("live");

	ck_assert_int_eq(link(other.text, path.text), 0);
	never_looked_at("z2");
	ck_assert_int_eq(unlink(path.text), 0);
	t_assert_err(moor_participants("live", no_participant, NULL), 1);
	needs_root("Z1 of looks");
	ck_assert_int_eq(chown(other.text, NOBODY, NOBODY), 0);
	never_looked_at("live");
	moor_map_close(live);
	unlink(other.text);
}
END_TEST

/* ---- Z4 ---- */

START_TEST(test_Z4_mode_exactly_as_asked)
{
	static const mode_t umasks[] = {0, 022, 077, 0777};
	static const uint32_t modes[] = {0, 0600, 0640, 0644, 0660, 0666, 0400, 0777, 0001};
	static const char *const names[] = {"z4", "Global\\z4"};

	moor__linux_stage_with_name = _i;
	moor_map_close(created("makes the directory"));
	for (size_t u = 0; u < sizeof umasks / sizeof umasks[0]; u++) {
		umask(umasks[u]);
		for (size_t m = 0; m < sizeof modes / sizeof modes[0]; m++) {
			const struct moor_map_opts opts = MOOR_MAP_OPTS(.mode = modes[m]);
			const struct moor_channel_opts channel = MOOR_CHANNEL_OPTS(.mode = modes[m]);

			for (size_t n = 0; n < 2; n++) {
				const struct path path = path_of(names[n], geteuid());
				struct stat st;
				moor_map *map;
				moor_tx *tx;

				t_assert_err(moor_map_create(names[n], 100, &opts, &map), 0);
				ck_assert_int_eq(stat(path.text, &st), 0);
				ck_assert_uint_eq(st.st_mode & 07777, modes[m] ? modes[m] : 0600);
				moor_map_close(map);
				t_assert_err(moor_tx_open(names[n], &channel, &tx), MOOR_CREATED);
				ck_assert_int_eq(stat(path.text, &st), 0);
				ck_assert_uint_eq(st.st_mode & 07777, modes[m] ? modes[m] : 0600);
				moor_tx_close(tx);
			}
		}
	}
}
END_TEST

/* A list that the directory gives its files: it must not let in whom the mode keeps out. */
START_TEST(test_Z4_mode_under_a_default_list)
{
	struct {
		uint32_t version;
		struct {
			uint16_t tag, perm;
			uint32_t id;
		} entries[5];
	} list = {2, {{1, 7, UINT32_MAX}, {2, 7, NOBODY}, {4, 0, UINT32_MAX}, {16, 7, UINT32_MAX}, {32, 0, UINT32_MAX}}};
	const struct moor_map_opts opts = MOOR_MAP_OPTS(.mode = 0660);
	const struct path path = path_of("Global\\z4list", 0);
	char access_list[256];
	struct stat st;
	moor_map *map;

	if (*(const unsigned char *)&(const unsigned){1} != 1)
		t_skip("Z4 of lists", "written for a little-endian machine");
	if (setxattr(t_dir(), "system.posix_acl_default", &list, sizeof list, 0) != 0)
		t_skip("Z4 of lists", "no lists here");
	moor__linux_stage_with_name = _i;
	t_assert_err(moor_map_create("Global\\z4list", 100, &opts, &map), 0);
	ck_assert_int_eq(stat(path.text, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	ck_assert_int_eq(getxattr(path.text, "system.posix_acl_access", access_list, sizeof access_list), -1);
	ck_assert_int_eq(errno, ENODATA);
	moor_map_close(map);
	ck_assert_int_eq(removexattr(t_dir(), "system.posix_acl_default"), 0);
}
END_TEST

/* The first name of a user, under whatever umask, leaves a directory that the second one can use. */
static int first_name_under_a_strange_umask(void *arg)
{
	moor_map *map;

	become_nobody();
	umask(*(const mode_t *)arg);
	t_assert_err(moor_map_create("first", 100, NULL, &map), 0);
	moor_map_close(map);
	return 0;
}

static void forget_nobody(struct path *ret_path)
{
	snprintf(ret_path->text, sizeof ret_path->text, "%s/mooring-%d", t_dir(), NOBODY);
	rmdir(ret_path->text);
}

START_TEST(test_Z4_first_name_under_any_umask)
{
	static mode_t umasks[] = {0, 077, 0177, 0777};
	struct path path;
	struct stat st;

	needs_root("Z4 of a common user");
	forget_nobody(&path);
	ck_assert_int_eq(t_wait(t_spawn(first_name_under_a_strange_umask, &umasks[_i])), 0);
	ck_assert_int_eq(stat(path.text, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_uint_eq(st.st_uid, NOBODY);
}
END_TEST

/* ---- Z14 ---- */

static int count_seen(const struct moor_name_info *info, void *arg)
{
	ck_assert_uint_eq(info->uid, 0);
	ck_assert_str_eq(info->name, "Global\\z14 public");
	ck_assert_uint_eq(info->mode, 0666);
	++*(int *)arg;
	return 0;
}

static int another_user(void *arg)
{
	moor_map *map = UNTOUCHED;
	moor_view *view;
	int seen = 0;

	(void)arg;
	become_nobody();
	t_assert_err(moor_map_open("z14", NULL, &map), MOOR_ENOENT);
	t_assert_err(moor_map_open("Global\\z14 private", NULL, &map), MOOR_EACCES);
	t_assert_err(moor_map_create("Global\\z14 private", 100, NULL, &map), MOOR_EACCES);
	t_assert_err(moor_map_create_or_open("Global\\z14 private", 100, NULL, &map), MOOR_EACCES);
	ck_assert_ptr_eq(map, UNTOUCHED);
	/* create_or_open refuses what another user owns, unless told otherwise. */
	t_assert_err(moor_map_create_or_open("Global\\z14 public", 100, NULL, &map), MOOR_EACCES);
	t_assert_err(moor_map_create("Global\\z14 public", 100, &any_owner, &map), MOOR_EEXIST);
	t_assert_err(moor_map_create_or_open("Global\\z14 public", 100, &any_owner, &map), 0);
	moor_map_close(map);
	t_assert_err(moor_map_open("Global\\z14 public", NULL, &map), 0);
	t_assert_err(moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view), 0);
	ck_assert_str_eq(moor_view_data(view), "of root");
	strcpy(moor_view_data(view), "of nobody");
	moor_view_unmap(view);
	moor_map_close(map);
	ck_assert_int_eq(moor_enumerate(count_seen, &seen), 0);
	ck_assert_int_eq(seen, 1);
	/* Names of one's own go beside. */
	map = created("z14");
	moor_map_close(map);
	map = created("Global\\z14 own");
	moor_map_close(map);
	t_assert_err(moor_map_open("Global\\z14 own", NULL, &map), MOOR_ENOENT);
	return 0;
}

START_TEST(test_Z14_another_user)
{
	const struct moor_map_opts for_all = MOOR_MAP_OPTS(.mode = 0666);
	moor_map *local, *private, *public;
	moor_view *view;
	struct path path;

	needs_root("Z14");
	forget_nobody(&path);
	local = created("z14");
	private = created("Global\\z14 private");
	t_assert_err(moor_map_create("Global\\z14 public", 100, &for_all, &public), 0);
	t_assert_err(moor_view_map(public, 0, 0, MOOR_READ_WRITE, &view), 0);
	strcpy(moor_view_data(view), "of root");
	ck_assert_int_eq(t_wait(t_spawn(another_user, NULL)), 0);
	ck_assert_str_eq(moor_view_data(view), "of nobody");
	moor_view_unmap(view);
	moor_map_close(local);
	moor_map_close(private);
	moor_map_close(public);
	ck_assert_int_eq(t_local_entries(), 0);
}
END_TEST

struct shared_name {
	struct t_gate *opened, *closed;
};

static int outlive_the_owner(void *arg)
{
	struct shared_name *shared = arg;
	moor_map *map;

	become_nobody();
	t_assert_err(moor_map_open_wait("Global\\z", NULL, MOOR_FOREVER, &map), 0);
	t_gate_open(shared->opened, 1);
	t_gate_pass(shared->closed);
	moor_map_close(map); /* last, and not ours to remove: a corpse of root's */
	t_assert_err(moor_map_open("Global\\z", NULL, &map), MOOR_ENOENT);
	t_assert_err(moor_map_create("Global\\z", 100, &any_owner, &map), MOOR_EACCES);
	return 0;
}

/* The documented difference from Windows: a dead Global\ object of another user stays until its owner comes by. */
START_TEST(test_dead_global_object_of_another_user)
{
	const struct moor_map_opts for_all = MOOR_MAP_OPTS(.mode = 0666);
	struct shared_name shared = {t_gate_new(), t_gate_new()};
	moor_map *map;
	pid_t pid;

	needs_root("a dead object of another user");
	pid = t_spawn(outlive_the_owner, &shared);
	t_assert_err(moor_map_create("Global\\z", 100, &for_all, &map), 0);
	t_gate_pass(shared.opened);
	moor_map_close(map);
	t_assert_err(moor_map_open("Global\\z", NULL, &map), 0);
	moor_map_close(map);
	t_gate_open(shared.closed, 1);
	ck_assert_int_eq(t_wait(pid), 0);
	t_assert_err(moor_map_open("Global\\z", NULL, &map), MOOR_ENOENT);
	map = created("Global\\z");
	moor_map_close(map);
}
END_TEST

/* ---- the directory of Local\ names ---- */

START_TEST(test_local_directory_that_is_not_to_be_trusted)
{
	moor_map *map = UNTOUCHED;
	moor_hold *hold;
	struct path path;

	snprintf(path.text, sizeof path.text, "%s/mooring-%lu", t_dir(), (unsigned long)geteuid());
	moor_map_close(created("makes the directory"));
	ck_assert_int_eq(chmod(path.text, _i ? 0770 : 0701), 0);
	t_assert_err(moor_map_create("m", 100, NULL, &map), MOOR_EACCES);
	t_assert_err(moor_map_open("m", NULL, &map), MOOR_EACCES);
	t_assert_err(moor_hold_open("m", &hold), MOOR_EACCES);
	moor_map_close(created("Global\\m"));
	ck_assert_int_eq(chmod(path.text, 0700), 0);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(path.text, NOBODY, NOBODY), 0);
		t_assert_err(moor_map_create("m", 100, NULL, &map), MOOR_EACCES);
		t_assert_err(moor_map_open("m", NULL, &map), MOOR_EACCES);
		ck_assert_int_eq(chown(path.text, 0, 0), 0);
	}
	ck_assert_ptr_eq(map, UNTOUCHED);
	moor_map_close(created("m"));
}
END_TEST

static int squat(void *arg)
{
	(void)arg;
	become_nobody();
	return mkdir((char *)arg, 0700) == 0 ? 0 : 1;
}

/* Whoever comes first in the sticky directory may take the place of another's Local\ directory; nothing is put there. */
START_TEST(test_local_directory_of_a_squatter)
{
	moor_map *map;
	struct path path;

	needs_root("a squatter");
	snprintf(path.text, sizeof path.text, "%s/mooring-0", t_dir());
	rmdir(path.text);
	ck_assert_int_eq(t_wait(t_spawn(squat, path.text)), 0);
	t_assert_err(moor_map_create("m", 100, NULL, &map), MOOR_EACCES);
	t_assert_err(moor_map_open("m", NULL, &map), MOOR_EACCES);
	ck_assert_int_eq(rmdir(path.text), 0);
}
END_TEST

/* ---- Q1 ---- */

/* A shared memory of 64 KiB, in a mount name space of this process's own. */
static void small_memory(char *ret_dir, size_t cap)
{
	static const char *const skipped = "Q1";
	const uid_t uid = geteuid();
	const gid_t gid = getegid();

	snprintf(ret_dir, cap, "%s/small", t_dir());
	mkdir(ret_dir, 0700);
	if (unshare(CLONE_NEWNS) != 0) {
		char map[64];
		FILE *file;

		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
			t_skip(skipped, "no mount name space");
		snprintf(map, sizeof map, "%lu %lu 1", (unsigned long)uid, (unsigned long)uid);
		file = fopen("/proc/self/setgroups", "we");
		if (!file || fputs("deny", file) < 0 || fclose(file) != 0)
			t_skip(skipped, "no user name space");
		file = fopen("/proc/self/uid_map", "we");
		if (!file || fputs(map, file) < 0 || fclose(file) != 0)
			t_skip(skipped, "no user name space");
		snprintf(map, sizeof map, "%lu %lu 1", (unsigned long)gid, (unsigned long)gid);
		file = fopen("/proc/self/gid_map", "we");
		if (!file || fputs(map, file) < 0 || fclose(file) != 0)
			t_skip(skipped, "no user name space");
	}
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", ret_dir, "tmpfs", 0, "size=65536,mode=0700") != 0)
		t_skip(skipped, "may not mount");
	setenv("MOORING_DIR", ret_dir, 1);
}

static uint64_t free_bytes(void)
{
	struct moor_shm_info info = {.struct_size = sizeof info};

	t_assert_err(moor_shm_stat(&info), 0);
	ck_assert_uint_eq(info.total_bytes, 65536);
	return info.free_bytes;
}

START_TEST(test_Q1_shared_memory_full)
{
	const struct moor_channel_opts channel = MOOR_CHANNEL_OPTS(.capacity = 65536);
	moor_map *map, *other = UNTOUCHED;
	moor_view *view;
	moor_tx *tx;
	char dir[128];
	uint64_t room, most;

	moor__linux_stage_with_name = _i;
	small_memory(dir, sizeof dir);
	map = created("makes the directory");
	moor_map_close(map);
	room = free_bytes();
	t_assert_err(moor_map_create("big", 65536, NULL, &other), MOOR_ENOSPC);
	t_assert_err(moor_map_create_or_open("big", 1 << 20, NULL, &other), MOOR_ENOSPC);
	t_assert_err(moor_map_create("Global\\big", (uint64_t)1 << 40, NULL, &other), MOOR_ENOSPC);
	t_assert_err(moor_tx_open("big", &channel, &tx), MOOR_ENOSPC);
	ck_assert_uint_eq(free_bytes(), room);
	for (most = 65536; most; most -= 4096)
		if (moor_map_create("most", most, NULL, &map) == 0)
			break;
	ck_assert_uint_ge(most, 32768);
	t_assert_err(moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view), 0);
	memset(moor_view_data(view), 1, most); /* no SIGBUS: what was created is there */
	ck_assert_uint_lt(free_bytes(), 8192);
	room = free_bytes();
	t_assert_err(moor_map_create("tiny", 1, NULL, &other), MOOR_ENOSPC);
	t_assert_err(moor_tx_open("tiny", NULL, &tx), MOOR_ENOSPC);
	ck_assert_ptr_eq(other, UNTOUCHED);
	ck_assert_uint_eq(free_bytes(), room);
	t_assert_err(moor_map_open("tiny", NULL, &other), MOOR_ENOENT);
	/* What lives goes on as before. */
	t_assert_err(moor_map_open("most", NULL, &other), 0);
	moor_map_close(other);
	moor_view_unmap(view);
	moor_map_close(map);
	moor_map_close(created("tiny"));
}
END_TEST

/* What fills the memory is the very object that was wanted. */
static struct t_gate *wanted, *there, *enough;

static int make_it_on_demand(void *arg)
{
	moor_map *map;

	(void)arg;
	t_gate_pass(wanted);
	t_assert_err(moor_map_create("both", 40960, NULL, &map), 0);
	t_gate_open(there, 1);
	t_gate_pass(enough);
	moor_map_close(map);
	return 0;
}

static void let_the_other_make_it(const char *label)
{
	if (strcmp(label, "create: staged") != 0)
		return;
	moor__crash_hook = NULL;
	t_gate_open(wanted, 1);
	t_gate_pass(there);
}

START_TEST(test_Q1_full_of_what_was_wanted)
{
	moor_map *map;
	char dir[128];
	pid_t pid;

	small_memory(dir, sizeof dir);
	wanted = t_gate_new();
	there = t_gate_new();
	enough = t_gate_new();
	pid = t_spawn(make_it_on_demand, NULL);
	moor__crash_hook = let_the_other_make_it;
	t_assert_err(moor_map_create_or_open("both", 40960, NULL, &map), 0);
	moor_map_close(map);
	t_gate_open(enough, 1);
	ck_assert_int_eq(t_wait(pid), 0);
}
END_TEST

static int die_with_most_of_it(void *arg)
{
	moor_map *map;

	t_assert_err(moor_map_create(arg, 40960, NULL, &map), 0);
	kill(getpid(), SIGKILL);
	return 0;
}

/* A program need never clean up: the memory of the dead is found when there is none other. */
START_TEST(test_Q1_the_memory_of_the_dead_is_room)
{
	char dir[128], dead[] = "dead";
	moor_map *map;
	moor_tx *tx;

	small_memory(dir, sizeof dir);
	ck_assert_int_eq(t_wait(t_spawn(die_with_most_of_it, dead)), 128 + SIGKILL);
	t_assert_err(moor_map_create("m", 40960, NULL, &map), 0);
	moor_map_close(map);
	ck_assert_int_eq(t_wait(t_spawn(die_with_most_of_it, dead)), 128 + SIGKILL);
	t_assert_err(moor_tx_open("c", &MOOR_CHANNEL_OPTS(.capacity = 32768), &tx), MOOR_CREATED);
	moor_tx_close(tx);
}
END_TEST

/* The staged file of a creator that was killed is memory too. */
START_TEST(test_Q1_the_memory_of_dead_creators_is_room)
{
	char dir[128], path[256];
	moor_map *map;
	int fd;

	small_memory(dir, sizeof dir);
	moor_map_close(created("makes the directory"));
	snprintf(path, sizeof path, "%s/mooring-%lu/.mooring-new.0123456789abcdef", dir, (unsigned long)geteuid());
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(posix_fallocate(fd, 0, 40960), 0);
	close(fd);
	t_assert_err(moor_map_create("m", 40960, NULL, &map), 0);
	moor_map_close(map);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("trust");
	TCase *tc = tcase_create("trust");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_environment_of_a_set_user_id_program);
	tcase_add_loop_test(tc, test_Z1_local_file_of_another_user, 0, 2);
	tcase_add_loop_test(tc, test_Z1_global_file_of_another_user, 0, 2);
	tcase_add_test(tc, test_Z1_global_file_as_a_common_user);
	tcase_add_loop_test(tc, test_Z2_symbolic_link, 0, 2);
	tcase_add_loop_test(tc, test_Z2_fifo, 0, 2);
	tcase_add_loop_test(tc, test_Z2_directory, 0, 2);
	tcase_add_loop_test(tc, test_Z2_socket, 0, 2);
	tcase_add_test(tc, test_Z2_hard_link);
	tcase_add_loop_test(tc, test_Z2_hard_link_of_another_user, 0, 3);
	tcase_add_test(tc, test_Z1_Z2_looks_trust_what_open_trusts);
	tcase_add_loop_test(tc, test_Z4_mode_exactly_as_asked, 0, 2);
	tcase_add_loop_test(tc, test_Z4_mode_under_a_default_list, 0, 2);
	tcase_add_loop_test(tc, test_Z4_first_name_under_any_umask, 0, 4);
	tcase_add_test(tc, test_Z14_another_user);
	tcase_add_test(tc, test_dead_global_object_of_another_user);
	tcase_add_loop_test(tc, test_local_directory_that_is_not_to_be_trusted, 0, 2);
	tcase_add_test(tc, test_local_directory_of_a_squatter);
	tcase_add_loop_test(tc, test_Q1_shared_memory_full, 0, 2);
	tcase_add_test(tc, test_Q1_full_of_what_was_wanted);
	tcase_add_test(tc, test_Q1_the_memory_of_the_dead_is_room);
	tcase_add_test(tc, test_Q1_the_memory_of_dead_creators_is_room);
	suite_add_tcase(s, tc);
	return s;
}

int main(int argc, char **argv)
{
	return argc == 2 && strcmp(argv[1], "where") == 0 ? where() : t_main(suite());
}
