/*
 * Raw sockets that see what answers probes, and those that send whole packets. Opening
 * them takes CAP_NET_RAW, using them does not. For the helper, which opens the former,
 * and for a prober that root started, which opens both; each drops all capabilities
 * before it reads from them.
 */
#ifndef COMMON_RAW_SOCKETS_H
#define COMMON_RAW_SOCKETS_H

#include <stdbool.h>

#include "common/sockopt.h"

/* Those that receive. */
enum { RAW_ICMP4, RAW_ICMP6, RAW_TCP4, RAW_TCP6, RAW_COUNT };

/*
 * What they have set, and UDP sockets beside them may: stamps, TTL and TOS of what
 * arrives, its number when the buffer is full; of what leaves over IPv6, no fragments
 * and the flow label that we say.
 */
#define RAW_OPTIONS_COUNT 11
extern const struct socket_option raw_options[RAW_OPTIONS_COUNT];

/*
 * Opens the sockets that receive, TCP's only if asked; -1: not asked, or no such family
 * here. None lets anything in before its filter is there: of ICMP, errors about probes
 * and echo replies; of TCP, RST, and SYN with ACK. Over IPv6 only with the right
 * checksum. 0 or -errno.
 */
int raw_sockets_open(int raw[RAW_COUNT], bool tcp);

/*
 * Opens a socket that receives all packets of this protocol, of those that are neither
 * ICMP nor TCP; DCCP over IPv6 with the right checksum only. The descriptor, or -errno.
 */
int raw_receiver_open(int family, int protocol);

/*
 * Opens a socket of this family that sends whole packets, from the IP header on, and
 * receives nothing but the stamps of those (raw(7): IPPROTO_RAW). The descriptor, or
 * -errno.
 */
int raw_sender_open(int family);

#endif
