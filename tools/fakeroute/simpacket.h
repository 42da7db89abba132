/*
 * One packet that the host sent, taken apart. A parser of the simulator's own, apart
 * from the prober's, so that an error there does not look right here. The bytes are
 * hostile: every length is checked against what is there.
 */
#ifndef FAKEROUTE_SIMPACKET_H
#define FAKEROUTE_SIMPACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

#define SIMPACKET_TCP_FIN 0x01
#define SIMPACKET_TCP_SYN 0x02
#define SIMPACKET_TCP_RST 0x04
#define SIMPACKET_TCP_ACK 0x10
#define SIMPACKET_TCP_ECE 0x40
#define SIMPACKET_TCP_CWR 0x80

struct simpacket {
	const uint8_t *bytes; /* the whole IP packet, the caller's */
	size_t len;           /* what the IP header says */
	struct addr src, dst;
	uint8_t protocol; /* behind IPv6 extension headers */
	uint8_t ttl, tos;
	uint32_t flow_label;     /* IPv6 */
	uint16_t identification; /* IPv4 */
	bool dont_fragment;      /* IPv6: true */
	bool fragment;           /* one of several pieces ... */
	bool later_fragment;     /* ... but not the first: no transport header */
	bool more_fragments;
	size_t fragment_offset;     /* of its data in the whole packet's */
	size_t fragment_at;         /* of its data in this packet */
	size_t fragment_header_len; /* what stands in front of every piece */
	size_t next_header_at;      /* IPv6: the byte that names the fragment header */
	uint32_t fragment_id;
	uint8_t fragment_protocol;

	size_t transport;   /* offset of the transport header, or of what is there */
	bool has_transport; /* a whole header of UDP, TCP or ICMP follows */
	uint16_t src_port, dst_port;
	uint8_t icmp_type, icmp_code;
	uint16_t icmp_id, icmp_sequence;
	uint16_t checksum; /* as it stands in the transport header */
	uint32_t tcp_sequence, tcp_acknowledgment;
	uint8_t tcp_flags;
	size_t payload; /* offset of the bytes behind the transport header */

	bool bad_header_checksum; /* IPv4 */
	bool bad_checksum;        /* transport; false when it cannot be told */
};

/*
 * Takes apart len bytes that begin with an IP header. Returns 0, or -EBADMSG when a
 * length does not fit or a header is cut. A packet of an unknown protocol is fine and
 * has no transport.
 */
int simpacket_parse(struct simpacket *p, const uint8_t *bytes, size_t len);

/* True for what must never be answered by an ICMP error (RFC 1122 section 3.2.2). */
bool simpacket_is_no_question(const struct simpacket *p);

#endif
