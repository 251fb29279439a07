/* SPDX-License-Identifier: Apache-2.0 */
/* sem.h - what the waits for several objects need of a semaphore. */
#ifndef MOOR_SYNC_SEM_H
#define MOOR_SYNC_SEM_H

#include "sync/sync.h"

/* Takes one if there is one: 0 or MOOR_EAGAIN. `waited`: the caller has slept for it, and others may. */
int moor__sem_take(moor_sem *sem, bool waited);
/*
 * Takes n on trial, which count against the maximum until they are kept or given back. One call at a time can have
 * tokens on trial. 0, MOOR_EAGAIN (there are not so many), MOOR_EBUSY (another call has some on trial), MOOR_ESLOTS.
 */
int moor__sem_try_on(moor_sem *sem, uint32_t n);
void moor__sem_keep(moor_sem *sem);
void moor__sem_give_back(moor_sem *sem);
/* Before a sleep: true if there are less than n, and the futex reads *ret_expected. */
bool moor__sem_announce(moor_sem *sem, uint32_t n, uint32_t *ret_expected);
void moor__sem_rewake(moor_sem *sem);
const uint32_t *moor__sem_futex(const moor_sem *sem);
const struct moor__object *moor__sem_object(const moor_sem *sem);

#endif
