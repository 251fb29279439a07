/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_ls.c - mooring ls: what names live, and who holds them. */
#include "tool.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *kind_text(uint32_t kind)
{
	static const char *const texts[] = {"?", "map", "mutex", "semaphore", "event", "channel"};

	return texts[kind <= MOOR_OBJ_CHANNEL ? kind : 0];
}

static const char *role_text(uint32_t role)
{
	return role == MOOR_ROLE_CONSUMER ? "receiver" : role == MOOR_ROLE_PRODUCER ? "sender" : "holder";
}

/* Names are any bytes: what a terminal or a JSON reader would take for something else is written as a code. */
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

static int print_name(const char *name, bool json)
{
	const bool utf8 = is_utf8(name);
	int width = 0;

	for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
		if (json && (*c == '"' || *c == '\\'))
			width += printf("\\%c", *c);
		else if (*c < 0x20 || *c == 0x7f || (*c >= 0x80 && !utf8))
			width += json ? printf("\\u%04x", *c) : printf("\\x%02x", *c);
		else
			width += putchar(*c) != EOF;
	}
	return width;
}

static void print_size(uint64_t bytes)
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

struct listing {
	bool json, any;
};

static int print_entry(const struct moor_name_info *info, void *arg)
{
	struct listing *listing = arg;
	struct holders holders = {.json = listing->json};
	struct moor_channel_info channel = {.struct_size = sizeof channel};
	const bool is_channel = info->kind == MOOR_OBJ_CHANNEL && moor_channel_stat(info->name, &channel) == 0;
	const int percent = is_channel ? (int)((double)channel.occupied * 100 / (double)channel.capacity + 0.5) : 0;

	if (listing->json) {
		printf("%s\n{\"name\":\"", listing->any ? "," : "");
		print_name(info->name, true);
		printf("\",\"kind\":\"%s\",\"size\":%" PRIu64 ",\"uid\":%" PRIu32 ",\"mode\":\"%04" PRIo32 "\"",
		       kind_text(info->kind), info->size, info->uid, info->mode);
		if (is_channel)
			printf(",\"occupied\":%" PRIu64 ",\"used\":%" PRIu64 ",\"sent\":%" PRIu64 ",\"received\":%" PRIu64,
			       channel.occupied, channel.used, channel.sent_messages, channel.received_messages);
		printf(",\"holders\":[");
		(void)moor_participants(info->name, print_holder, &holders);
		printf("]}");
	} else {
		if (!listing->any)
			printf("%-32s %-9s %9s  %4s  %s\n", "NAME", "KIND", "SIZE", "FILL", "HELD BY");
		for (int width = print_name(info->name, false); width < 32; width++)
			putchar(' ');
		printf(" %-9s ", kind_text(info->kind));
		print_size(info->size);
		if (is_channel)
			printf(" %3d%%  ", percent);
		else
			printf("    -  ");
		(void)moor_participants(info->name, print_holder, &holders);
		putchar('\n');
	}
	listing->any = true;
	return 0;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
	    {"json", no_argument, NULL, 1}, {"help", no_argument, NULL, 2}, {0}};
	struct listing listing = {0};
	int option, err;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 1) {
			listing.json = true;
		} else if (option == 2) {
			print_usage(&cmd_ls);
			return EXIT_WELL;
		} else {
			return usage_error(&cmd_ls, "'mooring ls --help' explains the options");
		}
	}
	if (optind != argc)
		return usage_error(&cmd_ls, "ls takes no name");
	if (listing.json)
		putchar('[');
	err = moor_enumerate(print_entry, &listing);
	if (listing.json)
		printf("%s]\n", listing.any ? "\n" : "");
	if (err)
		return fail(err, "cannot list the names in", getenv("MOORING_DIR") ? getenv("MOORING_DIR") : "/dev/shm");
	if (fflush(stdout) != 0) {
		complain("cannot write to standard output");
		return EXIT_ERROR;
	}
	return EXIT_WELL;
}

const struct command cmd_ls = {
    .name = "ls",
    .synopsis = "ls [--json]",
    .summary = "Lists the live names that you may read: kind, size, how full a channel is, who holds them.\n"
               "  --json  the same for programs; in a name that is not UTF-8, each such byte as the code of its number",
    .run = run,
};
