/*
 * paris-prober with one algorithm, "flows", for tests/functional/test_flows.py: sends a
 * probe of each of `window` flows at every TTL, as many at once as it may, each TTL in
 * turn backwards, so that every flow is used again when many others have been.
 */
/* NOLINTNEXTLINE(bugprone-suspicious-include): the program, with another table */
#include "prober/main.c"

#include "prober/algorithm.h"

struct flows {
	uint32_t next;    /* probe to be sent: TTL backwards, flow forwards */
	uint32_t settled; /* those whose outcome is known */
};

static uint32_t
total(const struct instance *i)
{
	const struct prober_start *o = &i->options;

	return (uint32_t)(o->max_ttl - o->first_ttl + 1) * o->window;
}

static void
send_more(struct instance *i, struct flows *f)
{
	const struct prober_start *o = &i->options;

	while (f->next < total(i)) {
		struct probe_spec spec = {
		    .flow = f->next % o->window,
		    .ttl = (uint8_t)(o->max_ttl - f->next / o->window),
		};

		/* Whatever it is not, is told by an event, or has ended us. */
		if (instance_send(i, &spec, o->wait_max, NULL) != 0)
			return;
		f->next++;
	}
}

static void
settle(struct instance *i, struct flows *f, const struct probe *p, uint8_t outcome)
{
	struct prober_result result = {.instance = i->options.instance,
	    .probe = p->number,
	    .flow = p->flow,
	    .ttl = p->ttl,
	    .outcome = outcome,
	    .rtt = -1,
	    .reply_ttl = -1,
	    .reply_tos = -1};

	if (outcome != RESULT_REPLY) /* the reply itself was reported */
		instance_report(i, &result);
	f->settled++;
}

static void
flows_handle(struct instance *i, void *state, const struct event *event)
{
	struct flows *f = state;
	struct prober_result result;

	switch (event->type) {
	case EVENT_REPLY:
		result = *event->reply.result;
		instance_report(i, &result);
		settle(i, f, event->reply.probe, RESULT_REPLY);
		break;
	case EVENT_TIMEOUT:
		settle(i, f, event->probe, RESULT_TIMEOUT);
		break;
	case EVENT_SEND_FAILED:
		settle(i, f, event->failed.probe, RESULT_SEND_FAILED);
		break;
	case EVENT_STOPPED:
		instance_finish(i, event->stopped, 0);
		return;
	case EVENT_STARTED:
	case EVENT_DUPLICATE:
	case EVENT_LATE:
	case EVENT_AMBIGUOUS:
	case EVENT_TIMER:
		break;
	}
	send_more(i, f);
	if (f->settled == total(i))
		instance_finish(i, REASON_REACHED, i->options.max_ttl);
}

static const struct algorithm algorithm_flows = {
    .name = "flows",
    .summary = "many flows",
    .flow_constant = true,
    .state_size = sizeof(struct flows),
    .handle = flows_handle,
};

const struct algorithm *const algorithm_table[] = {&algorithm_flows, NULL};

const struct algorithm *
algorithm_find(const char *name)
{
	return strcmp(name, "flows") == 0 ? &algorithm_flows : NULL;
}
