#include "common/bytes.h"

#include <errno.h>
#include <string.h>

void
reader_init(struct reader *r, const void *data, size_t len)
{
	r->at = data;
	r->end = r->at + len;
	r->failed = false;
}

size_t
reader_left(const struct reader *r)
{
	return r->failed ? 0 : (size_t)(r->end - r->at);
}

const uint8_t *
reader_take(struct reader *r, size_t len)
{
	const uint8_t *taken = r->at;

	if (r->failed || len > (size_t)(r->end - r->at)) {
		r->failed = true;
		return NULL;
	}
	r->at += len;
	return taken;
}

/* Reads a big-endian number of len bytes. */
static uint64_t
reader_number(struct reader *r, size_t len)
{
	const uint8_t *bytes = reader_take(r, len);
	uint64_t value = 0;

	for (size_t i = 0; bytes != NULL && i < len; i++)
		value = value << 8 | bytes[i];
	return value;
}

uint8_t
reader_u8(struct reader *r)
{
	return (uint8_t)reader_number(r, 1);
}

uint16_t
reader_u16(struct reader *r)
{
	return (uint16_t)reader_number(r, 2);
}

uint32_t
reader_u32(struct reader *r)
{
	return (uint32_t)reader_number(r, 4);
}

uint64_t
reader_u64(struct reader *r)
{
	return reader_number(r, 8);
}

void
reader_copy(struct reader *r, void *out, size_t len)
{
	const uint8_t *bytes = reader_take(r, len);

	if (len == 0)
		return;
	if (bytes != NULL)
		memcpy(out, bytes, len);
	else
		memset(out, 0, len);
}

int
reader_finish(const struct reader *r)
{
	return r->failed || r->at != r->end ? -EBADMSG : 0;
}

void
writer_init(struct writer *w, void *data, size_t room)
{
	w->start = w->at = data;
	w->end = w->start + room;
	w->failed = false;
}

size_t
writer_len(const struct writer *w)
{
	return (size_t)(w->at - w->start);
}

void
writer_copy(struct writer *w, const void *data, size_t len)
{
	if (w->failed || len > (size_t)(w->end - w->at)) {
		w->failed = true;
		return;
	}
	if (len != 0)
		memcpy(w->at, data, len);
	w->at += len;
}

/* Writes a big-endian number of len bytes. */
static void
writer_number(struct writer *w, uint64_t value, size_t len)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
	writer_copy(w, bytes, len);
}

void
writer_u8(struct writer *w, uint8_t value)
{
	writer_number(w, value, 1);
}

void
writer_u16(struct writer *w, uint16_t value)
{
	writer_number(w, value, 2);
}

void
writer_u32(struct writer *w, uint32_t value)
{
	writer_number(w, value, 4);
}

void
writer_u64(struct writer *w, uint64_t value)
{
	writer_number(w, value, 8);
}
