/* SPDX-License-Identifier: Apache-2.0 */
#include "map/life.h"

#include <stdlib.h>

struct moor_hold {
	struct moor__object *object;
};

int moor_hold_open(const char *text, moor_hold **ret_hold)
{
	struct moor__name name;
	moor_hold *hold;
	int err;

	if (!ret_hold)
		return MOOR_EINVAL;
	err = moor__name_parse(text, &name);
	if (err)
		return err;
	hold = malloc(sizeof *hold);
	if (!hold)
		return MOOR_ENOMEM;
	err = moor__life_open(&name, MOOR__OPEN, 0, false, MOOR__FORK_SHARES, NULL, &hold->object);
	if (err == MOOR_EACCES) { /* who may only read it may keep it, too */
		const struct moor__terms reading = {.read_only = true, .on_fork = MOOR__FORK_SHARES};

		err = moor__life_open_on(&name, MOOR__OPEN, &reading, NULL, &hold->object);
	}
	if (err) {
		free(hold);
		return err;
	}
	*ret_hold = hold;
	return 0;
}

void moor_hold_close(moor_hold *hold)
{
	if (!hold)
		return;
	moor__life_close(hold->object);
	free(hold);
}
