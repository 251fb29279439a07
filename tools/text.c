/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *kind_text(uint32_t kind)
{
	static const char *const texts[] = {"?", "map", "mutex", "semaphore", "event", "channel"};

	return texts[kind <= MOOR_OBJ_CHANNEL ? kind : 0];
}

bool has_size(uint32_t kind)
{
	return kind == MOOR_OBJ_MAP || kind == MOOR_OBJ_CHANNEL;
}

static const char *role_text(uint32_t role)
{
	return role == MOOR_ROLE_CONSUMER ? "receiver" : role == MOOR_ROLE_PRODUCER ? "sender" : "holder";
}

/* How many bytes follow the first one of a character; -1: none begins so. */
static int utf8_more(unsigned char first)
{
	if (first < 0x80)
		return 0;
	if (first >= 0xc2 && first < 0xe0)
		return 1;
	if (first >= 0xe0 && first < 0xf0)
		return 2;
	return first >= 0xf0 && first < 0xf5 ? 3 : -1;
}

static bool is_utf8(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c;) {
		const unsigned char first = *c++;
		const int more = utf8_more(first);

		/* Neither longer than need be, nor a surrogate, nor beyond the last one. */
		if (more < 0 || (first == 0xe0 && *c < 0xa0) || (first == 0xed && *c > 0x9f) ||
		    (first == 0xf0 && *c < 0x90) || (first == 0xf4 && *c > 0x8f))
			return false;
		for (int i = 0; i < more; i++)
			if ((*c++ & 0xc0) != 0x80)
				return false;
	}
	return true;
}

int print_text(const char *text, bool json)
{
	const bool utf8 = is_utf8(text);
	int width = 0;

	if (json)
		width += putchar('"') != EOF;
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (json && (*c == '"' || *c == '\\'))
			width += printf("\\%c", *c);
		else if (*c < 0x20 || *c == 0x7f || (*c >= 0x80 && !utf8))
			width += json ? printf("\\u%04x", *c) : printf("\\x%02x", *c);
		else
			width += putchar(*c) != EOF;
	}
	if (json)
		width += putchar('"') != EOF;
	return width;
}

void print_size(uint64_t bytes)
{
	static const char units[] = " KMGTPE";
	unsigned unit = 0;
	double value = (double)bytes;

	for (; value >= 1024 && unit < sizeof units - 2; unit++)
		value /= 1024;
	if (unit)
		printf("%8.1f%c ", value, units[unit]);
	else
		printf("%9" PRIu64 " ", bytes);
}

struct holders {
	bool json, any;
};

static int print_holder(const struct moor_participant_info *info, void *arg)
{
	struct holders *holders = arg;

	if (holders->json)
		printf("%s{\"pid\":%" PRIu32 ",\"role\":\"%s\"}", holders->any ? "," : "", info->pid, role_text(info->role));
	else
		printf("%s%" PRIu32 " %s", holders->any ? ", " : "", info->pid, role_text(info->role));
	holders->any = true;
	return 0;
}

void print_holders(const char *name, bool json)
{
	struct holders holders = {.json = json};

	if (json)
		putchar('[');
	(void)moor_participants(name, print_holder, &holders);
	if (json)
		putchar(']');
}

struct full_name full_name(const char *name)
{
	const bool has_prefix = strchr(name, '\\') != NULL;
	struct full_name full;

	snprintf(full.text, sizeof full.text, "%s%s", has_prefix ? "" : "Local\\", name);
	return full;
}

struct wanted {
	struct full_name name;
	struct moor_name_info info;
};

static int compare_name(const struct moor_name_info *info, void *arg)
{
	struct wanted *wanted = arg;

	if (strcmp(info->name, wanted->name.text) != 0)
		return 0;
	wanted->info = *info;
	wanted->info.name = NULL; /* valid during the call only */
	return 1;
}

bool look_up(const char *name, struct moor_name_info *ret_info)
{
	struct wanted wanted = {.name = full_name(name)};

	if (moor_enumerate(compare_name, &wanted) != 1)
		return false;
	*ret_info = wanted.info;
	return true;
}
