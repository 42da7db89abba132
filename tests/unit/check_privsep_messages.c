/* common/privsep_messages: what is packed comes back, and nothing else gets in. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "common/framing.h"
#include "common/privsep_messages.h"
#include "tests/support/testing.h"

struct body {
	uint8_t data[MESSAGE_BODY_MAX];
	size_t len;
};

static const uint8_t payload[PRIVSEP_PAYLOAD_MAX + 1] = {1, 2, 3};

static struct addr
address(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_from_text(text, &a), 0);
	return a;
}

/* A body of a message, and whether it can be read back. */
#define PACKER(type) \
	static struct body pack_##type(const struct privsep_##type *m) \
	{ \
		struct body b = {.len = 0}; \
		struct writer w; \
\
		writer_init(&w, b.data, sizeof(b.data)); \
		privsep_##type##_pack(m, &w); \
		ck_assert(!w.failed); \
		b.len = writer_len(&w); \
		return b; \
	} \
	static int read_##type(const void *data, size_t len) \
	{ \
		struct privsep_##type m; \
		struct reader r; \
\
		reader_init(&r, data, len); \
		return privsep_##type##_unpack(&m, &r); \
	} \
	static int refused_##type(const struct privsep_##type *m) \
	{ \
		struct body b = pack_##type(m); \
\
		return read_##type(b.data, b.len) == -EBADMSG; \
	}

PACKER(hello)
PACKER(reserve)
PACKER(reserved)
PACKER(release)
PACKER(send)
PACKER(sent)
PACKER(reply)
PACKER(dropped)

static struct privsep_reserve
a_reserve(void)
{
	return (struct privsep_reserve){.id = 63,
	    .protocol = IPPROTO_ICMPV6,
	    .dont_fragment = 1,
	    .port = 65535,
	    .interface = INT32_MAX,
	    .family = AF_INET6,
	    .source = address("fe80::1%4")};
}

static struct privsep_send
a_send(uint8_t protocol)
{
	struct privsep_send m = {.cookie = UINT32_MAX,
	    .id = 63,
	    .protocol = protocol,
	    .ttl = 255,
	    .tos = 0xfc,
	    .flow_label = 0xfffff,
	    .source = address("192.0.2.1"),
	    .destination = address("198.51.100.7"),
	    .port = 33434,
	    .checksum = 0xfffe,
	    .tcp = {UINT32_MAX, 7, 0xc2, 15, 65535, 1460, 14, 0x01020304}};

	if (protocol != IPPROTO_TCP)
		m.payload_len = PRIVSEP_PAYLOAD_MAX;
	if (protocol == IPPROTO_UDP)
		m.payload = payload;
	return m;
}

static struct privsep_reply
a_reply(void)
{
	return (struct privsep_reply){.id = 63,
	    .answer = PRIVSEP_DATAGRAM,
	    .by_kernel = 1,
	    .ttl = 255,
	    .tos = -1,
	    .received = INT64_MAX,
	    .from = address("2001:db8::7"),
	    .from_port = 53,
	    .len = PRIVSEP_REPLY_MAX,
	    .bytes = payload};
}

START_TEST(every_other_length_is_refused)
{
	const struct privsep_hello hello = {15, "abcdef"};
	const struct privsep_reserve reserve = a_reserve();
	const struct privsep_reserved reserved = {63, 0, EADDRINUSE};
	const struct privsep_release release = {63};
	const struct privsep_send udp = a_send(IPPROTO_UDP), tcp = a_send(IPPROTO_TCP),
				  echo = a_send(IPPROTO_ICMP);
	const struct privsep_sent sent = {9, 0, 1, INT64_MAX};
	const struct privsep_reply reply = a_reply();
	const struct privsep_dropped dropped = {UINT32_MAX};
	const struct {
		struct body body;
		int (*read)(const void *data, size_t len);
	} cases[] = {
	    {pack_hello(&hello), read_hello},
	    {pack_reserve(&reserve), read_reserve},
	    {pack_reserved(&reserved), read_reserved},
	    {pack_release(&release), read_release},
	    {pack_send(&udp), read_send},
	    {pack_send(&tcp), read_send},
	    {pack_send(&echo), read_send},
	    {pack_sent(&sent), read_sent},
	    {pack_reply(&reply), read_reply},
	    {pack_dropped(&dropped), read_dropped},
	};
	uint8_t longer[MESSAGE_BODY_MAX + 1];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct body *b = &cases[i].body;

		must_eq_in(i, cases[i].read(b->data, b->len), 0);
		for (size_t len = 0; len < b->len; len++)
			must_eq_in(i, cases[i].read(b->data, len), -EBADMSG);
		memcpy(longer, b->data, b->len);
		longer[b->len] = 0;
		must_eq_in(i, cases[i].read(longer, b->len + 1), -EBADMSG);
	}
}
END_TEST

START_TEST(everything_comes_back)
{
	struct privsep_reserve reserve = a_reserve(), reserve_out;
	struct privsep_send send = a_send(IPPROTO_UDP), send_out;
	struct privsep_reply reply = a_reply(), reply_out;
	struct body b = pack_reserve(&reserve), again;
	struct reader r;

	reader_init(&r, b.data, b.len);
	ck_assert_int_eq(privsep_reserve_unpack(&reserve_out, &r), 0);
	again = pack_reserve(&reserve_out);
	ck_assert_int_eq(memcmp(again.data, b.data, b.len), 0);
	ck_assert_int_eq(reserve_out.id, 63);
	ck_assert_int_eq(reserve_out.port, 65535);
	ck_assert(addr_equal(&reserve_out.source, &reserve.source));
	b = pack_send(&send);
	reader_init(&r, b.data, b.len);
	ck_assert_int_eq(privsep_send_unpack(&send_out, &r), 0);
	ck_assert_int_eq(memcmp(send_out.payload, send.payload, send.payload_len), 0);
	/* It points into the record. */
	ck_assert_ptr_eq(send_out.payload, b.data + b.len - send.payload_len);
	again = pack_send(&send_out);
	ck_assert_int_eq(memcmp(again.data, b.data, b.len), 0);
	ck_assert_int_eq(send_out.tcp.timestamp, 0x01020304);
	ck_assert_int_eq(send_out.tcp.flags, 0xc2);
	ck_assert(addr_equal(&send_out.destination, &send.destination));
	b = pack_reply(&reply);
	reader_init(&r, b.data, b.len);
	ck_assert_int_eq(privsep_reply_unpack(&reply_out, &r), 0);
	ck_assert_int_eq(memcmp(reply_out.bytes, reply.bytes, reply.len), 0);
	reply_out.bytes = reply.bytes;
	ck_assert_int_eq(reply_out.ttl, 255);
	ck_assert_int_eq(reply_out.tos, -1);
	ck_assert(addr_equal(&reply_out.from, &reply.from));
	ck_assert_int_eq(reply_out.from_port, 53);
	ck_assert_int_eq(reply_out.received, INT64_MAX);
}
END_TEST

/* Changes one member of a good message. */
#define BAD(type, good, change) \
	do { \
		struct privsep_##type m = good; \
\
		ck_assert(!refused_##type(&m)); \
		m.change; \
		ck_assert_msg(refused_##type(&m), "%s", #change); \
	} while (0)

START_TEST(what_is_out_of_range_is_refused)
{
	const struct privsep_hello hello = {15, "abcdef"};
	const struct privsep_reserved reserved = {63, 0, EADDRINUSE}, got = {63, 1, 0};
	const struct privsep_release release = {63};
	const struct privsep_sent sent = {9, 0, 1, 5}, failed = {9, EACCES, 0, 0};
	const struct privsep_dropped dropped = {1};

	BAD(hello, hello, features = 16);
	BAD(reserve, a_reserve(), id = 64);
	BAD(reserve, a_reserve(), protocol = IPPROTO_ICMP); /* over IPv6 */
	BAD(reserve, a_reserve(), protocol = IPPROTO_UDPLITE);
	BAD(reserve, a_reserve(), protocol = IPPROTO_RAW);
	BAD(reserve, a_reserve(), protocol = 0);
	BAD(reserve, a_reserve(), dont_fragment = 2);
	BAD(reserve, a_reserve(), interface = (uint32_t)INT32_MAX + 1);
	BAD(reserve, a_reserve(), family = AF_INET);
	BAD(reserve, a_reserve(), family = AF_UNSPEC);
	BAD(reserved, reserved, id = 64);
	BAD(reserved, reserved, error = -1);
	BAD(reserved, reserved, port = 5);
	BAD(reserved, got, port = 0);
	BAD(release, release, id = 64);
	BAD(send, a_send(IPPROTO_UDP), id = 64);
	BAD(send, a_send(IPPROTO_UDP), protocol = IPPROTO_ICMPV6);
	BAD(send, a_send(IPPROTO_UDP), ttl = 0);
	BAD(send, a_send(IPPROTO_UDP), flow_label = 1 << 20);
	BAD(send, a_send(IPPROTO_UDP), source = address("2001:db8::1"));
	BAD(send, a_send(IPPROTO_UDP), source.family = AF_UNSPEC);
	BAD(send, a_send(IPPROTO_UDP), destination.family = AF_UNSPEC);
	BAD(send, a_send(IPPROTO_UDP), payload_len = PRIVSEP_PAYLOAD_MAX + 1);
	BAD(send, a_send(IPPROTO_TCP), payload_len = 1);
	BAD(send, a_send(IPPROTO_TCP), tcp.options = 16);
	BAD(send, a_send(IPPROTO_ICMP), checksum = 0xffff);
	BAD(send, a_send(IPPROTO_ICMP), payload_len = PRIVSEP_ECHO_PAYLOAD_MIN - 1);
	BAD(send, a_send(IPPROTO_ICMP), payload_len = PRIVSEP_PAYLOAD_MAX + 1);
	BAD(sent, sent, error = -1);
	BAD(sent, sent, by_kernel = 2);
	BAD(sent, sent, error = 1);
	BAD(sent, failed, stamp = 1);
	BAD(reply, a_reply(), id = 64);
	BAD(reply, a_reply(), answer = 0);
	BAD(reply, a_reply(), answer = PRIVSEP_DATAGRAM + 1);
	BAD(reply, a_reply(), by_kernel = 2);
	BAD(reply, a_reply(), ttl = 256);
	BAD(reply, a_reply(), tos = -2);
	BAD(reply, a_reply(), from.family = AF_UNSPEC);
	BAD(reply, a_reply(), len = PRIVSEP_REPLY_MAX + 1);
	BAD(dropped, dropped, count = 0);
}
END_TEST

int
main(void)
{
	const struct test_entry tests[] = {{every_other_length_is_refused},
	    {everything_comes_back}, {what_is_out_of_range_is_refused}};

	return test_main("privsep_messages", tests, COUNT_OF(tests));
}
