/*
 * A multipath graph in the text of the first Paris traceroute, the one in C++ whose
 * algorithm for all paths was "exhaustive", for programs that read that text: a header
 * with ports and duration, then a line a hop with how many flows were answered there
 * and asked, and every interface with its flows and times. Nothing else goes to `out`.
 * paris-traceroute(1) describes it, and says where it differs.
 */
#ifndef TOOLS_MDA_RENDER_EXHAUSTIVE_H
#define TOOLS_MDA_RENDER_EXHAUSTIVE_H

#include "tools/mda/findings.h"
#include "tools/shared/naming.h"
#include "tools/shared/output.h"

/*
 * naming: NULL for addresses only; a name that is not known by now is the address.
 * Returns 0 or -ENOMEM.
 */
int graph_render_exhaustive(
    const struct findings *f, const struct naming *naming, struct output *out);

#endif
