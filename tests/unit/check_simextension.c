/*
 * tools/fakeroute: ICMP extension structures, byte by byte, and those that are wrong on
 * purpose.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "common/checksum.h"
#include "tests/support/fakenet.h"

static const char *const targets[2] = {"198.51.100.9", "2001:db8:ffff::9"};

static void
build(const char *options, const char *statements)
{
	char text[2048];

	snprintf(text, sizeof(text),
	    "router r 10.0.1.1 2001:db8:1::1 %s\n"
	    "target t 198.51.100.9 2001:db8:ffff::9\n"
	    "link host r t\n%s",
	    options, statements);
	fakenet_build(text);
}

/* What follows the quote of 128 bytes in the error of a router. */
static const uint8_t *
structure(int family, struct packet *reply, size_t *len)
{
	struct packet probe;
	size_t at;

	packet_udp(&probe, targets[family], 1, 20000, 33);
	fakenet_ask(&probe, reply);
	at = (size_t)(packet_transport(reply) - reply->bytes) + 8 + 128;
	ck_assert_uint_ge(reply->len, at);
	*len = reply->len - at;
	return reply->bytes + at;
}

/* ---- objects -----------------------------------------------------------------------
 */

/* The objects behind the header of a structure, over IPv4 and IPv6 (NULL: the same). */
static const struct {
	const char *statements;
	size_t len[2];
	const char *bytes[2];
} objects[] = {
    {"extension r mpls=16,5:3:9\n", {12, 12},
	{"\x00\x0c\x01\x01\x00\x01\x00\x01\x00\x00\x57\x09"}},
    {"extension r interface=incoming\n", {4, 4}, {"\x00\x04\x02\x00"}},
    {"extension r interface=incoming index=7\n", {8, 8},
	{"\x00\x08\x02\x08\x00\x00\x00\x07"}},
    {"extension r interface=sub-ip index=4294967295\n", {8, 8},
	{"\x00\x08\x02\x48\xff\xff\xff\xff"}},
    {"extension r interface=outgoing address=10.1.2.3,2001:db8::7\n", {12, 24},
	{"\x00\x0c\x02\x84\x00\x01\x00\x00\x0a\x01\x02\x03",
	    "\x00\x18\x02\x84\x00\x02\x00\x00\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0"
	    "\x07"}},
    {"extension r interface=next-hop address=10.1.2.3\n", {12, 12},
	{"\x00\x0c\x02\xc4\x00\x01\x00\x00\x0a\x01\x02\x03"}},
    {"extension r interface=incoming name=eth0\n", {12, 12},
	{"\x00\x0c\x02\x02\x08"
	 "eth0\0\0\0"}},
    {"extension r interface=incoming name=ge0\n", {8, 8},
	{"\x00\x08\x02\x02\x04"
	 "ge0"}},
    {"extension r interface=incoming mtu=1500\n", {8, 8},
	{"\x00\x08\x02\x01\x00\x00\x05\xdc"}},
    {"extension r interface=outgoing index=3 address=10.1.2.3,2001:db8::7 "
     "name=ae0/1 mtu=9000\n",
	{28, 40},
	{"\x00\x1c\x02\x8f\x00\x00\x00\x03\x00\x01\x00\x00\x0a\x01\x02\x03\x08"
	 "ae0/1\0\0\x00\x00\x23\x28",
	    "\x00\x28\x02\x8f\x00\x00\x00\x03\x00\x02\x00\x00\x20\x01\x0d\xb8\0\0\0\0\0"
	    "\0\0\0\0\0\0\x07\x08"
	    "ae0/1\0\0\x00\x00\x23\x28"}},
    {"extension r object=200:17 data=deadBEEF\n", {8, 8},
	{"\x00\x08\xc8\x11\xde\xad\xbe\xef"}},
    {"extension r object=0:0\n", {4, 4}, {"\x00\x04\x00\x00"}},
    {"extension r object=9:9 data=010203\n", {7, 7}, {"\x00\x07\x09\x09\x01\x02\x03"}},
    /* Lengths that lie. */
    {"extension r object=9:9 data=0102 length=3\n", {6, 6},
	{"\x00\x03\x09\x09\x01\x02"}},
    {"extension r mpls=16 length=65535\n", {8, 8},
	{"\xff\xff\x01\x01\x00\x01\x01\x01"}},
    {"extension r interface=incoming index=1 length=0\n", {8, 8},
	{"\x00\x00\x02\x08\x00\x00\x00\x01"}},
    /* Several, in the order of the file. */
    {"extension r mpls=16\nextension r interface=incoming index=7\n"
     "extension r interface=outgoing index=8\nextension r object=9:9\n",
	{28, 28},
	{"\x00\x08\x01\x01\x00\x01\x01\x01\x00\x08\x02\x08\x00\x00\x00\x07\x00\x08"
	 "\x02\x88\x00\x00\x00\x08\x00\x04\x09\x09"}},
};

START_TEST(each_object)
{
	struct packet reply;
	const char *expected;
	const uint8_t *bytes;
	size_t len;

	build("", objects[_i].statements);
	for (int family = 0; family < 2; family++) {
		bytes = structure(family, &reply, &len);
		expected = objects[_i].bytes[family];
		if (expected == NULL)
			expected = objects[_i].bytes[0];
		ck_assert_ptr_nonnull(expected);
		ck_assert_uint_eq(len, 4 + objects[_i].len[family]);
		ck_assert_mem_eq(bytes, "\x20\x00", 2);
		ck_assert_uint_eq(checksum_finish(checksum_add(0, bytes, len)), 0);
		ck_assert_mem_eq(bytes + 4, expected, len - 4);
		ck_assert_uint_eq(packet_transport(&reply)[family == 0 ? 5 : 4],
		    family == 0 ? 32 : 16);
	}
	fakenet_demolish();
}
END_TEST

/* The stack of the option comes first. */
START_TEST(option_and_statement)
{
	struct packet reply;
	const uint8_t *bytes;
	size_t len;

	build("mpls=7", "extension r object=9:9\n");
	bytes = structure(_i, &reply, &len);
	ck_assert_uint_eq(len, 16);
	ck_assert_mem_eq(
	    bytes + 4, "\x00\x08\x01\x01\x00\x00\x71\x01\x00\x04\x09\x09", 12);
	fakenet_demolish();
}
END_TEST

/* ---- wrong on purpose
 * ---------------------------------------------------------------- */

START_TEST(wrong_headers)
{
	static const struct {
		const char *options;
		uint8_t version;
		bool zero, right;
		unsigned int length[2];
	} cases[] = {
	    {"extension-checksum=wrong", 0x20, false, false, {32, 16}},
	    {"extension-checksum=zero", 0x20, true, false, {32, 16}},
	    {"extension-version=3", 0x30, false, true, {32, 16}},
	    {"extension-version=0", 0x00, false, true, {32, 16}},
	    {"extension-length=33", 0x20, false, true, {33, 33}},
	    {"extension-length=255", 0x20, false, true, {255, 255}},
	    {"extension-length=0", 0x20, false, true, {0, 0}},
	    {"mpls-noncompliant", 0x20, false, true, {0, 0}},
	};
	struct packet reply;
	const uint8_t *bytes;
	size_t len;

	for (int family = 0; family < 2; family++) {
		build(cases[_i].options, "extension r mpls=16\n");
		bytes = structure(family, &reply, &len);
		ck_assert_uint_eq(len, 12);
		ck_assert_uint_eq(bytes[0], cases[_i].version);
		ck_assert_uint_eq(get16(bytes + 2) == 0, cases[_i].zero);
		ck_assert_uint_eq(
		    checksum_finish(checksum_add(0, bytes, len)) == 0, cases[_i].right);
		ck_assert_uint_eq(packet_transport(&reply)[family == 0 ? 5 : 4],
		    cases[_i].length[family]);
		fakenet_demolish();
	}
}
END_TEST

/* A length without any extension behind the quote. */
START_TEST(length_alone)
{
	struct packet probe, reply;

	build("extension-length=200", "");
	packet_udp(&probe, targets[_i], 1, 20000, 33);
	fakenet_ask(&probe, &reply);
	ck_assert_uint_eq(packet_transport(&reply)[_i == 0 ? 5 : 4], 200);
	ck_assert_uint_eq(reply.len, probe.len + (_i == 0 ? 28 : 48));
	fakenet_demolish();
}
END_TEST

/* Bytes as they are: no header of ours, no checksum. */
START_TEST(whole_structure)
{
	struct packet reply;
	const uint8_t *bytes;
	size_t len;

	build("", "extension r structure=2fff1234ff\n");
	bytes = structure(_i, &reply, &len);
	ck_assert_uint_eq(len, 5);
	ck_assert_mem_eq(bytes, "\x2f\xff\x12\x34\xff", 5);
	fakenet_demolish();
}
END_TEST

/* ---- which errors
 * -------------------------------------------------------------------- */

/* Those that RFC 4884 extends; what has no length field is left as it is. */
START_TEST(kinds_of_errors)
{
	struct packet probe, reply;
	bool extended;

	fakenet_build("defaults mpls=16\n"
		      "router r 10.0.1.1 2001:db8:1::1 mtu=1280\n"
		      "target t 198.51.100.9 2001:db8:ffff::9\n"
		      "link host r t\n");
	for (int kind = 0; kind < 4; kind++) {
		static const unsigned int types[4][2] = {
		    {11, 3}, {3, 1}, {3, 4}, {3, 2}};
		static const unsigned int codes[4][2] = {
		    {0, 0}, {3, 4}, {2, 1}, {4, 0}};

		packet_udp(&probe, targets[_i], kind == 0 ? 1 : 9, 20000,
		    kind == 3 ? 1400 : 33);
		if (kind == 2)
			packet_begin(&probe, targets[_i], 9, 253, 40);
		if (_i == 0)
			put16(probe.bytes + 6, 0x4000);
		packet_seal(&probe);
		fakenet_ask(&probe, &reply);
		must_be_icmp(&reply, types[kind][0], codes[kind][0], types[kind][1],
		    codes[kind][1]);
		extended = _i == 0 || kind < 2;
		if (kind == 3)
			ck_assert_uint_eq(
			    get32(packet_transport(&reply) + 4) & 0xffff, 1280);
		if (_i == 1 && kind >= 2) /* the MTU, the pointer: all 32 bits */
			ck_assert_uint_eq(
			    get32(packet_transport(&reply) + 4), kind == 2 ? 6 : 1280);
		ck_assert_uint_eq(
		    memcmp(reply.bytes + reply.len - 12, "\x20\x00", 2) == 0 &&
			reply.bytes[reply.len - 6] == 1,
		    extended);
	}
	fakenet_demolish();
}
END_TEST

/* The largest extension that the language takes, with the largest packet. */
START_TEST(large)
{
	char text[1024];
	struct packet probe, reply;

	/* 420 in all: 4 + (4 + 256) + (4 + 152) */
	snprintf(text, sizeof(text),
	    "extension r object=1:2 data=%0512d\nextension r object=1:3 data=%0304d\n",
	    0, 0);
	build("", text);
	for (size_t payload = 0; payload < 1400; payload += 50) {
		packet_udp(&probe, targets[_i], 1, 20000, payload);
		fakenet_ask(&probe, &reply);
		ck_assert_uint_ge(reply.len, (_i == 0 ? 28u : 48u) + 128u + 420u);
		ck_assert_uint_le(reply.len, _i == 0 ? 576 : 1280);
	}
	fakenet_demolish();
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {each_object, .loops = COUNT_OF(objects)},
	    {option_and_statement, .loops = 2},
	    {wrong_headers, .loops = 8},
	    {length_alone, .loops = 2},
	    {whole_structure, .loops = 2},
	    {kinds_of_errors, .loops = 2},
	    {large, .loops = 2},
	};

	return test_main("simextension", tests, COUNT_OF(tests));
}
