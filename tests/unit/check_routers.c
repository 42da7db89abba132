/*
 * tools/fakeroute: what a router is beyond one packet: token buckets and counters of
 * identifications, which aliases share; and how often and in which order replies come.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "tests/support/fakenet.h"

static const char *const targets[2] = {"198.51.100.9", "2001:db8:ffff::9"};

#define NET(options) \
	"router r[1-2] 10.0.1.[1-2] 2001:db8:1::[1-2] " options "\n" \
	"router s 10.0.1.3 2001:db8:1::3\n" \
	"target t 198.51.100.9 2001:db8:ffff::9 udp-open=7\n" \
	"link host r1 r2 s t\n"

/* ---- token buckets -----------------------------------------------------------------
 */

/* Gives a probe at a time; whether it was answered, or limited. */
static bool
answers(const struct packet *probe, int64_t now)
{
	struct packet reply;

	fakenet_give(probe, now);
	if (fakenet.result == SIMULATOR_LIMITED) {
		must(!fakenet_take_raw(INT64_MAX - 1, &reply));
		return false;
	}
	must_eq(fakenet.result, SIMULATOR_ANSWERED);
	must(fakenet_take_raw(INT64_MAX - 1, &reply));
	return true;
}

/* How many of so many probes are answered at one time. */
static unsigned int
count(const struct packet *probe, int64_t now, unsigned int probes)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < probes; i++)
		found += answers(probe, now);
	return found;
}

START_TEST(bucket)
{
	const int64_t begun = 1000 * NS_PER_SECOND, token = 100 * NS_PER_MS;
	struct packet probe, beyond;

	fakenet_build(NET("rate=10/s burst=4"));
	packet_udp(&probe, targets[_i], 1, 20000, 10);
	packet_udp(&beyond, targets[_i], 3, 20000, 10);
	ck_assert_uint_eq(count(&probe, begun, 10), 4); /* full at first */
	ck_assert_uint_eq(count(&probe, begun + token - 1, 5), 0);
	ck_assert_uint_eq(count(&probe, begun + token, 5), 1);
	ck_assert_uint_eq(count(&probe, begun + 3 * token, 5), 2);
	ck_assert_uint_eq(count(&beyond, begun + 3 * token, 5), 5); /* not its own */
	ck_assert_uint_eq(count(&probe, begun + 3 * token + 5 * token / 2, 5), 2);
	ck_assert_uint_eq(count(&probe, begun + 6 * token - 1, 5), 0);
	ck_assert_uint_eq(count(&probe, begun + 6 * token, 5), 1);
	/* No more than the burst, however long it waits. */
	ck_assert_uint_eq(count(&probe, begun + 3600 * NS_PER_SECOND, 10), 4);
	ck_assert_uint_eq(simulator_counts(fakenet.simulator)->replies, 19);
	fakenet_demolish();
}
END_TEST

/* In the long run, and with what comes while the bucket is empty, it is just the rate.
 */
START_TEST(rate_in_the_long_run)
{
	static const struct {
		const char *net;
		int64_t gap; /* ns between probes */
		unsigned int probes, least, most;
	} cases[] = {
	    {NET("rate=10/s"), NS_PER_MS, 10000, 100, 100},
	    {NET("rate=10/s burst=7"), NS_PER_MS, 10000, 106, 107},
	    {NET("rate=3/1s"), NS_PER_MS, 10000, 30, 30},
	    {NET("rate=1/250ms"), NS_PER_MS, 10000, 40, 40},
	    {NET("rate=1000000/s burst=1000"), 1, 10000, 1009, 1010},
	    {NET("rate=10/s"), 100 * NS_PER_MS, 100, 100, 100},
	    {NET("rate=10/s"), 99 * NS_PER_MS, 100, 50, 50}, /* each second one */
	    {NET("rate=none"), 0, 100, 100, 100},
	};
	struct packet probe;
	unsigned int found = 0;

	fakenet_build(cases[_i].net);
	packet_udp(&probe, targets[0], 1, 20000, 10);
	for (unsigned int i = 0; i < cases[_i].probes; i++)
		found += answers(&probe, i * cases[_i].gap);
	ck_assert_uint_ge(found, cases[_i].least);
	ck_assert_uint_le(found, cases[_i].most);
	fakenet_demolish();
}
END_TEST

/* Errors only, or all answers; one bucket for both families. */
START_TEST(what_is_limited)
{
	struct packet probe, echo;

	fakenet_build(NET("rate=1/s burst=2"));
	packet_udp(&probe, targets[_i], 1, 20000, 10);
	packet_echo(&echo, _i == 0 ? "10.0.1.1" : "2001:db8:1::1", 64, 1);
	ck_assert_uint_eq(count(&echo, 0, 5), 5);
	ck_assert_uint_eq(count(&probe, 0, 5), 2);
	ck_assert_uint_eq(count(&echo, 0, 5), 5);
	fakenet_demolish();
	fakenet_build(NET("rate=1/s burst=2 rate-of=all"));
	ck_assert_uint_eq(count(&echo, 0, 5), 2);
	ck_assert_uint_eq(count(&probe, 0, 5), 0);
	packet_udp(&probe, targets[1 - _i], 1, 20000, 10);
	ck_assert_uint_eq(count(&probe, 0, 5), 0);
	fakenet_demolish();
}
END_TEST

START_TEST(shared_bucket)
{
	struct packet first, second;

	packet_udp(&first, targets[_i], 1, 20000, 10);
	packet_udp(&second, targets[_i], 2, 20000, 10);
	fakenet_build(NET("rate=1/s burst=5 alias=one"));
	ck_assert_uint_eq(count(&first, 0, 3), 3);
	ck_assert_uint_eq(count(&second, 0, 3), 2);
	ck_assert_uint_eq(count(&first, 0, 3), 0);
	fakenet_demolish();
	fakenet_build(NET("rate=1/s burst=5"));
	ck_assert_uint_eq(count(&first, 0, 9), 5);
	ck_assert_uint_eq(count(&second, 0, 9), 5);
	fakenet_demolish();
}
END_TEST

/* ---- identifications ---------------------------------------------------------------
 */

/* The identification of the answer to a probe with a TTL. */
static unsigned int
identification(uint8_t ttl, int64_t now, const struct addr *dst)
{
	struct packet probe, reply;

	packet_udp(&probe, targets[0], ttl, 20000, 10);
	put16(probe.bytes + 4, 0x4711);
	if (dst != NULL)
		memcpy(probe.bytes + 16, dst->bytes, 4);
	packet_seal(&probe);
	fakenet_give(&probe, now);
	must(fakenet_take_raw(INT64_MAX - 1, &reply));
	return get16(reply.bytes + 4);
}

/* By model: how the identifications of two interfaces of one router go on. */
START_TEST(models)
{
	unsigned int a, b;

	fakenet_build(NET("alias=one"));
	a = identification(1, 0, NULL);
	for (unsigned int i = 1; i < 66000; i++)
		if (identification((uint8_t)(1 + i % 2), 0, NULL) != (uint16_t)(a + i))
			ck_abort_msg("the counter jumps after %u", i);
	fakenet_demolish();
	fakenet_build(NET("alias=one ip-id=interface"));
	a = identification(1, 0, NULL);
	b = identification(2, 0, NULL);
	ck_assert_uint_ne((uint16_t)(a + 1), b);
	for (unsigned int i = 1; i < 9; i++) {
		ck_assert_uint_eq(identification(1, 0, NULL), (uint16_t)(a + i));
		ck_assert_uint_eq(identification(2, 0, NULL), (uint16_t)(b + i));
	}
	fakenet_demolish();
	fakenet_build(NET("")); /* no aliases: nothing is shared */
	a = identification(1, 0, NULL);
	b = identification(2, 0, NULL);
	ck_assert_uint_ne((uint16_t)(a + 1), b);
	ck_assert_uint_eq(identification(1, 0, NULL), (uint16_t)(a + 1));
	fakenet_demolish();
	fakenet_build(NET("ip-id=zero"));
	for (int i = 0; i < 5; i++)
		ck_assert_uint_eq(identification(1, 0, NULL), 0);
	fakenet_demolish();
	fakenet_build(NET("ip-id=copy"));
	ck_assert_uint_eq(identification(1, 0, NULL), 0x4711);
	fakenet_demolish();
}
END_TEST

START_TEST(random_model)
{
	unsigned int high = 0, same = 0, last = 0, now;

	fakenet_build(NET("ip-id=random"));
	for (int i = 0; i < 1000; i++) {
		now = identification(1, 0, NULL);
		high += now >= 0x8000;
		same += now == last;
		last = now;
	}
	/* 500 +- 5 standard deviations of 16 */
	ck_assert_uint_ge(high, 420);
	ck_assert_uint_le(high, 580);
	ck_assert_uint_le(same, 3);
	fakenet_demolish();
}
END_TEST

/* Other packets, which are not simulated, use the counter too. */
START_TEST(velocity)
{
	unsigned int first;

	fakenet_build(NET("ip-id-rate=500/s alias=one"));
	first = identification(1, 7 * NS_PER_SECOND, NULL);
	ck_assert_uint_eq(
	    identification(2, 7 * NS_PER_SECOND, NULL), (uint16_t)(first + 1));
	ck_assert_uint_eq(
	    identification(1, 9 * NS_PER_SECOND, NULL), (uint16_t)(first + 2 + 1000));
	ck_assert_uint_eq(identification(2, 9 * NS_PER_SECOND + 2 * NS_PER_MS, NULL),
	    (uint16_t)(first + 3 + 1001));
	fakenet_demolish();
}
END_TEST

/* What is not sent takes no identification. */
START_TEST(limited_answers_are_not_counted)
{
	struct packet probe;
	unsigned int first;

	fakenet_build(NET("rate=1/s"));
	first = identification(1, 0, NULL);
	packet_udp(&probe, targets[0], 1, 20000, 10);
	ck_assert_uint_eq(count(&probe, 0, 20), 0);
	ck_assert_uint_eq(
	    identification(1, NS_PER_SECOND, NULL), (uint16_t)(first + 1));
	fakenet_demolish();
}
END_TEST

/* Over IPv6 only fragments have one: the same for all pieces of a packet. */
START_TEST(fragments_over_ipv6)
{
#define NARROW "host 192.0.2.2 2001:db8::2 mtu=1280\n"
	static const struct {
		const char *net;
		uint32_t step;
	} cases[] = {
	    {NARROW NET("alias=one"), 1}, {NARROW NET("alias=one ip-id=zero"), 0}};
	struct packet probe, piece;
	uint32_t id = 0, last = 0;

	fakenet_build(cases[_i].net);
	for (int i = 0; i < 4; i++) {
		packet_begin(&probe, i % 2 == 0 ? "2001:db8:1::1" : "2001:db8:1::2", 64,
		    IPPROTO_ICMPV6, 1400);
		packet_transport(&probe)[0] = 128;
		packet_seal(&probe);
		fakenet_give(&probe, 0);
		for (int pieces = 0; pieces < 2; pieces++) {
			ck_assert(fakenet_take_raw(INT64_MAX - 1, &piece));
			ck_assert_uint_eq(packet_protocol(&piece), IPPROTO_FRAGMENT);
			id = get32(piece.bytes + 44);
			if (pieces == 1)
				ck_assert_uint_eq(id, last);
			else if (i > 0)
				ck_assert_uint_eq(id, last + cases[_i].step);
			last = id;
		}
	}
	fakenet_demolish();
}
END_TEST

/* ---- TTLs of replies ----------------------------------------------------------------
 */

START_TEST(initial_ttls)
{
	static const struct {
		const char *net;
		unsigned int error, echo; /* of the second router */
	} cases[] = {
	    {NET(""), 254, 254},
	    {NET("reply-ttl=64"), 63, 63},
	    {NET("reply-ttl=128"), 127, 127},
	    {NET("reply-ttl=255,64"), 254, 63},
	    {NET("reply-ttl=1"), 1, 1},
	};
	struct packet probe, reply;

	for (int family = 0; family < 2; family++) {
		fakenet_build(cases[_i].net);
		packet_udp(&probe, targets[family], 2, 20000, 10);
		fakenet_ask(&probe, &reply);
		ck_assert_uint_eq(*packet_ttl(&reply), cases[_i].error);
		packet_echo(&probe, family == 0 ? "10.0.1.2" : "2001:db8:1::2", 64, 1);
		fakenet_ask(&probe, &reply);
		ck_assert_uint_eq(*packet_ttl(&reply), cases[_i].echo);
		fakenet_demolish();
	}
}
END_TEST

/* ---- how often, in which order ------------------------------------------------------
 */

START_TEST(copies)
{
	struct packet probe, reply, first;
	unsigned int found = 0;

	fakenet_build(NET("duplicates=100%,7"));
	packet_udp(&probe, targets[_i], 1, 20000, 10);
	fakenet_give(&probe, 0);
	ck_assert(fakenet_take(0, &first));
	for (; fakenet_take(0, &reply); found++)
		ck_assert_mem_eq(reply.bytes, first.bytes, first.len);
	ck_assert_uint_eq(found, 7);
	ck_assert_uint_eq(simulator_counts(fakenet.simulator)->duplicates, 7);
	fakenet_demolish();
}
END_TEST

static unsigned int
quoted_port(struct packet *reply)
{
	struct packet quoted;

	packet_quoted(reply, &quoted);
	return get16(packet_transport(&quoted));
}

/* Each reply that is held back comes after the next one, or late if none comes. */
START_TEST(reordered)
{
	struct packet probe, reply;

	fakenet_build(NET("reordered=100% rtt=1ms"));
	for (unsigned int port = 1; port <= 6; port++) {
		packet_udp(&probe, targets[_i], 1, port, 10);
		fakenet_give(&probe, port * NS_PER_MS);
	}
	for (unsigned int port = 1; port <= 6; port++) {
		ck_assert(fakenet_take(100 * NS_PER_MS, &reply));
		ck_assert_uint_eq(
		    quoted_port(&reply), port % 2 == 0 ? port - 1 : port + 1);
	}
	ck_assert_uint_eq(simulator_counts(fakenet.simulator)->reordered, 3);
	fakenet_give(&probe, 200 * NS_PER_MS);
	ck_assert(!fakenet_take(400 * NS_PER_MS, &reply));
	ck_assert(fakenet_take(401 * NS_PER_MS, &reply));
	/* The next one does not look for it. */
	fakenet_give(&probe, 500 * NS_PER_MS);
	ck_assert(fakenet_take(501 * NS_PER_MS, &reply));
	fakenet_demolish();
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {bucket, .loops = 2},
	    {rate_in_the_long_run, .loops = 8},
	    {what_is_limited, .loops = 2},
	    {shared_bucket, .loops = 2},
	    {models},
	    {random_model},
	    {velocity},
	    {limited_answers_are_not_counted},
	    {fragments_over_ipv6, .loops = 2},
	    {initial_ttls, .loops = 5},
	    {copies, .loops = 2},
	    {reordered, .loops = 2},
	};

	return test_main("routers", tests, COUNT_OF(tests));
}
