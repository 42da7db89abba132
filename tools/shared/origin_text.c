#include "tools/shared/origin_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/shared/escape.h"

/* Appends to a text of ORIGIN_TEXT_MAX bytes. */
static void append(char *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
append(char *text, const char *format, ...)
{
	size_t len = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + len, ORIGIN_TEXT_MAX - len, format, args);
	va_end(args);
}

static void
append_as(char *text, const struct names_origin *o, bool with_name)
{
	char name[4 * NAMES_NAME_MAX + 1];

	if (o == NULL || o->status == NAMES_TIMEOUT || o->status == NAMES_FAILED) {
		append(text, " [!!]");
		return;
	}
	for (size_t i = 0; i < o->count; i++)
		append(text, "%sAS%u", i == 0 ? " [" : "/", o->numbers[i]);
	if (o->count == 0)
		append(text, " [*");
	if (with_name && o->as_name[0] != '\0')
		append(text, " %s", escape_phrase(o->as_name, name, sizeof(name)));
	append(text, "]");
}

const char *
origin_text(const struct naming *naming, const struct addr *a, char *text)
{
	const struct names_origin *origin;

	text[0] = '\0';
	(void)naming_origin(naming, a, &origin);
	if (naming == NULL)
		return text;
	if (naming->shows_as)
		append_as(text, origin, naming->shows_as_names);
	if (naming->shows_country)
		append(text, " [%s]",
		    origin != NULL && origin->country[0] != '\0' ? origin->country
								 : "*");
	return text;
}
