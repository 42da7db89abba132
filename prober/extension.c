#include "prober/extension.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/bytes.h"
#include "common/checksum.h"

#define HEADER_LEN 4
#define OBJECT_HEADER_LEN 4
#define CLASS_MPLS 1 /* RFC 4950 section 3 */
#define TYPE_MPLS_INCOMING 1
#define CLASS_INTERFACE 2 /* RFC 5837 section 4.1 */
#define AFI_IPV4 1
#define AFI_IPV6 2

static int
header_read(struct reader *r, uint16_t *checksum)
{
	uint8_t version = reader_u8(r) >> 4;

	(void)reader_u8(r);
	*checksum = reader_u16(r);
	return r->failed || version != 2 ? -EBADMSG : 0;
}

/* One label stack object: four bytes a label. Returns how many labels are told. */
static uint8_t
mpls_read(struct reader *r, struct prober_result *out)
{
	uint8_t told = 0;

	while (reader_left(r) >= 4 && out->mpls_count < PROBER_MPLS_MAX) {
		uint32_t entry = reader_u32(r);

		out->mpls[out->mpls_count++] = (struct prober_mpls){
		    .label = entry >> 12,
		    .traffic_class = entry >> 9 & 7,
		    .bottom = entry >> 8 & 1,
		    .ttl = (uint8_t)entry,
		};
		told++;
	}
	return told;
}

/* RFC 5837 section 4.2. */
static struct addr
interface_addr_read(struct reader *r)
{
	uint16_t afi = reader_u16(r);
	uint8_t bytes[16] = {0};

	(void)reader_u16(r);
	switch (afi) {
	case AFI_IPV4:
		reader_copy(r, bytes, 4);
		return addr_from_bytes(AF_INET, bytes);
	case AFI_IPV6:
		reader_copy(r, bytes, 16);
		return addr_from_bytes(AF_INET6, bytes);
	default:
		r->failed = true;
		return (struct addr){0};
	}
}

/*
 * Section 4.3: its length with this byte, a multiple of four, then the name, padded
 * with zeros.
 */
static void
interface_name_read(struct reader *r, char *name)
{
	uint8_t len = reader_u8(r);

	if (len == 0 || len % 4 != 0 || len > PROBER_INTERFACE_NAME_MAX + 1)
		r->failed = true;
	else
		reader_copy(r, name, len - 1);
	name[PROBER_INTERFACE_NAME_MAX] = '\0';
}

/* What an object says of an interface; false when it is not as RFC 5837 has it. */
static bool
interface_read(
    uint8_t c_type, const uint8_t *data, size_t len, struct prober_interface *out)
{
	struct reader r;

	reader_init(&r, data, len);
	*out = (struct prober_interface){
	    .role = c_type >> 6, .has = c_type & (INTERFACE_END - 1)};
	if ((out->has & INTERFACE_INDEX) != 0)
		out->index = reader_u32(&r);
	if ((out->has & INTERFACE_ADDR) != 0)
		out->addr = interface_addr_read(&r);
	if ((out->has & INTERFACE_NAME) != 0)
		interface_name_read(&r, out->name);
	if ((out->has & INTERFACE_MTU) != 0)
		out->mtu = reader_u32(&r);
	return !r.failed;
}

static int
object_read(struct reader *r, struct prober_result *out)
{
	size_t len = reader_u16(r);
	uint8_t class_num = reader_u8(r);
	uint8_t c_type = reader_u8(r);
	struct prober_object *object;
	const uint8_t *data;
	struct reader inner;
	bool is_mpls;

	if (len < OBJECT_HEADER_LEN)
		return -EBADMSG;
	len -= OBJECT_HEADER_LEN;
	data = reader_take(r, len);
	if (data == NULL)
		return -EBADMSG;
	is_mpls = class_num == CLASS_MPLS && c_type == TYPE_MPLS_INCOMING && len > 0;
	if (is_mpls && len % 4 != 0)
		return -EBADMSG;
	if (out->objects_count == PROBER_OBJECTS_MAX ||
	    (is_mpls && out->mpls_count == PROBER_MPLS_MAX))
		return 0;
	object = &out->objects[out->objects_count++];
	*object = (struct prober_object){
	    .class_num = class_num, .c_type = c_type, .len = (uint16_t)len};
	if (is_mpls) {
		reader_init(&inner, data, len);
		object->labels = mpls_read(&inner, out);
		return 0;
	}
	memcpy(object->data, data, len < PROBER_OBJECT_DATA ? len : PROBER_OBJECT_DATA);
	if (class_num == CLASS_INTERFACE &&
	    out->interfaces_count < PROBER_INTERFACES_MAX &&
	    interface_read(
		c_type, data, len, &out->interfaces[out->interfaces_count])) {
		object->is_interface = 1;
		out->interfaces_count++;
	}
	return 0;
}

int
extension_parse(const uint8_t *bytes, size_t len, struct prober_result *out)
{
	struct reader r;
	uint16_t checksum;
	int error;

	out->mpls_count = out->objects_count = out->interfaces_count = 0;
	reader_init(&r, bytes, len);
	error = header_read(&r, &checksum);
	/* A checksum of 0 was not computed (section 7). */
	if (error == 0 && checksum != 0 &&
	    checksum_fold(checksum_add(0, bytes, len)) != 0xffff)
		error = -EBADMSG;
	/* What is shorter than an object's header is padding. */
	while (error == 0 && reader_left(&r) >= OBJECT_HEADER_LEN)
		error = object_read(&r, out);
	if (error != 0)
		out->mpls_count = out->objects_count = out->interfaces_count = 0;
	return error;
}

int
extension_looks_real(const uint8_t *bytes, size_t len)
{
	struct reader r;
	uint16_t checksum;

	reader_init(&r, bytes, len);
	if (len < HEADER_LEN + OBJECT_HEADER_LEN || header_read(&r, &checksum) != 0)
		return 0;
	return checksum != 0 && checksum_fold(checksum_add(0, bytes, len)) == 0xffff;
}
