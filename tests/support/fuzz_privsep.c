/* The helper's targets. Its policy is static: so its file is included. */
#include <stdlib.h>

#include "privsep/serve.c"
#include "tests/support/fuzz_targets.h"

/* Holds in the fuzzers too, where there is no Check. */
static void
expect(int holds)
{
	if (!holds)
		abort();
}

static const uint8_t fuzz_nonce[PRIVSEP_NONCE_LEN] = {'n', 'o', 'n', 'c', 'e', '!'};

/* Ports 40000 and on: UDP, TCP and ICMP over IPv4 and IPv6, some from any address. */
static const struct reservation *
fuzz_reservations(struct matcher *m)
{
	static const uint8_t v4[4] = {192, 0, 2, 1},
			     v6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
	static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP};

	memcpy(m->nonce, fuzz_nonce, sizeof(fuzz_nonce));
	for (uint8_t i = 0; i < 12; i++) {
		struct privsep_reserve *r = &m->reservations[i].asked;
		bool is_v4 = i % 2 == 0;

		r->id = i;
		r->family = is_v4 ? AF_INET : AF_INET6;
		r->protocol = protocols[i / 2 % 3];
		if (r->protocol == IPPROTO_ICMP && !is_v4)
			r->protocol = IPPROTO_ICMPV6;
		r->port = (uint16_t)(40000 + i);
		if (i < 6)
			r->source = addr_from_bytes(r->family, is_v4 ? v4 : v6);
	}
	return m->reservations;
}

/* What the policy lets pass keeps SECURITY.md's promise, said here in other words. */
static void
expect_harmless(const struct privsep_send *p, const struct reservation *r)
{
	static const uint8_t nowhere[16];
	const uint8_t *to = p->destination.bytes;
	const uint8_t flags = p->tcp.flags;
	uint8_t packet[PRIVSEP_PACKET_MAX];
	size_t len = privsep_packet(p, r->asked.port, fuzz_nonce, packet);

	expect(p->ttl > 0 && p->source.family == p->destination.family);
	expect(addr_is_none(&r->asked.source) ||
	       memcmp(r->asked.source.bytes, p->source.bytes, 16) == 0);
	if (p->destination.family == AF_INET)
		expect(to[0] != 0 && (to[0] < 224 || to[0] >= 240) &&
		       !(to[0] == 255 && to[1] == 255 && to[2] == 255 && to[3] == 255));
	else
		expect(
		    to[0] != 0xff && memcmp(to, nowhere, 16) != 0 &&
		    (memcmp(to, nowhere, 10) != 0 || to[10] != 0xff || to[11] != 0xff));
	if (p->protocol == IPPROTO_TCP) {
		expect(len >= 20 && len <= 60 && len % 4 == 0 &&
		       packet[12] >> 4 == len / 4);
		expect(
		    packet[13] == flags && (flags & (0x01 | 0x04 | 0x08 | 0x20)) == 0);
		expect((flags & 0x12) == 0x02 || flags == 0x10);
	}
	if (p->protocol == IPPROTO_ICMP || p->protocol == IPPROTO_ICMPV6)
		expect(len == 8u + p->payload_len &&
		       packet[0] == (p->protocol == IPPROTO_ICMP ? 8 : 128) &&
		       memcmp(packet + 10, fuzz_nonce, sizeof(fuzz_nonce)) == 0);
	if (p->protocol != IPPROTO_UDP)
		expect(
		    (packet[p->protocol == IPPROTO_TCP ? 0 : 4] << 8 |
			packet[p->protocol == IPPROTO_TCP ? 1 : 5]) == r->asked.port);
}

int
fuzz_privsep_request(const uint8_t *data, size_t size)
{
	static struct matcher m;
	const struct reservation *reservations = fuzz_reservations(&m);
	struct privsep_reserve reserve;
	struct privsep_release release;
	struct privsep_send p;
	struct reader r;

	if (size == 0)
		return 0;
	reader_init(&r, data + 1, size - 1);
	if (data[0] == PRIVSEP_RESERVE && privsep_reserve_unpack(&reserve, &r) == 0)
		expect(reserve.id < PRIVSEP_RESERVATIONS && reserve.protocol != 0 &&
		       addr_family_len(reserve.family) != 0);
	if (data[0] == PRIVSEP_RELEASE && privsep_release_unpack(&release, &r) == 0)
		expect(release.id < PRIVSEP_RESERVATIONS);
	if (data[0] == PRIVSEP_SEND && privsep_send_unpack(&p, &r) == 0)
		for (size_t i = 0; i < 12; i++)
			if (judge(&p, &reservations[i].asked) == 0)
				expect_harmless(&p, &reservations[i]);
	return 0;
}

/* Where the port must stand for the answer to be that reservation's. */
static void
expect_ours(const struct arrival *a, const struct privsep_reply *reply,
    const struct reservation *r)
{
	bool v4 = a->from.family == AF_INET;
	size_t at = v4 ? (size_t)(a->bytes[0] & 0xf) * 4 : 0;

	expect(r->asked.protocol != 0 && r->asked.family == a->from.family);
	if (reply->answer == PRIVSEP_ERROR) {
		at += 8;
		at += v4 ? (size_t)(a->bytes[at] & 0xf) * 4 : 40;
	}
	if (reply->answer == PRIVSEP_SEGMENT)
		at += 2;
	else if (r->asked.protocol == IPPROTO_ICMP ||
		 r->asked.protocol == IPPROTO_ICMPV6)
		at += 4;
	expect(at + 2 <= a->len);
	expect((a->bytes[at] << 8 | a->bytes[at + 1]) == r->asked.port);
}

int
fuzz_privsep_match(const uint8_t *data, size_t size)
{
	static const uint8_t far4[4] = {198, 51, 100, 7},
			     far6[16] = {0x20, 1, [15] = 7};
	static struct matcher m;
	struct privsep_reply reply = {.answer = 0};
	struct arrival a = {.bytes = data + 1, .len = size - 1};
	struct privsep_send p = {.port = 443, .checksum = 0x1234};
	uint32_t family;

	if (size == 0)
		return 0;
	family = data[0] & 1 ? AF_INET6 : AF_INET;
	if (m.count == 0)
		for (p.id = 0; p.id < 12; p.id++) {
			(void)fuzz_reservations(&m);
			p.destination = p.id % 2 == 0 ? addr_from_bytes(AF_INET, far4)
						      : addr_from_bytes(AF_INET6, far6);
			match_note(&m, &p);
		}
	a.from = addr_from_bytes(family, family == AF_INET ? far4 : far6);
	a.told.to = m.reservations[1].asked.source;
	if (match_arrival(&m, (data[0] & 2) != 0, &a, &reply)) {
		expect(reply.id < 12);
		expect_ours(&a, &reply, &m.reservations[reply.id]);
	}
	return 0;
}
