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
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/algorithms.h"
#include "algorithms/mda.h"

#define HOPS_AT_ONCE 16
/* Beyond these, scouts follow answers: see traceroute.c. */
#define HOPS_CERTAIN (HOPS_AT_ONCE - 2)
#define HOPS_FOR_EACH 4
#define WINDOW_DEFAULT 512
/* Silence is believed when loss, as far as it is known, is so unlikely to cause it ...
 */
#define SILENCE_CERTAIN 1e-6
#define ATTEMPTS_MAX 24 /* ... or after so many attempts. */
/* Where answers are rationed: probes in flight at first, and pauses between them. */
#define WINDOW_RATIONED 8
#define PAUSE_MIN (50 * NS_PER_MS)
#define PAUSE_MAX NS_PER_SECOND
#define MISSED_BY_CHANCE 2 /* in a row; more, and it is rationing */
#define IN_ROW 4           /* so many answers in a row, and more is tried */
/* While replies show no tag: a flow serves so many pairs of hops, in turn. */
#define ZONE 3

/* ---- memory ---- */

static void
fail(struct instance *i, struct mda *m)
{
	if (m->ended)
		return;
	m->ended = true;
	i->done.error = ENOMEM;
	snprintf(i->done.detail, sizeof(i->done.detail),
	    "no memory for %u probes of %u flows", m->sent, m->flows_count);
	instance_finish(i, REASON_FAILED, 0);
}

/* Makes room for `wanted` items, new ones zero; on failure the trace has ended. */
static bool
reserve(struct instance *i, struct mda *m, void *array, uint32_t *room, uint32_t wanted,
    size_t size)
{
	uint32_t more = *room == 0 ? 16 : *room * 2;
	void *grown;

	if (wanted <= *room)
		return true;
	if (more < wanted)
		more = wanted;
	memcpy(&grown, array, sizeof(grown));
	grown = realloc(grown, more * size);
	if (grown == NULL) {
		fail(i, m);
		return false;
	}
	memset((char *)grown + *room * size, 0, (more - *room) * size);
	memcpy(array, &grown, sizeof(grown));
	*room = more;
	return true;
}

/* ---- flows ---- */

bool
mda_is_apart(const struct instance *i, const struct mda *m)
{
	return i->flow_window == 1 || (i->quotes_may_be_short && !m->tags_seen);
}

bool
flow_may(const struct mda *m, uint32_t flow, unsigned int ttl)
{
	const struct mda_flow *f = &m->flows[flow];

	return !f->barred && (f->stop == 0 || ttl <= f->stop) && ttl >= f->low &&
	       ttl <= f->high;
}

bool
flow_is_idle(const struct instance *i, const struct mda *m, uint32_t flow)
{
	return m->flows[flow].outs == 0 || !mda_is_apart(i, m);
}

uint32_t
flow_new(struct instance *i, struct mda *m, uint8_t ttl)
{
	struct mda_flow *f;

	if (m->flows_count == m->max_flows) {
		m->no_flows = true;
		return MDA_NONE;
	}
	if (!reserve(
		i, m, &m->flows, &m->flows_room, m->flows_count + 1, sizeof(*m->flows)))
		return MDA_NONE;
	f = &m->flows[m->flows_count];
	*f = (struct mda_flow){.low = i->options.first_ttl, .high = i->options.max_ttl};
	if (mda_is_apart(i, m)) {
		unsigned int zone = ((unsigned int)ttl - i->options.first_ttl) / ZONE;
		unsigned int low = i->options.first_ttl + zone * ZONE;

		f->low = (uint8_t)low;
		f->high = (uint8_t)(low + ZONE < f->high ? low + ZONE : f->high);
	}
	return m->flows_count++;
}

/* ---- what is in flight ---- */

static uint32_t
out_of_probe(const struct mda *m, const struct probe *p)
{
	uint32_t out;

	if (p->number >= m->by_probe_room)
		return MDA_NONE;
	out = m->by_probe[p->number] - 1;
	return out != MDA_NONE && m->outs[out].probe == p ? out : MDA_NONE;
}

static bool
out_get(struct instance *i, struct mda *m, uint32_t *out)
{
	if (m->outs_free != MDA_NONE) {
		*out = m->outs_free;
		m->outs_free = m->outs[*out].next;
		return true;
	}
	if (!reserve(
		i, m, &m->outs, &m->outs_room, m->outs_count + 1, sizeof(*m->outs)))
		return false;
	*out = m->outs_count++;
	return true;
}

static void
out_link(struct mda *m, uint32_t out)
{
	struct out *o = &m->outs[out];
	struct mda_hop *h = &m->hops[o->ttl];

	o->next = MDA_NONE;
	o->prev = h->outs_last;
	if (o->prev != MDA_NONE)
		m->outs[o->prev].next = out;
	else
		h->outs = out;
	h->outs_last = out;
	h->out_count++;
	m->needed++;
}

/* Nothing waits for it any more. */
static void
out_unlink(struct mda *m, uint32_t out)
{
	struct out *o = &m->outs[out];
	struct mda_hop *h = &m->hops[o->ttl];

	if (o->moot)
		return;
	o->moot = true;
	if (o->prev != MDA_NONE)
		m->outs[o->prev].next = o->next;
	else
		h->outs = o->next;
	if (o->next != MDA_NONE)
		m->outs[o->next].prev = o->prev;
	else
		h->outs_last = o->prev;
	h->out_count--;
	m->needed--;
}

static void
out_free(struct mda *m, uint32_t out)
{
	struct out *o = &m->outs[out];
	struct mda_flow *f = &m->flows[o->flow];

	out_unlink(m, out);
	/* It may have been waited for. */
	if (--f->outs == 0 && m->apart)
		for (unsigned int t = f->low - 1U; t <= f->high; t++)
			m->hops[t].dirty = true;
	m->in_flight--;
	m->by_probe[o->probe->number] = 0;
	probe_unref(o->probe);
	o->probe = NULL;
	o->next = m->outs_free;
	m->outs_free = out;
}

/* ---- asks ---- */

bool
may_follow(const struct mda *m, uint32_t before, const struct vertex *told)
{
	bool linked = told->prev_count == 0 || before == GRAPH_NONE;

	for (uint32_t k = 0; k < told->prev_count; k++)
		linked = linked || graph_link(m->graph, told->prev[k])->from == before;
	return linked;
}

static struct ask *
ask_get(struct instance *i, struct mda *m, uint32_t flow, uint8_t ttl)
{
	struct mda_hop *h = &m->hops[ttl];

	if (!reserve(i, m, &h->asks, &h->room, flow + 1, sizeof(*h->asks)))
		return NULL;
	return &h->asks[flow];
}

static void
mark(struct mda *m, unsigned int ttl)
{
	if (ttl < 256)
		m->hops[ttl].dirty = true;
}

static enum ask_class
class_of(const struct mda *m, const struct ask *a, uint32_t flow, uint8_t ttl,
    uint32_t owner)
{
	if (owner == GRAPH_NONE || !flow_may(m, flow, ttl) ||
	    graph_place(m->graph, flow, ttl) != GRAPH_NONE ||
	    graph_vertex(m->graph, owner)->kind == VERTEX_END)
		return CLASS_NONE;
	if (a->state == ASK_NEW)
		return owner == GRAPH_SOURCE ? CLASS_NONE : CLASS_SPARE;
	return a->state == ASK_OUT || a->state == ASK_QUEUED ? CLASS_PENDING
							     : CLASS_NONE;
}

static void
count_class(struct mda *m, const struct ask *a, uint32_t by)
{
	if (a->class == CLASS_SPARE)
		m->vertices[a->owner].spare += by;
	else if (a->class == CLASS_PENDING)
		m->vertices[a->owner].pending += by;
}

/* It is not known where the flow is silent, but it was asked at the hop before. */
static bool
will_be_placed(
    const struct instance *i, const struct mda *m, uint32_t flow, unsigned int ttl)
{
	const struct ask *before = ask_find(m, flow, ttl - 1);

	return ttl > i->options.first_ttl && before != NULL &&
	       (before->state == ASK_OUT || before->state == ASK_QUEUED) &&
	       graph_place(m->graph, flow, (uint8_t)ttl) == GRAPH_NONE;
}

/* Something has changed for this flow at this hop or the one before. */
static void
recount(struct instance *i, struct mda *m, uint32_t flow, unsigned int ttl)
{
	uint32_t owner;
	struct ask *a;

	if (ttl > i->options.max_ttl)
		return;
	a = ask_get(i, m, flow, (uint8_t)ttl);
	if (a == NULL)
		return;
	owner = graph_place(m->graph, flow, (uint8_t)(ttl - 1));
	m->hops[ttl].waiting -= a->waiting;
	a->waiting = a->state == ASK_SILENT && will_be_placed(i, m, flow, ttl);
	m->hops[ttl].waiting += a->waiting;
	count_class(m, a, (uint32_t)-1);
	a->class = (uint8_t)class_of(m, a, flow, (uint8_t)ttl, owner);
	a->owner = owner;
	count_class(m, a, 1);
	mark(m, ttl - 1);
	mark(m, ttl);
}

static void
ask_set(
    struct instance *i, struct mda *m, uint32_t flow, uint8_t ttl, enum ask_state state)
{
	struct ask *a = ask_get(i, m, flow, ttl);
	bool flew, flies;

	if (a == NULL)
		return;
	flew = a->state == ASK_OUT || a->state == ASK_QUEUED;
	flies = state == ASK_OUT || state == ASK_QUEUED;
	m->hops[ttl].flying += (uint32_t)flies - (uint32_t)flew;
	m->queued +=
	    (uint32_t)(state == ASK_QUEUED) - (uint32_t)(a->state == ASK_QUEUED);
	m->hops[ttl].silent +=
	    (uint32_t)(state == ASK_SILENT) - (uint32_t)(a->state == ASK_SILENT);
	m->hops[ttl].settled += flew && !flies && a->fresh;
	a->state = (uint8_t)state;
	recount(i, m, flow, ttl);
	a = ttl < i->options.max_ttl ? ask_find(m, flow, ttl + 1U) : NULL;
	if (a != NULL && a->state == ASK_SILENT)
		recount(i, m, flow, ttl + 1U);
}

void
ask_later(struct instance *i, struct mda *m, uint32_t flow, uint8_t ttl)
{
	struct mda_hop *h = &m->hops[ttl];

	if (h->queue_from > 0 && h->queue_from == h->queue_to)
		h->queue_from = h->queue_to = 0;
	if (!reserve(i, m, &h->queue, &h->queue_room, h->queue_to + 1, sizeof(flow)))
		return;
	h->queue[h->queue_to++] = flow;
	ask_set(i, m, flow, ttl, ASK_QUEUED);
}

bool
ask_back(struct instance *i, struct mda *m, uint32_t flow, uint8_t ttl)
{
	struct mda_flow *f = &m->flows[flow];

	if (ttl == i->options.first_ttl || !ask_is_new(m, flow, ttl - 1U))
		return false;
	/* Beyond its zone, if it must be. */
	f->low = f->low == ttl ? (uint8_t)(ttl - 1) : f->low;
	if (!flow_may(m, flow, ttl - 1U))
		return false;
	ask_later(i, m, flow, (uint8_t)(ttl - 1));
	return true;
}

/* ---- sending ---- */

static int64_t
wait_at(const struct instance *i, const struct mda *m, uint8_t ttl)
{
	/* A late answer that shows no tag could be taken for another one's. */
	uint32_t here =
	    mda_is_apart(i, m) ? i->options.wait_near : i->options.wait_here;

	if (m->hops[ttl].answered > 0)
		return wait_by(i, here, m->hops[ttl].rtt);
	for (unsigned int t = ttl + 1U; t <= m->alive; t++)
		if (m->hops[t].answered > 0)
			return wait_by(i, i->options.wait_near, m->hops[t].rtt);
	return wait_unknown(i, m->longest_rtt);
}

bool
can_send(struct instance *i, struct mda *m, uint8_t ttl)
{
	const struct mda_hop *h = &m->hops[ttl];

	if (i->options.max_probes != 0 && m->sent >= i->options.max_probes) {
		m->no_probes = true;
		m->blocked = true;
	} else if (m->in_flight >= m->window || m->ended) {
		m->blocked = true;
	} else if (instance_now(i) < h->not_before) {
		m->held = true;
		m->wake = h->not_before < m->wake ? h->not_before : m->wake;
		return false;
	} else if (h->out_count >= h->window && !m->checking) {
		m->held = true;
		return false;
	}
	return !m->blocked;
}

bool
ask(struct instance *i, struct mda *m, uint32_t flow, uint8_t ttl, bool repeat)
{
	struct probe_spec spec = {.flow = flow, .ttl = ttl};
	struct ask *a = ask_get(i, m, flow, ttl);
	int64_t wait = wait_at(i, m, ttl);
	struct probe *p;
	uint32_t out;
	int error;

	if (a == NULL || !can_send(i, m, ttl) || !out_get(i, m, &out))
		return false;
	spec.query = a->attempts;
	spec.together = !mda_is_apart(i, m);
	error = instance_send(i, &spec, wait, &p);
	if (error != 0) {
		m->outs[out].next = m->outs_free;
		m->outs_free = out;
		m->blocked = true;
		m->ended = error != -EAGAIN; /* by itself */
		return false;
	}
	m->outs[out] = (struct out){.probe = probe_ref(p),
	    .flow = flow,
	    .ttl = ttl,
	    .repeat = repeat,
	    .sent_at = instance_now(i),
	    .deadline = instance_now(i) + wait};
	if (!reserve(i, m, &m->by_probe, &m->by_probe_room, p->number + 1,
		sizeof(*m->by_probe)))
		return false;
	m->by_probe[p->number] = out + 1;
	if (a->attempts < UINT8_MAX)
		a->attempts++;
	m->hops[ttl].asked = true;
	m->flows[flow].outs++;
	m->in_flight++;
	m->sent++;
	out_link(m, out);
	if (!repeat) {
		a->out = out;
		ask_set(i, m, flow, ttl, ASK_OUT);
	}
	return true;
}

/* The hop has answered for the first time: now it is known how long that takes. */
static void
shorten_waits(struct instance *i, struct mda *m)
{
	for (uint32_t k = 0; k < m->outs_count; k++) {
		struct out *o = &m->outs[k];
		int64_t at;

		if (o->probe == NULL || o->moot)
			continue;
		at = o->sent_at + wait_at(i, m, o->ttl);
		if (at >= o->deadline)
			continue;
		o->deadline = at;
		instance_set_deadline(i, o->probe, at);
	}
}

/* ---- loss ---- */

/* As much as it may be, with so few to judge by. */
static double
loss_of(uint32_t lost, uint32_t answered)
{
	double most = lost + 2 * sqrt(lost) + 1;

	return lost == 0 ? 0 : most / (most + answered);
}

/* Attempts after which silence at this hop is believed. */
static uint32_t
attempts_at(const struct instance *i, const struct mda *m, uint8_t ttl)
{
	const struct mda_hop *h = &m->hops[ttl];
	double here = loss_of(h->lost, h->answered);
	double loss = loss_of(m->lost, m->answered);
	double attempts = i->options.queries;

	/* A hop that so many flows found silent is so for all others. */
	if (h->answered == 0 && h->silent >= stopping_point(m->stopping, 2))
		return 1;
	loss = here > loss ? here : loss;
	if (loss > 0)
		attempts = fmax(attempts, ceil(log(SILENCE_CERTAIN) / log(loss)));
	return (uint32_t)fmin(attempts, fmax(ATTEMPTS_MAX, i->options.queries));
}

/*
 * Routers answer so many times a second only. While it seems so fewer are in flight at
 * a hop together, and at last one now and then.
 */
static void
ration(struct instance *i, struct mda *m, const struct out *o)
{
	struct mda_hop *h = &m->hops[o->ttl];
	int64_t now = instance_now(i);

	if (o->sent_at < h->cut_at)
		return;
	h->cut_at = now;
	h->in_row = 0;
	h->window = h->window > WINDOW_RATIONED ? WINDOW_RATIONED : (h->window + 1) / 2;
	h->pause = h->pause == 0 ? PAUSE_MIN : h->pause * 2;
	h->pause = h->pause > PAUSE_MAX ? PAUSE_MAX : h->pause;
	h->not_before = now + h->pause;
}

static void
ration_less(struct mda_hop *h)
{
	if (h->window == UINT16_MAX || ++h->in_row < IN_ROW)
		return;
	h->in_row = 0;
	h->pause = h->pause / 2 < PAUSE_MIN ? 0 : h->pause / 2;
	h->window = h->window < UINT16_MAX / 2 ? h->window * 2 : UINT16_MAX;
}

/* More is lost than was known: what was taken for silence is doubtful. */
static void
doubt_silence(struct instance *i, struct mda *m, uint8_t ttl)
{
	struct mda_hop *h = &m->hops[ttl];
	uint32_t attempts = attempts_at(i, m, ttl);

	for (uint32_t flow = 0; h->silent > 0 && flow < h->room; flow++)
		if (h->asks[flow].state == ASK_SILENT &&
		    h->asks[flow].attempts < attempts && flow_may(m, flow, ttl))
			ask_later(i, m, flow, ttl);
}

static void
note_loss(struct instance *i, struct mda *m, uint8_t ttl, uint8_t attempts)
{
	struct mda_hop *h = &m->hops[ttl];

	if (h->answered++ == 0 && h->silent > 0)
		doubt_silence(i, m, ttl);
	m->answered++;
	ration_less(h);
	if (attempts < 2)
		return;
	h->lost += attempts - 1U;
	m->lost += attempts - 1U;
	for (unsigned int t = i->options.first_ttl; t <= m->reach; t++)
		if (m->hops[t].silent > 0 && (t == ttl || t <= m->alive))
			doubt_silence(i, m, (uint8_t)t);
}

/* ---- places ---- */

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
		if (a->state == ASK_OUT || a->state == ASK_QUEUED)
			ask_set(i, m, flow, (uint8_t)t, ASK_DROPPED);
		else
			recount(i, m, flow, t);
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
		fail(i, m);
	if (m->ended || !reserve(i, m, &m->vertices, &m->vertices_room, count,
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

		recount(i, m, flow, t);
		here = t > i->options.max_ttl ? GRAPH_NONE
					      : graph_place(m->graph, flow, (uint8_t)t);
		if (here == GRAPH_NONE)
			break;
		m->vertices[here].seen_at = h->settled - h->waiting;
		m->vertices[here].given_up = false;
		t++;
	} while (t == ttl + 1U || graph_vertex(m->graph, here)->kind == VERTEX_SILENT);
	recount(i, m, flow, t);
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
		mark(m, m->beyond);
		for (unsigned int t = m->beyond; t <= ttl; t++)
			mark(m, t);
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
		shorten_waits(i, m);
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
	mark(m, ttl - 1U);
}

/* An answer to this ask, whichever of its probes brought it. */
static void
answered(struct instance *i, struct mda *m, const struct prober_result *r)
{
	struct ask *a = ask_find(m, r->flow, r->ttl);

	if (a->state == ASK_OUT)
		out_unlink(m, a->out);
	if (a->state != ASK_ANSWERED && a->state != ASK_DROPPED) {
		note_loss(i, m, r->ttl, (uint8_t)(r->query + 1));
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
	if (graph_place(m->graph, flow, ttl) == GRAPH_NONE)
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
 * them, unless those are not answered any more either: that is looked at first.
 */
static bool
silence_is_certain(
    struct instance *i, struct mda *m, const struct out *o, uint32_t attempts)
{
	bool enough = attempts >= attempts_at(i, m, o->ttl);
	uint32_t missed;

	if (attempts >= ATTEMPTS_MAX || attempts < i->options.queries ||
	    others_answer(m, o, &missed))
		return enough;
	if (missed >= MISSED_BY_CHANCE)
		ration(i, m, o);
	m->hops[o->ttl].check = true;
	return false;
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
	if (o.repeat || a->state != ASK_OUT ||
	    !silence_is_certain(i, m, &o, a->attempts))
		lost.flags |= RESULT_AGAIN;
	instance_report(i, &lost);
	mark(m, o.ttl - 1U);
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
			instance_report(i, &lost);
			instance_withdraw(i, m->outs[a->out].probe);
			out_free(m, a->out);
		}
		if (a->state == ASK_OUT || a->state == ASK_QUEUED)
			ask_set(i, m, flow, (uint8_t)t, ASK_DROPPED);
		else
			recount(i, m, flow, t);
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
coverage(const struct instance *i, const struct mda *m)
{
	bool untested = false;

	(void)i;
	if (m->no_probes)
		return COVERAGE_MAX_PROBES;
	if (m->no_flows)
		return COVERAGE_MAX_FLOWS;
	if (m->too_many_children)
		return COVERAGE_CHILDREN;
	if (m->any_unstable)
		return COVERAGE_UNSTABLE;
	for (uint32_t v = 0; v < graph_vertices(m->graph); v++)
		untested = untested || m->vertices[v].given_up;
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
	if (found != 0)
		return found;
	return m->scouted == i->options.max_ttl ? REASON_HOP_LIMIT : REASON_GAP_LIMIT;
}

static void
finish(struct instance *i, struct mda *m)
{
	uint8_t end_ttl;
	enum prober_reason why = reason(i, m, &end_ttl);

	m->ended = true;
	i->done.coverage = (uint8_t)coverage(i, m);
	instance_finish(i, why, end_ttl);
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
		fail(i, m);
		return;
	}
	i->done.coverage = COVERAGE_STOPPED; /* unless it ends in order */
	mark(m, o->first_ttl - 1U);
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
	m->ended = true;
	instance_finish(
	    i, failed.mtu != 0 ? REASON_UNREACHABLE : REASON_FAILED, p->ttl);
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
		mark(m, t);
		mark(m, t - 1U);
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
		m->ended = true;
		instance_finish(i, event->stopped, m->scouted);
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
