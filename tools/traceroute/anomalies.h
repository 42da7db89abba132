/*
 * Rare cases: what a trace met that an ordinary path does not show. Each has one name,
 * the same in json and in the manual (RARE CASES), and a mark in the text or a line on
 * standard error. They are found in the whole record, so the order in which replies
 * came does not matter, and nothing is named that the replies do not show.
 */
#ifndef TOOLS_TRACEROUTE_ANOMALIES_H
#define TOOLS_TRACEROUTE_ANOMALIES_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/traceroute/record.h"

enum anomaly {
	/* Of single replies to a query. The words of the first two are those of Viger
	 * et al., Computer Networks 52 (2008): the same address... */
	ANOMALY_LOOP = 0,          /* ... at the hop just before */
	ANOMALY_CYCLE,             /* ... at a lower hop, but not the one just before */
	ANOMALY_SEVERAL_ADDRESSES, /* one flow, but other addresses at one hop */
	ANOMALY_FROM_TARGET,       /* RESULT_FROM_TARGET */
	ANOMALY_OTHER_ADDRESS,     /* RESULT_OTHER_ADDRESS */
	ANOMALY_TRANSLATED,        /* RESULT_TRANSLATED */
	ANOMALY_ALTERED,           /* RESULT_ALTERED */
	ANOMALY_EXTENSIONS_BAD,    /* RESULT_EXTENSIONS_BAD */
	/* Of the trace. */
	ANOMALY_EARLY_END, /* a hop beyond the one that ended it is a router */
	ANOMALY_DUPLICATE,
	ANOMALY_LATE,
	ANOMALY_AMBIGUOUS,
	ANOMALY_LOST_HERE,
	ANOMALY_STRAY, /* replies that fitted no probe */
};

#define ANOMALIES (ANOMALY_STRAY + 1)

/* Its name in json: "several_addresses". */
const char *anomaly_name(enum anomaly a);

/* Its mark in the text, "[loop]", or NULL when it has none. */
const char *anomaly_mark(enum anomaly a);

/*
 * Those of one reply, as bits 1 << enum anomaly. Of a reply to a query (RESULT_REPLY)
 * they are complete as soon as the earlier queries of its hop and all of the lower hops
 * are known.
 */
uint32_t anomalies_of(const struct record *t, const struct prober_result *m);

/* One kind in a trace. */
struct anomaly_seen {
	uint32_t count;   /* replies; of ANOMALY_EARLY_END the routers' */
	uint64_t hops[4]; /* at which, as far as it is known: bit ttl % 64 of ttl / 64
			   */
};

/* All in a trace, by enum anomaly. */
void anomalies_find(const struct record *t, struct anomaly_seen found[ANOMALIES]);

bool anomaly_is_at(const struct anomaly_seen *seen, int ttl);

#endif
