/*
 * How sure it is that a node has no further successor, given how many flows were asked
 * and how many successors they showed.
 */
#ifndef TOOLS_MDA_CONFIDENCE_H
#define TOOLS_MDA_CONFIDENCE_H

#include <stdint.h>

/*
 * The probability, from 0 to 1, that `flows` flows show all of successors + 1 equally
 * likely successors: how surely one more would have been seen. 0 without flows. Where
 * the number is so large that it does not matter, it is rounded down.
 */
double confidence_of(uint32_t successors, uint32_t flows);

#endif
