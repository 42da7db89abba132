/*
 * ICMPv6: RFC 4443. Its fields bear the same names as ICMP's: tags fit both families.
 */
#include <netinet/in.h>

#include "prober/protocols/protocols.h"

static const struct protocol_parent parents[] = {{"ipv6", IPPROTO_ICMPV6}};
ICMP_TABLES

static int
carried(const uint8_t *header, size_t available)
{
	(void)available;
	/* Types below 128 are errors (section 2.1). */
	return header[0] < 128 ? SELECTOR_QUOTE : SELECTOR_NONE;
}

const struct protocol protocol_icmpv6 = {
    .name = "icmpv6",
    PROTOCOL_TABLES,
    .header_min = 8,
    .carried = carried,
    .checksum_field = "icmp.checksum",
    .checksum_pseudo = true,
    .ip_protocol = IPPROTO_ICMPV6,
};
