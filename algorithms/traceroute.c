/*
 * Traceroute: which routers a packet passes, hop by hop. "paris" keeps every field that
 * load balancers hash, so that all probes take one path (Augustin et al., IMC 2006);
 * "traceroute" lets the tag vary the flow, as traceroute(8) does. Nothing else differs.
 *
 * Hops are not waited for: all queries of 16 hops are in flight at once, then those of
 * the next hops as answers show that the path goes on. When a reply does not show which
 * probe it answers (a quote of 28 bytes), nothing is guessed: the probes in flight are
 * waited for or accounted for, then asked again one at a time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/algorithms.h"
#include "common/clock.h"

#define HOPS_AT_ONCE 16
/*
 * Beyond these, hops are asked as answers show that the path goes on: each hop that
 * answers after the 14th brings four more into reach. Most paths end within 16 hops,
 * and every hop asked past the target is a wasted probe.
 */
#define HOPS_CERTAIN (HOPS_AT_ONCE - 2)
#define HOPS_FOR_EACH 4
/* traceroute(8) adds a millisecond before it multiplies an RTT to get a wait. */
#define WAIT_SLACK NS_PER_MS
/* Never wait less than this: routers and busy machines are sometimes that slow. */
#define WAIT_MIN (50 * NS_PER_MS)
/*
 * A late reply without a tag would be taken for the answer to the probe that is out by
 * then, so hops of which nothing is known are given at least this long.
 */
#define WAIT_UNKNOWN NS_PER_SECOND
#define ASK_AGAIN_MAX 4

enum slot_state {
	SLOT_NEW = 0,
	SLOT_OUT,   /* in flight */
	SLOT_AGAIN, /* in flight when replies became ambiguous: to be asked again */
	SLOT_ANSWERED,
	SLOT_LOST,
};

/* One query of one hop. */
struct slot {
	uint8_t state;
	uint8_t asked;
	struct probe *probe; /* referenced while SLOT_OUT */
	int64_t sent_at;     /* of the instance's clock */
	int64_t deadline;
	int64_t rtt; /* SLOT_ANSWERED */
	struct addr from;
};

struct traceroute {
	struct slot *slots; /* hop by hop, queries of a hop side by side */
	size_t count;
	size_t window;
	size_t in_flight;
	size_t next;      /* first slot never asked */
	size_t settled;   /* all slots before this one are answered or lost */
	size_t again;     /* slots to be asked again */
	size_t reach;     /* slots from here on are not asked yet */
	int64_t heard_at; /* when the last reply came */
	uint8_t end_ttl;  /* lowest hop with a final reply; 0: none yet */
	bool end_reached;
	/* While a reply without a tag is being cleared up. */
	bool draining;
	size_t untold;  /* replies since then that nobody can claim */
	size_t others;  /* probes of other traces that those may answer */
	size_t drained; /* slots before this one were out when it was last done */
	int64_t last_sent;
	int64_t drain_until;
	/* In-order count of silent hops, and of addresses that came back. */
	uint8_t gap;
	uint8_t loops;
	int64_t longest_rtt;
};

static const struct prober_start *
options_of(const struct instance *i)
{
	return &i->options;
}

static uint8_t
slot_ttl(const struct instance *i, size_t slot)
{
	return (uint8_t)(i->options.first_ttl + slot / i->options.queries);
}

static uint8_t
slot_query(const struct instance *i, size_t slot)
{
	return (uint8_t)(slot % i->options.queries);
}

static size_t
slot_of(const struct instance *i, uint8_t ttl, uint8_t query)
{
	return (size_t)(ttl - i->options.first_ttl) * i->options.queries + query;
}

/* One past the last slot worth asking, as far as is known. */
static size_t
slots_end(const struct instance *i, const struct traceroute *t)
{
	return t->end_ttl == 0 ? t->count
			       : slot_of(i, t->end_ttl, 0) + i->options.queries;
}

/* This slot's hop has answered, so hops beyond the first ones may come into reach. */
static void
extend_reach(const struct instance *i, struct traceroute *t, size_t slot)
{
	size_t hops = slot / i->options.queries + 1;

	if (hops <= HOPS_CERTAIN)
		return;
	hops += (hops - HOPS_CERTAIN) * HOPS_FOR_EACH;
	if (hops * i->options.queries > t->reach)
		t->reach = hops * i->options.queries;
}

/* ---- how long to wait ---- */

/* factor: thousandths, 0 for "no opinion". */
static int64_t
wait_by(const struct instance *i, uint32_t factor, int64_t rtt)
{
	int64_t max = options_of(i)->wait_max;
	int64_t wait;

	if (factor == 0 || rtt > max)
		return max;
	wait = (rtt + WAIT_SLACK) / 1000 * factor;
	wait = wait < WAIT_MIN ? WAIT_MIN : wait;
	return wait < max ? wait : max;
}

/* Wait for what may be slower than all that answered so far, within rtt (0: none). */
static int64_t
wait_unknown(const struct instance *i, int64_t rtt)
{
	int64_t wait = wait_by(i, options_of(i)->wait_near, rtt);
	int64_t max = options_of(i)->wait_max;

	if (rtt == 0)
		return max;
	wait = wait < WAIT_UNKNOWN ? WAIT_UNKNOWN : wait;
	return wait < max ? wait : max;
}

/* Wait for a slot by what its hop, or else the next hop that answered, has shown. */
static int64_t
slot_wait(const struct instance *i, const struct traceroute *t, size_t slot)
{
	size_t first = slot - slot % i->options.queries;

	for (size_t s = first; s < first + i->options.queries; s++)
		if (t->slots[s].state == SLOT_ANSWERED)
			return wait_by(i, options_of(i)->wait_here, t->slots[s].rtt);
	/* Asked one at a time, a stale reply could be mistaken: be generous. */
	if (i->flow_window == 1 && t->longest_rtt > 0)
		return slot < t->drained
			   ? wait_by(i, options_of(i)->wait_near, t->longest_rtt)
			   : wait_unknown(i, t->longest_rtt);
	for (size_t s = first + i->options.queries; s < t->next; s++)
		if (t->slots[s].state == SLOT_ANSWERED)
			return wait_by(i, options_of(i)->wait_near, t->slots[s].rtt);
	return options_of(i)->wait_max;
}

/* A reply at this slot's hop shortens the waits of this hop and of all before it. */
static void
shorten_waits(struct instance *i, struct traceroute *t, size_t slot)
{
	size_t end = slot - slot % i->options.queries + i->options.queries;

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

/*
 * The one timer: the end of draining, or the time by which silence says that the hops
 * in reach do not all answer, so that those beyond must be asked.
 */
static void
set_timer(struct instance *i, const struct traceroute *t)
{
	int64_t at = INT64_MAX;

	if (t->draining)
		at = t->drain_until;
	else if (t->reach < t->count && t->longest_rtt > 0)
		at = t->heard_at + wait_by(i, options_of(i)->wait_here, t->longest_rtt);
	instance_set_timer(i, at);
}

/* ---- sending ---- */

/* The slot to ask next, or t->count. */
static size_t
pick(const struct instance *i, struct traceroute *t)
{
	size_t end = slots_end(i, t);

	/* Nothing is out and nothing in reach is left: only farther hops can tell. */
	if (t->in_flight == 0 && t->again == 0 && t->next >= t->reach)
		t->reach = t->count;
	for (size_t s = t->settled; t->again > 0 && s < t->next && s < end; s++)
		if (t->slots[s].state == SLOT_AGAIN)
			return s;
	return t->next < end && t->next < t->reach ? t->next : t->count;
}

static bool
may_send(const struct instance *i, const struct traceroute *t)
{
	if (t->draining || t->in_flight >= t->window)
		return false;
	return i->flow_window == 0 || t->in_flight < i->flow_window;
}

static void
send_more(struct instance *i, struct traceroute *t)
{
	while (may_send(i, t)) {
		size_t s = pick(i, t);
		struct slot *slot = &t->slots[s];
		struct probe_spec spec;
		struct probe *p;
		int64_t wait;

		if (s == t->count)
			return;
		spec = (struct probe_spec){
		    .ttl = slot_ttl(i, s), .query = slot_query(i, s)};
		wait = slot_wait(i, t, s);
		if (instance_send(i, &spec, wait, &p) != 0)
			return; /* EVENT_TIMER comes, or the instance has ended */
		if (slot->state == SLOT_AGAIN) {
			t->again--;
			i->done.reasked++;
		}
		if (s == t->next)
			t->next++;
		slot->state = SLOT_OUT;
		slot->asked++;
		slot->probe = probe_ref(p);
		slot->sent_at = instance_now(i);
		slot->deadline = slot->sent_at + wait;
		t->last_sent = slot->sent_at;
		t->in_flight++;
	}
}

/* The slot's probe is no longer in flight. */
static void
slot_leave(struct traceroute *t, struct slot *slot, enum slot_state state)
{
	slot->state = (uint8_t)state;
	probe_unref(slot->probe);
	slot->probe = NULL;
	t->in_flight--;
}

/* ---- the end ---- */

/* Whether this hop's address stood at a lower hop, with another one between them. */
static bool
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

/* The record of a probe that has no reply. */
static struct prober_result
result_without_reply(
    const struct instance *i, const struct probe *p, enum prober_outcome outcome)
{
	return (struct prober_result){
	    .instance = options_of(i)->instance,
	    .probe = p->number,
	    .flow = p->flow,
	    .ttl = p->ttl,
	    .query = p->query,
	    .outcome = (uint8_t)outcome,
	    .flags = p->resent > 0 ? RESULT_RESENT : 0,
	    .reply_ttl = -1,
	    .reply_tos = -1,
	    .sent = p->sent,
	    .rtt = -1,
	};
}

/* ---- replies that nobody can claim ---- */

/* Takes a slot's probe back; the query is asked again, or counts as lost. */
static void
slot_give_up(struct instance *i, struct traceroute *t, size_t s)
{
	struct slot *slot = &t->slots[s];
	struct prober_result lost =
	    result_without_reply(i, slot->probe, RESULT_TIMEOUT);

	instance_withdraw(i, slot->probe);
	if (slot->asked < ASK_AGAIN_MAX) {
		slot_leave(t, slot, SLOT_AGAIN);
		t->again++;
	} else {
		slot_leave(t, slot, SLOT_LOST);
		instance_report(i, &lost);
	}
}

/* Nothing more is to be expected of what is out. */
static void
drained(struct instance *i, struct traceroute *t)
{
	t->drained = t->next;
	for (size_t s = t->settled; s < t->next; s++)
		if (t->slots[s].state == SLOT_OUT)
			slot_give_up(i, t, s);
	t->draining = false;
	t->untold = 0;
	t->others = 0;
	set_timer(i, t);
}

static void
on_timer(struct instance *i, struct traceroute *t)
{
	int64_t now = instance_now(i);

	if (t->draining && now >= t->drain_until)
		drained(i, t);
	else if (!t->draining && t->longest_rtt > 0 &&
		 now >=
		     t->heard_at + wait_by(i, options_of(i)->wait_here, t->longest_rtt))
		t->reach = t->count;
}

/*
 * When as many replies came as probes are out, these should be all of them. Some may be
 * duplicates, though, so the slower ones are given the time that a hop is given whose
 * other queries have been answered.
 */
static void
check_drained(struct instance *i, struct traceroute *t)
{
	int64_t now = instance_now(i);
	int64_t at;

	if (!t->draining || t->untold < t->in_flight + t->others)
		return;
	at = now + wait_by(i, options_of(i)->wait_here, t->longest_rtt);
	if (at >= t->drain_until)
		return;
	t->drain_until = at;
	set_timer(i, t);
}

static void
on_ambiguous(struct instance *i, struct traceroute *t, const struct event *event)
{
	int64_t now = instance_now(i);

	t->draining = true;
	t->untold++;
	if (event->ambiguous.others > t->others)
		t->others = event->ambiguous.others;
	for (size_t k = 0; k < event->ambiguous.count; k++) {
		struct probe *p = event->ambiguous.probes[k];
		const struct slot *slot = &t->slots[slot_of(i, p->ttl, p->query)];

		/* What timed out before is not waited for a second time. */
		if (p->state == PROBE_TIMED_OUT)
			instance_withdraw(i, p);
		else if (slot->probe == p && now - slot->sent_at > t->longest_rtt)
			t->longest_rtt = now - slot->sent_at; /* at most */
	}
	t->heard_at = now;
	t->drain_until = t->last_sent + wait_unknown(i, t->longest_rtt);
	set_timer(i, t);
}

/* ---- events ---- */

static void
on_started(struct instance *i, struct traceroute *t)
{
	const struct prober_start *o = options_of(i);

	t->count = (size_t)(o->max_ttl - o->first_ttl + 1) * o->queries;
	t->window = o->window != 0 ? o->window : (size_t)HOPS_AT_ONCE * o->queries;
	t->reach = t->count;
	if (o->window == 0 && t->count > t->window)
		t->reach = t->window;
	t->slots = calloc(t->count, sizeof(*t->slots));
	if (t->slots == NULL) {
		i->done.error = ENOMEM;
		snprintf(i->done.detail, sizeof(i->done.detail),
		    "no memory for %zu queries", t->count);
		instance_finish(i, REASON_FAILED, 0);
	}
}

/*
 * Asked one at a time: a router that answered at another hop answers again. That may be
 * a duplicate or a late reply, so the query is asked once more when all is quiet.
 */
static bool
may_be_stale(const struct instance *i, const struct traceroute *t, size_t slot,
    const struct prober_result *r)
{
	if (t->slots[slot].asked >= ASK_AGAIN_MAX)
		return false;
	for (size_t s = 0; s < slot - slot % i->options.queries; s++)
		if (t->slots[s].state == SLOT_ANSWERED &&
		    addr_equal(&t->slots[s].from, &r->from))
			return true;
	return false;
}

static void
on_reply(struct instance *i, struct traceroute *t, const struct reply_view *v)
{
	struct prober_result result = *v->result;
	size_t s = slot_of(i, v->probe->ttl, v->probe->query);
	struct slot *slot = &t->slots[s];

	if (slot->probe != v->probe)
		return;
	if (v->alone && may_be_stale(i, t, s, &result)) {
		slot_leave(t, slot, SLOT_AGAIN);
		t->again++;
		t->draining = true;
		t->drain_until = instance_now(i) + WAIT_MIN;
		set_timer(i, t);
		return;
	}
	slot_leave(t, slot, SLOT_ANSWERED);
	slot->rtt = result.rtt;
	slot->from = result.from;
	if (slot->rtt > t->longest_rtt)
		t->longest_rtt = slot->rtt;
	note_end(t, &result);
	t->heard_at = instance_now(i);
	extend_reach(i, t, s);
	set_timer(i, t);
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
	if (t->draining) {
		slot_give_up(i, t, s); /* it may have been answered: nobody knows */
		return;
	}
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
		on_ambiguous(i, t, event);
		break;
	case EVENT_TIMER:
		on_timer(i, t);
		break;
	case EVENT_STOPPED:
		instance_finish(i, event->stopped, last_asked(i, t));
		return;
	case EVENT_DUPLICATE:
	case EVENT_LATE:
		return;
	}
	if (t->slots == NULL)
		return;
	check_drained(i, t);
	if (!advance(i, t))
		send_more(i, t);
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

const struct algorithm algorithm_paris = {
    .name = "paris",
    .summary = "one flow, one path: every field that load balancers hash is constant",
    .flow_constant = true,
    .state_size = sizeof(struct traceroute),
    .handle = handle,
    .clear = clear,
};

const struct algorithm algorithm_traceroute = {
    .name = "traceroute",
    .summary = "as traceroute(8): each probe is another flow, so paths may mix",
    .flow_constant = false,
    .state_size = sizeof(struct traceroute),
    .handle = handle,
    .clear = clear,
};
