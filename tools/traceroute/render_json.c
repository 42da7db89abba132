#include "tools/traceroute/render_json.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/names_messages.h"
#include "prober/plan.h"
#include "tools/shared/escape.h"

/* Escaping makes at most three bytes (U+FFFD) of one. */
#define JSON_TEXT_MAX (3 * NAMES_NAME_MAX + 1)

/* Enough digits for a nanosecond in an hour, few enough to print 0.1 as 0.1. */
#define DUMP_FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15))

/* What the pieces below need; failed: memory was short somewhere. */
struct builder {
	const struct record *record;
	const struct naming *naming;
	bool failed;
};

static void
put(struct builder *b, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) != 0)
		b->failed = true;
}

static void
put_number(struct builder *b, json_t *object, const char *key, int64_t value)
{
	put(b, object, key, json_integer(value));
}

/* A count of units of 1/scale as a number with decimals. */
static void
put_scaled(
    struct builder *b, json_t *object, const char *key, int64_t value, int64_t scale)
{
	put(b, object, key, json_real((double)value / (double)scale));
}

/* A text from anywhere: made harmless here, and only here. */
static void
put_text(struct builder *b, json_t *object, const char *key, const char *text)
{
	char escaped[JSON_TEXT_MAX];

	put(b, object, key, json_string(escape_json(text, escaped, sizeof(escaped))));
}

static void
put_addr(struct builder *b, json_t *object, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	if (!addr_is_none(a))
		put(b, object, key, json_string(addr_to_text(a, text)));
}

/* RFC 3339 in UTC with nanoseconds, which no number of JSON could hold. */
static void
put_time(struct builder *b, json_t *object, const char *key, int64_t at)
{
	struct timespec ts = clock_to_timespec(at);
	char day[32], text[48];
	struct tm tm;

	if (gmtime_r(&ts.tv_sec, &tm) == NULL ||
	    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		return;
	snprintf(text, sizeof(text), "%s.%09ldZ", day, ts.tv_nsec);
	put(b, object, key, json_string(text));
}

/* ---- one reply ------------------------------------------------------------------- */

static const char *
reply_name(uint8_t reply)
{
	static const char *const names[] = {[REPLY_TIME_EXCEEDED] = "time_exceeded",
	    [REPLY_UNREACHABLE] = "unreachable",
	    [REPLY_ECHO] = "echo_reply",
	    [REPLY_DATA] = "udp_data",
	    [REPLY_OTHER] = "other"};

	return reply < sizeof(names) / sizeof(names[0]) ? names[reply] : NULL;
}

static json_t *
flags_json(uint8_t flags)
{
	static const struct {
		uint8_t flag;
		const char *name;
	} names[] = {{RESULT_REACHED, "reached"}, {RESULT_FINAL, "final"},
	    {RESULT_OTHER_ADDRESS, "other_address"}, {RESULT_ALTERED, "altered"},
	    {RESULT_LOOP, "loop"}, {RESULT_EXTENSIONS_BAD, "extensions_bad"}};
	json_t *array = json_array();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((flags & names[i].flag) != 0)
			json_array_append_new(array, json_string(names[i].name));
	return array;
}

static json_t *
mpls_json(struct builder *b, const struct prober_result *m)
{
	json_t *stack = json_array();

	for (size_t i = 0; i < m->mpls_count; i++) {
		json_t *entry = json_object();

		put_number(b, entry, "label", m->mpls[i].label);
		put_number(b, entry, "traffic_class", m->mpls[i].traffic_class);
		put(b, entry, "bottom_of_stack", json_boolean(m->mpls[i].bottom));
		put_number(b, entry, "ttl", m->mpls[i].ttl);
		json_array_append_new(stack, entry);
	}
	return stack;
}

static json_t *
objects_json(struct builder *b, const struct prober_result *m)
{
	json_t *objects = json_array();

	for (size_t i = 0; i < m->objects_count; i++) {
		const struct prober_object *o = &m->objects[i];
		size_t told = o->len < PROBER_OBJECT_DATA ? o->len : PROBER_OBJECT_DATA;
		char hex[2 * PROBER_OBJECT_DATA + 1] = "";
		json_t *entry = json_object();

		for (size_t at = 0; at < told; at++)
			snprintf(hex + 2 * at, 3, "%02x", o->data[at]);
		put_number(b, entry, "class", o->class_num);
		put_number(b, entry, "type", o->c_type);
		put_number(b, entry, "length", o->len);
		put(b, entry, "data", json_string(hex));
		json_array_append_new(objects, entry);
	}
	return objects;
}

/* What a reply tells, whatever it answers. */
static void
put_reply(struct builder *b, json_t *object, const struct prober_result *m)
{
	static const char *const sources[] = {
	    [RTT_KERNEL] = "kernel", [RTT_USER] = "user"};
	bool icmp = m->reply != REPLY_NONE && m->reply != REPLY_DATA;

	put_addr(b, object, "from", &m->from);
	if (m->rtt >= 0)
		put_scaled(b, object, "rtt_ms", m->rtt, NS_PER_MS);
	if (m->rtt >= 0 && m->rtt_source != RTT_NONE)
		put(b, object, "rtt_source", json_string(sources[m->rtt_source]));
	if (reply_name(m->reply) != NULL)
		put(b, object, "reply", json_string(reply_name(m->reply)));
	if (icmp) {
		put_number(b, object, "icmp_type", m->icmp_type);
		put_number(b, object, "icmp_code", m->icmp_code);
	}
	if (m->reply_ttl >= 0)
		put_number(b, object, "reply_ttl", m->reply_ttl);
	if (m->reply_tos >= 0)
		put_number(b, object, "reply_tos", m->reply_tos);
	if (m->mtu != 0)
		put_number(b, object, "mtu", m->mtu);
	if (m->mpls_count != 0)
		put(b, object, "mpls", mpls_json(b, m));
	if (m->objects_count != 0)
		put(b, object, "objects", objects_json(b, m));
	if (m->flags != 0)
		put(b, object, "flags", flags_json(m->flags));
}

static void
put_name(struct builder *b, json_t *object, const struct addr *from)
{
	const char *name = NULL;

	if (b->naming != NULL && !addr_is_none(from) &&
	    b->naming->find(b->naming->context, from, &name) == NAME_KNOWN)
		put_text(b, object, "name", name);
}

/* ---- probes, hops, other replies ------------------------------------------------- */

static json_t *
probe_json(struct builder *b, const struct prober_result *m)
{
	static const char *const status[] = {[RESULT_REPLY] = "answered",
	    [RESULT_TIMEOUT] = "lost",
	    [RESULT_SEND_FAILED] = "send_failed"};
	json_t *object = json_object();

	put_number(b, object, "query", m->query);
	put_number(b, object, "probe", m->probe);
	put_number(b, object, "flow", m->flow);
	put(b, object, "status", json_string(status[m->outcome]));
	if (m->sent > 0 && m->outcome != RESULT_SEND_FAILED)
		put_time(b, object, "sent", m->sent);
	if (m->outcome == RESULT_SEND_FAILED) {
		put(b, object, "error", json_string(strerror(m->error)));
		if (m->mtu != 0)
			put_number(b, object, "mtu", m->mtu);
	}
	if (m->outcome == RESULT_REPLY) {
		put_name(b, object, &m->from);
		put_reply(b, object, m);
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
		put_number(b, hop, "ttl", ttl);
		put(b, hop, "probes", probes);
		json_array_append_new(hops, hop);
	}
	return hops;
}

static json_t *
other_json(struct builder *b, const struct prober_result *m)
{
	json_t *object = json_object();

	if (m->outcome == RESULT_AMBIGUOUS) {
		put(b, object, "status", json_string("ambiguous"));
		put_number(b, object, "candidates", m->candidates);
	} else {
		put(b, object, "status",
		    json_string(m->outcome == RESULT_LATE ? "late" : "duplicate"));
		put_number(b, object, "ttl", m->ttl);
		put_number(b, object, "query", m->query);
		put_number(b, object, "probe", m->probe);
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
	put(b, root, "other_replies", others);
	if (b->record->others_lost != 0)
		put_number(b, root, "other_replies_not_kept", b->record->others_lost);
}

/* ---- the frame ------------------------------------------------------------------- */

const char *
render_json_reason(uint8_t reason)
{
	static const char *const names[] = {[REASON_REACHED] = "reached",
	    [REASON_UNREACHABLE] = "unreachable",
	    [REASON_GAP_LIMIT] = "gap_limit",
	    [REASON_HOP_LIMIT] = "hop_limit",
	    [REASON_LOOP] = "loop",
	    [REASON_INTERRUPTED] = "interrupted",
	    [REASON_TIMED_OUT] = "timed_out",
	    [REASON_FAILED] = "failed"};

	return reason >= REASON_REACHED && reason <= REASON_FAILED ? names[reason]
								   : "failed";
}

/* The packets: what is the same in all of them. */
static void
put_packets(struct builder *b, json_t *root)
{
	const struct record *t = b->record;
	bool icmp = strcmp(t->protocol, "icmp") == 0;

	put(b, root, "protocol", json_string(t->protocol));
	put_number(b, root, "ip_version", t->asked.target.family == AF_INET ? 4 : 6);
	if (t->asked.flow_chosen)
		put_number(b, root, "flow_id", t->asked.flow_id);
	if (!t->has_started)
		return;
	put_addr(b, root, "source", &t->how.source);
	if (icmp) {
		put_number(b, root, "icmp_id", t->how.icmp_id);
		put_number(b, root, "icmp_checksum", t->how.icmp_checksum);
	} else {
		put_number(b, root, "src_port", t->how.src_port);
		put_number(b, root, "dst_port", t->how.dst_port);
	}
	if (t->asked.target.family == AF_INET6)
		put_number(b, root, "flow_label", t->how.flow_label);
	put_number(b, root, "packet_len", t->how.packet_len);
}

static json_t *
plan_json(struct builder *b)
{
	const struct prober_plan_family *plan = &b->record->plan;
	json_t *object = json_object();

	put(b, object, "send", json_string(plan_transport_name(plan->send)));
	put(b, object, "receive", json_string(plan_transport_name(plan->receive)));
	if (plan->tag[0] != '\0')
		put(b, object, "tag", json_string(plan->tag));
	if (plan->window != 0)
		put_number(b, object, "window", plan->window);
	return object;
}

static json_t *
options_json(struct builder *b)
{
	const struct prober_start *s = &b->record->asked;
	json_t *object = json_object();

	put_number(b, object, "first_ttl", s->first_ttl);
	put_number(b, object, "max_ttl", s->max_ttl);
	put_number(b, object, "queries", s->queries);
	if (s->window != 0)
		put_number(b, object, "sim_queries", s->window);
	put_scaled(b, object, "wait_max_s", s->wait_max, NS_PER_SECOND);
	put_scaled(b, object, "wait_here", s->wait_here, 1000);
	put_scaled(b, object, "wait_near", s->wait_near, 1000);
	put_scaled(b, object, "send_wait_s", s->send_gap, NS_PER_SECOND);
	if (s->timeout != 0)
		put_scaled(b, object, "timeout_s", s->timeout, NS_PER_SECOND);
	put_number(b, object, "gap_limit", s->gap_limit);
	put_number(b, object, "loop_limit", s->loop_limit);
	put_number(b, object, "tos", s->tos);
	put(b, object, "dont_fragment", json_boolean(s->dont_fragment));
	put_number(b, object, "packet_len", s->packet_len);
	put_addr(b, object, "source", &s->source);
	if (s->device[0] != '\0')
		put_text(b, object, "interface", s->device);
	if (s->first_tag != 0)
		put_number(b, object, "first_sequence", s->first_tag);
	return object;
}

static json_t *
stop_json(struct builder *b, const char *failure)
{
	const struct prober_done *done = &b->record->done;
	json_t *object = json_object();

	if (!b->record->has_done) {
		put(b, object, "reason", json_string("failed"));
		if (failure != NULL)
			put_text(b, object, "detail", failure);
		return object;
	}
	put(b, object, "reason", json_string(render_json_reason(done->reason)));
	if (done->end_ttl != 0)
		put_number(b, object, "ttl", done->end_ttl);
	if (done->error != 0)
		put(b, object, "error", json_string(strerror(done->error)));
	if (done->detail[0] != '\0')
		put_text(b, object, "detail", done->detail);
	return object;
}

static json_t *
counters_json(struct builder *b)
{
	const struct prober_done *done = &b->record->done;
	json_t *object = json_object();

	put_number(b, object, "sent", done->sent);
	put_number(b, object, "replies", done->replies);
	put_number(b, object, "timeouts", done->timeouts);
	put_number(b, object, "duplicates", done->duplicates);
	put_number(b, object, "late", done->late);
	put_number(b, object, "ambiguous", done->ambiguous);
	put_number(b, object, "asked_again", done->reasked);
	put_number(b, object, "lost_here", done->lost_here);
	if (done->window != 0)
		put_number(b, object, "window_at_end", done->window);
	return object;
}

static json_t *
trace_json(struct builder *b, const char *failure)
{
	const struct record *t = b->record;
	int last = record_last_ttl(t);
	json_t *root = json_object();
	json_t *past;

	put(b, root, "type", json_string("trace"));
	put_number(b, root, "schema", JSON_SCHEMA_VERSION);
	put(b, root, "tool", json_string("paris-traceroute " PARIS_VERSION));
	put_text(b, root, "host", t->host);
	put_addr(b, root, "target", &t->asked.target);
	put_time(b, root, "start_time", t->began);
	put(b, root, "algorithm", json_string(t->asked.algorithm));
	put_packets(b, root);
	put(b, root, "plan", plan_json(b));
	put(b, root, "options", options_json(b));
	put(b, root, "hops", hops_json(b, t->asked.first_ttl, last));
	past = hops_json(b, last + 1, t->asked.max_ttl);
	if (json_array_size(past) != 0)
		put(b, root, "hops_past_end", past);
	else
		json_decref(past);
	put_others(b, root);
	put(b, root, "stop", stop_json(b, failure));
	if (t->has_done)
		put(b, root, "counters", counters_json(b));
	return root;
}

/* Asks for all names; true when no look-up is open any more. */
static bool
names_are_known(const struct record *t, const struct naming *naming)
{
	bool known = true;

	for (int ttl = t->asked.first_ttl; naming != NULL && ttl <= t->asked.max_ttl;
	     ttl++)
		for (int query = 0; query < t->asked.queries; query++) {
			const struct prober_result *m = record_final(t, ttl, query);
			const char *name;

			if (m != NULL && m->outcome == RESULT_REPLY &&
			    !addr_is_none(&m->from) &&
			    naming->find(naming->context, &m->from, &name) ==
				NAME_PENDING)
				known = false;
		}
	return known;
}

static int
dump_piece(const char *data, size_t len, void *context)
{
	output_write(context, data, len);
	return 0;
}

bool
render_json(const struct record *t, const struct naming *naming, const char *failure,
    struct output *out)
{
	struct builder b = {.record = t, .naming = naming};
	json_t *root;

	if (!names_are_known(t, naming))
		return false;
	root = trace_json(&b, failure);
	if (root == NULL || b.failed ||
	    json_dump_callback(root, dump_piece, out, DUMP_FLAGS) != 0)
		out->error = -ENOMEM;
	output_write(out, "\n", 1);
	json_decref(root);
	return true;
}
