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
#include "common/packets.h"
#include "prober/transports/errqueue.h"
#include "prober/transports/sockets.h"

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
	return pattern_layer_offset(e->pattern, e->transport->quote_layer);
}

static int
set_options_socket(struct endpoint *e)
{
	int error;

	e->stamps_trusted =
	    socket_option(e->watch.fd, SOL_SOCKET, SO_TIMESTAMPING, STAMPING) == 0;
	error = socket_bind_device(e, e->watch.fd);
	if (error != 0)
		return error;
	(void)socket_option(e->watch.fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
	(void)socket_option(e->watch.fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
	return 0;
}

int
datagram_open(struct endpoint *e, int protocol)
{
	int error;

	e->watch.fd = socket((int)e->key.source.family,
	    SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	if (e->watch.fd < 0)
		return -errno;
	error = socket_options_ip(e, e->watch.fd);
	if (error == 0)
		error = set_options_socket(e);
	return error == 0 ? socket_bind(e, e->watch.fd, e->key.port, &e->port) : error;
}

/* ---- sending ---- */

struct send_batch {
	struct mmsghdr headers[PACKETS_BATCH];
	struct envelope envelopes[PACKETS_BATCH];
	struct probe *probes[PACKETS_BATCH];
	unsigned int count;
};

static void
batch_add(struct endpoint *e, struct send_batch *b, struct probe *p,
    const struct packet *packet)
{
	unsigned int i = b->count++;
	size_t from = datagram_send_from(e);
	uint32_t stamp = e->next_stamp + i;
	struct outgoing o = {.bytes = packet->bytes + from,
	    .len = packet->len - from,
	    .to = &p->dst,
	    .port = p->dst_port,
	    .ttl = (uint8_t)socket_header_value(e, packet, e->ttl),
	    .tos = (uint8_t)socket_header_value(e, packet, e->tos),
	    .stamp_id = e->owner->stamp_ids_chosen ? &stamp : NULL};

	if (is_v6(e))
		o.flow_label = socket_header_value(e, packet, e->flow_label);
	packet_address(&b->headers[i].msg_hdr, &b->envelopes[i], &o);
	b->probes[i] = p;
}

/* Fills a batch from the head of the queue; probes are of one packet each here. */
static void
batch_fill(struct endpoint *e, struct send_batch *b)
{
	struct probe *p;
	int64_t now = clock_realtime();

	b->count = 0;
	TAILQ_FOREACH (p, &e->queue, in_queue) {
		if (b->count == PACKETS_BATCH)
			break;
		batch_add(e, b, p, p->packets);
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
			e->owner->events->left(e->owner->context, p);
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
		sent = sendmmsg(e->watch.fd, batch.headers, batch.count, MSG_DONTWAIT);
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
	if (e->has_ports) {
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
	struct reply r;

	if (a->error.ee_origin == SO_EE_ORIGIN_TIMESTAMPING)
		stamp_arrived(e, a->error.ee_data, a->stamp);
	if (a->error.ee_origin == SO_EE_ORIGIN_LOCAL && a->error.ee_errno == EMSGSIZE)
		e->mtu = a->error.ee_info;
	if (!ancillary_is_icmp(a))
		return false;
	errqueue_reply(&r, e, a, image, header->msg_len);
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
	    getsockopt(e->watch.fd, SOL_SOCKET, SO_MEMINFO, memory, &len) != 0 ||
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
	static struct incoming batch;
	unsigned int total = 0;
	unsigned int count = PACKETS_BATCH;

	*from_network = 0;
	check_room(e);
	for (int round = 0; round < RECEIVE_ROUNDS && count == PACKETS_BATCH; round++) {
		count = packets_receive(
		    &batch, e->watch.fd, MSG_ERRQUEUE, datagram_send_from(e));
		for (unsigned int i = 0; i < count; i++) {
			struct ancillary a;

			ancillary_read(&batch.headers[i].msg_hdr, &a);
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

bool
datagram_from_target(const struct endpoint *e, struct reply *r,
    /* NOLINTNEXTLINE(readability-non-const-parameter): ping sockets write there */
    uint8_t *image, size_t len)
{
	(void)e;
	(void)image;
	r->kind = REPLY_DATA;
	r->len = 0;
	r->dst_known = true;
	r->dst = r->from;
	r->dst_port = r->from_port;
	r->quote_len = len;
	return true;
}

/* Reads the normal queue; returns how many datagrams there were. */
static unsigned int
datagrams_receive(struct endpoint *e, bool (*to_reply)(const struct endpoint *e,
					  struct reply *r, uint8_t *image, size_t len))
{
	static struct incoming batch;
	unsigned int total = 0;
	unsigned int count = PACKETS_BATCH;

	size_t at = datagram_send_from(e);

	for (int round = 0; round < RECEIVE_ROUNDS && count == PACKETS_BATCH; round++) {
		count = packets_receive(&batch, e->watch.fd, 0, at);
		for (unsigned int i = 0; i < count; i++) {
			struct arrival a;
			struct reply r;

			packets_arrival(&batch, i, at, &a);
			count_dropped(e, &a.told);
			r = (struct reply){
			    .endpoint = e,
			    .ttl = a.told.ttl,
			    .ip_id = -1,
			    .tos = a.told.tos,
			    .len = (uint16_t)a.whole,
			    .received = a.received,
			    .received_here = !a.by_kernel,
			    .from = a.from,
			    .from_port = a.from_port,
			    .image = batch.images[i],
			    .quote_at = at,
			};
			if (!addr_is_none(&r.from) &&
			    to_reply(e, &r, batch.images[i], a.len))
				e->owner->events->reply(e->owner->context, &r);
		}
		total += count;
	}
	return total;
}

void
datagram_receive(struct watch *w, uint32_t events,
    bool (*to_reply)(
	const struct endpoint *e, struct reply *r, uint8_t *image, size_t len))
{
	struct endpoint *e = w->endpoint;
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
		(void)getsockopt(e->watch.fd, SOL_SOCKET, SO_ERROR, &error, &len);
}
