/* SPDX-License-Identifier: Apache-2.0 */
/* buffers.h - a message of the run's size to send and one to receive, for peers that copy. */
#ifndef BENCH_BUFFERS_H
#define BENCH_BUFFERS_H

#include "measure.h"

#include <stdlib.h>

struct bench_buffers {
	unsigned char *out, *in;
	size_t size;
};

static inline void bench_buffers_open(struct bench_buffers *b, const struct bench_run *run)
{
	b->size = run->size;
	b->out = (unsigned char *)calloc(1, run->size);
	b->in = (unsigned char *)calloc(1, run->size);
	if (!b->out || !b->in)
		bench_die("out of memory");
}

static inline void bench_buffers_close(struct bench_buffers *b)
{
	free(b->out);
	free(b->in);
}

static inline uint64_t bench_buffers_check(const struct bench_buffers *b, size_t size, uint64_t number)
{
	if (size != b->size)
		bench_die("a message of %zu bytes for one of %zu", size, b->size);
	return bench_check(b->in, size, number);
}

#endif
