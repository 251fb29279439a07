/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_bench.c - mooring bench: the benchmark, which is a program of its own (mooring-bench), so that this one needs none
 * of the libraries that it compares with.
 */
#include "tool.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Runs it if it is there; returns if not. */
static void try_program(const char *directory, const char *within, char **argv)
{
	char path[2 * PATH_MAX];

	snprintf(path, sizeof path, "%s%s", directory, within);
	argv[0] = path;
	execv(path, argv);
}

/* Beside this program, as it was built, and as it was installed or moved as a whole; then where it was to be installed. */
static int run_bench(int argc, char **argv)
{
	char here[PATH_MAX];
	const ssize_t len = readlink("/proc/self/exe", here, sizeof here - 1);
	char *slash;

	(void)argc;
	if (len > 0) {
		here[len] = '\0';
		slash = strrchr(here, '/');
		*slash = '\0';
		/* libtool has what it builds there, and a script in its place. */
		if (slash - here >= 6 && strcmp(slash - 6, "/.libs") == 0) {
			slash[-6] = '\0';
			try_program(here, "/bench/mooring-bench", argv);
		} else {
			try_program(here, "/bench/mooring-bench", argv);
			try_program(here, "/../libexec/mooring/mooring-bench", argv);
		}
	}
	try_program(PKGLIBEXECDIR, "/mooring-bench", argv);
	complain("cannot run %s/mooring-bench: %s", PKGLIBEXECDIR, strerror(errno));
	if (errno == ENOENT)
		complain("the benchmark is not installed");
	return EXIT_ERROR;
}

const struct command cmd_bench = {
    .name = "bench",
    .synopsis = "bench [OPTION]...",
    .summary = "Measures messages between processes; see mooring-bench(1).",
    .run = run_bench};
