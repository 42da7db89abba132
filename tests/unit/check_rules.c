/* tools/fakeroute: rules, by what becomes of packets. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "tests/support/fakenet.h"

/* Two routers and a target; the text of a test adds its rules. */
#define LINE \
	"router a 10.0.1.1 2001:db8:1::1\n" \
	"router b 10.0.2.1 2001:db8:2::1\n" \
	"target t 198.51.100.9 2001:db8:ffff::9 tcp-open=80 udp-open=7\n" \
	"link host a b t\n"

static const char *const targets[2] = {"198.51.100.9", "2001:db8:ffff::9"};
static const char *const first[2] = {"10.0.1.1", "2001:db8:1::1"};
static const char *const second[2] = {"10.0.2.1", "2001:db8:2::1"};

#define IPV4_ONLY 1
#define IPV6_ONLY 2

/* ---- which packets ----------------------------------------------------------------
 */

/* A packet to the target: its rule, and whether that drops it. */
static const struct {
	const char *rule;
	bool udp, tcp,
	    echo; /* dropped? UDP from 20000 to 40000, TCP from 50000 to 80 */
	int only;
} matches[] = {
    {"drop", true, true, true, 0},
    {"accept", false, false, false, 0},
    {"drop protocol=udp", true, false, false, 0},
    {"drop protocol=17", true, false, false, 0},
    {"drop protocol=tcp,icmp", false, true, true, 0},
    {"drop protocol=58", false, false, true, IPV6_ONLY},
    {"drop protocol=1", false, false, true, IPV4_ONLY},
    {"drop protocol=99", false, false, false, 0},
    {"drop dst-port=40000", true, false, false, 0},
    {"drop dst-port=80,33434-50000", true, true, false, 0},
    {"drop dst-port=39999", false, false, false, 0},
    {"drop src-port=20000", true, false, false, 0},
    {"drop src-port=20001-60000 protocol=tcp", false, true, false, 0},
    {"drop icmp-type=8", false, false, true, IPV4_ONLY},
    {"drop icmp-type=128", false, false, true, IPV6_ONLY},
    {"drop icmp-type=0-7,9-127,129-255", false, false, false, 0},
    {"drop dst=198.51.100.9", true, true, true, IPV4_ONLY},
    {"drop dst=198.51.0.0/16", true, true, true, IPV4_ONLY},
    {"drop dst=198.50.0.0/16", false, false, false, 0},
    {"drop dst=2001:db8:ffff::/48", true, true, true, IPV6_ONLY},
    {"drop src=192.0.2.2", true, true, true, IPV4_ONLY},
    {"drop src=2001:db8::/64 protocol=udp", true, false, false, IPV6_ONLY},
    {"drop src=192.0.2.3", false, false, false, 0},
};

static void
must_be_dropped(const struct packet *probe, bool dropped)
{
	struct packet reply;

	if (dropped)
		fakenet_ask_nothing(probe, SIMULATOR_FILTERED);
	else
		fakenet_ask(probe, &reply);
}

START_TEST(matching)
{
	char text[512];
	struct packet probe;

	snprintf(text, sizeof(text), LINE "rule b %s\n", matches[_i].rule);
	fakenet_build(text);
	for (int family = 0; family < 2; family++) {
		bool here = matches[_i].only == 0 || matches[_i].only == family + 1;

		packet_udp(&probe, targets[family], 64, 20000, 10);
		must_be_dropped(&probe, matches[_i].udp && here);
		packet_tcp(&probe, targets[family], 80, 2, 1, 0, 0);
		must_be_dropped(&probe, matches[_i].tcp && here);
		packet_echo(&probe, targets[family], 64, 1);
		must_be_dropped(&probe, matches[_i].echo && here);
		/* What does not come so far is answered as ever. */
		packet_udp(&probe, targets[family], 1, 20000, 10);
		must_be_dropped(&probe, false);
	}
	fakenet_demolish();
}
END_TEST

/* The first rule of a node that fits decides, of those that are looked at then. */
START_TEST(order)
{
	struct packet probe, reply;

	fakenet_build(LINE "rule b accept dst-port=40000\n"
			   "rule b drop protocol=udp\n"
			   "rule b reject=net\n");
	packet_udp(&probe, targets[_i], 64, 20000, 10);
	fakenet_ask(&probe, &reply);
	must_be_from(&reply, targets[_i]);
	put16(packet_transport(&probe) + 2, 7);
	packet_seal(&probe);
	fakenet_ask_nothing(&probe, SIMULATOR_FILTERED);
	packet_echo(&probe, targets[_i], 64, 1);
	fakenet_ask(&probe, &reply);
	must_be_from(&reply, second[_i]);
	must_be_icmp(&reply, 3, 0, 1, 0);
	fakenet_demolish();
}
END_TEST

/* A rule after the TTL lets the router answer what expires there; one before does not.
 */
START_TEST(at_arrival_or_later)
{
	struct packet probe, reply;

	fakenet_build(LINE "rule b drop protocol=udp\n"
			   "rule b drop protocol=icmp at=arrival\n");
	packet_udp(&probe, targets[_i], 2, 20000, 10);
	fakenet_ask(&probe, &reply);
	must_be_from(&reply, second[_i]);
	must_be_icmp(&reply, 11, 0, 3, 0);
	packet_udp(&probe, targets[_i], 3, 20000, 10);
	fakenet_ask_nothing(&probe, SIMULATOR_FILTERED);
	packet_echo(&probe, targets[_i], 2, 1);
	fakenet_ask_nothing(&probe, SIMULATOR_FILTERED);
	packet_echo(&probe, targets[_i], 1, 1);
	fakenet_ask(&probe, &reply);
	fakenet_demolish();
}
END_TEST

/* What a firewall sends back; the target may be one, too. */
START_TEST(rejections)
{
	static const struct {
		const char *how;
		unsigned int type[2], code[2];
	} cases[] = {
	    {"net", {3, 1}, {0, 0}},
	    {"host", {3, 1}, {1, 3}},
	    {"protocol", {3, 4}, {2, 1}},
	    {"port", {3, 1}, {3, 4}},
	    {"prohibited", {3, 1}, {13, 1}},
	    {"0", {3, 1}, {0, 0}},
	    {"6", {3, 1}, {6, 6}},
	    {"10", {3, 1}, {10, 10}},
	    {"15", {3, 1}, {15, 15}},
	    {"255", {3, 1}, {255, 255}},
	};
	char text[512];
	struct packet probe, reply;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		snprintf(text, sizeof(text),
		    LINE "rule b,t reject=%s protocol=udp dst=%s\n"
			 "rule t reject=%s\n",
		    cases[i].how, targets[_i], cases[i].how);
		fakenet_build(text);
		packet_udp(&probe, targets[_i], 9, 20000, 10);
		fakenet_ask(&probe, &reply);
		must_be_from(&reply, second[_i]);
		must_be_icmp(&reply, cases[i].type[0], cases[i].code[0],
		    cases[i].type[1], cases[i].code[1]);
		ck_assert_uint_eq(*packet_ttl(&reply), 254);
		packet_tcp(&probe, targets[_i], 80, 2, 1, 0, 0);
		fakenet_ask(&probe, &reply);
		must_be_from(&reply, targets[_i]);
		must_be_icmp(&reply, cases[i].type[0], cases[i].code[0],
		    cases[i].type[1], cases[i].code[1]);
		fakenet_demolish();
	}
}
END_TEST

/* A reset has the destination's address, and the TTL of whom it comes from. */
START_TEST(resets)
{
	struct packet probe, reply;

	fakenet_build(LINE "rule b reject=reset protocol=tcp dst-port=80\n");
	packet_tcp(&probe, targets[_i], 80, 2, 1000, 0, 0);
	fakenet_ask(&probe, &reply);
	must_be_from(&reply, targets[_i]);
	ck_assert_uint_eq(packet_protocol(&reply), IPPROTO_TCP);
	ck_assert_uint_eq(packet_transport(&reply)[13], 0x14);
	ck_assert_uint_eq(get32(packet_transport(&reply) + 8), 1001);
	ck_assert_uint_eq(*packet_ttl(&reply), 254);
	/* A reset is not answered. */
	packet_tcp(&probe, targets[_i], 80, 4, 1000, 0, 0);
	fakenet_ask_nothing(&probe, SIMULATOR_SILENT);
	packet_tcp(&probe, targets[_i], 81, 2, 1000, 0, 0);
	fakenet_ask(&probe, &reply);
	ck_assert_uint_eq(*packet_ttl(&reply), 62);
	fakenet_demolish();
}
END_TEST

/* A firewall that drops what comes back hides what is behind it, not itself. */
START_TEST(the_way_back)
{
	char text[512];
	struct packet probe, reply;

	snprintf(text, sizeof(text),
	    LINE "rule a drop at=return icmp-type=%d\n"
		 "rule b drop at=return protocol=tcp\n",
	    _i == 0 ? 11 : 3);
	fakenet_build(text);
	packet_udp(&probe, targets[_i], 1, 20000, 10);
	fakenet_ask(&probe, &reply);
	must_be_from(&reply, first[_i]);
	packet_udp(&probe, targets[_i], 2, 20000, 10);
	fakenet_ask_nothing(&probe, SIMULATOR_FILTERED);
	packet_udp(&probe, targets[_i], 3, 20000, 10);
	fakenet_ask(&probe, &reply);
	must_be_from(&reply, targets[_i]);
	packet_tcp(&probe, targets[_i], 80, 2, 1, 0, 0);
	fakenet_ask_nothing(&probe, SIMULATOR_FILTERED);
	fakenet_demolish();
}
END_TEST

/* ---- when --------------------------------------------------------------------------
 */

START_TEST(by_packets)
{
	struct packet probe;

	fakenet_build(LINE "rule a drop since=3packets until=5packets\n");
	packet_udp(&probe, targets[_i], 9, 20000, 10);
	for (int i = 0; i < 8; i++)
		must_be_dropped(&probe, i == 3 || i == 4);
	fakenet_demolish();
}
END_TEST

START_TEST(by_time)
{
	static const struct {
		int64_t ms;
		bool dropped;
	} cases[] = {{0, false}, {99, false}, {100, true}, {100, true}, {349, true},
	    {350, false}, {9000, false}};
	const int64_t begun = 5 * NS_PER_SECOND; /* counts from the first packet */
	struct packet probe, reply;

	fakenet_build(LINE "rule b drop since=100ms until=350ms\n");
	packet_udp(&probe, targets[_i], 9, 20000, 10);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		fakenet_give(&probe, begun + cases[i].ms * NS_PER_MS);
		ck_assert_uint_eq(
		    fakenet_take(INT64_MAX - 1, &reply), !cases[i].dropped);
	}
	fakenet_demolish();
}
END_TEST

/* Names in a row and in step. */
START_TEST(many_nodes)
{
	struct packet probe, reply;

	fakenet_build("router a[1-3] 10.0.1.[1-3]\n"
		      "target t[1-3] 198.51.100.[1-3]\n"
		      "link host a1 a2 a3 t[1-3]\n"
		      "rule t[1-3] reject=[1-3]\n"
		      "rule a1,a2 accept\n"
		      "rule a[1-3] drop\n");
	packet_udp(&probe, "198.51.100.2", 9, 20000, 10);
	fakenet_ask_nothing(&probe, SIMULATOR_FILTERED);
	ck_assert_uint_eq(fakenet.hops, 3);
	packet_udp(&probe, "10.0.1.2", 9, 20000, 10);
	fakenet_ask(&probe, &reply);
	fakenet_demolish();
	fakenet_build("target t[1-3] 198.51.100.[1-3]\n"
		      "link host t[1-3]\n"
		      "rule t[1-3] reject=[1-3]\n");
	packet_udp(&probe, "198.51.100.2", 9, 20000, 10);
	fakenet_ask(&probe, &reply);
	must_be_icmp(&reply, 3, 2, 0, 0);
	fakenet_demolish();
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {matching, .loops = COUNT_OF(matches)},
	    {order, .loops = 2},
	    {at_arrival_or_later, .loops = 2},
	    {rejections, .loops = 2},
	    {resets, .loops = 2},
	    {the_way_back, .loops = 2},
	    {by_packets, .loops = 2},
	    {by_time, .loops = 2},
	    {many_nodes},
	};

	return test_main("rules", tests, COUNT_OF(tests));
}
