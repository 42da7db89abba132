/*
 * One trace of one path, from start to end: a job for tools/shared/session.h.
 */
#ifndef TOOLS_TRACEROUTE_TRACE_H
#define TOOLS_TRACEROUTE_TRACE_H

#include "common/addr.h"
#include "tools/shared/measurement.h"

/*
 * Traces target, prints it and says on standard error what there is to say. Sets
 * m->interrupted. Returns the exit status.
 */
enum exit_status trace(struct measurement *m, const struct addr *target);

#endif
