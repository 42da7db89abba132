/*
 * Probes: one question to the network each, with all that happened to it. A probe may
 * be several packets (fragments, repeats). Reference counted; the store holds one
 * reference while a reply could still come, an algorithm takes its own to keep one
 * longer.
 */
#ifndef PROBER_PROBE_H
#define PROBER_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/addr.h"
#include "common/hash.h"
#include "prober/packet.h"
#include "prober/timer.h"

struct endpoint;
struct instance;
struct tag_set;
struct watch;

enum probe_state {
	PROBE_QUEUED = 0, /* waits for the next batch */
	PROBE_IN_FLIGHT,
	PROBE_ANSWERED,
	PROBE_TIMED_OUT, /* a reply is late now */
	PROBE_FAILED,    /* never left */
};

/* What a reply that shows a tag is found by: never the tag alone. */
struct probe_key {
	const struct endpoint *endpoint; /* the socket, hence our address and port */
	const struct tag_set *tags;      /* which field carries the tag */
	uint64_t tag;
};

/* What quotes of its fragments are found by, without padding. */
struct probe_fragment_key {
	uint16_t family;
	uint16_t protocol; /* IPPROTO_* */
	uint32_t id;       /* identification */
};

struct probe {
	uint32_t refs;
	/* What the algorithm asked; `instance` is NULL once that has ended. */
	struct instance *instance;
	uint32_t number; /* in its instance, from 0 in sending order */
	uint32_t flow;
	uint16_t len; /* 0: that of the options */
	uint8_t ttl;
	uint8_t query;
	uint8_t state;     /* enum probe_state */
	uint8_t withdrawn; /* a reply that shows no tag is not taken for this one's */
	uint8_t extra_replies;    /* duplicates and late ones told so far */
	uint8_t sent_by_kernel;   /* `sent` is the kernel's stamp */
	uint8_t resent;           /* the kernel sent it again by itself */
	uint8_t waits_for_helper; /* it has one of HELPER_PROBES places */
	uint8_t handed; /* the helper has it and has not said yet that it left */
	/* What was sent, to whom. */
	struct packet *packets; /* as their layout has them */
	struct packet *wire;    /* what leaves instead, if that differs (wire.h) */
	struct packet *unsent;  /* of these, if some have left and the device is full */
	uint16_t fragments;     /* packets that it leaves in as fragments; 0: whole */
	uint16_t fragments_answered; /* further replies to them */
	struct addr via;      /* where that is sent to: a first gateway, or none */
	struct tag_set *tags; /* NULL: without a tag */
	uint32_t tag;
	struct endpoint *endpoint;
	struct watch *watch; /* its own socket while it is in flight, or NULL */
	struct addr dst;
	struct addr expects; /* who should answer: see struct probe_spec */
	uint16_t dst_port;
	uint16_t mss;   /* of a SYN that the kernel makes, if it was chosen, else 0 */
	int64_t sent;   /* CLOCK_REALTIME, ns; 0: not yet */
	int64_t queued; /* CLOCK_MONOTONIC, ns */
	int64_t held;   /* how long it was queued, if that is worth counting, ns */
	int64_t until;  /* deadline, CLOCK_MONOTONIC, ns; without `held` */
	int64_t until_max; /* the transport does not wait longer */
	/* Places where it is found. */
	struct timer timer;
	struct probe_key key;
	UT_hash_handle by_key;
	struct probe_fragment_key fragment; /* of one in fragments */
	UT_hash_handle by_fragment;
	struct bucket *bucket;
	TAILQ_ENTRY(probe)
	in_bucket; /* while it may answer for a reply without a tag */
	bool bucket_listed;
	TAILQ_ENTRY(probe) in_queue; /* of its endpoint, or of those to be used again */
	TAILQ_ENTRY(probe) in_instance;
};

TAILQ_HEAD(probe_list, probe);

/* A zeroed probe with one reference, or NULL. */
struct probe *probe_new(void);

/* Takes a reference and returns its argument. Overflow aborts. */
struct probe *probe_ref(struct probe *p);

/* Drops a reference; the last one drops the packets too. NULL is fine. */
void probe_unref(struct probe *p);

/* Probes alive now: 0 at a clean end. */
size_t probe_count(void);

/* Gives the free list back to the system. */
void probe_pool_clear(void);

#endif
