/* The real world behind an algorithm's instance: tags, packets, store, sockets, timers.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "prober/extension.h"
#include "prober/prober.h"

#define PORT_BASE 24000     /* source port of flow 0: below every ephemeral range */
#define PORT_TRIES 256      /* further ports tried when that one is taken */
#define CHECKSUM_BASE 24000 /* ICMP checksum of flow 0 */
#define TAG_PORT_TRIES 16

static struct trace *
trace_of(struct instance *i)
{
	return (struct trace *)i;
}

static bool
is_udp(const struct trace *t)
{
	return t->transport->id == TRANSPORT_UDP;
}

static bool
is_v6(const struct trace *t)
{
	return t->instance.options.target.family == AF_INET6;
}

/* Hands an event to the algorithm, unless it is done. */
static void
dispatch(struct trace *t, const struct event *event)
{
	if (!t->finished)
		t->instance.algorithm->handle(&t->instance, t->instance.state, event);
}

/* Ends a trace that cannot go on, with the words for the user. */
static void __attribute__((format(printf, 3, 4)))
fail(struct trace *t, int error, const char *format, ...)
{
	struct prober_done *done = &t->instance.done;
	va_list args;

	if (t->finished)
		return;
	va_start(args, format);
	vsnprintf(done->detail, sizeof(done->detail), format, args);
	va_end(args);
	done->error = error;
	instance_finish(&t->instance, REASON_FAILED, done->end_ttl);
}

/* The error in words, without locale or memory. */
static const char *
error_text(int error)
{
	const char *text = strerrordesc_np(error);

	return text != NULL ? text : "unknown error";
}

/* ---- probes ---------------------------------------------------------------------- */

/* Takes a probe out of everything; the store's reference goes with it. */
static void
probe_retire(struct trace *t, struct probe *p)
{
	struct prober *prober = t->prober;
	struct endpoint *e = p->endpoint;

	if (p->state == PROBE_QUEUED)
		endpoint_unqueue(e, p);
	timer_cancel(&prober->timers, &p->timer);
	if (p->tags != NULL) {
		(void)tag_set_give(p->tags, clock_monotonic(), p->tag);
		prober->released = true;
	}
	TAILQ_REMOVE(&t->probes, p, in_instance);
	p->instance = NULL;
	store_remove(&prober->store, p);
	endpoint_unref(e);
}

/* A probe's outcome is known: nothing waits for it but duplicates and late replies. */
static void
probe_linger(struct trace *t, struct probe *p, enum probe_state state)
{
	p->state = (uint8_t)state;
	if (state != PROBE_TIMED_OUT || t->instance.flow_window == 1)
		store_settle(p);
	t->prober->released = true;
	(void)timer_set(
	    &t->prober->timers, &p->timer, clock_monotonic() + PROBE_LINGER);
}

static struct probe *
probe_of_timer(struct timer *timer)
{
	return (struct probe *)((char *)timer - offsetof(struct probe, timer));
}

/* The deadline of a probe in flight, or the end of its remembrance. */
static void
probe_timer_fire(struct timer *timer)
{
	struct probe *p = probe_of_timer(timer);
	struct trace *t = trace_of(p->instance);
	struct event event = {.type = EVENT_TIMEOUT, .probe = p};

	if (p->state == PROBE_QUEUED) {
		endpoint_unqueue(p->endpoint, p);
		p->state = PROBE_FAILED;
		trace_transport_events.failed(t->prober, p, ENOBUFS);
	} else if (p->state == PROBE_IN_FLIGHT) {
		probe_linger(t, p, PROBE_TIMED_OUT);
		t->instance.done.timeouts++;
		dispatch(t, &event);
	} else {
		probe_retire(t, p);
	}
}

/* ---- what algorithms call ----------------------------------------------------------
 */

static int64_t
world_now(struct instance *i)
{
	(void)i;
	return clock_monotonic();
}

/* splitmix64 (Steele, Lea, Flood, OOPSLA 2014), seeded by the kernel. */
static uint64_t
prober_random(struct prober *p)
{
	uint64_t z = p->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
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

	if (channel_waiting(&p->channel) > RESULTS_WAITING_MAX) {
		t->held = true;
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
		t->held = t->wants_tag = true;
	else
		(void)timer_set(&t->prober->timers, &t->retry, retry);
	return -EAGAIN;
}

static struct endpoint_key
endpoint_key(const struct trace *t, uint16_t port)
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
	return key;
}

/* True when the tag is our own port, so that each probe has a socket. */
static bool
tag_is_port(const struct trace *t)
{
	return t->tags != NULL && is_udp(t) &&
	       strcmp(t->tags->rule->field, "udp.src_port") == 0;
}

/* The endpoint that a probe of this flow leaves through, with a reference. */
static int
flow_endpoint(struct trace *t, uint32_t flow, uint32_t tag, struct endpoint **out)
{
	struct endpoint_key key;

	if (tag_is_port(t)) {
		key = endpoint_key(t, (uint16_t)tag);
	} else if (flow == 0 || !is_udp(t)) {
		*out = endpoint_ref(t->endpoint);
		return 0;
	} else {
		key = endpoint_key(t, (uint16_t)(t->src_port + flow));
	}
	return transports_open(&t->prober->transports, &key, out);
}

/* An IPv6 flow label that is the same for the same flow and differs between flows. */
static uint32_t
flow_label(const struct trace *t, uint32_t flow_value)
{
	if (t->instance.options.flow_label != 0)
		return t->instance.options.flow_label;
	return (flow_value * UINT32_C(2654435761) >> 12 & 0xfffff) | 1;
}

/* The checksum that makes an ICMP flow: 1 to 0xfffe. */
static uint16_t
flow_checksum(const struct trace *t, uint32_t flow)
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
	    .flow_checksum = flow_checksum(t, p->flow),
	    .tag = p->tag,
	};
	struct packet *packet = packet_new(layout_len(&t->layout, &v));

	v.flow_label = flow_label(t, is_udp(t) ? v.src_port : v.flow_checksum);
	if (packet != NULL)
		layout_build(&t->layout, &v, packet->bytes);
	return packet;
}

/* The port that the packet goes to: the tag may be in it. */
static uint16_t
packet_dst_port(const struct trace *t, const struct packet *packet)
{
	struct field_ref ref;
	struct view view;
	uint64_t port = 0;

	view_of_layout(&view, t->layout.options.pattern, packet->bytes, 0, packet->len);
	if (is_udp(t) && pattern_find_field(view.pattern, "udp.dst_port", &ref) == 0)
		(void)view_read(&view, ref, &port);
	return (uint16_t)port;
}

/* A tag that is a port: takes one whose port no other program has. */
static int
take_port(struct trace *t, struct probe *p, int64_t now)
{
	int error = -EADDRINUSE;

	for (int i = 0; i < TAG_PORT_TRIES && error == -EADDRINUSE; i++) {
		error = take_tag(t, now, &p->tag);
		if (error != 0)
			return error;
		error = flow_endpoint(t, p->flow, p->tag, &p->endpoint);
		if (error != 0)
			(void)tag_set_give(t->tags, now, p->tag);
	}
	return error;
}

/*
 * Gets the endpoint and the tag. -EAGAIN, with a wake-up arranged: no tag is free, or
 * the flow's window is one and a probe of it, ours or another trace's, is out.
 */
static int
take_endpoint_and_tag(struct trace *t, struct probe *p, int64_t now)
{
	int error;

	if (tag_is_port(t)) {
		error = take_port(t, p, now);
		if (error != -EMFILE || t->next_number == 0)
			return error;
		t->held = true; /* until a probe gives its socket back */
		return -EAGAIN;
	}
	error = flow_endpoint(t, p->flow, 0, &p->endpoint);
	if (error != 0)
		return error;
	if (t->instance.flow_window == 1 &&
	    store_awaits(&t->prober->store, p->endpoint, &t->instance.options.target)) {
		t->held = true;
		error = -EAGAIN;
	} else {
		error = take_tag(t, now, &p->tag);
	}
	if (error != 0)
		endpoint_unref(p->endpoint);
	return error;
}

/* Puts a probe with tag and endpoint into the store and the queue. */
static int
probe_launch(struct trace *t, struct probe *p, int64_t wait, int64_t now)
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
	error = store_add(&prober->store, p);
	if (error != 0)
		return error;
	t->next_number++;
	t->instance.done.sent++;
	p->until = now + wait;
	p->timer.fire = probe_timer_fire;
	(void)timer_set(&prober->timers, &p->timer, p->until);
	TAILQ_INSERT_TAIL(&t->probes, p, in_instance);
	endpoint_queue(p->endpoint, p);
	t->next_send = now + t->instance.options.send_gap;
	return 0;
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
		fail(t, ENOMEM, "no memory for another probe");
		return -ENOMEM;
	}
	p->flow = spec->flow;
	p->ttl = spec->ttl;
	p->query = spec->query;
	error = take_endpoint_and_tag(t, p, now);
	if (error == 0) {
		error = probe_launch(t, p, wait, now);
		if (error != 0) {
			endpoint_unref(p->endpoint);
			if (t->tags != NULL)
				(void)tag_set_give(t->tags, now, p->tag);
		}
	}
	if (error != 0 && error != -EAGAIN)
		fail(t, -error, "cannot prepare a probe of flow %u: %s", spec->flow,
		    error_text(-error));
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
	p->until = at;
	(void)timer_set(&trace_of(i)->prober->timers, &p->timer, at);
}

static void
world_withdraw(struct instance *i, struct probe *p)
{
	struct trace *t = trace_of(i);

	p->withdrawn = 1;
	if (p->state == PROBE_QUEUED) {
		endpoint_unqueue(p->endpoint, p);
		probe_linger(t, p, PROBE_FAILED);
	} else if (p->state == PROBE_IN_FLIGHT) {
		probe_linger(t, p, PROBE_TIMED_OUT);
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

static void
world_report(struct instance *i, const struct prober_result *result)
{
	uint8_t body[MESSAGE_BODY_MAX];
	struct writer w;

	writer_init(&w, body, sizeof(body));
	prober_result_pack(result, &w);
	prober_send(trace_of(i)->prober, PROBER_RESULT, body, writer_len(&w));
}

static void
world_finish(struct instance *i, enum prober_reason reason, uint8_t end_ttl)
{
	struct trace *t = trace_of(i);

	if (t->finished)
		return;
	t->finished = true;
	i->done.reason = (uint8_t)reason;
	i->done.end_ttl = end_ttl;
	i->done.window = i->flow_window;
	TAILQ_INSERT_TAIL(&t->prober->ended, t, in_ended);
}

static const struct instance_world world = {
    .now = world_now,
    .random = world_random,
    .send = world_send,
    .set_deadline = world_set_deadline,
    .withdraw = world_withdraw,
    .set_timer = world_set_timer,
    .report = world_report,
    .finish = world_finish,
};

/* ---- what arrives ------------------------------------------------------------------
 */

/* A record of what a reply says; of the probe too, when it is known which. */
static void
result_fill(struct prober_result *out, struct trace *t, const struct reply *r,
    const struct probe *p)
{
	int protocol = is_udp(t) ? IPPROTO_UDP : IPPROTO_ICMP;

	memset(out, 0, sizeof(*out));
	out->instance = t->id;
	out->reply = r->kind;
	out->flags = reply_flags(r, protocol, &t->instance.options.target);
	out->icmp_type = r->icmp_type;
	out->icmp_code = r->icmp_code;
	out->reply_ttl = r->ttl;
	out->reply_tos = r->tos;
	out->mtu = r->mtu;
	out->from = r->from;
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
	out->rtt_source = p->sent_by_kernel ? RTT_KERNEL : RTT_USER;
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

/* A reply that is certainly this probe's. */
static void
deliver_one(struct probe *p, const struct reply *r, bool altered)
{
	struct trace *t = trace_of(p->instance);
	struct prober_done *done = &t->instance.done;
	struct prober_result result;
	struct event event = {
	    .type = EVENT_REPLY, .reply = {.probe = p, .result = &result}};

	if (t->finished || p->state == PROBE_QUEUED || p->state == PROBE_FAILED)
		return;
	result_fill(&result, t, r, p);
	if (altered)
		result.flags |= RESULT_ALTERED;
	result.outcome = RESULT_REPLY;
	if (p->state == PROBE_IN_FLIGHT) {
		done->replies++;
		probe_linger(t, p, PROBE_ANSWERED);
		dispatch(t, &event);
		return;
	}
	if (p->state == PROBE_TIMED_OUT) {
		event.type = EVENT_LATE;
		result.outcome = RESULT_LATE;
		done->late++;
		probe_linger(t, p, PROBE_ANSWERED);
	} else {
		event.type = EVENT_DUPLICATE;
		result.outcome = RESULT_DUPLICATE;
		done->duplicates++;
	}
	if (extra_is_told(p)) {
		world_report(&t->instance, &result);
		dispatch(t, &event);
	}
}

/* A reply that fits several probes: each trace is told of its own. */
static void
deliver_several(const struct match *m, const struct reply *r)
{
	struct probe *probes[MATCH_MAX];
	size_t left = m->count;

	memcpy(probes, m->probes, left * sizeof(probes[0]));
	while (left > 0) {
		struct trace *t = trace_of(probes[0]->instance);
		struct probe *own[MATCH_MAX];
		struct prober_result result;
		struct event event = {.type = EVENT_AMBIGUOUS};
		size_t count = 0;
		size_t others = 0;

		for (size_t i = 0; i < left; i++) {
			if (probes[i]->instance == &t->instance)
				own[count++] = probes[i];
			else
				probes[others++] = probes[i];
		}
		left = others;
		if (t->finished)
			continue;
		result_fill(&result, t, r, NULL);
		result.outcome = RESULT_AMBIGUOUS;
		result.candidates = (uint16_t)m->count;
		t->instance.done.ambiguous++;
		t->instance.flow_window = 1;
		if (t->instance.done.ambiguous <= UINT16_MAX)
			world_report(&t->instance, &result);
		event.ambiguous.probes = own;
		event.ambiguous.count = count;
		event.ambiguous.result = &result;
		dispatch(t, &event);
	}
}

static void
on_reply(void *context, const struct reply *r)
{
	struct prober *p = context;
	struct match m;

	store_match(&p->store, r, &m);
	if (m.type == MATCH_ONE)
		deliver_one(m.probes[0], r, m.altered);
	else if (m.type == MATCH_SEVERAL)
		deliver_several(&m, r);
	else
		p->strays++;
}

/* What the user can do about a packet that this machine does not send. */
static const char *
send_remedy(int error)
{
	switch (error) {
	case EMSGSIZE:
		return "; the packet is larger than the interface allows: make it "
		       "smaller "
		       "or leave -F out";
	case ENETUNREACH:
	case EHOSTUNREACH:
		return "; there is no route: see 'ip route get'";
	case EPERM:
	case EACCES:
		return "; a local firewall rule or a broadcast address forbids it";
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
	struct event event = {.type = EVENT_SEND_FAILED};
	char text[ADDR_TEXT_MAX];

	(void)context;
	done->sent--;
	done->error = error;
	snprintf(done->detail, sizeof(done->detail),
	    "cannot send %zu bytes to %s: %s%s", p->packets->len,
	    addr_to_text(&p->dst, text), error_text(error), send_remedy(error));
	probe_linger(t, p, PROBE_FAILED);
	event.failed.probe = p;
	event.failed.error = error;
	dispatch(t, &event);
}

static void
on_dropped(void *context, uint32_t count)
{
	struct prober *p = context;
	struct trace *t, *next;

	HASH_ITER (hh, p->traces, t, next)
		t->instance.done.lost_here += count;
}

const struct transport_events trace_transport_events = {
    .reply = on_reply,
    .failed = on_failed,
    .dropped = on_dropped,
};

/* ---- starting and ending
 * ------------------------------------------------------------- */

static void
timer_event(struct trace *t)
{
	struct event event = {.type = EVENT_TIMER};

	dispatch(t, &event);
}

static void
timer_fire(struct timer *timer)
{
	timer_event((struct trace *)((char *)timer - offsetof(struct trace, timer)));
}

static void
retry_fire(struct timer *timer)
{
	timer_event((struct trace *)((char *)timer - offsetof(struct trace, retry)));
}

static void
timeout_fire(struct timer *timer)
{
	trace_stop((struct trace *)((char *)timer - offsetof(struct trace, timeout)),
	    REASON_TIMED_OUT);
}

void
trace_stop(struct trace *t, enum prober_reason reason)
{
	struct event event = {.type = EVENT_STOPPED, .stopped = reason};

	dispatch(t, &event);
}

void
trace_wake_held(struct prober *p)
{
	struct trace *t, *next;
	int64_t now = clock_monotonic();

	p->released = false;
	HASH_ITER (hh, p->traces, t, next) {
		if (!t->held)
			continue;
		t->held = false;
		/* A tag that was given back rests first. */
		if (t->wants_tag)
			(void)timer_set(&p->timers, &t->retry, now + TAG_REST);
		else
			timer_event(t);
		t->wants_tag = false;
	}
}

/* Our address on the way to the target: what connect(2) would choose. */
static int
find_source(const struct trace *t, struct addr *out)
{
	const struct prober_start *o = &t->instance.options;
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&o->target, 33434, &ss);
	int fd =
	    socket((int)o->target.family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (o->device[0] != '\0' &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, o->device,
		(socklen_t)strlen(o->device) + 1) != 0)
		error = -errno;
	if (error == 0 && connect(fd, (struct sockaddr *)&ss, len) != 0)
		error = -errno;
	len = sizeof(ss);
	if (error == 0 && getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
		error = -errno;
	if (error == 0)
		error = addr_from_sockaddr((struct sockaddr *)&ss, len, out, NULL);
	close(fd);
	return error;
}

/* Another trace to the same target uses this port: their replies would be alike. */
static bool
flow_is_taken(const struct trace *t, uint16_t port)
{
	struct trace *other, *next;

	HASH_ITER (hh, t->prober->traces, other, next) {
		if (other != t && other->endpoint != NULL &&
		    other->transport == t->transport && other->endpoint->port == port &&
		    addr_equal(
			&other->instance.options.target, &t->instance.options.target))
			return true;
	}
	return false;
}

/* Opens the endpoint of flow 0: the port asked for, or the next one that is free. */
static int
open_flow(struct trace *t)
{
	const struct prober_start *o = &t->instance.options;
	uint32_t base = o->src_port != 0 ? o->src_port : PORT_BASE;
	bool exact = o->src_port != 0 || o->flow_chosen;
	uint32_t tries = exact ? 1 : PORT_TRIES;
	int error = -EADDRINUSE;

	if (!is_udp(t)) {
		struct endpoint_key key = endpoint_key(t, 0);

		return transports_open(&t->prober->transports, &key, &t->endpoint);
	}
	base += o->flow_id;
	if (base > UINT16_MAX)
		return -ERANGE;
	for (uint32_t i = 0; i < tries && error == -EADDRINUSE; i++) {
		struct endpoint_key key = endpoint_key(t, (uint16_t)(base + i));

		if (!exact && flow_is_taken(t, key.port))
			continue;
		error = transports_open(&t->prober->transports, &key, &t->endpoint);
		t->src_port = key.port;
	}
	return error;
}

/* Says why the endpoint could not be opened. */
static void
fail_open(struct trace *t, int error)
{
	const struct prober_start *o = &t->instance.options;
	uint32_t port = (o->src_port != 0 ? o->src_port : PORT_BASE) + o->flow_id;
	char text[ADDR_TEXT_MAX];

	if (error == -EADDRINUSE)
		fail(t, EADDRINUSE,
		    "source port %u is in use by another program: choose another "
		    "--flow-id or --sport",
		    port);
	else if (error == -ERANGE)
		fail(t, ERANGE, "flow %u has no source port: the last one is %u",
		    o->flow_id, UINT16_MAX - (port - o->flow_id));
	else if (error == -EADDRNOTAVAIL)
		fail(t, EADDRNOTAVAIL, "%s is not an address of this machine",
		    addr_to_text(&o->source, text));
	else if (error == -ENODEV)
		fail(t, ENODEV, "there is no interface %s: see 'ip link'", o->device);
	else if (error == -EACCES && is_udp(t))
		fail(t, EACCES, "source port %u is reserved for root: choose another",
		    port);
	else
		fail(t, -error, "cannot open a %s socket: %s", t->transport->name,
		    error_text(-error));
}

/* The tag field of the plan, found in this pattern. */
static int
find_tag(struct trace *t, const char *name, struct layout_options *o)
{
	if (name[0] == '\0')
		return 0;
	if (pattern_find_field(o->pattern, name, &o->tag) != 0)
		return -EINVAL;
	o->tagged = true;
	t->tags = store_tag_set(
	    &t->prober->store, o->pattern, o->tag, prober_random(t->prober));
	return t->tags == NULL ? -ENOMEM : 0;
}

/* Prepares what probes are built from. */
static int
prepare_layout(struct trace *t, const struct prober_plan_family *plan)
{
	const struct prober_start *o = &t->instance.options;
	struct layout_options l = {
	    .pattern = t->endpoint->pattern,
	    .dst = o->target,
	    .dst_port = o->dst_port,
	    .icmp_id = is_udp(t) ? 0 : t->endpoint->port,
	    .tos = o->tos,
	    .dont_fragment = o->dont_fragment,
	    .flow_constant = t->instance.algorithm->flow_constant,
	    .len = o->packet_len,
	};
	int error = find_source(t, &l.src);
	char text[ADDR_TEXT_MAX];

	if (error != 0) {
		fail(t, -error, "no route to %s: %s", addr_to_text(&o->target, text),
		    error_text(-error));
		return error;
	}
	if (!addr_is_none(&o->source))
		l.src = o->source;
	error = find_tag(t, plan->tag, &l);
	if (error == 0)
		error = layout_init(&t->layout, &l);
	if (error != 0) {
		fail(t, -error, "cannot build probes tagged by %s: %s", plan->tag,
		    error_text(-error));
		return error;
	}
	if (t->tags != NULL && o->first_tag != 0)
		tag_set_start_at(t->tags, o->first_tag);
	t->instance.options.packet_len = t->layout.options.len;
	return 0;
}

static void
tell_started(struct trace *t)
{
	const struct prober_start *o = &t->instance.options;
	struct prober_started m = {
	    .instance = t->id,
	    .source = t->layout.options.src,
	    .src_port = is_udp(t) ? t->endpoint->port : 0,
	    .dst_port = is_udp(t) ? o->dst_port : 0,
	    .icmp_id = is_udp(t) ? 0 : t->endpoint->port,
	    .icmp_checksum = is_udp(t) ? 0 : flow_checksum(t, 0),
	    .packet_len = o->packet_len,
	};
	uint8_t body[MESSAGE_BODY_MAX];
	struct writer w;

	if (is_v6(t))
		m.flow_label = flow_label(t, is_udp(t) ? m.src_port : m.icmp_checksum);
	writer_init(&w, body, sizeof(body));
	prober_started_pack(&m, &w);
	prober_send(t->prober, PROBER_STARTED, body, writer_len(&w));
}

/* A trace with everything but its sockets; NULL when memory is short. */
static struct trace *
trace_new(struct prober *p, const struct prober_start *start)
{
	struct trace *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->id = start->instance;
	t->prober = p;
	t->instance.world = &world;
	t->instance.options = *start;
	t->instance.done.instance = start->instance;
	t->instance.algorithm = algorithm_find(start->algorithm);
	t->timer.fire = timer_fire;
	t->retry.fire = retry_fire;
	t->timeout.fire = timeout_fire;
	TAILQ_INIT(&t->probes);
	HASH_ADD(hh, p->traces, id, sizeof(t->id), t);
	return t;
}

/* Everything that can fail before the algorithm's first event. */
static int
prepare(struct trace *t)
{
	const struct prober_start *o = &t->instance.options;
	const struct prober_plan_family *plan =
	    &t->prober->plan.family[o->target.family == AF_INET6];
	int error;

	t->transport = transport_find(plan->send);
	if (t->instance.algorithm == NULL || t->transport == NULL) {
		fail(t, EINVAL, "no algorithm %s, or no plan for this family",
		    o->algorithm);
		return -EINVAL;
	}
	t->instance.flow_window = plan->window;
	t->instance.state = calloc(1, t->instance.algorithm->state_size + 1);
	if (t->instance.state == NULL) {
		fail(t, ENOMEM, "no memory for another trace");
		return -ENOMEM;
	}
	error = open_flow(t);
	if (error != 0) {
		fail_open(t, error);
		return error;
	}
	return prepare_layout(t, plan);
}

void
trace_start(struct prober *p, const struct prober_start *start)
{
	struct event event = {.type = EVENT_STARTED};
	struct trace *t = trace_new(p, start);

	if (t == NULL) {
		prober_fail(p, -ENOMEM, "no memory for another trace");
		return;
	}
	if (prepare(t) != 0)
		return;
	tell_started(t);
	if (start->timeout > 0)
		(void)timer_set(
		    &p->timers, &t->timeout, clock_monotonic() + start->timeout);
	dispatch(t, &event);
}

void
trace_free(struct trace *t)
{
	struct prober *p = t->prober;
	struct probe *probe;

	if (t->instance.state != NULL && t->instance.algorithm->clear != NULL)
		t->instance.algorithm->clear(&t->instance, t->instance.state);
	while ((probe = TAILQ_FIRST(&t->probes)) != NULL)
		probe_retire(t, probe);
	timer_cancel(&p->timers, &t->timer);
	timer_cancel(&p->timers, &t->retry);
	timer_cancel(&p->timers, &t->timeout);
	endpoint_unref(t->endpoint);
	layout_clear(&t->layout);
	free(t->instance.state);
	HASH_DEL(p->traces, t);
	free(t);
}
