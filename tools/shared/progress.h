/*
 * How far a measurement is, on a terminal: one line on standard error, written over and
 * over and gone at the end. Used by the tools.
 *
 *     if (progress_is_due(&p, now))
 *             progress_show(&p, now, "hop %d", ttl);
 *     return p.next;
 */
#ifndef TOOLS_SHARED_PROGRESS_H
#define TOOLS_SHARED_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool on;
	bool shown;   /* there is a line to be wiped out */
	int64_t next; /* not before, CLOCK_MONOTONIC; INT64_MAX: it is off */
};

/*
 * Off unless standard error is a terminal, and standard output is one or a file: behind
 * a pipe there may be a program that has the terminal to itself.
 */
void progress_init(struct progress *p, bool quiet);

/* Whether it is time to show something: at most ten times a second. */
bool progress_is_due(const struct progress *p, int64_t now);

void progress_show(struct progress *p, int64_t now, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Wipes the line out, before anything else is printed. */
void progress_clear(struct progress *p);

#endif
