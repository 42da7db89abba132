#include "tools/names/mmdb.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/bytes.h"

#define FORMAT_VERSION 2
#define MARKER "\xab\xcd\xefMaxMind.com"
#define MARKER_LEN (sizeof(MARKER) - 1)
#define METADATA_MAX ((size_t)128 << 10) /* the marker is that near to the end */
#define SEPARATOR 16                     /* zeros between trie and data */
#define ADDR_BITS_V4 32
#define ADDR_BITS_V6 128

/* ---- data fields ----------------------------------------------------------------- */

/* `len` bytes, at most four, as a number. */
static uint32_t
read_number(struct reader *r, size_t len)
{
	uint32_t value = 0;

	for (size_t i = 0; i < len; i++)
		value = value << 8 | reader_u8(r);
	return value;
}

/* The length behind a control byte, whose low five bits hold it when they can. */
static uint32_t
read_len(struct reader *r, uint8_t control)
{
	uint8_t low = control & 31;

	switch (low) {
	case 29:
		return 29 + read_number(r, 1);
	case 30:
		return 285 + read_number(r, 2);
	case 31:
		return 65821 + read_number(r, 3);
	default:
		return low;
	}
}

/* Where a pointer points to. */
static uint32_t
read_pointer(struct reader *r, uint8_t control)
{
	static const uint32_t bias[] = {0, 2048, 526336};
	unsigned int size = control >> 3 & 3;
	uint32_t low = read_number(r, size + 1);

	if (size == 3)
		return low;
	return ((control & 7U) << 8 * (size + 1) | low) + bias[size];
}

/* How many bytes a field of this type has in it. */
static size_t
payload_len(const struct mmdb_field *f)
{
	switch (f->type) {
	case MMDB_TEXT:
	case MMDB_BYTES:
	case MMDB_DOUBLE:
	case MMDB_FLOAT:
	case MMDB_UINT16:
	case MMDB_UINT32:
	case MMDB_INT32:
	case MMDB_UINT64:
	case MMDB_UINT128:
		return f->len;
	default:
		return 0;
	}
}

/* Reads the field at an offset without following it, if it is a pointer. */
static bool
field_read(const struct mmdb_section *s, size_t at, struct mmdb_field *out)
{
	struct reader r;
	uint8_t control;

	if (at >= s->len)
		return false;
	reader_init(&r, s->start + at, s->len - at);
	control = reader_u8(&r);
	out->type = control >> 5;
	if (out->type == 0) {
		uint8_t extended = reader_u8(&r);

		if (extended > MMDB_FLOAT - 7)
			return false;
		out->type = (uint8_t)(extended + 7);
	}
	out->len = out->type == MMDB_POINTER ? read_pointer(&r, control)
					     : read_len(&r, control);
	out->at = s->len - reader_left(&r);
	reader_take(&r, payload_len(out));
	out->next = s->len - reader_left(&r);
	return !r.failed;
}

/* Reads the field at an offset, or the one that it points to: which is no pointer. */
static bool
field_resolve(const struct mmdb_section *s, size_t at, struct mmdb_field *out)
{
	size_t next;

	if (!field_read(s, at, out))
		return false;
	if (out->type != MMDB_POINTER)
		return true;
	next = out->next;
	if (!field_read(s, out->len, out) || out->type == MMDB_POINTER)
		return false;
	out->next = next;
	return true;
}

/*
 * Steps over the field at *at with all that it holds. Pointers are not followed, so a
 * loop of them is none here.
 */
static bool
field_skip(const struct mmdb_section *s, size_t *at, unsigned int *fields_left)
{
	struct mmdb_field f;

	for (uint64_t pending = 1; pending > 0; pending--) {
		if ((*fields_left)-- == 0 || !field_read(s, *at, &f))
			return false;
		*at = f.next;
		if (f.type == MMDB_MAP)
			pending += 2 * (uint64_t)f.len;
		else if (f.type == MMDB_ARRAY)
			pending += f.len;
	}
	return true;
}

static bool
text_equals(
    const struct mmdb_section *s, const struct mmdb_field *f, const char *expected)
{
	size_t len = strlen(expected);

	return f->type == MMDB_TEXT && f->len == len &&
	       memcmp(s->start + f->at, expected, len) == 0;
}

static int
member_find(const struct mmdb_section *s, const struct mmdb_field *map, const char *key,
    struct mmdb_field *out)
{
	unsigned int fields_left = MMDB_FIELDS_MAX;
	struct mmdb_field name;
	size_t at = map->at;

	if (map->type != MMDB_MAP)
		return -ENOENT;
	for (uint32_t i = 0; i < map->len; i++) {
		if (fields_left-- == 0 || !field_resolve(s, at, &name) ||
		    name.type != MMDB_TEXT)
			return -EBADMSG;
		at = name.next;
		if (text_equals(s, &name, key))
			return field_resolve(s, at, out) ? 0 : -EBADMSG;
		if (fields_left == 0 || !field_skip(s, &at, &fields_left))
			return -EBADMSG;
	}
	return -ENOENT;
}

static int
number_read(const struct mmdb_section *s, const struct mmdb_field *f, uint32_t *out)
{
	struct reader r;
	bool fits = (f->type == MMDB_UINT16 && f->len <= 2) ||
		    (f->type == MMDB_UINT32 && f->len <= 4) ||
		    (f->type == MMDB_UINT64 && f->len <= 4);

	if (!fits)
		return -ENOENT;
	reader_init(&r, s->start + f->at, f->len);
	*out = read_number(&r, f->len);
	return 0;
}

int
mmdb_member(const struct mmdb *db, const struct mmdb_field *map, const char *key,
    struct mmdb_field *out)
{
	return member_find(&db->data, map, key, out);
}

int
mmdb_text(const struct mmdb *db, const struct mmdb_field *field, char *out, size_t room)
{
	const uint8_t *text = db->data.start + field->at;
	size_t len = field->len < room - 1 ? field->len : room - 1;

	out[0] = '\0';
	if (field->type != MMDB_TEXT || len == 0 || memchr(text, '\0', len) != NULL)
		return -ENOENT;
	memcpy(out, text, len);
	out[len] = '\0';
	return 0;
}

int
mmdb_number(const struct mmdb *db, const struct mmdb_field *field, uint32_t *out)
{
	return number_read(&db->data, field, out);
}

/* ---- the trie -------------------------------------------------------------------- */

/* Where a bit leads to from a node: to a node, to nothing (`nodes`), or to data. */
static uint32_t
trie_step(const struct mmdb *db, uint32_t node, unsigned int bit)
{
	size_t node_len = db->record_bits / 4U;
	const uint8_t *at = db->tree + node * node_len;
	struct reader r;

	if (db->record_bits == 28) {
		uint32_t high = bit == 0 ? at[3] >> 4 : at[3] & 15U;

		reader_init(&r, bit == 0 ? at : at + 4, 3);
		return high << 24 | read_number(&r, 3);
	}
	reader_init(&r, at + bit * node_len / 2, node_len / 2);
	return read_number(&r, node_len / 2);
}

static uint32_t
trie_walk(const struct mmdb *db, uint32_t node, const uint8_t *bytes, unsigned int bits)
{
	for (unsigned int i = 0; i < bits && node < db->nodes; i++)
		node = trie_step(db, node, (uint32_t)bytes[i / 8] >> (7 - i % 8) & 1U);
	return node;
}

int
mmdb_find(const struct mmdb *db, const struct addr *a, struct mmdb_field *out)
{
	bool v4 = a->family == AF_INET;
	uint32_t record;

	if (!v4 && db->ip_version != 6)
		return -ENOENT;
	record = trie_walk(
	    db, v4 ? db->ipv4_root : 0, a->bytes, v4 ? ADDR_BITS_V4 : ADDR_BITS_V6);
	if (record == db->nodes)
		return -ENOENT;
	/* Less is a trie deeper than an address is long. */
	if (record < db->nodes || record - db->nodes < SEPARATOR)
		return -EBADMSG;
	return field_resolve(&db->data, record - db->nodes - SEPARATOR, out) ? 0
									     : -EBADMSG;
}

/* ---- opening --------------------------------------------------------------------- */

/* The last marker: text in the data may look like one. */
static const uint8_t *
find_marker(const uint8_t *file, size_t len)
{
	size_t least = len > METADATA_MAX ? len - METADATA_MAX : 0;

	if (len < MARKER_LEN)
		return NULL;
	for (size_t at = len - MARKER_LEN + 1; at-- > least;)
		if (memcmp(file + at, MARKER, MARKER_LEN) == 0)
			return file + at;
	return NULL;
}

static int
read_setting(const struct mmdb_section *s, const char *key, uint32_t *out)
{
	struct mmdb_field map, value;

	if (!field_resolve(s, 0, &map) || member_find(s, &map, key, &value) != 0)
		return -EBADMSG;
	return number_read(s, &value, out) == 0 ? 0 : -EBADMSG;
}

static bool
settings_make_sense(uint32_t version, uint32_t record_bits, uint32_t ip_version)
{
	return version == FORMAT_VERSION && (ip_version == 4 || ip_version == 6) &&
	       (record_bits == 24 || record_bits == 28 || record_bits == 32);
}

int
mmdb_open(struct mmdb *db, const void *file, size_t len)
{
	static const uint8_t zeros[ADDR_BITS_V6 / 8];
	const uint8_t *marker = find_marker(file, len);
	struct mmdb_section metadata;
	uint32_t version, record_bits, ip_version;
	uint64_t tree_len;
	size_t data_end;

	if (marker == NULL)
		return -EBADMSG;
	data_end = (size_t)(marker - (const uint8_t *)file);
	metadata.start = marker + MARKER_LEN;
	metadata.len = len - data_end - MARKER_LEN;
	if (read_setting(&metadata, "binary_format_major_version", &version) != 0 ||
	    read_setting(&metadata, "record_size", &record_bits) != 0 ||
	    read_setting(&metadata, "ip_version", &ip_version) != 0 ||
	    read_setting(&metadata, "node_count", &db->nodes) != 0 ||
	    !settings_make_sense(version, record_bits, ip_version))
		return -EBADMSG;
	tree_len = (uint64_t)db->nodes * (record_bits / 4);
	if (tree_len + SEPARATOR > data_end)
		return -EBADMSG;
	db->tree = file;
	db->record_bits = (uint16_t)record_bits;
	db->ip_version = (uint16_t)ip_version;
	db->data.start = db->tree + tree_len + SEPARATOR;
	db->data.len = data_end - (size_t)tree_len - SEPARATOR;
	db->ipv4_root = 0;
	if (ip_version == 6)
		db->ipv4_root = trie_walk(db, 0, zeros, ADDR_BITS_V6 - ADDR_BITS_V4);
	return 0;
}
