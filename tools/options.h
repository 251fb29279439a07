/* SPDX-License-Identifier: Apache-2.0 */
/* options.h - the command lines of the subcommands that work with maps. */
#ifndef MOOR_TOOLS_OPTIONS_H
#define MOOR_TOOLS_OPTIONS_H

#include "tool.h"
#include "value.h"

/* What a command may take. */
enum {
	TAKES_OFFSET = 1u << 0,
	TAKES_LENGTH = 1u << 1,
	TAKES_TYPE = 1u << 2,
	TAKES_JSON = 1u << 3,
	TAKES_COUNT = 1u << 4,
	TAKES_INTERVAL = 1u << 5,
	TAKES_CREATION = 1u << 6 /* --mode, --acl, --reserve, --commit, --huge, --populate, --file, --or-open, --any-owner */
};

struct options {
	char **args; /* what is no option */
	int arg_count;
	uint64_t offset, length; /* length: 0 if not given */
	const struct value_type *type; /* NULL: bytes */
	uint64_t count;                /* 0: no end */
	int64_t interval_ns;
	struct moor_map_opts map; /* flags, mode and acl of a creation */
	uint64_t commit;
	const char *file; /* NULL: not given */
	bool json, or_open;
};

/* At least `least` and at most `most` arguments. Returns an exit code, or GO_ON. */
int parse_options(const struct command *command, unsigned takes, int least, int most, int argc, char **argv,
                  struct options *ret_options);

/* Permission bits in octal: false, and a complaint that names what they are for, if they are not that. */
bool parse_mode(const char *what, const char *text, uint32_t *ret_mode);
/* --mode of what is made: the same, and not 0. */
bool parse_mode_of_new(const char *text, uint32_t *ret_mode);

/* The library does not take this list: says how one is written. Returns the exit code. */
int acl_refused(const struct command *command, const char *acl);

#endif
