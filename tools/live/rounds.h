/*
 * What many traces of one path, round after round, come to, hop by hop: figures for the
 * live view. Pure: no clock, no input, no output.
 */
#ifndef TOOLS_LIVE_ROUNDS_H
#define TOOLS_LIVE_ROUNDS_H

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/prober_messages.h"

/* Addresses of one hop that are told apart; a liar has no more. */
#define ROUNDS_ADDRESSES 8
#define ROUNDS_HOPS 256 /* by TTL */

struct rounds_address {
	struct addr addr;
	uint32_t count; /* of its replies */
};

struct rounds_hop {
	uint32_t sent;     /* probes of which it is known what became of them */
	uint32_t received; /* of them, late answers included */
	uint32_t duplicates;
	uint32_t
	    timed; /* replies with a round trip time, of which all of this is; ns */
	int64_t last;
	int64_t best;
	int64_t worst;
	int64_t sum;
	int64_t changes; /* sum of the differences from one to the next */
	struct rounds_address addresses[ROUNDS_ADDRESSES]; /* the commonest first */
	uint32_t addresses_count;
	uint32_t others; /* replies from further addresses */
};

struct rounds {
	struct rounds_hop hops[ROUNDS_HOPS];
	uint8_t first; /* TTL */
	uint8_t end;   /* where the latest round that came to an end did; 0: none did */
	uint8_t highest; /* hop that answered */
	uint32_t done;   /* rounds */
	uint32_t reached;
};

void rounds_init(struct rounds *r, uint8_t first);

/* Takes a result or the end of a round's instance. Other rounds may be on their way. */
void rounds_take_result(struct rounds *r, const struct prober_result *m);
void rounds_take_done(struct rounds *r, const struct prober_done *m);

/* The last hop to show; below `first` when there is none yet. */
int rounds_last(const struct rounds *r);

/* Probes without an answer, in tenths of a percent; 0 when none was sent. */
uint32_t rounds_loss(const struct rounds_hop *h);

/* Mean round trip time, and mean difference of two in a row, ns; -1: not known. */
int64_t rounds_mean(const struct rounds_hop *h);
int64_t rounds_jitter(const struct rounds_hop *h);

#endif
