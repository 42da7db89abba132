#include "tools/mda/confidence.h"

#include <stdlib.h>

/* Past so many steps the union bound is exact enough, and the walk slow. */
#define STEPS_MAX ((uint64_t)4 << 20)

/* (1 - 1/k)^n without libm: by squaring. */
static double
power(double base, uint32_t exponent)
{
	double result = 1;

	for (; exponent != 0; exponent >>= 1) {
		if ((exponent & 1) != 0)
			result *= base;
		base *= base;
	}
	return result;
}

/* The k-th of equally likely ones is missing with at most k (1 - 1/k)^n. */
static double
by_union_bound(uint32_t k, uint32_t n)
{
	double missing = k * power(1 - 1.0 / k, n);

	return missing < 1 ? 1 - missing : 0;
}

double
confidence_of(uint32_t successors, uint32_t flows)
{
	uint32_t k = successors + 1;
	double *seen; /* probability that so many were seen */
	double all;

	if (flows == 0)
		return 0;
	if ((uint64_t)k * flows > STEPS_MAX)
		return by_union_bound(k, flows);
	seen = calloc((size_t)k + 1, sizeof(*seen));
	if (seen == NULL)
		return by_union_bound(k, flows);
	seen[0] = 1;
	for (uint32_t n = 0; n < flows; n++) {
		for (uint32_t j = k; j > 0; j--)
			seen[j] = seen[j] * j / k + seen[j - 1] * (k - j + 1) / k;
		seen[0] = 0;
	}
	all = seen[k];
	free(seen);
	return all;
}
