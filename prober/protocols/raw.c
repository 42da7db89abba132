/*
 * Any other protocol, of which nothing is known: bytes behind the IP header. The first
 * eight are quoted by every router (RFC 792); of these, balancers that take any
 * protocol for one with ports hash the first four.
 */
#include <netinet/in.h>

#include "prober/protocols/protocols.h"

static const struct field fields[] = {
    {"raw.start", 0, 32},
    {"raw.tag", 32, 32},
};

static const struct protocol_parent parents[] = {
    {"ipv4", SELECTOR_ANY}, {"ipv6", SELECTOR_ANY}};
static const char *const flow_fields[] = {"raw.start"};
static const struct tag_field tag_fields[] = {
    {"raw.tag", TAG_WRITTEN, 1, UINT32_MAX, true},
};

const struct protocol protocol_raw = {
    .name = "raw",
    PROTOCOL_TABLES,
    .header_min = 8,
    .ip_protocol = IPPROTO_RAW,
};
