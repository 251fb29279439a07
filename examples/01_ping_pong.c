/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 01_ping_pong - how long a message takes to another process and back.
 *
 *   ./01_ping_pong pong NAME          answers until the other side ends
 *   ./01_ping_pong ping NAME COUNT    asks COUNT times, and prints the round-trip times
 *
 * Two channels, NAME.there and NAME.back, in either order of starting.
 */
#include "explain.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static int open_both(const char *name, const char *to, const char *from, moor_tx **tx, moor_rx **rx)
{
	char text[MOOR_NAME_MAX + 32];
	int err;

	snprintf(text, sizeof text, "%s.%s", name, to);
	err = moor_tx_open(text, NULL, tx);
	if (err < 0)
		return err;
	snprintf(text, sizeof text, "%s.%s", name, from);
	err = moor_rx_open(text, NULL, rx);
	return err < 0 ? err : 0;
}

static int pong(moor_tx *tx, moor_rx *rx)
{
	uint64_t number;
	size_t len;
	int err;

	while ((err = moor_rx_recv(rx, &number, sizeof number, &len, MOOR_FOREVER)) == 0)
		if ((err = moor_tx_send(tx, &number, len, MOOR_FOREVER)) != 0)
			break;
	return err == MOOR_ECLOSED ? 0 : err;
}

static int compare(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* The first round waits for the other side to start, and is not counted; nor are those that warm the caches. */
static int ping(moor_tx *tx, moor_rx *rx, size_t count)
{
	const size_t warm = 1 + count / 10;
	int64_t *times = malloc(count * sizeof *times);
	int err = 0;

	if (!times)
		return MOOR_ENOMEM;
	for (size_t i = 0; i < warm + count && !err; i++) {
		const uint64_t number = i;
		const int64_t start = now();
		uint64_t answer = ~number;
		size_t len;

		err = moor_tx_send(tx, &number, sizeof number, MOOR_FOREVER);
		if (!err)
			err = moor_rx_recv(rx, &answer, sizeof answer, &len, MOOR_FOREVER);
		if (!err && answer != number)
			err = MOOR_ECORRUPT;
		if (i >= warm)
			times[i - warm] = now() - start;
	}
	if (!err) {
		qsort(times, count, sizeof *times, compare);
		printf("round trip of 8 bytes, %zu times: median %.2f us, 99 %% %.2f us, least %.2f us, most %.2f us\n",
		       count, (double)times[count / 2] / 1e3, (double)times[count * 99 / 100] / 1e3,
		       (double)times[0] / 1e3, (double)times[count - 1] / 1e3);
	}
	free(times);
	return err;
}

int main(int argc, char **argv)
{
	const int asks = argc == 4 && strcmp(argv[1], "ping") == 0;
	uint64_t count = 0;
	moor_tx *tx = NULL;
	moor_rx *rx = NULL;
	int err;

	if (!(asks && parse_number("COUNT", argv[3], 1, 1000000000, &count)) && !(argc == 3 && strcmp(argv[1], "pong") == 0)) {
		fprintf(stderr, "usage: %s pong NAME | %s ping NAME COUNT\n", program_name(argv[0]), program_name(argv[0]));
		return 2;
	}
	err = open_both(argv[2], asks ? "there" : "back", asks ? "back" : "there", &tx, &rx);
	if (!err)
		err = asks ? ping(tx, rx, (size_t)count) : pong(tx, rx);
	moor_tx_close(tx);
	moor_rx_close(rx);
	if (err) {
		fprintf(stderr, "%s %s: %s (%s)\n", program_name(argv[0]), argv[1], moor_strerror(err), moor_err_name(err));
		return 1;
	}
	return 0;
}
