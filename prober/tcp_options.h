/*
 * TCP options (RFC 9293 section 3.1, 2018, 7323, 7413): written into probes, and read
 * from what answers them and from quotes, which are hostile. Bits are those of
 * enum prober_tcp_option.
 */
#ifndef PROBER_TCP_OPTIONS_H
#define PROBER_TCP_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "common/prober_messages.h"

#define TCP_HEADER 20       /* without options */
#define TCP_OPTIONS_ROOM 40 /* behind it, at most */
#define TCP_FLAG_FIN 0x01
#define TCP_FLAG_SYN 0x02
#define TCP_FLAG_RST 0x04
#define TCP_FLAG_ACK 0x10
#define TCP_FLAG_ECE 0x40
#define TCP_FLAGS_ECN 0xc0 /* ECE and CWR */

/* What our own have: as Linux, but for the time, which would tell something of us. */
#define TCP_OPTIONS_MSS4 1460 /* of an Ethernet: less by both headers */
#define TCP_OPTIONS_MSS6 1440
#define TCP_OPTIONS_TIMESTAMP 0x70617269
#define TCP_OPTIONS_WINDOW_SCALE 7

/* Flags and options as they are sent: what was left open is a SYN as of Linux. */
uint8_t tcp_options_flags(const struct prober_tcp *tcp);
uint8_t tcp_options_kinds(const struct prober_tcp *tcp);

/* The value of the MSS option, if there is one. */
uint16_t tcp_options_mss(const struct prober_tcp *tcp, uint32_t family);

/*
 * Writes them in the order of their bits, padded with NOPs to whole words, as
 * paris-privsep does (common/privsep_messages.h). Returns the length; out has
 * TCP_OPTIONS_ROOM bytes, and is written as far as that, or is NULL.
 */
size_t tcp_options_write(const struct prober_tcp *tcp, uint32_t family, uint8_t *out);

#define TCP_OPTIONS_TEXT_MAX 96

/*
 * Flags and options in words, "syn,ack,mss=1460,sack"; an MSS that is not known (0) is
 * left out. Returns buf, of TCP_OPTIONS_TEXT_MAX bytes.
 */
const char *tcp_options_text(uint8_t flags, uint8_t kinds, uint16_t mss, char *buf);

/* Which options stand there, as far as they are whole; *mss: of that one, or 0. */
uint8_t tcp_options_read(const uint8_t *options, size_t len, uint16_t *mss);

#endif
