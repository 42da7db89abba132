/*
 * algorithms/graph: what answers make of it, and that neither their order nor silence
 * that turns out to be none makes a difference.
 */
#include <stdlib.h>
#include <string.h>

#include "algorithms/graph.h"
#include "tests/support/testing.h"

static struct addr
router(unsigned int number)
{
	uint8_t bytes[4] = {10, 0, (uint8_t)(number >> 8), (uint8_t)number};

	return addr_from_bytes(AF_INET, bytes);
}

static uint32_t
see(struct graph *g, uint32_t flow, uint8_t ttl, unsigned int number)
{
	struct addr a = router(number);

	return graph_answer(g, flow, ttl, &a, VERTEX_ROUTER, false);
}

static uint32_t
reach(struct graph *g, uint32_t flow, uint8_t ttl, unsigned int number)
{
	struct addr a = router(number);

	return graph_answer(g, flow, ttl, &a, VERTEX_END, true);
}

static const struct link *
link_between(const struct graph *g, uint32_t from, uint32_t to)
{
	const struct vertex *v = graph_vertex(g, from);

	for (uint32_t i = 0; i < v->next_count; i++)
		if (graph_link(g, v->next[i])->to == to)
			return graph_link(g, v->next[i]);
	return NULL;
}

/* ---- what holds of every graph ---- */

static bool
has(const uint32_t *items, uint32_t count, uint32_t item)
{
	for (uint32_t i = 0; i < count; i++)
		if (items[i] == item)
			return true;
	return false;
}

static void
check_vertex(const struct graph *g, uint32_t number)
{
	const struct vertex *v = graph_vertex(g, number);
	uint32_t evidence = 0, arrived = 0, count;
	const uint32_t *hop = graph_hop(g, v->ttl, &count);

	must_eq(v->number, number);
	must(has(hop, count, number));
	for (uint32_t i = 0; i < v->next_count; i++) {
		const struct link *l = graph_link(g, v->next[i]);

		must_eq(l->from, number);
		must(l->flows_count > 0);
		evidence += l->flows_count;
		must(has(graph_vertex(g, l->to)->prev,
		    graph_vertex(g, l->to)->prev_count, v->next[i]));
	}
	must_eq(v->evidence, evidence);
	for (uint32_t i = 0; i < v->prev_count; i++)
		arrived += graph_link(g, v->prev[i])->flows_count;
	must(arrived <= v->flows_count);
	if (v->kind == VERTEX_SILENT)
		must_eq(arrived, v->flows_count);
	for (uint32_t i = 0; i < v->flows_count && number != GRAPH_SOURCE; i++)
		must_eq(graph_place(g, v->flows[i], v->ttl), number);
	must_eq(addr_is_none(&v->addr),
	    v->kind == VERTEX_SILENT || v->kind == VERTEX_SOURCE);
	if (v->kind == VERTEX_END)
		must_eq(v->next_count, 0);
}

static void
check_graph(const struct graph *g)
{
	must(!graph_failed(g));
	for (uint32_t i = 0; i < graph_vertices(g); i++)
		check_vertex(g, i);
	for (uint32_t i = 0; i < graph_links(g); i++) {
		const struct link *l = graph_link(g, i);

		must_eq(graph_vertex(g, l->from)->ttl + 1, graph_vertex(g, l->to)->ttl);
		for (uint32_t k = 0; k < l->flows_count; k++) {
			if (l->from != GRAPH_SOURCE)
				must_eq(graph_place(g, l->flows[k],
					    graph_vertex(g, l->from)->ttl),
				    l->from);
			must_eq(
			    graph_place(g, l->flows[k], graph_vertex(g, l->to)->ttl),
			    l->to);
		}
	}
}

/* ---- single things ---- */

START_TEST(diamond)
{
	struct graph *g = graph_new(1, 30);
	uint32_t a, b, c, d, count;

	a = see(g, 0, 1, 1);
	b = see(g, 0, 2, 2);
	d = reach(g, 0, 3, 4);
	must_eq(see(g, 1, 1, 1), a);
	c = see(g, 1, 2, 3);
	must_eq(reach(g, 1, 3, 4), d);
	check_graph(g);
	must_eq(graph_vertices(g), 5);
	must_eq(graph_links(g), 5);
	must_eq(graph_vertex(g, GRAPH_SOURCE)->evidence, 2);
	must_eq(graph_vertex(g, GRAPH_SOURCE)->flows_count, 2);
	must_eq(graph_vertex(g, GRAPH_SOURCE)->next_count, 1);
	must_eq(graph_vertex(g, a)->next_count, 2);
	must_eq(graph_vertex(g, a)->evidence, 2);
	must_eq(graph_vertex(g, d)->prev_count, 2);
	must_eq(graph_vertex(g, d)->kind, VERTEX_END);
	must(graph_vertex(g, d)->reached && !graph_vertex(g, a)->reached);
	must(link_between(g, a, b) != NULL && link_between(g, a, c) != NULL);
	must(link_between(g, b, c) == NULL);
	must_eq(link_between(g, b, d)->flows[0], 0);
	must_eq(link_between(g, c, d)->flows[0], 1);
	graph_hop(g, 2, &count);
	must_eq(count, 2);
	must_eq(graph_find(g, 2, &graph_vertex(g, b)->addr), b);
	must_eq(graph_find(g, 3, &graph_vertex(g, b)->addr), GRAPH_NONE);
	must_eq(graph_place(g, 1, 2), c);
	must_eq(graph_place(g, 1, 4), GRAPH_NONE);
	must_eq(graph_place(g, 7, 2), GRAPH_NONE);
	must_eq(graph_place(g, 7, 0), GRAPH_SOURCE);
	graph_free(g);
}
END_TEST

/* An address at two hops is two vertices; a flow seen at hops apart makes no link. */
START_TEST(hops_apart)
{
	struct graph *g = graph_new(5, 30);
	uint32_t a = see(g, 3, 5, 9), b = see(g, 3, 7, 9);

	check_graph(g);
	must(a != b);
	must_eq(graph_links(g), 1);
	must_eq(graph_vertex(g, GRAPH_SOURCE)->ttl, 4);
	must_eq(graph_vertex(g, b)->prev_count, 0);
	see(g, 3, 6, 8);
	check_graph(g);
	must_eq(graph_vertex(g, a)->evidence, 1);
	must_eq(graph_vertex(g, b)->prev_count, 1);
	/* Out of bounds. */
	must_eq(see(g, 3, 4, 1), GRAPH_NONE);
	must_eq(see(g, 3, 31, 1), GRAPH_NONE);
	must_eq(see(g, GRAPH_FLOWS_MAX, 6, 1), GRAPH_NONE);
	must_eq(graph_silent(g, UINT32_MAX, 6), 0);
	must(!graph_failed(g));
	graph_free(g);
}
END_TEST

/* One silent vertex for each predecessor, whenever that becomes known. */
START_TEST(silence)
{
	struct graph *g = graph_new(1, 30);
	uint32_t a, b, silent;

	must_eq(graph_silent(g, 0, 2), 0);
	must_eq(graph_silent(g, 0, 3), 0);
	must_eq(graph_place(g, 0, 2), GRAPH_NONE);
	see(g, 0, 4, 4);
	a = see(g, 0, 1, 1);
	check_graph(g);
	silent = graph_place(g, 0, 2);
	must_eq(graph_vertex(g, silent)->kind, VERTEX_SILENT);
	must_eq(graph_vertex(g, graph_place(g, 0, 3))->kind, VERTEX_SILENT);
	must(link_between(g, graph_place(g, 0, 3), graph_place(g, 0, 4)) != NULL);
	/* Another flow of the same router is in the same silence ... */
	see(g, 1, 1, 1);
	must_eq(graph_silent(g, 1, 2), 0);
	must_eq(graph_place(g, 1, 2), silent);
	/* ... and one of another router in another. */
	b = see(g, 2, 1, 2);
	must_eq(graph_silent(g, 2, 2), 0);
	must(graph_place(g, 2, 2) != silent);
	must(a != b);
	check_graph(g);
	must_eq(graph_vertex(g, a)->evidence, 2);
	must_eq(graph_vertex(g, silent)->flows_count, 2);
	/* An answer after all. */
	see(g, 0, 2, 3);
	check_graph(g);
	must_eq(graph_vertex(g, silent)->flows_count, 1);
	must_eq(graph_vertex(g, a)->evidence, 2);
	must_eq(graph_vertex(g, a)->next_count, 2);
	must_eq(graph_vertex(g, graph_place(g, 0, 3))->prev_count, 1);
	see(g, 1, 2, 3);
	check_graph(g);
	must_eq(graph_vertex(g, silent)->flows_count, 0);
	must_eq(graph_vertex(g, a)->next_count, 1);
	/* Silence after an answer says nothing. */
	must_eq(graph_silent(g, 1, 2), 0);
	must(graph_place(g, 1, 2) != silent);
	graph_free(g);
}
END_TEST

/* What answers beyond a flow's end is the end once more. */
START_TEST(ends)
{
	struct graph *g = graph_new(1, 30);
	uint32_t late = reach(g, 0, 6, 9), end;

	must_eq(graph_vertex(g, late)->flows_count, 1);
	must_eq(graph_silent(g, 0, 5), 0);
	end = reach(g, 0, 4, 9);
	check_graph(g);
	must_eq(graph_end(g, 0), 4);
	must_eq(graph_end(g, 1), 0);
	must_eq(graph_vertex(g, late)->flows_count, 0);
	must_eq(reach(g, 0, 5, 9), GRAPH_NONE);
	must_eq(graph_place(g, 0, 5), GRAPH_NONE);
	must(!graph_failed(g));
	/* Another flow is longer. */
	see(g, 1, 4, 4);
	must_eq(reach(g, 1, 6, 9), late);
	must_eq(graph_vertex(g, late)->flows_count, 1);
	/* Whoever lets one flow pass is no end for all. */
	must_eq(graph_vertex(g, end)->kind, VERTEX_END);
	see(g, 2, 4, 9);
	must_eq(graph_vertex(g, end)->kind, VERTEX_ROUTER);
	check_graph(g);
	graph_free(g);
}
END_TEST

START_TEST(repeats)
{
	struct graph *g = graph_new(1, 30);
	uint32_t a = see(g, 0, 1, 1), b = see(g, 0, 2, 2), c;

	must_eq(graph_balancer(graph_vertex(g, a)), BALANCER_NONE);
	must_eq(see(g, 0, 2, 2), b);
	must_eq(graph_vertex(g, a)->repeats, 1);
	must_eq(graph_vertex(g, a)->changes, 0);
	see(g, 1, 1, 1);
	c = see(g, 1, 2, 3);
	must_eq(graph_balancer(graph_vertex(g, a)), BALANCER_FLOW);
	/* The route changes: once. */
	must_eq(see(g, 0, 2, 3), c);
	must_eq(see(g, 0, 2, 3), c);
	must_eq(graph_vertex(g, a)->repeats, 3);
	must_eq(graph_vertex(g, a)->changes, 1);
	must_eq(graph_balancer(graph_vertex(g, a)), BALANCER_CHANGED);
	must_eq(graph_place(g, 0, 2), b);
	must_eq(graph_vertex(g, c)->flows_count, 1);
	/* Back again. */
	must_eq(see(g, 0, 2, 2), b);
	must_eq(graph_balancer(graph_vertex(g, a)), BALANCER_PACKET);
	/* Of a flow whose predecessor is not known nothing is counted. */
	see(g, 5, 2, 2);
	see(g, 5, 2, 3);
	must_eq(graph_vertex(g, a)->repeats, 4);
	check_graph(g);
	graph_free(g);
}
END_TEST

/* ---- any order ---- */

#define FLOWS 40
#define HOPS 12

struct fact {
	uint32_t flow;
	uint8_t ttl;
	uint8_t what;      /* 0: silent; else the router's number */
	bool silent_first; /* it was thought silent before */
};

/* A random network's answers: where each flow goes, some hops silent, some unasked. */
static size_t
make_facts(struct rng *r, struct fact *facts)
{
	size_t count = 0;

	for (uint32_t flow = 0; flow < FLOWS; flow++) {
		uint8_t end = (uint8_t)(HOPS - rng_below(r, 3));

		for (uint8_t ttl = 1; ttl <= HOPS; ttl++) {
			uint8_t what = (uint8_t)(1 + rng_below(r, 1 + ttl % 4));

			if (rng_chance(r, 200000))
				continue;
			if (ttl >= end)
				what = 99;
			else if (rng_chance(r, 200000))
				what = 0;
			facts[count++] =
			    (struct fact){flow, ttl, what, rng_chance(r, 200000) != 0};
		}
	}
	return count;
}

static void
shuffle(struct rng *r, struct fact *facts, size_t count)
{
	for (size_t i = count; i > 1; i--) {
		size_t k = (size_t)rng_below(r, i);
		struct fact f = facts[i - 1];

		facts[i - 1] = facts[k];
		facts[k] = f;
	}
}

static struct graph *
make_graph(const struct fact *facts, size_t count)
{
	struct graph *g = graph_new(1, HOPS);

	for (int turn = 0; turn < 2; turn++)
		for (size_t i = 0; i < count; i++) {
			const struct fact *f = &facts[i];

			if (f->what == 0 || (turn == 0 && f->silent_first))
				must_eq(graph_silent(g, f->flow, f->ttl), 0);
			else if (turn == 1 && !f->silent_first)
				continue;
			else if (f->what == 99)
				reach(g, f->flow, f->ttl, f->what);
			else
				see(g, f->flow, f->ttl, f->what);
		}
	check_graph(g);
	return g;
}

/* The same vertex in another graph. */
static uint32_t
translate(const struct graph *a, uint32_t vertex, const struct graph *b)
{
	const struct vertex *v = graph_vertex(a, vertex);
	uint32_t other;

	if (vertex == GRAPH_SOURCE)
		return GRAPH_SOURCE;
	if (v->kind != VERTEX_SILENT)
		return graph_find(b, v->ttl, &v->addr);
	must(v->flows_count > 0);
	other = graph_place(b, v->flows[0], v->ttl);
	must(other != GRAPH_NONE);
	must_eq(graph_vertex(b, other)->kind, VERTEX_SILENT);
	return other;
}

static void
check_within(const struct graph *a, const struct graph *b)
{
	for (uint32_t i = 0; i < graph_vertices(a); i++) {
		const struct vertex *v = graph_vertex(a, i), *w;

		if (v->flows_count == 0)
			continue;
		w = graph_vertex(b, translate(a, i, b));
		must_eq(v->kind, w->kind);
		must_eq(v->reached, w->reached);
		must_eq(v->flows_count, w->flows_count);
		must_eq(v->evidence, w->evidence);
		must_eq(v->next_count, w->next_count);
		must_eq(v->prev_count, w->prev_count);
		for (uint32_t k = 0; k < v->next_count; k++) {
			const struct link *l = graph_link(a, v->next[k]);
			const struct link *m = link_between(
			    b, translate(a, l->from, b), translate(a, l->to, b));

			must(m != NULL);
			must_eq(l->flows_count, m->flows_count);
			for (uint32_t f = 0; f < l->flows_count; f++)
				must(has(m->flows, m->flows_count, l->flows[f]));
		}
	}
}

START_TEST(any_order)
{
	struct fact facts[FLOWS * HOPS];
	struct rng r = {(uint64_t)_i};
	size_t count = make_facts(&r, facts);
	struct graph *a = make_graph(facts, count);

	for (int turn = 0; turn < 4; turn++) {
		struct graph *b;

		shuffle(&r, facts, count);
		for (size_t i = 0; i < count; i++)
			facts[i].silent_first = rng_chance(&r, 200000) != 0;
		b = make_graph(facts, count);
		check_within(a, b);
		check_within(b, a);
		graph_free(b);
	}
	graph_free(a);
	graph_free(NULL);
}
END_TEST

/* 1000 flows over 96 branches at 30 hops: no time worth mentioning. */
START_TEST(large)
{
	struct graph *g = graph_new(1, 255);
	struct rng r = {1};

	for (uint8_t ttl = 1; ttl < 31; ttl++)
		for (uint32_t flow = 0; flow < 1000; flow++)
			see(g, flow, ttl, (unsigned int)rng_below(&r, 96));
	must_eq(graph_vertices(g), 30 * 96 + 1);
	must_eq(see(g, GRAPH_FLOWS_MAX - 1, 255, 1), 30 * 96 + 1);
	graph_free(g);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {diamond, 0, 0},
	    {hops_apart, 0, 0},
	    {silence, 0, 0},
	    {ends, 0, 0},
	    {repeats, 0, 0},
	    {any_order, 100, 0},
	    {large, 0, 0},
	};

	return test_main("graph", tests, COUNT_OF(tests));
}
