#include "tools/fakeroute/network.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* The way on from one node towards one destination. */
struct hop {
	uint32_t first; /* into route.links */
	uint32_t count;
	uint64_t weight; /* of all its links */
};

/* All ways to one destination. */
struct route {
	struct hop *hops; /* by node */
	uint32_t *links;
};

/* An entry of the address table: open addressing, power of two. */
struct place {
	struct addr addr;
	uint32_t node;
	bool used;
};

/* The rules of one node: a run of network.rules. */
struct rules {
	uint32_t first, count;
};

struct network {
	const struct topology *t;
	int64_t begun;       /* when the first packet was sent */
	int64_t elapsed;     /* from then until the packet sent last */
	int64_t sent;        /* packets before that one */
	bool running;        /* the first packet was sent */
	struct rules *rules; /* by node */
	const struct topology_rule **rules_sorted; /* by node, then as in the file */
	uint64_t key;                              /* from the seed: of every hash */
	uint64_t random[4];                        /* xoshiro256** */
	uint64_t *node_keys;   /* so that balancers in series choose independently */
	struct route **routes; /* by destination node, made when first asked for */
	uint64_t *walked;      /* by link */
	struct place *places;
	size_t places_room;
};

/* ---- hashes and chance --------------------------------------------------------- */

/* The finalizer of splitmix64 (Steele, Lea, Flood 2014): every bit moves every bit. */
static uint64_t
mix(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static uint64_t
rotate(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

/* xoshiro256** (Blackman, Vigna 2018). */
static uint64_t
random_next(uint64_t s[4])
{
	uint64_t result = rotate(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

/* A 64-bit fraction of bound: as good as exact for the bounds used here. */
static uint64_t
scale(uint64_t fraction, uint64_t bound)
{
	return (uint64_t)((unsigned __int128)fraction * bound >> 64);
}

uint64_t
network_random_below(struct network *n, uint64_t bound)
{
	return scale(random_next(n->random), bound);
}

bool
network_chance(struct network *n, uint32_t millionth)
{
	if (millionth == 0)
		return false;
	return network_random_below(n, TOPOLOGY_CERTAIN) < millionth;
}

uint64_t
network_hash_number(const struct network *n, uint64_t salt, uint64_t value)
{
	return mix(
	    mix(value ^ n->key) + (salt + 1) * UINT64_C(0x9e3779b97f4a7c15) + n->key);
}

uint64_t
network_hash(const struct network *n, uint64_t salt, const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint64_t hash = network_hash_number(n, salt, len);
	uint64_t word;

	for (size_t part; len > 0; bytes += part, len -= part) {
		part = len < sizeof(word) ? len : sizeof(word);
		word = 0;
		memcpy(&word, bytes, part);
		hash = mix(hash ^ word) + n->key;
	}
	return mix(hash);
}

/* ---- making --------------------------------------------------------------------- */

static size_t
place_of(const struct network *n, const struct addr *a)
{
	size_t mask = n->places_room - 1;
	size_t at = (size_t)network_hash(n, 0, a->bytes, sizeof(a->bytes)) & mask;

	while (n->places[at].used && !addr_equal(&n->places[at].addr, a))
		at = (at + 1) & mask;
	return at;
}

/* Enters every whole address; of a shared one the first node in the file has it. */
static int
index_addrs(struct network *n)
{
	const struct topology *t = n->t;
	size_t count = 1;

	for (size_t i = 0; i < t->nodes_count; i++)
		count += t->nodes[i].addrs_count;
	n->places_room = 16;
	while (n->places_room < count * 2)
		n->places_room *= 2;
	n->places = calloc(n->places_room, sizeof(*n->places));
	if (n->places == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->nodes_count; i++)
		for (size_t j = 0; j < t->nodes[i].addrs_count; j++) {
			const struct topology_addr *a = &t->nodes[i].addrs[j];
			struct place *place = &n->places[place_of(n, &a->addr)];

			if (a->prefix == addr_family_len(a->addr.family) * 8 &&
			    !place->used)
				*place = (struct place){a->addr, i, true};
		}
	return 0;
}

static void
seed(struct network *n)
{
	uint64_t state = n->t->seed;

	for (size_t i = 0; i < 4; i++) {
		state += UINT64_C(0x9e3779b97f4a7c15);
		n->random[i] = mix(state);
	}
	n->key = mix(state + UINT64_C(0x9e3779b97f4a7c15));
	for (size_t i = 0; i < n->t->nodes_count; i++) {
		const char *name = n->t->nodes[i].name;

		n->node_keys[i] = network_hash(n, 1, name, strlen(name));
	}
}

/* Sorts the rules by their nodes. */
static void
index_rules(struct network *n)
{
	const struct topology *t = n->t;
	uint32_t at = 0;

	for (size_t i = 0; i < t->rules_count; i++)
		n->rules[t->rules[i].node].count++;
	for (size_t i = 0; i < t->nodes_count; i++) {
		n->rules[i].first = at;
		at += n->rules[i].count;
		n->rules[i].count = 0;
	}
	for (size_t i = 0; i < t->rules_count; i++) {
		struct rules *rules = &n->rules[t->rules[i].node];

		n->rules_sorted[rules->first + rules->count++] = &t->rules[i];
	}
}

struct network *
network_new(const struct topology *t)
{
	struct network *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->t = t;
	n->node_keys = calloc(t->nodes_count, sizeof(*n->node_keys));
	n->routes = calloc(t->nodes_count, sizeof(*n->routes));
	n->walked = calloc(t->links_count + 1, sizeof(*n->walked));
	n->rules = calloc(t->nodes_count, sizeof(*n->rules));
	n->rules_sorted = calloc(t->rules_count + 1, sizeof(*n->rules_sorted));
	if (n->node_keys == NULL || n->routes == NULL || n->walked == NULL ||
	    n->rules == NULL || n->rules_sorted == NULL) {
		network_free(n);
		return NULL;
	}
	seed(n);
	index_rules(n);
	if (index_addrs(n) != 0) {
		network_free(n);
		return NULL;
	}
	return n;
}

static void
route_free(struct route *r)
{
	if (r == NULL)
		return;
	free(r->hops);
	free(r->links);
	free(r);
}

void
network_free(struct network *n)
{
	if (n == NULL)
		return;
	for (size_t i = 0; n->routes != NULL && i < n->t->nodes_count; i++)
		route_free(n->routes[i]);
	free(n->routes);
	free(n->node_keys);
	free(n->walked);
	free(n->rules);
	free(n->rules_sorted);
	free(n->places);
	free(n);
}

const struct topology *
network_topology(const struct network *n)
{
	return n->t;
}

/* ---- routes --------------------------------------------------------------------- */

uint32_t
network_find(const struct network *n, const struct addr *a)
{
	const struct place *place = &n->places[place_of(n, a)];
	uint32_t found = NETWORK_NOWHERE;
	uint8_t longest = 0;

	if (place->used)
		return place->node;
	for (uint32_t i = 0; i < n->t->nodes_count; i++) {
		const struct topology_node *node = &n->t->nodes[i];

		if (node->kind != TOPOLOGY_KIND_TARGET)
			continue;
		for (size_t j = 0; j < node->addrs_count; j++)
			if (node->addrs[j].prefix > longest &&
			    topology_addr_holds(&node->addrs[j], a)) {
				longest = node->addrs[j].prefix;
				found = i;
			}
	}
	return found;
}

/* Marks the nodes from which links lead to `to`. */
static void
mark_leading(const struct topology *t, uint32_t to, bool *leads)
{
	bool changed = true;

	leads[to] = true;
	while (changed) {
		changed = false;
		for (size_t i = t->links_count; i-- > 0;)
			if (leads[t->links[i].to] && !leads[t->links[i].from])
				leads[t->links[i].from] = changed = true;
	}
}

/* Sorts the links that lead to the destination by the node they start from. */
static void
route_fill(const struct topology *t, struct route *r, uint32_t to, const bool *leads)
{
	uint32_t at = 0;

	for (size_t i = 0; i < t->links_count; i++)
		if (leads[t->links[i].to] && t->links[i].from != to) {
			r->hops[t->links[i].from].count++;
			r->hops[t->links[i].from].weight += t->links[i].weight;
		}
	for (size_t i = 0; i < t->nodes_count; i++) {
		r->hops[i].first = at;
		at += r->hops[i].count;
		r->hops[i].count = 0;
	}
	for (uint32_t i = 0; i < t->links_count; i++)
		if (leads[t->links[i].to] && t->links[i].from != to) {
			struct hop *hop = &r->hops[t->links[i].from];

			r->links[hop->first + hop->count++] = i;
		}
}

static struct route *
route_new(const struct topology *t, uint32_t to)
{
	struct route *r = calloc(1, sizeof(*r));
	bool *leads = calloc(t->nodes_count, sizeof(*leads));

	if (r != NULL) {
		r->hops = calloc(t->nodes_count, sizeof(*r->hops));
		r->links = calloc(t->links_count + 1, sizeof(*r->links));
	}
	if (r == NULL || leads == NULL || r->hops == NULL || r->links == NULL) {
		route_free(r);
		free(leads);
		return NULL;
	}
	mark_leading(t, to, leads);
	route_fill(t, r, to, leads);
	free(leads);
	return r;
}

static const struct route *
route_to(struct network *n, uint32_t to)
{
	if (n->routes[to] == NULL)
		n->routes[to] = route_new(n->t, to);
	return n->routes[to];
}

size_t
network_next(struct network *n, uint32_t from, uint32_t to, const uint32_t **links)
{
	const struct route *r = route_to(n, to);

	if (r == NULL)
		return 0;
	*links = r->links + r->hops[from].first;
	return r->hops[from].count;
}

uint64_t
network_link_walked(const struct network *n, uint32_t link)
{
	return n->walked[link];
}

/* ---- rules ---------------------------------------------------------------------- */

static bool
has_begun(const struct network *n, const struct topology_moment *m)
{
	switch (m->kind) {
	case TOPOLOGY_MOMENT_TIME:
		return n->elapsed >= m->value;
	case TOPOLOGY_MOMENT_PACKETS:
		return n->sent >= m->value;
	case TOPOLOGY_MOMENT_NONE:
		break;
	}
	return true;
}

static bool
is_now(const struct network *n, const struct topology_span *span)
{
	return has_begun(n, &span->since) &&
	       (span->until.kind == TOPOLOGY_MOMENT_NONE ||
		   !has_begun(n, &span->until));
}

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

	return is_now(n, &m->span) && matches_protocol(m, p->protocol) &&
	       matches_addr(&m->src, &p->src) && matches_addr(&m->dst, &p->dst) &&
	       matches_number(&m->src_ports, p->has_transport && !icmp, p->src_port) &&
	       matches_number(&m->dst_ports, p->has_transport && !icmp, p->dst_port) &&
	       matches_number(&m->icmp_types, p->has_transport && icmp, p->icmp_type);
}

/* The first rule of a node that filters such a packet, or NULL. */
static const struct topology_rule *
find_filter(const struct network *n, uint32_t node, enum topology_at at,
    const struct network_packet *p)
{
	const struct rules *rules = &n->rules[node];

	for (uint32_t i = 0; i < rules->count; i++) {
		const struct topology_rule *rule = n->rules_sorted[rules->first + i];

		if (rule->at == at && matches(n, rule, p))
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

	for (size_t i = walk->count; i-- > 1;) {
		rule = find_filter(n, walk->nodes[i - 1], TOPOLOGY_AT_RETURN, &reply);
		if (rule != NULL && rule->action == TOPOLOGY_DROP)
			return true;
	}
	return false;
}

/* ---- the walk ------------------------------------------------------------------- */

/* A packet on its way. */
struct walking {
	struct network *n;
	struct network_packet packet;
	uint64_t hashes[TOPOLOGY_FIELDS]; /* once a balancer has asked */
	bool hashed;
	const struct route *route; /* NULL: to nowhere */
	struct network_walk *walk;
};

static void
hash_fields(struct walking *w)
{
	const struct network_packet *p = &w->packet;
	size_t addr_len = addr_family_len(p->src.family);
	const uint64_t values[TOPOLOGY_FIELDS] = {
	    [TOPOLOGY_FIELD_PROTOCOL] = p->protocol,
	    [TOPOLOGY_FIELD_SRC_PORT] = p->src_port,
	    [TOPOLOGY_FIELD_DST_PORT] = p->dst_port,
	    [TOPOLOGY_FIELD_ICMP_TYPE] = (uint64_t)(p->icmp_type << 8 | p->icmp_code),
	    [TOPOLOGY_FIELD_ICMP_CHECKSUM] = p->icmp_checksum,
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
		return random_next(w->n->random);
	if (o->balance == TOPOLOGY_PER_DESTINATION)
		fields = 1 << TOPOLOGY_FIELD_SRC | 1 << TOPOLOGY_FIELD_DST;
	if (!w->hashed)
		hash_fields(w);
	for (size_t i = 0; i < TOPOLOGY_FIELDS; i++)
		if ((fields & UINT32_C(1) << i) != 0)
			hash ^= w->hashes[i];
	return mix(hash);
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
	at = scale(choice(w, from), hop->weight);
	while (i + 1 < hop->count && at >= n->t->links[links[i]].weight)
		at -= n->t->links[links[i++]].weight;
	return links[i];
}

/* Whether the rules of a node let the packet pass; else the walk ends here. */
static bool
passes(struct walking *w, uint32_t node, enum topology_at at)
{
	const struct topology_rule *rule = find_filter(w->n, node, at, &w->packet);

	if (rule == NULL || rule->action == TOPOLOGY_ACCEPT)
		return true;
	w->walk->rule = rule;
	w->walk->outcome =
	    rule->action == TOPOLOGY_DROP ? NETWORK_DROPPED : NETWORK_REJECTED;
	return false;
}

/* What a node that has the packet does with it; true when it goes on. */
static bool
forwards(struct walking *w, uint32_t at)
{
	const struct topology_options *o = &w->n->t->nodes[at].options;
	struct network_walk *walk = w->walk;
	bool refuses = o->unreachable != TOPOLOGY_REACHABLE;
	bool expired = at != walk->to && walk->ttl <= 1;
	bool has_rules = w->n->rules[at].count > 0;

	if (has_rules && !passes(w, at, TOPOLOGY_AT_ARRIVAL))
		return false;
	if (refuses && o->unreachable_on_arrival)
		walk->outcome = NETWORK_UNREACHABLE;
	else if (expired)
		walk->outcome = NETWORK_EXPIRED;
	else if (has_rules && !passes(w, at, TOPOLOGY_AT_FORWARD))
		return false;
	else if (refuses)
		walk->outcome = NETWORK_UNREACHABLE;
	else if (at == walk->to)
		walk->outcome = NETWORK_DELIVERED;
	else if (w->route == NULL || w->route->hops[at].count == 0)
		walk->outcome = NETWORK_NO_ROUTE;
	else if (o->mtu != 0 && w->packet.len > o->mtu && !w->packet.may_fragment)
		walk->outcome = NETWORK_TOO_BIG;
	else
		return true;
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
	walk->rtt += l->rtt >= 0 ? l->rtt : n->t->nodes[l->to].options.rtt;
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
		if (n->t->links[i].from == TOPOLOGY_HOST)
			return i;
	return NETWORK_NOWHERE;
}

static void
note_time(struct network *n, int64_t now)
{
	if (n->running)
		n->sent++;
	else
		n->begun = now;
	n->running = true;
	n->elapsed = now - n->begun;
}

int
network_send(
    struct network *n, const struct network_packet *packet, struct network_walk *walk)
{
	struct walking w = {.n = n, .packet = *packet, .walk = walk};
	uint32_t link, at;

	note_time(n, packet->now);
	walk->count = 0;
	walk->rtt = 0;
	walk->ttl = packet->ttl;
	walk->outcome = NETWORK_NO_ROUTE;
	walk->rule = NULL;
	walk->to = network_find(n, &packet->dst);
	if (walk->to != NETWORK_NOWHERE)
		w.route = route_to(n, walk->to);
	if (w.route == NULL && walk->to != NETWORK_NOWHERE)
		return -ENOMEM;
	link = first_link(&w);
	if (link == NETWORK_NOWHERE)
		return 0;
	while (cross(n, link, walk)) {
		at = walk->nodes[walk->count - 1];
		if (!forwards(&w, at))
			break;
		walk->ttl--;
		link = choose_link(&w, at);
	}
	return 0;
}

bool
network_reply_lost(struct network *n, const struct network_walk *walk)
{
	bool lost = false;

	for (size_t i = 0; i < walk->count && !lost; i++)
		lost = network_chance(n, n->t->links[walk->links[i]].loss);
	return lost;
}
