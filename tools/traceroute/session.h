/*
 * One trace from start to end: the event loop between paris-prober, paris-names, the
 * signals and standard output.
 */
#ifndef TOOLS_TRACEROUTE_SESSION_H
#define TOOLS_TRACEROUTE_SESSION_H

#include <stdbool.h>

#include "tools/shared/output.h"
#include "tools/shared/prober_client.h"
#include "tools/shared/trace_options.h"
#include "tools/traceroute/naming.h"
#include "tools/traceroute/record.h"
#include "tools/traceroute/render_text.h"

enum exit_status {
	EXIT_REACHED = 0,
	EXIT_NOT_REACHED = 1,
	EXIT_USAGE = 2,  /* or a name that cannot be resolved */
	EXIT_FAILED = 3, /* could not measure */
};

struct session {
	const struct trace_options *options;
	struct record record;
	struct prober_client prober;
	struct name_cache *names; /* NULL: -n */
	struct output *out;
	struct render_text text;
	int signals;         /* signalfd, -1 when not open */
	int interrupted;     /* the first signal that came; 0: none */
	int64_t stop_before; /* then: the prober has so long to stop; CLOCK_MONOTONIC */
	bool rendered;       /* everything is in `out` */
	char failure[PROBER_CLIENT_ERROR_MAX]; /* why the trace broke off */
	bool failure_told; /* the prober has said it on standard error */
};

/*
 * Prepares a session and starts its prober. options, names (NULL: no names) and out
 * must outlive it. Returns 0, or a negative after one line on standard error; then too,
 * session_end is to be called.
 */
int session_start(struct session *s, const struct trace_options *options,
    const struct addr *target, const struct prober_plan *plan, struct name_cache *names,
    struct output *out);

/*
 * Runs the trace and prints it. Returns the exit status. A second SIGINT, SIGTERM or
 * SIGHUP does not return: it kills the tool.
 */
enum exit_status session_run(struct session *s);

void session_end(struct session *s);

/* Ends the process as this signal would have. */
void session_die(int number);

#endif
