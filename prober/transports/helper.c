/*
 * Transports through paris-privsep: the helper sends typed probes from ports that it
 * keeps, and hands up whole packets, quoted IP header and checksums included. So tags
 * in a checksum or a sequence number are seen even in quotes of 28 bytes, TCP has any
 * number of probes in flight, and echo requests need no ping_group_range.
 */
#include <errno.h>
#include <netinet/in.h>

#include "common/clock.h"
#include "prober/bits.h"
#include "prober/helper.h"
#include "prober/layout.h"
#include "prober/transports/sockets.h"
#include "prober/transports/transports.h"

static int
open_any(struct endpoint *e)
{
	return helper_reserve(e->owner->helper, e,
	    e->transport->ip_protocol[e->key.source.family == AF_INET6]);
}

static void
close_any(struct endpoint *e)
{
	helper_release(e->owner->helper, e);
}

static int
prepare_any(struct probe *p)
{
	return helper_take(p->endpoint->owner->helper, p);
}

static void
release_any(struct probe *p)
{
	helper_give(p->endpoint->owner->helper, p);
}

/* What is behind the header, for the protocols whose payload travels. */
static int
fill_payload(
    const struct endpoint *e, const struct packet *packet, struct privsep_send *m)
{
	size_t at = pattern_layer_offset(e->pattern, 2);

	if (packet->len - at > PRIVSEP_PAYLOAD_MAX)
		return -EMSGSIZE;
	m->payload_len = (uint16_t)(packet->len - at);
	m->payload = packet->bytes + at;
	return 0;
}

/* The options are those that the layout has written. */
static void
fill_tcp(const uint8_t *header, struct privsep_send *m)
{
	m->tcp.sequence = (uint32_t)bits_read(header, 32, 32);
	m->tcp.ack = (uint32_t)bits_read(header, 64, 32);
	m->tcp.flags = (uint8_t)bits_read(header, 104, 8);
	m->tcp.window = (uint16_t)bits_read(header, 112, 16);
	m->tcp.options = PRIVSEP_TCP_MSS | PRIVSEP_TCP_SACK | PRIVSEP_TCP_TIMESTAMPS |
			 PRIVSEP_TCP_WINDOW_SCALE;
	m->tcp.mss = LAYOUT_TCP_MSS;
	m->tcp.window_scale = LAYOUT_TCP_WINDOW_SCALE;
	m->tcp.timestamp = LAYOUT_TCP_TIMESTAMP;
}

/* The record of a probe: what its packet says, in the helper's words. */
static int
fill(const struct endpoint *e, const struct probe *p, struct privsep_send *m)
{
	bool v6 = e->key.source.family == AF_INET6;
	const struct packet *packet = p->packets;
	const uint8_t *header = packet->bytes + pattern_layer_offset(e->pattern, 1);

	*m = (struct privsep_send){
	    .id = e->reservation,
	    .protocol = e->transport->ip_protocol[v6],
	    .ttl = p->ttl,
	    .tos = (uint8_t)socket_header_value(e, packet, e->tos),
	    .flow_label = v6 ? socket_header_value(e, packet, e->flow_label) : 0,
	    .source = socket_packet_source(e, packet),
	    .destination = p->dst,
	    .port = p->dst_port,
	};
	if (m->protocol == IPPROTO_TCP) {
		fill_tcp(header, m);
		return 0;
	}
	if (m->protocol != IPPROTO_UDP) {
		m->checksum = (uint16_t)bits_read(header, 16, 16);
		m->port = (uint16_t)bits_read(header, 48, 16);
	}
	return fill_payload(e, packet, m);
}

/* Hands over what is queued: no more waits than the helper sends within a second. */
static int
send_all(struct endpoint *e)
{
	struct probe *p;

	while ((p = TAILQ_FIRST(&e->queue)) != NULL) {
		struct privsep_send m;
		int error = fill(e, p, &m);

		endpoint_unqueue(e, p);
		p->sent = clock_realtime();
		if (error == 0)
			error = helper_hand(e->owner->helper, p, &m);
		p->state = error == 0 ? PROBE_IN_FLIGHT : PROBE_FAILED;
		if (error != 0)
			e->owner->events->failed(e->owner->context, p, -error);
	}
	return 0;
}

/* Answers come on the helper's channel. */
static void
receive_nothing(struct watch *w, uint32_t events)
{
	(void)w;
	(void)events;
}

static const char *const udp_settable[] = {"ipv4.tos", "ipv4.ttl", "ipv4.dont_fragment",
    "ipv4.src_addr", "ipv4.dst_addr", "ipv6.traffic_class", "ipv6.flow_label",
    "ipv6.hop_limit", "ipv6.src_addr", "ipv6.dst_addr", "udp.src_port", "udp.dst_port",
    "udp.length", "udp.checksum", "udp.payload", NULL};
static const char *const udp_readable[] = {"ipv4.dst_addr", "ipv6.dst_addr",
    "ipv6.flow_label", "udp.src_port", "udp.dst_port", "udp.length", "udp.checksum",
    "udp.payload", NULL};

static const char *const tcp_settable[] = {"ipv4.tos", "ipv4.ttl", "ipv4.dont_fragment",
    "ipv4.src_addr", "ipv4.dst_addr", "ipv6.traffic_class", "ipv6.flow_label",
    "ipv6.hop_limit", "ipv6.src_addr", "ipv6.dst_addr", "tcp.src_port", "tcp.dst_port",
    "tcp.seq", "tcp.checksum", NULL};
static const char *const tcp_readable[] = {"ipv4.dst_addr", "ipv6.dst_addr",
    "ipv6.flow_label", "tcp.src_port", "tcp.dst_port", "tcp.seq", "tcp.checksum", NULL};

static const char *const icmp_settable[] = {"ipv4.tos", "ipv4.ttl",
    "ipv4.dont_fragment", "ipv4.src_addr", "ipv4.dst_addr", "ipv6.traffic_class",
    "ipv6.flow_label", "ipv6.hop_limit", "ipv6.src_addr", "ipv6.dst_addr", "icmp.type",
    "icmp.code", "icmp.checksum", "icmp.id", "icmp.sequence", NULL};
static const char *const icmp_readable[] = {"ipv4.dst_addr", "ipv6.dst_addr",
    "ipv6.flow_label", "icmp.type", "icmp.code", "icmp.checksum", "icmp.id",
    "icmp.sequence", NULL};

static const char *const udp_varying[] = {"udp.dst_port", "udp.checksum", NULL};
static const char *const udp_constant[] = {"udp.checksum", NULL};
static const char *const tcp_tags[] = {"tcp.seq", NULL};
static const char *const icmp_tags[] = {"icmp.sequence", NULL};

const struct transport transport_udp_helper = {
    .name = "udp-helper",
    .title = "UDP",
    .id = TRANSPORT_UDP_HELPER,
    .ip_protocol = {IPPROTO_UDP, IPPROTO_UDP},
    .patterns = {"ipv4/udp", "ipv6/udp"},
    .settable = udp_settable,
    .readable = udp_readable,
    .tags = {udp_varying, udp_constant},
    .receives = "ICMP errors with all headers, and datagrams",
    .flow_field = FLOW_BY_DST_PORT,
    .quote_layer = 1,
    .by_helper = true,
    .open = open_any,
    .close = close_any,
    .prepare = prepare_any,
    .send = send_all,
    .receive = receive_nothing,
    .release = release_any,
};

const struct transport transport_tcp_helper = {
    .name = "tcp-helper",
    .title = "TCP",
    .id = TRANSPORT_TCP_HELPER,
    .ip_protocol = {IPPROTO_TCP, IPPROTO_TCP},
    .patterns = {"ipv4/tcp", "ipv6/tcp"},
    .settable = tcp_settable,
    .readable = tcp_readable,
    .tags = {tcp_tags, tcp_tags},
    .receives = "ICMP errors with all headers, SYN-ACK and RST",
    .flow_field = FLOW_BY_DST_PORT,
    .quote_layer = 1,
    .by_helper = true,
    .helper_argument = "tcp",
    .open = open_any,
    .close = close_any,
    .prepare = prepare_any,
    .send = send_all,
    .receive = receive_nothing,
    .release = release_any,
};

const struct transport transport_ping_helper = {
    .name = "ping-helper",
    .title = "ICMP",
    .id = TRANSPORT_PING_HELPER,
    .ip_protocol = {IPPROTO_ICMP, IPPROTO_ICMPV6},
    .patterns = {"ipv4/icmpv4", "ipv6/icmpv6"},
    .settable = icmp_settable,
    .readable = icmp_readable,
    .tags = {icmp_tags, icmp_tags},
    .receives = "ICMP errors with all headers, and echo replies",
    .flow_field = FLOW_BY_CHECKSUM,
    .quote_layer = 1,
    .by_helper = true,
    .open = open_any,
    .close = close_any,
    .prepare = prepare_any,
    .send = send_all,
    .receive = receive_nothing,
    .release = release_any,
};
