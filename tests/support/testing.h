/*
 * What the unit tests share beyond Check: the main of a test program, assertions cheap
 * enough for loops of millions, repeatable randomness, copies of an exact size.
 */
#ifndef TESTS_SUPPORT_TESTING_H
#define TESTS_SUPPORT_TESTING_H

#include <check.h>
#include <stddef.h>
#include <stdint.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Check notes every assertion that holds; these note only the one that does not. */
#define must(condition) \
	do { \
		if (!(condition)) \
			ck_abort_msg("not so: %s", #condition); \
	} while (0)
#define must_eq(a, b) \
	do { \
		const long long must_a = (long long)(a), must_b = (long long)(b); \
		if (must_a != must_b) \
			ck_abort_msg( \
			    "%s is %lld, and %s is %lld", #a, must_a, #b, must_b); \
	} while (0)
/* With the number of the case, seed or turn in which it failed. */
#define must_eq_in(turn, a, b) \
	do { \
		const long long must_a = (long long)(a), must_b = (long long)(b); \
		if (must_a != must_b) \
			ck_abort_msg("in %lld: %s is %lld, and %s is %lld", \
			    (long long)(turn), #a, must_a, #b, must_b); \
	} while (0)

struct test_entry {
	const TTest *test;
	int loops;  /* runs _i from 0 to loops - 1; 0: once */
	int signal; /* the test must die of this; left out where tests do not fork */
};

/* The main of a test program: runs every test and returns the exit status. */
int test_main(const char *suite, const struct test_entry *tests, size_t count);

/* A generator that gives the same numbers for the same seed everywhere. */
struct rng {
	uint64_t state;
};

uint64_t rng_next(struct rng *r);

/* From 0 to limit - 1. */
uint64_t rng_below(struct rng *r, uint64_t limit);

/* True so many times in a million. */
int rng_chance(struct rng *r, uint32_t million);

void rng_fill(struct rng *r, void *data, size_t len);

/*
 * A copy that ends where its memory ends, so that a read past it is seen by valgrind
 * and the address sanitizer. Freed by the caller; never NULL, even when len is 0.
 */
uint8_t *exact_copy(const void *data, size_t len);

#endif
