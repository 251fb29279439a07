/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum {
	OFFSET = 1,
	LENGTH,
	TYPE,
	JSON,
	COUNT,
	INTERVAL,
	MODE,
	ACL,
	RESERVE,
	COMMIT,
	HUGE_PAGES,
	POPULATE,
	BACKING,
	OR_OPEN,
	ANY_OWNER,
	HELP
};

static const struct {
	unsigned takes; /* 0: every command */
	struct option option;
} known[] = {
    {TAKES_OFFSET, {"offset", required_argument, NULL, OFFSET}},
    {TAKES_LENGTH, {"length", required_argument, NULL, LENGTH}},
    {TAKES_TYPE, {"type", required_argument, NULL, TYPE}},
    {TAKES_JSON, {"json", no_argument, NULL, JSON}},
    {TAKES_COUNT, {"count", required_argument, NULL, COUNT}},
    {TAKES_INTERVAL, {"interval", required_argument, NULL, INTERVAL}},
    {TAKES_CREATION, {"mode", required_argument, NULL, MODE}},
    {TAKES_CREATION, {"acl", required_argument, NULL, ACL}},
    {TAKES_CREATION, {"reserve", no_argument, NULL, RESERVE}},
    {TAKES_CREATION, {"commit", required_argument, NULL, COMMIT}},
    {TAKES_CREATION, {"huge", no_argument, NULL, HUGE_PAGES}},
    {TAKES_CREATION, {"populate", no_argument, NULL, POPULATE}},
    {TAKES_CREATION, {"file", required_argument, NULL, BACKING}},
    {TAKES_CREATION, {"or-open", no_argument, NULL, OR_OPEN}},
    {TAKES_CREATION, {"any-owner", no_argument, NULL, ANY_OWNER}},
    {0, {"help", no_argument, NULL, HELP}},
};
#define KNOWN (sizeof known / sizeof known[0])

bool parse_mode(const char *what, const char *text, uint32_t *ret_mode)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 8);
	if (errno || *text < '0' || *text > '7' || *end || value > 0777) {
		complain("%s takes permission bits in octal, from 0 to 0777, not '%s'", what, text);
		return false;
	}
	*ret_mode = (uint32_t)value;
	return true;
}

/* The library's 0 is its default, 0600: an object that nobody may open has no use. */
bool parse_mode_of_new(const char *text, uint32_t *ret_mode)
{
	if (!parse_mode("--mode", text, ret_mode))
		return false;
	if (!*ret_mode)
		complain("--mode 0 would let nobody in; leave it out for 0600");
	return *ret_mode;
}

int acl_refused(const struct command *command, const char *acl)
{
	return usage_error(command, "'%s' is no complete access control list, or names a user or group that does not exist; one "
	                            "is written as in acl(5): u::rw,g::-,o::- for the owner alone, "
	                            "u::rw,u:anna:rw,g::-,m::rw,o::- for anna, too",
	                   acl);
}

static bool parse_type(const char *text, const struct value_type **ret_type)
{
	*ret_type = find_type(text);
	if (!*ret_type)
		complain("--type takes one of %s, not '%s'", TYPE_NAMES, text);
	return *ret_type;
}

static bool parse_count(const char *text, uint64_t *ret_count)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *text < '1' || *text > '9' || *end) {
		complain("--count takes a number from 1 on, not '%s'", text);
		return false;
	}
	*ret_count = value;
	return true;
}

/* One option: false, and a complaint, if its value is not right. */
static bool take(int option, const char *value, struct options *options)
{
	switch (option) {
	case OFFSET:
		return parse_size("--offset", value, &options->offset);
	case LENGTH:
		if (!parse_size("--length", value, &options->length))
			return false;
		if (!options->length)
			complain("--length takes at least 1; leave it out for all there is");
		return options->length;
	case TYPE:
		return parse_type(value, &options->type);
	case JSON:
		return options->json = true;
	case COUNT:
		return parse_count(value, &options->count);
	case INTERVAL:
		return parse_seconds("--interval", value, &options->interval_ns);
	case MODE:
		return parse_mode_of_new(value, &options->map.mode);
	case ACL:
		options->map.acl = value;
		return true;
	case RESERVE:
		return options->map.flags |= MOOR_MAP_RESERVE;
	case COMMIT:
		return parse_size("--commit", value, &options->commit);
	case HUGE_PAGES:
		return options->map.flags |= MOOR_MAP_HUGE;
	case POPULATE:
		return options->map.flags |= MOOR_MAP_POPULATE;
	case BACKING:
		options->file = value;
		return true;
	case OR_OPEN:
		return options->or_open = true;
	default:
		return options->map.flags |= MOOR_ANY_OWNER;
	}
}

int parse_options(const struct command *command, unsigned takes, int least, int most, int argc, char **argv,
                  struct options *ret_options)
{
	struct options options = {.map = MOOR_MAP_OPTS(0), .interval_ns = 100000000};
	struct option table[KNOWN + 1] = {{0}};
	size_t rows = 0;
	int option;

	for (size_t i = 0; i < KNOWN; i++)
		if (!known[i].takes || (known[i].takes & takes))
			table[rows++] = known[i].option;
	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (option == HELP) {
			return print_usage(command);
		}
		if (option == '?')
			return usage_error(command, "'mooring %s --help' explains the options", command->name);
		if (!take(option, optarg, &options))
			return EXIT_USAGE;
	}
	options.args = argv + optind;
	options.arg_count = argc - optind;
	if (options.arg_count < least || options.arg_count > most) {
		if (least == most)
			return usage_error(command, "%s takes %d argument%s, not %d", command->name, least, least == 1 ? "" : "s",
			                   options.arg_count);
		return usage_error(command, "%s takes %d or %d arguments, not %d", command->name, least, most,
		                   options.arg_count);
	}
	*ret_options = options;
	return GO_ON;
}
