/*
 * What answers say: where each flow is, which hops there are, and what loops. All of it
 * goes into the graph, and marks the hops that are to be planned anew.
 */
#include "algorithms/mda.h"

/* Beyond these, scouts follow answers: see schedule.c. */
#define HOPS_CERTAIN (MDA_HOPS_AT_ONCE - 2)
#define HOPS_FOR_EACH 4

/* ---- places ---- */

/* Nothing more is expected of what a flow was asked at a hop. */
void
ask_drop(
    struct instance *i, struct mda *m, uint32_t flow, uint8_t ttl, const struct ask *a)
{
	if (a->state == ASK_OUT || a->state == ASK_QUEUED)
		ask_set(i, m, flow, ttl, ASK_DROPPED);
	else
		ask_recount(i, m, flow, ttl);
}

/* The flow is not asked beyond this hop, and nothing of that is waited for. */
static void
flow_stop(struct instance *i, struct mda *m, uint32_t flow, uint8_t ttl)
{
	struct mda_flow *f = &m->flows[flow];

	if (f->stop != 0 && f->stop <= ttl)
		return;
	f->stop = ttl;
	for (unsigned int t = ttl + 1U; t <= i->options.max_ttl; t++) {
		struct ask *a = ask_find(m, flow, t);

		if (a == NULL)
			continue;
		if (a->state == ASK_OUT)
			out_unlink(m, a->out);
		ask_drop(i, m, flow, (uint8_t)t, a);
	}
}

/* Whether the vertex' address stands at a lower hop that is not the next lower one. */
static bool
looks_looped(const struct instance *i, const struct mda *m, const struct vertex *v)
{
	for (unsigned int t = i->options.first_ttl; t + 1 < v->ttl; t++)
		if (graph_find(m->graph, (uint8_t)t, &v->addr) != GRAPH_NONE)
			return true;
	return false;
}

/* Whether flows may come to this vertex from one with its own address. */
static bool
is_own_ancestor(struct mda *m, const struct vertex *of, uint32_t vertex, uint32_t stamp)
{
	const struct vertex *told = graph_vertex(m->graph, vertex);

	for (uint32_t k = 0; k < told->prev_count; k++) {
		uint32_t before = graph_link(m->graph, told->prev[k])->from;

		if (m->vertices[before].stamp == stamp)
			continue;
		m->vertices[before].stamp = stamp;
		if ((told != of &&
			addr_equal(&graph_vertex(m->graph, before)->addr, &of->addr)) ||
		    is_own_ancestor(m, of, before, stamp))
			return true;
	}
	return false;
}

/* How many addresses came back on the way to this vertex. */
static uint32_t
came_back(struct mda *m, const struct vertex *told)
{
	uint32_t most = 0;

	for (uint32_t k = 0; k < told->prev_count; k++) {
		uint32_t before = graph_link(m->graph, told->prev[k])->from;

		if (m->vertices[before].came_back > most)
			most = m->vertices[before].came_back;
	}
	return most + (m->vertices[told->number].looks_looped &&
			  is_own_ancestor(m, told, told->number, ++m->stamp));
}

/*
 * Where paths have been in a loop for too long they are not followed. Not each flow's
 * own: it may not have been asked at all hops.
 */
static void
find_loops(struct instance *i, struct mda *m)
{
	for (unsigned int t = i->options.first_ttl; t <= m->alive; t++) {
		uint32_t count;
		const uint32_t *vertices = graph_hop(m->graph, (uint8_t)t, &count);

		for (uint32_t k = 0; k < count; k++) {
			const struct vertex *told = graph_vertex(m->graph, vertices[k]);
			struct mda_vertex *v = &m->vertices[vertices[k]];

			v->came_back = came_back(m, told);
			if (v->came_back < i->options.loop_limit)
				continue;
			v->looped = true;
			for (uint32_t f = 0; f < told->flows_count; f++)
				flow_stop(i, m, told->flows[f], (uint8_t)t);
		}
	}
}

/* New vertices of the graph get what is beside it. */
bool
mda_follow_graph(struct instance *i, struct mda *m, uint32_t known)
{
	uint32_t count = graph_vertices(m->graph);

	if (graph_failed(m->graph))
		mda_fail(i, m);
	if (m->ended || !mda_reserve(i, m, &m->vertices, &m->vertices_room, count,
			    sizeof(*m->vertices)))
		return false;
	for (uint32_t v = known; v < count; v++) {
		const struct vertex *told = graph_vertex(m->graph, v);

		if (told->kind != VERTEX_ROUTER || i->options.loop_limit == 0)
			continue;
		m->vertices[v].looks_looped = looks_looped(i, m, told);
		m->any_loop = m->any_loop || m->vertices[v].looks_looped;
	}
	return true;
}

/* A flow has got a place, and with it those silent hops that are behind. */
void
mda_placed(struct instance *i, struct mda *m, uint32_t flow, uint8_t ttl)
{
	unsigned int t = ttl;
	uint32_t here;

	do {
		const struct mda_hop *h = &m->hops[t];

		ask_recount(i, m, flow, t);
		here = t > i->options.max_ttl ? GRAPH_NONE
					      : graph_place(m->graph, flow, (uint8_t)t);
		if (here == GRAPH_NONE)
			break;
		m->vertices[here].seen_at = h->settled - h->waiting;
		m->vertices[here].given_up = false;
		if (t > m->linked && graph_vertex(m->graph, here)->prev_count > 0 &&
		    graph_vertex(m->graph, here)->kind != VERTEX_SILENT)
			m->linked = (uint8_t)t;
		t++;
	} while (t == ttl + 1U || graph_vertex(m->graph, here)->kind == VERTEX_SILENT);
	ask_recount(i, m, flow, t);
	if (m->any_loop)
		find_loops(i, m);
}

/* A hop that answered shows that there are more: scouts may go on. */
static void
extend_reach(const struct instance *i, struct mda *m, uint8_t ttl)
{
	unsigned int hops = ttl - i->options.first_ttl + 1U;
	unsigned int reach;

	if (ttl >= m->beyond && ttl < i->options.max_ttl) {
		hop_mark(m, m->beyond);
		for (unsigned int t = m->beyond; t <= ttl; t++)
			hop_mark(m, t);
		m->beyond = (uint8_t)(ttl + 1);
	}
	if (hops <= HOPS_CERTAIN)
		return;
	reach = ttl + (hops - HOPS_CERTAIN) * HOPS_FOR_EACH;
	if (reach > i->options.max_ttl)
		reach = i->options.max_ttl;
	if (reach > m->reach)
		m->reach = (uint8_t)reach;
}

/* ---- answers ---- */

static enum vertex_kind
kind_of(const struct prober_result *r)
{
	return (r->flags & RESULT_FINAL) != 0 ? VERTEX_END : VERTEX_ROUTER;
}

/* What an answer of whatever attempt says of its flow's place. */
static void
learn(struct instance *i, struct mda *m, const struct prober_result *r)
{
	enum vertex_kind kind = kind_of(r);
	uint32_t known = graph_vertices(m->graph);
	uint32_t v = graph_answer(m->graph, r->flow, r->ttl, &r->from, kind,
	    (r->flags & RESULT_REACHED) != 0);
	uint32_t before;

	if (!mda_follow_graph(i, m, known) || v == GRAPH_NONE)
		return;
	before = graph_place(m->graph, r->flow, (uint8_t)(r->ttl - 1));
	if (before != GRAPH_NONE && graph_vertex(m->graph, before)->changes > 0)
		m->any_unstable = true;
	m->alive = r->ttl > m->alive ? r->ttl : m->alive;
	if (kind == VERTEX_ROUTER)
		extend_reach(i, m, r->ttl);
	else if (m->end_ttl == 0 || r->ttl < m->end_ttl)
		m->end_ttl = r->ttl;
	mda_placed(i, m, r->flow, r->ttl);
	if (kind == VERTEX_END)
		flow_stop(i, m, r->flow, r->ttl);
}

static void
note_rtt(struct instance *i, struct mda *m, uint8_t ttl, int64_t rtt)
{
	struct mda_hop *h = &m->hops[ttl];
	bool first = h->rtt == 0;

	m->heard_at = instance_now(i);
	h->rtt = rtt > h->rtt ? rtt : h->rtt;
	m->longest_rtt = rtt > m->longest_rtt ? rtt : m->longest_rtt;
	if (first)
		mda_shorten_waits(i, m);
}

/* Who answers now is no more than slow with other answers. */
static void
note_sent(struct mda *m, const struct out *o, const struct addr *from)
{
	uint32_t v = graph_find(m->graph, o->ttl, from);

	if (v != GRAPH_NONE && m->vertices[v].answer_sent < o->sent_at)
		m->vertices[v].answer_sent = o->sent_at;
}

void
mda_repeat_done(struct mda *m, uint32_t flow, uint8_t ttl)
{
	uint32_t v = graph_place(m->graph, flow, (uint8_t)(ttl - 1));

	if (v != GRAPH_NONE && m->vertices[v].repeats_out > 0)
		m->vertices[v].repeats_out--;
	hop_mark(m, ttl - 1U);
}

/* An answer to this ask, whichever of its probes brought it. */
void
mda_answered(struct instance *i, struct mda *m, const struct prober_result *r)
{
	struct ask *a = ask_find(m, r->flow, r->ttl);

	if (a->state == ASK_OUT)
		out_unlink(m, a->out);
	if (a->state != ASK_ANSWERED && a->state != ASK_DROPPED) {
		hop_note_answer(i, m, r->ttl, (uint8_t)(r->query + 1));
		ask_set(i, m, r->flow, r->ttl, ASK_ANSWERED);
	}
	learn(i, m, r);
}

void
mda_reply(struct instance *i, struct mda *m, const struct reply_view *view)
{
	uint32_t out = out_of_probe(m, view->probe);
	struct prober_result result = *view->result;
	struct out o;

	m->tags_seen =
	    m->tags_seen || (!view->alone && (result.flags & RESULT_BY_ADDRESS) == 0);
	if (out == MDA_NONE)
		return;
	o = m->outs[out];
	out_free(m, out);
	if (o.repeat)
		mda_repeat_done(m, o.flow, o.ttl);
	note_rtt(i, m, o.ttl, result.rtt);
	instance_report(i, &result);
	mda_answered(i, m, &result);
	note_sent(m, &o, &result.from);
}

/* A late answer is an answer, as long as it is certain whose. */
void
mda_late(struct instance *i, struct mda *m, const struct reply_view *view)
{
	const struct prober_result *r = view->result;

	if (ask_find(m, r->flow, r->ttl) == NULL || view->alone ||
	    m->flows[r->flow].barred)
		return;
	note_rtt(i, m, r->ttl, r->rtt);
	mda_answered(i, m, r);
}
