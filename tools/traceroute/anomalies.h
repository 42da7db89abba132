/*
 * Rare cases (tools/shared/anomaly.h) in a trace. They are found in the whole record,
 * so the order in which replies came does not matter, and nothing is named that the
 * replies do not show.
 */
#ifndef TOOLS_TRACEROUTE_ANOMALIES_H
#define TOOLS_TRACEROUTE_ANOMALIES_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/shared/anomaly.h"
#include "tools/traceroute/record.h"

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
