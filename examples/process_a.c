/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_a - the first of three programs that share a map and a mutex by name. Start it in one terminal, then
 * process_b and process_c in others, as it says. It prints what each of them wrote.
 */
#include "process.h"

/* Until a newline, or the end of the input. */
static void wait_for_enter(const char *text)
{
	int c;

	printf("%s\n", text);
	fflush(stdout);
	do
		c = getchar();
	while (c != '\n' && c != EOF);
}

static int say(const char *who, const moor_view *view, size_t at)
{
	const unsigned char *data = moor_view_data(view);

	return printf("Process %s says: %s\n", who, data[at] ? "True" : "False");
}

static int run(moor_view *view, moor_mutex *mutex)
{
	unsigned char *data = moor_view_data(view);
	int err;

	data[0] = 1;
	err = moor_mutex_unlock(mutex);
	if (err)
		return err;
	wait_for_enter("Start Process B and press ENTER to continue.");
	wait_for_enter("Start Process C and press ENTER to continue.");
	err = take(mutex);
	if (err)
		return err;
	say("A", view, 0);
	say("B", view, 1);
	say("C", view, 2);
	return moor_mutex_unlock(mutex);
}

int main(void)
{
	const struct moor_sync_opts owned = MOOR_SYNC_OPTS(.flags = MOOR_INITIALLY_OWNED);
	moor_mutex *mutex = NULL;
	moor_view *view = NULL;
	moor_map *map;
	int err;

	err = moor_map_create(MAP_NAME, MAP_SIZE, NULL, &map);
	if (err)
		return failed("cannot create the map '" MAP_NAME "'", err);
	err = moor_mutex_create(MUTEX_NAME, &owned, &mutex);
	if (!err)
		err = moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view);
	if (!err)
		err = run(view, mutex);
	moor_view_unmap(view);
	moor_mutex_close(mutex);
	moor_map_close(map);
	return err ? failed("process A", err) : 0;
}
