/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox.c - resource limits, namespaces, Landlock and seccomp, by the kernel's own interfaces. */
#include "sandbox.h"

#include "protocol.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static void limit_resources(void)
{
	static const struct {
		int resource;
		rlim_t limit;
	} limits[] = {{RLIMIT_CORE, 0},
	              {RLIMIT_FSIZE, 0},
	              {RLIMIT_NPROC, 0},
	              {RLIMIT_NOFILE, 32},
	              {RLIMIT_MEMLOCK, 0},
	              {RLIMIT_AS, (rlim_t)512 << 20},
	              {RLIMIT_CPU, 600}}; /* seconds; the host's deadlines are what counts */

	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		const struct rlimit limit = {limits[i].limit, limits[i].limit};

		(void)setrlimit(limits[i].resource, &limit);
	}
}

/* A user namespace first: in it anybody may make the others. Where there can be none, root may do without. */
static bool enter_namespaces(void)
{
	const int others = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWUTS;

	return unshare(CLONE_NEWUSER | others) == 0 || unshare(others) == 0;
}

/* ---- Landlock ---- */

#define READ_ACCESS (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
/* All that the first version of it knows: bits 0 to 12. */
#define ALL_ACCESS ((uint64_t)(1u << 13) - 1)

static void allow_reading(int rules, const char *path)
{
	struct landlock_path_beneath_attr beneath = {.allowed_access = READ_ACCESS};

	beneath.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (beneath.parent_fd < 0)
		return;
	if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0) {
		beneath.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE; /* a file */
		(void)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
	}
	close(beneath.parent_fd);
}

/* Read below these folders, and nothing else; none: nothing at all. */
static bool confine_files(const char *const *folders)
{
	const struct landlock_ruleset_attr handled = {.handled_access_fs = ALL_ACCESS};
	const int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
	bool done;

	if (rules < 0)
		return false;
	for (; *folders; folders++)
		allow_reading(rules, *folders);
	done = syscall(SYS_landlock_restrict_self, rules, 0) == 0;
	close(rules);
	return done;
}

/* ---- seccomp ---- */

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define ARCH AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

/* What the link needs (moor_link(3)), and the end. */
static const int link_calls[] = {
    SYS_futex,
#ifdef SYS_futex_time64
    SYS_futex_time64,
#endif
#ifdef SYS_poll
    SYS_poll,
#endif
    SYS_ppoll,
#ifdef SYS_ppoll_time64
    SYS_ppoll_time64,
#endif
    SYS_read,
    SYS_clock_gettime,
#ifdef SYS_clock_gettime64
    SYS_clock_gettime64,
#endif
    SYS_getcpu,
    SYS_sched_yield,
    SYS_restart_syscall,
    SYS_exit,
    SYS_exit_group,
};

/* What loading a shared object takes besides, and the second filter. Files are opened for reading: see below. */
static const int loading_calls[] = {
    SYS_brk,
    SYS_close,
    SYS_fstat,
#ifdef SYS_fstat64
    SYS_fstat64,
#endif
#ifdef SYS_newfstatat
    SYS_newfstatat,
#endif
#ifdef SYS_fstatat64
    SYS_fstatat64,
#endif
    SYS_statx,
    SYS_lseek,
#ifdef SYS_mmap
    SYS_mmap,
#endif
#ifdef SYS_mmap2
    SYS_mmap2,
#endif
    SYS_mprotect,
    SYS_munmap,
    SYS_pread64,
    SYS_getrandom,
    SYS_prctl,
    SYS_landlock_create_ruleset,
    SYS_landlock_restrict_self,
};

#define FILTER_MAX 128
struct program {
	struct sock_filter code[FILTER_MAX];
	unsigned short len;
};

static void add(struct program *program, struct sock_filter one)
{
	if (program->len == FILTER_MAX)
		abort();
	program->code[program->len++] = one;
}

#define STATEMENT(code, k) ((struct sock_filter)BPF_STMT(code, k))
#define JUMP(code, k, yes, no) ((struct sock_filter)BPF_JUMP(code, k, yes, no))
#define LOAD(field) STATEMENT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define LOW_ARGUMENT(n) (offsetof(struct seccomp_data, args) + 8 * (n) + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0))

static void allow(struct program *program, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		add(program, JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], 0, 1));
		add(program, STATEMENT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	}
}

static void allow_if(struct program *program, int call, unsigned argument, struct sock_filter test)
{
	add(program, JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 4));
	add(program, STATEMENT(BPF_LD | BPF_W | BPF_ABS, LOW_ARGUMENT(argument)));
	add(program, test);
	add(program, STATEMENT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	add(program, LOAD(nr));
}

static bool confine_calls(bool loading)
{
#ifdef ARCH
	struct program program = {.len = 0};
	struct sock_fprog prog = {.filter = program.code};

	add(&program, LOAD(arch));
	add(&program, JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0));
	add(&program, STATEMENT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
	add(&program, LOAD(nr));
	allow(&program, link_calls, sizeof link_calls / sizeof link_calls[0]);
	/* The link's end, but not the host's terminal. */
	allow_if(&program, SYS_write, 0, JUMP(BPF_JMP | BPF_JGT | BPF_K, STDERR_FILENO, 0, 1));
	if (loading) {
		allow(&program, loading_calls, sizeof loading_calls / sizeof loading_calls[0]);
		allow_if(&program, SYS_openat, 2,
		         JUMP(BPF_JMP | BPF_JSET | BPF_K, O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND, 1, 0));
	}
	add(&program, STATEMENT(BPF_RET | BPF_K, loading ? SECCOMP_RET_ERRNO | 1 : SECCOMP_RET_KILL_PROCESS));
	prog.len = program.len;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0;
#else
	(void)loading;
	return false;
#endif
}

uint32_t confine_for_loading(const char *plugin)
{
	static char folder[4096];
	const char *const folders[] = {folder, "/lib", "/lib64", "/usr/lib", "/etc/ld.so.cache", NULL};
	const char *slash = strrchr(plugin, '/');
	uint32_t confined = 0;

	snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - plugin) : 1, slash ? plugin : ".");
	if (enter_namespaces())
		confined |= CONFINED_NAMESPACES;
	limit_resources();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return 0;
	if (confine_files(folders))
		confined |= CONFINED_LANDLOCK;
	if (confine_calls(true))
		confined |= CONFINED_SECCOMP;
	return confined;
}

uint32_t confine_for_good(void)
{
	const char *const none[] = {NULL};
	uint32_t confined = confine_files(none) ? CONFINED_LANDLOCK : 0;

	return confined | (confine_calls(false) ? CONFINED_SECCOMP : 0);
}
