/* SPDX-License-Identifier: Apache-2.0 */
#include "base/name.h"

#include <string.h>

int moor__name_parse(const char *text, struct moor__name *ret_name)
{
	static const char local[] = "Local\\", global[] = "Global\\";
	enum moor__scope scope = MOOR__LOCAL;
	size_t len;

	if (!text)
		return MOOR_EINVAL;
	if (strncmp(text, local, sizeof local - 1) == 0) {
		text += sizeof local - 1;
	} else if (strncmp(text, global, sizeof global - 1) == 0) {
		text += sizeof global - 1;
		scope = MOOR__GLOBAL;
	}
	len = strnlen(text, MOOR_NAME_MAX + 1);
	if (len == 0 || len > MOOR_NAME_MAX || memchr(text, '\\', len) || memchr(text, '/', len))
		return MOOR_ENAME;
	ret_name->scope = scope;
	memcpy(ret_name->rest, text, len);
	ret_name->rest[len] = '\0';
	return 0;
}
