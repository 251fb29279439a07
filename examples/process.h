/* SPDX-License-Identifier: Apache-2.0 */
/* process.h - what processes A, B and C have in common: the names, and what to do when something fails. */
#ifndef MOOR_EXAMPLES_PROCESS_H
#define MOOR_EXAMPLES_PROCESS_H

#include <mooring.h>
#include <stdio.h>

#define MAP_NAME "testmap"
#define MAP_SIZE 10000
#define MUTEX_NAME "testmapmutex"

static int failed(const char *what, int err)
{
	fprintf(stderr, "%s: %s (%s)\n", what, moor_strerror(err), moor_err_name(err));
	return 1;
}

/* Takes the mutex. One that was abandoned is ours all the same; the bytes here are whole whatever happened. */
static int take(moor_mutex *mutex)
{
	int err;

	while ((err = moor_mutex_lock(mutex, MOOR_FOREVER)) == MOOR_EINTR)
		;
	if (err == MOOR_ABANDONED)
		fprintf(stderr, "The mutex was abandoned: its last owner died.\n");
	return err < 0 ? err : 0;
}

#endif
