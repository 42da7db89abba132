#include "tools/shared/trace_request.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "prober/algorithm.h"
#include "prober/tree.h"
#include "prober/wire.h"

#define UDPLITE_HEADER 8

/* What each method sends and where to, unless -p says otherwise. */
static const struct method {
	uint8_t protocol;
	const char *patterns[2];
	const char *src_port; /* NULL: there are no ports */
	const char *dst_port;
	uint16_t port;
	bool port_fixed; /* in every algorithm */
} methods[] = {
    [METHOD_UDP] = {IPPROTO_UDP, {"ipv4/udp", "ipv6/udp"}, "udp.src_port",
	"udp.dst_port", 33434, false},
    [METHOD_UDP_FIXED] = {IPPROTO_UDP, {"ipv4/udp", "ipv6/udp"}, "udp.src_port",
	"udp.dst_port", 53, true},
    [METHOD_ICMP] = {IPPROTO_ICMP, {"ipv4/icmpv4", "ipv6/icmpv6"}, NULL, NULL, 0,
	false},
    [METHOD_TCP] = {IPPROTO_TCP, {"ipv4/tcp", "ipv6/tcp"}, "tcp.src_port",
	"tcp.dst_port", 80, true},
    [METHOD_DCCP] = {IPPROTO_DCCP, {"ipv4/dccp", "ipv6/dccp"}, "dccp.src_port",
	"dccp.dst_port", 33434, true},
    [METHOD_RAW] = {IPPROTO_RAW, {"ipv4/raw", "ipv6/raw"}, NULL, NULL, 0, false},
    [METHOD_UDPLITE] = {IPPROTO_UDPLITE, {"ipv4/udplite", "ipv6/udplite"},
	"udplite.src_port", "udplite.dst_port", 53, true},
};

/* The packet of ping's data. */
static uint16_t
ping_len(const struct trace_options *o, uint32_t family)
{
	uint32_t data = o->data_len != PING_DATA_DEFAULT ? o->data_len : PING_DATA;
	uint32_t headers = family == AF_INET ? 28 : 48;

	return (uint16_t)(headers + data);
}

/* 0 stands for the default there; asked for, it is the shortest packet there is. */
static uint16_t
plan_len(const struct trace_options *o)
{
	if (o->program == PROGRAM_PING && o->data_len != PING_DATA_DEFAULT)
		return ping_len(o, AF_INET);
	if (o->packet_len == PACKET_LEN_DEFAULT)
		return 0;
	return o->packet_len != 0 ? (uint16_t)o->packet_len : 1;
}

/* What there is in or behind the IP header that the kernel does not write; or NULL. */
static const char *
header_words(const struct trace_options *o)
{
	bool route = o->start.route.count != 0;

	if (o->start.split.count != 0)
		return route ? "a source route (-g) in fragments (--fragment)"
			     : "a probe in fragments (--fragment)";
	return route ? "a source route (-g)" : NULL;
}

/* Of packets that no transport but a raw one has. */
static uint8_t
protocol_number(const struct trace_options *o)
{
	if (o->method == METHOD_DCCP)
		return IPPROTO_DCCP;
	return o->method == METHOD_RAW ? o->ip_protocol : 0;
}

int
trace_request_plan(const struct trace_options *o, struct plan_request *request)
{
	const struct algorithm *algorithm = algorithm_find(o->start.algorithm);
	const struct method *method = &methods[o->method];
	bool flow_constant = algorithm != NULL && algorithm->flow_constant;
	const char *names[8];
	size_t count = 0;
	struct tree *tree = tree_new();

	if (tree == NULL)
		return -ENOMEM;
	if (o->start.tos != 0) {
		names[count++] = "ipv4.tos";
		names[count++] = "ipv6.traffic_class";
	}
	if (o->start.dont_fragment)
		names[count++] = "ipv4.dont_fragment";
	if (o->start.flow_label != 0)
		names[count++] = "ipv6.flow_label";
	/* A flow that was chosen is its source port. */
	if ((o->start.src_port != 0 || o->start.flow_chosen) &&
	    method->src_port != NULL)
		names[count++] = method->src_port;
	if (method->dst_port != NULL &&
	    (method->port_fixed || (o->port != 0 && flow_constant)))
		names[count++] = method->dst_port;
	names[count] = NULL;
	*request = (struct plan_request){
	    .privilege = o->privilege,
	    .protocol = method->protocol,
	    .use_udp = o->program == PROGRAM_PING ? "--udp" : "leave -I out",
	    .tag = o->tag,
	    .flow_constant = flow_constant,
	    .dont_route = o->start.dont_route != 0,
	    .debug = o->debug != 0,
	    .mark = o->fwmark,
	    .packet_len = plan_len(o),
	    .header = header_words(o),
	    .split = o->start.split.count != 0,
	    .dont_fragment = o->start.dont_fragment != 0,
	    .ip_protocol = protocol_number(o),
	    .tcp = o->start.tcp,
	};
	for (size_t i = 0; i < 2; i++) {
		const struct pattern *pattern = tree_find(tree, method->patterns[i]);

		if (pattern != NULL)
			request->set[i] = pattern_names_mask(pattern, names);
	}
	tree_free(tree);
	return 0;
}

/* What addresses of one family do not have. */
static int
check_family(const struct trace_options *o, const struct addr *target, char *error)
{
	if (o->start.flow_label != 0 && target->family == AF_INET &&
	    !o->as_traceroute) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "%s %u: IPv4 has no flow label, and the host's address is IPv4",
		    o->program == PROGRAM_PING ? "--flowlabel" : "-l",
		    o->start.flow_label);
		return -EINVAL;
	}
	if (o->start.dont_route && target->family == AF_INET6 && !o->as_traceroute) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "-r: the kernel routes IPv6 packets all the same, and the host's "
		    "address is IPv6; give an interface (-i)");
		return -EINVAL;
	}
	if (o->start.flow_field == FLOW_BY_LABEL && target->family == AF_INET) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "--flow flow-label: IPv4 has no flow label, and the host's address "
		    "is IPv4");
		return -EINVAL;
	}
	if (o->prefix > 31 && target->family == AF_INET) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "--prefix %u: the host's address is IPv4: give a length from 8 to "
		    "31",
		    o->prefix);
		return -EINVAL;
	}
	return 0;
}

int
trace_request_check(
    const struct trace_options *o, const struct addr *target, char *error)
{
	char text[ADDR_TEXT_MAX], shown[OPTIONS_SHOWN_MAX];
	bool ping = o->program == PROGRAM_PING;

	if (ping && o->data_len != PING_DATA_DEFAULT &&
	    o->data_len > PING_DATA_MAX - 20 && target->family != AF_INET) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "-s %u: the host's address is IPv6: give %d bytes at most",
		    o->data_len, PING_DATA_MAX - 20);
		return -EINVAL;
	}
	if (!addr_is_none(&o->start.source) &&
	    o->start.source.family != target->family) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "-%c %s: the source is not an IPv%c address, as the host's is",
		    ping ? 'I' : 's', addr_to_text(&o->start.source, text),
		    target->family == AF_INET ? '4' : '6');
		return -EINVAL;
	}
	if (o->start.route.count != 0 &&
	    o->start.route.gateways[0].family != target->family) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "-g %s: the gateway is not an IPv%c address, as the host's is",
		    addr_to_text(&o->start.route.gateways[0], text),
		    target->family == AF_INET ? '4' : '6');
		return -EINVAL;
	}
	if (check_family(o, target, error) != 0)
		return -EINVAL;
	if (addr_is_unspecified(target)) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "host: no packet can be sent to the unspecified address");
		return -EINVAL;
	}
	if (ping && o->method == METHOD_TCP && (o->start.tos & 3) != 0) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "-Q %u: the kernel keeps the two lowest bits (ECN) of TCP packets "
		    "for itself: give a multiple of 4",
		    o->start.tos);
		return -EINVAL;
	}
	if (o->device != NULL && if_nametoindex(o->device) == 0) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "-%c: '%s' is not a network interface of this machine",
		    ping ? 'I' : 'i', options_show(o->device, shown));
		return -ENODEV;
	}
	return 0;
}

void
trace_request_start(const struct trace_options *o, const struct addr *target,
    struct prober_start *start)
{
	*start = o->start;
	start->target = *target;
	start->ip_protocol = o->method == METHOD_RAW ? o->ip_protocol : 0;
	if (o->device != NULL) {
		snprintf(start->device, sizeof(start->device), "%s", o->device);
		start->device_index = if_nametoindex(o->device);
	}
	if (o->program == PROGRAM_PING && o->method != METHOD_TCP)
		start->packet_len = ping_len(o, target->family);
	else if (o->packet_len != PACKET_LEN_DEFAULT)
		start->packet_len = (uint16_t)o->packet_len;
	else
		start->packet_len =
		    (uint16_t)((target->family == AF_INET ? 60 : 80) +
			       wire_route_len(&start->route, target->family));
	/* As traceroute(8) has it; a checksum that is to differ covers what differs. */
	if (o->method == METHOD_UDPLITE && start->coverage == 0 &&
	    (o->tag == NULL || strcmp(o->tag, "udplite.checksum") != 0))
		start->coverage = UDPLITE_HEADER;
	/* The sequence numbers that ping prints are those of its echo requests. */
	if (methods[o->method].dst_port == NULL)
		start->first_tag = o->program == PROGRAM_PING ? 1 : o->port;
	else
		start->dst_port = o->port != 0 ? o->port : methods[o->method].port;
}
