/*
 * What the traces of one prober learn from each other: how far a target was, how long
 * answers from its prefix took, and whether quotes on the way from an address of ours
 * show every tag. Only prober/trace.c and prober/instance.c use it: when a trace ends
 * well it is asked to remember, when one begins it is asked for hints
 * (prober/algorithm.h, which says what algorithms may do with them).
 *
 * A table of fixed size, allocated once; each call takes the same time however full it
 * is. Entries are found by addresses that the user named, never by who replied: a liar
 * can make the hints for traces wrong whose probes come by it, which costs those probes
 * and time, and can neither push out what is known of others nor make it wrong.
 */
#ifndef PROBER_LEARNED_H
#define PROBER_LEARNED_H

#include <stdint.h>

#include "common/addr.h"
#include "prober/algorithm.h"

/* Entries that are remembered; the one not used for longest makes room, of a few. */
#define LEARNED_ENTRIES 2048

enum learned_tags {
	LEARNED_TAGS_UNKNOWN = 0,
	LEARNED_TAGS_SHOWN,   /* every reply was told by its tag */
	LEARNED_TAGS_MISSING, /* at least one was not */
};

/* What one trace found. */
struct learned_path {
	uint8_t distance; /* hops to the target; 0: not known */
	uint8_t tags;     /* enum learned_tags */
	int64_t rtt;      /* ns, the longest; 0: not known */
};

struct learned;

/* An empty table; NULL: no memory. seed: a random number that nobody else knows. */
struct learned *learned_new(uint64_t seed);
void learned_free(struct learned *l);

/* Remembers what a trace from source to target found. */
void learned_put(struct learned *l, const struct addr *target,
    const struct addr *source, const struct learned_path *path);

/*
 * What is known for a trace from source to target: of the target itself, else of its
 * prefix (/24, of IPv6 /48: then the longest distance seen there), else nothing.
 */
struct instance_hints learned_get(
    struct learned *l, const struct addr *target, const struct addr *source);

#endif
