/* prober/captured: replies from whole packets, and what is none. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "prober/captured.h"
#include "prober/wire.h"
#include "tests/support/packets.h"
#include "tests/support/testing.h"

static const struct tree *
the_tree(void)
{
	static struct tree *tree;

	if (tree == NULL)
		tree = tree_new();
	ck_assert_ptr_nonnull(tree);
	return tree;
}

static uint8_t image[CAPTURED_MAX];

/* Reads the packet as a raw socket would show it, of which len bytes came. */
static int
read_cut(struct made *m, int v6, size_t len, struct captured *out)
{
	size_t skip = v6 ? 40 : 0;
	uint8_t *whole = made_bytes(m);
	uint8_t *copy = exact_copy(whole + skip, len - skip);
	struct captured_packet p = {.family = v6 ? AF_INET6 : AF_INET,
	    .bytes = copy,
	    .len = len - skip,
	    .ttl = -1,
	    .tos = -1,
	    .received = 1234567};
	int error;

	if (v6) {
		p.protocol = whole[6];
		p.from = addr_from_bytes(AF_INET6, whole + 8);
		p.ttl = whole[7];
	}
	memset(image, 0xa5, sizeof(image));
	error = captured_read(the_tree(), &p, image, out);
	free(copy);
	return error;
}

static int
read_whole(struct made *m, int v6, struct captured *out)
{
	return read_cut(m, v6, m->len, out);
}

static const uint8_t numbers[2][3] = {{IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP},
    {IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMPV6}};
static const char payload[] = "0123456789abcdef";

static void
wrap_ip(struct made *m, int v6, uint8_t protocol, uint8_t ttl)
{
	if (v6)
		made_ipv6(m, protocol, ttl);
	else
		made_ipv4(m, protocol, ttl);
}

/* A probe of one of the three protocols. */
static void
put_probe(struct made *m, int v6, int t)
{
	made_put(m, payload, sizeof(payload) - 1);
	if (t == 0)
		made_udp(m, 24007, 33434);
	else if (t == 1)
		made_tcp(m, 24007, 80, UINT32_C(0xcafe4711));
	else
		made_icmp(m, v6 ? 128 : 8, 0, UINT32_C(24007) << 16 | 99);
	wrap_ip(m, v6, numbers[v6][t], 1);
}

/* An ICMP error around all that is there. */
static void
put_error(struct made *m, int v6, uint8_t type, uint8_t code, uint32_t rest)
{
	made_icmp(m, type, code, rest);
	wrap_ip(m, v6, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, 250);
	if (v6)
		made_icmpv6_checksum(m);
}

START_TEST(errors)
{
	int v6 = _i / 3, t = _i % 3;
	size_t header = v6 ? 40 : 20;
	struct captured c;
	struct made m;

	made_init(&m);
	put_probe(&m, v6, t);
	put_error(&m, v6, v6 ? 3 : 11, 0, 0);
	must_eq(read_whole(&m, v6, &c), 0);
	must_eq(c.reply.kind, REPLY_TIME_EXCEEDED);
	must_eq(c.reply.ttl, 250);
	must_eq(c.reply.ip_id, v6 ? -1 : 0xbeef);
	must_eq(c.protocol, numbers[v6][t]);
	must_eq(c.port, 24007);
	must_eq(c.reply.received, 1234567);
	must(c.reply.quoted.known);
	must_eq(c.reply.quoted.ttl, 1);
	must_eq(c.reply.quoted.tos, v6 ? 0xa2 : 0);
	must_eq(c.reply.quoted.id, v6 ? -1 : 0xbeef);
	must(c.reply.dst_known);
	ck_assert_mem_eq(c.reply.dst.bytes, v6 ? made_dst6 : made_dst4, v6 ? 16 : 4);
	must_eq(c.reply.dst_port, t == 0 ? 33434 : t == 1 ? 80 : 0);
	/* Its transport header and payload stand where ours would. */
	must_eq(c.reply.quote_at, header);
	must_eq(c.reply.quote_len, (t == 1 ? 20 : 8) + sizeof(payload) - 1);
	ck_assert_mem_eq(
	    image + header, made_bytes(&m) + 2 * header + 8, c.reply.quote_len);
}
END_TEST

/* The destination of a quote is on the link that the reply came by, if on any. */
START_TEST(links)
{
	static const uint8_t near[16] = {0xfe, 0x80, [15] = 2};
	bool quoted_near = (_i & 1) != 0, from_near = (_i & 2) != 0;
	struct addr expected =
	    addr_from_bytes(AF_INET6, quoted_near ? near : made_dst6);
	struct captured_packet p = {
	    .family = AF_INET6, .protocol = IPPROTO_ICMPV6, .ttl = 64};
	struct captured c;
	struct made m;

	made_init(&m);
	put_probe(&m, 1, 0);
	if (quoted_near)
		memcpy(made_bytes(&m) + 24, near, sizeof(near));
	put_error(&m, 1, 1, 4, 0);
	p.bytes = made_bytes(&m) + 40;
	p.len = m.len - 40;
	p.from = addr_from_bytes(AF_INET6, from_near ? near : made_dst6);
	p.from.scope = from_near ? 4 : 0;
	expected.scope = quoted_near && from_near ? 4 : 0;
	must_eq(captured_read(the_tree(), &p, image, &c), 0);
	must(addr_equal(&c.reply.dst, &expected));
	must_eq(c.reply.from.scope, from_near ? 4 : 0);
}
END_TEST

/* However it is cut: never more than is there, and without eight bytes no reply. */
START_TEST(cut_anywhere)
{
	int v6 = _i / 3, t = _i % 3;
	size_t header = v6 ? 40 : 20;
	size_t checksum_at = header + 2;

	for (size_t len = v6 ? 40 : 0;; len++) {
		struct captured c;
		struct made m;
		uint8_t *at;
		size_t quoted;
		int error;

		made_init(&m);
		put_probe(&m, v6, t);
		put_error(&m, v6, v6 ? 3 : 11, 0, 0);
		at = made_bytes(&m);
		if (len > m.len)
			break;
		/* What is left is a whole packet again. */
		if (!v6 && len >= 28) {
			at[2] = (uint8_t)(len >> 8);
			at[3] = (uint8_t)len;
			memset(at + checksum_at, 0, 2);
			quoted = reference_checksum(at + header, len - header);
			at[checksum_at] = (uint8_t)(quoted >> 8);
			at[checksum_at + 1] = (uint8_t)quoted;
		}
		error = read_cut(&m, v6, len, &c);
		quoted = len < 2 * header + 8 ? 0 : len - 2 * header - 8;
		if (quoted >= (t == 1 ? 2 : t == 0 ? 2 : 6)) {
			must_eq_in(len, error, 0);
			must_eq_in(len, c.reply.quote_len, quoted);
			must_eq_in(len, c.port, 24007);
		} else {
			must_eq_in(len, error, -EBADMSG);
		}
	}
}
END_TEST

/* 128 quoted bytes, then an extension structure with one label: said or not said. */
START_TEST(extensions)
{
	static const uint8_t structure[] = {
	    0x20, 0, 0, 0, 0, 8, 1, 1, 0x00, 0x01, 0x41, 0xff};
	int v6 = _i / 2, said = _i % 2;
	uint8_t whole[sizeof(structure)];
	uint8_t quoted[128] = {0};
	struct captured c;
	struct made probe, m;
	uint16_t sum;

	made_init(&probe);
	put_probe(&probe, v6, 0);
	memcpy(quoted, made_bytes(&probe), probe.len);
	memcpy(whole, structure, sizeof(whole));
	sum = reference_checksum(whole, sizeof(whole));
	whole[2] = (uint8_t)(sum >> 8);
	whole[3] = (uint8_t)sum;
	made_init(&m);
	made_put(&m, whole, sizeof(whole));
	made_put(&m, quoted, sizeof(quoted));
	put_error(&m, v6, v6 ? 3 : 11, 0,
	    !said ? 0
	    : v6  ? UINT32_C(16) << 24
		  : UINT32_C(32) << 16);
	must_eq(read_whole(&m, v6, &c), 0);
	ck_assert_ptr_nonnull(c.reply.extension);
	must_eq(c.reply.extension_len, sizeof(whole));
	/* The padding is no payload. */
	must_eq(c.reply.quote_len, 8 + sizeof(payload) - 1);
}
END_TEST

START_TEST(too_big)
{
	struct captured c;
	struct made m;

	made_init(&m);
	put_probe(&m, _i, 0);
	if (_i == 0)
		put_error(&m, 0, 3, 4, 1300);
	else
		put_error(&m, 1, 2, 0, 1300);
	must_eq(read_whole(&m, _i, &c), 0);
	must_eq(c.reply.kind, REPLY_UNREACHABLE);
	must_eq(c.reply.mtu, 1300);
}
END_TEST

/* An echo reply shows the request: type and checksum are put back. */
START_TEST(echo_replies)
{
	struct made request, m;
	struct captured c;
	size_t header = _i ? 40 : 20;

	made_init(&request);
	put_probe(&request, _i, 2);
	if (_i)
		made_icmpv6_checksum(&request);
	made_init(&m);
	made_put(&m, payload, sizeof(payload) - 1);
	made_icmp(&m, _i ? 129 : 0, 0, UINT32_C(24007) << 16 | 99);
	wrap_ip(&m, _i, numbers[_i][2], 60);
	if (_i)
		made_icmpv6_checksum(&m);
	must_eq(read_whole(&m, _i, &c), 0);
	must_eq(c.reply.kind, REPLY_ECHO);
	must_eq(c.port, 24007);
	must_eq(c.protocol, numbers[_i][2]);
	must_eq(c.reply.ttl, 60);
	must_eq(c.reply.quote_len, 8 + sizeof(payload) - 1);
	ck_assert_mem_eq(
	    image + header, made_bytes(&request) + header, c.reply.quote_len);
}
END_TEST

/* A TCP segment with these flags, from port 80 to 24007, acknowledging 0xcafe4712. */
static void
put_segment(struct made *m, int v6, uint8_t flags)
{
	uint8_t *h;

	made_tcp(m, 80, 24007, 7);
	h = made_bytes(m);
	memcpy(h + 8, "\xca\xfe\x47\x12", 4);
	h[13] = flags;
	wrap_ip(m, v6, IPPROTO_TCP, 61);
	if (!v6) {
		uint8_t pseudo[32];

		h = made_bytes(m);
		memset(h + 36, 0, 2);
		memcpy(pseudo, h + 12, 8);
		memcpy(pseudo + 8, "\0\6\0\x14", 4);
		memcpy(pseudo + 12, h + 20, 20);
		h[36] = (uint8_t)(reference_checksum(pseudo, 32) >> 8);
		h[37] = (uint8_t)reference_checksum(pseudo, 32);
	}
}

START_TEST(segments)
{
	static const struct {
		uint8_t flags;
		int error;
		uint8_t kind;
	} cases[] = {{0x12, 0, REPLY_SYN_ACK}, {0x14, 0, REPLY_RESET},
	    {0x04, 0, REPLY_RESET}, {0x02, -ENOMSG, 0}, {0x10, -ENOMSG, 0},
	    {0x18, -ENOMSG, 0}, {0x00, -ENOMSG, 0}};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct captured c;
		struct made m;

		made_init(&m);
		put_segment(&m, _i, cases[i].flags);
		must_eq_in(i, read_whole(&m, _i, &c), cases[i].error);
		if (cases[i].error != 0)
			continue;
		must_eq(c.reply.kind, cases[i].kind);
		must_eq(c.port, 24007);
		must_eq(c.reply.from_port, 80);
		must_eq(c.reply.dst_port, 80);
		must_eq(c.reply.quote_len, (cases[i].flags & 0x10) != 0 ? 8 : 4);
		ck_assert_mem_eq(image + c.reply.quote_at,
		    "\x5d\xc7\0\x50\xca\xfe\x47\x11", c.reply.quote_len);
		must(c.reply.tcp.known);
		must_eq(c.reply.tcp.flags, cases[i].flags);
		must_eq(c.reply.tcp.options, 0);
	}
}
END_TEST

/* The sequence number that a segment shows depends on what the probe was. */
START_TEST(segments_settled)
{
	static const struct {
		uint8_t answer, probe;
		const char *shown; /* NULL: nothing */
	} cases[] = {{0x12, 0x02, "\xca\xfe\x47\x11"}, {0x14, 0xc2, "\xca\xfe\x47\x11"},
	    {0x14, 0x00, "\xca\xfe\x47\x12"}, {0x14, 0x28, "\xca\xfe\x47\x12"},
	    {0x14, 0x01, "\xca\xfe\x47\x11"}, {0x14, 0x03, "\xca\xfe\x47\x10"},
	    {0x04, 0x10, "\0\0\0\7"}, {0x04, 0x12, "\0\0\0\7"}, {0x04, 0x02, NULL},
	    {0x04, 0x01, NULL}};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct captured c;
		struct made m;

		made_init(&m);
		put_segment(&m, _i, cases[i].answer);
		must_eq_in(i, read_whole(&m, _i, &c), 0);
		captured_settle(&c, cases[i].probe, image);
		must_eq_in(i, c.reply.quote_len, cases[i].shown != NULL ? 8 : 4);
		if (cases[i].shown != NULL)
			ck_assert_mem_eq(
			    image + c.reply.quote_at + 4, cases[i].shown, 4);
	}
}
END_TEST

/* A quote with a source route, used up or not: the probe's own destination counts. */
START_TEST(routed)
{
	const struct prober_route route = {2, 0,
	    {addr_from_bytes(
		 _i ? AF_INET6 : AF_INET, (const uint8_t *)"gateway at one..."),
		addr_from_bytes(
		    _i ? AF_INET6 : AF_INET, (const uint8_t *)"two gateway......")}};
	size_t added = wire_route_len(&route, _i ? AF_INET6 : AF_INET);
	struct made probe, m;
	uint8_t wire[512];
	struct captured c;

	made_init(&probe);
	put_probe(&probe, _i, 0);
	wire_route(&route, made_bytes(&probe), probe.len, wire);
	for (int used = 0; used < 2; used++) {
		if (used) { /* as behind the last gateway */
			memcpy(wire + (_i ? 24 : 16), _i ? made_dst6 : made_dst4,
			    _i ? 16 : 4);
			wire[_i ? 43 : 23] = _i ? 0 : 12;
		}
		made_init(&m);
		made_put(&m, wire, probe.len + added);
		put_error(&m, _i, _i ? 3 : 11, 0, 0);
		must_eq(read_whole(&m, _i, &c), 0);
		must_eq(c.protocol, IPPROTO_UDP);
		must_eq(c.port, 24007);
		must_eq(c.reply.dst_port, 33434);
		ck_assert_mem_eq(
		    c.reply.dst.bytes, _i ? made_dst6 : made_dst4, _i ? 16 : 4);
		ck_assert_mem_eq(
		    image + c.reply.quote_at, made_bytes(&probe) + (_i ? 40 : 20), 8);
	}
}
END_TEST

/* A piece of a probe that begins with byte `offset` of its UDP packet. */
static void
put_piece(struct made *m, int v6, uint16_t offset, int more)
{
	const uint8_t header[8] = {IPPROTO_UDP, 0, (uint8_t)(offset >> 8),
	    (uint8_t)(offset | more), 0xde, 0xad, 0xbe, 0xef};

	made_put(m, payload, sizeof(payload) - 1);
	if (v6)
		made_put(m, header, sizeof(header));
	wrap_ip(m, v6, v6 ? IPPROTO_FRAGMENT : IPPROTO_UDP, 1);
	if (v6)
		return;
	made_bytes(m)[6] = (uint8_t)((more ? 0x20 : 0) | offset / 8 >> 8);
	made_bytes(m)[7] = (uint8_t)(offset / 8);
}

/* Quotes of pieces that are not the first show bytes, but no port, and whose: no. */
START_TEST(later_fragments)
{
	for (int more = 0; more < 2; more++) {
		size_t padded = (size_t)more * 40; /* behind what it says it is */
		struct captured c;
		struct made m;

		made_init(&m);
		made_put(&m, NULL, padded);
		put_piece(&m, _i, 1480, more);
		if (padded != 0) /* not counted in its header */
			made_bytes(&m)[_i ? 5 : 3] =
			    (uint8_t)(made_bytes(&m)[_i ? 5 : 3] - padded);
		put_error(&m, _i, _i ? 3 : 11, 0, 0);
		must_eq(read_whole(&m, _i, &c), 0);
		must_eq(c.reply.kind, REPLY_TIME_EXCEEDED);
		must_eq(c.protocol, IPPROTO_UDP);
		must_eq(c.port, 0);
		must_eq(c.reply.quote_len, 0);
		must(c.reply.dst_known && c.reply.quoted.known);
		must_eq(c.reply.quoted.ttl, 1);
		must_eq(c.reply.quoted.fragment.offset, 1480);
		must_eq(c.reply.quoted.fragment.more, more);
		must_eq(c.reply.quoted.fragment.protocol, IPPROTO_UDP);
		must_eq(c.reply.quoted.fragment.id, _i ? 0xdeadbeef : 0xbeef);
		must_eq(c.reply.quoted.len, sizeof(payload) - 1);
		must(!addr_is_none(&c.reply.quoted.src));
	}
}
END_TEST

/* A quote may end within the options of a TCP header. */
START_TEST(cut_in_options)
{
	for (size_t shown = 20; shown <= 28; shown += 4) {
		struct captured c;
		struct made m;

		made_init(&m);
		made_put(&m, NULL, shown - 20);
		made_tcp(&m, 24007, 80, UINT32_C(0xcafe4711));
		made_bytes(&m)[12] = 10 << 4; /* forty bytes in all */
		wrap_ip(&m, _i, IPPROTO_TCP, 1);
		put_error(&m, _i, _i ? 3 : 11, 0, 0);
		must_eq(read_whole(&m, _i, &c), 0);
		must_eq(c.port, 24007);
		must_eq(c.reply.quote_len, shown);
	}
}
END_TEST

/* A first piece is read as a whole packet, as far as it goes. */
START_TEST(first_fragment)
{
	const uint8_t header[8] = {IPPROTO_UDP, 0, 0, 1, 0, 0, 0, 77};
	struct captured c;
	struct made m;

	made_init(&m);
	made_put(&m, NULL, 64); /* no part of the piece, which has a UDP header only */
	made_put(&m, "\x5d\xc7\x82\x9a\x00\x28\x12\x34", 8);
	if (_i)
		made_put(&m, header, sizeof(header));
	wrap_ip(&m, _i, _i ? IPPROTO_FRAGMENT : IPPROTO_UDP, 1);
	made_bytes(&m)[_i ? 5 : 3] = _i ? 16 : 28;
	if (!_i)
		made_bytes(&m)[6] = 0x20;
	put_error(&m, _i, _i ? 3 : 11, 1, 0);
	must_eq(read_whole(&m, _i, &c), 0);
	must_eq(c.reply.kind, REPLY_REASSEMBLY);
	must_eq(c.port, 24007);
	must_eq(c.reply.dst_port, 33434);
	must_eq(c.reply.quote_len, 8);
	must_eq(c.reply.quoted.checksum, 0x1234);
	must_eq(c.reply.quoted.fragment.id, _i ? 77 : 0xbeef);
	must_eq(c.reply.quoted.fragment.len, 8);
	must(c.reply.quoted.fragment.more && c.reply.quoted.fragment.told);
}
END_TEST

/* Packets of other protocols: who sends them counts; DCCP's show port and number. */
START_TEST(other_protocols)
{
	static const struct {
		uint8_t type;
		int error;
	} types[] = {
	    {0, -ENOMSG}, {1, 0}, {2, -ENOMSG}, {3, -ENOMSG}, {7, 0}, {9, -ENOMSG}};
	struct captured c;
	struct made m;

	made_init(&m);
	made_put(&m, payload, sizeof(payload) - 1);
	wrap_ip(&m, _i, 253, 61);
	must_eq(read_whole(&m, _i, &c), 0);
	must_eq(c.reply.kind, REPLY_PACKET);
	must_eq(c.protocol, 253);
	must_eq(c.port, 0);
	must_eq(c.reply.quote_len, 0);
	must(addr_equal(&c.reply.dst, &c.reply.from));
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		uint8_t h[28] = {0, 80, 0x5d, 0xc7, 7};
		uint8_t pseudo[40] = {0};
		uint16_t sum;

		h[8] = (uint8_t)(types[i].type << 1 | 1);
		memcpy(h + 20, "\xca\xfe\x47\x11", 4);
		made_init(&m);
		made_put(&m, h, sizeof(h));
		wrap_ip(&m, _i, IPPROTO_DCCP, 61);
		memcpy(pseudo, made_bytes(&m) + 12, 8);
		pseudo[9] = IPPROTO_DCCP;
		pseudo[11] = sizeof(h);
		memcpy(pseudo + 12, h, sizeof(h));
		sum = reference_checksum(pseudo, sizeof(pseudo));
		made_bytes(&m)[(_i ? 40 : 20) + 6] = (uint8_t)(sum >> 8);
		made_bytes(&m)[(_i ? 40 : 20) + 7] = (uint8_t)sum;
		must_eq_in(i, read_whole(&m, _i, &c), types[i].error);
		if (types[i].error != 0)
			continue;
		must_eq(c.reply.kind, REPLY_PACKET);
		must_eq(c.port, 24007);
		must_eq(c.reply.dst_port, 80);
		ck_assert_mem_eq(image + c.reply.quote_at, "\x5d\xc7\0\x50", 4);
		ck_assert_mem_eq(image + c.reply.quote_at + 12, "\xca\xfe\x47\x11", 4);
		if (!_i)
			ck_assert_mem_eq(image + 4, "\x47\x11", 2);
	}
}
END_TEST

/* Any flipped bit of ICMP or TCP over IPv4 is found by its checksum. */
START_TEST(wrong_checksums)
{
	for (int kind = 0; kind < 3; kind++) {
		struct made good;

		made_init(&good);
		if (kind == 2) {
			put_segment(&good, 0, 0x12);
		} else {
			put_probe(&good, 0, kind);
			put_error(&good, 0, 11, 0, 0);
		}
		for (size_t bit = 160; bit < good.len * 8; bit++) {
			struct made m = good;
			struct captured c;

			made_bytes(&m)[bit / 8] ^= (uint8_t)(1 << bit % 8);
			must_eq_in(bit, read_whole(&m, 0, &c), -EBADMSG);
		}
	}
}
END_TEST

/* Any bytes at all: no reply that says more than there is. */
START_TEST(noise)
{
	struct rng rng = {.state = 20261122};

	for (int turn = 0; turn < 20000; turn++) {
		int v6 = (int)rng_below(&rng, 2);
		struct captured c;
		struct made m;
		size_t flips = rng_below(&rng, 6);

		made_init(&m);
		put_probe(&m, v6, (int)rng_below(&rng, 3));
		put_error(&m, v6, v6 ? 3 : 11, 0, (uint32_t)rng_next(&rng));
		for (size_t i = 0; i < flips; i++)
			made_bytes(&m)[rng_below(&rng, m.len)] =
			    (uint8_t)rng_next(&rng);
		if (read_cut(&m, v6, (v6 ? 40 : 0) + rng_below(&rng, m.len - 39), &c) !=
		    0)
			continue;
		must(c.reply.quote_at + c.reply.quote_len <= CAPTURED_MAX);
		must(c.reply.quote_len + c.reply.extension_len <= m.len);
		must(c.reply.quoted.len + c.reply.extension_len <= m.len);
	}
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {errors, .loops = 6},
	    {links, .loops = 4},
	    {cut_anywhere, .loops = 6},
	    {extensions, .loops = 4},
	    {too_big, .loops = 2},
	    {echo_replies, .loops = 2},
	    {segments, .loops = 2},
	    {segments_settled, .loops = 2},
	    {routed, .loops = 2},
	    {later_fragments, .loops = 2},
	    {first_fragment, .loops = 2},
	    {cut_in_options, .loops = 2},
	    {other_protocols, .loops = 2},
	    {wrong_checksums},
	    {noise},
	};

	return test_main("captured", tests, COUNT_OF(tests));
}
