/*
 * Building JSON objects member by member, with the conventions of our schemas: texts
 * from outside are escaped here, times are RFC 3339, a failed allocation is remembered.
 * Used by the tools' renderers.
 */
#ifndef TOOLS_SHARED_JSON_BUILDER_H
#define TOOLS_SHARED_JSON_BUILDER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "tools/shared/output.h"

struct json_builder {
	bool failed; /* memory was short: what was built is not complete */
};

/* Each adds one member; value is taken over, NULL counts as a failure. */
void json_put(struct json_builder *b, json_t *object, const char *key, json_t *value);
void json_put_number(
    struct json_builder *b, json_t *object, const char *key, int64_t value);

/* value units of 1/scale, as a number with decimals. */
void json_put_scaled(struct json_builder *b, json_t *object, const char *key,
    int64_t value, int64_t scale);

/* A text from anywhere, made harmless here and nowhere else. */
void json_put_text(
    struct json_builder *b, json_t *object, const char *key, const char *text);

/* Numeric; "no address" adds nothing. */
void json_put_addr(
    struct json_builder *b, json_t *object, const char *key, const struct addr *a);

/*
 * CLOCK_REALTIME in ns as RFC 3339 in UTC with nanoseconds, which no number of JSON
 * could hold.
 */
void json_put_time(struct json_builder *b, json_t *object, const char *key, int64_t at);

/* Prints root on one line of printable ASCII and releases it. */
void json_print(struct json_builder *b, json_t *root, struct output *out);

#endif
