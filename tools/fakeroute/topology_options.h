/*
 * The key=value options of the topology language, as one table. Only topology.c uses
 * it; a new option is one function and one line in the table of topology_options.c.
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
 * and the reason in why.
 */
int topology_option_set(struct topology_options *options, const char *key,
    const char *value, char *why, size_t room);

/* The language's values; each returns 0 or -EINVAL and leaves *out alone then. */
int topology_number(const char *text, uint64_t least, uint64_t most, uint64_t *out);
int topology_time(const char *text, int64_t *ns);           /* 2ms, 1.5ms, 30us, 1s */
int topology_chance(const char *text, uint32_t *millionth); /* 5%, 0.1% */

#endif
