/*
 * Ping: asks the target itself, one probe each interval, all of one flow, for as long
 * as it is told to. It keeps counts only, however long it runs.
 *
 * Probes are due at multiples of the interval from the first one, so that the rate does
 * not drift; what was held up is not made good by a burst of more than `preload`. When
 * it ends is iputils ping's rule: all probes answered, or nothing for so long after the
 * last one.
 */
#include <string.h>

#include "algorithms/algorithms.h"
#include "algorithms/asking.h"

/* Never more unanswered than this: a long wait at a high rate must not take memory. */
#define IN_FLIGHT_MAX 16384

/* The first one is alone on its way for so long, unless it is answered before. */
#define ALONE (150 * NS_PER_MS)

struct ping {
	uint32_t sent;
	uint32_t answered; /* by the target, late answers too */
	uint32_t errors;   /* a router or the target said that it cannot be done */
	uint32_t failed;   /* did not leave */
	uint32_t in_flight;
	bool heard; /* anything at all */
	int64_t began;
	int64_t due;       /* of the next probe */
	int64_t last_sent; /* the time of that */
	int64_t longest;   /* RTT so far */
	int64_t end;       /* nothing is waited for any more; INT64_MAX: not known */
	int64_t alarm;     /* what the instance's timer is set to */
};

/* Probes that may leave at once. */
static int64_t
burst_of(const struct instance *i)
{
	return i->options.preload > 1 ? i->options.preload : 1;
}

static bool
all_sent(const struct instance *i, const struct ping *p)
{
	const struct prober_start *o = &i->options;

	/* With a deadline so many answers are wanted. */
	return o->max_probes != 0 && o->timeout == 0 && p->sent >= o->max_probes;
}

/*
 * How long a probe waits. One that may be mistaken for the next, because replies show
 * no tag, keeps that waiting: only as long as an answer may well take.
 */
static int64_t
wait_of(const struct instance *i, const struct ping *p)
{
	return i->flow_window == 1 ? wait_unknown(i, p->longest) : i->options.wait_max;
}

/*
 * When the next probe may leave. Until something was heard nobody knows whether replies
 * can be told apart: then the first ones do not go together.
 */
static int64_t
next_at(const struct instance *i, const struct ping *p)
{
	int64_t alone = p->began + ALONE;

	if (all_sent(i, p) || p->in_flight >= IN_FLIGHT_MAX)
		return INT64_MAX;
	if (i->quotes_may_be_short && !p->heard && p->in_flight > 0 && p->due < alone)
		return alone;
	return p->due;
}

/*
 * As iputils ping: twice the longest RTT and no less than an interval; but no less than
 * a second either, if a packet is to wait so long at all.
 */
static int64_t
end_of(const struct instance *i, const struct ping *p)
{
	int64_t wait_max = i->options.wait_max;
	int64_t wait = wait_max < NS_PER_SECOND ? wait_max : NS_PER_SECOND;

	if (p->answered == 0) /* its own timeout comes first */
		return p->last_sent + wait_max + NS_PER_MS;
	if (wait < i->options.interval)
		wait = i->options.interval;
	return p->last_sent + (wait > 2 * p->longest ? wait : 2 * p->longest);
}

/* Sends one probe. False: not now, or the instance has ended. */
static bool
send_one(struct instance *i, struct ping *p, int64_t now)
{
	struct probe_spec spec = {.ttl = i->options.max_ttl};
	struct prober_result sent;
	struct probe *probe;

	if (instance_send(i, &spec, wait_of(i, p), &probe) != 0)
		return false;
	p->sent++;
	p->in_flight++;
	p->last_sent = now;
	p->due += i->options.interval;
	sent = result_without_reply(i, probe, RESULT_SENT);
	instance_report(i, &sent);
	if (all_sent(i, p))
		p->end = end_of(i, p);
	return true;
}

/* Sends what is due. False: something else will wake us when it is worth a try. */
static bool
send_due(struct instance *i, struct ping *p)
{
	int64_t now = instance_now(i);
	int64_t behind = burst_of(i) * i->options.interval;

	while (next_at(i, p) <= now) {
		if (now - p->due >= behind)
			p->due = now - behind + i->options.interval;
		if (!send_one(i, p, now))
			return false;
	}
	return true;
}

static void
set_alarm(struct instance *i, struct ping *p, int64_t at)
{
	if (at == p->alarm)
		return;
	p->alarm = at;
	instance_set_timer(i, at);
}

/* Whether it is over; then it has been said. */
static bool
check_end(struct instance *i, const struct ping *p)
{
	const struct prober_start *o = &i->options;
	uint64_t settled = (uint64_t)p->answered + p->errors;
	bool over;

	if (o->timeout != 0)
		over = p->errors > 0 ||
		       (o->max_probes != 0 && p->answered >= o->max_probes);
	else
		over = all_sent(i, p) &&
		       (settled + p->failed >= p->sent || instance_now(i) >= p->end ||
			   (i->flow_window == 1 && p->in_flight == 0));
	if (!over)
		return false;
	if (p->answered > 0)
		instance_finish(i, REASON_REACHED, 0);
	else
		instance_finish(
		    i, p->errors > 0 ? REASON_UNREACHABLE : REASON_SEARCH_LIMIT, 0);
	return true;
}

static void
note_answer(struct ping *p, const struct prober_result *r)
{
	p->heard = true;
	if ((r->flags & RESULT_REACHED) == 0) {
		p->errors++;
		return;
	}
	p->answered++;
	if (r->rtt > p->longest)
		p->longest = r->rtt;
}

static void
on_timeout(struct instance *i, struct ping *p, struct probe *probe)
{
	struct prober_result lost = result_without_reply(i, probe, RESULT_TIMEOUT);

	p->in_flight--;
	/* Else a reply to the next one might be this one's. */
	if (i->flow_window == 1)
		instance_withdraw(i, probe);
	instance_report(i, &lost);
}

/* It did not leave: the network may be back for the next one. */
static void
on_send_failed(struct instance *i, struct ping *p, const struct event *event)
{
	struct prober_result failed =
	    result_without_reply(i, event->failed.probe, RESULT_SEND_FAILED);

	p->in_flight--;
	p->failed++;
	failed.error = event->failed.error;
	failed.mtu = event->failed.mtu;
	instance_report(i, &failed);
}

/* One of them is answered, nobody knows which: none is waited for much longer. */
static void
on_ambiguous(struct instance *i, struct ping *p, const struct event *event)
{
	int64_t until;

	p->heard = true;
	if (p->longest == 0) /* no RTT is known, but this is as long as any can be */
		p->longest = instance_now(i) - p->began;
	until = instance_now(i) + wait_unknown(i, p->longest);
	for (size_t n = 0; n < event->ambiguous.count; n++) {
		struct probe *probe = event->ambiguous.probes[n];

		if (probe->until > until)
			instance_set_deadline(i, probe, until);
	}
}

static void
take(struct instance *i, struct ping *p, const struct event *event)
{
	switch (event->type) {
	case EVENT_STARTED:
		p->began = instance_now(i);
		p->due = p->began - (burst_of(i) - 1) * i->options.interval;
		p->end = p->alarm = INT64_MAX;
		break;
	case EVENT_REPLY:
		p->in_flight--;
		note_answer(p, event->reply.result);
		instance_report(i, event->reply.result);
		break;
	case EVENT_LATE: /* the prober has told it */
		note_answer(p, event->reply.result);
		break;
	case EVENT_TIMEOUT:
		on_timeout(i, p, event->probe);
		break;
	case EVENT_SEND_FAILED:
		on_send_failed(i, p, event);
		break;
	case EVENT_AMBIGUOUS:
		on_ambiguous(i, p, event);
		break;
	case EVENT_TIMER:
		if (instance_now(i) >= p->alarm)
			p->alarm = INT64_MAX;
		break;
	case EVENT_DUPLICATE:
	case EVENT_STOPPED:
		break;
	}
}

static void
handle(struct instance *i, void *state, const struct event *event)
{
	struct ping *p = state;
	int64_t at;

	if (event->type == EVENT_STOPPED) {
		instance_finish(i, event->stopped, 0);
		return;
	}
	take(i, p, event);
	if (check_end(i, p))
		return;
	at = send_due(i, p) ? next_at(i, p) : INT64_MAX;
	set_alarm(i, p, at < p->end ? at : p->end);
}

const struct algorithm algorithm_ping = {
    .name = "ping",
    .summary = "asks the host alone, again and again: one flow, constant memory",
    .flow_constant = true,
    .pings = true,
    .state_size = sizeof(struct ping),
    .handle = handle,
};
