/*
 * Nodes and links of a topology in few words, for its pictures.
 */
#ifndef FAKEROUTE_DESCRIBE_H
#define FAKEROUTE_DESCRIBE_H

#include <stddef.h>

#include "tools/fakeroute/topology.h"

#define DESCRIBE_ROOM 512

/*
 * Each writes a text into room bytes and returns it; what does not fit is left out. The
 * texts hold nothing but letters, digits, blanks and -+.:/%,*().
 */

/* All addresses with a separator in between, prefixes with their length. */
const char *describe_addrs(
    const struct topology_node *node, const char *separator, char *out, size_t room);

/* When a link is there, if not always: "until 5s", "from 40 packets on". */
const char *describe_span(const struct topology_span *span, char *out, size_t room);

/*
 * What is remarkable about a node, each trait between two texts: " [silent] [MTU 1300]"
 * with " [" and "]".
 */
const char *describe_traits(const struct topology *t, size_t node, const char *before,
    const char *after, char *out, size_t room);

#endif
