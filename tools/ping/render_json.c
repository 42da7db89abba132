#include "tools/ping/render_json.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "tools/shared/anomaly.h"
#include "tools/shared/json_builder.h"
#include "tools/shared/json_reply.h"
#include "tools/shared/json_trace.h"

/* ---- the first object ------------------------------------------------------------ */

static json_t *
options_json(struct json_builder *b, const struct ping_record *t)
{
	const struct prober_start *s = &t->asked;
	char hex[2 * PROBER_FILL_MAX + 1] = "";
	json_t *object = json_object();

	if (s->max_probes != 0)
		json_put_number(b, object, "count", s->max_probes);
	json_put_scaled(b, object, "interval_s", s->interval, NS_PER_SECOND);
	json_put_scaled(b, object, "wait_s", s->wait_max, NS_PER_SECOND);
	if (s->timeout != 0)
		json_put_scaled(b, object, "deadline_s", s->timeout, NS_PER_SECOND);
	json_put_number(b, object, "preload", s->preload);
	json_put_number(b, object, "ttl", s->max_ttl);
	json_put_number(b, object, "tos", s->tos);
	if (strcmp(t->protocol, "tcp") == 0)
		json_put(
		    b, object, "tcp_flags", json_string(s->tcp.chosen ? "ack" : "syn"));
	json_put(b, object, "dont_fragment", json_boolean(s->dont_fragment));
	json_put_origin(b, object, s);
	for (size_t i = 0; i < s->fill_len; i++)
		snprintf(hex + 2 * i, 3, "%02x", s->fill[i]);
	if (s->fill_len != 0)
		json_put(b, object, "pattern", json_string(hex));
	return object;
}

void
ping_json_start(const struct ping_record *t, struct output *out)
{
	struct json_builder b = {0};
	json_t *root = json_object();

	json_put(&b, root, "type", json_string("start"));
	json_put_number(&b, root, "schema", JSON_PING_VERSION);
	json_put(&b, root, "tool", json_string("paris-ping " PARIS_VERSION));
	json_put_text(&b, root, "host", t->host);
	json_put_addr(&b, root, "target", &t->asked.target);
	json_put_time(&b, root, "start_time", t->began);
	json_put(&b, root, "protocol", json_string(t->protocol));
	json_put_number(
	    &b, root, "ip_version", t->asked.target.family == AF_INET ? 4 : 6);
	if (t->asked.flow_chosen)
		json_put_number(&b, root, "flow_id", t->asked.flow_id);
	json_put_addr(&b, root, "source", &t->how.source);
	json_put_packets(&b, root, t->protocol, &t->how);
	json_put(&b, root, "plan", json_plan(&b, &t->plan));
	json_put(&b, root, "options", options_json(&b, t));
	json_print(&b, root, out);
}

/* ---- one packet ------------------------------------------------------------------ */

static const char *
status_of(const struct prober_result *m)
{
	switch ((enum prober_outcome)m->outcome) {
	case RESULT_REPLY:
		return ping_record_is_answer(m) ? "answered" : "error";
	case RESULT_TIMEOUT:
		return "lost";
	case RESULT_SEND_FAILED:
		return "send_failed";
	case RESULT_DUPLICATE:
		return "duplicate";
	case RESULT_LATE:
		return "late";
	case RESULT_AMBIGUOUS:
	case RESULT_FRAGMENT:
	case RESULT_UNAWAITED:
	case RESULT_SENT:
		break;
	}
	return "ambiguous";
}

static void
put_flags(struct json_builder *b, json_t *object, const struct prober_result *m)
{
	uint32_t found = anomalies_of_flags(m);
	json_t *flags = json_array();

	if ((m->flags & RESULT_REACHED) != 0)
		json_array_append_new(flags, json_string("reached"));
	if ((m->flags & RESULT_RESENT) != 0)
		json_array_append_new(flags, json_string("resent"));
	for (unsigned int a = 0; a < ANOMALIES; a++)
		if ((found >> a & 1) != 0)
			json_array_append_new(flags, json_string(anomaly_name(a)));
	if (json_array_size(flags) != 0)
		json_put(b, object, "flags", flags);
	else
		json_decref(flags);
}

void
ping_json_result(const struct ping_record *t, const struct prober_result *m,
    const struct naming *naming, struct output *out)
{
	struct json_builder b = {0};
	json_t *root = json_object();

	(void)t;
	json_put(&b, root, "type", json_string("packet"));
	if (m->outcome == RESULT_AMBIGUOUS)
		json_put_number(&b, root, "candidates", m->candidates);
	else
		json_put_number(&b, root, "seq", (int64_t)m->probe + 1);
	json_put(&b, root, "status", json_string(status_of(m)));
	if (m->sent > 0 && m->outcome != RESULT_SEND_FAILED)
		json_put_time(&b, root, "sent", m->sent);
	if (m->outcome == RESULT_SEND_FAILED) {
		json_put(&b, root, "error", json_string(strerror(m->error)));
		if (m->mtu != 0)
			json_put_number(&b, root, "mtu", m->mtu);
	} else if (m->outcome != RESULT_TIMEOUT) {
		json_put_name(&b, root, naming, &m->from);
		if (m->reply_len != 0)
			json_put_number(&b, root, "bytes", m->reply_len);
		json_put_reply(&b, root, m);
	}
	put_flags(&b, root, m);
	json_print(&b, root, out);
}

/* ---- the summary ----------------------------------------------------------------- */

static json_t *
rtt_json(struct json_builder *b, const struct ping_record *t)
{
	json_t *object = json_object();
	int64_t ns[] = {t->rtt_min, (int64_t)(t->rtt_mean + 0.5), t->rtt_max,
	    (int64_t)(ping_record_mdev(t) + 0.5)};
	static const char *const names[] = {"min_ms", "avg_ms", "max_ms", "mdev_ms"};

	for (size_t i = 0; i < sizeof(ns) / sizeof(ns[0]); i++)
		json_put_scaled(b, object, names[i], ns[i], NS_PER_MS);
	return object;
}

void
ping_json_end(const struct ping_record *t, const char *failure, struct output *out)
{
	struct json_builder b = {0};
	json_t *root = json_object();

	json_put(&b, root, "type", json_string("summary"));
	json_put_text(&b, root, "host", t->host);
	json_put_addr(&b, root, "target", &t->asked.target);
	json_put_number(&b, root, "transmitted", t->transmitted);
	json_put_number(&b, root, "received", t->received);
	json_put_number(&b, root, "late", t->late);
	json_put_number(&b, root, "duplicates", t->duplicates);
	json_put_number(&b, root, "errors", t->errors);
	json_put_number(&b, root, "send_failed", t->failed);
	json_put_number(&b, root, "ambiguous", t->ambiguous);
	if (t->has_done)
		json_put_number(&b, root, "lost_here", t->done.lost_here);
	if (t->transmitted != 0)
		json_put(&b, root, "loss_percent", json_real(ping_record_loss(t)));
	json_put_scaled(&b, root, "time_ms", ping_record_time(t), NS_PER_MS);
	if (t->timed != 0)
		json_put(&b, root, "rtt", rtt_json(&b, t));
	if (t->pipe > 0)
		json_put_number(&b, root, "pipe", t->pipe);
	json_put(
	    &b, root, "stop", json_stop(&b, t->has_done ? &t->done : NULL, failure));
	json_print(&b, root, out);
}
