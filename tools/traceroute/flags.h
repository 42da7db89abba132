/*
 * The words for what is to be said of one reply besides its numbers: what the prober
 * flagged, and rare cases. The same in all structured formats.
 */
#ifndef TOOLS_TRACEROUTE_FLAGS_H
#define TOOLS_TRACEROUTE_FLAGS_H

#include <stddef.h>

#include "tools/shared/anomaly.h"
#include "tools/traceroute/record.h"

#define FLAGS_MAX (4 + ANOMALIES)

/* Their names, "reached" first. Returns how many there are. */
size_t flags_of(const struct record *t, const struct prober_result *m,
    const char *names[FLAGS_MAX]);

#endif
