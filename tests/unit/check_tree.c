/*
 * prober/tree: patterns, metafields, and parsing of packets built by hand. Every parse
 * runs on a copy of the exact size, so that a read out of bounds is seen.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prober/tree.h"
#include "tests/support/fuzz_targets.h"
#include "tests/support/packets.h"
#include "tests/support/testing.h"

static struct tree *tree;

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
	tree_free(NULL);
}

static const struct pattern *
find(const char *name)
{
	const struct pattern *p = tree_find(tree, name);

	if (p == NULL)
		ck_abort_msg("there is no pattern %s", name);
	return p;
}

/* ---- patterns -------------------------------------------------------------------- */

static const char *const patterns[] = {"ipv4", "ipv4/udp", "ipv4/udplite", "ipv4/tcp",
    "ipv4/icmpv4", "ipv4/icmpv4/ipv4", "ipv4/icmpv4/ipv4/udp",
    "ipv4/icmpv4/ipv4/udplite", "ipv4/icmpv4/ipv4/tcp", "ipv4/icmpv4/ipv4/icmpv4",
    "ipv6", "ipv6/udp", "ipv6/udplite", "ipv6/tcp", "ipv6/icmpv6", "ipv6/icmpv6/ipv6",
    "ipv6/icmpv6/ipv6/udp", "ipv6/icmpv6/ipv6/udplite", "ipv6/icmpv6/ipv6/tcp",
    "ipv6/icmpv6/ipv6/icmpv6", "ipv4/dccp", "ipv4/raw", "ipv4/icmpv4/ipv4/dccp",
    "ipv4/icmpv4/ipv4/raw", "ipv6/dccp", "ipv6/raw", "ipv6/icmpv6/ipv6/dccp",
    "ipv6/icmpv6/ipv6/raw"};

static size_t
count_below(const struct pattern *p)
{
	size_t count = 1;

	for (const struct pattern *c = p->first_child; c != NULL; c = c->next_sibling) {
		ck_assert_ptr_eq(c->parent, p);
		ck_assert_uint_eq(c->depth, p->depth + 1);
		count += count_below(c);
	}
	return count;
}

START_TEST(every_pattern)
{
	size_t headers = 0;

	set_up();
	for (size_t i = 0; i < COUNT_OF(patterns); i++) {
		const struct pattern *p = find(patterns[i]);
		char name[PATTERN_NAME_MAX] = "";

		ck_assert_str_eq(p->name, patterns[i]);
		headers = 0;
		for (size_t k = 0; k < p->depth; k++) {
			ck_assert_uint_eq(pattern_layer_offset(p, k), headers);
			headers += p->layers[k]->header_min;
			strcat(name, k == 0 ? "" : "/");
			strcat(name, p->layers[k]->name);
		}
		ck_assert_str_eq(name, patterns[i]);
		ck_assert_uint_eq(pattern_layer_offset(p, p->depth), headers);
	}
	/* And no other. */
	ck_assert_uint_eq(
	    count_below(find("ipv4")) + count_below(find("ipv6")), COUNT_OF(patterns));
	tear_down();
}
END_TEST

START_TEST(no_such_pattern)
{
	static const char *const names[] = {"", "ipv", "ipv44", "ipv4/", "/ipv4", "udp",
	    "ipv4/icmpv6", "ipv6/icmpv4", "ipv4/ipv4", "ipv4/icmpv4/ipv6",
	    "ipv4/udp/ipv4", "ipv4/udp/udp", "ipv4/udpx", "ipv4/icmpv4/udp",
	    "ipv4/icmpv4/ipv4/icmpv4/ipv4"};

	set_up();
	for (size_t i = 0; i < COUNT_OF(names); i++)
		ck_assert_ptr_null(tree_find(tree, names[i]));
	tear_down();
}
END_TEST

START_TEST(fields_are_found_outermost_first)
{
	static const struct {
		const char *pattern;
		const char *field;
		int layer; /* -1: not there */
	} cases[] = {
	    {"ipv4/udp", "ipv4.ttl", 0},
	    {"ipv4/udp", "udp.checksum", 1},
	    {"ipv4/udp", "tcp.seq", -1},
	    {"ipv4/udp", "ipv6.hop_limit", -1},
	    {"ipv4/udp", "checksum", -1},
	    {"ipv4/udp", "", -1},
	    {"ipv4/icmpv4/ipv4/udp", "ipv4.ttl", 0},
	    {"ipv4/icmpv4/ipv4/udp", "icmp.type", 1},
	    {"ipv4/icmpv4/ipv4/udp", "udp.src_port", 3},
	    {"ipv6/icmpv6/ipv6/icmpv6", "icmp.sequence", 1},
	};

	set_up();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct pattern *p = find(cases[i].pattern);
		struct field_ref ref = {9, 9};
		int error = pattern_find_field(p, cases[i].field, &ref);

		ck_assert_int_eq(error, cases[i].layer < 0 ? -ENOENT : 0);
		ck_assert_int_eq(ref.layer, cases[i].layer < 0 ? 9 : cases[i].layer);
		if (error == 0)
			ck_assert_str_eq(pattern_field(p, ref)->name, cases[i].field);
	}
	tear_down();
}
END_TEST

/* The innermost protocol's field, whatever the protocol is called. */
START_TEST(own_fields)
{
	static const struct {
		const char *pattern;
		const char *field;
		const char *found; /* NULL: not there */
	} cases[] = {
	    {"ipv4/udp", "src_port", "udp.src_port"},
	    {"ipv4/udplite", "src_port", "udplite.src_port"},
	    {"ipv6/udplite", "dst_port", "udplite.dst_port"},
	    {"ipv4/tcp", "src_port", "tcp.src_port"},
	    {"ipv6/tcp", "dst_port", "tcp.dst_port"},
	    {"ipv4/icmpv4/ipv4/tcp", "dst_port", "tcp.dst_port"},
	    {"ipv6", "hop_limit", "ipv6.hop_limit"},
	    {"ipv4/icmpv4", "src_port", NULL},
	    {"ipv6/icmpv6", "dst_port", NULL},
	    {"ipv4/tcp", "ttl", NULL}, /* of a layer before */
	    {"ipv4/udp", "udp.src_port", NULL},
	    {"ipv4/udp", "src_por", NULL},
	    {"ipv4/udp", "src_ports", NULL},
	    {"ipv4/udp", "lite.src_port", NULL},
	    {"ipv4/udp", "", NULL},
	};

	set_up();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct pattern *p = find(cases[i].pattern);
		struct field_ref ref = {9, 9};
		int error = pattern_find_own_field(p, cases[i].field, &ref);

		must_eq_in(i, error, cases[i].found == NULL ? -ENOENT : 0);
		if (error != 0) {
			ck_assert_int_eq(ref.layer, 9);
			continue;
		}
		ck_assert_int_eq(ref.layer, p->depth - 1);
		ck_assert_str_eq(pattern_field(p, ref)->name, cases[i].found);
	}
	tear_down();
}
END_TEST

START_TEST(masks)
{
	set_up();
	for (size_t i = 0; i < COUNT_OF(patterns); i++) {
		const struct pattern *p = find(patterns[i]);
		uint64_t all = 0;
		uint64_t flow = 0;

		for (uint8_t layer = 0; layer < p->depth; layer++) {
			for (uint8_t k = 0; k < p->layers[layer]->fields_count; k++) {
				struct field_ref ref = {layer, k};
				uint64_t mask = pattern_field_mask(p, ref);

				/* One bit each, and each another one. */
				must(mask != 0 && (mask & (mask - 1)) == 0);
				must((all & mask) == 0);
				all |= mask;
			}
		}
		for (size_t k = 0; k < p->flow_id.count; k++)
			flow |= pattern_field_mask(p, p->flow_id.fields[k]);
		must(pattern_metafield_mask(p, &p->flow_id) == flow);
		must((flow & ~all) == 0);
	}
	tear_down();
}
END_TEST

START_TEST(masks_of_names)
{
	static const char *const names[] = {
	    "udp.src_port", "tcp.seq", "ipv4.ttl", "ipv6.hop_limit", NULL};
	static const char *const none[] = {NULL};
	const struct pattern *p;
	struct field_ref ttl, port;

	set_up();
	p = find("ipv4/udp");
	ck_assert_int_eq(pattern_find_field(p, "ipv4.ttl", &ttl), 0);
	ck_assert_int_eq(pattern_find_field(p, "udp.src_port", &port), 0);
	ck_assert(pattern_names_mask(p, names) ==
		  (pattern_field_mask(p, ttl) | pattern_field_mask(p, port)));
	ck_assert(pattern_names_mask(p, none) == 0);
	tear_down();
}
END_TEST

START_TEST(tag_rules)
{
	static const struct {
		const char *pattern;
		const char *field;
		int way; /* -1: cannot carry a tag */
	} cases[] = {
	    {"ipv4/udp", "udp.payload", TAG_WRITTEN},
	    {"ipv4/udp", "udp.dst_port", TAG_WRITTEN},
	    {"ipv4/udp", "udp.src_port", TAG_WRITTEN},
	    {"ipv4/udp", "udp.checksum", TAG_BY_PAYLOAD},
	    {"ipv6/udp", "udp.length", TAG_BY_LENGTH},
	    {"ipv4/udp", "ipv4.identification", TAG_WRITTEN},
	    {"ipv6/udp", "ipv6.flow_label", TAG_WRITTEN},
	    {"ipv4/icmpv4", "icmp.sequence", TAG_WRITTEN},
	    {"ipv6/icmpv6", "icmp.checksum", TAG_BY_PAYLOAD},
	    {"ipv4/tcp", "tcp.seq", TAG_WRITTEN},
	    {"ipv4/tcp", "tcp.src_port", TAG_WRITTEN},
	    {"ipv6/tcp", "tcp.checksum", TAG_BY_PAYLOAD},
	    {"ipv4/udp", "ipv4.dst_addr", -1},
	    {"ipv4/icmpv4", "icmp.id", -1},
	    {"ipv4/tcp", "tcp.dst_port", -1},
	    {"ipv4/tcp", "tcp.ack", -1},
	};

	set_up();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct pattern *p = find(cases[i].pattern);
		const struct tag_field *rule;
		struct field_ref ref;

		ck_assert_int_eq(pattern_find_field(p, cases[i].field, &ref), 0);
		rule = pattern_tag_field(p, ref);
		if (cases[i].way < 0) {
			ck_assert_ptr_null(rule);
			continue;
		}
		ck_assert_ptr_nonnull(rule);
		ck_assert_str_eq(rule->field, cases[i].field);
		ck_assert_int_eq(rule->way, cases[i].way);
	}
	tear_down();
}
END_TEST

/* ---- flow_id --------------------------------------------------------------------- */

struct run {
	size_t bit;
	size_t count;
};

/* The bits that make the flow, by hand from the RFCs' header pictures. */
static const struct {
	const char *pattern;
	const char *names; /* in order */
	struct run runs[8];
} flows[] = {
    {"ipv4/udp", "ipv4.protocol ipv4.src_addr ipv4.dst_addr udp.src_port udp.dst_port ",
	{{72, 8}, {96, 32}, {128, 32}, {160, 16}, {176, 16}}},
    {"ipv4/tcp", "ipv4.protocol ipv4.src_addr ipv4.dst_addr tcp.src_port tcp.dst_port ",
	{{72, 8}, {96, 32}, {128, 32}, {160, 16}, {176, 16}}},
    {"ipv4/icmpv4",
	"ipv4.protocol ipv4.src_addr ipv4.dst_addr icmp.type icmp.code icmp.checksum ",
	{{72, 8}, {96, 32}, {128, 32}, {160, 8}, {168, 8}, {176, 16}}},
    {"ipv6/udp",
	"ipv6.flow_label ipv6.next_header ipv6.src_addr ipv6.dst_addr udp.src_port "
	"udp.dst_port ",
	{{12, 20}, {48, 8}, {64, 128}, {192, 128}, {320, 16}, {336, 16}}},
    {"ipv6/tcp",
	"ipv6.flow_label ipv6.next_header ipv6.src_addr ipv6.dst_addr tcp.src_port "
	"tcp.dst_port ",
	{{12, 20}, {48, 8}, {64, 128}, {192, 128}, {320, 16}, {336, 16}}},
    {"ipv6/icmpv6",
	"ipv6.flow_label ipv6.next_header ipv6.src_addr ipv6.dst_addr icmp.type "
	"icmp.code icmp.checksum ",
	{{12, 20}, {48, 8}, {64, 128}, {192, 128}, {320, 8}, {328, 8}, {336, 16}}},
};

static int
bit_of(const uint8_t *data, size_t bit)
{
	return data[bit / 8] >> (7 - bit % 8) & 1;
}

START_TEST(flow_id_names_these_bits)
{
	const struct pattern *p;
	struct rng rng = {30};
	uint8_t packet[80], flow[40], again[40];
	char names[200] = "";
	size_t bits = 0, len;
	struct view v;

	set_up();
	p = find(flows[_i].pattern);
	ck_assert_str_eq(p->flow_id.name, "flow_id");
	for (size_t i = 0; i < p->flow_id.count; i++) {
		strcat(names, pattern_field(p, p->flow_id.fields[i])->name);
		strcat(names, " ");
	}
	ck_assert_str_eq(names, flows[_i].names);
	len = pattern_layer_offset(p, p->depth);
	rng_fill(&rng, packet, sizeof(packet));
	view_of_layout(&v, p, packet, 0, len);
	ck_assert_int_eq(view_read_metafield(&v, &p->flow_id, flow), 0);
	/* The value is the runs of bits, one behind the other, padded with zeros. */
	for (const struct run *r = flows[_i].runs; r->count != 0; r++)
		for (size_t k = 0; k < r->count; k++, bits++)
			must_eq(bit_of(flow, bits), bit_of(packet, r->bit + k));
	ck_assert_uint_eq(p->flow_id.bits, bits);
	for (; bits % 8 != 0; bits++)
		must_eq(bit_of(flow, bits), 0);
	/* Another packet given this flow differs from before in these bits only. */
	for (int turn = 0; turn < 50; turn++) {
		uint8_t before[80], after[80];
		size_t changed = 0, inside = 0;

		rng_fill(&rng, before, sizeof(before));
		memcpy(after, before, sizeof(after));
		pattern_write_metafield(p, after, &p->flow_id, flow);
		view_of_layout(&v, p, after, 0, len);
		must_eq(view_read_metafield(&v, &p->flow_id, again), 0);
		must_eq(memcmp(flow, again, (p->flow_id.bits + 7) / 8), 0);
		for (size_t k = 0; k < sizeof(after) * 8; k++)
			changed += bit_of(before, k) != bit_of(after, k);
		for (const struct run *r = flows[_i].runs; r->count != 0; r++)
			for (size_t k = r->bit; k < r->bit + r->count; k++) {
				inside += bit_of(before, k) != bit_of(after, k);
				must_eq(bit_of(after, k), bit_of(packet, k));
			}
		must_eq(changed, inside);
	}
	tear_down();
}
END_TEST

/* Every other flow pattern is what its layers add to it, quotes included. */
START_TEST(flow_id_of_quotes)
{
	static const struct {
		const char *pattern;
		size_t fields;
		size_t bits;
	} cases[] = {
	    {"ipv4", 3, 72},
	    {"ipv4/icmpv4/ipv4", 9, 72 + 32 + 72},
	    {"ipv4/icmpv4/ipv4/udp", 11, 72 + 32 + 72 + 32},
	    {"ipv4/icmpv4/ipv4/icmpv4", 12, 72 + 32 + 72 + 32},
	    {"ipv6/icmpv6/ipv6/tcp", 13, 284 + 32 + 284 + 32},
	    {"ipv6/icmpv6/ipv6/icmpv6", 14, 284 + 32 + 284 + 32},
	};

	set_up();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct pattern *p = find(cases[i].pattern);

		ck_assert_uint_eq(p->flow_id.count, cases[i].fields);
		ck_assert_uint_eq(p->flow_id.bits, cases[i].bits);
	}
	tear_down();
}
END_TEST

/* ---- fixed layouts and windows over them -------------------------------------------
 */

/* Every window over a packet shows exactly the fields that lie in it. */
START_TEST(windows)
{
	const struct pattern *p;
	struct rng rng = {31};
	uint8_t packet[72];
	size_t whole;

	set_up();
	p = find(flows[_i].pattern);
	whole = pattern_layer_offset(p, 2) + 4;
	rng_fill(&rng, packet, sizeof(packet));
	for (size_t from = 0; from <= whole; from++) {
		for (size_t len = 0; from + len <= whole; len++) {
			uint8_t *copy = exact_copy(packet + from, len);
			size_t readable = 0;
			struct view v;
			uint8_t flow[40];
			bool flow_seen = true;

			view_of_layout(&v, p, copy, from, len);
			must_eq(v.payload, whole - 4);
			for (uint8_t l = 0; l < 2; l++) {
				const struct protocol *q = p->layers[l];

				for (uint8_t k = 0; k < q->fields_count; k++) {
					struct field_ref ref = {l, k};
					size_t at = pattern_layer_offset(p, l) * 8 +
						    q->fields[k].bit_offset;
					size_t end = at + q->fields[k].bit_length;
					bool in =
					    at >= from * 8 && end <= (from + len) * 8;
					uint64_t value = 0, expected = 0;
					struct addr a;

					readable += in;
					if (q->fields[k].bit_length > 64) {
						must_eq(view_read_addr(&v, ref, &a),
						    in ? 0 : -ENODATA);
						must(!in ||
						     memcmp(a.bytes, packet + at / 8,
							 16) == 0);
						continue;
					}
					must_eq(view_read(&v, ref, &value),
					    in ? 0 : -ENODATA);
					for (size_t b = at; in && b < end; b++)
						expected = expected << 1 |
							   (uint64_t)bit_of(packet, b);
					must(value == expected);
				}
			}
			for (const struct run *r = flows[_i].runs; r->count != 0; r++)
				flow_seen = flow_seen && r->bit >= from * 8 &&
					    r->bit + r->count <= (from + len) * 8;
			must_eq(view_read_metafield(&v, &p->flow_id, flow),
			    flow_seen ? 0 : -ENODATA);
			must(
			    len != whole || readable == p->layers[0]->fields_count +
							    p->layers[1]->fields_count);
			free(copy);
		}
	}
	tear_down();
}
END_TEST

/* Each field of each pattern is written where it is read, and nothing beside it. */
START_TEST(writes)
{
	struct rng rng = {32};

	set_up();
	for (size_t i = 0; i < COUNT_OF(patterns); i++) {
		const struct pattern *p = find(patterns[i]);
		size_t len = pattern_layer_offset(p, p->depth) + 4;

		for (uint8_t layer = 0; layer < p->depth; layer++) {
			for (uint8_t k = 0; k < p->layers[layer]->fields_count; k++) {
				struct field_ref ref = {layer, k};
				const struct field *f = pattern_field(p, ref);
				size_t at =
				    pattern_layer_offset(p, layer) * 8 + f->bit_offset;
				uint8_t before[128], after[128];
				uint64_t value = rng_next(&rng), back;
				struct view v;

				rng_fill(&rng, before, sizeof(before));
				memcpy(after, before, sizeof(after));
				view_of_layout(&v, p, after, 0, len);
				if (f->bit_length <= 64) {
					value &= UINT64_MAX >> (64 - f->bit_length);
					pattern_write(p, after, ref, value);
					must_eq(view_read(&v, ref, &back), 0);
					must(back == value);
				}
				if (f->bit_length == 32 || f->bit_length == 128) {
					struct addr a = {.family = f->bit_length == 32
								       ? AF_INET
								       : AF_INET6};
					struct addr b;

					rng_fill(&rng, a.bytes, f->bit_length / 8);
					pattern_write_addr(p, after, ref, &a);
					must_eq(view_read_addr(&v, ref, &b), 0);
					must(addr_equal(&a, &b));
				}
				for (size_t b = 0; b < sizeof(after) * 8; b++)
					must(bit_of(after, b) == bit_of(before, b) ||
					     (b >= at && b < at + f->bit_length));
			}
		}
	}
	tear_down();
}
END_TEST

/* ---- parsing --------------------------------------------------------------------- */

/* Parses an exact copy and, when that goes well, reads all there is to read. */
static int
parse(int family, const uint8_t *packet, size_t len, struct view *out)
{
	uint8_t *copy = exact_copy(packet, len);
	uint8_t *tagged = malloc(len + 1);
	int error = tree_parse(tree, (uint32_t)family, copy, len, out);

	must(tagged != NULL);
	tagged[0] = family == AF_INET6;
	memcpy(tagged + 1, packet, len);
	fuzz_tree(tagged, len + 1);
	free(tagged);
	/* The view must not outlive the copy. */
	out->bytes = packet;
	free(copy);
	return error;
}

static uint64_t
field(const struct view *v, uint8_t layer, const char *name)
{
	struct field_ref ref = {layer, 0};
	int index = protocol_field_index(v->pattern->layers[layer], name);
	uint64_t value;

	must(index >= 0);
	ref.index = (uint8_t)index;
	must_eq(view_read(v, ref, &value), 0);
	return value;
}

enum transport { UDP, TCP, ICMP };

static const char *const transport_names[2][3] = {
    {"udp", "tcp", "icmpv4"}, {"udp", "tcp", "icmpv6"}};

/* IPv4 or IPv6 with a transport header and some payload. */
static void
make_probe(struct made *m, int v6, enum transport t, size_t payload)
{
	static const uint8_t numbers[2][3] = {{IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP},
	    {IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMPV6}};

	made_put(m, NULL, payload);
	memset(made_bytes(m), 0x5a, payload);
	if (t == UDP)
		made_udp(m, 24007, 33434);
	else if (t == TCP)
		made_tcp(m, 24007, 80, UINT32_C(0xcafe4711));
	else
		made_icmp(m, v6 ? 128 : 8, 0, UINT32_C(0x12345678));
	if (v6)
		made_ipv6(m, numbers[v6][t], 17);
	else
		made_ipv4(m, numbers[v6][t], 17);
}

/* A time exceeded about such a probe. */
static void
make_error(struct made *m, int v6, enum transport t, size_t payload)
{
	make_probe(m, v6, t, payload);
	made_icmp(m, v6 ? 3 : 11, 0, 0);
	if (v6) {
		made_ipv6(m, IPPROTO_ICMPV6, 250);
		made_icmpv6_checksum(m);
	} else {
		made_ipv4(m, IPPROTO_ICMP, 250);
	}
}

/* What the outer headers declare is made to fit the first len bytes. */
static void
redeclare(uint8_t *packet, int v6, enum transport t, size_t len)
{
	size_t header = v6 ? 40 : 20;

	if (v6 && len >= 40) {
		packet[4] = (uint8_t)((len - 40) >> 8);
		packet[5] = (uint8_t)(len - 40);
	} else if (!v6 && len >= 20) {
		packet[2] = (uint8_t)(len >> 8);
		packet[3] = (uint8_t)len;
	}
	if (t == UDP && len >= header + 8) {
		packet[header + 4] = (uint8_t)((len - header) >> 8);
		packet[header + 5] = (uint8_t)(len - header);
	}
}

START_TEST(whole_probes)
{
	int v6 = _i / 3;
	enum transport t = (enum transport)(_i % 3);
	size_t ip = v6 ? 40 : 20;
	char name[PATTERN_NAME_MAX];
	struct made m;
	struct view v;

	set_up();
	made_init(&m);
	make_probe(&m, v6, t, 12);
	snprintf(
	    name, sizeof(name), "%s/%s", v6 ? "ipv6" : "ipv4", transport_names[v6][t]);
	ck_assert_int_eq(parse(v6 ? AF_INET6 : AF_INET, made_bytes(&m), m.len, &v), 0);
	ck_assert_ptr_eq(v.pattern, find(name));
	ck_assert_uint_eq(v.from, 0);
	ck_assert_uint_eq(v.len, m.len);
	ck_assert_uint_eq(v.offsets[1], ip);
	ck_assert_uint_eq(v.payload, m.len - 12);
	ck_assert_uint_eq(field(&v, 0, v6 ? "ipv6.hop_limit" : "ipv4.ttl"), 17);
	if (v6) {
		ck_assert_uint_eq(field(&v, 0, "ipv6.flow_label"), 0x54321);
		ck_assert_uint_eq(field(&v, 0, "ipv6.traffic_class"), 0xa2);
	} else {
		ck_assert_uint_eq(field(&v, 0, "ipv4.identification"), 0xbeef);
		ck_assert_uint_eq(field(&v, 0, "ipv4.dont_fragment"), 0);
	}
	if (t == UDP) {
		ck_assert_uint_eq(field(&v, 1, "udp.src_port"), 24007);
		ck_assert_uint_eq(field(&v, 1, "udp.dst_port"), 33434);
		ck_assert_uint_eq(field(&v, 1, "udp.payload"), 0x5a5a5a5a);
	} else if (t == TCP) {
		ck_assert_uint_eq(field(&v, 1, "tcp.seq"), 0xcafe4711);
		ck_assert_uint_eq(field(&v, 1, "tcp.flags"), 2);
	} else {
		ck_assert_uint_eq(field(&v, 1, "icmp.id"), 0x1234);
		ck_assert_uint_eq(field(&v, 1, "icmp.sequence"), 0x5678);
	}
	/* The other family's parser wants nothing of it. */
	ck_assert_int_eq(
	    parse(v6 ? AF_INET : AF_INET6, made_bytes(&m), m.len, &v), -EBADMSG);
	tear_down();
}
END_TEST

/* Bytes behind what IP declares belong to nothing (Ethernet padding). */
START_TEST(trailing_bytes)
{
	int v6 = _i / 3;
	enum transport t = (enum transport)(_i % 3);
	struct made m;
	uint8_t packet[256] = {0};
	struct view v;

	set_up();
	made_init(&m);
	make_probe(&m, v6, t, 3);
	memcpy(packet, made_bytes(&m), m.len);
	ck_assert_int_eq(parse(v6 ? AF_INET6 : AF_INET, packet, m.len + 18, &v), 0);
	ck_assert_uint_eq(v.len, m.len);
	ck_assert_uint_eq(v.payload, m.len - 3);
	tear_down();
}
END_TEST

/* A probe cut after each byte: as it came, and with lengths that fit the cut. */
START_TEST(cut_probes)
{
	static const size_t minimum[] = {8, 20, 8};
	int v6 = _i / 3;
	enum transport t = (enum transport)(_i % 3);
	int family = v6 ? AF_INET6 : AF_INET;
	size_t ip = v6 ? 40 : 20;
	struct made m;
	struct view v;

	set_up();
	made_init(&m);
	make_probe(&m, v6, t, 12);
	for (size_t len = 0; len < m.len; len++) {
		uint8_t packet[128];
		bool whole = len >= ip + minimum[t];

		/* IP says that more should be there. */
		must_eq_in(len, parse(family, made_bytes(&m), len, &v), -EBADMSG);
		memcpy(packet, made_bytes(&m), m.len);
		redeclare(packet, v6, t, len);
		if (len < ip) {
			must_eq_in(len, parse(family, packet, len, &v), -EBADMSG);
			continue;
		}
		must_eq_in(len, parse(family, packet, len, &v), 0);
		must_eq_in(len, v.pattern->depth, len == ip ? 1 : 2);
		must_eq_in(len, v.payload, whole ? ip + minimum[t] : len);
		must_eq_in(len, v.len, len);
	}
	tear_down();
}
END_TEST

/* An error cut after each byte: the quote ends the walk where it ends. */
START_TEST(cut_errors)
{
	static const size_t minimum[] = {8, 20, 8};
	int v6 = _i / 3;
	enum transport t = (enum transport)(_i % 3);
	int family = v6 ? AF_INET6 : AF_INET;
	size_t ip = v6 ? 40 : 20;
	size_t starts[4] = {0, ip, ip + 8, 2 * ip + 8};
	size_t ends[4] = {ip, ip + 8, 2 * ip + 8, 2 * ip + 8 + minimum[t]};
	char name[PATTERN_NAME_MAX];
	struct made m;
	struct view v;

	set_up();
	made_init(&m);
	make_error(&m, v6, t, 12);
	snprintf(name, sizeof(name), v6 ? "ipv6/icmpv6/ipv6/%s" : "ipv4/icmpv4/ipv4/%s",
	    transport_names[v6][t]);
	for (size_t len = 0; len <= m.len; len++) {
		uint8_t packet[256];
		size_t depth = 1;

		must_eq_in(len, parse(family, made_bytes(&m), len, &v),
		    len == m.len ? 0 : -EBADMSG);
		memcpy(packet, made_bytes(&m), m.len);
		redeclare(packet, v6, ICMP, len);
		if (len < ip) {
			must_eq_in(len, parse(family, packet, len, &v), -EBADMSG);
			continue;
		}
		must_eq_in(len, parse(family, packet, len, &v), 0);
		while (depth < 4 && len > starts[depth])
			depth++;
		must_eq_in(len, v.pattern->depth, depth);
		must_eq_in(
		    len, strncmp(v.pattern->name, name, strlen(v.pattern->name)), 0);
		for (size_t k = 0; k < depth; k++)
			must_eq_in(len, v.offsets[k], starts[k]);
		must_eq_in(
		    len, v.payload, len < ends[depth - 1] ? len : ends[depth - 1]);
		if (depth == 4 && len >= starts[3] + 4)
			must_eq(field(&v, 3,
				    t == UDP   ? "udp.dst_port"
				    : t == TCP ? "tcp.dst_port"
					       : "icmp.type"),
			    t == UDP   ? 33434
			    : t == TCP ? 80
			    : v6       ? 128
				       : 8);
	}
	tear_down();
}
END_TEST

/* IHL 0 to 15 of the packet itself. */
START_TEST(outer_header_length)
{
	struct made m;
	struct view v;

	set_up();
	for (unsigned int ihl = 0; ihl < 16; ihl++) {
		for (size_t room = 0; room <= 60; room += 4) {
			uint8_t *packet;
			bool fine = ihl >= 5 && ihl * 4 <= 20 + room;
			size_t left;

			made_init(&m);
			made_put(&m, NULL, room);
			memset(made_bytes(&m), 1, room); /* options: no operation */
			made_ipv4(&m, 253, 9);           /* for experiments */
			packet = made_bytes(&m);
			packet[0] = (uint8_t)(0x40 | ihl);
			must_eq_in(ihl, parse(AF_INET, packet, m.len, &v),
			    fine ? 0 : -EBADMSG);
			if (!fine)
				continue;
			left = 20 + room - ihl * 4;
			must(v.pattern == find(left == 0 ? "ipv4" : "ipv4/raw"));
			must_eq_in(ihl, v.payload, ihl * 4 + (left < 8 ? left : 8));
		}
	}
	/* Options in front of UDP move it. */
	made_init(&m);
	made_put(&m, "data", 4);
	made_udp(&m, 1, 2);
	made_put(&m, NULL, 40);
	made_ipv4(&m, IPPROTO_UDP, 9);
	made_bytes(&m)[0] = 0x4f;
	ck_assert_int_eq(parse(AF_INET, made_bytes(&m), m.len, &v), 0);
	ck_assert_ptr_eq(v.pattern, find("ipv4/udp"));
	ck_assert_uint_eq(v.offsets[1], 60);
	ck_assert_uint_eq(field(&v, 1, "udp.dst_port"), 2);
	tear_down();
}
END_TEST

/* IHL 0 to 15 of the quote, with every length of it: 0 must not loop for ever. */
START_TEST(quoted_header_length)
{
	set_up();
	for (unsigned int ihl = 0; ihl < 16; ihl++) {
		for (size_t quoted = 20; quoted <= 80; quoted++) {
			size_t header = ihl * 4;
			uint8_t quote[80];
			struct made m;
			struct view v;
			bool fine = header >= 20 && header <= quoted;

			memset(quote, 1, sizeof(quote));
			made_init(&m);
			made_udp(&m, 7, 9);
			made_ipv4(&m, IPPROTO_UDP, 1);
			memcpy(quote, made_bytes(&m), 28);
			quote[0] = (uint8_t)(0x40 | ihl);
			made_init(&m);
			made_put(&m, quote, quoted);
			made_icmp(&m, 11, 0, 0);
			made_ipv4(&m, IPPROTO_ICMP, 60);
			must_eq_in(ihl, parse(AF_INET, made_bytes(&m), m.len, &v),
			    fine ? 0 : -EBADMSG);
			if (!fine)
				continue;
			must_eq_in(ihl, v.pattern->depth, quoted > header ? 4 : 3);
			must(quoted == header || v.offsets[3] == 28 + header);
		}
	}
	tear_down();
}
END_TEST

/* A quote of the wrong version, or of the other family. */
START_TEST(quoted_versions)
{
	set_up();
	for (int v6 = 0; v6 < 2; v6++) {
		for (unsigned int version = 0; version < 16; version++) {
			struct made m;
			struct view v;
			uint8_t *quote;

			made_init(&m);
			make_error(&m, v6, UDP, 8);
			quote = made_bytes(&m) + (v6 ? 48 : 28);
			quote[0] = (uint8_t)(version << 4 | (quote[0] & 0x0f));
			must_eq_in(version,
			    parse(v6 ? AF_INET6 : AF_INET, made_bytes(&m), m.len, &v),
			    version == (v6 ? 6 : 4) ? 0 : -EBADMSG);
		}
	}
	tear_down();
}
END_TEST

/* TCP data offsets, outer and quoted. */
START_TEST(tcp_header_length)
{
	set_up();
	for (unsigned int offset = 0; offset < 16; offset++) {
		for (int quoted = 0; quoted < 2; quoted++) {
			size_t payload = 12;
			struct made m;
			struct view v;
			size_t at = quoted ? 48 : 20;
			bool cut = quoted && offset * 4 > 20 + payload;
			bool fine = offset >= 5 && (cut || offset * 4 <= 20 + payload);

			made_init(&m);
			if (quoted)
				make_error(&m, 0, TCP, payload);
			else
				make_probe(&m, 0, TCP, payload);
			made_bytes(&m)[at + 12] = (uint8_t)(offset << 4);
			must_eq_in(offset, parse(AF_INET, made_bytes(&m), m.len, &v),
			    fine ? 0 : -EBADMSG);
			if (fine)
				must_eq_in(
				    offset, v.payload, cut ? m.len : at + offset * 4);
		}
	}
	tear_down();
}
END_TEST

/* Lengths that the packet declares of itself: too small, true, padded, too large. */
START_TEST(outer_lengths_that_lie)
{
	static const size_t short_of[] = {1000, 1, 0};
	static const size_t beyond[] = {1, 1000};

	set_up();
	for (size_t declared = 0; declared < 120; declared++) {
		for (int v6 = 0; v6 < 2; v6++) {
			struct made m;
			struct view v;
			size_t ip = v6 ? 40 : 20;
			uint8_t *packet;
			size_t total;
			bool fine;

			made_init(&m);
			make_probe(&m, v6, UDP, 22); /* 30 bytes behind IP */
			packet = made_bytes(&m);
			/* What IP declares, UDP fitting it as far as it can. */
			total = v6 ? declared + 40 : declared;
			if (v6)
				packet[5] = (uint8_t)declared;
			else
				packet[3] = (uint8_t)declared;
			if (total >= ip + 8)
				packet[ip + 5] = (uint8_t)(total - ip);
			fine = total >= ip && total <= m.len;
			must_eq_in(declared,
			    parse(v6 ? AF_INET6 : AF_INET, packet, m.len, &v),
			    fine ? 0 : -EBADMSG);
			if (fine)
				must_eq_in(declared, v.len, total);
			/* What UDP declares, IP telling the truth. */
			made_init(&m);
			make_probe(&m, v6, UDP, 22);
			packet = made_bytes(&m);
			packet[ip + 5] = (uint8_t)declared;
			fine = declared >= 8 && declared <= 30;
			must_eq_in(declared,
			    parse(v6 ? AF_INET6 : AF_INET, packet, m.len, &v),
			    fine ? 0 : -EBADMSG);
			if (fine)
				must_eq_in(declared, v.len, ip + declared);
		}
	}
	for (size_t i = 0; i < COUNT_OF(short_of) + COUNT_OF(beyond); i++) {
		bool fine = i < COUNT_OF(short_of);
		struct made m;
		struct view v;
		size_t declared;

		made_init(&m);
		make_probe(&m, 0, ICMP, 1500);
		declared =
		    fine ? m.len - short_of[i] : m.len + beyond[i - COUNT_OF(short_of)];
		made_bytes(&m)[2] = (uint8_t)(declared >> 8);
		made_bytes(&m)[3] = (uint8_t)declared;
		ck_assert_int_eq(
		    parse(AF_INET, made_bytes(&m), m.len, &v), fine ? 0 : -EBADMSG);
		if (fine)
			ck_assert_uint_eq(v.len, declared);
	}
	tear_down();
}
END_TEST

/* A quote may say any length: it was cut, or written by a router that swaps bytes. */
START_TEST(quoted_lengths_are_not_believed)
{
	set_up();
	for (size_t declared = 0; declared <= 0xffff; declared += 257) {
		for (int v6 = 0; v6 < 2; v6++) {
			struct made m;
			struct view v;
			uint8_t *quote;

			made_init(&m);
			make_error(&m, v6, UDP, 8);
			quote = made_bytes(&m) + (v6 ? 48 : 28);
			quote[v6 ? 4 : 2] = (uint8_t)(declared >> 8);
			quote[v6 ? 5 : 3] = (uint8_t)declared;
			quote[v6 ? 44 : 24] = (uint8_t)(declared >> 8);
			quote[v6 ? 45 : 25] = (uint8_t)declared;
			must_eq_in(declared,
			    parse(v6 ? AF_INET6 : AF_INET, made_bytes(&m), m.len, &v),
			    0);
			must_eq_in(declared, v.pattern->depth, 4);
			must_eq_in(declared, v.payload, m.len - 8);
		}
	}
	tear_down();
}
END_TEST

/* An error about an error, and about that one: as deep as the tree goes, no further. */
START_TEST(nested_errors)
{
	set_up();
	for (int v6 = 0; v6 < 2; v6++) {
		struct made m;
		struct view v;
		size_t ip = v6 ? 40 : 20;

		made_init(&m);
		make_probe(&m, v6, UDP, 4);
		for (int depth = 0; depth < 10; depth++) {
			made_icmp(&m, v6 ? 1 : 3, 1, 0);
			if (v6)
				made_ipv6(&m, IPPROTO_ICMPV6, 9);
			else
				made_ipv4(&m, IPPROTO_ICMP, 9);
			ck_assert_int_eq(
			    parse(v6 ? AF_INET6 : AF_INET, made_bytes(&m), m.len, &v),
			    0);
			if (depth == 0)
				continue;
			ck_assert_str_eq(v.pattern->name,
			    v6 ? "ipv6/icmpv6/ipv6/icmpv6" : "ipv4/icmpv4/ipv4/icmpv4");
			ck_assert_uint_eq(v.payload, 2 * (ip + 8));
			ck_assert_uint_eq(field(&v, 3, "icmp.code"), 1);
		}
	}
	tear_down();
}
END_TEST

/* Every protocol number, outer and quoted: those not known are raw; so is what stands
 * behind IPv6 extension headers, which belong to the IP header. */
START_TEST(protocol_numbers)
{
	set_up();
	for (unsigned int number = 0; number < 256; number++) {
		for (int v6 = 0; v6 < 2; v6++) {
			for (int quoted = 0; quoted < 2; quoted++) {
				struct made m;
				struct view v;
				uint8_t body[24] = {0};
				bool known =
				    number == IPPROTO_DCCP || number == IPPROTO_UDP ||
				    number == IPPROTO_UDPLITE ||
				    number == IPPROTO_TCP || number == (v6 ? 58 : 1);

				body[5] = sizeof(body); /* UDP length */
				body[12] = 5 << 4;      /* TCP data offset */
				body[0] = 200;          /* no ICMP error */
				made_init(&m);
				made_put(&m, body, sizeof(body));
				if (v6)
					made_ipv6(&m, (uint8_t)number, 1);
				else
					made_ipv4(&m, (uint8_t)number, 1);
				if (quoted) {
					made_icmp(&m, v6 ? 3 : 11, 0, 0);
					if (v6)
						made_ipv6(&m, 58, 1);
					else
						made_ipv4(&m, 1, 1);
				}
				must_eq_in(number,
				    parse(v6 ? AF_INET6 : AF_INET, made_bytes(&m),
					m.len, &v),
				    0);
				must_eq_in(number, v.pattern->depth, 2 + 2 * quoted);
				must_eq_in(number,
				    strstr(v.pattern->name, "/raw") == NULL, known);
			}
		}
	}
	tear_down();
}
END_TEST

START_TEST(fragments)
{
	struct made m;
	struct view v;

	set_up();
	made_init(&m);
	make_probe(&m, 0, UDP, 8);
	/* The first fragment starts with the UDP header, a later one does not. */
	made_bytes(&m)[6] = 0x20;
	ck_assert_int_eq(parse(AF_INET, made_bytes(&m), m.len, &v), 0);
	ck_assert_str_eq(v.pattern->name, "ipv4/udp");
	made_bytes(&m)[7] = 0x01;
	ck_assert_int_eq(parse(AF_INET, made_bytes(&m), m.len, &v), 0);
	ck_assert_str_eq(v.pattern->name, "ipv4");
	ck_assert_uint_eq(v.payload, 20);
	/* Quoted likewise. */
	made_init(&m);
	make_error(&m, 0, UDP, 8);
	made_bytes(&m)[28 + 7] = 0x01;
	ck_assert_int_eq(parse(AF_INET, made_bytes(&m), m.len, &v), 0);
	ck_assert_str_eq(v.pattern->name, "ipv4/icmpv4/ipv4");
	tear_down();
}
END_TEST

/* Right packets with a few wrong bytes, and plain noise. */
START_TEST(damaged_packets)
{
	struct rng rng = {33};
	size_t fine = 0;

	set_up();
	for (int turn = 0; turn < 60000; turn++) {
		int v6 = (int)rng_below(&rng, 2);
		struct made m;
		struct view v;
		size_t len;

		made_init(&m);
		if (rng_chance(&rng, 800000))
			make_error(&m, v6, (enum transport)rng_below(&rng, 3),
			    rng_below(&rng, 30));
		else
			make_probe(&m, v6, (enum transport)rng_below(&rng, 3),
			    rng_below(&rng, 30));
		for (uint64_t k = rng_below(&rng, 6); k > 0; k--)
			made_bytes(&m)[rng_below(&rng, m.len)] =
			    (uint8_t)rng_next(&rng);
		if (rng_chance(&rng, 50000))
			rng_fill(&rng, made_bytes(&m), m.len);
		len = rng_chance(&rng, 300000) ? rng_below(&rng, m.len + 1) : m.len;
		fine += parse(v6 ? AF_INET6 : AF_INET, made_bytes(&m), len, &v) == 0;
	}
	must(fine > 10000 && fine < 59000);
	tear_down();
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {every_pattern},
	    {no_such_pattern},
	    {fields_are_found_outermost_first},
	    {own_fields},
	    {masks},
	    {masks_of_names},
	    {tag_rules},
	    {flow_id_names_these_bits, .loops = COUNT_OF(flows)},
	    {flow_id_of_quotes},
	    {windows, .loops = COUNT_OF(flows)},
	    {writes},
	    {whole_probes, .loops = 6},
	    {trailing_bytes, .loops = 6},
	    {cut_probes, .loops = 6},
	    {cut_errors, .loops = 6},
	    {outer_header_length},
	    {quoted_header_length},
	    {quoted_versions},
	    {tcp_header_length},
	    {outer_lengths_that_lie},
	    {quoted_lengths_are_not_believed},
	    {nested_errors},
	    {protocol_numbers},
	    {fragments},
	    {damaged_packets},
	};

	return test_main("tree", tests, COUNT_OF(tests));
}
