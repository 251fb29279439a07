/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin_host - has plugins work in processes that it does not trust, and keeps its own time whatever they do.
 *
 *   plugin_host WORKER INFLATE.so MISBEHAVE.so FILE.gz [PERIOD_MS]
 *
 * Two workers at a time: one decompresses FILE.gz, again and again; the other one has a plugin that crashes, hangs,
 * floods, lies, writes over its ring and tries to leave its sandbox, one after the other. The host's loop runs every
 * PERIOD_MS (default 5): it takes what has come, checks it, looks at the deadlines, asks more, and waits for no longer than
 * until the next round. What may take time, to start a worker and to bury one, another thread does.
 *
 * A worker that is noticed is reported with what it did, its requests in flight are answered by an error, and it is
 * replaced. The end is a summary, and 0 if each misdeed was noticed for what it was and the file came out right.
 */
#include "protocol.h"

#include <errno.h>
#include <inttypes.h>
#include <mooring.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#define MS ((int64_t)1000000)
#define WINDOW 4u          /* requests in flight */
#define TAKE_MOST 8u       /* messages of one worker at a time */
#define NOTES_MOST 200u    /* of one worker, in its life */
#define READY_NS (60000 * MS)
#define DEADLINE_NS (30000 * MS)
#define SHORT_DEADLINE_NS (300 * MS) /* of a request that is expected to hang */
#define TRIES_MOST 20

/* ---- what can be noticed of a worker ---- */

enum notice { FINE, CRASHED, ENDED, BROKE_OUT, HUNG, FLOODED, LIED, CORRUPTED, NOTICES };
static const char *const notice_names[] = {"fine", "crashed",        "ended", "left its sandbox",
                                           "hung", "flooded", "lied",  "corrupted the link"};

static const struct misdeed {
	const char *word;
	enum notice expected;
} misdeeds[] = {{"crash", CRASHED},       {"exit", ENDED},          {"hang", HUNG},         {"flood", FLOODED},
                {"lie-number", LIED},     {"lie-length", LIED},     {"lie-result", LIED},   {"overwrite", CORRUPTED},
                {"open", BROKE_OUT},      {"connect", BROKE_OUT},   {"fork", BROKE_OUT},    {"exec", BROKE_OUT},
                {"memory", BROKE_OUT}};
#define MISDEEDS (sizeof misdeeds / sizeof misdeeds[0])

/* ---- workers ---- */

enum state {
	WANTED,   /* the other thread's: to be started */
	STARTED,
	UNWANTED, /* the other thread's: to be killed and buried */
	BURIED,
	GIVEN_UP
};

struct flight {
	uint64_t number; /* 0: free */
	int64_t deadline;
	char text[16]; /* of the misbehaving one: what was asked */
};

struct slot {
	const char *name, *plugin;
	_Atomic int state;
	/* Handed from thread to thread with the state. */
	moor_link *link;
	int status; /* as of wait(2) */
	int failed; /* why there is no worker; 0 */

	struct pollfd poll;
	bool ready;
	unsigned number; /* of the worker, counted over all */
	uint64_t last_request;
	struct flight flights[WINDOW];
	unsigned in_flight, notes;
	int64_t ready_until;
	enum notice notice;
	char why[80];
};

static struct slot slots[2] = {{.name = "inflate"}, {.name = "misbehave"}};
#define INFLATING (&slots[0])
#define MISBEHAVING (&slots[1])

static const char *worker_path;
static sem_t work; /* of the other thread */
static _Atomic bool over;

static unsigned workers, replaced, answered, errors, noticed[NOTICES];
static bool failed;

/* ---- the thread that may wait ---- */

/* The host's end is the workers' end. */
static void die_with_host(void *arg)
{
	(void)arg;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static void start_worker(struct slot *slot)
{
	char *const argv[] = {(char *)(uintptr_t)worker_path, (char *)(uintptr_t)slot->plugin, NULL};
	const struct moor_link_opts opts = MOOR_LINK_OPTS(.capacity = 1 << 18, .max_message = MESSAGE_MAX);
	const struct moor_spawn_opts spawn = MOOR_SPAWN_OPTS(.child_setup = die_with_host);
	int64_t pid;
	int err = moor_link_create(&opts, &slot->link);

	if (!err)
		err = moor_link_spawn(slot->link, argv, &spawn, &pid);
	if (!err)
		err = moor_link_fd(slot->link, &slot->poll.fd);
	if (err) {
		moor_link_close(slot->link);
		slot->link = NULL;
	}
	slot->failed = err;
	atomic_store(&slot->state, STARTED);
}

static void bury_worker(struct slot *slot)
{
	/* One that has ended is on its way to where its status is known. */
	if (moor_link_wait_exit(slot->link, slot->notice == CRASHED ? READY_NS : MOOR_NOWAIT, &slot->status) != 0) {
		(void)moor_link_kill(slot->link);
		while (moor_link_wait_exit(slot->link, MOOR_FOREVER, &slot->status) == MOOR_EINTR)
			;
	}
	moor_link_close(slot->link);
	slot->link = NULL;
	atomic_store(&slot->state, BURIED);
}

static void *do_slow_work(void *arg)
{
	while (!atomic_load(&over)) {
		while (sem_wait(&work) != 0)
			;
		for (size_t i = 0; i < 2; i++) {
			if (atomic_load(&slots[i].state) == WANTED)
				start_worker(&slots[i]);
			else if (atomic_load(&slots[i].state) == UNWANTED)
				bury_worker(&slots[i]);
		}
	}
	return arg;
}

static void hand_over(struct slot *slot, enum state state)
{
	atomic_store(&slot->state, state);
	sem_post(&work);
}

/* ---- the work of the one: a file to decompress ---- */

static struct {
	unsigned char *bytes;
	size_t len, sent;
	uint32_t crc, crc_expected, len_expected;
	uint64_t got;
	unsigned rounds, tries;
} file;

static uint32_t crc_table[256];

static void make_crc_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
		crc_table[i] = crc;
	}
}

static uint32_t crc_of(uint32_t crc, const unsigned char *data, size_t len)
{
	crc = ~crc;
	for (size_t i = 0; i < len; i++)
		crc = crc >> 8 ^ crc_table[(crc ^ data[i]) & 0xff];
	return ~crc;
}

static uint32_t little_32(const unsigned char *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Its trailer says what must come out. */
static bool read_file(const char *path)
{
	FILE *stream = fopen(path, "rb");
	long len = -1;

	if (stream && fseek(stream, 0, SEEK_END) == 0)
		len = ftell(stream);
	if (len < 18 || fseek(stream, 0, SEEK_SET) != 0 || !(file.bytes = malloc((size_t)len)) ||
	    fread(file.bytes, 1, (size_t)len, stream) != (size_t)len || file.bytes[0] != 0x1f || file.bytes[1] != 0x8b) {
		fprintf(stderr, "%s: a file of gzip was expected\n", path);
		return false;
	}
	fclose(stream);
	file.len = (size_t)len;
	file.crc_expected = little_32(file.bytes + file.len - 8);
	file.len_expected = little_32(file.bytes + file.len - 4);
	return true;
}

static void start_file(void)
{
	file.sent = 0;
	file.got = 0;
	file.crc = 0;
}

/* ---- the work of the other: one misdeed after the other, each after some honest questions ---- */

static size_t misdeed; /* the next */
static unsigned asked; /* before it */
#define HONEST_FIRST 3u

/* ---- a worker is found out ---- */

static void notice(struct slot *slot, enum notice what, const char *why)
{
	slot->notice = what;
	snprintf(slot->why, sizeof slot->why, "%s", why);
	hand_over(slot, UNWANTED);
}

/* Crashed, ended or stopped by its sandbox: the status tells. */
static void judge_end(struct slot *slot)
{
	if (WIFSIGNALED(slot->status) && WTERMSIG(slot->status) == SIGSYS) {
		slot->notice = BROKE_OUT;
		snprintf(slot->why, sizeof slot->why, "a system call that is not allowed");
	} else if (WIFSIGNALED(slot->status)) {
		snprintf(slot->why, sizeof slot->why, "signal %d", WTERMSIG(slot->status));
	} else {
		slot->notice = ENDED;
		snprintf(slot->why, sizeof slot->why, "status %d", WEXITSTATUS(slot->status));
	}
}

static void judge_misdeed(struct slot *slot)
{
	const struct misdeed *what = &misdeeds[misdeed];

	if (asked <= HONEST_FIRST) {
		printf("  but it had not been asked to misbehave yet\n");
		failed = true;
		return;
	}
	if (slot->notice != what->expected) {
		printf("  but '%s' ought to be noticed as: %s\n", what->word, notice_names[what->expected]);
		failed = true;
	}
	misdeed++;
	asked = 0;
}

/* Buried: report, answer what was in flight by an error, have it replaced. */
static void replace(struct slot *slot)
{
	if (slot->notice == CRASHED)
		judge_end(slot);
	if (slot->notice != FINE) {
		noticed[slot->notice]++;
		printf("worker %u (%s%s%s) %s: %s; requests in flight answered by an error: %u\n", slot->number, slot->name,
		       slot == MISBEHAVING ? ", asked to: " : "", slot == MISBEHAVING ? misdeeds[misdeed].word : "",
		       notice_names[slot->notice], slot->why, slot->in_flight);
		errors += slot->in_flight;
		if (slot == MISBEHAVING)
			judge_misdeed(slot);
		else if (++file.tries == TRIES_MOST)
			failed = true;
	}
	if (slot == INFLATING)
		start_file();
	memset(slot->flights, 0, sizeof slot->flights);
	slot->in_flight = slot->notes = 0;
	slot->ready_until = 0;
	slot->ready = false;
	if ((slot == MISBEHAVING && misdeed == MISDEEDS) || failed || atomic_load(&over)) {
		atomic_store(&slot->state, GIVEN_UP);
		return;
	}
	replaced += slot->notice != FINE;
	hand_over(slot, WANTED);
}

/* ---- asking ---- */

static bool ask(struct slot *slot, const void *data, size_t len, int64_t until, const char *text)
{
	const struct request head = {.number = slot->last_request + 1, .len = (uint32_t)len};
	const struct moor_iov pieces[] = {{&head, sizeof head}, {data, len}};
	struct flight *flight = slot->flights;

	while (flight->number)
		flight++;
	if (moor_tx_sendv(moor_link_tx(slot->link), pieces, 2, MOOR_NOWAIT) != 0)
		return false; /* full, or its end, which the next look tells */
	slot->last_request = head.number;
	*flight = (struct flight){.number = head.number, .deadline = until};
	snprintf(flight->text, sizeof flight->text, "%s", text);
	slot->in_flight++;
	return true;
}

static void ask_to_inflate(struct slot *slot, int64_t now)
{
	while (slot->in_flight < WINDOW && file.sent < file.len) {
		const size_t left = file.len - file.sent, len = left < REQUEST_MAX ? left : REQUEST_MAX;

		if (!ask(slot, file.bytes + file.sent, len, now + DEADLINE_NS, ""))
			return;
		file.sent += len;
	}
}

static void ask_to_misbehave(struct slot *slot, int64_t now)
{
	static const char honest[] = "an honest word";
	const char *word;

	if (slot->in_flight)
		return;
	if (asked < HONEST_FIRST) {
		if (ask(slot, honest, sizeof honest - 1, now + DEADLINE_NS, honest))
			asked++;
		return;
	}
	if (asked > HONEST_FIRST)
		return;
	word = misdeeds[misdeed].word;
	if (ask(slot, word, strlen(word), now + (misdeeds[misdeed].expected == HUNG ? SHORT_DEADLINE_NS : DEADLINE_NS), word))
		asked++;
}

/* ---- answers: copied out of the ring, and only then looked at ---- */

static union {
	unsigned char bytes[MESSAGE_MAX];
	struct answer head;
} message;

/* Decompressed bytes of the one, in order. NULL: they may be. */
static const char *take_part(const struct answer *answer, const unsigned char *data)
{
	file.crc = crc_of(file.crc, data, answer->len);
	file.got += answer->len;
	if (file.got > file.len_expected)
		return "more came out than was in the file";
	if (answer->kind == ANSWER_LAST && answer->status)
		return "it cannot decompress a good file";
	return NULL;
}

static const char *take_word(const struct flight *flight, const struct answer *answer, const unsigned char *data)
{
	if (answer->len != strlen(flight->text) || memcmp(data, flight->text, answer->len) != 0)
		return "a word came back changed";
	if (asked > HONEST_FIRST)
		return "it was asked to misbehave, and answers as if nothing were";
	return NULL;
}

static void finish_file(struct slot *slot)
{
	if (file.sent < file.len || slot->in_flight)
		return;
	if (file.crc != file.crc_expected || file.got != file.len_expected) {
		notice(slot, LIED, "what came out is not what was in the file");
		return;
	}
	file.rounds++;
	if (misdeed == MISDEEDS)
		return;
	slot->notice = FINE; /* a stream a worker: the next round has the next one */
	hand_over(slot, UNWANTED);
}

static void take_answer(struct slot *slot, const struct answer *answer, const unsigned char *data)
{
	struct flight *flight = slot->flights;
	const char *lie;

	while (flight < slot->flights + WINDOW && flight->number != answer->number)
		flight++;
	if (!answer->number || flight == slot->flights + WINDOW) {
		notice(slot, LIED, "an answer to what was not asked");
		return;
	}
	lie = slot == INFLATING ? take_part(answer, data) : take_word(flight, answer, data);
	if (lie) {
		notice(slot, LIED, lie);
		return;
	}
	if (answer->kind != ANSWER_LAST)
		return;
	flight->number = 0;
	slot->in_flight--;
	answered++;
	if (slot == INFLATING)
		finish_file(slot);
}

static void take_message(struct slot *slot, size_t len)
{
	const struct answer head = message.head;

	if (len < sizeof head || head.len != len - sizeof head) {
		notice(slot, LIED, "a length that is not that of its message");
		return;
	}
	switch (head.kind) {
	case ANSWER_READY:
		if (slot->ready) {
			notice(slot, LIED, "ready twice");
			return;
		}
		slot->ready = true;
		if (slot->number <= 2)
			printf("worker %u (%s) is ready, by its word confined by:%s%s%s\n", slot->number, slot->name,
			       head.status & CONFINED_NAMESPACES ? " namespaces" : "",
			       head.status & CONFINED_LANDLOCK ? " landlock" : "",
			       head.status & CONFINED_SECCOMP ? " seccomp" : "");
		break;
	case ANSWER_NOTE:
		if (++slot->notes > NOTES_MOST)
			notice(slot, FLOODED, "more notes than anybody has to tell");
		break;
	case ANSWER_PART:
	case ANSWER_LAST:
		take_answer(slot, &head, message.bytes + sizeof head);
		break;
	default:
		notice(slot, LIED, "a message of no kind");
	}
}

/* So much at most, that one worker cannot keep the host from the others. */
static void take_messages(struct slot *slot)
{
	for (unsigned i = 0; i < TAKE_MOST && atomic_load(&slot->state) == STARTED; i++) {
		size_t len;
		const int err = moor_rx_recv(moor_link_rx(slot->link), message.bytes, sizeof message.bytes, &len, MOOR_NOWAIT);

		if (err == MOOR_EAGAIN)
			return;
		if (!err)
			take_message(slot, len);
		else if (err == MOOR_EPEERDEAD || err == MOOR_ECLOSED)
			notice(slot, CRASHED, "");
		else
			notice(slot, CORRUPTED, moor_err_name(err));
	}
}

static void look_at_deadlines(struct slot *slot, int64_t now)
{
	for (size_t i = 0; i < WINDOW && atomic_load(&slot->state) == STARTED; i++)
		if (slot->flights[i].number && now > slot->flights[i].deadline)
			notice(slot, HUNG, "no answer in time");
	if (atomic_load(&slot->state) == STARTED && !slot->ready && now > slot->ready_until)
		notice(slot, HUNG, "not ready in time");
}

/* ---- the loop ---- */

static int64_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 * MS + ts.tv_nsec;
}

static void begin_with(struct slot *slot, int64_t now)
{
	slot->number = ++workers;
	slot->notice = FINE;
	slot->ready_until = now + READY_NS;
	slot->poll.events = POLLIN;
}

static void serve(struct slot *slot, int64_t now)
{
	switch (atomic_load(&slot->state)) {
	case BURIED:
		replace(slot);
		return;
	case STARTED:
		break;
	default:
		return;
	}
	if (slot->failed) {
		fprintf(stderr, "%s cannot be started: %s\n", worker_path, moor_strerror(slot->failed));
		failed = true;
		atomic_store(&slot->state, GIVEN_UP);
		return;
	}
	if (!slot->ready_until)
		begin_with(slot, now);
	take_messages(slot);
	look_at_deadlines(slot, now);
	if (atomic_load(&slot->state) != STARTED || !slot->ready)
		return;
	if (slot == INFLATING)
		ask_to_inflate(slot, now);
	else
		ask_to_misbehave(slot, now);
}

/* Until something has come or the round is over. */
static void wait_until(int64_t end)
{
	struct pollfd polls[2];
	nfds_t count = 0;
	int64_t left;

	for (size_t i = 0; i < 2; i++) {
		if (atomic_load(&slots[i].state) != STARTED)
			continue;
		if (moor_rx_arm(moor_link_rx(slots[i].link)) != 0)
			return; /* there is something, or the end of it */
		polls[count++] = slots[i].poll;
	}
	left = end - clock_now();
	if (left > 0) {
		const struct timespec ts = {(time_t)(left / (1000 * MS)), (long)(left % (1000 * MS))};

		(void)ppoll(polls, count, &ts, NULL);
	}
}

static bool is_over(void)
{
	return failed || (misdeed == MISDEEDS && file.rounds);
}

static void run(int64_t period)
{
	int64_t next = clock_now() + period, latest = 0, late = 0;
	uint64_t rounds = 0;

	while (!is_over()) {
		int64_t now = clock_now();

		if (now >= next) { /* here a real one does what it has to do every period */
			rounds++;
			latest = now - next > latest ? now - next : latest;
			late += now - next > period;
			next += period * (1 + (now - next) / period);
		}
		for (size_t i = 0; i < 2; i++)
			serve(&slots[i], now);
		wait_until(next);
	}
	printf("%" PRIu64 " rounds of %" PRId64 " ms; the latest began %.1f ms late, %" PRId64 " more than a period late\n", rounds,
	       period / MS, (double)latest / MS, late);
}

static void summarize(void)
{
	printf("%u workers, %u of them replacements; %u requests answered, %u by an error\n", workers, replaced,
	       answered + errors, errors);
	for (int i = CRASHED; i < NOTICES; i++)
		printf("  %-18s %u\n", notice_names[i], noticed[i]);
	printf("the file was decompressed %u times, %" PRIu32 " bytes each\n", file.rounds, file.len_expected);
	printf("%s\n", failed ? "not all is well: see above" : "all was noticed, and the host is well");
}

int main(int argc, char **argv)
{
	pthread_t thread;
	long period = 5;

	if (argc == 6)
		period = strtol(argv[5], NULL, 10);
	if ((argc != 5 && argc != 6) || period < 1 || period > 1000) {
		fprintf(stderr, "usage: plugin_host WORKER INFLATE.so MISBEHAVE.so FILE.gz [PERIOD_MS, 1 to 1000]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	worker_path = argv[1];
	INFLATING->plugin = argv[2];
	MISBEHAVING->plugin = argv[3];
	if (!read_file(argv[4]))
		return 1;
	make_crc_table();
	sem_init(&work, 0, 0);
	if (pthread_create(&thread, NULL, do_slow_work, NULL) != 0) {
		perror("a thread");
		return 1;
	}
	sem_post(&work);
	run(period * MS);
	atomic_store(&over, true);
	sem_post(&work);
	pthread_join(thread, NULL);
	for (size_t i = 0; i < 2; i++)
		moor_link_close(slots[i].link);
	summarize();
	return failed ? 1 : 0;
}
