/*
 * Wrong quotes: the fields that a node changes in the packet that its ICMP errors quote
 * (the option misquote). Of the simulator only.
 */
#ifndef FAKEROUTE_SIMQUOTE_H
#define FAKEROUTE_SIMQUOTE_H

#include <stddef.h>
#include <stdint.h>

#include "tools/fakeroute/simpacket.h"
#include "tools/fakeroute/topology.h"

/*
 * Changes fields of the quote of a packet, of len bytes; what is not quoted, or what
 * this packet does not have, is left alone. The checksum of a quoted IPv4 header is
 * made right again unless it is changed itself.
 */
void simquote_change(uint8_t *quote, size_t len, const struct simpacket *p,
    const struct topology_misquote *misquotes, size_t count);

#endif
