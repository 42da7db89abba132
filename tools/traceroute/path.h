/*
 * One host from the list to its last line of output. Used by trace.c, which says when
 * what happens.
 */
#ifndef TOOLS_TRACEROUTE_PATH_H
#define TOOLS_TRACEROUTE_PATH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/hash.h"
#include "tools/shared/measurement.h"
#include "tools/traceroute/record.h"
#include "tools/traceroute/render_text.h"

enum path_state {
	PATH_RESOLVING, /* its address is being looked up */
	PATH_READY,     /* ... and is known */
	PATH_RUNNING,   /* from here on there is a record */
	PATH_OVER,
};

struct path {
	uint32_t number; /* in the order of the list; its instance and its question */
	char *host;
	size_t line; /* in the file of targets; 0: of the command line */
	enum path_state state;
	struct addr target; /* PATH_READY */
	struct record record;
	struct render_text text; /* for text that is printed as it comes */
	TAILQ_ENTRY(path) in_all;
	TAILQ_ENTRY(path) in_state; /* waits to be begun, or to be printed */
	UT_hash_handle hh;
};

TAILQ_HEAD(path_list, path);

/* NULL when memory is short. */
struct path *path_new(uint32_t number, const char *host, size_t line);
void path_free(struct path *p);

/*
 * Prepares the record and the request. The record's plan, and naming, stay the
 * measurement's. Returns 0 or -ENOMEM.
 */
int path_prepare(struct path *p, struct measurement *m, const struct naming *naming,
    struct prober_start *start);

#endif
