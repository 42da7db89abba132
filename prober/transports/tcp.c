/*
 * TCP by connect(2): any user. Each probe is the SYN of a socket of its own, so every
 * answer is certain; a live connection cannot be opened twice, so one probe of a flow
 * is out at a time. The error queue shows the quoted TCP header; a SYN-ACK connects the
 * socket, which is then reset, and a RST refuses it.
 */
#include <errno.h>
#include <linux/in6.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "prober/tcp_options.h"
#include "prober/transports/errqueue.h"
#include "prober/transports/sockets.h"
#include "prober/transports/transports.h"

/*
 * The kernel sends a SYN again after 1 s (1.03 s measured, Linux 6.18): a socket that
 * has no answer is closed before. Should a busy machine make us late, release counts.
 */
#define WAIT_MAX (900 * NS_PER_MS)

#define STREAM (SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)
#define STAMPING (SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE)

static bool
is_v6(const struct endpoint *e)
{
	return e->key.source.family == AF_INET6;
}

/*
 * Keeps the port for this endpoint: bound as if alone in the world, so that a port in
 * use is noticed; then opened up for the sockets of our probes, which are bound with
 * SO_REUSEADDR. Another program, or another prober, finds the port taken. It also keeps
 * the kernel stamping what arrives, which takes a while to begin.
 */
static int
tcp_open(struct endpoint *e)
{
	int error;

	e->watch.fd = socket((int)e->key.source.family, STREAM, 0);
	if (e->watch.fd < 0)
		return -errno;
	error = is_v6(e) ? socket_option(e->watch.fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) : 0;
	if (error == 0)
		error = socket_bind_device(e, e->watch.fd);
	if (error == 0)
		error = socket_bind(e, e->watch.fd, e->key.port, &e->port);
	if (error == 0)
		error = socket_option(e->watch.fd, SOL_SOCKET, SO_REUSEADDR, 1);
	(void)socket_option(e->watch.fd, SOL_SOCKET, SO_TIMESTAMPING, STAMPING);
	return error;
}

/* ---- sending ---- */

/* What one probe's packet needs of its socket. */
static int
set_header(const struct endpoint *e, int fd, const struct packet *packet)
{
	int level = is_v6(e) ? IPPROTO_IPV6 : IPPROTO_IP;
	int ttl = (int)socket_header_value(e, packet, e->ttl);
	int tos = (int)socket_header_value(e, packet, e->tos);
	int error =
	    socket_option(fd, level, is_v6(e) ? IPV6_UNICAST_HOPS : IP_TTL, ttl);

	if (error == 0 && tos != 0)
		error = socket_option(fd, level, is_v6(e) ? IPV6_TCLASS : IP_TOS, tos);
	/* TCP sets DF by DO only, not by PROBE as datagrams do (Linux 6.18). */
	if (error == 0 && !is_v6(e) && e->key.dont_fragment)
		error = socket_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	return error;
}

static int
set_options(const struct endpoint *e, int fd)
{
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};
	int error = socket_options_ip(e, fd);

	if (error == 0)
		error = socket_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (error == 0)
		error = socket_option(fd, IPPROTO_TCP, TCP_SYNCNT, 1);
	if (error == 0)
		error = socket_bind_device(e, fd);
	if (error == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) != 0)
		error = -errno;
	(void)socket_option(fd, SOL_SOCKET, SO_TIMESTAMPING, STAMPING);
	return error;
}

/* The probe's socket, ready to connect. */
static int
tcp_prepare(struct probe *p)
{
	const struct endpoint *e = p->endpoint;
	int fd = socket((int)e->key.source.family, STREAM, 0);
	uint16_t port;
	int error;

	if (fd < 0)
		return -errno;
	error = set_options(e, fd);
	if (error == 0)
		error = set_header(e, fd, p->packets);
	if (error == 0 && p->mss != 0)
		error = socket_option(fd, IPPROTO_TCP, TCP_MAXSEG, p->mss);
	if (error == 0)
		error = socket_bind(e, fd, e->port, &port);
	if (error == 0)
		return probe_own(p, fd);
	close(fd);
	return error;
}

/*
 * Sends the SYN. 0 or -errno: then this machine does not send, whatever the error; what
 * the network answers is never told by the connect(2) of a socket that does not block.
 */
static int
start_connecting(const struct endpoint *e, struct probe *p)
{
	struct sockaddr_storage name;
	socklen_t len = socket_destination(e, p, p->packets, &name);
	int error = probe_watch(p);

	if (error != 0)
		return error;
	p->sent = clock_realtime();
	if (connect(p->watch->fd, (struct sockaddr *)&name, len) == 0 ||
	    errno == EINPROGRESS)
		return 0;
	return -errno;
}

static int
tcp_send(struct endpoint *e)
{
	struct probe *p;

	while ((p = TAILQ_FIRST(&e->queue)) != NULL) {
		int error = start_connecting(e, p);

		endpoint_unqueue(e, p);
		p->state = error == 0 ? PROBE_IN_FLIGHT : PROBE_FAILED;
		if (error != 0)
			e->owner->events->failed(e->owner->context, p, -error);
		else
			e->owner->events->left(e->owner->context, p);
	}
	return 0;
}

/* ---- receiving ---- */

/*
 * What the kernel knows of a probe's connection. Tells of SYNs that it has sent again,
 * before the answer is delivered.
 */
static struct tcp_info
ask_kernel(struct probe *p)
{
	struct transports *t = p->endpoint->owner;
	struct tcp_info info;
	socklen_t len = sizeof(info);
	uint32_t count;

	memset(&info, 0, sizeof(info));
	(void)getsockopt(p->watch->fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	count = info.tcpi_total_retrans;
	if (count > p->resent) {
		t->events->resent(t->context, p, count - p->resent);
		p->resent = count > UINT8_MAX ? UINT8_MAX : (uint8_t)count;
	}
	return info;
}

/* The handshake was completed, though the connection may be gone again. */
static bool
was_connected(const struct tcp_info *info, int error)
{
	return info->tcpi_rtt != 0 || error == ECONNRESET || error == EPIPE ||
	       (info->tcpi_state != TCP_SYN_SENT && info->tcpi_state != TCP_CLOSE);
}

/*
 * The header of the segment, as the kernel tells it: a reset is taken with ACK only,
 * and of options those count that stand in both SYNs. The target's MSS it does not
 * tell.
 */
static void
fill_segment(struct reply *r, const struct tcp_info *info)
{
	r->tcp.known = true;
	if (r->kind == REPLY_RESET) {
		r->tcp.flags = TCP_FLAG_RST | TCP_FLAG_ACK;
		return;
	}
	r->tcp.flags = TCP_FLAG_SYN | TCP_FLAG_ACK;
	if ((info->tcpi_options & TCPI_OPT_ECN) != 0)
		r->tcp.flags |= TCP_FLAG_ECE;
	if ((info->tcpi_options & TCPI_OPT_SACK) != 0)
		r->tcp.options |= TCP_OPTION_SACK;
	if ((info->tcpi_options & TCPI_OPT_TIMESTAMPS) != 0)
		r->tcp.options |= TCP_OPTION_TIMESTAMPS;
	if ((info->tcpi_options & TCPI_OPT_WSCALE) != 0)
		r->tcp.options |= TCP_OPTION_WINDOW_SCALE;
}

/* The target's answer: REPLY_SYN_ACK or REPLY_RESET. */
static void
deliver_segment(struct watch *w, uint8_t kind, const struct tcp_info *info)
{
	struct endpoint *e = w->endpoint;
	struct probe *p = w->probe;
	struct reply r = {
	    .endpoint = e,
	    .probe = p,
	    .kind = kind,
	    .ttl = -1,
	    .tos = -1,
	    .ip_id = -1,
	    .received = clock_realtime(),
	    .received_here = true,
	    .from = p->dst,
	    .dst_known = true,
	    .dst = p->dst,
	    .dst_port = p->dst_port,
	};

	fill_segment(&r, info);
	/* The kernel has measured a completed handshake itself. */
	if (kind == REPLY_SYN_ACK && info->tcpi_rtt != 0 && p->resent == 0) {
		r.received = p->sent + (int64_t)info->tcpi_rtt * NS_PER_US;
		r.received_here = false;
		p->sent_by_kernel = 1;
	}
	e->owner->events->reply(e->owner->context, &r);
}

/* Takes one entry off the error queue. False when there is none. */
static bool
/* NOLINTNEXTLINE(readability-non-const-parameter): the kernel writes there */
take_error(struct watch *w, struct ancillary *a, uint8_t *image, size_t *len)
{
	union {
		char bytes[CONTROL_ROOM];
		struct cmsghdr align;
	} control;
	struct sockaddr_storage name;
	size_t from =
	    pattern_layer_offset(w->endpoint->pattern, transport_tcp.quote_layer);
	struct iovec part = {image + from, PACKETS_ROOM - from};
	struct mmsghdr header = {.msg_hdr = {.msg_name = &name,
				     .msg_namelen = sizeof(name),
				     .msg_iov = &part,
				     .msg_iovlen = 1,
				     .msg_control = &control,
				     .msg_controllen = sizeof(control)}};

	if (recvmmsg(w->fd, &header, 1, MSG_ERRQUEUE | MSG_DONTWAIT, NULL) != 1)
		return false;
	ancillary_read(&header.msg_hdr, a);
	*len = header.msg_len;
	return true;
}

/* Looks for an ICMP error, which ends the probe. False when there is none. */
static bool
receive_error(struct watch *w)
{
	static uint8_t image[PACKETS_ROOM];
	struct endpoint *e = w->endpoint;
	struct tcp_info info;
	struct ancillary a;
	struct reply r;
	size_t len;

	do
		if (!take_error(w, &a, image, &len))
			return false;
	while (!ancillary_is_icmp(&a));
	info = ask_kernel(w->probe);
	errqueue_reply(&r, e, &a, image, len);
	r.probe = w->probe;
	/* The MSS of our SYN, which the interface limits. */
	r.sent_mss = info.tcpi_advmss < UINT16_MAX ? (uint16_t)info.tcpi_advmss : 0;
	e->owner->events->reply(e->owner->context, &r);
	return true;
}

static void
tcp_receive(struct watch *w, uint32_t events)
{
	struct tcp_info info;
	int error = 0;
	socklen_t len = sizeof(error);

	if ((events & EPOLLERR) != 0 && receive_error(w))
		return;
	info = ask_kernel(w->probe);
	if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (was_connected(&info, error))
		deliver_segment(w, REPLY_SYN_ACK, &info);
	else if (error == ECONNREFUSED)
		deliver_segment(w, REPLY_RESET, &info);
	else if (info.tcpi_state == TCP_CLOSE)
		/* Nothing more can come here: the probe's deadline ends it. */
		probe_disown(w->probe);
}

static void
tcp_release(struct probe *p)
{
	if (p->watch == NULL)
		return;
	(void)ask_kernel(p);
	probe_disown(p); /* SO_LINGER: what is connected is reset */
}

static const char *const settable[] = {"ipv4.tos", "ipv4.ttl", "ipv4.dont_fragment",
    "ipv4.src_addr", "ipv4.dst_addr", "ipv6.traffic_class", "ipv6.flow_label",
    "ipv6.hop_limit", "ipv6.src_addr", "ipv6.dst_addr", "tcp.src_port", "tcp.dst_port",
    NULL};
static const char *const readable[] = {"ipv4.dst_addr", "ipv6.dst_addr",
    "ipv6.flow_label", "tcp.src_port", "tcp.dst_port", "tcp.seq", "tcp.checksum", NULL};

static const char *const varying[] = {"tcp.src_port", NULL};
static const char *const constant[] = {NULL};

static const struct sandbox_rule rules[] = {
    SANDBOX_SOCKET(AF_INET, STREAM, 0),
    SANDBOX_SOCKET(AF_INET6, STREAM, 0),
    SANDBOX_SETSOCKOPT(SOL_SOCKET, SO_LINGER),
    SANDBOX_SETSOCKOPT(SOL_SOCKET, SO_REUSEADDR),
    SANDBOX_SETSOCKOPT(IPPROTO_IP, IP_TTL),
    SANDBOX_SETSOCKOPT(IPPROTO_IP, IP_TOS),
    SANDBOX_SETSOCKOPT(IPPROTO_IPV6, IPV6_UNICAST_HOPS),
    SANDBOX_SETSOCKOPT(IPPROTO_IPV6, IPV6_TCLASS),
    SANDBOX_SETSOCKOPT(IPPROTO_TCP, TCP_SYNCNT),
    SANDBOX_SETSOCKOPT(IPPROTO_TCP, TCP_MAXSEG),
    SANDBOX_GETSOCKOPT(IPPROTO_TCP, TCP_INFO),
};

const struct transport transport_tcp = {
    .name = "tcp",
    .title = "TCP",
    .id = TRANSPORT_TCP,
    .ip_protocol = {IPPROTO_TCP, IPPROTO_TCP},
    .patterns = {"ipv4/tcp", "ipv6/tcp"},
    .settable = settable,
    .readable = readable,
    .tags = {varying, constant},
    .receives = ", and the connection's being accepted or refused",
    .one_at_a_time = "the kernel opens no connection twice, and another source port "
		     "would be another flow",
    .flow_field = FLOW_BY_SRC_PORT,
    .quote_layer = 1,
    .socket_per_probe = true,
    .wait_max = WAIT_MAX,
    .rules = rules,
    .rules_count = sizeof(rules) / sizeof(rules[0]),
    .open = tcp_open,
    .prepare = tcp_prepare,
    .send = tcp_send,
    .receive = tcp_receive,
    .release = tcp_release,
};
