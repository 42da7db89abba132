/*
 * The options of one way to probe, -O: each protocol has its own, as modules of
 * traceroute(8) have. Used by trace_options.c once it is known which protocol was
 * asked for, since -O may come first.
 */
#ifndef TOOLS_SHARED_MODULE_OPTIONS_H
#define TOOLS_SHARED_MODULE_OPTIONS_H

#include <stdio.h>

#include "tools/shared/trace_options.h"

/*
 * Reads what was given to -O (o->module_options) into o. 0, or -EINVAL with one line in
 * error (OPTIONS_TEXT_MAX bytes). "help" sets o->help.
 */
int module_options_take(struct trace_options *o, char *error);

/* What -O has for the protocol of o, one row each. */
void module_options_print_help(const struct trace_options *o, FILE *out);

#endif
