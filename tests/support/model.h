/*
 * A model network on a virtual clock: a world for algorithms (prober/algorithm.h)
 * without sockets or waiting, thousands of runs a second, the same run for the same
 * seed. What the prober does between an algorithm and the network (instance.c,
 * deliver.c, store.c) it does too: probes leave at the end of a wake-up, a reply
 * without a tag is told by who is expected to send it, or with its real candidates, and
 * brings the flow's window down to one, a probe whose outcome is known is remembered
 * for a while. Unlike the prober it
 * knows which probe a reply is really for, and counts what went to a wrong one.
 */
#ifndef TESTS_SUPPORT_MODEL_H
#define TESTS_SUPPORT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prober/algorithm.h"
#include "tests/support/testing.h"

#define MODEL_NODES_MAX 512
#define MODEL_NEXT_MAX 128
#define MODEL_NONE UINT16_MAX
#define MODEL_START \
	(INT64_C(1000) * 1000000000) /* when the virtual clock starts, ns \
				      */

/* A router, or the target, which is a node that leads nowhere. */
struct model_node {
	struct addr addr;
	/* What it answers: REPLY_TIME_EXCEEDED; REPLY_UNREACHABLE, with its code. */
	uint8_t kind;
	uint8_t code;
	bool ends; /* answers whatever comes here, whatever TTL is left */
	bool silent;
	bool short_quote;  /* its errors show no tag */
	bool per_packet;   /* balances without regard to flows */
	uint16_t mtu;      /* of the links behind it; 0: any */
	bool lies;         /* ... of which it tells that they take one byte less */
	uint8_t reply_ttl; /* of its answers as they arrive; 0: not shown */
	uint8_t hop;   /* where it stands, when its quotes show the TTL left; 0: not */
	int64_t rtt;   /* ns, of a probe that dies here */
	uint32_t lost; /* of a million replies */
	uint32_t duplicated; /* of a million: sent twice, by model.duplicate_after */
	uint32_t late;       /* of a million: come model.late_by later */
	uint32_t burst;      /* answers at once, at most; 0: no limit ... */
	int64_t refill;      /* ... and one more each time so long has passed, ns */
	uint16_t
	    next[MODEL_NEXT_MAX]; /* which of these is next: by flow or by packet */
	uint16_t next_count;
};

/* A probe as it was sent. */
struct model_sent {
	int64_t at;
	uint32_t flow;
	uint8_t ttl;
	uint8_t query;
	uint16_t node; /* where it died: who answers, or would; MODEL_NONE: nobody */
	bool left;     /* false: given up before it left */
	uint16_t len;  /* as asked for; 0: that of the options */
	uint16_t told_mtu; /* it was too large there, and this is said; 0: not so */
};

struct model {
	/* The network; all is zero but what the functions below set. */
	uint64_t seed;
	struct model_node nodes[MODEL_NODES_MAX];
	size_t nodes_count;
	uint16_t first;          /* node at TTL 1 */
	int64_t jitter;          /* ns added to each RTT, from 0 to this */
	int64_t duplicate_after; /* ns; 0: in the same wake-up */
	int64_t late_by;
	/*
	 * Replaces the uniform choice between a node's next ones (by the flow, or by
	 * the probe's number where the node is per_packet): an index into next.
	 */
	uint16_t (*choose)(const struct model *m, uint16_t node, uint64_t key);

	/* Loses the reply to this probe, when there is such a function and it says so.
	 */
	bool (*loses)(const struct model *m, const struct model_sent *sent);

	uint16_t flow_window; /* the plan's; 1: there is no tag, all quotes are short */
	bool quotes_may_be_short;    /* what the algorithm is told ... */
	struct instance_hints hints; /* ... and likewise, true or not */

	/* Troubles of this machine. */
	uint64_t fail_call;   /* this call of instance_send fails (1: the first) ... */
	uint64_t fail_more;   /* ... with -EAGAIN so many after it, too ... */
	int fail_error;       /* ... with this; -EAGAIN: as if tags were short */
	uint64_t fail_probe;  /* this probe (1: the first) never leaves: ENETUNREACH */
	uint32_t fail_mtu;    /* ... but EMSGSIZE with this MTU, unless it is 0 */
	int64_t stop_at;      /* EVENT_STOPPED so long after the start; 0: never */
	uint64_t turns_max;   /* wake-ups before the run is given up as stuck */
	int64_t duration_max; /* likewise, of virtual time */

	/* What happened. Valid until the next run or model_free. */
	struct model_sent *sent;
	size_t sent_count;
	struct prober_result *results; /* as reported, the world's own among them */
	size_t results_count;
	/* By TTL and query: 1 + the index of its final word in results; 0: none. */
	uint32_t finals[256][256];
	struct prober_done done; /* of instance_finish; counters as the prober's */
	int64_t ended_at; /* ns after the start; of a run that was stuck as well */
	bool stuck;
	size_t most_in_flight;
	/* ... of one flow since its window is one, without saying who answers. */
	size_t most_in_flow;
	size_t calls; /* of instance_send */
	/* Replies told as another probe's than they are; those that say that the hop
	 * is certain and the time is not may be another one's of the hop. */
	size_t wrong;
	size_t wrong_times;
	size_t after_end; /* calls that an algorithm made after instance_finish */
	size_t strays;    /* replies that fitted no probe */
};

struct model *model_new(uint64_t seed);
void model_free(struct model *m);

/* Adds a router and returns its number; its address is made of it. */
uint16_t model_add(struct model *m, int64_t rtt);

void model_link(struct model *m, uint16_t from, uint16_t to);

/* Makes a node the target: it answers all that comes there, with port unreachable. */
void model_make_target(struct model *m, uint16_t node);

/*
 * A line: `hops` nodes, the last one the target, RTTs `step` ns apart. For a network
 * without a target see model_node.silent.
 */
void model_line(struct model *m, size_t hops, int64_t step);

/* The node that answers a probe of this flow and TTL where no node is per_packet. */
uint16_t model_path(const struct model *m, uint32_t flow, uint8_t ttl);

/* What paris-traceroute asks by default. */
struct prober_start model_options(void);

/* Runs an algorithm to its end and frees all but what is recorded. */
void model_go(
    struct model *m, const struct algorithm *a, const struct prober_start *options);

/* The final word on (ttl, query) of the last run, or NULL. */
const struct prober_result *model_result(
    const struct model *m, uint8_t ttl, uint8_t query);

/* Probes that were sent with this TTL. */
size_t model_sent_at(const struct model *m, uint8_t ttl);

#endif
