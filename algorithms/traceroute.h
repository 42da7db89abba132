/*
 * The inside of all algorithms that trace one path, for the files that make it up:
 * traceroute.c asks, waits and knows when to stop; schedule.c says what to ask next;
 * untagged.c decides what may be asked together while replies may show no tag. Nobody
 * else includes it.
 */
#ifndef ALGORITHMS_TRACEROUTE_H
#define ALGORITHMS_TRACEROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "algorithms/asking.h"
#include "prober/algorithm.h"

/* Hops that are asked before anything shows that the path goes on. */
#define HOPS_AT_ONCE 16
#define ASK_AGAIN_MAX 4

enum slot_state {
	SLOT_NEW = 0,
	SLOT_AGAIN, /* a reply to it may have come, nobody knows: to be asked again */
	SLOT_OUT,   /* in flight */
	SLOT_ANSWERED,
	SLOT_LOST,
};

/* One query of one hop. */
struct slot {
	uint8_t state;
	uint8_t asked;
	bool careful;  /* was asked while careful */
	bool doubtful; /* SLOT_OUT: a reply came that may be its; silence is no loss */
	bool alone;    /* even so its reply could not be told: ask it alone */
	bool untagged; /* SLOT_ANSWERED: by a reply that shows no tag */
	uint32_t mtu;  /* what the path takes, if that was seen by this query; else 0 */
	struct probe *probe; /* referenced while SLOT_OUT */
	int64_t sent_at;     /* of the instance's clock */
	int64_t deadline;
	int64_t rtt; /* SLOT_ANSWERED */
	struct addr from;
	/* Who answered when it was asked before, as far as could be told ... */
	struct addr before;
	struct addr stale; /* ... if it was not a router of another hop */
};

struct schedule;

struct traceroute {
	const struct schedule *schedule;
	struct slot *slots; /* hop by hop, queries of a hop side by side */
	size_t count;
	size_t window; /* probes in flight, at most */
	size_t in_flight;
	size_t next;    /* one past the last slot ever asked */
	size_t open;    /* slots before it that are to be asked, or asked again */
	size_t settled; /* all slots before this one are answered or lost */
	/* schedule.c: */
	size_t reach;          /* slots from here on are not asked yet */
	size_t reach_unhinted; /* what it would be ... */
	bool hinted;           /* ... but for what earlier traces found */
	bool scouted;          /* the scout is back or lost, or was not needed */
	int64_t quiet_since;   /* silence counts from here, or from heard_at */
	struct addr aside;     /* who answered the scout */
	/* The core: */
	int64_t heard_at;  /* when the last reply came; 0: none yet */
	int64_t last_sent; /* when the last probe was sent */
	int64_t alarm;     /* what the instance's timer is set to */
	uint16_t len;    /* of packets; less than at first where the path takes less */
	uint8_t shrinks; /* how often that was seen */
	uint8_t end_ttl; /* lowest hop with a final reply; 0: none yet */
	bool end_reached;
	bool no_tags; /* the plan has none: one probe is out at a time */
	/* In-order count of silent hops, and of addresses that came back. */
	uint8_t gap;
	uint8_t loops;
	int64_t longest_rtt;
	/* untagged.c: */
	bool careful;     /* replies may show no tag: see untagged_pick() */
	bool closed;      /* ... and this will not change any more */
	bool duplicates;  /* some reply came twice */
	uint8_t company;  /* enum company: what is out */
	uint8_t burst;    /* hops asked together while nobody has answered at all */
	int64_t drain_to; /* nothing is sent until then, and what is out is given up */
	size_t untold;    /* replies meanwhile that nobody can claim */
	size_t others;    /* probes of other traces that those may answer */
};

static inline uint8_t
slot_ttl(const struct instance *i, size_t slot)
{
	return (uint8_t)(i->options.first_ttl + slot / i->options.queries);
}

static inline size_t
slot_of(const struct instance *i, uint8_t ttl, uint8_t query)
{
	return (size_t)(ttl - i->options.first_ttl) * i->options.queries + query;
}

/* The first slot of this slot's hop. */
static inline size_t
slot_hop(const struct instance *i, size_t slot)
{
	return slot - slot % i->options.queries;
}

static inline bool
slot_is_open(const struct slot *slot)
{
	return slot->state <= SLOT_AGAIN;
}

/* ---- traceroute.c ---- */

/* One past the last slot worth asking, as far as is known. */
size_t slots_end(const struct instance *i, const struct traceroute *t);

/* Whether this hop's address stood at a lower one, with another in between. */
bool hop_loops(const struct instance *i, const struct traceroute *t, size_t first);

/*
 * Whether a packet was too large for a link that takes this much, and is to be smaller
 * from now on (options.path_mtu). mtu 0: it was not that.
 */
bool path_takes_less(
    const struct instance *i, const struct traceroute *t, uint32_t mtu);

/* The slot's probe is no longer in flight. */
void slot_leave(struct traceroute *t, struct slot *slot, enum slot_state state);

/* ---- untagged.c ---- */

void untagged_start(struct instance *i, struct traceroute *t);

/* While careful: the slot before `end` that may be asked now, or t->count. */
size_t untagged_pick(const struct instance *i, struct traceroute *t, size_t end);

/* While not careful: whether the slot's hop answers without tag and one is out. */
bool untagged_must_wait(
    const struct instance *i, const struct traceroute *t, size_t slot);

/* Who will certainly answer this slot, when an untagged reply could be told by that. */
struct addr untagged_expects(
    const struct instance *i, const struct traceroute *t, size_t slot);

/* Whether the hop has a query that was given up: it is silent, or loses some. */
bool untagged_hop_lost(
    const struct instance *i, const struct traceroute *t, size_t slot);

/* struct algorithm's. */
bool untagged_doubts(
    const struct instance *i, const void *state, const struct reply_view *v);

/* A reply to this slot's probe; returns result flags. */
uint16_t untagged_reply(
    struct traceroute *t, struct slot *slot, const struct reply_view *v);

/* A reply that fits several probes. */
void untagged_ambiguous(
    struct instance *i, struct traceroute *t, const struct event *event);

/* Takes a slot's probe back; the query is asked again, or counts as lost. */
void untagged_give_up(struct instance *i, struct traceroute *t, size_t s);

/* After each event: whether what was waited for is over. */
void untagged_check(struct instance *i, struct traceroute *t);

/* When untagged_on_timer() is due; INT64_MAX: never. */
int64_t untagged_alarm(const struct traceroute *t);
void untagged_on_timer(struct instance *i, struct traceroute *t);

#endif
