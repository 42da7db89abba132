#include "prober/transports/datagram.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <linux/in6.h>
#include <linux/net_tstamp.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "prober/extension.h"

/* <linux/in6.h> and <netinet/in.h> agree; the latter lacks these. */
#ifndef IP_RECVERR_RFC4884
#define IP_RECVERR_RFC4884 26
#endif
#ifndef IPV6_RECVERR_RFC4884
#define IPV6_RECVERR_RFC4884 31
#endif
#ifndef SCM_TS_OPT_ID
#define SCM_TS_OPT_ID 81 /* Linux 6.13 */
#endif

#define SEND_BATCH 32
#define RECEIVE_BATCH 32
#define IMAGE_ROOM 1536 /* bytes kept of a reply, header space included */
#define CONTROL_ROOM 512
#define RECEIVE_BUFFER (1 << 20)
#define RECEIVE_ROUNDS 32   /* batches a wake-up: a flood must not hold up the rest */
#define SEND_UNREAD_MAX 128 /* packets sent before what came back is read */
#define UNREAD_MANY 128 /* entries of the error queue that may fill a small buffer */
#define ENTRY_ROOM 2304 /* bytes of socket memory that one entry takes at most */
#define PENDING_MAX 64  /* errors of earlier probes before other endpoints' turn */

#define STAMPING \
	(SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE | \
	    SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID | \
	    SOF_TIMESTAMPING_OPT_TSONLY)

static bool
is_v6(const struct endpoint *e)
{
	return e->key.source.family == AF_INET6;
}

size_t
datagram_send_from(const struct endpoint *e)
{
	/* UDP sockets write the UDP header too, ping sockets only the IP header. */
	return pattern_layer_offset(
	    e->pattern, e->transport->id == TRANSPORT_UDP ? 2 : 1);
}

static int
set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) != 0 ? -errno : 0;
}

struct option {
	int level;
	int name;
	int value;
	bool needed;
};

static int
set_options(int fd, const struct option *options, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int error =
		    set_int(fd, options[i].level, options[i].name, options[i].value);

		if (error != 0 && options[i].needed)
			return error;
	}
	return 0;
}

static int
set_options_v4(int fd, bool dont_fragment)
{
	const struct option options[] = {
	    {IPPROTO_IP, IP_RECVERR, 1, true},
	    {IPPROTO_IP, IP_RECVERR_RFC4884, 1, false},
	    {IPPROTO_IP, IP_RECVTTL, 1, true},
	    {IPPROTO_IP, IP_RECVTOS, 1, false},
	    {IPPROTO_IP, IP_MTU_DISCOVER,
		dont_fragment ? IP_PMTUDISC_PROBE : IP_PMTUDISC_DONT, true},
	};

	return set_options(fd, options, sizeof(options) / sizeof(options[0]));
}

static int
set_options_v6(int fd, bool dont_fragment)
{
	const struct option options[] = {
	    {IPPROTO_IPV6, IPV6_V6ONLY, 1, true},
	    {IPPROTO_IPV6, IPV6_RECVERR, 1, true},
	    {IPPROTO_IPV6, IPV6_RECVERR_RFC4884, 1, false},
	    {IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1, true},
	    {IPPROTO_IPV6, IPV6_RECVTCLASS, 1, false},
	    {IPPROTO_IPV6, IPV6_MTU_DISCOVER,
		dont_fragment ? IPV6_PMTUDISC_PROBE : IPV6_PMTUDISC_DONT, true},
	    {IPPROTO_IPV6, IPV6_FLOWINFO_SEND, 1, true},
	};

	return set_options(fd, options, sizeof(options) / sizeof(options[0]));
}

static int
set_options_socket(struct endpoint *e)
{
	const struct option options[] = {
	    {SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER, false},
	    {SOL_SOCKET, SO_RXQ_OVFL, 1, false},
	};
	const char *device = e->key.device;

	e->stamps_trusted = set_int(e->fd, SOL_SOCKET, SO_TIMESTAMPING, STAMPING) == 0;
	if (device[0] != '\0' && setsockopt(e->fd, SOL_SOCKET, SO_BINDTODEVICE, device,
				     (socklen_t)strlen(device) + 1) != 0)
		return -errno;
	return set_options(e->fd, options, sizeof(options) / sizeof(options[0]));
}

/* Binds to the port (0: the kernel's choice) and reads back which it is. */
static int
bind_port(struct endpoint *e)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&e->key.source, e->key.port, &ss);
	struct addr bound;

	if (bind(e->fd, (struct sockaddr *)&ss, len) != 0)
		return -errno;
	len = sizeof(ss);
	if (getsockname(e->fd, (struct sockaddr *)&ss, &len) != 0)
		return -errno;
	return addr_from_sockaddr((struct sockaddr *)&ss, len, &bound, &e->port);
}

/* Looks up what is written and read a thousand times later. */
static void
find_fields(struct endpoint *e)
{
	static const char *const seen[] = {
	    "udp.dst_port", "udp.src_port", "ipv6.flow_label", NULL};
	const struct pattern *p = e->pattern;

	(void)pattern_find_field(p, is_v6(e) ? "ipv6.hop_limit" : "ipv4.ttl", &e->ttl);
	(void)pattern_find_field(
	    p, is_v6(e) ? "ipv6.traffic_class" : "ipv4.tos", &e->tos);
	(void)pattern_find_field(p, "ipv6.flow_label", &e->flow_label);
	(void)pattern_find_field(p, "udp.src_port", &e->src_port);
	(void)pattern_find_field(p, "udp.dst_port", &e->dst_port);
	e->seen = pattern_names_mask(p, seen);
}

int
datagram_open(struct endpoint *e, int protocol)
{
	int error;

	find_fields(e);
	e->fd = socket((int)e->key.source.family,
	    SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	if (e->fd < 0)
		return -errno;
	error = is_v6(e) ? set_options_v6(e->fd, e->key.dont_fragment)
			 : set_options_v4(e->fd, e->key.dont_fragment);
	if (error == 0)
		error = set_options_socket(e);
	return error == 0 ? bind_port(e) : error;
}

/* ---- sending ---- */

/* Everything of one batch that the kernel reads. */
struct send_batch {
	struct mmsghdr headers[SEND_BATCH];
	struct iovec parts[SEND_BATCH];
	struct sockaddr_storage names[SEND_BATCH];
	union {
		char bytes[CONTROL_ROOM / 4];
		struct cmsghdr align;
	} control[SEND_BATCH];
	struct probe *probes[SEND_BATCH];
	unsigned int count;
};

/* Appends one control message with a 4-byte value. */
static void
control_add(struct msghdr *m, size_t room, int level, int type, const void *value)
{
	struct cmsghdr *c;

	if (m->msg_controllen + CMSG_SPACE(4) > room)
		return;
	c = (struct cmsghdr *)((char *)m->msg_control + m->msg_controllen);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(4);
	memcpy(CMSG_DATA(c), value, 4);
	m->msg_controllen += CMSG_SPACE(4);
}

/* Reads a field of a packet of ours that the kernel shall write. */
static uint32_t
header_value(
    const struct endpoint *e, const struct packet *packet, struct field_ref ref)
{
	struct view view;
	uint64_t value = 0;

	view_of_layout(&view, e->pattern, packet->bytes, 0, packet->len);
	(void)view_read(&view, ref, &value);
	return (uint32_t)value;
}

static void
batch_add(struct endpoint *e, struct send_batch *b, struct probe *p,
    const struct packet *packet)
{
	unsigned int i = b->count++;
	struct msghdr *m = &b->headers[i].msg_hdr;
	size_t from = datagram_send_from(e);
	int level = is_v6(e) ? IPPROTO_IPV6 : IPPROTO_IP;
	uint32_t ttl = header_value(e, packet, e->ttl);
	uint32_t tos = header_value(e, packet, e->tos);
	uint32_t stamp = e->next_stamp + i;

	*m = (struct msghdr){.msg_name = &b->names[i], .msg_control = &b->control[i]};
	m->msg_namelen = addr_to_sockaddr(&p->dst, p->dst_port, &b->names[i]);
	if (is_v6(e)) {
		struct sockaddr_in6 in6;

		memcpy(&in6, &b->names[i], sizeof(in6));
		in6.sin6_flowinfo = htonl(header_value(e, packet, e->flow_label));
		memcpy(&b->names[i], &in6, sizeof(in6));
	}
	b->parts[i].iov_base = (void *)(uintptr_t)(packet->bytes + from);
	b->parts[i].iov_len = packet->len - from;
	m->msg_iov = &b->parts[i];
	m->msg_iovlen = 1;
	control_add(
	    m, sizeof(b->control[i]), level, is_v6(e) ? IPV6_HOPLIMIT : IP_TTL, &ttl);
	if (tos != 0 || is_v6(e))
		control_add(m, sizeof(b->control[i]), level,
		    is_v6(e) ? IPV6_TCLASS : IP_TOS, &tos);
	if (e->owner->stamp_ids_chosen)
		control_add(
		    m, sizeof(b->control[i]), SOL_SOCKET, SCM_TS_OPT_ID, &stamp);
	b->probes[i] = p;
}

/* Fills a batch from the head of the queue; whole probes only, unless one is larger. */
static void
batch_fill(struct endpoint *e, struct send_batch *b)
{
	struct probe *p;
	int64_t now = clock_realtime();

	b->count = 0;
	TAILQ_FOREACH (p, &e->queue, in_queue) {
		const struct packet *packet = p->packets;

		for (; packet != NULL && b->count < SEND_BATCH; packet = packet->next)
			batch_add(e, b, p, packet);
		if (packet != NULL)
			break;
		p->sent = now;
	}
}

/* The first `count` packets of the batch have left. */
static void
batch_sent(struct endpoint *e, struct send_batch *b, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct probe *p = b->probes[i];
		size_t slot = e->next_stamp++ % STAMP_RING;

		probe_unref(e->stamp_of[slot]);
		e->stamp_of[slot] = e->stamps_trusted ? probe_ref(p) : NULL;
		e->unread += e->stamps_trusted ? 2 : 1; /* stamp and answer */
		if (p->state == PROBE_QUEUED) {
			p->state = PROBE_IN_FLIGHT;
			endpoint_unqueue(e, p);
		}
	}
}

/* Takes the first probe out of the queue as failed. */
static void
fail_first(struct endpoint *e, int error)
{
	struct probe *p = TAILQ_FIRST(&e->queue);

	endpoint_unqueue(e, p);
	p->state = PROBE_FAILED;
	e->owner->events->failed(e->owner->context, p, error);
}

static unsigned int errors_receive(struct endpoint *e, unsigned int *from_network);

/* Sends that failed in a row: for an error of an earlier probe, or for their own. */
struct failures {
	unsigned int pending;
	unsigned int own;
};

/*
 * A send failed. An error of an earlier probe that waits on the socket fails the next
 * send once and says nothing about it: when the error queue had one, try again. So it
 * goes on as long as answers come in faster than we send, which is no reason to give
 * the probe up, but one to look after other endpoints. Returns whether to go on sending
 * now.
 */
static bool
send_failed(struct endpoint *e, int error, struct failures *in_a_row)
{
	unsigned int from_network;

	/* Without chosen ids the kernel may have counted the send that failed. */
	if (!e->owner->stamp_ids_chosen)
		e->stamps_trusted = false;
	/* A datagram is never refused itself; the error's entry found no room. */
	(void)errors_receive(e, &from_network);
	if (from_network > 0 || error == ECONNREFUSED)
		return ++in_a_row->pending <= PENDING_MAX;
	if (++in_a_row->own > 1 && !TAILQ_EMPTY(&e->queue)) {
		fail_first(e, error);
		in_a_row->own = 0;
	}
	return true;
}

int
datagram_send(struct endpoint *e)
{
	static struct send_batch batch;
	struct failures in_a_row = {0, 0};
	unsigned int unread = 0;
	unsigned int from_network;

	while (!TAILQ_EMPTY(&e->queue)) {
		int sent;

		/* Answers to what is sent already must not fill the socket's buffer. */
		if (unread >= SEND_UNREAD_MAX) {
			(void)errors_receive(e, &from_network);
			unread = 0;
			continue; /* that may have emptied the queue */
		}
		batch_fill(e, &batch);
		sent = sendmmsg(e->fd, batch.headers, batch.count, MSG_DONTWAIT);
		if (sent > 0) {
			batch_sent(e, &batch, (unsigned int)sent);
			unread += (unsigned int)sent;
			in_a_row = (struct failures){0, 0};
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			return -errno;
		} else if (errno != EINTR && !send_failed(e, errno, &in_a_row)) {
			return -EAGAIN;
		}
	}
	return 0;
}

/* ---- receiving ---- */

struct receive_batch {
	struct mmsghdr headers[RECEIVE_BATCH];
	struct iovec parts[RECEIVE_BATCH];
	struct sockaddr_storage names[RECEIVE_BATCH];
	union {
		char bytes[CONTROL_ROOM];
		struct cmsghdr align;
	} control[RECEIVE_BATCH];
	uint8_t images[RECEIVE_BATCH][IMAGE_ROOM];
};

/* What the control messages of one packet said. */
struct ancillary {
	int16_t ttl;
	int16_t tos;
	int64_t stamp; /* 0: none */
	bool has_error;
	struct sock_extended_err error;
	struct addr offender;
	bool dropped_known;
	uint32_t dropped;
};

static void
read_error(const struct cmsghdr *c, struct ancillary *a)
{
	size_t len = c->cmsg_len - CMSG_LEN(0);
	const uint8_t *data = CMSG_DATA(c);

	if (len < sizeof(a->error))
		return;
	memcpy(&a->error, data, sizeof(a->error));
	a->has_error = true;
	/* The offender's address follows (SO_EE_OFFENDER), if it is known. */
	data += sizeof(a->error);
	len -= sizeof(a->error);
	if (len >= sizeof(struct sockaddr_in)) {
		struct sockaddr_storage ss = {0};

		memcpy(&ss, data, len < sizeof(ss) ? len : sizeof(ss));
		(void)addr_from_sockaddr(
		    (struct sockaddr *)&ss, len, &a->offender, NULL);
	}
}

/* A small number that the kernel hands out as an int or, for IP_TOS, as one byte. */
static int16_t
read_small(const struct cmsghdr *c)
{
	int value = 0;
	uint8_t byte;

	if (c->cmsg_len >= CMSG_LEN(sizeof(value))) {
		memcpy(&value, CMSG_DATA(c), sizeof(value));
		return (int16_t)(value & 0xff);
	}
	if (c->cmsg_len < CMSG_LEN(1))
		return -1;
	memcpy(&byte, CMSG_DATA(c), 1);
	return byte;
}

static void
read_socket_level(const struct cmsghdr *c, struct ancillary *a)
{
	struct timespec stamp;

	if (c->cmsg_type == SO_TIMESTAMPING && c->cmsg_len >= CMSG_LEN(sizeof(stamp))) {
		memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
		a->stamp = clock_from_timespec(&stamp);
	} else if (c->cmsg_type == SO_RXQ_OVFL && c->cmsg_len >= CMSG_LEN(4)) {
		memcpy(&a->dropped, CMSG_DATA(c), 4);
		a->dropped_known = true;
	}
}

static void
read_control(struct msghdr *m, struct ancillary *a)
{
	*a = (struct ancillary){.ttl = -1, .tos = -1};
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		bool v4 = c->cmsg_level == IPPROTO_IP;
		bool v6 = c->cmsg_level == IPPROTO_IPV6;

		if (c->cmsg_level == SOL_SOCKET)
			read_socket_level(c, a);
		else if ((v4 && c->cmsg_type == IP_RECVERR) ||
			 (v6 && c->cmsg_type == IPV6_RECVERR))
			read_error(c, a);
		else if ((v4 && c->cmsg_type == IP_TTL) ||
			 (v6 && c->cmsg_type == IPV6_HOPLIMIT))
			a->ttl = read_small(c);
		else if ((v4 && c->cmsg_type == IP_TOS) ||
			 (v6 && c->cmsg_type == IPV6_TCLASS))
			a->tos = read_small(c);
	}
}

/* The kernel tells when it handed packet number `id` to the device. */
static void
stamp_arrived(struct endpoint *e, uint32_t id, int64_t stamp)
{
	struct probe *p = e->stamp_of[id % STAMP_RING];

	/* Only the last STAMP_RING sends are remembered. */
	if (p == NULL || !e->stamps_trusted || e->next_stamp - id > STAMP_RING ||
	    e->next_stamp == id)
		return;
	/* A stamp from before we asked, or far after, belongs to another send. */
	if (!p->sent_by_kernel && stamp >= p->sent && stamp - p->sent < NS_PER_SECOND) {
		p->sent = stamp;
		p->sent_by_kernel = 1;
	}
	e->stamp_of[id % STAMP_RING] = NULL;
	probe_unref(p);
}

/*
 * Where the extension structure is: the kernel tells (RFC 4884); routers from before
 * that put it behind 128 bytes of quoted packet. Cuts the quote there.
 */
static void
find_extension(
    const struct endpoint *e, struct reply *r, const struct sock_extended_err *error)
{
	size_t len = r->quote_len;
	size_t at = error->ee_rfc4884.len;
	/* Whether it is well formed is for extension_parse to say. */
	bool said = at != 0 && at < len;
	const uint8_t *quote = r->image + r->quote_at;
	/* IP header and eight bytes are quoted by every router (RFC 792). */
	size_t always = pattern_layer_offset(e->pattern, 1) + 8;

	if (!said) {
		at = 128 - r->quote_at;
		if (at >= len || !extension_looks_real(quote + at, len - at))
			return;
	}
	r->extension = quote + at;
	r->extension_len = len - at;
	/* Zeros before it may be padding that was never in the probe. */
	while (at > 0 && r->quote_at + at > always && quote[at - 1] == 0)
		at--;
	r->quote_len = at;
}

/* What the error queue says beside the quote: where the probe went. */
static void
note_destination(const struct endpoint *e, struct reply *r, uint8_t *image,
    const struct sockaddr_storage *name, size_t name_len)
{
	struct sockaddr_in6 in6;

	if (addr_from_sockaddr(
		(const struct sockaddr *)name, name_len, &r->dst, &r->dst_port) != 0)
		return;
	r->dst_known = true;
	r->seen = e->seen;
	if (e->transport->id == TRANSPORT_UDP) {
		pattern_write(e->pattern, image, e->dst_port, r->dst_port);
		pattern_write(e->pattern, image, e->src_port, e->port);
	}
	if (is_v6(e)) {
		memcpy(&in6, name, sizeof(in6));
		pattern_write(e->pattern, image, e->flow_label,
		    ntohl(in6.sin6_flowinfo) & 0xfffff);
	}
}

/* One entry of the error queue. True when it came from the network. */
static bool
error_deliver(struct endpoint *e, struct mmsghdr *header, uint8_t *image,
    const struct ancillary *a)
{
	const struct sock_extended_err *error = &a->error;
	size_t from = datagram_send_from(e);
	size_t len = header->msg_len;
	struct reply r = {
	    .endpoint = e,
	    .ttl = a->ttl,
	    .tos = a->tos,
	    .received = a->stamp != 0 ? a->stamp : clock_realtime(),
	    .from = a->offender,
	    .icmp_type = error->ee_type,
	    .icmp_code = error->ee_code,
	    .mtu = error->ee_errno == EMSGSIZE ? error->ee_info : 0,
	    .image = image,
	    .quote_at = from,
	    .quote_len = len,
	};

	if (error->ee_origin == SO_EE_ORIGIN_TIMESTAMPING) {
		stamp_arrived(e, error->ee_data, a->stamp);
		return false;
	}
	/* An error of our own machine (SO_EE_ORIGIN_LOCAL) is no hop. */
	if (error->ee_origin != SO_EE_ORIGIN_ICMP &&
	    error->ee_origin != SO_EE_ORIGIN_ICMP6)
		return false;
	r.kind =
	    reply_kind_of_error(e->key.source.family, error->ee_type, error->ee_code);
	find_extension(e, &r, error);
	note_destination(
	    e, &r, image, header->msg_hdr.msg_name, header->msg_hdr.msg_namelen);
	e->owner->events->reply(e->owner->context, &r);
	return true;
}

static void
count_dropped(struct endpoint *e, const struct ancillary *a)
{
	if (!a->dropped_known || a->dropped == e->dropped)
		return;
	e->owner->events->dropped(e->owner->context, a->dropped - e->dropped);
	e->dropped = a->dropped;
}

/* Reads one batch of either queue; returns how many messages came. */
static unsigned int
batch_receive(struct endpoint *e, struct receive_batch *b, int flags)
{
	size_t from = datagram_send_from(e);
	int count;

	for (unsigned int i = 0; i < RECEIVE_BATCH; i++) {
		b->parts[i] = (struct iovec){b->images[i] + from, IMAGE_ROOM - from};
		b->headers[i].msg_hdr = (struct msghdr){
		    .msg_name = &b->names[i],
		    .msg_namelen = sizeof(b->names[i]),
		    .msg_iov = &b->parts[i],
		    .msg_iovlen = 1,
		    .msg_control = &b->control[i],
		    .msg_controllen = sizeof(b->control[i]),
		};
	}
	do
		count = recvmmsg(
		    e->fd, b->headers, RECEIVE_BATCH, flags | MSG_DONTWAIT, NULL);
	while (count < 0 && errno == EINTR);
	return count < 0 ? 0 : (unsigned int)count;
}

/*
 * The error queue drops in silence what finds no room; SO_RXQ_OVFL counts the other
 * queue only. When enough may have come to fill it, look before reading makes room.
 */
static void
check_room(struct endpoint *e)
{
	uint32_t memory[SK_MEMINFO_VARS];
	socklen_t len = sizeof(memory);

	if (e->unread < UNREAD_MANY ||
	    getsockopt(e->fd, SOL_SOCKET, SO_MEMINFO, memory, &len) != 0 ||
	    len <= SK_MEMINFO_RCVBUF * sizeof(memory[0]))
		return;
	if (memory[SK_MEMINFO_RMEM_ALLOC] + ENTRY_ROOM > memory[SK_MEMINFO_RCVBUF])
		e->owner->events->dropped(e->owner->context, 1);
}

/*
 * Reads the error queue; returns how many entries there were, and how many of them came
 * from the network: the rest are stamps and our own machine's refusals.
 */
static unsigned int
errors_receive(struct endpoint *e, unsigned int *from_network)
{
	static struct receive_batch batch;
	unsigned int total = 0;
	unsigned int count = RECEIVE_BATCH;

	*from_network = 0;
	check_room(e);
	for (int round = 0; round < RECEIVE_ROUNDS && count == RECEIVE_BATCH; round++) {
		count = batch_receive(e, &batch, MSG_ERRQUEUE);
		for (unsigned int i = 0; i < count; i++) {
			struct ancillary a;

			read_control(&batch.headers[i].msg_hdr, &a);
			count_dropped(e, &a);
			if (a.has_error &&
			    error_deliver(e, &batch.headers[i], batch.images[i], &a))
				(*from_network)++;
		}
		total += count;
	}
	e->unread = total < e->unread ? e->unread - total : 0;
	return total;
}

/* Reads the normal queue; returns how many datagrams there were. */
static unsigned int
datagrams_receive(struct endpoint *e, bool (*to_reply)(const struct endpoint *e,
					  struct reply *r, uint8_t *image, size_t len))
{
	static struct receive_batch batch;
	unsigned int total = 0;
	unsigned int count = RECEIVE_BATCH;

	for (int round = 0; round < RECEIVE_ROUNDS && count == RECEIVE_BATCH; round++) {
		count = batch_receive(e, &batch, 0);
		for (unsigned int i = 0; i < count; i++) {
			struct mmsghdr *h = &batch.headers[i];
			struct ancillary a;
			struct reply r;

			read_control(&h->msg_hdr, &a);
			count_dropped(e, &a);
			r = (struct reply){
			    .endpoint = e,
			    .ttl = a.ttl,
			    .tos = a.tos,
			    .received = a.stamp != 0 ? a.stamp : clock_realtime(),
			    .image = batch.images[i],
			    .quote_at = datagram_send_from(e),
			};
			if (addr_from_sockaddr(h->msg_hdr.msg_name,
				h->msg_hdr.msg_namelen, &r.from, &r.from_port) == 0 &&
			    to_reply(e, &r, batch.images[i], h->msg_len))
				e->owner->events->reply(e->owner->context, &r);
		}
		total += count;
	}
	return total;
}

void
datagram_receive(struct endpoint *e, uint32_t events,
    bool (*to_reply)(
	const struct endpoint *e, struct reply *r, uint8_t *image, size_t len))
{
	unsigned int total = 0;
	unsigned int from_network;
	int error = 0;
	socklen_t len = sizeof(error);

	/* Errors first: the stamps of what the replies answer are among them. */
	if ((events & EPOLLERR) != 0)
		total += errors_receive(e, &from_network);
	if ((events & EPOLLIN) != 0)
		total += datagrams_receive(e, to_reply);
	/* An error without an entry would wake us for ever: take it off the socket. */
	if (total == 0)
		(void)getsockopt(e->fd, SOL_SOCKET, SO_ERROR, &error, &len);
}
