/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tool.c - the arguments of mooring(1), in this process: whatever they are, it comes back with one of its exit codes.
 * There is no directory of names, so that each command ends where it would begin to take part. An input that begins with
 * '=' is the text of a value instead. Input: the arguments, a line each.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/tool_main.h"

#include "tools/tool.h"
#include "tools/value.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST 1024u
#define ARGS 24

static struct fuzz_room room;
static FILE *nowhere;
static moor_view *view; /* for values */

static void begin(void)
{
	moor_map *map;
	int fd;

	if (nowhere)
		return;
	nowhere = fopen("/dev/null", "we");
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	FUZZ_MUST(nowhere && fd >= 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO);
	close(fd);
	FUZZ_MUST(setenv("MOORING_DIR", "/nonexistent/mooring", 1) == 0);
	FUZZ_MUST(moor_map_anonymous(16, NULL, &map) == 0);
	FUZZ_MUST(moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view) == 0);
	moor_map_close(map);
}

/* What a type takes it prints, and takes again. */
static void try_value(const char *text)
{
	static const char *const names[] = {"bool", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f32", "f64"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const struct value_type *type = find_type(names[i]);
		struct value_text first, second;

		FUZZ_MUST(type);
		if (put_value(type, view, 0, text) != 0)
			continue;
		FUZZ_MUST(get_value(type, view, 0, true, &second) == 0);
		FUZZ_MUST(get_value(type, view, 0, false, &first) == 0);
		FUZZ_MUST(put_value(type, view, 0, first.text) == 0);
		FUZZ_MUST(get_value(type, view, 0, false, &second) == 0);
		FUZZ_MUST(strcmp(first.text, second.text) == 0);
	}
}

static int split(char *text, size_t len, char **argv)
{
	static char program[] = "mooring";
	int argc = 0;

	argv[argc++] = program;
	for (char *end = text + len; text < end && argc < ARGS; text += strlen(text) + 1) {
		argv[argc++] = text;
		text[strcspn(text, "\n")] = '\0';
	}
	argv[argc] = NULL;
	return argc;
}

static void run_tool(int argc, char **argv)
{
	FILE *const out = stdout, *const err = stderr;
	sigset_t mask;
	int code;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	stdout = stderr = nowhere;
	optind = 0;
	code = fuzz_tool_main(argc, argv);
	stdout = out;
	stderr = err;
	sigprocmask(SIG_SETMASK, &mask, NULL);
	FUZZ_MUST(code >= EXIT_WELL && code <= EXIT_PEER_LEFT);
}

static void one(const uint8_t *data, size_t len)
{
	char *text, *argv[ARGS + 1];
	int argc;

	begin();
	len = len < MOST ? len : MOST - 1;
	text = (char *)fuzz_guarded_end(&room, MOST, len + 1);
	if (len)
		memcpy(text, data, len);
	text[len] = '\0';
	if (text[0] == '=') {
		try_value(text + 1);
		return;
	}
	argc = split(text, len, argv);
	if (argc < 2 || strcmp(argv[1], "bench") != 0) /* another program, which it becomes */
		run_tool(argc, argv);
}

static void seeds(fuzz_give *give, void *arg)
{
	static const char *const texts[] = {
	    "", "--help", "--version", "nothing", "ls", "ls\n--json", "info\n--json\nname", "info\n--help",
	    "send\n--lines\n--capacity\n64K\n--timeout\n0.5\n--stats\n--progress\nname", "recv\n--follow\nname", "recv\n--stats\nname",
	    "create\n--mode\n0640\n--reserve\n--commit\n4096\nname\n1M", "create\n--acl\nu::rw,g::-,o::-\nname\n1",
	    "create\n--file\n/nonexistent\n--huge\n--populate\n--or-open\n--any-owner\n--json\nname",
	    "cat\n--offset\n1\n--length\n2K\nname", "cat\n--type\nf64\n--json\nname", "write\n--type\ni32\nname\n-5",
	    "watch\n--count\n3\n--interval\n0.1\n--type\nu8\nname", "chmod\n0600\nname", "acl\nname", "acl\nname\nu::rw",
	    "lock\n--timeout\n1\nname\n--\ntrue", "lock\n-x", "lock\nname\n--", "sem\nwait\n--timeout\n0\nname", "sem\npost\n--count\n2\nname",
	    "sem\ncreate\n--initial\n1\n--max\n2\n--mode\n600\nname\ntrue", "event\nset\nname", "event\ncreate\n--manual\n--set\nname\ntrue",
	    "event\nwait\nLocal\\-name", "send\nGlobal\\name", "ls\n--\n--json", "=0", "=-1", "=true", "=1e400", "=0x1p-149", "=nan",
	    "=-inf", "=18446744073709551615", "=0.1", "= 1", "=1e-46"};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		give(arg, texts[i], strlen(texts[i]));
}

const struct fuzz_target fuzz_tool = {.name = "tool", .longest = MOST - 1, .one = one, .seeds = seeds};
