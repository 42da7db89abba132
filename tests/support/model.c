#include "tests/support/model.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "prober/prober.h"
#include "prober/reply.h"

#define TURNS_MAX 2000000
#define DURATION_MAX (NS_PER_SECOND * 3600 * 24)

/* In the order in which a wake-up of the prober handles them. */
enum event_kind { ARRIVAL, ALARM, STOP };

struct happening {
	int64_t at;
	uint64_t order; /* of those at one time: kind, then the order of their making */
	enum event_kind kind;
	/* ARRIVAL */
	size_t probe; /* index into run.probes */
	uint16_t node;
};

/* A probe as the prober's store has it. */
struct stored {
	struct probe *p; /* referenced; NULL once forgotten */
	bool listed;     /* may answer for a reply without a tag */
	int64_t alarm;   /* deadline, or end of remembrance; INT64_MAX: none */
	size_t alarms;   /* how often it was set: older alarms are void */
	size_t truth;    /* whose reply was delivered to it last */
};

struct alarm {
	enum { OF_PROBE, OF_ALGORITHM, OF_RETRY, OF_TIMEOUT } what;
	size_t probe;
	size_t number; /* must equal the setting's, or it was moved since */
};

/* What exists during a run only. */
struct model_run {
	struct instance instance; /* first: algorithms hold a pointer to it */
	struct model *model;
	struct rng rng;     /* of the network */
	struct rng private; /* of the algorithm */
	int64_t now;
	int64_t next_send;
	bool finished;
	bool held;
	bool released;
	size_t timer_number, retry_number;
	struct stored *probes;
	size_t room;
	size_t in_flight;
	size_t queued; /* index of the first probe that may be queued */
	struct happening *heap;
	struct alarm *alarms; /* beside the heap, by happening.probe of ALARMs */
	size_t heap_count, heap_room, alarms_count, alarms_room;
	uint64_t order;
	size_t results_room;
	int64_t
	    answered_to[MODEL_NODES_MAX]; /* when all that it may answer is used up */
};

/* Memory is no subject of the model. */
static void *
grow(void *array, size_t *room, size_t wanted, size_t size)
{
	if (wanted <= *room)
		return array;
	*room = *room == 0 ? 256 : *room * 2;
	array = realloc(array, *room * size);
	if (array == NULL)
		abort();
	return array;
}

/* ---- what is going to happen ---- */

static bool
earlier(const struct happening *a, const struct happening *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void
heap_put(struct model_run *r, struct happening h)
{
	size_t i = r->heap_count++;

	h.order = (uint64_t)h.kind << 48 | r->order++;
	r->heap = grow(r->heap, &r->heap_room, r->heap_count, sizeof(*r->heap));
	for (; i > 0 && earlier(&h, &r->heap[(i - 1) / 2]); i = (i - 1) / 2)
		r->heap[i] = r->heap[(i - 1) / 2];
	r->heap[i] = h;
}

static struct happening
heap_take(struct model_run *r)
{
	struct happening first = r->heap[0];
	struct happening last = r->heap[--r->heap_count];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < r->heap_count &&
		    earlier(&r->heap[child + 1], &r->heap[child]))
			child++;
		if (child >= r->heap_count || !earlier(&r->heap[child], &last))
			break;
		r->heap[i] = r->heap[child];
		i = child;
	}
	r->heap[i] = last;
	return first;
}

static void
alarm_set(struct model_run *r, int64_t at, struct alarm a)
{
	struct happening h = {.at = at > r->now ? at : r->now, .kind = ALARM};

	if (at == INT64_MAX)
		return;
	r->alarms =
	    grow(r->alarms, &r->alarms_room, r->alarms_count + 1, sizeof(*r->alarms));
	h.probe = r->alarms_count;
	r->alarms[r->alarms_count++] = a;
	heap_put(r, h);
}

static void
probe_alarm(struct model_run *r, size_t index, int64_t at)
{
	struct stored *s = &r->probes[index];

	s->alarm = at;
	alarm_set(r, at, (struct alarm){OF_PROBE, index, ++s->alarms});
}

/* ---- the network ---- */

static uint64_t
mix(uint64_t a, uint64_t b)
{
	struct rng r = {a ^ b * UINT64_C(0xd1342543de82ef95)};

	return rng_next(&r);
}

/* Where a probe goes from a node. */
static uint16_t
step(const struct model *m, uint16_t node, uint64_t key)
{
	const struct model_node *n = &m->nodes[node];

	if (n->next_count == 0)
		return MODEL_NONE;
	if (m->choose != NULL)
		return n->next[m->choose(m, node, key)];
	return n->next[mix(mix(m->seed, node), key) % n->next_count];
}

/*
 * number: what per-packet balancers look at. told_mtu: what is said of a probe that is
 * too large; else left alone.
 */
static uint16_t
walk(const struct model *m, uint32_t flow, uint64_t number, uint8_t ttl, uint16_t len,
    uint16_t *told_mtu)
{
	uint16_t node = m->first;

	for (unsigned int left = ttl; left > 1 && node != MODEL_NONE; left--) {
		const struct model_node *n = &m->nodes[node];

		if (n->ends)
			break;
		if (n->mtu != 0 && len > n->mtu) {
			*told_mtu = n->lies ? len - 1 : n->mtu;
			break;
		}
		node = step(m, node, n->per_packet ? UINT64_C(1) << 40 | number : flow);
	}
	return node;
}

uint16_t
model_path(const struct model *m, uint32_t flow, uint8_t ttl)
{
	uint16_t none;

	return walk(m, flow, 0, ttl, 0, &none);
}

/* Whether a router has used up what it may answer (a leaky bucket). */
static bool
is_rationed(struct model_run *r, uint16_t node)
{
	const struct model_node *n = &r->model->nodes[node];
	int64_t *to = &r->answered_to[node];

	if (n->burst == 0)
		return false;
	*to = *to > r->now ? *to : r->now;
	if (*to - r->now > (n->burst - 1) * n->refill)
		return true;
	*to += n->refill;
	return false;
}

/* Sends what is queued: this is when the network sees it. */
static void
flush(struct model_run *r)
{
	struct model *m = r->model;

	for (; r->queued < m->sent_count; r->queued++) {
		struct stored *s = &r->probes[r->queued];
		struct model_sent *sent = &m->sent[r->queued];
		struct happening h = {.kind = ARRIVAL, .probe = r->queued};
		const struct model_node *n;

		if (s->p == NULL || s->p->state != PROBE_QUEUED)
			continue;
		s->p->state = PROBE_IN_FLIGHT;
		s->p->sent = r->now;
		sent->left = true;
		sent->node = h.node = walk(
		    m, s->p->flow, r->queued, s->p->ttl, sent->len, &sent->told_mtu);
		if (h.node == MODEL_NONE)
			continue;
		n = &m->nodes[h.node];
		h.at = r->now + n->rtt;
		if (m->jitter > 0)
			h.at += (int64_t)rng_below(&r->rng, (uint64_t)m->jitter);
		if (n->silent || is_rationed(r, h.node) ||
		    rng_chance(&r->rng, n->lost) ||
		    (m->loses != NULL && m->loses(m, sent)))
			continue;
		if (rng_chance(&r->rng, n->late))
			h.at += m->late_by;
		heap_put(r, h);
		if (rng_chance(&r->rng, n->duplicated)) {
			h.at += m->duplicate_after;
			heap_put(r, h);
		}
	}
}

/* ---- what arrives ---- */

static void
dispatch(struct model_run *r, const struct event *event)
{
	if (!r->finished)
		r->instance.algorithm->handle(&r->instance, r->instance.state, event);
}

static size_t
index_of(const struct model_run *r, const struct probe *p)
{
	size_t index = p->number;

	if (index >= r->model->sent_count || r->probes[index].p != p)
		abort(); /* the algorithm made it up */
	return index;
}

static bool
is_out(const struct probe *p)
{
	return p->state == PROBE_QUEUED || p->state == PROBE_IN_FLIGHT;
}

/* trace_probe_linger(). */
static void
linger(struct model_run *r, size_t index, enum probe_state state)
{
	struct stored *s = &r->probes[index];

	if (is_out(s->p))
		r->in_flight--;
	s->p->state = (uint8_t)state;
	if (state != PROBE_TIMED_OUT)
		s->listed = false;
	r->released = true;
	probe_alarm(r, index, r->now + PROBE_LINGER);
}

/* Of a probe other than the one that it is told for? */
static void
count_wrong(struct model_run *r, const struct prober_result *result)
{
	struct model *m = r->model;
	const struct model_sent *truth = &m->sent[r->probes[result->probe].truth];

	if (r->probes[result->probe].truth == result->probe)
		return;
	if ((result->flags & RESULT_BY_ADDRESS) != 0 && truth->flow == result->flow &&
	    truth->ttl == result->ttl)
		m->wrong_times++;
	else
		m->wrong++;
}

static void
report(struct instance *i, const struct prober_result *result)
{
	struct model_run *r = (struct model_run *)i;
	struct model *m = r->model;

	if (result->outcome == RESULT_REPLY || result->outcome == RESULT_LATE ||
	    result->outcome == RESULT_DUPLICATE)
		count_wrong(r, result);
	if (result->outcome <= RESULT_SEND_FAILED &&
	    m->finals[result->ttl][result->query] == 0)
		m->finals[result->ttl][result->query] = (uint32_t)m->results_count + 1;
	m->results = grow(
	    m->results, &r->results_room, m->results_count + 1, sizeof(*m->results));
	m->results[m->results_count++] = *result;
}

/* result_fill(). */
static void
fill(const struct model_run *r, const struct happening *h, const struct probe *p,
    struct prober_result *out)
{
	const struct model_node *n = &r->model->nodes[h->node];
	uint16_t told_mtu = r->model->sent[h->probe].told_mtu;
	bool unreachable = n->kind == REPLY_UNREACHABLE || told_mtu != 0;
	struct reply reply = {
	    .kind = unreachable ? REPLY_UNREACHABLE : n->kind,
	    .icmp_type = unreachable ? 3 : 11,
	    .icmp_code = told_mtu != 0 ? 4 : n->code,
	    .from = n->addr,
	};

	memset(out, 0, sizeof(*out));
	out->instance = r->instance.options.instance;
	out->reply = reply.kind;
	out->mtu = told_mtu;
	out->flags = reply_flags(&reply, IPPROTO_UDP, &r->instance.options.target);
	out->icmp_type = reply.icmp_type;
	out->icmp_code = reply.icmp_code;
	out->reply_ttl = n->reply_ttl != 0 ? n->reply_ttl : -1;
	out->reply_tos = -1;
	out->from = n->addr;
	out->rtt = -1;
	if (p == NULL)
		return;
	if (n->hop != 0 && n->hop <= p->ttl) {
		out->seen = SEEN_QUOTED;
		out->quoted_ttl = (uint8_t)(p->ttl - n->hop + 1);
	}
	out->probe = p->number;
	out->flow = p->flow;
	out->ttl = p->ttl;
	out->query = p->query;
	out->sent = p->sent;
	out->rtt = r->now - p->sent;
	out->rtt_source = RTT_KERNEL;
}

static bool
shows_tag(const struct model *m, uint16_t node)
{
	return !m->nodes[node].short_quote && m->flow_window != 1;
}

/* deliver_one(). */
static void
deliver_one(
    struct model_run *r, const struct happening *h, size_t index, bool by_address)
{
	struct probe *p = r->probes[index].p;
	struct prober_done *done = &r->instance.done;
	struct prober_result result;
	struct event event = {
	    .type = EVENT_REPLY, .reply = {.probe = p, .result = &result}};

	if (p->state == PROBE_QUEUED || p->state == PROBE_FAILED)
		return;
	event.reply.alone = !shows_tag(r->model, h->node) && !by_address;
	r->probes[index].truth = h->probe;
	fill(r, h, p, &result);
	if (by_address)
		result.flags |= RESULT_BY_ADDRESS;
	if (r->instance.quotes_may_be_short && !shows_tag(r->model, h->node))
		r->instance.flow_window = 1;
	result.outcome = RESULT_REPLY;
	if (p->state == PROBE_IN_FLIGHT) {
		done->replies++;
		linger(r, index, PROBE_ANSWERED);
		dispatch(r, &event);
		return;
	}
	if (p->state == PROBE_TIMED_OUT) {
		event.type = EVENT_LATE;
		result.outcome = RESULT_LATE;
		done->late++;
		linger(r, index, PROBE_ANSWERED);
	} else {
		event.type = EVENT_DUPLICATE;
		result.outcome = RESULT_DUPLICATE;
		done->duplicates++;
	}
	if (p->extra_replies == EXTRA_REPLIES_TOLD)
		return;
	p->extra_replies++;
	report(&r->instance, &result);
	dispatch(r, &event);
}

/* deliver_several(). */
static void
deliver_several(struct model_run *r, const struct happening *h,
    struct probe *const *probes, size_t count)
{
	struct prober_result result;
	struct event event = {.type = EVENT_AMBIGUOUS};

	fill(r, h, NULL, &result);
	result.outcome = RESULT_AMBIGUOUS;
	result.candidates = (uint16_t)count;
	r->instance.done.ambiguous++;
	r->instance.flow_window = 1;
	for (size_t i = 0; i < count; i++)
		r->probes[index_of(r, probes[i])].truth = h->probe;
	report(&r->instance, &result);
	event.ambiguous.probes = probes;
	event.ambiguous.count = count;
	event.ambiguous.result = &result;
	dispatch(r, &event);
}

/* is_doubted(). */
static bool
is_doubted(struct model_run *r, const struct happening *h, struct probe *p)
{
	const struct algorithm *a = r->instance.algorithm;
	struct prober_result result;
	struct reply_view view = {.probe = p, .result = &result, .alone = true};

	if ((p->state != PROBE_IN_FLIGHT && p->state != PROBE_TIMED_OUT) ||
	    r->finished || a->doubts == NULL)
		return false;
	fill(r, h, p, &result);
	return a->doubts(&r->instance, r->instance.state, &view);
}

/* match_expected(): the one probe in flight that expects this sender, or NULL. */
static struct probe *
expecting(const struct addr *from, struct probe *const *found, size_t count)
{
	struct probe *one = NULL;

	for (size_t i = 0; i < count; i++) {
		if (found[i]->state != PROBE_IN_FLIGHT ||
		    addr_is_none(&found[i]->expects) ||
		    !addr_equal(&found[i]->expects, from))
			continue;
		if (one != NULL)
			return NULL;
		one = found[i];
	}
	return count < MATCH_MAX ? one : NULL;
}

/* store_match(): by its tag, else by what is unanswered of its flow. */
static void
arrive(struct model_run *r, const struct happening *h)
{
	const struct model_sent *sent = &r->model->sent[h->probe];
	struct probe *found[MATCH_MAX], *one;
	size_t count = 0;

	if (shows_tag(r->model, h->node)) {
		if (r->probes[h->probe].p != NULL)
			deliver_one(r, h, h->probe, false);
		else
			r->model->strays++;
		return;
	}
	for (size_t i = 0; i < r->model->sent_count && count < MATCH_MAX; i++) {
		struct probe *p = r->probes[i].p;

		if (p != NULL && r->probes[i].listed && p->flow == sent->flow &&
		    p->state != PROBE_QUEUED && !p->withdrawn)
			found[count++] = p;
	}
	one = expecting(&r->model->nodes[h->node].addr, found, count);
	if (count == 0)
		r->model->strays++;
	else if (one != NULL)
		deliver_one(r, h, index_of(r, one), true);
	else if (count == 1 && !is_doubted(r, h, found[0]))
		deliver_one(r, h, index_of(r, found[0]), false);
	else
		deliver_several(r, h, found, count);
}

/* ---- the world ---- */

static int64_t
now(struct instance *i)
{
	return ((struct model_run *)i)->now;
}

static uint64_t
random_bits(struct instance *i)
{
	return rng_next(&((struct model_run *)i)->private);
}

static bool
flow_is_out(const struct model_run *r, uint32_t flow)
{
	for (size_t i = 0; i < r->model->sent_count; i++)
		if (r->probes[i].p != NULL && r->probes[i].listed &&
		    r->probes[i].p->flow == flow && is_out(r->probes[i].p))
			return true;
	return false;
}

static void finish(struct instance *i, enum prober_reason reason, uint8_t end_ttl);

/* The troubles that a test asks for, and those that the prober makes. */
static int
refuse(struct model_run *r, const struct probe_spec *spec)
{
	struct model *m = r->model;

	m->calls++;
	if (m->fail_call != 0 && m->calls >= m->fail_call &&
	    m->calls - m->fail_call <= m->fail_more && m->fail_error == -EAGAIN) {
		alarm_set(r, r->now + NS_PER_MS,
		    (struct alarm){OF_RETRY, 0, ++r->retry_number});
		return -EAGAIN;
	}
	if (m->calls == m->fail_call) {
		r->instance.done.error = -m->fail_error;
		finish(&r->instance, REASON_FAILED, r->instance.done.end_ttl);
		return m->fail_error;
	}
	if (r->now < r->next_send) {
		alarm_set(
		    r, r->next_send, (struct alarm){OF_RETRY, 0, ++r->retry_number});
		return -EAGAIN;
	}
	if (r->instance.flow_window == 1 && !spec->together &&
	    flow_is_out(r, spec->flow)) {
		r->held = true;
		return -EAGAIN;
	}
	return 0;
}

static void
record_send(struct model_run *r, const struct probe_spec *spec, struct probe *p)
{
	struct model *m = r->model;
	size_t room = r->room;

	r->probes = grow(r->probes, &r->room, m->sent_count + 1, sizeof(*r->probes));
	if (r->room != room) {
		m->sent = realloc(m->sent, r->room * sizeof(*m->sent));
		if (m->sent == NULL)
			abort();
	}
	r->probes[m->sent_count] = (struct stored){.p = p, .listed = true};
	m->sent[m->sent_count] = (struct model_sent){r->now, spec->flow, spec->ttl,
	    spec->query, MODEL_NONE, false, spec->len, 0};
	m->sent_count++;
}

/* How many probes of this flow are out that do not say who answers. */
static size_t
flow_in_flight(const struct model_run *r, uint32_t flow)
{
	size_t count = 0;

	for (size_t i = 0; i < r->model->sent_count; i++)
		count += r->probes[i].p != NULL && r->probes[i].p->flow == flow &&
			 is_out(r->probes[i].p) &&
			 addr_is_none(&r->probes[i].p->expects);
	return count;
}

static int
world_send(
    struct instance *i, const struct probe_spec *spec, int64_t wait, struct probe **out)
{
	struct model_run *r = (struct model_run *)i;
	struct model *m = r->model;
	struct probe *p;
	int error;

	if (r->finished) {
		m->after_end++;
		return -ECANCELED;
	}
	error = refuse(r, spec);
	if (error != 0)
		return error;
	p = probe_new();
	if (p == NULL)
		abort();
	p->instance = i;
	p->number = (uint32_t)m->sent_count;
	p->flow = spec->flow;
	p->ttl = spec->ttl;
	p->query = spec->query;
	p->expects = spec->expects;
	p->packets = packet_new(60);
	p->until = r->now + wait;
	record_send(r, spec, p);
	probe_alarm(r, p->number, p->until);
	r->next_send = r->now + i->options.send_gap;
	i->done.sent++;
	if (++r->in_flight > m->most_in_flight)
		m->most_in_flight = r->in_flight;
	if (i->flow_window == 1 && flow_in_flight(r, spec->flow) > m->most_in_flow)
		m->most_in_flow = flow_in_flight(r, spec->flow);
	if (out != NULL)
		*out = p;
	return 0;
}

static void
set_deadline(struct instance *i, struct probe *p, int64_t at)
{
	struct model_run *r = (struct model_run *)i;

	if (!is_out(p))
		return;
	p->until = at;
	probe_alarm(r, index_of(r, p), at);
}

static void
withdraw(struct instance *i, struct probe *p)
{
	struct model_run *r = (struct model_run *)i;
	size_t index = index_of(r, p);

	p->withdrawn = 1;
	if (p->state == PROBE_QUEUED)
		linger(r, index, PROBE_FAILED);
	else if (p->state == PROBE_IN_FLIGHT)
		linger(r, index, PROBE_TIMED_OUT);
	r->probes[index].listed = false;
}

static void
set_timer(struct instance *i, int64_t at)
{
	struct model_run *r = (struct model_run *)i;

	alarm_set(r, at, (struct alarm){OF_ALGORITHM, 0, ++r->timer_number});
}

static void
world_report(struct instance *i, const struct prober_result *result)
{
	struct model_run *r = (struct model_run *)i;

	r->model->after_end += r->finished;
	report(i, result);
}

static void
finish(struct instance *i, enum prober_reason reason, uint8_t end_ttl)
{
	struct model_run *r = (struct model_run *)i;

	if (r->finished)
		return;
	r->finished = true;
	i->done.reason = (uint8_t)reason;
	i->done.end_ttl = end_ttl;
	i->done.window = i->flow_window;
}

static const struct instance_world world = {
    .now = now,
    .random = random_bits,
    .send = world_send,
    .set_deadline = set_deadline,
    .withdraw = withdraw,
    .set_timer = set_timer,
    .report = world_report,
    .finish = finish,
};

/* ---- the loop ---- */

/* trace_probe_timer(). */
static void
probe_fire(struct model_run *r, size_t index)
{
	struct stored *s = &r->probes[index];
	struct event event = {.type = EVENT_TIMEOUT, .probe = s->p};

	if (s->p->state == PROBE_QUEUED) {
		linger(r, index, PROBE_FAILED);
		event = (struct event){.type = EVENT_SEND_FAILED,
		    .failed = {.probe = s->p, .error = ENOBUFS}};
	} else if (s->p->state == PROBE_IN_FLIGHT) {
		linger(r, index, PROBE_TIMED_OUT);
		r->instance.done.timeouts++;
	} else {
		probe_unref(s->p);
		s->p = NULL;
		s->listed = false;
		return;
	}
	dispatch(r, &event);
}

static void
alarm_fire(struct model_run *r, const struct alarm *a)
{
	struct event timer = {.type = EVENT_TIMER};
	struct event timeout = {.type = EVENT_STOPPED, .stopped = REASON_TIMED_OUT};

	switch (a->what) {
	case OF_PROBE:
		if (r->probes[a->probe].p != NULL &&
		    r->probes[a->probe].alarms == a->number)
			probe_fire(r, a->probe);
		break;
	case OF_ALGORITHM:
		if (a->number == r->timer_number)
			dispatch(r, &timer);
		break;
	case OF_RETRY:
		if (a->number == r->retry_number)
			dispatch(r, &timer);
		break;
	case OF_TIMEOUT:
		dispatch(r, &timeout);
		break;
	}
}

/* The probe that the test wants to fail does so when it should leave. */
static void
fail_probe(struct model_run *r)
{
	size_t index = (size_t)(r->model->fail_probe - 1);
	struct event event = {.type = EVENT_SEND_FAILED};

	if (r->model->fail_probe == 0 || index < r->queued ||
	    index >= r->model->sent_count || r->probes[index].p == NULL ||
	    r->probes[index].p->state != PROBE_QUEUED)
		return;
	r->instance.done.sent--;
	linger(r, index, PROBE_FAILED);
	event.failed.probe = r->probes[index].p;
	event.failed.mtu = r->model->fail_mtu;
	event.failed.error = event.failed.mtu != 0 ? EMSGSIZE : ENETUNREACH;
	r->instance.done.error = event.failed.error;
	dispatch(r, &event);
}

/* What follows the events of one wake-up: sending, then those who waited for it. */
static void
turn_end(struct model_run *r)
{
	struct event timer = {.type = EVENT_TIMER};

	for (;;) {
		fail_probe(r);
		flush(r);
		if (!r->released || r->finished)
			return;
		r->released = false;
		if (!r->held)
			return;
		r->held = false;
		dispatch(r, &timer);
	}
}

static void
loop(struct model_run *r)
{
	struct model *m = r->model;
	struct event started = {.type = EVENT_STARTED};
	struct event stopped = {.type = EVENT_STOPPED, .stopped = REASON_INTERRUPTED};

	dispatch(r, &started);
	turn_end(r);
	for (uint64_t turns = 0; !r->finished; turns++) {
		if (r->heap_count == 0 || turns == m->turns_max ||
		    r->now - MODEL_START > m->duration_max) {
			m->stuck = true;
			return;
		}
		r->now = r->heap[0].at;
		while (!r->finished && r->heap_count > 0 && r->heap[0].at == r->now &&
		       turns < m->turns_max) {
			struct happening h = heap_take(r);

			if (h.kind == ARRIVAL)
				arrive(r, &h);
			else if (h.kind == STOP)
				dispatch(r, &stopped);
			else {
				struct alarm a = r->alarms[h.probe];

				turns++;
				alarm_fire(r, &a);
			}
		}
		turn_end(r);
	}
}

static void
clear_records(struct model *m)
{
	for (size_t i = 0; i < m->results_count; i++)
		m->finals[m->results[i].ttl][m->results[i].query] = 0;
	free(m->sent);
	free(m->results);
	m->sent = NULL;
	m->results = NULL;
	m->sent_count = m->results_count = 0;
	memset(&m->done, 0, sizeof(m->done));
	m->ended_at = 0;
	m->stuck = false;
	m->most_in_flight = m->most_in_flow = m->calls = 0;
	m->wrong = m->wrong_times = m->after_end = m->strays = 0;
}

void
model_go(struct model *m, const struct algorithm *a, const struct prober_start *options)
{
	struct model_run run = {
	    .instance = {.world = &world, .algorithm = a, .options = *options},
	    .model = m,
	    .rng = {mix(m->seed, 1)},
	    .private = {mix(m->seed, 2)},
	    .now = MODEL_START,
	};

	clear_records(m);
	run.instance.done.instance = options->instance;
	run.instance.flow_window = m->flow_window;
	run.instance.quotes_may_be_short = m->quotes_may_be_short;
	run.instance.hints = m->hints;
	run.instance.state = calloc(1, a->state_size + 1);
	if (run.instance.state == NULL)
		abort();
	if (m->stop_at != 0)
		heap_put(&run,
		    (struct happening){.at = MODEL_START + m->stop_at, .kind = STOP});
	if (options->timeout > 0)
		alarm_set(&run, MODEL_START + options->timeout,
		    (struct alarm){.what = OF_TIMEOUT});
	loop(&run);
	m->done = run.instance.done;
	m->ended_at = run.now - MODEL_START;
	if (a->clear != NULL)
		a->clear(&run.instance, run.instance.state);
	for (size_t i = 0; i < m->sent_count; i++)
		probe_unref(run.probes[i].p);
	free(run.instance.state);
	free(run.probes);
	free(run.heap);
	free(run.alarms);
}

/* ---- making networks, reading records ---- */

struct model *
model_new(uint64_t seed)
{
	struct model *m = calloc(1, sizeof(*m));

	if (m == NULL)
		abort();
	m->seed = seed;
	m->turns_max = TURNS_MAX;
	m->duration_max = DURATION_MAX;
	return m;
}

void
model_free(struct model *m)
{
	clear_records(m);
	free(m);
}

uint16_t
model_add(struct model *m, int64_t rtt)
{
	uint16_t number = (uint16_t)m->nodes_count++;
	uint8_t bytes[4] = {10, 0, (uint8_t)(number >> 8), (uint8_t)number};

	if (m->nodes_count > MODEL_NODES_MAX)
		abort();
	m->nodes[number] = (struct model_node){.addr = addr_from_bytes(AF_INET, bytes),
	    .kind = REPLY_TIME_EXCEEDED,
	    .rtt = rtt};
	return number;
}

void
model_link(struct model *m, uint16_t from, uint16_t to)
{
	struct model_node *n = &m->nodes[from];

	if (n->next_count == MODEL_NEXT_MAX)
		abort();
	n->next[n->next_count++] = to;
}

void
model_make_target(struct model *m, uint16_t node)
{
	struct model_node *n = &m->nodes[node];
	struct prober_start o = model_options();

	n->addr = o.target;
	n->kind = REPLY_UNREACHABLE;
	n->code = 3;
	n->ends = true;
}

void
model_line(struct model *m, size_t hops, int64_t rtt_step)
{
	m->nodes_count = 0;
	m->first = 0;
	for (size_t i = 0; i < hops; i++) {
		uint16_t node = model_add(m, (int64_t)(i + 1) * rtt_step);

		if (i > 0)
			model_link(m, (uint16_t)(node - 1), node);
	}
	model_make_target(m, (uint16_t)(hops - 1));
}

struct prober_start
model_options(void)
{
	static const uint8_t target[4] = {198, 51, 100, 9};

	return (struct prober_start){
	    .instance = 7,
	    .target = addr_from_bytes(AF_INET, target),
	    .dst_port = 33434,
	    .packet_len = 60,
	    .first_ttl = 1,
	    .max_ttl = 30,
	    .queries = 3,
	    .loop_limit = 3,
	    .wait_here = 3000,
	    .wait_near = 10000,
	    .wait_max = 5 * NS_PER_SECOND,
	};
}

const struct prober_result *
model_result(const struct model *m, uint8_t ttl, uint8_t query)
{
	uint32_t final = m->finals[ttl][query];

	return final == 0 ? NULL : &m->results[final - 1];
}

size_t
model_sent_at(const struct model *m, uint8_t ttl)
{
	size_t count = 0;

	for (size_t i = 0; i < m->sent_count; i++)
		count += m->sent[i].ttl == ttl;
	return count;
}
