#include "common/framing.h"

#include <errno.h>

void
framing_write(struct writer *w, uint8_t type, size_t body_len, uint32_t sequence)
{
	writer_u8(w, MESSAGE_VERSION);
	writer_u8(w, type);
	writer_u16(w, (uint16_t)body_len);
	writer_u32(w, sequence);
}

int
framing_read(struct reader *r, uint32_t sequence)
{
	uint8_t version = reader_u8(r);
	uint8_t type = reader_u8(r);
	uint16_t len = reader_u16(r);
	uint32_t number = reader_u32(r);

	if (r->failed || version != MESSAGE_VERSION || len != reader_left(r) ||
	    number != sequence)
		return -EPROTO;
	return type;
}

struct writer *
framing_begin(struct framing *r)
{
	writer_init(&r->body, r->bytes + MESSAGE_HEADER_LEN, MESSAGE_BODY_MAX);
	return &r->body;
}

size_t
framing_finish(struct framing *r, uint8_t type, uint32_t sequence)
{
	struct writer w;

	writer_init(&w, r->bytes, MESSAGE_HEADER_LEN);
	framing_write(&w, type, writer_len(&r->body), sequence);
	return MESSAGE_HEADER_LEN + writer_len(&r->body);
}
