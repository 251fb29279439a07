/* SPDX-License-Identifier: Apache-2.0 */
/* explain.h - how the examples say what went wrong: the object, what was expected, what was found, what to do. */
#ifndef EXAMPLES_EXPLAIN_H
#define EXAMPLES_EXPLAIN_H

#include <inttypes.h>
#include <ctype.h>
#include <errno.h>
#include <mooring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How the program was called, without its directory. */
static inline const char *program_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* A decimal number from least to most: false, and a message, if the text is not that. */
static inline bool parse_number(const char *what, const char *text, uint64_t least, uint64_t most, uint64_t *ret_number)
{
	char *end;
	uintmax_t number;

	errno = 0;
	number = strtoumax(text, &end, 10);
	if (errno || !isdigit((unsigned char)*text) || *end || number < least || number > most) {
		fprintf(stderr, "%s: a number from %" PRIu64 " to %" PRIu64 " was expected, not '%s'\n", what, least, most, text);
		return false;
	}
	*ret_number = number;
	return true;
}

static inline void explain_space(uint64_t wanted)
{
	struct moor_shm_info info = {.struct_size = sizeof info};

	if (moor_shm_stat(&info) == 0)
		fprintf(stderr,
		        "  %s: %" PRIu64 " bytes wanted, %" PRIu64 " of %" PRIu64 " free; free some, or set MOORING_DIR to a "
		        "directory with more room\n",
		        info.directory, wanted, info.free_bytes, info.total_bytes);
}

/* Returns the exit code. wanted: the bytes that were asked for, where memory was. */
static inline int explain(int err, const char *what, const char *name, uint64_t wanted)
{
	fprintf(stderr, "%s '%s': %s (%s)\n", what, name, moor_strerror(err), moor_err_name(err));
	switch (err) {
	case MOOR_ENOENT:
		fprintf(stderr, "  a live map of this name was expected: start the process that makes it, and keep it running\n");
		break;
	case MOOR_EEXIST:
		fprintf(stderr, "  a free name was expected: 'mooring info' shows who holds this one\n");
		break;
	case MOOR_EKIND:
		fprintf(stderr, "  a map was expected: 'mooring info' shows what it is\n");
		break;
	case MOOR_EACCES:
		fprintf(stderr, "  the right to open it was expected: 'mooring info' shows owner and mode of what you may "
		                "read\n");
		break;
	case MOOR_ENOSPC:
		explain_space(wanted);
		break;
	default:
		break;
	}
	return 1;
}

#endif
