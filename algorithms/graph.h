/*
 * The multipath graph: what probes of many flows showed of the ways to one target. A
 * vertex is an address at a hop; the same address at two hops is two vertices. A link
 * is there because some flow was seen at both of its ends. The algorithm decides by
 * this graph what to ask; a tool that feeds the same answers into one of its own has
 * the same graph, and draws it.
 *
 * Vertices and links are numbered from 0 in the order in which they were found and are
 * never removed; pointers to them and what they point to are valid until the next call
 * that is not const. A vertex without flows is one that a repeat showed, or that was
 * thought silent, or beyond a flow's end, before more was known: no path leads there.
 * A vertex that no link leads to is most often the end again, of a flow that was not
 * asked before it: no path leads there either.
 * All memory grows with what was answered: nothing is read from a hostile answer but
 * its address, and flows are bounded.
 */
#ifndef ALGORITHMS_GRAPH_H
#define ALGORITHMS_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

#define GRAPH_NONE UINT32_MAX /* no vertex, no link */
#define GRAPH_SOURCE 0        /* this host: the vertex before the first hop */
#define GRAPH_FLOWS_MAX 65536 /* flows are numbered from 0 to one less */

enum vertex_kind {
	VERTEX_SOURCE,
	VERTEX_ROUTER, /* "time exceeded" */
	/* What answered ends the path, whoever asks: the target, or "unreachable". */
	VERTEX_END,
	/*
	 * Nobody answers flows that come from this predecessor: one such vertex for
	 * each of them, which is all that is known of it.
	 */
	VERTEX_SILENT,
};

struct vertex {
	uint32_t number;
	uint8_t ttl;           /* GRAPH_SOURCE: one less than the first hop */
	uint8_t kind;          /* enum vertex_kind */
	bool reached;          /* VERTEX_END: it is the target */
	struct addr addr;      /* none for GRAPH_SOURCE and VERTEX_SILENT */
	const uint32_t *flows; /* those that were seen here, in the order of answers */
	uint32_t flows_count;
	/* Links to the hop behind that have flows, in the order of discovery ... */
	const uint32_t *next;
	uint32_t next_count;
	const uint32_t *prev; /* ... and from the hop before */
	uint32_t prev_count;
	/*
	 * Its flows whose place at the next hop is known: the evidence for its
	 * successors. Of GRAPH_SOURCE all flows of the first hop.
	 */
	uint32_t evidence;
	/* Repeats: a flow of this vertex asked once more at the next hop ... */
	uint32_t repeats;
	uint32_t changes; /* ... and seen at another vertex than the time before */
};

struct link {
	uint32_t from; /* vertices */
	uint32_t to;
	const uint32_t *flows; /* that were seen at both */
	uint32_t flows_count;
};

struct graph;

/* An empty graph, but for the source; NULL: no memory. */
struct graph *graph_new(uint8_t first_ttl, uint8_t max_ttl);
void graph_free(struct graph *g);

/*
 * A flow was answered at a hop. Returns the vertex. A flow that had a place at this hop
 * keeps it: a repeat that shows another one adds the vertex, without a link, and counts
 * as a change of the flow's predecessor. VERTEX_END ends the flow: what is known of it
 * at later hops, or comes to be, is left out; then, of a hop or flow out of bounds, and
 * when there is no memory (graph_failed), GRAPH_NONE is returned. A vertex of both
 * kinds is a router.
 */
uint32_t graph_answer(struct graph *g, uint32_t flow, uint8_t ttl,
    const struct addr *from, enum vertex_kind kind, bool reached);

/*
 * Nobody answers this flow at this hop, after all attempts. It gets a place only once
 * its place at the hop before is known (then or later). Returns 0 or -ENOMEM. An answer
 * that comes after all replaces it; one that came before stands.
 */
int graph_silent(struct graph *g, uint32_t flow, uint8_t ttl);

/* The lowest hop where an answer ended this flow's path; 0: none did. */
uint8_t graph_end(const struct graph *g, uint32_t flow);

/* Whether memory was short at some time: the graph lacks something. */
bool graph_failed(const struct graph *g);

/* Where a flow was seen, or GRAPH_NONE. Of TTLs below the first: GRAPH_SOURCE. */
uint32_t graph_place(const struct graph *g, uint32_t flow, uint8_t ttl);

uint32_t graph_vertices(const struct graph *g); /* how many there are */
const struct vertex *graph_vertex(const struct graph *g, uint32_t vertex);
uint32_t graph_links(const struct graph *g);
const struct link *graph_link(const struct graph *g, uint32_t link);

/* What a vertex does with several successors, as far as repeats of flows show. */
enum graph_balancer {
	BALANCER_NONE, /* has one successor at most */
	BALANCER_UNTESTED,
	BALANCER_FLOW,    /* each flow has its path */
	BALANCER_CHANGED, /* a flow changed its path once: the route did */
	BALANCER_PACKET,  /* flows change their paths: more often than that */
};
enum graph_balancer graph_balancer(const struct vertex *v);

/* The vertices of a hop, in the order of discovery. */
const uint32_t *graph_hop(const struct graph *g, uint8_t ttl, uint32_t *count);

/* The vertex with this address at this hop, or GRAPH_NONE. */
uint32_t graph_find(const struct graph *g, uint8_t ttl, const struct addr *a);

#endif
