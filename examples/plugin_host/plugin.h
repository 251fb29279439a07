/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.h - what a plugin is: a shared object with these two functions. */
#ifndef PLUGIN_HOST_PLUGIN_H
#define PLUGIN_HOST_PLUGIN_H

#include <mooring.h>
#include <stddef.h>

struct plugin_env {
	void *memory; /* all that there is: the system gives a confined process none */
	size_t memory_len;
	moor_tx *to_host; /* for notes (protocol.h) */
};

struct plugin_call {
	const unsigned char *in; /* of one request; a stream goes on in the next one */
	size_t in_len;
	unsigned char *out; /* in the ring: an answer is written where it is sent from */
	size_t out_cap;
	size_t in_used, out_len; /* what the call has used and written */
	bool again;              /* there is more to write, or not all has been used */
};

/* 0, or an error of the plugin's. start: once, before any process. */
int plugin_start(const struct plugin_env *env);
int plugin_process(struct plugin_call *call);

#endif
