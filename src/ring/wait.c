/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait.c - spin a little, then sleep; wake only a sleeper, and only one that sleeps for what was published; look now
 * and then whether the peer is dead. What both sides share.
 *
 * The handshake, sleeper and publisher: the sleeper stores `asleep`, then a fence, then looks once more; the publisher
 * stores what it publishes, then a fence, then loads `asleep`. One of the two sees the other. The publisher's fence
 * would cost more than all the rest of a publication, so the sleeper executes it for both (membarrier), where the system can.
 *
 * A sleeper that must not call that (a link's worker behind a strict filter: ops->unfenced) dozes before it sleeps. All
 * that can be lost is the wake-up for a publication that was on its way out of its processor while the sleeper announced
 * itself, looked, and had the kernel compare the word: after a doze it is there to be seen. One who is to be told in
 * another way than by a wake-up asks for the publishers' own fences, for good, and naps once.
 */
#include "base/crash.h"
#include "base/slot_word.h"
#include "ring/ring.h"

/* How long to spin: about as long as it takes to halt a processor and to wake it again. */
#define SPIN_NS ((int64_t)100000)
#define SPIN_LOOPS 256u /* between two looks at the clock and at what else may end the wait */
/* So many spins in a row may fail before waits sleep at once; then every so many waits one is tried again, in full. */
#define SPIN_CREDIT 8u
#define SPIN_RETRY 16u
/* So many wake-ups for nothing, in one wait, before it naps between them. */
#define VAIN_MANY 4096u
#define NAP_NS ((int64_t)1000000) /* a doze, too */

/* A peer on the same processor runs when this one yields: so often, so soon if that pays, else not for so many waits. */
#define YIELDS 2
#define YIELD_PAYS_NS ((int64_t)50000)
#define STAY_AT_FIRST 4u
#define STAY_AT_MOST 4096u
/* How long one sleeps at most without having had the peer fence. */
#define BESIDE_NS ((int64_t)10000000)

void moor__ring_note_cpu(struct moor__ring *ring, struct moor_abi_slot *me)
{
	const uint32_t cpu = ring->ops->cpu();

	if (cpu != ring->cpu) {
		ring->cpu = cpu;
		moor__store_32(&me->cpu, cpu);
	}
}

/* The peer runs on this processor, if it runs, and has not moved since it last said so. */
static bool is_beside(const struct moor__ring *ring, const struct moor__wait *wait)
{
	return ring->cpu && ring->cpu == moor__load_32(&wait->peer->cpu);
}

/* Lets a peer that is beside run. 1: what it did is what was waited for. */
static int yield(struct moor__ring *ring, const struct moor__wait *wait)
{
	bool came = false;
	int64_t start;

	if (!ring->ops->yield)
		return 0;
	if (ring->stay_left) {
		ring->stay_left--;
		return 0;
	}
	start = ring->ops->now();
	for (int i = 0; i < YIELDS && !came; i++) {
		ring->ops->yield();
		came = wait->spin_ready(wait->side);
	}
	/* Others may run here, too, and for longer than a sleeper that is woken would let them. */
	if (came && ring->ops->now() - start < YIELD_PAYS_NS)
		ring->stay = 0;
	else
		ring->stay = !ring->stay ? STAY_AT_FIRST : ring->stay < STAY_AT_MOST ? 2 * ring->stay : STAY_AT_MOST;
	ring->stay_left = ring->stay;
	return came;
}

/* 1: it came while we looked; 0: sleep; or why it cannot come. Not at all where it would be in vain. */
static int spin(struct moor__ring *ring, const struct moor__wait *wait, int64_t until)
{
	int64_t end, now;
	uint32_t expected;
	bool ready;
	int err;

	moor__ring_note_cpu(ring, wait->me);
	if (is_beside(ring, wait)) {
		ring->spin = 0;
		return yield(ring, wait);
	}
	if (!ring->spin && ++ring->spin_skipped < SPIN_RETRY)
		return 0;
	ring->spin_skipped = 0;
	now = ring->ops->now();
	end = until && until - now < SPIN_NS ? until : now + SPIN_NS;
	do {
		expected = moor__load_32(wait->spin_word);
		if (wait->spin_ready(wait->side)) {
			ring->spin = SPIN_CREDIT;
			return 1;
		}
		for (uint32_t i = 0; i < SPIN_LOOPS && moor__load_32(wait->spin_word) == expected; i++)
			moor__pause();
		err = wait->over(wait->side, false); /* what it says may be said once: not to be asked in vain */
		if (err)
			return err;
	} while (ring->ops->now() < end && !ring->ops->interrupted(ring->sleeper));
	ready = wait->ready(wait->side); /* what is told now and then may be told too seldom */
	if (ready && (!wait->paid || wait->paid(wait->side)))
		ring->spin = SPIN_CREDIT;
	else if (ring->spin)
		ring->spin--;
	return ready;
}

static void say_asleep(struct moor__ring *ring, struct moor_abi_quiet *mine, uint64_t position)
{
	moor__store_64(&mine->asleep, position | MOOR__ASLEEP | ring->asleep_word);
	/* The consumer of many producers looks at one word for all. */
	if (ring->many && mine != &ring->consumer->quiet)
		moor__or_32(&ring->many->sleeping, MOOR__ASLEEP | (uint32_t)ring->asleep_word);
}

void moor__ring_announce(struct moor__ring *ring, struct moor_abi_quiet *mine, uint64_t position)
{
	say_asleep(ring, mine, position);
	if (ring->asleep_word || ring->ops->unfenced || !ring->ops->fence_peers()) { /* F1 */
		const bool first = !ring->asleep_word;

		if (first) {
			ring->asleep_word = MOOR__FENCE_FOR_ME;
			say_asleep(ring, mine, position);
		}
		moor__fence();
		if (first && ring->ops->unfenced)
			(void)ring->ops->sleep(ring->sleeper, &ring->still, 0, NAP_NS);
	}
}

int64_t moor__ring_left(const struct moor__ring *ring, int64_t timeout_ns, int64_t *until)
{
	int64_t now;

	if (timeout_ns <= 0)
		return timeout_ns;
	now = ring->ops->now();
	if (!*until) {
		*until = timeout_ns < INT64_MAX - now ? now + timeout_ns : INT64_MAX;
		return timeout_ns;
	}
	return *until > now ? *until - now : 0;
}

/* Before a sleep of this file's. True: it is to be a doze, if it is the wait's first. */
static bool announce(struct moor__ring *ring, const struct moor__wait *wait)
{
	if (!ring->ops->unfenced || ring->asleep_word) {
		moor__ring_announce(ring, wait->mine, wait->position);
		return false;
	}
	moor__store_64(&wait->mine->asleep, wait->position | MOOR__ASLEEP);
	moor__fence();
	return true;
}

int moor__ring_wait(struct moor__ring *ring, const struct moor__wait *wait, int64_t timeout_ns)
{
	bool look = moor__ring_look_due(ring), dozed = false;
	int64_t until = 0;
	uint32_t expected, vain = 0;
	bool beside;
	int err;

	if (timeout_ns < MOOR_FOREVER)
		return MOOR_EINVAL;
	if (ring->ops->interrupted(ring->sleeper)) { /* it is for a call that would wait: this one may not have to */
		if (wait->ready(wait->side))
			return 0;
		err = wait->over(wait->side, look);
		if (err)
			return err;
		if (ring->ops->take_interruption(ring->sleeper))
			return MOOR_EINTR;
	}
	if (timeout_ns != MOOR_FOREVER) {
		until = ring->ops->now();
		until = timeout_ns < INT64_MAX - until ? until + timeout_ns : INT64_MAX;
	}
	err = spin(ring, wait, until);
	if (err)
		return err > 0 ? 0 : err;
	if (wait->ready(wait->side))
		return 0;
	beside = !ring->many && is_beside(ring, wait); /* of many producers others may be elsewhere */
	for (;;) {
		int64_t ns = beside ? BESIDE_NS : MOOR__LOOK_ASLEEP_NS;
		bool doze = false;

		/*
		 * To ask for the fence of a peer that is beside would cost as much as a switch to it, and on one processor
		 * there is nothing to order. If it has moved, it may miss this, so the sleep must be a short one.
		 */
		if (beside)
			say_asleep(ring, wait->mine, wait->position);
		else
			doze = announce(ring, wait) && !dozed;
		MOOR_CRASH_POINT("wait: announced");
		err = 0;
		expected = moor__acquire_32(wait->word);
		if (wait->ready(wait->side))
			break;
		err = wait->over(wait->side, look);
		if (err)
			break;
		if (until) {
			const int64_t left = until - ring->ops->now();

			if (left <= 0) {
				err = MOOR_ETIMEDOUT;
				break;
			}
			ns = left < ns ? left : ns;
		}
		if (doze && ns > NAP_NS)
			ns = NAP_NS;
		dozed = dozed || !beside;
		moor__store_64(&wait->mine->waits, moor__load_64(&wait->mine->waits) + 1);
		/* The word is the peer's: by changing it at full speed that must not keep this processor busy, too. */
		if (vain > VAIN_MANY && ns > NAP_NS)
			err = ring->ops->sleep(ring->sleeper, &ring->still, 0, NAP_NS);
		else
			err = ring->ops->sleep(ring->sleeper, wait->word, expected, ns);
		vain += !err;
		MOOR_CRASH_POINT("wait: woken");
		if (wait->ready(wait->side)) {
			err = 0;
			break;
		}
		if (err == MOOR_EINTR)
			(void)ring->ops->take_interruption(ring->sleeper);
		if (err && err != MOOR_ETIMEDOUT)
			break;
		beside = beside && err != MOOR_ETIMEDOUT;
		look = (err == MOOR_ETIMEDOUT && !doze) || moor__ring_look_due(ring);
	}
	moor__store_64(&wait->mine->asleep, ring->asleep_word);
	moor__ring_note_cpu(ring, wait->me);
	return err;
}

void moor__ring_wake(struct moor__ring *ring, struct moor_abi_quiet *mine, const struct moor_abi_quiet *peer,
                     uint64_t from, uint64_t to, const uint32_t *word)
{
	uint64_t asleep, position;

	if (moor__unlikely(moor__load_64(&peer->asleep) & MOOR__UNMET) && ring->ops->life)
		(void)ring->ops->life(ring->ops_arg, false);
	if ((moor__load_64(&peer->asleep) | ring->fences) & MOOR__FENCE_FOR_ME)
		moor__fence(); /* F2 */
	asleep = moor__load_64(&peer->asleep);
	position = asleep & MOOR__POSITION;
	if (!(asleep & MOOR__ASLEEP) || position < from || position > to)
		return;
	moor__ring_tell(ring, asleep, word);
	moor__store_64(&mine->wakes, moor__load_64(&mine->wakes) + 1);
}

bool moor__ring_look_due(struct moor__ring *ring)
{
	const int64_t now = ring->ops->now_coarse();

	if (now < ring->next_look)
		return false;
	ring->next_look = now + MOOR__LOOK_AWAKE_NS;
	return true;
}

uint64_t moor__ring_look(struct moor__ring *ring, uint32_t slot, struct moor_abi_slot *record)
{
	uint64_t life;

	if (ring->ops->life)
		return ring->ops->life(ring->ops_arg, true);
	life = moor__acquire_64(&record->life);
	if (!ring->ops->alive || !moor__life_attached(life) || ring->ops->alive(ring->ops_arg, slot))
		return life;
	MOOR_CRASH_POINT("look: found dead");
	if (moor__cas_64(&record->life, life, moor__life_after_death(life))) /* R5 */
		MOOR_CRASH_POINT("look: counted");
	return moor__acquire_64(&record->life); /* a newcomer may have counted it, or it closed before it was gone */
}

bool moor__ring_enter_from(struct moor__ring *ring, struct moor_abi_slot *me, uint64_t life)
{
	ring->spin = SPIN_CREDIT;
	ring->next_look = ring->ops->now_coarse() + MOOR__LOOK_AWAKE_NS;
	ring->cpu = ring->ops->cpu();
	if (!moor__cas_64(&me->life, life, moor__life_after_attach(life))) /* R5 */
		return false;
	MOOR_CRASH_POINT("enter: attached");
	moor__store_32(&me->cpu, ring->cpu);
	return true;
}

void moor__ring_enter(struct moor__ring *ring, struct moor_abi_slot *me, struct moor_abi_quiet *quiet, uint32_t pid)
{
	moor__store_32(&me->pid, pid);
	moor__store_64(&quiet->asleep, 0);
	MOOR_CRASH_POINT("enter: before life");
	/* Somebody may be counting the predecessor's death at this moment. */
	while (!moor__ring_enter_from(ring, me, moor__load_64(&me->life)))
		;
}

void moor__ring_leave(struct moor_abi_slot *me)
{
	moor__release_64(&me->life, moor__life_after_close(moor__load_64(&me->life))); /* R5 */
	MOOR_CRASH_POINT("leave: closed");
}
