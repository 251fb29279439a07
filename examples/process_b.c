/* SPDX-License-Identifier: Apache-2.0 */
/* process_b - opens what process_a has made, and writes False at offset 1, owning the mutex. */
#include "process.h"

int main(void)
{
	moor_mutex *mutex = NULL;
	moor_view *view = NULL;
	moor_map *map;
	int err;

	err = moor_map_open(MAP_NAME, NULL, &map);
	if (err == MOOR_ENOENT) {
		printf("Memory-mapped file does not exist. Run Process A first.\n");
		return 1;
	}
	if (err)
		return failed("cannot open the map '" MAP_NAME "'", err);
	err = moor_mutex_open(MUTEX_NAME, NULL, &mutex);
	if (!err)
		err = moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view);
	if (!err)
		err = take(mutex);
	if (!err) {
		((unsigned char *)moor_view_data(view))[1] = 0;
		err = moor_mutex_unlock(mutex);
	}
	moor_view_unmap(view);
	moor_mutex_close(mutex);
	moor_map_close(map);
	return err ? failed("process B", err) : 0;
}
