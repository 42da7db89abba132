/*
 * Stopping points of the multipath detection algorithm: Veitch, Augustin, Friedman,
 * Teixeira, "Failure control in multipath route tracing", INFOCOM 2009. A node with k
 * equally likely successors is left with fewer than k found with a probability of at
 * most alpha, when a search goes on until stopping_point(k + 1) probes have been
 * answered while k are known.
 */
#ifndef ALGORITHMS_STOPPING_H
#define ALGORITHMS_STOPPING_H

#include <stddef.h>
#include <stdint.h>

#define STOPPING_MAX 1024 /* successors of one node, at most */
#define STOPPING_ALPHA_MIN 1e-12
#define STOPPING_ALPHA_MAX 0.5

struct stopping;

/*
 * NULL: no memory, or alpha is out of range. Points are computed when they are first
 * asked for: all of them take some tenths of a second, the first hundred no time.
 */
struct stopping *stopping_new(double alpha);
void stopping_free(struct stopping *s);

/*
 * n_k: how many answered probes, over distinct flows through one node, rule out a k-th
 * successor when k - 1 are known. k from 2 to STOPPING_MAX + 1; 0 for any other.
 */
uint32_t stopping_point(struct stopping *s, uint32_t k);

/* The probability that a node with k successors is left incomplete; k as above. */
double stopping_failure(struct stopping *s, uint32_t k);

/* alpha for each node when at most `nodes` branch and the graph is to hold alpha. */
double stopping_alpha_of_graph(double alpha, uint32_t nodes);

#endif
