/*
 * The bytes that follow the IP header of the probes which paris-privsep makes, as
 * privsep_messages.h describes them. For the helper, which sends them, and for whoever
 * compares them with what routers quote. Pure.
 */
#ifndef COMMON_PRIVSEP_PACKETS_H
#define COMMON_PRIVSEP_PACKETS_H

#include "common/packets.h"
#include "common/privsep_messages.h"

/* Room for any of them. */
#define PRIVSEP_PACKET_MAX (8 + PRIVSEP_PAYLOAD_MAX)

/*
 * Writes the probe from a reservation's port into out (PRIVSEP_PACKET_MAX bytes) and
 * returns its length; of UDP, the payload alone: the kernel writes the header. The
 * message is one that unpack accepts; nonce is the helper's.
 */
size_t privsep_packet(
    const struct privsep_send *m, uint16_t port, const uint8_t *nonce, uint8_t *out);

/*
 * How it is sent through the interface of its reservation; both point to what they were
 * given. Its stamps bear the cookie.
 */
struct outgoing privsep_outgoing(const struct privsep_send *m, uint32_t interface,
    const uint8_t *packet, size_t len);

#endif
