#include "tests/support/branches.h"

#include <stdlib.h>
#include <string.h>

#include "algorithms/stopping.h"
#include "prober/prober.h"

#define WINDOW 512

/* ---- networks ---- */

uint16_t
branches_node(const struct branches *b, int hop, int which)
{
	int node = which;

	for (int t = 1; t < hop; t++)
		node += b->widths[t - 1];
	return (uint16_t)node;
}

static bool
is_linked(const struct branches *b, int hop, int from, int to)
{
	int here = b->widths[hop - 1], next = b->widths[hop];

	if (b->meshed || here == 1 || next == 1)
		return true;
	return here <= next ? to * here / next == from : from * next / here == to;
}

int
branches_make(struct model *m, const struct branches *b, int64_t step)
{
	int hops = 0;

	m->nodes_count = 0;
	m->first = 0;
	for (; b->widths[hops] > 0; hops++)
		for (int k = 0; k < b->widths[hops]; k++)
			(void)model_add(m, (hops + 1) * step);
	for (int t = 1; t < hops; t++)
		for (int from = 0; from < b->widths[t - 1]; from++)
			for (int to = 0; to < b->widths[t]; to++)
				if (is_linked(b, t, from, to))
					model_link(m, branches_node(b, t, from),
					    branches_node(b, t + 1, to));
	for (int k = 0; k < b->widths[hops - 1]; k++)
		model_make_target(m, branches_node(b, hops, k));
	return hops;
}

/* ---- what was found ---- */

struct graph *
branches_graph(const struct model *m, const struct prober_start *o)
{
	struct graph *g = graph_new(o->first_ttl, o->max_ttl);

	must(g != NULL);
	for (size_t k = 0; k < m->results_count; k++) {
		const struct prober_result *r = &m->results[k];
		bool final = (r->flags & RESULT_FINAL) != 0;

		if (r->outcome == RESULT_REPLY || r->outcome == RESULT_LATE)
			(void)graph_answer(g, r->flow, r->ttl, &r->from,
			    final ? VERTEX_END : VERTEX_ROUTER,
			    (r->flags & RESULT_REACHED) != 0);
		else if (r->outcome == RESULT_TIMEOUT && (r->flags & RESULT_AGAIN) == 0)
			must_eq(graph_silent(g, r->flow, r->ttl), 0);
	}
	must(!graph_failed(g));
	return g;
}

/* The link between two nodes of the network, or between vertices for silent ones. */
static bool
has_link(const struct model *m, const struct graph *g, uint8_t ttl, uint16_t from,
    uint16_t to)
{
	const struct model_node *f = &m->nodes[from], *t = &m->nodes[to];

	for (uint32_t k = 0; k < graph_links(g); k++) {
		const struct link *l = graph_link(g, k);
		const struct vertex *a = graph_vertex(g, l->from);
		const struct vertex *b = graph_vertex(g, l->to);

		if (l->flows_count == 0 || b->ttl != ttl + 1 || a->ttl != ttl)
			continue;
		if (f->silent ? a->kind != VERTEX_SILENT
			      : !addr_equal(&a->addr, &f->addr))
			continue;
		if (t->silent ? b->kind == VERTEX_SILENT
			      : addr_equal(&b->addr, &t->addr))
			return true;
	}
	return false;
}

static size_t
count_links(const struct graph *g, const struct prober_start *o)
{
	size_t count = 0;

	for (uint32_t k = 0; k < graph_links(g); k++)
		count += graph_link(g, k)->flows_count > 0 &&
			 graph_vertex(g, graph_link(g, k)->from)->ttl >= o->first_ttl;
	return count;
}

struct found
branches_compare(
    const struct model *m, const struct prober_start *o, const struct graph *g)
{
	bool here[MODEL_NODES_MAX] = {0}, next[MODEL_NODES_MAX];
	struct found found = {0};
	size_t seen;

	here[m->first] = true;
	for (uint8_t ttl = 1; ttl < o->max_ttl; ttl++) {
		memset(next, 0, sizeof(next));
		for (uint16_t n = 0; n < m->nodes_count; n++) {
			const struct model_node *node = &m->nodes[n];

			for (uint16_t k = 0; here[n] && k < node->next_count; k++) {
				if (node->ends || next[node->next[k]])
					continue;
				next[node->next[k]] = true;
			}
			for (uint16_t k = 0; here[n] && k < node->next_count; k++) {
				if (ttl < o->first_ttl || node->ends)
					continue;
				found.links++;
				found.missing += !has_link(m, g, ttl, n, node->next[k]);
			}
		}
		memcpy(here, next, sizeof(here));
	}
	seen = count_links(g, o);
	if (seen > found.links - found.missing)
		found.false_links = seen - (found.links - found.missing);
	for (uint32_t v = 0; v < graph_vertices(g); v++)
		found.silent += graph_vertex(g, v)->kind == VERTEX_SILENT &&
				graph_vertex(g, v)->flows_count > 0;
	return found;
}

/* ---- what holds of every run ---- */

static void
check_results(const struct model *m, const struct prober_start *o)
{
	for (size_t k = 0; k < m->results_count; k++) {
		const struct prober_result *r = &m->results[k];

		must_eq(r->instance, o->instance);
		if (r->outcome == RESULT_AMBIGUOUS)
			continue;
		must(r->probe < m->sent_count);
		must_eq(r->flow, m->sent[r->probe].flow);
		must_eq(r->ttl, m->sent[r->probe].ttl);
		must_eq(r->query, m->sent[r->probe].query);
		must(r->ttl >= o->first_ttl && r->ttl <= o->max_ttl);
		must(o->max_flows == 0 || r->flow < o->max_flows);
	}
}

struct found
branches_go(struct model *m, const struct algorithm *a, const struct prober_start *o)
{
	struct found found;
	struct graph *g;

	model_go(m, a, o);
	must(!m->stuck);
	must(m->done.reason >= REASON_REACHED && m->done.reason <= REASON_FAILED);
	must(m->done.coverage > COVERAGE_NONE && m->done.coverage < COVERAGE_COUNT);
	must_eq(m->wrong, 0);
	must_eq(m->after_end, 0);
	must(m->most_in_flight <= (o->window != 0 ? o->window : WINDOW));
	must(m->most_in_flow <= 1);
	must(o->max_probes == 0 || m->sent_count <= o->max_probes);
	check_results(m, o);
	must_eq(probe_count(), 0);
	must_eq(packet_count(), 0);
	g = branches_graph(m, o);
	found = branches_compare(m, o, g);
	graph_free(g);
	return found;
}
