#include "algorithms/asking.h"

/* traceroute(8) adds a millisecond before it multiplies an RTT to get a wait. */
#define WAIT_SLACK NS_PER_MS
/*
 * A late reply without a tag would be taken for the answer to the probe that is out by
 * then, so hops of which nothing is known are given at least this long.
 */
#define WAIT_UNKNOWN NS_PER_SECOND

/* factor: thousandths, 0 for "no opinion". */
int64_t
wait_by(const struct instance *i, uint32_t factor, int64_t rtt)
{
	int64_t max = i->options.wait_max;
	int64_t wait;

	if (factor == 0 || rtt > max)
		return max;
	wait = (rtt + WAIT_SLACK) / 1000 * factor;
	wait = wait < WAIT_MIN ? WAIT_MIN : wait;
	return wait < max ? wait : max;
}

int64_t
wait_unknown(const struct instance *i, int64_t rtt)
{
	int64_t wait = wait_by(i, i->options.wait_near, rtt);
	int64_t max = i->options.wait_max;

	if (rtt == 0)
		return max;
	wait = wait < WAIT_UNKNOWN ? WAIT_UNKNOWN : wait;
	return wait < max ? wait : max;
}

struct prober_result
result_without_reply(
    const struct instance *i, const struct probe *p, enum prober_outcome outcome)
{
	return (struct prober_result){
	    .instance = i->options.instance,
	    .probe = p->number,
	    .flow = p->flow,
	    .ttl = p->ttl,
	    .query = p->query,
	    .outcome = (uint8_t)outcome,
	    .flags = p->resent > 0 ? RESULT_RESENT : 0,
	    .reply_ttl = -1,
	    .reply_tos = -1,
	    .sent = p->sent,
	    .rtt = -1,
	};
}
