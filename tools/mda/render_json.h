/*
 * A multipath graph as one JSON object on one line: the whole graph and every probe.
 * The schema is ours and is documented in man/mda.1 (JSON OUTPUT); what is not known is
 * absent from it, never invented.
 */
#ifndef TOOLS_MDA_RENDER_JSON_H
#define TOOLS_MDA_RENDER_JSON_H

#include "tools/mda/findings.h"
#include "tools/shared/naming.h"
#include "tools/shared/output.h"

/* Grows whenever a consumer of the last one could misread a graph. */
#define GRAPH_JSON_SCHEMA_VERSION 1

/* naming may be NULL. failure: why the search broke off, or NULL. */
void graph_render_json(const struct findings *f, const struct naming *naming,
    const char *failure, struct output *out);

#endif
