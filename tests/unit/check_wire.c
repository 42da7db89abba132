/* prober/wire: source routes, written and read back, and what routers make of them. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "prober/wire.h"
#include "tests/support/packets.h"
#include "tests/support/testing.h"

static struct prober_route
route_of(int v6, uint8_t count)
{
	struct prober_route r = {.count = count, .type = 2};

	for (uint8_t i = 0; i < count; i++) {
		uint8_t bytes[16] = {10, 0, 0, (uint8_t)(i + 1)};

		r.gateways[i] = addr_from_bytes(v6 ? AF_INET6 : AF_INET, bytes);
	}
	return r;
}

/* A UDP packet; returns its length. */
static size_t
packet_of(int v6, struct made *m)
{
	made_init(m);
	made_put(m, "payload", 7);
	made_udp(m, 24007, 33434);
	if (v6)
		made_ipv6(m, IPPROTO_UDP, 3);
	else
		made_ipv4(m, IPPROTO_UDP, 3);
	return m->len;
}

START_TEST(routes)
{
	size_t plain = _i ? 40 : 20;

	for (uint8_t count = 1; count <= PROBER_GATEWAYS_MAX; count++) {
		struct prober_route r = route_of(_i, count);
		size_t size = _i ? 16 : 4;
		size_t header = plain + wire_route_len(&r, _i ? AF_INET6 : AF_INET);
		uint8_t out[512];
		struct made m;
		struct addr to;
		size_t len = packet_of(_i, &m);

		memset(out, 0xee, sizeof(out));
		wire_route(&r, made_bytes(&m), len, out);
		must_eq(out[header - plain + len], 0xee);
		/* To the first gateway; the others and the target follow. */
		ck_assert_mem_eq(out + plain - size, r.gateways[0].bytes, size);
		for (uint8_t i = 1; i < count; i++)
			ck_assert_mem_eq(out + header - (size_t)(count - i + 1) * size,
			    r.gateways[i].bytes, size);
		ck_assert_mem_eq(out + header - size, _i ? made_dst6 : made_dst4, size);
		/* Behind the headers nothing is changed. */
		ck_assert_mem_eq(out + header, made_bytes(&m) + plain, len - plain);
		if (_i) {
			must_eq(out[6], IPPROTO_ROUTING);
			must_eq(out[40], IPPROTO_UDP);
			must_eq(out[41], 2 * count);
			must_eq(out[43], count);
			must_eq(out[4] << 8 | out[5], header - 40 + len - plain);
		} else {
			must_eq((out[0] & 15) * 4, header);
			must_eq(out[2] << 8 | out[3], header + len - plain);
			must_eq(reference_checksum(out, header), 0);
			must_eq(out[22], 3 + 4 * count);
		}
		to = wire_destination(_i ? AF_INET6 : AF_INET, out, header);
		ck_assert_mem_eq(to.bytes, _i ? made_dst6 : made_dst4, size);
		/* Used up: the header's own destination counts. */
		out[_i ? 43 : 23] = _i ? 0 : (uint8_t)(4 + 4 * count);
		to = wire_destination(_i ? AF_INET6 : AF_INET, out, header);
		ck_assert_mem_eq(to.bytes, r.gateways[0].bytes, size);
		/* A plain header says it itself. */
		to = wire_destination(_i ? AF_INET6 : AF_INET, made_bytes(&m), plain);
		ck_assert_mem_eq(to.bytes, _i ? made_dst6 : made_dst4, size);
	}
	must_eq(wire_route_len(&(struct prober_route){0}, AF_INET), 0);
}
END_TEST

/* What headers say of a piece, with and without a source route before it. */
START_TEST(fragments)
{
	for (uint8_t count = 0; count <= 2; count++) {
		struct prober_route r = route_of(_i, count);
		size_t header = (_i ? 40 : 20) + wire_route_len(&r, _i ? 10 : 2);
		const uint8_t fragment[8] = {
		    IPPROTO_UDP, 0, 0x12, 0x31, 0xde, 0xad, 0xbe, 0xef};
		uint8_t out[512];
		struct wire_fragment f;
		struct made m;
		size_t len = packet_of(_i, &m);

		if (count != 0)
			wire_route(&r, made_bytes(&m), len, out);
		else
			memcpy(out, made_bytes(&m), len);
		len += header - (_i ? 40 : 20);
		f = wire_fragment(_i ? AF_INET6 : AF_INET, out, header);
		must_eq(f.told, !_i);
		must_eq(f.offset, 0);
		must(!f.more);
		must_eq(f.len, len - header);
		must_eq(f.protocol, IPPROTO_UDP);
		if (_i) {
			memmove(out + header + 8, out + header, len - header);
			memcpy(out + header, fragment, 8);
			out[count != 0 ? 40 : 6] = IPPROTO_FRAGMENT;
			out[5] = (uint8_t)(out[5] + 8);
			header += 8;
		} else {
			memcpy(out + 4, "\xbe\xef\x22\x46", 4);
		}
		f = wire_fragment(_i ? AF_INET6 : AF_INET, out, header);
		must(f.told && f.more);
		must_eq(f.id, _i ? 0xdeadbeef : 0xbeef);
		must_eq(f.offset, 0x1230);
		must_eq(f.len, 15); /* of the UDP packet */
		must_eq(f.protocol, IPPROTO_UDP);
		/* A length that cannot be is none. */
		memset(out + (_i ? 4 : 2), 0, 2);
		must_eq(wire_fragment(_i ? AF_INET6 : AF_INET, out, header).len, 0);
	}
}
END_TEST

/* Any bytes, in memory of their size: nothing behind them is read (sanitizers look). */
START_TEST(noise)
{
	static const uint8_t likely[] = {0, 1, 131, 137, 7, 11, 43, 44, 60, 3, 4};
	struct rng rng = {.state = 20261122};

	for (int turn = 0; turn < 50000; turn++) {
		size_t plain = _i ? 40 : 20;
		size_t len = plain + 4 * rng_below(&rng, _i ? 30 : 11);
		uint8_t *bytes = malloc(len);

		must(bytes != NULL);
		for (size_t i = 0; i < len; i++)
			bytes[i] = likely[rng_below(&rng, sizeof(likely))];
		must_eq(wire_destination(_i ? AF_INET6 : AF_INET, bytes, len).family,
		    _i ? AF_INET6 : AF_INET);
		must(wire_fragment(_i ? AF_INET6 : AF_INET, bytes, len).len <= 65575);
		free(bytes);
	}
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {routes, .loops = 2},
	    {fragments, .loops = 2},
	    {noise, .loops = 2},
	};

	return test_main("wire", tests, COUNT_OF(tests));
}
