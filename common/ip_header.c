#include "common/ip_header.h"

static bool
read_v4(struct reader r, struct ip_header *out)
{
	uint8_t first = reader_u8(&r);
	size_t header_len = (size_t)(first & 0xf) * 4;
	const uint8_t *src, *dst;
	uint16_t offset;

	reader_take(&r, 5);
	offset = reader_u16(&r) & 0x1fff;
	reader_take(&r, 1);
	out->protocol = reader_u8(&r);
	reader_take(&r, 2);
	src = reader_take(&r, 4);
	dst = reader_take(&r, 4);
	if (r.failed || first >> 4 != 4 || header_len < 20 || offset != 0)
		return false;
	out->src = addr_from_bytes(AF_INET, src);
	out->dst = addr_from_bytes(AF_INET, dst);
	reader_take(&r, header_len - 20);
	out->rest = r;
	return !r.failed;
}

static bool
read_v6(struct reader r, struct ip_header *out)
{
	uint8_t first = reader_u8(&r);
	const uint8_t *src, *dst;

	reader_take(&r, 5);
	out->protocol = reader_u8(&r);
	reader_take(&r, 1);
	src = reader_take(&r, 16);
	dst = reader_take(&r, 16);
	if (r.failed || first >> 4 != 6)
		return false;
	out->src = addr_from_bytes(AF_INET6, src);
	out->dst = addr_from_bytes(AF_INET6, dst);
	out->rest = r;
	return true;
}

bool
ip_header_read(uint32_t family, struct reader r, struct ip_header *out)
{
	return family == AF_INET ? read_v4(r, out) : read_v6(r, out);
}
