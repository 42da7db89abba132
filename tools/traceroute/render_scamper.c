#include "tools/traceroute/render_scamper.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "prober/algorithm.h"
#include "tools/shared/json_builder.h"
#include "tools/shared/json_trace.h"
#include "tools/shared/scamper_json.h"

/* What the pieces below need. */
struct scamper {
	const struct record *record;
	const struct naming *naming;
	struct json_builder json;
};

/* ---- one answer ------------------------------------------------------------------ */

static void
put_quoted(struct scamper *s, json_t *object, const struct prober_result *m)
{
	if ((m->seen & SEEN_QUOTED) == 0)
		return;
	json_put_number(&s->json, object, "icmp_q_ttl", m->quoted_ttl);
	if (m->from.family == AF_INET)
		json_put_number(&s->json, object, "icmp_q_tos", m->quoted_tos);
}

static json_t *
hop_json(struct scamper *s, const struct prober_result *m)
{
	bool tcp = m->reply == REPLY_SYN_ACK || m->reply == REPLY_RESET;
	int64_t us = (m->rtt + NS_PER_US / 2) / NS_PER_US;
	json_t *object = json_object();

	json_put_addr(&s->json, object, "addr", &m->from);
	json_put_name(&s->json, object, s->naming, &m->from);
	json_put_number(&s->json, object, "probe_ttl", m->ttl);
	json_put_number(&s->json, object, "probe_id", (int64_t)m->query + 1);
	json_put_number(&s->json, object, "probe_size", s->record->how.packet_len);
	json_put(&s->json, object, "tx", scamper_time(&s->json, m->sent));
	if (m->rtt >= 0)
		json_put_scaled(&s->json, object, "rtt", us, 1000);
	if (m->reply_ttl >= 0)
		json_put_number(&s->json, object, "reply_ttl", m->reply_ttl);
	if (m->reply_tos >= 0)
		json_put_number(&s->json, object, "reply_tos", m->reply_tos);
	if ((m->seen & SEEN_REPLY_ID) != 0)
		json_put_number(&s->json, object, "reply_ipid", m->reply_id);
	if (tcp) {
		json_put_number(
		    &s->json, object, "tcp_flags", scamper_tcp_flags(m->reply));
	} else if (m->reply != REPLY_DATA) {
		json_put_number(&s->json, object, "icmp_type", m->icmp_type);
		json_put_number(&s->json, object, "icmp_code", m->icmp_code);
		put_quoted(s, object, m);
	}
	if (m->mtu != 0)
		json_put_number(&s->json, object, "icmp_nhmtu", m->mtu);
	if (m->objects_count != 0)
		json_put(&s->json, object, "icmpext", scamper_extensions(&s->json, m));
	return object;
}

/* The answers of the path; *hop_count is the last hop of which anything is known. */
static json_t *
hops_json(struct scamper *s, int *hop_count)
{
	const struct record *t = s->record;
	json_t *array = json_array();

	*hop_count = 0;
	for (int ttl = t->asked.first_ttl; ttl <= record_last_ttl(t); ttl++)
		for (int query = 0; query < t->asked.queries; query++) {
			const struct prober_result *m = record_final(t, ttl, query);

			if (m == NULL || m->outcome == RESULT_SEND_FAILED)
				continue;
			*hop_count = ttl;
			if (m->outcome == RESULT_REPLY)
				json_array_append_new(array, hop_json(s, m));
		}
	return array;
}

/* ---- the object ------------------------------------------------------------------ */

static bool
is_paris(const struct record *t)
{
	const struct algorithm *algorithm = algorithm_find(t->asked.algorithm);

	return algorithm != NULL && algorithm->flow_constant;
}

/* "udp-paris"; scamper has no word for UDP-Lite, and one for all TCP. */
static const char *
method(const struct record *t, char *buf, size_t room)
{
	bool icmp = strcmp(t->protocol, "icmp") == 0;
	bool tcp = strcmp(t->protocol, "tcp") == 0;

	snprintf(buf, room, "%s%s", icmp ? "icmp-echo" : t->protocol,
	    is_paris(t) && !tcp ? "-paris" : "");
	return buf;
}

static void
put_stop(struct scamper *s, json_t *root)
{
	static const char *const names[] = {[REASON_REACHED] = "COMPLETED",
	    [REASON_UNREACHABLE] = "UNREACH",
	    [REASON_GAP_LIMIT] = "GAPLIMIT",
	    [REASON_HOP_LIMIT] = "HOPLIMIT",
	    [REASON_LOOP] = "LOOP",
	    [REASON_INTERRUPTED] = "HALTED",
	    [REASON_TIMED_OUT] = "HALTED",
	    [REASON_SEARCH_LIMIT] = "NONE",
	    [REASON_HELPER_LOST] = "ERROR",
	    [REASON_FAILED] = "ERROR"};
	const struct record *t = s->record;
	uint8_t reason = t->has_done ? t->done.reason : REASON_FAILED;
	int64_t data = 0;

	if (reason == REASON_FAILED)
		data = t->done.error;
	/* The code with which a router called it unreachable. */
	for (int query = 0; reason == REASON_UNREACHABLE && query < t->asked.queries;
	     query++) {
		const struct prober_result *m = record_final(t, t->done.end_ttl, query);

		if (m != NULL && (m->flags & RESULT_FINAL) != 0)
			data = m->icmp_code;
	}
	if (reason >= sizeof(names) / sizeof(names[0]) || names[reason] == NULL)
		reason = REASON_FAILED;
	json_put(&s->json, root, "stop_reason", json_string(names[reason]));
	json_put_number(&s->json, root, "stop_data", data);
}

static void
put_addresses(struct scamper *s, json_t *root)
{
	const struct record *t = s->record;
	const struct prober_started *how = &t->how;

	if (t->has_started)
		json_put_addr(&s->json, root, "src", &how->source);
	json_put_addr(&s->json, root, "dst", &t->asked.target);
	if (!t->has_started)
		return;
	if (strcmp(t->protocol, "icmp") != 0) {
		json_put_number(&s->json, root, "sport", how->src_port);
		json_put_number(&s->json, root, "dport", how->dst_port);
	} else if (is_paris(t)) {
		json_put_number(&s->json, root, "icmp_sum", how->icmp_checksum);
	}
}

static void
put_options(struct scamper *s, json_t *root, int hop_count)
{
	const struct record *t = s->record;
	const struct prober_start *o = &t->asked;

	json_put_number(&s->json, root, "hop_count", hop_count);
	json_put_number(&s->json, root, "attempts", o->queries);
	json_put_number(&s->json, root, "hoplimit", o->max_ttl);
	json_put_number(&s->json, root, "firsthop", o->first_ttl);
	json_put_number(
	    &s->json, root, "wait", (o->wait_max + NS_PER_SECOND - 1) / NS_PER_SECOND);
	json_put_number(&s->json, root, "wait_probe", o->send_gap / (10 * NS_PER_MS));
	json_put_number(&s->json, root, "tos", o->tos);
	if (t->has_started)
		json_put_number(&s->json, root, "probe_size", t->how.packet_len);
	if (t->has_done)
		json_put_number(&s->json, root, "probe_count", t->done.sent);
}

void
render_scamper(const struct record *t, const struct rendering *how, struct output *out)
{
	struct scamper s = {.record = t, .naming = how->naming};
	json_t *root = json_object();
	char text[32];
	int hop_count;
	json_t *hops = hops_json(&s, &hop_count);

	json_put(&s.json, root, "type", json_string("trace"));
	json_put(&s.json, root, "version", json_string("0.1"));
	json_put_number(&s.json, root, "userid", 0);
	json_put(&s.json, root, "method", json_string(method(t, text, sizeof(text))));
	put_addresses(&s, root);
	put_stop(&s, root);
	json_put(&s.json, root, "start", scamper_start(&s.json, t->began));
	put_options(&s, root, hop_count);
	if (json_array_size(hops) != 0)
		json_put(&s.json, root, "hops", hops);
	else
		json_decref(hops);
	json_print(&s.json, root, out);
}
