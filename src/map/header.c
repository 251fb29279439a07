/* SPDX-License-Identifier: Apache-2.0 */
#include "map/header.h"

#include "base/checked.h"

#include <string.h>

struct moor_abi_header moor__header_make(enum moor_object kind, const uint8_t instance[16])
{
	struct moor_abi_header header = {.byte_order = MOOR_ABI_BYTE_ORDER,
	                                 .version = MOOR_ABI_VERSION,
	                                 .least = MOOR_ABI_LEAST,
	                                 .header_size = sizeof header,
	                                 .word_bits = 8 * sizeof(void *),
	                                 .fingerprint = MOOR_ABI_FINGERPRINT,
	                                 .kind = kind,
	                                 .state = MOOR_ABI_STATE_WHOLE};

	memcpy(header.magic, MOOR_ABI_MAGIC, sizeof header.magic);
	memcpy(header.instance, instance, sizeof header.instance);
	return header;
}

bool moor__header_is_ours(const struct moor_abi_header *header, size_t available)
{
	return available >= sizeof header->magic && memcmp(header->magic, MOOR_ABI_MAGIC, sizeof header->magic) == 0;
}

/* No kind has more. */
#define SLOTS_MAX 65536u

/* [offset, offset + count * size) lies within [least, total). */
static bool area_fits(uint64_t offset, uint64_t count, uint64_t size, uint64_t least, uint64_t total)
{
	uint64_t end;

	return offset >= least && !__builtin_mul_overflow(count, size, &end) && moor__add_u64(offset, end, &end) &&
	       end <= total;
}

int moor__header_check(const struct moor_abi_header *header, uint64_t available)
{
	if (available < sizeof *header || memcmp(header->magic, MOOR_ABI_MAGIC, sizeof header->magic) != 0 ||
	    header->byte_order != MOOR_ABI_BYTE_ORDER)
		return MOOR_EFORMAT;
	/* From here on it is one of ours, in our byte order; what differs is the version. */
	if (header->version < MOOR_ABI_LEAST || header->least > MOOR_ABI_VERSION || header->least > header->version ||
	    header->fingerprint != MOOR_ABI_FINGERPRINT || (header->incompatible & ~(uint64_t)MOOR_ABI_F_KNOWN))
		return MOOR_EVERSION;
	/* A looker asks for each slot: as many as a real object may have, and each of them there. */
	if (header->slot_count > SLOTS_MAX || header->slot_size < sizeof(struct moor_abi_slot))
		return MOOR_EFORMAT;
	if (header->header_size != sizeof *header || header->state != MOOR_ABI_STATE_WHOLE ||
	    header->kind < MOOR_OBJ_MAP || header->kind > MOOR_OBJ_CHANNEL || header->total_size > available ||
	    !area_fits(header->slots_offset, header->slot_count, header->slot_size, sizeof *header, header->total_size))
		return MOOR_EFORMAT;
	if ((header->incompatible & (MOOR_ABI_F_RESERVE | MOOR_ABI_F_FILE)) && header->kind != MOOR_OBJ_MAP)
		return MOOR_EFORMAT;
	if (header->incompatible & MOOR_ABI_F_FILE) /* the data is elsewhere */
		return header->data_offset == 0 && header->total_size == MOOR_ABI_FILE_TOTAL ? 0 : MOOR_EFORMAT;
	if (!area_fits(header->data_offset, 1, header->data_size, sizeof *header, header->total_size))
		return MOOR_EFORMAT;
	return 0;
}
