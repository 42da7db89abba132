/*
 * The network as text for people: each target's hops, who is at each, and who balances
 * to whom.
 */
#ifndef FAKEROUTE_PICTURE_H
#define FAKEROUTE_PICTURE_H

#include <stdbool.h>
#include <stdio.h>

#include "tools/fakeroute/network.h"

/* walked: with how many packets went over each link so far. */
void picture_print(struct network *n, bool walked, FILE *out);

#endif
