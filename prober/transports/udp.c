/*
 * UDP datagram sockets: any user. The error queue shows the payload behind the quoted
 * UDP header, the destination and its port, and of IPv6 the flow label; never the
 * checksum.
 */
#include <netinet/in.h>

#include "prober/transports/datagram.h"
#include "prober/transports/transports.h"

static int
udp_open(struct endpoint *e)
{
	return datagram_open(e, 0);
}

/* A datagram from the target: its payload may be anything, our own sent back too. */
static bool
/* NOLINTNEXTLINE(readability-non-const-parameter): ping sockets write there */
udp_to_reply(const struct endpoint *e, struct reply *r, uint8_t *image, size_t len)
{
	(void)e;
	(void)image;
	r->kind = REPLY_DATA;
	r->dst_known = true;
	r->dst = r->from;
	r->dst_port = r->from_port;
	r->quote_len = len;
	return true;
}

static void
udp_receive(struct endpoint *e, uint32_t events)
{
	datagram_receive(e, events, udp_to_reply);
}

static const char *const settable[] = {"ipv4.tos", "ipv4.ttl", "ipv4.dont_fragment",
    "ipv4.src_addr", "ipv4.dst_addr", "ipv6.traffic_class", "ipv6.flow_label",
    "ipv6.hop_limit", "ipv6.src_addr", "ipv6.dst_addr", "udp.src_port", "udp.dst_port",
    "udp.length", "udp.checksum", "udp.payload", NULL};
static const char *const readable[] = {"ipv4.dst_addr", "ipv6.dst_addr",
    "ipv6.flow_label", "udp.src_port", "udp.dst_port", "udp.payload", NULL};

const struct transport transport_udp = {
    .name = "udp",
    .id = TRANSPORT_UDP,
    .ip_protocol = {IPPROTO_UDP, IPPROTO_UDP},
    .patterns = {"ipv4/udp", "ipv6/udp"},
    .settable = settable,
    .readable = readable,
    .open = udp_open,
    .send = datagram_send,
    .receive = udp_receive,
};
