/*
 * How an entry of a socket's error queue becomes a reply. Included by
 * prober/transports/ only.
 */
#ifndef PROBER_TRANSPORTS_ERRQUEUE_H
#define PROBER_TRANSPORTS_ERRQUEUE_H

#include "common/packets.h"
#include "prober/transport.h"

/* Whether the entry came from the network; an error of our own machine is no hop. */
bool ancillary_is_icmp(const struct ancillary *a);

/*
 * Fills a reply from an entry of the error queue: len bytes of quote stand in image at
 * the offset of the transport's quote layer. Quote and extension are told apart.
 */
void errqueue_reply(struct reply *r, struct endpoint *e, const struct ancillary *a,
    const uint8_t *image, size_t len);

#endif
