/* SPDX-License-Identifier: Apache-2.0 */
/*
 * participant.h - slots: slot i is alive exactly as long as its byte is locked exclusively. No process id takes part in
 * any decision.
 */
#ifndef MOOR_MAP_PARTICIPANT_H
#define MOOR_MAP_PARTICIPANT_H

#include "map/life.h"

/* Takes the slot for the object: 0, MOOR_EBUSY (somebody lives there), ... What it owes is the caller's to settle. */
int moor__slot_take(struct moor__object *object, uint32_t slot);
void moor__slot_give(struct moor__object *object); /* and gives it back */
/* Asks the kernel, through the object's own description, which does not hold the slot. */
bool moor__slot_alive(const struct moor__object *object, uint32_t slot);

/*
 * A map's holders show themselves in its slots, for moor_participants: any free slot, and none if there is none. Called
 * by the owner of the object, or in a forked child before any other thread exists.
 */
void moor__slot_show(struct moor__object *object);
void moor__slot_hide(struct moor__object *object);

#ifdef MOOR_TESTING
extern uint32_t moor__slot_from;
#endif

#endif
