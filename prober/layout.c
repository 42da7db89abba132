#include "prober/layout.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/checksum.h"
#include "prober/tcp_options.h"

#define CHECKSUMS 0xfffe /* 1 to 0xfffe */
#define LABELS 0xfffff   /* 1 to 0xfffff */

/* Finds the first of two names that the pattern has. */
static int
find_either(
    const struct pattern *p, const char *one, const char *other, struct field_ref *out)
{
	return pattern_find_field(p, one, out) == 0 ? 0
						    : pattern_find_field(p, other, out);
}

static bool
has_checksum(const struct pattern *p)
{
	return p->layers[1]->checksum_field != NULL;
}

/* Load balancers hash the checksum: of ICMP, where others have ports. */
static bool
checksum_is_flow(const struct pattern *p)
{
	struct field_ref ref;

	return has_checksum(p) &&
	       pattern_find_field(p, p->layers[1]->checksum_field, &ref) == 0 &&
	       (pattern_field_mask(p, ref) & pattern_metafield_mask(p, &p->flow_id)) !=
		   0;
}

/* True when the checksum of the transport header must come out as something chosen. */
static bool
balanced(const struct layout_options *o)
{
	const struct tag_field *rule =
	    o->tagged ? pattern_tag_field(o->pattern, o->tag) : NULL;

	if ((rule != NULL && rule->way == TAG_BY_PAYLOAD) || o->mark_len > 0)
		return true;
	return o->flow_constant && checksum_is_flow(o->pattern);
}

/* Bytes of payload that the tag takes. */
static size_t
tag_payload(const struct layout_options *o)
{
	const struct field *f;

	if (!o->tagged)
		return 0;
	f = pattern_field(o->pattern, o->tag);
	if (f->bit_offset < o->pattern->layers[o->tag.layer]->header_min * 8)
		return 0;
	return f->bit_length / 8;
}

/* The probe has no payload, so its sequence number makes checksums come out. */
static bool
balances_by_sequence(const struct pattern *p)
{
	return p->layers[1]->ip_protocol == IPPROTO_TCP;
}

size_t
layout_tells_checksum(const struct pattern *p)
{
	return balances_by_sequence(p) ? pattern_layer_offset(p, 1) + 6
				       : pattern_layer_offset(p, 2);
}

size_t
layout_min_len(const struct layout_options *o)
{
	bool payload = balanced(o) && !balances_by_sequence(o->pattern);

	return pattern_layer_offset(o->pattern, o->pattern->depth) + tag_payload(o) +
	       (payload ? 2 : 0) + o->mark_len;
}

/* Writes a field that the pattern may not have. */
static void
write_named(const struct layout *l, const char *name, uint64_t value)
{
	struct field_ref ref;

	if (pattern_find_field(l->options.pattern, name, &ref) == 0)
		pattern_write(l->options.pattern, l->base, ref, value);
}

/* Flags and options, and what else Linux writes into a SYN. */
static void
tcp_fill(struct layout *l)
{
	uint8_t options[TCP_OPTIONS_ROOM];
	size_t len = tcp_options_write(&l->options.tcp, l->options.dst.family, options);

	write_named(l, "tcp.flags", tcp_options_flags(&l->options.tcp));
	write_named(l, "tcp.window", LAYOUT_TCP_WINDOW);
	if (l->options.len == l->payload + len)
		memcpy(l->base + l->payload, options, len);
}

/* Fills in everything that no probe of the trace changes. */
static void
base_fill(struct layout *l)
{
	const struct layout_options *o = &l->options;
	bool v6 = o->dst.family == AF_INET6;
	struct field_ref ref;

	memset(l->base, 0, l->payload);
	/* Else the same filling as traceroute(8) uses. */
	for (size_t i = 0; i < (size_t)o->len - l->payload; i++)
		l->base[l->payload + i] = o->fill_len > 0
					      ? o->fill[i % o->fill_len]
					      : (uint8_t)(0x40 + (i & 0x3f));
	if (find_either(o->pattern, "ipv4.src_addr", "ipv6.src_addr", &ref) == 0)
		pattern_write_addr(o->pattern, l->base, ref, &o->src);
	if (find_either(o->pattern, "ipv4.dst_addr", "ipv6.dst_addr", &ref) == 0)
		pattern_write_addr(o->pattern, l->base, ref, &o->dst);
	write_named(l, v6 ? "ipv6.traffic_class" : "ipv4.tos", o->tos);
	write_named(l, "ipv4.dont_fragment", o->dont_fragment);
	write_named(l, v6 ? "ipv6.next_header" : "ipv4.protocol",
	    o->pattern->selector == SELECTOR_ANY ? o->ip_protocol
						 : o->pattern->selector);
	write_named(l, "raw.start", 0x40414243); /* the filling begins here */
	write_named(l, "dccp.service", o->service);
	if (pattern_find_own_field(o->pattern, "dst_port", &ref) == 0)
		pattern_write(o->pattern, l->base, ref, o->dst_port);
	if (balances_by_sequence(o->pattern))
		tcp_fill(l);
	if (o->mark_len > 0)
		memcpy(l->base + l->payload + tag_payload(o) + 2, o->mark, o->mark_len);
	write_named(l, "icmp.type", v6 ? 128 : 8);
	write_named(l, "icmp.id", o->icmp_id);
}

/* The pattern has the field in which flows shall differ. */
static bool
flow_field_fits(const struct layout *l)
{
	switch ((enum prober_flow_field)l->options.flow_field) {
	case FLOW_BY_DEFAULT:
		return true;
	case FLOW_BY_SRC_PORT:
	case FLOW_BY_DST_PORT:
		return l->has_ports;
	case FLOW_BY_CHECKSUM:
		return checksum_is_flow(l->options.pattern);
	case FLOW_BY_LABEL:
		return l->options.dst.family == AF_INET6;
	case FLOW_BY_END:
		break;
	}
	return false;
}

int
layout_init(struct layout *l, const struct layout_options *options)
{
	const struct pattern *p = options->pattern;

	*l = (struct layout){.options = *options};
	if (p->depth != 2)
		return -EINVAL;
	if (l->options.len < layout_min_len(options))
		l->options.len = (uint16_t)layout_min_len(options);
	if (find_either(p, "ipv4.ttl", "ipv6.hop_limit", &l->ttl) != 0 ||
	    (has_checksum(p) &&
		pattern_find_field(p, p->layers[1]->checksum_field, &l->checksum) != 0))
		return -EINVAL;
	l->has_ports = pattern_find_own_field(p, "src_port", &l->src_port) == 0 &&
		       pattern_find_own_field(p, "dst_port", &l->dst_port) == 0;
	(void)pattern_find_field(p, "ipv6.flow_label", &l->flow_label);
	if (options->coverage != 0 &&
	    (pattern_find_field(p, "udplite.coverage", &l->coverage) != 0 ||
		balanced(options)))
		return -EINVAL;
	if (!flow_field_fits(l))
		return -EINVAL;
	l->rule = options->tagged ? pattern_tag_field(p, options->tag) : NULL;
	/* Echo replies and TCP's answers do not quote the IP header. */
	if (options->tagged && options->tag.layer == 0 &&
	    find_either(p, "icmp.sequence", "tcp.seq", &l->echoed) != 0)
		(void)pattern_find_field(p, "dccp.seq", &l->echoed);
	if ((tcp_options_flags(&options->tcp) & TCP_FLAG_ACK) != 0)
		(void)pattern_find_field(p, "tcp.ack", &l->acknowledged);
	l->transport = pattern_layer_offset(p, 1);
	l->payload = pattern_layer_offset(p, 2);
	l->balance = balances_by_sequence(p) ? l->transport + 4
					     : l->payload + tag_payload(options);
	l->base = malloc(l->options.len);
	if (l->base == NULL)
		return -ENOMEM;
	base_fill(l);
	return 0;
}

void
layout_clear(struct layout *l)
{
	free(l->base);
	l->base = NULL;
}

size_t
layout_len(const struct layout *l, const struct layout_probe *p)
{
	if (l->rule != NULL && l->rule->way == TAG_BY_LENGTH)
		return l->transport + p->tag;
	if (p->len == 0 || p->len >= l->options.len)
		return l->options.len;
	return p->len > layout_min_len(&l->options) ? p->len
						    : layout_min_len(&l->options);
}

/* The tag is in this field. */
static bool
tag_is(const struct layout *l, struct field_ref ref)
{
	const struct layout_options *o = &l->options;

	return o->tagged && o->tag.layer == ref.layer && o->tag.index == ref.index;
}

/* The field in which flows differ. */
static struct field_ref
flow_field(const struct layout *l)
{
	switch (l->options.flow_field) {
	case FLOW_BY_SRC_PORT:
		return l->src_port;
	case FLOW_BY_DST_PORT:
		return l->dst_port;
	case FLOW_BY_CHECKSUM:
		return l->checksum;
	default:
		return l->flow_label;
	}
}

/* Multiples of the golden ratio lie as far apart as can be (Knuth, TAOCP 6.4). */
uint32_t
layout_label_of(uint32_t value)
{
	return (value * UINT32_C(2654435761) >> 12 & 0xfffff) | 1;
}

uint32_t
layout_label_after(uint32_t label, uint32_t flow)
{
	return 1 + (label - 1 + flow) % LABELS;
}

static uint32_t
flow_label(const struct layout *l, uint32_t flow, const struct layout_probe *v)
{
	const struct layout_options *o = &l->options;
	uint32_t value = l->has_ports ? o->src_port : o->flow_checksum;
	bool by_label = o->flow_field == FLOW_BY_LABEL;
	uint32_t label = o->flow_label;

	if (l->has_ports && tag_is(l, l->src_port))
		value = v->tag;
	if (label == 0)
		label = layout_label_of(by_label ? value : value + flow);
	return by_label ? layout_label_after(label, flow) : label;
}

int
layout_flow(const struct layout *l, uint32_t flow, struct layout_probe *v)
{
	const struct layout_options *o = &l->options;

	v->src_port = o->src_port;
	v->dst_port = o->dst_port;
	v->flow_checksum = o->flow_checksum;
	v->flow_label = flow_label(l, flow, v);
	if (flow == 0)
		return 0;
	if (o->flow_field == FLOW_BY_DEFAULT || tag_is(l, flow_field(l)))
		return -EINVAL;
	switch (o->flow_field) {
	case FLOW_BY_SRC_PORT:
		if (flow > (uint32_t)(UINT16_MAX - o->src_port))
			return -ERANGE;
		v->src_port = (uint16_t)(o->src_port + flow);
		return 0;
	case FLOW_BY_DST_PORT:
		if (flow > (uint32_t)(UINT16_MAX - o->dst_port))
			return -ERANGE;
		v->dst_port = (uint16_t)(o->dst_port + flow);
		return 0;
	case FLOW_BY_CHECKSUM:
		if (flow >= CHECKSUMS)
			return -ERANGE;
		v->flow_checksum =
		    (uint16_t)(1 + (o->flow_checksum - 1 + flow) % CHECKSUMS);
		return 0;
	default:
		return flow < LABELS ? 0 : -ERANGE;
	}
}

/* The checksum that shall come out: the tag, or the flow, or another each time. */
static uint16_t
wanted_checksum(const struct layout *l, const struct layout_probe *p)
{
	if (l->rule != NULL && l->rule->way == TAG_BY_PAYLOAD)
		return (uint16_t)p->tag;
	if (l->options.flow_constant)
		return p->flow_checksum;
	return (uint16_t)(1 + (p->flow_checksum + p->tag) % 0xfffe);
}

/* Bytes that the checksum of the transport header covers (RFC 3828 section 3.1). */
static size_t
covered_len(const struct layout *l, size_t len)
{
	size_t covered = len - l->transport;
	uint16_t coverage = l->options.coverage;

	return coverage != 0 && coverage < covered ? coverage : covered;
}

/* The sum of the pseudo-header, where the checksum covers one. */
static uint32_t
pseudo_sum(const struct layout *l, size_t len)
{
	const struct layout_options *o = &l->options;
	const struct protocol *protocol = o->pattern->layers[1];

	if (!protocol->checksum_pseudo)
		return 0;
	return checksum_add_pseudo(
	    0, &o->src, &o->dst, protocol->ip_protocol, (uint32_t)(len - l->transport));
}

/*
 * The transport checksum, made to come out as chosen where that is asked. By the upper
 * half of TCP's sequence number: that is equal in all probes of a flow, as the lower
 * half is the checksum's complement and takes up what differs. So, with a checksum that
 * falls, the number rises by one a probe: a target that holds a connection half open
 * for a probe takes an older number for a stray, which it answers with an ACK that
 * tells nothing (RFC 9293 section 3.10.7.4).
 */
static void
finish_checksum(
    const struct layout *l, const struct layout_probe *p, uint8_t *packet, size_t len)
{
	const struct layout_options *o = &l->options;
	const struct protocol *protocol = o->pattern->layers[1];
	size_t covered = covered_len(l, len);
	uint32_t sum = pseudo_sum(l, len);
	uint16_t checksum;

	if (balanced(o))
		memset(packet + l->balance, 0, 2);
	if (balanced(o) && balances_by_sequence(o->pattern)) {
		uint16_t rising = (uint16_t)~wanted_checksum(l, p);

		packet[l->balance + 2] = (uint8_t)(rising >> 8);
		packet[l->balance + 3] = (uint8_t)rising;
	}
	pattern_write(o->pattern, packet, l->checksum, 0);
	sum = checksum_add(sum, packet + l->transport, covered);
	if (balanced(o)) {
		uint16_t word = checksum_compensate(sum, wanted_checksum(l, p));

		packet[l->balance] = (uint8_t)(word >> 8);
		packet[l->balance + 1] = (uint8_t)word;
		sum = checksum_add_u16(sum, word);
	}
	checksum = checksum_finish(sum);
	if (checksum == 0 && protocol->checksum_non_zero)
		checksum = 0xffff;
	pattern_write(o->pattern, packet, l->checksum, checksum);
}

void
layout_build(const struct layout *l, const struct layout_probe *p, uint8_t *packet)
{
	const struct layout_options *o = &l->options;
	size_t len = layout_len(l, p);

	memcpy(packet, l->base, len < o->len ? len : o->len);
	if (len > o->len)
		memset(packet + o->len, 0x40, len - o->len);
	pattern_write(o->pattern, packet, l->ttl, p->ttl);
	if (l->has_ports)
		pattern_write(o->pattern, packet, l->src_port, p->src_port);
	if (l->has_ports && p->dst_port != 0)
		pattern_write(o->pattern, packet, l->dst_port, p->dst_port);
	if (o->dst.family == AF_INET6)
		pattern_write(o->pattern, packet, l->flow_label, p->flow_label);
	if (l->rule != NULL && l->rule->way == TAG_WRITTEN)
		pattern_write(o->pattern, packet, o->tag, p->tag);
	if (l->echoed.layer != 0)
		pattern_write(o->pattern, packet, l->echoed, p->tag);
	if (l->acknowledged.layer != 0 && l->rule != NULL &&
	    l->rule->way == TAG_WRITTEN)
		pattern_write(o->pattern, packet, l->acknowledged, p->tag);
	for (size_t layer = o->pattern->depth; layer-- > 0;) {
		const struct protocol *protocol = o->pattern->layers[layer];
		size_t offset = pattern_layer_offset(o->pattern, layer);

		if (protocol->finish != NULL)
			protocol->finish(packet + offset, len - offset);
		if (layer == 1 && o->coverage != 0)
			pattern_write(
			    o->pattern, packet, l->coverage, covered_len(l, len));
		if (layer == 1 && has_checksum(o->pattern))
			finish_checksum(l, p, packet, len);
	}
}

bool
layout_tag_may_be_cut(const struct layout *l)
{
	const struct layout_options *o = &l->options;
	const struct field *f;

	if (!o->tagged || o->dst.family != AF_INET || o->tag.layer == 0)
		return false;
	/* What makes the checksum come out is as good as the checksum. */
	if (l->rule->way == TAG_BY_PAYLOAD && balances_by_sequence(o->pattern))
		return false;
	f = pattern_field(o->pattern, o->tag);
	return f->bit_offset + f->bit_length > 64;
}

bool
layout_tag_is_partial(const struct layout *l, uint32_t tag, size_t len)
{
	return l->rule != NULL && l->rule->way == TAG_BY_PAYLOAD &&
	       l->options.pattern->layers[1]->checksum_pseudo &&
	       tag == checksum_fold(pseudo_sum(l, len));
}
