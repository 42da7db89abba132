#include "common/checksum.h"

#include <netinet/in.h>

/* A sum kept below 2^17 by folding as it grows, so that adding never overflows. */
static uint32_t
partly_folded(uint32_t sum)
{
	return (sum & 0xffff) + (sum >> 16);
}

uint32_t
checksum_add_u16(uint32_t sum, uint16_t value)
{
	return partly_folded(sum) + value;
}

uint32_t
checksum_add(uint32_t sum, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (; len >= 2; len -= 2, bytes += 2)
		sum = checksum_add_u16(sum, (uint16_t)(bytes[0] << 8 | bytes[1]));
	if (len == 1)
		sum = checksum_add_u16(sum, (uint16_t)(bytes[0] << 8));
	return sum;
}

uint32_t
checksum_add_pseudo(uint32_t sum, const struct addr *src, const struct addr *dst,
    uint8_t protocol, uint32_t length)
{
	sum = checksum_add(sum, src->bytes, addr_family_len(src->family));
	sum = checksum_add(sum, dst->bytes, addr_family_len(dst->family));
	sum = checksum_add_u16(sum, (uint16_t)(length >> 16));
	sum = checksum_add_u16(sum, (uint16_t)length);
	return checksum_add_u16(sum, protocol);
}

uint16_t
checksum_fold(uint32_t sum)
{
	sum = partly_folded(sum);
	sum = partly_folded(sum);
	return (uint16_t)sum;
}

uint16_t
checksum_finish(uint32_t sum)
{
	return (uint16_t)~checksum_fold(sum);
}

uint16_t
checksum_compensate(uint32_t sum_without_word, uint16_t wanted)
{
	uint32_t target = (uint16_t)~wanted;
	uint32_t have = checksum_fold(sum_without_word);

	/*
	 * One's complement subtraction: target - have, with the borrow brought around.
	 */
	return checksum_fold(target + (uint16_t)~have);
}

size_t
checksum_offset(uint8_t ip_protocol)
{
	switch (ip_protocol) {
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 2;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return 6;
	case IPPROTO_TCP:
		return 16;
	default:
		return 0;
	}
}
