/*
 * tools/fakeroute: answers that are not what they should be: quoted fields that are
 * wrong, bytes that are flipped.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "common/checksum.h"
#include "tests/support/fakenet.h"

static const char *const targets[2] = {"198.51.100.9", "2001:db8:ffff::9"};

enum kind {
	UDP,
	TCP,
	ECHO,
	KINDS,
};

static void
make(struct packet *p, int family, enum kind kind)
{
	uint8_t ttl = 1;

	if (kind == UDP)
		packet_udp(p, targets[family], ttl, 20000, 33);
	else if (kind == TCP)
		packet_tcp(p, targets[family], 80, 2, 0x01020304, 0, 0);
	else
		packet_echo(p, targets[family], ttl, 0x0506);
	*packet_ttl(p) = ttl;
	if (family == 0) {
		p->bytes[1] = 0x12;
		put16(p->bytes + 4, 0xabcd);
		put16(p->bytes + 6, 0x4000);
	} else {
		memcpy(p->bytes, "\x61\x2f\xed\xcb", 4);
	}
	packet_seal(p);
}

static void
build(const char *misquote)
{
	char text[512];

	snprintf(text, sizeof(text),
	    "router r 10.0.1.1 2001:db8:1::1 misquote=%s\n"
	    "target t 198.51.100.9 2001:db8:ffff::9\n"
	    "link host r t\n",
	    misquote);
	fakenet_build(text);
}

/*
 * Where a field is in the packet of a family and kind (the offset of an IP header, or
 * from its end on), and the bytes that stand there then.
 */
#define V4 1
#define V6 2
#define BOTH 3

static const struct {
	const char *misquote;
	unsigned int families, kinds; /* 1 << kind */
	bool transport;
	size_t at[2], len;
	const char *bytes[2];
} fields[] = {
    {"tos:0", V4, 7, false, {1}, 1, {"\x00"}},
    {"tos:+1", V4, 7, false, {1}, 1, {"\x13"}},
    {"tos:0x80", V6, 7, false, {0, 0}, 4, {NULL, "\x68\x0f\xed\xcb"}},
    {"tos:flip", V6, 7, false, {0, 0}, 4, {NULL, "\x6e\xdf\xed\xcb"}},
    {"length:swap", V4, 1 << UDP, false, {2}, 2, {"\x3d\x00"}},
    {"length:28", V4, 7, false, {2}, 2, {"\x00\x1c"}},
    {"length:28", V6, 7, false, {0, 4}, 2, {NULL, "\x00\x1c"}},
    {"id:swap", V4, 7, false, {4}, 2, {"\xcd\xab"}},
    {"id:-0xabce", V4, 7, false, {4}, 2, {"\xff\xff"}},
    {"id:0", V6, 7, false, {0, 4}, 0, {NULL, ""}},
    {"fragment:0", V4, 7, false, {6}, 2, {"\x00\x00"}},
    {"ttl:0", V4, 7, false, {8}, 1, {"\x00"}},
    {"ttl:255", V6, 7, false, {0, 7}, 1, {NULL, "\xff"}},
    {"protocol:1", V4, 7, false, {9}, 1, {"\x01"}},
    {"protocol:59", V6, 7, false, {0, 6}, 1, {NULL, "\x3b"}},
    {"header-checksum:0xbeef", V4, 7, false, {10}, 2, {"\xbe\xef"}},
    {"header-checksum:0xbeef,ttl:9", V4, 7, false, {8}, 1, {"\x09"}},
    {"flow-label:0x12345", V6, 7, false, {0, 0}, 4, {NULL, "\x61\x21\x23\x45"}},
    {"flow-label:+1", V6, 7, false, {0, 0}, 4, {NULL, "\x61\x2f\xed\xcc"}},
    {"flow-label:9", V4, 7, false, {0}, 0, {""}},
    {"src:10.1.2.3", V4, 7, false, {12}, 4, {"\x0a\x01\x02\x03"}},
    {"src:10.1.2.3", V6, 7, false, {0, 8}, 0, {NULL, ""}},
    {"src:2001:db8::5", V6, 7, false, {0, 20}, 4, {NULL, "\x00\x00\x00\x05"}},
    {"dst:flip", V4, 7, false, {16}, 4, {"\x39\xcc\x9b\xf6"}},
    {"dst:flip", V6, 7, false, {0, 24}, 16,
	{NULL, "\xdf\xfe\xf2\x47\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xf6"}},
    {"src-port:1", BOTH, 1 << UDP | 1 << TCP, true, {0, 0}, 2,
	{"\x00\x01", "\x00\x01"}},
    {"dst-port:+1", BOTH, 1 << UDP, true, {2, 2}, 2, {"\x9c\x41", "\x9c\x41"}},
    {"dst-port:+1", BOTH, 1 << ECHO, true, {0, 0}, 0, {"", ""}},
    {"udp-length:9", BOTH, 1 << UDP, true, {4, 4}, 2, {"\x00\x09", "\x00\x09"}},
    {"udp-length:9", BOTH, 1 << TCP, true, {4, 4}, 0, {"", ""}},
    {"tcp-sequence:swap", BOTH, 1 << TCP, true, {4, 4}, 4,
	{"\x04\x03\x02\x01", "\x04\x03\x02\x01"}},
    {"tcp-sequence:-1", BOTH, 1 << TCP, true, {4, 4}, 4,
	{"\x01\x02\x03\x03", "\x01\x02\x03\x03"}},
    {"icmp-type:13", BOTH, 1 << ECHO, true, {0, 0}, 1, {"\x0d", "\x0d"}},
    {"icmp-code:7", BOTH, 1 << ECHO, true, {1, 1}, 1, {"\x07", "\x07"}},
    {"icmp-id:swap", BOTH, 1 << ECHO, true, {4, 4}, 2, {"\x4d\x00", "\x4d\x00"}},
    {"icmp-sequence:+0xff", BOTH, 1 << ECHO, true, {6, 6}, 2, {"\x06\x05", "\x06\x05"}},
    {"icmp-sequence:1", BOTH, 1 << UDP, true, {6, 6}, 0, {"", ""}},
    {"checksum:0x1234", BOTH, 1 << UDP, true, {6, 6}, 2, {"\x12\x34", "\x12\x34"}},
    {"checksum:0x1234", BOTH, 1 << ECHO, true, {2, 2}, 2, {"\x12\x34", "\x12\x34"}},
    {"checksum:0x1234", BOTH, 1 << TCP, true, {16, 16}, 2, {"\x12\x34", "\x12\x34"}},
    {"payload:0", BOTH, 1 << UDP, true, {8, 8}, 4,
	{"\x00\x00\x00\x00", "\x00\x00\x00\x00"}},
    {"payload:flip", BOTH, 1 << UDP, true, {8, 8}, 2, {"\x87\x87", "\x87\x87"}},
    {"payload:+3", BOTH, 1 << ECHO, true, {8, 8}, 2, {"\x03\x03", "\x03\x03"}},
};

/* With the misquoted bytes put right again, and the header's checksum, it is whole. */
static void
must_be_else_right(struct packet *quoted, const struct packet *probe, size_t at,
    size_t len, bool payload, bool header_checksum)
{
	size_t own = (size_t)(packet_transport((struct packet *)(uintptr_t)probe) -
			      probe->bytes);

	if (own == 20 && !header_checksum)
		ck_assert_uint_eq(
		    checksum_finish(checksum_add(0, quoted->bytes, own)), 0);
	if (payload)
		len = quoted->len - at;
	memcpy(quoted->bytes + at, probe->bytes + at, len);
	if (own == 20)
		memcpy(quoted->bytes + 10, probe->bytes + 10, 2);
	ck_assert_uint_eq(quoted->len, probe->len);
	ck_assert_mem_eq(quoted->bytes, probe->bytes, probe->len);
}

START_TEST(each_field)
{
	struct packet probe, reply, quoted;
	size_t at;

	build(fields[_i].misquote);
	for (int family = 0; family < 2; family++)
		for (enum kind kind = 0; kind < KINDS; kind++) {
			if ((fields[_i].families & 1u << family) == 0 ||
			    (fields[_i].kinds & 1u << kind) == 0)
				continue;
			make(&probe, family, kind);
			fakenet_ask(&probe, &reply);
			packet_quoted(&reply, &quoted);
			at = fields[_i].at[family];
			if (fields[_i].transport)
				at += family == 0 ? 20 : 40;
			ck_assert_mem_eq(quoted.bytes + at, fields[_i].bytes[family],
			    fields[_i].len);
			must_be_else_right(&quoted, &probe, at, fields[_i].len,
			    strncmp(fields[_i].misquote, "payload", 7) == 0,
			    strncmp(fields[_i].misquote, "header", 6) == 0);
		}
	fakenet_demolish();
}
END_TEST

/* A kernel's send offload: the pseudo-header is summed, the rest is the hardware's. */
START_TEST(partial_checksums)
{
	struct packet probe, reply, quoted;
	struct addr src, dst = addr(targets[_i]);
	uint32_t sum;

	build("checksum:partial");
	src = addr(_i == 0 ? "192.0.2.2" : "2001:db8::2");
	for (enum kind kind = UDP; kind <= TCP; kind++) {
		make(&probe, _i, kind);
		fakenet_ask(&probe, &reply);
		packet_quoted(&reply, &quoted);
		sum = checksum_add_pseudo(0, &src, &dst,
		    kind == UDP ? IPPROTO_UDP : IPPROTO_TCP,
		    (uint32_t)(probe.len - (_i == 0 ? 20 : 40)));
		ck_assert_uint_eq(
		    get16(packet_transport(&quoted) + (kind == UDP ? 6 : 16)),
		    checksum_fold(sum));
	}
	fakenet_demolish();
}
END_TEST

/* Whatever is changed, in however short a quote, of whatever packet. */
START_TEST(short_quotes)
{
	char text[512];
	struct packet probe, reply;

	for (unsigned int len = 0; len < 64; len++) {
		snprintf(text, sizeof(text),
		    "router r 10.0.1.1 2001:db8:1::1 quote=%u quote6=%u "
		    "misquote=tos:1,dst:flip,src-port:7,tcp-sequence:9,icmp-id:9,"
		    "checksum:partial,payload:9,header-checksum:+1\n"
		    "target t 198.51.100.9 2001:db8:ffff::9\n"
		    "link host r t\n",
		    len, len);
		fakenet_build(text);
		for (enum kind kind = 0; kind < KINDS; kind++) {
			make(&probe, _i, kind);
			fakenet_ask(&probe, &reply);
			ck_assert_uint_eq(
			    reply.len, (_i == 0 ? 28u : 48u) +
					   (len < probe.len ? len : probe.len));
		}
		packet_begin(&probe, targets[_i], 1, 253, 4);
		packet_seal(&probe);
		fakenet_ask(&probe, &reply);
		fakenet_demolish();
	}
}
END_TEST

/* ---- flipped bytes ------------------------------------------------------------------
 */

/* How many bytes of two packets differ, where checksums do not count. */
static size_t
differences(const struct packet *a, const struct packet *b, size_t ignored)
{
	size_t count = 0;

	ck_assert_uint_eq(a->len, b->len);
	for (size_t i = 0; i < a->len; i++)
		count += a->bytes[i] != b->bytes[i] && i != ignored && i != ignored + 1;
	return count;
}

/* One byte, with a right checksum, of which a receiver takes no offence. */
START_TEST(altered)
{
	static const size_t checksums[KINDS] = {[UDP] = 6, [TCP] = 16, [ECHO] = 2};
	struct packet probe, good, reply;
	size_t changed = 0;

	fakenet_build("router r 10.0.1.1 2001:db8:1::1 altered=50%\n"
		      "target t 198.51.100.9 2001:db8:ffff::9 altered=50% udp=echo "
		      "tcp=syn-ack\n"
		      "link host r t\n");
	for (int i = 0; i < 400; i++) {
		enum kind kind = (enum kind)(i % KINDS);
		bool there = i % 2 == 0;
		size_t header = _i == 0 ? 20 : 40;

		make(&probe, _i, kind);
		*packet_ttl(&probe) = there ? 64 : 1;
		packet_seal(&probe);
		fakenet_ask(&probe, &reply);
		good = reply;
		if (there && kind == TCP) {
			changed += (reply.bytes[header + 13] & 0x3f) != 0x12 ||
				   get32(reply.bytes + header + 8) != 0x01020305;
			continue;
		}
		/* What it should have been. */
		if (there && kind == UDP) {
			memcpy(good.bytes + header + 8, probe.bytes + header + 8,
			    probe.len - header - 8);
		} else if (there) {
			memcpy(good.bytes + header + 4, probe.bytes + header + 4,
			    probe.len - header - 4);
		} else {
			memcpy(good.bytes + header + 8, probe.bytes, probe.len);
		}
		size_t found =
		    differences(&good, &reply, header + (there ? checksums[kind] : 2));
		ck_assert_uint_le(found, 1);
		changed += found;
	}
	ck_assert_uint_ge(changed, 120);
	ck_assert_uint_le(changed, 240);
	fakenet_demolish();
}
END_TEST

/* A byte of any place behind the IP header, and the checksum tells. */
START_TEST(corrupted)
{
	struct packet probe, reply, sealed;

	fakenet_build("router r 10.0.1.1 2001:db8:1::1 corrupted=100%\n"
		      "target t 198.51.100.9 2001:db8:ffff::9\n"
		      "link host r t\n");
	make(&probe, _i, UDP);
	for (int i = 0; i < 100; i++) {
		fakenet_give(&probe, 0);
		ck_assert(fakenet_take_raw(INT64_MAX - 1, &reply));
		sealed = reply;
		packet_seal(&sealed);
		ck_assert_mem_eq(sealed.bytes, reply.bytes, _i == 0 ? 20 : 40);
		ck_assert_mem_ne(sealed.bytes, reply.bytes, reply.len);
	}
	fakenet_demolish();
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {
	    {each_field, .loops = COUNT_OF(fields)},
	    {partial_checksums, .loops = 2},
	    {short_quotes, .loops = 2},
	    {altered, .loops = 2},
	    {corrupted, .loops = 2},
	};

	return test_main("quotes", tests, COUNT_OF(tests));
}
