/*
 * All that the renderers say of one multipath graph, worked out once when the trace is
 * over: figures, balancers, rare cases, and what was not learned.
 */
#ifndef TOOLS_MDA_FINDINGS_H
#define TOOLS_MDA_FINDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/mda/balance.h"
#include "tools/mda/classify.h"
#include "tools/mda/multipath.h"
#include "tools/mda/rare.h"

struct findings {
	const struct multipath *paths;
	struct vertex_figures *figures; /* by vertex */
	struct balances balances;
	uint32_t *rare; /* by vertex: bits 1 << enum anomaly */
	uint32_t
	    *needed;  /* by vertex: flows that its stopping point asks for; 0: none */
	bool *by_hop; /* by vertex: fewer were enough, as its hop was tested as one */
	uint32_t *order; /* shown vertices, by hop and address, the source first */
	uint32_t order_count;
	uint32_t nodes;  /* of them, those that answered */
	uint32_t silent; /* ... and those that did not */
	uint32_t links;
	uint32_t widest;     /* answering vertices of one hop, at most */
	uint32_t unfinished; /* vertices whose stopping point was not reached */
	const struct classify *classes; /* NULL: that was not asked for */
};

/* Returns 0 or -ENOMEM. paths must outlive it, and no longer change. */
int findings_make(struct findings *f, const struct multipath *paths);
void findings_clear(struct findings *f);

/*
 * Takes in what further instances found out: kinds of balancers that the search alone
 * does not show. classes must outlive it, and no longer change.
 */
void findings_classify(struct findings *f, const struct classify *classes);

/*
 * Whether the vertex tells such packets apart: VERDICT_UNTESTED too when that was not
 * asked for, or when it does not send a flow the same way each time.
 */
enum verdict findings_judge(const struct findings *f, uint32_t vertex, enum trait t);

/* Whether something that was asked for was not found out of a vertex. */
bool findings_is_undecided(const struct findings *f, uint32_t vertex);

/* How many successors are known, those included that only further instances saw. */
uint32_t findings_ways(const struct findings *f, uint32_t vertex);

/* Flows asked of the vertex about its successors, and how sure that makes it. */
double findings_confidence(const struct findings *f, uint32_t vertex);

/* Whether the vertex was to be tested and its stopping point was not reached. */
bool findings_is_unfinished(const struct findings *f, uint32_t vertex);

/* Whether the target was reached and nothing more was to be asked. */
bool findings_is_complete(const struct findings *f);

#endif
