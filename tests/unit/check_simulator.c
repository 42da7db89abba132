/*
 * tools/fakeroute: the network without sockets. Walks, balancing, chance, hostile
 * packets, and the parts below the simulator.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/checksum.h"
#include "common/clock.h"
#include "tests/support/fakenet.h"

#define LINE \
	"router r[1-3] 10.0.[1-3].1 2001:db8:[1-3]::1 rtt=[1-3]ms\n" \
	"target t 198.51.100.9 2001:db8:ffff::9 rtt=4ms tcp-open=80 udp-open=7\n" \
	"link host r1 r2 r3 t\n"

static const char *const targets[2] = {"198.51.100.9", "2001:db8:ffff::9"};

START_TEST(each_hop)
{
	static const char *const hops[2][5] = {
	    {"10.0.1.1", "10.0.2.1", "10.0.3.1", "198.51.100.9", "198.51.100.9"},
	    {"2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::1", "2001:db8:ffff::9",
		"2001:db8:ffff::9"}};
	static const int64_t times[5] = {1, 3, 6, 10, 10};
	struct packet probe, reply;

	fakenet_build(LINE);
	for (uint8_t ttl = 1; ttl <= 5; ttl++) {
		packet_udp(&probe, targets[_i], ttl, 20000, 10);
		fakenet_give(&probe, 7);
		ck_assert_int_eq(replyqueue_due(simulator_replies(fakenet.simulator)),
		    7 + times[ttl - 1] * NS_PER_MS);
		ck_assert(!fakenet_take(6 + times[ttl - 1] * NS_PER_MS, &reply));
		ck_assert(fakenet_take(7 + times[ttl - 1] * NS_PER_MS, &reply));
		must_be_from(&reply, hops[_i][ttl - 1]);
		ck_assert_uint_eq(packet_transport(&reply)[0],
		    ttl < 4 ? (_i == 0 ? 11 : 3) : (_i == 0 ? 3 : 1));
		ck_assert_uint_eq(
		    reply.bytes[_i == 0 ? 8 : 7], ttl < 4 ? 256 - ttl : 61);
		/* As it arrived there: with the TTL that was left. */
		ck_assert_uint_eq(
		    packet_transport(&reply)[8 + (_i == 0 ? 8 : 7)], ttl < 5 ? 1 : 2);
	}
	ck_assert_uint_eq(fakenet.hops, 4);
	fakenet_demolish();
}
END_TEST

START_TEST(echo)
{
	struct packet probe, reply;
	uint8_t *icmp;

	fakenet_build(LINE);
	packet_echo(&probe, targets[_i], 64, 9);
	fakenet_ask(&probe, &reply);
	ck_assert_uint_eq(packet_transport(&reply)[0], _i == 0 ? 0 : 129);
	ck_assert_mem_eq(
	    packet_transport(&reply) + 4, packet_transport(&probe) + 4, 12);
	/* An echo reply, and an error, are no questions. */
	icmp = packet_transport(&probe);
	*icmp = _i == 0 ? 0 : 129;
	packet_seal(&probe);
	fakenet_ask_nothing(&probe, _i == 0 ? SIMULATOR_IGNORED : SIMULATOR_SILENT);
	*icmp = 3;
	probe.bytes[_i == 0 ? 8 : 7] = 1;
	packet_seal(&probe);
	fakenet_ask_nothing(&probe, SIMULATOR_IGNORED);
	fakenet_demolish();
}
END_TEST

START_TEST(checksums)
{
	struct packet probe, reply;

	fakenet_build(LINE);
	packet_udp(&probe, targets[_i], 64, 20000, 10);
	packet_transport(&probe)[12] ^= 1;
	fakenet_ask_nothing(&probe, SIMULATOR_DROPPED);
	ck_assert_uint_eq(simulator_counts(fakenet.simulator)->bad_checksum, 1);
	/* A router does not look at it. */
	probe.bytes[_i == 0 ? 8 : 7] = 2;
	if (_i == 0) {
		fakenet_ask_nothing(&probe, SIMULATOR_DROPPED);
		ck_assert_uint_eq(
		    simulator_counts(fakenet.simulator)->bad_header_checksum, 1);
		put16(probe.bytes + 10, 0);
		put16(probe.bytes + 10,
		    checksum_finish(checksum_add(0, probe.bytes, 20)));
	}
	fakenet_ask(&probe, &reply);
	ck_assert_uint_eq(
	    simulator_counts(fakenet.simulator)->bad_checksum, _i == 0 ? 3 : 2);
	/* No checksum is fine over IPv4 only. */
	packet_udp(&probe, targets[_i], 64, 20000, 10);
	put16(packet_transport(&probe) + 6, 0);
	if (_i == 0)
		fakenet_ask(&probe, &reply);
	else
		fakenet_ask_nothing(&probe, SIMULATOR_DROPPED);
	fakenet_demolish();
}
END_TEST

START_TEST(udp_echo_and_unknown_protocol)
{
	struct packet probe, reply;

	fakenet_build(LINE);
	packet_udp(&probe, targets[_i], 64, 20000, 11);
	put16(packet_transport(&probe) + 2, 7);
	packet_seal(&probe);
	fakenet_ask(&probe, &reply);
	ck_assert_uint_eq(get16(packet_transport(&reply)), 7);
	ck_assert_uint_eq(get16(packet_transport(&reply) + 2), 20000);
	ck_assert_mem_eq(packet_transport(&reply) + 8, "xxxxxxxxxxx", 11);
	packet_begin(&probe, targets[_i], 64, 253, 16);
	packet_seal(&probe);
	fakenet_ask(&probe, &reply);
	ck_assert_uint_eq(packet_transport(&reply)[0], _i == 0 ? 3 : 4);
	ck_assert_uint_eq(packet_transport(&reply)[1], _i == 0 ? 2 : 1);
	fakenet_demolish();
}
END_TEST

/* As UDP, with a checksum over as much as it says (RFC 3828). */
START_TEST(udplite)
{
	static const struct {
		unsigned int coverage;
		bool good;
	} cases[] = {{0, true}, {8, true}, {9, true}, {18, true}, {19, false},
	    {1, false}, {7, false}, {65535, false}};
	struct packet probe = {.len = 0}, reply;

	fakenet_build(LINE);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		packet_udp(&probe, targets[_i], 64, 20000, 10);
		probe.bytes[_i == 0 ? 9 : 6] = IPPROTO_UDPLITE;
		if (cases[i].good)
			put16(packet_transport(&probe) + 4, cases[i].coverage);
		packet_seal(&probe);
		put16(packet_transport(&probe) + 4, cases[i].coverage);
		if (!cases[i].good) {
			fakenet_ask_nothing(&probe, SIMULATOR_DROPPED);
			continue;
		}
		fakenet_ask(&probe, &reply);
		must_be_icmp(&reply, 3, 3, 1, 4);
		put16(packet_transport(&probe) + 2, 7);
		packet_seal(&probe);
		/* A byte that is not covered may change, one that is may not. */
		if (cases[i].coverage != 0 && cases[i].coverage < 18)
			packet_transport(&probe)[17] ^= 1;
		fakenet_ask(&probe, &reply);
		ck_assert_uint_eq(packet_protocol(&reply), IPPROTO_UDPLITE);
		ck_assert_uint_eq(get16(packet_transport(&reply)), 7);
		ck_assert_mem_eq(
		    packet_transport(&reply) + 8, packet_transport(&probe) + 8, 10);
		packet_transport(&probe)[1] ^= 1;
		fakenet_ask_nothing(&probe, SIMULATOR_DROPPED);
		*packet_ttl(&probe) = 1;
		packet_seal(&probe);
		fakenet_ask(&probe, &reply);
		must_be_icmp(&reply, 11, 0, 3, 0);
	}
	*packet_ttl(&probe) = 64;
	put16(packet_transport(&probe) + 4, 0);
	packet_seal(&probe);
	put16(packet_transport(&probe) + 6, 0); /* there must be a checksum */
	fakenet_ask_nothing(&probe, SIMULATOR_DROPPED);
	fakenet_demolish();
}
END_TEST

/* Sends many flows; counts[i] is how many came to 10.0.2.i. */
static void
spread(unsigned int flows, unsigned int counts[5])
{
	struct packet probe, reply;

	memset(counts, 0, 5 * sizeof(*counts));
	for (unsigned int i = 0; i < flows; i++) {
		packet_udp(&probe, targets[0], 2, 20000 + i, 4);
		fakenet_ask(&probe, &reply);
		ck_assert_uint_lt(reply.bytes[15], 5);
		counts[reply.bytes[15]]++;
	}
}

#define FAN \
	"router b[1-4] 10.0.2.[1-4]\n" \
	"target t 198.51.100.9\n" \
	"link host a b1,b2*2,b3,b4*4 t\n"

START_TEST(weights)
{
	static const char *const balancers[] = {
	    "router a 10.0.1.1\n" FAN, "router a 10.0.1.1 balance=per-packet\n" FAN};
	unsigned int counts[5], again[5];

	fakenet_build(balancers[_i]);
	spread(8000, counts);
	/* 4 standard deviations, rounded up. */
	ck_assert_uint_le((unsigned int)abs((int)counts[1] - 1000), 120);
	ck_assert_uint_le((unsigned int)abs((int)counts[2] - 2000), 156);
	ck_assert_uint_le((unsigned int)abs((int)counts[3] - 1000), 120);
	ck_assert_uint_le((unsigned int)abs((int)counts[4] - 4000), 180);
	spread(8000, again);
	ck_assert_int_eq(memcmp(counts, again, sizeof(counts)) == 0, _i == 0);
	fakenet_demolish();
}
END_TEST

START_TEST(per_destination)
{
	struct packet probe, reply;
	unsigned int counts[5] = {0}, first;
	char dst[32];

	fakenet_build("router a 10.0.1.1 balance=per-destination\n"
		      "router b[1-4] 10.0.2.[1-4]\n"
		      "target t 198.51.100.0/24\n"
		      "link host a b[1-4] t\n");
	for (unsigned int i = 1; i < 200; i++) {
		snprintf(dst, sizeof(dst), "198.51.100.%u", i);
		packet_udp(&probe, dst, 2, 20000 + i, 4);
		fakenet_ask(&probe, &reply);
		first = reply.bytes[15];
		counts[first]++;
		packet_udp(&probe, dst, 2, 30000 + i, 4);
		fakenet_ask(&probe, &reply);
		ck_assert_uint_eq(reply.bytes[15], first);
	}
	for (size_t i = 1; i < 5; i++)
		ck_assert_uint_ge(counts[i], 20);
	/* The answer of a prefix comes from the address that was asked. */
	packet_udp(&probe, "198.51.100.77", 9, 20000, 4);
	fakenet_ask(&probe, &reply);
	must_be_from(&reply, "198.51.100.77");
	fakenet_demolish();
}
END_TEST

/* What one field does to a packet. */
static void
vary(struct packet *p, const char *field, unsigned int value)
{
	bool v4 = p->bytes[0] >> 4 == 4;

	if (strcmp(field, "src-port") == 0)
		put16(packet_transport(p), value);
	else if (strcmp(field, "dst-port") == 0)
		put16(packet_transport(p) + 2, value);
	else if (strcmp(field, "icmp-checksum") == 0)
		put16(packet_transport(p) + 6, value); /* the sequence number */
	else if (strcmp(field, "icmp-type") == 0)
		packet_transport(p)[1] = (uint8_t)value; /* the code */
	else if (strcmp(field, "tos") == 0 && v4)
		p->bytes[1] = (uint8_t)value;
	else if (strcmp(field, "tos") == 0)
		put16(p->bytes, 0x6000 | (value & 0xff) << 4);
	else if (strcmp(field, "flow-label") == 0 && !v4)
		put16(p->bytes + 2, value);
	else if (strcmp(field, "src") == 0)
		p->bytes[v4 ? 15 : 23] = (uint8_t)value;
	else if (strcmp(field, "dst") == 0)
		p->bytes[v4 ? 19 : 39] = (uint8_t)value;
}

/*
 * A field that a balancer hashes moves packets among all its ways; one that it does not
 * hash moves none. The checksum of ICMP follows from what else changes.
 */
static const struct {
	const char *hash;    /* the option, or "" */
	const char *field;   /* that varies */
	bool echo, moves[2]; /* over IPv4, over IPv6 */
} hashes[] = {
    {"hash=src-port", "src-port", false, {true, true}},
    {"hash=src-port", "dst-port", false, {false, false}},
    {"hash=dst-port", "dst-port", false, {true, true}},
    {"hash=ports", "src-port", false, {true, true}},
    {"hash=ports", "tos", false, {false, false}},
    {"hash=addresses", "src-port", false, {false, false}},
    {"hash=addresses", "src", false, {true, true}},
    {"hash=addresses", "dst", false, {true, true}},
    {"hash=src", "dst", false, {false, false}},
    {"hash=dst", "dst", true, {true, true}},
    {"hash=tos", "tos", false, {true, true}},
    {"hash=tos", "src-port", false, {false, false}},
    {"hash=flow-label", "flow-label", false, {false, true}},
    {"hash=flow-label", "src-port", false, {false, false}},
    {"hash=icmp-checksum", "icmp-checksum", true, {true, true}},
    {"hash=icmp-type", "icmp-type", true, {true, true}},
    {"hash=icmp-type", "icmp-checksum", true, {false, false}},
    {"hash=protocol", "src-port", false, {false, false}},
    {"balance=per-destination", "src-port", false, {false, false}},
    {"balance=per-destination", "dst", false, {true, true}},
    {"", "src-port", false, {true, true}},
    {"", "tos", false, {false, false}},
    {"", "icmp-checksum", true, {true, true}},
    {"", "flow-label", false, {false, true}},
    {"flow-label=off", "flow-label", false, {false, false}},
    {"hash=ports flow-label=on", "flow-label", false, {false, true}},
};

START_TEST(hashed_fields)
{
	char text[512];
	struct packet probe, reply;

	snprintf(text, sizeof(text),
	    "router a 10.0.1.1 2001:db8:1::1 %s\n"
	    "router b[1-4] 10.0.2.[1-4] 2001:db8:2::[1-4]\n"
	    "target t 198.51.100.0/24 2001:db8:ffff::/64\n"
	    "link host a b[1-4] t\n",
	    hashes[_i].hash);
	fakenet_build(text);
	for (int family = 0; family < 2; family++) {
		unsigned int seen = 0;

		for (unsigned int value = 1; value < 120; value++) {
			if (hashes[_i].echo)
				packet_echo(&probe, targets[family], 2, 7);
			else
				packet_udp(&probe, targets[family], 2, 20000, 8);
			vary(&probe, hashes[_i].field, value);
			packet_seal(&probe);
			fakenet_ask(&probe, &reply);
			seen |= 1u << reply.bytes[family == 0 ? 15 : 23];
		}
		if (hashes[_i].moves[family])
			ck_assert_uint_eq(seen, 0x1e);
		else
			ck_assert_uint_eq(seen & (seen - 1), 0);
	}
	fakenet_demolish();
}
END_TEST

/* Balancers in series must not choose alike: all eight pairs, evenly. */
START_TEST(no_polarisation)
{
	struct packet probe, reply;
	unsigned int pairs[3][3] = {{0}}, second;

	fakenet_build(
	    "router a 10.0.1.1\nrouter b[1-2] 10.0.2.[1-2]\nrouter c 10.0.3.1\n"
	    "router d[1-2] 10.0.4.[1-2]\ntarget t 198.51.100.9\n"
	    "link host a b[1-2] c d[1-2] t\n");
	for (unsigned int i = 0; i < 4000; i++) {
		packet_udp(&probe, targets[0], 2, 20000 + i, 4);
		fakenet_ask(&probe, &reply);
		second = reply.bytes[15];
		packet_udp(&probe, targets[0], 4, 20000 + i, 4);
		fakenet_ask(&probe, &reply);
		pairs[second][reply.bytes[15]]++;
	}
	for (size_t i = 1; i < 3; i++)
		for (size_t j = 1; j < 3; j++)
			ck_assert_uint_le(
			    (unsigned int)abs((int)pairs[i][j] - 1000), 120);
	fakenet_demolish();
}
END_TEST

START_TEST(labels_and_short_quotes)
{
	struct packet probe, reply;
	const uint8_t *extension;

	fakenet_build(
	    "router r[1-2] 10.0.[1-2].1 2001:db8:[1-2]::1 mpls=5:6:7,9 quote=28\n"
	    "target t 198.51.100.9 2001:db8:ffff::9\n"
	    "link host r1 r2 t\n");
	for (size_t payload = 0; payload < 1200; payload += 7) {
		packet_udp(&probe, targets[_i], 1, 20000, payload);
		fakenet_ask(&probe, &reply);
		ck_assert_uint_le(reply.len, _i == 0 ? 576 : 1280);
		extension = packet_transport(&reply) + 8 +
			    (_i == 0 ? packet_transport(&reply)[5] * 4
				     : packet_transport(&reply)[4] * 8);
		if (_i == 0)
			ck_assert_uint_eq(packet_transport(&reply)[5], 32);
		ck_assert_ptr_eq(extension + 16, reply.bytes + reply.len);
		ck_assert_uint_eq(checksum_finish(checksum_add(0, extension, 16)), 0);
		ck_assert_mem_eq(extension + 4, "\0\x0c\1\1\0\0\x5c\7\0\0\x91\1", 12);
	}
	fakenet_demolish();
}
END_TEST

START_TEST(chance)
{
	struct packet probe, reply;
	unsigned int replies = 0;

	fakenet_build("router a 10.0.1.1 loss=20% duplicates=30% late=10%,300ms\n"
		      "target t 198.51.100.9\n"
		      "link host a t loss=50%\n");
	packet_udp(&probe, targets[0], 1, 20000, 4);
	for (int i = 0; i < 10000; i++)
		fakenet_give(&probe, 0);
	while (fakenet_take(0, &reply))
		replies++;
	ck_assert(!fakenet_take(299 * NS_PER_MS, &reply));
	while (fakenet_take(300 * NS_PER_MS, &reply))
		replies++;
	/* a quarter comes over the link there and back, four fifths of that are sent */
	ck_assert_uint_eq(
	    simulator_counts(fakenet.simulator)->replies +
		simulator_counts(fakenet.simulator)->results[SIMULATOR_LOST],
	    10000);
	ck_assert_int_le(
	    abs((int)simulator_counts(fakenet.simulator)->replies - 2000), 160);
	ck_assert_uint_eq(replies, simulator_counts(fakenet.simulator)->replies +
				       simulator_counts(fakenet.simulator)->duplicates);
	ck_assert_int_le(
	    abs((int)simulator_counts(fakenet.simulator)->duplicates - 600), 110);
	ck_assert_int_le(abs((int)simulator_counts(fakenet.simulator)->late - 260), 70);
	fakenet_demolish();
}
END_TEST

/* Every packet cut at every byte, and with every byte changed: no fault, no loop. */
START_TEST(hostile)
{
	struct packet good[4], bad, reply;

	fakenet_build(LINE);
	packet_udp(&good[0], targets[_i], 2, 20000, 20);
	packet_echo(&good[1], targets[_i], 64, 3);
	packet_tcp(&good[2], targets[_i], 80, 2, 5, 6, 0);
	packet_begin(&good[3], targets[_i], 64, _i == 0 ? 17 : 44, 24); /* fragments */
	if (_i == 0)
		put16(good[3].bytes + 6, 0x2001);
	else
		memcpy(packet_transport(&good[3]), "\x11\0\0\x01\0\0\0\x05", 8);
	if (_i == 0)
		put16(good[3].bytes + 10,
		    checksum_finish(checksum_add(0, good[3].bytes, 20)));
	for (size_t kind = 0; kind < 4; kind++) {
		for (size_t len = 0; len <= good[kind].len; len++) {
			bad = good[kind];
			bad.len = len;
			fakenet_give(&bad, 0);
			ck_assert(len == good[kind].len ||
				  fakenet.result == SIMULATOR_MALFORMED);
		}
		for (size_t at = 0; at < good[kind].len; at++)
			for (unsigned int value = 0; value < 256; value++) {
				bad = good[kind];
				bad.bytes[at] = (uint8_t)value;
				fakenet_give(&bad, 0);
				if (at >= 12 || _i == 1)
					continue;
				/* with the header checksum right again */
				put16(bad.bytes + 10, 0);
				put16(bad.bytes + 10,
				    checksum_finish(checksum_add(0, bad.bytes, 20)));
				fakenet_give(&bad, 0);
			}
		while (fakenet_take(INT64_MAX - 1, &reply))
			;
	}
	fakenet_demolish();
}
END_TEST

/* The same numbers in every run. */
static int
pick(void)
{
	static uint32_t state = 5;

	state = state * 1664525 + 1013904223;
	return (int)(state >> 8);
}

START_TEST(queue)
{
	struct replyqueue *q = replyqueue_new(100, 1000);
	int64_t due, now = 0;
	uint32_t slot;
	size_t len, waiting = 0, most;
	uint8_t *bytes;

	ck_assert_int_eq(replyqueue_due(q), REPLYQUEUE_NEVER);
	ck_assert_ptr_null(replyqueue_pop(q, INT64_MAX, &slot, &len));
	for (int round = 0; round < 200; round++) {
		for (int i = pick() % 40; i > 0; i--) {
			bytes = replyqueue_take(q, &slot);
			if (bytes == NULL)
				break;
			due = now + pick() % 1000;
			memcpy(bytes, &due, sizeof(due));
			replyqueue_push(q, slot, sizeof(due), due);
			waiting++;
		}
		now += pick() % 300;
		for (int64_t before = 0;
		     (bytes = replyqueue_pop(q, now, &slot, &len)) != NULL;
		     before = due) {
			memcpy(&due, bytes, sizeof(due));
			ck_assert_int_le(before, due);
			ck_assert_int_le(due, now);
			replyqueue_release(q, slot);
			waiting--;
		}
		ck_assert_uint_eq(replyqueue_count(q), waiting);
		ck_assert(replyqueue_due(q) > now);
	}
	for (most = waiting; replyqueue_take(q, &slot) != NULL; most++)
		replyqueue_push(q, slot, most, now); /* all at once: in order */
	ck_assert_uint_eq(most, 1024);
	for (most = waiting; replyqueue_pop(q, now, &slot, &len) != NULL; most++)
		ck_assert_uint_eq(len, most);
	replyqueue_free(q);
}
END_TEST

/* A reply that is given an earlier time leaves in its order, and only once. */
START_TEST(hastened)
{
	struct replyqueue *q = replyqueue_new(100, 1000);
	uint64_t numbers[256];
	int64_t dues[256], due, last;
	uint32_t slot;
	size_t len, found;
	uint8_t *bytes;

	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < 256; i++) {
			bytes = replyqueue_take(q, &slot);
			ck_assert_ptr_nonnull(bytes);
			memcpy(bytes, &i, sizeof(i));
			dues[i] = pick() % 1000;
			numbers[i] = replyqueue_push(q, slot, sizeof(i), dues[i]);
		}
		for (int i = 0; i < 100; i++) {
			size_t which = (size_t)pick() % 256;

			due = pick() % 1000;
			replyqueue_hasten(q, numbers[which], due);
			if (due < dues[which])
				dues[which] = due;
		}
		replyqueue_hasten(q, numbers[255] + 1, 0); /* nobody's */
		last = 0;
		for (found = 0; (bytes = replyqueue_pop(q, 1000, &slot, &len)) != NULL;
		     found++) {
			size_t which;

			memcpy(&which, bytes, sizeof(which));
			ck_assert_int_le(last, dues[which]);
			last = dues[which];
			dues[which] = -1;
			replyqueue_release(q, slot);
		}
		ck_assert_uint_eq(found, 256);
	}
	replyqueue_free(q);
}
END_TEST

START_TEST(routes)
{
	const uint32_t *links;
	struct network_packet packet = {.ttl = 9, .len = 60, .dst = addr("10.7.0.1")};
	struct network_walk walk;

	fakenet_build("router a 10.1.0.1\nrouter b 10.2.0.1\nrouter c 10.3.0.1\n"
		      "target t 198.51.100.9\ntarget u 198.51.100.10\n"
		      "link host a b,c t\nlink b u\n");
	ck_assert_uint_eq(network_find(fakenet.network, &packet.dst), NETWORK_NOWHERE);
	ck_assert_uint_eq(network_next(fakenet.network, 1, 4, &links), 2);
	ck_assert_uint_eq(network_next(fakenet.network, 1, 5, &links), 1);
	ck_assert_uint_eq(fakenet.topology->links[links[0]].to, 2);
	ck_assert_uint_eq(network_next(fakenet.network, 4, 4, &links), 0);
	ck_assert_int_eq(network_send(fakenet.network, &packet, &walk), 0);
	ck_assert_uint_eq(walk.outcome, NETWORK_NO_ROUTE);
	ck_assert_uint_eq(walk.count, 1);
	packet.dst = addr("10.3.0.1");
	ck_assert_int_eq(network_send(fakenet.network, &packet, &walk), 0);
	ck_assert_uint_eq(walk.outcome, NETWORK_DELIVERED);
	ck_assert_uint_eq(walk.nodes[1], 3);
	ck_assert_uint_eq(walk.ttl, 8);
	fakenet_demolish();
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {each_hop, .loops = 2},
	    {echo, .loops = 2},
	    {checksums, .loops = 2},
	    {udp_echo_and_unknown_protocol, .loops = 2},
	    {udplite, .loops = 2},
	    {weights, .loops = 2},
	    {per_destination},
	    {hashed_fields, .loops = COUNT_OF(hashes)},
	    {no_polarisation},
	    {labels_and_short_quotes, .loops = 2},
	    {chance},
	    {hostile, .loops = 2},
	    {queue},
	    {hastened},
	    {routes},
	};

	return test_main("simulator", tests, COUNT_OF(tests));
}
