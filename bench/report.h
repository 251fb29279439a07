/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - what was measured of one peer, one thing and one size, and what is said about all of it.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "harness.h"

struct bench_cell {
	const struct bench_peer *peer;
	enum bench_thing thing;
	size_t size; /* 0: the same for every size */
	uint64_t warm_up, count;
	double *values;    /* ns, one a repeat: the median round trip; the time a message */
	size_t repeats;
	uint32_t *samples; /* ticks, of all repeats; NULL for streams */
	size_t sample_count;
};

struct bench_result {
	struct bench_cell *cells;
	size_t count;
	uint64_t seed;
	double distance;    /* of the processors, as a round trip of the floor in ns: all is measured there */
	unsigned elsewhere; /* figures that were not */
};

/* The table and the goals, to standard output. Sorts the samples. */
void bench_report_table(struct bench_result *result);
void bench_report_goals(const struct bench_result *result);
/* One line a cell. After bench_report_table. Closes the file. False: errno tells why not. */
bool bench_report_csv(const struct bench_result *result, FILE *f);

#endif
