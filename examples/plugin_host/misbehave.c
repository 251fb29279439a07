/* SPDX-License-Identifier: Apache-2.0 */
/*
 * misbehave.c - a plugin that does what it is told to do to its host: crash, hang, flood, lie, write over the ring, leave
 * the sandbox. The first word of a request is what to do; whatever is no such word is sent back.
 */
#include "plugin.h"
#include "protocol.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static moor_tx *to_host;

int plugin_start(const struct plugin_env *env)
{
	to_host = env->to_host;
	return 0;
}

static void hang(void)
{
	for (;;)
		__asm__ volatile("" ::: "memory");
}

static void crash(struct plugin_call *call)
{
	volatile unsigned char *nowhere = NULL;

	*nowhere = call->in[0];
}

static void leave(struct plugin_call *call)
{
	(void)call;
	_exit(7);
}

static void hang_for_ever(struct plugin_call *call)
{
	(void)call;
	hang();
}

/* The worker has room reserved for an answer; that is over. */
static void send_raw(const struct answer *answer, size_t len)
{
	moor_tx_cancel(to_host);
	while (moor_tx_send(to_host, answer, len, MOOR_FOREVER) == 0 && answer->kind == ANSWER_NOTE)
		;
}

static void flood(struct plugin_call *call)
{
	const struct answer note = {.kind = ANSWER_NOTE};

	(void)call;
	send_raw(&note, sizeof note);
	hang();
}

static void lie_about_number(struct plugin_call *call)
{
	const struct answer answer = {.number = 0x123456789, .kind = ANSWER_LAST};

	(void)call;
	send_raw(&answer, sizeof answer);
	hang();
}

static void lie_about_length(struct plugin_call *call)
{
	const struct answer answer = {.kind = ANSWER_LAST, .len = 4000000000u};

	(void)call;
	send_raw(&answer, sizeof answer);
	hang();
}

static void lie_about_result(struct plugin_call *call)
{
	memset(call->out, '?', call->in_len);
	call->in_used = call->out_len = call->in_len;
}

/* The header of the ring's record is 8 bytes before what the worker writes. */
static void write_over_ring(struct plugin_call *call)
{
	memset(call->out - sizeof(struct answer) - 8, 0xff, 64);
	hang();
}

static void open_file(struct plugin_call *call)
{
	(void)!open("/etc/passwd", O_RDONLY);
	leave(call);
}

static void connect_out(struct plugin_call *call)
{
	(void)!socket(AF_INET, SOCK_STREAM, 0);
	leave(call);
}

static void fork_child(struct plugin_call *call)
{
	(void)!fork();
	leave(call);
}

static void execute(struct plugin_call *call)
{
	char *const argv[] = {NULL};

	(void)!execve("/bin/sh", argv, argv);
	leave(call);
}

static void take_memory(struct plugin_call *call)
{
	for (;;)
		if (mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
			leave(call);
}

static const struct {
	const char *word;
	void (*act)(struct plugin_call *call);
} acts[] = {{"crash", crash},
            {"exit", leave},
            {"hang", hang_for_ever},
            {"flood", flood},
            {"lie-number", lie_about_number},
            {"lie-length", lie_about_length},
            {"lie-result", lie_about_result},
            {"overwrite", write_over_ring},
            {"open", open_file},
            {"connect", connect_out},
            {"fork", fork_child},
            {"exec", execute},
            {"memory", take_memory}};

int plugin_process(struct plugin_call *call)
{
	for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
		if (strlen(acts[i].word) == call->in_len && memcmp(acts[i].word, call->in, call->in_len) == 0) {
			acts[i].act(call);
			return 0;
		}
	memcpy(call->out, call->in, call->in_len);
	call->in_used = call->out_len = call->in_len;
	return 0;
}
