#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/param.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/privsep_packets.h"
#include "privsep/privsep.h"

#define TH_ECN 0xc0     /* ECE and CWR */
#define REQUESTS_MAX 64 /* a wake-up, before the sockets' turn */
#ifdef PRIVSEP_NO_LIMIT /* tests/bench: what the rest can do */
#define PRICE 0
#else
#define PRICE (NS_PER_SECOND / PRIVSEP_RATE)
#endif
#define DEBT_MAX ((PRIVSEP_BURST - 1) * PRICE)

/*
 * The policy: what an ordinary user may have sent. 0, -EACCES, or -EPROTO for what no
 * caller who keeps to the rules asks for.
 */
static int
judge(const struct privsep_send *p, const struct privsep_reserve *r)
{
	if (r->protocol != p->protocol || r->family != p->destination.family ||
	    (!addr_is_none(&r->source) && !addr_equal(&r->source, &p->source)))
		return -EPROTO;
	if (p->protocol == IPPROTO_TCP && p->tcp.flags != TH_ACK &&
	    (p->tcp.flags & ~TH_ECN) != TH_SYN)
		return -EACCES;
	if (!addr_is_unicast(&p->source) || !addr_is_unicast(&p->destination))
		return -EACCES;
	return 0;
}

/* Tells h->answer; while it finds no room it waits, and the requests with it. */
static int
tell_answer(struct helper *h, uint8_t type)
{
	int error = framing_send(&h->answer, MESSAGE_CHILD_FD, type, &h->sent);

	h->waiting = error == -EAGAIN ? type : 0;
	return error == -EAGAIN ? 0 : error;
}

static int
on_send(struct helper *h, struct reader *body)
{
	static uint8_t bytes[PRIVSEP_PACKET_MAX];
	struct privsep_send p;
	struct privsep_sent sent;
	int64_t stamp = 0;
	const struct reservation *r;
	struct outgoing o;
	int result;

	if (privsep_send_unpack(&p, body) != 0)
		return -EPROTO;
	r = &h->matcher.reservations[p.id];
	result = judge(&p, &r->asked);
	if (result == -EPROTO)
		return result;
	o = privsep_outgoing(&p, r->asked.interface, bytes,
	    privsep_packet(&p, r->asked.port, h->matcher.nonce, bytes));
	if (result == 0)
		result = packet_send(sockets_sender(h->raw, r), &o, &stamp);
	if (result >= 0 && p.protocol != IPPROTO_UDP)
		match_note(&h->matcher, &p);
	if (p.protocol != IPPROTO_UDP)
		h->paid += PRICE;
	sent = (struct privsep_sent){p.cookie, result < 0 ? -result : 0,
	    .by_kernel = result == 1, .stamp = result < 0 ? 0 : stamp};
	privsep_sent_pack(&sent, framing_begin(&h->answer));
	return tell_answer(h, PRIVSEP_SENT);
}

static int
on_reserve(struct helper *h, struct reader *body)
{
	struct privsep_reserve m;
	struct privsep_reserved reserved;
	struct reservation *r;

	if (privsep_reserve_unpack(&m, body) != 0)
		return -EPROTO;
	r = &h->matcher.reservations[m.id];
	if (r->asked.protocol != 0)
		return -EPROTO;
	r->asked = m;
	r->since = h->matcher.count;
	reserved = (struct privsep_reserved){.id = m.id, .error = EACCES};
	if (addr_is_none(&m.source) || addr_is_unicast(&m.source))
		reserved.error = -sockets_reserve(h->raw, r);
	r->bound = clock_realtime();
	if (reserved.error == 0)
		reserved.port = r->asked.port;
	else
		r->asked.protocol = 0;
	if (reserved.error == 0 && m.protocol == IPPROTO_UDP)
		h->watch[RAW_COUNT + m.id].fd = r->fd;
	h->overflows[RAW_COUNT + m.id] = 0;
	privsep_reserved_pack(&reserved, framing_begin(&h->answer));
	return tell_answer(h, PRIVSEP_RESERVED);
}

static int
on_release(struct helper *h, struct reader *body)
{
	struct privsep_release m;
	struct reservation *r;

	if (privsep_release_unpack(&m, body) != 0)
		return -EPROTO;
	r = &h->matcher.reservations[m.id];
	if (r->asked.protocol == 0)
		return -EPROTO;
	if (r->fd >= 0)
		close(r->fd);
	r->asked.protocol = 0;
	h->watch[RAW_COUNT + m.id].fd = -1;
	return 0;
}

/* Does one request. -EAGAIN when there is none, -EPIPE when the channel is closed. */
static int
do_request(struct helper *h)
{
	static uint8_t bytes[MESSAGE_MAX];
	struct reader body;
	int type = framing_receive(MESSAGE_CHILD_FD, bytes, &h->received, &body);

	switch (type) {
	case PRIVSEP_RESERVE:
		return on_reserve(h, &body);
	case PRIVSEP_RELEASE:
		return on_release(h, &body);
	case PRIVSEP_SEND:
		return on_send(h, &body);
	default:
		return type < 0 ? type : -EPROTO;
	}
}

/* Tells a packet, if it is ours. udp: to whose socket it came; NULL: to a raw one. */
static int
tell_reply(
    struct helper *h, const struct arrival *a, bool tcp, const struct reservation *udp)
{
	struct privsep_reply reply = {.id = udp != NULL ? udp->asked.id : 0,
	    .answer = PRIVSEP_DATAGRAM,
	    .by_kernel = a->by_kernel,
	    .ttl = a->told.ttl,
	    .tos = a->told.tos,
	    .received = a->received,
	    .from = a->from,
	    .from_port = udp != NULL ? a->from_port : 0,
	    .len = (uint16_t)MIN(a->len, PRIVSEP_REPLY_MAX),
	    .bytes = a->bytes};

	if (udp == NULL && !match_arrival(&h->matcher, tcp, a, &reply))
		return 0;
	privsep_reply_pack(&reply, framing_begin(&h->answer));
	return tell_answer(h, PRIVSEP_REPLY);
}

/* Tells what was read from a socket, as far as it finds room. */
static int
tell_packets(struct helper *h)
{
	unsigned int i = h->in_socket;
	const struct reservation *udp =
	    i < RAW_COUNT ? NULL : &h->matcher.reservations[i - RAW_COUNT];
	int error = 0;

	while (error == 0 && h->waiting == 0 && h->in_next < h->in_count) {
		struct arrival a;

		packets_arrival(&h->in, h->in_next++, 0, &a);
		if (a.told.dropped_known) {
			h->dropped += a.told.dropped - h->overflows[i];
			h->overflows[i] = a.told.dropped;
		}
		error = tell_reply(h, &a, i == RAW_TCP4 || i == RAW_TCP6, udp);
	}
	return error;
}

/* Reads the socket that is number i: a raw one, or after those a reservation's. */
static int
read_socket(struct helper *h, unsigned int i)
{
	static struct incoming stamps;

	h->in_socket = i;
	h->in_next = 0;
	h->in_count = packets_receive(&h->in, h->watch[i].fd, 0, 0);
	/* Send stamps that came too late would wake us for ever. */
	(void)packets_receive(&stamps, h->watch[i].fd, MSG_ERRQUEUE, 0);
	return tell_packets(h);
}

/*
 * Waits until there is something to do, and does it. Answers go first; while one finds
 * no room, all else waits: requests in the channel, packets in the kernel's buffers.
 */
static int
turn(struct helper *h)
{
	struct pollfd *channel = &h->watch[SOCKETS_MAX];
	bool full = h->waiting != 0;
	int64_t now = clock_monotonic();
	int64_t pause = full ? 0 : h->paid - now - DEBT_MAX;
	/* Then for several at once: a wake-up costs more than a probe. */
	struct timespec timeout = clock_to_timespec(pause + NS_PER_MS);
	int error = 0;

	channel->events = full ? POLLOUT : pause > 0 ? 0 : POLLIN;
	if (ppoll(full ? channel : h->watch, full ? 1 : 1 + SOCKETS_MAX,
		pause > 0 ? &timeout : NULL, NULL) < 0)
		return errno == EINTR ? 0 : -errno;
	if ((channel->revents & (POLLHUP | POLLERR)) != 0)
		return -EPIPE;
	now = clock_monotonic();
	h->matcher.second = (uint32_t)(now / NS_PER_SECOND);
	h->paid = MAX(h->paid, now);
	if (full)
		error = tell_answer(h, h->waiting);
	if (error == 0)
		error = tell_packets(h);
	for (unsigned int i = 0; !full && i < SOCKETS_MAX; i++)
		if (error == 0 && h->waiting == 0 && h->watch[i].revents != 0)
			error = read_socket(h, i);
	for (int i = 0; error == 0 && h->waiting == 0 && i < REQUESTS_MAX; i++)
		error = h->paid - now > DEBT_MAX ? -EAGAIN : do_request(h);
	if (h->dropped != 0 && h->waiting == 0) {
		privsep_dropped_pack(
		    &(struct privsep_dropped){h->dropped}, framing_begin(&h->answer));
		h->waiting = PRIVSEP_DROPPED;
		h->dropped = 0;
	}
	return error == -EAGAIN ? 0 : error;
}

int
serve(struct helper *h)
{
	struct privsep_hello hello = {0};
	int error = 0;

	for (int i = 0; i < 1 + SOCKETS_MAX; i++)
		h->watch[i] =
		    (struct pollfd){i < RAW_COUNT ? h->raw[i] : -1, POLLIN, 0};
	h->watch[SOCKETS_MAX].fd = MESSAGE_CHILD_FD;
	for (unsigned int i = 0; i < RAW_COUNT; i++)
		hello.features |= h->raw[i] >= 0 ? 1U << i : 0;
	memcpy(hello.nonce, h->matcher.nonce, sizeof(hello.nonce));
	privsep_hello_pack(&hello, framing_begin(&h->answer));
	h->waiting = PRIVSEP_HELLO;
	while (error == 0)
		error = turn(h);
	return error == -EPIPE ? 0 : error;
}
