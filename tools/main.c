/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - mooring(1): finds the subcommand. */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct command *const commands[] = {
    &cmd_send, &cmd_recv,  &cmd_lock,  &cmd_sem,   &cmd_event, &cmd_ls, &cmd_info, &cmd_create,
    &cmd_cat,  &cmd_write, &cmd_watch, &cmd_chmod, &cmd_acl,  &cmd_bench};
#define COMMANDS (sizeof commands / sizeof commands[0])

static void print_help(FILE *to)
{
	fprintf(to, "usage: mooring COMMAND [OPTION]... [NAME]\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  mooring %s\n", commands[i]->synopsis);
	fprintf(to, "\n'mooring COMMAND --help' explains one; 'mooring --version' tells the version; see mooring(1).\n");
}

/* A closed standard stream would be the first file that is opened, and what is meant for it would go there. */
static void occupy_closed_streams(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) == -1 && errno == EBADF && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			_exit(1);
}

/* getopt(3) names the program by its first argument: "mooring send", not "send". */
static int run_command(const struct command *command, int argc, char **argv)
{
	char name[32];

	snprintf(name, sizeof name, "mooring %s", command->name);
	argv[0] = name;
	return command->run(argc, argv);
}

int main(int argc, char **argv)
{
	occupy_closed_streams();
	/* A reader that went away is an error to report, not a death. */
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_help(stdout);
		return finish_output();
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("mooring %s\n", moor_version_string());
		return finish_output();
	}
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(argv[1], commands[i]->name) == 0)
			return run_command(commands[i], argc - 1, argv + 1);
	complain("there is no command '%s'", argv[1]);
	print_help(stderr);
	return EXIT_USAGE;
}
