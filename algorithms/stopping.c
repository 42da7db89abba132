#include "algorithms/stopping.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* What is less likely than this part of alpha is left out of the walk. */
#define NEGLIGIBLE 1e-13

struct stopping {
	double alpha;
	uint32_t known;                    /* points from 2 to this are computed */
	uint32_t points[STOPPING_MAX + 2]; /* by k */
	double failures[STOPPING_MAX + 2]; /* by k */
	double stay[STOPPING_MAX + 2];     /* of the walk with `known` + 1 ways */
	double advance[STOPPING_MAX + 2];
	double chance[STOPPING_MAX + 2]; /* to be at j, for j from low to high */
};

struct stopping *
stopping_new(double alpha)
{
	struct stopping *s;

	if (!(alpha >= STOPPING_ALPHA_MIN && alpha <= STOPPING_ALPHA_MAX))
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->alpha = alpha;
	s->known = 1;
	return s;
}

void
stopping_free(struct stopping *s)
{
	free(s);
}

/* One probe more: every chance moves on, from the highest down. */
static void
step(struct stopping *s, uint32_t low, uint32_t high)
{
	for (uint32_t j = high; j > low; j--)
		s->chance[j] =
		    s->chance[j] * s->stay[j] + s->chance[j - 1] * s->advance[j - 1];
	s->chance[low] *= s->stay[low];
}

/*
 * Walks over (probes, distinct successors) of a node with k ways, until what failed and
 * what would if it stopped now are within alpha. Only the band of chances that matter
 * is walked.
 */
static void
compute(struct stopping *s, uint32_t k)
{
	const double negligible = s->alpha * NEGLIGIBLE;
	uint32_t low = 1, high = 1, probes = 1;
	double failed = 0;

	for (uint32_t j = 1; j <= k; j++) {
		s->stay[j] = (double)j / k;
		s->advance[j] = (double)(k - j) / k;
		s->chance[j] = 0;
	}
	s->chance[1] = 1;
	for (;;) {
		/* Nobody is below k - 1 any more, so it depends on that one alone. */
		if (low == k - 1 && failed + s->chance[low] <= s->alpha)
			break;
		probes++;
		if (high < k - 1 && s->chance[high] * s->advance[high] > negligible)
			high++;
		step(s, low, high);
		while (
		    low < k - 1 && (probes == s->points[low + 1] ||
				       (low < high && s->chance[low] < negligible))) {
			failed += s->chance[low];
			s->chance[low++] = 0;
			if (high < low)
				high = low;
		}
	}
	s->points[k] = probes;
	s->failures[k] = failed + s->chance[low];
	s->known = k;
}

/* Computes up to k; false when there is no such point. */
static bool
know(struct stopping *s, uint32_t k)
{
	if (k < 2 || k > STOPPING_MAX + 1)
		return false;
	while (s->known < k)
		compute(s, s->known + 1);
	return true;
}

uint32_t
stopping_point(struct stopping *s, uint32_t k)
{
	return know(s, k) ? s->points[k] : 0;
}

double
stopping_failure(struct stopping *s, uint32_t k)
{
	return know(s, k) ? s->failures[k] : 0;
}

double
stopping_alpha_of_graph(double alpha, uint32_t nodes)
{
	return nodes <= 1 ? alpha : -expm1(log1p(-alpha) / nodes);
}
