/* SPDX-License-Identifier: Apache-2.0 */
/* inflate.c - a plugin that does work: decompresses a gzip file, piece by piece, with zlib. */
#include "plugin.h"

#include <stdint.h>
#include <string.h>
#include <zlib.h>

static struct {
	char *at;
	size_t left;
} memory;
static z_stream stream;
static bool at_end;

/* Nothing is given back: there is one stream in a worker's life. */
static voidpf take_memory(voidpf unused, uInt items, uInt size)
{
	const size_t len = ((size_t)items * size + 15) & ~(size_t)15;
	char *const at = memory.at;

	(void)unused;
	if (len > memory.left)
		return Z_NULL;
	memory.at += len;
	memory.left -= len;
	return at;
}

static void leave_memory(voidpf unused, voidpf at)
{
	(void)unused;
	(void)at;
}

int plugin_start(const struct plugin_env *env)
{
	memory.at = env->memory;
	memory.left = env->memory_len;
	stream.zalloc = take_memory;
	stream.zfree = leave_memory;
	return inflateInit2(&stream, 15 + 16); /* 16: gzip's header and trailer */
}

int plugin_process(struct plugin_call *call)
{
	int result;

	if (at_end)
		return Z_STREAM_END;
	stream.next_in = (Bytef *)(uintptr_t)call->in;
	stream.avail_in = (uInt)call->in_len;
	stream.next_out = call->out;
	stream.avail_out = (uInt)call->out_cap;
	result = inflate(&stream, Z_NO_FLUSH);
	call->in_used = call->in_len - stream.avail_in;
	call->out_len = call->out_cap - stream.avail_out;
	at_end = result == Z_STREAM_END;
	call->again = result == Z_OK && (stream.avail_in || !stream.avail_out);
	return result == Z_OK || result == Z_STREAM_END || (result == Z_BUF_ERROR && !stream.avail_in) ? 0 : -result;
}
