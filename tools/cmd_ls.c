/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_ls.c - mooring ls: what names live, and who holds them. */
#include "text.h"
#include "tool.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct listing {
	bool json, any;
};

static int print_entry(const struct moor_name_info *info, void *arg)
{
	struct listing *listing = arg;
	struct moor_channel_info channel = {.struct_size = sizeof channel};
	const bool is_channel = info->kind == MOOR_OBJ_CHANNEL && moor_channel_stat(info->name, &channel) == 0;
	const int percent = is_channel ? (int)((double)channel.occupied * 100 / (double)channel.capacity + 0.5) : 0;

	if (listing->json) {
		printf("%s\n{\"name\":", listing->any ? "," : "");
		print_text(info->name, true);
		printf(",\"kind\":\"%s\"", kind_text(info->kind));
		if (has_size(info->kind))
			printf(",\"size\":%" PRIu64, info->size);
		printf(",\"uid\":%" PRIu32 ",\"mode\":\"%04" PRIo32 "\"", info->uid, info->mode);
		if (is_channel)
			printf(",\"occupied\":%" PRIu64 ",\"used\":%" PRIu64 ",\"sent\":%" PRIu64 ",\"received\":%" PRIu64,
			       channel.occupied, channel.used, channel.sent_messages, channel.received_messages);
		printf(",\"holders\":");
		print_holders(info->name, true);
		putchar('}');
	} else {
		if (!listing->any)
			printf("%-32s %-9s %9s  %4s  %s\n", "NAME", "KIND", "SIZE", "FILL", "HELD BY");
		for (int width = print_text(info->name, false); width < 32; width++)
			putchar(' ');
		printf(" %-9s ", kind_text(info->kind));
		if (has_size(info->kind))
			print_size(info->size);
		else
			printf("%9s ", "-");
		if (is_channel)
			printf(" %3d%%  ", percent);
		else
			printf("    -  ");
		print_holders(info->name, false);
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
			return print_usage(&cmd_ls);
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
	return finish_output();
}

const struct command cmd_ls = {
    .name = "ls",
    .synopsis = "ls [--json]",
    .summary = "Lists the live names that you may read: kind, size, how full a channel is, who holds them.\n"
               "  --json  the same for programs; in a name that is not UTF-8, each such byte as the code of its number",
    .run = run,
};
