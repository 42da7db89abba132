/*
 * A multipath graph for dot(1): nodes by hop, links with the number of their flows.
 */
#ifndef TOOLS_MDA_RENDER_DOT_H
#define TOOLS_MDA_RENDER_DOT_H

#include "tools/mda/findings.h"
#include "tools/shared/naming.h"
#include "tools/shared/output.h"

/* naming may be NULL. */
void graph_render_dot(
    const struct findings *f, const struct naming *naming, struct output *out);

#endif
