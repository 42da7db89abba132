/*
 * Schedules on the model network: what each asks when, that all find the same, and that
 * what earlier traces found saves probes, and is never believed.
 */
#include <stdlib.h>
#include <string.h>

#include "algorithms/algorithms.h"
#include "common/clock.h"
#include "tests/support/model.h"
#include "tests/support/traced.h"

#define MS NS_PER_MS
#define HOPS_AT_ONCE 16
#define STEP (5 * MS) /* RTT a hop */

static const struct algorithm *const algorithms[] = {&algorithm_paris,
    &algorithm_traceroute, &algorithm_hopbyhop, &algorithm_packetbypacket,
    &algorithm_concurrent, &algorithm_scout};

static size_t
slots_of(const struct prober_start *o)
{
	return (size_t)(o->max_ttl - o->first_ttl + 1) * o->queries;
}

/* How many probes may be in flight. */
static size_t
window_of(const struct algorithm *a, const struct prober_start *o)
{
	if (a == &algorithm_packetbypacket)
		return 1;
	if (o->window != 0)
		return o->window;
	if (a == &algorithm_hopbyhop)
		return o->queries;
	if (a == &algorithm_concurrent || a == &algorithm_scout)
		return slots_of(o);
	return (size_t)HOPS_AT_ONCE * o->queries;
}

static void
go(struct model *m, const struct algorithm *a, const struct prober_start *o)
{
	model_go(m, a, o);
	traced_check(m, o, window_of(a, o));
}

static struct model *
line(size_t hops, struct prober_start *o)
{
	struct model *m = model_new(1);

	model_line(m, hops, STEP);
	*o = model_options();
	return m;
}

/* The line of so many hops was found, with all its answers. */
static void
must_be_line(const struct model *m, const struct prober_start *o, size_t hops)
{
	must_eq(m->done.reason, REASON_REACHED);
	must_eq(m->done.end_ttl, hops);
	for (unsigned int ttl = o->first_ttl; ttl <= hops; ttl++)
		for (uint8_t q = 0; q < o->queries; q++) {
			const struct prober_result *r =
			    model_result(m, (uint8_t)ttl, q);

			must_eq(r->outcome, RESULT_REPLY);
			must(addr_equal(&r->from, &m->nodes[ttl - 1].addr));
		}
}

/* Probes from this one on are sent in the order of hops and queries. */
static void
must_be_in_order(const struct model *m, const struct prober_start *o, size_t from)
{
	for (size_t s = from; s < m->sent_count; s++) {
		must_eq(m->sent[s].ttl, o->first_ttl + (s - from) / o->queries);
		must_eq(m->sent[s].query, (s - from) % o->queries);
		must_eq(m->sent[s].flow, 0);
	}
}

/* ---- what each of them asks ---- */

/* -q 1 to 4, and -N: none, 1 and 2 */
static void
each_way(const struct algorithm *a, size_t hops,
    void (*check)(const struct model *m, const struct prober_start *o, size_t hops))
{
	for (uint8_t queries = 1; queries <= 4; queries++)
		for (uint16_t window = 0; window <= 2; window++) {
			struct prober_start o;
			struct model *m = line(hops, &o);

			o.queries = queries;
			o.window = window;
			go(m, a, &o);
			must_be_line(m, &o, hops);
			check(m, &o, hops);
			model_free(m);
		}
}

/* A hop is asked when all probes to the one before are back, and no hop in vain. */
static void
check_hop_by_hop(const struct model *m, const struct prober_start *o, size_t hops)
{
	size_t wide = o->window != 0 && o->window < o->queries ? o->window : o->queries;
	size_t turns = (o->queries + wide - 1) / wide;
	int64_t at = MODEL_START;

	must_eq(m->sent_count, hops * o->queries);
	must_be_in_order(m, o, 0);
	must_eq(m->most_in_flight, wide);
	for (size_t s = 0; s < m->sent_count; s++) {
		size_t hop = s / o->queries, query = s % o->queries;

		must_eq(m->sent[s].at, at + (int64_t)(query / wide * (hop + 1)) * STEP);
		if (query + 1 == o->queries)
			at += (int64_t)(turns * (hop + 1)) * STEP;
	}
	must_eq(m->ended_at, at - MODEL_START);
}

START_TEST(hop_by_hop)
{
	for (size_t hops = 1; hops <= 30; hops++)
		each_way(&algorithm_hopbyhop, hops, check_hop_by_hop);
}
END_TEST

static void
check_packet_by_packet(const struct model *m, const struct prober_start *o, size_t hops)
{
	int64_t at = MODEL_START;

	must_eq(m->sent_count, hops * o->queries);
	must_be_in_order(m, o, 0);
	must_eq(m->most_in_flight, 1);
	for (size_t s = 0; s < m->sent_count; s++) {
		must_eq(m->sent[s].at, at);
		at += m->nodes[s / o->queries].rtt;
	}
	must_eq(m->ended_at, at - MODEL_START);
}

START_TEST(packet_by_packet)
{
	for (size_t hops = 1; hops <= 30; hops++)
		each_way(&algorithm_packetbypacket, hops, check_packet_by_packet);
}
END_TEST

/* As many as -N allows, in order; without it all at once. */
static void
check_concurrent(const struct model *m, const struct prober_start *o, size_t hops)
{
	must_be_in_order(m, o, 0);
	if (o->window != 0) {
		must_eq(m->most_in_flight, o->window);
		return;
	}
	must_eq(m->sent_count, slots_of(o));
	for (size_t s = 0; s < m->sent_count; s++)
		must_eq(m->sent[s].at, MODEL_START);
	must_eq(m->ended_at, (int64_t)hops * STEP);
}

START_TEST(concurrent)
{
	for (size_t hops = 1; hops <= 30; hops++)
		each_way(&algorithm_concurrent, hops, check_concurrent);
}
END_TEST

/* The scout goes alone; when it is back, all hops before the target are asked. */
static void
scouted(struct model *m, struct prober_start *o, size_t hops)
{
	for (uint8_t queries = 1; queries <= 4; queries++) {
		o->queries = queries;
		go(m, &algorithm_scout, o);
		must_be_line(m, o, hops);
		must_eq(m->sent[0].ttl, o->max_ttl);
		must_eq(m->sent[0].query, 0);
		must_eq(m->sent[0].at, MODEL_START);
		/* The scout was one of the target's queries if that is the last hop. */
		if (hops < o->max_ttl) {
			must_be_in_order(m, o, 1);
			must_eq(m->sent_count, 1 + hops * queries);
		}
		for (size_t s = 1; s < m->sent_count; s++)
			must_eq(m->sent[s].at, MODEL_START + (int64_t)hops * STEP);
		if (hops < o->max_ttl || queries > 1)
			must_eq(m->ended_at, 2 * (int64_t)hops * STEP);
	}
}

START_TEST(scout)
{
	static const unsigned int begins[] = {64, 128, 255};

	for (size_t hops = 2; hops <= 30; hops++) {
		struct prober_start o;
		struct model *m = line(hops, &o);
		struct model_node *target = &m->nodes[hops - 1];

		target->hop = (uint8_t)hops;
		scouted(m, &o, hops);
		target->hop = 0;
		for (size_t k = 0; k < COUNT_OF(begins); k++) {
			target->reply_ttl = (uint8_t)(begins[k] - hops + 1);
			scouted(m, &o, hops);
		}
		model_free(m);
	}
}
END_TEST

/* Whatever distance the scout is made to believe. */
START_TEST(scout_is_deceived)
{
	for (unsigned int ttl = 0; ttl <= 255; ttl++) {
		size_t hops = 1 + ttl % 30;
		struct prober_start o;
		struct model *m = line(hops, &o);

		m->nodes[hops - 1].reply_ttl = (uint8_t)ttl;
		go(m, &algorithm_scout, &o);
		must_be_line(m, &o, hops);
		must(m->sent_count <= slots_of(&o));
		m->nodes[hops - 1].hop = (uint8_t)(ttl % 31);
		go(m, &algorithm_scout, &o);
		must_be_line(m, &o, hops);
		model_free(m);
	}
}
END_TEST

/* A scout without answer, or answered by a router: hop by hop. */
START_TEST(scout_fails)
{
	for (size_t hops = 2; hops <= 30; hops++) {
		struct prober_start o;
		struct model *m = line(hops, &o);

		m->nodes[hops - 1].silent = true;
		o.gap_limit = 2;
		go(m, &algorithm_scout, &o);
		must_eq(
		    m->done.reason, hops < 30 ? REASON_GAP_LIMIT : REASON_HOP_LIMIT);
		must_eq(m->sent[1].at, MODEL_START + o.wait_max);
		for (size_t s = 2; s < m->sent_count; s++)
			must(m->sent[s].at >= m->sent[s - 1].at);
		must(m->most_in_flight <= o.queries);
		m->nodes[hops - 1].silent = false;
		o.max_ttl = (uint8_t)(hops - 1);
		go(m, &algorithm_scout, &o);
		must_eq(m->done.reason, REASON_HOP_LIMIT);
		must_eq(m->done.end_ttl, hops - 1);
		must_eq(m->sent_count, slots_of(&o));
		must(m->most_in_flight <= o.queries);
		model_free(m);
	}
}
END_TEST

/* ---- all find the same ---- */

#define SEEDS 150 /* each time that a test is run */

/* Troubles that each trace meets alike. */
static struct model *
steady_network(struct rng *rng, struct prober_start *o)
{
	struct model *m = model_new(rng_next(rng));
	size_t hops = 1 + rng_below(rng, 35);
	int64_t rtt = (int64_t)(1 + rng_below(rng, 20000)) * NS_PER_US;
	bool short_quotes = rng_chance(rng, 500000);

	model_line(m, hops, MS);
	for (size_t k = 0; k < hops; k++) {
		rtt += (int64_t)rng_below(rng, 8000) * NS_PER_US;
		m->nodes[k].rtt = rtt;
		m->nodes[k].silent = rng_chance(rng, 150000);
		m->nodes[k].short_quote = short_quotes && rng_chance(rng, 600000);
		m->nodes[k].reply_ttl = (uint8_t)rng_below(rng, 256);
	}
	if (rng_chance(rng, 200000)) {
		m->nodes[rng_below(rng, hops)].kind = REPLY_UNREACHABLE;
		m->nodes[0].kind = hops > 1 ? REPLY_TIME_EXCEEDED : REPLY_UNREACHABLE;
	}
	m->quotes_may_be_short = short_quotes;
	*o = model_options();
	o->queries = (uint8_t)(1 + rng_below(rng, 4));
	o->max_ttl = (uint8_t)(1 + rng_below(rng, 40));
	if (rng_chance(rng, 300000))
		o->first_ttl = (uint8_t)(1 + rng_below(rng, o->max_ttl));
	if (rng_chance(rng, 500000))
		o->window = (uint16_t)(1 + rng_below(rng, 60));
	return m;
}

static struct instance_hints
random_hints(struct rng *rng)
{
	struct instance_hints hints = {.distance = (uint8_t)rng_below(rng, 42),
	    .tags_shown = rng_chance(rng, 500000)};

	if (rng_chance(rng, 200000))
		hints.distance = (uint8_t)rng_below(rng, 256);
	if (rng_chance(rng, 700000))
		hints.rtt = (int64_t)rng_below(rng, 6000) * MS;
	return hints;
}

/* What a trace says of the path. */
struct finding {
	uint8_t reason, end_ttl;
	struct {
		uint8_t outcome, reply;
		struct addr from;
	} slots[256][4];
};

static void
find(struct finding *f, const struct model *m, const struct prober_start *o)
{
	memset(f, 0, sizeof(*f));
	f->reason = m->done.reason;
	f->end_ttl = m->done.end_ttl;
	for (unsigned int ttl = o->first_ttl; ttl <= f->end_ttl; ttl++)
		for (uint8_t q = 0; q < o->queries; q++) {
			const struct prober_result *r =
			    model_result(m, (uint8_t)ttl, q);

			f->slots[ttl][q].outcome = r->outcome;
			f->slots[ttl][q].reply = r->reply;
			f->slots[ttl][q].from = r->from;
		}
}

static void
must_find_the_same(int seed, const struct finding *a, const struct finding *b)
{
	must_eq_in(seed, a->reason, b->reason);
	must_eq_in(seed, a->end_ttl, b->end_ttl);
	for (unsigned int ttl = 1; ttl <= a->end_ttl; ttl++)
		for (size_t q = 0; q < COUNT_OF(a->slots[ttl]); q++) {
			must_eq_in(
			    seed, a->slots[ttl][q].outcome, b->slots[ttl][q].outcome);
			must_eq_in(
			    seed, a->slots[ttl][q].reply, b->slots[ttl][q].reply);
			must(
			    addr_equal(&a->slots[ttl][q].from, &b->slots[ttl][q].from));
		}
}

/* With hints, true or not, and by each schedule: what paris finds without. */
START_TEST(all_find_the_same)
{
	static struct finding plain, other;
	struct rng rng = {(uint64_t)_i * 7919 + 1};

	for (int seed = 0; seed < SEEDS; seed++) {
		struct prober_start o;
		struct model *m = steady_network(&rng, &o);

		go(m, &algorithm_paris, &o);
		find(&plain, m, &o);
		for (size_t a = 0; a < COUNT_OF(algorithms); a++) {
			for (int hinted = 0; hinted < 3; hinted++) {
				m->hints = (struct instance_hints){0};
				if (hinted > 0)
					m->hints = random_hints(&rng);
				go(m, algorithms[a], &o);
				find(&other, m, &o);
				must_find_the_same(seed, &other, &plain);
			}
		}
		model_free(m);
	}
}
END_TEST

/* Nothing lost or mistaken by any schedule, whatever happens to replies. */
START_TEST(all_survive_all)
{
	struct rng rng = {(uint64_t)_i * 104729 + 1};
	size_t reached = 0;

	for (int seed = 0; seed < SEEDS; seed++) {
		const struct algorithm *a =
		    algorithms[rng_below(&rng, COUNT_OF(algorithms))];
		struct prober_start o;
		struct model *m = steady_network(&rng, &o);

		for (size_t k = 0; k < m->nodes_count; k++) {
			m->nodes[k].lost = (uint32_t)rng_below(&rng, 300000);
			m->nodes[k].duplicated = (uint32_t)rng_below(&rng, 300000);
		}
		m->jitter = (int64_t)rng_below(&rng, (uint64_t)m->nodes[0].rtt / 2);
		m->hints = random_hints(&rng);
		go(m, a, &o);
		must(m->sent_count <= slots_of(&o) * 4);
		must(m->done.reason <= REASON_HOP_LIMIT);
		reached += m->done.reason == REASON_REACHED;
		m->stop_at = m->ended_at / 2 + 1;
		go(m, a, &o);
		model_free(m);
	}
	must(reached > SEEDS / 10);
}
END_TEST

/* ---- hints ---- */

/* Who knows the distance asks no hop in vain, and takes no longer. */
START_TEST(known_distance)
{
	for (size_t hops = 1; hops <= 30; hops++)
		for (int window = 0; window <= 20; window += 20) {
			struct prober_start o;
			struct model *m = line(hops, &o);
			size_t without;
			int64_t took;

			o.window = (uint16_t)window;
			go(m, &algorithm_paris, &o);
			without = m->sent_count;
			took = m->ended_at;
			m->hints.distance = (uint8_t)hops;
			go(m, &algorithm_paris, &o);
			must_be_line(m, &o, hops);
			must(m->ended_at <= took);
			if (window != 0 || hops < HOPS_AT_ONCE) {
				must_eq(m->sent_count, hops * o.queries);
				must(m->sent_count < without || hops == 30);
			} else {
				must_eq(m->sent_count, without);
			}
			model_free(m);
		}
}
END_TEST

/*
 * The route is another one by now, or the distance was a lie: the same line, at the
 * cost of a round trip to the hop that was thought the last, and of no more probes than
 * who knows nothing may send.
 */
START_TEST(wrong_distance)
{
	for (size_t hops = 1; hops <= 30; hops++)
		for (unsigned int distance = 0; distance <= 255;
		     distance += distance < 32 ? 1 : 223) {
			struct prober_start o;
			struct model *m = line(hops, &o);
			size_t without;
			int64_t took;

			go(m, &algorithm_paris, &o);
			without = m->sent_count;
			took = m->ended_at;
			m->hints.distance = (uint8_t)distance;
			go(m, &algorithm_paris, &o);
			must_be_line(m, &o, hops);
			must(m->sent_count <= without);
			if (distance >= hops || distance == 0)
				must_eq(m->ended_at, took);
			else
				must(m->ended_at <= took + (int64_t)distance * STEP);
			model_free(m);
		}
}
END_TEST

/*
 * Nobody answers at the known distance any more, or nobody but the target at all: the
 * other hops are asked after a silence of 63 ms (three known round trips), not of 5 s.
 */
START_TEST(silence_at_known_distance)
{
	for (unsigned int distance = 2; distance <= 20; distance++)
		for (int heard = 0; heard < 2; heard++) {
			struct prober_start o;
			struct model *m = line(25, &o);

			for (size_t k = heard ? distance - 1 : 0; k < 24; k++)
				m->nodes[k].silent = true;
			m->hints.distance = (uint8_t)distance;
			m->hints.rtt = 20 * MS;
			go(m, &algorithm_paris, &o);
			must_eq(m->done.reason, REASON_REACHED);
			must_eq(m->done.end_ttl, 25);
			for (size_t s = 0; s < m->sent_count; s++)
				if (m->sent[s].ttl <= HOPS_AT_ONCE)
					must(m->sent[s].at - MODEL_START < 1000 * MS);
			model_free(m);
		}
}
END_TEST

/* Tags that were seen before are not waited for: a round trip less. */
START_TEST(known_tags)
{
	for (size_t hops = 1; hops <= HOPS_AT_ONCE; hops++) {
		struct prober_start o;
		struct model *m = line(hops, &o);

		m->quotes_may_be_short = true;
		go(m, &algorithm_paris, &o);
		must_eq(
		    m->ended_at, (int64_t)(hops + (hops > 1 || o.queries > 1)) * STEP);
		m->hints.tags_shown = true;
		go(m, &algorithm_paris, &o);
		must_be_line(m, &o, hops);
		must_eq(m->ended_at, (int64_t)hops * STEP);
		model_free(m);
	}
}
END_TEST

/* A known target needs no scout. */
START_TEST(known_to_the_scout)
{
	for (size_t hops = 1; hops <= 30; hops++)
		for (unsigned int distance = 1; distance <= 40; distance++) {
			struct prober_start o;
			struct model *m = line(hops, &o);

			m->hints.distance = (uint8_t)distance;
			go(m, &algorithm_scout, &o);
			must_be_line(m, &o, hops);
			if (distance == hops) {
				must_be_in_order(m, &o, 0);
				must_eq(m->sent_count, hops * o.queries);
				must_eq(m->ended_at, (int64_t)hops * STEP);
			}
			model_free(m);
		}
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {hop_by_hop},
	    {packet_by_packet},
	    {concurrent},
	    {scout},
	    {scout_is_deceived},
	    {scout_fails},
	    {all_find_the_same, .loops = 4},
	    {all_survive_all, .loops = 4},
	    {known_distance},
	    {wrong_distance},
	    {silence_at_known_distance},
	    {known_tags},
	    {known_to_the_scout},
	};

	return test_main("schedule", tests, COUNT_OF(tests));
}
