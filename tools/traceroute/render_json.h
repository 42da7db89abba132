/*
 * A trace as one JSON object on one line, printed when the trace is over. The schema is
 * ours and is documented in man/paris-traceroute.1 (JSON OUTPUT); what is not known is
 * absent from it, never invented.
 */
#ifndef TOOLS_TRACEROUTE_RENDER_JSON_H
#define TOOLS_TRACEROUTE_RENDER_JSON_H

#include <stdbool.h>

#include "tools/shared/naming.h"
#include "tools/shared/output.h"
#include "tools/traceroute/record.h"

/* Grows whenever a consumer of the last one could misread a trace. */
#define JSON_SCHEMA_VERSION 1

/*
 * Prints the object. Returns true when done, false when names are still being looked up
 * (call again). naming may be NULL. failure: why the trace broke off, or NULL.
 */
bool render_json(const struct record *t, const struct naming *naming,
    const char *failure, struct output *out);

#endif
