#include "tools/shared/trace_checks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/names_messages.h"
#include "tools/shared/trace_values.h"

/* An option that the algorithm has no use for; or NULL. */
static const char *
find_idle_option(const struct trace_options *o)
{
	const struct prober_start *start = &o->start;
	const struct {
		bool given;
		const char *option;
	} idle[] = {{start->branching != 0 || start->children != 0, "-B"},
	    {start->alpha != 0, "--confidence"}, {o->bound != BOUND_DEFAULT, "--bound"},
	    {start->max_probes != 0, "--max-probes"},
	    {start->max_flows != 0, "--max-flows"}, {start->phi != 0, "--phi"},
	    {start->flow_field != FLOW_BY_DEFAULT, "--flow"},
	    {o->hash_fields != 0, "--hash-fields"}, {o->prefix != 0, "--prefix"}};

	for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++)
		if (idle[i].given)
			return idle[i].option;
	return NULL;
}

/* An option that algorithms which find many paths have no use for; or NULL. */
static const char *
find_single_option(const struct trace_options *o)
{
	if (o->start.path_mtu)
		return "--mtu";
	if (o->start.split.count != 0)
		return "--fragment";
	if (o->back)
		return "--back";
	if (o->tcp_info)
		return "-O info";
	if (o->resume != NULL)
		return "--resume";
	return o->print_ttl ? "--print-ttl" : NULL;
}

/* What only algorithms that find many paths have, or only others. */
static int
check_multipath(const struct trace_options *o, char *error)
{
	bool multipath = trace_options_multipath(o);
	const char *idle = multipath ? find_single_option(o) : find_idle_option(o);

	if (idle == NULL)
		return 0;
	snprintf(error, OPTIONS_TEXT_MAX,
	    multipath
		? "%s: is of algorithms that trace one path; %s finds many"
		: "%s: is of algorithms that find many paths (-a mda); %s traces one",
	    idle, o->start.algorithm);
	return -EINVAL;
}

/* Whether what is measured can be printed so. */
static int
check_format(const struct trace_options *o, char *error)
{
	const char *name = trace_format_name((enum trace_format)o->format);
	bool drawn = o->format == FORMAT_DOT || o->format == FORMAT_SVG;
	bool one_path = o->format == FORMAT_CSV || o->format == FORMAT_ATLAS;

	if (drawn && !trace_options_multipath(o))
		snprintf(error, OPTIONS_TEXT_MAX,
		    "--format %s: is of algorithms that find many paths (-a mda); of "
		    "one path there are text, json, csv, scamper and atlas",
		    name);
	else if (one_path && trace_options_multipath(o))
		snprintf(error, OPTIONS_TEXT_MAX,
		    "--format %s: is of one path; of many paths there are text, json, "
		    "scamper, dot and svg",
		    name);
	else if (o->format == FORMAT_SVG && trace_options_many(o))
		snprintf(error, OPTIONS_TEXT_MAX,
		    "--format svg: draws the paths to one host; leave %s out",
		    o->targets != NULL ? "--targets" : "the other hosts");
	else if (o->format == FORMAT_ATLAS && o->method == METHOD_UDPLITE)
		snprintf(error, OPTIONS_TEXT_MAX,
		    "--format atlas: has no word for UDP-Lite (-UL); it has UDP, ICMP "
		    "and TCP");
	else if ((o->format == FORMAT_ATLAS || o->format == FORMAT_SCAMPER) &&
		 (o->method == METHOD_DCCP || o->method == METHOD_RAW))
		snprintf(error, OPTIONS_TEXT_MAX,
		    "--format %s: has no word for %s probes; it has UDP, ICMP and TCP",
		    name, trace_options_protocol(o));
	else
		return 0;
	return -EINVAL;
}

/* Whether the probes have the field in which their flows shall differ. */
static int
check_flow_field(const struct trace_options *o, char *error)
{
	uint8_t field = o->start.flow_field;
	bool icmp = o->method == METHOD_ICMP;

	if (icmp && (field == FLOW_BY_SRC_PORT || field == FLOW_BY_DST_PORT))
		snprintf(error, OPTIONS_TEXT_MAX,
		    "--flow: ICMP probes (-I) have no ports; there are checksum and "
		    "flow-label");
	else if (!icmp && field == FLOW_BY_CHECKSUM)
		snprintf(error, OPTIONS_TEXT_MAX,
		    "--flow checksum: is of ICMP probes (-I); there are src-port, "
		    "dst-port and flow-label");
	else if (field == FLOW_BY_LABEL && o->start.flow_label != 0)
		snprintf(error, OPTIONS_TEXT_MAX,
		    "--flow flow-label: -l %u gives all flows one label",
		    o->start.flow_label);
	else
		return 0;
	return -EINVAL;
}

/* Whether what is asked for can be known. */
static int
check_as_source(const struct trace_options *o, char *error)
{
	bool whois = o->as_source == NAMES_FROM_WHOIS ||
		     (o->as_source == NAMES_FROM_NOBODY && o->asn_db == NULL);

	if (o->as_source == NAMES_FROM_DATABASE && o->asn_db == NULL)
		snprintf(error, OPTIONS_TEXT_MAX,
		    "--as-source database: takes a file: --asn-db FILE");
	else if (o->as_names && whois)
		snprintf(error, OPTIONS_TEXT_MAX,
		    "--as-names: whois does not tell them; there are --asn-db FILE and "
		    "--as-source dns");
	else if (o->country && o->asn_db == NULL && o->country_db == NULL &&
		 o->as_source != NAMES_FROM_DNS)
		snprintf(error, OPTIONS_TEXT_MAX,
		    "--country: takes a file that tells it: --country-db FILE or "
		    "--asn-db FILE; or --as-source dns");
	else
		return 0;
	return -EINVAL;
}

/* What a kind of probes does not have, or is not for. */
static int
check_method(const struct trace_options *o, char *error)
{
	bool len = o->packet_len != PACKET_LEN_DEFAULT;

	if (o->method == METHOD_ICMP && o->start.src_port != 0) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "--sport %u: ICMP probes (-I) have no source port",
		    o->start.src_port);
		return -EINVAL;
	}
	if (o->method == METHOD_RAW && (o->start.src_port != 0 || o->port != 0)) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "%s: probes of any protocol (-P) have no ports",
		    o->port != 0 ? "-p" : "--sport");
		return -EINVAL;
	}
	if ((o->method == METHOD_RAW || o->method == METHOD_DCCP) &&
	    trace_options_multipath(o)) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "-a %s: finds the paths of UDP, UDP-Lite, ICMP and TCP probes, not "
		    "of %s probes",
		    o->start.algorithm, trace_options_protocol(o));
		return -EINVAL;
	}
	if (o->method == METHOD_DCCP && len) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "packet_len %u: a DCCP Request (-D) has no data: leave it out",
		    o->packet_len);
		return -EINVAL;
	}
	if (o->method == METHOD_TCP && o->start.path_mtu) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "--mtu: the kernel chooses the length of TCP probes (-T), which is "
		    "too small to find out: leave -T out");
		return -EINVAL;
	}
	if (o->start.path_mtu && strcmp(o->start.algorithm, "scout") == 0) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "--mtu: scout asks the host before its routers, so it cannot tell "
		    "where: choose another -a");
		return -EINVAL;
	}
	if (o->method == METHOD_TCP && len) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "packet_len %u: the kernel chooses the length of TCP probes (-T): "
		    "leave it out",
		    o->packet_len);
		return -EINVAL;
	}
	return 0;
}

/* Options that contradict each other. */
static int
check_together(const struct trace_options *o, char *error)
{
	char text[ADDR_TEXT_MAX];

	if (o->start.split.count != 0 && o->start.path_mtu) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "--fragment: --mtu looks for what links take without it: leave one "
		    "of them out");
		return -EINVAL;
	}
	if (o->start.first_ttl > o->start.max_ttl) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "-f: first hop %u is above the last one, %u (-m)",
		    o->start.first_ttl, o->start.max_ttl);
		return -EINVAL;
	}
	if (o->family != AF_UNSPEC && !addr_is_none(&o->start.source) &&
	    o->family != o->start.source.family) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "-s %s: the source is not an IPv%c address",
		    addr_to_text(&o->start.source, text),
		    o->family == AF_INET ? '4' : '6');
		return -EINVAL;
	}
	return 0;
}

/* What --live goes with. */
static int
check_live(const struct trace_options *o, char *error)
{
	if (!o->live && (o->interval != 0 || o->rounds != 0)) {
		snprintf(error, OPTIONS_TEXT_MAX, "%s: is of --live",
		    o->interval != 0 ? "--interval" : "--rounds");
		return -EINVAL;
	}
	if (!o->live)
		return 0;
	if (o->format == FORMAT_TEXT && !trace_options_multipath(o) &&
	    !trace_options_many(o))
		return 0;
	snprintf(error, OPTIONS_TEXT_MAX,
	    "--live: shows one path to one host on a terminal; leave %s out",
	    o->format != FORMAT_TEXT     ? "--format"
	    : trace_options_multipath(o) ? "the algorithm"
					 : "the other hosts");
	return -EINVAL;
}

/* What contradicts itself in a ping. */
static int
check_ping(const struct trace_options *o, char *error)
{
	char text[ADDR_TEXT_MAX];

	if (o->format != FORMAT_TEXT && o->format != FORMAT_JSON)
		snprintf(error, OPTIONS_TEXT_MAX,
		    "--format %s: of a ping there are text and json",
		    trace_format_name((enum trace_format)o->format));
	else if (o->method == METHOD_ICMP && (o->start.src_port | o->port) != 0)
		snprintf(error, OPTIONS_TEXT_MAX,
		    "--%s %u: echo requests have no ports: give --udp or --tcp too",
		    o->port != 0 ? "port" : "sport",
		    (unsigned int)(o->port != 0 ? o->port : o->start.src_port));
	else if (o->method == METHOD_TCP && o->data_len != PING_DATA_DEFAULT)
		snprintf(error, OPTIONS_TEXT_MAX,
		    "-s %u: TCP packets (--tcp) have no data: leave it out",
		    o->data_len);
	else if (o->method == METHOD_TCP && o->start.fill_len != 0)
		snprintf(error, OPTIONS_TEXT_MAX,
		    "-p: TCP packets (--tcp) have no data to fill: leave it out");
	else if (o->family != AF_UNSPEC && !addr_is_none(&o->start.source) &&
		 o->family != o->start.source.family)
		snprintf(error, OPTIONS_TEXT_MAX,
		    "-I %s: the source is not an IPv%c address",
		    addr_to_text(&o->start.source, text),
		    o->family == AF_INET ? '4' : '6');
	else
		return 0;
	return -EINVAL;
}

int
trace_options_check(const struct trace_options *o, char *error)
{
	if (o->program == PROGRAM_PING)
		return check_ping(o, error);
	if (check_together(o, error) != 0 || check_method(o, error) != 0 ||
	    check_as_source(o, error) != 0 || check_multipath(o, error) != 0 ||
	    check_format(o, error) != 0 || check_live(o, error) != 0)
		return -EINVAL;
	return check_flow_field(o, error);
}
