/*
 * algorithms/ping on the model network (tests/support/model.h): exact times of sending
 * and ending, every packet told once, and nothing mistaken.
 */
#include <errno.h>
#include <stdlib.h>

#include "algorithms/algorithms.h"
#include "common/clock.h"
#include "tests/support/model.h"

#define MS NS_PER_MS
#define SECOND NS_PER_SECOND

static struct prober_start
options(uint32_t count)
{
	struct prober_start o = model_options();

	o.first_ttl = o.max_ttl = 64;
	o.queries = 1;
	o.preload = 1;
	o.max_probes = count;
	o.interval = SECOND;
	o.wait_max = 10 * SECOND;
	return o;
}

/* A target behind `hops` - 1 routers, the RTT to it `rtt`. */
static struct model *
network(size_t hops, int64_t rtt)
{
	struct model *m = model_new(1);

	model_line(m, hops, rtt / (int64_t)hops);
	return m;
}

static struct model_node *
target(struct model *m)
{
	return &m->nodes[m->nodes_count - 1];
}

static size_t
count_of(const struct model *m, enum prober_outcome outcome)
{
	size_t count = 0;

	for (size_t i = 0; i < m->results_count; i++)
		count += m->results[i].outcome == outcome;
	return count;
}

/* Each probe is told as sent, in order, before all else, and has one end at most. */
static void
check_results(const struct model *m)
{
	uint8_t *ends = calloc(m->sent_count + 1, 1);
	size_t told = 0;

	for (size_t i = 0; i < m->results_count; i++) {
		const struct prober_result *r = &m->results[i];

		if (r->outcome == RESULT_AMBIGUOUS)
			continue;
		must_eq(r->ttl, m->sent[r->probe].ttl);
		if (r->outcome == RESULT_SENT) {
			must_eq(r->probe, told);
			told++;
			continue;
		}
		must(r->probe < told);
		if (r->outcome <= RESULT_SEND_FAILED) {
			must_eq(ends[r->probe], 0);
			ends[r->probe] = 1;
		}
	}
	must_eq(told, m->sent_count);
	free(ends);
}

static void
go(struct model *m, const struct prober_start *o)
{
	model_go(m, &algorithm_ping, o);
	must(!m->stuck);
	must_eq(m->wrong, 0);
	must_eq(m->after_end, 0);
	check_results(m);
	must_eq(probe_count(), 0);
	must_eq(packet_count(), 0);
}

static void
must_be_sent_at(const struct model *m, size_t probe, int64_t after)
{
	must(probe < m->sent_count);
	must_eq(m->sent[probe].at, MODEL_START + after);
}

/* ---- when it sends ---- */

START_TEST(one_each_interval_and_no_wait_at_the_end)
{
	struct prober_start o = options(5);
	struct model *m = network(3, 21 * MS);

	go(m, &o);
	must_eq(m->sent_count, 5);
	for (size_t i = 0; i < 5; i++)
		must_be_sent_at(m, i, (int64_t)i * SECOND);
	must_eq(count_of(m, RESULT_REPLY), 5);
	must_eq(m->results_count, 10);
	must_eq(m->ended_at, 4 * SECOND + 21 * MS);
	must_eq(m->done.reason, REASON_REACHED);
	must_eq(model_sent_at(m, 64), 5);
	model_free(m);
}
END_TEST

/* A try that came to nothing moves one probe, not those after it. */
START_TEST(there_is_no_drift)
{
	struct prober_start o = options(10);
	struct model *m = network(1, 20 * MS);

	m->fail_call = 4;
	m->fail_error = -EAGAIN;
	go(m, &o);
	for (size_t i = 0; i < 10; i++)
		must_be_sent_at(m, i, (int64_t)i * SECOND + (i == 3 ? MS : 0));
	model_free(m);
}
END_TEST

START_TEST(preload_goes_at_once_and_then_one_each_interval)
{
	struct prober_start o = options(6);
	struct model *m = network(1, 20 * MS);

	o.preload = 3;
	go(m, &o);
	for (size_t i = 0; i < 6; i++)
		must_be_sent_at(m, i, i < 3 ? 0 : (int64_t)(i - 2) * SECOND);
	must_eq(m->most_in_flight, 3);
	model_free(m);
}
END_TEST

/* Nobody knows yet whether replies can be told apart: the first one goes alone. */
START_TEST(preload_waits_for_the_first_quote)
{
	struct prober_start o = options(6);
	struct model *m = network(1, 20 * MS);

	o.preload = 3;
	m->quotes_may_be_short = true;
	go(m, &o);
	must_be_sent_at(m, 0, 0);
	must_be_sent_at(m, 1, 20 * MS);
	must_be_sent_at(m, 2, 20 * MS);
	must_be_sent_at(m, 3, SECOND);
	model_free(m);
}
END_TEST

/* ... but not for ever, when nobody answers. */
START_TEST(silence_does_not_hold_it_up)
{
	struct prober_start o = options(4);
	struct model *m = network(1, 20 * MS);

	m->quotes_may_be_short = true;
	target(m)->silent = true;
	go(m, &o);
	for (size_t i = 0; i < 4; i++)
		must_be_sent_at(m, i, (int64_t)i * SECOND);
	model_free(m);
}
END_TEST

/* Without tags one is out at a time, and what was held up is not made good. */
START_TEST(without_tags_one_at_a_time)
{
	struct prober_start o = options(5);
	struct model *m = network(1, 2500 * MS);

	o.preload = 2;
	m->flow_window = 1;
	go(m, &o);
	must_eq(m->most_in_flow, 1);
	must_eq(count_of(m, RESULT_REPLY), 5);
	for (size_t i = 0; i < 5; i++)
		must_be_sent_at(m, i, (int64_t)i * 2500 * MS);
	model_free(m);
}
END_TEST

/* However long it waits and however fast it sends, memory has an end. */
START_TEST(in_flight_has_a_limit)
{
	struct prober_start o = options(40000);
	struct model *m = network(1, 20 * MS);

	o.interval = 2 * MS;
	o.wait_max = 100 * SECOND;
	target(m)->silent = true;
	go(m, &o);
	must_eq(m->most_in_flight, 16384);
	must_eq(m->sent_count, 40000);
	must_eq(m->done.timeouts, 40000);
	model_free(m);
}
END_TEST

/* ---- when it ends ---- */

static bool
loses_last(const struct model *m, const struct model_sent *sent)
{
	return sent == &m->sent[4];
}

START_TEST(the_last_one_is_waited_for_an_interval)
{
	struct prober_start o = options(5);
	struct model *m = network(1, 20 * MS);

	m->loses = loses_last;
	go(m, &o);
	must_eq(m->ended_at, 5 * SECOND);
	must_eq(m->done.reason, REASON_REACHED);
	must_eq(count_of(m, RESULT_REPLY), 4);
	model_free(m);
}
END_TEST

START_TEST(or_for_a_second)
{
	struct prober_start o = options(5);
	struct model *m = network(1, 20 * MS);

	o.interval = 10 * MS;
	m->loses = loses_last;
	go(m, &o);
	must_eq(m->ended_at, 40 * MS + SECOND);
	o.wait_max = 300 * MS;
	go(m, &o);
	must_eq(m->ended_at, 40 * MS + 300 * MS);
	model_free(m);
}
END_TEST

START_TEST(or_for_two_round_trips)
{
	struct prober_start o = options(5);
	struct model *m = network(1, 800 * MS);

	m->loses = loses_last;
	go(m, &o);
	must_eq(m->ended_at, 4 * SECOND + 1600 * MS);
	model_free(m);
}
END_TEST

START_TEST(without_any_answer_it_waits_as_long_as_asked)
{
	struct prober_start o = options(3);
	struct model *m = network(1, 20 * MS);

	o.wait_max = 4 * SECOND;
	target(m)->silent = true;
	go(m, &o);
	must_eq(m->ended_at, 2 * SECOND + 4 * SECOND + MS);
	must_eq(m->done.reason, REASON_SEARCH_LIMIT);
	must_eq(count_of(m, RESULT_TIMEOUT), 3);
	model_free(m);
}
END_TEST

START_TEST(routers_that_say_no_are_no_answer)
{
	struct prober_start o = options(3);
	struct model *m = network(4, 20 * MS);

	o.first_ttl = o.max_ttl = 2;
	go(m, &o);
	must_eq(m->ended_at, 2 * SECOND + 10 * MS);
	must_eq(m->done.reason, REASON_UNREACHABLE);
	must_eq(count_of(m, RESULT_REPLY), 3);
	model_free(m);
}
END_TEST

static bool
loses_two(const struct model *m, const struct model_sent *sent)
{
	return sent == &m->sent[0] || sent == &m->sent[2];
}

START_TEST(with_a_deadline_so_many_answers_are_wanted)
{
	struct prober_start o = options(3);
	struct model *m = network(1, 20 * MS);

	o.timeout = 60 * SECOND;
	m->loses = loses_two;
	go(m, &o);
	must_eq(m->sent_count, 5);
	must_eq(m->ended_at, 4 * SECOND + 20 * MS);
	must_eq(m->done.reason, REASON_REACHED);
	model_free(m);
}
END_TEST

START_TEST(the_deadline_ends_it)
{
	struct prober_start o = options(0);
	struct model *m = network(1, 20 * MS);

	o.timeout = 3500 * MS;
	go(m, &o);
	must_eq(m->sent_count, 4);
	must_eq(m->ended_at, 3500 * MS);
	must_eq(m->done.reason, REASON_TIMED_OUT);
	model_free(m);
}
END_TEST

START_TEST(with_a_deadline_an_error_ends_it)
{
	struct prober_start o = options(0);
	struct model *m = network(4, 20 * MS);

	o.timeout = 60 * SECOND;
	o.first_ttl = o.max_ttl = 2;
	go(m, &o);
	must_eq(m->sent_count, 1);
	must_eq(m->ended_at, 10 * MS);
	must_eq(m->done.reason, REASON_UNREACHABLE);
	model_free(m);
}
END_TEST

START_TEST(a_stop_ends_it)
{
	struct prober_start o = options(0);
	struct model *m = network(1, 20 * MS);

	m->stop_at = 2500 * MS;
	go(m, &o);
	must_eq(m->sent_count, 3);
	must_eq(m->done.reason, REASON_INTERRUPTED);
	model_free(m);
}
END_TEST

/* ---- troubles ---- */

START_TEST(what_does_not_leave_does_not_end_it)
{
	struct prober_start o = options(5);
	struct model *m = network(1, 20 * MS);

	m->fail_probe = 2;
	go(m, &o);
	must_eq(m->sent_count, 5);
	must_eq(count_of(m, RESULT_SEND_FAILED), 1);
	must_eq(count_of(m, RESULT_REPLY), 4);
	must_eq(m->ended_at, 4 * SECOND + 20 * MS);
	model_free(m);
}
END_TEST

START_TEST(late_answers_are_answers)
{
	struct prober_start o = options(3);
	struct model *m = network(1, 1500 * MS);

	o.wait_max = SECOND;
	go(m, &o);
	must_eq(count_of(m, RESULT_TIMEOUT), 3);
	must_eq(count_of(m, RESULT_LATE), 3);
	must_eq(m->ended_at, 3500 * MS);
	must_eq(m->done.reason, REASON_REACHED);
	model_free(m);
}
END_TEST

/*
 * Two are out when the first reply shows no tag: nobody guesses whose it is, neither is
 * waited for long, and from then on one is out at a time.
 */
START_TEST(ambiguous_once)
{
	struct prober_start o = options(6);
	struct model *m = network(1, 1200 * MS);

	m->quotes_may_be_short = true;
	target(m)->short_quote = true;
	go(m, &o);
	must(m->done.ambiguous >= 1 && m->done.ambiguous <= 2);
	must_eq(count_of(m, RESULT_REPLY), 4);
	must_eq(m->done.reason, REASON_REACHED);
	model_free(m);
}
END_TEST

/* Any mixture of troubles, with tags (_i even) and without. */
START_TEST(troubles)
{
	for (uint64_t seed = 0; seed < 100; seed++) {
		struct prober_start o = options(20);
		struct model *m = network(2, 150 * MS);

		m->seed = seed * 100 + (uint64_t)_i;
		o.preload = (uint16_t)(1 + seed % 4);
		o.interval = (int64_t)(1 + seed % 7) * 50 * MS;
		o.wait_max = 2 * SECOND;
		m->jitter = 300 * MS;
		target(m)->lost = 200000;
		m->duplicate_after = 10 * MS;
		target(m)->duplicated = _i % 2 == 0 ? 200000 : 0;
		target(m)->late = _i % 2 == 0 ? 100000 : 0;
		m->late_by = 3 * SECOND;
		target(m)->short_quote = _i % 2 == 1;
		m->quotes_may_be_short = _i % 2 == 1;
		m->fail_probe = seed % 25;
		go(m, &o);
		must_eq(m->sent_count, 20);
		must_eq(count_of(m, RESULT_DUPLICATE), m->done.duplicates);
		model_free(m);
	}
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {one_each_interval_and_no_wait_at_the_end},
	    {there_is_no_drift},
	    {preload_goes_at_once_and_then_one_each_interval},
	    {preload_waits_for_the_first_quote},
	    {silence_does_not_hold_it_up},
	    {without_tags_one_at_a_time},
	    {in_flight_has_a_limit},
	    {the_last_one_is_waited_for_an_interval},
	    {or_for_a_second},
	    {or_for_two_round_trips},
	    {without_any_answer_it_waits_as_long_as_asked},
	    {routers_that_say_no_are_no_answer},
	    {with_a_deadline_so_many_answers_are_wanted},
	    {the_deadline_ends_it},
	    {with_a_deadline_an_error_ends_it},
	    {a_stop_ends_it},
	    {what_does_not_leave_does_not_end_it},
	    {late_answers_are_answers},
	    {ambiguous_once},
	    {troubles, .loops = 2},
	};

	return test_main("ping", tests, COUNT_OF(tests));
}
