/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry.c - what libFuzzer calls. MOORING_FUZZ names the target. With MOORING_FUZZ_SEEDS the program writes that target's
 * made seeds into a directory and ends.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct fuzz_target *target;

struct writer {
	const char *dir;
	unsigned count;
};

static void write_seed(void *arg, const void *data, size_t len)
{
	struct writer *writer = arg;
	char path[4096];
	FILE *file;

	snprintf(path, sizeof path, "%s/made-%03u", writer->dir, writer->count++);
	file = fopen(path, "we");
	if (!file || fwrite(data, 1, len, file) != len || fclose(file) != 0) {
		perror(path);
		exit(1);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *name = getenv("MOORING_FUZZ");
	struct writer writer = {.dir = getenv("MOORING_FUZZ_SEEDS")};

	(void)argc;
	(void)argv;
	target = name ? fuzz_find(name) : NULL;
	if (!target) {
		fprintf(stderr, "MOORING_FUZZ must be one of:");
		for (size_t i = 0; fuzz_targets[i]; i++)
			fprintf(stderr, " %s", fuzz_targets[i]->name);
		fprintf(stderr, "\n");
		exit(2);
	}
	if (writer.dir) {
		target->seeds(write_seed, &writer);
		exit(0);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len <= target->longest)
		target->one(data, len);
	return 0;
}
