/*
 * What the transports that send and see whole packets have in common, whoever has the
 * raw sockets: their fields, tags and words. Included by transports/helper.c and raw.c.
 */
#ifndef PROBER_TRANSPORTS_WHOLE_H
#define PROBER_TRANSPORTS_WHOLE_H

#include <netinet/in.h>
#include <stddef.h>

#include "prober/transport.h"

/* Answers do not come on the endpoint's own socket, if there is one. */
static inline void
receive_nothing(struct watch *w, uint32_t events)
{
	(void)w;
	(void)events;
}

/* clang-format off */
/* Fields, to stand in a table; of IP, those that can be set and those that are seen. */
#define IP_SET \
	"ipv4.tos", "ipv4.ttl", "ipv4.dont_fragment", "ipv4.src_addr", "ipv4.dst_addr", \
	"ipv6.traffic_class", "ipv6.flow_label", "ipv6.hop_limit", "ipv6.src_addr", \
	"ipv6.dst_addr"
#define IP_SEEN "ipv4.dst_addr", "ipv6.dst_addr", "ipv6.flow_label"
#define UDP_FIELDS \
	"udp.src_port", "udp.dst_port", "udp.length", "udp.checksum", "udp.payload"
#define TCP_FIELDS "tcp.src_port", "tcp.dst_port", "tcp.seq", "tcp.checksum"
#define ICMP_FIELDS \
	"icmp.type", "icmp.code", "icmp.checksum", "icmp.id", "icmp.sequence"
/* clang-format on */

static const char *const udp_varying[] = {"udp.dst_port", "udp.checksum", NULL};
static const char *const udp_constant[] = {"udp.checksum", NULL};
static const char *const tcp_tags[] = {"tcp.seq", NULL};
static const char *const icmp_tags[] = {"icmp.sequence", NULL};

/* Members of struct transport. */
#define WHOLE_UDP \
	.title = "UDP", .ip_protocol = {IPPROTO_UDP, IPPROTO_UDP}, \
	.patterns = {"ipv4/udp", "ipv6/udp"}, .tags = {udp_varying, udp_constant}, \
	.receives = "ICMP errors with all headers, and datagrams"
#define WHOLE_TCP \
	.title = "TCP", .ip_protocol = {IPPROTO_TCP, IPPROTO_TCP}, \
	.patterns = {"ipv4/tcp", "ipv6/tcp"}, .tags = {tcp_tags, tcp_tags}, \
	.receives = "ICMP errors with all headers, SYN-ACK and RST", .quote_layer = 1
#define WHOLE_ICMP \
	.title = "ICMP", .ip_protocol = {IPPROTO_ICMP, IPPROTO_ICMPV6}, \
	.patterns = {"ipv4/icmpv4", "ipv6/icmpv6"}, .tags = {icmp_tags, icmp_tags}, \
	.receives = "ICMP errors with all headers, and echo replies", \
	.flow_field = FLOW_BY_CHECKSUM, .quote_layer = 1

#endif
