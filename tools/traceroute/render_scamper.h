/*
 * A trace as the trace object of scamper(1)'s JSON, on one line, for those who read
 * that already. What is not known is left out; so are all members that scamper itself
 * leaves out where it reads the socket's error queue as we do.
 */
#ifndef TOOLS_TRACEROUTE_RENDER_SCAMPER_H
#define TOOLS_TRACEROUTE_RENDER_SCAMPER_H

#include "tools/traceroute/renderer.h"

/* As renderer.h has it; the lines around are scamper_json.h's. */
void render_scamper(
    const struct record *t, const struct rendering *how, struct output *out);

#endif
