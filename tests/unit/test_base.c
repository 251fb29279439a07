/* SPDX-License-Identifier: Apache-2.0 */
/* test_base.c - errors, versions, names, options, arithmetic, slot words and headers, each at its boundaries. */
#include "base/checked.h"
#include "base/copy.h"
#include "base/name.h"
#include "base/opts.h"
#include "base/slot_word.h"
#include "map/header.h"
#include "tests/lib/testing.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The numbers as the contract gives them: written out here, since they must never follow a change of the header. */
static const struct {
	int number;
	const char *name;
} contract[] = {
    {0, "MOOR_OK"},
    {-1, "MOOR_EAGAIN"},
    {-2, "MOOR_ETIMEDOUT"},
    {-3, "MOOR_EINVAL"},
    {-4, "MOOR_ENOMEM"},
    {-5, "MOOR_ENOENT"},
    {-6, "MOOR_EEXIST"},
    {-7, "MOOR_EACCES"},
    {-8, "MOOR_EBUSY"},
    {-9, "MOOR_EMSGSIZE"},
    {-10, "MOOR_ENOSPC"},
    {-11, "MOOR_ENOTSUP"},
    {-12, "MOOR_EKIND"},
    {-13, "MOOR_EVERSION"},
    {-14, "MOOR_EFORMAT"},
    {-15, "MOOR_ECORRUPT"},
    {-16, "MOOR_ECLOSED"},
    {-17, "MOOR_EPEERDEAD"},
    {-18, "MOOR_ENOTOWNER"},
    {-19, "MOOR_EOVERFLOW"},
    {-20, "MOOR_ERANGE"},
    {-21, "MOOR_EFORK"},
    {-22, "MOOR_ENAME"},
    {-23, "MOOR_EINTR"},
    {-24, "MOOR_EMFILE"},
    {-25, "MOOR_ENFILE"},
    {-26, "MOOR_EMISMATCH"},
    {-27, "MOOR_ESLOTS"},
    {-99, "MOOR_ESYS"},
};

START_TEST(test_errors_have_the_numbers_of_the_contract)
{
	for (size_t i = 0; i < sizeof contract / sizeof contract[0]; i++)
		ck_assert_str_eq(moor_err_name(contract[i].number), contract[i].name);
	ck_assert_int_eq(MOOR_CREATED, 1);
	ck_assert_int_eq(MOOR_ABANDONED, 2);
	ck_assert_int_eq(MOOR_READY, 3);
	ck_assert_int_eq(MOOR_ENOENT, -5);
	ck_assert_int_eq(MOOR_ESYS, -99);
	ck_assert(MOOR_NOWAIT == 0 && sizeof MOOR_NOWAIT == 8);
	ck_assert(MOOR_FOREVER == -1 && sizeof MOOR_FOREVER == 8);
	ck_assert_uint_eq(MOOR_ANY_OWNER, 0x100u);
}
END_TEST

START_TEST(test_errors_each_has_a_sentence_of_its_own)
{
	for (size_t i = 0; i < sizeof contract / sizeof contract[0]; i++) {
		const char *text = moor_strerror(contract[i].number);

		ck_assert_ptr_nonnull(text);
		ck_assert_uint_gt(strlen(text), 4);
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(text, moor_strerror(contract[j].number));
	}
}
END_TEST

START_TEST(test_errors_unknown_numbers_are_named_so)
{
	static const int unknown[] = {4, -28, -98, -100, 99, INT_MAX, INT_MIN};

	for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
		ck_assert_ptr_nonnull(moor_strerror(unknown[i]));
		ck_assert_ptr_nonnull(moor_err_name(unknown[i]));
		ck_assert_str_eq(moor_strerror(unknown[i]), moor_strerror(-12345));
		ck_assert_str_eq(moor_err_name(unknown[i]), moor_err_name(-12345));
	}
	ck_assert_str_ne(moor_strerror(-28), moor_strerror(MOOR_ESYS));
}
END_TEST

START_TEST(test_versions)
{
	char text[64];

	snprintf(text, sizeof text, "%d.%d.%d", MOOR_VERSION_MAJOR, MOOR_VERSION_MINOR, MOOR_VERSION_PATCH);
	ck_assert_str_eq(moor_version_string(), text);
	ck_assert_str_eq(moor_version_string(), VERSION);
	ck_assert(moor_version_at_least(MOOR_VERSION_MAJOR, MOOR_VERSION_MINOR));
	ck_assert(moor_version_at_least(0, 0));
	ck_assert(moor_version_at_least(0, 1));
	ck_assert(!moor_version_at_least(MOOR_VERSION_MAJOR, MOOR_VERSION_MINOR + 1));
	ck_assert(!moor_version_at_least(MOOR_VERSION_MAJOR + 1, 0));
	ck_assert(!moor_version_at_least(UINT_MAX, 0));
	ck_assert_uint_eq(moor_abi_version(), MOOR_ABI_VERSION);
}
END_TEST

static void name_is(const char *text, enum moor__scope scope, const char *rest)
{
	struct moor__name name;

	t_assert_err(moor__name_parse(text, &name), 0);
	ck_assert_int_eq(name.scope, scope);
	ck_assert_str_eq(name.rest, rest);
}

static void name_is_not(const char *text, int expected)
{
	struct moor__name name, before;

	memset(&name, 0x5a, sizeof name);
	before = name;
	t_assert_err(moor__name_parse(text, &name), expected);
	ck_assert_mem_eq(&name, &before, sizeof name);
}

/* As `openssl mac -macopt hexkey:(32 zeros) -macopt size:16 siphash` has them. */
START_TEST(test_names_digests)
{
	static const struct {
		const char *name;
		uint8_t digest[MOOR__NAME_DIGEST];
	} known[] = {
	    {"m", "\xb8\xea\x2a\x02\xfb\xa5\xb8\x3d\xe4\x3a\x2d\x9b\x0d\xed\xaa\xd9"},
	    {"Global\\a", "\x7a\x3b\x8d\x12\x66\x27\xbb\xd2\xc3\x2a\xcd\x5f\x8e\xc2\x16\xbf"},
	    {"Local\\12", "\xa2\xf3\x69\x26\x1e\x11\x06\x70\xd5\x79\xfb\x55\xf1\x74\x3a\x17"},
	};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		uint8_t digest[MOOR__NAME_DIGEST];
		struct moor__name name;

		t_assert_err(moor__name_parse(known[i].name, &name), 0);
		moor__name_digest(&name, digest);
		ck_assert_mem_eq(digest, known[i].digest, sizeof digest);
	}
}
END_TEST

START_TEST(test_names_prefixes)
{
	name_is("x", MOOR__LOCAL, "x");
	name_is("Local\\x", MOOR__LOCAL, "x");
	name_is("Global\\x", MOOR__GLOBAL, "x");
	name_is("Local", MOOR__LOCAL, "Local");
	name_is("Global", MOOR__LOCAL, "Global");
	name_is("Global\\Local", MOOR__GLOBAL, "Local");
	name_is("GlobalX", MOOR__LOCAL, "GlobalX");
}
END_TEST

START_TEST(test_M5_name_null_or_empty)
{
	name_is_not(NULL, MOOR_EINVAL);
	name_is_not("", MOOR_ENAME);
	name_is_not("Local\\", MOOR_ENAME);
	name_is_not("Global\\", MOOR_ENAME);
}
END_TEST

START_TEST(test_M7_any_byte_but_three)
{
	char text[2] = {0};

	for (int byte = 1; byte < 256; byte++) {
		text[0] = (char)byte;
		if (byte == '\\' || byte == '/')
			name_is_not(text, MOOR_ENAME);
		else
			name_is(text, MOOR__LOCAL, text);
	}
	name_is(".", MOOR__LOCAL, ".");
	name_is("Global\\..", MOOR__GLOBAL, "..");
	name_is("-rf", MOOR__LOCAL, "-rf");
	name_is(" \t ", MOOR__LOCAL, " \t ");
	name_is("b\xc3\xbcrcken", MOOR__LOCAL, "b\xc3\xbcrcken");
}
END_TEST

START_TEST(test_M8_length)
{
	static const char *const prefixes[] = {"", "Local\\", "Global\\"};
	char text[16 + MOOR_NAME_MAX + 2];

	for (size_t i = 0; i < 3; i++) {
		const size_t len = strlen(prefixes[i]);

		strcpy(text, prefixes[i]);
		memset(text + len, 'n', MOOR_NAME_MAX + 1);
		text[len + MOOR_NAME_MAX] = '\0';
		name_is(text, i == 2 ? MOOR__GLOBAL : MOOR__LOCAL, text + len);
		text[len + MOOR_NAME_MAX] = 'n';
		text[len + MOOR_NAME_MAX + 1] = '\0';
		name_is_not(text, MOOR_ENAME);
	}
}
END_TEST

START_TEST(test_M9_separators)
{
	static const char *const bad[] = {
	    "a/b",           "a\\b",           "/",           "\\",          "Session\\x",       "Session\\1\\x",
	    "local\\x",      "GLOBAL\\x",      "/../escaped", "../escaped",  "Local\\../escaped", "Global\\/../escaped",
	    "Local\\Local\\x", "Global\\Local\\x", "Local\\x\\",  "Global\\x/",  "Local/x",          "\\Local\\x",
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		name_is_not(bad[i], MOOR_ENAME);
}
END_TEST

/* What the library of the day knows, and what newer and older callers pass. */
struct known {
	uint32_t struct_size, flags;
	uint64_t more;
};

/* As the library is called: the compiler does not see how long the caller's struct is. */
static int copy_opts(struct known *known, const void *given)
{
	const void *volatile hidden = given;

	return moor__opts_copy(known, sizeof *known, hidden);
}

START_TEST(test_opts_null_is_defaults)
{
	struct known known;

	memset(&known, 0x5a, sizeof known);
	t_assert_err(copy_opts(&known, NULL), 0);
	ck_assert_uint_eq(known.flags, 0);
	ck_assert_uint_eq(known.more, 0);
}
END_TEST

START_TEST(test_opts_shorter_struct_reads_as_zero)
{
	struct known given = {.struct_size = 8, .flags = 7, .more = 77}; /* what lies behind it is not its own */
	struct known known;

	memset(&known, 0x5a, sizeof known);
	t_assert_err(copy_opts(&known, &given), 0);
	ck_assert_uint_eq(known.flags, 7);
	ck_assert_uint_eq(known.more, 0);
	given.struct_size = 4;
	t_assert_err(copy_opts(&known, &given), 0);
	ck_assert_uint_eq(known.flags, 0);
	/* A size that ends in the middle of a member gives the bytes there are. */
	given.struct_size = 5;
	t_assert_err(copy_opts(&known, &given), 0);
}
END_TEST

START_TEST(test_opts_size_below_four)
{
	struct known given = {0}, known;

	for (uint32_t size = 0; size < 4; size++) {
		given.struct_size = size;
		t_assert_err(copy_opts(&known, &given), MOOR_EINVAL);
	}
}
END_TEST

START_TEST(test_opts_longer_struct)
{
	struct {
		struct known known;
		unsigned char tail[8];
	} given = {.known = {.struct_size = sizeof given, .flags = 3, .more = 9}};
	struct known known;

	t_assert_err(copy_opts(&known, &given), 0);
	ck_assert_uint_eq(known.flags, 3);
	ck_assert_uint_eq(known.more, 9);
	for (size_t i = 0; i < sizeof given.tail; i++) {
		given.tail[i] = 1;
		t_assert_err(copy_opts(&known, &given), MOOR_EINVAL);
		given.tail[i] = 0;
	}
}
END_TEST

START_TEST(test_opts_init)
{
	struct moor_map_opts map;
	struct moor_channel_opts channel;
	struct moor_ring_opts ring;
	unsigned char small[4] = {1, 1, 1, 1};

	memset(&map, 0x5a, sizeof map);
	moor_map_opts_init(&map, sizeof map);
	ck_assert_uint_eq(map.struct_size, sizeof map);
	ck_assert(map.flags == 0 && map.access == 0 && map.mode == 0 && !map.acl);
	memset(&channel, 0x5a, sizeof channel);
	moor_channel_opts_init(&channel, sizeof channel);
	ck_assert_uint_eq(channel.struct_size, sizeof channel);
	ck_assert(channel.flags == 0 && channel.capacity == 0 && channel.app_tag == 0);
	memset(&ring, 0x5a, sizeof ring);
	moor_ring_opts_init(&ring, sizeof ring);
	ck_assert_uint_eq(ring.struct_size, sizeof ring);
	ck_assert(!ring.is_alive && !ring.arg);
	moor_map_opts_init(NULL, sizeof map);
	moor_map_opts_init((struct moor_map_opts *)(void *)small, 3); /* too small to say anything: left alone */
	ck_assert_uint_eq(small[0], 1);
	moor_map_opts_init((struct moor_map_opts *)(void *)small, 4);
	ck_assert_uint_eq(small[0], 4);
}
END_TEST

START_TEST(test_info_copy)
{
	const struct known known = {.struct_size = 99, .flags = 3, .more = 9};
	struct {
		struct known known;
		uint64_t newer;
	} info = {.known = {.struct_size = sizeof info}, .newer = 5};

	t_assert_err(moor__info_copy(&info, &known, sizeof known), 0);
	ck_assert_uint_eq(info.known.struct_size, sizeof info); /* stays the caller's */
	ck_assert_uint_eq(info.known.flags, 3);
	ck_assert_uint_eq(info.known.more, 9);
	ck_assert_uint_eq(info.newer, 0); /* what it knows and we do not */
	info.known = (struct known){.struct_size = 8, .more = 77};
	t_assert_err(moor__info_copy(&info, &known, sizeof known), 0);
	ck_assert_uint_eq(info.known.flags, 3);
	ck_assert_uint_eq(info.known.more, 77); /* beyond what it knows nothing is written */
	info.known = (struct known){.struct_size = 4, .flags = 6};
	t_assert_err(moor__info_copy(&info, &known, sizeof known), 0);
	ck_assert_uint_eq(info.known.flags, 6);
	info.known.struct_size = 3;
	t_assert_err(moor__info_copy(&info, &known, sizeof known), MOOR_EINVAL);
	ck_assert_uint_eq(info.known.flags, 6);
}
END_TEST

START_TEST(test_checked_arithmetic)
{
	uint64_t sum = 5;
	size_t size_sum = 5;

	ck_assert(moor__add_u64(UINT64_MAX, 0, &sum));
	ck_assert_uint_eq(sum, UINT64_MAX);
	ck_assert(!moor__add_u64(UINT64_MAX, 1, &sum));
	ck_assert(moor__add_u64((uint64_t)1 << 63, ((uint64_t)1 << 63) - 1, &sum));
	ck_assert_uint_eq(sum, UINT64_MAX);
	ck_assert(!moor__add_u64((uint64_t)1 << 63, (uint64_t)1 << 63, &sum));
	ck_assert(moor__add_size(SIZE_MAX - 1, 1, &size_sum));
	ck_assert_uint_eq(size_sum, SIZE_MAX);
	ck_assert(!moor__add_size(SIZE_MAX, 1, &size_sum));
	ck_assert(moor__fits_size(SIZE_MAX));
	ck_assert(moor__fits_size(UINT64_MAX) == (sizeof(size_t) == 8));
	ck_assert_uint_eq(moor__round_up(0, 64), 0);
	ck_assert_uint_eq(moor__round_up(1, 64), 64);
	ck_assert_uint_eq(moor__round_up(64, 64), 64);
	ck_assert_uint_eq(moor__round_up(65, 64), 128);
}
END_TEST

/* Short lengths all, long ones some, at each alignment of either side: the bytes asked for, and none beside them. */
START_TEST(test_copy_every_length_and_alignment)
{
	enum { MARGIN = 64, LONGEST = 3 * 2048 + 200 };
	static unsigned char from[MARGIN + LONGEST + MARGIN], to[MARGIN + LONGEST + MARGIN];

	for (size_t i = 0; i < sizeof from; i++)
		from[i] = (unsigned char)(i * 7 + i / 251);
	for (size_t len = 0; len <= LONGEST; len += len < 300 ? 1 : 61) {
		const size_t f = len % MARGIN, t = MARGIN + (len * 5 + 8) % MARGIN - MARGIN / 2;

		memset(to, 0xee, sizeof to);
		moor__copy(to + t, from + f, len);
		t_assert(memcmp(to + t, from + f, len) == 0);
		for (size_t i = 0; i < sizeof to; i++)
			if ((i < t || i >= t + len) && to[i] != 0xee)
				ck_abort_msg("length %zu: byte %zu was written", len, i);
	}
}
END_TEST

START_TEST(test_slot_word_counts_every_end_once)
{
	uint64_t life = 0;

	life = moor__life_after_attach(life);
	ck_assert(moor__life_attached(life) && !moor__life_last_died(life));
	ck_assert_uint_eq(moor__life_ended(life), 0);
	life = moor__life_after_close(life);
	ck_assert(!moor__life_attached(life) && !moor__life_last_died(life));
	ck_assert_uint_eq(moor__life_closed(life), 1);
	/* A death is counted by whoever finds it, a second look finds nothing to count. */
	life = moor__life_after_death(moor__life_after_attach(life));
	ck_assert(!moor__life_attached(life) && moor__life_last_died(life));
	ck_assert_uint_eq(moor__life_died(life), 1);
	ck_assert_uint_eq(moor__life_after_death(life), life);
	/* The newcomer after one that was not looked at counts it as it enters. */
	life = moor__life_after_attach(moor__life_after_attach(life));
	ck_assert(moor__life_attached(life) && moor__life_last_died(life));
	ck_assert_uint_eq(moor__life_died(life), 2);
	life = moor__life_after_close(life);
	ck_assert(!moor__life_last_died(life));
	ck_assert_uint_eq(moor__life_closed(life), 2);
	ck_assert_uint_eq(moor__life_died(life), 2);
	ck_assert_uint_eq(moor__life_ended(life), 4);
}
END_TEST

START_TEST(test_slot_word_counts_wrap_apart)
{
	uint64_t life = moor__life_word(MOOR__LIFE_COUNT_MASK, 5, MOOR__LIFE_ATTACHED);

	ck_assert_uint_eq(moor__life_closed(life), MOOR__LIFE_COUNT_MASK);
	life = moor__life_after_close(life);
	ck_assert_uint_eq(moor__life_closed(life), 0);
	ck_assert_uint_eq(moor__life_died(life), 5); /* no carry into the neighbour */
	life = moor__life_after_death(moor__life_word(7, MOOR__LIFE_COUNT_MASK, MOOR__LIFE_ATTACHED));
	ck_assert_uint_eq(moor__life_died(life), 0);
	ck_assert_uint_eq(moor__life_closed(life), 7);
	/* As abi.h draws it: bit 0, bit 1, bits 2 to 32, bits 33 to 63. */
	ck_assert_uint_eq(moor__life_word(1, 0, 0), 4);
	ck_assert_uint_eq(moor__life_word(0, 1, 0), (uint64_t)1 << 33);
	ck_assert_uint_eq(MOOR__LIFE_ATTACHED, 1);
	ck_assert_uint_eq(MOOR__LIFE_LAST_DIED, 2);
}
END_TEST

#define TOTAL ((uint64_t)12288)

static struct moor_abi_header good_header(void)
{
	static const uint8_t instance[16] = {1, 2, 3};
	struct moor_abi_header header = moor__header_make(MOOR_OBJ_MAP, instance);

	header.total_size = TOTAL;
	header.data_offset = 4096;
	header.data_size = 8000;
	header.slots_offset = 256;
	header.slot_count = 240;
	header.slot_size = 16;
	return header;
}

/* One field changed: refused as expected, and only looked at. */
#define REFUSED(expected, change)                                                                                      \
	do {                                                                                                           \
		struct moor_abi_header h = good_header(), before;                                                      \
		change;                                                                                                \
		before = h;                                                                                            \
		t_assert_err(moor__header_check(&h, TOTAL), expected);                                                 \
		ck_assert_mem_eq(&h, &before, sizeof h);                                                               \
	} while (0)
#define ACCEPTED(change) REFUSED(0, change)

START_TEST(test_header_good)
{
	const struct moor_abi_header header = good_header();

	ck_assert_mem_eq(header.magic, "\211MOORING", 8);
	ck_assert_uint_eq(header.version, moor_abi_version());
	ck_assert_uint_eq(header.word_bits, 8 * sizeof(void *));
	ck_assert_uint_eq(header.instance[1], 2);
	t_assert_err(moor__header_check(&header, TOTAL), 0);
	t_assert_err(moor__header_check(&header, TOTAL + 1), 0);
	ACCEPTED(h.word_bits = 32); /* shows, decides nothing */
	ACCEPTED(h.word_bits = 64);
	ACCEPTED(h.compatible = UINT64_MAX); /* a feature that older libraries may ignore */
	ACCEPTED(h.version = MOOR_ABI_VERSION + 1); /* newer, but says that we can use it */
	ACCEPTED(h.version = UINT16_MAX);
	ACCEPTED(memset(h.reserved, 1, sizeof h.reserved));
	ACCEPTED(h.incompatible = MOOR_ABI_F_RESERVE);
	ACCEPTED((h.incompatible = MOOR_ABI_F_PRODUCER_ZEROES, h.kind = MOOR_OBJ_CHANNEL));
	ACCEPTED((h.incompatible = MOOR_ABI_F_FILE, h.data_offset = 0, h.total_size = 12288, h.data_size = UINT64_MAX));
}
END_TEST

START_TEST(test_header_not_ours)
{
	for (size_t i = 0; i < 8; i++)
		REFUSED(MOOR_EFORMAT, h.magic[i] ^= 1);
	REFUSED(MOOR_EFORMAT, memset(&h, 0, sizeof h));
	REFUSED(MOOR_EFORMAT, memset(&h, 0xff, sizeof h));
	REFUSED(MOOR_EFORMAT, h.header_size = 255);
	REFUSED(MOOR_EFORMAT, h.header_size = 257);
	REFUSED(MOOR_EFORMAT, h.header_size = 0);
	REFUSED(MOOR_EFORMAT, h.state = 0);
	REFUSED(MOOR_EFORMAT, h.state = 2);
	REFUSED(MOOR_EFORMAT, h.kind = 0);
	REFUSED(MOOR_EFORMAT, h.kind = MOOR_OBJ_CHANNEL + 1);
	REFUSED(MOOR_EFORMAT, h.kind = UINT32_MAX);
	/* What only a map has. */
	REFUSED(MOOR_EFORMAT, (h.incompatible = MOOR_ABI_F_RESERVE, h.kind = MOOR_OBJ_CHANNEL));
	REFUSED(MOOR_EFORMAT, (h.incompatible = MOOR_ABI_F_FILE, h.kind = MOOR_OBJ_MUTEX));
	REFUSED(MOOR_EFORMAT, (h.incompatible = MOOR_ABI_F_FILE, h.total_size = 12288));
	REFUSED(MOOR_EFORMAT, (h.incompatible = MOOR_ABI_F_FILE, h.data_offset = 0, h.total_size = 8192));
}
END_TEST

START_TEST(test_header_areas_outside)
{
	REFUSED(MOOR_EFORMAT, h.total_size = TOTAL + 1);
	REFUSED(MOOR_EFORMAT, h.total_size = UINT64_MAX);
	REFUSED(MOOR_EFORMAT, h.total_size = 0);
	REFUSED(MOOR_EFORMAT, h.data_offset = 0);
	REFUSED(MOOR_EFORMAT, h.data_offset = 255);
	REFUSED(MOOR_EFORMAT, h.data_offset = TOTAL + 1);
	REFUSED(MOOR_EFORMAT, h.data_offset = UINT64_MAX);
	REFUSED(MOOR_EFORMAT, h.data_size = TOTAL - 4096 + 1);
	REFUSED(MOOR_EFORMAT, h.data_size = UINT64_MAX);
	REFUSED(MOOR_EFORMAT, h.data_size = UINT64_MAX - 4096 + 1); /* the sum wraps to 0 */
	REFUSED(MOOR_EFORMAT, h.slots_offset = 0);
	REFUSED(MOOR_EFORMAT, h.slots_offset = 255);
	REFUSED(MOOR_EFORMAT, h.slots_offset = TOTAL);
	REFUSED(MOOR_EFORMAT, h.slots_offset = UINT64_MAX);
	REFUSED(MOOR_EFORMAT, h.slot_count = UINT32_MAX);
	REFUSED(MOOR_EFORMAT, (h.slot_count = UINT32_MAX, h.slot_size = 0)); /* a looker would ask for each of them */
	REFUSED(MOOR_EFORMAT, h.slot_size = 15);
	REFUSED(MOOR_EFORMAT, h.slot_size = UINT32_MAX);
	REFUSED(MOOR_EFORMAT, h.slot_count = UINT32_MAX; h.slot_size = UINT32_MAX);
	REFUSED(MOOR_EFORMAT, h.slot_count = 1u << 31; h.slot_size = 1u << 31; h.slots_offset = UINT64_MAX - 100);
	ACCEPTED(h.data_size = TOTAL - 4096);
	ACCEPTED(h.slot_count = 0);
}
END_TEST

START_TEST(test_header_truncated)
{
	const struct moor_abi_header header = good_header();

	for (uint64_t available = 0; available < sizeof header; available++)
		t_assert_err(moor__header_check(&header, available), MOOR_EFORMAT);
	t_assert_err(moor__header_check(&header, sizeof header), MOOR_EFORMAT);
	t_assert_err(moor__header_check(&header, TOTAL - 1), MOOR_EFORMAT);
}
END_TEST

static void swap_bytes(void *at, size_t len)
{
	unsigned char *bytes = at;

	for (size_t i = 0; i < len / 2; i++) {
		const unsigned char byte = bytes[i];

		bytes[i] = bytes[len - 1 - i];
		bytes[len - 1 - i] = byte;
	}
}

/* The whole header as a machine of the other byte order would have written it. */
static void swap_header(struct moor_abi_header *h)
{
#define SWAP(field) swap_bytes(&h->field, sizeof h->field)
	SWAP(byte_order);
	SWAP(version);
	SWAP(least);
	SWAP(header_size);
	SWAP(word_bits);
	SWAP(fingerprint);
	SWAP(kind);
	SWAP(compatible);
	SWAP(incompatible);
	SWAP(total_size);
	SWAP(data_offset);
	SWAP(data_size);
	SWAP(slots_offset);
	SWAP(slot_count);
	SWAP(slot_size);
	SWAP(state);
#undef SWAP
}

START_TEST(test_B2_other_byte_order)
{
	REFUSED(MOOR_EFORMAT, swap_header(&h));
	REFUSED(MOOR_EFORMAT, h.byte_order = 0x04030201u);
	REFUSED(MOOR_EFORMAT, h.byte_order = 0);
}
END_TEST

START_TEST(test_B3_newer_or_older_version)
{
	REFUSED(MOOR_EVERSION, h.version = MOOR_ABI_LEAST - 1);
	REFUSED(MOOR_EVERSION, h.version = MOOR_ABI_VERSION + 1; h.least = MOOR_ABI_VERSION + 1);
	REFUSED(MOOR_EVERSION, h.least = MOOR_ABI_VERSION + 1);
	REFUSED(MOOR_EVERSION, h.version = UINT16_MAX; h.least = UINT16_MAX);
	REFUSED(MOOR_EVERSION, h.fingerprint ^= 1);
	REFUSED(MOOR_EVERSION, h.fingerprint = 0);
	for (unsigned bit = 0; bit < 64; bit++)
		if (!((uint64_t)MOOR_ABI_F_KNOWN >> bit & 1))
			REFUSED(MOOR_EVERSION, h.incompatible |= (uint64_t)1 << bit);
	/* A newer one may have moved everything else: the version is what is answered. */
	REFUSED(MOOR_EVERSION, h.version = 2; h.least = 2; h.header_size = 512; h.kind = 77; h.total_size = 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("base");
	TCase *tc = tcase_create("base");

	tcase_add_test(tc, test_errors_have_the_numbers_of_the_contract);
	tcase_add_test(tc, test_errors_each_has_a_sentence_of_its_own);
	tcase_add_test(tc, test_errors_unknown_numbers_are_named_so);
	tcase_add_test(tc, test_versions);
	tcase_add_test(tc, test_names_digests);
	tcase_add_test(tc, test_names_prefixes);
	tcase_add_test(tc, test_M5_name_null_or_empty);
	tcase_add_test(tc, test_M7_any_byte_but_three);
	tcase_add_test(tc, test_M8_length);
	tcase_add_test(tc, test_M9_separators);
	tcase_add_test(tc, test_opts_null_is_defaults);
	tcase_add_test(tc, test_opts_shorter_struct_reads_as_zero);
	tcase_add_test(tc, test_opts_size_below_four);
	tcase_add_test(tc, test_opts_longer_struct);
	tcase_add_test(tc, test_opts_init);
	tcase_add_test(tc, test_info_copy);
	tcase_add_test(tc, test_checked_arithmetic);
	tcase_add_test(tc, test_copy_every_length_and_alignment);
	tcase_add_test(tc, test_slot_word_counts_every_end_once);
	tcase_add_test(tc, test_slot_word_counts_wrap_apart);
	tcase_add_test(tc, test_header_good);
	tcase_add_test(tc, test_header_not_ours);
	tcase_add_test(tc, test_header_areas_outside);
	tcase_add_test(tc, test_header_truncated);
	tcase_add_test(tc, test_B2_other_byte_order);
	tcase_add_test(tc, test_B3_newer_or_older_version);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
