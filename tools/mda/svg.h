/*
 * A multipath graph as a drawing, made by Graphviz: dot(1) is run by the tool itself,
 * which holds no privilege, never by a process in a sandbox.
 */
#ifndef TOOLS_MDA_SVG_H
#define TOOLS_MDA_SVG_H

#include <stdbool.h>

#include "tools/mda/findings.h"
#include "tools/shared/naming.h"
#include "tools/shared/output.h"

#define SVG_DOT "/usr/bin/dot"

/* Whether there is a dot to run: SVG_DOT, or one in PATH. */
bool svg_is_possible(void);

/*
 * Draws the graph. Returns 0, or a negative after one line on standard error. Waits for
 * dot, and kills it as soon as `signals`, a signalfd, has something to be read.
 */
int svg_draw(const struct findings *f, const struct naming *naming, int signals,
    struct output *out);

#endif
