/*
 * algorithms/mda and mda-lite on the model network: whole graphs of all kinds of
 * networks, and a right end whatever goes wrong.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/algorithms.h"
#include "common/clock.h"
#include "prober/probe.h"
#include "tests/support/branches.h"

#define MS NS_PER_MS
#define STEP (5 * MS)

static const struct algorithm *const algorithms[] = {
    &algorithm_mda, &algorithm_mda_lite};

/* Both algorithms, so many runs each. */
struct setting {
	struct model *m;
	struct prober_start o;
	const struct algorithm *a;
	bool lite;
};

/* A bound so strict that nothing is missed by chance. */
static struct setting
set_up(const struct branches *b, int turn)
{
	struct setting s = {.m = model_new((uint64_t)turn / 2 + 1),
	    .o = model_options(),
	    .a = algorithms[turn % 2],
	    .lite = turn % 2 != 0};

	branches_make(s.m, b, STEP);
	s.o.alpha = 1000;
	return s;
}

static void
must_find_all(const struct setting *s)
{
	struct found found = branches_go(s->m, s->a, &s->o);

	must_eq(found.missing, 0);
	must_eq(found.false_links, 0);
	must_eq(s->m->done.coverage, COVERAGE_COMPLETE);
	must_eq(s->m->done.reason, REASON_REACHED);
}

/* ---- whole graphs ---- */

static const struct branches networks[] = {
    {.widths = {1}}, {.widths = {2}}, {.widths = {1, 1, 1, 1, 1}},
    {.widths = {1, 2, 1}}, {.widths = {1, 4, 1}}, {.widths = {1, 1, 16, 1, 1}},
    {.widths = {3, 1, 1}}, /* this host balances */
    {.widths = {1, 2, 1, 4, 1, 3, 1}}, {.widths = {1, 2, 2, 1, 1, 4, 4, 4, 1, 1}},
    {.widths = {1, 4, 2, 1}}, {.widths = {1, 2, 4, 8, 4, 2, 1}}, /* nested */
    {.widths = {1, 2, 6, 3, 1}}, {.widths = {1, 2, 2, 1}, .meshed = true},
    {.widths = {1, 4, 4, 1}, .meshed = true},
    {.widths = {1, 3, 5, 2, 1, 2, 1}, .meshed = true},
    {.widths = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1,
	 3, 1}},
    {.widths = {1, 8, 8, 8, 1}}, {.widths = {1, 5, 2, 7, 1}}, /* no tree */
};

START_TEST(networks_are_found)
{
	for (int turn = 0; turn < 16; turn++) {
		struct setting s = set_up(&networks[_i], turn);

		if (turn >= 8)
			s.m->jitter = 20 * MS;
		must_find_all(&s);
		must_eq(s.m->done.timeouts, 0);
		model_free(s.m);
	}
}
END_TEST

START_TEST(many_branches)
{
	static const struct branches wide[] = {
	    {.widths = {1, 64, 1}}, {.widths = {1, 1, 96, 1, 1}}};

	for (int turn = 0; turn < 2; turn++) {
		struct setting s = set_up(&wide[_i], turn);

		s.o.alpha = 1000000;
		must_find_all(&s);
		model_free(s.m);
	}
}
END_TEST

/* Without tags, or with one only where that shows, nothing is mistaken. */
START_TEST(networks_without_tags)
{
	for (int turn = 0; turn < 16; turn++) {
		struct setting s = set_up(&networks[_i], turn);
		struct rng r = {(uint64_t)turn};

		s.m->quotes_may_be_short = true;
		if (turn % 8 < 4)
			s.m->flow_window = turn % 4 == 0;
		for (size_t n = 0; n < s.m->nodes_count; n++)
			s.m->nodes[n].short_quote = turn % 8 < 4 || rng_below(&r, 2);
		if (turn >= 8)
			s.m->jitter = 20 * MS;
		must_find_all(&s);
		model_free(s.m);
	}
}
END_TEST

/* Two branches, the second one a hop longer: the target is at two hops. */
static void
make_unequal(struct model *m, int longer)
{
	uint16_t node[12];

	m->nodes_count = 0;
	m->first = 0;
	for (int k = 0; k < 4 + longer; k++)
		node[k] = model_add(m, (k + 1) * STEP);
	model_link(m, node[0], node[1]);
	model_link(m, node[0], node[2]);
	model_link(m, node[1], node[3]);
	model_make_target(m, node[3]);
	for (int k = 0; k < longer; k++)
		model_link(m, k == 0 ? node[2] : node[3 + k], node[4 + k]);
	model_link(m, node[3 + longer], node[3]);
}

START_TEST(branches_of_unequal_length)
{
	for (int turn = 0; turn < 24; turn++) {
		struct setting s = set_up(&networks[0], turn);

		make_unequal(s.m, 1 + turn / 8);
		must_find_all(&s);
		must_eq(s.m->done.end_ttl, 3);
		model_free(s.m);
	}
}
END_TEST

/* ---- how it asks ---- */

/* Of a flow at a hop one probe is sent, but for the repeats at branches. */
START_TEST(nothing_is_asked_twice)
{
	static const struct branches line = {.widths = {1, 1, 1, 1, 1, 1, 1, 1}};

	for (int turn = 0; turn < 4; turn++) {
		struct setting s = set_up(&line, turn);
		uint8_t asked[64][256] = {{0}};

		must_find_all(&s);
		for (size_t k = 0; k < s.m->sent_count; k++) {
			must(s.m->sent[k].flow < 64);
			must_eq(asked[s.m->sent[k].flow][s.m->sent[k].ttl]++, 0);
			must_eq(s.m->sent[k].query, 0);
		}
		/* One flow alone goes past the target. */
		for (uint8_t ttl = 9; ttl <= 30; ttl++)
			must(model_sent_at(s.m, ttl) <= 1);
		must_eq(s.m->ended_at, 15 * STEP);
		model_free(s.m);
	}
}
END_TEST

START_TEST(limits_are_kept)
{
	static const struct branches net = {.widths = {1, 8, 1, 4, 1}};

	for (int turn = 0; turn < 60; turn++) {
		struct setting s = set_up(&net, turn);
		struct found found;

		if (turn % 3 == 0)
			s.o.max_probes = (uint32_t)(1 + turn * turn / 4);
		else if (turn % 3 == 1)
			s.o.max_flows = (uint32_t)(1 + turn / 2);
		else
			s.o.window = (uint16_t)(1 + turn / 4);
		if (turn % 3 == 2)
			s.o.send_gap = turn * MS / 20;
		found = branches_go(s.m, s.a, &s.o);
		if (turn % 3 == 0)
			must_eq(s.m->done.coverage, s.m->sent_count == s.o.max_probes
							? COVERAGE_MAX_PROBES
							: COVERAGE_COMPLETE);
		else if (turn % 3 == 1)
			must_eq(s.m->done.coverage, COVERAGE_MAX_FLOWS);
		else
			must_eq(s.m->done.coverage, COVERAGE_COMPLETE);
		if (turn % 3 == 2)
			must_eq(found.missing, 0);
		for (size_t k = 1; k < s.m->sent_count; k++)
			must(s.m->sent[k].at - s.m->sent[k - 1].at >= s.o.send_gap);
		model_free(s.m);
	}
}
END_TEST

START_TEST(children_are_bounded)
{
	static const struct branches net = {.widths = {1, 8, 1}};

	for (int turn = 0; turn < 4; turn++) {
		struct setting s = set_up(&net, turn);

		s.o.children = 4;
		(void)branches_go(s.m, s.a, &s.o);
		must_eq(s.m->done.coverage, COVERAGE_CHILDREN);
		must_eq(s.m->done.reason, REASON_REACHED);
		s.o.children = 9;
		must_find_all(&s);
		model_free(s.m);
	}
}
END_TEST

START_TEST(first_and_last_hop)
{
	static const struct branches net = {.widths = {1, 1, 4, 1, 2, 1}};
	static const struct {
		uint8_t first, max;
		enum prober_reason reason;
		uint8_t end;
	} cases[] = {{1, 6, REASON_REACHED, 6}, {1, 5, REASON_HOP_LIMIT, 5},
	    {3, 30, REASON_REACHED, 6}, {6, 6, REASON_REACHED, 6},
	    {7, 30, REASON_REACHED, 7}, {1, 1, REASON_HOP_LIMIT, 1},
	    {4, 4, REASON_HOP_LIMIT, 4}, {1, 255, REASON_REACHED, 6},
	    {255, 255, REASON_REACHED, 255}};

	for (int turn = 0; turn < 2 * (int)COUNT_OF(cases); turn++) {
		struct setting s = set_up(&net, turn);

		s.o.first_ttl = cases[turn / 2].first;
		s.o.max_ttl = cases[turn / 2].max;
		must_eq(branches_go(s.m, s.a, &s.o).missing, 0);
		must_eq(s.m->done.reason, cases[turn / 2].reason);
		must_eq(s.m->done.end_ttl, cases[turn / 2].end);
		must_eq(s.m->done.coverage, COVERAGE_COMPLETE);
		model_free(s.m);
	}
}
END_TEST

/* ---- what goes wrong on the way ---- */

START_TEST(loss)
{
	static const struct branches nets[] = {
	    {.widths = {1, 1, 4, 1, 1}}, {.widths = {1, 2, 4, 2, 1}}};
	static const uint32_t losses[] = {100000, 300000};
	int extra = 0;

	for (int turn = 0; turn < 160; turn++) {
		struct setting s = set_up(&nets[turn / 2 % 2], turn);
		struct found found;

		for (size_t n = 0; n < s.m->nodes_count; n++)
			s.m->nodes[n].lost = losses[_i];
		found = branches_go(s.m, s.a, &s.o);
		must_eq(found.missing, 0);
		must_eq(s.m->done.reason, REASON_REACHED);
		must(s.m->done.timeouts > 0);
		/* Loss that looks like a silent router: one in many thousand probes. */
		extra += found.silent > 0;
		model_free(s.m);
	}
	must(extra <= 1);
}
END_TEST

/* One of four routers, or all of a hop, do not answer. */
START_TEST(silent_routers)
{
	static const struct branches net = {.widths = {1, 1, 4, 1, 1, 1}};
	static const uint32_t losses[] = {0, 0, 100000, 300000};

	for (int turn = 0; turn < 40; turn++) {
		struct setting s = set_up(&net, turn);
		struct found found;

		for (size_t n = 0; n < s.m->nodes_count; n++)
			s.m->nodes[n].lost = losses[_i];
		s.m->nodes[_i == 0 ? 1 : 3].silent = true;
		s.m->jitter = turn % 4 >= 2 ? 3 * MS : 0;
		found = branches_go(s.m, s.a, &s.o);
		must_eq(found.missing, 0);
		must_eq(found.false_links, 0);
		must_eq(found.silent, 1);
		must(s.m->sent_count < 6000);
		must(s.m->ended_at < (_i == 3 ? 300 : 10) * NS_PER_SECOND);
		must_eq(s.m->done.reason, REASON_REACHED);
		must_eq(s.m->done.coverage, COVERAGE_COMPLETE);
		model_free(s.m);
	}
}
END_TEST

/* As Linux does by default: six answers, then one a second. */
START_TEST(rationed_answers)
{
	static const struct branches net = {.widths = {1, 1, 4, 1, 1}};

	for (int turn = 0; turn < 20; turn++) {
		struct setting s = set_up(&net, turn);
		struct found found;

		s.o.alpha = 0;
		s.m->seed += 4;
		for (size_t n = 0; n < s.m->nodes_count; n++) {
			s.m->nodes[n].burst = 6;
			s.m->nodes[n].refill = _i == 0 ? 100 * MS : 1000 * MS;
		}
		found = branches_go(s.m, s.a, &s.o);
		must_eq(s.m->done.reason, REASON_REACHED);
		must_eq(found.false_links, 0);
		must_eq(found.silent, 0);
		/* Rationing costs time, and a few probes for each answer. */
		must(s.m->sent_count < 1200);
		must(s.m->ended_at < 400 * NS_PER_SECOND);
		model_free(s.m);
	}
}
END_TEST

START_TEST(routing_loop)
{
	for (int turn = 0; turn < 12; turn++) {
		static const struct branches net = {.widths = {1, 1, 1, 1}};
		struct setting s = set_up(&net, turn);

		/* The fourth leads back to the second; or, with branches, half do. */
		s.m->nodes[3].ends = false;
		s.m->nodes[3].kind = REPLY_TIME_EXCEEDED;
		s.m->nodes[3].addr = s.m->nodes[2].addr;
		s.m->nodes[3].addr.bytes[3] = 77;
		model_link(s.m, 3, 1);
		s.m->quotes_may_be_short = turn % 6 >= 4;
		for (size_t n = 0; n < s.m->nodes_count; n++)
			s.m->nodes[n].short_quote = turn % 6 >= 4;
		(void)branches_go(s.m, s.a, &s.o);
		must_eq(s.m->done.reason, REASON_LOOP);
		/* All hops of three turns at most, and each without tags twice. */
		must(s.m->sent_count < (turn % 6 >= 4 ? 1200 : 400));
		s.o.loop_limit = 0;
		(void)branches_go(s.m, s.a, &s.o);
		must_eq(s.m->done.reason, REASON_HOP_LIMIT);
		model_free(s.m);
	}
}
END_TEST

/* A router on one branch, or the only one, calls the target unreachable. */
START_TEST(unreachable)
{
	static const struct branches net = {.widths = {1, 2, 1, 1}};

	for (int turn = 0; turn < 12; turn++) {
		struct setting s = set_up(&net, turn);
		bool all = turn % 4 >= 2;
		uint16_t node = all ? 3 : 1;

		s.m->nodes[node].ends = true;
		s.m->nodes[node].kind = REPLY_UNREACHABLE;
		s.m->nodes[node].code = 1;
		must_eq(branches_go(s.m, s.a, &s.o).missing, 0);
		must_eq(s.m->done.reason, all ? REASON_UNREACHABLE : REASON_REACHED);
		must_eq(s.m->done.end_ttl, all ? 3 : 4);
		must_eq(s.m->done.coverage, COVERAGE_COMPLETE);
		model_free(s.m);
	}
}
END_TEST

static bool
loses_odd_flows_at_the_target(const struct model *m, const struct model_sent *sent)
{
	return m->nodes[sent->node].ends && sent->flow % 2 == 1;
}

START_TEST(silent_target)
{
	static const struct branches net = {.widths = {1, 4, 1, 1}};

	for (int turn = 0; turn < 12; turn++) {
		struct setting s = set_up(&net, turn);
		struct found found;

		if (turn % 6 < 2)
			s.m->nodes[6].silent = true;
		else if (turn % 6 < 4)
			s.m->loses = loses_odd_flows_at_the_target;
		else
			s.m->nodes[6].addr.bytes[3]++; /* from another address */
		s.o.gap_limit = turn < 6 ? 5 : 0;
		found = branches_go(s.m, s.a, &s.o);
		if (turn % 6 < 2)
			must_eq(s.m->done.reason,
			    s.o.gap_limit != 0 ? REASON_GAP_LIMIT : REASON_HOP_LIMIT);
		else
			must_eq(s.m->done.reason, REASON_REACHED);
		must_eq(found.missing, 0);
		must(s.m->sent_count < 600);
		model_free(s.m);
	}
}
END_TEST

/* Flagged, and its fan-out is not followed at any price. */
START_TEST(per_packet_balancers)
{
	static const struct branches nets[] = {{.widths = {1, 2, 1, 1}},
	    {.widths = {1, 4, 4, 1, 1}}, {.widths = {1, 16, 16, 16, 1, 1}},
	    {.widths = {1, 3, 1, 2, 1}}};
	int missed = 0;

	for (int turn = 0; turn < 40; turn += 2) {
		struct setting s = set_up(&nets[_i], turn);
		struct graph *g;
		uint32_t first;

		s.o.alpha = 10000000;
		s.m->nodes[0].per_packet = true;
		(void)branches_go(s.m, s.a, &s.o);
		must_eq(s.m->done.reason, REASON_REACHED);
		g = branches_graph(s.m, &s.o);
		first = graph_find(g, 1, &s.m->nodes[0].addr);
		must(first != GRAPH_NONE);
		must(graph_balancer(graph_vertex(g, first)) != BALANCER_UNTESTED);
		if (graph_balancer(graph_vertex(g, first)) <= BALANCER_FLOW)
			missed++;
		else
			must_eq(s.m->done.coverage, COVERAGE_UNSTABLE);
		must(s.m->sent_count < 700);
		graph_free(g);
		model_free(s.m);
	}
	/* By chance, of twenty with one in a hundred. */
	must(missed <= 2);
}
END_TEST

static uint16_t
changes_once(const struct model *m, uint16_t node, uint64_t key)
{
	uint64_t way = key + (node == 0 && m->sent_count > 60);

	return (uint16_t)(way % m->nodes[node].next_count);
}

/* The route changes while it is looked at: no per-packet balancer, and an end. */
START_TEST(route_changes)
{
	static const struct branches net = {.widths = {1, 2, 1, 1}};

	for (int turn = 0; turn < 8; turn++) {
		struct setting s = set_up(&net, turn);
		enum graph_balancer kind;
		struct graph *g;

		s.m->choose = changes_once;
		(void)branches_go(s.m, s.a, &s.o);
		must_eq(s.m->done.reason, REASON_REACHED);
		g = branches_graph(s.m, &s.o);
		kind = graph_balancer(
		    graph_vertex(g, graph_find(g, 1, &s.m->nodes[0].addr)));
		/* mda-lite does not ask a flow again. */
		must_eq(kind, turn % 2 == 0 ? BALANCER_CHANGED : BALANCER_UNTESTED);
		must_eq(s.m->done.coverage,
		    turn % 2 == 0 ? COVERAGE_UNSTABLE : COVERAGE_COMPLETE);
		graph_free(g);
		model_free(s.m);
	}
}
END_TEST

/* ---- troubles of this machine, and of the run ---- */

START_TEST(stopped)
{
	static const struct branches net = {
	    .widths = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 1, 1}};

	for (int turn = 0; turn < 60; turn++) {
		struct setting s = set_up(&net, turn);
		bool timeout = turn % 4 >= 2;

		if (timeout)
			s.o.timeout = turn * MS + 1;
		else
			s.m->stop_at = turn * MS + 1;
		(void)branches_go(s.m, s.a, &s.o);
		must_eq(
		    s.m->done.reason, timeout ? REASON_TIMED_OUT : REASON_INTERRUPTED);
		must_eq(s.m->done.coverage, COVERAGE_STOPPED);
		must_eq(s.m->ended_at, turn * MS + 1);
		model_free(s.m);
	}
}
END_TEST

/* Each call of instance_send fails once: with -EAGAIN it makes no difference. */
START_TEST(sending_fails)
{
	static const struct branches net = {.widths = {1, 3, 1}};

	for (int turn = 0; turn < 120; turn++) {
		struct setting s = set_up(&net, turn);

		s.o.alpha = 0;
		s.m->fail_call = (uint64_t)turn / 2 + 1;
		s.m->fail_error = _i == 0 ? -EAGAIN : -EPERM;
		if (_i == 2) {
			s.m->fail_call = 0;
			s.m->fail_probe = (uint64_t)turn / 2 + 1;
			s.m->fail_mtu = turn % 4 < 2 ? 0 : 1400;
		}
		(void)branches_go(s.m, s.a, &s.o);
		if (_i == 0) {
			must_eq(s.m->done.reason, REASON_REACHED);
			must_eq(s.m->done.coverage, COVERAGE_COMPLETE);
		} else if (s.m->done.reason != REASON_REACHED) {
			must_eq(s.m->done.reason, _i == 2 && s.m->fail_mtu != 0
						      ? REASON_UNREACHABLE
						      : REASON_FAILED);
		}
		model_free(s.m);
	}
}
END_TEST

/* Tags are short for hundreds of calls in a row: it waits, and all is found. */
START_TEST(sending_is_held_up)
{
	static const struct branches net = {.widths = {1, 3, 1}};

	for (int turn = 0; turn < 40; turn++) {
		struct setting s = set_up(&net, turn);

		s.m->fail_call = (uint64_t)turn + 1;
		s.m->fail_more = 100 + 20 * (uint64_t)turn;
		s.m->fail_error = -EAGAIN;
		must_find_all(&s);
		must(s.m->calls > s.m->fail_more);
		model_free(s.m);
	}
}
END_TEST

/* Any mixture of troubles: it ends, and takes no answer for another one's. */
START_TEST(mixtures)
{
	for (int turn = 0; turn < 40; turn++) {
		uint64_t seed = (uint64_t)_i * 1000 + (uint64_t)turn;
		struct rng r = {seed};
		struct setting s =
		    set_up(&networks[rng_below(&r, COUNT_OF(networks))], turn);
		struct model *m = s.m;

		m->seed = seed;
		m->jitter = (int64_t)rng_below(&r, 30) * MS + 1;
		m->quotes_may_be_short = rng_below(&r, 2);
		m->duplicate_after = (int64_t)rng_below(&r, 50) * MS;
		m->late_by = (int64_t)rng_below(&r, 3000) * MS;
		for (size_t n = 0; n < m->nodes_count; n++) {
			struct model_node *node = &m->nodes[n];

			node->silent = rng_chance(&r, 100000);
			node->lost = (uint32_t)rng_below(&r, 2) * 100000;
			node->late = (uint32_t)rng_below(&r, 4) / 3 * 50000;
			node->burst = rng_chance(&r, 50000) ? 6 : 0;
			node->refill = 200 * MS;
			node->per_packet = rng_chance(&r, 50000);
			if (m->quotes_may_be_short)
				node->short_quote = rng_below(&r, 2);
			else
				node->duplicated = (uint32_t)rng_below(&r, 2) * 50000;
		}
		if (m->quotes_may_be_short)
			for (size_t n = 0; n < m->nodes_count; n++)
				m->nodes[n].late = 0;
		s.o.alpha = 0;
		s.o.max_probes = 20000;
		(void)branches_go(m, s.a, &s.o);
		must(m->done.reason <= REASON_HOP_LIMIT);
		model_free(m);
	}
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {networks_are_found, COUNT_OF(networks), 0},
	    {many_branches, 2, 0},
	    {networks_without_tags, COUNT_OF(networks), 0},
	    {branches_of_unequal_length, 0, 0},
	    {nothing_is_asked_twice, 0, 0},
	    {limits_are_kept, 0, 0},
	    {children_are_bounded, 0, 0},
	    {first_and_last_hop, 0, 0},
	    {loss, 2, 0},
	    {silent_routers, 4, 0},
	    {rationed_answers, 2, 0},
	    {routing_loop, 0, 0},
	    {unreachable, 0, 0},
	    {silent_target, 0, 0},
	    {per_packet_balancers, 4, 0},
	    {route_changes, 0, 0},
	    {stopped, 0, 0},
	    {sending_fails, 3, 0},
	    {sending_is_held_up, 0, 0},
	    {mixtures, 20, 0},
	};

	return test_main("mda", tests, COUNT_OF(tests));
}
