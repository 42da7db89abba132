/* DCCP: RFC 4340, a Request with the long sequence number (section 5.1). */
#include <netinet/in.h>

#include "prober/bits.h"
#include "prober/protocols/protocols.h"

static const struct field fields[] = {
    {"dccp.src_port", 0, 16},
    {"dccp.dst_port", 16, 16},
    {"dccp.data_offset", 32, 8},
    {"dccp.ccval", 40, 4},
    {"dccp.coverage", 44, 4},
    {"dccp.checksum", 48, 16},
    {"dccp.reserved", 64, 3},
    {"dccp.type", 67, 4},
    {"dccp.long_sequence", 71, 1},
    {"dccp.reserved2", 72, 8},
    {"dccp.seq_high", 80, 16},
    {"dccp.seq", 96, 32},
    {"dccp.service", 128, 32},
};

static const struct protocol_parent parents[] = {
    {"ipv4", IPPROTO_DCCP}, {"ipv6", IPPROTO_DCCP}};
static const char *const flow_fields[] = {"dccp.src_port", "dccp.dst_port"};
static const struct tag_field tag_fields[] = {
    {"dccp.seq", TAG_WRITTEN, 1, UINT32_MAX, false},
};

static void
finish(uint8_t *header, size_t len)
{
	(void)len;
	bits_write(header, 32, 8, 5);
	bits_write(header, 71, 1, 1);
}

const struct protocol protocol_dccp = {
    .name = "dccp",
    PROTOCOL_TABLES,
    .header_min = 20,
    .finish = finish,
    .checksum_field = "dccp.checksum",
    .checksum_pseudo = true,
    .ip_protocol = IPPROTO_DCCP,
};
