/* UDP: RFC 768. */
#include <netinet/in.h>

#include "prober/bits.h"
#include "prober/protocols/protocols.h"

static const struct field fields[] = {
    {"udp.src_port", 0, 16}, {"udp.dst_port", 16, 16}, {"udp.length", 32, 16},
    {"udp.checksum", 48, 16},
    {"udp.payload", 64, 32}, /* its first bytes, as far as a tag needs them */
};

static const struct protocol_parent parents[] = {
    {"ipv4", IPPROTO_UDP}, {"ipv6", IPPROTO_UDP}};
static const char *const flow_fields[] = {"udp.src_port", "udp.dst_port"};
static const struct tag_field tag_fields[] = {
    {"udp.payload", TAG_WRITTEN, 1, UINT32_MAX, true},
    {"udp.dst_port", TAG_WRITTEN, 33434, 0xffff, false},
    {"udp.src_port", TAG_WRITTEN, 24000, 32767, false},
    {"udp.checksum", TAG_BY_PAYLOAD, 1, 0xfffe, false},
    {"udp.length", TAG_BY_LENGTH, 12, 512, false},
};

static size_t
declared_len(const uint8_t *header)
{
	return bits_read(header, 32, 16);
}

static void
finish(uint8_t *header, size_t len)
{
	bits_write(header, 32, 16, len);
}

const struct protocol protocol_udp = {
    .name = "udp",
    PROTOCOL_TABLES,
    .header_min = 8,
    .declared_len = declared_len,
    .finish = finish,
    .checksum_field = "udp.checksum",
    .checksum_pseudo = true,
    .checksum_non_zero = true,
    .ip_protocol = IPPROTO_UDP,
};
