/*
 * What the options of a trace mean: as a request for a plan and as the start of the
 * trace. Used by the tools.
 */
#ifndef TOOLS_SHARED_TRACE_REQUEST_H
#define TOOLS_SHARED_TRACE_REQUEST_H

#include "common/addr.h"
#include "common/prober_messages.h"
#include "prober/plan.h"
#include "tools/shared/trace_options.h"

/*
 * What the plan must know. Fields that the user sets are told by the protocol tree's
 * masks. Returns 0 or -ENOMEM.
 */
int trace_request_plan(
    const struct trace_options *options, struct plan_request *request);

/*
 * Checks what cannot be told before the target is known. Returns 0, or -EINVAL with one
 * line in error (OPTIONS_TEXT_MAX bytes); -ENODEV when the interface is not there.
 */
int trace_request_check(
    const struct trace_options *options, const struct addr *target, char *error);

/* The trace of `target`, as the prober is asked for it. */
void trace_request_start(const struct trace_options *options, const struct addr *target,
    struct prober_start *start);

#endif
