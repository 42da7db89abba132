/*
 * What multipath detection has asked: flows, which of them was asked at which hop, what
 * is in flight, what was lost. How each ask counts for the vertex before it is kept up
 * to date here, so that nobody has to look through all flows.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/mda.h"
#include "common/array.h"

/* Silence is believed when known loss is so unlikely to be what it is. */
#define SILENCE_CERTAIN 1e-6
/* Where answers are rationed: probes in flight at first, and pauses between them. */
#define WINDOW_RATIONED 8
#define PAUSE_MIN (50 * NS_PER_MS)
#define PAUSE_MAX NS_PER_SECOND
#define IN_ROW 4 /* so many answers in a row, and more is tried */
/* While replies show no tag: a flow serves so many pairs of hops, in turn. */
#define ZONE 3

/* ---- memory ---- */

void
mda_fail(struct instance *i, struct mda *m)
{
	if (m->ended)
		return;
	i->done.error = ENOMEM;
	snprintf(i->done.detail, sizeof(i->done.detail),
	    "no memory for %u probes of %u flows", m->sent, m->flows_count);
	mda_end(i, m, REASON_FAILED, 0);
}

void
mda_end(struct instance *i, struct mda *m, enum prober_reason reason, uint8_t end_ttl)
{
	m->ended = true;
	for (uint32_t k = 0; k < m->outs_count; k++) {
		const struct probe *p = m->outs[k].probe;
		struct prober_result rest;

		if (p == NULL || p->state != PROBE_IN_FLIGHT)
			continue;
		rest = result_without_reply(i, p, RESULT_UNAWAITED);
		instance_report(i, &rest);
	}
	instance_finish(i, reason, end_ttl);
}

/* Makes room for `wanted` items, new ones zero; on failure the trace has ended. */
bool
mda_reserve(struct instance *i, struct mda *m, void *array, uint32_t *room,
    uint32_t wanted, size_t size)
{
	if (array_reserve(array, room, wanted, size) != 0)
		mda_fail(i, m);
	return wanted <= *room;
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
	unsigned int hops = 1U + i->options.max_ttl - i->options.first_ttl;
	unsigned int zones = (hops + ZONE - 1) / ZONE;
	struct mda_flow *f;

	if (m->flows_count == m->max_flows) {
		m->no_flows = true;
		return MDA_NONE;
	}
	if (!mda_reserve(
		i, m, &m->flows, &m->flows_room, m->flows_count + 1, sizeof(*m->flows)))
		return MDA_NONE;
	f = &m->flows[m->flows_count];
	*f = (struct mda_flow){.low = i->options.first_ttl, .high = i->options.max_ttl};
	/* Too few flows for a zone each: they serve all hops, one after the other. */
	if (mda_is_apart(i, m) && m->max_flows >= zones) {
		unsigned int zone = ((unsigned int)ttl - i->options.first_ttl) / ZONE;
		unsigned int low = i->options.first_ttl + zone * ZONE;

		f->low = (uint8_t)low;
		f->high = (uint8_t)(low + ZONE < f->high ? low + ZONE : f->high);
	}
	return m->flows_count++;
}

/* ---- what is in flight ---- */

uint32_t
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
	if (!mda_reserve(
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
void
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

void
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

	if (!mda_reserve(i, m, &h->asks, &h->room, flow + 1, sizeof(*h->asks)))
		return NULL;
	return &h->asks[flow];
}

void
hop_mark(struct mda *m, unsigned int ttl)
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
void
ask_recount(struct instance *i, struct mda *m, uint32_t flow, unsigned int ttl)
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
	hop_mark(m, ttl - 1);
	hop_mark(m, ttl);
}

void
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
	ask_recount(i, m, flow, ttl);
	a = ttl < i->options.max_ttl ? ask_find(m, flow, ttl + 1U) : NULL;
	if (a != NULL && a->state == ASK_SILENT)
		ask_recount(i, m, flow, ttl + 1U);
}

void
ask_later(struct instance *i, struct mda *m, uint32_t flow, uint8_t ttl)
{
	struct mda_hop *h = &m->hops[ttl];

	if (h->queue_from > 0 && h->queue_from == h->queue_to)
		h->queue_from = h->queue_to = 0;
	if (!mda_reserve(
		i, m, &h->queue, &h->queue_room, h->queue_to + 1, sizeof(flow)))
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
hop_can_send(struct instance *i, struct mda *m, uint8_t ttl)
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
ask_now(struct instance *i, struct mda *m, uint32_t flow, uint8_t ttl, bool repeat)
{
	struct probe_spec spec = {.flow = flow, .ttl = ttl};
	struct ask *a = ask_get(i, m, flow, ttl);
	int64_t wait = wait_at(i, m, ttl);
	struct probe *p;
	uint32_t out;
	int error;

	if (a == NULL || !hop_can_send(i, m, ttl) || !out_get(i, m, &out))
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
	if (!mda_reserve(i, m, &m->by_probe, &m->by_probe_room, p->number + 1,
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
void
mda_shorten_waits(struct instance *i, struct mda *m)
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
uint32_t
hop_attempts(const struct instance *i, const struct mda *m, uint8_t ttl)
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
void
hop_ration(struct instance *i, struct mda *m, const struct out *o)
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
	uint32_t attempts = hop_attempts(i, m, ttl);

	for (uint32_t flow = 0; h->silent > 0 && flow < h->room; flow++)
		if (h->asks[flow].state == ASK_SILENT &&
		    h->asks[flow].attempts < attempts && flow_may(m, flow, ttl))
			ask_later(i, m, flow, ttl);
}

void
hop_note_answer(struct instance *i, struct mda *m, uint8_t ttl, uint8_t attempts)
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
