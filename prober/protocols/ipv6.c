/* IPv6: RFC 8200; flow label: RFC 6437. */
#include <netinet/in.h>

#include "prober/bits.h"
#include "prober/protocols/protocols.h"

static const struct field fields[] = {
    {"ipv6.version", 0, 4},
    {"ipv6.traffic_class", 4, 8},
    {"ipv6.flow_label", 12, 20},
    {"ipv6.payload_length", 32, 16},
    {"ipv6.next_header", 48, 8},
    {"ipv6.hop_limit", 56, 8},
    {"ipv6.src_addr", 64, 128},
    {"ipv6.dst_addr", 192, 128},
};

static const struct protocol_parent parents[] = {{NULL, 6}, {"icmpv6", SELECTOR_QUOTE}};
static const char *const flow_fields[] = {
    "ipv6.flow_label", "ipv6.next_header", "ipv6.src_addr", "ipv6.dst_addr"};
static const struct tag_field tag_fields[] = {
    {"ipv6.flow_label", TAG_WRITTEN, 1, 0xfffff, false},
};

static size_t
header_len(const uint8_t *header, size_t available)
{
	(void)available;
	return header[0] >> 4 == 6 ? 40 : 0;
}

static int
carried(const uint8_t *header, size_t available)
{
	(void)available;
	return header[6]; /* extension headers are not walked: we send none */
}

static size_t
declared_len(const uint8_t *header)
{
	return 40 + bits_read(header, 32, 16);
}

static void
finish(uint8_t *header, size_t len)
{
	bits_write(header, 0, 4, 6);
	bits_write(header, 32, 16, len - 40);
}

const struct protocol protocol_ipv6 = {
    .name = "ipv6",
    PROTOCOL_TABLES,
    .header_min = 40,
    .header_len = header_len,
    .carried = carried,
    .declared_len = declared_len,
    .finish = finish,
    .ip_protocol = IPPROTO_IPV6,
};
