/* What an algorithm's instance does in the real world: tags, packets, store, timers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "prober/fragments.h"
#include "prober/tcp_options.h"
#include "prober/trace.h"
#include "prober/wire.h"

/* Endpoints that are closed at a time when descriptors run short. */
#define IDLE_CLOSED 64
/* A device that takes nothing for so long is not waited for. The helper is: helper.h.
 */
#define SEND_PATIENCE NS_PER_SECOND
/*
 * Timers are late by a part of a millisecond: a rate above that of 200 probes a second
 * is kept on average, by sending so much of it at once.
 */
#define PACE_CATCH_UP (5 * NS_PER_MS)

/* The probe's outcome is known: what only it needed on its transport goes back. */
static void
release_socket(struct probe *p)
{
	const struct transport *transport = p->endpoint->transport;

	if (transport->release != NULL)
		transport->release(p);
}

/*
 * A finished trace sends nothing more, and waits for nothing but the helper's word on
 * what it was handed.
 */
static void
release_all(struct trace *t)
{
	struct probe *p;

	TAILQ_FOREACH (p, &t->probes, in_instance) {
		timer_cancel(&t->prober->timers, &p->timer);
		t->owed += p->handed;
		if (p->state == PROBE_QUEUED) {
			endpoint_unqueue(p->endpoint, p);
			p->state = PROBE_FAILED;
			t->instance.done.sent--;
		}
		release_socket(p);
	}
}

/* Takes a probe out of everything; the store's reference goes with it. */
void
trace_probe_retire(struct trace *t, struct probe *p)
{
	struct prober *prober = t->prober;
	struct endpoint *e = p->endpoint;

	if (p->state == PROBE_QUEUED)
		endpoint_unqueue(e, p);
	release_socket(p);
	timer_cancel(&prober->timers, &p->timer);
	if (p->tags != NULL)
		(void)tag_set_give(p->tags, clock_monotonic(), p->tag);
	prober->released = true;
	TAILQ_REMOVE(&t->probes, p, in_instance);
	p->instance = NULL;
	store_remove(&prober->store, p);
	endpoint_unref(e);
}

/*
 * A probe's outcome is known: nothing waits for it but duplicates and late replies, and
 * those of a probe with a socket of its own find no socket any more.
 */
void
trace_probe_linger(struct trace *t, struct probe *p, enum probe_state state)
{
	int64_t linger = t->transport->socket_per_probe ? 0 : PROBE_LINGER;

	p->state = (uint8_t)state;
	release_socket(p);
	/* A reply without a tag may still be the late one of this probe. */
	if (state != PROBE_TIMED_OUT)
		store_settle(p);
	t->prober->released = true;
	(void)timer_set(&t->prober->timers, &p->timer, clock_monotonic() + linger);
}

static struct probe *
probe_of_timer(struct timer *timer)
{
	return (struct probe *)((char *)timer - offsetof(struct probe, timer));
}

/* The deadline of a probe in flight, or the end of its remembrance. */
void
trace_probe_timer(struct timer *timer)
{
	struct probe *p = probe_of_timer(timer);
	struct trace *t = trace_of(p->instance);
	struct event event = {.type = EVENT_TIMEOUT, .probe = p};
	int64_t now = clock_monotonic();
	int64_t patience = (p->waits_for_helper ? now : p->queued) + SEND_PATIENCE;

	if (p->state == PROBE_IN_FLIGHT && p->handed)
		return; /* the wait begins when the helper says that it left */
	if (p->handed) {
		/* Withdrawn, or answered already: it may still turn out not to have
		 * left. */
		(void)timer_set(&t->prober->timers, timer, now + PROBE_LINGER);
		return;
	}
	if (p->state == PROBE_QUEUED && now < patience) {
		(void)timer_set(&t->prober->timers, timer, patience);
	} else if (p->state == PROBE_QUEUED) {
		endpoint_unqueue(p->endpoint, p);
		p->state = PROBE_FAILED;
		trace_transport_events.failed(t->prober, p, ENOBUFS);
	} else if (p->state == PROBE_IN_FLIGHT) {
		trace_probe_linger(t, p, PROBE_TIMED_OUT);
		t->instance.done.timeouts++;
		trace_dispatch(t, &event);
	} else {
		trace_probe_retire(t, p);
	}
}

static int64_t
world_now(struct instance *i)
{
	(void)i;
	return clock_monotonic();
}

static uint64_t
world_random(struct instance *i)
{
	return prober_random(trace_of(i)->prober);
}

/* The rate of all traces together: it waits for its turn. */
static bool
must_stand_in_line(struct trace *t, int64_t now)
{
	struct pace *pace = &t->prober->pace;

	if (pace->gap == 0 ||
	    (now >= pace->next && (pace->turn == t || TAILQ_EMPTY(&pace->line))))
		return false;
	if (!t->in_line) {
		TAILQ_INSERT_TAIL(&pace->line, t, in_pace);
		t->in_line = true;
		if (pace->timer.index == 0)
			trace_pace_wait(t->prober, now);
	}
	return true;
}

/* A probe has been sent: when the next one may be. */
static void
keep_pace(struct pace *pace, int64_t now)
{
	int64_t behind = pace->gap < PACE_CATCH_UP ? PACE_CATCH_UP : 0;

	if (pace->next < now - behind)
		pace->next = now - behind;
	pace->next += pace->gap;
}

/* True when the probe has to wait; then something is set that will wake the trace. */
static bool
must_wait(struct trace *t, int64_t now)
{
	struct prober *p = t->prober;

	if (channel_waiting(&p->channel) > RESULTS_WAITING_MAX ||
	    (t->transport->by_helper && !helper_has_room(&p->helper)) ||
	    (t->transport->socket_per_probe && !transports_may_own(&p->transports))) {
		trace_hold(t, true);
		return true;
	}
	if (now < t->next_send) {
		(void)timer_set(&p->timers, &t->retry, t->next_send);
		return true;
	}
	return must_stand_in_line(t, now);
}

/* Takes a tag; on -EAGAIN sees to it that the trace is woken when one is free. */
static int
take_tag(struct trace *t, struct probe *p, int64_t now)
{
	const struct layout_probe v = {.len = p->len};
	uint32_t *tag = &p->tag;
	int64_t retry;

	if (t->tags == NULL) {
		*tag = 0;
		return 0;
	}
	while (tag_set_take(t->tags, now, tag, &retry) == 0) {
		if (!layout_tag_is_partial(
			&t->layout, *tag, layout_len(&t->layout, &v)))
			return 0;
		(void)tag_set_give(t->tags, now, *tag); /* it rests: not twice */
	}
	if (retry == INT64_MAX)
		trace_hold(t, t->wants_tag = true);
	else
		(void)timer_set(&t->prober->timers, &t->retry, retry);
	return -EAGAIN;
}

struct endpoint_key
trace_endpoint_key(const struct trace *t, uint16_t port)
{
	const struct prober_start *o = &t->instance.options;
	struct endpoint_key key;

	memset(&key, 0, sizeof(key));
	key.transport = t->transport->id;
	key.dont_fragment = o->dont_fragment;
	key.dont_route = o->dont_route;
	key.port = port;
	if (t->transport->id == TRANSPORT_OTHER_RAW)
		key.ip_protocol = o->ip_protocol;
	key.tcp_flags = tcp_options_flags(&o->tcp);
	key.coverage = o->coverage;
	key.source = o->source;
	key.source.family = o->target.family;
	memcpy(key.device, o->device, sizeof(key.device));
	key.device_index = o->device_index;
	return key;
}

/* ---- endpoints ---- */

/*
 * Marks endpoints where nothing waits for an answer, and which are no trace's first:
 * the oldest, as many as are closed at a time. Returns whether there are any.
 */
static bool
mark_idle(struct prober *prober)
{
	struct endpoint *e, *next_endpoint;
	struct trace *t, *next;
	struct probe *p;
	size_t count = 0;

	HASH_ITER (hh, prober->transports.endpoints, e, next_endpoint)
		e->idle = e->refs > 0;
	HASH_ITER (hh, prober->traces, t, next) {
		if (t->endpoint != NULL)
			t->endpoint->idle = false;
		TAILQ_FOREACH (p, &t->probes, in_instance)
			if (p->state == PROBE_QUEUED || p->state == PROBE_IN_FLIGHT)
				p->endpoint->idle = false;
	}
	HASH_ITER (hh, prober->transports.endpoints, e, next_endpoint) {
		e->idle = e->idle && count < IDLE_CLOSED;
		count += e->idle;
	}
	return count > 0;
}

/*
 * Descriptors run short: gives up the memory of probes that are settled where nothing
 * else is out, so that their flows' endpoints close. Late replies to those find no
 * socket any more. Returns whether any does.
 */
static bool
close_idle(struct prober *prober)
{
	struct trace *t, *next_trace;
	struct probe *p, *next;

	if (!mark_idle(prober))
		return false;
	HASH_ITER (hh, prober->traces, t, next_trace) {
		for (p = TAILQ_FIRST(&t->probes); p != NULL; p = next) {
			next = TAILQ_NEXT(p, in_instance);
			if (p->endpoint->idle)
				trace_probe_retire(t, p);
		}
		for (uint32_t i = 0; i < t->flows_count; i++)
			if (t->flows[i].endpoint != NULL && t->flows[i].endpoint->idle)
				trace_close_flow(t, i);
	}
	prober->released = true;
	return true;
}

/* The packet of a probe. */
static struct packet *
build(const struct trace *t, const struct probe *p)
{
	struct layout_probe v = {.ttl = p->ttl, .len = p->len, .tag = p->tag};
	struct packet *packet = packet_new(layout_len(&t->layout, &v));

	if (packet == NULL || layout_flow(&t->layout, p->flow, &v) != 0) {
		packet_unref(packet);
		return NULL;
	}
	if (trace_has_ports(t))
		v.src_port = p->endpoint->port;
	layout_build(&t->layout, &v, packet->bytes);
	return packet;
}

/* The port that the packet goes to: the tag may be in it. */
static uint16_t
packet_dst_port(const struct trace *t, const struct packet *packet)
{
	struct view view;
	uint64_t port = 0;

	view_of_layout(&view, t->layout.options.pattern, packet->bytes, 0, packet->len);
	if (trace_has_ports(t))
		(void)view_read(&view, t->endpoint->dst_port, &port);
	return (uint16_t)port;
}

/*
 * A tag that is a port: takes one whose port nobody else has; where others have several
 * of the set, one of the kernel's choice. Those in use rest like others given back.
 */
static int
take_port(struct trace *t, struct probe *p, int64_t now)
{
	int error = -EADDRINUSE;

	for (uint32_t i = 0; i < TRACE_PORT_TRIES && error == -EADDRINUSE; i++) {
		if (i >= TRACE_PORTS_NEAR) {
			error = trace_open_any_tag(t, p);
			continue;
		}
		error = take_tag(t, p, now);
		if (error != 0)
			return error;
		error = trace_open_tag(t, p);
		if (error != 0)
			(void)tag_set_give(t->tags, now, p->tag);
	}
	return error;
}

/* The port by which replies tell this flow from others of its endpoint; 0: by none. */
static uint16_t
flow_dst_port(const struct trace *t, uint32_t flow)
{
	struct layout_probe v = {0};

	if (t->layout.options.flow_field != FLOW_BY_DST_PORT ||
	    layout_flow(&t->layout, flow, &v) != 0)
		return 0;
	return v.dst_port;
}

/*
 * Gets the endpoint and the tag. -EAGAIN, with a wake-up arranged: no tag is free, or
 * the flow's window is one and a probe of it is out: another trace's, or one of ours
 * that this one shall not be together with.
 */
static int
take_endpoint_and_tag(struct trace *t, struct probe *p, bool together, int64_t now)
{
	const struct instance *except =
	    together && !t->transport->socket_per_probe ? &t->instance : NULL;
	int error = trace_tag_is_port(t) ? take_port(t, p, now)
					 : trace_open_flow(t, p->flow, &p->endpoint);

	if (error != 0 || trace_tag_is_port(t))
		return error;
	if (t->instance.flow_window == 1 &&
	    store_awaits(&t->prober->store, p->endpoint, &t->instance.options.target,
		flow_dst_port(t, p->flow), except)) {
		trace_hold(t, true);
		error = -EAGAIN;
	} else {
		error = take_tag(t, p, now);
	}
	if (error != 0)
		endpoint_unref(p->endpoint);
	return error;
}

/* The protocol that stands in the IP header of the packets. */
static uint16_t
whole_protocol(const struct trace *t)
{
	return t->transport->id == TRANSPORT_OTHER_RAW
		   ? t->instance.options.ip_protocol
		   : t->transport->ip_protocol[trace_is_v6(t)];
}

/* What leaves instead of the packet, when that is to go in fragments. */
static int
probe_split(struct trace *t, struct probe *p)
{
	const struct prober_split *split = &t->instance.options.split;
	const struct packet *whole = p->wire != NULL ? p->wire : p->packets;
	struct packet *pieces;

	if (split->count == 0)
		return 0;
	p->fragment = (struct probe_fragment_key){
	    .family = (uint16_t)t->instance.options.target.family,
	    .protocol = whole_protocol(t),
	    .id = trace_is_v6(t) ? t->prober->next_fragment++
				 : fragments_ipv4_id(p->packets),
	};
	pieces = fragments_make(split, whole, p->fragment.id);
	if (pieces == NULL)
		return -ENOMEM;
	packet_unref(p->wire);
	p->wire = pieces;
	for (; pieces != NULL; pieces = pieces->next)
		p->fragments++;
	return 0;
}

/* What leaves instead of the packet, when that has a source route. */
static int
probe_route(const struct trace *t, struct probe *p)
{
	const struct prober_route *route = &t->instance.options.route;
	const struct packet *packet = p->packets;

	if (route->count == 0)
		return 0;
	p->wire = packet_new(
	    packet->len + wire_route_len(route, t->instance.options.target.family));
	if (p->wire == NULL)
		return -ENOMEM;
	wire_route(route, packet->bytes, packet->len, p->wire->bytes);
	p->via = route->gateways[0];
	return 0;
}

/* A length asked for counts the source route. What is too little layout.h raises. */
static uint16_t
len_before_route(const struct trace *t, uint16_t len)
{
	const struct prober_start *o = &t->instance.options;
	size_t route = wire_route_len(&o->route, o->target.family);

	if (len > route)
		return (uint16_t)(len - route);
	return len == 0 ? 0 : 1;
}

/* Builds the packet and puts the probe into the store. */
static int
probe_store(struct trace *t, struct probe *p)
{
	struct prober *prober = t->prober;
	int error = timer_heap_reserve(&prober->timers, prober->timers.count + 8);

	p->packets = build(t, p);
	if (error == 0 && p->packets != NULL)
		error = probe_route(t, p);
	if (error == 0 && p->packets != NULL)
		error = probe_split(t, p);
	if (error != 0 || p->packets == NULL)
		return -ENOMEM;
	p->dst = t->instance.options.target;
	p->dst_port = packet_dst_port(t, p->packets);
	p->tags = t->tags;
	p->instance = &t->instance;
	p->number = t->next_number;
	p->mss = t->instance.options.tcp.mss;
	if (t->transport->prepare != NULL)
		error = t->transport->prepare(p);
	if (error != 0)
		return error;
	error = store_add(&prober->store, p);
	if (error != 0)
		release_socket(p);
	return error;
}

/* Puts a probe with tag and endpoint into the store and the queue. */
static int
probe_launch(struct trace *t, struct probe *p, int64_t wait, int64_t now)
{
	struct prober *prober = t->prober;
	int error = probe_store(t, p);

	if (error != 0)
		return error;
	t->next_number++;
	t->instance.done.sent++;
	p->until_max =
	    t->transport->wait_max != 0 ? now + t->transport->wait_max : INT64_MAX;
	p->until = now + wait < p->until_max ? now + wait : p->until_max;
	p->queued = now;
	p->timer.fire = trace_probe_timer;
	(void)timer_set(&prober->timers, &p->timer, p->until);
	TAILQ_INSERT_TAIL(&t->probes, p, in_instance);
	endpoint_queue(p->endpoint, p);
	t->next_send = now + t->instance.options.send_gap;
	keep_pace(&prober->pace, now);
	return 0;
}

static bool
no_descriptor(int error)
{
	return error == -EMFILE || error == -ENFILE;
}

/* Ends a trace that cannot even make a probe. */
static void
fail_probe(struct trace *t, uint32_t flow, int error)
{
	if (error == -ERANGE)
		trace_fail(t, ERANGE,
		    "there is no flow %u: its field has no value for it", flow);
	else if (error == -EADDRINUSE && trace_flow_is_lost(t, flow))
		trace_fail(t, EADDRINUSE,
		    "the source port of flow %u was taken by another program when "
		    "open files ran short (ulimit -n)",
		    flow);
	else if (error == -EADDRINUSE && !trace_port_is_asked(t))
		trace_fail(t, EADDRINUSE, TRACE_NO_PORT);
	else if (error == -EADDRINUSE)
		trace_fail(t, EADDRINUSE,
		    "the source port of flow %u is in use by another program: choose "
		    "another --flow-id or --sport",
		    flow);
	else
		trace_fail(t, -error, "cannot prepare a probe of flow %u: %s", flow,
		    trace_error_text(-error));
}

static int
world_send(
    struct instance *i, const struct probe_spec *spec, int64_t wait, struct probe **out)
{
	struct trace *t = trace_of(i);
	int64_t now = clock_monotonic();
	struct probe *p;
	int error;

	if (t->finished)
		return -ECANCELED;
	if (must_wait(t, now))
		return -EAGAIN;
	p = probe_new();
	if (p == NULL) {
		trace_fail(t, ENOMEM, "no memory for another probe");
		return -ENOMEM;
	}
	p->flow = spec->flow;
	p->len = len_before_route(t, spec->len);
	p->ttl = spec->ttl;
	p->query = spec->query;
	p->expects = spec->expects;
	error = take_endpoint_and_tag(t, p, spec->together, now);
	if (error == 0) {
		error = probe_launch(t, p, wait, now);
		if (error != 0) {
			endpoint_unref(p->endpoint);
			if (t->tags != NULL)
				(void)tag_set_give(t->tags, now, p->tag);
		}
	}
	/* Flows that wait for a descriptor have none: each would close another's. */
	if (no_descriptor(error))
		trace_close_flow(t, spec->flow);
	if (no_descriptor(error) &&
	    (close_idle(t->prober) || t->prober->store.count > 0)) {
		trace_hold(t, true); /* until a probe gives its socket back */
		error = -EAGAIN;
	}
	if (error != 0 && error != -EAGAIN)
		fail_probe(t, spec->flow, error);
	if (error == 0 && out != NULL)
		*out = p;
	probe_unref(p); /* the store has its own */
	return error;
}

static void
world_set_deadline(struct instance *i, struct probe *p, int64_t at)
{
	if (p->state != PROBE_IN_FLIGHT && p->state != PROBE_QUEUED)
		return;
	p->until = at < p->until_max ? at : p->until_max;
	(void)timer_set(&trace_of(i)->prober->timers, &p->timer, p->until + p->held);
}

static void
world_withdraw(struct instance *i, struct probe *p)
{
	struct trace *t = trace_of(i);

	p->withdrawn = 1;
	if (p->state == PROBE_QUEUED) {
		endpoint_unqueue(p->endpoint, p);
		t->instance.done.sent--;
		trace_probe_linger(t, p, PROBE_FAILED);
	} else if (p->state == PROBE_IN_FLIGHT) {
		trace_probe_linger(t, p, PROBE_TIMED_OUT);
	}
	store_settle(p);
}

static void
world_set_timer(struct instance *i, int64_t at)
{
	struct trace *t = trace_of(i);

	if (at == INT64_MAX)
		timer_cancel(&t->prober->timers, &t->timer);
	else
		(void)timer_set(&t->prober->timers, &t->timer, at);
}

void
trace_tell_report(struct trace *t)
{
	uint8_t body[MESSAGE_BODY_MAX];
	struct writer w;

	if (!t->has_report)
		return;
	t->has_report = false;
	writer_init(&w, body, sizeof(body));
	prober_result_pack(&t->report, &w);
	prober_send(t->prober, PROBER_RESULT, body, writer_len(&w));
}

/*
 * Results that came earlier may be of hops beyond the one at which this result ends the
 * trace; the tool, which prints as results come, has to know before PROBER_DONE.
 */
static void
world_report(struct instance *i, const struct prober_result *result)
{
	struct trace *t = trace_of(i);

	trace_tell_report(t);
	t->report = *result;
	t->has_report = true;
}

/*
 * For traces that come later. The last hop is the distance only when the one before was
 * asked and was not the end as well.
 */
static void
learn(struct trace *t, enum prober_reason reason, uint8_t end_ttl)
{
	const struct instance *i = &t->instance;
	const struct prober_start *o = &i->options;
	struct learned_path path = {.rtt = t->longest_rtt};

	if (reason == REASON_REACHED && (end_ttl > o->first_ttl || end_ttl == 1))
		path.distance = end_ttl;
	if (i->quotes_may_be_short && i->done.replies != 0)
		path.tags =
		    i->flow_window == 1 ? LEARNED_TAGS_MISSING : LEARNED_TAGS_SHOWN;
	if (t->begun)
		learned_put(t->prober->learned, &o->target, &t->source, &path);
}

static void
world_finish(struct instance *i, enum prober_reason reason, uint8_t end_ttl)
{
	struct trace *t = trace_of(i);
	uint64_t strays = t->prober->strays - t->strays_before;

	if (t->finished)
		return;
	t->finished = true;
	i->done.reason = (uint8_t)reason;
	i->done.end_ttl = end_ttl;
	t->report.end_ttl = end_ttl;
	i->done.window = i->flow_window;
	i->done.strays = strays < UINT32_MAX ? (uint32_t)strays : UINT32_MAX;
	learn(t, reason, end_ttl);
	release_all(t);
	if (t->owed == 0)
		TAILQ_INSERT_TAIL(&t->prober->ended, t, in_ended);
	else
		trace_await_owed(t, reason == REASON_INTERRUPTED);
}

const struct instance_world trace_world = {
    .now = world_now,
    .random = world_random,
    .send = world_send,
    .set_deadline = world_set_deadline,
    .withdraw = world_withdraw,
    .set_timer = world_set_timer,
    .report = world_report,
    .finish = world_finish,
};
