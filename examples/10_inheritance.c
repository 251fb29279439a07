/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 10_inheritance - maps that a child gets from its parent by fork(2).
 *
 *   ./10_inheritance
 *
 * An anonymous map has no name; a child can use it because it has inherited it. Of a named one the child holds a
 * reference of its own: the name lives on when the parent has closed it, and ends with the child.
 */
#include "explain.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "inherited"
#define SIZE 4096

static int child_of_anonymous(moor_map *map, moor_view *view)
{
	moor_view *own = NULL;
	int err;

	err = moor_view_write(view, 0, "by the inherited view", 22);
	/* The handle is good for more than what was mapped before. */
	if (!err)
		err = moor_view_map(map, 100, 0, MOOR_READ_WRITE, &own);
	if (!err)
		err = moor_view_write(own, 0, "and by a view of its own", 25);
	moor_view_unmap(own);
	moor_view_unmap(view);
	moor_map_close(map);
	return err ? explain(err, "the child cannot write to", "an anonymous map", 0) : 0;
}

static int wait_for(pid_t child)
{
	int status = 0;

	while (waitpid(child, &status, 0) < 0)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}

static int anonymous(void)
{
	moor_map *map = NULL;
	moor_view *view = NULL;
	pid_t child;
	int err, code;

	err = moor_map_anonymous(SIZE, NULL, &map);
	if (!err)
		err = moor_view_map(map, 0, 0, MOOR_READ_WRITE, &view);
	if (err)
		return explain(err, "cannot make", "an anonymous map", SIZE);
	child = fork();
	if (child == 0)
		_exit(child_of_anonymous(map, view));
	code = child < 0 ? 1 : wait_for(child);
	if (!code)
		printf("written %s, %s\n", (const char *)moor_view_data(view), (const char *)moor_view_data(view) + 100);
	moor_view_unmap(view);
	moor_map_close(map);
	return code;
}

/* Holds the name until the pipe ends. */
static int child_of_named(moor_map *map, int pipe_end)
{
	char byte;

	while (read(pipe_end, &byte, 1) > 0)
		;
	moor_map_close(map);
	return 0;
}

static void print_life(const char *when)
{
	moor_map *map = NULL;
	const int err = moor_map_open(NAME, &MOOR_MAP_OPTS(.access = MOOR_READ), &map);

	printf("%s: '%s' %s\n", when, NAME, err ? moor_err_name(err) : "lives");
	moor_map_close(map);
}

static int named(void)
{
	moor_map *map = NULL;
	int ends[2], err, code;
	pid_t child;

	err = moor_map_create(NAME, SIZE, NULL, &map);
	if (err)
		return explain(err, "cannot create the map", NAME, SIZE);
	fflush(stdout);
	child = pipe(ends) ? -1 : fork();
	if (child == 0) {
		close(ends[1]);
		_exit(child_of_named(map, ends[0]));
	}
	moor_map_close(map);
	if (child < 0) {
		perror("cannot make a child");
		return 1;
	}
	close(ends[0]);
	print_life("the parent has closed it");
	close(ends[1]);
	code = wait_for(child);
	print_life("the child has ended");
	return code;
}

int main(void)
{
	const int code = anonymous();

	return code ? code : named();
}
