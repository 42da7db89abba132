/*
 * The network as a graph in the language of dot(1), for those who want to see it whole.
 */
#ifndef FAKEROUTE_DOT_H
#define FAKEROUTE_DOT_H

#include <stdbool.h>
#include <stdio.h>

#include "tools/fakeroute/network.h"

/* walked: with how many packets went over each link so far. */
void dot_print(const struct network *n, bool walked, FILE *out);

#endif
