#include "tools/live/rounds.h"

#include <stdlib.h>
#include <string.h>

void
rounds_init(struct rounds *r, uint8_t first)
{
	memset(r, 0, sizeof(*r));
	r->first = first;
}

/* Counts a reply for its sender, and keeps the commonest sender first. */
static void
take_address(struct rounds_hop *h, const struct addr *from)
{
	uint32_t i = 0;

	while (i < h->addresses_count && !addr_equal(&h->addresses[i].addr, from))
		i++;
	if (i == ROUNDS_ADDRESSES) {
		h->others++;
		return;
	}
	if (i == h->addresses_count)
		h->addresses[h->addresses_count++] = (struct rounds_address){*from, 0};
	h->addresses[i].count++;
	for (; i > 0 && h->addresses[i].count > h->addresses[i - 1].count; i--) {
		struct rounds_address better = h->addresses[i];

		h->addresses[i] = h->addresses[i - 1];
		h->addresses[i - 1] = better;
	}
}

static void
take_time(struct rounds_hop *h, int64_t rtt)
{
	if (rtt < 0)
		return;
	if (h->timed > 0)
		h->changes += llabs(rtt - h->last);
	if (h->timed == 0 || rtt < h->best)
		h->best = rtt;
	if (h->timed == 0 || rtt > h->worst)
		h->worst = rtt;
	h->last = rtt;
	h->sum += rtt;
	h->timed++;
}

static void
take_reply(struct rounds *r, struct rounds_hop *h, const struct prober_result *m)
{
	h->received++;
	take_address(h, &m->from);
	take_time(h, m->rtt);
	if (m->ttl > r->highest)
		r->highest = m->ttl;
}

void
rounds_take_result(struct rounds *r, const struct prober_result *m)
{
	struct rounds_hop *h = &r->hops[m->ttl];

	switch ((enum prober_outcome)m->outcome) {
	case RESULT_REPLY:
		h->sent++;
		take_reply(r, h, m);
		break;
	case RESULT_TIMEOUT:
		h->sent += (m->flags & RESULT_AGAIN) == 0;
		break;
	case RESULT_LATE:
		/* Its probe was counted as lost; nobody else's answer is it. */
		if (h->received < h->sent && (m->flags & RESULT_UNTAGGED) == 0)
			take_reply(r, h, m);
		break;
	case RESULT_DUPLICATE:
		h->duplicates++;
		break;
	case RESULT_SEND_FAILED:
	case RESULT_AMBIGUOUS:
	case RESULT_FRAGMENT:
	case RESULT_UNAWAITED:
	case RESULT_SENT:
		break;
	}
}

void
rounds_take_done(struct rounds *r, const struct prober_done *m)
{
	r->done++;
	if (m->reason == REASON_REACHED)
		r->reached++;
	if (m->reason == REASON_REACHED || m->reason == REASON_UNREACHABLE)
		r->end = m->end_ttl;
}

int
rounds_last(const struct rounds *r)
{
	return r->end != 0 ? r->end : r->highest;
}

uint32_t
rounds_loss(const struct rounds_hop *h)
{
	if (h->sent == 0)
		return 0;
	return (uint32_t)((uint64_t)(h->sent - h->received) * 1000 / h->sent);
}

int64_t
rounds_mean(const struct rounds_hop *h)
{
	return h->timed != 0 ? h->sum / h->timed : -1;
}

int64_t
rounds_jitter(const struct rounds_hop *h)
{
	return h->timed > 1 ? h->changes / (h->timed - 1) : -1;
}
