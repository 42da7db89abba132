/* tools/shared/escape: nothing from outside moves a cursor or breaks a format. */
#include <check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/testing.h"
#include "tools/shared/escape.h"

#define ROOM 256
#define FFFD "\xef\xbf\xbd"

static const struct {
	const char *in;
	const char *terminal;
	const char *json;
} cases[] = {
    {"", "", ""},
    {"router-1.example.net", "router-1.example.net", "router-1.example.net"},
    {"!\"#$%&'*+,-./:;<=>?@[]^_`{|}~", "!\"#$%&'*+,-./:;<=>?@[]^_`{|}~",
	"!\"#$%&'*+,-./:;<=>?@[]^_`{|}~"},
    {"a b", "a\\x20b", "a b"},
    {"a (192.0.2.1)", "a\\x20\\x28192.0.2.1\\x29", "a (192.0.2.1)"},
    {"back\\x41slash", "back\\x5cx41slash", "back\\x41slash"},
    {"\x1b[31mred\x07", "\\x1b[31mred\\x07", "\x1b[31mred\x07"},
    {"line\r\nfeed\ttab", "line\\x0d\\x0afeed\\x09tab", "line\r\nfeed\ttab"},
    {"\x7f", "\\x7f", "\x7f"},
    /* Well-formed and printable: Latin, Greek, CJK, an emoji, the last of a plane. */
    {"caf\xc3\xa9", "caf\xc3\xa9", "caf\xc3\xa9"},
    {"\xce\xb1\xe4\xb8\xad\xf0\x9f\x98\x80", "\xce\xb1\xe4\xb8\xad\xf0\x9f\x98\x80",
	"\xce\xb1\xe4\xb8\xad\xf0\x9f\x98\x80"},
    {"\xc2\xa1", "\xc2\xa1", "\xc2\xa1"},
    {"\xef\xbf\xbd", "\xef\xbf\xbd", "\xef\xbf\xbd"},
    /* C1 controls, no-break space, soft hyphen. */
    {"\xc2\x80\xc2\x9b", "\\xc2\\x80\\xc2\\x9b", "\xc2\x80\xc2\x9b"},
    {"\xc2\xa0", "\\xc2\\xa0", "\xc2\xa0"},
    {"\xc2\xad", "\\xc2\\xad", "\xc2\xad"},
    /* Zero width, bidirectional, line separator, isolate, byte order mark, tag. */
    {"\xe2\x80\x8b", "\\xe2\\x80\\x8b", "\xe2\x80\x8b"},
    {"\xe2\x80\xae", "\\xe2\\x80\\xae", "\xe2\x80\xae"},
    {"\xe2\x80\xa8", "\\xe2\\x80\\xa8", "\xe2\x80\xa8"},
    {"\xe2\x81\xa6", "\\xe2\\x81\\xa6", "\xe2\x81\xa6"},
    {"\xd8\x9c", "\\xd8\\x9c", "\xd8\x9c"},
    {"\xef\xbb\xbf", "\\xef\\xbb\\xbf", "\xef\xbb\xbf"},
    {"\xf3\xa0\x81\x81", "\\xf3\\xa0\\x81\\x81", "\xf3\xa0\x81\x81"},
    {"\xe3\x80\x80", "\\xe3\\x80\\x80", "\xe3\x80\x80"},
    /* Private use and non-characters: well-formed, not printable. */
    {"\xee\x80\x80", "\\xee\\x80\\x80", "\xee\x80\x80"},
    {"\xef\xb7\x90", "\\xef\\xb7\\x90", "\xef\xb7\x90"},
    {"\xef\xbf\xbf", "\\xef\\xbf\\xbf", "\xef\xbf\xbf"},
    {"\xf0\x9f\xbf\xbe", "\\xf0\\x9f\\xbf\\xbe", "\xf0\x9f\xbf\xbe"},
    /* Not UTF-8: stray, overlong, surrogate, beyond U+10FFFF, cut off. */
    {"\x80", "\\x80", FFFD},
    {"\xff\xfe", "\\xff\\xfe", FFFD FFFD},
    {"\xc0\x80", "\\xc0\\x80", FFFD FFFD},
    {"\xc1\xbf", "\\xc1\\xbf", FFFD FFFD},
    {"\xe0\x9f\xbf", "\\xe0\\x9f\\xbf", FFFD FFFD FFFD},
    {"\xed\xa0\x80", "\\xed\\xa0\\x80", FFFD FFFD FFFD},
    {"\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf", FFFD FFFD FFFD FFFD},
    {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", FFFD FFFD FFFD FFFD},
    {"\xf5\x80", "\\xf5\\x80", FFFD FFFD},
    {"\xc3", "\\xc3", FFFD},
    {"\xe4\xb8", "\\xe4\\xb8", FFFD FFFD},
    {"\xc3(", "\\xc3\\x28", FFFD "("},
    {"\xe4\xb8"
     "a",
	"\\xe4\\xb8"
	"a",
	FFFD FFFD "a"},
};
#define CASES ((int)(sizeof(cases) / sizeof(*cases)))

START_TEST(terminal)
{
	char out[ROOM];

	ck_assert_ptr_eq(escape_terminal(cases[_i].in, out, sizeof(out)), out);
	ck_assert_str_eq(out, cases[_i].terminal);
}
END_TEST

static const struct {
	const char *in;
	const char *out;
} phrases[] = {
    {"", ""},
    {"Example Ltd, Inc.", "Example Ltd, Inc."},
    {"a  b", "a \\x20b"},
    {" a ", "\\x20a\\x20"},
    {" ", "\\x20"},
    {"AS1] [US", "AS1\\x5d \\x5bUS"},
    {"a (192.0.2.1)", "a \\x28192.0.2.1\\x29"},
    {"\x1b[31mred\n 4", "\\x1b\\x5b31mred\\x0a 4"},
    {"\xff\xc3(", "\\xff\\xc3\\x28"},
    {"caf\xc3\xa9 \xe2\x80\xae", "caf\xc3\xa9 \\xe2\\x80\\xae"},
    {"\xc2\xa0", "\\xc2\\xa0"},
};

START_TEST(phrase)
{
	char out[ROOM];

	ck_assert_ptr_eq(escape_phrase(phrases[_i].in, out, sizeof(out)), out);
	ck_assert_str_eq(out, phrases[_i].out);
}
END_TEST

static const struct {
	const char *in;
	const char *out;
} csv_cases[] = {
    {"", ""},
    {"router-1.example.net", "router-1.example.net"},
    {"GOOGLE (US) & sons", "GOOGLE (US) & sons"},
    {"a,b", "\"a,b\""},
    {"say \"hi\"", "\"say \"\"hi\"\"\""},
    {"\"", "\"\"\"\""},
    /* No second line, no control, nothing that is not UTF-8. */
    {"two\r\nlines\ttab", "two\\x0d\\x0alines\\x09tab"},
    {"\x1b[31mred", "\\x1b[31mred"},
    {"bad\xff\xc3(", "bad\\xff\\xc3("},
    {"\xe2\x80\xae", "\\xe2\\x80\\xae"},
    {"caf\xc3\xa9", "caf\xc3\xa9"},
    {"\\x41", "\\x5cx41"},
    /* No formula, also where semicolons separate fields. */
    {"=cmd|' /C calc'!A0", "\\x3dcmd|' /C calc'!A0"},
    {"=1+1,=2", "\"\\x3d1+1,=2\""},
    {"+1", "\\x2b1"},
    {"-1+1", "\\x2d1+1"},
    {"@SUM(A1)", "\\x40SUM(A1)"},
    {" =1", "\\x20=1"},
    {"\t=1", "\\x09=1"},
    {"\r=1", "\\x0d=1"},
    {"a;=1", "a\\x3b=1"},
    {"a=b", "a=b"},
    {"\xef\xbc\x9d"
     "1",
	"\\xef\\xbc\\x9d"
	"1"},
    {"\xef\xbc\x8b", "\\xef\\xbc\\x8b"},
    {"\xef\xbc\x8d", "\\xef\\xbc\\x8d"},
    {"\xef\xbc\xa0", "\\xef\\xbc\\xa0"},
};

START_TEST(csv)
{
	char out[ROOM];

	ck_assert_ptr_eq(escape_csv(csv_cases[_i].in, out, sizeof(out)), out);
	ck_assert_str_eq(out, csv_cases[_i].out);
}
END_TEST

/* Cut anywhere it is still one field: quotes come in pairs, around all of it. */
START_TEST(csv_room)
{
	size_t len = strlen(csv_cases[_i].out);
	char out[ROOM + 1];

	for (size_t room = 0; room <= len + 1; room++) {
		size_t quotes = 0;

		memset(out, 'Z', sizeof(out));
		escape_csv(csv_cases[_i].in, out, room);
		ck_assert_int_eq(out[room], 'Z');
		if (room == 0)
			continue;
		ck_assert_uint_lt(strlen(out), room);
		for (const char *p = out; *p != '\0'; p++)
			quotes += *p == '"';
		ck_assert_uint_eq(quotes % 2, 0);
		if (quotes != 0)
			ck_assert(out[0] == '"' && out[strlen(out) - 1] == '"');
	}
}
END_TEST

START_TEST(json)
{
	char out[ROOM];
	json_t *value;

	ck_assert_ptr_eq(escape_json(cases[_i].in, out, sizeof(out)), out);
	ck_assert_str_eq(out, cases[_i].json);
	value = json_string(out);
	ck_assert_ptr_nonnull(value);
	json_decref(value);
}
END_TEST

/* Every room from none to plenty: never past it, cut between characters. */
START_TEST(terminal_room)
{
	char whole[ROOM], out[ROOM + 1];

	escape_terminal(cases[_i].in, whole, sizeof(whole));
	for (size_t room = 0; room <= strlen(whole) + 1; room++) {
		memset(out, 'Z', sizeof(out));
		escape_terminal(cases[_i].in, out, room);
		ck_assert_int_eq(out[room], 'Z');
		if (room == 0)
			continue;
		ck_assert_uint_lt(strlen(out), room);
		ck_assert_mem_eq(out, whole, strlen(out));
		/* A character is 4 bytes at most: no more than 3 are given away. */
		ck_assert_uint_le(room - 1 - strlen(out), 3);
		/* Not in the middle of a character: the rest starts a new one. */
		ck_assert((whole[strlen(out)] & 0xc0) != 0x80);
		if (strlen(out) >= 2)
			ck_assert_str_ne(out + strlen(out) - 2, "\\x");
	}
}
END_TEST

START_TEST(json_room)
{
	char whole[ROOM], out[ROOM + 1];

	escape_json(cases[_i].in, whole, sizeof(whole));
	for (size_t room = 0; room <= strlen(whole) + 1; room++) {
		json_t *value;

		memset(out, 'Z', sizeof(out));
		escape_json(cases[_i].in, out, room);
		ck_assert_int_eq(out[room], 'Z');
		if (room == 0)
			continue;
		value = json_string(out);
		ck_assert_ptr_nonnull(value);
		json_decref(value);
	}
}
END_TEST

/* Every single byte and every pair comes out as printable ASCII or valid UTF-8. */
START_TEST(all_pairs)
{
	char in[3] = {0}, out[ROOM];

	for (int first = 1; first < 256; first++)
		for (int second = 0; second < 256; second++) {
			in[0] = (char)first;
			in[1] = (char)second;
			escape_terminal(in, out, sizeof(out));
			for (const char *at = out; *at != '\0'; at++) {
				ck_assert((unsigned char)*at > ' ');
				ck_assert(*at != 0x7f && *at != '(' && *at != ')');
			}
		}
}
END_TEST

START_TEST(percent)
{
	static const struct {
		const char *in, *out;
	} names[] = {
	    {"", ""},
	    {"ge-0/0/0.100", "ge-0/0/0.100"},
	    {"a b", "a%20b"},
	    {"100%\"\\>", "100%25%22\\>"},
	    {"\x1b[31m\x7f\n", "%1B[31m%7F%0A"},
	    {"\xc3\xa4\xff", "%C3%A4%FF"},
	};
	char out[ROOM + 1];

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		size_t len = strlen(names[i].out);

		escape_percent(names[i].in, out, ROOM);
		ck_assert_str_eq(out, names[i].out);
		for (size_t room = 0; room <= len; room++) {
			memset(out, 'Z', sizeof(out));
			escape_percent(names[i].in, out, room);
			ck_assert_int_eq(out[room], 'Z');
			if (room > 0)
				ck_assert_mem_eq(out, names[i].out, strlen(out));
		}
	}
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {phrase, .loops = (int)(sizeof(phrases) / sizeof(*phrases))},
	    {terminal, .loops = CASES},
	    {json, .loops = CASES},
	    {terminal_room, .loops = CASES},
	    {json_room, .loops = CASES},
	    {all_pairs},
	    {percent},
	    {csv, .loops = COUNT_OF(csv_cases)},
	    {csv_room, .loops = COUNT_OF(csv_cases)},
	};

	return test_main("escape", tests, COUNT_OF(tests));
}
