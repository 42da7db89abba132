/*
 * Building what the simulated nodes send back: whole IP packets with right checksums,
 * written into memory of the caller. The functions return the length of the packet, or
 * 0 when it does not fit.
 */
#ifndef FAKEROUTE_SIMREPLY_H
#define FAKEROUTE_SIMREPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "tools/fakeroute/simpacket.h"
#include "tools/fakeroute/topology.h"

/* The IP header of a reply; it goes to where the packet came from. */
struct simreply_header {
	struct addr src;
	uint8_t ttl; /* as it arrives at the host */
};

/* An ICMP error about a packet. */
struct simreply_error {
	uint8_t type, code;
	uint32_t word; /* the second word of the header: MTU or pointer, or 0 */
	uint8_t ttl;   /* of the packet when it arrived at the node */
	size_t quote;  /* bytes of the packet to quote, or TOPOLOGY_QUOTE_FULL */
	const uint8_t *extension; /* a structure of RFC 4884, or NULL */
	size_t extension_len;
	bool noncompliant;       /* the length field of RFC 4884 stays 0 ... */
	bool lies;               /* ... or has this value: */
	uint8_t extended_length; /* in its units */
	size_t misquotes_count;
	const struct topology_misquote *misquotes;
};

/*
 * The quote shows the packet as it arrived there: its TTL and IPv4 header checksum are
 * set for that, and then the fields that are misquoted. A full quote fills an error to
 * 576 bytes (RFC 1812 section 4.3.2.3) or 1280 (RFC 4443 section 2.4). With an
 * extension it is padded to 128 bytes or more. *quoted: the bytes quoted, without
 * padding.
 */
size_t simreply_error(uint8_t *out, size_t room, const struct simreply_header *header,
    const struct simpacket *p, const struct simreply_error *error, size_t *quoted);

/* Sets the identification of an IPv4 packet, 0 so far, and its header's checksum. */
void simreply_identify(uint8_t *packet, uint16_t identification);

/* Makes the checksums of an answer right: the IPv4 header's, and the transport's. */
void simreply_seal(uint8_t *packet, size_t len);

/* The echo reply to an echo request. */
size_t simreply_echo(uint8_t *out, size_t room, const struct simreply_header *header,
    const struct simpacket *p);

/* A datagram of UDP or UDP-Lite back with the payload of the one that came. */
size_t simreply_udp(uint8_t *out, size_t room, const struct simreply_header *header,
    const struct simpacket *p);

/* A TCP segment without data; SYN brings an MSS option. */
size_t simreply_tcp(uint8_t *out, size_t room, const struct simreply_header *header,
    const struct simpacket *p, uint8_t flags, uint32_t sequence,
    uint32_t acknowledgment);

#endif
