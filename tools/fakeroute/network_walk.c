#include <errno.h>
#include <netinet/in.h>

#include "tools/fakeroute/network_parts.h"

/* ---- the walk ------------------------------------------------------------------- */

/* A packet on its way. */
struct walking {
	struct network *n;
	struct network_packet packet;
	uint64_t hashes[TOPOLOGY_FIELDS]; /* once a balancer has asked */
	bool hashed;
	const struct route *route; /* NULL: to nowhere */
	uint32_t link;             /* the one it goes on by */
	int error;
	struct network_walk *walk;
};

static void
hash_fields(struct walking *w)
{
	const struct network_packet *p = &w->packet;
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
		w->hashes[i] = network_hash_number(w->n, i, values[i]);
	w->hashes[TOPOLOGY_FIELD_SRC] =
	    network_hash(w->n, TOPOLOGY_FIELD_SRC, p->src.bytes, addr_len);
	w->hashes[TOPOLOGY_FIELD_DST] =
	    network_hash(w->n, TOPOLOGY_FIELD_DST, p->dst.bytes, addr_len);
	w->hashed = true;
}

/* Where in the weights of a node's links this packet falls, as a 64-bit fraction. */
static uint64_t
choice(struct walking *w, uint32_t from)
{
	const struct topology_options *o = &w->n->t->nodes[from].options;
	uint32_t fields = o->hash_fields;
	uint64_t hash = w->n->node_keys[from];

	if (o->balance == TOPOLOGY_PER_PACKET)
		return network_random(w->n);
	if (o->balance == TOPOLOGY_PER_DESTINATION)
		fields = 1 << TOPOLOGY_FIELD_SRC | 1 << TOPOLOGY_FIELD_DST;
	if (!w->hashed)
		hash_fields(w);
	for (size_t i = 0; i < TOPOLOGY_FIELDS; i++)
		if ((fields & UINT32_C(1) << i) != 0)
			hash ^= w->hashes[i];
	return network_mix(hash);
}

static uint32_t
choose_link(struct walking *w, uint32_t from)
{
	const struct network *n = w->n;
	const struct hop *hop = &w->route->hops[from];
	const uint32_t *links = w->route->links + hop->first;
	uint64_t at;
	uint32_t i = 0;

	if (hop->count == 1)
		return links[0];
	at = network_scale(choice(w, from), hop->weight);
	while (i + 1 < hop->count && at >= n->t->links[links[i]].weight)
		at -= n->t->links[links[i++]].weight;
	return links[i];
}

/* Where the packet is for; false without memory. */
static bool
find_way(struct walking *w)
{
	w->walk->to = network_find(w->n, &w->packet.dst);
	w->route = NULL;
	if (w->walk->to != NETWORK_NOWHERE) {
		w->route = network_route_to(w->n, w->walk->to);
		if (w->route == NULL)
			w->error = -ENOMEM;
	}
	return w->error == 0;
}

/* Whether the filters of a node let the packet pass; else the walk ends here. */
static bool
passes(struct walking *w, uint32_t node, enum topology_at at)
{
	const struct topology_rule *rule =
	    network_find_rule(w->n, node, NETWORK_FILTER, at, &w->packet);

	if (rule == NULL || rule->action == TOPOLOGY_ACCEPT)
		return true;
	w->walk->rule = rule;
	w->walk->outcome =
	    rule->action == TOPOLOGY_DROP ? NETWORK_DROPPED : NETWORK_REJECTED;
	return false;
}

/* Changes an address of the packet if a rule says so; false when the walk ends here. */
static bool
translate(struct walking *w, uint32_t node, enum network_rule_kind kind)
{
	const struct topology_rule *rule =
	    network_find_rule(w->n, node, kind, TOPOLOGY_AT_FORWARD, &w->packet);

	if (rule == NULL)
		return true;
	if (w->walk->nats_count == NETWORK_NATS_MAX) {
		w->walk->outcome = NETWORK_LOST;
		return false;
	}
	w->walk->nats[w->walk->nats_count++] = rule;
	network_translate(rule, &w->packet);
	w->hashed = false;
	return kind == NETWORK_SNAT || find_way(w);
}

/* Finds the link that the packet goes on by; false when there is none. */
static bool
find_link(struct walking *w, uint32_t at, bool has_rules)
{
	const struct topology_rule *rule = NULL;

	if (has_rules)
		rule = network_find_rule(
		    w->n, at, NETWORK_TO, TOPOLOGY_AT_FORWARD, &w->packet);
	if (rule != NULL)
		w->link = rule->link;
	else if (w->route != NULL && w->route->hops[at].count > 0)
		w->link = choose_link(w, at);
	else
		return false;
	return true;
}

/* Whether the TTL lets a node that is not the destination forward the packet. */
static bool
ttl_is_fine(const struct topology_options *o, uint8_t ttl)
{
	switch (o->ttl) {
	case TOPOLOGY_TTL_KEEP:
		return true;
	case TOPOLOGY_TTL_ZERO:
		return ttl > 0;
	case TOPOLOGY_TTL_NORMAL:
		break;
	}
	return ttl > 1;
}

/* What a node does before it knows where the packet goes; true when that matters. */
static bool
receives(struct walking *w, uint32_t at, bool has_rules)
{
	const struct topology_options *o = &w->n->t->nodes[at].options;
	struct network_walk *walk = w->walk;

	if (has_rules && !passes(w, at, TOPOLOGY_AT_ARRIVAL))
		return false;
	if (o->unreachable != TOPOLOGY_REACHABLE && o->unreachable_on_arrival) {
		walk->outcome = NETWORK_UNREACHABLE;
		return false;
	}
	if (has_rules && !translate(w, at, NETWORK_DNAT))
		return false;
	if (at != walk->to && !ttl_is_fine(o, walk->ttl)) {
		walk->outcome = NETWORK_EXPIRED;
		return false;
	}
	return !has_rules || passes(w, at, TOPOLOGY_AT_FORWARD);
}

/* What a node that has the packet does with it; true when it goes on. */
static bool
forwards(struct walking *w, uint32_t at)
{
	const struct topology_options *o = &w->n->t->nodes[at].options;
	struct network_walk *walk = w->walk;
	bool has_rules = w->n->rules[at].count > 0;

	if (!receives(w, at, has_rules))
		return false;
	if (o->unreachable != TOPOLOGY_REACHABLE)
		walk->outcome = NETWORK_UNREACHABLE;
	else if (at == walk->to)
		walk->outcome = NETWORK_DELIVERED;
	else if (!find_link(w, at, has_rules))
		walk->outcome = NETWORK_NO_ROUTE;
	else if (o->mtu != 0 && w->packet.len > o->mtu && !w->packet.may_fragment)
		walk->outcome = NETWORK_TOO_BIG;
	else
		return !has_rules || translate(w, at, NETWORK_SNAT);
	return false;
}

/* Moves the packet over a link; false when the link loses it. */
static bool
cross(struct network *n, uint32_t link, struct network_walk *walk)
{
	const struct topology_link *l = &n->t->links[link];

	if (walk->count == NETWORK_WALK_MAX) {
		walk->outcome = NETWORK_LOST;
		return false;
	}
	n->walked[link]++;
	walk->links[walk->count] = link;
	walk->nodes[walk->count++] = l->to;
	if (!network_chance(n, l->loss))
		return true;
	walk->outcome = NETWORK_LOST;
	return false;
}

/* A packet to an unknown address still gets to the host's first router. */
static uint32_t
first_link(struct walking *w)
{
	const struct network *n = w->n;

	if (w->route != NULL && w->route->hops[TOPOLOGY_HOST].count > 0)
		return choose_link(w, TOPOLOGY_HOST);
	for (uint32_t i = 0; i < n->t->links_count; i++)
		if (n->there[i] && n->t->links[i].from == TOPOLOGY_HOST)
			return i;
	return NETWORK_NOWHERE;
}

/* The time on a link, there and back. */
static int64_t
link_rtt(const struct network *n, uint32_t link)
{
	const struct topology_link *l = &n->t->links[link];

	return l->rtt >= 0 ? l->rtt : n->t->nodes[l->to].options.rtt;
}

/*
 * The way back: straight from where the last node was first met, so that a loop is
 * walked there but not back.
 */
static void
find_way_back(const struct network *n, struct network_walk *walk)
{
	uint32_t last = walk->nodes[walk->count - 1];
	size_t back = n->rules_lead ? 0 : walk->count - 1;

	while (walk->nodes[back] != last)
		back++;
	walk->back = back;
	walk->back_ttl = 0;
	walk->rtt = 0;
	for (size_t i = 0; i < walk->count; i++)
		walk->rtt += link_rtt(n, walk->links[i]) / (i > back ? 2 : 1);
	for (size_t i = 0; i < back; i++)
		if (n->t->nodes[walk->nodes[i]].options.ttl != TOPOLOGY_TTL_KEEP)
			walk->back_ttl++;
}

int
network_send(
    struct network *n, const struct network_packet *packet, struct network_walk *walk)
{
	struct walking w = {.n = n, .packet = *packet, .walk = walk};
	uint32_t at;

	network_note_time(n, packet->now);
	walk->count = walk->back = walk->nats_count = 0;
	walk->rtt = 0;
	walk->ttl = packet->ttl;
	walk->outcome = NETWORK_NO_ROUTE;
	walk->rule = NULL;
	if (!find_way(&w))
		return w.error;
	walk->asked = walk->to;
	w.link = first_link(&w);
	if (w.link == NETWORK_NOWHERE)
		return 0;
	while (cross(n, w.link, walk)) {
		at = walk->nodes[walk->count - 1];
		if (!forwards(&w, at))
			break;
		if (n->t->nodes[at].options.ttl != TOPOLOGY_TTL_KEEP)
			walk->ttl--;
	}
	if (walk->count > 0)
		find_way_back(n, walk);
	return w.error;
}

bool
network_reply_lost(struct network *n, const struct network_walk *walk)
{
	bool lost = false;

	for (size_t i = 0; i <= walk->back && !lost; i++)
		lost = network_chance(n, n->t->links[walk->links[i]].loss);
	return lost;
}
