/*
 * Errors and warnings about a topology file, and those that only the whole file shows.
 * Used by topology.c only.
 */
#ifndef FAKEROUTE_TOPOLOGY_LINT_H
#define FAKEROUTE_TOPOLOGY_LINT_H

#include <stdbool.h>
#include <stdio.h>

#include "tools/fakeroute/topology.h"

/* Where messages go, and what they are about. */
struct topology_log {
	struct topology *t;
	const char *name; /* of the file */
	FILE *messages;   /* NULL: nowhere, only counted */
	bool out_of_memory;
};

/* "FILE:LINE: error: ..."; counted in the topology. */
void topology_fail(struct topology_log *log, unsigned int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void topology_warn(struct topology_log *log, unsigned int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Repeated links and addresses; when there are no errors, also loops, what nobody
 * reaches, and families. line: the last of the file.
 */
void topology_lint(struct topology_log *log, unsigned int line);

#endif
