#include "tools/shared/trace_values.h"
#include "tools/shared/fragment_spec.h"

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/names_messages.h"
#include "prober/algorithm.h"
#include "prober/plan.h"

#define WAIT_MAX_HIGH (3600 * NS_PER_SECOND)
#define FACTOR_HIGH 1000 /* -w HERE and NEAR */
#define GAP_HIGH (3600000 * NS_PER_SECOND)
#define GAP_MS_FROM 10 /* -z: from here on the number means milliseconds */
#define PRELOAD_HIGH 3
#define CONFIDENCE_LOW 50
#define BRANCHING_HIGH 1000
#define CHILDREN_HIGH 1024
#define ROUTE_TYPE 2 /* of an IPv6 routing header, as traceroute(8) has it */

/* One of the numbers of -w: up to `high` whole units. */
static int
read_wait_part(const char **text, int64_t high, int64_t *billionths)
{
	if (options_read_decimal(*text, billionths, text) != 0 ||
	    *billionths > high * NS_PER_SECOND)
		return -EINVAL;
	if (**text == '\0')
		return 0;
	if (**text != ',' && **text != '/')
		return -EINVAL;
	(*text)++;
	return **text == '\0' ? -EINVAL : 0;
}

/* MAX[,HERE[,NEAR]]; what is not said is off. The destination is the prober_start. */
int
trace_value_wait(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	struct prober_start *start = value;
	int64_t max = 0, here = 0, near = 0;
	int error;

	(void)spec;
	error = read_wait_part(&text, WAIT_MAX_HIGH / NS_PER_SECOND, &max);
	if (error == 0 && *text != '\0')
		error = read_wait_part(&text, FACTOR_HIGH, &here);
	if (error == 0 && *text != '\0')
		error = read_wait_part(&text, FACTOR_HIGH, &near);
	if (error != 0 || *text != '\0' || max < NS_PER_MS) {
		snprintf(expected, OPTIONS_TEXT_MAX,
		    "MAX[,HERE,NEAR]: 0.001 to 3600 seconds, factors from 0 to %d",
		    FACTOR_HIGH);
		return -EINVAL;
	}
	start->wait_max = max;
	start->wait_here = (uint32_t)(here / NS_PER_MS);
	start->wait_near = (uint32_t)(near / NS_PER_MS);
	return 0;
}

/* Seconds below GAP_MS_FROM, else milliseconds; the destination is int64_t ns. */
int
trace_value_send_gap(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	const char *end;
	int64_t gap;

	(void)spec;
	if (options_read_decimal(text, &gap, &end) != 0 || *end != '\0' ||
	    gap > GAP_HIGH) {
		snprintf(expected, OPTIONS_TEXT_MAX,
		    "a time: below %d in seconds, from %d to 3600000 in milliseconds",
		    GAP_MS_FROM, GAP_MS_FROM);
		return -EINVAL;
	}
	if (gap >= GAP_MS_FROM * NS_PER_SECOND)
		gap /= 1000;
	memcpy(value, &gap, sizeof(gap));
	return 0;
}

/* An address is the source, anything else an interface. */
int
trace_value_origin(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	struct trace_options *o = value;
	size_t len = strlen(text);

	(void)spec;
	if (addr_from_text(text, &o->start.source) == 0)
		return 0;
	if (len == 0 || len >= IF_NAMESIZE) {
		snprintf(expected, OPTIONS_TEXT_MAX,
		    "a numeric address, or the name of an interface (1 to %d bytes)",
		    IF_NAMESIZE - 1);
		return -EINVAL;
	}
	o->device = text;
	return 0;
}

/* As iputils ping has it: a burst is for those who may do worse anyway. */
int
trace_value_preload(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	struct option_spec limited = *spec;

	if (getuid() != 0)
		limited.high = PRELOAD_HIGH;
	if (option_number(&limited, text, value, expected) == 0)
		return 0;
	snprintf(expected, OPTIONS_TEXT_MAX,
	    "a whole number from 1 to %d (as root to %lld)", PRELOAD_HIGH,
	    (long long)spec->high);
	return -EINVAL;
}

/* Seconds; 0 stands for the longest time there is. */
int
trace_value_timeout(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	const char *end;
	int64_t time;

	if (options_read_decimal(text, &time, &end) == 0 && *end == '\0' && time == 0) {
		memcpy(value, &spec->high, sizeof(spec->high));
		return 0;
	}
	return option_seconds(spec, text, value, expected);
}

/* Takes no argument. */
int
trace_value_tcp_ack(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	struct trace_options *o = value;

	(void)spec;
	(void)text;
	expected[0] = '\0'; /* nothing can be wrong */
	o->method = METHOD_TCP;
	o->tcp_ack = 1;
	return 0;
}

/* The value of a hexadecimal digit, or -1. */
static int
hex_value(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *found = c != '\0' ? strchr(digits, c) : NULL;

	return found != NULL ? (int)((found - digits) % 16) : -1;
}

/* Bytes in hex, the last one perhaps of one digit; the destination: prober_start. */
int
trace_value_fill(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	struct prober_start *start = value;
	uint8_t len = 0;
	int high;

	while (len < spec->high && (high = hex_value(text[0])) >= 0) {
		int low = hex_value(text[1]);

		start->fill[len++] = (uint8_t)(low < 0 ? high : high * 16 + low);
		text += low < 0 ? 1 : 2;
	}
	start->fill_len = len;
	if (*text == '\0' && len >= spec->low)
		return 0;
	snprintf(expected, OPTIONS_TEXT_MAX, "%lld to %lld bytes in hex, such as ff00",
	    (long long)spec->low, (long long)spec->high);
	return -EINVAL;
}

/* A number, or a name as services(5) has it. */
int
trace_value_port(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	struct servent entry;
	struct servent *service = NULL;
	char room[1024];
	uint16_t port;

	if (option_number(spec, text, value, expected) == 0)
		return 0;
	(void)getservbyname_r(text, NULL, &entry, room, sizeof(room), &service);
	if (service == NULL) {
		snprintf(expected, OPTIONS_TEXT_MAX,
		    "a whole number from %lld to %lld, or a service of /etc/services",
		    (long long)spec->low, (long long)spec->high);
		return -EINVAL;
	}
	port = ntohs((uint16_t)service->s_port);
	memcpy(value, &port, sizeof(port));
	return 0;
}

/* The destination is the prober_start. */
int
trace_value_flow_id(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	struct prober_start *start = value;

	if (option_number(spec, text, &start->flow_id, expected) != 0)
		return -EINVAL;
	start->flow_chosen = 1;
	return 0;
}

bool
trace_program_has(enum trace_program program, const struct algorithm *a)
{
	switch (program) {
	case PROGRAM_MDA:
		return a->multipath;
	case PROGRAM_PING:
		return a->pings;
	case PROGRAM_TRACEROUTE:
		break;
	}
	return !a->pings;
}

static int
read_algorithm(enum trace_program program, const char *text, void *value, size_t size,
    char *expected)
{
	const struct algorithm *found = algorithm_find(text);
	size_t len;

	if (found == NULL || !trace_program_has(program, found)) {
		snprintf(expected, OPTIONS_TEXT_MAX, "an algorithm; there are:");
		for (size_t i = 0; algorithm_table[i] != NULL; i++) {
			if (!trace_program_has(program, algorithm_table[i]))
				continue;
			len = strlen(expected);
			snprintf(expected + len, OPTIONS_TEXT_MAX - len, " %s",
			    algorithm_table[i]->name);
		}
		return -EINVAL;
	}
	snprintf(value, size, "%s", found->name);
	return 0;
}

/* The destination is the prober_start's algorithm. */
int
trace_value_algorithm(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	return read_algorithm(
	    (enum trace_program)spec->high, text, value, spec->size, expected);
}

static void
list_words(const char *const *names, size_t count, char *expected)
{
	const char *comma = "one of ";

	expected[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(expected);

		snprintf(
		    expected + len, OPTIONS_TEXT_MAX - len, "%s%s", comma, names[i]);
		comma = ", ";
	}
}

/* One of `names`; the destination is a uint8_t, which gets its number. */
static int
parse_word(const char *const *names, size_t count, const char *text, void *value,
    char *expected)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(text, names[i]) == 0) {
			*(uint8_t *)value = (uint8_t)i;
			return 0;
		}
	list_words(names, count, expected);
	return -EINVAL;
}

static const char *const format_names[] = {[FORMAT_TEXT] = "text",
    [FORMAT_JSON] = "json",
    [FORMAT_SCAMPER] = "scamper",
    [FORMAT_CSV] = "csv",
    [FORMAT_ATLAS] = "atlas",
    [FORMAT_DOT] = "dot",
    [FORMAT_SVG] = "svg"};
#define FORMAT_NAMES (sizeof(format_names) / sizeof(format_names[0]))

const char *
trace_format_name(enum trace_format format)
{
	return format_names[format];
}

int
trace_value_format(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	const char *words[TRACE_WORDS_MAX];

	if (parse_word(format_names, FORMAT_NAMES, text, value, expected) == 0)
		return 0;
	/* Of those there are, each program has some. */
	list_words(words,
	    trace_value_words(spec, (enum trace_program)spec->only, words), expected);
	return -EINVAL;
}

static const char *const module_names[] = {
    "default", "udp", "icmp", "tcp", "udplite", "dccp", "raw"};
#define MODULE_NAMES (sizeof(module_names) / sizeof(module_names[0]))

/* traceroute(8)'s modules, and algorithms: none has the name of a module. */
int
trace_value_module(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	struct trace_options *o = value;

	(void)spec;
	if (algorithm_find(text) != NULL)
		return read_algorithm(PROGRAM_TRACEROUTE, text, o->start.algorithm,
		    sizeof(o->start.algorithm), expected);
	if (strcmp(text, "tcpconn") == 0) /* our tcp is that already */
		text = "tcp";
	return parse_word(module_names, MODULE_NAMES, text, &o->method, expected);
}

int
trace_value_protocol(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	/* Those that begin an IPv6 extension header, too. */
	static const uint8_t others[] = {IPPROTO_HOPOPTS, IPPROTO_ICMP, IPPROTO_TCP,
	    IPPROTO_UDP, IPPROTO_DCCP, IPPROTO_ROUTING, IPPROTO_FRAGMENT,
	    IPPROTO_ICMPV6, IPPROTO_DSTOPTS, IPPROTO_UDPLITE, IPPROTO_RAW};
	struct trace_options *o = value;
	struct protoent entry, *found = NULL;
	char room[1024];
	int64_t number = -1;

	(void)spec;
	if (options_read_whole(text, UINT8_MAX, &number) != 0) {
		(void)getprotobyname_r(text, &entry, room, sizeof(room), &found);
		if (found != NULL && found->p_proto >= 0 && found->p_proto <= UINT8_MAX)
			number = found->p_proto;
	}
	for (size_t i = 0; i < sizeof(others); i++)
		if (number == others[i])
			number = -1;
	if (number < 0) {
		snprintf(expected, OPTIONS_TEXT_MAX,
		    "a protocol number from 1 to 254 or a name of /etc/protocols; for "
		    "ICMP, TCP, UDP, UDP-Lite and DCCP there are -I, -T, -U, -UL and "
		    "-D, and IPv6 extension headers are none");
		return -EINVAL;
	}
	o->ip_protocol = (uint8_t)number;
	o->method = METHOD_RAW;
	return 0;
}

/* One part of -g: an address of the family of those before. */
static bool
take_gateway(struct prober_route *route, const char *text)
{
	struct addr *next = &route->gateways[route->count];

	if (route->count == PROBER_GATEWAYS_MAX || addr_from_text(text, next) != 0 ||
	    addr_is_unspecified(next) || next->family != route->gateways[0].family)
		return false;
	route->count++;
	return true;
}

int
trace_value_gateways(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	struct prober_route *route = &((struct prober_start *)value)->route;
	char copy[512], *rest = copy, *part;
	bool good = strlen(text) < sizeof(copy), typed = false;
	int64_t type;

	(void)spec;
	if (route->count == 0)
		route->type = ROUTE_TYPE;
	if (good)
		(void)stpcpy(copy, text);
	while (good && (part = strsep(&rest, ",")) != NULL) {
		if (route->count == 0 && !typed &&
		    options_read_whole(part, 2, &type) == 0 && type != 1) {
			route->type = (uint8_t)type;
			typed = true;
			continue;
		}
		good = take_gateway(route, part) &&
		       (!typed || route->gateways[0].family == AF_INET6);
	}
	if (good && route->count != 0)
		return 0;
	snprintf(expected, OPTIONS_TEXT_MAX,
	    "a list of 1 to %d addresses of one family, separated by commas; of IPv6 "
	    "the type of the routing header, 0 or 2, may stand first",
	    PROBER_GATEWAYS_MAX);
	return -EINVAL;
}

int
trace_value_fragment(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	struct prober_start *start = value;

	(void)spec;
	return fragment_spec_parse(text, &start->split, expected);
}

int
trace_value_module_options(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	struct trace_options *o = value;

	(void)spec;
	if (o->module_options_count == MODULE_OPTIONS_MAX) {
		snprintf(expected, OPTIONS_TEXT_MAX,
		    "one of the first %d: give more of them with one -O, separated by "
		    "commas",
		    MODULE_OPTIONS_MAX);
		return -EINVAL;
	}
	o->module_options[o->module_options_count++] = text;
	return 0;
}

static const char *const flow_names[FLOW_BY_END] = {[FLOW_BY_DEFAULT] = "default",
    [FLOW_BY_SRC_PORT] = "src-port",
    [FLOW_BY_DST_PORT] = "dst-port",
    [FLOW_BY_CHECKSUM] = "checksum",
    [FLOW_BY_LABEL] = "flow-label"};

int
trace_value_flow_field(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	(void)spec;
	return parse_word(flow_names, FLOW_BY_END, text, value, expected);
}

static const char *const bound_names[] = {"node", "graph"};

int
trace_value_bound(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	uint8_t word;

	(void)spec;
	if (parse_word(bound_names, 2, text, &word, expected) != 0)
		return -EINVAL;
	*(uint8_t *)value = word == 0 ? BOUND_NODE : BOUND_GRAPH;
	return 0;
}

/* A percentage at the start of text, as the chance to be wrong in 1e-9. */
static int
read_confidence(const char **text, uint32_t *alpha)
{
	int64_t billionths;

	if (options_read_decimal(*text, &billionths, text) != 0 ||
	    billionths < CONFIDENCE_LOW * NS_PER_SECOND ||
	    billionths >= 100 * NS_PER_SECOND)
		return -EINVAL;
	*alpha = (uint32_t)((100 * NS_PER_SECOND - billionths) / 100);
	return *alpha == 0 ? -EINVAL : 0;
}

int
trace_value_confidence(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	uint32_t alpha;

	(void)spec;
	if (read_confidence(&text, &alpha) != 0 || *text != '\0') {
		snprintf(expected, OPTIONS_TEXT_MAX,
		    "a percentage from %d to 99.9999999", CONFIDENCE_LOW);
		return -EINVAL;
	}
	memcpy(value, &alpha, sizeof(alpha));
	return 0;
}

/* A whole number behind a comma; absent, it stays as it is. */
static int
read_bound_part(const char **text, int64_t high, uint16_t *out)
{
	char number[8];
	size_t len;
	int64_t value;

	if (**text == '\0')
		return 0;
	if (**text != ',')
		return -EINVAL;
	(*text)++;
	len = strcspn(*text, ",");
	if (len == 0 || len >= sizeof(number))
		return -EINVAL;
	memcpy(number, *text, len);
	number[len] = '\0';
	if (options_read_whole(number, high, &value) != 0 || value == 0)
		return -EINVAL;
	*out = (uint16_t)value;
	*text += len;
	return 0;
}

/* PERCENT[,BRANCH[,CHILDREN]]; the destination is the prober_start. */
int
trace_value_mda(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	struct prober_start *start = value;

	(void)spec;
	if (read_confidence(&text, &start->alpha) != 0 ||
	    read_bound_part(&text, BRANCHING_HIGH, &start->branching) != 0 ||
	    read_bound_part(&text, CHILDREN_HIGH, &start->children) != 0 ||
	    *text != '\0') {
		snprintf(expected, OPTIONS_TEXT_MAX,
		    "PERCENT[,BRANCH[,CHILDREN]]: a percentage from %d to "
		    "99.9999999, numbers from 1 to %d and from 1 to %d",
		    CONFIDENCE_LOW, BRANCHING_HIGH, CHILDREN_HIGH);
		return -EINVAL;
	}
	return 0;
}

static const char *const privilege_names[] = {[PRIVILEGE_AUTO] = "auto",
    [PRIVILEGE_NONE] = "none",
    [PRIVILEGE_HELPER] = "helper",
    [PRIVILEGE_RAW] = "raw"};

int
trace_value_privilege(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	(void)spec;
	return parse_word(privilege_names, 4, text, value, expected);
}

static const char *const source_names[] = {[NAMES_FROM_DATABASE - 1] = "database",
    [NAMES_FROM_WHOIS - 1] = "whois",
    [NAMES_FROM_DNS - 1] = "dns"};
#define SOURCE_NAMES (sizeof(source_names) / sizeof(source_names[0]))

/* The number is enum names_source's. */
int
trace_value_as_source(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	uint8_t *source = value;

	(void)spec;
	if (parse_word(source_names, SOURCE_NAMES, text, source, expected) != 0)
		return -EINVAL;
	++*source;
	return 0;
}

/* True for ADDR, ADDR:PORT (IPv4) and [ADDR]:PORT. */
static bool
is_server(const char *text, size_t len)
{
	char copy[ADDR_TEXT_MAX + 16];
	struct addr a;
	char *host = copy;
	char *port = NULL;
	int64_t number = 1;

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (copy[0] == '[') {
		port = strchr(copy, ']');
		if (port == NULL)
			return false;
		*port++ = '\0';
		host = copy + 1;
		if (*port != '\0' && *port++ != ':')
			return false;
	} else if (strchr(copy, ':') == strrchr(copy, ':')) {
		port = strchr(copy, ':');
		if (port != NULL)
			*port++ = '\0';
	}
	if (port != NULL && *port != '\0' &&
	    options_read_whole(port, UINT16_MAX, &number) != 0)
		return false;
	return number > 0 && addr_from_text(host, &a) == 0;
}

int
trace_value_resolver(
    const struct option_spec *spec, const char *text, void *value, char *expected)
{
	bool good = strlen(text) <= NAMES_SERVERS_MAX;

	(void)spec;
	for (const char *at = text; good; at++) {
		size_t len = strcspn(at, ",");

		good = is_server(at, len);
		at += len;
		if (*at == '\0')
			break;
	}
	if (!good) {
		snprintf(expected, OPTIONS_TEXT_MAX,
		    "a list of addresses of name servers: ADDR, ADDR:PORT or "
		    "[ADDR]:PORT, separated by commas");
		return -EINVAL;
	}
	memcpy(value, &text, sizeof(text));
	return 0;
}

/* ---- all words of an option ------------------------------------------------------ */

/* Whether a program prints in a format at all. */
static bool
has_format(enum trace_program program, enum trace_format format)
{
	switch (program) {
	case PROGRAM_PING:
		return format == FORMAT_TEXT || format == FORMAT_JSON;
	case PROGRAM_MDA:
		return format != FORMAT_CSV && format != FORMAT_ATLAS;
	case PROGRAM_TRACEROUTE:
		break;
	}
	return true;
}

static size_t
algorithm_words(enum trace_program program, const char *words[TRACE_WORDS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; algorithm_table[i] != NULL && count < TRACE_WORDS_MAX; i++)
		if (trace_program_has(program, algorithm_table[i]))
			words[count++] = algorithm_table[i]->name;
	return count;
}

size_t
trace_value_words(const struct option_spec *row, enum trace_program program,
    const char *words[TRACE_WORDS_MAX])
{
	static const struct {
		option_parser *parse;
		const char *const *names;
		size_t count;
	} known[] = {{trace_value_format, format_names, FORMAT_NAMES},
	    {trace_value_module, module_names, MODULE_NAMES},
	    {trace_value_flow_field, flow_names, FLOW_BY_END},
	    {trace_value_bound, bound_names, 2},
	    {trace_value_as_source, source_names, SOURCE_NAMES},
	    {trace_value_privilege, privilege_names, 4}};
	size_t count = 0;

	if (row->parse == trace_value_algorithm)
		return algorithm_words(program, words);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		for (size_t k = 0; row->parse == known[i].parse && k < known[i].count;
		     k++)
			if (row->parse != trace_value_format ||
			    has_format(program, (enum trace_format)k))
				words[count++] = known[i].names[k];
	return count;
}
