/*
 * Replies from whole packets, as raw sockets show them: the IP header of the reply and,
 * in an ICMP error, the IP header of the probe as it arrived there. For the transports
 * that receive through the helper or, as root, through raw sockets of our own. Every
 * byte is hostile: nothing is read past what is there, and what the kernel has not
 * checked (the checksums of ICMP and of TCP over IPv4) is checked here.
 */
#ifndef PROBER_CAPTURED_H
#define PROBER_CAPTURED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "prober/reply.h"
#include "prober/tree.h"

#define CAPTURED_MAX 1536 /* bytes of a packet that are looked at */

/* A packet and what came with it. */
struct captured_packet {
	uint32_t family; /* AF_INET or AF_INET6 */
	/* AF_INET: from the IP header on. AF_INET6: from the header behind it on. */
	const uint8_t *bytes;
	size_t len;
	bool cut; /* there was more: lengths and checksums say nothing */
	/* AF_INET6 only, for there the kernel keeps the IP header for itself. */
	uint8_t protocol; /* IPPROTO_ICMPV6 or IPPROTO_TCP */
	struct addr from;
	int16_t ttl;
	int16_t tos;      /* -1: not known */
	int64_t received; /* CLOCK_REALTIME, ns; 0: now */
};

/* What it says. */
struct captured {
	struct reply reply; /* but for its endpoint and probe */
	uint8_t protocol;   /* IPPROTO_* of the probe that it answers */
	uint16_t port;      /* that probe's source port or ICMP id */
	struct addr source; /* and its source address; none: not told */
};

/*
 * Reads a packet. image (CAPTURED_MAX bytes) receives the visible part of the probe at
 * the offsets of our own layout; reply points into it and into the packet. Returns 0,
 * -ENOMSG for what answers no probe (an echo request, a TCP segment that is neither
 * SYN-ACK nor RST), or -EBADMSG for what is malformed.
 */
int captured_read(const struct tree *tree, const struct captured_packet *packet,
    uint8_t *image, struct captured *out);

/*
 * Once it is known whose it is: what a TCP segment shows of a probe with these flags.
 * Its acknowledgment counts SYN and FIN, one each; a reset without one stands at what a
 * probe with ACK acknowledged, where our probes repeat their sequence number
 * (layout.h). image is the one of captured_read. Nothing for other replies.
 */
void captured_settle(struct captured *c, uint8_t flags, uint8_t *image);

#endif
