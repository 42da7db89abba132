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
#include "prober/tcp_options.h"
#include "prober/transports/sockets.h"
#include "prober/transports/transports.h"
#include "prober/transports/whole.h"

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

_Static_assert((int)PRIVSEP_TCP_MSS == (int)TCP_OPTION_MSS &&
		   (int)PRIVSEP_TCP_SACK == (int)TCP_OPTION_SACK &&
		   (int)PRIVSEP_TCP_TIMESTAMPS == (int)TCP_OPTION_TIMESTAMPS &&
		   (int)PRIVSEP_TCP_WINDOW_SCALE == (int)TCP_OPTION_WINDOW_SCALE,
    "the helper's options are written in our order");

/* The options are those that the layout has written. */
static void
fill_tcp(const struct packet *packet, const uint8_t *header, struct privsep_send *m)
{
	size_t len = packet->len - (size_t)(header - packet->bytes) - TCP_HEADER;

	m->tcp.sequence = (uint32_t)bits_read(header, 32, 32);
	m->tcp.ack = (uint32_t)bits_read(header, 64, 32);
	m->tcp.flags = (uint8_t)bits_read(header, 104, 8);
	m->tcp.window = (uint16_t)bits_read(header, 112, 16);
	m->tcp.options = tcp_options_read(header + TCP_HEADER, len, &m->tcp.mss);
	m->tcp.window_scale = TCP_OPTIONS_WINDOW_SCALE;
	m->tcp.timestamp = TCP_OPTIONS_TIMESTAMP;
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
		fill_tcp(packet, header, m);
		return 0;
	}
	if (m->protocol != IPPROTO_UDP) {
		m->checksum = (uint16_t)bits_read(header, 16, 16);
		m->port = (uint16_t)bits_read(header, 48, 16);
	}
	return fill_payload(e, packet, m);
}

/* Hands over what is queued, as far as the helper is to have it at a time. */
static int
send_all(struct endpoint *e)
{
	struct probe *p;

	while ((p = TAILQ_FIRST(&e->queue)) != NULL) {
		struct privsep_send m;
		int error = fill(e, p, &m);

		if (helper_is_full(e->owner->helper))
			return -ENOBUFS;
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

static const char *const udp_settable[] = {IP_SET, UDP_FIELDS, NULL};
static const char *const udp_readable[] = {IP_SEEN, UDP_FIELDS, NULL};
static const char *const tcp_settable[] = {IP_SET, TCP_FIELDS, NULL};
static const char *const tcp_readable[] = {IP_SEEN, TCP_FIELDS, NULL};
static const char *const icmp_settable[] = {IP_SET, ICMP_FIELDS, NULL};
static const char *const icmp_readable[] = {IP_SEEN, ICMP_FIELDS, NULL};

/* Members of struct transport. */
#define BY_HELPER \
	.by_helper = true, .open = open_any, .close = close_any, \
	.prepare = prepare_any, .send = send_all, .receive = receive_nothing, \
	.release = release_any

const struct transport transport_udp_helper = {
    .name = "udp-helper",
    .id = TRANSPORT_UDP_HELPER,
    .settable = udp_settable,
    .readable = udp_readable,
    .flow_field = FLOW_BY_DST_PORT,
    .quote_layer = 1,
    WHOLE_UDP,
    BY_HELPER,
};

const struct transport transport_tcp_helper = {
    .name = "tcp-helper",
    .id = TRANSPORT_TCP_HELPER,
    .settable = tcp_settable,
    .readable = tcp_readable,
    .flow_field = FLOW_BY_DST_PORT,
    .helper_argument = "tcp",
    WHOLE_TCP,
    BY_HELPER,
};

const struct transport transport_ping_helper = {
    .name = "ping-helper",
    .id = TRANSPORT_PING_HELPER,
    .settable = icmp_settable,
    .readable = icmp_readable,
    WHOLE_ICMP,
    BY_HELPER,
};
