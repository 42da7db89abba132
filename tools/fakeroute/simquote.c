#include "tools/fakeroute/simquote.h"

#include <netinet/in.h>
#include <string.h>

#include "common/checksum.h"

/* A run of bits of a quote; no length: the packet has no such field. */
struct place {
	size_t byte; /* where the whole bytes that hold it begin */
	size_t len;  /* of them: 1, 2 or 4, or an address' */
	uint64_t mask;
};

static bool
has_ports(const struct simpacket *p)
{
	return p->has_transport &&
	       (p->protocol == IPPROTO_UDP || p->protocol == IPPROTO_UDPLITE ||
		   p->protocol == IPPROTO_TCP);
}

static bool
is_icmp(const struct simpacket *p)
{
	return p->has_transport &&
	       (p->protocol == IPPROTO_ICMP || p->protocol == IPPROTO_ICMPV6);
}

static size_t
checksum_at(const struct simpacket *p)
{
	if (is_icmp(p))
		return p->transport + 2;
	return p->transport + (p->protocol == IPPROTO_TCP ? 16 : 6);
}

/* Where the fields of an IP header are; an address has no mask. */
static const struct place header_places[2][TOPOLOGY_QUOTED_DST + 1] = {
    {
	[TOPOLOGY_QUOTED_TOS] = {1, 1, 0xff},
	[TOPOLOGY_QUOTED_LENGTH] = {2, 2, 0xffff},
	[TOPOLOGY_QUOTED_ID] = {4, 2, 0xffff},
	[TOPOLOGY_QUOTED_FRAGMENT] = {6, 2, 0xffff},
	[TOPOLOGY_QUOTED_TTL] = {8, 1, 0xff},
	[TOPOLOGY_QUOTED_PROTOCOL] = {9, 1, 0xff},
	[TOPOLOGY_QUOTED_HEADER_CHECKSUM] = {10, 2, 0xffff},
	[TOPOLOGY_QUOTED_SRC] = {12, 4, 0},
	[TOPOLOGY_QUOTED_DST] = {16, 4, 0},
    },
    {
	[TOPOLOGY_QUOTED_TOS] = {0, 2, 0x0ff0},
	[TOPOLOGY_QUOTED_FLOW_LABEL] = {0, 4, 0xfffff},
	[TOPOLOGY_QUOTED_LENGTH] = {4, 2, 0xffff},
	[TOPOLOGY_QUOTED_PROTOCOL] = {6, 1, 0xff},
	[TOPOLOGY_QUOTED_TTL] = {7, 1, 0xff},
	[TOPOLOGY_QUOTED_SRC] = {8, 16, 0},
	[TOPOLOGY_QUOTED_DST] = {24, 16, 0},
    },
};

/* Where a field of a transport header is. */
static struct place
place_in_transport(const struct simpacket *p, enum topology_quoted field)
{
	size_t at = p->transport;

	switch ((int)field) {
	case TOPOLOGY_QUOTED_SRC_PORT:
		return (struct place){at, has_ports(p) ? 2 : 0, 0xffff};
	case TOPOLOGY_QUOTED_DST_PORT:
		return (struct place){at + 2, has_ports(p) ? 2 : 0, 0xffff};
	case TOPOLOGY_QUOTED_UDP_LENGTH:
		return (struct place){
		    at + 4, has_ports(p) && p->protocol != IPPROTO_TCP ? 2 : 0, 0xffff};
	case TOPOLOGY_QUOTED_TCP_SEQUENCE:
		return (struct place){at + 4,
		    has_ports(p) && p->protocol == IPPROTO_TCP ? 4 : 0, 0xffffffff};
	case TOPOLOGY_QUOTED_ICMP_TYPE:
		return (struct place){at, is_icmp(p) ? 1 : 0, 0xff};
	case TOPOLOGY_QUOTED_ICMP_CODE:
		return (struct place){at + 1, is_icmp(p) ? 1 : 0, 0xff};
	case TOPOLOGY_QUOTED_ICMP_ID:
		return (struct place){at + 4, is_icmp(p) ? 2 : 0, 0xffff};
	case TOPOLOGY_QUOTED_ICMP_SEQUENCE:
		return (struct place){at + 6, is_icmp(p) ? 2 : 0, 0xffff};
	default:
		return (struct place){checksum_at(p), p->has_transport ? 2 : 0, 0xffff};
	}
}

static uint64_t
get(const uint8_t *at, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++)
		value = value << 8 | at[i];
	return value;
}

static void
put(uint8_t *at, size_t len, uint64_t value)
{
	for (size_t i = len; i-- > 0; value >>= 8)
		at[i] = (uint8_t)value;
}

/* What a checksum is before the hardware adds the rest: the pseudo-header's sum. */
static uint16_t
partial_checksum(const struct simpacket *p)
{
	if (p->protocol == IPPROTO_ICMP)
		return p->checksum;
	return checksum_fold(checksum_add_pseudo(
	    0, &p->src, &p->dst, p->protocol, (uint32_t)(p->len - p->transport)));
}

/* The new value of a field, of which only the bits of a mask count. */
static uint64_t
changed(const struct topology_misquote *m, const struct simpacket *p,
    const struct place *place, uint64_t value)
{
	unsigned int shift = (unsigned int)__builtin_ctzll(place->mask);
	uint64_t number = (value & place->mask) >> shift;
	uint8_t bytes[8];

	switch (m->change) {
	case TOPOLOGY_CHANGE_SET:
		return m->value << shift;
	case TOPOLOGY_CHANGE_ADD:
		return (number + m->value) << shift;
	case TOPOLOGY_CHANGE_FLIP:
		return ~value;
	case TOPOLOGY_CHANGE_PARTIAL:
		return partial_checksum(p);
	case TOPOLOGY_CHANGE_SWAP:
		break;
	}
	put(bytes, place->len, value);
	value = 0;
	for (size_t i = place->len; i-- > 0;)
		value = value << 8 | bytes[i];
	return value;
}

static void
change_addr(uint8_t *at, size_t len, const struct topology_misquote *m)
{
	if (m->change == TOPOLOGY_CHANGE_SET) {
		if (addr_family_len(m->addr.family) == len)
			memcpy(at, m->addr.bytes, len);
		return;
	}
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)~at[i];
}

static void
change_bytes(uint8_t *quote, const struct simpacket *p, const struct place *place,
    const struct topology_misquote *m)
{
	uint64_t old = get(quote + place->byte, place->len);
	uint64_t new = changed(m, p, place, old);

	put(quote + place->byte, place->len,
	    (old & ~place->mask) | (new & place->mask));
}

static void
change_payload(uint8_t *quote, size_t len, const struct simpacket *p,
    const struct topology_misquote *m)
{
	struct place place = {.len = 1, .mask = 0xff};

	if (!p->has_transport)
		return;
	for (place.byte = p->payload; place.byte < len; place.byte++)
		change_bytes(quote, p, &place, m);
}

static void
change(uint8_t *quote, size_t len, const struct simpacket *p,
    const struct topology_misquote *m)
{
	struct place place;

	if (m->field == TOPOLOGY_QUOTED_PAYLOAD) {
		change_payload(quote, len, p, m);
		return;
	}
	if (m->field <= TOPOLOGY_QUOTED_DST)
		place = header_places[p->src.family == AF_INET ? 0 : 1][m->field];
	else
		place = place_in_transport(p, m->field);
	if (place.len == 0 || place.byte + place.len > len)
		return;
	if (place.mask == 0)
		change_addr(quote + place.byte, place.len, m);
	else
		change_bytes(quote, p, &place, m);
}

static void
seal_header(uint8_t *quote, size_t len, const struct simpacket *p)
{
	size_t own = (size_t)(p->bytes[0] & 0x0f) * 4;

	if (len < own)
		return;
	put(quote + 10, 2, 0);
	put(quote + 10, 2, checksum_finish(checksum_add(0, quote, own)));
}

void
simquote_change(uint8_t *quote, size_t len, const struct simpacket *p,
    const struct topology_misquote *misquotes, size_t count)
{
	bool sealed = p->src.family != AF_INET;

	for (int last = 0; last < 2; last++) {
		/* The header checksum comes last, over the rest as it is then. */
		for (size_t i = 0; i < count; i++)
			if ((misquotes[i].field == TOPOLOGY_QUOTED_HEADER_CHECKSUM) ==
			    (last == 1))
				change(quote, len, p, &misquotes[i]);
		if (last == 0 && !sealed)
			seal_header(quote, len, p);
	}
}
