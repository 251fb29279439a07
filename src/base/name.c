/* SPDX-License-Identifier: Apache-2.0 */
#include "base/name.h"

#include "base/little.h"

#include <string.h>

int moor__name_parse(const char *text, struct moor__name *ret_name)
{
	static const char local[] = "Local\\", global[] = "Global\\";
	enum moor__scope scope = MOOR__LOCAL;
	size_t len;

	if (!text)
		return MOOR_EINVAL;
	if (strncmp(text, local, sizeof local - 1) == 0) {
		text += sizeof local - 1;
	} else if (strncmp(text, global, sizeof global - 1) == 0) {
		text += sizeof global - 1;
		scope = MOOR__GLOBAL;
	}
	len = strnlen(text, MOOR_NAME_MAX + 1);
	if (len == 0 || len > MOOR_NAME_MAX || memchr(text, '\\', len) || memchr(text, '/', len))
		return MOOR_ENAME;
	ret_name->scope = scope;
	memcpy(ret_name->rest, text, len);
	ret_name->rest[len] = '\0';
	return 0;
}

static uint64_t rotated(uint64_t v, unsigned by)
{
	return v << by | v >> (64 - by);
}

static void sip_rounds(uint64_t v[4], int n)
{
	while (n--) {
		v[0] += v[1];
		v[1] = rotated(v[1], 13) ^ v[0];
		v[0] = rotated(v[0], 32);
		v[2] += v[3];
		v[3] = rotated(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotated(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotated(v[1], 17) ^ v[2];
		v[2] = rotated(v[2], 32);
	}
}

static void sip_block(uint64_t v[4], uint64_t block)
{
	v[3] ^= block;
	sip_rounds(v, 2);
	v[0] ^= block;
}

void moor__name_digest(const struct moor__name *name, uint8_t digest[MOOR__NAME_DIGEST])
{
	uint64_t v[4] = {0x736f6d6570736575, 0x646f72616e646f6d ^ 0xee, 0x6c7967656e657261, 0x7465646279746573};
	const char *scope = name->scope == MOOR__LOCAL ? "Local\\" : "Global\\";
	uint64_t block = 0;
	size_t len = 0;

	for (int part = 0; part < 2; part++) {
		for (const char *at = part ? name->rest : scope; *at; at++) {
			block |= (uint64_t)(unsigned char)*at << 8 * (len % 8);
			if (++len % 8 == 0) {
				sip_block(v, block);
				block = 0;
			}
		}
	}
	sip_block(v, block | (uint64_t)len << 56);
	v[2] ^= 0xee;
	for (int half = 0; half < 2; half++) {
		uint64_t out;

		sip_rounds(v, 4);
		out = v[0] ^ v[1] ^ v[2] ^ v[3];
		moor__put_little(digest + 8 * half, out, 8);
		v[1] ^= 0xdd;
	}
}
