/*
 * The algorithms, for their table only: everyone else finds them by name
 * (prober/algorithm.h).
 */
#ifndef ALGORITHMS_ALGORITHMS_H
#define ALGORITHMS_ALGORITHMS_H

#include "prober/algorithm.h"

extern const struct algorithm algorithm_concurrent;
extern const struct algorithm algorithm_exhaustive;
extern const struct algorithm algorithm_hopbyhop;
extern const struct algorithm algorithm_mda;
extern const struct algorithm algorithm_mda_lite;
extern const struct algorithm algorithm_packetbypacket;
extern const struct algorithm algorithm_paris;
extern const struct algorithm algorithm_ping;
extern const struct algorithm algorithm_scout;
extern const struct algorithm algorithm_traceroute;

#endif
