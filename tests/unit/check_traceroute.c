/*
 * algorithms/traceroute on the model network (tests/support/model.h): exact results,
 * exact times, and nothing lost or mistaken under any mixture of troubles.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/algorithms.h"
#include "common/clock.h"
#include "tests/support/model.h"
#include "tests/support/traced.h"

#define MS NS_PER_MS
#define HOPS_AT_ONCE 16

/* ---- what holds of every run ---- */

static void
check_run(const struct model *m, const struct prober_start *o)
{
	traced_check(
	    m, o, o->window != 0 ? o->window : (size_t)HOPS_AT_ONCE * o->queries);
}

static void
go(struct model *m, const struct prober_start *o)
{
	model_go(m, &algorithm_paris, o);
	check_run(m, o);
}

static void
must_end(const struct model *m, enum prober_reason reason, unsigned int end_ttl)
{
	must_eq(m->done.reason, reason);
	must_eq(m->done.end_ttl, end_ttl);
}

/* Probes sent with a TTL above the target's. */
static size_t
sent_past(const struct model *m, unsigned int hops)
{
	size_t count = 0;

	for (size_t i = 0; i < m->sent_count; i++)
		count += m->sent[i].ttl > hops;
	return count;
}

/* A line and the usual options. */
static struct model *
line(size_t hops, struct prober_start *o)
{
	struct model *m = model_new(1);

	model_line(m, hops, 5 * MS);
	*o = model_options();
	return m;
}

/* ---- lines on which all is well ---- */

/* _i + 1 hops, each with another number of queries too. */
START_TEST(lines)
{
	size_t hops = (size_t)_i + 1;

	for (uint8_t queries = 1; queries <= 10; queries++) {
		struct prober_start o;
		struct model *m = line(hops, &o);
		size_t first = HOPS_AT_ONCE * (size_t)queries;

		o.max_ttl = 60;
		o.queries = queries;
		go(m, &o);
		must_end(m, REASON_REACHED, (unsigned int)hops);
		for (size_t ttl = 1; ttl <= hops; ttl++) {
			for (uint8_t q = 0; q < queries; q++) {
				const struct prober_result *r =
				    model_result(m, (uint8_t)ttl, q);
				bool last = ttl == hops;

				must_eq(r->outcome, RESULT_REPLY);
				must_eq(r->rtt, (int64_t)ttl * 5 * MS);
				must_eq(r->flow, 0);
				must_eq(r->reply,
				    last ? REPLY_UNREACHABLE : REPLY_TIME_EXCEEDED);
				must_eq(
				    r->flags, last ? RESULT_REACHED | RESULT_FINAL : 0);
			}
			must_eq(model_sent_at(m, (uint8_t)ttl), queries);
		}
		must_eq(m->results_count, hops * queries);
		/* One round trip for near targets, and nothing beyond the first hops.
		 */
		if (hops <= HOPS_AT_ONCE)
			must_eq(m->ended_at, (int64_t)hops * 5 * MS);
		if (hops <= HOPS_AT_ONCE - 2)
			must_eq(m->sent_count, first);
		must(sent_past(m, (unsigned int)hops) <= first);
		must_eq(m->done.sent, m->sent_count);
		must_eq(m->done.ambiguous + m->done.late + m->done.duplicates +
			    m->done.timeouts + m->done.reasked,
		    0);
		model_free(m);
	}
}
END_TEST

/* All queries of 16 hops leave at once, in order; none waits for an answer. */
START_TEST(sixteen_hops_at_once)
{
	for (uint8_t queries = 1; queries <= 10; queries++) {
		struct prober_start o;
		struct model *m = line(25, &o);
		size_t first = HOPS_AT_ONCE * (size_t)queries;

		o.queries = queries;
		go(m, &o);
		must_eq(m->most_in_flight, first);
		for (size_t i = 0; i < first; i++) {
			must_eq(m->sent[i].at, MODEL_START);
			must_eq(m->sent[i].ttl, i / queries + 1);
			must_eq(m->sent[i].query, i % queries);
			must_eq(m->sent[i].flow, 0);
		}
		must(m->sent[first].at > MODEL_START);
		must_end(m, REASON_REACHED, 25);
		model_free(m);
	}
}
END_TEST

/* A silent hop keeps nobody waiting but itself. */
START_TEST(no_hop_is_waited_for)
{
	for (uint16_t silent = 0; silent < 29; silent++) {
		struct prober_start o;
		struct model *m = line(30, &o);
		int64_t last = 0;

		m->nodes[silent].silent = true;
		go(m, &o);
		must_end(m, REASON_REACHED, 30);
		for (size_t i = 0; i < m->sent_count; i++)
			last = m->sent[i].at > last ? m->sent[i].at : last;
		/* All is asked long before the silent hop is given up. */
		must(last - MODEL_START < 500 * MS);
		must_eq(m->sent_count, 90);
		must_eq(m->done.timeouts, 3);
		for (uint8_t q = 0; q < 3; q++) {
			const struct prober_result *r =
			    model_result(m, (uint8_t)(silent + 1), q);

			must_eq(r->outcome, RESULT_TIMEOUT);
			must_eq(r->rtt, -1);
			must_eq(r->reply, REPLY_NONE);
			must(addr_is_none(&r->from));
		}
		model_free(m);
	}
}
END_TEST

/* -N: never more in flight, all that is allowed in flight, and the same results. */
START_TEST(windows)
{
	uint16_t window = (uint16_t)(_i + 1);

	for (size_t hops = 1; hops <= 40; hops += 3) {
		struct prober_start o;
		struct model *m = line(hops, &o);

		o.window = window;
		o.max_ttl = 50;
		go(m, &o);
		must_end(m, REASON_REACHED, (unsigned int)hops);
		must_eq(m->most_in_flight, window < 150 ? window : 150);
		must(sent_past(m, (unsigned int)hops) <= window);
		must_eq(m->results_count, hops * 3);
		if (window == 1)
			must_eq(m->sent_count, hops * 3);
		model_free(m);
	}
}
END_TEST

START_TEST(first_and_last_hop)
{
	static const struct {
		uint8_t first, max;
		size_t hops; /* 0: nobody there */
		enum prober_reason reason;
		unsigned int end;
	} cases[] = {
	    {1, 1, 1, REASON_REACHED, 1},
	    {1, 1, 2, REASON_HOP_LIMIT, 1},
	    {5, 5, 5, REASON_REACHED, 5},
	    {5, 5, 9, REASON_HOP_LIMIT, 5},
	    {5, 30, 9, REASON_REACHED, 9},
	    {9, 30, 9, REASON_REACHED, 9},
	    {10, 30, 9, REASON_REACHED, 10}, /* beyond the target, it still answers */
	    {1, 30, 31, REASON_HOP_LIMIT, 30},
	    {1, 255, 255, REASON_REACHED, 255},
	    {1, 255, 400, REASON_HOP_LIMIT, 255},
	    {255, 255, 300, REASON_HOP_LIMIT, 255},
	    {255, 255, 255, REASON_REACHED, 255},
	    {250, 255, 300, REASON_HOP_LIMIT, 255},
	    {1, 255, 0, REASON_HOP_LIMIT, 255},
	    {240, 255, 0, REASON_HOP_LIMIT, 255},
	};

	for (uint8_t queries = 1; queries <= 4; queries += 3) {
		size_t hops = cases[_i].hops == 0 ? 300 : cases[_i].hops;
		struct prober_start o;
		struct model *m = line(hops, &o);
		size_t asked;

		for (size_t k = 0; cases[_i].hops == 0 && k < hops; k++)
			m->nodes[k].silent = true;
		o.first_ttl = cases[_i].first;
		o.max_ttl = cases[_i].max;
		o.queries = queries;
		go(m, &o);
		must_end(m, cases[_i].reason, cases[_i].end);
		asked = (size_t)(cases[_i].end - cases[_i].first + 1) * queries;
		must_eq(m->results_count, asked);
		must(m->sent_count >= asked);
		must_eq(model_sent_at(m, 0), 0);
		if (cases[_i].reason == REASON_HOP_LIMIT)
			must_eq(m->sent_count, asked);
		model_free(m);
	}
}
END_TEST

#define FIRST_AND_LAST 15

START_TEST(most_queries)
{
	struct prober_start o;
	struct model *m = line(300, &o);

	o.max_ttl = 255;
	o.queries = 255;
	go(m, &o);
	must_end(m, REASON_HOP_LIMIT, 255);
	must_eq(m->sent_count, 255 * 255);
	must_eq(m->most_in_flight, HOPS_AT_ONCE * 255);
	model_free(m);
}
END_TEST

/* Paths from 1 to 60 hops: never more past the target than the window had out. */
START_TEST(probes_past_the_target)
{
	for (size_t hops = 1; hops <= 60; hops++) {
		for (uint16_t window = 0; window <= 24; window += 8) {
			for (int silent = 0; silent < 2; silent++) {
				struct prober_start o;
				struct model *m = line(hops, &o);
				size_t most = window ? window : 48;

				o.max_ttl = 255;
				o.window = window;
				for (size_t k = 0; silent && k + 1 < hops; k += 2)
					m->nodes[k].silent = true;
				go(m, &o);
				must_end(m, REASON_REACHED, (unsigned int)hops);
				must(sent_past(m, (unsigned int)hops) <= most);
				model_free(m);
			}
		}
	}
}
END_TEST

/* -z: no two probes closer than that. */
START_TEST(send_gaps)
{
	struct prober_start o;
	struct model *m = line(8, &o);

	o.send_gap = 7 * MS;
	go(m, &o);
	must_end(m, REASON_REACHED, 8);
	for (size_t i = 1; i < m->sent_count; i++)
		must_eq(m->sent[i].at - m->sent[i - 1].at, 7 * MS);
	model_free(m);
}
END_TEST

/* ---- ends ---- */

START_TEST(unreachable)
{
	/* host, network, protocol, filtered; at each hop */
	static const uint8_t codes[] = {0, 1, 2, 13};

	for (size_t hop = 1; hop <= 20; hop++) {
		for (size_t k = 0; k < COUNT_OF(codes); k++) {
			struct prober_start o;
			struct model *m = line(20, &o);
			struct model_node *n = &m->nodes[hop - 1];
			const struct prober_result *r;

			n->kind = REPLY_UNREACHABLE;
			n->code = codes[k];
			n->ends = true;
			go(m, &o);
			must_end(m, REASON_UNREACHABLE, (unsigned int)hop);
			r = model_result(m, (uint8_t)hop, 0);
			must_eq(r->flags, RESULT_FINAL);
			must_eq(r->icmp_code, codes[k]);
			model_free(m);
		}
	}
}
END_TEST

/* Some flows' packets are refused at a hop where others go on: the lowest ends it. */
static bool
loses_first_query(const struct model *m, const struct model_sent *sent)
{
	(void)m;
	return sent->query == 0;
}

START_TEST(target_that_answers_some_probes)
{
	struct prober_start o;
	struct model *m = line(6, &o);

	m->loses = loses_first_query;
	go(m, &o);
	must_end(m, REASON_REACHED, 6);
	for (uint8_t ttl = 1; ttl <= 6; ttl++) {
		must_eq(model_result(m, ttl, 0)->outcome, RESULT_TIMEOUT);
		must_eq(model_result(m, ttl, 1)->outcome, RESULT_REPLY);
	}
	model_free(m);
}
END_TEST

START_TEST(gap_limit)
{
	for (uint8_t limit = 0; limit <= 20; limit++) {
		struct prober_start o;
		struct model *m = line(30, &o);

		/* A gap of two that ends, then one for good. */
		m->nodes[1].silent = m->nodes[2].silent = true;
		for (size_t k = 5; k < 30; k++)
			m->nodes[k].silent = true;
		o.gap_limit = limit;
		go(m, &o);
		if (limit == 1 || limit == 2)
			must_end(m, REASON_GAP_LIMIT, 1u + limit);
		else if (limit != 0)
			must_end(m, REASON_GAP_LIMIT, 5u + limit);
		else
			must_end(m, REASON_HOP_LIMIT, 30);
		/* What is not asked any more is not told either. */
		for (uint8_t ttl = 17; limit >= 3 && limit <= 11 && ttl <= 30; ttl++)
			must(model_result(m, ttl, 0) == NULL ||
			     model_result(m, ttl, 0)->outcome == RESULT_TIMEOUT);
		model_free(m);
	}
}
END_TEST

/* a b c d c d c d ...: the third address that comes back ends it, by default. */
START_TEST(loops)
{
	for (uint8_t limit = 0; limit <= 6; limit++) {
		struct prober_start o;
		struct model *m = line(5, &o);

		o = model_options();
		o.loop_limit = limit;
		m->nodes[3].next[0] = 2;
		go(m, &o);
		if (limit == 0)
			must_end(m, REASON_HOP_LIMIT, 30);
		else
			must_end(m, REASON_LOOP, 4u + limit);
		model_free(m);
	}
}
END_TEST

/* The same address at neighbouring hops (zero TTL forwarding) is no loop. */
START_TEST(repeats_are_no_loop)
{
	struct prober_start o;
	struct model *m = line(9, &o);

	o.loop_limit = 1;
	m->nodes[4].addr = m->nodes[5].addr = m->nodes[3].addr;
	go(m, &o);
	must_end(m, REASON_REACHED, 9);
	model_free(m);
}
END_TEST

START_TEST(interrupted)
{
	for (int64_t at = 1; at < 160; at += 6) {
		for (int timeout = 0; timeout < 2; timeout++) {
			struct prober_start o;
			struct model *m = line(30, &o);
			size_t replies = 0;

			if (timeout)
				o.timeout = at * MS;
			else
				m->stop_at = at * MS;
			go(m, &o);
			must_eq(m->done.reason,
			    timeout ? REASON_TIMED_OUT : REASON_INTERRUPTED);
			must_eq(m->ended_at, at * MS);
			/* The last hop that was asked, and what came until then. */
			must_eq(m->done.end_ttl, m->sent[m->sent_count - 1].ttl);
			for (size_t i = 0; i < m->sent_count; i++)
				replies += m->sent[i].at - MODEL_START +
					       m->sent[i].ttl * 5 * MS <=
					   at * MS;
			must_eq(m->results_count, replies);
			model_free(m);
		}
	}
}
END_TEST

/* ---- how long it waits ---- */

/* What the first hop's replies do: bit q is set when query q is answered. */
static unsigned int answered_at_hop[300];

static bool
loses_by_table(const struct model *m, const struct model_sent *sent)
{
	(void)m;
	return (answered_at_hop[sent->ttl] >> sent->query & 1) == 0;
}

/*
 * Two hops, the second one the target; which queries are answered, the RTT of the
 * target, -w MAX,HERE,NEAR; and when the trace must end.
 */
static const struct {
	unsigned int first, second;
	int64_t rtt1, rtt2;
	int64_t max;
	uint32_t here, near;
	int64_t end;
} waits[] = {
    /* Nothing is missing. */
    {7, 7, 10 * MS, 20 * MS, 5000 * MS, 3000, 10000, 20 * MS},
    /* here: three times the RTT of this hop and a millisecond. */
    {7, 3, 10 * MS, 20 * MS, 5000 * MS, 3000, 10000, 63 * MS},
    {7, 4, 10 * MS, 20 * MS, 5000 * MS, 3000, 10000, 63 * MS},
    {3, 7, 20 * MS, 30 * MS, 5000 * MS, 3000, 10000, 63 * MS},
    {7, 3, 10 * MS, 20 * MS, 5000 * MS, 4500, 10000, 94500000},
    /* near: ten times the next RTT. */
    {0, 7, 10 * MS, 20 * MS, 5000 * MS, 3000, 10000, 210 * MS},
    {0, 7, 10 * MS, 20 * MS, 5000 * MS, 3000, 2500, 52500000},
    {0, 3, 10 * MS, 20 * MS, 5000 * MS, 3000, 10000, 210 * MS},
    /* Not less than 50 ms. */
    {7, 3, 1 * MS, 2 * MS, 5000 * MS, 3000, 10000, 50 * MS},
    {0, 7, 1 * MS, 2 * MS, 5000 * MS, 3000, 10000, 50 * MS},
    {7, 3, 1 * MS, 2 * MS, 30 * MS, 3000, 10000, 30 * MS},
    /* Not more than the longest wait. */
    {7, 3, 10 * MS, 400 * MS, 1000 * MS, 3000, 10000, 1000 * MS},
    {0, 7, 10 * MS, 400 * MS, 1000 * MS, 3000, 10000, 1000 * MS},
    /* Switched off. */
    {7, 3, 10 * MS, 20 * MS, 5000 * MS, 0, 10000, 5000 * MS},
    {0, 7, 10 * MS, 20 * MS, 5000 * MS, 3000, 0, 5000 * MS},
    {0, 7, 10 * MS, 20 * MS, 700 * MS, 0, 0, 700 * MS},
    /* A later hop's answer that comes after its own wait would be over. */
    {3, 7, 1 * MS, 400 * MS, 5000 * MS, 3000, 10000, 400 * MS},
};

START_TEST(adaptive_waits)
{
	struct prober_start o;
	struct model *m = line(2, &o);

	memset(answered_at_hop, 0xff, sizeof(answered_at_hop));
	answered_at_hop[1] = waits[_i].first;
	answered_at_hop[2] = waits[_i].second;
	m->loses = loses_by_table;
	m->nodes[0].rtt = waits[_i].rtt1;
	m->nodes[1].rtt = waits[_i].rtt2;
	o.max_ttl = 2;
	o.wait_max = waits[_i].max;
	o.wait_here = waits[_i].here;
	o.wait_near = waits[_i].near;
	go(m, &o);
	must_end(m, REASON_REACHED, 2);
	must_eq(m->ended_at, waits[_i].end);
	model_free(m);
}
END_TEST

START_TEST(silence_takes_the_longest_wait)
{
	struct prober_start o;
	struct model *m = line(30, &o);

	for (size_t k = 0; k < 30; k++)
		m->nodes[k].silent = true;
	go(m, &o);
	/* 16 hops, then the other 14. */
	must_end(m, REASON_HOP_LIMIT, 30);
	must_eq(m->ended_at, 10000 * MS);
	o.gap_limit = 5;
	go(m, &o);
	must_end(m, REASON_GAP_LIMIT, 5);
	must_eq(m->ended_at, 5000 * MS);
	o.window = 1;
	go(m, &o);
	must_end(m, REASON_GAP_LIMIT, 5);
	must_eq(m->ended_at, 15 * 5000 * MS);
	model_free(m);
}
END_TEST

/* ---- replies that do not show which probe they answer ---- */

START_TEST(short_quotes_everywhere)
{
	size_t hops = (size_t)_i + 1;
	struct prober_start o;
	struct model *m = line(hops, &o);
	size_t with_tags;

	o.max_ttl = 60;
	go(m, &o);
	with_tags = m->sent_count;
	for (size_t k = 0; k < hops; k++)
		m->nodes[k].short_quote = true;
	go(m, &o);
	must_end(m, REASON_REACHED, (unsigned int)hops);
	must_eq(m->done.window, 1);
	must(m->done.ambiguous > 0);
	must(m->sent_count * 10 <= with_tags * 22);
	for (size_t ttl = 1; ttl <= hops; ttl++)
		for (uint8_t q = 0; q < 3; q++)
			must_eq(
			    model_result(m, (uint8_t)ttl, q)->outcome, RESULT_REPLY);
	/* One wave, then one at a time. */
	must(m->ended_at <= (int64_t)(16 + hops * hops * 3) * 5 * MS);
	model_free(m);
}
END_TEST

/* Packets too small for a tag: one at a time from the start. */
START_TEST(no_tags)
{
	for (size_t hops = 1; hops <= 20; hops++) {
		struct prober_start o;
		struct model *m = line(hops, &o);

		m->flow_window = 1;
		go(m, &o);
		must_end(m, REASON_REACHED, (unsigned int)hops);
		must_eq(m->most_in_flight, 1);
		must_eq(m->sent_count, hops * 3);
		must_eq(m->ended_at, (int64_t)(hops * (hops + 1) / 2) * 15 * MS);
		must_eq(m->done.ambiguous, 0);
		/* Before anything was heard nothing shortens the wait. */
		m->nodes[0].silent = true;
		go(m, &o);
		must_eq(model_result(m, 1, 0)->outcome, RESULT_TIMEOUT);
		must(m->ended_at >= 15000 * MS);
		model_free(m);
	}
}
END_TEST

/* Routers that quote no payload among others, each place of one or two of them. */
START_TEST(some_short_quotes)
{
	for (size_t one = 0; one < 12; one++) {
		for (size_t two = one; two < 12; two++) {
			struct prober_start o;
			struct model *m = line(12, &o);

			m->nodes[one].short_quote = m->nodes[two].short_quote = true;
			go(m, &o);
			must_end(m, REASON_REACHED, 12);
			for (uint8_t ttl = 1; ttl <= 12; ttl++)
				for (uint8_t q = 0; q < 3; q++)
					must_eq(model_result(m, ttl, q)->outcome,
					    RESULT_REPLY);
			model_free(m);
		}
	}
}
END_TEST

/* A near router, then one ten or a hundred times as far (a satellite's hop). */
START_TEST(short_quotes_after_a_far_hop)
{
	static const int64_t near[] = {300 * 1000, 1 * MS, 5 * MS, 20 * MS};
	static const int64_t far[] = {60 * MS, 150 * MS, 280 * MS, 600 * MS, 900 * MS};
	size_t far_from = (size_t)_i + 1;

	for (size_t a = 0; a < COUNT_OF(near); a++) {
		for (size_t b = 0; b < COUNT_OF(far); b++) {
			struct prober_start o;
			struct model *m = line(8, &o);

			for (size_t k = 0; k < 8; k++) {
				m->nodes[k].short_quote = true;
				m->nodes[k].rtt = (k < far_from ? near[a] : far[b]) +
						  (int64_t)k * MS / 10;
			}
			go(m, &o);
			must_end(m, REASON_REACHED, 8);
			for (uint8_t ttl = 1; ttl <= 8; ttl++)
				must_eq(model_result(m, ttl, 0)->outcome, RESULT_REPLY);
			model_free(m);
		}
	}
}
END_TEST

/*
 * What waiting costs: a second for the wave, and one when the silent hop is asked
 * alone; then each of its other queries ten times the round trip to the next hop.
 */
START_TEST(short_quotes_and_a_silent_hop)
{
	struct prober_start o;
	struct model *m = line(5, &o);

	for (size_t k = 0; k < 5; k++)
		m->nodes[k].short_quote = true;
	m->nodes[2].silent = true;
	go(m, &o);
	must_end(m, REASON_REACHED, 5);
	/*
	 * The first answer of hop 4 could be a late one of hop 3: it is asked once more
	 * when nothing has come for three times the longest round trip.
	 */
	must_eq(m->ended_at,
	    (1000 + 5 + 10 + 1000 + 20 + 3 * 26 + 20 + 25 + 2 * 25 + 2 * 210) * MS);
	must_eq(m->done.reasked, 5 * 3 + 1);
	model_free(m);
}
END_TEST

/* Answers later than their wait make one moment unclear, and nothing after it. */
START_TEST(late_without_a_tag)
{
	struct prober_start o;
	struct model *m = line(3, &o);

	for (size_t k = 0; k < 3; k++)
		m->nodes[k].short_quote = true;
	m->nodes[0].rtt = 300 * MS;
	m->nodes[1].rtt = 150 * MS;
	o.wait_max = 200 * MS;
	o.window = 3;
	go(m, &o);
	must_end(m, REASON_REACHED, 3);
	for (uint8_t q = 0; q < 3; q++) {
		must_eq(model_result(m, 1, q)->outcome, RESULT_TIMEOUT);
		must_eq(model_result(m, 2, q)->outcome, RESULT_REPLY);
		must_eq(model_result(m, 3, q)->outcome, RESULT_REPLY);
	}
	must_eq(m->done.reasked, 3);
	must_eq(m->done.ambiguous, 6);
	model_free(m);
}
END_TEST

/* Silent hops before a target that has answered do not end the trace. */
START_TEST(gap_before_a_known_end)
{
	struct prober_start o;
	struct model *m = line(12, &o);

	for (size_t k = 4; k < 10; k++)
		m->nodes[k].silent = true;
	o.gap_limit = 5;
	go(m, &o);
	must_end(m, REASON_REACHED, 12);
	model_free(m);
}
END_TEST

/* ---- quotes that may be short ---- */

/* A line on which the algorithm knows that quotes may be short, and they are. */
static struct model *
short_line(size_t hops, struct prober_start *o)
{
	struct model *m = line(hops, o);

	m->quotes_may_be_short = true;
	for (size_t k = 0; k < hops; k++)
		m->nodes[k].short_quote = true;
	return m;
}

/* Asks hop by hop, one probe at a time: what all else is compared with. */
static void
go_one_by_one(struct model *m, struct prober_start o)
{
	o.window = 1;
	go(m, &o);
}

/* They are not: one round trip to the first hop, and nothing past a near target. */
START_TEST(tags_that_are_shown)
{
	size_t hops = (size_t)_i + 1;

	for (uint8_t queries = 1; queries <= 5; queries++) {
		struct prober_start o;
		struct model *m = line(hops, &o);
		size_t first = HOPS_AT_ONCE * (size_t)queries;

		m->quotes_may_be_short = true;
		o.max_ttl = 60;
		o.queries = queries;
		go(m, &o);
		must_end(m, REASON_REACHED, (unsigned int)hops);
		must_eq(m->done.window, 0);
		must_eq(m->done.ambiguous + m->done.reasked, 0);
		must_eq(m->results_count, hops * queries);
		for (size_t i = 0; i < m->results_count; i++)
			must_eq(m->results[i].flags & RESULT_BY_ADDRESS, 0);
		if (hops == 1) {
			must_eq(m->sent_count, queries);
			must_eq(m->ended_at, (queries > 1 ? 10 : 5) * MS);
		} else if (hops <= HOPS_AT_ONCE - 2) {
			must_eq(m->sent_count, first);
		}
		if (hops > 1 && hops <= HOPS_AT_ONCE)
			must_eq(m->ended_at, (int64_t)(5 + hops * 5) * MS);
		must(sent_past(m, (unsigned int)hops) <= first);
		model_free(m);
	}
}
END_TEST

/* They are everywhere: each hop asked once alone, then all at once and by address. */
START_TEST(told_by_address)
{
	size_t hops = (size_t)_i + 1;
	struct prober_start o;
	struct model *m = short_line(hops, &o);
	int64_t took;

	o.max_ttl = 60;
	go(m, &o);
	must_end(m, REASON_REACHED, (unsigned int)hops);
	must_eq(m->sent_count, hops * 3);
	must_eq(m->ended_at, (int64_t)(hops * (hops + 1) / 2 + 2 * hops) * 5 * MS);
	must_eq(m->most_in_flow, hops > 1);
	must_eq(m->most_in_flight, hops);
	must_eq(m->done.window, 1);
	must_eq(m->done.ambiguous + m->done.reasked + m->wrong_times, 0);
	for (size_t ttl = 1; ttl <= hops; ttl++) {
		for (uint8_t q = 0; q < 3; q++) {
			const struct prober_result *r =
			    model_result(m, (uint8_t)ttl, q);

			must_eq(r->outcome, RESULT_REPLY);
			must_eq(r->rtt, (int64_t)ttl * 5 * MS);
			must_eq(r->flags & RESULT_BY_ADDRESS,
			    q == 0 ? 0 : RESULT_BY_ADDRESS);
		}
	}
	took = m->ended_at;
	go_one_by_one(m, o);
	must_eq(m->sent_count, hops * 3);
	must(took <= m->ended_at);
	model_free(m);
}
END_TEST

/* Silence at the beginning: more and more is asked, until all is after 150 ms. */
START_TEST(silent_beginning)
{
	static const int64_t when[] = {
	    0, 50, 50, 50, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100};
	size_t silent = (size_t)_i;

	for (int short_quotes = 0; short_quotes < 2; short_quotes++) {
		struct prober_start o;
		struct model *m = short_line(20, &o);
		int64_t heard = (when[silent] + (int64_t)(silent + 1) * 5) * MS;

		for (size_t k = 0; k < 20; k++)
			m->nodes[k].short_quote = short_quotes;
		for (size_t k = 0; k < silent; k++)
			m->nodes[k].silent = true;
		go(m, &o);
		must_end(m, REASON_REACHED, 20);
		for (size_t k = 0; k < HOPS_AT_ONCE; k++) {
			int64_t at = when[k] * MS;

			if (at >= heard)
				break;
			must_eq(m->sent[k].ttl, k + 1);
			must_eq(m->sent[k].query, 0);
			must_eq(m->sent[k].at - MODEL_START, at);
		}
		for (size_t k = silent; k < 20; k++)
			must_eq(model_result(m, (uint8_t)(k + 1), 0)->outcome,
			    RESULT_REPLY);
		must(m->sent_count <= 60 * 22 / 10);
		model_free(m);
	}
}
END_TEST

START_TEST(silence_from_end_to_end)
{
	struct prober_start o;
	struct model *m = short_line(30, &o);

	for (size_t k = 0; k < 30; k++)
		m->nodes[k].silent = true;
	go(m, &o);
	must_end(m, REASON_HOP_LIMIT, 30);
	must_eq(m->sent_count, 90);
	must_eq(m->ended_at, 10150 * MS);
	model_free(m);
}
END_TEST

/* A target that is silent: twice as many hops at once after each silence. */
START_TEST(silent_end)
{
	struct prober_start o;
	struct model *m = short_line(3, &o);

	m->nodes[2].silent = true;
	go(m, &o);
	must_end(m, REASON_HOP_LIMIT, 30);
	must_eq(m->sent_count, 90);
	must_eq(m->done.ambiguous, 0);
	/* 1, 1, 2, 4, 8 and 12 hops, a second each; then twice ten round trips. */
	must_eq(m->ended_at, (5 + 10 + 6 * 1000 + 2 * 10 + 2 * 110) * MS);
	o.gap_limit = 4;
	go(m, &o);
	must_end(m, REASON_GAP_LIMIT, 6);
	must_eq(m->sent_count, 18);
	model_free(m);
}
END_TEST

/* What tags have told is not asked again; what is, once alone and once together. */
START_TEST(short_among_long_quotes)
{
	bool others =
	    _i >= 12; /* the other way round: two long ones among short ones */
	size_t one = (size_t)_i % 12;

	for (size_t two = one; two < 12; two++) {
		struct prober_start o;
		struct model *m = short_line(12, &o);

		for (size_t k = 0; k < 12; k++)
			m->nodes[k].short_quote = (k == one || k == two) != others;
		go(m, &o);
		must_end(m, REASON_REACHED, 12);
		for (size_t k = 0; k < 12; k++) {
			size_t sent = model_sent_at(m, (uint8_t)(k + 1));

			must(sent == 3 || (m->nodes[k].short_quote && sent <= 6));
			for (uint8_t q = 0; q < 3; q++)
				must_eq(model_result(m, (uint8_t)(k + 1), q)->outcome,
				    RESULT_REPLY);
		}
		/* Hops alone before the first tag are no reason to be slow. */
		if (!others && one == 0 && two == 0)
			must_eq(m->ended_at, (5 + 10 + 12 * 5) * MS);
		model_free(m);
	}
}
END_TEST

/* An address of two hops tells nothing: all its queries are asked alone. */
START_TEST(one_address_at_two_hops)
{
	for (size_t k = 1; k < 7; k++) {
		for (size_t distance = 1; k + distance < 8; distance++) {
			struct prober_start o;
			struct model *m = short_line(9, &o);

			m->nodes[k + distance].addr = m->nodes[k].addr;
			go(m, &o);
			must_end(m, REASON_REACHED, 9);
			for (uint8_t ttl = 1; ttl <= 9; ttl++)
				for (uint8_t q = 0; q < 3; q++)
					must_eq(model_result(m, ttl, q)->outcome,
					    RESULT_REPLY);
			/* The first time it might have been a duplicate. */
			must_eq(m->sent_count, 27 + 3);
			model_free(m);
		}
	}
}
END_TEST

START_TEST(short_quotes_in_a_loop)
{
	for (uint8_t limit = 1; limit <= 4; limit++) {
		struct prober_start o;
		struct model *m = short_line(5, &o);

		o.loop_limit = limit;
		m->nodes[3].next[0] = 2;
		go(m, &o);
		must_end(m, REASON_LOOP, 4u + limit);
		must_eq(m->sent_count, (4u + limit) * 3 + 3 * limit);
		model_free(m);
	}
}
END_TEST

/* The first queries that reach the target are lost: it seems to be farther away. */
static uint8_t heard_from;

static bool
loses_first_of_target(const struct model *m, const struct model_sent *sent)
{
	return m->nodes[sent->node].ends && sent->query == 0 && sent->ttl < heard_from;
}

START_TEST(target_is_heard_late)
{
	for (size_t hops = 1; hops <= 8; hops++) {
		struct prober_start o;
		struct model *m = short_line(hops, &o);

		heard_from = (uint8_t)(hops + 1 + (size_t)_i);
		m->loses = loses_first_of_target;
		go(m, &o);
		must_end(m, REASON_REACHED, (unsigned int)hops);
		must_eq(model_result(m, (uint8_t)hops, 0)->outcome, RESULT_TIMEOUT);
		for (uint8_t q = 1; q < 3; q++)
			must_eq(
			    model_result(m, (uint8_t)hops, q)->outcome, RESULT_REPLY);
		model_free(m);
	}
}
END_TEST

/* ---- what short quotes cost ---- */

/* Two ways through this hop, packet by packet. */
static void
add_twin(struct model *m, size_t hop)
{
	uint16_t node = model_add(m, m->nodes[hop].rtt);

	m->nodes[node].short_quote = true;
	m->nodes[hop - 1].per_packet = true;
	model_link(m, (uint16_t)(hop - 1), node);
	model_link(m, node, (uint16_t)(hop + 1));
}

static void
trouble_none(struct model *m, struct rng *rng, size_t hops)
{
	(void)m;
	(void)rng;
	(void)hops;
}

static void
trouble_jitter(struct model *m, struct rng *rng, size_t hops)
{
	(void)rng;
	(void)hops;
	m->jitter = 10 * MS;
}

static void
trouble_silent_first(struct model *m, struct rng *rng, size_t hops)
{
	(void)rng;
	m->nodes[0].silent = hops > 1;
}

static void
trouble_silent(struct model *m, struct rng *rng, size_t hops)
{
	for (size_t k = 0; k + 1 < hops; k++)
		m->nodes[k].silent = rng_chance(rng, 200000);
}

static void
trouble_silent_target(struct model *m, struct rng *rng, size_t hops)
{
	(void)rng;
	m->nodes[hops - 1].silent = true;
}

static void
trouble_loss(struct model *m, struct rng *rng, size_t hops)
{
	(void)rng;
	for (size_t k = 0; k < hops; k++)
		m->nodes[k].lost = 100000;
}

static void
trouble_duplicates(struct model *m, struct rng *rng, size_t hops)
{
	for (size_t k = 0; k < hops; k++)
		m->nodes[k].duplicated = 200000;
	m->duplicate_after = (int64_t)rng_below(rng, 300) * MS;
	m->jitter = 5 * MS;
}

static void
trouble_late(struct model *m, struct rng *rng, size_t hops)
{
	trouble_duplicates(m, rng, hops);
	for (size_t k = 0; k < hops; k++)
		m->nodes[k].late = 30000;
	m->late_by = 60 * MS;
}

static void
trouble_per_packet(struct model *m, struct rng *rng, size_t hops)
{
	if (hops > 2)
		add_twin(m, 1 + rng_below(rng, hops - 2));
}

static void
trouble_per_packet_often(struct model *m, struct rng *rng, size_t hops)
{
	(void)rng;
	for (size_t k = 1; k + 1 < hops; k += 2)
		add_twin(m, k);
}

static void (*const troubles[])(struct model *, struct rng *, size_t) = {trouble_none,
    trouble_jitter, trouble_silent_first, trouble_silent, trouble_silent_target,
    trouble_loss, trouble_duplicates, trouble_late, trouble_per_packet,
    trouble_per_packet_often};

/* Not more than 2.2 times the probes of one by one, nor more time: of 20 runs each. */
START_TEST(what_short_quotes_cost)
{
	static const size_t sizes[] = {1, 2, 4, 8, 15, 25};
	size_t sent = 0, sent_alone = 0;
	int64_t took = 0, took_alone = 0;
	struct rng rng = {(uint64_t)_i + 1};

	for (size_t k = 0; k < COUNT_OF(sizes) * 20; k++) {
		size_t hops = sizes[k % COUNT_OF(sizes)];
		struct prober_start o;
		struct model *m = short_line(hops, &o);

		m->seed = rng_next(&rng);
		for (size_t hop = 0; hop < hops; hop++)
			m->nodes[hop].rtt *= 4;
		troubles[_i](m, &rng, hops);
		go(m, &o);
		must_eq(m->done.reason, troubles[_i] == trouble_silent_target
					    ? REASON_HOP_LIMIT
					    : REASON_REACHED);
		sent += m->sent_count;
		took += m->ended_at;
		go_one_by_one(m, o);
		sent_alone += m->sent_count;
		took_alone += m->ended_at;
		model_free(m);
	}
	must(sent * 10 <= sent_alone * 22);
	must(took <= took_alone);
}
END_TEST

/* ---- short quotes, many times ---- */

/* What may happen to replies, in one of the runs of no_wrong_hops. */
static const struct {
	bool mixed;        /* half of the hops quote the tag */
	bool losses;       /* and silent hops */
	int64_t duplicate; /* a fifth of them comes twice, at most so much later */
	int64_t late;      /* a twentieth comes so much later */
} mishaps[] = {
    {.losses = true},
    {.duplicate = 50 * MS},
    {.duplicate = 3000 * MS},
    {.late = 800 * MS},
    {.duplicate = 3000 * MS, .late = 800 * MS},
    {.losses = true, .duplicate = 50 * MS},
    {.losses = true, .late = 800 * MS},
    {.mixed = true, .losses = true},
    {.mixed = true, .duplicate = 50 * MS},
    {.mixed = true, .losses = true, .duplicate = 50 * MS},
};

static struct model *
mishap_network(struct rng *rng, int mishap)
{
	size_t hops = 1 + rng_below(rng, 25);
	struct prober_start o;
	struct model *m = short_line(hops, &o);
	int64_t rtt = 0;

	m->seed = rng_next(rng);
	m->jitter = 5 * MS;
	for (size_t k = 0; k < hops; k++) {
		struct model_node *n = &m->nodes[k];

		rtt += (int64_t)(1 + rng_below(rng, 20000)) * NS_PER_US;
		n->rtt = rtt;
		n->short_quote = !mishaps[mishap].mixed || rng_chance(rng, 500000);
		n->duplicated = mishaps[mishap].duplicate != 0 ? 200000 : 0;
		n->late = mishaps[mishap].late != 0 ? 50000 : 0;
		if (!mishaps[mishap].losses)
			continue;
		n->silent = rng_chance(rng, 120000);
		if (rng_chance(rng, 300000))
			n->lost = (uint32_t)rng_below(rng, 400000);
	}
	if (mishaps[mishap].duplicate != 0)
		m->duplicate_after =
		    (int64_t)rng_below(rng, (uint64_t)mishaps[mishap].duplicate);
	if (mishaps[mishap].late != 0)
		m->late_by = (int64_t)rng_below(rng, (uint64_t)mishaps[mishap].late);
	return m;
}

/* Never a wrong hop for an address, however replies are delayed and doubled. */
START_TEST(no_wrong_hops)
{
	struct rng rng = {(uint64_t)_i + 1};
	size_t reached = 0;

	for (int seed = 0; seed < 1000; seed++) {
		struct prober_start o = model_options();
		struct model *m = mishap_network(&rng, _i);

		if (rng_chance(&rng, 300000))
			o.queries = (uint8_t)(1 + rng_below(&rng, 5));
		model_go(m, &algorithm_paris, &o);
		must_eq_in(seed, m->wrong, 0);
		check_run(m, &o);
		reached += m->done.reason == REASON_REACHED;
		model_free(m);
	}
	must(reached > 700);
}
END_TEST

/* ---- duplicates and late replies, with tags ---- */

START_TEST(duplicates)
{
	struct prober_start o;
	struct model *m = line(10, &o);

	for (size_t k = 0; k < 10; k++)
		m->nodes[k].duplicated = 1000000;
	m->duplicate_after = 3 * MS;
	go(m, &o);
	must_end(m, REASON_REACHED, 10);
	must_eq(m->done.replies, 10 * 3 + 0);
	must(m->done.duplicates >= 9 * 3);
	must_eq(m->results_count, m->done.replies + m->done.duplicates);
	model_free(m);
}
END_TEST

START_TEST(late_replies)
{
	struct prober_start o;
	struct model *m = line(10, &o);

	m->nodes[3].late = 1000000;
	m->late_by = 1000 * MS;
	/* A silent hop, which waits longer than the late one's replies take. */
	m->nodes[8].silent = true;
	m->nodes[9].rtt = 150 * MS;
	go(m, &o);
	must_end(m, REASON_REACHED, 10);
	for (uint8_t q = 0; q < 3; q++)
		must_eq(model_result(m, 4, q)->outcome, RESULT_TIMEOUT);
	must_eq(m->done.late, 3);
	must_eq(m->done.timeouts, 6);
	model_free(m);
}
END_TEST

/* ---- troubles of this machine ---- */

/* Every call of instance_send fails once, in each way there is. */
START_TEST(sending_fails)
{
	bool short_quotes = _i % 2;
	static const int errors[] = {-ENOMEM, -EMFILE, -EAGAIN};
	struct prober_start o;
	struct model *m = line(20, &o);
	size_t calls;

	m->quotes_may_be_short = _i >= 2;
	for (size_t k = 0; short_quotes && k < 20; k++)
		m->nodes[k].short_quote = true;
	go(m, &o);
	calls = m->calls;
	must(calls >= 60);
	for (size_t e = 0; e < COUNT_OF(errors); e++) {
		for (size_t call = 1; call <= calls; call++) {
			m->fail_call = call;
			m->fail_error = errors[e];
			go(m, &o);
			if (errors[e] == -EAGAIN) {
				must_end(m, REASON_REACHED, 20);
				continue;
			}
			must_eq(m->done.reason, REASON_FAILED);
			must_eq(m->done.error, -errors[e]);
		}
	}
	model_free(m);
}
END_TEST

START_TEST(probes_that_never_leave)
{
	bool short_quotes = _i % 2;
	struct prober_start o;
	struct model *m = line(20, &o);
	size_t sent;

	m->quotes_may_be_short = _i >= 2;
	for (size_t k = 0; short_quotes && k < 20; k++)
		m->nodes[k].short_quote = true;
	go(m, &o);
	sent = m->sent_count;
	for (size_t probe = 1; probe <= sent; probe++) {
		const struct prober_result *last;

		m->fail_probe = probe;
		go(m, &o);
		must_end(m, REASON_FAILED, m->sent[probe - 1].ttl);
		must(!m->sent[probe - 1].left);
		last = &m->results[m->results_count - 1];
		must_eq(last->outcome, RESULT_SEND_FAILED);
		must_eq(last->error, ENETUNREACH);
		must_eq(last->probe, probe - 1);
	}
	model_free(m);
}
END_TEST

/* A probe is larger than our own link takes: the path ends there, as traceroute has it.
 */
START_TEST(probes_that_are_too_large)
{
	bool short_quotes = _i % 2;
	struct prober_start o;
	struct model *m = line(20, &o);
	size_t sent;

	m->quotes_may_be_short = _i >= 2;
	for (size_t k = 0; short_quotes && k < 20; k++)
		m->nodes[k].short_quote = true;
	go(m, &o);
	sent = m->sent_count;
	m->fail_mtu = 1300;
	for (size_t probe = 1; probe <= sent; probe++) {
		const struct prober_result *r;
		uint8_t ttl, query;

		m->fail_probe = probe;
		go(m, &o);
		ttl = m->sent[probe - 1].ttl;
		query = m->sent[probe - 1].query;
		if (ttl > 20) /* past the target it does not matter */
			continue;
		must_eq(m->done.reason, ttl < 20 ? REASON_UNREACHABLE : REASON_REACHED);
		must_eq(m->done.end_ttl, ttl);
		r = model_result(m, ttl, query);
		must_eq(r->outcome, RESULT_SEND_FAILED);
		must_eq(r->error, EMSGSIZE);
		must_eq(r->mtu, 1300);
		must_eq(r->flags, RESULT_FINAL);
		must(r->rtt >= 0);
	}
	model_free(m);
}
END_TEST

/* A line whose links take less and less, the first one ours. */
static struct model *
narrowing(struct prober_start *o)
{
	struct model *m = line(10, o);

	o->path_mtu = o->dont_fragment = 1;
	o->window = 1;
	o->packet_len = 65000;
	m->fail_probe = 1;
	m->fail_mtu = 1500;
	m->nodes[2].mtu = 1400;
	m->nodes[5].mtu = 1300;
	return m;
}

/* What is too large is asked again, once, and nothing else is. */
START_TEST(path_mtu)
{
	static const unsigned int found[11] = {[1] = 1500, [4] = 1400, [7] = 1300};
	struct prober_start o;
	struct model *m = narrowing(&o);

	m->quotes_may_be_short = _i > 0;
	for (size_t k = 0; _i == 2 && k < 10; k++)
		m->nodes[k].short_quote = true;
	m->flow_window = _i == 3 ? 1 : 0;
	go(m, &o);
	must_end(m, REASON_REACHED, 10);
	must_eq(m->done.error, 0);
	must_eq(m->done.reasked, 0);
	must_eq(m->done.ambiguous, 0);
	must_eq(m->sent_count, 10 * o.queries + 3);
	for (uint8_t ttl = 1; ttl <= 10; ttl++)
		for (uint8_t q = 0; q < o.queries; q++) {
			const struct prober_result *r = model_result(m, ttl, q);

			must_eq(r->outcome, RESULT_REPLY);
			must_eq(r->path_mtu, q == 0 ? found[ttl] : 0);
		}
	for (size_t i = 0; i < m->sent_count; i++)
		must(m->sent[i].len == (i == 0      ? 65000
					   : i < 11 ? 1500
						    : 0) ||
		     (i >= 11 && m->sent[i].len <= m->sent[i - 1].len));
	model_free(m);
}
END_TEST

/* A router that always wants one byte less ends the path, as without the option. */
START_TEST(path_mtu_without_end)
{
	struct prober_start o;
	struct model *m = narrowing(&o);
	const struct prober_result *r;

	m->nodes[2].mtu = 68;
	m->nodes[2].lies = true;
	go(m, &o);
	must_end(m, REASON_UNREACHABLE, 4);
	r = model_result(m, 4, 0);
	must((r->flags & RESULT_FINAL) != 0);
	must_eq(r->path_mtu, r->mtu + 1);
	must_eq(m->sent_count, 1 + 4 * o.queries + 254);
	model_free(m);
}
END_TEST

START_TEST(stopped_at_any_time)
{
	bool short_quotes = _i % 2;
	struct prober_start o;
	struct model *m = line(6, &o);
	int64_t end;

	m->quotes_may_be_short = _i >= 2;
	for (size_t k = 0; short_quotes && k < 6; k++)
		m->nodes[k].short_quote = true;
	m->nodes[2].silent = true;
	go(m, &o);
	end = m->ended_at;
	for (m->stop_at = 1; m->stop_at < end; m->stop_at += end / 500) {
		go(m, &o);
		must_eq(m->done.reason, REASON_INTERRUPTED);
		must_eq(m->ended_at, m->stop_at);
	}
	model_free(m);
}
END_TEST

/* ---- everything at once ---- */

#define SEEDS 1000 /* each time that the test is run */

/* One of the hops' troubles, or several. */
static void
trouble(struct rng *rng, struct model_node *n, bool short_quotes)
{
	n->silent = rng_chance(rng, 120000);
	n->short_quote = short_quotes && rng_chance(rng, 600000);
	if (rng_chance(rng, 300000))
		n->lost = (uint32_t)rng_below(rng, 500000);
	if (rng_chance(rng, 300000))
		n->duplicated = (uint32_t)rng_below(rng, 1000000);
}

/*
 * A random line with random troubles and options. Where quotes are short, a duplicate
 * comes together with the first reply: one that comes later looks like the answer to
 * the next probe, and nothing could tell them apart.
 */
static struct model *
random_network(struct rng *rng, struct prober_start *o, bool short_quotes)
{
	struct model *m = model_new(rng_next(rng));
	size_t hops = 1 + rng_below(rng, 35);
	int64_t rtt = (int64_t)(1 + rng_below(rng, 20000)) * NS_PER_US;

	model_line(m, hops, MS);
	for (size_t k = 0; k < hops; k++) {
		rtt += (int64_t)rng_below(rng, 8000) * NS_PER_US;
		m->nodes[k].rtt = rtt;
		trouble(rng, &m->nodes[k], short_quotes);
	}
	m->jitter = (int64_t)rng_below(rng, (uint64_t)m->nodes[0].rtt / 2);
	if (!short_quotes) {
		m->duplicate_after = (int64_t)rng_below(rng, 300) * MS;
		m->late_by = (int64_t)rng_below(rng, 9000) * MS;
		for (size_t k = 0; k < hops; k++)
			m->nodes[k].late = (uint32_t)rng_below(rng, 200000);
	}
	if (short_quotes && rng_chance(rng, 100000))
		m->flow_window = 1;
	m->quotes_may_be_short = short_quotes && rng_chance(rng, 500000);
	*o = model_options();
	o->queries = (uint8_t)(1 + rng_below(rng, 4));
	o->max_ttl = (uint8_t)(1 + rng_below(rng, 40));
	o->first_ttl = (uint8_t)(1 + rng_below(rng, o->max_ttl));
	if (rng_chance(rng, 500000))
		o->first_ttl = 1;
	if (rng_chance(rng, 500000))
		o->window = (uint16_t)(1 + rng_below(rng, 60));
	if (rng_chance(rng, 500000))
		o->gap_limit = (uint8_t)(1 + rng_below(rng, 8));
	if (rng_chance(rng, 100000))
		o->send_gap = (int64_t)rng_below(rng, 5) * MS;
	return m;
}

START_TEST(everything_at_random)
{
	struct rng rng = {(uint64_t)_i * 7919 + 1};
	bool short_quotes = _i % 2;
	size_t reached = 0;

	for (int seed = 0; seed < SEEDS; seed++) {
		struct prober_start o;
		struct model *m = random_network(&rng, &o, short_quotes);
		size_t slots = (size_t)(o.max_ttl - o.first_ttl + 1) * o.queries;

		model_go(m,
		    rng_chance(&rng, 800000) ? &algorithm_paris : &algorithm_traceroute,
		    &o);
		must_eq_in(seed, m->wrong, 0);
		check_run(m, &o);
		/* Each query waits at most so often, and each wait is bounded. */
		must(m->ended_at <= (int64_t)(slots * 4 + 16) * o.wait_max);
		must(m->sent_count <= slots * 4);
		must(m->done.reason <= REASON_HOP_LIMIT);
		reached += m->done.reason == REASON_REACHED;
		model_free(m);
	}
	must(reached > SEEDS / 10);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {lines, .loops = 40},
	    {sixteen_hops_at_once},
	    {no_hop_is_waited_for},
	    {windows, .loops = 60},
	    {first_and_last_hop, .loops = FIRST_AND_LAST},
	    {most_queries},
	    {probes_past_the_target},
	    {send_gaps},
	    {unreachable},
	    {target_that_answers_some_probes},
	    {gap_limit},
	    {loops},
	    {repeats_are_no_loop},
	    {interrupted},
	    {adaptive_waits, .loops = COUNT_OF(waits)},
	    {silence_takes_the_longest_wait},
	    {short_quotes_everywhere, .loops = 40},
	    {no_tags},
	    {some_short_quotes},
	    {short_quotes_after_a_far_hop, .loops = 7},
	    {short_quotes_and_a_silent_hop},
	    {late_without_a_tag},
	    {gap_before_a_known_end},
	    {tags_that_are_shown, .loops = 40},
	    {told_by_address, .loops = 40},
	    {silent_beginning, .loops = HOPS_AT_ONCE},
	    {silence_from_end_to_end},
	    {silent_end},
	    {short_among_long_quotes, .loops = 24},
	    {one_address_at_two_hops},
	    {short_quotes_in_a_loop},
	    {target_is_heard_late, .loops = 4},
	    {what_short_quotes_cost, .loops = COUNT_OF(troubles)},
	    {no_wrong_hops, .loops = COUNT_OF(mishaps)},
	    {duplicates},
	    {late_replies},
	    {sending_fails, .loops = 4},
	    {probes_that_never_leave, .loops = 4},
	    {path_mtu, .loops = 4},
	    {path_mtu_without_end},
	    {probes_that_are_too_large, .loops = 4},
	    {stopped_at_any_time, .loops = 4},
	    {everything_at_random, .loops = 6},
	};

	return test_main("traceroute", tests, COUNT_OF(tests));
}
