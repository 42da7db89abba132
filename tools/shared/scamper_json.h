/*
 * What all objects of scamper(1)'s JSON share, as sc_warts2json of scamper 20211212
 * writes it: the lines around them and the pieces that traces and graphs have in
 * common. Used by the tools' renderers.
 */
#ifndef TOOLS_SHARED_SCAMPER_JSON_H
#define TOOLS_SHARED_SCAMPER_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "common/prober_messages.h"
#include "tools/shared/json_builder.h"
#include "tools/shared/output.h"

/* The lines before and after all objects; times of CLOCK_REALTIME. */
void scamper_begin(int64_t began, struct output *out);
void scamper_end(int64_t ended, struct output *out);

/* {"sec","usec"} of CLOCK_REALTIME in ns. */
json_t *scamper_time(struct json_builder *b, int64_t at);

/* The same with "ftime", which is in local time. */
json_t *scamper_start(struct json_builder *b, int64_t at);

/* "icmpext": the objects of a reply's extensions. */
json_t *scamper_extensions(struct json_builder *b, const struct prober_result *m);

/* The TCP flags of the two answers that a port gives. */
int scamper_tcp_flags(uint8_t reply);

#endif
