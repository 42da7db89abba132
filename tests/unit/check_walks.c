/*
 * tools/fakeroute: where packets go when the network is odd or changes: loops, TTLs
 * that are kept or go on as 0, routes by rule, routes that change; and whom answers
 * come from.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "tests/support/fakenet.h"

static const char *const targets[2] = {"198.51.100.9", "2001:db8:ffff::9"};

#define LINE(a, b, c) \
	"router r1 10.0.1.1 2001:db8:1::1 rtt=1ms " a "\n" \
	"router r2 10.0.2.1 2001:db8:2::1 rtt=2ms " b "\n" \
	"router r3 10.0.3.1 2001:db8:3::1 rtt=4ms " c "\n" \
	"target t 198.51.100.9 2001:db8:ffff::9 rtt=8ms udp-open=7 tcp-open=80\n" \
	"link host r1 r2 r3 t\n"

/* The number n of who answers from 10.0.n.1 or 2001:db8:n::1; 9 is the target. */
static unsigned int
who(const struct packet *reply)
{
	return reply->bytes[0] >> 4 == 4
		   ? (reply->bytes[12] == 10 ? reply->bytes[14] : 9u)
		   : (reply->bytes[12] == 0xff ? 9u : reply->bytes[13]);
}

/* Who answers a UDP probe with this TTL. */
static unsigned int
asked(int family, uint8_t ttl, unsigned int port, struct packet *reply)
{
	struct packet probe;

	packet_udp(&probe, targets[family], ttl, port, 10);
	fakenet_ask(&probe, reply);
	return who(reply);
}

static unsigned int
quoted_ttl(struct packet *reply)
{
	struct packet quoted;

	packet_quoted(reply, &quoted);
	return *packet_ttl(&quoted);
}

/* ---- TTLs --------------------------------------------------------------------------
 */

/* By TTL of the probe from 1 on: who answers, the quoted TTL, the TTL of the answer. */
static const struct {
	const char *net;
	struct {
		unsigned int who, quoted, ttl;
	} hops[6];
} ttls[] = {
    {LINE("", "", ""), {{1, 1, 255}, {2, 1, 254}, {3, 1, 253}, {9, 1, 61}, {9, 2, 61}}},
    /* The second router is not seen, and the third one says why. */
    {LINE("", "ttl=zero", ""),
	{{1, 1, 255}, {3, 0, 253}, {3, 1, 253}, {9, 1, 61}, {9, 2, 61}}},
    {LINE("", "", "ttl=zero"),
	{{1, 1, 255}, {2, 1, 254}, {9, 0, 61}, {9, 1, 61}, {9, 2, 61}}},
    /* What comes with 0 has expired there as well. */
    {LINE("ttl=zero", "ttl=zero", ""),
	{{2, 0, 254}, {3, 0, 253}, {3, 1, 253}, {9, 1, 61}, {9, 2, 61}}},
    /* A tunnel: shorter there and back. */
    {LINE("", "ttl=keep", ""),
	{{1, 1, 255}, {3, 1, 254}, {9, 1, 62}, {9, 2, 62}, {9, 3, 62}}},
    {LINE("ttl=keep", "ttl=keep", "ttl=keep"), {{9, 1, 64}, {9, 2, 64}, {9, 3, 64}}},
    {LINE("ttl=zero", "ttl=keep", ""), {{3, 0, 254}, {3, 1, 254}, {9, 1, 62}}},
};

START_TEST(unusual_ttls)
{
	struct packet reply;

	fakenet_build(ttls[_i].net);
	for (int family = 0; family < 2; family++)
		for (uint8_t ttl = 1; ttl <= 6 && ttls[_i].hops[ttl - 1].who != 0;
		     ttl++) {
			ck_assert_uint_eq(asked(family, ttl, 20000, &reply),
			    ttls[_i].hops[ttl - 1].who);
			ck_assert_uint_eq(
			    quoted_ttl(&reply), ttls[_i].hops[ttl - 1].quoted);
			ck_assert_uint_eq(
			    *packet_ttl(&reply), ttls[_i].hops[ttl - 1].ttl);
		}
	fakenet_demolish();
}
END_TEST

/* As many nodes as a walk may have, all of which keep the TTL: the packet gets lost. */
START_TEST(too_far)
{
	struct packet probe;

	fakenet_build("router a 10.0.1.1 2001:db8:1::1 ttl=keep\n"
		      "router b 10.0.2.1 2001:db8:2::1 ttl=keep\n"
		      "target t 198.51.100.9 2001:db8:ffff::9\n"
		      "link host a b t\n"
		      "rule b to=a\n");
	packet_udp(&probe, targets[_i], 64, 20000, 10);
	fakenet_ask_nothing(&probe, SIMULATOR_LOST);
	ck_assert_uint_eq(fakenet.hops, NETWORK_WALK_MAX);
	fakenet_demolish();
}
END_TEST

/* ---- loops and routes by rule ------------------------------------------------------
 */

START_TEST(loop)
{
	struct packet probe, reply;
	int64_t rtt;

	fakenet_build(LINE("", "", "") "rule r3 to=r2 protocol=udp\n");
	for (unsigned int ttl = 1; ttl < 255; ttl++) {
		packet_udp(&probe, targets[_i], (uint8_t)ttl, 20000, 10);
		fakenet_give(&probe, 0);
		/* Half of the way there, in a loop, is not walked back. */
		rtt = ttl == 1 ? 1 : ttl == 2 ? 3 : 7;
		for (unsigned int hop = 4; hop <= ttl; hop++)
			rtt += hop % 2 == 0 ? 1 : 2;
		if (ttl > 3 && ttl % 2 == 0)
			rtt -= 2; /* r3 was the last but one time walked one way */
		ck_assert_int_eq(replyqueue_due(simulator_replies(fakenet.simulator)),
		    rtt * NS_PER_MS);
		ck_assert(fakenet_take(INT64_MAX - 1, &reply));
		ck_assert_uint_eq(who(&reply), ttl == 1 ? 1 : 2 + ttl % 2);
		ck_assert_uint_eq(*packet_ttl(&reply), ttl == 1       ? 255
						       : ttl % 2 == 0 ? 254
								      : 253);
	}
	packet_echo(&probe, targets[_i], 4, 1); /* no UDP: no loop */
	fakenet_ask(&probe, &reply);
	ck_assert_uint_eq(who(&reply), 9);
	fakenet_demolish();
}
END_TEST

/* TCP goes another way than the rest, which no link of the file leads. */
START_TEST(a_way_of_its_own)
{
	struct packet probe, reply;

	fakenet_build(LINE("", "", "") "router r4 10.0.4.1 2001:db8:4::1\n"
				       "link r4 t\n"
				       "rule r1 to=r4 protocol=tcp dst-port=80\n");
	for (unsigned int port = 80; port < 82; port++) {
		packet_tcp(&probe, targets[_i], port, 2, 1, 0, 0);
		*packet_ttl(&probe) = 2;
		packet_seal(&probe);
		fakenet_ask(&probe, &reply);
		ck_assert_uint_eq(who(&reply), port == 80 ? 4 : 2);
	}
	ck_assert_uint_eq(asked(_i, 2, 20000, &reply), 2);
	packet_tcp(&probe, targets[_i], 80, 2, 1, 0, 0);
	fakenet_ask(&probe, &reply);
	ck_assert_uint_eq(*packet_ttl(&reply), 62);
	fakenet_demolish();
}
END_TEST

/* Two routers pass what nobody has to each other. */
START_TEST(unknown_addresses_in_a_loop)
{
	struct packet probe, reply;
	const char *nowhere = _i == 0 ? "203.0.113.1" : "2001:db8:77::1";

	fakenet_build(LINE("", "", "") "rule r1 to=r2 dst=203.0.113.0/24\n"
				       "rule r2 to=r1 dst=203.0.113.0/24\n"
				       "rule r1 to=r2 dst=2001:db8:77::/48\n"
				       "rule r2 to=r1 dst=2001:db8:77::/48\n");
	for (uint8_t ttl = 1; ttl < 9; ttl++) {
		packet_udp(&probe, nowhere, ttl, 20000, 10);
		fakenet_ask(&probe, &reply);
		ck_assert_uint_eq(who(&reply), 2 - ttl % 2u);
		must_be_icmp(&reply, 11, 0, 3, 0);
	}
	ck_assert_uint_eq(asked(_i, 3, 20000, &reply), 3);
	fakenet_demolish();
}
END_TEST

/* ---- changes -----------------------------------------------------------------------
 */

#define TWO_WAYS(a, b) \
	"router r1 10.0.1.1 2001:db8:1::1\n" \
	"router r2 10.0.2.1 2001:db8:2::1\n" \
	"router r3 10.0.3.1 2001:db8:3::1\n" \
	"target t 198.51.100.9 2001:db8:ffff::9\n" \
	"link host r1\n" \
	"link r1 r2 t " a "\n" \
	"link r1 r3 t " b "\n"

START_TEST(change_after_packets)
{
	struct packet reply;

	fakenet_build(TWO_WAYS("until=5packets", "since=5packets"));
	for (unsigned int i = 0; i < 10; i++)
		ck_assert_uint_eq(asked(_i, 2, 20000 + i, &reply), i < 5 ? 2 : 3);
	fakenet_demolish();
}
END_TEST

/* From two ways to one, to none. */
START_TEST(change_after_time)
{
	static const struct {
		int64_t ms;
		unsigned int ways; /* 1 << who */
	} times[] = {{0, 1 << 2 | 1 << 3}, {999, 1 << 2 | 1 << 3}, {1000, 1 << 3},
	    {1999, 1 << 3}, {2000, 1 << 1}, {1000000, 1 << 1}};
	const int64_t begun = 77 * NS_PER_SECOND;
	struct packet probe, reply;

	fakenet_build(TWO_WAYS("until=1s", "until=2s"));
	for (size_t i = 0; i < COUNT_OF(times); i++) {
		unsigned int seen = 0;

		for (unsigned int port = 20000; port < 20064; port++) {
			packet_udp(&probe, targets[_i], 2, port, 10);
			fakenet_give(&probe, begun + times[i].ms * NS_PER_MS);
			ck_assert(fakenet_take(INT64_MAX - 1, &reply));
			seen |= 1u << who(&reply);
		}
		ck_assert_uint_eq(seen, times[i].ways);
	}
	must_be_icmp(&reply, 3, 0, 1, 0); /* no route */
	fakenet_demolish();
}
END_TEST

/* A router comes between two others, who stand the other way round later. */
START_TEST(turned_round)
{
	struct packet reply;

	fakenet_build("router r1 10.0.1.1 2001:db8:1::1\n"
		      "router r2 10.0.2.1 2001:db8:2::1\n"
		      "target t 198.51.100.9 2001:db8:ffff::9\n"
		      "link host r1 r2 t until=2packets\n"
		      "link host r2 r1 t since=2packets\n");
	ck_assert_uint_eq(asked(_i, 1, 20000, &reply), 1);
	ck_assert_uint_eq(asked(_i, 2, 20000, &reply), 2);
	ck_assert_uint_eq(asked(_i, 1, 20000, &reply), 2);
	ck_assert_uint_eq(asked(_i, 2, 20000, &reply), 1);
	ck_assert_uint_eq(asked(_i, 3, 20000, &reply), 9);
	fakenet_demolish();
}
END_TEST

/* A loop that is there for a while. */
START_TEST(passing_loop)
{
	struct packet reply;

	fakenet_build(LINE("", "", "") "rule r2 to=r1 since=2packets until=4packets\n");
	for (unsigned int i = 0; i < 6; i++)
		ck_assert_uint_eq(
		    asked(_i, 3, 20000, &reply), i == 2 || i == 3 ? 1 : 3);
	fakenet_demolish();
}
END_TEST

/* ---- whom answers come from
 * ---------------------------------------------------------- */

START_TEST(other_addresses)
{
	static const char *const errors[2] = {"10.7.7.7", "2001:db8:7::7"};
	static const char *const answers[2] = {"10.8.8.8", "2001:db8:8::8"};
	struct packet probe, reply;

	fakenet_build("router r 10.0.1.1 2001:db8:1::1 "
		      "errors-from=10.7.7.7,2001:db8:7::7\n"
		      "target t 198.51.100.9 2001:db8:ffff::9 udp-open=7 tcp-open=80 "
		      "answers-from=2001:db8:8::8,10.8.8.8\n"
		      "target u 198.51.100.10 2001:db8:ffff::10 "
		      "errors-from=10.7.7.7,2001:db8:7::7\n"
		      "target v 198.51.100.11 2001:db8:ffff::11 errors-from=10.7.7.7\n"
		      "link host r t,u,v\n");
	packet_udp(&probe, targets[_i], 1, 20000, 10);
	fakenet_ask(&probe, &reply);
	must_be_from(&reply, errors[_i]);
	packet_echo(&probe, _i == 0 ? "10.0.1.1" : "2001:db8:1::1", 64, 1);
	fakenet_ask(&probe, &reply);
	must_be_from(&reply, _i == 0 ? "10.0.1.1" : "2001:db8:1::1");
	/* Errors of a destination are from itself, unless said otherwise. */
	packet_udp(&probe, targets[_i], 64, 20000, 10);
	fakenet_ask(&probe, &reply);
	must_be_from(&reply, targets[_i]);
	packet_udp(
	    &probe, _i == 0 ? "198.51.100.10" : "2001:db8:ffff::10", 64, 20000, 10);
	fakenet_ask(&probe, &reply);
	must_be_from(&reply, errors[_i]);
	packet_udp(
	    &probe, _i == 0 ? "198.51.100.11" : "2001:db8:ffff::11", 64, 20000, 10);
	fakenet_ask(&probe, &reply);
	must_be_from(&reply, _i == 0 ? errors[0] : "2001:db8:ffff::11");
	/* Everything else is an answer. */
	packet_echo(&probe, targets[_i], 64, 1);
	fakenet_ask(&probe, &reply);
	must_be_from(&reply, answers[_i]);
	packet_tcp(&probe, targets[_i], 80, 2, 1, 0, 0);
	fakenet_ask(&probe, &reply);
	must_be_from(&reply, answers[_i]);
	packet_udp(&probe, targets[_i], 64, 20000, 10);
	put16(packet_transport(&probe) + 2, 7);
	packet_seal(&probe);
	fakenet_ask(&probe, &reply);
	ck_assert_uint_eq(packet_protocol(&reply), IPPROTO_UDP);
	must_be_from(&reply, answers[_i]);
	fakenet_demolish();
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {unusual_ttls, .loops = COUNT_OF(ttls)},
	    {too_far, .loops = 2},
	    {loop, .loops = 2},
	    {a_way_of_its_own, .loops = 2},
	    {unknown_addresses_in_a_loop, .loops = 2},
	    {change_after_packets, .loops = 2},
	    {change_after_time, .loops = 2},
	    {turned_round, .loops = 2},
	    {passing_loop, .loops = 2},
	    {other_addresses, .loops = 2},
	};

	return test_main("walks", tests, COUNT_OF(tests));
}
