#include "tools/fakeroute/network.h"

#include <errno.h>
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

struct network {
	const struct topology *t;
	uint64_t key;          /* from the seed: of every hash */
	uint64_t random[4];    /* xoshiro256** */
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
	if (n->node_keys == NULL || n->routes == NULL || n->walked == NULL) {
		network_free(n);
		return NULL;
	}
	seed(n);
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
	free(n->places);
	free(n);
}

const struct topology *
network_topology(const struct network *n)
{
	return n->t;
}

/* ---- routes --------------------------------------------------------------------- */

static bool
prefix_holds(const struct topology_addr *prefix, const struct addr *a)
{
	size_t whole = prefix->prefix / 8, bits = prefix->prefix % 8;
	uint8_t mask = (uint8_t)(0xff00 >> bits);

	if (prefix->addr.family != a->family ||
	    memcmp(prefix->addr.bytes, a->bytes, whole) != 0)
		return false;
	return bits == 0 || (a->bytes[whole] & mask) == prefix->addr.bytes[whole];
}

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
			    prefix_holds(&node->addrs[j], a)) {
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

/* ---- the walk ------------------------------------------------------------------- */

/* Where in the weights of a node's links this packet falls, as a 64-bit fraction. */
static uint64_t
choice(struct network *n, uint32_t from, const struct network_packet *packet)
{
	const struct topology_options *o = &n->t->nodes[from].options;
	uint32_t fields = o->hash_fields;
	uint64_t hash = n->node_keys[from];

	if (o->balance == TOPOLOGY_PER_PACKET)
		return random_next(n->random);
	if (o->balance == TOPOLOGY_PER_DESTINATION)
		fields = 1 << TOPOLOGY_FIELD_SRC | 1 << TOPOLOGY_FIELD_DST;
	for (size_t i = 0; i < TOPOLOGY_FIELDS; i++)
		if ((fields & UINT32_C(1) << i) != 0)
			hash ^= packet->hashes[i];
	return mix(hash);
}

static uint32_t
choose_link(struct network *n, const struct route *r, uint32_t from,
    const struct network_packet *packet)
{
	const struct hop *hop = &r->hops[from];
	const uint32_t *links = r->links + hop->first;
	uint64_t at;
	uint32_t i = 0;

	if (hop->count == 1)
		return links[0];
	at = scale(choice(n, from, packet), hop->weight);
	while (i + 1 < hop->count && at >= n->t->links[links[i]].weight)
		at -= n->t->links[links[i++]].weight;
	return links[i];
}

/* What a node that has the packet does with it; true when it goes on. */
static bool
forwards(const struct network *n, const struct route *r, uint32_t at, uint32_t to,
    const struct network_packet *packet, struct network_walk *walk)
{
	const struct topology_options *o = &n->t->nodes[at].options;
	bool refuses = o->unreachable != TOPOLOGY_REACHABLE;

	bool expired = at != to && walk->ttl <= 1;

	if (refuses && (!expired || o->unreachable_on_arrival))
		walk->outcome = NETWORK_UNREACHABLE;
	else if (at == to)
		walk->outcome = NETWORK_DELIVERED;
	else if (expired)
		walk->outcome = NETWORK_EXPIRED;
	else if (r == NULL || r->hops[at].count == 0)
		walk->outcome = NETWORK_NO_ROUTE;
	else if (o->mtu != 0 && packet->len > o->mtu && !packet->may_fragment)
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
first_link(
    struct network *n, const struct route *r, const struct network_packet *packet)
{
	if (r != NULL && r->hops[TOPOLOGY_HOST].count > 0)
		return choose_link(n, r, TOPOLOGY_HOST, packet);
	for (uint32_t i = 0; i < n->t->links_count; i++)
		if (n->t->links[i].from == TOPOLOGY_HOST)
			return i;
	return NETWORK_NOWHERE;
}

int
network_send(
    struct network *n, const struct network_packet *packet, struct network_walk *walk)
{
	uint32_t to = network_find(n, &packet->dst);
	const struct route *r = to == NETWORK_NOWHERE ? NULL : route_to(n, to);
	uint32_t link, at;

	if (r == NULL && to != NETWORK_NOWHERE)
		return -ENOMEM;
	walk->count = 0;
	walk->rtt = 0;
	walk->ttl = packet->ttl;
	walk->outcome = NETWORK_NO_ROUTE;
	link = first_link(n, r, packet);
	if (link == NETWORK_NOWHERE)
		return 0;
	while (cross(n, link, walk)) {
		at = walk->nodes[walk->count - 1];
		if (!forwards(n, r, at, to, packet, walk))
			break;
		walk->ttl--;
		link = choose_link(n, r, at, packet);
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
