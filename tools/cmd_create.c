/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_create.c - mooring create: makes a map, and holds its name while it runs. */
#include "options.h"
#include "text.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

/* The signals that end it. They are blocked before the map is made, so that none ends it half-way. */
static sigset_t ending_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	return set;
}

static int make(const struct options *options, const char *name, uint64_t size, moor_map **ret_map)
{
	if (options->file)
		return moor_map_from_file(options->file, name, size, &options->map, ret_map);
	if (options->or_open)
		return moor_map_create_or_open(name, size, &options->map, ret_map);
	return moor_map_create(name, size, &options->map, ret_map);
}

static int file_failed(int err, const struct options *options, const char *name, uint64_t size)
{
	const char *path = options->file;

	switch (err) {
	case MOOR_ENOENT:
		complain("cannot map the file '%s': there is none; create it first, for example with truncate(1)", path);
		return EXIT_ERROR;
	case MOOR_EINVAL:
		complain("cannot map the file '%s': it is no regular file, or is empty and no SIZE was given%s", path,
		         options->map.acl ? ", or --acl is no complete list" : "");
		return EXIT_ERROR;
	case MOOR_EEXIST:
		complain("the name '%s' belongs to a map that is not of the file '%s'; 'mooring info' shows who holds it", name,
		         path);
		return EXIT_ERROR;
	case MOOR_EACCES:
		complain("cannot map the file '%s' as '%s': you may not read and write it, or the name belongs to somebody else",
		         path, name);
		return EXIT_ERROR;
	case MOOR_ENOSPC:
		complain("cannot map the file '%s': its file system, or that of the names, has no room for %" PRIu64
		         " bytes; free some, or ask for less",
		         path, size);
		return EXIT_ERROR;
	default:
		return fail(err, "cannot map a file as", name);
	}
}

static int map_failed(int err, const struct options *options, const char *name, uint64_t size)
{
	if (options->file)
		return file_failed(err, options, name, size);
	if (err == MOOR_EINVAL)
		return options->map.acl ? acl_refused(&cmd_create, options->map.acl)
		                        : usage_error(&cmd_create, "these options do not go together");
	return fail_to_make(err, "cannot create the map", name, size, options->map.flags & MOOR_ANY_OWNER);
}

static int commit(const struct options *options, const char *name, moor_map *map)
{
	const int err = options->commit ? moor_map_commit(map, options->commit) : 0;

	if (err == MOOR_ERANGE) {
		complain("'%s' has %" PRIu64 " bytes: %" PRIu64 " cannot be committed; ask for at most its size", name,
		         moor_map_size(map), options->commit);
		return EXIT_ERROR;
	}
	return err ? fail_for_space(err, "cannot commit memory of", name, options->commit) : GO_ON;
}

static int report(const struct options *options, const char *name, const moor_map *map, bool created)
{
	if (options->json) {
		printf("{\"name\":");
		print_text(full_name(name).text, true);
		printf(",\"created\":%s,\"size\":%" PRIu64 ",\"committed\":%" PRIu64 "}\n", created ? "true" : "false",
		       moor_map_size(map), moor_map_committed(map));
	} else {
		printf("%s ", created ? "created" : "joined");
		print_text(full_name(name).text, false);
		printf(", %" PRIu64 " bytes; it is held until this process ends\n", moor_map_size(map));
	}
	return finish_output();
}

static int run(int argc, char **argv)
{
	const sigset_t ends = ending_signals();
	struct options options;
	moor_map *map = NULL;
	uint64_t size = 0;
	int code, news, signal_number;

	code = parse_options(&cmd_create, TAKES_CREATION | TAKES_JSON, 1, 2, argc, argv, &options);
	if (code != GO_ON)
		return code;
	if (options.arg_count == 1 && !options.file)
		return usage_error(&cmd_create, "create takes a name and a size, or --file");
	if (options.arg_count == 2 && !parse_size("SIZE", options.args[1], &size))
		return EXIT_USAGE;
	if (options.arg_count == 2 && !size && !options.file)
		return usage_error(&cmd_create, "SIZE is 0, and a map has at least 1 byte");
	if (options.map.mode && options.map.acl)
		return usage_error(&cmd_create, "--mode and --acl say the same thing in two ways: one or the other");
	if (options.commit && !(options.map.flags & MOOR_MAP_RESERVE))
		return usage_error(&cmd_create, "--commit goes with --reserve; all of any other map is committed at once");
	sigprocmask(SIG_BLOCK, &ends, NULL);
	news = make(&options, options.args[0], size, &map);
	if (news < 0)
		return map_failed(news, &options, options.args[0], size);
	code = commit(&options, options.args[0], map);
	if (code == GO_ON)
		code = report(&options, options.args[0], map, news == MOOR_CREATED || !(options.or_open || options.file));
	if (code == EXIT_WELL)
		sigwait(&ends, &signal_number);
	moor_map_close(map);
	return code;
}

const struct command cmd_create = {
    .name = "create",
    .synopsis = "create [--mode MODE] [--acl ACL] [--file PATH] [--reserve [--commit SIZE]] [--huge] [--populate] "
                "[--or-open] [--any-owner] [--json] NAME [SIZE]",
    .summary = "Makes the map NAME of SIZE bytes, all zero, and holds its name until it is ended (Ctrl-C).\n"
               "  --mode MODE    permission bits in octal, default 0600\n"
               "  --acl ACL      instead of --mode, a complete POSIX access control list,\n"
               "                 as in u::rw,u:anna:rw,g::-,m::rw,o::-\n"
               "  --file PATH    the memory is this file's; SIZE may be left out, and what is written stays\n"
               "  --reserve      SIZE is a maximum, memory comes with commits\n"
               "  --commit SIZE  commit that much of it at once\n"
               "  --huge         huge pages\n"
               "  --populate     bring all pages in at once\n"
               "  --or-open      join a map that is there already\n"
               "  --any-owner    also one of another user\n"
               "  --json         print what was made for programs",
    .run = run,
};
