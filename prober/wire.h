/*
 * Packets that differ from what a probe's layout (layout.h) is: with a source route in
 * their IP header, or in fragments (fragments.h). Answers are compared with the layout;
 * what is here is sent instead, by raw sockets of the prober's own. Pure.
 */
#ifndef PROBER_WIRE_H
#define PROBER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/prober_messages.h"

/* Bytes that the route adds to a packet of this family; 0 without gateways. */
size_t wire_route_len(const struct prober_route *route, uint32_t family);

/*
 * The packet (len bytes from its IP header on, without options or extension headers)
 * with the route: it goes to the first gateway, and the rest of the way stands in a
 * loose source route (RFC 791 section 3.1) or in a routing header (RFC 8200
 * section 4.4) of route->type, laid out as types 0 and 2 are. out has len +
 * wire_route_len() bytes.
 */
void wire_route(
    const struct prober_route *route, const uint8_t *packet, size_t len, uint8_t *out);

/*
 * Where a packet really goes, by its IP header of header_len bytes, which may be cut or
 * hostile: to the last address of a source route that is not used up, or else to the
 * header's own destination. header_len is at least that of a plain header.
 */
struct addr wire_destination(uint32_t family, const uint8_t *header, size_t header_len);

/* What an IP header says of the piece of a packet that it carries. */
struct wire_fragment {
	bool told;     /* IPv4: always; IPv6: there is a fragment header */
	uint32_t id;   /* identification */
	size_t offset; /* of the piece in the packet's bytes behind the header */
	size_t len;    /* of the piece, as the header has it: nobody has checked it */
	bool more;     /* others follow */
	uint8_t protocol; /* of what was split: IPPROTO_* */
};

/* Reads it of a header as wire_destination does. */
struct wire_fragment wire_fragment(
    uint32_t family, const uint8_t *header, size_t header_len);

#endif
