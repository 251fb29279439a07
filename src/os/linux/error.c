/* SPDX-License-Identifier: Apache-2.0 */
#include "os/linux/error.h"

#include <mooring/base.h>

#include <errno.h>

int moor__linux_error(void)
{
	switch (errno) {
	case EAGAIN:
		return MOOR_EAGAIN;
	case EINTR:
		return MOOR_EINTR;
	case ENOENT:
		return MOOR_ENOENT;
	case EEXIST:
		return MOOR_EEXIST;
	case EACCES:
	case EPERM:
	case EROFS:
		return MOOR_EACCES;
	case ENOMEM:
	case ENOLCK:
	case EFBIG:
	case EOVERFLOW:
		return MOOR_ENOMEM;
	case ENOSPC:
	case EDQUOT:
		return MOOR_ENOSPC;
	case EMFILE:
		return MOOR_EMFILE;
	case ENFILE:
		return MOOR_ENFILE;
	case ENAMETOOLONG:
		return MOOR_ENAME;
	default:
		return MOOR_ESYS;
	}
}
