#include "common/privsep_messages.h"

#include <errno.h>

#include "common/codec.h"

/* Packs through the walk `code_TYPE`, which only reads what it is given to pack. */
#define PACK(type) \
	void privsep_##type##_pack(const struct privsep_##type *m, struct writer *w) \
	{ \
		struct privsep_##type copy = *m; \
\
		code_##type(&(struct codec){.w = w}, &copy); \
	}

/* Unpacks through it; `sane` is a condition on *m. */
#define UNPACK(type, sane) \
	int privsep_##type##_unpack(struct privsep_##type *m, struct reader *r) \
	{ \
		*m = (struct privsep_##type){0}; \
		code_##type(&(struct codec){.r = r}, m); \
		return codec_verdict(r, sane); \
	}

/* 4 or 6 on the wire. */
static void
code_family(struct codec *c, uint32_t *family)
{
	uint8_t version = *family == AF_INET ? 4 : *family == AF_INET6 ? 6 : 0;

	code_u8(c, &version);
	*family = version == 4 ? AF_INET : version == 6 ? AF_INET6 : AF_UNSPEC;
}

/* A length, and so many bytes. */
static void
code_bytes(struct codec *c, uint16_t *len, const uint8_t **bytes)
{
	code_u16(c, len);
	if (c->w != NULL)
		writer_copy(c->w, *bytes, *len);
	else
		*bytes = reader_take(c->r, *len);
}

static bool
octet_or_unknown(int16_t value)
{
	return value >= -1 && value <= 255;
}

static void
code_hello(struct codec *c, struct privsep_hello *m)
{
	code_u32(c, &m->features);
	for (size_t i = 0; i < PRIVSEP_NONCE_LEN; i++)
		code_u8(c, &m->nonce[i]);
}

PACK(hello)
UNPACK(hello, m->features < 2 * PRIVSEP_TCP6)

static bool
protocol_is_sane(uint8_t protocol, uint32_t family)
{
	return protocol == IPPROTO_UDP || protocol == IPPROTO_TCP ||
	       protocol == (family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static void
code_reserve(struct codec *c, struct privsep_reserve *m)
{
	code_u8(c, &m->id);
	code_u8(c, &m->protocol);
	code_u8(c, &m->dont_fragment);
	code_u16(c, &m->port);
	code_u32(c, &m->interface);
	code_family(c, &m->family);
	code_addr(c, &m->source);
}

PACK(reserve)
UNPACK(reserve, m->id < PRIVSEP_RESERVATIONS && m->family != AF_UNSPEC &&
		    protocol_is_sane(m->protocol, m->family) && m->dont_fragment <= 1 &&
		    m->interface <= INT32_MAX &&
		    (addr_is_none(&m->source) || m->source.family == m->family))

static void
code_reserved(struct codec *c, struct privsep_reserved *m)
{
	code_u8(c, &m->id);
	code_u16(c, &m->port);
	code_i32(c, &m->error);
}

PACK(reserved)
UNPACK(reserved,
    m->id < PRIVSEP_RESERVATIONS && m->error >= 0 && (m->error == 0) == (m->port != 0))

static void
code_release(struct codec *c, struct privsep_release *m)
{
	code_u8(c, &m->id);
}

PACK(release)
UNPACK(release, m->id < PRIVSEP_RESERVATIONS)

static void
code_send(struct codec *c, struct privsep_send *m)
{
	code_u32(c, &m->cookie);
	code_u8(c, &m->id);
	code_u8(c, &m->protocol);
	code_u8(c, &m->ttl);
	code_u8(c, &m->tos);
	code_u32(c, &m->flow_label);
	code_addr(c, &m->source);
	code_addr(c, &m->destination);
	code_u16(c, &m->port);
	code_u16(c, &m->checksum);
	code_u32(c, &m->tcp.sequence);
	code_u32(c, &m->tcp.ack);
	code_u8(c, &m->tcp.flags);
	code_u8(c, &m->tcp.options);
	code_u16(c, &m->tcp.window);
	code_u16(c, &m->tcp.mss);
	code_u8(c, &m->tcp.window_scale);
	code_u32(c, &m->tcp.timestamp);
	if (m->protocol == IPPROTO_UDP)
		code_bytes(c, &m->payload_len, &m->payload);
	else
		code_u16(c, &m->payload_len);
}

static bool
send_is_sane(const struct privsep_send *m)
{
	bool tcp = m->protocol == IPPROTO_TCP;
	bool icmp = !tcp && m->protocol != IPPROTO_UDP;

	return m->id < PRIVSEP_RESERVATIONS &&
	       protocol_is_sane(m->protocol, m->source.family) && m->ttl >= 1 &&
	       m->flow_label < UINT32_C(1) << 20 && !addr_is_none(&m->source) &&
	       m->source.family == m->destination.family &&
	       m->payload_len <= (tcp ? 0 : PRIVSEP_PAYLOAD_MAX) &&
	       (!tcp || m->tcp.options < PRIVSEP_TCP_OPTIONS_END) &&
	       (!icmp || (m->checksum != 0xffff &&
			     m->payload_len >= PRIVSEP_ECHO_PAYLOAD_MIN));
}

PACK(send)
UNPACK(send, send_is_sane(m))

static void
code_sent(struct codec *c, struct privsep_sent *m)
{
	code_u32(c, &m->cookie);
	code_i32(c, &m->error);
	code_u8(c, &m->by_kernel);
	code_i64(c, &m->stamp);
}

PACK(sent)
UNPACK(sent, m->error >= 0 && m->by_kernel <= 1 &&
		 (m->error == 0 || (m->by_kernel == 0 && m->stamp == 0)))

static void
code_reply(struct codec *c, struct privsep_reply *m)
{
	code_u8(c, &m->id);
	code_u8(c, &m->answer);
	code_u8(c, &m->by_kernel);
	code_i16(c, &m->ttl);
	code_i16(c, &m->tos);
	code_i64(c, &m->received);
	code_addr(c, &m->from);
	code_u16(c, &m->from_port);
	code_bytes(c, &m->len, &m->bytes);
}

PACK(reply)
UNPACK(reply, m->id < PRIVSEP_RESERVATIONS && m->answer >= PRIVSEP_ERROR &&
		  m->answer <= PRIVSEP_DATAGRAM && m->by_kernel <= 1 &&
		  octet_or_unknown(m->ttl) && octet_or_unknown(m->tos) &&
		  !addr_is_none(&m->from) && m->len <= PRIVSEP_REPLY_MAX)

static void
code_dropped(struct codec *c, struct privsep_dropped *m)
{
	code_u32(c, &m->count);
}

PACK(dropped)
UNPACK(dropped, m->count > 0)
