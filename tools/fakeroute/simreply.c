#include "tools/fakeroute/simreply.h"

#include <netinet/in.h>
#include <string.h>

#include "common/bytes.h"
#include "common/checksum.h"
#include "tools/fakeroute/simquote.h"

#define ERROR_MAX_V4 576
#define ERROR_MAX_V6 1280
#define EXTENDED_QUOTE_MIN 128 /* RFC 4884 section 4 */

static size_t
header_len(const struct simpacket *p)
{
	return p->src.family == AF_INET ? 20 : 40;
}

/* Puts a number in network order at an offset of what was written. */
static void
patch_u16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Begins a packet: its header with the length left open. */
static void
begin(struct writer *w, const struct simreply_header *header, const struct simpacket *p,
    uint8_t protocol)
{
	if (p->src.family == AF_INET) {
		writer_u16(w, 0x4500);
		writer_u16(w, 0);
		writer_u16(w, 0);
		writer_u16(w, 0);
		writer_u8(w, header->ttl);
		writer_u8(w, protocol);
		writer_u16(w, 0);
		writer_copy(w, header->src.bytes, 4);
		writer_copy(w, p->src.bytes, 4);
	} else {
		writer_u32(w, 0x60000000);
		writer_u16(w, 0);
		writer_u8(w, protocol);
		writer_u8(w, header->ttl);
		writer_copy(w, header->src.bytes, 16);
		writer_copy(w, p->src.bytes, 16);
	}
}

static void
seal_transport(uint8_t *packet, size_t len)
{
	bool v4 = packet[0] >> 4 == 4;
	uint32_t family = v4 ? AF_INET : AF_INET6;
	uint8_t protocol = packet[v4 ? 9 : 6];
	uint8_t *transport = packet + (v4 ? 20 : 40);
	size_t offset = checksum_offset(protocol);
	struct addr src = addr_from_bytes(family, packet + (v4 ? 12 : 8));
	struct addr dst = addr_from_bytes(family, packet + (v4 ? 16 : 24));
	uint32_t sum = 0;
	uint16_t checksum;

	len -= v4 ? 20 : 40;
	/* What we send over UDP-Lite is covered as a whole. */
	if (offset == 0 || offset + 2 > len)
		return;
	patch_u16(transport + offset, 0);
	if (protocol != IPPROTO_ICMP)
		sum = checksum_add_pseudo(0, &src, &dst, protocol, (uint32_t)len);
	checksum = checksum_finish(checksum_add(sum, transport, len));
	if (checksum == 0 && (protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE))
		checksum = 0xffff;
	patch_u16(transport + offset, checksum);
}

void
simreply_seal(uint8_t *packet, size_t len)
{
	seal_transport(packet, len);
	if (packet[0] >> 4 != 4)
		return;
	patch_u16(packet + 10, 0);
	patch_u16(packet + 10, checksum_finish(checksum_add(0, packet, 20)));
}

void
simreply_identify(uint8_t *packet, uint16_t identification)
{
	uint16_t checksum = (uint16_t)(packet[10] << 8 | packet[11]);

	/* RFC 1624 section 3, where the old value is 0. */
	patch_u16(packet + 4, identification);
	patch_u16(packet + 10,
	    checksum_finish(checksum_add_u16((uint16_t)~checksum, identification)));
}

/* Ends a packet: lengths and checksums. */
static size_t
end(struct writer *w)
{
	size_t len = writer_len(w);
	uint8_t *out = w->start;

	if (w->failed || len > 65535)
		return 0;
	if (out[0] >> 4 == 4)
		patch_u16(out + 2, (uint16_t)len);
	else
		patch_u16(out + 4, (uint16_t)(len - 40));
	simreply_seal(out, len);
	return len;
}

/* ---- ICMP errors ----------------------------------------------------------------- */

/* The first bytes of the packet as they were when it arrived there. */
static void
quote_packet(struct writer *w, const struct simpacket *p,
    const struct simreply_error *e, size_t len)
{
	uint8_t header[60];
	size_t own = p->src.family == AF_INET ? (size_t)(p->bytes[0] & 0x0f) * 4 : 40;
	size_t part = len < own ? len : own;
	uint8_t *start = w->at;

	memcpy(header, p->bytes, own);
	if (p->src.family == AF_INET) {
		header[8] = e->ttl;
		patch_u16(header + 10, 0);
		patch_u16(header + 10, checksum_finish(checksum_add(0, header, own)));
	} else {
		header[7] = e->ttl;
	}
	writer_copy(w, header, part);
	writer_copy(w, p->bytes + part, len - part);
	if (!w->failed && e->misquotes_count > 0)
		simquote_change(start, len, p, e->misquotes, e->misquotes_count);
}

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many bytes of the packet to quote when after_quote bytes follow. */
static size_t
quote_len(const struct simpacket *p, const struct simreply_error *e, size_t room,
    size_t after_quote)
{
	size_t fixed = header_len(p) + 8 + after_quote;
	size_t most = p->src.family == AF_INET ? ERROR_MAX_V4 : ERROR_MAX_V6;
	size_t len = smaller(p->len, e->quote);

	if (e->quote != TOPOLOGY_QUOTE_FULL || most > room)
		most = room;
	return most < fixed ? 0 : smaller(len, most - fixed);
}

/*
 * The quote padded with zeros, then the extension. Returns the value of the length
 * field, in its units. A noncompliant router quotes exactly 128 bytes, which is where
 * readers then look (RFC 4884 section 5.5).
 */
static uint8_t
write_extended(struct writer *w, const struct simpacket *p,
    const struct simreply_error *e, size_t room, size_t *quoted)
{
	static const uint8_t zeros[EXTENDED_QUOTE_MIN];
	size_t unit = p->src.family == AF_INET ? 4 : 8;
	size_t len = quote_len(p, e, room, e->extension_len + unit);
	size_t padded = EXTENDED_QUOTE_MIN;

	len = smaller(len, e->noncompliant ? EXTENDED_QUOTE_MIN : 255 * unit);
	if (len > padded)
		padded = (len + unit - 1) / unit * unit;
	quote_packet(w, p, e, len);
	*quoted = len;
	writer_copy(w, zeros, padded - len);
	writer_copy(w, e->extension, e->extension_len);
	if (e->noncompliant)
		return 0;
	return (uint8_t)(padded / unit);
}

/*
 * RFC 4884 section 4: destination unreachable, time exceeded and, over IPv4, parameter
 * problem. The others have no room for the length.
 */
static bool
is_extensible(uint8_t type, bool v4)
{
	if (v4)
		return type == 3 || type == 11 || type == 12;
	return type == 1 || type == 3;
}

size_t
simreply_error(uint8_t *out, size_t room, const struct simreply_header *header,
    const struct simpacket *p, const struct simreply_error *error, size_t *quoted)
{
	bool v4 = p->src.family == AF_INET;
	uint8_t protocol = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	size_t start = header_len(p);
	struct writer w;
	uint8_t length = 0;
	bool extensible = is_extensible(error->type, v4);

	writer_init(&w, out, room);
	begin(&w, header, p, protocol);
	writer_u8(&w, error->type);
	writer_u8(&w, error->code);
	writer_u16(&w, 0);
	writer_u32(&w, error->word);
	if (error->extension != NULL && extensible)
		length = write_extended(&w, p, error, room, quoted);
	else
		quote_packet(&w, p, error, *quoted = quote_len(p, error, room, 0));
	if (w.failed)
		return 0;
	if (error->lies && extensible)
		length = error->extended_length;
	if (length != 0)
		out[start + (v4 ? 5 : 4)] = length;
	return end(&w);
}

/* ---- answers --------------------------------------------------------------------- */

size_t
simreply_echo(uint8_t *out, size_t room, const struct simreply_header *header,
    const struct simpacket *p)
{
	bool v4 = p->src.family == AF_INET;
	uint8_t protocol = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	struct writer w;

	writer_init(&w, out, room);
	begin(&w, header, p, protocol);
	writer_u16(&w, v4 ? 0x0000 : 0x8100);
	writer_u16(&w, 0);
	writer_u16(&w, p->icmp_id);
	writer_u16(&w, p->icmp_sequence);
	writer_copy(&w, p->bytes + p->payload, p->len - p->payload);
	return end(&w);
}

size_t
simreply_udp(uint8_t *out, size_t room, const struct simreply_header *header,
    const struct simpacket *p)
{
	size_t len = 8 + p->len - p->payload;
	struct writer w;

	writer_init(&w, out, room);
	begin(&w, header, p, p->protocol);
	writer_u16(&w, p->dst_port);
	writer_u16(&w, p->src_port);
	writer_u16(&w, p->protocol == IPPROTO_UDP ? (uint16_t)len : 0);
	writer_u16(&w, 0);
	writer_copy(&w, p->bytes + p->payload, p->len - p->payload);
	return end(&w);
}

size_t
simreply_tcp(uint8_t *out, size_t room, const struct simreply_header *header,
    const struct simpacket *p, uint8_t flags, uint32_t sequence,
    uint32_t acknowledgment)
{
	bool syn = (flags & SIMPACKET_TCP_SYN) != 0;
	struct writer w;

	writer_init(&w, out, room);
	begin(&w, header, p, IPPROTO_TCP);
	writer_u16(&w, p->dst_port);
	writer_u16(&w, p->src_port);
	writer_u32(&w, sequence);
	writer_u32(&w, acknowledgment);
	writer_u8(&w, syn ? 0x60 : 0x50);
	writer_u8(&w, flags);
	writer_u16(&w, (flags & SIMPACKET_TCP_RST) != 0 ? 0 : 65535);
	writer_u32(&w, 0);
	if (syn)
		writer_u32(&w, 0x02040000 | 1220);
	return end(&w);
}
