/*
 * The key=value options of nodes, as one table. Only topology.c uses it; a new option
 * is one line in the table of topology_options.c, and a function where its value is
 * like no other.
 */
#ifndef FAKEROUTE_TOPOLOGY_OPTIONS_H
#define FAKEROUTE_TOPOLOGY_OPTIONS_H

#include "tools/fakeroute/topology.h"

/* What a node is when nothing is said. */
void topology_options_init(struct topology_options *options);

/* True for the name of an option. */
bool topology_option_known(const char *key);

/*
 * Sets one option from its text; value is NULL for a bare word. Returns 0, or -EINVAL
 * and in why what was expected.
 */
int topology_option_set(struct topology_options *options, const char *key,
    const char *value, char *why, size_t room);

#endif
