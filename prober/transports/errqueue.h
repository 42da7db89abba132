/*
 * What the kernel tells beside the bytes of a packet (control messages), and how an
 * entry of a socket's error queue becomes a reply. Included by prober/transports/ only.
 */
#ifndef PROBER_TRANSPORTS_ERRQUEUE_H
#define PROBER_TRANSPORTS_ERRQUEUE_H

#include <sys/socket.h>
#include <time.h>

#include <linux/errqueue.h>

#include "prober/transport.h"

#define CONTROL_ROOM 512 /* bytes for the control messages of one packet */
#define IMAGE_ROOM 1536  /* bytes kept of a reply, header space included */

/* What the control messages of one packet said. */
struct ancillary {
	int16_t ttl;
	int16_t tos;
	int64_t stamp; /* 0: none */
	bool has_error;
	struct sock_extended_err error;
	struct addr offender;
	bool dropped_known;
	uint32_t dropped;
};

/* Reads all control messages; what is malformed is left out. */
void ancillary_read(struct msghdr *m, struct ancillary *a);

/* Whether the entry came from the network; an error of our own machine is no hop. */
bool ancillary_is_icmp(const struct ancillary *a);

/*
 * Fills a reply from an entry of the error queue: len bytes of quote stand in image at
 * the offset of the transport's quote layer. Quote and extension are told apart.
 */
void errqueue_reply(struct reply *r, struct endpoint *e, const struct ancillary *a,
    const uint8_t *image, size_t len);

#endif
