/*
 * A trace as one JSON object on one line, printed when the trace is over. The schema is
 * ours and is documented in man/paris-traceroute.1 (JSON OUTPUT); what is not known is
 * absent from it, never invented.
 */
#ifndef TOOLS_TRACEROUTE_RENDER_JSON_H
#define TOOLS_TRACEROUTE_RENDER_JSON_H

#include "tools/traceroute/renderer.h"

/* Grows whenever a consumer of the last one could misread a trace. */
#define JSON_SCHEMA_VERSION 1

/* Prints the object of a trace that is over; as renderer.h has it. */
void render_json(
    const struct record *t, const struct rendering *how, struct output *out);

#endif
