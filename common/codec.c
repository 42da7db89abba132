#include "common/codec.h"

#include <errno.h>

#include "common/wire.h"

void
code_u8(struct codec *c, uint8_t *value)
{
	if (c->w != NULL)
		writer_u8(c->w, *value);
	else
		*value = reader_u8(c->r);
}

void
code_u16(struct codec *c, uint16_t *value)
{
	if (c->w != NULL)
		writer_u16(c->w, *value);
	else
		*value = reader_u16(c->r);
}

void
code_i16(struct codec *c, int16_t *value)
{
	uint16_t bits = (uint16_t)*value;

	code_u16(c, &bits);
	*value = (int16_t)bits;
}

void
code_u32(struct codec *c, uint32_t *value)
{
	if (c->w != NULL)
		writer_u32(c->w, *value);
	else
		*value = reader_u32(c->r);
}

void
code_i32(struct codec *c, int32_t *value)
{
	uint32_t bits = (uint32_t)*value;

	code_u32(c, &bits);
	*value = (int32_t)bits;
}

void
code_i64(struct codec *c, int64_t *value)
{
	if (c->w != NULL)
		writer_u64(c->w, (uint64_t)*value);
	else
		*value = (int64_t)reader_u64(c->r);
}

void
code_addr(struct codec *c, struct addr *value)
{
	if (c->w != NULL)
		wire_addr_write(c->w, value);
	else
		wire_addr_read(c->r, value);
}

void
code_text(struct codec *c, char *text, size_t room)
{
	if (c->w != NULL)
		wire_text_write(c->w, text);
	else
		wire_text_read(c->r, text, room);
}

void
code_count(struct codec *c, uint8_t *count, uint8_t most)
{
	code_u8(c, count);
	if (*count <= most)
		return;
	*count = 0;
	if (c->w != NULL)
		c->w->failed = true;
	else
		c->r->failed = true;
}

int
codec_verdict(const struct reader *r, bool sane)
{
	return reader_finish(r) != 0 || !sane ? -EBADMSG : 0;
}
