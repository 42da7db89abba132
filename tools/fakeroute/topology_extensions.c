#include "tools/fakeroute/topology_extensions.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/bytes.h"
#include "tools/fakeroute/topology_values.h"

#define CLASS_MPLS 1 /* RFC 4950 section 3 */
#define TYPE_MPLS 1
#define CLASS_INTERFACE 2 /* RFC 5837 section 4 */
#define TYPE_HAS_INDEX 8
#define TYPE_HAS_ADDRESS 4
#define TYPE_HAS_NAME 2
#define TYPE_HAS_MTU 1
#define AFI_IPV4 1
#define AFI_IPV6 2

/* ---- words ----------------------------------------------------------------------- */

static int
set_mpls(void *object, const char *value)
{
	struct topology_object_text *text = object;

	text->kinds++;
	text->labels_count = 0;
	return topology_labels(value, text->labels, &text->labels_count);
}

static int
set_interface(void *object, const char *value)
{
	static const char *const roles[] = {
	    "incoming", "sub-ip", "outgoing", "next-hop", NULL};
	struct topology_object_text *text = object;
	int role = topology_choice(value, roles);

	if (role < 0)
		return role;
	text->kinds++;
	text->interface = true;
	text->role = (unsigned int)role;
	return 0;
}

/* CLASS:TYPE */
static int
set_object(void *object, const char *value)
{
	struct topology_object_text *text = object;
	const char *colon = strchr(value, ':');
	size_t len = colon == NULL ? 0 : (size_t)(colon - value);
	char class[8];
	uint64_t numbers[2];

	if (len == 0 || len >= sizeof(class))
		return -EINVAL;
	memcpy(class, value, len);
	class[len] = '\0';
	if (topology_number(class, 0, 255, &numbers[0]) != 0 ||
	    topology_number(colon + 1, 0, 255, &numbers[1]) != 0)
		return -EINVAL;
	text->kinds++;
	text->object = true;
	text->out.class = (uint8_t)numbers[0];
	text->out.type = (uint8_t)numbers[1];
	return 0;
}

static int
set_data(void *object, const char *value)
{
	struct topology_object_text *text = object;

	text->sized = true;
	return topology_hex(value, text->data, sizeof(text->data), &text->data_len);
}

static int
set_structure(void *object, const char *value)
{
	struct topology_object_text *text = object;

	text->kinds++;
	text->out.whole = true;
	return topology_hex(value, text->data, sizeof(text->data), &text->data_len);
}

static int
set_length(void *object, const char *value)
{
	struct topology_object_text *text = object;
	uint64_t length;

	if (topology_number(value, 0, 65535, &length) != 0)
		return -EINVAL;
	text->out.lies = true;
	text->out.length = (uint16_t)length;
	return 0;
}

static int
set_number(const char *value, bool *has, uint32_t *out)
{
	uint64_t number;

	if (topology_number(value, 0, UINT32_MAX, &number) != 0)
		return -EINVAL;
	*has = true;
	*out = (uint32_t)number;
	return 0;
}

static int
set_index(void *object, const char *value)
{
	struct topology_object_text *text = object;

	return set_number(value, &text->has_index, &text->index);
}

static int
set_mtu(void *object, const char *value)
{
	struct topology_object_text *text = object;

	return set_number(value, &text->has_mtu, &text->mtu);
}

static int
set_address(void *object, const char *value)
{
	return topology_addr_pair(value, ((struct topology_object_text *)object)->addr);
}

static int
set_name(void *object, const char *value)
{
	struct topology_object_text *text = object;

	if (*value == '\0' || strlen(value) > TOPOLOGY_INTERFACE_NAME_MAX)
		return -EINVAL;
	topology_text_copy(text->name, value);
	return 0;
}

#define OWN(key, set, takes) \
	{ \
		key, TOPOLOGY_TYPE_OWN, 0, 0, 0, NULL, set, takes \
	}
#define HEX "an even number of hexadecimal digits, up to 256 bytes"

static const struct topology_word table[] = {
    OWN("mpls", set_mpls, "LABEL[:TC[:TTL]], up to 8 with commas"),
    OWN("interface", set_interface, "incoming, sub-ip, outgoing or next-hop"),
    OWN("index", set_index, "a number of 32 bits"),
    OWN("address", set_address, "an address, or one of each family"),
    OWN("name", set_name, "up to 63 bytes"),
    OWN("mtu", set_mtu, "a number of 32 bits"),
    OWN("object", set_object, "CLASS:TYPE, two numbers from 0 to 255"),
    OWN("data", set_data, HEX),
    OWN("length", set_length, "a number from 0 to 65535"),
    OWN("structure", set_structure, HEX),
};

#define WORDS (sizeof(table) / sizeof(*table))

int
topology_extension_word(
    struct topology_object_text *text, char *word, char *why, size_t room)
{
	return topology_words_set(table, WORDS, "an extension", text, word, why, room);
}

/* ---- objects --------------------------------------------------------------------- */

size_t
topology_labels_write(
    const struct topology_label *labels, size_t count, uint8_t *out, size_t room)
{
	struct writer w;

	writer_init(&w, out, room);
	for (size_t i = 0; i < count; i++)
		writer_u32(&w, labels[i].label << 12 |
				   (uint32_t)labels[i].traffic_class << 9 |
				   (i + 1 == count ? 0x100u : 0) | labels[i].ttl);
	return w.failed ? 0 : writer_len(&w);
}

/* RFC 5837 section 4.3: the name with its length in front, padded to 4 bytes. */
static void
write_name(struct writer *w, const char *name)
{
	static const uint8_t zeros[4];
	size_t len = strlen(name);
	size_t padded = (1 + len + 3) / 4 * 4;

	writer_u8(w, (uint8_t)padded);
	writer_copy(w, name, len);
	writer_copy(w, zeros, padded - 1 - len);
}

/* RFC 5837 section 4.2. */
static void
write_address(struct writer *w, const struct addr *a)
{
	writer_u16(w, a->family == AF_INET ? AFI_IPV4 : AFI_IPV6);
	writer_u16(w, 0);
	writer_copy(w, a->bytes, addr_family_len(a->family));
}

/* The interface as it is told over one family: with the address of that, if any. */
static size_t
write_interface(
    const struct topology_object_text *text, size_t family, uint8_t *out, size_t room)
{
	const struct addr *a = &text->addr[family];
	struct writer w;

	if (addr_is_none(a))
		a = &text->addr[1 - family];
	writer_init(&w, out, room);
	if (text->has_index)
		writer_u32(&w, text->index);
	if (!addr_is_none(a))
		write_address(&w, a);
	if (text->name[0] != '\0')
		write_name(&w, text->name);
	if (text->has_mtu)
		writer_u32(&w, text->mtu);
	return w.failed ? 0 : writer_len(&w);
}

static bool
has_interface_words(const struct topology_object_text *text)
{
	return text->has_index || text->has_mtu || text->name[0] != '\0' ||
	       !addr_is_none(&text->addr[0]) || !addr_is_none(&text->addr[1]);
}

static void
make_interface(struct topology_object_text *text)
{
	bool addressed = !addr_is_none(&text->addr[0]) || !addr_is_none(&text->addr[1]);

	text->out.class = CLASS_INTERFACE;
	text->out.type = (uint8_t)(text->role << 6);
	text->out.type |= text->has_index ? TYPE_HAS_INDEX : 0;
	text->out.type |= addressed ? TYPE_HAS_ADDRESS : 0;
	text->out.type |= text->name[0] != '\0' ? TYPE_HAS_NAME : 0;
	text->out.type |= text->has_mtu ? TYPE_HAS_MTU : 0;
	for (size_t family = 0; family < 2; family++)
		text->out.len[family] = write_interface(text, family,
		    text->out.data[family], sizeof(text->out.data[family]));
}

static void
make_data(struct topology_object_text *text)
{
	if (text->labels_count > 0) {
		text->out.class = CLASS_MPLS;
		text->out.type = TYPE_MPLS;
		text->data_len = topology_labels_write(
		    text->labels, text->labels_count, text->data, sizeof(text->data));
	}
	for (size_t family = 0; family < 2; family++) {
		text->out.len[family] = text->data_len;
		memcpy(text->out.data[family], text->data, text->data_len);
	}
}

int
topology_extension_make(struct topology_object_text *text, char *why, size_t room)
{
	const char *wrong = NULL;

	if (text->kinds != 1)
		wrong = "say one of mpls, interface, object and structure";
	else if (!text->interface && has_interface_words(text))
		wrong = "index, address, name and mtu are of an interface";
	else if (!text->object && text->sized)
		wrong = "data is of an object";
	else if (text->out.whole && text->out.lies)
		wrong = "a structure has no length but that of its bytes";
	if (wrong != NULL) {
		snprintf(why, room, "%s", wrong);
		return -EINVAL;
	}
	if (text->interface)
		make_interface(text);
	else
		make_data(text);
	return 0;
}
