#include "tools/shared/trace_options.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/names_messages.h"
#include "prober/algorithm.h"
#include "prober/plan.h"
#include "prober/tcp_options.h"
#include "tools/shared/module_options.h"
#include "tools/shared/trace_checks.h"
#include "tools/shared/trace_values.h"

#define PARALLEL_HIGH 1000
#define PREFIX_LOW 8
#define DCCP_SERVICE 1885957735 /* traceroute(8)'s */
#define RAW_PROTOCOL 253        /* for experiments: RFC 3692 */
#define PPS_HIGH 1000000
#define FLOWS_HIGH 65536
#define PROBES_HIGH 1000000000
#define ROUNDS_HIGH 1000000000

/* ---- the table ------------------------------------------------------------------- */

#define AT(member) offsetof(struct trace_options, member)
#define TO(member) AT(member), sizeof(((struct trace_options *)0)->member)
#define FLAG(member, set) option_flag, TO(member), 0, set
#define NUMBER(member, low, high) option_number, TO(member), low, high

/* traceroute(8)'s one short option of two letters. */
#define UDPLITE "UL"

/* Whose option it is; unless said, it is of both programs that trace. */
#define TRACEROUTE PROGRAM_TRACEROUTE
#define MDA PROGRAM_MDA
#define PING PROGRAM_PING
#define TRACERS (TRACEROUTE | MDA)
#define ALL (TRACERS | PING)

static const struct option_spec table[] = {
    {'4', NULL, NULL, "Use IPv4", FLAG(family, AF_INET), ALL},
    {'6', NULL, NULL, "Use IPv6", FLAG(family, AF_INET6), ALL},
    {'a', "algorithm", "NAME", "How to trace; the algorithms are listed below",
	trace_value_algorithm, TO(start.algorithm), 0, PROGRAM_TRACEROUTE, TRACEROUTE},
    {'a', "algorithm", "NAME", "How to search; the algorithms are listed below",
	trace_value_algorithm, TO(start.algorithm), 0, PROGRAM_MDA, MDA},
    {0, "back", NULL, "Guess how many hops replies took, and print it where it differs",
	FLAG(back, 1), TRACEROUTE},
    {'A', "as-path-lookups", NULL,
	"Print the autonomous system (AS) of each address; see --as-source",
	FLAG(as_lookups, 1)},
    {0, "as-names", NULL, "The same, with the name of the AS", FLAG(as_names, 1)},
    {0, "as-source", "database|whois|dns",
	"Who knows the AS: the file of --asn-db (the default with one), a whois server "
	"(the default without; RA_SERVER and RA_SERVICE name it) or Team Cymru's zone "
	"in DNS",
	trace_value_as_source, TO(as_source), 0, 0},
    {0, "asn-db", "FILE",
	"MaxMind DB file of AS numbers and perhaps countries, for -A and --country",
	option_text, TO(asn_db), 1, PATH_MAX - 1},
    {'B', "mda", "PERCENT[,BRANCH[,CHILDREN]]",
	"--confidence, of a graph in which BRANCH nodes branch at most; search for "
	"CHILDREN successors of a node at most",
	trace_value_mda, AT(start), 0, 0, 0},
    {0, "bound", "node|graph",
	"Hold the confidence at each node (the default) or for the whole graph",
	trace_value_bound, TO(bound), 0, 0},
    {'c', NULL, "COUNT", "Stop after sending (with -w: receiving) COUNT packets",
	NUMBER(start.max_probes, 1, UINT32_MAX), PING},
    {0, "confidence", "PERCENT",
	"How sure to be that no successor of a node was missed (default 95)",
	trace_value_confidence, TO(start.alpha), 0, 0},
    {0, "country", NULL,
	"Print the country of each address, of --country-db, --asn-db or --as-source "
	"dns",
	FLAG(country, 1)},
    {0, "country-db", "FILE", "MaxMind DB file of countries, for --country",
	option_text, TO(country_db), 1, PATH_MAX - 1},
    {'D', NULL, NULL, "Print the time of day before each line", FLAG(timestamps, 1),
	PING},
    {'d', "debug", NULL, "Set SO_DEBUG on the sockets that send (root alone can)",
	FLAG(debug, 1), TRACEROUTE},
    {'e', "extensions", NULL,
	"Show ICMP extensions (RFC 4884); MPLS labels are shown parsed",
	FLAG(extensions, 1), TRACEROUTE},
    {'D', "dccp", NULL, "Use DCCP Request (root only) to port 33434",
	FLAG(method, METHOD_DCCP), TRACEROUTE},
    {0, "exclude", "FILE",
	"Send nothing to hosts whose address is in a prefix of FILE, which has one a "
	"line",
	option_text, TO(exclude), 1, PATH_MAX, ALL},
    {'f', "first", "TTL", "Start at this hop (default 1)",
	NUMBER(start.first_ttl, 1, 255)},
    {'F', "dont-fragment", NULL, "Do not fragment probes",
	FLAG(start.dont_fragment, 1)},
    {0, "dont-fragment", NULL, "Do not fragment packets", FLAG(start.dont_fragment, 1),
	PING},
    {'h', NULL, NULL, "Print this help", FLAG(help, 1), PING},
    {'i', NULL, "SECONDS", "Time between two packets (default 1)", option_seconds,
	TO(start.interval), 2 * NS_PER_MS, PROBER_TIME_MAX, PING},
    {0, "fragment", "SIZES",
	"Split probes into fragments of these sizes (root only), such as 8,16 or, "
	"overlapping, 0+16,8+24; then ;order=last-first and ;repeat=2, if need be",
	trace_value_fragment, AT(start), 0, 0, 0, TRACEROUTE},
    {0, "fwmark", "MARK",
	"Firewall mark of the probes (SO_MARK; root alone can set it); 0: none",
	NUMBER(fwmark, 0, UINT32_MAX), TRACEROUTE},
    {'g', "gateway", "ADDR[,ADDR]...",
	"Have probes routed over these gateways (root only): IPv4's loose source "
	"route, "
	"or IPv6's routing header, whose type, 0 or 2 (the default), may stand first",
	trace_value_gateways, AT(start), 0, 0, 0, TRACEROUTE},
    {'i', "interface", "DEVICE", "Send through this network interface", option_text,
	TO(device), 1, IF_NAMESIZE - 1},
    {'I', "icmp", NULL, "Use ICMP echo requests as probes", FLAG(method, METHOD_ICMP)},
    {'I', NULL, "DEVICE|ADDR", "Network interface or source address of the packets",
	trace_value_origin, 0, 0, 0, 0, PING},
    {'l', NULL, "PRELOAD",
	"Send so many packets at once before waiting; up to 3, but as root",
	trace_value_preload, TO(start.preload), 1, UINT16_MAX, PING},
    {0, "flowlabel", "LABEL", "IPv6 flow label of the packets",
	NUMBER(start.flow_label, 0, 0xfffff), PING},
    {'l', "flowlabel", "LABEL", "IPv6 flow label of the probes",
	NUMBER(start.flow_label, 0, 0xfffff)},
    {'m', "max-hops", "TTL", "Try no hop beyond this one (default 30)",
	NUMBER(start.max_ttl, 1, 255)},
    {0, "mtu", NULL,
	"Find the path's MTU: where it takes less, go on with that, and print F=MTU "
	"there (implies -F -N 1)",
	FLAG(start.path_mtu, 1), TRACEROUTE},
    {'M', "module", "NAME",
	"default, udp, icmp, tcp (or tcpconn) or udplite, as without -M, -U, -I, -T "
	"and -UL; or an algorithm, as with -a",
	trace_value_module, 0, 0, 0, 0, TRACEROUTE},
    {0, "max-flows", "N", "Of many flows, use no more than N",
	NUMBER(start.max_flows, 1, FLOWS_HIGH)},
    {0, "max-probes", "N",
	"To find many paths, send no more than N probes (default 100000)",
	NUMBER(start.max_probes, 1, PROBES_HIGH)},
    {'n', NULL, NULL, "Print addresses only, look up no names", FLAG(numeric, 1), ALL},
    {'N', "sim-queries", "N",
	"Keep at most N probes in flight (default: all queries of 16 hops)",
	NUMBER(start.window, 1, UINT16_MAX)},
    {'O', "options", "OPTION[,OPTION]...",
	"Options of the protocol that is probed with, such as -T -O info; -O help "
	"lists them",
	trace_value_module_options, 0, 0, 0, 0, TRACEROUTE},
    {0, "ordered", NULL, "Of many hosts, print results in the order of the hosts",
	FLAG(ordered, 1), TRACEROUTE},
    {'p', NULL, "PATTERN", "Up to 16 bytes in hex to fill packets with",
	trace_value_fill, AT(start), 0, 1, PROBER_FILL_MAX, PING},
    {0, "port", "PORT", "Destination port (default 33434 for --udp, 80 for --tcp)",
	trace_value_port, TO(port), 1, UINT16_MAX, PING},
    {'p', "port", "PORT",
	"Destination port (default 33434 for UDP, with -U or -UL 53, with -T 80); with "
	"-I the first sequence number",
	trace_value_port, TO(port), 1, UINT16_MAX},
    {0, "packet-len", "BYTES",
	"Length of a probe with its IP header, up to 65000 (default 60, IPv6 80)",
	NUMBER(packet_len, 0, PACKET_LEN_MAX), MDA},
    {0, "parallel", "N", "Of many hosts, trace N at a time (default 32)",
	NUMBER(parallel, 1, PARALLEL_HIGH)},
    {0, "phi", "N",
	"With mda-lite: flows of a vertex to find crossing links with (default 2)",
	NUMBER(start.phi, 2, 64)},
    {0, "pps", "N", "Send at most N probes a second, to all hosts together",
	NUMBER(pps, 1, PPS_HIGH)},
    {0, "print-ttl", NULL, "Print the TTL of each reply", FLAG(print_ttl, 1),
	TRACEROUTE},
    {'P', "protocol", "PROTOCOL",
	"Use packets of this IP protocol (root only), a number or name; of those that "
	"have no option of their own",
	trace_value_protocol, 0, 0, 0, 0, TRACEROUTE},
    {'q', "queries", "N", "Probes a hop (default 3)", NUMBER(start.queries, 1, 10),
	TRACEROUTE},
    {'q', "queries", "N", "Attempts at a probe (default 3)",
	NUMBER(start.queries, 1, 10), MDA},
    {'q', NULL, NULL, "Print the first line and the summary only", FLAG(quiet, 1),
	PING},
    {'Q', NULL, "TOS", "IPv4 type of service or IPv6 traffic class of the packets",
	NUMBER(start.tos, 0, 255), PING},
    {0, "quiet", NULL, "Do not show how far it is on a terminal", FLAG(quiet, 1)},
    {'r', NULL, NULL, "Send to hosts of attached networks only, past the routes",
	FLAG(start.dont_route, 1), TRACEROUTE},
    {0, "resume", "FILE",
	"Leave out hosts whose trace is in FILE, json of an earlier run", option_text,
	TO(resume), 1, PATH_MAX, TRACEROUTE},
    {'s', NULL, "BYTES", "Bytes of data in a packet (default 56)",
	NUMBER(data_len, 0, PING_DATA_MAX), PING},
    {'s', "source", "ADDR", "Source address of the probes", option_addr,
	TO(start.source), 0, 0},
    {'t', "tos", "TOS", "IPv4 type of service or IPv6 traffic class of the probes",
	NUMBER(start.tos, 0, 255)},
    {0, "targets", "FILE",
	"Trace the hosts of FILE too, which has one a line; -: standard input",
	option_text, TO(targets), 1, PATH_MAX},
    {'t', NULL, "TTL", "Time to live of the packets (default 64)",
	NUMBER(start.max_ttl, 1, 255), PING},
    {0, "tcp", NULL, "Send TCP SYNs, to port 80, instead of echo requests",
	FLAG(method, METHOD_TCP), PING},
    {0, "tcp-ack", NULL,
	"Send TCP ACKs, to port 80, which any port answers; through raw sockets",
	trace_value_tcp_ack, 0, 0, 0, 0, PING},
    {'T', "tcp", NULL, "Use TCP SYN to port 80", FLAG(method, METHOD_TCP)},
    {0, "udp", NULL,
	"Send UDP datagrams, to port 33434, instead of echo requests: a closed port "
	"answers",
	FLAG(method, METHOD_UDP), PING},
    {'U', "udp", NULL, "Use UDP to port 53", FLAG(method, METHOD_UDP_FIXED)},
    {0, "udplite", NULL, "Use UDP-Lite to port 53", FLAG(method, METHOD_UDPLITE),
	TRACERS, UDPLITE},
    {'w', NULL, "DEADLINE",
	"End after so many seconds, however many packets were sent (0: never)",
	option_seconds, TO(start.timeout), 0, PROBER_TIME_MAX, PING},
    {'W', NULL, "SECONDS",
	"Wait so long for an answer if there was none so far (default 10; 0: an hour); "
	"else for two round trips",
	trace_value_timeout, TO(start.wait_max), NS_PER_MS, 3600 * NS_PER_SECOND, PING},
    {'w', "wait", "MAX[,HERE,NEAR]",
	"Wait for a reply no longer than MAX seconds (default 5), HERE (3) times the "
	"round trip of another probe to the same hop, NEAR (10) times that of a later "
	"hop; without HERE and NEAR always MAX",
	trace_value_wait, AT(start), 0, 0, 0},
    {'z', "sendwait", "TIME",
	"Least time between two probes (default 0): seconds, or from 10 on "
	"milliseconds",
	trace_value_send_gap, TO(start.send_gap), 0, 0},
    {0, "explain", NULL, "Print how the probes would be sent, and why; send nothing",
	FLAG(explain, 1), ALL},
    {0, "flow", "FIELD",
	"Of many flows, the field in which they differ: src-port, dst-port, checksum "
	"(with -I) or flow-label (default: as suits the probes)",
	trace_value_flow_field, TO(start.flow_field), 0, 0},
    {0, "flow-id", "N", "Trace the path of this flow (default: any one)",
	trace_value_flow_id, AT(start), sizeof(uint32_t), 0, UINT16_MAX, TRACEROUTE},
    {0, "flow-id", "N", "Send packets of this flow (default: any one)",
	trace_value_flow_id, AT(start), sizeof(uint32_t), 0, UINT16_MAX, PING},
    {0, "format", "FORMAT", "What to print: text (the default) or json",
	trace_value_format, TO(format), 0, 0, PING},
    {0, "format", "FORMAT",
	"What to print: text (the default), json, csv, scamper or atlas; of many paths "
	"text, json, scamper, dot or svg",
	trace_value_format, TO(format), 0, 0, TRACEROUTE},
    {0, "format", "FORMAT",
	"What to print: text (the default), json, scamper, dot or svg",
	trace_value_format, TO(format), 0, 0, MDA},
    {0, "gap-limit", "N",
	"Stop after N silent hops in a row (default 0: never; of algorithms that find "
	"many paths 5)",
	NUMBER(gap_limit, 0, 255)},
    {0, "hash-fields", NULL,
	"Of many paths, find out which fields each balancer hashes, by further probes",
	FLAG(hash_fields, 1)},
    {0, "interval", "SECONDS", "With --live: from one round to the next (default 1)",
	option_seconds, TO(interval), NS_PER_SECOND / 10, 3600 * NS_PER_SECOND,
	TRACEROUTE},
    {0, "live", NULL,
	"Trace the path again and again, and show what its hops are like on the "
	"terminal",
	FLAG(live, 1), TRACEROUTE},
    {0, "loop-limit", "N",
	"Stop when N addresses came back at a later hop (default 3; 0: never)",
	NUMBER(start.loop_limit, 0, 255)},
    {0, "prefix", "LENGTH",
	"Of many paths, find out which nodes balance per destination, by probes to "
	"addresses next to the host's, in its prefix of this length",
	NUMBER(prefix, PREFIX_LOW, 127)},
    {0, "privilege", "auto|none|helper|raw",
	"Whether raw sockets may send and receive: when nothing less will do (auto, "
	"the "
	"default), never, always paris-privsep's, or always root's own: they see more",
	trace_value_privilege, TO(privilege), 0, 0, ALL},
    {0, "resolver", "SERVERS",
	"Name servers to ask instead of the system's, such as 127.0.0.1:5353",
	trace_value_resolver, TO(resolver), 0, 0, ALL},
    {0, "rounds", "N", "With --live: end after N rounds",
	NUMBER(rounds, 1, ROUNDS_HIGH), TRACEROUTE},
    {0, "sport", "PORT", "Source port of the probes", trace_value_port,
	TO(start.src_port), 1, UINT16_MAX, ALL},
    {0, "tag", "FIELD",
	"Header field that tells one probe from another, such as udp.checksum",
	option_text, TO(tag), 1, PROBER_NAME_MAX, ALL},
    {0, "timeout", "SECONDS",
	"End the whole trace after this time (of many paths default 900)",
	option_seconds, TO(start.timeout), NS_PER_MS, 86400 * NS_PER_SECOND},
    {'V', "version", NULL, "Print the version", FLAG(version, 1), ALL},
    {0, "help", NULL, "Print this help", FLAG(help, 1), ALL},
};

#define TABLE_COUNT (sizeof(table) / sizeof(table[0]))
_Static_assert(TABLE_COUNT <= OPTIONS_MAX, "the table must fit options_parse");

size_t
trace_options_rows(enum trace_program program, struct option_spec rows[OPTIONS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < TABLE_COUNT && count < OPTIONS_MAX; i++) {
		int only = table[i].only != 0 ? table[i].only : TRACERS;

		if ((only & (int)program) != 0)
			rows[count++] = table[i];
	}
	return count;
}

/* What --help says around the options. */
struct program_text {
	const char *name;
	const char *usage; /* below "Usage: " */
	const char *what;
	const char *status; /* behind "Exit status: " */
};

static const struct program_text *
text_of(const struct trace_options *o)
{
	static const struct program_text traceroute = {"paris-traceroute",
	    "paris-traceroute [OPTION]... HOST... [PACKET_LEN]",
	    "Print the path that one flow of packets takes to each HOST.\n\n"
	    "PACKET_LEN is the length of a probe with its IP header, up to 65000 "
	    "bytes\n"
	    "(default 60 for IPv4, 80 for IPv6; raised to the smallest that works).\n",
	    "0 the host was reached, 1 it was not, 2 wrong usage or unknown\n"
	    "name, 3 could not measure."};
	static const struct program_text mda = {"mda", "mda [OPTION]... HOST...",
	    "Print all paths that load balancers give to packets to each HOST.\n",
	    "0 the graph is complete and the host was reached, 1 it is not or\n"
	    "was not, 2 wrong usage or unknown name, 3 could not measure."};
	static const struct program_text ping = {"paris-ping",
	    "paris-ping [OPTION]... HOST",
	    "Send packets of one flow to HOST and print what it answers.\n",
	    "0 the host answered, 1 it did not, or not COUNT times within\n"
	    "DEADLINE, 2 wrong usage, unknown name or another error."};

	switch (o->program) {
	case PROGRAM_MDA:
		return &mda;
	case PROGRAM_PING:
		return &ping;
	default:
		return &traceroute;
	}
}

static bool
is_mda(const struct trace_options *o)
{
	return o->program == PROGRAM_MDA;
}

static bool
is_ping(const struct trace_options *o)
{
	return o->program == PROGRAM_PING;
}

const char *
trace_options_program(const struct trace_options *o)
{
	return text_of(o)->name;
}

static void
print_algorithms(enum trace_program program, FILE *out)
{
	char name[PROBER_NAME_MAX + 3];

	fputs("\nAlgorithms, the default first:\n", out);
	for (size_t i = 0; algorithm_table[i] != NULL; i++) {
		if (!trace_program_has(program, algorithm_table[i]))
			continue;
		snprintf(name, sizeof(name), "  %s", algorithm_table[i]->name);
		options_print_row(name, algorithm_table[i]->summary, out);
	}
}

void
trace_options_print_help(const struct trace_options *o, FILE *out)
{
	const struct program_text *text = text_of(o);
	struct option_spec rows[OPTIONS_MAX];
	enum trace_program program = (enum trace_program)o->program;
	size_t count = trace_options_rows(program, rows);

	if (o->module_help) {
		module_options_print_help(o, out);
		return;
	}
	fprintf(out, "Usage: %s\n%s\n", text->usage, text->what);
	options_print_help(rows, count, out);
	if (!is_ping(o))
		print_algorithms(program, out);
	fprintf(out, "\nExit status: %s\n", text->status);
}

/* ---- the whole command line ------------------------------------------------------ */

static void
set_ping_defaults(struct trace_options *o)
{
	o->method = METHOD_ICMP;
	o->data_len = PING_DATA_DEFAULT;
	o->start.max_ttl = 64;
	o->start.queries = 1;
	o->start.preload = 1;
	o->start.interval = NS_PER_SECOND;
	o->start.wait_max = 10 * NS_PER_SECOND;
}

static void
set_defaults(struct trace_options *o, enum trace_program program)
{
	*o = (struct trace_options){.ip_protocol = RAW_PROTOCOL,
	    .packet_len = PACKET_LEN_DEFAULT,
	    .gap_limit = GAP_LIMIT_DEFAULT,
	    .parallel = PARALLEL_DEFAULT,
	    .program = (uint8_t)program,
	    .start = {.first_ttl = 1,
		.max_ttl = 30,
		.queries = 3,
		.service = DCCP_SERVICE,
		.loop_limit = 3,
		.wait_max = 5 * NS_PER_SECOND,
		.wait_here = 3000,
		.wait_near = 10000}};
	if (program == PROGRAM_PING)
		set_ping_defaults(o);
	for (size_t i = 0; algorithm_table[i] != NULL; i++)
		if (trace_program_has(program, algorithm_table[i])) {
			snprintf(o->start.algorithm, sizeof(o->start.algorithm), "%s",
			    algorithm_table[i]->name);
			return;
		}
}

/* Who is asked for AS numbers; nobody, if that is not asked for. */
static void
settle_as_source(struct trace_options *o)
{
	o->as_lookups = o->as_lookups || o->as_names;
	if (o->as_source == NAMES_FROM_NOBODY)
		o->as_source =
		    o->asn_db != NULL ? NAMES_FROM_DATABASE : NAMES_FROM_WHOIS;
	/* The zone tells both; it need not be asked when a file has the country. */
	if (!o->as_lookups && (o->as_source != NAMES_FROM_DNS || o->asn_db != NULL ||
				  o->country_db != NULL))
		o->as_source = NAMES_FROM_NOBODY;
}

/* What was left to the algorithm. */
static void
settle_defaults(struct trace_options *o)
{
	struct prober_start *start = &o->start;
	int64_t gap = o->pps != 0 ? NS_PER_SECOND / o->pps : 0;

	if (is_ping(o)) {
		start->gap_limit = 0;
		start->first_ttl = start->max_ttl;
		if (o->tcp_ack && o->method == METHOD_TCP)
			start->tcp =
			    (struct prober_tcp){.chosen = 1, .flags = TCP_FLAG_ACK};
		return;
	}
	if (o->gap_limit != GAP_LIMIT_DEFAULT)
		start->gap_limit = (uint8_t)o->gap_limit;
	else
		start->gap_limit = trace_options_multipath(o) ? MDA_GAP_LIMIT : 0;
	if (o->bound == BOUND_NODE)
		start->branching = 0;
	else if (o->bound == BOUND_GRAPH && start->branching == 0)
		start->branching = MDA_BRANCHING;
	/* A host that has the protocol answers with packets that show no tag. */
	if (o->method == METHOD_RAW && start->window == 0)
		start->window = 1;
	if (start->path_mtu) {
		start->dont_fragment = 1;
		start->window = 1;
		if (o->packet_len == PACKET_LEN_DEFAULT)
			o->packet_len = PACKET_LEN_MAX;
	}
	if (o->live && o->interval == 0)
		o->interval = NS_PER_SECOND;
	if (start->send_gap < gap)
		start->send_gap = gap;
	if (!trace_options_multipath(o))
		return;
	/* A wide network that loses most of what is asked is not searched for ever. */
	if (start->max_probes == 0)
		start->max_probes = MDA_PROBES;
	if (start->timeout == 0)
		start->timeout = MDA_TIMEOUT;
}

static bool
begins_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/*
 * Called as traceroute, tracert, tcptraceroute, traceroute6 or traceroute.db, it stands
 * in for traceroute(8): a 4 or 6 at the end is -4 or -6, tracert means -I and tcp -T,
 * and without any argument it prints its help.
 */
static void
take_program_name(struct trace_options *o, int argc, char **argv)
{
	const char *path = argc > 0 ? argv[0] : "";
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;

	if (begins_with(name, "tracert"))
		o->method = METHOD_ICMP;
	else if (begins_with(name, "tcp"))
		o->method = METHOD_TCP;
	else if (!begins_with(name, "traceroute"))
		return;
	o->as_traceroute = 1;
	o->help = argc == 1;
	switch (name[strlen(name) - 1]) {
	case '4':
		o->family = AF_INET;
		break;
	case '6':
		o->family = AF_INET6;
		break;
	default:
		break;
	}
}

static int
check_host(const char *host, char *error)
{
	char shown[OPTIONS_SHOWN_MAX];

	if (*host != '\0' && strlen(host) <= NAMES_NAME_MAX)
		return 0;
	snprintf(error, OPTIONS_TEXT_MAX,
	    "host: '%s' is not a name or address of 1 to %d bytes",
	    options_show(host, shown), NAMES_NAME_MAX);
	return -EINVAL;
}

/* HOST... */
static int
take_hosts(struct trace_options *o, char **operands, size_t count, char *error)
{
	for (; o->hosts_count < count; o->hosts_count++)
		if (check_host(operands[o->hosts_count], error) != 0)
			return -EINVAL;
	o->hosts = operands;
	o->host = count > 0 ? operands[0] : NULL;
	return 0;
}

/* HOST */
static int
take_one_host(struct trace_options *o, char **operands, char *error)
{
	char shown[OPTIONS_SHOWN_MAX];

	if (take_hosts(o, operands, operands[0] != NULL, error) != 0)
		return -EINVAL;
	if (operands[0] == NULL || operands[1] == NULL)
		return 0;
	snprintf(error, OPTIONS_TEXT_MAX, "too many arguments: '%s'",
	    options_show(operands[1], shown));
	return -EINVAL;
}

static bool
is_number(const char *text)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');

	return *text != '\0' && text[strspn(text, "0123456789")] == '\0'
		   ? true
		   : hex &&
			 text[2 + strspn(text + 2, "0123456789abcdefABCDEF")] == '\0';
}

/*
 * HOST... [PACKET_LEN]. As traceroute(8) has it, a number behind a host is the length,
 * although inet_aton(3) would take it for an address; and nothing stands behind it.
 */
static int
take_operands(struct trace_options *o, char **operands, char *error)
{
	char shown[OPTIONS_SHOWN_MAX];
	size_t hosts = o->targets == NULL && operands[0] != NULL;
	int64_t len;

	if (is_ping(o))
		return take_one_host(o, operands, error);
	while (operands[hosts] != NULL && !o->as_traceroute &&
	       (is_mda(o) || !is_number(operands[hosts])))
		hosts++;
	if (take_hosts(o, operands, hosts, error) != 0)
		return -EINVAL;
	if (operands[hosts] == NULL)
		return 0;
	if (options_read_whole(operands[hosts], PACKET_LEN_MAX, &len) != 0) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "packet_len: '%s' is not a whole number from 0 to %d",
		    options_show(operands[hosts], shown), PACKET_LEN_MAX);
		return -EINVAL;
	}
	o->packet_len = (uint32_t)len;
	if (operands[hosts + 1] != NULL) {
		snprintf(error, OPTIONS_TEXT_MAX, "too many arguments: '%s'",
		    options_show(operands[hosts + 1], shown));
		return -EINVAL;
	}
	return 0;
}

/*
 * traceroute(8) says nothing of options that have no effect, and scripts may have them:
 * by its name, they have none here either.
 */
static void
forget_idle(struct trace_options *o)
{
	if (!o->as_traceroute)
		return;
	if (o->method == METHOD_ICMP || o->method == METHOD_RAW)
		o->start.src_port = 0;
	if (o->method == METHOD_DCCP)
		o->packet_len = PACKET_LEN_DEFAULT;
	if (o->method != METHOD_TCP)
		return;
	o->packet_len = PACKET_LEN_DEFAULT;
	if (o->start.path_mtu) { /* what it implies */
		o->start.path_mtu = 0;
		o->start.dont_fragment = 1;
		o->start.window = 1;
	}
}

/* Where traceroute(8) takes 0 for the default, its stand-in does so, too. */
static void
take_zeros(struct option_spec *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].parse == trace_value_port || rows[i].letter == 'N')
			rows[i].low = 0;
}

/* getopt_long has no such thing. */
static void
replace_udplite(char **argv)
{
	static char udplite[] = "--udplite";

	for (; *argv != NULL && strcmp(*argv, "--") != 0; argv++)
		if (strcmp(*argv, "-" UDPLITE) == 0)
			*argv = udplite;
}

bool
trace_options_many(const struct trace_options *o)
{
	return o->hosts_count > 1 || o->targets != NULL || o->resume != NULL;
}

bool
trace_options_multipath(const struct trace_options *o)
{
	const struct algorithm *algorithm = algorithm_find(o->start.algorithm);

	return algorithm != NULL && algorithm->multipath;
}

int
trace_options_parse(struct trace_options *o, enum trace_program program, int argc,
    char **argv, char *error)
{
	struct option_spec rows[OPTIONS_MAX];
	size_t count = trace_options_rows(program, rows);
	int first;

	set_defaults(o, program);
	if (program == PROGRAM_TRACEROUTE)
		take_program_name(o, argc, argv);
	if (o->as_traceroute)
		take_zeros(rows, count);
	if (program != PROGRAM_PING)
		replace_udplite(argv);
	first = options_parse(rows, count, argc, argv, o, error);
	if (first < 0)
		return first;
	if (o->help || o->version)
		return 0;
	if (module_options_take(o, error) != 0)
		return -EINVAL;
	if (o->help)
		return 0;
	if (take_operands(o, argv + first, error) != 0)
		return -EINVAL;
	forget_idle(o);
	if (trace_options_check(o, error) != 0)
		return -EINVAL;
	if (o->host == NULL && o->targets == NULL && !o->explain) {
		snprintf(
		    error, OPTIONS_TEXT_MAX, "specify \"host\": %s", text_of(o)->usage);
		return -EINVAL;
	}
	settle_defaults(o);
	settle_as_source(o);
	return 0;
}

const char *
trace_options_protocol(const struct trace_options *o)
{
	switch ((enum trace_method)o->method) {
	case METHOD_ICMP:
		return "icmp";
	case METHOD_TCP:
		return "tcp";
	case METHOD_UDPLITE:
		return "udplite";
	case METHOD_DCCP:
		return "dccp";
	case METHOD_RAW:
		return "raw";
	case METHOD_UDP:
	case METHOD_UDP_FIXED:
		break;
	}
	return "udp";
}
