#include "algorithms/graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/array.h"
#include "common/hash.h"

/* A place that is known but for the one before it: nobody answers there. */
#define WAITING (GRAPH_NONE - 1)

/* Numbers that grow. */
struct list {
	uint32_t *items;
	uint32_t count;
	uint32_t room;
};

struct vertex_key {
	uint32_t ttl;
	uint32_t
	    before; /* VERTEX_SILENT: whose flows nobody answers; else GRAPH_NONE */
	struct addr addr;
};

/* Its lists are beside what is told of them. */
struct vertex_node {
	struct vertex told;
	struct vertex_key key;
	struct list flows, next, prev;
	UT_hash_handle hh;
};

struct link_key {
	uint32_t from;
	uint32_t to;
};

struct link_node {
	struct link told;
	struct link_key key;
	struct list flows;
	uint32_t number;
	UT_hash_handle hh;
};

/* Where a flow was seen at a hop. */
struct spot {
	uint32_t place;  /* vertex, WAITING or GRAPH_NONE */
	uint32_t latest; /* vertex of its last answer */
};

struct hop {
	struct spot *spots; /* by flow */
	uint32_t room;
	struct list vertices;
};

struct graph {
	uint8_t first_ttl;
	uint8_t max_ttl;
	bool failed;
	struct vertex_node **vertices;
	uint32_t vertices_count, vertices_room;
	struct link_node **links;
	uint32_t links_count, links_room;
	struct vertex_node *by_address;
	struct link_node *by_ends;
	uint8_t *ends; /* by flow: lowest hop whose answer ended its path; 0: none */
	uint32_t ends_room;
	struct hop hops[256]; /* by TTL */
};

/* ---- memory ---- */

/* Makes room for `wanted` items; false, and noted, when there is no memory. */
static bool
reserve(struct graph *g, void *array, uint32_t *room, uint32_t wanted, size_t size)
{
	if (array_reserve(array, room, wanted, size) != 0)
		g->failed = true;
	return wanted <= *room;
}

static bool
list_add(struct graph *g, struct list *l, uint32_t item)
{
	if (!reserve(g, &l->items, &l->room, l->count + 1, sizeof(*l->items)))
		return false;
	l->items[l->count++] = item;
	return true;
}

/* Keeps the order of the others. */
static void
list_remove(struct list *l, uint32_t item)
{
	uint32_t i = 0;

	while (i < l->count && l->items[i] != item)
		i++;
	if (i == l->count)
		return;
	l->count--;
	memmove(&l->items[i], &l->items[i + 1], (l->count - i) * sizeof(*l->items));
}

static void
tell_vertex(struct vertex_node *n)
{
	n->told.flows = n->flows.items;
	n->told.flows_count = n->flows.count;
	n->told.next = n->next.items;
	n->told.next_count = n->next.count;
	n->told.prev = n->prev.items;
	n->told.prev_count = n->prev.count;
}

static void
tell_link(struct link_node *n)
{
	n->told.flows = n->flows.items;
	n->told.flows_count = n->flows.count;
}

/* ---- vertices and links ---- */

static struct vertex_key
key_of(uint8_t ttl, uint32_t before, const struct addr *a)
{
	struct vertex_key key;

	memset(&key, 0, sizeof(key));
	key.ttl = ttl;
	key.before = before;
	if (a != NULL)
		key.addr = *a;
	return key;
}

static uint32_t
vertex_find(const struct graph *g, const struct vertex_key *key)
{
	struct vertex_node *n;

	HASH_FIND(hh, g->by_address, key, sizeof(*key), n);
	return n == NULL ? GRAPH_NONE : n->told.number;
}

/* The vertex of this key, new if need be; GRAPH_NONE: no memory. */
static uint32_t
vertex_get(struct graph *g, const struct vertex_key *key, enum vertex_kind kind)
{
	uint32_t number = vertex_find(g, key);
	struct vertex_node *n;

	if (number != GRAPH_NONE)
		return number;
	if (!reserve(g, &g->vertices, &g->vertices_room, g->vertices_count + 1,
		sizeof(*g->vertices)))
		return GRAPH_NONE;
	n = calloc(1, sizeof(*n));
	if (n == NULL || !list_add(g, &g->hops[key->ttl].vertices, g->vertices_count)) {
		free(n);
		g->failed = true;
		return GRAPH_NONE;
	}
	n->key = *key;
	n->told.number = g->vertices_count;
	n->told.ttl = (uint8_t)key->ttl;
	n->told.kind = (uint8_t)kind;
	n->told.addr = key->addr;
	g->vertices[g->vertices_count++] = n;
	HASH_ADD(hh, g->by_address, key, sizeof(n->key), n);
	return n->told.number;
}

static struct link_node *
link_find(const struct graph *g, uint32_t from, uint32_t to)
{
	struct link_key key = {from, to};
	struct link_node *n;

	/* The key is whole: the analyzer cannot follow its bytes. */
	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
	HASH_FIND(hh, g->by_ends, &key, sizeof(key), n);
	return n;
}

static struct link_node *
link_get(struct graph *g, uint32_t from, uint32_t to)
{
	struct link_node *n = link_find(g, from, to);

	if (n != NULL)
		return n;
	if (!reserve(
		g, &g->links, &g->links_room, g->links_count + 1, sizeof(*g->links)))
		return NULL;
	n = calloc(1, sizeof(*n));
	if (n == NULL) {
		g->failed = true;
		return NULL;
	}
	n->key = (struct link_key){from, to};
	n->told.from = from;
	n->told.to = to;
	n->number = g->links_count;
	g->links[g->links_count++] = n;
	HASH_ADD(hh, g->by_ends, key, sizeof(n->key), n);
	return n;
}

/* A flow was seen at both. */
static void
join(struct graph *g, uint32_t from, uint32_t to, uint32_t flow)
{
	struct link_node *l = link_get(g, from, to);
	struct vertex_node *f = g->vertices[from], *t = g->vertices[to];

	if (l == NULL || !list_add(g, &l->flows, flow))
		return;
	if (l->flows.count == 1) {
		(void)list_add(g, &f->next, l->number);
		(void)list_add(g, &t->prev, l->number);
	}
	f->told.evidence++;
	tell_link(l);
	tell_vertex(f);
	tell_vertex(t);
}

/* It was not, after all. */
static void
part(struct graph *g, uint32_t from, uint32_t to, uint32_t flow)
{
	struct link_node *l = link_find(g, from, to);
	struct vertex_node *f = g->vertices[from], *t = g->vertices[to];

	if (l == NULL)
		return;
	list_remove(&l->flows, flow);
	if (l->flows.count == 0) {
		list_remove(&f->next, l->number);
		list_remove(&t->prev, l->number);
	}
	f->told.evidence--;
	tell_link(l);
	tell_vertex(f);
	tell_vertex(t);
}

/* ---- places ---- */

/* What is noted of a flow at a hop, or NULL. */
static struct spot *
spot_find(const struct graph *g, uint32_t flow, unsigned int ttl)
{
	if (ttl < g->first_ttl || ttl > g->max_ttl || flow >= g->hops[ttl].room)
		return NULL;
	return &g->hops[ttl].spots[flow];
}

static struct spot *
spot_get(struct graph *g, uint32_t flow, uint8_t ttl)
{
	struct hop *h = &g->hops[ttl];
	uint32_t before = h->room;

	if (!reserve(g, &h->spots, &h->room, flow + 1, sizeof(*h->spots)))
		return NULL;
	for (uint32_t f = before; f < h->room; f++)
		h->spots[f] = (struct spot){GRAPH_NONE, GRAPH_NONE};
	return &h->spots[flow];
}

static uint32_t
place_of(const struct graph *g, uint32_t flow, unsigned int ttl)
{
	const struct spot *s = spot_find(g, flow, ttl);

	if (ttl < g->first_ttl)
		return GRAPH_SOURCE;
	return s == NULL || s->place == WAITING ? GRAPH_NONE : s->place;
}

static void
put(struct graph *g, uint32_t flow, uint8_t ttl, uint32_t vertex)
{
	struct vertex_node *n = g->vertices[vertex];
	uint32_t before = place_of(g, flow, ttl - 1U);
	uint32_t behind = place_of(g, flow, ttl + 1U);

	if (!list_add(g, &n->flows, flow))
		return;
	tell_vertex(n);
	spot_find(g, flow, ttl)->place = vertex;
	if (before == GRAPH_SOURCE && list_add(g, &g->vertices[0]->flows, flow))
		tell_vertex(g->vertices[0]);
	if (before != GRAPH_NONE)
		join(g, before, vertex, flow);
	if (behind != GRAPH_NONE)
		join(g, vertex, behind, flow);
}

/*
 * A flow's place is known, and with it that of the silent hops behind it, which are
 * told apart by it.
 */
static void
put_all(struct graph *g, uint32_t flow, uint8_t ttl, uint32_t vertex)
{
	for (;;) {
		struct spot *next = spot_find(g, flow, ttl + 1U);
		struct vertex_key key = key_of((uint8_t)(ttl + 1), vertex, NULL);

		put(g, flow, ttl, vertex);
		if (next == NULL || next->place != WAITING)
			return;
		vertex = vertex_get(g, &key, VERTEX_SILENT);
		if (vertex == GRAPH_NONE)
			return;
		ttl++;
	}
}

/* Takes a flow from its place, which then is to be known anew. */
static void
take(struct graph *g, uint32_t flow, uint8_t ttl)
{
	struct spot *s = spot_find(g, flow, ttl);
	uint32_t before = place_of(g, flow, ttl - 1U);
	uint32_t behind = place_of(g, flow, ttl + 1U);
	struct vertex_node *n = g->vertices[s->place];

	if (before == GRAPH_SOURCE) {
		list_remove(&g->vertices[0]->flows, flow);
		tell_vertex(g->vertices[0]);
	}
	if (before != GRAPH_NONE)
		part(g, before, s->place, flow);
	if (behind != GRAPH_NONE)
		part(g, s->place, behind, flow);
	list_remove(&n->flows, flow);
	tell_vertex(n);
	s->place = n->told.kind == VERTEX_SILENT ? WAITING : GRAPH_NONE;
}

/* Takes it from here and from the silent hops behind, from the last one on. */
static void
take_all(struct graph *g, uint32_t flow, uint8_t ttl)
{
	unsigned int last = ttl;
	uint32_t vertex;

	while ((vertex = place_of(g, flow, last + 1)) != GRAPH_NONE &&
	       g->vertices[vertex]->told.kind == VERTEX_SILENT)
		last++;
	for (; last >= ttl; last--)
		take(g, flow, (uint8_t)last);
}

/* An answer ended the flow's path: nothing is behind it. */
static void
cut(struct graph *g, uint32_t flow, uint8_t ttl)
{
	if (!reserve(g, &g->ends, &g->ends_room, flow + 1, sizeof(*g->ends)))
		return;
	if (g->ends[flow] != 0 && g->ends[flow] <= ttl)
		return;
	g->ends[flow] = ttl;
	for (unsigned int behind = g->max_ttl; behind > ttl; behind--) {
		struct spot *s = spot_find(g, flow, behind);

		if (s != NULL && s->place != GRAPH_NONE && s->place != WAITING)
			take(g, flow, (uint8_t)behind);
		if (s != NULL)
			s->place = GRAPH_NONE;
	}
}

uint8_t
graph_end(const struct graph *g, uint32_t flow)
{
	return flow < g->ends_room ? g->ends[flow] : 0;
}

static bool
is_valid(const struct graph *g, uint32_t flow, uint8_t ttl)
{
	return flow < GRAPH_FLOWS_MAX && ttl >= g->first_ttl && ttl <= g->max_ttl &&
	       (graph_end(g, flow) == 0 || ttl <= graph_end(g, flow));
}

/* ---- what is seen ---- */

/* A flow that has a place was answered once more. */
static void
note_repeat(struct graph *g, struct spot *s, uint32_t before, uint32_t vertex)
{
	if (before != GRAPH_NONE) {
		g->vertices[before]->told.repeats++;
		g->vertices[before]->told.changes += s->latest != vertex;
	}
	s->latest = vertex;
}

uint32_t
graph_answer(struct graph *g, uint32_t flow, uint8_t ttl, const struct addr *from,
    enum vertex_kind kind, bool reached)
{
	struct vertex_key key = key_of(ttl, GRAPH_NONE, from);
	struct vertex *told;
	struct spot *s;
	uint32_t vertex;

	if (!is_valid(g, flow, ttl))
		return GRAPH_NONE;
	s = spot_get(g, flow, ttl);
	vertex = s == NULL ? GRAPH_NONE : vertex_get(g, &key, kind);
	if (vertex == GRAPH_NONE)
		return GRAPH_NONE;
	told = &g->vertices[vertex]->told;
	if (kind == VERTEX_ROUTER)
		told->kind = VERTEX_ROUTER; /* whatever else it said: it goes on */
	told->reached = told->reached || reached;
	if (s->latest != GRAPH_NONE) {
		note_repeat(g, s, place_of(g, flow, ttl - 1U), vertex);
		return vertex;
	}
	s->latest = vertex;
	if (s->place != GRAPH_NONE && s->place != WAITING)
		take_all(g, flow, ttl);
	put_all(g, flow, ttl, vertex);
	if (kind == VERTEX_END)
		cut(g, flow, ttl);
	return vertex;
}

int
graph_silent(struct graph *g, uint32_t flow, uint8_t ttl)
{
	struct vertex_key key;
	struct spot *s;
	uint32_t before, vertex;

	if (!is_valid(g, flow, ttl))
		return 0;
	s = spot_get(g, flow, ttl);
	if (s == NULL)
		return -ENOMEM;
	if (s->place != GRAPH_NONE)
		return 0;
	s->place = WAITING;
	before = place_of(g, flow, ttl - 1U);
	if (before == GRAPH_NONE)
		return 0;
	key = key_of(ttl, before, NULL);
	vertex = vertex_get(g, &key, VERTEX_SILENT);
	if (vertex != GRAPH_NONE)
		put_all(g, flow, ttl, vertex);
	return g->failed ? -ENOMEM : 0;
}

/* ---- questions ---- */

bool
graph_failed(const struct graph *g)
{
	return g->failed;
}

uint32_t
graph_place(const struct graph *g, uint32_t flow, uint8_t ttl)
{
	return place_of(g, flow, ttl);
}

uint32_t
graph_vertices(const struct graph *g)
{
	return g->vertices_count;
}

const struct vertex *
graph_vertex(const struct graph *g, uint32_t vertex)
{
	return &g->vertices[vertex]->told;
}

uint32_t
graph_links(const struct graph *g)
{
	return g->links_count;
}

const struct link *
graph_link(const struct graph *g, uint32_t link)
{
	return &g->links[link]->told;
}

const uint32_t *
graph_hop(const struct graph *g, uint8_t ttl, uint32_t *count)
{
	*count = g->hops[ttl].vertices.count;
	return g->hops[ttl].vertices.items;
}

uint32_t
graph_find(const struct graph *g, uint8_t ttl, const struct addr *a)
{
	struct vertex_key key = key_of(ttl, GRAPH_NONE, a);

	return vertex_find(g, &key);
}

enum graph_balancer
graph_balancer(const struct vertex *v)
{
	if (v->changes > 1)
		return BALANCER_PACKET;
	if (v->changes == 1)
		return BALANCER_CHANGED;
	if (v->next_count < 2)
		return BALANCER_NONE;
	return v->repeats > 0 ? BALANCER_FLOW : BALANCER_UNTESTED;
}

/* ---- making and unmaking ---- */

struct graph *
graph_new(uint8_t first_ttl, uint8_t max_ttl)
{
	struct graph *g = calloc(1, sizeof(*g));
	struct vertex_key key = key_of((uint8_t)(first_ttl - 1), GRAPH_NONE, NULL);

	if (g == NULL)
		return NULL;
	g->first_ttl = first_ttl;
	g->max_ttl = max_ttl;
	if (vertex_get(g, &key, VERTEX_SOURCE) == GRAPH_NONE) {
		graph_free(g);
		return NULL;
	}
	return g;
}

void
graph_free(struct graph *g)
{
	if (g == NULL)
		return;
	HASH_CLEAR(hh, g->by_address);
	HASH_CLEAR(hh, g->by_ends);
	for (uint32_t i = 0; i < g->vertices_count; i++) {
		free(g->vertices[i]->flows.items);
		free(g->vertices[i]->next.items);
		free(g->vertices[i]->prev.items);
		free(g->vertices[i]);
	}
	for (uint32_t i = 0; i < g->links_count; i++) {
		free(g->links[i]->flows.items);
		free(g->links[i]);
	}
	for (size_t ttl = 0; ttl < 256; ttl++) {
		free(g->hops[ttl].spots);
		free(g->hops[ttl].vertices.items);
	}
	free(g->vertices);
	free(g->links);
	free(g->ends);
	free(g);
}
