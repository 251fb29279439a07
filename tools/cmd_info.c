/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_info.c - mooring info: all that can be told about one name, without taking part in it. */
#include "options.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>

#define ACL_ROOM 16384

/* What only a map can tell. */
struct map_facts {
	bool known;
	uint64_t committed;
	char acl[ACL_ROOM]; /* empty: none, or not supported */
};

/* A look: the map is held for as long as it takes, and by a handle that may read only. */
static int look_at_map(const char *name, struct map_facts *facts)
{
	moor_map *map = NULL;
	const int err = moor_map_open(name, &MOOR_MAP_OPTS(.access = MOOR_READ), &map);
	size_t len;

	if (err < 0)
		return err;
	facts->known = true;
	facts->committed = moor_map_committed(map);
	if (moor_map_get_acl(map, facts->acl, sizeof facts->acl, &len) != 0)
		facts->acl[0] = '\0';
	moor_map_close(map);
	return 0;
}

static const char *ring_text(uint32_t kind)
{
	return kind == MOOR_MPSC ? "many producers" : "one producer";
}

static void print_channel(const struct moor_channel_info *info, bool json)
{
	const struct {
		const char *name, *text;
		uint64_t value;
	} rows[] = {{"occupied", "bytes taken", info->occupied},
	            {"used", "bytes waiting", info->used},
	            {"max_message", "longest message", info->max_message},
	            {"app_tag", "tag", info->app_tag},
	            {"sent", "messages sent", info->sent_messages},
	            {"sent_bytes", "bytes sent", info->sent_bytes},
	            {"received", "messages received", info->received_messages},
	            {"received_bytes", "bytes received", info->received_bytes},
	            {"waits", "sleeps", info->waits},
	            {"wakes", "wake-ups", info->wakes},
	            {"full", "times full", info->full},
	            {"skipped", "claims passed over", info->skipped},
	            {"recoveries", "roles taken over", info->recoveries},
	            {"attached", "senders ever", info->attached},
	            {"closed", "senders closed", info->closed},
	            {"died", "senders died", info->died},
	            {"senders", "senders now", info->producers},
	            {"receivers", "receivers now", info->consumers}};

	if (json)
		printf(",\"ring\":\"%s\"", ring_text(info->kind));
	else
		printf("%-18s %s\n", "ring", ring_text(info->kind));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (json)
			printf(",\"%s\":%" PRIu64, rows[i].name, rows[i].value);
		else
			printf("%-18s %" PRIu64 "\n", rows[i].text, rows[i].value);
	}
}

static void print_json(const struct full_name *name, const struct moor_name_info *info, const struct map_facts *facts,
                       const struct moor_channel_info *channel)
{
	printf("{\"name\":");
	print_text(name->text, true);
	printf(",\"kind\":\"%s\"", kind_text(info->kind));
	if (has_size(info->kind))
		printf(",\"size\":%" PRIu64, info->size);
	printf(",\"uid\":%" PRIu32 ",\"mode\":\"%04" PRIo32 "\"", info->uid, info->mode);
	if (facts->known)
		printf(",\"committed\":%" PRIu64, facts->committed);
	if (facts->acl[0]) {
		printf(",\"acl\":");
		print_text(facts->acl, true);
	}
	if (channel)
		print_channel(channel, true);
	printf(",\"holders\":");
	print_holders(name->text, true);
	printf("}\n");
}

static void print_lines(const struct full_name *name, const struct moor_name_info *info, const struct map_facts *facts,
                        const struct moor_channel_info *channel)
{
	printf("%-18s ", "name");
	print_text(name->text, false);
	printf("\n%-18s %s\n", "kind", kind_text(info->kind));
	if (has_size(info->kind))
		printf("%-18s %" PRIu64 "\n", "size", info->size);
	if (facts->known)
		printf("%-18s %" PRIu64 "\n", "committed", facts->committed);
	printf("%-18s %" PRIu32 "\n", "owner (uid)", info->uid);
	printf("%-18s %04" PRIo32 "\n", "mode", info->mode);
	if (facts->acl[0]) {
		printf("%-18s ", "acl");
		print_text(facts->acl, false);
		putchar('\n');
	}
	if (channel)
		print_channel(channel, false);
	printf("%-18s ", "held by");
	print_holders(name->text, false);
	putchar('\n');
}

static int run(int argc, char **argv)
{
	struct moor_channel_info channel = {.struct_size = sizeof channel};
	struct moor_name_info info;
	struct full_name name;
	struct map_facts facts = {0};
	struct options options;
	bool is_channel;
	int code, err;

	code = parse_options(&cmd_info, TAKES_JSON, 1, 1, argc, argv, &options);
	if (code != GO_ON)
		return code;
	/* The list has the names that may be read; any other is opened to learn why it is not there. */
	if (!look_up(options.args[0], &info)) {
		moor_hold *hold = NULL;

		err = moor_hold_open(options.args[0], &hold);
		moor_hold_close(hold);
		if (err || !look_up(options.args[0], &info))
			return fail(err ? err : MOOR_ENOENT, "cannot look at", options.args[0]);
	}
	name = full_name(options.args[0]);
	is_channel = info.kind == MOOR_OBJ_CHANNEL;
	err = is_channel ? moor_channel_stat(name.text, &channel) : 0;
	if (!err && info.kind == MOOR_OBJ_MAP)
		err = look_at_map(name.text, &facts);
	if (err)
		return fail(err, "cannot look at", options.args[0]);
	(options.json ? print_json : print_lines)(&name, &info, &facts, is_channel ? &channel : NULL);
	return finish_output();
}

const struct command cmd_info = {
    .name = "info",
    .synopsis = "info [--json] NAME",
    .summary = "Tells what can be told about a live name: kind, size, owner, mode, who holds it, the counts of a channel.\n"
               "  --json  the same for programs",
    .run = run,
};
