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

static void
udp_receive(struct watch *w, uint32_t events)
{
	datagram_receive(w, events, datagram_from_target);
}

static const char *const settable[] = {"ipv4.tos", "ipv4.ttl", "ipv4.dont_fragment",
    "ipv4.src_addr", "ipv4.dst_addr", "ipv6.traffic_class", "ipv6.flow_label",
    "ipv6.hop_limit", "ipv6.src_addr", "ipv6.dst_addr", "udp.src_port", "udp.dst_port",
    "udp.length", "udp.checksum", "udp.payload", NULL};
static const char *const readable[] = {"ipv4.dst_addr", "ipv6.dst_addr",
    "ipv6.flow_label", "udp.src_port", "udp.dst_port", "udp.payload", NULL};

static const char *const varying[] = {
    "udp.dst_port", "udp.src_port", "udp.payload", NULL};
static const char *const constant[] = {"udp.payload", NULL};

const struct transport transport_udp = {
    .name = "udp",
    .title = "UDP",
    .id = TRANSPORT_UDP,
    .ip_protocol = {IPPROTO_UDP, IPPROTO_UDP},
    .patterns = {"ipv4/udp", "ipv6/udp"},
    .settable = settable,
    .readable = readable,
    .tags = {varying, constant},
    .receives = "",
    .flow_field = FLOW_BY_SRC_PORT,
    .quote_layer = 2,
    .open = udp_open,
    .send = datagram_send,
    .receive = udp_receive,
};
