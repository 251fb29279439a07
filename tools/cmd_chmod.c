/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_chmod.c - mooring chmod: who may open a map, by permission bits. */
#include "options.h"

#include <inttypes.h>
#include <stdio.h>

static int run(int argc, char **argv)
{
	struct options options;
	moor_map *map = NULL;
	uint32_t mode;
	int code, err;

	code = parse_options(&cmd_chmod, 0, 2, 2, argc, argv, &options);
	if (code != GO_ON)
		return code;
	if (!parse_mode("MODE", options.args[0], &mode))
		return EXIT_USAGE;
	err = moor_map_open(options.args[1], &MOOR_MAP_OPTS(.access = MOOR_READ), &map);
	if (err < 0)
		return fail(err, "cannot open the map", options.args[1]);
	err = moor_map_set_mode(map, mode);
	moor_map_close(map);
	return err ? fail(err, "cannot change the mode of", options.args[1]) : EXIT_WELL;
}

const struct command cmd_chmod = {
    .name = "chmod",
    .synopsis = "chmod MODE NAME",
    .summary = "Gives the map NAME the permission bits MODE, in octal. It must be yours. Who has it open keeps it.",
    .run = run,
};
