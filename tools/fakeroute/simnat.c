#include "tools/fakeroute/simnat.h"

#include <netinet/in.h>
#include <string.h>

#include "common/checksum.h"
#include "tools/fakeroute/simreply.h"

/* Where things stand in the headers of a family. */
struct layout {
	size_t header, src, dst, addr;
};

static const struct layout layouts[2] = {{20, 12, 16, 4}, {40, 8, 24, 16}};

static const struct layout *
layout_of(const uint8_t *packet)
{
	return &layouts[packet[0] >> 4 == 4 ? 0 : 1];
}

static void
put_u16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint16_t
get_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static bool
is_icmp(uint8_t protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

static bool
has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_UDP || protocol == IPPROTO_TCP ||
	       protocol == IPPROTO_UDPLITE;
}

/* Writes an address of an IP header and accounts for it in its checksum. */
static void
put_addr(uint8_t *packet, size_t at, const struct addr *a)
{
	const struct layout *l = layout_of(packet);
	uint16_t checksum;

	if (l->header == 20) {
		checksum = network_checksum(
		    get_u16(packet + 10), packet + at, a->bytes, l->addr);
		put_u16(packet + 10, checksum);
	}
	memcpy(packet + at, a->bytes, l->addr);
}

void
simnat_forward(
    uint8_t *out, const struct simpacket *p, const struct network_packet *changed)
{
	uint8_t *transport = out + p->transport;

	memcpy(out, p->bytes, p->len);
	put_addr(out, layout_of(out)->src, &changed->src);
	put_addr(out, layout_of(out)->dst, &changed->dst);
	if (!p->has_transport)
		return;
	if (has_ports(p->protocol)) {
		put_u16(transport, changed->src_port);
		put_u16(transport + 2, changed->dst_port);
	} else if (is_icmp(p->protocol)) {
		put_u16(transport + 4, changed->icmp_id);
	}
	put_u16(transport + checksum_offset(p->protocol), changed->checksum);
}

/* ---- the way back ---------------------------------------------------------------- */

/* A number in a quote, if the quote goes so far. */
static void
requote_u16(
    const struct simnat_answer *a, uint8_t *quote, size_t offset, uint16_t value)
{
	if (a->quoted_transport + offset + 2 <= a->quoted)
		put_u16(quote + a->quoted_transport + offset, value);
}

/* The difference that the NAT made to the checksum, taken out of the quoted one. */
static void
requote_checksum(const struct simnat_answer *a, uint8_t *quote,
    const struct network_packet *before, const struct network_packet *after)
{
	size_t offset = checksum_offset(before->protocol);
	size_t at = a->quoted_transport + offset;
	uint8_t old[2], new[2];
	uint16_t checksum;

	if (offset == 0 || at + 2 > a->quoted)
		return;
	/* A checksum is the complement of a sum: old and new change places. */
	put_u16(old, before->checksum);
	put_u16(new, after->checksum);
	checksum = network_checksum(get_u16(quote + at), old, new, sizeof(old));
	if (get_u16(quote + at) == after->checksum)
		checksum = before->checksum;
	put_u16(quote + at, checksum);
}

static void
restore_quote(const struct simnat_answer *a, const struct topology_rule *rule,
    const struct network_packet *before, const struct network_packet *after)
{
	const struct layout *l = layout_of(a->bytes);
	uint8_t *quote = a->bytes + l->header + 8;

	if (rule->quotes == TOPOLOGY_QUOTES_TRANSLATED || a->quoted < l->header)
		return;
	if (rule->action == TOPOLOGY_SNAT)
		put_addr(quote, l->src, &before->src);
	else
		put_addr(quote, l->dst, &before->dst);
	if (rule->ports != 0 && has_ports(before->protocol) &&
	    rule->action == TOPOLOGY_SNAT)
		requote_u16(a, quote, 0, before->src_port);
	else if (rule->ports != 0 && has_ports(before->protocol))
		requote_u16(a, quote, 2, before->dst_port);
	else if (rule->ports != 0 && is_icmp(before->protocol))
		requote_u16(a, quote, 4, before->icmp_id);
	if (rule->quotes == TOPOLOGY_QUOTES_RESTORED)
		requote_checksum(a, quote, before, after);
}

/* The ports, or the identifier, of an answer that is no error. */
static void
restore_numbers(const struct simnat_answer *a, const struct network_packet *before,
    const struct network_packet *after)
{
	uint8_t *transport = a->bytes + layout_of(a->bytes)->header;

	if (has_ports(before->protocol)) {
		if (get_u16(transport) == after->dst_port)
			put_u16(transport, before->dst_port);
		put_u16(transport + 2, before->src_port);
	} else if (is_icmp(before->protocol)) {
		put_u16(transport + 4, before->icmp_id);
	}
}

void
simnat_back(const struct simnat_answer *a, const struct topology_rule *rule,
    const struct network_packet *before, const struct network_packet *after)
{
	const struct layout *l = layout_of(a->bytes);
	bool from_asked = memcmp(a->bytes + l->src, after->dst.bytes, l->addr) == 0;

	if (rule->action == TOPOLOGY_SNAT)
		put_addr(a->bytes, l->dst, &before->src);
	else if (a->error ? rule->errors == TOPOLOGY_ERRORS_MASKED : from_asked)
		put_addr(a->bytes, l->src, &before->dst);
	if (a->error)
		restore_quote(a, rule, before, after);
	else
		restore_numbers(a, before, after);
	simreply_seal(a->bytes, a->len);
}
