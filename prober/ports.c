/*
 * Source ports: of flow 0, of other flows and of tags that are ports; what instead of
 * one that is in use; and the endpoints that keep them.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "prober/trace.h"

#define PORT_BASE 24000 /* source port of flow 0: below every ephemeral range */
#define PORTS 8192      /* from there on, to be had instead of others */
#define PORT_STEP 5063  /* odd; a golden section of PORTS */
/* How long another program may have the port of a flow, and how often to look. */
#define LOST_PATIENCE (5 * NS_PER_SECOND)
#define LOST_RETRY (100 * NS_PER_MS)

bool
trace_port_is_asked(const struct trace *t)
{
	return t->instance.options.src_port != 0 || t->instance.options.flow_chosen;
}

/* The port that flow 0 has if it is free. */
static uint32_t
first_port(const struct prober_start *o)
{
	return (o->src_port != 0 ? o->src_port : PORT_BASE) + o->flow_id;
}

bool
trace_is_own_port(const struct trace *t, uint16_t port)
{
	return port == t->instance.options.dst_port &&
	       addr_equal(&t->source, &t->instance.options.target);
}

bool
trace_transport_has_ports(const struct trace *t)
{
	return t->transport->ip_protocol[0] != IPPROTO_ICMP &&
	       t->transport->ip_protocol[0] != IPPROTO_RAW;
}

bool
trace_tag_is_port(const struct trace *t)
{
	const struct field_ref *port = &t->endpoint->src_port;

	return t->tags != NULL && trace_has_ports(t) &&
	       t->tags->field.layer == port->layer &&
	       t->tags->field.index == port->index;
}

/* This trace has given the port to one of its flows. */
static bool
flow_has_port(const struct trace *t, uint16_t port)
{
	if (t->src_port == port)
		return true;
	for (uint32_t i = 0; i < t->flows_count; i++)
		if (t->flows[i].port == port)
			return true;
	return false;
}

bool
trace_port_is_taken(const struct trace *t, uint16_t port)
{
	struct trace *other, *next;

	if (trace_is_own_port(t, port))
		return true;
	HASH_ITER (hh, t->prober->traces, other, next) {
		if (other != t && other->endpoint != NULL &&
		    other->transport == t->transport &&
		    addr_equal(
			&other->instance.options.target, &t->instance.options.target) &&
		    flow_has_port(other, port))
			return true;
	}
	return false;
}

/* Nobody of this prober who must not share it with the trace has the source port. */
static bool
port_is_free(const struct trace *t, uint16_t port)
{
	return !trace_port_is_taken(t, port) && !flow_has_port(t, port);
}

uint16_t
trace_port_instead(uint32_t port, uint32_t nth)
{
	uint32_t place = port - PORT_BASE + nth * PORT_STEP;

	if (nth == 0)
		return (uint16_t)port;
	return (uint16_t)(nth < TRACE_PORTS_NEAR ? PORT_BASE + place % PORTS : 0);
}

uint16_t
trace_flows_from(const struct trace *t)
{
	uint16_t port = t->endpoint->port;

	return trace_port_is_asked(t) || port < PORT_BASE + PORTS ? port : PORT_BASE;
}

/* ---- flow 0 ---- */

static int
open_endpoint(struct trace *t, uint16_t port)
{
	struct endpoint_key key = trace_endpoint_key(t, port);

	return transports_open(&t->prober->transports, &key, &t->endpoint);
}

/* A trace to the same target has the endpoint. */
static bool
endpoint_is_taken(const struct trace *t, const struct endpoint *e)
{
	struct trace *other, *next;

	HASH_ITER (hh, t->prober->traces, other, next)
		if (other->endpoint == e && addr_equal(&other->instance.options.target,
						&t->instance.options.target))
			return true;
	return !e->opening && trace_port_is_taken(t, e->port);
}

/*
 * Takes an endpoint that traces to other targets have, as all do that begin with 24000:
 * there are few descriptors, and fewer places at the helper. Returns whether there is
 * one.
 */
static bool
share_endpoint(struct trace *t)
{
	struct endpoint_key key = trace_endpoint_key(t, 0);
	struct trace *other, *next;

	HASH_ITER (hh, t->prober->traces, other, next) {
		struct endpoint *e = other->endpoint, *same;

		if (e == NULL || e->error != 0)
			continue;
		key.port = e->key.port;
		HASH_FIND(hh, t->prober->transports.endpoints, &key, sizeof(key), same);
		if (same != e || endpoint_is_taken(t, e))
			continue;
		t->endpoint = endpoint_ref(e);
		return true;
	}
	return false;
}

void
trace_refuse_first(struct trace *t)
{
	endpoint_unref(t->endpoint);
	t->endpoint = NULL;
}

/*
 * The tags of each run begin with the same destination port. With the same source port,
 * too, late answers to a run that is over would be taken for the next one's: the kernel
 * chooses one, as for traceroute(8).
 */
static bool
tags_begin_alike(const struct trace *t)
{
	const char *field = strchr(t->plan.tag, '.');

	return field != NULL && strcmp(field, ".dst_port") == 0;
}

int
trace_open_first(struct trace *t)
{
	const struct prober_start *o = &t->instance.options;
	uint32_t base = first_port(o);
	bool exact = trace_port_is_asked(t);
	int error = -EADDRINUSE;

	if (!trace_transport_has_ports(t)) /* the kernel or the helper chooses */
		return open_endpoint(t, 0);
	if (base > UINT16_MAX)
		return -ERANGE;
	if (t->ports_tried == 0 && !exact && tags_begin_alike(t))
		t->ports_tried = TRACE_PORTS_NEAR;
	while (
	    error == -EADDRINUSE && t->ports_tried < (exact ? 1 : TRACE_PORT_TRIES)) {
		uint16_t port = trace_port_instead(base, t->ports_tried++);

		if (!exact && port != 0 && trace_port_is_taken(t, port))
			continue;
		error = port == 0 && share_endpoint(t) ? 0 : open_endpoint(t, port);
		if (error == 0 && port == 0 && !t->endpoint->opening &&
		    trace_port_is_taken(t, t->endpoint->port)) {
			trace_refuse_first(t);
			error = -EADDRINUSE;
		}
		t->src_port = port;
		if (error == 0 && port == 0) /* 0 still while it is opening */
			t->src_port = t->endpoint->port;
	}
	return error;
}

void
trace_fail_open(struct trace *t, int error)
{
	const struct prober_start *o = &t->instance.options;
	uint32_t port = first_port(o);
	char text[ADDR_TEXT_MAX];

	if (error == -EADDRINUSE && !trace_port_is_asked(t))
		trace_fail(t, EADDRINUSE, TRACE_NO_PORT);
	else if (error == -EADDRINUSE)
		trace_fail(t, EADDRINUSE,
		    "source port %u is in use by another program: choose another "
		    "--flow-id or --sport",
		    port);
	else if (error == -ERANGE)
		trace_fail(t, ERANGE, "flow %u has no source port: the last one is %u",
		    o->flow_id, UINT16_MAX - (port - o->flow_id));
	else if (error == -EADDRNOTAVAIL)
		trace_fail(t, EADDRNOTAVAIL, "%s is not an address of this machine",
		    addr_to_text(&o->source, text));
	else if (error == -ENODEV)
		trace_fail(
		    t, ENODEV, "there is no interface %s: see 'ip link'", o->device);
	else if (error == -ENOTCONN && t->transport->by_helper)
		trace_helper_lost(t);
	else if (error == -EMFILE && t->transport->by_helper)
		trace_fail(t, EBUSY,
		    "paris-privsep keeps no more than %d ports: fewer traces to one "
		    "target at a time",
		    PRIVSEP_RESERVATIONS);
	else if (error == -EACCES && trace_transport_has_ports(t))
		trace_fail(t, EACCES,
		    "source port %u is reserved for root: choose another", port);
	else
		trace_fail(t, -error, "cannot open a %s socket: %s", t->transport->name,
		    trace_error_text(-error));
}

/* ---- other flows ---- */

/* Remembers a flow's port for as long as the trace runs: it is the flow. */
static int
flow_keep(struct trace *t, uint32_t flow, struct endpoint *e)
{
	if (flow >= t->flows_count) {
		uint32_t count = t->flows_count == 0 ? 64 : t->flows_count;
		struct trace_flow *flows;

		while (count <= flow)
			count *= 2;
		flows = realloc(t->flows, count * sizeof(*flows));
		if (flows == NULL)
			return -ENOMEM;
		memset(flows + t->flows_count, 0,
		    (count - t->flows_count) * sizeof(*flows));
		t->flows = flows;
		t->flows_count = count;
	}
	t->flows[flow] =
	    (struct trace_flow){.port = e->port, .endpoint = endpoint_ref(e)};
	return 0;
}

bool
trace_flow_is_lost(const struct trace *t, uint32_t flow)
{
	return flow < t->flows_count && t->flows[flow].lost != 0;
}

void
trace_close_flow(struct trace *t, uint32_t flow)
{
	if (flow >= t->flows_count)
		return;
	endpoint_unref(t->flows[flow].endpoint);
	t->flows[flow].endpoint = NULL;
}

void
trace_flows_clear(struct trace *t)
{
	for (uint32_t i = 0; i < t->flows_count; i++)
		trace_close_flow(t, i);
	free(t->flows);
	t->flows = NULL;
	t->flows_count = 0;
}

static int
open_port(struct trace *t, uint16_t port, struct endpoint **out)
{
	struct endpoint_key key = trace_endpoint_key(t, port);

	return transports_open_more(&t->prober->transports, &key, out);
}

/* Likewise, on a port that nobody of this prober has; 0: of the kernel's choice. */
static int
open_free_port(struct trace *t, uint16_t port, struct endpoint **out)
{
	int error = -EADDRINUSE;

	if (port == 0 || port_is_free(t, port))
		error = open_port(t, port, out);
	if (error == 0 && port == 0 && !port_is_free(t, (*out)->port)) {
		endpoint_unref(*out);
		error = -EADDRINUSE;
	}
	return error;
}

/*
 * Opens the endpoint of a flow that has a source port of its own: the one counted from
 * flow 0's or, if another program or trace has that and the user does not insist, one
 * that is free instead.
 */
static int
open_new_flow(struct trace *t, uint32_t flow, uint16_t own, struct endpoint **out)
{
	bool exact = trace_port_is_asked(t);
	int error = -EADDRINUSE;

	for (uint32_t i = 0; i < (exact ? 1 : TRACE_PORT_TRIES); i++) {
		error = open_free_port(t, trace_port_instead(own, i), out);
		if (error != -EADDRINUSE)
			break;
	}
	if (error == 0) {
		error = flow_keep(t, flow, *out);
		if (error != 0)
			endpoint_unref(*out);
	}
	return error;
}

/*
 * Opens the endpoint of a flow again, which was closed when descriptors ran short. No
 * other port is that flow: what has taken it meanwhile is waited for. -EAGAIN, with a
 * wake-up arranged.
 */
static int
open_flow_again(struct trace *t, struct trace_flow *flow, struct endpoint **out)
{
	int64_t now = clock_monotonic();
	int error = open_port(t, flow->port, out);

	if (error == 0) {
		flow->endpoint = endpoint_ref(*out);
		flow->lost = 0;
	}
	if (error != -EADDRINUSE)
		return error;
	if (flow->lost == 0)
		flow->lost = now;
	if (now >= flow->lost + LOST_PATIENCE)
		return error;
	(void)timer_set(&t->prober->timers, &t->retry, now + LOST_RETRY);
	return -EAGAIN;
}

/* The endpoint of a flow that has a source port of its own. */
static int
open_flow_port(struct trace *t, uint32_t flow, uint16_t own, struct endpoint **out)
{
	struct trace_flow *known = flow < t->flows_count ? &t->flows[flow] : NULL;

	if (known == NULL || known->port == 0)
		return open_new_flow(t, flow, own, out);
	if (known->endpoint == NULL)
		return open_flow_again(t, known, out);
	*out = endpoint_ref(known->endpoint);
	return 0;
}

int
trace_open_flow(struct trace *t, uint32_t flow, struct endpoint **out)
{
	struct layout_probe v = {0};
	int error = layout_flow(&t->layout, flow, &v);

	if (error != 0)
		return error;
	if (v.src_port != t->layout.options.src_port)
		return open_flow_port(t, flow, v.src_port, out);
	*out = endpoint_ref(t->endpoint);
	return 0;
}

/* ---- tags that are ports ---- */

int
trace_open_tag(struct trace *t, struct probe *p)
{
	const struct addr *target = &t->instance.options.target;
	int error;

	if (trace_is_own_port(t, (uint16_t)p->tag))
		return -EADDRINUSE;
	error = open_port(t, (uint16_t)p->tag, &p->endpoint);
	if (error == 0 &&
	    store_awaits(&t->prober->store, p->endpoint, target, 0, NULL)) {
		endpoint_unref(p->endpoint);
		error = -EADDRINUSE;
	}
	return error;
}

int
trace_open_any_tag(struct trace *t, struct probe *p)
{
	int error = open_free_port(t, 0, &p->endpoint);

	if (error != 0)
		return error;
	p->tag = p->endpoint->port;
	if (!tag_set_has(t->tags, p->tag))
		return 0;
	endpoint_unref(p->endpoint);
	return -EADDRINUSE;
}
