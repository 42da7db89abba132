/*
 * Networks of branches for the model (model.h), what must be found in them, and what
 * holds of every run of multipath detection.
 */
#ifndef TESTS_SUPPORT_BRANCHES_H
#define TESTS_SUPPORT_BRANCHES_H

#include "algorithms/graph.h"
#include "tests/support/model.h"

#define BRANCHES_HOPS 40

/* So many nodes at each hop, the last hop the target; 0 ends it. */
struct branches {
	int widths[BRANCHES_HOPS];
	/*
	 * Hops of several nodes are linked all to all; else in parallel, or as evenly
	 * as may be.
	 */
	bool meshed;
};

/* Makes the network, RTTs `step` ns a hop; returns how many hops it has. */
int branches_make(struct model *m, const struct branches *b, int64_t step);

/* The number of a node of branches_make: hop from 1, and which of that hop. */
uint16_t branches_node(const struct branches *b, int hop, int which);

/*
 * The graph that the last run's records show. Freed by the caller.
 */
struct graph *branches_graph(const struct model *m, const struct prober_start *o);

struct found {
	size_t links;   /* that the network has, as far as max_ttl */
	size_t missing; /* of them */
	size_t false_links;
	size_t silent; /* vertices that nobody answered for */
};

/* Compares the graph with the network, whatever that is. */
struct found branches_compare(
    const struct model *m, const struct prober_start *o, const struct graph *g);

/* Runs it, and checks what holds of every run. Returns what was found. */
struct found branches_go(
    struct model *m, const struct algorithm *a, const struct prober_start *o);

#endif
