/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.c - the table, the goals and the CSV file.
 *
 * A cell's figure is the median of its repeats, with the least and the greatest; percentiles are exact, over the
 * samples of all repeats together, and never averaged. A ratio is that of two figures of the same run.
 */
#include "report.h"

#include <stdlib.h>

static const char *const thing_names[BENCH_THINGS] = {"round_trip", "stream"};
static const double percents[] = {50, 99, 99.9, 99.99};
#define PERCENTS (sizeof percents / sizeof *percents)

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const struct bench_cell *cell)
{
	const size_t n = cell->repeats;

	return n ? (cell->values[(n - 1) / 2] + cell->values[n / 2]) / 2 : 0;
}

/* A size of 0 asks for any, as does a cell of size 0. NULL if it was not measured. */
static const struct bench_cell *find(const struct bench_result *result, const struct bench_peer *peer,
                                     enum bench_thing thing, size_t size)
{
	for (size_t i = 0; i < result->count; i++) {
		const struct bench_cell *cell = &result->cells[i];

		if (cell->peer == peer && cell->thing == thing && cell->repeats &&
		    (!size || !cell->size || cell->size == size))
			return cell;
	}
	return NULL;
}

/* To the floor of the same thing and size; 0 if there is none. */
static double floor_ratio(const struct bench_result *result, const struct bench_cell *cell)
{
	const struct bench_cell *floor = find(result, &bench_floor, cell->thing, cell->size);

	return floor && median(floor) > 0 ? median(cell) / median(floor) : 0;
}

static double percentile_ns(const struct bench_cell *cell, double percent)
{
	return bench_ticks_ns(bench_percentile(cell->samples, cell->sample_count, percent));
}

/* So many digits that the ratio of two figures can be seen. */
static void print_ns(double ns)
{
	printf(" %9.*f", ns < 10 ? 2 : ns < 100 ? 1 : 0, ns);
}

static void print_cell(const struct bench_result *result, const struct bench_cell *cell)
{
	const double ratio = floor_ratio(result, cell);
	char size[24] = "-";

	if (cell->size)
		snprintf(size, sizeof size, "%zu", cell->size);
	printf("%8s  %-17s", size, cell->peer->name);
	print_ns(median(cell));
	print_ns(cell->values[0]);
	print_ns(cell->values[cell->repeats - 1]);
	if (ratio > 0)
		printf(" %8.2f", ratio);
	else
		printf(" %8s", "-");
	for (size_t i = 1; cell->sample_count && i < PERCENTS; i++)
		print_ns(percentile_ns(cell, percents[i]));
	putchar('\n');
}

void bench_report_table(struct bench_result *result)
{
	static const char *const titles[BENCH_THINGS] = {
	    "Round trip, ns (p50: the median of the repeats' medians; min, max: of those; others: of all samples)",
	    "Stream, ns a message (the median of the repeats, and their min and max)"};

	for (size_t i = 0; i < result->count; i++) {
		struct bench_cell *cell = &result->cells[i];

		qsort(cell->values, cell->repeats, sizeof *cell->values, compare);
		bench_sort(cell->samples, cell->sample_count);
	}
	for (int thing = 0; thing < BENCH_THINGS; thing++) {
		size_t size = 0;

		printf("\n%s\n%8s  %-17s %9s %9s %9s %8s", titles[thing], "bytes", "peer", thing ? "median" : "p50", "min",
		       "max", "/ floor");
		if (!thing)
			printf(" %9s %9s %9s", "p99", "p99.9", "p99.99");
		putchar('\n');
		for (size_t i = 0; i < result->count; i++) {
			const struct bench_cell *cell = &result->cells[i];

			if ((int)cell->thing != thing || !cell->repeats)
				continue;
			if (cell->size != size && size)
				putchar('\n');
			size = cell->size;
			print_cell(result, cell);
		}
	}
}

static void print_goal(const char *text, const struct bench_cell *above, const struct bench_cell *below, double goal,
                       bool at_most)
{
	double ratio;

	if (!above || !below || median(below) <= 0) {
		printf("  -     %s: not measured\n", text);
		return;
	}
	ratio = median(above) / median(below);
	printf("  %s  %s: %.2f\n", (at_most ? ratio <= goal : ratio >= goal) ? "pass" : "FAIL", text, ratio);
}

void bench_report_goals(const struct bench_result *result)
{
	const struct bench_peer *ours = &bench_mooring;
	const struct bench_cell *short_trip = find(result, ours, BENCH_ROUND_TRIP, 8);
	const struct bench_cell *ck_short_trip = NULL, *ck_short = NULL, *ck_long = NULL;

#ifdef BENCH_CK
	ck_short_trip = find(result, &bench_ck_ring, BENCH_ROUND_TRIP, 8);
	ck_short = find(result, &bench_ck_ring, BENCH_STREAM, 8);
	ck_long = find(result, &bench_ck_ring, BENCH_STREAM, 65536);
#endif
	puts("\nGoals (for information)");
	print_goal("round trip, 8 bytes: at most 1.35 x the floor", short_trip,
	           find(result, &bench_floor, BENCH_ROUND_TRIP, 0), 1.35, true);
	print_goal("round trip, 8 bytes: at most 0.70 x ck_ring", short_trip, ck_short_trip, 0.7, true);
	print_goal("stream, 8 bytes: at least 5 x ck_ring's rate", ck_short, find(result, ours, BENCH_STREAM, 8), 5, false);
	print_goal("stream, 65536 bytes: at least 0.9 x ck_ring's rate", ck_long,
	           find(result, ours, BENCH_STREAM, 65536), 0.9, false);
}

bool bench_report_csv(const struct bench_result *result, FILE *f)
{
	bool good;

	fputs("thing,bytes,peer,median_ns,min_ns,max_ns,ratio_to_floor,p50_ns,p99_ns,p99.9_ns,p99.99_ns,samples,repeats,"
	      "seed\n",
	      f);
	for (size_t i = 0; i < result->count; i++) {
		const struct bench_cell *cell = &result->cells[i];
		const double ratio = floor_ratio(result, cell);

		if (!cell->repeats)
			continue;
		fprintf(f, "%s,%zu,%s,%.3f,%.3f,%.3f,", thing_names[cell->thing], cell->size, cell->peer->name, median(cell),
		        cell->values[0], cell->values[cell->repeats - 1]);
		if (ratio > 0)
			fprintf(f, "%.4f", ratio);
		for (size_t j = 0; j < PERCENTS; j++) {
			fputc(',', f);
			if (cell->sample_count)
				fprintf(f, "%.1f", percentile_ns(cell, percents[j]));
		}
		fprintf(f, ",%zu,%zu,%llu\n", cell->sample_count, cell->repeats, (unsigned long long)result->seed);
	}
	good = !ferror(f);
	return fclose(f) == 0 && good;
}
