/* UDP-Lite: RFC 3828; the checksum covers everything, as in UDP. */
#include <netinet/in.h>

#include "prober/bits.h"
#include "prober/protocols/protocols.h"

static const struct field fields[] = {
    {"udplite.src_port", 0, 16}, {"udplite.dst_port", 16, 16},
    {"udplite.coverage", 32, 16}, {"udplite.checksum", 48, 16},
    {"udplite.payload", 64, 32}, /* its first bytes, as far as a tag needs them */
};

static const struct protocol_parent parents[] = {
    {"ipv4", IPPROTO_UDPLITE}, {"ipv6", IPPROTO_UDPLITE}};
static const char *const flow_fields[] = {"udplite.src_port", "udplite.dst_port"};
static const struct tag_field tag_fields[] = {
    {"udplite.payload", TAG_WRITTEN, 1, UINT32_MAX, true},
    {"udplite.dst_port", TAG_WRITTEN, 33434, 0xffff, false},
    {"udplite.src_port", TAG_WRITTEN, 24000, 32767, false},
    {"udplite.checksum", TAG_BY_PAYLOAD, 1, 0xfffe, false},
};

static void
finish(uint8_t *header, size_t len)
{
	bits_write(header, 32, 16, len);
}

const struct protocol protocol_udplite = {
    .name = "udplite",
    PROTOCOL_TABLES,
    .header_min = 8,
    .finish = finish,
    .checksum_field = "udplite.checksum",
    .checksum_pseudo = true,
    .checksum_non_zero = true,
    .ip_protocol = IPPROTO_UDPLITE,
};
