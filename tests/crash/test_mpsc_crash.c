/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_mpsc_crash.c - one of many producers, or their consumer, killed at every labelled point of every call, on rings in
 * every state, while others have announced what it claims, claim what is behind it, stand still there or die, too; and
 * recovery killed at every one of its points, again and again. The parent's own account, outside the ring, says what must
 * arrive.
 */
#include "tests/lib/victim.h"

#include "base/crash.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE 64u
#define LINES (T_CAPACITY / LINE)
#define GOING_ON 20u /* messages that are sent afterwards */
/* Nobody waits for the dead. What takes longer than this on a loaded machine does. */
#define AT_ONCE_NS ((int64_t)20 * 1000000000)

static const struct moor_channel_opts many = {.struct_size = sizeof many,
                                              .capacity = T_CAPACITY,
                                              .max_message = T_MAX,
                                              .max_producers = 8,
                                              .kind = MOOR_MPSC};

enum state { EMPTY, USED, HALF, NEARLY_FULL, WRAP, FULL, STATES };
enum action {
	TX_OPEN,
	TX_SEND,
	TX_SENDV,
	TX_COMMIT_SHORT,
	TX_CANCEL,
	TX_CLOSE,
	TX_WAIT,
	RX_OPEN,
	RX_PEEK,
	RX_RECV,
	RX_BATCH,
	RX_RECOVER,
	RX_WAIT,
	RX_CLOSE
};
static const char *const action_names[] = {"tx open", "send", "sendv", "commit short", "cancel",  "tx close", "wait for room",
                                           "rx open", "peek", "recv",  "batch",        "recover", "rx wait",  "rx close"};

/* Who else is there. BEFORE: has announced the claim that the victim makes. AFTER: claims what is behind it. */
enum before { NOBODY, STOPPED_ANNOUNCER, DEAD_ANNOUNCER, BEFORES };
enum after { ALONE, ONE_SENDS, ONE_STANDS_STILL, TWO_DIE, AFTERS };

static int next_name;

/* What the ring ought to hold, in order: of the number's content, and of this length. */
static struct {
	uint64_t number;
	size_t len;
} messages[4096];
static uint64_t sent, received, next_number;

static moor_tx *tx;
static moor_rx *rx;
static moor_hold *hold;
static uint64_t deaths, runs;

/* Nobody is in a call, and all that is claimed is published. */
static void check_counts(void)
{
	const struct moor_channel_info info = look();

	if (info.sent_messages != sent || info.received_messages != received)
		ck_abort_msg("sent %ju, should be %ju; received %ju, should be %ju", (uintmax_t)info.sent_messages,
		             (uintmax_t)sent, (uintmax_t)info.received_messages, (uintmax_t)received);
}

/* The next message will be this one. */
static uint64_t expect_later(size_t len)
{
	ck_assert_uint_lt(sent, sizeof messages / sizeof messages[0]);
	messages[sent].number = next_number;
	messages[sent].len = len;
	sent++;
	return next_number++;
}

static void send_by(moor_tx *by, size_t len)
{
	t_send(by, len, expect_later(len));
}

/* As if the last look for the dead had been long ago. */
static void let_look(void)
{
	rx->ring.next_look = 0;
}

static bool is_next(const struct moor_msg *msg)
{
	return msg->len == messages[received].len && t_is_filled(msg->data, msg->len, messages[received].number);
}

static void expect_next(void)
{
	struct moor_msg msg;
	int err;

	let_look();
	err = moor_rx_peek(rx, &msg);
	if (err)
		ck_abort_msg("message %ju of %ju: %s", (uintmax_t)received, (uintmax_t)sent, moor_err_name(err));
	if (!is_next(&msg))
		ck_abort_msg("message %ju of %ju differs; length %zu", (uintmax_t)received, (uintmax_t)sent, msg.len);
	moor_rx_release(rx);
	received++;
}

static void expect_all(void)
{
	while (received < sent)
		expect_next();
}

static void expect_none(void)
{
	let_look();
	t_expect_none(rx);
	let_look();
	t_expect_none(rx);
}

static void move_on(unsigned lines)
{
	for (; lines; lines--) {
		send_by(tx, 50);
		expect_next();
	}
}

static unsigned lines_of(size_t len)
{
	return (unsigned)((len + 8 + LINE - 1) / LINE);
}

/* The length of the message that the action sends. */
static size_t length_of(enum action action)
{
	return action == TX_SENDV ? 700 : action == TX_SEND || action == TX_WAIT ? 200 : 8;
}

/* A channel with both sides of the parent's, in that state for that action. */
static void set_up(enum state state, enum action action)
{
	snprintf(name, sizeof name, "crash-%d", next_name++);
	sent = received = next_number = deaths = 0;
	memset(account, 0, offsetof(struct account, labels));
	t_assert_err(moor_tx_open(name, &many, &tx), MOOR_CREATED);
	t_assert_err(moor_rx_open(name, &many, &rx), 0);
	t_assert_err(moor_hold_open(name, &hold), 0);
	switch (state) {
	case EMPTY:
		break;
	case USED:
		for (int i = 0; i < 11; i++) {
			send_by(tx, 1100);
			expect_next();
		}
		break;
	case HALF:
		move_on(7);
		for (int i = 0; i < 10; i++)
			send_by(tx, 150);
		break;
	case NEARLY_FULL:
		move_on(LINES);
		for (unsigned i = 0; i < LINES - 1 - lines_of(length_of(action)); i++)
			send_by(tx, i % 50);
		break;
	case WRAP: /* what is left at the end is a line: too little, but for the shortest */
		move_on(LINES + LINES / 2);
		for (unsigned i = 0; i < LINES / 2 - 1; i++)
			send_by(tx, i % 50);
		break;
	case FULL:
		move_on(40);
		for (unsigned i = 0; i < LINES - 1; i++)
			send_by(tx, i % 50);
		break;
	case STATES:
		break;
	}
	check_counts();
	runs++;
}

static void tear_down(void)
{
	struct moor_channel_info info = {.struct_size = sizeof info};

	moor_tx_close(tx);
	moor_rx_close(rx);
	moor_hold_close(hold);
	tx = NULL;
	rx = NULL;
	t_assert_err(moor_channel_stat(name, &info), MOOR_ENOENT);
}

/* ---- in the child ---- */

static struct t_gate *opened, *go;

static int act(void *arg)
{
	const enum action action = *(enum action *)arg;
	static unsigned char text[T_MAX];
	const size_t len = length_of(action);
	struct moor_msg msg;
	moor_tx *my_tx = NULL;
	moor_rx *my_rx = NULL;
	size_t got;
	void *to;

	if (action == TX_OPEN || action == RX_OPEN)
		arm();
	if (action < RX_OPEN)
		must(moor_tx_open(name, NULL, &my_tx), 0, "tx_open");
	else
		must(moor_rx_open(name, NULL, &my_rx), 0, "rx_open");
	if (action != TX_OPEN && action != RX_OPEN) {
		t_gate_open(opened, 1);
		t_gate_pass(go);
		arm();
	}
	t_fill(text, len, next_number);
	switch (action) {
	case TX_OPEN:
	case RX_OPEN:
		break;
	case TX_SEND:
	case TX_WAIT:
		must(moor_tx_send(my_tx, text, len, MOOR_FOREVER), 0, "send");
		account->sent = 1;
		break;
	case TX_SENDV:
		must(moor_tx_sendv(my_tx, (struct moor_iov[]){{text, 300}, {text + 300, len - 300}}, 2, MOOR_FOREVER), 0,
		     "sendv");
		account->sent = 1;
		break;
	case TX_COMMIT_SHORT:
	case TX_CANCEL:
		/* as much as there is, full of what looks like headers; what is cancelled leaves room for the message */
		for (got = T_MAX; moor_tx_reserve(my_tx, got, &to) != 0 && got > 56; got -= 8)
			continue;
		if (action == TX_CANCEL && my_tx->open.end) {
			memset(to, 1, got);
			moor_tx_cancel(my_tx);
		}
		if (!my_tx->open.end && (got = len, moor_tx_reserve(my_tx, len, &to) != 0))
			break;
		for (size_t i = 0; i + 4 <= got; i += 4)
			memcpy((char *)to + i, &(uint32_t){1}, 4);
		memcpy(to, text, len);
		must(moor_tx_commit(my_tx, len), 0, "commit");
		account->sent = 1;
		break;
	case TX_CLOSE:
		must(moor_tx_reserve(my_tx, 8, &to), 0, "reserve");
		moor_tx_close(my_tx);
		break;
	case RX_PEEK:
		peek_and_release(my_rx, 1);
		break;
	case RX_RECV:
	case RX_WAIT:
		receive_two(my_rx);
		break;
	case RX_BATCH:
		peek_and_release(my_rx, 3);
		break;
	case RX_RECOVER: /* over all that the dead have left, to the last message */
		my_rx->ring.next_look = 0;
		peek_and_release(my_rx, 1);
		break;
	case RX_CLOSE:
		must(moor_rx_peek(my_rx, &msg), 0, "peek");
		moor_rx_close(my_rx);
		break;
	}
	if (!die_label)
		t_each_label(note_label, NULL);
	return 0;
}

/* Others: a message each, on the way to which they stop or die. */
struct other {
	const char *label, *then; /* then: it stops there next, if it goes on; or NULL */
	uint64_t number;
	size_t len;
	bool dies;
};

static const char *stop_label, *stop_then;

static void stop_hook(const char *label)
{
	if (stop_label && strcmp(label, stop_label) == 0) {
		stop_label = stop_then;
		stop_then = NULL;
		raise(SIGSTOP);
	}
}

static int send_other(void *arg)
{
	const struct other *other = arg;
	static unsigned char text[T_MAX];
	moor_tx *mine;

	must(moor_tx_open(name, NULL, &mine), 0, "tx_open");
	t_fill(text, other->len, other->number);
	if (other->dies) {
		t_die_at(other->label, 1);
	} else {
		stop_label = other->label;
		stop_then = other->then;
		moor__crash_hook = stop_hook;
	}
	must(moor_tx_send(mine, text, other->len, MOOR_NOWAIT), 0, "send");
	moor_tx_close(mine);
	return 0;
}

/* ---- the parent ---- */

static void die_as(const char *label, size_t len)
{
	struct other other = {.label = label, .number = 0xdead, .len = len, .dies = true};

	ck_assert_int_eq(t_wait(t_spawn(send_other, &other)), 128 + SIGKILL);
	deaths++;
}

static void await_stop(pid_t pid)
{
	siginfo_t info;

	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WEXITED), 0);
	ck_assert_int_eq(info.si_code, CLD_STOPPED);
}

/* Stands still at the label with that message. */
static pid_t stop_as(const char *label, const char *then, size_t len, uint64_t number)
{
	struct other other = {.label = label, .then = then, .number = number, .len = len};
	const pid_t pid = t_spawn(send_other, &other);

	await_stop(pid);
	return pid;
}

static void let_go_on(pid_t pid)
{
	kill(pid, SIGCONT);
	ck_assert_int_eq(t_wait(pid), 0);
}

/* An announcer, when the victim has its slot: it would take that of the dead, and nothing would be left of what it said. */
static pid_t come_before(enum before before, size_t len, uint64_t number)
{
	if (before == STOPPED_ANNOUNCER)
		return stop_as("mpsc: announced", NULL, len, number);
	if (before == DEAD_ANNOUNCER)
		die_as("mpsc: announced", len);
	return 0;
}

/*
 * Runs the action in a child, killed at the label's nth time, or never (NULL), after whoever comes before it. Returns
 * the announcer that stands still, or 0.
 */
static pid_t run(enum action action, const char *label, unsigned nth, enum before before, size_t len, uint64_t number)
{
	const uint64_t waits = look().waits;
	pid_t pid, announcer = 0;
	int end;

	die_label = label;
	die_nth = nth;
	if (action == TX_OPEN || action == RX_OPEN) {
		announcer = come_before(before, len, number);
		pid = t_spawn(act, &action);
	} else {
		pid = t_spawn(act, &action);
		t_gate_pass(opened);
		announcer = come_before(before, len, number);
		t_gate_open(go, 1);
	}
	if (action == TX_WAIT || action == RX_WAIT)
		until_asleep(pid, waits);
	if (action == TX_WAIT) {
		for (int i = 0; i < 4; i++)
			expect_next();
	} else if (action == RX_WAIT) {
		send_by(tx, 33);
		send_by(tx, 34);
	}
	end = t_wait(pid);
	if (end != (label ? 128 + SIGKILL : 0) || account->failed)
		ck_abort_msg("%s at %s: ended with %d", action_names[action], label ? label : "nothing", end);
	return announcer;
}

/* Two dead claims, one not marked, and a message: what RX_RECOVER has to do with. */
static void leave_dead_claims(void)
{
	die_as("mpsc: claimed", 100);
	die_as("mpsc: marked", 30);
	send_by(tx, 20);
}

static void set_up_for(enum state state, enum action action)
{
	set_up(state, action);
	if (action < RX_OPEN) {
		if (action == TX_CLOSE) { /* as if the consumer slept, which the end must then wake */
			const uint32_t *word;
			uint32_t expected;

			moor__rx_announce(rx, &word, &expected);
		}
		return;
	}
	if (action == RX_RECOVER)
		leave_dead_claims();
	moor_rx_close(rx);
	rx = NULL;
}

static bool is_death(enum action action, const char *label)
{
	if (action == TX_OPEN)
		return strcmp(label, "enter: attached") == 0;
	return action != TX_CLOSE || strncmp(label, "leave: ", 7) != 0;
}

/* From its close on it has left; what it does then is for the sleeper. */
static bool has_closed(const struct moor_channel_info *before)
{
	return look().closed != before->closed;
}

/* All of it is there to be used, by all, and the end is told right. */
static void check_whole(void)
{
	moor_tx *txs[3] = {tx};

	expect_none();
	check_counts();
	ck_assert_uint_eq(look().occupied, 0);
	for (int i = 1; i < 3; i++)
		t_assert_err(moor_tx_open(name, &MOOR_CHANNEL_OPTS(.flags = MOOR_OPEN_ONLY), &txs[i]), 0);
	for (unsigned i = 0; i < GOING_ON; i++) {
		send_by(txs[i % 3], i * 13 % 150);
		expect_next();
		t_expect_none(rx);
	}
	for (unsigned i = 0; i < LINES - 1; i++)
		send_by(txs[i % 3], 0);
	t_assert_err(moor_tx_send(tx, NULL, 0, MOOR_NOWAIT), MOOR_EAGAIN);
	expect_all();
	expect_none();
	check_counts();
	t_assert_err(moor_tx_drain(tx, MOOR_NOWAIT), 0);
	for (int i = 1; i < 3; i++)
		moor_tx_close(txs[i]);
	ck_assert_uint_eq(look().died, deaths);
	ck_assert_uint_eq(look().attached, look().closed + deaths + 1);
}

static void expect_end(void)
{
	struct moor_msg msg;

	moor_tx_close(tx);
	tx = NULL;
	let_look();
	if (deaths)
		t_assert_err(moor_rx_peek(rx, &msg), MOOR_EPEERDEAD);
	t_assert_err(moor_rx_peek(rx, &msg), MOOR_ECLOSED);
}

static bool has_room(size_t len, unsigned more)
{
	return lines_of(len) * LINE + more * LINE + look().occupied < T_CAPACITY;
}

/* What came from the victim: all of its message, or nothing. It stands before what others sent after it. */
static void expect_victims(uint64_t number, size_t len)
{
	struct moor_msg msg;
	int err;

	let_look();
	err = moor_rx_peek(rx, &msg);
	if (err == 0 && msg.len == len && t_is_filled(msg.data, len, number)) {
		moor_rx_release(rx);
		for (uint64_t i = sent; i > received; i--)
			messages[i] = messages[i - 1];
		sent++;
		received++;
		return;
	}
	if (account->sent)
		ck_abort_msg("what was committed did not come: %s", moor_err_name(err));
	t_assert_err(moor_rx_rewind(rx), 0);
}

static void kill_producer(enum state state, enum action action, const char *label, unsigned nth, enum before before,
                          enum after after)
{
	static const size_t announced[] = {200, 40, 900}; /* as much as others claim there, less, more */
	const int64_t start = t_now();
	const size_t victims_len = length_of(action);
	struct moor_channel_info was;
	uint64_t victims;
	size_t announced_len = announced[runs % 3];
	pid_t announcer = 0, still = 0;
	const uint64_t announcers = 0xa000 + runs;
	uint64_t victims_at;
	moor_tx *successor = NULL;

	set_up_for(state, action);
	if (state == FULL || state == NEARLY_FULL || !has_room(announced_len, 20))
		before = NOBODY;
	was = look();
	victims = next_number;
	victims_at = sent;
	announcer = run(action, label, nth, before, announced_len, announcers);
	deaths += is_death(action, label) && !has_closed(&was);
	next_number++;
	if (action == TX_CLOSE)
		moor__rx_withdraw(rx);
	if (runs % 2) /* K0: somebody comes before anyone has looked */
		t_assert_err(moor_tx_open(name, NULL, &successor), 0);
	if (has_room(150, 20)) {
		if (after == ONE_STANDS_STILL)
			still = stop_as("mpsc: claimed", NULL, 50, expect_later(50)); /* a line: it never needs padding */
		else if (after == TWO_DIE)
			for (int i = 0; i < 2; i++)
				die_as(i ? "mpsc: marked" : "mpsc: claimed", i ? 60 : 150);
		if (after != ALONE)
			send_by(successor && runs % 3 ? successor : tx, 33);
	}
	while (received < victims_at)
		expect_next();
	expect_victims(victims, victims_len);
	if (still) { /* what the victim left has been passed over; what stands still, and the line behind it, has not */
		expect_none();
		ck_assert_uint_eq(look().occupied, 2 * LINE);
		let_go_on(still);
	}
	expect_all();
	if (announcer) {
		let_go_on(announcer);
		messages[sent].number = announcers;
		messages[sent++].len = announced_len;
		expect_all();
	}
	t_assert(t_now() - start < AT_ONCE_NS);
	moor_tx_close(successor);
	check_whole();
	expect_end();
	tear_down();
}

static void check_released(uint64_t before)
{
	const uint64_t now = look().received_messages - before;

	if (now < account->released || now > account->may_release)
		ck_abort_msg("released %ju, should be %ju to %ju", (uintmax_t)now, (uintmax_t)account->released,
		             (uintmax_t)account->may_release);
	received = before + now;
}

static void kill_consumer(enum state state, enum action action, const char *label, unsigned nth, const char *second,
                          unsigned second_nth)
{
	const int64_t start = t_now();

	set_up_for(state, action);
	(void)run(action, label, nth, NOBODY, 0, 0);
	check_released(received);
	t_assert(action != RX_BATCH || received == 0 || account->released == 3 || look().received_messages == received);
	t_assert(look().consumers == 0);
	if (second && received < sent) { /* the successor dies in recovery, too, if it comes so far */
		const enum action recover = RX_RECOVER;
		const uint64_t before = received;
		int end;

		account->released = account->may_release = 0;
		die_label = second;
		die_nth = second_nth;
		t_gate_open(go, 1);
		end = t_wait(t_spawn(act, (void *)(uintptr_t)&recover));
		t_gate_pass(opened);
		ck_assert_msg((end == 0 || end == 128 + SIGKILL) && !account->failed, "the second ended with %d", end);
		check_released(before);
	}
	t_assert_err(moor_rx_open(name, &MOOR_CHANNEL_OPTS(.flags = MOOR_OPEN_ONLY), &rx), 0);
	expect_all();
	t_assert(t_now() - start < AT_ONCE_NS);
	if (action == RX_RECOVER)
		ck_assert_uint_ge(look().skipped, 2);
	check_whole();
	tear_down();
}

static bool makes_sense(enum state state, enum action action)
{
	switch (action) {
	case TX_OPEN:
	case RX_OPEN:
		return true;
	case TX_WAIT:
		return state == FULL;
	case RX_RECOVER: /* the dead ones' claims come first, in one lap or over its end */
		return state == EMPTY || state == USED;
	case RX_WAIT:
		return state == EMPTY || state == USED;
	case RX_PEEK:
	case RX_RECV:
	case RX_BATCH:
	case RX_CLOSE:
		return state >= HALF;
	default:
		return state != FULL;
	}
}

struct point {
	enum action action;
	char label[40];
	unsigned nth;
};
static struct point points[1024];
static unsigned point_count;

/* All points of the actions from first to last in that state. */
static void list_points(enum state state, enum action first, enum action last)
{
	point_count = 0;
	for (enum action action = first; action <= last; action++) {
		if (!makes_sense(state, action))
			continue;
		set_up_for(state, action);
		account->label_count = 0;
		(void)run(action, NULL, 0, NOBODY, 0, 0);
		tear_down();
		ck_assert_msg(account->label_count > 0, "%s has no labels", action_names[action]);
		for (unsigned i = 0; i < account->label_count; i++) {
			for (unsigned nth = 1; nth <= account->labels[i].times && nth <= 3; nth++) {
				struct point *point = &points[point_count++];

				ck_assert_uint_lt(point_count, sizeof points / sizeof points[0]);
				*point = (struct point){.action = action, .nth = nth};
				memcpy(point->label, account->labels[i].label, sizeof point->label);
			}
		}
	}
}

static void announce(enum state state, const struct point *point, int before, int after)
{
	if (!getenv("MOORING_VERBOSE"))
		return;
	printf("state %d, %s, %s, time %u; %d before, %d after\n", state, action_names[point->action], point->label, point->nth,
	       before, after);
	fflush(stdout);
}

static void begin(void)
{
	account = t_shared(sizeof *account);
	opened = t_gate_new();
	go = t_gate_new();
}

/* _i: the state, and who comes after */
START_TEST(test_K_producer_killed_anywhere)
{
	const enum state state = (enum state)(_i / AFTERS);
	const enum after after = (enum after)(_i % AFTERS);

	begin();
	list_points(state, TX_OPEN, TX_WAIT);
	for (unsigned i = 0; i < point_count; i++) {
		const enum before before = (enum before)((i + (unsigned)_i) % BEFORES);

		announce(state, &points[i], before, after);
		kill_producer(state, points[i].action, points[i].label, points[i].nth, before, after);
	}
	printf("state %d, others %d: %u points, %ju runs\n", state, after, point_count, (uintmax_t)runs);
}
END_TEST

/* Every announcer at every point of a send, where all three lengths come in turn. */
START_TEST(test_K_claim_that_others_announced)
{
	begin();
	list_points(EMPTY, TX_SEND, TX_SEND);
	for (unsigned i = 0; i < point_count; i++) {
		for (int n = 0; n < 6; n++) {
			announce(EMPTY, &points[i], 1 + n % 2, _i);
			kill_producer(EMPTY, points[i].action, points[i].label, points[i].nth, (enum before)(1 + n % 2),
			              (enum after)_i);
		}
	}
}
END_TEST

/* A dead announcer does not speak for what a living one has claimed there and not marked. */
START_TEST(test_K_dead_announcer_living_claimer)
{
	static const size_t lengths[] = {100, 10, 500};
	pid_t still;

	begin();
	for (unsigned i = 0; i < 9; i++) {
		const size_t len = lengths[i / 3];

		set_up(EMPTY, TX_SEND);
		still = stop_as("mpsc: announced", "mpsc: claimed", len, expect_later(len));
		die_as("mpsc: announced", lengths[i % 3]);
		kill(still, SIGCONT);
		await_stop(still);
		expect_none();
		send_by(tx, 20);
		expect_none();
		ck_assert_uint_eq(look().skipped, 0);
		let_go_on(still);
		expect_all();
		check_whole();
		expect_end();
		tear_down();
	}
}
END_TEST

START_TEST(test_K7_consumer_killed_anywhere)
{
	begin();
	list_points((enum state)_i, RX_OPEN, RX_CLOSE);
	for (unsigned i = 0; i < point_count; i++) {
		announce((enum state)_i, &points[i], 0, 0);
		kill_consumer((enum state)_i, points[i].action, points[i].label, points[i].nth, NULL, 0);
	}
	printf("state %d: %u points\n", _i, point_count);
}
END_TEST

/* Killed in recovery, and the next one in recovery, too, each at every point. */
START_TEST(test_K9_recovery_killed_twice)
{
	static struct point firsts[64];
	unsigned count;

	begin();
	list_points(_i ? USED : EMPTY, RX_RECOVER, RX_RECOVER);
	count = point_count;
	ck_assert_uint_lt(count, 64);
	memcpy(firsts, points, count * sizeof *points);
	for (unsigned i = 0; i < count; i++)
		for (unsigned j = 0; j < count; j++)
			kill_consumer(_i ? USED : EMPTY, RX_RECOVER, firsts[i].label, firsts[i].nth, firsts[j].label, firsts[j].nth);
	printf("recovery: %u points, %ju runs\n", count, (uintmax_t)runs);
}
END_TEST

/* Whoever sleeps comes upon what the dead did not wake it for, and past what they did not publish. */
static int receive_asleep(void *arg)
{
	int64_t *const when = arg;
	static unsigned char buf[T_MAX];
	moor_rx *mine;
	size_t len;

	must(moor_rx_open(name, NULL, &mine), 0, "rx_open");
	must(moor_rx_recv(mine, buf, sizeof buf, &len, AT_ONCE_NS), 0, "recv");
	*when = t_now();
	account->released = len;
	return 0;
}

START_TEST(test_K5_killed_while_the_consumer_sleeps)
{
	static const char *const labels[] = {"mpsc: announced", "mpsc: claimed",   "mpsc: marked",
	                                     "mpsc: copied",    "mpsc: published", "mpsc: withdrawn"};
	int64_t *const when = t_shared(sizeof *when);

	begin();
	for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
		const bool published = i >= 4;
		uint64_t waits;
		int64_t begun;
		pid_t pid;

		set_up((enum state)_i, TX_SEND);
		moor_rx_close(rx);
		rx = NULL;
		waits = look().waits;
		pid = t_spawn(receive_asleep, when);
		until_asleep(pid, waits);
		die_as(labels[i], 50);
		if (!published)
			send_by(tx, 20);
		begun = t_now();
		ck_assert_int_eq(t_wait(pid), 0);
		ck_assert_uint_eq(account->released, published ? 50 : 20);
		printf("killed at '%s': the sleeper had what came next %jd us later\n", labels[i],
		       (intmax_t)((*when - begun) / 1000));
		t_assert(*when - begun < AT_ONCE_NS);
		tear_down();
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("channel of many producers, killed");
	TCase *cases = tcase_create("crash");

	tcase_set_timeout(cases, 300);
	tcase_add_loop_test(cases, test_K_producer_killed_anywhere, 0, STATES * AFTERS);
	tcase_add_loop_test(cases, test_K_claim_that_others_announced, 0, AFTERS);
	tcase_add_test(cases, test_K_dead_announcer_living_claimer);
	tcase_add_loop_test(cases, test_K7_consumer_killed_anywhere, 0, STATES);
	tcase_add_loop_test(cases, test_K9_recovery_killed_twice, 0, 2);
	tcase_add_loop_test(cases, test_K5_killed_while_the_consumer_sleeps, EMPTY, USED + 1);
	suite_add_tcase(suite, cases);
	return t_main(suite);
}
