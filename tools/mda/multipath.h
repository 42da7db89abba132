/*
 * What is known of all ways to one target: every result, in the order of arrival, and
 * the graph that they make. Fed with the answers that the algorithm had, in the same
 * order, so it is the graph by which the algorithm decided. Filled from the prober's
 * messages, which are hostile; read by the renderers.
 */
#ifndef TOOLS_MDA_MULTIPATH_H
#define TOOLS_MDA_MULTIPATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "algorithms/graph.h"
#include "common/prober_messages.h"

/* Results that are kept; a prober that sends more is not ours. */
#define MULTIPATH_RESULTS_MAX ((size_t)1 << 21)

/* Of these, replies that are not the final word on a probe: more are only counted. */
#define MULTIPATH_OTHERS_MAX 4096

struct multipath {
	const char *host; /* as the user typed it; not owned */
	struct prober_start asked;
	const char *protocol; /* "udp", "icmp" ...; not owned */
	struct prober_plan_family plan;
	int64_t began; /* CLOCK_REALTIME */
	int64_t ended; /* likewise; 0: not yet */
	bool has_started;
	struct prober_started how;
	struct graph *graph;
	struct prober_result **results; /* without what they do not have: see _result */
	size_t results_count;
	size_t results_room;
	size_t others_count; /* of them */
	uint32_t others_lost;
	uint32_t answered; /* probes */
	uint32_t lost;
	uint32_t unawaited;
	uint32_t highest; /* number of the latest probe that a result is of, plus one */
	bool has_done;
	struct prober_done done;
	bool broken; /* the prober went away before its PROBER_DONE */
};

/* Returns 0 or -ENOMEM. host and protocol must outlive it. */
int multipath_init(struct multipath *t, const char *host, const char *protocol,
    const struct prober_start *asked, const struct prober_plan_family *plan);
void multipath_clear(struct multipath *t);

/*
 * Take one message each, for this instance. Return 0, -ENOMEM, or -EBADMSG when it
 * cannot be true: a hop, flow or attempt out of bounds, the wrong order.
 */
int multipath_take_started(struct multipath *t, const struct prober_started *m);
int multipath_take_result(struct multipath *t, const struct prober_result *m);
int multipath_take_done(struct multipath *t, const struct prober_done *m);

/* Whether the result is an answer that the graph has taken. */
bool multipath_is_answer(const struct prober_result *m);

/* One of the results, whole. Returns out. */
const struct prober_result *multipath_result(
    const struct multipath *t, size_t number, struct prober_result *out);

/* True when no more results will come. */
bool multipath_is_over(const struct multipath *t);

/* Whether some path is known to end at the target itself. */
bool multipath_reached(const struct multipath *t);

/*
 * Whether the vertex is on some path: not one that only a repeat showed, nor where
 * somebody who ends paths answered a flow whose place before is not known: those answer
 * whatever the TTL, so that is no distance.
 */
bool multipath_shows(const struct multipath *t, const struct vertex *v);

/* Whether flows are counted for whole hops where that does (mda-lite). */
bool multipath_is_by_hop(const struct multipath *t);

/* A node may be left incomplete with this probability. */
double multipath_alpha(const struct multipath *t);

/* The last hop with a vertex that is shown; one less than the first if there is none.
 */
int multipath_last_ttl(const struct multipath *t);

/* ---- figures of a vertex --------------------------------------------------------- */

/* What its answers were like. */
struct vertex_figures {
	uint32_t answers;
	int64_t rtt_min; /* ns; -1: not known */
	int64_t rtt_median;
	uint16_t flags; /* of enum prober_result_flag: of any answer */
	/* An answer that says why: of VERTEX_END. Its number, if answers != 0. */
	size_t example;
};

/* Those of all vertices, by number; NULL: no memory. To be freed. */
struct vertex_figures *multipath_figures(const struct multipath *t);

#endif
