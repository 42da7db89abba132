/*
 * Packets in pieces: putting together what the host sent in fragments, as a destination
 * does, and cutting up answers that are too large for the link. Of the simulator only.
 */
#ifndef FAKEROUTE_FRAGMENTS_H
#define FAKEROUTE_FRAGMENTS_H

#include <stddef.h>
#include <stdint.h>

#include "tools/fakeroute/simpacket.h"

struct fragments;

/* Returns NULL without memory. */
struct fragments *fragments_new(void);
void fragments_free(struct fragments *f);

/*
 * Adds a piece of a packet. When that was the last one missing, returns the whole
 * packet, unfragmented, and its length; it stays valid until the next call. Else NULL.
 * Few packets are put together at once: the oldest gives way.
 */
const uint8_t *fragments_add(
    struct fragments *f, const struct simpacket *piece, size_t *len);

/*
 * Writes the piece of a whole packet (header without options) that begins at *offset of
 * what is behind its IP header, at most mtu bytes of it, and moves *offset behind it.
 * Returns the length of the piece, 0 when none is left. A packet that fits is its own
 * only piece.
 */
size_t fragments_cut(const uint8_t *packet, size_t len, size_t mtu,
    uint32_t identification, size_t *offset, uint8_t *out);

#endif
