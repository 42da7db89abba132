/* tools/names/answer: names and addresses out of DNS answers, and hostile ones. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/testing.h"
#include "tools/names/answer.h"

/* Header with one question and n answers; the question is "q" at offset 12. */
#define HEAD(n) "\0\1\x81\x80\0\1\0" n "\0\0\0\0\1q\0\0\x0c\0\1"
#define OWNER "\xc0\x0c"
#define RR(type, len) OWNER "\0" type "\0\1\0\0\0\0\0" len
/* The data of the first answer lies at offset 19 + 12. */
#define SELF "\xc0\x1f"
#define BYTES(text) text, sizeof(text) - 1

static const struct {
	const char *what;
	const char *data;
	size_t len;
	enum names_status status;
	const char *name;
} ptrs[] = {
    {"plain", BYTES(HEAD("\1") RR("\x0c", "\5") "\1a\1b\0"), NAMES_OK, "a.b"},
    {"pointer", BYTES(HEAD("\1") RR("\x0c", "\4") "\1a" OWNER), NAMES_OK, "a.q"},
    {"raw", BYTES(HEAD("\1") RR("\x0c", "\5") "\3\x1b\n\xff\0"), NAMES_OK,
	"\x1b\n\xff"},
    {"after an alias",
	BYTES(HEAD("\2") RR("\5", "\3") "\1c\0" RR("\x0c", "\3") "\1d\0"), NAMES_OK,
	"d"},
    {"first of two",
	BYTES(HEAD("\2") RR("\x0c", "\3") "\1c\0" RR("\x0c", "\3") "\1d\0"), NAMES_OK,
	"c"},
    {"root", BYTES(HEAD("\1") RR("\x0c", "\1") "\0"), NAMES_NOT_FOUND, ""},
    {"none", BYTES(HEAD("\0")), NAMES_NOT_FOUND, ""},
    {"another type", BYTES(HEAD("\1") RR("\1", "\4") "abcd"), NAMES_NOT_FOUND, ""},
    {"NUL", BYTES(HEAD("\1") RR("\x0c", "\4") "\2a\0\0"), NAMES_FAILED, ""},
    {"points at itself", BYTES(HEAD("\1") RR("\x0c", "\2") SELF), NAMES_FAILED, ""},
    {"grows", BYTES(HEAD("\1") RR("\x0c", "\4") "\1a" SELF), NAMES_FAILED, ""},
    {"points outside", BYTES(HEAD("\1") RR("\x0c", "\2") "\xff\xff"), NAMES_FAILED, ""},
    {"half a pointer", BYTES(HEAD("\1") RR("\x0c", "\1") "\xc0"), NAMES_FAILED, ""},
    {"reserved label",
	BYTES(HEAD("\1") RR("\x0c", "\3") "\x41"
					  "a\0"),
	NAMES_FAILED, ""},
    {"label too long",
	BYTES(HEAD("\1") RR("\x0c", "\2") "\x3f"
					  "a"),
	NAMES_FAILED, ""},
    {"empty data", BYTES(HEAD("\1") RR("\x0c", "\0")), NAMES_FAILED, ""},
    {"data too short", BYTES(HEAD("\1") RR("\x0c", "\x20") "\1a\0"), NAMES_FAILED, ""},
    {"more promised", BYTES(HEAD("\2") RR("\1", "\0")), NAMES_FAILED, ""},
    {"no header", BYTES("\0\1\x81"), NAMES_FAILED, ""},
    {"nothing", "", 0, NAMES_FAILED, ""},
};

START_TEST(names)
{
	char name[NAMES_NAME_MAX + 1] = "before";
	/* In memory of its exact size, so that ASan sees a read past it. */
	uint8_t *copy = malloc(ptrs[_i].len + (ptrs[_i].len == 0));

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, ptrs[_i].data, ptrs[_i].len);
	ck_assert_msg(answer_name(copy, ptrs[_i].len, name) == ptrs[_i].status, "%s",
	    ptrs[_i].what);
	ck_assert_str_eq(name, ptrs[_i].name);
	free(copy);
}
END_TEST

static const struct {
	const char *what;
	const char *data;
	size_t len;
	enum names_status status;
	size_t count;
} addresses[] = {
    {"one", BYTES(HEAD("\1") RR("\1", "\4") "abcd"), NAMES_OK, 1},
    {"two and a stranger",
	BYTES(HEAD("\3")
		RR("\1", "\4") "abcd" RR("\x1c", "\1") "x" RR("\1", "\4") "efgh"),
	NAMES_OK, 2},
    {"bounded",
	BYTES(HEAD("\3")
		RR("\1", "\4") "abcd" RR("\1", "\4") "abcd" RR("\1", "\4") "efgh"),
	NAMES_OK, 2},
    {"none", BYTES(HEAD("\0")), NAMES_NOT_FOUND, 0},
    {"short", BYTES(HEAD("\1") RR("\1", "\3") "abc"), NAMES_FAILED, 0},
    {"long", BYTES(HEAD("\1") RR("\1", "\5") "abcde"), NAMES_FAILED, 0},
    {"broken second", BYTES(HEAD("\2") RR("\1", "\4") "abcd" OWNER), NAMES_FAILED, 0},
};

START_TEST(addrs)
{
	struct addr out[2];
	size_t count = 99;

	ck_assert_msg(
	    answer_addrs((const uint8_t *)addresses[_i].data, addresses[_i].len,
		AF_INET, out, 2, &count) == addresses[_i].status,
	    "%s", addresses[_i].what);
	ck_assert_uint_eq(count, addresses[_i].count);
	if (count != 0)
		ck_assert_mem_eq(out[0].bytes, "abcd", 4);
}
END_TEST

/* The longest name: 255 bytes on the wire; one more does not fit. */
START_TEST(longest_name)
{
	static const uint8_t head[] = HEAD("\1") RR("\x0c", "\0");
	uint8_t data[512];
	char name[NAMES_NAME_MAX + 1];
	size_t at = sizeof(head) - 1;

	memcpy(data, head, at);
	for (size_t label = 0; label < 5; label++, at += 64) {
		data[at] = 63;
		memset(data + at + 1, 'x', 63);
	}
	/* Three labels of 63 and one of 61. */
	data[31 + 192] = 61;
	data[31 + 192 + 62] = 0;
	data[29] = 0;
	data[30] = 255;
	ck_assert_int_eq(answer_name(data, 31 + 255, name), NAMES_OK);
	ck_assert_uint_eq(strlen(name), 253);
	data[31 + 192] = 63;
	data[31 + 256] = 0;
	data[29] = 1;
	data[30] = 1;
	ck_assert_int_eq(answer_name(data, 31 + 257, name), NAMES_FAILED);
	ck_assert_str_eq(name, "");
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof(*(table))))

int
main(void)
{
	const struct test_entry tests[] = {
	    {names, .loops = COUNT(ptrs)},
	    {addrs, .loops = COUNT(addresses)},
	    {longest_name},
	};

	return test_main("answer", tests, COUNT_OF(tests));
}
