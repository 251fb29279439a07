/* SPDX-License-Identifier: Apache-2.0 */
/* run.h - what lock, sem and event share: a command that is run while something is held. */
#ifndef MOOR_TOOLS_RUN_H
#define MOOR_TOOLS_RUN_H

#include "tool.h"

/* Options of an object that may be made: permissions, as of mooring create. Their values in a table of getopt_long. */
enum { OPTION_MODE = 100, OPTION_ACL, OPTION_ANY_OWNER };
#define SYNC_OPTIONS                                                                                                   \
	{"mode", required_argument, NULL, OPTION_MODE}, {"acl", required_argument, NULL, OPTION_ACL},                  \
	    {"any-owner", no_argument, NULL, OPTION_ANY_OWNER}
/* One of them: GO_ON, or complains and returns the exit code. */
int take_sync_option(const struct command *command, int option, const char *value, struct moor_sync_opts *opts);
/* All that were taken: GO_ON, or complains and returns the exit code. makes: the command may make the object. */
int check_sync_options(const struct command *command, bool makes, const struct moor_sync_opts *opts);
/* An option that one action takes, of several. Its value in a table of getopt_long is at most 31. */
struct own_option {
	int option;
	const char *name, *action;
};
/* `given`: a bit for each that was there. GO_ON, or complains of one that is another action's and returns the exit code. */
int check_own_options(const struct command *command, const char *action, uint32_t given, const struct own_option *own,
                      size_t count);
/* The object could not be made or opened. Returns the exit code. */
int make_failed(const struct command *command, int err, const char *what, const char *name,
                const struct moor_sync_opts *opts);

/*
 * Runs argv[0], found as the shell finds it, and waits for its end. Returns its exit code, 128 + the signal that ended it,
 * 126 or 127 if it could not be started. Meanwhile SIGINT and SIGQUIT are the command's affair, SIGTERM and SIGHUP are
 * passed on to it: what is held must not be let go before the command has ended. If this process is killed, the command
 * gets SIGTERM.
 */
int run_while_holding(char *const argv[]);

/* A number from least to most: false, and a complaint, if it is not. */
bool parse_count(const char *option, const char *text, uint32_t least, uint32_t most, uint32_t *ret_count);

/*
 * "NAME [--] COMMAND..." or just NAME, from optind on. An option after the name is a usage error, and not a command.
 * Returns GO_ON or an exit code; *ret_argv is NULL without command.
 */
int parse_name_and_command(const struct command *command, int argc, char **argv, const char **ret_name,
                           char *const **ret_argv);

#endif
