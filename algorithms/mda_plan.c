/*
 * What multipath detection asks next. All of it follows from what is known: hop by hop,
 * how many more flows each vertex needs for its next stopping point, which flows are
 * known to pass it and not yet asked behind it, and how many of those in flight may
 * come to it. A flow is asked ahead of what is known only when it will almost certainly
 * be of use.
 */
#include <math.h>

#include "algorithms/mda.h"

/* What may be wasted to save round trips: for each flow that there is at a hop ... */
#define WASTE_EACH 0.003
#define WASTE_LAST 0.4 /* ... and when only one is missing any more. */
/* A flow whose place is not known yet is asked behind it if it is as likely of use. */
#define USEFUL 0.9
/* Balancers are taken for even ones until so many flows a vertex say something else. */
#define EVEN 10.0
/* Whoever sends its flows so much more often to a vertex than others do is its own. */
#define DEDICATED 1.5
/* A vertex not met although so many flows more than chance allows should have come. */
#define PATIENCE 7.0

/* A hop's vertices and how many more flows each of them needs. */
struct hop_needs {
	const uint32_t *vertices;
	uint32_t count;
	uint32_t *wanted;        /* by place in vertices */
	double *shares;          /* of the flows that come to this hop */
	const struct link **own; /* from a vertex whose flows come there most often */
	uint32_t sum;            /* of wanted */
	uint32_t flows;          /* at this hop */
	double unseen;           /* share of vertices that are not known yet */
	bool unknown;            /* nobody is known here: the one is who will be */
};

/* ---- chances ---- */

/* P(fewer than d of m come) when each does with p. */
static double
fewer(uint32_t m, double p, uint32_t d)
{
	double mean = m * p, sum = 0, term;

	if (m < d)
		return 1;
	if (d == 0 || p > 0.9999)
		return 0;
	if (mean > 60)
		return 0.5 * erfc((mean - d + 0.5) / sqrt(2 * mean * (1 - p)));
	term = exp(m * log1p(-p));
	for (uint32_t k = 0; k < d; k++) {
		sum += term;
		term *= (m - k) * p / ((k + 1) * (1 - p));
	}
	return sum < 1 ? sum : 1;
}

/* P(all vertices have what they need after m flows came to the hop). */
static double
enough(const struct hop_needs *n, uint32_t m)
{
	double all = 1;

	for (uint32_t v = 0; v < n->count && all > 0; v++)
		if (n->wanted[v] > 0)
			all *= 1 - fewer(m, n->shares[v], n->wanted[v]);
	return all;
}

/*
 * How many flows to send to a hop for what its vertices need. Each one that comes when
 * all have what they need is wasted: few of these are allowed.
 */
static uint32_t
flows_for(const struct hop_needs *n)
{
	double waste = WASTE_LAST / n->sum + WASTE_EACH * n->flows;
	uint32_t count = n->sum, step = 1;

	while (count < GRAPH_FLOWS_MAX) {
		waste -= step * enough(n, count + step / 2);
		if (waste < 0)
			break;
		count += step;
		step = 1 + (count - n->sum) / 8;
	}
	return count;
}

/* P(the m-th of flows whose places are not known is of use to some vertex). */
static double
use_of(const struct hop_needs *n, uint32_t m)
{
	double use = n->unseen;

	for (uint32_t v = 0; v < n->count; v++)
		if (n->wanted[v] > 0)
			use += (1 - n->unseen) * n->shares[v] *
			       fewer(m - 1, n->shares[v], n->wanted[v]);
	return use;
}

/* How many of them, of which there are at most `most`, are almost certainly of use. */
static uint32_t
useful(const struct hop_needs *n, uint32_t most)
{
	uint32_t low = 0, high = most;

	while (low < high) {
		uint32_t m = low + (high - low + 1) / 2;

		if (use_of(n, m) >= USEFUL)
			low = m;
		else
			high = m - 1;
	}
	return low;
}

/* ---- flows ---- */

uint32_t
flow_spare(struct instance *i, struct mda *m, uint32_t vertex)
{
	const struct vertex *told = graph_vertex(m->graph, vertex);
	struct mda_vertex *v = &m->vertices[vertex];
	uint32_t from = v->cursor < told->flows_count ? v->cursor : 0;

	if (v->spare == 0)
		return MDA_NONE;
	for (uint32_t k = 0; k < told->flows_count; k++) {
		uint32_t at = (from + k) % told->flows_count;
		uint32_t flow = told->flows[at];
		const struct ask *a = ask_find(m, flow, told->ttl + 1U);

		if (a == NULL || a->class != CLASS_SPARE || a->owner != vertex)
			continue;
		if (!flow_is_idle(i, m, flow))
			continue;
		v->cursor = at;
		return flow;
	}
	return MDA_NONE;
}

uint32_t
flow_fresh(struct instance *i, struct mda *m, uint8_t ttl)
{
	struct mda_hop *h = &m->hops[ttl];
	unsigned int behind = ttl < i->options.max_ttl ? ttl + 1U : ttl;

	for (uint32_t flow = h->fresh;; flow++) {
		bool ended;

		if (flow == m->flows_count && flow_new(i, m, ttl) == MDA_NONE)
			return MDA_NONE;
		if (!ask_is_new(m, flow, ttl) || !flow_may(m, flow, ttl) ||
		    !flow_may(m, flow, behind) ||
		    (ttl > i->options.first_ttl &&
			graph_place(m->graph, flow, (uint8_t)(ttl - 1)) !=
			    GRAPH_NONE)) {
			h->fresh += flow == h->fresh;
			continue;
		}
		/* Without a tag its end and a duplicate of that look alike. */
		ended = m->flows[flow].stop != 0 && mda_is_apart(i, m);
		if (flow_is_idle(i, m, flow) && !ended)
			return flow;
	}
}

/* ---- what a vertex needs ---- */

/* Flows may come here or not, from one time to the next: they prove nothing. */
static bool
is_shaky(const struct mda *m, const struct vertex *told)
{
	for (uint32_t k = 0; k < told->prev_count; k++) {
		const struct link *l = graph_link(m->graph, told->prev[k]);

		if (m->vertices[l->from].shaky ||
		    graph_vertex(m->graph, l->from)->changes > 0)
			return true;
	}
	return false;
}

/* Flows that must be seen behind a vertex to be done with it. */
uint32_t
mda_needed_by(const struct instance *i, struct mda *m, const struct vertex *told)
{
	const struct mda_vertex *v = &m->vertices[told->number];
	uint32_t known = told->next_count > 0 ? told->next_count : 1;

	if (told->kind == VERTEX_END || v->looped || v->given_up || told->changes > 0 ||
	    (told->flows_count == 0 && told->kind != VERTEX_SOURCE))
		return 0;
	if (m->lite && !m->hops[told->ttl].full)
		return lite_needed_by(i, m, told);
	if (known >= m->children) {
		m->too_many_children = true;
		return 0;
	}
	if (v->shaky)
		known = 1;
	return stopping_point(m->stopping, known + 1);
}

/* One flow alone where others are lost, at a hop that answers: that may be all it is.
 */
static bool
may_be_loss(const struct mda *m, const struct vertex *told)
{
	const struct mda_hop *h = &m->hops[told->ttl];

	return told->kind == VERTEX_SILENT && told->flows_count == 1 && h->lost > 0 &&
	       h->flying == 0;
}

/* Asks the vertex' own flows as far as they go; returns how many more it needs. */
static uint32_t
serve(struct instance *i, struct mda *m, const struct vertex *told)
{
	const struct mda_vertex *v = &m->vertices[told->number];
	uint32_t need = mda_needed_by(i, m, told);

	while (told->evidence + v->pending < need && !m->blocked) {
		uint32_t flow = flow_spare(i, m, told->number);

		if (flow == MDA_NONE ||
		    !ask_now(i, m, flow, (uint8_t)(told->ttl + 1), false))
			break;
	}
	if (told->evidence + v->pending + v->spare >= need || v->shaky)
		return 0;
	if (may_be_loss(m, told)) {
		m->vertices[told->number].given_up = true;
		return 0;
	}
	return need - told->evidence - v->pending - v->spare;
}

/* It should have been met again long ago. */
static bool
is_lost(const struct mda *m, const struct vertex *told, double share)
{
	const struct mda_hop *h = &m->hops[told->ttl];
	int32_t since =
	    (int32_t)(h->settled - h->waiting - m->vertices[told->number].seen_at);

	return since * share > PATIENCE - log(m->alpha);
}

/* Twice as much as there are vertices, for a part of them at a time. */
static bool
make_room(struct instance *i, struct mda *m, uint32_t count)
{
	return mda_reserve(
		   i, m, &m->shares, &m->shares_room, 2 * count, sizeof(*m->shares)) &&
	       mda_reserve(
		   i, m, &m->wanted, &m->wanted_room, 2 * count, sizeof(*m->wanted)) &&
	       mda_reserve(
		   i, m, &m->own, &m->own_room, 2 * count, sizeof(const struct link *));
}

/* Flows at the hop's vertices. */
static uint32_t
count_flows(struct mda *m, struct hop_needs *n, uint32_t *live)
{
	uint32_t flows = 0, single = 0;

	*live = 0;
	for (uint32_t k = 0; k < n->count; k++) {
		const struct vertex *told = graph_vertex(m->graph, n->vertices[k]);
		struct mda_vertex *v = &m->vertices[n->vertices[k]];

		flows += told->flows_count;
		single += told->flows_count == 1;
		*live += told->flows_count > 0;
		v->shaky = m->any_unstable && n->count > 1 && is_shaky(m, told);
	}
	n->unseen = *live < 2 ? 0 : single / (flows + 4.0);
	return flows;
}

/* Serves a hop's vertices and says what they lack. False: no memory. */
static bool
find_needs(struct instance *i, struct mda *m, uint8_t ttl, struct hop_needs *n)
{
	uint32_t flows, live;

	*n = (struct hop_needs){0};
	n->vertices = graph_hop(m->graph, ttl, &n->count);
	if (!make_room(i, m, n->count + 1))
		return false;
	n->wanted = m->wanted;
	n->shares = m->shares;
	n->own = m->own;
	n->flows = flows = count_flows(m, n, &live);
	for (uint32_t k = 0; k < n->count; k++) {
		const struct vertex *told = graph_vertex(m->graph, n->vertices[k]);

		n->shares[k] = (told->flows_count + EVEN) / (flows + EVEN * live);
		n->wanted[k] = serve(i, m, told);
		if (n->wanted[k] > 0 && is_lost(m, told, n->shares[k])) {
			m->vertices[told->number].given_up = true;
			n->wanted[k] = 0;
		}
		n->sum += n->wanted[k];
	}
	if (live == 0 && m->hops[ttl].flying > 0) {
		n->unknown = true;
		n->count = 1;
		n->shares[0] = 1;
		n->sum = n->wanted[0] = stopping_point(m->stopping, 2);
	}
	return true;
}

/* ---- more flows for a hop ---- */

/* Asks so many more flows at a hop: those of `from` while there are, or fresh ones. */
static uint32_t
ask_more(struct instance *i, struct mda *m, uint8_t ttl, uint32_t from, uint32_t count)
{
	uint32_t asked = 0;

	while (asked < count && !m->blocked) {
		uint32_t flow =
		    from != MDA_NONE ? flow_spare(i, m, from) : flow_fresh(i, m, ttl);

		if (flow == MDA_NONE || !ask_now(i, m, flow, ttl, false))
			break;
		ask_find(m, flow, ttl)->fresh = from == MDA_NONE;
		asked++;
	}
	return asked;
}

/* How likely a flow of the link's source takes it. */
static double
share_of_link(const struct mda *m, const struct link *l)
{
	const struct vertex *from = graph_vertex(m->graph, l->from);

	return (l->flows_count + 1.0) / (from->evidence + from->next_count);
}

/* The predecessor whose flows come to this vertex by far the most often, or NULL. */
static const struct link *
own_predecessor(const struct mda *m, const struct vertex *told, double share)
{
	const struct link *best = NULL;

	for (uint32_t k = 0; k < told->prev_count; k++) {
		const struct link *l = graph_link(m->graph, told->prev[k]);
		const struct mda_vertex *from = &m->vertices[l->from];

		if (from->spare + from->pending > 0 &&
		    share_of_link(m, l) >= DEDICATED * share &&
		    (best == NULL || share_of_link(m, l) > share_of_link(m, best)))
			best = l;
	}
	return best;
}

/*
 * Flows of a predecessor that leads to few vertices are the cheapest way to those that
 * are its own. They are taken out of what is needed: as long as it has flows to spare
 * all of it, then what those in flight will bring. Returns how many these are.
 */
static uint32_t
ask_through(
    struct instance *i, struct mda *m, uint8_t ttl, struct hop_needs *n, uint32_t from)
{
	const struct mda_vertex *v = &m->vertices[from];
	struct hop_needs own = {.wanted = n->wanted + n->count,
	    .shares = n->shares + n->count,
	    .flows = graph_vertex(m->graph, from)->evidence};
	uint32_t count;

	for (uint32_t k = 0; k < n->count; k++) {
		const struct link *l = n->own[k];

		if (l == NULL || l->from != from)
			continue;
		own.wanted[own.count] = n->wanted[k];
		own.shares[own.count++] = share_of_link(m, l);
		own.sum += n->wanted[k];
	}
	count = flows_for(&own);
	if (count > v->pending)
		(void)ask_more(i, m, ttl, from, count - v->pending);
	for (uint32_t k = 0; k < n->count; k++) {
		const struct link *l = n->own[k];
		uint32_t met;

		if (l == NULL || l->from != from)
			continue;
		met = v->spare > 0 ? n->wanted[k]
				   : (uint32_t)(v->pending * share_of_link(m, l) + 0.5);
		met = met < n->wanted[k] ? met : n->wanted[k];
		n->wanted[k] -= met;
		n->sum -= met;
		n->own[k] = NULL;
	}
	return v->pending;
}

/* Flows of predecessors from where they may go to a vertex that lacks some. */
static uint32_t
ask_known(struct instance *i, struct mda *m, uint8_t ttl, const struct hop_needs *n,
    uint32_t count)
{
	uint32_t asked = 0;

	for (uint32_t k = 0; k < n->count && asked < count; k++) {
		const struct vertex *told = graph_vertex(m->graph, n->vertices[k]);

		for (uint32_t p = 0; n->wanted[k] > 0 && p < told->prev_count; p++) {
			const struct link *l = graph_link(m->graph, told->prev[p]);

			if (l->from != GRAPH_SOURCE)
				asked += ask_more(i, m, ttl, l->from, count - asked);
		}
	}
	return asked;
}

static bool
is_silent(const struct mda *m, uint32_t vertex)
{
	const struct vertex *told = graph_vertex(m->graph, vertex);

	return told->kind == VERTEX_SILENT && told->flows_count > 0;
}

/*
 * Where there is a silent vertex, flows that should have been answered long ago most
 * probably come to it: of those in flight, at most `most`, so many are accounted for.
 */
static uint32_t
expect_silence(
    struct instance *i, struct mda *m, uint8_t ttl, struct hop_needs *n, uint32_t most)
{
	const struct mda_hop *h = &m->hops[ttl];
	const int64_t before = instance_now(i) - 2 * h->rtt;
	uint32_t late = h->waiting + h->queue_to - h->queue_from, left;
	bool silent = false;

	for (uint32_t k = 0; k < n->count; k++)
		silent = silent || is_silent(m, n->vertices[k]);
	for (uint32_t k = h->outs; silent && k != MDA_NONE; k = m->outs[k].next)
		late += !m->outs[k].repeat &&
			(m->outs[k].sent_at < before ||
			    ask_find(m, m->outs[k].flow, ttl)->attempts > 1);
	left = late = late < most ? late : most;
	for (uint32_t k = 0; silent && k < n->count; k++) {
		uint32_t met = n->wanted[k] < left ? n->wanted[k] : left;

		if (!is_silent(m, n->vertices[k]))
			continue;
		n->wanted[k] -= met;
		n->sum -= met;
		left -= met;
	}
	return silent ? late : 0;
}

static void
ask_for_needs(struct instance *i, struct mda *m, uint8_t ttl, struct hop_needs *n)
{
	uint32_t own = 0, flying, count;

	for (uint32_t k = 0; k < n->count; k++) {
		const struct vertex *told = graph_vertex(m->graph, n->vertices[k]);

		n->own[k] = n->wanted[k] > 0 && told->prev_count > 0
				? own_predecessor(m, told, n->shares[k])
				: NULL;
	}
	for (uint32_t k = 0; k < n->count; k++)
		if (n->own[k] != NULL)
			own += ask_through(i, m, ttl, n, n->own[k]->from);
	flying = m->hops[ttl].flying + m->hops[ttl].waiting;
	flying = flying > own ? flying - own : 0;
	flying -= expect_silence(i, m, ttl, n, flying);
	if (n->sum == 0)
		return;
	count = flows_for(n);
	if (count <= flying)
		return;
	count -= flying;
	count -= ask_known(i, m, ttl, n, count);
	(void)ask_more(i, m, ttl, MDA_NONE, count);
}

/* Flows in flight to a hop are asked behind it already, if that will be of use. */
static void
ask_ahead(struct instance *i, struct mda *m, uint8_t ttl, const struct hop_needs *n)
{
	const struct mda_hop *h = &m->hops[ttl];
	uint32_t ahead = 0, free = 0, more;

	for (uint32_t k = h->outs; k != MDA_NONE; k = m->outs[k].next) {
		const struct out *o = &m->outs[k];

		if (o->repeat || graph_place(m->graph, o->flow, ttl) != GRAPH_NONE)
			continue;
		if (ask_is_new(m, o->flow, ttl + 1U))
			free++;
		else
			ahead++;
	}
	more = useful(n, ahead + free);
	more = more > ahead ? more - ahead : 0;
	for (uint32_t k = h->outs; k != MDA_NONE && more > 0 && !m->blocked;
	     k = m->outs[k].next) {
		uint32_t flow = m->outs[k].flow;

		if (m->outs[k].repeat || !ask_is_new(m, flow, ttl + 1U) ||
		    !flow_may(m, flow, ttl + 1U) ||
		    graph_place(m->graph, flow, ttl) != GRAPH_NONE)
			continue;
		if (!ask_now(i, m, flow, (uint8_t)(ttl + 1), false))
			return;
		more--;
	}
}

/* ---- all hops ---- */

static void
plan_hop(struct instance *i, struct mda *m, uint8_t ttl)
{
	uint8_t last = last_hop(m);
	struct hop_needs n;

	bool full = !m->lite || m->hops[ttl].full;

	if (ttl >= i->options.first_ttl) {
		mda_link_back(i, m, ttl);
		mda_ask_queued(i, m, ttl);
	}
	if (m->lite)
		lite_plan_hop(i, m, ttl, ttl < last);
	if (ttl >= last || !find_needs(i, m, ttl, &n))
		return;
	if (ttl < i->options.first_ttl) {
		if (full)
			(void)ask_more(i, m, i->options.first_ttl, MDA_NONE, n.sum);
		return;
	}
	if (!n.unknown && n.sum > 0)
		ask_for_needs(i, m, ttl, &n);
	if (!mda_is_apart(i, m) && n.sum > 0 && full)
		ask_ahead(i, m, ttl, &n);
	for (uint32_t k = 0; full && !n.unknown && k < n.count && !m->blocked; k++)
		mda_repeat(i, m, graph_vertex(m->graph, n.vertices[k]));
}

/* The flow that finds out how far it is; MDA_NONE: it did, or there is none. */
static uint32_t
scout_flow(struct instance *i, struct mda *m, uint8_t ttl)
{
	uint32_t flow = 0;

	if (mda_is_apart(i, m))
		return flow_fresh(i, m, ttl);
	/* Those of before the first answer may serve a few hops only. */
	while (flow < m->flows_count &&
	       (m->flows[flow].barred || ttl < m->flows[flow].low ||
		   ttl > m->flows[flow].high))
		flow++;
	if (flow == m->flows_count && flow_new(i, m, ttl) == MDA_NONE)
		return MDA_NONE;
	return flow_may(m, flow, ttl) ? flow : MDA_NONE;
}

/* Each hop is asked once before more is known of it, as far as there seems to be one.
 */
static void
scout(struct instance *i, struct mda *m)
{
	const unsigned int limit = i->options.gap_limit;

	while (m->scouted < m->reach && !m->blocked) {
		uint8_t ttl = (uint8_t)(m->scouted + 1);
		uint32_t flow;

		if ((m->end_ttl != 0 && ttl > m->end_ttl) ||
		    (limit != 0 && ttl > m->first_reach && ttl > m->alive + limit))
			return;
		if (!m->hops[ttl].asked) {
			flow = scout_flow(i, m, ttl);
			if (flow == MDA_NONE || !ask_now(i, m, flow, ttl, false))
				return;
		}
		m->scouted = ttl;
	}
}

void
mda_plan(struct instance *i, struct mda *m)
{
	bool again = true;

	scout(i, m);
	while (again && !m->blocked && !m->ended) {
		again = false;
		for (unsigned int t = i->options.first_ttl - 1U;
		     t <= i->options.max_ttl && !m->blocked; t++) {
			uint64_t before = (uint64_t)m->sent + m->queued;
			bool held = m->held;

			if (!m->hops[t].dirty)
				continue;
			m->hops[t].dirty = m->held = false;
			plan_hop(i, m, (uint8_t)t);
			again = again || (uint64_t)m->sent + m->queued != before;
			if (m->blocked || m->held)
				m->hops[t].dirty = true;
			m->held = m->held || held;
		}
	}
}
