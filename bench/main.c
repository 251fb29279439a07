/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - mooring-bench(1): which measurements, how many, in what order; the options.
 *
 * A repeat measures everything once, in an order of its own. When the two processors turn out to be hyper-threads of
 * one core, which a virtual machine may find at any time, the repeat is measured again: its figures are those of
 * another machine.
 */
#include "measure.h"
#include "one_core.h"
#include "report.h"

#include <mooring/map.h>

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
#define DISTANCE_TRIES_QUICK 2
#define ONE_CORE_RETRIES 10

static const struct bench_peer *const peers[] = {
    &bench_floor,
    &bench_floor_pausing,
    &bench_floor_one_line,
    &bench_futex,
    &bench_mooring,
    &bench_mooring_in_place,
    &bench_mooring_batch,
    &bench_mooring_16k,
    &bench_mooring_mpsc,
    &bench_mooring_link,
#ifdef BENCH_CK
    &bench_ck_ring,
    &bench_ck_ring_mpsc,
#endif
#ifdef BENCH_DPDK
    &bench_rte_ring,
    &bench_rte_ring_mpsc,
#endif
#ifdef BENCH_BOOST
    &bench_boost_spsc,
    &bench_boost_mq,
#endif
#ifdef BENCH_QB
    &bench_qb,
#endif
#ifdef BENCH_ZMQ
    &bench_zmq,
#endif
#ifdef BENCH_NNG
    &bench_nng,
#endif
    &bench_mq,
    &bench_pipe,
    &bench_unix_stream,
    &bench_unix_seqpacket,
};
#define PEERS (sizeof peers / sizeof *peers)

struct options {
	size_t sizes[SIZES_MAX], size_count;
	bool wanted[PEERS];
	unsigned repeats;
	unsigned things;
	bool quick;
	uint64_t seed;
	uint64_t loop; /* messages of the one thread that is all; 0: no */
	const char *csv, *pictures;
};

static const char *const thing_names[BENCH_THINGS] = {"round-trip", "stream",  "producers", "wake",   "same",
                                                      "open",       "publish", "loop",      "memory", "idle"};
static const unsigned producer_counts[] = {1, 2, 4, 8};

static void usage(FILE *f)
{
	fputs("usage: mooring bench [OPTION]...\n"
	      "Measures messages between processes, through mooring and what else is there, all in one interleaved run.\n"
	      "\n"
	      "  --repeats N      measure everything N times (5)\n"
	      "  --sizes N[,N]    bytes a message, 1 to 131072 (8,64,256,1024,4096,65536)\n"
	      "  --only P[,P]     these peers, and the floors that ratios are to\n"
	      "  --things T[,T]   these things only\n"
	      "  --quick          half a minute: less of everything, 3 repeats, sizes 8,64,1024,65536\n"
	      "  --seed N         the order of an earlier run\n"
	      "  --csv FILE       the figures, to a file too\n"
	      "  --pictures DIR   the figures as SVG and PNG, into a directory that is there (needs gnuplot)\n"
	      "  --loop N         nothing else: N sends and receives in one thread, of the first size, for a profiler\n"
	      "  --help           this text\n"
	      "\n"
	      "Things:\n ",
	      f);
	for (int i = 0; i < BENCH_THINGS; i++)
		fprintf(f, " %s", thing_names[i]);
	fputs("\n\nPeers:\n", f);
	for (size_t i = 0; i < PEERS; i++)
		fprintf(f, "  %-21s%s\n", peers[i]->name, peers[i]->what);
}

_Noreturn static void bad_option(const char *option, const char *value, const char *why)
{
	fprintf(stderr, "mooring-bench: %s %s: %s\nmooring-bench: --help says what there is\n", option, value, why);
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

/* Calls `choose` for each name of a list; false: one is none. */
static bool each_name(const char *list, struct options *options,
                      bool (*choose)(struct options *options, const char *name, size_t len))
{
	for (const char *at = list;;) {
		const size_t len = strcspn(at, ",");

		if (!choose(options, at, len))
			return false;
		if (!at[len])
			return true;
		at += len + 1;
	}
}

static bool is_name(const char *known, const char *name, size_t len)
{
	return strlen(known) == len && strncmp(known, name, len) == 0;
}

static bool choose_peer(struct options *options, const char *name, size_t len)
{
	for (size_t i = 0; i < PEERS; i++) {
		if (is_name(peers[i]->name, name, len))
			return options->wanted[i] = true;
	}
	return false;
}

static bool choose_thing(struct options *options, const char *name, size_t len)
{
	for (unsigned i = 0; i < BENCH_THINGS; i++) {
		if (is_name(thing_names[i], name, len)) {
			options->things |= 1u << i;
			return true;
		}
	}
	return false;
}

static void parse_only(struct options *options, const char *list)
{
	for (size_t i = 0; i < PEERS; i++)
		options->wanted[i] = peers[i] == &bench_floor || peers[i] == &bench_futex;
	if (!each_name(list, options, choose_peer))
		bad_option("--only", list, "there is no such peer here");
}

static void parse_things(struct options *options, const char *list)
{
	options->things = 0;
	if (!each_name(list, options, choose_thing))
		bad_option("--things", list, "there is no such thing");
}

static void use_usual_sizes(struct options *options)
{
	static const size_t full[] = {8, 64, 256, 1024, 4096, 65536}, quick[] = {8, 64, 1024, 65536};

	options->size_count = options->quick ? sizeof quick / sizeof *quick : sizeof full / sizeof *full;
	memcpy(options->sizes, options->quick ? quick : full, options->size_count * sizeof *full);
}

static void parse(struct options *options, int argc, char **argv)
{
	enum { REPEATS = 256, SIZES, ONLY, THINGS, QUICK, SEED, CSV, PICTURES, LOOP, HELP };
	static const struct option known[] = {
	    {"repeats", required_argument, NULL, REPEATS}, {"sizes", required_argument, NULL, SIZES},
	    {"only", required_argument, NULL, ONLY},       {"things", required_argument, NULL, THINGS},
	    {"quick", no_argument, NULL, QUICK},           {"seed", required_argument, NULL, SEED},
	    {"csv", required_argument, NULL, CSV},         {"pictures", required_argument, NULL, PICTURES},
	    {"loop", required_argument, NULL, LOOP},       {"help", no_argument, NULL, HELP},
	    {NULL, 0, NULL, 0}};
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
		case THINGS:
			parse_things(options, optarg);
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
		case PICTURES:
			options->pictures = optarg;
			break;
		case LOOP:
			if (!parse_number(optarg, strlen(optarg), UINT32_MAX, &options->loop) || !options->loop)
				bad_option("--loop", optarg, "not a number of messages");
			break;
		case HELP:
			usage(stdout);
			exit(0);
		default: /* getopt_long has said what is wrong */
			fputs("mooring-bench: --help says what there is\n", stderr);
			exit(2);
		}
	}
	if (!options->repeats)
		options->repeats = options->quick ? 3 : 5;
	if (!options->size_count)
		use_usual_sizes(options);
	if (optind < argc)
		bad_option("argument", argv[optind], "mooring-bench takes options only");
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

/*
 * So many that a cell takes some tenths of a second, and 99.99 % of the repeats' samples leaves more than a few; of what
 * is slow as many as there is time for.
 */
static void set_counts(struct bench_cell *cell, const struct options *options)
{
	const size_t size = cell->size ? cell->size : 8, ring = 2 * BENCH_CAPACITY / size;
	const size_t most = ((size_t)1 << 30) / size;
	const unsigned less = options->quick ? 20 : 1;

	cell->limit = bench_ns_ticks(options->quick ? 2e7 : 2.5e8);
	cell->wanted = options->repeats;
	cell->warm_up = 0;
	switch (cell->thing) {
	case BENCH_STREAM:
	case BENCH_PRODUCERS:
		cell->count = (most < 2000000 ? most : 2000000) / (less / 2 + 1);
		cell->warm_up = ring; /* every page of it is there, and it is as full as it will be */
		break;
	case BENCH_WAKE:
		cell->count = options->quick ? 20 : 300;
		break;
	case BENCH_OPEN:
		cell->count = options->quick ? 5 : 100;
		break;
	case BENCH_PUBLISH:
		cell->count = options->quick ? 100 : 2000;
		break;
	case BENCH_LOOP:
		cell->count = options->quick ? 50000 : 1000000;
		cell->warm_up = ring;
		break;
	case BENCH_MEMORY:
		cell->count = ring / 2;
		cell->wanted = options->repeats < 3 || options->quick ? 1 : 3;
		break;
	case BENCH_IDLE:
		cell->count = 1;
		cell->limit = bench_ns_ticks(options->quick ? 3e8 : 1e9);
		cell->wanted = options->repeats < 3 || options->quick ? 1 : 3;
		break;
	default:
		cell->count = (size <= 1024 ? 100000 : size <= 4096 ? 60000 : 20000) / less;
		cell->warm_up = ring < 200 ? 200 : ring < 40000 ? ring : 40000;
	}
}

static void add_cell(struct bench_result *result, const struct options *options, const struct bench_peer *peer,
                     enum bench_thing thing, size_t size, unsigned producers)
{
	struct bench_cell *cell = &result->cells[result->count++];

	*cell = (struct bench_cell){.peer = peer, .thing = thing, .size = size, .producers = producers};
	set_counts(cell, options);
	cell->values = calloc(cell->wanted, sizeof *cell->values);
	cell->sorted = calloc(cell->wanted, sizeof *cell->sorted);
	if (bench_has_samples(thing))
		cell->samples = calloc(cell->wanted * cell->count, sizeof *cell->samples);
	if (!cell->values || !cell->sorted || (bench_has_samples(thing) && !cell->samples))
		bench_no_memory();
	if (peer->size_max && size > peer->size_max) {
		snprintf(cell->why, sizeof cell->why, "a message has at most %zu bytes", peer->size_max);
		cell->skipped = true;
	}
}

/* What has one size: that of --sizes which is nearest the usual. */
static size_t usual_size(const struct options *options, enum bench_thing thing)
{
	const size_t usual = thing == BENCH_WAKE || thing == BENCH_SAME || thing == BENCH_IDLE ? 8 : 64;

	for (size_t i = 0; i < options->size_count; i++) {
		if (options->sizes[i] == usual)
			return usual;
	}
	return options->sizes[0];
}

static void add_things(struct bench_result *result, const struct options *options, enum bench_thing thing, size_t size,
                       unsigned producers, bool one_processor, bool first)
{
	for (size_t p = 0; p < PEERS; p++) {
		const bool once = peers[p]->floor && thing == BENCH_ROUND_TRIP;

		if (options->wanted[p] && peers[p]->things >> thing & 1 && !(one_processor && peers[p]->spins) &&
		    !(once && !first))
			add_cell(result, options, peers[p], thing, once ? 0 : size, producers);
	}
}

static void make_cells(struct bench_result *result, const struct options *options, bool one_processor)
{
	const unsigned several = (unsigned)(sizeof producer_counts / sizeof *producer_counts);

	result->cells = calloc(PEERS * (2 * options->size_count + several + BENCH_THINGS), sizeof *result->cells);
	if (!result->cells)
		bench_no_memory();
	for (unsigned thing = 0; thing < BENCH_THINGS; thing++) {
		const enum bench_thing t = (enum bench_thing)thing;

		/* With one processor nobody can be awake while the other sends. */
		if (!(options->things >> thing & 1) || (one_processor && (t == BENCH_WAKE || t == BENCH_PUBLISH)))
			continue;
		if (t == BENCH_ROUND_TRIP || t == BENCH_STREAM) {
			for (size_t s = 0; s < options->size_count; s++)
				add_things(result, options, t, options->sizes[s], 1, one_processor, s == 0);
		} else if (t == BENCH_PRODUCERS) {
			for (unsigned i = 0; i < several; i += options->quick ? 2 : 1)
				add_things(result, options, t, usual_size(options, t), producer_counts[i], one_processor, true);
		} else {
			add_things(result, options, t, usual_size(options, t), 1, one_processor, true);
		}
	}
}

/* Nothing but the processes: what the memory of the others is in excess of. */
static void nothing_open(void *end, const struct bench_run *run) { (void)end, (void)run; }
static void nothing_close(void *end) { (void)end; }
static void nothing_send(void *end, uint64_t number) { (void)end, (void)number; }
static uint64_t nothing_receive(void *end, uint64_t number)
{
	(void)end;
	return number;
}
static void nothing_run(const struct bench_run *run)
{
	bench_measure(run, NULL, nothing_open, nothing_close, nothing_send, nothing_receive);
}
static const struct bench_peer nothing = {.name = "nothing", .run = nothing_run};

/* The samples' median, or what else the thing's figure is. Sorts the samples. */
static double figure(const struct bench_cell *cell, struct bench_shared *shared)
{
	if (cell->thing == BENCH_MEMORY || cell->thing == BENCH_IDLE)
		return shared->value;
	if (!shared->done)
		return 0;
	if (!bench_has_samples(cell->thing))
		return bench_ticks_ns((double)shared->ticks) / (double)shared->done;
	bench_sort(shared->samples, shared->done);
	return bench_sample_ns(cell, bench_median(shared->samples, shared->done));
}

static struct bench_run run_of(const struct bench_cell *cell, struct bench_shared *shared)
{
	return (struct bench_run){.thing = cell->thing,
	                          .producers = cell->producers,
	                          .size = cell->size ? cell->size : 8,
	                          .warm_up = cell->warm_up,
	                          .count = cell->count,
	                          .limit = cell->limit,
	                          .shared = shared};
}

/* One run. False: shared->why says why there is no figure. */
static bool measure(const struct bench_peer *peer, const struct bench_cell *cell, struct bench_shared *shared,
                    struct bench_processors processors)
{
	struct bench_run run = run_of(cell, shared);
	bool good;

	shared->why[0] = '\0';
	if (peer->make) {
		run.made = peer->make(&run);
		if (!run.made) {
			shared->skipped = 0;
			snprintf(shared->why, sizeof shared->why, "it could not be made");
			return false;
		}
	}
	good = bench_run_all(peer, &run, processors);
	if (run.made)
		peer->unmake(run.made, &run);
	if (good && !shared->done && bench_has_samples(cell->thing)) {
		snprintf(shared->why, sizeof shared->why, "not one came through in the time");
		return false;
	}
	return good;
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
	    .thing = BENCH_ROUND_TRIP, .producers = 1, .warm_up = 500, .count = PROBE_SAMPLES, .limit = UINT64_MAX};

	if (processors.second < 0)
		return 0;
	if (!measure(&bench_floor, &probe, shared, processors)) {
		fprintf(stderr, "mooring-bench: the floor: %s\n", shared->why);
		exit(1);
	}
	return figure(&probe, shared);
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

/* A cell's figure, and its samples behind those of earlier repeats. False: why not is in the cell. */
static bool measure_cell(struct bench_cell *cell, struct bench_shared *shared, struct bench_processors processors,
                         double *ret_value)
{
	double nothing_there = 0;

	if (cell->thing == BENCH_MEMORY && measure(&nothing, cell, shared, processors))
		nothing_there = figure(cell, shared);
	if (!measure(cell->peer, cell, shared, processors)) {
		memcpy(cell->why, shared->why, sizeof cell->why);
		cell->skipped = shared->skipped;
		return false;
	}
	*ret_value = figure(cell, shared) - nothing_there;
	if (cell->samples) {
		memcpy(cell->samples + cell->sample_count, shared->samples, shared->done * sizeof *cell->samples);
		cell->taken = shared->done;
	}
	return true;
}

/* Again while the processors were elsewhere before or after it. */
static bool measure_there(struct bench_cell *cell, struct bench_result *result, struct bench_shared *shared,
                          struct bench_processors processors, double *ret_value)
{
	for (unsigned tries = 0;; tries++) {
		const bool there = is_near(distance(shared, processors), result->distance);

		if (!there && tries < result->tries) {
			nanosleep(&(const struct timespec){.tv_nsec = 100000000}, NULL);
			continue;
		}
		if (!measure_cell(cell, shared, processors, ret_value))
			return false;
		if (tries >= result->tries)
			result->elsewhere++;
		if (tries >= result->tries || is_near(distance(shared, processors), result->distance))
			return true;
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

		if (!cell->why[0] && cell->repeats < cell->wanted)
			(void)measure_there(cell, result, shared, processors, &cell->values[cell->repeats]);
	}
	return !one_core(shared, processors);
}

static void describe_machine(struct bench_result *result, struct bench_processors processors)
{
	char line[256], model[256] = "?", second[24] = "";
	FILE *f = fopen("/proc/cpuinfo", "re");
	struct utsname system;

	while (f && model[0] == '?' && fgets(line, sizeof line, f))
		(void)sscanf(line, "model name : %255[^\n]", model);
	if (f)
		fclose(f);
	if (uname(&system))
		snprintf(system.release, sizeof system.release, "?");
	if (processors.second >= 0)
		snprintf(second, sizeof second, " and %d", processors.second);
	snprintf(result->machine, sizeof result->machine, "%s, Linux %s, processor%s %d%s", model, system.release,
	         second[0] ? "s" : "", processors.first, second);
}

static void note_missing(void)
{
	static const char missing[] = ""
#ifndef BENCH_CK
	                              " libck-dev"
#endif
#ifndef BENCH_DPDK
	                              " libdpdk-dev"
#endif
#ifndef BENCH_BOOST
	                              " libboost-dev"
#endif
#ifndef BENCH_QB
	                              " libqb-dev"
#endif
#ifndef BENCH_ZMQ
	                              " libzmq3-dev"
#endif
#ifndef BENCH_NNG
	                              " libnng-dev"
#endif
	    ;

	if (missing[0])
		printf("note: not compared with, because configure did not find or was not to use:%s\n", missing);
}

static void count_repeat(struct bench_result *result)
{
	for (size_t i = 0; i < result->count; i++) {
		struct bench_cell *cell = &result->cells[i];

		if (cell->why[0] || cell->repeats == cell->wanted)
			continue;
		cell->repeats++;
		cell->sample_count += cell->taken;
	}
}

/* Returns how many repeats there are. */
static unsigned repeat(struct bench_result *result, const struct options *options, struct bench_shared *shared,
                       struct bench_processors processors)
{
	unsigned done = 0, discarded = 0;
	uint64_t random = options->seed;
	size_t *order = calloc(result->count + 1, sizeof *order);

	if (!order)
		bench_no_memory();
	for (size_t i = 0; i < result->count; i++)
		order[i] = i;
	while (done < options->repeats && discarded <= ONE_CORE_RETRIES) {
		shuffle(order, result->count, &random);
		if (!measure_all(result, order, shared, processors)) {
			discarded++;
			nanosleep(&(const struct timespec){.tv_nsec = 300000000}, NULL);
			continue;
		}
		done++;
		count_repeat(result);
	}
	free(order);
	if (result->elsewhere)
		printf("note: %u figures were taken while the processors were further apart, or nearer, than usual\n",
		       result->elsewhere);
	if (discarded)
		printf("note: in %u repeats the processors were hyper-threads of one core: not counted, measured again%s\n",
		       discarded, done < options->repeats ? " until there had been too many" : "");
	if (!done)
		puts("note: no repeat is left to report.");
	else if (done < options->repeats)
		printf("note: %u of %u repeats are left.\n", done, options->repeats);
	return done;
}

static bool own_failed(const struct bench_result *result)
{
	for (size_t i = 0; i < result->count; i++) {
		const struct bench_cell *cell = &result->cells[i];

		if ((cell->peer->own || cell->peer->floor) && cell->why[0] && !cell->skipped)
			return true;
	}
	return false;
}

/* One thread, for a profiler: no clock, no repeats, no processes but one. */
static int loop(const struct options *options, struct bench_shared *shared)
{
	int status = 0;

	for (size_t p = 0; p < PEERS; p++) {
		const struct bench_cell cell = {
		    .thing = BENCH_LOOP, .producers = 1, .size = options->sizes[0], .count = options->loop, .limit = UINT64_MAX};

		if (!options->wanted[p] || !(peers[p]->things & BENCH_BIT(LOOP)))
			continue;
		if (measure(peers[p], &cell, shared, (struct bench_processors){-1, -1})) {
			printf("%s: %llu sends and receives of %zu bytes\n", peers[p]->name, (unsigned long long)options->loop,
			       options->sizes[0]);
		} else {
			printf("%s: %s\n", peers[p]->name, shared->why);
			status = peers[p]->own && !shared->skipped ? 1 : status;
		}
	}
	return status;
}

static int benchmark(const struct options *options, struct bench_result *result, struct bench_shared *shared,
                     struct bench_processors processors, FILE *csv)
{
	describe_machine(result, processors);
	printf("mooring-bench: %s; %u repeats, --seed %llu\n", result->machine, options->repeats,
	       (unsigned long long)options->seed);
	note_missing();
	if (processors.second < 0)
		puts("note: there is only one processor. What only spins (the floor, ck_ring) is left out: its round trip\n"
		     "      would take milliseconds. There are no ratios, and the figures are those of sleeping and waking.");
	result->distance = usual_distance(shared, processors);
	if (!repeat(result, options, shared, processors))
		return 0;
	bench_report_table(result);
	bench_report_goals(result);
	if (csv && !bench_report_csv(result, csv)) {
		fprintf(stderr, "mooring-bench: %s: %s\n", options->csv, strerror(errno));
		return 1;
	}
	if (options->pictures && !bench_pictures(result, options->pictures))
		return 1;
	return own_failed(result);
}

/* A measurement that is cut short kills who still waits; what that had leaves with the next creation. */
static void sweep(void)
{
	char name[64];
	moor_map *map;

	snprintf(name, sizeof name, "mooring-bench-%ld-end", (long)getpid());
	if (moor_map_create(name, 1, NULL, &map) == 0)
		moor_map_close(map);
}

int main(int argc, char **argv)
{
	struct options options = {.things = (1u << BENCH_THINGS) - 1};
	struct bench_processors processors;
	struct bench_result result = {0};
	struct bench_shared *shared;
	size_t samples = BENCH_ONE_CORE_SAMPLES;
	FILE *csv = NULL;
	int status;

	for (size_t i = 0; i < PEERS; i++)
		options.wanted[i] = true;
	options.seed = (uint64_t)time(NULL) * 1000 + (uint64_t)getpid() % 1000;
	parse(&options, argc, argv);
	if (options.csv) { /* now, not after minutes */
		csv = fopen(options.csv, "we");
		if (!csv)
			bad_option("--csv", options.csv, strerror(errno));
	}
	if (options.pictures && access(options.pictures, W_OK | X_OK))
		bad_option("--pictures", options.pictures, strerror(errno));
	processors = bench_processors_find();
	result.seed = options.seed;
	result.tries = options.quick ? DISTANCE_TRIES_QUICK : DISTANCE_TRIES;
	bench_clock_start();
	if (!options.loop)
		make_cells(&result, &options, processors.second < 0);
	for (size_t i = 0; i < result.count; i++)
		samples = result.cells[i].count > samples && result.cells[i].samples ? result.cells[i].count : samples;
	shared = bench_memory(sizeof *shared + samples * sizeof *shared->samples);
	if (!shared)
		return 1;
	status = options.loop ? loop(&options, shared) : benchmark(&options, &result, shared, processors, csv);
	bench_directory_remove();
	sweep();
	for (size_t i = 0; i < result.count; i++) {
		free(result.cells[i].values);
		free(result.cells[i].sorted);
		free(result.cells[i].samples);
	}
	free(result.cells);
	return status;
}
