#include "tools/fakeroute/simpacket.h"

#include <errno.h>
#include <netinet/in.h>

#include "common/bytes.h"
#include "common/checksum.h"

#define EXTENSIONS_MAX 8

static void
read_addr(struct reader *r, uint32_t family, struct addr *out)
{
	uint8_t bytes[16];

	reader_copy(r, bytes, addr_family_len(family));
	*out = addr_from_bytes(family, bytes);
}

/* Leaves the reader behind the options, with just the packet's own bytes left. */
static int
parse_ipv4(struct simpacket *p, struct reader *r, size_t len)
{
	size_t header_len = (size_t)(reader_u8(r) & 0x0f) * 4;
	uint16_t fragment;

	p->tos = reader_u8(r);
	p->len = reader_u16(r);
	p->identification = reader_u16(r);
	fragment = reader_u16(r);
	p->ttl = reader_u8(r);
	p->protocol = reader_u8(r);
	(void)reader_u16(r);
	read_addr(r, AF_INET, &p->src);
	read_addr(r, AF_INET, &p->dst);
	if (r->failed || header_len < 20 || p->len < header_len || p->len > len)
		return -EBADMSG;
	(void)reader_take(r, header_len - 20);
	p->dont_fragment = (fragment & 0x4000) != 0;
	p->more_fragments = (fragment & 0x2000) != 0;
	p->fragment_offset = (size_t)(fragment & 0x1fff) * 8;
	p->later_fragment = p->fragment_offset != 0;
	p->fragment = p->later_fragment || p->more_fragments;
	p->fragment_at = p->fragment_header_len = header_len;
	p->fragment_id = p->identification;
	p->fragment_protocol = p->protocol;
	p->transport = header_len;
	p->bad_header_checksum =
	    checksum_finish(checksum_add(0, p->bytes, header_len)) != 0;
	return 0;
}

static void
parse_fragment_header(struct simpacket *p, struct reader *r)
{
	uint16_t fragment;

	p->fragment_header_len = (size_t)(r->at - p->bytes);
	p->protocol = p->fragment_protocol = reader_u8(r);
	(void)reader_u8(r);
	fragment = reader_u16(r);
	p->fragment_id = reader_u32(r);
	p->fragment = true;
	p->more_fragments = (fragment & 1) != 0;
	p->fragment_offset = fragment & 0xfff8;
	p->later_fragment = p->fragment_offset != 0;
	p->fragment_at = (size_t)(r->at - p->bytes);
}

/* Steps over one extension header of the kinds that a host may send. */
static void
skip_extension(struct simpacket *p, struct reader *r)
{
	if (p->protocol == IPPROTO_FRAGMENT) {
		parse_fragment_header(p, r);
		return;
	}
	p->next_header_at = (size_t)(r->at - p->bytes);
	p->protocol = reader_u8(r);
	(void)reader_take(r, 6 + (size_t)reader_u8(r) * 8);
}

static int
parse_ipv6(struct simpacket *p, struct reader *r, size_t len)
{
	uint32_t first = reader_u32(r);

	p->tos = (uint8_t)(first >> 20);
	p->flow_label = first & 0xfffff;
	p->len = 40 + (size_t)reader_u16(r);
	p->protocol = reader_u8(r);
	p->ttl = reader_u8(r);
	read_addr(r, AF_INET6, &p->src);
	read_addr(r, AF_INET6, &p->dst);
	p->dont_fragment = true;
	p->next_header_at = 6;
	if (r->failed || p->len > len)
		return -EBADMSG;
	r->end = p->bytes + p->len;
	for (int i = 0; i < EXTENSIONS_MAX && !r->failed && !p->later_fragment; i++) {
		if (p->protocol != IPPROTO_HOPOPTS && p->protocol != IPPROTO_DSTOPTS &&
		    p->protocol != IPPROTO_ROUTING && p->protocol != IPPROTO_FRAGMENT)
			break;
		skip_extension(p, r);
	}
	if (r->failed)
		return -EBADMSG;
	p->transport = (size_t)(r->at - p->bytes);
	return 0;
}

#define TCP_REST 12 /* bytes of the least TCP header behind the sequence number */

static void
parse_ports(struct simpacket *p, struct reader *r)
{
	p->src_port = reader_u16(r);
	p->dst_port = reader_u16(r);
}

static void
parse_tcp(struct simpacket *p, struct reader *r)
{
	size_t header_len;

	parse_ports(p, r);
	p->tcp_sequence = reader_u32(r);
	/* The rest of the header may be in later pieces. */
	if (p->more_fragments && reader_left(r) < TCP_REST) {
		(void)reader_take(r, reader_left(r));
		return;
	}
	p->tcp_acknowledgment = reader_u32(r);
	header_len = (size_t)(reader_u8(r) >> 4) * 4;
	p->tcp_flags = reader_u8(r);
	(void)reader_u16(r);
	p->checksum = reader_u16(r);
	(void)reader_u16(r);
	if (header_len < 20)
		r->failed = true;
	else
		(void)reader_take(r, header_len - 20);
}

static void
parse_icmp(struct simpacket *p, struct reader *r)
{
	p->icmp_type = reader_u8(r);
	p->icmp_code = reader_u8(r);
	p->checksum = reader_u16(r);
	p->icmp_id = reader_u16(r);
	p->icmp_sequence = reader_u16(r);
}

static void
parse_udp(struct simpacket *p, struct reader *r)
{
	size_t left = reader_left(r);
	uint16_t length;

	parse_ports(p, r);
	length = reader_u16(r);
	p->checksum = reader_u16(r);
	if (p->protocol == IPPROTO_UDP && !p->fragment && length != left)
		r->failed = true;
}

/*
 * How much of len bytes of a UDP-Lite packet its checksum covers (RFC 3828 section
 * 3.1): 0 when it claims what cannot be.
 */
static size_t
udplite_coverage(const struct simpacket *p, size_t len)
{
	const uint8_t *at = p->bytes + p->transport + 4;
	size_t coverage = (size_t)(at[0] << 8 | at[1]);

	if (coverage == 0)
		return len;
	return coverage < 8 || coverage > len ? 0 : coverage;
}

/* True when the sum over the transport part does not come out. */
static bool
checksum_is_wrong(const struct simpacket *p)
{
	uint32_t sum = 0;
	size_t len = p->len - p->transport, covered = len;

	if (p->fragment)
		return false;
	if (p->protocol == IPPROTO_UDP && p->checksum == 0)
		return p->src.family == AF_INET6;
	if (p->protocol == IPPROTO_UDPLITE)
		covered = udplite_coverage(p, len);
	if (covered == 0 || (p->protocol == IPPROTO_UDPLITE && p->checksum == 0))
		return true;
	if (p->protocol != IPPROTO_ICMP)
		sum = checksum_add_pseudo(
		    0, &p->src, &p->dst, p->protocol, (uint32_t)len);
	return checksum_finish(checksum_add(sum, p->bytes + p->transport, covered)) !=
	       0;
}

static int
parse_transport(struct simpacket *p, struct reader *r)
{
	bool v6 = p->src.family == AF_INET6;

	if (p->protocol == IPPROTO_UDP || p->protocol == IPPROTO_UDPLITE)
		parse_udp(p, r);
	else if (p->protocol == IPPROTO_TCP)
		parse_tcp(p, r);
	else if (p->protocol == (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		parse_icmp(p, r);
	else
		return 0;
	if (r->failed)
		return -EBADMSG;
	p->has_transport = true;
	p->payload = (size_t)(r->at - p->bytes);
	p->bad_checksum = checksum_is_wrong(p);
	return 0;
}

int
simpacket_parse(struct simpacket *p, const uint8_t *bytes, size_t len)
{
	struct reader r;
	int error = -EBADMSG;

	*p = (struct simpacket){.bytes = bytes};
	reader_init(&r, bytes, len);
	if (len > 0 && bytes[0] >> 4 == 4)
		error = parse_ipv4(p, &r, len);
	else if (len > 0 && bytes[0] >> 4 == 6)
		error = parse_ipv6(p, &r, len);
	if (error != 0)
		return error;
	r.end = bytes + p->len;
	if (p->ttl == 0)
		return -EBADMSG;
	return p->later_fragment ? 0 : parse_transport(p, &r);
}

bool
simpacket_is_no_question(const struct simpacket *p)
{
	/* RFC 4443 section 2.4 lets fragments that are not the first be answered. */
	if (p->later_fragment)
		return p->src.family == AF_INET;
	if (!p->has_transport)
		return false;
	if (p->protocol == IPPROTO_ICMPV6)
		return p->icmp_type < 128;
	return p->protocol == IPPROTO_ICMP && p->icmp_type != 8 && p->icmp_type != 13 &&
	       p->icmp_type != 15 && p->icmp_type != 17;
}
