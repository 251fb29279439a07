/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker - loads a plugin, gives up everything but the link to the host that has started it, and has the plugin work.
 *
 *   plugin_worker PLUGIN.so      with MOORING_LINK_FD, from plugin_host
 */
#include "plugin.h"
#include "protocol.h"
#include "sandbox.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLUGIN_MEMORY ((size_t)1 << 20)

static union {
	char bytes[PLUGIN_MEMORY];
	max_align_t align;
} memory;
static union {
	char bytes[MESSAGE_MAX];
	struct request head;
} message;

static int (*start)(const struct plugin_env *env);
static int (*process)(struct plugin_call *call);

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "plugin_worker: %s: %s\n", what, why);
	return 1;
}

static bool load(const char *path)
{
	void *plugin = dlopen(path, RTLD_NOW);

	if (!plugin)
		return false;
	*(void **)&start = dlsym(plugin, "plugin_start");
	*(void **)&process = dlsym(plugin, "plugin_process");
	return start && process;
}

/* The parts of an answer, each written where it is sent from. */
static int answer(moor_tx *tx, const struct request *request)
{
	struct plugin_call call = {.in = (const unsigned char *)(request + 1), .in_len = request->len, .again = true};

	while (call.again) {
		struct answer head = {.number = request->number, .kind = ANSWER_LAST};
		int err = moor_tx_wait(tx, MESSAGE_MAX, MOOR_FOREVER);
		void *room;

		if (!err)
			err = moor_tx_reserve(tx, MESSAGE_MAX, &room);
		if (err)
			return err;
		call.in += call.in_used;
		call.in_len -= call.in_used;
		call.out = (unsigned char *)room + sizeof head;
		call.out_cap = ANSWER_DATA_MAX;
		call.in_used = call.out_len = 0;
		call.again = false;
		head.status = (uint32_t)process(&call);
		if (head.status == 0 && call.again)
			head.kind = ANSWER_PART;
		else
			call.again = false;
		head.len = (uint32_t)call.out_len;
		memcpy(room, &head, sizeof head);
		err = moor_tx_commit(tx, sizeof head + head.len);
		if (err)
			return err;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *end = getenv("MOORING_LINK_FD");
	struct answer ready = {.kind = ANSWER_READY};
	moor_link *link;
	struct plugin_env env = {memory.bytes, sizeof memory.bytes, NULL};
	size_t len;
	int err;

	if (argc != 2 || !end)
		return fail("usage", "plugin_worker PLUGIN.so, started by plugin_host");
	err = moor_link_attach(-1, NULL, &link);
	if (err)
		return fail("no link", moor_strerror(err));
	close(atoi(end));
	ready.status = confine_for_loading(argv[1]);
	if (!load(argv[1]))
		return fail(argv[1], dlerror());
	ready.status &= confine_for_good() | CONFINED_NAMESPACES;
	/* From here on the plugin's code runs, and there is no way back. */
	env.to_host = moor_link_tx(link);
	err = start(&env);
	if (!err)
		err = moor_tx_send(env.to_host, &ready, sizeof ready, MOOR_FOREVER);
	while (!err) {
		err = moor_rx_recv(moor_link_rx(link), message.bytes, sizeof message.bytes, &len, MOOR_FOREVER);
		if (!err && len >= sizeof message.head && len - sizeof message.head == message.head.len)
			err = answer(env.to_host, &message.head);
	}
	_exit(err == MOOR_ECLOSED ? 0 : 1);
}
