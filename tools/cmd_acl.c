/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_acl.c - mooring acl: who may open a map, by a POSIX access control list. */
#include "options.h"
#include "text.h"

#include <stdio.h>

#define ACL_ROOM 16384

static int print_acl(const char *name, const moor_map *map, bool json)
{
	char acl[ACL_ROOM];
	size_t len;
	const int err = moor_map_get_acl(map, acl, sizeof acl, &len);

	if (err)
		return fail(err, "cannot read the access control list of", name);
	if (json) {
		printf("{\"name\":");
		print_text(full_name(name).text, true);
		printf(",\"acl\":");
		print_text(acl, true);
		printf("}\n");
	} else {
		puts(acl);
	}
	return finish_output();
}

static int set_acl(const char *name, moor_map *map, const char *acl)
{
	const int err = moor_map_set_acl(map, acl);

	if (err == MOOR_EINVAL)
		return acl_refused(&cmd_acl, acl);
	return err ? fail(err, "cannot change the access control list of", name) : EXIT_WELL;
}

static int run(int argc, char **argv)
{
	struct options options;
	moor_map *map = NULL;
	int code, err;

	code = parse_options(&cmd_acl, TAKES_JSON, 1, 2, argc, argv, &options);
	if (code != GO_ON)
		return code;
	if (options.json && options.arg_count == 2)
		return usage_error(&cmd_acl, "--json prints a list, and a list is given to set it: one or the other");
	err = moor_map_open(options.args[0], &MOOR_MAP_OPTS(.access = MOOR_READ), &map);
	if (err < 0)
		return fail(err, "cannot open the map", options.args[0]);
	code = options.arg_count == 2 ? set_acl(options.args[0], map, options.args[1])
	                              : print_acl(options.args[0], map, options.json);
	moor_map_close(map);
	return code;
}

const struct command cmd_acl = {
    .name = "acl",
    .synopsis = "acl [--json] NAME [ACL]",
    .summary = "Prints the access control list of the map NAME, or replaces it by ACL, in the form of acl(5), as in\n"
               "u::rw,u:anna:rw,g::-,m::rw,o::-. To change it, the map must be yours.\n"
               "  --json  print it for programs",
    .run = run,
};
