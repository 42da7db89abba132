/* tools/traceroute/render_json: one valid object a trace, and nothing invented. */
#include <jansson.h>

#include "tests/golden/scenes.h"
#include "tests/support/testing.h"
#include "tools/shared/json_trace.h"
#include "tools/traceroute/render_json.h"

static void
play(const struct scene *s, struct output *out)
{
	struct rendering how = {.naming = s->numeric ? NULL : &scene_naming,
	    .failure = "paris-prober died"};
	struct record t;

	scene_begin(s, &t);
	output_init(out, -1);
	scene_started(s, &t);
	for (int i = 0; i < scene_count(s); i++)
		ck_assert_int_eq(record_take_result(&t, &s->results[i]), 0);
	scene_end(s, &t);
	render_json(&t, &how, out);
	record_clear(&t);
}

START_TEST(golden)
{
	struct scene s;
	struct output out;

	scene_list[_i](&s);
	play(&s, &out);
	scene_compare(&s, "json", &out);
	output_clear(&out);
}
END_TEST

/* One line of printable ASCII that any parser takes, with the fields that all have. */
START_TEST(valid_and_harmless)
{
	static const char *const always[] = {"type", "schema", "tool", "host", "target",
	    "start_time", "algorithm", "protocol", "ip_version", "plan", "options",
	    "hops", "stop"};
	struct scene s;
	struct output out;
	json_t *root;
	json_error_t error;

	scene_list[_i](&s);
	play(&s, &out);
	for (size_t i = 0; i + 1 < out.tail; i++)
		ck_assert(out.data[i] >= ' ' && out.data[i] <= '~');
	ck_assert_int_eq(out.data[out.tail - 1], '\n');
	root = json_loadb(out.data, out.tail, JSON_REJECT_DUPLICATES, &error);
	ck_assert_msg(root != NULL, "%s: %s", s.name, error.text);
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		ck_assert_msg(json_object_get(root, always[i]) != NULL, "%s has no %s",
		    s.name, always[i]);
	json_decref(root);
	output_clear(&out);
}
END_TEST

/* Of a flood of other replies it tells how many there were besides. */
START_TEST(replies_not_kept)
{
	struct rendering how = {0};
	struct scene s;
	struct record t;
	struct output out;
	json_t *root, *others;

	scene_others(&s);
	scene_begin(&s, &t);
	output_init(&out, -1);
	scene_started(&s, &t);
	for (int i = 0; i < scene_count(&s); i++)
		ck_assert_int_eq(record_take_result(&t, &s.results[i]), 0);
	for (int i = 0; i < RECORD_OTHERS_MAX; i++)
		ck_assert_int_eq(
		    record_take_result(&t, &s.results[scene_count(&s) - 1]), 0);
	scene_end(&s, &t);
	render_json(&t, &how, &out);
	root = json_loadb(out.data, out.tail, 0, NULL);
	ck_assert_ptr_nonnull(root);
	others = json_object_get(root, "other_replies");
	ck_assert_uint_eq(json_array_size(others), RECORD_OTHERS_MAX);
	ck_assert_int_eq(
	    json_integer_value(json_object_get(root, "other_replies_not_kept")), 3);
	json_decref(root);
	record_clear(&t);
	output_clear(&out);
}
END_TEST

/* Every reason has a name of its own; what is none is a failure. */
START_TEST(reasons)
{
	for (int i = REASON_REACHED; i <= REASON_FAILED; i++) {
		ck_assert_ptr_nonnull(json_reason((uint8_t)i));
		for (int k = REASON_REACHED; k < i; k++)
			ck_assert_str_ne(
			    json_reason((uint8_t)i), json_reason((uint8_t)k));
	}
	ck_assert_str_eq(json_reason(0), "failed");
	ck_assert_str_eq(json_reason(REASON_FAILED + 1), "failed");
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {golden, .loops = SCENES},
	    {valid_and_harmless, .loops = SCENES},
	    {reasons},
	    {replies_not_kept},
	};

	return test_main("render_json", tests, COUNT_OF(tests));
}
