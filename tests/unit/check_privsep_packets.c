/* common/privsep_packets: the bytes of probes, judged by a reference of the tests'. */
#include <check.h>
#include <string.h>

#include "common/privsep_packets.h"
#include "tests/support/packets.h"
#include "tests/support/testing.h"

static const uint8_t nonce[PRIVSEP_NONCE_LEN] = {0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6};

/* A probe between the addresses of tests/support/packets. */
static struct privsep_send
a_send(uint32_t family, uint8_t protocol)
{
	bool v4 = family == AF_INET;

	return (struct privsep_send){.protocol = protocol,
	    .ttl = 9,
	    .source = addr_from_bytes(family, v4 ? made_src4 : made_src6),
	    .destination = addr_from_bytes(family, v4 ? made_dst4 : made_dst6),
	    .port = 0x1234};
}

/* Whether the whole packet is right, its checksums too. */
static void
expect_faultless(const struct privsep_send *m, const uint8_t *bytes, size_t len)
{
	struct made made;
	const char *fault;

	made_init(&made);
	made_put(&made, bytes, len);
	if (m->source.family == AF_INET)
		made_ipv4(&made, m->protocol, m->ttl);
	else
		made_ipv6(&made, m->protocol, m->ttl);
	fault = packet_fault(made_bytes(&made), made.len);
	ck_assert_msg(fault == NULL, "%s", fault);
}

START_TEST(echo)
{
	static const uint16_t lengths[] = {8, 9, 31, 32, 33, 1471, 1472};
	static const uint16_t checksums[] = {0, 1, 0x1234, 0x8000, 0xfffe};
	bool v4 = _i == 0;
	struct privsep_send m =
	    v4 ? a_send(AF_INET, IPPROTO_ICMP) : a_send(AF_INET6, IPPROTO_ICMPV6);
	uint8_t bytes[PRIVSEP_PACKET_MAX];

	for (size_t i = 0; i < COUNT_OF(lengths); i++)
		for (size_t k = 0; k < COUNT_OF(checksums); k++) {
			const uint8_t head[] = {v4 ? 8 : 128, 0,
			    (uint8_t)(checksums[k] >> 8), (uint8_t)checksums[k], 0xbe,
			    0xef, 0x12, 0x34};

			m.payload_len = lengths[i];
			m.checksum = checksums[k];
			must_eq(
			    privsep_packet(&m, 0xbeef, nonce, bytes), 8 + lengths[i]);
			must(memcmp(bytes, head, 8) == 0);
			must(memcmp(bytes + 10, nonce, sizeof(nonce)) == 0);
			for (size_t at = 8; at < lengths[i]; at++)
				must_eq(bytes[8 + at], 0x40 + at % 64);
			expect_faultless(&m, bytes, 8u + lengths[i]);
		}
}
END_TEST

START_TEST(tcp)
{
	/* options in the order of their bits, and the header's length with them */
	static const struct {
		uint8_t options;
		uint8_t len;
		uint8_t bytes[20];
	} cases[] = {
	    {0, 20, {0}},
	    {PRIVSEP_TCP_MSS, 24, {2, 4, 5, 180}},
	    {PRIVSEP_TCP_SACK, 24, {4, 2, 1, 1}},
	    {PRIVSEP_TCP_TIMESTAMPS, 32, {8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 1}},
	    {PRIVSEP_TCP_WINDOW_SCALE, 24, {1, 3, 3, 7}},
	    {15, 40, {2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7}},
	};
	struct privsep_send m = a_send(_i == 0 ? AF_INET : AF_INET6, IPPROTO_TCP);
	uint8_t bytes[PRIVSEP_PACKET_MAX];
	const uint8_t head[] = {0xbe, 0xef, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8};

	m.tcp.sequence = 0x01020304;
	m.tcp.ack = 0x05060708;
	m.tcp.flags = 0xc2;
	m.tcp.window = 0x0a0b;
	m.tcp.mss = 1460;
	m.tcp.window_scale = 7;
	m.tcp.timestamp = 0x01020304;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		m.tcp.options = cases[i].options;
		must_eq(privsep_packet(&m, 0xbeef, nonce, bytes), cases[i].len);
		must(memcmp(bytes, head, sizeof(head)) == 0);
		must_eq(bytes[12], cases[i].len / 4 << 4);
		must_eq(bytes[13], 0xc2);
		must_eq(bytes[14] << 8 | bytes[15], 0x0a0b);
		must_eq(bytes[18] << 8 | bytes[19], 0);
		must(memcmp(bytes + 20, cases[i].bytes, cases[i].len - 20u) == 0);
		expect_faultless(&m, bytes, cases[i].len);
	}
}
END_TEST

START_TEST(udp)
{
	struct privsep_send m = a_send(AF_INET, IPPROTO_UDP);
	uint8_t bytes[PRIVSEP_PACKET_MAX] = {0};
	struct outgoing o;

	m.payload = (const uint8_t *)"abc";
	m.payload_len = 3;
	m.cookie = 77;
	ck_assert_uint_eq(privsep_packet(&m, 1, nonce, bytes), 3);
	ck_assert_int_eq(memcmp(bytes, "abc", 4), 0);
	o = privsep_outgoing(&m, 5, bytes, 3);
	ck_assert_uint_eq(o.port, m.port);
	ck_assert_uint_eq(o.interface, 5);
	ck_assert_uint_eq(*o.stamp_id, 77);
	/* A raw socket would take a port for a protocol. */
	m.protocol = IPPROTO_TCP;
	ck_assert_uint_eq(privsep_outgoing(&m, 5, bytes, 3).port, 0);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {{echo, 2}, {tcp, 2}, {udp}};

	return test_main("privsep_packets", tests, COUNT_OF(tests));
}
