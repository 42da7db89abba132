/*
 * UDP-Lite datagram sockets (RFC 3828), where the kernel has them: as UDP, the checksum
 * covering the whole packet or as much of it as was asked for.
 */
#include <netinet/in.h>

#include "prober/transports/datagram.h"
#include "prober/transports/sockets.h"
#include "prober/transports/transports.h"

#define SEND_COVERAGE \
	10 /* UDPLITE_SEND_CSCOV of linux/udp.h, of its own option level */

static int
udplite_open(struct endpoint *e)
{
	int error = datagram_open(e, IPPROTO_UDPLITE);

	if (error == 0 && e->key.coverage != 0)
		error = socket_option(
		    e->watch.fd, IPPROTO_UDPLITE, SEND_COVERAGE, e->key.coverage);
	return error;
}

static void
udplite_receive(struct watch *w, uint32_t events)
{
	datagram_receive(w, events, datagram_from_target);
}

static const char *const settable[] = {"ipv4.tos", "ipv4.ttl", "ipv4.dont_fragment",
    "ipv4.src_addr", "ipv4.dst_addr", "ipv6.traffic_class", "ipv6.flow_label",
    "ipv6.hop_limit", "ipv6.src_addr", "ipv6.dst_addr", "udplite.src_port",
    "udplite.dst_port", "udplite.checksum", "udplite.payload", NULL};
static const char *const readable[] = {"ipv4.dst_addr", "ipv6.dst_addr",
    "ipv6.flow_label", "udplite.src_port", "udplite.dst_port", "udplite.payload", NULL};

static const char *const varying[] = {
    "udplite.dst_port", "udplite.src_port", "udplite.payload", NULL};
static const char *const constant[] = {"udplite.payload", NULL};

static const struct sandbox_rule rules[] = {
    DATAGRAM_SOCKET(AF_INET, IPPROTO_UDPLITE),
    DATAGRAM_SOCKET(AF_INET6, IPPROTO_UDPLITE),
    SANDBOX_SETSOCKOPT(IPPROTO_UDPLITE, SEND_COVERAGE),
};

const struct transport transport_udplite = {
    .name = "udplite",
    .title = "UDP-Lite",
    .id = TRANSPORT_UDPLITE,
    .ip_protocol = {IPPROTO_UDPLITE, IPPROTO_UDPLITE},
    .patterns = {"ipv4/udplite", "ipv6/udplite"},
    .settable = settable,
    .readable = readable,
    .tags = {varying, constant},
    .receives = "",
    .flow_field = FLOW_BY_SRC_PORT,
    .quote_layer = 2,
    .rules = rules,
    .rules_count = sizeof(rules) / sizeof(rules[0]),
    .open = udplite_open,
    .send = datagram_send,
    .receive = udplite_receive,
};
