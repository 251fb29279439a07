/* SPDX-License-Identifier: Apache-2.0 */
#include <mooring/abi.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

const char *moor_version_string(void)
{
	return TEXT(MOOR_VERSION_MAJOR) "." TEXT(MOOR_VERSION_MINOR) "." TEXT(MOOR_VERSION_PATCH);
}

bool moor_version_at_least(unsigned major, unsigned minor)
{
	const unsigned have_major = MOOR_VERSION_MAJOR, have_minor = MOOR_VERSION_MINOR;

	return have_major > major || (have_major == major && have_minor >= minor);
}

unsigned moor_abi_version(void)
{
	return MOOR_ABI_VERSION;
}
