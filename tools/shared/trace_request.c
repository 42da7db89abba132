#include "tools/shared/trace_request.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>

#include "prober/algorithm.h"
#include "prober/tree.h"

#define PORT_TRACEROUTE 33434
#define PORT_DNS 53

/* True when the destination port is one and the same in all probes. */
static bool
port_is_constant(const struct trace_options *o)
{
	const struct algorithm *algorithm = algorithm_find(o->start.algorithm);

	return o->method == METHOD_UDP_FIXED ||
	       (algorithm != NULL && algorithm->flow_constant);
}

int
trace_request_plan(const struct trace_options *o, struct plan_request *request)
{
	const struct algorithm *algorithm = algorithm_find(o->start.algorithm);
	bool icmp = o->method == METHOD_ICMP;
	const char *patterns[2] = {
	    icmp ? "ipv4/icmpv4" : "ipv4/udp", icmp ? "ipv6/icmpv6" : "ipv6/udp"};
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
	if (o->start.src_port != 0)
		names[count++] = "udp.src_port";
	if (!icmp && o->port != 0 && port_is_constant(o))
		names[count++] = "udp.dst_port";
	names[count] = NULL;
	*request = (struct plan_request){
	    .protocol = icmp ? IPPROTO_ICMP : IPPROTO_UDP,
	    .tag = o->tag,
	    .flow_constant = algorithm != NULL && algorithm->flow_constant,
	    .packet_len =
		o->packet_len == PACKET_LEN_DEFAULT ? 0 : (uint16_t)o->packet_len,
	};
	for (size_t i = 0; i < 2; i++) {
		const struct pattern *pattern = tree_find(tree, patterns[i]);

		if (pattern != NULL)
			request->set[i] = pattern_names_mask(pattern, names);
	}
	tree_free(tree);
	return 0;
}

int
trace_request_check(
    const struct trace_options *o, const struct addr *target, char *error)
{
	char text[ADDR_TEXT_MAX];

	if (!addr_is_none(&o->start.source) &&
	    o->start.source.family != target->family) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "-s %s: the source is not an IPv%c address, as the host's is",
		    addr_to_text(&o->start.source, text),
		    target->family == AF_INET ? '4' : '6');
		return -EINVAL;
	}
	if (o->start.flow_label != 0 && target->family == AF_INET) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "-l %u: IPv4 has no flow label, and the host's address is IPv4",
		    o->start.flow_label);
		return -EINVAL;
	}
	if (addr_is_unspecified(target)) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "host: no packet can be sent to the unspecified address");
		return -EINVAL;
	}
	if (o->device != NULL && if_nametoindex(o->device) == 0) {
		snprintf(error, OPTIONS_TEXT_MAX,
		    "-i: '%.20s' is not a network interface of this machine",
		    o->device);
		return -EINVAL;
	}
	return 0;
}

void
trace_request_start(const struct trace_options *o, const struct addr *target,
    struct prober_start *start)
{
	*start = o->start;
	start->target = *target;
	if (o->device != NULL)
		snprintf(start->device, sizeof(start->device), "%s", o->device);
	if (o->packet_len != PACKET_LEN_DEFAULT)
		start->packet_len = (uint16_t)o->packet_len;
	else
		start->packet_len = target->family == AF_INET ? 60 : 80;
	if (o->method == METHOD_ICMP)
		start->first_tag = o->port;
	else if (o->port != 0)
		start->dst_port = o->port;
	else
		start->dst_port =
		    o->method == METHOD_UDP_FIXED ? PORT_DNS : PORT_TRACEROUTE;
}
