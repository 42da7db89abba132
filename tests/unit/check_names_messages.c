/* common/names_messages: what is packed is read back; what is not exact is refused. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/message.h"
#include "common/names_messages.h"
#include "tests/support/testing.h"

/* One body of each kind, as bytes. */
struct body {
	uint8_t data[MESSAGE_BODY_MAX];
	size_t len;
};

static struct addr
address(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_from_text(text, &a), 0);
	return a;
}

#define PACK(body, type, m) \
	do { \
		struct writer w; \
		writer_init(&w, (body)->data, sizeof((body)->data)); \
		names_##type##_pack(m, &w); \
		ck_assert(!w.failed); \
		(body)->len = writer_len(&w); \
	} while (0)

/* Each reader behind one type, so that the tables can name it. */
#define UNPACKER(type) \
	static int unpack_##type(const void *data, size_t len) \
	{ \
		struct names_##type m; \
		struct reader r; \
		reader_init(&r, data, len); \
		return names_##type##_unpack(&m, &r); \
	}

UNPACKER(configure)
UNPACKER(reverse)
UNPACKER(forward)
UNPACKER(name)
UNPACKER(addrs)
UNPACKER(origin)

typedef int unpacker(const void *data, size_t len);

/* Full-size examples of every message. */
static void
examples(struct body bodies[6], unpacker *unpackers[6])
{
	struct names_configure configure = {.timeout_ms = 60000,
	    .as_source = NAMES_FROM_WHOIS,
	    .databases = NAMES_DATABASE_NUMBERS | NAMES_DATABASE_COUNTRIES,
	    .whois_port = 43};
	struct names_reverse reverse = {1, address("2001:db8::1")};
	struct names_forward forward = {.question = 2, .family = AF_INET6};
	struct names_name name = {.question = UINT32_MAX, .status = NAMES_OK};
	struct names_addrs addrs = {.question = 4, .status = NAMES_OK};
	struct names_origin origin = {
	    .question = 5, .count = NAMES_AS_MAX, .country = "ZZ"};

	memset(configure.servers, 's', NAMES_SERVERS_MAX);
	memset(configure.whois_server, 'w', NAMES_NAME_MAX);
	memset(forward.name, 'f', NAMES_NAME_MAX);
	memset(origin.as_name, 0xff, NAMES_NAME_MAX);
	memset(name.name, 0xff, NAMES_NAME_MAX);
	addrs.count = NAMES_ADDRS_MAX;
	for (size_t i = 0; i < NAMES_ADDRS_MAX; i++)
		addrs.addrs[i] = address(i % 2 == 0 ? "192.0.2.1" : "fe80::1%7");
	PACK(&bodies[0], configure, &configure);
	PACK(&bodies[1], reverse, &reverse);
	PACK(&bodies[2], forward, &forward);
	PACK(&bodies[3], name, &name);
	PACK(&bodies[4], addrs, &addrs);
	PACK(&bodies[5], origin, &origin);
	unpackers[0] = unpack_configure;
	unpackers[1] = unpack_reverse;
	unpackers[2] = unpack_forward;
	unpackers[3] = unpack_name;
	unpackers[4] = unpack_addrs;
	unpackers[5] = unpack_origin;
}

START_TEST(every_other_length_is_refused)
{
	struct body bodies[6];
	unpacker *unpackers[6];
	uint8_t longer[MESSAGE_BODY_MAX + 1];

	examples(bodies, unpackers);
	ck_assert_int_eq(unpackers[_i](bodies[_i].data, bodies[_i].len), 0);
	for (size_t len = 0; len < bodies[_i].len; len++)
		ck_assert_int_eq(unpackers[_i](bodies[_i].data, len), -EBADMSG);
	memcpy(longer, bodies[_i].data, bodies[_i].len);
	longer[bodies[_i].len] = 0;
	ck_assert_int_eq(unpackers[_i](longer, bodies[_i].len + 1), -EBADMSG);
}
END_TEST

START_TEST(questions_come_back)
{
	struct names_forward forward = {7, AF_UNSPEC, "host.example"};
	struct names_reverse reverse = {8, address("fe80::1%3")};
	struct names_forward forward_out;
	struct names_reverse reverse_out;
	struct body body;
	struct reader r;

	PACK(&body, forward, &forward);
	reader_init(&r, body.data, body.len);
	ck_assert_int_eq(names_forward_unpack(&forward_out, &r), 0);
	ck_assert_uint_eq(forward_out.question, 7);
	ck_assert_uint_eq(forward_out.family, AF_UNSPEC);
	ck_assert_str_eq(forward_out.name, "host.example");
	PACK(&body, reverse, &reverse);
	reader_init(&r, body.data, body.len);
	ck_assert_int_eq(names_reverse_unpack(&reverse_out, &r), 0);
	ck_assert_uint_eq(reverse_out.question, 8);
	ck_assert(addr_equal(&reverse_out.addr, &reverse.addr));
}
END_TEST

START_TEST(answers_come_back)
{
	struct names_addrs addrs = {.question = 9, .status = NAMES_OK, .count = 2};
	struct names_name name = {9, NAMES_OK, "\x1b[2J\n\xff"};
	struct names_addrs addrs_out;
	struct names_name name_out;
	struct body body;
	struct reader r;

	addrs.addrs[0] = address("192.0.2.1");
	addrs.addrs[1] = address("2001:db8::1");
	PACK(&body, addrs, &addrs);
	reader_init(&r, body.data, body.len);
	ck_assert_int_eq(names_addrs_unpack(&addrs_out, &r), 0);
	ck_assert_uint_eq(addrs_out.count, 2);
	ck_assert(addr_equal(&addrs_out.addrs[0], &addrs.addrs[0]));
	ck_assert(addr_equal(&addrs_out.addrs[1], &addrs.addrs[1]));
	PACK(&body, name, &name);
	reader_init(&r, body.data, body.len);
	ck_assert_int_eq(names_name_unpack(&name_out, &r), 0);
	ck_assert_str_eq(name_out.name, name.name);
}
END_TEST

START_TEST(origins_come_back)
{
	struct names_configure configure = {.timeout_ms = 1,
	    .as_source = NAMES_FROM_WHOIS,
	    .as_names = 1,
	    .databases = NAMES_DATABASE_COUNTRIES,
	    .whois_port = 4321,
	    .whois_server = "whois.example"};
	struct names_origin origin = {
	    3, NAMES_OK, 2, {64496, UINT32_MAX}, "DE", "\x1b[2J\n\xff"};
	struct names_configure configure_out;
	struct names_origin origin_out;
	struct body body;
	struct reader r;

	PACK(&body, configure, &configure);
	reader_init(&r, body.data, body.len);
	ck_assert_int_eq(names_configure_unpack(&configure_out, &r), 0);
	ck_assert_uint_eq(configure_out.as_source, NAMES_FROM_WHOIS);
	ck_assert_uint_eq(configure_out.as_names, 1);
	ck_assert_uint_eq(configure_out.databases, NAMES_DATABASE_COUNTRIES);
	ck_assert_uint_eq(configure_out.whois_port, 4321);
	ck_assert_str_eq(configure_out.whois_server, "whois.example");
	PACK(&body, origin, &origin);
	reader_init(&r, body.data, body.len);
	ck_assert_int_eq(names_origin_unpack(&origin_out, &r), 0);
	ck_assert_uint_eq(origin_out.question, 3);
	ck_assert_uint_eq(origin_out.count, 2);
	ck_assert_uint_eq(origin_out.numbers[1], UINT32_MAX);
	ck_assert_str_eq(origin_out.country, "DE");
	ck_assert_str_eq(origin_out.as_name, origin.as_name);
}
END_TEST

#define NO_ADDR "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define IPV4 "\4\0\0\0\0\300\0\2\1\0\0\0\0\0\0\0\0\0\0\0\0"
#define NO_AS "\0\0\0\0\0\0\0"
#define SOME_TIME "\0\0\0\0\0\1"
#define BYTES(text) text, sizeof(text) - 1

static const struct {
	const char *what;
	unpacker *unpack;
	const char *data;
	size_t len;
	int error;
} bodies[] = {
    {"shortest time", unpack_configure, BYTES("\0\0\0\0\0\1" NO_AS), 0},
    {"longest time", unpack_configure, BYTES("\0\0\0\0\xea\x60" NO_AS), 0},
    {"no time", unpack_configure, BYTES("\0\0\0\0\0\0" NO_AS), -EBADMSG},
    {"too much time", unpack_configure, BYTES("\0\0\0\0\xea\x61" NO_AS), -EBADMSG},
    {"NUL in servers", unpack_configure, BYTES("\0\2a\0\0\0\0\1" NO_AS), -EBADMSG},
    {"source DNS", unpack_configure, BYTES(SOME_TIME "\3\1\0\0\0\0\0"), 0},
    {"unknown source", unpack_configure, BYTES(SOME_TIME "\4\0\3\0\1\0\1w"), -EBADMSG},
    {"names of AS", unpack_configure, BYTES(SOME_TIME "\3\2\0\0\0\0\0"), -EBADMSG},
    {"source database", unpack_configure, BYTES(SOME_TIME "\1\0\1\0\0\0\0"), 0},
    {"without one", unpack_configure, BYTES(SOME_TIME "\1\0\2\0\0\0\0"), -EBADMSG},
    {"a third file", unpack_configure, BYTES(SOME_TIME "\1\0\5\0\0\0\0"), -EBADMSG},
    {"whois", unpack_configure, BYTES(SOME_TIME "\2\0\0\0\1\0\1w"), 0},
    {"whois, no port", unpack_configure, BYTES(SOME_TIME "\2\0\0\0\0\0\1w"), -EBADMSG},
    {"whois, no server", unpack_configure, BYTES(SOME_TIME "\2\0\0\0\1\0\0"), -EBADMSG},
    {"reverse", unpack_reverse, BYTES("\0\0\0\1" IPV4), 0},
    {"reverse of nothing", unpack_reverse, BYTES("\0\0\0\1" NO_ADDR), -EBADMSG},
    {"forward", unpack_forward, BYTES("\0\0\0\1\6\0\1a"), 0},
    {"unknown family", unpack_forward, BYTES("\0\0\0\1\5\0\1a"), -EBADMSG},
    {"forward of nothing", unpack_forward, BYTES("\0\0\0\1\4\0\0"), -EBADMSG},
    {"NUL in name", unpack_forward, BYTES("\0\0\0\1\4\0\2a\0"), -EBADMSG},
    {"name", unpack_name, BYTES("\0\0\0\1\0\0\1a"), 0},
    {"no name", unpack_name, BYTES("\0\0\0\1\1\0\0"), 0},
    {"failed", unpack_name, BYTES("\0\0\0\1\3\0\0"), 0},
    {"unknown status", unpack_name, BYTES("\0\0\0\1\4\0\0"), -EBADMSG},
    {"found without a name", unpack_name, BYTES("\0\0\0\1\0\0\0"), -EBADMSG},
    {"not found, with a name", unpack_name, BYTES("\0\0\0\1\1\0\1a"), -EBADMSG},
    {"NUL in answer", unpack_name, BYTES("\0\0\0\1\0\0\2a\0"), -EBADMSG},
    {"address", unpack_addrs, BYTES("\0\0\0\1\0\1" IPV4), 0},
    {"no address", unpack_addrs, BYTES("\0\0\0\1\1\0"), 0},
    {"found without one", unpack_addrs, BYTES("\0\0\0\1\0\0"), -EBADMSG},
    {"not found with one", unpack_addrs, BYTES("\0\0\0\1\1\1" IPV4), -EBADMSG},
    {"empty address", unpack_addrs, BYTES("\0\0\0\1\0\1" NO_ADDR), -EBADMSG},
    {"AS", unpack_origin, BYTES("\0\0\0\1\0\1\0\0\0\1\0\0\0\0"), 0},
    {"AS with a name", unpack_origin, BYTES("\0\0\0\1\0\1\0\0\0\1\0\2AB\0\1n"), 0},
    {"no AS", unpack_origin, BYTES("\0\0\0\1\1\0\0\0\0\0"), 0},
    {"no AS, a country", unpack_origin, BYTES("\0\0\0\1\2\0\0\2AB\0\0"), 0},
    {"a country", unpack_origin, BYTES("\0\0\0\1\0\0\0\2AB\0\0"), 0},
    {"found nothing", unpack_origin, BYTES("\0\0\0\1\0\0\0\0\0\0"), -EBADMSG},
    {"no AS, with one", unpack_origin, BYTES("\0\0\0\1\1\1\0\0\0\1\0\0\0\0"), -EBADMSG},
    {"no AS, with a name", unpack_origin, BYTES("\0\0\0\1\0\0\0\2AB\0\1n"), -EBADMSG},
    {"half a country", unpack_origin, BYTES("\0\0\0\1\0\0\0\1A\0\0"), -EBADMSG},
    {"small country", unpack_origin, BYTES("\0\0\0\1\0\0\0\2aB\0\0"), -EBADMSG},
    {"large country", unpack_origin, BYTES("\0\0\0\1\0\0\0\3ABC\0\0"), -EBADMSG},
    {"17 AS", unpack_origin, BYTES("\0\0\0\1\0\x11\0\0\0\1\0\0\0\0"), -EBADMSG},
    {"count of 17", unpack_addrs, BYTES("\0\0\0\1\0\x11" IPV4), -EBADMSG},
};

START_TEST(bounds)
{
	ck_assert_msg(
	    bodies[_i].unpack(bodies[_i].data, bodies[_i].len) == bodies[_i].error,
	    "%s", bodies[_i].what);
}
END_TEST

START_TEST(too_long_a_text_is_refused)
{
	uint8_t data[4 + 1 + 2 + NAMES_NAME_MAX + 1] = {0, 0, 0, 1, 0, 1, 0};

	memset(data + 7, 'a', NAMES_NAME_MAX + 1);
	ck_assert_int_eq(unpack_name(data, sizeof(data)), -EBADMSG);
	ck_assert_int_eq(unpack_forward(data, sizeof(data)), -EBADMSG);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {every_other_length_is_refused, .loops = 6},
	    {questions_come_back},
	    {answers_come_back},
	    {origins_come_back},
	    {bounds, .loops = (int)(sizeof(bodies) / sizeof(*bodies))},
	    {too_long_a_text_is_refused},
	};

	return test_main("names_messages", tests, COUNT_OF(tests));
}
