/* ICMP: RFC 792, extended by RFC 4884. */
#include <netinet/in.h>

#include "prober/protocols/protocols.h"

static const struct protocol_parent parents[] = {{"ipv4", IPPROTO_ICMP}};
ICMP_TABLES

static int
carried(const uint8_t *header, size_t available)
{
	(void)available;
	switch (header[0]) {
	case 3:  /* destination unreachable */
	case 4:  /* source quench */
	case 5:  /* redirect */
	case 11: /* time exceeded */
	case 12: /* parameter problem */
		return SELECTOR_QUOTE;
	default:
		return SELECTOR_NONE;
	}
}

const struct protocol protocol_icmpv4 = {
    .name = "icmpv4",
    PROTOCOL_TABLES,
    .header_min = 8,
    .carried = carried,
    .checksum_field = "icmp.checksum",
    .ip_protocol = IPPROTO_ICMP,
};
