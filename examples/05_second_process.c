/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 05_second_process - the second of two processes that share a message: prints what 05_first_process has written.
 *
 * After "Creating Named Shared Memory" in the Windows documentation: OpenFileMapping, MapViewOfFile.
 */
#include <mooring.h>
#include <stdio.h>

#define NAME "Global\\MyFileMappingObject"
#define SIZE 256

int main(void)
{
	moor_map *map = NULL;
	moor_view *view = NULL;
	int err;

	err = moor_map_open(NAME, NULL, &map);
	if (err) {
		printf("Could not open file mapping object (%s: %s).\n", moor_err_name(err), moor_strerror(err));
		return 1;
	}
	err = moor_view_map(map, 0, SIZE, MOOR_READ, &view);
	if (err) {
		printf("Could not map view of file (%s: %s).\n", moor_err_name(err), moor_strerror(err));
		moor_map_close(map);
		return 1;
	}
	printf("%.*s\n", SIZE, (const char *)moor_view_data(view));
	moor_view_unmap(view);
	moor_map_close(map);
	return 0;
}
