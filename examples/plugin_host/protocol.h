/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protocol.h - what goes over the link. The host sends requests, each with a number of its own; the worker answers each
 * with one or more parts, of which the last says so. The worker may also send notes, which answer nothing.
 *
 * The layout is the contract of both programs; of what the worker sends, the host believes nothing that it has not
 * checked.
 */
#ifndef PLUGIN_HOST_PROTOCOL_H
#define PLUGIN_HOST_PROTOCOL_H

#include <stdint.h>

#define MESSAGE_MAX 32768u
#define REQUEST_MAX 8192u /* bytes of data in a request */

struct request {
	uint64_t number; /* not 0 */
	uint32_t len;    /* of the data that follow */
	uint32_t pad;
};

enum answer_kind { ANSWER_READY = 1, ANSWER_NOTE, ANSWER_PART, ANSWER_LAST };

struct answer {
	uint64_t number; /* of the request; READY, NOTE: 0 */
	uint32_t kind;   /* enum answer_kind */
	uint32_t status; /* LAST: 0, or the plugin's error; READY: enum confined, of what is in force */
	uint32_t len;    /* of the data that follow */
	uint32_t pad;
};
#define ANSWER_DATA_MAX (MESSAGE_MAX - (uint32_t)sizeof(struct answer))

enum confined { CONFINED_NAMESPACES = 1, CONFINED_LANDLOCK = 2, CONFINED_SECCOMP = 4 };

#endif
