#include "tools/shared/origin_text.h"

#include <stdio.h>
#include <string.h>

#include "tools/shared/append.h"
#include "tools/shared/escape.h"

static void
append_as(char *text, const struct names_origin *o, bool with_name)
{
	char name[4 * NAMES_NAME_MAX + 1];

	if (o == NULL || o->status == NAMES_TIMEOUT || o->status == NAMES_FAILED) {
		append_text(text, ORIGIN_TEXT_MAX, " [!!]");
		return;
	}
	for (size_t i = 0; i < o->count; i++)
		append_text(text, ORIGIN_TEXT_MAX, "%sAS%u", i == 0 ? " [" : "/",
		    o->numbers[i]);
	if (o->count == 0)
		append_text(text, ORIGIN_TEXT_MAX, " [*");
	if (with_name && o->as_name[0] != '\0')
		append_text(text, ORIGIN_TEXT_MAX, " %s",
		    escape_phrase(o->as_name, name, sizeof(name)));
	append_text(text, ORIGIN_TEXT_MAX, "]");
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
		append_text(text, ORIGIN_TEXT_MAX, " [%s]",
		    origin != NULL && origin->country[0] != '\0' ? origin->country
								 : "*");
	return text;
}
