/* SPDX-License-Identifier: Apache-2.0 */
/*
 * moorbench.c - the benchmark: which measurements, how many, in what order; the options.
 *
 * A repeat measures everything once, in an order of its own. When the two processors turn out to be hyper-threads of
 * one core, which a virtual machine may find at any time, the repeat is measured again: its figures are those of
 * another machine.
 */
#include "one_core.h"
#include "report.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#define REPEATS_MAX 1000
#define SIZES_MAX 32
/* Distances (see below): how many round trips tell one, how often it is asked at first, how much it may differ and still
 * be the same, and how long to wait for it, in tenths of a second, before a figure is taken all the same. */
#define PROBE_SAMPLES 2000
#define PROBES 15
#define DISTANCE_SAME 1.6
#define DISTANCE_TRIES 50
#define ONE_CORE_RETRIES 10

static const struct bench_peer *const peers[] = {
    &bench_floor,
    &bench_floor_pausing,
    &bench_floor_one_line,
    &bench_mooring,
    &bench_mooring_in_place,
#ifdef BENCH_CK
    &bench_ck_ring,
#endif
};
#define PEERS (sizeof peers / sizeof *peers)

struct options {
	size_t sizes[SIZES_MAX], size_count;
	bool wanted[PEERS];
	unsigned repeats;
	bool quick;
	uint64_t seed;
	const char *csv;
};

static void usage(FILE *f)
{
	fputs("Usage: moorbench [OPTION]...\n"
	      "Measures round trips and streams of messages between two processes.\n"
	      "\n"
	      "  --repeats N      measure everything N times (5)\n"
	      "  --sizes N[,N]    bytes a message, 1 to 131072 (8,64,256,1024,4096,65536)\n"
	      "  --only P[,P]     these peers, and the floor that ratios are to\n"
	      "  --quick          a few seconds: less of everything, 3 repeats\n"
	      "  --seed N         the order of an earlier run\n"
	      "  --csv FILE       the figures, to a file too\n"
	      "  --help           this text\n"
	      "\n"
	      "Peers:\n",
	      f);
	for (size_t i = 0; i < PEERS; i++)
		fprintf(f, "  %-17s%s\n", peers[i]->name, peers[i]->what);
}

_Noreturn static void bad_option(const char *option, const char *value, const char *why)
{
	fprintf(stderr, "moorbench: %s %s: %s\nmoorbench: --help says what there is\n", option, value, why);
	exit(2);
}

/* A number up to `limit`, in the `len` characters at `text`. */
static bool parse_number(const char *text, size_t len, uint64_t limit, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (!len)
		return false;
	for (size_t i = 0; i < len; i++) {
		const unsigned digit = (unsigned)text[i] - '0';

		if (digit > 9 || number > limit / 10 || number * 10 > limit - digit)
			return false;
		number = number * 10 + digit;
	}
	*ret_number = number;
	return true;
}

static void parse_sizes(struct options *options, const char *list)
{
	options->size_count = 0;
	for (const char *at = list;;) {
		const size_t len = strcspn(at, ",");
		uint64_t size;

		if (!parse_number(at, len, BENCH_SIZE_MAX, &size) || !size)
			bad_option("--sizes", list, "not numbers from 1 to 131072 with commas between");
		if (options->size_count == SIZES_MAX)
			bad_option("--sizes", list, "more than 32");
		options->sizes[options->size_count++] = (size_t)size;
		if (!at[len])
			return;
		at += len + 1;
	}
}

static void parse_only(struct options *options, const char *list)
{
	for (size_t i = 0; i < PEERS; i++)
		options->wanted[i] = peers[i] == &bench_floor;
	for (const char *at = list;;) {
		const size_t len = strcspn(at, ",");
		size_t i = 0;

		while (i < PEERS && (strlen(peers[i]->name) != len || strncmp(peers[i]->name, at, len) != 0))
			i++;
		if (i == PEERS)
			bad_option("--only", list, "there is no such peer here");
		options->wanted[i] = true;
		if (!at[len])
			return;
		at += len + 1;
	}
}

static void parse(struct options *options, int argc, char **argv)
{
	enum { REPEATS = 256, SIZES, ONLY, QUICK, SEED, CSV, HELP };
	static const struct option known[] = {
	    {"repeats", required_argument, NULL, REPEATS}, {"sizes", required_argument, NULL, SIZES},
	    {"only", required_argument, NULL, ONLY},       {"quick", no_argument, NULL, QUICK},
	    {"seed", required_argument, NULL, SEED},       {"csv", required_argument, NULL, CSV},
	    {"help", no_argument, NULL, HELP},             {NULL, 0, NULL, 0}};
	uint64_t number;
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (c) {
		case REPEATS:
			if (!parse_number(optarg, strlen(optarg), REPEATS_MAX, &number) || !number)
				bad_option("--repeats", optarg, "not a number from 1 to 1000");
			options->repeats = (unsigned)number;
			break;
		case SIZES:
			parse_sizes(options, optarg);
			break;
		case ONLY:
			parse_only(options, optarg);
			break;
		case QUICK:
			options->quick = true;
			break;
		case SEED:
			if (!parse_number(optarg, strlen(optarg), UINT64_MAX, &options->seed))
				bad_option("--seed", optarg, "not a number");
			break;
		case CSV:
			options->csv = optarg;
			break;
		case HELP:
			usage(stdout);
			exit(0);
		default: /* getopt_long has said what is wrong */
			fputs("moorbench: --help says what there is\n", stderr);
			exit(2);
		}
	}
	if (optind < argc)
		bad_option("argument", argv[optind], "moorbench takes options only");
}

/* SplitMix64 (Steele, Lea, Flood 2014): any seed will do. */
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static void shuffle(size_t *order, size_t n, uint64_t *random)
{
	for (size_t i = n; i > 1; i--) {
		const size_t j = (size_t)(random_next(random) % i), swapped = order[i - 1];

		order[i - 1] = order[j];
		order[j] = swapped;
	}
}

/* So many that a cell takes some tenths of a second, and 99.99 % of the repeats' samples leaves more than a few. */
static void set_counts(struct bench_cell *cell, const struct options *options)
{
	const size_t size = cell->size ? cell->size : 8, ring = 2 * BENCH_CAPACITY / size;
	const unsigned less = options->quick ? 20 : 1;

	if (cell->thing == BENCH_STREAM) {
		const size_t most = ((size_t)1 << 30) / size;

		cell->count = (most < 2000000 ? most : 2000000) / (less / 2 + 1);
		cell->warm_up = ring; /* every page of it is there, and it is as full as it will be */
	} else {
		cell->count = (size <= 1024 ? 100000 : size <= 4096 ? 60000 : 20000) / less;
		cell->warm_up = ring < 200 ? 200 : ring < 40000 ? ring : 40000;
	}
}

static void add_cell(struct bench_result *result, const struct options *options, const struct bench_peer *peer,
                     enum bench_thing thing, size_t size)
{
	struct bench_cell *cell = &result->cells[result->count++];

	*cell = (struct bench_cell){.peer = peer, .thing = thing, .size = size};
	set_counts(cell, options);
	cell->values = calloc(options->repeats, sizeof *cell->values);
	if (thing == BENCH_ROUND_TRIP)
		cell->samples = calloc(options->repeats * cell->count, sizeof *cell->samples);
	if (!cell->values || (thing == BENCH_ROUND_TRIP && !cell->samples)) {
		fputs("moorbench: out of memory\n", stderr);
		exit(1);
	}
}

static void make_cells(struct bench_result *result, const struct options *options, bool one_processor)
{
	result->cells = calloc(BENCH_THINGS * PEERS * (options->size_count + 1), sizeof *result->cells);
	if (!result->cells) {
		fputs("moorbench: out of memory\n", stderr);
		exit(1);
	}
	for (int thing = 0; thing < BENCH_THINGS; thing++) {
		for (size_t s = 0; s < options->size_count; s++) {
			for (size_t p = 0; p < PEERS; p++) {
				const bool once = peers[p]->floor && thing == BENCH_ROUND_TRIP;

				if (options->wanted[p] && peers[p]->run[thing] && !(one_processor && peers[p]->spins) && !(once && s))
					add_cell(result, options, peers[p], (enum bench_thing)thing, once ? 0 : options->sizes[s]);
			}
		}
	}
}

/* One run: the figure in ns. Samples go to `shared`. Ends the program when it fails. */
static double measure(const struct bench_cell *cell, struct bench_shared *shared, struct bench_processors processors)
{
	const size_t size = cell->size ? cell->size : 8;
	struct bench_run run = {
	    .thing = cell->thing, .size = size, .warm_up = cell->warm_up, .count = cell->count, .shared = shared};
	bool good = true;

	if (cell->peer->make) {
		run.made = cell->peer->make(size);
		good = run.made != NULL;
	}
	good = good && bench_run_pair(cell->peer, &run, processors);
	if (run.made)
		cell->peer->unmake(run.made, size);
	if (!good)
		exit(1);
	return bench_ticks_ns((double)shared->stream_ticks) / (double)cell->count;
}

static bool one_core(struct bench_shared *shared, struct bench_processors processors)
{
	bool is_one;

	if (!bench_one_core(shared, processors, &is_one))
		exit(1);
	return is_one;
}

/*
 * How far apart the two processors are: a short round trip of the floor. A host that moves virtual processors about can
 * change it fourfold in the midst of a run, and figures from here and there must not be compared.
 */
static double distance(struct bench_shared *shared, struct bench_processors processors)
{
	const struct bench_cell probe = {
	    .peer = &bench_floor, .thing = BENCH_ROUND_TRIP, .warm_up = 500, .count = PROBE_SAMPLES};

	if (processors.second < 0)
		return 0;
	(void)measure(&probe, shared, processors);
	bench_sort(shared->samples, probe.count);
	return bench_ticks_ns(bench_median(shared->samples, probe.count));
}

static bool is_near(double a, double b)
{
	return a <= b * DISTANCE_SAME && b <= a * DISTANCE_SAME;
}

/* The distance to measure at: that of most of the time. */
static double usual_distance(struct bench_shared *shared, struct bench_processors processors)
{
	double seen[PROBES];
	size_t best = 0, best_count = 0;

	for (size_t i = 0; i < PROBES; i++) {
		seen[i] = distance(shared, processors);
		nanosleep(&(const struct timespec){.tv_nsec = 100000000}, NULL);
	}
	for (size_t i = 0; i < PROBES; i++) {
		size_t count = 0;

		for (size_t j = 0; j < PROBES; j++)
			count += is_near(seen[i], seen[j]);
		if (count > best_count) {
			best = i;
			best_count = count;
		}
	}
	return seen[best];
}

/* Again while the processors were elsewhere before or after it. The figure of a round trip is the median's. */
static double measure_there(struct bench_cell *cell, struct bench_result *result, struct bench_shared *shared,
                            struct bench_processors processors)
{
	double value;

	for (unsigned tries = 0;; tries++) {
		const bool there = is_near(distance(shared, processors), result->distance);

		if (!there && tries < DISTANCE_TRIES) {
			nanosleep(&(const struct timespec){.tv_nsec = 100000000}, NULL);
			continue;
		}
		value = measure(cell, shared, processors);
		if (cell->thing == BENCH_ROUND_TRIP) {
			memcpy(cell->samples + cell->sample_count, shared->samples, cell->count * sizeof *cell->samples);
			bench_sort(shared->samples, cell->count);
			value = bench_ticks_ns(bench_median(shared->samples, cell->count));
		}
		if (tries >= DISTANCE_TRIES)
			result->elsewhere++;
		if (tries >= DISTANCE_TRIES || is_near(distance(shared, processors), result->distance))
			return value;
	}
}

/* Measures everything once; not counted unless the caller counts it. False: on one core. */
static bool measure_all(struct bench_result *result, const size_t *order, struct bench_shared *shared,
                        struct bench_processors processors)
{
	if (one_core(shared, processors))
		return false;
	for (size_t i = 0; i < result->count; i++) {
		struct bench_cell *cell = &result->cells[order[i]];

		cell->values[cell->repeats] = measure_there(cell, result, shared, processors);
	}
	return !one_core(shared, processors);
}

static void print_machine(const struct options *options, struct bench_processors processors)
{
	char line[256], model[256] = "";
	FILE *f = fopen("/proc/cpuinfo", "re");
	struct utsname system;

	while (f && !model[0] && fgets(line, sizeof line, f))
		(void)sscanf(line, "model name : %255[^\n]", model);
	if (f)
		fclose(f);
	if (uname(&system))
		snprintf(system.release, sizeof system.release, "?");
	printf("moorbench: %s, Linux %s, processor%s %d", model[0] ? model : "?", system.release,
	       processors.second < 0 ? "" : "s", processors.first);
	if (processors.second >= 0)
		printf(" and %d", processors.second);
	printf("; %u repeats, --seed %llu\n", options->repeats, (unsigned long long)options->seed);
	if (processors.second < 0)
		puts("note: there is only one processor. What only spins (the floor, ck_ring) is left out: its round trip\n"
		     "      would take milliseconds. There are no ratios, and the figures are those of sleeping and waking.");
}

int main(int argc, char **argv)
{
	struct options options = {.sizes = {8, 64, 256, 1024, 4096, 65536}, .size_count = 6};
	struct bench_processors processors;
	struct bench_result result = {0};
	struct bench_shared *shared;
	unsigned done = 0, discarded = 0;
	size_t *order, samples = BENCH_ONE_CORE_SAMPLES;
	uint64_t random;
	FILE *csv = NULL;

	for (size_t i = 0; i < PEERS; i++)
		options.wanted[i] = true;
	options.seed = (uint64_t)time(NULL) * 1000 + (uint64_t)getpid() % 1000;
	parse(&options, argc, argv);
	if (!options.repeats)
		options.repeats = options.quick ? 3 : 5;
	processors = bench_processors_find();
	result.seed = random = options.seed;
	make_cells(&result, &options, processors.second < 0);
	for (size_t i = 0; i < result.count; i++)
		samples = result.cells[i].count > samples && result.cells[i].samples ? result.cells[i].count : samples;
	if (options.csv) { /* now, not after minutes */
		csv = fopen(options.csv, "we");
		if (!csv)
			bad_option("--csv", options.csv, strerror(errno));
	}
	order = calloc(result.count + 1, sizeof *order);
	shared = bench_memory(sizeof *shared + samples * sizeof *shared->samples);
	if (!order || !shared) {
		fputs("moorbench: out of memory\n", stderr);
		return 1;
	}
	for (size_t i = 0; i < result.count; i++)
		order[i] = i;
	print_machine(&options, processors);
	bench_clock_start();
	result.distance = usual_distance(shared, processors);
	while (done < options.repeats && discarded <= ONE_CORE_RETRIES) {
		shuffle(order, result.count, &random);
		if (!measure_all(&result, order, shared, processors)) {
			discarded++;
			nanosleep(&(const struct timespec){.tv_nsec = 300000000}, NULL);
			continue;
		}
		done++;
		for (size_t i = 0; i < result.count; i++) {
			struct bench_cell *cell = &result.cells[i];

			cell->repeats++;
			cell->sample_count += cell->samples ? cell->count : 0;
		}
	}
	if (result.elsewhere)
		printf("note: %u figures were taken while the processors were further apart, or nearer, than usual\n",
		       result.elsewhere);
	if (discarded)
		printf("note: in %u repeats the processors were hyper-threads of one core: not counted, measured again%s\n",
		       discarded, done < options.repeats ? " until there had been too many" : "");
	if (!done) {
		puts("note: no repeat is left to report.");
		return 0;
	}
	if (done < options.repeats)
		printf("note: %u of %u repeats are left.\n", done, options.repeats);
	bench_report_table(&result);
	bench_report_goals(&result);
	if (csv && !bench_report_csv(&result, csv)) {
		fprintf(stderr, "moorbench: %s: %s\n", options.csv, strerror(errno));
		return 1;
	}
	return 0;
}
