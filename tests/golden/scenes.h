/*
 * Synthetic traces, shown by check_render_text, check_render_json and check_notes, and
 * their expected output in files beside this one (golden.h): SCENE.txt, .json, .notes.
 */
#ifndef TESTS_GOLDEN_SCENES_H
#define TESTS_GOLDEN_SCENES_H

#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/golden/golden.h"
#include "tools/shared/naming.h"
#include "tools/traceroute/record.h"

#define SCENE_RESULTS 80
#define MS INT64_C(1000000)
#define SENT INT64_C(1795302021573012345)

struct scene {
	const char *name;
	const char *host;
	const char *target;
	const char *protocol;
	bool numeric;
	bool segments; /* -O info,mss */
	bool extensions;
	struct prober_start start;
	struct prober_result results[SCENE_RESULTS];
	struct prober_done done; /* reason 0: the prober died */
	bool not_started;
};

/* The pieces that scenes are written with. */
static struct addr
scene_addr(const char *text)
{
	struct addr a = {0};

	if (text != NULL)
		ck_assert_int_eq(addr_from_text(text, &a), 0);
	return a;
}

static struct prober_result
hop(uint8_t ttl, uint8_t query, const char *from, int64_t rtt)
{
	struct addr a = scene_addr(from);

	return (struct prober_result){.instance = 1,
	    .probe = (uint32_t)(ttl * 3 + query),
	    .ttl = ttl,
	    .query = query,
	    .outcome = RESULT_REPLY,
	    .reply = REPLY_TIME_EXCEEDED,
	    .icmp_type = a.family == AF_INET ? 11 : 3,
	    .rtt_source = RTT_KERNEL,
	    .reply_ttl = (int16_t)(65 - ttl),
	    .reply_tos = 0xc0,
	    .sent = SENT + ttl * MS,
	    .rtt = rtt,
	    .from = a};
}

static struct prober_result
lost(uint8_t ttl, uint8_t query)
{
	return (struct prober_result){.instance = 1,
	    .probe = (uint32_t)(ttl * 3 + query),
	    .ttl = ttl,
	    .query = query,
	    .outcome = RESULT_TIMEOUT,
	    .reply_ttl = -1,
	    .reply_tos = -1,
	    .sent = SENT + ttl * MS,
	    .rtt = -1};
}

/* Any other ICMP error. */
static struct prober_result
icmp(uint8_t ttl, uint8_t query, const char *from, uint8_t type, uint8_t code)
{
	struct prober_result m = hop(ttl, query, from, ttl * MS);

	m.reply = (m.from.family == AF_INET ? type == 3 : type < 3) ? REPLY_UNREACHABLE
								    : REPLY_OTHER;
	m.icmp_type = type;
	m.icmp_code = code;
	return m;
}

static struct prober_result
flagged(struct prober_result m, uint16_t flags)
{
	m.flags = flags;
	return m;
}

static struct prober_result
reached(uint8_t ttl, uint8_t query, const char *from, int64_t rtt)
{
	struct prober_result m = icmp(ttl, query, from, 3, 3);

	if (m.from.family == AF_INET6) {
		m.icmp_type = 1;
		m.icmp_code = 4;
		m.reply = REPLY_UNREACHABLE;
	}
	m.rtt = rtt;
	return flagged(m, RESULT_REACHED | RESULT_FINAL);
}

static struct prober_result
with_mpls(struct prober_result m, uint32_t label, uint32_t second)
{
	uint8_t labels = second == 0 ? 1 : 2;

	m.objects[m.objects_count++] = (struct prober_object){.class_num = 1,
	    .c_type = 1,
	    .labels = labels,
	    .len = (uint16_t)(4 * labels)};
	m.mpls[m.mpls_count++] = (struct prober_mpls){label, 0, second == 0, 1};
	if (second != 0)
		m.mpls[m.mpls_count++] = (struct prober_mpls){second, 5, 1, 255};
	return m;
}

static struct prober_result
with_object(struct prober_result m, uint8_t class_num, uint8_t c_type, const char *data)
{
	struct prober_object *o = &m.objects[m.objects_count++];
	size_t len = strlen(data);

	*o = (struct prober_object){
	    .class_num = class_num, .c_type = c_type, .len = (uint16_t)len};
	memcpy(o->data, data, len < sizeof(o->data) ? len : sizeof(o->data));
	return m;
}

static struct prober_result
with_interface(struct prober_result m, const struct prober_interface *i)
{
	struct prober_object *o = &m.objects[m.objects_count++];
	uint8_t c_type = (uint8_t)(i->role << 6 | i->has);

	*o = (struct prober_object){2, c_type, 0, 4, "data", 1};
	m.interfaces[m.interfaces_count++] = *i;
	return m;
}

/* ---- names ----------------------------------------------------------------------- */

/* What a hostile or an honest zone says; addresses not here have no name. */
static const struct {
	const char *addr;
	const char *name;
} scene_names[] = {
    {"10.0.0.1", "gateway.example"},
    {"10.0.1.1", "core1.example"},
    {"198.51.100.9", "host.example"},
    {"10.6.6.1", "\033[31mred\033[0m\x7f.example"},
    {"10.6.6.2", "two\nlines \"quoted\" \\x41 (10.0.0.1)"},
    {"10.6.6.3", "caf\xc3\xa9.example"},
    {"10.6.6.4", "bad\xff\xfe\xc3(utf-8)"},
    {"10.6.6.5", "\xc2\x9b"
		 "31m\xe2\x80\xae"
		 "reversed"},
    {"10.6.6.6", "=cmd|' /C calc'!A0,\"x\";=1"},
    {"2001:db8::1", "six.example"},
};

static enum name_state
scene_name(void *context, const struct addr *a, const char **name)
{
	char text[ADDR_TEXT_MAX];

	(void)context;
	addr_to_text(a, text);
	for (size_t i = 0; i < sizeof(scene_names) / sizeof(scene_names[0]); i++)
		if (strcmp(text, scene_names[i].addr) == 0) {
			*name = scene_names[i].name;
			return NAME_KNOWN;
		}
	return NAME_NONE;
}

static const struct naming scene_naming = {.find = scene_name};

/* ---- scenes ---------------------------------------------------------------------- */

static void
set(struct scene *s, const char *name, const char *host, const char *target)
{
	*s = (struct scene){.name = name,
	    .host = host,
	    .target = target,
	    .protocol = "udp",
	    .start = {.instance = 1,
		.algorithm = "paris",
		.dst_port = 33434,
		.packet_len = 60,
		.first_ttl = 1,
		.max_ttl = 30,
		.queries = 3,
		.loop_limit = 3,
		.wait_here = 3000,
		.wait_near = 10000,
		.wait_max = 5000 * MS},
	    .done = {.instance = 1, .reason = REASON_REACHED}};
}

static void
add(struct scene *s, struct prober_result m)
{
	for (size_t i = 0; i < SCENE_RESULTS; i++)
		if (s->results[i].outcome == 0) {
			s->results[i] = m;
			return;
		}
	ck_abort_msg("SCENE_RESULTS is too small");
}

static void
scene_plain(struct scene *s)
{
	set(s, "plain", "host.example", "198.51.100.9");
	s->done.end_ttl = 3;
	s->done.sent = 9;
	s->done.replies = 9;
	for (uint8_t q = 0; q < 3; q++) {
		add(s, hop(1, q, "10.0.0.1", 123456 + q));
		add(s, hop(2, q, "10.0.2.1", 1234567 + q * 1000));
		add(s, reached(3, q, "198.51.100.9", 40 * MS + q));
	}
}

static void
scene_numeric(struct scene *s)
{
	scene_plain(s);
	s->name = "numeric";
	s->numeric = true;
}

static void
scene_silent(struct scene *s)
{
	set(s, "silent", "198.51.100.9", "198.51.100.9");
	s->done = (struct prober_done){
	    .instance = 1, .reason = REASON_HOP_LIMIT, .end_ttl = 4, .timeouts = 7};
	s->start.max_ttl = 4;
	add(s, lost(1, 0));
	add(s, hop(1, 1, "10.0.0.1", 999999)); /* rounds up to 1.000 ms */
	add(s, lost(1, 2));
	for (uint8_t q = 0; q < 3; q++) {
		add(s, lost(2, q));
		add(s, lost(4, q));
	}
	add(s, hop(3, 0, "10.0.1.1", 499)); /* rounds down to 0.000 ms */
	add(s, lost(3, 1));
	add(s, hop(3, 2, "10.0.1.1", 12345678901));
}

static void
scene_addresses(struct scene *s)
{
	set(s, "addresses", "198.51.100.9", "198.51.100.9");
	s->start.queries = 4;
	s->done.end_ttl = 3;
	add(s, hop(1, 0, "10.0.0.1", MS));
	add(s, hop(1, 1, "10.0.1.1", 2 * MS));
	add(s, hop(1, 2, "10.0.1.1", 3 * MS));
	add(s, hop(1, 3, "10.0.0.1", 4 * MS));
	add(s, hop(2, 0, "10.0.0.7", MS));
	add(s, lost(2, 1));
	add(s, hop(2, 2, "10.0.0.7", 3 * MS));
	add(s, hop(2, 3, "10.0.0.1", 4 * MS));
	for (uint8_t q = 0; q < 4; q++)
		add(s, reached(3, q, "198.51.100.9", 5 * MS));
}

static void
scene_marks4(struct scene *s)
{
	struct prober_result m;

	set(s, "marks4", "198.51.100.9", "198.51.100.9");
	s->numeric = true;
	s->start.queries = 1;
	for (uint8_t code = 0; code < 17; code++) {
		m = icmp((uint8_t)(code + 1), 0, "10.0.0.1", 3, code);
		m.mtu = code == 4 ? 1400 : 0;
		add(s, m);
	}
	add(s, icmp(18, 0, "10.0.0.1", 11, 1));
	add(s, icmp(19, 0, "10.0.0.1", 12, 0));
	add(s, flagged(icmp(20, 0, "10.0.0.1", 3, 1), RESULT_FINAL));
	add(s, hop(21, 0, "10.0.0.2", MS)); /* past the end */
	s->done.reason = REASON_UNREACHABLE;
	s->done.end_ttl = 20;
}

static void
scene_marks6(struct scene *s)
{
	struct prober_result m;

	set(s, "marks6", "2001:db8::9", "2001:db8::9");
	s->start.queries = 1;
	s->start.packet_len = 80;
	for (uint8_t code = 0; code < 8; code++)
		add(s, icmp((uint8_t)(code + 1), 0, "2001:db8::1", 1, code));
	m = icmp(9, 0, "2001:db8::1", 2, 0);
	m.mtu = 1280;
	add(s, m);
	add(s, icmp(10, 0, "2001:db8::2", 3, 1));
	add(s, icmp(11, 0, "2001:db8::2", 4, 1));
	add(s, reached(12, 0, "2001:db8::9", 7 * MS));
	s->done.end_ttl = 12;
}

/* With all that RFC 5837 has, and with hostile names. */
static struct prober_result
hop_interfaces(void)
{
	const struct prober_interface interfaces[] = {
	    {INTERFACE_INCOMING, 15, 4, scene_addr("10.3.255.1"), 9000, "ge-0/0/0.0"},
	    {INTERFACE_SUB_IP, INTERFACE_NAME, 0, {0}, 0,
		"\033[31m\n\"%\\=\xff\xc3\xa4"},
	    {INTERFACE_OUTGOING, INTERFACE_ADDR | INTERFACE_MTU, 0,
		scene_addr("2001:db8::1"), 1500, ""},
	    {INTERFACE_NEXT_HOP, 0, 0, {0}, 0, ""},
	};
	struct prober_result m = hop(4, 0, "10.0.0.4", MS);

	for (size_t i = 0; i < sizeof(interfaces) / sizeof(interfaces[0]); i++)
		m = with_interface(m, &interfaces[i]);
	return m;
}

static void
scene_extensions(struct scene *s)
{
	set(s, "extensions", "198.51.100.9", "198.51.100.9");
	s->numeric = s->extensions = true;
	s->start.queries = 4;
	add(s, with_mpls(hop(1, 0, "10.0.0.1", MS), 24015, 0));
	add(s, with_mpls(hop(1, 1, "10.0.0.1", MS), 24015, 0));
	add(s, with_mpls(hop(1, 2, "10.0.0.1", MS), 24016, 0xfffff));
	add(s, flagged(hop(1, 3, "10.0.0.1", MS), RESULT_BY_ADDRESS));
	add(s, with_object(hop(2, 0, "10.0.0.2", MS), 2, 10, "abcdefgh"));
	add(s, with_object(
		   with_object(with_mpls(hop(2, 1, "10.0.0.2", MS), 3, 0), 5, 0, ""), 6,
		   1, "abcdef"));
	add(s, flagged(hop(2, 2, "10.0.0.2", MS), RESULT_EXTENSIONS_BAD));
	add(s, lost(2, 3));
	/* In the order in which they came, label stacks too. */
	add(s,
	    with_mpls(
		with_mpls(with_object(hop(3, 0, "10.0.0.3", MS), 2, 10, "abcd"), 5, 6),
		7, 0));
	add(s, with_object(with_mpls(hop(3, 1, "10.0.0.3", MS), 7, 0), 2, 10, "abcd"));
	add(s, with_object(hop(3, 2, "10.0.0.3", MS), 1, 1, ""));
	add(s, lost(3, 3));
	add(s, hop_interfaces());
	for (uint8_t q = 0; q < 4; q++)
		add(s, reached(5, q, "198.51.100.9", 5 * MS));
	s->done.end_ttl = 5;
}

/* The same replies without -e. */
static void
scene_no_extensions(struct scene *s)
{
	scene_extensions(s);
	s->name = "no-extensions";
	s->extensions = false;
}

static void
scene_hostile(struct scene *s)
{
	static const char *const from[] = {
	    "10.6.6.1", "10.6.6.2", "10.6.6.3", "10.6.6.4", "10.6.6.5", "10.6.6.6"};

	set(s, "hostile", "host\033[1m.example", "198.51.100.9");
	s->start.queries = 1;
	for (uint8_t i = 0; i < 6; i++)
		add(s, hop((uint8_t)(i + 1), 0, from[i], MS));
	add(s, reached(7, 0, "198.51.100.9", 5 * MS));
	s->done.end_ttl = 7;
}

static void
scene_echo(struct scene *s)
{
	struct prober_result m;

	set(s, "echo", "198.51.100.9", "198.51.100.9");
	s->protocol = "icmp";
	s->start.first_ttl = 9;
	s->start.first_tag = 1;
	s->start.flow_chosen = 1;
	s->start.flow_id = 77;
	for (uint8_t q = 0; q < 3; q++) {
		add(s, hop(9, q, "10.0.0.1", MS));
		m = reached(10, q, "198.51.100.9", 2 * MS);
		m.reply = REPLY_ECHO;
		m.icmp_type = m.icmp_code = 0;
		m.rtt_source = RTT_USER;
		m.reply_ttl = m.reply_tos = -1;
		add(s, m);
	}
	s->done.end_ttl = 10;
}

static void
scene_udp_data(struct scene *s)
{
	struct prober_result m = reached(1, 0, "198.51.100.10", 2 * MS);

	set(s, "udp-data", "198.51.100.9", "198.51.100.9");
	s->start.queries = 1;
	m.reply = REPLY_DATA;
	m.icmp_type = m.icmp_code = 0;
	m.flags |= RESULT_OTHER_ADDRESS;
	add(s, m);
	s->done.end_ttl = 1;
}

static void
scene_send_failed(struct scene *s)
{
	struct prober_result m = lost(1, 0);

	set(s, "send-failed", "198.51.100.9", "198.51.100.9");
	m.outcome = RESULT_SEND_FAILED;
	m.error = EMSGSIZE;
	m.mtu = 1300;
	add(s, m);
	m.query = 1;
	m.mtu = 0;
	add(s, m);
	m.query = 2;
	m.error = ENETDOWN;
	add(s, m);
	m.ttl = 2;
	add(s, m);
	s->done = (struct prober_done){.instance = 1,
	    .reason = REASON_FAILED,
	    .end_ttl = 2,
	    .error = ENETDOWN,
	    .detail = "cannot send to 198.51.100.9"};
}

/* Our own link takes less, as -F finds out. */
static void
scene_too_large(struct scene *s)
{
	set(s, "too-large", "198.51.100.9", "198.51.100.9");
	s->start.dont_fragment = 1;
	for (uint8_t q = 0; q < 3; q++) {
		struct prober_result m = flagged(lost(1, q), RESULT_FINAL);

		m.outcome = RESULT_SEND_FAILED;
		m.error = EMSGSIZE;
		m.mtu = 1400;
		m.rtt = 78123 - q * 1000;
		add(s, m);
	}
	s->done = (struct prober_done){.instance = 1,
	    .reason = REASON_UNREACHABLE,
	    .end_ttl = 1,
	    .error = EMSGSIZE,
	    .detail = "cannot send 1450 bytes to 198.51.100.9"};
}

/* --mtu: where probes had to become smaller, whatever became of them then. */
static void
scene_path_mtu(struct scene *s)
{
	const struct prober_result first[] = {
	    hop(1, 0, "10.0.0.1", MS), lost(2, 0), icmp(3, 0, "10.0.1.1", 3, 1)};

	set(s, "path-mtu", "198.51.100.9", "198.51.100.9");
	s->start.dont_fragment = s->start.path_mtu = 1;
	s->start.window = 1;
	s->start.queries = 2;
	s->start.packet_len = 65000;
	for (uint8_t i = 0; i < 3; i++) {
		struct prober_result m = first[i];

		m.path_mtu = 1500 - 100U * i;
		add(s, m);
		m.path_mtu = 0;
		m.query = 1;
		add(s, m);
	}
	s->done.reason = REASON_UNREACHABLE;
	s->done.end_ttl = 3;
}

/* Holes: what is not known is not printed as lost. */
static void
scene_interrupted(struct scene *s)
{
	set(s, "interrupted", "198.51.100.9", "198.51.100.9");
	add(s, hop(1, 0, "10.0.0.1", MS));
	add(s, hop(1, 2, "10.0.0.1", 3 * MS));
	add(s, hop(3, 1, "10.0.1.1", 3 * MS));
	s->done = (struct prober_done){
	    .instance = 1, .reason = REASON_INTERRUPTED, .end_ttl = 16, .sent = 48};
}

/* The destination answered at hop 2 as well as at 3 and 4. */
static void
scene_past_end(struct scene *s)
{
	set(s, "past-end", "198.51.100.9", "198.51.100.9");
	s->start.queries = 1;
	add(s, reached(4, 0, "198.51.100.9", 5 * MS));
	add(s, reached(3, 0, "198.51.100.9", 5 * MS));
	add(s, hop(1, 0, "10.0.0.1", MS));
	add(s, reached(2, 0, "198.51.100.9", 5 * MS));
	s->done.end_ttl = 2;
}

/* Replies that are no final word. */
static void
scene_others(struct scene *s)
{
	struct prober_result m;

	scene_plain(s);
	s->name = "others";
	m = hop(1, 0, "10.0.0.1", 2 * MS);
	m.outcome = RESULT_DUPLICATE;
	add(s, m);
	m = hop(2, 1, "10.0.2.2", 6000 * MS);
	m.outcome = RESULT_LATE;
	m.flags = RESULT_ALTERED;
	add(s, m);
	m = hop(0, 0, "10.0.2.1", -1);
	m.outcome = RESULT_AMBIGUOUS;
	m.candidates = 6;
	m.rtt_source = RTT_NONE;
	add(s, m);
	s->done.duplicates = s->done.late = s->done.ambiguous = 1;
	s->done.reasked = 6;
	s->done.lost_here = 2;
	s->done.window = 1;
}

/* Time exceeded, three times: one letter an address, '*' a lost probe. */
static void
hops(struct scene *s, uint8_t ttl, const char *from)
{
	for (uint8_t q = 0; from[q] != '\0'; q++) {
		char text[] = "10.0.9.1";

		text[5] = from[q];
		add(s, from[q] == '*' ? lost(ttl, q) : hop(ttl, q, text, MS));
	}
}

/* An address at the next hop, and one that comes back; not one that only refuses. */
static void
scene_loops(struct scene *s)
{
	set(s, "loops", "198.51.100.9", "198.51.100.9");
	s->numeric = true;
	hops(s, 1, "111");
	hops(s, 2, "111");
	hops(s, 3, "1*2");
	hops(s, 4, "333");
	hops(s, 5, "*13");
	hops(s, 6, "***");
	hops(s, 7, "343");
	hops(s, 8, "455");
	for (uint8_t q = 0; q < 3; q++)
		add(s, flagged(icmp(9, q, "10.0.5.1", 3, 1), RESULT_FINAL));
	s->done.reason = REASON_UNREACHABLE;
	s->done.end_ttl = 9;
}

/* Each probe is a flow of its own: another address is no wonder. */
static void
scene_loops_of_flows(struct scene *s)
{
	scene_loops(s);
	s->name = "loops-of-flows";
	strcpy(s->start.algorithm, "traceroute");
}

/* What address translation and changed packets look like. */
static void
scene_translated(struct scene *s)
{
	struct prober_result m;

	set(s, "translated", "198.51.100.9", "198.51.100.9");
	s->start.queries = 2;
	add(s, flagged(hop(1, 0, "10.0.0.1", MS), RESULT_ALTERED));
	m = flagged(hop(1, 1, "10.0.0.1", MS), RESULT_TRANSLATED);
	m.quoted_dst = scene_addr("10.9.9.9");
	m.quoted_port = 8080;
	add(s, m);
	add(s, flagged(hop(2, 0, "198.51.100.9", MS), RESULT_FROM_TARGET));
	add(s, lost(2, 1));
	add(s, flagged(hop(3, 0, "198.51.100.9", MS), RESULT_FROM_TARGET));
	m.ttl = 3;
	m.from = scene_addr("198.51.100.9");
	m.flags |= RESULT_FROM_TARGET | RESULT_ALTERED | RESULT_EXTENSIONS_BAD;
	add(s, m);
	add(s, flagged(reached(4, 0, "10.9.9.9", MS),
		   RESULT_REACHED | RESULT_FINAL | RESULT_OTHER_ADDRESS));
	m = flagged(icmp(4, 1, "10.0.3.1", 3, 13), RESULT_FINAL | RESULT_TRANSLATED);
	m.quoted_dst = scene_addr("10.9.9.9");
	add(s, m);
	/* Routers where the path should have ended. */
	add(s, hop(5, 0, "10.0.3.1", MS));
	add(s, hop(7, 1, "10.0.4.1", MS));
	add(s, hop(7, 0, "10.0.3.1", MS));
	m = reached(4, 0, "198.51.100.9", 2 * MS);
	m.outcome = RESULT_DUPLICATE;
	add(s, m);
	s->done.end_ttl = 4;
	s->done.duplicates = 2;
	s->done.strays = 17;
}

/* -T -O info,mss: what the target's segments say, and where the MSS is lowered. */
static void
scene_segments(struct scene *s)
{
	struct prober_result m;

	set(s, "segments", "198.51.100.9", "198.51.100.9");
	s->protocol = "tcp";
	s->numeric = s->segments = true;
	s->start.tcp = (struct prober_tcp){1, 0xc2, 3, 1400};
	s->done.end_ttl = 4;
	for (uint8_t ttl = 1; ttl <= 3; ttl++)
		for (uint8_t q = 0; q < 3; q++) {
			m = hop(ttl, q, "10.0.0.1", MS);
			m.from.bytes[3] = ttl;
			m.seen = q == 1 ? 0 : SEEN_QUOTED_MSS;
			m.sent_mss = 1400;
			m.quoted_mss = ttl == 1 || (ttl == 2 && q == 0) ? 1400
				       : ttl == 2                       ? 1360
									: 1200;
			add(s, m);
		}
	for (uint8_t q = 0; q < 3; q++) {
		m = reached(4, q, "198.51.100.9", MS);
		m.reply = q < 2 ? REPLY_SYN_ACK : REPLY_RESET;
		m.icmp_type = m.icmp_code = 0;
		m.seen = SEEN_TCP | (q < 2 ? SEEN_TCP_MSS : 0);
		m.tcp_flags = q < 2 ? 0x52 : 0x14;
		m.tcp_options = q < 2 ? TCP_OPTION_MSS | TCP_OPTION_SACK : 0;
		m.tcp_mss = q < 2 ? 1220 : 0;
		add(s, m);
	}
}

static void
scene_scoped(struct scene *s)
{
	struct prober_result m = reached(1, 0, "fe80::1", MS);

	set(s, "scoped", "fe80::1%lo", "fe80::1");
	s->start.queries = 1;
	s->start.target.scope = 1; /* the loopback interface */
	m.from.scope = 1;
	add(s, m);
	s->done.end_ttl = 1;
}

static void
scene_could_not_start(struct scene *s)
{
	set(s, "could-not-start", "198.51.100.9", "198.51.100.9");
	s->not_started = true;
	s->done = (struct prober_done){.instance = 1,
	    .reason = REASON_FAILED,
	    .error = ENETUNREACH,
	    .detail = "no route to 198.51.100.9"};
}

static void
scene_died(struct scene *s)
{
	set(s, "died", "198.51.100.9", "198.51.100.9");
	add(s, hop(1, 0, "10.0.0.1", MS));
	s->done.reason = 0;
}

static void (*const scene_list[])(struct scene *s) = {scene_plain, scene_numeric,
    scene_silent, scene_addresses, scene_marks4, scene_marks6, scene_extensions,
    scene_no_extensions, scene_hostile, scene_echo, scene_udp_data, scene_send_failed,
    scene_too_large, scene_path_mtu, scene_interrupted, scene_past_end, scene_others,
    scene_loops, scene_loops_of_flows, scene_translated, scene_scoped,
    scene_could_not_start, scene_died, scene_segments};
#define SCENES ((int)(sizeof(scene_list) / sizeof(scene_list[0])))

/* ---- playing a scene ------------------------------------------------------------- */

static void
scene_begin(const struct scene *s, struct record *t)
{
	struct prober_plan_family plan = {
	    TRANSPORT_UDP, TRANSPORT_UDP, 0, 0, "udp.payload"};
	struct prober_start start = s->start;
	uint32_t scope = start.target.scope;

	start.target = scene_addr(s->target);
	start.target.scope = scope;
	ck_assert_int_eq(record_init(t, s->host, s->protocol, &start, &plan), 0);
	t->began = SENT;
}

static void
scene_started(const struct scene *s, struct record *t)
{
	bool v6 = t->asked.target.family == AF_INET6;
	struct prober_started m = {.instance = 1,
	    .source = scene_addr(v6 ? "2001:db8:1::1" : "192.0.2.1"),
	    .src_port = 33000,
	    .dst_port = 33434,
	    .icmp_id = 4711,
	    .icmp_checksum = 0xbeef,
	    .flow_label = v6 ? 0x12345 : 0,
	    .packet_len = s->start.packet_len};

	if (!s->not_started)
		ck_assert_int_eq(record_take_started(t, &m), 0);
}

static void
scene_end(const struct scene *s, struct record *t)
{
	if (s->done.reason != 0)
		ck_assert_int_eq(record_take_done(t, &s->done), 0);
	else
		t->broken = true;
	if (t->ended != 0)
		t->ended = SENT + 5000 * MS;
}

static int
scene_count(const struct scene *s)
{
	int count = 0;

	while (count < SCENE_RESULTS && s->results[count].outcome != 0)
		count++;
	return count;
}

/* What the scene prints must be what its file has. */
static void
scene_compare(const struct scene *s, const char *suffix, const struct output *out)
{
	golden_compare(s->name, suffix, out);
}

#endif
