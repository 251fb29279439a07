/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter.h - the system calls that a worker makes after attach, as moor_link(3) lists them, in a seccomp filter: whoever
 * makes another one is killed.
 */
#ifndef MOOR_TESTS_HOSTILE_FILTER_H
#define MOOR_TESTS_HOSTILE_FILTER_H

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define T_ARCH AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define T_ARCH AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define T_ARCH AUDIT_ARCH_AARCH64
#endif

#define T_ALLOW(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* False: this system has no such filters, or gives us none. */
static inline bool t_put_up_filter(void)
{
#ifdef T_ARCH
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, T_ARCH, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    T_ALLOW(SYS_futex),
#ifdef SYS_futex_time64
	    T_ALLOW(SYS_futex_time64),
#endif
#ifdef SYS_poll
	    T_ALLOW(SYS_poll),
#else
	    T_ALLOW(SYS_ppoll),
#endif
	    T_ALLOW(SYS_read),
	    T_ALLOW(SYS_write),
	    T_ALLOW(SYS_restart_syscall),
	    T_ALLOW(SYS_clock_gettime),
#ifdef SYS_clock_gettime64
	    T_ALLOW(SYS_clock_gettime64),
#endif
	    T_ALLOW(SYS_getcpu),
	    T_ALLOW(SYS_exit),
	    T_ALLOW(SYS_exit_group),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	const struct sock_fprog program = {sizeof code / sizeof code[0], code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
#else
	return false;
#endif
}

#endif
