/*
 * prober/layout: probes as they leave. Judged by tests/support/packets.c, which shares
 * no code with what builds them.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prober/layout.h"
#include "prober/tag.h"
#include "tests/support/packets.h"
#include "tests/support/testing.h"

static struct tree *tree;

/* Every pattern with every tag that its probes may carry; NULL: none. */
static const struct {
	const char *pattern;
	const char *tag;
	bool flow_constant; /* possible with this tag */
	size_t min_len;     /* with flow_constant */
} kinds[] = {
    {"ipv4/udp", NULL, true, 28},
    {"ipv4/udp", "udp.payload", true, 32},
    {"ipv4/udp", "udp.checksum", true, 30},
    {"ipv4/udp", "udp.length", true, 28},
    {"ipv4/udp", "ipv4.identification", true, 28},
    {"ipv4/udp", "udp.dst_port", false, 28},
    {"ipv4/udp", "udp.src_port", false, 28},
    {"ipv6/udp", NULL, true, 48},
    {"ipv6/udp", "udp.payload", true, 52},
    {"ipv6/udp", "udp.checksum", true, 50},
    {"ipv6/udp", "udp.length", true, 48},
    {"ipv6/udp", "udp.dst_port", false, 48},
    {"ipv6/udp", "ipv6.flow_label", false, 48},
    {"ipv4/udplite", NULL, true, 28},
    {"ipv4/udplite", "udplite.payload", true, 32},
    {"ipv4/udplite", "udplite.checksum", true, 30},
    {"ipv4/udplite", "udplite.dst_port", false, 28},
    {"ipv6/udplite", "udplite.payload", true, 52},
    {"ipv6/udplite", "udplite.src_port", false, 48},
    {"ipv4/tcp", NULL, true, 40},
    {"ipv4/tcp", "tcp.seq", true, 40},
    {"ipv4/tcp", "tcp.checksum", true, 40},
    {"ipv4/tcp", "ipv4.identification", true, 40},
    {"ipv4/tcp", "tcp.src_port", false, 40},
    {"ipv6/tcp", NULL, true, 60},
    {"ipv6/tcp", "tcp.seq", true, 60},
    {"ipv6/tcp", "tcp.checksum", true, 60},
    {"ipv6/tcp", "ipv6.flow_label", false, 60},
    {"ipv4/icmpv4", NULL, true, 30},
    {"ipv4/icmpv4", "icmp.sequence", true, 30},
    {"ipv4/icmpv4", "ipv4.identification", true, 30},
    {"ipv4/icmpv4", "icmp.checksum", false, 30},
    {"ipv6/icmpv6", NULL, true, 50},
    {"ipv6/icmpv6", "icmp.sequence", true, 50},
    {"ipv6/icmpv6", "icmp.checksum", false, 50},
    {"ipv4/dccp", NULL, true, 40},
    {"ipv4/dccp", "dccp.seq", true, 40},
    {"ipv4/dccp", "ipv4.identification", true, 40},
    {"ipv6/dccp", NULL, true, 60},
    {"ipv6/dccp", "dccp.seq", true, 60},
    {"ipv4/raw", NULL, true, 28},
    {"ipv4/raw", "raw.tag", true, 28},
    {"ipv4/raw", "ipv4.identification", true, 28},
    {"ipv6/raw", NULL, true, 48},
    {"ipv6/raw", "raw.tag", true, 48},
};
#define SERVICE 0xfedcba98
#define OTHER_PROTOCOL 253

static bool
kind_is(int kind, const char *protocol)
{
	return strstr(kinds[kind].pattern, protocol) != NULL;
}

static bool
has_ports(int kind)
{
	return !kind_is(kind, "icmp") && !kind_is(kind, "raw");
}

static bool
tag_is(int kind, const char *name)
{
	return kinds[kind].tag != NULL && strcmp(kinds[kind].tag, name) == 0;
}

/* Whether the tag is this field of the transport protocol, whichever that is. */
static bool
tag_is_own(int kind, const char *name)
{
	const char *dot = kinds[kind].tag != NULL ? strchr(kinds[kind].tag, '.') : NULL;

	return dot != NULL && !tag_is(kind, "ipv6.flow_label") &&
	       strcmp(dot + 1, name) == 0;
}

/* Options of kinds[kind]; the test may change them before it makes the layout. */
static struct layout_options
options_of(int kind)
{
	bool v6 = kind_is(kind, "ipv6");
	struct layout_options o = {
	    .pattern = tree_find(tree, kinds[kind].pattern),
	    .src = addr_from_bytes(v6 ? AF_INET6 : AF_INET, v6 ? made_src6 : made_src4),
	    .dst = addr_from_bytes(v6 ? AF_INET6 : AF_INET, v6 ? made_dst6 : made_dst4),
	    .dst_port = 33434,
	    .icmp_id = 0x4711,
	    .service = SERVICE,
	    .ip_protocol = OTHER_PROTOCOL,
	    .flow_constant = kinds[kind].flow_constant,
	    .tagged = kinds[kind].tag != NULL,
	};

	must(o.pattern != NULL);
	if (o.tagged)
		must_eq(pattern_find_field(o.pattern, kinds[kind].tag, &o.tag), 0);
	return o;
}

static void
set_up(void)
{
	tree = tree_new();
	ck_assert_ptr_nonnull(tree);
}

static void
tear_down(void)
{
	tree_free(tree);
}

/* Builds one probe into memory of its exact size and has it judged. */
static uint8_t *
build(const struct layout *l, const struct layout_probe *p, size_t *len)
{
	uint8_t *packet;
	const char *fault;

	*len = layout_len(l, p);
	packet = malloc(*len);
	must(packet != NULL);
	layout_build(l, p, packet);
	fault = packet_fault(packet, *len);
	if (fault != NULL)
		ck_abort_msg("%s %s, tag %u, ttl %u, %zu bytes: %s",
		    l->options.pattern->name, l->rule ? l->rule->field : "untagged",
		    p->tag, p->ttl, *len, fault);
	return packet;
}

static uint64_t
field(const struct layout *l, const uint8_t *packet, size_t len, const char *name)
{
	struct field_ref ref;
	struct view v;
	uint64_t value;

	must_eq(pattern_find_field(l->options.pattern, name, &ref), 0);
	view_of_layout(&v, l->options.pattern, packet, 0, len);
	must_eq(view_read(&v, ref, &value), 0);
	return value;
}

/* The same of the transport protocol's own field. */
static uint64_t
own_field(const struct layout *l, const uint8_t *packet, size_t len, const char *name)
{
	struct field_ref ref;

	must_eq(pattern_find_own_field(l->options.pattern, name, &ref), 0);
	return field(l, packet, len, pattern_field(l->options.pattern, ref)->name);
}

/* What stands in the tag's field, however it came there. */
static uint64_t
tag_of(const struct layout *l, const uint8_t *packet, size_t len)
{
	return field(l, packet, len, l->rule->field);
}

/* Some value that the tag may have; few of many, the ends among them. */
static uint32_t
tag_value(const struct layout *l, size_t turn, struct rng *rng)
{
	const struct tag_field *rule = l->rule;

	if (rule == NULL)
		return 0;
	if (turn == 0)
		return rule->low;
	if (turn == 1)
		return rule->high;
	return rule->low + (uint32_t)rng_below(rng, (uint64_t)rule->high - rule->low);
}

static struct layout_probe
probe_of(uint8_t ttl, uint32_t tag)
{
	return (struct layout_probe){.ttl = ttl,
	    .src_port = 24007,
	    .flow_checksum = 0x5dc1,
	    .flow_label = 0x54321,
	    .tag = tag};
}

/* What the target's own answers show, where a tag of the IP header stands, too. */
static const char *
answers_show(int kind)
{
	if (kind_is(kind, "icmp"))
		return "icmp.sequence";
	if (kind_is(kind, "dccp"))
		return "dccp.seq";
	return kind_is(kind, "tcp") ? "tcp.seq" : NULL;
}

/* Paris: whatever the TTL and the tag, the flow is the same, byte by byte. */
START_TEST(flow_is_constant)
{
	struct rng rng = {40};
	uint8_t flow[40], first[40];
	struct layout_options o;
	struct layout l;
	size_t bytes, fields;

	set_up();
	o = options_of(_i);
	o.flow_constant = true;
	ck_assert_int_eq(layout_init(&l, &o), 0);
	bytes = (o.pattern->flow_id.bits + 7) / 8;
	fields = 0;
	for (int ttl = 1; kinds[_i].flow_constant && ttl <= 255; ttl++) {
		for (size_t turn = 0; turn < 40; turn++, fields++) {
			struct layout_probe p =
			    probe_of((uint8_t)ttl, tag_value(&l, turn, &rng));
			size_t len;
			uint8_t *packet = build(&l, &p, &len);
			struct view v;

			view_of_layout(&v, o.pattern, packet, 0, len);
			must_eq(view_read_metafield(&v, &o.pattern->flow_id, flow), 0);
			if (fields == 0)
				memcpy(first, flow, bytes);
			must_eq(memcmp(flow, first, bytes), 0);
			must_eq(
			    field(&l, packet, len,
				kind_is(_i, "ipv6") ? "ipv6.hop_limit" : "ipv4.ttl"),
			    ttl);
			if (l.rule != NULL)
				must_eq(tag_of(&l, packet, len), p.tag);
			/* What the target answers shows the tag of an IP header too. */
			if (tag_is(_i, "ipv4.identification") && answers_show(_i))
				must_eq(field(&l, packet, len, answers_show(_i)) &
					    UINT16_MAX,
				    p.tag);
			if (kind_is(_i, "icmp"))
				must_eq(
				    field(&l, packet, len, "icmp.checksum"), 0x5dc1);
			free(packet);
		}
	}
	layout_clear(&l);
	layout_clear(&l);
	tear_down();
}
END_TEST

/* All that is asked for stands where it belongs. */
START_TEST(everything_is_written)
{
	bool v6 = kind_is(_i, "ipv6");
	struct layout_options o;
	struct layout l;
	struct layout_probe p;
	uint8_t *packet;
	size_t len;

	set_up();
	o = options_of(_i);
	o.tos = 0xb8;
	o.dont_fragment = true;
	o.len = 120;
	ck_assert_int_eq(layout_init(&l, &o), 0);
	p = probe_of(3, l.rule != NULL ? l.rule->high : 0);
	packet = build(&l, &p, &len);
	ck_assert_uint_eq(
	    field(&l, packet, len, v6 ? "ipv6.traffic_class" : "ipv4.tos"), 0xb8);
	ck_assert_mem_eq(
	    packet + (v6 ? 8 : 12), v6 ? made_src6 : made_src4, v6 ? 16 : 4);
	ck_assert_mem_eq(
	    packet + (v6 ? 24 : 16), v6 ? made_dst6 : made_dst4, v6 ? 16 : 4);
	if (v6 && !tag_is(_i, "ipv6.flow_label"))
		ck_assert_uint_eq(field(&l, packet, len, "ipv6.flow_label"), 0x54321);
	if (!v6)
		ck_assert_uint_eq(field(&l, packet, len, "ipv4.dont_fragment"), 1);
	if (has_ports(_i) && !tag_is_own(_i, "src_port"))
		ck_assert_uint_eq(own_field(&l, packet, len, "src_port"), 24007);
	if (has_ports(_i) && !tag_is_own(_i, "dst_port"))
		ck_assert_uint_eq(own_field(&l, packet, len, "dst_port"), 33434);
	if (kind_is(_i, "udplite")) /* all of the packet (RFC 3828 section 3.1) */
		ck_assert_uint_eq(
		    own_field(&l, packet, len, "coverage"), len - (v6 ? 40 : 20));
	if (kind_is(_i, "tcp")) { /* SYN and nothing else (RFC 9293 section 3.1) */
		ck_assert_uint_eq(own_field(&l, packet, len, "flags"), 2);
		ck_assert_uint_eq(own_field(&l, packet, len, "data_offset"), 5);
		ck_assert_uint_eq(own_field(&l, packet, len, "ack"), 0);
		ck_assert_uint_eq(own_field(&l, packet, len, "urgent"), 0);
	}
	if (kind_is(_i, "dccp")) { /* Request: RFC 4340 sections 5.1, 5.2 */
		ck_assert_uint_eq(field(&l, packet, len, "dccp.type"), 0);
		ck_assert_uint_eq(field(&l, packet, len, "dccp.long_sequence"), 1);
		ck_assert_uint_eq(field(&l, packet, len, "dccp.coverage"), 0);
		ck_assert_uint_eq(field(&l, packet, len, "dccp.seq_high"), 0);
		ck_assert_uint_eq(field(&l, packet, len, "dccp.service"), SERVICE);
	}
	if (kind_is(_i, "raw"))
		ck_assert_uint_eq(
		    field(&l, packet, len, v6 ? "ipv6.next_header" : "ipv4.protocol"),
		    OTHER_PROTOCOL);
	if (kind_is(_i, "icmp")) {
		ck_assert_uint_eq(field(&l, packet, len, "icmp.type"), v6 ? 128 : 8);
		ck_assert_uint_eq(field(&l, packet, len, "icmp.code"), 0);
		ck_assert_uint_eq(field(&l, packet, len, "icmp.id"), 0x4711);
	}
	if (l.rule != NULL)
		ck_assert_uint_eq(tag_of(&l, packet, len), l.rule->high);
	free(packet);
	layout_clear(&l);
	tear_down();
}
END_TEST

/* The first of kinds[] with this pattern. */
static int
kind_of(const char *pattern, const char *tag)
{
	int kind = 0;

	while (strcmp(kinds[kind].pattern, pattern) != 0 ||
	       (tag != NULL && !tag_is(kind, tag)))
		kind++;
	return kind;
}

/* TCP flags and options of one's choice, and the acknowledgment that shows the tag. */
START_TEST(segments)
{
	static const struct {
		struct prober_tcp tcp;
		size_t options;
	} cases[] = {{{1, 0x10, 0, 0}, 0}, {{1, 0x18, TCP_OPTION_TIMESTAMPS, 0}, 12},
	    {{1, 0x12, TCP_OPTION_MSS, 999}, 4}, {{1, 0x02, TCP_OPTION_MSS, 0}, 4},
	    {{1, 0x00, 0, 0}, 0}, {{1, 0xff, 0, 0}, 0}, {{0, 0, 0, 77}, 20}};
	static const char *const tags[] = {
	    "tcp.seq", "tcp.checksum", "ipv4.identification"};

	set_up();
	for (size_t i = 0; i < COUNT_OF(cases) * COUNT_OF(tags); i++) {
		const struct prober_tcp *tcp = &cases[i / COUNT_OF(tags)].tcp;
		const char *tag = tags[i % COUNT_OF(tags)];
		uint8_t flags = tcp->chosen ? tcp->flags : 0x02;
		size_t options = cases[i / COUNT_OF(tags)].options;
		struct layout_options o =
		    options_of(kind_of(_i ? "ipv6/tcp" : "ipv4/tcp", NULL));
		struct layout l;
		struct layout_probe p;
		uint8_t *packet;
		size_t len;

		o.tagged = pattern_find_field(o.pattern, tag, &o.tag) == 0;
		o.tcp = *tcp;
		o.len = (uint16_t)(pattern_layer_offset(o.pattern, 2) + options);
		ck_assert_int_eq(layout_init(&l, &o), 0);
		p = probe_of(3, 4711);
		packet = build(&l, &p, &len);
		must_eq_in(i, own_field(&l, packet, len, "flags"), flags);
		must_eq_in(
		    i, own_field(&l, packet, len, "data_offset"), 5 + options / 4);
		must_eq_in(i, own_field(&l, packet, len, "ack"),
		    (flags & 0x10) != 0 && o.tagged && strcmp(tag, "tcp.checksum") != 0
			? 4711
			: 0);
		if (options != 0 && flags == 0x02)
			must_eq_in(i, packet[len - options + 3],
			    tcp->mss != 0             ? tcp->mss
			    : o.dst.family == AF_INET ? 1460 % 256
						      : 1440 % 256);
		free(packet);
		layout_clear(&l);
	}
	tear_down();
}
END_TEST

/* The checksum of UDP-Lite covers as much as it is asked to. */
START_TEST(coverage)
{
	static const uint16_t values[] = {8, 9, 20, 39, 40, 41, 65535};

	set_up();
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		struct layout_options o = options_of(
		    kind_of(_i ? "ipv6/udplite" : "ipv4/udplite", "udplite.payload"));
		size_t covered = values[i] < 40 ? values[i] : 40;
		uint8_t pseudo[36 + 40], *packet;
		struct layout_probe p;
		struct layout l;
		size_t len, at = pattern_layer_offset(o.pattern, 1), from;

		o.coverage = values[i];
		o.len = (uint16_t)(at + 40);
		ck_assert_int_eq(layout_init(&l, &o), 0);
		p = probe_of(3, l.rule->high);
		layout_flow(&l, 0, &p);
		packet = calloc(1, layout_len(&l, &p));
		len = layout_len(&l, &p);
		layout_build(&l, &p, packet);
		must_eq_in(i, own_field(&l, packet, len, "coverage"), covered);
		/* The pseudo-header counts the whole packet (RFC 3828 section 3.2). */
		from = at == 20 ? 24 : 0;
		memset(pseudo, 0, sizeof(pseudo));
		memcpy(pseudo + from, packet + (at == 20 ? 12 : 8), at == 20 ? 8 : 32);
		pseudo[33] = at == 20 ? IPPROTO_UDPLITE : 40;
		pseudo[35] = at == 20 ? 40 : IPPROTO_UDPLITE;
		memcpy(pseudo + 36, packet + at, covered);
		must_eq_in(
		    i, reference_checksum(pseudo + from, 36 - from + covered), 0);
		free(packet);
		layout_clear(&l);
	}
	tear_down();
}
END_TEST

/* Every length from too small to large, odd ones too. */
START_TEST(lengths)
{
	bool by_length = tag_is(_i, "udp.length");
	struct rng rng = {41};

	set_up();
	for (uint16_t asked = 0; asked < 200; asked++) {
		struct layout_options o = options_of(_i);
		size_t expected = asked < kinds[_i].min_len ? kinds[_i].min_len : asked;
		struct layout l;

		o.len = asked;
		must_eq_in(asked, layout_min_len(&o), kinds[_i].min_len);
		must_eq_in(asked, layout_init(&l, &o), 0);
		must_eq_in(asked, l.options.len, expected);
		for (size_t turn = 0; turn < 10; turn++) {
			struct layout_probe p = probe_of(9, tag_value(&l, turn, &rng));
			size_t len;

			free(build(&l, &p, &len));
			must_eq_in(asked, len,
			    by_length ? (kind_is(_i, "ipv6") ? 40 : 20) + p.tag
				      : expected);
		}
		layout_clear(&l);
	}
	tear_down();
}
END_TEST

START_TEST(large_packets)
{
	static const uint16_t lens[] = {
	    1279, 1280, 1499, 1500, 8999, 9000, 65534, 65535};

	set_up();
	for (size_t i = 0; i < COUNT_OF(lens); i++) {
		struct layout_options o = options_of(_i);
		struct layout l;
		struct layout_probe p;
		size_t len;

		o.len = lens[i];
		ck_assert_int_eq(layout_init(&l, &o), 0);
		p = probe_of(9, l.rule != NULL ? l.rule->low : 0);
		free(build(&l, &p, &len));
		layout_clear(&l);
	}
	tear_down();
}
END_TEST

/* Every value of a 16-bit checksum tag or ICMP flow comes out, and with right sums. */
START_TEST(every_checksum)
{
	bool by_tag = tag_is_own(_i, "checksum");
	bool by_flow = kind_is(_i, "icmp") && kinds[_i].flow_constant;
	struct layout_options o;
	struct layout l;

	set_up();
	o = options_of(_i);
	o.len = (uint16_t)(kinds[_i].min_len + 7);
	ck_assert_int_eq(layout_init(&l, &o), 0);
	for (uint32_t wanted = 1; (by_tag || by_flow) && wanted <= 0xfffe; wanted++) {
		struct layout_probe p = probe_of((uint8_t)(wanted % 255 + 1), 1);
		uint8_t *packet;
		size_t len;

		p.src_port = (uint16_t)(wanted * 31);
		if (by_tag)
			p.tag = wanted;
		else
			p.flow_checksum = (uint16_t)wanted;
		if (by_flow && tag_is(_i, "icmp.sequence"))
			p.tag = (wanted * 40503) & 0xffff;
		packet = build(&l, &p, &len);
		must_eq(field(&l, packet, len, o.pattern->layers[1]->checksum_field),
		    wanted);
		free(packet);
	}
	layout_clear(&l);
	tear_down();
}
END_TEST

/* The sum of the pseudo-header of a packet (RFC 768, RFC 8200 section 8.1). */
static uint16_t
pseudo_header_sum(const uint8_t *packet, size_t len)
{
	bool v6 = packet[0] >> 4 == 6;
	size_t header = v6 ? 40 : 20;
	uint32_t sum = packet[v6 ? 6 : 9] + (uint32_t)(len - header);

	for (size_t i = v6 ? 8 : 12; i < header; i += 2)
		sum += (uint32_t)(packet[i] << 8 | packet[i + 1]);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* A probe may be shorter than the others, but not too short. */
START_TEST(shorter_packets)
{
	const size_t more = 100;
	struct layout_options o;
	struct layout l;

	set_up();
	o = options_of(_i);
	o.len = (uint16_t)(kinds[_i].min_len + more);
	ck_assert_int_eq(layout_init(&l, &o), 0);
	for (size_t asked = 0; asked <= o.len + 10U; asked++) {
		size_t wanted = asked == 0 || asked > o.len ? o.len : asked;
		struct layout_probe p = probe_of(9, l.rule != NULL ? l.rule->low : 0);
		size_t len;

		if (l.rule != NULL && l.rule->way == TAG_BY_LENGTH)
			break;
		p.len = (uint16_t)asked;
		free(build(&l, &p, &len));
		must_eq(len, wanted < kinds[_i].min_len ? kinds[_i].min_len : wanted);
	}
	layout_clear(&l);
	tree_free(tree);
}
END_TEST

/* One value of a checksum is what a device leaves that was to make it. */
START_TEST(partial_checksum)
{
	struct layout_options o;
	struct layout l;
	size_t count = 0;
	uint16_t partial;
	struct layout_probe p;
	uint8_t *packet;
	size_t len;

	set_up();
	o = options_of(_i);
	o.len = (uint16_t)(kinds[_i].min_len + 7);
	ck_assert_int_eq(layout_init(&l, &o), 0);
	p = probe_of(9, l.rule != NULL ? l.rule->low : 0);
	packet = build(&l, &p, &len);
	partial = pseudo_header_sum(packet, len);
	free(packet);
	for (uint32_t tag = 0; tag <= UINT16_MAX; tag++) {
		bool is = layout_tag_is_partial(&l, tag, len);

		must(!is || tag == partial);
		count += is;
	}
	ck_assert_uint_eq(count, tag_is_own(_i, "checksum") && !kind_is(_i, "icmpv4"));
	layout_clear(&l);
	tear_down();
}
END_TEST

/* UDP's checksum 0 means "none", UDP-Lite's is forbidden: where the sum comes out so,
 * all ones are sent. */
START_TEST(udp_checksum_is_never_zero)
{
	bool v6 = kind_is(_i, "ipv6");
	struct layout_options o;
	struct layout l;
	size_t ones = 0;

	set_up();
	o = options_of(_i);
	if (kind_is(_i, "udp") && !tag_is_own(_i, "checksum")) {
		ck_assert_int_eq(layout_init(&l, &o), 0);
		/* Some source port makes the sum come out as zero. */
		for (uint32_t port = 0; port <= 0xffff; port++) {
			struct layout_probe p =
			    probe_of(9, l.rule != NULL ? l.rule->high : 0);
			uint8_t *packet;
			size_t len;

			if (tag_is_own(_i, "src_port"))
				p.tag = port; /* a value that no set would give */
			p.src_port = (uint16_t)port;
			packet = build(&l, &p, &len);
			ones += packet[v6 ? 46 : 26] == 0xff &&
				packet[v6 ? 47 : 27] == 0xff;
			free(packet);
		}
		ck_assert_uint_ge(ones, 1);
		ck_assert_uint_le(ones, 2);
		layout_clear(&l);
	}
	tear_down();
}
END_TEST

/* Two flows differ in what balancers hash. */
START_TEST(flows_differ)
{
	struct layout_options o;
	struct layout l;
	uint8_t flow[2][40];

	set_up();
	o = options_of(_i);
	o.flow_constant = true;
	ck_assert_int_eq(layout_init(&l, &o), 0);
	for (int k = 0; k < 2; k++) {
		struct layout_probe p = probe_of(9, l.rule != NULL ? l.rule->low : 0);
		struct view v;
		uint8_t *packet;
		size_t len;

		p.src_port = (uint16_t)(p.src_port + k);
		p.flow_checksum = (uint16_t)(p.flow_checksum + k);
		packet = build(&l, &p, &len);
		view_of_layout(&v, o.pattern, packet, 0, len);
		ck_assert_int_eq(
		    view_read_metafield(&v, &o.pattern->flow_id, flow[k]), 0);
		free(packet);
	}
	if (kind_is(_i, "raw")) /* nothing is known that could differ */
		ck_assert_mem_eq(flow[0], flow[1], (o.pattern->flow_id.bits + 7) / 8);
	else if (!tag_is_own(_i, "src_port") &&
		 !(kind_is(_i, "icmp") && tag_is_own(_i, "checksum")))
		ck_assert_mem_ne(flow[0], flow[1], (o.pattern->flow_id.bits + 7) / 8);
	layout_clear(&l);
	tear_down();
}
END_TEST

static const uint32_t flow_numbers[] = {0, 1, 2, 255, 256, 999};

/* Where flows differ by each field, and how many there are. */
static const struct {
	const char *own; /* the transport protocol's field, or NULL: the flow label */
	uint32_t last;   /* with ports as below */
} flow_fields[FLOW_BY_END] = {
    [FLOW_BY_SRC_PORT] = {"src_port", 65535 - 24007},
    [FLOW_BY_DST_PORT] = {"dst_port", 65535 - 33434},
    [FLOW_BY_CHECKSUM] = {"checksum", 0xfffd},
    [FLOW_BY_LABEL] = {NULL, 0xffffe},
};

/* Whether probes of this kind have the field. */
static bool
has_flow_field(int kind, int field)
{
	if (field == FLOW_BY_LABEL)
		return kind_is(kind, "ipv6");
	return field == FLOW_BY_CHECKSUM ? kind_is(kind, "icmp") : has_ports(kind);
}

/* The tag is the field in which flows would differ. */
static bool
tag_is_flow(int kind, int field)
{
	return field == FLOW_BY_LABEL ? tag_is(kind, "ipv6.flow_label")
				      : tag_is_own(kind, flow_fields[field].own);
}

/* The flow_id of one probe of a flow, which has its tag. */
static void
flow_of(const struct layout *l, uint32_t number, uint32_t tag, uint8_t *flow)
{
	struct layout_probe p = {.ttl = 9, .tag = tag};
	uint8_t *packet;
	struct view v;
	size_t len;

	must_eq(layout_flow(l, number, &p), 0);
	packet = build(l, &p, &len);
	if (l->rule != NULL)
		must_eq(tag_of(l, packet, len), tag);
	view_of_layout(&v, l->options.pattern, packet, 0, len);
	must_eq(view_read_metafield(&v, &l->options.pattern->flow_id, flow), 0);
	free(packet);
}

/*
 * The flow's number decides what balancers hash, whatever the tag; each number gives
 * something else; and flow 0 is the same by whichever field the others differ.
 */
static void
check_flows(int kind, const struct layout *l, uint8_t *zero, bool *known)
{
	static uint8_t flows[COUNT_OF(flow_numbers)][40];
	size_t bytes = (l->options.pattern->flow_id.bits + 7) / 8;
	struct rng rng = {43};
	uint8_t again[40];

	for (size_t i = 0; i < COUNT_OF(flow_numbers); i++) {
		uint32_t tag = tag_value(l, 2, &rng);

		flow_of(l, flow_numbers[i], tag, flows[i]);
		for (size_t k = 0; k < i; k++)
			must(memcmp(flows[i], flows[k], bytes) != 0);
		for (size_t turn = 0; kinds[kind].flow_constant && turn < 8; turn++) {
			flow_of(l, flow_numbers[i], tag_value(l, turn, &rng), again);
			must_eq(memcmp(flows[i], again, bytes), 0);
		}
	}
	if (kinds[kind].flow_constant && *known)
		must_eq(memcmp(zero, flows[0], bytes), 0);
	memcpy(zero, flows[0], bytes);
	*known = true;
}

START_TEST(many_flows)
{
	uint8_t zero[40];
	bool known = false;

	set_up();
	for (int field = FLOW_BY_DEFAULT; field <= FLOW_BY_END; field++) {
		struct layout_options o = options_of(_i);
		struct layout_probe p = {0};
		struct layout l;

		o.src_port = 24007;
		o.flow_checksum = 0x5dc1;
		o.flow_field = (uint8_t)field;
		if (field == FLOW_BY_DEFAULT) {
			ck_assert_int_eq(layout_init(&l, &o), 0);
			ck_assert_int_eq(layout_flow(&l, 0, &p), 0);
			ck_assert_int_eq(layout_flow(&l, 1, &p), -EINVAL);
		} else if (field == FLOW_BY_END || !has_flow_field(_i, field)) {
			ck_assert_int_eq(layout_init(&l, &o), -EINVAL);
		} else if (tag_is_flow(_i, field)) {
			ck_assert_int_eq(layout_init(&l, &o), 0);
			ck_assert_int_eq(layout_flow(&l, 0, &p), 0);
			ck_assert_int_eq(layout_flow(&l, 1, &p), -EINVAL);
		} else {
			uint32_t last = flow_fields[field].last;

			ck_assert_int_eq(layout_init(&l, &o), 0);
			check_flows(_i, &l, zero, &known);
			ck_assert_int_eq(layout_flow(&l, last, &p), 0);
			ck_assert_int_eq(layout_flow(&l, last + 1, &p), -ERANGE);
			ck_assert_int_eq(layout_flow(&l, UINT32_MAX, &p), -ERANGE);
		}
		layout_clear(&l);
	}
	tear_down();
}
END_TEST

/* Each of many flows has a label of its own, unless the user has given one. */
START_TEST(labels_of_flows)
{
	static uint8_t seen[1 << 20];
	static const uint8_t fields[] = {
	    FLOW_BY_SRC_PORT, FLOW_BY_DST_PORT, FLOW_BY_LABEL};

	set_up();
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		struct layout_options o = options_of(7); /* ipv6/udp */
		struct layout l;

		memset(seen, 0, sizeof(seen));
		o.src_port = 24000;
		o.flow_field = fields[i];
		ck_assert_int_eq(layout_init(&l, &o), 0);
		for (uint32_t flow = 0; flow < 30000; flow++) {
			struct layout_probe p = {0};

			must_eq(layout_flow(&l, flow, &p), 0);
			must(p.flow_label >= 1 && p.flow_label <= 0xfffff);
			must_eq(seen[p.flow_label]++, 0);
			l.options.flow_label = 77;
			must_eq(layout_flow(&l, flow, &p), 0);
			must_eq(
			    p.flow_label, fields[i] == FLOW_BY_LABEL ? 77 + flow : 77);
			l.options.flow_label = 0;
		}
		layout_clear(&l);
	}
	tear_down();
}
END_TEST

/* Only what lies behind the eight bytes that every router quotes, and over IPv4. */
START_TEST(tags_that_may_be_cut)
{
	struct layout_options o;
	struct layout l;

	set_up();
	o = options_of(_i);
	ck_assert_int_eq(layout_init(&l, &o), 0);
	ck_assert_int_eq(layout_tag_may_be_cut(&l),
	    kind_is(_i, "ipv4") &&
		(tag_is_own(_i, "payload") || tag_is(_i, "dccp.seq")));
	layout_clear(&l);
	tear_down();
}
END_TEST

/*
 * A target that holds a connection half open answers older sequence numbers as strays:
 * of one flow each probe has the next number.
 */
START_TEST(sequence_rises)
{
	for (int kind = 0; kind < (int)COUNT_OF(kinds); kind++) {
		struct layout_options o;
		struct tag_set tags;
		struct layout l;
		uint64_t first = 0;

		if (!tag_is(kind, "tcp.checksum") && !tag_is(kind, "tcp.seq"))
			continue;
		set_up();
		o = options_of(kind);
		ck_assert_int_eq(layout_init(&l, &o), 0);
		ck_assert_int_eq(
		    tag_set_init(&tags, o.pattern, o.tag, UINT64_C(0xdeadbeef0123)), 0);
		for (uint32_t i = 0; i < 0x7000; i++) {
			struct layout_probe p = probe_of((uint8_t)(1 + i % 30), 0);
			int64_t retry;
			uint64_t now;
			uint8_t *packet;
			size_t len;

			must_eq(tag_set_take(&tags, 0, &p.tag, &retry), 0);
			packet = build(&l, &p, &len);
			now = field(&l, packet, len, "tcp.seq");
			first = i == 0 ? now : first;
			must_eq((uint32_t)(now - first), i);
			free(packet);
		}
		tag_set_clear(&tags);
		layout_clear(&l);
		tear_down();
	}
}
END_TEST

/* Patterns that are no probes. */
START_TEST(refused)
{
	static const char *const names[] = {
	    "ipv4", "ipv6", "ipv4/icmpv4/ipv4", "ipv6/icmpv6/ipv6/udp"};

	set_up();
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct layout_options o = {.pattern = tree_find(tree, names[i])};
		struct layout l;

		ck_assert_int_eq(layout_init(&l, &o), -EINVAL);
		layout_clear(&l);
	}
	for (size_t i = 0; i < 2; i++) { /* no coverage; a checksum of not all */
		struct layout_options o =
		    options_of(i == 0 ? kind_of("ipv4/udp", NULL)
				      : kind_of("ipv4/udplite", "udplite.checksum"));
		struct layout l;

		o.coverage = 8;
		ck_assert_int_eq(layout_init(&l, &o), -EINVAL);
		layout_clear(&l);
	}
	tear_down();
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {flow_is_constant, .loops = COUNT_OF(kinds)},
	    {everything_is_written, .loops = COUNT_OF(kinds)},
	    {segments, .loops = 2},
	    {coverage, .loops = 2},
	    {lengths, .loops = COUNT_OF(kinds)},
	    {large_packets, .loops = COUNT_OF(kinds)},
	    {every_checksum, .loops = COUNT_OF(kinds)},
	    {shorter_packets, .loops = COUNT_OF(kinds)},
	    {partial_checksum, .loops = COUNT_OF(kinds)},
	    {udp_checksum_is_never_zero, .loops = COUNT_OF(kinds)},
	    {flows_differ, .loops = COUNT_OF(kinds)},
	    {many_flows, .loops = COUNT_OF(kinds)},
	    {labels_of_flows},
	    {tags_that_may_be_cut, .loops = COUNT_OF(kinds)},
	    {sequence_rises},
	    {refused},
	};

	return test_main("layout", tests, COUNT_OF(tests));
}
