/* IPv4: RFC 791; DS field and ECN: RFC 2474, RFC 3168. */
#include <netinet/in.h>

#include "common/checksum.h"
#include "prober/bits.h"
#include "prober/protocols/protocols.h"

static const struct field fields[] = {
    {"ipv4.version", 0, 4},
    {"ipv4.ihl", 4, 4},
    {"ipv4.tos", 8, 8},
    {"ipv4.total_length", 16, 16},
    {"ipv4.identification", 32, 16},
    {"ipv4.reserved", 48, 1},
    {"ipv4.dont_fragment", 49, 1},
    {"ipv4.more_fragments", 50, 1},
    {"ipv4.fragment_offset", 51, 13},
    {"ipv4.ttl", 64, 8},
    {"ipv4.protocol", 72, 8},
    {"ipv4.checksum", 80, 16},
    {"ipv4.src_addr", 96, 32},
    {"ipv4.dst_addr", 128, 32},
};

static const struct protocol_parent parents[] = {{NULL, 4}, {"icmpv4", SELECTOR_QUOTE}};
static const char *const flow_fields[] = {
    "ipv4.protocol", "ipv4.src_addr", "ipv4.dst_addr"};
static const struct tag_field tag_fields[] = {
    {"ipv4.identification", TAG_WRITTEN, 1, 0xffff, false},
};

static size_t
header_len(const uint8_t *header, size_t available)
{
	size_t len = (size_t)(header[0] & 0x0f) * 4;

	(void)available;
	return header[0] >> 4 == 4 && len >= 20 ? len : 0;
}

static int
carried(const uint8_t *header, size_t available)
{
	(void)available;
	/* Only a first fragment starts with the header of what is carried. */
	if (bits_read(header, 51, 13) != 0)
		return SELECTOR_NONE;
	return header[9];
}

static size_t
declared_len(const uint8_t *header)
{
	return bits_read(header, 16, 16);
}

static void
finish(uint8_t *header, size_t len)
{
	header[0] = 0x45;
	bits_write(header, 16, 16, len);
	bits_write(header, 80, 16, 0);
	bits_write(header, 80, 16, checksum_finish(checksum_add(0, header, 20)));
}

const struct protocol protocol_ipv4 = {
    .name = "ipv4",
    PROTOCOL_TABLES,
    .header_min = 20,
    .header_len = header_len,
    .carried = carried,
    .declared_len = declared_len,
    .finish = finish,
    .ip_protocol = IPPROTO_IPIP,
};
