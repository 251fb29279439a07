/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

static volatile pid_t child;

static void pass_on(int signal)
{
	const int saved = errno;

	if (child > 0)
		kill(child, signal);
	errno = saved;
}

static const int passed[] = {SIGTERM, SIGHUP}, ignored[] = {SIGINT, SIGQUIT};

/* The command gets the signals as this process was given them. */
static int spawn(char *const argv[], const sigset_t *mask, const sigset_t *defaults, pid_t *ret_pid)
{
	posix_spawnattr_t attr;
	int err = posix_spawnattr_init(&attr);

	if (err)
		return err;
	posix_spawnattr_setsigmask(&attr, mask);
	posix_spawnattr_setsigdefault(&attr, defaults);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	err = posix_spawnp(ret_pid, argv[0], NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
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

int parse_name_and_command(const struct command *command, int argc, char **argv, const char **ret_name,
                           char *const **ret_argv)
{
	int at = optind;

	if (at < argc && at > 1 && strcmp(argv[at - 1], "--") == 0)
		return usage_error(command, "the name comes before '--'");
	if (at == argc)
		return usage_error(command, "%s takes a name", command->name);
	*ret_name = argv[at++];
	if (at < argc && strcmp(argv[at], "--") == 0 && ++at == argc)
		return usage_error(command, "a command comes after '--'");
	*ret_argv = at < argc ? argv + at : NULL;
	return GO_ON;
}
