/*
 * The words for rare cases: what a measurement met that an ordinary path does not show.
 * Each has one name, the same in json and in the manuals (RARE CASES), and a mark in
 * the text or a line on standard error. Used by the tools, which find them in their own
 * records.
 */
#ifndef TOOLS_SHARED_ANOMALY_H
#define TOOLS_SHARED_ANOMALY_H

#include <stdint.h>

#include "common/prober_messages.h"

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
	ANOMALY_TOS_CHANGED,       /* another TOS is quoted than was sent */
	ANOMALY_EXTENSIONS_BAD,    /* RESULT_EXTENSIONS_BAD */
	/* Of the trace. */
	ANOMALY_EARLY_END, /* a hop beyond the one that ended it is a router */
	ANOMALY_DUPLICATE,
	ANOMALY_LATE,
	ANOMALY_AMBIGUOUS,
	ANOMALY_LOST_HERE,
	ANOMALY_STRAY, /* replies that fitted no probe */
	/* Of a multipath graph. */
	ANOMALY_UNEQUAL,   /* one address at several hops: branches differ in length */
	ANOMALY_DISTANCES, /* the target at several hops */
	ANOMALY_UNREACHABLE, /* paths that end at a router that says so */
};

#define ANOMALIES (ANOMALY_UNREACHABLE + 1)

/* Its name in json: "several_addresses". */
const char *anomaly_name(enum anomaly a);

/* Its mark in the text, "[loop]", or NULL when it has none. */
const char *anomaly_mark(enum anomaly a);

/* Those that the prober tells in a result's flags, as bits 1 << enum anomaly. */
uint32_t anomalies_of_flags(const struct prober_result *m);

#endif
