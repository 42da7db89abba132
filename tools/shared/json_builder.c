#include "tools/shared/json_builder.h"

#include <errno.h>
#include <string.h>

#include "common/names_messages.h"
#include "tools/shared/escape.h"
#include "tools/shared/time_text.h"

/* Escaping makes at most three bytes (U+FFFD) of one. */
#define TEXT_MAX (3 * NAMES_NAME_MAX + 1)

/* Enough digits for a nanosecond in an hour, few enough to print 0.1 as 0.1. */
#define DUMP_FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15))

void
json_put(struct json_builder *b, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) != 0)
		b->failed = true;
}

void
json_put_number(struct json_builder *b, json_t *object, const char *key, int64_t value)
{
	json_put(b, object, key, json_integer(value));
}

void
json_put_scaled(struct json_builder *b, json_t *object, const char *key, int64_t value,
    int64_t scale)
{
	json_put(b, object, key, json_real((double)value / (double)scale));
}

void
json_put_text(struct json_builder *b, json_t *object, const char *key, const char *text)
{
	char escaped[TEXT_MAX];

	json_put(
	    b, object, key, json_string(escape_json(text, escaped, sizeof(escaped))));
}

void
json_put_addr(
    struct json_builder *b, json_t *object, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	if (!addr_is_none(a))
		json_put(b, object, key, json_string(addr_to_text(a, text)));
}

void
json_put_time(struct json_builder *b, json_t *object, const char *key, int64_t at)
{
	char text[TIME_TEXT_MAX];

	if (time_text(at, text)[0] != '\0')
		json_put(b, object, key, json_string(text));
}

/* jansson leaves DEL alone, which is a control character all the same. */
static int
dump_piece(const char *data, size_t len, void *context)
{
	const char *del;

	while ((del = memchr(data, 0x7f, len)) != NULL) {
		output_write(context, data, (size_t)(del - data));
		output_write(context, "\\u007F", 6);
		len -= (size_t)(del - data) + 1;
		data = del + 1;
	}
	output_write(context, data, len);
	return 0;
}

void
json_print(struct json_builder *b, json_t *root, struct output *out)
{
	if (root == NULL || b->failed ||
	    json_dump_callback(root, dump_piece, out, DUMP_FLAGS) != 0)
		out->error = -ENOMEM;
	output_write(out, "\n", 1);
	json_decref(root);
}
