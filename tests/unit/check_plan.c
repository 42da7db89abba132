/* prober/plan: every choice and every refusal, from facts that are made up. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "prober/plan.h"
#include "prober/transport.h"
#include "prober/tree.h"
#include "tests/support/testing.h"

/* A machine that allows everything but the helper. */
static struct host_facts
all_allowed(void)
{
	return (struct host_facts){
	    .group_range_known = true,
	    .group_low = 0,
	    .group_high = 2147483647,
	    .gid = 1000,
	    .extensions = {true, true},
	    .syn_len = 40,
	    .helper = HELPER_MISSING,
	    .helper_path = "/opt/paris-privsep",
	    .stamp_ids_chosen = true,
	};
}

static struct plan_request
paris(uint8_t protocol)
{
	return (struct plan_request){
	    .protocol = protocol, .use_udp = "leave -I out", .flow_constant = true};
}

static const char *const families[] = {"IPv4", "IPv6"};

static void
must_say(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		ck_abort_msg("\"%s\" is not said in: %s", part, text);
}

static void
must_not_say(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		ck_abort_msg("\"%s\" is said in: %s", part, text);
}

/* What holds of every plan that could be made, and of every refusal. */
static void
check_plan(const struct plan *p, size_t family)
{
	const struct prober_plan_family *f = &p->choice.family[family];
	const char *text = p->text[family];
	const char *problem = p->problem[family];

	if (p->error[family] != 0) {
		ck_assert_int_gt(p->error[family], 0);
		ck_assert_int_eq(f->send, TRANSPORT_NONE);
		ck_assert_int_eq(f->receive, TRANSPORT_NONE);
		ck_assert_str_eq(f->tag, "");
		ck_assert_str_eq(text, "");
		/* One line that is whole. */
		ck_assert_uint_gt(strlen(problem), 10);
		ck_assert_uint_lt(strlen(problem), PLAN_TEXT_MAX - 100);
		must_not_say(problem, "\n");
		must_not_say(problem, "(null)");
		return;
	}
	ck_assert_str_eq(problem, "");
	ck_assert_int_ne(f->send, TRANSPORT_NONE);
	ck_assert_int_eq(f->receive, f->send);
	ck_assert_int_eq(f->window, f->tag[0] == '\0' ? 1 : 0);
	/* Lines, all of them whole: the last one is there, with room to spare. */
	ck_assert_uint_lt(strlen(text), PLAN_TEXT_MAX - 100);
	must_not_say(text, "(null)");
	must_not_say(text, "\n\n");
	must_not_say(text, "set: \n");
	must_say(text, "pattern: ");
	must_say(text, "\nflow: ");
	must_say(text, "\ntag: ");
	must_say(text, "\nsend: ");
	must_say(text, "\nreceive: ");
	must_say(text, "\nwindow: ");
	must_say(text, plan_needs_helper(&p->choice) ? "\nhelper: /opt/paris-privsep\n"
						     : "\nhelper: not needed\n");
}

static int
choose(const struct plan_request *r, const struct host_facts *f, struct plan *p)
{
	int error;

	memset(p, 0xa5, sizeof(*p));
	error = plan_choose(r, f, p);
	ck_assert(p->choice.stamp_ids_chosen == f->stamp_ids_chosen);
	for (size_t family = 0; family < 2; family++)
		check_plan(p, family);
	return error;
}

/* ---- what is possible ---- */

/* What --explain says of each protocol. */
struct words {
	uint8_t protocol;
	const char *send, *flow, *receive, *times;
};

static const struct words *
words_of(uint8_t protocol)
{
	static const char both[] = "the kernel's, for sending and receiving";
	static const struct words words[] = {
	    {IPPROTO_UDP, "send: udp socket", "udp.src_port, udp.dst_port",
		"error queue\n", both},
	    {IPPROTO_ICMP, "send: ping socket", "icmp.checksum", "echo replies", both},
	    {IPPROTO_TCP, "send: tcp socket", "tcp.src_port, tcp.dst_port",
		"accepted or refused", "times: ours for sending"},
	    {IPPROTO_UDPLITE, "send: udplite socket",
		"udplite.src_port, udplite.dst_port", "error queue\n", both},
	};
	size_t i = 0;

	while (words[i].protocol != protocol)
		i++;
	return &words[i];
}

static const struct {
	uint8_t protocol;
	bool flow_constant;
	const char *tag; /* asked; NULL: the best */
	uint16_t len[2];
	uint8_t transport;
	const char *chosen; /* tag field; "": none */
} choices[] = {
    {IPPROTO_UDP, true, NULL, {0, 0}, TRANSPORT_UDP, "udp.payload"},
    {IPPROTO_UDP, true, NULL, {60, 80}, TRANSPORT_UDP, "udp.payload"},
    {IPPROTO_UDP, true, NULL, {32, 52}, TRANSPORT_UDP, "udp.payload"},
    {IPPROTO_UDP, true, NULL, {31, 51}, TRANSPORT_UDP, ""},
    {IPPROTO_UDP, true, NULL, {28, 48}, TRANSPORT_UDP, ""},
    {IPPROTO_UDP, true, NULL, {1, 1}, TRANSPORT_UDP, ""},
    {IPPROTO_UDP, true, "udp.payload", {28, 48}, TRANSPORT_UDP, "udp.payload"},
    {IPPROTO_UDP, false, NULL, {0, 0}, TRANSPORT_UDP, "udp.dst_port"},
    {IPPROTO_UDP, false, NULL, {28, 48}, TRANSPORT_UDP, "udp.dst_port"},
    {IPPROTO_UDP, false, "udp.src_port", {0, 0}, TRANSPORT_UDP, "udp.src_port"},
    {IPPROTO_UDP, false, "udp.payload", {0, 0}, TRANSPORT_UDP, "udp.payload"},
    {IPPROTO_TCP, true, NULL, {0, 0}, TRANSPORT_TCP, ""},
    {IPPROTO_TCP, true, NULL, {28, 48}, TRANSPORT_TCP, ""},
    {IPPROTO_TCP, false, NULL, {0, 0}, TRANSPORT_TCP, "tcp.src_port"},
    {IPPROTO_TCP, false, "tcp.src_port", {0, 0}, TRANSPORT_TCP, "tcp.src_port"},
    {IPPROTO_UDPLITE, true, NULL, {0, 0}, TRANSPORT_UDPLITE, "udplite.payload"},
    {IPPROTO_UDPLITE, true, NULL, {28, 48}, TRANSPORT_UDPLITE, ""},
    {IPPROTO_UDPLITE, false, NULL, {0, 0}, TRANSPORT_UDPLITE, "udplite.dst_port"},
    {IPPROTO_ICMP, true, NULL, {0, 0}, TRANSPORT_PING, "icmp.sequence"},
    {IPPROTO_ICMP, true, "icmp.sequence", {0, 0}, TRANSPORT_PING, "icmp.sequence"},
    {IPPROTO_ICMP, true, NULL, {28, 48}, TRANSPORT_PING, "icmp.sequence"},
    {IPPROTO_ICMP, false, NULL, {0, 0}, TRANSPORT_PING, "icmp.sequence"},
    {IPPROTO_ICMP, false, "icmp.checksum", {0, 0}, TRANSPORT_PING, "icmp.checksum"},
};

START_TEST(possible)
{
	for (size_t family = 0; family < 2; family++) {
		struct plan_request r = {.protocol = choices[_i].protocol,
		    .flow_constant = choices[_i].flow_constant,
		    .tag = choices[_i].tag,
		    .packet_len = choices[_i].len[family]};
		struct host_facts f = all_allowed();
		const struct prober_plan_family *c;
		struct plan p;
		const char *text;

		ck_assert_int_eq(choose(&r, &f, &p), 0);
		ck_assert_int_eq(p.error[family], 0);
		c = &p.choice.family[family];
		text = p.text[family];
		ck_assert_int_eq(c->send, choices[_i].transport);
		ck_assert_str_eq(c->tag, choices[_i].chosen);
		must_say(text, family == 0 ? "pattern: ipv4/" : "pattern: ipv6/");
		must_say(text, family == 0 ? "ipv4.ttl" : "ipv6.hop_limit");
		must_say(text, words_of(r.protocol)->send);
		/* A tag behind the ports leaves the flow alone; ICMP's checksum not. */
		must_say(text, r.flow_constant || strstr(c->tag, ".payload") != NULL
				   ? "(constant in every probe)"
				   : "(but for the tag, varies)");
		must_say(text, words_of(r.protocol)->flow);
		must_say(text, words_of(r.protocol)->receive);
		if (c->tag[0] == '\0') {
			must_say(text, "tag: none");
			must_say(text, "window: 1 probe in flight per flow");
		} else {
			must_say(text, c->tag);
			must_say(text, "window: no limit per flow");
		}
		/* Only a UDP payload over IPv4 may be cut off a quote. */
		if (strstr(c->tag, ".payload") != NULL && family == 0)
			must_say(text, "only 28 bytes (RFC 792), 1 until");
		else
			must_not_say(text, "28 bytes");
		must_not_say(text, "Linux 5.9");
		must_say(text, "not possible without a raw socket");
		must_say(text, words_of(r.protocol)->times);
		if (r.protocol == IPPROTO_TCP) {
			must_say(text, "wait: at most 900 ms");
			must_say(text, family == 0
					   ? "length: 60 bytes, which the kernel"
					   : "length: 80 bytes, which the kernel");
		} else {
			must_not_say(text, "wait: ");
			must_not_say(text, "length: ");
		}
		/* The kernel writes the SYN: 40 bytes of headers, 20 of options. */
		ck_assert_uint_eq(c->packet_len, r.protocol != IPPROTO_TCP ? 0
						 : family == 0             ? 60
									   : 80);
	}
}
END_TEST

/* A field that has a value of its own is none for the tag. */
static const struct {
	uint8_t protocol;
	bool flow_constant;
	const char *set[3];
	uint16_t len[2];
	const char *chosen;
} beside[] = {
    {IPPROTO_UDP, false, {"udp.src_port"}, {0, 0}, "udp.dst_port"},
    {IPPROTO_UDP, false, {"udp.dst_port"}, {0, 0}, "udp.src_port"},
    {IPPROTO_UDP, false, {"udp.src_port", "udp.dst_port"}, {0, 0}, "udp.payload"},
    {IPPROTO_UDP, false, {"udp.src_port", "udp.dst_port"}, {31, 51}, ""},
    {IPPROTO_UDP, true, {"udp.src_port", "udp.dst_port"}, {0, 0}, "udp.payload"},
    {IPPROTO_UDPLITE, false, {"udplite.dst_port"}, {0, 0}, "udplite.src_port"},
    {IPPROTO_UDPLITE, false, {"udplite.src_port"}, {0, 0}, "udplite.dst_port"},
    {IPPROTO_TCP, false, {"tcp.dst_port"}, {0, 0}, "tcp.src_port"},
    {IPPROTO_TCP, false, {"tcp.src_port"}, {0, 0}, ""},
    {IPPROTO_TCP, true, {"tcp.src_port", "tcp.dst_port"}, {0, 0}, ""},
};

START_TEST(tag_beside_what_is_set)
{
	static const char *const patterns[2][3] = {
	    {"ipv4/udp", "ipv4/udplite", "ipv4/tcp"},
	    {"ipv6/udp", "ipv6/udplite", "ipv6/tcp"}};
	int which = beside[_i].protocol == IPPROTO_UDP       ? 0
		    : beside[_i].protocol == IPPROTO_UDPLITE ? 1
							     : 2;
	const char *const names[] = {beside[_i].set[0], beside[_i].set[1], NULL};
	struct tree *tree = tree_new();

	for (size_t family = 0; family < 2; family++) {
		const struct pattern *pattern =
		    tree_find(tree, patterns[family][which]);
		struct plan_request r = {.protocol = beside[_i].protocol,
		    .flow_constant = beside[_i].flow_constant,
		    .packet_len = beside[_i].len[family]};
		struct host_facts f = all_allowed();
		struct plan p;

		r.set[family] = pattern_names_mask(pattern, names);
		ck_assert_int_eq(choose(&r, &f, &p), 0);
		ck_assert_str_eq(p.choice.family[family].tag, beside[_i].chosen);
		if (beside[_i].chosen[0] == '\0')
			must_say(p.text[family], "(constant in every probe)");
		/* Asked for, it is refused. */
		r.tag = names[0];
		r.flow_constant = false;
		(void)choose(&r, &f, &p);
		ck_assert_int_eq(p.error[family], EINVAL);
		must_say(p.problem[family], names[0]);
		if (strcmp(names[0], "tcp.dst_port") != 0) /* which never carries one */
			must_say(p.problem[family], "--sport");
	}
	tree_free(tree);
}
END_TEST

/* Everything the helper can do that datagram sockets cannot, and what is seen then. */
START_TEST(through_the_helper)
{
	static const struct {
		uint8_t protocol;
		const char *tag; /* asked; NULL: the best */
		uint8_t privilege;
		uint8_t transport;
		const char *chosen;
	} cases[] = {
	    {IPPROTO_UDP, NULL, PRIVILEGE_AUTO, TRANSPORT_UDP, "udp.payload"},
	    {IPPROTO_UDP, NULL, PRIVILEGE_HELPER, TRANSPORT_UDP_HELPER, "udp.checksum"},
	    {IPPROTO_UDP, "udp.checksum", PRIVILEGE_AUTO, TRANSPORT_UDP_HELPER,
		"udp.checksum"},
	    {IPPROTO_UDP, "udp.length", PRIVILEGE_AUTO, TRANSPORT_UDP_HELPER,
		"udp.length"},
	    {IPPROTO_TCP, NULL, PRIVILEGE_AUTO, TRANSPORT_TCP, ""},
	    {IPPROTO_TCP, NULL, PRIVILEGE_HELPER, TRANSPORT_TCP_HELPER, "tcp.seq"},
	    {IPPROTO_TCP, "tcp.seq", PRIVILEGE_AUTO, TRANSPORT_TCP_HELPER, "tcp.seq"},
	    {IPPROTO_TCP, "tcp.checksum", PRIVILEGE_AUTO, TRANSPORT_TCP_HELPER,
		"tcp.checksum"},
	    {IPPROTO_ICMP, NULL, PRIVILEGE_AUTO, TRANSPORT_PING, "icmp.sequence"},
	    {IPPROTO_ICMP, NULL, PRIVILEGE_HELPER, TRANSPORT_PING_HELPER,
		"icmp.sequence"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct plan_request r = paris(cases[i].protocol);
		struct host_facts f = all_allowed();
		struct plan p;

		r.tag = cases[i].tag;
		r.privilege = cases[i].privilege;
		f.helper = HELPER_USABLE;
		ck_assert_int_eq(choose(&r, &f, &p), 0);
		for (size_t family = 0; family < 2; family++) {
			const struct prober_plan_family *c = &p.choice.family[family];

			must_eq_in(i, p.error[family], 0);
			must_eq_in(i, c->send, cases[i].transport);
			ck_assert_str_eq(c->tag, cases[i].chosen);
			if (!plan_needs_helper(&p.choice))
				continue;
			must_say(p.text[family], "helper: /opt/paris-privsep");
			must_say(p.text[family], "address translation");
			must_not_say(p.text[family], "not possible");
		}
	}
}
END_TEST

/* --fwmark and -d: by root's raw sockets or not at all, with what is missing. */
START_TEST(what_takes_net_admin)
{
	static const struct {
		uint8_t protocol, privilege, raw;
		int mark, debug;
		const char *says; /* NULL: it can be done */
	} cases[] = {
	    {IPPROTO_UDP, PRIVILEGE_AUTO, RAW_USABLE, 0, 0, NULL},
	    {IPPROTO_TCP, PRIVILEGE_RAW, RAW_USABLE, 0, EACCES, NULL},
	    {IPPROTO_ICMP, PRIVILEGE_AUTO, RAW_USABLE, EPERM, 0, "this root lacks"},
	    {IPPROTO_UDP, PRIVILEGE_AUTO, RAW_NOT_ROOT, EPERM, 0, "an ordinary user"},
	    {IPPROTO_UDP, PRIVILEGE_AUTO, RAW_ONE_USER, 0, 0, "only user"},
	    {IPPROTO_UDP, PRIVILEGE_AUTO, RAW_REFUSED, 0, 0, "CAP_NET_RAW"},
	    {IPPROTO_UDP, PRIVILEGE_NONE, RAW_USABLE, 0, 0, "leave --privilege out"},
	    {IPPROTO_UDP, PRIVILEGE_HELPER, RAW_USABLE, 0, 0, "leave --privilege out"},
	    {IPPROTO_UDPLITE, PRIVILEGE_AUTO, RAW_USABLE, 0, 0, "do not send this"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct plan_request r = paris(cases[i].protocol);
		struct host_facts f = all_allowed();
		struct plan p;

		r.mark = 7;
		r.privilege = cases[i].privilege;
		f.raw = cases[i].raw;
		f.mark = cases[i].mark;
		f.debug = cases[i].debug;
		ck_assert_int_eq(choose(&r, &f, &p), 0);
		must_eq_in(i, p.error[0], cases[i].says == NULL ? 0 : EPERM);
		if (cases[i].says != NULL) {
			must_say(p.problem[0], cases[i].says);
			continue;
		}
		ck_assert(transport_find(p.choice.family[0].send)->by_raw);
		ck_assert_uint_eq(p.choice.mark, 7);
		r.debug = true;
		ck_assert_int_eq(choose(&r, &f, &p), 0);
		ck_assert_uint_eq(p.choice.debug, 1);
		must_eq_in(i, p.error[0], f.debug == 0 ? 0 : EPERM);
		if (f.debug != 0)
			must_say(p.problem[0], "-d takes CAP_NET_ADMIN");
	}
}
END_TEST

/*
 * Raw sockets of our own: last of all, and root's alone. What datagram sockets and the
 * helper do, they do not.
 */
START_TEST(through_raw_sockets)
{
	static const struct {
		uint8_t protocol;
		const char *tag;
		uint8_t privilege, helper;
		uint8_t transport;
		const char *chosen;
	} cases[] = {
	    {IPPROTO_UDP, NULL, PRIVILEGE_AUTO, HELPER_USABLE, TRANSPORT_UDP,
		"udp.payload"},
	    {IPPROTO_UDP, "udp.checksum", PRIVILEGE_AUTO, HELPER_USABLE,
		TRANSPORT_UDP_HELPER, "udp.checksum"},
	    {IPPROTO_UDP, "udp.checksum", PRIVILEGE_AUTO, HELPER_MISSING,
		TRANSPORT_UDP_RAW, "udp.checksum"},
	    {IPPROTO_UDP, NULL, PRIVILEGE_RAW, HELPER_USABLE, TRANSPORT_UDP_RAW,
		"udp.checksum"},
	    {IPPROTO_TCP, NULL, PRIVILEGE_AUTO, HELPER_USABLE, TRANSPORT_TCP, ""},
	    {IPPROTO_TCP, NULL, PRIVILEGE_RAW, HELPER_USABLE, TRANSPORT_TCP_RAW,
		"tcp.seq"},
	    {IPPROTO_ICMP, NULL, PRIVILEGE_RAW, HELPER_USABLE, TRANSPORT_PING_RAW,
		"icmp.sequence"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct plan_request r = paris(cases[i].protocol);
		struct host_facts f = all_allowed();
		struct plan p;

		r.tag = cases[i].tag;
		r.privilege = cases[i].privilege;
		f.helper = cases[i].helper;
		f.raw = RAW_USABLE;
		ck_assert_int_eq(choose(&r, &f, &p), 0);
		for (size_t family = 0; family < 2; family++) {
			const struct prober_plan_family *c = &p.choice.family[family];

			must_eq_in(i, p.error[family], 0);
			must_eq_in(i, c->send, cases[i].transport);
			ck_assert_str_eq(c->tag, cases[i].chosen);
			if (!transport_find(c->send)->by_raw)
				continue;
			must_say(p.text[family], "send: raw socket, the IP header");
			must_say(p.text[family], "receive: raw sockets: ICMP errors");
			must_say(p.text[family], "address translation");
			must_say(p.text[family], "helper: not needed");
			must_not_say(p.text[family], "not possible");
			if (cases[i].protocol == IPPROTO_TCP)
				ck_assert_uint_eq(c->packet_len, family ? 80 : 60);
		}
		/* Nobody else: nor does anything change for him. */
		f.raw = RAW_NOT_ROOT;
		ck_assert_int_eq(choose(&r, &f, &p), 0);
		for (size_t family = 0; family < 2; family++) {
			bool raw = transport_find(cases[i].transport)->by_raw;

			must_eq_in(i, p.error[family], raw ? EPERM : 0);
			if (raw)
				must_say(p.problem[family], "only root");
		}
	}
}
END_TEST

/* TCP flags and options of one's choice: each is sent by the least that can. */
START_TEST(segments)
{
	static const struct {
		struct prober_tcp tcp;
		uint8_t transport;
		uint16_t len;
		const char *said;
	} cases[] = {
	    {{0, 0, 0, 0}, TRANSPORT_TCP, 60, "which the kernel chooses"},
	    {{0, 0, 0, 88}, TRANSPORT_TCP, 60, "segment: syn,mss=88,sack,"},
	    {{0, 0, 0, 32767}, TRANSPORT_TCP, 60, "have them"},
	    {{0, 0, 0, 87}, TRANSPORT_TCP_HELPER, 60, "segment: syn,mss=87,"},
	    {{0, 0, 0, 32768}, TRANSPORT_TCP_HELPER, 60, "an MSS outside of 88"},
	    {{1, 0x02, 1, 0}, TRANSPORT_TCP_HELPER, 44, "segment: syn,mss=14"},
	    {{1, 0x10, 0, 0}, TRANSPORT_TCP_HELPER, 40, "segment: ack\n"},
	    {{1, 0xc2, 1, 0}, TRANSPORT_TCP_HELPER, 44, "segment: syn,ece,cwr,mss"},
	    {{1, 0x42, 15, 0}, TRANSPORT_TCP_HELPER, 60, "window_scaling"},
	    {{1, 0x50, 0, 0}, TRANSPORT_TCP_RAW, 40, "segment: ack,ece\n"},
	    {{1, 0x01, 0, 0}, TRANSPORT_TCP_RAW, 40, "; paris-privsep sends SYN, ECE"},
	    {{1, 0x12, 1, 0}, TRANSPORT_TCP_RAW, 44, "segment: syn,ack,mss"},
	    {{1, 0x00, 0, 0}, TRANSPORT_TCP_RAW, 40, "segment: no flags\n"},
	    {{1, 0x02, 17, 0}, TRANSPORT_TCP_RAW, 48, "fastopen"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct plan_request r = paris(IPPROTO_TCP);
		struct host_facts f = all_allowed();
		bool helper = cases[i].transport == TRANSPORT_TCP_HELPER;
		struct plan p;

		r.tcp = cases[i].tcp;
		f.helper = HELPER_USABLE;
		f.raw = RAW_USABLE;
		ck_assert_int_eq(choose(&r, &f, &p), 0);
		for (size_t family = 0; family < 2; family++) {
			must_eq_in(i, p.choice.family[family].send, cases[i].transport);
			must_eq_in(i, p.choice.family[family].packet_len,
			    cases[i].len + 20 * family);
			must_say(p.text[family], cases[i].said);
			if (cases[i].tcp.options == TCP_OPTION_MSS)
				must_say(p.text[family],
				    family == 0 ? "mss=1460\n" : "mss=1440\n");
		}
		if (cases[i].transport == TRANSPORT_TCP)
			continue;
		/* Without what it takes: what that is, and how to get it. */
		f.helper = helper ? HELPER_NO_CAPABILITY : HELPER_USABLE;
		f.raw = RAW_NOT_ROOT;
		ck_assert_int_eq(choose(&r, &f, &p), 0);
		must_eq_in(i, p.error[0], EPERM);
		must_say(p.problem[0], "a tcp socket sends the kernel's own SYN: ");
		must_say(p.problem[0],
		    helper ? "setcap cap_net_raw+p" : "; paris-privsep sends SYN");
		must_say(p.problem[0], "start this as root");
		r.privilege = PRIVILEGE_NONE;
		ck_assert_int_eq(choose(&r, &f, &p), 0);
		must_say(p.problem[0], "; or leave --privilege out");
	}
}
END_TEST

/* Either of the ways that see whole packets, the one with less power first. */
START_TEST(whole_packets)
{
	for (int helper = 0; helper < 2; helper++) {
		struct plan_request r = paris(IPPROTO_ICMP);
		struct host_facts f = all_allowed();
		struct plan p;

		r.privilege = PRIVILEGE_WHOLE;
		f.helper = helper ? HELPER_USABLE : HELPER_MISSING;
		f.raw = RAW_USABLE;
		ck_assert_int_eq(choose(&r, &f, &p), 0);
		ck_assert_int_eq(p.choice.family[0].send,
		    helper ? TRANSPORT_PING_HELPER : TRANSPORT_PING_RAW);
	}
}
END_TEST

/* The one tag that nothing else can carry, and every reason why not. */
START_TEST(identification)
{
	static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP};
	static const char *const why[] = {[RAW_NOT_ROOT] = "only root may use raw",
	    [RAW_REFUSED] = "CAP_NET_RAW is missing",
	    [RAW_ONE_USER] = "the only user of this user namespace",
	    [RAW_USABLE] = ""};
	static const uint8_t transports[] = {
	    TRANSPORT_UDP_RAW, TRANSPORT_TCP_RAW, TRANSPORT_PING_RAW};

	for (size_t i = 0; i < COUNT_OF(why) * COUNT_OF(protocols); i++) {
		struct plan_request r = paris(protocols[i / COUNT_OF(why)]);
		struct host_facts f = all_allowed();
		struct plan p;

		r.tag = "ipv4.identification";
		f.raw = (uint8_t)(i % COUNT_OF(why));
		/* The helper cannot do it, whatever its state. */
		f.helper = HELPER_NO_CAPABILITY;
		ck_assert_int_eq(choose(&r, &f, &p), 0);
		ck_assert_int_eq(p.error[1], EINVAL);
		if (f.raw == RAW_USABLE) {
			ck_assert_int_eq(
			    p.choice.family[0].send, transports[i / COUNT_OF(why)]);
			must_say(p.text[0], "a copy of it in the sequence number");
			continue;
		}
		ck_assert_int_eq(p.error[0], EPERM);
		must_say(p.problem[0], why[f.raw]);
		must_say(p.problem[0], "; nor by paris-privsep; and ");
		must_not_say(p.problem[0], "setcap");
		r.privilege = PRIVILEGE_NONE;
		ck_assert_int_eq(choose(&r, &f, &p), 0);
		must_not_say(p.problem[0], "root may");
		must_not_say(p.problem[0], "paris-privsep");
	}
}
END_TEST

/* A kernel without IPv6, or a protocol that nobody sends so. */
START_TEST(raw_sockets_that_are_not)
{
	struct plan_request r = paris(IPPROTO_UDP);
	struct host_facts f = all_allowed();
	struct plan p;

	r.privilege = PRIVILEGE_RAW;
	f.raw = RAW_USABLE;
	f.open[TRANSPORT_UDP_RAW][1] = EAFNOSUPPORT;
	ck_assert_int_eq(choose(&r, &f, &p), 0);
	ck_assert_int_eq(p.error[0], 0);
	ck_assert_int_eq(p.error[1], EAFNOSUPPORT);
	must_say(p.problem[1], "cannot open a raw socket over IPv6");
	r.protocol = IPPROTO_UDPLITE;
	ck_assert_int_eq(choose(&r, &f, &p), 0);
	ck_assert_int_eq(p.error[0], EPROTONOSUPPORT);
	must_say(p.problem[0], "leave --privilege out");
}
END_TEST

/* A closed ping_group_range: the helper, if it can be had; else both reasons. */
START_TEST(ping_closed)
{
	for (int state = HELPER_USABLE; state <= HELPER_ONE_USER; state++) {
		static const char *const why[] = {[HELPER_USABLE] = "",
		    [HELPER_MISSING] = "is not installed",
		    [HELPER_NO_CAPABILITY] = "setcap cap_net_raw+p /opt/paris-privsep",
		    [HELPER_NO_NEW_PRIVS] = "no_new_privs",
		    [HELPER_NOSUID] = "nosuid",
		    [HELPER_BOUNDED] = "bounding set",
		    [HELPER_FOREIGN] = "does not own the network",
		    [HELPER_ONE_USER] = "the only user of this user namespace"};
		struct plan_request r = paris(IPPROTO_ICMP);
		struct host_facts f = all_allowed();
		struct plan p;

		f.open[TRANSPORT_PING][0] = f.open[TRANSPORT_PING][1] = EACCES;
		f.group_low = 1;
		f.group_high = 0;
		f.helper = (uint8_t)state;
		ck_assert_int_eq(choose(&r, &f, &p), 0);
		for (size_t family = 0; family < 2; family++) {
			if (state == HELPER_USABLE) {
				ck_assert_int_eq(p.choice.family[family].send,
				    TRANSPORT_PING_HELPER);
				continue;
			}
			ck_assert_int_eq(p.error[family], EACCES);
			must_say(p.problem[family], "net.ipv4.ping_group_range");
			must_say(p.problem[family], why[state]);
		}
		/* The same reason twice is told once. */
		f.raw = RAW_ONE_USER;
		ck_assert_int_eq(choose(&r, &f, &p), 0);
		if (state == HELPER_ONE_USER) {
			const char *told = strstr(p.problem[0], why[state]);

			must(told != NULL && strstr(told + 1, why[state]) == NULL);
			must_not_say(p.problem[0], "outside; and");
		}
		r.privilege = PRIVILEGE_NONE;
		ck_assert_int_eq(choose(&r, &f, &p), 0);
		ck_assert_int_eq(p.error[0], EACCES);
		must_not_say(p.problem[0], "paris-privsep");
	}
}
END_TEST

/* The datagram transport and the helper's, and tags that datagram sockets can have. */
static const struct {
	uint8_t protocol;
	const char *tag; /* NULL: the best */
	uint8_t datagram;
	bool by_datagram;
	uint8_t helper;
} ways[] = {
    {IPPROTO_UDP, NULL, TRANSPORT_UDP, true, TRANSPORT_UDP_HELPER},
    {IPPROTO_UDP, "udp.payload", TRANSPORT_UDP, true, TRANSPORT_UDP_HELPER},
    {IPPROTO_UDP, "udp.checksum", TRANSPORT_UDP, false, TRANSPORT_UDP_HELPER},
    {IPPROTO_UDP, "udp.length", TRANSPORT_UDP, false, TRANSPORT_UDP_HELPER},
    {IPPROTO_TCP, NULL, TRANSPORT_TCP, true, TRANSPORT_TCP_HELPER},
    {IPPROTO_TCP, "tcp.seq", TRANSPORT_TCP, false, TRANSPORT_TCP_HELPER},
    {IPPROTO_TCP, "tcp.checksum", TRANSPORT_TCP, false, TRANSPORT_TCP_HELPER},
    {IPPROTO_ICMP, NULL, TRANSPORT_PING, true, TRANSPORT_PING_HELPER},
    {IPPROTO_ICMP, "icmp.sequence", TRANSPORT_PING, true, TRANSPORT_PING_HELPER},
};

/* Each with ping sockets open or closed, the helper to be had or not, as asked. */
static void
check_way(size_t i, bool closed, uint8_t state, uint8_t privilege)
{
	struct plan_request r = paris(ways[i].protocol);
	struct host_facts f = all_allowed();
	bool datagram = ways[i].by_datagram && privilege != PRIVILEGE_HELPER &&
			!(closed && ways[i].protocol == IPPROTO_ICMP);
	bool helper =
	    !datagram && state == HELPER_USABLE && privilege != PRIVILEGE_NONE;
	struct plan p;

	r.tag = ways[i].tag;
	r.privilege = privilege;
	f.helper = state;
	if (closed) {
		f.open[TRANSPORT_PING][0] = f.open[TRANSPORT_PING][1] = EACCES;
		f.group_low = 1;
		f.group_high = 0;
	}
	must_eq_in(i, choose(&r, &f, &p), 0);
	for (size_t family = 0; family < 2; family++) {
		must_eq_in(i, p.choice.family[family].send,
		    datagram ? ways[i].datagram
		    : helper ? ways[i].helper
			     : TRANSPORT_NONE);
		must_eq_in(i, p.error[family] == 0, datagram || helper);
		/* Why nothing less would do, when it was not asked for. */
		if (helper && privilege == PRIVILEGE_AUTO)
			must_say(p.text[family], "\nbecause: ");
		else
			must_not_say(p.text[family], "because: ");
		if (helper && !ways[i].by_datagram && privilege == PRIVILEGE_AUTO)
			must_say(p.text[family], ways[i].tag);
		/* What a datagram socket lacks, and what the helper does. */
		if (!datagram && !helper && privilege == PRIVILEGE_AUTO)
			must_say(p.problem[family], "; and ");
		if (!datagram && !helper && privilege == PRIVILEGE_NONE)
			must_not_say(p.problem[family], "helper");
	}
}

START_TEST(all_ways)
{
	for (size_t i = 0; i < COUNT_OF(ways); i++)
		for (int closed = 0; closed < 2; closed++)
			for (int state = 0; state <= HELPER_ONE_USER; state++)
				for (int privilege = PRIVILEGE_AUTO;
				     privilege <= PRIVILEGE_HELPER; privilege++)
					check_way(i, closed != 0, (uint8_t)state,
					    (uint8_t)privilege);
}
END_TEST

/* What paris-privsep does not do, in words. */
START_TEST(not_through_the_helper)
{
	static const struct {
		uint8_t protocol;
		bool flow_constant;
		const char *tag;
		uint16_t len;
		const char *says;
	} cases[] = {
	    {IPPROTO_UDP, false, "udp.src_port", 0, "keeps one port a trace"},
	    {IPPROTO_TCP, false, "tcp.src_port", 0, "keeps one port a trace"},
	    {IPPROTO_UDP, true, NULL, 1501, "paris-privsep sends no more than 1500"},
	    {IPPROTO_ICMP, true, NULL, 9000, "paris-privsep sends no more than 1500"},
	    {IPPROTO_UDP, true, "ipv4.identification", 0,
		"ipv4.identification cannot be set by paris-privsep: the kernel"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct plan_request r = paris(cases[i].protocol);
		struct host_facts f = all_allowed();
		struct plan p;

		r.flow_constant = cases[i].flow_constant;
		r.tag = cases[i].tag;
		r.packet_len = cases[i].len;
		r.privilege = PRIVILEGE_HELPER;
		f.helper = HELPER_USABLE;
		(void)choose(&r, &f, &p);
		must(p.error[0] != 0);
		must_say(p.problem[0], cases[i].says);
		must_not_say(p.problem[0], "-helper");
	}
}
END_TEST

START_TEST(kernel_without_udplite)
{
	struct plan_request r = paris(IPPROTO_UDPLITE);
	struct host_facts f = all_allowed();
	struct plan p;

	f.open[TRANSPORT_UDPLITE][0] = EPROTONOSUPPORT;
	f.open[TRANSPORT_UDPLITE][1] = EPROTONOSUPPORT;
	ck_assert_int_eq(choose(&r, &f, &p), 0);
	for (size_t family = 0; family < 2; family++) {
		ck_assert_int_eq(p.error[family], EPROTONOSUPPORT);
		must_say(p.problem[family], "this kernel has no UDP-Lite");
		must_say(p.problem[family], "-T");
	}
}
END_TEST

START_TEST(older_kernels)
{
	for (size_t family = 0; family < 2; family++) {
		struct plan_request r = paris(IPPROTO_UDP);
		struct host_facts f = all_allowed();
		struct plan p;

		f.extensions[family] = false;
		f.stamp_ids_chosen = false;
		ck_assert_int_eq(choose(&r, &f, &p), 0);
		must_say(p.text[family], "Linux 5.9");
		must_say(p.text[family], "MPLS");
		must_not_say(p.text[!family], "Linux 5.9");
		must_say(p.text[0], "(until a send fails)");
	}
}
END_TEST

/* The same question, the same answer: every byte of it. */
START_TEST(pure)
{
	struct plan_request r = paris(IPPROTO_UDP);
	struct host_facts f = all_allowed();
	static struct plan one, two;

	ck_assert_int_eq(choose(&r, &f, &one), 0);
	memset(&two, 0x5a, sizeof(two));
	ck_assert_int_eq(plan_choose(&r, &f, &two), 0);
	ck_assert_mem_eq(&one.choice, &two.choice, sizeof(one.choice));
	ck_assert_mem_eq(&one, &two, sizeof(one));
}
END_TEST

/* ---- what is not ---- */

/* A tag that was asked for and cannot be; facts allow everything. */
static const struct {
	uint8_t protocol;
	bool flow_constant;
	const char *tag;
	int error[2];
	const char *says[2][3];
} refused[] = {
    {IPPROTO_UDP, true, "udp.dst_port", {EINVAL, EINVAL},
	{{"udp.dst_port is part of the flow", "-a traceroute", "--tag"},
	    {"udp.dst_port is part of the flow", "-a traceroute", "--tag"}}},
    {IPPROTO_UDP, true, "udp.src_port", {EINVAL, EINVAL},
	{{"is part of the flow"}, {"is part of the flow"}}},
    {IPPROTO_ICMP, true, "icmp.checksum", {EINVAL, EINVAL},
	{{"is part of the flow"}, {"is part of the flow"}}},
    {IPPROTO_UDP, true, "udp.checksum", {EPERM, EPERM},
	{{"udp.checksum cannot be read back by a udp socket", "raw socket"},
	    {"udp.checksum cannot be read back by a udp socket", "raw socket"}}},
    {IPPROTO_UDP, true, "udp.length", {EPERM, EPERM},
	{{"cannot be read back"}, {"cannot be read back"}}},
    {IPPROTO_UDP, true, "ipv4.identification", {EPERM, EINVAL},
	{{"ipv4.identification cannot be set by a udp socket", "kernel", "raw socket"},
	    {"cannot carry a tag on ipv6/udp"}}},
    {IPPROTO_ICMP, true, "ipv4.identification", {EPERM, EINVAL},
	{{"cannot be set by a ping socket"}, {"cannot carry a tag on ipv6/icmpv6"}}},
    {IPPROTO_UDP, true, "ipv6.flow_label", {EINVAL, EINVAL},
	{{"ipv6.flow_label cannot carry a tag on ipv4/udp", "udp.payload",
	     "ipv4.identification"},
	    {"ipv6.flow_label is part of the flow"}}},
    {IPPROTO_UDP, true, "no.such", {EINVAL, EINVAL},
	{{"no.such cannot carry a tag on ipv4/udp", "udp.payload", "udp.length"},
	    {"no.such cannot carry a tag on ipv6/udp", "udp.payload",
		"ipv6.flow_label"}}},
    {IPPROTO_UDP, true, "", {EINVAL, EINVAL},
	{{"cannot carry a tag"}, {"cannot carry a tag"}}},
    {IPPROTO_UDP, true, "udp.", {EINVAL, EINVAL},
	{{"cannot carry a tag"}, {"cannot carry a tag"}}},
    {IPPROTO_UDP, true, "ipv4.ttl", {EINVAL, EINVAL},
	{{"ipv4.ttl cannot carry a tag"}, {"ipv4.ttl cannot carry a tag"}}},
    {IPPROTO_ICMP, true, "icmp.id", {EINVAL, EINVAL},
	{{"icmp.id cannot carry a tag", "icmp.sequence", "icmp.checksum"},
	    {"icmp.id cannot carry a tag"}}},
    {IPPROTO_UDP, true, "icmp.sequence", {EINVAL, EINVAL},
	{{"cannot carry a tag on ipv4/udp"}, {"cannot carry a tag on ipv6/udp"}}},
    {IPPROTO_ICMP, true, "udp.payload", {EINVAL, EINVAL},
	{{"cannot carry a tag on ipv4/icmpv4"}, {"on ipv6/icmpv6"}}},
    {IPPROTO_TCP, true, "tcp.seq", {EPERM, EPERM},
	{{"tcp.seq cannot be set by a tcp socket", "raw socket"},
	    {"tcp.seq cannot be set by a tcp socket", "raw socket"}}},
    {IPPROTO_TCP, true, "tcp.src_port", {EINVAL, EINVAL},
	{{"is part of the flow"}, {"is part of the flow"}}},
    {IPPROTO_UDP, true, "tcp.seq", {EINVAL, EINVAL},
	{{"cannot carry a tag"}, {"cannot carry a tag"}}},
};

START_TEST(refused_tags)
{
	struct plan_request r = {.protocol = refused[_i].protocol,
	    .flow_constant = refused[_i].flow_constant,
	    .tag = refused[_i].tag};
	struct host_facts f = all_allowed();
	bool asked_wrong =
	    refused[_i].error[0] == EINVAL && refused[_i].error[1] == EINVAL;
	struct plan p;

	ck_assert_int_eq(choose(&r, &f, &p), asked_wrong ? -EINVAL : 0);
	for (size_t family = 0; family < 2; family++) {
		ck_assert_int_eq(p.error[family], refused[_i].error[family]);
		for (size_t k = 0; k < 3 && refused[_i].says[family][k] != NULL; k++)
			must_say(p.problem[family], refused[_i].says[family][k]);
	}
}
END_TEST

/* What was asked wrong is all that is said, whatever else this host lacks. */
START_TEST(asked_wrong_comes_first)
{
	static const char *const tags[] = {"no.such", "icmp.checksum", "ipv4.ttl"};

	for (size_t i = 0; i < 4 * COUNT_OF(tags); i++) {
		struct plan_request r = paris(IPPROTO_ICMP);
		struct host_facts f = all_allowed();
		struct plan p;

		r.tag = tags[i / 4];
		r.privilege = (uint8_t)(i % 4);
		f.open[TRANSPORT_PING][0] = f.open[TRANSPORT_PING][1] = EACCES;
		ck_assert_int_eq(choose(&r, &f, &p), -EINVAL);
		for (size_t family = 0; family < 2; family++) {
			ck_assert_int_eq(p.error[family], EINVAL);
			must_say(p.problem[family], tags[i / 4]);
			must_not_say(p.problem[family], "socket");
			must_not_say(p.problem[family], "privsep");
			must_not_say(p.problem[family], "--privilege");
		}
	}
}
END_TEST

/* The remedy, where --privilege alone stands in the way; and only there. */
START_TEST(privilege_in_the_way)
{
	static const struct {
		uint8_t protocol, privilege;
		const char *tag;
		bool hinders;
	} cases[] = {
	    {IPPROTO_UDP, PRIVILEGE_NONE, "udp.checksum", true},
	    {IPPROTO_TCP, PRIVILEGE_NONE, "tcp.seq", true},
	    {IPPROTO_ICMP, PRIVILEGE_NONE, NULL, true},
	    {IPPROTO_UDP, PRIVILEGE_HELPER, NULL, true},
	    {IPPROTO_UDP, PRIVILEGE_HELPER, "ipv4.identification", true},
	    {IPPROTO_UDP, PRIVILEGE_RAW, NULL, true},
	    {IPPROTO_UDP, PRIVILEGE_RAW, "ipv4.identification", false},
	    {IPPROTO_UDP, PRIVILEGE_AUTO, "udp.checksum", false},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct plan_request r = paris(cases[i].protocol);
		struct host_facts f = all_allowed();
		struct plan p;

		r.tag = cases[i].tag;
		r.privilege = cases[i].privilege;
		f.open[TRANSPORT_PING][0] = EACCES;
		f.helper = HELPER_NO_CAPABILITY;
		ck_assert_int_eq(choose(&r, &f, &p), 0);
		must_eq_in(i, p.error[0] != 0, 1);
		if (cases[i].hinders)
			must_say(p.problem[0], "; or leave --privilege out");
		else
			must_not_say(p.problem[0], "leave --privilege out");
	}
}
END_TEST

/* A field that nothing sends as it is asked: each that cannot is named. */
START_TEST(nothing_can)
{
	struct tree *tree = tree_new();
	struct plan_request r = paris(IPPROTO_UDP);
	struct host_facts f = all_allowed();
	const struct pattern *pattern;
	struct field_ref ref;
	struct plan p;

	ck_assert_ptr_nonnull(tree);
	pattern = tree_find(tree, "ipv4/udp");
	ck_assert_int_eq(pattern_find_field(pattern, "ipv4.version", &ref), 0);
	r.set[0] = pattern_field_mask(pattern, ref);
	ck_assert_int_eq(choose(&r, &f, &p), 0);
	ck_assert_int_eq(p.error[0], EPERM);
	must_say(p.problem[0],
	    "ipv4.version cannot be set by a udp socket; it takes a raw socket; nor by "
	    "paris-privsep; nor by a raw socket");
	tree_free(tree);
}
END_TEST

/* A name as long as an attacker likes is cut, and the text stays a text. */
START_TEST(very_long_tag)
{
	struct plan_request r = paris(IPPROTO_UDP);
	struct host_facts f = all_allowed();
	char name[2 * PLAN_TEXT_MAX];
	struct plan p;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	r.tag = name;
	memset(&p, 0xa5, sizeof(p));
	ck_assert_int_eq(plan_choose(&r, &f, &p), -EINVAL);
	ck_assert_uint_eq(strlen(p.problem[0]), PLAN_TEXT_MAX - 1);
}
END_TEST

START_TEST(ping_is_closed)
{
	static const struct {
		int error;
		bool known;
		uint32_t low, high;
		gid_t gid;
		const char *says[3];
	} cases[] = {
	    {EACCES, true, 1, 0, 1000,
		{"gid 1000 is outside net.ipv4.ping_group_range (1 0)", "use UDP",
		    "sysctl -w net.ipv4.ping_group_range=\"0 2147483647\""}},
	    {EACCES, true, 0, 999, 1000,
		{"gid 1000 is outside net.ipv4.ping_group_range (0 999)", "use UDP"}},
	    {EACCES, true, 1001, 2000, 1000, {"gid 1000 is outside", "(1001 2000)"}},
	    {EACCES, true, 0, 2147483647, 1000,
		{"does not admit gid 1000", "use UDP", "net.ipv4.ping_group_range"}},
	    {EACCES, true, 1000, 1000, 1000, {"does not admit gid 1000"}},
	    {EACCES, true, 0, 2147483647, 4294967294,
		{"gid 4294967294 is outside net.ipv4.ping_group_range"}},
	    {EACCES, false, 0, 0, 1000,
		{"cannot open a ping socket over ", "Permission denied"}},
	    {EAFNOSUPPORT, true, 1, 0, 1000,
		{"cannot open a ping socket over ", "Address family not supported"}},
	    {EPROTONOSUPPORT, true, 0, 2147483647, 1000, {"Protocol not supported"}},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		for (int which = 1; which < 4; which++) {
			struct plan_request r = paris(IPPROTO_ICMP);
			struct host_facts f = all_allowed();
			struct plan p;

			f.group_range_known = cases[i].known;
			f.group_low = cases[i].low;
			f.group_high = cases[i].high;
			f.gid = cases[i].gid;
			for (size_t family = 0; family < 2; family++)
				f.open[TRANSPORT_PING][family] =
				    (which >> family & 1) ? cases[i].error : 0;
			/* Not the fault of what was asked. */
			ck_assert_int_eq(choose(&r, &f, &p), 0);
			for (size_t family = 0; family < 2; family++) {
				ck_assert_int_eq(
				    p.error[family], f.open[TRANSPORT_PING][family]);
				if (f.open[TRANSPORT_PING][family] == 0)
					continue;
				for (size_t k = 0; k < 3 && cases[i].says[k]; k++)
					must_say(p.problem[family], cases[i].says[k]);
				if (strstr(p.problem[family], " over ") != NULL)
					must_say(p.problem[family], families[family]);
			}
			/* UDP does not mind. */
			r.protocol = IPPROTO_UDP;
			ck_assert_int_eq(choose(&r, &f, &p), 0);
			ck_assert_int_eq(p.error[0], 0);
			ck_assert_int_eq(p.error[1], 0);
		}
	}
}
END_TEST

START_TEST(no_udp)
{
	for (size_t family = 0; family < 2; family++) {
		struct plan_request r = paris(IPPROTO_UDP);
		struct host_facts f = all_allowed();
		struct plan p;

		f.open[TRANSPORT_UDP][family] = EAFNOSUPPORT;
		ck_assert_int_eq(choose(&r, &f, &p), 0);
		ck_assert_int_eq(p.error[family], EAFNOSUPPORT);
		ck_assert_int_eq(p.error[!family], 0);
		must_say(p.problem[family], "cannot open a UDP socket over ");
		must_say(p.problem[family], families[family]);
		must_say(p.problem[family], "Address family not supported");
		/* Neither family, by no fault of the user. */
		f.open[TRANSPORT_UDP][!family] = EMFILE;
		ck_assert_int_eq(choose(&r, &f, &p), 0);
		ck_assert_int_eq(p.error[!family], EMFILE);
	}
}
END_TEST

/* Fields that the user sets, one at a time, against what sockets can do. */
START_TEST(fields_that_users_set)
{
	static const char *const patterns[2][2] = {
	    {"ipv4/udp", "ipv6/udp"}, {"ipv4/icmpv4", "ipv6/icmpv6"}};
	static const char *const raw[] = {"ipv4.version", "ipv4.ihl",
	    "ipv4.total_length", "ipv4.identification", "ipv4.reserved",
	    "ipv4.more_fragments", "ipv4.fragment_offset", "ipv4.protocol",
	    "ipv4.checksum", "ipv6.version", "ipv6.payload_length", "ipv6.next_header"};
	struct tree *tree = tree_new();

	for (int icmp = 0; icmp < 2; icmp++) {
		for (size_t family = 0; family < 2; family++) {
			const struct pattern *pattern =
			    tree_find(tree, patterns[icmp][family]);

			for (uint8_t layer = 0; layer < 2; layer++) {
				const struct protocol *q = pattern->layers[layer];

				for (uint8_t k = 0; k < q->fields_count; k++) {
					struct field_ref ref = {layer, k};
					struct plan_request r =
					    paris(icmp ? IPPROTO_ICMP : IPPROTO_UDP);
					struct host_facts f = all_allowed();
					const char *name = q->fields[k].name;
					bool needs_raw = false;
					struct plan p;

					for (size_t n = 0; n < COUNT_OF(raw); n++)
						needs_raw |= strcmp(name, raw[n]) == 0;
					r.set[family] =
					    pattern_field_mask(pattern, ref);
					ck_assert_int_eq(choose(&r, &f, &p), 0);
					ck_assert_int_eq(p.error[!family], 0);
					ck_assert_int_eq(
					    p.error[family], needs_raw ? EPERM : 0);
					must_say(needs_raw ? p.problem[family]
							   : p.text[family],
					    name);
					if (needs_raw)
						must_say(
						    p.problem[family], "raw socket");
				}
			}
		}
	}
	tree_free(tree);
}
END_TEST

START_TEST(everything_set_at_once_fits)
{
	static const char *const names[2][9] = {
	    {"ipv4.tos", "ipv4.ttl", "ipv4.dont_fragment", "ipv4.src_addr",
		"udp.src_port", "udp.dst_port", "udp.length", "udp.checksum", NULL},
	    {"ipv6.traffic_class", "ipv6.flow_label", "ipv6.src_addr", "udp.src_port",
		"udp.dst_port", "udp.length", "udp.checksum", NULL}};
	struct tree *tree = tree_new();
	struct plan_request r = paris(IPPROTO_UDP);
	struct host_facts f = all_allowed();
	struct plan p;

	f.extensions[0] = f.extensions[1] = f.stamp_ids_chosen = false;
	r.set[0] = pattern_names_mask(tree_find(tree, "ipv4/udp"), names[0]);
	r.set[1] = pattern_names_mask(tree_find(tree, "ipv6/udp"), names[1]);
	ck_assert_int_eq(choose(&r, &f, &p), 0);
	for (size_t family = 0; family < 2; family++)
		for (size_t i = 0; names[family][i] != NULL; i++)
			must_say(p.text[family], names[family][i]);
	tree_free(tree);
}
END_TEST

START_TEST(transport_names)
{
	ck_assert_str_eq(plan_transport_name(TRANSPORT_UDP), "udp");
	ck_assert_str_eq(plan_transport_name(TRANSPORT_PING), "ping");
	ck_assert_str_eq(plan_transport_name(TRANSPORT_TCP), "tcp");
	ck_assert_str_eq(plan_transport_name(TRANSPORT_UDPLITE), "udplite");
	ck_assert_str_eq(plan_transport_name(TRANSPORT_NONE), "none");
	ck_assert_str_eq(plan_transport_name(255), "none");
}
END_TEST

/* Fragments: raw sockets alone, and over IPv4 the identification is the tag. */
START_TEST(fragments)
{
	static const struct {
		uint8_t protocol;
		uint8_t transport;
		const char *tag6;
	} cases[] = {
	    {IPPROTO_UDP, TRANSPORT_UDP_RAW, "udp.checksum"},
	    {IPPROTO_TCP, TRANSPORT_TCP_RAW, "tcp.seq"},
	    {IPPROTO_ICMP, TRANSPORT_PING_RAW, "icmp.sequence"},
	    {IPPROTO_RAW, TRANSPORT_OTHER_RAW, "raw.tag"},
	    {IPPROTO_DCCP, TRANSPORT_DCCP_RAW, "ipv4.identification"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct plan_request r = paris(cases[i].protocol);
		struct host_facts f = all_allowed();
		struct plan p;

		r.header = "a probe in fragments (--fragment)";
		r.split = true;
		f.helper = HELPER_USABLE;
		f.raw = RAW_USABLE;
		ck_assert_int_eq(choose(&r, &f, &p), 0);
		for (size_t family = 0; family < 2; family++) {
			must_eq_in(i, p.choice.family[family].send, cases[i].transport);
			if (family == 0)
				ck_assert_str_eq(
				    p.choice.family[0].tag, "ipv4.identification");
			else if (cases[i].protocol != IPPROTO_DCCP)
				ck_assert_str_eq(p.choice.family[1].tag, cases[i].tag6);
			must_say(p.text[family], "fragments: written by us");
			must_say(p.text[family], r.header);
		}
		/* What is missing, in the words of a source route. */
		f.raw = RAW_NOT_ROOT;
		(void)choose(&r, &f, &p);
		for (size_t family = 0; family < 2; family++) {
			must_eq_in(i, p.error[family], EPERM);
			must_say(p.problem[family], "start this as root");
			if (cases[i].protocol == IPPROTO_UDP)
				must_say(p.problem[family],
				    "a probe in fragments (--fragment) cannot be sent "
				    "by a udp socket: the kernel writes the IP header; "
				    "nor by paris-privsep; and only root may use raw "
				    "sockets of its own");
		}
	}
}
END_TEST

/* Another tag than what all fragments show is none; what the kernel splits is told. */
START_TEST(fragments_and_tags)
{
	struct plan_request r = paris(IPPROTO_UDP);
	struct host_facts f = all_allowed();
	struct plan p;

	f.raw = RAW_USABLE;
	r.split = true;
	r.tag = "udp.checksum";
	(void)choose(&r, &f, &p);
	must_eq(p.error[0], EINVAL);
	must_say(p.problem[0],
	    "udp.checksum cannot carry the tag: fragments are told by "
	    "ipv4.identification");
	must_eq(p.error[1], 0);
	r = paris(IPPROTO_UDP);
	for (int forbidden = 0; forbidden < 2; forbidden++) {
		r.dont_fragment = forbidden != 0;
		r.packet_len = 1281;
		ck_assert_int_eq(choose(&r, &f, &p), 0);
		if (forbidden)
			must_not_say(p.text[0], "fragments:");
		else
			must_say(p.text[0],
			    "fragments: the kernel's, where the way out takes less "
			    "than 1281 bytes");
		r.packet_len = 1280;
		ck_assert_int_eq(choose(&r, &f, &p), 0);
		must_not_say(p.text[0], "fragments:");
	}
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {possible, .loops = COUNT_OF(choices)},
	    {tag_beside_what_is_set, .loops = COUNT_OF(beside)},
	    {through_the_helper},
	    {what_takes_net_admin},
	    {through_raw_sockets},
	    {segments},
	    {whole_packets},
	    {identification},
	    {raw_sockets_that_are_not},
	    {ping_closed},
	    {all_ways},
	    {not_through_the_helper},
	    {kernel_without_udplite},
	    {older_kernels},
	    {pure},
	    {asked_wrong_comes_first},
	    {privilege_in_the_way},
	    {nothing_can},
	    {refused_tags, .loops = COUNT_OF(refused)},
	    {very_long_tag},
	    {ping_is_closed},
	    {no_udp},
	    {fields_that_users_set},
	    {everything_set_at_once_fits},
	    {transport_names},
	    {fragments},
	    {fragments_and_tags},
	};

	return test_main("plan", tests, COUNT_OF(tests));
}
