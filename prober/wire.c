#include "prober/wire.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <string.h>

#include "common/bytes.h"
#include "common/checksum.h"
#include "prober/bits.h"

#define IPV4_HEADER 20
#define IPV4_DST 16
#define IPV6_HEADER 40
#define IPV6_DST 24
#define ROUTE_POINTER 4 /* of an option that nobody has used yet: its first address */

size_t
wire_route_len(const struct prober_route *route, uint32_t family)
{
	if (route->count == 0)
		return 0;
	/* A NOP before the option, so that addresses stand at whole words. */
	return family == AF_INET ? 4 + 4 * (size_t)route->count
				 : 8 + 16 * (size_t)route->count;
}

/* The gateways but the first, to which the packet goes, and the target. */
static void
write_rest(struct writer *w, const struct prober_route *route, const uint8_t *target,
    size_t size)
{
	for (size_t i = 1; i < route->count; i++)
		writer_copy(w, route->gateways[i].bytes, size);
	writer_copy(w, target, size);
}

static void
route_ipv4(
    const struct prober_route *route, const uint8_t *packet, size_t len, uint8_t *out)
{
	size_t added = wire_route_len(route, AF_INET);
	size_t header = IPV4_HEADER + added;
	struct writer w;

	writer_init(&w, out, len + added);
	writer_copy(&w, packet, IPV4_DST);
	writer_copy(&w, route->gateways[0].bytes, 4);
	writer_u8(&w, IPOPT_NOP);
	writer_u8(&w, IPOPT_LSRR);
	writer_u8(&w, (uint8_t)(added - 1));
	writer_u8(&w, ROUTE_POINTER);
	write_rest(&w, route, packet + IPV4_DST, 4);
	writer_copy(&w, packet + IPV4_HEADER, len - IPV4_HEADER);
	bits_write(out, 4, 4, header / 4);
	bits_write(out, 16, 16, len + added);
	bits_write(out, 80, 16, 0);
	bits_write(out, 80, 16, checksum_finish(checksum_add(0, out, header)));
}

static void
route_ipv6(
    const struct prober_route *route, const uint8_t *packet, size_t len, uint8_t *out)
{
	size_t added = wire_route_len(route, AF_INET6);
	struct writer w;

	writer_init(&w, out, len + added);
	writer_copy(&w, packet, IPV6_DST);
	writer_copy(&w, route->gateways[0].bytes, 16);
	writer_u8(&w, packet[6]);
	writer_u8(&w, (uint8_t)(2 * route->count));
	writer_u8(&w, route->type);
	writer_u8(&w, route->count);
	writer_u32(&w, 0);
	write_rest(&w, route, packet + IPV6_DST, 16);
	writer_copy(&w, packet + IPV6_HEADER, len - IPV6_HEADER);
	out[6] = IPPROTO_ROUTING;
	bits_write(out, 32, 16, len - IPV6_HEADER + added);
}

void
wire_route(
    const struct prober_route *route, const uint8_t *packet, size_t len, uint8_t *out)
{
	if (packet[0] >> 4 == 4)
		route_ipv4(route, packet, len, out);
	else
		route_ipv6(route, packet, len, out);
}

/* ---- reading --------------------------------------------------------------------- */

static struct addr
destination_ipv4(const uint8_t *header, size_t len)
{
	for (size_t at = IPV4_HEADER; at < len && header[at] != IPOPT_EOL;) {
		size_t size = 1;

		if (header[at] != IPOPT_NOP) {
			if (len - at < 3 || header[at + 1] < 2 ||
			    header[at + 1] > len - at)
				break;
			size = header[at + 1];
			if ((header[at] == IPOPT_LSRR || header[at] == IPOPT_SSRR) &&
			    size >= 7 && header[at + 2] < size)
				return addr_from_bytes(AF_INET, header + at + size - 4);
		}
		at += size;
	}
	return addr_from_bytes(AF_INET, header + IPV4_DST);
}

/* An extension header of IPv6 that is all there. */
struct extension_header {
	size_t at;    /* from the IP header on */
	size_t size;  /* 0: it is none, or cut */
	uint8_t kind; /* IPPROTO_*, in any case */
};

static struct extension_header
header_at(const uint8_t *header, size_t len, size_t at, uint8_t kind)
{
	struct extension_header h = {.at = at, .kind = kind};
	bool fragment = kind == IPPROTO_FRAGMENT;

	if ((!fragment && kind != IPPROTO_ROUTING && kind != IPPROTO_HOPOPTS &&
		kind != IPPROTO_DSTOPTS) ||
	    at + 8 > len)
		return h;
	h.size = fragment ? 8 : ((size_t)header[at + 1] + 1) * 8;
	if (h.size > len - at)
		h.size = 0;
	return h;
}

static struct extension_header
header_first(const uint8_t *header, size_t len)
{
	return header_at(header, len, IPV6_HEADER, header[6]);
}

static struct extension_header
header_next(const uint8_t *header, size_t len, const struct extension_header *h)
{
	return header_at(header, len, h->at + h->size, header[h->at]);
}

static struct addr
destination_ipv6(const uint8_t *header, size_t len)
{
	struct extension_header h;

	for (h = header_first(header, len); h.size != 0;
	     h = header_next(header, len, &h))
		if (h.kind == IPPROTO_ROUTING && header[h.at + 3] != 0 && h.size >= 24)
			return addr_from_bytes(AF_INET6, header + h.at + h.size - 16);
	return addr_from_bytes(AF_INET6, header + IPV6_DST);
}

struct addr
wire_destination(uint32_t family, const uint8_t *header, size_t header_len)
{
	return family == AF_INET ? destination_ipv4(header, header_len)
				 : destination_ipv6(header, header_len);
}

/* Of bytes of the packet, which a header that lies may say are fewer than before. */
static size_t
rest_of(size_t whole, size_t before)
{
	return whole > before ? whole - before : 0;
}

static struct wire_fragment
fragment_ipv6(const uint8_t *header, size_t len)
{
	size_t whole = IPV6_HEADER + bits_read(header, 32, 16);
	struct extension_header h;

	for (h = header_first(header, len); h.size != 0;
	     h = header_next(header, len, &h))
		if (h.kind == IPPROTO_FRAGMENT)
			return (struct wire_fragment){.told = true,
			    .id = (uint32_t)bits_read(header + h.at, 32, 32),
			    .offset = (size_t)bits_read(header + h.at, 16, 13) * 8,
			    .len = rest_of(whole, h.at + 8),
			    .more = (header[h.at + 3] & 1) != 0,
			    .protocol = header[h.at]};
	return (struct wire_fragment){.len = rest_of(whole, len), .protocol = h.kind};
}

struct wire_fragment
wire_fragment(uint32_t family, const uint8_t *header, size_t header_len)
{
	if (family == AF_INET6)
		return fragment_ipv6(header, header_len);
	return (struct wire_fragment){.told = true,
	    .id = (uint32_t)bits_read(header, 32, 16),
	    .offset = (size_t)bits_read(header, 51, 13) * 8,
	    .len = rest_of((size_t)bits_read(header, 16, 16), header_len),
	    .more = bits_read(header, 50, 1) != 0,
	    .protocol = header[9]};
}
