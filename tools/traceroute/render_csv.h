/*
 * Traces as comma-separated values (RFC 4180): a header, then a line for each probe of
 * the path (none past its end), which repeats what is known of its trace; a trace
 * without probes has one line all the same. The columns are documented in
 * man/paris-traceroute.1; what is not known is empty. No field can be taken for a
 * formula (tools/shared/escape.h).
 */
#ifndef TOOLS_TRACEROUTE_RENDER_CSV_H
#define TOOLS_TRACEROUTE_RENDER_CSV_H

#include <stdint.h>

#include "tools/traceroute/renderer.h"

/* The line of column names; began is not looked at. */
void render_csv_begin(int64_t began, struct output *out);

/* As renderer.h has it. */
void render_csv(
    const struct record *t, const struct rendering *how, struct output *out);

#endif
