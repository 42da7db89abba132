/*
 * Prints inputs for the fuzzers whose bytes follow from our structures, as they are
 * now: the path under tests/fuzz/corpus/ and the bytes in hex, one a line. tests/fuzz/
 * make_seeds.py writes them there.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/framing.h"
#include "common/names_messages.h"
#include "common/privsep_messages.h"
#include "common/prober_messages.h"
#include "tests/support/samples.h"

#define V4 "192.0.2.1"
#define V6 "2001:db8::1"
#define FAR4 "198.51.100.7"
#define FAR6 "2001::7"

static void
print_seed(const char *folder, const char *name, uint8_t first, const struct writer *w)
{
	if (w->failed)
		abort();
	printf("%s/%s %02x", folder, name, first);
	for (size_t i = 0; i < writer_len(w); i++)
		printf("%02x", w->start[i]);
	putchar('\n');
}

/* One, m, that is understood. first: what tells fuzz_messages or fuzz_privsep_request
 * which body it is. */
#define PRINT(folder, name, first, type) \
	do { \
		static uint8_t body[MESSAGE_BODY_MAX]; \
		struct writer w; \
		struct reader r; \
\
		writer_init(&w, body, sizeof(body)); \
		type##_pack(&m, &w); \
		reader_init(&r, body, writer_len(&w)); \
		if (type##_unpack(&m, &r) != 0) \
			abort(); \
		print_seed(folder, name, first, &w); \
	} while (0)

#define SEED(folder, name, first, type, ...) \
	do { \
		struct type m = __VA_ARGS__; \
\
		PRINT(folder, name, first, type); \
	} while (0)

/* Numbers of fuzz_messages. */
enum {
	PLAN,
	START,
	STOP,
	STARTED,
	RESULT,
	DONE,
	CONFIGURE,
	REVERSE,
	FORWARD,
	NAME,
	ADDRS,
	ORIGIN
};

/* In which every member says something: tests/support/samples.h. */
#define SAMPLE(name, first, type, fill) \
	do { \
		struct type m = {0}; \
\
		fill(&m); \
		PRINT("messages", name, first, type); \
	} while (0)

#define MESSAGE(name, first, type, ...) SEED("messages", name, first, type, __VA_ARGS__)

static void
prober_down(void)
{
	SAMPLE("prober-plan-all", PLAN, prober_plan, sample_plan);
	SAMPLE("prober-start-all", START, prober_start, sample_start);
	SAMPLE("prober-start-split", START, prober_start, sample_split);
	SAMPLE("prober-stop-all", STOP, prober_stop, sample_stop);
	MESSAGE("prober-start-paris", START, prober_start,
	    {.instance = 7,
		.algorithm = "paris",
		.target = sample_addr(FAR4),
		.dst_port = 33434,
		.first_ttl = 1,
		.max_ttl = 30,
		.queries = 3,
		.loop_limit = 3,
		.wait_here = 3000,
		.wait_near = 10000,
		.wait_max = INT64_C(5000000000)});
	MESSAGE("prober-start-ping", START, prober_start,
	    {.algorithm = "ping",
		.target = sample_addr(FAR6),
		.first_ttl = 64,
		.max_ttl = 64,
		.queries = 1,
		.wait_max = PROBER_TIME_MAX,
		.interval = PROBER_TIME_MAX,
		.preload = 65535,
		.fill_len = 2,
		.fill = {0xff, 1}});
	MESSAGE("prober-stop-one", STOP, prober_stop, {1});
}

static void
prober_up(void)
{
	SAMPLE("prober-started", STARTED, prober_started, sample_started);
	SAMPLE("prober-result-all", RESULT, prober_result, sample_result);
	SAMPLE("prober-done-failed", DONE, prober_done, sample_done);
	MESSAGE("prober-result-reply", RESULT, prober_result,
	    {.instance = 9,
		.probe = 70000,
		.ttl = 5,
		.query = 2,
		.outcome = RESULT_REPLY,
		.reply = REPLY_TIME_EXCEEDED,
		.rtt_source = RTT_KERNEL,
		.icmp_type = 11,
		.reply_ttl = 60,
		.reply_tos = -1,
		.sent = INT64_C(1795302021573012345),
		.rtt = 1000000,
		.from = sample_addr(FAR4)});
	MESSAGE("prober-result-lost", RESULT, prober_result,
	    {.instance = 9,
		.ttl = 255,
		.outcome = RESULT_TIMEOUT,
		.reply_ttl = -1,
		.reply_tos = -1,
		.rtt = -1});
	MESSAGE("prober-done-reached", DONE, prober_done,
	    {.instance = 3,
		.reason = REASON_REACHED,
		.end_ttl = 5,
		.sent = 48,
		.replies = 15,
		.window = 1});
}

static void
names(void)
{
	MESSAGE("names-configure", CONFIGURE, names_configure,
	    {.servers = "192.0.2.1:5353,[2001:db8::1]:53", .timeout_ms = 5000});
	MESSAGE("names-configure-origins", CONFIGURE, names_configure,
	    {.timeout_ms = 60000,
		.as_source = NAMES_FROM_WHOIS,
		.as_names = 1,
		.databases = NAMES_DATABASE_COUNTRIES,
		.whois_port = 43,
		.whois_server = "whois.example.net"});
	MESSAGE("names-reverse", REVERSE, names_reverse, {1, sample_addr(V4)});
	MESSAGE(
	    "names-reverse6", REVERSE, names_reverse, {2, sample_addr("fe80::1%4")});
	MESSAGE(
	    "names-forward", FORWARD, names_forward, {3, AF_INET6, "host.example.net"});
	MESSAGE("names-name", NAME, names_name, {1, NAMES_OK, "r1.example.net"});
	MESSAGE("names-name-failed", NAME, names_name, {1, NAMES_TIMEOUT, ""});
	MESSAGE("names-addrs", ADDRS, names_addrs,
	    {3, NAMES_OK, 2, {sample_addr(V4), sample_addr(V6)}});
	MESSAGE(
	    "names-addrs-failed", ADDRS, names_addrs, {3, NAMES_NOT_FOUND, 0, {{0}}});
	MESSAGE("names-origin", ORIGIN, names_origin,
	    {4, NAMES_OK, 2, {64496, UINT32_MAX}, "DE", "EXAMPLE, DE"});
	MESSAGE("names-origin-country", ORIGIN, names_origin,
	    {4, NAMES_NOT_FOUND, 0, {0}, "FR", ""});
}

/* ---- of the helper's caller ------------------------------------------------------ */

#define REQUEST(name, first, type, ...) \
	SEED("privsep_request", name, first, type, __VA_ARGS__)
/* The reservations of fuzz_privsep.c: id 0 and 1 are UDP, 2 and 3 TCP, 4 and 5 ICMP. */
#define SEND_TO(name, number, to, ...) \
	REQUEST(name, PRIVSEP_SEND, privsep_send, \
	    {.cookie = 1, \
		.id = number, \
		.ttl = 64, \
		.source = sample_addr((number) % 2 == 0 ? V4 : V6), \
		.destination = sample_addr(to), \
		__VA_ARGS__})
#define UDP_TO(name, number, to) \
	SEND_TO(name, number, to, .protocol = IPPROTO_UDP, .port = 33434, \
	    .payload_len = 3, .payload = (const uint8_t *)"abc")
#define TCP_TO(name, number, to, ...) \
	SEND_TO(name, number, to, .protocol = IPPROTO_TCP, .port = 80, \
	    .tcp = {.sequence = 0xdeadbeef, .window = 5840, __VA_ARGS__})

static void
requests(void)
{
	static const struct {
		const char *name, *to;
	} refused[] = {{"to-broadcast", "255.255.255.255"}, {"to-class-e", "240.0.0.1"},
	    {"to-multicast", "224.0.0.1"}, {"to-zero", "0.1.2.3"},
	    {"to-mapped", "::ffff:192.0.2.7"}, {"to-multicast6", "ff02::1"},
	    {"to-unspecified", "::"}};

	REQUEST("reserve4", PRIVSEP_RESERVE, privsep_reserve,
	    {.id = 63,
		.protocol = IPPROTO_UDP,
		.dont_fragment = 1,
		.port = 24000,
		.interface = 4,
		.family = AF_INET,
		.source = sample_addr(V4)});
	REQUEST("reserve6-any", PRIVSEP_RESERVE, privsep_reserve,
	    {.id = 63, .protocol = IPPROTO_ICMPV6, .family = AF_INET6});
	REQUEST("release", PRIVSEP_RELEASE, privsep_release, {63});
	REQUEST("other-source", PRIVSEP_SEND, privsep_send,
	    {.protocol = IPPROTO_UDP,
		.ttl = 1,
		.source = sample_addr("192.0.2.2"),
		.destination = sample_addr(FAR4)});
	UDP_TO("udp4", 0, FAR4);
	UDP_TO("udp6", 1, FAR6);
	TCP_TO("tcp4-syn", 2, FAR4, .flags = 0x02);
	TCP_TO("tcp4-syn-ecn", 2, FAR4, .flags = 0xc2);
	TCP_TO("tcp4-syn-options", 2, FAR4, .flags = 0x02,
	    .options = PRIVSEP_TCP_OPTIONS_END - 1, .mss = 1460, .window_scale = 7,
	    .timestamp = 1);
	TCP_TO("tcp4-ack", 2, FAR4, .flags = 0x10, .ack = 0xcafe);
	TCP_TO("tcp4-rst", 2, FAR4, .flags = 0x04);
	TCP_TO("tcp4-xmas", 2, FAR4, .flags = 0xff);
	TCP_TO("tcp6-syn", 3, FAR6, .flags = 0x02);
	SEND_TO("echo4", 4, FAR4, .protocol = IPPROTO_ICMP, .port = 1,
	    .checksum = 0x1234, .payload_len = PRIVSEP_ECHO_PAYLOAD_MIN);
	SEND_TO("echo6", 5, FAR6, .protocol = IPPROTO_ICMPV6, .port = 1,
	    .checksum = 0x1234, .payload_len = PRIVSEP_ECHO_PAYLOAD_MIN);
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		int number = strchr(refused[i].to, ':') == NULL ? 0 : 1;

		UDP_TO(refused[i].name, (uint8_t)number, refused[i].to);
	}
}

int
main(void)
{
	prober_down();
	prober_up();
	names();
	requests();
	return 0;
}
