/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash.h - labelled places at which the tests kill the process: between any two steps that another process can see.
 * They exist in the test build of the library only.
 */
#ifndef MOOR_BASE_CRASH_H
#define MOOR_BASE_CRASH_H

#ifdef MOOR_TESTING
extern void (*moor__crash_hook)(const char *label); /* set by a test; NULL: nothing happens */
#define MOOR_CRASH_POINT(label)                                                                                        \
	do {                                                                                                           \
		if (moor__crash_hook)                                                                                  \
			moor__crash_hook(label);                                                                       \
	} while (0)
#else
#define MOOR_CRASH_POINT(label) ((void)0)
#endif

#endif
