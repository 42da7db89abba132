/*
 * Multipath detection (Augustin, Friedman, Teixeira, E2EMON 2007): all paths that load
 * balancers use for flows to one target. Each vertex of the graph is searched for
 * successors until the stopping rule (stopping.h) says that there are no more, with
 * flows that are known to pass it.
 *
 * Nothing waits for a hop to be finished. What is known and what is in flight says at
 * any time how many flows are missing where (mda_plan.c), and every answer is acted on
 * at once, at its hop and at those around it. Each flow is asked once at each hop, and
 * again only when the probe was lost, which is no evidence of anything.
 */
#include <stdlib.h>
#include <string.h>

#include "algorithms/algorithms.h"
#include "algorithms/mda.h"

#define HOPS_AT_ONCE 16
/* Beyond these, scouts follow answers: see schedule.c. */
#define HOPS_CERTAIN (HOPS_AT_ONCE - 2)
#define HOPS_FOR_EACH 4
#define WINDOW_DEFAULT 512
#define ALONE_CERTAIN 2    /* lost when others were answered: that was no chance */
#define MISSED_BY_CHANCE 1 /* in a row; more, and it is rationing */

/* ---- places ---- */

/* Nothing more is expected of what a flow was asked at a hop. */
static void
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
static bool
follow_graph(struct instance *i, struct mda *m, uint32_t known)
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
static void
placed(struct instance *i, struct mda *m, uint32_t flow, uint8_t ttl)
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

	if (!follow_graph(i, m, known) || v == GRAPH_NONE)
		return;
	before = graph_place(m->graph, r->flow, (uint8_t)(r->ttl - 1));
	if (before != GRAPH_NONE && graph_vertex(m->graph, before)->changes > 0)
		m->any_unstable = true;
	m->alive = r->ttl > m->alive ? r->ttl : m->alive;
	if (kind == VERTEX_ROUTER)
		extend_reach(i, m, r->ttl);
	else if (m->end_ttl == 0 || r->ttl < m->end_ttl)
		m->end_ttl = r->ttl;
	placed(i, m, r->flow, r->ttl);
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

static void
repeat_done(struct mda *m, uint32_t flow, uint8_t ttl)
{
	uint32_t v = graph_place(m->graph, flow, (uint8_t)(ttl - 1));

	if (v != GRAPH_NONE && m->vertices[v].repeats_out > 0)
		m->vertices[v].repeats_out--;
	hop_mark(m, ttl - 1U);
}

/* An answer to this ask, whichever of its probes brought it. */
static void
answered(struct instance *i, struct mda *m, const struct prober_result *r)
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

static void
on_reply(struct instance *i, struct mda *m, const struct reply_view *view)
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
		repeat_done(m, o.flow, o.ttl);
	note_rtt(i, m, o.ttl, result.rtt);
	instance_report(i, &result);
	answered(i, m, &result);
	note_sent(m, &o, &result.from);
}

/* A late answer is an answer, as long as it is certain whose. */
static void
on_late(struct instance *i, struct mda *m, const struct reply_view *view)
{
	const struct prober_result *r = view->result;

	if (ask_find(m, r->flow, r->ttl) == NULL || view->alone ||
	    m->flows[r->flow].barred)
		return;
	note_rtt(i, m, r->ttl, r->rtt);
	answered(i, m, r);
}

/* ---- silence ---- */

/* Nobody answers: that is a place too, once the one before is known. */
static void
give_up(struct instance *i, struct mda *m, uint32_t flow, uint8_t ttl)
{
	uint32_t known = graph_vertices(m->graph);

	ask_set(i, m, flow, ttl, ASK_SILENT);
	(void)graph_silent(m->graph, flow, ttl);
	if (!follow_graph(i, m, known))
		return;
	placed(i, m, flow, ttl);
	/* At the end of what answers it does not matter where that is. */
	if (graph_place(m->graph, flow, ttl) == GRAPH_NONE && ttl <= m->alive)
		(void)ask_back(i, m, flow, ttl);
}

/*
 * Each router that may have lost it has answered what was sent then or later. Else
 * how often in a row one of them did not.
 */
static bool
others_answer(const struct mda *m, const struct out *o, uint32_t *missed)
{
	uint32_t count, before = graph_place(m->graph, o->flow, (uint8_t)(o->ttl - 1));
	const uint32_t *vertices = graph_hop(m->graph, o->ttl, &count);
	bool all = true;

	*missed = 0;
	for (uint32_t k = 0; k < count; k++) {
		const struct vertex *told = graph_vertex(m->graph, vertices[k]);
		const struct mda_vertex *v = &m->vertices[vertices[k]];

		if (told->kind == VERTEX_SILENT || told->flows_count == 0 ||
		    v->answer_sent >= o->sent_at || !may_follow(m, before, told))
			continue;
		all = false;
		*missed = v->missed > *missed ? v->missed : *missed;
	}
	return all;
}

/*
 * Whether all has been tried. Where others are answered it is a silent router among
 * them, unless those are not answered any more either: that is looked at first, and
 * twice, as it may have been the one answer that was left.
 */
static bool
silence_is_certain(
    struct instance *i, struct mda *m, const struct out *o, struct ask *a)
{
	uint32_t attempts = hop_attempts(i, m, o->ttl), missed;

	if (others_answer(m, o, &missed)) {
		if (a->alone < ALONE_CERTAIN)
			a->alone++;
		if (a->attempts >= attempts &&
		    (a->alone >= ALONE_CERTAIN || attempts < ALONE_CERTAIN))
			return true;
	} else if (a->attempts >= i->options.queries && missed >= MISSED_BY_CHANCE) {
		hop_ration(i, m, o);
	}
	if (a->attempts + 1U >= i->options.queries)
		m->hops[o->ttl].check = true;
	return a->attempts >= ATTEMPTS_MAX;
}

static void
on_timeout(struct instance *i, struct mda *m, struct probe *p)
{
	struct prober_result lost = result_without_reply(i, p, RESULT_TIMEOUT);
	uint32_t out = out_of_probe(m, p);
	struct out o;
	struct ask *a;

	if (out == MDA_NONE)
		return;
	o = m->outs[out];
	a = ask_find(m, o.flow, o.ttl);
	out_free(m, out);
	m->hops[o.ttl].in_row = 0;
	/* What its flow is asked next must not be taken for an answer to it. */
	if (mda_is_apart(i, m))
		instance_withdraw(i, p);
	if (o.repeat)
		repeat_done(m, o.flow, o.ttl);
	if (o.repeat || a->state != ASK_OUT || !silence_is_certain(i, m, &o, a))
		lost.flags |= RESULT_AGAIN;
	instance_report(i, &lost);
	hop_mark(m, o.ttl - 1U);
	if (o.repeat || a->state != ASK_OUT)
		return;
	if ((lost.flags & RESULT_AGAIN) != 0)
		ask_later(i, m, o.flow, o.ttl);
	else
		give_up(i, m, o.flow, o.ttl);
}

/* ---- replies that show no tag ---- */

/* What this flow gets cannot be told apart any more: others do its work. */
static void
flow_bar(struct instance *i, struct mda *m, uint32_t flow)
{
	if (m->flows[flow].barred)
		return;
	m->flows[flow].barred = true;
	for (unsigned int t = i->options.first_ttl; t <= i->options.max_ttl; t++) {
		struct ask *a = ask_find(m, flow, t);

		if (a == NULL)
			continue;
		if (a->state == ASK_OUT) {
			struct prober_result lost = result_without_reply(
			    i, m->outs[a->out].probe, RESULT_TIMEOUT);

			lost.flags |= RESULT_AGAIN;
			if (m->outs[a->out].probe->state == PROBE_IN_FLIGHT)
				instance_report(i, &lost);
			instance_withdraw(i, m->outs[a->out].probe);
			out_free(m, a->out);
		}
		ask_drop(i, m, flow, (uint8_t)t, a);
	}
}

/* Some other hop answered this flow from there. */
static bool
stands_elsewhere(const struct instance *i, const struct mda *m, uint32_t flow,
    uint8_t ttl, const struct addr *from)
{
	for (unsigned int t = i->options.first_ttl; t <= i->options.max_ttl; t++) {
		uint32_t v = graph_place(m->graph, flow, (uint8_t)t);

		if (t != ttl && v != GRAPH_NONE &&
		    addr_equal(&graph_vertex(m->graph, v)->addr, from))
			return true;
	}
	return false;
}

/* It answers at a hop next to this one, and does not here as far as is known. */
static bool
stands_near(
    const struct instance *i, const struct mda *m, uint8_t ttl, const struct addr *from)
{
	if (graph_find(m->graph, ttl, from) != GRAPH_NONE ||
	    addr_equal(from, &i->options.target))
		return false;
	return (ttl > i->options.first_ttl &&
		   graph_find(m->graph, (uint8_t)(ttl - 1), from) != GRAPH_NONE) ||
	       (ttl < i->options.max_ttl &&
		   graph_find(m->graph, (uint8_t)(ttl + 1), from) != GRAPH_NONE);
}

/* A duplicate of another hop's reply looks like this; if it comes again it is none. */
static bool
doubts(const struct instance *i, const void *state, const struct reply_view *v)
{
	const struct mda *m = state;
	const struct probe *p = v->probe;
	const struct ask *a = ask_find(m, p->flow, p->ttl);

	return a != NULL && a->attempts < 2 &&
	       (stands_elsewhere(i, m, p->flow, p->ttl, &v->result->from) ||
		   stands_near(i, m, p->ttl, &v->result->from));
}

/*
 * A reply that fits several probes, all of one flow (or two instances would share it).
 * If they asked the same thing it is the answer; if it is a router's that answered
 * before, it is a duplicate; else the flow is of no use any more.
 */
static void
on_ambiguous(struct instance *i, struct mda *m, const struct event *event)
{
	struct prober_result result = *event->ambiguous.result;
	struct probe *const *probes = event->ambiguous.probes;
	struct probe *newest = event->ambiguous.count > 0 ? probes[0] : NULL;
	bool same = event->ambiguous.others == 0;
	uint32_t flow;

	m->heard_at = instance_now(i);
	if (event->ambiguous.count == 0)
		return;
	flow = probes[0]->flow;
	for (size_t k = 1; k < event->ambiguous.count; k++) {
		same =
		    same && probes[k]->ttl == probes[0]->ttl && probes[k]->flow == flow;
		newest = probes[k]->number > newest->number ? probes[k] : newest;
	}
	if (m->flows[flow].barred)
		return;
	if (event->ambiguous.count < 2 || !same) {
		if (stands_elsewhere(i, m, flow, probes[0]->ttl, &result.from))
			return;
		for (size_t k = 0; !same && k < event->ambiguous.count; k++)
			flow_bar(i, m, probes[k]->flow);
		return;
	}
	if (out_of_probe(m, newest) == MDA_NONE)
		return;
	result.probe = newest->number;
	result.flow = flow;
	result.ttl = newest->ttl;
	result.query = newest->query;
	result.outcome = RESULT_REPLY;
	result.sent = newest->sent;
	result.candidates = 0;
	result.flags |= RESULT_BY_ADDRESS; /* of whichever attempt */
	for (size_t k = 0; k < event->ambiguous.count; k++)
		instance_withdraw(i, probes[k]);
	out_free(m, out_of_probe(m, newest));
	instance_report(i, &result);
	answered(i, m, &result);
}

/* ---- the end ---- */

static enum prober_coverage
coverage(const struct mda *m)
{
	bool untested = false;

	if (m->no_probes)
		return COVERAGE_MAX_PROBES;
	if (m->no_flows)
		return COVERAGE_MAX_FLOWS;
	if (m->too_many_children)
		return COVERAGE_CHILDREN;
	if (m->any_unstable)
		return COVERAGE_UNSTABLE;
	for (uint32_t v = 0; v < graph_vertices(m->graph); v++)
		untested = untested || m->vertices[v].given_up || m->vertices[v].looped;
	return untested ? COVERAGE_UNTESTED : COVERAGE_COMPLETE;
}

/* Why there is no more to ask, and where. */
static enum prober_reason
reason(const struct instance *i, const struct mda *m, uint8_t *end_ttl)
{
	enum prober_reason found = 0;

	*end_ttl = m->scouted;
	for (uint32_t v = 1; v < graph_vertices(m->graph); v++) {
		const struct vertex *told = graph_vertex(m->graph, v);
		enum prober_reason here = 0;

		if (told->flows_count == 0)
			continue;
		if (told->kind == VERTEX_END)
			here = told->reached ? REASON_REACHED : REASON_UNREACHABLE;
		else if (m->vertices[v].looped)
			here = REASON_LOOP;
		if (here == 0 || (found != 0 && here > found) ||
		    (here == found && told->ttl >= *end_ttl))
			continue;
		found = here;
		*end_ttl = told->ttl;
	}
	if (found == 0 && (m->no_probes || m->no_flows))
		found = REASON_SEARCH_LIMIT;
	if (found != 0)
		return found;
	return m->scouted == i->options.max_ttl ? REASON_HOP_LIMIT : REASON_GAP_LIMIT;
}

static void
finish(struct instance *i, struct mda *m)
{
	uint8_t end_ttl;
	enum prober_reason why = reason(i, m, &end_ttl);

	i->done.coverage = (uint8_t)coverage(m);
	mda_end(i, m, why, end_ttl);
}

/* ---- events ---- */

static void
on_started(struct instance *i, struct mda *m)
{
	const struct prober_start *o = &i->options;
	uint32_t alpha = o->alpha != 0 ? o->alpha : PROBER_ALPHA_DEFAULT;
	unsigned int reach = o->first_ttl + HOPS_AT_ONCE - 1U;

	m->alpha =
	    stopping_alpha_of_graph((double)alpha / PROBER_ALPHA_UNIT, o->branching);
	m->children =
	    o->children != 0 && o->children < STOPPING_MAX ? o->children : STOPPING_MAX;
	m->max_flows = o->max_flows != 0 && o->max_flows < GRAPH_FLOWS_MAX
			   ? o->max_flows
			   : GRAPH_FLOWS_MAX;
	m->phi = o->phi > 2 ? o->phi : 2;
	m->lite = i->algorithm == &algorithm_mda_lite;
	m->window = o->window != 0 ? o->window : WINDOW_DEFAULT;
	m->outs_free = MDA_NONE;
	for (size_t t = 0; t < 257; t++) {
		m->hops[t].outs = m->hops[t].outs_last = MDA_NONE;
		m->hops[t].window = UINT16_MAX;
	}
	m->reach = (uint8_t)(reach < o->max_ttl ? reach : o->max_ttl);
	m->first_reach = m->reach;
	m->scouted = (uint8_t)(o->first_ttl - 1);
	m->beyond = o->first_ttl;
	m->alarm = INT64_MAX;
	m->graph = graph_new(o->first_ttl, o->max_ttl);
	m->stopping = stopping_new(m->alpha);
	if (m->graph == NULL || m->stopping == NULL) {
		mda_fail(i, m);
		return;
	}
	i->done.coverage = COVERAGE_STOPPED; /* unless it ends in order */
	hop_mark(m, o->first_ttl - 1U);
	(void)follow_graph(i, m, 0);
}

/* As in traceroute.c: only that a probe is too large for our own link is an answer. */
static void
on_send_failed(struct instance *i, struct mda *m, const struct event *event)
{
	struct probe *p = event->failed.probe;
	struct prober_result failed = result_without_reply(i, p, RESULT_SEND_FAILED);

	failed.error = event->failed.error;
	failed.mtu = event->failed.mtu;
	if (failed.mtu != 0)
		failed.flags = RESULT_FINAL;
	instance_report(i, &failed);
	if (out_of_probe(m, p) != MDA_NONE)
		out_free(m, out_of_probe(m, p));
	mda_end(i, m, failed.mtu != 0 ? REASON_UNREACHABLE : REASON_FAILED, p->ttl);
}

/*
 * When silence says that hops in reach do not all answer, so that those beyond must be
 * asked; INT64_MAX: it says nothing.
 */
static int64_t
silence_alarm(const struct instance *i, const struct mda *m)
{
	if (m->end_ttl != 0 || m->reach == i->options.max_ttl || m->longest_rtt == 0)
		return INT64_MAX;
	return m->heard_at + wait_by(i, i->options.wait_here, m->longest_rtt);
}

static void
set_timer(struct instance *i, struct mda *m)
{
	int64_t at = silence_alarm(i, m);

	at = m->wake < at ? m->wake : at;
	if (at == m->alarm)
		return;
	m->alarm = at;
	instance_set_timer(i, at);
}

static void
on_timer(struct instance *i, struct mda *m)
{
	int64_t now = instance_now(i);

	if (now >= m->alarm)
		m->alarm = INT64_MAX;
	if (now >= silence_alarm(i, m))
		m->reach = i->options.max_ttl;
	for (unsigned int t = 0; t < 256; t++) {
		struct mda_hop *h = &m->hops[t];

		if (h->not_before == 0 || now < h->not_before)
			continue;
		h->not_before = 0;
		hop_mark(m, t);
		hop_mark(m, t - 1U);
	}
}

static void
handle(struct instance *i, void *state, const struct event *event)
{
	struct mda *m = state;

	m->apart = mda_is_apart(i, m);
	switch (event->type) {
	case EVENT_STARTED:
		on_started(i, m);
		break;
	case EVENT_REPLY:
		on_reply(i, m, &event->reply);
		break;
	case EVENT_LATE:
		on_late(i, m, &event->reply);
		break;
	case EVENT_TIMEOUT:
		on_timeout(i, m, event->probe);
		break;
	case EVENT_SEND_FAILED:
		on_send_failed(i, m, event);
		break;
	case EVENT_AMBIGUOUS:
		on_ambiguous(i, m, event);
		break;
	case EVENT_TIMER:
		on_timer(i, m);
		break;
	case EVENT_STOPPED:
		mda_end(i, m, event->stopped, m->scouted);
		break;
	case EVENT_DUPLICATE:
		break;
	}
	if (m->ended)
		return;
	m->blocked = m->held = false;
	m->wake = INT64_MAX;
	mda_plan(i, m);
	if (m->ended)
		return;
	if (m->needed == 0 &&
	    ((!m->blocked && !m->held && m->queued == 0) || m->no_probes))
		finish(i, m);
	else
		set_timer(i, m);
}

static void
clear(struct instance *i, void *state)
{
	struct mda *m = state;

	(void)i;
	for (uint32_t k = 0; k < m->outs_count; k++)
		probe_unref(m->outs[k].probe);
	for (size_t t = 0; t < 257; t++) {
		free(m->hops[t].asks);
		free(m->hops[t].queue);
	}
	graph_free(m->graph);
	stopping_free(m->stopping);
	free(m->flows);
	free(m->vertices);
	free(m->outs);
	free(m->by_probe);
	free(m->shares);
	free(m->wanted);
	free(m->own);
}

const struct algorithm algorithm_mda = {
    .name = "mda",
    .summary = "all paths of all flows: every node is searched for successors",
    .flow_constant = true,
    .multipath = true,
    .state_size = sizeof(struct mda),
    .handle = handle,
    .doubts = doubts,
    .clear = clear,
};

const struct algorithm algorithm_exhaustive = {
    .name = "exhaustive",
    .summary = "as mda, printed as the first Paris traceroute did",
    .flow_constant = true,
    .multipath = true,
    .state_size = sizeof(struct mda),
    .handle = handle,
    .doubts = doubts,
    .clear = clear,
};

const struct algorithm algorithm_mda_lite = {
    .name = "mda-lite",
    .summary = "all paths with fewer probes: hop by hop where that is enough",
    .flow_constant = true,
    .multipath = true,
    .state_size = sizeof(struct mda),
    .handle = handle,
    .doubts = doubts,
    .clear = clear,
};
