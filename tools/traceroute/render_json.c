#include "tools/traceroute/render_json.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "prober/plan.h"
#include "tools/shared/json_builder.h"
#include "tools/shared/json_reply.h"
#include "tools/shared/json_trace.h"
#include "tools/shared/reply_text.h"
#include "tools/traceroute/anomalies.h"
#include "tools/traceroute/flags.h"
#include "tools/traceroute/pieces.h"

/* What the pieces below need. */
struct builder {
	const struct record *record;
	const struct naming *naming;
	struct json_builder json;
};

/* ---- one reply ------------------------------------------------------------------- */

static void
put_flags(struct builder *b, json_t *object, const struct prober_result *m)
{
	const char *names[FLAGS_MAX];
	size_t count = flags_of(b->record, m, names);
	json_t *flags;

	if (count == 0)
		return;
	flags = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(flags, json_string(names[i]));
	json_put(&b->json, object, "flags", flags);
}

/* What a reply tells, whatever it answers. */
static void
put_reply(struct builder *b, json_t *object, const struct prober_result *m)
{
	json_put_reply(&b->json, object, m);
	put_flags(b, object, m);
}

/* ---- probes, hops, other replies ------------------------------------------------- */

static json_t *
probe_json(struct builder *b, const struct prober_result *m)
{
	json_t *object = json_object();

	json_put_number(&b->json, object, "query", m->query);
	json_put_number(&b->json, object, "probe", m->probe);
	json_put_number(&b->json, object, "flow", m->flow);
	json_put(&b->json, object, "status", json_string(outcome_word(m->outcome)));
	if (m->sent > 0 && m->outcome != RESULT_SEND_FAILED)
		json_put_time(&b->json, object, "sent", m->sent);
	if (m->path_mtu != 0)
		json_put_number(&b->json, object, "path_mtu", m->path_mtu);
	if (m->outcome == RESULT_SEND_FAILED) {
		json_put(&b->json, object, "error", json_string(strerror(m->error)));
		if (m->mtu != 0)
			json_put_number(&b->json, object, "mtu", m->mtu);
	}
	if (m->outcome == RESULT_REPLY) {
		json_put_name(&b->json, object, b->naming, &m->from);
		put_reply(b, object, m);
	} else if (m->outcome == RESULT_TIMEOUT) {
		put_flags(b, object, m);
	}
	return object;
}

/* The hops from first to last that were asked. */
static json_t *
hops_json(struct builder *b, int first, int last)
{
	json_t *hops = json_array();

	for (int ttl = first; ttl <= last; ttl++) {
		json_t *probes = json_array();
		json_t *hop;

		for (int query = 0; query < b->record->asked.queries; query++) {
			const struct prober_result *m =
			    record_final(b->record, ttl, query);

			if (m != NULL)
				json_array_append_new(probes, probe_json(b, m));
		}
		if (json_array_size(probes) == 0) {
			json_decref(probes);
			continue;
		}
		hop = json_object();
		json_put_number(&b->json, hop, "ttl", ttl);
		json_put(&b->json, hop, "probes", probes);
		json_array_append_new(hops, hop);
	}
	return hops;
}

static json_t *
other_json(struct builder *b, const struct prober_result *m)
{
	json_t *object = json_object();

	json_put(&b->json, object, "status", json_string(outcome_word(m->outcome)));
	if (m->outcome == RESULT_AMBIGUOUS) {
		json_put_number(&b->json, object, "candidates", m->candidates);
	} else {
		json_put_number(&b->json, object, "ttl", m->ttl);
		json_put_number(&b->json, object, "query", m->query);
		json_put_number(&b->json, object, "probe", m->probe);
	}
	put_reply(b, object, m);
	return object;
}

static void
put_others(struct builder *b, json_t *root)
{
	json_t *others;

	if (b->record->others_count == 0)
		return;
	others = json_array();
	for (size_t i = 0; i < b->record->others_count; i++)
		json_array_append_new(others, other_json(b, b->record->others[i]));
	json_put(&b->json, root, "other_replies", others);
	if (b->record->others_lost != 0)
		json_put_number(
		    &b->json, root, "other_replies_not_kept", b->record->others_lost);
}

/* ---- rare cases ------------------------------------------------------------------ */

/* Each kind that was met, the hops where, and how many replies. */
static json_t *
anomalies_json(struct builder *b)
{
	struct anomaly_seen found[ANOMALIES];
	json_t *list = json_array();

	anomalies_find(b->record, found);
	for (unsigned int a = 0; a < ANOMALIES; a++) {
		json_t *object, *hops;

		if (found[a].count == 0)
			continue;
		object = json_object();
		hops = json_array();
		for (int ttl = 1; ttl <= UINT8_MAX; ttl++)
			if (anomaly_is_at(&found[a], ttl))
				json_array_append_new(hops, json_integer(ttl));
		json_put(&b->json, object, "name", json_string(anomaly_name(a)));
		json_put(&b->json, object, "hops", hops);
		json_put_number(&b->json, object, "count", found[a].count);
		json_array_append_new(list, object);
	}
	return list;
}

/* ---- the frame ------------------------------------------------------------------- */

/* In which pieces they leave, if they do, and who splits them. */
static void
put_pieces(struct builder *b, json_t *root)
{
	struct prober_fragment list[PIECES_MAX];
	const struct record *t = b->record;
	json_t *object, *array;
	enum pieces_by by;
	size_t count;

	by = pieces_of(t, list, &count);
	if (by == PIECES_WHOLE)
		return;
	object = json_object();
	array = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_fragment(&b->json, &list[i]));
	json_put(&b->json, object, "by",
	    json_string(by == PIECES_BY_US ? "prober" : "kernel"));
	if (by == PIECES_BY_US)
		json_put_number(&b->json, object, "repeat", t->asked.split.repeat);
	else
		json_put_number(&b->json, object, "mtu", t->how.mtu);
	json_put(&b->json, object, "list", array);
	json_put(&b->json, root, "fragments", object);
}

/* The packets: what is the same in all of them. */
static void
put_packets(struct builder *b, json_t *root)
{
	const struct record *t = b->record;

	json_put(&b->json, root, "protocol", json_string(t->protocol));
	json_put_number(
	    &b->json, root, "ip_version", t->asked.target.family == AF_INET ? 4 : 6);
	if (t->asked.flow_chosen)
		json_put_number(&b->json, root, "flow_id", t->asked.flow_id);
	if (!t->has_started)
		return;
	json_put_addr(&b->json, root, "source", &t->how.source);
	json_put_packets(&b->json, root, t->protocol, &t->how);
	put_pieces(b, root);
}

static json_t *
plan_json(struct builder *b)
{
	const struct prober_plan_family *plan = &b->record->plan;
	json_t *object = json_plan(&b->json, plan);

	if (plan->window != 0)
		json_put_number(&b->json, object, "window", plan->window);
	return object;
}

static json_t *
options_json(struct builder *b)
{
	const struct prober_start *s = &b->record->asked;
	json_t *object = json_object();

	json_put_number(&b->json, object, "first_ttl", s->first_ttl);
	json_put_number(&b->json, object, "max_ttl", s->max_ttl);
	json_put_number(&b->json, object, "queries", s->queries);
	json_put_options(&b->json, object, s);
	json_put_number(&b->json, object, "packet_len", s->packet_len);
	json_put_origin(&b->json, object, s);
	if (s->first_tag != 0)
		json_put_number(&b->json, object, "first_sequence", s->first_tag);
	return object;
}

static json_t *
counters_json(struct builder *b)
{
	const struct prober_done *done = &b->record->done;
	json_t *object = json_counters(&b->json, done);

	if (done->window != 0)
		json_put_number(&b->json, object, "window_at_end", done->window);
	return object;
}

static json_t *
trace_json(struct builder *b, const char *failure)
{
	const struct record *t = b->record;
	int last = record_last_ttl(t);
	json_t *root = json_object();
	json_t *past;

	json_put(&b->json, root, "type", json_string("trace"));
	json_put_number(&b->json, root, "schema", JSON_SCHEMA_VERSION);
	json_put(
	    &b->json, root, "tool", json_string("paris-traceroute " PARIS_VERSION));
	json_put_text(&b->json, root, "host", t->host);
	json_put_addr(&b->json, root, "target", &t->asked.target);
	json_put_time(&b->json, root, "start_time", t->began);
	json_put(&b->json, root, "algorithm", json_string(t->asked.algorithm));
	put_packets(b, root);
	json_put(&b->json, root, "plan", plan_json(b));
	json_put(&b->json, root, "options", options_json(b));
	json_put(&b->json, root, "hops", hops_json(b, t->asked.first_ttl, last));
	past = hops_json(b, last + 1, t->asked.max_ttl);
	if (json_array_size(past) != 0)
		json_put(&b->json, root, "hops_past_end", past);
	else
		json_decref(past);
	put_others(b, root);
	json_put(&b->json, root, "anomalies", anomalies_json(b));
	json_put(&b->json, root, "stop",
	    json_stop(&b->json, t->has_done ? &t->done : NULL, failure));
	if (t->has_done)
		json_put(&b->json, root, "counters", counters_json(b));
	return root;
}

void
render_json(const struct record *t, const struct rendering *how, struct output *out)
{
	struct builder b = {.record = t, .naming = how->naming};

	json_print(&b.json, trace_json(&b, how->failure), out);
}
