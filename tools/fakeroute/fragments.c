#include "tools/fakeroute/fragments.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/checksum.h"

#define PACKETS 32     /* put together at once */
#define HEADER_MAX 256 /* what stands before the pieces' data */
#define DATA_MAX 65535
#define BLOCK 8 /* offsets count blocks of so many bytes */

struct assembly {
	bool used;
	uint64_t age;
	struct addr src, dst;
	uint32_t identification;
	uint8_t protocol;
	size_t header_len; /* 0 until the first piece came */
	size_t total;      /* of the data; 0 until the last piece came */
	size_t blocks;     /* that came */
	uint8_t have[DATA_MAX / BLOCK / 8 + 1];
	uint8_t bytes[HEADER_MAX + DATA_MAX]; /* the data begins at HEADER_MAX */
};

struct fragments {
	uint64_t now;
	struct assembly assemblies[PACKETS];
};

struct fragments *
fragments_new(void)
{
	return calloc(1, sizeof(struct fragments));
}

void
fragments_free(struct fragments *f)
{
	free(f);
}

static bool
belongs(const struct assembly *a, const struct simpacket *piece)
{
	return a->used && a->identification == piece->fragment_id &&
	       a->protocol == piece->fragment_protocol &&
	       addr_equal(&a->src, &piece->src) && addr_equal(&a->dst, &piece->dst);
}

/* The assembly of a piece: its own, or an unused one, or else the oldest. */
static struct assembly *
find(struct fragments *f, const struct simpacket *piece)
{
	struct assembly *best = &f->assemblies[0];

	for (size_t i = 0; i < PACKETS; i++) {
		struct assembly *a = &f->assemblies[i];

		if (belongs(a, piece))
			return a;
		if (best->used && (!a->used || a->age < best->age))
			best = a;
	}
	memset(best->have, 0, sizeof(best->have));
	best->used = true;
	best->age = f->now++;
	best->src = piece->src;
	best->dst = piece->dst;
	best->identification = piece->fragment_id;
	best->protocol = piece->fragment_protocol;
	best->header_len = best->total = best->blocks = 0;
	return best;
}

static void
mark(struct assembly *a, size_t from, size_t len)
{
	for (size_t i = from / BLOCK; i < (from + len + BLOCK - 1) / BLOCK; i++) {
		uint8_t bit = (uint8_t)(1 << i % 8);

		a->blocks += (a->have[i / 8] & bit) == 0;
		a->have[i / 8] |= bit;
	}
}

/* The header of the first piece becomes that of the whole. */
static void
finish_header(struct assembly *a, uint8_t *header)
{
	size_t len = a->header_len + a->total;

	if (a->src.family == AF_INET6) {
		header[4] = (uint8_t)((len - 40) >> 8);
		header[5] = (uint8_t)(len - 40);
		return;
	}
	header[2] = (uint8_t)(len >> 8);
	header[3] = (uint8_t)len;
	memset(header + 6, 0, 2);
	memset(header + 10, 0, 2);
	len = checksum_finish(checksum_add(0, header, a->header_len));
	header[10] = (uint8_t)(len >> 8);
	header[11] = (uint8_t)len;
}

const uint8_t *
fragments_add(struct fragments *f, const struct simpacket *piece, size_t *len)
{
	struct assembly *a = find(f, piece);
	size_t data = piece->len - piece->fragment_at;
	uint8_t *start;

	if (piece->fragment_header_len > HEADER_MAX ||
	    piece->fragment_offset + data > DATA_MAX - HEADER_MAX ||
	    (piece->more_fragments && data % BLOCK != 0))
		return NULL;
	memcpy(a->bytes + HEADER_MAX + piece->fragment_offset,
	    piece->bytes + piece->fragment_at, data);
	mark(a, piece->fragment_offset, data);
	if (!piece->more_fragments)
		a->total = piece->fragment_offset + data;
	if (piece->fragment_offset == 0) {
		a->header_len = piece->fragment_header_len;
		start = a->bytes + HEADER_MAX - a->header_len;
		memcpy(start, piece->bytes, a->header_len);
		if (piece->src.family == AF_INET6)
			start[piece->next_header_at] = piece->fragment_protocol;
	}
	if (a->header_len == 0 || a->total == 0 ||
	    a->blocks != (a->total + BLOCK - 1) / BLOCK)
		return NULL;
	a->used = false;
	start = a->bytes + HEADER_MAX - a->header_len;
	finish_header(a, start);
	*len = a->header_len + a->total;
	return start;
}

/* ---- cutting --------------------------------------------------------------------- */

static size_t
cut_ipv4(const uint8_t *packet, size_t offset, size_t data, bool more, uint8_t *out)
{
	struct writer w;
	uint16_t checksum;

	writer_init(&w, out, 20 + data);
	writer_copy(&w, packet, 2);
	writer_u16(&w, (uint16_t)(20 + data));
	writer_copy(&w, packet + 4, 2);
	writer_u16(&w, (uint16_t)((more ? 0x2000 : 0) | offset / BLOCK));
	writer_copy(&w, packet + 8, 2);
	writer_u16(&w, 0);
	writer_copy(&w, packet + 12, 8);
	writer_copy(&w, packet + 20 + offset, data);
	checksum = checksum_finish(checksum_add(0, out, 20));
	out[10] = (uint8_t)(checksum >> 8);
	out[11] = (uint8_t)checksum;
	return writer_len(&w);
}

static size_t
cut_ipv6(const uint8_t *packet, size_t offset, size_t data, bool more,
    uint32_t identification, uint8_t *out)
{
	struct writer w;

	writer_init(&w, out, 48 + data);
	writer_copy(&w, packet, 4);
	writer_u16(&w, (uint16_t)(8 + data));
	writer_u8(&w, IPPROTO_FRAGMENT);
	writer_copy(&w, packet + 7, 33);
	writer_u8(&w, packet[6]);
	writer_u8(&w, 0);
	writer_u16(&w, (uint16_t)(offset | more));
	writer_u32(&w, identification);
	writer_copy(&w, packet + 40 + offset, data);
	return writer_len(&w);
}

size_t
fragments_cut(const uint8_t *packet, size_t len, size_t mtu, uint32_t identification,
    size_t *offset, uint8_t *out)
{
	bool v4 = packet[0] >> 4 == 4;
	size_t header = v4 ? 20 : 40;
	size_t from = *offset, left = len - header - from;
	size_t most = (mtu - header - (v4 ? 0 : 8)) / BLOCK * BLOCK;

	if (left == 0)
		return 0;
	*offset = len - header;
	if (len <= mtu) {
		memcpy(out, packet, len);
		return len;
	}
	if (left > most)
		left = most;
	*offset = from + left;
	if (v4)
		return cut_ipv4(packet, from, left, *offset < len - header, out);
	return cut_ipv6(
	    packet, from, left, *offset < len - header, identification, out);
}
