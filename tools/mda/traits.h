/*
 * What a node tells packets apart by: found by packets that differ in one thing alone,
 * a field or, within a prefix, the destination. One of them is a flow of an experiment,
 * whose graph shows whether they part behind a node. Pure; tools/mda/classify.h says
 * which experiments there are.
 */
#ifndef TOOLS_MDA_TRAITS_H
#define TOOLS_MDA_TRAITS_H

#include <stdbool.h>
#include <stdint.h>

#include "algorithms/graph.h"

/* In what the flows of an experiment differ. */
enum trait {
	TRAIT_SRC_PORT,
	TRAIT_DST_PORT,
	TRAIT_CHECKSUM, /* ICMP */
	TRAIT_LABEL,    /* IPv6 */
	TRAIT_TOS,      /* its upper six bits, the DSCP */
	TRAIT_DESTINATION,
	TRAITS, /* how many there are */
};

enum verdict {
	VERDICT_UNTESTED, /* too few flows came there, or they did not stay */
	VERDICT_NO,       /* all went the same way */
	VERDICT_YES,      /* they went several ways */
};

/*
 * How many flows have to go the same way for VERDICT_NO: if the node spread them evenly
 * over several ways, it would be told so with a probability of at most alpha. 0: no
 * memory, or alpha is out of range.
 */
uint32_t trait_flows_needed(double alpha);

/*
 * What the node of that TTL and address (kind VERTEX_SOURCE: this host) does with the
 * flows of an experiment; needed is trait_flows_needed(). ways, unless NULL, becomes
 * how many ways they were seen to go. Who does not answer is no way. Of
 * TRAIT_DESTINATION who ends paths is none either: each destination ends its own.
 */
enum verdict trait_judge(const struct graph *g, enum trait trait,
    const struct vertex *node, uint32_t needed, uint32_t *ways);

/* Whether flows came there, but too few to judge by. */
bool trait_wants_flows(const struct graph *g, enum trait trait,
    const struct vertex *node, uint32_t needed);

/* "destination port", for the text; "dst_port", for json. */
const char *trait_words(enum trait trait);
const char *trait_name(enum trait trait);

#endif
