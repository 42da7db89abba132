/*
 * Tag sets: values of one tag field on one pattern, unique among all probes in flight
 * in this prober, whatever instance sent them. A value that was given back rests before
 * it is used again, so that a late reply finds no new owner.
 */
#ifndef PROBER_TAG_H
#define PROBER_TAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "prober/tree.h"

/* How long a value rests, ns; longer than any reply is waited for by default. */
#define TAG_REST (INT64_C(10) * 1000000000)

struct tag_set {
	const struct pattern *pattern;
	struct field_ref field;
	const struct tag_field *rule;
	uint32_t next;    /* next value never used so far */
	uint32_t unused;  /* how many of these are left */
	struct tag_rest { /* values at rest, oldest first, in a ring */
		uint32_t value;
		int64_t since;
	} * resting;
	size_t room;
	size_t first;
	size_t count;
};

/*
 * Prepares a set. seed chooses its first value, so that two runs on one machine do not
 * start alike. Returns 0, or -EINVAL when the field cannot carry a tag.
 */
int tag_set_init(struct tag_set *s, const struct pattern *pattern,
    struct field_ref field, uint64_t seed);

void tag_set_clear(struct tag_set *s);

/*
 * Begins with `value` if it was never used (a first sequence number, as traceroute -p).
 */
void tag_set_start_at(struct tag_set *s, uint32_t value);

/*
 * Takes a value. Returns 0, or -EAGAIN when all are in use or at rest; then *retry is
 * the time when the next one is free (INT64_MAX: as soon as one is given back).
 */
int tag_set_take(struct tag_set *s, int64_t now, uint32_t *value, int64_t *retry);

/* Whether the value is one that the set may hand out. */
bool tag_set_has(const struct tag_set *s, uint32_t value);

/*
 * Gives a value back. Returns 0, or -ENOMEM: then it is simply never used again. One
 * that is not of the set is forgotten.
 */
int tag_set_give(struct tag_set *s, int64_t now, uint32_t value);

#endif
