#include "tools/traceroute/anomalies.h"

#include <stddef.h>
#include <string.h>

#include "prober/algorithm.h"

/*
 * Whether a router at this hop dropped a probe and has this address. Only that tells
 * how far a probe went: a router that calls the target unreachable may do so at once,
 * whatever the TTL.
 */
static bool
stands_at(const struct record *t, int ttl, const struct addr *a)
{
	for (int query = 0; query < t->asked.queries; query++) {
		const struct prober_result *m = record_final(t, ttl, query);

		if (m != NULL && m->outcome == RESULT_REPLY &&
		    m->reply == REPLY_TIME_EXCEEDED && addr_equal(&m->from, a))
			return true;
	}
	return false;
}

/* ANOMALY_LOOP, ANOMALY_CYCLE or neither: the address at lower hops. */
static uint32_t
came_back(const struct record *t, const struct prober_result *m)
{
	if (m->reply != REPLY_TIME_EXCEEDED)
		return 0;
	if (stands_at(t, m->ttl - 1, &m->from))
		return 1U << ANOMALY_LOOP;
	for (int ttl = m->ttl - 2; ttl >= t->asked.first_ttl; ttl--)
		if (stands_at(t, ttl, &m->from))
			return 1U << ANOMALY_CYCLE;
	return 0;
}

/* Whether an earlier query of the hop was answered from another address. */
static bool
differs(const struct record *t, const struct prober_result *m)
{
	for (int query = 0; query < m->query; query++) {
		const struct prober_result *before = record_final(t, m->ttl, query);

		if (before != NULL && before->outcome == RESULT_REPLY &&
		    !addr_equal(&before->from, &m->from))
			return true;
	}
	return false;
}

/* Whether all probes are of one flow, so that they should take one path. */
static bool
is_one_flow(const struct record *t)
{
	const struct algorithm *algorithm = algorithm_find(t->asked.algorithm);

	return algorithm != NULL && algorithm->flow_constant;
}

uint32_t
anomalies_of(const struct record *t, const struct prober_result *m)
{
	uint32_t found = anomalies_of_flags(m);

	if (m->outcome != RESULT_REPLY)
		return found;
	found |= came_back(t, m);
	if ((m->seen & SEEN_QUOTED) != 0 && m->quoted_tos != t->asked.tos)
		found |= 1U << ANOMALY_TOS_CHANGED;
	if (is_one_flow(t) && differs(t, m))
		found |= 1U << ANOMALY_SEVERAL_ADDRESSES;
	return found;
}

/* ---- of a trace ------------------------------------------------------------------ */

/* ttl 0: at which hop is not known. */
static void
note(struct anomaly_seen *seen, int ttl)
{
	seen->count++;
	seen->hops[ttl / 64] |= UINT64_C(1) << (ttl % 64);
}

static void
note_all(const struct record *t, const struct prober_result *m,
    struct anomaly_seen found[ANOMALIES])
{
	uint32_t all = anomalies_of(t, m);

	for (unsigned int a = 0; a < ANOMALIES; a++)
		if ((all >> a & 1) != 0)
			note(&found[a], m->ttl);
}

bool
anomaly_is_at(const struct anomaly_seen *seen, int ttl)
{
	return (seen->hops[ttl / 64] >> (ttl % 64) & 1) != 0;
}

/* A reply to a query. */
static void
note_reply(const struct record *t, const struct prober_result *m,
    struct anomaly_seen found[ANOMALIES])
{
	note_all(t, m, found);
	if (t->final_ttl != 0 && m->ttl > t->final_ttl &&
	    m->reply == REPLY_TIME_EXCEEDED)
		note(&found[ANOMALY_EARLY_END], m->ttl);
}

/* A reply beyond the final word on a query; of a flood not every one is here. */
static void
note_other(const struct record *t, const struct prober_result *m,
    struct anomaly_seen found[ANOMALIES])
{
	note_all(t, m, found);
	if (m->outcome == RESULT_FRAGMENT)
		return;
	if (m->outcome == RESULT_DUPLICATE)
		note(&found[ANOMALY_DUPLICATE], m->ttl);
	else if (m->outcome == RESULT_LATE)
		note(&found[ANOMALY_LATE], m->ttl);
	else
		note(&found[ANOMALY_AMBIGUOUS], m->ttl);
}

void
anomalies_find(const struct record *t, struct anomaly_seen found[ANOMALIES])
{
	memset(found, 0, ANOMALIES * sizeof(found[0]));
	for (int ttl = t->asked.first_ttl; ttl <= t->asked.max_ttl; ttl++)
		for (int query = 0; query < t->asked.queries; query++) {
			const struct prober_result *m = record_final(t, ttl, query);

			if (m != NULL && m->outcome == RESULT_REPLY)
				note_reply(t, m, found);
		}
	for (size_t i = 0; i < t->others_count; i++)
		note_other(t, t->others[i], found);
	if (!t->has_done)
		return;
	found[ANOMALY_DUPLICATE].count = t->done.duplicates;
	found[ANOMALY_LATE].count = t->done.late;
	found[ANOMALY_AMBIGUOUS].count = t->done.ambiguous;
	found[ANOMALY_LOST_HERE].count = t->done.lost_here;
	found[ANOMALY_STRAY].count = t->done.strays;
}
