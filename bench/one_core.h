/* SPDX-License-Identifier: Apache-2.0 */
/* one_core.h - whether the two processors are, now, hyper-threads of one core. */
#ifndef BENCH_ONE_CORE_H
#define BENCH_ONE_CORE_H

#include "harness.h"

#define BENCH_ONE_CORE_SAMPLES 20000u /* that `shared` must have room for */

/* False: it could not be measured, which has been reported. */
bool bench_one_core(struct bench_shared *shared, struct bench_processors processors, bool *ret_one_core);

#endif
