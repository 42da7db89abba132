/* What arrives for traces: which probe it answers, and what it says. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "prober/extension.h"
#include "prober/fragments.h"
#include "prober/tcp_options.h"
#include "prober/trace.h"

/*
 * How much the checksum of the probe was changed on its way: address translation does
 * that, and each translator by its own amount (Dublin traceroute's NAT id).
 */
static void
note_checksum(struct prober_result *out, const struct trace *t, const struct reply *r,
    const struct probe *p)
{
	struct view view;
	uint64_t sent;

	if (!r->quoted.known || r->quoted.checksum < 0 || !trace_has_ports(t))
		return;
	view_of_layout(
	    &view, t->layout.options.pattern, p->packets->bytes, 0, p->packets->len);
	if (view_read(&view, t->layout.checksum, &sent) != 0)
		return;
	out->nat_id = (uint16_t)(r->quoted.checksum - (int32_t)sent);
	out->seen |= SEEN_NAT_ID;
}

/* Which part of the probe is quoted, when that or the probe is a fragment. */
static void
note_fragment(struct prober_result *out, const struct trace *t, const struct reply *r,
    const struct probe *p)
{
	const struct wire_fragment *f = &r->quoted.fragment;
	size_t len = p->packets->len - pattern_layer_offset(p->endpoint->pattern, 1);
	struct prober_fragment quoted = {(uint16_t)f->offset, (uint16_t)f->len};

	if (!r->quoted.known)
		return;
	out->quoted_as =
	    fragments_quoted_as(&t->instance.options.split, len, &quoted, f->more);
	if (out->quoted_as == 0)
		return;
	out->quoted_fragment = quoted;
	out->quoted_more = f->more;
	out->seen |= SEEN_FRAGMENT;
}

/* What whole packets show. */
static void
note_whole(struct prober_result *out, const struct reply *r)
{
	if (r->ip_id >= 0) {
		out->reply_id = (uint16_t)r->ip_id;
		out->seen |= SEEN_REPLY_ID;
	}
	if (!r->quoted.known)
		return;
	out->quoted_ttl = (uint8_t)r->quoted.ttl;
	out->quoted_tos = (uint8_t)r->quoted.tos;
	out->seen |= SEEN_QUOTED;
	if (r->quoted.id >= 0) {
		out->quoted_id = (uint16_t)r->quoted.id;
		out->seen |= SEEN_QUOTED_ID;
	}
}

/* What the header of a TCP segment says, and what became of the probe's own MSS. */
static void
note_tcp(struct prober_result *out, const struct trace *t, const struct reply *r,
    const struct probe *p)
{
	size_t at = t->layout.payload;
	size_t end = r->quote_at + r->quote_len;
	uint16_t quoted, sent;

	if (r->tcp.known) {
		out->tcp_flags = r->tcp.flags;
		out->tcp_options = r->tcp.options;
		out->seen |= SEEN_TCP;
	}
	if (r->tcp.known && r->tcp.mss != 0) {
		out->tcp_mss = r->tcp.mss;
		out->seen |= SEEN_TCP_MSS;
	}
	if (r->tcp.known || r->image == NULL || r->quote_at > at || end <= at)
		return;
	sent = r->sent_mss;
	if (sent == 0)
		(void)tcp_options_read(
		    p->packets->bytes + at, p->packets->len - at, &sent);
	(void)tcp_options_read(r->image + at, end - at, &quoted);
	if (sent == 0 || quoted == 0)
		return;
	out->sent_mss = sent;
	out->quoted_mss = quoted;
	out->seen |= SEEN_QUOTED_MSS;
}

/* A record of what a reply says; of the probe too, when it is known which. */
static void
result_fill(struct prober_result *out, struct trace *t, const struct reply *r,
    const struct probe *p)
{
	int protocol = t->transport->ip_protocol[trace_is_v6(t)];

	memset(out, 0, sizeof(*out));
	out->instance = t->id;
	out->reply = r->kind;
	out->flags = reply_flags(r, protocol, &t->instance.options.target);
	out->icmp_type = r->icmp_type;
	out->icmp_code = r->icmp_code;
	out->reply_ttl = r->ttl;
	out->reply_tos = r->tos;
	out->reply_len = r->len;
	out->mtu = r->mtu;
	out->from = r->from;
	if (r->kind == REPLY_DATA)
		out->from_port = r->from_port;
	note_whole(out, r);
	out->rtt = -1;
	if (r->extension != NULL &&
	    extension_parse(r->extension, r->extension_len, out) != 0)
		out->flags |= RESULT_EXTENSIONS_BAD;
	if (p == NULL)
		return;
	out->probe = p->number;
	out->flow = p->flow;
	out->ttl = p->ttl;
	out->query = p->query;
	out->sent = p->sent;
	out->rtt = clock_elapsed(p->sent, r->received);
	if (r->received_here)
		out->rtt_source = RTT_PROBER;
	else
		out->rtt_source = p->sent_by_kernel ? RTT_KERNEL : RTT_USER;
	if (p->resent > 0)
		out->flags |= RESULT_RESENT;
	note_checksum(out, t, r, p);
	note_fragment(out, t, r, p);
	if (protocol == IPPROTO_TCP)
		note_tcp(out, t, r, p);
}

/* The reply says that the probe went to another address or port than it was sent to. */
static void
note_elsewhere(struct prober_result *out, const struct reply *r)
{
	if (r->kind == REPLY_DATA) { /* where it came from is where the probe went */
		out->flags |= RESULT_OTHER_ADDRESS;
		return;
	}
	out->flags |= RESULT_TRANSLATED;
	out->quoted_dst = r->dst;
	out->quoted_port = r->dst_port;
}

/* The first replies beyond a probe's answer are told, the rest only counted. */
static bool
extra_is_told(struct probe *p)
{
	if (p->extra_replies == EXTRA_REPLIES_TOLD)
		return false;
	p->extra_replies++;
	return true;
}

/*
 * Each packet that a probe left in may be answered, and each piece that was cut out of
 * one on the way: so many further replies are no duplicates.
 */
static bool
answers_fragment(struct probe *p, const struct prober_result *result)
{
	unsigned int most = p->fragments;

	if (most != 0 && result->quoted_as == QUOTED_CUT)
		most = UINT8_MAX > most ? UINT8_MAX : most;
	if (most == 0 || p->fragments_answered + 1U >= most)
		return false;
	p->fragments_answered++;
	return true;
}

/* A reply that is certainly this probe's. */
static void
deliver_one(const struct match *m, const struct reply *r)
{
	struct probe *p = m->probes[0];
	struct trace *t = trace_of(p->instance);
	struct prober_done *done = &t->instance.done;
	struct prober_result result;
	struct event event = {.type = EVENT_REPLY,
	    .reply = {.probe = p, .result = &result, .alone = m->alone}};

	if (t->finished || p->state == PROBE_QUEUED || p->state == PROBE_FAILED)
		return;
	result_fill(&result, t, r, p);
	if (m->altered)
		result.flags |= RESULT_ALTERED;
	if (m->elsewhere)
		note_elsewhere(&result, r);
	if (m->by_address)
		result.flags |= RESULT_BY_ADDRESS;
	if (t->instance.quotes_may_be_short && (m->alone || m->by_address))
		t->instance.flow_window = 1;
	result.outcome = RESULT_REPLY;
	if (p->state == PROBE_IN_FLIGHT) {
		done->replies++;
		if (result.rtt > t->longest_rtt)
			t->longest_rtt = result.rtt;
		trace_probe_linger(t, p, PROBE_ANSWERED);
		trace_dispatch(t, &event);
		return;
	}
	if (p->state == PROBE_TIMED_OUT) {
		event.type = EVENT_LATE;
		result.outcome = RESULT_LATE;
		if (m->alone)
			result.flags |= RESULT_UNTAGGED;
		done->late++;
		trace_probe_linger(t, p, PROBE_ANSWERED);
	} else if (answers_fragment(p, &result)) {
		result.outcome = RESULT_FRAGMENT;
		instance_report(&t->instance, &result);
		return;
	} else {
		event.type = EVENT_DUPLICATE;
		result.outcome = RESULT_DUPLICATE;
		done->duplicates++;
	}
	if (extra_is_told(p)) {
		instance_report(&t->instance, &result);
		trace_dispatch(t, &event);
	}
}

static size_t
count_in_flight(struct probe *const *probes, size_t count)
{
	size_t in_flight = 0;

	for (size_t i = 0; i < count; i++)
		in_flight += probes[i]->state == PROBE_IN_FLIGHT;
	return in_flight;
}

/* Those of probes whose trace is t move to own, the others to the front. */
static size_t
take_own(const struct trace *t, struct probe **probes, size_t *left, struct probe **own)
{
	size_t count = 0;
	size_t others = 0;

	for (size_t i = 0; i < *left; i++) {
		if (probes[i]->instance == &t->instance)
			own[count++] = probes[i];
		else
			probes[others++] = probes[i];
	}
	*left = others;
	return count;
}

/* A trace is told of a reply that fits several probes, these of its own among them. */
static void
tell_ambiguous(struct trace *t, const struct match *m, const struct reply *r,
    struct probe *const *own, size_t count, size_t in_flight)
{
	struct prober_result result;
	struct event event = {.type = EVENT_AMBIGUOUS};

	result_fill(&result, t, r, NULL);
	result.outcome = RESULT_AMBIGUOUS;
	result.candidates = (uint16_t)m->count;
	t->instance.done.ambiguous++;
	t->instance.flow_window = 1;
	if (t->instance.done.ambiguous <=
	    (uint64_t)EXTRA_REPLIES_TOLD * t->instance.done.sent)
		instance_report(&t->instance, &result);
	event.ambiguous.probes = own;
	event.ambiguous.count = count;
	event.ambiguous.others = in_flight - count_in_flight(own, count);
	event.ambiguous.result = &result;
	trace_dispatch(t, &event);
}

/*
 * A reply that fits several probes: each trace is told of its own. One that is told may
 * send, and so make room by taking settled probes of others out of everything: these
 * stay in memory here, without an instance.
 */
static void
deliver_several(const struct match *m, const struct reply *r)
{
	struct probe *all[MATCH_MAX], *probes[MATCH_MAX], *own[MATCH_MAX];
	size_t in_flight = count_in_flight(m->probes, m->count);
	size_t total = m->count, left = total;

	for (size_t i = 0; i < total; i++)
		all[i] = probes[i] = probe_ref(m->probes[i]);
	while (left > 0) {
		struct instance *instance = probes[0]->instance;
		size_t count;

		if (instance == NULL) {
			probes[0] = probes[--left];
			continue;
		}
		count = take_own(trace_of(instance), probes, &left, own);

		if (!trace_of(instance)->finished)
			tell_ambiguous(trace_of(instance), m, r, own, count, in_flight);
	}
	for (size_t i = 0; i < total; i++)
		probe_unref(all[i]);
}

/* Only one probe waits for such a reply, but its algorithm is not sure. */
static bool
is_doubted(const struct match *m, const struct reply *r)
{
	struct probe *p = m->probes[0];
	struct trace *t = trace_of(p->instance);
	struct prober_result result;
	struct reply_view view = {.probe = p, .result = &result, .alone = true};

	if (!m->alone || t->finished ||
	    (p->state != PROBE_IN_FLIGHT && p->state != PROBE_TIMED_OUT) ||
	    t->instance.algorithm->doubts == NULL)
		return false;
	result_fill(&result, t, r, p);
	return t->instance.algorithm->doubts(&t->instance, t->instance.state, &view);
}

static void
on_reply(void *context, const struct reply *r)
{
	struct prober *p = context;
	struct match m;

	store_match(&p->store, r, &m);
	if (m.type == MATCH_ONE && !is_doubted(&m, r))
		deliver_one(&m, r);
	else if (m.type != MATCH_NONE)
		deliver_several(&m, r);
	else
		p->strays++;
}

/* What the user can do about a packet that this machine does not send. */
static const char *
send_remedy(const struct probe *p, int error)
{
	switch (error) {
	case EMSGSIZE:
		return p->endpoint->key.dont_fragment
			   ? "; larger than the interface takes: make it smaller or "
			     "leave -F out"
			   : "; larger than the interface takes, and not fragmented by "
			     "raw sockets: make it smaller";
	case ENETUNREACH:
	case EHOSTUNREACH:
		return "; there is no route: see 'ip route get'";
	case EPERM:
	case EACCES:
		return "; a local firewall rule or a broadcast address forbids it";
	case EADDRNOTAVAIL:
		return "; such a connection exists already: choose another --flow-id "
		       "or --sport";
	case EINVAL:
		return "; the source address or the flow label is not usable";
	default:
		return "";
	}
}

static void
on_failed(void *context, struct probe *p, int error)
{
	struct trace *t = trace_of(p->instance);
	struct prober_done *done = &t->instance.done;
	struct event event = {.type = EVENT_SEND_FAILED,
	    .failed = {.probe = p,
		.error = error,
		.mtu = error == EMSGSIZE ? p->endpoint->mtu : 0}};
	char text[ADDR_TEXT_MAX];

	(void)context;
	done->sent--;
	if (t->finished)
		trace_owed_less(t);
	if (t->finished || p->state != PROBE_FAILED)
		return; /* nobody waits for it any more */
	done->error = error;
	snprintf(done->detail, sizeof(done->detail),
	    "cannot send %zu bytes to %s: %s%s", p->packets->len,
	    addr_to_text(&p->dst, text), trace_error_text(error),
	    send_remedy(p, error));
	trace_probe_linger(t, p, PROBE_FAILED);
	trace_dispatch(t, &event);
}

/* The wait for the answer begins now, not when the probe was queued. */
static void
on_left(void *context, struct probe *p)
{
	struct prober *prober = context;
	struct trace *t = trace_of(p->instance);
	int64_t held = clock_monotonic() - p->queued;

	if (t->finished)
		trace_owed_less(t);
	if (t->finished || p->state != PROBE_IN_FLIGHT)
		return; /* nobody waits for it any more */
	/* A timer that ran out before the probe left has to be set again. */
	if (held < NS_PER_MS && p->timer.index != 0)
		return;
	p->held = held;
	(void)timer_set(&prober->timers, &p->timer, p->until + p->held);
}

static void
on_dropped(void *context, uint32_t count)
{
	struct prober *p = context;
	struct trace *t, *next;

	HASH_ITER (hh, p->traces, t, next)
		t->instance.done.lost_here += count;
}

static void
on_resent(void *context, struct probe *p, uint32_t count)
{
	(void)context;
	if (p->instance != NULL)
		p->instance->done.sent += count;
}

static void
on_stray(void *context)
{
	struct prober *p = context;

	p->strays++;
}

static void
on_opened(void *context, struct endpoint *e, int error)
{
	struct prober *p = context;
	struct trace *t, *next;

	e->opening = false;
	e->error = error;
	HASH_ITER (hh, p->traces, t, next)
		if (t->endpoint == e)
			trace_endpoint_opened(t);
}

static void
on_room(void *context)
{
	struct prober *p = context;

	p->released = true;
}

static void
on_helper_lost(void *context)
{
	struct prober *p = context;
	struct trace *t, *next;
	bool owed = false;

	p->released = true; /* what waits for the helper waits for nothing */
	HASH_ITER (hh, p->traces, t, next) {
		owed = owed || t->owed > 0;
		if (t->transport != NULL && t->transport->by_helper)
			trace_helper_lost(t);
	}
	if (owed)
		log_line("paris-privsep ended before it said what it had sent");
}

const struct transport_events trace_transport_events = {
    .reply = on_reply,
    .left = on_left,
    .failed = on_failed,
    .dropped = on_dropped,
    .resent = on_resent,
    .stray = on_stray,
    .opened = on_opened,
    .room = on_room,
    .helper_lost = on_helper_lost,
};
