/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.c - the table, the goals and the CSV file.
 *
 * A cell's figure is the median of its repeats, with the least and the greatest; percentiles are exact, over the
 * samples of all repeats together, and never averaged. A ratio is that of two figures of the same run.
 */
#include "report.h"

#include <stdlib.h>

static const struct {
	const char *name, *title, *unit;
	bool samples;
} things[BENCH_THINGS] = {
    [BENCH_ROUND_TRIP] = {"round_trip", "Round trip, ns", "ns", true},
    [BENCH_STREAM] = {"stream", "Stream, ns a message", "ns", false},
    [BENCH_PRODUCERS] = {"producers", "Producers, all on one processor: ns a message (of 64 bytes unless it says so)", "ns",
                         false},
    [BENCH_WAKE] = {"wake", "Wake-up of a blocked receiver, one way, ns", "ns", true},
    [BENCH_SAME] = {"same", "Round trip on one processor, ns", "ns", true},
    [BENCH_OPEN] = {"open", "Open to first message, both sides at once, ns", "ns", true},
    [BENCH_PUBLISH] = {"publish", "Cost of a send while nobody sleeps, ns", "ns", true},
    [BENCH_LOOP] = {"loop", "Send and receive in one thread, ns a pair", "ns", false},
    [BENCH_MEMORY] = {"memory", "Memory of both sides and the ring, bytes (what the kernel holds is not seen)", "bytes",
                      false},
    [BENCH_IDLE] = {"idle", "Wake-ups a second of a blocked receiver", "per_second", false}};

static const double percents[] = {50, 90, 99, 99.9, 99.99};
#define PERCENTS (sizeof percents / sizeof *percents)

bool bench_has_samples(enum bench_thing thing)
{
	return things[thing].samples;
}

double bench_sample_ns(const struct bench_cell *cell, double ticks)
{
	return bench_ticks_ns(ticks) / (cell->thing == BENCH_PUBLISH ? BENCH_BURST : 1);
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_cell_median(const struct bench_cell *cell)
{
	const size_t n = cell->repeats;

	return n ? (cell->sorted[(n - 1) / 2] + cell->sorted[n / 2]) / 2 : 0;
}

const struct bench_cell *bench_find(const struct bench_result *result, const struct bench_peer *peer,
                                    enum bench_thing thing, size_t size, unsigned producers)
{
	for (size_t i = 0; i < result->count; i++) {
		const struct bench_cell *cell = &result->cells[i];

		if (cell->peer == peer && cell->thing == thing && cell->repeats && cell->producers == producers &&
		    (!size || !cell->size || cell->size == size))
			return cell;
	}
	return NULL;
}

/*
 * To the floor of the same thing and size; 0 if there is none. Of what sleeps it is the futex; of several producers the
 * bare stream of one.
 */
static double floor_ratio(const struct bench_result *result, const struct bench_cell *cell)
{
	const bool sleeps = cell->thing == BENCH_WAKE || cell->thing == BENCH_SAME;
	const struct bench_cell *floor =
	    bench_find(result, sleeps ? &bench_futex : &bench_floor,
	               cell->thing == BENCH_PRODUCERS ? BENCH_STREAM : cell->thing, cell->size, 1);

	return floor && bench_cell_median(floor) > 0 ? bench_cell_median(cell) / bench_cell_median(floor) : 0;
}

double bench_cell_percentile(const struct bench_cell *cell, double percent)
{
	if ((double)cell->sample_count * (100 - percent) < 100)
		return 0;
	return bench_sample_ns(cell, bench_percentile(cell->samples, cell->sample_count, percent));
}

/* So many digits that the ratio of two figures can be seen. */
static void print_figure(double figure)
{
	printf(" %10.*f", figure < 10 ? 2 : figure < 100 ? 1 : 0, figure);
}

static void print_cell(const struct bench_result *result, const struct bench_cell *cell)
{
	const double ratio = cell->repeats ? floor_ratio(result, cell) : 0;
	char size[24] = "-";

	if (cell->size)
		snprintf(size, sizeof size, "%zu", cell->size);
	printf("%8s  ", size);
	if (cell->thing == BENCH_PRODUCERS)
		printf("%u x ", cell->producers);
	printf("%-*s", cell->thing == BENCH_PRODUCERS ? 13 : 17, cell->peer->name);
	if (!cell->repeats) {
		printf(" %s\n", cell->why);
		return;
	}
	print_figure(bench_cell_median(cell));
	print_figure(cell->sorted[0]);
	print_figure(cell->sorted[cell->repeats - 1]);
	if (ratio > 0)
		printf(" %8.2f", ratio);
	else
		printf(" %8s", "-");
	for (size_t i = 2; cell->sample_count && i < PERCENTS; i++) {
		const double value = bench_cell_percentile(cell, percents[i]);

		if (value > 0)
			print_figure(value);
		else
			printf(" %10s", "-");
	}
	putchar('\n');
}

/* The figures in order. What failed has none, whatever an earlier repeat said. */
static void settle(struct bench_result *result)
{
	for (size_t i = 0; i < result->count; i++) {
		struct bench_cell *cell = &result->cells[i];

		if (cell->why[0])
			cell->repeats = 0;
		memcpy(cell->sorted, cell->values, cell->repeats * sizeof *cell->sorted);
		qsort(cell->sorted, cell->repeats, sizeof *cell->sorted, compare);
		if (cell->sample_count)
			bench_sort(cell->samples, cell->sample_count);
	}
}

void bench_report_table(struct bench_result *result)
{
	settle(result);
	puts("\nmedian: of the repeats (of their medians, where there are percentiles); min, max: of those;\n"
	     "/ floor: to the floor, measured in the same run; p99, p99.9, p99.99: of all samples together");
	for (int thing = 0; thing < BENCH_THINGS; thing++) {
		size_t size = SIZE_MAX;
		unsigned producers = 0;

		for (size_t i = 0; i < result->count; i++) {
			const struct bench_cell *cell = &result->cells[i];

			if ((int)cell->thing != thing || (!cell->repeats && !cell->why[0]))
				continue;
			if (size == SIZE_MAX) {
				printf("\n%s\n%8s  %-17s %10s %10s %10s %8s", things[thing].title, "bytes", "peer", "median", "min",
				       "max", "/ floor");
				if (things[thing].samples)
					printf(" %10s %10s %10s", "p99", "p99.9", "p99.99");
				putchar('\n');
			} else if ((cell->size != size && size) || cell->producers != producers) {
				putchar('\n');
			}
			size = cell->size;
			producers = cell->producers;
			print_cell(result, cell);
		}
	}
}

static void print_goal(const char *text, const struct bench_cell *above, const struct bench_cell *below, double goal,
                       bool at_most)
{
	double ratio;

	if (!above || !below || bench_cell_median(below) <= 0) {
		printf("  -     %s: not measured\n", text);
		return;
	}
	ratio = bench_cell_median(above) / bench_cell_median(below);
	printf("  %s  %s: %.2f\n", (at_most ? ratio <= goal : ratio >= goal) ? "pass" : "FAIL", text, ratio);
}

/* `ours` is the peer's time at most so many times; of a stream the rate is the other way round. */
struct goal {
	const char *text;
	const struct bench_peer *above, *below;
	enum bench_thing thing;
	size_t size;
	unsigned above_producers, below_producers;
	double ratio;
	bool at_most;
};

void bench_report_goals(const struct bench_result *result)
{
	static const struct goal goals[] = {
	    {"round trip, 8 bytes: at most 1.20 x the floor", &bench_mooring, &bench_floor, BENCH_ROUND_TRIP, 8, 1, 1, 1.2,
	     true},
	    {"round trip, 64 bytes: at most 1.35 x the floor", &bench_mooring, &bench_floor, BENCH_ROUND_TRIP, 64, 1, 1, 1.35,
	     true},
	    {"a link's round trip, 8 bytes: at most 1.10 x a channel's", &bench_mooring_link, &bench_mooring, BENCH_ROUND_TRIP,
	     8, 1, 1, 1.1, true},
	    {"a link's round trip, 64 bytes: at most 1.10 x a channel's", &bench_mooring_link, &bench_mooring,
	     BENCH_ROUND_TRIP, 64, 1, 1, 1.1, true},
	    {"wake-up: at most 1.10 x futex", &bench_mooring, &bench_futex, BENCH_WAKE, 8, 1, 1, 1.1, true},
	    {"round trip on one processor: at most 1.15 x futex", &bench_mooring, &bench_futex, BENCH_SAME, 8, 1, 1, 1.15,
	     true},
#ifdef BENCH_CK
	    {"round trip, 8 bytes: at most 0.62 x ck_ring", &bench_mooring, &bench_ck_ring, BENCH_ROUND_TRIP, 8, 1, 1, 0.62,
	     true},
	    {"round trip, 64 bytes: at most 0.65 x ck_ring", &bench_mooring, &bench_ck_ring, BENCH_ROUND_TRIP, 64, 1, 1, 0.65,
	     true},
	    {"round trip, 1024 bytes: at most 1.00 x ck_ring", &bench_mooring, &bench_ck_ring, BENCH_ROUND_TRIP, 1024, 1, 1,
	     1, true},
	    {"round trip, 65536 bytes: at most 1.02 x ck_ring", &bench_mooring, &bench_ck_ring, BENCH_ROUND_TRIP, 65536, 1, 1,
	     1.02, true},
	    {"stream, 8 bytes: at least 8 x ck_ring's rate", &bench_ck_ring, &bench_mooring, BENCH_STREAM, 8, 1, 1, 8, false},
	    {"stream, 64 bytes: at least 5 x ck_ring's rate", &bench_ck_ring, &bench_mooring, BENCH_STREAM, 64, 1, 1, 5,
	     false},
	    {"stream, 256 bytes: at least 1.7 x ck_ring's rate", &bench_ck_ring, &bench_mooring, BENCH_STREAM, 256, 1, 1, 1.7,
	     false},
	    {"stream, 1024 bytes: at least 1.7 x ck_ring's rate", &bench_ck_ring, &bench_mooring, BENCH_STREAM, 1024, 1, 1,
	     1.7, false},
	    {"stream, 65536 bytes: at least 0.97 x ck_ring's rate", &bench_ck_ring, &bench_mooring, BENCH_STREAM, 65536, 1, 1,
	     0.97, false},
	    {"many producers' ring, round trip, 64 bytes: at most 0.5 x ck_ring's", &bench_mooring_mpsc, &bench_ck_ring_mpsc,
	     BENCH_ROUND_TRIP, 64, 1, 1, 0.5, true},
	    {"1 producer: at least 6 x the rate of ck_ring's with one", &bench_ck_ring_mpsc, &bench_mooring_mpsc,
	     BENCH_PRODUCERS, 64, 1, 1, 6, false},
	    {"2 producers: at least 6 x the rate of ck_ring's with one", &bench_ck_ring_mpsc, &bench_mooring_mpsc,
	     BENCH_PRODUCERS, 64, 1, 2, 6, false},
	    {"4 producers: at least 6 x the rate of ck_ring's with one", &bench_ck_ring_mpsc, &bench_mooring_mpsc,
	     BENCH_PRODUCERS, 64, 1, 4, 6, false},
#endif
	};
	const struct bench_cell *idle = bench_find(result, &bench_mooring, BENCH_IDLE, 8, 1);

	puts("\nGoals (for information)");
	for (size_t i = 0; i < sizeof goals / sizeof *goals; i++)
		print_goal(goals[i].text,
		           bench_find(result, goals[i].above, goals[i].thing, goals[i].size, goals[i].above_producers),
		           bench_find(result, goals[i].below, goals[i].thing, goals[i].size, goals[i].below_producers),
		           goals[i].ratio, goals[i].at_most);
	if (idle)
		printf("  %s  a blocked receiver: at most 12 wake-ups a second: %.1f\n",
		       bench_cell_median(idle) <= 12 ? "pass" : "FAIL", bench_cell_median(idle));
}

/* A comma or a quote in a reason would be read as more columns. */
static void csv_text(FILE *f, const char *text)
{
	fputc('"', f);
	for (; *text; text++)
		fputs(*text == '"' ? "\"\"" : (char[2]){*text, '\0'}, f);
	fputc('"', f);
}

static void csv_start(FILE *f, const struct bench_cell *cell, const char *repeat)
{
	fprintf(f, "%s,%zu,%u,%s,%s,%s,", things[cell->thing].name, cell->size, cell->producers, cell->peer->name, repeat,
	        things[cell->thing].unit);
}

static void csv_cell(const struct bench_result *result, const struct bench_cell *cell, FILE *f)
{
	const double ratio = cell->repeats ? floor_ratio(result, cell) : 0;

	csv_start(f, cell, "all");
	if (cell->repeats)
		fprintf(f, "%.3f,%.3f,%.3f,", bench_cell_median(cell), cell->sorted[0], cell->sorted[cell->repeats - 1]);
	else
		fputs(",,,", f);
	if (ratio > 0)
		fprintf(f, "%.4f", ratio);
	for (size_t i = 0; i < PERCENTS; i++) {
		const double value = cell->sample_count ? bench_cell_percentile(cell, percents[i]) : 0;

		fputc(',', f);
		if (value > 0)
			fprintf(f, "%.1f", value);
	}
	fprintf(f, ",%zu,%llu,", cell->sample_count, (unsigned long long)result->seed);
	if (!cell->repeats)
		csv_text(f, cell->why);
	fputc('\n', f);
	for (size_t i = 0; i < cell->repeats; i++) {
		char repeat[24];

		snprintf(repeat, sizeof repeat, "%zu", i + 1);
		csv_start(f, cell, repeat);
		fprintf(f, "%.3f,,,,,,,,,,%llu,\n", cell->values[i], (unsigned long long)result->seed);
	}
}

bool bench_report_csv(const struct bench_result *result, FILE *f)
{
	bool good;

	fputs("thing,bytes,producers,peer,repeat,unit,value,min,max,ratio_to_floor,p50,p90,p99,p99.9,p99.99,samples,seed,"
	      "why_not\n",
	      f);
	for (size_t i = 0; i < result->count; i++) {
		const struct bench_cell *cell = &result->cells[i];

		if (cell->repeats || cell->why[0])
			csv_cell(result, cell, f);
	}
	good = !ferror(f);
	return fclose(f) == 0 && good;
}
