/*
 * Options that contradict each other, or ask for what cannot be: told before anything
 * is done. Used by trace_options.c, which reads them.
 */
#ifndef TOOLS_SHARED_TRACE_CHECKS_H
#define TOOLS_SHARED_TRACE_CHECKS_H

#include "tools/shared/trace_options.h"

/* Returns 0, or -EINVAL with one line in error (OPTIONS_TEXT_MAX bytes). */
int trace_options_check(const struct trace_options *o, char *error);

#endif
