/*
 * What the tools' main functions share: from the options to the plan and the targets,
 * --help, --version and --explain. Used by the tools' main.c and by what they run.
 */
#ifndef TOOLS_SHARED_MEASUREMENT_H
#define TOOLS_SHARED_MEASUREMENT_H

#include <stdbool.h>

#include "common/addr.h"
#include "prober/plan.h"
#include "tools/shared/naming.h"
#include "tools/shared/output.h"
#include "tools/shared/prefixes.h"
#include "tools/shared/session.h"
#include "tools/shared/trace_options.h"

/* What a step returns when the next one may follow. */
#define GO_ON EXIT_REACHED

struct measurement {
	struct trace_options options;
	struct plan plan;
	struct prober_client prober; /* from measurement_start_prober on */
	struct naming_wishes wishes; /* likewise */
	struct name_cache names;
	struct output out;
	struct prefixes excluded; /* --exclude */
	/* The files of --targets and --resume; -1: none. */
	int targets;
	int resume;
	int interrupted; /* the signal that ended it; 0: none */
};

/*
 * Prepares the process and reads the options into a zeroed *m. When they ask for help
 * or the version, that is printed and *done is true: the status is the tool's. Else it
 * is GO_ON, or of a failure that was told. measurement_clear() is due in any case.
 */
enum exit_status measurement_begin(struct measurement *m, enum trace_program program,
    int argc, char **argv, bool *done);
void measurement_clear(struct measurement *m);

/* Makes the plan for both families. */
enum exit_status measurement_choose_plan(struct measurement *m);

/*
 * Leaves root, having started those servants that root's power is for: the prober and,
 * where the plan needs it, the helper. They wait for the target; nobody's word but the
 * user's has been read so far. With --explain nothing is started. Then the files that
 * the user names are opened, for which no root is needed.
 */
enum exit_status measurement_start_prober(struct measurement *m);

/*
 * Opens the files that the options name, and reads --exclude: after root was left,
 * since messages show what is in them, and not all whom sudo lets run this may read
 * all.
 */
enum exit_status measurement_open_files(struct measurement *m);

/* --explain: the families of the hosts, or both. */
enum exit_status measurement_explain(struct measurement *m);

/*
 * Whether the plan can do this address of a host, and the options allow it. GO_ON, or
 * the exit status with one line in error (TARGET_ERROR_MAX bytes).
 */
enum exit_status measurement_check_target(const struct measurement *m, const char *host,
    const struct addr *target, char *error);

/* For which family a name is looked up: the one that the source needs, too. */
uint32_t measurement_family(const struct measurement *m);

/*
 * The address of a host, checked; waits for its name. GO_ON, or the exit status with
 * one line in error (NAME_CACHE_ERROR_MAX bytes).
 */
enum exit_status measurement_look_up(
    struct measurement *m, const char *host, struct addr *target, char *error);

/* Likewise; fails after a line on standard error. */
enum exit_status measurement_find_target(
    struct measurement *m, const char *host, struct addr *target);

/*
 * For the trace: names, or NULL when none are wanted or none can be had; then why_not
 * (NAME_CACHE_ERROR_MAX bytes) says why, and else is empty. With for_hosts, when hosts
 * are still to be looked up, it is there with -n too, for those only.
 */
struct name_cache *measurement_names(
    struct measurement *m, bool for_hosts, char *why_not);

/*
 * How the prober is asked for the trace of one target, with the scope that -i stands
 * for.
 */
void measurement_scope_target(const struct measurement *m, struct prober_start *start);

/* 0 and 1, as in plans. */
static inline size_t
family_index(uint32_t family)
{
	return family == AF_INET ? 0 : 1;
}

#endif
