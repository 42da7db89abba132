#include "tools/ping/record.h"

#include <errno.h>
#include <math.h>

void
ping_record_init(struct ping_record *t, const char *host, const char *protocol,
    const struct prober_start *asked, const struct prober_plan_family *plan)
{
	*t = (struct ping_record){
	    .host = host, .protocol = protocol, .asked = *asked, .plan = *plan};
}

int
ping_record_take_started(struct ping_record *t, const struct prober_started *m)
{
	if (m->instance != t->asked.instance || t->has_started || t->has_done)
		return -EBADMSG;
	t->has_started = true;
	t->how = *m;
	return 0;
}

int
ping_record_take_done(struct ping_record *t, const struct prober_done *m)
{
	if (m->instance != t->asked.instance || t->has_done)
		return -EBADMSG;
	t->has_done = true;
	t->done = *m;
	/* All of them, not only those that were told one by one. */
	t->duplicates = m->duplicates;
	return 0;
}

bool
ping_record_is_over(const struct ping_record *t)
{
	return t->has_done || t->broken;
}

bool
ping_record_is_answer(const struct prober_result *m)
{
	return (m->flags & RESULT_REACHED) != 0;
}

/* Mean and deviation without cancellation (Welford, Technometrics 4, 1962). */
static void
add_rtt(struct ping_record *t, int64_t rtt)
{
	double before = (double)rtt - t->rtt_mean;

	t->timed++;
	t->rtt_mean += before / t->timed;
	t->rtt_squares += before * ((double)rtt - t->rtt_mean);
	if (t->timed == 1 || rtt < t->rtt_min)
		t->rtt_min = rtt;
	if (rtt > t->rtt_max)
		t->rtt_max = rtt;
	if (t->timed == 1)
		t->rtt_recent = (double)rtt;
	t->rtt_recent += ((double)rtt - t->rtt_recent) / 8;
}

/* A packet was answered for the first time. */
static void
add_answer(struct ping_record *t, const struct prober_result *m)
{
	if (t->transmitted - m->probe > t->pipe)
		t->pipe = t->transmitted - m->probe;
	if (!ping_record_is_answer(m)) {
		t->errors++;
		return;
	}
	t->received++;
	if (m->rtt >= 0)
		add_rtt(t, m->rtt);
}

static int
take_sent(struct ping_record *t, const struct prober_result *m, int64_t now)
{
	if (m->probe != t->transmitted || t->transmitted == UINT32_MAX)
		return -EBADMSG;
	if (t->transmitted++ == 0)
		t->first_sent = now;
	t->last_sent = now;
	return 0;
}

/* What became of a packet that was under way. */
static int
take_final(struct ping_record *t, const struct prober_result *m)
{
	uint64_t settled = (uint64_t)t->received + t->errors + t->failed + t->lost -
			   t->late - t->late_errors;

	if (settled >= t->transmitted)
		return -EBADMSG;
	if (m->outcome == RESULT_REPLY)
		add_answer(t, m);
	else if (m->outcome == RESULT_TIMEOUT)
		t->lost++;
	else
		t->failed++;
	return 0;
}

static int
take_late(struct ping_record *t, const struct prober_result *m)
{
	if (t->late + t->late_errors >= t->lost)
		return -EBADMSG;
	if (ping_record_is_answer(m))
		t->late++;
	else
		t->late_errors++;
	add_answer(t, m);
	return 0;
}

int
ping_record_take_result(
    struct ping_record *t, const struct prober_result *m, int64_t now)
{
	if (m->instance != t->asked.instance || !t->has_started || t->has_done)
		return -EBADMSG;
	if (m->outcome == RESULT_AMBIGUOUS) {
		t->ambiguous += ping_record_is_answer(m);
		return 0;
	}
	if (m->ttl != t->asked.max_ttl || m->flow != 0)
		return -EBADMSG;
	if (m->outcome == RESULT_SENT)
		return take_sent(t, m, now);
	if (m->probe >= t->transmitted)
		return -EBADMSG;
	switch ((enum prober_outcome)m->outcome) {
	case RESULT_REPLY:
	case RESULT_TIMEOUT:
	case RESULT_SEND_FAILED:
		return take_final(t, m);
	case RESULT_LATE:
		return take_late(t, m);
	case RESULT_DUPLICATE:
		t->duplicates++;
		return 0;
	case RESULT_AMBIGUOUS:
	case RESULT_FRAGMENT:
	case RESULT_UNAWAITED:
	case RESULT_SENT:
		break;
	}
	return -EBADMSG;
}

double
ping_record_loss(const struct ping_record *t)
{
	/* Each ambiguous answer is one packet's, unless it is a duplicate. */
	int64_t lost = (int64_t)t->transmitted - t->received - t->ambiguous;

	return lost > 0 ? 100.0 * (double)lost / t->transmitted : 0;
}

double
ping_record_mdev(const struct ping_record *t)
{
	return t->timed > 0 ? sqrt(t->rtt_squares / t->timed) : 0;
}

int64_t
ping_record_time(const struct ping_record *t)
{
	return t->last_sent - t->first_sent;
}

bool
ping_record_is_success(const struct ping_record *t)
{
	uint64_t answers = (uint64_t)t->received + t->ambiguous;

	if (t->asked.timeout != 0 && t->asked.max_probes != 0)
		return answers >= t->asked.max_probes;
	return answers > 0;
}
