/*
 * Replies that show no tag: which probes of one flow may be asked together so that
 * every reply can be told all the same, and what is done when one cannot.
 *
 * Where quotes may be too short for the tag, the first probe goes alone, and its reply
 * shows what to expect. With the first tag all is asked together. Until then, and for
 * good once a reply fitted several probes, a trace is careful:
 *
 * 1. One query of each hop is asked alone, so it is certain who answers there.
 * 2. The others are asked together, one a hop: who answers tells whose reply it is.
 * 3. Hops that did not answer are asked together: silence cannot be mistaken.
 * 4. What that does not tell is asked alone: an address of several hops, a hop of
 *    several addresses.
 *
 * Nothing is guessed. When a reply fits several probes, those are waited for, or
 * accounted for by as many replies, and asked again. A reply that may be a duplicate
 * answers nothing. Only a router that is silent for a second, or for ten round trips if
 * that is longer, and answers then all the same could be taken for another one.
 */
#include "algorithms/traceroute.h"

/* While nobody has answered at all, each silence lets so many times more be asked. */
#define BURST_FACTOR 4

/* What is known of who answers at a hop. */
enum hop_knowledge {
	HOP_UNKNOWN,
	HOP_KNOWN,  /* one address, which no other hop has */
	HOP_SHARED, /* several addresses, or one that another hop has */
};

/* What may be out together. */
enum company {
	COMPANY_KNOWN,  /* hops of which it is known who answers */
	COMPANY_SILENT, /* hops that have not answered */
	COMPANY_NONE,   /* one hop alone */
};

void
untagged_start(struct instance *i, struct traceroute *t)
{
	/* Where earlier traces saw every tag, a hop that shows none is found out later.
	 */
	t->careful = i->quotes_may_be_short && t->window > 1 && !i->hints.tags_shown;
	t->burst = 1;
}

/* ---- what is known ---- */

/* An answered slot with this address in [from, to), or NULL. */
static const struct slot *
find_address(const struct traceroute *t, size_t from, size_t to, const struct addr *a)
{
	for (size_t s = from; s < to; s++)
		if (t->slots[s].state == SLOT_ANSWERED &&
		    addr_equal(&t->slots[s].from, a))
			return &t->slots[s];
	return NULL;
}

/* One past the last slot that was asked and is worth it. */
static size_t
asked_end(const struct instance *i, const struct traceroute *t)
{
	size_t end = slots_end(i, t);

	return end < t->next ? end : t->next;
}

/* Whether a hop other than that of this slot has answered from this address. */
static bool
stands_elsewhere(const struct instance *i, const struct traceroute *t, size_t slot,
    const struct addr *a)
{
	size_t first = slot_hop(i, slot);

	return find_address(t, 0, first, a) != NULL ||
	       find_address(t, first + i->options.queries, asked_end(i, t), a) != NULL;
}

/* The first slot of the hop in this state, or NULL. */
static const struct slot *
hop_find(const struct instance *i, const struct traceroute *t, size_t first,
    enum slot_state state)
{
	for (size_t s = first; s < first + i->options.queries; s++)
		if (t->slots[s].state == state)
			return &t->slots[s];
	return NULL;
}

static enum hop_knowledge
hop_knowledge(const struct instance *i, const struct traceroute *t, size_t first)
{
	const struct slot *known = hop_find(i, t, first, SLOT_ANSWERED);

	if (known == NULL)
		return HOP_UNKNOWN;
	for (size_t s = first; s < first + i->options.queries; s++)
		if (t->slots[s].state == SLOT_ANSWERED &&
		    !addr_equal(&t->slots[s].from, &known->from))
			return HOP_SHARED;
	return stands_elsewhere(i, t, first, &known->from) ? HOP_SHARED : HOP_KNOWN;
}

bool
untagged_hop_lost(const struct instance *i, const struct traceroute *t, size_t slot)
{
	return hop_find(i, t, slot_hop(i, slot), SLOT_LOST) != NULL;
}

/* ---- what may be asked ---- */

/* The hop has answered without a tag. */
static bool
hop_is_untagged(const struct instance *i, const struct traceroute *t, size_t slot)
{
	const struct slot *known = hop_find(i, t, slot_hop(i, slot), SLOT_ANSWERED);

	return known != NULL && known->untagged;
}

bool
untagged_must_wait(const struct instance *i, const struct traceroute *t, size_t slot)
{
	return hop_is_untagged(i, t, slot) &&
	       hop_find(i, t, slot_hop(i, slot), SLOT_OUT) != NULL;
}

struct addr
untagged_expects(const struct instance *i, const struct traceroute *t, size_t s)
{
	const struct slot *slot = &t->slots[s];
	size_t hop = slot_hop(i, s);

	if (!addr_is_none(&slot->before))
		return slot->before;
	if (hop_is_untagged(i, t, s) && hop_knowledge(i, t, hop) == HOP_KNOWN)
		return hop_find(i, t, hop, SLOT_ANSWERED)->from;
	/* It has answered each time: it stands at this hop too. */
	if (slot->asked == ASK_AGAIN_MAX - 1)
		return slot->stale;
	return (struct addr){0};
}

static size_t
first_open(const struct instance *i, const struct traceroute *t, size_t first)
{
	for (size_t s = first; s < first + i->options.queries; s++)
		if (slot_is_open(&t->slots[s]))
			return s;
	return t->count;
}

/*
 * Hops of which nothing is known that may be asked together. As a rule one. Silence
 * cannot be mistaken, so behind silent hops as many as are silent in a row; and while
 * nobody has answered at all, more and more.
 */
static size_t
unknown_at_once(const struct traceroute *t, size_t slot, size_t silent)
{
	if (t->slots[slot].asked > 0)
		return 1;
	if (t->heard_at == 0 && t->burst > silent)
		return t->burst;
	return silent > 1 ? silent : 1;
}

/* So many silent or looping hops end the trace once their other queries agree. */
static bool
may_be_over(
    const struct instance *i, const struct traceroute *t, size_t silent, size_t loops)
{
	const struct prober_start *o = &i->options;

	return t->end_ttl == 0 && ((o->gap_limit != 0 && silent >= o->gap_limit) ||
				      (o->loop_limit != 0 && loops >= o->loop_limit));
}

/*
 * The slot to ask in order to learn who answers at a hop: t->count when that has to
 * wait. False when it is known of all hops that are worth it.
 */
static bool
pick_unknown(
    const struct instance *i, const struct traceroute *t, size_t end, size_t *slot)
{
	size_t silent = t->gap, loops = t->loops, out = 0;

	*slot = t->count;
	for (size_t hop = slot_hop(i, t->settled); hop < end;
	     hop += i->options.queries) {
		bool answered = hop_find(i, t, hop, SLOT_ANSWERED) != NULL;

		if (answered || hop_find(i, t, hop, SLOT_LOST) != NULL) {
			silent = answered ? 0 : silent + 1;
			loops += hop_loops(i, t, hop);
			continue;
		}
		if (hop_find(i, t, hop, SLOT_OUT) != NULL) {
			out++;
			continue;
		}
		if (may_be_over(i, t, silent + out, loops))
			break;
		if (t->in_flight < unknown_at_once(t, first_open(i, t, hop), silent))
			*slot = first_open(i, t, hop);
		return true;
	}
	return out > 0;
}

static enum company
company_of(const struct instance *i, const struct traceroute *t, size_t slot)
{
	enum hop_knowledge known = hop_knowledge(i, t, slot_hop(i, slot));

	if (t->slots[slot].alone || known == HOP_SHARED)
		return COMPANY_NONE;
	return known == HOP_KNOWN ? COMPANY_KNOWN : COMPANY_SILENT;
}

/* The slot to ask when no hop is left to be learned, or t->count. One a hop. */
static size_t
pick_known(const struct instance *i, struct traceroute *t, size_t end)
{
	enum company best = COMPANY_NONE;
	size_t picked = t->count;

	if (t->in_flight > 0 && t->company == COMPANY_NONE)
		return t->count;
	for (size_t hop = slot_hop(i, t->settled);
	     hop < asked_end(i, t) && hop < end && best != COMPANY_KNOWN;
	     hop += i->options.queries) {
		size_t s = first_open(i, t, hop);
		enum company company;

		if (s == t->count || hop_find(i, t, hop, SLOT_OUT) != NULL)
			continue;
		company = company_of(i, t, s);
		if (picked < t->count && company >= best)
			continue;
		picked = s;
		best = company;
	}
	if (t->in_flight > 0 && best != t->company)
		return t->count;
	t->company = (uint8_t)best;
	return picked;
}

size_t
untagged_pick(const struct instance *i, struct traceroute *t, size_t end)
{
	size_t slot;

	if (!pick_unknown(i, t, end, &slot))
		return pick_known(i, t, end);
	t->company = COMPANY_NONE;
	return slot;
}

/* ---- what arrives ---- */

/*
 * Not the answer to this query: what comes while others are being accounted for; a
 * router that answered at another hop, which may be a duplicate or a late reply (unless
 * the query has been asked often enough); another one than when it was asked before.
 * Nor is a router that was heard the late answer to a probe that was given up.
 */
bool
untagged_doubts(const struct instance *i, const void *state, const struct reply_view *v)
{
	const struct traceroute *t = state;
	const struct addr *from = &v->result->from;
	size_t s = slot_of(i, v->probe->ttl, v->probe->query);
	const struct slot *slot = &t->slots[s];
	size_t hop = slot_hop(i, s);
	bool heard = find_address(t, 0, asked_end(i, t), from) != NULL ||
		     addr_equal(&t->aside, from);

	if (t->drain_to != 0)
		return true;
	if (slot->probe != v->probe)
		return heard;
	/* A duplicate would tell of what we know already. */
	if (path_takes_less(i, t, v->result->mtu) || slot->asked >= ASK_AGAIN_MAX ||
	    find_address(t, hop, hop + i->options.queries, from) != NULL)
		return false;
	return heard ||
	       (!addr_is_none(&slot->before) && !addr_equal(&slot->before, from));
}

uint16_t
untagged_reply(struct traceroute *t, struct slot *slot, const struct reply_view *v)
{
	slot->untagged = v->alone || (v->result->flags & RESULT_BY_ADDRESS) != 0;
	t->careful = t->careful && (slot->untagged || t->closed);
	/* It may be the answer to an earlier probe for the same query, after all. */
	return slot->untagged && slot->asked > 1 ? RESULT_BY_ADDRESS : 0;
}

void
untagged_give_up(struct instance *i, struct traceroute *t, size_t s)
{
	struct slot *slot = &t->slots[s];
	struct prober_result lost =
	    result_without_reply(i, slot->probe, RESULT_TIMEOUT);

	instance_withdraw(i, slot->probe);
	if (slot->asked < ASK_AGAIN_MAX) {
		slot->alone = slot->careful;
		slot_leave(t, slot, SLOT_AGAIN);
	} else {
		lost.path_mtu = slot->mtu;
		slot_leave(t, slot, SLOT_LOST);
		instance_report(i, &lost);
	}
}

/* The address is that of hops of which no probe is out: a duplicate or a late reply. */
static bool
is_of_the_past(
    const struct instance *i, const struct traceroute *t, const struct addr *from)
{
	bool found = false;

	for (size_t hop = 0; hop < asked_end(i, t); hop += i->options.queries) {
		if (find_address(t, hop, hop + i->options.queries, from) == NULL)
			continue;
		if (hop_find(i, t, hop, SLOT_OUT) != NULL)
			return false;
		found = true;
	}
	return found;
}

/* The slot whose probe is the only one out, of any trace; or NULL. */
static struct slot *
only_one_out(const struct traceroute *t, const struct event *event)
{
	if (t->in_flight != 1 || event->ambiguous.others > 0)
		return NULL;
	for (size_t s = t->settled; s < t->next; s++)
		if (t->slots[s].state == SLOT_OUT)
			return &t->slots[s];
	return NULL;
}

/*
 * A router that was heard before answers the only probe that is out. The hop's own
 * reply, if there is one, is as near as others are: silence is not waited for longer.
 */
static void
wait_on(struct instance *i, struct traceroute *t, struct slot *slot)
{
	int64_t at = instance_now(i) + wait_by(i, i->options.wait_here, t->longest_rtt);

	if (at >= slot->deadline)
		return;
	slot->deadline = at;
	instance_set_deadline(i, slot->probe, at);
}

/* How long replies may take, as far as those show that may be this one's. */
static void
note_candidates(struct instance *i, struct traceroute *t, const struct event *event)
{
	int64_t now = instance_now(i);

	for (size_t k = 0; k < event->ambiguous.count; k++) {
		struct probe *p = event->ambiguous.probes[k];
		const struct slot *slot = &t->slots[slot_of(i, p->ttl, p->query)];

		/* What timed out before is not waited for a second time. */
		if (p->state == PROBE_TIMED_OUT)
			instance_withdraw(i, p);
		else if (slot->probe == p && now - slot->sent_at > t->longest_rtt)
			t->longest_rtt = now - slot->sent_at; /* at most */
	}
}

void
untagged_ambiguous(struct instance *i, struct traceroute *t, const struct event *event)
{
	struct slot *only = only_one_out(t, event);
	const struct addr *from = &event->ambiguous.result->from;

	t->heard_at = instance_now(i);
	for (size_t s = t->settled; s < t->next; s++)
		t->slots[s].doubtful = t->slots[s].state == SLOT_OUT;
	if (is_of_the_past(i, t, from)) {
		if (only != NULL) {
			only->stale = *from;
			wait_on(i, t, only);
		}
		return;
	}
	if (only != NULL)
		only->before = *from;
	note_candidates(i, t, event);
	t->closed = t->closed || !t->careful;
	t->careful = true;
	t->untold++;
	if (event->ambiguous.others > t->others)
		t->others = event->ambiguous.others;
	t->drain_to = t->last_sent + wait_unknown(i, t->longest_rtt);
}

/* Nothing more is to be expected of what is out. */
static void
drained(struct instance *i, struct traceroute *t)
{
	for (size_t s = t->settled; s < t->next; s++)
		if (t->slots[s].state == SLOT_OUT)
			untagged_give_up(i, t, s);
	t->drain_to = 0;
	t->untold = 0;
	t->others = 0;
}

/*
 * When as many replies came as probes are out, these should be all of them. Some may be
 * duplicates, though, so the slower ones are given the time that a hop is given whose
 * other queries have been answered; and all the time where duplicates have been seen.
 */
void
untagged_check(struct instance *i, struct traceroute *t)
{
	int64_t longest = t->last_sent + wait_unknown(i, t->longest_rtt);
	int64_t at = instance_now(i) + wait_by(i, i->options.wait_here, t->longest_rtt);

	if (t->drain_to == 0 || t->untold < t->in_flight + t->others)
		return;
	if (t->in_flight == 0)
		drained(i, t);
	else if (t->duplicates)
		t->drain_to = longest;
	else if (at < t->drain_to)
		t->drain_to = at;
}

int64_t
untagged_alarm(const struct traceroute *t)
{
	if (t->drain_to != 0)
		return t->drain_to;
	if (t->careful && t->heard_at == 0 && t->in_flight > 0)
		return t->last_sent + WAIT_MIN;
	return INT64_MAX;
}

void
untagged_on_timer(struct instance *i, struct traceroute *t)
{
	if (t->drain_to != 0)
		drained(i, t);
	else if (t->burst < HOPS_AT_ONCE)
		t->burst *= BURST_FACTOR;
	else
		t->careful = false;
}
