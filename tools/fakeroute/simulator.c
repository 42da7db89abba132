#include "tools/fakeroute/simulator.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tools/fakeroute/fragments.h"
#include "tools/fakeroute/simextension.h"
#include "tools/fakeroute/simnat.h"
#include "tools/fakeroute/simreply.h"
#include "tools/fakeroute/simrouters.h"

#define REPLIES_MAX (UINT32_C(1) << 18)
#define ANSWER_MAX 65535
#define IPV4_LEN 20 /* of the headers of answers */
#define IPV6_LEN 40
#define TCP_FIRST_SALT 100
/* How long a reply is held back when none comes to overtake it. */
#define REORDER_WAIT (200 * NS_PER_MS)

struct simulator {
	struct network *network;
	const struct topology *t;
	struct replyqueue *replies;
	struct fragments *fragments;
	struct simtcp *tcp;
	struct simrouters *routers;
	struct simextensions *extensions;
	uint8_t *scratch;    /* ANSWER_MAX bytes: where an answer is written */
	uint8_t *translated; /* ANSWER_MAX bytes: what NATs made of a packet */
	bool holds;          /* a reply waits for the next one to overtake it ... */
	uint64_t held;       /* ... its number ... */
	int64_t held_due;    /* ... and when it would have come */
	simulator_observer *observer;
	void *context;
	struct simulator_counts counts;
};

/* One packet being answered. */
struct answer {
	const struct simpacket *packet; /* as it arrived where it is answered */
	/* ... and on the way: before the first NAT, and behind each one. */
	struct network_packet views[NETWORK_NATS_MAX + 1];
	const struct network_walk *walk;
	const struct topology_node *node;
	struct simreply_header header;
	int64_t now;
	uint8_t *out;  /* ANSWER_MAX bytes */
	size_t mtu;    /* the limit of an error; other answers may be cut up */
	bool error;    /* it is an ICMP error ... */
	size_t quoted; /* ... and quotes so many bytes */
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
	s->tcp = simtcp_new();
	s->scratch = malloc(ANSWER_MAX);
	s->translated = malloc(ANSWER_MAX);
	s->routers = simrouters_new(network);
	s->extensions = simextensions_new(s->t);
	if (s->replies == NULL || s->routers == NULL || s->extensions == NULL ||
	    s->fragments == NULL || s->scratch == NULL || s->translated == NULL ||
	    s->tcp == NULL) {
		simulator_free(s);
		return NULL;
	}
	return s;
}

void
simulator_free(struct simulator *s)
{
	if (s == NULL)
		return;
	replyqueue_free(s->replies);
	fragments_free(s->fragments);
	simtcp_free(s->tcp);
	simrouters_free(s->routers);
	simextensions_free(s->extensions);
	free(s->scratch);
	free(s->translated);
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

const struct simtcp *
simulator_tcp(const struct simulator *s)
{
	return s->tcp;
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

/* The node that answers. */
static uint32_t
node_of(const struct answer *a)
{
	return a->walk->nodes[a->walk->count - 1];
}

/* The TTL of an answer when it has come home. */
static uint8_t
reply_ttl(const struct answer *a, bool error)
{
	uint8_t ttl = a->node->options.reply_ttl[error ? 0 : 1];
	uint8_t hops = a->walk->back_ttl;

	if (ttl == 0)
		ttl = a->node->kind == TOPOLOGY_KIND_TARGET ? 64 : 255;
	return ttl > hops ? (uint8_t)(ttl - hops) : 1;
}

/* Errors come from the node's own address, but for those of a destination. */
static struct addr
error_source(const struct answer *a)
{
	uint32_t family = a->packet->src.family;
	const struct addr *other =
	    &a->node->options.errors_from[family == AF_INET ? 0 : 1];

	if (!addr_is_none(other))
		return *other;
	if (a->walk->to == node_of(a))
		return a->packet->dst;
	return topology_node_addr(a->node, family)->addr;
}

static size_t
answer_error(const struct simulator *s, struct answer *a, const struct error_kind *kind,
    uint32_t word)
{
	const struct topology_options *o = &a->node->options;
	size_t family = a->packet->src.family == AF_INET ? 0 : 1;
	struct simreply_error error = {
	    .type = kind->type[family],
	    .code = kind->code[family],
	    .word = word,
	    .ttl = a->walk->ttl,
	    .quote = o->quote[family],
	    .noncompliant = o->mpls_noncompliant,
	    .lies = o->extension_lies,
	    .extended_length = o->extension_length,
	    .misquotes = o->misquotes,
	    .misquotes_count = o->misquotes_count,
	};

	if (simpacket_is_no_question(a->packet))
		return 0;
	error.extension =
	    simextensions_get(s->extensions, node_of(a), family, &error.extension_len);
	a->error = true;
	a->header.src = error_source(a);
	a->header.ttl = reply_ttl(a, true);
	return simreply_error(
	    a->out, a->mtu, &a->header, a->packet, &error, &a->quoted);
}

static size_t
answer_unreachable(const struct simulator *s, struct answer *a,
    enum topology_unreachable why, uint8_t code)
{
	struct error_kind kind = unreachables[why];
	uint32_t pointer = 0;

	if (why == TOPOLOGY_UNREACHABLE_CODE)
		kind.code[0] = kind.code[1] = code;
	/* RFC 4443 section 3.4: where the next header that is not known stands. */
	if (why == TOPOLOGY_UNREACHABLE_PROTOCOL && a->packet->src.family == AF_INET6)
		pointer = 6;
	return answer_error(s, a, &kind, pointer);
}

static size_t
answer_segment(const struct answer *a, const struct simtcp_segment *segment)
{
	if (segment->flags == 0)
		return 0;
	return simreply_tcp(a->out, ANSWER_MAX, &a->header, a->packet, segment->flags,
	    segment->sequence, segment->acknowledgment);
}

/* What the rule of a firewall sends; a reset comes as if from the destination. */
static size_t
answer_rejected(const struct simulator *s, struct answer *a)
{
	const struct topology_rule *rule = a->walk->rule;
	struct simtcp_segment segment;

	if (rule->action == TOPOLOGY_REJECT)
		return answer_unreachable(
		    s, a, rule->unreachable, rule->unreachable_code);
	if (!a->packet->has_transport)
		return 0;
	a->header.src = a->packet->dst;
	simtcp_refuse(a->packet, &segment);
	return answer_segment(a, &segment);
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

static enum topology_udp
udp_port(const struct topology_options *o, uint16_t port)
{
	if (topology_ranges_have(&o->udp_open, port))
		return TOPOLOGY_UDP_ECHO;
	if (topology_ranges_have(&o->udp_closed, port))
		return TOPOLOGY_UDP_UNREACHABLE;
	if (topology_ranges_have(&o->udp_silent, port))
		return TOPOLOGY_UDP_SILENT;
	return o->udp;
}

static size_t
answer_udp(const struct simulator *s, struct answer *a)
{
	enum topology_udp how = udp_port(&a->node->options, a->packet->dst_port);

	if (how == TOPOLOGY_UDP_ECHO)
		return simreply_udp(a->out, ANSWER_MAX, &a->header, a->packet);
	if (how == TOPOLOGY_UDP_SILENT)
		return 0;
	return answer_unreachable(s, a, TOPOLOGY_UNREACHABLE_PORT, 0);
}

static enum simtcp_port
tcp_port(const struct topology_options *o, uint16_t port)
{
	static const enum simtcp_port others[] = {
	    [TOPOLOGY_TCP_RST] = SIMTCP_CLOSED,
	    [TOPOLOGY_TCP_SYN_ACK] = SIMTCP_OPEN,
	    [TOPOLOGY_TCP_SILENT] = SIMTCP_SILENT,
	};

	if (topology_ranges_have(&o->tcp_open, port))
		return SIMTCP_OPEN;
	if (topology_ranges_have(&o->tcp_closed, port))
		return SIMTCP_CLOSED;
	if (topology_ranges_have(&o->tcp_silent, port))
		return SIMTCP_SILENT;
	return others[o->tcp];
}

static size_t
answer_tcp(const struct simulator *s, const struct answer *a)
{
	const struct topology_options *o = &a->node->options;
	const struct simpacket *p = a->packet;
	uint64_t ports = (uint64_t)p->src_port << 16 | p->dst_port;
	uint32_t first = (uint32_t)network_hash(
	    s->network, TCP_FIRST_SALT + ports, p->src.bytes, 16);
	struct simtcp_segment segment;

	if (simtcp_receive(
		s->tcp, p, tcp_port(o, p->dst_port), o->tcp_ecn, first, &segment) != 0)
		return 0;
	return answer_segment(a, &segment);
}

static size_t
answer_delivered(const struct simulator *s, struct answer *a)
{
	const struct simpacket *p = a->packet;

	switch (p->protocol) {
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return answer_udp(s, a);
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
	return answer_unreachable(s, a, TOPOLOGY_UNREACHABLE_PROTOCOL, 0);
}

/* ---- one packet ------------------------------------------------------------------ */

/* Writes the node's answer; returns its length, 0 for none. */
static size_t
answer_write(const struct simulator *s, struct answer *a)
{
	switch (a->walk->outcome) {
	case NETWORK_DELIVERED:
		return answer_delivered(s, a);
	case NETWORK_EXPIRED:
		return answer_error(s, a, &expired, 0);
	case NETWORK_UNREACHABLE:
		return answer_unreachable(s, a, a->node->options.unreachable,
		    a->node->options.unreachable_code);
	case NETWORK_REJECTED:
		return answer_rejected(s, a);
	case NETWORK_NO_ROUTE:
		return answer_unreachable(s, a, TOPOLOGY_UNREACHABLE_NET, 0);
	case NETWORK_TOO_BIG:
		return answer_error(s, a, &too_big, a->node->options.mtu);
	case NETWORK_DROPPED:
	case NETWORK_LOST:
		break;
	}
	return 0;
}

/* Whom an answer comes from. False when the node cannot answer. */
static bool
answer_header(struct answer *a)
{
	const struct topology_options *o = &a->node->options;
	uint32_t family = a->packet->src.family;
	const struct addr *other = &o->answers_from[family == AF_INET ? 0 : 1];

	if (o->silent || topology_node_addr(a->node, family) == NULL)
		return false;
	a->header.src = addr_is_none(other) ? a->packet->dst : *other;
	a->header.ttl = reply_ttl(a, false);
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

/*
 * Queues an answer of len bytes, in pieces if it is too large for the link. *number:
 * that of the last piece. Returns how many pieces; 0 when the queue is full.
 */
static int
queue_once(struct simulator *s, const struct answer *a, size_t len, int64_t due,
    uint64_t *number)
{
	size_t offset = 0, part;
	uint32_t slot, identification = 0;
	int pieces = 0;
	uint8_t *out;

	if (len > a->mtu && a->packet->src.family == AF_INET6)
		identification =
		    simrouters_identification(s->routers, node_of(a), a->packet);
	do {
		out = replyqueue_take(s->replies, &slot);
		if (out == NULL)
			return 0;
		part = fragments_cut(a->out, len, a->mtu, identification, &offset, out);
		if (part == 0) {
			replyqueue_release(s->replies, slot);
		} else {
			*number = replyqueue_push(s->replies, slot, part, due);
			pieces++;
		}
	} while (part != 0 && len > a->mtu);
	return pieces;
}

/* A reply that was held back follows the one that comes now. */
static void
release_held(struct simulator *s, int64_t due)
{
	if (!s->holds)
		return;
	if (due < s->held_due)
		due = s->held_due;
	replyqueue_hasten(s->replies, s->held, due + 1);
	s->holds = false;
}

/* Queues an answer and its duplicates. */
static enum simulator_result
queue_answer(struct simulator *s, const struct answer *a, size_t len)
{
	const struct topology_options *o = &a->node->options;
	int64_t due = a->now + a->walk->rtt + extra_delay(s, o);
	bool hold =
	    !s->holds && len <= a->mtu && network_chance(s->network, o->reordered);
	uint64_t number;

	if (queue_once(s, a, len, hold ? due + REORDER_WAIT : due, &number) == 0)
		return SIMULATOR_FULL;
	s->counts.replies++;
	if (hold) {
		s->counts.reordered++;
		s->held = number;
		s->held_due = due;
	} else {
		release_held(s, due);
	}
	s->holds = hold;
	if (!network_chance(s->network, o->duplicates))
		return SIMULATOR_ANSWERED;
	for (uint32_t i = 0; i < o->copies; i++) {
		due = a->now + a->walk->rtt + extra_delay(s, o);
		s->counts.duplicates += queue_once(s, a, len, due, &number) != 0;
	}
	return SIMULATOR_ANSWERED;
}

/* Whether the router has a token for the answer, if it needs one. */
static bool
may_send(struct simulator *s, const struct answer *a)
{
	if (a->node->options.rate_of == TOPOLOGY_RATE_OF_ERRORS && !a->error)
		return true;
	return simrouters_may_send(s->routers, node_of(a), a->now);
}

/* Whether a firewall on the way back drops the answer that was written. */
static bool
answer_is_dropped(const struct simulator *s, const struct answer *a)
{
	bool v4 = a->out[0] >> 4 == 4;

	return network_reply_dropped(
	    s->network, a->walk, a->out[v4 ? 9 : 6], a->out[v4 ? IPV4_LEN : IPV6_LEN]);
}

/* The answer passes the NATs that its packet passed, the last one first. */
static void
translate_back(const struct answer *a, size_t len)
{
	const struct simnat_answer back = {
	    .bytes = a->out,
	    .len = len,
	    .error = a->error,
	    .quoted = a->quoted,
	    .quoted_transport = a->packet->transport,
	};

	for (size_t i = a->walk->nats_count; i-- > 0;)
		simnat_back(&back, a->walk->nats[i], &a->views[i], &a->views[i + 1]);
}

/*
 * Flips bits of one byte of an answer. With right checksums it is one that they cover
 * and that is not needed to bring the answer home: behind the ports of TCP and the
 * whole header of UDP and ICMP.
 */
static void
alter(struct simulator *s, const struct answer *a, size_t len, bool sealed)
{
	bool v4 = a->out[0] >> 4 == 4;
	size_t from = v4 ? IPV4_LEN : IPV6_LEN;
	uint8_t flip = (uint8_t)(1 + network_random_below(s->network, 255));

	if (sealed)
		from += a->out[v4 ? 9 : 6] == IPPROTO_TCP ? 4 : 8;
	if (from >= len)
		return;
	a->out[from + network_random_below(s->network, len - from)] ^= flip;
	if (sealed)
		simreply_seal(a->out, len);
}

static enum simulator_result
answer_packet(struct simulator *s, struct answer *a)
{
	const struct topology_options *o;
	size_t len;

	if (a->walk->outcome == NETWORK_DELIVERED && a->packet->bad_checksum)
		return SIMULATOR_DROPPED;
	a->node = &s->t->nodes[a->walk->nodes[a->walk->count - 1]];
	if (!answer_header(a))
		return SIMULATOR_SILENT;
	o = &a->node->options;
	a->out = s->scratch;
	a->mtu = s->t->mtu;
	len = answer_write(s, a);
	if (len == 0)
		return SIMULATOR_SILENT;
	if (!may_send(s, a))
		return SIMULATOR_LIMITED;
	if (a->packet->src.family == AF_INET)
		simreply_identify(a->out, (uint16_t)simrouters_identification(
					      s->routers, node_of(a), a->packet));
	if (answer_is_dropped(s, a))
		return SIMULATOR_FILTERED;
	if (network_chance(s->network, o->loss) ||
	    network_reply_lost(s->network, a->walk))
		return SIMULATOR_LOST;
	if (network_chance(s->network, o->altered))
		alter(s, a, len, true);
	translate_back(a, len);
	if (network_chance(s->network, o->corrupted))
		alter(s, a, len, false);
	return queue_answer(s, a, len);
}

/* Answers a packet as the NATs on its way made it. */
static enum simulator_result
answer_translated(struct simulator *s, struct answer *a)
{
	struct simpacket translated;

	for (size_t i = 0; i < a->walk->nats_count; i++) {
		a->views[i + 1] = a->views[i];
		network_translate(a->walk->nats[i], &a->views[i + 1]);
	}
	if (a->walk->nats_count == 0)
		return answer_packet(s, a);
	simnat_forward(s->translated, a->packet, &a->views[a->walk->nats_count]);
	if (simpacket_parse(&translated, s->translated, a->packet->len) != 0)
		return SIMULATOR_MALFORMED;
	a->packet = &translated;
	return answer_packet(s, a);
}

/* What the network is told of a packet. */
static struct network_packet
packet_view(const struct simpacket *p, int64_t now)
{
	return (struct network_packet){
	    .now = now,
	    .src = p->src,
	    .dst = p->dst,
	    .protocol = p->protocol,
	    .ttl = p->ttl,
	    .tos = p->tos,
	    .may_fragment = !p->dont_fragment,
	    .has_transport = p->has_transport,
	    .icmp_type = p->icmp_type,
	    .icmp_code = p->icmp_code,
	    .src_port = p->src_port,
	    .dst_port = p->dst_port,
	    .icmp_id = p->icmp_id,
	    .checksum = p->checksum,
	    .flow_label = p->flow_label,
	    .len = p->len,
	};
}

/* A piece that arrived: the packet is answered with its last one. */
static enum simulator_result
answer_fragment(struct simulator *s, struct answer *a)
{
	struct simpacket whole;
	size_t len;
	const uint8_t *bytes = fragments_add(s->fragments, a->packet, &len);

	if (bytes == NULL)
		return SIMULATOR_FRAGMENT;
	if (simpacket_parse(&whole, bytes, len) != 0)
		return SIMULATOR_MALFORMED;
	s->counts.bad_checksum += whole.bad_checksum;
	a->packet = &whole;
	a->views[0] = packet_view(&whole, a->now);
	return answer_translated(s, a);
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
}

/* Sends the packet on its walk and answers it. walk->count stays 0 if it goes nowhere.
 */
static enum simulator_result
walk_packet(struct simulator *s, const struct simpacket *p, struct network_walk *walk,
    int64_t now)
{
	struct answer answer;

	walk->count = 0;
	if (is_multicast(&p->dst))
		return SIMULATOR_IGNORED;
	count_oddities(s, p);
	if (p->bad_header_checksum)
		return SIMULATOR_DROPPED;
	/* Not all of it is cleared: views are many bytes, of which most are not used.
	 */
	answer.packet = p;
	answer.walk = walk;
	answer.now = now;
	answer.error = false;
	answer.quoted = 0;
	answer.views[0] = packet_view(p, now);
	if (network_send(s->network, &answer.views[0], walk) != 0)
		return SIMULATOR_FULL;
	s->counts.unknown_destination += walk->asked == NETWORK_NOWHERE;
	if (walk->count == 0)
		return SIMULATOR_IGNORED;
	if (walk->outcome == NETWORK_LOST)
		return SIMULATOR_LOST;
	if (walk->outcome == NETWORK_DROPPED)
		return SIMULATOR_FILTERED;
	if (walk->outcome == NETWORK_DELIVERED && p->fragment)
		return answer_fragment(s, &answer);
	if (simpacket_is_no_question(p))
		return SIMULATOR_IGNORED;
	return answer_translated(s, &answer);
}

void
simulator_receive(struct simulator *s, const uint8_t *bytes, size_t len, int64_t now)
{
	struct network_walk walk;
	struct simpacket packet;
	struct simulator_seen seen = {.now = now, .result = SIMULATOR_MALFORMED};

	if (s->counts.received++ == 0)
		s->counts.first = now;
	s->counts.last = now;
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
