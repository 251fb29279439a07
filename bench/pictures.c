/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pictures.c - the figures as lines, drawn by gnuplot: what it is given stays beside each picture, as NAME.gp, so that it
 * can be drawn again.
 */
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct picture {
	const char *name, *title, *x, *y, *more;
	/* Writes the lines of a peer that has any: x, y. */
	unsigned (*points)(const struct bench_result *result, const struct bench_peer *peer, FILE *f);
};

#define SIZE_AXIS "set logscale xy\nset xrange [6:90000]\nset xtics (8, 64, 256, \"1K\" 1024, \"4K\" 4096, \"64K\" 65536)\n"

static unsigned against_size(const struct bench_result *result, const struct bench_peer *peer, enum bench_thing thing,
                             FILE *f)
{
	unsigned n = 0;

	for (size_t i = 0; i < result->count; i++) {
		const struct bench_cell *cell = &result->cells[i];
		const double median = bench_cell_median(cell);

		if (cell->peer != peer || cell->thing != thing || !cell->size || median <= 0)
			continue;
		fprintf(f, "%zu %g\n", cell->size, thing == BENCH_STREAM ? 1e9 / median : median);
		n++;
	}
	return n;
}

static unsigned latency_size(const struct bench_result *result, const struct bench_peer *peer, FILE *f)
{
	const struct bench_cell *floor = bench_find(result, &bench_floor, BENCH_ROUND_TRIP, 0, 1);

	if (peer == &bench_floor && floor) {
		fprintf(f, "8 %g\n65536 %g\n", bench_cell_median(floor), bench_cell_median(floor));
		return 2;
	}
	return against_size(result, peer, BENCH_ROUND_TRIP, f);
}

static unsigned rate_size(const struct bench_result *result, const struct bench_peer *peer, FILE *f)
{
	return against_size(result, peer, BENCH_STREAM, f);
}

/* Against the logarithm of the share of samples above: each nine as far from the last. */
static unsigned percentiles(const struct bench_result *result, const struct bench_peer *peer, FILE *f)
{
	static const double percents[] = {50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 99.999};
	const struct bench_cell *cell = bench_find(result, peer, BENCH_ROUND_TRIP, 64, 1);
	unsigned n = 0;

	for (size_t i = 0; cell && cell->sample_count && i < sizeof percents / sizeof *percents; i++) {
		const double value = bench_cell_percentile(cell, percents[i]);

		if (value <= 0)
			break;
		fprintf(f, "%g %g\n", 100 / (100 - percents[i]), value);
		n++;
	}
	return n;
}

static unsigned rate_producers(const struct bench_result *result, const struct bench_peer *peer, FILE *f)
{
	unsigned n = 0;

	for (size_t i = 0; i < result->count; i++) {
		const struct bench_cell *cell = &result->cells[i];
		const double median = bench_cell_median(cell);

		if (cell->peer != peer || cell->thing != BENCH_PRODUCERS || median <= 0)
			continue;
		fprintf(f, "%u %g\n", cell->producers, 1e9 / median);
		n++;
	}
	return n;
}

static const struct picture pictures[] = {
    {"latency-size", "Round trip between two processes, median", "bytes", "ns", SIZE_AXIS, latency_size},
    {"latency-percentiles", "Round trip of 64 bytes, percentiles", "percent", "ns",
     "set logscale xy\nset xtics (\"50\" 2, \"90\" 10, \"99\" 100, \"99.9\" 1000, \"99.99\" 10000, \"99.999\" 100000)\n",
     percentiles},
    {"rate-size", "Stream to another process, median rate", "bytes", "messages/s", SIZE_AXIS, rate_size},
    {"rate-producers", "64 bytes from several producers on one processor, median rate", "producers", "messages/s",
     "set logscale xy\nset xtics (1, 2, 4, 8)\n", rate_producers}};

/* The machine's name is nobody's to trust within quotes. */
static void quoted(FILE *f, const char *text)
{
	fputc('"', f);
	for (; *text; text++)
		fputc(*text == '"' || *text == '\\' || *text == '\n' ? ' ' : *text, f);
	fputc('"', f);
}

#define PEERS_MAX 64

/* A block of data for each peer, named after its place; which have points. Returns how many peers there are. */
static size_t write_data(const struct bench_result *result, const struct picture *picture,
                         const struct bench_peer **peers, bool *drawn, FILE *f)
{
	size_t n = 0;

	for (size_t i = 0; i < result->count; i++) {
		const struct bench_peer *peer = result->cells[i].peer;
		size_t j = 0;

		while (j < n && peers[j] != peer)
			j++;
		if (j < n || n == PEERS_MAX)
			continue;
		fprintf(f, "$d%zu << EOD\n", n);
		peers[n] = peer;
		drawn[n] = picture->points(result, peer, f) > 0;
		fputs("EOD\n", f);
		n++;
	}
	return n;
}

static void write_plot(const struct picture *picture, const char *suffix, const struct bench_peer **peers,
                       const bool *drawn, size_t n, FILE *f)
{
	const char *before = "plot ";

	fprintf(f, "set output \"%s.%s\"\n", picture->name, suffix);
	for (size_t i = 0; i < n; i++) {
		const bool own = peers[i]->own, floor = peers[i]->floor;

		if (!drawn[i])
			continue;
		/* Ours are thick, the floor has no marks. */
		fprintf(f, "%s$d%zu using 1:2 with %s lw %d%s title \"%s\"", before, i, floor ? "lines" : "linespoints",
		        own ? 3 : 1, floor ? " dt 2 lc rgb \"black\"" : "", peers[i]->name);
		before = ", \\\n     ";
	}
	fputs("\nunset output\n", f);
}

/* False: the file cannot be written. */
static bool write_picture(const struct bench_result *result, const struct picture *picture, FILE *f, bool *ret_any)
{
	const struct bench_peer *peers[PEERS_MAX];
	bool drawn[PEERS_MAX];
	const size_t n = write_data(result, picture, peers, drawn, f);

	*ret_any = false;
	for (size_t i = 0; i < n; i++)
		*ret_any = *ret_any || drawn[i];
	if (*ret_any) {
		fprintf(f, "set title \"%s\\n\" . ", picture->title);
		quoted(f, result->machine);
		fprintf(f, " noenhanced\nset xlabel \"%s\"\nset ylabel \"%s\"\nset grid\nset key outside right top noenhanced\n%s",
		        picture->x, picture->y, picture->more);
		fputs("set term svg size 900,560 font \"sans,12\" background \"white\"\n", f);
		write_plot(picture, "svg", peers, drawn, n, f);
		fputs("set term pngcairo size 900,560 font \"sans,10\" background \"white\"\n", f);
		write_plot(picture, "png", peers, drawn, n, f);
	}
	return fclose(f) == 0;
}

static bool draw(const char *directory, const char *script)
{
	int status = 0;
	const pid_t pid = fork();

	if (pid == 0) {
		if (chdir(directory) == 0)
			execlp("gnuplot", "gnuplot", script, (char *)NULL);
		_exit(errno == ENOENT ? 127 : 126);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		fprintf(stderr, "mooring-bench: gnuplot: %s\n", strerror(errno));
		return false;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		fprintf(stderr, "mooring-bench: no picture: gnuplot is not installed; %s/%s is what it would draw\n", directory,
		        script);
	else if (status)
		fprintf(stderr, "mooring-bench: gnuplot failed on %s/%s\n", directory, script);
	return status == 0;
}

bool bench_pictures(const struct bench_result *result, const char *directory)
{
	bool good = true;

	for (size_t i = 0; good && i < sizeof pictures / sizeof *pictures; i++) {
		char script[64], path[4200];
		bool any;
		FILE *f;

		snprintf(script, sizeof script, "%s.gp", pictures[i].name);
		snprintf(path, sizeof path, "%s/%s", directory, script);
		f = fopen(path, "we");
		if (!f || !write_picture(result, &pictures[i], f, &any)) {
			fprintf(stderr, "mooring-bench: %s: %s\n", path, strerror(errno));
			return false;
		}
		if (any)
			good = draw(directory, script);
		else
			remove(path);
	}
	return good;
}
