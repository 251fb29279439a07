/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_channel_crash.c - a producer or a consumer killed at every labelled point of every call, on rings in every state,
 * and its successor killed at every point of taking over. The parent's own account, outside the ring, says what must
 * arrive: all that was committed, once and in order, and of what was being published all or nothing.
 */
#include "tests/lib/victim.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNITS (T_CAPACITY / MOOR_ABI_UNIT)
#define GOING_ON 42u /* messages that a successor sends */

static const struct moor_channel_opts small = {
    .struct_size = sizeof small, .capacity = T_CAPACITY, .max_message = T_MAX};

enum state { EMPTY, ONE, USED, HALF, NEARLY_FULL, WRAP, FULL, STATES };
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
	RX_WAIT,
	RX_CLOSE
};
static const char *const action_names[] = {"tx open",  "send", "sendv", "commit short", "cancel",  "tx close", "wait for room",
                                           "rx open", "peek", "recv",  "batch",        "rx wait", "rx close"};

static int next_name;

/* What the ring ought to hold: message n has the content of n and this length. */
static size_t lengths[4096];
static uint64_t sent, received;

static moor_tx *tx;
static moor_rx *rx;
static moor_hold *hold;

static uint64_t bytes_between(uint64_t from, uint64_t to)
{
	uint64_t bytes = 0;

	for (; from < to; from++)
		bytes += lengths[from];
	return bytes;
}

static void check_counts(void)
{
	const struct moor_channel_info info = look();

	if (info.sent_messages != sent || info.received_messages != received)
		ck_abort_msg("sent %ju, should be %ju; received %ju, should be %ju", (uintmax_t)info.sent_messages,
		             (uintmax_t)sent, (uintmax_t)info.received_messages, (uintmax_t)received);
	t_assert(info.sent_bytes == bytes_between(0, sent));
	t_assert(info.received_bytes == bytes_between(0, received));
	t_assert(info.used == bytes_between(received, sent));
}

static void send_next(size_t len)
{
	lengths[sent] = len;
	t_send(tx, len, sent);
	sent++;
}

static void expect_next(void)
{
	t_expect(rx, lengths[received], received);
	received++;
}

static void move_on(unsigned lines)
{
	for (; lines; lines--) {
		send_next(56);
		expect_next();
	}
}

/* The length of the message that the action sends. */
static size_t length_of(enum action action)
{
	return action == TX_SEND ? 100 : action == TX_SENDV ? 700 : 8;
}

/* A channel with both sides of the parent's, in that state for that action. */
static void set_up(enum state state, enum action action)
{
	const unsigned need = (unsigned)((length_of(action) + 8 + 15) / 16);

	snprintf(name, sizeof name, "crash-%d", next_name++);
	sent = received = 0;
	memset(account, 0, offsetof(struct account, labels));
	t_assert_err(moor_tx_open(name, &small, &tx), MOOR_CREATED);
	t_assert_err(moor_rx_open(name, &small, &rx), 0);
	t_assert_err(moor_hold_open(name, &hold), 0);
	switch (state) {
	case EMPTY:
		break;
	case ONE: /* the action's is the ring's second */
		send_next(20);
		break;
	case USED:
		for (int i = 0; i < 11; i++) {
			send_next(1100);
			expect_next();
		}
		break;
	case HALF:
		move_on(7);
		for (int i = 0; i < 10; i++)
			send_next(150);
		break;
	case NEARLY_FULL:
		move_on(64);
		send_next(8); /* so that the last record ends at the end */
		expect_next();
		for (unsigned i = 0; i < UNITS - 1 - need; i++)
			send_next(i % 9);
		break;
	case WRAP:
		move_on(64 + 45);
		send_next(500); /* 8 lines */
		send_next(500); /* 8: one in front of the padding's place */
		send_next(60);  /* 80 bytes: 112 are left of the lap */
		break;
	case FULL:
		move_on(40);
		for (unsigned i = 0; i < UNITS - 1; i++)
			send_next(i % 9);
		break;
	case STATES:
		break;
	}
	check_counts();
}

static void tear_down(void)
{
	struct moor_channel_info info = {.struct_size = sizeof info};

	moor_tx_close(tx);
	moor_rx_close(rx);
	moor_hold_close(hold);
	t_assert_err(moor_channel_stat(name, &info), MOOR_ENOENT);
}

/* ---- in the child ---- */

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
	if (action != TX_OPEN && action != RX_OPEN)
		arm();
	t_fill(text, len, sent);
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
		/* as much as there is, full of what looks like headers */
		for (got = T_MAX; moor_tx_reserve(my_tx, got, &to) != 0; got -= 8)
			continue;
		for (size_t i = 0; i + 4 <= got; i += 4)
			memcpy((char *)to + i, &(uint32_t){1}, 4);
		if (action == TX_CANCEL) {
			moor_tx_cancel(my_tx);
			must(moor_tx_reserve(my_tx, len, &to), 0, "reserve");
		}
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
	case RX_CLOSE:
		must(moor_rx_peek(my_rx, &msg), 0, "peek");
		moor_rx_close(my_rx);
		break;
	}
	if (!die_label)
		t_each_label(note_label, NULL);
	return 0;
}

/* ---- the parent ---- */

/* Runs the action in a child, killed at the label's nth time, or never (NULL). */
static void run(enum action action, const char *label, unsigned nth)
{
	const uint64_t waits = look().waits;
	pid_t pid;
	int end;

	die_label = label;
	die_nth = nth;
	pid = t_spawn(act, &action);
	if (action == TX_WAIT || action == RX_WAIT)
		until_asleep(pid, waits);
	if (action == TX_WAIT) {
		expect_next();
	} else if (action == RX_WAIT) {
		send_next(33);
		send_next(34);
	}
	end = t_wait(pid);
	if (end != (label ? 128 + SIGKILL : 0) || account->failed)
		ck_abort_msg("%s at %s: ended with %d", action_names[action], label ? label : "nothing", end);
}

/* The labels of an action, as many as there are. */
static void list_labels(enum state state, enum action action)
{
	set_up(state, action);
	if (action < RX_OPEN) {
		moor_tx_close(tx);
		tx = NULL;
	} else {
		moor_rx_close(rx);
		rx = NULL;
	}
	account->label_count = 0;
	run(action, NULL, 0);
	tear_down();
}

static bool is_entered(enum action action, const char *label)
{
	if (action != TX_OPEN && action != RX_OPEN)
		return true;
	return strcmp(label, "enter: attached") == 0;
}

static bool is_closed(enum action action, const char *label)
{
	return (action == TX_CLOSE || action == RX_CLOSE) &&
	       (strncmp(label, "leave: ", 7) == 0 || strstr(label, "end marked") || strncmp(label, "close: ", 7) == 0);
}

static void expect_all(void)
{
	while (received < sent)
		expect_next();
}

/* After the deaths: all that is said to have been sent arrives, the successor goes on, and the end is told right. */
static void producer_goes_on(bool drain_first, uint64_t deaths)
{
	const int64_t start = t_now();
	struct moor_msg msg;

	if (drain_first)
		expect_all();
	t_assert_err(moor_tx_open(name, &MOOR_CHANNEL_OPTS(.flags = MOOR_OPEN_ONLY), &tx), 0);
	check_counts();
	expect_all();
	t_expect_none(rx);
	t_assert(t_now() - start < (int64_t)5 * 1000000000);
	for (unsigned i = 0; i < GOING_ON; i++) {
		send_next(i * 13 % 150);
		expect_next();
		t_expect_none(rx);
	}
	check_counts();
	t_assert(look().died == deaths);
	t_assert(look().attached == look().closed + deaths + 1);
	moor_tx_close(tx);
	tx = NULL;
	t_assert_err(moor_rx_peek(rx, &msg), deaths ? MOOR_EPEERDEAD : MOOR_ECLOSED);
	t_assert_err(moor_rx_peek(rx, &msg), MOOR_ECLOSED);
}

static void consumer_goes_on(void)
{
	t_assert_err(moor_rx_open(name, &MOOR_CHANNEL_OPTS(.flags = MOOR_OPEN_ONLY), &rx), 0);
	check_counts();
	expect_all();
	t_expect_none(rx);
	for (unsigned i = 0; i < GOING_ON; i++) {
		send_next(i * 13 % 150);
		expect_next();
		t_expect_none(rx);
	}
	for (unsigned i = 0; i < UNITS - 1; i++) /* all of it is room */
		send_next(0);
	expect_all();
	t_expect_none(rx);
	check_counts();
	t_assert_err(moor_tx_drain(tx, MOOR_NOWAIT), 0);
}

/* A producer dies at the label; perhaps its successor does so in the middle of taking over. */
static void kill_producer(enum state state, enum action action, const char *label, unsigned nth, const char *second,
                          bool drain_first)
{
	uint64_t deaths, now;

	set_up(state, action);
	moor_tx_close(tx);
	tx = NULL;
	lengths[sent] = length_of(action);
	run(action, label, nth);
	now = look().sent_messages;
	if (now != sent && now != sent + 1)
		ck_abort_msg("sent %ju, should be %ju or one more", (uintmax_t)now, (uintmax_t)sent);
	if (now == sent + 1 && (action == TX_OPEN || action == TX_CLOSE))
		ck_abort_msg("sent what nobody sent");
	if (account->sent || strstr(label, " published"))
		t_assert(now == sent + 1);
	sent = now;
	check_counts();
	t_assert(look().producers == 0);
	deaths = is_entered(action, label) && !is_closed(action, label);
	if (second) {
		run(TX_OPEN, second, 1);
		deaths += is_entered(TX_OPEN, second);
		check_counts();
	}
	producer_goes_on(drain_first, deaths);
	tear_down();
}

static void kill_consumer(enum state state, enum action action, const char *label, unsigned nth, const char *second)
{
	uint64_t now;

	set_up(state, action);
	moor_rx_close(rx);
	rx = NULL;
	run(action, label, nth);
	now = look().received_messages - received;
	if (now < account->released || now > account->may_release)
		ck_abort_msg("released %ju, should be %ju to %ju", (uintmax_t)now, (uintmax_t)account->released,
		             (uintmax_t)account->may_release);
	/* none, or the whole batch */
	t_assert(action != RX_BATCH || now == 0 || now == 3);
	received += now;
	check_counts();
	t_assert(look().consumers == 0);
	if (second) {
		run(RX_OPEN, second, 1);
		check_counts();
	}
	consumer_goes_on();
	tear_down();
}

static bool makes_sense(enum state state, enum action action)
{
	switch (action) {
	case TX_OPEN:
		return true;
	case TX_WAIT:
		return state == FULL;
	case RX_OPEN:
		return true;
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
		list_labels(state, action);
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

static void announce(enum state state, const struct point *point, const char *second)
{
	if (getenv("MOORING_VERBOSE"))
		printf("state %d, %s, %s, time %u, then %s\n", state, action_names[point->action], point->label, point->nth,
		       second ? second : "nothing");
}

static struct point seconds[64];
static unsigned second_count;

/* The labels of taking over from the dead. */
static void list_seconds(enum action open)
{
	second_count = 0;
	list_points(USED, open, open);
	memcpy(seconds, points, point_count * sizeof *points);
	second_count = point_count;
}

START_TEST(test_K_producer_killed_anywhere)
{
	account = t_shared(sizeof *account);
	list_seconds(TX_OPEN);
	list_points((enum state)_i, TX_OPEN, TX_WAIT);
	for (unsigned i = 0; i < point_count; i++) {
		announce((enum state)_i, &points[i], NULL);
		kill_producer((enum state)_i, points[i].action, points[i].label, points[i].nth, NULL, i % 2);
		kill_producer((enum state)_i, points[i].action, points[i].label, points[i].nth, NULL, !(i % 2));
	}
}
END_TEST

START_TEST(test_K9_next_producer_killed_taking_over)
{
	account = t_shared(sizeof *account);
	list_seconds(TX_OPEN);
	list_points((enum state)_i, TX_OPEN, TX_WAIT);
	for (unsigned i = 0; i < point_count; i++) {
		for (unsigned j = 0; j < second_count; j++) {
			announce((enum state)_i, &points[i], seconds[j].label);
			kill_producer((enum state)_i, points[i].action, points[i].label, points[i].nth, seconds[j].label, j % 2);
		}
	}
}
END_TEST

START_TEST(test_K7_consumer_killed_anywhere)
{
	account = t_shared(sizeof *account);
	list_points((enum state)_i, RX_OPEN, RX_CLOSE);
	for (unsigned i = 0; i < point_count; i++) {
		announce((enum state)_i, &points[i], NULL);
		kill_consumer((enum state)_i, points[i].action, points[i].label, points[i].nth, NULL);
	}
}
END_TEST

START_TEST(test_K9_next_consumer_killed_taking_over)
{
	account = t_shared(sizeof *account);
	list_seconds(RX_OPEN);
	list_points((enum state)_i, RX_OPEN, RX_CLOSE);
	for (unsigned i = 0; i < point_count; i++) {
		for (unsigned j = 0; j < second_count; j++) {
			announce((enum state)_i, &points[i], seconds[j].label);
			kill_consumer((enum state)_i, points[i].action, points[i].label, points[i].nth, seconds[j].label);
		}
	}
}
END_TEST

/* A producer that dies between publishing and waking: the sleeper finds the message all the same. */
static int send_two_and_die(void *arg)
{
	moor_tx *mine;

	must(moor_tx_open(name, NULL, &mine), 0, "tx_open");
	t_sleep_ms(*(int *)arg); /* the receiver sleeps by now */
	t_die_at("tx: published", 2);
	must(moor_tx_send(mine, "one", 3, MOOR_NOWAIT), 0, "send");
	t_sleep_ms(*(int *)arg);
	must(moor_tx_send(mine, "two", 3, MOOR_NOWAIT), 0, "send");
	return 3;
}

START_TEST(test_K5_killed_after_publish_before_wake)
{
	int ms = 30;

	account = t_shared(sizeof *account);
	for (int i = 0; i < 3; i++) {
		int64_t start;
		char buf[8];
		size_t len;
		pid_t pid;

		set_up(EMPTY, TX_OPEN);
		moor_tx_close(tx);
		tx = NULL;
		pid = t_spawn(send_two_and_die, &ms);
		while (!look().producers)
			t_sleep_ms(1);
		t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_FOREVER), 0);
		start = t_now();
		t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, (int64_t)60 * 1000000000), 0);
		t_assert(len == 3 && memcmp(buf, "two", 3) == 0);
		printf("K5: found %jd us after the other\n", (intmax_t)((t_now() - start) / 1000));
		t_assert(t_now() - start < (int64_t)2 * 1000000000);
		ck_assert_int_eq(t_wait(pid), 128 + SIGKILL);
		t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_FOREVER), MOOR_EPEERDEAD);
		t_assert_err(moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_FOREVER), MOOR_ECLOSED);
		tear_down();
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("channel, killed");
	TCase *cases = tcase_create("crash");

	tcase_set_timeout(cases, 300);
	tcase_add_loop_test(cases, test_K_producer_killed_anywhere, 0, STATES);
	tcase_add_loop_test(cases, test_K9_next_producer_killed_taking_over, 0, STATES);
	tcase_add_loop_test(cases, test_K7_consumer_killed_anywhere, 0, STATES);
	tcase_add_loop_test(cases, test_K9_next_consumer_killed_taking_over, 0, STATES);
	tcase_add_test(cases, test_K5_killed_after_publish_before_wake);
	suite_add_tcase(suite, cases);
	return t_main(suite);
}
