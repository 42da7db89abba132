/*
 * --live: one path, traced round after round, shown on a terminal until a key or a
 * signal ends it; then its figures are printed.
 */
#ifndef TOOLS_LIVE_LIVE_H
#define TOOLS_LIVE_LIVE_H

#include "common/addr.h"
#include "tools/shared/measurement.h"

/*
 * Shows the path to target. Sets m->interrupted. Returns the exit status: EXIT_REACHED
 * when any round reached the target.
 */
enum exit_status live(struct measurement *m, const struct addr *target);

#endif
