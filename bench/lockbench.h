/* SPDX-License-Identifier: Apache-2.0 */
/* lockbench.h - boost::interprocess::named_mutex, from C. */
#ifndef BENCH_LOCKBENCH_H
#define BENCH_LOCKBENCH_H

#ifdef __cplusplus
extern "C" {
#endif

void bench_boost_open(const char *name);
void bench_boost_lock(void);
void bench_boost_unlock(void);
void bench_boost_remove(const char *name);

#ifdef __cplusplus
}
#endif
#endif
