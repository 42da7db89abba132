/*
 * prober/learned: what is remembered of whom, and that the table is as bounded and as
 * little to be moved by others as its header says.
 */
#include <stdlib.h>
#include <string.h>

#include "prober/learned.h"
#include "tests/support/testing.h"

#define MS INT64_C(1000000)
#define SEEDS 20

static struct addr
parsed(const char *text)
{
	struct addr a;

	must_eq(addr_from_text(text, &a), 0);
	return a;
}

static void
put(struct learned *l, const char *target, const char *source, uint8_t distance,
    enum learned_tags tags, int64_t rtt)
{
	struct addr t = parsed(target), s = parsed(source);

	learned_put(l, &t, &s,
	    &(struct learned_path){
		.distance = distance, .tags = (uint8_t)tags, .rtt = rtt});
}

static void
must_get(struct learned *l, const char *target, const char *source,
    unsigned int distance, bool tags_shown, int64_t rtt)
{
	struct addr t = parsed(target), s = parsed(source);
	struct instance_hints hints = learned_get(l, &t, &s);

	must_eq(hints.distance, distance);
	must_eq(hints.tags_shown, tags_shown);
	must_eq(hints.rtt, rtt);
}

#define HERE "192.0.2.2"
#define HERE6 "2001:db8::2"

START_TEST(empty)
{
	struct learned *l = learned_new(1);

	must_get(l, "198.51.100.9", HERE, 0, false, 0);
	must_get(l, "0.0.0.0", "0.0.0.0", 0, false, 0);
	must_get(l, "::", "::", 0, false, 0);
	learned_free(l);
	learned_free(NULL);
}
END_TEST

/* The latest of a target; what a trace did not find out stays. */
START_TEST(a_target)
{
	struct learned *l = learned_new(1);

	put(l, "198.51.100.9", HERE, 5, LEARNED_TAGS_SHOWN, 10 * MS);
	must_get(l, "198.51.100.9", HERE, 5, true, 10 * MS);
	put(l, "198.51.100.9", HERE, 3, LEARNED_TAGS_MISSING, 8 * MS);
	must_get(l, "198.51.100.9", HERE, 3, false, 8 * MS);
	put(l, "198.51.100.9", HERE, 0, LEARNED_TAGS_UNKNOWN, 0);
	must_get(l, "198.51.100.9", HERE, 3, false, 8 * MS);
	learned_free(l);
}
END_TEST

/* Neighbours: the longest distance, the mean of times, and nobody's tags. */
START_TEST(a_prefix)
{
	struct learned *l = learned_new(1);

	put(l, "198.51.100.9", HERE, 5, LEARNED_TAGS_UNKNOWN, 10 * MS);
	put(l, "198.51.100.10", HERE, 9, LEARNED_TAGS_UNKNOWN, 30 * MS);
	put(l, "198.51.100.11", HERE, 7, LEARNED_TAGS_UNKNOWN, 0);
	must_get(l, "198.51.100.12", HERE, 9, false, 15 * MS);
	must_get(l, "198.51.100.9", HERE, 5, false, 10 * MS);
	must_get(l, "198.51.100.0", HERE, 9, false, 15 * MS);
	must_get(l, "198.51.101.9", HERE, 0, false, 0);
	must_get(l, "2001:db8::9", HERE6, 0, false, 0);
	put(l, "2001:db8:1::9", HERE6, 4, LEARNED_TAGS_UNKNOWN, 2 * MS);
	must_get(l, "2001:db8:1:ffff::1", HERE6, 4, false, 2 * MS);
	must_get(l, "2001:db8:2::9", HERE6, 0, false, 0);
	/* An address is not its prefix, nor the one of another link. */
	put(l, "203.0.113.0", HERE, 2, LEARNED_TAGS_SHOWN, MS);
	must_get(l, "203.0.113.1", "192.0.2.3", 2, false, MS);
	put(l, "fe80::1%1", HERE6, 1, LEARNED_TAGS_UNKNOWN, 0);
	must_get(l, "fe80::1%2", HERE6, 0, false, 0);
	learned_free(l);
}
END_TEST

/* Tags: by the target, else by the source. */
START_TEST(a_source)
{
	struct learned *l = learned_new(1);

	put(l, "198.51.100.9", HERE, 0, LEARNED_TAGS_SHOWN, 0);
	must_get(l, "203.0.113.1", HERE, 0, true, 0);
	must_get(l, "203.0.113.1", "192.0.2.3", 0, false, 0);
	put(l, "203.0.113.7", HERE, 0, LEARNED_TAGS_MISSING, 0);
	must_get(l, "203.0.113.1", HERE, 0, false, 0);
	must_get(l, "198.51.100.9", HERE, 0, true, 0);
	/* Who is target and source is known as each of them. */
	put(l, HERE, "192.0.2.77", 3, LEARNED_TAGS_UNKNOWN, 0);
	must_get(l, HERE, HERE, 3, false, 0);
	learned_free(l);
}
END_TEST

static struct addr
numbered(uint32_t number)
{
	uint8_t bytes[] = {
	    10, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number};

	return addr_from_bytes(AF_INET, bytes);
}

/*
 * More targets than there is room for: the latest are remembered, old ones make room,
 * what is remembered is right, and what is in use stays.
 */
START_TEST(more_than_there_is_room)
{
	struct learned *l = learned_new((uint64_t)_i);
	struct addr source = parsed(HERE), busy = parsed("198.51.100.9");
	uint32_t count = 20 * LEARNED_ENTRIES, kept = 0;

	put(l, "198.51.100.9", HERE, 77, LEARNED_TAGS_SHOWN, MS);
	for (uint32_t n = 0; n < count; n++) {
		struct addr a = numbered(n);
		struct learned_path path = {.distance = (uint8_t)(1 + n % 100)};

		learned_put(l, &a, &source, &path);
		must_eq(learned_get(l, &a, &source).distance, 1 + n % 100);
		must_eq(learned_get(l, &busy, &source).distance, 77);
		must(learned_get(l, &busy, &source).tags_shown);
	}
	for (uint32_t n = 0; n < count; n++) {
		struct addr a = numbered(n);
		struct instance_hints hints = learned_get(l, &a, &source);
		uint32_t first = n / 256 * 256, most = 0;

		/* Its own, or the longest of its prefix; or it is forgotten. */
		for (uint32_t k = first; k < first + 256; k++)
			most = 1 + k % 100 > most ? 1 + k % 100 : most;
		must(hints.distance == 1 + n % 100 || hints.distance == most ||
		     hints.distance == 0);
		kept += hints.distance == 1 + n % 100 && hints.distance != most;
	}
	must(kept <= LEARNED_ENTRIES);
	must(kept > LEARNED_ENTRIES / 2);
	learned_free(l);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {empty},
	    {a_target},
	    {a_prefix},
	    {a_source},
	    {more_than_there_is_room, .loops = SEEDS},
	};

	return test_main("learned", tests, COUNT_OF(tests));
}
