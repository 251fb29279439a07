/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_event.c - mooring event: takes part in a named event, or keeps one while a command runs. */
#include "run.h"

#include <getopt.h>
#include <string.h>

struct job {
	const char *action, *name;
	char *const *command;
	int64_t timeout_ns;
	struct moor_sync_opts opts;
	unsigned flags;
	uint32_t given; /* options: a bit each */
};

enum { TIMEOUT = 1, MANUAL, SET, HELP };

static int create(const struct job *job)
{
	moor_event *event;
	int code, err;

	err = moor_event_create(job->name, job->flags, &job->opts, &event);
	if (err)
		return make_failed(&cmd_event, err, "cannot create the event", job->name, &job->opts);
	code = run_while_holding(job->command);
	moor_event_close(event);
	return code;
}

static int wait_for_it(moor_event *event, int64_t timeout_ns)
{
	int err;

	while ((err = moor_event_wait(event, timeout_ns)) == MOOR_EINTR)
		;
	return err;
}

static int act(const struct job *job)
{
	moor_event *event;
	int err;

	if (strcmp(job->action, "create") == 0)
		return create(job);
	err = moor_event_open(job->name, NULL, &event);
	if (err)
		return fail(err, "cannot open the event", job->name);
	if (strcmp(job->action, "wait") == 0)
		err = wait_for_it(event, job->timeout_ns);
	else
		err = strcmp(job->action, "set") == 0 ? moor_event_set(event) : moor_event_reset(event);
	moor_event_close(event);
	if (!err)
		return EXIT_WELL;
	return fail(err, strcmp(job->action, "wait") == 0 ? "cannot wait for" : "cannot change", job->name);
}

static bool is_action(const char *text)
{
	static const char *const actions[] = {"wait", "set", "reset", "create"};

	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
		if (strcmp(text, actions[i]) == 0)
			return true;
	return false;
}

/* Those that stand at optind. GO_ON, or an exit code. */
static int take_options(int argc, char **argv, struct job *job)
{
	static const struct option options[] = {{"timeout", required_argument, NULL, TIMEOUT},
	                                        {"manual", no_argument, NULL, MANUAL},
	                                        {"set", no_argument, NULL, SET},
	                                        {"help", no_argument, NULL, HELP},
	                                        SYNC_OPTIONS,
	                                        {0}};
	int option, code;

	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (option < OPTION_MODE)
			job->given |= 1u << (option & 31);
		switch (option) {
		case TIMEOUT:
			if (!parse_seconds("--timeout", optarg, &job->timeout_ns))
				return EXIT_USAGE;
			break;
		case MANUAL:
			job->flags |= MOOR_MANUAL_RESET;
			break;
		case SET:
			job->flags |= MOOR_INITIALLY_SET;
			break;
		case HELP:
			return print_usage(&cmd_event);
		default:
			code = take_sync_option(&cmd_event, option, optarg, &job->opts);
			if (code != GO_ON)
				return code;
		}
	}
	return GO_ON;
}

static int run(int argc, char **argv)
{
	static const struct own_option own[] = {
	    {TIMEOUT, "timeout", "wait"}, {MANUAL, "manual", "create"}, {SET, "set", "create"}};
	struct job job = {.opts = MOOR_SYNC_OPTS(0), .timeout_ns = MOOR_FOREVER};
	bool makes;
	int code;

	/* They may stand before the action and after it. */
	code = take_options(argc, argv, &job);
	if (code != GO_ON)
		return code;
	job.action = optind < argc ? argv[optind++] : "";
	if (!is_action(job.action))
		return usage_error(&cmd_event, "event takes 'wait', 'set', 'reset' or 'create', not '%s'", job.action);
	code = take_options(argc, argv, &job);
	if (code != GO_ON)
		return code;
	code = check_own_options(&cmd_event, job.action, job.given, own, sizeof own / sizeof own[0]);
	if (code != GO_ON)
		return code;
	code = parse_name_and_command(&cmd_event, argc, argv, &job.name, &job.command);
	if (code != GO_ON)
		return code;
	makes = strcmp(job.action, "create") == 0;
	if (makes && !job.command)
		return usage_error(&cmd_event, "'create' keeps the event while a command runs: give one, after the name '%s'",
		                   job.name);
	if (!makes && job.command)
		return usage_error(&cmd_event, "'%s' takes a name only, and '%s' comes after it", job.action, job.command[0]);
	code = check_sync_options(&cmd_event, makes, &job.opts);
	if (code != GO_ON)
		return code;
	return act(&job);
}

const struct command cmd_event = {
    .name = "event",
    .synopsis = "event wait|set|reset|create [OPTION]... NAME [[--] COMMAND [ARGUMENT]...]",
    .summary = "wait waits until the event NAME is set, and resets it unless it is a manual one; set and reset do that.\n"
               "create makes it, and keeps it while COMMAND runs, whose exit code is its own.\n"
               "  --timeout SECONDS  of wait: give up after that long (exit code 4)\n"
               "  --manual           of create: set stays set until it is reset\n"
               "  --set              of create: it is set at first\n"
               "  --mode MODE        of create: permission bits in octal, default 0600\n"
               "  --acl ACL          instead of them: an access control list, as in u::rw,u:anna:rw,g::-,m::rw,o::-\n"
               "  --any-owner        of create: also where another user's dead one still lies",
    .run = run,
};
