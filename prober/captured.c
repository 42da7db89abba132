#include "prober/captured.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <string.h>

#include "common/checksum.h"
#include "common/clock.h"
#include "prober/bits.h"
#include "prober/extension.h"
#include "prober/tcp_options.h"
#include "prober/wire.h"

#define IPV6_HEADER 40
#define ICMP_HEADER 8
#define QUOTE_BEFORE_EXTENSION 128 /* RFC 4884 section 4.1 and 5.5 */

/* A packet while it is read. */
struct reading {
	const struct captured_packet *packet;
	struct view view; /* from the IP header on */
	bool v6;
	const uint8_t *inner; /* the header behind the reply's IP header */
	size_t inner_len;     /* to the packet's end */
	struct captured *out;
	uint8_t *image;
};

/* A field of one layer; 0 when it is not there. */
static uint64_t
read_named(const struct reading *g, uint8_t layer, const char *name)
{
	const struct protocol *protocol = g->view.pattern->layers[layer];
	int index = protocol_field_index(protocol, name);
	uint64_t value = 0;

	if (index >= 0)
		(void)view_read(
		    &g->view, (struct field_ref){layer, (uint8_t)index}, &value);
	return value;
}

static struct addr
read_addr(const struct reading *g, uint8_t layer, const char *v4, const char *v6)
{
	int index =
	    protocol_field_index(g->view.pattern->layers[layer], g->v6 ? v6 : v4);
	struct addr a = {0};

	if (index >= 0)
		(void)view_read_addr(
		    &g->view, (struct field_ref){layer, (uint8_t)index}, &a);
	return a;
}

/*
 * The bytes from the IP header on: of IPv6 a header is put before them, so that one
 * parser reads both; of what was cut the length is made to fit.
 */
static int
parse_headers(struct reading *g, const struct tree *tree)
{
	static uint8_t whole[IPV6_HEADER + CAPTURED_MAX];
	const struct captured_packet *p = g->packet;
	size_t len = p->len < CAPTURED_MAX ? p->len : CAPTURED_MAX;

	if (!g->v6) {
		memcpy(whole, p->bytes, len);
		if (p->cut && len >= sizeof(struct iphdr))
			bits_write(whole, 16, 16, len);
		return tree_parse(tree, AF_INET, whole, len, &g->view);
	}
	memset(whole, 0, IPV6_HEADER);
	whole[0] = 6 << 4;
	bits_write(whole, 32, 16, len);
	whole[6] = p->protocol;
	whole[7] = p->ttl < 0 ? 0 : (uint8_t)p->ttl;
	memcpy(whole + 8, p->from.bytes, 16);
	memcpy(whole + IPV6_HEADER, p->bytes, len);
	return tree_parse(tree, AF_INET6, whole, IPV6_HEADER + len, &g->view);
}

/* What every reply has: who sent it, and its IP header. */
static void
read_outer(struct reading *g)
{
	struct reply *r = &g->out->reply;

	*r = (struct reply){
	    .received = g->packet->received,
	    .ttl = g->packet->ttl,
	    .tos = g->packet->tos,
	    .from = read_addr(g, 0, "ipv4.src_addr", "ipv6.src_addr"),
	    .image = g->image,
	    .ip_id = -1,
	    .quoted = {.ttl = -1, .tos = -1, .id = -1, .checksum = -1},
	};
	if (r->received == 0) {
		r->received = clock_realtime();
		r->received_here = true;
	}
	if (g->v6) {
		r->from.scope = g->packet->from.scope;
		return;
	}
	g->out->source = read_addr(g, 0, "ipv4.dst_addr", "ipv6.dst_addr");
	r->ttl = (int16_t)read_named(g, 0, "ipv4.ttl");
	r->tos = (int16_t)read_named(g, 0, "ipv4.tos");
	r->ip_id = (int32_t)read_named(g, 0, "ipv4.identification");
}

/* Writes a field of our own layout of the probe and says that it is seen. */
static void
show(struct reading *g, const struct pattern *probe, const char *name, uint64_t value)
{
	struct field_ref ref;

	if (pattern_find_field(probe, name, &ref) != 0)
		return;
	pattern_write(probe, g->image, ref, value);
	g->out->reply.seen |= pattern_field_mask(probe, ref);
}

/* The pattern of the probe that is quoted from this layer on. */
static const struct pattern *
quoted_pattern(const struct tree *tree, const struct pattern *error)
{
	char name[PATTERN_NAME_MAX];
	const char *at = error->name;

	/* ipv4/icmpv4/ipv4/udp quotes ipv4/udp */
	for (int slash = 0; slash < 2; slash++) {
		at = strchr(at, '/');
		if (at == NULL)
			return NULL;
		at++;
	}
	(void)stpncpy(name, at, sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	return tree_find(tree, name);
}

/* ---- ICMP errors ---- */

/*
 * Where quote and extension end and begin, counted from the quote's start: told by the
 * length field of RFC 4884; routers from before it put the extension behind 128 bytes.
 */
static void
cut_extension(struct reading *g, size_t quoted_at, size_t always)
{
	struct reply *r = &g->out->reply;
	const uint8_t *quote = g->inner + ICMP_HEADER;
	size_t len = g->inner_len - ICMP_HEADER;
	size_t said = g->v6 ? (size_t)g->inner[4] * 8 : (size_t)g->inner[5] * 4;
	size_t at = said;

	if (said == 0 || said >= len) {
		at = QUOTE_BEFORE_EXTENSION;
		if (at >= len || !extension_looks_real(quote + at, len - at))
			at = len;
	}
	if (at < len) {
		r->extension = quote + at;
		r->extension_len = len - at;
		/* Zeros before it may be padding that was never in the probe. */
		while (at > always && quote[at - 1] == 0)
			at--;
	}
	r->quote_len = at > quoted_at ? at - quoted_at : 0;
}

/* Bytes of the quoted IP header, with its options or extension headers. */
static size_t
quoted_header_len(const struct reading *g)
{
	size_t end = g->view.pattern->depth > 3 ? g->view.offsets[3] : g->view.payload;

	return end - g->view.offsets[2];
}

/* The IP header of the probe as it arrived where the error was made. */
static void
read_quoted_header(struct reading *g)
{
	struct reply *r = &g->out->reply;
	const uint8_t *header = g->view.bytes + g->view.offsets[2];

	r->quoted.known = true;
	r->quoted.ttl =
	    (int16_t)read_named(g, 2, g->v6 ? "ipv6.hop_limit" : "ipv4.ttl");
	r->quoted.tos =
	    (int16_t)read_named(g, 2, g->v6 ? "ipv6.traffic_class" : "ipv4.tos");
	if (!g->v6)
		r->quoted.id = (int32_t)read_named(g, 2, "ipv4.identification");
	r->dst_known = true;
	r->dst = wire_destination(g->packet->family, header, quoted_header_len(g));
	/* No packet says on which link its own addresses are: on the reply's. */
	if (addr_is_link_local(&r->dst))
		r->dst.scope = g->packet->from.scope;
	g->out->source = read_addr(g, 2, "ipv4.src_addr", "ipv6.src_addr");
	r->quoted.fragment =
	    wire_fragment(g->packet->family, header, quoted_header_len(g));
	/* Of a whole packet, or a first piece, the pattern says it. */
	g->out->protocol =
	    g->view.pattern->depth > 3 && g->view.pattern->selector != SELECTOR_ANY
		? (uint8_t)g->view.pattern->selector
		: r->quoted.fragment.protocol;
}

/*
 * A checksum that a device was to finish (checksum offload) is the pseudo-header's sum:
 * it is equal for all probes of a trace, and no sign of anything.
 */
static bool
is_partial(const struct reading *g, const struct protocol *protocol, uint16_t checksum)
{
	struct addr from = read_addr(g, 2, "ipv4.src_addr", "ipv6.src_addr");
	size_t headers = (size_t)(g->view.offsets[3] - g->view.offsets[2]);
	size_t len = (size_t)read_named(
	    g, 2, g->v6 ? "ipv6.payload_length" : "ipv4.total_length");

	if (!protocol->checksum_pseudo)
		return false;
	len += g->v6 ? IPV6_HEADER : 0;
	len -= len < headers ? len : headers;
	return checksum ==
	       checksum_fold(checksum_add_pseudo(
		   0, &from, &g->out->reply.dst, protocol->ip_protocol, (uint32_t)len));
}

/* The MTU that an error tells. */
static uint32_t
read_mtu(const struct reading *g)
{
	const struct reply *r = &g->out->reply;

	if (g->v6 && r->icmp_type == ICMP6_PACKET_TOO_BIG)
		return (uint32_t)bits_read(g->inner, 32, 32);
	if (!g->v6 && r->icmp_type == ICMP_DEST_UNREACH &&
	    r->icmp_code == ICMP_FRAG_NEEDED)
		return (uint32_t)bits_read(g->inner, 48, 16);
	return 0;
}

/* What is quoted ends with the piece that it is. */
static void
end_with_fragment(struct reply *r)
{
	const struct wire_fragment *f = &r->quoted.fragment;

	if ((f->more || f->offset != 0) && r->quote_len > f->len)
		r->quote_len = f->len;
}

/* A quote of a piece that is not the first: it shows bytes, but not whose. */
static int
read_later_fragment(struct reading *g, const struct tree *tree)
{
	const struct pattern *ip = tree_find(tree, g->v6 ? "ipv6" : "ipv4");
	struct reply *r = &g->out->reply;
	size_t quoted_at = quoted_header_len(g);

	if (quoted_at < (g->v6 ? IPV6_HEADER : sizeof(struct iphdr)))
		return -EBADMSG;
	read_quoted_header(g);
	if (ip == NULL || r->quoted.fragment.offset == 0)
		return -EBADMSG;
	r->kind = reply_kind_of_error(g->packet->family, r->icmp_type, r->icmp_code);
	r->mtu = read_mtu(g);
	if (!g->v6)
		show(g, ip, "ipv4.identification", (uint64_t)r->quoted.id);
	else
		show(g, ip, "ipv6.flow_label", read_named(g, 2, "ipv6.flow_label"));
	cut_extension(g, quoted_at, quoted_at + 8);
	end_with_fragment(r);
	r->quoted.src = g->out->source;
	r->quoted.bytes = g->inner + ICMP_HEADER + quoted_at;
	r->quoted.len = r->quote_len;
	r->quote_len = 0;
	return 0;
}

static int
read_error(struct reading *g, const struct tree *tree)
{
	struct reply *r = &g->out->reply;
	const struct pattern *probe;
	size_t quoted_at, visible;
	struct field_ref ref;
	uint64_t value;
	struct view view;

	/* All the way to the transport header of what is quoted, of which every
	 * router shows eight bytes (RFC 792). */
	if (g->view.pattern->depth == 3)
		return read_later_fragment(g, tree);
	if (g->view.pattern->depth != 4)
		return -EBADMSG;
	probe = quoted_pattern(tree, g->view.pattern);
	if (probe == NULL)
		return -EBADMSG;
	read_quoted_header(g);
	r->kind = reply_kind_of_error(g->packet->family, r->icmp_type, r->icmp_code);
	r->mtu = read_mtu(g);
	/* Offsets count from the quoted IP header from here on. */
	quoted_at = (size_t)(g->view.offsets[3] - g->view.offsets[2]);
	cut_extension(g, quoted_at, quoted_at + 8);
	end_with_fragment(r);
	visible = r->quote_len;
	r->quote_at = pattern_layer_offset(probe, 1);
	if (visible > CAPTURED_MAX - r->quote_at)
		visible = r->quote_len = CAPTURED_MAX - r->quote_at;
	memcpy(
	    g->image + r->quote_at, g->inner + ICMP_HEADER + quoted_at, r->quote_len);
	if (!g->v6)
		show(g, probe, "ipv4.identification", (uint64_t)r->quoted.id);
	else
		show(g, probe, "ipv6.flow_label", read_named(g, 2, "ipv6.flow_label"));
	view_of_layout(&view, probe, g->image + r->quote_at, r->quote_at, visible);
	if (probe->selector == SELECTOR_ANY)
		return 0; /* neither ports nor a checksum that we know of */
	if (pattern_find_own_field(probe, "src_port", &ref) != 0 &&
	    pattern_find_field(probe, "icmp.id", &ref) != 0)
		return -EBADMSG;
	if (view_read(&view, ref, &value) != 0)
		return -EBADMSG;
	g->out->port = (uint16_t)value;
	if (pattern_find_own_field(probe, "dst_port", &ref) == 0 &&
	    view_read(&view, ref, &value) == 0)
		r->dst_port = (uint16_t)value;
	if (pattern_find_field(probe, probe->layers[1]->checksum_field, &ref) != 0 ||
	    view_read(&view, ref, &value) != 0)
		return 0;
	if (is_partial(g, probe->layers[1], (uint16_t)value))
		r->hidden = pattern_field_mask(probe, ref);
	else
		r->quoted.checksum = (int32_t)value;
	return 0;
}

/* ---- echo replies ---- */

static int
read_echo_reply(struct reading *g)
{
	struct captured *out = g->out;
	struct reply *r = &out->reply;
	size_t at = g->v6 ? IPV6_HEADER : sizeof(struct iphdr);
	size_t room = CAPTURED_MAX - at;

	r->quote_len = g->inner_len < room ? g->inner_len : room;
	r->quote_at = at;
	memcpy(g->image + at, g->inner, r->quote_len);
	reply_show_request(g->packet->family, g->image + at);
	r->kind = REPLY_ECHO;
	r->len = g->packet->cut ? 0 : (uint16_t)g->inner_len;
	out->protocol = g->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	out->port = (uint16_t)bits_read(g->inner, 32, 16);
	return 0;
}

/* ---- TCP ---- */

/* The segment's flags and options. */
static void
read_header(struct reading *g, uint8_t flags)
{
	struct reply *r = &g->out->reply;
	size_t header = (size_t)read_named(g, 1, "tcp.data_offset") * 4;

	r->tcp.known = true;
	r->tcp.flags = flags;
	if (header > g->inner_len)
		header = g->inner_len;
	if (header > TCP_HEADER)
		r->tcp.options = tcp_options_read(
		    g->inner + TCP_HEADER, header - TCP_HEADER, &r->tcp.mss);
}

/*
 * SYN-ACK or RST: shows the probe's ports and, one more if it was a SYN, its sequence
 * number. A reset without ACK shows the acknowledgment of a probe that had one.
 */
static int
read_segment(struct reading *g, const struct tree *tree)
{
	const struct pattern *probe = tree_find(tree, g->v6 ? "ipv6/tcp" : "ipv4/tcp");
	struct captured *out = g->out;
	struct reply *r = &out->reply;
	uint64_t flags = read_named(g, 1, "tcp.flags");
	uint32_t sequence;

	if (probe == NULL || g->inner_len < probe->layers[1]->header_min)
		return -EBADMSG;
	if ((flags & TH_RST) != 0)
		r->kind = REPLY_RESET;
	else if ((flags & (TH_SYN | TH_ACK)) == (TH_SYN | TH_ACK))
		r->kind = REPLY_SYN_ACK;
	else
		return -ENOMSG;
	out->protocol = IPPROTO_TCP;
	out->port = (uint16_t)read_named(g, 1, "tcp.dst_port");
	r->dst_known = true;
	r->dst = r->from;
	r->dst_port = r->from_port = (uint16_t)read_named(g, 1, "tcp.src_port");
	/* The ports, and the sequence number, as if so much were quoted. */
	r->quote_at = pattern_layer_offset(probe, 1);
	sequence = (uint32_t)((flags & TH_ACK) != 0 ? read_named(g, 1, "tcp.ack") - 1
						    : read_named(g, 1, "tcp.seq"));
	r->quote_len = (flags & TH_ACK) != 0 ? 8 : 4;
	bits_write(g->image + r->quote_at, 0, 16, out->port);
	bits_write(g->image + r->quote_at, 16, 16, r->dst_port);
	bits_write(g->image + r->quote_at, 32, 32, sequence);
	read_header(g, (uint8_t)flags);
	return 0;
}

void
captured_settle(struct captured *c, uint8_t flags, uint8_t *image)
{
	struct reply *r = &c->reply;
	uint32_t len = ((flags & TCP_FLAG_SYN) != 0 ? 1 : 0) +
		       ((flags & TCP_FLAG_FIN) != 0 ? 1 : 0);

	if (!r->tcp.known)
		return;
	if ((r->tcp.flags & TCP_FLAG_ACK) != 0)
		bits_write(image + r->quote_at, 32, 32,
		    (uint32_t)(bits_read(image + r->quote_at, 32, 32) + 1 - len));
	else if ((flags & TCP_FLAG_ACK) != 0)
		r->quote_len = 8;
}

/* ---- other protocols ---- */

#define DCCP_RESPONSE 1
#define DCCP_RESET 7
#define DCCP_WITH_ACK 24 /* with the long sequence number: RFC 4340 section 5.1 */

/* A packet of the probe's own protocol: who sends it is all that it shows. */
static int
read_packet(struct reading *g)
{
	struct captured *out = g->out;

	out->reply.kind = REPLY_PACKET;
	out->protocol =
	    (uint8_t)(g->v6 ? g->packet->protocol : read_named(g, 0, "ipv4.protocol"));
	out->reply.dst_known = true;
	out->reply.dst = out->reply.from;
	return 0;
}

/* A Response or Reset acknowledges the sequence number, where the tag stands, too. */
static int
read_dccp(struct reading *g, const struct tree *tree)
{
	const struct pattern *probe =
	    tree_find(tree, g->v6 ? "ipv6/dccp" : "ipv4/dccp");
	uint64_t type = read_named(g, 1, "dccp.type");
	struct captured *out = g->out;
	struct reply *r = &out->reply;
	uint32_t acknowledged;

	if (probe == NULL || g->inner_len < DCCP_WITH_ACK ||
	    read_named(g, 1, "dccp.long_sequence") == 0)
		return -EBADMSG;
	if (type != DCCP_RESPONSE && type != DCCP_RESET)
		return -ENOMSG;
	(void)read_packet(g);
	out->port = (uint16_t)read_named(g, 1, "dccp.dst_port");
	r->dst_port = r->from_port = (uint16_t)read_named(g, 1, "dccp.src_port");
	r->quote_at = pattern_layer_offset(probe, 1);
	r->quote_len = 4;
	bits_write(g->image + r->quote_at, 0, 16, out->port);
	bits_write(g->image + r->quote_at, 16, 16, r->dst_port);
	acknowledged = (uint32_t)bits_read(g->inner, 160, 32);
	show(g, probe, "dccp.seq", acknowledged);
	show(g, probe, "ipv4.identification", acknowledged & 0xffff);
	return 0;
}

/* The checksum of what stands behind the IP header; over IPv6 the kernel checks it. */
static bool
checksum_is_right(const struct reading *g, const struct protocol *protocol)
{
	struct addr to = read_addr(g, 0, "ipv4.dst_addr", "ipv6.dst_addr");
	uint32_t sum = 0;

	if (g->v6 || g->packet->cut || g->packet->len > CAPTURED_MAX ||
	    protocol->checksum_field == NULL)
		return true;
	if (protocol->checksum_pseudo)
		sum = checksum_add_pseudo(0, &g->out->reply.from, &to,
		    protocol->ip_protocol, (uint32_t)g->inner_len);
	return checksum_fold(checksum_add(sum, g->inner, g->inner_len)) == 0xffff;
}

int
captured_read(const struct tree *tree, const struct captured_packet *packet,
    /* NOLINTNEXTLINE(readability-non-const-parameter): written through g.image */
    uint8_t *image, struct captured *out)
{
	struct reading g = {.packet = packet,
	    .v6 = packet->family == AF_INET6,
	    .out = out,
	    .image = image};
	const struct protocol *protocol;

	*out = (struct captured){0};
	if (parse_headers(&g, tree) != 0 || g.view.pattern->depth < 2)
		return -EBADMSG;
	read_outer(&g);
	protocol = g.view.pattern->layers[1];
	g.inner = g.view.bytes + g.view.offsets[1];
	g.inner_len = g.view.len - g.view.offsets[1];
	if (g.inner_len < ICMP_HEADER || !checksum_is_right(&g, protocol))
		return -EBADMSG;
	if (protocol->ip_protocol == IPPROTO_TCP)
		return read_segment(&g, tree);
	if (protocol->ip_protocol == IPPROTO_DCCP)
		return read_dccp(&g, tree);
	if (protocol->ip_protocol == IPPROTO_RAW)
		return read_packet(&g);
	if (protocol->ip_protocol != IPPROTO_ICMP &&
	    protocol->ip_protocol != IPPROTO_ICMPV6)
		return -ENOMSG;
	out->reply.icmp_type = g.inner[0];
	out->reply.icmp_code = g.inner[1];
	if (g.inner[0] == (g.v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY))
		return read_echo_reply(&g);
	if (protocol->carried(g.inner, g.inner_len) != SELECTOR_QUOTE)
		return -ENOMSG;
	return read_error(&g, tree);
}
