/*
 * Schedules: in which order a trace asks its queries, and how many at a time. All
 * algorithms that trace one path are one core (traceroute.c), which knows what was
 * asked and answered, how long to wait and when the trace is over. They differ in two
 * things only: whether the flow is constant, and their schedule.
 *
 * A query is a slot of struct traceroute: hop by hop, the queries of a hop side by
 * side. While fewer are out than the window allows the core asks its schedule for the
 * next one, after every event. What a schedule says costs probes or time, never a
 * result: the trace is over when all slots up to its end are settled, in whatever order
 * that came about. While replies may show no tag, untagged.c may hold back a slot that
 * the schedule would allow; it never adds one.
 *
 * A further schedule: one struct in schedule.c, one algorithm in traceroute.c, which
 * names it as its variant, and one line in table.c.
 */
#ifndef ALGORITHMS_SCHEDULE_H
#define ALGORITHMS_SCHEDULE_H

#include "algorithms/traceroute.h"

struct schedule {
	/* Queries that may be out together: one, whatever -N says ... */
	bool alone;
	/* ... or, unless -N says, all of them; else those of HOPS_AT_ONCE hops. */
	bool all;
	/*
	 * The slot to ask now: one that is open, before slots_end(). t->count: none
	 * until more is known, which may only be while something is out.
	 */
	size_t (*next)(struct instance *i, struct traceroute *t);
	/* Before anything is asked; NULL: nothing is to be done. */
	void (*begin)(struct instance *i, struct traceroute *t);
	/*
	 * A slot was answered, and nothing has been asked because of it; or NULL.
	 * False: it is to be asked again, and the reply does not count.
	 */
	bool (*heard)(struct instance *i, struct traceroute *t, size_t slot,
	    const struct prober_result *result);
	/*
	 * When silence, if it lasts, says something (INT64_MAX: never), by the
	 * instance's clock. Then silent() is called. Both or none are NULL.
	 */
	int64_t (*silent_at)(const struct instance *i, const struct traceroute *t);
	void (*silent)(struct instance *i, struct traceroute *t);
};

/* As many hops at once as the path may have, farther ones as answers come. */
extern const struct schedule schedule_eager;
/* All queries of one hop, then those of the next. */
extern const struct schedule schedule_hop;
/* One query after the other. */
extern const struct schedule schedule_packet;
/* All queries of all hops. */
extern const struct schedule schedule_concurrent;
/* One query to the target, then all hops before it at once; or as schedule_hop. */
extern const struct schedule schedule_scout;

#endif
