#include "tools/mda/render_scamper.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tools/shared/json_builder.h"
#include "tools/shared/scamper_json.h"

/* What the pieces below need. */
struct scamper {
	const struct findings *f;
	const struct multipath *t;
	const struct naming *naming;
	struct json_builder json;
	/* Answers, link by link: those of a link are [first[l], first[l + 1]). */
	uint32_t *first;
	uint32_t *answers;
};

/* ---- which answers are of which link --------------------------------------------- */

/* The link that an answer is of, or GRAPH_NONE. */
static uint32_t
link_of(const struct multipath *t, const struct prober_result *m)
{
	uint32_t before, at;
	const struct vertex *v;

	if (m->outcome != RESULT_REPLY)
		return GRAPH_NONE;
	before = graph_place(t->graph, m->flow, (uint8_t)(m->ttl - 1));
	at = graph_find(t->graph, m->ttl, &m->from);
	if (before == GRAPH_NONE || at == GRAPH_NONE)
		return GRAPH_NONE;
	v = graph_vertex(t->graph, before);
	for (uint32_t i = 0; i < v->next_count; i++)
		if (graph_link(t->graph, v->next[i])->to == at)
			return v->next[i];
	return GRAPH_NONE;
}

/* Sorts the answers by link. Returns false when there is no memory. */
static bool
sort_answers(struct scamper *s)
{
	uint32_t links = graph_links(s->t->graph);
	uint32_t sum = 0;

	s->first = calloc((size_t)links + 2, sizeof(*s->first));
	s->answers = calloc(s->t->results_count + 1, sizeof(*s->answers));
	if (s->first == NULL || s->answers == NULL)
		return false;
	for (size_t i = 0; i < s->t->results_count; i++) {
		uint32_t l = link_of(s->t, s->t->results[i]);

		if (l != GRAPH_NONE)
			s->first[l + 2]++;
	}
	for (uint32_t l = 0; l < links + 2; l++)
		sum = s->first[l] += sum;
	/* first[l + 1] moves from the start of link l to its end. */
	for (size_t i = 0; i < s->t->results_count; i++) {
		uint32_t l = link_of(s->t, s->t->results[i]);

		if (l != GRAPH_NONE)
			s->answers[s->first[l + 1]++] = (uint32_t)i;
	}
	return true;
}

/* ---- one probe ------------------------------------------------------------------- */

static json_t *
reply_json(struct scamper *s, const struct prober_result *m)
{
	bool tcp = m->reply == REPLY_SYN_ACK || m->reply == REPLY_RESET;
	json_t *object = json_object();
	int64_t us = (m->rtt + NS_PER_US / 2) / NS_PER_US;

	if (m->rtt >= 0)
		json_put(
		    &s->json, object, "rx", scamper_time(&s->json, m->sent + m->rtt));
	if (m->reply_ttl >= 0)
		json_put_number(&s->json, object, "ttl", m->reply_ttl);
	if (m->rtt >= 0)
		json_put_scaled(&s->json, object, "rtt", us, 1000);
	if ((m->seen & SEEN_REPLY_ID) != 0)
		json_put_number(&s->json, object, "ipid", m->reply_id);
	if (tcp) {
		json_put_number(
		    &s->json, object, "tcp_flags", scamper_tcp_flags(m->reply));
	} else if (m->reply != REPLY_DATA) {
		json_put_number(&s->json, object, "icmp_type", m->icmp_type);
		json_put_number(&s->json, object, "icmp_code", m->icmp_code);
	}
	if ((m->seen & SEEN_QUOTED) != 0) {
		json_put_number(&s->json, object, "icmp_q_tos", m->quoted_tos);
		json_put_number(&s->json, object, "icmp_q_ttl", m->quoted_ttl);
	}
	if (m->objects_count != 0)
		json_put(&s->json, object, "icmpext", scamper_extensions(&s->json, m));
	return object;
}

static json_t *
probe_json(struct scamper *s, const struct prober_result *m)
{
	json_t *object = json_object();
	json_t *replies = json_array();

	json_array_append_new(replies, reply_json(s, m));
	json_put(&s->json, object, "tx", scamper_time(&s->json, m->sent));
	json_put_number(&s->json, object, "replyc", 1);
	json_put_number(&s->json, object, "ttl", m->ttl);
	json_put_number(&s->json, object, "attempt", m->query);
	json_put_number(&s->json, object, "flowid", (int64_t)m->flow + 1);
	json_put(&s->json, object, "replies", replies);
	return object;
}

/* ---- nodes and links ------------------------------------------------------------- */

/* One end of a link: who it leads to, and the probes that showed it. */
static json_t *
end_json(struct scamper *s, uint32_t link)
{
	const struct link *l = graph_link(s->t->graph, link);
	const struct vertex *v = graph_vertex(s->t->graph, l->to);
	json_t *object = json_object();
	json_t *probes;

	if (v->kind == VERTEX_SILENT) {
		json_put(&s->json, object, "addr", json_string("*"));
		return object;
	}
	probes = json_array();
	for (uint32_t i = s->first[link]; i < s->first[link + 1]; i++) {
		struct prober_result m;

		json_array_append_new(
		    probes, probe_json(s, multipath_result(s->t, s->answers[i], &m)));
	}
	json_put_addr(&s->json, object, "addr", &v->addr);
	json_put(&s->json, object, "probes", probes);
	return object;
}

static json_t *
ends_json(struct scamper *s, const struct vertex *v)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < v->next_count; i++)
		json_array_append_new(array, end_json(s, v->next[i]));
	return array;
}

/* The one vertex that follows, if nobody answers there; else NULL. */
static const struct vertex *
silent_next(const struct multipath *t, const struct vertex *v)
{
	const struct vertex *next;

	if (v->next_count != 1)
		return NULL;
	next = graph_vertex(t->graph, graph_link(t->graph, v->next[0])->to);
	return next->kind == VERTEX_SILENT ? next : NULL;
}

/* Several successors are one array; a single link is one array for each of its hops. */
static json_t *
links_json(struct scamper *s, const struct vertex *v)
{
	json_t *array = json_array();

	while (v != NULL && v->next_count != 0) {
		json_array_append_new(array, ends_json(s, v));
		v = silent_next(s->t, v);
	}
	return array;
}

/* Whether a silent vertex is told within the link that leads to it. */
static bool
is_within_link(const struct multipath *t, const struct vertex *v)
{
	const struct vertex *before;

	if (v->prev_count == 0)
		return true;
	before = graph_vertex(t->graph, graph_link(t->graph, v->prev[0])->from);
	return before->kind != VERTEX_SOURCE && silent_next(t, before) == v;
}

static bool
is_node(const struct multipath *t, const struct vertex *v)
{
	if (v->kind == VERTEX_SOURCE || !multipath_shows(t, v))
		return false;
	return v->kind != VERTEX_SILENT || !is_within_link(t, v);
}

static json_t *
node_json(struct scamper *s, const struct vertex *v)
{
	json_t *object = json_object();
	const char *name;

	if (v->kind == VERTEX_SILENT)
		json_put(&s->json, object, "addr", json_string("*"));
	else
		json_put_addr(&s->json, object, "addr", &v->addr);
	if (naming_name(s->naming, &v->addr, &name) == NAME_KNOWN)
		json_put_text(&s->json, object, "name", name);
	json_put_number(&s->json, object, "q_ttl", 1);
	json_put_number(&s->json, object, "linkc", v->next_count);
	json_put(&s->json, object, "links", links_json(s, v));
	return object;
}

/* As scamper has it, only nodes that lead on are told; the others are counted. */
static json_t *
nodes_json(struct scamper *s, uint32_t *nodes, uint32_t *links)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < s->f->order_count; i++) {
		const struct vertex *v = graph_vertex(s->t->graph, s->f->order[i]);

		if (!is_node(s->t, v))
			continue;
		(*nodes)++;
		*links += v->next_count;
		if (v->next_count != 0)
			json_array_append_new(array, node_json(s, v));
	}
	return array;
}

/* ---- the object ------------------------------------------------------------------ */

/* "udp-sport"; scamper has no word for IPv6 flow labels. */
static const char *
method(const struct multipath *t, char *buf, size_t room)
{
	static const char *const fields[] = {[FLOW_BY_SRC_PORT] = "sport",
	    [FLOW_BY_DST_PORT] = "dport",
	    [FLOW_BY_CHECKSUM] = "echo",
	    [FLOW_BY_LABEL] = "flowlabel"};
	uint8_t field = t->how.flow_field;

	snprintf(buf, room, "%s-%s", t->protocol,
	    field > FLOW_BY_DEFAULT && field < FLOW_BY_END ? fields[field] : "sport");
	return buf;
}

static void
put_options(struct scamper *s, json_t *root)
{
	const struct prober_start *o = &s->t->asked;
	uint32_t alpha = o->alpha != 0 ? o->alpha : PROBER_ALPHA_DEFAULT;

	json_put_number(&s->json, root, "probe_size", s->t->how.packet_len);
	json_put_number(&s->json, root, "firsthop", o->first_ttl);
	json_put_number(&s->json, root, "attempts", o->queries);
	json_put_number(&s->json, root, "confidence",
	    (int64_t)(PROBER_ALPHA_UNIT - alpha) / (PROBER_ALPHA_UNIT / 100));
	json_put_number(&s->json, root, "tos", o->tos);
	json_put_number(&s->json, root, "gaplimit", o->gap_limit);
	json_put_number(&s->json, root, "wait_timeout",
	    (o->wait_max + NS_PER_SECOND - 1) / NS_PER_SECOND);
	json_put_number(&s->json, root, "wait_probe", o->send_gap / (10 * NS_PER_MS));
	json_put_number(&s->json, root, "probec", (int64_t)s->t->answered + s->t->lost);
	json_put_number(&s->json, root, "probec_max", o->max_probes);
}

void
graph_render_scamper(
    const struct findings *f, const struct naming *naming, struct output *out)
{
	struct scamper s = {.f = f, .t = f->paths, .naming = naming};
	const struct multipath *t = s.t;
	json_t *root = json_object();
	json_t *list;
	uint32_t nodes = 0, links = 0;
	char text[64];

	if (!sort_answers(&s))
		s.json.failed = true;
	list = s.json.failed ? json_array() : nodes_json(&s, &nodes, &links);
	json_put(&s.json, root, "type", json_string("tracelb"));
	json_put(&s.json, root, "version", json_string("0.1"));
	json_put_number(&s.json, root, "userid", 0);
	json_put(&s.json, root, "method", json_string(method(t, text, sizeof(text))));
	json_put_addr(&s.json, root, "src", &t->how.source);
	json_put_addr(&s.json, root, "dst", &t->asked.target);
	if (strcmp(t->protocol, "icmp") != 0) {
		json_put_number(&s.json, root, "sport", t->how.src_port);
		json_put_number(&s.json, root, "dport", t->how.dst_port);
	}
	json_put(&s.json, root, "start", scamper_start(&s.json, t->began));
	put_options(&s, root);
	json_put_number(&s.json, root, "nodec", nodes);
	json_put_number(&s.json, root, "linkc", links);
	if (json_array_size(list) != 0)
		json_put(&s.json, root, "nodes", list);
	else
		json_decref(list);
	json_print(&s.json, root, out);
	free(s.first);
	free(s.answers);
}
