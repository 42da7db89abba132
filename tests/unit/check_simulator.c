/*
 * tools/fakeroute: the network without sockets, on a clock of the test's own. Packets
 * are built and read here byte by byte.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/checksum.h"
#include "common/clock.h"
#include "tools/fakeroute/simulator.h"

#define ROOM 2048

static struct topology *topology;
static struct network *network;
static struct simulator *simulator;

/* What became of the last packet. */
static struct {
	enum simulator_result result;
	size_t hops;
} last;

static void
observe(void *context, const struct simulator_seen *seen)
{
	(void)context;
	last.result = seen->result;
	last.hops = seen->walk == NULL ? 0 : seen->walk->count;
}

static void
build(const char *text)
{
	topology = topology_parse("net", text, strlen(text), stderr);
	ck_assert_ptr_nonnull(topology);
	ck_assert_uint_eq(topology->errors, 0);
	network = network_new(topology);
	ck_assert_ptr_nonnull(network);
	simulator = simulator_new(network, observe, NULL);
	ck_assert_ptr_nonnull(simulator);
}

static void
demolish(void)
{
	simulator_free(simulator);
	network_free(network);
	topology_free(topology);
}

/* ---- packets --------------------------------------------------------------------- */

struct packet {
	uint8_t bytes[ROOM];
	size_t len;
};

static void
put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static unsigned int
get16(const uint8_t *at)
{
	return (unsigned int)(at[0] << 8 | at[1]);
}

static struct addr
addr(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_from_text(text, &a), 0);
	return a;
}

/* Where the transport header begins. */
static uint8_t *
transport(struct packet *p)
{
	return p->bytes + (p->bytes[0] >> 4 == 4 ? (p->bytes[0] & 15) * 4 : 40);
}

/* Writes the right checksums: the header's, and the one at an offset. */
static void
seal(struct packet *p, uint8_t protocol, size_t checksum_at)
{
	uint8_t *at = transport(p);
	size_t len = p->len - (size_t)(at - p->bytes);
	bool v4 = p->bytes[0] >> 4 == 4;
	struct addr src = v4 ? addr_from_bytes(AF_INET, p->bytes + 12)
			     : addr_from_bytes(AF_INET6, p->bytes + 8);
	struct addr dst = v4 ? addr_from_bytes(AF_INET, p->bytes + 16)
			     : addr_from_bytes(AF_INET6, p->bytes + 24);
	uint32_t sum = 0;

	put16(at + checksum_at, 0);
	if (protocol != 1)
		sum = checksum_add_pseudo(0, &src, &dst, protocol, (uint32_t)len);
	put16(at + checksum_at, checksum_finish(checksum_add(sum, at, len)));
	if (!v4)
		return;
	put16(p->bytes + 10, 0);
	put16(p->bytes + 10,
	    checksum_finish(checksum_add(0, p->bytes, (size_t)(at - p->bytes))));
}

static void
begin(struct packet *p, const char *dst_text, uint8_t ttl, uint8_t protocol, size_t len)
{
	struct addr dst = addr(dst_text);
	struct addr src = addr(dst.family == AF_INET ? "192.0.2.2" : "2001:db8::2");

	memset(p, 0, sizeof(*p));
	if (dst.family == AF_INET) {
		p->len = 20 + len;
		p->bytes[0] = 0x45;
		put16(p->bytes + 2, (unsigned int)p->len);
		p->bytes[8] = ttl;
		p->bytes[9] = protocol;
		memcpy(p->bytes + 12, src.bytes, 4);
		memcpy(p->bytes + 16, dst.bytes, 4);
	} else {
		p->len = 40 + len;
		p->bytes[0] = 0x60;
		put16(p->bytes + 4, (unsigned int)len);
		p->bytes[6] = protocol;
		p->bytes[7] = ttl;
		memcpy(p->bytes + 8, src.bytes, 16);
		memcpy(p->bytes + 24, dst.bytes, 16);
	}
}

static void
udp(struct packet *p, const char *dst, uint8_t ttl, unsigned int port, size_t payload)
{
	begin(p, dst, ttl, 17, 8 + payload);
	put16(transport(p), port);
	put16(transport(p) + 2, 40000);
	put16(transport(p) + 4, (unsigned int)(8 + payload));
	memset(transport(p) + 8, 'x', payload);
	seal(p, 17, 6);
}

static void
echo(struct packet *p, const char *dst, uint8_t ttl, unsigned int sequence)
{
	bool v6 = strchr(dst, ':') != NULL;

	begin(p, dst, ttl, v6 ? 58 : 1, 16);
	transport(p)[0] = v6 ? 128 : 8;
	put16(transport(p) + 4, 77);
	put16(transport(p) + 6, sequence);
	seal(p, v6 ? 58 : 1, 2);
}

static void
tcp(struct packet *p, const char *dst, unsigned int port, uint8_t flags,
    uint32_t sequence, uint32_t acknowledgment)
{
	begin(p, dst, 64, 6, 20);
	put16(transport(p), 50000);
	put16(transport(p) + 2, port);
	put16(transport(p) + 4, sequence >> 16);
	put16(transport(p) + 6, sequence & 0xffff);
	put16(transport(p) + 8, acknowledgment >> 16);
	put16(transport(p) + 10, acknowledgment & 0xffff);
	transport(p)[12] = 0x50;
	transport(p)[13] = flags;
	seal(p, 6, 16);
}

/* ---- replies --------------------------------------------------------------------- */

/* Takes the next reply due by a time; its checksums must be right. False if none. */
static bool
take(int64_t now, struct packet *out)
{
	struct replyqueue *q = simulator_replies(simulator);
	uint32_t slot;
	size_t len, header;
	const uint8_t *bytes = replyqueue_pop(q, now, &slot, &len);
	struct packet check;

	if (bytes == NULL)
		return false;
	ck_assert_uint_le(len, topology->mtu);
	memset(out, 0, sizeof(*out));
	memcpy(out->bytes, bytes, len);
	out->len = len;
	replyqueue_release(q, slot);
	header = (size_t)(transport(out) - out->bytes);
	ck_assert_uint_eq(
	    len, header == 20 ? get16(out->bytes + 2) : 40 + get16(out->bytes + 4));
	check = *out;
	switch (header == 20 ? out->bytes[9] : out->bytes[6]) {
	case 1:
	case 58:
		seal(&check, header == 20 ? 1 : 58, 2);
		break;
	case 6:
		seal(&check, 6, 16);
		break;
	default:
		seal(&check, 17, 6);
		break;
	}
	ck_assert_mem_eq(check.bytes, out->bytes, len);
	return true;
}

static void
give(const struct packet *p, int64_t now)
{
	/* In memory of just its size, so that the sanitizer sees a step too far. */
	uint8_t *copy = malloc(p->len + 1);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, p->bytes, p->len);
	simulator_receive(simulator, copy, p->len, now);
	free(copy);
}

/* Gives a packet and takes its one reply. */
static void
ask(const struct packet *p, struct packet *reply)
{
	give(p, 0);
	ck_assert(take(INT64_MAX - 1, reply));
	ck_assert(!take(INT64_MAX - 1, &(struct packet){.len = 0}));
}

static void
ask_nothing(const struct packet *p, enum simulator_result why)
{
	give(p, 0);
	ck_assert_uint_eq(last.result, why);
	ck_assert_uint_eq(
	    replyqueue_due(simulator_replies(simulator)) == REPLYQUEUE_NEVER, 1);
}

static void
assert_from(const struct packet *reply, const char *text)
{
	struct addr a = addr(text);

	if (a.family == AF_INET)
		ck_assert_mem_eq(reply->bytes + 12, a.bytes, 4);
	else
		ck_assert_mem_eq(reply->bytes + 8, a.bytes, 16);
}

/* ---- tests ----------------------------------------------------------------------- */

#define LINE \
	"router r[1-3] 10.0.[1-3].1 2001:db8:[1-3]::1 rtt=[1-3]ms\n" \
	"target t 198.51.100.9 2001:db8:ffff::9 rtt=4ms tcp-open=80 udp-open=7\n" \
	"link host r1 r2 r3 t\n"

static const char *const targets[2] = {"198.51.100.9", "2001:db8:ffff::9"};

START_TEST(test_hops)
{
	static const char *const hops[2][5] = {
	    {"10.0.1.1", "10.0.2.1", "10.0.3.1", "198.51.100.9", "198.51.100.9"},
	    {"2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::1", "2001:db8:ffff::9",
		"2001:db8:ffff::9"}};
	static const int64_t times[5] = {1, 3, 6, 10, 10};
	struct packet probe, reply;

	build(LINE);
	for (uint8_t ttl = 1; ttl <= 5; ttl++) {
		udp(&probe, targets[_i], ttl, 20000, 10);
		give(&probe, 7);
		ck_assert_int_eq(replyqueue_due(simulator_replies(simulator)),
		    7 + times[ttl - 1] * NS_PER_MS);
		ck_assert(!take(6 + times[ttl - 1] * NS_PER_MS, &reply));
		ck_assert(take(7 + times[ttl - 1] * NS_PER_MS, &reply));
		assert_from(&reply, hops[_i][ttl - 1]);
		ck_assert_uint_eq(transport(&reply)[0],
		    ttl < 4 ? (_i == 0 ? 11 : 3) : (_i == 0 ? 3 : 1));
		ck_assert_uint_eq(
		    reply.bytes[_i == 0 ? 8 : 7], ttl < 4 ? 256 - ttl : 61);
		/* As it arrived there: with the TTL that was left. */
		ck_assert_uint_eq(
		    transport(&reply)[8 + (_i == 0 ? 8 : 7)], ttl < 5 ? 1 : 2);
	}
	ck_assert_uint_eq(last.hops, 4);
	demolish();
}
END_TEST

START_TEST(test_echo)
{
	struct packet probe, reply;
	uint8_t *icmp;

	build(LINE);
	echo(&probe, targets[_i], 64, 9);
	ask(&probe, &reply);
	ck_assert_uint_eq(transport(&reply)[0], _i == 0 ? 0 : 129);
	ck_assert_mem_eq(transport(&reply) + 4, transport(&probe) + 4, 12);
	/* An echo reply, and an error, are no questions. */
	icmp = transport(&probe);
	*icmp = _i == 0 ? 0 : 129;
	seal(&probe, _i == 0 ? 1 : 58, 2);
	ask_nothing(&probe, _i == 0 ? SIMULATOR_IGNORED : SIMULATOR_SILENT);
	*icmp = 3;
	probe.bytes[_i == 0 ? 8 : 7] = 1;
	seal(&probe, _i == 0 ? 1 : 58, 2);
	ask_nothing(&probe, SIMULATOR_IGNORED);
	demolish();
}
END_TEST

START_TEST(test_tcp)
{
	struct packet probe, reply;
	uint32_t cookie;

	build(LINE);
	tcp(&probe, targets[_i], 80, 0x02, 1000, 0);
	ask(&probe, &reply);
	ck_assert_uint_eq(transport(&reply)[13], 0x12);
	ck_assert_uint_eq(get16(transport(&reply) + 10), 1001);
	cookie = get16(transport(&reply) + 4) << 16 | get16(transport(&reply) + 6);
	tcp(&probe, targets[_i], 80, 0x10, 1001, cookie + 1);
	ask_nothing(&probe, SIMULATOR_SILENT);
	tcp(&probe, targets[_i], 80, 0x10, 1001, cookie + 2);
	ask(&probe, &reply);
	ck_assert_uint_eq(transport(&reply)[13], 0x04);
	ck_assert_uint_eq(get16(transport(&reply) + 6), (cookie + 2) & 0xffff);
	tcp(&probe, targets[_i], 81, 0x02, 1000, 0);
	ask(&probe, &reply);
	ck_assert_uint_eq(transport(&reply)[13], 0x14);
	tcp(&probe, targets[_i], 80, 0x04, 1000, 0);
	ask_nothing(&probe, SIMULATOR_SILENT);
	demolish();
}
END_TEST

START_TEST(test_checksums)
{
	struct packet probe, reply;

	build(LINE);
	udp(&probe, targets[_i], 64, 20000, 10);
	transport(&probe)[12] ^= 1;
	ask_nothing(&probe, SIMULATOR_DROPPED);
	ck_assert_uint_eq(simulator_counts(simulator)->bad_checksum, 1);
	/* A router does not look at it. */
	probe.bytes[_i == 0 ? 8 : 7] = 2;
	if (_i == 0) {
		ask_nothing(&probe, SIMULATOR_DROPPED);
		ck_assert_uint_eq(simulator_counts(simulator)->bad_header_checksum, 1);
		put16(probe.bytes + 10, 0);
		put16(probe.bytes + 10,
		    checksum_finish(checksum_add(0, probe.bytes, 20)));
	}
	ask(&probe, &reply);
	ck_assert_uint_eq(simulator_counts(simulator)->bad_checksum, _i == 0 ? 3 : 2);
	/* No checksum is fine over IPv4 only. */
	udp(&probe, targets[_i], 64, 20000, 10);
	put16(transport(&probe) + 6, 0);
	if (_i == 0)
		ask(&probe, &reply);
	else
		ask_nothing(&probe, SIMULATOR_DROPPED);
	demolish();
}
END_TEST

START_TEST(test_udp_echo_and_unknown_protocol)
{
	struct packet probe, reply;

	build(LINE);
	udp(&probe, targets[_i], 64, 20000, 11);
	put16(transport(&probe) + 2, 7);
	seal(&probe, 17, 6);
	ask(&probe, &reply);
	ck_assert_uint_eq(get16(transport(&reply)), 7);
	ck_assert_uint_eq(get16(transport(&reply) + 2), 20000);
	ck_assert_mem_eq(transport(&reply) + 8, "xxxxxxxxxxx", 11);
	begin(&probe, targets[_i], 64, 253, 16);
	seal(&probe, 253, 2);
	ask(&probe, &reply);
	ck_assert_uint_eq(transport(&reply)[0], _i == 0 ? 3 : 4);
	ck_assert_uint_eq(transport(&reply)[1], _i == 0 ? 2 : 1);
	demolish();
}
END_TEST

/* Sends many flows; counts[i] is how many came to 10.0.2.i. */
static void
spread(unsigned int flows, unsigned int counts[5])
{
	struct packet probe, reply;

	memset(counts, 0, 5 * sizeof(*counts));
	for (unsigned int i = 0; i < flows; i++) {
		udp(&probe, targets[0], 2, 20000 + i, 4);
		ask(&probe, &reply);
		ck_assert_uint_lt(reply.bytes[15], 5);
		counts[reply.bytes[15]]++;
	}
}

#define FAN \
	"router b[1-4] 10.0.2.[1-4]\n" \
	"target t 198.51.100.9\n" \
	"link host a b1,b2*2,b3,b4*4 t\n"

START_TEST(test_weights)
{
	static const char *const balancers[] = {
	    "router a 10.0.1.1\n" FAN, "router a 10.0.1.1 balance=per-packet\n" FAN};
	unsigned int counts[5], again[5];

	build(balancers[_i]);
	spread(8000, counts);
	/* 4 standard deviations, rounded up. */
	ck_assert_uint_le((unsigned int)abs((int)counts[1] - 1000), 120);
	ck_assert_uint_le((unsigned int)abs((int)counts[2] - 2000), 156);
	ck_assert_uint_le((unsigned int)abs((int)counts[3] - 1000), 120);
	ck_assert_uint_le((unsigned int)abs((int)counts[4] - 4000), 180);
	spread(8000, again);
	ck_assert_int_eq(memcmp(counts, again, sizeof(counts)) == 0, _i == 0);
	demolish();
}
END_TEST

START_TEST(test_per_destination)
{
	struct packet probe, reply;
	unsigned int counts[5] = {0}, first;
	char dst[32];

	build("router a 10.0.1.1 balance=per-destination\n"
	      "router b[1-4] 10.0.2.[1-4]\n"
	      "target t 198.51.100.0/24\n"
	      "link host a b[1-4] t\n");
	for (unsigned int i = 1; i < 200; i++) {
		snprintf(dst, sizeof(dst), "198.51.100.%u", i);
		udp(&probe, dst, 2, 20000 + i, 4);
		ask(&probe, &reply);
		first = reply.bytes[15];
		counts[first]++;
		udp(&probe, dst, 2, 30000 + i, 4);
		ask(&probe, &reply);
		ck_assert_uint_eq(reply.bytes[15], first);
	}
	for (size_t i = 1; i < 5; i++)
		ck_assert_uint_ge(counts[i], 20);
	/* The answer of a prefix comes from the address that was asked. */
	udp(&probe, "198.51.100.77", 9, 20000, 4);
	ask(&probe, &reply);
	assert_from(&reply, "198.51.100.77");
	demolish();
}
END_TEST

/* Balancers in series must not choose alike: all eight pairs, evenly. */
START_TEST(test_no_polarisation)
{
	struct packet probe, reply;
	unsigned int pairs[3][3] = {{0}}, second;

	build("router a 10.0.1.1\nrouter b[1-2] 10.0.2.[1-2]\nrouter c 10.0.3.1\n"
	      "router d[1-2] 10.0.4.[1-2]\ntarget t 198.51.100.9\n"
	      "link host a b[1-2] c d[1-2] t\n");
	for (unsigned int i = 0; i < 4000; i++) {
		udp(&probe, targets[0], 2, 20000 + i, 4);
		ask(&probe, &reply);
		second = reply.bytes[15];
		udp(&probe, targets[0], 4, 20000 + i, 4);
		ask(&probe, &reply);
		pairs[second][reply.bytes[15]]++;
	}
	for (size_t i = 1; i < 3; i++)
		for (size_t j = 1; j < 3; j++)
			ck_assert_uint_le(
			    (unsigned int)abs((int)pairs[i][j] - 1000), 120);
	demolish();
}
END_TEST

START_TEST(test_labels_and_short_quotes)
{
	struct packet probe, reply;
	const uint8_t *extension;

	build("router r[1-2] 10.0.[1-2].1 2001:db8:[1-2]::1 mpls=5:6:7,9 quote=28\n"
	      "target t 198.51.100.9 2001:db8:ffff::9\n"
	      "link host r1 r2 t\n");
	for (size_t payload = 0; payload < 1200; payload += 7) {
		udp(&probe, targets[_i], 1, 20000, payload);
		ask(&probe, &reply);
		ck_assert_uint_le(reply.len, _i == 0 ? 576 : 1280);
		extension =
		    transport(&reply) + 8 +
		    (_i == 0 ? transport(&reply)[5] * 4 : transport(&reply)[4] * 8);
		if (_i == 0)
			ck_assert_uint_eq(transport(&reply)[5], 32);
		ck_assert_ptr_eq(extension + 16, reply.bytes + reply.len);
		ck_assert_uint_eq(checksum_finish(checksum_add(0, extension, 16)), 0);
		ck_assert_mem_eq(extension + 4, "\0\x0c\1\1\0\0\x5c\7\0\0\x91\1", 12);
	}
	demolish();
}
END_TEST

START_TEST(test_chance)
{
	struct packet probe, reply;
	unsigned int replies = 0;

	build("router a 10.0.1.1 loss=20% duplicates=30% late=10%,300ms\n"
	      "target t 198.51.100.9\n"
	      "link host a t loss=50%\n");
	udp(&probe, targets[0], 1, 20000, 4);
	for (int i = 0; i < 10000; i++)
		give(&probe, 0);
	while (take(0, &reply))
		replies++;
	ck_assert(!take(299 * NS_PER_MS, &reply));
	while (take(300 * NS_PER_MS, &reply))
		replies++;
	/* a quarter comes over the link there and back, four fifths of that are sent */
	ck_assert_uint_eq(simulator_counts(simulator)->replies +
			      simulator_counts(simulator)->results[SIMULATOR_LOST],
	    10000);
	ck_assert_int_le(abs((int)simulator_counts(simulator)->replies - 2000), 160);
	ck_assert_uint_eq(replies, simulator_counts(simulator)->replies +
				       simulator_counts(simulator)->duplicates);
	ck_assert_int_le(abs((int)simulator_counts(simulator)->duplicates - 600), 110);
	ck_assert_int_le(abs((int)simulator_counts(simulator)->late - 260), 70);
	demolish();
}
END_TEST

/* Every packet cut at every byte, and with every byte changed: no fault, no loop. */
START_TEST(test_hostile)
{
	struct packet good[4], bad, reply;

	build(LINE);
	udp(&good[0], targets[_i], 2, 20000, 20);
	echo(&good[1], targets[_i], 64, 3);
	tcp(&good[2], targets[_i], 80, 2, 5, 6);
	begin(&good[3], targets[_i], 64, _i == 0 ? 17 : 44, 24); /* fragments */
	if (_i == 0)
		put16(good[3].bytes + 6, 0x2001);
	else
		memcpy(transport(&good[3]), "\x11\0\0\x01\0\0\0\x05", 8);
	if (_i == 0)
		put16(good[3].bytes + 10,
		    checksum_finish(checksum_add(0, good[3].bytes, 20)));
	for (size_t kind = 0; kind < 4; kind++) {
		for (size_t len = 0; len <= good[kind].len; len++) {
			bad = good[kind];
			bad.len = len;
			give(&bad, 0);
			ck_assert(len == good[kind].len ||
				  last.result == SIMULATOR_MALFORMED);
		}
		for (size_t at = 0; at < good[kind].len; at++)
			for (unsigned int value = 0; value < 256; value++) {
				bad = good[kind];
				bad.bytes[at] = (uint8_t)value;
				give(&bad, 0);
				if (at >= 12 || _i == 1)
					continue;
				/* with the header checksum right again */
				put16(bad.bytes + 10, 0);
				put16(bad.bytes + 10,
				    checksum_finish(checksum_add(0, bad.bytes, 20)));
				give(&bad, 0);
			}
		while (take(INT64_MAX - 1, &reply))
			;
	}
	demolish();
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

START_TEST(test_queue)
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

START_TEST(test_routes)
{
	const uint32_t *links;
	struct network_packet packet = {.ttl = 9, .len = 60, .dst = addr("10.7.0.1")};
	struct network_walk walk;

	build("router a 10.1.0.1\nrouter b 10.2.0.1\nrouter c 10.3.0.1\n"
	      "target t 198.51.100.9\ntarget u 198.51.100.10\n"
	      "link host a b,c t\nlink b u\n");
	ck_assert_uint_eq(network_find(network, &packet.dst), NETWORK_NOWHERE);
	ck_assert_uint_eq(network_next(network, 1, 4, &links), 2);
	ck_assert_uint_eq(network_next(network, 1, 5, &links), 1);
	ck_assert_uint_eq(topology->links[links[0]].to, 2);
	ck_assert_uint_eq(network_next(network, 4, 4, &links), 0);
	ck_assert_int_eq(network_send(network, &packet, &walk), 0);
	ck_assert_uint_eq(walk.outcome, NETWORK_NO_ROUTE);
	ck_assert_uint_eq(walk.count, 1);
	packet.dst = addr("10.3.0.1");
	ck_assert_int_eq(network_send(network, &packet, &walk), 0);
	ck_assert_uint_eq(walk.outcome, NETWORK_DELIVERED);
	ck_assert_uint_eq(walk.nodes[1], 3);
	ck_assert_uint_eq(walk.ttl, 8);
	demolish();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("simulator");
	TCase *tests = tcase_create("simulator");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 30);
	tcase_add_loop_test(tests, test_hops, 0, 2);
	tcase_add_loop_test(tests, test_echo, 0, 2);
	tcase_add_loop_test(tests, test_tcp, 0, 2);
	tcase_add_loop_test(tests, test_checksums, 0, 2);
	tcase_add_loop_test(tests, test_udp_echo_and_unknown_protocol, 0, 2);
	tcase_add_loop_test(tests, test_weights, 0, 2);
	tcase_add_test(tests, test_per_destination);
	tcase_add_test(tests, test_no_polarisation);
	tcase_add_loop_test(tests, test_labels_and_short_quotes, 0, 2);
	tcase_add_test(tests, test_chance);
	tcase_add_loop_test(tests, test_hostile, 0, 2);
	tcase_add_test(tests, test_queue);
	tcase_add_test(tests, test_routes);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
