/*
 * Running the traces: many at a time in one prober, begun as the hosts become known and
 * printed as they end. Used by the tool's main function.
 */
#ifndef TOOLS_TRACEROUTE_TRACE_H
#define TOOLS_TRACEROUTE_TRACE_H

#include "common/addr.h"
#include "tools/shared/measurement.h"

/*
 * Traces the one host of the options, whose address is known and checked; or, without
 * an address (NULL), all hosts of the options, and those of m->targets but for those of
 * m->resume. Returns the worst exit status.
 */
enum exit_status trace(struct measurement *m, const struct addr *target);

#endif
