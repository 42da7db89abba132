/* tools/live: figures of rounds, and the lines that show them. */
#include <string.h>

#include "common/clock.h"
#include "tests/support/testing.h"
#include "tools/live/rounds.h"
#include "tools/live/table.h"

#define MS NS_PER_MS

static struct rounds r;

static struct addr
addr_of(uint8_t last)
{
	const uint8_t bytes[4] = {10, 0, 0, last};

	return addr_from_bytes(AF_INET, bytes);
}

static void
take(uint8_t ttl, enum prober_outcome outcome, uint8_t from, int64_t rtt)
{
	struct prober_result m = {
	    .ttl = ttl, .outcome = (uint8_t)outcome, .from = addr_of(from), .rtt = rtt};

	rounds_take_result(&r, &m);
}

static void
done(enum prober_reason reason, uint8_t end_ttl)
{
	struct prober_done m = {.reason = (uint8_t)reason, .end_ttl = end_ttl};

	rounds_take_done(&r, &m);
}

START_TEST(figures)
{
	struct rounds_hop *h = &r.hops[3];

	rounds_init(&r, 1);
	ck_assert_int_lt(rounds_last(&r), 1);
	ck_assert_uint_eq(rounds_loss(h), 0);
	ck_assert_int_eq(rounds_mean(h), -1);
	take(3, RESULT_REPLY, 1, 10 * MS);
	ck_assert_int_eq(rounds_jitter(h), -1);
	take(3, RESULT_REPLY, 1, 40 * MS);
	take(3, RESULT_TIMEOUT, 0, -1);
	take(3, RESULT_REPLY, 1, 20 * MS);
	take(3, RESULT_DUPLICATE, 1, 21 * MS);
	ck_assert_uint_eq(h->sent, 4);
	ck_assert_uint_eq(h->received, 3);
	ck_assert_uint_eq(h->duplicates, 1);
	ck_assert_uint_eq(rounds_loss(h), 250);
	ck_assert_int_eq(h->best, 10 * MS);
	ck_assert_int_eq(h->worst, 40 * MS);
	ck_assert_int_eq(h->last, 20 * MS);
	ck_assert_int_eq(rounds_mean(h), 70 * MS / 3);
	ck_assert_int_eq(rounds_jitter(h), 25 * MS);
	/* A late answer is one, but there are no more answers than probes. */
	take(3, RESULT_LATE, 1, 900 * MS);
	ck_assert_uint_eq(rounds_loss(h), 0);
	take(3, RESULT_LATE, 1, 950 * MS);
	ck_assert_uint_eq(h->received, 4);
	ck_assert_int_eq(h->worst, 900 * MS);
	ck_assert_int_eq(rounds_last(&r), 3);
}
END_TEST

/* Hops beyond the target have been asked too; where it ends is what the last one says.
 */
START_TEST(ends)
{
	rounds_init(&r, 1);
	take(1, RESULT_REPLY, 1, MS);
	take(7, RESULT_REPLY, 2, MS);
	ck_assert_int_eq(rounds_last(&r), 7);
	done(REASON_REACHED, 5);
	ck_assert_int_eq(rounds_last(&r), 5);
	done(REASON_TIMED_OUT, 2);
	ck_assert_int_eq(rounds_last(&r), 5);
	done(REASON_UNREACHABLE, 6);
	ck_assert_int_eq(rounds_last(&r), 6);
	ck_assert_uint_eq(r.done, 3);
	ck_assert_uint_eq(r.reached, 1);
}
END_TEST

START_TEST(addresses)
{
	const struct rounds_hop *h = &r.hops[2];

	rounds_init(&r, 1);
	for (uint8_t from = 1; from <= 12; from++)
		for (uint8_t turn = 0; turn <= from % 5; turn++)
			take(2, RESULT_REPLY, from, MS);
	ck_assert_uint_eq(h->addresses_count, ROUNDS_ADDRESSES);
	for (size_t i = 1; i < ROUNDS_ADDRESSES; i++)
		ck_assert_uint_ge(h->addresses[i - 1].count, h->addresses[i].count);
	ck_assert_uint_eq(h->others, 5 + 1 + 2 + 3);
	/* Those of 9 to 12: 4 + 1, 1, 2 and 3 replies. */
	ck_assert_uint_eq(h->received, 2 + 3 + 4 + 5 + 1 + 2 + 3 + 4 + h->others);
}
END_TEST

static enum name_state
find(void *context, const struct addr *a, const char **name)
{
	(void)a;
	*name = context;
	return NAME_KNOWN;
}

static const char *
line_of(const struct table *t, size_t number)
{
	static char line[TABLE_LINE_MAX];
	bool strong;

	ck_assert_ptr_eq(table_line(t, number, line, &strong), line);
	ck_assert_int_eq(strong, number == 0);
	return line;
}

START_TEST(lines)
{
	const struct table t = {.rounds = &r, .width = 80};

	rounds_init(&r, 1);
	ck_assert_uint_eq(table_lines(&t), 1);
	take(1, RESULT_REPLY, 1, 1234567);
	take(2, RESULT_TIMEOUT, 0, -1);
	for (int turn = 0; turn < 3; turn++)
		take(3, RESULT_REPLY, turn == 1 ? 4 : 5,
		    (turn + 1) * 9999960 * MS - (turn == 0 ? 9899961 * MS : 0));
	ck_assert_uint_eq(table_lines(&t), 5);
	ck_assert_str_eq(line_of(&t, 0), "     Host                   "
					 "Loss%    Snt    Last     Avg    Best    Wrst"
					 "    Jttr");
	ck_assert_str_eq(line_of(&t, 1), "  1. 10.0.0.1               "
					 "  0.0      1     1.2     1.2     1.2     1.2"
					 "        ");
	ck_assert_str_eq(line_of(&t, 2), "  2. *                      "
					 "100.0      1                                "
					 "        ");
	ck_assert_str_eq(line_of(&t, 3), "  3. 66% 10.0.0.5           "
					 "  0.0      3  29999s  16699s   99999  29999s"
					 "  14949s");
	ck_assert_str_eq(line_of(&t, 4), "     33% 10.0.0.4");
	ck_assert_str_eq(line_of(&t, 5), "");
}
END_TEST

/* Whatever the width and the name: no longer, and nothing that a terminal obeys. */
START_TEST(widths)
{
	static char name[] =
	    "\x1b[2J\n=cmd\"'\xff\xfe\xe4\xb8\xad\xe2\x80\xae%n%s very long "
	    "name.example "
	    "very long name.example very long name.example very long name.example";
	const struct naming naming = {.find = find, .context = name};

	rounds_init(&r, 1);
	take(1, RESULT_REPLY, 1, 2 * MS);
	for (uint8_t from = 0; from < 20; from++)
		take(200, RESULT_REPLY, from, 3 * MS);
	for (int width = 1; width <= 400; width++) {
		struct table t = {.rounds = &r, .naming = &naming, .width = width};
		size_t limit = (size_t)width;

		limit = limit < TABLE_WIDTH_MIN ? TABLE_WIDTH_MIN : limit;
		limit = limit > TABLE_WIDTH_MAX ? TABLE_WIDTH_MAX : limit;
		must_eq(table_lines(&t), 1 + 199 + ROUNDS_ADDRESSES + 1);
		for (size_t i = 0; i < table_lines(&t); i++) {
			const char *line = line_of(&t, i);

			must(strlen(line) <= limit);
			for (; *line != '\0'; line++)
				must(*line >= ' ' && *line <= '~');
		}
	}
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {figures, 0, 0},
	    {ends, 0, 0},
	    {addresses, 0, 0},
	    {lines, 0, 0},
	    {widths, 0, 0},
	};

	return test_main("live", tests, COUNT_OF(tests));
}
