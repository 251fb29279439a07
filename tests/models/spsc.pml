/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spsc.pml - the ring of one producer and one consumer, as src/ring/spsc_tx.c, rx.c and reached.c do it, a shared word a
 * step: reserve, payload, short commit, cancel, padding at the wrap, publish, peek one or two, release, close; either side
 * killed before any step, and its successor taking over from the two copies of `record` and of `done`. Four lines, records
 * of one or two, a bit over two laps.
 *
 * Stores are seen in the order in which they are made: a successor sees all that the dead one stored, since it takes the
 * slot's lock, and between the living two each order matters only where doc/memory-model.md has an edge.
 *
 * Payload is the worst there can be: the first word of a line that it covers reads as a published record.
 *
 * Shown: every message that was published is delivered, in order, once by each consumer until one has released it;
 * nothing else is; the counts that a successor finds are right; nobody is stuck.
 *
 * Broken on purpose, each must fail: NO_ZERO (the next header is not zeroed before a publication), NO_DIRTY_END (a
 * successor takes the ring for clean), POSITION_FIRST (`position` of a record's copy stored before its `end`; the
 * counts alone would do: those of a record that was not published are not used), ONE_COPY
 * (the record has one copy), CLEARED_FIRST (room given before `released` says so), CLEARED_EARLY (room given before the
 * headers are zeroed), RELEASED_FIRST (a successor reads `released` before the header), NO_CLEAR (a successor of the
 * consumer does not zero what its predecessor released).
 */
#define LINES 4
#ifndef MESSAGES
#define MESSAGES 5
#endif
#ifndef DEATHS
#define DEATHS 2
#endif

/* What a header word reads: 0, the lines of a message, or PAD + lines of padding. Garbage reads as a message. */
#define PAD 4
#define MARK 8 /* of a close: nothing is published here */
#define IS_OPEN(word) ((word) == 0 || (word) == MARK)
#define GARBAGE 1
#define AT(position) ((position) % LINES)

byte word[LINES];
byte text[LINES]; /* the payload: the number of the message */

/* The producer's area: two copies; position is 2 * position + 1 once written. */
byte r_end[2], r_messages[2], r_position[2];
/* The consumer's. */
byte d_messages[2], d_released[2], cleared, head;

byte deaths;
byte published;  /* what an onlooker has seen: so many published, so many released */
byte released;
bool told_end;   /* the producer has published all and closed */

#define STEP(successor) \
	atomic { \
		if \
		:: true \
		:: deaths < DEATHS -> deaths++; goto successor \
		fi;
#define STEP_WHEN(condition, successor) \
	atomic { \
		condition; \
		if \
		:: true \
		:: deaths < DEATHS -> deaths++; goto successor \
		fi;
#define END }

inline find_released(which)
{
	/* Equal only before anything was released; then the one with more messages was being written. */
	which = ((d_released[1] > d_released[0] || (d_released[1] == d_released[0] && d_messages[1] < d_messages[0])) -> 1 : 0)
}

active proctype producer()
{
	byte tail, messages, turn, limit, dirty, dirty_end; /* private; dirty: a bit a line */
	byte at, size, end, i, which, sum;
	bool is_published;

	limit = LINES - 1;
	dirty_end = 0;
	goto loop;

successor: /* moor__ring_tail, moor__tx_attach */
	atomic {
		at = 0; size = 0; end = 0; i = 0; is_published = false;
		which = ((r_position[1] > r_position[0] || (r_position[1] == r_position[0] && r_end[1] < r_end[0])) -> 1 : 0);
		tail = r_position[which] / 2;
		end = r_end[which]
	};
#ifdef RELEASED_FIRST
	STEP(successor)
		find_released(i);
		is_published = d_released[i] >= end
	END;
	STEP(successor)
		is_published = is_published || !IS_OPEN(word[AT(tail)])
	END;
#else
	STEP(successor)
		is_published = !IS_OPEN(word[AT(tail)])
	END;
	STEP(successor)
		find_released(i);
		is_published = is_published || d_released[i] >= end
	END;
#endif
	STEP(successor)
		if
		:: is_published -> messages = r_messages[which]; tail = end; turn = 1 - which
		:: else -> messages = r_messages[1 - which]; turn = which
		fi;
		assert(messages == published); /* the counts are right, and so is the tail */
		which = 0; i = 0; is_published = false; end = 0;
		assert(cleared <= tail && tail - cleared <= LINES);
		limit = cleared + LINES - 1;
		dirty = 0;
#ifdef NO_DIRTY_END
		dirty_end = 0
#else
		dirty_end = tail + LINES
#endif
	END;

loop:
	do
	:: messages < MESSAGES ->
		STEP(successor) /* reserve */
			if :: size = 1 :: size = 2 fi;
			at = ((size > LINES - AT(tail)) -> tail + LINES - AT(tail) : tail)
		END;
		if
		:: at + size > limit ->
			if
			:: STEP_WHEN(head + LINES - 1 >= at + size, successor) limit = head + LINES - 1 END
			:: STEP_WHEN(cleared + LINES - 1 >= at + size, successor) limit = cleared + LINES - 1 END
			fi
		:: else
		fi;
		STEP(successor)
			text[AT(at)] = published + 1
		END;
		if
		:: size == 2 ->
			STEP(successor)
				word[AT(at + 1)] = GARBAGE
			END
		:: else
		fi;
		atomic {
			/* what the whole reservation covers is dirty */
			i = tail + 1;
			do
			:: i < at + size -> dirty = dirty | (1 << AT(i)); i++
			:: else -> break
			od;
			i = 0;
			if
			:: skip
			:: size == 2 -> size = 1 /* a short commit */
			:: size = 0; at = 0; goto loop /* cancel */
			fi;
			end = at + size;
			sum = messages + 1
		};
		atomic {
			if
#ifdef NO_ZERO
			:: false
#else
			:: end < dirty_end || (dirty & (1 << AT(end))) ->
				if
				:: true
				:: deaths < DEATHS -> deaths++; goto successor
				fi;
				word[AT(end)] = 0;
				dirty = dirty & (255 - (1 << AT(end)))
#endif
			:: else
			fi
		};
#ifdef POSITION_FIRST
		STEP(successor)
			r_position[turn] = 2 * tail + 1
		END;
#endif
		STEP(successor)
			r_end[turn] = end
		END;
		STEP(successor)
			r_messages[turn] = sum
		END;
#ifndef POSITION_FIRST
		STEP(successor)
			r_position[turn] = 2 * tail + 1
		END;
#endif
		STEP(successor)
			word[AT(at)] = size;
			if
			:: at == tail -> published++
			:: else
			fi
		END;
		if
		:: at != tail ->
			STEP(successor)
				word[AT(tail)] = PAD + at - tail;
				published++
			END
		:: else
		fi;
		if
		:: end - tail == 1 ->
			STEP(successor)
				word[AT(end)] = 0 /* the next line is fetched */
			END
		:: else
		fi;
		atomic {
			tail = end;
			messages = sum;
#ifndef ONE_COPY
			turn = 1 - turn;
#endif
			at = 0; size = 0; end = 0; sum = 0
		}
	:: else ->
		STEP(successor)
			if
			:: IS_OPEN(word[AT(tail)]) -> word[AT(tail)] = MARK
			:: else -> assert(false) /* a header not yet published reads as such */
			fi;
			told_end = true
		END;
		break
	od
}

active proctype consumer()
{
	byte seen, mine, turn, told_head; /* private; mine: the position of the oldest unreleased record */
	byte count, at, i, which;

	goto loop;

successor: /* moor__rx_attach */
	atomic {
		seen = 0; count = 0; at = 0; i = 0;
		find_released(which);
		mine = d_released[which];
		seen = mine;
		turn = 1 - which;
		assert(d_messages[which] == released);
		which = 0;
		i = cleared
	};
	do
	:: i < mine ->
		STEP(successor)
#ifndef NO_CLEAR
			word[AT(i)] = 0;
#endif
			i++
		END
	:: else -> break
	od;
	STEP(successor)
		i = 0;
		cleared = mine
	END;
	STEP(successor)
		head = mine;
		told_head = mine
	END;

loop:
	do
	:: STEP_WHEN(count < 2 && !IS_OPEN(word[AT(seen)]), successor) /* peek */
			if
			:: word[AT(seen)] > PAD ->
				assert(word[AT(seen)] - PAD == LINES - AT(seen));
				at = seen + word[AT(seen)] - PAD
			:: else -> at = seen
			fi
		END;
		STEP(successor)
			assert(word[AT(at)] == 1 || word[AT(at)] == 2);
			count++;
			assert(text[AT(at)] == released + count); /* each once, in order */
			assert(released + count <= published);
			seen = at + word[AT(at)];
			at = 0
		END
	:: count > 0 -> /* release */
#ifdef CLEARED_FIRST
		STEP(successor)
			cleared = seen
		END;
#endif
		STEP(successor)
			d_messages[turn] = released + count
		END;
		STEP(successor)
			d_released[turn] = seen;
			released = released + count;
			count = 0;
			turn = 1 - turn
		END;
#ifdef CLEARED_EARLY
		STEP(successor)
			cleared = seen
		END;
#endif
		do
		:: mine < seen ->
			STEP(successor)
				assert(!IS_OPEN(word[AT(mine)]));
				i = word[AT(mine)] % PAD;
				word[AT(mine)] = 0;
				mine = mine + i;
				i = 0
			END
		:: else -> break
		od;
#if !defined(CLEARED_FIRST) && !defined(CLEARED_EARLY)
		STEP(successor)
			cleared = seen
		END;
#endif
		if
		:: seen - told_head >= LINES / 2 ->
			STEP(successor)
				head = seen;
				told_head = seen
			END
		:: else
		fi
	:: told_end && released == MESSAGES && count == 0 && IS_OPEN(word[AT(seen)]) -> break
	od
}
