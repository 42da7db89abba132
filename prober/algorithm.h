/*
 * The interface that algorithms implement and the only things they may call. An
 * algorithm sees its instance, never a socket, a packet or the machine's clock, so the
 * same file runs against the world and against a model network on a virtual clock
 * (tests/support/model.h). Adding one: a file in algorithms/ and a line in its table.
 */
#ifndef PROBER_ALGORITHM_H
#define PROBER_ALGORITHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/prober_messages.h"
#include "prober/probe.h"

struct instance;

/*
 * What an algorithm wants sent; all that it does not name is its instance's business.
 */
struct probe_spec {
	uint32_t flow; /* which flow: 0 is the one of --flow-id, 1 the next ... */
	uint8_t ttl;
	uint8_t query; /* returned in the probe; means what the algorithm likes */
	uint16_t len;  /* of the packet, if less than that of the options; 0: that */
	/*
	 * Also while other probes of this instance and flow are on their way and its
	 * flow_window is 1: the algorithm sees to it that replies can be told apart, or
	 * takes EVENT_AMBIGUOUS for it.
	 */
	bool together;
	/*
	 * Who answers there, when that is certain and no other hop has this address, or
	 * when the same query was answered by it before; else none. When exactly one
	 * probe in flight expects the sender of a reply that shows no tag, the reply is
	 * taken for that probe's and has RESULT_BY_ADDRESS.
	 */
	struct addr expects;
};

enum event_type {
	EVENT_STARTED,     /* first event; nothing in the union */
	EVENT_REPLY,       /* reply.probe has been answered */
	EVENT_TIMEOUT,     /* probe: was not answered until its deadline */
	EVENT_SEND_FAILED, /* failed.probe never left the machine */
	EVENT_DUPLICATE,   /* a further reply to reply.probe */
	EVENT_LATE, /* a reply after its EVENT_TIMEOUT, or after it was withdrawn */
	EVENT_AMBIGUOUS, /* a reply that fits several probes, told in ambiguous */
	EVENT_TIMER,     /* the instance's timer has run out */
	EVENT_STOPPED,   /* must end now: report what is known, then finish(stopped) */
};

/* A reply as algorithms see it. */
struct reply_view {
	struct probe *probe; /* the store's; take probe_ref() to keep it */
	/* Filled but for what the algorithm knows. */
	const struct prober_result *result;
	/* Shows no tag: taken for this probe's because no other is waiting. */
	bool alone;
};

struct event {
	enum event_type type;
	union {
		struct reply_view reply; /* EVENT_REPLY, EVENT_DUPLICATE, EVENT_LATE */
		struct probe *probe;     /* EVENT_TIMEOUT */
		struct {
			struct probe *probe;
			int error; /* errno */
			/* EMSGSIZE: what our own link takes; 0: not known. */
			uint32_t mtu;
		} failed;
		struct {
			/*
			 * Still unanswered probes that it may answer; none is resolved.
			 */
			struct probe *const *probes;
			size_t count;
			/* Probes of other instances in flight that it may answer. */
			size_t others;
			const struct prober_result *result;
		} ambiguous;
		enum prober_reason stopped; /* REASON_INTERRUPTED or REASON_TIMED_OUT */
	};
};

struct algorithm {
	const char *name;    /* as the user types it */
	const char *summary; /* one line for --help */
	bool flow_constant; /* keeps flow_id constant: its tag cannot be a flow field */
	bool multipath;    /* asks many flows: its results make a graph, not one path */
	bool pings;        /* asks the target alone, at one TTL: there is no path */
	size_t state_size; /* bytes of state, zeroed, that the instance keeps for it */
	/* The one handler. Must not call back into itself; may end with
	 * instance_finish. */
	void (*handle)(struct instance *i, void *state, const struct event *event);
	/*
	 * Whether a reply that is `alone` may be another probe's all the same (a router
	 * that was heard before: a duplicate?). Then it comes as EVENT_AMBIGUOUS
	 * instead of EVENT_REPLY or EVENT_LATE, and the probe is waited for as before.
	 * NULL: never.
	 */
	bool (*doubts)(const struct instance *i, const void *state,
	    const struct reply_view *reply);
	/*
	 * Frees what the state holds; called once, after instance_finish or on abort.
	 */
	void (*clear)(struct instance *i, void *state);
	/* For files that implement several: what makes this one of them. */
	const void *variant;
};

/* Every algorithm there is, NULL at the end. Defined in algorithms/table.c. */
extern const struct algorithm *const algorithm_table[];

/* The algorithm of that name, or NULL. */
const struct algorithm *algorithm_find(const char *name);

/*
 * Where an instance's answers come from: the prober (instance.c) or a model network.
 * All times are nanoseconds of one clock that never goes back.
 */
struct instance_world {
	int64_t (*now)(struct instance *i);
	uint64_t (*random)(struct instance *i);
	int (*send)(struct instance *i, const struct probe_spec *spec, int64_t wait,
	    struct probe **out);
	void (*set_deadline)(struct instance *i, struct probe *p, int64_t at);
	void (*withdraw)(struct instance *i, struct probe *p);
	void (*set_timer)(struct instance *i, int64_t at);
	void (*report)(struct instance *i, const struct prober_result *result);
	void (*finish)(struct instance *i, enum prober_reason reason, uint8_t end_ttl);
};

/*
 * What earlier instances of this world found, for an algorithm to ask the right things
 * first. It may be old, of a neighbour, or made of lies: it may decide what is asked
 * and when, at the cost of probes and time; never what is an answer, a silence or the
 * end, nor how long an answer is waited for.
 */
struct instance_hints {
	/* Hops to the target, or to others of its prefix; 0: not known. */
	uint8_t distance;
	bool tags_shown; /* replies on the way there showed every tag */
	int64_t rtt;     /* ns, the longest of the way there; 0: not known */
};

/* What every world keeps at the front of its instance. */
struct instance {
	const struct instance_world *world;
	const struct algorithm *algorithm;
	void *state;
	struct prober_start options;
	/*
	 * Routers may quote too little to show the tag: only the first reply tells
	 * whether probes of one flow in flight together can be told apart.
	 */
	bool quotes_may_be_short;
	/*
	 * Probes of one flow that may be in flight; 0: no limit. 1 from the first reply
	 * on that shows no tag.
	 */
	uint16_t flow_window;
	struct instance_hints hints;
	/*
	 * Counters; algorithms add to `reasked` only. After EVENT_SEND_FAILED error and
	 * detail say why, until the algorithm that goes on all the same clears them.
	 */
	struct prober_done done;
};

/* The time now, ns. */
static inline int64_t
instance_now(struct instance *i)
{
	return i->world->now(i);
}

/* 64 random bits, from the instance's own seeded generator. */
static inline uint64_t
instance_random(struct instance *i)
{
	return i->world->random(i);
}

/*
 * Sends a probe that waits at most `wait` ns for its answer. Returns 0 and, in *out
 * (may be NULL), the probe, which the store holds while it is in flight. -EAGAIN: not
 * now (tags or descriptors are all in use, or the reader of results is slow);
 * EVENT_TIMER comes when it is worth trying again. Any other error ends the instance by
 * itself.
 */
static inline int
instance_send(
    struct instance *i, const struct probe_spec *spec, int64_t wait, struct probe **out)
{
	return i->world->send(i, spec, wait, out);
}

/* Moves the deadline of a probe in flight to `at`, earlier or later. */
static inline void
instance_set_deadline(struct instance *i, struct probe *p, int64_t at)
{
	i->world->set_deadline(i, p, at);
}

/*
 * Gives a probe up: there is no EVENT_TIMEOUT for it any more, and a reply that shows
 * no tag is not taken for its answer. A reply that shows its tag comes as EVENT_LATE.
 */
static inline void
instance_withdraw(struct instance *i, struct probe *p)
{
	i->world->withdraw(i, p);
}

/* Asks for one EVENT_TIMER at `at`; a second call moves it, INT64_MAX cancels it. */
static inline void
instance_set_timer(struct instance *i, int64_t at)
{
	i->world->set_timer(i, at);
}

/* Sends a result record up to the tool. The record is copied; never lost. */
static inline void
instance_report(struct instance *i, const struct prober_result *result)
{
	i->world->report(i, result);
}

/*
 * The last call: nothing more is sent, and no event comes after this handler returns.
 */
static inline void
instance_finish(struct instance *i, enum prober_reason reason, uint8_t end_ttl)
{
	i->world->finish(i, reason, end_ttl);
}

#endif
