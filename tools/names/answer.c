#include "tools/names/answer.h"

#include <arpa/nameser.h>
#include <stdbool.h>
#include <string.h>

#include "common/bytes.h"

/* More jumps than a name of 255 bytes can have labels: then it is a loop. */
#define JUMPS_MAX 128

/* A message and the place in it where reading goes on. */
struct answer {
	const uint8_t *data;
	size_t len;
	struct reader at;
	uint16_t records; /* not read yet in the answer section */
};

/* One resource record; its data lies in the message. */
struct record {
	uint16_t type;
	uint16_t class;
	size_t offset; /* of the data, from the message's start */
	size_t len;
};

/* Steps over a name without following its pointer. */
static void
name_skip(struct reader *r)
{
	for (;;) {
		uint8_t length = reader_u8(r);

		if (r->failed || length == 0)
			return;
		if ((length & 0xc0) == 0xc0) {
			reader_u8(r);
			return;
		}
		if ((length & 0xc0) != 0) {
			r->failed = true;
			return;
		}
		reader_take(r, length);
	}
}

/* Opens a message: header, then over the question to the first answer. */
static bool
answer_open(struct answer *a, const uint8_t *data, size_t len)
{
	uint16_t questions;

	a->data = data;
	a->len = len;
	reader_init(&a->at, data, len);
	reader_u32(&a->at); /* id and flags: c-ares has checked them */
	questions = reader_u16(&a->at);
	a->records = reader_u16(&a->at);
	reader_u32(&a->at); /* counts of the other sections */
	for (; questions > 0 && !a->at.failed; questions--) {
		name_skip(&a->at);
		reader_u32(&a->at);
	}
	return !a->at.failed;
}

/* The next answer record; false after the last one or when the message is broken. */
static bool
record_next(struct answer *a, struct record *record)
{
	if (a->records == 0)
		return false;
	a->records--;
	name_skip(&a->at);
	record->type = reader_u16(&a->at);
	record->class = reader_u16(&a->at);
	reader_u32(&a->at); /* time to live: our cache ends with the run */
	record->len = reader_u16(&a->at);
	record->offset = a->len - reader_left(&a->at);
	return reader_take(&a->at, record->len) != NULL;
}

/* Appends one label and the dot after it. */
static bool
label_append(struct reader *r, size_t length, char *name, size_t *at)
{
	const uint8_t *label = reader_take(r, length);

	if (label == NULL || *at + length + 1 > NAMES_NAME_MAX ||
	    memchr(label, '\0', length) != NULL)
		return false;
	memcpy(name + *at, label, length);
	*at += length;
	name[(*at)++] = '.';
	return true;
}

/* Reads the name at an offset, following pointers (RFC 1035 section 4.1.4). */
static bool
name_read(const struct answer *a, size_t offset, char name[NAMES_NAME_MAX + 1])
{
	struct reader r;
	size_t at = 0;
	unsigned int jumps = 0;

	reader_init(&r, a->data + offset, a->len - offset);
	for (;;) {
		size_t length = reader_u8(&r);

		if (r.failed)
			return false;
		if (length == 0)
			break;
		if ((length & 0xc0) == 0xc0) {
			offset = (length & 0x3f) << 8 | reader_u8(&r);
			if (r.failed || offset >= a->len || ++jumps > JUMPS_MAX)
				return false;
			reader_init(&r, a->data + offset, a->len - offset);
		} else if ((length & 0xc0) != 0 ||
			   !label_append(&r, length, name, &at)) {
			return false;
		}
	}
	name[at != 0 ? at - 1 : 0] = '\0';
	return true;
}

enum names_status
answer_name(const uint8_t *data, size_t len, char name[NAMES_NAME_MAX + 1])
{
	struct answer a;
	struct record record;

	name[0] = '\0';
	if (!answer_open(&a, data, len))
		return NAMES_FAILED;
	while (record_next(&a, &record)) {
		if (record.type != ns_t_ptr || record.class != ns_c_in)
			continue;
		if (!name_read(&a, record.offset, name)) {
			name[0] = '\0';
			return NAMES_FAILED;
		}
		return name[0] != '\0' ? NAMES_OK : NAMES_NOT_FOUND;
	}
	return a.at.failed ? NAMES_FAILED : NAMES_NOT_FOUND;
}

enum names_status
answer_addrs(const uint8_t *data, size_t len, uint32_t family, struct addr *out,
    size_t room, size_t *count)
{
	uint16_t type = family == AF_INET ? ns_t_a : ns_t_aaaa;
	struct answer a;
	struct record record;

	*count = 0;
	if (!answer_open(&a, data, len))
		return NAMES_FAILED;
	while (*count < room && record_next(&a, &record)) {
		if (record.type != type || record.class != ns_c_in)
			continue;
		if (record.len != addr_family_len(family)) {
			*count = 0;
			return NAMES_FAILED;
		}
		out[(*count)++] = addr_from_bytes(family, data + record.offset);
	}
	if (a.at.failed)
		*count = 0;
	if (*count != 0)
		return NAMES_OK;
	return a.at.failed ? NAMES_FAILED : NAMES_NOT_FOUND;
}

/* Joins the strings of a TXT record (RFC 1035 section 3.3.14). */
static bool
text_read(
    const struct answer *a, const struct record *record, char text[ANSWER_TEXT_MAX + 1])
{
	struct reader r;
	size_t at = 0;

	reader_init(&r, a->data + record->offset, record->len);
	while (reader_left(&r) != 0) {
		size_t len = reader_u8(&r);
		const uint8_t *string = reader_take(&r, len);

		if (string == NULL)
			return false;
		if (len > ANSWER_TEXT_MAX - at)
			len = ANSWER_TEXT_MAX - at;
		memcpy(text + at, string, len);
		at += len;
	}
	text[at] = '\0';
	if (strlen(text) != at)
		text[0] = '\0';
	return true;
}

enum names_status
answer_texts(const uint8_t *data, size_t len,
    void (*take)(void *context, const char *text), void *context)
{
	char text[ANSWER_TEXT_MAX + 1];
	struct answer a;
	struct record record;
	bool found = false;

	if (!answer_open(&a, data, len))
		return NAMES_FAILED;
	while (record_next(&a, &record)) {
		if (record.type != ns_t_txt || record.class != ns_c_in)
			continue;
		if (!text_read(&a, &record, text))
			return NAMES_FAILED;
		if (text[0] == '\0')
			continue;
		take(context, text);
		found = true;
	}
	if (a.at.failed)
		return NAMES_FAILED;
	return found ? NAMES_OK : NAMES_NOT_FOUND;
}
