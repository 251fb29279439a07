/* SPDX-License-Identifier: Apache-2.0 */
/* name.c - any text for a name, which ends at the end of memory. */
#include "tests/fuzz/fuzz.h"

#include "base/name.h"

#include <string.h>

#define MOST 1024u

static struct fuzz_room room;

static void one(const uint8_t *data, size_t len)
{
	uint8_t digest[MOOR__NAME_DIGEST], again[MOOR__NAME_DIGEST];
	struct moor__name name, other;
	size_t prefix, rest;
	const char *text;
	char *copy;
	int err;

	len = len < MOST ? len : MOST - 1;
	copy = (char *)fuzz_guarded_end(&room, MOST, len + 1);
	if (len)
		memcpy(copy, data, len);
	copy[len] = '\0';
	text = copy;
	memset(&name, 0xff, sizeof name);
	other = name;
	err = moor__name_parse(text, &name);
	if (err) {
		FUZZ_MUST(err == MOOR_ENAME);
		FUZZ_MUST(memcmp(&name, &other, sizeof name) == 0);
		return;
	}
	prefix = strncmp(text, "Local\\", 6) == 0 ? 6 : strncmp(text, "Global\\", 7) == 0 ? 7 : 0;
	rest = strlen(text) - prefix;
	FUZZ_MUST(rest >= 1 && rest <= MOOR_NAME_MAX && strcmp(name.rest, text + prefix) == 0);
	FUZZ_MUST(!strpbrk(name.rest, "\\/"));
	FUZZ_MUST(name.scope == (prefix == 7 ? MOOR__GLOBAL : MOOR__LOCAL));
	moor__name_digest(&name, digest);
	other = name;
	other.scope = name.scope == MOOR__LOCAL ? MOOR__GLOBAL : MOOR__LOCAL;
	moor__name_digest(&other, again);
	FUZZ_MUST(memcmp(digest, again, sizeof digest) != 0);
}

static void seeds(fuzz_give *give, void *arg)
{
	static const char *const texts[] = {"",        "x",      "Local\\x", "Global\\x",    "Local\\",     "Global\\",
	                                    "local\\x", "a/b",    "a\\b",     "Local\\a\\b",  "../escaped",  ".",
	                                    "..",       "-dash",  "\t \n",    "\xc3\xa4\xff", "Session\\x",  "/"};
	char longest[MOOR_NAME_MAX + 16];

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		give(arg, texts[i], strlen(texts[i]));
	memset(longest, 'n', sizeof longest);
	give(arg, longest, MOOR_NAME_MAX);
	give(arg, longest, MOOR_NAME_MAX + 1);
	memcpy(longest, "Global\\", 7);
	give(arg, longest, MOOR_NAME_MAX + 7);
	give(arg, longest, MOOR_NAME_MAX + 8);
}

const struct fuzz_target fuzz_name = {.name = "name", .longest = MOST, .one = one, .seeds = seeds};
