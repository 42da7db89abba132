/*
 * Rare cases (tools/shared/anomaly.h) in a multipath graph: of each vertex, found in
 * the whole graph, so that the order of answers does not matter.
 */
#ifndef TOOLS_MDA_RARE_H
#define TOOLS_MDA_RARE_H

#include <stdint.h>

#include "tools/mda/multipath.h"
#include "tools/shared/anomaly.h"

/*
 * Bits 1 << enum anomaly by vertex: what its answers were flagged with; ANOMALY_LOOP
 * and ANOMALY_CYCLE when one flow saw its address at a lower hop as well;
 * ANOMALY_UNEQUAL when only other flows saw it at another hop; ANOMALY_DISTANCES,
 * ANOMALY_UNREACHABLE. figures are multipath_figures(). NULL: no memory. To be freed.
 */
uint32_t *rare_find(const struct multipath *t, const struct vertex_figures *figures);

#endif
