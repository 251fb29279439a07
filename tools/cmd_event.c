/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_event.c - mooring event: takes part in a named event, or keeps one while a command runs. */
#include "run.h"

#include <getopt.h>
#include <string.h>

struct job {
	const char *action, *name;
	char *const *command;
	int64_t timeout_ns;
	unsigned flags;
};

static int create(const struct job *job)
{
	moor_event *event;
	int code, err;

	err = moor_event_create(job->name, job->flags, NULL, &event);
	if (err)
		return fail(err, "cannot create the event", job->name);
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
	return err ? fail(err, "cannot wait for", job->name) : EXIT_WELL;
}

static bool is_action(const char *text)
{
	static const char *const actions[] = {"wait", "set", "reset", "create"};

	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
		if (strcmp(text, actions[i]) == 0)
			return true;
	return false;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {{"timeout", required_argument, NULL, 1},
	                                        {"manual", no_argument, NULL, 2},
	                                        {"set", no_argument, NULL, 3},
	                                        {"help", no_argument, NULL, 4},
	                                        {0}};
	struct job job = {.timeout_ns = MOOR_FOREVER};
	int option, code;

	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (option) {
		case 1:
			if (!parse_seconds("--timeout", optarg, &job.timeout_ns))
				return EXIT_USAGE;
			break;
		case 2:
			job.flags |= MOOR_MANUAL_RESET;
			break;
		case 3:
			job.flags |= MOOR_INITIALLY_SET;
			break;
		case 4:
			return print_usage(&cmd_event);
		default:
			return usage_error(&cmd_event, "'mooring event --help' explains the options");
		}
	}
	job.action = optind < argc ? argv[optind++] : "";
	if (!is_action(job.action))
		return usage_error(&cmd_event, "event takes 'wait', 'set', 'reset' or 'create', not '%s'", job.action);
	code = parse_name_and_command(&cmd_event, argc, argv, &job.name, &job.command);
	if (code != GO_ON)
		return code;
	if ((strcmp(job.action, "create") == 0) != (job.command != NULL))
		return usage_error(&cmd_event, "'create' takes a command to run, the others take none");
	return act(&job);
}

const struct command cmd_event = {
    .name = "event",
    .synopsis = "event [OPTION]... wait|set|reset|create NAME [[--] COMMAND [ARGUMENT]...]",
    .summary = "wait waits until the event NAME is set, and resets it unless it is a manual one; set and reset do that.\n"
               "create makes it, and keeps it while COMMAND runs, whose exit code is its own.\n"
               "  --timeout SECONDS  of wait: give up after that long (exit code 4)\n"
               "  --manual           of create: set stays set until it is reset\n"
               "  --set              of create: it is set at first",
    .run = run,
};
