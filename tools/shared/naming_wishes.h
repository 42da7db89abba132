/*
 * From the options and the environment to what paris-names is asked for. Used by the
 * tools, after they have left root: the files that the user names are opened here.
 */
#ifndef TOOLS_SHARED_NAMING_WISHES_H
#define TOOLS_SHARED_NAMING_WISHES_H

#include "tools/shared/naming.h"
#include "tools/shared/trace_options.h"

#define NAMING_WISHES_ERROR_MAX 512

/*
 * RA_SERVER and RA_SERVICE are read as traceroute(8) does. Returns 0, or -EINVAL with
 * one line in error (NAMING_WISHES_ERROR_MAX bytes); naming_wishes_clear() is due in
 * any case.
 */
int naming_wishes_prepare(
    struct naming_wishes *w, const struct trace_options *o, char *error);

/* Closes the files. Harmless on zeros. */
void naming_wishes_clear(struct naming_wishes *w);

#endif
