/*
 * tools/traceroute/renderer, render_csv, render_atlas, render_scamper: traces that are
 * over, one after the other, in every format.
 */
#include "tests/golden/scenes.h"
#include "tests/support/testing.h"
#include "tools/traceroute/renderer.h"

static const struct {
	const char *suffix;
	enum trace_format format;
} formats[] = {
    {"csv", FORMAT_CSV}, {"atlas", FORMAT_ATLAS}, {"scamper", FORMAT_SCAMPER}};
#define FORMATS ((int)COUNT_OF(formats))

/* A scene as the renderer is given it; the record is the caller's to clear. */
static void
play(const struct scene *s, struct record *t)
{
	scene_begin(s, t);
	scene_started(s, t);
	for (int i = 0; i < scene_count(s); i++)
		ck_assert_int_eq(record_take_result(t, &s->results[i]), 0);
	scene_end(s, t);
}

static void
print(const struct renderer *r, const struct scene *s, struct output *out)
{
	struct rendering how = {.naming = s->numeric ? NULL : &scene_naming,
	    .failure = "paris-prober died",
	    .extensions = s->extensions,
	    .tcp_info = s->segments,
	    .tcp_mss = s->segments};
	struct record t;

	play(s, &t);
	r->trace(&t, &how, out);
	record_clear(&t);
}

/* The files hold lines as the tree has them; those of csv end as RFC 4180 wants it. */
static void
end_lines_as_files_do(struct output *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < out->tail; i++) {
		if (out->data[i] == '\n')
			ck_assert(i > 0 && out->data[i - 1] == '\r');
		if (out->data[i] != '\r')
			out->data[kept++] = out->data[i];
		else
			ck_assert(i + 1 < out->tail && out->data[i + 1] == '\n');
	}
	out->tail = kept;
}

START_TEST(golden)
{
	const struct renderer *r = renderer_of(formats[_i % FORMATS].format);
	struct scene s;
	struct output out;

	scene_list[_i / FORMATS](&s);
	output_init(&out, -1);
	if (formats[_i % FORMATS].format != FORMAT_SCAMPER) /* has our host's name */
		r->begin(SENT, &out);
	print(r, &s, &out);
	if (formats[_i % FORMATS].format != FORMAT_SCAMPER)
		r->end(SENT + NS_PER_SECOND, &out);
	if (formats[_i % FORMATS].format == FORMAT_CSV)
		end_lines_as_files_do(&out);
	scene_compare(&s, formats[_i % FORMATS].suffix, &out);
	output_clear(&out);
}
END_TEST

/* Text and json are printed as they have always been. */
START_TEST(text_and_json)
{
	struct scene s;
	struct output out;

	scene_list[_i](&s);
	for (int i = 0; i < 2; i++) {
		const struct renderer *r =
		    renderer_of(i == 0 ? FORMAT_TEXT : FORMAT_JSON);

		output_init(&out, -1);
		r->begin(SENT, &out);
		print(r, &s, &out);
		r->end(SENT, &out);
		scene_compare(&s, i == 0 ? "txt" : "json", &out);
		output_clear(&out);
	}
}
END_TEST

/* What is printed of a trace does not depend on those before; the header comes once. */
START_TEST(one_after_the_other)
{
	const struct renderer *r = renderer_of((enum trace_format)_i);
	struct output once, twice;
	size_t head, len;
	struct scene s;

	scene_plain(&s);
	output_init(&once, -1);
	output_init(&twice, -1);
	r->begin(SENT, &once);
	head = once.tail;
	print(r, &s, &once);
	len = once.tail - head;
	ck_assert_uint_gt(len, 0);
	r->begin(SENT, &twice);
	print(r, &s, &twice);
	print(r, &s, &twice);
	ck_assert_uint_eq(twice.tail, head + 2 * len);
	ck_assert_mem_eq(twice.data, once.data, head + len);
	ck_assert_mem_eq(twice.data + head + len, once.data + head, len);
	output_clear(&once);
	output_clear(&twice);
}
END_TEST

/* Whatever a name holds, no byte of it ends a line or reaches a terminal as control. */
START_TEST(harmless)
{
	struct scene s;
	struct output out;

	scene_hostile(&s);
	output_init(&out, -1);
	print(renderer_of((enum trace_format)_i), &s, &out);
	ck_assert_uint_gt(out.tail, 0);
	for (size_t i = 0; i < out.tail; i++) {
		unsigned char c = (unsigned char)out.data[i];

		if (c == '\n' || (c == '\r' && out.data[i + 1] == '\n'))
			continue;
		ck_assert_msg(c >= ' ' && c != 0x7f, "byte %02x at %zu", c, i);
	}
	output_clear(&out);
}
END_TEST

static enum name_state
open_look_up(void *context, const struct addr *a, const char **name)
{
	(void)context;
	(void)a;
	(void)name;
	return NAME_PENDING;
}

START_TEST(waits_for_names)
{
	struct naming naming = {.find = open_look_up};
	struct scene s;
	struct record t;

	scene_plain(&s);
	play(&s, &t);
	ck_assert(!renderer_names_known(&t, &naming));
	ck_assert(renderer_names_known(&t, &scene_naming));
	ck_assert(renderer_names_known(&t, NULL));
	record_clear(&t);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {golden, .loops = SCENES * FORMATS},
	    {text_and_json, .loops = SCENES},
	    {one_after_the_other, .loops = FORMAT_DOT},
	    {harmless, .loops = FORMAT_DOT},
	    {waits_for_names},
	};

	setenv("TZ", "UTC", 1); /* scamper's times are local */
	return test_main("renderers", tests, COUNT_OF(tests));
}
