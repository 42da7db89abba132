/*
 * A ping as iputils ping prints it, line by line, for other protocols in the same
 * shape. Nothing is kept: who calls sees to the order and to the names.
 */
#ifndef TOOLS_PING_RENDER_TEXT_H
#define TOOLS_PING_RENDER_TEXT_H

#include <stdbool.h>

#include "tools/ping/record.h"
#include "tools/shared/naming.h"
#include "tools/shared/output.h"

/* "PING host (address) 56(84) bytes of data.", once the record has started. */
void ping_text_start(const struct ping_record *t, struct output *out);

/* Whether there is a line about this result. */
bool ping_text_shows(const struct prober_result *m);

/*
 * The line about one that has. naming may be NULL: addresses only. stamp: -D, the time
 * of day in ns; 0: none.
 */
void ping_text_result(const struct ping_record *t, const struct prober_result *m,
    const struct naming *naming, int64_t stamp, struct output *out);

/* The statistics, when the record is over. */
void ping_text_end(const struct ping_record *t, struct output *out);

/* What SIGQUIT asks for: one line; into buf (PING_STATUS_MAX bytes). */
#define PING_STATUS_MAX 200
void ping_text_status(const struct ping_record *t, char *buf);

#endif
