/*
 * prober/deliver: what arrives for several traces, told to each of them, whatever the
 * first of them does about it.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "prober/trace.h"
#include "tests/support/testing.h"

#define TRACES 2
#define PROBES 3 /* each */

static struct prober prober;
static struct endpoint endpoint;
static struct trace *traces[TRACES];
static int far_end; /* of the prober's channel */

static size_t told[TRACES];     /* probes, in events */
static struct trace *forgetful; /* forgets all of the others' probes when it is told */

static void
handle(struct instance *i, void *state, const struct event *event)
{
	struct trace *t = trace_of(i);

	(void)state;
	ck_assert_int_eq(event->type, EVENT_AMBIGUOUS);
	for (size_t k = 0; k < event->ambiguous.count; k++)
		ck_assert_ptr_eq(event->ambiguous.probes[k]->instance, i);
	told[t->id] += event->ambiguous.count;
	for (size_t k = 0; t == forgetful && k < TRACES; k++) {
		struct probe *p;

		while (traces[k] != t && (p = TAILQ_FIRST(&traces[k]->probes)) != NULL)
			trace_probe_retire(traces[k], p);
	}
}

static const struct algorithm algorithm = {.name = "test", .handle = handle};

static struct addr
target(void)
{
	struct addr a;

	ck_assert_int_eq(addr_from_text("198.51.100.9", &a), 0);
	return a;
}

/* A probe that nobody answered in time, with nothing to tell it by. */
static void
add_probe(struct trace *t)
{
	struct probe *p = probe_new();

	ck_assert_ptr_nonnull(p);
	p->instance = &t->instance;
	p->endpoint = endpoint_ref(&endpoint);
	p->state = PROBE_TIMED_OUT;
	p->dst = target();
	p->dst_port = 33434;
	p->packets = packet_new(60);
	ck_assert_ptr_nonnull(p->packets);
	ck_assert_int_eq(store_add(&prober.store, p), 0);
	TAILQ_INSERT_TAIL(&t->probes, p, in_instance);
	probe_unref(p);
}

static struct trace *
new_trace(uint32_t id)
{
	struct trace *t = calloc(1, sizeof(*t));

	ck_assert_ptr_nonnull(t);
	t->id = id;
	t->prober = &prober;
	t->transport = endpoint.transport;
	t->endpoint = endpoint_ref(&endpoint);
	t->instance.world = &trace_world;
	t->instance.algorithm = &algorithm;
	t->instance.options.target = target();
	TAILQ_INIT(&t->probes);
	HASH_ADD(hh, prober.traces, id, sizeof(t->id), t);
	for (size_t i = 0; i < PROBES; i++)
		add_probe(t);
	return t;
}

static void
set_up(void)
{
	int fds[2];

	ck_assert_int_eq(channel_pair(fds), 0);
	far_end = fds[1];
	ck_assert_int_eq(prober_init(&prober, fds[0], 0), 0);
	endpoint = (struct endpoint){.owner = &prober.transports,
	    .transport = transport_find(TRANSPORT_UDP),
	    .pattern = tree_find(prober.tree, "ipv4/udp"),
	    .key = {.source = {.family = AF_INET}},
	    .refs = 1};
	forgetful = NULL;
	memset(told, 0, sizeof(told));
	for (uint32_t i = 0; i < TRACES; i++)
		traces[i] = new_trace(i);
}

static void
tear_down(void)
{
	prober_clear(&prober);
	close(far_end);
	ck_assert_uint_eq(endpoint.refs, 1);
	ck_assert_uint_eq(probe_count(), 0);
	ck_assert_uint_eq(packet_count(), 0);
	probe_pool_clear();
	packet_pool_clear();
}

/* A router says that some probe to the target, from this port, came no further. */
static void
answer(void)
{
	struct reply r = {.endpoint = &endpoint,
	    .kind = REPLY_TIME_EXCEEDED,
	    .ttl = -1,
	    .tos = -1,
	    .ip_id = -1,
	    .received = 1,
	    .dst_known = true,
	    .dst = target(),
	    .dst_port = 33434,
	    .quote_at = 28};

	ck_assert_int_eq(addr_from_text("10.0.1.1", &r.from), 0);
	trace_transport_events.reply(&prober, &r);
}

START_TEST(each_is_told_of_its_own)
{
	set_up();
	answer();
	for (size_t i = 0; i < TRACES; i++) {
		ck_assert_uint_eq(told[i], PROBES);
		ck_assert_uint_eq(traces[i]->instance.done.ambiguous, 1);
	}
	tear_down();
}
END_TEST

/* As one does that sends when descriptors run short: it makes room. */
START_TEST(the_first_forgets_the_others)
{
	set_up();
	forgetful = traces[0];
	answer();
	ck_assert_uint_eq(told[0], PROBES);
	ck_assert_uint_eq(told[1], 0);
	ck_assert_uint_eq(traces[1]->instance.done.ambiguous, 0);
	answer();
	ck_assert_uint_eq(told[0], 2 * PROBES);
	tear_down();
}
END_TEST

/* Whatever comes, what is told is bounded by what was sent; all of it is counted. */
START_TEST(a_flood_is_counted)
{
	size_t before;

	set_up();
	traces[0]->instance.done.sent = traces[1]->instance.done.sent = PROBES;
	for (size_t i = 0; i < EXTRA_REPLIES_TOLD * PROBES; i++)
		answer();
	before = channel_waiting(&prober.channel);
	ck_assert_uint_gt(before, 0);
	for (size_t i = 0; i < 1000; i++)
		answer();
	ck_assert_uint_eq(channel_waiting(&prober.channel), before);
	ck_assert_uint_eq(
	    traces[0]->instance.done.ambiguous, EXTRA_REPLIES_TOLD * PROBES + 1000);
	tear_down();
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {each_is_told_of_its_own},
	    {the_first_forgets_the_others},
	    {a_flood_is_counted},
	};

	return test_main("deliver", tests, COUNT_OF(tests));
}
