/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_lock.c - mooring lock: a command that runs while this process owns a named mutex. */
#include "run.h"

#include <getopt.h>
#include <stdlib.h>

static int lock(moor_mutex *mutex, int64_t timeout_ns)
{
	const int64_t start = now_ns();
	int64_t left = timeout_ns;
	int news;

	while ((news = moor_mutex_lock(mutex, left)) == MOOR_EINTR)
		if (timeout_ns > 0) {
			left = timeout_ns - (now_ns() - start);
			left = left > 0 ? left : 0;
		}
	return news;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {{"timeout", required_argument, NULL, 1},
	                                        {"help", no_argument, NULL, 2},
	                                        SYNC_OPTIONS,
	                                        {0}};
	struct moor_sync_opts opts = MOOR_SYNC_OPTS(0);
	int64_t timeout_ns = MOOR_FOREVER;
	moor_mutex *mutex;
	char *const *command;
	const char *name;
	int option, code, news;

	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (option) {
		case 1:
			if (!parse_seconds("--timeout", optarg, &timeout_ns))
				return EXIT_USAGE;
			break;
		case 2:
			return print_usage(&cmd_lock);
		default:
			code = take_sync_option(&cmd_lock, option, optarg, &opts);
			if (code != GO_ON)
				return code;
		}
	}
	code = parse_name_and_command(&cmd_lock, argc, argv, &name, &command);
	if (code != GO_ON)
		return code;
	if (!command)
		return usage_error(&cmd_lock, "lock takes a command to run");
	code = check_sync_options(&cmd_lock, true, &opts);
	if (code != GO_ON)
		return code;
	news = moor_mutex_create_or_open(name, &opts, &mutex);
	if (news < 0)
		return make_failed(&cmd_lock, news, "cannot open the mutex", name, &opts);
	news = lock(mutex, timeout_ns);
	if (news < 0) {
		code = fail(news, "cannot lock", name);
		moor_mutex_close(mutex);
		return code;
	}
	if (news == MOOR_ABANDONED)
		complain("'%s' was abandoned: its last owner died holding it", name);
	setenv("MOORING_ABANDONED", news == MOOR_ABANDONED ? "1" : "0", 1);
	code = run_while_holding(command);
	(void)moor_mutex_unlock(mutex);
	moor_mutex_close(mutex);
	return code;
}

const struct command cmd_lock = {
    .name = "lock",
    .synopsis = "lock [--timeout SECONDS] [--mode MODE | --acl ACL] [--any-owner] NAME [--] COMMAND [ARGUMENT]...",
    .summary = "Runs COMMAND while it owns the mutex NAME, and ends with the command's exit code.\n"
               "  --timeout SECONDS  give up when the mutex cannot be had for that long (exit code 4)\n"
               "  --mode MODE        if it makes the mutex: permission bits in octal, default 0600\n"
               "  --acl ACL          instead of them: an access control list, as in u::rw,u:anna:rw,g::-,m::rw,o::-\n"
               "  --any-owner        also take part in a mutex that another user made\n"
               "If the last owner died holding it, it says so, and the command finds MOORING_ABANDONED=1 in its\n"
               "environment. If this process is killed, the command gets SIGTERM.\n"
               "The mutex exists as long as somebody runs a command under it, or has it open otherwise.",
    .run = run,
};
