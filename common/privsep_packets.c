#include "common/privsep_packets.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>

#include "common/checksum.h"

/* Writes a number into a packet that is complete but for it. */
static void
put_u16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void
write_echo(
    const struct privsep_send *m, uint16_t port, const uint8_t *nonce, struct writer *w)
{
	bool v6 = m->protocol == IPPROTO_ICMPV6;
	uint8_t *echo = w->at;
	uint32_t sum = 0;
	size_t len;

	writer_u8(w, v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO);
	writer_u8(w, 0);
	writer_u16(w, 0); /* the checksum */
	writer_u16(w, port);
	writer_u16(w, m->port);
	writer_u16(w, 0); /* what makes the checksum come out */
	writer_copy(w, nonce, PRIVSEP_NONCE_LEN);
	for (unsigned int i = PRIVSEP_ECHO_PAYLOAD_MIN; i < m->payload_len; i++)
		writer_u8(w, (uint8_t)(0x40 + i % 64));
	len = writer_len(w);
	if (v6)
		sum = checksum_add_pseudo(
		    0, &m->source, &m->destination, IPPROTO_ICMPV6, (uint32_t)len);
	sum = checksum_add(sum, echo, len);
	put_u16(echo + 8, checksum_compensate(sum, m->checksum));
	put_u16(echo + 2, m->checksum);
}

/* The options asked for, padded with NOPs to whole words. */
static void
write_options(const struct privsep_send *m, struct writer *w)
{
	if ((m->tcp.options & PRIVSEP_TCP_MSS) != 0) {
		writer_u8(w, TCPOPT_MAXSEG);
		writer_u8(w, TCPOLEN_MAXSEG);
		writer_u16(w, m->tcp.mss);
	}
	if ((m->tcp.options & PRIVSEP_TCP_SACK) != 0) {
		writer_u8(w, TCPOPT_SACK_PERMITTED);
		writer_u8(w, TCPOLEN_SACK_PERMITTED);
	}
	if ((m->tcp.options & PRIVSEP_TCP_TIMESTAMPS) != 0) {
		writer_u8(w, TCPOPT_TIMESTAMP);
		writer_u8(w, TCPOLEN_TIMESTAMP);
		writer_u32(w, m->tcp.timestamp);
		writer_u32(w, 0);
	}
	if ((m->tcp.options & PRIVSEP_TCP_WINDOW_SCALE) != 0) {
		writer_u8(w, TCPOPT_NOP);
		writer_u8(w, TCPOPT_WINDOW);
		writer_u8(w, TCPOLEN_WINDOW);
		writer_u8(w, m->tcp.window_scale);
	}
	while (writer_len(w) % 4 != 0)
		writer_u8(w, TCPOPT_NOP);
}

static void
write_tcp(const struct privsep_send *m, uint16_t port, struct writer *w)
{
	uint8_t *tcp = w->at;
	size_t len;
	uint32_t sum;

	writer_u16(w, port);
	writer_u16(w, m->port);
	writer_u32(w, m->tcp.sequence);
	writer_u32(w, m->tcp.ack);
	writer_u8(w, 0); /* the header's length */
	writer_u8(w, m->tcp.flags);
	writer_u16(w, m->tcp.window);
	writer_u32(w, 0); /* checksum and urgent pointer */
	write_options(m, w);
	len = writer_len(w);
	tcp[12] = (uint8_t)(len / 4 << 4);
	sum = checksum_add_pseudo(
	    0, &m->source, &m->destination, IPPROTO_TCP, (uint32_t)len);
	put_u16(tcp + 16, checksum_finish(checksum_add(sum, tcp, len)));
}

size_t
privsep_packet(
    const struct privsep_send *m, uint16_t port, const uint8_t *nonce, uint8_t *out)
{
	struct writer w;

	writer_init(&w, out, PRIVSEP_PACKET_MAX);
	if (m->protocol == IPPROTO_UDP)
		writer_copy(&w, m->payload, m->payload_len);
	else if (m->protocol == IPPROTO_TCP)
		write_tcp(m, port, &w);
	else
		write_echo(m, port, nonce, &w);
	return writer_len(&w);
}

struct outgoing
privsep_outgoing(
    const struct privsep_send *m, uint32_t interface, const uint8_t *packet, size_t len)
{
	return (struct outgoing){.bytes = packet,
	    .len = len,
	    .to = &m->destination,
	    .port = m->protocol == IPPROTO_UDP ? m->port : 0,
	    .ttl = m->ttl,
	    .tos = m->tos,
	    .flow_label = m->flow_label,
	    .source = &m->source,
	    .interface = interface,
	    .stamp_id = &m->cookie};
}
