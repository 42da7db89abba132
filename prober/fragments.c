#include "prober/fragments.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "common/bytes.h"
#include "common/checksum.h"
#include "prober/bits.h"

#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define FRAGMENT_HEADER 8 /* RFC 8200 section 4.5 */
#define MORE_FRAGMENTS 0x20

static size_t
end_of(const struct prober_fragment *f)
{
	return (size_t)f->offset + f->len;
}

/* Where the last piece that has a name ends. */
static size_t
named_end(const struct prober_split *split)
{
	size_t end = 0;

	for (size_t i = 0; i < split->count; i++)
		if (end_of(&split->named[i]) > end)
			end = end_of(&split->named[i]);
	return end;
}

size_t
fragments_list(const struct prober_split *split, size_t len,
    struct prober_fragment list[FRAGMENTS_MAX])
{
	size_t end = named_end(split);
	size_t count = 0;

	for (size_t i = 0; i <= split->count; i++) {
		size_t place = split->order[i];

		if (place < split->count)
			list[count++] = split->named[place];
		else if (end < len)
			list[count++] = (struct prober_fragment){
			    (uint16_t)end, (uint16_t)(len - end)};
	}
	return count;
}

int
fragments_check(const struct prober_split *split, size_t len, char *why)
{
	for (size_t i = 0; i < split->count; i++) {
		const struct prober_fragment *f = &split->named[i];

		if (end_of(f) > len)
			snprintf(why, PROBER_DETAIL_MAX + 1,
			    "--fragment: %u+%u ends at byte %zu, but there are %zu "
			    "bytes behind the IP header: give a longer packet",
			    f->offset, f->len, end_of(f), len);
		else if (end_of(f) < len && f->len % FRAGMENTS_UNIT != 0)
			snprintf(why, PROBER_DETAIL_MAX + 1,
			    "--fragment: %u+%u does not end with the packet's %zu "
			    "bytes, so its length must be a multiple of %d",
			    f->offset, f->len, len, FRAGMENTS_UNIT);
		else
			continue;
		return -EINVAL;
	}
	return 0;
}

size_t
fragments_by_kernel(uint32_t family, size_t packet_len, uint32_t mtu,
    struct prober_fragment *list, size_t room)
{
	size_t header = family == AF_INET ? IPV4_HEADER : IPV6_HEADER;
	size_t len = packet_len - header;
	size_t added = family == AF_INET ? 0 : FRAGMENT_HEADER;
	size_t most, count = 0;

	if (packet_len <= mtu)
		added = 0;
	if (mtu < header + added + FRAGMENTS_UNIT)
		return 0;
	most = packet_len <= mtu
		   ? len
		   : (mtu - header - added) & ~(size_t)(FRAGMENTS_UNIT - 1);
	for (size_t at = 0; at < len || count == 0; at += most, count++)
		if (count < room)
			list[count] = (struct prober_fragment){(uint16_t)at,
			    (uint16_t)(len - at < most ? len - at : most)};
	return count;
}

/* ---- making packets -------------------------------------------------------------- */

/* Bytes that stand in front of every piece. */
static size_t
header_len(const struct packet *packet)
{
	const uint8_t *bytes = packet->bytes;

	if (bytes[0] >> 4 == 4)
		return (size_t)(bytes[0] & 15) * 4;
	if (bytes[6] == IPPROTO_ROUTING)
		return IPV6_HEADER + ((size_t)bytes[41] + 1) * 8;
	return IPV6_HEADER;
}

static struct packet *
piece_ipv4(const struct packet *packet, size_t header, const struct prober_fragment *f)
{
	struct packet *piece = packet_new(header + f->len);
	size_t units = f->offset / FRAGMENTS_UNIT;
	bool more = header + end_of(f) < packet->len;

	if (piece == NULL)
		return NULL;
	memcpy(piece->bytes, packet->bytes, header);
	memcpy(piece->bytes + header, packet->bytes + header + f->offset, f->len);
	bits_write(piece->bytes, 16, 16, piece->len);
	bits_write(piece->bytes, 51, 13, units);
	if (more)
		piece->bytes[6] |= MORE_FRAGMENTS;
	bits_write(piece->bytes, 80, 16, 0);
	bits_write(piece->bytes, 80, 16,
	    checksum_finish(checksum_add(0, piece->bytes, header)));
	return piece;
}

static struct packet *
piece_ipv6(const struct packet *packet, size_t header, const struct prober_fragment *f,
    uint32_t id)
{
	struct packet *piece = packet_new(header + FRAGMENT_HEADER + f->len);
	size_t next = header == IPV6_HEADER ? 6 : IPV6_HEADER; /* who names the next */
	bool more = header + end_of(f) < packet->len;
	struct writer w;

	if (piece == NULL)
		return NULL;
	writer_init(&w, piece->bytes, piece->len);
	writer_copy(&w, packet->bytes, header);
	writer_u8(&w, packet->bytes[next]);
	writer_u8(&w, 0);
	writer_u16(&w, (uint16_t)(f->offset | more));
	writer_u32(&w, id);
	writer_copy(&w, packet->bytes + header + f->offset, f->len);
	piece->bytes[next] = IPPROTO_FRAGMENT;
	bits_write(piece->bytes, 32, 16, piece->len - IPV6_HEADER);
	return piece;
}

struct packet *
fragments_make(
    const struct prober_split *split, const struct packet *packet, uint32_t id)
{
	struct prober_fragment list[FRAGMENTS_MAX];
	size_t header = header_len(packet);
	size_t count = fragments_list(split, packet->len - header, list);
	struct packet *first = NULL;

	/* From the last to the first, so that each finds its next. */
	for (size_t i = count * split->repeat; i-- > 0;) {
		const struct prober_fragment *f = &list[i / split->repeat];
		struct packet *piece = packet->bytes[0] >> 4 == 4
					   ? piece_ipv4(packet, header, f)
					   : piece_ipv6(packet, header, f, id);

		if (piece == NULL) {
			packet_unref(first);
			return NULL;
		}
		piece->next = first;
		first = piece;
	}
	return first;
}

uint16_t
fragments_ipv4_id(const struct packet *packet)
{
	return (uint16_t)bits_read(packet->bytes, 32, 16);
}

/* ---- quotes ---------------------------------------------------------------------- */

uint8_t
fragments_quoted_as(const struct prober_split *split, size_t len,
    const struct prober_fragment *quoted, bool more)
{
	struct prober_fragment list[FRAGMENTS_MAX];
	size_t count = split->count != 0 ? fragments_list(split, len, list) : 0;

	for (size_t i = 0; i < count; i++)
		if (list[i].offset == quoted->offset &&
		    (end_of(&list[i]) < len) == more &&
		    (list[i].len == quoted->len || quoted->len > len))
			return QUOTED_AS_SENT;
	if (quoted->offset == 0 && !more)
		return count != 0 ? QUOTED_WHOLE : 0;
	return QUOTED_CUT;
}
