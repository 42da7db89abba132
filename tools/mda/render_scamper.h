/*
 * A multipath graph as the tracelb object of scamper(1)'s JSON, on one line, for those
 * who read that already.
 */
#ifndef TOOLS_MDA_RENDER_SCAMPER_H
#define TOOLS_MDA_RENDER_SCAMPER_H

#include "tools/mda/findings.h"
#include "tools/shared/naming.h"
#include "tools/shared/output.h"

/* naming may be NULL. The lines around are scamper_json.h's. */
void graph_render_scamper(
    const struct findings *f, const struct naming *naming, struct output *out);

#endif
