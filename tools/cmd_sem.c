/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_sem.c - mooring sem: takes part in a named semaphore, or keeps one while a command runs. */
#include "run.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define MAX 0x7fffffffu

struct job {
	const char *action, *name;
	char *const *command;
	int64_t timeout_ns;
	struct moor_sync_opts opts;
	uint32_t count, initial, max;
	uint32_t given; /* options: a bit each */
};

enum { TIMEOUT = 1, COUNT, INITIAL, MOST, HELP };

static int wait_for_it(moor_sem *sem, const struct job *job)
{
	int err;

	while ((err = moor_sem_wait(sem, job->timeout_ns)) == MOOR_EINTR)
		;
	return err ? fail(err, "cannot take one from", job->name) : EXIT_WELL;
}

static int post(moor_sem *sem, const struct job *job)
{
	uint32_t before;
	const int err = moor_sem_post(sem, job->count, &before);

	if (err)
		return fail(err, "cannot post to", job->name);
	printf("%u\n", before);
	return finish_output();
}

static int create(const struct job *job)
{
	moor_sem *sem;
	int code, err;

	err = moor_sem_create(job->name, job->initial, job->max, &job->opts, &sem);
	if (err)
		return make_failed(&cmd_sem, err, "cannot create the semaphore", job->name, &job->opts);
	code = run_while_holding(job->command);
	moor_sem_close(sem);
	return code;
}

static int act(const struct job *job)
{
	const bool waits = strcmp(job->action, "wait") == 0;
	moor_sem *sem;
	int code, err;

	if (strcmp(job->action, "create") == 0)
		return create(job);
	err = moor_sem_open(job->name, NULL, &sem);
	if (err)
		return fail(err, "cannot open the semaphore", job->name);
	code = waits ? wait_for_it(sem, job) : post(sem, job);
	moor_sem_close(sem);
	return code;
}

/* Those that stand at optind. GO_ON, or an exit code. */
static int take_options(int argc, char **argv, struct job *job)
{
	static const struct option options[] = {{"timeout", required_argument, NULL, TIMEOUT},
	                                        {"count", required_argument, NULL, COUNT},
	                                        {"initial", required_argument, NULL, INITIAL},
	                                        {"max", required_argument, NULL, MOST},
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
		case COUNT:
			if (!parse_count("--count", optarg, 1, MAX, &job->count))
				return EXIT_USAGE;
			break;
		case INITIAL:
			if (!parse_count("--initial", optarg, 0, MAX, &job->initial))
				return EXIT_USAGE;
			break;
		case MOST:
			if (!parse_count("--max", optarg, 1, MAX, &job->max))
				return EXIT_USAGE;
			break;
		case HELP:
			return print_usage(&cmd_sem);
		default:
			code = take_sync_option(&cmd_sem, option, optarg, &job->opts);
			if (code != GO_ON)
				return code;
		}
	}
	return GO_ON;
}

static int run(int argc, char **argv)
{
	static const struct own_option own[] = {
	    {TIMEOUT, "timeout", "wait"}, {COUNT, "count", "post"}, {INITIAL, "initial", "create"}, {MOST, "max", "create"}};
	struct job job = {.opts = MOOR_SYNC_OPTS(0), .timeout_ns = MOOR_FOREVER, .count = 1, .max = MAX};
	bool makes;
	int code;

	/* They may stand before the action and after it. */
	code = take_options(argc, argv, &job);
	if (code != GO_ON)
		return code;
	job.action = optind < argc ? argv[optind++] : "";
	if (strcmp(job.action, "wait") != 0 && strcmp(job.action, "post") != 0 && strcmp(job.action, "create") != 0)
		return usage_error(&cmd_sem, "sem takes 'wait', 'post' or 'create', not '%s'", job.action);
	code = take_options(argc, argv, &job);
	if (code != GO_ON)
		return code;
	code = check_own_options(&cmd_sem, job.action, job.given, own, sizeof own / sizeof own[0]);
	if (code != GO_ON)
		return code;
	code = parse_name_and_command(&cmd_sem, argc, argv, &job.name, &job.command);
	if (code != GO_ON)
		return code;
	makes = strcmp(job.action, "create") == 0;
	if (makes && !job.command)
		return usage_error(&cmd_sem, "'create' keeps the semaphore while a command runs: give one, after the name '%s'",
		                   job.name);
	if (!makes && job.command)
		return usage_error(&cmd_sem, "'%s' takes a name only, and '%s' comes after it", job.action, job.command[0]);
	code = check_sync_options(&cmd_sem, makes, &job.opts);
	if (code != GO_ON)
		return code;
	if (job.initial > job.max)
		return usage_error(&cmd_sem, "--initial is at most --max");
	return act(&job);
}

const struct command cmd_sem = {
    .name = "sem",
    .synopsis = "sem wait|post|create [OPTION]... NAME [[--] COMMAND [ARGUMENT]...]",
    .summary = "wait takes one from the semaphore NAME. post gives some, and prints how many there were before.\n"
               "create makes it, and keeps it while COMMAND runs, whose exit code is its own.\n"
               "  --timeout SECONDS  of wait: give up after that long (exit code 4)\n"
               "  --count N          of post: how many, all or none; default 1\n"
               "  --initial N        of create: default 0\n"
               "  --max N            of create: default and at most 2147483647\n"
               "  --mode MODE        of create: permission bits in octal, default 0600\n"
               "  --acl ACL          instead of them: an access control list, as in u::rw,u:anna:rw,g::-,m::rw,o::-\n"
               "  --any-owner        of create: also where another user's dead one still lies",
    .run = run,
};
