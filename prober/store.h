/*
 * The probe store: every probe to which a reply could still come, under the keys by
 * which a reply can be recognised. Matching is O(1) and uses all that is visible: the
 * socket, the destination, the tag, and every quoted byte; never the tag alone. Another
 * destination is believed (address translation) when at least 32 bits that no other
 * probe has say whose reply it is: the destination itself is no secret.
 */
#ifndef PROBER_STORE_H
#define PROBER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prober/probe.h"
#include "prober/reply.h"
#include "prober/tag.h"

#define MATCH_MAX 512 /* candidates told of one reply */

/* A tag set in use, with those who share its values. */
struct store_tags {
	struct tag_set set;
	TAILQ_ENTRY(store_tags) next;
};

struct store {
	struct probe *by_key;
	struct probe *by_fragment; /* those in fragments, by identification */
	struct bucket *buckets;    /* by endpoint and destination */
	TAILQ_HEAD(, store_tags) tags;
	size_t count;
};

enum match_type {
	MATCH_NONE,    /* answers no probe that we know */
	MATCH_ONE,     /* probes[0], and no other */
	MATCH_SEVERAL, /* shows too little: any of probes */
};

struct match {
	enum match_type type;
	size_t count;
	struct probe *const *probes; /* valid until the next store_match */
	bool altered; /* MATCH_ONE: the quote differs from what was sent */
	/*
	 * MATCH_ONE: the probe's by its tag and all that is visible, but the reply says
	 * that it went to another address or port: r->dst and r->dst_port.
	 */
	bool elsewhere;
	bool alone; /* MATCH_ONE: shows no tag, but no other probe is waiting there */
	bool by_address; /* MATCH_ONE: shows no tag, but this probe expects its sender
			  */
};

void store_init(struct store *s);

/* The store must be empty of probes. */
void store_clear(struct store *s);

/*
 * The tag set of a field of a pattern, made at first use, shared by all who ask for the
 * same. NULL when memory is short or the field cannot carry a tag.
 */
struct tag_set *store_tag_set(struct store *s, const struct pattern *pattern,
    struct field_ref field, uint64_t seed);

/*
 * Adds a probe whose endpoint, dst, dst_port, tags, tag and packets are set; takes a
 * reference. Returns 0, -ENOMEM, or -EEXIST when its key is taken.
 */
int store_add(struct store *s, struct probe *p);

/* Removes a probe and drops the store's reference. */
void store_remove(struct store *s, struct probe *p);

/*
 * The probe is answered, or withdrawn: replies without a tag are not for it any more.
 */
void store_settle(struct probe *p);

/*
 * Whether a probe from this endpoint to dst and that port (0: any) is still to be
 * answered; those of one instance may be left out (NULL: of none).
 */
bool store_awaits(struct store *s, const struct endpoint *e, const struct addr *dst,
    uint16_t port, const struct instance *except);

/* Which probes a reply may answer. */
void store_match(struct store *s, const struct reply *r, struct match *out);

#endif
