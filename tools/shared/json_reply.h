/*
 * What a reply tells, as members of a JSON object, the same in all schemas of ours.
 */
#ifndef TOOLS_SHARED_JSON_REPLY_H
#define TOOLS_SHARED_JSON_REPLY_H

#include <jansson.h>

#include "common/prober_messages.h"
#include "tools/shared/json_builder.h"

/* A part of a packet: "offset" and "length". */
json_t *json_fragment(struct json_builder *b, const struct prober_fragment *f);

/* From "from" to "extensions"; what is not known is left out. */
void json_put_reply(
    struct json_builder *b, json_t *object, const struct prober_result *m);

#endif
