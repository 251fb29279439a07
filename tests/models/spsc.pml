/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spsc.pml - the ring of one producer and one consumer, as src/ring/spsc_tx.c, rx.c and reached.c do it, a shared word a
 * step: reserve, payload, short commit, cancel, padding at the wrap, publish, a header zeroed ahead, peek one or two,
 * release, the lazily told head, close; either side killed before any step, and its successor: the producer's walks over
 * the headers from what is released, the consumer's goes on from the newer copy of `done`. Four units, records of one or
 * two, a bit over a lap.
 *
 * Stores are seen in the order in which they are made: a successor sees all that the dead one stored, since it takes the
 * slot's lock, and between the living two each order matters only where doc/memory-model.md has an edge.
 *
 * Payload is the worst there can be: the first word of a unit that it covers reads as a published record.
 *
 * Shown: every message that was published is delivered, in order, once by each consumer until one has released it;
 * nothing else is; the tail and the counts that a successor finds are right; nobody is stuck.
 *
 * Broken on purpose, each must fail: NO_ZERO (the next header is not zeroed before a publication), ZERO_LATE (it is after
 * one), ZERO_BEYOND (a header zeroed ahead, where there is no room), PADDING_FIRST (padding published before the record
 * behind it), POSITION_FIRST (`position` of a copy of `done` stored before the counts), ONE_COPY (there is one),
 * GIVEN_FIRST (room given before `done` says so), WALK_FROM_START (a successor walks from where the ring began).
 */
#define LINES 4
#ifndef MESSAGES
#define MESSAGES 5
#endif
#ifndef DEATHS
#define DEATHS 2
#endif

/* What a header reads: 0, the units of a message, or PAD + units of padding. */
#define PAD 4
#define MARK 8 /* of a close: nothing is published here */
#define IS_OPEN(word) ((word) == 0 || (word) == MARK)
#define GARBAGE 1
#define AT(position) ((position) % LINES)
#define LAP_END(position) ((position) + LINES - AT(position))

byte word[LINES];
byte text[LINES]; /* the payload: the number of the message */

/* The consumer's area. */
byte d_messages[2], d_position[2], released, head;

byte deaths;
/* What an onlooker has seen: so many published, up to there; so many released. */
byte published, published_to, done_;
bool told_end; /* the producer has published all and closed */

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

active proctype producer()
{
	byte tail, limit, at, size, end; /* private */

	limit = LINES - 1;
	goto loop;

successor: /* moor__tx_attach, moor__ring_walk */
	atomic { at = 0; size = 0; end = 0; tail = 0; limit = 0 };
	STEP(successor)
#ifdef WALK_FROM_START
		tail = 0;
#else
		tail = released;
#endif
		limit = released + LINES - 1
	END;
	do
	:: STEP(successor)
			if
			:: IS_OPEN(word[AT(tail)]) -> break
			:: else ->
				size = (word[AT(tail)] > PAD -> word[AT(tail)] - PAD : word[AT(tail)]);
				assert(tail + size <= LAP_END(tail) && tail + size <= limit);
				tail = tail + size;
				size = 0
			fi
		END
	od;
	assert(tail == published_to);

loop:
	do
	:: published < MESSAGES ->
		STEP(successor) /* reserve */
			if :: size = 1 :: size = 2 fi;
			at = (tail + size > LAP_END(tail) -> LAP_END(tail) : tail)
		END;
		if
		:: at + size > limit ->
			if
			:: STEP_WHEN(head + LINES - 1 >= at + size, successor) limit = head + LINES - 1 END
			:: STEP_WHEN(released + LINES - 1 >= at + size, successor) limit = released + LINES - 1 END
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
			if
			:: true
			:: size == 2 -> size = 1 /* a short commit */
			:: size = 0; at = 0; goto loop /* cancel */
			fi;
			end = at + size
		};
#ifdef PADDING_FIRST
		if
		:: at != tail ->
			STEP(successor)
				word[AT(tail)] = PAD + at - tail
			END
		:: else
		fi;
#endif
#if !defined(NO_ZERO) && !defined(ZERO_LATE)
		STEP(successor)
			word[AT(end)] = 0
		END;
#endif
		STEP(successor)
			word[AT(at)] = size;
			if
#ifdef PADDING_FIRST
			:: true -> published++; published_to = end
#else
			:: at == tail -> published++; published_to = end
			:: else
#endif
			fi
		END;
#ifndef PADDING_FIRST
		if
		:: at != tail ->
			STEP(successor)
				word[AT(tail)] = PAD + at - tail;
				published++;
				published_to = end
			END
		:: else
		fi;
#endif
#ifdef ZERO_LATE
		STEP(successor)
			word[AT(end)] = 0
		END;
#endif
		if /* the header after a next record of the same size, where it begins a line of the processor */
#ifdef ZERO_BEYOND
		:: at == tail && end + size <= LAP_END(at) ->
#else
		:: at == tail && end + size <= limit && end + size <= LAP_END(at) ->
#endif
			STEP(successor)
				word[AT(end + size)] = 0
			END
		:: true
		fi;
		atomic { tail = end; at = 0; size = 0; end = 0 }
	:: else ->
		STEP(successor)
			assert(IS_OPEN(word[AT(tail)]));
			word[AT(tail)] = MARK;
			told_end = true
		END;
		break
	od
}

active proctype consumer()
{
	byte seen, turn, told_head, count, at, which; /* private */

	goto loop;

successor: /* moor__rx_attach */
	atomic {
		seen = 0; count = 0; at = 0;
		/* Equal only before anything was released; then the one with more messages was being written. */
		which = ((d_position[1] > d_position[0] ||
		          (d_position[1] == d_position[0] && d_messages[1] < d_messages[0])) -> 1 : 0);
		seen = d_position[which];
#ifndef ONE_COPY
		turn = 1 - which;
#endif
		assert(d_messages[which] == done_);
		which = 0
	};
	STEP(successor)
		released = seen
	END;
	STEP(successor)
		head = seen;
		told_head = seen
	END;

loop:
	do
	:: STEP_WHEN(count < 2 && !IS_OPEN(word[AT(seen)]), successor) /* peek */
			if
			:: word[AT(seen)] > PAD ->
				assert(word[AT(seen)] - PAD == LINES - AT(seen));
				at = LAP_END(seen)
			:: else -> at = seen
			fi
		END;
		STEP(successor)
			assert(word[AT(at)] == 1 || word[AT(at)] == 2);
			count++;
			assert(text[AT(at)] == done_ + count); /* each once, in order */
			assert(done_ + count <= published);
			seen = at + word[AT(at)];
			at = 0
		END
	:: count > 0 -> /* release */
#ifdef GIVEN_FIRST
		STEP(successor)
			released = seen
		END;
#endif
#ifdef POSITION_FIRST
		STEP(successor)
			d_position[turn] = seen;
			done_ = done_ + count
		END;
		STEP(successor)
			d_messages[turn] = done_
		END;
#else
		STEP(successor)
			d_messages[turn] = done_ + count
		END;
		STEP(successor)
			d_position[turn] = seen;
			done_ = done_ + count
		END;
#endif
		atomic {
			count = 0;
#ifndef ONE_COPY
			turn = 1 - turn
#endif
		};
#ifndef GIVEN_FIRST
		STEP(successor)
			released = seen
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
	:: told_end && done_ == MESSAGES && count == 0 && IS_OPEN(word[AT(seen)]) -> break
	od
}
