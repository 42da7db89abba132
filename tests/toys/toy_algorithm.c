/*
 * A toy, for the walkthrough in CONTRIBUTING.md: one probe to each hop, all at once,
 * none of them asked again. It goes into algorithms/ as it is.
 */
#include "algorithms/algorithms.h"
#include "algorithms/asking.h"

struct toy {
	uint16_t next;      /* the next hop to ask */
	uint16_t in_flight; /* probes whose outcome is not known */
	uint8_t end;        /* the nearest hop where the target answered; 0: none yet */
};

/* Asks what has not been asked, as far as the prober takes it now. */
static void
ask(struct instance *i, struct toy *t)
{
	while (t->next <= i->options.max_ttl) {
		struct probe_spec spec = {.ttl = (uint8_t)t->next, .together = true};

		if (instance_send(i, &spec, i->options.wait_max, NULL) != 0)
			return; /* EVENT_TIMER tells when to go on */
		t->in_flight++;
		t->next++;
	}
}

static void
settle(struct instance *i, struct toy *t, const struct prober_result *result)
{
	bool reached = (result->flags & RESULT_REACHED) != 0;

	t->in_flight--;
	if (reached && (t->end == 0 || result->ttl < t->end))
		t->end = result->ttl;
	instance_report(i, result);
}

static void
handle(struct instance *i, void *state, const struct event *event)
{
	struct toy *t = state;
	struct prober_result result;

	switch (event->type) {
	case EVENT_STARTED:
		t->next = i->options.first_ttl;
		break;
	case EVENT_REPLY:
		settle(i, t, event->reply.result);
		break;
	case EVENT_TIMEOUT:
		result = result_without_reply(i, event->probe, RESULT_TIMEOUT);
		settle(i, t, &result);
		break;
	case EVENT_SEND_FAILED:
		instance_finish(i, REASON_FAILED, 0);
		return;
	case EVENT_STOPPED:
		instance_finish(i, event->stopped, 0);
		return;
	case EVENT_DUPLICATE: /* these are no answers to a query */
	case EVENT_LATE:
	case EVENT_AMBIGUOUS:
	case EVENT_TIMER:
		break;
	}
	ask(i, t);
	if (t->in_flight == 0)
		instance_finish(
		    i, t->end != 0 ? REASON_REACHED : REASON_HOP_LIMIT, t->end);
}

const struct algorithm algorithm_toy = {
    .name = "toy",
    .summary = "a toy: each hop asked once, all at once",
    .flow_constant = true,
    .state_size = sizeof(struct toy),
    .handle = handle,
};
