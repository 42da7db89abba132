/* tools/traceroute/notes: what a trace says on standard error when it has ended. */
#include <unistd.h>

#include "tests/golden/scenes.h"
#include "tests/support/testing.h"
#include "tools/traceroute/notes.h"

/* Prints the notes of a record and returns them. */
static void
notes_of(const struct record *t, struct output *out)
{
	static char text[1 << 16];
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	size_t len;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(saved, 0);
	ck_assert_int_ge(dup2(fileno(file), STDERR_FILENO), 0);
	notes_print(t, false);
	ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
	close(saved);
	rewind(file);
	len = fread(text, 1, sizeof(text), file);
	fclose(file);
	output_init(out, -1);
	output_write(out, text, len);
}

static void
play(const struct scene *s, struct record *t)
{
	scene_begin(s, t);
	scene_started(s, t);
	for (int i = 0; i < scene_count(s); i++)
		ck_assert_int_eq(record_take_result(t, &s->results[i]), 0);
	scene_end(s, t);
}

START_TEST(golden)
{
	struct scene s;
	struct record t;
	struct output out;

	scene_list[_i](&s);
	play(&s, &t);
	if (t.has_done) {
		notes_of(&t, &out);
		scene_compare(&s, "notes", &out);
		output_clear(&out);
	}
	record_clear(&t);
}
END_TEST

/* The longest list of hops there can be is not cut. */
START_TEST(many_hops)
{
	static const int steps[] = {1, 2, 3};
	struct scene s;
	struct record t;
	struct output out;

	set(&s, "many", "198.51.100.9", "198.51.100.9");
	s.start.max_ttl = 255;
	s.start.queries = 1;
	scene_begin(&s, &t);
	scene_started(&s, &t);
	for (int ttl = 1; ttl <= 255; ttl++) {
		struct prober_result m = hop((uint8_t)ttl, 0, "10.0.0.1", MS);

		m.outcome = RESULT_DUPLICATE;
		for (int k = 0; k < steps[_i]; k++)
			if (ttl % steps[_i] != 0 || steps[_i] == 1)
				ck_assert_int_eq(record_take_result(&t, &m), 0);
	}
	s.done.duplicates = 999;
	scene_end(&s, &t);
	notes_of(&t, &out);
	output_write(&out, "", 1); /* a NUL, so that it is a string */
	if (_i == 0)
		ck_assert_str_eq(
		    out.data, "paris: hops 1-255: 999 duplicate replies\n");
	else
		ck_assert_ptr_nonnull(strstr(
		    out.data, _i == 1 ? ", 251, 253, 255: 999 duplicate replies\n"
				      : ", 250-251, 253-254: 999 duplicate replies\n"));
	output_clear(&out);
	record_clear(&t);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {golden, .loops = SCENES},
	    {many_hops, .loops = 3},
	};

	return test_main("notes", tests, COUNT_OF(tests));
}
