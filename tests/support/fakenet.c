#include "tests/support/fakenet.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/checksum.h"

struct fakenet fakenet;

static void
observe(void *context, const struct simulator_seen *seen)
{
	(void)context;
	fakenet.result = seen->result;
	fakenet.hops = seen->walk == NULL ? 0 : seen->walk->count;
}

void
fakenet_build(const char *text)
{
	fakenet.topology = topology_parse("net", text, strlen(text), stderr);
	ck_assert_ptr_nonnull(fakenet.topology);
	ck_assert_uint_eq(fakenet.topology->errors, 0);
	fakenet.network = network_new(fakenet.topology);
	ck_assert_ptr_nonnull(fakenet.network);
	fakenet.simulator = simulator_new(fakenet.network, observe, NULL);
	ck_assert_ptr_nonnull(fakenet.simulator);
}

void
fakenet_demolish(void)
{
	simulator_free(fakenet.simulator);
	network_free(fakenet.network);
	topology_free(fakenet.topology);
}

/* ---- packets --------------------------------------------------------------------- */

void
put16(uint8_t *at, unsigned int value)
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

unsigned int
get16(const uint8_t *at)
{
	return (unsigned int)(at[0] << 8 | at[1]);
}

uint32_t
get32(const uint8_t *at)
{
	return get16(at) << 16 | get16(at + 2);
}

struct addr
addr(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_from_text(text, &a), 0);
	return a;
}

static bool
is_v4(const struct packet *p)
{
	return p->bytes[0] >> 4 == 4;
}

uint8_t *
packet_transport(struct packet *p)
{
	return p->bytes + (is_v4(p) ? (p->bytes[0] & 15) * 4 : 40);
}

uint8_t *
packet_ttl(struct packet *p)
{
	return p->bytes + (is_v4(p) ? 8 : 7);
}

uint8_t
packet_protocol(const struct packet *p)
{
	return p->bytes[is_v4(p) ? 9 : 6];
}

static struct addr
addr_at(const struct packet *p, bool dst)
{
	if (is_v4(p))
		return addr_from_bytes(AF_INET, p->bytes + (dst ? 16 : 12));
	return addr_from_bytes(AF_INET6, p->bytes + (dst ? 24 : 8));
}

static void
seal_transport(struct packet *p)
{
	struct addr src = addr_at(p, false), dst = addr_at(p, true);
	uint8_t protocol = packet_protocol(p), *at = packet_transport(p);
	size_t len = p->len - (size_t)(at - p->bytes), covered = len;
	size_t offset = checksum_offset(protocol);
	uint32_t sum = 0;
	uint16_t checksum;

	if (offset == 0)
		return;
	if (protocol == IPPROTO_UDPLITE && get16(at + 4) != 0)
		covered = get16(at + 4);
	ck_assert_uint_le(covered, len);
	put16(at + offset, 0);
	if (protocol != IPPROTO_ICMP)
		sum = checksum_add_pseudo(0, &src, &dst, protocol, (uint32_t)len);
	checksum = checksum_finish(checksum_add(sum, at, covered));
	if (checksum == 0 && offset == 6)
		checksum = 0xffff;
	put16(at + offset, checksum);
}

void
packet_seal(struct packet *p)
{
	seal_transport(p);
	if (!is_v4(p))
		return;
	put16(p->bytes + 10, 0);
	put16(p->bytes + 10,
	    checksum_finish(checksum_add(0, p->bytes, (p->bytes[0] & 15) * 4)));
}

void
packet_begin(
    struct packet *p, const char *dst_text, uint8_t ttl, uint8_t protocol, size_t len)
{
	struct addr dst = addr(dst_text);
	struct addr src = addr(dst.family == AF_INET ? "192.0.2.2" : "2001:db8::2");

	memset(p, 0, sizeof(*p));
	if (dst.family == AF_INET) {
		p->len = 20 + len;
		p->bytes[0] = 0x45;
		put16(p->bytes + 2, (unsigned int)p->len);
		p->bytes[8] = ttl;
		p->bytes[9] = protocol;
		memcpy(p->bytes + 12, src.bytes, 4);
		memcpy(p->bytes + 16, dst.bytes, 4);
	} else {
		p->len = 40 + len;
		p->bytes[0] = 0x60;
		put16(p->bytes + 4, (unsigned int)len);
		p->bytes[6] = protocol;
		p->bytes[7] = ttl;
		memcpy(p->bytes + 8, src.bytes, 16);
		memcpy(p->bytes + 24, dst.bytes, 16);
	}
	ck_assert_uint_le(p->len, FAKENET_ROOM);
}

void
packet_udp(
    struct packet *p, const char *dst, uint8_t ttl, unsigned int port, size_t payload)
{
	packet_begin(p, dst, ttl, IPPROTO_UDP, 8 + payload);
	put16(packet_transport(p), port);
	put16(packet_transport(p) + 2, 40000);
	put16(packet_transport(p) + 4, (unsigned int)(8 + payload));
	memset(packet_transport(p) + 8, 'x', payload);
	packet_seal(p);
}

void
packet_echo(struct packet *p, const char *dst, uint8_t ttl, unsigned int sequence)
{
	bool v6 = strchr(dst, ':') != NULL;

	packet_begin(p, dst, ttl, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, 16);
	packet_transport(p)[0] = v6 ? 128 : 8;
	put16(packet_transport(p) + 4, 77);
	put16(packet_transport(p) + 6, sequence);
	packet_seal(p);
}

void
packet_tcp(struct packet *p, const char *dst, unsigned int port, uint8_t flags,
    uint32_t sequence, uint32_t acknowledgment, size_t payload)
{
	packet_begin(p, dst, 64, IPPROTO_TCP, 20 + payload);
	put16(packet_transport(p), 50000);
	put16(packet_transport(p) + 2, port);
	put32(packet_transport(p) + 4, sequence);
	put32(packet_transport(p) + 8, acknowledgment);
	packet_transport(p)[12] = 0x50;
	packet_transport(p)[13] = flags;
	packet_seal(p);
}

void
fakenet_give(const struct packet *p, int64_t now)
{
	/* In memory of just its size, so that the sanitizer sees a step too far. */
	uint8_t *copy = exact_copy(p->bytes, p->len);

	simulator_receive(fakenet.simulator, copy, p->len, now);
	free(copy);
}

/* ---- replies --------------------------------------------------------------------- */

bool
fakenet_take_raw(int64_t now, struct packet *out)
{
	struct replyqueue *q = simulator_replies(fakenet.simulator);
	uint32_t slot;
	size_t len;
	const uint8_t *bytes = replyqueue_pop(q, now, &slot, &len);

	if (bytes == NULL)
		return false;
	must(len <= fakenet.topology->mtu);
	memset(out, 0, sizeof(*out));
	memcpy(out->bytes, bytes, len);
	out->len = len;
	replyqueue_release(q, slot);
	return true;
}

bool
fakenet_take(int64_t now, struct packet *out)
{
	struct packet sealed;

	if (!fakenet_take_raw(now, out))
		return false;
	ck_assert_uint_eq(
	    out->len, is_v4(out) ? get16(out->bytes + 2) : 40 + get16(out->bytes + 4));
	sealed = *out;
	packet_seal(&sealed);
	ck_assert_mem_eq(sealed.bytes, out->bytes, out->len);
	return true;
}

void
fakenet_ask(const struct packet *p, struct packet *reply)
{
	struct packet another;

	fakenet_give(p, 0);
	ck_assert_msg(fakenet_take(INT64_MAX - 1, reply), "no reply: result %d",
	    (int)fakenet.result);
	ck_assert(!fakenet_take(INT64_MAX - 1, &another));
}

void
fakenet_ask_nothing(const struct packet *p, enum simulator_result why)
{
	fakenet_give(p, 0);
	ck_assert_uint_eq(fakenet.result, why);
	ck_assert_uint_eq(replyqueue_count(simulator_replies(fakenet.simulator)), 0);
}

static void
must_be_addr(const struct packet *p, bool dst, const char *text)
{
	char found[ADDR_TEXT_MAX];
	struct addr a = addr_at(p, dst);

	ck_assert_str_eq(addr_to_text(&a, found), text);
}

void
must_be_from(const struct packet *p, const char *text)
{
	must_be_addr(p, false, text);
}

void
must_be_to(const struct packet *p, const char *text)
{
	must_be_addr(p, true, text);
}

void
must_be_icmp(struct packet *p, unsigned int type4, unsigned int code4,
    unsigned int type6, unsigned int code6)
{
	ck_assert_uint_eq(packet_protocol(p), is_v4(p) ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	ck_assert_uint_eq(packet_transport(p)[0], is_v4(p) ? type4 : type6);
	ck_assert_uint_eq(packet_transport(p)[1], is_v4(p) ? code4 : code6);
}

void
packet_quoted(struct packet *error, struct packet *out)
{
	size_t at = (size_t)(packet_transport(error) - error->bytes) + 8;

	ck_assert_uint_gt(error->len, at);
	memset(out, 0, sizeof(*out));
	out->len = error->len - at;
	memcpy(out->bytes, error->bytes + at, out->len);
}
