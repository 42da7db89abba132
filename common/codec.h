/*
 * Packing and unpacking the body of a message with one function that walks its fields
 * in wire order, so that the two cannot drift apart. For the message files only.
 */
#ifndef COMMON_CODEC_H
#define COMMON_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/bytes.h"

/* Exactly one of the two is set: what is coded is read from r, or written to w. */
struct codec {
	struct reader *r;
	struct writer *w;
};

void code_u8(struct codec *c, uint8_t *value);
void code_u16(struct codec *c, uint16_t *value);
void code_i16(struct codec *c, int16_t *value);
void code_u32(struct codec *c, uint32_t *value);
void code_i32(struct codec *c, int32_t *value);
void code_i64(struct codec *c, int64_t *value);

/* As wire_addr_write and wire_text_write of wire.h. */
void code_addr(struct codec *c, struct addr *value);
void code_text(struct codec *c, char *text, size_t room);

/* A count of array entries: an impossible one must not reach the loop over them. */
void code_count(struct codec *c, uint8_t *count, uint8_t most);

/* The verdict on a body: everything read, nothing left over, and the values sane. */
int codec_verdict(const struct reader *r, bool sane);

#endif
