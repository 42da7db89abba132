/*
 * The ICMP extension structures (RFC 4884 section 7) that the nodes of a topology send,
 * made once. Of the simulator only.
 */
#ifndef FAKEROUTE_SIMEXTENSION_H
#define FAKEROUTE_SIMEXTENSION_H

#include <stddef.h>
#include <stdint.h>

#include "tools/fakeroute/topology.h"

struct simextensions;

/* Returns NULL without memory. The topology must outlive them. */
struct simextensions *simextensions_new(const struct topology *t);
void simextensions_free(struct simextensions *e);

/*
 * The structure that errors of a node carry over IPv4 (family 0) or IPv6 (1), and its
 * length: NULL and 0 if they carry none.
 */
const uint8_t *simextensions_get(
    const struct simextensions *e, uint32_t node, size_t family, size_t *len);

#endif
