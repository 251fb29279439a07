/* SPDX-License-Identifier: Apache-2.0 */
/* tool.h - what the subcommands of mooring(1) share. */
#ifndef MOOR_TOOLS_TOOL_H
#define MOOR_TOOLS_TOOL_H

#include <mooring.h>

/* Exit codes, the same for every subcommand; mooring(1) lists them. */
enum { EXIT_WELL = 0, EXIT_ERROR = 1, EXIT_USAGE = 2, EXIT_PEER_DIED = 3, EXIT_TIMED_OUT = 4, EXIT_PEER_LEFT = 5 };

struct command {
	const char *name, *synopsis, *summary;
	int (*run)(int argc, char **argv);
};
extern const struct command cmd_send, cmd_recv, cmd_ls, cmd_info, cmd_create, cmd_cat, cmd_write, cmd_watch, cmd_chmod,
    cmd_acl, cmd_lock, cmd_sem, cmd_event, cmd_bench;

/* What a step returns that is not the last one, instead of an exit code. */
enum { GO_ON = -1 };

/* One line on standard error: "mooring: ...". */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same for a result of the library about `name`: what was tried, what came of it, what to do. Returns the exit code
 * that goes with it. */
int fail(int err, const char *what, const char *name);
/* The same where `wanted` bytes of shared memory were asked for. */
int fail_for_space(int err, const char *what, const char *name, uint64_t wanted);
/* The same where an object was to be made, or to be joined by who would also make it. */
int fail_to_make(int err, const char *what, const char *name, uint64_t wanted, bool any_owner);
int usage_error(const struct command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* To standard output. Returns the exit code: whether it was written. */
int print_usage(const struct command *command);

/* Option values: false, and a complaint, if they are not what they should be. */
bool parse_size(const char *option, const char *text, uint64_t *ret_bytes);      /* 64K, 1M, ... */
bool parse_seconds(const char *option, const char *text, int64_t *ret_timeout_ns); /* 0.5, 10, ... */

/* What send and recv take alike, and the one option that each has for itself. */
struct stream_options {
	const char *name;
	struct moor_channel_opts channel;
	int64_t timeout_ns;
	bool lines, stats, progress, own;
};
/* own: the name of that option. Returns an exit code, or GO_ON. */
int parse_stream_options(const struct command *command, const char *own, int argc, char **argv,
                         struct stream_options *ret_options);
/* The channel could not be opened. Returns the exit code. */
int open_failed(const struct command *command, int err, const struct stream_options *options);

/* What send and recv count. */
struct traffic {
	const char *verb; /* "sent", "received" */
	uint64_t messages, bytes;
	int64_t start, last_shown; /* start: of the first message, not of waiting for it */
	bool progress;
};
int64_t now_ns(void);
void traffic_start(struct traffic *traffic, const char *verb, bool progress);
void traffic_begin(struct traffic *traffic);
void traffic_add(struct traffic *traffic, size_t len);
void traffic_print(const struct traffic *traffic, const char *name);

/* To standard output, all of it, and a newline if asked for. */
bool write_message(const void *data, size_t len, bool newline);
bool write_all(const void *data, size_t len);
/* Of what was printed through stdio: EXIT_WELL, or a complaint and EXIT_ERROR. */
int finish_output(void);

#endif
