/* common/addr: text, socket addresses, equality. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "common/addr.h"
#include "tests/support/testing.h"

static const struct {
	const char *text;
	uint32_t family;   /* 0: no address */
	const char *shown; /* NULL: as it came */
	uint32_t scope;
} texts[] = {
    {"192.0.2.1", AF_INET},
    {"0.0.0.0", AF_INET},
    {"255.255.255.255", AF_INET},
    {"::", AF_INET6},
    {"::1", AF_INET6},
    {"2001:db8::1", AF_INET6},
    {"2001:DB8:0:0:0:0:0:1", AF_INET6, "2001:db8::1"},
    {"::ffff:192.0.2.1", AF_INET6},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AF_INET6},
    {"fe80::1", AF_INET6},
    {"fe80::1%1", AF_INET6, "fe80::1%1", 1},
    {"fe80::1%lo", AF_INET6, "fe80::1%1", 1},
    {"fe80::1%4294967295", AF_INET6, NULL, 4294967295},
    {"fe80:1111:2222:3333:4444:5555:6666:7777%4294967295", AF_INET6, NULL, 4294967295},
    {""},
    {" 192.0.2.1"},
    {"192.0.2.1 "},
    {"192.0.2"},
    {"192.0.2.256"},
    {"192.0.2.1.1"},
    {"192.0.02.1"},
    {"0x7f.0.0.1"},
    {"2130706433"},
    {"192.0.2.1%1"},
    {"192.0.2.1%lo"},
    {"2001:db8::1%lo"},
    {"::1%lo"},
    {"example.org"},
    {":::"},
    {"1::2::3"},
    {"2001:db8::g"},
    {"fe80::1%"},
    {"fe80::1%0"},
    {"fe80::1%4294967296"},
    {"fe80::1%99999999999999999999"},
    {"fe80::1%-1"},
    {"fe80::1%+1"},
    {"fe80::1% 1"},
    {"fe80::1%1x"},
    {"fe80::1%nosuchinterface"},
    {"%1"},
    {"fe80:0000:0000:0000:0000:0000:0000:0001%12345678901234567890123456789012345678"},
};

START_TEST(text)
{
	struct addr a, untouched;
	char buf[ADDR_TEXT_MAX];
	const char *shown = texts[_i].shown ? texts[_i].shown : texts[_i].text;
	int expected = texts[_i].family == 0 ? -EINVAL : 0;

	if (strstr(texts[_i].text, "%lo") != NULL && if_nametoindex("lo") != 1)
		expected = if_nametoindex("lo") == 0 ? -EINVAL : expected;
	memset(&a, 0xa5, sizeof(a));
	memcpy(&untouched, &a, sizeof(a));
	ck_assert_int_eq(addr_from_text(texts[_i].text, &a), expected);
	if (expected != 0) {
		ck_assert_mem_eq(&a, &untouched, sizeof(a));
		return;
	}
	ck_assert_uint_eq(a.family, texts[_i].family);
	ck_assert_uint_eq(a.scope, texts[_i].scope);
	ck_assert_str_eq(addr_to_text(&a, buf), shown);
	ck_assert_ptr_eq(addr_to_text(&a, buf), buf);
}
END_TEST

START_TEST(no_address)
{
	struct addr none = {0};
	struct addr odd = {.family = AF_UNIX};
	char buf[ADDR_TEXT_MAX];

	ck_assert(addr_is_none(&none));
	ck_assert(addr_is_none(&odd));
	ck_assert_str_eq(addr_to_text(&none, buf), "?");
	ck_assert_str_eq(addr_to_text(&odd, buf), "?");
	ck_assert_uint_eq(addr_family_len(AF_UNSPEC), 0);
	ck_assert_uint_eq(addr_family_len(AF_UNIX), 0);
	ck_assert_uint_eq(addr_family_len(AF_INET), 4);
	ck_assert_uint_eq(addr_family_len(AF_INET6), 16);
}
END_TEST

/* Equal addresses are equal byte by byte, whatever was in memory before. */
START_TEST(bytes_are_a_hash_key)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(1)};
	struct addr from_text, from_sockaddr, from_bytes;
	uint8_t four[4] = {192, 0, 2, 1};

	memset(&from_text, 0xff, sizeof(from_text));
	memset(&from_sockaddr, 0xee, sizeof(from_sockaddr));
	memset(in.sin_zero, 0xdd, sizeof(in.sin_zero));
	ck_assert_int_eq(addr_from_text("192.0.2.1", &from_text), 0);
	memcpy(&in.sin_addr, four, 4);
	ck_assert_int_eq(addr_from_sockaddr(
			     (struct sockaddr *)&in, sizeof(in), &from_sockaddr, NULL),
	    0);
	from_bytes = addr_from_bytes(AF_INET, four);
	ck_assert_mem_eq(&from_text, &from_sockaddr, sizeof(from_text));
	ck_assert_mem_eq(&from_text, &from_bytes, sizeof(from_text));
	ck_assert(addr_equal(&from_text, &from_bytes));
	ck_assert(!addr_is_none(&from_text));
}
END_TEST

START_TEST(equality)
{
	static const char *const all[] = {"192.0.2.1", "192.0.2.2", "::", "::1",
	    "0.0.0.0", "fe80::1", "fe80::1%1", "fe80::1%2", "c000:201::"};

	for (size_t i = 0; i < COUNT_OF(all); i++) {
		for (size_t j = 0; j < COUNT_OF(all); j++) {
			struct addr a, b;

			ck_assert_int_eq(addr_from_text(all[i], &a), 0);
			ck_assert_int_eq(addr_from_text(all[j], &b), 0);
			ck_assert_int_eq(addr_equal(&a, &b), i == j);
		}
	}
}
END_TEST

START_TEST(unspecified)
{
	static const struct {
		const char *text;
		bool is;
	} cases[] = {{"0.0.0.0", true}, {"::", true}, {"::1", false},
	    {"0.0.0.1", false}, {"1.0.0.0", false}, {"1::", false},
	    {"::ffff:0.0.0.0", false}};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct addr a;

		ck_assert_int_eq(addr_from_text(cases[i].text, &a), 0);
		ck_assert_int_eq(addr_is_unspecified(&a), cases[i].is);
	}
}
END_TEST

START_TEST(socket_addresses)
{
	static const struct {
		const char *text;
		uint16_t port;
		socklen_t len;
	} cases[] = {
	    {"192.0.2.1", 33434, sizeof(struct sockaddr_in)},
	    {"255.255.255.255", 0, sizeof(struct sockaddr_in)},
	    {"2001:db8::1", 65535, sizeof(struct sockaddr_in6)},
	    {"fe80::1%7", 53, sizeof(struct sockaddr_in6)},
	    {"::ffff:192.0.2.1", 1, sizeof(struct sockaddr_in6)},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct sockaddr_storage ss;
		struct addr a, back;
		uint16_t port = 9;

		memset(&ss, 0xa5, sizeof(ss));
		ck_assert_int_eq(addr_from_text(cases[i].text, &a), 0);
		ck_assert_uint_eq(
		    addr_to_sockaddr(&a, cases[i].port, &ss), cases[i].len);
		ck_assert_uint_eq(ss.ss_family, a.family);
		ck_assert_int_eq(addr_from_sockaddr((struct sockaddr *)&ss,
				     cases[i].len, &back, &port),
		    0);
		ck_assert(addr_equal(&a, &back));
		ck_assert_uint_eq(port, cases[i].port);
		/* The kernel may say a larger length, never a smaller one. */
		ck_assert_int_eq(
		    addr_from_sockaddr((struct sockaddr *)&ss, sizeof(ss), &back, NULL),
		    0);
		for (socklen_t len = 0; len < cases[i].len; len++)
			ck_assert_int_eq(addr_from_sockaddr(
					     (struct sockaddr *)&ss, len, &back, &port),
			    -EAFNOSUPPORT);
	}
}
END_TEST

/* A scope of an address that needs none would make equal addresses differ. */
START_TEST(scope_only_where_it_means_something)
{
	struct sockaddr_in6 in6 = {
	    .sin6_family = AF_INET6, .sin6_scope_id = 5, .sin6_port = htons(7)};
	struct sockaddr_storage ss = {.ss_family = AF_UNIX};
	struct addr a;

	inet_pton(AF_INET6, "2001:db8::1", &in6.sin6_addr);
	ck_assert_int_eq(
	    addr_from_sockaddr((struct sockaddr *)&in6, sizeof(in6), &a, NULL), 0);
	ck_assert_uint_eq(a.scope, 0);
	inet_pton(AF_INET6, "fe80::1", &in6.sin6_addr);
	ck_assert_int_eq(
	    addr_from_sockaddr((struct sockaddr *)&in6, sizeof(in6), &a, NULL), 0);
	ck_assert_uint_eq(a.scope, 5);
	ck_assert_int_eq(
	    addr_from_sockaddr((struct sockaddr *)&ss, sizeof(ss), &a, NULL),
	    -EAFNOSUPPORT);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {text, .loops = COUNT_OF(texts)},
	    {no_address},
	    {bytes_are_a_hash_key},
	    {equality},
	    {unspecified},
	    {socket_addresses},
	    {scope_only_where_it_means_something},
	};

	return test_main("addr", tests, COUNT_OF(tests));
}
