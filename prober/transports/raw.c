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
#include "prober/transports/whole.h"

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

/*
 * A UDP socket with the endpoint's address and this port, or 0, as a socket of the
 * protocol would have them: -errno when the address is not ours.
 */
static int
open_keeper(const struct endpoint *e, uint16_t asked, uint16_t *port)
{
	int fd = socket(
	    (int)e->key.source.family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -errno;
	error = is_v6(e) ? socket_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) : 0;
	if (error == 0)
		error = socket_bind_device(e, fd);
	if (error == 0)
		error = socket_bind(e, fd, asked, port);
	if (error == 0)
		return fd;
	close(fd);
	return error;
}

static int
check_source(const struct endpoint *e)
{
	uint16_t port;
	int fd = open_keeper(e, 0, &port);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
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

/*
 * Few kernels have DCCP, so a socket of UDP keeps its ports: another run of ours finds
 * them taken, and sees no answers to this one.
 */
static int
dccp_open(struct endpoint *e)
{
	int fd = open_keeper(e, e->key.port, &e->port);

	return fd < 0 ? fd : raw_take_port(e->owner->raw, e, fd);
}

/* Other protocols have no ports. */
static int
other_open(struct endpoint *e)
{
	int error = check_source(e);

	e->port = e->key.port;
	return error == 0 ? raw_take_port(e->owner->raw, e, -1) : error;
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
	    .to = addr_is_none(&p->via) ? &p->dst : &p->via,
	    .ttl = p->ttl,
	    .tos = (uint8_t)socket_header_value(e, packet, e->tos),
	    .source = &source,
	    .interface = e->key.device_index,
	    .dont_route = e->key.dont_route,
	    .stamp_id = &id};
	int fd = e->owner->raw->sockets.sender[is_v6(e)];
	int64_t sent;
	int result;

	if (is_v6(e))
		o.flow_label = socket_header_value(e, packet, e->flow_label);
	result = packet_send(fd, &o, &sent);
	if (result == -EMSGSIZE && e->key.dont_fragment)
		e->mtu = packets_refusing_mtu(fd);
	/* A probe in fragments is under way with the first one. */
	if (result >= 0 && (packet == p->packets || packet == p->wire)) {
		p->sent = sent;
		p->sent_by_kernel = result == 1;
	}
	return result < 0 ? result : 0;
}

/* Sends the packets of a probe, or those that the device did not take before. */
static int
send_probe(struct endpoint *e, struct probe *p)
{
	int error = 0;

	if (p->unsent == NULL)
		p->unsent = p->wire != NULL ? p->wire : p->packets;
	while (p->unsent != NULL && error == 0) {
		error = send_packet(e, p, p->unsent);
		if (error == 0)
			p->unsent = p->unsent->next;
	}
	return error;
}

static int
send_all(struct endpoint *e)
{
	struct probe *p;

	while ((p = TAILQ_FIRST(&e->queue)) != NULL) {
		int error = send_probe(e, p);

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

/* ---- what they can ---- */

#define IP_ID "ipv4.identification"

static const char *const udp_settable[] = {IP_SET, IP_ID, UDP_FIELDS, NULL};
static const char *const udp_readable[] = {IP_SEEN, IP_ID, UDP_FIELDS, NULL};
static const char *const tcp_settable[] = {IP_SET, IP_ID, TCP_FIELDS, NULL};
static const char *const tcp_readable[] = {IP_SEEN, IP_ID, TCP_FIELDS, NULL};
static const char *const icmp_settable[] = {IP_SET, IP_ID, ICMP_FIELDS, NULL};
static const char *const icmp_readable[] = {IP_SEEN, IP_ID, ICMP_FIELDS, NULL};

/* clang-format off */
/* The senders, by their numbers; all sockets were opened before. */
#define SENDERS \
	{SCMP_SYS(sendmsg), 1, {{0, RAW_SENDER_FD}}}, \
	{SCMP_SYS(sendmsg), 1, {{0, RAW_SENDER_FD + 1}}}
/* clang-format on */

static const char *const dccp_settable[] = {
    IP_SET, IP_ID, "dccp.src_port", "dccp.dst_port", "dccp.seq", NULL};
static const char *const dccp_readable[] = {
    IP_SEEN, IP_ID, "dccp.src_port", "dccp.dst_port", "dccp.seq", NULL};
static const char *const dccp_tags[] = {IP_ID, "dccp.seq", NULL};
static const char *const other_settable[] = {IP_SET, IP_ID, "raw.tag", NULL};
static const char *const other_readable[] = {IP_SEEN, IP_ID, "raw.tag", NULL};
static const char *const other_tags[] = {"raw.tag", NULL};

static const struct sandbox_rule rules[] = {SENDERS};
static const struct sandbox_rule tcp_rules[] = {
    SENDERS,
    SANDBOX_SOCKET(AF_INET, STREAM, 0),
    SANDBOX_SOCKET(AF_INET6, STREAM, 0),
};

/* Members of struct transport. */
#define BY_RAW .by_raw = true, .close = close_any, .send = send_all
#define RULES(table) .rules = (table), .rules_count = sizeof(table) / sizeof((table)[0])

const struct transport transport_udp_raw = {
    .name = "udp-raw",
    .id = TRANSPORT_UDP_RAW,
    .settable = udp_settable,
    .readable = udp_readable,
    .flow_field = FLOW_BY_SRC_PORT,
    .quote_layer = 2,
    .open = udp_open,
    .receive = udp_receive,
    RULES(rules),
    WHOLE_UDP,
    BY_RAW,
};

const struct transport transport_tcp_raw = {
    .name = "tcp-raw",
    .id = TRANSPORT_TCP_RAW,
    .settable = tcp_settable,
    .readable = tcp_readable,
    .flow_field = FLOW_BY_SRC_PORT,
    .open = tcp_open,
    .receive = receive_nothing,
    RULES(tcp_rules),
    WHOLE_TCP,
    BY_RAW,
};

const struct transport transport_ping_raw = {
    .name = "ping-raw",
    .id = TRANSPORT_PING_RAW,
    .settable = icmp_settable,
    .readable = icmp_readable,
    .open = ping_open,
    .receive = receive_nothing,
    RULES(rules),
    WHOLE_ICMP,
    BY_RAW,
};

const struct transport transport_dccp_raw = {
    .name = "dccp-raw",
    .title = "DCCP",
    .id = TRANSPORT_DCCP_RAW,
    .ip_protocol = {IPPROTO_DCCP, IPPROTO_DCCP},
    .patterns = {"ipv4/dccp", "ipv6/dccp"},
    .settable = dccp_settable,
    .readable = dccp_readable,
    .tags = {dccp_tags, dccp_tags},
    .receives = "ICMP errors with all headers, DCCP Response and Reset",
    .flow_field = FLOW_BY_SRC_PORT,
    .quote_layer = 1,
    .open = dccp_open,
    .receive = receive_nothing,
    RULES(rules),
    BY_RAW,
};

const struct transport transport_other_raw = {
    .name = "other-raw",
    .title = "raw",
    .id = TRANSPORT_OTHER_RAW,
    .ip_protocol = {IPPROTO_RAW, IPPROTO_RAW},
    .patterns = {"ipv4/raw", "ipv6/raw"},
    .settable = other_settable,
    .readable = other_readable,
    .tags = {other_tags, other_tags},
    .receives = "ICMP errors with all headers, and packets of the protocol",
    .quote_layer = 1,
    .open = other_open,
    .receive = receive_nothing,
    RULES(rules),
    BY_RAW,
};
