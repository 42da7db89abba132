/*
 * The toy protocol of the walkthrough in CONTRIBUTING.md, once it is in its table:
 * probes of it are built, and known again in what comes back. It goes into tests/unit/
 * as it is.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/checksum.h"
#include "prober/layout.h"
#include "tests/support/packets.h"
#include "tests/support/testing.h"

#define LEN 80
#define ICMP_LEN 8

static const struct {
	const char *pattern;
	const char *error; /* what quotes it */
	const char *tag;
	uint32_t value;
	uint32_t family;
	size_t ip_len;
} cases[] = {
    {"ipv4/toy", "ipv4/icmpv4/ipv4/toy", "toy.number", 0, AF_INET, 20},
    {"ipv4/toy", "ipv4/icmpv4/ipv4/toy", "toy.number", 0xffff, AF_INET, 20},
    {"ipv4/toy", "ipv4/icmpv4/ipv4/toy", "toy.checksum", 0x1234, AF_INET, 20},
    {"ipv6/toy", "ipv6/icmpv6/ipv6/toy", "toy.number", 4711, AF_INET6, 40},
    {"ipv6/toy", "ipv6/icmpv6/ipv6/toy", "toy.checksum", 0xfffe, AF_INET6, 40},
};

/* Reads a field of a packet that must be of this pattern. */
static uint64_t
field(const struct tree *tree, int i, const char *pattern, const uint8_t *packet,
    size_t len, const char *name)
{
	struct view view;
	struct field_ref ref;
	uint64_t value = 0;

	ck_assert_int_eq(tree_parse(tree, cases[i].family, packet, len, &view), 0);
	ck_assert_str_eq(view.pattern->name, pattern);
	ck_assert_int_eq(pattern_find_field(view.pattern, name, &ref), 0);
	ck_assert_int_eq(view_read(&view, ref, &value), 0);
	return value;
}

/* An ICMP error about the packet that quotes no more than eight bytes behind its IP
 * header, as RFC 792 has it. Returns its length. */
static size_t
quote(int i, const uint8_t *packet, uint8_t *error)
{
	size_t len = cases[i].ip_len + ICMP_LEN + cases[i].ip_len + 8;

	memset(error, 0, len);
	memcpy(error, packet, cases[i].ip_len);
	if (cases[i].family == AF_INET) {
		error[2] = 0;
		error[3] = (uint8_t)len;
		error[9] = IPPROTO_ICMP;
		error[20] = 11;
	} else {
		error[4] = 0;
		error[5] = (uint8_t)(len - cases[i].ip_len);
		error[6] = IPPROTO_ICMPV6;
		error[40] = 3;
	}
	memcpy(error + cases[i].ip_len + ICMP_LEN, packet, cases[i].ip_len + 8);
	return len;
}

START_TEST(built_and_known_again)
{
	struct tree *tree = tree_new();
	bool v6 = cases[_i].family == AF_INET6;
	struct layout_options o = {
	    .pattern = tree_find(tree, cases[_i].pattern),
	    .src = addr_from_bytes(cases[_i].family, v6 ? made_src6 : made_src4),
	    .dst = addr_from_bytes(cases[_i].family, v6 ? made_dst6 : made_dst4),
	    .dst_port = 33434,
	    .flow_constant = true,
	    .tagged = true,
	    .len = LEN,
	};
	struct layout_probe p = {.ttl = 5, .src_port = 24000, .tag = cases[_i].value};
	uint8_t packet[LEN], error[2 * LEN];
	struct layout l;
	size_t len;
	uint32_t sum;

	ck_assert_ptr_nonnull(o.pattern);
	ck_assert_int_eq(pattern_find_field(o.pattern, cases[_i].tag, &o.tag), 0);
	ck_assert_int_eq(layout_init(&l, &o), 0);
	ck_assert_uint_eq(layout_len(&l, &p), LEN);
	layout_build(&l, &p, packet);
	sum = checksum_add_pseudo(
	    checksum_add(0, packet + cases[_i].ip_len, LEN - cases[_i].ip_len), &o.src,
	    &o.dst, 253, (uint32_t)(LEN - cases[_i].ip_len));
	ck_assert_uint_eq(checksum_fold(sum), 0xffff);
	ck_assert_uint_eq(
	    field(tree, _i, cases[_i].pattern, packet, LEN, "toy.dst_port"), 33434);
	ck_assert_uint_eq(
	    field(tree, _i, cases[_i].pattern, packet, LEN, cases[_i].tag),
	    cases[_i].value);
	len = quote(_i, packet, error);
	ck_assert_uint_eq(field(tree, _i, cases[_i].error, error, len, cases[_i].tag),
	    cases[_i].value);
	layout_clear(&l);
	tree_free(tree);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {built_and_known_again, .loops = COUNT_OF(cases)},
	};

	return test_main("toy", tests, COUNT_OF(tests));
}
