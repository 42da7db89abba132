/*
 * The value of --fragment: how a probe is split, as the user writes it. Only the words:
 * what becomes of a packet is prober/fragments.h.
 *
 *     FRAGMENT[,FRAGMENT]...[;order=ORDER][;repeat=N]
 *
 * A FRAGMENT is LENGTH, which begins where the one before it ends, or OFFSET+LENGTH;
 * both count bytes behind the IP header, and OFFSET is a multiple of 8. So is LENGTH,
 * but for one that ends with the packet. What is behind the last byte of all is one
 * fragment more. ORDER is first-last, last-first, or numbers from 1, separated by
 * commas: those fragments first, as they stand, then the others.
 */
#ifndef TOOLS_SHARED_FRAGMENT_SPEC_H
#define TOOLS_SHARED_FRAGMENT_SPEC_H

#include "common/prober_messages.h"
#include "tools/shared/options.h"

/*
 * Reads it. 0, or -EINVAL with what would have been right in expected
 * (OPTIONS_TEXT_MAX bytes): it goes behind "'TEXT' is not ".
 */
int fragment_spec_parse(const char *text, struct prober_split *out, char *expected);

#endif
