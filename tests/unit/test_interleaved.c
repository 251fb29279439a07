/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_interleaved.c - many producers and a consumer on a ring on a plain array, as coroutines of one thread that yield at
 * every labelled point: between any two steps that another process can see. A scheduler goes on with one of them at
 * random, and kills one now and then: it is never gone on with, and its slot is dead. Time stands still but for the looks
 * for deaths, so that nothing is healed by waiting: where nobody has died, who sleeps and is not woken sleeps for ever,
 * and the test says so.
 *
 * The account outside the ring says what must arrive: all that was committed, once, each producer's in order, and nothing
 * else; what was peeked and not released comes again. MOORING_RUNS=N: so many runs of each shape; MOORING_SEED=N: from
 * that one on.
 */
#include "tests/lib/ring.h"

#include "base/crash.h"
#include "ring/mpsc.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#define SLOTS 4
#define ACTORS 24 /* in a run: who dies is followed by another */
#define MESSAGES 6
#define STACK ((size_t)128 << 10)
#define STEPS 200000u /* enough for anything that ends */

struct shape {
	uint32_t kind;
	unsigned producers, deaths; /* at a time; in all, at most */
	size_t len;                 /* the longest */
	bool blocking;              /* the calls wait */
	uint64_t position;
};

enum state { UNUSED, RUNS, SLEEPS, DEAD, OVER };

static struct actor {
	enum state state;
	bool consumer, at_end;
	ucontext_t context;
	unsigned char *stack;
	moor_tx tx;
	moor_rx rx;
	uint32_t slot;        /* NO_SLOT until it is attached */
	const uint32_t *word; /* that it sleeps on */
	/* Producer: of its messages, numbered from 0, so many are committed; the next one is being written, or made whole. */
	unsigned committed;
	bool writes;
	/* Consumer: what it has seen and not released. */
	struct seen {
		unsigned actor, number;
	} seen[64];
	unsigned seen_count;
	unsigned char buf[T_MAX];
} actors[ACTORS];
#define NO_SLOT UINT32_MAX
#define IDS 3 /* words at the start of a message: whose, its number, its length */

static const struct shape *shape;
static struct t_ring ring;
static struct moor__geometry geometry;
static ucontext_t scheduler;
static struct actor *current;
static unsigned actor_count, deaths, steps;
static unsigned delivered[ACTORS]; /* of each actor's messages */
static uint64_t seed, run_seed;
static uint64_t owner_life[SLOTS + 1];
static struct actor *owner[SLOTS + 1]; /* of a slot; [0] the consumer's */
static int64_t fake_now;

#define FAIL(...)                                                                                                      \
	do {                                                                                                           \
		fprintf(stderr, "seed %" PRIu64 ", step %u: ", run_seed, steps);                                       \
		ck_abort_msg(__VA_ARGS__);                                                                             \
	} while (0)

static void yield(void)
{
	if (current)
		swapcontext(&current->context, &scheduler);
}

/* ---- what the ring is handed in ---- */

static struct moor_abi_slot *slot_at(uint32_t slot)
{
	return slot ? &t_producer(&ring)[slot - 1].slot : &t_consumer(&ring)->slot;
}

static bool is_alive(void *arg, uint32_t slot)
{
	(void)arg;
	return owner[slot] && (owner[slot]->state == RUNS || owner[slot]->state == SLEEPS);
}

static int do_sleep(void *sleeper, const uint32_t *word, uint32_t expected, int64_t ns)
{
	(void)sleeper;
	(void)ns;
	if (moor__load_32(word) != expected)
		return 0;
	current->word = word;
	current->state = SLEEPS;
	yield();
	if (current->word) { /* nobody has woken it: the time is up */
		current->word = NULL;
		return MOOR_ETIMEDOUT;
	}
	return 0;
}

static bool no(void *sleeper)
{
	(void)sleeper;
	return false;
}

static void do_wake(const uint32_t *word)
{
	for (unsigned i = 0; i < actor_count; i++)
		if (actors[i].state == SLEEPS && actors[i].word == word) {
			actors[i].word = NULL;
			actors[i].state = RUNS;
		}
}

static bool fenced(void)
{
	return true;
}

static int64_t now(void) /* and no spin is long */
{
	return fake_now += 1000000000;
}

static int64_t now_coarse(void) /* a look is due, each time */
{
	return fake_now += 1000000000;
}

static uint32_t cpu(void) /* one for all: nobody spins */
{
	return 1;
}

static const struct moor__ring_ops ops = {.alive = is_alive,
                                          .sleep = do_sleep,
                                          .interrupted = no,
                                          .take_interruption = no,
                                          .wake = do_wake,
                                          .fence_peers = fenced,
                                          .now = now,
                                          .now_coarse = now_coarse,
                                          .cpu = cpu};

static void note_owner(void)
{
	for (uint32_t slot = current->consumer ? 0 : 1; slot <= (current->consumer ? 0 : geometry.max_producers); slot++)
		if (slot_at(slot)->life != owner_life[slot] && (slot_at(slot)->life & 1) &&
		    (!owner[slot] || owner[slot]->state == DEAD || owner[slot]->state == OVER || owner[slot]->slot == NO_SLOT)) {
			owner_life[slot] = slot_at(slot)->life;
			owner[slot] = current;
			current->slot = slot;
			return;
		}
	FAIL("attached nowhere");
}

static void deliver(const struct seen *seen)
{
	if (seen->number != delivered[seen->actor])
		FAIL("message %u of %u, expected %u", seen->number, seen->actor, delivered[seen->actor]);
	delivered[seen->actor]++;
}

/* What it is must have been committed, and be whole. len 0: it is not known yet. */
static struct seen look_at(const void *data, size_t len)
{
	struct seen seen = {0, 0};
	uint32_t ids[IDS];

	memcpy(ids, data, sizeof ids);
	if (ids[2] < sizeof ids || ids[2] > T_MAX || (len && ids[2] != len))
		FAIL("a message of %u bytes has %zu", ids[2], len);
	len = ids[2];
	seen.actor = ids[0];
	seen.number = ids[1];
	if (seen.actor >= actor_count || seen.number >= actors[seen.actor].committed)
		FAIL("message %u of %u is not committed", seen.number, seen.actor);
	if (!t_is_filled((const char *)data + sizeof ids, len - sizeof ids, seen.actor << 8 | seen.number))
		FAIL("message %u of %u is not whole", seen.number, seen.actor);
	return seen;
}

/* At every labelled point: what has just become visible is taken account of, and another may go on. */
static void at_label(const char *label)
{
	if (!current)
		return;
	if (strcmp(label, "enter: attached") == 0)
		note_owner();
	if ((strcmp(label, "mpsc: published") == 0 || strcmp(label, "tx: published") == 0 ||
	     strcmp(label, "tx: padding published") == 0) &&
	    current->writes) {
		current->writes = false;
		current->committed++;
	}
	if (strcmp(label, "mpsc: copied") == 0 || strcmp(label, "mpsc: rest padded") == 0 || strcmp(label, "tx: copied") == 0)
		current->writes = true;
	if (strcmp(label, "rx: copied") == 0)
		current->seen[current->seen_count++] = look_at(current->buf, 0);
	if (strcmp(label, "rx: released") == 0) {
		for (unsigned i = 0; i < current->seen_count; i++)
			deliver(&current->seen[i]);
		current->seen_count = 0;
	}
	yield();
}

/* ---- what the actors do ---- */

static struct moor__ring_attach attachment(void)
{
	struct moor__ring_attach how = {.ops = &ops, .registered = true, .pid = 1};

	moor__ring_places(ring.mem, &geometry, &how);
	return how;
}

static int64_t patience(void)
{
	return shape->blocking ? MOOR_FOREVER : MOOR_NOWAIT;
}

static size_t make_message(unsigned char *to, unsigned number)
{
	const size_t len = IDS * 4 + t_random(&seed) % (shape->len - IDS * 4 + 1);
	const uint32_t ids[IDS] = {(uint32_t)(current - actors), number, (uint32_t)len};

	memcpy(to, ids, sizeof ids);
	t_fill(to + sizeof ids, len - sizeof ids, ids[0] << 8 | number);
	return len;
}

/* What passes for headers of claims behind one or another's. */
static void fill_with_marks(void *to, size_t len)
{
	const uint32_t by = 1 + (uint32_t)(t_random(&seed) % shape->producers),
	               after = 1 + (uint32_t)(t_random(&seed) % shape->producers),
	               mark = MOOR_ABI_WORD_MESSAGE | moor__word_ids(by, after);

	for (size_t i = 0; i + sizeof mark <= len; i += sizeof mark)
		memcpy((char *)to + i, &mark, sizeof mark);
}

/* One message, in one way or another; false: there was no room. */
static bool send_one(unsigned number)
{
	moor_tx *tx = &current->tx;
	unsigned char text[T_MAX];
	const size_t len = make_message(text, number);
	const uint64_t way = t_random(&seed) % 8;
	void *to;
	int err;

	if (way < 5 || shape->kind == MOOR_SPSC) {
		err = moor_tx_send(tx, text, len, patience());
	} else {
		err = moor_tx_reserve(tx, way == 6 ? shape->len : len, &to);
		if (!err)
			fill_with_marks(to, len);
		if (!err && way == 7) {
			yield();
			moor_tx_cancel(tx);
			return false;
		}
		if (!err) {
			yield();
			memcpy(to, text, len);
			err = moor_tx_commit(tx, len);
		} else if (err == MOOR_EAGAIN && shape->blocking) {
			err = moor_tx_wait(tx, len, MOOR_FOREVER);
			if (!err)
				return false;
		}
	}
	if (err == MOOR_EAGAIN || err == MOOR_EPEERDEAD || err == MOOR_ECLOSED) {
		yield();
		return false;
	}
	if (err)
		FAIL("send: %s", moor_err_name(err));
	return true;
}

static void produce(void)
{
	struct moor__ring_attach how = attachment();
	int err = MOOR_EBUSY;

	while (err == MOOR_EBUSY) { /* every slot, until one can be had */
		for (how.slot = 1; how.slot <= geometry.max_producers && err == MOOR_EBUSY; how.slot++)
			if (!is_alive(NULL, how.slot))
				err = moor__tx_attach(&current->tx, &how);
		if (err == MOOR_EBUSY)
			yield();
	}
	if (err)
		FAIL("attach: %s", moor_err_name(err));
	for (unsigned number = 0; number < MESSAGES;)
		number += send_one(number);
	if (t_random(&seed) % 2 && shape->kind == MOOR_MPSC && !shape->blocking) { /* leaves a reservation open */
		void *to;

		(void)moor_tx_reserve(&current->tx, 8, &to);
	}
	moor__tx_detach(&current->tx);
}

/* True: there is nothing, and it was told the end of the stream, or that there is nothing. */
static bool receive_some(void)
{
	moor_rx *rx = &current->rx;
	const uint64_t way = t_random(&seed) % 4;
	struct moor_msg msg;
	size_t len;
	int err;

	if (way == 0) {
		const unsigned many = 1 + t_random(&seed) % 4;

		do {
			err = moor_rx_peek(rx, &msg);
			if (!err)
				current->seen[current->seen_count++] = look_at(msg.data, msg.len);
		} while (!err && current->seen_count < many);
		if (current->seen_count) {
			yield();
			if (t_random(&seed) % 4 == 0) {
				current->seen_count = 0;
				(void)moor_rx_rewind(rx);
			}
			moor_rx_release(rx);
			return false;
		}
	} else {
		err = moor_rx_recv(rx, current->buf, sizeof current->buf, &len, patience());
	}
	if (err)
		yield();
	if (err && err != MOOR_EAGAIN && err != MOOR_ECLOSED && err != MOOR_EPEERDEAD)
		FAIL("receive: %s", moor_err_name(err));
	return err != 0;
}

static bool all_producers_are_over(void)
{
	for (unsigned i = 0; i < actor_count; i++)
		if (!actors[i].consumer && actors[i].state != OVER && actors[i].state != DEAD)
			return false;
	return true;
}

static void consume(void)
{
	const struct moor__ring_attach how = attachment();
	const int err = moor__rx_attach(&current->rx, &how);
	bool over = false;

	if (err)
		FAIL("attach: %s", moor_err_name(err));
	while (!over) {
		over = all_producers_are_over();
		over &= receive_some();
	}
	moor__rx_detach(&current->rx);
}

static void live(void)
{
	if (current->consumer)
		consume();
	else
		produce();
	current->state = OVER;
	yield();
}

static void spawn(bool consumer)
{
	struct actor *actor = &actors[actor_count];

	if (actor_count == ACTORS)
		FAIL("too many deaths");
	*actor = (struct actor){.state = RUNS, .consumer = consumer, .stack = actor->stack, .slot = NO_SLOT};
	if (!actor->stack)
		actor->stack = t_guarded(STACK);
	delivered[actor_count] = 0;
	getcontext(&actor->context);
	actor->context.uc_stack = (stack_t){.ss_sp = actor->stack, .ss_size = STACK};
	actor->context.uc_link = &scheduler;
	makecontext(&actor->context, live, 0);
	actor_count++;
}

static struct actor *one_of(enum state state)
{
	struct actor *chosen = NULL;
	unsigned n = 0;

	for (unsigned i = 0; i < actor_count; i++)
		if (actors[i].state == state && t_random(&seed) % ++n == 0)
			chosen = &actors[i];
	return chosen;
}

static void go_on(struct actor *actor)
{
	current = actor;
	swapcontext(&scheduler, &actor->context);
	current = NULL;
}

/* The slot of somebody who dies is taken over by whoever attaches there next. */
static void kill_one(struct actor *actor)
{
	actor->state = DEAD;
	deaths++;
	spawn(actor->consumer);
}

static bool all_is_delivered(void)
{
	for (unsigned i = 0; i < actor_count; i++)
		if (!actors[i].consumer && delivered[i] != actors[i].committed)
			return false;
	return true;
}

static void check_the_end(void)
{
	for (unsigned i = 0; i < actor_count; i++)
		if (!actors[i].consumer && delivered[i] != actors[i].committed)
			FAIL("%u of %u messages of %u delivered", delivered[i], actors[i].committed, i);
}

static void run_once(void)
{
	struct actor *actor;

	actor_count = deaths = steps = 0;
	memset(owner, 0, sizeof owner);
	memset(owner_life, 0, sizeof owner_life);
	t_assert_err(moor_ring_format(ring.mem, ring.len,
	                              &MOOR_RING_OPTS(.kind = shape->kind, .capacity = T_CAPACITY, .max_message = T_MAX,
	                                              .max_producers = shape->producers)),
	             0);
	t_preset(&ring, shape->position);
	spawn(true);
	for (unsigned i = 0; i < shape->producers; i++)
		spawn(false);
	for (;;) {
		if (++steps > STEPS)
			FAIL("no end");
		actor = deaths && t_random(&seed) % 64 == 0 ? NULL : one_of(RUNS);
		if (!actor) {
			actor = one_of(SLEEPS);
			if (!actor && one_of(RUNS))
				continue;
			if (!actor)
				break;
			if (deaths && actor->consumer && all_producers_are_over() && all_is_delivered() &&
			    actor->rx.messages == actor->rx.messages_before)
				break; /* a successor to whom nobody has come waits for somebody */
			if (!deaths)
				FAIL("%s sleeps, and nobody will wake it", actor->consumer ? "the consumer" : "a producer");
			actor->state = RUNS; /* its time is up */
		}
		if (deaths < shape->deaths && t_random(&seed) % 64 == 0)
			kill_one(actor);
		else
			go_on(actor);
	}
	check_the_end();
}

static const struct shape shapes[] = {
    {.kind = MOOR_MPSC, .producers = 2, .len = 60},
    {.kind = MOOR_MPSC, .producers = 3, .len = 2040, .blocking = true},
    {.kind = MOOR_MPSC, .producers = 4, .len = 700, .blocking = true, .position = UINT64_MAX / 2 + 1 - 8192},
    {.kind = MOOR_MPSC, .producers = 1, .len = 200, .deaths = 6},
    {.kind = MOOR_MPSC, .producers = 2, .len = 60, .deaths = 6},
    {.kind = MOOR_MPSC, .producers = 3, .len = 120, .deaths = 8},
    {.kind = MOOR_MPSC, .producers = 4, .len = 60, .deaths = 12, .position = ((uint64_t)1 << 60) - 2048},
    {.kind = MOOR_MPSC, .producers = 3, .len = 2040, .deaths = 8},
    {.kind = MOOR_MPSC, .producers = 3, .len = 700, .deaths = 8, .blocking = true},
    {.kind = MOOR_MPSC, .producers = 4, .len = 2040, .deaths = 12, .blocking = true},
    {.kind = MOOR_SPSC, .producers = 1, .len = 2040, .blocking = true},
    {.kind = MOOR_SPSC, .producers = 1, .len = 700, .deaths = 8},
    {.kind = MOOR_SPSC, .producers = 1, .len = 2040, .deaths = 8, .blocking = true},
};
#define SHAPES ((int)(sizeof shapes / sizeof *shapes))

START_TEST(test_interleaved)
{
	const char *runs = getenv("MOORING_RUNS"), *from = getenv("MOORING_SEED");
	const uint64_t first = from ? strtoull(from, NULL, 0) : 1, count = runs ? strtoull(runs, NULL, 0) : 1500;
	uint64_t died = 0, all_steps = 0;

	shape = &shapes[_i];
	ring = t_ring_bare(&MOOR_RING_OPTS(.kind = shape->kind, .capacity = T_CAPACITY, .max_message = T_MAX,
	                                   .max_producers = shape->producers));
	t_assert_err(moor__geometry_of_header((const struct moor_abi_header *)(const void *)ring.mem, &geometry), 0);
	moor__crash_hook = at_label;
	for (run_seed = first; run_seed < first + count; run_seed++) {
		seed = run_seed * 0x9e3779b97f4a7c15u + (unsigned)_i;
		run_once();
		died += deaths;
		all_steps += steps;
	}
	moor__crash_hook = NULL;
	printf("%s, %u producers: %" PRIu64 " runs from seed %" PRIu64 ", %" PRIu64 " steps, %" PRIu64 " deaths\n",
	       shape->kind == MOOR_MPSC ? "many" : "one", shape->producers, count, first, all_steps, died);
}
END_TEST

/* ---- one interleaving that chance does not come by ---- */

static jmp_buf killed;

static void die_announced(const char *label)
{
	if (strcmp(label, "mpsc: announced") == 0)
		longjmp(killed, 1);
}

/* The second has claimed, and not marked. The third's message shows at its second line what would be a mark that says:
 * after the first. */
static void look_when_claimed(const char *label)
{
	uint32_t marks[32];
	struct moor_msg msg;

	if (strcmp(label, "mpsc: claimed") != 0)
		return;
	moor__crash_hook = NULL;
	for (unsigned i = 0; i < 32; i++)
		marks[i] = MOOR_ABI_WORD_MESSAGE | moor__word_ids(3, 1);
	t_assert_err(moor_tx_send(&actors[3].tx, marks, 100, MOOR_NOWAIT), 0);
	for (unsigned i = 0; i < 3; i++)
		t_assert_err(moor_rx_peek(&actors[0].rx, &msg), MOOR_EAGAIN);
}

/* Three: one has announced two lines, and died; another then claims one there, and a third two behind it. */
START_TEST(test_payload_passes_for_no_mark)
{
	struct moor__ring_attach how;
	char text[100] = "";
	size_t len;

	ring = t_ring_bare(&MOOR_RING_OPTS(.kind = MOOR_MPSC, .capacity = T_CAPACITY, .max_producers = 3));
	t_assert_err(moor__geometry_of_header((const struct moor_abi_header *)(const void *)ring.mem, &geometry), 0);
	how = attachment();
	t_assert_err(moor__rx_attach(&actors[0].rx, &how), 0);
	for (how.slot = 1; how.slot <= 3; how.slot++) {
		t_assert_err(moor__tx_attach(&actors[how.slot].tx, &how), 0);
		owner[how.slot] = &actors[how.slot];
		actors[how.slot].state = RUNS;
	}
	moor__crash_hook = die_announced;
	if (setjmp(killed) == 0)
		(void)moor_tx_send(&actors[1].tx, text, 100, MOOR_NOWAIT);
	actors[1].state = DEAD;
	moor__crash_hook = look_when_claimed;
	t_assert_err(moor_tx_send(&actors[2].tx, text, 8, MOOR_NOWAIT), 0);
	ck_assert_ptr_null(moor__crash_hook);
	t_assert_err(moor_rx_recv(&actors[0].rx, text, sizeof text, &len, MOOR_NOWAIT), 0);
	ck_assert_uint_eq(len, 8);
	t_assert_err(moor_rx_recv(&actors[0].rx, text, sizeof text, &len, MOOR_NOWAIT), 0);
	ck_assert_uint_eq(len, 100);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("interleaved");
	TCase *cases = tcase_create("cases");

	tcase_set_timeout(cases, 120);
	tcase_add_test(cases, test_payload_passes_for_no_mark);
	tcase_add_loop_test(cases, test_interleaved, 0, SHAPES);
	suite_add_tcase(suite, cases);
	return t_main(suite);
}
