/* What an algorithm's instance does in the real world: tags, packets, store, timers. */
#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "prober/trace.h"

#define CHECKSUM_BASE 24000 /* ICMP checksum of flow 0 */
#define TAG_PORT_TRIES 16
/* A device that takes nothing for so long is not waited for. */
#define SEND_PATIENCE NS_PER_SECOND

/* The probe's outcome is known: what only it needed on its transport goes back. */
static void
release_socket(struct probe *p)
{
	const struct transport *transport = p->endpoint->transport;

	if (transport->release != NULL)
		transport->release(p);
}

/* A finished trace sends nothing more and waits for nothing. */
static void
release_all(struct trace *t)
{
	struct probe *p;

	TAILQ_FOREACH (p, &t->probes, in_instance) {
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

	if (p->state == PROBE_QUEUED && clock_monotonic() < p->queued + SEND_PATIENCE) {
		(void)timer_set(&t->prober->timers, timer, p->queued + SEND_PATIENCE);
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

/* True when the probe has to wait; then something is set that will wake the trace. */
static bool
must_wait(struct trace *t, int64_t now)
{
	struct prober *p = t->prober;

	if (channel_waiting(&p->channel) > RESULTS_WAITING_MAX ||
	    (t->transport->socket_per_probe && !transports_may_own(&p->transports))) {
		trace_hold(t, true);
		return true;
	}
	if (now < t->next_send) {
		(void)timer_set(&p->timers, &t->retry, t->next_send);
		return true;
	}
	return false;
}

/* Takes a tag; on -EAGAIN sees to it that the trace is woken when one is free. */
static int
take_tag(struct trace *t, int64_t now, uint32_t *tag)
{
	int64_t retry;

	if (t->tags == NULL) {
		*tag = 0;
		return 0;
	}
	if (tag_set_take(t->tags, now, tag, &retry) == 0)
		return 0;
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
	key.port = port;
	key.source = o->source;
	key.source.family = o->target.family;
	memcpy(key.device, o->device, sizeof(key.device));
	key.device_index = o->device_index;
	return key;
}

bool
trace_tag_is_port(const struct trace *t)
{
	const struct field_ref *port = &t->endpoint->src_port;

	return t->tags != NULL && trace_has_ports(t) &&
	       t->tags->field.layer == port->layer &&
	       t->tags->field.index == port->index;
}

/* The endpoint that a probe of this flow leaves through, with a reference. */
static int
flow_endpoint(struct trace *t, uint32_t flow, uint32_t tag, struct endpoint **out)
{
	struct endpoint_key key;

	if (trace_tag_is_port(t)) {
		key = trace_endpoint_key(t, (uint16_t)tag);
	} else if (flow == 0 || !trace_has_ports(t)) {
		*out = endpoint_ref(t->endpoint);
		return 0;
	} else {
		key = trace_endpoint_key(t, (uint16_t)(t->src_port + flow));
	}
	return transports_open(&t->prober->transports, &key, out);
}

/* An IPv6 flow label that is the same for the same flow and differs between flows. */
uint32_t
trace_flow_label(const struct trace *t, uint32_t flow_value)
{
	if (t->instance.options.flow_label != 0)
		return t->instance.options.flow_label;
	return (flow_value * UINT32_C(2654435761) >> 12 & 0xfffff) | 1;
}

/* The checksum that makes an ICMP flow: 1 to 0xfffe. */
uint16_t
trace_flow_checksum(const struct trace *t, uint32_t flow)
{
	uint32_t value = CHECKSUM_BASE + t->instance.options.flow_id + flow;

	return (uint16_t)(1 + value % 0xfffe);
}

/* The packet of a probe. */
static struct packet *
build(const struct trace *t, const struct probe *p)
{
	struct layout_probe v = {
	    .ttl = p->ttl,
	    .src_port = p->endpoint->port,
	    .flow_checksum = trace_flow_checksum(t, p->flow),
	    .tag = p->tag,
	};
	struct packet *packet = packet_new(layout_len(&t->layout, &v));

	v.flow_label =
	    trace_flow_label(t, trace_has_ports(t) ? v.src_port : v.flow_checksum);
	if (packet != NULL)
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

/* The endpoint of a tag that is a port, unless the port is someone's flow. */
static int
port_endpoint(struct trace *t, struct probe *p)
{
	const struct addr *target = &t->instance.options.target;
	int error;

	if (trace_is_own_port(t, (uint16_t)p->tag))
		return -EADDRINUSE;
	error = flow_endpoint(t, p->flow, p->tag, &p->endpoint);
	if (error == 0 && store_awaits(&t->prober->store, p->endpoint, target, NULL)) {
		endpoint_unref(p->endpoint);
		error = -EADDRINUSE;
	}
	return error;
}

/* A tag that is a port: takes one whose port nobody else has. */
static int
take_port(struct trace *t, struct probe *p, int64_t now)
{
	int error = -EADDRINUSE;

	for (int i = 0; i < TAG_PORT_TRIES && error == -EADDRINUSE; i++) {
		error = take_tag(t, now, &p->tag);
		if (error != 0)
			return error;
		error = port_endpoint(t, p);
		if (error != 0)
			(void)tag_set_give(t->tags, now, p->tag);
	}
	return error;
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
					 : flow_endpoint(t, p->flow, 0, &p->endpoint);

	if (error != 0 || trace_tag_is_port(t))
		return error;
	if (t->instance.flow_window == 1 && store_awaits(&t->prober->store, p->endpoint,
						&t->instance.options.target, except)) {
		trace_hold(t, true);
		error = -EAGAIN;
	} else {
		error = take_tag(t, now, &p->tag);
	}
	if (error != 0)
		endpoint_unref(p->endpoint);
	return error;
}

/* Builds the packet and puts the probe into the store. */
static int
probe_store(struct trace *t, struct probe *p)
{
	struct prober *prober = t->prober;
	int error = timer_heap_reserve(&prober->timers, prober->timers.count + 8);

	p->packets = build(t, p);
	if (error != 0 || p->packets == NULL)
		return -ENOMEM;
	p->dst = t->instance.options.target;
	p->dst_port = packet_dst_port(t, p->packets);
	p->tags = t->tags;
	p->instance = &t->instance;
	p->number = t->next_number;
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
	return 0;
}

static bool
no_descriptor(int error)
{
	return error == -EMFILE || error == -ENFILE;
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
	if (no_descriptor(error) && t->prober->store.count > 0) {
		trace_hold(t, true); /* until a probe gives its socket back */
		error = -EAGAIN;
	}
	if (error != 0 && error != -EAGAIN)
		trace_fail(t, -error, "cannot prepare a probe of flow %u: %s",
		    spec->flow, trace_error_text(-error));
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
	release_all(t);
	TAILQ_INSERT_TAIL(&t->prober->ended, t, in_ended);
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
