/*
 * How far a search is, on a terminal: one line on standard error, written over and over
 * and gone at the end.
 */
#ifndef TOOLS_MDA_PROGRESS_H
#define TOOLS_MDA_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/mda/multipath.h"

struct progress {
	bool on;
	bool shown;   /* there is a line to be wiped out */
	int64_t next; /* not before; CLOCK_MONOTONIC */
};

/* Off unless both standard output and standard error are terminals. */
void progress_init(struct progress *p, bool quiet);

/*
 * Shows the state of these searches, at most ten times a second. Returns when it wants
 * to be called again; INT64_MAX: it is off.
 */
int64_t progress_show(
    struct progress *p, const struct multipath *paths, size_t count, int64_t now);

/* Wipes the line out, before anything else is printed. */
void progress_clear(struct progress *p);

#endif
