#include "tools/fakeroute/simtcp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"

#define SYN SIMPACKET_TCP_SYN
#define ACK SIMPACKET_TCP_ACK
#define RST SIMPACKET_TCP_RST
#define FIN SIMPACKET_TCP_FIN
#define WINDOW 65535
#define ECN (SIMPACKET_TCP_ECE | SIMPACKET_TCP_CWR)

/* Compared byte by byte: cleared before it is filled. */
struct key {
	struct addr client, server;
	uint16_t client_port, server_port;
};

struct connection {
	struct key key;
	struct simtcp_connection seen;
	uint32_t syn;   /* the client's first sequence number */
	uint32_t next;  /* the client's next one */
	uint32_t first; /* ours, of the SYN-ACK */
	bool ecn;
	UT_hash_handle hh;
};

struct simtcp {
	struct connection *connections; /* the oldest first */
};

struct simtcp *
simtcp_new(void)
{
	return calloc(1, sizeof(struct simtcp));
}

static void
forget(struct simtcp *t, struct connection *c)
{
	HASH_DEL(t->connections, c);
	free(c);
}

void
simtcp_free(struct simtcp *t)
{
	struct connection *c, *next;

	if (t == NULL)
		return;
	HASH_ITER (hh, t->connections, c, next)
		forget(t, c);
	free(t);
}

void
simtcp_each(const struct simtcp *t,
    void (*each)(void *context, const struct simtcp_connection *c), void *context)
{
	for (const struct connection *c = t->connections; c != NULL; c = c->hh.next)
		each(context, &c->seen);
}

static bool
is_live(const struct connection *c)
{
	return c != NULL && c->seen.state <= SIMTCP_CLOSING;
}

static void
say(struct simtcp_segment *answer, uint8_t flags, uint32_t sequence,
    uint32_t acknowledgment)
{
	*answer = (struct simtcp_segment){flags, sequence, acknowledgment};
}

/* What the connection acknowledges now: a challenge, too (RFC 5961 section 4). */
static void
say_ack(struct simtcp_segment *answer, const struct connection *c)
{
	uint32_t own = c->first + 1 + (c->seen.state == SIMTCP_CLOSING);

	say(answer, ACK, own, c->next);
}

static void
say_syn_ack(struct simtcp_segment *answer, const struct connection *c)
{
	uint8_t flags = SYN | ACK;

	if (c->ecn)
		flags |= SIMPACKET_TCP_ECE;
	say(answer, flags, c->first, c->next);
}

static bool
is_in_window(const struct connection *c, const struct simpacket *p)
{
	return p->tcp_sequence - c->next < WINDOW;
}

static size_t
data_len(const struct simpacket *p)
{
	return p->len - p->payload;
}

void
simtcp_refuse(const struct simpacket *p, struct simtcp_segment *answer)
{
	uint32_t len = (uint32_t)data_len(p) + ((p->tcp_flags & SYN) != 0) +
		       ((p->tcp_flags & FIN) != 0);

	say(answer, 0, 0, 0);
	if ((p->tcp_flags & RST) != 0)
		return;
	if ((p->tcp_flags & ACK) != 0)
		say(answer, RST, p->tcp_acknowledgment, 0);
	else
		say(answer, RST | ACK, 0, p->tcp_sequence + len);
}

static struct connection *
find(const struct simtcp *t, const struct key *key)
{
	struct connection *c;

	HASH_FIND(hh, t->connections, key, sizeof(*key), c);
	return c;
}

/* Begins a connection, or begins one that had ended again. */
static int
begin(struct simtcp *t, struct connection *c, const struct key *key,
    const struct simpacket *p, bool ecn, uint32_t first)
{
	if (c == NULL) {
		if (HASH_COUNT(t->connections) == SIMTCP_MAX)
			forget(t, t->connections);
		c = calloc(1, sizeof(*c));
		if (c == NULL)
			return -ENOMEM;
		c->key = *key;
		c->seen.client = key->client;
		c->seen.server = key->server;
		c->seen.client_port = key->client_port;
		c->seen.server_port = key->server_port;
		HASH_ADD(hh, t->connections, key, sizeof(c->key), c);
	}
	c->seen.state = SIMTCP_HALF_OPEN;
	c->seen.segments++;
	c->syn = p->tcp_sequence;
	c->next = p->tcp_sequence + 1;
	c->first = first;
	c->ecn = ecn && (p->tcp_flags & ECN) == ECN;
	return 0;
}

/* Data and the end of it, in order; all else is acknowledged again. */
static void
take_data(
    struct connection *c, const struct simpacket *p, struct simtcp_segment *answer)
{
	size_t len = data_len(p);
	bool fin = (p->tcp_flags & FIN) != 0;

	if (len == 0 && !fin)
		return;
	if (p->tcp_sequence != c->next || c->seen.state == SIMTCP_CLOSING) {
		say_ack(answer, c);
		return;
	}
	c->seen.bytes += len;
	c->next += (uint32_t)len + fin;
	say_ack(answer, c);
	if (fin) {
		answer->flags |= FIN;
		c->seen.state = SIMTCP_CLOSING;
	}
}

static void
take_ack(struct connection *c, const struct simpacket *p, struct simtcp_segment *answer)
{
	uint32_t acknowledged = p->tcp_acknowledgment - c->first;

	if (acknowledged != 1 && c->seen.state == SIMTCP_HALF_OPEN) {
		say(answer, RST, p->tcp_acknowledgment, 0);
	} else if (acknowledged == 2 && c->seen.state == SIMTCP_CLOSING) {
		c->seen.state = SIMTCP_ENDED;
	} else if (acknowledged != 1) {
		say_ack(answer, c);
	} else {
		if (c->seen.state == SIMTCP_HALF_OPEN)
			c->seen.state = SIMTCP_ESTABLISHED;
		take_data(c, p, answer);
	}
}

/* RFC 5961 section 3: what is near may be a guess and is asked back. */
static void
take_reset(
    struct connection *c, const struct simpacket *p, struct simtcp_segment *answer)
{
	if (p->tcp_sequence == c->next)
		c->seen.state = SIMTCP_RESET;
	else if (is_in_window(c, p))
		say_ack(answer, c);
}

/*
 * As Linux 6.18 does, by experiment: a half-open connection is given up for another SYN
 * in its window, which is itself refused; a third one would be taken.
 */
static void
take_syn(struct connection *c, const struct simpacket *p, struct simtcp_segment *answer)
{
	bool half_open = c->seen.state == SIMTCP_HALF_OPEN;

	if (half_open && p->tcp_sequence == c->syn) {
		say_syn_ack(answer, c);
	} else if (half_open && is_in_window(c, p)) {
		c->seen.state = SIMTCP_RESET;
		simtcp_refuse(p, answer);
	} else {
		say_ack(answer, c);
	}
}

static void
take_segment(
    struct connection *c, const struct simpacket *p, struct simtcp_segment *answer)
{
	c->seen.segments++;
	if ((p->tcp_flags & RST) != 0)
		take_reset(c, p, answer);
	else if ((p->tcp_flags & SYN) != 0)
		take_syn(c, p, answer);
	else if ((p->tcp_flags & ACK) != 0)
		take_ack(c, p, answer);
}

int
simtcp_receive(struct simtcp *t, const struct simpacket *p, enum simtcp_port port,
    bool ecn, uint32_t first, struct simtcp_segment *answer)
{
	struct connection *c;
	struct key key;
	int error;

	memset(&key, 0, sizeof(key));
	key.client = p->src;
	key.server = p->dst;
	key.client_port = p->src_port;
	key.server_port = p->dst_port;
	c = find(t, &key);
	say(answer, 0, 0, 0);
	if (is_live(c)) {
		take_segment(c, p, answer);
	} else if (port == SIMTCP_OPEN &&
		   (p->tcp_flags & (SYN | ACK | RST | FIN)) == SYN) {
		error = begin(t, c, &key, p, ecn, first);
		if (error != 0)
			return error;
		say_syn_ack(answer, find(t, &key));
	} else if (port == SIMTCP_CLOSED || (p->tcp_flags & ACK) != 0) {
		if (port != SIMTCP_SILENT)
			simtcp_refuse(p, answer);
	}
	return 0;
}
