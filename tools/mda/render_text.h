/*
 * A multipath graph as text for people: hop by hop, branch by branch, then what was not
 * learned.
 */
#ifndef TOOLS_MDA_RENDER_TEXT_H
#define TOOLS_MDA_RENDER_TEXT_H

#include "tools/mda/findings.h"
#include "tools/shared/naming.h"
#include "tools/shared/output.h"

/* naming: NULL for addresses only; names that are not known by now are left out. */
void graph_render_text(
    const struct findings *f, const struct naming *naming, struct output *out);

#endif
