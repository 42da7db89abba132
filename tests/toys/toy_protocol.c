/*
 * A toy, for the walkthrough in CONTRIBUTING.md: a protocol with ports, a number of its
 * own and a checksum, by the IP protocol that RFC 3692 leaves to experiments. It goes
 * into prober/protocols/ as it is.
 */
#include "prober/protocols/protocols.h"

#define IPPROTO_TOY 253

static const struct field fields[] = {{"toy.src_port", 0, 16}, {"toy.dst_port", 16, 16},
    {"toy.checksum", 32, 16}, {"toy.number", 48, 16}};

static const struct protocol_parent parents[] = {
    {"ipv4", IPPROTO_TOY}, {"ipv6", IPPROTO_TOY}};
static const char *const flow_fields[] = {"toy.src_port", "toy.dst_port"};
static const struct tag_field tag_fields[] = {
    {"toy.number", TAG_WRITTEN, 0, 0xffff, false},
    {"toy.checksum", TAG_BY_PAYLOAD, 1, 0xfffe, false},
};

const struct protocol protocol_toy = {
    .name = "toy",
    PROTOCOL_TABLES,
    .header_min = 8,
    .checksum_field = "toy.checksum",
    .checksum_pseudo = true,
    .ip_protocol = IPPROTO_TOY,
};
