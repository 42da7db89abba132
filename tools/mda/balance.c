#include "tools/mda/balance.h"

#include <errno.h>
#include <stdlib.h>

/* So many repeats that stayed, beside a change, make it a change of the route. */
#define STEADY_ENOUGH 3

/* One answer, for sorting by flow and time. */
struct seen {
	uint32_t before; /* where its flow was at the hop before */
	uint32_t flow;
	uint32_t vertex;
	int64_t sent;
};

static int
compare_seen(const void *a, const void *b)
{
	const struct seen *x = a;
	const struct seen *y = b;

	if (x->before != y->before)
		return x->before < y->before ? -1 : 1;
	if (x->flow != y->flow)
		return x->flow < y->flow ? -1 : 1;
	return x->sent < y->sent ? -1 : x->sent > y->sent;
}

/*
 * All answers that show which way a vertex sends its flows, those of a vertex side by
 * side, flow by flow, in the order in which they were asked.
 */
static struct seen *
sort_answers(const struct multipath *t, size_t *count)
{
	struct seen *all = calloc(t->results_count + 1, sizeof(*all));

	*count = 0;
	for (size_t i = 0; all != NULL && i < t->results_count; i++) {
		const struct prober_result *m = t->results[i];
		uint32_t before, vertex;

		if (m->outcome != RESULT_REPLY)
			continue;
		before = graph_place(t->graph, m->flow, (uint8_t)(m->ttl - 1));
		vertex = graph_find(t->graph, m->ttl, &m->from);
		if (before != GRAPH_NONE && vertex != GRAPH_NONE)
			all[(*count)++] =
			    (struct seen){before, m->flow, vertex, m->sent};
	}
	if (*count != 0)
		qsort(all, *count, sizeof(*all), compare_seen);
	return all;
}

/*
 * The kind of the vertex whose flows these answers are of. A change between two answers
 * of one flow happened between them; if one moment lies in all of these spans, and no
 * flow changed twice, the route may have changed then.
 */
static enum balance
judge(const struct seen *s, size_t count, const struct vertex *v)
{
	int64_t after = INT64_MIN, before = INT64_MAX;
	uint32_t repeats = 0, changes = 0;
	bool twice = false;

	for (size_t i = 1; i < count; i++) {
		if (s[i].flow != s[i - 1].flow)
			continue;
		repeats++;
		if (s[i].vertex == s[i - 1].vertex)
			continue;
		changes++;
		if (s[i - 1].sent > after)
			after = s[i - 1].sent;
		if (s[i].sent < before)
			before = s[i].sent;
		twice = twice || after >= before;
	}
	if (changes == 0 && v->next_count < 2)
		return BALANCE_NONE;
	if (repeats == 0)
		return BALANCE_UNTESTED;
	if (changes == 0)
		return BALANCE_FLOW;
	if (twice)
		return BALANCE_PACKET;
	return repeats - changes >= STEADY_ENOUGH ? BALANCE_CHANGED : BALANCE_UNSTEADY;
}

static void
judge_all(
    const struct multipath *t, const struct seen *all, size_t count, uint8_t *kinds)
{
	size_t first = 0;

	for (uint32_t i = 0; i < graph_vertices(t->graph); i++)
		kinds[i] = (uint8_t)judge(NULL, 0, graph_vertex(t->graph, i));
	for (size_t i = 1; i <= count; i++) {
		uint32_t before = all[first].before;

		if (i < count && all[i].before == before)
			continue;
		kinds[before] = (uint8_t)judge(
		    &all[first], i - first, graph_vertex(t->graph, before));
		first = i;
	}
}

/* The vertices of a hop that are on some path. */
static uint32_t
width(const struct multipath *t, uint8_t ttl)
{
	uint32_t count, shown = 0;
	const uint32_t *hop = graph_hop(t->graph, ttl, &count);

	for (uint32_t i = 0; i < count; i++)
		shown += multipath_shows(t, graph_vertex(t->graph, hop[i]));
	return shown;
}

static bool
is_steady(uint8_t kind)
{
	return kind == BALANCE_NONE || kind == BALANCE_UNTESTED || kind == BALANCE_FLOW;
}

/*
 * Behind a node that does not keep flows together a flow's places at two hops are those
 * of two packets, until all ways meet in one vertex: who leads there is certain. Hop by
 * hop: a vertex is doubtful when one that is doubtful or not steady leads there.
 */
static int
doubt(const struct multipath *t, const uint8_t *kinds, bool *doubtful)
{
	bool *strewn = calloc(graph_vertices(t->graph) + 1, sizeof(*strewn));

	if (strewn == NULL)
		return -ENOMEM;
	for (int ttl = t->asked.first_ttl - 1; ttl < t->asked.max_ttl; ttl++) {
		bool one = width(t, (uint8_t)(ttl + 1)) < 2;

		for (uint32_t i = 0; i < graph_links(t->graph); i++) {
			const struct link *l = graph_link(t->graph, i);

			if (graph_vertex(t->graph, l->from)->ttl != ttl)
				continue;
			doubtful[i] = strewn[l->from] && !one;
			if (!one && (strewn[l->from] || !is_steady(kinds[l->from])))
				strewn[l->to] = true;
		}
	}
	free(strewn);
	return 0;
}

int
balances_find(const struct multipath *t, struct balances *out)
{
	size_t count;
	struct seen *all = sort_answers(t, &count);

	*out = (struct balances){
	    .kinds = calloc(graph_vertices(t->graph) + 1, sizeof(*out->kinds)),
	    .doubtful = calloc(graph_links(t->graph) + 1, sizeof(*out->doubtful))};
	if (all == NULL || out->kinds == NULL || out->doubtful == NULL)
		goto failed;
	judge_all(t, all, count, out->kinds);
	if (doubt(t, out->kinds, out->doubtful) != 0)
		goto failed;
	free(all);
	return 0;
failed:
	free(all);
	balances_clear(out);
	return -ENOMEM;
}

void
balances_clear(struct balances *b)
{
	free(b->kinds);
	free(b->doubtful);
	*b = (struct balances){0};
}

const char *
balance_name(enum balance b)
{
	static const char *const names[] = {[BALANCE_NONE] = "none",
	    [BALANCE_UNTESTED] = "untested",
	    [BALANCE_FLOW] = "per_flow",
	    [BALANCE_DESTINATION] = "per_destination",
	    [BALANCE_PACKET] = "per_packet",
	    [BALANCE_CHANGED] = "route_changed",
	    [BALANCE_UNSTEADY] = "unsteady"};

	return names[b];
}
