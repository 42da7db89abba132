/* prober/reply: what each ICMP type and code means, in both families. */
#include <netinet/in.h>
#include <string.h>

#include "prober/reply.h"
#include "tests/support/testing.h"

/* RFC 792; RFC 4443 section 3. Written anew here, by number. */
static uint8_t
expected_kind(int family, int type, int code)
{
	if (family == AF_INET) {
		if (type == 11 && code == 0)
			return REPLY_TIME_EXCEEDED;
		if (type == 11 && code == 1)
			return REPLY_REASSEMBLY;
		return type == 3 ? REPLY_UNREACHABLE : REPLY_OTHER;
	}
	if (type == 3 && code == 0)
		return REPLY_TIME_EXCEEDED;
	if (type == 3 && code == 1)
		return REPLY_REASSEMBLY;
	return type == 1 || type == 2 ? REPLY_UNREACHABLE : REPLY_OTHER;
}

static struct addr
addr_of(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_from_text(text, &a), 0);
	return a;
}

static const int families[] = {AF_INET, AF_INET6};
static const char *const targets[] = {"198.51.100.9", "2001:db8::9"};
static const char *const others[] = {"192.0.2.1", "2001:db8::1"};

/* Every type and code, from the target and from another address. */
START_TEST(every_error)
{
	int family = families[_i];
	struct addr target = addr_of(targets[_i]);
	struct addr other = addr_of(others[_i]);

	for (int type = 0; type < 256; type++) {
		for (int code = 0; code < 256; code++) {
			uint8_t kind = reply_kind_of_error(
			    (uint32_t)family, (uint8_t)type, (uint8_t)code);
			struct reply r = {.kind = kind,
			    .icmp_type = (uint8_t)type,
			    .icmp_code = (uint8_t)code};
			bool port = family == AF_INET ? type == 3 && code == 3
						      : type == 1 && code == 4;
			bool expired = kind == REPLY_TIME_EXCEEDED;
			uint16_t final = expired ? 0 : RESULT_FINAL;
			uint16_t same = expired ? RESULT_FROM_TARGET : RESULT_FINAL;

			must_eq(kind, expected_kind(family, type, code));
			r.from = target;
			must_eq(reply_flags(&r, IPPROTO_ICMP, &target), same);
			must_eq(reply_flags(&r, IPPROTO_UDP, &target),
			    port ? RESULT_FINAL | RESULT_REACHED : same);
			must_eq(reply_flags(&r, IPPROTO_UDPLITE, &target),
			    port ? RESULT_FINAL | RESULT_REACHED : same);
			/* A closed TCP port is told by a reset, never so. */
			must_eq(reply_flags(&r, IPPROTO_TCP, &target), same);
			r.from = other;
			must_eq(reply_flags(&r, IPPROTO_ICMP, &target), final);
			must_eq(reply_flags(&r, IPPROTO_UDP, &target),
			    port ? RESULT_FINAL | RESULT_REACHED | RESULT_OTHER_ADDRESS
				 : final);
		}
	}
}
END_TEST

START_TEST(answers_of_the_target)
{
	static const struct {
		uint8_t kind;
		int protocol;
	} kinds[] = {{REPLY_ECHO, IPPROTO_ICMP}, {REPLY_DATA, IPPROTO_UDP},
	    {REPLY_DATA, IPPROTO_UDPLITE}, {REPLY_SYN_ACK, IPPROTO_TCP},
	    {REPLY_RESET, IPPROTO_TCP}};
	struct addr target = addr_of(targets[_i]);
	struct addr other = addr_of(others[_i]);

	for (size_t k = 0; k < COUNT_OF(kinds); k++) {
		struct reply r = {.kind = kinds[k].kind, .from = target};
		int protocol = kinds[k].protocol;

		ck_assert_uint_eq(
		    reply_flags(&r, protocol, &target), RESULT_REACHED | RESULT_FINAL);
		r.from = other;
		ck_assert_uint_eq(reply_flags(&r, protocol, &target),
		    RESULT_REACHED | RESULT_FINAL | RESULT_OTHER_ADDRESS);
	}
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {every_error, .loops = 2},
	    {answers_of_the_target, .loops = 2},
	};

	return test_main("reply", tests, COUNT_OF(tests));
}
