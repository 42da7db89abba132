/* tools/shared/options, trace_options and trace_request: values, ranges, messages. */
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/names_messages.h"
#include "prober/algorithm.h"
#include "prober/tree.h"
#include "tests/support/testing.h"
#include "tools/shared/trace_options.h"
#include "tools/shared/trace_request.h"

#define ARGS_MAX 40

/*
 * Parses the command line of a program of that name, words separated by blanks.
 */
static int
parse_as(const char *name, const char *line, struct trace_options *o, char *error)
{
	static char copy[512], program[64];
	static char *argv[ARGS_MAX + 1]; /* options point into it */
	char *rest = NULL;
	int argc = 1;

	argv[0] = program;
	error[0] = '\0';
	snprintf(program, sizeof(program), "%s", name);
	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok_r(copy, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest)) {
		ck_assert_int_lt(argc, ARGS_MAX);
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	if (strcmp(name, "mda") == 0)
		return trace_options_parse(o, PROGRAM_MDA, argc, argv, error);
	if (strcmp(name, "paris-ping") == 0)
		return trace_options_parse(o, PROGRAM_PING, argc, argv, error);
	return trace_options_parse(o, PROGRAM_TRACEROUTE, argc, argv, error);
}

static int
parse(const char *line, struct trace_options *o, char *error)
{
	return parse_as("paris-traceroute", line, o, error);
}

static const struct {
	const char *line;
	const char *message; /* how the message begins */
} wrong[] = {
    {"", "specify \"host\""},
    {"-q 0 h", "-q: '0' is not a whole number from 1 to 10"},
    {"-q 11 h", "-q: '11' is not a whole number from 1 to 10"},
    {"--queries=11 h", "--queries: '11' is not a whole number from 1 to 10"},
    {"--quer 3x h", "--queries: '3x' is not a whole number from 1 to 10"},
    {"-q -1 h", "-q: '-1' is not"},
    {"-q 99999999999999999999 h", "-q: '99999999999999999999' is not"},
    {"-q 0x h", "-q: '0x' is not"},
    {"-q 08 h", "-q: '08' is not"},
    {"-q 0xg h", "-q: '0xg' is not"},
    {"-p nosuchservice h", "-p: 'nosuchservice' is not a whole number from 1 to 65535"},
    {"-q", "-q needs a value"},
    {"--queries", "--queries needs a value"},
    {"h -m 256", "-m: '256' is not a whole number from 1 to 255"},
    {"h -m 0", "-m: '0' is not"},
    {"h -f 0", "-f: '0' is not"},
    {"h -f 256", "-f: '256' is not"},
    {"-f 5 -m 2 h", "-f: first hop 5 is above the last one, 2 (-m)"},
    {"-f 31 h", "-f: first hop 31 is above the last one, 30 (-m)"},
    {"-N 0 h", "-N: '0' is not a whole number from 1 to 65535"},
    {"-N 65536 h", "-N: '65536' is not"},
    {"-p 0 h", "-p: '0' is not a whole number from 1 to 65535"},
    {"-p 65536 h", "-p: '65536' is not"},
    {"--sport 0 h", "--sport: '0' is not"},
    {"--sport 65536 h", "--sport: '65536' is not"},
    {"-I --sport 5 h", "--sport 5: ICMP probes (-I) have no source port"},
    {"-T h 60", "packet_len 60: the kernel chooses the length of TCP probes (-T)"},
    {"h 1400 --tcp", "packet_len 1400: the kernel chooses"},
    {"--format dot h", "--format dot: is of algorithms that find many paths"},
    {"-a mda --format csv h", "--format csv: is of one path; of many paths"},
    {"-a mda --format atlas h", "--format atlas: is of one path"},
    {"-UL --format atlas h", "--format atlas: has no word for UDP-Lite"},
    {"-T --sport 70000 h", "--sport: '70000' is not"},
    {"-ULn h", "unknown option -L"},
    {"-L h", "unknown option -L"},
    {"-t 256 h", "-t: '256' is not a whole number from 0 to 255"},
    {"-l 0x100000 h", "-l: '0x100000' is not a whole number from 0 to 1048575"},
    {"--flow-id 65536 h", "--flow-id: '65536' is not"},
    {"--gap-limit 256 h", "--gap-limit: '256' is not"},
    {"--loop-limit x h", "--loop-limit: 'x' is not"},
    {"--timeout 0 h", "--timeout: '0' is not a time from 0.001 to 86400 seconds"},
    {"--timeout 86400.1 h", "--timeout: '86400.1' is not"},
    {"-w 0 h", "-w: '0' is not MAX[,HERE,NEAR]: 0.001 to 3600 seconds"},
    {"-w -1 h", "-w: '-1' is not"},
    {"-w 3600.5 h", "-w: '3600.5' is not"},
    {"-w 1,2,3,4 h", "-w: '1,2,3,4' is not"},
    {"-w 1, h", "-w: '1,' is not"},
    {"-w ,1 h", "-w: ',1' is not"},
    {"-w 1,1001 h", "-w: '1,1001' is not"},
    {"-w 1e3 h", "-w: '1e3' is not"},
    {"-w 1,nan h", "-w: '1,nan' is not"},
    {"-w . h", "-w: '.' is not"},
    {"-z -1 h", "-z: '-1' is not a time"},
    {"-z 5s h", "-z: '5s' is not a time"},
    {"-z 3600001 h", "-z: '3600001' is not"},
    {"-s h h", "-s: 'h' is not a numeric IPv4 or IPv6 address"},
    {"-4 -s ::1 h", "-s ::1: the source is not an IPv4 address"},
    {"-6 -s 192.0.2.1 h", "-s 192.0.2.1: the source is not an IPv6 address"},
    {"-i abcdefghijklmnop h", "-i: 'abcdefghijklmnop' is not a text of 1 to 15"},
    {"--tag= h", "--tag: '' is not a text of 1 to 31 bytes"},
    {"-a nosuch h", "-a: 'nosuch' is not an algorithm; there are: paris"},
    {"--format xml h",
	"--format: 'xml' is not one of text, json, scamper, csv, atlas, dot, svg"},
    {"--as-source database h", "--as-source database: takes a file: --asn-db FILE"},
    {"--as-source DNS h", "--as-source: 'DNS' is not one of database, whois, dns"},
    {"--as-names h", "--as-names: whois does not tell them"},
    {"--as-names --as-source whois --asn-db f h", "--as-names: whois does not"},
    {"--country h", "--country: takes a file that tells it"},
    {"--country --as-source whois h", "--country: takes a file that tells it"},
    {"--asn-db  h", "specify \"host\""},
    {"--resolver x h", "--resolver: 'x' is not a list of addresses"},
    {"--resolver 1.2.3.4:0 h", "--resolver: '1.2.3.4:0' is not"},
    {"--resolver 1.2.3.4:65536 h", "--resolver: '1.2.3.4:65536' is not"},
    {"--resolver [::1 h", "--resolver: '[::1' is not"},
    {"--resolver [::1]x h", "--resolver: '[::1]x' is not"},
    {"--resolver 1.2.3.4,,::1 h", "--resolver: '1.2.3.4,,::1' is not"},
    {"--resolver 1.2.3.4, h", "--resolver: '1.2.3.4,' is not"},
    {"-T -O nosuch h", "-O: 'nosuch' is no option of tcp; there are: syn, ack, fin"},
    {"-T -O syn, h", "-O: '' is no option of tcp"},
    {"-T -O info -O x h", "-O: 'x' is no option of tcp"},
    {"-O syn h", "-O: 'syn' is no option of udp; it has none"},
    {"-I -O syn h", "-O: 'syn' is no option of icmp; there are: raw, dgram"},
    {"-T -O syn=1 h", "-O syn: takes no value: '1'"},
    {"-T -O flags h", "-O flags: needs a value: flags=NUM"},
    {"-T -O flags= h", "-O flags: '' is not a whole number from 0 to 255"},
    {"-T -O flags=256 h", "-O flags: '256' is not a whole number from 0 to 255"},
    {"-T -O mss=0 h", "-O mss: '0' is not a whole number from 1 to 65535"},
    {"-T -O mss=65536 h", "-O mss: '65536' is not"},
    {"-UL -O coverage=7 h", "-O coverage: '7' is not a whole number from 8 to 65535"},
    {"-I -O raw,dgram h", "-O dgram: contradicts --privilege, or raw and dgram"},
    {"-I -O dgram --privilege raw h", "-O dgram: contradicts --privilege"},
    {"-T -O info -a mda h",
	"-O info: is of algorithms that trace one path; mda finds many"},
    {"h 65001", "packet_len: '65001' is not a whole number from 0 to 65000"},
    {"h 0x", "packet_len: '0x' is not"},
    {"h i 99999999999999999999", "packet_len: '99999999999999999999' is not"},
    {"h 60 3", "too many arguments: '3'"},
    {"-x h", "unknown option -x"},
    {"-nx h", "unknown option -x"},
    {"--nope h", "unknown option --nope"},
    {"--nope=3 h", "unknown option --nope=3"},
    {"--s h", "ambiguous option --s"},
    {"--icmp=3 h", "--icmp takes no value: --icmp=3"},
};

START_TEST(wrong_lines)
{
	struct trace_options o;
	char error[OPTIONS_TEXT_MAX];
	size_t len = strlen(wrong[_i].message);

	ck_assert_int_eq(parse(wrong[_i].line, &o, error), -EINVAL);
	ck_assert_msg(strncmp(error, wrong[_i].message, len) == 0,
	    "'%s' gave '%s', not '%s'", wrong[_i].line, error, wrong[_i].message);
	ck_assert_ptr_null(strchr(error, '\n'));
}
END_TEST

/* What -O makes of the segment, wherever it stands. */
START_TEST(segments)
{
	static const struct {
		const char *line;
		struct prober_tcp tcp;
		bool info, mss;
	} rows[] = {{"-T h", {0, 0, 0, 0}, false, false},
	    {"-T -O info h", {0, 0, 0, 0}, true, false},
	    {"-O mss -T h", {0, 0, 0, 0}, false, true},
	    {"-T -O mss=0x200,info,reuse h", {0, 0, 0, 512}, true, true},
	    {"-T -O sysctl h", {0, 0, 0, 0}, false, false},
	    {"-T -O syn,sysctl h", {0, 0, 0, 0}, false, false},
	    {"-T -O syn h", {1, 0x02, 1, 0}, false, false},
	    {"-O ack -M tcp h", {1, 0x10, 0, 0}, false, false},
	    {"-T -O syn,ack h", {1, 0x12, 1, 0}, false, false},
	    {"-T -O syn -O ack h", {1, 0x12, 1, 0}, false, false},
	    {"-T -O ecn h", {1, 0xc2, 1, 0}, false, false},
	    {"-T -O fin,rst,psh,urg,ece,cwr h", {1, 0xed, 0, 0}, false, false},
	    {"-T -O flags=0 h", {1, 0, 0, 0}, false, false},
	    {"-T -O flags=0xff,mss=9 h", {1, 0xff, 1, 9}, false, true},
	    {"-T -O sack h", {1, 0x02, 3, 0}, false, false},
	    {"-T -O ack,timestamps h", {1, 0x10, 4, 0}, false, false},
	    {"-T -O sack,timestamps,window_scaling,fastopen h", {1, 2, 31, 0}, false,
		false}};
	struct trace_options o;
	char error[OPTIONS_TEXT_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct prober_tcp *t = &rows[i].tcp;

		ck_assert_msg(
		    parse(rows[i].line, &o, error) == 0, "%s: %s", rows[i].line, error);
		ck_assert_msg(
		    o.start.tcp.chosen == t->chosen && o.start.tcp.flags == t->flags &&
			o.start.tcp.options == t->options &&
			o.start.tcp.mss == t->mss && o.tcp_info == rows[i].info &&
			o.tcp_mss == rows[i].mss,
		    "%s: %u %#x %#x %u", rows[i].line, o.start.tcp.chosen,
		    o.start.tcp.flags, o.start.tcp.options, o.start.tcp.mss);
	}
	ck_assert_int_eq(parse("-UL -O coverage=8 h", &o, error), 0);
	ck_assert_uint_eq(o.start.coverage, 8);
	ck_assert_int_eq(parse("-I -O raw h", &o, error), 0);
	ck_assert_uint_eq(o.privilege, PRIVILEGE_WHOLE);
	ck_assert_int_eq(parse("-I -O dgram -O dgram h", &o, error), 0);
	ck_assert_uint_eq(o.privilege, PRIVILEGE_NONE);
	ck_assert_int_eq(parse("-T -O help", &o, error), 0);
	ck_assert(o.help && o.module_help);
}
END_TEST

START_TEST(defaults)
{
	struct trace_options o;
	char error[OPTIONS_TEXT_MAX];

	ck_assert_int_eq(parse("host.example", &o, error), 0);
	ck_assert_str_eq(o.host, "host.example");
	ck_assert_uint_eq(o.family, AF_UNSPEC);
	ck_assert_uint_eq(o.packet_len, PACKET_LEN_DEFAULT);
	ck_assert_uint_eq(o.start.first_ttl, 1);
	ck_assert_uint_eq(o.start.max_ttl, 30);
	ck_assert_uint_eq(o.start.queries, 3);
	ck_assert_uint_eq(o.start.window, 0);
	ck_assert_int_eq(o.start.wait_max, INT64_C(5000000000));
	ck_assert_uint_eq(o.start.wait_here, 3000);
	ck_assert_uint_eq(o.start.wait_near, 10000);
	ck_assert_int_eq(o.start.send_gap, 0);
	ck_assert_uint_eq(o.start.gap_limit, 0);
	ck_assert_uint_eq(o.start.flow_chosen, 0);
	ck_assert_str_eq(o.start.algorithm, algorithm_table[0]->name);
	ck_assert_uint_eq(o.method, METHOD_UDP);
	ck_assert_uint_eq(o.format, FORMAT_TEXT);
}
END_TEST

START_TEST(everything_set)
{
	struct trace_options o;
	char error[OPTIONS_TEXT_MAX];

	ck_assert_int_eq(
	    parse("host -6neF -f2 -m 0x10 -q10 -N7 1400 -t 0xb8", &o, error), 0);
	ck_assert_uint_eq(o.family, AF_INET6);
	ck_assert_uint_eq(o.numeric, 1);
	ck_assert_uint_eq(o.extensions, 1);
	ck_assert_uint_eq(o.start.dont_fragment, 1);
	ck_assert_uint_eq(o.start.first_ttl, 2);
	ck_assert_uint_eq(o.start.max_ttl, 16);
	ck_assert_uint_eq(o.start.queries, 10);
	ck_assert_uint_eq(o.start.window, 7);
	ck_assert_uint_eq(o.packet_len, 1400);
	ck_assert_uint_eq(o.start.tos, 0xb8);
	ck_assert_int_eq(parse("--flow-id 9 --sport 7 --tag udp.length -i eth0 "
			       "--resolver 127.0.0.1:5353,[::1]:53,::1 h",
			     &o, error),
	    0);
	ck_assert_uint_eq(o.start.flow_chosen, 1);
	ck_assert_uint_eq(o.start.flow_id, 9);
	ck_assert_uint_eq(o.start.src_port, 7);
	ck_assert_str_eq(o.tag, "udp.length");
	ck_assert_str_eq(o.device, "eth0");
	ck_assert_str_eq(o.resolver, "127.0.0.1:5353,[::1]:53,::1");
	ck_assert_uint_eq(o.as_source, NAMES_FROM_NOBODY);
	ck_assert_int_eq(parse("-I -a traceroute --format json --gap-limit 5 "
			       "--loop-limit 0 --timeout 1.5 h",
			     &o, error),
	    0);
	ck_assert_uint_eq(o.method, METHOD_ICMP);
	ck_assert_str_eq(o.start.algorithm, "traceroute");
	ck_assert_uint_eq(o.format, FORMAT_JSON);
	ck_assert_uint_eq(o.start.gap_limit, 5);
	ck_assert_uint_eq(o.start.loop_limit, 0);
	ck_assert_int_eq(o.start.timeout, INT64_C(1500000000));
}
END_TEST

/* What is sent, and to which port; of several methods the last one counts. */
static const struct {
	const char *line;
	uint8_t method;
	const char *protocol;
	uint8_t ip_protocol;
	uint16_t port;
} methods[] = {
    {"h", METHOD_UDP, "udp", IPPROTO_UDP, 33434},
    {"-U h", METHOD_UDP_FIXED, "udp", IPPROTO_UDP, 53},
    {"-T h", METHOD_TCP, "tcp", IPPROTO_TCP, 80},
    {"--tcp h", METHOD_TCP, "tcp", IPPROTO_TCP, 80},
    {"-nT -p 443 h", METHOD_TCP, "tcp", IPPROTO_TCP, 443},
    {"-UL h", METHOD_UDPLITE, "udplite", IPPROTO_UDPLITE, 53},
    {"--udplite h", METHOD_UDPLITE, "udplite", IPPROTO_UDPLITE, 53},
    {"h -UL -p 99", METHOD_UDPLITE, "udplite", IPPROTO_UDPLITE, 99},
    {"-T -UL h", METHOD_UDPLITE, "udplite", IPPROTO_UDPLITE, 53},
    {"-UL -T h", METHOD_TCP, "tcp", IPPROTO_TCP, 80},
    {"-I -T h", METHOD_TCP, "tcp", IPPROTO_TCP, 80},
    {"-T -U h", METHOD_UDP_FIXED, "udp", IPPROTO_UDP, 53},
};

START_TEST(methods_and_ports)
{
	struct plan_request request;
	struct prober_start start;
	struct trace_options o;
	struct addr v4;
	char error[OPTIONS_TEXT_MAX];

	ck_assert_int_eq(addr_from_text("192.0.2.1", &v4), 0);
	ck_assert_int_eq(parse(methods[_i].line, &o, error), 0);
	ck_assert_str_eq(o.host, "h");
	ck_assert_uint_eq(o.method, methods[_i].method);
	ck_assert_str_eq(trace_options_protocol(&o), methods[_i].protocol);
	trace_request_start(&o, &v4, &start);
	ck_assert_uint_eq(start.dst_port, methods[_i].port);
	ck_assert_uint_eq(start.first_tag, 0);
	ck_assert_int_eq(trace_request_plan(&o, &request), 0);
	ck_assert_uint_eq(request.protocol, methods[_i].ip_protocol);
}
END_TEST

/* A name behind "--" is one, whatever it looks like. */
START_TEST(host_that_looks_like_udplite)
{
	struct trace_options o;
	char error[OPTIONS_TEXT_MAX];

	ck_assert_int_eq(parse("-T -- -UL", &o, error), 0);
	ck_assert_str_eq(o.host, "-UL");
	ck_assert_uint_eq(o.method, METHOD_TCP);
}
END_TEST

/* Which fields have a value, so that the tag cannot be there. */
START_TEST(ports_that_are_set)
{
	static const struct {
		const char *line;
		bool src_port, dst_port;
	} cases[] = {
	    {"h", false, false},
	    {"-p 99 h", false, true},
	    {"-p 99 -a traceroute h", false, false}, /* counted up from there */
	    {"-U h", false, true},
	    {"-U -a traceroute h", false, true},
	    {"-UL -a traceroute h", false, true},
	    {"-T h", false, true},
	    {"-T -a traceroute h", false, true},
	    {"-T --sport 5 h", true, true},
	    {"--sport 5 -a traceroute h", true, false},
	    {"-T --flow-id 0 -a traceroute h", true, true},
	    {"--flow-id 7 h", true, false},
	};
	struct tree *tree = tree_new();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plan_request request;
		struct trace_options o;
		char error[OPTIONS_TEXT_MAX];

		ck_assert_int_eq(parse(cases[i].line, &o, error), 0);
		ck_assert_int_eq(trace_request_plan(&o, &request), 0);
		for (size_t family = 0; family < 2; family++) {
			const char *protocol = trace_options_protocol(&o);
			const struct pattern *p;
			struct field_ref src, dst;
			char name[32];

			snprintf(name, sizeof(name), "ipv%c/%s", family ? '6' : '4',
			    protocol);
			p = tree_find(tree, name);
			ck_assert_ptr_nonnull(p);
			ck_assert_int_eq(
			    pattern_find_own_field(p, "src_port", &src), 0);
			ck_assert_int_eq(
			    pattern_find_own_field(p, "dst_port", &dst), 0);
			ck_assert_msg(
			    request.set[family] ==
				((cases[i].src_port ? pattern_field_mask(p, src) : 0) |
				    (cases[i].dst_port ? pattern_field_mask(p, dst)
						       : 0)),
			    "%s: %llx", cases[i].line,
			    (unsigned long long)request.set[family]);
		}
	}
	tree_free(tree);
}
END_TEST

static const struct {
	const char *line;
	int64_t max;
	uint32_t here;
	uint32_t near;
} waits[] = {
    {"-w 3 h", INT64_C(3000000000), 0, 0},
    {"-w 0.05 h", 50000000, 0, 0},
    {"-w .000000001,1 h", 0, 0, 0}, /* below a millisecond: refused */
    {"-w 2.5,1.5,0.001 h", INT64_C(2500000000), 1500, 1},
    {"-w 1/2/3 h", INT64_C(1000000000), 2000, 3000},
    {"-w 1,2 h", INT64_C(1000000000), 2000, 0},
    {"-w 0.1234567891 h", 123456789, 0, 0},
};

START_TEST(wait_values)
{
	struct trace_options o;
	char error[OPTIONS_TEXT_MAX];
	int result = parse(waits[_i].line, &o, error);

	if (waits[_i].max == 0) {
		ck_assert_int_eq(result, -EINVAL);
		return;
	}
	ck_assert_int_eq(result, 0);
	ck_assert_int_eq(o.start.wait_max, waits[_i].max);
	ck_assert_uint_eq(o.start.wait_here, waits[_i].here);
	ck_assert_uint_eq(o.start.wait_near, waits[_i].near);
}
END_TEST

static const struct {
	const char *line;
	int64_t gap;
} gaps[] = {
    {"-z 0 h", 0},
    {"-z 0.05 h", 50000000},
    {"-z .000001 h", 1000},
    {"-z 2 h", INT64_C(2000000000)},
    {"-z 9.999999999 h", INT64_C(9999999999)},
    {"-z 10 h", 10000000},
    {"-z 10.5 h", 10500000},
    {"-z 200 h", 200000000},
};

START_TEST(send_gaps)
{
	struct trace_options o;
	char error[OPTIONS_TEXT_MAX];

	ck_assert_int_eq(parse(gaps[_i].line, &o, error), 0);
	ck_assert_int_eq(o.start.send_gap, gaps[_i].gap);
}
END_TEST

/* traceroute(8) reads its numbers as C does, and ports by their names too. */
static const struct {
	const char *line;
	uint8_t tos;
	uint16_t port;
} numbers[] = {
    {"-t 16 -p 22 h", 16, 22},
    {"-t 0x10 -p 0x16 h", 16, 22},
    {"-t 0X1f -p 0XfF h", 31, 255},
    {"-t 020 -p 026 h", 16, 22},
    {"-t 00 -p 0000177777 h", 0, 65535},
    {"-t 0 -p ssh h", 0, 22},
    {"-p domain h", 0, 53},
};

START_TEST(number_values)
{
	struct trace_options o;
	char error[OPTIONS_TEXT_MAX];

	ck_assert_int_eq(parse(numbers[_i].line, &o, error), 0);
	ck_assert_uint_eq(o.start.tos, numbers[_i].tos);
	ck_assert_uint_eq(o.port, numbers[_i].port);
}
END_TEST

static const struct {
	const char *name;
	const char *line;
	uint8_t as_traceroute;
	uint32_t family;
} programs[] = {
    {"paris-traceroute", "h", 0, AF_UNSPEC},
    {"paris-traceroute6", "h", 0, AF_UNSPEC},
    {"", "h", 0, AF_UNSPEC},
    {"/usr/bin/traceroute/", "h", 0, AF_UNSPEC},
    {"traceroute", "h", 1, AF_UNSPEC},
    {"/usr/sbin/traceroute", "h", 1, AF_UNSPEC},
    {"./traceroute.db", "h", 1, AF_UNSPEC},
    {"traceroute4", "h", 1, AF_INET},
    {"/usr/bin/traceroute6", "h", 1, AF_INET6},
    {"/traceroute6/traceroute", "h", 1, AF_UNSPEC},
    {"traceroute6", "-4 h", 1, AF_INET},
};

START_TEST(program_names)
{
	struct trace_options o;
	char error[OPTIONS_TEXT_MAX];

	ck_assert_int_eq(parse_as(programs[_i].name, programs[_i].line, &o, error), 0);
	ck_assert_uint_eq(o.as_traceroute, programs[_i].as_traceroute);
	ck_assert_uint_eq(o.family, programs[_i].family);
	ck_assert_int_eq(parse_as(programs[_i].name, "", &o, error),
	    programs[_i].as_traceroute ? 0 : -EINVAL);
	ck_assert_uint_eq(o.help, programs[_i].as_traceroute);
}
END_TEST

/* What a script may have that was written for traceroute(8), and what comes of it. */
static const struct {
	const char *line;
	uint16_t port, src_port, window;
	uint32_t packet_len;
	uint8_t tcp_flags;
	const char *otherwise; /* by our own name: how the message begins */
} forgiven[] = {
    {"-p 0 h", 0, 0, 0, PACKET_LEN_DEFAULT, 0, "-p: '0' is not"},
    {"--sport=0 h", 0, 0, 0, PACKET_LEN_DEFAULT, 0, "--sport: '0' is not"},
    {"-N 0 h", 0, 0, 0, PACKET_LEN_DEFAULT, 0, "-N: '0' is not"},
    {"-O any h", 0, 0, 0, PACKET_LEN_DEFAULT, 0, "-O: 'any' is no option of udp"},
    {"-U -O ,any h", 0, 0, 0, PACKET_LEN_DEFAULT, 0, "-O: '' is no option of udp"},
    {"-T -O ack, h", 0, 0, 0, PACKET_LEN_DEFAULT, 0x10, "-O: '' is no option of tcp"},
    {"-T -O syn,,ack h", 0, 0, 0, PACKET_LEN_DEFAULT, 0x12, "-O: '' is no option"},
    {"-I --sport=9 h", 0, 0, 0, PACKET_LEN_DEFAULT, 0, "--sport 9: ICMP probes"},
    {"-P 253 --sport=9 h", 0, 0, 1, PACKET_LEN_DEFAULT, 0, "--sport: probes of any"},
    {"-D h 100", 0, 0, 0, PACKET_LEN_DEFAULT, 0, "packet_len 100: a DCCP Request"},
    {"-T h 100", 0, 0, 0, PACKET_LEN_DEFAULT, 0, "packet_len 100: the kernel chooses"},
    {"-T --mtu h", 0, 0, 1, PACKET_LEN_DEFAULT, 0, "--mtu: the kernel chooses"},
};

START_TEST(stands_in)
{
	struct trace_options o;
	char error[OPTIONS_TEXT_MAX];

	ck_assert_msg(parse_as("traceroute", forgiven[_i].line, &o, error) == 0,
	    "%s: %s", forgiven[_i].line, error);
	ck_assert_uint_eq(o.port, forgiven[_i].port);
	ck_assert_uint_eq(o.start.src_port, forgiven[_i].src_port);
	ck_assert_uint_eq(o.start.window, forgiven[_i].window);
	ck_assert_uint_eq(o.packet_len, forgiven[_i].packet_len);
	ck_assert_uint_eq(o.start.tcp.flags, forgiven[_i].tcp_flags);
	ck_assert_int_eq(parse(forgiven[_i].line, &o, error), -EINVAL);
	ck_assert_ptr_eq(strstr(error, forgiven[_i].otherwise), error);
}
END_TEST

START_TEST(no_host_needed)
{
	struct trace_options o;
	char error[OPTIONS_TEXT_MAX];

	ck_assert_int_eq(parse("--help", &o, error), 0);
	ck_assert_uint_eq(o.help, 1);
	ck_assert_int_eq(parse("-V", &o, error), 0);
	ck_assert_uint_eq(o.version, 1);
	ck_assert_int_eq(parse("--explain", &o, error), 0);
	ck_assert_ptr_null(o.host);
	ck_assert_int_eq(parse("-n -- -host", &o, error), 0);
	ck_assert_str_eq(o.host, "-host");
	ck_assert_int_eq(parse("-4 -6 h", &o, error), 0);
	ck_assert_uint_eq(o.family, AF_INET6);
}
END_TEST

START_TEST(start_of_a_trace)
{
	struct trace_options o;
	struct prober_start start;
	struct addr v4, v6;
	char error[OPTIONS_TEXT_MAX];

	ck_assert_int_eq(addr_from_text("192.0.2.1", &v4), 0);
	ck_assert_int_eq(addr_from_text("2001:db8::1", &v6), 0);
	ck_assert_int_eq(parse("h", &o, error), 0);
	trace_request_start(&o, &v4, &start);
	ck_assert_uint_eq(start.packet_len, 60);
	ck_assert_uint_eq(start.dst_port, 33434);
	ck_assert(addr_equal(&start.target, &v4));
	trace_request_start(&o, &v6, &start);
	ck_assert_uint_eq(start.packet_len, 80);
	ck_assert_int_eq(parse("-U h 0", &o, error), 0);
	trace_request_start(&o, &v4, &start);
	ck_assert_uint_eq(start.packet_len, 0);
	ck_assert_uint_eq(start.dst_port, 53);
	ck_assert_int_eq(parse("-U -p 99 -i eth0 h", &o, error), 0);
	trace_request_start(&o, &v4, &start);
	ck_assert_uint_eq(start.dst_port, 99);
	ck_assert_str_eq(start.device, "eth0");
	ck_assert_int_eq(parse("-I -p 99 h", &o, error), 0);
	trace_request_start(&o, &v4, &start);
	ck_assert_uint_eq(start.first_tag, 99);
	ck_assert_uint_eq(start.dst_port, 0);
}
END_TEST

START_TEST(target_does_not_fit)
{
	struct trace_options o;
	struct addr v4, any;
	char error[OPTIONS_TEXT_MAX];

	ck_assert_int_eq(addr_from_text("192.0.2.1", &v4), 0);
	ck_assert_int_eq(addr_from_text("0.0.0.0", &any), 0);
	ck_assert_int_eq(parse("-l 5 h", &o, error), 0);
	ck_assert_int_eq(trace_request_check(&o, &v4, error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "-l 5: "));
	ck_assert_int_eq(parse("-s ::1 h", &o, error), 0);
	ck_assert_int_eq(trace_request_check(&o, &v4, error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error, "-s ::1: "));
	/* TCP sockets of the kernel's take no ECN bits: the segment is chosen then. */
	for (int tos = 0; tos < 256; tos++) {
		char line[32];

		snprintf(line, sizeof(line), "-T -t %d h", tos);
		ck_assert_int_eq(parse(line, &o, error), 0);
		ck_assert_int_eq(trace_request_check(&o, &v4, error), 0);
		ck_assert_uint_eq(o.start.tcp.chosen, (tos & 3) != 0);
		ck_assert_uint_eq(o.start.tcp.flags & 0x12, (tos & 3) != 0 ? 2 : 0);
		snprintf(line, sizeof(line), "-UL -t %d h", tos);
		ck_assert_int_eq(parse(line, &o, error), 0);
		ck_assert_int_eq(trace_request_check(&o, &v4, error), 0);
		ck_assert_uint_eq(o.start.tcp.chosen, 0);
		snprintf(line, sizeof(line), "--tcp -Q %d h", tos);
		ck_assert_int_eq(parse_as("paris-ping", line, &o, error), 0);
		ck_assert_int_eq(
		    trace_request_check(&o, &v4, error), (tos & 3) != 0 ? -EINVAL : 0);
		if ((tos & 3) != 0)
			ck_assert_ptr_nonnull(strstr(error, "a multiple of 4"));
	}
	ck_assert_int_eq(parse("-i nosuchdevice h", &o, error), 0);
	ck_assert_int_eq(trace_request_check(&o, &v4, error), -ENODEV);
	ck_assert_ptr_nonnull(strstr(error, "nosuchdevice"));
	ck_assert_int_eq(parse("h", &o, error), 0);
	ck_assert_int_eq(trace_request_check(&o, &v4, error), 0);
	ck_assert_int_eq(trace_request_check(&o, &any, error), -EINVAL);
}
END_TEST

START_TEST(plan_request)
{
	struct trace_options o;
	struct plan_request request;
	char error[OPTIONS_TEXT_MAX];

	ck_assert_int_eq(parse("h", &o, error), 0);
	ck_assert_int_eq(trace_request_plan(&o, &request), 0);
	ck_assert_uint_eq(request.protocol, IPPROTO_UDP);
	ck_assert(request.flow_constant);
	ck_assert_ptr_null(request.tag);
	ck_assert_uint_eq(request.packet_len, 0);
	ck_assert_uint_eq(request.set[0], 0);
	ck_assert_uint_eq(request.set[1], 0);
	ck_assert_int_eq(parse("h 0", &o, error), 0); /* 0 is no default there */
	ck_assert_int_eq(trace_request_plan(&o, &request), 0);
	ck_assert_uint_eq(request.packet_len, 1);
	ck_assert_int_eq(parse("-I -t 8 --tag icmp.checksum h 99", &o, error), 0);
	ck_assert_int_eq(trace_request_plan(&o, &request), 0);
	ck_assert_uint_eq(request.protocol, IPPROTO_ICMP);
	ck_assert_str_eq(request.tag, "icmp.checksum");
	ck_assert_uint_eq(request.packet_len, 99);
	ck_assert_uint_ne(request.set[0], 0);
	ck_assert_uint_ne(request.set[1], 0);
	/* The classic algorithm counts the port up from -p; it is not set. */
	ck_assert_int_eq(parse("-a traceroute -p 5 h", &o, error), 0);
	ck_assert_int_eq(trace_request_plan(&o, &request), 0);
	ck_assert(!request.flow_constant);
	ck_assert_uint_eq(request.set[0], 0);
	ck_assert_int_eq(parse("-p 5 h", &o, error), 0);
	ck_assert_int_eq(trace_request_plan(&o, &request), 0);
	ck_assert_uint_ne(request.set[0], 0);
}
END_TEST

/* The bound of mda, in all its forms. */
START_TEST(bounds)
{
	static const struct {
		const char *line;
		uint32_t alpha;
		uint16_t branching, children;
	} rows[] = {{"h", 0, 0, 0}, {"--confidence 95 h", 50000000, 0, 0},
	    {"--confidence 99.9 h", 1000000, 0, 0},
	    {"--confidence 99.9999999 h", 1, 0, 0}, {"-B 99 h", 10000000, 0, 0},
	    {"-B 95,5 h", 50000000, 5, 0}, {"-B 95,5,16 h", 50000000, 5, 16},
	    {"-B 95,5 --confidence 99 h", 10000000, 5, 0},
	    {"-B 95,5 --bound node h", 50000000, 0, 0},
	    {"--bound graph h", 0, MDA_BRANCHING, 0},
	    {"--bound graph -B 95,7 h", 50000000, 7, 0}};
	struct trace_options o;
	char error[OPTIONS_TEXT_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_msg(parse_as("mda", rows[i].line, &o, error) == 0, "%s: %s",
		    rows[i].line, error);
		ck_assert_msg(o.start.alpha == rows[i].alpha &&
				  o.start.branching == rows[i].branching &&
				  o.start.children == rows[i].children,
		    "%s: %u %u %u", rows[i].line, o.start.alpha, o.start.branching,
		    o.start.children);
	}
}
END_TEST

/* What mda has by itself, and how hosts are read. */
START_TEST(of_mda)
{
	struct trace_options o;
	char error[OPTIONS_TEXT_MAX];

	ck_assert_int_eq(parse_as("mda", "a b c --pps 50", &o, error), 0);
	ck_assert_str_eq(o.start.algorithm, "mda");
	ck_assert_uint_eq(o.hosts_count, 3);
	ck_assert_str_eq(o.host, "a");
	ck_assert_str_eq(o.hosts[2], "c");
	ck_assert_uint_eq(o.start.gap_limit, MDA_GAP_LIMIT);
	ck_assert_int_eq(o.start.send_gap, INT64_C(20000000));
	ck_assert_uint_eq(o.start.max_probes, MDA_PROBES);
	ck_assert_int_eq(o.start.timeout, MDA_TIMEOUT);
	ck_assert_int_eq(parse_as("mda",
			     "--gap-limit 0 -z 1 --pps 50 a "
			     "--max-probes 200000 --timeout 1000",
			     &o, error),
	    0);
	ck_assert_uint_eq(o.start.max_probes, 200000);
	ck_assert_int_eq(o.start.timeout, INT64_C(1000000000000));
	ck_assert_uint_eq(o.start.gap_limit, 0);
	ck_assert_int_eq(o.start.send_gap, INT64_C(1000000000));
	ck_assert_int_lt(parse_as("mda", "--format svg a b", &o, error), 0);
	ck_assert_int_lt(parse_as("mda", "-e a", &o, error), 0);
	ck_assert_int_lt(parse_as("mda", "-a paris a", &o, error), 0);
	ck_assert_int_eq(parse("-M mda -q 2 h", &o, error), 0);
	ck_assert_str_eq(o.start.algorithm, "mda");
	ck_assert_int_eq(parse("-M icmp h", &o, error), 0);
	ck_assert_uint_eq(o.method, METHOD_ICMP);
	ck_assert_uint_eq(o.start.gap_limit, 0);
	ck_assert_int_lt(parse("--flow dst-port h", &o, error), 0);
}
END_TEST

/* Letters of ping(8), none of traceroute(8)'s, and what a host is asked for. */
START_TEST(ping)
{
	struct addr target;
	struct trace_options o;
	struct prober_start start;
	struct plan_request plan;
	char error[OPTIONS_TEXT_MAX];

	ck_assert_int_eq(addr_from_text("2001:db8::9", &target), 0);
	ck_assert_int_eq(parse_as("paris-ping", "h", &o, error), 0);
	ck_assert_str_eq(o.start.algorithm, "ping");
	ck_assert_uint_eq(o.method, METHOD_ICMP);
	trace_request_start(&o, &target, &start);
	ck_assert_uint_eq(start.packet_len, 104);
	ck_assert_uint_eq(start.first_ttl, 64);
	ck_assert_uint_eq(start.max_ttl, 64);
	ck_assert_uint_eq(start.queries, 1);
	ck_assert_uint_eq(start.preload, 1);
	ck_assert_uint_eq(start.first_tag, 1);
	ck_assert_uint_eq(start.max_probes, 0);
	ck_assert_int_eq(start.interval, NS_PER_SECOND);
	ck_assert_int_eq(start.wait_max, 10 * NS_PER_SECOND);
	ck_assert_int_eq(start.timeout, 0);
	ck_assert_int_eq(
	    parse_as("paris-ping",
		"-c 5 -i 0.002 -w 9.5 -W 0 -s 0 -t 7 -Q 0xb8 -l 3 -p f0a -D -q -n "
		"-I lo -I 2001:db8::1 --flow-id 4 h",
		&o, error),
	    0);
	trace_request_start(&o, &target, &start);
	ck_assert_uint_eq(start.max_probes, 5);
	ck_assert_int_eq(start.interval, 2 * NS_PER_MS);
	ck_assert_int_eq(start.timeout, 9500 * NS_PER_MS);
	ck_assert_int_eq(start.wait_max, 3600 * NS_PER_SECOND);
	ck_assert_uint_eq(start.packet_len, 48);
	ck_assert_uint_eq(start.first_ttl, 7);
	ck_assert_uint_eq(start.max_ttl, 7);
	ck_assert_uint_eq(start.tos, 0xb8);
	ck_assert_uint_eq(start.preload, 3);
	ck_assert_uint_eq(start.fill_len, 2);
	ck_assert_uint_eq(start.fill[0], 0xf0);
	ck_assert_uint_eq(start.fill[1], 0x0a);
	ck_assert_str_eq(o.device, "lo");
	ck_assert_uint_eq(start.source.bytes[15], 1);
	ck_assert_uint_eq(start.flow_id, 4);
	ck_assert(o.timestamps && o.quiet && o.numeric);
	ck_assert_int_eq(
	    parse_as("paris-ping", "--udp --port 7 -s 100 h", &o, error), 0);
	trace_request_start(&o, &target, &start);
	ck_assert_uint_eq(start.dst_port, 7);
	ck_assert_uint_eq(start.packet_len, 148);
	ck_assert_int_eq(trace_request_plan(&o, &plan), 0);
	ck_assert_uint_eq(plan.packet_len, 128);
	ck_assert(plan.flow_constant);
	ck_assert_int_eq(parse_as("paris-ping", "--tcp h", &o, error), 0);
	trace_request_start(&o, &target, &start);
	ck_assert_uint_eq(start.dst_port, 80);
	ck_assert_uint_eq(start.packet_len, 80);
	ck_assert_uint_eq(start.tcp.chosen, 0);
	ck_assert_int_eq(parse_as("paris-ping", "--tcp-ack h", &o, error), 0);
	ck_assert_uint_eq(o.method, METHOD_TCP);
	ck_assert_uint_eq(o.start.tcp.flags, 0x10);
	ck_assert_int_eq(parse_as("paris-ping", "--tcp-ack --udp h", &o, error), 0);
	ck_assert_uint_eq(o.start.tcp.chosen, 0);
	ck_assert_int_eq(parse_as("paris-ping", "-s 65507 2001:db8::9", &o, error), 0);
	ck_assert_int_eq(trace_request_check(&o, &target, error), -EINVAL);
	ck_assert_int_lt(parse_as("paris-ping", "-m 5 h", &o, error), 0);
	ck_assert_int_lt(parse_as("paris-ping", "--algorithm paris h", &o, error), 0);
	ck_assert_int_lt(parse_as("paris-traceroute", "-a ping h", &o, error), 0);
	ck_assert_int_lt(parse_as("mda", "-a ping h", &o, error), 0);
}
END_TEST

/* Every option is in --help, within 80 columns. */
START_TEST(help_text)
{
	static const struct {
		enum trace_program program;
		const char *forms[9];
	} helps[] = {
	    {PROGRAM_TRACEROUTE,
		{"Usage: paris-traceroute ", "  -4 ", "  -n ", "-q N, --queries=N",
		    "-w MAX[,HERE,NEAR], --wait=MAX[,HERE,NEAR]", "--flow-id=N",
		    "--format=FORMAT", "  paris ", "  traceroute "}},
	    {PROGRAM_MDA, {"Usage: mda ", "  -4 ", "  -n ", "-q N, --queries=N",
			      "--confidence=PERCENT", "--format=FORMAT", "  mda ",
			      "  mda-lite ", "--packet-len=BYTES"}},
	    {PROGRAM_PING, {"Usage: paris-ping ", "  -4 ", "  -n ", "  -c COUNT ",
			       "  -i SECONDS ", "  -I DEVICE|ADDR ", "--flow-id=N",
			       "--format=FORMAT", "DEADLINE, 2 wrong usage"}},
	};
	char *text = NULL;
	char *rest = NULL;
	size_t len = 0;
	struct trace_options o = {.program = (uint8_t)helps[_i].program};
	FILE *memory = open_memstream(&text, &len);

	trace_options_print_help(&o, memory);
	fclose(memory);
	for (size_t i = 0; i < 9; i++)
		ck_assert_msg(strstr(text, helps[_i].forms[i]) != NULL, "no %s",
		    helps[_i].forms[i]);
	for (char *line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		ck_assert_msg(strlen(line) <= 80, "wide: %s", line);
	free(text);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* Whom the options ask for AS numbers, and whether at all. */
static const struct {
	const char *line;
	uint8_t as_lookups;
	uint8_t as_source;
} origins[] = {
    {"-A h", 1, NAMES_FROM_WHOIS},
    {"-A --asn-db f h", 1, NAMES_FROM_DATABASE},
    {"-A --as-source dns --asn-db f h", 1, NAMES_FROM_DNS},
    {"-A --as-source whois --asn-db f h", 1, NAMES_FROM_WHOIS},
    {"-A --country --country-db f h", 1, NAMES_FROM_WHOIS},
    {"--as-names --asn-db f h", 1, NAMES_FROM_DATABASE},
    {"--as-names --as-source dns h", 1, NAMES_FROM_DNS},
    {"--country --asn-db f h", 0, NAMES_FROM_NOBODY},
    {"--country --as-source dns h", 0, NAMES_FROM_DNS},
    {"--country --as-source dns --country-db f h", 0, NAMES_FROM_NOBODY},
    {"--asn-db f --as-source whois h", 0, NAMES_FROM_NOBODY},
};

START_TEST(source_of_as_numbers)
{
	char error[OPTIONS_TEXT_MAX];
	struct trace_options o;

	ck_assert_int_eq(parse(origins[_i].line, &o, error), 0);
	ck_assert_uint_eq(o.as_lookups, origins[_i].as_lookups);
	ck_assert_uint_eq(o.as_source, origins[_i].as_source);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {wrong_lines, .loops = COUNT(wrong)},
	    {segments},
	    {defaults},
	    {everything_set},
	    {source_of_as_numbers, .loops = COUNT(origins)},
	    {methods_and_ports, .loops = COUNT(methods)},
	    {host_that_looks_like_udplite},
	    {ports_that_are_set},
	    {wait_values, .loops = COUNT(waits)},
	    {send_gaps, .loops = COUNT(gaps)},
	    {number_values, .loops = COUNT(numbers)},
	    {stands_in, .loops = COUNT_OF(forgiven)},
	    {stands_in, .loops = COUNT(forgiven)},
	    {program_names, .loops = COUNT(programs)},
	    {no_host_needed},
	    {start_of_a_trace},
	    {target_does_not_fit},
	    {plan_request},
	    {bounds},
	    {of_mda},
	    {ping},
	    {help_text, .loops = 3},
	};

	return test_main("options", tests, COUNT_OF(tests));
}
