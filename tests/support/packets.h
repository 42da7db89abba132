/*
 * Packets built by hand and judged by hand: a second opinion on prober/layout.c and
 * prober/tree.c that shares no code with them. Packets grow from the inside out: put
 * the payload, then each header in front of it.
 */
#ifndef TESTS_SUPPORT_PACKETS_H
#define TESTS_SUPPORT_PACKETS_H

#include <stddef.h>
#include <stdint.h>

#define PACKET_ROOM 4096

/* Bytes at the end of room, so that headers are put in front without moving them. */
struct made {
	uint8_t room[PACKET_ROOM];
	size_t len;
};

void made_init(struct made *m);

/* The packet so far. */
uint8_t *made_bytes(struct made *m);

/* Puts bytes (NULL: zeros) in front. */
void made_put(struct made *m, const void *bytes, size_t len);

/* Each puts its header around all that is there. Addresses: see packets.c. */
void made_udp(struct made *m, uint16_t src_port, uint16_t dst_port);
void made_tcp(struct made *m, uint16_t src_port, uint16_t dst_port, uint32_t seq);
/* rest: the four bytes behind the checksum (id and sequence, or unused). */
void made_icmp(struct made *m, uint8_t type, uint8_t code, uint32_t rest);
void made_ipv4(struct made *m, uint8_t protocol, uint8_t ttl);
void made_ipv6(struct made *m, uint8_t next_header, uint8_t hop_limit);

/* Completes an ICMPv6 checksum, which needs the IPv6 header in front. */
void made_icmpv6_checksum(struct made *m);

/* What made_ipv4 and made_ipv6 write, in network order. */
extern const uint8_t made_src4[4], made_dst4[4], made_src6[16], made_dst6[16];

/* The Internet checksum by division instead of folding. bytes may be odd. */
uint16_t reference_checksum(const uint8_t *bytes, size_t len);

/*
 * Whether every length and checksum of an IPv4 or IPv6 packet with UDP, UDP-Lite, TCP,
 * ICMP, a DCCP Request or protocol 253 is right: NULL, or what is wrong.
 */
const char *packet_fault(const uint8_t *packet, size_t len);

#endif
