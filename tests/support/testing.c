#include "tests/support/testing.h"

#include <stdlib.h>
#include <string.h>

#define TEST_TIMEOUT 600 /* s; tests/run has limits of its own, which are shorter */

int
test_main(const char *suite, const struct test_entry *tests, size_t count)
{
	Suite *all = suite_create(suite);
	TCase *group = tcase_create(suite);
	SRunner *runner = srunner_create(all);
	int failed;

	suite_add_tcase(all, group);
	tcase_set_timeout(group, TEST_TIMEOUT);
	for (size_t i = 0; i < count; i++) {
		const struct test_entry *t = &tests[i];

		if (t->signal != 0 && srunner_fork_status(runner) == CK_NOFORK)
			continue;
		if (t->signal != 0)
			tcase_add_test_raise_signal(group, t->test, t->signal);
		else if (t->loops != 0)
			tcase_add_loop_test(group, t->test, 0, t->loops);
		else
			tcase_add_test(group, t->test);
	}
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* splitmix64 (Steele, Lea, Flood, OOPSLA 2014). */
uint64_t
rng_next(struct rng *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint64_t
rng_below(struct rng *r, uint64_t limit)
{
	return rng_next(r) % limit;
}

int
rng_chance(struct rng *r, uint32_t million)
{
	return rng_below(r, 1000000) < million;
}

void
rng_fill(struct rng *r, void *data, size_t len)
{
	uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)rng_next(r);
}

uint8_t *
exact_copy(const void *data, size_t len)
{
	uint8_t *copy = malloc(len); /* of 0 bytes: an address, in glibc */

	if (copy == NULL)
		abort();
	if (len != 0)
		memcpy(copy, data, len);
	return copy;
}
