/*
 * What kind of balancer a node is, as far as the record shows: flows that were asked
 * again at the hop behind it tell. Who hashes flows sends a flow the same way again;
 * who balances packets does not, now and then; and when the route changed during the
 * trace, all flows that change do so once, within one span of time.
 */
#ifndef TOOLS_MDA_BALANCE_H
#define TOOLS_MDA_BALANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/mda/multipath.h"

enum balance {
	BALANCE_NONE,     /* one successor, or none */
	BALANCE_UNTESTED, /* several, but no flow was asked again */
	BALANCE_FLOW,     /* no flow changed when it was asked again */
	/* Flows to one destination do not part, those to its neighbours do. */
	BALANCE_DESTINATION,
	BALANCE_PACKET,   /* flows changed to and fro */
	BALANCE_CHANGED,  /* the route changed during the trace */
	BALANCE_UNSTEADY, /* flows changed, too few to tell packets from route */
};

struct balances {
	uint8_t *kinds; /* enum balance, by vertex */
	/*
	 * By link: its ends were seen by different packets of a flow that is not sent
	 * the same way each time, so it may be none.
	 */
	bool *doubtful;
};

/* Of all vertices and links. Returns 0 or -ENOMEM. */
int balances_find(const struct multipath *t, struct balances *out);
void balances_clear(struct balances *b);

/* "per_flow": the word in json. */
const char *balance_name(enum balance b);

#endif
