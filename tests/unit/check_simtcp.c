/*
 * tools/fakeroute/simtcp: what the simulated TCP servers answer, held against Linux,
 * and what they remember for the report.
 */
#include <string.h>

#include "tests/support/fakenet.h"

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10
#define ECE 0x40
#define CWR 0x80

#define NET \
	"router r 10.0.1.1 2001:db8:1::1\n" \
	"target t 198.51.100.9 2001:db8:ffff::9 tcp-open=80,8000-8010 " \
	"tcp-silent=25,8005 tcp-ecn\n" \
	"target dark 198.51.100.10 2001:db8:ffff::10 tcp=silent tcp-closed=81\n" \
	"target all 198.51.100.11 2001:db8:ffff::11 tcp=syn-ack tcp-closed=22 " \
	"tcp-silent=23\n" \
	"link host r t,dark,all\n"

static const char *const targets[2] = {"198.51.100.9", "2001:db8:ffff::9"};

/* The connections, as the report would list them. */
static struct simtcp_connection connections[8];
static size_t connections_count;

static void
note(void *context, const struct simtcp_connection *c)
{
	(void)context;
	ck_assert_uint_lt(connections_count, COUNT_OF(connections));
	connections[connections_count++] = *c;
}

static void
must_have_state(size_t count, enum simtcp_state last)
{
	connections_count = 0;
	simtcp_each(simulator_tcp(fakenet.simulator), note, NULL);
	ck_assert_uint_eq(connections_count, count);
	if (count > 0)
		ck_assert_uint_eq(connections[count - 1].state, last);
}

/* ---- ports ----------------------------------------------------------------------- */

static const struct {
	const char *target[2];
	unsigned int port;
	uint8_t flags; /* of the answer to a SYN; 0: none */
} ports[] = {
    {{"198.51.100.9", "2001:db8:ffff::9"}, 80, SYN | ACK},
    {{"198.51.100.9", "2001:db8:ffff::9"}, 8010, SYN | ACK},
    {{"198.51.100.9", "2001:db8:ffff::9"}, 8005, SYN | ACK}, /* open comes first */
    {{"198.51.100.9", "2001:db8:ffff::9"}, 8011, RST | ACK},
    {{"198.51.100.9", "2001:db8:ffff::9"}, 25, 0},
    {{"198.51.100.10", "2001:db8:ffff::10"}, 80, 0},
    {{"198.51.100.10", "2001:db8:ffff::10"}, 81, RST | ACK},
    {{"198.51.100.11", "2001:db8:ffff::11"}, 9, SYN | ACK},
    {{"198.51.100.11", "2001:db8:ffff::11"}, 22, RST | ACK},
    {{"198.51.100.11", "2001:db8:ffff::11"}, 23, 0},
    {{"10.0.1.1", "2001:db8:1::1"}, 80, RST | ACK}, /* a router is a host too */
};

START_TEST(ports_answer)
{
	struct packet probe, reply;

	fakenet_build(NET);
	for (int family = 0; family < 2; family++) {
		packet_tcp(&probe, ports[_i].target[family], ports[_i].port, SYN,
		    0xffffffff, 0, 0);
		if (ports[_i].flags == 0) {
			fakenet_ask_nothing(&probe, SIMULATOR_SILENT);
			continue;
		}
		fakenet_ask(&probe, &reply);
		must_be_from(&reply, ports[_i].target[family]);
		ck_assert_uint_eq(packet_transport(&reply)[13], ports[_i].flags);
		ck_assert_uint_eq(get16(packet_transport(&reply)), ports[_i].port);
		ck_assert_uint_eq(get16(packet_transport(&reply) + 2), 50000);
		ck_assert_uint_eq(get32(packet_transport(&reply) + 8), 0);
		if (ports[_i].flags == (RST | ACK))
			ck_assert_uint_eq(get32(packet_transport(&reply) + 4), 0);
	}
	must_have_state(ports[_i].flags == (SYN | ACK) ? 2 : 0, SIMTCP_HALF_OPEN);
	fakenet_demolish();
}
END_TEST

/* ---- segments to a connection ---------------------------------------------------- */

#define CLIENT 1000 /* the client's first sequence number */

/*
 * One segment of a client whose SYN had the number CLIENT. acknowledged counts from the
 * server's first number, and so does the sequence number of the answer, unless the
 * answer is a reset: those are absolute.
 */
struct step {
	uint8_t flags;
	uint32_t sequence, acknowledged;
	size_t payload;
	uint8_t answer; /* flags; 0: silence */
	uint32_t answer_sequence, answer_acknowledgment;
	enum simtcp_state state;
};

#define FAR (CLIENT + (1u << 30))

static const struct {
	const char *what;
	struct step steps[6];
} stories[] = {
    {"connect, and close with a reset", {{ACK, 1001, 1, 0, 0, 0, 0, SIMTCP_ESTABLISHED},
					    {RST, 1001, 0, 0, 0, 0, 0, SIMTCP_RESET}}},
    {"a kernel without a socket resets",
	{{RST, 1001, 0, 0, 0, 0, 0, SIMTCP_RESET},
	    {SYN, 7000, 0, 0, SYN | ACK, 0, 7001, SIMTCP_HALF_OPEN}}},
    {"the same SYN again", {{SYN, 1000, 0, 0, SYN | ACK, 0, 1001, SIMTCP_HALF_OPEN}}},
    {"another SYN in the window",
	{{SYN, 5000, 0, 0, RST | ACK, 0, 5001, SIMTCP_RESET},
	    {SYN, 6000, 0, 0, SYN | ACK, 0, 6001, SIMTCP_HALF_OPEN}}},
    {"another SYN from afar", {{SYN, FAR, 0, 0, ACK, 1, 1001, SIMTCP_HALF_OPEN}}},
    {"a SYN to a connection", {{ACK, 1001, 1, 0, 0, 0, 0, SIMTCP_ESTABLISHED},
				  {SYN, 1000, 0, 0, ACK, 1, 1001, SIMTCP_ESTABLISHED}}},
    {"a reset that is not exact", {{RST, 1010, 0, 0, ACK, 1, 1001, SIMTCP_HALF_OPEN},
				      {RST, 9, 0, 0, 0, 0, 0, SIMTCP_HALF_OPEN},
				      {ACK, 1001, 1, 0, 0, 0, 0, SIMTCP_ESTABLISHED}}},
    {"acknowledging what was not sent",
	{{ACK, 1001, 100, 0, RST, 100, 0, SIMTCP_HALF_OPEN},
	    {ACK, 1001, 1, 0, 0, 0, 0, SIMTCP_ESTABLISHED},
	    {ACK, 1001, 100, 0, ACK, 1, 1001, SIMTCP_ESTABLISHED}}},
    {"data and its end",
	{{ACK, 1001, 1, 5, ACK, 1, 1006, SIMTCP_ESTABLISHED},
	    {ACK, 1001, 1, 5, ACK, 1, 1006, SIMTCP_ESTABLISHED}, /* again */
	    {ACK, 1010, 1, 5, ACK, 1, 1006, SIMTCP_ESTABLISHED}, /* too far */
	    {ACK | FIN, 1006, 1, 0, ACK | FIN, 1, 1007, SIMTCP_CLOSING},
	    {ACK, 1007, 2, 0, 0, 0, 0, SIMTCP_ENDED},
	    {ACK, 1007, 2, 0, RST, 2, 0, SIMTCP_ENDED}}},
};

/* The answer to a SYN; returns the server's first number. */
static uint32_t
open_port(const char *target)
{
	struct packet probe, reply;

	packet_tcp(&probe, target, 80, SYN, CLIENT, 0, 0);
	fakenet_ask(&probe, &reply);
	ck_assert_uint_eq(packet_transport(&reply)[13], SYN | ACK);
	ck_assert_uint_eq(get32(packet_transport(&reply) + 8), CLIENT + 1);
	return get32(packet_transport(&reply) + 4);
}

static void
take_step(const char *target, uint32_t first, const struct step *step)
{
	uint32_t base =
	    (step->answer & RST) == 0 || (step->answer & ACK) == 0 ? first : 0;
	struct packet probe, reply;

	packet_tcp(&probe, target, 80, step->flags, step->sequence,
	    first + step->acknowledged, step->payload);
	if (step->answer == 0) {
		fakenet_ask_nothing(&probe, SIMULATOR_SILENT);
	} else {
		fakenet_ask(&probe, &reply);
		ck_assert_uint_eq(packet_transport(&reply)[13], step->answer);
		/* A new connection has a number of its own. */
		if (step->answer != (SYN | ACK))
			ck_assert_uint_eq(get32(packet_transport(&reply) + 4),
			    base + step->answer_sequence);
		ck_assert_uint_eq(
		    get32(packet_transport(&reply) + 8), step->answer_acknowledgment);
	}
	must_have_state(1, step->state);
}

START_TEST(connections_are_followed)
{
	for (int family = 0; family < 2; family++) {
		uint32_t first;

		fakenet_build(NET);
		first = open_port(targets[family]);
		must_have_state(1, SIMTCP_HALF_OPEN);
		for (size_t i = 0;
		     i < COUNT_OF(stories[_i].steps) && stories[_i].steps[i].flags != 0;
		     i++)
			take_step(targets[family], first, &stories[_i].steps[i]);
		fakenet_demolish();
	}
}
END_TEST

/* Segments that begin no connection (RFC 9293 section 3.10.7.2, and Linux). */
START_TEST(segments_out_of_the_blue)
{
	static const struct {
		uint8_t flags, answer;
		bool closed;
		uint32_t sequence, acknowledgment; /* of the answer */
	} cases[] = {
	    {ACK, RST, false, 77, 0},
	    {SYN | ACK, RST, false, 77, 0},
	    {FIN | ACK, RST, false, 77, 0},
	    {RST, 0, false, 0, 0},
	    {FIN, 0, false, 0, 0},
	    {0, 0, false, 0, 0},
	    {SYN | FIN, 0, false, 0, 0},
	    {ACK, RST, true, 77, 0},
	    {SYN, RST | ACK, true, 0, 51},
	    {FIN, RST | ACK, true, 0, 51},
	    {SYN | FIN, RST | ACK, true, 0, 52},
	    {0, RST | ACK, true, 0, 50},
	    {RST, 0, true, 0, 0},
	    {RST | ACK, 0, true, 0, 0},
	};
	struct packet probe, reply;

	fakenet_build(NET);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		packet_tcp(&probe, targets[_i], cases[i].closed ? 99 : 80,
		    cases[i].flags, 50, 77, 0);
		if (cases[i].answer == 0) {
			fakenet_ask_nothing(&probe, SIMULATOR_SILENT);
			continue;
		}
		fakenet_ask(&probe, &reply);
		ck_assert_uint_eq(packet_transport(&reply)[13], cases[i].answer);
		ck_assert_uint_eq(
		    get32(packet_transport(&reply) + 4), cases[i].sequence);
		ck_assert_uint_eq(
		    get32(packet_transport(&reply) + 8), cases[i].acknowledgment);
	}
	must_have_state(0, SIMTCP_RESET);
	fakenet_demolish();
}
END_TEST

START_TEST(ecn)
{
	static const struct {
		unsigned int port;
		uint8_t flags, answer;
	} cases[] = {
	    {80, SYN | ECE | CWR, SYN | ACK | ECE},
	    {8000, SYN | ECE, SYN | ACK},
	    {8001, SYN, SYN | ACK},
	};
	struct packet probe, reply;

	fakenet_build(NET);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		packet_tcp(&probe, targets[_i], cases[i].port, cases[i].flags, 1, 0, 0);
		fakenet_ask(&probe, &reply);
		ck_assert_uint_eq(packet_transport(&reply)[13], cases[i].answer);
	}
	packet_tcp(&probe, _i == 0 ? "198.51.100.11" : "2001:db8:ffff::11", 80,
	    SYN | ECE | CWR, 1, 0, 0);
	fakenet_ask(&probe, &reply);
	ck_assert_uint_eq(packet_transport(&reply)[13], SYN | ACK);
	fakenet_demolish();
}
END_TEST

/* More connections than are kept: the oldest is forgotten, which shows by a reset. */
START_TEST(many_connections)
{
	struct simtcp *t = simtcp_new();
	struct simtcp_segment answer;
	struct simpacket p = {.tcp_flags = SYN, .src.family = AF_INET};

	ck_assert_ptr_nonnull(t);
	for (uint32_t i = 0; i < SIMTCP_MAX + 1; i++) {
		memcpy(p.src.bytes, &i, sizeof(i));
		must_eq(simtcp_receive(t, &p, SIMTCP_OPEN, false, i, &answer), 0);
		must_eq(answer.flags, SYN | ACK);
	}
	p.tcp_flags = ACK;
	p.tcp_sequence = 1;
	for (uint32_t i = 0; i < 2; i++) {
		memcpy(p.src.bytes, &i, sizeof(i));
		p.tcp_acknowledgment = i + 1;
		must_eq(simtcp_receive(t, &p, SIMTCP_OPEN, false, i, &answer), 0);
		must_eq(answer.flags, i == 0 ? RST : 0);
	}
	simtcp_free(t);
	simtcp_free(NULL);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {ports_answer, .loops = COUNT_OF(ports)},
	    {connections_are_followed, .loops = COUNT_OF(stories)},
	    {segments_out_of_the_blue, .loops = 2},
	    {ecn, .loops = 2},
	    {many_connections},
	};

	return test_main("simtcp", tests, COUNT_OF(tests));
}
