/*
 * Finding out what nodes tell packets apart by, when the search of a host is done: a
 * few further instances of the prober, each with packets that differ in one thing
 * alone. Says which to run, takes what comes back, which is hostile, and judges.
 *
 * Ports, checksum and flow label differ from flow to flow of one instance; the TOS and
 * the destination, and through the helper the source port, from one instance with a
 * single flow to the next. Packets set out as flow 0 of the search does; where those do
 * not come to some balancer they set out once more as a flow that was seen there.
 */
#ifndef TOOLS_MDA_CLASSIFY_H
#define TOOLS_MDA_CLASSIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/mda/multipath.h"
#include "tools/mda/traits.h"

/* One trait, tried with packets that set out as one flow of the search. */
struct experiment {
	uint8_t trait; /* enum trait */
	uint32_t base; /* that flow */
	struct graph *graph;
	uint32_t runs; /* instances that were planned, or passed over */
};

/* An instance. */
struct run {
	uint32_t experiment;
	uint32_t flow; /* of the experiment: its flow 0, where it has no more */
	bool single;   /* it has no more */
	struct prober_start start;
	bool started;
	bool done;
};

struct classify {
	const struct multipath *search;
	struct prober_start start; /* as the search was started */
	bool hash_fields;          /* to be found out */
	uint8_t prefix;            /* length; 0: destinations are not to be tried */
	uint32_t needed;           /* trait_flows_needed() */
	struct experiment *experiments;
	uint32_t experiments_count;
	struct run *runs;
	uint32_t runs_count;
	uint32_t runs_begun; /* the caller has started those */
	uint32_t runs_done;
	uint32_t sent; /* probes */
	bool over;
	bool broken;             /* not all was found out */
	struct prober_done last; /* then: of a run that could not be done, or zeros */
};

/* start is copied; search must outlive it. Nothing to be done: it is over at once. */
void classify_init(struct classify *c, const struct multipath *search,
    const struct prober_start *start, bool hash_fields, uint8_t prefix);
void classify_clear(struct classify *c);

/*
 * The search is done, or a run: plans what comes next, runs from runs_begun on, or is
 * over. stopped: plan nothing any more. Returns 0 or -ENOMEM.
 */
int classify_go_on(struct classify *c, bool stopped);

/* Take a message for a run each; as multipath_take_*. */
int classify_take_started(
    struct classify *c, uint32_t run, const struct prober_started *m);
int classify_take_result(
    struct classify *c, uint32_t run, const struct prober_result *m);
int classify_take_done(struct classify *c, uint32_t run, const struct prober_done *m);

/* The prober went away. */
void classify_break_off(struct classify *c);

/* Whether this trait was to be found out, of packets as these are. */
bool classify_asks(const struct classify *c, enum trait trait);

/*
 * What a node of the search's graph tells apart; ways, unless NULL, becomes how many
 * ways were seen at most.
 */
enum verdict classify_judge(
    const struct classify *c, enum trait trait, const struct vertex *v, uint32_t *ways);

#endif
