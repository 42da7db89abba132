/*
 * algorithms/mda on the model network, in numbers: how often a search stops too early,
 * how many round trips and probes it takes. Each bound is of thousands of runs with
 * fixed seeds, so a result does not change unless the algorithm does.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/algorithms.h"
#include "algorithms/stopping.h"
#include "common/clock.h"
#include "tests/support/branches.h"

#define STEP (5 * NS_PER_MS)
#define SIGMAS 4

/* Fewer runs where each is slow: the bounds, which are in deviations, still hold. */
static uint64_t
runs(uint64_t wanted)
{
	const char *slowness = getenv("PARIS_SLOWNESS");
	uint64_t factor = slowness != NULL ? strtoull(slowness, NULL, 10) : 1;

	return factor > 1 ? wanted / (4 * factor) : wanted;
}

/* Within some standard deviations of what is expected, neither more nor less. */
static void
must_be_near(uint64_t failed, uint64_t count, double probability)
{
	double expected = (double)count * probability;
	double sigma = sqrt(expected * (1 - probability));

	ck_assert_msg(fabs((double)failed - expected) <= SIGMAS * sigma,
	    "%lu of %lu runs were incomplete, expected %.1f +- %.1f",
	    (unsigned long)failed, (unsigned long)count, expected, SIGMAS * sigma);
}

/* ---- how often it stops too early ---- */

static const struct {
	int ways;
	uint32_t alpha;
	uint64_t runs;
} nodes[] = {
    {2, 50000000, 8000},
    {3, 50000000, 8000},
    {4, 50000000, 8000},
    {8, 50000000, 4000},
    {16, 50000000, 2000},
    {2, 10000000, 12000},
    {3, 10000000, 12000},
    {4, 10000000, 10000},
    {8, 10000000, 6000},
    {16, 10000000, 3000},
};

/* One node, searched for its successors and no further. */
static void
one_node(const struct algorithm *a, int ways, uint32_t alpha, uint64_t count)
{
	const struct branches b = {.widths = {1, ways, 1}};
	struct stopping *s = stopping_new((double)alpha / PROBER_ALPHA_UNIT);
	struct prober_start o = model_options();
	struct model *m = model_new(1);
	uint64_t failed = 0;

	o.max_ttl = 2;
	o.alpha = alpha;
	branches_make(m, &b, STEP);
	for (uint64_t run = 0; run < count; run++) {
		struct found found;

		m->seed = run * 1000 + (uint64_t)ways;
		found = branches_go(m, a, &o);
		must_eq(m->done.coverage, COVERAGE_COMPLETE);
		must_eq(m->done.reason, REASON_HOP_LIMIT);
		must_eq(found.links, ways);
		must_eq(found.false_links + found.silent, 0);
		failed += found.missing > 0;
		if (found.missing == 0)
			must_eq(model_sent_at(m, 2) -
				    (a == &algorithm_mda
					    ? m->sent_count - model_sent_at(m, 1) -
						  stopping_point(s, (uint32_t)ways + 1)
					    : 0),
			    stopping_point(s, (uint32_t)ways + 1));
	}
	must_be_near(failed, count, stopping_failure(s, (uint32_t)ways));
	stopping_free(s);
	model_free(m);
}

START_TEST(failures_of_a_node)
{
	one_node(&algorithm_mda, nodes[_i].ways, nodes[_i].alpha, runs(nodes[_i].runs));
}
END_TEST

START_TEST(failures_of_a_hop)
{
	one_node(&algorithm_mda_lite, nodes[_i].ways, nodes[_i].alpha,
	    runs(nodes[_i].runs / 4));
}
END_TEST

/* The bound of a graph: so many nodes branch two ways, and all must be found. */
START_TEST(failures_of_a_graph)
{
	static const uint16_t cases[] = {2, 5, 10};
	const uint16_t branching = cases[_i];
	struct branches b = {.widths = {1}};
	double alpha = stopping_alpha_of_graph(.05, branching);
	struct stopping *s = stopping_new(alpha);
	struct prober_start o = model_options();
	struct model *m = model_new(1);
	uint64_t failed = 0, count = runs(2500);

	for (int k = 0; k < branching; k++) {
		b.widths[2 * k + 1] = 2;
		b.widths[2 * k + 2] = 1;
	}
	o.branching = branching;
	branches_make(m, &b, STEP);
	for (uint64_t run = 0; run < count; run++) {
		m->seed = run * 1000 + branching;
		failed += branches_go(m, &algorithm_mda, &o).missing > 0;
		must_eq(m->done.coverage, COVERAGE_COMPLETE);
		must_eq(m->done.reason, REASON_REACHED);
	}
	must(1 - pow(1 - stopping_failure(s, 2), branching) <= .05);
	must_be_near(failed, count, 1 - pow(1 - stopping_failure(s, 2), branching));
	stopping_free(s);
	model_free(m);
}
END_TEST

/* Lost answers are no evidence: the bound holds as if nothing were lost. */
START_TEST(failures_with_loss)
{
	const struct branches b = {.widths = {1, 4, 1}};
	struct stopping *s = stopping_new(.05);
	struct prober_start o = model_options();
	struct model *m = model_new(1);
	uint64_t failed = 0, count = runs(4000);

	o.max_ttl = 2;
	branches_make(m, &b, STEP);
	for (size_t n = 0; n < m->nodes_count; n++)
		m->nodes[n].lost = _i == 0 ? 100000 : 300000;
	for (uint64_t run = 0; run < count; run++) {
		struct found found;

		m->seed = run * 1000 + 4;
		found = branches_go(m, &algorithm_mda, &o);
		must_eq(found.false_links, 0);
		failed += found.missing > 0;
	}
	must_be_near(failed, count, stopping_failure(s, 4));
	stopping_free(s);
	model_free(m);
}
END_TEST

/* ---- round trips and probes ---- */

/*
 * The reference: one vertex after the other, one probe after the other, with node
 * control: probes of a single node that branches `ways` ways and joins again.
 */
static double
sequential(struct stopping *s, int ways, uint64_t seed)
{
	struct rng r = {seed};
	const uint32_t two = stopping_point(s, 2);
	uint32_t seen[128] = {0}, found = 0, flows = 0, probes, lacking;
	uint64_t v;

	while (found == 0 || flows < stopping_point(s, found + 1)) {
		v = rng_below(&r, (uint64_t)ways);
		found += seen[v]++ == 0;
		flows++;
	}
	probes = 2 * flows + found * two;
	do {
		lacking = 0;
		for (int k = 0; k < ways; k++)
			lacking += seen[k] > 0 && seen[k] < two;
		if (lacking == 0)
			break;
		/* Who was not met in the search is not followed now. */
		v = rng_below(&r, (uint64_t)ways);
		seen[v] += seen[v] > 0;
		probes++;
	} while (true);
	return probes;
}

static double
mean_sequential(int ways, int hops)
{
	struct stopping *s = stopping_new(.05);
	double sum = 0;

	for (uint64_t run = 0; run < 6000; run++)
		sum += sequential(s, ways, run);
	sum = sum / 6000 + stopping_point(s, 2) * (hops - 3.0);
	stopping_free(s);
	return sum;
}

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct figures {
	double median; /* round trips to the target */
	double late;   /* 95th percentile */
	double probes; /* mean */
	double within; /* of them with TTLs up to the target's */
	uint64_t missed;
};

/* How it does in 15 hops, the branches at the given hop, or at any. */
static struct figures
measure(const struct algorithm *a, int ways, int at, uint64_t count,
    void (*change)(struct model *m))
{
	double *times = calloc(count, sizeof(*times));
	struct prober_start o = model_options();
	struct model *m = model_new(1);
	struct figures f = {0};

	must(times != NULL);
	for (uint64_t run = 0; run < count; run++) {
		struct branches b;
		int hop = at != 0 ? at : (int)(2 + run % 13);

		memset(&b, 0, sizeof(b));
		for (int t = 0; t < 15; t++)
			b.widths[t] = t + 1 == hop ? ways : 1;
		branches_make(m, &b, STEP);
		m->seed = run + 1;
		if (change != NULL)
			change(m);
		f.missed += branches_go(m, a, &o).missing > 0;
		must_eq(m->done.reason, REASON_REACHED);
		must_eq(m->done.end_ttl, 15);
		must_eq(m->done.coverage, COVERAGE_COMPLETE);
		times[run] = (double)m->ended_at / (15.0 * STEP);
		f.probes += (double)m->sent_count / (double)count;
	}
	qsort(times, count, sizeof(*times), compare_doubles);
	f.median = times[count / 2];
	f.late = times[count * 95 / 100];
	free(times);
	model_free(m);
	return f;
}

static void
short_quotes(struct model *m)
{
	m->quotes_may_be_short = true;
	for (size_t n = 0; n < m->nodes_count; n++)
		m->nodes[n].short_quote = true;
}

static void
unsure_quotes(struct model *m)
{
	m->quotes_may_be_short = true;
}

static void
no_tag(struct model *m)
{
	short_quotes(m);
	m->flow_window = 1;
}

static const struct {
	int ways;
	int at; /* 0: each run elsewhere */
	uint64_t runs;
	double median, late, probes; /* limits, the last as a part of the reference */
	void (*change)(struct model *m);
} figures[] = {
    {4, 0, 1000, 6, 8, 1.05, NULL},
    {4, 14, 400, 7, 10, 1.05, NULL}, /* nowhere it takes longer */
    {2, 0, 400, 6, 8, 1.08, NULL},
    {16, 0, 100, 8, 12, 1.08, NULL},
    {96, 0, 10, 15, 20, 1.1, NULL},
    {4, 0, 400, 6, 8, 1.25, unsure_quotes},
    {4, 0, 400, 9, 12, 1.7, short_quotes},
    {4, 0, 400, 9, 12, 1.7, no_tag},
};

START_TEST(round_trips_and_probes)
{
	uint64_t count = runs(figures[_i].runs);
	struct figures f = measure(&algorithm_mda, figures[_i].ways, figures[_i].at,
	    count > 10 ? count : 10, figures[_i].change);
	double reference = mean_sequential(figures[_i].ways, 15);

	if (getenv("MDA_FIGURES") != NULL)
		printf("%d ways: %.2f, %.2f round trips, %.1f probes, %.3f of %.1f\n",
		    figures[_i].ways, f.median, f.late, f.probes, f.probes / reference,
		    reference);
	ck_assert_msg(f.median <= figures[_i].median, "median of %.2f", f.median);
	ck_assert_msg(f.late <= figures[_i].late, "95th percentile of %.2f", f.late);
	ck_assert_msg(f.probes <= figures[_i].probes * reference,
	    "%.1f probes, of the reference's %.1f", f.probes, reference);
}
END_TEST

/* Quotes without a tag take at most half as many round trips again. */
START_TEST(round_trips_without_tag)
{
	uint64_t count = runs(400) > 20 ? runs(400) : 20;
	struct figures with = measure(&algorithm_mda, 4, 0, count, NULL);
	struct figures without = measure(&algorithm_mda, 4, 0, count, short_quotes);

	if (getenv("MDA_FIGURES") != NULL)
		printf("without tag: %.2f, %.2f of %.2f, %.2f round trips\n",
		    without.median, without.late, with.median, with.late);
	ck_assert_msg(without.median <= 1.5 * with.median, "%.2f and %.2f",
	    without.median, with.median);
}
END_TEST

/* ---- mda-lite ---- */

static double
mean_probes(const struct algorithm *a, const struct branches *b, uint64_t count)
{
	struct prober_start o = model_options();
	struct model *m = model_new(1);
	double sum = 0;
	int hops = branches_make(m, b, STEP);

	for (uint64_t run = 0; run < count; run++) {
		m->seed = run + 1;
		(void)branches_go(m, a, &o);
		for (int t = 1; t <= hops; t++)
			sum += (double)model_sent_at(m, (uint8_t)t);
	}
	model_free(m);
	return sum / (double)count;
}

static const struct {
	struct branches net;
	double saved; /* at least; negative: costs no more than so much more */
} savings[] = {
    {{.widths = {1, 2, 1}}, .38},
    {{.widths = {1, 4, 1}}, .57},
    {{.widths = {1, 8, 1}}, .63},
    {{.widths = {1, 16, 1}}, .65},
    {{.widths = {1, 4, 2, 1}}, .50},
    {{.widths = {1, 2, 4, 2, 1}}, .45},
    {{.widths = {1, 4, 2, 1}, .meshed = true}, -.15},
    {{.widths = {1, 4, 4, 1}, .meshed = true}, -.15},
    {{.widths = {1, 2, 4, 2, 1}, .meshed = true}, -.15},
};

START_TEST(what_lite_saves)
{
	uint64_t count = runs(400) > 40 ? runs(400) : 40;
	double mda = mean_probes(&algorithm_mda, &savings[_i].net, count);
	double lite = mean_probes(&algorithm_mda_lite, &savings[_i].net, count);

	if (getenv("MDA_FIGURES") != NULL)
		printf("lite %d: %.1f of %.1f probes, %.1f %% saved\n", _i, lite, mda,
		    100 * (1 - lite / mda));
	ck_assert_msg(lite <= (1 - savings[_i].saved) * mda,
	    "%.1f probes, of mda's %.1f", lite, mda);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {failures_of_a_node, COUNT_OF(nodes), 0},
	    {failures_of_a_hop, COUNT_OF(nodes), 0},
	    {failures_of_a_graph, 3, 0},
	    {failures_with_loss, 2, 0},
	    {round_trips_and_probes, COUNT_OF(figures), 0},
	    {round_trips_without_tag, 0, 0},
	    {what_lite_saves, COUNT_OF(savings), 0},
	};

	return test_main("mda_stats", tests, COUNT_OF(tests));
}
