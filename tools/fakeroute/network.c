#include "tools/fakeroute/network_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- hashes and chance --------------------------------------------------------- */

/* The finalizer of splitmix64 (Steele, Lea, Flood 2014): every bit moves every bit. */
uint64_t
network_mix(uint64_t x)
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
uint64_t
network_scale(uint64_t fraction, uint64_t bound)
{
	return (uint64_t)((unsigned __int128)fraction * bound >> 64);
}

uint64_t
network_random(struct network *n)
{
	return random_next(n->random);
}

uint64_t
network_random_below(struct network *n, uint64_t bound)
{
	return network_scale(random_next(n->random), bound);
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
	return network_mix(network_mix(value ^ n->key) +
			   (salt + 1) * UINT64_C(0x9e3779b97f4a7c15) + n->key);
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
		hash = network_mix(hash ^ word) + n->key;
	}
	return network_mix(hash);
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

static bool
is_whole(const struct topology_addr *a)
{
	return a->prefix == addr_family_len(a->addr.family) * 8;
}

/* The longest first; of two as long, the one that stands first in the file. */
static int
compare_prefixes(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;

	if (x->addr->prefix != y->addr->prefix)
		return x->addr->prefix > y->addr->prefix ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

/* Enters every address; of a shared one the first node in the file has it. */
static void
enter_addrs(struct network *n)
{
	for (uint32_t i = 0; i < n->t->nodes_count; i++)
		for (size_t j = 0; j < n->t->nodes[i].addrs_count; j++) {
			const struct topology_addr *a = &n->t->nodes[i].addrs[j];
			struct place *place = &n->places[place_of(n, &a->addr)];

			if (!is_whole(a))
				n->prefixes[n->prefixes_count++] =
				    (struct prefix){a, i};
			else if (!place->used)
				*place = (struct place){a->addr, i, true};
		}
	qsort(n->prefixes, n->prefixes_count, sizeof(*n->prefixes), compare_prefixes);
}

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
	n->prefixes = calloc(count, sizeof(*n->prefixes));
	if (n->places == NULL || n->prefixes == NULL)
		return -ENOMEM;
	enter_addrs(n);
	return 0;
}

static void
seed(struct network *n)
{
	uint64_t state = n->t->seed;

	for (size_t i = 0; i < 4; i++) {
		state += UINT64_C(0x9e3779b97f4a7c15);
		n->random[i] = network_mix(state);
	}
	n->key = network_mix(state + UINT64_C(0x9e3779b97f4a7c15));
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
		n->rules_lead = n->rules_lead || t->rules[i].action == TOPOLOGY_TO;
	}
}

static void change_links(struct network *n);

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
	n->there = calloc(t->links_count + 1, sizeof(*n->there));
	n->rules = calloc(t->nodes_count, sizeof(*n->rules));
	n->rules_sorted = calloc(t->rules_count + 1, sizeof(*n->rules_sorted));
	if (n->node_keys == NULL || n->routes == NULL || n->walked == NULL ||
	    n->there == NULL || n->rules == NULL || n->rules_sorted == NULL) {
		network_free(n);
		return NULL;
	}
	seed(n);
	index_rules(n);
	change_links(n);
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
	free(n->there);
	free(n->rules);
	free(n->rules_sorted);
	free(n->places);
	free(n->prefixes);
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

	if (place->used)
		return place->node;
	for (size_t i = 0; i < n->prefixes_count; i++)
		if (topology_addr_holds(n->prefixes[i].addr, a))
			return n->prefixes[i].node;
	return NETWORK_NOWHERE;
}

/* Marks the nodes from which links lead to `to`. */
static void
mark_leading(const struct network *n, uint32_t to, bool *leads)
{
	const struct topology *t = n->t;
	bool changed = true;

	leads[to] = true;
	while (changed) {
		changed = false;
		for (size_t i = t->links_count; i-- > 0;)
			if (n->there[i] && leads[t->links[i].to] &&
			    !leads[t->links[i].from])
				leads[t->links[i].from] = changed = true;
	}
}

/* Sorts the links that lead to the destination by the node they start from. */
static void
route_fill(const struct network *n, struct route *r, uint32_t to, const bool *leads)
{
	const struct topology *t = n->t;
	uint32_t at = 0;

	for (size_t i = 0; i < t->links_count; i++)
		if (n->there[i] && leads[t->links[i].to] && t->links[i].from != to) {
			r->hops[t->links[i].from].count++;
			r->hops[t->links[i].from].weight += t->links[i].weight;
		}
	for (size_t i = 0; i < t->nodes_count; i++) {
		r->hops[i].first = at;
		at += r->hops[i].count;
		r->hops[i].count = 0;
	}
	for (uint32_t i = 0; i < t->links_count; i++)
		if (n->there[i] && leads[t->links[i].to] && t->links[i].from != to) {
			struct hop *hop = &r->hops[t->links[i].from];

			r->links[hop->first + hop->count++] = i;
		}
}

static struct route *
route_new(const struct network *n, uint32_t to)
{
	const struct topology *t = n->t;
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
	mark_leading(n, to, leads);
	route_fill(n, r, to, leads);
	free(leads);
	return r;
}

const struct route *
network_route_to(struct network *n, uint32_t to)
{
	if (n->routes[to] == NULL)
		n->routes[to] = route_new(n, to);
	return n->routes[to];
}

static void
forget_routes(struct network *n)
{
	for (size_t i = 0; i < n->t->nodes_count; i++) {
		route_free(n->routes[i]);
		n->routes[i] = NULL;
	}
}

size_t
network_next(struct network *n, uint32_t from, uint32_t to, const uint32_t **links)
{
	const struct route *r = network_route_to(n, to);

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

/* ---- changes in time ------------------------------------------------------------- */

static bool
has_come(const struct network *n, const struct topology_moment *m)
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

bool
network_is_now(const struct network *n, const struct topology_span *span)
{
	return has_come(n, &span->since) &&
	       (span->until.kind == TOPOLOGY_MOMENT_NONE || !has_come(n, &span->until));
}

/* Notes a moment to come, if it comes before those known. */
static void
note_change(struct network *n, const struct topology_moment *m)
{
	if (m->kind == TOPOLOGY_MOMENT_NONE || has_come(n, m))
		return;
	if (m->kind == TOPOLOGY_MOMENT_TIME && m->value < n->change_time)
		n->change_time = m->value;
	if (m->kind == TOPOLOGY_MOMENT_PACKETS && m->value < n->change_packets)
		n->change_packets = m->value;
}

/* Looks at the links again: which are there, and when the next look is due. */
static void
change_links(struct network *n)
{
	n->change_time = n->change_packets = INT64_MAX;
	for (size_t i = 0; i < n->t->links_count; i++) {
		const struct topology_link *l = &n->t->links[i];

		n->there[i] = l->weight > 0 && network_is_now(n, &l->span);
		note_change(n, &l->span.since);
		note_change(n, &l->span.until);
	}
	forget_routes(n);
}

void
network_note_time(struct network *n, int64_t now)
{
	bool begins = !n->running;

	if (begins)
		n->begun = now;
	else
		n->sent++;
	n->running = true;
	n->elapsed = now - n->begun;
	if (begins || n->elapsed >= n->change_time || n->sent >= n->change_packets)
		change_links(n);
}

int64_t
network_elapsed(const struct network *n)
{
	return n->elapsed;
}

void
network_show_all(struct network *n)
{
	for (size_t i = 0; i < n->t->links_count; i++)
		n->there[i] = n->t->links[i].weight > 0;
	forget_routes(n);
}
