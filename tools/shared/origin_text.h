/*
 * Whose an address is, as the texts of all tools show it. Used by their renderers.
 */
#ifndef TOOLS_SHARED_ORIGIN_TEXT_H
#define TOOLS_SHARED_ORIGIN_TEXT_H

#include "tools/shared/naming.h"

/* Escaping makes at most four characters of a byte of the name. */
#define ORIGIN_TEXT_MAX (4 * NAMES_NAME_MAX + 16 * NAMES_AS_MAX + 32)

/*
 * " [AS64496/AS64497]" as traceroute(8) has it, "*" for an AS that nobody announces,
 * "!!" where that could not be learned; with --as-names " [AS64496 Example Ltd]"; and
 * with --country " [DE]", or "*". Empty when none of it was asked for. Returns text
 * (ORIGIN_TEXT_MAX bytes), and waits for nothing: what is open could not be learned.
 */
const char *origin_text(const struct naming *naming, const struct addr *a, char *text);

#endif
