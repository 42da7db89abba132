/*
 * A trace as a RIPE Atlas result of type traceroute, in the layout of firmware 5000 and
 * later, on one line, for those who read that already. It is no result of RIPE Atlas:
 * measurement and probe have the number 0. What is not known is left out; replies that
 * came late are, too, since "late" counts probes that are sent one after the other.
 */
#ifndef TOOLS_TRACEROUTE_RENDER_ATLAS_H
#define TOOLS_TRACEROUTE_RENDER_ATLAS_H

#include "tools/traceroute/renderer.h"

/* As renderer.h has it. */
void render_atlas(
    const struct record *t, const struct rendering *how, struct output *out);

#endif
