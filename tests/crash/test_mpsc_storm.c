/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_mpsc_storm.c - one to four producers and the consumer of a channel killed and stopped at random moments, at random
 * labels and all at once, for MOORING_STORM_SECONDS. What they did is written down outside the ring, as in test_channel_storm.c:
 * nothing that was committed for certain may be missing, nothing may come twice or out of its producer's order, and
 * nothing that was committed before another message was begun may come after that one.
 */
#include "tests/lib/ring.h"

#include "base/crash.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS ((int64_t)1000000)
#define PRODUCERS 4
#define SLOTS (PRODUCERS + 1) /* few: whoever follows a dead one may have to wait until the ring has passed its claim */
#define MESSAGES ((uint64_t)1 << 19) /* a round ends when a producer has begun so many */
#define ROUND (1500 * MS)
/* A wait that takes so long, with its peer alive, hangs. */
#define HUNG (60 * 1000 * MS)

/* What a consumer has got to. */
struct progress {
	uint64_t last[PRODUCERS]; /* the number of the last message of each */
	uint64_t count;
	uint32_t begun; /* the latest time at which any of them was begun */
};

static struct account {
	uint32_t clock;
	uint64_t begun[PRODUCERS]; /* the number of the last message tried; written by its producer */
	/* Written by the consumer: released for certain is progress[state & 1]; state & 2: perhaps the other one, too. */
	struct progress progress[2];
	uint32_t state;
	bool stop;   /* producers end by themselves */
	bool finish; /* nothing more is sent: the consumer ends when it has it all */
	/* When it was committed; 0: not for certain. */
	uint32_t notes[PRODUCERS][MESSAGES + 1];
} *account;

static const char *const name = "storm";
static unsigned producers; /* of this round */

static void broken(const char *what, uint64_t producer, uint64_t number, int64_t value)
{
	fprintf(stderr, "storm: %s, producer %ju, message %ju: %jd\n", what, (uintmax_t)producer, (uintmax_t)number,
	        (intmax_t)value);
	_exit(9);
}

static void must(int err, const char *what)
{
	if (err)
		broken(what, 0, 0, err);
}

/* As long as anything has waited for a peer that lives: an end that is not a time-out, or it hangs. */
static int not_hung(int err, const char *what)
{
	if (err == MOOR_ETIMEDOUT)
		broken(what, 0, 0, err);
	return err;
}

static uint32_t now(void)
{
	return __atomic_add_fetch(&account->clock, 1, __ATOMIC_SEQ_CST);
}

struct message {
	uint64_t producer, number;
	uint32_t begun, len;
};

static size_t length_of(uint64_t producer, uint64_t number)
{
	uint64_t state = producer << 40 | number;
	const uint64_t random = t_random(&state);

	return sizeof(struct message) +
	       (random % 50 == 0 ? (size_t)(random >> 32) % 1900 : (size_t)(random >> 32) % 100);
}

static void write_message(void *to, size_t len, uint64_t producer, uint64_t number, uint32_t begun)
{
	const struct message message = {producer, number, begun, (uint32_t)len};

	t_fill(to, len, producer << 40 | number);
	memcpy(to, &message, sizeof message);
}

/* ---- producers ---- */

struct role {
	uint64_t id, seed;
};

static const char *const producer_labels[] = {"mpsc: announced", "mpsc: claimed",    "mpsc: marked",   "mpsc: copied",
                                              "mpsc: published", "mpsc: withdrawn",  "mpsc: settled",  "mpsc: rest padded",
                                              "mpsc: end marked", "enter: attached", "leave: closed",  "wait: announced",
                                              "wait: woken"};
static const char *const consumer_labels[] = {"rx: counted",     "rx: released",          "rx: cleared",
                                              "rx: room given",  "rx: sleepers forgotten", "recover: to skip",
                                              "recover: skipped", "look: found dead",      "look: counted",
                                              "rx: taken over",  "enter: attached",       "rx: copied",
                                              "wait: announced", "wait: woken",           "rx: end marked"};

static const char *stop_label;
static uint64_t stop_seed;

/* Stops now and then at the label, until the parent lets it go on, or kills it. */
static void stop_hook(const char *label)
{
	if (strcmp(label, stop_label) == 0 && t_random(&stop_seed) % 50 == 0 && !account->stop)
		raise(SIGSTOP);
}

/* Where the parent's hand hardly reaches. */
static void stumble(const char *const *labels, size_t count, uint64_t *seed)
{
	const uint64_t choice = t_random(seed);
	const char *label = labels[(choice >> 8) % count];

	if (choice % 4 < 2) {
		t_die_at(label, 1 + (unsigned)((choice >> 24) % (choice >> 40 & 1 ? 300 : 10)));
	} else if (choice % 4 == 2) {
		stop_label = label;
		stop_seed = choice;
		moor__crash_hook = stop_hook;
	}
}

static bool gone(int err)
{
	return err == MOOR_ECLOSED || err == MOOR_EPEERDEAD;
}

static int reserve(moor_tx *tx, size_t len, void **ret_data)
{
	int err;

	while ((err = moor_tx_reserve(tx, len, ret_data)) == MOOR_EAGAIN || gone(err)) {
		err = not_hung(moor_tx_wait(tx, len, HUNG), "tx_wait");
		if (account->stop)
			return MOOR_ETIMEDOUT;
		if (gone(err))
			sched_yield();
		else
			must(err, "tx_wait");
	}
	return err;
}

static int send_one(moor_tx *tx, const void *text, size_t len, uint64_t choice)
{
	const struct moor_iov iov[] = {{text, 10}, {(const char *)text + 10, len - 10}};
	int err;

	do {
		if (choice < 20)
			err = moor_tx_send(tx, text, len, MOOR_NOWAIT);
		else
			err = not_hung(choice < 40 ? moor_tx_send(tx, text, len, HUNG) : moor_tx_sendv(tx, iov, 2, HUNG), "send");
		if (gone(err))
			sched_yield();
	} while (!account->stop && (err == MOOR_EAGAIN || gone(err)));
	return err;
}

static moor_tx *open_tx(void)
{
	const int64_t start = t_now();
	moor_tx *tx;
	int err;

	/* All other slots may be those of the dead, until a consumer has passed what they claimed. */
	while ((err = moor_tx_open(name, NULL, &tx)) == MOOR_ESLOTS && t_now() - start < HUNG) {
		if (account->stop)
			_exit(0);
		usleep(200);
	}
	must(err, "tx_open");
	return tx;
}

static int produce(void *arg)
{
	struct role role = *(const struct role *)arg;
	uint64_t *const begun = &account->begun[role.id];
	static unsigned char text[T_MAX];
	moor_tx *tx;
	int err;

	stumble(producer_labels, sizeof producer_labels / sizeof producer_labels[0], &role.seed);
	tx = open_tx();
	while (!account->stop && *begun < MESSAGES) {
		const uint64_t choice = t_random(&role.seed) % 100, number = *begun + 1;
		const size_t len = length_of(role.id, number), more = choice < 80 ? len : T_MAX;
		const uint32_t time = now();
		void *to;

		__atomic_store_n(begun, number, __ATOMIC_RELEASE);
		if (choice < 50) {
			write_message(text, len, role.id, number, time);
			err = send_one(tx, text, len, choice);
		} else {
			err = reserve(tx, more, &to);
			if (!err) {
				memset(to, 1, more); /* looks like headers */
				write_message(to, len, role.id, number, time);
				if (choice < 60) {
					moor_tx_cancel(tx);
					continue;
				}
				err = moor_tx_commit(tx, len);
			}
		}
		if (err && account->stop)
			break;
		must(err, "send");
		__atomic_store_n(&account->notes[role.id][number], now(), __ATOMIC_RELEASE);
		if (t_random(&role.seed) % 3000 == 0)
			break;
		if (t_random(&role.seed) % 200 == 0) /* so that the consumer comes to sleep, and to look for the dead */
			usleep(300);
	}
	moor_tx_close(tx);
	return 0;
}

/* ---- the consumer ---- */

static void check_message(struct progress *progress, const void *data, size_t len)
{
	static unsigned char expected[T_MAX];
	struct message message;
	uint32_t committed;

	if (len < sizeof message)
		broken("length", 0, progress->count, (int64_t)len);
	memcpy(&message, data, sizeof message);
	if (message.producer >= PRODUCERS || message.len != len)
		broken("mixed", message.producer, message.number, (int64_t)len);
	if (message.number <= progress->last[message.producer] ||
	    message.number > __atomic_load_n(&account->begun[message.producer], __ATOMIC_ACQUIRE))
		broken("order", message.producer, message.number, (int64_t)progress->last[message.producer]);
	if (len != length_of(message.producer, message.number))
		broken("length", message.producer, message.number, (int64_t)len);
	write_message(expected, len, message.producer, message.number, message.begun);
	if (memcmp(data, expected, len) != 0)
		broken("content", message.producer, message.number, (int64_t)len);
	for (uint64_t between = progress->last[message.producer] + 1; between < message.number; between++)
		if (__atomic_load_n(&account->notes[message.producer][between], __ATOMIC_ACQUIRE))
			broken("lost", message.producer, between, (int64_t)message.number);
	committed = __atomic_load_n(&account->notes[message.producer][message.number], __ATOMIC_ACQUIRE);
	if (committed && committed < progress->begun)
		broken("overtaken", message.producer, message.number, progress->begun);
	progress->last[message.producer] = message.number;
	progress->count++;
	if (message.begun > progress->begun)
		progress->begun = message.begun;
}

static const struct progress *certain(void)
{
	return &account->progress[account->state & 1];
}

static void about_to_release(const struct progress *progress)
{
	account->progress[!(account->state & 1)] = *progress;
	__atomic_store_n(&account->state, (account->state & 1) | 2, __ATOMIC_RELEASE);
}

static void released(void)
{
	__atomic_store_n(&account->state, !(account->state & 1), __ATOMIC_RELEASE);
}

/* With messages up to `ahead` peeked: releases them, or takes one more as a copy, which does so too. */
static void take(moor_rx *rx, struct progress *ahead, uint64_t choice)
{
	static unsigned char buf[T_MAX], copy[T_MAX];
	const struct progress before = *ahead;
	struct moor_msg msg;
	size_t len, copied;

	if (choice % 3 == 0 && moor_rx_peek(rx, &msg) == 0) {
		/* What recv will take, it must be noted before: so it is seen, and un-seen, first. */
		copied = msg.len;
		memcpy(copy, msg.data, copied);
		check_message(ahead, msg.data, msg.len);
		must(moor_rx_rewind(rx), "rewind");
		for (uint64_t n = certain()->count; n < before.count; n++)
			must(moor_rx_peek(rx, &msg), "peek again");
		about_to_release(ahead);
		must(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_NOWAIT), "recv");
		if (len != copied || memcmp(buf, copy, len) != 0)
			broken("not what was peeked", 0, ahead->count, (int64_t)len);
	} else {
		about_to_release(ahead);
		moor_rx_release(rx);
	}
	released();
}

static bool all_is_received(void)
{
	struct moor_channel_info info = {.struct_size = sizeof info};

	must(moor_channel_stat(name, &info), "stat");
	return info.producers == 0 && info.occupied == 0;
}

static int consume(void *arg)
{
	struct role role = *(const struct role *)arg;
	struct moor_msg msg;
	moor_rx *rx;
	int err;

	if (!account->finish)
		stumble(consumer_labels, sizeof consumer_labels / sizeof consumer_labels[0], &role.seed);
	must(moor_rx_open(name, NULL, &rx), "rx_open");
	while (account->finish || t_random(&role.seed) % 5000) {
		const uint64_t choice = t_random(&role.seed) % 100;
		struct progress ahead = *certain();

		err = choice % 2 ? moor_rx_wait(rx, choice < 30 && !account->finish ? HUNG : MS) : 0;
		if (err == MOOR_ETIMEDOUT && choice < 30 && !account->finish)
			broken("hung", 0, ahead.count, err);
		if (err && err != MOOR_ETIMEDOUT && !gone(err))
			must(err, "rx_wait");
		if (account->finish && all_is_received())
			break;
		err = moor_rx_peek(rx, &msg);
		if (err == MOOR_EAGAIN || gone(err))
			continue;
		must(err, "peek");
		check_message(&ahead, msg.data, msg.len);
		for (uint64_t more = choice % 7; more && moor_rx_peek(rx, &msg) == 0; more--)
			check_message(&ahead, msg.data, msg.len);
		if (choice < 5)
			must(moor_rx_rewind(rx), "rewind");
		else
			take(rx, &ahead, choice);
	}
	moor_rx_close(rx);
	return 0;
}

/* ---- the parent ---- */

static uint64_t deaths, skipped;
static pid_t pids[PRODUCERS + 1]; /* the last is the consumer's */
static pid_t group;

static struct moor_channel_info look(void)
{
	struct moor_channel_info info = {.struct_size = sizeof info};

	t_assert_err(moor_channel_stat(name, &info), 0);
	return info;
}

static void start(unsigned who, uint64_t *seed)
{
	struct role role = {who, t_random(seed)};

	pids[who] = t_spawn(who < PRODUCERS ? produce : consume, &role);
	if (group == 0 || setpgid(pids[who], group) != 0) { /* a new group, if nobody of the old one lives */
		group = pids[who];
		setpgid(pids[who], group);
	}
}

static bool has_ended(unsigned who)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pids[who], &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

/* A consumer has ended: what it released, or was about to, the ring knows. */
static void settle_consumer(void)
{
	const uint64_t received = look().received_messages;
	const uint32_t other = !(account->state & 1);

	if ((account->state & 2) && received == account->progress[other].count)
		account->state = other;
	account->state &= 1;
	ck_assert_msg(received == certain()->count, "received %ju, released %ju", (uintmax_t)received,
	              (uintmax_t)certain()->count);
	ck_assert_uint_eq(look().consumers, 0);
}

static void let_go_on(void)
{
	for (unsigned who = 0; who <= PRODUCERS; who++)
		if (pids[who])
			kill(pids[who], SIGCONT);
}

static void settle(unsigned who)
{
	const int64_t begun = t_now();
	int code;

	while (!has_ended(who) && t_now() - begun < HUNG) { /* it, or whom it waits for, may stop itself once more */
		let_go_on();
		usleep(500);
	}
	code = t_wait(pids[who]);

	ck_assert_msg(code == 0 || code == 128 + SIGKILL, "%s ended with %d", who < PRODUCERS ? "a producer" : "a consumer",
	              code);
	deaths += code != 0;
	if (who == PRODUCERS)
		settle_consumer();
	pids[who] = 0;
}

static bool takes_part(unsigned who)
{
	return who < producers || who == PRODUCERS;
}

static void kill_some(uint64_t choice)
{
	const unsigned victim = choice % 4 == 0 ? PRODUCERS : (unsigned)(choice >> 8) % producers;
	const bool all = choice % 16 == 1;

	if (all)
		kill(-group, SIGKILL);
	if (choice % 16 == 2) { /* stopped for a while, and killed so */
		kill(pids[victim], SIGSTOP);
		usleep((useconds_t)(choice >> 32) % 5000);
	}
	for (unsigned who = 0; who <= PRODUCERS; who++)
		if (pids[who] && (all || who == victim))
			kill(pids[who], SIGKILL);
	for (unsigned who = 0; who <= PRODUCERS; who++)
		if (pids[who] && (all || who == victim || has_ended(who)))
			settle(who);
	if (choice % 8 == 3)
		let_go_on();
}

static bool is_full(void)
{
	for (unsigned who = 0; who < producers; who++)
		if (account->begun[who] >= MESSAGES)
			return true;
	return false;
}

static void check_all(void)
{
	const struct moor_channel_info info = look();
	uint64_t tried = 0, uncertain = 0, committed = 0;

	ck_assert_uint_eq(info.sent_messages, certain()->count);
	ck_assert_uint_eq(info.received_messages, certain()->count);
	ck_assert_uint_eq(info.used, 0);
	ck_assert_uint_eq(info.occupied, 0);
	ck_assert_uint_eq(info.producers, 0);
	ck_assert_uint_eq(info.attached, info.closed + info.died);
	for (unsigned who = 0; who < producers; who++) {
		tried += account->begun[who];
		for (uint64_t number = 1; number <= account->begun[who]; number++)
			committed += account->notes[who][number] != 0;
		/* In order and with nothing committed left out, so far; and so to the end. */
		for (uint64_t number = certain()->last[who] + 1; number <= account->begun[who]; number++)
			if (account->notes[who][number])
				ck_abort_msg("message %ju of %u never came", (uintmax_t)number, who);
	}
	ck_assert_uint_ge(certain()->count, committed);
	uncertain = certain()->count - committed;
	skipped += info.skipped;
	ck_assert_uint_le(uncertain, deaths);
	printf("storm: %u producers, %ju messages tried, %ju sent, %ju of them in mid-publication; so far %ju deaths, %ju "
	       "claims passed over\n",
	       producers, (uintmax_t)tried, (uintmax_t)info.sent_messages, (uintmax_t)uncertain, (uintmax_t)deaths,
	       (uintmax_t)skipped);
}

static void storm(uint64_t *seed, int64_t until)
{
	const struct moor_channel_opts opts = {.struct_size = sizeof opts,
	                                       .capacity = T_CAPACITY << t_random(seed) % 3,
	                                       .max_message = T_MAX,
	                                       .max_producers = SLOTS,
	                                       .kind = MOOR_MPSC};
	moor_hold *hold;
	moor_tx *tx;

	memset(account, 0, offsetof(struct account, notes));
	memset(account->notes, 0, sizeof account->notes);
	producers = 1 + (unsigned)(t_random(seed) % PRODUCERS);
	t_assert_err(moor_tx_open(name, &opts, &tx), MOOR_CREATED);
	t_assert_err(moor_hold_open(name, &hold), 0);
	moor_tx_close(tx);
	while (t_now() < until && !is_full()) {
		const uint64_t choice = t_random(seed), first = t_random(seed) % (PRODUCERS + 1);

		for (unsigned i = 0; i <= PRODUCERS; i++) { /* who comes first is by chance, too */
			const unsigned who = (unsigned)(first + i) % (PRODUCERS + 1);

			if (takes_part(who) && !pids[who])
				start(who, seed);
		}
		usleep((useconds_t)((choice >> 16) % 6000));
		kill_some(choice);
	}
	/* Nobody dies any more but at a label: everything arrives, and all come to their ends. */
	account->stop = true;
	for (unsigned who = 0; who < PRODUCERS; who++)
		if (pids[who])
			settle(who);
	if (pids[PRODUCERS]) {
		kill(pids[PRODUCERS], SIGKILL);
		settle(PRODUCERS);
	}
	__atomic_store_n(&account->finish, true, __ATOMIC_RELEASE);
	start(PRODUCERS, seed);
	settle(PRODUCERS);
	check_all();
	moor_hold_close(hold);
	ck_assert_int_eq(t_local_entries(), 0);
}

static uint64_t seconds(void)
{
	const char *text = getenv("MOORING_STORM_SECONDS");

	return text ? strtoull(text, NULL, 0) : 6;
}

START_TEST(test_K_storm_of_many)
{
	const int64_t until = t_now() + (int64_t)seconds() * 1000 * MS;
	const char *given = getenv("MOORING_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)t_now() ^ (uint64_t)getpid() << 40;

	printf("MOORING_SEED=%ju\n", (uintmax_t)seed);
	account = t_shared(sizeof *account);
	do
		storm(&seed, t_now() + ROUND < until ? t_now() + ROUND : until);
	while (t_now() < until);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("channel of many producers, storm");
	TCase *cases = tcase_create("storm");

	tcase_set_timeout(cases, (double)seconds() + 200);
	tcase_add_test(cases, test_K_storm_of_many);
	suite_add_tcase(suite, cases);
	return t_main(suite);
}
