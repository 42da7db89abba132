#include "tests/support/traced.h"

static bool
is_final(const struct prober_result *r)
{
	return r->outcome <= RESULT_SEND_FAILED;
}

static bool
node_has(const struct model *m, uint16_t node, const struct addr *a)
{
	return node != MODEL_NONE && addr_equal(&m->nodes[node].addr, a);
}

/* A probe meets this address at this TTL: by its flow, or because one of them did. */
static bool
is_from_path(const struct model *m, const struct prober_result *r)
{
	if (node_has(m, model_path(m, r->flow, r->ttl), &r->from))
		return true;
	for (size_t i = 0; i < m->sent_count; i++)
		if (m->sent[i].ttl == r->ttl && node_has(m, m->sent[i].node, &r->from))
			return true;
	return false;
}

/* Each result is of a probe that was sent, and replies are of the hop they name. */
static void
check_results(const struct model *m, const struct prober_start *o)
{
	size_t finals = 0;

	for (size_t i = 0; i < m->results_count; i++) {
		const struct prober_result *r = &m->results[i];

		must_eq(r->instance, o->instance);
		if (r->outcome == RESULT_AMBIGUOUS)
			continue;
		must(r->probe < m->sent_count);
		must_eq(r->ttl, m->sent[r->probe].ttl);
		must_eq(r->query, m->sent[r->probe].query);
		must(r->ttl >= o->first_ttl && r->ttl <= o->max_ttl);
		must(r->query < o->queries);
		finals += is_final(r);
		if (r->outcome == RESULT_REPLY || r->outcome == RESULT_LATE)
			must(is_from_path(m, r));
		if (is_final(r))
			must(model_result(m, r->ttl, r->query) == r);
		must(r->outcome != RESULT_REPLY || r->rtt > 0);
	}
	/* Of every hop up to the last one each query has its final word. */
	if (m->done.reason >= REASON_REACHED && m->done.reason <= REASON_LOOP)
		for (unsigned int ttl = o->first_ttl; ttl <= m->done.end_ttl; ttl++)
			for (uint8_t q = 0; q < o->queries; q++)
				must(model_result(m, (uint8_t)ttl, q) != NULL);
	must(finals <= (size_t)(o->max_ttl - o->first_ttl + 1) * o->queries);
}

void
traced_check(const struct model *m, const struct prober_start *o, size_t window)
{
	must(!m->stuck);
	must(m->done.reason >= REASON_REACHED && m->done.reason <= REASON_FAILED);
	must_eq(m->wrong, 0);
	must_eq(m->after_end, 0);
	must(m->most_in_flight <= window);
	check_results(m, o);
	must_eq(probe_count(), 0);
	must_eq(packet_count(), 0);
}
