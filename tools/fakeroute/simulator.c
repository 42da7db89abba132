#include "tools/fakeroute/simulator.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fakeroute/fragments.h"
#include "tools/fakeroute/simreply.h"

#define REPLIES_MAX (UINT32_C(1) << 18)
#define ANSWER_MAX 65535
#define TCP_COOKIE_SALT 100

struct simulator {
	struct network *network;
	const struct topology *t;
	struct replyqueue *replies;
	struct fragments *fragments;
	uint8_t *scratch;          /* ANSWER_MAX bytes: where an answer is written */
	uint16_t *identifications; /* the IPv4 id counter of each node */
	simulator_observer *observer;
	void *context;
	struct simulator_counts counts;
};

/* One packet being answered. */
struct answer {
	const struct simpacket *packet;
	const struct network_walk *walk;
	const struct topology_node *node;
	struct simreply_header header;
	int64_t now;
	uint8_t *out; /* ANSWER_MAX bytes */
	size_t mtu;   /* the limit of an error; other answers may be cut up */
};

struct simulator *
simulator_new(struct network *network, simulator_observer *observer, void *context)
{
	struct simulator *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->network = network;
	s->t = network_topology(network);
	s->observer = observer;
	s->context = context;
	s->replies = replyqueue_new(s->t->mtu, REPLIES_MAX);
	s->fragments = fragments_new();
	s->scratch = malloc(ANSWER_MAX);
	s->identifications = calloc(s->t->nodes_count, sizeof(*s->identifications));
	if (s->replies == NULL || s->identifications == NULL || s->fragments == NULL ||
	    s->scratch == NULL) {
		simulator_free(s);
		return NULL;
	}
	for (size_t i = 0; i < s->t->nodes_count; i++)
		s->identifications[i] = (uint16_t)network_random_below(network, 65536);
	return s;
}

void
simulator_free(struct simulator *s)
{
	if (s == NULL)
		return;
	replyqueue_free(s->replies);
	fragments_free(s->fragments);
	free(s->identifications);
	free(s->scratch);
	free(s);
}

struct replyqueue *
simulator_replies(struct simulator *s)
{
	return s->replies;
}

const struct simulator_counts *
simulator_counts(const struct simulator *s)
{
	return &s->counts;
}

/* ---- errors ---------------------------------------------------------------------- */

/* A type and code of each family. */
struct error_kind {
	uint8_t type[2], code[2];
};

static const struct error_kind expired = {{11, 3}, {0, 0}};

static const struct error_kind unreachables[] = {
    [TOPOLOGY_UNREACHABLE_NET] = {{3, 1}, {0, 0}},
    [TOPOLOGY_UNREACHABLE_HOST] = {{3, 1}, {1, 3}},
    [TOPOLOGY_UNREACHABLE_PROTOCOL] = {{3, 4}, {2, 1}},
    [TOPOLOGY_UNREACHABLE_PORT] = {{3, 1}, {3, 4}},
    [TOPOLOGY_UNREACHABLE_PROHIBITED] = {{3, 1}, {13, 1}},
    [TOPOLOGY_UNREACHABLE_CODE] = {{3, 1}, {0, 0}},
};

static const struct error_kind too_big = {{3, 2}, {4, 0}};

static size_t
answer_error(const struct answer *a, const struct error_kind *kind, uint32_t word)
{
	const struct topology_options *o = &a->node->options;
	size_t family = a->packet->src.family == AF_INET ? 0 : 1;
	struct simreply_error error = {
	    .type = kind->type[family],
	    .code = kind->code[family],
	    .word = word,
	    .ttl = a->walk->ttl,
	    .quote = o->quote[family],
	    .labels = o->labels,
	    .labels_count = o->labels_count,
	    .noncompliant = o->mpls_noncompliant,
	};

	if (simpacket_is_no_question(a->packet))
		return 0;
	return simreply_error(a->out, a->mtu, &a->header, a->packet, &error);
}

static size_t
answer_unreachable(const struct answer *a, enum topology_unreachable why)
{
	struct error_kind kind = unreachables[why];
	uint32_t pointer = 0;

	if (why == TOPOLOGY_UNREACHABLE_CODE)
		kind.code[0] = kind.code[1] = a->node->options.unreachable_code;
	/* RFC 4443 section 3.4: where the next header that is not known stands. */
	if (why == TOPOLOGY_UNREACHABLE_PROTOCOL && a->packet->src.family == AF_INET6)
		pointer = 6;
	return answer_error(a, &kind, pointer);
}

/* ---- the destination ------------------------------------------------------------- */

static size_t
answer_icmp(const struct answer *a)
{
	const struct simpacket *p = a->packet;
	bool request = p->icmp_type == (p->src.family == AF_INET ? 8 : 128);

	if (!request || a->node->options.icmp_silent)
		return 0;
	return simreply_echo(a->out, ANSWER_MAX, &a->header, p);
}

static size_t
answer_udp(const struct answer *a)
{
	const struct topology_options *o = &a->node->options;
	bool echo = o->udp == TOPOLOGY_UDP_ECHO ||
		    topology_ports_have(&o->udp_open, a->packet->dst_port);

	if (echo && a->packet->protocol == IPPROTO_UDP)
		return simreply_udp(a->out, ANSWER_MAX, &a->header, a->packet);
	if (o->udp == TOPOLOGY_UDP_SILENT)
		return 0;
	return answer_unreachable(a, TOPOLOGY_UNREACHABLE_PORT);
}

/*
 * Stateless, with a SYN cookie: an ACK of the sequence number that our SYN-ACK had is a
 * connection made and needs no answer.
 */
static size_t
answer_tcp(const struct simulator *s, const struct answer *a)
{
	const struct topology_options *o = &a->node->options;
	const struct simpacket *p = a->packet;
	uint64_t ports = (uint64_t)p->src_port << 16 | p->dst_port;
	uint32_t cookie = (uint32_t)network_hash(
	    s->network, TCP_COOKIE_SALT + ports, p->src.bytes, 16);
	bool open = o->tcp == TOPOLOGY_TCP_SYN_ACK ||
		    topology_ports_have(&o->tcp_open, p->dst_port);
	bool syn = (p->tcp_flags & SIMPACKET_TCP_SYN) != 0;
	bool ack = (p->tcp_flags & SIMPACKET_TCP_ACK) != 0;

	if ((p->tcp_flags & SIMPACKET_TCP_RST) != 0 ||
	    (!open && o->tcp == TOPOLOGY_TCP_SILENT))
		return 0;
	if (open && syn && !ack)
		return simreply_tcp(a->out, ANSWER_MAX, &a->header, p,
		    SIMPACKET_TCP_SYN | SIMPACKET_TCP_ACK, cookie, p->tcp_sequence + 1);
	if (open && ack && p->tcp_acknowledgment == cookie + 1 &&
	    (p->tcp_flags & SIMPACKET_TCP_FIN) == 0)
		return 0;
	if (ack)
		return simreply_tcp(a->out, ANSWER_MAX, &a->header, p,
		    SIMPACKET_TCP_RST, p->tcp_acknowledgment, 0);
	return simreply_tcp(a->out, ANSWER_MAX, &a->header, p,
	    SIMPACKET_TCP_RST | SIMPACKET_TCP_ACK, 0, p->tcp_sequence + syn);
}

static size_t
answer_delivered(const struct simulator *s, const struct answer *a)
{
	const struct simpacket *p = a->packet;

	switch (p->protocol) {
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return answer_udp(a);
	case IPPROTO_TCP:
		return answer_tcp(s, a);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (p->has_transport)
			return answer_icmp(a);
		break;
	default:
		break;
	}
	return answer_unreachable(a, TOPOLOGY_UNREACHABLE_PROTOCOL);
}

/* ---- one packet ------------------------------------------------------------------ */

/* Writes the node's answer; returns its length, 0 for none. */
static size_t
answer_write(const struct simulator *s, const struct answer *a)
{
	switch (a->walk->outcome) {
	case NETWORK_DELIVERED:
		return answer_delivered(s, a);
	case NETWORK_EXPIRED:
		return answer_error(a, &expired, 0);
	case NETWORK_UNREACHABLE:
		return answer_unreachable(a, a->node->options.unreachable);
	case NETWORK_NO_ROUTE:
		return answer_unreachable(a, TOPOLOGY_UNREACHABLE_NET);
	case NETWORK_TOO_BIG:
		return answer_error(a, &too_big, a->node->options.mtu);
	case NETWORK_LOST:
		break;
	}
	return 0;
}

/* Whom the answer comes from and its TTL. False when the node cannot answer. */
static bool
answer_header(struct simulator *s, struct answer *a)
{
	const struct topology_node *node = a->node;
	const struct topology_addr *own =
	    topology_node_addr(node, a->packet->src.family);
	size_t hops = a->walk->count;
	uint8_t ttl = node->options.reply_ttl;

	if (node->options.silent || own == NULL)
		return false;
	if (ttl == 0)
		ttl = node->kind == TOPOLOGY_KIND_TARGET ? 64 : 255;
	a->header.src = own->addr;
	if (network_find(s->network, &a->packet->dst) == a->walk->nodes[hops - 1])
		a->header.src = a->packet->dst;
	a->header.ttl = ttl > hops ? (uint8_t)(ttl - (hops - 1)) : 1;
	a->header.identification = ++s->identifications[a->walk->nodes[hops - 1]];
	return true;
}

/* How much later than the way there and back an answer comes. */
static int64_t
extra_delay(struct simulator *s, const struct topology_options *o)
{
	int64_t delay = 0;

	if (o->jitter > 0)
		delay =
		    (int64_t)network_random_below(s->network, (uint64_t)o->jitter + 1);
	if (network_chance(s->network, o->late)) {
		s->counts.late++;
		delay += o->late_delay;
	}
	return delay;
}

/* Queues an answer of len bytes, in pieces if it is too large for the link. */
static bool
queue_once(struct simulator *s, const struct answer *a, size_t len, int64_t due)
{
	size_t offset = 0, part;
	uint32_t slot;
	uint8_t *out;

	do {
		out = replyqueue_take(s->replies, &slot);
		if (out == NULL)
			return false;
		part = fragments_cut(
		    a->out, len, a->mtu, a->header.identification, &offset, out);
		if (part == 0)
			replyqueue_release(s->replies, slot);
		else
			replyqueue_push(s->replies, slot, part, due);
	} while (part != 0 && len > a->mtu);
	return true;
}

/* Queues an answer and its duplicate. */
static enum simulator_result
queue_answer(struct simulator *s, const struct answer *a, size_t len)
{
	const struct topology_options *o = &a->node->options;
	int64_t due = a->now + a->walk->rtt;

	if (!queue_once(s, a, len, due + extra_delay(s, o)))
		return SIMULATOR_FULL;
	s->counts.replies++;
	if (network_chance(s->network, o->duplicates) &&
	    queue_once(s, a, len, due + extra_delay(s, o)))
		s->counts.duplicates++;
	return SIMULATOR_ANSWERED;
}

static enum simulator_result
answer_packet(struct simulator *s, struct answer *a)
{
	size_t len;

	if (a->walk->outcome == NETWORK_DELIVERED && a->packet->bad_checksum)
		return SIMULATOR_DROPPED;
	a->node = &s->t->nodes[a->walk->nodes[a->walk->count - 1]];
	if (!answer_header(s, a))
		return SIMULATOR_SILENT;
	a->out = s->scratch;
	a->mtu = s->t->mtu;
	len = answer_write(s, a);
	if (len == 0)
		return SIMULATOR_SILENT;
	if (network_chance(s->network, a->node->options.loss) ||
	    network_reply_lost(s->network, a->walk))
		return SIMULATOR_LOST;
	return queue_answer(s, a, len);
}

/* A piece that arrived: the packet is answered with its last one. */
static enum simulator_result
answer_fragment(struct simulator *s, const struct answer *a)
{
	struct answer of_whole = *a;
	struct simpacket whole;
	size_t len;
	const uint8_t *bytes = fragments_add(s->fragments, a->packet, &len);

	if (bytes == NULL)
		return SIMULATOR_FRAGMENT;
	if (simpacket_parse(&whole, bytes, len) != 0)
		return SIMULATOR_MALFORMED;
	s->counts.bad_checksum += whole.bad_checksum;
	of_whole.packet = &whole;
	return answer_packet(s, &of_whole);
}

static void
hash_fields(const struct network *n, const struct simpacket *p, uint64_t *hashes)
{
	size_t addr_len = addr_family_len(p->src.family);
	bool icmp = p->protocol == IPPROTO_ICMP || p->protocol == IPPROTO_ICMPV6;
	const uint64_t values[TOPOLOGY_FIELDS] = {
	    [TOPOLOGY_FIELD_PROTOCOL] = p->protocol,
	    [TOPOLOGY_FIELD_SRC_PORT] = p->src_port,
	    [TOPOLOGY_FIELD_DST_PORT] = p->dst_port,
	    [TOPOLOGY_FIELD_ICMP_TYPE] = (uint64_t)(p->icmp_type << 8 | p->icmp_code),
	    [TOPOLOGY_FIELD_ICMP_CHECKSUM] = icmp ? p->checksum : 0,
	    [TOPOLOGY_FIELD_FLOW_LABEL] = p->flow_label,
	    [TOPOLOGY_FIELD_TOS] = p->tos,
	};

	for (size_t i = 0; i < TOPOLOGY_FIELDS; i++)
		hashes[i] = network_hash_number(n, i, values[i]);
	hashes[TOPOLOGY_FIELD_SRC] =
	    network_hash(n, TOPOLOGY_FIELD_SRC, p->src.bytes, addr_len);
	hashes[TOPOLOGY_FIELD_DST] =
	    network_hash(n, TOPOLOGY_FIELD_DST, p->dst.bytes, addr_len);
}

static bool
is_multicast(const struct addr *a)
{
	return a->family == AF_INET ? a->bytes[0] >= 224 : a->bytes[0] == 0xff;
}

static void
count_oddities(struct simulator *s, const struct simpacket *p)
{
	const struct topology_node *host = &s->t->nodes[TOPOLOGY_HOST];
	bool own = false;

	for (size_t i = 0; i < host->addrs_count; i++)
		own = own || addr_equal(&host->addrs[i].addr, &p->src);
	s->counts.foreign_source += !own;
	s->counts.bad_header_checksum += p->bad_header_checksum;
	s->counts.bad_checksum += p->bad_checksum;
	s->counts.unknown_destination +=
	    network_find(s->network, &p->dst) == NETWORK_NOWHERE;
}

/* Sends the packet on its walk and answers it. walk->count stays 0 if it goes nowhere.
 */
static enum simulator_result
walk_packet(struct simulator *s, const struct simpacket *p, struct network_walk *walk,
    int64_t now)
{
	struct network_packet packet = {
	    .dst = p->dst,
	    .ttl = p->ttl,
	    .len = p->len,
	    .may_fragment = !p->dont_fragment,
	};
	struct answer answer = {.packet = p, .walk = walk, .now = now};

	walk->count = 0;
	if (is_multicast(&p->dst))
		return SIMULATOR_IGNORED;
	count_oddities(s, p);
	if (p->bad_header_checksum)
		return SIMULATOR_DROPPED;
	hash_fields(s->network, p, packet.hashes);
	if (network_send(s->network, &packet, walk) != 0)
		return SIMULATOR_FULL;
	if (walk->count == 0)
		return SIMULATOR_IGNORED;
	if (walk->outcome == NETWORK_LOST)
		return SIMULATOR_LOST;
	if (walk->outcome == NETWORK_DELIVERED && p->fragment)
		return answer_fragment(s, &answer);
	if (simpacket_is_no_question(p))
		return SIMULATOR_IGNORED;
	return answer_packet(s, &answer);
}

void
simulator_receive(struct simulator *s, const uint8_t *bytes, size_t len, int64_t now)
{
	struct network_walk walk;
	struct simpacket packet;
	struct simulator_seen seen = {.now = now, .result = SIMULATOR_MALFORMED};

	s->counts.received++;
	if (simpacket_parse(&packet, bytes, len) == 0) {
		seen.packet = &packet;
		seen.result = walk_packet(s, &packet, &walk, now);
		if (walk.count > 0)
			seen.walk = &walk;
	}
	s->counts.results[seen.result]++;
	if (s->observer != NULL)
		s->observer(s->context, &seen);
}
