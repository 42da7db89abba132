/*
 * What is asked although it is not for a node's next successor: what was lost, the hop
 * before where nothing leads to a vertex, vertices that seem to have fallen silent, and
 * flows of which it is known where they go, to see whether they still do.
 */
#include <math.h>

#include "algorithms/mda.h"

/* With so many successors repeats are few enough not to wait for the last successor. */
#define EARLY 3
/* Repeats that are lost are repeated, so many times over all. */
#define REPEATS_FACTOR 4

/* A flow that was answered by this vertex before, or MDA_NONE. */
static uint32_t
answered_flow(struct instance *i, struct mda *m, const struct vertex *told)
{
	for (uint32_t k = 0; k < told->flows_count; k++)
		if (flow_may(m, told->flows[k], told->ttl) &&
		    flow_is_idle(i, m, told->flows[k]))
			return told->flows[k];
	return MDA_NONE;
}

/* What was asked of it before is missing only when it has had its time. */
static void
note_check(struct instance *i, struct mda *m, const struct vertex *told)
{
	struct mda_vertex *v = &m->vertices[told->number];
	int64_t now = instance_now(i);
	int64_t wait = wait_by(i, i->options.wait_here, m->hops[told->ttl].rtt);

	if (v->answer_sent >= v->check_sent)
		v->missed = 0;
	else if (now - v->check_sent >= wait)
		v->missed++;
	else
		return;
	v->check_sent = now;
}

/* Something was lost: do those who have answered here before still do? */
static void
check_answers(struct instance *i, struct mda *m, uint8_t ttl)
{
	uint32_t count;
	const uint32_t *vertices = graph_hop(m->graph, ttl, &count);

	m->checking = true;
	for (uint32_t k = 0; k < count; k++) {
		const struct vertex *told = graph_vertex(m->graph, vertices[k]);
		uint32_t flow =
		    told->kind == VERTEX_SILENT ? MDA_NONE : answered_flow(i, m, told);

		if (flow == MDA_NONE || !ask_now(i, m, flow, ttl, true))
			continue;
		note_check(i, m, told);
	}
	m->checking = false;
	m->hops[ttl].check = false;
}

/* What is to be asked again, or was asked for by the hop behind. */
void
mda_ask_queued(struct instance *i, struct mda *m, uint8_t ttl)
{
	struct mda_hop *h = &m->hops[ttl];
	uint32_t kept = h->queue_from;

	for (uint32_t k = h->queue_from; k < h->queue_to; k++) {
		uint32_t flow = h->queue[k];
		const struct ask *a = ask_find(m, flow, ttl);

		if (a == NULL || a->state != ASK_QUEUED)
			continue;
		if (!flow_is_idle(i, m, flow) || !hop_can_send(i, m, ttl) ||
		    !ask_now(i, m, flow, ttl, false))
			h->queue[kept++] = flow;
	}
	h->queue_to = kept;
	if (h->check && !m->blocked && instance_now(i) >= h->not_before)
		check_answers(i, m, ttl);
}

/* Vertices that no link leads to: one of their flows is asked at the hop before. */
void
mda_link_back(struct instance *i, struct mda *m, uint8_t ttl)
{
	uint32_t count;
	const uint32_t *vertices = graph_hop(m->graph, ttl, &count);

	for (uint32_t k = 0; k < count && ttl > i->options.first_ttl; k++) {
		const struct vertex *told = graph_vertex(m->graph, vertices[k]);
		struct mda_vertex *v = &m->vertices[vertices[k]];

		/* What is beyond the nearest end is most often that end again. */
		if (told->prev_count > 0 ||
		    (told->kind == VERTEX_END && m->end_ttl < ttl))
			continue;
		for (; v->back < told->flows_count; v->back++) {
			uint32_t flow = told->flows[v->back];
			const struct ask *a = ask_find(m, flow, ttl - 1U);

			if (a != NULL &&
			    (a->state == ASK_OUT || a->state == ASK_QUEUED))
				break;
			if (ask_back(i, m, flow, ttl))
				break;
		}
	}
}

/* Repeats of a flow that tell whether it keeps its path behind this vertex. */
static uint32_t
repeats_for(const struct mda *m, const struct vertex *told)
{
	double repeats = ceil(log(m->alpha) / log(1.0 / told->next_count) - 1e-9);

	/* It changed: was it the route, once, or does it always? */
	return told->changes > 0 ? 2 * (uint32_t)repeats : (uint32_t)repeats;
}

/* A flow of this vertex to repeat: where it went is known. */
static uint32_t
flow_to_repeat(struct instance *i, struct mda *m, const struct vertex *told)
{
	for (uint32_t k = 0; k < told->flows_count; k++) {
		uint32_t flow = told->flows[k];
		uint32_t next = graph_place(m->graph, flow, (uint8_t)(told->ttl + 1));

		if (next != GRAPH_NONE &&
		    graph_vertex(m->graph, next)->kind != VERTEX_SILENT &&
		    flow_may(m, flow, told->ttl + 1U) && flow_is_idle(i, m, flow))
			return flow;
	}
	return MDA_NONE;
}

void
mda_repeat(struct instance *i, struct mda *m, const struct vertex *told)
{
	struct mda_vertex *v = &m->vertices[told->number];
	uint32_t wanted;

	if (told->next_count < 2 || told->kind == VERTEX_SOURCE || v->shaky ||
	    graph_balancer(told) == BALANCER_PACKET)
		return;
	if (told->changes == 0 && told->next_count < EARLY &&
	    (v->pending > 0 || told->evidence < mda_needed_by(i, m, told)))
		return;
	wanted = repeats_for(m, told);
	while (told->repeats + v->repeats_out < wanted &&
	       v->repeats_tried < REPEATS_FACTOR * wanted) {
		uint32_t flow = flow_to_repeat(i, m, told);

		if (flow == MDA_NONE ||
		    !ask_now(i, m, flow, (uint8_t)(told->ttl + 1), true))
			return;
		v->repeats_out++;
		v->repeats_tried++;
	}
}
