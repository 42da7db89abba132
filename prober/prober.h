/*
 * The prober's inside: one event loop that serves a channel to the tool, any number of
 * instances, and the endpoints that they share. Included by main.c and the files that
 * make it up, and by tests that look into it.
 */
#ifndef PROBER_PROBER_H
#define PROBER_PROBER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/hash.h"
#include "common/message.h"
#include "prober/algorithm.h"
#include "prober/helper.h"
#include "prober/layout.h"
#include "prober/learned.h"
#include "prober/raw.h"
#include "prober/store.h"
#include "prober/timer.h"
#include "prober/transport.h"
#include "prober/tree.h"

/*
 * How long a settled probe is remembered, to know duplicates and late replies by, ns.
 */
#define PROBE_LINGER (INT64_C(5) * 1000000000)

/* Bytes of results that may wait for the tool before probes are held back. */
#define RESULTS_WAITING_MAX ((size_t)128 << 10)

/*
 * Duplicates and late replies of one probe that are told, and, for each probe that was
 * sent, ambiguous ones of a trace; more are only counted, so that no flood of replies
 * fills the channel while its reader pauses.
 */
#define EXTRA_REPLIES_TOLD 4

/*
 * Descriptors that a prober has at most, where the hard limit allows: a flow with a
 * port of its own has one, and loses the port to others should they run short.
 */
#define PROBER_FILES_MAX 8192

/* One running trace: the real world's instance. */
struct trace {
	struct instance instance; /* first: algorithms hold a pointer to it */
	uint32_t id;
	struct prober *prober;
	struct prober_plan_family plan; /* as it was when this one was asked for */
	const struct transport *transport;
	struct layout layout;
	struct endpoint *endpoint; /* of flow 0 */
	struct tag_set *tags;      /* NULL: without tags */
	struct addr source;        /* ours, on the way to the target */
	uint16_t src_port;         /* of flow 0, where the protocol has ports */
	/*
	 * FLOW_BY_SRC_PORT: those of other flows; 0: not chosen yet. While descriptors
	 * last the endpoint is held too, or another program might take the port.
	 */
	struct trace_flow {
		uint16_t port;
		struct endpoint *endpoint;
		int64_t lost; /* since when another program has it; 0: none */
	} * flows;
	uint32_t flows_count;
	uint32_t next_number;
	uint64_t strays_before; /* the prober's, when it began */
	int64_t next_send;      /* pacing: not before, CLOCK_MONOTONIC, ns */
	bool in_line;           /* waits for the pace of all */
	TAILQ_ENTRY(trace) in_pace;
	struct timer timer;   /* what the algorithm asked for */
	struct timer retry;   /* when a send that had to wait is worth another try */
	struct timer timeout; /* of the whole trace */
	struct probe_list probes; /* all that the store holds */
	bool held; /* wants EVENT_TIMER when results, tags or the flow are free again */
	bool wants_tag;       /* ... because no tag was free */
	uint32_t ports_tried; /* for its endpoint: not to be had */
	int64_t longest_rtt;  /* of its answers, ns; 0: none */
	uint32_t mtu;         /* of the way out; 0: not known */
	int route_error;      /* -errno: why there is no way to the target */
	bool begun;           /* its algorithm has had EVENT_STARTED */
	bool finished;
	uint32_t owed; /* finished: probes of which the helper has yet to tell */
	/* The last thing reported, held back until it is known whether it is the end.
	 */
	bool has_report;
	struct prober_result report;
	UT_hash_handle hh;
	TAILQ_ENTRY(trace) in_ended;
};

/*
 * The rate of all traces together. Those that must wait for it stand in line, and each
 * gets its turn: one EVENT_TIMER.
 */
struct pace {
	int64_t gap;  /* between two probes, ns; 0: no limit */
	int64_t next; /* not before, CLOCK_MONOTONIC, ns */
	struct timer timer;
	TAILQ_HEAD(, trace) line;
	struct trace *turn; /* who may send now, if others stand in line */
};

struct prober {
	int epoll;
	struct channel channel; /* to the tool */
	bool watching_write;
	uint32_t transports_allowed; /* by the sandbox: bits of enum prober_transport */
	bool plan_known;
	struct prober_plan plan;
	struct tree *tree;
	struct store store;
	struct transports transports;
	struct helper helper;
	struct raw raw;
	struct timer_heap timers;
	struct pace pace;
	struct timer resume;       /* while a device takes no more */
	struct trace *traces;      /* by id */
	TAILQ_HEAD(, trace) ended; /* finished, to be freed */
	struct learned *learned;   /* what traces learn from those before */
	uint64_t random;
	uint32_t next_fragment; /* identification of the next IPv6 packet in pieces */
	uint64_t strays;        /* replies that fitted no probe */
	size_t held;            /* traces that wait for something to be released */
	bool released;          /* something that held traces wait for happened */
	bool greeted;           /* PROBER_HELLO was sent: it and its helper are ready */
	int error;              /* why the prober cannot go on; 0: it can */
};

/*
 * Prepares a prober around its end of the channel, for these transports (bits of enum
 * prober_transport). Returns 0 or -errno. Everything that needs calls outside of the
 * sandbox is done here.
 */
int prober_init(struct prober *p, int channel_fd, uint32_t transports);

/* Takes over the channel to the helper. 0 or -errno. */
int prober_use_helper(struct prober *p, int fd);

/* Takes over raw sockets, which were opened before. 0 or -errno. */
int prober_use_raw(struct prober *p, const struct raw_sockets *sockets);

/* Runs until the tool closes the channel: 0; or fails: -errno, having said why. */
int prober_run(struct prober *p);

/* Ends every trace without a word and frees everything. */
void prober_clear(struct prober *p);

/* ---- trace.c and deliver.c, for prober.c ---- */

/* Starts a trace; what is wrong with it is told to the tool as PROBER_DONE. */
void trace_start(struct prober *p, const struct prober_start *start);

/* Asks a trace to end. */
void trace_stop(struct trace *t, enum prober_reason reason);

/* Frees a trace and takes everything of it out of the store. */
void trace_free(struct trace *t);

/* Lets those that wait for the pace of all send, as far as it goes. */
void trace_pace_fire(struct timer *timer);

/* Gives every held trace its EVENT_TIMER. */
void trace_wake_held(struct prober *p);

/* What transports tell. */
extern const struct transport_events trace_transport_events;

/* Queues a message to the tool; what cannot be queued ends the prober. */
void prober_send(struct prober *p, uint8_t type, const void *body, size_t len);

/* Ends the prober with -errno after this wake-up, saying why on standard error. */
void prober_fail(struct prober *p, int error, const char *what);

#endif
