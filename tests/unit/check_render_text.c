/* tools/traceroute/render_text: traceroute's text, in whatever order results come. */
#include "tests/golden/scenes.h"
#include "tests/support/testing.h"
#include "tools/traceroute/render_text.h"

/* Plays a scene in an order of its results, rendering after each message. */
static void
play(const struct scene *s, const int *order, int count, struct output *out)
{
	struct record t;
	struct render_text r;

	scene_begin(s, &t);
	output_init(out, -1);
	render_text_init(&r, &t, s->numeric ? NULL : &scene_naming, s->extensions, out);
	r.tcp_info = r.tcp_mss = s->segments;
	ck_assert(!render_text_advance(&r));
	scene_started(s, &t);
	for (int i = 0; i < count; i++) {
		ck_assert_int_eq(record_take_result(&t, &s->results[order[i]]), 0);
		ck_assert(!render_text_advance(&r));
	}
	scene_end(s, &t);
	ck_assert(render_text_advance(&r));
	ck_assert(render_text_advance(&r)); /* and says no more */
	record_clear(&t);
}

static void
in_order(int *order, int count)
{
	for (int i = 0; i < count; i++)
		order[i] = i;
}

START_TEST(golden)
{
	struct scene s;
	struct output out;
	int order[SCENE_RESULTS];

	scene_list[_i](&s);
	in_order(order, scene_count(&s));
	play(&s, order, scene_count(&s), &out);
	scene_compare(&s, "txt", &out);
	output_clear(&out);
}
END_TEST

START_TEST(any_order_gives_the_same)
{
	struct scene s;
	struct output out;
	int order[SCENE_RESULTS];

	scene_list[_i](&s);
	srandom(7);
	for (int round = 0; round < 50; round++) {
		int count = scene_count(&s);

		in_order(order, count);
		for (int i = count - 1; i > 0; i--) {
			int j = (int)(random() % (i + 1));
			int kept = order[i];

			order[i] = order[j];
			order[j] = kept;
		}
		play(&s, order, count, &out);
		scene_compare(&s, "txt", &out);
		output_clear(&out);
	}
}
END_TEST

/* A naming whose look-ups are open until told otherwise. */
static enum name_state
slow_name(void *context, const struct addr *a, const char **name)
{
	(void)a;
	*name = "slow.example";
	return *(enum name_state *)context;
}

START_TEST(streams_and_waits_for_names_only)
{
	enum name_state state = NAME_PENDING;
	struct naming naming = {.find = slow_name, .context = &state};
	struct scene s;
	struct record t;
	struct render_text r;
	struct output out;
	size_t header;

	scene_plain(&s);
	scene_begin(&s, &t);
	output_init(&out, -1);
	render_text_init(&r, &t, &naming, false, &out);
	scene_started(&s, &t);
	render_text_advance(&r);
	header = output_pending(&out);
	ck_assert_uint_gt(header, 0);
	record_take_result(&t, &s.results[0]);
	render_text_advance(&r);
	ck_assert_uint_eq(output_pending(&out), header);
	state = NAME_KNOWN;
	render_text_advance(&r);
	ck_assert_uint_gt(output_pending(&out), header);
	output_write(&out, "", 1); /* a NUL, so that it is a string */
	ck_assert_ptr_nonnull(
	    strstr(out.data, "\n 1  slow.example (10.0.0.1)  0.123 ms"));
	output_clear(&out);
	record_clear(&t);
}
END_TEST

/* A result that ends the trace says so: what is known beyond is not printed before. */
START_TEST(nothing_beyond_the_end)
{
	struct scene s;
	struct record t;
	struct render_text r;
	struct output out;
	struct prober_result m;

	set(&s, "end", "198.51.100.9", "198.51.100.9");
	s.start.queries = 1;
	scene_begin(&s, &t);
	output_init(&out, -1);
	render_text_init(&r, &t, NULL, false, &out);
	scene_started(&s, &t);
	m = hop(3, 0, "10.0.3.1", MS);
	ck_assert_int_eq(record_take_result(&t, &m), 0);
	m = hop(1, 0, "10.0.1.1", MS);
	ck_assert_int_eq(record_take_result(&t, &m), 0);
	m = lost(2, 0);
	m.end_ttl = 2;
	ck_assert_int_eq(record_take_result(&t, &m), 0);
	ck_assert(!render_text_advance(&r));
	s.done.reason = REASON_GAP_LIMIT;
	s.done.end_ttl = 2;
	scene_end(&s, &t);
	ck_assert(render_text_advance(&r));
	output_write(&out, "", 1); /* a NUL, so that it is a string */
	ck_assert_str_eq(strchr(out.data, '\n'), "\n 1  10.0.1.1  1.000 ms\n 2  *\n");
	output_clear(&out);
	record_clear(&t);
}
END_TEST

START_TEST(nonsense_is_refused)
{
	struct scene s;
	struct record t;
	struct prober_result m;
	struct prober_done done = {.instance = 1, .reason = REASON_REACHED};

	scene_plain(&s);
	scene_begin(&s, &t);
	m = hop(1, 0, "10.0.0.1", MS);
	ck_assert_int_eq(record_take_result(&t, &m), -EBADMSG); /* before STARTED */
	scene_started(&s, &t);
	m.instance = 2;
	ck_assert_int_eq(record_take_result(&t, &m), -EBADMSG);
	m = hop(31, 0, "10.0.0.1", MS);
	ck_assert_int_eq(record_take_result(&t, &m), -EBADMSG);
	m = hop(1, 3, "10.0.0.1", MS);
	ck_assert_int_eq(record_take_result(&t, &m), -EBADMSG);
	m = hop(1, 2, "10.0.0.1", MS);
	ck_assert_int_eq(record_take_result(&t, &m), 0);
	ck_assert_int_eq(
	    record_take_result(&t, &m), -EBADMSG); /* a second final word */
	m.outcome = RESULT_DUPLICATE;
	for (int i = 0; i < RECORD_OTHERS_MAX + 5; i++)
		ck_assert_int_eq(record_take_result(&t, &m), 0);
	ck_assert_uint_eq(t.others_count, RECORD_OTHERS_MAX);
	ck_assert_uint_eq(t.others_lost, 5);
	done.instance = 3;
	ck_assert_int_eq(record_take_done(&t, &done), -EBADMSG);
	done.instance = 1;
	ck_assert_int_eq(record_take_done(&t, &done), 0);
	ck_assert_int_eq(record_take_done(&t, &done), -EBADMSG);
	ck_assert_int_eq(record_take_result(&t, &m), -EBADMSG);
	record_clear(&t);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {golden, .loops = SCENES},
	    {any_order_gives_the_same, .loops = SCENES},
	    {streams_and_waits_for_names_only},
	    {nothing_beyond_the_end},
	    {nonsense_is_refused},
	};

	return test_main("render_text", tests, COUNT_OF(tests));
}
