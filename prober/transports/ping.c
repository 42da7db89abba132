/*
 * ICMP datagram sockets ("ping sockets", Linux 3.0; IPv6 3.11): users whose group is in
 * net.ipv4.ping_group_range. The error queue and echo replies show the whole ICMP
 * header.
 */
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>

#include "prober/transports/datagram.h"
#include "prober/transports/transports.h"

static int
ping_open(struct endpoint *e)
{
	int protocol = e->key.source.family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;

	return datagram_open(e, protocol);
}

static bool
ping_to_reply(const struct endpoint *e, struct reply *r, uint8_t *image, size_t len)
{
	bool v6 = e->key.source.family == AF_INET6;
	uint8_t *icmp = image + r->quote_at;

	if (len < 8 || icmp[0] != (v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY))
		return false;
	r->kind = REPLY_ECHO;
	r->icmp_type = icmp[0];
	r->icmp_code = icmp[1];
	reply_show_request(e->key.source.family, icmp);
	r->quote_len = len;
	return true;
}

static void
ping_receive(struct watch *w, uint32_t events)
{
	datagram_receive(w, events, ping_to_reply);
}

static const char *const settable[] = {"ipv4.tos", "ipv4.ttl", "ipv4.dont_fragment",
    "ipv4.src_addr", "ipv4.dst_addr", "ipv6.traffic_class", "ipv6.flow_label",
    "ipv6.hop_limit", "ipv6.src_addr", "ipv6.dst_addr", "icmp.type", "icmp.code",
    "icmp.checksum", "icmp.id", "icmp.sequence", NULL};
static const char *const readable[] = {"ipv4.dst_addr", "ipv6.dst_addr",
    "ipv6.flow_label", "icmp.type", "icmp.code", "icmp.checksum", "icmp.id",
    "icmp.sequence", NULL};

static const char *const tags[] = {"icmp.sequence", NULL};

static const struct sandbox_rule rules[] = {
    DATAGRAM_SOCKET(AF_INET, IPPROTO_ICMP),
    DATAGRAM_SOCKET(AF_INET6, IPPROTO_ICMPV6),
};

const struct transport transport_ping = {
    .name = "ping",
    .title = "ping",
    .id = TRANSPORT_PING,
    .ip_protocol = {IPPROTO_ICMP, IPPROTO_ICMPV6},
    .patterns = {"ipv4/icmpv4", "ipv6/icmpv6"},
    .settable = settable,
    .readable = readable,
    .tags = {tags, tags},
    .receives = ", and echo replies",
    .flow_field = FLOW_BY_CHECKSUM,
    .quote_layer = 1,
    .rules = rules,
    .rules_count = sizeof(rules) / sizeof(rules[0]),
    .open = ping_open,
    .send = datagram_send,
    .receive = ping_receive,
};
