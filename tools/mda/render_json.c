#include "tools/mda/render_json.h"

#include <jansson.h>
#include <string.h>

#include "common/clock.h"
#include "prober/plan.h"
#include "tools/mda/words.h"
#include "tools/shared/json_builder.h"
#include "tools/shared/json_reply.h"
#include "tools/shared/json_trace.h"
#include "tools/shared/reply_text.h"

/* What the pieces below need. */
struct builder {
	const struct findings *f;
	const struct multipath *t;
	const struct naming *naming;
	struct json_builder json;
};

/* ---- nodes and links ------------------------------------------------------------- */

static json_t *
numbers_json(const uint32_t *numbers, uint32_t count)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(array, json_integer(numbers[i]));
	return array;
}

static json_t *
anomaly_names(uint32_t found)
{
	json_t *array = json_array();

	for (unsigned int a = 0; a < ANOMALIES; a++)
		if ((found >> a & 1) != 0)
			json_array_append_new(array, json_string(anomaly_name(a)));
	return array;
}

/* What a node tells packets apart by, as far as it was tested. */
static void
put_traits(struct builder *b, json_t *node, uint32_t vertex)
{
	json_t *hashes = json_object();

	for (unsigned int t = 0; t < TRAITS; t++) {
		enum verdict verdict = findings_judge(b->f, vertex, t);
		bool destination = t == TRAIT_DESTINATION;

		if (verdict != VERDICT_UNTESTED)
			json_put(&b->json, destination ? node : hashes,
			    destination ? "splits_destinations" : trait_name(t),
			    json_boolean(verdict == VERDICT_YES));
	}
	if (json_object_size(hashes) != 0)
		json_put(&b->json, node, "hashes", hashes);
	else
		json_decref(hashes);
}

/* What is known of a node's successors. */
static void
put_evidence(struct builder *b, json_t *node, uint32_t vertex)
{
	const struct vertex *v = graph_vertex(b->t->graph, vertex);

	if (b->f->needed[vertex] == 0)
		return;
	json_put_number(&b->json, node, "successors", v->next_count);
	json_put(&b->json, node, "balancer",
	    json_string(balance_name(b->f->balances.kinds[vertex])));
	json_put_number(&b->json, node, "flows_tested", v->evidence);
	json_put_number(&b->json, node, "flows_needed", b->f->needed[vertex]);
	json_put(
	    &b->json, node, "confidence", json_real(findings_confidence(b->f, vertex)));
	json_put_number(&b->json, node, "repeats", v->repeats);
	json_put_number(&b->json, node, "changes", v->changes);
	put_traits(b, node, vertex);
}

static json_t *
node_json(struct builder *b, uint32_t vertex)
{
	static const char *const kinds[] = {[VERTEX_SOURCE] = "source",
	    [VERTEX_ROUTER] = "router",
	    [VERTEX_END] = "unreachable",
	    [VERTEX_SILENT] = "silent"};
	const struct vertex *v = graph_vertex(b->t->graph, vertex);
	const struct vertex_figures *figures = &b->f->figures[vertex];
	json_t *node = json_object();
	const char *kind = kinds[v->kind];

	if (v->kind == VERTEX_END && v->reached)
		kind = "target";
	json_put_number(&b->json, node, "id", vertex);
	json_put_number(&b->json, node, "ttl", v->ttl);
	json_put(&b->json, node, "kind", json_string(kind));
	if (v->kind == VERTEX_SOURCE)
		json_put_addr(&b->json, node, "addr", &b->t->how.source);
	else
		json_put_addr(&b->json, node, "addr", &v->addr);
	json_put_name(&b->json, node, b->naming, &v->addr);
	json_put(&b->json, node, "flows", numbers_json(v->flows, v->flows_count));
	json_put_number(&b->json, node, "answers", figures->answers);
	if (figures->rtt_min >= 0) {
		json_put_scaled(
		    &b->json, node, "rtt_min_ms", figures->rtt_min, NS_PER_MS);
		json_put_scaled(
		    &b->json, node, "rtt_median_ms", figures->rtt_median, NS_PER_MS);
	}
	put_evidence(b, node, vertex);
	json_put(&b->json, node, "flags", anomaly_names(b->f->rare[vertex]));
	return node;
}

/* What is on a path; and routers that were seen, but by no flow of their own. */
static bool
is_told(const struct builder *b, uint32_t vertex)
{
	const struct vertex *v = graph_vertex(b->t->graph, vertex);

	return v->kind == VERTEX_SOURCE || multipath_shows(b->t, v) ||
	       (v->kind == VERTEX_ROUTER && b->f->figures[vertex].answers != 0);
}

static json_t *
nodes_json(struct builder *b)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < graph_vertices(b->t->graph); i++)
		if (is_told(b, i))
			json_array_append_new(array, node_json(b, i));
	return array;
}

static json_t *
links_json(struct builder *b)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < graph_links(b->t->graph); i++) {
		const struct link *l = graph_link(b->t->graph, i);
		json_t *object;

		if (l->flows_count == 0)
			continue; /* a late answer took it back */
		object = json_object();
		json_put_number(&b->json, object, "from", l->from);
		json_put_number(&b->json, object, "to", l->to);
		json_put(
		    &b->json, object, "flows", numbers_json(l->flows, l->flows_count));
		if (b->f->balances.doubtful[i])
			json_put(&b->json, object, "doubtful", json_true());
		json_array_append_new(array, object);
	}
	return array;
}

/* ---- probes ---------------------------------------------------------------------- */

static json_t *
flags_json(const struct prober_result *m)
{
	static const struct {
		uint16_t flag;
		const char *name;
	} names[] = {{RESULT_REACHED, "reached"}, {RESULT_FINAL, "final"},
	    {RESULT_RESENT, "resent"}, {RESULT_BY_ADDRESS, "by_address"},
	    {RESULT_AGAIN, "again"}};
	json_t *array = anomaly_names(anomalies_of_flags(m));

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((m->flags & names[i].flag) != 0)
			json_array_append_new(array, json_string(names[i].name));
	return array;
}

static json_t *
probe_json(struct builder *b, const struct prober_result *m)
{
	json_t *object = json_object();
	json_t *flags = flags_json(m);

	json_put(&b->json, object, "status", json_string(outcome_word(m->outcome)));
	if (m->outcome == RESULT_AMBIGUOUS) {
		json_put_number(&b->json, object, "candidates", m->candidates);
	} else {
		json_put_number(&b->json, object, "ttl", m->ttl);
		json_put_number(&b->json, object, "flow", m->flow);
		json_put_number(&b->json, object, "attempt", m->query);
		json_put_number(&b->json, object, "probe", m->probe);
	}
	if (m->sent > 0 && m->outcome != RESULT_SEND_FAILED)
		json_put_time(&b->json, object, "sent", m->sent);
	if (m->outcome == RESULT_SEND_FAILED)
		json_put(&b->json, object, "error", json_string(strerror(m->error)));
	if (m->outcome != RESULT_TIMEOUT && m->outcome != RESULT_SEND_FAILED &&
	    m->outcome != RESULT_UNAWAITED)
		json_put_reply(&b->json, object, m);
	if (json_array_size(flags) != 0)
		json_put(&b->json, object, "flags", flags);
	else
		json_decref(flags);
	return object;
}

static json_t *
probes_json(struct builder *b)
{
	json_t *array = json_array();

	for (size_t i = 0; i < b->t->results_count; i++) {
		struct prober_result m;

		json_array_append_new(
		    array, probe_json(b, multipath_result(b->t, i, &m)));
	}
	return array;
}

/* ---- the frame ------------------------------------------------------------------- */

/* The packets: what is the same in all of them, or of flow 0. */
static void
put_packets(struct builder *b, json_t *root)
{
	const struct multipath *t = b->t;
	const struct prober_started *how = &t->how;

	json_put(&b->json, root, "protocol", json_string(t->protocol));
	json_put_number(
	    &b->json, root, "ip_version", t->asked.target.family == AF_INET ? 4 : 6);
	if (!t->has_started)
		return;
	json_put_addr(&b->json, root, "source", &how->source);
	json_put(&b->json, root, "flow_field",
	    json_string(words_json_flow_field(how->flow_field)));
	json_put_packets(&b->json, root, t->protocol, how);
}

static json_t *
options_json(struct builder *b)
{
	const struct prober_start *s = &b->t->asked;
	json_t *object = json_object();
	uint32_t alpha = s->alpha != 0 ? s->alpha : PROBER_ALPHA_DEFAULT;

	json_put_scaled(&b->json, object, "confidence",
	    PROBER_ALPHA_UNIT - (int64_t)alpha, PROBER_ALPHA_UNIT);
	json_put(&b->json, object, "bound",
	    json_string(s->branching != 0 ? "graph" : "node"));
	if (s->branching != 0)
		json_put_number(&b->json, object, "max_branch", s->branching);
	if (s->children != 0)
		json_put_number(&b->json, object, "max_children", s->children);
	if (s->max_probes != 0)
		json_put_number(&b->json, object, "max_probes", s->max_probes);
	if (s->max_flows != 0)
		json_put_number(&b->json, object, "max_flows", s->max_flows);
	if (s->phi != 0)
		json_put_number(&b->json, object, "phi", s->phi);
	if (b->f->classes != NULL && b->f->classes->hash_fields)
		json_put(&b->json, object, "hash_fields", json_true());
	if (b->f->classes != NULL && b->f->classes->prefix != 0)
		json_put_number(&b->json, object, "prefix", b->f->classes->prefix);
	json_put_number(&b->json, object, "first_ttl", s->first_ttl);
	json_put_number(&b->json, object, "max_ttl", s->max_ttl);
	json_put_number(&b->json, object, "attempts", s->queries);
	json_put_options(&b->json, object, s);
	json_put_origin(&b->json, object, s);
	return object;
}

/* Each kind that was met: the nodes where, or how many replies. */
static json_t *
anomalies_json(struct builder *b)
{
	const struct prober_done *done = &b->t->done;
	const struct {
		enum anomaly kind;
		uint32_t count;
	} counted[] = {{ANOMALY_DUPLICATE, done->duplicates},
	    {ANOMALY_LATE, done->late}, {ANOMALY_AMBIGUOUS, done->ambiguous},
	    {ANOMALY_LOST_HERE, done->lost_here}, {ANOMALY_STRAY, done->strays}};
	json_t *list = json_array();

	for (unsigned int a = 0; a < ANOMALIES; a++) {
		json_t *nodes = json_array();
		json_t *object = json_object();

		for (uint32_t i = 0; i < graph_vertices(b->t->graph); i++)
			if ((b->f->rare[i] >> a & 1) != 0 && is_told(b, i))
				json_array_append_new(nodes, json_integer(i));
		json_put(&b->json, object, "name", json_string(anomaly_name(a)));
		if (json_array_size(nodes) != 0) {
			json_put(&b->json, object, "nodes", nodes);
			json_array_append_new(list, object);
			continue;
		}
		json_decref(nodes);
		for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++)
			if (counted[i].kind == a && counted[i].count != 0)
				json_put_number(
				    &b->json, object, "replies", counted[i].count);
		if (json_object_size(object) > 1)
			json_array_append_new(list, object);
		else
			json_decref(object);
	}
	return list;
}

static json_t *
classification_json(struct builder *b)
{
	const struct classify *c = b->f->classes;
	json_t *object = json_object();
	char why[WORDS_MAX];

	json_put(&b->json, object, "complete", json_boolean(!c->broken));
	json_put_number(&b->json, object, "instances", c->runs_done);
	json_put_number(&b->json, object, "probes", c->sent);
	if (c->broken && c->last.reason == REASON_FAILED)
		json_put_text(&b->json, object, "detail", words_failure(&c->last, why));
	return object;
}

void
graph_render_json(const struct findings *f, const struct naming *naming,
    const char *failure, struct output *out)
{
	const struct multipath *t = f->paths;
	struct builder b = {.f = f, .t = t, .naming = naming};
	json_t *root = json_object();

	json_put(&b.json, root, "type", json_string("multipath"));
	json_put_number(&b.json, root, "schema", GRAPH_JSON_SCHEMA_VERSION);
	json_put(&b.json, root, "tool", json_string("mda " PARIS_VERSION));
	json_put_text(&b.json, root, "host", t->host);
	json_put_addr(&b.json, root, "target", &t->asked.target);
	json_put_time(&b.json, root, "start_time", t->began);
	if (t->ended != 0)
		json_put_time(&b.json, root, "end_time", t->ended);
	json_put(&b.json, root, "algorithm", json_string(t->asked.algorithm));
	put_packets(&b, root);
	json_put(&b.json, root, "plan", json_plan(&b.json, &t->plan));
	json_put(&b.json, root, "options", options_json(&b));
	json_put(&b.json, root, "reached", json_boolean(multipath_reached(t)));
	json_put(&b.json, root, "coverage",
	    json_string(
		t->has_done ? words_json_coverage(t->done.coverage) : "stopped"));
	json_put(&b.json, root, "nodes", nodes_json(&b));
	json_put(&b.json, root, "links", links_json(&b));
	json_put(&b.json, root, "anomalies", anomalies_json(&b));
	json_put(&b.json, root, "stop",
	    json_stop(&b.json, t->has_done ? &t->done : NULL, failure));
	if (t->has_done)
		json_put(&b.json, root, "counters", json_counters(&b.json, &t->done));
	if (f->classes != NULL)
		json_put(&b.json, root, "classification", classification_json(&b));
	json_put(&b.json, root, "probes", probes_json(&b));
	if (t->others_lost != 0)
		json_put_number(&b.json, root, "replies_not_kept", t->others_lost);
	json_print(&b.json, root, out);
}
