/*
 * What the transports over datagram sockets share: options, batches of sends, the error
 * queue and the kernel's stamps. Included by prober/transports/ only.
 */
#ifndef PROBER_TRANSPORTS_DATAGRAM_H
#define PROBER_TRANSPORTS_DATAGRAM_H

#include <sys/socket.h>

#include "prober/transport.h"

/* A rule of the sandbox: such sockets may be opened. */
#define DATAGRAM_SOCKET(family, protocol) \
	SANDBOX_SOCKET(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol)

/* The part of the packet that the kernel does not write: where it starts. */
size_t datagram_send_from(const struct endpoint *e);

/* Opens a SOCK_DGRAM socket of this protocol (0 for UDP) and binds it. 0 or -errno. */
int datagram_open(struct endpoint *e, int protocol);

int datagram_send(struct endpoint *e);

/*
 * to_reply of UDP and its kin: a datagram from the target, whose payload may be
 * anything, our own sent back too.
 */
bool datagram_from_target(
    const struct endpoint *e, struct reply *r, uint8_t *image, size_t len);

/*
 * Reads the error queue, then the normal queue. to_reply completes a reply from the
 * normal queue: kind, and the visible part of the probe in image (len bytes arrived at
 * quote_at).
 */
void datagram_receive(struct watch *w, uint32_t events,
    bool (*to_reply)(
	const struct endpoint *e, struct reply *r, uint8_t *image, size_t len));

#endif
