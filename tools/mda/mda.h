/*
 * Finding all paths to one or more hosts, from start to end: a job for
 * tools/shared/session.h. Used by mda and by paris-traceroute -a mda.
 */
#ifndef TOOLS_MDA_MDA_H
#define TOOLS_MDA_MDA_H

#include <stddef.h>

#include "common/addr.h"
#include "tools/shared/measurement.h"

/*
 * Resolves the hosts of the options, searches, prints. All share one prober, its tags
 * and its rate; each is printed as soon as it and those before it are done. Sets
 * m->interrupted. Returns the exit status: the worst of all hosts'.
 */
enum exit_status mda_run(struct measurement *m);

#endif
