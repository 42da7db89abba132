/*
 * The event loop of a tool that measures: between paris-prober, paris-names, the
 * signals and standard output. What is measured is the job's business, which the loop
 * reaches through a few calls; one prober may run many instances for it.
 */
#ifndef TOOLS_SHARED_SESSION_H
#define TOOLS_SHARED_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/shared/naming.h"
#include "tools/shared/output.h"
#include "tools/shared/prober_client.h"

enum exit_status {
	EXIT_REACHED = 0,
	EXIT_NOT_REACHED = 1,
	EXIT_USAGE = 2,  /* or a name that cannot be resolved */
	EXIT_FAILED = 3, /* could not measure */
};

struct session;

/*
 * While more than this waits for the reader of the output, the prober's results are
 * left alone, which makes it hold its probes back.
 */
#define SESSION_PENDING_MAX ((size_t)64 << 10)

/* What a session works for. */
struct session_job {
	/* Take what the prober says; as struct prober_events. */
	int (*started)(void *job, const struct prober_started *m);
	int (*result)(void *job, const struct prober_result *m);
	int (*done)(void *job, const struct prober_done *m);
	/* True when no more results will come. */
	bool (*is_over)(const void *job);
	/* The prober went away: is_over() is true from here on. */
	void (*broken)(void *job);
	/*
	 * Told whenever something has happened, before render: begins what can begin
	 * now. NULL: all was begun at the start.
	 */
	void (*go_on)(void *job);
	/*
	 * What it wants to read, to know what else to begin; it is told by go_on when
	 * that can be read. -1, or NULL: nothing.
	 */
	int (*input)(const void *job);
	/*
	 * Prints what can be printed now; a job that may have much to print stops at
	 * SESSION_PENDING_MAX, and goes on next time. Returns true when all is in the
	 * session's output, the last newline included.
	 */
	bool (*render)(void *job, const struct session *s);
	/*
	 * Told whenever something has happened, on time at `now` (CLOCK_MONOTONIC), to
	 * show how far it is. Returns when it wants to be told again at the latest;
	 * INT64_MAX: not before something happens. NULL: it shows nothing.
	 */
	int64_t (*progress)(void *job, int64_t now);
	/* SIGQUIT came: say where it stands. NULL: that signal kills the tool. */
	void (*status)(void *job);
	/* It goes on without end: names are forgotten when there are too many. It keeps
	 * none from one call to the next. */
	bool endless;
};

struct session {
	const struct session_job *job;
	void *context; /* the job's */
	struct prober_client *prober;
	struct name_cache *names; /* NULL: none are looked up */
	struct output *out;
	int signals;         /* signalfd, -1 when not open */
	int interrupted;     /* the first signal that came; 0: none */
	int64_t stop_before; /* then: the prober has so long to stop; CLOCK_MONOTONIC */
	int64_t progress_at; /* when the job wants to show how far it is */
	bool rendered;       /* everything is in `out` */
	char failure[PROBER_CLIENT_ERROR_MAX]; /* why the job broke off */
	bool failure_told; /* the prober has said it on standard error */
};

/*
 * Prepares a session and gives its prober, which runs already and ends with it, its
 * plan and the traces. All pointers but starts must outlive it; names may be NULL.
 * Returns 0, or a negative after one
 * line on standard error; then too, session_end is to be called.
 */
int session_start(struct session *s, const struct session_job *job, void *context,
    struct prober_client *prober, const struct prober_plan *plan,
    const struct prober_start *starts, size_t count, struct name_cache *names,
    struct output *out);

/*
 * Runs until all is rendered and written. Returns 0, or a negative after one line on
 * standard error when nothing more can be written. A second SIGINT, SIGTERM or SIGHUP
 * does not return: it kills the tool.
 */
int session_run(struct session *s);

/* Why the job broke off, or NULL. */
const char *session_failure(const struct session *s);

/* Says so on standard error, unless the prober has. Returns whether it broke off. */
bool session_tell_failure(const struct session *s);

/* Asks who a result is from: that may be known when it is printed. */
void session_ask_name(const struct session *s, const struct prober_result *m);

/* Where names come from; NULL: nowhere. */
const struct naming *session_naming(const struct session *s);

void session_end(struct session *s);

/* Ends the process as this signal would have. */
void session_die(int number);

/* The exit status of a trace that ended by itself. */
enum exit_status session_status(const struct prober_done *done);

#endif
