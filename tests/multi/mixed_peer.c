/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mixed_peer.c - one side of what test_mixed runs between processes of either word size. Built twice: as everything else,
 * and by the compiler for the other word size. Public headers only. Prints what is wrong, and ends with 1.
 */
#include <mooring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READS 200000
#define CHANGES 1000

static void die(const char *what, int err)
{
	printf("mixed_peer (%u bits): %s: %s\n", (unsigned)(8 * sizeof(void *)), what, moor_err_name(err));
	exit(1);
}

#define MUST(call)                                                                                                     \
	do {                                                                                                           \
		const int got_ = (call);                                                                               \
		if (got_ < 0)                                                                                          \
			die(#call, got_);                                                                              \
	} while (0)
#define HOLDS(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			die(#condition, 0);                                                                            \
	} while (0)

static moor_map *opened(const char *name, uint32_t access)
{
	const struct moor_map_opts opts = MOOR_MAP_OPTS(.access = access);
	moor_map *map = NULL;

	MUST(moor_map_open_wait(name, &opts, MOOR_FOREVER, &map));
	return map;
}

static moor_view *viewed(moor_map *map, uint64_t offset, size_t size, enum moor_access access)
{
	moor_view *view = NULL;

	MUST(moor_view_map(map, offset, size, access, &view));
	return view;
}

/* The counter's halves are equal at all times; byte 32 tells that the readers have seen enough. */
static void count(void)
{
	moor_map *map = NULL;
	moor_view *view;
	uint64_t n = 0;
	uint32_t readers = 0;

	MUST(moor_map_create("test_memory", 64, NULL, &map));
	view = viewed(map, 0, 0, MOOR_READ_WRITE);
	do {
		const uint64_t value = (++n & 0xffffffffu) * 0x100000001u;

		MUST(moor_view_put_u64(view, 0, value));
		MUST(moor_view_write(view, 8, &value, 8));
		MUST(moor_view_get_u32(view, 32, &readers));
	} while (!readers);
	moor_view_unmap(view);
	moor_map_close(map);
}

static void watch(uint32_t access)
{
	moor_map *map = opened("test_memory", access), *writer;
	moor_view *view = viewed(map, 0, 0, MOOR_READ), *stop;
	uint64_t value = 0, other = 0, last = 0;
	unsigned changes = 0;

	HOLDS(moor_map_size(map) == 64);
	for (unsigned i = 0; i < READS || changes < CHANGES; i++) {
		MUST(moor_view_get_u64(view, 0, &value));
		MUST(moor_view_read(view, 8, &other, 8));
		HOLDS(value >> 32 == (value & 0xffffffffu));
		HOLDS(other >> 32 == (other & 0xffffffffu));
		changes += value != last;
		last = value;
	}
	writer = opened("test_memory", MOOR_READ_WRITE);
	stop = viewed(writer, 32, 4, MOOR_WRITE);
	MUST(moor_view_put_u32(stop, 0, 1));
	moor_view_unmap(stop);
	moor_map_close(writer);
	moor_view_unmap(view);
	moor_map_close(map);
}

/* What the two sides must see alike: sizes, values, views of any offset, a maximum beyond 32 bits. */
#define HUGE_MAXIMUM ((uint64_t)6 << 30)
#define FAR ((uint64_t)5 << 30)

static void make(const char *path)
{
	const struct moor_map_opts reserve = MOOR_MAP_OPTS(.flags = MOOR_MAP_RESERVE);
	moor_map *plain = NULL, *grows = NULL, *file = NULL, *end;
	moor_view *view;

	MUST(moor_map_create("plain", 10007, NULL, &plain));
	view = viewed(plain, 1, 0, MOOR_READ_WRITE);
	MUST(moor_view_put_f64(view, 9998, -2.5));
	MUST(moor_view_put_i64(view, 3, INT64_MIN + 1));
	moor_view_unmap(view);
	MUST(moor_map_create("grows", HUGE_MAXIMUM, &reserve, &grows));
	MUST(moor_map_commit(grows, 5000));
	MUST(moor_map_from_file(path, "file", 0, NULL, &file));
	view = viewed(file, FAR + 17, 8, MOOR_READ_WRITE);
	MUST(moor_view_put_u64(view, 0, 42));
	moor_view_unmap(view);
	end = opened("end", MOOR_READ_WRITE); /* the other side says so */
	view = viewed(grows, 0, 0x10000, MOOR_READ_WRITE);
	HOLDS(moor_map_committed(grows) == 20000 && moor_view_size(view) == 20000);
	moor_view_unmap(view);
	moor_map_close(end);
	moor_map_close(plain);
	moor_map_close(grows);
	moor_map_close(file);
}

static void use(void)
{
	moor_map *plain, *grows, *file, *end = NULL;
	moor_view *view;
	double d = 0;
	int64_t i = 0;
	uint64_t u = 0;

	file = opened("file", MOOR_READ); /* made last */
	plain = opened("plain", MOOR_READ);
	grows = opened("grows", MOOR_READ_WRITE);
	HOLDS(moor_map_size(plain) == 10007 && moor_map_size(grows) == HUGE_MAXIMUM && moor_map_size(file) == HUGE_MAXIMUM);
	view = viewed(plain, 0, 0, MOOR_READ);
	HOLDS(moor_view_size(view) == 10007);
	MUST(moor_view_get_f64(view, 9999, &d));
	MUST(moor_view_get_i64(view, 4, &i));
	HOLDS(d == -2.5 && i == INT64_MIN + 1);
	moor_view_unmap(view);
	do { /* the writer comes from the file's name to its value in its own time */
		view = viewed(file, FAR, 25, MOOR_READ);
		MUST(moor_view_get_u64(view, 17, &u));
		moor_view_unmap(view);
	} while (u != 42);
	HOLDS(moor_map_committed(grows) == 5000);
	view = viewed(grows, 4000, 0x1000000, MOOR_READ_WRITE);
	HOLDS(moor_view_size(view) == 1000);
	MUST(moor_map_commit(grows, 20000));
	MUST(moor_view_extend(view));
	HOLDS(moor_view_size(view) == 16000);
	moor_view_unmap(view);
	MUST(moor_map_create("end", 1, NULL, &end));
	/* The other side is gone when its name is. */
	moor_map_close(grows);
	moor_map_close(plain);
	moor_map_close(file);
	while (moor_map_open("grows", NULL, &grows) == 0)
		moor_map_close(grows);
	moor_map_close(end);
}

/* Dies with it, by its parent's hand. */
static void hold(uint32_t access)
{
	moor_map *map = NULL;
	const struct moor_map_opts opts = MOOR_MAP_OPTS(.access = access);

	MUST(moor_map_create_or_open("held", 100, &opts, &map));
	for (;;)
		(void)moor_map_open_wait("never", NULL, MOOR_FOREVER, &map);
}

/* A descriptor that was inherited: of a reserved map, of which 5000 bytes are committed. */
static void adopt(const char *number)
{
	moor_map *map = NULL;
	moor_view *view;
	uint64_t value = 0;

	MUST(moor_map_from_handle(atoi(number), NULL, &map));
	HOLDS(moor_map_size(map) == HUGE_MAXIMUM && moor_map_committed(map) == 5000);
	view = viewed(map, 0, 0x10000, MOOR_READ_WRITE);
	HOLDS(moor_view_size(view) == 5000);
	MUST(moor_view_get_u64(view, 4992, &value));
	HOLDS(value == 42);
	MUST(moor_map_commit(map, 0x10000));
	MUST(moor_view_extend(view));
	MUST(moor_view_put_u64(view, 0xfff8, 43));
	moor_view_unmap(view);
	moor_map_close(map);
}

/* Owns the mutex, says so, and is killed. */
static void own(void)
{
	moor_mutex *mutex = NULL;
	moor_event *owned = NULL;
	moor_map *map = NULL;

	MUST(moor_mutex_open("both", NULL, &mutex));
	MUST(moor_event_open("owned", NULL, &owned));
	HOLDS(moor_mutex_lock(mutex, MOOR_FOREVER) == 0);
	MUST(moor_event_set(owned));
	for (;;) /* not for the event: it would take what it has set */
		(void)moor_map_open_wait("never", NULL, MOOR_FOREVER, &map);
}

/* Finds it owned, waits, and is told. */
static void inherit(void)
{
	moor_mutex *mutex = NULL;
	moor_event *ready = NULL;

	MUST(moor_mutex_open("both", NULL, &mutex));
	MUST(moor_event_open("ready", NULL, &ready));
	HOLDS(moor_mutex_lock(mutex, MOOR_NOWAIT) == MOOR_EAGAIN);
	MUST(moor_event_set(ready));
	HOLDS(moor_mutex_lock(mutex, MOOR_FOREVER) == MOOR_ABANDONED);
	MUST(moor_mutex_unlock(mutex));
	moor_event_close(ready);
	moor_mutex_close(mutex);
}

#define LOCKED 50000

/* Mutex and semaphore, in turn, around a plain counter in a map; for all, and for any, too. */
static void increment(void)
{
	moor_map *map = opened("counter", MOOR_READ_WRITE);
	moor_view *view = viewed(map, 0, 0, MOOR_READ_WRITE);
	struct moor_waitable both[2];
	moor_mutex *mutex = NULL;
	moor_sem *sem = NULL;
	uint32_t *const counter = moor_view_data(view);

	MUST(moor_mutex_open("both", NULL, &mutex));
	MUST(moor_sem_open("one", NULL, &sem));
	both[0] = moor_mutex_waitable(mutex);
	both[1] = moor_sem_waitable(sem);
	for (int i = 0; i < LOCKED; i++) {
		HOLDS(moor_mutex_lock(mutex, MOOR_FOREVER) == 0);
		counter[0]++;
		MUST(moor_mutex_unlock(mutex));
		MUST(moor_sem_wait(sem, MOOR_FOREVER));
		counter[1]++;
		MUST(moor_sem_post(sem, 1, NULL));
		if (i % 50)
			continue;
		MUST(moor_wait_all(both, 2, MOOR_FOREVER));
		counter[0]++;
		counter[1]++;
		MUST(moor_sem_post(sem, 1, NULL));
		MUST(moor_mutex_unlock(mutex));
	}
	moor_sem_close(sem);
	moor_mutex_close(mutex);
	moor_view_unmap(view);
	moor_map_close(map);
}

/* One of many senders: numbers that say whose they are, in messages of all lengths. */
#define SENT 20000
#define LONGEST 500

static size_t length_of(uint64_t number) { return 8 + (size_t)(number * 0x9e3779b97f4a7c15u >> 40) % (LONGEST - 8); }

static void send_many(const char *id)
{
	char message[LONGEST];
	moor_tx *tx = NULL;
	uint64_t number;

	MUST(moor_tx_open("ring", NULL, &tx));
	for (uint64_t n = 0; n < SENT; n++) {
		number = strtoull(id, NULL, 10) << 32 | n;
		memset(message, (int)number, sizeof message);
		memcpy(message, &number, 8);
		MUST(moor_tx_send(tx, message, length_of(number), MOOR_FOREVER));
	}
	moor_tx_close(tx);
}

/* Until all of `count` have ended, with everything received: whose it is, whole, once and in order. */
static void receive_many(const char *count)
{
	const unsigned long senders = strtoul(count, NULL, 10);
	const struct moor_channel_opts opts =
	    MOOR_CHANNEL_OPTS(.capacity = 4096, .max_message = LONGEST, .kind = MOOR_MPSC, .max_producers = 9);
	uint64_t next[9] = {0}, number;
	unsigned char message[LONGEST];
	moor_tx *stays = NULL; /* so that it does not end before the last sender has come */
	moor_rx *rx = NULL;
	size_t len = 0;

	MUST(moor_rx_open("ring", &opts, &rx));
	MUST(moor_tx_open("ring", &opts, &stays));
	for (uint64_t n = 0; n < senders * SENT; n++) {
		MUST(moor_rx_recv(rx, message, sizeof message, &len, MOOR_FOREVER));
		memcpy(&number, message, 8);
		HOLDS(number >> 32 < senders && (number & 0xffffffffu) == next[number >> 32]++ && len == length_of(number));
		for (size_t i = 8; i < len; i++)
			HOLDS(message[i] == (unsigned char)number);
	}
	moor_tx_close(stays);
	HOLDS(moor_rx_wait(rx, MOOR_FOREVER) == MOOR_ECLOSED);
	moor_rx_close(rx);
}

/* Reserves, says so, and is killed. */
static void reserve(void)
{
	moor_event *reserved = NULL;
	moor_map *map = NULL;
	moor_tx *tx = NULL;
	void *room = NULL;

	MUST(moor_event_open("reserved", NULL, &reserved));
	MUST(moor_tx_open("ring", NULL, &tx));
	MUST(moor_tx_reserve(tx, LONGEST, &room));
	memset(room, 1, LONGEST);
	MUST(moor_event_set(reserved));
	for (;;)
		(void)moor_map_open_wait("never", NULL, MOOR_FOREVER, &map);
}

/* A link: its host starts the worker, and each message goes there and back, through rings that they fill. */
#define THERE_AND_BACK 20000

static void link_host(char *worker)
{
	const struct moor_link_opts opts = MOOR_LINK_OPTS(.capacity = 4096, .max_message = LONGEST);
	char role[] = "link-worker", *const argv[] = {worker, role, NULL};
	unsigned char message[LONGEST];
	uint64_t sent = 0, number;
	moor_link *link = NULL;
	int64_t pid;
	int status;
	size_t len;

	MUST(moor_link_create(&opts, &link));
	MUST(moor_link_spawn(link, argv, NULL, &pid));
	for (uint64_t n = 0; n < THERE_AND_BACK; n++) {
		for (; sent < THERE_AND_BACK && sent < n + 12; sent++) {
			memset(message, (int)sent, sizeof message);
			memcpy(message, &sent, 8);
			MUST(moor_tx_send(moor_link_tx(link), message, length_of(sent), MOOR_FOREVER));
		}
		MUST(moor_rx_recv(moor_link_rx(link), message, sizeof message, &len, MOOR_FOREVER));
		memcpy(&number, message, 8);
		HOLDS(number == n && len == length_of(n) && (len == 8 || message[len - 1] == (unsigned char)n));
	}
	MUST(moor_tx_send(moor_link_tx(link), message, 0, MOOR_FOREVER));
	HOLDS(moor_rx_wait(moor_link_rx(link), MOOR_FOREVER) == MOOR_ECLOSED);
	MUST(moor_link_wait_exit(link, MOOR_FOREVER, &status));
	HOLDS(status == 0);
	moor_link_close(link);
}

static void link_worker(void)
{
	unsigned char message[LONGEST];
	moor_link *link = NULL;
	size_t len;

	MUST(moor_link_attach(-1, NULL, &link));
	for (;;) {
		MUST(moor_rx_recv(moor_link_rx(link), message, sizeof message, &len, MOOR_FOREVER));
		if (!len)
			break;
		MUST(moor_tx_send(moor_link_tx(link), message, len, MOOR_FOREVER));
	}
	moor_link_close(link);
}

int main(int argc, char **argv)
{
	const char *role = argc > 1 ? argv[1] : "";

	if (strcmp(role, "count") == 0)
		count();
	else if (strcmp(role, "watch") == 0)
		watch(MOOR_READ_WRITE);
	else if (strcmp(role, "watch-read-only") == 0)
		watch(MOOR_READ);
	else if (strcmp(role, "make") == 0 && argc > 2)
		make(argv[2]);
	else if (strcmp(role, "adopt") == 0 && argc > 2)
		adopt(argv[2]);
	else if (strcmp(role, "use") == 0)
		use();
	else if (strcmp(role, "hold") == 0)
		hold(MOOR_READ_WRITE);
	else if (strcmp(role, "hold-read-only") == 0)
		hold(MOOR_READ);
	else if (strcmp(role, "own") == 0)
		own();
	else if (strcmp(role, "inherit") == 0)
		inherit();
	else if (strcmp(role, "increment") == 0)
		increment();
	else if (strcmp(role, "send") == 0 && argc > 2)
		send_many(argv[2]);
	else if (strcmp(role, "receive") == 0 && argc > 2)
		receive_many(argv[2]);
	else if (strcmp(role, "reserve") == 0)
		reserve();
	else if (strcmp(role, "link-host") == 0 && argc > 2)
		link_host(argv[2]);
	else if (strcmp(role, "link-worker") == 0)
		link_worker();
	else
		die("no such role", MOOR_EINVAL);
	return 0;
}
