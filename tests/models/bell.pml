/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bell.pml - a consumer that polls, as src/ring/bell.c, wait.c and src/os/linux/bell.c do it: empty, look, announce, look
 * again, be reminded or not, poll; and a producer that opens the FIFO or cannot, publishes, sees what is announced, rings,
 * closes, and is killed before any step; then another one. The system drops the end and the lock of the dead in either
 * order.
 *
 * Each store is seen before the next step is made: the fences are doc/memory-model.md's affair. `edge` is what epoll has
 * not yet been asked about, `byte_there` what the FIFO holds; the descriptor is readable by both, or by the one and the
 * want of a writer. The reminder may come at any time while it is on. A producer may do nothing for ever.
 *
 * Shown: nobody polls for ever beside a message or an end (Spin would call that an invalid end state).
 *
 * Broken on purpose, each must fail: NO_LOOK (no second look), EMPTY_LATE (emptied after the second look), NEVER (no
 * reminder), NOBODY_YET (none while nobody is attached), OPEN_BEFORE (none if there was a writer when it was armed last), NO_WORD (who
 * attaches rings for nobody).
 */
#ifndef MESSAGES
#define MESSAGES 3
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#define LIVES 2

byte published;
byte announced; /* 0, or the number of the message that the consumer polls for */
bool bell, attached, idle;
bool locked, end_open, byte_there, edge; /* the system's */
bool reminded;
bool all_over;
byte deaths;

#define STEP \
	atomic { \
		if \
		:: true \
		:: deaths < DEATHS -> deaths++; goto dead \
		fi;
#define END }

#define LAST_END_GOES \
	atomic { \
		if \
		:: end_open -> end_open = false; edge = true \
		:: else \
		fi \
	}

/* moor__ring_hold_bell; it may be that the producer cannot. */
#define HOLD \
	STEP \
		if \
		:: bell && !end_open -> end_open = true \
		:: true \
		fi \
	END

#define RING \
	STEP \
		if \
		:: end_open -> byte_there = true; edge = true \
		:: else \
		fi \
	END

active proctype producer()
{
	byte lives, number;
	bool sees;

next:
	if
	:: lives == LIVES -> goto over
	:: else
	fi;
	atomic { lives++; locked = true; sees = false };
	STEP
		attached = true
	END;
	HOLD;
#ifndef NO_WORD
	STEP /* whom a predecessor has not told any more */
		sees = (announced != 0)
	END;
	if
	:: sees -> RING
	:: else
	fi;
#endif
	do
	:: number < MESSAGES ->
		STEP
			published++;
			number = published
		END;
		STEP
			sees = (announced == number)
		END;
		if
		:: sees -> HOLD; RING
		:: else
		fi
	:: true -> break
	:: true ->
		idle = true;
		if
		:: true ->
			end_idle: false
		:: atomic { deaths < DEATHS -> deaths++; idle = false; goto dead }
		fi
	od;
	STEP
		attached = false
	END;
	STEP
		sees = (announced != 0)
	END;
	if
	:: sees -> HOLD; RING
	:: else
	fi;
	LAST_END_GOES;
	locked = false;
	goto next;
dead:
	if
	:: LAST_END_GOES; locked = false
	:: locked = false; LAST_END_GOES
	fi;
	goto next;
over:
	all_over = true
}

active proctype consumer()
{
	byte seen;
	bool held, held_before;

	bell = true;
loop:
	do
	:: seen < published -> atomic { announced = 0; seen = published }
	:: else -> break
	od;
#ifndef EMPTY_LATE
	edge = false;
	atomic { byte_there = false; held = end_open };
#endif
	atomic { /* a look */
		if
		:: attached && !locked -> attached = false
		:: else
		fi
	};
	if
	:: seen < published -> goto loop
	:: else
	fi;
	if /* the end of the stream is told; whoever comes then is polled for again */
	:: !attached && all_over && seen == published -> goto end
	:: else
	fi;
	announced = seen + 1;
#ifndef NO_LOOK
	if
	:: seen < published -> goto loop
	:: else
	fi;
	if
	:: !attached && all_over && seen == published -> goto end
	:: else
	fi;
#endif
#ifdef EMPTY_LATE
	edge = false;
	atomic { byte_there = false; held = end_open };
#endif
	reminded = !(attached && held);
#ifdef NEVER
	reminded = false;
#endif
#ifdef NOBODY_YET
	reminded = (attached && !held);
#endif
#ifdef OPEN_BEFORE
	reminded = !(attached && (held || held_before));
	held_before = held;
#endif
	if /* poll */
	:: idle && attached && seen == published -> goto done
	:: edge && (byte_there || !end_open)
	:: reminded
	fi;
	goto loop;
end:
	assert(seen == published);
done:
	skip
}
