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

#include "algorithms/algorithms.h"
#include "algorithms/mda.h"

#define WINDOW_DEFAULT 512
#define ALONE_CERTAIN 2    /* lost when others were answered: that was no chance */
#define MISSED_BY_CHANCE 1 /* in a row; more, and it is rationing */

/* ---- silence ---- */

/* Nobody answers: that is a place too, once the one before is known. */
static void
give_up(struct instance *i, struct mda *m, uint32_t flow, uint8_t ttl)
{
	uint32_t known = graph_vertices(m->graph);

	ask_set(i, m, flow, ttl, ASK_SILENT);
	(void)graph_silent(m->graph, flow, ttl);
	if (!mda_follow_graph(i, m, known))
		return;
	mda_placed(i, m, flow, ttl);
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
		mda_repeat_done(m, o.flow, o.ttl);
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
	mda_answered(i, m, &result);
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
	unsigned int reach = o->first_ttl + MDA_HOPS_AT_ONCE - 1U;

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
	(void)mda_follow_graph(i, m, 0);
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
		mda_reply(i, m, &event->reply);
		break;
	case EVENT_LATE:
		mda_late(i, m, &event->reply);
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

/* on_started knows the third by its name, the tool the second. */
#define MULTIPATH(name_, summary_) \
	{ \
		.name = (name_), .summary = (summary_), .flow_constant = true, \
		.multipath = true, .state_size = sizeof(struct mda), .handle = handle, \
		.doubts = doubts, .clear = clear \
	}

const struct algorithm algorithm_mda =
    MULTIPATH("mda", "all paths of all flows: every node is searched for successors");

const struct algorithm algorithm_exhaustive =
    MULTIPATH("exhaustive", "as mda, printed as the first Paris traceroute did");

const struct algorithm algorithm_mda_lite = MULTIPATH(
    "mda-lite", "all paths with fewer probes: hop by hop where that is enough");
