/* SPDX-License-Identifier: Apache-2.0 */
/* acl.c - POSIX access control lists, by libacl, if configure has found it. */
#include "os/linux/error.h"
#include "os/os.h"

#include <errno.h>

#ifdef MOOR_HAVE_ACL
#include <acl/libacl.h>
#include <string.h>
#include <sys/acl.h>

/* The list that the text stands for, with a mask if it needs one and has none. */
static int parse(const char *text, acl_t *ret_acl)
{
	acl_t acl = acl_from_text(text);
	int err = 0;

	if (!acl)
		return errno == ENOMEM ? MOOR_ENOMEM : MOOR_EINVAL;
	if (acl_valid(acl) != 0 && (acl_calc_mask(&acl) != 0 || acl_valid(acl) != 0))
		err = errno == ENOMEM ? MOOR_ENOMEM : MOOR_EINVAL;
	if (err)
		acl_free(acl);
	else
		*ret_acl = acl;
	return err;
}

static int list_error(void)
{
	return errno == EOPNOTSUPP || errno == ENOSYS ? MOOR_ENOTSUP : moor__linux_error();
}

int moor__os_acl_check(const char *text)
{
	acl_t acl;
	const int err = parse(text, &acl);

	if (!err)
		acl_free(acl);
	return err;
}

int moor__os_acl_set(int fd, const char *text)
{
	acl_t acl;
	int err = parse(text, &acl);

	if (err)
		return err;
	if (acl_set_fd(fd, acl) != 0)
		err = list_error();
	acl_free(acl);
	return err;
}

int moor__os_acl_get(int fd, char *buf, size_t cap, size_t *ret_len)
{
	acl_t acl = acl_get_fd(fd);
	int err = 0;
	size_t len;
	char *text;

	if (!acl)
		return list_error();
	/* Numbers: a name is one system's, and to find it may take a network. */
	text = acl_to_any_text(acl, NULL, ',', TEXT_NUMERIC_IDS);
	acl_free(acl);
	if (!text)
		return moor__linux_error();
	len = strlen(text);
	if (len < cap)
		memcpy(buf, text, len + 1);
	else
		err = MOOR_EMSGSIZE;
	*ret_len = len;
	acl_free(text);
	return err;
}

#else

int moor__os_acl_check(const char *text)
{
	(void)text;
	return MOOR_ENOTSUP;
}

int moor__os_acl_set(int fd, const char *text)
{
	(void)fd;
	(void)text;
	return MOOR_ENOTSUP;
}

int moor__os_acl_get(int fd, char *buf, size_t cap, size_t *ret_len)
{
	(void)fd;
	(void)buf;
	(void)cap;
	(void)ret_len;
	return MOOR_ENOTSUP;
}

#endif
