/*
 * ICMP extensions as traceroute(8) 2.1.6 -e prints them; 2.1.2 knows MPLS labels only.
 */
#ifndef TOOLS_SHARED_EXTENSION_TEXT_H
#define TOOLS_SHARED_EXTENSION_TEXT_H

#include "common/prober_messages.h"

#define EXTENSION_TEXT_MAX 4096

/*
 * What -e shows of a reply, without the angle brackets; empty when there is nothing.
 * Returns text (EXTENSION_TEXT_MAX bytes).
 */
const char *extension_text(const struct prober_result *m, char *text);

#endif
