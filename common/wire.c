#include "common/wire.h"

#include <string.h>

void
wire_addr_write(struct writer *w, const struct addr *a)
{
	writer_u8(w, a->family == AF_INET ? 4 : a->family == AF_INET6 ? 6 : 0);
	writer_u32(w, a->scope);
	writer_copy(w, a->bytes, sizeof(a->bytes));
}

void
wire_addr_read(struct reader *r, struct addr *out)
{
	uint8_t version = reader_u8(r);
	uint32_t scope = reader_u32(r);
	uint8_t bytes[16];

	reader_copy(r, bytes, sizeof(bytes));
	*out = (struct addr){0};
	if (version == 4)
		*out = addr_from_bytes(AF_INET, bytes);
	else if (version == 6)
		*out = addr_from_bytes(AF_INET6, bytes);
	else if (version != 0)
		r->failed = true;
	out->scope = addr_is_link_local(out) ? scope : 0;
}

void
wire_text_write(struct writer *w, const char *text)
{
	size_t len = strlen(text);

	writer_u16(w, (uint16_t)len);
	writer_copy(w, text, len);
}

void
wire_text_read(struct reader *r, char *out, size_t room)
{
	size_t len = reader_u16(r);
	const uint8_t *text = reader_take(r, len);

	out[0] = '\0';
	if (text == NULL)
		return;
	if (len >= room || (len != 0 && memchr(text, '\0', len) != NULL)) {
		r->failed = true;
		return;
	}
	memcpy(out, text, len);
	out[len] = '\0';
}
