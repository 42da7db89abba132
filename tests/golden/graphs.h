/*
 * Synthetic multipath searches, shown by check_graph_render, and their expected output
 * in files beside this one: graph-NAME.txt, .exhaustive, .json, .scamper and .dot.
 */
#ifndef TESTS_GOLDEN_GRAPHS_H
#define TESTS_GOLDEN_GRAPHS_H

#include "tests/golden/golden.h"
#include "tools/mda/multipath.h"
#include "tools/shared/naming.h"

#define MS INT64_C(1000000)
#define SENT INT64_C(1795302021573012345)
#define TARGET "198.51.100.9"

/* A search that results are fed into one by one. */
struct graph_scene {
	const char *name;
	struct multipath paths;
	uint32_t probe;
	struct prober_result last;
};

static struct addr
graph_addr(const char *text)
{
	struct addr a = {0};

	if (text != NULL)
		ck_assert_int_eq(addr_from_text(text, &a), 0);
	return a;
}

static void
graph_begin(struct graph_scene *s, const char *name, const char *target)
{
	struct prober_start start = {.algorithm = "mda",
	    .target = graph_addr(target),
	    .first_ttl = 1,
	    .max_ttl = 30,
	    .queries = 3,
	    .gap_limit = 5,
	    .wait_here = 3000,
	    .wait_near = 10000,
	    .wait_max = 5000 * MS};
	struct prober_plan_family plan = {
	    .send = TRANSPORT_UDP, .receive = TRANSPORT_UDP, .tag = "udp.payload"};

	*s = (struct graph_scene){.name = name};
	ck_assert_int_eq(
	    multipath_init(&s->paths, "host.example", "udp", &start, &plan), 0);
	s->paths.began = SENT;
}

static void
graph_started(struct graph_scene *s)
{
	bool v4 = s->paths.asked.target.family == AF_INET;
	struct prober_started m = {
	    .source = graph_addr(v4 ? "192.0.2.2" : "2001:db8::2"),
	    .flow_field = FLOW_BY_SRC_PORT,
	    .src_port = 24000,
	    .dst_port = 33434,
	    .packet_len = 60};

	ck_assert_int_eq(multipath_take_started(&s->paths, &m), 0);
}

/* Feeds what the last call made, with changes if need be. */
static int
graph_feed(struct graph_scene *s)
{
	s->last.probe = s->probe++;
	s->last.sent = SENT + s->probe * MS;
	return multipath_take_result(&s->paths, &s->last);
}

/* A router's answer. */
static struct prober_result *
graph_hop_of(struct graph_scene *s, uint32_t flow, uint8_t ttl, const char *from)
{
	struct addr a = graph_addr(from);

	s->last = (struct prober_result){.flow = flow,
	    .ttl = ttl,
	    .outcome = RESULT_REPLY,
	    .reply = REPLY_TIME_EXCEEDED,
	    .icmp_type = a.family == AF_INET ? 11 : 3,
	    .rtt_source = RTT_KERNEL,
	    .reply_ttl = (int16_t)(255 - ttl),
	    .reply_tos = 0xc0,
	    .rtt = ttl * MS + (int64_t)flow * 1000,
	    .from = a};
	return &s->last;
}

static void
graph_hears(struct graph_scene *s, uint32_t flow, uint8_t ttl, const char *from)
{
	graph_hop_of(s, flow, ttl, from);
	ck_assert_int_eq(graph_feed(s), 0);
}

static void
graph_lost(struct graph_scene *s, uint32_t flow, uint8_t ttl)
{
	for (uint8_t attempt = 0; attempt < 3; attempt++) {
		s->last = (struct prober_result){.flow = flow,
		    .ttl = ttl,
		    .query = attempt,
		    .outcome = RESULT_TIMEOUT,
		    .flags = attempt < 2 ? RESULT_AGAIN : 0,
		    .reply_ttl = -1,
		    .reply_tos = -1,
		    .rtt = -1};
		ck_assert_int_eq(graph_feed(s), 0);
	}
}

/* What ends a path; code: of "unreachable", 3 or 4 is the target's own. */
static void
graph_ends(
    struct graph_scene *s, uint32_t flow, uint8_t ttl, const char *from, uint8_t code)
{
	struct prober_result *m = graph_hop_of(s, flow, ttl, from);
	bool v4 = m->from.family == AF_INET;
	bool reached = code == (v4 ? 3 : 4);

	m->reply = REPLY_UNREACHABLE;
	m->icmp_type = v4 ? 3 : 1;
	m->icmp_code = code;
	m->flags = (uint16_t)(RESULT_FINAL | (reached ? RESULT_REACHED : 0));
	ck_assert_int_eq(graph_feed(s), 0);
}

static void
graph_done(
    struct graph_scene *s, enum prober_reason reason, enum prober_coverage coverage)
{
	struct prober_done m = {.reason = (uint8_t)reason,
	    .coverage = (uint8_t)coverage,
	    .end_ttl = (uint8_t)multipath_last_ttl(&s->paths),
	    .sent = s->probe,
	    .replies = s->paths.answered,
	    .timeouts = s->paths.lost};

	ck_assert_int_eq(multipath_take_done(&s->paths, &m), 0);
	s->paths.ended = SENT + 1234 * MS;
}

/* ---- names ----------------------------------------------------------------------- */

/* What honest and hostile zones say; addresses not here have no name. */
static enum name_state
graph_name(void *context, const struct addr *a, const char **name)
{
	static const struct {
		const char *addr;
		const char *name;
	} names[] = {{"10.0.0.1", "gateway.example"}, {TARGET, "host.example"},
	    {"10.0.1.1", "\"];n0[URL=\"x\\N&quot;<b>\033[2J\xff"}};
	char text[ADDR_TEXT_MAX];

	(void)context;
	addr_to_text(a, text);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].addr, text) == 0) {
			*name = names[i].name;
			return NAME_KNOWN;
		}
	return NAME_NONE;
}

static const struct naming graph_naming = {.find = graph_name};

/* ---- scenes ---------------------------------------------------------------------- */

/* Two ways of different share, one of them to a silent router; a flow asked again. */
static void
graph_diamond(struct graph_scene *s)
{
	graph_begin(s, "graph-diamond", TARGET);
	graph_started(s);
	for (uint32_t flow = 0; flow < 12; flow++) {
		bool left = flow % 3 != 0;

		graph_hears(s, flow, 1, "10.0.0.1");
		graph_hears(s, flow, 2, left ? "10.0.1.1" : "10.0.1.2");
		if (left)
			graph_hears(s, flow, 3, "10.0.2.1");
		else
			graph_lost(s, flow, 3);
		graph_ends(s, flow, 4, TARGET, 3);
	}
	graph_hears(s, 1, 2, "10.0.1.1");
	graph_done(s, REASON_REACHED, COVERAGE_COMPLETE);
}

/* Behind the first router each packet goes its own way; then all meet. */
static void
graph_packets(struct graph_scene *s)
{
	static const char *const ways[] = {"10.0.1.1", "10.0.1.2"};

	graph_begin(s, "graph-packets", TARGET);
	graph_started(s);
	for (uint32_t flow = 0; flow < 6; flow++) {
		graph_hears(s, flow, 1, "10.0.0.1");
		graph_hears(s, flow, 2, ways[flow % 2]);
		graph_hears(s, flow, 3, flow % 3 == 0 ? "10.0.2.1" : "10.0.2.2");
		graph_hears(s, flow, 4, "10.0.3.1");
		graph_ends(s, flow, 5, TARGET, 3);
	}
	for (uint32_t flow = 0; flow < 4; flow++) {
		graph_hears(s, flow, 2, ways[flow / 2 % 2]);
		graph_hears(s, flow, 2, ways[(flow + 1) % 2]);
	}
	graph_done(s, REASON_REACHED, COVERAGE_UNSTABLE);
}

/* In the middle all flows of the second half of the time go elsewhere. */
static void
graph_changed(struct graph_scene *s)
{
	graph_begin(s, "graph-changed", TARGET);
	graph_started(s);
	for (uint32_t flow = 0; flow < 6; flow++) {
		graph_hears(s, flow, 1, "10.0.0.1");
		graph_hears(s, flow, 2, flow % 2 == 0 ? "10.0.1.1" : "10.0.1.2");
		graph_ends(s, flow, 3, TARGET, 3);
	}
	for (uint32_t flow = 0; flow < 6; flow++)
		graph_hears(s, flow, 2, "10.0.1.2");
	graph_done(s, REASON_REACHED, COVERAGE_UNSTABLE);
}

/* A loop, a cycle, branches of unequal length, ends at two distances, a refusal. */
static void
graph_rare(struct graph_scene *s)
{
	graph_begin(s, "graph-rare", TARGET);
	graph_started(s);
	graph_hears(s, 0, 1, "10.0.0.1");
	graph_hears(s, 0, 2, "10.0.0.1");
	graph_hears(s, 0, 3, "10.0.2.1");
	graph_hears(s, 0, 4, "10.0.0.1");
	graph_hears(s, 1, 1, "10.0.0.1");
	graph_hears(s, 1, 2, "10.0.2.1");
	graph_ends(s, 1, 3, TARGET, 3);
	graph_hears(s, 2, 1, "10.0.0.1");
	graph_hears(s, 2, 2, "10.0.1.2");
	graph_hears(s, 2, 3, "10.0.3.2");
	graph_ends(s, 2, 4, TARGET, 3);
	graph_hears(s, 3, 1, "10.0.0.1");
	graph_hears(s, 3, 2, "10.0.1.2");
	graph_ends(s, 3, 3, "10.0.9.9", 13);
	graph_hop_of(s, 4, 1, "10.0.0.1")->flags = RESULT_TRANSLATED | RESULT_ALTERED;
	ck_assert_int_eq(graph_feed(s), 0);
	graph_done(s, REASON_REACHED, COVERAGE_MAX_PROBES);
}

static void
graph_six(struct graph_scene *s)
{
	graph_begin(s, "graph-six", "2001:db8:ffff::9");
	s->paths.asked.branching = 30;
	s->paths.asked.alpha = PROBER_ALPHA_UNIT / 1000;
	graph_started(s);
	for (uint32_t flow = 0; flow < 40; flow++) {
		char text[32];

		graph_hears(s, flow, 1, "2001:db8:0:1::1");
		snprintf(text, sizeof(text), "2001:db8:1::%x", 1 + flow % 16);
		graph_hears(s, flow, 2, text);
		graph_ends(s, flow, 3, "2001:db8:ffff::9", 4);
	}
	graph_done(s, REASON_INTERRUPTED, COVERAGE_STOPPED);
}

/* The prober died before anything was known. */
static void
graph_died(struct graph_scene *s)
{
	graph_begin(s, "graph-died", TARGET);
	graph_started(s);
	graph_hears(s, 0, 1, "10.0.0.1");
	s->paths.broken = true;
}

static void
graph_not_started(struct graph_scene *s)
{
	graph_begin(s, "graph-not-started", TARGET);
	graph_done(s, REASON_FAILED, COVERAGE_STOPPED);
	s->paths.done.error = 101; /* ENETUNREACH */
	snprintf(
	    s->paths.done.detail, sizeof(s->paths.done.detail), "no route \033[2J");
}

static void (*const graph_scenes[])(struct graph_scene *s) = {graph_diamond,
    graph_packets, graph_changed, graph_rare, graph_six, graph_died, graph_not_started};

#define GRAPH_SCENES ((int)(sizeof(graph_scenes) / sizeof(graph_scenes[0])))

#endif
