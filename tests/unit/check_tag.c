/* prober/tag: unique values, rest before they come back, exhaustion. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "prober/tag.h"
#include "tests/support/testing.h"

static struct tree *tree;
static struct tag_set set;

/* Every tag field there is, with the values it may take. */
static const struct {
	const char *pattern;
	const char *field;
	uint32_t low;
	uint32_t high;
	bool ends_non_zero;
} fields[] = {
    {"ipv4/udp", "udp.payload", 1, UINT32_MAX, true},
    {"ipv6/udp", "udp.payload", 1, UINT32_MAX, true},
    {"ipv4/udp", "udp.dst_port", 33434, 65535, false},
    {"ipv6/udp", "udp.src_port", 24000, 32767, false},
    {"ipv4/udp", "udp.checksum", 1, 0xfffe, false},
    {"ipv4/udp", "udp.length", 12, 512, false},
    {"ipv4/udp", "ipv4.identification", 1, 65535, false},
    {"ipv6/udp", "ipv6.flow_label", 1, 0xfffff, false},
    {"ipv4/icmpv4", "icmp.sequence", 0, 65535, false},
    {"ipv6/icmpv6", "icmp.sequence", 0, 65535, false},
    {"ipv4/icmpv4", "icmp.checksum", 1, 0xfffe, false},
    {"ipv6/icmpv6", "icmp.checksum", 1, 0xfffe, false},
    {"ipv4/tcp", "tcp.seq", 0, UINT32_MAX, false},
    {"ipv6/tcp", "tcp.src_port", 24000, 32767, false},
    {"ipv4/tcp", "tcp.checksum", 1, 0xfffe, false},
};

static void
set_up(void)
{
	tree = tree_new();
	ck_assert_ptr_nonnull(tree);
}

static void
tear_down(void)
{
	tag_set_clear(&set);
	tag_set_clear(&set);
	tree_free(tree);
}

/* A set of fields[i]. */
static void
open_set(size_t i, uint64_t seed)
{
	const struct pattern *p = tree_find(tree, fields[i].pattern);
	struct field_ref ref;

	must(p != NULL);
	must_eq(pattern_find_field(p, fields[i].field, &ref), 0);
	must_eq(tag_set_init(&set, p, ref, seed), 0);
}

static size_t
field_index(const char *name)
{
	size_t i = 0;

	while (strcmp(fields[i].field, name) != 0)
		i++;
	return i;
}

static bool
is_allowed(size_t i, uint32_t value)
{
	return value >= fields[i].low && value <= fields[i].high &&
	       (!fields[i].ends_non_zero || (value & 0xff) != 0);
}

/* How many values a set has that remembers each of them. */
static size_t
values_of(size_t i)
{
	return (size_t)(fields[i].high - fields[i].low) + 1;
}

START_TEST(ranges)
{
	static uint8_t seen[UINT64_C(1) << 20];
	bool small = values_of((size_t)_i) <= sizeof(seen);
	size_t takes = small ? values_of((size_t)_i) : 200000;
	uint32_t previous = 0;
	uint32_t value;
	int64_t retry = 0;

	set_up();
	open_set((size_t)_i, UINT64_C(0xdeadbeefcafe));
	memset(seen, 0, sizeof(seen));
	for (size_t k = 0; k < takes; k++) {
		must_eq(tag_set_take(&set, 0, &value, &retry), 0);
		must(is_allowed((size_t)_i, value));
		if (small) {
			must_eq(seen[value - fields[_i].low], 0);
			seen[value - fields[_i].low] = 1;
		} else if (k > 0) {
			/* Large sets count up, and so do not repeat. */
			uint32_t step = value - previous;

			must(step >= 1 && step <= 3);
		}
		previous = value;
	}
	if (small) {
		must_eq(tag_set_take(&set, INT64_MAX - 1, &value, &retry), -EAGAIN);
		must(retry == INT64_MAX);
	}
	tear_down();
}
END_TEST

START_TEST(not_a_tag_field)
{
	static const struct {
		const char *pattern;
		const char *field;
	} cases[] = {
	    {"ipv4/udp", "ipv4.ttl"},
	    {"ipv4/udp", "ipv4.src_addr"},
	    {"ipv6/icmpv6", "icmp.id"},
	    {"ipv4/icmpv4", "icmp.type"},
	    {"ipv6/tcp", "tcp.dst_port"},
	};

	set_up();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct pattern *p = tree_find(tree, cases[i].pattern);
		struct field_ref ref;

		ck_assert_int_eq(pattern_find_field(p, cases[i].field, &ref), 0);
		ck_assert_int_eq(tag_set_init(&set, p, ref, 0), -EINVAL);
	}
	tear_down();
}
END_TEST

START_TEST(seed_chooses_the_first_value)
{
	size_t i = field_index("udp.dst_port");
	size_t different = 0;
	uint32_t first, value;
	int64_t retry;

	set_up();
	for (uint64_t seed = 0; seed < 100; seed++) {
		open_set(i, seed * 7919);
		must_eq(tag_set_take(&set, 0, &value, &retry), 0);
		if (seed == 0)
			first = value;
		different += value != first;
		/* The same seed, the same value. */
		open_set(i, seed * 7919);
		must_eq(tag_set_take(&set, 0, &first, &retry), 0);
		must_eq(first, value);
		open_set(i, 0);
		must_eq(tag_set_take(&set, 0, &first, &retry), 0);
	}
	ck_assert_uint_ge(different, 95);
	tear_down();
}
END_TEST

START_TEST(start_at)
{
	size_t sequence = field_index("icmp.sequence");
	uint32_t value;
	int64_t retry;

	set_up();
	open_set(sequence, 4711);
	tag_set_start_at(&set, 100000); /* not a value of this field */
	ck_assert_int_eq(tag_set_take(&set, 0, &value, &retry), 0);
	ck_assert_uint_eq(value, 4711);
	tag_set_start_at(&set, 5); /* too late: values are in use */
	ck_assert_int_eq(tag_set_take(&set, 0, &value, &retry), 0);
	ck_assert_uint_eq(value, 4712);
	open_set(sequence, 4711);
	tag_set_start_at(&set, 65534);
	for (uint32_t k = 0; k < 4; k++) {
		static const uint32_t expected[] = {65534, 65535, 0, 1};

		ck_assert_int_eq(tag_set_take(&set, 0, &value, &retry), 0);
		ck_assert_uint_eq(value, expected[k]);
	}
	open_set(field_index("udp.dst_port"), 0);
	tag_set_start_at(&set, 33433);
	ck_assert_int_eq(tag_set_take(&set, 0, &value, &retry), 0);
	ck_assert_uint_eq(value, 33434);
	/* The whole of 32 bits, at both ends. */
	open_set(field_index("tcp.seq"), 1);
	tag_set_start_at(&set, UINT32_MAX);
	ck_assert_int_eq(tag_set_take(&set, 0, &value, &retry), 0);
	ck_assert_uint_eq(value, UINT32_MAX);
	ck_assert_int_eq(tag_set_take(&set, 0, &value, &retry), 0);
	ck_assert_uint_eq(value, 0);
	/* A value whose last byte is zero is passed over. */
	open_set(field_index("udp.payload"), 1);
	tag_set_start_at(&set, 0x1ff);
	ck_assert_int_eq(tag_set_take(&set, 0, &value, &retry), 0);
	ck_assert_uint_eq(value, 0x1ff);
	ck_assert_int_eq(tag_set_take(&set, 0, &value, &retry), 0);
	ck_assert_uint_eq(value, 0x201);
	open_set(field_index("udp.payload"), 1);
	tag_set_start_at(&set, UINT32_MAX);
	ck_assert_int_eq(tag_set_take(&set, 0, &value, &retry), 0);
	ck_assert_int_eq(tag_set_take(&set, 0, &value, &retry), 0);
	ck_assert_uint_eq(value, 1);
	tear_down();
}
END_TEST

/* Downwards, from somewhere in the upper half on, and round. */
START_TEST(falling)
{
	size_t i = field_index("tcp.checksum");
	uint32_t value, previous = 0;
	int64_t retry;

	set_up();
	for (uint64_t seed = 0; seed < 200000; seed += 37) {
		open_set(i, seed);
		must_eq(tag_set_take(&set, 0, &value, &retry), 0);
		must(value > fields[i].high / 2 && value <= fields[i].high);
	}
	open_set(i, 4711);
	for (size_t k = 0; k < values_of(i); k++) {
		must_eq(tag_set_take(&set, 0, &value, &retry), 0);
		if (k > 0 && previous == fields[i].low)
			must_eq(value, fields[i].high);
		else if (k > 0)
			must_eq(value, previous - 1);
		previous = value;
	}
	tear_down();
}
END_TEST

START_TEST(rest_before_the_next_owner)
{
	size_t i = field_index("udp.length");
	uint32_t value, given = 0, other = 0;
	int64_t retry = -1;

	set_up();
	open_set(i, 0);
	for (size_t k = 0; k < values_of(i); k++) {
		ck_assert_int_eq(tag_set_take(&set, 1000, &value, &retry), 0);
		if (k == 100)
			given = value;
		if (k == 7)
			other = value;
	}
	ck_assert_int_eq(tag_set_take(&set, 1000, &value, &retry), -EAGAIN);
	ck_assert(retry == INT64_MAX);
	ck_assert_int_eq(tag_set_give(&set, 2000, given), 0);
	ck_assert_int_eq(tag_set_give(&set, 3000, other), 0);
	ck_assert_int_eq(
	    tag_set_take(&set, 2000 + TAG_REST - 1, &value, &retry), -EAGAIN);
	ck_assert_int_eq(retry, 2000 + TAG_REST);
	ck_assert_int_eq(tag_set_take(&set, retry, &value, &retry), 0);
	ck_assert_uint_eq(value, given);
	ck_assert_int_eq(tag_set_take(&set, 2000 + TAG_REST, &value, &retry), -EAGAIN);
	ck_assert_int_eq(retry, 3000 + TAG_REST);
	ck_assert_int_eq(tag_set_take(&set, retry + 5, &value, &retry), 0);
	ck_assert_uint_eq(value, other);
	tear_down();
}
END_TEST

/* Takes and gives at random against a table of who has what since when. */
START_TEST(random_order)
{
	/* A small set that runs out, a middling one, and 16 bits. */
	static const char *const names[] = {
	    "udp.length", "tcp.src_port", "udp.checksum"};
	enum { FREE, TAKEN, RESTING };
	static struct {
		uint8_t state;
		int64_t since;
	} model[65536];
	static uint32_t taken[65536];
	size_t i = field_index(names[_i]);
	struct rng rng = {(uint64_t)_i + 10};
	size_t count = 0, refused = 0, recycled = 0;
	int64_t now = 0;

	set_up();
	open_set(i, rng_next(&rng));
	memset(model, 0, sizeof(model));
	for (int turn = 0; turn < 300000; turn++) {
		/* Phases of filling and of emptying, so that the set does run out. */
		bool take = rng_chance(&rng, turn / 50000 % 2 == 0 ? 900000 : 300000);
		uint32_t value;
		int64_t retry;

		now += (int64_t)rng_below(&rng, TAG_REST / 1000);
		if (take && tag_set_take(&set, now, &value, &retry) == 0) {
			must(is_allowed(i, value));
			must(model[value].state != TAKEN);
			if (model[value].state == RESTING) {
				must(now - model[value].since >= TAG_REST);
				recycled++;
			}
			model[value].state = TAKEN;
			taken[count++] = value;
		} else if (take) {
			/* Right to refuse: nothing is free, and the time is told. */
			int64_t soonest = INT64_MAX;

			refused++;
			for (uint32_t v = fields[i].low;
			     refused < 50 && v <= fields[i].high; v++) {
				must(model[v].state != FREE);
				if (model[v].state == RESTING &&
				    model[v].since + TAG_REST < soonest)
					soonest = model[v].since + TAG_REST;
			}
			if (refused < 50)
				must(retry == soonest && retry > now);
		} else if (count > 0) {
			size_t k = rng_below(&rng, count);

			value = taken[k];
			taken[k] = taken[--count];
			must_eq(tag_set_give(&set, now, value), 0);
			model[value].state = RESTING;
			model[value].since = now;
		}
	}
	must(recycled > 100);
	must(refused > 0 || _i > 0);
	tear_down();
}
END_TEST

/* 32 bits: giving back costs no memory, and nothing comes back soon. */
/* A port that the kernel chose is a tag, too, and is never handed out. */
START_TEST(not_of_the_set)
{
	size_t i = field_index("udp.src_port");
	int64_t retry;
	uint32_t value;

	set_up();
	open_set(i, 1);
	must(tag_set_has(&set, 24000) && tag_set_has(&set, 32767));
	must(!tag_set_has(&set, 23999) && !tag_set_has(&set, 32768));
	must_eq(tag_set_give(&set, 0, 50000), 0);
	while (tag_set_take(&set, 0, &value, &retry) == 0)
		must(tag_set_has(&set, value));
	ck_assert(retry == INT64_MAX);
	tear_down();
}
END_TEST

START_TEST(large_sets)
{
	size_t i = _i == 0 ? field_index("udp.payload") : field_index("tcp.seq");
	struct rng rng = {12};
	uint32_t first, value;
	int64_t retry;

	set_up();
	open_set(i, rng_next(&rng));
	must_eq(tag_set_take(&set, 0, &first, &retry), 0);
	must_eq(tag_set_give(&set, 0, first), 0);
	for (int turn = 0; turn < 500000; turn++) {
		must_eq(tag_set_take(&set, turn, &value, &retry), 0);
		must(value != first && is_allowed(i, value));
		must_eq(tag_set_give(&set, turn, value), 0);
	}
	ck_assert_ptr_null(set.resting);
	/* At the end of the round the next one begins. */
	set.unused = 1;
	(void)tag_set_take(&set, 0, &value, &retry);
	if (tag_set_take(&set, 0, &value, &retry) != 0) {
		ck_assert(retry == INT64_MAX);
		must_eq(tag_set_give(&set, 0, value), 0);
		must_eq(tag_set_take(&set, 0, &value, &retry), 0);
	}
	must(is_allowed(i, value));
	tear_down();
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {ranges, .loops = COUNT_OF(fields)},
	    {not_a_tag_field},
	    {seed_chooses_the_first_value},
	    {start_at},
	    {falling},
	    {rest_before_the_next_owner},
	    {random_order, .loops = 3},
	    {not_of_the_set},
	    {large_sets, .loops = 2},
	};

	return test_main("tag", tests, COUNT_OF(tests));
}
