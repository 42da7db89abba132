/*
 * A ping as JSON objects, one a line: how it is done, what became of each packet as
 * soon as it is known, and the summary. The schema is ours and is documented in
 * man/paris-ping.1 (JSON OUTPUT); what is not known is absent from it.
 */
#ifndef TOOLS_PING_RENDER_JSON_H
#define TOOLS_PING_RENDER_JSON_H

#include <stdbool.h>

#include "tools/ping/record.h"
#include "tools/shared/naming.h"
#include "tools/shared/output.h"

/* Grows whenever a consumer of the last one could misread a ping. */
#define JSON_PING_VERSION 1

void ping_json_start(const struct ping_record *t, struct output *out);

/* naming may be NULL; names that are not known are left out. */
void ping_json_result(const struct ping_record *t, const struct prober_result *m,
    const struct naming *naming, struct output *out);

/* failure: why it broke off, or NULL. */
void ping_json_end(
    const struct ping_record *t, const char *failure, struct output *out);

#endif
