#include "tests/support/packets.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

const uint8_t made_src4[4] = {192, 0, 2, 77};
const uint8_t made_dst4[4] = {198, 51, 100, 9};
const uint8_t made_src6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 0x77};
const uint8_t made_dst6[16] = {0x20, 0x01, 0x0d, 0xb8, 0xff, [15] = 0x09};

void
made_init(struct made *m)
{
	memset(m, 0, sizeof(*m));
}

uint8_t *
made_bytes(struct made *m)
{
	return m->room + PACKET_ROOM - m->len;
}

void
made_put(struct made *m, const void *bytes, size_t len)
{
	if (len > PACKET_ROOM - m->len)
		abort();
	m->len += len;
	if (bytes != NULL)
		memcpy(made_bytes(m), bytes, len);
	else
		memset(made_bytes(m), 0, len);
}

static void
put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void
put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

void
made_udp(struct made *m, uint16_t src_port, uint16_t dst_port)
{
	uint8_t *h;

	made_put(m, NULL, 8);
	h = made_bytes(m);
	put16(h, src_port);
	put16(h + 2, dst_port);
	put16(h + 4, m->len);
}

void
made_tcp(struct made *m, uint16_t src_port, uint16_t dst_port, uint32_t seq)
{
	uint8_t *h;

	made_put(m, NULL, 20);
	h = made_bytes(m);
	put16(h, src_port);
	put16(h + 2, dst_port);
	put32(h + 4, seq);
	h[12] = 5 << 4;
	h[13] = 0x02; /* SYN */
	put16(h + 14, 5840);
}

void
made_icmp(struct made *m, uint8_t type, uint8_t code, uint32_t rest)
{
	uint8_t *h;

	made_put(m, NULL, 8);
	h = made_bytes(m);
	h[0] = type;
	h[1] = code;
	put32(h + 4, rest);
	put16(h + 2, reference_checksum(h, m->len));
}

void
made_ipv4(struct made *m, uint8_t protocol, uint8_t ttl)
{
	uint8_t *h;

	made_put(m, NULL, 20);
	h = made_bytes(m);
	h[0] = 0x45;
	put16(h + 2, m->len);
	put16(h + 4, 0xbeef);
	h[8] = ttl;
	h[9] = protocol;
	memcpy(h + 12, made_src4, 4);
	memcpy(h + 16, made_dst4, 4);
	put16(h + 10, reference_checksum(h, 20));
}

void
made_ipv6(struct made *m, uint8_t next_header, uint8_t hop_limit)
{
	size_t carried = m->len;
	uint8_t *h;

	made_put(m, NULL, 40);
	h = made_bytes(m);
	put32(h, UINT32_C(0x60000000) | 0xa2 << 20 | 0x54321);
	put16(h + 4, carried);
	h[6] = next_header;
	h[7] = hop_limit;
	memcpy(h + 8, made_src6, 16);
	memcpy(h + 24, made_dst6, 16);
}

uint16_t
reference_checksum(const uint8_t *bytes, size_t len)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += (uint64_t)bytes[i] << (i % 2 == 0 ? 8 : 0);
	/* One's complement addition is addition modulo 65535, but that 0 stays 0. */
	if (sum != 0)
		sum = (sum - 1) % 65535 + 1;
	return (uint16_t)~sum;
}

/* The checksum of a transport header behind its pseudo-header; 0 when it is right. */
static uint16_t
with_pseudo(const uint8_t *packet, size_t header, size_t len, uint8_t protocol)
{
	uint8_t bytes[40 + 65536];
	size_t addrs = header == 20 ? 8 : 32;

	memcpy(bytes, packet + header - addrs, addrs);
	put32(bytes + addrs, (uint32_t)(len - header));
	put32(bytes + addrs + 4, protocol);
	memcpy(bytes + addrs + 8, packet + header, len - header);
	return reference_checksum(bytes, addrs + 8 + len - header);
}

void
made_icmpv6_checksum(struct made *m)
{
	uint8_t *packet = made_bytes(m);

	put16(packet + 42, 0);
	put16(packet + 42, with_pseudo(packet, 40, m->len, IPPROTO_ICMPV6));
}

static const char *
transport_fault(const uint8_t *packet, size_t header, size_t len, uint8_t protocol)
{
	const uint8_t *h = packet + header;
	size_t left = len - header;

	switch (protocol) {
	case IPPROTO_UDP:
		if (left < 8 || (size_t)(h[4] << 8 | h[5]) != left)
			return "UDP length";
		if ((h[6] | h[7]) == 0)
			return "UDP checksum 0";
		return with_pseudo(packet, header, len, protocol) ? "UDP checksum"
								  : NULL;
	case IPPROTO_UDPLITE: /* covered as a whole: RFC 3828 section 3.1 */
		if (left < 8 || (size_t)(h[4] << 8 | h[5]) != left)
			return "UDP-Lite coverage";
		if ((h[6] | h[7]) == 0)
			return "UDP-Lite checksum 0";
		return with_pseudo(packet, header, len, protocol) ? "UDP-Lite checksum"
								  : NULL;
	case IPPROTO_TCP:
		if (left < 20 || (size_t)(h[12] >> 4) * 4 > left)
			return "TCP length";
		return with_pseudo(packet, header, len, protocol) ? "TCP checksum"
								  : NULL;
	case IPPROTO_ICMP:
		if (left < 8 || header != 20)
			return "ICMP length";
		return reference_checksum(h, left) ? "ICMP checksum" : NULL;
	case IPPROTO_ICMPV6:
		if (left < 8 || header != 40)
			return "ICMPv6 length";
		return with_pseudo(packet, header, len, protocol) ? "ICMPv6 checksum"
								  : NULL;
	case IPPROTO_DCCP: /* a Request without options: RFC 4340 sections 5.1, 5.2 */
		if (left < 20 || h[4] * 4 != 20)
			return "DCCP length";
		return with_pseudo(packet, header, len, protocol) ? "DCCP checksum"
								  : NULL;
	case 253: /* for experiments (RFC 3692): nothing is known of it */
		return NULL;
	default:
		return "unknown protocol";
	}
}

const char *
packet_fault(const uint8_t *packet, size_t len)
{
	if (len >= 20 && packet[0] == 0x45) {
		if ((size_t)(packet[2] << 8 | packet[3]) != len)
			return "IPv4 total length";
		if (reference_checksum(packet, 20) != 0)
			return "IPv4 header checksum";
		return transport_fault(packet, 20, len, packet[9]);
	}
	if (len >= 40 && packet[0] >> 4 == 6) {
		if ((size_t)(packet[4] << 8 | packet[5]) != len - 40)
			return "IPv6 payload length";
		return transport_fault(packet, 40, len, packet[6]);
	}
	return "neither IPv4 nor IPv6";
}
