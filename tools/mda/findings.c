#include "tools/mda/findings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/stopping.h"
#include "tools/mda/confidence.h"

/* ---- order ----------------------------------------------------------------------- */

/* What vertices are sorted by; silent ones come last in their hop. */
struct sorted {
	uint8_t ttl;
	bool silent;
	struct addr addr;
	uint32_t vertex;
};

static int
compare_sorted(const void *a, const void *b)
{
	const struct sorted *x = a;
	const struct sorted *y = b;
	int order;

	if (x->ttl != y->ttl)
		return x->ttl < y->ttl ? -1 : 1;
	if (x->silent != y->silent)
		return x->silent ? 1 : -1;
	order = memcmp(x->addr.bytes, y->addr.bytes, sizeof(x->addr.bytes));
	if (order != 0)
		return order;
	return x->vertex < y->vertex ? -1 : x->vertex > y->vertex;
}

static int
put_in_order(struct findings *f)
{
	uint32_t vertices = graph_vertices(f->paths->graph);
	struct sorted *sorted = calloc(vertices + 1, sizeof(*sorted));
	uint32_t count = 0;

	f->order = calloc(vertices + 1, sizeof(*f->order));
	if (sorted == NULL || f->order == NULL) {
		free(sorted);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < vertices; i++) {
		const struct vertex *v = graph_vertex(f->paths->graph, i);

		if (v->kind == VERTEX_SOURCE || multipath_shows(f->paths, v))
			sorted[count++] = (struct sorted){
			    v->ttl, v->kind == VERTEX_SILENT, v->addr, i};
	}
	qsort(sorted, count, sizeof(*sorted), compare_sorted);
	for (uint32_t i = 0; i < count; i++)
		f->order[i] = sorted[i].vertex;
	f->order_count = count;
	free(sorted);
	return 0;
}

/* ---- counting -------------------------------------------------------------------- */

static void
count_all(struct findings *f)
{
	uint32_t width = 0;
	int ttl = -1;

	for (uint32_t i = 0; i < f->order_count; i++) {
		const struct vertex *v = graph_vertex(f->paths->graph, f->order[i]);

		if (v->ttl != ttl)
			width = 0;
		ttl = v->ttl;
		f->links += v->next_count;
		if (v->kind == VERTEX_SILENT)
			f->silent++;
		if (v->kind != VERTEX_ROUTER && v->kind != VERTEX_END)
			continue;
		f->nodes++;
		if (++width > f->widest)
			f->widest = width;
	}
}

/* ---- stopping points ------------------------------------------------------------- */

static uint32_t
point(struct stopping *stopping, uint32_t successors)
{
	if (successors > STOPPING_MAX)
		return UINT32_MAX;
	return stopping_point(stopping, successors + 1);
}

/*
 * With flows that count for all of a hop, as in algorithms/mda_lite.c: whether those
 * seen at the next one are enough, wherever they were before.
 */
static bool
hop_is_finished(const struct findings *f, struct stopping *stopping, uint8_t ttl)
{
	uint32_t flows = 0, width = 0, count;
	const uint32_t *hop = graph_hop(f->paths->graph, (uint8_t)(ttl + 1), &count);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t here = graph_vertex(f->paths->graph, hop[i])->flows_count;

		flows += here;
		width += here != 0;
	}
	return flows >= point(stopping, width > 0 ? width : 1);
}

/* Whether a vertex has successors to look for. */
static bool
goes_on(const struct multipath *t, const struct vertex *v)
{
	return (v->kind == VERTEX_ROUTER || v->kind == VERTEX_SOURCE) &&
	       v->ttl < t->asked.max_ttl;
}

static int
find_needed(struct findings *f)
{
	const struct multipath *t = f->paths;
	struct stopping *stopping = stopping_new(multipath_alpha(t));

	f->needed = calloc(graph_vertices(t->graph) + 1, sizeof(*f->needed));
	f->by_hop = calloc(graph_vertices(t->graph) + 1, sizeof(*f->by_hop));
	if (stopping == NULL || f->needed == NULL || f->by_hop == NULL) {
		stopping_free(stopping);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < f->order_count; i++) {
		uint32_t vertex = f->order[i];
		const struct vertex *v = graph_vertex(t->graph, vertex);

		if (!goes_on(t, v))
			continue;
		f->needed[vertex] =
		    point(stopping, v->next_count > 0 ? v->next_count : 1);
		f->by_hop[vertex] = v->evidence < f->needed[vertex] &&
				    multipath_is_by_hop(t) &&
				    hop_is_finished(f, stopping, v->ttl);
		if (f->by_hop[vertex])
			f->needed[vertex] = v->evidence;
		f->unfinished += findings_is_unfinished(f, vertex);
	}
	stopping_free(stopping);
	return 0;
}

/* ---- the whole ------------------------------------------------------------------- */

int
findings_make(struct findings *f, const struct multipath *paths)
{
	int error = 0;

	*f = (struct findings){.paths = paths};
	f->figures = multipath_figures(paths);
	if (f->figures != NULL)
		f->rare = rare_find(paths, f->figures);
	if (f->figures == NULL || f->rare == NULL)
		error = -ENOMEM;
	if (error == 0)
		error = balances_find(paths, &f->balances);
	if (error == 0)
		error = put_in_order(f);
	if (error == 0)
		error = find_needed(f);
	if (error != 0) {
		findings_clear(f);
		return error;
	}
	count_all(f);
	return 0;
}

void
findings_clear(struct findings *f)
{
	free(f->figures);
	free(f->rare);
	free(f->needed);
	free(f->by_hop);
	free(f->order);
	balances_clear(&f->balances);
	*f = (struct findings){0};
}

/* ---- what nodes tell packets apart by -------------------------------------------- */

static bool
keeps_flows(const struct findings *f, uint32_t vertex)
{
	uint8_t kind = f->balances.kinds[vertex];

	return kind == BALANCE_NONE || kind == BALANCE_UNTESTED ||
	       kind == BALANCE_FLOW || kind == BALANCE_DESTINATION;
}

enum verdict
findings_judge(const struct findings *f, uint32_t vertex, enum trait t)
{
	if (f->classes == NULL || !classify_asks(f->classes, t) ||
	    !keeps_flows(f, vertex))
		return VERDICT_UNTESTED;
	return classify_judge(
	    f->classes, t, graph_vertex(f->paths->graph, vertex), NULL);
}

bool
findings_is_undecided(const struct findings *f, uint32_t vertex)
{
	if (f->classes == NULL || f->needed[vertex] == 0 || !keeps_flows(f, vertex))
		return false;
	for (unsigned int t = 0; t < TRAITS; t++)
		if (classify_asks(f->classes, t) &&
		    findings_judge(f, vertex, t) == VERDICT_UNTESTED)
			return true;
	return false;
}

uint32_t
findings_ways(const struct findings *f, uint32_t vertex)
{
	const struct vertex *v = graph_vertex(f->paths->graph, vertex);
	uint32_t ways = v->next_count, seen;

	for (unsigned int t = 0; t < TRAITS; t++) {
		if (findings_judge(f, vertex, t) != VERDICT_YES)
			continue;
		(void)classify_judge(f->classes, t, v, &seen);
		ways = seen > ways ? seen : ways;
	}
	return ways;
}

static bool
hashes_any(const struct findings *f, uint32_t vertex)
{
	for (unsigned int t = 0; t < TRAIT_DESTINATION; t++)
		if (findings_judge(f, vertex, t) == VERDICT_YES)
			return true;
	return false;
}

void
findings_classify(struct findings *f, const struct classify *classes)
{
	f->classes = classes;
	for (uint32_t i = 0; i < graph_vertices(f->paths->graph); i++) {
		const struct vertex *v = graph_vertex(f->paths->graph, i);

		if (f->balances.kinds[i] != BALANCE_NONE || f->needed[i] == 0)
			continue;
		if (hashes_any(f, i))
			f->balances.kinds[i] = BALANCE_FLOW;
		else if (v->evidence >= classes->needed &&
			 findings_judge(f, i, TRAIT_DESTINATION) == VERDICT_YES)
			f->balances.kinds[i] = BALANCE_DESTINATION;
	}
}

/* ---- what it comes to ------------------------------------------------------------ */

double
findings_confidence(const struct findings *f, uint32_t vertex)
{
	const struct vertex *v = graph_vertex(f->paths->graph, vertex);

	return confidence_of(v->next_count > 0 ? v->next_count : 1, v->evidence);
}

bool
findings_is_unfinished(const struct findings *f, uint32_t vertex)
{
	const struct vertex *v = graph_vertex(f->paths->graph, vertex);

	return v->evidence < f->needed[vertex];
}

bool
findings_is_complete(const struct findings *f)
{
	/* mda-lite's tests of whole hops may be more than is counted here. */
	return f->paths->has_done && f->paths->done.reason == REASON_REACHED &&
	       f->paths->done.coverage == COVERAGE_COMPLETE &&
	       (f->unfinished == 0 || multipath_is_by_hop(f->paths));
}
