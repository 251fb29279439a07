/* SPDX-License-Identifier: Apache-2.0 */
/* err.c - the names and sentences of the errors, from the one list in mooring/base.h. */
#include <mooring/base.h>

static const struct {
	int number;
	const char *name, *text;
} errors[] = {
    {MOOR_OK, "MOOR_OK", "success"},
    {MOOR_CREATED, "MOOR_CREATED", "success: this call created it"},
    {MOOR_ABANDONED, "MOOR_ABANDONED", "success: its last owner died holding it"},
    {MOOR_READY, "MOOR_READY", "success: there is something already"},
#define ENTRY(name, number, text) {number, "MOOR_" #name, text},
    MOOR_ERR_LIST(ENTRY)
#undef ENTRY
};

const char *moor_strerror(int err)
{
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
		if (errors[i].number == err)
			return errors[i].text;
	return "not an error number of libmooring";
}

const char *moor_err_name(int err)
{
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
		if (errors[i].number == err)
			return errors[i].name;
	return "MOOR_?";
}
