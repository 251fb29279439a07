/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpsc.pml - the ring of many producers: claim, mark, commit and recover. Producers are killed between any two steps
 * that another can see, and their slots are taken again; one consumer follows another.
 *
 * t is one word: the position up to which all is claimed, and the slot of the last claimer. A producer reads it,
 * announces its intent in its own line, in two stores: the word that it has read, and then how many lines; replaces
 * t; marks the header of what it has got, and only then writes payload; commits by the header, and withdraws the
 * intent. The consumer that finds a header that reads zero before t looks for the owner: reads t, then each slot's
 * intent, and of one that begins there, who tells that it is a claim: t, or an intent that begins where it ends, or
 * the header there. The told one with the nearest end is the owner. If it is dead, and the header is still zero, the
 * claim becomes padding.
 *
 * Four lines. Claims of one line or two, at each try anew, from position FIRST on, so that they go across the end
 * soon. TRIES of them are begun, by whichever slots, and by one again and again, but for those that say in place that
 * they try again; DEATHS producers die. Payload is the worst there can be: the first word of a line that it covers
 * reads as a mark that tells of any slot. It is a step of its own between mark and commit, so that it is seen as late
 * as it can be. Padding is a claim like another; what is committed shorter than claimed is not here.
 *
 * Shown: what is committed is delivered once, in the order of the claims, and nothing else is; nothing of a living
 * producer is skipped; a place is clear when it is claimed; who has died before a look begins is found by that look,
 * whoever else goes on meanwhile (`surely`); nobody is stuck.
 *
 * Broken on purpose, each must fail: NO_GUARD (a dead slot with an open intent is taken before the ring has passed
 * it), MARK_LATE (mark after payload), SWAPPED (headers, then intents, then t), BY_LENGTH (owners told by where
 * claims end, not by whose they are), FIRST_FOUND (the first dead one that is told, not the nearest), NO_LOOK_AGAIN
 * (the header is not looked at again before the skip), NO_CLEAR (the second line of what is given back is not
 * cleared).
 * NO_INTENT_AGAIN holds: that the code looks at the intent, too, again is more than it needs.
 *
 * What is one step here and several in the code, and why nothing is lost. SMALL_STEPS takes them apart again, lets
 * the consumer die, too, and producers where it changes nothing:
 * - Steps are in the order of memory (doc/memory-model.md). A store that is seen late is a step taken late: the only
 *   loads of a producer that matter are followed by the compare-and-swap, which no store before or after it passes.
 *   The stores of the dead are all seen before the slot is seen dead.
 * - Room: `head` only grows, and the claim fails if t is no longer what was read; so it does not matter when in
 *   between it was looked for. Who finds none has changed nothing, and waits in front of its first step.
 * - t is read and stored as the word of the intent at once, if there are no lines in the intent: nobody looks at the
 *   word then, but a consumer that has read the lines of an intent before; its load might as well come first.
 * - Withdrawing, and leaving or not: a slot without an intent is no candidate, dead or alive. So one that leaves, one
 *   that sends again, and another that comes are the same, and so is one that dies with nothing announced, which is
 *   left out. A word that nobody can read any more is zero.
 * - The consumer alone reads and writes headers at places that are not claimed, and what it has released and not
 *   given back is private to it and its successor; so clearing is one step with giving room, and a death between is
 *   nothing to anybody but the successor, who clears the same again. At any other place the consumer's death leaves
 *   what is as it is.
 * - A claim that is marked by a dead one, or which the look found to be a dead one's: with the guard nobody writes
 *   that header, or that intent, any more. So the last looks and the skip are one step.
 */
#define LINES 4
#define FIRST 3
#define NOBODY 3
#ifndef PRODUCERS
#define PRODUCERS 3 /* slots */
#endif
#ifndef TRIES
#define TRIES 3
#endif
#ifndef DEATHS
#define DEATHS 3
#endif
#define AT(position) ((position) % LINES)

/* t, and the word of an intent: */
#define CLAIMED(position, slot) ((position) * 4 + (slot))
#define POSITION(word) ((word) / 4)
#define SLOT(word) ((word) % 4)

/* A header: 0; whose, after whom, how long: */
#define MARK(by, after, lines) ((after) + 4 * (by) + 16 * (lines))
#define COMMITTED 64
#define PADDED 128 /* skipped: there is nothing in it any more */
#define AFTER_OF(word) ((word) % 4)
#define BY_OF(word) (((word) / 4) % 4)
#define LINES_OF(word) (((word) / 16) % 4)
#define IS_COMMITTED(word) (((word) & COMMITTED) != 0)
#define IS_PADDED(word) (((word) & PADDED) != 0)

byte word[LINES];
byte t = CLAIMED(FIRST, NOBODY);
byte i_word[PRODUCERS], i_lines[PRODUCERS]; /* intents; no lines: none */
bool alive[PRODUCERS];
byte head = FIRST, done_ = FIRST; /* up to which room was given; `released` */
byte tries, deaths;
byte reading; /* 1 + the slot of whose intent the consumer has read the lines, and not yet the word */

/* What an onlooker knows of the claim that begins in a line: */
byte fate[LINES];
#define CLAIM(owner, lines) ((owner) + 1 + 4 * (lines))
#define KEPT 16   /* committed */
#define ORPHAN 32 /* its owner is dead, and has not committed */

#define MINE POSITION(i_word[me])

inline die(owes)
{
	deaths++;
	alive[me] = false;
	read = 0;
	if
	:: owes -> fate[AT(MINE)] = fate[AT(MINE)] | ORPHAN
	:: else
	fi
}

/* owes: it has claimed, and not committed. */
#define MAY_DIE(owes) \
	if \
	:: true \
	:: deaths < DEATHS -> die(owes); goto idle \
	fi

#ifdef SMALL_STEPS
#define SMALL true
#define MAY_DIE_SMALL MAY_DIE(false);
#define CUT_PRODUCER }; atomic { MAY_DIE_SMALL
#define CUT }; atomic { \
	if \
	:: true \
	:: deaths < DEATHS -> deaths++; forget(); goto start \
	fi;
#else
#define SMALL false
#define MAY_DIE_SMALL
#define CUT_PRODUCER
#define CUT
#endif

inline withdraw()
{
	i_lines[me] = 0;
#ifndef SMALL_STEPS
	alive[me] = false;
	if
	:: reading != me + 1 -> i_word[me] = 0
	:: else
	fi
#endif
}

proctype producer(byte me)
{
	byte read;

end_idle: /* nobody is there, or nothing is sent */
idle:
	if
	:: atomic { /* a newcomer forgets what the dead one had announced */
		i_lines[me] != 0;
#ifndef NO_GUARD
		head > MINE || POSITION(t) <= MINE;
#endif
		withdraw();
		goto idle
	}
#ifdef SMALL_STEPS
	:: atomic {
		alive[me] && i_lines[me] == 0;
		alive[me] = false;
		goto idle
	}
#endif
	:: atomic {
		i_lines[me] == 0 && tries < TRIES && POSITION(t) + 1 <= head + LINES - 1;
		tries++;
		alive[me] = true;
		CUT_PRODUCER
		read = t;
		CUT_PRODUCER
		i_word[me] = read;
		read = 0
	}
	fi;
	atomic {
		MAY_DIE_SMALL
		if
		:: i_lines[me] = 1
		:: MINE + 2 <= head + LINES - 1 -> i_lines[me] = 2
		fi
	};
replace:
	atomic { /* compare and swap */
		MAY_DIE(false);
		if
		:: t == i_word[me] ->
			assert(fate[AT(MINE)] == 0 && word[AT(MINE)] == 0);
			t = CLAIMED(MINE + i_lines[me], me);
			fate[AT(MINE)] = CLAIM(me, i_lines[me])
		:: else -> goto lost
		fi
	};
#ifndef MARK_LATE
	atomic {
		MAY_DIE(true);
		word[AT(MINE)] = MARK(me, SLOT(i_word[me]), i_lines[me]);
		if
		:: i_lines[me] == 1 -> goto commit
		:: else
		fi
	};
#endif
	atomic { /* payload */
		MAY_DIE(true);
		if
		:: i_lines[me] == 2 ->
			if
			:: word[AT(MINE + 1)] = MARK(0, 0, 1)
			:: word[AT(MINE + 1)] = MARK(0, 1, 1)
#if PRODUCERS > 2
			:: word[AT(MINE + 1)] = MARK(0, 2, 1)
#endif
			fi
		:: else
		fi
	};
#ifdef MARK_LATE
	atomic {
		MAY_DIE(true);
		word[AT(MINE)] = MARK(me, SLOT(i_word[me]), i_lines[me])
	};
#endif
commit:
	atomic {
		MAY_DIE(true);
		word[AT(MINE)] = MARK(me, SLOT(i_word[me]), i_lines[me]) + COMMITTED;
		fate[AT(MINE)] = fate[AT(MINE)] | KEPT
	};
	atomic {
		MAY_DIE(false);
		withdraw();
		goto idle
	};

lost: /* and gives up, or takes another length, or says in place that it tries again */
	atomic {
		MAY_DIE_SMALL
		if
		:: withdraw();
			goto idle
		:: POSITION(t) + i_lines[me] <= head + LINES - 1 ->
			read = t
		fi
	};
	atomic {
		MAY_DIE_SMALL
		i_word[me] = read;
		read = 0;
		goto replace
	}
}

inline forget()
{
	who = 0; lines = 0; after = 0; i = 0; seen = 0; reading = 0;
	best = NOBODY; best_lines = 0; best_after = 0; surely = false
}

/* The look has come to nothing. */
#define NOTHING \
	assert(!surely); \
	forget(); \
	goto loop

#define NEXT_SLOT \
	lines = 0; after = 0; i = 0; who++; \
	if \
	:: who < PRODUCERS -> goto look \
	:: else -> who = 0; seen = 0; goto looked \
	fi

#define NEXT_INTENT \
	i++; \
	if \
	:: i < PRODUCERS -> goto intent \
	:: else -> goto last \
	fi

#ifdef BY_LENGTH
#define TELLS(slot) true
#else
#define TELLS(slot) ((slot) == who)
#endif

active proctype consumer()
{
	byte who, lines, after, i;
	byte seen; /* of t: how far from head, 3 for more than 2, and the slot */
	byte best = NOBODY, best_lines, best_after;
	bool surely; /* who owns the claim was dead when the look began: it must be found */

loop:
	do
	:: atomic { /* a message, or what was skipped */
		IS_COMMITTED(word[AT(head)]) || IS_PADDED(word[AT(head)]);
		lines = LINES_OF(word[AT(head)]);
		assert(fate[AT(head)] ==
		       CLAIM(BY_OF(word[AT(head)]), lines) + (IS_PADDED(word[AT(head)]) -> ORPHAN : KEPT));
		done_ = head + lines;
		fate[AT(head)] = 0;
		CUT
		word[AT(head)] = 0;
		CUT
#ifndef NO_CLEAR
		word[AT(head + lines - 1)] = 0;
#endif
		CUT
		head = done_;
		lines = 0
	}
	:: atomic { /* a mark names its slot, and its intent says how long the claim is */
		word[AT(head)] != 0 && word[AT(head)] < COMMITTED && (SMALL || !alive[BY_OF(word[AT(head)])]);
		who = BY_OF(word[AT(head)]);
		CUT
		if
		:: alive[who] -> forget(); goto loop
		:: else
		fi;
		CUT
		if
		:: word[AT(head)] >= COMMITTED -> forget(); goto loop
		:: else
		fi;
		assert(i_lines[who] != 0 && POSITION(i_word[who]) == head);
		assert(fate[AT(head)] == CLAIM(who, i_lines[who]) + ORPHAN);
		CUT
		word[AT(head)] = MARK(who, SLOT(i_word[who]), i_lines[who]) + PADDED;
		who = 0
	}
	:: atomic {
		word[AT(head)] == 0 && POSITION(t) > head && DEATHS > 0;
		seen = (POSITION(t) - head <= 2 -> CLAIMED(POSITION(t) - head, SLOT(t)) : CLAIMED(3, 0));
		surely = (fate[AT(head)] & ORPHAN) != 0;
		goto look
	}
	:: atomic { timeout -> assert(POSITION(t) == head); goto end }
	od;

look: /* at slot `who`: is its intent at head, */
	atomic {
		if
		:: i_lines[who] == 0 -> NEXT_SLOT
		:: else
		fi;
		lines = i_lines[who];
		reading = who + 1
	};
	atomic {
		reading = 0;
		if
		:: POSITION(i_word[who]) == head && lines <= POSITION(seen) -> after = SLOT(i_word[who])
		:: else -> NEXT_SLOT
		fi;
#ifdef SWAPPED
		goto header
#else
		if
		:: POSITION(seen) == lines && TELLS(SLOT(seen)) -> goto told
		:: POSITION(seen) == lines && !TELLS(SLOT(seen)) -> NEXT_SLOT
		:: else
		fi
#endif
	};
intent: /* and does slot i's tell of it? */
	atomic {
		if
		:: i_lines[i] != 0 -> reading = i + 1
		:: else -> NEXT_INTENT
		fi
	};
	atomic {
		reading = 0;
		if
		:: POSITION(i_word[i]) == head + lines && TELLS(SLOT(i_word[i])) -> goto told
		:: else -> NEXT_INTENT
		fi
	};
#ifdef SWAPPED
last:
	atomic {
		if
		:: POSITION(t) == head + lines && TELLS(SLOT(t)) -> goto told
		:: else -> NEXT_SLOT
		fi
	};
#else
last:
#endif
header:
	atomic {
		if
		:: word[AT(head + lines)] != 0 && TELLS(AFTER_OF(word[AT(head + lines)])) -> goto told
		:: else ->
#ifdef SWAPPED
			goto intent
#else
			NEXT_SLOT
#endif
		fi
	};
told:
	atomic {
		if
#ifdef FIRST_FOUND
		:: best == NOBODY && !alive[who] ->
#else
		:: best == NOBODY || lines < best_lines ->
#endif
			best = who;
			best_lines = lines;
			best_after = after
		:: else
		fi;
		NEXT_SLOT
	};
looked:
	atomic {
		if
		:: best == NOBODY || alive[best] -> NOTHING
		:: else
		fi;
		CUT
#ifndef NO_LOOK_AGAIN
		if
		:: word[AT(head)] != 0 -> NOTHING
		:: else
		fi;
		CUT
#endif
#ifndef NO_INTENT_AGAIN
		if
		:: i_lines[best] != best_lines || i_word[best] != CLAIMED(head, best_after) -> NOTHING
		:: else
		fi;
		CUT
#endif
		assert(fate[AT(head)] == CLAIM(best, best_lines) + ORPHAN);
		word[AT(head)] = MARK(best, best_after, best_lines) + PADDED;
		forget();
		goto loop
	};
#ifdef SMALL_STEPS
start: /* a successor clears what was released, and goes on from there */
	atomic {
		i = head
	};
	do
	:: atomic { i < done_ -> CUT word[AT(i)] = 0; i++ }
	:: atomic { i == done_ -> CUT head = done_; i = 0; goto loop }
	od;
#endif
end:
	skip
}

init
{
	atomic {
		run producer(0);
		run producer(1);
#if PRODUCERS > 2
		run producer(2)
#endif
	}
}
