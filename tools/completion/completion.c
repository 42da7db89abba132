#include "tools/completion/completion.h"

#include <errno.h>
#include <string.h>

#include "tools/shared/trace_values.h"

int
completion_init(struct completion *c, const char *name)
{
	static const struct {
		const char *name;
		enum trace_program program;
	} programs[] = {{"paris-traceroute", PROGRAM_TRACEROUTE}, {"mda", PROGRAM_MDA},
	    {"paris-ping", PROGRAM_PING}};

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (strcmp(programs[i].name, name) != 0)
			continue;
		*c = (struct completion){.name = name, .program = programs[i].program};
		c->count = trace_options_rows(c->program, c->rows);
		return 0;
	}
	return -EINVAL;
}

enum completion_value
completion_value_of(const struct completion *c, const struct option_spec *row)
{
	const char *words[TRACE_WORDS_MAX];

	if (row->argument == NULL)
		return VALUE_NONE;
	if (trace_value_words(row, c->program, words) != 0)
		return VALUE_WORDS;
	if (strstr(row->argument, "FILE") != NULL)
		return VALUE_FILE;
	if (strstr(row->argument, "DEVICE") != NULL)
		return VALUE_DEVICE;
	return VALUE_FREE;
}

void
completion_print_words(
    const struct completion *c, const struct option_spec *row, FILE *out)
{
	const char *words[TRACE_WORDS_MAX];
	size_t count = trace_value_words(row, c->program, words);

	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s%s", i == 0 ? "" : " ", words[i]);
}

void
completion_print_escaped(const char *text, size_t len, const char *special, FILE *out)
{
	for (size_t i = 0; i < len; i++) {
		if (strchr(special, text[i]) != NULL)
			fputc('\\', out);
		fputc(text[i], out);
	}
}

size_t
completion_summary(const struct option_spec *row)
{
	const char *colon = strstr(row->help, ": ");
	size_t len = strcspn(row->help, ";(");

	if (colon != NULL && (size_t)(colon - row->help) < len)
		len = (size_t)(colon - row->help);
	while (len > 0 && row->help[len - 1] == ' ')
		len--;
	return len;
}
