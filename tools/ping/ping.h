/*
 * One ping from start to end: a job for tools/shared/session.h.
 */
#ifndef TOOLS_PING_PING_H
#define TOOLS_PING_PING_H

#include "common/addr.h"
#include "tools/shared/measurement.h"

/*
 * Pings target and prints it. Returns EXIT_REACHED, EXIT_NOT_REACHED (no answer, or too
 * few) or EXIT_FAILED.
 */
enum exit_status ping(struct measurement *m, const struct addr *target);

#endif
