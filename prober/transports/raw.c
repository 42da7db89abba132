/*
 * Transports through raw sockets of our own, for root: whole packets down, IP header
 * included, and whole packets up. So any field can be set, IP identification too, and
 * is seen again. Ports are kept by ordinary sockets, so no other program has them; the
 * kernel answers a SYN-ACK with RST, for nobody listens there, which tears down.
 */
#include <errno.h>
#include <linux/in6.h>
#include <netinet/in.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/packets.h"
#include "prober/raw.h"
#include "prober/transports/datagram.h"
#include "prober/transports/sockets.h"
#include "prober/transports/transports.h"

#define STREAM (SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)
#define ID_TRIES 64 /* random ICMP identifiers, before all are taken to be in use */

static bool
is_v6(const struct endpoint *e)
{
	return e->key.source.family == AF_INET6;
}

/* ---- ports ---- */

/* The socket that keeps the port also receives what UDP itself answers. */
static int
udp_open(struct endpoint *e)
{
	int error = datagram_open(e, 0);

	/* ICMP errors come by the raw sockets, whole. */
	if (error == 0)
		error = is_v6(e)
			    ? socket_option(e->watch.fd, IPPROTO_IPV6, IPV6_RECVERR, 0)
			    : socket_option(e->watch.fd, IPPROTO_IP, IP_RECVERR, 0);
	return error == 0 ? raw_take_port(e->owner->raw, e, -1) : error;
}

static void
udp_receive(struct watch *w, uint32_t events)
{
	datagram_receive(w, events, datagram_from_target);
}

/* This socket only keeps the port: bound as if alone in the world, it never listens. */
static int
tcp_open(struct endpoint *e)
{
	int fd = socket((int)e->key.source.family, STREAM, 0);
	int error;

	if (fd < 0)
		return -errno;
	error = is_v6(e) ? socket_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) : 0;
	if (error == 0)
		error = socket_bind_device(e, fd);
	if (error == 0)
		error = socket_bind(e, fd, e->key.port, &e->port);
	if (error == 0)
		return raw_take_port(e->owner->raw, e, fd);
	close(fd);
	return error;
}

/* Whether the address is ours: what binding a socket of the protocol would tell. */
static int
check_source(const struct endpoint *e)
{
	int fd = socket(
	    (int)e->key.source.family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	uint16_t port;
	int error;

	if (fd < 0)
		return -errno;
	error = socket_bind_device(e, fd);
	if (error == 0)
		error = socket_bind(e, fd, 0, &port);
	close(fd);
	return error;
}

/* Identifiers are kept by nobody: one that no other endpoint of ours has. */
static int
ping_open(struct endpoint *e)
{
	int error = check_source(e);

	if (error != 0)
		return error;
	e->port = e->key.port;
	for (int i = 0; i < (e->key.port != 0 ? 1 : ID_TRIES); i++) {
		if (e->key.port == 0 &&
		    getrandom(&e->port, sizeof(e->port), 0) != sizeof(e->port))
			return -errno;
		error = raw_take_port(e->owner->raw, e, -1);
		if (error != -EADDRINUSE)
			break;
	}
	return error;
}

static void
close_any(struct endpoint *e)
{
	raw_give_port(e->owner->raw, e);
}

/* ---- sending ---- */

static int
send_packet(struct endpoint *e, struct probe *p, const struct packet *packet)
{
	static uint32_t number;
	struct addr source = socket_packet_source(e, packet);
	uint32_t id = number++;
	struct outgoing o = {.bytes = packet->bytes,
	    .len = packet->len,
	    .to = &p->dst,
	    .ttl = p->ttl,
	    .tos = (uint8_t)socket_header_value(e, packet, e->tos),
	    .source = &source,
	    .interface = e->key.device_index,
	    .stamp_id = &id};
	int64_t sent;
	int result;

	if (is_v6(e))
		o.flow_label = socket_header_value(e, packet, e->flow_label);
	result = packet_send(e->owner->raw->sockets.sender[is_v6(e)], &o, &sent);
	if (result >= 0) {
		p->sent = sent;
		p->sent_by_kernel = result == 1;
	}
	return result < 0 ? result : 0;
}

static int
send_all(struct endpoint *e)
{
	struct probe *p;

	while ((p = TAILQ_FIRST(&e->queue)) != NULL) {
		int error = 0;

		for (const struct packet *packet = p->packets;
		     packet != NULL && error == 0; packet = packet->next)
			error = send_packet(e, p, packet);
		if (error == -EINTR)
			continue;
		/* Nothing tells when a raw socket takes more: try again in a little. */
		if (error == -EAGAIN || error == -ENOBUFS)
			return -ENOBUFS;
		endpoint_unqueue(e, p);
		p->state = error == 0 ? PROBE_IN_FLIGHT : PROBE_FAILED;
		if (error == 0)
			e->owner->events->left(e->owner->context, p);
		else
			e->owner->events->failed(e->owner->context, p, -error);
	}
	return 0;
}

/* Answers come on the raw sockets. */
static void
receive_nothing(struct watch *w, uint32_t events)
{
	(void)w;
	(void)events;
}

/* ---- what they can ---- */

#define IP_SETTABLE \
	"ipv4.tos", "ipv4.ttl", "ipv4.dont_fragment", "ipv4.identification", \
	    "ipv4.src_addr", "ipv4.dst_addr", "ipv6.traffic_class", "ipv6.flow_label", \
	    "ipv6.hop_limit", "ipv6.src_addr", "ipv6.dst_addr"
#define IP_READABLE \
	"ipv4.identification", "ipv4.dst_addr", "ipv6.dst_addr", "ipv6.flow_label"
#define UDP_FIELDS \
	"udp.src_port", "udp.dst_port", "udp.length", "udp.checksum", "udp.payload"
#define TCP_FIELDS "tcp.src_port", "tcp.dst_port", "tcp.seq", "tcp.checksum"
#define ICMP_FIELDS \
	"icmp.type", "icmp.code", "icmp.checksum", "icmp.id", "icmp.sequence"

static const char *const udp_settable[] = {IP_SETTABLE, UDP_FIELDS, NULL};
static const char *const udp_readable[] = {IP_READABLE, UDP_FIELDS, NULL};
static const char *const tcp_settable[] = {IP_SETTABLE, TCP_FIELDS, NULL};
static const char *const tcp_readable[] = {IP_READABLE, TCP_FIELDS, NULL};
static const char *const icmp_settable[] = {IP_SETTABLE, ICMP_FIELDS, NULL};
static const char *const icmp_readable[] = {IP_READABLE, ICMP_FIELDS, NULL};

static const char *const udp_varying[] = {"udp.dst_port", "udp.checksum", NULL};
static const char *const udp_constant[] = {"udp.checksum", NULL};
static const char *const tcp_tags[] = {"tcp.seq", NULL};
static const char *const icmp_tags[] = {"icmp.sequence", NULL};

/* The senders, by their numbers; all sockets were opened before. */
#define SENDERS \
	{SCMP_SYS(sendmsg), 1, {{0, RAW_SENDER_FD}}}, \
	{ \
		SCMP_SYS(sendmsg), 1, \
		{ \
			{ \
				0, RAW_SENDER_FD + 1 \
			} \
		} \
	}

static const struct sandbox_rule rules[] = {SENDERS};
static const struct sandbox_rule tcp_rules[] = {
    SENDERS,
    SANDBOX_SOCKET(AF_INET, STREAM, 0),
    SANDBOX_SOCKET(AF_INET6, STREAM, 0),
};

const struct transport transport_udp_raw = {
    .name = "udp-raw",
    .title = "UDP",
    .id = TRANSPORT_UDP_RAW,
    .ip_protocol = {IPPROTO_UDP, IPPROTO_UDP},
    .patterns = {"ipv4/udp", "ipv6/udp"},
    .settable = udp_settable,
    .readable = udp_readable,
    .tags = {udp_varying, udp_constant},
    .receives = "ICMP errors with all headers, and datagrams",
    .quote_layer = 2,
    .by_raw = true,
    .flow_field = FLOW_BY_SRC_PORT,
    .rules = rules,
    .rules_count = sizeof(rules) / sizeof(rules[0]),
    .open = udp_open,
    .close = close_any,
    .send = send_all,
    .receive = udp_receive,
};

const struct transport transport_tcp_raw = {
    .name = "tcp-raw",
    .title = "TCP",
    .id = TRANSPORT_TCP_RAW,
    .ip_protocol = {IPPROTO_TCP, IPPROTO_TCP},
    .patterns = {"ipv4/tcp", "ipv6/tcp"},
    .settable = tcp_settable,
    .readable = tcp_readable,
    .tags = {tcp_tags, tcp_tags},
    .receives = "ICMP errors with all headers, SYN-ACK and RST",
    .quote_layer = 1,
    .by_raw = true,
    .flow_field = FLOW_BY_SRC_PORT,
    .rules = tcp_rules,
    .rules_count = sizeof(tcp_rules) / sizeof(tcp_rules[0]),
    .open = tcp_open,
    .close = close_any,
    .send = send_all,
    .receive = receive_nothing,
};

const struct transport transport_ping_raw = {
    .name = "ping-raw",
    .title = "ICMP",
    .id = TRANSPORT_PING_RAW,
    .ip_protocol = {IPPROTO_ICMP, IPPROTO_ICMPV6},
    .patterns = {"ipv4/icmpv4", "ipv6/icmpv6"},
    .settable = icmp_settable,
    .readable = icmp_readable,
    .tags = {icmp_tags, icmp_tags},
    .receives = "ICMP errors with all headers, and echo replies",
    .quote_layer = 1,
    .by_raw = true,
    .flow_field = FLOW_BY_CHECKSUM,
    .rules = rules,
    .rules_count = sizeof(rules) / sizeof(rules[0]),
    .open = ping_open,
    .close = close_any,
    .send = send_all,
    .receive = receive_nothing,
};
