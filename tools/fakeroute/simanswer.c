#include "tools/fakeroute/simanswer.h"

#include <netinet/in.h>

#define TCP_FIRST_SALT 100
/* How far apart the first sequence numbers of connections are, at least. */
#define TCP_FIRST_STEP 64000

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

uint32_t
simanswer_node(const struct simanswer *a)
{
	return a->walk->nodes[a->walk->count - 1];
}

/* The TTL of an answer when it has come home. */
static uint8_t
reply_ttl(const struct simanswer *a, bool error)
{
	uint8_t ttl = a->node->options.reply_ttl[error ? 0 : 1];
	uint8_t hops = a->walk->back_ttl;

	if (ttl == 0)
		ttl = a->node->kind == TOPOLOGY_KIND_TARGET ? 64 : 255;
	return ttl > hops ? (uint8_t)(ttl - hops) : 1;
}

/* Errors come from the node's own address, but for those of a destination. */
static struct addr
error_source(const struct simanswer *a)
{
	uint32_t family = a->packet->src.family;
	const struct addr *other =
	    &a->node->options.errors_from[family == AF_INET ? 0 : 1];

	if (!addr_is_none(other))
		return *other;
	if (a->walk->to == simanswer_node(a))
		return a->packet->dst;
	return topology_node_addr(a->node, family)->addr;
}

static size_t
answer_error(const struct simanswerer *by, struct simanswer *a,
    const struct error_kind *kind, uint32_t word)
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
	error.extension = simextensions_get(
	    by->extensions, simanswer_node(a), family, &error.extension_len);
	a->error = true;
	a->header.src = error_source(a);
	a->header.ttl = reply_ttl(a, true);
	return simreply_error(
	    a->out, a->mtu, &a->header, a->packet, &error, &a->quoted);
}

static size_t
answer_unreachable(const struct simanswerer *by, struct simanswer *a,
    enum topology_unreachable why, uint8_t code)
{
	struct error_kind kind = unreachables[why];
	uint32_t pointer = 0;

	if (why == TOPOLOGY_UNREACHABLE_CODE)
		kind.code[0] = kind.code[1] = code;
	/* RFC 4443 section 3.4: where the next header that is not known stands. */
	if (why == TOPOLOGY_UNREACHABLE_PROTOCOL && a->packet->src.family == AF_INET6)
		pointer = 6;
	return answer_error(by, a, &kind, pointer);
}

static size_t
answer_segment(const struct simanswer *a, const struct simtcp_segment *segment)
{
	if (segment->flags == 0)
		return 0;
	return simreply_tcp(a->out, SIMANSWER_MAX, &a->header, a->packet,
	    segment->flags, segment->sequence, segment->acknowledgment);
}

/* What the rule of a firewall sends; a reset comes as if from the destination. */
static size_t
answer_rejected(const struct simanswerer *by, struct simanswer *a)
{
	const struct topology_rule *rule = a->walk->rule;
	struct simtcp_segment segment;

	if (rule->action == TOPOLOGY_REJECT)
		return answer_unreachable(
		    by, a, rule->unreachable, rule->unreachable_code);
	if (!a->packet->has_transport)
		return 0;
	a->header.src = a->packet->dst;
	simtcp_refuse(a->packet, &segment);
	return answer_segment(a, &segment);
}

/* ---- the destination ------------------------------------------------------------- */

static size_t
answer_icmp(const struct simanswer *a)
{
	const struct simpacket *p = a->packet;
	bool request = p->icmp_type == (p->src.family == AF_INET ? 8 : 128);

	if (!request || a->node->options.icmp_silent)
		return 0;
	return simreply_echo(a->out, SIMANSWER_MAX, &a->header, p);
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
answer_udp(const struct simanswerer *by, struct simanswer *a)
{
	enum topology_udp how = udp_port(&a->node->options, a->packet->dst_port);

	if (how == TOPOLOGY_UDP_ECHO)
		return simreply_udp(a->out, SIMANSWER_MAX, &a->header, a->packet);
	if (how == TOPOLOGY_UDP_SILENT)
		return 0;
	return answer_unreachable(by, a, TOPOLOGY_UNREACHABLE_PORT, 0);
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
answer_tcp(const struct simanswerer *by, const struct simanswer *a)
{
	const struct topology_options *o = &a->node->options;
	const struct simpacket *p = a->packet;
	uint64_t ports = (uint64_t)p->src_port << 16 | p->dst_port;
	uint32_t first = (uint32_t)network_hash(
			     by->network, TCP_FIRST_SALT + ports, p->src.bytes, 16) +
			 (uint32_t)by->turn * TCP_FIRST_STEP;
	struct simtcp_segment segment;

	if (simtcp_receive(
		by->tcp, p, tcp_port(o, p->dst_port), o->tcp_ecn, first, &segment) != 0)
		return 0;
	return answer_segment(a, &segment);
}

static size_t
answer_delivered(const struct simanswerer *by, struct simanswer *a)
{
	const struct simpacket *p = a->packet;

	switch (p->protocol) {
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return answer_udp(by, a);
	case IPPROTO_TCP:
		return answer_tcp(by, a);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (p->has_transport)
			return answer_icmp(a);
		break;
	default:
		break;
	}
	return answer_unreachable(by, a, TOPOLOGY_UNREACHABLE_PROTOCOL, 0);
}

/* ---- all together ---------------------------------------------------------------- */

/* Whom an answer comes from. False when the node cannot answer. */
static bool
answer_header(struct simanswer *a)
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

size_t
simanswer_write(const struct simanswerer *by, struct simanswer *a)
{
	if (!answer_header(a))
		return 0;
	switch (a->walk->outcome) {
	case NETWORK_DELIVERED:
		return answer_delivered(by, a);
	case NETWORK_EXPIRED:
		return answer_error(by, a, &expired, 0);
	case NETWORK_UNREACHABLE:
		return answer_unreachable(by, a, a->node->options.unreachable,
		    a->node->options.unreachable_code);
	case NETWORK_REJECTED:
		return answer_rejected(by, a);
	case NETWORK_NO_ROUTE:
		return answer_unreachable(by, a, TOPOLOGY_UNREACHABLE_NET, 0);
	case NETWORK_TOO_BIG:
		return answer_error(by, a, &too_big, a->node->options.mtu);
	case NETWORK_DROPPED:
	case NETWORK_LOST:
		break;
	}
	return 0;
}
