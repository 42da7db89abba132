#include "tools/mda/rare.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A vertex and its address, for sorting. */
struct place {
	struct addr addr;
	uint8_t ttl;
	uint32_t vertex;
};

static int
compare_places(const void *a, const void *b)
{
	const struct place *x = a;
	const struct place *y = b;
	int order = memcmp(&x->addr, &y->addr, sizeof(x->addr));

	return order != 0 ? order : (x->ttl > y->ttl) - (x->ttl < y->ttl);
}

/* Whether some flow saw both. marks: one for each flow, all false, and left so. */
static bool
share_flow(const struct vertex *a, const struct vertex *b, bool *marks)
{
	bool shared = false;

	for (uint32_t i = 0; i < a->flows_count; i++)
		marks[a->flows[i]] = true;
	for (uint32_t i = 0; i < b->flows_count && !shared; i++)
		shared = marks[b->flows[i]];
	for (uint32_t i = 0; i < a->flows_count; i++)
		marks[a->flows[i]] = false;
	return shared;
}

/*
 * Whether links lead from one vertex to another, at a higher hop. marks: one for each
 * vertex, all false, and left so.
 */
static bool
leads_to(const struct graph *g, uint32_t from, uint32_t to, bool *marks)
{
	uint8_t last = graph_vertex(g, to)->ttl;
	bool found = false;

	marks[from] = true;
	for (int ttl = graph_vertex(g, from)->ttl; ttl <= last; ttl++) {
		uint32_t count;
		const uint32_t *hop = graph_hop(g, (uint8_t)ttl, &count);

		found = marks[to];
		for (uint32_t i = 0; i < count; i++) {
			const struct vertex *v = graph_vertex(g, hop[i]);
			uint32_t ahead = ttl < last ? v->next_count : 0;

			for (uint32_t k = 0; marks[hop[i]] && k < ahead; k++)
				marks[graph_link(g, v->next[k])->to] = true;
			marks[hop[i]] = false;
		}
	}
	return found;
}

/*
 * One address at two hops, the first being the lower one. Whether packets came back
 * from one to the other.
 */
static bool
note_pair(const struct multipath *t, const struct place *low, const struct place *high,
    bool *marks, uint32_t *found)
{
	const struct vertex *a = graph_vertex(t->graph, low->vertex);
	const struct vertex *b = graph_vertex(t->graph, high->vertex);

	if (!share_flow(a, b, marks) &&
	    !leads_to(t->graph, low->vertex, high->vertex, marks))
		return false;
	found[high->vertex] |=
	    1U << (high->ttl == low->ttl + 1 ? ANOMALY_LOOP : ANOMALY_CYCLE);
	return true;
}

/* Only "time exceeded" tells where a router stands. */
static bool
is_router(const struct multipath *t, const struct place *p)
{
	return graph_vertex(t->graph, p->vertex)->kind == VERTEX_ROUTER;
}

/* The places of one address, by hop. */
static void
note_places(const struct multipath *t, const struct place *places, size_t count,
    bool *marks, uint32_t *found)
{
	bool came_back = false;
	size_t routers = 0;

	for (size_t i = 0; i < count; i++) {
		routers += is_router(t, &places[i]);
		for (size_t j = i + 1; j < count; j++)
			if (is_router(t, &places[i]) && is_router(t, &places[j]) &&
			    note_pair(t, &places[i], &places[j], marks, found))
				came_back = true;
	}
	/*
	 * Branches of different length do not lead to each other's ends. In a circle
	 * not all is followed, so that what leads there may not be known.
	 */
	for (size_t i = 0; i < count && routers > 1 && !came_back; i++)
		if (is_router(t, &places[i]))
			found[places[i].vertex] |= 1U << ANOMALY_UNEQUAL;
}

static void
note_pairs(const struct multipath *t, const struct place *places, size_t count,
    bool *marks, uint32_t *found)
{
	size_t first = 0;

	for (size_t i = 1; i <= count; i++) {
		if (i < count && addr_equal(&places[i].addr, &places[first].addr))
			continue;
		note_places(t, places + first, i - first, marks, found);
		first = i;
	}
}

/* The target at more than one hop, and paths that end elsewhere. */
static void
note_ends(const struct multipath *t, uint32_t *found)
{
	int first = 0;
	bool several = false;

	for (uint32_t i = 0; i < graph_vertices(t->graph); i++) {
		const struct vertex *v = graph_vertex(t->graph, i);

		if (!multipath_shows(t, v) || v->kind != VERTEX_END)
			continue;
		if (!v->reached)
			found[i] |= 1U << ANOMALY_UNREACHABLE;
		else if (first == 0)
			first = v->ttl;
		else
			several = several || v->ttl != first;
	}
	for (uint32_t i = 0; several && i < graph_vertices(t->graph); i++) {
		const struct vertex *v = graph_vertex(t->graph, i);

		if (multipath_shows(t, v) && v->kind == VERTEX_END && v->reached)
			found[i] |= 1U << ANOMALY_DISTANCES;
	}
}

uint32_t *
rare_find(const struct multipath *t, const struct vertex_figures *figures)
{
	uint32_t vertices = graph_vertices(t->graph);
	uint32_t *found = calloc(vertices + 1, sizeof(*found));
	struct place *places = calloc(vertices + 1, sizeof(*places));
	/* Of flows, or of vertices. */
	bool *marks = calloc(
	    vertices > GRAPH_FLOWS_MAX ? vertices : GRAPH_FLOWS_MAX, sizeof(*marks));
	size_t count = 0;

	if (found == NULL || places == NULL || marks == NULL) {
		free(found);
		found = NULL;
		goto out;
	}
	for (uint32_t i = 0; i < vertices; i++) {
		const struct vertex *v = graph_vertex(t->graph, i);
		struct prober_result flagged = {.flags = figures[i].flags};

		found[i] = anomalies_of_flags(&flagged);
		if (multipath_shows(t, v) && !addr_is_none(&v->addr))
			places[count++] = (struct place){v->addr, v->ttl, i};
	}
	qsort(places, count, sizeof(*places), compare_places);
	note_pairs(t, places, count, marks, found);
	note_ends(t, found);
out:
	free(places);
	free(marks);
	return found;
}
