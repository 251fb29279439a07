/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object.c - the file of a name, alive, with any header and any content: opened as every kind, looked at, enumerated,
 * used, while its words change. Input: which object it was, its size, changes to the header and to the rest, then what is
 * done with it.
 */
#include "tests/fuzz/fuzz.h"

#include "os/os.h"

#include <fcntl.h>
#include <mooring.h>
#include <mooring/abi.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "fuzz"
#define MOST 16384u
#define BACKING_SIZE 8192
#define ANOTHER_SLOT MOOR__OS_LOCK_SLOT(3)

/* What is done: a bit each. */
enum { SLOT_IS_HELD = 1, USE_MAP = 2, USE_MUTEX = 4, USE_SEM = 8, USE_EVENT = 16, USE_CHANNEL = 32, LOOK = 64 };

enum { PLAIN_MAP, RESERVED_MAP, FILE_MAP, MUTEX, SEM, EVENT, CHANNEL, MANY, KINDS };

static struct {
	unsigned char bytes[MOST];
	size_t size;
} images[KINDS];
static char object_path[256], backing_path[256];
static int held = -1; /* another process, as it were: holds the life byte, and a slot now and then */
static unsigned char *shared;

/* ---- before the first input ---- */

static void note_image(int kind)
{
	const int fd = open(object_path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	FUZZ_MUST(fd >= 0);
	got = read(fd, images[kind].bytes, MOST);
	FUZZ_MUST(got > 0);
	images[kind].size = (size_t)got;
	close(fd);
}

static void make_images(void)
{
	struct moor_channel_opts opts = MOOR_CHANNEL_OPTS(.capacity = 4096);
	moor_mutex *mutex;
	moor_event *event;
	moor_map *map;
	moor_sem *sem;
	moor_tx *tx;

	FUZZ_MUST(moor_map_create(NAME, 5000, NULL, &map) == 0);
	note_image(PLAIN_MAP);
	moor_map_close(map);
	FUZZ_MUST(moor_map_create(NAME, 9000, &MOOR_MAP_OPTS(.flags = MOOR_MAP_RESERVE), &map) == 0);
	FUZZ_MUST(moor_map_commit(map, 4096) == 0);
	note_image(RESERVED_MAP);
	moor_map_close(map);
	FUZZ_MUST(moor_map_from_file(backing_path, NAME, 0, NULL, &map) == MOOR_CREATED);
	note_image(FILE_MAP);
	moor_map_close(map);
	FUZZ_MUST(moor_mutex_create(NAME, NULL, &mutex) == 0);
	note_image(MUTEX);
	moor_mutex_close(mutex);
	FUZZ_MUST(moor_sem_create(NAME, 2, 5, NULL, &sem) == 0);
	note_image(SEM);
	moor_sem_close(sem);
	FUZZ_MUST(moor_event_create(NAME, 0, NULL, &event) == 0);
	note_image(EVENT);
	moor_event_close(event);
	FUZZ_MUST(moor_tx_open(NAME, &opts, &tx) == MOOR_CREATED);
	FUZZ_MUST(moor_tx_send(tx, "message", 7, MOOR_NOWAIT) == 0);
	note_image(CHANNEL);
	moor_tx_close(tx);
	opts.kind = MOOR_MPSC;
	opts.max_producers = 3;
	FUZZ_MUST(moor_tx_open(NAME, &opts, &tx) == MOOR_CREATED);
	FUZZ_MUST(moor_tx_send(tx, "message", 7, MOOR_NOWAIT) == 0);
	note_image(MANY);
	moor_tx_close(tx);
}

static void begin(void)
{
	int fd;

	if (held >= 0)
		return;
	snprintf(object_path, sizeof object_path, "%s/mooring-%lu/mooring." NAME, fuzz_dir(), (unsigned long)geteuid());
	snprintf(backing_path, sizeof backing_path, "%s/backing", fuzz_dir());
	fd = open(backing_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	FUZZ_MUST(fd >= 0 && ftruncate(fd, BACKING_SIZE) == 0);
	close(fd);
	make_images();
	held = open(object_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FUZZ_MUST(held >= 0 && ftruncate(held, MOST) == 0);
	FUZZ_MUST(moor__os_lock_shared(held, MOOR__OS_LOCK_LIFE) == 0);
	shared = mmap(NULL, MOST, PROT_READ | PROT_WRITE, MAP_SHARED, held, 0);
	FUZZ_MUST(shared != MAP_FAILED);
}

static struct fuzz_shared all_of_it(size_t size)
{
	static const uint32_t places[] = {
	    MOOR_ABI_SYNC_OFFSET, MOOR_ABI_SYNC_OFFSET + 4, MOOR_ABI_SYNC_OFFSET + offsetof(struct moor_abi_sync, max),
	    offsetof(struct moor_abi_header, committed),
	    MOOR_ABI_RING_SLOTS_OFFSET + offsetof(struct moor_abi_consumer, quiet.asleep),
	    MOOR_ABI_RING_SLOTS_OFFSET + offsetof(struct moor_abi_consumer, quiet.bell)};

	return (struct fuzz_shared){.mem = shared,
	                            .len = size & ~(size_t)7,
	                            .places = places,
	                            .place_count = sizeof places / sizeof places[0]};
}

/* ---- what is done with it ---- */

static int count(const struct moor_name_info *info, void *arg)
{
	fuzz_touch(info->name, strlen(info->name));
	++*(unsigned *)arg;
	return 0;
}

static int count_participant(const struct moor_participant_info *info, void *arg)
{
	(void)info;
	++*(unsigned *)arg;
	return 0;
}

static void look(void)
{
	struct moor_channel_info info = {.struct_size = sizeof info};
	unsigned names = 0, participants = 0;
	moor_hold *hold;

	(void)moor_enumerate(count, &names);
	FUZZ_MUST(names <= 1);
	(void)moor_participants(NAME, count_participant, &participants);
	(void)moor_channel_stat(NAME, &info);
	if (moor_hold_open(NAME, &hold) == 0)
		moor_hold_close(hold);
}

static void use_view(moor_map *map, uint64_t offset, size_t len, enum moor_access access)
{
	moor_view *view;

	if (moor_view_map(map, offset, len, access, &view) != 0)
		return;
	(void)moor_view_extend(view);
	if (moor_view_size(view) <= MOST) /* what is longer is address space */
		fuzz_touch(moor_view_data(view), moor_view_size(view));
	(void)moor_view_put_u8(view, 0, 1);
	moor_view_unmap(view);
}

static void use_map(struct fuzz_input *in)
{
	static const enum moor_access accesses[] = {MOOR_READ_WRITE, MOOR_READ, MOOR_COPY_ON_WRITE};
	const enum moor_access access = accesses[fuzz_8(in) % 3];
	const uint32_t offset = fuzz_32(in), len = fuzz_16(in), more = fuzz_16(in);
	uint32_t mode;
	moor_map *map;

	if (moor_map_open(NAME, &MOOR_MAP_OPTS(.access = access), &map) != 0)
		return;
	(void)moor_map_get_mode(map, &mode);
	(void)moor_map_committed(map);
	use_view(map, 0, 0, access);
	use_view(map, offset, len, access);
	use_view(map, moor_map_size(map) - 1, 1, access);
	(void)moor_map_commit(map, more);
	use_view(map, 0, 0, access);
	moor_map_close(map);
}

static void use_mutex(struct fuzz_input *in, const struct fuzz_shared *words)
{
	const struct moor_sync_opts owned = MOOR_SYNC_OPTS(.flags = MOOR_INITIALLY_OWNED);
	struct moor_waitable waitable;
	moor_mutex *mutex;

	if ((fuzz_8(in) & 1 ? moor_mutex_create_or_open(NAME, &owned, &mutex) : moor_mutex_open(NAME, NULL, &mutex)) < 0)
		return;
	for (int i = 0; i < 3; i++) {
		fuzz_change(in, words);
		if (moor_mutex_lock(mutex, fuzz_8(in) & 1) >= 0) {
			fuzz_change(in, words);
			FUZZ_MUST(moor_mutex_unlock(mutex) == 0);
		}
		fuzz_change(in, words);
		waitable = moor_mutex_waitable(mutex);
		if (moor_wait_all(&waitable, 1, MOOR_NOWAIT) >= 0)
			FUZZ_MUST(moor_mutex_unlock(mutex) == 0);
	}
	(void)moor_mutex_lock(mutex, MOOR_NOWAIT);
	moor_mutex_close(mutex);
}

static void use_sem(struct fuzz_input *in, const struct fuzz_shared *words)
{
	struct moor_waitable twice[2];
	uint32_t before;
	moor_sem *sem;

	if (moor_sem_open(NAME, NULL, &sem) != 0)
		return;
	for (int i = 0; i < 3; i++) {
		fuzz_change(in, words);
		(void)moor_sem_wait(sem, fuzz_8(in) & 1);
		fuzz_change(in, words);
		(void)moor_sem_post(sem, fuzz_8(in), &before);
		fuzz_change(in, words);
		twice[0] = twice[1] = moor_sem_waitable(sem);
		(void)moor_wait_all(twice, 2, MOOR_NOWAIT);
	}
	moor_sem_close(sem);
}

static void use_event(struct fuzz_input *in, const struct fuzz_shared *words)
{
	struct moor_waitable waitable;
	moor_event *event;
	size_t index;

	if (moor_event_open(NAME, NULL, &event) != 0)
		return;
	for (int i = 0; i < 3; i++) {
		fuzz_change(in, words);
		(void)moor_event_set(event);
		fuzz_change(in, words);
		(void)moor_event_wait(event, fuzz_8(in) & 1);
		fuzz_change(in, words);
		(void)moor_event_reset(event);
		waitable = moor_event_waitable(event);
		(void)moor_wait_any(&waitable, 1, MOOR_NOWAIT, &index);
	}
	moor_event_close(event);
}

static void use_channel(struct fuzz_input *in, const struct fuzz_shared *words)
{
	const struct moor_channel_opts opts = MOOR_CHANNEL_OPTS(.flags = MOOR_OPEN_ONLY);
	unsigned char buf[256];
	moor_tx *tx = NULL;
	moor_rx *rx = NULL;
	moor_os_handle fd;
	size_t len;

	(void)moor_tx_open(NAME, &opts, &tx);
	fuzz_change(in, words);
	(void)moor_rx_open(NAME, &opts, &rx);
	for (int i = 0; i < 3; i++) {
		if (tx)
			(void)moor_tx_send(tx, "something", fuzz_8(in) % 10, MOOR_NOWAIT);
		fuzz_change(in, words);
		if (rx && moor_rx_recv(rx, buf, sizeof buf, &len, MOOR_NOWAIT) == 0)
			fuzz_touch(buf, len);
		if (rx && (fuzz_8(in) & 1) && moor_rx_fd(rx, &fd) == 0)
			(void)moor_rx_arm(rx);
	}
	moor_tx_close(tx);
	moor_rx_close(rx);
}

/* An object as it was made is opened as what it is. */
static void must_open(unsigned kind)
{
	const struct moor_channel_opts opts = MOOR_CHANNEL_OPTS(.flags = MOOR_OPEN_ONLY);
	moor_mutex *mutex = NULL;
	moor_event *event = NULL;
	moor_map *map = NULL;
	moor_sem *sem = NULL;
	moor_rx *rx = NULL;

	switch (kind) {
	case MUTEX:
		FUZZ_MUST(moor_mutex_open(NAME, NULL, &mutex) == 0);
		break;
	case SEM:
		FUZZ_MUST(moor_sem_open(NAME, NULL, &sem) == 0);
		break;
	case EVENT:
		FUZZ_MUST(moor_event_open(NAME, NULL, &event) == 0);
		break;
	case CHANNEL:
	case MANY:
		FUZZ_MUST(moor_rx_open(NAME, &opts, &rx) == 0);
		break;
	default:
		FUZZ_MUST(moor_map_open(NAME, NULL, &map) == 0);
	}
	moor_mutex_close(mutex);
	moor_sem_close(sem);
	moor_event_close(event);
	moor_rx_close(rx);
	moor_map_close(map);
}

static void make_it(struct fuzz_input *in)
{
	const unsigned kind = fuzz_8(in) % (KINDS + 1);
	const struct fuzz_shared header = {.mem = shared, .len = sizeof(struct moor_abi_header)}, all = all_of_it(MOST);
	const uint8_t cut = fuzz_8(in);
	unsigned changes = fuzz_8(in);
	size_t size = kind < KINDS ? images[kind].size : 0;

	memset(shared, 0, MOST);
	if (kind < KINDS)
		memcpy(shared, images[kind].bytes, images[kind].size);
	if (kind == FILE_MAP)
		FUZZ_MUST(truncate(backing_path, BACKING_SIZE) == 0);
	for (unsigned n = changes % 16; n; n--)
		fuzz_change(in, &header);
	for (unsigned n = changes / 16; n; n--)
		fuzz_change(in, &all);
	if (cut)
		size = (size_t)cut * 64;
	FUZZ_MUST(ftruncate(held, (off_t)size) == 0);
	if (kind < KINDS && !cut && !changes)
		must_open(kind);
}

static void one(const uint8_t *data, size_t len)
{
	struct fuzz_input in = {data, data + len};
	const struct fuzz_shared *words;
	struct fuzz_shared all;
	struct stat st;
	uint8_t what;
	int fd, again;

	begin();
	fd = dup(STDERR_FILENO);
	close(fd);
	FUZZ_MUST(ftruncate(held, MOST) == 0);
	make_it(&in);
	FUZZ_MUST(fstat(held, &st) == 0);
	all = all_of_it((size_t)st.st_size / 4096 * 4096 < 512 ? 0 : (size_t)st.st_size);
	words = &all;
	what = fuzz_8(&in);
	if (what & SLOT_IS_HELD)
		(void)moor__os_lock_exclusive(held, ANOTHER_SLOT);
	if (what & LOOK || !all.len)
		look();
	if (!all.len) /* there is nothing that could be changed */
		what = 0;
	if (what & USE_MAP)
		use_map(&in);
	if (what & USE_MUTEX)
		use_mutex(&in, words);
	if (what & USE_SEM)
		use_sem(&in, words);
	if (what & USE_EVENT)
		use_event(&in, words);
	if (what & USE_CHANNEL)
		use_channel(&in, words);
	if (what & LOOK)
		look();
	moor__os_unlock(held, ANOTHER_SLOT);
	again = dup(STDERR_FILENO);
	close(again);
	FUZZ_MUST(fd == again); /* no descriptor was left open */
	FUZZ_MUST(moor__os_locked(held, MOOR__OS_LOCK_LIFE) == false);
}

static void seeds(fuzz_give *give, void *arg)
{
	static const uint8_t uses[KINDS + 1] = {USE_MAP,   USE_MAP,     USE_MAP,     USE_MUTEX, USE_SEM,
	                                           USE_EVENT, USE_CHANNEL, USE_CHANNEL, 127};
	static const uint32_t fields[] = {
	    offsetof(struct moor_abi_header, data_offset), offsetof(struct moor_abi_header, data_size),
	    offsetof(struct moor_abi_header, total_size), offsetof(struct moor_abi_header, slots_offset),
	    offsetof(struct moor_abi_header, committed)};
	struct fuzz_output out;

	for (unsigned kind = 0; kind <= KINDS; kind++) {
		out.len = 0;
		fuzz_put(&out, kind, 1);
		fuzz_put(&out, 0, 2);
		fuzz_put(&out, uses[kind] | LOOK, 1);
		for (unsigned i = 0; i < 40; i++)
			fuzz_put_set(&out, MOOR_ABI_SYNC_OFFSET, i * 0x1234567, 8);
		give(arg, out.bytes, out.len);
		for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++) {
			out.len = 0;
			fuzz_put(&out, kind, 1);
			fuzz_put(&out, 0, 1);
			fuzz_put(&out, 1, 1);
			fuzz_put_set(&out, fields[f], UINT64_MAX - 4095 * (f % 2), 8);
			fuzz_put(&out, uses[kind] | SLOT_IS_HELD, 1);
			give(arg, out.bytes, out.len);
		}
	}
}

const struct fuzz_target fuzz_object = {.name = "object", .longest = 1024, .one = one, .seeds = seeds};
