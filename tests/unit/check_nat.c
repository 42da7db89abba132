/*
 * tools/fakeroute: NATs. What is behind one, and what comes back through it, is held
 * against packets that are built here with the other addresses and ports and with their
 * checksums computed anew.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/fakenet.h"

/* Host - a - nat - b - target; the target is 10.9.0.9 inside. */
#define NET \
	"router a 10.0.1.1 2001:db8:1::1\n" \
	"router nat 10.0.2.1 2001:db8:2::1 198.51.100.9 2001:db8:ffff::9\n" \
	"router b 10.0.3.1 2001:db8:3::1\n" \
	"target t 10.9.0.9 2001:db8:9::9 tcp-open=80,8080 udp-open=7,8007\n" \
	"link host a nat b t\n"

#define SNAT "rule nat snat=203.0.113.5 %s\nrule nat snat=2001:db8:5::5 %s\n"
#define DNAT \
	"rule nat dnat=10.9.0.9 dst=198.51.100.9 %s\n" \
	"rule nat dnat=2001:db8:9::9 dst=2001:db8:ffff::9 %s\n"

static const char *const inside[2] = {"10.9.0.9", "2001:db8:9::9"};
static const char *const outside[2] = {"198.51.100.9", "2001:db8:ffff::9"};
static const char *const host[2] = {"192.0.2.2", "2001:db8::2"};
static const char *const mapped[2] = {"203.0.113.5", "2001:db8:5::5"};
static const char *const routers[3][2] = {{"10.0.1.1", "2001:db8:1::1"},
    {"10.0.2.1", "2001:db8:2::1"}, {"10.0.3.1", "2001:db8:3::1"}};

static void
build(const char *rules, const char *words)
{
	char text[1024] = NET;

	snprintf(text + strlen(text), sizeof(text) - strlen(text), rules, words, words);
	fakenet_build(text);
}

/* Kinds of packets, so that each test sees all of them. */
enum kind {
	UDP,
	TCP,
	ECHO,
	UDPLITE,
	UDP_WITHOUT_CHECKSUM, /* IPv4 only */
	KINDS,
};

static void
make(struct packet *p, enum kind kind, const char *dst, uint8_t ttl)
{
	switch (kind) {
	case UDP:
	case UDP_WITHOUT_CHECKSUM:
		packet_udp(p, dst, ttl, 20000, 33);
		break;
	case TCP:
		packet_tcp(p, dst, 80, 2, 1000, 0, 0);
		*packet_ttl(p) = ttl;
		packet_seal(p);
		break;
	case ECHO:
		packet_echo(p, dst, ttl, 5);
		break;
	case UDPLITE:
		packet_udp(p, dst, ttl, 20000, 33);
		p->bytes[p->bytes[0] >> 4 == 4 ? 9 : 6] = IPPROTO_UDPLITE;
		put16(packet_transport(p) + 4, 8 + 10); /* covers that much */
		packet_seal(p);
		break;
	case KINDS:
		break;
	}
	if (kind == UDP_WITHOUT_CHECKSUM)
		put16(packet_transport(p) + 6, 0);
}

/* Changes the source or destination of a packet; port 0: it stays. Checksums follow. */
static void
move(struct packet *p, bool dst, const char *text, unsigned int port)
{
	bool v4 = p->bytes[0] >> 4 == 4, none = false;
	struct addr a = addr(text);
	uint8_t protocol = packet_protocol(p);

	memcpy(
	    p->bytes + (v4 ? 12 : 8) + (dst ? (v4 ? 4 : 16) : 0), a.bytes, v4 ? 4 : 16);
	if (protocol == IPPROTO_UDP)
		none = get16(packet_transport(p) + 6) == 0;
	if (port != 0 && protocol != IPPROTO_ICMP && protocol != IPPROTO_ICMPV6)
		put16(packet_transport(p) + (dst ? 2 : 0), port);
	else if (port != 0 && !dst)
		put16(packet_transport(p) + 4, port);
	packet_seal(p);
	if (none)
		put16(packet_transport(p) + 6, 0);
}

static size_t
checksum_at(uint8_t protocol)
{
	if (protocol == IPPROTO_TCP)
		return 16;
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6 ? 2 : 6;
}

/* The quote must be this packet as it is with a TTL of 1. */
static void
must_quote(struct packet *error, const struct packet *expected, uint8_t ttl)
{
	struct packet quoted, sealed = *expected;
	uint8_t *checksum = packet_transport(&sealed);

	*packet_ttl(&sealed) = ttl;
	/* The transport checksum may be wrong on purpose: only the header's is new. */
	checksum += checksum_at(packet_protocol(&sealed));
	uint16_t kept = (uint16_t)get16(checksum);
	packet_seal(&sealed);
	put16(checksum, kept);
	packet_quoted(error, &quoted);
	ck_assert_uint_eq(quoted.len, sealed.len);
	ck_assert_mem_eq(quoted.bytes, sealed.bytes, sealed.len);
}

static bool
is_left_out(int family, enum kind kind)
{
	return family == 1 && kind == UDP_WITHOUT_CHECKSUM;
}

/* ---- source ------------------------------------------------------------------------
 */

START_TEST(snat_restores)
{
	struct packet probe, reply;

	build(SNAT, "port=50000-59999");
	for (enum kind kind = 0; kind < KINDS; kind++)
		for (uint8_t ttl = 1; ttl < 4 && !is_left_out(_i, kind); ttl++) {
			make(&probe, kind, inside[_i], ttl);
			fakenet_ask(&probe, &reply);
			must_be_from(&reply, routers[ttl - 1][_i]);
			must_be_to(&reply, host[_i]);
			must_quote(&reply, &probe, 1);
		}
	fakenet_demolish();
}
END_TEST

/* A NAT that leaves quotes as they are shows what it changed behind it. */
START_TEST(snat_translated_quotes)
{
	static const unsigned int ports[KINDS] = {
	    [UDP] = 50000 + 20000 % 10000,
	    [TCP] = 50000 + 50000 % 10000,
	    [ECHO] = 50000 + 77,
	    [UDPLITE] = 50000 + 20000 % 10000,
	    [UDP_WITHOUT_CHECKSUM] = 50000 + 20000 % 10000,
	};
	struct packet probe, reply, expected;

	build(SNAT, "port=50000-59999 quotes=translated");
	for (enum kind kind = 0; kind < KINDS; kind++)
		for (uint8_t ttl = 1; ttl < 4 && !is_left_out(_i, kind); ttl++) {
			make(&probe, kind, inside[_i], ttl);
			fakenet_ask(&probe, &reply);
			must_be_to(&reply, host[_i]);
			expected = probe;
			if (ttl == 3)
				move(&expected, false, mapped[_i], ports[kind]);
			must_quote(&reply, &expected, 1);
		}
	fakenet_demolish();
}
END_TEST

/* Everything restored but the transport checksum, which is as it was behind the NAT. */
START_TEST(snat_checksum)
{
	struct packet probe, reply, translated, expected;

	build(SNAT, "quotes=checksum");
	for (enum kind kind = UDP; kind <= TCP; kind++) {
		size_t at = kind == UDP ? 6 : 16;

		make(&probe, kind, inside[_i], 3);
		fakenet_ask(&probe, &reply);
		translated = expected = probe;
		move(&translated, false, mapped[_i], 0);
		memcpy(packet_transport(&expected) + at,
		    packet_transport(&translated) + at, 2);
		ck_assert_mem_ne(
		    packet_transport(&expected) + at, packet_transport(&probe) + at, 2);
		must_quote(&reply, &expected, 1);
	}
	fakenet_demolish();
}
END_TEST

/* Answers of the target come back to the port that was asked from. */
START_TEST(snat_answers)
{
	struct packet probe, reply;

	build(SNAT, "port=60000-60999");
	packet_udp(&probe, inside[_i], 64, 20001, 9);
	put16(packet_transport(&probe) + 2, 7);
	packet_seal(&probe);
	fakenet_ask(&probe, &reply);
	must_be_from(&reply, inside[_i]);
	must_be_to(&reply, host[_i]);
	ck_assert_uint_eq(get16(packet_transport(&reply)), 7);
	ck_assert_uint_eq(get16(packet_transport(&reply) + 2), 20001);
	packet_echo(&probe, inside[_i], 64, 5);
	fakenet_ask(&probe, &reply);
	ck_assert_uint_eq(get16(packet_transport(&reply) + 4), 77);
	ck_assert_uint_eq(get16(packet_transport(&reply) + 6), 5);
	packet_tcp(&probe, inside[_i], 80, 2, 1000, 0, 0);
	fakenet_ask(&probe, &reply);
	ck_assert_uint_eq(packet_transport(&reply)[13], 0x12);
	ck_assert_uint_eq(get16(packet_transport(&reply) + 2), 50000);
	must_be_to(&reply, host[_i]);
	fakenet_demolish();
}
END_TEST

/* Sixty ports for a thousand: each one its own within sixty in a row. */
START_TEST(snat_port_range)
{
	struct packet probe, reply, quoted;

	build(SNAT, "port=1000-1059 quotes=translated");
	for (unsigned int port = 20000; port < 21000; port++) {
		packet_udp(&probe, inside[_i], 3, port, 4);
		fakenet_ask(&probe, &reply);
		packet_quoted(&reply, &quoted);
		ck_assert_uint_eq(get16(packet_transport(&quoted)), 1000 + port % 60);
	}
	fakenet_demolish();
}
END_TEST

/* ---- destination -------------------------------------------------------------------
 */

/*
 * As Linux does: the NAT and all behind it answer from the address that was asked, and
 * the quotes show it.
 */
START_TEST(dnat_as_linux)
{
	struct packet probe, reply;

	build(DNAT, "");
	for (enum kind kind = 0; kind < KINDS; kind++)
		for (uint8_t ttl = 1; ttl < 5 && !is_left_out(_i, kind); ttl++) {
			make(&probe, kind, outside[_i], ttl);
			fakenet_ask(&probe, &reply);
			must_be_from(&reply, ttl == 1 ? routers[0][_i] : outside[_i]);
			if (ttl < 4)
				must_be_icmp(&reply, 11, 0, 3, 0);
			if (ttl < 4 || kind == UDP || kind >= UDPLITE)
				must_quote(&reply, &probe, 1);
		}
	fakenet_demolish();
}
END_TEST

START_TEST(dnat_that_keeps_sources)
{
	struct packet probe, reply, expected;

	build(DNAT, "errors=kept quotes=translated");
	for (uint8_t ttl = 1; ttl < 5; ttl++) {
		make(&probe, UDP, outside[_i], ttl);
		fakenet_ask(&probe, &reply);
		must_be_from(&reply, ttl < 4 ? routers[ttl - 1][_i] : inside[_i]);
		expected = probe;
		if (ttl > 1)
			move(&expected, true, inside[_i], 0);
		must_quote(&reply, &expected, 1);
	}
	fakenet_demolish();
}
END_TEST

/* Only one port is forwarded; on the others the NAT itself answers. */
START_TEST(dnat_of_a_port)
{
	struct packet probe, reply;

	build(DNAT, "protocol=tcp,udp dst-port=80,7 port=8000-8099");
	packet_tcp(&probe, outside[_i], 80, 2, 1000, 0, 0);
	fakenet_ask(&probe, &reply);
	must_be_from(&reply, outside[_i]);
	ck_assert_uint_eq(packet_transport(&reply)[13], 0x12); /* 8080 is open */
	ck_assert_uint_eq(get16(packet_transport(&reply)), 80);
	ck_assert_uint_eq(*packet_ttl(&reply), 61);
	packet_tcp(&probe, outside[_i], 8080, 2, 1000, 0, 0);
	fakenet_ask(&probe, &reply);
	must_be_from(&reply, outside[_i]);
	ck_assert_uint_eq(packet_transport(&reply)[13], 0x14);
	ck_assert_uint_eq(*packet_ttl(&reply), 254);
	packet_udp(&probe, outside[_i], 64, 20000, 9);
	put16(packet_transport(&probe) + 2, 7);
	packet_seal(&probe);
	fakenet_ask(&probe, &reply);
	ck_assert_uint_eq(packet_protocol(&reply), IPPROTO_UDP);
	ck_assert_uint_eq(get16(packet_transport(&reply)), 7);
	fakenet_demolish();
}
END_TEST

/* A resolver in between answers what is meant for another one. */
START_TEST(dnat_of_what_is_not_its_own)
{
	struct packet probe, reply;

	build("rule a dnat=10.0.3.1 protocol=udp dst-port=40000 %s\n"
	      "rule a dnat=2001:db8:3::1 protocol=udp dst-port=40000 %s\n",
	    "");
	make(&probe, UDP, inside[_i], 64);
	fakenet_ask(&probe, &reply);
	must_be_from(&reply, inside[_i]);
	ck_assert_uint_eq(*packet_ttl(&reply), 253);
	must_quote(&reply, &probe, 62);
	/* Nothing has this address, and still. */
	make(&probe, UDP, _i == 0 ? "203.0.113.77" : "2001:db8:77::77", 64);
	fakenet_ask(&probe, &reply);
	must_be_from(&reply, _i == 0 ? "203.0.113.77" : "2001:db8:77::77");
	must_be_icmp(&reply, 3, 3, 1, 4);
	fakenet_demolish();
}
END_TEST

/* ---- several -----------------------------------------------------------------------
 */

/* Source and destination, at two routers and at one: the way back is the other way. */
START_TEST(nat_behind_nat)
{
	static const char *const nets[] = {
	    "rule a snat=203.0.113.5 port=40000-49999 %s\n"
	    "rule a snat=2001:db8:5::5 port=40000-49999 %s\n" DNAT,
	    "rule nat snat=203.0.113.5 port=40000-49999 %s\n"
	    "rule nat snat=2001:db8:5::5 port=40000-49999 %s\n" DNAT,
	    "rule a,b snat=203.0.113.5 port=40000-49999 %s\n"
	    "rule a,b snat=2001:db8:5::5 port=40000-49999 %s\n" DNAT,
	};
	struct packet probe, reply;
	char text[1024];

	for (size_t net = 0; net < COUNT_OF(nets); net++) {
		snprintf(text, sizeof(text), NET);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), nets[net],
		    "", "", "", "");
		fakenet_build(text);
		for (enum kind kind = 0; kind < KINDS; kind++)
			for (uint8_t ttl = 1; ttl < 5 && !is_left_out(_i, kind);
			     ttl++) {
				make(&probe, kind, outside[_i], ttl);
				fakenet_ask(&probe, &reply);
				must_be_from(
				    &reply, ttl == 1 ? routers[0][_i] : outside[_i]);
				must_be_to(&reply, host[_i]);
				if (ttl < 4)
					must_quote(&reply, &probe, 1);
			}
		fakenet_demolish();
	}
}
END_TEST

/* A balancer behind a NAT sees the flow as the NAT made it. */
START_TEST(flows_behind_a_nat)
{
	struct packet probe, reply;
	unsigned int seen = 0;

	fakenet_build("router nat 10.0.1.1 2001:db8:1::1\n"
		      "router b 10.0.2.1 2001:db8:2::1\n"
		      "router c[1-4] 10.0.3.[1-4] 2001:db8:3::[1-4]\n"
		      "target t 10.9.0.9 2001:db8:9::9\n"
		      "link host nat b c[1-4] t\n"
		      "rule nat snat=203.0.113.5 port=5000\n"
		      "rule nat snat=2001:db8:5::5 port=5000\n");
	for (unsigned int port = 20000; port < 20064; port++) {
		packet_udp(&probe, inside[_i], 3, port, 4);
		fakenet_ask(&probe, &reply);
		seen |= 1u << reply.bytes[_i == 0 ? 15 : 23];
	}
	ck_assert_uint_eq(seen & (seen - 1), 0); /* all are one flow there */
	fakenet_demolish();
}
END_TEST

/* A loop through a NAT: no more than so many translations, and no harm. */
START_TEST(nat_in_a_loop)
{
	struct packet probe, reply;

	build(SNAT "rule b to=a\n", "port=1024-65535");
	for (uint8_t ttl = 1; ttl < 60; ttl++) {
		make(&probe, UDP, inside[_i], ttl);
		fakenet_give(&probe, 0);
		if (fakenet.result != SIMULATOR_ANSWERED) {
			ck_assert_uint_eq(fakenet.result, SIMULATOR_LOST);
			ck_assert_uint_ge(ttl, 3 * NETWORK_NATS_MAX);
			continue;
		}
		ck_assert(fakenet_take(INT64_MAX - 1, &reply));
		must_be_from(&reply, routers[(ttl - 1) % 3][_i]);
		must_be_to(&reply, host[_i]);
		must_quote(&reply, &probe, 1);
	}
	fakenet_demolish();
}
END_TEST

/* ---- short quotes, extensions, fragments -------------------------------------------
 */

/* What is not quoted is not written: neither behind the quote nor into its padding. */
START_TEST(short_quotes)
{
	struct packet probe, reply, full, quoted;
	char words[32], text[1024];

	for (size_t labels = 0; labels < 2; labels++)
		for (size_t len = 0; len < 70; len++) {
			snprintf(words, sizeof(words), "quote=%zu quote6=%zu%s", len,
			    len, labels ? " mpls=5" : "");
			snprintf(text, sizeof(text), "defaults %s\n" NET SNAT, words,
			    "port=50000-59999", "port=50000-59999");
			fakenet_build(text);
			make(&probe, TCP, inside[_i], 3);
			fakenet_ask(&probe, &reply);
			full = probe;
			*packet_ttl(&full) = 1;
			packet_seal(&full);
			if (len == 0 && labels == 0) {
				ck_assert_uint_eq(reply.len, _i == 0 ? 28 : 48);
				fakenet_demolish();
				continue;
			}
			packet_quoted(&reply, &quoted);
			if (len > full.len)
				ck_assert_mem_eq(quoted.bytes, full.bytes, full.len);
			else if (len >= (_i == 0 ? 20 : 40) &&
				 len != (_i == 0 ? 37 : 57)) /* half a checksum */
				ck_assert_mem_eq(quoted.bytes, full.bytes, len);
			if (labels == 0)
				ck_assert_uint_eq(
				    quoted.len, len < full.len ? len : full.len);
			for (size_t at = len < full.len ? len : full.len;
			     labels != 0 && at < 128; at++)
				ck_assert_uint_eq(quoted.bytes[at], 0);
			fakenet_demolish();
		}
}
END_TEST

/* A datagram in two pieces is one at the target, and its answer comes home. */
START_TEST(fragments)
{
	struct packet whole, piece, reply;

	fakenet_build(NET "rule nat snat=203.0.113.5 port=50000-59999\n"
			  "rule nat dnat=10.9.0.9 dst=198.51.100.9 port=7\n");
	packet_udp(&whole, outside[0], 64, 20000, 100);
	piece = whole;
	piece.len = 20 + 64;
	put16(piece.bytes + 2, (unsigned int)piece.len);
	put16(piece.bytes + 6, 0x2000);
	put16(packet_transport(&piece) - 10, 0);
	packet_begin(&reply, outside[0], 64, 17, 0); /* for its header checksum only */
	put16(reply.bytes + 2, (unsigned int)piece.len);
	put16(reply.bytes + 6, 0x2000);
	packet_seal(&reply);
	memcpy(piece.bytes, reply.bytes, 20);
	fakenet_ask_nothing(&piece, SIMULATOR_FRAGMENT);
	piece.len = 20 + 44;
	memcpy(piece.bytes + 20, whole.bytes + 20 + 64, 44);
	packet_begin(&reply, outside[0], 64, 17, 0);
	put16(reply.bytes + 2, (unsigned int)piece.len);
	put16(reply.bytes + 6, 8);
	packet_seal(&reply);
	memcpy(piece.bytes, reply.bytes, 20);
	fakenet_ask(&piece, &reply);
	must_be_from(&reply, outside[0]);
	must_be_to(&reply, host[0]);
	ck_assert_uint_eq(packet_protocol(&reply), IPPROTO_UDP);
	ck_assert_uint_eq(get16(packet_transport(&reply)), 40000);
	ck_assert_uint_eq(get16(packet_transport(&reply) + 2), 20000);
	ck_assert_uint_eq(reply.len, whole.len);
	fakenet_demolish();
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {snat_restores, .loops = 2},
	    {snat_translated_quotes, .loops = 2},
	    {snat_checksum, .loops = 2},
	    {snat_answers, .loops = 2},
	    {snat_port_range, .loops = 2},
	    {dnat_as_linux, .loops = 2},
	    {dnat_that_keeps_sources, .loops = 2},
	    {dnat_of_a_port, .loops = 2},
	    {dnat_of_what_is_not_its_own, .loops = 2},
	    {nat_behind_nat, .loops = 2},
	    {flows_behind_a_nat, .loops = 2},
	    {nat_in_a_loop, .loops = 2},
	    {short_quotes, .loops = 2},
	    {fragments},
	};

	return test_main("nat", tests, COUNT_OF(tests));
}
