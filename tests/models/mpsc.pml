/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mpsc.pml - the ring of many producers: claim, mark, commit and recover, by three producers' slots and one consumer, each
 * killed before any step; slots of the dead are taken again. T is one word: the position up to which all is claimed, and
 * the slot of the last claimer. A producer reads T = (p, prev), announces its intent (p, lines, prev) in its own line,
 * replaces T by (p + lines, me), marks the header at p as claimed, and only then writes payload; it commits by the header,
 * and takes its intent back.
 *
 * The consumer finds a header that reads zero behind T: it looks for the owner of that claim in T, then in the intents,
 * then in the headers, waits while an owner lives, and else looks once more and skips the claim, by making it padding. It
 * zeroes the first word of every line it gives back.
 *
 * Four lines, claims of one or two, a lap and a half or two. A claim may lie across the end: padding is a claim like any
 * other. Payload is the worst there can be: the first word of a line that it covers reads as any mark at all. Payload is
 * a step of its own between mark and commit, so that it is seen as late as it can be; a dead producer's stores are all
 * seen before its slot's lock is free.
 *
 * Shown: every committed message is delivered once, in the order of the claims; nothing of a living producer is skipped;
 * nothing uncommitted is delivered; nobody is stuck.
 *
 * Broken on purpose, each must fail: NO_GUARD (a dead slot with an open intent is taken before the ring has passed it),
 * MARK_LATE (mark after payload), SWAPPED (headers, then intents, then T, and the intent not looked at again before the
 * skip), NO_LOOK_AGAIN (the header is not looked at again before the skip).
 */
#define LINES 4
#define SLOTS 3
#define NOBODY 3
#ifndef PRODUCERS
#define PRODUCERS 3 /* slots in use */
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#define AT(position) ((position) % LINES)

/* A header: 0; (lines, committed?, prev): */
#define MARK(lines, prev) ((prev) + 4 * (lines))
#define COMMITTED 16
#define LINES_OF(word) (((word) / 4) % 4)
#define PREV_OF(word) ((word) % 4)
#define IS_COMMITTED(word) (((word) & COMMITTED) != 0)
#define PADDED 32 /* skipped: there is nothing in it any more */
#define IS_PADDED(word) (((word) & PADDED) != 0)

byte word[LINES];
byte t_position, t_slot = NOBODY;
byte i_position[SLOTS]; /* intents: position, and lines and prev in one word; 0: none */
byte i_claim[SLOTS];
bool alive[SLOTS];
byte cleared, done_; /* room given; `released` */
byte deaths;

/* What an onlooker sees: who claimed what, and what became of it. */
byte owner_of[LINES];  /* of the claim that begins there: slot + 1 */
byte lines_of[LINES];
bool committed_at[LINES], orphan_at[LINES]; /* orphan: the claimer is dead and has not committed */
byte finished;

/* What is sent in this run, in every order of the slots: they are all alike. */
byte size_of[SLOTS] = 1;
byte garbage;

#define STEP \
	atomic { \
		if \
		:: true \
		:: deaths < DEATHS -> goto dead \
		fi;
#define STEP_WHEN(condition) \
	atomic { \
		condition; \
		if \
		:: true \
		:: deaths < DEATHS -> goto dead \
		fi;
#define END }

proctype producer(byte me)
{
	byte p, prev, lines, i;

born:
	/* The slot: first what the predecessor left. */
	atomic {
#ifndef NO_GUARD
		i_claim[me] == 0 || cleared > i_position[me] || t_position <= i_position[me];
#endif
		alive[me] = true;
		i_claim[me] = 0;
		i_position[me] = 0;
		lines = size_of[me]
	};
claim:
	STEP
		p = t_position;
		prev = t_slot;
		if
		:: p + lines <= cleared + LINES - 1
		:: else -> goto no_room
		fi
	END;
	STEP
		i_position[me] = p
	END;
	STEP
		i_claim[me] = MARK(lines, prev)
	END;
	STEP /* compare and swap */
		if
		:: t_position == p && t_slot == prev ->
			t_position = p + lines;
			t_slot = me;
			owner_of[AT(p)] = me + 1;
			lines_of[AT(p)] = lines;
			committed_at[AT(p)] = false;
			orphan_at[AT(p)] = false
		:: else -> goto lost
		fi
	END;
#ifndef MARK_LATE
	STEP
		word[AT(p)] = MARK(lines, prev);
		if
		:: lines == 1 -> goto commit
		:: else
		fi
	END;
#endif
	STEP
		if
		:: lines == 2 ->
			word[AT(p + 1)] = MARK(1, garbage)
		:: else
		fi
	END;
#ifdef MARK_LATE
	STEP
		word[AT(p)] = MARK(lines, prev)
	END;
#endif
commit:
	STEP
		word[AT(p)] = MARK(lines, prev) + COMMITTED;
		committed_at[AT(p)] = true
	END;
	atomic { alive[me] = false; i_claim[me] = 0; i_position[me] = 0; goto over };
lost: /* and tries again, or gives up and comes back with another length */
	STEP
		i_claim[me] = 0;
		if
		:: true
		:: PRODUCERS == 2 -> lines = 3 - lines
		fi;
		goto claim
	END;
no_room: /* whoever finds no room may look at T again */
	STEP_WHEN(p + lines <= cleared + LINES - 1 || t_position != p)
		goto claim
	END;

dead:
	atomic {
		deaths++;
		alive[me] = false;
		i = 0;
		do
		:: i < LINES ->
			if
			:: owner_of[i] == me + 1 && !committed_at[i] -> orphan_at[i] = true
			:: else
			fi;
			i++
		:: else -> break
		od;
		i = 0; p = 0; prev = 0; lines = 0;
		if
		:: goto born
		:: goto over /* nobody takes the slot again */
		fi
	};
over:
	atomic { p = 0; prev = 0; lines = 0; finished++ }
}

/*
 * Is there evidence that slot j, with the intent (h, lines), owns the claim at h? Of what the consumer has read only what
 * can matter is kept: T and intents by their distance from h, 1 or 2.
 */
#define EVIDENCE(j, lines) (seen_t == (lines) && seen_slot == (j) || \
	seen_c[0] != 0 && seen_p[0] == (lines) && PREV_OF(seen_c[0]) == (j) || \
	seen_c[1] != 0 && seen_p[1] == (lines) && PREV_OF(seen_c[1]) == (j) || \
	seen_c[2] != 0 && seen_p[2] == (lines) && PREV_OF(seen_c[2]) == (j) || \
	seen_w[lines] == 1 + (j))

inline read_t()
{
	STEP
		seen_t = ((t_position - h <= 2) -> t_position - h : 0);
		seen_slot = (seen_t != 0 -> t_slot : 0)
	END
}

/* Position and claim are two words; the claim first. */
inline read_intent(j)
{
	STEP
		seen_c[j] = i_claim[j]
	END;
	if
	:: seen_c[j] != 0 ->
		STEP
			if
			:: i_position[j] >= h && i_position[j] <= h + 2 -> seen_p[j] = i_position[j] - h
			:: else -> seen_c[j] = 0
			fi
		END
	:: else
	fi
}

inline read_headers()
{
	STEP
		seen_w[1] = (word[AT(h + 1)] != 0 -> 1 + PREV_OF(word[AT(h + 1)]) : 0);
		seen_w[2] = (word[AT(h + 2)] != 0 -> 1 + PREV_OF(word[AT(h + 2)]) : 0)
	END
}

inline forget()
{
	seen_t = 0; seen_slot = 0; who = 0; n = 0; found_alive = false; nobody_comes = false;
	seen_c[0] = 0; seen_c[1] = 0; seen_c[2] = 0;
	seen_p[0] = 0; seen_p[1] = 0; seen_p[2] = 0;
	seen_w[1] = 0; seen_w[2] = 0
}

inline find_owner(j)
{
	if
	:: seen_c[j] != 0 && seen_p[j] == 0 && EVIDENCE(j, LINES_OF(seen_c[j])) ->
		if
		:: alive[j] -> found_alive = true
		:: else -> who = j; n = LINES_OF(seen_c[j])
		fi
	:: else
	fi
}

active proctype consumer()
{
	byte h, n, seen_t, seen_slot, who, i;
	byte seen_c[SLOTS], seen_p[SLOTS], seen_w[3];
	bool found_alive, nobody_comes;

start:
	/* take over: what was released and not cleared */
	atomic { h = done_; i = cleared };
	do
	:: i < h -> STEP word[AT(i)] = 0; i++ END
	:: else -> break
	od;
	STEP
		i = 0;
		cleared = h
	END;
loop:
	do
	:: STEP_WHEN(IS_COMMITTED(word[AT(h)])) /* a message */
			assert(owner_of[AT(h)] != 0 && committed_at[AT(h)] && lines_of[AT(h)] == LINES_OF(word[AT(h)]));
			n = LINES_OF(word[AT(h)]);
			goto give_back
		END
	:: STEP_WHEN(IS_PADDED(word[AT(h)])) /* skipped, by this one or a predecessor */
			assert(owner_of[AT(h)] != 0 && orphan_at[AT(h)] && lines_of[AT(h)] == LINES_OF(word[AT(h)]));
			n = LINES_OF(word[AT(h)]);
			goto give_back
		END
	:: STEP_WHEN(word[AT(h)] != 0 && word[AT(h)] < COMMITTED && orphan_at[AT(h)]) /* marked: its slot is named */
			assert(owner_of[AT(h)] != 0 && lines_of[AT(h)] == LINES_OF(word[AT(h)]));
			word[AT(h)] = word[AT(h)] + PADDED
		END
	:: STEP_WHEN(word[AT(h)] == 0 && t_position > h && DEATHS > 0)
			nobody_comes = finished == PRODUCERS
		END;
#ifdef SWAPPED
		read_headers();
		read_intent(0);
		read_intent(1);
		read_intent(2);
		read_t();
#else
		read_t();
		read_intent(0);
		read_intent(1);
		read_intent(2);
		read_headers();
#endif
		STEP
			who = NOBODY;
			found_alive = false;
			find_owner(0);
			find_owner(1);
			find_owner(2);
			assert(!nobody_comes || who != NOBODY); /* somebody owns it, and nobody else will tell */
			if
			:: found_alive || who == NOBODY -> forget(); goto loop
			:: else
			fi
		END;
#ifndef NO_LOOK_AGAIN
		STEP
			if
			:: word[AT(h)] != 0 -> forget(); goto loop
			:: else
			fi
		END;
#endif
#ifndef SWAPPED
		STEP
			if
			:: i_claim[who] != seen_c[who] || i_position[who] != h -> forget(); goto loop
			:: else
			fi
		END;
#endif
		STEP /* skip */
			assert(owner_of[AT(h)] == who + 1 && orphan_at[AT(h)] && lines_of[AT(h)] == n);
			word[AT(h)] = MARK(n, PREV_OF(seen_c[who])) + PADDED;
			forget();
			goto loop
		END
	:: finished == PRODUCERS && h == t_position && cleared == h -> goto end
	od;

give_back:
	atomic {
		i = n;
		forget();
		n = i;
		i = 0
	};
	STEP
		done_ = h + n;
		owner_of[AT(h)] = 0;
		lines_of[AT(h)] = 0;
		committed_at[AT(h)] = false;
		orphan_at[AT(h)] = false
	END;
	STEP
		word[AT(h)] = 0
	END;
	if
	:: n == 2 -> STEP word[AT(h + 1)] = 0 END
	:: else
	fi;
	STEP
		h = h + n;
		n = 0;
		cleared = h
	END;
	goto loop;

dead:
	atomic { deaths++; forget(); i = 0; h = 0 };
	goto start;
end:
	skip
}

init
{
	atomic {
		if
		:: size_of[0] = 2;
			if
			:: size_of[1] = 2;
				if
				:: PRODUCERS == 3 -> size_of[2] = 2
				:: true
				fi
			:: true
			fi;
			if
			:: garbage = 0
			:: garbage = 1
			:: PRODUCERS == 3 -> garbage = 2
			fi
		:: true
		fi;
		run producer(0);
		run producer(1);
#if PRODUCERS > 2
		run producer(2)
#endif
	}
}
