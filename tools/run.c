/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile pid_t child;

static void pass_on(int signal)
{
	const int saved = errno;

	if (child > 0)
		kill(child, signal);
	errno = saved;
}

static const int passed[] = {SIGTERM, SIGHUP}, ignored[] = {SIGINT, SIGQUIT};

/* In the child, which shares the memory with its parent until it ends or becomes the command. */
static void become(char *const argv[], pid_t parent, const sigset_t *mask, const sigset_t *defaults)
{
	/* The parent lets go of what it holds when it is killed: a command of its own must not go on then. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	for (int number = 1; number < NSIG; number++)
		if (sigismember(defaults, number) == 1)
			signal(number, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
}

/*
 * The command gets the signals as this process was given them. By vfork(2), as posix_spawn(3) does it, which cannot do
 * the above: a child of fork(2) would take part in what is held until it becomes the command.
 */
static int spawn(char *const argv[], const sigset_t *mask, const sigset_t *defaults, pid_t *ret_pid)
{
	const pid_t parent = getpid();
	static volatile int err;
	pid_t pid;

	err = 0;
	pid = vfork();
	if (pid == 0) {
		become(argv, parent, mask, defaults);
		err = errno;
		_exit(127);
	}
	if (pid < 0)
		return errno;
	if (err)
		waitpid(pid, NULL, 0);
	*ret_pid = pid;
	return err;
}

int run_while_holding(char *const argv[])
{
	struct sigaction action = {.sa_handler = pass_on}, before;
	sigset_t blocked, mask, defaults;
	int err, status;
	pid_t pid;

	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE); /* the tool ignores it */
	sigemptyset(&blocked);
	for (size_t i = 0; i < 2; i++)
		sigaddset(&blocked, passed[i]);
	sigprocmask(SIG_BLOCK, &blocked, &mask); /* until there is somebody to pass them on to */
	for (size_t i = 0; i < 2; i++) {
		sigaction(passed[i], NULL, &before);
		if (before.sa_handler != SIG_IGN) {
			sigaction(passed[i], &action, NULL);
			sigaddset(&defaults, passed[i]);
		}
		sigaction(ignored[i], NULL, &before);
		if (before.sa_handler != SIG_IGN) {
			signal(ignored[i], SIG_IGN);
			sigaddset(&defaults, ignored[i]);
		}
	}
	err = spawn(argv, &mask, &defaults, &pid);
	if (err) {
		complain("cannot run '%s': %s", argv[0], strerror(err));
		return err == ENOENT ? 127 : 126;
	}
	child = pid;
	sigprocmask(SIG_SETMASK, &mask, NULL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_ERROR;
	child = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool parse_count(const char *option, const char *text, uint32_t least, uint32_t most, uint32_t *ret_count)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end || value < least || value > most) {
		complain("%s takes a number from %u to %u, not '%s'", option, least, most, text);
		return false;
	}
	*ret_count = (uint32_t)value;
	return true;
}

int take_sync_option(const struct command *command, int option, const char *value, struct moor_sync_opts *opts)
{
	switch (option) {
	case OPTION_MODE:
		return parse_mode_of_new(value, &opts->mode) ? GO_ON : EXIT_USAGE;
	case OPTION_ACL:
		opts->acl = value;
		return GO_ON;
	case OPTION_ANY_OWNER:
		opts->flags |= MOOR_ANY_OWNER;
		return GO_ON;
	default:
		return usage_error(command, "'mooring %s --help' explains the options", command->name);
	}
}

int check_sync_options(const struct command *command, bool makes, const struct moor_sync_opts *opts)
{
	if (!makes && (opts->mode || opts->acl || opts->flags))
		return usage_error(command, "--mode, --acl and --any-owner go with 'create'");
	if (opts->mode && opts->acl)
		return usage_error(command, "--mode and --acl say the same thing in two ways: one or the other");
	return GO_ON;
}

int check_own_options(const struct command *command, const char *action, uint32_t given, const struct own_option *own,
                      size_t count)
{
	for (size_t i = 0; i < count; i++)
		if ((given & 1u << own[i].option) && strcmp(own[i].action, action) != 0)
			return usage_error(command, "--%s goes with '%s', not with '%s'", own[i].name, own[i].action, action);
	return GO_ON;
}

int make_failed(const struct command *command, int err, const char *what, const char *name,
                const struct moor_sync_opts *opts)
{
	if (err == MOOR_EINVAL && opts->acl)
		return acl_refused(command, opts->acl);
	return fail_to_make(err, what, name, 0, opts->flags & MOOR_ANY_OWNER);
}

int parse_name_and_command(const struct command *command, int argc, char **argv, const char **ret_name,
                           char *const **ret_argv)
{
	int at = optind;

	if (at < argc && at > 1 && strcmp(argv[at - 1], "--") == 0)
		return usage_error(command, "the name comes before '--'");
	if (at == argc)
		return usage_error(command, "%s takes a name", command->name);
	if (argv[at][0] == '-')
		return usage_error(command, "a name was expected, not '%s'; one that begins so is written with its prefix, "
		                            "'Local\\%s'",
		                   argv[at], argv[at]);
	*ret_name = argv[at++];
	if (at < argc && argv[at][0] == '-' && strcmp(argv[at], "--") != 0)
		return usage_error(command, "'%s' comes after the name '%s': options come before the name, and a command that "
		                            "begins with '-' after '--'",
		                   argv[at], *ret_name);
	if (at < argc && strcmp(argv[at], "--") == 0 && ++at == argc)
		return usage_error(command, "a command comes after '--'");
	*ret_argv = at < argc ? argv + at : NULL;
	return GO_ON;
}
