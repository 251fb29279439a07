/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.pml - the life of a name: open, create, close, bury and sweep by three processes, each of which may be killed
 * before any step, as src/map/life.c and src/map/publish.c do them. One name; the kernel's part (a directory entry, byte
 * locks of open file descriptions, inode numbers that are used again) is what the atomic steps say, one system call each.
 *
 * Shown: no dead object is joined, no living one is unlinked, no two objects of the name have holders at once, ENOENT is
 * said only if the name was free at some moment of the call, what nobody was killed in leaves nothing behind, no process
 * gets stuck, and (-DNP, non-progress cycles) none goes round for ever.
 *
 * Broken on purpose, each must fail: SHARED_FIRST (open does not try exclusively first), UPGRADE (close tries exclusively
 * while it holds shared), NO_COMPARE (open does not compare inodes after the lock), NO_COMPARE_BURY (bury does not before
 * it unlinks), NO_TYPE (open takes any lock in the way for a sign of life, that of a burial too), LINK_FIRST (create names
 * the object before it holds its lock).
 */
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef DEATHS
#define DEATHS 2
#endif
#define PROCESSES 3
#define INODES 7 /* each process has at most two open, and the name has one */
#define NONE 7

/* What a process does in each of its rounds. A reader's descriptor can neither lock exclusively nor unlink. */
#define OPENER 0
#define CREATOR 1
#define READER 2
byte role[PROCESSES];

byte name = NONE;       /* the inode that the directory entry leads to */
byte shared_by[INODES]; /* life byte: of process p, bit p: through what it opened, bit p + 3: through what it made */
byte exclusive[INODES]; /* life byte: process + 1 */
byte open_by[INODES];   /* bits likewise; an inode number is used again when nothing leads to it and nobody has it open */
byte deaths, ended;
bool left_to_others; /* a reader was the last */

/* What an onlooker who sees all knows. */
byte holds[PROCESSES] = NONE; /* the object that the process has a handle of */
bool was_free[PROCESSES];     /* since the process called open, the name was nobody's for a moment */
bool gone[INODES];            /* nobody had it, and nobody who saw it alive was about to */
byte saw_alive[INODES];

#define MINE (1 << me)
#define MADE (8 << me)

inline may_be_gone(i)
{
	if
	:: shared_by[i] == 0 && saw_alive[i] == 0 -> gone[i] = true
	:: else
	fi
}

inline may_be_free()
{
	if
	:: holds[0] == NONE && holds[1] == NONE && holds[2] == NONE ->
		was_free[0] = true;
		was_free[1] = true;
		was_free[2] = true
	:: else
	fi
}

inline let_go(i, bits)
{
	open_by[i] = open_by[i] & (63 - (bits));
	if
	:: open_by[i] == 0 && name != i -> gone[i] = false /* as new */
	:: else
	fi
}

inline now_holds(i)
{
	assert(!gone[i]); /* no dead object revived */
	holds[me] = i;
	assert(holds[0] == NONE || holds[0] == i); /* no two objects of one name */
	assert(holds[1] == NONE || holds[1] == i);
	assert(holds[2] == NONE || holds[2] == i)
}

/* The kernel's part of a death. */
inline kernel_cleans()
{
	deaths++;
	holds[me] = NONE;
	i = 0;
	do
	:: i < INODES ->
		if
		:: exclusive[i] == me + 1 -> exclusive[i] = 0
		:: else
		fi;
		if
		:: (shared_by[i] | saw_alive[i]) & (MINE | MADE) ->
			shared_by[i] = shared_by[i] & (63 - (MINE | MADE));
			saw_alive[i] = saw_alive[i] & (63 - (MINE | MADE));
			may_be_gone(i)
		:: else
		fi;
		let_go(i, MINE | MADE);
		i++
	:: else -> break
	od;
	i = 0;
	may_be_free()
}

/* One step that others can see, or death before it. */
#define STEP \
	atomic { \
		if \
		:: true \
		:: deaths < DEATHS -> kernel_cleans(); goto over \
		fi;
#define END }

proctype process(byte me)
{
	byte fd = NONE, unborn = NONE, bits = MINE, round, i;
	bool closing, same;

open:
	STEP
		may_be_free()
	END;
again:
	STEP /* open */
		if
		:: name == NONE -> goto absent
		:: else -> fd = name; open_by[fd] = open_by[fd] | MINE
		fi
	END;
	STEP /* fstat: no link any more? */
		if
		:: name != fd -> let_go(fd, MINE); fd = NONE; goto again
		:: else
		fi
	END;
#ifndef SHARED_FIRST
	STEP
		if
		:: role[me] != READER && exclusive[fd] == 0 && shared_by[fd] == 0 -> exclusive[fd] = me + 1; goto bury
		:: role[me] != READER && !(exclusive[fd] == 0 && shared_by[fd] == 0)
		:: role[me] == READER
		fi
	END;
	STEP /* what is in the way? */
		if
		:: shared_by[fd] != 0 -> saw_alive[fd] = saw_alive[fd] | MINE
		:: shared_by[fd] == 0 && exclusive[fd] != 0 ->
#ifdef NO_TYPE
			saw_alive[fd] = saw_alive[fd] | MINE
#else
			let_go(fd, MINE);
			fd = NONE;
			goto again
#endif
		:: shared_by[fd] == 0 && exclusive[fd] == 0 ->
			let_go(fd, MINE);
			fd = NONE;
			if
			:: role[me] == READER -> goto absent
			:: else -> goto again
			fi
		fi
	END;
#endif
	STEP
		saw_alive[fd] = saw_alive[fd] & (63 - MINE);
		if
		:: exclusive[fd] == 0 -> shared_by[fd] = shared_by[fd] | MINE
		:: else -> may_be_gone(fd); let_go(fd, MINE); fd = NONE; goto again
		fi
	END;
	STEP
#ifndef NO_COMPARE
		if
		:: name != fd ->
			shared_by[fd] = shared_by[fd] & (63 - MINE);
			may_be_gone(fd);
			let_go(fd, MINE);
			fd = NONE;
			goto again
		:: else
		fi;
#endif
		now_holds(fd);
		if /* what it made meanwhile is not needed */
		:: unborn != NONE ->
			shared_by[unborn] = shared_by[unborn] & (63 - MADE);
			let_go(unborn, MADE);
			unborn = NONE
		:: else
		fi;
		goto joined
	END;

absent:
	STEP
		if
		:: role[me] != CREATOR ->
			assert(was_free[me]); /* ENOENT */
			goto over
		:: role[me] == CREATOR && unborn == NONE -> /* a file without a name, locked */
			unborn = 0;
			do
			:: name == unborn || open_by[unborn] != 0 -> unborn++
			:: else -> break
			od;
			open_by[unborn] = MADE;
#ifndef LINK_FIRST
			shared_by[unborn] = MADE
#endif
		:: role[me] == CREATOR && unborn != NONE
		fi
	END;
	STEP /* link */
		if
		:: name != NONE -> goto again
		:: else -> name = unborn
		fi;
#ifdef LINK_FIRST
	END;
	STEP
		exclusive[unborn] == 0;
		shared_by[unborn] = MADE;
#endif
		now_holds(unborn);
		fd = unborn;
		unborn = NONE;
		bits = MADE
	END;

joined:
#ifdef UPGRADE
	STEP
		holds[me] = NONE;
		closing = true;
		may_be_free();
		if
		:: role[me] != READER && exclusive[fd] == 0 && (shared_by[fd] & (63 - bits)) == 0 ->
			shared_by[fd] = 0;
			may_be_gone(fd);
			exclusive[fd] = me + 1;
			goto bury
		:: else
		fi
	END;
	STEP
		shared_by[fd] = shared_by[fd] & (63 - bits);
		may_be_gone(fd);
		if
		:: role[me] == READER -> left_to_others = true
		:: else
		fi
	END;
#else
	STEP
		holds[me] = NONE;
		closing = true;
		may_be_free();
		shared_by[fd] = shared_by[fd] & (63 - bits);
		may_be_gone(fd)
	END;
	STEP
		if
		:: role[me] != READER && exclusive[fd] == 0 && shared_by[fd] == 0 -> exclusive[fd] = me + 1; goto bury
		:: role[me] != READER && !(exclusive[fd] == 0 && shared_by[fd] == 0)
		:: role[me] == READER -> left_to_others = true
		fi
	END;
#endif
	STEP
		let_go(fd, bits);
		fd = NONE;
		goto over
	END;

bury: /* with the exclusive lock: one who found it dead (as a sweep does), or who closed it last */
	STEP
		same = name == fd;
#ifdef NO_COMPARE_BURY
		same = true;
#endif
		if
		:: !same -> goto unlock
		:: else
		fi
	END;
	STEP
		assert(name == NONE || (holds[0] != name && holds[1] != name && holds[2] != name)); /* no living one unlinked */
		name = NONE
	END;
unlock:
	STEP
		exclusive[fd] = 0;
		let_go(fd, bits);
		fd = NONE;
		same = false;
		if
		:: closing -> goto over
		:: else -> goto absent
		fi
	END;

over:
progress:
	atomic {
		fd = NONE;
		unborn = NONE;
		bits = MINE;
		closing = false;
		same = false;
		was_free[me] = false;
		round++;
		if
		:: round < ROUNDS -> goto open
		:: else -> ended++
		fi
	}
}

init
{
	atomic {
		if :: role[0] = OPENER :: role[0] = CREATOR :: role[0] = READER fi;
		if :: role[1] = role[0] :: role[0] < CREATOR -> role[1] = CREATOR :: role[0] < READER -> role[1] = READER fi;
		if :: role[2] = role[1] :: role[1] < CREATOR -> role[2] = CREATOR :: role[1] < READER -> role[2] = READER fi;
		run process(0);
		run process(1);
		run process(2)
	};
	ended == PROCESSES;
	/* Nobody is there: the name is free, or leads to a corpse that the next one can have. */
	assert(name == NONE || (shared_by[name] == 0 && exclusive[name] == 0));
	assert(name == NONE || deaths > 0 || left_to_others)
}
