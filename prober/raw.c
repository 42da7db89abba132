#include "prober/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/hash.h"
#include "common/packets.h"
#include "prober/captured.h"
#include "prober/helper.h"

#define RECEIVE_ROUNDS 32 /* batches a wake-up: a flood must not hold up the rest */

/* Answers to this are told to this endpoint; the key has no padding. */
struct raw_port {
	struct raw_port_key {
		uint16_t family;
		uint16_t protocol;
		uint32_t port;
	} key;
	struct endpoint *endpoint;
	int fd; /* keeps the port, or -1 */
	UT_hash_handle hh;
};

/* ---- opening ---- */

_Static_assert(RAW_SENDER_FD > HELPER_FD, "the helper's channel keeps its number");

static const struct raw_sockets no_sockets = {
    .sender = {-1, -1}, .receiver = {-1, -1, -1, -1, -1, -1}, .asker = {-1, -1}};

/* Moves a descriptor to a number of our choice. */
static int
move(int fd, int to)
{
	int moved = fd == to ? fd : dup3(fd, to, O_CLOEXEC);
	int error = moved < 0 ? -errno : moved;

	if (fd != to)
		close(fd);
	return error;
}

/* A socket that sends, at its number. -errno; -EAFNOSUPPORT: no such family here. */
static int
open_sender(int family, int number, const struct raw_options *o)
{
	int fd = raw_sender_open(family);
	int error = 0;

	if (fd < 0)
		return fd;
	if (family == AF_INET) {
		/* What others learned of the path does not stand in the way. */
		error =
		    socket_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
		if (error == 0)
			error = socket_option(fd, IPPROTO_IP, IP_RECVERR, 1);
	} else {
		error = socket_option(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
	}
	if (error == 0 && o->mark != 0)
		error = socket_option(fd, SOL_SOCKET, SO_MARK, (int)o->mark);
	if (error == 0 && o->debug)
		error = socket_option(fd, SOL_SOCKET, SO_DEBUG, 1);
	/* Connection tracking here must not put our fragments together. */
	if (error == 0 && family == AF_INET)
		error = socket_option(fd, IPPROTO_IP, IP_NODEFRAG, 1);
	if (error == 0)
		return move(fd, number);
	close(fd);
	return error;
}

/* A socket whose routes are those of what the senders send. -errno likewise. */
static int
open_asker(int family, uint32_t mark)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -errno;
	error = socket_option(fd, SOL_SOCKET, SO_MARK, (int)mark);
	if (error == 0)
		return fd;
	close(fd);
	return error;
}

int
raw_open(struct raw_sockets *s, const struct raw_options *o)
{
	static const int families[] = {AF_INET, AF_INET6};
	int error;

	*s = no_sockets;
	if (getuid() != 0)
		return -EPERM;
	for (int i = 0; i < 2; i++) {
		int fd = open_sender(families[i], RAW_SENDER_FD + i, o);

		if (fd < 0 && fd != -EAFNOSUPPORT)
			return fd;
		s->sender[i] = fd < 0 ? -1 : fd;
	}
	for (int i = 0; i < 2 && o->mark != 0; i++) {
		int fd = open_asker(families[i], o->mark);

		if (fd < 0 && fd != -EAFNOSUPPORT)
			return fd;
		s->asker[i] = fd < 0 ? -1 : fd;
	}
	error = raw_sockets_open(s->receiver, o->tcp);
	s->protocol = o->protocol;
	for (int i = 0; i < 2 && error == 0 && o->protocol != 0; i++) {
		int fd = raw_receiver_open(families[i], o->protocol);

		if (fd >= 0)
			s->receiver[RAW_OTHER4 + i] = fd;
		else if (fd != -EAFNOSUPPORT)
			error = fd;
	}
	return error;
}

void
raw_init(struct raw *r, struct transports *t)
{
	*r = (struct raw){.transports = t, .sockets = no_sockets};
}

int
raw_attach(struct raw *r, const struct raw_sockets *s)
{
	r->sockets = *s;
	for (int i = 0; i < RAW_RECEIVERS; i++) {
		struct epoll_event event = {
		    .events = EPOLLIN, .data.ptr = &r->sockets.receiver[i]};

		if (s->receiver[i] >= 0 &&
		    epoll_ctl(r->transports->epoll, EPOLL_CTL_ADD, s->receiver[i],
			&event) != 0)
			return -errno;
	}
	return 0;
}

/* ---- ports ---- */

static struct raw_port *
port_find(const struct raw *r, uint32_t family, uint8_t protocol, uint16_t port)
{
	struct raw_port_key key = {(uint16_t)family, protocol, port};
	struct raw_port *found;

	/* The key is whole: the analyzer cannot follow its bytes. */
	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
	HASH_FIND(hh, r->ports, &key, sizeof(key), found);
	return found;
}

static uint8_t
protocol_of(const struct endpoint *e)
{
	bool v6 = e->key.source.family == AF_INET6;

	return e->key.ip_protocol != 0 ? e->key.ip_protocol
				       : e->transport->ip_protocol[v6];
}

static struct raw_port *
port_of(const struct raw *r, const struct endpoint *e)
{
	uint32_t family = e->key.source.family;

	return port_find(r, family, protocol_of(e), e->port);
}

int
raw_take_port(struct raw *r, struct endpoint *e, int fd)
{
	bool v6 = e->key.source.family == AF_INET6;
	struct raw_port *p = NULL;
	int error = 0;

	if (r->sockets.sender[v6] < 0)
		error = r->sockets.sender[!v6] < 0 ? -EPERM : -EAFNOSUPPORT;
	else if (port_of(r, e) != NULL)
		error = -EADDRINUSE;
	else
		p = calloc(1, sizeof(*p));
	if (p == NULL) {
		if (fd >= 0)
			close(fd);
		return error != 0 ? error : -ENOMEM;
	}
	p->key = (struct raw_port_key){
	    (uint16_t)e->key.source.family, protocol_of(e), e->port};
	p->endpoint = e;
	p->fd = fd;
	HASH_ADD(hh, r->ports, key, sizeof(p->key), p);
	return 0;
}

static void
port_free(struct raw *r, struct raw_port *p)
{
	HASH_DEL(r->ports, p);
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

void
raw_give_port(struct raw *r, const struct endpoint *e)
{
	struct raw_port *p = port_of(r, e);

	if (p != NULL && p->endpoint == e)
		port_free(r, p);
}

void
raw_clear(struct raw *r)
{
	struct raw_port *p, *next;

	HASH_ITER (hh, r->ports, p, next)
		port_free(r, p);
	for (int i = 0; i < RAW_RECEIVERS; i++)
		if (r->sockets.receiver[i] >= 0)
			close(r->sockets.receiver[i]);
	for (int i = 0; i < 2; i++) {
		if (r->sockets.sender[i] >= 0)
			close(r->sockets.sender[i]);
		if (r->sockets.asker[i] >= 0)
			close(r->sockets.asker[i]);
	}
}

/* ---- receiving ---- */

static void
count_dropped(struct raw *r, int socket, const struct ancillary *a)
{
	const struct transports *t = r->transports;

	if (!a->dropped_known || a->dropped == r->dropped[socket])
		return;
	t->events->dropped(t->context, a->dropped - r->dropped[socket]);
	r->dropped[socket] = a->dropped;
}

/* The probe left from the address that the endpoint is bound to, if it is. */
static bool
same_source(const struct endpoint *e, const struct addr *source)
{
	const struct addr *own = &e->key.source;

	return addr_is_unspecified(own) || addr_is_none(source) ||
	       memcmp(own->bytes, source->bytes, sizeof(own->bytes)) == 0;
}

static uint32_t
family_of(int socket)
{
	return socket == RAW_ICMP4 || socket == RAW_TCP4 || socket == RAW_OTHER4
		   ? AF_INET
		   : AF_INET6;
}

/*
 * Everything that answers anybody's probes comes here: what is not for one of our ports
 * is passed over, and so is what cannot be read.
 */
static void
deliver(struct raw *r, int socket, const struct arrival *a, bool cut)
{
	static uint8_t image[CAPTURED_MAX];
	const struct transports *t = r->transports;
	struct captured c;
	struct captured_packet packet = {
	    .family = family_of(socket),
	    .bytes = a->bytes,
	    .len = a->len,
	    .cut = cut,
	    .protocol = socket == RAW_OTHER6 ? r->sockets.protocol
			: socket == RAW_TCP6 ? IPPROTO_TCP
					     : IPPROTO_ICMPV6,
	    .from = a->from,
	    .ttl = a->told.ttl,
	    .tos = a->told.tos,
	    .received = a->received,
	};
	const struct raw_port *port;

	if (addr_is_none(&a->from) || captured_read(t->tree, &packet, image, &c) != 0)
		return;
	c.reply.received_here = !a->by_kernel;
	/* A later fragment shows no port: the store knows it by its identification. */
	if (c.reply.quoted.fragment.offset != 0) {
		t->events->reply(t->context, &c.reply);
		return;
	}
	port = port_find(r, packet.family, c.protocol, c.port);
	if (addr_is_none(&c.source))
		c.source = a->told.to;
	if (port == NULL || !same_source(port->endpoint, &c.source))
		return;
	c.reply.endpoint = port->endpoint;
	captured_settle(&c, port->endpoint->key.tcp_flags, image);
	t->events->reply(t->context, &c.reply);
}

static void
receive(struct raw *r, int socket)
{
	static struct incoming batch;
	unsigned int count = PACKETS_BATCH;

	for (int round = 0; round < RECEIVE_ROUNDS && count == PACKETS_BATCH; round++) {
		count = packets_receive(&batch, r->sockets.receiver[socket], 0, 0);
		for (unsigned int i = 0; i < count; i++) {
			int flags = batch.headers[i].msg_hdr.msg_flags;
			struct arrival a;

			packets_arrival(&batch, i, 0, &a);
			count_dropped(r, socket, &a.told);
			deliver(r, socket, &a, (flags & MSG_TRUNC) != 0);
		}
	}
}

bool
raw_service(struct raw *r, const void *data)
{
	for (int i = 0; i < RAW_RECEIVERS; i++)
		if (data == &r->sockets.receiver[i]) {
			receive(r, i);
			return true;
		}
	return false;
}
