/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MOOR_OS_LINUX_ERROR_H
#define MOOR_OS_LINUX_ERROR_H

/* The library's number for errno as it stands, which is left as it is. Never 0. */
int moor__linux_error(void);

#endif
