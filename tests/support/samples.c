#include "tests/support/samples.h"

#include <stdlib.h>
#include <string.h>

#include "common/prober_messages.h"

struct addr
sample_addr(const char *text)
{
	struct addr a = {0};

	if (addr_from_text(text, &a) != 0)
		abort();
	return a;
}

void
sample_plan(void *out)
{
	struct prober_plan *m = out;

	m->family[0] = (struct prober_plan_family){
	    .send = TRANSPORT_UDP, .receive = TRANSPORT_UDP, .tag = "udp.payload"};
	m->family[1] = (struct prober_plan_family){.send = TRANSPORT_PING,
	    .receive = TRANSPORT_PING,
	    .window = 513,
	    .tag = "icmpv6.sequence"};
	m->stamp_ids_chosen = 1;
	m->mark = 0xfffffff1;
	m->debug = 1;
	m->send_gap = 20000000;
}

void
sample_start(void *out)
{
	struct prober_start *m = out;

	*m = (struct prober_start){.instance = 7,
	    .algorithm = "paris",
	    .device = "eth0",
	    .src_port = 33000,
	    .dst_port = 33434,
	    .first_tag = 3,
	    .flow_chosen = 1,
	    .flow_id = 0xfffffffe,
	    .flow_field = FLOW_BY_LABEL,
	    .flow_label = 0xfffff,
	    .tos = 0xb8,
	    .dont_fragment = 1,
	    .dont_route = 1,
	    .path_mtu = 1,
	    .packet_len = 65000,
	    .tcp = {1, 0xff, TCP_OPTIONS_END - 1, 65535},
	    .coverage = 8,
	    .first_ttl = 2,
	    .max_ttl = 255,
	    .queries = 10,
	    .window = 65535,
	    .gap_limit = 5,
	    .loop_limit = 3,
	    .wait_here = 3000,
	    .wait_near = 10000,
	    .wait_max = INT64_C(5000000000),
	    .send_gap = 1,
	    .timeout = INT64_MAX,
	    .alpha = PROBER_ALPHA_UNIT / 2,
	    .branching = 65534,
	    .children = 1024,
	    .max_probes = UINT32_MAX,
	    .max_flows = 65536,
	    .phi = 4,
	    .interval = PROBER_TIME_MAX,
	    .preload = 65535,
	    .fill_len = PROBER_FILL_MAX};
	m->fill[0] = 1;
	m->fill[PROBER_FILL_MAX - 1] = 0xff;
	m->target = sample_addr("fe80::1");
	m->target.scope = 4;
	m->source = sample_addr("2001:db8::2");
	m->ip_protocol = 253;
	m->service = UINT32_MAX;
	m->route.count = PROBER_GATEWAYS_MAX;
	m->route.type = 4;
	for (size_t i = 0; i < PROBER_GATEWAYS_MAX; i++)
		m->route.gateways[i] = sample_addr("2001:db8::3");
}

void
sample_split(void *out)
{
	struct prober_start *m = out;

	sample_start(out);
	m->path_mtu = 0; /* one or the other */
	m->split = (struct prober_split){
	    .count = PROBER_FRAGMENTS_MAX, .repeat = PROBER_REPEAT_MAX};
	for (uint8_t i = 0; i <= PROBER_FRAGMENTS_MAX; i++)
		m->split.order[i] = (uint8_t)(PROBER_FRAGMENTS_MAX - i);
	for (uint8_t i = 0; i < PROBER_FRAGMENTS_MAX; i++)
		m->split.named[i] =
		    (struct prober_fragment){(uint16_t)(i * 4000), (uint16_t)(i + 1)};
}

void
sample_stop(void *out)
{
	struct prober_stop *m = out;

	m->instance = PROBER_ALL_INSTANCES;
}

void
sample_started(void *out)
{
	struct prober_started *m = out;

	*m = (struct prober_started){.instance = 1,
	    .flow_field = FLOW_BY_SRC_PORT,
	    .src_port = 1,
	    .dst_port = 2,
	    .icmp_id = 3,
	    .icmp_checksum = 4,
	    .flow_label = 5,
	    .packet_len = 6};
	m->source = sample_addr("192.0.2.1");
}

void
sample_result(void *out)
{
	struct prober_result *m = out;

	*m = (struct prober_result){.instance = 9,
	    .probe = 70000,
	    .flow = 1,
	    .ttl = 5,
	    .query = 2,
	    .outcome = RESULT_REPLY,
	    .reply = REPLY_UNREACHABLE,
	    .flags = RESULT_FINAL | RESULT_TRANSLATED,
	    .rtt_source = RTT_USER,
	    .icmp_type = 3,
	    .icmp_code = 4,
	    .reply_ttl = -1,
	    .reply_tos = 255,
	    .reply_len = 65515,
	    .end_ttl = 6,
	    .candidates = 2,
	    .tcp_flags = 0xff,
	    .tcp_options = TCP_OPTIONS_END - 1,
	    .tcp_mss = 1460,
	    .quoted_mss = 1380,
	    .sent_mss = 1461,
	    .mtu = 1400,
	    .path_mtu = 1500,
	    .error = 90,
	    .sent = INT64_C(1795302021573012345),
	    .rtt = -1,
	    .seen = SEEN_FRAGMENT,
	    .quoted_fragment = {65528, 65535},
	    .quoted_more = 1,
	    .quoted_as = QUOTED_WHOLE,
	    .from_port = 7,
	    .quoted_port = 8,
	    .mpls_count = PROBER_MPLS_MAX,
	    .objects_count = PROBER_OBJECTS_MAX};
	m->from = sample_addr("198.51.100.7");
	m->quoted_dst = sample_addr("10.0.0.7");
	for (uint8_t i = 0; i < PROBER_MPLS_MAX; i++)
		m->mpls[i] = (struct prober_mpls){0xfffffU - i, i & 7, i == 15, i};
	for (uint8_t i = 0; i < PROBER_OBJECTS_MAX; i++) {
		m->objects[i].class_num = (uint8_t)(i + 2);
		m->objects[i].c_type = i;
		m->objects[i].len = (uint16_t)(i * 12);
		memset(m->objects[i].data, 0xa0 + i,
		    m->objects[i].len < PROBER_OBJECT_DATA ? m->objects[i].len
							   : PROBER_OBJECT_DATA);
	}
	m->objects[0].is_interface = 1; /* of class 2 */
	m->interfaces_count = 1;
	m->interfaces[0] = (struct prober_interface){.role = INTERFACE_NEXT_HOP,
	    .has = INTERFACE_END - 1,
	    .index = 0xfffffffe,
	    .mtu = 9000};
	m->interfaces[0].addr = sample_addr("2001:db8::1");
	memset(m->interfaces[0].name, 0x80, PROBER_INTERFACE_NAME_MAX);
	m->objects[1] = (struct prober_object){1, 1, 5, 20, {0}};
	m->objects[4] = (struct prober_object){1, 1, PROBER_MPLS_MAX - 5, 400, {0}};
}

void
sample_done(void *out)
{
	struct prober_done *m = out;

	*m = (struct prober_done){.instance = 3,
	    .reason = REASON_FAILED,
	    .end_ttl = 30,
	    .error = 101,
	    .sent = 1,
	    .replies = 2,
	    .timeouts = 3,
	    .duplicates = 4,
	    .late = 5,
	    .ambiguous = 6,
	    .reasked = 7,
	    .lost_here = 8,
	    .strays = 9,
	    .window = 10,
	    .coverage = COVERAGE_STOPPED};
	memset(m->detail, 'x', PROBER_DETAIL_MAX);
}
