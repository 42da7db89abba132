#include "tools/traceroute/render_atlas.h"

#include <ctype.h>
#include <jansson.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "prober/algorithm.h"
#include "tools/shared/json_builder.h"

#define LAYOUT 5000 /* "fw" */

/* What the pieces below need. */
struct atlas {
	const struct record *record;
	struct json_builder json;
};

/* ---- one answer ------------------------------------------------------------------ */

/* The letter for a code of "destination unreachable"; NULL: the number is told. */
static const char *
unreachable4(uint8_t code)
{
	switch (code) {
	case ICMP_NET_UNREACH:
		return "N";
	case ICMP_HOST_UNREACH:
		return "H";
	case ICMP_PROT_UNREACH:
		return "P";
	case ICMP_PKT_FILTERED:
		return "A";
	default:
		return NULL;
	}
}

static const char *
unreachable6(uint8_t code)
{
	switch (code) {
	case ICMP6_DST_UNREACH_NOROUTE:
		return "N";
	case ICMP6_DST_UNREACH_ADMIN:
		return "A";
	case ICMP6_DST_UNREACH_BEYONDSCOPE:
		return "h";
	case ICMP6_DST_UNREACH_ADDR:
		return "H";
	default:
		return NULL;
	}
}

/* "err", or "mtu"; a port that is unreachable is where a trace should end. */
static void
put_error(struct atlas *a, json_t *object, const struct prober_result *m)
{
	bool v4 = m->from.family == AF_INET;
	uint8_t port = v4 ? ICMP_PORT_UNREACH : ICMP6_DST_UNREACH_NOPORT;
	const char *letter =
	    v4 ? unreachable4(m->icmp_code) : unreachable6(m->icmp_code);

	if (m->mtu != 0)
		json_put_number(&a->json, object, "mtu", m->mtu);
	if (m->reply != REPLY_UNREACHABLE || m->mtu != 0 || m->icmp_code == port)
		return;
	if (letter != NULL)
		json_put(&a->json, object, "err", json_string(letter));
	else
		json_put_number(&a->json, object, "err", m->icmp_code);
}

static json_t *
labels_json(struct atlas *a, const struct prober_mpls *mpls, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *object = json_object();

		json_put_number(&a->json, object, "label", mpls[i].label);
		json_put_number(&a->json, object, "exp", mpls[i].traffic_class);
		json_put_number(&a->json, object, "s", mpls[i].bottom);
		json_put_number(&a->json, object, "ttl", mpls[i].ttl);
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *
extensions_json(struct atlas *a, const struct prober_result *m)
{
	json_t *object = json_object();
	json_t *objects = json_array();
	size_t label = 0;

	for (size_t i = 0; i < m->objects_count; i++) {
		const struct prober_object *o = &m->objects[i];
		json_t *entry = json_object();

		json_put_number(&a->json, entry, "class", o->class_num);
		json_put_number(&a->json, entry, "type", o->c_type);
		if (o->labels != 0)
			json_put(&a->json, entry, "mpls",
			    labels_json(a, &m->mpls[label], o->labels));
		label += o->labels;
		json_array_append_new(objects, entry);
	}
	json_put_number(&a->json, object, "version", 2); /* others are malformed */
	json_put(&a->json, object, "obj", objects);
	return object;
}

static json_t *
answer_json(struct atlas *a, const struct prober_result *m)
{
	int64_t us = (m->rtt + NS_PER_US / 2) / NS_PER_US;
	json_t *object = json_object();

	if (m->outcome == RESULT_DUPLICATE)
		json_put(&a->json, object, "dup", json_true());
	json_put_addr(&a->json, object, "from", &m->from);
	if (m->reply_ttl >= 0)
		json_put_number(&a->json, object, "ttl", m->reply_ttl);
	if (m->rtt >= 0)
		json_put_scaled(&a->json, object, "rtt", us, 1000);
	if ((m->seen & SEEN_QUOTED) != 0 && m->quoted_ttl != 1)
		json_put_number(&a->json, object, "ittl", m->quoted_ttl);
	if ((m->seen & SEEN_QUOTED) != 0 && m->quoted_tos != 0)
		json_put_number(&a->json, object, "itos", m->quoted_tos);
	put_error(a, object, m);
	if (m->reply == REPLY_SYN_ACK)
		json_put(&a->json, object, "flags", json_string("SA"));
	if (m->reply == REPLY_RESET)
		json_put(&a->json, object, "flags", json_string("RA"));
	if (m->objects_count != 0)
		json_put(&a->json, object, "icmpext", extensions_json(a, m));
	return object;
}

static json_t *
probe_json(struct atlas *a, const struct prober_result *m)
{
	json_t *object;

	if (m->outcome == RESULT_REPLY)
		return answer_json(a, m);
	object = json_object();
	if (m->outcome == RESULT_TIMEOUT)
		json_put(&a->json, object, "x", json_string("*"));
	else
		json_put(&a->json, object, "error", json_string(strerror(m->error)));
	return object;
}

/* ---- hops ------------------------------------------------------------------------ */

/* What came of one hop: the queries in their order, then duplicates. */
static json_t *
results_json(struct atlas *a, int ttl)
{
	const struct record *t = a->record;
	json_t *array = json_array();

	for (int query = 0; query < t->asked.queries; query++) {
		const struct prober_result *m = record_final(t, ttl, query);

		if (m != NULL)
			json_array_append_new(array, probe_json(a, m));
	}
	for (size_t i = 0; i < t->others_count; i++)
		if (t->others[i]->outcome == RESULT_DUPLICATE &&
		    t->others[i]->ttl == ttl)
			json_array_append_new(array, answer_json(a, t->others[i]));
	return array;
}

static json_t *
hops_json(struct atlas *a, const char *failure)
{
	const struct record *t = a->record;
	json_t *hops = json_array();
	json_t *hop;

	for (int ttl = t->asked.first_ttl; ttl <= record_last_ttl(t); ttl++) {
		json_t *results = results_json(a, ttl);

		if (json_array_size(results) == 0) {
			json_decref(results);
			continue;
		}
		hop = json_object();
		json_put_number(&a->json, hop, "hop", ttl);
		json_put(&a->json, hop, "result", results);
		json_array_append_new(hops, hop);
	}
	if (t->has_done && t->done.detail[0] != '\0')
		failure = t->done.detail;
	if (json_array_size(hops) != 0 || failure == NULL)
		return hops;
	hop = json_object();
	json_put_number(&a->json, hop, "hop", t->asked.first_ttl);
	json_put_text(&a->json, hop, "error", failure);
	json_array_append_new(hops, hop);
	return hops;
}

/* ---- the object ------------------------------------------------------------------ */

/* Atlas counts what follows the header of UDP or ICMP; a SYN carries nothing. */
static int64_t
payload_len(const struct record *t)
{
	int64_t headers = (t->asked.target.family == AF_INET ? 20 : 40) + 8;

	return strcmp(t->protocol, "tcp") == 0 ? 0 : t->how.packet_len - headers;
}

static void
put_protocol(struct atlas *a, json_t *root)
{
	const struct record *t = a->record;
	const struct algorithm *algorithm = algorithm_find(t->asked.algorithm);
	bool constant = algorithm != NULL && algorithm->flow_constant;
	char upper[16];

	snprintf(upper, sizeof(upper), "%s", t->protocol);
	for (char *c = upper; *c != '\0'; c++)
		*c = (char)toupper((unsigned char)*c);
	json_put(&a->json, root, "proto", json_string(upper));
	json_put_number(
	    &a->json, root, "af", t->asked.target.family == AF_INET ? 4 : 6);
	if (t->has_started)
		json_put_number(&a->json, root, "size", payload_len(t));
	/* 0 is a flow that varies. */
	json_put_number(
	    &a->json, root, "paris_id", constant ? (int64_t)t->asked.flow_id + 1 : 0);
}

void
render_atlas(const struct record *t, const struct rendering *how, struct output *out)
{
	struct atlas a = {.record = t};
	json_t *root = json_object();

	json_put_number(&a.json, root, "fw", LAYOUT);
	json_put_number(&a.json, root, "lts", -1);
	json_put_number(&a.json, root, "msm_id", 0);
	json_put_number(&a.json, root, "prb_id", 0);
	json_put_number(&a.json, root, "timestamp", t->began / NS_PER_SECOND);
	json_put_number(&a.json, root, "endtime", record_ended(t) / NS_PER_SECOND);
	json_put(&a.json, root, "msm_name", json_string("Traceroute"));
	json_put(&a.json, root, "type", json_string("traceroute"));
	json_put_text(&a.json, root, "dst_name", t->host);
	json_put_addr(&a.json, root, "dst_addr", &t->asked.target);
	if (t->has_started)
		json_put_addr(&a.json, root, "src_addr", &t->how.source);
	put_protocol(&a, root);
	json_put(&a.json, root, "result", hops_json(&a, how->failure));
	json_print(&a.json, root, out);
}
