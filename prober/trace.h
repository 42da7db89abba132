/*
 * One running trace from the inside, for the files that make it up: trace.c starts and
 * ends it, instance.c is what its algorithm calls, deliver.c is what arrives for it.
 */
#ifndef PROBER_TRACE_H
#define PROBER_TRACE_H

#include "prober/prober.h"

static inline struct trace *
trace_of(struct instance *i)
{
	return (struct trace *)i;
}

/* The ports make the flow (UDP, TCP); else the ICMP checksum does. */
static inline bool
trace_has_ports(const struct trace *t)
{
	return t->endpoint->has_ports;
}

static inline bool
trace_is_v6(const struct trace *t)
{
	return t->instance.options.target.family == AF_INET6;
}

/* Hands an event to the algorithm, unless it is done. */
void trace_dispatch(struct trace *t, const struct event *event);

/* Has the trace woken by EVENT_TIMER when something is released; or no longer. */
void trace_hold(struct trace *t, bool held);

/* Sees to it that those who stand in line are woken when the next may send. */
void trace_pace_wait(struct prober *p, int64_t now);

/* It waits no longer for the pace of all traces. */
void trace_leave_line(struct trace *t);

/* Ends a trace that cannot go on, with the words for the user. error: errno. */
void trace_fail(struct trace *t, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Its endpoint has been opened, or cannot be had (endpoint.error). */
void trace_endpoint_opened(struct trace *t);

/* The helper through which it sends has ended: so does the trace. */
void trace_helper_lost(struct trace *t);

/*
 * It has finished, but the helper has not said yet what became of all that it was
 * handed (trace.owed): it ends when that is said, or has been waited for in vain.
 */
void trace_await_owed(struct trace *t, bool stopped);

/* One of those was told of. */
void trace_owed_less(struct trace *t);

/* An errno in words, without locale or memory. */
const char *trace_error_text(int error);

/* Random bits of the prober's own generator. */
uint64_t prober_random(struct prober *p);

/* ---- instance.c ---- */

/* The world that algorithms of real traces call. */
extern const struct instance_world trace_world;

/* Timers of a trace's probes: the deadline, then the end of being remembered. */
void trace_probe_timer(struct timer *timer);

/* A probe's outcome is known: nothing waits for it but duplicates and late replies. */
void trace_probe_linger(struct trace *t, struct probe *p, enum probe_state state);

/* Sends what the trace reported last to the tool, if that was held back. */
void trace_tell_report(struct trace *t);

/* Takes a probe out of everything; the store's reference goes with it. */
void trace_probe_retire(struct trace *t, struct probe *p);

/* What the probes of this trace that leave from this port leave through. */
struct endpoint_key trace_endpoint_key(const struct trace *t, uint16_t port);

/* ---- ports.c ---- */

/* As trace_has_ports, before there is an endpoint. */
bool trace_transport_has_ports(const struct trace *t);

/* True when the tag is our own port, so that each probe has an endpoint of its own. */
bool trace_tag_is_port(const struct trace *t);

/* The user has named flow 0's source port, or the flow: no other will do. */
bool trace_port_is_asked(const struct trace *t);

/* True for the port that the probes go to, if they go to our own address. */
bool trace_is_own_port(const struct trace *t, uint16_t port);

/* Another trace to the same target has the source port, or it is where ours goes. */
bool trace_port_is_taken(const struct trace *t, uint16_t port);

/*
 * The source port to try instead of one that is in use, nth 0 to TRACE_PORT_TRIES - 1:
 * the port itself, then some of those from 24000 on, each far from all before it, then
 * 0, the kernel's choice, which costs the same however many are in use. Flows have
 * consecutive ports: what another program has next to its own is in use, too.
 */
#define TRACE_PORTS_NEAR 4 /* of our choice */
#define TRACE_PORT_TRIES 8
uint16_t trace_port_instead(uint32_t port, uint32_t nth);

/* What is said when none of them could be had. */
#define TRACE_NO_PORT \
	"no source port is free: too many programs have some at once; try again when " \
	"some of them have ended"

/*
 * Opens the endpoint of flow 0, or begins to: the port asked for, or one that is free
 * instead; traces to different targets share it. Called again when what was opening
 * could not be had. Returns 0 or -errno.
 */
int trace_open_first(struct trace *t);

/* Lets go of that endpoint, whose port another trace has. */
void trace_refuse_first(struct trace *t);

/* Ends the trace and says why it could not be opened. */
void trace_fail_open(struct trace *t, int error);

/*
 * The port from which those of flows are counted: flow 0's, but for one of the
 * kernel's choice, which may be the last there is.
 */
uint16_t trace_flows_from(const struct trace *t);

/*
 * Gives the endpoint that probes of a flow leave through, with a reference. Returns 0
 * or -errno: -EAGAIN, with a wake-up arranged, while another program has the port.
 */
int trace_open_flow(struct trace *t, uint32_t flow, struct endpoint **out);

/* Another program has had the port of this flow since it was closed. */
bool trace_flow_is_lost(const struct trace *t, uint32_t flow);

/* Lets go of the endpoint of a flow, if it has one; the port stays the flow's. */
void trace_close_flow(struct trace *t, uint32_t flow);

/* Forgets what ports its flows have. */
void trace_flows_clear(struct trace *t);

/*
 * The endpoint of a probe whose tag is a port. Returns 0 or -errno: -EADDRINUSE, too,
 * while another probe that left from there to the same target is to be answered.
 */
int trace_open_tag(struct trace *t, struct probe *p);

/* Likewise on a port of the kernel's choice, which becomes the tag; not one of the set.
 */
int trace_open_any_tag(struct trace *t, struct probe *p);

#endif
