#include "algorithms/schedule.h"

/*
 * Beyond these, hops are asked as answers show that the path goes on: each hop that
 * answers after the 14th brings four more into reach. Most paths end within 16 hops,
 * and every hop asked past the target is a wasted probe.
 */
#define HOPS_CERTAIN (HOPS_AT_ONCE - 2)
#define HOPS_FOR_EACH 4

/* The lowest slot before `end` that may be asked now, or t->count. */
static size_t
lowest(const struct instance *i, struct traceroute *t, size_t end)
{
	if (slots_end(i, t) < end)
		end = slots_end(i, t);
	if (t->careful)
		return untagged_pick(i, t, end);
	for (size_t s = t->settled; t->open > 0 && s < t->next && s < end; s++)
		if (slot_is_open(&t->slots[s]) && !untagged_must_wait(i, t, s))
			return s;
	return t->next < end ? t->next : t->count;
}

/* One past the last slot of the first so many hops, or t->count. */
static size_t
hops_end(const struct instance *i, const struct traceroute *t, size_t hops)
{
	size_t end = hops * i->options.queries;

	return end < t->count ? end : t->count;
}

/* One past the last slot of this TTL; 0: it is before the first. */
static size_t
ttl_end(const struct instance *i, const struct traceroute *t, unsigned int ttl)
{
	if (ttl < i->options.first_ttl)
		return 0;
	return hops_end(i, t, ttl - i->options.first_ttl + 1U);
}

/* The end of the first hop that is not settled. */
static size_t
current_end(const struct instance *i, const struct traceroute *t)
{
	return slot_hop(i, t->settled) + i->options.queries;
}

/* ---- eager ---- */

/*
 * Where an earlier trace found the end, hops beyond it are not asked. That is a hint
 * and no more: if a router answers there, or nobody, all is as without it.
 */
static void
eager_begin(struct instance *i, struct traceroute *t)
{
	size_t hint = ttl_end(i, t, i->hints.distance);

	t->reach = i->options.window != 0 ? t->count : hops_end(i, t, HOPS_AT_ONCE);
	t->reach_unhinted = t->reach;
	if (hint == 0 || hint >= t->reach)
		return;
	t->reach = hint;
	t->hinted = true;
	t->quiet_since = instance_now(i);
}

static void
forget_hint(struct instance *i, struct traceroute *t)
{
	t->hinted = false;
	t->reach = t->reach_unhinted;
	t->quiet_since = instance_now(i);
}

static size_t
eager_next(struct instance *i, struct traceroute *t)
{
	if (t->careful)
		return lowest(i, t, t->count);
	/* Nothing is out and nothing in reach is left: only farther hops can tell. */
	while (t->in_flight == 0 && t->open == 0 && t->next >= t->reach &&
	       t->reach < t->count) {
		if (t->hinted)
			forget_hint(i, t);
		else
			t->reach = t->count;
	}
	/* What was asked once may be asked again, out of reach or not. */
	return lowest(i, t, t->next > t->reach ? t->next : t->reach);
}

/* A hop has answered, so hops beyond the first ones may come into reach. */
static bool
eager_heard(struct instance *i, struct traceroute *t, size_t slot,
    const struct prober_result *result)
{
	size_t hops = slot / i->options.queries + 1;
	size_t end = hops * i->options.queries;

	if (t->hinted && (result->flags & RESULT_FINAL) == 0 && end >= t->reach)
		forget_hint(i, t);
	if (t->hinted || hops <= HOPS_CERTAIN)
		return true;
	end += (hops - HOPS_CERTAIN) * HOPS_FOR_EACH * i->options.queries;
	if (end > t->reach)
		t->reach = end;
	return true;
}

/*
 * Silence for as long as answers took says that the hops in reach do not all answer, so
 * that those beyond must be asked.
 */
static int64_t
eager_silent_at(const struct instance *i, const struct traceroute *t)
{
	int64_t since = t->heard_at > t->quiet_since ? t->heard_at : t->quiet_since;
	int64_t rtt = t->longest_rtt;

	if (t->hinted && rtt == 0)
		rtt = i->hints.rtt;
	if (t->careful || t->reach >= t->count || rtt == 0)
		return INT64_MAX;
	return since + wait_by(i, i->options.wait_here, rtt);
}

static void
eager_silent(struct instance *i, struct traceroute *t)
{
	if (t->hinted)
		forget_hint(i, t);
	else
		t->reach = t->count;
}

const struct schedule schedule_eager = {.next = eager_next,
    .begin = eager_begin,
    .heard = eager_heard,
    .silent_at = eager_silent_at,
    .silent = eager_silent};

/* ---- one hop, or one packet, after the other ---- */

static size_t
hop_next(struct instance *i, struct traceroute *t)
{
	return lowest(i, t, current_end(i, t));
}

const struct schedule schedule_hop = {.next = hop_next};
const struct schedule schedule_packet = {.alone = true, .next = hop_next};

/* ---- everything at once ---- */

static size_t
concurrent_next(struct instance *i, struct traceroute *t)
{
	return lowest(i, t, t->count);
}

const struct schedule schedule_concurrent = {.all = true, .next = concurrent_next};

/* ---- scout ---- */

/*
 * How far the target is that answered the scout: from the TTL that was left, where the
 * reply quotes it; else a guess from what is left of the reply's own, which began as
 * 64, 128 or 255 and may have come another way. 0: nothing tells.
 */
static unsigned int
scout_distance(const struct prober_result *r)
{
	unsigned int from = 255;

	if ((r->seen & SEEN_QUOTED) != 0)
		return r->quoted_ttl <= r->ttl ? r->ttl - r->quoted_ttl + 1U : 0;
	if (r->reply_ttl < 1)
		return 0;
	if (r->reply_ttl <= 128)
		from = r->reply_ttl <= 64 ? 64 : 128;
	return from - (unsigned int)r->reply_ttl + 1;
}

/* The scout is the first query of the last hop. */
static size_t
scout_slot(const struct instance *i)
{
	return slot_of(i, i->options.max_ttl, 0);
}

/* An earlier trace to the target was scout enough. */
static void
scout_begin(struct instance *i, struct traceroute *t)
{
	if (i->hints.distance > i->options.max_ttl)
		return;
	t->reach = ttl_end(i, t, i->hints.distance);
	t->scouted = t->reach != 0;
}

/*
 * Where the target's replies show no tag, this one could not be told from those to the
 * hops before, which it was heard too early for: it tells the distance and no more.
 */
static bool
scout_heard(struct instance *i, struct traceroute *t, size_t slot,
    const struct prober_result *result)
{
	if (t->scouted || slot != scout_slot(i) || (result->flags & RESULT_FINAL) == 0)
		return true;
	t->reach = ttl_end(i, t, scout_distance(result));
	if (t->reach == 0)
		t->reach = hops_end(i, t, HOPS_AT_ONCE);
	t->scouted = true;
	t->aside = result->from;
	return !t->slots[slot].untagged;
}

static size_t
scout_next(struct instance *i, struct traceroute *t)
{
	const struct slot *scout = &t->slots[scout_slot(i)];
	size_t end = current_end(i, t);

	if (!t->scouted && scout->state == SLOT_OUT)
		return t->count;
	if (!t->scouted && slot_is_open(scout))
		return scout_slot(i);
	t->scouted = true;
	/* Where the distance was wrong, or none was found, hop by hop. */
	return lowest(i, t, end > t->reach ? end : t->reach);
}

const struct schedule schedule_scout = {
    .all = true, .next = scout_next, .begin = scout_begin, .heard = scout_heard};
