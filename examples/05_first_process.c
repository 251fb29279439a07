/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 05_first_process - the first of two processes that share a message; 05_second_process is the other.
 *
 * After "Creating Named Shared Memory" in the Windows documentation: CreateFileMapping, MapViewOfFile, CopyMemory.
 */
#include <mooring.h>
#include <stdio.h>
#include <string.h>

#define NAME "Global\\MyFileMappingObject"
#define SIZE 256

static const char message[] = "Message from first process.";

int main(void)
{
	moor_map *map = NULL;
	moor_view *view = NULL;
	int err;

	err = moor_map_create_or_open(NAME, SIZE, NULL, &map);
	if (err < 0) {
		printf("Could not create file mapping object (%s: %s).\n", moor_err_name(err), moor_strerror(err));
		return 1;
	}
	err = moor_view_map(map, 0, SIZE, MOOR_READ_WRITE, &view);
	if (err) {
		printf("Could not map view of file (%s: %s).\n", moor_err_name(err), moor_strerror(err));
		moor_map_close(map);
		return 1;
	}
	memcpy(moor_view_data(view), message, sizeof message);
	puts("Press ENTER to end.");
	fflush(stdout);
	getchar();
	moor_view_unmap(view);
	moor_map_close(map);
	return 0;
}
