/*
 * What a person should know beyond traceroute's text, on standard error: why the target
 * was not reached and what was odd. Nothing at all on an ordinary trace.
 */
#ifndef TOOLS_TRACEROUTE_NOTES_H
#define TOOLS_TRACEROUTE_NOTES_H

#include "tools/traceroute/record.h"

/*
 * Logs the notes of a trace that has ended with its PROBER_DONE; each names the host if
 * it is one among others.
 */
void notes_print(const struct record *t, bool among_others);

#endif
