/*
 * The protocols, and what their files share. Included by prober/protocols/ only.
 */
#ifndef PROBER_PROTOCOLS_PROTOCOLS_H
#define PROBER_PROTOCOLS_PROTOCOLS_H

#include "prober/protocol.h"

extern const struct protocol protocol_ipv4;
extern const struct protocol protocol_ipv6;
extern const struct protocol protocol_udp;
extern const struct protocol protocol_udplite;
extern const struct protocol protocol_tcp;
extern const struct protocol protocol_icmpv4;
extern const struct protocol protocol_icmpv6;
extern const struct protocol protocol_dccp;
extern const struct protocol protocol_raw;

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The five tables that each protocol's file defines under these names. */
#define PROTOCOL_TABLES \
	.fields = fields, .fields_count = COUNT_OF(fields), .parents = parents, \
	.parents_count = COUNT_OF(parents), .flow_fields = flow_fields, \
	.flow_fields_count = COUNT_OF(flow_fields), .tag_fields = tag_fields, \
	.tag_fields_count = COUNT_OF(tag_fields)

/*
 * What ICMP and ICMPv6 have in common: header, names, flow and tags. Load balancers
 * hash the first four bytes behind the IP header as if they were ports: of ICMP these
 * are type, code and checksum (Augustin et al., IMC 2006).
 */
#define ICMP_TABLES \
	static const struct field fields[] = { \
	    {"icmp.type", 0, 8}, \
	    {"icmp.code", 8, 8}, \
	    {"icmp.checksum", 16, 16}, \
	    {"icmp.id", 32, 16}, \
	    {"icmp.sequence", 48, 16}, \
	}; \
	static const char *const flow_fields[] = { \
	    "icmp.type", "icmp.code", "icmp.checksum"}; \
	static const struct tag_field tag_fields[] = { \
	    {"icmp.sequence", TAG_WRITTEN, 0, 0xffff, false}, \
	    {"icmp.checksum", TAG_BY_PAYLOAD, 1, 0xfffe, false}, \
	};

#endif
