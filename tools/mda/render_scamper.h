/*
 * A multipath graph as the tracelb object of scamper(1)'s JSON, on one line, for those
 * who read that already.
 */
#ifndef TOOLS_MDA_RENDER_SCAMPER_H
#define TOOLS_MDA_RENDER_SCAMPER_H

#include <stdint.h>

#include "tools/mda/findings.h"
#include "tools/shared/naming.h"
#include "tools/shared/output.h"

/* The lines before and after all objects; times of CLOCK_REALTIME. */
void scamper_begin(int64_t began, struct output *out);
void scamper_end(int64_t ended, struct output *out);

/* naming may be NULL. */
void graph_render_scamper(
    const struct findings *f, const struct naming *naming, struct output *out);

#endif
