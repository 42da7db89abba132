/* tools/mda: what the record, the findings and the renderers make of a search. */
#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/golden/graphs.h"
#include "tests/support/testing.h"
#include "tools/mda/confidence.h"
#include "tools/mda/findings.h"
#include "tools/mda/render_dot.h"
#include "tools/mda/render_exhaustive.h"
#include "tools/mda/render_json.h"
#include "tools/mda/render_scamper.h"
#include "tools/mda/render_text.h"
#include "tools/mda/svg.h"

/* A scene, its findings and what was printed of it. */
struct play {
	struct graph_scene scene;
	struct findings f;
	struct output out;
};

static void
play_begin(struct play *p, int scene)
{
	graph_scenes[scene](&p->scene);
	ck_assert_int_eq(findings_make(&p->f, &p->scene.paths), 0);
	output_init(&p->out, -1);
}

static void
play_end(struct play *p)
{
	output_clear(&p->out);
	findings_clear(&p->f);
	multipath_clear(&p->scene.paths);
}

START_TEST(text)
{
	struct play p;

	play_begin(&p, _i);
	graph_render_text(&p.f, &graph_naming, &p.out);
	golden_compare(p.scene.name, "txt", &p.out);
	for (size_t i = 0; i < p.out.tail; i++)
		ck_assert(p.out.data[i] == '\n' ||
			  (p.out.data[i] >= ' ' && p.out.data[i] <= '~'));
	play_end(&p);
}
END_TEST

/* The first Paris traceroute's text. */
START_TEST(exhaustive)
{
	struct play p;

	play_begin(&p, _i);
	ck_assert_int_eq(graph_render_exhaustive(&p.f, &graph_naming, &p.out), 0);
	golden_compare(p.scene.name, "exhaustive", &p.out);
	for (size_t i = 0; i < p.out.tail; i++)
		ck_assert(p.out.data[i] == '\n' ||
			  (p.out.data[i] >= ' ' && p.out.data[i] <= '~'));
	play_end(&p);
}
END_TEST

/* Parses the one line that was printed, which is printable ASCII. */
static json_t *
parse(const struct output *out)
{
	json_error_t error;
	json_t *root = json_loadb(out->data, out->tail, JSON_REJECT_DUPLICATES, &error);

	ck_assert_msg(root != NULL, "%s", error.text);
	for (size_t i = 0; i + 1 < out->tail; i++)
		ck_assert(out->data[i] >= ' ' && out->data[i] <= '~');
	ck_assert_int_eq(out->data[out->tail - 1], '\n');
	return root;
}

START_TEST(json)
{
	static const char *const always[] = {"type", "schema", "tool", "host", "target",
	    "start_time", "algorithm", "protocol", "ip_version", "plan", "options",
	    "reached", "coverage", "nodes", "links", "anomalies", "stop", "probes"};
	struct play p;
	json_t *root;

	play_begin(&p, _i);
	graph_render_json(&p.f, &graph_naming, "paris-prober died", &p.out);
	golden_compare(p.scene.name, "json", &p.out);
	root = parse(&p.out);
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		ck_assert_msg(json_object_get(root, always[i]) != NULL, "%s has no %s",
		    p.scene.name, always[i]);
	ck_assert_uint_eq(json_array_size(json_object_get(root, "probes")),
	    p.scene.paths.results_count);
	json_decref(root);
	play_end(&p);
}
END_TEST

START_TEST(scamper)
{
	static const char *const always[] = {"type", "version", "userid", "method",
	    "dst", "sport", "dport", "start", "probe_size", "firsthop", "attempts",
	    "confidence", "tos", "gaplimit", "wait_timeout", "wait_probe", "probec",
	    "probec_max", "nodec", "linkc"};
	struct play p;
	json_t *root;

	ck_assert_int_eq(setenv("TZ", "UTC", 1), 0);
	play_begin(&p, _i);
	graph_render_scamper(&p.f, &graph_naming, &p.out);
	golden_compare(p.scene.name, "scamper", &p.out);
	root = parse(&p.out);
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		ck_assert_msg(json_object_get(root, always[i]) != NULL, "%s has no %s",
		    p.scene.name, always[i]);
	json_decref(root);
	play_end(&p);
}
END_TEST

START_TEST(dot)
{
	struct play p;

	play_begin(&p, _i);
	graph_render_dot(&p.f, &graph_naming, &p.out);
	golden_compare(p.scene.name, "dot", &p.out);
	play_end(&p);
}
END_TEST

/* Graphviz, if there is one, takes it, and a hostile name stays a text in it. */
START_TEST(svg)
{
	struct play p;

	play_begin(&p, _i);
	if (svg_is_possible()) {
		ck_assert_int_eq(svg_draw(&p.f, &graph_naming, -1, &p.out), 0);
		output_write(&p.out, "", 1);
		ck_assert_ptr_nonnull(strstr(p.out.data, "</svg>"));
		ck_assert_ptr_null(strstr(p.out.data, "href"));
	} else {
		ck_assert_int_eq(svg_draw(&p.f, &graph_naming, -1, &p.out), -ENOENT);
		ck_assert_uint_eq(output_pending(&p.out), 0);
	}
	play_end(&p);
}
END_TEST

/* A signal ends the drawing, and dot with it, however far that is. */
START_TEST(svg_interrupted)
{
	struct play p;
	int signals = eventfd(1, EFD_CLOEXEC);

	play_begin(&p, 0);
	ck_assert_int_ge(signals, 0);
	ck_assert_int_eq(svg_draw(&p.f, &graph_naming, signals, &p.out),
	    svg_is_possible() ? -EINTR : -ENOENT);
	ck_assert_uint_eq(output_pending(&p.out), 0);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	close(signals);
	play_end(&p);
}
END_TEST

/* ---- findings -------------------------------------------------------------------- */

START_TEST(confidence)
{
	/* n_k of a balancer with k ways leave it incomplete with 5 % at most. */
	static const struct {
		uint32_t successors, flows;
		double least, most;
	} rows[] = {{1, 0, 0, 0}, {1, 1, 0, 0}, {1, 6, 0.96874, 0.96876},
	    {1, 5, 0.9374, 0.9376}, {2, 11, 0.9653, 0.9655}, {3, 16, 0.95, 0.961},
	    {15, 90, 0.95, 0.96}, {95, 700, 0.9, 0.999}, {1, 1000, 0.999999, 1},
	    {1000, 60000, 0.999999, 1}, {1000, 5, 0, 0}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double found = confidence_of(rows[i].successors, rows[i].flows);

		ck_assert_msg(found >= rows[i].least && found <= rows[i].most,
		    "%u successors, %u flows: %f", rows[i].successors, rows[i].flows,
		    found);
	}
}
END_TEST

/* The kind of the balancer behind the first hop. */
static enum balance
kind_of(const struct play *p)
{
	struct addr a = graph_addr("10.0.0.1");

	return (
	    enum balance)p->f.balances.kinds[graph_find(p->scene.paths.graph, 1, &a)];
}

START_TEST(balancers)
{
	static const enum balance expected[] = {
	    BALANCE_FLOW, BALANCE_PACKET, BALANCE_CHANGED, BALANCE_UNTESTED};
	struct play p;

	for (int i = 0; i < 4; i++) {
		play_begin(&p, i);
		ck_assert_str_eq(balance_name(kind_of(&p)), balance_name(expected[i]));
		play_end(&p);
	}
}
END_TEST

/* One change alone may be either. */
START_TEST(unsteady)
{
	struct graph_scene s;
	struct findings f;
	struct addr a = graph_addr("10.0.0.1");

	graph_begin(&s, "unsteady", TARGET);
	graph_started(&s);
	graph_hears(&s, 0, 1, "10.0.0.1");
	graph_hears(&s, 0, 2, "10.0.1.1");
	graph_hears(&s, 0, 2, "10.0.1.2");
	ck_assert_int_eq(findings_make(&f, &s.paths), 0);
	ck_assert_int_eq(
	    f.balances.kinds[graph_find(s.paths.graph, 1, &a)], BALANCE_UNSTEADY);
	findings_clear(&f);
	multipath_clear(&s.paths);
}
END_TEST

/* Links between two hops of strewn packets are doubtful, those behind are not. */
START_TEST(doubtful)
{
	struct play p;

	play_begin(&p, 1);
	for (uint32_t i = 0; i < graph_links(p.scene.paths.graph); i++) {
		const struct link *l = graph_link(p.scene.paths.graph, i);
		uint8_t ttl = graph_vertex(p.scene.paths.graph, l->from)->ttl;

		ck_assert_int_eq(p.f.balances.doubtful[i], ttl == 2);
	}
	play_end(&p);
}
END_TEST

/* ---- a prober that lies ---------------------------------------------------------- */

START_TEST(lies)
{
	struct prober_started started = {.flow_field = FLOW_BY_SRC_PORT};
	struct prober_done done = {.reason = REASON_REACHED};
	struct graph_scene s;

	graph_begin(&s, "lies", TARGET);
	s.paths.asked.first_ttl = 2;
	graph_hop_of(&s, 0, 2, "10.0.0.1");
	ck_assert_int_eq(graph_feed(&s), -EBADMSG); /* before it has started */
	graph_started(&s);
	ck_assert_int_eq(multipath_take_started(&s.paths, &started), -EBADMSG);
	graph_hop_of(&s, 0, 1, "10.0.0.1");
	ck_assert_int_eq(graph_feed(&s), -EBADMSG);
	graph_hop_of(&s, 0, 31, "10.0.0.1");
	ck_assert_int_eq(graph_feed(&s), -EBADMSG);
	graph_hop_of(&s, GRAPH_FLOWS_MAX, 2, "10.0.0.1");
	ck_assert_int_eq(graph_feed(&s), -EBADMSG);
	graph_hop_of(&s, GRAPH_FLOWS_MAX - 1, 30, "10.0.0.1");
	ck_assert_int_eq(graph_feed(&s), 0);
	ck_assert_int_eq(multipath_take_done(&s.paths, &done), 0);
	ck_assert_int_eq(multipath_take_done(&s.paths, &done), -EBADMSG);
	ck_assert_int_eq(graph_feed(&s), -EBADMSG); /* after its last word */
	multipath_clear(&s.paths);
}
END_TEST

/* A flood of replies that answer nothing is counted, not kept. */
START_TEST(flood)
{
	struct graph_scene s;

	graph_begin(&s, "flood", TARGET);
	graph_started(&s);
	for (uint32_t i = 0; i < MULTIPATH_OTHERS_MAX + 10; i++) {
		graph_hop_of(&s, 0, 1, "10.0.0.1")->outcome = RESULT_DUPLICATE;
		ck_assert_int_eq(graph_feed(&s), 0);
	}
	ck_assert_uint_eq(s.paths.results_count, MULTIPATH_OTHERS_MAX);
	ck_assert_uint_eq(s.paths.others_lost, 10);
	multipath_clear(&s.paths);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {text, .loops = GRAPH_SCENES},
	    {exhaustive, .loops = GRAPH_SCENES},
	    {json, .loops = GRAPH_SCENES},
	    {scamper, .loops = GRAPH_SCENES},
	    {dot, .loops = GRAPH_SCENES},
	    {svg, .loops = GRAPH_SCENES},
	    {svg_interrupted},
	    {confidence},
	    {balancers},
	    {unsteady},
	    {doubtful},
	    {lies},
	    {flood},
	};

	return test_main("graph_render", tests, COUNT_OF(tests));
}
