/* SPDX-License-Identifier: Apache-2.0 */
/*
 * atomic.h - the loads, stores and fences on shared words. The only file that includes ck.
 *
 * Two builds of the same contract: Concurrency Kit, on x86-64, and the compiler's C11 atomics everywhere else and for
 * ThreadSanitizer, which cannot see into ck's inline assembly (MOOR_ATOMIC_C11, set by configure). 32-bit x86 is among
 * "everywhere else": ck's 64-bit loads and stores are two 32-bit ones there. A word is read once, into a variable;
 * 64-bit words are never torn.
 */
#ifndef MOOR_BASE_ATOMIC_H
#define MOOR_BASE_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#ifdef MOOR_ATOMIC_C11

static inline uint8_t moor__load_8(const uint8_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
static inline uint16_t moor__load_16(const uint16_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
static inline void moor__store_8(uint8_t *p, uint8_t v) { __atomic_store_n(p, v, __ATOMIC_RELAXED); }
static inline void moor__store_16(uint16_t *p, uint16_t v) { __atomic_store_n(p, v, __ATOMIC_RELAXED); }
static inline uint32_t moor__load_32(const uint32_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
static inline uint64_t moor__load_64(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); }
static inline uint32_t moor__acquire_32(const uint32_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
static inline uint64_t moor__acquire_64(const uint64_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
static inline void moor__store_32(uint32_t *p, uint32_t v) { __atomic_store_n(p, v, __ATOMIC_RELAXED); }
static inline void moor__store_64(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_RELAXED); }
static inline void moor__release_32(uint32_t *p, uint32_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
static inline void moor__release_64(uint64_t *p, uint64_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
static inline uint32_t moor__exchange_32(uint32_t *p, uint32_t v) { return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST); }
static inline bool moor__cas_32(uint32_t *p, uint32_t expected, uint32_t v)
{
	return __atomic_compare_exchange_n(p, &expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}
static inline bool moor__cas_64(uint64_t *p, uint64_t expected, uint64_t v)
{
	return __atomic_compare_exchange_n(p, &expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}
static inline void moor__or_32(uint32_t *p, uint32_t v) { (void)__atomic_fetch_or(p, v, __ATOMIC_SEQ_CST); }
static inline void moor__and_32(uint32_t *p, uint32_t v) { (void)__atomic_fetch_and(p, v, __ATOMIC_SEQ_CST); }
static inline void moor__inc_32(uint32_t *p) { (void)__atomic_fetch_add(p, 1, __ATOMIC_SEQ_CST); }
/*
 * Words of a handle's own, which another thread may only put an end to: old or new will do. With ck, on x86-64, plain
 * accesses, which the compiler may make part of what it does with the value.
 */
static inline uint32_t moor__own_32(const uint32_t *p) { return moor__load_32(p); }
static inline uint64_t moor__own_64(const uint64_t *p) { return moor__load_64(p); }
static inline void moor__set_own_64(uint64_t *p, uint64_t v) { moor__store_64(p, v); }
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
/* It does not know fences; a read-modify-write of one word that all use is as strong. */
static inline void moor__fence(void)
{
	static uint32_t word;

	(void)__atomic_fetch_add(&word, 0, __ATOMIC_SEQ_CST);
}
static inline void moor__fence_release(void) { __atomic_signal_fence(__ATOMIC_SEQ_CST); }
#else
static inline void moor__fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
/* What was stored before it is seen by whoever sees what is stored after it. */
static inline void moor__fence_release(void) { __atomic_thread_fence(__ATOMIC_RELEASE); }
#endif
/* Keeps the compiler from moving accesses across it; the processor's part is membarrier's. */
static inline void moor__compiler_fence(void) { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

#else

#include <ck_pr.h>

static inline uint8_t moor__load_8(const uint8_t *p) { return ck_pr_load_8(p); }
static inline uint16_t moor__load_16(const uint16_t *p) { return ck_pr_load_16(p); }
static inline void moor__store_8(uint8_t *p, uint8_t v) { ck_pr_store_8(p, v); }
static inline void moor__store_16(uint16_t *p, uint16_t v) { ck_pr_store_16(p, v); }
static inline uint32_t moor__load_32(const uint32_t *p) { return ck_pr_load_32(p); }
static inline uint64_t moor__load_64(const uint64_t *p) { return ck_pr_load_64(p); }
static inline uint32_t moor__acquire_32(const uint32_t *p)
{
	const uint32_t v = ck_pr_load_32(p);

	ck_pr_fence_acquire();
	return v;
}
static inline uint64_t moor__acquire_64(const uint64_t *p)
{
	const uint64_t v = ck_pr_load_64(p);

	ck_pr_fence_acquire();
	return v;
}
static inline void moor__store_32(uint32_t *p, uint32_t v) { ck_pr_store_32(p, v); }
static inline void moor__store_64(uint64_t *p, uint64_t v) { ck_pr_store_64(p, v); }
static inline void moor__release_32(uint32_t *p, uint32_t v)
{
	ck_pr_fence_release();
	ck_pr_store_32(p, v);
}
static inline void moor__release_64(uint64_t *p, uint64_t v)
{
	ck_pr_fence_release();
	ck_pr_store_64(p, v);
}
static inline uint32_t moor__exchange_32(uint32_t *p, uint32_t v) { return ck_pr_fas_32(p, v); }
static inline bool moor__cas_32(uint32_t *p, uint32_t expected, uint32_t v)
{
	ck_pr_fence_release();
	return ck_pr_cas_32(p, expected, v);
}
static inline bool moor__cas_64(uint64_t *p, uint64_t expected, uint64_t v)
{
	ck_pr_fence_release();
	return ck_pr_cas_64(p, expected, v);
}
static inline void moor__or_32(uint32_t *p, uint32_t v) { ck_pr_or_32(p, v); }
static inline void moor__and_32(uint32_t *p, uint32_t v) { ck_pr_and_32(p, v); }
static inline void moor__inc_32(uint32_t *p) { ck_pr_inc_32(p); }
static inline uint32_t moor__own_32(const uint32_t *p) { return *p; }
static inline uint64_t moor__own_64(const uint64_t *p) { return *p; }
static inline void moor__set_own_64(uint64_t *p, uint64_t v) { *p = v; }
static inline void moor__fence(void) { ck_pr_fence_strict_memory(); }
static inline void moor__fence_release(void) { ck_pr_fence_release(); }
static inline void moor__compiler_fence(void) { ck_pr_barrier(); }

#endif

/* Tells the processor that this is a spin loop; of no effect on memory. */
static inline void moor__pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("isb" ::: "memory");
#endif
}

#define moor__likely(x) __builtin_expect(!!(x), 1)
#define moor__unlikely(x) __builtin_expect(!!(x), 0)
#define MOOR__ALWAYS_INLINE inline __attribute__((always_inline))
/* What a fast path leaves to another function, so that it needs no registers saved for it. */
#define MOOR__NOINLINE __attribute__((noinline))

#endif
