/* Starting and ending traces. */
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/sockopt.h"
#include "prober/fragments.h"
#include "prober/trace.h"
#include "prober/wire.h"

#define CHECKSUM_BASE 24000 /* ICMP checksum of flow 0, less one */
/*
 * A rate above that of 1000 probes a second is kept by sending several at once: a
 * wake-up costs more than a probe.
 */
#define PACE_STEP (1 * NS_PER_MS)
#define FLOWS_MAX 65536 /* more than any field but the flow label has values for */
/* ... for the helper's word on what it was handed: it takes less than a second. */
#define OWED_PATIENCE (5 * NS_PER_SECOND)
#define OWED_PATIENCE_STOPPED (1 * NS_PER_SECOND) /* the tool waits */

void
trace_dispatch(struct trace *t, const struct event *event)
{
	if (!t->finished)
		t->instance.algorithm->handle(&t->instance, t->instance.state, event);
	trace_tell_report(t);
}

void
trace_hold(struct trace *t, bool held)
{
	if (held && !t->held)
		t->prober->held++;
	else if (!held && t->held)
		t->prober->held--;
	t->held = held;
}

void
trace_fail(struct trace *t, int error, const char *format, ...)
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

void
trace_helper_lost(struct trace *t)
{
	struct prober_done *done = &t->instance.done;

	if (t->finished)
		return;
	snprintf(done->detail, sizeof(done->detail),
	    "paris-privsep ended before the trace did");
	done->error = EPIPE;
	instance_finish(&t->instance, REASON_HELPER_LOST, done->end_ttl);
}

const char *
trace_error_text(int error)
{
	const char *text = strerrordesc_np(error);

	return text != NULL ? text : "unknown error";
}

/* splitmix64 (Steele, Lea, Flood, OOPSLA 2014), seeded by the kernel. */
uint64_t
prober_random(struct prober *p)
{
	uint64_t z = p->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void
timer_event(struct trace *t)
{
	struct event event = {.type = EVENT_TIMER};

	trace_dispatch(t, &event);
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

/* The helper does not say any more what became of the rest: that is not counted. */
static void
give_up_owed(struct trace *t)
{
	struct probe *p;

	TAILQ_FOREACH (p, &t->probes, in_instance)
		if (p->handed && p->state != PROBE_ANSWERED)
			t->instance.done.sent--;
	t->owed = 0;
	TAILQ_INSERT_TAIL(&t->prober->ended, t, in_ended);
}

void
trace_await_owed(struct trace *t, bool stopped)
{
	int64_t until =
	    clock_monotonic() + (stopped ? OWED_PATIENCE_STOPPED : OWED_PATIENCE);

	if (timer_set(&t->prober->timers, &t->timeout, until) != 0)
		give_up_owed(t);
}

void
trace_owed_less(struct trace *t)
{
	if (t->owed > 0 && --t->owed == 0)
		TAILQ_INSERT_TAIL(&t->prober->ended, t, in_ended);
}

static void
timeout_fire(struct timer *timer)
{
	struct trace *t =
	    (struct trace *)((char *)timer - offsetof(struct trace, timeout));

	if (t->owed > 0)
		give_up_owed(t);
	else
		trace_stop(t, REASON_TIMED_OUT);
}

void
trace_stop(struct trace *t, enum prober_reason reason)
{
	struct event event = {.type = EVENT_STOPPED, .stopped = reason};

	if (t->owed > 0)
		trace_await_owed(t, true);
	else if (t->begun)
		trace_dispatch(t, &event);
	else /* its algorithm knows of nothing yet */
		instance_finish(&t->instance, reason, 0);
}

void
trace_leave_line(struct trace *t)
{
	if (t->in_line)
		TAILQ_REMOVE(&t->prober->pace.line, t, in_pace);
	t->in_line = false;
}

void
trace_pace_wait(struct prober *p, int64_t now)
{
	int64_t step = now + PACE_STEP;

	(void)timer_set(&p->timers, &p->pace.timer,
	    p->pace.next > step || p->pace.gap >= PACE_STEP ? p->pace.next : step);
}

void
trace_pace_fire(struct timer *timer)
{
	struct pace *pace =
	    (struct pace *)((char *)timer - offsetof(struct pace, timer));
	struct trace *t;

	/* Who sends once and wants more stands at the end again. */
	while (
	    (t = TAILQ_FIRST(&pace->line)) != NULL && clock_monotonic() >= pace->next) {
		trace_leave_line(t);
		pace->turn = t;
		timer_event(t);
		pace->turn = NULL;
	}
	if (t != NULL)
		trace_pace_wait(t->prober, clock_monotonic());
}

void
trace_wake_held(struct prober *p)
{
	struct trace *t, *next;
	int64_t now = clock_monotonic();

	p->released = false;
	if (p->held == 0)
		return;
	HASH_ITER (hh, p->traces, t, next) {
		bool wanted_tag = t->wants_tag;

		if (!t->held)
			continue;
		trace_hold(t, t->wants_tag = false);
		/* A tag that was given back rests first. */
		if (wanted_tag)
			(void)timer_set(&p->timers, &t->retry, now + TAG_REST);
		else
			timer_event(t); /* which may want one now */
	}
}

/* What the way out of a connected socket takes; 0: not known. */
static uint32_t
find_mtu(int fd, uint32_t family)
{
	int mtu = 0;
	socklen_t len = sizeof(mtu);
	int error = family == AF_INET
			? getsockopt(fd, IPPROTO_IP, IP_MTU, &mtu, &len)
			: getsockopt(fd, IPPROTO_IPV6, IPV6_MTU, &mtu, &len);

	return error == 0 && mtu > 0 ? (uint32_t)mtu : 0;
}

/* Our address on the way to the target: what connect(2) would choose. */
static int
find_source(const struct trace *t, struct addr *out, uint32_t *mtu)
{
	const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
	const struct prober_start *o = &t->instance.options;
	struct sockaddr_storage ss;
	const struct addr *first =
	    o->route.count != 0 ? &o->route.gateways[0] : &o->target;
	socklen_t len = addr_to_sockaddr(first, 33434, &ss);
	int asker =
	    t->transport->by_raw ? t->prober->raw.sockets.asker[trace_is_v6(t)] : -1;
	int fd = asker;
	int error = 0;

	if (fd < 0)
		fd = socket((int)o->target.family,
		    SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* The asker keeps its device, which is that of all traces of a run. */
	if (o->device[0] != '\0' &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, o->device,
		(socklen_t)strlen(o->device) + 1) != 0 &&
	    !(fd == asker && errno == EPERM))
		error = -errno;
	if (error == 0 && o->dont_route)
		error = socket_option(fd, SOL_SOCKET, SO_DONTROUTE, 1);
	if (error == 0 && connect(fd, (struct sockaddr *)&ss, len) != 0)
		error = -errno;
	len = sizeof(ss);
	if (error == 0 && getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
		error = -errno;
	if (error == 0)
		error = addr_from_sockaddr((struct sockaddr *)&ss, len, out, NULL);
	if (error == 0)
		*mtu = find_mtu(fd, o->target.family);
	if (fd == asker)
		(void)connect(fd, &nowhere, sizeof(nowhere));
	else
		close(fd);
	return error;
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
	if (t->tags == NULL)
		return -ENOMEM;
	/* As traceroute(8), count from the port or the sequence number of -p. */
	if (t->endpoint->has_ports && o->tag.layer == t->endpoint->dst_port.layer &&
	    o->tag.index == t->endpoint->dst_port.index)
		tag_set_start_at(t->tags, o->dst_port);
	else if (t->instance.options.first_tag != 0)
		tag_set_start_at(t->tags, t->instance.options.first_tag);
	return 0;
}

/* What many flows differ in may not have a value for each: then there are fewer. */
static void
limit_flows(struct trace *t)
{
	uint32_t *most = &t->instance.options.max_flows;
	uint32_t low = 1, high = FLOWS_MAX;

	while (low < high) {
		uint32_t flows = low + (high - low + 1) / 2;
		struct layout_probe last = {0};

		if (layout_flow(&t->layout, flows - 1, &last) == -ERANGE)
			high = flows - 1;
		else
			low = flows;
	}
	if (*most == 0 || *most > low)
		*most = low;
}

/* Prepares what probes are built from. */
static int
prepare_layout(struct trace *t, const struct prober_plan_family *plan)
{
	const struct prober_start *o = &t->instance.options;
	struct layout_options l = {
	    .pattern = t->endpoint->pattern,
	    .src = t->source,
	    .dst = o->target,
	    .src_port = trace_flows_from(t),
	    .dst_port = o->dst_port,
	    .icmp_id = trace_has_ports(t) ? 0 : t->endpoint->port,
	    .flow_checksum = (uint16_t)(1 + (CHECKSUM_BASE + o->flow_id) % 0xfffe),
	    .flow_label = o->flow_label,
	    .flow_field = o->flow_field != 0 ? o->flow_field : t->transport->flow_field,
	    .tos = o->tos,
	    .dont_fragment = o->dont_fragment,
	    .tcp = o->tcp,
	    .coverage = o->coverage,
	    .ip_protocol = o->ip_protocol,
	    .service = o->service,
	    .flow_constant = t->instance.algorithm->flow_constant,
	    .len = plan->packet_len,
	    .fill = o->fill,
	    .fill_len = o->fill_len,
	};
	size_t routed = wire_route_len(&o->route, o->target.family);
	int error = find_tag(t, plan->tag, &l);

	if (l.len == 0 && o->packet_len > routed)
		l.len = (uint16_t)(o->packet_len - routed);
	/* The helper marks its echo requests, to know their answers by. */
	if (t->transport->by_helper && !trace_has_ports(t)) {
		l.mark = t->prober->helper.hello.nonce;
		l.mark_len = PRIVSEP_NONCE_LEN;
	}
	if (error == 0)
		error = layout_init(&t->layout, &l);
	if (error != 0) {
		trace_fail(t, -error, "cannot build probes tagged by %s: %s", plan->tag,
		    trace_error_text(-error));
		return error;
	}
	t->instance.options.packet_len = (uint16_t)(t->layout.options.len + routed);
	limit_flows(t);
	t->instance.quotes_may_be_short = layout_tag_may_be_cut(&t->layout);
	return 0;
}

static void
tell_started(struct trace *t)
{
	const struct prober_start *o = &t->instance.options;
	bool varies = trace_tag_is_port(t);
	bool ports = trace_has_ports(t);
	struct layout_probe flow = {0};
	struct prober_started m = {
	    .instance = t->id,
	    .source = t->source,
	    .flow_field = t->layout.options.flow_field,
	    .src_port = ports && !varies ? t->endpoint->port : 0,
	    .dst_port = ports ? o->dst_port : 0,
	    .icmp_id = ports ? 0 : t->endpoint->port,
	    .packet_len = o->packet_len,
	    .mtu = t->transport->by_raw || o->dont_fragment ? 0 : t->mtu,
	};
	uint8_t body[MESSAGE_BODY_MAX];
	struct writer w;

	(void)layout_flow(&t->layout, 0, &flow);
	if (!ports)
		m.icmp_checksum = flow.flow_checksum;
	if (trace_is_v6(t) && (!varies || o->flow_label != 0))
		m.flow_label = flow.flow_label;
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
	t->strays_before = p->strays;
	t->instance.world = &trace_world;
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

/* What the user can do when there is no way to an address. */
static const char *
route_remedy(int error, const struct prober_start *o)
{
	switch (error) {
	case ENETUNREACH:
	case EHOSTUNREACH:
		return o->dont_route ? "; it is on no attached network: leave -r out"
				     : "; see 'ip route get'";
	case EACCES:
		return "; it is a broadcast address";
	case EADDRNOTAVAIL:
		return o->target.family == AF_INET6
			   ? "; this machine has no IPv6 address to send from"
			   : "; this machine has no address to send from";
	default:
		return "";
	}
}

/* There is a way to the target, and it does not end where it begins. */
static int
check_way(struct trace *t)
{
	const struct prober_start *o = &t->instance.options;
	char text[ADDR_TEXT_MAX];

	if (t->route_error != 0) {
		bool no_interface =
		    t->route_error == -EINVAL && o->target.family == AF_INET6;

		addr_to_text(&o->target, text);
		trace_fail(t, -t->route_error, "no route to %s: %s%s%s%s", text,
		    trace_error_text(-t->route_error),
		    no_interface ? "; say through which interface: "
				 : route_remedy(-t->route_error, o),
		    no_interface ? text : "", no_interface ? "%INTERFACE" : "");
		return t->route_error;
	}
	if (trace_has_ports(t) && trace_is_own_port(t, t->endpoint->port)) {
		trace_fail(t, EINVAL,
		    "probes from port %u to port %u of this machine would come to "
		    "themselves: choose another --sport or -p",
		    t->endpoint->port, o->dst_port);
		return -EINVAL;
	}
	return 0;
}

/*
 * The probes can be split as it was asked, by a transport that does so, and are told by
 * their identification.
 */
static int
check_split(struct trace *t)
{
	const struct prober_split *split = &t->instance.options.split;
	const struct layout *l = &t->layout;
	char why[PROBER_DETAIL_MAX + 1];

	if (split->count == 0)
		return 0;
	if (!t->transport->by_raw ||
	    (!trace_is_v6(t) && (!l->options.tagged || l->options.tag.layer != 0)))
		snprintf(why, sizeof(why), "no plan for fragments of this family");
	else if (fragments_check(split, l->options.len - l->transport, why) == 0)
		return 0;
	trace_fail(t, EINVAL, "%s", why);
	return -EINVAL;
}

/* The endpoint is open: the algorithm's first event, unless something is wrong. */
static void
begin(struct trace *t)
{
	struct event event = {.type = EVENT_STARTED};

	if (check_way(t) != 0 || prepare_layout(t, &t->plan) != 0 ||
	    check_split(t) != 0)
		return;
	t->begun = true;
	t->instance.hints =
	    learned_get(t->prober->learned, &t->instance.options.target, &t->source);
	tell_started(t);
	trace_dispatch(t, &event);
}

/* Opens the endpoint, if need be on the next port, and begins when it is open. */
static void
open_and_begin(struct trace *t)
{
	int error = trace_open_first(t);

	if (error != 0)
		trace_fail_open(t, error);
	else if (!t->endpoint->opening)
		begin(t);
}

void
trace_endpoint_opened(struct trace *t)
{
	struct endpoint *e = t->endpoint;
	int error;

	if (t->finished || t->begun)
		return;
	error = e->error;
	if (error == 0 && t->src_port == 0 && trace_transport_has_ports(t) &&
	    trace_port_is_taken(t, e->port))
		error = -EADDRINUSE;
	t->src_port = e->port;
	if (error == 0) {
		begin(t);
		return;
	}
	trace_refuse_first(t);
	if (error == -EADDRINUSE)
		open_and_begin(t);
	else
		trace_fail_open(t, error);
}

/* All that needs no endpoint and can fail. */
static int
prepare(struct trace *t)
{
	const struct prober_start *o = &t->instance.options;

	t->plan = t->prober->plan.family[o->target.family == AF_INET6];
	t->transport = transport_find(t->plan.send);
	if (t->instance.algorithm == NULL || t->transport == NULL ||
	    (t->prober->transports_allowed & 1U << t->plan.send) == 0) {
		trace_fail(t, EINVAL, "no algorithm %s, or no plan for this family",
		    o->algorithm);
		return -EINVAL;
	}
	if (t->transport->by_helper && o->flow_field == FLOW_BY_SRC_PORT) {
		trace_fail(t, EINVAL,
		    "paris-privsep keeps one port a trace: let flows differ in the "
		    "destination port");
		return -EINVAL;
	}
	t->instance.flow_window = t->plan.window;
	t->instance.state = calloc(1, t->instance.algorithm->state_size + 1);
	if (t->instance.state == NULL) {
		trace_fail(t, ENOMEM, "no memory for another trace");
		return -ENOMEM;
	}
	t->route_error = find_source(t, &t->source, &t->mtu);
	if (!addr_is_none(&o->source))
		t->source = o->source;
	return 0;
}

void
trace_start(struct prober *p, const struct prober_start *start)
{
	struct trace *t = trace_new(p, start);

	if (t == NULL) {
		prober_fail(p, -ENOMEM, "no memory for another trace");
		return;
	}
	if (prepare(t) != 0)
		return;
	if (start->timeout > 0)
		(void)timer_set(
		    &p->timers, &t->timeout, clock_monotonic() + start->timeout);
	open_and_begin(t);
}

void
trace_free(struct trace *t)
{
	struct prober *p = t->prober;
	struct probe *probe;

	if (t->instance.state != NULL && t->instance.algorithm->clear != NULL)
		t->instance.algorithm->clear(&t->instance, t->instance.state);
	while ((probe = TAILQ_FIRST(&t->probes)) != NULL)
		trace_probe_retire(t, probe);
	trace_hold(t, false);
	trace_leave_line(t);
	timer_cancel(&p->timers, &t->timer);
	timer_cancel(&p->timers, &t->retry);
	timer_cancel(&p->timers, &t->timeout);
	endpoint_unref(t->endpoint);
	layout_clear(&t->layout);
	trace_flows_clear(t);
	free(t->instance.state);
	HASH_DEL(p->traces, t);
	free(t);
}
