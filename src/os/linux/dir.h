/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOOR_OS_LINUX_DIR_H
#define MOOR_OS_LINUX_DIR_H

#include "os/os.h"

#include <sys/types.h>

/* A name's file; the prefix also keeps "." and ".." from being paths. */
#define MOOR__LINUX_FILE_PREFIX "mooring."
/* A file on its way to a name, where files cannot be made without one. */
#define MOOR__LINUX_STAGED_PREFIX ".mooring-new."
/* A FIFO beside a name (bell.c). */
#define MOOR__LINUX_BELL_PREFIX ".mooring-bell."

/*
 * The descriptor, moved out of the way of the standard streams: in a program that has closed one of them, a later printf
 * would write into the object. -1, with errno, if it was, or if there is no other.
 */
int moor__linux_above_streams(int fd);

/* How many bytes the machine could still give, by its own estimate; UINT64_MAX: unknown. */
uint64_t moor__linux_memory_left(void);

/* The mode asked for, whatever the umask, and nobody else. 0, ... */
int moor__linux_set_mode(int fd, uint32_t mode);

struct moor__os_dir {
	struct moor__os_dir *next;
	int fd;
	dev_t device;
	ino_t inode;
	unsigned users;
};

void moor__linux_bell_remove_if_dead(struct moor__os_dir *dir, const char *file);

#endif
