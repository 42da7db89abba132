#include "prober/tcp_options.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/bytes.h"

#define FASTOPEN 34 /* RFC 7413: TCPOPT_FASTOPEN, which not every C library has */
#define LINUX_KINDS \
	(TCP_OPTION_MSS | TCP_OPTION_SACK | TCP_OPTION_TIMESTAMPS | \
	    TCP_OPTION_WINDOW_SCALE)

uint8_t
tcp_options_flags(const struct prober_tcp *tcp)
{
	return tcp->chosen ? tcp->flags : TCP_FLAG_SYN;
}

uint8_t
tcp_options_kinds(const struct prober_tcp *tcp)
{
	return tcp->chosen ? tcp->options : LINUX_KINDS;
}

uint16_t
tcp_options_mss(const struct prober_tcp *tcp, uint32_t family)
{
	if (tcp->mss != 0)
		return tcp->mss;
	return family == AF_INET6 ? TCP_OPTIONS_MSS6 : TCP_OPTIONS_MSS4;
}

size_t
tcp_options_write(const struct prober_tcp *tcp, uint32_t family, uint8_t *out)
{
	uint8_t kinds = tcp_options_kinds(tcp);
	uint8_t room[TCP_OPTIONS_ROOM];
	struct writer w;

	writer_init(&w, out != NULL ? out : room, TCP_OPTIONS_ROOM);
	if ((kinds & TCP_OPTION_MSS) != 0) {
		writer_u8(&w, TCPOPT_MAXSEG);
		writer_u8(&w, TCPOLEN_MAXSEG);
		writer_u16(&w, tcp_options_mss(tcp, family));
	}
	if ((kinds & TCP_OPTION_SACK) != 0) {
		writer_u8(&w, TCPOPT_SACK_PERMITTED);
		writer_u8(&w, TCPOLEN_SACK_PERMITTED);
	}
	if ((kinds & TCP_OPTION_TIMESTAMPS) != 0) {
		writer_u8(&w, TCPOPT_TIMESTAMP);
		writer_u8(&w, TCPOLEN_TIMESTAMP);
		writer_u32(&w, TCP_OPTIONS_TIMESTAMP);
		writer_u32(&w, 0);
	}
	if ((kinds & TCP_OPTION_WINDOW_SCALE) != 0) {
		writer_u8(&w, TCPOPT_NOP);
		writer_u8(&w, TCPOPT_WINDOW);
		writer_u8(&w, TCPOLEN_WINDOW);
		writer_u8(&w, TCP_OPTIONS_WINDOW_SCALE);
	}
	if ((kinds & TCP_OPTION_FASTOPEN) != 0) { /* no cookie: asks for one */
		writer_u8(&w, FASTOPEN);
		writer_u8(&w, 2);
	}
	while (writer_len(&w) % 4 != 0)
		writer_u8(&w, TCPOPT_NOP);
	return writer_len(&w);
}

const char *
tcp_options_text(uint8_t flags, uint8_t kinds, uint16_t mss, char *buf)
{
	static const char *const flag_names[] = {
	    "fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"};
	static const char *const kind_names[] = {
	    "mss", "sack", "timestamps", "window_scaling", "fastopen"};
	size_t used = 0;

	buf[0] = '\0';
	if (mss == 0)
		kinds &= (uint8_t)~TCP_OPTION_MSS;
	for (unsigned int bit = 0; bit < 13; bit++) {
		const char *name = bit < 8 ? flag_names[bit] : kind_names[bit - 8];

		if ((((unsigned int)kinds << 8 | flags) >> bit & 1) == 0)
			continue;
		used += (size_t)snprintf(buf + used, TCP_OPTIONS_TEXT_MAX - used,
		    bit == 8 ? "%s%s=%u" : "%s%s", used == 0 ? "" : ",", name, mss);
	}
	return buf;
}

static uint8_t
kind_bit(uint8_t kind)
{
	switch (kind) {
	case TCPOPT_MAXSEG:
		return TCP_OPTION_MSS;
	case TCPOPT_SACK_PERMITTED:
		return TCP_OPTION_SACK;
	case TCPOPT_TIMESTAMP:
		return TCP_OPTION_TIMESTAMPS;
	case TCPOPT_WINDOW:
		return TCP_OPTION_WINDOW_SCALE;
	case FASTOPEN:
		return TCP_OPTION_FASTOPEN;
	default:
		return 0;
	}
}

uint8_t
tcp_options_read(const uint8_t *options, size_t len, uint16_t *mss)
{
	uint8_t found = 0;

	*mss = 0;
	for (size_t at = 0; at < len && options[at] != TCPOPT_EOL;) {
		uint8_t kind = options[at];
		size_t size = 1;

		if (kind != TCPOPT_NOP) {
			if (len - at < 2 || options[at + 1] < 2 ||
			    options[at + 1] > len - at)
				break;
			size = options[at + 1];
			if (kind != TCPOPT_MAXSEG || size == TCPOLEN_MAXSEG)
				found |= kind_bit(kind);
			if (kind == TCPOPT_MAXSEG && size == TCPOLEN_MAXSEG)
				*mss =
				    (uint16_t)(options[at + 2] << 8 | options[at + 3]);
		}
		at += size;
	}
	return found;
}
