#include <netinet/in.h>
#include <string.h>

#include "common/checksum.h"
#include "tools/fakeroute/network_parts.h"

/* ---- which rule ------------------------------------------------------------------ */

static bool
matches_protocol(const struct topology_match *m, uint8_t protocol)
{
	for (size_t i = 0; i < m->protocols_count; i++)
		if (m->protocols[i] == protocol)
			return true;
	return m->protocols_count == 0;
}

static bool
matches_addr(const struct topology_addr *wanted, const struct addr *a)
{
	return wanted->addr.family == AF_UNSPEC || topology_addr_holds(wanted, a);
}

/* A list that is there is never matched by a packet that has no such number. */
static bool
matches_number(const struct topology_ranges *wanted, bool has, uint16_t number)
{
	return wanted->count == 0 || (has && topology_ranges_have(wanted, number));
}

static bool
matches(const struct network *n, const struct topology_rule *rule,
    const struct network_packet *p)
{
	const struct topology_match *m = &rule->match;
	bool icmp = p->protocol == IPPROTO_ICMP || p->protocol == IPPROTO_ICMPV6;

	if (rule->addr.family != AF_UNSPEC && rule->addr.family != p->src.family)
		return false;
	return network_is_now(n, &m->span) && matches_protocol(m, p->protocol) &&
	       matches_addr(&m->src, &p->src) && matches_addr(&m->dst, &p->dst) &&
	       matches_number(&m->src_ports, p->has_transport && !icmp, p->src_port) &&
	       matches_number(&m->dst_ports, p->has_transport && !icmp, p->dst_port) &&
	       matches_number(&m->icmp_types, p->has_transport && icmp, p->icmp_type);
}

static enum network_rule_kind
kind_of(const struct topology_rule *rule)
{
	switch (rule->action) {
	case TOPOLOGY_TO:
		return NETWORK_TO;
	case TOPOLOGY_SNAT:
		return NETWORK_SNAT;
	case TOPOLOGY_DNAT:
		return NETWORK_DNAT;
	case TOPOLOGY_ACTION_NONE:
	case TOPOLOGY_ACCEPT:
	case TOPOLOGY_DROP:
	case TOPOLOGY_REJECT:
	case TOPOLOGY_RESET:
		break;
	}
	return NETWORK_FILTER;
}

const struct topology_rule *
network_find_rule(const struct network *n, uint32_t node, enum network_rule_kind kind,
    enum topology_at at, const struct network_packet *p)
{
	const struct rules *rules = &n->rules[node];

	for (uint32_t i = 0; i < rules->count; i++) {
		const struct topology_rule *rule = n->rules_sorted[rules->first + i];

		if (rule->at == at && kind_of(rule) == kind && matches(n, rule, p))
			return rule;
	}
	return NULL;
}

bool
network_reply_dropped(const struct network *n, const struct network_walk *walk,
    uint8_t protocol, uint8_t icmp_type)
{
	struct network_packet reply = {
	    .protocol = protocol, .icmp_type = icmp_type, .has_transport = true};
	const struct topology_rule *rule;

	for (size_t i = walk->back; i-- > 0;) {
		rule = network_find_rule(
		    n, walk->nodes[i], NETWORK_FILTER, TOPOLOGY_AT_RETURN, &reply);
		if (rule != NULL && rule->action == TOPOLOGY_DROP)
			return true;
	}
	return false;
}

/* ---- translation ----------------------------------------------------------------- */

uint16_t
network_checksum(uint16_t checksum, const void *old, const void *new, size_t len)
{
	const uint8_t *bytes = old;
	uint32_t sum = (uint16_t)~checksum;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum = checksum_add_u16(sum, (uint16_t) ~(bytes[i] << 8 | bytes[i + 1]));
	return checksum_finish(checksum_add(sum, new, len));
}

/* Accounts for a change of bytes that the transport checksum covers. */
static void
adjust(struct network_packet *p, const void *old, const void *new, size_t len)
{
	bool udp = p->protocol == IPPROTO_UDP || p->protocol == IPPROTO_UDPLITE;

	if (!p->has_transport || (p->protocol == IPPROTO_UDP && p->checksum == 0))
		return;
	p->checksum = network_checksum(p->checksum, old, new, len);
	if (udp && p->checksum == 0)
		p->checksum = 0xffff;
}

static void
change_addr(struct network_packet *p, struct addr *field, const struct addr *to)
{
	size_t len = addr_family_len(to->family);

	/* The pseudo-header has them, but for ICMP over IPv4. */
	if (p->protocol != IPPROTO_ICMP)
		adjust(p, field->bytes, to->bytes, len);
	*field = *to;
}

static void
change_number(struct network_packet *p, uint16_t *field, uint16_t to)
{
	const uint8_t old[2] = {(uint8_t)(*field >> 8), (uint8_t)*field};
	const uint8_t new[2] = {(uint8_t)(to >> 8), (uint8_t)to};

	adjust(p, old, new, sizeof(old));
	*field = to;
}

/* The number that stands for a flow at the side that a rule changes, or NULL. */
static uint16_t *
number_of(const struct topology_rule *rule, struct network_packet *p)
{
	bool source = rule->action == TOPOLOGY_SNAT;

	switch (p->protocol) {
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_TCP:
		return source ? &p->src_port : &p->dst_port;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return source ? &p->icmp_id : NULL;
	default:
		return NULL;
	}
}

void
network_translate(const struct topology_rule *rule, struct network_packet *p)
{
	uint16_t *number = number_of(rule, p);

	change_addr(p, rule->action == TOPOLOGY_SNAT ? &p->src : &p->dst, &rule->addr);
	if (rule->ports != 0 && number != NULL && p->has_transport)
		change_number(
		    p, number, (uint16_t)(rule->port + *number % rule->ports));
}
