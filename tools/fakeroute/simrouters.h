/*
 * What the interfaces of one simulated router share: its token bucket and its counters
 * of IP identifications. A node without aliases is a router by itself.
 */
#ifndef FAKEROUTE_SIMROUTERS_H
#define FAKEROUTE_SIMROUTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/fakeroute/network.h"
#include "tools/fakeroute/simpacket.h"

struct simrouters;

/* Draws first identifications from the network's chance. Returns NULL without memory.
 */
struct simrouters *simrouters_new(struct network *n);
void simrouters_free(struct simrouters *r);

/*
 * Takes a token of the router that a node belongs to, at a time in ns: false when there
 * is none, so that nothing may be sent.
 */
bool simrouters_may_send(struct simrouters *r, uint32_t node, int64_t now);

/*
 * The identification of a packet that the node sends: of 16 bits, or of 32 for a packet
 * in fragments over IPv6. p: the packet that is answered.
 */
uint32_t simrouters_identification(
    struct simrouters *r, uint32_t node, const struct simpacket *p);

#endif
