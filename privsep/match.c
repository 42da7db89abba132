#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "common/ip_header.h"
#include "privsep/privsep.h"

static struct probe_key
key_of(const struct reservation *r, const struct addr *to, uint16_t peer)
{
	struct probe_key key = {{0}, r->asked.port, peer, r->asked.protocol};

	memcpy(key.address, to->bytes, sizeof(key.address));
	return key;
}

void
match_note(struct matcher *m, const struct privsep_send *p)
{
	const struct reservation *r = &m->reservations[p->id];

	m->sent[m->count++ % PRIVSEP_REMEMBERED] = (struct probe_sent){
	    key_of(r, &p->destination, p->port), p->checksum, m->second};
}

/* Whether r sent such a probe lately; with that checksum unless that is NULL. */
static bool
was_sent(const struct matcher *m, const struct reservation *r, const struct addr *to,
    uint16_t peer, const uint16_t *checksum)
{
	struct probe_key key = key_of(r, to, peer);

	/* From the newest on: that is the one which most answers are to. */
	for (uint32_t back = 1;
	     back <= PRIVSEP_REMEMBERED && back <= m->count - r->since; back++) {
		const struct probe_sent *sent =
		    &m->sent[(m->count - back) % PRIVSEP_REMEMBERED];

		if (m->second - sent->second > PRIVSEP_ANSWER_SECONDS)
			return false;
		if (memcmp(&sent->key, &key, sizeof(key)) == 0 &&
		    (checksum == NULL || sent->checksum == *checksum))
			return true;
	}
	return false;
}

/* The reservation from whose port a packet with this source left, or NULL. */
static const struct reservation *
find(const struct matcher *m, const struct arrival *a, uint8_t protocol,
    const struct addr *source, uint16_t port)
{
	for (const struct reservation *r = m->reservations;
	     r < m->reservations + PRIVSEP_RESERVATIONS; r++) {
		const struct addr *s = &r->asked.source;

		if (r->asked.protocol == protocol && r->asked.port == port &&
		    r->asked.family == source->family &&
		    (addr_is_none(s) ||
			(memcmp(s->bytes, source->bytes, sizeof(s->bytes)) == 0 &&
			    (s->scope == 0 || s->scope == a->told.interface))))
			return r;
	}
	return NULL;
}

/*
 * An echo message with the ends of the request, read up to its checksum. The kernel
 * keeps nobody's identifiers apart: so it must be a probe that we sent, and show our
 * nonce. A quote may be too short for that, or padded with zeros: then our checksum.
 */
static const struct reservation *
match_echo(
    const struct matcher *m, const struct arrival *a, struct ip_header *ip, bool quoted)
{
	static const uint8_t padding[PRIVSEP_NONCE_LEN];
	uint16_t checksum = reader_u16(&ip->rest);
	uint16_t identifier = reader_u16(&ip->rest);
	uint16_t sequence = reader_u16(&ip->rest);
	const struct reservation *r = find(m, a, ip->protocol, &ip->src, identifier);
	const uint8_t *nonce;

	if (ip->rest.failed || r == NULL)
		return NULL;
	reader_take(&ip->rest, 2);
	nonce = reader_take(&ip->rest, PRIVSEP_NONCE_LEN);
	if (quoted && (nonce == NULL || memcmp(nonce, padding, sizeof(padding)) == 0))
		return was_sent(m, r, &ip->dst, sequence, &checksum) ? r : NULL;
	if (nonce == NULL || memcmp(nonce, m->nonce, PRIVSEP_NONCE_LEN) != 0)
		return NULL;
	return was_sent(m, r, &ip->dst, sequence, NULL) ? r : NULL;
}

/* An ICMP error, read up to what it quotes. */
static const struct reservation *
match_error(const struct matcher *m, const struct arrival *a, struct ip_header *ip)
{
	uint8_t icmp = ip->protocol;
	uint8_t echo = icmp == IPPROTO_ICMP ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	uint16_t first;

	if (!ip_header_read(a->from.family, ip->rest, ip))
		return NULL;
	first = reader_u16(&ip->rest); /* our port; of ICMP type and code */
	if (ip->rest.failed)
		return NULL;
	if (ip->protocol == IPPROTO_UDP || ip->protocol == IPPROTO_TCP)
		return find(m, a, ip->protocol, &ip->src, first);
	return ip->protocol == icmp && first == echo << 8 ? match_echo(m, a, ip, true)
							  : NULL;
}

/* The filter lets echo replies pass, and errors. */
static const struct reservation *
match_icmp(const struct matcher *m, const struct arrival *a, struct ip_header *ip,
    uint8_t *answer)
{
	uint8_t type = reader_u8(&ip->rest);

	reader_take(&ip->rest, 1);
	if (type ==
	    (ip->protocol == IPPROTO_ICMP ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY)) {
		*answer = PRIVSEP_ECHO_REPLY;
		ip->src = ip->dst;
		ip->dst = a->from;
		return match_echo(m, a, ip, false);
	}
	*answer = PRIVSEP_ERROR;
	reader_take(&ip->rest, 6);
	return match_error(m, a, ip);
}

/* The filter lets SYN-ACK pass, and RST. */
static const struct reservation *
match_tcp(const struct matcher *m, const struct arrival *a, struct ip_header *ip,
    uint8_t *answer)
{
	uint16_t peer = reader_u16(&ip->rest);
	uint16_t port = reader_u16(&ip->rest);
	const struct reservation *r = find(m, a, IPPROTO_TCP, &ip->dst, port);

	*answer = PRIVSEP_SEGMENT;
	if (ip->rest.failed || r == NULL || !was_sent(m, r, &a->from, peer, NULL))
		return NULL;
	return r;
}

bool
match_arrival(const struct matcher *m, bool tcp, const struct arrival *a,
    struct privsep_reply *reply)
{
	bool v4 = a->from.family == AF_INET;
	struct ip_header ip = {.src = a->from, .dst = a->told.to};
	const struct reservation *r;

	/* Raw IPv6 sockets do not show the header. */
	reader_init(&ip.rest, a->bytes, a->len);
	if (addr_is_none(&a->from) || (v4 && !ip_header_read(AF_INET, ip.rest, &ip)))
		return false;
	ip.protocol = tcp ? IPPROTO_TCP : v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	r = (tcp ? match_tcp : match_icmp)(m, a, &ip, &reply->answer);
	/* It may have waited in the socket's buffer while the port was another's. */
	if (r == NULL || a->received < r->bound)
		return false;
	reply->id = r->asked.id;
	return true;
}
