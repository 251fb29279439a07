/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - what was measured of one peer, one thing, one size and so many producers, and what is said about all of it.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "harness.h"

struct bench_cell {
	const struct bench_peer *peer;
	enum bench_thing thing;
	size_t size; /* 0: the same for every size */
	unsigned producers;
	uint64_t warm_up, count, limit; /* ticks */
	unsigned wanted;                /* repeats */
	double *values;    /* ns (bytes, a second), one a repeat, in the order taken: of a round trip the median */
	double *sorted;    /* the same */
	size_t repeats;
	uint32_t *samples; /* ticks, of all repeats; NULL if the thing has none */
	size_t sample_count, taken; /* of all repeats; of the last */
	char why[160];     /* there is no figure, and why */
	bool skipped;      /* it cannot be done here; else it failed */
};

struct bench_result {
	struct bench_cell *cells;
	size_t count;
	uint64_t seed;
	double distance;    /* of the processors, as a round trip of the floor in ns: all is measured there */
	unsigned tries;     /* to measure a figure there */
	unsigned elsewhere; /* figures that were not */
	char machine[512];
};

/* Whether the thing takes a sample each, and how many messages each of them is about. */
bool bench_has_samples(enum bench_thing thing);
double bench_sample_ns(const struct bench_cell *cell, double ticks);

double bench_cell_median(const struct bench_cell *cell);
/* A size of 0 asks for any, as does a cell of size 0. NULL if it was not measured. */
const struct bench_cell *bench_find(const struct bench_result *result, const struct bench_peer *peer,
                                    enum bench_thing thing, size_t size, unsigned producers);
/* 0 if there are too few samples to tell. */
double bench_cell_percentile(const struct bench_cell *cell, double percent);

/* The table and the goals, to standard output. Sorts the samples. */
void bench_report_table(struct bench_result *result);
void bench_report_goals(const struct bench_result *result);
/* A line a cell, and one for each of its repeats. After bench_report_table. Closes the file. False: errno tells why. */
bool bench_report_csv(const struct bench_result *result, FILE *f);
/* SVG and PNG into the directory, by gnuplot. After bench_report_table. False: reported. */
bool bench_pictures(const struct bench_result *result, const char *directory);

#endif
