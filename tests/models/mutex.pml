/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mutex.pml - the states of the mutex word (src/sync/mutex.c), for Spin.
 *
 * In each slot a process lives, may die at any step, and may be followed by another one; each locks as often as it
 * likes. The kernel's part: the lock of a slot goes with its holder; a sleeper is in the queue until it is woken, and a
 * death takes it out. A sleep also ends by itself (its bound), unless HEAL is 0: then nobody dies, and a wake-up that is
 * lost leaves somebody asleep for ever, which Spin reports as an invalid end state.
 *
 * The word is the variables owner, abandoned, waiters and handover, replaced together, as compare-and-swap does. What the
 * code reads before a compare-and-swap, which fails if it has changed, is here one step with it. The generation of the
 * owner's slot is left out: nothing is decided by it.
 *
 * Checked: mutual exclusion; a death that leaves the mutex owned is reported exactly once, to the next owner; no lost
 * wake-up. tests/models/list names the broken twins, each of which must fail.
 */
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef LIVES
#define LIVES 2 /* how many processes come to each slot, one after the other */
#endif
#ifndef HEAL
#define HEAL 1
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#define NONE 15

/* The word; owner: a slot, or NONE. */
byte owner = NONE;
bool abandoned = false, waiters = false, handover = false;

/* The kernel: who holds each slot's lock (the slot itself, or a prover), and who sleeps on the word. */
byte holder[SLOTS] = NONE;
bool asleep[SLOTS];

/* For the checks, and to kill. */
byte inside = 0, unreported = 0;
bool may_die[SLOTS];

/* Of those asleep, any one. */
inline wake_one()
{
	if
	:: asleep[0] -> asleep[0] = false
	:: asleep[1] -> asleep[1] = false
#if SLOTS > 2
	:: asleep[2] -> asleep[2] = false
#endif
	:: else -> nobody = true
	fi
}

/* let_go() after the compare-and-swap: wakes one; if there was none, and the word is as it was left, tidies it up. */
inline wake_after_release(was_abandoned)
{
	atomic { nobody = false; wake_one() };
	atomic {
		if
		:: nobody && owner == NONE && abandoned == was_abandoned && waiters && handover == left_handover ->
			waiters = false; handover = false; again_wake = left_handover
		:: else -> again_wake = false
		fi;
		nobody = false; left_handover = false
	};
	if
	:: again_wake -> atomic { wake_one(); nobody = false; again_wake = false }
	:: else
	fi
}

/* settle_slot(): the slot's lock is held, and its holder is dead. */
inline settle(slot)
{
	atomic {
		must_wake = false;
		if
		:: owner == slot -> owner = NONE; abandoned = true; handover = false; left_handover = false; must_wake = waiters
		:: else
		fi
	};
	if
	:: must_wake -> must_wake = false; wake_after_release(true)
	:: else
	fi
}

proctype process(byte me)
{
	bool nobody, again_wake, must_wake, left_handover; /* of the macros above */
	bool waited, seen_abandoned, seen_handover;
	byte other = NONE, seen_owner = NONE, lives = LIVES;

born:
	{
		/* Takes the slot's lock; a prover may hold it for the moment. */
		atomic { holder[me] == NONE -> holder[me] = me };
#ifndef BROKEN_HEIR
		settle(me); /* what the predecessor left, before anything else */
#endif
again:
		if
		:: atomic { owner == NONE && (!handover || waited) ->
				owner = me;
				inside++;
				assert(inside == 1);
				assert(unreported == abandoned);
				unreported = 0; abandoned = false; handover = false; waited = false };
			goto locked
#ifdef BROKEN_HEIR
		:: atomic { owner == me -> inside++; assert(inside == 1); assert(unreported == 0) };
			goto locked /* it believes the word, which its predecessor has left */
#endif
#if DEATHS
		/* look: proves a death by taking the lock. More often than the code, which does so only if the word names it. */
		:: atomic { holder[0] == NONE && me != 0 -> other = 0 }; goto prove
		:: atomic { holder[1] == NONE && me != 1 -> other = 1 }; goto prove
#if SLOTS > 2
		:: atomic { holder[2] == NONE && me != 2 -> other = 2 }; goto prove
#endif
#endif
		/* announce */
		:: atomic { owner != NONE || handover && !waited ->
				if
				:: owner != NONE -> waiters = true; if :: waited -> handover = true :: true fi
				:: else
				fi;
				seen_owner = owner; seen_abandoned = abandoned; seen_handover = handover }
		:: atomic { owner == NONE && !waited -> goto leave } /* it does not want the mutex any more; who was woken takes it */
		fi;
		/* The kernel looks whether the word is as announced, and lets it sleep. */
		atomic {
			if
#ifdef BROKEN_SLEEP
			:: true -> asleep[me] = true
#else
			:: owner == seen_owner && abandoned == seen_abandoned && waiters && handover == seen_handover ->
				asleep[me] = true
			:: else
#endif
			fi;
			seen_owner = NONE; seen_abandoned = false; seen_handover = false
		};
		if
		:: !asleep[me]
#if HEAL
		:: asleep[me] = false
#endif
		fi;
		waited = true;
		goto again;
#if DEATHS
prove:
#ifndef BROKEN_ASK
		atomic { /* in the code one system call */
			if
			:: holder[other] == NONE -> holder[other] = me
			:: else -> other = NONE
			fi
		};
#endif
		if
		:: other != NONE -> settle(other);
			atomic { if :: holder[other] == me -> holder[other] = NONE :: else fi; other = NONE }
		:: else
		fi;
		goto again;
#endif
locked:
		skip; /* what the mutex guards */
		atomic {
			assert(owner == me);
			inside--;
			owner = NONE; must_wake = waiters; left_handover = handover
		};
		if
#ifndef BROKEN_WAKE
		:: must_wake -> must_wake = false; wake_after_release(false)
#endif
		:: else -> left_handover = false
		fi;
		goto again;
leave:
		skip
	} unless { may_die[me] };
	/* Dead, or the handle is closed, which comes to the same. The kernel drops its locks. */
	atomic {
		may_die[me] = false; asleep[me] = false;
		if :: owner == me && holder[me] == me -> inside = 0; unreported = 1 :: else fi;
		if :: holder[0] == me -> holder[0] = NONE :: else fi;
		if :: holder[1] == me -> holder[1] = NONE :: else fi;
#if SLOTS > 2
		if :: holder[2] == me -> holder[2] = NONE :: else fi;
#endif
		nobody = false; again_wake = false; must_wake = false; left_handover = false; waited = false;
		seen_abandoned = false; seen_handover = false; other = NONE; seen_owner = NONE;
		lives--;
		if
		:: lives -> goto born
		:: else
		fi
	}
}

#if DEATHS
/* May kill whoever lives, whenever it likes. */
active proctype killer()
{
	do
	:: holder[0] == 0 && !may_die[0] -> may_die[0] = true
	:: holder[1] == 1 && !may_die[1] -> may_die[1] = true
#if SLOTS > 2
	:: holder[2] == 2 && !may_die[2] -> may_die[2] = true
#endif
	:: break
	od
}
#endif

init {
	atomic {
		run process(0);
		run process(1);
#if SLOTS > 2
		run process(2)
#endif
	}
}
