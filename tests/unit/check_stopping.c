/* algorithms/stopping: the published points, exact failures, bounds, speed. */
#include <math.h>
#include <stdlib.h>

#include "algorithms/stopping.h"
#include "tests/support/testing.h"

/* Points for k from 2 on. */
static const struct {
	double alpha;
	uint32_t nodes; /* of the graph's bound; 1: of one node */
	size_t count;
	uint32_t points[16];
} tables[] = {
    {.05, 1, 16, {6, 11, 16, 21, 27, 33, 39, 45, 51, 57, 63, 70, 76, 83, 90, 96}},
    {.01, 1, 16, {8, 15, 21, 28, 36, 43, 51, 58, 66, 74, 82, 90, 98, 106, 115, 123}},
    {.05, 5, 6, {8, 15, 21, 28, 36, 43}},
    {.05, 10, 6, {9, 16, 24, 31, 39, 47}},
    {.05, 30, 6, {11, 19, 27, 36, 45, 54}},
};

START_TEST(published_points)
{
	struct stopping *s =
	    stopping_new(stopping_alpha_of_graph(tables[_i].alpha, tables[_i].nodes));

	must(s != NULL);
	for (size_t i = 0; i < tables[_i].count; i++)
		must_eq(stopping_point(s, (uint32_t)i + 2), tables[_i].points[i]);
	stopping_free(s);
}
END_TEST

static const struct {
	uint32_t k;
	double five, one;
} failures[] = {{2, .03125, .00781}, {3, .03771, .00725}, {4, .04239, .00969},
    {5, .04760, .00982}, {6, .04498, .00857}, {7, .04395, .00930}, {8, .04412, .00886},
    {9, .04500, .00973}, {10, .04630, .00957}, {12, .04959, .00956},
    {16, .04754, .00956}, {32, .04988, .00972}};

START_TEST(published_failures)
{
	struct stopping *five = stopping_new(.05), *one = stopping_new(.01);

	must(five != NULL && one != NULL);
	/* Any order: what is asked first is computed first, with all before it. */
	for (size_t i = COUNT_OF(failures); i-- > 0;) {
		must(fabs(stopping_failure(five, failures[i].k) - failures[i].five) <
		     6e-6);
		must(fabs(stopping_failure(one, failures[i].k) - failures[i].one) <
		     6e-6);
	}
	stopping_free(five);
	stopping_free(one);
}
END_TEST

/*
 * The definition, without band or laziness: every chance of every walk. Returns the
 * failure if the search for a k-th successor stops at points[k].
 */
static double
failure_by_definition(const uint32_t *points, uint32_t k)
{
	double *chance = calloc(k + 2, sizeof(*chance));
	double failed = 0;

	must(chance != NULL);
	chance[1] = 1;
	for (uint32_t i = 2; i <= points[k]; i++) {
		for (uint32_t j = k; j >= 1; j--)
			chance[j] = chance[j] * j / k + chance[j - 1] * (k - j + 1) / k;
		for (uint32_t j = 1; j < k; j++) {
			if (points[j + 1] > i)
				continue;
			failed += chance[j];
			chance[j] = 0;
		}
	}
	free(chance);
	return failed;
}

static const double alphas[] = {.5, .3, .1, .05, .01, 1e-3, 1e-6, 1e-9, 1e-12};

/* Each point is the least one that keeps the bound, and the failure is as told. */
START_TEST(as_defined)
{
	struct stopping *s = stopping_new(alphas[_i]);
	uint32_t points[66] = {0, 1};

	must(s != NULL);
	for (uint32_t k = 2; k <= 65; k++) {
		double told = stopping_failure(s, k);

		points[k] = stopping_point(s, k);
		must(points[k] > points[k - 1]);
		must(told <= alphas[_i]);
		must(fabs(failure_by_definition(points, k) - told) < told * 1e-9);
		points[k]--;
		must(points[k] == points[k - 1] ||
		     failure_by_definition(points, k) > alphas[_i]);
		points[k]++;
	}
	stopping_free(s);
}
END_TEST

/* All there are, and none beyond. */
START_TEST(bounds)
{
	struct stopping *s = stopping_new(.05);

	must(stopping_new(0) == NULL);
	must(stopping_new(STOPPING_ALPHA_MIN / 2) == NULL);
	must(stopping_new(STOPPING_ALPHA_MAX * 1.01) == NULL);
	must(stopping_new(-1) == NULL);
	must(stopping_new(NAN) == NULL);
	must_eq(stopping_point(s, 0), 0);
	must_eq(stopping_point(s, 1), 0);
	must_eq(stopping_point(s, STOPPING_MAX + 2), 0);
	must_eq(stopping_point(s, UINT32_MAX), 0);
	must(stopping_failure(s, STOPPING_MAX + 1) <= .05);
	for (uint32_t k = 3; k <= STOPPING_MAX + 1; k++)
		must(stopping_point(s, k) > stopping_point(s, k - 1));
	stopping_free(s);
	stopping_free(NULL);
}
END_TEST

START_TEST(bound_of_a_graph)
{
	must(fabs(stopping_alpha_of_graph(.05, 1) - .05) < 1e-15);
	must(fabs(stopping_alpha_of_graph(.05, 0) - .05) < 1e-15);
	for (uint32_t nodes = 2; nodes <= 1000000; nodes *= 3) {
		double each = stopping_alpha_of_graph(.05, nodes);

		must(fabs(1 - pow(1 - each, nodes) - .05) < 1e-9);
	}
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {published_points, COUNT_OF(tables), 0},
	    {published_failures, 0, 0},
	    {as_defined, COUNT_OF(alphas), 0},
	    {bounds, 0, 0},
	    {bound_of_a_graph, 0, 0},
	};

	return test_main("stopping", tests, COUNT_OF(tests));
}
