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
