/* tools/mda/traits: how nodes are judged, and how often wrongly. */
#include <errno.h>

#include "tests/support/testing.h"
#include "tools/mda/classify.h"
#include "tools/mda/traits.h"

static struct addr
addr_of(uint8_t hop, uint32_t way)
{
	uint8_t bytes[4] = {10, hop, 0, (uint8_t)(way + 1)};

	return addr_from_bytes(AF_INET, bytes);
}

/* A flow goes over node 0 of the first hop and `way` of the second. */
static void
feed(struct graph *g, uint32_t flow, uint32_t way, enum vertex_kind kind)
{
	struct addr first = addr_of(1, 0), second = addr_of(2, way);

	(void)graph_answer(g, flow, 1, &first, VERTEX_ROUTER, false);
	if (kind == VERTEX_SILENT)
		(void)graph_silent(g, flow, 2);
	else
		(void)graph_answer(g, flow, 2, &second, kind, kind == VERTEX_END);
}

static enum verdict
judge(const struct graph *g, enum trait trait, uint32_t needed, uint32_t *ways)
{
	struct vertex node = {.ttl = 1, .kind = VERTEX_ROUTER, .addr = addr_of(1, 0)};

	return trait_judge(g, trait, &node, needed, ways);
}

static const double alphas[] = {.5, .05, .01, 1e-4, 1e-9};

/* Evenly over k ways, n flows all go one way with a probability of k^(1 - n). */
START_TEST(bound)
{
	uint32_t n = trait_flows_needed(alphas[_i]);

	must(n != 0);
	for (uint32_t k = 2; k <= 64; k++) {
		double missed = 1;

		for (uint32_t i = 1; i < n; i++)
			missed /= k;
		must(missed <= alphas[_i]);
		/* No more packets than that takes. */
		if (k == 2)
			must(n == 2 || missed * 2 > alphas[_i]);
	}
}
END_TEST

/* Of all ways that n flows can go over k: those judged VERDICT_NO are k. */
START_TEST(every_assignment)
{
	static const uint32_t ways[] = {2, 2, 3};
	static const double of[] = {.05, .01, .05};
	uint32_t n = trait_flows_needed(of[_i]), k = ways[_i];
	uint32_t all = 1, missed = 0;

	for (uint32_t i = 0; i < n; i++)
		all *= k;
	for (uint32_t assigned = 0; assigned < all; assigned++) {
		struct graph *g = graph_new(1, 3);
		uint32_t rest = assigned, seen;
		enum verdict verdict;

		must(g != NULL);
		for (uint32_t flow = 0; flow < n; flow++, rest /= k)
			feed(g, flow, rest % k, VERTEX_ROUTER);
		verdict = judge(g, TRAIT_SRC_PORT, n, &seen);
		must(verdict != VERDICT_UNTESTED);
		must((verdict == VERDICT_YES) == (seen > 1));
		missed += verdict == VERDICT_NO;
		graph_free(g);
	}
	must_eq(missed, k);
	must((double)missed / all <= of[_i]);
}
END_TEST

START_TEST(too_few)
{
	struct graph *g = graph_new(1, 3);
	uint32_t ways;

	must_eq(judge(g, TRAIT_TOS, 6, &ways), VERDICT_UNTESTED);
	must_eq(ways, 0);
	for (uint32_t flow = 0; flow < 5; flow++)
		feed(g, flow, 0, VERTEX_ROUTER);
	must_eq(judge(g, TRAIT_TOS, 6, &ways), VERDICT_UNTESTED);
	feed(g, 5, 0, VERTEX_ROUTER);
	must_eq(judge(g, TRAIT_TOS, 6, &ways), VERDICT_NO);
	must_eq(ways, 1);
	feed(g, 6, 1, VERTEX_ROUTER);
	must_eq(judge(g, TRAIT_TOS, 6, &ways), VERDICT_YES);
	must_eq(ways, 2);
	graph_free(g);
}
END_TEST

/* Who does not answer may be another way, or the same: that tells nothing. */
START_TEST(silence)
{
	struct graph *g = graph_new(1, 3);

	for (uint32_t flow = 0; flow < 9; flow++)
		feed(g, flow, 0, VERTEX_ROUTER);
	feed(g, 9, 0, VERTEX_SILENT);
	must_eq(judge(g, TRAIT_DST_PORT, 6, NULL), VERDICT_UNTESTED);
	feed(g, 10, 1, VERTEX_ROUTER);
	must_eq(judge(g, TRAIT_DST_PORT, 6, NULL), VERDICT_YES);
	graph_free(g);
}
END_TEST

/* A flow that went now here, now there: not the field sent it another way. */
START_TEST(unsteady)
{
	struct graph *g = graph_new(1, 3);

	for (uint32_t flow = 0; flow < 9; flow++)
		feed(g, flow, flow % 2, VERTEX_ROUTER);
	must_eq(judge(g, TRAIT_LABEL, 6, NULL), VERDICT_YES);
	feed(g, 0, 1, VERTEX_ROUTER);
	must_eq(judge(g, TRAIT_LABEL, 6, NULL), VERDICT_UNTESTED);
	graph_free(g);
}
END_TEST

/* Each destination is where its own path ends; a field makes no destinations. */
START_TEST(ends)
{
	struct graph *g = graph_new(1, 3);
	uint32_t ways;

	for (uint32_t flow = 0; flow < 6; flow++)
		feed(g, flow, flow, VERTEX_END);
	must_eq(judge(g, TRAIT_DESTINATION, 6, &ways), VERDICT_NO);
	must_eq(ways, 0);
	must_eq(judge(g, TRAIT_SRC_PORT, 6, &ways), VERDICT_YES);
	must_eq(ways, 6);
	graph_free(g);
}
END_TEST

/* ---- what a prober may say ---- */

/* A search of two hops that is done, and the runs that follow. */
static void
begin(struct multipath *t, struct classify *c)
{
	struct prober_start start = {.algorithm = "mda",
	    .target = addr_of(2, 0),
	    .first_ttl = 1,
	    .max_ttl = 30,
	    .queries = 3,
	    .wait_max = 1};
	struct prober_plan_family plan = {.send = TRANSPORT_UDP};
	struct prober_started started = {
	    .flow_field = FLOW_BY_SRC_PORT, .src_port = 24000, .dst_port = 33434};
	struct prober_done done = {.reason = REASON_REACHED, .replies = 12};

	must_eq(multipath_init(t, "host", "udp", &start, &plan), 0);
	classify_init(c, t, &start, true, 28);
	must_eq(multipath_take_started(t, &started), 0);
	for (uint32_t flow = 0; flow < 6; flow++)
		feed(t->graph, flow, 0, VERTEX_END);
	must_eq(multipath_take_done(t, &done), 0);
	must_eq(classify_go_on(c, false), 0);
	must(!c->over && c->runs_count > 0);
}

static void
finish(struct multipath *t, struct classify *c)
{
	classify_clear(c);
	multipath_clear(t);
}

START_TEST(messages_out_of_order)
{
	struct multipath t;
	struct classify c;
	struct prober_started started = {0};
	struct prober_result result = {.ttl = 1, .outcome = RESULT_TIMEOUT};
	struct prober_done done = {.reason = REASON_REACHED};

	begin(&t, &c);
	must_eq(classify_take_started(&c, 0, &started), -EBADMSG); /* not begun */
	c.runs_begun = c.runs_count;
	must_eq(classify_take_result(&c, 0, &result), -EBADMSG);
	must_eq(classify_take_started(&c, c.runs_count, &started), -EBADMSG);
	must_eq(classify_take_started(&c, 0, &started), 0);
	must_eq(classify_take_started(&c, 0, &started), -EBADMSG);
	must_eq(classify_take_result(&c, 0, &result), 0);
	result.ttl = 3; /* the search ended at 2 */
	must_eq(classify_take_result(&c, 0, &result), -EBADMSG);
	result = (struct prober_result){
	    .ttl = 1, .outcome = RESULT_TIMEOUT, .flow = GRAPH_FLOWS_MAX};
	must_eq(classify_take_result(&c, 0, &result), -EBADMSG);
	must_eq(classify_take_done(&c, 0, &done), 0);
	must_eq(classify_take_done(&c, 0, &done), -EBADMSG);
	must_eq(classify_take_result(&c, 0, &result), -EBADMSG);
	finish(&t, &c);
}
END_TEST

/* Runs come to an end whatever is said of them, and differ in one thing alone. */
START_TEST(runs)
{
	struct multipath t;
	struct classify c;
	struct prober_started started = {0};
	struct prober_done done = {.reason = REASON_GAP_LIMIT, .sent = 1};
	uint32_t tos = 0, ports = 0, destinations = 0;

	begin(&t, &c);
	while (!c.over) {
		for (; c.runs_begun < c.runs_count;) {
			const struct prober_start *s = &c.runs[c.runs_begun].start;
			bool other = !addr_equal(&s->target, &t.asked.target);
			bool by_port = s->flow_field == FLOW_BY_DST_PORT;
			uint32_t run = c.runs_begun++;

			must_eq(s->src_port, 24000);
			must_eq(s->max_ttl, 2);
			must_eq(s->max_flows, by_port ? 0 : 1);
			must((s->tos != 0) + other + by_port <= 1);
			tos += s->tos != 0;
			ports += by_port;
			destinations += other;
			must_eq(classify_take_started(&c, run, &started), 0);
			must_eq(classify_take_done(&c, run, &done), 0);
		}
		must_eq(classify_go_on(&c, false), 0);
		must(c.runs_count < 1000);
	}
	must(!c.broken);
	must_eq(ports, 1);
	must(tos >= 5);
	must(destinations >= 5 && destinations <= 13);
	must_eq(c.sent, c.runs_count);
	finish(&t, &c);
}
END_TEST

/* What cannot be done ends it. */
START_TEST(failure)
{
	struct multipath t;
	struct classify c;
	struct prober_done done = {.reason = REASON_FAILED, .detail = "no port"};

	begin(&t, &c);
	c.runs_begun = c.runs_count;
	for (uint32_t run = 0; run < c.runs_begun; run++)
		must_eq(classify_take_done(&c, run, &done), 0);
	must(c.over && c.broken);
	must_eq(classify_go_on(&c, false), 0);
	must_eq(c.runs_begun, c.runs_count);
	finish(&t, &c);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {bound, COUNT_OF(alphas), 0},
	    {every_assignment, 3, 0},
	    {too_few, 0, 0},
	    {silence, 0, 0},
	    {unsteady, 0, 0},
	    {ends, 0, 0},
	    {messages_out_of_order, 0, 0},
	    {runs, 0, 0},
	    {failure, 0, 0},
	};

	return test_main("traits", tests, COUNT_OF(tests));
}
