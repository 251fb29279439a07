/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fuzz.c - the fuzzers without a fuzzer: each made seed, each file of tests/fuzz/corpus/TARGET (bugs that were found
 * are among them), and some of them with bytes changed at random, the same in every run. In every build, that with the
 * sanitizers included. MOORING_FUZZ_STEPS: how many changed ones of each target.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/lib/testing.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 1000
#define SEEDS_MOST 1024

struct seed {
	uint8_t *data;
	size_t len;
};
static struct seed seeds[SEEDS_MOST];
static size_t seed_count;

static void add_seed(void *arg, const void *data, size_t len)
{
	struct seed *seed = &seeds[seed_count++];

	(void)arg;
	t_assert(seed_count <= SEEDS_MOST);
	*seed = (struct seed){malloc(len + 1), len};
	t_assert(seed->data);
	if (len)
		memcpy(seed->data, data, len);
}

static void add_file(const char *path)
{
	static uint8_t data[65536];
	FILE *file = fopen(path, "re");
	size_t len;

	ck_assert_msg(file, "%s: cannot be read", path);
	len = fread(data, 1, sizeof data, file);
	fclose(file);
	add_seed(NULL, data, len);
}

/* From the build directory; by hand, from build*, too. */
static void add_files(const char *name)
{
	const char *srcdir = getenv("srcdir");
	struct dirent *entry;
	char path[4096];
	DIR *dir;

	snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : "..", name);
	dir = opendir(path);
	if (!dir)
		return; /* none was stored */
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s/%s", srcdir ? srcdir : "..", name, entry->d_name);
		add_file(path);
	}
	closedir(dir);
}

static void run_changed(const struct fuzz_target *target, uint64_t *state)
{
	const struct seed *seed = &seeds[t_random(state) % seed_count];
	uint8_t *data = malloc(seed->len + 1);
	size_t len = seed->len;

	t_assert(data);
	memcpy(data, seed->data, seed->len);
	for (uint64_t n = t_random(state) % 4; n && len; n--)
		data[t_random(state) % len] = (uint8_t)t_random(state);
	if (t_random(state) % 4 == 0)
		len = t_random(state) % (len + 1);
	target->one(data, len);
	free(data);
}

START_TEST(test_H7_seeds)
{
	const struct fuzz_target *target = fuzz_targets[_i];
	const char *steps = getenv("MOORING_FUZZ_STEPS");
	uint64_t state = 1;

	target->seeds(add_seed, NULL);
	t_assert(seed_count > 0);
	add_files(target->name);
	for (size_t i = 0; i < seed_count; i++)
		target->one(seeds[i].data, seeds[i].len);
	for (unsigned long i = steps ? strtoul(steps, NULL, 10) : STEPS; i; i--)
		run_changed(target, &state);
	for (size_t i = 0; i < seed_count; i++)
		free(seeds[i].data);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("fuzz");
	TCase *tc = tcase_create("fuzz");
	int count = 0;

	while (fuzz_targets[count])
		count++;
	tcase_set_timeout(tc, 300);
	tcase_add_loop_test(tc, test_H7_seeds, 0, count);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return t_main(suite());
}
