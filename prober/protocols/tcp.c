/* TCP: RFC 9293. */
#include <netinet/in.h>

#include "prober/bits.h"
#include "prober/protocols/protocols.h"

static const struct field fields[] = {
    {"tcp.src_port", 0, 16},
    {"tcp.dst_port", 16, 16},
    {"tcp.seq", 32, 32},
    {"tcp.ack", 64, 32},
    {"tcp.data_offset", 96, 4},
    {"tcp.flags", 100, 12},
    {"tcp.window", 112, 16},
    {"tcp.checksum", 128, 16},
    {"tcp.urgent", 144, 16},
};

static const struct protocol_parent parents[] = {
    {"ipv4", IPPROTO_TCP}, {"ipv6", IPPROTO_TCP}};
static const char *const flow_fields[] = {"tcp.src_port", "tcp.dst_port"};
static const struct tag_field tag_fields[] = {
    {"tcp.seq", TAG_WRITTEN, 0, UINT32_MAX, false},
    {"tcp.src_port", TAG_WRITTEN, 24000, 32767, false},
    /* The sequence number, which makes it come out, has to rise (layout.c). */
    {"tcp.checksum", TAG_BY_PAYLOAD, 1, 0xfffe, .falls = true},
};

static size_t
header_len(const uint8_t *header, size_t available)
{
	size_t len = (size_t)(header[12] >> 4) * 4;

	(void)available;
	return len >= 20 ? len : 0;
}

static void
finish(uint8_t *header, size_t len)
{
	/* Probes have no data: what is behind the header are options. */
	bits_write(header, 96, 4, len % 4 == 0 && len <= 60 ? len / 4 : 5);
}

const struct protocol protocol_tcp = {
    .name = "tcp",
    PROTOCOL_TABLES,
    .header_min = 20,
    .header_len = header_len,
    .finish = finish,
    .checksum_field = "tcp.checksum",
    .checksum_pseudo = true,
    .ip_protocol = IPPROTO_TCP,
};
