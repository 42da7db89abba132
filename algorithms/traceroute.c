/*
 * Traceroute: which routers a packet passes, hop by hop. "paris" and all others keep
 * every field that load balancers hash, so that all probes take one path (Augustin et
 * al., IMC 2006); "traceroute" lets the tag vary the flow, as traceroute(8) does. What
 * is asked when is the schedule's business (schedule.h); nothing else differs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/algorithms.h"
#include "algorithms/schedule.h"
#include "algorithms/traceroute.h"

#define MTU_LEAST 68          /* RFC 791 section 3.2: every link takes so much */
#define SHRINKS_MAX UINT8_MAX /* more than a path has links, and routers may lie */

static const struct prober_start *
options_of(const struct instance *i)
{
	return &i->options;
}

static uint8_t
slot_query(const struct instance *i, size_t slot)
{
	return (uint8_t)(slot % i->options.queries);
}

size_t
slots_end(const struct instance *i, const struct traceroute *t)
{
	return t->end_ttl == 0 ? t->count
			       : slot_of(i, t->end_ttl, 0) + i->options.queries;
}

/* ---- how long to wait ---- */

/* Wait for a slot by what its hop, or else the next hop that answered, has shown. */
static int64_t
slot_wait(const struct instance *i, const struct traceroute *t, size_t slot)
{
	size_t first = slot_hop(i, slot);
	int64_t rtt = 0;

	for (size_t s = first; s < first + i->options.queries; s++)
		if (t->slots[s].state == SLOT_ANSWERED)
			return wait_by(i, options_of(i)->wait_here, t->slots[s].rtt);
	for (size_t s = first + i->options.queries; s < t->next && rtt == 0; s++)
		if (t->slots[s].state == SLOT_ANSWERED)
			rtt = t->slots[s].rtt;
	/* A stale reply could be mistaken for one without a tag: be generous. */
	if ((t->careful || t->no_tags) && t->longest_rtt > 0) {
		if (!untagged_hop_lost(i, t, slot))
			return wait_unknown(i, t->longest_rtt);
		rtt = rtt == 0 ? t->longest_rtt : rtt;
	}
	return rtt == 0 ? options_of(i)->wait_max
			: wait_by(i, options_of(i)->wait_near, rtt);
}

/* A reply at this slot's hop shortens the waits of this hop and of all before it. */
static void
shorten_waits(struct instance *i, struct traceroute *t, size_t slot)
{
	size_t end = slot_hop(i, slot) + i->options.queries;

	for (size_t s = t->settled; s < end && s < t->next; s++) {
		struct slot *o = &t->slots[s];
		int64_t at;

		if (o->state != SLOT_OUT)
			continue;
		at = o->sent_at + slot_wait(i, t, s);
		if (at >= o->deadline)
			continue;
		o->deadline = at;
		instance_set_deadline(i, o->probe, at);
	}
}

/* When the schedule is to be told of the silence; INT64_MAX: never. */
static int64_t
silence_alarm(const struct instance *i, const struct traceroute *t)
{
	return t->schedule->silent_at == NULL ? INT64_MAX
					      : t->schedule->silent_at(i, t);
}

/* The instance's one timer, for whatever is due first. */
static void
set_timer(struct instance *i, struct traceroute *t)
{
	int64_t at = untagged_alarm(t);

	if (silence_alarm(i, t) < at)
		at = silence_alarm(i, t);
	if (at == t->alarm)
		return;
	t->alarm = at;
	instance_set_timer(i, at);
}

static void
on_timer(struct instance *i, struct traceroute *t)
{
	int64_t now = instance_now(i);

	if (now >= t->alarm)
		t->alarm = INT64_MAX;
	if (now >= untagged_alarm(t))
		untagged_on_timer(i, t);
	else if (now >= silence_alarm(i, t))
		t->schedule->silent(i, t);
}

/* ---- sending ---- */

/* The slot is being asked: keeps count of those that are left out. */
static void
slot_leaves_open(struct traceroute *t, size_t s)
{
	if (s < t->next) {
		t->open--;
		return;
	}
	t->open += s - t->next;
	t->next = s + 1;
}

static void
send_more(struct instance *i, struct traceroute *t)
{
	while (t->drain_to == 0 && t->in_flight < t->window) {
		size_t s = t->schedule->next(i, t);
		struct slot *slot = &t->slots[s];
		struct probe_spec spec;
		struct probe *p;
		int64_t wait;

		if (s == t->count)
			return;
		spec = (struct probe_spec){.ttl = slot_ttl(i, s),
		    .query = slot_query(i, s),
		    .len = t->len,
		    .together = true,
		    .expects = untagged_expects(i, t, s)};
		wait = slot_wait(i, t, s);
		if (instance_send(i, &spec, wait, &p) != 0)
			return; /* EVENT_TIMER comes, or the instance has ended */
		slot_leaves_open(t, s);
		if (slot->state == SLOT_AGAIN && slot->asked > 0)
			i->done.reasked++;
		slot->state = SLOT_OUT;
		slot->asked++;
		slot->careful = t->careful;
		slot->doubtful = false;
		slot->probe = probe_ref(p);
		slot->sent_at = instance_now(i);
		slot->deadline = slot->sent_at + wait;
		t->last_sent = slot->sent_at;
		t->in_flight++;
	}
}

void
slot_leave(struct traceroute *t, struct slot *slot, enum slot_state state)
{
	t->open += state == SLOT_AGAIN;
	slot->state = (uint8_t)state;
	probe_unref(slot->probe);
	slot->probe = NULL;
	t->in_flight--;
}

/* ---- the end ---- */

bool
hop_loops(const struct instance *i, const struct traceroute *t, size_t first)
{
	const struct slot *here = &t->slots[first];
	size_t queries = i->options.queries;

	if (here->state != SLOT_ANSWERED || first < 2 * queries)
		return false;
	if (addr_equal(&t->slots[first - queries].from, &here->from))
		return false;
	for (size_t s = 0; s < first - queries; s += queries)
		if (t->slots[s].state == SLOT_ANSWERED &&
		    addr_equal(&t->slots[s].from, &here->from))
			return true;
	return false;
}

/* A hop is complete, and so are all before it: is this the end, and why? 0: no. */
static enum prober_reason
hop_settled(const struct instance *i, struct traceroute *t, size_t first)
{
	const struct prober_start *o = options_of(i);
	uint8_t ttl = slot_ttl(i, first);
	bool silent = true;

	for (size_t s = first; s < first + o->queries; s++)
		silent = silent && t->slots[s].state == SLOT_LOST;
	t->gap = silent ? (uint8_t)(t->gap + 1) : 0;
	if (hop_loops(i, t, first))
		t->loops++;
	if (ttl == t->end_ttl)
		return t->end_reached ? REASON_REACHED : REASON_UNREACHABLE;
	if (t->end_ttl != 0)
		return 0; /* the end is known: only what lies before it is missing */
	if (o->gap_limit != 0 && t->gap >= o->gap_limit)
		return REASON_GAP_LIMIT;
	if (o->loop_limit != 0 && t->loops >= o->loop_limit)
		return REASON_LOOP;
	return ttl == o->max_ttl ? REASON_HOP_LIMIT : 0;
}

/* Moves past every slot that is settled. True when a hop's end was the trace's. */
static bool
advance(struct instance *i, struct traceroute *t)
{
	size_t queries = i->options.queries;

	while (t->settled < t->count && t->slots[t->settled].state >= SLOT_ANSWERED) {
		enum prober_reason reason = 0;

		t->settled++;
		if (t->settled % queries == 0)
			reason = hop_settled(i, t, t->settled - queries);
		if (reason != 0) {
			instance_finish(i, reason, slot_ttl(i, t->settled - 1));
			return true;
		}
	}
	return false;
}

/* A final reply: nothing beyond its hop matters any more. */
static void
note_end(struct traceroute *t, const struct prober_result *r)
{
	bool reached = (r->flags & RESULT_REACHED) != 0;

	if ((r->flags & RESULT_FINAL) == 0 || (t->end_ttl != 0 && r->ttl > t->end_ttl))
		return;
	t->end_reached = reached || (r->ttl == t->end_ttl && t->end_reached);
	t->end_ttl = r->ttl;
}

/* ---- the path's MTU ---- */

bool
path_takes_less(const struct instance *i, const struct traceroute *t, uint32_t mtu)
{
	return i->options.path_mtu && mtu >= MTU_LEAST && mtu < t->len &&
	       t->shrinks < SHRINKS_MAX;
}

/* The slot's packet was too large: it is asked again, as if it had not been asked. */
static void
shrink(struct traceroute *t, struct slot *slot, uint32_t mtu)
{
	t->len = (uint16_t)mtu;
	t->shrinks++;
	slot->mtu = mtu;
	slot->asked = 0;
	slot_leave(t, slot, SLOT_AGAIN);
}

/* ---- events ---- */

static void
on_started(struct instance *i, struct traceroute *t)
{
	const struct prober_start *o = options_of(i);

	t->count = (size_t)(o->max_ttl - o->first_ttl + 1) * o->queries;
	t->schedule = i->algorithm->variant;
	t->window = o->window;
	if (t->window == 0)
		t->window =
		    t->schedule->all ? t->count : (size_t)HOPS_AT_ONCE * o->queries;
	if (t->schedule->alone)
		t->window = 1;
	if (i->flow_window != 0 && i->flow_window < t->window)
		t->window = i->flow_window;
	t->no_tags = i->flow_window == 1;
	t->alarm = INT64_MAX;
	t->len = o->packet_len;
	untagged_start(i, t);
	if (t->schedule->begin != NULL)
		t->schedule->begin(i, t);
	t->slots = calloc(t->count, sizeof(*t->slots));
	if (t->slots == NULL) {
		i->done.error = ENOMEM;
		snprintf(i->done.detail, sizeof(i->done.detail),
		    "no memory for %zu queries", t->count);
		instance_finish(i, REASON_FAILED, 0);
	}
}

static void
on_reply(struct instance *i, struct traceroute *t, const struct reply_view *v)
{
	struct prober_result result = *v->result;
	size_t s = slot_of(i, v->probe->ttl, v->probe->query);
	struct slot *slot = &t->slots[s];

	if (slot->probe != v->probe)
		return;
	result.flags |= untagged_reply(t, slot, v);
	if (path_takes_less(i, t, result.mtu)) {
		t->heard_at = instance_now(i);
		shrink(t, slot, result.mtu);
		return;
	}
	result.path_mtu = slot->mtu;
	slot_leave(t, slot, SLOT_ANSWERED);
	slot->rtt = result.rtt;
	slot->from = result.from;
	if (slot->rtt > t->longest_rtt)
		t->longest_rtt = slot->rtt;
	t->heard_at = instance_now(i);
	if (t->schedule->heard != NULL && !t->schedule->heard(i, t, s, &result)) {
		slot->state = SLOT_AGAIN;
		t->open++;
		return;
	}
	note_end(t, &result);
	shorten_waits(i, t, s);
	instance_report(i, &result);
}

static void
on_timeout(struct instance *i, struct traceroute *t, struct probe *p)
{
	size_t s = slot_of(i, p->ttl, p->query);
	struct slot *slot = &t->slots[s];
	struct prober_result lost = result_without_reply(i, p, RESULT_TIMEOUT);

	if (slot->probe != p)
		return;
	if (slot->doubtful) {
		untagged_give_up(i, t, s); /* perhaps answered: nobody knows */
		return;
	}
	lost.path_mtu = slot->mtu;
	slot_leave(t, slot, SLOT_LOST);
	instance_report(i, &lost);
}

/*
 * This machine does not send: the trace cannot go on, and the instance knows why. That
 * a probe is larger than our own link takes is an answer, though, as a router's would
 * be; it came in no time worth the name, but traceroute(8) prints that too.
 */
static void
on_send_failed(struct instance *i, struct traceroute *t, const struct event *event)
{
	struct probe *p = event->failed.probe;
	struct slot *slot = &t->slots[slot_of(i, p->ttl, p->query)];
	struct prober_result failed = result_without_reply(i, p, RESULT_SEND_FAILED);

	failed.error = event->failed.error;
	failed.mtu = event->failed.mtu;
	if (failed.mtu == 0) {
		instance_report(i, &failed);
		instance_finish(i, REASON_FAILED, p->ttl);
	} else if (slot->probe == p && path_takes_less(i, t, failed.mtu)) {
		i->done.error = 0; /* it goes on */
		i->done.detail[0] = '\0';
		shrink(t, slot, failed.mtu);
	} else if (slot->probe == p) {
		failed.flags = RESULT_FINAL;
		failed.rtt = instance_now(i) - slot->sent_at;
		note_end(t, &failed);
		slot_leave(t, slot, SLOT_LOST);
		instance_report(i, &failed);
	}
}

/* The last hop that was asked. */
static uint8_t
last_asked(const struct instance *i, const struct traceroute *t)
{
	return t->next == 0 ? 0 : slot_ttl(i, t->next - 1);
}

static void
handle(struct instance *i, void *state, const struct event *event)
{
	struct traceroute *t = state;

	switch (event->type) {
	case EVENT_STARTED:
		on_started(i, t);
		break;
	case EVENT_REPLY:
		on_reply(i, t, &event->reply);
		break;
	case EVENT_TIMEOUT:
		on_timeout(i, t, event->probe);
		break;
	case EVENT_SEND_FAILED:
		on_send_failed(i, t, event);
		if (event->failed.mtu == 0)
			return;
		break;
	case EVENT_AMBIGUOUS:
		untagged_ambiguous(i, t, event);
		break;
	case EVENT_TIMER:
		on_timer(i, t);
		break;
	case EVENT_STOPPED:
		instance_finish(i, event->stopped, last_asked(i, t));
		return;
	case EVENT_DUPLICATE:
		t->duplicates = true;
		return;
	case EVENT_LATE:
		return;
	}
	if (t->slots == NULL)
		return;
	untagged_check(i, t);
	if (advance(i, t))
		return;
	send_more(i, t);
	set_timer(i, t);
}

static void
clear(struct instance *i, void *state)
{
	struct traceroute *t = state;

	(void)i;
	for (size_t s = 0; t->slots != NULL && s < t->next; s++)
		probe_unref(t->slots[s].probe);
	free(t->slots);
}

#define TRACE_ALGORITHM(its_name, its_summary, constant, its_schedule) \
	{ \
		.name = (its_name), .summary = (its_summary), \
		.flow_constant = (constant), .state_size = sizeof(struct traceroute), \
		.handle = handle, .doubts = untagged_doubts, .clear = clear, \
		.variant = &(its_schedule) \
	}

const struct algorithm algorithm_paris = TRACE_ALGORITHM("paris",
    "one flow, one path: every field that load balancers hash is constant", true,
    schedule_eager);

const struct algorithm algorithm_traceroute = TRACE_ALGORITHM("traceroute",
    "as traceroute(8): each probe is another flow, so paths may mix", false,
    schedule_eager);

const struct algorithm algorithm_hopbyhop = TRACE_ALGORITHM("hopbyhop",
    "as paris, but all probes of one hop, then those of the next", true, schedule_hop);

const struct algorithm algorithm_packetbypacket = TRACE_ALGORITHM(
    "packetbypacket", "as paris, but one probe after the other", true, schedule_packet);

const struct algorithm algorithm_concurrent = TRACE_ALGORITHM("concurrent",
    "as paris, but all probes of all hops at once", true, schedule_concurrent);

const struct algorithm algorithm_scout = TRACE_ALGORITHM("scout",
    "as paris, but one probe to the host first, then all hops before it at once", true,
    schedule_scout);
