/*
 * The inside of multipath detection, for the files that make it up: mda.c takes events
 * and knows when all is done; mda_learn.c puts answers into the graph, mda_ask.c keeps
 * what each flow was asked at each hop, mda_plan.c decides what to ask, mda_again.c
 * what to ask again, and mda_lite.c where less will do. Nobody else includes it.
 */
#ifndef ALGORITHMS_MDA_H
#define ALGORITHMS_MDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "algorithms/asking.h"
#include "algorithms/graph.h"
#include "algorithms/stopping.h"
#include "prober/algorithm.h"

#define MDA_NONE UINT32_MAX

enum ask_state {
	ASK_NEW = 0,
	ASK_QUEUED, /* to be asked (again): in its hop's queue */
	ASK_OUT,    /* in flight */
	ASK_ANSWERED,
	ASK_SILENT,  /* given up */
	ASK_DROPPED, /* not worth asking: the flow ended before */
};

/* What an ask is to the vertex where its flow was at the hop before. */
enum ask_class {
	CLASS_NONE = 0, /* nothing, or evidence, which the graph counts */
	CLASS_SPARE,    /* could be asked */
	CLASS_PENDING,  /* will be evidence soon */
};

/* One flow at one hop. */
struct ask {
	uint8_t state;    /* enum ask_state */
	uint8_t attempts; /* probes sent, repeats of what is known too */
	uint8_t alone;    /* of these were lost when others were answered */
	bool fresh;     /* it was not known to come to any vertex more than to others */
	bool waiting;   /* silent, and it will be known soon where that is */
	uint8_t class;  /* enum ask_class: how it is counted ... */
	uint32_t owner; /* ... by this vertex */
	uint32_t out;   /* ASK_OUT: which of mda.outs */
};

struct mda_flow {
	uint8_t stop; /* it is not asked beyond this hop; 0: no end known */
	bool barred;  /* what it is answered cannot be told apart: asked no more */
	uint8_t low;  /* hops at which it may be asked */
	uint8_t high;
	uint32_t outs; /* probes of it in flight */
};

/* A probe in flight. */
struct out {
	struct probe *probe; /* referenced; NULL: free */
	uint32_t flow;
	uint8_t ttl;
	bool repeat; /* what it will show is known: does the path stay? */
	bool moot;   /* nothing waits for it: the flow ended before */
	int64_t sent_at;
	int64_t deadline;
	uint32_t next; /* in its hop's list, or in the list of free ones */
	uint32_t prev;
};

struct mda_hop {
	struct ask *asks; /* by flow */
	uint32_t room;
	uint32_t fresh; /* flows below this are not fresh here any more */
	uint32_t outs;  /* list of what is in flight here, oldest first */
	uint32_t outs_last;
	uint32_t flying; /* asks queued or in flight: flows whose place is to come */
	uint32_t *queue; /* flows to ask, oldest first; some may be void */
	uint32_t queue_from, queue_to, queue_room;
	bool dirty;
	bool asked;
	bool full;        /* mda-lite: each vertex is searched, not the hop */
	uint32_t waiting; /* flows that nobody answered, likewise */
	uint32_t settled; /* fresh flows that were answered or given up here */
	/* Flows that were answered here ... */
	uint32_t answered;
	uint32_t lost; /* ... and probes that were lost before they were */
	uint32_t silent;
	int64_t rtt; /* longest */
	bool check;  /* do routers answer that have done so before? */
	/* Where answers are rationed: */
	uint32_t out_count;
	uint32_t window;
	uint32_t in_row; /* answers since something was lost */
	int64_t cut_at;  /* losses of what was sent before are accounted for */
	int64_t pause;
	int64_t not_before;
};

/* What the algorithm knows of a vertex beyond the graph. */
struct mda_vertex {
	uint32_t spare; /* its flows that could be asked at the next hop */
	uint32_t pending;
	uint32_t cursor; /* into its flows: those before are not spare */
	uint32_t back;   /* likewise: they say nothing of the hop before */
	uint32_t repeats_out;
	uint32_t repeats_tried;
	uint32_t seen_at;    /* fresh flows settled at its hop when it was last met */
	int64_t answer_sent; /* when the latest of what it answered was sent */
	int64_t check_sent;  /* when it was last looked at whether it still answers */
	uint32_t missed;     /* how often in a row it did not */
	uint32_t came_back;  /* addresses that did on the way here */
	uint32_t stamp;
	bool looks_looped; /* its address stands at a lower hop too */
	bool looped;       /* flows here are in a loop: they are not followed */
	bool given_up;     /* flows do not come here any more */
	bool shaky; /* flows came here by a vertex that does not keep their paths */
};

struct mda {
	struct graph *graph;
	struct stopping *stopping;
	double alpha; /* of each node */
	bool lite;
	uint32_t phi;
	uint32_t children;
	uint32_t max_flows;
	uint32_t window;
	struct mda_flow *flows;
	uint32_t flows_count, flows_room;
	struct mda_vertex *vertices; /* as the graph's */
	uint32_t vertices_room;
	struct out *outs;
	uint32_t outs_count, outs_room, outs_free;
	uint32_t *by_probe; /* by its number: which of outs, + 1 */
	uint32_t by_probe_room;
	double *shares; /* scratch for one hop's vertices */
	uint32_t *wanted;
	const struct link **own;
	uint32_t shares_room, wanted_room, own_room;
	struct mda_hop hops[257]; /* by TTL */
	uint32_t in_flight;
	uint32_t needed; /* of these: something waits for them */
	uint32_t queued;
	uint32_t sent;
	uint32_t answered, lost; /* sums of the hops' */
	uint32_t stamp;          /* of walks over the graph */
	uint8_t beyond;          /* the highest hop that certainly exists */
	uint8_t alive;           /* the highest hop that answered anything ... */
	uint8_t linked;          /* ... and to which a path is known */
	uint8_t reach;           /* scouts go up to this hop */
	uint8_t first_reach;     /* ... which was this one at first */
	uint8_t scouted;         /* ... and went so far */
	uint8_t end_ttl;         /* the lowest hop with a final answer; 0: none */
	int64_t heard_at;
	int64_t longest_rtt;
	int64_t wake;  /* when something may be asked that may not now */
	int64_t alarm; /* what the timer is set to */
	bool tags_seen;
	bool apart;        /* flows may have to wait for their own probes */
	bool any_loop;     /* some address stands at hops apart */
	bool any_unstable; /* some vertex does not keep flows to their paths */
	bool checking;     /* what is asked now is not rationed */
	bool blocked;      /* nothing can be sent now */
	bool held;         /* something cannot: its hop's answers are rationed */
	bool no_flows;     /* more were wanted than there are */
	bool no_probes;
	bool ended;
	bool too_many_children;
};

/* Hops that are asked before anything is known. */
#define MDA_HOPS_AT_ONCE 16

/* ---- mda_learn.c ---- */

/* A probe was answered in time, or late: into the graph with it. */
void mda_reply(struct instance *i, struct mda *m, const struct reply_view *view);
void mda_late(struct instance *i, struct mda *m, const struct reply_view *view);

/* An answer to this ask, whichever of its probes brought it. */
void mda_answered(struct instance *i, struct mda *m, const struct prober_result *r);

/* The graph had `known` vertices and has got more. False: the trace has ended. */
bool mda_follow_graph(struct instance *i, struct mda *m, uint32_t known);

/* It is known now where the flow is at this hop. */
void mda_placed(struct instance *i, struct mda *m, uint32_t flow, uint8_t ttl);

/* A repeat of what is known was answered, or lost. */
void mda_repeat_done(struct mda *m, uint32_t flow, uint8_t ttl);

/* Nothing more is expected of what a flow was asked at a hop. */
void ask_drop(
    struct instance *i, struct mda *m, uint32_t flow, uint8_t ttl, const struct ask *a);

/* ---- mda_ask.c ---- */

/* The trace ends; what is on its way is told as such. */
void mda_end(
    struct instance *i, struct mda *m, enum prober_reason reason, uint8_t end_ttl);

/* The trace ends: no memory. */
void mda_fail(struct instance *i, struct mda *m);

/* Makes room for `wanted` items, new ones zero; on failure the trace has ended. */
bool mda_reserve(struct instance *i, struct mda *m, void *array, uint32_t *room,
    uint32_t wanted, size_t size);

/* The ask of a flow at a hop, NULL when it has none yet. */
static inline struct ask *
ask_find(const struct mda *m, uint32_t flow, unsigned int ttl)
{
	const struct mda_hop *h = &m->hops[ttl];

	return flow < h->room ? &h->asks[flow] : NULL;
}

static inline bool
ask_is_new(const struct mda *m, uint32_t flow, unsigned int ttl)
{
	const struct ask *a = ask_find(m, flow, ttl);

	return a == NULL || a->state == ASK_NEW;
}

/* Whether a flow could be asked at a hop, now or when its other probes are back. */
bool flow_may(const struct mda *m, uint32_t flow, unsigned int ttl);

/* Whether none of its probes in flight is in the way. */
bool flow_is_idle(const struct instance *i, const struct mda *m, uint32_t flow);

/* Replies may show no tag: a flow may have one probe in flight. */
bool mda_is_apart(const struct instance *i, const struct mda *m);

/* A new flow that serves this hop, or MDA_NONE: there are no more. */
uint32_t flow_new(struct instance *i, struct mda *m, uint8_t ttl);

/* A probe can be sent to this hop now; else somebody wakes us. */
bool hop_can_send(struct instance *i, struct mda *m, uint8_t ttl);

/* Asks a flow at a hop. False: not now; m->blocked says so if it is the machine. */
bool ask_now(
    struct instance *i, struct mda *m, uint32_t flow, uint8_t ttl, bool repeat);

/* The last hop that there is for certain. */
static inline uint8_t
last_hop(const struct mda *m)
{
	return m->beyond > m->linked ? m->beyond : m->linked;
}

/* Whether flows that were at `before`, if that is known, may come to this vertex. */
bool may_follow(const struct mda *m, uint32_t before, const struct vertex *told);

/* Puts it into the hop's queue, unless it has been asked. */
void ask_later(struct instance *i, struct mda *m, uint32_t flow, uint8_t ttl);

/* The same at the hop before this one. False: it was asked, or may not be. */
bool ask_back(struct instance *i, struct mda *m, uint32_t flow, uint8_t ttl);

void ask_set(struct instance *i, struct mda *m, uint32_t flow, uint8_t ttl,
    enum ask_state state);

/* Something has changed for this flow at this hop or the one before. */
void ask_recount(struct instance *i, struct mda *m, uint32_t flow, unsigned int ttl);

/* The hop is to be planned anew. */
void hop_mark(struct mda *m, unsigned int ttl);

/* Which of mda.outs a probe is, or MDA_NONE. */
uint32_t out_of_probe(const struct mda *m, const struct probe *p);

/* Nothing waits for it any more. */
void out_unlink(struct mda *m, uint32_t out);

/* It is not in flight any more. */
void out_free(struct mda *m, uint32_t out);

/* A hop has answered for the first time: now it is known how long that takes. */
void mda_shorten_waits(struct instance *i, struct mda *m);

/* Attempts after which silence at this hop is believed, and at most. */
#define ATTEMPTS_MAX 24
uint32_t hop_attempts(const struct instance *i, const struct mda *m, uint8_t ttl);

/* Answers seem to be rationed where this was sent to. */
void hop_ration(struct instance *i, struct mda *m, const struct out *o);

/* A flow was answered at a hop with this attempt, from 1. */
void hop_note_answer(struct instance *i, struct mda *m, uint8_t ttl, uint8_t attempts);

/* ---- mda_plan.c ---- */

/* Asks all that is worth asking now. */
void mda_plan(struct instance *i, struct mda *m);

/* A flow of this vertex to ask at the next hop, or MDA_NONE. */
uint32_t flow_spare(struct instance *i, struct mda *m, uint32_t vertex);

/*
 * A flow that was not asked at this hop, and of which it is not known where it was at
 * the hop before (those are spare there); if possible one that was asked elsewhere.
 */
uint32_t flow_fresh(struct instance *i, struct mda *m, uint8_t ttl);

/* How many flows are to be seen behind a vertex for its next stopping point. */
uint32_t mda_needed_by(
    const struct instance *i, struct mda *m, const struct vertex *told);

/* ---- mda_again.c ---- */

/* What is to be asked again, or was asked for by the hop behind. */
void mda_ask_queued(struct instance *i, struct mda *m, uint8_t ttl);

/* Vertices that no link leads to: one of their flows is asked at the hop before. */
void mda_link_back(struct instance *i, struct mda *m, uint8_t ttl);

/* Repeats of flows that tell whether they keep their paths behind this vertex. */
void mda_repeat(struct instance *i, struct mda *m, const struct vertex *told);

/* ---- mda_lite.c ---- */

/* How many flows are to be seen behind a vertex of a hop that is not `full`. */
uint32_t lite_needed_by(
    const struct instance *i, struct mda *m, const struct vertex *told);

/* Asks what hop-wise discovery wants of a hop; certain: there is one behind it. */
void lite_plan_hop(struct instance *i, struct mda *m, uint8_t ttl, bool certain);

#endif
